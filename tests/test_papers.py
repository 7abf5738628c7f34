"""The configs of whole papers hold the tables they promise, and no run twice."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import config, runs
from pipeline.config_schema import Settings, Table
from pipeline.runs import Grid, Run

ROOT = Path(__file__).parents[1]
PAPER, DEMO = ROOT / "config/papers/metaxl.yaml", ROOT / "config/demo-metaxl.yaml"
TABLES = {2, 4, 5, 6, 7, 9, 10, 11, 12, 13}  # those of MetaXL with named entities
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
def paper() -> Grid:
    return runs.expand(config.load([PAPER]))


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


def test_each_table_is_there_by_name_and_title(settings: Settings) -> None:
    found: dict[int, list[Table]] = {}
    for name, table in settings.tables.items():
        named, titled = re.match(r"table-(\d+)", name), re.match(r"Table (\d+)\b", table.title)
        assert (named and named[1]) == (titled and titled[1]), f"{name}: {table.title}"
        if named:
            found.setdefault(int(named[1]), []).append(table)
            assert table.baseline == "joint"
    assert set(found) == TABLES
    assert {number for number, tables in found.items() if tables[0].columns == "average"} == AVERAGES
    assert all(table.metric == "entity_f1_lenient" for number in TABLES for table in found[number][:1])


def test_the_demo_has_the_same_tables_and_the_controls() -> None:
    names_of = [list(config.load([file]).tables) for file in (PAPER, DEMO)]
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


def test_rows_differ_in_their_method_and_not_in_their_training(paper: Grid) -> None:
    settings = {tuple(sorted(run.spec["training"].items())) for run in paper.runs.values()}
    assert len(settings) == 1
    (training,) = map(dict, settings)
    appendix = {"learning_rate": 3e-5, "batch_size": 16, "epochs": 20, "max_length": 200}
    released = {"optimizer": "adam", "weight_decay": 5e-4, "clip_norm": 10.0}
    assert training.items() >= (appendix | released).items()
    assert {run.spec["target_size"] for run in paper.runs.values()} == {100}
    networks = [
        run.spec["method"] for run in paper.runs.values() if run.spec["method"]["name"] in ("metaxl", "joint_rtn")
    ]
    assert {method["bottleneck"] for method in networks} == {384}


def test_the_grid_is_the_papers(paper: Grid) -> None:
    rates = {run.spec["method"]["meta_lr"] for run in of(paper, "english", "metaxl")}
    assert rates == {3e-5, 1e-6, 1e-7}
    assert {run.spec["method"].get("meta_lr") for run in of(paper, "mbert-distances")} == {None, 1e-6}
    assert paper.kept == names(paper, "mbert-distances")


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
