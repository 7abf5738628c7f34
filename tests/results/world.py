"""A tiny finished experiment on disk: runs that never trained, with predictions made up by hand."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.common import paths
from pipeline.common.files import canonical_json, digest, sha256_file, write_json, write_parquet, write_text
from pipeline.data.schema import PREDICTIONS
from pipeline.results.scores.runs_file import Expected

CODE = "0123456789ab"
GOLD = ["B-PER", "I-PER", "O", "B-LOC"]
WRONG = ["O", "O", "O", "B-ORG"]


def spec_of(method: str, target: str, seed: int, sources: Sequence[str] = ("en",), **changes) -> dict:
    spec = {
        "task": "ner",
        "dataset": "toy-00000000",
        "source_dataset": None,
        "sources": list(sources),
        "auxiliary": [],
        "auxiliary_size": None,
        "targets": [target],
        "source_size": None,
        "target_size": 100,
        "dev_size": None,
        "data_seed": 42,
        "encoder": "small-11111111",
        "method": {"name": method},
        "training": {"epochs": 3, "learning_rate": 1e-4, "select": "best"},
        "model_seed": seed,
        "parent": None,
        "rates": None,
        "evaluate": [target],
    }
    return {**spec, **changes}


def expected(spec: dict, uses: Sequence[tuple[str, str]] | None = None, code: str = CODE) -> Expected:
    parts = [spec["task"], "toy", "+".join(spec["sources"]), "+".join(spec["targets"]), spec["method"]["name"]]
    name = "-".join([*filter(None, parts), f"s{spec['model_seed']}", digest(spec)])
    return Expected(name, code, tuple(uses if uses is not None else [("main", spec["method"]["name"])]), spec)


def data_file(dataset: str, language: str, split: str = "test") -> Path:
    path = paths.split(dataset, language, split)
    if not path.exists():
        write_text(path, f"stands for {split} of {language}")
    return path


def finish(
    run: Expected,
    predicted: Sequence[Sequence[str]],
    gold: Sequence[Sequence[str]] | None = None,
    dev: float | None = None,
) -> Expected:
    """Write what training would: predictions and run.json, and once its data and encoder."""
    spec = run.spec
    manifest = paths.encoder_manifest(spec["encoder"])
    if not manifest.exists():
        write_json(manifest, {"encoder": spec["encoder"]})
    gold = gold or [GOLD] * len(predicted)
    columns = {name: [] for name in PREDICTIONS["ner"].names}
    for language in spec["evaluate"]:
        for i, (right, guess) in enumerate(zip(gold, predicted, strict=True)):
            for name, value in zip(
                PREDICTIONS["ner"].names, (language, "test", f"{language}-{i}", right, guess), strict=True
            ):
                columns[name].append(list(value) if isinstance(value, list | tuple) else value)
    facts = {"metalingua": canonical_json({"task": "ner", "run": run.name, "code": run.code})}
    write_parquet(paths.predictions(run.name), pa.table(columns, schema=PREDICTIONS["ner"]), facts)
    data = {str(p): sha256_file(p) for p in (data_file(spec["dataset"], language) for language in spec["evaluate"])}
    record = {
        "run": run.name,
        "spec": spec,
        "code": run.code,
        "data": data,
        "encoder": sha256_file(manifest),
        **{kind: sha256_file(paths.run_model(spec[kind])) if spec[kind] else None for kind in ("parent", "rates")},
        "predictions": sha256_file(paths.predictions(run.name)),
        "model": sha256_file(paths.run_model(run.name)) if paths.run_model(run.name).exists() else None,
        "selection": None if dev is None else {"split": "dev", "metric": "entity_f1_strict", "value": dev},
    }
    write_json(paths.run_record(run.name), record)
    return run


def runs_file(runs: Sequence[Expected], path: Path = Path("runs.json")) -> Path:
    rows = [{"name": r.name, "code": r.code, "uses": [list(u) for u in r.uses], "spec": r.spec} for r in runs]
    path.write_text(json.dumps(rows))
    return path


def right(n: int, total: int = 10) -> list[list[str]]:
    """`n` of `total` sentences right, the rest wrong: tp 2n, fp total − n, fn 2(total − n)."""
    return [GOLD] * n + [WRONG] * (total - n)


def table_spec(**changes) -> dict:
    spec = {
        "title": "Toy",
        "metric": "entity_f1_strict",
        "baseline": "target_only",
        "columns": "pair",
        "average": True,
        "style": "full",
        "methods": [{"name": m, "method": m, "label": m} for m in ("target_only", "joint")],
        "experiments": [
            {
                "name": "main",
                "task": "ner",
                "sources": ["en"],
                "targets": ["qu", "jv"],
                "data_seeds": [42],
                "model_seeds": [1, 2, 3],
                "methods": ["target_only", "joint"],
            }
        ],
        "selection": [
            {
                "experiment": "main",
                "method": m,
                "select": "best",
                "dev": "target",
                "dev_size": None,
                "metric": None,
                "dev_from": "dev",
                "test": "test",
                "parent": None,
            }
            for m in ("target_only", "joint")
        ],
    }
    return {**spec, **changes}
