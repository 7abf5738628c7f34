"""Run a config's workflow in this folder: `snakemake`, told where the workflow lies, with any of its targets and options.

    metalingua run my.yaml [--cores 4] [-n] [prepare] [--config training.epochs=5] [--profile profiles/slurm]

Files at the beginning are the config, as after `--configfile`; without any it is config/config.yaml, or else the demo. Results
come to `results/` here. A profile that is not here is looked for beside the workflow. In a clone, where Snakemake finds the
workflow by itself, `snakemake --configfile my.yaml` does the same. Where a config adds seeds until comparisons are decided,
`--until-decided` starts it again and again until none waits for another seed (docs/seeds.md).
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import read_object
from pipeline.common.paths import decisions, workflow_folder
from pipeline.common.signals import AskedToEnd
from pipeline.common.yaml_text import check_shape
from pipeline.config.reading import read_files

SUMMARY = "run a config's workflow here: snakemake with all its options"
VERBATIM = True
"""All words behind the command are its own: none but `UNTIL_DECIDED` is an option of ours."""

UNTIL_DECIDED = "--until-decided"
UNSHADOWED = {"PYTHONSAFEPATH": "1"}
"""Environment in which no file here hides a library."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("words", nargs="*", metavar="CONFIG, then what snakemake takes")


def run(arguments: argparse.Namespace) -> None:
    """Become Snakemake.

    Raises:
        UserError: no such config, one that is not YAML, or no workflow beside the package.
    """
    if arguments.words[:1] in (["-h"], ["--help"]):
        print(f"{(__doc__ or '').strip()}\n\nAll options: snakemake --help")
        return
    command = snakemake([word for word in arguments.words if word != UNTIL_DECIDED])
    sys.stdout.flush()
    if UNTIL_DECIDED in arguments.words:
        again_and_again(command)
    else:
        os.execve(command[0], command, os.environ | UNSHADOWED)


def again_and_again(command: Sequence[str]) -> None:
    """Start the workflow until no new decision wants another seed; where none is made, as in a dry run, once.

    Raises:
        SystemExit: the workflow failed, with its exit status.
    """
    folder = options_of(command).directory or Path()
    while True:
        before = stored_decisions(folder)
        if status := call_waiting(command):
            raise SystemExit(status)
        made = [decided for path, decided in stored_decisions(folder).items() if before.get(path) != decided]
        if not any(decided.get("open") for decided in made):
            return
        print("\nComparisons are open that another seed may decide: the workflow is started again.\n", flush=True)


def options_of(words: Sequence[str]) -> argparse.Namespace:
    """Read what a command line of Snakemake's says of its configs and of where it writes."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-d", "--directory", type=Path, nargs="?")
    parser.add_argument("--configfile", "--configfiles", nargs="*", action="extend", default=[])
    parser.add_argument("-C", "--config", nargs="*", action="extend", default=[])
    return parser.parse_known_args(words)[0]


def stored_decisions(folder: Path) -> dict[Path, dict[str, Any]]:
    """Read every table's decision that lies below a folder."""
    return {path: read_object(path) or {} for path in sorted((folder / decisions("").parent).glob("*.json"))}


def call_waiting(command: Sequence[str]) -> int:
    """Call Snakemake and return its exit status; an interrupt is for Snakemake, which then ends its jobs, and so is SIGTERM."""
    with subprocess.Popen(command, env=os.environ | UNSHADOWED) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt as asked:  # of a terminal, which asks Snakemake too
                if isinstance(asked, AskedToEnd) and asked.name == "SIGTERM":
                    process.terminate()


def snakemake(words: Sequence[str]) -> list[str]:
    """Return the command line for a command's words.

    Raises:
        UserError: no such config, one that is not YAML, or no workflow beside the package.
    """
    snakefile = workflow_folder() / "Snakefile"
    if not snakefile.is_file():
        raise UserError(f"{snakefile}: no such file; install the package anew, from a wheel or from a whole clone")
    named = next((n for n, word in enumerate(words) if Path(word).suffix not in (".yaml", ".yml")), len(words))
    for file in words[:named]:
        if not Path(file).is_file():
            raise UserError(f"{file}: no such file; expected a config")
    check_given(words[:named], words[named:])
    given = [*words[named:]]
    for at, word in enumerate(given[1:], 1):
        beside = workflow_folder() / word
        if given[at - 1] == "--profile" and not Path(word).exists() and beside.is_dir():
            given[at] = str(beside)
    configs = ["--configfile", *words[:named]] if named else []
    return [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), *given, *configs]


def check_given(files: Sequence[str], words: Sequence[str]) -> None:
    """Read what Snakemake is to read, before it does: it says no line of broken YAML, and aliases grow without bounds there.

    Raises:
        UserError: a file is not YAML, or one without bounds; so is a value of `--config`.
    """
    options = options_of(words)
    read_files([Path(file) for file in (*files, *options.configfile) if Path(file).exists()])
    for change in options.config:
        key, _, text = change.partition("=")
        with suppress(yaml.YAMLError, UnicodeEncodeError):  # what is no YAML is a text to Snakemake
            check_shape(text, f"--config {key}")


def main() -> None:
    """Run the command by itself."""
    run(argparse.Namespace(words=sys.argv[1:]))


if __name__ == "__main__":
    run_stage(main)
