"""What a tokenizer makes of letters before it cuts words: found by trying, and set where the config says otherwise.

A normaliser that lower-cases or strips accents takes tone marks away: in Yoruba many words then are one.
"""

import unicodedata
from typing import Any

from tokenizers import Tokenizer, normalizers

from pipeline.common.errors import UserError

EXAMPLE = "Àwọn ọmọ"
CHOICES = ("lower_case", "strip_accents")


def describe(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return what a tokenizer does to letters: `lower_case`, `strip_accents`, and `form`, its Unicode normal form or `none`."""

    def of(text: str) -> str:
        return text if tokenizer.normalizer is None else str(tokenizer.normalizer.normalize_str(text)).strip(" ▁")

    compatible = of("ﬁ").lower() == "fi"
    stripped = of("é") in ("e", "E")
    if stripped or of("e\u0301") == "e\u0301":
        form = "NFKD" if compatible else "NFD" if of("é") == "e\u0301" or stripped else "none"
    else:
        form = "NFKC" if compatible else "NFC"
    return {"lower_case": of("A") == "a", "strip_accents": stripped, "form": form}


def warning(found: dict[str, Any], tokenizer: Tokenizer) -> str | None:
    """Return what to warn of, `None` where letters stay what they are."""
    does = [what for key, what in zip(CHOICES, ("lower-cases", "strips accents"), strict=True) if found[key]]
    if not does or tokenizer.normalizer is None:
        return None
    changed = tokenizer.normalizer.normalize_str(EXAMPLE)
    return (
        f"the tokenizer {' and '.join(does)}: {EXAMPLE!r} becomes {changed!r}. For a language that tells words apart by them "
        "set lower_case: false and strip_accents: false on the encoder, if its vocabulary has such pieces"
    )


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
