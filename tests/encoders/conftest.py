"""The local hub with one repository, `NAME`, and a folder to bring it to."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from pipeline.data import sources
from tests.hub_server import HubServer, serve

NAME = "someone/tiny"
OTHER = "0" * 40
"""A commit of another pull request."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with serve(tmp_path / "hub") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(sources, "PAUSE", 0.01)
        server.repository_folder = server.folder / "models" / NAME
        server.repository_folder.mkdir(parents=True)
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"
