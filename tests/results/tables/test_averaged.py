"""Rows that are averages of several runs: where they stand, what they are compared with, what is said of them."""

import pytest

from pipeline.results.scores.collect import settings_of
from pipeline.results.tables.cells import Column, Row, setting
from pipeline.results.tables.notes import remarks
from pipeline.results.tables.render import to_markdown
from pipeline.results.tables.sureness import sureness
from pipeline.results.tables.table import AVERAGE
from tests.results.tables.test_table import QU, csv_rows, experiment, row, rows, table_of
from tests.results.world import spec_of, table_spec

SOUP = Row("soup")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def averaged(over, data, baseline="target_only", **changes):
    """The toy table with a further row, and the runs of it."""
    methods = [
        *table_spec()["methods"],
        {"name": "soup", "method": "ensemble", "label": "soup", "average": {"over": over, "of": "joint"}},
    ]
    told = {
        "methods": methods,
        "experiments": [experiment(methods=["target_only", "joint", "soup"])],
        "baseline": baseline,
    }
    return table_of([*rows(), *data], **{**told, **changes})


def over_seeds(language, value, **changes):
    return row("soup", language, None, value, **changes)


def test_one_run_for_all_model_seeds_is_compared_with_their_mean_and_not_tested():
    table = averaged("seeds", [over_seeds("qu", 0.70), over_seeds("jv", 0.40)])
    cell = table.cells[SOUP, QU]
    assert (cell.summary.n, cell.summary.sd) == (1, None)
    assert cell.comparison.difference == pytest.approx(0.70 - 0.52) and cell.comparison.p is None
    assert cell.hopeless and cell.crossed_difference is None
    assert cell.reasons == ("compared over 1 data seed, with the baseline's mean over model seeds",)
    whole = table.cells[SOUP, AVERAGE]
    assert whole.summary.mean == pytest.approx(0.55)
    assert whole.comparison.difference == pytest.approx(0.55 - 0.42) and whole.comparison.p is None
    text = to_markdown(table)
    assert "70.0 (1)" in text and "no p" in text and "70.0**" not in text
    said = "soup: the mean probabilities of the runs of joint over model seeds, one for each data seed; its tests are over these."
    assert said in remarks(table)
    assert any("tested: the highest mean is of one seed." in note for note in sureness(table, "Underlined"))
    assert csv_rows(table)["soup", "en→qu"]["seeds"] == "42/all"


def test_several_data_seeds_are_paired():
    second = [
        row(v, to, s, x + 0.1, data_seed=43)
        for to in ("qu", "jv")
        for v, x in (("target_only", 0.4), ("joint", 0.5))
        for s in (1, 2, 3)
    ]
    second = [{**r, "run": f"{r['run']}-43"} for r in second]
    mine = [
        {**over_seeds(to, x, data_seed=d), "run": f"soup-{to}-{d}"}
        for to in ("qu", "jv")
        for d, x in ((42, 0.7), (43, 0.6))
    ]
    table = averaged(
        "seeds",
        [*second, *mine],
        experiments=[experiment(methods=["target_only", "joint", "soup"], data_seeds=[42, 43])],
    )
    cell = table.cells[SOUP, QU]
    assert cell.comparison.n == 2 and cell.comparison.difference == pytest.approx(((0.7 - 0.52) + (0.6 - 0.5)) / 2)
    assert cell.comparison.p is not None
    of_joint = table.cells[Row("joint"), QU]
    assert of_joint.comparison.n == 6, "other rows are compared as ever"


def test_an_average_may_be_the_baseline():
    table = averaged("seeds", [over_seeds("qu", 0.70), over_seeds("jv", 0.40)], baseline="soup")
    cell = table.cells[Row("joint"), QU]
    assert cell.comparison.difference == pytest.approx(0.62 - 0.70)
    assert cell.reasons == ("compared over 1 data seed, with its mean over model seeds",)


def test_a_missing_average_says_why():
    missing = {
        **{k: v for k, v in over_seeds("qu", 0).items() if k not in ("value", "n", "metric")},
        "reason": "not trained",
    }
    methods = [
        *table_spec()["methods"],
        {"name": "soup", "method": "ensemble", "label": "soup", "average": {"over": "seeds", "of": "joint"}},
    ]
    table = table_of(
        rows(), missing=[missing], methods=methods, experiments=[experiment(methods=["target_only", "joint", "soup"])]
    )
    assert table.cells[SOUP, QU].reasons == ("not trained",)
    assert table.cells[SOUP, Column("jv", "en")].reasons == ("not in the collected scores",)


def test_an_average_over_sources_stands_in_every_column_of_its_target_and_is_paired_by_seed():
    german = [row("joint", to, s, 0.5, sources="de") for to in ("qu", "jv") for s in (1, 2, 3)]
    mine = [row("soup", to, s, 0.6 + s / 100, sources="") for to in ("qu", "jv") for s in (1, 2, 3)]
    told = experiment(methods=["target_only", "joint", "soup"], sources=["en", "de"])
    table = averaged("sources", [*german, *mine], experiments=[told])
    cells = [table.cells[SOUP, Column("qu", source)] for source in ("en", "de")]
    assert cells[0].scores == cells[1].scores and cells[0].summary.n == 3
    assert cells[0].comparison.n == 3 and cells[0].comparison.p is not None
    said = "soup: the mean probabilities of the runs of joint over source sets, the same in every column of a target."
    assert said in remarks(table)
    by_target = averaged("sources", [*german, *mine], experiments=[told], columns="target")
    assert [by_target.labels[r] for r in by_target.rows] == [
        "target_only",
        "joint (sources de)",
        "joint (sources en)",
        "soup",
    ]


def test_settings_of_an_average_are_those_of_its_members_and_what_it_is_over():
    specs = {f"joint-{s}-{m}": spec_of("joint", "qu", m, [s], dev_size=20) for s in ("en", "de") for m in (1, 2)}
    mean = spec_of("ensemble", "qu", None, [], training={}, members=list(specs), dev_size=None)
    found = settings_of(mean, specs)
    assert found["members.model_seed"] == "1, 2" and found["members.sources"] == "de, en"
    assert (found["members.method.name"], found["method.name"]) == ("joint", "ensemble")
    assert (found["members.dev_size"], found["members.training.epochs"], "members.encoder" in found) == (20, 3, False)
    assert setting(found, "members.encoder") == setting(found, "encoder") == "small-11111111"
    assert setting({"members.x": 1, "x": 2}, "members.parent.x") == 1
    other = settings_of({**mean, "members": list(specs)[:2]}, specs)
    assert other != found, "averages of other runs are not put into one mean"
