"""What a reader of scores must know of the splits: rows that stand in another or share a text, rows left out, classes lacking."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.data.schema import KEYS, SHARED, Split

MANY = 0.02
"""The share of a split's rows above which rows left out are said."""

SHOWN = 3
"""Classes that are named of those a split lacks."""

OTHERS = frozenset({"row of another language", "in another language"})
"""Why rows of a file are no rows of this language's."""
BY_DESIGN = OTHERS | frozenset(
    {
        "also in dev or test",
        "also in test",
        "three stars",
        "rated 3",
        "neutral",
        "no longer in the corpus (None in the index)",
    }
)
"""Why rows are left out where the dataset is defined without them, or the config asks for it: no fault of the files."""
CHOSEN = ", left out"
"""How the reasons end that a config's own map of labels gives."""

_OTHERS = {"test": ("train", "dev"), "dev": ("train",)}
_REST = {"nli": "hypothesis", "relevance": "title", "qa": "question"}


def warnings_of(
    task: str,
    splits: Mapping[str, Split],
    described: Mapping[str, Mapping[str, Any]],
    together: Sequence[str] = ("train",),
) -> list[dict[str, Any]]:
    """Say what is doubtful about a language's splits, the test set first.

    Args:
        task: the task.
        splits: the language's splits by name.
        described: what `report.describe` counts of them.
        together: the splits that were cut out of one file, whose drops are counted with train.

    Returns:
        A mapping for each doubt: `kind` (`duplicates`: rows that stand in another split as well; `shared`: further rows whose
        premise, query or context stands there; `dropped`: rows that could not be used, where those are more than `MANY` of the
        split; `classes`: a test set that lacks a class, has one alone, or no entity),
        `split`, `with` (the other split, or nothing), `rows`, `share` (of the split's rows; of those dropped, of all
        that were read) and `says`, a sentence.
    """
    found = []
    for name in ("test", "dev", "train"):
        if name in splits:
            for other in _OTHERS.get(name, ()):
                found += [*_across(task, name, other, described[name])]
            found += [*_dropped(name, splits, together if name == "train" else (name,))]
            found += [*_classes(task, name, described)] if name == "test" else []
    return found


def _across(task: str, name: str, other: str, told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a split has in common with another."""
    rows = told["rows"]
    if doubled := told["duplicates_across"].get(other, 0):
        what = f"{name} {_plural(KEYS[task])}"
        yield _warning("duplicates", name, other, doubled, rows, f"{_of(doubled, rows)} {what} stand in {other}")
    if shared := told.get("shared_across", {}).get(other, doubled) - doubled:  # a duplicate shares its text as well
        says = (
            f"{_of(shared, rows)} {name} rows have a {SHARED[task]} that stands in {other} with another {_REST[task]}"
        )
        yield _warning("shared", name, other, shared, rows, says)


def _dropped(name: str, splits: Mapping[str, Split], together: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what could not be used, where it is much of what was read for a split, or for those cut out of one file."""
    counts = sorted(splits[name].dropped.items())
    reasons = {reason: n for reason, n in counts if reason not in BY_DESIGN and not reason.endswith(CHOSEN)}
    lost = sum(reasons.values())
    parts = [part for part in together if part in splits]
    rows = lost + sum(splits[part].table.num_rows for part in parts)
    if lost > MANY * rows:
        why = ", ".join(f"{n:,} × {reason}" for reason, n in reasons.items())
        says = f"{_of(lost, rows)} rows read for {', '.join(parts)} could not be used: {why}"
        yield _warning("dropped", name, None, lost, rows, says)


def _classes(task: str, name: str, described: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield which classes a split lacks that others have, or that it has one alone; of `ner`, that it has no entity."""
    rows, labels = described[name]["rows"], described[name].get("labels", {})
    if rows < 2 or "answers" in described[name]:
        return
    what = f"{rows:,} {name} {_plural(KEYS[task])}"
    lacking = sorted({label for told in described.values() for label in told["labels"]} - set(labels))
    says = None
    if task == "ner":
        says = None if described[name]["entities"] else f"none of {what} has an entity"
    elif lacking:
        says = f"none of {what} is {', '.join(lacking[:SHOWN])}{', …' if len(lacking) > SHOWN else ''}"
    elif len(labels) == 1:
        says = f"all {what} are {next(iter(labels))}"
    if says:
        yield _warning("classes", name, None, rows, rows, says)


def _warning(kind: str, split: str, other: str | None, rows: int, of: int, says: str) -> dict[str, Any]:
    return {"kind": kind, "split": split, "with": other, "rows": rows, "share": round(rows / of, 4), "says": says}


def _of(rows: int, of: int) -> str:
    return f"{rows:,} of {of:,}"


def _plural(columns: tuple[str, ...]) -> str:
    """Name what makes a row the example it is: `texts`, `pairs of premise and hypothesis`."""
    if len(columns) == 2:
        return f"pairs of {columns[0]} and {columns[1]}"
    return "sentences" if columns == ("tokens",) else f"{columns[0]}s"
