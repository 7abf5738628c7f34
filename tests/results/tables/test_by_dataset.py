"""Means over datasets for each target, and over all: the layouts of MGL's Tables 1 and 3, against NumPy and SciPy."""

import csv
import io
import re

import numpy as np
import pytest
from scipy import stats

from pipeline.results.tables.cells import AVERAGE, Column, Row
from pipeline.results.tables.latex import to_latex
from pipeline.results.tables.notes import caption, notes, numbers_of_seeds, remarks
from pipeline.results.tables.render import to_csv, to_markdown
from tests.results.tables.test_latex import compiled
from tests.results.tables.test_table import METRIC, csv_rows, experiment, line, row, table_of

DATASETS, TARGETS = ("books", "dvd", "music"), ("fr", "ja")
BASE, OURS = Row("target_only"), Row("joint")
FR, JA = Column("fr", mean=True), Column("ja", mean=True)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def scores_of(seeds=8):
    """Scores (method, target, dataset, seed): the second method is better, by more on fr."""
    rng = np.random.default_rng(3)
    values = rng.normal(0.6, 0.02, (2, len(TARGETS), len(DATASETS), seeds))
    values[1, 0] += 0.06
    values[1, 1] += 0.01
    return values.round(3)


def data_of(values, leave_out=lambda *cell: False):
    """Rows of scores: each dataset and target is an experiment of its own, as in config/papers/mgl.yaml."""
    return [
        row(
            method,
            target,
            seed + 1,
            float(values[m, t, d, seed]),
            settings=dataset,
            experiment=f"{dataset}-{target}",
            dataset=f"{dataset}-0",
            run=f"{method}-{dataset}-{target}-{seed}",
        )
        for m, method in enumerate(("target_only", "joint"))
        for t, target in enumerate(TARGETS)
        for d, dataset in enumerate(DATASETS)
        for seed in range(values.shape[-1])
        if not leave_out(method, target, dataset, seed)
    ]


SETTINGS = {name: {"dataset": f"{name}-0", "encoder": "small-1", "target_size": 100} for name in DATASETS}


def made(values, data=None, **changes):
    seeds = list(range(1, values.shape[-1] + 1))
    experiments = [
        experiment(name=f"{dataset}-{target}", dataset=dataset, targets=[target], model_seeds=seeds)
        for dataset in DATASETS
        for target in TARGETS
    ]
    return table_of(data or data_of(values), SETTINGS, experiments=experiments, **{"columns": "dataset", **changes})


def adjusted(p):
    """Holm's p-values, from the definition."""
    order = np.argsort(p)
    steps = np.maximum.accumulate([(len(p) - i) * p[j] for i, j in enumerate(order)])
    return np.minimum(1, steps[np.argsort(order)])


@pytest.mark.parametrize("columns", ["dataset", "dataset_average"])
def test_means_are_per_seed_first_and_tests_are_scipys_over_seeds(columns):
    values = scores_of()
    table = made(values, columns=columns)
    means = {FR: values[:, 0].mean(1), JA: values[:, 1].mean(1), AVERAGE: values.mean((1, 2))}  # (method, seed)
    for column, (base, ours) in means.items():
        cell = table.cells[OURS, column]
        assert list(cell.scores.values()) == pytest.approx(ours)
        assert (cell.summary.mean, cell.summary.sd) == (pytest.approx(ours.mean()), pytest.approx(ours.std(ddof=1)))
        assert cell.comparison.p == pytest.approx(stats.ttest_rel(ours, base).pvalue)
        assert cell.comparison.difference == pytest.approx((ours - base).mean())
        low, high = stats.ttest_rel(ours, base).confidence_interval()
        assert (cell.comparison.low, cell.comparison.high) == (pytest.approx(low), pytest.approx(high))


def test_cells_are_one_family_the_targets_means_another_and_the_average_is_alone():
    values = scores_of()
    table = made(values)
    single = [Column(target, dataset=name) for target in TARGETS for name in DATASETS]
    p = [stats.ttest_rel(values[1, t, d], values[0, t, d]).pvalue for t in range(2) for d in range(3)]
    of = [stats.ttest_rel(values[1, t].mean(0), values[0, t].mean(0)).pvalue for t in range(2)]
    assert [table.cells[OURS, column].p_holm for column in single] == pytest.approx(adjusted(p))
    assert [table.cells[OURS, column].p_holm for column in (FR, JA)] == pytest.approx(adjusted(of))
    assert [table.cells[OURS, column].family for column in (*single, FR, JA, AVERAGE)] == [6] * 6 + [2, 2, 1]
    assert table.cells[OURS, AVERAGE].p_holm == table.cells[OURS, AVERAGE].comparison.p
    # Seven seeds are enough for two comparisons and for one, and not for six (docs/tables.md).
    seven = made(scores_of(7)).cells
    assert seven[OURS, FR].significant and seven[OURS, AVERAGE].significant
    assert all(seven[OURS, column].hopeless for column in single)
    said = (
        "over the row (6 comparisons; the targets' averages, 2, a family of their own; the average is a family of one)"
    )
    assert any(said in text for text in remarks(table))
    hidden = made(values, columns="dataset_average")
    assert [hidden.cells[OURS, column].family for column in (FR, JA, AVERAGE)] == [2, 2, 1]
    assert any("(the targets' averages, 2; the average is a family of one)" in text for text in remarks(hidden))


def test_the_first_tables_columns_are_each_targets_datasets_and_mean_then_the_mean_of_all():
    table = made(scores_of())
    head = ["fr books", "fr dvd", "fr music", "fr average", "ja books", "ja dvd", "ja music", "ja average", "average"]
    text = to_markdown(table)
    assert line(text, 2) == ["", *head]
    values = scores_of()
    shown = [re.sub("[*]|</?u>", "", cell.split(" ")[0]) for cell in line(text, 5)[1:]]
    fr, ja = values[1].mean(-1)
    wanted = [*fr, fr.mean(), *ja, ja.mean(), values[1].mean()]
    assert [float(cell) for cell in shown] == pytest.approx([100 * value for value in wanted], abs=0.051)
    assert not [text for text in caption(table) if text.startswith("Averages")], "all are there to see"
    assert [r["column"] for r in csv.DictReader(io.StringIO(to_csv(table))) if r["row"] == "joint"] == head


def test_the_third_tables_columns_are_the_means_and_the_csv_has_the_cells_too():
    values = scores_of()
    table = made(values, columns="dataset_average")
    assert [column.label for column in table.columns] == ["fr average", "ja average", "average"]
    assert "Averages are over fr books, ja books, fr dvd, ja dvd, fr music, ja music, for each seed first." in notes(
        table, "Underlined"
    )
    found = csv_rows(table)
    assert float(found["joint", "ja music"]["mean"]) == pytest.approx(100 * values[1, 1, 2].mean())
    assert float(found["joint", "fr average"]["mean"]) == pytest.approx(100 * values[1, 0].mean())
    assert float(found["joint", "average"]["mean"]) == pytest.approx(100 * values[1].mean())
    places = {
        key: (found["joint", key]["language"], found["joint", key]["dataset"])
        for key in ("ja music", "fr average", "average")
    }
    assert places == {"ja music": ("ja", "music"), "fr average": ("fr", ""), "average": ("", "")}


def test_one_target_has_no_average_beside_its_own():
    values = scores_of()
    data = [r for r in data_of(values) if r["language"] == "fr"]
    seeds = list(range(1, 9))
    experiments = [experiment(name=f"{d}-fr", dataset=d, targets=["fr"], model_seeds=seeds) for d in DATASETS]
    table = table_of(data, SETTINGS, experiments=experiments, columns="dataset_average")
    assert [column.label for column in table.columns] == ["fr average"]
    assert [column.label for column in made(values, average=False, columns="dataset_average").columns] == [
        "fr average",
        "ja average",
    ]


def test_an_empty_cell_empties_its_targets_mean_and_is_named_under_both_layouts():
    values = scores_of()
    data = data_of(values, lambda method, target, dataset, seed: (method, target, dataset) == ("joint", "ja", "dvd"))
    table = made(values, data)
    assert table.cells[OURS, JA].reasons == ("no average: 1 of 3 columns are empty",)
    assert table.cells[OURS, AVERAGE].reasons == ("no average: 1 of 6 columns are empty",)
    assert table.cells[OURS, FR].summary is not None
    assert table.cells[OURS, Column("ja", dataset="dvd")].reasons == ("not in the collected scores",)
    hidden = made(values, data, columns="dataset_average")
    for text in (to_markdown(hidden), to_latex(hidden)):
        assert "ja dvd: not in the collected scores" in text
    assert "ja dvd: not in the collected scores" in csv_rows(hidden)["joint", "ja average"]["notes"]
    assert csv_rows(hidden)["joint", "fr average"]["notes"] == ""


def test_a_missing_seed_is_left_out_of_every_mean_that_it_is_behind():
    values = scores_of()
    data = data_of(
        values, lambda method, target, dataset, seed: (method, target, dataset, seed) == ("joint", "ja", "dvd", 7)
    )
    table = made(values, data)
    assert (table.cells[OURS, FR].summary.n, table.cells[OURS, JA].summary.n) == (8, 7)
    assert table.cells[OURS, JA].summary.mean == pytest.approx(values[1, 1, :, :7].mean())
    assert table.cells[OURS, AVERAGE].summary.mean == pytest.approx(values[1, :, :, :7].mean())
    assert table.cells[OURS, JA].reasons == ("over the 7 seeds that every column has",)


def test_scores_of_another_dataset_fill_no_cell():
    values = scores_of()
    data = data_of(values)
    assert len({r["run"] for r in data}) == len(data)
    cells = made(values, data).cells
    for d, name in enumerate(DATASETS):
        assert list(cells[OURS, Column("fr", dataset=name)].scores.values()) == pytest.approx(values[1, 0, d])
    sizes = [
        text for text in remarks(made(values, [{**r, "n": 200 if r["dataset"] == "dvd-0" else 100} for r in data]))
    ]
    assert any(text.startswith("Test sentences: fr books 100, ja books 100, fr dvd 200,") for text in sizes)


def test_latex_has_a_panel_for_each_target_and_fits_the_page(tmp_path):
    table = made(scores_of())
    text = to_latex(table)
    assert r"\begin{tabular}{lr@{}lr@{}lr@{}lr@{}l}" in text
    assert " & \\multicolumn{2}{c}{fr books} & \\multicolumn{2}{c}{fr dvd} & " in text
    assert " & \\multicolumn{2}{c}{average} \\\\\n\\midrule\n" in text
    assert "Overfull \\hbox" not in compiled(text, tmp_path)


UNLIKE = {
    "target_size": (50, 20, "target_size 50 (books), 20 (dvd)"),
    "auxiliary": ("hi", "bg+de", "auxiliary hi (books), bg+de (dvd)"),
    "encoder": ("small-1", "large-2", "encoder small-1 (books), large-2 (dvd)"),
    "training.epochs": (1, 2, "training.epochs 1 (books), 2 (dvd)"),
    "training.select_metric": (
        None,
        "entity_f1_lenient",
        f"training.select_metric {METRIC} (books), entity_f1_lenient (dvd)",
    ),
    "training.test_max_length": (None, 64, "training.test_max_length as max_length (books), 64 (dvd)"),
    "parent.training.epochs": (None, 5, "parent.training.epochs 3 (books), 5 (dvd)"),  # 3 as the child's
}


def unlike_world(key, first, second, columns, **same):
    """Two datasets of two targets, their runs unlike in one setting; `None` is a key that a run does not have."""
    data = [r for r in data_of(scores_of()) if r["dataset"] != "music-0"]
    common = {"encoder": "small-1", "training.epochs": 3, **same}
    settings = {
        name: {
            **common,
            "dataset": f"{name}-0",
            "source_dataset": f"{name}-1",
            **({} if value is None else {key: value}),
        }
        for name, value in (("books", first), ("dvd", second))
    }
    experiments = [
        experiment(name=f"{d}-{t}", dataset=d, targets=[t], model_seeds=list(range(1, 9)))
        for d in ("books", "dvd")
        for t in TARGETS
    ]
    return table_of(data, settings, experiments=experiments, columns=columns)


@pytest.mark.parametrize("columns", ["dataset", "dataset_average"])
@pytest.mark.parametrize("key", UNLIKE)
def test_a_mean_over_datasets_of_unlike_runs_says_in_what_they_are_unlike(key, columns):
    first, second, said = UNLIKE[key]
    table = unlike_world(key, first, second, columns)
    for row_, column in [(r, c) for r in (BASE, OURS) for c in (FR, JA, AVERAGE)]:
        assert table.cells[row_, column].reasons == (f"its columns are of unlike {said}",)
        assert table.cells[row_, column].summary.n == 8, "said, and averaged all the same"
    assert table.cells[OURS, Column("fr", dataset="dvd")].reasons == ()
    assert to_markdown(table).count(f"its columns are of unlike {said}") == 1
    assert f"its columns are of unlike {said}" in csv_rows(table)["joint", "fr average"]["notes"]


def test_what_makes_datasets_other_datasets_is_no_unlikeness():
    alike = unlike_world("parent.dataset", "a", "b", "dataset", target_size=50)
    assert not [cell for cell in alike.cells.values() if cell.reasons]


def test_where_targets_are_unlike_only_the_mean_over_all_says_so():
    data = [{**r, "settings": r["dataset"][:-2] + r["language"]} for r in data_of(scores_of())]
    settings = {f"{d}{t}": {**SETTINGS[d], "target_size": n} for d in DATASETS for t, n in (("fr", 100), ("ja", 500))}
    experiments = [
        experiment(name=f"{d}-{t}", dataset=d, targets=[t], model_seeds=list(range(1, 9)))
        for d in DATASETS
        for t in TARGETS
    ]
    cells = table_of(data, settings, experiments=experiments, columns="dataset").cells
    assert cells[OURS, FR].reasons == cells[OURS, JA].reasons == ()
    assert cells[OURS, AVERAGE].reasons == ("its columns are of unlike target_size 100 (fr), 500 (ja)",)
    books = {"books": 100, "dvd": 500, "music": 100}
    settings = {
        f"{d}{t}": {**SETTINGS[d], "target_size": books[d] if t == "fr" else 100} for d in DATASETS for t in TARGETS
    }
    cells = table_of(data, settings, experiments=experiments, columns="dataset").cells
    assert cells[OURS, FR].reasons == ("its columns are of unlike target_size 100 (books, music), 500 (dvd)",)
    assert cells[OURS, AVERAGE].reasons == (
        "its columns are of unlike target_size 100 (fr books, ja books, ja dvd, fr music, ja music), 500 (fr dvd)",
    )


def test_seeds_of_cells_and_of_their_means_are_families_of_their_own():
    """A target of 3 datasets with 3 seeds each, two of them in common: no family's numbers are unequal within."""
    values = scores_of(4)
    gone = {"books": 0, "dvd": 1, "music": 0}
    data = data_of(values, lambda method, target, dataset, seed: gone[dataset] == seed)
    table = made(values, data)
    assert {table.cells[OURS, c].comparison.n for c in table.columns if not c.mean} == {3}
    assert {table.cells[OURS, c].comparison.n for c in (FR, JA, AVERAGE)} == {2}
    assert numbers_of_seeds(table) == [set(), set(), set(), {3}, {2}, {2}]
    assert "where all cells of a row have as many" not in " ".join(remarks(table))
    gone["music"] = 9
    unequal = made(values, data_of(values, lambda method, target, dataset, seed: gone[dataset] == seed))
    assert numbers_of_seeds(unequal)[3] == {3, 4}
    assert "where all cells of a row have as many" in " ".join(remarks(unequal))
