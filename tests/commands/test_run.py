"""`metalingua run` becomes Snakemake, with the workflow that belongs to the package."""

import os
import sys
from pathlib import Path

import pytest

from pipeline.commands import main as front
from pipeline.commands import run as starting
from pipeline.commands.run import snakemake
from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_json
from tests.rules.house import ROOT

START = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("my.yaml", "more.yml"):
        (tmp_path / name).write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], []),
        (["my.yaml"], ["--configfile", "my.yaml"]),
        (["my.yaml", "more.yml", "-n"], ["-n", "--configfile", "my.yaml", "more.yml"]),
        (["my.yaml", "prepare", "--cores", "2"], ["prepare", "--cores", "2", "--configfile", "my.yaml"]),
        (["--cores", "2", "--configfile", "my.yaml"], ["--cores", "2", "--configfile", "my.yaml"]),
        (["my.yaml", "--config", "a=1", "b=2"], ["--config", "a=1", "b=2", "--configfile", "my.yaml"]),
        (["--profile", "profiles/slurm"], ["--profile", str(ROOT / "profiles/slurm")]),
        (["--profile", "elsewhere"], ["--profile", "elsewhere"]),
    ],
)
def test_its_words_are_snakemake_s(words, told):
    assert snakemake(words) == [*START, *told]


def test_a_profile_of_the_user_s_own_goes_before(folder):
    (folder / "profiles/slurm").mkdir(parents=True)
    assert snakemake(["--profile", "profiles/slurm"])[-1] == "profiles/slurm"


def test_the_front_hands_all_words_over(monkeypatch):
    called: list[tuple[str, list[str], str]] = []
    monkeypatch.setattr(os, "execve", lambda path, line, env: called.append((path, line, env["PYTHONSAFEPATH"])))
    monkeypatch.setattr(sys, "argv", ["metalingua", "run", "-n", "--version", "--cores", "2", "tables"])
    front.dispatch()
    assert called == [(sys.executable, [*START, "-n", "--version", "--cores", "2", "tables"], "1")]


def test_a_config_that_is_not_there_and_a_package_without_workflow_are_told(folder, monkeypatch):
    with pytest.raises(UserError, match=r"^mine\.yaml: no such file; expected a config"):
        snakemake(["mine.yaml"])
    (folder / "broken.yml").write_text("training:\n  epochs: [5\n")
    with pytest.raises(UserError, match=r"^broken\.yml:3: not valid YAML"):
        snakemake(["my.yaml", "broken.yml"])
    monkeypatch.setattr("pipeline.commands.run.workflow_folder", lambda: folder)
    with pytest.raises(UserError, match="Snakefile: no such file; install the package anew"):
        snakemake([])


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_its_help_is_its_own(monkeypatch, capsys, flag):
    monkeypatch.setattr(sys, "argv", ["metalingua", "run", flag])
    front.dispatch()
    assert "metalingua run my.yaml" in capsys.readouterr().out


def test_the_version_is_said(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["metalingua", "--version"])
    with pytest.raises(SystemExit):
        front.dispatch()
    assert capsys.readouterr().out.startswith("metalingua")


def test_a_clone_s_workflow_is_its_own():
    assert paths.workflow_folder() == ROOT
    assert paths.default_config() == ROOT / "config/config.yaml"


@pytest.mark.parametrize("option", [["--directory", "there"], ["--directory=there"], ["-d", "there"]])
def test_decisions_are_looked_for_where_the_workflow_writes_them(monkeypatch, option):
    left = [1, 0]

    def workflow(command):
        write_json(Path("there") / paths.decisions("few"), {"open": left.pop(0)})
        return 0

    monkeypatch.setattr(starting, "call_waiting", workflow)
    monkeypatch.setattr(sys, "argv", ["metalingua", "run", "my.yaml", "--until-decided", "-n", *option, "--cores", "2"])
    front.dispatch()
    assert left == []


def test_until_decided_starts_again_while_a_new_decision_is_open(monkeypatch):
    left, calls = [2, 1, 0, 0], []

    def workflow(command):
        calls.append(command)
        write_json(paths.decisions("few"), {"open": left[len(calls) - 1]})
        return 0

    monkeypatch.setattr(starting, "call_waiting", workflow)
    monkeypatch.setattr(sys, "argv", ["metalingua", "run", "my.yaml", "--until-decided", "--cores", "2"])
    front.dispatch()
    assert calls == [[*START, "--cores", "2", "--configfile", "my.yaml"]] * 3
    front.dispatch()  # nothing is decided anew
    assert len(calls) == 4
    monkeypatch.setattr(starting, "call_waiting", lambda command: 7)
    with pytest.raises(SystemExit, match="7"):
        front.dispatch()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bomb.yaml"], r"^bomb\.yaml:\d: its aliases expand to more than"),
        (["-n", "--configfile", "my.yaml", "bomb.yaml"], r"^bomb\.yaml:\d: its aliases expand to more than"),
        (["tables", "--configfile=bomb.yaml"], r"^bomb\.yaml:\d: its aliases expand to more than"),
        (["my.yaml", "--config", "a=1", "keep=&a [*a]"], r"^--config keep:1: \*a stands inside the node that it names"),
        (["my.yaml", "-C", f"keep={'[' * 60}"], r"^--config keep:1: lists and mappings are nested deeper than 50"),
    ],
)
def test_what_has_no_bounds_is_refused_before_snakemake_reads_it(folder, words, told):
    lines = [
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)),
    ]
    (folder / "bomb.yaml").write_text("\n".join(lines))
    with pytest.raises(UserError, match=told):
        snakemake(words)


def test_what_is_no_yaml_behind_config_is_snakemake_s_to_read():
    assert snakemake(["--config", "a={b", "c=\udc80"]) == [*START, "--config", "a={b", "c=\udc80"]
