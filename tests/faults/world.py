"""A finished tiny world: own files, an encoder, a parent, its child, a MetaXL run, scores and a table, stage by stage.

Every stage can be run again in a copy, over what it made before or without it. Whatever befell it, the copy must end as the
finished world is: `state` is all that must be the same, `leftovers` what should not be there.
"""

import csv
import json
import random
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from pipeline.common.files import canonical_json, digest, sha256_file
from pipeline.config.reading import read_files
from pipeline.grid.jobs import Jobs, read_jobs
from tests.faults.stages import MADE, NONE, Ended, Harm, Started

WORDS = {"de": ["gut", "schlecht", "mittel", "Schuh", "Hemd"], "nds": ["goot", "leeg", "middel", "Schoh", "Hemd"]}
ROWS = {"train": 60, "dev": 16, "test": 24}
CONFIG: dict[str, Any] = {
    "datasets": {
        "shop": {
            "loader": "files",
            "task": "sentiment",
            "folder": "mine",
            "files": {split: f"{{language}}/{split}.csv" for split in ROWS},
            "labels": {"bad": "bad", "good": "good"},
        }
    },
    "encoders": {
        "tiny": {
            "from": "pretrain",
            "text": [{"dataset": "shop", "languages": ["de", "nds"]}],
            "layers": 1,
            "hidden_size": 16,
            "heads": 2,
            "vocabulary_size": 150,
            "max_length": 32,
            "steps": 40,
            "batch_size": 8,
        }
    },
    "training": {"epochs": 4, "batch_size": 8, "max_length": 32, "learning_rate": 0.01},
    "methods": {"metaxl": {"bottleneck": 8, "way": "fast"}},
    "experiments": {
        "shop": {
            "dataset": "shop",
            "encoder": "tiny",
            "methods": ["fine_tune", "metaxl"],
            "sources": ["de"],
            "targets": ["nds"],
        }
    },
    "tables": {"shop": {"experiments": ["shop"], "baseline": "fine_tune"}},
}
PLACES = ("results", "resources")
TIMES = ("seconds", "memory_mb", "tokens_per_second", "finished", "digest", "history")
"""Keys of descriptions that say how long something took, or are digests of what says it."""

TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}-\d+\.\w+")


@dataclass(frozen=True)
class Stage:
    """A stage as a rule calls it.

    Attributes:
        name: what a table of faults calls it.
        module: of `pipeline.stages`.
        words: its arguments.
        made: patterns of what it writes.
        seconds: it takes, measured when the world was made.
        changes: it makes to files, opened for writing, renamed or deleted.
    """

    name: str
    module: str
    words: list[str]
    made: tuple[str, ...]
    seconds: float = 0.0
    changes: int = 0


def write_own_files(folder: Path) -> None:
    """Write the files and the config that all else is made from."""
    for language, words in WORDS.items():
        rng = random.Random(language)
        for split, count in ROWS.items():
            path = folder / "mine" / language / f"{split}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["text", "label"])
                for row in range(count):
                    told = " ".join([*rng.choices(words, k=4), words[1 - row % 2], str(row)])
                    writer.writerow([told, ("bad", "good")[row % 2]])
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False), encoding="utf-8")


def stages_of(jobs: Jobs) -> Iterator[Stage]:
    """Yield the stages of a config's jobs in their order, each once: the parent, a child and a MetaXL run have one each."""
    ((dataset, _),) = jobs.grid.datasets.items()
    for language in WORDS:
        one: Any = SimpleNamespace(dataset=dataset, language=language)
        place = shlex.split(jobs.download_location(one, None))
        fetched = ["--spec", jobs.download_spec(one, None), *place, "--code", jobs.download_code(one)]
        yield Stage(f"download {language}", "download", fetched, (f"resources/raw/{dataset}/{language}/*",))
        read = ["--spec", jobs.data_spec(one), "--code", jobs.data_code(one)]
        made = f"results/data/{dataset}/{language}"
        yield Stage(f"preprocess {language}", "preprocess", read, (f"{made}/*.parquet", f"{made}/report.json"))
    ((encoder, _),) = jobs.grid.encoders.items()
    one = SimpleNamespace(encoder=encoder)
    words = ["--spec", jobs.encoder_spec(one), "--code", jobs.encoder_code(one)]
    yield Stage("encoder", "encoder", words, (f"resources/encoders/{encoder}/*",))
    for name in sorted(jobs.grid.runs, key=lambda name: name not in jobs.grid.parents):
        one, keep = SimpleNamespace(run=name), name in jobs.grid.parents
        words = ["--run", name, "--spec", jobs.run_spec(one), "--code", jobs.run_code(one)]
        method = jobs.grid.runs[name].spec["method"]["name"]
        yield Stage(f"train {method}", "train", words + ["--keep-model"] * keep, made_by_train(name))
    outcomes = "results/runs/*/scores.parquet"
    made_by_score = (outcomes, "results/runs/*/.scores.parquet.sha256", "results/scored.json", "results/.scored*")
    yield Stage("score", "score", ["--runs", jobs.runs_file, "--threads", "2"], made_by_score)
    yield Stage("collect", "collect", ["--runs", jobs.runs_file], ("results/scores.parquet", "results/.scores*"))
    one = SimpleNamespace(table="shop")
    yield Stage("table", "table", ["--name", "shop", "--spec", jobs.table_spec(one)], ("results/tables/*",))


def made_by_train(run: str) -> tuple[str, ...]:
    """Return the patterns of what training writes of a run; its outcomes, which scoring writes, are not among them."""
    names = ("run.json", "predictions.parquet", "history.jsonl", "steps.parquet", "model", "model/*", "checkpoint-*")
    return tuple(f"results/runs/{run}/{name}" for name in names)


@dataclass(frozen=True)
class World:
    """A folder with all that the stages made, or a copy of it."""

    folder: Path
    stages: dict[str, Stage]

    @staticmethod
    def make(folder: Path) -> "World":
        """Run every stage once in a new folder."""
        folder.mkdir(parents=True)
        write_own_files(folder)
        with chdir(folder):
            jobs = read_jobs(read_files([Path("config.yaml")])[0], ["config.yaml"])
            stages = {stage.name: stage for stage in stages_of(jobs)}
        world = World(folder, stages)
        Started("table", ["--help"], folder).wait()  # so that the server's own start is in no stage's seconds
        for name, stage in stages.items():
            ended = world.finish(name, Harm(change=sys.maxsize))
            stages[name] = replace(stage, seconds=ended.seconds, changes=int(ended.said.rpartition(MADE)[2]))
        return world

    def copy(self, folder: Path) -> "World":
        """Copy it to do harm to; times of files stay."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        (folder / "epochs").unlink(missing_ok=True)
        return World(folder, self.stages)

    def forget(self, name: str) -> None:
        """Delete what a stage made."""
        for pattern in self.stages[name].made:
            for path in self.folder.glob(pattern):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def start(self, name: str, harm: Harm = NONE) -> Started:
        """Start a stage."""
        stage = self.stages[name]
        return Started(stage.module, stage.words, self.folder, harm)

    def finish(self, name: str, harm: Harm = NONE) -> Ended:
        """Run a stage, which must end well, and say how it ended.

        Raises:
            AssertionError: it does not.
        """
        ended = self.start(name, harm).wait()
        assert ended.status == 0, f"{name}: status {ended.status}: {ended.said[-1500:]}"
        return ended

    def go_on(self, name: str) -> None:
        """Run all stages that come after one, as the workflow does."""
        names, trains = list(self.stages), name.startswith("train")
        for later in names[names.index(name) + 1 :]:
            if not later.startswith("download") and not (trains and later.startswith("train")):
                self.finish(later)

    def made(self, name: str) -> list[Path]:
        """Return what a stage wrote."""
        return [path for pattern in self.stages[name].made for path in self.folder.glob(pattern) if path.is_file()]

    def files(self) -> Iterator[Path]:
        """Yield every file below results and resources."""
        for place in PLACES:
            yield from (path for path in sorted((self.folder / place).rglob("*")) if path.is_file())

    def state(self) -> dict[str, str]:
        """Return by path what must be the same whenever a world is finished: digests, times left out."""
        found = {}
        for path in self.files():
            name = str(path.relative_to(self.folder))
            if path.name in ("run.json", "history.jsonl"):
                lines = path.read_text(encoding="utf-8") if path.suffix == ".jsonl" else ""
                values = [json.loads(line) for line in lines.splitlines()] or [json.loads(path.read_bytes())]
                found[name] = digest([timeless(value) for value in values], 64)
            else:
                found[name] = sha256_file(path)
        return found

    def temporary(self) -> list[str]:
        """Return the temporary files and folders that are there."""
        every = (path for place in PLACES for path in (self.folder / place).rglob("*"))
        return [str(path.relative_to(self.folder)) for path in every if TEMPORARY.fullmatch(path.name)]


def timeless(value: Any) -> Any:
    """Return a description without what says how long it took."""
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in TIMES}
    return json.loads(canonical_json(value))


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Say which files are missing, left over or other ones."""
    said = [f"missing: {name}" for name in before if name not in now]
    said += [f"left over: {name}" for name in now if name not in before]
    said = [
        one for one in said if not (one.startswith("missing") and "/tokens/" in one)
    ]  # made again by who needs them
    return said + [f"another: {name}" for name in before if now.get(name, before[name]) != before[name]]
