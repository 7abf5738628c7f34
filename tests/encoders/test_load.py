import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from pipeline.common.errors import UserError
from pipeline.encoders.load import load_encoder
from tests.encoders.models import SENTENCES, save_tiny, tiny_tokenizer

BOTH = pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])


def edit_json(path, **changes):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))


def run(encoder, ids):
    padded = torch.tensor([ids])
    with torch.no_grad():
        return encoder.model(padded, attention_mask=torch.ones_like(padded)).last_hidden_state


@BOTH
@pytest.mark.parametrize("head", [True, False])
def test_loads_the_saved_weights_bare_and_silently(tmp_path, architecture, head, capfd, recwarn):
    saved = save_tiny(tmp_path, architecture, head)
    capfd.readouterr()
    encoder = load_encoder(tmp_path)
    assert capfd.readouterr() == ("", "")
    assert not list(recwarn)
    ids = encoder.tokenizer.encode("ada sees rome").ids
    with torch.no_grad():
        expected = saved(torch.tensor([ids])).last_hidden_state
    torch.testing.assert_close(run(encoder, ids), expected, rtol=0, atol=1e-6)
    assert encoder.model.pooler is None
    assert encoder.model.dtype == torch.float32
    assert encoder.model.config._attn_implementation == "sdpa"


@BOTH
def test_max_length_is_the_last_that_runs(tmp_path, architecture):
    save_tiny(tmp_path, architecture)
    encoder = load_encoder(tmp_path)
    assert encoder.max_length == 16  # XLM-R has 18 positions of which two are never used
    run(encoder, [7] * 16)
    with pytest.raises((IndexError, RuntimeError)):
        run(encoder, [7] * 17)


@BOTH
def test_padding_does_not_change_outputs(tmp_path, architecture):
    save_tiny(tmp_path, architecture)
    encoder = load_encoder(tmp_path)
    short = encoder.tokenizer.encode("ada sees rome").ids
    long = encoder.tokenizer.encode("bo visits the old acme in oslo").ids
    assert len(long) > len(short)
    ids = torch.tensor([short + [encoder.pad_id] * (len(long) - len(short)), long])
    mask = torch.tensor([[1] * len(short) + [0] * (len(long) - len(short)), [1] * len(long)])
    with torch.no_grad():
        together = encoder.model(ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(together[:1, : len(short)], run(encoder, short), rtol=0, atol=1e-5)
    torch.testing.assert_close(together[1:], run(encoder, long), rtol=0, atol=1e-5)


def test_old_names_of_normalisation_weights_load(tmp_path):
    saved = save_tiny(tmp_path, "bert")
    weights = load_file(tmp_path / "model.safetensors")
    old = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
           for k, v in weights.items()}  # fmt: skip
    old = {k: torch.full_like(v, 0.5) if k.endswith("gamma") else v for k, v in old.items()}
    assert old.keys() != weights.keys()
    save_file(old, tmp_path / "model.safetensors", metadata={"format": "pt"})
    model = load_encoder(tmp_path).model
    assert (model.embeddings.LayerNorm.weight == 0.5).all()
    assert torch.equal(model.embeddings.word_embeddings.weight, saved.embeddings.word_embeddings.weight)


def test_shards_load_and_a_missing_one_is_named(tmp_path):
    saved = save_tiny(tmp_path, "bert")
    weights = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    names = sorted(weights)
    where = {}
    for i, part in enumerate((names[::2], names[1::2])):
        file = f"model-0000{i + 1}-of-00002.safetensors"
        save_file({n: weights[n] for n in part}, tmp_path / file, metadata={"format": "pt"})
        where |= dict.fromkeys(part, file)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    loaded = load_encoder(tmp_path).model
    assert torch.equal(loaded.embeddings.word_embeddings.weight, saved.embeddings.word_embeddings.weight)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(UserError, match=r"not a model: model-00002-of-00002\.safetensors missing"):
        load_encoder(tmp_path)
    index.write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    with pytest.raises(UserError, match="beside it"):
        load_encoder(tmp_path)


def test_not_a_folder(tmp_path):
    with pytest.raises(UserError, match=r"nowhere: no such folder; expected a model"):
        load_encoder(tmp_path / "nowhere")


def test_empty_folder_lists_what_is_missing(tmp_path):
    with pytest.raises(UserError, match=r"not a model: config\.json, tokenizer\.json, model\.safetensors missing"):
        load_encoder(tmp_path)


def test_pickle_only_is_refused_with_a_conversion_that_works(tmp_path, monkeypatch):
    save_tiny(tmp_path, "bert")
    torch.save(load_file(tmp_path / "model.safetensors"), tmp_path / "pytorch_model.bin")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"only in pytorch_model\.bin, a pickle") as error:
        load_encoder(tmp_path)
    code = str(error.value).split('python -c "')[1].removesuffix('"')
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    load_encoder(tmp_path)


def test_unsupported_architecture_names_the_nearest(tmp_path):
    save_tiny(tmp_path, "bert")
    edit_json(tmp_path / "config.json", model_type="deberta")
    known = (
        r"did you mean 'deberta-v2'.*; it is DebertaModel in transformers .*, for which .*architectures\.py has no row"
    )
    with pytest.raises(UserError, match=rf"model_type 'deberta' is not a supported architecture.*{known}"):
        load_encoder(tmp_path)
    edit_json(tmp_path / "config.json", model_type="new")
    with pytest.raises(UserError, match=r"has no model of that type, and code that a repository brings is not run"):
        load_encoder(tmp_path)


def test_truncated_weights(tmp_path):
    save_tiny(tmp_path, "bert")
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="not readable safetensors"):
        load_encoder(tmp_path)


def test_missing_weights_are_named(tmp_path):
    save_tiny(tmp_path, "bert")
    weights = load_file(tmp_path / "model.safetensors")
    del weights["bert.encoder.layer.1.output.dense.bias"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"weights missing: encoder\.layer\.1\.output\.dense\.bias$"):
        load_encoder(tmp_path)


def test_weights_of_another_shape_are_named(tmp_path):
    save_tiny(tmp_path, "bert")
    edit_json(tmp_path / "config.json", intermediate_size=48)
    with pytest.raises(UserError, match=r"of another shape than config\.json says: encoder\.layer\.0\.interm"):
        load_encoder(tmp_path)


@BOTH
def test_tokenizer_with_more_ids_than_rows(tmp_path, architecture):
    save_tiny(tmp_path, architecture)
    tokenizer = tiny_tokenizer(architecture)
    tokenizer.add_tokens(["zzz"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    rows = json.loads((tmp_path / "config.json").read_text())["vocab_size"]
    with pytest.raises(UserError, match=rf"'zzz' has id {rows}, but the model has {rows} embedding rows"):
        load_encoder(tmp_path)


def test_missing_special_tokens_are_named(tmp_path):
    save_tiny(tmp_path, "bert")
    tiny_tokenizer("xlm-roberta").save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match=r"pad_token '\[PAD\]'.*mask_token '\[MASK\]' missing from the vocabulary"):
        load_encoder(tmp_path)


def test_special_tokens_named_otherwise_by_the_folder(tmp_path):
    save_tiny(tmp_path, "bert")
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text().replace("[PAD]", "[FILL]"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"pad_token": {"content": "[FILL]"}}))
    encoder = load_encoder(tmp_path)
    assert encoder.tokenizer.id_to_token(encoder.pad_id) == "[FILL]"


def test_padding_id_that_differs_from_the_models(tmp_path):
    save_tiny(tmp_path, "xlm-roberta")
    edit_json(tmp_path / "config.json", pad_token_id=3)
    with pytest.raises(UserError, match=r"'<pad>' has id 1, but pad_token_id is 3"):
        load_encoder(tmp_path)


def test_tokenizer_without_start_and_end(tmp_path):
    save_tiny(tmp_path, "bert")
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    content["post_processor"] = None
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="adds no start and end token"):
        load_encoder(tmp_path)


def test_padding_and_truncation_of_the_file_are_off(tmp_path):
    save_tiny(tmp_path, "bert")
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.enable_padding(length=30)
    tokenizer.enable_truncation(4)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    sentence = SENTENCES[1]
    assert load_encoder(tmp_path).tokenizer.encode(sentence).ids == tiny_tokenizer("bert").encode(sentence).ids


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "{", r"config\.json: not valid JSON"),
        ("config.json", "{}", r"config\.json: no model_type"),
        ("config.json", '{"model_type": "bert"}', "vocab_size is None, expected a number"),
        ("tokenizer.json", "{}", r"tokenizer\.json: not a tokenizer"),
    ],
)
def test_damaged_files(tmp_path, file, content, message):
    save_tiny(tmp_path, "bert")
    (tmp_path / file).write_text(content)
    with pytest.raises(UserError, match=message):
        load_encoder(tmp_path)


def test_config_value_of_the_wrong_type(tmp_path):
    save_tiny(tmp_path, "bert")
    edit_json(tmp_path / "config.json", num_hidden_layers="two")
    with pytest.raises(UserError, match=r"config\.json: .*num_hidden_layers"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_type", ["bert"]),
        ("model_type", {"a": 1}),
        ("dtype", float("inf")),
        ("rope_parameters", {"full_attention": {"rope_theta": 10**30, "rope_type": "default"}}),
    ],
)
def test_a_value_by_which_transformers_fails_in_a_way_of_its_own(tmp_path, key, value):
    save_tiny(tmp_path, "modernbert" if key == "rope_parameters" else "bert")
    edit_json(tmp_path / "config.json", **{key: value})
    with pytest.raises(UserError, match=r"config\.json: "):
        load_encoder(tmp_path)


def test_a_panic_of_the_tokenizers_library_is_an_error_of_the_file(tmp_path):
    save_tiny(tmp_path, "xlm-roberta")
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["continuing_subword_prefix"] = "9" * 500
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"tokenizer\.json: not a tokenizer of the tokenizers library"):
        load_encoder(tmp_path)


def test_halves_of_characters_come_into_no_note(tmp_path):
    save_tiny(tmp_path, "bert")
    edit_json(tmp_path / "config.json", pad_token_id="a\ud800")
    (note,) = load_encoder(tmp_path).notes
    assert "\\ud800" in note and note.encode()


def test_adapters_and_remote_code_are_left_alone(tmp_path):
    save_tiny(tmp_path, "bert")
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    edit_json(tmp_path / "config.json", auto_map={"AutoModel": "evil.Model"}, attn_implementation="nobody/kernel")
    assert load_encoder(tmp_path).model.config._attn_implementation == "sdpa"
