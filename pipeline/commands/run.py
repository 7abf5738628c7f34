"""Run a config's workflow in this folder: `snakemake`, told where the workflow lies, with any of its targets and options.

    metalingua run my.yaml [--cores 4] [-n] [prepare] [--config training.epochs=5] [--profile profiles/slurm]

Files at the beginning are the config, as after `--configfile`; without any it is config/config.yaml, or else the demo. Results
come to `results/` here. A profile that is not here is looked for beside the workflow. In a clone, where Snakemake finds the
workflow by itself, `snakemake --configfile my.yaml` does the same.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.common.errors import UserError, run_stage
from pipeline.common.paths import workflow_folder
from pipeline.config.reading import read_files

SUMMARY = "run a config's workflow here: snakemake with all its options"
VERBATIM = True
"""All words behind the command are its own: none is an option of ours."""


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
    command = snakemake(arguments.words)
    sys.stdout.flush()
    os.execve(command[0], command, os.environ | {"PYTHONSAFEPATH": "1"})


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
    read_files([Path(file) for file in words[:named]])  # Snakemake does not say in which line YAML is broken
    given = [*words[named:]]
    for at, word in enumerate(given[1:], 1):
        beside = workflow_folder() / word
        if given[at - 1] == "--profile" and not Path(word).exists() and beside.is_dir():
            given[at] = str(beside)
    configs = ["--configfile", *words[:named]] if named else []
    return [sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), *given, *configs]


def main() -> None:
    """Run the command by itself."""
    run(argparse.Namespace(words=sys.argv[1:]))


if __name__ == "__main__":
    run_stage(main)
