"""What a tokenizer makes of letters before it cuts words: found by trying, and set where the config says otherwise.

A normaliser that lower-cases or strips accents takes tone marks away: in Yoruba many words then are one.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, normalizers

from pipeline.common.errors import UserError

EXAMPLE = "Àwọn ọmọ"
IN_PARTS = "o\u0323\u0300"
"""Yoruba's ọ̀, letter and marks each on its own (NFD)."""
CHOICES = ("lower_case", "strip_accents")
GROWTH, STEPS = 10_000, 1000
"""Letters that a normaliser may make of one, and its steps."""


def check_growth(path: Path, tokenizer: Tokenizer) -> None:
    """Check that a tokenizer's normaliser cannot make text far longer than it is; nothing is normalised for it.

    Args:
        path: of `tokenizer.json`, for the error.
        tokenizer: what it holds.

    Raises:
        UserError: its replacements together may make one letter more than `GROWTH`, or there are more than `STEPS` of them.
    """
    if tokenizer.normalizer is None:
        return
    growth, steps = 1, 0
    waiting = [json.loads(tokenizer.normalizer.__getstate__())]
    while waiting:
        part, steps = waiting.pop(), steps + 1
        waiting += part.get("normalizers", ())
        content = part.get("content") or part.get("prepend") or ""
        pattern = part.get("pattern") or {}
        whole = pattern.get("String")  # a regular expression may match one letter, and nothing between two
        growth *= max(1, -(-len(content) // max(len(whole), 1)) if whole else len(content) + 1 if content else 1)
        if growth > GROWTH or steps > STEPS:
            raise UserError(
                f"{path}: its normaliser could make one letter more than {GROWTH:,}, or has more than {STEPS:,} steps: text "
                "would grow without bound; expected a tokenizer that keeps text about as long as it is"
            )


def describe(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return what a tokenizer does to letters.

    Returns:
        `lower_case`; `strip_accents`; `form`, its Unicode normal form or `none`; `loses_marks`: whether marks of letters that
        are written in parts get lost, as they do in the tokenizer of XLM-R.
    """

    def of(text: str) -> str:
        return text if tokenizer.normalizer is None else str(tokenizer.normalizer.normalize_str(text)).strip(" ▁")

    compatible = of("ﬁ").lower() == "fi"
    stripped = of("é") in ("e", "E")
    if stripped or of("e\u0301") == "e\u0301":
        form = "NFKD" if compatible else "NFD" if of("é") == "e\u0301" or stripped else "none"
    else:
        form = "NFKC" if compatible else "NFC"
    whole = unicodedata.normalize("NFC", of(IN_PARTS))
    loses = whole != unicodedata.normalize("NFC", IN_PARTS)
    return {"lower_case": of("A") == "a", "strip_accents": stripped, "form": form, "loses_marks": loses}


def warnings(found: dict[str, Any], tokenizer: Tokenizer) -> list[str]:
    """Return what to warn of, nothing where letters stay what they are."""
    if tokenizer.normalizer is None:
        return []
    does = [what for key, what in zip(CHOICES, ("lower-cases", "strips accents"), strict=True) if found[key]]
    said = []
    if does:
        changed = tokenizer.normalizer.normalize_str(EXAMPLE)
        said.append(
            f"the tokenizer {' and '.join(does)}: {EXAMPLE!r} becomes {changed!r}. For a language that tells words apart by "
            "them set lower_case: false and strip_accents: false on the encoder, if its vocabulary has such pieces"
        )
    if found["loses_marks"] and not found["strip_accents"]:
        changed = tokenizer.normalizer.normalize_str(IN_PARTS).strip()
        said.append(
            f"the tokenizer loses marks of letters that are written in parts (NFD): {IN_PARTS!r} becomes {changed!r}; text in "
            "NFC, as most is, keeps them"
        )
    return said


def loses_marks(tokenizer: Tokenizer) -> bool:
    """Whether marks of letters may get lost; where not, no text need be looked at."""
    return bool(describe(tokenizer)["loses_marks"])


def lost_marks(tokenizer: Tokenizer, texts: Iterable[str]) -> tuple[int, int]:
    """Count the words of texts that lose accents, tone marks or vowel signs to a tokenizer's normaliser.

    Returns:
        how many do, of how many words; nothing is counted where the normaliser keeps all marks.
    """
    own = tokenizer.normalizer
    if own is None or not loses_marks(tokenizer):
        return 0, 0
    words = Counter(word for text in texts for word in text.split())
    lost = {word for word in words if not word.isascii() and _marks(own.normalize_str(word)) < _marks(word)}
    return sum(words[word] for word in lost), words.total()


def _marks(text: str) -> int:
    return sum(unicodedata.category(letter) == "Mn" for letter in unicodedata.normalize("NFD", text))


def set_normaliser(tokenizer: Tokenizer, lower_case: bool | None, strip_accents: bool | None) -> None:
    """Let a tokenizer keep or drop case and accents as the config says; `None` leaves it as it is.

    Raises:
        UserError: its normaliser has no such setting.
    """
    asked = {key: value for key, value in zip(CHOICES, (lower_case, strip_accents), strict=True) if value is not None}
    if not asked or all(describe(tokenizer)[key] == value for key, value in asked.items()):
        return
    own = tokenizer.normalizer
    if not isinstance(own, normalizers.BertNormalizer):
        raise UserError(
            f"{', '.join(asked)}: the tokenizer's normaliser ({type(own).__name__}) has no such setting, only BERT's has; "
            "leave the key out, or take another encoder"
        )
    if lower_case is not None:
        accents = own.strip_accents  # None: as lower_case
        own.strip_accents = own.lowercase if accents is None else accents
        own.lowercase = lower_case
    if strip_accents is not None:
        own.strip_accents = strip_accents
    tokenizer.normalizer = own


def keeps_letters(pieces: list[str]) -> bool:
    """Whether a vocabulary was learned from text with capitals or accents: then its tokenizer must not take them away."""
    words = [piece for piece in pieces if not (piece.startswith("[") and piece.endswith("]"))]
    return any(
        piece != piece.lower() or (unicodedata.normalize("NFD", piece) != piece and _is_latin(piece)) for piece in words
    )


def _is_latin(piece: str) -> bool:
    return any("LATIN" in unicodedata.name(letter, "") for letter in piece)
