"""Code hashes as `pipeline.common.code` has them, kept from start to start while the package's files hold the same.

To read the syntax trees that they are of takes longer than to plan hundreds of runs; to read the files takes a fiftieth of that.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pipeline.common import code, paths
from pipeline.common.errors import UserError
from pipeline.common.integrity import SEAL, read_sealed, write_sealed

PACKAGE = Path(__file__).parents[1]


@cache
def run_code(method: str, task: str) -> str:
    """Return the code hash of a run."""
    return known(code.run_modules(method, task))


@cache
def stage_code(stage: str, loader: str | None = None) -> str:
    """Return the code hash of a stage, with a dataset's loader where it has one."""
    return known(code.stage_modules(stage, loader))


@cache
def represent_code(task: str) -> str:
    """Return the code hash of representing sentences of a task."""
    return known(code.represent_modules(task))


def known(modules: Iterable[str]) -> str:
    """Return the code hash of modules: the one that an earlier start found, or else found now and written down.

    Raises:
        UserError: as `pipeline.common.code.code_hash`.
    """
    key, path = " ".join(sorted(set(modules))), kept_in(package_digest())
    hashes = _kept(path)
    if key not in hashes:
        hashes[key] = code.code_hash(key.split())
        write_sealed(path, hashes)
    return hashes[key]


def kept_in(digest: str) -> Path:
    """Return where the hashes of a state of the package are kept."""
    return paths.HANDED / f"code-{digest}.json"


@cache
def _kept(path: Path) -> dict[str, str]:
    """What is kept there; nothing where it is missing or altered."""
    try:
        return {key: value for key, value in read_sealed(path, "").items() if key != SEAL}
    except UserError:
        return {}


@cache
def package_digest(folder: Path = PACKAGE) -> str:
    """Return the digest of all modules below a folder: of their places and of their bytes."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return found.hexdigest()[:16]
