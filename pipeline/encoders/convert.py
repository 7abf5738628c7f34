"""A `tokenizer.json` made of an older tokenizer's files, by transformers' own conversion, and tried against them.

The conversion forgets some of what a SentencePiece model says, and it is put back: the map of DeBERTa's characters, without
which full-width letters, ligatures and Arabic presentation forms have no pieces, and that unknown letters are spelled in bytes.
"""

import base64
import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pipeline.common.errors import UserError
from pipeline.common.files import read_json
from pipeline.encoders import normaliser
from pipeline.encoders.load import quiet

TOKENIZER = "tokenizer.json"
# What a tokenizer.json can be made from where a repository has none.
SLOW_TOKENIZER = ("vocab.txt", "sentencepiece.bpe.model", "sentencepiece.model", "spm.model", "spiece.model")
PROBES = 200
"""Texts of a SentencePiece model's own pieces that a converted tokenizer is tried on."""
OTHERWISE = 0.1
"""The share of them above which a tokenizer that cuts them otherwise than its model is refused."""


def convert_tokenizer(folder: Path, made_of: str) -> list[str]:
    """Write `tokenizer.json` from `vocab.txt` or a SentencePiece model; return notes.

    Raises:
        UserError: transformers cannot do it here (the message says why), or what it made cuts text otherwise than the model.
    """
    from transformers import AutoTokenizer

    try:
        keeps, notes = letters_of(folder) if made_of == "vocab.txt" else ({}, [])
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False, **keeps
            )
        tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
        if made_of.endswith(".model"):
            notes += restore(folder / TOKENIZER, describe(folder / made_of))
            notes += check_pieces(folder, made_of)
    except Exception as error:  # a missing library, an unknown class, a broken file: transformers raises many kinds
        (folder / TOKENIZER).unlink(missing_ok=True)
        raise UserError(
            f"{folder}: no {TOKENIZER}, and {made_of} cannot be turned into one: {' '.join(str(error).split())}"
        ) from None
    return notes


def letters_of(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return what the conversion of `vocab.txt` is to be told of case, as its files say or else its pieces, and notes."""
    said = folder / "tokenizer_config.json"
    if said.is_file() and "do_lower_case" in read_json(said):
        return {}, []
    kept = normaliser.keeps_letters((folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
    does = "has capitals or accents, so they are kept" if kept else "has neither capitals nor accents"
    note = f"no tokenizer_config.json says whether text is lower-cased; the vocabulary {does}"
    return {"do_lower_case": not kept}, [note]


def describe(model: Path) -> Any:
    """Return what a SentencePiece model's file says, as its own protocol buffer."""
    from sentencepiece import sentencepiece_model_pb2

    description = sentencepiece_model_pb2.ModelProto()  # type: ignore[attr-defined]
    description.ParseFromString(model.read_bytes())
    return description


def restore(path: Path, model: Any) -> list[str]:
    """Give a converted tokenizer back what its SentencePiece model says and the conversion forgot; return notes.

    Args:
        path: the `tokenizer.json`.
        model: see `describe`.

    Raises:
        ValueError: the conversion took merges (BPE) for a Unigram model.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    kind = model.trainer_spec.ModelType.Name(model.trainer_spec.model_type)
    if content["model"]["type"].upper() != kind:
        raise ValueError(f"it is a {kind} model, and transformers makes a {content['model']['type']} tokenizer of it")
    notes = []
    pieces = content["model"].get("vocab") or ()
    known = {piece[0] if isinstance(piece, list) else piece for piece in pieces}
    spells = model.trainer_spec.byte_fallback and all(f"<0x{byte:02X}>" in known for byte in range(256))
    if spells and not content["model"].get("byte_fallback"):
        content["model"]["byte_fallback"] = True
        notes.append("letters without a piece are spelled in bytes, as the SentencePiece model does")
    given = content.get("normalizer")
    content["normalizer"] = mapped(given, model.normalizer_spec)
    if content["normalizer"] != given:
        notes.append(f"characters are mapped as the SentencePiece model does ({model.normalizer_spec.name})")
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return notes


def mapped(given: Any, said: Any) -> Any:
    """Return a normaliser that maps characters as a SentencePiece model does.

    The library looks characters up by what is drawn as one and so loses marks of letters in several parts, as of Yoruba's ọ̀;
    composed first (NFC, a part of NFKC) they stay.

    Args:
        given: the converted tokenizer's, as in `tokenizer.json`.
        said: the model's `normalizer_spec`.
    """
    parts = [] if given is None else given["normalizers"] if given["type"] == "Sequence" else [given]
    parts = [part for part in parts if part["type"] not in ("NFC", "NFKC", "Precompiled")]
    if said.precompiled_charsmap:
        characters = base64.b64encode(said.precompiled_charsmap).decode()
        parts.insert(0, {"type": "Precompiled", "precompiled_charsmap": characters})
    if "nfkc" in said.name:
        parts.insert(0, {"type": "NFC"})
    return {"type": "Sequence", "normalizers": parts}


def check_pieces(folder: Path, made_of: str) -> list[str]:
    """Check that a converted tokenizer cuts text as its SentencePiece model; return a note where it sometimes does not.

    Raises:
        ValueError: it often does not.
    """
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(str(folder / made_of))
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    texts = probes(model)
    otherwise = [text for text in texts if cut(tokenizer, model, text) != [*model.encode(text, out_type=str)]]
    if len(otherwise) > OTHERWISE * len(texts):
        first = otherwise[0]
        raise ValueError(
            f"transformers' conversion cuts {len(otherwise)} of {len(texts)} texts otherwise than the model, as {first!r}: "
            f"{cut(tokenizer, model, first)}, and {model.encode(first, out_type=str)}"
        )
    says = f"{len(otherwise)} of {len(texts)} texts of {made_of}'s own pieces are cut otherwise than it does"
    return [says] if otherwise else []


def probes(model: Any) -> list[str]:
    """Return texts of a SentencePiece model's own pieces, two side by side, so that every script it knows is tried."""
    numbers = range(model.get_piece_size())
    marks = (model.is_control, model.is_unknown, model.is_byte, model.is_unused)
    plain = [model.id_to_piece(n).replace("▁", " ").strip() for n in numbers if not any(mark(n) for mark in marks)]
    words = [word for word in plain if word]
    step = max(1, len(words) // PROBES)
    return [f"{first}{second}" for first, second in zip(words[::step], words[1::step], strict=False)]


def cut(tokenizer: Tokenizer, model: Any, text: str) -> list[str]:
    """Return the pieces that a converted tokenizer cuts a text into; what is unknown to it is given as the model gives it."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    pieces = [str(tokenizer.id_to_token(number)) for number in encoding.ids]
    unknown = model.id_to_piece(model.unk_id())
    if unknown not in pieces:
        return pieces
    given = iter([piece for piece in model.encode(text, out_type=str) if model.piece_to_id(piece) == model.unk_id()])
    return [next(given, piece) if piece == unknown else piece for piece in pieces]
