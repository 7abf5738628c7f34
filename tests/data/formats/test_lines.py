import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.data.formats.lines import BOM, CARRIAGE, EMPTY, read_tagged_lines
from pipeline.data.formats.tags import ORPHAN, to_iob2
from pipeline.data.schema import LABELS

NER = LABELS["ner"]
PLAIN = "Qusqu\tB-LOC\nllaqta\tO\n\nAna\tB-PER\nMaría\tI-PER\n"
ROWS = [(["Qusqu", "llaqta"], ["B-LOC", "O"]), (["Ana", "María"], ["B-PER", "I-PER"])]


def read(tmp_path, content, language="qu"):
    path = tmp_path / "train-qu.tsv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_tagged_lines(path, language, NER)


def refuse(tmp_path, content, says, language="qu"):
    with pytest.raises(UserError, match=says):
        read(tmp_path, content, language)


def test_tokens_and_tags(tmp_path):
    found = read(tmp_path, PLAIN)
    assert (found.rows, found.labelled, found.places) == (ROWS, True, [0, 1])
    assert not found.dropped and not found.repaired and found.orphans == [0, 0]


@pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
def test_how_the_file_ends_does_not_matter(tmp_path, ending):
    found = read(tmp_path, PLAIN.rstrip("\n") + ending)
    assert found.rows == ROWS and not found.dropped


def test_language_prefixes_are_cut(tmp_path):
    prefixed = "".join(f"qu:{line}\n" if line else "\n" for line in PLAIN.rstrip("\n").split("\n"))
    assert read(tmp_path, prefixed).rows == ROWS


def test_a_colon_in_a_token_is_no_prefix(tmp_path):
    assert read(tmp_path, "qu:\tO\nx\tO\n").rows == [(["qu:", "x"], ["O", "O"])]
    assert read(tmp_path, "qu:qu:a\tO\nqu::\tO\n").rows == [(["qu:a", ":"], ["O", "O"])]


def test_a_missing_prefix_is_refused(tmp_path):
    refuse(tmp_path, "qu:a\tO\nb\tO\nqu:c\tO\n", r"train-qu.tsv:2: no prefix 'qu:'")


def test_the_prefix_of_another_language_is_refused(tmp_path):
    refuse(tmp_path, "es:a\tO\nes:b\tO\n", r"train-qu.tsv:1: the lines bear the prefix 'es:', expected 'qu:' or none")


def test_tokens_alone_are_unlabelled(tmp_path):
    found = read(tmp_path, "Qusqu\nllaqta\n\nAna\n")
    assert not found.labelled
    assert found.rows == [(["Qusqu", "llaqta"], []), (["Ana"], [])]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a\tO\n\nb\n", r":3: line 1 bears a tag, this one bears none"),
        ("a\n\nb\tO\n", r":3: line 1 bears no tag, this one bears one"),
        ("a\tO\n\nb\t\n", r":3: line 1 bears a tag, this one bears none"),
    ],
)
def test_a_mixture_of_labelled_and_unlabelled_lines_is_refused(tmp_path, content, says):
    refuse(tmp_path, content, says)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a\tO\nb\tO\tO\n", r"train-qu.tsv:2: 3 columns, expected token<TAB>TAG"),
        ("a\tO\n\nb\tB-LCO\n", r"train-qu.tsv:3: unknown tag 'B-LCO'; did you mean 'B-LOC'"),
        ("a\tO\n\tB-LOC\n", r"train-qu.tsv:2: tag 'B-LOC' without a token"),
        ("a\tO\n \tB-LOC\n", r"train-qu.tsv:2: tag 'B-LOC' without a token"),
        ("qu:a\tO\nqu:\tB-LOC\n", r"train-qu.tsv:2: tag 'B-LOC' without a token"),
        ("a B-LOC\nb O\n", r"train-qu.tsv:1: 'a B-LOC' has one column; expected a tab"),
        ("", r"train-qu.tsv: the file is empty"),
        ("\n\n \n", r"train-qu.tsv: the file is empty"),
        ("\ufeff\n\n", r"train-qu.tsv: holds no sentences"),
    ],
)
def test_malformed_lines_are_refused_by_place(tmp_path, content, says):
    refuse(tmp_path, content, says)


def test_other_encodings_are_refused_by_line_and_byte(tmp_path):
    latin = "a\tO\nMaría\tB-PER\n".encode("latin-1")  # "a\tO\nMar" is 7 bytes, so í is at offset 7
    refuse(tmp_path, latin, r"train-qu.tsv:2: byte 0xed at offset 7: not UTF-8")
    refuse(tmp_path, PLAIN.encode("utf-16"), r"train-qu.tsv:1: a UTF-16 byte order mark: not UTF-8")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone.tsv: no such file"):
        read_tagged_lines(tmp_path / "gone.tsv", "qu", NER)


def test_byte_order_mark_and_carriage_returns_are_mended_and_counted(tmp_path):
    found = read(tmp_path, b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode())
    assert found.rows == ROWS
    assert found.repaired == {BOM: 1, CARRIAGE: 5}


def test_control_characters_and_exotic_line_ends_are_data(tmp_path):
    odd = ["a\x1cb", "c\x85d", "e\u2028f", "g\x0bh", "i\rj", "\xa0"]
    found = read(tmp_path, "".join(f"{token}\tO\n" for token in odd))
    assert found.rows == [(odd, ["O"] * 6)]
    assert not found.repaired


def test_empty_sentences_are_dropped_counted_and_keep_their_place(tmp_path):
    found = read(tmp_path, "\na\tO\n\n\n \nb\tO\n")
    assert [tokens for tokens, _ in found.rows] == [["a"], ["b"]]
    assert found.dropped == {EMPTY: 3}
    assert found.places == [1, 4]


def iob2(tags):
    mended, mends = to_iob2(tags)
    return mended, mends[ORPHAN]


@pytest.mark.parametrize(
    ("tags", "expected", "mends"),
    [
        (["I-PER", "I-PER"], ["B-PER", "I-PER"], 1),
        (["O", "I-LOC", "O", "I-LOC"], ["O", "B-LOC", "O", "B-LOC"], 2),
        (["B-PER", "I-LOC", "I-LOC"], ["B-PER", "B-LOC", "I-LOC"], 1),
        (["B-PER", "I-PER", "B-PER", "I-PER"], ["B-PER", "I-PER", "B-PER", "I-PER"], 0),
        ([], [], 0),
    ],
)
def test_orphaned_inside_tags_begin_an_entity(tags, expected, mends):
    assert iob2(tags) == (expected, mends)


@settings(deadline=None)
@given(st.lists(st.sampled_from(NER), max_size=12))
def test_mended_tags_are_iob2_with_the_lenient_entities(tags):
    from seqeval.metrics.sequence_labeling import get_entities  # conlleval's reading, an independent oracle

    mended, _ = iob2(tags)
    assert iob2(mended) == (mended, 0)
    assert get_entities(mended) == get_entities(tags)


# Anything but the separators; blanks alone are no token.
TOKENS = st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), min_size=1).filter(
    lambda token: token.strip(" ") and not token.startswith(("\ufeff", "qu:"))
)
SENTENCES = st.lists(st.lists(st.tuples(TOKENS, st.sampled_from(NER)), min_size=1, max_size=5), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None)
@given(sentences=SENTENCES, prefixed=st.booleans(), returns=st.booleans())
def test_whatever_is_written_is_read(tmp_path_factory, sentences, prefixed, returns):
    sentences = [[("First", "O")], *sentences]  # so that no accident makes all lines look prefixed
    start, end = "qu:" if prefixed else "", "\r\n" if returns else "\n"
    text = end.join("".join(f"{start}{token}\t{tag}{end}" for token, tag in s) for s in sentences)
    found = read(tmp_path_factory.mktemp("lines"), text)
    assert [tokens for tokens, _ in found.rows] == [[token for token, _ in s] for s in sentences]
    assert [tags for _, tags in found.rows] == [iob2([tag for _, tag in s])[0] for s in sentences]
