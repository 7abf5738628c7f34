import pytest

from pipeline.common.errors import UserError
from pipeline.common.files import read_json
from pipeline.data.corpora.sentiraama.fetch import EXPECTED, LINES, fetch
from pipeline.data.corpora.sentiraama.read import LABEL, is_text, load, read_files, read_lines
from pipeline.data.formats.metaxl_index import NAME, line_numbers
from pipeline.stages.download import download
from tests.data.metaxl_files import REAL_INDEX, index_text, needs_index, rows_of, write_index, write_manifest

POS, NEG = "product_pos.txt", "product_neg.txt"
BAR = "__________________________"
POSITIVE = f"{BAR}\nbagundi \n{BAR}\nchala bagundi\nmanchi phone\n{BAR}\nnachindi\n"  # text on lines 1, 3, 4, 6
NEGATIVE = f"{BAR}\nbaledu\n\n{BAR}\nnachaledu"  # text on lines 1 and 4
INDEX = ([(4, POS), (1, NEG)], [(1, POS), (3, POS)], [(4, NEG), (6, POS)])
COUNTS = {"train": 2, "dev": 2, "test": 2}


def spec(**options):
    made = {"dataset": "sentiraama-1", "language": "te", "loader": "sentiraama", "sources": ["folder"]}
    return made | {"expected": {"te": COUNTS}} | options


def folder_with(tmp_path, positive=POSITIVE, negative=NEGATIVE, index=INDEX):
    write_index(tmp_path, te=index)
    (tmp_path / POS).write_bytes(positive if isinstance(positive, bytes) else positive.encode())
    (tmp_path / NEG).write_bytes(negative if isinstance(negative, bytes) else negative.encode())
    return tmp_path


def read(folder, split="train"):
    return rows_of(read_files([folder / NEG, folder / NAME, folder / POS], "te", split, spec()).table)


# ---------------------------------------------------------------------------------------------------------------- reading


def test_examples_are_lines_of_the_two_files(tmp_path):
    folder = folder_with(tmp_path)
    assert read(folder) == [
        ("sentiraama-te-pos-4", "manchi phone", "positive"),
        ("sentiraama-te-neg-1", "baledu", "negative"),
    ]
    assert read(folder, "dev") == [
        ("sentiraama-te-pos-1", "bagundi", "positive"),
        ("sentiraama-te-pos-3", "chala bagundi", "positive"),
    ]
    assert read(folder, "test") == [
        ("sentiraama-te-neg-4", "nachaledu", "negative"),
        ("sentiraama-te-pos-6", "nachindi", "positive"),
    ]


def test_loading_all_three(tmp_path):
    found = load(spec(), write_manifest(folder_with(tmp_path), [POS, NEG, NAME]))
    assert {name: split.table.num_rows for name, split in found.splits.items()} == COUNTS
    assert all(split.dropped == {} for split in found.splits.values())
    assert found.text["text"].to_pylist() == ["manchi phone", "baledu"] and found.notes == ("a note",)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_endings_and_a_byte_order_mark_change_no_number(tmp_path, ending):
    # The positive file's last line, and only that, has no line end; other control characters end no line.
    positive = POSITIVE.replace("chala", "cha\x0b\x85la\u2028").rstrip().replace("\n", ending)
    folder = folder_with(tmp_path, b"\xef\xbb\xbf" + positive.encode(), NEGATIVE.replace("\n", ending))
    assert read(folder)[0] == ("sentiraama-te-pos-4", "manchi phone", "positive")
    assert read(folder, "dev")[1][1] == "cha\x0b\x85la\u2028 bagundi"
    assert read(folder, "test")[1][1] == "nachindi"


def test_what_is_text():
    assert [is_text(line) for line in ("", "\u200c\ufeff", BAR, "---", "=====", "*~*", "__")] == [False] * 6 + [True]
    assert is_text("bagundi ___") and is_text("...")


@pytest.mark.parametrize(
    ("positive", "index", "says"),
    [
        (
            POSITIVE,
            ([(2, POS)],),
            r"product_pos.txt: data_index.txt: train names line 2 \(from 0\), which is the separator '___",
        ),
        (POSITIVE, ([(2, NEG)],), r"product_neg.txt: .* names line 2 \(from 0\), which is empty; expected a review"),
        (POSITIVE, ([(7, POS)],), r"product_pos.txt: .* names line 7 \(from 0\), but the last is 6"),
        (
            POSITIVE.split("\n", 1)[1],
            ([(4, POS)],),
            r"line 4 \(from 0\), which is the separator .*are lines missing or added",
        ),
        (
            POSITIVE,
            ([(1, POS), (3, POS), (1, POS)],),
            r"data_index.txt: train names te-pos-1 twice; expected each line once",
        ),
        (POSITIVE, ([],), r"data_index.txt: the list of train is empty"),
        (
            "\n \n",
            ([(0, POS)],),
            r"product_pos.txt: the file is empty; expected Sentiraama's product reviews, one a line",
        ),
        (b"ok\n\xe0\xb0\n", ([(0, POS)],), r"product_pos.txt:2: byte 0xe0 at offset 3: not UTF-8"),
        (POSITIVE.encode("utf-16"), ([(0, POS)],), r"product_pos.txt:1: a UTF-16 byte order mark: not UTF-8"),
    ],
)
def test_lines_that_are_no_reviews(tmp_path, positive, index, says):
    with pytest.raises(UserError, match=says):
        read(folder_with(tmp_path, positive, index=index))


def test_files_that_are_missing(tmp_path):
    folder = folder_with(tmp_path)
    with pytest.raises(UserError, match=r"no product_neg.txt among .*product_pos.txt; download again"):
        read_files([folder / NAME, folder / POS], "te", "train", spec())
    (folder / POS).unlink()
    with pytest.raises(UserError, match=r"product_pos.txt: no such file; expected Sentiraama's product reviews"):
        read(folder)


# -------------------------------------------------------------------------------------------------------------- the index


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        ("[1, 2]\n['product_pos.txt']\n", r"data_index.txt:3: 1 files for the 2 lines of line 2; expected as many"),
        ("[1]\n['product_pas.txt']\n", r":3: entry 0 is 'product_pas.txt'; did you mean 'product_pos.txt'"),
        ("[1]\n[7]\n", r":3: entry 0 is 7; valid: product_neg.txt, product_pos.txt"),
        ("[None]\n['product_pos.txt']\n", r":2: entry 0 is None; expected a number from 0"),
        ("[1]\n", r"1 lists below '# tir train index and file', expected 2"),
    ],
)
def test_a_broken_index_names_the_line(tmp_path, lists, says):
    (tmp_path / NAME).write_text(f"# tir train index and file\n{lists}")
    with pytest.raises(UserError, match=says):
        line_numbers(tmp_path / NAME, "train", tuple(LABEL))


def published():
    return {split: line_numbers(REAL_INDEX, split, tuple(LABEL)) for split in EXPECTED}


@needs_index
def test_the_published_index():
    pairs = published()
    assert {split: len(found) for split, found in pairs.items()} == {"train": 100, "dev": 103, "test": 100} == EXPECTED
    distinct = {pair for found in pairs.values() for pair in found}
    assert len(distinct) == 303  # no line in two splits
    for name, texts in {POS: 166, NEG: 137}.items():
        numbers = {line for line, file in distinct if file == name}
        assert len(numbers) == texts == LINES[name]
        left = set(range(max(numbers) + 1)) - numbers
        assert 0 in left and not any(line + 1 in left for line in left)  # separators: never two in a row


# --------------------------------------------------------------------------------------------------------------- fetching


def test_where_reviews_and_index_may_lie(tmp_path):
    own = folder_with(tmp_path / "own")
    found = fetch(spec(), tmp_path / "w1", None, own)
    assert found.files == {split: [own / POS, own / NEG, own / NAME] for split in COUNTS}
    assert found.notes == [
        "product_pos.txt: 4 lines of text, 166 of them in MetaXL's splits",
        "product_neg.txt: 2 lines of text, 137 of them in MetaXL's splits",
    ]
    reviews = folder_with(tmp_path / "mirror" / "sentiraama" / "Product Reviews")
    (reviews / NAME).unlink()
    index = write_index(tmp_path / "mirror" / "metaxl", te=INDEX)
    found = fetch(spec(sources=["mirror"]), tmp_path / "w2", tmp_path / "mirror", None)
    assert found.files["test"] == [reviews / POS, reviews / NEG, index]


def test_counts_are_checked(tmp_path):
    folder = folder_with(tmp_path / "own", index=([(4, POS)], *INDEX[1:]))
    with pytest.raises(UserError, match=r"train holds 1 examples, expected 2"):
        fetch(spec(), tmp_path / "work", None, folder)
    with pytest.raises(UserError, match=r"train holds 1 examples, expected 100; dev holds 2 examples, expected 103"):
        fetch(spec(expected={}), tmp_path / "work", None, folder)


def test_what_cannot_be_fetched_says_where_it_comes_from(tmp_path):
    (tmp_path / "own").mkdir()
    with pytest.raises(UserError) as error:
        fetch(spec(sources=["hub", "archive", "folder"]), tmp_path / "work", None, tmp_path / "own")
    lines = str(error.value).split("\n")
    assert "hub (not set): Sentiraama is on no hub; ask LTRC, IIIT Hyderabad" in lines[1]
    assert "there is no address to download it from; ask LTRC" in lines[2]
    assert "no product_pos.txt and no product_neg.txt and no data_index.txt there; ask LTRC" in lines[3]
    (folder_with(tmp_path / "own") / NEG).unlink()
    with pytest.raises(UserError, match=r"no product_neg.txt there; ask"):
        fetch(spec(), tmp_path / "work", None, tmp_path / "own")
    with pytest.raises(UserError, match=r"no files for language 'tir'.*te"):
        fetch(spec(language="tir"), tmp_path / "work", None, tmp_path / "own")


@needs_index
def test_files_laid_out_as_the_published_index_says(tmp_path, monkeypatch):
    """From the download to the splits: the lines that the index leaves out are separators."""
    pairs = published()
    (tmp_path / "own").mkdir()
    for name in LABEL:
        numbers = {line for found in pairs.values() for line, file in found if file == name}
        lines = [f"{name[8:11]} line {i}" if i in numbers else BAR for i in range(max(numbers) + 1)]
        (tmp_path / "own" / name).write_text("\n".join([*lines, BAR, ""]))
    (tmp_path / "own" / NAME).write_bytes(REAL_INDEX.read_bytes())
    monkeypatch.chdir(tmp_path)
    manifest = download(spec(expected={}), None, tmp_path / "own")
    assert read_json(manifest)["notes"] == []
    assert [file["name"] for file in read_json(manifest)["files"]["test"]] == [
        f"test-{name}" for name in (POS, NEG, NAME)
    ]
    found = load(spec(), manifest)
    for split, expected in pairs.items():
        assert rows_of(found.splits[split].table) == [
            (f"sentiraama-te-{name[8:11]}-{line}", f"{name[8:11]} line {line}", LABEL[name]) for line, name in expected
        ]
    # One line less at the top, and the numbers hit separators.
    (tmp_path / "own" / POS).write_text((tmp_path / "own" / POS).read_text().split("\n", 1)[1])
    with pytest.raises(UserError, match=r"which is the separator"):
        download(spec(expected={}), None, tmp_path / "own")


def test_read_lines_counts_from_the_first(tmp_path):
    (tmp_path / "a.txt").write_text(" a \n\n b\n\n")
    assert read_lines(tmp_path / "a.txt") == ["a", "", "b", ""]
    assert index_text(te=([(1, POS)],)) == "# tir train index and file\n[1]\n['product_pos.txt']\n\n"
