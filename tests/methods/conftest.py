"""One thread, and worlds of four languages that are written once for all tests that leave the data as they are."""

import pytest
import torch

from pipeline.tasks import ner
from tests.methods import auxiliaries


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def written(tmp_path_factory, parallel):
    folder = tmp_path_factory.mktemp("languages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        auxiliaries.make_world(parallel)
    return folder


@pytest.fixture(scope="session")
def four_languages(tmp_path_factory):
    return written(tmp_path_factory, False)


@pytest.fixture(scope="session")
def four_parallel_languages(tmp_path_factory):
    return written(tmp_path_factory, True)


@pytest.fixture
def languages(four_languages, monkeypatch):
    """A folder with the tiny encoder (two layers) and four languages of 20 training and 13 dev sentences each."""
    monkeypatch.chdir(four_languages)


@pytest.fixture
def parallel_languages(four_parallel_languages, monkeypatch):
    """The same, with rows that share their ids across languages."""
    monkeypatch.chdir(four_parallel_languages)


@pytest.fixture
def double(monkeypatch):
    """Everything in float64, the loss too, which the task otherwise takes in float32."""

    def loss(logits, batch):
        labels = batch["labels"].flatten()
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels, ignore_index=-100)

    monkeypatch.setattr(ner, "loss", loss)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
