"""Stages that are handed a broken `--spec`: one short message each, soon, and nothing half-written."""

import json
import random
from contextlib import chdir
from importlib import import_module
from pathlib import Path
from random import Random

import pytest

from pipeline.config.reading import read_files
from pipeline.grid.jobs import read_jobs
from tests.faults.servers import outcome
from tests.faults.test_fuzz_config import mutated, scrambled
from tests.faults.world import Stage, stages_of, write_own_files

LONG = pytest.param(500, marks=pytest.mark.long)
STAGES = ("download", "preprocess", "encoder", "train", "table")


def readable(value: object) -> object:
    """A value as JSON has it; sets and bytes, which no JSON holds, become text."""
    return json.loads(json.dumps(value, default=str, allow_nan=True, skipkeys=True))


def spoilt_spec(text: str, rng: Random) -> str:
    """Change a spec's values and keys, or its text."""
    if rng.random() < 0.2:
        return scrambled(text, rng)
    return json.dumps(readable(mutated(json.loads(text), rng)))


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    """The first stage of each kind, as the workflow calls it."""
    folder = tmp_path_factory.mktemp("specs")
    write_own_files(folder)
    with chdir(folder):
        jobs = read_jobs(read_files([Path("config.yaml")])[0], ["config.yaml"])
        return {stage.module: stage for stage in reversed([*stages_of(jobs)])}


@pytest.mark.parametrize("inputs", [15, LONG])
@pytest.mark.parametrize("name", STAGES)
def test_specs(stages, tmp_path, monkeypatch, name, inputs):
    rng, refused = random.Random(f"{name} {inputs}"), 0
    write_own_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    words = stages[name].words
    place = words.index("--spec") + 1
    monkeypatch.setattr(
        "pipeline.stages.train.hide_unused", lambda: None
    )  # which would be for all tests of this process
    main = import_module(f"pipeline.stages.{name}").main
    for _ in range(inputs):
        spec = spoilt_spec(words[place], rng)
        monkeypatch.setattr("sys.argv", [name, *words[: place - 1], f"--spec={spec}", *words[place + 1 :]])
        try:
            refused += outcome(main) is not None
        except (Exception, SystemExit) as error:
            raise AssertionError(f"{error!r} of {spec}") from error
    assert refused > inputs // 3
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
