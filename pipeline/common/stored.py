"""Which description has the digest of which file: splits, encoders, and what runs write."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.integrity import AlteredError, again, read_sealed, sha256, verified

RUN_FILES = {
    "predictions": paths.predictions,
    "model": paths.run_model,
    "history": paths.history,
    "steps": paths.steps,
}
"""By key of `run.json`: the file whose SHA-256 it has."""


def run_record(run: str) -> dict[str, Any]:
    """Read the description of a finished run.

    Raises:
        AlteredError: it is altered or broken; the run must be made again, for what it said is known nowhere else.
        UserError: it is missing.
    """
    return read_sealed(paths.run_record(run), again(paths.predictions(run)))


def recorded_digest(run: str, key: str) -> str | None:
    """Return the SHA-256 that `run.json` has of a file of a run, of `RUN_FILES`; `None` where it has none, or is missing.

    Raises:
        AlteredError: `run.json` is altered.
    """
    return run_record(run).get(key) if paths.run_record(run).exists() else None


def verified_run_file(run: str, key: str) -> Path:
    """Compare a file of a run with `run.json` and return its path; where either is missing, nothing is compared.

    Args:
        run: its name.
        key: what of it, of `RUN_FILES`.

    Raises:
        AlteredError: the file holds other bytes than the run wrote, or `run.json` is altered.
    """
    path = RUN_FILES[key](run)
    if not path.exists():
        return path
    return verified(path, recorded_digest(run, key), again(path if key == "model" else paths.predictions(run)))


def is_finished(run: str, spec: Mapping[str, Any], code: str, keep_model: bool) -> bool:
    """Whether a run of this spec and code is there whole, made from what lies there now.

    Args:
        run: its name.
        spec: its whole description.
        code: the hash of the code that would make it.
        keep_model: whether its weights must be there too.
    """
    try:
        record = run_record(run)
    except UserError:
        return False
    wanted = {path(run): record.get(key) for key, path in RUN_FILES.items() if key != "model" or keep_model}
    wanted |= {Path(name): found for name, found in record.get("data", {}).items()}
    wanted[paths.encoder_manifest(spec["encoder"])] = record.get("encoder")
    wanted |= {paths.run_model(spec[kind]): record.get(kind) for kind in ("parent", "rates") if spec[kind]}
    wanted |= {paths.run_model(name): found for name, found in record.get("members", {}).items()}
    made = record.get("spec") == spec and record.get("code") == code
    return made and all(path.is_file() and sha256(path) == found for path, found in wanted.items())


def split_digests(report: Mapping[str, Any]) -> dict[str, str]:
    """Return by split (`text` is one) the SHA-256 that a `report.json` has of it."""
    parts = {**report.get("splits", {}), "text": report.get("text", {})}
    return {name: part["sha256"] for name, part in parts.items() if isinstance(part, dict) and "sha256" in part}


def stored_report(path: Path) -> dict[str, Any]:
    """Read the report of a language's splits, empty where there is none.

    Raises:
        AlteredError: it is altered or broken.
    """
    return read_sealed(path, again(path)) if path.exists() else {}


def verified_split(path: Path) -> Path:
    """Compare a split with the report beside it, where there is one, and return its path.

    Raises:
        AlteredError: the split holds other rows than were prepared, or the report is altered.
    """
    if not path.exists():
        return path
    return verified(path, split_digests(stored_report(path.with_name("report.json"))).get(path.stem), again(path))


def encoder_digests(folder: Path) -> dict[Path, str]:
    """Return by path the SHA-256 of every file of an encoder; nothing for a folder that is none of `resources/encoders`.

    Raises:
        AlteredError: its manifest is altered or broken.
    """
    manifest = folder / "manifest.json"
    if folder != paths.encoder_dir(folder.name) or not manifest.exists():
        return {}
    files = read_sealed(manifest, encoder_again(folder)).get("files", {})
    if not isinstance(files, dict):
        raise AlteredError(manifest, "key 'files' is no object", encoder_again(folder))
    return {folder / name: str(file["sha256"]) for name, file in files.items()}


def encoder_again(folder: Path) -> str:
    """Return how an encoder is made again."""
    return again(folder / "manifest.json")
