"""Trimmed word embeddings alone: what they look up, what they refuse, and what becomes of the rows that are left out."""

import pytest
import torch
from torch import nn

from pipeline.encoders.architectures import ARCHITECTURES
from pipeline.encoders.load import read_encoder
from pipeline.encoders.trim import Trimmed, TrimmedEmbedding, trim, witness
from tests.encoders.models import save_row

IDS = torch.tensor([1, 4, 5, 9])


def embeddings():
    torch.manual_seed(0)
    whole = nn.Embedding(12, 6, padding_idx=1).double()
    return whole, TrimmedEmbedding(whole, IDS)


def test_ids_look_up_the_rows_they_had():
    whole, trimmed = embeddings()
    given = torch.tensor([[9, 4, 5], [5, 1, 1]])
    assert torch.equal(trimmed(given), whole(given))
    assert trimmed.weight.shape == (5, 6) and trimmed.padding_idx == 0
    assert list(trimmed.state_dict()) == ["weight"]


@pytest.mark.parametrize("absent", [0, 11])
def test_an_id_that_is_left_out_is_refused(absent):
    with pytest.raises(IndexError):
        embeddings()[1](torch.tensor([4, absent]))


def test_gradients_are_those_of_the_rows_and_none_of_the_padding():
    whole, trimmed = embeddings()
    given, weights = torch.tensor([[9, 4, 4], [5, 1, 1]]), torch.randn(2, 3, 6, dtype=torch.float64)
    for module in (whole, trimmed):
        (module(given) * weights).sum().backward()
    assert torch.equal(trimmed.weight.grad[:-1], whole.weight.grad[IDS])
    assert not trimmed.weight.grad[-1].any() and not trimmed.weight.grad[0].any() and trimmed.weight.grad[1].any()


def test_the_witness_tells_what_the_others_were_multiplied_by():
    whole, trimmed = embeddings()
    original = whole.weight.detach().clone()
    with torch.no_grad():
        trimmed.weight.mul_(0.75)
        trimmed.weight[:-1] += 1
    found = Trimmed("weight", IDS, original).whole(trimmed.weight.detach())
    left_out = [row for row in range(12) if row not in IDS]
    torch.testing.assert_close(found[left_out], 0.75 * original[left_out], rtol=1e-15, atol=0)
    assert torch.equal(found[IDS], trimmed.weight[:-1])
    assert torch.equal(original, whole.weight), "it stays as it is"


@pytest.mark.parametrize("rate", [3e-5, 1e-6])
def test_rounding_of_many_small_decays_evens_out(rate):
    """1,000 steps of AdamW's decay, 0.01: in float32 each loses up to half of the last bit, and rows lose as the witness does."""
    torch.manual_seed(0)
    whole = nn.Embedding(300, 64)
    trimmed = TrimmedEmbedding(whole, torch.arange(5))
    original = whole.weight.detach().clone()
    optimiser = torch.optim.AdamW([whole.weight, trimmed.weight], lr=rate, weight_decay=0.01, fused=True)
    whole.weight.grad, trimmed.weight.grad = torch.zeros_like(whole.weight), torch.zeros_like(trimmed.weight)
    for _ in range(1000):
        optimiser.step()
    found = Trimmed("weight", torch.arange(5), original).whole(trimmed.weight.detach())
    ours, theirs = (
        float((made[5:].double() / original[5:].double()).mean()) - 1 for made in (found, whole.weight.detach())
    )
    assert ours == pytest.approx(theirs, rel=0.02)


def test_the_digest_is_of_the_ids():
    original = torch.zeros(12, 6)
    assert Trimmed("w", IDS, original).digest != Trimmed("w", torch.tensor([1, 4, 5, 8]), original).digest


def test_the_witness_spans_all_mantissas():
    row = witness(torch.zeros(3, 8))
    assert row.dtype == torch.float32 and row[0] == 1 and row[-1] < 2 and torch.equal(row, row.sort().values)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_model_of_every_architecture_computes_the_same(tmp_path, architecture, frozen):
    save_row(tmp_path, architecture, vocabulary=100)
    encoder = read_encoder(tmp_path)
    model = encoder.model.eval().requires_grad_(not frozen)
    original = model.get_input_embeddings().weight.detach().clone()
    given = [encoder.tokenizer.encode(text).ids for text in ("ada sees rome", "bo visits the old acme")]
    longest = max(map(len, given))
    ids = torch.tensor([one + [encoder.pad_id] * (longest - len(one)) for one in given])
    mask = (ids != encoder.pad_id).long()
    with torch.no_grad():
        expected = model(input_ids=ids, attention_mask=mask).last_hidden_state
        trimmed = trim(model, ids.unique().tolist(), original)
        found = model(input_ids=ids, attention_mask=mask).last_hidden_state
    assert torch.equal(found, expected)
    weight = model.state_dict()[trimmed.name]
    assert model.get_input_embeddings().weight.requires_grad != frozen
    assert len(weight) == len(trimmed.ids) + 1 < 20
    assert torch.equal(trimmed.whole(weight), original)
