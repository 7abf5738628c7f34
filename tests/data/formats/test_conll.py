import pytest

from pipeline.common.errors import UserError
from pipeline.data.formats.conll import COMMENT, DOCUMENT, read_conll
from pipeline.data.formats.lines import BOM, CARRIAGE


def read(tmp_path, text, tokens=None, tags=None, encoding="utf-8"):
    path = tmp_path / "a.conll"
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    found, repaired = read_conll(path, tokens, tags, encoding)
    rows = [
        (number, words, marks, [where(i).rpartition(":")[2] for i in range(len(words))])
        for number, words, marks, where in found
    ]
    return rows, dict(repaired)


def test_tabs_or_blanks_separate_columns(tmp_path):
    expected = [(0, ["Ana", "lives"], ["B-PER", "O"], ["1", "2"]), (1, ["Lima"], ["B-LOC"], ["4"])]
    assert read(tmp_path, "Ana\tB-PER\nlives\tO\n\nLima\tB-LOC\n") == (expected, {})
    assert read(tmp_path, "Ana B-PER\nlives  O\n\nLima B-LOC") == (expected, {})


def test_of_many_columns_the_first_and_the_last_are_taken_unless_said(tmp_path):
    text = "1 Ana NNP B-PER\n2 lives VBZ O\n"
    assert read(tmp_path, text, "0")[0] == [(0, ["1", "2"], ["B-PER", "O"], ["1", "2"])]
    assert read(tmp_path, text, "1", "3")[0] == [(0, ["Ana", "lives"], ["B-PER", "O"], ["1", "2"])]
    assert read(tmp_path, text, "1", "2")[0] == [(0, ["Ana", "lives"], ["NNP", "VBZ"], ["1", "2"])]


def test_blank_lines_comments_and_document_marks_part_sentences_and_are_counted(tmp_path):
    text = "-DOCSTART- -X- O\n\na x O\n-DOCSTART- -X- O\nb x O\n\n  \n\nc x O\n"
    assert read(tmp_path, text) == (
        [(0, ["a"], ["O"], ["3"]), (1, ["b"], ["O"], ["5"]), (2, ["c"], ["O"], ["9"])],
        {DOCUMENT: 2},
    )
    text = "# text = a b\na\tO\n# note\nb\tO\n\n#\tO\n"  # the last # is a token
    assert read(tmp_path, text) == ([(0, ["a", "b"], ["O", "O"], ["2", "4"]), (1, ["#"], ["O"], ["6"])], {COMMENT: 2})


def test_control_characters_belong_to_tokens_and_byte_order_marks_do_not(tmp_path):
    rows, repaired = read(tmp_path, "\ufeffa\x0b\x85b\tO\r\nc\u2028\tO\r\n")
    assert rows == [(0, ["a\x0b\x85b", "c\u2028"], ["O", "O"], ["1", "2"])]
    assert repaired == {BOM: 1, CARRIAGE: 2}
    assert read(tmp_path, "имя O\n", encoding="koi8-r")[0][0][1] == ["имя"]


@pytest.mark.parametrize(
    ("text", "columns", "says"),
    [
        ("a\tO\nb\tO\tO\n", (), r"a.conll:2: 3 columns \('b', 'O', 'O'\), expected 2 as in most lines"),
        ("a O\nb\n", (), r"a.conll:2: 1 column \('b'\), expected 2"),
        ("a\nb\n", (), r"a.conll:1: one column, expected a token and its tag; does the file bear no tags\?"),
        ("a O\n\tO\nb O\n", (), r"a.conll:2: tag 'O' without a token"),
        ("token\ttag\n\n", (), r"a.conll: holds no sentences below its header"),
        ("a\tO\n", ("2", None), r"columns: tokens: '2'; expected a column's number, 0 to 1 in .*a.conll"),
        ("a\tO\n", (None, "tag"), r"columns: tags: 'tag'; expected a column's number, 0 to 1"),
        ("a\tO\n", (None, "-1"), r"columns: tags: '-1'"),
        ("-DOCSTART- O\n\n", (), r"a.conll: holds no sentences"),
        ("\n\n", (), r"a.conll: the file is empty"),
        (b"a\tO\n\xff\tO\n", (), r"a.conll:2: byte 0xff at offset 4: not utf-8"),
    ],
)
def test_broken_files_are_refused_with_their_line(tmp_path, text, columns, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, text, *columns)
