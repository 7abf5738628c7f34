"""Which results no longer answer to their names: made by other code, from other data, or altered since.

Snakemake forgets why a file was made when `.snakemake` is lost or results travel; these checks do not. Each compares what
a run wrote about itself with what lies there now.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import LONGEST, UserError, fitting
from pipeline.common.files import canonical_json
from pipeline.common.integrity import AlteredError, read_verified, sha256
from pipeline.common.stored import (
    encoder_digests,
    run_record,
    split_digests,
    stored_report,
    verified_run_file,
    verified_split,
)
from pipeline.results.scores.outcomes import facts_of
from pipeline.results.scores.runs_file import Expected, remedy

SHOWN = 20
HEAD = 120  # characters of a message's first line and its last but for the advice
NOT_TRAINED = "not trained"
PARENTS = ("parent", "rates")
RECORDED = ("run", "spec", "code", "data", "encoder", *PARENTS, "predictions")


@dataclass(frozen=True)
class Stale:
    """Why a run is refused, and the command that mends it; `other_code` where nothing worse was found than its code."""

    run: str
    reason: str
    command: str
    other_code: bool = False


@dataclass(frozen=True)
class Context:
    """What outcomes are checked against: the score stage's code hash, `scored.json`, and the command that scores."""

    score_code: str
    scored: Mapping[str, str]
    score_command: str


def record(run: str) -> dict[str, Any]:
    """Return a run's own description, its `run.json`.

    Raises:
        UserError: there is none, it is altered, or it lacks a key.
    """
    path = paths.run_record(run)
    return _record(run, path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _record(run: str, _mtime: int) -> dict[str, Any]:
    found = run_record(run)
    for key in RECORDED:
        if key not in found:
            raise UserError(f"{paths.run_record(run)}: key {key!r} is missing")
    return found


def find_stale(run: Expected, context: Context) -> Stale | None:
    """Return the first reason for which a run must not be collected, or `None`."""
    if not paths.run_record(run.name).exists():
        if not paths.predictions(run.name).exists():
            return Stale(run.name, NOT_TRAINED, f"snakemake {paths.predictions(run.name)}")
        gone = f"{paths.run_record(run.name)} is gone, so nothing says what made its predictions"
        return Stale(run.name, gone, f"snakemake --force {paths.predictions(run.name)}")
    try:
        made = record(run.name)
        found = _first(run, made)
    except AlteredError as error:
        return Stale(run.name, f"{error.path}: {error.what}", error.command)
    except UserError as error:
        return Stale(run.name, str(error), remedy([run.name]))
    if found:
        return Stale(run.name, found, remedy([run.name]), found == _other_code(run, made))
    if run.evaluated and (reason := _outcomes(run, made["predictions"], context)):
        return Stale(run.name, reason, context.score_command)
    return None


def _first(run: Expected, made: dict[str, Any]) -> str | None:
    """Return the first reason why a run must be made again.

    Raises:
        AlteredError: what it was made from was not made again but altered: that is to be mended, and the run may stay.
    """
    checks: tuple[Callable[[], str | None], ...] = (
        lambda: _identity(run, made),
        lambda: _data(run, made["data"]),
        lambda: _encoder(run, made["encoder"]),
        *(lambda kind=kind: _parent(run.spec[kind], made[kind]) for kind in PARENTS),
        lambda: _members(run, made.get("members", {})),
        lambda: _predictions(run, made["predictions"]),
    )
    return next((reason for check in checks if (reason := check())), None)


def _identity(run: Expected, made: dict[str, Any]) -> str | None:
    if made["run"] != run.name:
        return f"its run.json describes another run, {made['run']}"
    if canonical_json(made["spec"]) != canonical_json(run.spec):
        return f"made from another spec: {differences(made['spec'], run.spec)}"
    return _other_code(run, made)


def _other_code(run: Expected, made: dict[str, Any]) -> str | None:
    if made["code"] in (run.code, *run.accepted):
        return None
    return f"made by other code: {made['code']}, now {run.code}"


def differences(made: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Name the keys in which two specs differ: `training.epochs is 3, expected 5`."""
    ours, theirs = flatten(expected), flatten(made)
    keys = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key, KeyError) != theirs.get(key, KeyError))
    return "; ".join(f"{k} is {theirs.get(k, 'absent')}, expected {ours.get(k, 'none')}" for k in keys)


def flatten(spec: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Write nested objects as dotted keys: `{"training": {"epochs": 3}}` → `{"training.epochs": 3}`."""
    flat: dict[str, Any] = {}
    for key, value in spec.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _data(run: Expected, data: Mapping[str, str]) -> str | None:
    for language in run.spec["evaluate"]:
        if str(paths.run_split(run.spec, language, "test")) not in data:
            return f"its run.json does not say which test data of {language!r} it saw"
    for name, recorded in sorted(data.items()):
        present = _data_hash(Path(name))
        if present is None:
            return f"data file {name} is gone, so nothing says that it is still the same"
        if present != recorded:
            verified_split(Path(name))
            return f"made from other data: {name} has changed since"
    return None


def _data_hash(path: Path) -> str | None:
    """The hash of a split, from the file itself, or where that is absent from the report beside it."""
    if path.exists():
        return sha256(path)
    return split_digests(stored_report(path.with_name("report.json"))).get(path.stem)


def _encoder(run: Expected, recorded: str) -> str | None:
    manifest = paths.encoder_manifest(run.spec["encoder"])
    if not manifest.exists():
        return f"encoder {manifest} is gone, so nothing says that it is still the same"
    if sha256(manifest) == recorded:
        return None
    encoder_digests(manifest.parent)  # is it altered?
    return f"made from another encoder: {manifest} has changed since"


def _parent(parent: str | None, recorded: str | None) -> str | None:
    if parent is None:
        return None
    model = paths.run_model(parent)
    present: str | None = None
    if model.exists():
        present = sha256(model)
        if present != recorded:
            verified_run_file(parent, "model")
    elif paths.run_record(parent).exists():  # its weights were deleted when no child needed them any more
        present = record(parent).get("model")
    else:
        return f"its parent run {parent} is gone, so nothing says that it is still the same"
    return None if present == recorded else f"its parent run {parent} has been trained again since"


def _members(run: Expected, recorded: Mapping[str, str]) -> str | None:
    """What an average says of the files it read of its members: weights, or of an ensemble predictions."""
    for name in run.spec.get("members", ()):
        if run.spec["method"]["name"] != "ensemble":
            reason = _parent(name, recorded.get(name))
        else:
            path = paths.predictions(name)
            there = path.exists() and paths.run_record(name).exists()
            same = there and record(name)["predictions"] == recorded.get(name)
            again = f"its member {name} has been trained again since" if there else None
            reason = None if same else again or f"its member {name} is gone, so nothing says that it is still the same"
        if reason:
            return reason.replace("its parent run", "its member")
    return None


def _predictions(run: Expected, recorded: str) -> str | None:
    path = paths.predictions(run.name)
    if not path.exists():
        return f"{path} is gone"
    return None if sha256(path) == recorded else f"{path} has changed since the run wrote it"


def _outcomes(run: Expected, predictions: str, context: Context) -> str | None:
    path = paths.outcomes(run.name)
    try:
        data, sha = read_verified(path, None, "")
        made = facts_of(path, data)
    except FileNotFoundError:
        return "not scored"
    except UserError as error:
        return str(error)
    if made.get("predictions") != predictions:
        return "scored from other predictions"
    if made.get("code") != context.score_code:
        return f"scored by other code: {made.get('code')}, now {context.score_code}"
    if context.scored.get(run.name) != sha:
        return f"{path} has changed since it was scored"
    return None


def refuse(stale: Sequence[Stale], advice: str = "") -> None:
    """Complain about stale runs, all in one error.

    Args:
        stale: the runs.
        advice: what else may be done about them.

    Raises:
        UserError: there is any: each by name with its reason and command, as many as a message has room for, at most 20, and
            how many more; then the advice.
    """
    if not stale:
        return
    lines = [f"  {s.run}: {s.reason}\n    mend with: {s.command}" for s in stale[:SHOWN]]
    lines = lines[: fitting(lines, LONGEST - len(advice) - HEAD)]
    if len(stale) > len(lines):
        lines.append(f"  and {len(stale) - len(lines)} more")
    if advice:
        lines.append(advice)
    raise UserError(
        "\n".join([f"{len(stale)} results are missing or stale (give snakemake the same --configfile):", *lines])
    )
