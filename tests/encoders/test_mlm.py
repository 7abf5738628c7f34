import numpy as np
import pytest
import torch

from pipeline.encoders import mlm
from pipeline.encoders.mlm import Pieces, hide, masked_loss
from tests.encoders.models import tiny_masked_lm

PIECES = Pieces(pad=0, mask=4, ordinary=np.arange(5, 60))
BOTH = pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])


def sentences(count, seed=0, longest=16, pieces=60):
    rng = np.random.default_rng(seed)
    return [np.concatenate([[2], rng.integers(5, pieces, rng.integers(1, longest - 1)), [3]]) for _ in range(count)]


@BOTH
def test_loss_and_gradients_equal_those_of_all_positions(architecture):
    model = tiny_masked_lm(architecture).double()
    rows = model.config.vocab_size
    pieces = Pieces(model.config.pad_token_id, 4, np.arange(5, rows))
    batch = hide(sentences(6, pieces=rows), pieces, 0.3, np.random.default_rng(1))
    loss, right = masked_loss(model, batch)
    loss.backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    labels = torch.full_like(batch.inputs, -100)
    labels.view(-1)[batch.positions] = batch.targets
    full = model(batch.inputs, attention_mask=batch.attention, labels=labels)
    full.loss.backward()
    # masked_loss takes the softmax in float32, whose rounding the tolerance allows for.
    assert loss.item() == pytest.approx(full.loss.item(), abs=1e-6)
    for name, p in model.named_parameters():
        torch.testing.assert_close(ours[name], p.grad, rtol=0, atol=1e-6)
    assert right == ((full.logits.argmax(-1) == labels) & (labels >= 0)).sum()
    assert max(g.abs().max() for g in ours.values()) > 1e-3


def test_what_is_hidden_and_how():
    given = sentences(4000, longest=40)
    batch = hide(given, PIECES, 0.15, np.random.default_rng(0))
    longest = max(len(s) for s in given)
    original = np.zeros((len(given), longest), dtype=int)
    inner = np.zeros_like(original, dtype=bool)
    for row, sentence in enumerate(given):
        original[row, : len(sentence)] = sentence
        inner[row, 1 : len(sentence) - 1] = True
    hidden = np.zeros_like(inner)
    hidden.flat[batch.positions.numpy()] = True
    inputs = batch.inputs.numpy()
    assert not (hidden & ~inner).any()  # never padding, start or end
    assert (inputs[~hidden] == original[~hidden]).all()
    assert (batch.targets.numpy() == original[hidden]).all()
    assert (batch.attention.numpy() == (original != 0)).all()
    n, h = inner.sum(), hidden.sum()
    assert abs(h / n - 0.15) < 4 * np.sqrt(0.15 * 0.85 / n)
    masked = (inputs[hidden] == PIECES.mask).mean()
    kept = (inputs[hidden] == original[hidden]).mean()
    # 10 % stay, and 1 in 55 of the 10 % random ones is the piece itself by chance.
    for found, expected in ((masked, 0.8), (kept, 0.1 + 0.1 / 55)):
        assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / h)
    random = inputs[hidden & (inputs != PIECES.mask) & (inputs != original)]
    assert set(random) == set(range(5, 60))


def test_at_least_one_piece_is_hidden():
    rng = np.random.default_rng(0)
    for seed in range(20):
        batch = hide(sentences(2, seed), PIECES, 1e-9, rng)
        assert len(batch.positions) == 1
        assert batch.targets.item() >= 5


def test_masks_are_drawn_anew_from_the_generator():
    given = sentences(8)
    one, same, other = (hide(given, PIECES, 0.3, np.random.default_rng(s)) for s in (1, 1, 2))
    assert torch.equal(one.inputs, same.inputs)
    assert not torch.equal(one.inputs, other.inputs)


@BOTH
def test_logits_made_in_parts_give_the_same_loss_and_gradients(architecture, monkeypatch):
    model = tiny_masked_lm(architecture)
    rows = model.config.vocab_size
    pieces = Pieces(model.config.pad_token_id, 4, np.arange(5, rows))
    batch = hide(sentences(6, pieces=rows), pieces, 0.3, np.random.default_rng(1))
    found = []
    for most in (mlm.MOST_LOGITS, 3 * rows, 1):  # whole, three rows at a time, one at a time
        monkeypatch.setattr(mlm, "MOST_LOGITS", most)
        model.zero_grad()
        loss, right = masked_loss(model, batch)
        loss.backward()
        found.append((loss.detach(), right, [p.grad.clone() for p in model.parameters()]))
    for loss, right, gradients in found[1:]:
        assert right == found[0][1]
        torch.testing.assert_close(loss, found[0][0])
        torch.testing.assert_close(gradients, found[0][2], rtol=1e-4, atol=1e-6)


def test_what_is_never_hidden():
    given = [np.array([2, 1, 7, 1, 9, 3], dtype=np.int32)]
    pieces = Pieces(pad=0, mask=4, ordinary=np.arange(5, 60), never=(0, 1, 2, 3, 4))
    batch = hide(given, pieces, 0.999, np.random.default_rng(0))
    assert batch.positions.tolist() == [2, 4]
