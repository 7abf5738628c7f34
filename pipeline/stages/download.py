"""Fetch one language of a dataset into `resources/raw/<dataset>/<language>/`, verified, with a manifest of what came.

    python -m pipeline.stages.download --mirror ../data --spec \
        '{"dataset": "wikiann-1a2b3c4d", "language": "qu", "loader": "wikiann", "sources": ["mirror", "hub"]}'

`--spec` says what to fetch and in which order to look; `--mirror` and `--folder` where those lie. The manifest is
written last: as long as there is none, nothing was fetched. Interrupted downloads are resumed by the next call.
"""

import argparse
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.code import add_code_argument, code_stamp, stage_modules
from pipeline.common.disk import told
from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import atomic_path, sha256_file
from pipeline.common.integrity import write_sealed
from pipeline.data.loaders import fetch_module, parse_spec
from pipeline.data.sources import Obtained

PACKED = re.compile(r"\.(zip|tgz|tar(\.\w+)?)$", re.IGNORECASE)


def download(
    spec: Mapping[str, Any], mirror: Path | None = None, folder: Path | None = None, asked: str | None = None
) -> Path:
    """Fetch one language and return the manifest's path.

    Args:
        spec: `dataset` (key), `language`, `loader` and its options, with `sources` and `expected`.
        mirror: folder that holds `<loader>/…`.
        folder: the user's own copy.
        asked: the code hash that Snakemake remembers for the files.

    Raises:
        UserError: the loader downloads nothing, or no source worked, or the disk is full.
    """
    module = fetch_module(spec["loader"])
    manifest = paths.raw_manifest(spec["dataset"], spec["language"])
    work = manifest.parent / ".partial"
    try:
        work.mkdir(parents=True, exist_ok=True)
        obtained = module.fetch(spec, work, mirror, folder)
        manifest.unlink(missing_ok=True)
        files = _keep(obtained, manifest.parent)
        write_sealed(manifest, _describe(spec, obtained, files, asked))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error
        raise UserError(f"{manifest.parent}: cannot fetch: {why} ({told(error)})") from error
    shutil.rmtree(work)
    return manifest


def _keep(obtained: Obtained, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Copy the files into `folder`, replacing what an earlier download left; describe them."""
    for old in folder.iterdir():
        if old.is_file():
            old.unlink()
    result: dict[str, list[dict[str, Any]]] = {}
    for split, files in obtained.files.items():
        for file in files:
            kept = folder / (file.name if file.name.startswith(split) else f"{split}-{file.name}")
            if kept.exists():  # a part of the same name from another folder
                kept = folder / f"{split}-{len(result.get(split, [])) + 1}-{file.name}"
            with atomic_path(kept) as temporary:
                shutil.copyfile(file, temporary)
            facts = {"name": kept.name, "bytes": kept.stat().st_size, "sha256": sha256_file(kept)}
            result.setdefault(split, []).append(facts)
    return result


def _describe(
    spec: Mapping[str, Any], obtained: Obtained, files: Mapping[str, Any], asked: str | None
) -> dict[str, Any]:
    failures = [{"source": kind, "where": where, "reason": reason} for kind, where, reason in obtained.failures]
    return {
        "dataset": spec["dataset"],
        "language": spec["language"],
        "spec": dict(spec),
        **code_stamp(stage_modules("download"), asked),
        "source": obtained.source.kind,
        "where": obtained.source.where,
        "files": dict(files),
        **({"own": True} if obtained.source.kind == "folder" else {}),
        **({"read": read} if (read := _read(spec, obtained)) else {}),
        "notes": obtained.notes,
        "failed": failures,
    }


def _read(spec: Mapping[str, Any], obtained: Obtained) -> dict[str, str]:
    """Return the SHA-256 of the user's files, by path, that were copied or unpacked: the next start looks whether they changed.

    Those that `files` names in a folder are known by it already.
    """
    kind = obtained.source.kind
    if kind not in ("folder", "mirror") or (spec["loader"] == "files" and kind == "folder"):
        return {}
    work = paths.raw_manifest(spec["dataset"], spec["language"]).parent
    files = {file for several in obtained.files.values() for file in several}
    own = {file for file in files if not file.resolve().is_relative_to(work.resolve())}
    if own != files:  # out of an archive that lies in the folder
        packed = [path for path in Path(obtained.source.where).glob("*") if PACKED.search(path.name)]
        own |= {path for path in packed if spec["language"] in path.name} or set(packed)
    return {str(path): sha256_file(path) for path in sorted(own)}


def main() -> None:
    """Parse the command line and download."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.stages.download", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--spec", required=True, help="JSON: dataset, language, loader and its options")
    parser.add_argument("--mirror", type=Path, help="folder that holds <loader>/…")
    parser.add_argument("--folder", type=Path, help="your own copy of the dataset")
    add_code_argument(parser)
    arguments = parser.parse_args()
    print(f"wrote {download(parse_spec(arguments.spec), arguments.mirror, arguments.folder, arguments.code)}")


if __name__ == "__main__":
    run_stage(main)
