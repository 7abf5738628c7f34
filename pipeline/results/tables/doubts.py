"""The sentences under a table that tell what its scores have to be read with: doubtful data, unknown pieces, words cut off."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.training.warnings import FLOAT32, sentence

SHOWN = 3
"""Kinds of doubts of one dataset that a table has room for; its reports have all."""

Doubts = Mapping[str, Sequence[Mapping[str, Any]]]
"""`data` and `runs`, as `scores.doubts.doubts` returns them."""


def of_runs(runs: Collection[str], scores: pa.Table, found: Doubts) -> dict[str, list[Mapping[str, Any]]]:
    """Return the doubts that concern some runs.

    Args:
        runs: the runs in a table's cells.
        scores: rows in `collect.SCORES`.
        found: all doubts.
    """
    if not found:
        return {}
    own = scores.filter(pc.is_in(scores["run"], pa.array(sorted(runs), pa.string())))
    tested = set(zip(own["dataset"].to_pylist(), own["language"].to_pylist(), strict=True))
    return {
        "data": [doubt for doubt in found.get("data", ()) if (doubt["dataset"], doubt["language"]) in tested],
        "runs": [doubt for doubt in found.get("runs", ()) if not set(runs).isdisjoint(doubt["runs"])],
    }


def sentences(found: Doubts) -> list[str]:
    """Return a sentence for each dataset, and one for each kind of doubt about runs."""
    runs = found.get("runs", ())
    pieces, again = ([doubt for doubt in runs if (doubt["kind"] == FLOAT32) is of_steps] for of_steps in (False, True))
    return [*of_data(found.get("data", ())), *of_pieces(pieces), *of_precision(again)]


def of_data(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each dataset: of each kind of doubt the worst language, and in how many others it is as well."""
    datasets: dict[str, dict[tuple[Any, ...], list[Mapping[str, Any]]]] = {}
    for doubt in found:
        kind = doubt["kind"], doubt["split"], doubt["with"]
        datasets.setdefault(doubt["dataset"], {}).setdefault(kind, []).append(doubt)
    return [f"Data of {name_of(dataset)}: {'; '.join(_kinds(kinds))}." for dataset, kinds in datasets.items()]


def _kinds(kinds: Mapping[tuple[Any, ...], Sequence[Mapping[str, Any]]]) -> list[str]:
    """Say the first kinds of doubts, those of test sets before others."""
    ordered = sorted(kinds, key=lambda kind: kind[1] != "test")
    said = []
    for doubts in (kinds[kind] for kind in ordered[:SHOWN]):
        worst = max(doubts, key=lambda doubt: doubt["share"])
        others = len({doubt["language"] for doubt in doubts}) - 1
        before = "; likewise in" if worst["kind"] == "classes" else "; a smaller share in"
        said.append(f"{worst['says']} ({worst['language']}{_others(before, others)})")
    return [*said, *(["more in its reports"] if len(ordered) > SHOWN else [])]


def of_pieces(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each kind of doubt about runs, of the tokenizer's doubts for each encoder: the worst split."""
    found = list(found)
    several = len({doubt["encoder"] for doubt in found}) > 1
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for doubt in found:
        encoder = (
            name_of(doubt["encoder"].partition("@")[0]) if several and doubt["kind"] in ("unknown", "marks") else ""
        )
        groups.setdefault((doubt["kind"], encoder), []).append(doubt)
    said = []
    for (_, encoder), doubts in groups.items():
        worst = max(doubts, key=lambda doubt: (doubt["share"], doubt["split"] == "test"))
        others = len({doubt["language"] for doubt in doubts} - {worst["language"]})
        said.append(f"{sentence(worst, encoder)}{_others('; fewer in', others)}.")
    return said


def of_precision(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence on runs with steps that were made again in float32; runs of one doubt have as many of them."""
    if not found:
        return []
    runs = sum(len(doubt["runs"]) for doubt in found)
    steps = sum(doubt["number"] * len(doubt["runs"]) for doubt in found)
    which = "one run" if runs == 1 else f"{runs} runs"
    were = "training step was" if steps == 1 else "training steps were"
    return [f"Of {which}, {steps:,} {were} not finite in bfloat16 and made again in float32."]


def _others(before: str, number: int) -> str:
    return f"{before} {number} other language{'s' if number > 1 else ''}" if number else ""


def name_of(key: str) -> str:
    """Return what the config calls a dataset or an encoder: its key without the digest."""
    return key.rpartition("-")[0] or key
