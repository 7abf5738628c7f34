import json

import pytest

from pipeline.common.errors import UserError
from pipeline.data.arrange import DUPLICATE
from pipeline.data.corpora.marc.fetch import EXPECTED, IN_FILES, LANGUAGES, fetch
from pipeline.data.corpora.marc.read import EMPTY, NEUTRAL, OTHER, SURROGATE, UNTITLED, load, read_files
from pipeline.data.formats.lines import BOM
from tests.data.review_files import (
    HUB_SPLITS,
    MARC,
    MARC_COUNTS,
    original,
    starred,
    write_csv,
    write_jsonl,
    write_original,
    write_starred,
)
from tests.hub_server import COMMIT, serve


def spec(language="en", **options):
    expected = {code: MARC_COUNTS for code in LANGUAGES}
    return {"dataset": "marc-1", "language": language, "loader": "marc", "title": False, "expected": expected} | options


def read(path, language="en", split="train", **options):
    return read_files([path], language, split, spec(language, **options))


def rows(table):
    return list(zip(*(table[name].to_pylist() for name in ("id", "text", "label")), strict=True))


def put(folder, *lines, name="train.jsonl"):
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="")
    return path


def stars(number, body="Fine.", **more):
    return json.dumps({"review_body": body, "stars": number} | more)


TRAIN = [
    ("marc-en-train-0", "It came in two pieces.", "negative"),
    ("marc-en-train-1", "I use it daily, and gladly.", "positive"),
    ("marc-en-train-3", 'Smells of "roses", they say.', "negative"),
    ("marc-en-train-4", "Does what it should.\nNo more.", "positive"),
]


# ---------------------------------------------------------------------------------------------------------------- reading


def test_every_form_holds_the_same_reviews(tmp_path):
    files = [
        write_jsonl(tmp_path / "original.json", original("en", "train")),
        write_jsonl(tmp_path / "setfit.jsonl", starred("en", "train")),
        write_jsonl(tmp_path / "mteb.jsonl", starred("en", "train", joined=True)),
        write_csv(tmp_path / "table.csv", original("en", "train")),
        write_csv(tmp_path / "plain.csv", original("en", "train"), header=False),
    ]
    for file in files:
        found = read(file)
        assert rows(found.table) == TRAIN, file.name
        assert found.dropped == {NEUTRAL: 1}, file.name
        assert set(found.table["lang"].to_pylist()) == {"en"}


@pytest.mark.parametrize("joined", [False, True])
def test_the_title_goes_before_the_body_on_a_line_of_its_own(tmp_path, joined):
    given = starred("en", "train", joined=True) if joined else original("en", "train")
    found = read(write_jsonl(tmp_path / "train.jsonl", given), title=True)
    assert found.table["text"].to_pylist() == [
        "Broken\nIt came in two pieces.",
        "A joy\nI use it daily, and gladly.",
        'Smells of "roses", they say.',  # has no title
        "Good\nDoes what it should.\nNo more.",
    ]
    assert found.mends[UNTITLED].tolist() == [0, 0, 1, 0]


def test_a_copy_without_titles_is_refused_where_they_are_asked_for(tmp_path):
    for path in (
        write_jsonl(tmp_path / "train.jsonl", starred("en", "train")),
        write_csv(tmp_path / "train.csv", original("en", "train"), header=False),
    ):
        with pytest.raises(UserError, match=rf"{path.name}:1: this copy has no titles .*; set title: false"):
            read(path, title=True)


def test_a_title_that_only_some_rows_have_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"train.jsonl:2: this copy has no titles"):
        read(put(tmp_path, stars(1, review_title="Bad"), stars(5)), title=True)


def test_titles_joined_on_to_some_rows_only_are_refused(tmp_path):
    three = starred("en", "train", joined=True)[:3]
    three[1]["text"] = "no blank line"
    with pytest.raises(UserError, match=r"train.jsonl:2: no blank line, unlike 2 of 3 rows; expected bodies alone, or"):
        read(write_jsonl(tmp_path / "train.jsonl", three))
    three[2]["text"] = "none here either"  # now most are bodies, and one has a blank line in it
    found = read(write_jsonl(tmp_path / "train.jsonl", three))
    assert found.table["text"].to_pylist() == ["Broken\n\nIt came in two pieces.", "no blank line"]


def test_stars_and_labels_of_every_type(tmp_path):
    lines = [
        stars(1),
        stars("2"),
        stars(3),
        stars(4.0),
        stars("5.0"),
        '{"text": "a", "label": 0}',
        '{"text": "b", "label": 4}',
    ]
    found = read(put(tmp_path, *lines))
    assert found.table["label"].to_pylist() == ["negative", "negative", "positive", "positive", "negative", "positive"]
    assert found.dropped == {NEUTRAL: 1}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (stars(6), r":2: stars is 6; expected 1 to 5"),
        (stars(0), r":2: stars is 0; expected 1 to 5"),
        (stars("good"), r":2: stars is 'good'"),
        (stars(True), r":2: stars is True"),
        (stars(None), r":2: stars is None"),
        (stars(4.5), r":2: stars is 4.5"),
        ('{"text": "a", "label": 5}', r":2: label is 5; expected 0 to 4"),  # a copy whose labels are stars
        ('{"text": "a"}', r":2: has columns text; expected stars \(1 to 5\) or label \(0 to 4\)"),
        (
            '{"stars": 1, "review": "a"}',
            r":2: has columns stars, review; expected the text in review_body or text or body",
        ),
        (stars(1, 7), r":2: review_body is 7; expected text"),
        ('{"stars": 1, "review_body": "a', r":2: not JSON \(truncated\?\): Unterminated string .* at column"),
        (f'{{"stars": {"1" * 5000}}}', r":2: no review: Exceeds the limit"),
        (stars("1" * 5000), r":2: stars is '1+ \[… 4,\d+ characters left out …\] 1+'; expected 1 to 5"),
        ("[" * 100_000, r":2: no review: maximum recursion depth exceeded"),
        ("[1]", r":2: a JSON list; expected one object a line"),
        ("<Error>AccessDenied</Error>", r":2: not JSON"),
    ],
)
def test_malformed_lines_are_refused_with_their_place(tmp_path, line, says):
    with pytest.raises(UserError, match=rf"train.jsonl{says}"):
        read(put(tmp_path, stars(1), line))


def test_empty_texts_are_dropped_and_counted(tmp_path):
    found = read(put(tmp_path, stars(1, ""), stars(5, " \t"), stars(4, None), stars(2, "x"), stars(3, "")))
    assert [row[0] for row in rows(found.table)] == ["marc-en-train-3"]
    assert found.dropped == {EMPTY: 3, NEUTRAL: 1}
    found = read(put(tmp_path, stars(1, "", review_title="Bad"), stars(5, "", review_title="")), title=True)
    assert rows(found.table) == [("marc-en-train-0", "Bad", "negative")] and found.dropped == {EMPTY: 1}


def test_characters_are_data_but_for_halves_of_them(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"review_body": "a\x0bb\x1cc", "stars": 1}\r\n\r\n'  # control characters cut no line
        b'{"review_body": "caf\\u00e9 \\ud83d\\ude00 \\ud83d!", "stars": 5}\n'  # a pair, and half of one
    )
    found = read(path)
    assert found.table["text"].to_pylist() == ["a\x0bb\x1cc", "café 😀 \ufffd!"]
    assert found.repaired == {BOM: 1} and found.mends[SURROGATE].tolist() == [0, 1]


def test_other_encodings_are_refused_with_a_hint(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(stars(1).encode() + b"\n" + '{"review_body": "schön", "stars": 5}\n'.encode("latin-1"))
    with pytest.raises(UserError, match=r"train.jsonl:2: byte 0xf6: not UTF-8; convert it.* iconv -f latin1 -t utf-8"):
        read(path)


def test_a_file_of_nothing(tmp_path):
    with pytest.raises(UserError, match=r"train.jsonl: holds no reviews in 'en'; the file is empty"):
        read(put(tmp_path))
    with pytest.raises(UserError, match=r"gone.jsonl: no such file"):
        read(tmp_path / "gone.jsonl")


# -------------------------------------------------------------------------------------------------------------------- CSV


def test_quotes_commas_and_newlines_in_bodies(tmp_path):
    path = put(tmp_path, '0,"one, ""two""\nthree\r\n\n4",1', "", "1,plain,5", name="train.csv")
    assert rows(read(path).table) == [
        ("marc-en-train-0", 'one, "two"\nthree\r\n\n4', "negative"),
        ("marc-en-train-1", "plain", "positive"),
    ]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["0,a,1", '1,"b\nb",5', "2,c"], r":4: 2 columns; expected 3: index, body, stars"),
        (["0,a,1", "1,b,5,x"], r":2: 4 columns; expected 3"),
        (["0,a,1", "1,b,7"], r":2: stars is '7'; expected 1 to 5"),
        (["0,a,1", '1,"b,5', "2,c,5"], r":3: malformed CSV \(an open quote\?\)"),
        (["0,a,1", '1,"b"c,5'], r":2: malformed CSV"),
        (
            ["a,b"],
            r":1: 2 columns, 'a', 'b'; expected a header with review_body and stars, or rows of index, body, stars",
        ),
        (["x,a,1"], r":1: 3 columns, 'x', 'a', '1'; expected a header"),
    ],
)
def test_malformed_tables_are_refused_with_their_place(tmp_path, lines, says):
    with pytest.raises(UserError, match=rf"train.csv{says}"):
        read(put(tmp_path, *lines, name="train.csv"))


# -------------------------------------------------------------------------------------------------------------- languages


def test_one_file_of_two_languages_gives_each_its_own(tmp_path):
    both = [row for pair in zip(original("de", "train"), original("en", "train"), strict=True) for row in pair]
    for file in (write_jsonl(tmp_path / "train.jsonl", both), write_csv(tmp_path / "train.csv", both)):
        found = read(file)
        assert [row[0] for row in rows(found.table)] == [f"marc-en-train-{i}" for i in (1, 3, 7, 9)]  # every second row
        assert found.dropped == {OTHER: 5, NEUTRAL: 1}
    with pytest.raises(UserError, match=r"train.csv: holds no reviews in 'fr'; it has de, en"):
        read(file, "fr")


def test_ids_tell_a_language_too(tmp_path):
    path = write_jsonl(tmp_path / "train.jsonl", starred("de", "train"))
    with pytest.raises(UserError, match=r"holds no reviews in 'en'; it has de"):
        read(path)


def test_rows_that_tell_no_language_among_some_that_do_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"train.jsonl:2: no language, unlike the rows before; expected all or none"):
        read(put(tmp_path, stars(1, language="en"), stars(5, language="")))
    with pytest.raises(UserError, match=r"train.jsonl:2: a language, unlike the rows before"):
        read(put(tmp_path, stars(1), stars(5, language="en")))


def test_an_id_that_stands_twice(tmp_path):
    again = stars(1, "Bad.", review_id="en_1")
    assert read(put(tmp_path, again, again)).table.num_rows == 2  # a duplicate like any other: reported, not an error
    with pytest.raises(UserError, match=r"train.jsonl:3: id 'en_1' is that of another review, at .*train.jsonl:1"):
        read(put(tmp_path, again, stars(1, review_id="en_2"), stars(5, "Bad.", review_id="en_1")))


# ----------------------------------------------------------------------------------------------------------------- splits


def manifest(folder, files):
    (folder / "manifest.json").write_text(
        json.dumps({"files": {split: [{"name": name}] for split, name in files.items()}, "notes": ["a note"]})
    )
    return folder / "manifest.json"


def test_the_three_splits_and_their_raw_text(tmp_path):
    for split in MARC:
        write_jsonl(tmp_path / f"{split}.jsonl", original("en", split))
    raw = manifest(tmp_path, {split: f"{split}.jsonl" for split in MARC})
    loaded = load(spec(title=True), raw)
    assert {name: split.table.num_rows for name, split in loaded.splits.items()} == MARC_COUNTS
    assert loaded.splits["train"].dropped == {NEUTRAL: 1} and loaded.splits["train"].repaired == {UNTITLED: 1}
    assert loaded.splits["dev"].repaired == {} and loaded.absent == {} and loaded.notes == ("a note",)
    # A short review is one piece; title and body are cut apart and joined by a blank again.
    assert loaded.text["text"].to_pylist()[0] == "Broken It came in two pieces."


def test_duplicates_leave_train_only_when_asked(tmp_path):
    doubled = original("en", "test")[0] | {"review_id": "en_9"}
    write_jsonl(tmp_path / "train.jsonl", [*original("en", "train"), doubled])
    for split in ("dev", "test"):
        write_jsonl(tmp_path / f"{split}.jsonl", original("en", split))
    raw = manifest(tmp_path, {split: f"{split}.jsonl" for split in MARC})
    assert rows(load(spec(), raw).splits["train"].table) == [*TRAIN, ("marc-en-train-5", "Again, please.", "positive")]
    train = load(spec(remove_duplicates="train"), raw).splits["train"]
    assert rows(train.table) == TRAIN
    assert train.dropped == {NEUTRAL: 1, DUPLICATE: 1}


# --------------------------------------------------------------------------------------------------------------- fetching


def texts(obtained, language="en"):
    return {s: read_files(f, language, s, spec(language)).table["text"].to_pylist() for s, f in obtained.files.items()}


EN = {split: [body for stars, _, body in reviews if stars != 3] for split, reviews in MARC.items()}


def test_every_layout_of_a_folder_is_found(tmp_path):
    def named(form, write=write_jsonl, rows=original):
        def make(folder):
            for split in MARC:
                write(folder / form.format(split=split, hub=HUB_SPLITS[split]), rows("en", split))

        return make

    layouts = {
        "original": lambda folder: write_original(folder, "en", "de"),
        "flat": named("dataset_en_{split}.json"),
        "clone": lambda folder: write_starred(folder / "amazon_reviews_multi_en", "en"),
        "folder": named("en/{hub}.jsonl", rows=starred),
        "table": named("en/{split}.csv", write=lambda path, given: write_csv(path, given, header=False)),
        "named": named("{split}-en.csv", write=write_csv),
        "shared": lambda folder: [
            write_csv(folder / f"{HUB_SPLITS[split]}.csv", original("de", split) + original("en", split))
            for split in MARC
        ],
    }
    for name, make in layouts.items():
        make(tmp_path / name)
        found = fetch(spec(sources=["folder"]), tmp_path / "work" / name, None, tmp_path / name)
        assert texts(found) == EN, name


def test_the_mirror_is_searched_below_its_name_and_missing_languages_are_named(tmp_path):
    write_original(tmp_path / "mirror" / "marc", "en", "de")
    found = fetch(spec("de", sources=["mirror"]), tmp_path / "work", tmp_path / "mirror", None)
    assert found.source.kind == "mirror" and texts(found, "de") == EN
    with pytest.raises(UserError, match=r"no files for language 'fr'; valid: de, en"):
        fetch(spec("fr", sources=["mirror"]), tmp_path / "w2", tmp_path / "mirror", None)
    (tmp_path / "mirror/marc/json/dev/dataset_en_dev.json").unlink()
    with pytest.raises(
        UserError, match=r"no dev file for language 'en'; expected dev: json/dev/dataset_en_dev.jsonl or "
    ):
        fetch(spec(sources=["mirror"]), tmp_path / "w3", tmp_path / "mirror", None)


def test_a_file_that_tells_no_language_must_stand_in_its_languages_folder(tmp_path):
    for split in MARC:
        write_csv(tmp_path / f"{split}.csv", original("en", split), header=False)
    with pytest.raises(
        UserError, match=r"train.csv: neither its name nor its rows tell a language; move it to .*en/train.csv"
    ):
        fetch(spec(sources=["folder"]), tmp_path / "work", None, tmp_path)


@pytest.mark.parametrize(
    ("repository", "named", "joined", "says"),
    [
        (
            "SetFit/amazon_reviews_multi_en",
            "SetFit/amazon_reviews_multi_en",
            False,
            r"write \{language\} instead of en at",
        ),
        ("SetFit/amazon_reviews_multi_en", "SetFit/amazon_reviews_multi_{language}", False, "amazon_reviews_multi_ja@"),
        ("mteb/amazon_reviews_multi", "mteb/amazon_reviews_multi", True, "no files for language 'ja'; .*en"),
    ],
)
def test_both_kinds_of_hub_repositories(tmp_path, monkeypatch, repository, named, joined, says):
    root = tmp_path / "served" / "datasets" / repository
    write_starred(root / "en" if joined else root, "en", joined)
    (root / "README.md").write_text("card")
    with serve(tmp_path / "served") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        hub = {"repository": named, "revision": COMMIT}
        found = fetch(spec(sources=["hub"], hub=hub), tmp_path / "work", None, None)
        assert found.source.kind == "hub" and texts(found) == EN
        with pytest.raises(UserError, match=says):
            fetch(spec("ja", sources=["hub"], hub=hub), tmp_path / "w2", None, None)


def test_the_original_source_says_that_the_corpus_was_withdrawn(tmp_path):
    with pytest.raises(UserError) as error:
        fetch(spec(sources=["archive"]), tmp_path, None, None)
    assert "archive (not set): MARC was withdrawn by its publisher, Amazon, in 2023" in str(error.value)
    assert "SetFit/amazon_reviews_multi_en" in str(error.value) and "folder: PATH or mirror: PATH" in str(error.value)


# ----------------------------------------------------------------------------------------------------------------- counts


def test_the_known_counts_are_of_rated_reviews():
    assert {split: n * 4 // 5 for split, n in IN_FILES.items()} == EXPECTED
    assert IN_FILES == {"train": 200_000, "dev": 5_000, "test": 5_000}


def test_counts_are_checked_without_three_stars_and_the_rows_in_the_file_are_noted(tmp_path):
    write_original(tmp_path, "en")
    found = fetch(spec(sources=["folder"]), tmp_path / "w1", None, tmp_path)
    assert found.notes[0] == "train: 5 reviews with those of three stars, the original has 200,000"
    assert len(found.notes) == 3
    with pytest.raises(
        UserError, match=r"train holds 4 examples, expected 160,000; dev holds 2 examples, expected 4,000"
    ):
        fetch(spec(sources=["folder"], expected={}), tmp_path / "w2", None, tmp_path)


def test_a_file_of_the_expected_size_passes_without_notes(tmp_path):
    for split, (five, rows_) in {"dev": (1_000, 5_000), "test": (1_000, 5_000)}.items():
        given = [{"review_body": f"{split} {i}" if i else "", "stars": i // five + 1} for i in range(rows_)]
        write_jsonl(tmp_path / "en" / f"{split}.jsonl", given)  # an empty review counts: it is left out later
    write_jsonl(tmp_path / "en" / "train.jsonl", original("en", "train"))
    found = fetch(spec(sources=["folder"], expected={"en": {"train": 4}}), tmp_path / "work", None, tmp_path)
    assert found.notes == ["train: 5 reviews with those of three stars, the original has 200,000"]
