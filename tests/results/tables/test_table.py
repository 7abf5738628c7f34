"""Tables from scores made by hand, without runs on disk."""

import csv
import io
import re

import pyarrow as pa
import pytest
from scipy import stats

from pipeline.common.errors import UserError
from pipeline.results.scores.collect import SCORES
from pipeline.results.tables.cells import Column, Row, read_spec
from pipeline.results.tables.latex import to_latex
from pipeline.results.tables.notes import caption, notes, points, remarks
from pipeline.results.tables.protocols import selection as protocols
from pipeline.results.tables.render import escape, to_csv, to_markdown
from pipeline.results.tables.table import AVERAGE, build
from tests.results.world import table_spec

QU, JV = Column("qu", "en"), Column("jv", "en")
BASE, JOINT = Row("target_only"), Row("joint")
METRIC = "entity_f1_strict"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def row(variant, language, seed, value, settings="a", sources="en", experiment="main", metric=METRIC, **changes):
    sources = "" if variant == "target_only" else sources
    facts = {
        "experiment": experiment,
        "variant": variant,
        "run": f"{variant}-{sources}-{language}-{seed}-{settings}",
        "task": "ner",
        "dataset": "toy-0",
        "encoder": "small-1",
        "method": variant,
        "sources": sources,
        "target": language,
        "language": language,
        "split": "test",
        "source_size": None,
        "target_size": 100,
        "data_seed": 42,
        "model_seed": seed,
        "settings": settings,
        "metric": metric,
        "value": value,
        "n": 100,
    }
    return {**facts, **changes}


SETTINGS = {"a": {"encoder": "small-1", "target_size": 100, "training.learning_rate": 1e-4}}
QU_SCORES = {"target_only": (0.50, 0.52, 0.54), "joint": (0.60, 0.61, 0.65)}
JV_SCORES = {"target_only": (0.30, 0.30, 0.36), "joint": (0.40, 0.35, 0.30)}


def rows(qu=None, jv=None):
    tables = {"qu": qu or QU_SCORES, "jv": jv or JV_SCORES}
    return [
        row(variant, language, seed, value)
        for language, methods in tables.items()
        for variant, values in methods.items()
        for seed, value in enumerate(values, 1)
    ]


def table_of(data, settings=None, missing=(), told=None, **changes):
    scores = pa.Table.from_pylist(data, schema=SCORES)
    facts = {"settings": settings or SETTINGS, "missing": list(missing), **({"doubts": told} if told else {})}
    return build("toy", read_spec_of(**changes), scores, facts)


def read_spec_of(**changes):
    import json

    return read_spec(json.dumps(table_spec(**changes)))


def experiment(**changes):
    return {**table_spec()["experiments"][0], **changes}


def csv_rows(table):
    return {(r["row"], r["column"]): r for r in csv.DictReader(io.StringIO(to_csv(table)))}


def test_means_by_hand():
    cell = table_of(rows()).cells[BASE, QU]
    assert cell.summary.mean == pytest.approx(0.52)
    assert cell.summary.sd == pytest.approx(0.02)  # deviations −.02, 0, .02: sqrt(.0008 / 2)
    assert cell.summary.n == 3


def test_comparison_is_scipys_paired_t_over_seeds():
    table = table_of(rows())
    cell = table.cells[JOINT, QU]
    assert cell.comparison.difference == pytest.approx((0.10 + 0.09 + 0.11) / 3)
    assert cell.comparison.p == pytest.approx(stats.ttest_rel(QU_SCORES["joint"], QU_SCORES["target_only"]).pvalue)
    other = stats.ttest_rel(JV_SCORES["joint"], JV_SCORES["target_only"]).pvalue
    assert cell.p_holm == pytest.approx(2 * cell.comparison.p)  # the smaller of two
    assert table.cells[JOINT, JV].p_holm == pytest.approx(other)
    assert table.cells[BASE, QU].comparison is None


def test_average_is_per_seed_first():
    table = table_of(rows())
    # seeds: (.50 + .30)/2 = .40, (.52 + .30)/2 = .41, (.54 + .36)/2 = .45; mean .42, sd sqrt((.0004 + .0001 + .0009)/2)
    cell = table.cells[BASE, AVERAGE]
    assert list(cell.scores.values()) == pytest.approx([0.40, 0.41, 0.45])
    assert (cell.summary.mean, cell.summary.sd) == (pytest.approx(0.42), pytest.approx(0.0007**0.5))
    joint = table.cells[JOINT, AVERAGE]
    # joint per seed: .50, .48, .475; paired with .40, .41, .45
    assert joint.comparison.p == pytest.approx(stats.ttest_rel([0.50, 0.48, 0.475], [0.40, 0.41, 0.45]).pvalue)
    assert (joint.family, joint.p_holm) == (1, joint.comparison.p)


def test_best_is_the_highest_mean_of_a_column_and_ties_share_it():
    table = table_of(rows())
    assert [table.cells[r, QU].best for r in (BASE, JOINT)] == [False, True]
    tied = table_of(rows(jv={"target_only": (0.3, 0.4, 0.5), "joint": (0.5, 0.4, 0.3)}))
    assert [tied.cells[r, JV].best for r in (BASE, JOINT)] == [True, True]


def line(text, number):
    return [cell.strip() for cell in text.splitlines()[number].strip("|").split("|")]


def test_markdown_golden():
    text = to_markdown(table_of(rows()))
    assert text.startswith(
        "Toy. Entity micro-F1, strict IOB2 (×100): mean ± standard deviation over n = 3 seeds. Test sets: 100 sentences each. "
        "Epoch: best on the target language's dev set (target_only, joint).\n\n"
        "|             |          en→qu |             en→jv |           average |\n"
        "|:------------|---------------:|------------------:|------------------:|\n"
        "| target_only |     52.0 ± 2.0 | <u>32.0</u> ± 3.5 | <u>42.0</u> ± 2.6 |\n"
        "| joint       | **62.0** ± 2.6 | <u>35.0</u> ± 5.0 | <u>48.5</u> ± 1.3 |\n\n"
        "Difference from target_only, 95 % t-interval over seeds, p:\n\n"
    )
    assert "\n\n1. Underlined: not separable from" in text
    # With two degrees of freedom p = 1 − t / sqrt(t² + 2) and the interval is ± 4.3027 sd / √3.
    # qu: differences .10 .09 .11, sd .01, t = .10 / (.01 / √3) = 17.32, p = .0033, ± .0248
    # jv: .10 .05 −.06, sd .08185, t = .6348, p = .5905, ± .2033; average: .10 .07 .025, sd .03775, t = 2.982, p = .0965
    assert line(text, 11) == [
        "joint",
        "+10.0 [7.5, 12.5], p = .003",
        "+3.0 [−17.3, 23.3], p = .590",
        "+6.5 [−2.9, 15.9], p = .096",
    ]
    assert text.splitlines()[11].startswith("| joint |")
    assert not any(cell.startswith("| target_only |") for cell in text.splitlines()[9:])


def seeds(n, gain=0.1):
    """`n` seeds in which joint gains about `gain` on qu and nothing sure on jv."""
    qu = {"target_only": [0.5 + 0.01 * i for i in range(n)], "joint": [0.5 + gain + 0.013 * i for i in range(n)]}
    jv = {"target_only": [0.5] * n, "joint": [0.5 + 0.01 * (-1) ** i for i in range(n)]}
    return rows(qu, jv), [experiment(model_seeds=list(range(1, n + 1)))]


def test_star_only_with_seeds_enough_for_the_family():
    data, experiments = seeds(6)
    six = table_of(data, experiments=experiments)
    assert six.cells[JOINT, QU].p_holm < 0.001
    assert six.cells[JOINT, QU].hopeless and not six.cells[JOINT, QU].significant  # 2 comparisons need 7
    assert six.cells[JOINT, AVERAGE].significant  # one comparison needs 6
    data, experiments = seeds(7)
    seven = table_of(data, experiments=experiments)
    assert seven.cells[JOINT, QU].significant and not seven.cells[JOINT, QU].hopeless
    assert not seven.cells[JOINT, JV].significant
    assert "p &lt; .001\\*" in to_markdown(seven)
    assert "†" not in to_markdown(seven)


def test_a_cell_of_six_seeds_beside_one_of_eight_can_have_a_star():
    # Holm takes 2/2⁸ at ×2 first, then 2/2⁶ = .031 at ×1; two cells of six seeds stop at .062
    data, experiments = seeds(8)
    unequal = [r for r in data if r["language"] == "jv" or r["model_seed"] <= 6]
    table = table_of(unequal, experiments=experiments)
    cell = table.cells[JOINT, QU]
    assert (cell.comparison.n, table.cells[JOINT, JV].comparison.n, cell.least_holm) == (6, 8, 0.03125)
    assert not cell.hopeless, "six seeds are enough beside eight, whatever the scores here"
    few = table_of([r for r in unequal if r["model_seed"] <= 6 and (r["language"] == "jv" or r["model_seed"] <= 5)])
    assert few.cells[JOINT, QU].hopeless and few.cells[JOINT, JV].hopeless
    note = next(text for text in remarks(few) if text.startswith("No difference here"))
    assert "seeds needed where all cells of a row have as many: " in note


def test_power_note_says_what_cannot_be_and_what_it_takes():
    table = table_of(rows())
    assert "†" not in to_markdown(table), "what is so of all cells is no mark"
    note = next(text for text in remarks(table) if text.startswith("No difference here can be significant"))
    assert "cannot go below p = .25 with n = 3" in note
    assert "6 for one comparison, 7 for 2 comparisons under Holm" in note


def test_csv_has_every_number():
    found = csv_rows(table_of(rows()))["joint", "en→qu"]
    assert float(found["mean"]) == 62.0
    assert float(found["sd"]) == pytest.approx(2.645751, abs=1e-6)
    assert (found["n"], found["pairs"], found["best"]) == ("3", "3", "1")
    assert float(found["difference"]) == pytest.approx(10)
    assert float(found["p_holm"]) == pytest.approx(2 * float(found["p"]))
    assert (found["p_exact"], found["smallest_p"]) == ("0.25", "0.25")
    assert (found["can_be_significant"], found["significant"], found["comparisons"]) == ("0", "0", "2")
    assert (found["baseline"], found["seeds"]) == ("target_only", "42/1; 42/2; 42/3")
    assert found["smallest_p_holm"] == "0.5"
    assert found["crossed_low"] == found["p_crossed"] == "", "no outcomes on disk"
    assert csv_rows(table_of(rows()))["target_only", "en→qu"]["p"] == ""


def test_a_missing_run_is_an_empty_cell_with_its_reason():
    data = [r for r in rows() if (r["variant"], r["language"]) != ("joint", "jv")]
    absent = [{**row("joint", "jv", seed, 0.0), "reason": "not trained"} for seed in (1, 2, 3)]
    table = table_of(data, missing=absent)
    cell = table.cells[JOINT, JV]
    assert (cell.summary, cell.reasons) == (None, ("not trained",))
    assert table.cells[JOINT, AVERAGE].reasons == ("no average: 1 of 2 columns are empty",)
    text = to_markdown(table)
    assert line(text, 5) == ["joint", "**62.0** ± 2.6", "[a]", "[b]"]
    assert line(text, 11) == ["joint", "+10.0 [7.5, 12.5], p = .003", "", ""]
    assert "[a] not trained." in text
    found = csv_rows(table)["joint", "en→jv"]
    assert (found["mean"], found["n"], found["notes"]) == ("", "", "not trained")


def test_a_missing_seed_is_said_and_n_is_shown():
    data = [r for r in rows() if (r["variant"], r["language"], r["model_seed"]) != ("joint", "jv", 3)]
    table = table_of(data)
    assert table.cells[JOINT, JV].summary.n == 2
    assert table.cells[JOINT, JV].reasons == ("not in the collected scores (model seed 3)",)
    assert table.cells[JOINT, AVERAGE].reasons == ("over the 2 seeds that every column has",)
    assert table.cells[JOINT, AVERAGE].comparison.n == 2
    assert "<u>37.5</u> ± 3.5 (2)" in to_markdown(table)
    assert "over n = 3 seeds (in parentheses where it is another number)" in to_markdown(table)
    assert "52.0 ± 2.0 |" in to_markdown(table)


def test_baseline_without_a_seed_compares_the_common_ones():
    data = [r for r in rows() if (r["variant"], r["language"], r["model_seed"]) != ("target_only", "qu", 2)]
    cell = table_of(data).cells[JOINT, QU]
    assert (cell.summary.n, cell.comparison.n) == (3, 2)
    assert cell.reasons == ("compared over the 2 seeds that the baseline has too",)


def test_a_method_without_sources_fills_every_column_of_its_target():
    data = [*rows(), *(row("joint", "qu", seed, 0.5, sources="es") for seed in (1, 2, 3))]
    table = table_of(data, experiments=[experiment(), experiment(sources=["es"], targets=["qu"])])
    assert [column.label for column in table.columns] == ["en→qu", "en→jv", "es→qu", "average"]
    assert table.cells[BASE, Column("qu", "es")].summary == table.cells[BASE, QU].summary


def test_target_columns_split_rows_by_sources_instead_of_averaging():
    data = [*rows(), *(row("joint", "qu", seed, 0.5, sources="es") for seed in (1, 2, 3))]
    table = table_of(data, columns="target", experiments=[experiment(sources=["en", "es"])])
    assert [table.labels[r] for r in table.rows] == ["target_only", "joint (sources en)", "joint (sources es)"]
    assert [column.label for column in table.columns] == ["qu", "jv", "average"]
    assert table.cells[table.rows[2], Column("qu")].summary.mean == pytest.approx(0.5)
    assert table.cells[table.rows[2], Column("jv")].reasons == ("not in the collected scores",)


def sized():
    settings = {"a": SETTINGS["a"], "b": {**SETTINGS["a"], "target_size": 500}}
    more = [row(v, lang, s, 0.7 + s / 100, settings="b") for v in QU_SCORES for lang in ("qu", "jv") for s in (1, 2, 3)]
    return [*rows(), *more], settings


def test_methods_that_are_no_rows_do_not_matter():
    data, settings = sized()  # `joint` has two sizes, which would be two rows
    ours = [entry for entry in data if entry["variant"] == "joint" or entry["settings"] == "a"]
    only = [{"name": "target_only", "method": "target_only", "label": "target_only"}]
    table = table_of(ours, settings, methods=only, baseline=None)
    assert [table.labels[r] for r in table.rows] == ["target_only"]
    assert table.cells[table.rows[0], QU].summary.mean == pytest.approx(0.52)


def test_sizes_are_split_into_rows_each_with_its_own_baseline():
    data, settings = sized()
    table = table_of(data, settings)
    assert [table.labels[r] for r in table.rows] == [
        "target_only (target_size 100)",
        "target_only (target_size 500)",
        "joint (target_size 100)",
        "joint (target_size 500)",
    ]
    assert table.cells[table.rows[2], QU].comparison.difference == pytest.approx(0.10)
    assert table.cells[table.rows[3], QU].comparison.difference == pytest.approx(0)
    assert csv_rows(table)["joint (target_size 500)", "en→qu"]["settings"] == "target_size=500"


def test_a_method_without_target_sentences_is_not_called_unlike():
    child = {**SETTINGS["a"], "target_size": None, "parent.training.epochs": 3}
    data = [r for r in rows() if r["variant"] != "joint"]
    data += [row("joint", lang, s, 0.7, settings="b") for lang in ("qu", "jv") for s in (1, 2, 3)]
    assert table_of(data, {"a": SETTINGS["a"], "b": child}).cells[JOINT, QU].reasons == ()


def few_shot(**changes):
    """Scores of `target_only` as `few_shot` and of `joint` as a method that ends with fine-tuning, and their settings."""
    training = {"batch_size": 32, "epochs": 1, "clip_norm": 1.0, "learning_rate": 2e-5, "schedule": "linear"}
    ends = {f"method.fine_tune.{key}": value for key, value in {**training, **changes}.items()}
    plain = {**{f"training.{key}": value for key, value in training.items()}, "method.name": "few_shot"}
    settings = {
        "a": plain,
        "b": {**ends, "method.name": "x_maml", "training.batch_size": 16, "training.clip_norm": None},
    }
    return [{**r, "settings": "b" if r["variant"] == "joint" else "a"} for r in rows()], settings


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),  # what goes before, the meta step's batch and clipping, is the method
        ({"batch_size": 8}, "batch_size 32 (target_only), 8 (joint)"),
        (
            {"clip_norm": None, "epochs": 2},
            "epochs 1 (target_only), 2 (joint); clip_norm 1.0 (target_only), null (joint)",
        ),
    ],
)
@pytest.mark.parametrize("baseline", ["target_only", None])
def test_few_shot_rows_that_are_fine_tuned_unlike_each_other_are_said(changes, said, baseline):
    """With a baseline and without; neither a footnote to a cell nor a row of its own comes of it."""
    table = table_of(*few_shot(**changes), baseline=baseline)
    found = [sentence for sentence in remarks(table) if "fine-tuned" in sentence]
    assert found == ([f"Rows are not fine-tuned on the target alike: {said}."] if said else [])
    assert all(cell.reasons == () for cell in table.cells.values()) and len(table.rows) == 2
    assert not said or found[0] in to_markdown(table)


def fine_tuned(table):
    return [sentence.removeprefix(UNALIKE) for sentence in remarks(table) if sentence.startswith(UNALIKE)]


UNALIKE = "Rows are not fine-tuned on the target alike: "


def test_a_few_shot_row_that_leaves_fine_tuning_out_is_said():
    data, settings = few_shot()
    left_out = {"method.name": "x_maml", "method.setting": "few_shot", "method.fine_tune": None}
    assert fine_tuned(table_of(data, {**settings, "b": left_out})) == ["none (joint)."]
    zero_shot = {**left_out, "method.setting": "zero_shot"}  # none by its nature
    assert fine_tuned(table_of(data, {**settings, "b": zero_shot})) == []
    assert fine_tuned(table_of(data, {"a": left_out, "b": left_out})) == [], "alike"
    for_one = [
        {**r, "settings": "c" if r["settings"] == "b" and r["language"] == "jv" else r["settings"]} for r in data
    ]
    assert fine_tuned(table_of(for_one, {**settings, "c": left_out})) == ["none (joint for jv)."]


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        ({}, {}, []),
        ({"method.split": "train"}, {}, ["split train (target_only), dev (joint)."]),
        ({"training.select": "best"}, {}, ["select best (target_only), last (joint)."]),
        ({"method.split": "train"}, {"method.split": "train"}, []),
    ],
)
def test_another_split_or_epoch_is_another_fine_tuning(own, other, said):
    data, settings = few_shot()
    settings["a"] |= {"method.split": "dev", "training.select": "last", **own}
    settings["b"] |= {"method.split": "dev", **other}
    assert fine_tuned(table_of(data, settings)) == said


def test_a_tuned_few_shot_row_is_fine_tuned_as_its_chosen_point_says():
    data, settings = few_shot()
    rates = {"low": 2e-5, "high": 1e-4}
    settings |= {name: {**settings["a"], "training.learning_rate": rate} for name, rate in rates.items()}
    ours = [r for r in data if r["variant"] == "joint"]
    tuned = [
        {**r, "settings": name, "run": f"{name}-{r['run']}", "dev_metric": METRIC, "dev": 0.5 + 0.1 * (name == better)}
        for r in data
        if r["variant"] == "target_only"
        for name in rates
        for better in [{"qu": "low", "jv": "high"}[r["language"]]]
    ]
    points = [{"shown": {"r": name}, "settings": {"training": {"learning_rate": rate}}} for name, rate in rates.items()]
    method = {"name": "target_only", "label": "few-shot", "tune": {"by": "target", "points": points}}
    methods = [method, {"name": "joint", "label": "X-MAML"}]
    table = table_of([*ours, *tuned], settings, methods=methods)
    assert fine_tuned(table) == ["learning_rate 2e-05 (few-shot for qu, X-MAML), 0.0001 (few-shot for jv)."]
    method["tune"]["by"] = "mean"
    tuned = [{**r, "dev": 0.9} if r["settings"] == "high" else r for r in tuned]
    table = table_of([*ours, *tuned], settings, methods=methods)
    assert fine_tuned(table) == ["learning_rate 0.0001 (few-shot), 2e-05 (X-MAML)."]
    settings["b"]["method.fine_tune.learning_rate"] = 1e-4
    assert fine_tuned(table_of([*ours, *tuned], settings, methods=methods)) == [], "as what was chosen"


@pytest.mark.parametrize(
    ("key", "value", "absent", "shown"),
    [
        ("source_size", 100, None, "all"),
        ("dev_size", 100, None, "all"),
        ("parent.dev_size", 100, None, "all"),
        ("training.clip_norm", 1.0, None, "null"),
        ("method.fine_tune.clip_norm", 1.0, None, "null"),
        ("source_dataset", "x", None, "null"),
        ("training.test_max_length", 64, "absent", "as max_length"),
        ("training.longest_answer", 64, "absent", "30"),
        ("training.select_metric", "entity_f1_lenient", "absent", METRIC),
    ],
)
def test_what_null_means_in_a_rows_label(key, value, absent, shown):
    settings = {"a": {**SETTINGS["a"], key: value}, "b": {**SETTINGS["a"], **({} if absent else {key: None})}}
    if key.startswith("method."):
        settings["b"][key] = None
    data = [*rows(), *(row("joint", lang, s, 0.5, settings="b") for lang in ("qu", "jv") for s in (1, 2, 3))]
    table = table_of(data, settings)
    assert [table.labels[r] for r in table.rows][1:] == [f"joint ({key} {value})", f"joint ({key} {shown})"]
    assert csv_rows(table)[f"joint ({key} {shown})", "en→qu"]["settings"] == f"{key}={shown}"


def test_a_row_whose_last_epoch_is_taken_has_no_score_that_is_best():
    other = {"training.select": "best", "training.select_metric": "entity_f1_lenient"}
    settings = {"a": {**SETTINGS["a"], **other}, "b": {**SETTINGS["a"], "training.select": "last"}}
    data = [*rows(), *(row("joint", "qu", s, 0.5, settings="b") for s in (1, 2, 3))]
    labels = list(table_of(data, settings).labels.values())
    assert labels[-1] == "joint (training.select last, training.select_metric null)"


def test_a_setting_of_the_source_model_that_is_the_runs_own_is_no_label():
    """`collect.settings_of` leaves it out; where the runs' own differ, it is written out for some of them."""
    settings = {
        "a": {**SETTINGS["a"], "training.epochs": 1, "parent.training.epochs": 3},
        "b": {**SETTINGS["a"], "training.epochs": 3},
    }
    data = [*rows(), *(row("joint", "qu", s, 0.5, settings="b") for s in (1, 2, 3))]
    table = table_of(data, settings)
    assert [table.labels[r] for r in table.rows][1:] == ["joint (training.epochs 1)", "joint (training.epochs 3)"]


@pytest.mark.parametrize("columns", ["pair", "target", "average"])
def test_a_mean_over_targets_of_unlike_experiments_says_in_what(columns):
    settings = {"a": SETTINGS["a"], "b": {**SETTINGS["a"], "target_size": 500, "dataset": "other", "sources": "es"}}
    data = [{**r, "settings": "b" if r["language"] == "jv" else "a"} for r in rows()]
    experiments = [experiment(targets=["qu"]), experiment(name="other", targets=["jv"])]
    data = [{**r, "experiment": "other" if r["language"] == "jv" else "main"} for r in data]
    table = table_of(data, settings, experiments=experiments, columns=columns)
    said = "its columns are of unlike target_size 100 (qu), 500 (jv)"
    assert table.cells[JOINT, AVERAGE].reasons == table.cells[BASE, AVERAGE].reasons == (said,)
    assert f"[a] {said}." in to_markdown(table) and said in to_latex(table).replace("\\_", "_")
    part = [r for r in data if (r["variant"], r["language"]) != ("joint", "jv")]
    empty = table_of(part, settings, experiments=experiments, columns=columns)
    assert said not in empty.cells[JOINT, AVERAGE].reasons, "of a mean that is not there"


def test_without_a_comparison_of_the_average_nothing_is_said_of_its_family():
    data, experiments = seeds(8)
    one_column_empty = [r for r in data if not (r["variant"] == "joint" and r["language"] == "jv")]
    for changes, some, said in (
        ({}, data, " after Holm over the row (2 comparisons; the average is a family of one)."),
        ({"average": False}, data, " after Holm over the row (2 comparisons)."),
        ({}, one_column_empty, ", one comparison a row."),
        ({"columns": "average"}, data, ", one comparison a row."),
    ):
        (found,) = [
            text for text in remarks(table_of(some, experiments=experiments, **changes)) if text.startswith("p: ")
        ]
        assert found.endswith(f"* p ≤ .05{said}")


def test_a_setting_that_some_runs_of_a_variant_do_not_have_is_no_label_of_its_rows():
    """X-MAML's `meta_batch` is of sets of several auxiliaries alone, and the set is in the label already."""
    sets = {
        "a": {**SETTINGS["a"], "auxiliary": "hi"},
        "b": {**SETTINGS["a"], "auxiliary": "bg+de", "method.meta_batch": "all"},
    }
    sets["c"] = {**sets["b"], "method.meta_batch": "one"}
    data = [row("joint", "qu", seed, 0.5, settings=settings) for settings in "ab" for seed in (1, 2, 3)]
    only = [{"name": "joint", "method": "joint", "label": "joint"}]
    table = table_of(data, sets, methods=only, baseline=None)
    assert [table.labels[r] for r in table.rows] == ["joint (auxiliary bg+de)", "joint (auxiliary hi)"]
    data += [row("joint", "qu", seed, 0.5, settings="c") for seed in (1, 2, 3)]
    table = table_of(data, sets, methods=only, baseline=None)
    assert [table.labels[r] for r in table.rows][:2] == [
        "joint (auxiliary bg+de, method.meta_batch all)",
        "joint (auxiliary bg+de, method.meta_batch one)",
    ]


def test_a_baseline_of_another_size_is_said():
    data, settings = sized()
    data = [r for r in data if not (r["variant"] == "joint" and r["settings"] == "a")]
    data = [r for r in data if not (r["variant"] == "target_only" and r["settings"] == "b")]
    cell = table_of(data, settings).cells[JOINT, QU]
    assert cell.reasons == ("differs from its baseline in target_size too",)


def test_other_learning_rates_are_never_averaged():
    settings = {"a": SETTINGS["a"], "b": {**SETTINGS["a"], "training.learning_rate": 1e-3}}
    data = [*rows(), row("joint", "qu", 4, 0.9, settings="b", experiment="other")]
    table = table_of(data, settings, experiments=[experiment(), experiment(name="other", model_seeds=[4])])
    labels = [table.labels[r] for r in table.rows]
    assert labels == ["target_only", "joint (training.learning_rate 0.0001)", "joint (training.learning_rate 0.001)"]


def test_a_run_shared_by_two_experiments_counts_once():
    data = [*rows(), *({**r, "experiment": "other"} for r in rows())]
    table = table_of(data, experiments=[experiment(), experiment(name="other")])
    assert table.cells[JOINT, QU].summary.n == 3


def test_without_baseline_no_tests():
    table = table_of(rows(), baseline=None)
    assert all(cell.comparison is None for cell in table.cells.values())
    assert "paired t-test" not in to_markdown(table) and "Difference" not in to_markdown(table)


def test_equal_differences_have_no_p():
    data = rows(qu={"target_only": (0.1, 0.2, 0.3), "joint": (0.2, 0.3, 0.4)})
    table = table_of(data)
    assert table.cells[JOINT, QU].comparison.p is None
    assert "+10.0, no p |" in to_markdown(table)


def test_an_undefined_metric_is_an_empty_cell():
    data = [{**r, "metric": "entity_f1_strict_ORG"} for r in rows() if r["language"] == "qu"] + rows()
    cell = table_of(data, metric="entity_f1_strict_ORG").cells[JOINT, JV]
    assert cell.reasons == ("entity_f1_strict_ORG is not defined: no example of ORG, neither in gold nor predicted",)


ORG = "entity_f1_strict_ORG"
NO_ORG = f"{ORG} is not defined: no example of ORG, neither in gold nor predicted"


def test_seeds_whose_model_and_gold_have_none_of_the_kind_are_named():
    """Seed 1 predicted no ORG, where gold has none: undefined; seeds 2 and 3 predicted some: 0."""
    data = rows() + [r | {"metric": ORG, "value": 0.0} for r in rows() if r["model_seed"] > 1 or r["language"] == "jv"]
    table = table_of(data, metric=ORG)
    cell = table.cells[JOINT, QU]
    assert cell.reasons == (f"{NO_ORG} (model seed 1)",) and (cell.summary.n, cell.summary.mean) == (2, 0.0)
    assert table.cells[JOINT, JV].reasons == ()
    less = table_of([r for r in data if (r["variant"], r["model_seed"]) != ("joint", 3)], metric=ORG)
    assert less.cells[JOINT, QU].reasons == (f"{NO_ORG} (model seed 1)", "not in the collected scores (model seed 3)")


def test_a_setting_of_which_nothing_is_defined_keeps_its_row():
    settings = {"a": SETTINGS["a"], "b": {**SETTINGS["a"], "target_size": 500}}
    more = [r | {"settings": "b", "run": f"{r['run']}-500"} for r in rows()]
    table = table_of([*rows(), *more, *(r | {"metric": ORG} for r in more)], settings, metric=ORG)
    assert [table.labels[r] for r in table.rows[2:]] == ["joint (target_size 100)", "joint (target_size 500)"]
    assert table.cells[table.rows[2], QU].reasons == (NO_ORG,) and table.cells[table.rows[3], QU].reasons == ()


def test_what_no_run_has_an_example_of_is_said_in_every_cell():
    table = table_of(rows(), metric=ORG)
    assert {table.cells[r, c].reasons for r in (BASE, JOINT) for c in (QU, JV)} == {(NO_ORG,)}
    assert f"[a] {NO_ORG}." in to_markdown(table)
    for metric in ("f1_negative", "entity_f1_strikt_ORG", "entity_f1_strict_", "ORG"):  # of no class or type of `ner`
        with pytest.raises(UserError, match=f"no score is called '{metric}'"):
            table_of(rows(), metric=metric)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(UserError, match="experiment 'mian' is not in the scores; did you mean 'main'"):
        table_of(rows(), experiments=[experiment(name="mian")])
    with pytest.raises(UserError, match="no score is called 'entity_f1_strikt'; did you mean 'entity_f1_strict'"):
        table_of(rows(), metric="entity_f1_strikt")


def test_a_method_with_no_run_in_a_column_is_said():
    experiments = [experiment(methods=["target_only"]), experiment(name="other", targets=["qu"], methods=["joint"])]
    data = [r | {"experiment": "other"} if r["variant"] == "joint" else r for r in rows() if r["language"] == "qu"]
    data += [r for r in rows() if r["language"] == "jv" and r["variant"] == "target_only"]
    table = table_of(data, experiments=experiments)
    assert table.cells[JOINT, JV].reasons == ("not among the table's experiments",)


def test_two_runs_for_one_seed_are_refused():
    data = [*rows(), {**row("joint", "qu", 1, 0.9), "run": "another"}]
    with pytest.raises(UserError, match="claim one cell and seed"):
        table_of(data)


def selection(**changes):
    return {**table_spec()["selection"][1], **changes}


def test_selection_protocols_are_in_the_first_note():
    parent = {"select": "best", "dev": "source", "dev_size": None, "metric": None}
    choices = [
        selection(method="target_only", dev_size=50),
        selection(method="joint", select="parent", dev=None, parent=parent, test="dev", dev_from="train"),
    ]
    table = table_of(rows(), selection=choices)
    assert caption(table)[2:] == ["Test sets: 100 sentences each.", "Epochs: note 1."]
    assert notes(table, "Underlined")[0] == " ".join(protocols(table)) and "\n1. Epoch: best on" in to_markdown(table)
    assert protocols(table) == [
        "Epoch: best on the target language's dev set, at most 50 sentences (target_only); nothing trained (joint).",
        "Epoch of the source model: best on the source language's dev set (joint).",
        "Dev sets are cut from the training data.",
        "Scores are of the datasets' dev split, as their test labels are not public.",
    ]


def test_the_score_that_chose_epochs_is_said_where_it_is_not_the_tasks_first():
    lenient = {"metric": "entity_f1_lenient", "dev_size": 50}
    parent = {"select": "best", "dev": "source", "dev_size": None, "metric": "entity_f1_lenient"}
    text = protocols(table_of(rows(), selection=[selection(method="target_only"), selection(**lenient, parent=parent)]))
    assert text == [
        "Epoch: best on the target language's dev set (target_only); "
        "best entity_f1_lenient on the target language's dev set, at most 50 sentences (joint).",
        "Epoch of the source model: best entity_f1_lenient on the source language's dev set (joint).",
    ]


def test_where_experiments_differ_in_protocol_it_is_said_which_has_which():
    both = [
        selection(method=method, experiment=name, **facts)
        for name, facts in (
            ("main", {}),
            ("other", {"metric": "entity_f1_lenient", "dev_from": "train"}),
            ("third", {}),
        )
        for method in ("target_only", "joint")
    ]
    both[-1] |= {"test": "dev", "dev_from": "train"}
    experiments = [experiment(), experiment(name="other"), experiment(name="third")]
    data = [{**r, "experiment": name} for r in rows() for name in ("main", "other", "third")]
    dev = "on the target language's dev set"
    assert protocols(table_of(data, experiments=experiments, selection=both)) == [
        f"Epoch: best {dev} (target_only in main and third, joint in main and third); "
        f"best entity_f1_lenient {dev} (target_only in other, joint in other).",
        "Dev sets are cut from the training data in other and third.",
        "Scores in third are of the datasets' dev split, as their test labels are not public.",
    ]


def test_a_test_set_that_chose_epochs_is_said():
    text = protocols(table_of(rows(), selection=[selection(test="dev", dev_from="dev")]))
    assert text[-1] == "That split also chose epochs, so scores are too high."
    last = protocols(table_of(rows(), selection=[selection(test="dev", dev_from="dev", select="last", dev=None)]))
    assert "Epoch: the last (joint)." in last and "too high" not in " ".join(last)
    parent = {
        "select": "best",
        "dev": "source",
        "dev_size": None,
        "metric": None,
    }  # other sentences than those of the target's test set
    child = protocols(
        table_of(rows(), selection=[selection(test="dev", dev_from="dev", select="parent", dev=None, parent=parent)])
    )
    assert "too high" not in " ".join(child)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "not valid JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "key 'title' is missing"),
    ],
)
def test_a_broken_description_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        read_spec(text)


def test_an_unknown_key_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="unknown key 'colums'; did you mean 'columns'"):
        read_spec_of(colums="pair")


def test_markdown_is_escaped():
    assert escape("a|b *c* `d` <e>\nf\\") == "a\\|b \\*c\\* \\`d\\` &lt;e> f\\\\"
    methods = [{"name": "target_only", "label": "only | target"}, {"name": "joint", "label": "*JT*"}]
    text = to_markdown(table_of(rows(), methods=methods, title="50 % | all"))
    assert "only \\| target" in text and "\\*JT\\*" in text and text.startswith("50 % \\| all.")


@pytest.mark.parametrize(("p", "text"), [(0.05, ".05"), (0.25, ".25"), (1.0, "1"), (0.031, ".031"), (0.0, "0")])
def test_probabilities_are_written_as_papers_do(p, text):
    assert points(p) == text


def test_cells_from_runs_of_earlier_code_are_counted_and_the_code_is_named():
    scores = pa.Table.from_pylist(rows(), schema=SCORES)
    earlier = {f"joint-en-qu-{seed}-a": ["bbb"] for seed in (1, 2, 3)}
    earlier |= {"joint-en-qu-2-a": ["bbb", "aaa"], "target_only--jv-3-a": ["aaa"], "none": ["c"]}
    said = "2 cells from runs of earlier code aaa, bbb (1 of them beside runs of the present code)."
    facts = {"settings": SETTINGS, "missing": [], "earlier_code": earlier}
    for changes in ({}, {"columns": "average"}):  # cells behind an average count as those that are shown
        table = build("toy", read_spec_of(**changes), scores, facts)
        assert remarks(table)[-1] == said and said in to_markdown(table) and said in to_latex(table)
    one = build(
        "toy", read_spec_of(), scores, {**facts, "earlier_code": {f"joint-en-qu-{n}-a": ["bbb"] for n in (1, 2, 3)}}
    )
    assert remarks(one)[-1] == "1 cell from runs of earlier code bbb."
    assert not [text for text in remarks(table_of(rows())) if "earlier" in text]


def test_decimal_points_stand_below_each_other():
    """What is missing after a mean is made up for by figure spaces, so that cells set to the right agree in their decimals."""
    data = [r for r in rows() if (r["variant"], r["language"], r["model_seed"]) != ("joint", "jv", 3)]
    body = [text.split("|")[3].strip(" ") for text in to_markdown(table_of(data)).splitlines()[4:6]]
    (first, second) = (re.sub(r"\*|</?u>", "", text) for text in body)
    assert first == "32.0 ± 3.5" + "\u2007" * (len(second) - 10) and second == "37.5 ± 3.5 (2) [a]"


def test_a_papers_style_has_scores_and_marks_alone():
    data, experiments = seeds(8)
    text = to_markdown(table_of(data, experiments=experiments, style="paper"))
    assert "Difference from" not in text and "Epoch" not in text.split("\n\n", 1)[1]
    assert "\n1. Underlined: not separable" in text and "\n3. p: two-sided paired t-test" in text
    assert text.count("\\*") == 3, "the stars, and what they say"
    assert "[7.5" not in to_latex(table_of(rows(), style="paper"))
