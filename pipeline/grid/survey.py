"""What of a config's grid is there already: read from the files that results write about themselves.

A result is `done` when it answers to today's spec, code and inputs; `stale` when it was made from others, or its inputs will be
made again, and so will it; `missing` when it is not there. Only descriptions are read, never data, weights or predictions; of
the user's own files those whose hash is not known yet.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.common import paths
from pipeline.common.code import run_code, stage_code
from pipeline.common.files import read_object, sha256_file
from pipeline.grid.inputs import Dataset
from pipeline.grid.own_files import OwnFiles
from pipeline.grid.runs import Grid, Run, reads

State = Literal["done", "stale", "missing"]
Record = dict[str, Any]


@dataclass(frozen=True)
class Survey:
    """The state of everything in a grid.

    Attributes:
        runs: by name.
        languages: by (dataset key, language).
        encoders: by key.
        records: every finished run's own description, by name, also of runs the grid does not name.
    """

    runs: dict[str, State]
    languages: dict[tuple[str, str], State]
    encoders: dict[str, State]
    records: dict[str, Record]


def survey(grid: Grid) -> Survey:
    """Look at what lies under `results/` and `resources/`."""
    records = read_records()
    hashes: dict[str, str] = {}
    own = OwnFiles()
    languages = {
        (key, language): language_state(dataset, language, hashes, own, grid.accepted)
        for key, dataset in grid.datasets.items()
        for language in dataset.languages
    }
    encoders = {key: encoder_state(key, grid.accepted) for key in grid.encoders}
    hashes |= {key: sha256_file(paths.encoder_manifest(key)) for key, state in encoders.items() if state == "done"}
    anew = {key for key, state in encoders.items() if state == "stale"}
    anew |= {f"{key} {language}" for (key, language), state in languages.items() if state == "stale"}
    runs: dict[str, State] = {}
    for name, run in grid.runs.items():  # parents come first
        state = run_state(run, records, hashes, runs, grid.accepted)
        runs[name] = "stale" if state == "done" and not anew.isdisjoint(prepared_for(run)) else state
    for name in grid.kept:
        require_model(name, runs)  # before the parents: a run that is trained again needs its parent's
    for name in {parent for name, run in grid.runs.items() if runs[name] != "done" for parent in run.parents}:
        require_model(name, runs)
    return Survey(runs, languages, encoders, records)


def require_model(name: str, states: dict[str, State]) -> None:
    """Call a finished run missing where its weights, which are wanted, are gone."""
    if states[name] == "done" and not paths.run_model(name).exists():
        states[name] = "missing"


def read_records() -> dict[str, Record]:
    """Read the `run.json` of every run there is; what is unreadable is left out, as not finished."""
    folder = paths.RESULTS / "runs"
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    found = ((name, read_object(paths.run_record(name))) for name in names)
    return {name: record for name, record in found if record is not None}


def language_state(
    dataset: Dataset, language: str, hashes: dict[str, str], own: OwnFiles, accepted: Collection[str] = ()
) -> State:
    """Return the state of one language's splits, noting their hashes in `hashes` by path."""
    key, loader = dataset.key, dataset.spec["loader"]
    report = read_object(paths.data_report(key, language))
    if report is None or not all(paths.split(key, language, name).exists() for name in paths.SPLITS):
        return "missing"
    answers = report.get("code") in (stage_code("preprocess", loader), *accepted)
    if not answers or own.changed(dataset, language):
        return "stale"
    for name, split in report.get("splits", {}).items():
        hashes[str(paths.split(key, language, name))] = split.get("sha256", "")
    return "done"


def encoder_state(key: str, accepted: Collection[str] = ()) -> State:
    """Return the state of an encoder."""
    manifest = read_object(paths.encoder_manifest(key))
    if manifest is None:
        return "missing"
    return "done" if manifest.get("code") in (stage_code("encoder"), *accepted) else "stale"


def prepared_for(run: Run) -> set[str]:
    """Return the encoder's key and the `<dataset> <language>` pairs a run reads."""
    spec = run.spec
    read = {paths.run_split(spec, *which).parent for which in reads(spec)}
    return {spec["encoder"], *(f"{folder.parent.name} {folder.name}" for folder in read)}


def run_state(
    run: Run,
    records: dict[str, Record],
    hashes: dict[str, str],
    states: dict[str, State],
    accepted: Collection[str] = (),
) -> State:
    """Return the state of a run, given the states of those before it.

    Args:
        run: the run.
        records: descriptions of finished runs.
        hashes: of splits by path and of encoders' manifests by key, where they are known.
        states: of its parents at least.
        accepted: hashes of earlier code whose results are taken as they are.
    """
    record = records.get(run.name)
    if record is None or not paths.predictions(run.name).exists():
        return "missing"
    data = record.get("data", {})
    same = (
        record.get("spec") == run.spec
        and record.get("code") in (run_code(run.spec["method"]["name"], run.spec["task"]), *accepted)
        and hashes.get(run.spec["encoder"], record.get("encoder")) == record.get("encoder")
        and all(hashes.get(path, sha) == sha for path, sha in data.items())
    )
    for kind in ("parent", "rates"):
        name = run.spec[kind]
        if same and name is not None:
            same = states[name] == "done" and records[name].get("model") == record.get(kind)
    kind = "model" if run.members and run.members[0] in run.parents else "predictions"
    for name in run.members if same else ():
        made_of = record.get("members", {}).get(name)
        same = same and states[name] == "done" and made_of is not None and records[name].get(kind) == made_of
    return "done" if same else "stale"
