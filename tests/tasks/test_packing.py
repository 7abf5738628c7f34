"""Sequences that share rows, or passes: nothing is lost, little is padding, and of each is said what is said of it alone."""

import dataclasses
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.encoders.architectures import ARCHITECTURES
from pipeline.methods.contract import Stream
from pipeline.methods.parts.rtn import Design, SourcePath, make_transformation
from pipeline.tasks import packing
from pipeline.tasks.model import TaskModel, hidden_states, own_rows, passes_of
from pipeline.tasks.packing import USEFUL, Reads, area_of, by_length, pack, plan
from pipeline.training.batches.streams import seeded
from tests import tiny
from tests.methods.test_metaxl import loop_of

DISTRIBUTIONS = {
    "names in running text": lambda random, n: np.clip(random.lognormal(2.6, 0.6, n).astype(int) + 2, 4, 200),
    "pairs of sentences": lambda random, n: np.clip(random.lognormal(3.5, 0.45, n).astype(int), 8, 128),
    "any": lambda random, n: random.integers(3, 60, n),
    "narrow": lambda random, n: random.integers(8, 24, n),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("batch_size", [8, 16, 32])
def test_batches_drawn_at_random_have_little_padding(name, batch_size):
    random = seeded(name, batch_size)
    drawn = [DISTRIBUTIONS[name](random, batch_size) for _ in range(100)]
    layouts = [pack(tuple(lengths)) for lengths in drawn]
    useful = sum(lengths.sum() for lengths in drawn)
    assert useful / sum(layout.area for layout in layouts) >= USEFUL
    assert useful / sum(lengths.max() * batch_size for lengths in drawn) < 0.75, "padded to the longest"


def test_every_sub_token_has_one_place():
    random = seeded("places")
    for _ in range(50):
        lengths = random.integers(1, 40, random.integers(1, 40))
        layout = pack(tuple(lengths))
        assert layout.owner.shape == (layout.rows, layout.columns)
        assert np.bincount(layout.owner[layout.owner >= 0], minlength=len(lengths)).tolist() == lengths.tolist()
        values = torch.arange(len(lengths) * lengths.max()).reshape(len(lengths), -1)
        back = layout.unpacked(layout.packed(values)[..., None], lengths.max() + 2)[..., 0]
        for row, length in enumerate(lengths):
            assert back[row, :length].tolist() == values[row, :length].tolist() and not back[row, length:].any()
        assert layout.columns <= max(64, 2 * lengths.max())


@pytest.mark.parametrize("lengths", [[7], [9, 9, 9], [40, 39, 40, 38]])
def test_a_row_each_where_that_is_as_good(lengths):
    layout = pack(tuple(lengths))
    assert not layout.shared
    assert (layout.rows, layout.columns) == (len(lengths), max(lengths))


def test_no_row_is_longer_than_the_encoder_reads():
    lengths = [30, 29, 28, 5, 5, 5]
    assert pack(tuple(lengths)).columns > 32 >= pack(tuple(lengths), 32).columns


def encoder(kind, double=True):
    from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "attn_implementation": "sdpa"}
    if kind == "bert":
        model = BertModel(
            BertConfig(vocab_size=50, max_position_embeddings=64, **sizes, **off), add_pooling_layer=False
        )
    else:
        config = XLMRobertaConfig(
            vocab_size=50, max_position_embeddings=66, pad_token_id=1, type_vocab_size=1, **sizes, **off
        )
        model = XLMRobertaModel(config, add_pooling_layer=False)
    return model.double() if double else model


def batch_of(lengths, kind, types):
    longest, pad_id = max(lengths), 0 if kind == "bert" else 1
    mask = (torch.arange(longest)[None] < torch.tensor(lengths)[:, None]).long()
    ids = torch.randint(5, 50, mask.shape, generator=torch.Generator().manual_seed(1))
    batch = {"input_ids": ids.where(mask.bool(), torch.tensor(pad_id)), "attention_mask": mask}
    return batch | ({"token_type_ids": mask * (torch.arange(longest) > 2).long()} if types else {})


def by_itself(model, batch, row):
    length = int(batch["attention_mask"][row].sum())
    return model(**{key: value[row : row + 1, :length] for key, value in batch.items()}).last_hidden_state[0]


@pytest.mark.parametrize(("kind", "types"), [("bert", False), ("bert", True), ("xlm-roberta", False)])
def test_hidden_states_are_those_of_each_sequence_by_itself(kind, types):
    lengths = [11, 3, 5, 2, 7, 4]
    model, batch = TaskModel(encoder(kind), nn.Identity()).eval(), batch_of(lengths, kind, types)
    assert [part.layout.shared for part in passes_of(model, batch)] == [True]
    hidden = hidden_states(model, batch)
    assert hidden.shape == (6, 11, 16)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(hidden[row, :length], by_itself(model.encoder, batch, row), rtol=0, atol=1e-12)
        assert not hidden[row, length:].any()


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_derivatives_of_both_orders_are_those_of_each_sequence_by_itself(kind):
    lengths = [9, 3, 5, 2]
    model, batch = TaskModel(encoder(kind), nn.Identity()).eval(), batch_of(lengths, kind, False)
    parameters = [p for p in model.parameters() if p.requires_grad]

    def derivatives(together):
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            hidden = hidden_states(model, batch)
            alone = [by_itself(model.encoder, batch, row) for row in range(len(lengths))]
            rows = [hidden[row, :length] if together else alone[row] for row, length in enumerate(lengths)]
            value = sum((h.sin() * (row + 1)).sum() for row, h in enumerate(rows))
            first = torch.autograd.grad(value, parameters, create_graph=True, materialize_grads=True)
            second = torch.autograd.grad(sum((g * g).sum() for g in first), parameters, materialize_grads=True)
        return [*first, *second]

    for ours, theirs in zip(derivatives(True), derivatives(False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


def test_half_precision_is_as_near_as_padded_rows_are():
    lengths = [20, 3, 5, 2, 7, 4, 13]
    model, batch = TaskModel(encoder("bert", double=False), nn.Identity()).eval(), batch_of(lengths, "bert", False)
    with torch.autocast("cpu", torch.bfloat16):
        shared = hidden_states(model, batch)
        padded = model.encoder(**batch).last_hidden_state
    exact = hidden_states(model, batch)
    errors = [((found - exact) * batch["attention_mask"][..., None]).abs().max() for found in (shared, padded)]
    assert 0 < errors[0] < 2 * errors[1]


# --------------------------------------------------------------------------------------------------------- passes by length


def cost_of(groups, per_pass):
    return sum(len(group) * max(group) + per_pass for group in groups)


@pytest.mark.parametrize("per_pass", [0, 3, 20, 1000])
def test_passes_cost_as_little_as_they_can(per_pass):
    """Beside every division of the sorted lengths."""
    random = seeded("passes", per_pass)
    for _ in range(20):
        sizes = random.integers(1, 30, random.integers(1, 9))
        found = by_length(sizes, per_pass)
        assert sorted(number for group in found for number in group.tolist()) == list(range(len(sizes)))
        ordered = np.sort(sizes).tolist()
        cuts = (c for count in range(len(sizes)) for c in combinations(range(1, len(sizes)), count))
        least = min(cost_of([ordered[a:b] for a, b in pairwise([0, *c, len(sizes)])], per_pass) for c in cuts)
        assert cost_of([sizes[group].tolist() for group in found], per_pass) == least


def test_one_pass_where_none_is_saved_keeps_the_order():
    (only,) = plan((9, 2, 8, 3), Reads(None, 12))
    assert only.index.tolist() == [0, 1, 2, 3] and not only.layout.shared


def test_what_an_encoder_works_on_is_counted():
    assert area_of((9, 2, 8, 3), Reads(None, 12)) == 4 * 9
    assert area_of((9, 2, 8, 3), Reads(None, 11)) == 2 * 9 + 2 * 3
    assert area_of((9, 2, 8, 3), Reads(64)) == pack((9, 2, 8, 3), 64).area


WAYS = {"shared rows": (True, 0), "one pass": (False, 10**6), "several passes": (False, 4)}


def reads_as(monkeypatch, way):
    """Let BERT be an encoder that shares rows, or that does not and has passes of the given cost."""
    shares, per_pass = WAYS[way]
    monkeypatch.setitem(ARCHITECTURES, "bert", dataclasses.replace(ARCHITECTURES["bert"], shares_rows=shares))
    monkeypatch.setitem(packing.PASS, "cpu", per_pass)


@pytest.mark.parametrize("task", ["ner", "sentiment", "nli", "relevance", "qa", "classification"])
def test_losses_and_gradients_are_the_same_however_a_batch_is_read(task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world(task)
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)  # the task's loss too in float64
    loop, phases = loop_of(tiny.spec("target_only", task=task))
    loop.model.double().eval()
    streams, _ = loop.prepare(phases[0])
    for _ in range(3):
        batch, found, passes = streams.draw("train"), {}, {}
        for way in WAYS:
            reads_as(monkeypatch, way)
            passes[way] = len(passes_of(loop.model, batch))
            loss = loop.loss(batch)
            found[way] = [loss, *torch.autograd.grad(loss, loop.parameters(), materialize_grads=True)]
        assert passes["one pass"] == 1 < passes["several passes"]
        for way in WAYS:
            for ours, theirs in zip(found[way], found["one pass"], strict=True):
                torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("way", ["shared rows", "several passes"])
def test_each_language_s_network_meets_its_own_sequences_in_every_pass(way, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    loop, phases = loop_of(tiny.spec("target_only"))
    loop.model.double().eval()
    both = dataclasses.replace(phases[0], streams={"train": Stream(tuple(loop.ingredients.pools), 12)})
    streams, _ = loop.prepare(both)
    batch = streams.draw("train") | {"language": torch.arange(12) % 2}
    made = make_transformation(
        Design(placement=(0, 1), per_source=True), loop.model, (0, 1), False, torch.Generator().manual_seed(0), "metaxl"
    )
    path = SourcePath(loop.model, made.double())
    found = {}
    for each in ("one pass", way):
        reads_as(monkeypatch, each)
        logits = path(batch)
        slopes = torch.autograd.grad((logits.sin() * batch["attention_mask"][..., None]).sum(), [*path.parameters()])
        found[each] = [logits * batch["attention_mask"][..., None], *slopes]
    for ours, theirs in zip(found[way], found["one pass"], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("lengths", [[7, 7], [40, 39, 40, 38], [7, 7, 9]])
def test_a_mask_of_own_rows_is_what_transformers_makes(lengths):
    """Bit by bit, in what is text and in its derivatives; and where nothing is padding, no mask at all."""
    model, batch = TaskModel(encoder("bert", double=False), nn.Identity()).eval(), batch_of(lengths, "bert", False)
    if len(lengths) == 3:  # the two that are alike, taken out of a wider batch
        batch = {key: value[:2] for key, value in batch.items()}
    (only,) = passes_of(model, batch)
    assert not only.layout.shared
    read = own_rows(model, batch, only.layout)
    assert ("attention_mask" in read) == (len(set(lengths)) > 1)
    parameters, found = list(model.parameters()), []
    for given in (read, batch):
        kept = model.encoder(**given).last_hidden_state[batch["attention_mask"].bool()]
        found.append([kept, *torch.autograd.grad(kept.sin().sum(), parameters, materialize_grads=True)])
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*found, strict=True))
