"""The ten lines of docs/methods.md by which a method is added, walked through with the method that stands there."""

import copy
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.rules.house import CONFIG, ROOT, House

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

DOCS = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
LINES = DOCS.partition("## Adding a method, in ten lines\n")[2].partition("\n## ")[0]
REGISTRY = "pipeline/config/methods/__init__.py"


def files() -> dict[str, str]:
    """The files that are written out, by their paths."""
    found = re.findall(r"^   `([\w/]+\.py)`:\n\n   ```python\n(.*?)^   ```$", LINES, re.S | re.M)
    return {path: textwrap.dedent(text) for path, text in found}


def edits() -> list[tuple[str, str]]:
    """The registry's edits: the lines that are there, and what they become."""
    found = [textwrap.dedent(block) for block in re.findall(r"^   ```diff\n(.*?)^   ```$", LINES, re.S | re.M)]

    def side(block: str, sign: str) -> str:
        return "".join(line[1:] + "\n" for line in block.splitlines() if line[0] in (sign, " "))

    return [(side(block, "-"), side(block, "+")) for block in found]


def python(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def house(finished: House, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The finished tiny workflow, with the method in its package as the ten lines say."""
    made = finished.copy(tmp_path_factory.mktemp("new") / "house")
    for path, text in files().items():
        (made.folder / path).write_text(text, encoding="utf-8")
    registry = made.folder / REGISTRY
    text = registry.read_text()
    for before, after in edits():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    registry.write_text(text)
    return made


def test_there_are_ten_lines():
    assert re.findall(r"^(\d+)\. ", LINES, re.M) == [str(n) for n in range(1, 11)]
    assert list(files()) == ["pipeline/methods/weighted_joint.py", "pipeline/config/methods/weighted_joint.py"]
    assert len(edits()) == 2


def test_the_documentation_knows_it(house: House):
    for name in ("README.md", "default.yaml", "schema.json"):
        shutil.copy2(ROOT / "config" / name, house.folder / "config")
    python(house.folder, "-m", "pipeline.config.documentation")
    assert "| `weighted_joint` | Training on source and target together, the target's loss weighed." in (
        house.folder / "config/README.md"
    ).read_text(encoding="utf-8")


def test_its_two_files_are_clean(house: House):
    shutil.copy2(ROOT / "pyproject.toml", house.folder)
    python(house.folder, "-m", "ruff", "check", *files(), REGISTRY)
    python(house.folder, "-m", "ruff", "format", "--check", *files(), REGISTRY)
    python(house.folder, "-m", "mypy", *files())


def test_it_is_checked_and_its_mistakes_are_named(house: House):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["few"]["methods"].append("weighted_joint")
    name = house.config("new.yaml", config)
    assert "valid; 8 runs" in python(house.folder, "-m", "pipeline.commands.main", "check", name)
    wrong = house.config("wrong.yaml", {**config, "methods": {"weighted_joint": {"weight": 2}}})
    done = house.snakemake("-n", config=wrong)
    assert done.returncode != 0 and "methods.weighted_joint.weight: must be less than or equal to 1" in (
        done.stdout + done.stderr
    )


def test_it_trains_to_the_table_and_no_other_run_does(house: House):
    config = copy.deepcopy(CONFIG)
    config["experiments"]["few"]["methods"] += ["weighted_joint", "all-target"]
    config["methods"] = {"all-target": {"method": "weighted_joint", "weight": 1}}
    name = house.config("new.yaml", config)
    jobs = house.planned(config=name)
    assert (
        sorted(run.rpartition("-s")[0] for run in jobs["train_run"])
        == ["run=ner-babel-hubbish-nearish-weighted_joint"] * 4
    )
    house.run(config=name)
    scores = pq.read_table(house.folder / "results/scores.parquet").to_pylist()
    shown = {row["variant"] for row in scores}
    assert shown == {"target_only", "fine_tune", "weighted_joint", "all-target"}
    assert "weighted joint" in (house.folder / "results/tables/few.md").read_text()
    assert house.planned(config=name) == {}
