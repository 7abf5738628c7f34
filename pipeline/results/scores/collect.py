"""From runs' outcomes to one long table of scores.

One row per (experiment, variant, run, language, metric). Beside the scores the file's metadata (`metalingua`, JSON) keeps
what a table needs to be honest: what else determined each run (`settings`), the runs that are missing with the reason,
those that rest on earlier code, and what is doubtful about their data and tokens (`doubts`).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common.earlier import earlier_codes
from pipeline.common.files import canonical_json, digest, read_parquet
from pipeline.common.integrity import verified_by_note
from pipeline.results.scores.doubts import doubts
from pipeline.results.scores.measures import totalled, totals
from pipeline.results.scores.outcomes import read_outcomes, read_scored
from pipeline.results.scores.runs_file import Expected
from pipeline.results.scores.stale import Stale, flatten, record

SCORES = pa.schema(
    [
        ("experiment", pa.string()),
        ("variant", pa.string()),
        ("run", pa.string()),
        ("task", pa.string()),
        ("dataset", pa.string()),  # of the targets
        ("encoder", pa.string()),
        ("method", pa.string()),
        ("sources", pa.string()),  # joined by "+"; empty for a method without sources
        ("auxiliary", pa.string()),  # auxiliary languages, joined by "+"; empty for a method without
        ("target", pa.string()),  # the run's own target; empty where one run is tested on all
        ("language", pa.string()),  # the language evaluated
        ("split", pa.string()),
        ("source_size", pa.float64()),  # a number, or a share below 1; null: all
        ("target_size", pa.float64()),
        ("data_seed", pa.int64()),
        ("model_seed", pa.int64()),
        ("settings", pa.string()),  # digest of all else that determined the run: a key of the metadata's "settings"
        ("metric", pa.string()),
        ("value", pa.float64()),  # 0 to 1
        ("n", pa.int64()),  # examples evaluated
        ("dev", pa.float64()),  # the run's dev score, of the epoch it chose; null where dev data chose none
        ("dev_metric", pa.string()),
    ]
)
OWN = ("experiment", "variant", "language", "split", "metric", "value", "n")
"""Columns in which a run's rows differ."""
NOT_SETTINGS = ("model_seed", "data_seed", "sources", "auxiliary", "targets", "evaluate", "parent", "rates", "members")


def settings_of(spec: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what determined a run besides its seeds and languages, its parents' and members' settings included, as dotted keys.

    Auxiliary languages are among the settings: of a method with several sets each has a row.

    Runs that share it may stand in one mean; others may not.

    Args:
        spec: the run's spec.
        specs: every run's spec by name, to find the parent's.
    """
    flat = flatten({key: value for key, value in spec.items() if key not in NOT_SETTINGS})
    flat["encoder"] = flat["encoder"].partition("@")[0]  # what follows is the target's, where each has one of its own
    if spec["auxiliary"]:
        flat["auxiliary"] = "+".join(spec["auxiliary"])
    own = dict(flat)
    for kind in ("parent", "rates"):
        other = specs.get(spec[kind]) if spec[kind] else None
        for key, value in settings_of(other, specs).items() if other else ():
            if key not in own or value != own[key]:
                flat[f"{kind}.{key}"] = value
    return flat | members_settings(spec, specs, own)


def members_settings(
    spec: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]], own: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what determined the runs that a run is an average of: their settings, which are alike, and what it is over.

    Averages over other seeds or sources are not put into one mean either.
    """
    members = [specs[name] for name in spec.get("members", ()) if name in specs]
    if not members:
        return {}
    alike = settings_of(members[0], specs)
    found = {f"members.{key}": value for key, value in alike.items() if key not in own or value != own[key]}
    if spec["model_seed"] is None:
        found["members.model_seed"] = ", ".join(map(str, sorted({member["model_seed"] for member in members})))
    if not spec["sources"] and members[0]["sources"]:
        found["members.sources"] = ", ".join(sorted({"+".join(member["sources"]) for member in members}))
    return found


def describe(run: Expected, settings: str) -> dict[str, Any]:
    """Return the columns that a run's rows share, for any experiment and metric."""
    spec = run.spec
    return {
        "run": run.name,
        "task": spec["task"],
        "dataset": spec["dataset"],
        "encoder": spec["encoder"],
        "method": spec["method"]["name"],
        "sources": "+".join(spec["sources"]),
        "auxiliary": "+".join(spec["auxiliary"]),
        "target": "+".join(spec["targets"]),
        "source_size": spec["source_size"],
        "target_size": spec["target_size"],
        "data_seed": spec["data_seed"],
        "model_seed": spec["model_seed"],
        "settings": settings,
    }


def columns_of(run: Expected, settings: str) -> dict[str, list[Any]]:
    """Return the rows of one run by column, for every use, language and metric."""
    task = run.spec["task"]
    rows = [
        (experiment, variant, language, split, metric, value, n)
        for (language, split), (found, n) in totals(task, read_outcomes(run.name, task, totalled(task))).items()
        for metric, value in found.items()
        for experiment, variant in run.uses
    ]
    own = dict(zip(OWN, map(list, zip(*rows, strict=True)), strict=True)) if rows else {name: [] for name in OWN}
    shared = {**describe(run, settings), **dev_score(run.name)}
    return {**own, **{name: [value] * len(rows) for name, value in shared.items()}}


def dev_score(run: str) -> dict[str, Any]:
    """Return the dev score by which a run chose its epoch, and which score that is; nulls where it chose none."""
    chosen = record(run).get("selection") or {}
    return {"dev": chosen.get("value"), "dev_metric": chosen.get("metric")}


def scores_table(runs: Sequence[Expected], missing: Sequence[Stale]) -> tuple[pa.Table, dict[str, Any]]:
    """Collect the scores of runs that were found to be current.

    Args:
        runs: every run the config names.
        missing: those to leave out, with the reason.

    Returns:
        The scores, in the order experiment, variant, run, language, metric; and what the metadata says of them.
    """
    reasons = {stale.run: stale.reason for stale in missing}
    specs = {run.name: run.spec for run in runs}
    ids, settings = {}, {}
    columns: dict[str, list[Any]] = {name: [] for name in SCORES.names}
    for run in sorted(runs, key=lambda run: run.name):
        if not run.uses:
            continue
        found = settings_of(run.spec, specs)
        ids[run.name] = digest(found)
        settings[ids[run.name]] = found
        if run.name not in reasons:
            for name, values in columns_of(run, ids[run.name]).items():
                columns[name] += values
    table = pa.table(columns, schema=SCORES)
    order = [(name, "ascending") for name in ("experiment", "variant", "run", "language", "metric")]
    there = [run for run in runs if run.uses and run.name not in reasons]
    earlier = {run.name: codes for run in there if (codes := accepted_codes(run))}
    doubtful = doubts(there)
    facts = {
        **({"earlier_code": earlier} if earlier else {}),
        **({"doubts": doubtful} if doubtful else {}),
        "settings": settings,
        "missing": [entry for run in runs if run.name in reasons for entry in absent(run, reasons, ids)],
        "outcomes": digest(read_scored()),
    }
    return table.take(pc.sort_indices(table, order)), facts


def accepted_codes(run: Expected) -> list[str]:
    """Return the accepted hashes of earlier code that a run rests on: its own, its parents', its encoder's, its data's."""
    return [code for code in earlier_codes(record(run.name)) if code in run.accepted] if run.accepted else []


def absent(run: Expected, reasons: Mapping[str, str], ids: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """Yield what is known of a missing run, one entry per use and language."""
    for experiment, variant in run.uses:
        shared = describe(run, ids[run.name])
        for language in run.spec["evaluate"]:
            yield {
                "experiment": experiment,
                "variant": variant,
                **shared,
                "language": language,
                "reason": reasons[run.name],
            }


def metadata(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the Parquet metadata of `scores.parquet`."""
    return {"metalingua": canonical_json(facts)}


def read_scores(path: Path) -> pa.Table:
    """Read `scores.parquet`, its columns checked.

    Raises:
        UserError: it is missing, altered, truncated, or lacks a column.
    """
    return read_parquet(verified_by_note(path), SCORES)
