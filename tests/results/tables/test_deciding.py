"""Seeds added until comparisons are decided: from the config to runs, to a decision, to the runs of the next start."""

import json

import pytest

from pipeline.commands.spared import spared
from pipeline.common import paths
from pipeline.common.files import canonical_json
from pipeline.config.load import parse
from pipeline.grid.decisions import in_effect, read_decisions
from pipeline.grid.runs import expand
from pipeline.results.scores.runs_file import Expected
from pipeline.results.statistics.seeds import compare
from pipeline.results.tables.added import p_for_stars
from pipeline.results.tables.cells import read_spec
from pipeline.stages import collect, table
from pipeline.stages.decide import decide
from pipeline.stages.score import score
from tests.configs import changed
from tests.results.world import CODE, finish, right, runs_file

RULE = "experiments.few.model_seeds={start: 3, until: decided, at_most: 6, margin: 2.0}"
FEW = (RULE, "experiments.few.methods=[target_only, joint, joint-cat]", "experiments.few.targets=[nearish]")
RIGHT = {
    "target_only": [20, 21, 20, 21, 20, 21],
    "balanced": [79, 80, 80, 79, 80, 80],
    "concatenated": [9, 30, 12, 33, 20, 22],
}
"""Of eighty sentences, by seed: `joint` is far above the baseline, `joint-cat` is like it but for its seeds."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def settings_of(*overrides):
    return parse(changed(*FEW, *overrides))


def start(settings, times=RIGHT):
    """What one start of the workflow does: the grid, its missing runs, scores, decisions."""
    grid = expand(settings, read_decisions(settings))
    runs = [Expected(run.name, CODE, run.uses, run.spec) for run in grid.runs.values()]
    made = [run for run in runs if not paths.predictions(run.name).exists()]
    for run in made:
        kind = run.spec["method"].get("batches", run.spec["method"]["name"])
        finish(run, right(times[kind][run.spec["model_seed"] - 1], 80))
    score(runs, 1)
    collect.collect(runs_file(runs))
    for name, spec in grid.decisions.items():
        decide(name, canonical_json(spec))
    return grid, sorted((run.spec["method"].get("batches", "target_only"), run.spec["model_seed"]) for run in made)


def stored(name="few"):
    return json.loads(paths.decisions(name).read_text())


def states():
    return {(one["row"], one["as"]): (one["state"], one["seeds"], one["next"]) for one in stored()["comparisons"]}


def test_seeds_are_added_where_a_comparison_is_open_and_nowhere_else(monkeypatch):
    settings = settings_of()
    assert spared(settings, expand(settings))[0].endswith(
        "may be spared.\n  table few: nothing is decided yet of these runs"
    )
    grid, made = start(settings)
    listed = expand(parse(changed(*FEW, "experiments.few.model_seeds=[1, 2, 3]")))
    assert set(grid.runs) == set(listed.runs) and len(made) == 9, "the runs of a list of seeds"
    assert states()["joint", "baseline"] == ("separated", 3, None)
    assert states()["joint-cat", "baseline"] == ("open", 3, 4) == states()["joint-cat", "best"]
    assert start(settings)[1] == [("balanced", 4), ("concatenated", 4), ("target_only", 4)]
    assert states()["joint-cat", "best"] == ("separated", 4, None), (
        "joint is shown to be better: it needs no more seeds"
    )
    assert start(settings)[1] == [("concatenated", 5), ("target_only", 5)]
    grid, made = start(settings)
    assert made == [("concatenated", 6), ("target_only", 6)]
    assert states()["joint-cat", "baseline"] == ("open", 6, None) and stored()["open"] == 0
    assert start(settings)[1] == [], "at_most is reached"
    assert spared(settings, grid) == [
        "Seeds are added until comparisons are decided: 16 runs, where 6 seeds everywhere are 18; 2 are spared.\n"
        "  table few: of 4 comparisons 3 separated, 1 open with all seeds there may be"
    ]
    monkeypatch.setattr("sys.argv", ["table", "--name", "few", "--spec", json.dumps(grid.tables["few"])])
    table.main()
    text = paths.table("few", "md").read_text()
    assert "Seeds were added, 3 to 6 a cell" in text and "(4)" in text
    assert "not in the collected scores" not in text, "no seed is missed that was never wanted"


def test_a_decision_is_of_its_question_and_of_its_runs_alone():
    settings = settings_of()
    start(settings)
    four = {run: 4 for cell in stored()["cells"] for run in cell["runs"]}
    assert read_decisions(settings) == four and in_effect("few", settings, four) is not None
    assert read_decisions(settings_of("tables.few.title=Another")) == four, "a title decides nothing"
    for other in (RULE.replace("2.0", "5.0"), "tables.few.baseline=joint"):
        asked = settings_of(other)
        assert set(read_decisions(asked).values()) == {3} and in_effect("few", asked, four) is None
        assert len(expand(asked, read_decisions(asked)).runs) == 9, (
            "what was seen stays, nothing new before it is decided"
        )
    changed_runs = settings_of("training.learning_rate=0.002")
    assert len(expand(changed_runs, read_decisions(changed_runs)).runs) == 9, "other runs begin anew"
    outcomes = json.loads(paths.scored().read_text())
    paths.scored().write_text(json.dumps({run: "of other data" for run in outcomes}))
    assert set(read_decisions(settings).values()) == {3} and in_effect("few", settings, four) is None


def test_where_a_table_shows_means_alone_all_cells_behind_an_open_one_get_a_seed():
    settings = settings_of(
        "experiments.few.targets=[nearish, farrish]",
        "tables.few.columns=average",
        "experiments.few.methods=[target_only, joint-cat]",
    )
    start(settings)
    assert {one["column"] for one in stored()["comparisons"]} == {"average"} and stored()["open"] == 2
    assert [cell["wanted"] for cell in stored()["cells"]] == [4] * 4


def test_all_seeds_there_may_be_are_the_runs_of_a_list():
    listed = expand(parse(changed(*FEW, "experiments.few.model_seeds=[1, 2, 3, 4, 5, 6]")))
    assert list(expand(settings_of(), None).runs) == list(listed.runs)


def test_stars_allow_for_the_looks_and_the_p_that_is_shown_does_not():
    test = compare([0.5, 0.52, 0.49, 0.53, 0.5, 0.51], [0.4, 0.45, 0.46, 0.41, 0.45, 0.47])
    seeds = [(42, seed) for seed in range(1, 7)]
    plain, added = (read_spec(canonical_json(expand(s).tables["few"])) for s in (parse(changed()), settings_of()))
    assert p_for_stars(plain, test, seeds) == test.p < p_for_stars(added, test, seeds) < 5 * test.p
    assert p_for_stars(added, compare([0.5], [0.4]), seeds[:1]) == 1.0
