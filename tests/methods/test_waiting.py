"""No step waits for a device: run on one whose values cannot be asked for (`meta`), whatever asks for one fails, and so does
whatever copies to it without `pipeline.tasks.transfer`."""

import dataclasses
from contextlib import nullcontext

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline import methods
from pipeline.methods.contract import Setting
from pipeline.training.batches import resident
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.data import setting_of
from pipeline.training.loop import Loop
from tests import tiny
from tests.methods import auxiliaries, test_mgl
from tests.methods.building import build_method
from tests.methods.test_metaxl import loop_of

DEVICE = torch.device("meta")
SHORT = {"batch_size": 4, "epochs": 2, "select": "last", "patience": None}
NO_CLIPPING = {**SHORT, "clip_norm": None}


def plain(kind, **changes):
    return tiny.spec(kind, training=SHORT, **changes)


def episodic(kind, **method):
    return auxiliaries.spec_of(kind, targets=("beta",), **method)


RUNS = {
    "target_only": plain("target_only"),
    "source_only": plain("source_only"),
    "freeze_layers": plain("freeze_layers", method={"frozen_layers": 1}),
    "fine_tune": plain("fine_tune"),
    "few_shot": plain("few_shot"),
    "auxiliary_tune": plain("auxiliary_tune", auxiliary=["gamma"]),
    "checkpoint_average": plain("checkpoint_average"),
    "joint": plain("joint"),
    "joint, concatenated": plain("joint", method={"batches": "concatenated"}),
    "joint, questions": plain("joint", task="qa", dataset="questions-00000000"),
    "joint, weighed": tiny.spec("joint", training={**SHORT, "class_weights": "balanced"}),
    "joint_rtn": plain("joint_rtn"),
    "joint_rtn, own rate": plain(
        "joint_rtn", method={"meta_lr": 1e-2, "meta_optimizer": "adam", "meta_weight_decay": 0.0, "per_source": True}
    ),
    "multi_task": plain("multi_task", method={"batches": "concatenated"}),
    "language_adversarial": plain("language_adversarial"),
    "metaxl": plain("metaxl"),
    "metaxl, lean": plain("metaxl", method={"way": "lean", "placement": [0, "top"], "combine": "losses"}),
    "metaxl, paper": tiny.spec("metaxl", training=NO_CLIPPING, method={"variant": "paper"}),
    "x_maml": episodic("x_maml", iterations=2),
    "x_maml, lean": episodic("x_maml", iterations=2, inner_steps=2, way="lean"),
    "xla_maml": episodic("xla_maml", iterations=2),
    "xla_maml, few-shot": episodic("xla_maml", iterations=2, setting="few_shot", split="train"),
    "reptile": episodic("reptile", iterations=2, inner_steps=2),
    "reptile_fine_tune": plain("reptile_fine_tune", method={"iterations": 2, "inner_steps": 2}),
    "layer_rates": episodic("layer_rates", interval=1, episodes=2, episode_steps=2, held_out_batches=1),
    "meta_optimizer": plain(
        "meta_optimizer", auxiliary=["gamma"], method={"meta_train": False, "interval": 1, "meta_lr": 0.1}
    ),
    "mgl": tiny.spec(
        "mgl",
        task="sentiment",
        dataset="texts-00000000",
        sources=["alpha", "beta"],
        method=test_mgl.SMALL,
        training=SHORT,
    ),
}
CLIPPED = tiny.spec("metaxl", training={**SHORT, "clip_norm": 1.0}, method={"variant": "paper"})
NO_STEP = {"zero_shot", "majority", "random", "weight_average", "ensemble"}


class NoWaiting(TorchDispatchMode):
    """Fails where values go to the device while the CPU waits: from memory that is not pinned, or as an index."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default:
            to = kwargs.get("device")
            moves = to is not None and to.type == DEVICE.type and args[0].device.type == "cpu"
            assert not moves or kwargs.get("non_blocking"), "copied to the device without pipeline.tasks.transfer"
        if func in (torch.ops.aten.index.Tensor, torch.ops.aten.index_put.default, torch.ops.aten.index_put_.default):
            indices = [index for index in args[1] if index is not None]
            assert {index.device for index in indices} == {args[0].device}, "an index is on the other device"
        return func(*args, **kwargs)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waiting")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        auxiliaries.make_world()
        for task, dataset in (("sentiment", "texts-00000000"), ("qa", "questions-00000000")):
            tiny.write_task_splits(task, ("alpha", "beta"), {"train": 24, "dev": 6, "test": 6}, dataset)
    return folder


@pytest.fixture
def world(written, monkeypatch):
    """Data of all runs; a fused optimiser and autocast, which do not know the device, are plain ones."""
    monkeypatch.chdir(written)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    for kind in (torch.optim.Adam, torch.optim.AdamW):
        monkeypatch.setattr(torch.optim, kind.__name__, lambda groups, lr, fused, kind=kind: kind(groups, lr=lr))


def steps(spec, most=2):
    """Make a few steps of every phase on the device."""
    loop, phases = loop_of(spec)
    loop = Loop(dataclasses.replace(loop.ingredients, device=DEVICE), Checkpoints(None))
    for phase in phases:
        streams, _ = loop.prepare(phase)
        loop.set_training(True)
        for number in range(most):
            loop.step_number = number
            with NoWaiting():
                losses = loop.ingredients.method.step(loop, streams.draw)
            assert next(iter(losses.values())).device.type == DEVICE.type


@pytest.mark.parametrize("run", RUNS)
def test_no_step_asks_the_device(run, world):
    steps(RUNS[run])


@pytest.mark.parametrize("run", ["joint, weighed", "joint, questions", "metaxl", "mgl"])
def test_nor_does_one_on_examples_that_lie_there(run, world, monkeypatch):
    monkeypatch.setattr(resident, "free_memory", lambda device: 10**9)
    steps(RUNS[run])


def test_metaxl_s_derivative_through_clipping_asks_whether_there_was_any(world):
    with pytest.raises(RuntimeError, match="item"):
        steps(CLIPPED)


def test_these_are_all_methods():
    assert {spec["method"]["name"] for spec in RUNS.values()} | NO_STEP == set(methods.method_names())
    setting = Setting(**setting_of(plain("target_only")))
    assert not any(phase.epochs for name in NO_STEP for phase in build_method(name, {}).phases(setting))


@pytest.mark.parametrize(
    "asks",
    [
        lambda there, here: float(there.sum()),
        lambda there, here: there.tolist(),
        lambda there, here: there.cpu(),
        lambda there, here: there.nonzero(),
        lambda there, here: there[there > 0],
        lambda there, here: there[here],
        lambda there, here: here.to(DEVICE),
        lambda there, here: bool((there > 0).any()),
    ],
)
def test_what_waits_is_noticed(asks):
    with pytest.raises((RuntimeError, NotImplementedError, AssertionError)), NoWaiting():
        asks(torch.ones(3, device=DEVICE), torch.tensor([0, 1]))
