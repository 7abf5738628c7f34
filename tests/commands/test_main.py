"""`metalingua` and what its commands are told: a config by its file, by `--configfile`, or the default one."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from pipeline.commands import main as front
from pipeline.common.errors import UserError
from tests.configs import BASE, changed

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mine(folder: Path) -> str:
    (folder / "mine.yaml").write_text(yaml.safe_dump(BASE))
    return "mine.yaml"


def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["metalingua", *arguments])
    front.dispatch()
    return capsys.readouterr().out


def test_the_console_command_is_the_one_of_the_package():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["metalingua"].partition(":")
    assert getattr(import_module(module), function) is front.main


def test_help_names_every_command_in_a_line(monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        said(monkeypatch, capsys, "--help")
    assert stopped.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, module in front.COMMANDS.items():
        assert f"{name} {module.SUMMARY}" in shown
        assert module.__doc__ and module.__name__ == f"pipeline.commands.{name}"
        assert f"metalingua {name} " in module.__doc__


def test_check_says_what_a_config_asks_for(monkeypatch, capsys, mine):
    assert said(monkeypatch, capsys, "check", mine) == "mine.yaml: valid; 26 runs, 1 dataset, 1 encoder, 1 table\n"
    fewer = said(monkeypatch, capsys, "check", mine, "--config", "experiments.few.model_seeds=[1]", "tables={}")
    assert fewer == "mine.yaml: valid; 13 runs, 1 dataset, 1 encoder, 1 table\n"


@pytest.mark.parametrize(
    "command", sorted(front.COMMANDS.keys() - {"draw", "run"})
)  # told a page, and Snakemake's words
def test_a_config_stands_alone_or_after_configfile(monkeypatch, capsys, mine, command):
    assert said(monkeypatch, capsys, command, mine) == said(monkeypatch, capsys, command, "--configfile", mine)


def test_both_ways_at_once_are_refused(monkeypatch, capsys, mine):
    with pytest.raises(UserError, match=r"mine\.yaml: configs stand alone or after --configfile, not both"):
        said(monkeypatch, capsys, "check", mine, "--configfile", mine)


def test_a_change_that_stands_among_the_files_is_told_apart(monkeypatch, capsys, mine):
    with pytest.raises(UserError, match=r"training\.epochs=3: no such file; key=value stands after --config"):
        said(monkeypatch, capsys, "check", mine, "training.epochs=3")


def test_without_a_name_it_is_the_default_config(monkeypatch, capsys, folder):
    demo = said(monkeypatch, capsys, "check").partition("\n")[0]
    assert demo.endswith("config/config.yaml: valid; 99 runs, 5 datasets, 1 encoder, 5 tables, 1 error analysis"), (
        "the demo, from anywhere"
    )
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(yaml.safe_dump(BASE))
    assert said(monkeypatch, capsys, "check").startswith("config/config.yaml: valid; ")


def test_errors_of_a_user_are_printed_without_a_traceback(folder):
    (folder / "wrong.yaml").write_text(yaml.safe_dump(changed("training.epochz=3")))
    line = (folder / "wrong.yaml").read_text().split("\n").index("  epochz: 3") + 1
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.commands.main", "check", "wrong.yaml"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"error: wrong.yaml:{line}: training.epochz: unknown key; did you mean 'epochs'?\n"


def test_a_file_that_stands_among_the_changes_is_told_apart(monkeypatch, capsys, mine):
    with pytest.raises(UserError, match=r"--config mine\.yaml: a file stands before --config: mine\.yaml --config"):
        said(monkeypatch, capsys, "check", "--config", "training.epochs=5", mine)


def test_options_that_are_given_twice_add_up(monkeypatch, capsys, mine):
    with pytest.raises(UserError, match=r"none\.yaml: no such file"):
        said(monkeypatch, capsys, "check", "--configfile", "none.yaml", "--configfile", mine)
    with pytest.raises(UserError, match=r"training\.epochz: unknown key"):
        said(monkeypatch, capsys, "check", mine, "--config", "training.epochz=5", "--config", "training.epochs=5")
