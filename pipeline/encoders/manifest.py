"""An encoder's manifest: what it was made from and with, and the checksum of each of its files."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.common.files import sha256_file
from pipeline.common.integrity import write_sealed

MANIFEST = "manifest.json"
HISTORY = "history.jsonl"


def install(staging: Path, folder: Path, facts: Mapping[str, Any]) -> None:
    """Move a finished encoder from `staging` into `folder` (same file system), the manifest last.

    The manifest depends on what the encoder is, not on how long it took: made again with the same result, it has the
    same bytes, and what was trained from it stays valid. So times are in `history.jsonl`, which is not listed.
    """
    (folder / MANIFEST).unlink(missing_ok=True)
    umask = os.umask(0)
    os.umask(umask)
    files = {}
    for path in sorted(p for p in staging.iterdir() if p.is_file()):
        if path.name != HISTORY:
            files[path.name] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
        path.chmod(0o666 & ~umask)  # safetensors writes files only their owner may read
        path.replace(folder / path.name)
    write_sealed(folder / MANIFEST, {**facts, "files": files, "versions": versions()})


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries an encoder's content may depend on."""
    packages = ("huggingface_hub", "numpy", "safetensors", "tokenizers", "torch", "transformers")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}
