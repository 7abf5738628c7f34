"""The workflow as a module of another one: what it is given there, instead of a command line of its own.

    module metalingua:
        snakefile: "CLONE/Snakefile"
        config: config["metalingua"]

Config files and words of the command line are the other workflow's, and say nothing about this one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.config.reading import read_files


def check_module(modifier: Any) -> None:
    """Check what a `module` statement says, where there is one.

    Args:
        modifier: Snakemake's account of the statement (`workflow.modifier`).

    Raises:
        UserError: it gives no config, or wants other paths than the stages write to.
    """
    if modifier.is_main_snakefile():
        return
    name, written = modifier.namespace, str(paths.scores())
    if not modifier.globals["config"]:
        raise UserError(
            f"module {name} has no config; expected config: config, or a part of it: config: config[{name!r}]"
        )
    if modifier.path_modifier.replace_prefix(written, "output") != written:
        raise UserError(
            f"module {name} has a prefix or replace_prefix; the stages write to results/ and resources/ of the working "
            "directory whatever it says: leave it out, and use another working directory for a second config"
        )


def files_of(config: Mapping[str, Any], files: Sequence[str | Path]) -> list[Path]:
    """Return the other workflow's config files where the module's config is all that they say, to name file and line of errors.

    Args:
        config: the config that the module is given.
        files: the files that the other workflow's own was read from.

    Raises:
        UserError: as `read_files`.
    """
    named = [Path(file) for file in files]
    return named if named and read_files(named)[0] == config else []
