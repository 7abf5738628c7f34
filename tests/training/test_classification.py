"""Classes of any label set: every method trains on them, and is scored."""

import time

import pytest
import torch

from pipeline.common import paths
from pipeline.common.files import read_parquet
from pipeline.config.methods import METHODS, PARENT
from pipeline.results.scores.measures import totals
from pipeline.results.scores.outcomes import OUTCOMES, score_run
from pipeline.training.run import train_run
from tests import tiny

TOPICS = tiny.labels_of("classification")
SOURCES = ["alpha", "gamma"]
SHORT = {"epochs": 1, "batch_size": 8, "max_length": 20}
SMALL = {
    "metaxl": {"bottleneck": 4},
    "joint_rtn": {"bottleneck": 4},
    "x_maml": {"iterations": 2},
    "xla_maml": {"iterations": 2, "parallel": False},
    "reptile": {"iterations": 2},
    "reptile_fine_tune": {"iterations": 2},
    "meta_optimizer": {"meta_train": False},
    "mgl": {"support_size": 1, "query_size": 5, "train_episodes": 2, "test_episodes": 2, "eval_times": 1},
}


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    """Texts of three topics in three languages, an encoder, and the parent of children."""
    folder = tmp_path_factory.mktemp("topics")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        torch.set_num_threads(1)
        tiny.write_task_splits("classification", (*SOURCES, "beta"), {"train": 16, "dev": 16, "test": 9})
        tiny.write_encoder()
        parent = spec_of(PARENT, targets=[], evaluate=[])
        train_run("parent", parent, 1, True, time.monotonic())
    return folder


def spec_of(kind, **changes):
    return tiny.spec(kind, task="classification", training=SHORT, **changes)


@pytest.mark.parametrize("kind", [kind for kind in METHODS if kind != PARENT])
def test_every_method_trains_on_topics(topics, monkeypatch, kind):
    monkeypatch.chdir(topics)
    needs = METHODS[kind]
    spec = spec_of(
        kind,
        sources=SOURCES if kind == "mgl" else ["alpha"],
        auxiliary=["gamma"] if needs.needs_auxiliaries else [],
        targets=[] if needs().on_all else ["beta"],
        parent="parent" if needs.has_parent else None,
        method=SMALL.get(kind, {}),
    )
    if "select" not in needs.training_keys:
        del spec["training"]["select"]
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    found = read_parquet(paths.predictions(name))
    assert found["gold"].to_pylist() == [row[-1] for row in tiny.rows("classification", "beta", "test", 9)]
    assert set(found["predicted"].to_pylist()) <= set(TOPICS)
    score_run(name, "classification", "code")
    outcomes = read_parquet(paths.outcomes(name), OUTCOMES["classification"])
    ((scores, examples),) = totals("classification", outcomes).values()
    assert examples == 9 and scores["accuracy"] == outcomes["correct"].to_numpy(zero_copy_only=False).mean()
    assert "f1_positive" not in scores, "no class is called so"
