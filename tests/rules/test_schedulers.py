"""Profiles say what Snakemake and their plugin understand, and the one for Kubernetes sends jobs, watches and deletes them.

There is no cluster here: a stand-in for `kubectl` starts a job's command on this machine.
"""

import json
import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import get_argument_parser

from tests.rules.house import ROOT, House
from tests.rules.test_files import profile_of

NAMES = sorted(path.parent.name for path in (ROOT / "profiles").glob("*/config.yaml"))
KUBERNETES = ROOT / "profiles/kubernetes"

KUBECTL = """#!/usr/bin/env python3
import json, os, subprocess, sys
from pathlib import Path

folder, (verb, *words) = Path(os.environ["CLUSTER"]), sys.argv[1:]
if (folder / "down").exists():
    sys.exit("The connection to the server was refused")
if verb == "create":
    assert words == ["-f", "-", "-o", "name"], words
    job = json.load(sys.stdin)
    name = f"{job['metadata']['generateName']}{len(list(folder.glob('*.json')))}"
    (folder / f"{name}.json").write_text(json.dumps(job))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    state = folder / f"{name}.state"
    wrapped = 'cd /; "$@"; test $? = 0 && echo Complete >"$0" || echo Failed >"$0"'
    log = (folder / f"{name}.log").open("w")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    subprocess.Popen(["sh", "-c", wrapped, state, *container["command"]], stdout=log, stderr=log, env=env)
    print(f"job.batch/{name}")
elif verb == "get":
    kind, name, ignore, o, path = words
    assert (kind, ignore, o) == ("job", "--ignore-not-found", "-o") and path.startswith("jsonpath={.metadata.name}")
    if (folder / f"{name}.json").exists():
        state = folder / f"{name}.state"
        print(name, f"{state.read_text().strip()} " if state.exists() else "", end="")
elif verb == "delete":
    kind, ignore, wait, *names = words
    assert (kind, ignore, wait) == ("job", "--ignore-not-found", "--wait=false")
    for name in names:
        (folder / f"{name}.json").unlink(missing_ok=True)
else:
    sys.exit(f"unknown verb {verb}")
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cluster that is a folder, with its `kubectl` on the path."""
    folder = tmp_path / "cluster"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/kubectl").write_text(textwrap.dedent(KUBECTL))
    (folder / "bin/kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CLUSTER", str(folder))
    return folder


def plugin(name: str) -> None:
    """Skip where an executor's plugin is not installed."""
    package = f"snakemake_executor_plugin_{name.replace('-', '_')}"
    if name != "local" and find_spec(package) is None:
        pytest.skip(f"the executor plugin {name} is not installed: pip install {package.replace('_', '-')}")


@pytest.mark.parametrize("name", NAMES)
def test_snakemake_and_the_plugin_know_every_key_of_a_profile(name: str) -> None:
    profile = profile_of(name)
    plugin(profile.get("executor", "local"))
    parser = get_argument_parser([str(ROOT / "profiles" / name)])
    options = {option for action in parser._actions for option in action.option_strings}
    assert {f"--{key}" for key in profile} - options == set()
    read = vars(parser.parse_args([]))
    for key, value in profile.items():
        assert read[key.replace("-", "_")] not in (None, [], {}), f"{key}: {value} is not taken"


def test_the_profiles_for_clusters_share_no_key_with_the_default_one_and_give_models_a_gpu() -> None:
    default, profile = profile_of("default"), profile_of("kubernetes")
    assert not default.keys() & profile.keys()
    assert profile["set-resources"] == profile_of("slurm")["set-resources"]
    assert profile["default-resources"]["gpu"] == 0  # the submit command names it for every job


def sent(cluster: Path, *words: str, script: str = "exit 0") -> str:
    """Send a script as Snakemake would, and return the job's name."""
    path = cluster / "job.sh"
    path.write_text(script)
    command = [sys.executable, str(KUBERNETES / "submit.py"), *words, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ASKED = [
    "--image",
    "python:3.11",
    "--claim",
    "ours",
    "--mount",
    "/vol",
    "--cpus",
    "2",
    "--memory",
    "4000",
    "--minutes",
    "5",
]


def status(name: str) -> str:
    return subprocess.run([str(KUBERNETES / "status"), name], capture_output=True, text=True, check=True).stdout


def test_a_pod_asks_for_what_its_job_does_and_has_the_volume(cluster: Path) -> None:
    job = json.loads((cluster / f"{sent(cluster, *ASKED, '--gpus', '1')}.json").read_text())
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "4000Mi", "nvidia.com/gpu": "1"}
    assert container["command"] == ["sh", str(cluster / "job.sh")]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/vol"]
    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "ours"}
    assert (job["spec"]["activeDeadlineSeconds"], job["spec"]["backoffLimit"]) == (300, 0)
    none = json.loads((cluster / f"{sent(cluster, *ASKED, '--gpus', '0')}.json").read_text())
    assert "nvidia.com/gpu" not in json.dumps(none)


def test_a_job_s_state_is_one_word_and_a_deaf_server_does_not_end_the_workflow(cluster: Path) -> None:
    name = sent(cluster, *ASKED, "--gpus", "0", script="sleep 60")
    assert status(name) == "running\n"
    for state, word in (("SuccessCriteriaMet Complete", "success"), ("FailureTarget Failed", "failed")):
        (cluster / f"{name}.state").write_text(state)
        assert status(name) == f"{word}\n"
    (cluster / "down").touch()
    assert status(name) == "running\n"
    (cluster / "down").unlink()
    subprocess.run([str(KUBERNETES / "cancel"), name, "another"], check=True)
    assert status(name) == "failed\n"


def test_the_manager_may_do_what_the_scripts_ask_for_and_has_their_volume() -> None:
    objects = {entry["kind"]: entry for entry in yaml.safe_load_all((KUBERNETES / "manager.yaml").read_text())}
    (rule,) = objects["Role"]["rules"]
    assert rule["resources"] == ["jobs"] and {"create", "get", "delete"} <= set(rule["verbs"])
    pod: dict[str, Any] = objects["Pod"]["spec"]
    words = profile_of("kubernetes")["cluster-generic-submit-cmd"].split()
    asked = dict(zip(words[1::2], words[2::2], strict=True))
    (container,) = pod["containers"]
    assert container["image"] == asked["--image"]
    assert container["volumeMounts"][0]["mountPath"] == asked["--mount"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == asked["--claim"]
    assert objects["PersistentVolumeClaim"]["metadata"]["name"] == asked["--claim"]


@pytest.mark.workflow
@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.long)], ids=["a job", "whole"])
def test_the_workflow_runs_under_the_profile(tmp_path: Path, cluster: Path, whole: bool) -> None:
    plugin("cluster-generic")
    house = House.build(tmp_path / "house")
    dataset = house.planned()["preprocess"][0].split(", ")[0].removeprefix("dataset=")
    targets = [] if whole else [f"results/data/{dataset}/nearish/report.json"]
    said = house.run(*targets, "--profile", "profiles/kubernetes", "--latency-wait", "5")
    jobs = [json.loads(path.read_text()) for path in sorted(cluster.glob("metalingua-*.json"))]
    assert len(jobs) == (9 if whole else 1)  # data, encoder, runs; scores and tables where Snakemake is
    assert "external jobid 'metalingua-0'" in said
    assert not whole or (house.folder / "results/tables/few.csv").is_file()
    gpus = [
        job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"].get("nvidia.com/gpu") for job in jobs
    ]
    assert gpus.count("1") == (7 if whole else 0)
