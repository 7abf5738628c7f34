"""Modules of the working directory, and beside the Snakefile, stand in for none of Python's, of libraries or of ours."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.common import startup
from pipeline.common.errors import UserError

HOSTILE = ("random", "pipeline", "tokenizers", "yaml", "pyarrow", "json", "re", "logging", "config")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with modules that end whatever imports them."""
    for name in HOSTILE:
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the {name} of the working directory')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_in_the_rules_is_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("PYTHONSAFEPATH", "")
    startup.use_this_python()
    assert shutil.which("python") == str(Path(sys.executable).parent / "python")
    assert os.environ["PYTHONSAFEPATH"] == "1"
    before = os.environ["PATH"]
    startup.use_this_python()
    assert os.environ["PATH"] == before


def test_a_stage_is_started_so_that_nothing_of_the_folder_is_imported(folder: Path) -> None:
    prefix = startup.safe_commands().replace("{{", "{").replace("}}", "}")
    command = f"{prefix}{sys.executable} -m pipeline.stages.download --help"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--mirror" in done.stdout


def test_another_workflow_s_commands_stay_as_they_are_where_this_one_is_its_module(folder: Path) -> None:
    prefix = startup.safe_commands(alone=False).replace("{{", "{").replace("}}", "}")
    assert prefix.startswith("set -euo pipefail; python() {")
    (folder / "helper.py").write_text("SAID = 'helped'\n")
    (folder / "own.py").write_text("import os, helper\nprint(helper.SAID, os.environ.get('PYTHONSAFEPATH'))\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"

    def said(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"{prefix}{command}"], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "--mirror" in said("python -m pipeline.stages.download --help")
    assert said("python own.py") == "helped None\n"
    assert said("python -m own") == "helped None\n"


def test_what_another_workflow_puts_before_commands_stays_there_once(folder: Path) -> None:
    mine = startup.safe_commands(alone=False, before="module load cuda; ")
    assert mine.startswith("module load cuda; python() {{")
    shown = mine.replace("{{", "{").replace("}}", "}")
    assert startup.safe_commands(alone=False, before=shown) == mine  # as where the module is used twice


def test_another_workflow_s_snakemake_starts_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.setenv("PATH", os.environ["PATH"])
    startup.use_this_python(alone=False)
    assert "PYTHONSAFEPATH" not in os.environ


def test_storage_plugins_are_refused() -> None:
    startup.check_storage(None)
    with pytest.raises(UserError, match=r"^--default-storage-provider s3: .* leave it out"):
        startup.check_storage("s3")


def test_every_rule_calls_python_in_that_way() -> None:
    rules = startup.PACKAGE.parent / "rules"
    assert "startup.prepare_commands(shell, alone)" in (rules / "common.smk").read_text()
    for file in rules.glob("*.smk"):
        for text in re.findall(r'shell:\n +"""\n([^"]+)"""', file.read_text()):
            assert re.match(r" +python -m pipeline\.\w+\.\w+ ", text), text


def test_the_package_is_alone_in_the_folder_that_python_is_told_of(folder: Path) -> None:
    (link,) = startup.safe_commands() and Path(".snakemake/metalingua").glob("python-*")
    assert [path.name for path in link.iterdir()] == ["pipeline"]
    assert (link / "pipeline").resolve() == startup.PACKAGE
    startup.safe_commands()  # again, where it is there
    assert len(list(Path(".snakemake/metalingua").iterdir())) == 1


def test_own_folders_come_after_libraries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone = str(startup.PACKAGE.parent)
    monkeypatch.setattr(
        sys, "path", [clone, "", "/lib/python", f"{clone}/workflow/..", str(folder), "/lib/site-packages"]
    )
    startup.libraries_first()
    assert sys.path == ["/lib/python", "/lib/site-packages", clone, "", f"{clone}/workflow/..", str(folder)]


def test_a_clone_whose_path_has_braces_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    startup.check_place()
    monkeypatch.setattr(startup, "PACKAGE", Path("/clones/{mine}/pipeline"))
    with pytest.raises(UserError, match=r"^/clones/\{mine\}: .* move or rename the folder$"):
        startup.check_place()
