import gzip
import json
import tarfile
import tracemalloc
from itertools import islice

import pytest

from pipeline.common.errors import UserError
from pipeline.data.arrange import DUPLICATE
from pipeline.data.corpora.cls10 import read as cls10
from pipeline.data.corpora.cls10.fetch import EXPECTED, fetch
from pipeline.data.corpora.cls10.read import BARE, BROKEN, CONTROL, EMPTY, ENTITY, NEUTRAL, load, read_files, reviews
from pipeline.data.loaders import fetch_module, loader_module
from pipeline.stages.download import download
from tests.data.review_files import english, item, write_cls10, write_reviews
from tests.hub_server import serve

COUNTS = {"train": 10, "test": 4}
CUT = {"from": "train", "fraction": 0.2, "seed": 0}


def spec(language="de", **options):
    expected = {language: COUNTS}
    base = {
        "dataset": "cls10-1",
        "loader": "cls10",
        "domain": "books",
        "unlabelled": None,
        "dev": CUT,
        "expected": expected,
    }
    return base | {"language": language} | options


def read(path, language="de"):
    return read_files([path], language, "train", spec(language))


def rows(table):
    return list(zip(*(table[name].to_pylist() for name in ("id", "text", "label")), strict=True))


def put(folder, *items, name="train.review"):
    return write_reviews(folder / name, list(items))


def fault(folder, text):
    """Read a file whose second review has `text` for its text; return what `read_files` made of it."""
    return read(put(folder, item("1.0", "Schlecht", "Kaputt."), item("5.0", "Gut", text)))


# ---------------------------------------------------------------------------------------------------------------- schemas


def test_the_headline_and_the_text_of_both_schemas(tmp_path):
    own = put(tmp_path, item("4.0", "Sehr schön", "Ein Buch.\nNoch eins?"), item("2.0", "つまらない", "読みにくい。"))
    assert rows(read(own).table) == [
        ("cls10-de-books-train-0", "Sehr schön\nEin Buch.\nNoch eins?", "positive"),
        ("cls10-de-books-train-1", "つまらない\n読みにくい。", "negative"),
    ]  # never the product's title
    theirs = put(
        tmp_path, english("5.0", "Great", "Could not stop."), english("1.0", "Dull", "Could."), name="e.review"
    )
    assert rows(read(theirs, "en").table) == [
        ("cls10-en-books-train-0", "Great\nCould not stop.", "positive"),
        ("cls10-en-books-train-1", "Dull\nCould.", "negative"),
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            "<item><rating>4.0</rating><body>Gut</body></item>",
            r"has <rating>, <body>; expected <rating>, <summary> and <text>",
        ),
        (
            "<item><rating>4.0</rating><text>a</text><review_text>b</review_text></item>",
            r"has <rating>, <text>, <review_text>; expected",
        ),
        ("<item><rating>4.0</rating><text>a</text><text>b</text></item>", r"has 2 different <text>; expected one"),
        ("<item><text>Gut</text></item>", r"the rating is missing; expected one of 1 to 5"),
        ("<item><rating/><text>Gut</text></item>", r"the rating is ''; expected one of 1 to 5"),
        (item("4.5", "a", "b"), r"the rating is '4.5'"),
        (item("0.0", "a", "b"), r"the rating is '0.0'"),
        (item("sehr gut", "a", "b"), r"the rating is 'sehr gut'"),
        ("<item><rating>1.0</rating><rating>5.0</rating><text>a</text></item>", r"the rating is '1.0' and '5.0'"),
    ],
)
def test_other_schemas_and_ratings_are_refused_with_their_place(tmp_path, given, says):
    # The declaration, the root, a review of four lines, a blank one.
    with pytest.raises(UserError, match=rf"train.review:8: review 1: {says}"):
        read(put(tmp_path, item("1.0", "Schlecht", "Kaputt."), given))


def test_a_rating_that_is_repeated_and_a_text_alone_will_do(tmp_path):
    twice = "<item><rating>2.0</rating><rating>2.0</rating><text>a</text></item>"
    assert [row[1:] for row in rows(read(put(tmp_path, twice)).table)] == [("a", "negative")]


def test_ratings_of_three_and_empty_texts_are_counted(tmp_path):
    found = read(
        put(tmp_path, item("3.0", "a", "b"), item("5", "", " \n"), item("1.0", "Nie wieder", ""), item("3.0", "", ""))
    )
    assert rows(found.table) == [("cls10-de-books-train-2", "Nie wieder", "negative")]
    assert found.dropped == {NEUTRAL: 2, EMPTY: 1}


# ----------------------------------------------------------------------------------------------------------------- mends


@pytest.mark.parametrize(
    ("text", "expected", "mends"),
    [
        ("Tom &amp; Jerry &lt;3 &#228;&#xE4;", "Tom & Jerry <3 ää", {}),
        ("caf&eacute;&nbsp;&hellip;", "café\xa0…", {ENTITY: 3}),
        ("Tom & Jerry &amp; AT&T &c; &#65", "Tom & Jerry & AT&T &c; &#65", {BARE: 4}),
        ("ich <3 es, 1 < 2, </3", "ich <3 es, 1 < 2, </3", {BARE: 3}),
        ("a\x0bb\x00c\ufffed", "a b c d", {CONTROL: 3}),
        ("a&#11;b&#x0;c&#xD800;d&#9999999;", "a b c d", {CONTROL: 4}),
        ("&lt;br&gt; & &copy;", "<br> & ©", {BARE: 1, ENTITY: 1}),
        ("<![CDATA[Tom & <b>\x01 &eacute;]]>", "Tom & <b>  &eacute;", {CONTROL: 1}),
        ("Zeile<br/>um <b>Zeile</b>", "Zeile um  Zeile", {}),
        (f"&#{'9' * 5000};", f"&#{'9' * 5000};", {BARE: 1}),
        ("&AMP; &Lt;", "& ≪", {ENTITY: 2}),
    ],
)
def test_what_has_one_meaning_only_is_mended_and_counted(tmp_path, text, expected, mends):
    found = fault(tmp_path, text)
    assert [row[1:] for row in rows(found.table)] == [
        ("Schlecht\nKaputt.", "negative"),
        (f"Gut\n{expected}", "positive"),
    ]
    assert {reason: counts.tolist() for reason, counts in found.mends.items() if counts.any()} == {
        reason: [0, n] for reason, n in mends.items()
    }
    assert found.dropped == {}


@pytest.mark.parametrize(
    "text",
    [
        "offen<br> und zu",
        "</rating>",
        "<b>fett",
        "a</text><text",
        "<!-- offen",
        "<1>&eacute;</1><x",
        "<rating>1.0</wert>",
    ],
)
def test_what_is_still_broken_is_left_out_and_counted(tmp_path, text):
    found = fault(tmp_path, text)
    assert rows(found.table) == [("cls10-de-books-train-0", "Schlecht\nKaputt.", "negative")]
    assert found.dropped == {BROKEN: 1}


def test_a_review_without_an_end_never_swallows_the_next(tmp_path):
    good, bad = item("5.0", "Gut", "Ja."), item("1.0", "Schlecht", "Nein.")
    path = put(tmp_path, good.removesuffix("</item>"), bad, f"{good}</item>", bad[:40])  # one end too many; cut off
    found = read(path)
    assert rows(found.table) == [
        ("cls10-de-books-train-1", "Schlecht\nNein.", "negative"),
        ("cls10-de-books-train-2", "Gut\nJa.", "positive"),
    ]
    assert found.dropped == {BROKEN: 2}


def test_no_root_and_several_roots(tmp_path):
    path = tmp_path / "train.review"
    one, other = item("5.0", "Gut", "Ja."), item("1.0", "Schlecht", "Nein.")
    path.write_text(f"{one}\n<items>{other}</items>\n<items>\n{one}")
    assert read(path).table["label"].to_pylist() == ["positive", "negative", "positive"]


def test_reviews_are_whole_wherever_the_blocks_end(tmp_path, monkeypatch):
    items = [item(f"{1 + i % 2 * 4}.0", f"Titel {i}", f"Text\n{i} & &eacute;") for i in range(12)]
    items[7] = items[7].replace("5.0", "7.0")
    path = put(tmp_path, *items)
    whole = [(review.place, review.text, review.ratings) for review in reviews(path)]
    assert whole[11] == (f"{path}:{3 + 11 * 6}: review 11", "Titel 11\nText\n11 & é", ("5.0",))  # six lines a review
    for size in (1, 2, 7, 64, 300, 1000):
        monkeypatch.setattr(cls10, "BLOCK", size)
        assert [(review.place, review.text, review.ratings) for review in reviews(path)] == whole, size
    with pytest.raises(UserError, match=rf"train.review:{3 + 7 * 6}: review 7: the rating is '7.0'"):
        read(path)


# ------------------------------------------------------------------------------------------------------------------ files


def test_gzipped_files_are_read_by_what_they_are(tmp_path):
    packed = write_reviews(
        tmp_path / "train.review", [item("5.0", "Gut", "Ja."), item("1.0", "Nein", "Nie.")], packed=True
    )
    plain = tmp_path / "train.review"  # gzipped, but not called so
    plain.write_bytes(packed.read_bytes())
    assert packed.name == "train.review.gz"
    assert rows(read(packed).table) == rows(read(plain).table) and read(plain).table.num_rows == 2
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"train.review.gz: not a whole gzip file \(truncated\?\)"):
        read(packed)


def test_other_encodings_are_refused_with_a_hint(tmp_path):
    path = put(tmp_path, item("5.0", "Gut", "Ja."), item("1.0", "Nein", "Nie."))
    path.write_bytes(path.read_bytes().replace(b"Nie.", "Nie schön.".encode("latin-1")))
    with pytest.raises(UserError, match=r"train.review:8: review 1: byte 0xf6: not UTF-8; convert .* iconv -f latin1"):
        read(path)


def test_files_without_reviews(tmp_path):
    with pytest.raises(UserError, match=r"train.review: holds no <item>; expected one a review, in UTF-8"):
        read(put(tmp_path))
    with pytest.raises(UserError, match=r"gone.review: no such file"):
        read(tmp_path / "gone.review")


def test_a_review_that_never_ends_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(cls10, "LONGEST", 1 << 20)
    path = tmp_path / "train.review"
    path.write_bytes(b"<items>\n<item>" + b"x" * (3 << 20))
    with pytest.raises(UserError, match=r"train.review:2: a review does not end within 1 MiB; expected </item>"):
        read(path)


def test_a_large_file_is_read_in_little_memory(tmp_path):
    path = tmp_path / "unlabeled.review"
    block = "\n".join(item("5.0", f"Titel {i}", f"Wort {i} " * 1000) for i in range(100)).encode()
    copies = (24 << 20) // len(block) + 1
    with path.open("wb") as file:
        for _ in range(copies):
            file.write(block + b"\n")
    assert path.stat().st_size > 24 << 20
    tracemalloc.start()
    number = sum(review is not None for review in reviews(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert number == copies * 100
    assert peak < 8 << 20  # three blocks of 1 MiB, and a review


# ----------------------------------------------------------------------------------------------------------------- splits


def manifest(folder, unlabelled=()):
    files = {"train": [{"name": "train.review"}], "test": [{"name": "test.review"}]}
    files |= {"unlabelled": [{"name": name} for name in unlabelled]} if unlabelled else {}
    (folder / "manifest.json").write_text(json.dumps({"files": files, "notes": ["a note"]}))
    return folder / "manifest.json"


@pytest.fixture
def books(tmp_path):
    write_cls10(tmp_path / "cls", "de", "books")
    return tmp_path / "cls" / "de" / "books"


def test_dev_is_cut_from_train_by_class(books):
    loaded = load(spec(), manifest(books))
    assert {name: split.table.num_rows for name, split in loaded.splits.items()} == {"train": 8, "dev": 2, "test": 4}
    for split in loaded.splits.values():
        assert sorted(split.table["label"].to_pylist()) == sorted(
            ["negative", "positive"] * (split.table.num_rows // 2)
        )
    ids = {name: split.table["id"].to_pylist() for name, split in loaded.splits.items()}
    assert sorted(ids["train"] + ids["dev"]) == sorted(f"cls10-de-books-train-{i}" for i in range(10))
    assert ids["test"] == [f"cls10-de-books-test-{i}" for i in range(4)]
    assert loaded.text["id"].to_pylist() == ids["train"] and loaded.notes == ("a note",) and loaded.absent == {}


def test_without_a_cut_dev_is_absent_with_the_reason(books):
    loaded = load(spec(dev=None), manifest(books))
    assert loaded.splits["train"].table.num_rows == 10 and loaded.splits["dev"].table.num_rows == 0
    assert loaded.absent == {"dev": "CLS-10 has no dev split of its own; say dev: {from: train, fraction: 0.2}"}


def test_mends_go_with_their_review_into_dev_or_train(books):
    items = [item("5.0", f"{i}", "caf&eacute;" if i == 3 else "Text.") for i in range(5)]
    put(books, *items, *[item("1.0", f"{i}", "Text.") for i in range(5)])
    loaded = load(spec(), manifest(books))
    where = "train" if "cls10-de-books-train-3" in loaded.splits["train"].table["id"].to_pylist() else "dev"
    assert {name: split.repaired for name, split in loaded.splits.items() if split.repaired} == {where: {ENTITY: 1}}


def test_duplicates_leave_train_only_when_asked(books):
    doubled = item("5.0", "de books 0", "test text 0.")  # the first test review
    put(books, *[item("1.0", f"{i}", "Text.") for i in range(9)], *[doubled] * 9)
    assert load(spec(), manifest(books)).splits["train"].dropped == {}
    train = load(spec(remove_duplicates="train"), manifest(books)).splits["train"]
    assert set(train.table["label"].to_pylist()) == {"negative"}
    assert train.dropped[DUPLICATE] == 14 - train.table.num_rows  # 4 of 18 are dev


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"domain": "book"}, r"domain: 'book'; did you mean 'books'"),
        ({"domain": None}, r"domain: None; "),
        ({"test": "dev"}, r"test: dev: CLS-10 has no dev split to test on"),
        ({"dev": "train"}, r"dev: 'train'; expected \{from: train"),
    ],
)
def test_impossible_choices_are_refused(books, tmp_path, options, says):
    with pytest.raises(UserError, match=says):
        load(spec(**options), manifest(books))
    with pytest.raises(UserError, match=says):
        fetch(spec(sources=["folder"], **options), tmp_path / "work", None, tmp_path)


# ------------------------------------------------------------------------------------------------------- unlabelled part


def test_the_first_unlabelled_reviews_join_the_raw_text(books):
    broken = item("?", "a", "b<br>")
    put(
        books,
        broken,
        item("9", "", ""),
        *[item("?", f"{i}", "frei & wild.") for i in range(5)],
        name="unlabeled.review",
    )
    loaded = load(spec(unlabelled=3), manifest(books, ["unlabeled.review"]))
    assert loaded.text["id"].to_pylist()[8:] == [f"cls10-de-books-unlabelled-{i}" for i in (2, 3, 4)]
    assert loaded.text["text"].to_pylist()[8:] == ["0 frei & wild.", "1 frei & wild.", "2 frei & wild."]
    assert loaded.text["lang"].to_pylist() == ["de"] * 11
    counted = "3 unlabelled reviews joined the raw text; left out: broken XML: 1, empty text: 1"
    assert loaded.notes == ("a note", counted)
    assert loaded.splits["train"].table.num_rows == 8


def test_a_text_that_stands_in_train_already_is_not_taken_twice(books):
    train = load(spec(), manifest(books)).splits["train"].table["text"].to_pylist()[0]
    headline, text = train.split("\n")
    put(books, item("5.0", headline, text), item("5.0", "neu", "neu"), name="unlabeled.review")
    loaded = load(spec(unlabelled=2), manifest(books, ["unlabeled.review"]))
    assert loaded.text["text"].to_pylist()[8:] == ["neu neu"]


def test_nothing_behind_the_last_wanted_review_is_read(books):
    path = books / "unlabeled.review"
    path.write_bytes(path.read_bytes().replace(b"unlabeled text 5", b"unlabeled text \xf6"))
    assert load(spec(unlabelled=5), manifest(books, [path.name])).text.num_rows == 13
    with pytest.raises(UserError, match=r"unlabeled.review:.*: review 5: byte 0xf6: not UTF-8"):
        load(spec(unlabelled=6), manifest(books, [path.name]))


def test_too_few_unlabelled_reviews(books, tmp_path):
    says = r"unlabeled.review: holds 6 unlabelled reviews with text; unlabelled: 7 asks for more"
    with pytest.raises(UserError, match=says):
        load(spec(unlabelled=7), manifest(books, ["unlabeled.review"]))
    with pytest.raises(UserError, match=says):
        fetch(spec(unlabelled=7, sources=["folder"]), tmp_path / "work", None, tmp_path / "cls")
    with pytest.raises(UserError, match=r"manifest.json: no unlabelled files were downloaded; download again"):
        load(spec(unlabelled=2), manifest(books))


# --------------------------------------------------------------------------------------------------------------- fetching


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", ["", "cls-acl10-unprocessed"])
def test_a_small_corpus_from_the_mirror_to_the_splits(tmp_path, monkeypatch, packed, below):
    monkeypatch.chdir(tmp_path)
    for code in ("de", "en", "fr", "jp"):
        for domain in ("books", "music"):
            write_cls10(tmp_path / "mirror" / "cls10" / below, code, domain, packed=packed)
    write_cls10(tmp_path / "mirror/cls10" / below / "de/books/trans", "en", "books")  # translations are not looked at
    for language, code in (("de", "de"), ("en", "en"), ("ja", "jp")):
        chosen = spec(language, dataset=f"cls10-{language}", sources=["mirror"], domain="music", unlabelled=4)
        raw = download(chosen, mirror=tmp_path / "mirror")
        kept = json.loads(raw.read_text())
        ending = "review.gz" if packed else "review"
        names = {split: files[0]["name"] for split, files in kept["files"].items()}
        assert names == {
            "train": f"train.{ending}",
            "test": f"test.{ending}",
            "unlabelled": f"unlabelled-unlabeled.{ending}",
        }
        assert kept["notes"] == []
        loaded = loader_module("cls10").load(chosen, raw)
        assert [loaded.splits[name].table.num_rows for name in ("train", "dev", "test")] == [8, 2, 4]
        test = rows(loaded.splits["test"].table)
        assert test[1] == (f"cls10-{language}-music-test-1", f"{code} music 1\ntest text 1.", "negative")
        assert loaded.text.num_rows == 12


def test_the_users_folder_with_japanese_called_ja_and_unlabelled_spelt_so(tmp_path):
    write_cls10(tmp_path / "own", "ja", "dvd")
    (tmp_path / "own/ja/dvd/unlabeled.review").rename(tmp_path / "own/ja/dvd/unlabelled.review")
    found = fetch(spec("ja", domain="dvd", unlabelled=2, sources=["folder"]), tmp_path / "work", None, tmp_path / "own")
    assert {split: files[0].name for split, files in found.files.items()} == {
        "train": "train.review",
        "test": "test.review",
        "unlabelled": "unlabelled.review",
    }


def test_what_is_missing_is_named(tmp_path):
    own = write_cls10(tmp_path / "own", "de", "books")
    write_cls10(own, "jp", "books")

    def error(language="de", **options):
        with pytest.raises(UserError) as raised:
            fetch(spec(language, sources=["folder"], **options), tmp_path / "work", None, own)
        return str(raised.value)

    assert "no files for language 'fr'; valid: de, ja" in error("fr")
    assert "no folder de/dvd; it has books" in error(domain="dvd")
    (own / "de/books/test.review").unlink()
    assert "no test file for language 'de'; expected test: de/books/test.review or de/books/test.review.gz" in error()
    (own / "cls-acl10-unprocessed.tar.gz").write_bytes(b"")
    assert "cls-acl10-unprocessed.tar.gz is not unpacked; unpack it where it is" in error("fr")


def test_there_is_nothing_to_download(tmp_path):
    with pytest.raises(UserError) as error:
        fetch_module("cls10").fetch(spec(sources=["archive", "hub"]), tmp_path, None, None)
    assert str(error.value).count("ask for cls-acl10-unprocessed.tar.gz at https://zenodo.org/records/3251672") == 2


def test_an_archive_of_the_users_own_is_unpacked(tmp_path):
    write_cls10(tmp_path / "made" / "cls-acl10-unprocessed", "de", "books")
    write_cls10(tmp_path / "made" / "cls-acl10-unprocessed", "jp", "books")
    (tmp_path / "served").mkdir()
    with tarfile.open(tmp_path / "served" / "cls.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "made" / "cls-acl10-unprocessed", "cls-acl10-unprocessed")
    with serve(tmp_path / "served") as server:
        archive = {"url": f"{server.url}/files/cls.tar.gz"}
        work = tmp_path / "raw" / "cls10-1" / "ja" / ".partial"
        found = fetch(spec("ja", sources=["archive"], archive=archive), work, None, None)
    assert found.source.kind == "archive" and read(found.files["train"][0], "ja").table.num_rows == 10


# ----------------------------------------------------------------------------------------------------------------- counts


def test_the_known_counts_are_checked(tmp_path):
    assert EXPECTED == {"train": 2_000, "test": 2_000}
    own = write_cls10(tmp_path / "own", "de", "books")
    with pytest.raises(
        UserError, match=r"train holds 10 examples, expected 2,000; test holds 4 examples, expected 2,000"
    ):
        fetch(spec(sources=["folder"], expected={}), tmp_path / "work", None, own)


def test_half_of_the_reviews_must_be_positive(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPECTED, "train", 4)
    own = write_cls10(tmp_path / "own", "de", "books", (4, 4, 1))
    expected = {"de": {"test": 4}}
    assert fetch(spec(sources=["folder"], expected=expected), tmp_path / "w1", None, own).notes == []
    empty = [item("5.0", "", ""), item("4.0", "a", "a"), item("1.0", "b", "b"), item("2.0", "c", "c")]
    put(own / "de/books", *empty)  # an empty review is one of the four: it is left out later
    assert fetch(spec(sources=["folder"], expected=expected), tmp_path / "w2", None, own).notes == []
    put(own / "de/books", *[item("5.0", "a", f"{i}") for i in range(3)], item("1.0", "b", "b"))
    with pytest.raises(UserError, match=r"train.review: 3 positive reviews of 4; expected half"):
        fetch(spec(sources=["folder"], expected=expected), tmp_path / "w3", None, own)
    both = {"de": {"train": 4, "test": 4}}  # said to be so
    assert fetch(spec(sources=["folder"], expected=both), tmp_path / "w4", None, own).notes == []


def test_broken_reviews_show_in_the_count(tmp_path):
    own = write_cls10(tmp_path / "own", "de", "books")
    path = own / "de/books/train.review"
    path.write_text(path.read_text().replace("train text 3.", "train<br>text 3."))
    with pytest.raises(UserError, match=r"train holds 9 examples, expected 10"):
        fetch(spec(sources=["folder"]), tmp_path / "work", None, own)


def test_reading_can_stop_anywhere(tmp_path):
    path = write_reviews(tmp_path / "a.review", [item("5.0", f"{i}", "x") for i in range(50)], packed=True)
    assert [review.text for review in islice(reviews(path), 2)] == ["0\nx", "1\nx"]
    assert gzip.decompress(path.read_bytes()).count(b"<item>") == 50
