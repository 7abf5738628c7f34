import io
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from pipeline.common.errors import UserError
from pipeline.data import archives, sources
from pipeline.data.fetching import (
    HubLayout,
    Places,
    check_counts,
    check_parts,
    fetch,
    find_named,
    only_folder,
    unpacked,
)
from tests.hub_server import COMMIT, serve

HUB = {"repository": "owner/toy", "revision": COMMIT}
NAMES = {"train": "train", "dev": "validation", "test": "test"}
ROWS = {"train": 3, "dev": 2, "test": 1}


def names(language, split):
    """Where the toy's files may lie."""
    return [f"{split}-{language}.txt", f"{language}/{split}.txt", f"data/{language}/{split}-*.txt"]


def find(folder, language, splits, work):
    return find_named(folder, language, splits, names, ("ay", "gn", "qu"))


def count(files, split):
    """A row a line; a file that says `broken` is malformed."""
    text = "".join(file.read_text() for file in files)
    if "broken" in text:
        raise UserError(f"{files[0]}: malformed")
    return len(text.splitlines())


def places(**changes):
    given = {
        "loader": "toy",
        "splits": ("train", "dev", "test"),
        "find": find,
        "count": count,
        "expected": ROWS,
        "hub": HubLayout(lambda language: language, NAMES, (".txt",)),
    }
    return Places(**(given | changes))


def spec(language="qu", **options):
    return {"language": language, "loader": "toy", **options}


def content(split, rows=ROWS):
    return "".join(f"{split} {i}\n" for i in range(rows[split]))


def put(folder, pattern="{split}-qu.txt", rows=ROWS, called=None):
    """Write the toy's three files below `folder`."""
    for split in rows:
        path = folder / pattern.format(split=(called or {}).get(split, split))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content(split, rows))
    return folder


def read(obtained):
    return {split: "".join(file.read_text() for file in files) for split, files in obtained.files.items()}


WHOLE = {split: content(split) for split in ROWS}


@pytest.fixture
def work(tmp_path):
    """A download's working folder, `<dataset>/<language>/.partial`."""
    return tmp_path / "raw" / "toy-1" / "qu" / ".partial"


@pytest.fixture
def server(tmp_path, monkeypatch):
    root = tmp_path / "served"
    (root / "datasets/owner/toy").mkdir(parents=True)
    monkeypatch.setattr(sources.time, "sleep", lambda seconds: None)
    with serve(root) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


# ------------------------------------------------------------------------------------------------------- mirror and folder


def test_the_mirrors_folder_is_called_as_the_loader_or_otherwise(tmp_path, work):
    put(tmp_path / "mirror" / "toy")
    found = fetch(places(), spec(sources=["mirror"]), work, tmp_path / "mirror", None)
    assert read(found) == WHOLE and found.source.where == str(tmp_path / "mirror" / "toy")
    with pytest.raises(UserError, match=r"mirror \(.*/mirror/called\): no such folder"):
        fetch(places(mirror="called"), spec(sources=["mirror"]), work, tmp_path / "mirror", None)
    put(tmp_path / "mirror" / "called")
    assert read(fetch(places(mirror="called"), spec(sources=["mirror"]), work, tmp_path / "mirror", None)) == WHOLE


def test_each_source_says_what_it_lacks(tmp_path, work):
    wanted = spec(sources=["mirror", "folder", "hub", "archive"])
    with pytest.raises(UserError) as error:
        fetch(places(), wanted, work, None, tmp_path / "nowhere")
    assert str(error.value).split("\n")[:5] == [
        "toy qu: no source worked",
        "  mirror (not set): no path is given; set `mirror: PATH`",
        f"  folder ({tmp_path}/nowhere): no such folder",
        "  hub (not set): no repository is given; set `hub: {repository: owner/name, revision: COMMIT}`",
        "  archive (not set): no archive is known; set `archive: {url: ADDRESS}`",
    ]


def test_a_dataset_says_itself_why_a_source_cannot_be_used(tmp_path, work):
    missing = {"hub": "withdrawn; use a folder", "archive": "never published"}
    with pytest.raises(UserError) as error:
        fetch(places(hub=None, missing=missing), spec(hub=HUB), work, None, None)
    assert f"hub (owner/toy@{COMMIT}): withdrawn; use a folder" in str(error.value)
    assert "archive (not set): never published" in str(error.value)  # hub and archive are tried without `sources`
    with pytest.raises(UserError, match=r"this dataset is on no hub"):
        fetch(places(hub=None), spec(sources=["hub"], hub=HUB), work, None, None)


def test_an_unknown_source_is_named(work):
    with pytest.raises(UserError, match=r"sources: unknown source 'miror'; did you mean 'mirror'"):
        fetch(places(), spec(sources=["miror"]), work, None, None)


def test_malformed_files_fall_back_to_the_next_source(tmp_path, work):
    put(tmp_path / "mirror" / "toy")
    (tmp_path / "mirror/toy/dev-qu.txt").write_text("broken\n")
    found = fetch(places(), spec(sources=["mirror", "folder"]), work, tmp_path / "mirror", put(tmp_path / "own"))
    assert found.source.kind == "folder" and read(found) == WHOLE
    assert found.failures[0][0] == "mirror" and "dev-qu.txt: malformed" in found.failures[0][2]


def test_only_the_splits_that_are_needed_are_sought_and_counted(tmp_path, work):
    folder = put(tmp_path / "own")
    (folder / "dev-qu.txt").unlink()
    (folder / "test-qu.txt").write_text("broken\n")
    found = fetch(places(splits=("train",)), spec(sources=["folder"]), work, None, folder)
    assert list(found.files) == ["train"]


# ----------------------------------------------------------------------------------------------------------------- counts


def test_counts_are_those_known_or_the_configs(tmp_path, work):
    folder = put(tmp_path / "own", rows={"train": 4, "dev": 2, "test": 1})
    with pytest.raises(UserError) as error:
        fetch(places(), spec(sources=["folder"]), work, None, folder)
    advice = "if your copy is meant to differ, set expected: {qu: {train: 4}}"
    assert f"train holds 4 examples, expected 3; {advice}" in str(error.value)
    expected = {"qu": {"train": 4, "dev": None}, "gn": {"test": 100}}
    assert fetch(places(), spec(sources=["folder"], expected=expected), work, None, folder).notes == []
    with pytest.raises(UserError, match=r"dev holds 2 examples, expected 9"):
        fetch(places(), spec(sources=["folder"], expected={"qu": {"train": 4, "dev": 9}}), work, None, folder)
    for nothing in ({}, None, {"gn": {"train": 7}}, {"qu": None}):
        with pytest.raises(UserError, match=r"train holds 4 examples, expected 3"):
            fetch(places(), spec(sources=["folder"], expected=nothing), work, None, folder)


def test_unknown_counts_are_noted(tmp_path, work):
    found = fetch(places(expected={"dev": 2}), spec(sources=["folder"]), work, None, put(tmp_path / "own"))
    assert found.notes == [
        "train: 3 examples, not checked: no count is known for 'qu'",
        "test: 1 examples, not checked: no count is known for 'qu'",
    ]


@pytest.mark.parametrize(
    ("counts", "expected", "override", "says"),
    [
        ({"train": 3}, {"train": 3}, {}, []),
        ({"train": 3}, {"train": 9, "dev": 1}, {"train": 3}, []),
        ({"train": 0}, {}, {"train": 0}, []),
        ({"train": 12_345}, {}, {}, ["train: 12,345 examples, not checked: no count is known for 'qu'"]),
    ],
)
def test_what_counts_say(counts, expected, override, says):
    assert check_counts("qu", counts, expected, override) == says


def test_every_wrong_count_is_told():
    with pytest.raises(UserError) as error:
        check_counts("qu", {"train": 1_000, "dev": 2, "test": 3}, {"train": 2_000, "dev": 2, "test": 4}, {})
    assert str(error.value) == (
        "train holds 1,000 examples, expected 2,000; test holds 3 examples, expected 4; if your copy is meant to differ, set "
        "expected: {qu: {train: 1000, test: 3}}"
    )


# ------------------------------------------------------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    "files",
    [
        ["train.txt"],
        ["train-00000-of-00001.txt"],
        ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
        ["train-of-thought.txt", "labels.txt"],
        ["train-1-of-3.txt"],  # not the hub's way
        [],
    ],
)
def test_whole_splits(files):
    check_parts("train", [Path(name) for name in files])


@pytest.mark.parametrize(
    "files",
    [
        ["train-00001-of-00002.parquet"],
        ["train-00000-of-00003.parquet", "train-00002-of-00003.parquet"],
        ["train-00000-of-00001.parquet", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet"],
        ["train-00001-of-00002.parquet", "train-00000-of-00002.parquet"],
        ["train-00000-of-00001.parquet", "train.parquet"],
        ["train-00000-of-00001.parquet", "train-00000-of-00001.parquet"],
        ["train-00000-of-00000.parquet"],
    ],
)
def test_parts_that_make_no_whole_are_refused(files):
    with pytest.raises(
        UserError, match=rf"train is in parts, but has {files[0]}.*; expected each of one whole's \d parts"
    ):
        check_parts("train", [Path(name) for name in files])


def test_a_missing_part_is_refused_where_no_count_would_tell(tmp_path, work):
    folder = put(tmp_path / "own", "data/qu/{split}-00001-of-00002.txt")
    with pytest.raises(UserError, match=r"train is in parts, but has train-00001-of-00002.txt; expected each"):
        fetch(places(expected={}), spec(sources=["folder"]), work, None, folder)


# -------------------------------------------------------------------------------------------------------------------- hub


def on_hub(server, *pairs):
    for path, text in pairs:
        file = server.folder / "datasets/owner/toy" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_a_folder_for_each_language(server, work):
    on_hub(server, ("README.md", "card"), ("gn/train.txt", "x"))
    put(server.folder / "datasets/owner/toy", "qu/{split}.txt", called=NAMES)
    found = fetch(places(), spec(hub=HUB), work, None, None)
    assert read(found) == WHOLE
    assert (found.source.kind, found.source.where) == ("hub", f"owner/toy@{COMMIT}")
    with pytest.raises(UserError, match=r"no files for language 'qo'; did you mean 'qu'\?; available: gn, qu"):
        fetch(places(), spec("qo", hub=HUB), work, None, None)


def test_folders_of_languages_below_another(server, work):
    put(server.folder / "datasets/owner/toy", "data/qu/{split}.txt", called=NAMES)
    layout = HubLayout(lambda language: f"data/{language}", NAMES, (".txt",))
    assert read(fetch(places(hub=layout), spec(hub=HUB), work, None, None)) == WHOLE
    with pytest.raises(UserError, match=r"no files for language 'qo'; did you mean 'qu'\?; available: qu"):
        fetch(places(hub=layout), spec("qo", hub=HUB), work, None, None)


def test_all_at_the_root(server, work):
    put(server.folder / "datasets/owner/toy", "{split}.txt", called=NAMES)
    on_hub(server, ("README.md", "card"), ("train/deep.txt", "x"), ("trainer.txt", "x"), ("train.txt.gz", "x"))
    layout = HubLayout(lambda language: None, NAMES, (".txt",))
    assert read(fetch(places(hub=layout), spec("any", hub=HUB), work, None, None)) == WHOLE


def test_a_folder_that_is_no_language(server, work):
    put(server.folder / "datasets/owner/toy", "plain_text/{split}.txt", called=NAMES)
    layout = HubLayout(lambda language: "plain_text", NAMES, (".txt",), by_language=False)
    assert read(fetch(places(hub=layout), spec("en", hub=HUB), work, None, None)) == WHOLE
    gone = HubLayout(lambda language: "plain", NAMES, (".txt",), by_language=False)
    with pytest.raises(UserError, match=rf"owner/toy@{COMMIT}/plain: .*404"):
        fetch(places(hub=gone), spec("en", hub=HUB), work, None, None)


def test_parts_come_in_order_and_must_be_all(server, work):
    on_hub(
        server,
        *(("qu/train-00001-of-00002.txt", "train 2\n"), ("qu/train-00000-of-00002.txt", "train 0\ntrain 1\n")),
        *(("qu/validation-00000-of-00001.txt", content("dev")), ("qu/test.txt", content("test"))),
    )
    assert read(fetch(places(), spec(hub=HUB), work, None, None)) == WHOLE
    (server.folder / "datasets/owner/toy/qu/train-00000-of-00002.txt").unlink()
    with pytest.raises(
        UserError, match=r"train is in parts, but has train-00001-of-00002.txt; expected each of one whole's 2"
    ):
        fetch(places(expected={}), spec(hub=HUB), work, None, None)


def test_the_first_ending_that_is_there_is_taken_alone(server, work):
    put(server.folder / "datasets/owner/toy", "qu/{split}.csv", called=NAMES)
    on_hub(server, ("qu/train.txt", "other\n"), ("qu/train.csv.bak", "x"))
    for endings, first in (((".csv", ".txt"), "train 0\n"), ((".txt", ".csv"), "other\n")):
        layout = HubLayout(lambda language: language, NAMES, endings)
        found = fetch(places(hub=layout, expected={}), spec(hub=HUB), work, None, None)
        assert len(found.files["train"]) == 1 and read(found)["train"].startswith(first)
        assert read(found)["dev"] == content("dev")  # each split for itself


def test_a_split_that_the_hub_lacks_is_named_with_what_is_there(server, work):
    on_hub(server, ("qu/train.txt", "x\n"), ("qu/validation.json", "x\n"))
    with pytest.raises(UserError, match=r"no files qu/validation\*.txt; it has qu/train.txt, qu/validation.json"):
        fetch(places(), spec(hub=HUB), work, None, None)
    on_hub(server, *((f"qu/other-{i:02}.txt", "x") for i in range(40)))
    with pytest.raises(UserError, match=r"it has qu/other-00.txt, .* … \(42 in all\)"):
        fetch(places(), spec(hub=HUB), work, None, None)


def test_a_repository_for_each_language(server, work):
    put(server.folder / "datasets/owner/toy_qu", "{split}.txt", called=NAMES)
    layout = HubLayout(lambda language: None, NAMES, (".txt",))
    hub = {"repository": "owner/toy_{language}", "revision": COMMIT}
    found = fetch(places(hub=layout), spec(hub=hub), work, None, None)
    assert read(found) == WHOLE and found.source.where == f"owner/toy_qu@{COMMIT}"
    with pytest.raises(UserError, match=r"owner/toy_gn@.*Repository Not Found"):
        fetch(places(hub=layout), spec("gn", hub=hub), work, None, None)


@pytest.mark.parametrize("hub", [{}, {"repository": "owner/toy"}, {"revision": COMMIT}])
def test_half_an_address_is_none(work, hub):
    with pytest.raises(
        UserError, match=r"no repository is given; set `hub: \{repository: owner/name, revision: COMMIT\}`"
    ):
        fetch(places(), spec(sources=["hub"], hub=hub), work, None, None)


def test_a_hub_with_other_counts_is_passed_over(server, tmp_path, work):
    put(server.folder / "datasets/owner/toy", "qu/{split}.txt", rows={"train": 1, "dev": 2, "test": 1}, called=NAMES)
    found = fetch(places(), spec(sources=["hub", "folder"], hub=HUB), work, None, put(tmp_path / "own"))
    assert found.source.kind == "folder" and "train holds 1 examples, expected 3" in found.failures[0][2]
    assert not (work / "hub").exists()  # what failed the check is not kept


# --------------------------------------------------------------------------------------------------------------- archives


def pack(path, members):
    """Write a zip or a gzipped tar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for name, text in members.items():
                zipped.writestr(name, text)
        return path
    with tarfile.open(path, "w:gz") as tar:
        for name, text in members.items():
            data = text if isinstance(text, bytes) else text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def members(pattern="{split}-qu.txt"):
    return {pattern.format(split=split): content(split) for split in ROWS}


def archived(server, name="toy.zip", **more):
    return spec(sources=["archive"], archive={"url": f"{server.url}/files/{name}", **more})


@pytest.mark.parametrize("name", ["toy.zip", "toy.tar.gz", "TOY.ZIP", "toy", "toy.zip?download=1"])
@pytest.mark.parametrize(
    "inside",
    [
        "{split}-qu.txt",
        "qu/{split}.txt",
        "Toy-1.0/{split}-qu.txt",
        "Toy-1.0/qu/{split}.txt",
        "a/b/data/qu/{split}-all.txt",
    ],
)
def test_archives_of_any_kind_and_depth(server, work, name, inside):
    zipped = name.lower().startswith("toy.zip")
    made = pack(server.folder / ("made.zip" if zipped else "made.tar.gz"), members(inside))
    made.rename(server.folder / name.partition("?")[0])
    assert read(fetch(places(), archived(server, name), work, None, None)) == WHOLE


def test_hidden_files_beside_the_only_folder_do_not_count(server, work):
    more = {"__MACOSX/._train": "x", ".DS_Store": "x", "Toy/.hidden": "x"}
    pack(server.folder / "toy.zip", members("Toy/{split}-qu.txt") | more)
    assert read(fetch(places(), archived(server), work, None, None)) == WHOLE


def test_the_original_address_serves_where_no_other_is_given(server, work):
    pack(server.folder / "toy.zip", members())
    found = fetch(places(archive=f"{server.url}/files/toy.zip"), spec(sources=["archive"]), work, None, None)
    assert read(found) == WHOLE and found.source.where == f"{server.url}/files/toy.zip"


def test_an_archive_of_all_languages_is_kept_and_one_of_another_address_is_not_taken_for_it(server, work):
    pack(server.folder / "toy.zip", members() | {"train-gn.txt": "g\n"})
    pack(server.folder / "other/toy.zip", {name: text.replace(" ", "_") for name, text in members().items()})
    for language, splits in (("qu", tuple(ROWS)), ("gn", ("train",)), ("qu", tuple(ROWS))):
        own = work.parents[1] / language / ".partial"
        fetch(places(splits=splits, expected={}), archived(server) | {"language": language}, own, None, None)
    assert [path for _, path, _ in server.log] == ["/files/toy.zip"]
    other = fetch(places(), archived(server, "other/toy.zip"), work, None, None)
    assert read(other)["test"] == "test_0\n"


def test_a_language_that_an_archive_lacks(server, work):
    pack(server.folder / "toy.zip", members("Toy/{split}-qu.txt") | {"Toy/train-gn.txt": "x\n"})
    with pytest.raises(UserError, match=r"no files for language 'ay'; valid: gn, qu"):
        fetch(places(), archived(server) | {"language": "ay"}, work, None, None)
    with pytest.raises(
        UserError, match=r"no dev nor test file for language 'gn'; expected dev: dev-gn.txt or gn/dev.txt"
    ):
        fetch(places(), archived(server) | {"language": "gn"}, work, None, None)
    assert len(server.log) == 1  # the archive is whole, so it is kept


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-30]), r"not a whole zip archive"),
        (lambda path: path.write_text("<html>sorry</html>"), r"not a whole zip archive"),
        (lambda path: pack(path, {"../escaped": "x"}), r"'../escaped' would be written outside its folder"),
    ],
)
def test_a_broken_archive_is_fetched_anew_next_time(server, work, spoil, says):
    path = pack(server.folder / "toy.zip", members())
    whole = path.read_bytes()
    spoil(path)
    with pytest.raises(UserError, match=says):
        fetch(places(), archived(server), work, None, None)
    assert not [file for file in work.parents[1].rglob("toy.zip") if file.is_file()]
    path.write_bytes(whole)
    assert read(fetch(places(), archived(server), work, None, None)) == WHOLE
    assert [path for _, path, _ in server.log] == ["/files/toy.zip"] * 2


def test_an_archive_with_another_hash_is_refused_and_a_kept_one_of_another_fetched_anew(server, work):
    pack(server.folder / "toy.zip", members())
    with pytest.raises(UserError, match=r"toy.zip: sha256 is [0-9a-f]{64}, expected 00ff"):
        fetch(places(), archived(server, sha256="00ff"), work, None, None)
    fetch(places(), archived(server), work, None, None)
    pack(server.folder / "toy.zip", members() | {"new": "x"})
    right = sources.sha256_file(server.folder / "toy.zip")
    fetch(places(), archived(server, sha256=right), work, None, None)
    assert len(server.log) == 3


def test_two_languages_at_once_download_once(server, work):
    pack(server.folder / "toy.zip", members() | {name.replace("qu", "gn"): text for name, text in members().items()})
    found = {}

    def one(language):
        own = work.parents[1] / language / ".partial"
        found[language] = read(fetch(places(), archived(server) | {"language": language}, own, None, None))

    threads = [threading.Thread(target=one, args=(language,)) for language in ("qu", "gn")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"qu": WHOLE, "gn": WHOLE} and len(server.log) == 1


# ------------------------------------------------------------------------------------- archives of languages' own archives

MEMBER = "{language}.tar.gz"


def find_in_tar(folder, language, splits, work):
    """As WikiAnn: a language's files lie in `<language>.tar.gz`, or below the folder itself."""
    packed = folder / f"{language}.tar.gz"
    if packed.is_file():
        archives.unpack_tar(packed, work / "own")
        return find(work / "own", language, splits, work)
    return find(folder, language, splits, work)


def tar_bytes(tmp_path, pattern="{split}-qu.txt"):
    return pack(tmp_path / "made.tar.gz", members(pattern)).read_bytes()


def nested(**changes):
    return places(find=find_in_tar, member=MEMBER, **changes)


def test_a_zip_of_languages_archives(server, tmp_path, work):
    pack(server.folder / "toy.zip", {"toy/qu.tar.gz": tar_bytes(tmp_path), "toy/gn.tar.gz": b"x", "README": "x"})
    assert read(fetch(nested(), archived(server), work, None, None)) == WHOLE
    with pytest.raises(UserError, match=r"no files for language 'ay'; valid: gn, qu"):
        fetch(nested(), archived(server) | {"language": "ay"}, work, None, None)


def test_a_languages_own_archive(server, tmp_path, work):
    (server.folder / "toy-qu.tgz").write_bytes(tar_bytes(tmp_path))
    found = fetch(nested(), archived(server, "toy-{language}.tgz"), work, None, None)
    assert read(found) == WHOLE and found.source.where == f"{server.url}/files/toy-qu.tgz"
    (server.folder / "qu.tar.gz").write_bytes(tar_bytes(tmp_path))
    assert read(fetch(nested(), archived(server, "qu.tar.gz"), work, None, None)) == WHOLE


@pytest.mark.parametrize("inside", ["{split}-qu.txt", "Toy/qu/{split}.txt"])
@pytest.mark.parametrize("name", ["toy.zip", "toy-{language}.zip", "toy.tar.gz"])
def test_archives_of_the_files_themselves_serve_such_a_dataset_too(server, work, inside, name):
    pack(server.folder / name.replace("{language}", "qu"), members(inside) | {"__MACOSX/README": "x"})
    assert read(fetch(nested(), archived(server, name), work, None, None)) == WHOLE


def test_a_broken_archive_inside_an_archive(server, tmp_path, work):
    pack(server.folder / "toy.zip", {"toy/qu.tar.gz": tar_bytes(tmp_path)[:100]})
    with pytest.raises(UserError, match=r"qu.tar.gz: not a whole tar archive"):
        fetch(nested(), archived(server), work, None, None)
    pack(server.folder / "toy.zip", {"toy/qu.tar.gz": tar_bytes(tmp_path)})
    assert read(fetch(nested(), archived(server), work, None, None)) == WHOLE


def test_what_an_interrupted_unpacking_left_is_not_mixed_in(tmp_path):
    made = pack(tmp_path / "toy.zip", members())
    (tmp_path / "work/whole").mkdir(parents=True)
    (tmp_path / "work/whole/old").write_text("x")
    for member in (None, MEMBER):
        root = unpacked(made, member, False, "qu", tmp_path / "work")
        assert sorted(path.name for path in root.iterdir()) == ["dev-qu.txt", "test-qu.txt", "train-qu.txt"]


# ----------------------------------------------------------------------------------------------------------------- finding


def test_the_only_folder(tmp_path):
    assert only_folder(tmp_path) == tmp_path
    (tmp_path / "a/b/c").mkdir(parents=True)
    assert only_folder(tmp_path) == tmp_path / "a/b/c"
    (tmp_path / "a/b/file").write_text("x")
    assert only_folder(tmp_path) == tmp_path / "a/b"
    (tmp_path / "a/.DS_Store").write_text("x")
    (tmp_path / "__MACOSX").mkdir()
    assert only_folder(tmp_path) == tmp_path / "a/b"
    (tmp_path / "other").mkdir()
    assert only_folder(tmp_path) == tmp_path
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone/file").write_text("x")
    assert only_folder(tmp_path / "alone") == tmp_path / "alone"


def test_the_first_name_that_is_there_is_taken(tmp_path):
    put(tmp_path, "data/qu/{split}-part.txt")
    (tmp_path / "data/qu/train-a.txt").write_text("x")
    (tmp_path / "data/qu/train-folder.txt").mkdir()
    found = find(tmp_path, "qu", tuple(ROWS), tmp_path)
    assert [file.name for file in found["train"]] == ["train-a.txt", "train-part.txt"]  # sorted, folders left out
    put(tmp_path, "qu/{split}.txt")
    assert find(tmp_path, "qu", ("dev",), tmp_path) == {"dev": [tmp_path / "qu/dev.txt"]}
    put(tmp_path, "{split}-qu.txt")
    assert find(tmp_path, "qu", ("dev",), tmp_path) == {"dev": [tmp_path / "dev-qu.txt"]}


def test_a_language_that_is_not_there_is_told_with_those_that_are(tmp_path):
    put(tmp_path)
    (tmp_path / "gn").mkdir()
    (tmp_path / "gn/test.txt").write_text("x")  # a split that was not asked for tells of the language too
    with pytest.raises(UserError, match=r"^no files for language 'qv'; did you mean 'qu'\?; available: gn, qu$"):
        find(tmp_path, "qv", ("train",), tmp_path)
    with pytest.raises(UserError, match=r"^no files for language 'ay'; valid: gn, qu$"):
        find(tmp_path, "ay", ("train",), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UserError, match=r"no files for language 'qu', nor for any other; expected one of the documented"
    ):
        find(tmp_path / "empty", "qu", ("train",), tmp_path)


def test_a_split_that_is_not_there_is_told_with_its_names(tmp_path):
    put(tmp_path, rows={"train": 1})
    with pytest.raises(UserError) as error:
        find(tmp_path, "qu", tuple(ROWS), tmp_path)
    assert str(error.value) == (
        "no dev nor test file for language 'qu'; expected dev: dev-qu.txt or qu/dev.txt or data/qu/dev-*.txt; "
        "test: test-qu.txt or qu/test.txt or data/qu/test-*.txt"
    )
    with pytest.raises(UserError, match=r"no test file for language 'qu'; expected test: no such split"):
        find_named(
            tmp_path, "qu", ("train", "test"), lambda code, split: ["train-qu.txt"] if split == "train" else [], ()
        )
