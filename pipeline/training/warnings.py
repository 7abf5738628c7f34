"""What a run has to warn of before its scores are believed: pieces unknown to its tokenizer, tone marks lost, words cut off.

Each of these warnings is what `run.json`, the collected scores and at last a note under the table say of one split; one more is
about the run itself, of steps that were made again.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.tasks.metric_names import ITEMS

UNKNOWN = 0.05
"""The share of a split's pieces above which those that are unknown are warned of; emoji and rare symbols stay below it."""
CUT = 0.02
"""The share of a test set's words, answers or texts above which those beyond the length limit are warned of."""
UNMARKED = 0.02
"""The share of a test set's words above which those that lose accents or tone marks to the tokenizer are warned of."""

Warned = Mapping[str, Any]
"""`kind`: `unknown`, `cut`, `marks`; `dataset`, `language`, `split`, `encoder`, `task`, `max_length`, `rows`, `share`, `says`."""


def find_warnings(spec: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Return the warnings of a run.

    Args:
        spec: the run's.
        counts: of every split it read, by path, as `RunData.counts`.
    """
    found = []
    for path, of in sorted(counts.items()):
        place = Path(path)
        where = {"dataset": place.parent.parent.name, "language": place.parent.name, "split": place.stem}
        facts = {**where, "task": spec["task"], "encoder": spec["encoder"], "max_length": of["max_length"]}
        for kind, rows, share in shares(place.stem, of):
            warning = {"kind": kind, **facts, "rows": rows, "share": round(share, 4)}
            found.append({**warning, "says": sentence(warning)})
    return found


FLOAT32 = "float32"
"""The kind of the warning of a run that made steps again: `kind`, `number`, `steps`, `says`."""


def made_again(number: int, steps: int) -> list[dict[str, Any]]:
    """Return the warning of a run of which a number of steps were not finite in bfloat16 (`pipeline.training.retries`)."""
    if not number:
        return []
    were = "was" if number == 1 else "were"
    says = f"{number:,} of {steps:,} training steps {were} not finite in bfloat16 and made again in float32"
    return [{"kind": FLOAT32, "number": number, "steps": steps, "says": says}]


def shares(split: str, of: Mapping[str, int]) -> Iterator[tuple[str, int, float]]:
    """Yield what of a split is to be warned of: kind, number, share."""
    for kind, part, whole, least in (
        ("unknown", "unknown_pieces", "pieces", UNKNOWN),
        ("cut", "truncated_words", "words", CUT),
        ("marks", "unmarked_words", "text_words", UNMARKED),
    ):
        share = of[part] / of[whole] if of.get(whole) else 0.0
        if share > least and (kind == "unknown" or split == "test"):
            yield kind, of[part], share


def sentence(warning: Warned, encoder: str = "") -> str:
    """Say what a warning is about.

    Args:
        warning: the facts.
        encoder: the encoder's name, where there are several to be told apart.
    """
    language, items = warning["language"], ITEMS[warning["task"]]
    share, split = f"{100 * warning['share']:.0f} %", warning["split"]
    whose = f"the tokenizer of {encoder}" if encoder else "the encoder's tokenizer"
    if warning["kind"] == "marks":
        return f"{share} of the {split} words of {language} lose accents or tone marks to {whose}"
    if warning["kind"] == "unknown":
        return f"{share} of the pieces of {language}'s {split} {items} are unknown to {whose}"
    limit = f"max_length {warning['max_length']}"
    if warning["task"] == "ner":
        return f"{share} of the {split} words of {language} have no piece within {limit} and count as O"
    if warning["task"] == "qa":
        return f"{share} of the {split} {items} of {language} have their answer whole in no window of {limit}"
    return f"{share} of the {split} {items} of {language} are longer than {limit}, and what lies beyond it is not read"
