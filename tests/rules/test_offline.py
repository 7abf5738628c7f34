"""Machines without internet: what was prepared elsewhere and brought there runs whole, and nothing asks for the network."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.data.test_network import NAMESPACE, REMEDY, isolated
from tests.data.wikiann_files import COUNTS, write_hub
from tests.encoders.models import save_tiny
from tests.hub_server import COMMIT, serve
from tests.rules.house import CONFIG, House

pytestmark = [pytest.mark.workflow, pytest.mark.long]

HUB: dict[str, Any] = {
    "datasets": {
        "wikiann": {
            "loader": "wikiann",
            "hub": {"repository": "owner/wikiann", "revision": COMMIT},
            "sources": ["hub"],
            "expected": {"qu": COUNTS, "gn": COUNTS},
        }
    },
    "encoders": {"tiny": {"from": "hub", "repository": "owner/tiny", "revision": COMMIT}},
    "training": {"epochs": 1, "max_length": 16},
    "experiments": {
        "few": {
            **CONFIG["experiments"]["few"],
            "dataset": "wikiann",
            "sources": ["gn"],
            "targets": ["qu"],
            "source_size": "all",
            "target_size": "all",
        }
    },
    "tables": CONFIG["tables"],
}
"""Data and encoder of the hub, and of them the tiny workflow's runs."""

LISTENER = """
import os
import sys


def heard(event, arguments):
    if event == "socket.getaddrinfo" or (event == "socket.connect" and isinstance(arguments[1], tuple)):
        with open(os.environ["HEARD"], "a") as file:
            print(event, arguments[1:] if event == "socket.connect" else arguments[:2], sys.argv, file=file)


sys.addaudithook(heard)
"""
"""Notes in every Python process what asks for a name or a connection."""


def run(
    house: House, *words: str, before: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder, under another command."""
    settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(house.folder), **environment}
    return subprocess.run(
        [*before, sys.executable, "-m", "snakemake", *words],
        cwd=house.folder,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_was_prepared_elsewhere_runs_without_a_network(tmp_path: Path) -> None:
    isolated()
    served = tmp_path / "served"
    for language in ("qu", "gn", "ay"):
        write_hub(served / "datasets/owner/wikiann", language)
    (served / "models/owner/tiny").mkdir(parents=True)
    save_tiny(served / "models/owner/tiny", "bert")
    there = House.build(tmp_path / "there")
    there.config("config.yaml", HUB)
    with serve(served) as server:
        done = run(
            there, "prepare", "--configfile", "config.yaml", HF_ENDPOINT=server.url, HF_HOME=str(tmp_path / "hf")
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert any("model.safetensors" in path for _, path, _ in server.log)
    here = House(tmp_path / "here")
    shutil.move(there.folder, here.folder)  # as a disk is carried: no path of before is there any more

    (tmp_path / "listener").mkdir()
    (tmp_path / "listener/sitecustomize.py").write_text(LISTENER)
    heard = tmp_path / "heard.txt"
    listening = {"PYTHONPATH": f"{here.folder}{os.pathsep}{tmp_path / 'listener'}", "HEARD": str(heard)}
    done = run(here, "--configfile", "config.yaml", before=(*NAMESPACE,), **listening)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count("rule train_run:") == 4 and "rule download:" not in said and "rule encoder:" not in said
    assert ",fine_tune," in (here.folder / "results/tables/few.csv").read_text()
    assert not heard.exists(), heard.read_text()

    more = {**HUB["experiments"]["few"], "targets": ["qu", "ay"]}
    here.config("more.yaml", {**HUB, "experiments": {"few": more}})
    started = time.monotonic()
    done = run(here, "--configfile", "more.yaml", before=(*NAMESPACE,), **listening)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "Error in rule download" in said and REMEDY in said and "wikiann ay" in said, said
    assert time.monotonic() - started < 90
    assert "socket.getaddrinfo" in heard.read_text()  # the listener is one
