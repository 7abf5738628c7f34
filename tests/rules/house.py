"""A copy of the workflow with a tiny config, that tests run, edit and ask what would run."""

import copy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CONFIG: dict[str, Any] = {
    "datasets": {"babel": {"loader": "babel", "sizes": {"train": 30, "dev": 8, "test": 10, "text": 40}}},
    "encoders": {
        "tiny": {
            "from": "pretrain",
            "layers": 1,
            "hidden_size": 16,
            "heads": 2,
            "vocabulary_size": 120,
            "max_length": 64,
            "text": [{"dataset": "babel", "languages": ["hubbish", "nearish"]}],
            "steps": 2,
            "batch_size": 4,
        }
    },
    "training": {"epochs": 1, "max_length": 64, "learning_rate": 0.001},
    "experiments": {
        "few": {
            "dataset": "babel",
            "encoder": "tiny",
            "methods": ["target_only", "fine_tune"],
            "sources": ["hubbish"],
            "targets": ["nearish"],
            "source_size": 20,
            "target_size": 10,
            "model_seeds": [1, 2],
        }
    },
    "tables": {
        "few": {"experiments": ["few"], "baseline": "target_only", "title": "Few"},
        "same": {"experiments": ["few"], "title": "The same, without tests"},
    },
}
"""Two methods, one of them with a parent, one target, two seeds: six runs, two tables."""

SMALL_ENCODER = {
    "layers": 1,
    "hidden_size": 16,
    "heads": 2,
    "vocabulary_size": 150,
    "max_length": 32,
    "steps": 2,
    "batch_size": 4,
}
"""For texts of a test's own: one layer that is hardly pretrained."""


@dataclass(frozen=True)
class House:
    """A folder with the workflow, the package and results; nothing outside it is read or written.

    The package is a copy, so that tests may edit it: the code hashes are taken of the files that are imported.
    """

    folder: Path

    @staticmethod
    def build(folder: Path) -> "House":
        """Copy the workflow into `folder` and write the tiny config."""
        folder.mkdir(parents=True)
        for name in ("Snakefile", "rules", "profiles", "pipeline", "envs"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / name)
        (folder / "config").mkdir()
        shutil.copy2(ROOT / "config/config.yaml", folder / "config")
        house = House(folder)
        house.config("config.yaml", CONFIG)
        return house

    def copy(self, folder: Path) -> "House":
        """Copy this one with its results, times of files included, to change it at will."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
        return House(folder)

    def config(self, name: str, config: dict[str, Any]) -> str:
        """Write a config file and return its name."""
        (self.folder / name).write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        return name

    def changed(self, *place: str | int, value: Any) -> str:
        """Write the tiny config with one value changed, and return the file's name."""
        config = copy.deepcopy(CONFIG)
        here: Any = config
        for key in place[:-1]:
            here = here.setdefault(key, {}) if isinstance(here, dict) else here[key]
        here[place[-1]] = value
        return self.config("changed.yaml", config)

    def snakemake(self, *flags: str, config: str | None = "config.yaml") -> subprocess.CompletedProcess[str]:
        """Run Snakemake there, with its default config where `config` is `None`; return what it said, failed or not."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("CUDA_VISIBLE_DEVICES", None)
        command = [sys.executable, "-m", "snakemake", *flags, *(["--configfile", config] if config else [])]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=600
        )

    def run(self, *flags: str, config: str | None = "config.yaml") -> str:
        """Run Snakemake, which must succeed, and return all it said."""
        done = self.snakemake(*flags, config=config)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        return said

    def planned(self, *flags: str, config: str | None = "config.yaml") -> dict[str, list[str]]:
        """Dry-run: by rule, the wildcards of each job that would run, without the targets; empty when nothing would."""
        said = self.run("--dry-run", *flags, config=config)
        jobs: dict[str, list[str]] = {}
        for block in re.split(r"^\[.*\d{4}\]$", said, flags=re.MULTILINE):
            rule = re.search(r"^(?:local)?rule (\w+):", block, re.MULTILINE)
            if rule and rule[1] not in ("all", "prepare", "train", "tables", "analyses", "errors"):
                wildcards = re.search(r"^    wildcards: (.*)$", block, re.MULTILINE)
                jobs.setdefault(rule[1], []).append(wildcards[1] if wildcards else "")
        assert jobs or "Nothing to be done" in said, said
        return {rule: sorted(wildcards) for rule, wildcards in jobs.items()}

    @contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """Replace `old`, which must be there, in a file; put the text back at the end, its times not."""
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{path} has no {old!r}"
        file.write_text(text.replace(old, new, 1))
        try:
            yield
        finally:
            file.write_text(text)


def methods(jobs: dict[str, list[str]]) -> list[str]:
    """The methods of the planned training jobs, one for each, sorted; parents among them."""
    runs = jobs.get("train_run", []) + jobs.get("train_parent", [])
    return sorted(re.sub(r".*-(\w+)-s\d+-[0-9a-f]{12}$", r"\1", run) for run in runs)
