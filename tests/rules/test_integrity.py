"""What errors of altered files advise, done as they say: the workflow is whole again, with the same tables."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rules.house import House

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

ADVICE = re.compile(r"snakemake (--force [^\s;]+)")


def run_of(folder: Path, method: str) -> Path:
    return min((folder / "results/runs").glob(f"*-{method}-*"))


def delete(path: Path) -> None:
    path.unlink()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def again(path: Path) -> None:
    """Take a run's predictions away, so that what it starts from is read again."""
    (path / "predictions.parquet").unlink()


DAMAGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "a run's record is gone": (
        lambda folder: delete(run_of(folder, "target_only") / "run.json"),
        ["--forcerun", "collect"],
    ),
    "a run's predictions": (
        lambda folder: flip(run_of(folder, "target_only") / "predictions.parquet"),
        ["--forcerun", "score"],
    ),
    "a parent's model": (
        lambda folder: (
            flip(run_of(folder, "source_only") / "model/model.safetensors"),
            again(run_of(folder, "fine_tune")),
        )[1],
        [],
    ),
    "an encoder's description": (
        lambda folder: flip(next(folder.glob("resources/encoders/*/config.json"))),
        ["--forcerun", "train_run"],
    ),
    "a split": (lambda folder: flip(next(folder.glob("results/data/*/nearish/test.parquet"))), []),
    "the scores": (lambda folder: flip(folder / "results/scores.parquet"), ["--forcerun", "table"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_advice_of_an_error_mends(finished: House, tmp_path: Path, damage: str) -> None:
    house = finished.copy(tmp_path / "house")
    tables = {path.name: path.read_bytes() for path in sorted((house.folder / "results/tables").glob("*.md"))}
    do, flags = DAMAGES[damage]
    do(house.folder)
    failed = house.snakemake(*flags)
    said = failed.stdout + failed.stderr
    assert failed.returncode != 0 and "Traceback" not in said, said
    advised = {command for command in ADVICE.findall(said) if not command.endswith("(and")}
    assert advised, said
    for command in sorted(advised):
        house.run(*shlex.split(command))
    house.run()
    assert {path.name: path.read_bytes() for path in sorted((house.folder / "results/tables").glob("*.md"))} == tables
    assert house.planned() == {}


def test_outcomes_of_a_run_are_scored_again(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    path = run_of(house.folder, "target_only") / "scores.parquet"
    before = path.read_bytes()
    flip(path)
    said = house.snakemake("--forcerun", "collect")
    assert "has changed since it was scored" in said.stdout + said.stderr
    house.run("--force", "results/scored.json")
    assert path.read_bytes() == before
    house.run()
    assert house.planned() == {}
