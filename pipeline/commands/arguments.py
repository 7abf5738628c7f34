"""What commands share: how they are told which config they are about, and how one is called by itself."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.common.paths import default_config
from pipeline.config.load import load
from pipeline.config.schema import Settings


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name a config: `my.yaml`, or `--configfile my.yaml` as for Snakemake, and `--config key=value`."""
    parser.add_argument("files", nargs="*", type=Path, metavar="CONFIG", help="YAML files, merged; a later one wins")
    parser.add_argument(
        "--configfile",
        nargs="+",
        action="extend",
        type=Path,
        default=[],
        metavar="CONFIG",
        help="the same, as Snakemake has it",
    )
    parser.add_argument(
        "--config",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="changes that win over all files, named behind them: my.yaml --config training.epochs=5",
    )


def files_of(arguments: argparse.Namespace) -> Sequence[Path]:
    """Return the config's files; the default one where none is named.

    Raises:
        UserError: files are named both ways, or a file and a `key=value` stand in each other's place.
    """
    if arguments.files and arguments.configfile:
        raise UserError(
            f"{arguments.files[0]}: configs stand alone or after --configfile, not both; put all of them in one place, in "
            "the order in which they are merged"
        )
    for file in (*arguments.files, *arguments.configfile):
        if "=" in file.name and not file.exists():
            raise UserError(f"{file}: no such file; key=value stands after --config")
    for change in arguments.config:
        if "=" not in change and Path(change).suffix in (".yaml", ".yml"):
            raise UserError(f"--config {change}: a file stands before --config: {change} --config training.epochs=5")
    return [*arguments.files, *arguments.configfile] or [default_config()]


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the checked config.

    Raises:
        UserError: anything wrong with it, every error on a line of its own.
    """
    return load(files_of(arguments), arguments.config)


def call(
    about: str | None,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], None],
) -> None:
    """Call a command by itself, `python -m pipeline.commands.<command>`: read the command line and do what it says."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    run(parser.parse_args())
