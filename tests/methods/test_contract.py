"""The contract carries every kind of method, with no exception in the loop.

Small methods of each kind that later ones will be of (bilevel with φ, episodes with support at prediction, inner loops over one
language, a schedule that draws now and then, phases) run through the real loop, and resume from a kill to the same bits.
"""

from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.func import functional_call

from pipeline.common.signals import AskedToEnd
from pipeline.methods.contract import Method, OptimizerSettings, Phase, Pool, Stream
from pipeline.tasks import ner
from pipeline.tasks.examples import Examples
from pipeline.tasks.model import TaskModel
from pipeline.training.batches.streams import seeded
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.loop import Ingredients, Loop
from tests.methods.stopping import asked_at, fit_in_pieces

LABELS = ["O", "B-PER", "I-PER"]
POOLS = {name: Pool(name) for name in ("alpha", "beta")}
DEV = Pool("beta", "dev")


@dataclass
class Hidden:
    last_hidden_state: torch.Tensor


class TinyEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = nn.Embedding(20, 6)
        self.layer = nn.Linear(6, 6)

    def forward(self, input_ids, attention_mask):
        return Hidden(torch.tanh(self.layer(self.embeddings(input_ids))))


def examples(pool, count=24):
    import numpy as np

    rng = seeded(pool)
    rows = [rng.integers(1, 20, size=int(rng.integers(3, 8))) for _ in range(count)]
    labels = [row % 3 for row in rows]
    return Examples(
        [f"row-{i}" for i in range(count)],
        [pool.language] * count,
        rows,
        labels,
        [np.arange(len(row)) for row in rows],
        np.array([i % 2 for i in range(count)]),
        gold=[[LABELS[label] for label in row] for row in labels],
    )


def make_loop(method, folder):
    torch.set_num_threads(1)
    torch.manual_seed(3)
    model = TaskModel(TinyEncoder(), ner.make_head(6, LABELS, 0.1))
    pools = {pool: examples(pool) for pool in (*POOLS.values(), DEV)}
    settings = OptimizerSettings(1e-2, "adam", warmup=0.1, clip_norm=1.0)
    ingredients = Ingredients(
        ner,
        model,
        method,
        pools,
        LABELS,
        ("alpha", "beta"),
        settings,
        4,
        0,
        3,
        torch.device("cpu"),
        "float32",
        ner.METRIC,
    )
    return Loop(ingredients, Checkpoints(folder), checkpoint_every=0.0)


def one_phase(streams, epoch, select=()):
    return lambda setting: [Phase("train", streams, epoch, 4, select)]


def two_streams(batch_size=4):
    return {name: Stream((pool,), batch_size) for name, pool in POOLS.items()}


def bilevel():
    """Source loss through φ, look-ahead, target loss at θ', φ by its own optimiser, then θ: MetaXL's shape."""

    def setup(trainer):
        trainer.own("phi", nn.Linear(6, 6), OptimizerSettings(1e-3, "adam", weight_decay=5e-4, warmup=0.1))

    def step(trainer, draw):
        phi, named = trainer.modules["phi"], dict(trainer.model.named_parameters())
        source, target = draw("alpha"), draw("beta")
        handle = trainer.model.encoder.layer.register_forward_hook(lambda module, inputs, out: out + phi(out))
        source_loss = trainer.loss(source, named)
        handle.remove()
        gradients = torch.autograd.grad(source_loss, list(named.values()), create_graph=True)
        alpha = trainer.learning_rate()
        ahead = {k: p - alpha * g for (k, p), g in zip(named.items(), gradients, strict=True)}
        target_loss = trainer.loss(target, ahead)
        trainer.apply(torch.autograd.grad(target_loss, trainer.parameters("phi"), retain_graph=True), "phi")
        by_name = dict(zip(named.values(), gradients, strict=True))
        trainer.apply([by_name[p].detach() for p in trainer.parameters()])
        return {"loss": source_loss.detach(), "meta_loss": target_loss.detach()}

    return Method(one_phase(two_streams(), "alpha", (DEV,)), step, setup)


def episodes_with_support():
    """Prediction needs support drawn from the training data: MGL's shape; two phases with early stopping in each."""

    def phases(setting):
        support = Stream((POOLS["alpha"],), 2, sampling="per_class")
        streams = {"support": support, "query": Stream((POOLS["beta"],), 4, excluding="support", sampling="random")}
        return [
            Phase("meta-train", streams, 5, 2, (DEV,), 1, OptimizerSettings(5e-3, "sgd")),
            Phase("meta-test", streams, 3, 2, (DEV,), 1),
        ]

    def setup(trainer):
        if "graph" not in trainer.modules:
            trainer.own("graph", nn.Linear(3, 3))

    def logits_of(trainer, batch, support):
        centre = trainer.model(support).mean((0, 1))
        return trainer.model(batch) + trainer.modules["graph"](centre)

    def step(trainer, draw):
        support, query = draw("support"), draw("query")
        loss = ner.loss(logits_of(trainer, query, support), query)
        trainer.optimise(loss)
        return {"loss": loss.detach()}

    def predict(trainer, batches, draw):
        support = draw("support")
        for batch in batches:
            yield logits_of(trainer, batch, support)

    return Method(phases, step, setup, predict)


def inner_loop_over_one_language():
    """k draws of one language chosen by the method's own generator, then interpolation: Reptile's shape."""

    def step(trainer, draw):
        language = list(POOLS)[int(torch.randint(2, (), generator=trainer.generator))]
        named = dict(trainer.model.named_parameters())
        inner = {k: p.detach().requires_grad_() for k, p in named.items()}
        for _ in range(3):
            loss = trainer.loss(draw(language), inner)
            gradients = torch.autograd.grad(loss, list(inner.values()))
            inner = {
                k: (p - 0.1 * g).detach().requires_grad_() for (k, p), g in zip(inner.items(), gradients, strict=True)
            }
        with torch.no_grad():
            for key, parameter in named.items():
                parameter.lerp_(inner[key], 0.5)
        return {"loss": loss.detach()}

    return Method(one_phase(two_streams(), 6, (DEV,)), step)


def held_out_now_and_then():
    """A stream drawn every L steps and a memory across steps: the Meta-Optimizer's shape; λ is kept for a child."""

    def setup(trainer):
        trainer.own("lambda", nn.Linear(1, 1), OptimizerSettings(0.05, "adam", schedule="constant"))

    def step(trainer, draw):
        loss = trainer.loss(draw("alpha"))
        before = [p.detach().clone() for p in trainer.parameters()]
        trainer.optimise(loss)
        scale = torch.sigmoid(trainer.modules["lambda"].bias.detach())
        with torch.no_grad():
            for old, new in zip(before, trainer.parameters(), strict=True):
                new.copy_(old + scale * (new - old))
        trainer.memory["since"] = trainer.memory.get("since", 0) + 1
        if trainer.memory["since"] == 4:
            trainer.memory["since"] = 0
            held_out = trainer.loss(draw("beta")).detach()
            trainer.apply([held_out * torch.ones_like(p) for p in trainer.parameters("lambda")], "lambda")
        return {"loss": loss.detach()}

    return Method(one_phase(two_streams(), "alpha"), step, setup, keeps=("lambda",))


KINDS = [bilevel, episodes_with_support, inner_loop_over_one_language, held_out_now_and_then]


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def final(method, folder, kill_after=None, expect_resume=False):
    loop = make_loop(method, folder)
    if kill_after is not None:

        def report(records):
            if len(records) == kill_after + 1:
                raise Killed

        loop.report = report
    loop.fit(method.phases(None))
    return {k: t.clone() for k, t in loop.weights().items()}, loop.predict(loop.ingredients.pools[DEV]), loop.records


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kill_after", [1, 2, 3])
def test_killed_method_resumes_to_the_same_bits(kind, kill_after, tmp_path):
    weights, predictions, records = final(kind(), tmp_path / "whole")
    if kill_after >= len(records):
        pytest.skip("the method stopped before that epoch")
    with pytest.raises(Killed):
        final(kind(), tmp_path / "killed", kill_after)
    resumed, predicted, again = final(kind(), tmp_path / "killed")
    assert resumed.keys() == weights.keys()
    for key, tensor in weights.items():
        assert torch.equal(tensor, resumed[key]), key
    assert predicted == predictions
    assert [r["losses"] for r in again] == [r["losses"] for r in records]


@pytest.mark.parametrize("by", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_method_asked_to_end_again_and_again_comes_to_the_same_bits(kind, by, tmp_path):
    """At any step, and at any batch of an evaluation; what its steps log is the same too."""
    whole = make_loop(kind(), tmp_path / "whole")
    whole.fit(kind().phases(None))
    method = kind()
    pieced, attempts = fit_in_pieces(lambda: (make_loop(method, tmp_path / "pieces"), method.phases(None)), by)
    assert attempts >= 4
    assert_same_bits(pieced, whole)
    assert pieced.steps == whole.steps
    without = [{k: v for k, v in r.items() if "second" not in k} for r in pieced.records]
    assert without == [{k: v for k, v in r.items() if "second" not in k} for r in whole.records]
    assert (pieced.fitted.useful, pieced.fitted.processed) == (whole.fitted.useful, whole.fitted.processed)


@pytest.mark.parametrize("kind", KINDS)
def test_asked_to_end_while_it_predicts_nothing_is_trained_again(kind, tmp_path, monkeypatch):
    whole, method = make_loop(kind(), None), kind()
    phases = method.phases(None)
    whole.fit(phases)
    loop = make_loop(method, tmp_path / "asked")
    loop.fit(phases)
    dev = loop.ingredients.pools[DEV]
    with asked_at(1), pytest.raises(AskedToEnd):
        loop.predict(dev)
    loop.save_trained(len(phases))
    again = make_loop(method, tmp_path / "asked")
    monkeypatch.setattr(Loop, "run_epoch", None)
    again.fit(phases)
    assert_same_bits(again, whole)
    assert again.predict(dev) == whole.predict(dev)
    assert vars(again.fitted).keys() == vars(whole.fitted).keys() and again.fitted.epochs == whole.fitted.epochs
    assert again.records and len(again.records) == len(whole.records)


def assert_same_bits(one, other):
    ours, theirs = one.weights(), other.weights()
    assert ours.keys() == theirs.keys()
    for key, tensor in theirs.items():
        assert torch.equal(tensor, ours[key]), key


@pytest.mark.parametrize("kind", KINDS)
def test_training_moves_the_model_and_what_the_method_owns(kind, tmp_path):
    loop = make_loop(kind(), tmp_path)
    model_before = {k: t.clone() for k, t in loop.weights().items()}
    weights, _, _ = final(kind(), tmp_path)
    assert any(not torch.equal(weights[k], t) for k, t in model_before.items())
    owned = [k for k in weights if k.startswith("own.")]
    assert bool(owned) == (kind is not inner_loop_over_one_language)
    assert all(torch.isfinite(weights[k]).all() for k in weights)


def test_evaluation_draws_do_not_move_training_streams(tmp_path):
    method = episodes_with_support()
    loop = make_loop(method, tmp_path)
    streams, _ = loop.prepare(method.phases(None)[0])
    expected = [streams.draw("support")["row"].tolist() for _ in range(4)]
    streams, _ = loop.prepare(method.phases(None)[0])
    drawn = []
    for _ in range(4):
        drawn.append(streams.draw("support")["row"].tolist())
        loop.predict(loop.ingredients.pools[DEV])
    assert drawn == expected


def test_phases_have_their_own_optimiser_and_stop_early(tmp_path):
    method = episodes_with_support()
    loop = make_loop(method, tmp_path)
    loop.fit(method.phases(None))
    assert isinstance(loop.optimisers["model"].inner, torch.optim.Adam), "the run's own in the second phase"
    assert {r["phase"] for r in loop.records} == {"meta-train", "meta-test"}


def test_parameters_given_to_the_loss_are_the_ones_used(tmp_path):
    method = bilevel()
    loop = make_loop(method, tmp_path)
    streams, _ = loop.prepare(method.phases(None)[0])
    batch = streams.draw("alpha")
    loop.set_training(False)
    zeros = {k: torch.zeros_like(p) for k, p in loop.model.named_parameters()}
    at_zero = loop.loss(batch, zeros)
    assert at_zero.item() == pytest.approx(torch.log(torch.tensor(3.0)).item())  # three equal classes
    assert torch.equal(loop.loss(batch), loop.loss(batch, dict(loop.model.named_parameters())))
    logits = functional_call(loop.model, zeros, (batch,))
    assert logits.abs().max() == 0
