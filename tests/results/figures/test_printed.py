"""What render prints is what is read back; what is no score table is left alone; what is a broken one is an error."""

import re
from pathlib import Path

import pytest

from pipeline.common.errors import UserError
from pipeline.results.figures.printed import (
    PrintedCell,
    TableText,
    drawn_from,
    find_tables,
    read_cell,
    read_table,
    unescape,
)
from pipeline.results.tables.notes import usual_n
from pipeline.results.tables.render import escape, to_markdown
from tests.results.tables.test_table import experiment, row, rows, seeds, sized, table_of

ROOT = Path(__file__).parents[3]
CAPTION = "Toy. Accuracy (×100): mean ± standard deviation over n = 3 seeds. Epoch: the last (joint)."
TABLE = """\
|       |             qu |
|:------|---------------:|
| base  |     40.8 ± 1.5 |
| joint | **65.8** ± 0.7† |
"""
DIFFERENCE = "Difference from base, 95 % t-interval over seeds, p:"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def page_of(text: str) -> Path:
    page = Path("page.md")
    page.write_text(text, encoding="utf-8")
    return page


def only(text: str) -> TableText:
    (found,) = find_tables(page_of(text))
    return found


def uneven():
    """A table whose cells differ in their number of seeds, one of them empty."""
    data = [r for r in rows() if (r["variant"], r["language"], r["model_seed"]) != ("joint", "jv", 3)]
    data = [r for r in data if (r["variant"], r["language"]) != ("target_only", "qu")]
    absent = [{**row("target_only", "qu", seed, 0.0), "reason": "not trained"} for seed in (1, 2, 3)]
    return table_of(data, missing=absent)


def starred():
    data, experiments = seeds(7)
    return table_of(data, experiments=experiments)


def labelled():
    methods = [{"name": "target_only", "label": "only | `target` \\"}, {"name": "joint", "label": "*JT* <2>"}]
    return table_of(rows(), methods=methods, title="Is it so? 50 % | <all>")


def split_by_size():
    return table_of(*sized())


def one_seed():
    return table_of([r for r in rows() if r["model_seed"] == 1], experiments=[experiment(model_seeds=[1])])


@pytest.mark.parametrize(
    "build",
    [lambda: table_of(rows()), uneven, starred, labelled, split_by_size, one_seed, lambda: table_of(rows(), title="")],
    ids=["plain", "uneven", "starred", "labelled", "split", "one_seed", "untitled"],
)
def test_what_is_rendered_is_read_back(build):
    table = build()
    found = read_table(only(f"# A page\n\nProse before.\n\n{to_markdown(table)}\nProse after.\n"))
    assert found.title == table.spec.title
    assert found.metric == "Entity micro-F1, strict IOB2"
    assert found.rows == [table.labels[r] for r in table.rows]
    assert found.columns == [column.label for column in table.columns]
    for printed_row, table_row in zip(found.cells, table.rows, strict=True):
        for printed, column in zip(printed_row, table.columns, strict=True):
            cell = table.cells[table_row, column]
            if cell.summary is None:
                assert printed.mean is None and printed.notes
                continue
            assert printed.mean == pytest.approx(100 * cell.summary.mean, abs=0.051)
            if cell.summary.sd is None:
                assert printed.sd is None
            else:
                assert printed.sd == pytest.approx(100 * cell.summary.sd, abs=0.051)
            assert (printed.best, printed.tied, printed.significant) == (cell.leads, cell.tied, cell.significant)
            assert (printed.n or usual_n(table)[0]) == cell.summary.n
            assert bool(printed.notes) == bool(cell.reasons)


def test_these_tables_have_all_that_can_be_printed():
    """So that the test above tests it."""
    cells = [
        cell for build in (uneven, starred) for row in read_table(only(to_markdown(build()))).cells for cell in row
    ]
    assert any(cell.significant for cell in cells)
    assert any(cell.n == 2 and cell.notes == "c" and cell.mean == 37.5 and cell.tied for cell in cells)
    assert any(cell == PrintedCell(notes="a") for cell in cells)


def test_the_baseline_is_the_row_that_the_differences_are_from():
    found = read_table(only(to_markdown(labelled())))
    assert (found.compared, found.baseline) == ("only | `target` \\", 0)
    found = read_table(only(to_markdown(table_of(rows(), baseline="joint"))))
    assert (found.compared, found.baseline) == ("joint", 1)
    found = read_table(only(to_markdown(table_of(rows(), baseline=None))))
    assert (found.compared, found.baseline) == ("", None)
    found = read_table(only(to_markdown(split_by_size())))
    assert (found.compared, found.baseline) == ("target_only", None), "two rows, each a baseline of its own"


def test_the_measure_is_said():
    assert read_table(only(to_markdown(one_seed()))).measure == "mean over n = 1 seed"
    text = "mean ± standard deviation over n = 3 seeds (in parentheses where it is another number)"
    assert read_table(only(to_markdown(uneven()))).measure == text


@pytest.mark.parametrize("text", ["a|b *c* `d` <e> f\\", "\\|", "\\\\", "&lt;"[:1], "en→qu ± †"])
def test_unescape_undoes_escape(text):
    assert unescape(escape(text)) == text


PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs/results").glob("*.md")))
    if "(×100): mean" in page.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_score_table_of_our_pages_is_read(page):
    captions = re.findall(r"\(×100\): mean[^\n]*\n\n\|", page.read_text(encoding="utf-8"))
    texts = find_tables(page)
    found = [read_table(text) for text in texts]
    assert len(found) == len(captions) > 0
    for text, table in zip(texts, found, strict=True):
        assert (table.baseline is None) == (table.compared == "")
        marked = any(cell.best or cell.tied for row in table.cells for cell in row)
        untested = "n = 1 seed" in table.measure and "Test sets: " in text.caption  # of one seed no lead is known
        assert marked == (len(table.rows) > 1 and not untested)


# ---------------------------------------------------------------------------------------------------- where tables stand


def test_lines_are_those_of_the_page():
    first, second = find_tables(
        page_of(f"# T\n\n{CAPTION}\n\n{TABLE}\n{DIFFERENCE}\n\n{TABLE}\nwords\n{CAPTION}\n{TABLE}")
    )
    assert (first.line, first.difference) == (5, DIFFERENCE)
    assert (second.line, second.caption) == (19, f"words {CAPTION}"), (
        "no blank line is needed between caption and table"
    )


def test_other_tables_and_code_are_no_score_tables():
    other = "| path | what |\n|---|---|\n| `a` | (×100): mean ± standard deviation over n = 3 seeds. |\n"
    code = f"```\n{CAPTION}\n\n{TABLE}```\n\n~~~ text\n{CAPTION}\n\n{TABLE}~~~\n"
    prose = f"{CAPTION}\n\nA paragraph between them.\n\n{TABLE}\n{CAPTION}\n```\ncode\n```\n{TABLE}"
    assert only(f"{other}\n{code}\n{prose}\n{CAPTION}\n\n{TABLE}").line == 43
    with pytest.raises(
        UserError, match=r"page.md: no score table; expected a Markdown page.*results/tables/<name>\.md"
    ):
        find_tables(page_of(f"{other}\n{code}\n{prose}"))


def test_a_page_that_is_not_there_or_empty_is_an_error():
    with pytest.raises(UserError, match=r"none\.md: no such file; expected a Markdown page with a score table"):
        find_tables(Path("none.md"))
    with pytest.raises(UserError, match=r"page\.md: the file is empty"):
        find_tables(page_of(""))


def test_windows_line_ends_and_blanks_around_lines_change_nothing():
    text = f"{CAPTION}\n\n{TABLE}\n{DIFFERENCE}\n"
    plain = only(text)
    Path("page.md").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "  \r\n").encode())
    (other,) = find_tables(Path("page.md"))
    assert other == plain and other.digest == plain.digest


@pytest.mark.parametrize(
    ("old", "new"), [("40.8", "40.9"), ("n = 3", "n = 4"), ("| base ", "| Base"), ("from base", "from joint")]
)
def test_the_digest_is_of_all_that_is_drawn(old, new):
    text = f"{CAPTION}\n\n{TABLE}\n{DIFFERENCE}\n"
    assert re.fullmatch("[0-9a-f]{64}", only(text).digest)
    assert only(text.replace(old, new)).digest != only(text).digest
    assert only(f"Other prose.\n\n{text}\nMore of it.\n").digest == only(text).digest


def test_a_file_without_digest_was_drawn_from_nothing():
    Path("x.png").write_bytes(b"\x89PNG metalingua-table of no digest")
    assert drawn_from(Path("x.png")) is None


# ------------------------------------------------------------------------------------------------------------ the errors


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("40.8 ± 1.5", PrintedCell(40.8, 1.5)),
        ("**65.8** ± 0.7†", PrintedCell(65.8, 0.7, best=True)),
        ("68.8", PrintedCell(68.8)),
        ("**37.5** ± 3.5 (2)\\* [a,b]", PrintedCell(37.5, 3.5, n=2, best=True, significant=True, notes="a,b")),
        ("31.0 (1) [aa]", PrintedCell(31.0, n=1, notes="aa")),
        ("100.0 ± 0.0", PrintedCell(100.0, 0.0)),
        ("", PrintedCell()),
        ("–", PrintedCell()),
        ("[c]", PrintedCell(notes="c")),
    ],
)
def test_a_cell_is_read(text, expected):
    assert read_cell(text, "here") == expected


@pytest.mark.parametrize(
    "text",
    [
        "40,8",
        "40.8 ±",
        "40.8 +- 1.5",
        "**40.8",
        "40.8** ± 1.5",
        "n/a",
        "408 ± 1.5",
        "-1.0",
        "40.8 ± 1.5 x",
        "40.8*",
        "[A]",
    ],
)
def test_a_cell_that_is_no_score_is_an_error_with_its_place(text):
    page = f"{CAPTION}\n\n{TABLE.replace('40.8 ± 1.5', text)}"
    with pytest.raises(UserError) as error:
        read_table(only(page))
    assert str(error.value) == (
        f"page.md:5: base, qu: {text!r} is no score; expected one from 0 to 100 such as '**65.8** ± 0.7†' or '68.8 [a]', "
        "or an empty cell; copy the table anew from results/tables/<name>.md"
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE + "| more |\n", r"page\.md:7: 1 cells, where the head has 2; copy the table anew"),
        (TABLE + "| more | 1.0 | 2.0 |\n", r"page\.md:7: 3 cells, where the head has 2; copy the table anew"),
        (TABLE + "| more | 1.0\n", r"page\.md:7: expected a row of the table above, from \| to \|, or a blank line"),
        (TABLE + "words\n", r"page\.md:7: expected a row of the table above, from \| to \|, or a blank line after it"),
        (TABLE.replace("|:------|---------------:|\n", ""), r"page\.md:3: expected a head .* a line \|:---\|---:\|"),
        (TABLE.replace("|:------|---------------:|", "|---|"), r"page\.md:3: expected a head"),
        ("| |\n|-|\n| base |\n", r"page\.md:3: expected a head of two cells or more"),
        ("| | qu |\n|-|-|\n", r"page\.md:3: expected a head of two cells or more, .* and rows"),
        ("| | qu |\n|-|-|\n| base | [a] |\n", r"page\.md:3: every cell is empty; run snakemake for the scores"),
    ],
)
def test_a_broken_table_is_an_error_with_its_place(table, message):
    with pytest.raises(UserError, match=message):
        read_table(only(f"{CAPTION}\n\n{table}"))


def test_an_unknown_baseline_is_an_error_with_the_nearest_row():
    with pytest.raises(UserError, match=r"page\.md:3: .* from 'jiont', but no row .*did you mean 'joint'\?$"):
        read_table(only(f"{CAPTION}\n\n{TABLE}\n{DIFFERENCE.replace('base', 'jiont')}\n"))
