"""One ensemble from its members' stored probabilities to its predictions: what `python -m pipeline.stages.ensemble` does.

Nothing is trained and no model is run, so there is neither encoder nor GPU: the members' predictions say all.
"""

import datetime
import importlib.metadata
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.common import paths
from pipeline.common.code import code_stamp, run_modules
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, check_keys, read_parquet
from pipeline.common.integrity import sha256, write_sealed
from pipeline.common.stored import run_record, verified_run_file
from pipeline.data.schema import PREDICTIONS, PROBABILITIES
from pipeline.methods.ensemble import mean_probabilities
from pipeline.tasks.probabilities import Floats
from pipeline.training.data import SPEC_KEYS
from pipeline.training.predictions import facts_of, unlisted, write_table

VERSIONED = ("numpy", "pyarrow")
KEY = ("lang", "split", "id")


def combine_run(name: str, spec: dict[str, Any], started: float, asked: str | None = None) -> None:
    """Average the members' probabilities, predict and write one run.

    Args:
        name: its name, its folder under results/runs.
        spec: its whole description; `members` are the runs it is made of.
        started: the monotonic time at which the process began.
        asked: the code hash that Snakemake remembers for the run.

    Raises:
        UserError: a member's predictions are missing, broken, without probabilities, or of other examples or labels.
    """
    check_keys(spec, (*SPEC_KEYS, "members"), "--spec")
    stamp = code_stamp(run_modules(spec["method"]["name"], spec["task"]), asked)
    members, task = spec["members"], spec["task"]
    tables = {member: read_member(member, task) for member in members}
    labels = same_labels(members)
    first = tables[members[0]]
    aligned = [probabilities_of(member, tables[member], members[0], first) for member in members]
    mean, best = mean_probabilities([np.concatenate(rows) for rows in aligned], len(labels))
    ends = np.cumsum([len(row) // len(labels) for row in aligned[0]])[:-1]
    tags = [[labels[i] for i in part.tolist()] for part in np.split(best, ends)]
    columns = {field: first[field].to_pylist() for field in (*KEY, "gold")}
    columns["predicted"] = tags if task == "ner" else [tag for (tag,) in tags]
    probable = [part.reshape(-1) for part in np.split(mean, ends)]
    write_table(name, task, stamp["code"], columns, labels, probable)
    record = {**describe(name, spec), **stamp}
    record["seconds"] = {"total": round(time.monotonic() - started, 3)}
    write_sealed(paths.run_record(name), record)


def read_member(member: str, task: str) -> pa.Table:
    """Read a member's predictions with their probabilities.

    Raises:
        UserError: they are missing or broken, or were written by code that kept no probabilities.
    """
    path = verified_run_file(member, "predictions")
    table = read_parquet(path, PREDICTIONS[task])
    if PROBABILITIES.name not in table.column_names:
        raise UserError(
            f"{path}: holds no probabilities, as it was written by earlier code, so run {member} can be in no ensemble; make it "
            f"anew, and what is built on it, with: snakemake --forcerun {path} (and take the hash of its code out of "
            "results.accept_code, where it stands there)"
        )
    return read_parquet(path, pa.schema([*PREDICTIONS[task], PROBABILITIES]))


def same_labels(members: Sequence[str]) -> list[str]:
    """Return the members' label set.

    Raises:
        UserError: they have several.
    """
    found = {member: facts_of(paths.predictions(member)).get("labels") for member in members}
    for member in members[1:]:
        if found[member] != found[members[0]]:
            raise UserError(
                f"{paths.predictions(member)}: its labels are {found[member]}, those of {members[0]} {found[members[0]]}; an "
                "ensemble needs members of the same labels in the same order"
            )
    return list(found[members[0]] or ())


def probabilities_of(member: str, table: pa.Table, other: str, first: pa.Table) -> list[Floats]:
    """Return a member's probabilities in the order of another's rows.

    Raises:
        UserError: the two were tested on other examples, or of one example on other gold or another number of words.
    """
    place = {key: row for row, key in enumerate(zip(*(table[name].to_pylist() for name in KEY), strict=True))}
    wanted = list(zip(*(first[name].to_pylist() for name in KEY), strict=True))
    where = f"{paths.predictions(member)}: was tested on other data than {other}"
    if unlike := sorted(place.keys() ^ set(wanted)):
        raise UserError(
            f"{where}: {len(unlike)} examples are in one of the two alone, as {unlike[0][2]!r} of {unlike[0][0]}"
        )
    rows = [place[key] for key in wanted]
    if table["gold"].take(rows).to_pylist() != first["gold"].to_pylist():
        raise UserError(f"{where}: the same examples have other gold labels there")
    found = unlisted(table[PROBABILITIES.name])
    return [found[row] for row in rows]


def describe(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run's description but for its code and time: data, encoder and warnings are what its members say of theirs.

    Raises:
        UserError: two members say that they read another state of the same test data or encoder.
    """
    records = {m: run_record(m) if paths.run_record(m).exists() else {} for m in spec["members"]}
    tested = {str(paths.run_split(spec, language, "test")) for language in spec["evaluate"]}
    data: dict[str, str] = {}
    for member, record in records.items():
        for path, sha in record.get("data", {}).items():
            if path in tested and data.setdefault(path, sha) != sha:
                raise UserError(f"{paths.run_record(member)}: was tested on another state of {path} than other members")
    encoders = {record.get("encoder") for record in records.values()}
    if len(encoders) > 1:
        raise UserError(
            f"{paths.run_record(name)}: its members were made with several states of encoder {spec['encoder']}"
        )
    warnings = {
        canonical_json(w): w for r in records.values() for w in r.get("warnings", []) if w.get("split") == "test"
    }
    return {
        "run": name,
        "spec": spec,
        "data": data,
        "encoder": encoders.pop(),
        **{"parent": None, "rates": None, "model": None, "selection": None},
        "members": {member: sha256(paths.predictions(member)) for member in spec["members"]},
        "predictions": sha256(paths.predictions(name)),
        "versions": {package: importlib.metadata.version(package) for package in VERSIONED},
        "warnings": list(warnings.values()),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
