"""The papers' tables: every published number in its place, ours beside it, and what is told of the cells that have none."""

import csv
import io
import re
import shutil
from collections import Counter
from dataclasses import replace

import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_text
from pipeline.grid import papers as targets
from pipeline.grid import printing
from pipeline.grid.layout import papers
from pipeline.results.printed.compose import compose
from pipeline.results.printed.document import compiled, document
from pipeline.results.printed.latex import panels, to_latex
from pipeline.results.printed.published import read_published
from pipeline.results.printed.views import look_up, read_views
from pipeline.results.printed.words import caption, remarks
from pipeline.results.printed.write import to_csv, to_markdown
from pipeline.results.tables.latex import SHADE
from tests.results.printed.world import DEMO, FULL, PUBLISHED, printed

EVERY = [(paper, name.split("_")[-1]) for paper in papers() for name in targets.targets_of(paper) if "table" in name]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("paper", "number"), EVERY, ids=lambda value: value)
def test_every_published_number_stands_in_one_cell(paper, number):
    published = read_published(PUBLISHED, paper, number)
    spec = printing.printed_spec(paper, number, FULL)
    parts = [part for row in spec["rows"] for part in row.get("cells", ()) if part.get("published")]
    found = [published.find(part["published"]) for part in parts]
    shown = Counter(id(line) for line in found if line is not None)
    assert set(shown) == {id(line) for line in published.lines}
    assert set(shown.values()) == {1}


@pytest.fixture
def ablations(folder):
    return printed("table_mgl_3")


def by_place(table):
    return {(line["row"], line["column"]): line for line in csv.DictReader(io.StringIO(to_csv(table)))}


def test_ours_published_and_their_difference(ablations):
    cells = by_place(ablations)
    view = {(r["variant"], r["column"]): r for r in read_views(["mgl.table3"])["mgl.table3"]}
    cell = cells["mBERT+MGL w/o Meta", "JA"]
    assert cell["published"] == "72.86" and cell["ours"] == view["mgl-no_meta", "ja average"]["mean"]
    assert float(cell["difference"]) == pytest.approx(float(cell["ours"]) - 72.86, abs=1e-5)
    average = cells["mBERT+MGL w/o Meta", "Avg"]
    assert average["ours"] == view["mgl-no_meta", "average"]["mean"]
    gain = cells["mBERT+MGL w/o Meta", "Δ"]
    assert gain["published"] == "+2.84", "as the paper prints it"
    ours = float(cells["mBERT+MGL (Full model)", "Avg"]["ours"]) - float(average["ours"])
    assert float(gain["ours"]) == pytest.approx(ours)
    assert cells["mBERT+MGL (Full model)", "Δ"]["published"] == ""


def test_markdown_has_a_line_for_each_part_of_a_cell(ablations):
    lines = to_markdown(ablations).splitlines()
    assert lines[0].startswith("Ablations on Amazon reviews")
    assert "Table 3 of Li et al. 2020, ours, published and difference. Ours: Accuracy ×100" in lines[0]
    row = next(n for n, line in enumerate(lines) if "w/o Meta" in line)
    second = [[cell.strip() for cell in line.strip("|").split("|")][1] for line in lines[row : row + 3]]
    assert second == ["ours", "published", "difference"]
    assert "| FR |" in " ".join(lines[2].split())


def test_what_is_tied_with_the_best_is_marked_as_in_the_tables_that_ours_is_from(ablations):
    view = {(r["variant"], r["column"]): r for r in read_views(["mgl.table3"])["mgl.table3"]}
    cells = by_place(ablations)
    rows = {"mgl": "mBERT+MGL (Full model)", "mgl-no_meta": "mBERT+MGL w/o Meta"}
    for method, row in rows.items():
        for column, shown in {"average": "Avg", "ja average": "JA"}.items():
            there, here = view[method, column], cells[row, shown]
            assert here["leads"] == there["leads"] and here["tied"] == str(
                int((there["tied"], there["leads"]) == ("1", "0"))
            )
    tied = sum(cell["tied"] == "1" for cell in cells.values())
    assert tied and to_markdown(ablations).count("<u>") == tied
    assert to_latex(ablations).count(SHADE) == 2 * tied, "in both parts of a cell"
    for text in (to_markdown(ablations), to_latex(ablations)):
        assert "not separable from the highest mean" in text
    published = replace(ablations, spec={**ablations.spec, "show": ["published"]})
    assert "<u>" not in to_markdown(published) and "separable" not in to_markdown(published)


def test_decimal_points_stand_below_each_other(ablations):
    lines = [line for line in to_markdown(ablations).splitlines() if line.startswith("|")][2:]
    plain = [re.sub(r"</?u>|\*\*", "", line) for line in lines]
    for column in range(2, 2 + len(ablations.heads)):
        texts = [line.split("|")[column + 1] for line in plain]
        behind = {len(text.rstrip(" ")) - text.index(".") for text in texts if "." in text}
        assert len(behind) == 1, (column, texts)


def test_only_what_is_asked_for_is_shown():
    alone = printed("table_mgl_3", targets.Scale(show=("published",)))
    text = to_markdown(alone)
    assert "difference" not in text and "| mBERT+MGL w/o Meta" in text and "±" not in text


def test_metrics_keep_their_letters_in_a_list():
    said = " ".join(caption(printed("table_mgl_2")))
    assert "Precision of the positive class, recall of the positive class and F1 of the positive class ×100" in said


def test_heads_stand_over_several_columns():
    table = printed("table_metaxl_4")
    text = to_latex(table)
    assert r"\multicolumn{8}{c}{NER (average)}" in text and r"\cmidrule(lr){3-10}" in text
    assert [len(part) for part in panels(table)] == [8, 4]
    assert text.count(r"\begin{table}") == 2 == text.count(r"\toprule")
    cells = by_place(table)
    assert cells["", "SA (fa) Δ"]["published"] == "-0.71", "of the last row"


def test_cells_without_a_result_say_why_and_means_are_over_what_ours_has():
    table = printed("table_meta_optimizer_1", leave_out=("x_maml",))
    cells = by_place(table)
    assert cells["Meta-Optimizer", "ur"]["notes"] == "ur is an auxiliary language here"  # el + ur, the later row
    average = cells["Meta-Optimizer", "avg"]
    assert "over the 12 languages that ours has; the paper prints 66.61" in average["notes"]
    others = (75.53, 75.93, 72.68, 67.04, 70.88, 51.51, 49.89, 64.33, 72.06, 72.36, 70.32, 56.29)
    assert average["published"] == f"{sum(others) / 12:.2f}"
    missing = cells["Nooralahzadeh et al. (2020)", "fr"]
    assert missing["ours"] == "" and "not run" in missing["notes"] and missing["published"] == "74.42"


def test_a_contradiction_is_a_note_at_its_number():
    cells = by_place(printed("table_metaxl_3"))
    assert "89.52 here and 90.53 in Tables 4, 5 and 6" in cells["MetaXL", "tel"]["notes"]
    assert cells["MetaXL", "fa"]["notes"] == ""


def test_demo_scale_is_said_in_the_caption():
    table = printed("table_metaxl_3", DEMO)
    assert table.name == "table_metaxl_3-demo"
    said = caption(table)
    assert said[0].startswith("Demo scale: artificial languages of Babel stand for the paper's")
    assert all(cell.mean is not None for cell in table.cells)
    assert by_place(table)["(2) JT", "fa"]["published"] == "85.51"


def test_a_published_number_without_a_cell_is_named():
    spec = printing.printed_spec("mgl", "3", FULL)
    spec["rows"] = spec["rows"][:-1]
    printed("table_mgl_3")
    table = compose("x", spec, read_views(["mgl.table3"]), read_published(PUBLISHED, "mgl", "3"))
    assert "Published, and in no cell here: mgl fr 83.43, mgl ja 74.09" in " ".join(remarks(table, "Shaded"))


def test_ambiguous_numbers_and_rows_are_refused():
    published = read_published(PUBLISHED, "mgl", "3")
    with pytest.raises(UserError, match=r"7 numbers are .* say which by note, value"):
        published.find({"target": "fr"})
    with pytest.raises(UserError, match=r"no column 'methd' in scores.csv; did you mean 'method'"):
        published.find({"methd": "mgl"})
    printed("table_metaxl_4")
    cell = {"view": "metaxl.table-4", "method": "joint", "language": "average", "dataset": None, "settings": {}}
    with pytest.raises(UserError, match=r"joint has several rows.*`settings` must say which"):
        look_up(read_views(["metaxl.table-4"]), cell)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_a_document_of_all_tables_compiles(ablations):
    write_text(paths.printed(ablations.name, "tex"), to_latex(ablations))
    spec = {**printing.document_spec("mgl", FULL), "tables": [ablations.name], "figures": []}
    path = paths.printed("mgl", "tex")
    write_text(path, document(spec, ablations.citation))
    assert compiled(path) and path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_without_latex_there_is_the_source_alone(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None)
    assert not compiled(paths.printed("mgl", "tex"))
    assert printing.document_files("mgl") == ["results/papers/mgl.tex"]
