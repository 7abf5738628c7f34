"""Of a tuned variant a table shows the point that dev data chose, says which, and never asks the test set."""

import csv
import io
import json
import random

import pyarrow as pa
import pytest

from pipeline.common.errors import UserError
from pipeline.results.scores.collect import SCORES
from pipeline.results.tables.cells import Column, Row, read_spec
from pipeline.results.tables.latex import to_latex
from pipeline.results.tables.notes import caption, remarks
from pipeline.results.tables.protocols import selection
from pipeline.results.tables.render import to_csv, to_markdown
from pipeline.results.tables.table import AVERAGE, build
from tests.results.world import table_spec

QU, JV = Column("qu", "en"), Column("jv", "en")
TUNED = Row("tuned")
METRIC = "entity_f1_strict"
RATE = "training.learning_rate"
SEEDS = (1, 2, 3)

REST = {"encoder": "small-1", "target_size": 100}
SETTINGS = {"base": {**REST, RATE: 5e-4}, "A": {**REST, RATE: 1e-2}, "B": {**REST, RATE: 1e-3}}

# Dev and test disagree everywhere: what dev prefers is worse on test. Per target dev prefers B for qu (.7 against .6) and A
# for jv (.5 against .46); over both it prefers B, (.7 + .46) / 2 = .58 against (.6 + .5) / 2 = .55.
DEV = {
    ("A", "qu"): (0.5, 0.6, 0.7),
    ("B", "qu"): (0.7, 0.6, 0.8),
    ("A", "jv"): (0.5, 0.4, 0.6),
    ("B", "jv"): (0.46, 0.47, 0.45),
}
TEST = {
    ("A", "qu"): (0.90, 0.91, 0.92),
    ("B", "qu"): (0.10, 0.12, 0.14),
    ("A", "jv"): (0.20, 0.22, 0.24),
    ("B", "jv"): (0.80, 0.81, 0.82),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def row(point, language, seed, value, dev, **changes):
    variant = "target_only" if point == "base" else "tuned"
    facts = {
        "experiment": "main",
        "variant": variant,
        "run": f"{point}-{language}-{seed}",
        "sources": "" if point == "base" else "en",
        "target": language,
        "language": language,
        "data_seed": 42,
        "model_seed": seed,
        "settings": point,
        "metric": METRIC,
        "value": value,
        "n": 100,
        "dev": dev,
        "dev_metric": None if dev is None else METRIC,
    }
    return {**facts, **changes}


def rows(dev=DEV, test=TEST):
    """A run of each point, target and seed that `dev` has, and the untuned baseline."""
    base = [row("base", language, seed, 0.3, None) for language in ("qu", "jv") for seed in SEEDS]
    return base + [
        row(point, language, seed, test[point, language][seed - 1], dev[point, language][seed - 1])
        for point, language in dev
        for seed in SEEDS
    ]


def points(*values, key="learning_rate"):
    return [{"shown": {f"training.{key}": str(v)}, "settings": {"training": {key: v}}} for v in values]


def methods(by="target", grid=None):
    tune = {"by": by, "points": grid or points(1e-2, 1e-3)}
    return [{"name": "target_only", "label": "target_only"}, {"name": "tuned", "label": "JT", "tune": tune}]


def table_of(data, by="target", grid=None, settings=None, missing=(), **changes):
    experiments = [{**table_spec()["experiments"][0], "methods": ["target_only", "tuned"]}]
    given = {"methods": methods(by, grid), "experiments": experiments, "selection": [], **changes}
    facts = {"settings": settings or SETTINGS, "missing": list(missing)}
    return build("toy", read_spec(json.dumps(table_spec(**given))), pa.Table.from_pylist(data, schema=SCORES), facts)


def values(table, column, which=TUNED):
    return list(table.cells[which, column].scores.values())


def csv_rows(table):
    return {(r["row"], r["column"]): r for r in csv.DictReader(io.StringIO(to_csv(table)))}


def without(data, *wanted):
    """The rows but for those of (point, language) or (point, language, seed)."""
    return [r for r in data if not any((r["settings"], r["language"], r["model_seed"])[: len(w)] == w for w in wanted)]


def absent(*wanted):
    """The metadata of runs that are not there, by (point, language, seed)."""
    return [{**row(*w, 0.0, None), "reason": "not trained"} for w in wanted]


# ------------------------------------------------------------------------------------------------------------ the choice


def test_dev_chooses_for_each_target_though_test_disagrees():
    table = table_of(rows())
    assert values(table, QU) == [0.10, 0.12, 0.14]
    assert values(table, JV) == [0.20, 0.22, 0.24]
    assert values(table, AVERAGE) == pytest.approx([0.15, 0.17, 0.19])
    assert list(table.cells[TUNED, QU].runs.values()) == ["B-qu-1", "B-qu-2", "B-qu-3"]


def test_one_point_for_all_targets_by_the_mean_over_them():
    table = table_of(rows(), by="mean")
    assert values(table, QU) == [0.10, 0.12, 0.14]
    assert values(table, JV) == [0.80, 0.81, 0.82]
    assert table.choices[TUNED, JV].dev == pytest.approx(0.58)


def test_each_target_weighs_the_same_in_the_mean():
    # one seed of jv, three of qu: A has (.6 + .9) / 2 = .75, B (.7 + .7) / 2 = .7; over the four runs B would win, .7 to .675
    dev = {**DEV, ("A", "jv"): (0.9, 0, 0), ("B", "jv"): (0.7, 0, 0)}
    data = [r for r in rows(dev) if (r["language"], r["model_seed"]) not in {("jv", 2), ("jv", 3)}]
    table = table_of(data, by="mean")
    assert table.choices[TUNED, QU].point.text == "training.learning_rate 0.01"
    assert table.choices[TUNED, QU].dev == pytest.approx(0.75)


def test_of_equal_points_the_first_is_chosen_in_the_config_s_order():
    tied = {key: (0.1, 0.2, 0.4) if key[0] == "A" else (0.4, 0.1, 0.2) for key in DEV}  # the same sum in another order
    assert values(table_of(rows(tied)), QU) == [0.90, 0.91, 0.92]
    assert values(table_of(rows(tied), grid=points(1e-3, 1e-2)), QU) == [0.10, 0.12, 0.14]


@pytest.mark.parametrize("by", ["target", "mean"])
def test_no_test_score_changes_the_choice(by):
    expected = table_of(rows(), by=by).choices
    generator = random.Random(1)
    for _ in range(20):
        test = {key: [generator.random() for _ in SEEDS] for key in TEST}
        assert table_of(rows(test=test), by=by).choices == expected


def test_a_metric_that_the_chosen_point_lacks_is_an_empty_cell_and_no_other_choice():
    # on qu only point A, which dev did not choose, predicted any ORG
    data = rows()
    data += [{**r, "metric": f"{METRIC}_ORG", "value": 0.5} for r in data if r["settings"] == "A"]
    table = table_of(data, metric=f"{METRIC}_ORG")
    assert table.cells[TUNED, QU].reasons == (
        f"{METRIC}_ORG is not defined: no example of ORG, neither in gold nor predicted",
    )
    assert values(table, JV) == [0.5, 0.5, 0.5]


def test_tuned_keys_split_no_row_and_other_settings_do():
    assert [table_of(rows()).labels[r] for r in table_of(rows()).rows] == ["target_only", "JT"]
    larger = {f"{name}500": {**settings, "target_size": 500} for name, settings in SETTINGS.items()}
    # with 500 sentences dev prefers A for qu and B for jv, the other way round
    swapped = {"A": "B", "B": "A", "base": "base"}
    more = [
        {**r, "run": f"{r['run']}-500", "settings": f"{swapped[r['settings']]}500", "value": r["value"] / 2}
        for r in rows()
    ]
    table = table_of([*rows(), *more], settings=SETTINGS | larger)
    assert [table.labels[r] for r in table.rows[2:]] == ["JT (target_size 100)", "JT (target_size 500)"]
    assert values(table, QU, table.rows[3]) == [0.05, 0.06, 0.07]
    assert table.cells[table.rows[3], QU].comparison.difference == pytest.approx(0.06 - 0.15)
    assert [text for text in remarks(table) if text.startswith("Chosen")] == [
        f"Chosen on dev ({METRIC}): JT (target_size 100): {RATE} 0.001 (qu), 0.01 (jv).",
        f"Chosen on dev ({METRIC}): JT (target_size 500): {RATE} 0.01 (qu), 0.001 (jv).",
    ]


def test_a_parent_s_settings_do_not_part_the_points_of_its_child():
    # the parent's rate, 1e-2, is left out where the child's is the same
    parent = {"parent.method.name": "source_only"}
    settings = {
        "base": SETTINGS["base"],
        "A": {**SETTINGS["A"], **parent},
        "B": {**SETTINGS["B"], **parent, f"parent.{RATE}": 1e-2},
    }
    table = table_of(rows(), settings=settings)
    assert [table.labels[r] for r in table.rows] == ["target_only", "JT"]
    assert (values(table, QU)[0], values(table, JV)[0]) == (0.10, 0.20)


def test_sources_are_tuned_each_for_itself():
    better = {"A": (0.9, 0.9, 0.9), "B": (0.1, 0.1, 0.1)}
    es = [
        row(point, language, seed, 0.33, better[point][0], sources="es", run=f"es-{point}-{language}-{seed}")
        for point in "AB"
        for language in ("qu", "jv")
        for seed in SEEDS
    ]
    experiments = [{**table_spec()["experiments"][0], "sources": ["en", "es"], "methods": ["target_only", "tuned"]}]
    table = table_of([*rows(), *es], by="mean", experiments=experiments)
    (line,) = [text for text in remarks(table) if text.startswith("Chosen")]
    assert line == f"Chosen on dev ({METRIC}): JT: {RATE} 0.001 (en→qu, en→jv), 0.01 (es→qu, es→jv)."


def test_a_run_that_two_variants_share_stands_in_both_rows():
    fixed = [{**r, "variant": "fixed"} for r in rows() if r["settings"] == "A"]
    with_fixed = [*methods(), {"name": "fixed", "label": "fixed"}]
    experiments = [{**table_spec()["experiments"][0], "methods": ["target_only", "tuned", "fixed"]}]
    table = table_of([*rows(), *fixed], methods=with_fixed, experiments=experiments)
    assert values(table, QU, Row("fixed")) == [0.90, 0.91, 0.92]
    assert values(table, QU) == [0.10, 0.12, 0.14]


# -------------------------------------------------------------------------------------------------------- what is missing


def test_a_point_without_any_run_is_left_out_and_said():
    gone = [("B", language, seed) for language in ("qu", "jv") for seed in SEEDS]
    table = table_of(without(rows(), ("B",)), missing=absent(*gone))
    assert values(table, QU) == [0.90, 0.91, 0.92]
    reason = f"chosen among 1 of 2 points, without {RATE} 0.001 (not trained)"
    assert table.cells[TUNED, QU].reasons == (reason,)
    assert f"[a] {reason}." in to_markdown(table)
    assert csv_rows(table)["JT", "en→qu"]["points"] == "1"


def test_points_with_unlike_seeds_are_not_compared():
    table = table_of(without(rows(), ("A", "qu", 2)), missing=absent(("A", "qu", 2)))
    cell = table.cells[TUNED, QU]
    assert cell.summary is None
    assert cell.reasons == (f"no point chosen: {RATE} 0.01 lacks qu, data seed 42, model seed 2 (not trained)",)
    assert values(table, JV) == [0.20, 0.22, 0.24]
    assert table.cells[TUNED, AVERAGE].reasons == ("no average: 1 of 2 columns are empty",)
    assert [text for text in remarks(table) if text.startswith("Chosen")] == [
        f"Chosen on dev ({METRIC}): JT: {RATE} 0.01 (jv)."
    ]


def test_a_seed_that_every_point_lacks_is_a_seed_less():
    gone = [("A", "qu", 3), ("B", "qu", 3)]
    table = table_of(without(rows(), *gone), missing=absent(*gone))
    assert values(table, QU) == [0.10, 0.12]  # B: .65 against .55
    assert table.cells[TUNED, QU].reasons == ("not trained (model seed 3)",)


def test_by_the_mean_an_unlike_target_leaves_all_of_them_empty():
    table = table_of(without(rows(), ("A", "jv")), by="mean", missing=absent(*(("A", "jv", s) for s in SEEDS)))
    reason = f"no point chosen: {RATE} 0.01 lacks jv, data seed 42, model seed 1 (not trained)"
    assert table.cells[TUNED, QU].reasons == table.cells[TUNED, JV].reasons == (reason,)


def test_by_the_mean_a_target_that_no_point_has_is_said():
    gone = [(point, "jv", seed) for point in "AB" for seed in SEEDS]
    table = table_of(without(rows(), ("A", "jv"), ("B", "jv")), by="mean", missing=absent(*gone))
    assert values(table, QU) == [0.10, 0.12, 0.14]
    assert table.cells[TUNED, QU].reasons == ("chosen on the mean over qu alone, without jv",)
    assert table.cells[TUNED, JV].reasons == ("not trained",)


def test_an_empty_choice_keeps_its_row_among_others():
    larger = {f"{name}500": {**settings, "target_size": 500} for name, settings in SETTINGS.items()}
    more = [{**r, "run": f"{r['run']}-500", "settings": f"{r['settings']}500"} for r in rows()]
    more = without(more, ("A500", "qu", 1), ("A500", "jv", 1))
    table = table_of([*rows(), *more], settings=SETTINGS | larger)
    assert [table.labels[r] for r in table.rows[2:]] == ["JT (target_size 100)", "JT (target_size 500)"]
    assert table.cells[table.rows[3], QU].reasons[0].startswith("no point chosen: training.learning_rate 0.01 lacks qu")


def test_without_a_dev_score_no_point_is_chosen():
    data = [{**r, "dev": None} if r["run"] == "A-qu-2" else r for r in rows()]
    assert table_of(data).cells[TUNED, QU].reasons == ("no point chosen: run A-qu-2 has no dev score",)
    data = [{**r, "dev": float("nan")} if r["run"] == "A-qu-2" else r for r in rows()]
    assert table_of(data).cells[TUNED, QU].reasons == ("no point chosen: run A-qu-2 has no dev score",)
    data = [{**r, "dev_metric": "accuracy"} if r["run"] == "A-qu-2" else r for r in rows()]
    reason = f"no point chosen: dev scores are of several kinds, accuracy, {METRIC}"
    assert table_of(data).cells[TUNED, QU].reasons == (reason,)


def test_a_run_of_no_point_is_refused():
    with pytest.raises(UserError, match="run A-qu-1 is of no point of 'tuned'; collect the scores again"):
        table_of(rows(), grid=points(1e-3, 1e-4))
    data = [*rows(), row("A", "qu", 1, 0.1, 0.1, run="another")]
    with pytest.raises(UserError, match="are of one point of 'tuned' and one seed"):
        table_of(data)


# ----------------------------------------------------------------------------------------------------------- what is said


def test_the_table_names_the_points_and_how_they_were_chosen():
    table = table_of(rows())
    assert caption(table)[-1] == "Epochs and hyper-parameters: note 1."
    assert selection(table)[-1] == (
        "Hyper-parameters: as configured (target_only); best of 2 points on dev by the mean over seeds, "
        "for each target (JT)."
    )
    line = f"Chosen on dev ({METRIC}): JT: {RATE} 0.001 (qu), 0.01 (jv)."
    assert line in remarks(table)
    assert line in to_markdown(table)
    assert r"Chosen on dev (entity\_f1\_strict): JT: training.learning\_rate 0.001 (qu), 0.01 (jv)." in to_latex(table)
    by_mean = table_of(rows(), by="mean")
    assert "for all targets of the same sources, by their mean (JT)." in selection(by_mean)[-1]
    assert f"Chosen on dev ({METRIC}): JT: {RATE} 0.001." in remarks(by_mean)


def test_several_keys_are_named_at_every_point():
    grid = [
        {
            "shown": {"batches": batches, RATE: str(rate)},
            "settings": {"method": {"batches": batches}, "training": {"learning_rate": rate}},
        }
        for batches, rate in (("balanced", 1e-2), ("balanced", 1e-3))
    ]
    settings = {name: {**s, "method.batches": "balanced"} for name, s in SETTINGS.items()}
    (line,) = [text for text in remarks(table_of(rows(), grid=grid, settings=settings)) if text.startswith("Chosen")]
    assert line.endswith(f"JT: batches balanced, {RATE} 0.001 (qu); batches balanced, {RATE} 0.01 (jv).")


def test_the_csv_has_the_point_and_its_dev_score():
    found = csv_rows(table_of(rows()))
    cell = found["JT", "en→qu"]
    assert (cell["point"], cell["points"], cell["dev_metric"]) == (f"{RATE} 0.001", "2", METRIC)
    assert float(cell["dev"]) == pytest.approx(70)
    assert found["JT", "average"]["point"] == f"{RATE} 0.001 (qu), 0.01 (jv)"
    assert {found["target_only", c][key] for c in ("en→qu", "average") for key in ("point", "points", "dev")} == {""}


def test_without_a_grid_nothing_is_said_of_tuning():
    fixed = [{key: value for key, value in method.items() if key != "tune"} for method in methods()]
    table = table_of(without(rows(), ("B",)), methods=fixed)
    assert "Hyper-parameters" not in to_markdown(table) and "Chosen" not in to_markdown(table)


# -------------------------------------------------------------------------------------------------- columns: average


def test_only_the_average_is_shown():
    table = table_of(rows(), columns="average")
    assert table.columns == [AVERAGE]
    assert values(table, AVERAGE) == pytest.approx([0.15, 0.17, 0.19])
    text = to_markdown(table)
    assert "| target_only | **30.0** ± 0.0 |" in text
    assert "| JT          |     17.0 ± 2.0 |" in text
    assert "Averages are over qu, jv, for each seed first." in text
    assert f"Chosen on dev ({METRIC}): JT: {RATE} 0.001 (qu), 0.01 (jv)." in text
    assert "Test sets: 100 sentences each." in text
    assert "not adjusted.\n" in text


def test_the_average_is_compared_and_the_csv_has_what_is_behind_it():
    table = table_of(rows(), columns="average")
    cell = table.cells[TUNED, AVERAGE]
    assert (cell.comparison.difference, cell.family) == (pytest.approx(-0.13), 1)
    found = csv_rows(table)
    assert [key for key in found if key[0] == "JT"] == [("JT", "qu"), ("JT", "jv"), ("JT", "average")]
    assert found["JT", "qu"]["runs"] == "B-qu-1; B-qu-2; B-qu-3"
    assert float(found["JT", "average"]["mean"]) == pytest.approx(17)
    assert found["JT", "qu"]["p"] == ""


def test_rows_of_an_average_split_by_sizes_and_sources():
    larger = {f"{name}500": {**settings, "target_size": 500} for name, settings in SETTINGS.items()}
    more = [{**r, "run": f"{r['run']}-500", "settings": f"{r['settings']}500", "value": 0.5} for r in rows()]
    table = table_of([*rows(), *more], settings=SETTINGS | larger, columns="average")
    means = {table.labels[r]: round(table.cells[r, AVERAGE].summary.mean, 6) for r in table.rows}
    assert means == {
        "target_only (target_size 100)": 0.3,
        "target_only (target_size 500)": 0.5,
        "JT (target_size 100)": 0.17,
        "JT (target_size 500)": 0.5,
    }


def test_an_empty_average_says_which_column_is_empty_and_why():
    gone = [("A", "jv", 1)]
    table = table_of(without(rows(), *gone), columns="average", missing=absent(*gone))
    assert table.cells[TUNED, AVERAGE].reasons == (
        "no average: 1 of 2 columns are empty",
        f"jv: no point chosen: {RATE} 0.01 lacks jv, data seed 42, model seed 1 (not trained)",
    )


def test_the_caption_counts_the_seeds_of_the_averages_not_of_what_is_behind_them():
    table = table_of(without(rows(), *((point, "jv", 3) for point in ("base", "A", "B"))), columns="average")
    assert caption(table)[1].endswith("mean ± standard deviation over n = 2 seeds.")  # jv has two, qu three


def test_an_average_of_one_target_is_shown_too():
    experiments = [{**table_spec()["experiments"][0], "targets": ["qu"], "methods": ["target_only", "tuned"]}]
    table = table_of([r for r in rows() if r["language"] == "qu"], columns="average", experiments=experiments)
    assert values(table, AVERAGE) == [0.10, 0.12, 0.14]


def test_an_average_unlike_its_baseline_in_size_is_said():
    settings = {**SETTINGS, "base": {**SETTINGS["base"], "target_size": 500}}
    cell = table_of(rows(), settings=settings, columns="average").cells[TUNED, AVERAGE]
    assert cell.reasons == ("differs from its baseline in target_size too",)
