"""What stands around the rules: pins, profiles, the Snakefile's size, the test command."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest
import yaml

from tests.rules.house import ROOT


def pins(lines: list[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        name, equals, exact = line.partition("==")
        assert equals and re.fullmatch(r"[\w.]+", exact), f"not an exact pin: {line!r}"
        found[re.sub(r"[-_.]+", "-", name).lower()] = exact
    return found


def constraints() -> dict[str, str]:
    text = (ROOT / "envs/constraints.txt").read_text()
    return pins([line for line in text.splitlines() if line and not line.startswith("#")])


def test_both_environments_have_the_same_pins() -> None:
    dependencies = yaml.safe_load((ROOT / "envs/pipeline.yaml").read_text())["dependencies"]
    assert pins(dependencies[-1]["pip"]) == constraints(), "copy the pins of constraints.txt into pipeline.yaml"


def test_every_dependency_is_pinned_and_installed_at_its_pin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    named = {re.sub(r"[-_.]+", "-", re.split(r"[<>=!\[; ]", d)[0]).lower() for group in groups for d in group}
    exact = constraints()
    assert named <= exact.keys()
    for name in named:
        try:
            installed = version(name).partition("+")[0]  # torch's build is the machine's choice
        except PackageNotFoundError:
            continue  # an extra that is not installed here
        assert installed == exact[name], name


def test_torch_is_pinned_without_a_build() -> None:
    assert constraints()["torch"] == "2.13.0"


def test_pins_name_no_place_to_download_from() -> None:
    for file in ("constraints.txt", "pipeline.yaml"):
        assert "://" not in (ROOT / "envs" / file).read_text()


def test_snakefile_is_a_table_of_contents() -> None:
    lines = (ROOT / "Snakefile").read_text().splitlines()
    assert len(lines) <= 60
    assert not any("shell:" in line or "lambda" in line for line in lines)


def test_every_rules_file_says_what_it_reads_and_writes() -> None:
    files = sorted((ROOT / "rules").glob("*.smk"))
    assert [file.stem for file in files] == ["analysis", "common", "data", "encoders", "papers", "results", "training"]
    for file in files:
        docstring = file.read_text().split('"""')[1]
        assert "Reads " in docstring and "writes " in docstring, file.name
        assert "lambda" not in file.read_text(), file.name
    assert len((ROOT / "rules/common.smk").read_text().splitlines()) < 80


def test_continuous_integration_runs_the_readme_s_test_command() -> None:
    assert "make test" in (ROOT / ".ci/run").read_text().splitlines()
    assert "make test" in (ROOT / "README.md").read_text()


def profile_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text())
    return found


@pytest.mark.parametrize("name", ["slurm", "slurm-preemptible"])
def test_slurm_gives_each_job_that_runs_a_model_one_gpu_slot(name: str) -> None:
    profile = profile_of(name)
    assert {rule: given["gpu"] for rule, given in profile["set-resources"].items()} == {
        "train_run": 1,
        "train_parent": 1,
        "encoder": 1,
        "represent": 1,
    }
    assert "gres" not in yaml.safe_dump(profile)  # never beside gpu
    assert profile["slurm-status-command"] == "squeue"


def test_a_preemptible_job_is_queued_again_and_all_else_is_as_on_slurm() -> None:
    plain, preemptible = profile_of("slurm"), profile_of("slurm-preemptible")
    assert preemptible.pop("slurm-requeue") is True and preemptible.pop("retries") > plain.pop("retries")
    assert preemptible == plain


def test_profiles_do_not_contradict_each_other() -> None:
    """Snakemake takes profiles/default too, and lets it win."""
    default, slurm = profile_of("default"), profile_of("slurm")
    assert not default.keys() & slurm.keys()
    assert default["resources"] == {"gpu": 1}
    assert default["set-resource-scopes"] == {"gpu": "local"}  # binds this machine's jobs, not a cluster's
