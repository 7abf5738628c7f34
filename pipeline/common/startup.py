"""How Snakemake and its jobs find Python, its libraries and this package, whatever lies in the folders they are started in.

Snakemake puts the Snakefile's folder before all libraries, and `python -m` the working directory: a user's `random.py`, `yaml.py`
or `pipeline.py` there would stand in for the module of that name. Nothing is imported here that such a file could be.
"""

import gc
import hashlib
import os
import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]

UNUSED = ("accelerate", "scipy", "sklearn")
"""Packages that transformers imports wherever they are installed, and only peft uses (`lora`)."""

FORKS_BELOW = "METALINGUA_FORKS_BELOW"
"""Environment: the process number of the Snakemake whose jobs may have themselves done by forks (`pipeline.forks`)."""


def libraries_first() -> None:
    """Look for modules in the folder of the Snakefile, and in the working directory, after all others."""
    last = {paths.workflow_folder(), Path.cwd().resolve()}
    sys.path.sort(key=lambda folder: Path(folder).resolve() in last)


def use_this_python(alone: bool = True) -> None:
    """Let `python` in the rules' commands be the interpreter that runs Snakemake, whether or not its environment is active.

    Args:
        alone: whether no other workflow's rules are there; then Snakemake, where it starts itself again (on a node of a
            cluster), leaves out the working directory too.
    """
    folder = str(Path(sys.executable).parent)
    if os.environ.get("PATH", "").split(os.pathsep)[0] != folder:
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])
    if alone:
        os.environ["PYTHONSAFEPATH"] = "1"


def hide_unused() -> None:
    """Hide the packages in `UNUSED` from this process: half a second of every start."""
    for package in UNUSED:
        sys.modules.setdefault(package, None)  # type: ignore[arg-type]  # Python's own way to say "not installed"


def check_place() -> None:
    """Check that Snakemake can read paths of the workflow's own files.

    Raises:
        UserError: they have braces, which it takes for wildcards.
    """
    if "{" in str(PACKAGE) or "}" in str(PACKAGE):
        raise UserError(
            f"{PACKAGE.parent}: Snakemake takes the braces in this path for wildcards; move or rename the folder"
        )


def safe_commands(alone: bool = True, before: str | None = None) -> str:
    """Return what stands before every rule's command: `python` finds this package there and nothing of the working directory.

    The package is found through a link that has a folder for itself: beside the package lies what users put into a clone. It is
    set in the command, since Snakemake takes PYTHONPATH away where a job has a conda environment. Asked to end by a signal
    (`pipeline.common.signals`), the shell waits for `python` to do so.

    Args:
        alone: whether no other workflow's rules are there; else this holds for calls of this package alone, since Snakemake puts
            it before all rules' commands.
        before: what another workflow puts there.
    """
    folder = paths.HANDED / f"python-{hashlib.sha256(os.fsencode(PACKAGE)).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / PACKAGE.name).exists():
        with suppress(FileExistsError):  # made by another process, just now
            (folder / PACKAGE.name).symlink_to(PACKAGE, target_is_directory=True)
    settings = f"PYTHONSAFEPATH=1 PYTHONPATH={shlex.quote(str(folder))}${{PYTHONPATH:+:$PYTHONPATH}}"
    if alone:
        commands = f"set -euo pipefail; trap : TERM INT; export {settings}; "
    else:
        ours = f'"-m {PACKAGE.name}."*) trap : TERM INT; {settings} command python "$@";;'
        function = f'python() {{ case "$*" in {ours} *) command python "$@";; esac; }}; '
        commands = (before or "set -euo pipefail; ").replace(function, "") + function
    return commands.replace("{", "{{").replace("}", "}}")  # Snakemake fills in braces


def prepare_commands(shell: Any, alone: bool) -> None:
    """Let the rules' commands find this Python and this package.

    Args:
        shell: Snakemake's.
        alone: whether no other workflow's rules are there: this one is no module.
    """
    use_this_python(alone)
    shell.prefix(safe_commands(alone, shell._process_prefix))


def check_storage(provider: str | None) -> None:
    """Check that jobs have the working directory in common.

    Args:
        provider: `--default-storage-provider` of Snakemake.

    Raises:
        UserError: Snakemake is to carry the files that rules name to and from a storage.
    """
    if provider is not None:
        raise UserError(
            f"--default-storage-provider {provider}: jobs read and write more files below results/ and resources/ than rules "
            "name, so no storage plugin can carry them; leave it out, and run jobs where the working directory is a file system "
            "that all of them share (docs/clusters/schedulers.md)"
        )


def settle_snakemake() -> None:
    """Spare Snakemake a tenth of its start, keep it alive while its jobs are asked to end, and let them be done by forks.

    It builds millions of objects, and nearly all of them live until it ends: garbage is collected seldom. By SIGUSR1 a scheduler
    tells all processes of a job that its time runs out: stages listen to it (`pipeline.common.signals`), Snakemake is deaf to it.
    """
    gc.set_threshold(200_000, 50, 100)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if "--mode" in sys.argv:  # a job's own Snakemake, on a node: it ends with the job
        os.environ.pop(FORKS_BELOW, None)
    else:
        os.environ.setdefault(FORKS_BELOW, str(os.getpid()))
