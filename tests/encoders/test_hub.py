import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from pipeline.common.errors import UserError
from pipeline.common.files import sha256_file
from pipeline.encoders.hub import from_folder, from_hub
from pipeline.encoders.load import load_encoder
from tests.encoders.conftest import NAME, OTHER
from tests.encoders.models import save_row, save_tiny
from tests.hub_server import COMMIT, Break


def files(folder):
    return sorted(p.name for p in folder.iterdir() if p.is_file())


def add_unwanted(folder):
    for name in ("pytorch_model.bin", "tf_model.h5", "modeling_custom.py", "README.md", "flax_model.msgpack"):
        (folder / name).write_bytes(b"not wanted")
    (folder / "onnx").mkdir()
    (folder / "onnx/model.safetensors").write_bytes(b"not wanted")


def shard(folder):
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    parts = {f"model-0000{i + 1}-of-00002.safetensors": names[i::2] for i in range(2)}
    for file, part in parts.items():
        save_file({n: weights[n] for n in part}, folder / file, metadata={"format": "pt"})
    index = {"metadata": {}, "weight_map": {n: file for file, part in parts.items() for n in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_fetches_what_is_needed_and_nothing_else(hub, target, architecture):
    saved = save_tiny(hub.repository_folder, architecture)
    add_unwanted(hub.repository_folder)
    from_hub(NAME, COMMIT, target)
    assert files(target) == ["config.json", "model.safetensors", "tokenizer.json"]
    loaded = load_encoder(target).model
    assert torch.equal(loaded.embeddings.word_embeddings.weight, saved.embeddings.word_embeddings.weight)
    assert all(COMMIT in path for _, path, _ in hub.log if "resolve" in path)


def test_fetches_shards(hub, target):
    save_tiny(hub.repository_folder, "bert")
    shard(hub.repository_folder)
    from_hub(NAME, COMMIT, target)
    assert "model-00002-of-00002.safetensors" in files(target)
    load_encoder(target)


def test_server_errors_and_broken_downloads_are_retried(hub, target):
    save_tiny(hub.repository_folder, "bert")
    hub.fail("tokenizer.json", 503, 500)
    hub.fail("model.safetensors", Break(1000))
    from_hub(NAME, COMMIT, target)
    load_encoder(target)
    fetched = [path.split("/")[-1] for verb, path, _ in hub.log if verb == "GET" and "tree" not in path]
    assert fetched.count("tokenizer.json") == 3
    assert hub.faults == []


def test_complete_files_are_not_fetched_again(hub, target):
    save_tiny(hub.repository_folder, "bert")
    from_hub(NAME, COMMIT, target)
    hub.log.clear()
    from_hub(NAME, COMMIT, target)
    assert not [path for _, path, _ in hub.log if path.startswith("/content")]


def test_a_branch_is_no_revision(target):
    with pytest.raises(UserError, match="revision: 'main' is not a commit of someone/tiny; expected 40"):
        from_hub(NAME, "main", target)


def test_pickle_only_repository(hub, target):
    save_tiny(hub.repository_folder, "bert")
    (hub.repository_folder / "model.safetensors").rename(hub.repository_folder / "pytorch_model.bin")
    with pytest.raises(
        UserError, match=r"someone/tiny@\w+: no model\.safetensors; it has pytorch_model\.bin, which may"
    ):
        from_hub(NAME, COMMIT, target)
    assert files(target) == []


def test_weights_in_shards_of_a_pull_request_are_advised_too(hub, target):
    save_tiny(hub.repository_folder, "bert")
    pull = hub.repository_folder / ".pulls" / OTHER
    pull.mkdir(parents=True)
    (pull / "config.json").write_text("{}")
    (hub.repository_folder / "model.safetensors").rename(pull / "model.safetensors.index.json")
    with pytest.raises(
        UserError, match=rf"it has no weights for PyTorch\. A pull request has them.*\n  revision: {OTHER}"
    ):
        from_hub(NAME, COMMIT, target)


def test_repository_without_tokenizer(hub, target):
    save_tiny(hub.repository_folder, "bert")
    (hub.repository_folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"no tokenizer; expected tokenizer\.json or one of vocab\.txt"):
        from_hub(NAME, COMMIT, target)


def test_unknown_repository_and_revision(hub, target):
    with pytest.raises(UserError, match=r"someone/other.*There is none of that name that you may see"):
        from_hub("someone/other", COMMIT, target)
    save_tiny(hub.repository_folder, "bert")
    with pytest.raises(UserError, match=rf"{NAME}.*has no such commit: take one that its page lists"):
        from_hub(NAME, "f" * 40, target)


def to_slow(folder):
    """Replace a BERT folder's tokenizer.json by the vocab.txt it stands for."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab()
    (folder / "vocab.txt").write_text("".join(f"{t}\n" for t in sorted(vocabulary, key=vocabulary.__getitem__)))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')
    return tokenizer


def test_vocab_txt_becomes_a_tokenizer(hub, target):
    save_tiny(hub.repository_folder, "bert")
    original = to_slow(hub.repository_folder)
    from_hub(NAME, COMMIT, target)
    sentence = "bo visits the old acme in oslo"
    assert load_encoder(target).tokenizer.encode(sentence).ids == original.encode(sentence).ids


def test_tokenizer_that_cannot_be_converted(tmp_path, target):
    source = tmp_path / "source"
    save_tiny(source, "xlm-roberta")
    (source / "tokenizer.json").unlink()
    (source / "sentencepiece.bpe.model").write_bytes(b"not a model")
    with pytest.raises(UserError, match=r"sentencepiece\.bpe\.model cannot be turned into one"):
        from_folder(source, target)


def test_folder_is_copied_not_linked(tmp_path, target):
    source = tmp_path / "source"
    save_tiny(source, "bert")
    add_unwanted(source)
    from_folder(source, target)
    assert files(target) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert not (source / "model.safetensors").samefile(target / "model.safetensors")


def test_sharded_folder(tmp_path, target):
    source = tmp_path / "source"
    save_tiny(source, "bert")
    shard(source)
    from_folder(source, target)
    load_encoder(target)


def test_folder_that_is_not_a_model(tmp_path, target):
    with pytest.raises(UserError, match="nowhere: no such folder"):
        from_folder(tmp_path / "nowhere", target)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UserError, match=r"empty: not a model: config\.json, tokenizer\.json, model\.safetensors missing"
    ):
        from_folder(tmp_path / "empty", target)
    assert files(target) == []


# ------------------------------------------------------------------------------------------- tried first, mirrors, refusals


def test_a_tokenizer_is_tried_before_weights_are_fetched(hub, target):
    save_row(hub.repository_folder, "xlm-roberta")
    (hub.repository_folder / "tokenizer.json").unlink()
    (hub.repository_folder / "sentencepiece.bpe.model").write_bytes(b"not a model")
    with pytest.raises(UserError, match=rf"{NAME}@{COMMIT}: no tokenizer\.json, and sentencepiece\.bpe\.model cannot"):
        from_hub(NAME, COMMIT, target)
    assert not [path for _, path, _ in hub.log if path.endswith(".safetensors")]


def test_an_unknown_architecture_costs_no_weights(hub, target):
    save_row(hub.repository_folder, "bert")
    config = json.loads((hub.repository_folder / "config.json").read_text())
    (hub.repository_folder / "config.json").write_text(json.dumps({**config, "model_type": "distilbert"}))
    with pytest.raises(UserError, match=r"'distilbert' is not a supported architecture.*DistilBertModel"):
        from_hub(NAME, COMMIT, target)
    assert not [path for _, path, _ in hub.log if path.endswith(".safetensors")]


def test_a_mirror_gives_the_same_as_the_hub(hub, target, tmp_path, monkeypatch):
    save_row(hub.repository_folder, "bert")
    (hub.repository_folder / "README.md").write_text("---\nlicense: other\nlicense_name: mine\n---\n")
    facts = from_hub(NAME, COMMIT, target)
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub.log.clear()
    assert from_hub(NAME, COMMIT, there, mirror=hub.folder / "models") == facts
    assert facts["licence"] == "mine, other"
    assert not hub.log
    assert {p.name: p.read_bytes() for p in there.iterdir()} == {
        p.name: p.read_bytes() for p in target.iterdir() if p.is_file()
    }
    noted = hub.repository_folder / ".cache/huggingface/download/config.json.metadata"
    noted.parent.mkdir(parents=True)
    noted.write_text(f"{OTHER}\netag\n1.0\n")
    with pytest.raises(UserError, match=rf"config\.json is of commit {OTHER}, and revision is {COMMIT}"):
        from_hub(NAME, COMMIT, there, mirror=hub.folder / "models")


def test_offline_without_a_mirror_says_how_to_fill_one(target, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        UserError, match=rf"HF_HUB_OFFLINE is set, no `mirror` is named.*hf download {NAME} --revision {COMMIT}"
    ):
        from_hub(NAME, COMMIT, target)
    with pytest.raises(UserError, match="tiny is no folder"):
        from_hub(NAME, COMMIT, target, mirror=tmp_path)


def test_the_cache_of_the_hub_library_serves_off_the_network(hub, target, tmp_path, monkeypatch):
    save_row(hub.repository_folder, "bert")
    snapshot = tmp_path / "cache" / "models--someone--tiny" / "snapshots" / COMMIT
    shutil.copytree(hub.repository_folder, snapshot)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert from_hub(NAME, COMMIT, target)["licence"] == "none given (no README.md)"
    assert files(target) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert not hub.log
    with pytest.raises(UserError, match="the hub's cache does not hold it"):
        from_hub(NAME, OTHER, target)


def test_a_mirror_without_the_repository_leaves_it_to_the_hub(hub, target, tmp_path, capsys):
    save_row(hub.repository_folder, "bert")
    from_hub(NAME, COMMIT, target, mirror=tmp_path)
    assert f"{tmp_path / NAME} is no folder; {NAME} is fetched from the hub" in capsys.readouterr().out


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository_says_how_to_get_access(hub, target, status):
    hub.fail(COMMIT, status)
    with pytest.raises(UserError, match=rf"{NAME}@{COMMIT}.*It is private or gated: ask for access.*HF_TOKEN"):
        from_hub(NAME, COMMIT, target)


def test_a_repository_or_mirror_that_lacks_files_is_refused_by_name(hub, target):
    save_row(hub.repository_folder, "xlm-roberta")
    (hub.repository_folder / "config.json").rename(hub.repository_folder / "tokenizer_config.json")
    with pytest.raises(UserError, match=rf"{NAME}@{COMMIT}: no config\.json: it is no model of transformers"):
        from_hub(NAME, COMMIT, target)
    (hub.repository_folder / "tokenizer.json").rename(hub.repository_folder / "spm.model")
    with pytest.raises(UserError, match=r"tiny: not a model: config\.json missing"):
        from_hub(NAME, COMMIT, target, mirror=hub.folder / "models")
    (hub.repository_folder / "model.safetensors").rename(hub.repository_folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"tiny: the weights are only in pytorch_model\.bin"):
        from_hub(NAME, COMMIT, target, mirror=hub.folder / "models")
    assert files(target) == []


# -------------------------------------------------------------------------------------------------------- what letters become


def with_normaliser(folder, **given):
    save_row(folder, "bert")
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    normal = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None}
    path.write_text(json.dumps({**content, "normalizer": {**normal, **given}}))


def test_a_tokenizer_that_takes_tone_marks_is_warned_about_and_can_be_told(tmp_path, target, capsys):
    with_normaliser(tmp_path / "source", lowercase=True)
    facts = from_folder(tmp_path / "source", target)
    assert facts["normaliser"] == {"lower_case": True, "strip_accents": True, "form": "NFD", "loses_marks": True}
    assert "lower-cases and strips accents: 'Àwọn ọmọ' becomes 'awon omo'" in capsys.readouterr().out
    facts = from_folder(tmp_path / "source", target, {"lower_case": None, "strip_accents": False})
    assert facts["normaliser"]["lower_case"] and not facts["normaliser"]["strip_accents"]
    facts = from_folder(tmp_path / "source", target, {"lower_case": False, "strip_accents": None})
    assert not facts["normaliser"]["lower_case"] and facts["normaliser"]["strip_accents"], "as it was"
    from_folder(tmp_path / "source", target, {"lower_case": False, "strip_accents": False})
    normal = load_encoder(target).tokenizer.normalizer
    assert normal.normalize_str("Àwọn ọmọ") == "Àwọn ọmọ"


def test_a_normaliser_that_cannot_be_told(tmp_path, target):
    save_row(tmp_path / "source", "xlm-roberta")
    path = tmp_path / "source/tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "normalizer": {"type": "Lowercase"}}))
    with pytest.raises(UserError, match=r"lower_case: the tokenizer's normaliser \(Lowercase\) has no such setting"):
        from_folder(tmp_path / "source", target, {"lower_case": False, "strip_accents": None})


@pytest.mark.parametrize(("piece", "kept"), [("Ada", True), ("ọ̀", True), ("é", True), ("ada", False), ("नी", False)])
def test_vocab_txt_alone_does_not_lower_case_what_it_has_pieces_for(tmp_path, target, piece, kept):
    source = tmp_path / "source"
    save_row(source, "bert")
    original = Tokenizer.from_file(str(source / "tokenizer.json"))
    vocabulary = sorted(original.get_vocab(), key=original.get_vocab().__getitem__)
    (source / "vocab.txt").write_text("".join(f"{t}\n" for t in [*vocabulary[:-1], piece]))
    (source / "tokenizer.json").unlink()
    facts = from_folder(source, target)
    assert facts["normaliser"]["lower_case"] != kept
    assert facts["normaliser"]["strip_accents"] != kept
    assert len(facts["notes"]) == 1


# ---------------------------------------------------------------------------------------------------------- held against digests


def test_a_copy_is_held_against_what_the_hub_said_of_it(tmp_path, target):
    source = tmp_path / "source"
    save_row(source, "bert")
    weights = source / "model.safetensors"
    noted = source / ".cache/huggingface/download/model.safetensors.metadata"
    noted.parent.mkdir(parents=True)
    noted.write_text(f"{COMMIT}\n{sha256_file(weights)}\n{weights.stat().st_mtime + 5}\n")
    facts = from_folder(source, target)
    assert facts["read"][str(weights)] == sha256_file(weights)
    before, content = weights.stat(), bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(UserError, match=r"model.safetensors: what arrived has sha256 .*; fetch it again"):
        from_folder(source, target)
    os.utime(weights, (before.st_mtime + 99, before.st_mtime + 99))
    from_folder(source, target)  # changed by the user since: it is theirs


def test_a_spoilt_file_of_the_library_s_cache_is_fetched_anew(hub, target, tmp_path):
    save_row(hub.repository_folder, "bert")
    snapshot = tmp_path / "cache" / "models--someone--tiny" / "snapshots" / COMMIT
    shutil.copytree(hub.repository_folder, snapshot)
    whole = (snapshot / "model.safetensors").read_bytes()
    (snapshot / "model.safetensors").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    from_hub(NAME, COMMIT, target)
    assert (target / "model.safetensors").read_bytes() == whole
    assert len([path for _, path, _ in hub.log if path.startswith("/content")]) == 1


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_one_wrong_bit_of_a_model_is_refused(hub, target, name):
    save_row(hub.repository_folder, "bert")
    content = bytearray((hub.repository_folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    hub.spoil(name, bytes(content), times=99)
    with pytest.raises(UserError, match=rf"{name}: what arrived has .* was announced"):
        from_hub(NAME, COMMIT, target)
    assert name not in files(target)
