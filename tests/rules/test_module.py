"""The workflow as a module of another one, in the other's folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.house import CONFIG, ROOT, House

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

OTHER = """
configfile: "config.yaml"


shell.prefix("export GREETING=hello; ")


module metalingua:
    snakefile:
        {snakefile}
    config:
        config


use rule * from metalingua exclude all as {names}


rule best:
    default_target: True
    input:
        "results/tables/few.csv",
    output:
        "best.txt",
    shell:
        "python scripts/best.py {{input}} > {{output}}"
"""

BEST = """import os
import sys

import columns

names, *_ = open(sys.argv[1])
print(os.environ["GREETING"], columns.first(names))
"""
"""A script of the other workflow's, with a module beside it."""


def other(folder: Path, snakefile: str, names: str = "metalingua_*") -> House:
    """Write another workflow that uses this one, with the tiny config."""
    (folder / "scripts").mkdir(parents=True)
    (folder / "scripts/best.py").write_text(BEST)
    (folder / "scripts/columns.py").write_text("def first(names):\n    return names.split(',')[0]\n")
    (folder / "Snakefile").write_text(OTHER.format(snakefile=snakefile, names=names))
    house = House(folder)
    house.config("config.yaml", CONFIG)
    return house


def run(house: House, *flags: str, package: Path | None = None, **environment: str) -> str:
    """Run the other workflow, which must succeed, and return all it said."""
    settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    settings.pop("PYTHONPATH", None)
    if package is not None:
        settings["PYTHONPATH"] = str(package)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *flags],
        cwd=house.folder,
        env=settings,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_another_workflow_reads_a_table_of_ours(finished: House, tmp_path: Path) -> None:
    house = other(tmp_path / "other", repr(str(finished.folder / "Snakefile")))
    for name in ("results", "resources", ".snakemake"):
        shutil.copytree(finished.folder / name, house.folder / name)
    shutil.rmtree(house.folder / "results/tables")
    said = run(house)
    assert "localrule metalingua_table:" in said and "rule metalingua_train_run:" not in said
    assert "localrules directive" not in said
    assert (house.folder / "best.txt").read_text() == "hello table\n"
    assert "Nothing to be done" in run(house)


def test_errors_of_its_config_name_the_other_workflow_s_file(finished: House, tmp_path: Path) -> None:
    house = other(tmp_path / "other", repr(str(finished.folder / "Snakefile")))
    house.config("config.yaml", {**CONFIG, "training": {"epoks": 1}})
    done = house.snakemake("-n", config=None)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "error in the config:\nconfig.yaml:" in said and "did you mean 'epochs'?" in said


@pytest.mark.long
def test_the_whole_of_it_runs_in_the_other_workflow_s_folder(tmp_path: Path) -> None:
    clone = House.build(tmp_path / "clone")
    house = other(tmp_path / "other", repr(str(clone.folder / "Snakefile")))
    said = run(house)
    assert "localrule metalingua_collect:" in said and said.count("rule metalingua_train_run:") == 4
    assert (house.folder / "best.txt").read_text() == "hello table\n"
    assert "Nothing to be done" in run(house)


@pytest.mark.long
def test_from_a_repository_with_the_package_installed(tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--bare", str(ROOT), str(tmp_path / "hub/us/metalingua")], check=True)
    subprocess.run(["git", "-C", str(tmp_path / "hub/us/metalingua"), "tag", "v1", "HEAD"], check=True)
    house = other(tmp_path / "other", 'github("us/metalingua", path="workflow/Snakefile", tag="v1")', names="*")
    here = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tmp_path / 'hub'}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    run(house, package=ROOT, **here)
    assert (house.folder / "best.txt").read_text() == "hello table\n"
