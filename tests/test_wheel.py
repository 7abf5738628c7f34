"""A wheel has the workflow in it: installed from one, the command works in any folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILT_FROM = (
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
    "Snakefile",
    "rules",
    "config",
    "profiles",
    "envs",
    "published",
    "pipeline",
)

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages that has this one alone, as its wheel unpacks; it is built of a copy."""
    folder = tmp_path_factory.mktemp("wheel")
    clone = folder / "clone"
    clone.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, clone)
    build = "from setuptools import build_meta; build_meta.build_wheel('..')"
    done = subprocess.run([sys.executable, "-c", build], cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def said(site: Path, folder: Path, *words: str) -> str:
    """What the installed command says in a folder, where it must succeed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pipeline.commands.main", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_holds_the_workflow_and_the_command(site: Path) -> None:
    for name in ("rules", "config", "profiles", "envs", "published"):
        files = {path.relative_to(ROOT).as_posix() for path in (ROOT / name).rglob("*") if path.is_file()}
        there = (site / "pipeline/_workflow" / name).rglob("*")
        assert {p.relative_to(site / "pipeline/_workflow").as_posix() for p in there if p.is_file()} == files
    (scripts,) = site.glob("*.dist-info/entry_points.txt")
    assert "metalingua = pipeline.commands.main:main" in scripts.read_text()


def test_it_runs_the_demo_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    told = said(site, tmp_path, "run", "--dry-run", "--quiet", "rules")
    assert "train_run" in told and "table" in told, told
    (link,) = tmp_path.glob(".snakemake/metalingua/python-*/pipeline")
    assert link.resolve() == site / "pipeline", "jobs run what is installed"
    assert "config/config.yaml: valid; " in said(site, tmp_path, "check")
