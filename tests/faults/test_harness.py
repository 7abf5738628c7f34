"""The fault harness in short: a try or two of each fault on a tiny world; `make faults` makes hundreds of each."""

import sys
from pathlib import Path
from random import Random

import pytest

from tests.faults import disks, neighbours
from tests.faults.harness import REFUSED, REPAIRED, UNHARMED, WRONG, Outcome, Row, Wrong, refusal, same, table, tries
from tests.faults.kills import killed
from tests.faults.stages import MADE, Ended, Harm
from tests.faults.world import World

pytestmark = pytest.mark.xdist_group("faults")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A finished world; whoever does harm takes a copy."""
    return World.make(tmp_path_factory.mktemp("faults") / "world")


@pytest.mark.parametrize("name", ["download nds", "train fine_tune", "score"])
def test_a_stage_that_is_killed_ends_in_the_same_bits(world: World, tmp_path: Path, name: str) -> None:
    assert killed(world, name, Random(3), tmp_path).how in (REPAIRED, UNHARMED)


def test_a_run_that_is_killed_while_it_deletes_its_checkpoint_is_not_trained_again(
    world: World, tmp_path: Path
) -> None:
    copy = world.copy(tmp_path)
    copy.forget("train fine_tune")
    last = int(copy.finish("train fine_tune", Harm(change=sys.maxsize)).said.rpartition(MADE)[2]) - 1
    copy.forget("train fine_tune")
    assert copy.start("train fine_tune", Harm(change=last)).wait().killed
    assert list(tmp_path.glob("results/runs/*/checkpoint-*"))
    assert "only its checkpoint was still to be deleted" in copy.finish("train fine_tune").said
    same(world, copy, "killed at its last change")
    assert not list(tmp_path.glob("results/runs/*/checkpoint-*"))


@pytest.mark.parametrize("name", ["preprocess nds", "table"])
def test_files_that_may_not_be_so_large_are_named(world: World, tmp_path: Path, name: str) -> None:
    assert disks.too_large(world, name, Random(1), tmp_path).how == REFUSED


@pytest.mark.parametrize(("fault", "name"), [(disks.full, "train source_only"), (disks.read_only, "collect")])
def test_a_disk_that_refuses_is_named(world: World, tmp_path: Path, fault, name: str) -> None:
    if (why := disks.no_mounts()) is not None:
        pytest.skip(why)
    assert fault(world, name, Random(1), tmp_path).how == REFUSED


def test_two_of_a_stage_at_once(world: World, tmp_path: Path) -> None:
    assert neighbours.two_at_once(world, "table", Random(0), tmp_path).how in (REFUSED, UNHARMED)


def test_a_clock_that_is_behind(world: World, tmp_path: Path) -> None:
    assert neighbours.clock_behind(world, "score", Random(0), tmp_path).how == REPAIRED


# --------------------------------------------------------------------------------------------------- the harness itself


@pytest.mark.parametrize(
    "ended",
    [
        Ended(1, "Traceback (most recent call last):\nerror: x", 0.0),
        Ended(1, "no error at all", 0.0),
        Ended(1, f"error: {'x' * 2000}", 0.0),
        Ended(1, "error: something else", 0.0),
        Ended(-9, "error: a file", 0.0),
    ],
)
def test_what_is_no_clear_error_is_wrong(ended: Ended) -> None:
    with pytest.raises(Wrong):
        refusal(ended, "a file|x")


def test_a_clear_error_is_a_refusal() -> None:
    assert refusal(Ended(1, "note\nerror: a file\n", 0.0), "a file") == "error: a file\n"
    assert refusal(Ended(0, "", 0.0), "a file") is None


def test_other_bytes_and_leftovers_are_wrong(world: World, tmp_path: Path) -> None:
    copy = world.copy(tmp_path)
    same(world, copy, "a copy")
    (tmp_path / "results/.scores.parquet.0123abcd-7.x1").write_text("half")
    with pytest.raises(Wrong, match="left over"):
        same(world, copy, "a leftover")


def test_tries_are_counted_and_told() -> None:
    def attempt(rng: Random, folder: Path) -> Outcome:
        assert folder.is_dir()
        if rng.random() < 0.5:
            raise Wrong("seen")
        return Outcome(REPAIRED, kills=2, repeated=1)

    row = tries("a fault", [attempt] * 8)
    assert 0 < row.count(WRONG) == len(row.wrong) < 8
    assert row.as_dict()["epochs repeated per kill, at most"] == 0.5
    assert (
        table([row, Row("another")]).splitlines()[-1]
        == f"| all | 8 | 0 | {row.count(REPAIRED)} | 0 | {row.count(WRONG)} |"
    )
