"""Show what a config's datasets hold: a table for each, its languages and splits with rows, labels, drops, mends and duplicates.

    metalingua data my.yaml [--config training.epochs=5]

Reads the reports that `preprocess` wrote below results/data/, and how many pieces of each split the encoders' tokenizers did not
know, once runs have read it; says which languages are not there yet; reads no data and writes nothing. Run it where Snakemake
runs.
"""

import argparse
from collections.abc import Collection
from itertools import product

from pipeline.commands.arguments import add_config, call, settings_of
from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.files import read_object
from pipeline.data.summary import summary
from pipeline.grid.inputs import Dataset
from pipeline.grid.own_files import OwnFiles
from pipeline.grid.runs import expand
from pipeline.grid.survey import language_state

SUMMARY = "what a config's datasets hold: rows, labels, what was dropped or mended, duplicates"
add_arguments = add_config


def run(arguments: argparse.Namespace) -> None:
    """Print a table for each dataset.

    Raises:
        UserError: the config is wrong.
    """
    grid = expand(settings_of(arguments))
    print("\n\n".join(told(dataset, grid.accepted) for dataset in grid.datasets.values()))


def told(dataset: Dataset, accepted: Collection[str] = ()) -> str:
    """Return one dataset's table, and which of its languages are missing or stale."""
    own = OwnFiles()
    states = {language: language_state(dataset, language, {}, own, accepted) for language in dataset.languages}
    found = (read_object(paths.data_report(dataset.key, language)) for language in dataset.languages)
    reports = [report for report in found if report is not None and "notes" in report]
    lines = [f"{dataset.name} ({paths.data_dir(dataset.key, '*').parent})"]
    if reports:
        lines += [summary(reports, unknown_pieces(dataset))]
    for state, what in (("missing", "not there yet"), ("stale", "to be made again, of changed code or files")):
        if languages := [language for language, found in states.items() if found == state]:
            lines.append(f"{what}: {', '.join(languages)}")
    return "\n".join(lines)


def unknown_pieces(dataset: Dataset) -> dict[tuple[str, str], str]:
    """Return by language and split which share of the pieces no tokenizer knew that a run has cut it with, the least and most."""
    found = {}
    for language, split in product(dataset.languages, paths.SPLITS):
        folder = paths.data_dir(dataset.key, language) / "tokens"
        counts = [
            (read_object(index) or {}).get("counts", {}) for index in sorted(folder.glob(f"{split}-*/index.json"))
        ]
        shares = [100 * of["unknown_pieces"] / of["pieces"] for of in counts if of.get("pieces")]
        if shares:
            several = dict.fromkeys(f"{share:.1f}" for share in (min(shares), max(shares)))
            found[language, split] = f"{'–'.join(several)} %"
    return found


def main() -> None:
    """Run the command by itself."""
    call(__doc__, add_arguments, run)


if __name__ == "__main__":
    run_stage(main)
