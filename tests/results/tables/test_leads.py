"""Marks of what is tied with the best, and what is said where it cannot be told; scores by hand."""

import pytest

from pipeline.results.tables.cells import AVERAGE
from pipeline.results.tables.latex import to_latex
from pipeline.results.tables.render import to_markdown
from pipeline.results.tables.sureness import sureness
from tests.results.tables.test_table import BASE, JOINT, JV, QU, csv_rows, rows, table_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def said(table):
    return " ".join(sureness(table, "Underlined"))


def test_a_lead_that_holds_is_bold_and_what_is_tied_is_marked():
    table = table_of(rows())
    # over seeds alone, two methods: the paired t-interval; qu +10.0 ± 2.5, jv +3.0 ± 20.3
    assert [(table.cells[row, QU].tied, table.cells[row, QU].leads) for row in (BASE, JOINT)] == [
        (False, False),
        (False, True),
    ]
    assert [(table.cells[row, JV].tied, table.cells[row, JV].leads) for row in (BASE, JOINT)] == [
        (True, False),
        (True, False),
    ]
    assert "**62.0**" in to_markdown(table) and "<u>32.0</u>" in to_markdown(table)
    assert r"\textbf{62.0}" in to_latex(table) and r"\cellcolor[gray]{.88}32.0" in to_latex(table)
    assert "(Tukey's range of all methods of a column, 5 %, over seeds alone)" in said(table)
    found = csv_rows(table)["target_only", "en→qu"]
    assert (found["tied"], found["leads"], float(found["below_best"])) == ("0", "0", 10.0)
    assert float(found["below_best_needed"]) == pytest.approx(2.484, abs=1e-3)


def test_the_smallest_detectable_difference_of_each_column_is_said():
    # differences of sd .01 (qu): noncentral t with n = 3 finds 3.264 sd in 80 of 100
    assert "in points: en→qu 3.3, en→jv 26.7, average 12.3." in said(table_of(rows()))


def test_one_seed_marks_nothing_and_says_so():
    table = table_of([row for row in rows() if row["model_seed"] == 1])
    assert not any(cell.tied or cell.leads for cell in table.cells.values())
    assert said(table) == "Leads that cannot be tested: one seed."
    assert "**" not in to_markdown(table) and "providecommand" not in to_latex(table)


def test_a_method_of_one_seed_is_left_out_by_name():
    few = [row for row in rows() if row["variant"] == "joint" or row["model_seed"] == 1 or row["language"] == "jv"]
    text = said(table_of(few))
    assert "Leads that cannot be tested: no row shares seeds and test set with the highest in en→qu, average." in text


def test_unequal_seeds_are_compared_over_those_that_all_have():
    fewer = [row for row in rows() if (row["variant"], row["language"], row["model_seed"]) != ("target_only", "jv", 3)]
    table = table_of(fewer)
    assert "Leads are over the 2 seeds that all methods have in en→jv, average." in said(table)
    assert len(table.leads[JV].seeds) == 2 and table.leads[AVERAGE].unequal


def test_one_method_alone_has_no_marks():
    table = table_of([row for row in rows() if row["variant"] == "joint"])
    assert said(table) == ""
