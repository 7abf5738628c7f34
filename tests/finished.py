"""Results of a grid on disk, as stages describe them, without any training: for what only reads descriptions."""

from pathlib import Path

from pipeline.common import paths
from pipeline.common.code import run_code, stage_code
from pipeline.common.files import sha256_file, write_json, write_text
from pipeline.grid.runs import Grid


def prepare(grid: Grid) -> None:
    """Data and encoders of a grid."""
    for key, dataset in grid.datasets.items():
        for language in dataset.languages:
            for name in paths.SPLITS:
                write_text(paths.split(key, language, name), f"{key} {language} {name}")
            splits = {name: {"sha256": sha256_file(paths.split(key, language, name))} for name in paths.SPLITS}
            code = stage_code("preprocess", dataset.spec["loader"])
            write_json(paths.data_report(key, language), {"code": code, "splits": splits})
    for key, encoder in grid.encoders.items():
        write_json(paths.encoder_manifest(key), {"code": stage_code("encoder"), "spec": encoder.spec})


def finish(grid: Grid, *names: str, seconds: float = 60.0, **changes: object) -> None:
    """Finished runs; all without names. Their data and encoders must be prepared."""
    for name in names or grid.runs:
        run = grid.runs[name]
        spec = run.spec
        write_text(paths.predictions(name), f"predictions of {name}")
        if name in grid.parents:
            write_text(paths.run_model(name), f"weights of {name}")
        splits = [paths.run_split(spec, language, "test") for language in spec["evaluate"]]
        record = {
            "run": name,
            "spec": spec,
            "code": run_code(spec["method"]["name"], spec["task"]),
            "data": {str(path): sha256_file(path) for path in splits},
            "encoder": sha256_file(paths.encoder_manifest(spec["encoder"])),
            **{kind: sha256_file(paths.run_model(spec[kind])) if spec[kind] else None for kind in ("parent", "rates")},
            "model": sha256_file(paths.run_model(name)) if name in grid.parents else None,
            "seconds": {"total": seconds},
        }
        write_json(paths.run_record(name), {**record, **changes})


def names(grid: Grid, method: str) -> list[str]:
    """The runs of a method."""
    return [name for name, run in grid.runs.items() if run.spec["method"]["name"] == method]


def listing(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() or path.is_symlink()}
