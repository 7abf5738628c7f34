"""No job waits for a network that is not there, and the remedy is named."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json
from pipeline.data import network
from pipeline.data.network import check_reachable
from pipeline.data.sources import download
from tests.hub_server import COMMIT, serve

REMEDY = "run `snakemake prepare` with this config where"
NAMESPACE = ["unshare", "--net"]
"""Starts a command in a network of its own, without any interface, not even that of this machine's own addresses."""

HUB = {
    "download": {
        "dataset": "wikiann-1",
        "language": "qu",
        "loader": "wikiann",
        "sources": ["hub", "archive"],
        "hub": {"repository": "owner/wikiann", "revision": COMMIT},
        "archive": {"url": "https://example.org/qu.tar.gz"},
    },
    "encoder": {"encoder": "tiny-1", "from": "hub", "repository": "owner/tiny", "revision": COMMIT},
}
"""Stages that fetch, with a spec each."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_reached", set())
    monkeypatch.setattr(network.time, "sleep", lambda seconds: None)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def isolated() -> None:
    """Skip where this user may not have a network of its own, which is nobody's but root's on most machines."""
    if shutil.which("unshare") is None or subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("no network namespace without interfaces: needs util-linux' unshare, and root")


def test_a_server_is_asked_once(tmp_path, monkeypatch):
    asked = []
    connect = socket.create_connection
    monkeypatch.setattr(network.socket, "create_connection", lambda *a, **o: asked.append(a) or connect(*a, **o))
    with serve(tmp_path) as server:
        for path in ("a", "b"):
            check_reachable(f"{server.url}/{path}")
    assert len(asked) == 1


def test_a_server_that_refuses_is_left_to_what_fetches():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        check_reachable(f"http://127.0.0.1:{closed.getsockname()[1]}/x")


@pytest.mark.parametrize(
    "error", [socket.gaierror(-2, "Name or service not known"), TimeoutError("timed out"), OSError(101, "Unreachable")]
)
def test_where_nothing_answers_the_remedy_is_named(monkeypatch, error):
    asked = []

    def connect(*_, timeout):
        asked.append(timeout)
        raise error

    monkeypatch.setattr(network.socket, "create_connection", connect)
    with pytest.raises(
        UserError, match=rf"^example\.org cannot be reached from this machine \(.*{REMEDY} example\.org "
    ):
        check_reachable("https://example.org/x.tar.gz")
    assert len(asked) == network.PROBES and sum(asked) <= 20  # seconds, where a firewall drops what is sent


def test_a_proxy_may_know_the_way(monkeypatch):
    monkeypatch.setattr(network.socket, "create_connection", lambda *a, **o: pytest.fail("asked past the proxy"))
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")
    check_reachable("https://example.org/x.tar.gz")


@pytest.mark.parametrize("said", ["1", "true", "YES"])
def test_told_to_stay_off_the_network_nothing_is_asked(tmp_path, monkeypatch, said):
    monkeypatch.setenv("HF_HUB_OFFLINE", said)
    monkeypatch.setattr(network.socket, "create_connection", lambda *a, **o: pytest.fail("asked"))
    with pytest.raises(UserError, match=r"^https://example.org/x.zip: HF_HUB_OFFLINE is set, .* unset it, or run"):
        download("https://example.org/x.zip", tmp_path / "x.zip")


@pytest.mark.parametrize("stage", HUB)
def test_a_job_without_a_network_says_so_within_seconds(stage, tmp_path):
    isolated()
    command = [*NAMESPACE, sys.executable, "-m", f"pipeline.stages.{stage}", "--spec", canonical_json(HUB[stage])]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    started = time.monotonic()
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr and "Retry" not in done.stderr
    said = done.stderr.rpartition("error: ")[2]
    assert f"@{COMMIT}" in said and "cannot be reached" in said and REMEDY in said
    assert (
        time.monotonic() - started < 60
    )  # on a busy machine; the retries of the hub's library alone take half a minute
