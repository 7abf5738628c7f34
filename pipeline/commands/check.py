"""Check a config whole: keys, names, values, what sections must agree on; every error with file, line and path.

    metalingua check my.yaml [--config training.epochs=5]

Reads the config and nothing else, neither data nor encoders; writes nothing. Exit status 1 where anything is wrong.
"""

import argparse

from pipeline.commands.arguments import add_config, call, files_of, settings_of
from pipeline.commands.remarks import remarks
from pipeline.common.errors import run_stage
from pipeline.grid.runs import Grid, expand

SUMMARY = "check a config whole, without running anything"
add_arguments = add_config


def run(arguments: argparse.Namespace) -> None:
    """Check the config and say what it asks for.

    Raises:
        UserError: the config is wrong.
    """
    grid = expand(settings_of(arguments))
    print(f"{' '.join(map(str, files_of(arguments)))}: valid; {contents(grid)}")
    for remark in remarks(grid):
        print(remark)


def contents(grid: Grid) -> str:
    """Word what a config asks for: `57 runs, 5 tables`; what it has none of is left out, but for runs."""
    counts = {
        "run": len(grid.runs),
        "dataset": len(grid.datasets),
        "encoder": len(grid.encoders),
        "table": len(grid.tables),
        "figure": len(grid.figures),
    }
    words = [f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items() if n or what == "run"]
    if grid.analyses:
        words.append(f"{len(grid.analyses)} {'analysis' if len(grid.analyses) == 1 else 'analyses'}")
    if grid.errors:
        words.append(f"{len(grid.errors)} error {'analysis' if len(grid.errors) == 1 else 'analyses'}")
    return ", ".join(words)


def main() -> None:
    """Run the command by itself."""
    call(__doc__, add_arguments, run)


if __name__ == "__main__":
    run_stage(main)
