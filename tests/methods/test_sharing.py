"""`multi_task`, `language_adversarial`, `reptile_fine_tune`: whose head, whose gradient, which language when."""

import math

import pytest
import torch
from torch.nn import functional

from pipeline.methods.language_adversarial import Discriminator, Reversal, mean_state, strength
from pipeline.methods.multi_task import ByLanguage, Heads
from pipeline.tasks import ner
from tests import tiny
from tests.methods.auxiliaries import languages_of, prepared, record_draws, steps_of, theta_of
from tests.methods.test_metaxl import assert_resumes, loop_of

SOURCES = ["alpha", "gamma"]


def spec_of(kind, training=None, sources=SOURCES, **method):
    settings = {"batch_size": 4, "epochs": 2, "select": "last", "patience": None, **(training or {})}
    return tiny.spec(kind, method=method, training=settings, sources=list(sources))


# -------------------------------------------------------------------------------------------------------------- multi_task


def test_every_row_goes_through_its_languages_head(languages):
    loop, streams = prepared(spec_of("multi_task", batches="concatenated"), dropout=False)
    heads = loop.modules["heads"]
    with torch.no_grad():
        for number, head in enumerate(heads.heads):
            for parameter in head.parameters():
                parameter.add_(number + 1.0)
    own = dict(zip(heads.languages, heads.heads, strict=True))
    seen = set()
    for _ in range(8):
        batch = streams.draw("train")
        ours = ByLanguage(loop.model, heads)(batch)
        hidden = loop.model.encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
        for row, language in enumerate(batch["language"].tolist()):
            expected = own.get(language, loop.model.head)(hidden[row : row + 1])[0]
            length = int(batch["attention_mask"][row].sum())
            assert torch.allclose(ours[row, :length], expected[:length], atol=1e-6)
        seen |= languages_of(loop, batch)
    assert seen == {"alpha", "beta", "gamma"}


def test_the_heads_start_alike_and_the_targets_is_the_models(languages):
    loop, _ = prepared(spec_of("multi_task"))
    heads = loop.modules["heads"]
    assert isinstance(heads, Heads)
    assert heads.languages == tuple(loop.languages.index(name) for name in SOURCES)
    for head in heads.heads:
        for ours, models in zip(head.parameters(), loop.model.head.parameters(), strict=True):
            assert torch.equal(ours, models)
            assert ours is not models


@pytest.mark.parametrize("batches", ["balanced", "concatenated"])
def test_every_head_is_trained_and_the_sources_are_not_saved(languages, batches):
    loop, phases = loop_of(spec_of("multi_task", batches=batches))
    start = None

    def note(records):
        nonlocal start
        start = start or {k: t.clone() for k, t in loop.weights().items()}

    loop.report = note
    loop.fit(phases)
    end = loop.weights()
    moved = {k for k, t in start.items() if not torch.equal(t, end[k])}
    assert {k for k in end if ".heads." in k or k.startswith("model.head.")} <= moved
    assert not loop.ingredients.method.keeps


def test_a_source_batch_moves_no_parameter_of_the_targets_head(languages):
    loop, streams = prepared(spec_of("multi_task"))
    seen = set()
    while len(seen) < 2:  # a batch may be of one source alone
        batch = streams.draw("source")
        seen |= languages_of(loop, batch)
        loop.loss(batch, module=ByLanguage(loop.model, loop.modules["heads"])).backward()
    assert all(p.grad is None or not p.grad.any() for p in loop.model.head.parameters())
    assert all(p.grad is not None and p.grad.any() for p in loop.modules["heads"].parameters() if p.dim() > 1)


# ---------------------------------------------------------------------------------------------------- language_adversarial


def test_reversal_is_the_identity_and_turns_the_gradient():
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    y = Reversal.apply(x, 0.25)
    assert torch.equal(y, x)
    weights = torch.randn(3, 4, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((y * weights).sum(), x)
    assert torch.equal(gradient, -0.25 * weights)


def test_strength_rises_as_ganin_has_it():
    assert strength(0.0, 0.3) == 0.0
    assert strength(0.5, 0.3) == pytest.approx(0.3 * math.tanh(2.5))
    assert strength(1.0, 0.3) == pytest.approx(0.3 * math.tanh(5.0))


def test_the_mean_state_leaves_padding_out():
    hidden = torch.randn(2, 3, 4)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    found = mean_state(hidden, mask)
    assert torch.allclose(found[0], hidden[0, :2].mean(0))
    assert torch.allclose(found[1], hidden[1].mean(0))


@pytest.mark.parametrize("target_labels", [True, False])
def test_gradients_are_those_of_the_formula(languages, double, target_labels):
    """θ: ∇½(L_s + L_t) − λ_p ∇½(D_s + D_t); discriminator: ∇½(D_s + D_t); by plain autograd on the same batches."""
    spec = spec_of("language_adversarial", {"clip_norm": None}, weight=0.7, target_labels=target_labels)
    loop, streams = prepared(spec, dropout=False, dtype=torch.float64)
    loop.modules["discriminator"].double()
    loop.step_number = loop.total_steps // 3
    draw, drawn = record_draws(streams)
    given = []
    loop.optimise = lambda loss, which="model": given.append(loss)
    loop.ingredients.method.step(loop, draw)
    (loss,) = given
    theta = [p for n, p in loop.model.named_parameters()]
    judge = list(loop.modules["discriminator"].parameters())
    ours = torch.autograd.grad(loss, [*theta, *judge], allow_unused=True)
    task, told = [], []
    discriminator = loop.modules["discriminator"]
    assert isinstance(discriminator, Discriminator)
    for _, batch in drawn:
        hidden = loop.model.encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
        task.append(ner.loss(loop.model.head(hidden), batch))
        wanted = torch.tensor([discriminator.languages.index(i) for i in batch["language"].tolist()])
        means = torch.stack([h[m.bool()].mean(0) for h, m in zip(hidden, batch["attention_mask"], strict=True)])
        told.append(functional.cross_entropy(discriminator(means), wanted))
    supervised, language_loss = (task[0] + task[1]) / 2 if target_labels else task[0], (told[0] + told[1]) / 2
    by_task = torch.autograd.grad(supervised, theta, retain_graph=True, allow_unused=True)
    by_language = torch.autograd.grad(language_loss, [*theta, *judge], allow_unused=True)
    reversed_by = strength(loop.step_number / loop.total_steps, 0.7)
    assert 0.1 < reversed_by < 0.7
    for i, gradient in enumerate(ours):
        zero = torch.zeros_like(([*theta, *judge])[i])
        parts = [by_task[i] if i < len(theta) else None, by_language[i]]
        first, second = (zero if part is None else part for part in parts)
        expected = first - reversed_by * second if i < len(theta) else second
        assert torch.allclose(zero if gradient is None else gradient, expected, atol=1e-7, rtol=1e-5), "told in float32"


def test_the_discriminator_learns_at_full_strength_while_the_encoder_does_not_heed_it(languages, double):
    """At the first step λ_p is 0: θ gets ∇L alone, ω the whole of ∇D, not λ_p of it."""
    loop, streams = prepared(spec_of("language_adversarial", {"clip_norm": None}), dropout=False, dtype=torch.float64)
    judge = loop.modules["discriminator"].double()
    draw, drawn = record_draws(streams)
    loop.optimisers["model"].step = lambda check: None
    logged = loop.ingredients.method.step(loop, draw)
    assert float(logged["lambda"]) == 0
    told, task = [], []
    for _, batch in drawn:
        hidden = loop.model.encoder(batch["input_ids"], batch["attention_mask"]).last_hidden_state
        task.append(ner.loss(loop.model.head(hidden), batch))
        wanted = torch.tensor([judge.languages.index(i) for i in batch["language"].tolist()])
        told.append(functional.cross_entropy(judge(mean_state(hidden, batch["attention_mask"])), wanted))
    own = torch.autograd.grad((told[0] + told[1]) / 2, list(judge.parameters()), retain_graph=True)
    for parameter, gradient in zip(judge.parameters(), own, strict=True):
        assert gradient.abs().max() > 1e-3
        assert torch.allclose(parameter.grad, gradient, atol=1e-7)
    theta = list(loop.model.parameters())
    supervised = torch.autograd.grad((task[0] + task[1]) / 2, theta, allow_unused=True)
    for parameter, gradient in zip(theta, supervised, strict=True):
        assert gradient is None or torch.allclose(parameter.grad, gradient, atol=1e-7)
    assert float(logged["loss"]) == pytest.approx((task[0] + task[1]).item() / 2, rel=1e-6)


def test_the_discriminator_knows_every_language_and_is_dropped(languages):
    loop, phases = loop_of(spec_of("language_adversarial"))
    loop.fit(phases)
    assert loop.modules["discriminator"].out.out_features == 3
    assert not loop.ingredients.method.keeps
    logged = [step["lambda"] for step in loop.steps]
    assert logged[0] == 0
    assert logged == sorted(logged)
    assert all(0 < step["language_loss"] < 5 for step in loop.steps)


def test_no_hook_stays_on_the_encoder(languages):
    loop, streams = prepared(spec_of("language_adversarial"))
    steps_of(loop, streams.draw, 2)
    assert not loop.model.encoder._forward_hooks


# ------------------------------------------------------------------------------------------------------ reptile_fine_tune


def test_sources_take_turns_and_then_the_target_is_trained_on(languages):
    spec = spec_of("reptile_fine_tune", {"select": "best"}, inner_steps=2, iterations=3)
    loop, phases = loop_of(spec)
    assert [phase.name for phase in phases] == ["meta", "train"]
    assert phases[0].epoch * phases[0].epochs == 2 * 3 * 2
    assert [pool.language for pool in phases[1].select_on] == ["beta"]
    loop, streams = prepared(spec)
    draw, drawn = record_draws(streams)
    steps_of(loop, draw, 8)
    assert [languages_of(loop, batch) for _, batch in drawn] == [
        {name} for name in ["alpha", "alpha", "gamma", "gamma"] * 2
    ]
    loop, streams = prepared(spec, phase=1)
    draw, drawn = record_draws(streams)
    before = theta_of(loop)
    steps_of(loop, draw, 2)
    assert all(languages_of(loop, batch) == {"beta"} for _, batch in drawn)
    assert any(not torch.equal(t, before[name]) for name, t in theta_of(loop).items())


@pytest.mark.parametrize("kind", ["multi_task", "language_adversarial", "reptile_fine_tune"])
def test_a_killed_run_resumes_to_the_same_bits(languages, tmp_path, kind):
    method = {"inner_steps": 3, "iterations": 4} if kind == "reptile_fine_tune" else {}
    spec = spec_of(kind, {"epochs": 3}, **method)
    assert_resumes(spec, tmp_path, kill=2)
