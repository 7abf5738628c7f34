"""Repositories in the file layout in which encoders are published, tiny and random, through the local hub."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from pipeline.common.errors import UserError
from pipeline.encoders.convert import convert_tokenizer
from pipeline.encoders.hub import from_hub
from pipeline.encoders.load import load_encoder
from tests.encoders.conftest import NAME, OTHER
from tests.encoders.models import SENTENCES, save_row, tiny_tokenizer
from tests.hub_server import COMMIT

PULL = "faf660b811036d7b6dfc53aacfe5281447d4e2c6"
TEXTS = [
    *SENTENCES[:4],
    "Àwọn ọmọ ń ṣe eré",
    "हिन्दी भाषा",
    "مرحبا",
    "日本語 テスト",
    "ﬁle ﬁne ｆｕｌｌ",
    "ﻣﺮﺣﺒﺎ",
    "½ ①",
    "zero\u200bwidth  and  blanks ",
    "o\u0323\u0300mo\u0323 e\u0301",
    "zürich",
]
"""Several scripts; ligatures, full-width and presentation forms; letters and marks in parts; letters without a piece."""
LEARNED = [*SENTENCES, *TEXTS[4:8] * 6, "fine file full width ab 1 2"]


def write(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def publish(folder: Path, architecture: str, tokenizer: Tokenizer | None, rows: int, **config: Any) -> None:
    """Save a tiny model of `rows` pieces whose `config.json` says `config`; with a card, code and other frameworks' weights."""
    save_row(folder, architecture, vocabulary=rows)
    write(folder, "config.json", {**json.loads((folder / "config.json").read_text()), **config})
    (folder / "tokenizer.json").unlink()
    if tokenizer is not None:
        tokenizer.save(str(folder / "tokenizer.json"))
    for name in ("tf_model.h5", "flax_model.msgpack", "modeling_own.py", "sentence_bert_config.json"):
        write(folder, name, "not wanted")
    write(folder, "README.md", "---\nlicense: mit\n---\n")


def pickle_on_main(folder: Path) -> Path:
    """Leave a pickle instead of the weights on the main branch; the pull request `PULL` has them, another one has not."""
    pull = folder / ".pulls" / PULL
    for place in (pull, folder / ".pulls" / OTHER):
        place.mkdir(parents=True)
        for path in [path for path in folder.iterdir() if path.is_file() and path.name != "model.safetensors"]:
            (place / path.name).write_bytes(path.read_bytes())
        write(place, "pytorch_model.bin", "a pickle")
    (folder / "model.safetensors").rename(pull / "model.safetensors")
    write(folder, "pytorch_model.bin", "a pickle")
    return pull


def advised(target: Path) -> str:
    """The commit that the refusal of a pickle says to paste."""
    with pytest.raises(UserError, match=r"no model\.safetensors; it has pytorch_model\.bin.*\n  revision: ") as error:
        from_hub(NAME, COMMIT, target)
    (commit,) = [line.split()[1] for line in str(error.value).splitlines() if line.startswith("  revision: ")]
    return commit


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def train_sentencepiece(path: Path, **options: Any) -> Any:
    """Write a SentencePiece model of a few sentences; return what cuts text by it."""
    import sentencepiece

    given = {"vocab_size": 130, "hard_vocab_limit": False, "minloglevel": 2, "character_coverage": 1.0, **options}
    with open(path, "wb") as file:
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(LEARNED), model_writer=file, **given)
    return sentencepiece.SentencePieceProcessor(str(path))


DEBERTA = {
    "pad_id": 0,
    "bos_id": -1,
    "eos_id": -1,
    "unk_id": 3,
    "pad_piece": "[PAD]",
    "unk_piece": "[UNK]",
    "control_symbols": ["[CLS]", "[SEP]"],
}
BYTES = {"byte_fallback": True, "vocab_size": 400}


def test_glot500_has_a_sentencepiece_model_alone(hub, target):
    folder = hub.repository_folder
    pieces = train_sentencepiece(folder / "sentencepiece.bpe.model")
    publish(folder, "xlm-roberta", None, pieces.get_piece_size() + 2)
    write(folder, "tokenizer_config.json", {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512})
    facts = from_hub(NAME, COMMIT, target)
    assert facts["licence"] == "mit"
    assert facts["normaliser"] == {"lower_case": False, "strip_accents": False, "form": "NFKC", "loses_marks": False}
    tokenizer = load_encoder(target).tokenizer
    for text in TEXTS:  # ids: <s>, <pad>, </s> come first, so those of the model are one higher
        expected = [3 if number == pieces.unk_id() else number + 1 for number in pieces.encode(text)]
        assert tokenizer.encode(text).ids == [0, *expected, 2], text


@pytest.mark.parametrize("options", [{}, BYTES], ids=["plain", "bytes"])
def test_mdeberta_has_a_pickle_and_a_sentencepiece_model(hub, target, options):
    """The refusal's advice is followed; the tokenizer is the model's own: its ids, its map of characters, its bytes."""
    folder = hub.repository_folder
    pieces = train_sentencepiece(folder / "spm.model", **DEBERTA, **options)
    publish(folder, "deberta-v2", None, pieces.get_piece_size() + 7, pos_att_type="p2c|c2p", max_relative_positions=-1)
    write(folder, "tokenizer_config.json", {"do_lower_case": False, "vocab_type": "spm"})
    pickle_on_main(folder)
    assert advised(target) == PULL
    facts = from_hub(NAME, PULL, target)
    assert names(target) == {"config.json", "model.safetensors", "spm.model", "tokenizer.json", "tokenizer_config.json"}
    assert any("spelled in bytes" in note for note in facts["notes"]) == bool(options)
    assert "characters are mapped as the SentencePiece model does (nmt_nfkc)" in facts["notes"]
    tokenizer = load_encoder(target).tokenizer
    for text in TEXTS:
        assert tokenizer.encode(text).ids == [1, *pieces.encode(text), 2], text


def test_an_interrupted_conversion_gives_the_same_manifest(hub, target):
    folder = hub.repository_folder
    pieces = train_sentencepiece(folder / "spm.model", **DEBERTA)
    publish(folder, "deberta-v2", None, pieces.get_piece_size() + 1)
    hub.fail("model.safetensors", 404)
    with pytest.raises(UserError, match="404"):
        from_hub(NAME, COMMIT, target)
    assert "tokenizer.json" in names(target)
    again = from_hub(NAME, COMMIT, target)
    (target.parent / "fresh").mkdir()
    assert again == from_hub(NAME, COMMIT, target.parent / "fresh")
    assert again["notes"]


def test_a_sentencepiece_model_of_merges_is_refused(tmp_path):
    train_sentencepiece(tmp_path / "sentencepiece.bpe.model", model_type="bpe")
    write(tmp_path, "config.json", {"model_type": "xlm-roberta", "vocab_size": 200})
    with pytest.raises(UserError, match="it is a BPE model, and transformers makes a Unigram tokenizer of it"):
        convert_tokenizer(tmp_path, "sentencepiece.bpe.model")
    assert not (tmp_path / "tokenizer.json").exists()


def test_a_conversion_that_cuts_otherwise_is_refused(tmp_path, monkeypatch):
    from pipeline.encoders import convert

    train_sentencepiece(tmp_path / "spm.model", **DEBERTA)
    write(tmp_path, "config.json", {"model_type": "deberta-v2", "vocab_size": 200})
    scored = convert.restore

    def spoilt(path: Path, model: Any) -> list[str]:
        notes = scored(path, model)
        content = json.loads(path.read_text())
        vocabulary = [[piece, -score] for piece, score in content["model"]["vocab"]]
        write(tmp_path, "tokenizer.json", {**content, "model": {**content["model"], "vocab": vocabulary}})
        return notes

    monkeypatch.setattr(convert, "restore", spoilt)
    with pytest.raises(
        UserError, match=r"spm\.model cannot be turned into one: transformers' conversion cuts \d+ of \d+"
    ):
        convert_tokenizer(tmp_path, "spm.model")


def test_mmbert_has_a_pickle_and_merges_with_bytes(hub, target):
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    letters = sorted({letter for text in SENTENCES for letter in text if letter != " "})
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *letters, "ad", "ada"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [("a", "d"), ("ad", "a")]
    model = models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.post_processor = processors.TemplateProcessing("<bos> $A", "<bos> $A <bos> $B", [("<bos>", 2)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    ids = {
        "cls_token_id": 1,
        "sep_token_id": 1,
        "eos_token_id": 1,
        "bos_token_id": 2,
        "mask_token_id": 4,
        "pad_token_id": 0,
    }
    publish(hub.repository_folder, "modernbert", tokenizer, len(pieces), position_embedding_type="sans_pos", **ids)
    said = {
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "mask_token": "<mask>",
    }
    write(hub.repository_folder, "tokenizer_config.json", {**said, "tokenizer_class": "GemmaTokenizer"})
    pickle_on_main(hub.repository_folder)
    assert advised(target) == PULL
    facts = from_hub(NAME, PULL, target)
    assert facts["normaliser"] == {"lower_case": False, "strip_accents": False, "form": "none", "loses_marks": False}
    encoder = load_encoder(target)
    assert encoder.pad_id == 0
    assert encoder.tokenizer.encode("ada ọ").tokens == ["<bos>", "ada", "▁", "<0xE1>", "<0xBB>", "<0x8D>", "<eos>"]


def test_eurobert_brings_code_and_names_its_tokens_twice(hub, target):
    """Its `config.json` pads with the end token, its tokenizer with another; byte pieces leave nothing unknown."""
    special = ["<|begin_of_text|>", "<|end_of_text|>", "<|mask|>", "<|pad|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate([*alphabet, *special])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    begin = ("<|begin_of_text|>", vocabulary["<|begin_of_text|>"])
    template = processors.TemplateProcessing("<|begin_of_text|> $A", "<|begin_of_text|> $A $B", [begin])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), template])
    code = {"auto_map": {"AutoModel": "modeling_own.EuroBertModel"}, "clf_pooling": "late", "rope_theta": 250000}
    named = {"bos_token": special[0], "eos_token": special[1], "mask_token": special[2], "pad_token": special[1]}
    ids = {f"{key}_id": vocabulary[token] for key, token in named.items()}
    publish(hub.repository_folder, "eurobert", tokenizer, len(vocabulary), rope_scaling=None, **code, **named, **ids)
    write(hub.repository_folder, "tokenizer_config.json", {**named, "pad_token": special[3]})
    facts = from_hub(NAME, COMMIT, target)
    assert names(target) == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert any("pad" in note for note in facts["notes"])
    encoder = load_encoder(target)
    assert (encoder.pad_id, encoder.unknown_id) == (vocabulary["<|pad|>"], -1)
    assert encoder.tokenizer.encode("ọ").tokens == [special[0], "á", "»", "į", special[1]]


def with_charsmap(tokenizer: Tokenizer, folder: Path) -> Tokenizer:
    """The tokenizer, with the map of characters of a SentencePiece model, as XLM-R's has."""
    from pipeline.encoders.convert import describe

    train_sentencepiece(folder / "sentencepiece.bpe.model")
    characters = describe(folder / "sentencepiece.bpe.model").normalizer_spec.precompiled_charsmap
    tokenizer.normalizer = normalizers.Precompiled(characters)
    return tokenizer


def test_xlmr_has_both_tokenizers_and_all_weights(hub, target, capsys):
    tokenizer = with_charsmap(tiny_tokenizer("xlm-roberta"), hub.repository_folder)
    publish(hub.repository_folder, "xlm-roberta", tokenizer, tokenizer.get_vocab_size())
    write(hub.repository_folder, "pytorch_model.bin", "a pickle")
    facts = from_hub(NAME, COMMIT, target)
    assert names(target) == {"config.json", "model.safetensors", "tokenizer.json"}
    assert (target / "tokenizer.json").read_bytes() == (hub.repository_folder / "tokenizer.json").read_bytes()
    assert facts["normaliser"] == {"lower_case": False, "strip_accents": False, "form": "NFKC", "loses_marks": True}
    assert "loses marks of letters that are written in parts (NFD)" in capsys.readouterr().out


def test_e5_small_is_a_bert_with_the_tokenizer_of_xlmr(hub, target):
    tokenizer = tiny_tokenizer("xlm-roberta")
    publish(hub.repository_folder, "bert", tokenizer, tokenizer.get_vocab_size(), pad_token_id=0)
    said = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": True}
    described = {**said, "mask_token": mask, "tokenizer_class": "XLMRobertaTokenizer"}
    write(hub.repository_folder, "tokenizer_config.json", described)
    facts = from_hub(NAME, COMMIT, target)
    assert any("pad_token_id" in note for note in facts["notes"])
    encoder = load_encoder(target)
    assert encoder.pad_id == tokenizer.token_to_id("<pad>") == 1
    assert encoder.model.config.model_type == "bert"
