"""Every row of `pipeline.encoders.architectures` against the model that transformers makes of it."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from pipeline.common.errors import UserError
from pipeline.encoders.architectures import ARCHITECTURES, head_dropout, is_embedding, layer_of, layers_of, output_of
from pipeline.encoders.load import load_encoder
from pipeline.tasks.model import TaskModel, hidden_states, passes_of
from pipeline.training.lora import add_adapters, layers_to_adapt, merged
from tests.encoders.models import SENTENCES, save_row

ROWS = pytest.mark.parametrize("architecture", ARCHITECTURES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("rows")
    for name in ARCHITECTURES:
        save_row(root / name, name)
    return root


def edit_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def batch_of(encoder, lengths):
    """Sentences cut to `lengths` sub-tokens, padded."""
    rows = [encoder.tokenizer.encode(s).ids[:n] for s, n in zip(SENTENCES, lengths, strict=False)]
    longest = max(map(len, rows))
    return {
        "input_ids": torch.tensor([row + [encoder.pad_id] * (longest - len(row)) for row in rows]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows]),
    }


@ROWS
def test_a_layers_output_is_transformers_own_hidden_state(folders, architecture):
    encoder = load_encoder(folders / architecture)
    model, batch = encoder.model.eval(), batch_of(encoder, [8, 5, 8])
    expected = model(**batch, output_hidden_states=True)
    assert len(layers_of(model)) == 3
    for layer in range(4):
        seen = []
        handle = output_of(model, layer).register_forward_hook(
            lambda module, given, out, seen=seen: seen.append(out[0] if isinstance(out, tuple) else out)
        )
        model(**batch)
        handle.remove()
        torch.testing.assert_close(seen[0], expected.hidden_states[layer], rtol=0, atol=1e-6)
    torch.testing.assert_close(seen[0], expected.last_hidden_state, rtol=0, atol=1e-6)


@ROWS
def test_each_weight_is_of_one_layer_or_an_embedding(folders, architecture):
    model = load_encoder(folders / architecture).model
    layers = {name: layer_of(model, name) for name, _ in model.named_parameters()}
    assert {layer for layer in layers.values() if layer is not None} == {0, 1, 2}
    assert {name for name in layers if is_embedding(model, name)} == {n for n, layer in layers.items() if layer is None}


@ROWS
@pytest.mark.parametrize("targets", [None, ["all-linear"]])
def test_adapters_stand_in_layers_and_change_nothing_at_first(folders, architecture, targets):
    encoder, lora = load_encoder(folders / architecture), {"rank": 4, "alpha": 8.0, "targets": targets}
    model, batch, row = encoder.model.eval(), batch_of(encoder, [8, 5, 8]), ARCHITECTURES[architecture]
    before, state = (
        model(**batch).last_hidden_state,
        {key: tensor.clone() for key, tensor in model.state_dict().items()},
    )
    places = layers_to_adapt(model, lora)
    if targets is None:
        assert len(places) == 3 * len(row.adapted)
    add_adapters(model, places, lora)
    adapters = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert len(adapters) == 2 * len(places)
    assert {layer for name in adapters if (layer := layer_of(model, name)) is not None} == {0, 1, 2}
    assert all(is_embedding(model, name) for name in adapters if layer_of(model, name) is None)
    assert torch.equal(model(**batch).last_hidden_state, before)
    assert all(torch.equal(tensor, state[key]) for key, tensor in merged(model).items())
    assert merged(model).keys() == state.keys()


@ROWS
def test_sequences_share_rows_where_the_row_says_so(folders, architecture):
    encoder = load_encoder(folders / architecture)
    model, batch = TaskModel(encoder.model.eval(), nn.Identity()), batch_of(encoder, [3, 4, 8, 3, 4])
    shared = [part.layout.shared for part in passes_of(model, batch)]
    assert shared == [ARCHITECTURES[architecture].shares_rows]
    alone = encoder.model(**batch).last_hidden_state
    kept = batch["attention_mask"][..., None]
    torch.testing.assert_close(hidden_states(model, batch) * kept, alone * kept, rtol=0, atol=2e-6)


@ROWS
def test_what_a_folder_is_loaded_as(folders, architecture):
    encoder, row = load_encoder(folders / architecture), ARCHITECTURES[architecture]
    assert encoder.notes == ()
    assert encoder.model.config._attn_implementation == row.attention
    assert encoder.max_length == (38 if row.reserved else 40)
    assert (encoder.unknown_id == -1) == ("unk_token" not in row.tokens)
    assert set(encoder.tokenizer.encode("").ids) < {*encoder.special_ids}
    assert head_dropout(encoder.model.config) == (
        0.0 if architecture in ("rembert", "modernbert", "eurobert") else 0.1
    ), "transformers' defaults"


@ROWS
def test_absurd_sizes_are_refused_before_memory_is_taken(tmp_path, folders, architecture):
    """Each would be terabytes."""
    for file in (folders / architecture).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / "config.json"
    whole = path.read_text()
    huge = 10**12
    for key, message in (
        ("vocab_size", "tokens, but the model has 1,000,000,000,000 embedding rows"),
        ("hidden_size", "hidden_size is 1,000,000,000,000, and all weights of the folder are"),
        ("intermediate_size", "intermediate_size is 1,000,000,000,000, and all weights of the folder are"),
        ("num_hidden_layers", "num_hidden_layers is 1,000,000,000,000 in config.json, and the weights are of 3 layers"),
    ):
        edit_json(path, **{key: huge})
        with pytest.raises(UserError, match=message):
            load_encoder(tmp_path)
        path.write_text(whole)


def test_sizes_that_make_no_model(tmp_path):
    save_row(tmp_path, "bert")
    for changes, message in (
        ({"num_attention_heads": 0}, "num_attention_heads is 0, expected at least 1"),
        ({"num_attention_heads": 3}, "hidden_size is 16, which 3 attention heads"),
        ({"hidden_size": -16}, "hidden_size is -16, expected at least 1"),
        ({"hidden_act": "none"}, "no model can be made of it"),
    ):
        whole = (tmp_path / "config.json").read_text()
        edit_json(tmp_path / "config.json", **changes)
        with pytest.raises(UserError, match=message):
            load_encoder(tmp_path)
        (tmp_path / "config.json").write_text(whole)


def test_fewer_layers_than_the_weights_have_are_noted(tmp_path):
    save_row(tmp_path, "bert")
    edit_json(tmp_path / "config.json", num_hidden_layers=2)
    encoder = load_encoder(tmp_path)
    assert len(layers_of(encoder.model)) == 2
    assert encoder.notes == ("config.json says 2 layers, and the weights are of 3: the lower ones are used",)


def test_a_config_that_pads_otherwise_is_noted_where_positions_do_not_count_from_it(tmp_path):
    """As multilingual-e5-small is published: a BERT with XLM-R's vocabulary."""
    tokenizer = save_row(tmp_path, "bert")
    before = load_encoder(tmp_path)
    pad = tokenizer.token_to_id("[PAD]")
    edit_json(tmp_path / "config.json", pad_token_id=pad + 7)
    encoder = load_encoder(tmp_path)
    assert encoder.pad_id == pad
    assert encoder.notes == (
        f"config.json says pad_token_id {pad + 7}; the tokenizer's '[PAD]' has id {pad}, which is used",
    )
    assert encoder.model.get_input_embeddings().padding_idx == pad, "the embedding of another piece would never learn"
    batch = batch_of(encoder, [3, 8])
    expected = before.model.eval()(**batch).last_hidden_state
    assert torch.equal(encoder.model.eval()(**batch).last_hidden_state, expected)


def test_an_end_token_that_the_tokenizer_leaves_out_is_added(tmp_path):
    """As the tokenizers of generating models do."""
    tokenizer = save_row(tmp_path, "eurobert")
    start, end = (tokenizer.token_to_id(ARCHITECTURES["eurobert"].tokens[key]) for key in ("cls_token", "sep_token"))
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    start_token = ARCHITECTURES["eurobert"].tokens["cls_token"]
    special = {"SpecialToken": {"id": start_token, "type_id": 0}}
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [special, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [special, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {start_token: {"id": start_token, "ids": [start], "tokens": [start_token]}},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    encoder = load_encoder(tmp_path).tokenizer
    words = tokenizer.encode("ada sees rome", add_special_tokens=False).ids
    assert encoder.encode("ada sees rome").ids == [start, *words, end]
    assert encoder.encode("ada sees rome", "ada sees rome").ids == [start, *words, end, *words, end]
    found = encoder.encode("ada sees rome")
    assert [found.offsets[0], found.offsets[-1]] == [(0, 0), (0, 0)]
    assert found.offsets[1][0] == 0 and found.offsets[-2][1] == len("ada sees rome")


def test_a_tokenizer_of_much_fewer_pieces_than_the_model_has_rows(tmp_path):
    save_row(tmp_path, "bert")
    weights = load_file(tmp_path / "model.safetensors")
    for name in list(weights):
        if "word_embeddings" in name:
            weights[name] = torch.zeros(5000, 16)
        elif name in ("cls.predictions.bias", "cls.predictions.decoder.bias"):
            weights[name] = torch.zeros(5000)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    edit_json(tmp_path / "config.json", vocab_size=5000)
    with pytest.raises(UserError, match=r"\d+ tokens, but the model has 5,000 embedding rows"):
        load_encoder(tmp_path)
