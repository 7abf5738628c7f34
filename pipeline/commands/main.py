"""`metalingua`: the commands that a person calls, one module each in this folder.

    metalingua --help
    metalingua check my.yaml
    metalingua plan my.yaml

    metalingua run my.yaml

Each works as `python -m pipeline.commands.<command>` too. Results are made by Snakemake, which `run` calls.
"""

import argparse
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from pipeline.commands import check, data, draw, plan, prune, run, verify
from pipeline.common.errors import run_stage

COMMANDS: dict[str, ModuleType] = {
    "check": check,
    "data": data,
    "draw": draw,
    "plan": plan,
    "prune": prune,
    "run": run,
    "verify": verify,
}
"""By name; each has a docstring, a `SUMMARY` of one line, `add_arguments(parser)` and `run(arguments)`; with `VERBATIM` it takes
all words that follow, options too."""


def version_text() -> str:
    """Return the version that is installed."""
    try:
        return f"metalingua {version('metalingua')}"
    except PackageNotFoundError:
        return "metalingua, not installed: run from a clone"


def parser_of_commands() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="metalingua",
        description="Which cross-lingual method, from which source language, and is the difference real?",
        epilog="Results are made by Snakemake: metalingua run my.yaml, or in a clone snakemake --configfile my.yaml",
    )
    parser.add_argument("--version", action="version", version=version_text())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    for name, module in COMMANDS.items():
        verbatim = getattr(module, "VERBATIM", False)
        one = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            prefix_chars="\0" if verbatim else "-",
            add_help=not verbatim,
        )
        module.add_arguments(one)
    return parser


def dispatch() -> None:
    """Run the command that the command line names.

    Raises:
        UserError: whatever the command raises.
    """
    arguments = parser_of_commands().parse_args()
    COMMANDS[arguments.command].run(arguments)


def main() -> None:
    """The console command's entry point: errors a user can mend are printed, without a traceback."""
    run_stage(dispatch)


if __name__ == "__main__":
    main()
