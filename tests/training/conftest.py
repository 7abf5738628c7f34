"""Folders that tests of this folder run in: one of their own with the tiny encoder and dataset, or one with several languages."""

import pytest
import torch

from tests import tiny
from tests.methods import auxiliaries


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    tiny.make_world(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def several_languages(tmp_path_factory):
    made = tmp_path_factory.mktemp("languages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        torch.set_num_threads(1)
        auxiliaries.make_world()
    return made


@pytest.fixture
def languages(several_languages, monkeypatch):
    """Four languages of named entities; see `tests.methods.auxiliaries`."""
    monkeypatch.chdir(several_languages)
