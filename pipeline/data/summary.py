"""What reports of languages say, as one small table that a person reads, with what is doubtful below it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from pipeline.common.paths import SPLITS
from pipeline.data.leaks import OTHERS

MOST = 6  # labels in a cell
COLUMNS = ("language", "split", "rows", "labels", "dropped", "repaired", "unknown", "twice", "also in", "shared with")
"""`unknown`: pieces that the tokenizer does not know; `twice`: rows that repeat an earlier one; `also in`: rows that stand in
another split; `shared with`: rows whose premise, query or context does."""
_ALIGNED = ("left", "left", "right", "left", "right", "right", "right", "right", "left", "left")
_ALWAYS = ("language", "split", "rows", "labels", "dropped", "repaired")

Report = Mapping[str, Any]
"""A language's `report.json`."""


def summary(reports: Sequence[Report], unknown: Mapping[tuple[str, str], str] | None = None) -> str:
    """Return the table of a dataset's languages and the lines below it.

    Args:
        reports: one or more of one dataset. A column of zeros alone is left out, but for the first ones.
        unknown: by language and split, which share of the pieces is unknown; nothing where none was tokenised yet.
    """
    rows = [row for report in reports for row in _rows(report, unknown or {})]
    kept = [i for i, name in enumerate(COLUMNS) if name in _ALWAYS or any(row[i] not in ("", "0", "–") for row in rows)]
    table = tabulate(
        [[row[i] for i in kept] for row in rows],
        headers=[COLUMNS[i] for i in kept],
        disable_numparse=True,
        colalign=[_ALIGNED[i] for i in kept],
    )
    return "\n".join([table, *(line for report in reports for line in _below(report))])


def _rows(report: Report, unknown: Mapping[tuple[str, str], str]) -> Iterator[list[str]]:
    """Yield the cells of each split; of an absent one dashes."""
    for name in SPLITS:
        split = report["splits"].get(name)
        if split is None:
            continue
        counts = (f"{sum(_reasons(split, key).values()):,}" for key in ("dropped", "repaired"))
        told = [f"{split['rows']:,}", _labels(split), *counts]
        told += [
            unknown.get((report["language"], name), ""),
            f"{split['duplicates_within']:,}",
            _elsewhere(split["duplicates_across"]),
            _elsewhere(_shared(split)),
        ]
        if not split["rows"]:
            told = [told[0], *["–"] * (len(COLUMNS) - 3)]
        yield [report["language"], name, *told]


def _labels(split: Mapping[str, Any]) -> str:
    """Word what the labels are: entities by type, rows by class, or how many answers questions have."""
    if "answers" in split:
        several = sum(n for number, n in split["answers"].items() if number != "1")
        return f"{split['answers'].get('1', 0):,} with one answer" + (f", {several:,} with several" if several else "")
    counts: Mapping[str, int] = split["entities"] if "entities" in split else split["labels"]
    shown = [f"{name} {n:,}" for name, n in [*counts.items()][:MOST]]
    rest = f", … ({len(counts)} in all)" if len(counts) > MOST else ""
    return ", ".join(shown) + rest or ("no entity" if "entities" in split else "")


def _reasons(split: Mapping[str, Any], key: str) -> dict[str, int]:
    """Return what was dropped or mended, by reason; rows of other languages in one file were not this one's to drop."""
    return {reason: n for reason, n in split[key].items() if reason not in OTHERS}


def _shared(split: Mapping[str, Any]) -> dict[str, int]:
    """Return, by other split, the rows that share a text with one there and are no duplicates of any."""
    doubled = split["duplicates_across"]
    return {other: n - doubled[other] for other, n in split.get("shared_across", {}).items()}


def _elsewhere(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{other} {n:,}" for other, n in counts.items() if n)


def _below(report: Report) -> Iterator[str]:
    """Yield what is doubtful, why rows were dropped or mended, and the report's notes."""
    language = report["language"]
    for warning in report.get("warnings", ()):
        yield f"warning: {language}: {warning['says']}"
    for key in ("dropped", "repaired"):
        for name, split in report["splits"].items():
            if found := _reasons(split, key):
                yield f"{language} {name}: {key}: {', '.join(f'{n:,} × {reason}' for reason, n in found.items())}"
    for note in report["notes"]:
        yield f"{language}: {note}"
