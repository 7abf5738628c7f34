r"""Represent a finished run's source and target sentences with its model.

    python -m pipeline.stages.represent --run NAME --threads 1 \
        --spec '{"split": "test", "sentences": 500, "seed": 0, "layer": "last", "units": "token"}'

Reads the run's description and kept model, its encoder and its languages' splits; writes
`results/runs/NAME/representations-<digest of the spec>/points.parquet`: a row a word or sentence, source languages first. The
model stands alone, without what a method added for training (MetaXL's representation transformation network).
"""

import argparse
import os
from typing import Any

import pyarrow as pa

from pipeline.common import paths
from pipeline.common.code import represent_code
from pipeline.common.errors import UserError, nearest, run_stage
from pipeline.common.files import (
    canonical_json,
    digest,
    parse_keys,
    write_parquet,
)
from pipeline.common.integrity import noting, sha256
from pipeline.common.stored import run_record
from pipeline.training.devices import model_device, take_gpu

VIEW_KEYS = ("split", "sentences", "seed", "layer", "units")
UNITS = ("token", "sentence")


def main() -> None:
    """Run the stage.

    Raises:
        UserError: the description is wrong, or the run is not there, has kept no model or has no source.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="the run's name, its folder under results/runs")
    parser.add_argument("--spec", required=True, help="what to look at, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; part of what makes bits reproducible")
    arguments = parser.parse_args()
    view = read_view(arguments.spec)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("RAYON_NUM_THREADS", str(arguments.threads))
    take_gpu()
    represent_run(arguments.run, view, arguments.threads)


def read_view(text: str) -> dict[str, Any]:
    """Read what to look at from JSON.

    Raises:
        UserError: it is not JSON, a key is missing or unknown, or a value is of the wrong kind.
    """
    view = parse_keys(text, VIEW_KEYS, "--spec")
    for key, valid in (("split", paths.SPLITS), ("units", UNITS)):
        if view[key] not in valid:
            raise UserError(f"--spec: {key} {view[key]!r}{nearest(view[key], valid)}")
    for key, least in (("sentences", 1), ("seed", 0)):
        if not isinstance(view[key], int) or view[key] < least:
            raise UserError(f"--spec: {key} {view[key]!r}; expected a whole number of at least {least}")
    return view


def check_units(units: str, task: str) -> None:
    """Check that a task has the units.

    Raises:
        UserError: words are asked for, and the task labels whole examples.
    """
    if units != "sentence" and task != "ner":
        raise UserError(f"--spec: units {units!r}: task {task} labels no words; expected 'sentence'")


def represent_run(run: str, view: dict[str, Any], threads: int) -> None:
    """Write a run's representations.

    Raises:
        UserError: see `main`.
    """
    record = finished(run)
    check_units(view["units"], record["spec"]["task"])
    table, facts = points(record["spec"], run, view, threads)
    facts |= {"run": run, "view": view, "code": represent_code(record["spec"]["task"]), "model": record["model"]}
    path = paths.representations(run, digest(view, 8))
    with noting(path):
        write_parquet(path, table, {"metalingua": canonical_json(facts)})
    print(f"{path}: {table.num_rows} points of {facts['dimensions']} dimensions")


def finished(run: str) -> dict[str, Any]:
    """Return the description of a run whose model was kept.

    Raises:
        UserError: it is not finished, kept no model or has another one now, or has no source language.
    """
    path, model = paths.run_record(run), paths.run_model(run)
    record = run_record(run)
    if not isinstance(record.get("spec"), dict):
        raise UserError(f"{path}: key 'spec' is missing: not the description of a run")
    if not model.is_file():
        raise UserError(f"{model}: no such file: the run kept no model; make it with: snakemake {model}")
    if record.get("model") != sha256(model):
        raise UserError(f"{model}: not the model of which {path} tells; make it again with: snakemake --force {model}")
    if not record["spec"]["sources"]:
        raise UserError(f"run {run} was trained without sources: there is no source language to represent")
    return record


def points(spec: dict[str, Any], run: str, view: dict[str, Any], threads: int) -> tuple[pa.Table, dict[str, Any]]:
    """Return the points of a run's source languages, then of its targets, and where they come from."""
    import torch

    from pipeline.encoders.load import load_encoder
    from pipeline.training import representations
    from pipeline.training.data import RunData, reader_of

    torch.set_num_threads(threads)
    encoder = load_encoder(paths.encoder_dir(spec["encoder"]))
    representations.check_layer(view["layer"], encoder.model.config.num_hidden_layers, spec["encoder"])
    representations.load_weights(encoder.model, paths.run_model(run))
    device = model_device()
    reader = reader_of(spec["task"], encoder, paths.encoder_dir(spec["encoder"]), spec["training"]["max_length"])
    data = RunData(reader, spec, view["seed"])
    parts = []
    languages = [(language, True) for language in spec["sources"]] + [(language, False) for language in spec["targets"]]
    for language, source in languages:
        table = data.read(language, view["split"], source)
        path = paths.run_split(spec, language, view["split"], source)
        rows = data.rows(path, table, min(view["sentences"], table.num_rows))
        examples = data.examples(path, table, rows)
        parts.append(
            representations.represent(encoder.model, examples, view["layer"], view["units"], encoder.pad_id, device)
        )
    table = representations.to_table(parts)
    facts = {
        "sources": list(spec["sources"]),
        "targets": list(spec["targets"]),
        "dimensions": int(encoder.model.config.hidden_size),
        "encoder": sha256(paths.encoder_manifest(spec["encoder"])),
        "data": data.hashes,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    }
    return table, facts


if __name__ == "__main__":
    run_stage(main)
