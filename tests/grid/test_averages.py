"""Averages over runs in the grid: their members, their edges, what is read and kept, when they are stale."""

import pytest

from pipeline.commands.plan import report
from pipeline.common import paths
from pipeline.common.earlier import behind
from pipeline.common.files import sha256_file, write_text
from pipeline.grid.runs import Grid, reads, run_inputs
from pipeline.grid.survey import survey
from tests.configs import grid
from tests.finished import finish, names, prepare

TWO = ["experiments.few.sources=[hubbish, middish]", "experiments.few.targets=[nearish]"]


def averaged(average: str, *overrides: str) -> Grid:
    return grid(f"methods.mean={average}", "experiments.few.methods=[joint, mean]", "tables=", *overrides)


def means(found: Grid) -> list[dict]:
    return [run.spec for run in found.runs.values() if ("few", "mean") in run.uses]


def varied(found: Grid, spec: dict) -> set[tuple]:
    return {(*found.runs[name].spec["sources"], found.runs[name].spec["model_seed"]) for name in spec["members"]}


@pytest.mark.parametrize("kind", ["weight_average", "ensemble"])
@pytest.mark.parametrize(
    ("over", "place", "members"),
    [
        (
            "seeds",
            [(None, ["hubbish"]), (None, ["middish"])],
            [{("hubbish", 1), ("hubbish", 2)}, {("middish", 1), ("middish", 2)}],
        ),
        ("sources", [(1, []), (2, [])], [{("hubbish", 1), ("middish", 1)}, {("hubbish", 2), ("middish", 2)}]),
        ("both", [(None, [])], [{(s, n) for s in ("hubbish", "middish") for n in (1, 2)}]),
    ],
)
def test_members_differ_in_what_is_averaged_over(kind, over, place, members):
    found = averaged(f"{{method: {kind}, of: joint, average_over: {over}}}", *TWO)
    specs = means(found)
    assert [(spec["model_seed"], spec["sources"]) for spec in specs] == place
    assert [varied(found, spec) for spec in specs] == members
    for spec in specs:
        assert spec["members"] == sorted(spec["members"]) and spec["training"].keys() == {
            "batch_size",
            "max_length",
            "precision",
        }
        assert spec["method"] == {"name": kind, "average_over": over}
        assert reads(spec) == [("nearish", "test", False)]


def test_the_order_of_seeds_is_no_part_of_an_average():
    given = "{method: ensemble, of: joint}"
    assert means(averaged(given)) == means(averaged(given, "experiments.few.model_seeds=[2, 1]"))
    assert means(averaged(given)) != means(averaged(given, "experiments.few.model_seeds=[1, 3]"))


def test_an_average_reads_weights_or_predictions_and_keeps_what_it_reads():
    soup, vote = (
        averaged(f"{{method: {kind}, of: joint}}", "experiments.few.keep_model=yes")
        for kind in ("weight_average", "ensemble")
    )
    (first, *_), (run, *_) = ([r for r in g.runs.values() if r.members] for g in (soup, vote))
    assert {str(paths.run_model(name)) for name in first.members} < set(run_inputs(first))
    assert set(first.members) <= soup.parents and not vote.parents
    assert run_inputs(run) == [str(paths.predictions(name)) for name in run.members]
    assert run.name not in vote.kept and first.name in soup.kept


def test_members_that_nobody_lists_are_trained_with_their_parents_before_them():
    found = grid("methods.mean={method: ensemble, of: zero_shot}", "experiments.few.methods=[mean]", "tables=")
    order = [run.spec["method"]["name"] for run in found.runs.values() if "farrish" not in run.name]
    assert order == ["source_only", "source_only", "zero_shot", "zero_shot", "ensemble"]
    assert {run.uses for run in found.runs.values() if not run.members} == {()}


def test_a_few_shot_member_of_each_target_is_of_its_own_average():
    found = grid("methods.mean={method: weight_average, of: few_shot}", "experiments.few.methods=[mean]", "tables=")
    assert [spec["targets"] for spec in means(found)] == [["nearish"], ["farrish"]]


@pytest.mark.parametrize("kind", ["weight_average", "ensemble"])
def test_what_is_made_of_runs_that_were_made_anew_is_stale(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    found = averaged(f"{{method: {kind}, of: joint}}", "experiments.few.targets=[nearish]")
    place = paths.run_model if kind == "weight_average" else paths.predictions
    prepare(found)
    members = names(found, "joint")
    for name in members:
        finish(found, name, predictions=f"sha {name}")
        write_text(paths.predictions(name), "p")
    (mean,) = names(found, kind)
    made_of = {m: sha256_file(place(m)) if kind == "weight_average" else f"sha {m}" for m in members}
    finish(found, mean, members=made_of)
    assert survey(found).runs[mean] == "done"
    assert " mean " in report(found, survey(found)) and "Nothing to train." in report(found, survey(found))
    assert len([made for made in behind(survey(found).records[mean]) if len(made.modules) == 3]) == 3
    finish(found, mean, members={**made_of, members[0]: "other"})
    assert survey(found).runs[mean] == "stale"
