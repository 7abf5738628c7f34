"""Turn one language of a dataset into Parquet splits and a report, in `results/data/<dataset>/<language>/`.

    python -m pipeline.stages.preprocess --spec '{"dataset": "wikiann-1a2b3c4d", "language": "qu", "loader": "wikiann"}'

Reads what `python -m pipeline.stages.download` fetched (generated datasets read nothing); writes `train`, `dev`, `test` and
`text.parquet` and `report.json`, and prints a table of what is in them. Same input, same bytes. Either all files are replaced or
none.
"""

import argparse
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.code import add_code_argument, code_stamp, stage_modules
from pipeline.common.disk import told
from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import read_json, sha256_file
from pipeline.common.integrity import again, read_sealed, verified, write_sealed
from pipeline.common.temporary import temporary_folder
from pipeline.data import report
from pipeline.data.leaks import warnings_of
from pipeline.data.loaders import GENERATED, loader_module, parse_spec
from pipeline.data.schema import LABELS, Facts, Loaded, write_split


def preprocess(spec: Mapping[str, Any], asked: str | None = None) -> Path:
    """Write one language's splits and report; return the report's path.

    Args:
        spec: `dataset` (key), `language`, `loader` and its options.
        asked: the code hash that Snakemake remembers for the splits.

    Raises:
        UserError: the raw files are missing, changed since the download or malformed; a split is empty; the disk is full.
    """
    module = loader_module(spec["loader"])
    raw = None if spec["loader"] in GENERATED else _checked_raw(spec)
    loaded: Loaded = module.load(spec, raw)
    target = paths.data_dir(spec["dataset"], spec["language"])
    target.mkdir(parents=True, exist_ok=True)
    try:
        with temporary_folder(target, "incoming") as temporary:
            _write(spec, loaded, raw, temporary, asked)
            _replace(temporary, target)
    except OSError as error:
        raise UserError(told(error, target)) from error
    return paths.data_report(spec["dataset"], spec["language"])


def _checked_raw(spec: Mapping[str, Any]) -> Path:
    """Return the download's manifest after comparing the files beside it with their hashes."""
    manifest = paths.raw_manifest(spec["dataset"], spec["language"])
    for files in read_sealed(manifest, again(manifest))["files"].values():
        for file in files:
            verified(manifest.parent / file["name"], file["sha256"], again(manifest))
    return manifest


def _write(spec: Mapping[str, Any], loaded: Loaded, raw: Path | None, folder: Path, asked: str | None) -> None:
    """Write every file of the language into `folder`."""
    dataset, language = spec["dataset"], spec["language"]
    described = report.describe(loaded.task, loaded.splits)
    labels = LABELS[loaded.task] if loaded.labels is None else list(loaded.labels)
    for name, split in loaded.splits.items():
        final = paths.split(dataset, language, name)
        path, absent = folder / final.name, loaded.absent.get(name)
        if not split.table.num_rows and absent is None:
            reasons = ", ".join(f"{n:,} × {reason}" for reason, n in sorted(split.dropped.items()))
            raise UserError(f"{dataset} {language}: no {name} row can be used ({reasons or 'there is none'})")
        write_split(path, split.table, Facts(loaded.task, labels, dataset, language, name, absent), final)
        described[name]["sha256"] = sha256_file(path)
    final = paths.split(dataset, language, "text")
    path = folder / final.name
    absent = None if loaded.text.num_rows else "the dataset has neither train nor dev data to take it from"
    write_split(path, loaded.text, Facts("text", [], dataset, language, "text", absent), final)
    facts = {
        "dataset": dataset,
        "language": language,
        "spec": dict(spec),
        **code_stamp(stage_modules("preprocess", spec["loader"]), asked),
        "raw": sha256_file(raw) if raw else None,
        "notes": [*loaded.notes, *(f"no {split} split: {why}" for split, why in sorted(loaded.absent.items()))],
        "splits": described,
        "warnings": warnings_of(loaded.task, loaded.splits, described, _of_one_file(spec)),
        "text": {**report.describe_text(loaded.text), "sha256": sha256_file(path)},
    }
    write_sealed(folder / paths.data_report(dataset, language).name, facts)


def _of_one_file(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the splits that are cut out of train's file, or of one for all."""
    if "all" in (spec.get("files") or {}):
        return paths.SPLITS
    return ("train", "dev") if spec.get("dev") else ("train",)


def _replace(folder: Path, target: Path) -> None:
    """Move the files of `folder` over those of `target`, the report last and the old one away first.

    A report thus stands only beside the splits it describes, even if the job is killed between two renames. Tokens of the old
    splits go with them.
    """
    shutil.rmtree(target / "tokens", ignore_errors=True)
    files = sorted(folder.iterdir(), key=lambda path: path.suffix == ".json")
    (target / files[-1].name).unlink(missing_ok=True)
    for file in files:
        file.replace(target / file.name)


def main() -> None:
    """Parse the command line and preprocess."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.stages.preprocess", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--spec", required=True, help="JSON: dataset, language, loader and its options")
    add_code_argument(parser)
    arguments = parser.parse_args()
    written = preprocess(parse_spec(arguments.spec), arguments.code)
    summary = import_module("pipeline.data.summary").summary  # by name: how it is worded makes no data stale
    print(f"{summary([read_json(written)])}\nwrote {written}")


if __name__ == "__main__":
    run_stage(main)
