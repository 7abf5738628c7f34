"""The configs of whole papers hold the tables they promise, and no run twice."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.plan import steps_of
from pipeline.common.files import canonical_json
from pipeline.config import load as config
from pipeline.config.schema import Settings
from pipeline.config.tables import Table
from pipeline.grid import runs
from pipeline.grid.runs import Grid, Run
from pipeline.methods.parts.fine_tuning import FINE_TUNE_KEYS
from pipeline.methods.parts.sides import Origin
from pipeline.results.statistics.seeds import seeds_needed
from pipeline.stages.figure import KEYS

ROOT = Path(__file__).parents[2]
PAPER, DEMO = ROOT / "config/papers/metaxl.yaml", ROOT / "config/demo-metaxl.yaml"
XLA, SOFT = ROOT / "config/papers/xla_maml.yaml", ROOT / "config/papers/meta_optimizer.yaml"
GRAPHS = ROOT / "config/papers/mgl.yaml"
AUXILIARY_DEMO, GRAPH_DEMO = ROOT / "config/demo-auxiliaries.yaml", ROOT / "config/demo-mgl.yaml"
TABLES = {2, 4, 5, 6, 7, 9, 10, 11, 12, 13}  # those of MetaXL with named entities
SENTIMENT = {"table-3", "table-4-sentiment", "table-5-sentiment", "table-6-sentiment", "table-8", "table-13-sentiment"}
AVERAGES = {4, 5, 6, 13}
RELATED = {
    "qu": "es",
    "cdo": "zh",
    "ilo": "id",
    "xmf": "ka",
    "mhr": "ru",
    "mi": "id",
    "tk": "tr",
    "gn": "es",
}  # its Table 1
TARGETS, SEEDS, RATES = 8, 5, 3


@pytest.fixture(scope="module", params=[PAPER, DEMO], ids=lambda path: path.stem)
def settings(request: pytest.FixtureRequest) -> Settings:
    return config.load([request.param])


@pytest.fixture(scope="module")
def whole() -> Grid:
    return runs.expand(config.load([PAPER]))


@pytest.fixture(scope="module")
def paper(whole: Grid) -> Grid:
    """The half with named entities."""
    entities = {name: run for name, run in whole.runs.items() if run.spec["task"] == "ner"}
    return dataclasses.replace(whole, runs=entities, kept=whole.kept & entities.keys())


@pytest.fixture(scope="module")
def demo() -> Grid:
    return runs.expand(config.load([DEMO]))


def of(grid: Grid, experiment: str, *methods: str) -> Iterator[Run]:
    """The runs of an experiment, or of some of its methods."""
    for run in grid.runs.values():
        if any(used == experiment and (not methods or method in methods) for used, method in run.uses):
            yield run


def names(grid: Grid, experiment: str, *methods: str) -> set[str]:
    return {run.name for run in of(grid, experiment, *methods)}


def numbered(settings: Settings) -> dict[int, list[Table]]:
    """The tables by their number in the paper, which name and title must agree on."""
    found: dict[int, list[Table]] = {}
    for name, table in settings.tables.items():
        if name in SENTIMENT:
            continue
        named, titled = re.match(r"table-(\d+)", name), re.match(r"Table (\d+)\b", table.title)
        assert (named and named[1]) == (titled and titled[1]), f"{name}: {table.title}"
        if named:
            found.setdefault(int(named[1]), []).append(table)
    return found


def test_each_table_is_there_by_name_and_title(settings: Settings) -> None:
    found = numbered(settings)
    assert {table.baseline for tables in found.values() for table in tables} == {"joint"}
    assert set(found) == TABLES
    assert {number for number, tables in found.items() if tables[0].columns == "average"} == AVERAGES
    assert all(table.metric == "entity_f1_lenient" for number in TABLES for table in found[number][:1])


def test_the_demo_has_the_same_tables_and_the_controls() -> None:
    names_of = [[name for name in config.load([file]).tables if name not in SENTIMENT] for file in (PAPER, DEMO)]
    assert names_of[1] == ["controls", "learned", *names_of[0]]


def test_a_cell_that_tables_share_is_one_run(paper: Grid) -> None:
    row = TARGETS * SEEDS
    tuned = row * RATES
    main = 2 * row + tuned + tuned + row + tuned  # target, JT; MetaXL, Algorithm 1, frozen, no L2
    related = main - row  # the target alone has no source
    sizes = 2 * (row + tuned)  # 10,000 and 20,000; 5,000 is in `main`
    placements = 4 * tuned  # L0, L6, L0,12 twice; L12 is in `main`
    joint_rtn = 4 * row  # JT and MetaXL are above
    rich = 5 * SEEDS * (1 + RATES + RATES)
    assert len(paper.runs) == main + related + sizes + placements + joint_rtn + main + sizes + rich
    listed = sum(len(run.uses) for run in paper.runs.values())
    assert listed > len(paper.runs) + 5 * row

    for experiment in ("placements", "joint-rtn"):
        assert names(paper, experiment, "joint", "metaxl") == names(paper, "english", "joint", "metaxl")
    assert names(paper, "placements", "metaxl-L0") == names(paper, "joint-rtn", "metaxl-L0")
    assert names(paper, "sizes", "target_only") == names(paper, "english", "target_only")
    assert names(paper, "mbert-distances") < names(paper, "mbert")


def test_sources_are_those_of_the_papers_first_table(paper: Grid) -> None:
    for target, source in RELATED.items():
        found = {
            tuple(run.spec["sources"])
            for run in of(paper, f"related-{source}", "joint")
            if run.spec["targets"] == [target]
        }
        assert found == {(source,)}
    assert {tuple(run.spec["sources"]) for run in of(paper, "english", "joint", "metaxl")} == {("en",)}
    assert {run.spec["targets"][0] for run in of(paper, "rich")} == {"fr", "es", "it", "ru", "zh"}


def test_rows_differ_in_their_method_and_in_clipping_as_in_the_released_code(paper: Grid) -> None:
    settings = {tuple(sorted(run.spec["training"].items())) for run in paper.runs.values()}
    clipped = {(run.spec["method"]["name"], run.spec["training"]["clip_norm"]) for run in paper.runs.values()}
    assert clipped == {("target_only", None), ("joint", None), ("joint_rtn", None), ("metaxl", 10.0)}
    assert len(settings) == 2
    appendix = {"learning_rate": 3e-5, "batch_size": 16, "epochs": 20, "max_length": 200}
    released = {"optimizer": "adam", "weight_decay": 5e-4, "test_max_length": 512, "select_metric": "entity_f1_lenient"}
    assert all(dict(training).items() >= (appendix | released).items() for training in settings)
    assert {run.spec["target_size"] for run in paper.runs.values()} == {100}
    networks = [
        run.spec["method"] for run in paper.runs.values() if run.spec["method"]["name"] in ("metaxl", "joint_rtn")
    ]
    assert {method["bottleneck"] for method in networks} == {384}


def test_joint_rtn_is_that_of_the_released_code(paper: Grid) -> None:
    found = [run.spec["method"] for run in paper.runs.values() if run.spec["method"]["name"] == "joint_rtn"]
    own = {
        "loss": "sum",
        "meta_lr": 1e-6,
        "meta_optimizer": "adam",
        "meta_weight_decay": 5e-4,
        "gate": True,
        "detach": False,
    }
    assert all(method.items() >= own.items() for method in found)
    assert {(tuple(method["placement"]), method["residual"]) for method in found} == {
        (place, residual) for place in ((0,), ("top",)) for residual in (False, True)
    }
    captions = {(facts["select"], facts["metric"]) for facts in paper.tables["table-6"]["selection"]}
    assert captions == {("best", "entity_f1_lenient")}


def test_the_grid_is_the_papers(paper: Grid) -> None:
    rates = {run.spec["method"]["meta_lr"] for run in of(paper, "english", "metaxl")}
    assert rates == {3e-5, 1e-6, 1e-7}
    assert {run.spec["method"].get("meta_lr") for run in of(paper, "mbert-distances")} == {None, 1e-6}
    assert paper.kept == names(paper, "mbert-distances")


def test_sentiment_is_that_of_the_papers_appendix(whole: Grid) -> None:
    found = [run for run in whole.runs.values() if run.spec["task"] == "sentiment"]
    assert {tuple(run.spec["targets"]) for run in found} == {("te",), ("fa",)}
    assert {run.spec["target_size"] for run in found} == {100} and len(found) == 410
    appendix = {
        "batch_size": 12,
        "max_length": 256,
        "learning_rate": 3e-5,
        "epochs": 20,
        "select_metric": "f1_positive",
    }
    assert all(run.spec["training"].items() >= appendix.items() for run in found)
    heads = {(run.spec["encoder"].partition("-")[0], run.spec["training"]["head"]) for run in found}
    assert heads == {("xlm", "fresh"), ("mbert", "pooler")}
    assert {run.spec["method"]["bottleneck"] for run in found if "bottleneck" in run.spec["method"]} == {192}
    sourced = [run.spec for run in found if run.spec["sources"]]
    assert {spec["source_dataset"].partition("-")[0] for spec in sourced} == {"marc"}
    sizes = {(spec["encoder"].partition("-")[0], spec["source_size"]) for spec in sourced}
    assert sizes == {("xlm", n) for n in (1000, 3000, 5000)} | {("mbert", n) for n in (100, 1000, 5000, 10000)}
    assert names(whole, "sentiment-distances") < names(whole, "sentiment-te-mbert")


def test_unseen_languages_have_an_extended_encoder_each(paper: Grid) -> None:
    assert len({run.spec["encoder"] for run in of(paper, "mbert")}) == TARGETS
    assert len({run.spec["encoder"] for run in of(paper, "rich")}) == 1


def test_the_demo_shares_the_default_configs_data_and_encoder(demo: Grid) -> None:
    default = runs.expand(config.load([ROOT / "config/config.yaml"]))
    entities = {key for key, dataset in default.datasets.items() if dataset.spec["task"] == "ner"}
    assert entities and entities <= set(demo.datasets)
    assert set(default.encoders) <= set(demo.encoders)


def test_the_controls_are_of_five_seeds_on_a_distant_source(demo: Grid) -> None:
    found = list(of(demo, "controls"))
    assert {run.spec["targets"][0] for run in found} == {"farrish"}
    kinds = 2 + 2 + 1  # target and JT; JT w/ RTN with and without residual; never trained
    tuned = 3  # Algorithm 1, released, no L2
    assert len(found) == SEEDS * (kinds + tuned * 2)
    assert names(demo, "hub", "metaxl") & names(demo, "controls", "metaxl")


# --------------------------------------------------------------------------------------------- XLA-MAML, and both papers

XNLI = {"ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"}
MLQA = {"ar", "de", "en", "es", "hi", "vi", "zh"}
XLA_ROWS = {  # by table: a method or variant, its auxiliaries, and the languages it is tested on
    "table-3-zero-shot": {
        ("zero_shot", "", 15),
        ("x_maml", "hi", 14),
        ("x_maml", "bg+de", 13),
        ("xla_maml", "hi", 14),
        ("xla_maml-pair", "bg+de", 13),
    },
    "table-3-few-shot": {
        ("few_shot", "", 15),
        ("x_maml-few_shot", "sw", 14),
        ("x_maml-few_shot", "bg+de", 13),
        ("xla_maml-few_shot", "sw", 14),
        ("xla_maml-few_shot", "bg+de", 13),
    },
    "table-4-zero-shot": {("zero_shot", "", 7), ("x_maml-qa", "hi", 6), ("xla_maml-qa", "hi", 6)},
    "table-4-few-shot": {("few_shot", "", 7), ("xla_maml-qa-few_shot", "hi", 6)},
    "table-5": {("zero_shot", "", 12), ("xla_maml", "hi", 12), ("x_maml", "hi", 12), ("xla_maml-pair", "bg+de", 12)},
    "table-6-hi": {("xla_maml-random", "hi", 14), ("xla_maml", "hi", 14)},
    "table-6-bg-de": {("xla_maml-pair-random", "bg+de", 13), ("xla_maml-pair", "bg+de", 13)},
    "table-6-qa-hi": {("xla_maml-qa-random", "hi", 6), ("xla_maml-qa", "hi", 6)},
    "table-6-qa-ar-hi": {("xla_maml-qa-pair-random", "ar+hi", 5), ("xla_maml-qa-pair", "ar+hi", 5)},
    "table-7-hi": {("xla_maml-non_parallel", "hi", 14), ("xla_maml", "hi", 14)},
    "table-7-bg-de": {("xla_maml-pair-non_parallel", "bg+de", 13), ("xla_maml-pair", "bg+de", 13)},
}
SOFT_ROWS = {
    "table-1": {
        ("zero_shot", "", 14),
        ("freeze_layers", "", 14),
        *((method, one, 13) for method in ("x_maml", "auxiliary_tune", "meta_optimizer") for one in ("el", "ur")),
        *((method, "el+ur", 12) for method in ("x_maml", "auxiliary_tune", "meta_optimizer")),
    },
    "table-2": {(f"meta_optimizer{ablation}", "el+ur", 12) for ablation in ("", "-shared", "-joint")},
}


@pytest.fixture(scope="module")
def auxiliary_demo() -> Grid:
    return runs.expand(config.load([AUXILIARY_DEMO]))


@pytest.fixture(scope="module")
def xla() -> Grid:
    return runs.expand(config.load([XLA]))


@pytest.fixture(scope="module")
def soft() -> Grid:
    return runs.expand(config.load([SOFT]))


def rows(grid: Grid, table: str) -> dict[tuple[str, str], set[str]]:
    """A table's rows, by method and auxiliaries, and the languages that each has scores in."""
    spec = grid.tables[table]
    shown = {(e["name"], method["name"]) for e in spec["experiments"] for method in spec["methods"]}
    found: dict[tuple[str, str], set[str]] = {}
    for run in grid.runs.values():
        for _, method in set(run.uses) & shown:
            found.setdefault((method, "+".join(run.spec["auxiliary"])), set()).update(run.spec["evaluate"])
    return found


def variant(grid: Grid, name: str) -> dict[str, Any]:
    """A variant's settings, which all its runs share."""
    every = [run.spec["method"] for run in grid.runs.values() if name in {method for _, method in run.uses}]
    assert every and all(one == every[0] for one in every)
    return dict(every[0])


def changed(grid: Grid, name: str, other: str) -> dict[str, Any]:
    """What another variant sets otherwise."""
    ours, theirs = variant(grid, name), variant(grid, other)
    return {key: theirs.get(key) for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}


@pytest.mark.parametrize(
    ("file", "tables"), [(XLA, {3, 4, 5, 6, 7}), (SOFT, {1, 2})], ids=["xla_maml", "meta_optimizer"]
)
def test_each_table_with_auxiliaries_is_there_by_name_and_title(file: Path, tables: set[int]) -> None:
    found = numbered(config.load([file]))
    assert set(found) == tables
    metrics = {number: {table.metric for table in found[number]} for number in tables}
    assert metrics.pop(4, {"answer_f1", "exact_match"}) == {"answer_f1", "exact_match"}
    assert metrics.pop(6, {"accuracy", "answer_f1"}) == {"accuracy", "answer_f1"}
    assert all(metric == {"accuracy"} for metric in metrics.values())


@pytest.mark.parametrize("paper_name", ["xla", "soft"])
def test_each_row_of_these_tables_has_its_cells(paper_name: str, request: pytest.FixtureRequest) -> None:
    grid: Grid = request.getfixturevalue(paper_name)
    expected = XLA_ROWS if paper_name == "xla" else SOFT_ROWS
    for table, wanted in expected.items():
        found = rows(grid, table)
        assert {(method, auxiliary, len(languages)) for (method, auxiliary), languages in found.items()} == wanted
        every = set().union(*(experiment["targets"] for experiment in grid.tables[table]["experiments"]))
        for (_, auxiliary), languages in found.items():
            assert languages == every - set(auxiliary.split("+"))
    others = grid.tables.keys() - expected.keys()
    assert all(re.search("-(average|exact)$", name) for name in others)


def test_table_5_has_the_columns_that_the_paper_shows(xla: Grid) -> None:
    for languages in rows(xla, "table-5").values():
        assert {"ar", "es", "sw", "vi", "zh"} < languages


def test_table_4_has_both_scores_of_each_row(xla: Grid) -> None:
    for table in ("table-4-zero-shot", "table-4-few-shot"):
        assert rows(xla, f"{table}-exact") == rows(xla, table)
        assert [xla.tables[name]["metric"] for name in (table, f"{table}-exact")] == ["answer_f1", "exact_match"]


@pytest.mark.parametrize(
    ("paper_name", "table", "of_rows", "without"),
    [
        ("xla", "table-3-zero-shot-average", 5, {"hi", "bg", "de"}),
        ("xla", "table-3-few-shot-average", 5, {"sw", "bg", "de"}),
        ("xla", "table-5", 4, {"hi", "bg", "de"}),
        ("soft", "table-1-average", 1 + 3 * 3, {"en", "el", "ur"}),
        ("soft", "table-2", 3, {"en", "el", "ur"}),
    ],
)
def test_an_average_is_over_the_same_languages_in_every_row(
    paper_name: str, table: str, of_rows: int, without: set[str], request: pytest.FixtureRequest
) -> None:
    found = rows(request.getfixturevalue(paper_name), table)
    assert len(found) == of_rows
    assert all(languages == XNLI - without for languages in found.values())


@pytest.mark.parametrize("paper_name", ["xla", "soft"])
def test_no_model_is_tested_zero_shot_on_a_language_it_was_trained_on(
    paper_name: str, request: pytest.FixtureRequest
) -> None:
    grid: Grid = request.getfixturevalue(paper_name)
    for run in grid.runs.values():
        trained = {language for language, split, _ in runs.reads(run.spec) if split != "test"}
        assert not (trained - {"en"} - set(run.spec["targets"])) & set(run.spec["evaluate"])
        assert not trained & set(run.spec["targets"]) or "few_shot" in (
            run.spec["method"]["name"],
            run.spec["method"].get("setting"),
        )


def test_the_english_model_of_each_task_and_encoder_is_trained_once_a_seed(xla: Grid, soft: Grid) -> None:
    section = {"optimizer": "adamw", "select": "last"}  # 4.2
    inference = {"learning_rate": 2e-5, "batch_size": 32, "epochs": 3, "max_length": 128, **section}
    answering = {"learning_rate": 3e-5, "batch_size": 12, "epochs": 2, "max_length": 384, **section}
    parents = [run for run in xla.runs.values() if run.spec["method"]["name"] == "source_only"]
    kinds = Counter((run.spec["task"], run.spec["encoder"].rpartition("-")[0]) for run in parents)
    assert kinds == {("nli", "mbert"): 3, ("nli", "xlm-r"): 3, ("qa", "mbert"): 3}
    for run in parents:
        assert run.spec["training"].items() >= (inference if run.spec["task"] == "nli" else answering).items()
    assert {run.name for run in parents} == xla.parents

    adam = {"optimizer": "adam", "learning_rate": 2e-5, "weight_decay": 0.0, "epochs": 1, "select": "last"}  # 3.1
    parents = [run for run in soft.runs.values() if run.spec["method"]["name"] == "source_only"]
    assert [run.spec["model_seed"] for run in parents] == [1, 2, 3, 4, 5]
    assert all(run.spec["training"].items() >= adam.items() for run in parents)


def test_a_run_of_xla_maml_that_tables_share_is_trained_once(xla: Grid) -> None:
    seeds = 3
    english = 3 * seeds
    as_they_are = (15 + 12 + 7) * seeds  # mBERT, XLM-R, question answering
    figure = 15 * seeds  # each language as auxiliary; Table 3's hi is among them
    hi, pair = 3 * seeds, 4 * seeds  # X-MAML, at random, not in parallel; with the pair XLA-MAML too
    averages = 4 * seeds
    few_shot = 15 * seeds + 2 * (14 + 13) * seeds  # the averages' are among them
    large = 3 * seeds
    answering = 5 * seeds + 7 * seeds + 6 * seeds
    assert len(xla.runs) == english + as_they_are + figure + hi + pair + averages + few_shot + large + answering
    assert names(xla, "hi", "xla_maml") < names(xla, "auxiliaries", "xla_maml")
    assert names(xla, "few-shot-average") < names(xla, "few-shot")
    untrained = [names(xla, experiment, "zero_shot") for experiment in ("hi-average", "hi", "auxiliaries")]
    assert untrained[0] < untrained[1] == untrained[2]


def test_figure_2_has_every_auxiliary_and_every_target(xla: Grid) -> None:
    figure = xla.figures["figure-2"]
    assert set(figure["auxiliaries"]) == set(figure["targets"]) == XNLI
    tested = {
        (run.spec["auxiliary"][0], language)
        for run in of(xla, figure["experiment"], figure["method"])
        for language in run.spec["evaluate"]
    }
    assert tested == {(auxiliary, target) for auxiliary in XNLI for target in XNLI - {auxiliary}}


def test_episodes_cross_the_border_that_the_paper_says(xla: Grid) -> None:
    def found(experiment: str, method: str) -> set[tuple[tuple[Origin, ...], tuple[Origin, ...]]]:
        kinds = [kind for run in of(xla, experiment, method) for kind in runs.kinds_of(run.spec)]
        return {(kind.support, kind.query) for kind in kinds}

    ar, bg, de, en, hi = map(Origin, ("ar", "bg", "de", "en", "hi"))  # of XNLI and MLQA, not of the sources' dataset
    assert found("hi", "xla_maml") == found("qa", "xla_maml-qa") == {((en,), (hi,))}
    assert found("hi", "x_maml") == found("qa", "x_maml-qa") == {((hi,), (hi,))}
    assert found("bg-de", "xla_maml-pair") == found("xlm-r-bg-de", "xla_maml-pair") == {((bg,), (de,)), ((de,), (bg,))}
    assert found("bg-de", "x_maml") == {((bg,), (bg,)), ((de,), (de,))}
    assert found("qa-ar-hi", "xla_maml-qa-pair") == {((ar,), (hi,)), ((hi,), (ar,))}
    assert found("qa-few-shot", "xla_maml-qa-few_shot") == {((Origin(target),), (hi,)) for target in MLQA - {"hi"}}
    sw = Origin("sw")
    to_sw = {((Origin(target),), (sw,)) for target in XNLI - {"sw"}}
    to_pair = {((Origin(target),), (bg, de)) for target in XNLI - {"bg", "de"}}
    assert found("few-shot", "xla_maml-few_shot") == to_sw | to_pair


def test_episodes_are_as_many_and_as_large_as_in_the_papers(xla: Grid, soft: Grid) -> None:
    for grid in (xla, soft):
        for run in grid.runs.values():
            method, training = run.spec["method"], run.spec["training"]
            if method["name"] not in ("x_maml", "xla_maml"):
                continue
            ours = method["name"] == "xla_maml"
            assert (training["batch_size"], method["inner_lr"]) == ((8, 1e-5) if ours else (16, 1e-4))
            assert (training["learning_rate"], training["weight_decay"]) == (1e-5, 0.01 if ours else 0.0)
            assert training["max_length"] == (128 if run.spec["task"] == "nli" else 384)
            if method["setting"] == "zero_shot":
                each, several = 500 if run.spec["task"] == "nli" else 100, len(run.spec["auxiliary"]) > 1
                assert steps_of(run.spec) == each * (len(run.spec["auxiliary"]) if ours else 1)
                assert method.get("meta_batch") == (("one" if ours else "all") if several else None)


@pytest.mark.parametrize("paper_name", ["xla", "auxiliary_demo"])
def test_few_shot_rows_end_with_the_training_of_their_baseline(paper_name: str, request: pytest.FixtureRequest) -> None:
    """The rows of one table differ in what goes before: batch, rate, schedule, clipping and epochs on the target are the same."""
    grid = request.getfixturevalue(paper_name)
    found: dict[tuple[str, str], set[str]] = {}
    for run in grid.runs.values():
        method, target = run.spec["method"], (run.spec["task"], run.spec["encoder"])
        if method["name"] == "few_shot":
            training = {key: run.spec["training"][key] for key in FINE_TUNE_KEYS}
            assert (training["epochs"], run.spec["training"]["select"]) == (1, "last")
        elif method.get("setting") == "few_shot":
            training = method["fine_tune"]
        else:
            assert method.get("fine_tune") is None
            continue
        found.setdefault(target, set()).add(canonical_json(training))
    assert found and all(len(ways) == 1 for ways in found.values())


def test_few_shot_of_the_paper_is_one_epoch_at_the_english_models_rate(xla: Grid) -> None:
    for run in xla.runs.values():
        if run.spec["method"].get("setting") == "few_shot":
            rate, size = (2e-5, 32) if run.spec["task"] == "nli" else (3e-5, 12)
            told = {"epochs": 1, "learning_rate": rate, "batch_size": size, "clip_norm": 1.0, "warmup": 0.1}
            assert run.spec["method"]["fine_tune"].items() >= told.items()


def test_tables_6_and_7_compare_in_one_thing(xla: Grid) -> None:
    for name in ("xla_maml", "xla_maml-pair", "xla_maml-qa", "xla_maml-qa-pair"):
        assert changed(xla, name, f"{name}-random") == {"sampling": "random"}
    for name in ("xla_maml", "xla_maml-pair"):
        assert changed(xla, name, f"{name}-non_parallel") == {"parallel": False}
    assert changed(xla, "xla_maml", "xla_maml-pair") == {"support": None, "meta_batch": "one"}
    assert changed(xla, "xla_maml", "xla_maml-qa") == {"iterations": 100, "parallel": False}


# ------------------------------------------------------------------------------------------------- soft layer selection


def test_a_run_of_soft_layer_selection_that_tables_share_is_trained_once(soft: Grid) -> None:
    english, as_it_is = SEEDS, 14 * SEEDS
    grid = 4 * SEEDS  # choices of frozen layers
    trained = 3 * (2 + 2 + 1) * SEEDS  # three methods: el, ur; these two for the average; both together
    ablations, rates = 2 * SEEDS, (3 + 1) * SEEDS
    assert len(soft.runs) == english + as_it_is + grid + trained + ablations + rates
    untrained = [names(soft, experiment, "zero_shot") for experiment in ("one-average", "two", "english")]
    assert untrained[0] == untrained[1] < untrained[2]


def test_update_rates_are_learned_once_for_each_set_of_languages(soft: Grid) -> None:
    def rates(experiment: str, method: str) -> set[str | None]:
        return {run.rates for run in of(soft, experiment, method)}

    learned = {run.name: run for run in soft.runs.values() if run.spec["method"]["name"] == "layer_rates"}
    sets = Counter(("+".join(r.spec["auxiliary"]), r.spec["method"]["shared"]) for r in learned.values())
    assert sets == {("el", False): SEEDS, ("ur", False): SEEDS, ("el+ur", False): SEEDS, ("el+ur", True): SEEDS}
    assert rates("one", "meta_optimizer") == rates("one-average", "meta_optimizer")
    assert rates("two", "meta_optimizer-joint") == {None}
    assert set(soft.figures["update-rates"]["runs"]) == rates("two", "meta_optimizer") < set(learned)
    section = {"meta_lr": 0.05, "interval": 15, "episodes": 10}  # 3.1
    for run in learned.values():
        assert run.spec["method"].items() >= section.items()
        assert run.spec["sources"] == ["en"] and run.spec["parent"] is None


def test_soft_layer_selection_and_its_baseline_differ_in_the_rates_alone(soft: Grid) -> None:
    found = list(of(soft, "two", "auxiliary_tune", "meta_optimizer", "meta_optimizer-shared", "meta_optimizer-joint"))
    assert len({tuple(sorted(run.spec["training"].items())) for run in found}) == 1
    assert found[0].spec["training"].items() >= {"epochs": 2, "optimizer": "adam", "learning_rate": 2e-5}.items()
    assert variant(soft, "auxiliary_tune")["freeze_embeddings"]
    assert changed(soft, "meta_optimizer", "meta_optimizer-shared") == {"shared": True}
    joint = {"meta_train": False, "meta_lr": 0.05, "interval": 15}  # its rates are learned in the run itself
    assert changed(soft, "meta_optimizer", "meta_optimizer-joint") == joint


def test_how_many_layers_are_frozen_is_chosen_without_a_target(soft: Grid) -> None:
    found = list(of(soft, "english", "freeze_layers"))
    assert {run.spec["method"]["frozen_layers"] for run in found} == {0, 3, 6, 9}
    assert {run.spec["method"]["choose_on"] for run in found} == {"source"}
    assert {run.spec["training"]["select"] for run in found} == {"best"}
    for run in found:
        seen = {(language, source) for language, split, source in runs.reads(run.spec) if split != "test"}
        assert seen == {("en", True)}


def test_the_demo_has_the_same_methods_and_figures_on_inference_and_questions() -> None:
    demo = runs.expand(config.load([AUXILIARY_DEMO]))
    assert {run.spec["task"] for run in demo.runs.values()} == {"nli", "qa"}
    for task in ("nli", "qa"):
        methods = {run.spec["method"]["name"] for run in of(demo, task)}
        assert methods >= {"zero_shot", "x_maml", "xla_maml", "reptile", "freeze_layers"}
        assert {len(run.spec["auxiliary"]) for run in of(demo, task, "xla_maml")} == {1, 2}
        soft = {run.spec["method"]["shared"]: run for run in of(demo, f"{task}-layers", "meta_optimizer", "one_rate")}
        assert set(soft) == {True, False} and all(run.rates for run in soft.values())
        (joint,) = {run.rates for run in of(demo, f"{task}-layers", "no_meta_train")}
        assert joint is None
    assert {run.spec["model_seed"] for run in demo.runs.values()} == {1, 2, 3}
    parents = [run for run in demo.runs.values() if run.spec["method"]["name"] == "source_only"]
    assert len(parents) == 2 * 3, "one for each task and seed, whichever methods start from it"
    assert {figure["kind"] for figure in demo.figures.values()} == {"gains", "rates"}


# -------------------------------------------------------------------------------------------------------------------- MGL

ABLATIONS = {"mgl-no_meta", "mgl-no_l2clt", "mgl-no_scale", "mgl-1_layer", "mgl-3_layers", "mgl-4_layers"}
BASELINES = {"target_only", "joint", "multi_task", "fine_tune", "reptile_fine_tune"}


@pytest.fixture(scope="module")
def graphs() -> Grid:
    return runs.expand(config.load([GRAPHS]))


def test_mgls_tables_are_there_by_name_and_title() -> None:
    found: dict[int, list[Table]] = {}
    for name, table in config.load([GRAPHS]).tables.items():
        number = re.match(r"table(\d)", name)
        assert number and f"Table {number[1]}:" in table.title
        found.setdefault(int(number[1]), []).append(table)
    assert {number: len(tables) for number, tables in found.items()} == {1: 1, 2: 3, 3: 1}
    assert {table.metric for table in found[2]} == {"f1_positive", "precision_positive", "recall_positive"}
    assert all(table.metric == "accuracy" for table in found[1] + found[3])
    assert {table.baseline for table in found[1] + found[2]} == {"reptile_fine_tune"}


def test_a_star_is_possible_in_every_table_as_the_paper_tests_its_gains(graphs: Grid) -> None:
    needed: dict[str, int] = {}
    for table in graphs.tables.values():
        cells = {(e["dataset"], target) for e in table["experiments"] for target in e["targets"]}
        compared = {target for _, target in cells} if table["columns"] == "dataset_average" else cells
        for experiment in table["experiments"]:
            name = experiment["name"]
            needed[name] = max(needed.get(name, 0), seeds_needed(len(compared)))
    seeds = {e["name"]: len(e["model_seeds"]) for table in graphs.tables.values() for e in table["experiments"]}
    assert seeds == needed


@pytest.mark.parametrize("paper_name", ["whole", "xla", "soft", "graphs"])
def test_the_head_of_a_papers_config_says_how_many_runs_it_has(paper_name: str, request: pytest.FixtureRequest) -> None:
    file = {"whole": PAPER, "xla": XLA, "soft": SOFT, "graphs": GRAPHS}[paper_name]
    grid: Grid = request.getfixturevalue(paper_name)
    said = re.search(r"--configfile config/papers/\S+ +# ([\d,]+) runs", file.read_text())
    assert said and int(said[1].replace(",", "")) == len(grid.runs)


def test_mgls_averages_are_over_its_three_domains(graphs: Grid) -> None:
    cells = {("fr", d): None for d in ("books", "dvd", "music")}
    cells |= {(target, d): None for target in ("ja", "de") for d in ("books", "dvd", "music")}
    for name, columns in (("table1", "dataset"), ("table3", "dataset_average")):
        spec = graphs.tables[name]
        assert (spec["columns"], spec["average"]) == (columns, True)
        assert [(target, e["dataset"]) for e in spec["experiments"] for target in e["targets"]] == list(cells)


@pytest.mark.parametrize("domain", ["books", "dvd", "music"])
def test_each_target_has_the_three_other_languages_as_sources_and_a_tenth_of_its_labels(
    graphs: Grid, domain: str
) -> None:
    of_domain = [e for e in graphs.tables["table1"]["experiments"] if e["dataset"] == domain]
    found = [run for e in of_domain for run in of(graphs, e["name"], *BASELINES, "mgl", *ABLATIONS)]
    assert {run.spec["targets"][0] for run in found} == {"fr", "ja", "de"}
    for run in found:
        name, sources = run.spec["method"]["name"], set(run.spec["sources"])
        assert sources == (set() if name == "target_only" else {"en", "fr", "ja", "de"} - set(run.spec["targets"]))
        assert run.spec["target_size"] == 0.1
    per_target = len(BASELINES | ABLATIONS | {"mgl"})
    assert len(found) == 3 * 9 * per_target


def test_the_settings_are_those_of_the_papers_fourth_table(graphs: Grid) -> None:
    reviews = variant(graphs, "mgl")
    assert (
        reviews.items()
        >= {
            **{"support_size": 5, "query_size": 32, "neighbours": 10, "train_episodes": 75, "test_episodes": 10},
            **{"eval_times": 5, "layers": 2, "dropout": 0.5, "distance": "squared"},
        }.items()
    )
    assert changed(graphs, "mgl", "mgl-relevance") == {
        "query_size": 64,
        "neighbours": 100,
        "train_episodes": 100,
        "test_episodes": 20,
    }
    (run,) = of_seed(graphs, "books-fr", "mgl")
    wanted = {"optimizer": "adam", "learning_rate": 1e-5, "clip_norm": 40.0, "weight_decay": 0.0}
    assert run.spec["training"].items() >= wanted.items()


def of_seed(grid: Grid, experiment: str, method: str) -> list[Run]:
    """The runs of a method's first seed."""
    return [run for run in of(grid, experiment, method) if run.spec["model_seed"] == 1]


def test_each_ablation_changes_one_thing(graphs: Grid) -> None:
    found = {name: changed(graphs, "mgl", name) for name in ABLATIONS}
    assert found == {
        "mgl-no_meta": {"meta_train": False},
        "mgl-no_l2clt": {"l2clt": False},
        "mgl-no_scale": {"length_scale": False},
        "mgl-1_layer": {"layers": 1},
        "mgl-3_layers": {"layers": 3},
        "mgl-4_layers": {"layers": 4},
    }


def test_figure_5_shares_its_first_point_with_table_1_and_has_all_nine_experiments(graphs: Grid) -> None:
    figure = graphs.figures["figure5"]
    assert figure["sizes"] == [0.1, 0.2, 0.5, None]
    assert len(figure["columns"]) == 9
    for experiment, _ in figure["columns"]:
        for method in figure["methods"]:
            assert len(list(of(graphs, experiment, method))) == 4 * 5
        first = {run.name for run in of(graphs, experiment, "mgl") if run.spec["target_size"] == 0.1}
        assert len(first) == 5 and first < names(graphs, experiment.removesuffix("-shares"), "mgl")


def test_figure_4_has_a_panel_for_each_target_of_music(graphs: Grid) -> None:
    panels = graphs.figures["figure4"]["panels"]
    assert [(panel["sources"], panel["target"]) for panel in panels] == [
        (["de", "en", "ja"], "fr"),
        (["de", "en", "fr"], "ja"),
        (["en", "fr", "ja"], "de"),
    ]
    assert {len(panel["runs"]) for panel in panels} == {9}
    assert (graphs.figures["figure4"]["draws"], graphs.figures["figure4"]["neighbours"]) == (100, 2)


def test_the_graph_demo_has_two_domains_relevance_ablations_and_both_figures() -> None:
    demo = runs.expand(config.load([GRAPH_DEMO]))
    sentiment = {run.spec["dataset"] for run in demo.runs.values() if run.spec["task"] == "sentiment"}
    assert len(sentiment) == 2
    assert any(run.spec["task"] == "relevance" for run in demo.runs.values())
    for experiment in ("books-nearish", "books-middish", "music-nearish", "relevance-nearish"):
        methods = {run.spec["method"]["name"] for run in of(demo, experiment)}
        assert methods >= {"mgl", *BASELINES} - ({"multi_task"} if experiment != "books-nearish" else set())
        assert all(len(run.spec["sources"]) in (0, 3) for run in of(demo, experiment))
    assert {figure["kind"] for figure in demo.figures.values()} == {"meta_graph", "sizes"}
    assert len(demo.runs) == 102, "half an hour on two cores"


def test_the_graph_demos_main_comparison_can_bear_a_star() -> None:
    demo = runs.expand(config.load([GRAPH_DEMO]))
    main, beside = demo.tables["books"]["experiments"]
    assert beside["methods"] == ["language_adversarial"] and beside["targets"] == main["targets"]
    assert len(main["targets"]) == 1, "one comparison a row"
    assert len(main["model_seeds"]) >= seeds_needed(1)


@pytest.mark.parametrize(
    "path", [PAPER, DEMO, XLA, SOFT, GRAPHS, AUXILIARY_DEMO, GRAPH_DEMO], ids=lambda path: path.stem
)
def test_the_figure_stage_knows_what_it_is_told(path: Path) -> None:
    for name, spec in runs.expand(config.load([path])).figures.items():
        assert sorted(spec) == sorted(KEYS[spec["kind"]]), name
