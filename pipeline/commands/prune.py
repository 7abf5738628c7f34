"""Show what no config names any more, and with `--confirm` delete it.

    metalingua prune config/config.yaml [--keep config/examples/wikiann.yaml …] [--confirm]

The configs named first are merged into one config, as everywhere. Each file after `--keep`, and each that the config lists
under `keep`, is a config for itself; what any of them names stays. Found are: folders of runs, datasets' languages, raw files
and encoders that none names; models of parents from which no unfinished run will start; checkpoints of finished runs and of
other code; representations that no analysis or figure looks at. Only folders named as this pipeline names them are touched, only
below `results/runs`, `results/data`, `resources/raw` and `resources/encoders`, and no symbolic link is followed.
"""

import argparse
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from pipeline.commands.arguments import add_config, call, settings_of
from pipeline.common import paths
from pipeline.common.code import run_code
from pipeline.common.errors import run_stage
from pipeline.common.files import digest
from pipeline.config.load import load
from pipeline.grid.figures import represented
from pipeline.grid.runs import Grid, Run, expand
from pipeline.grid.survey import Survey, survey

SUMMARY = "what no config names any more; deleted with --confirm"
RUN = re.compile(r".+-[0-9a-f]{12}")
KEY = re.compile(r".+-[0-9a-f]{8}")
LANGUAGE = re.compile(r"[A-Za-z0-9_].*")
CHECKPOINT = re.compile(r"checkpoint-[0-9a-f]{12}")
REPRESENTATIONS = re.compile(r"representations-[0-9a-f]{8}")
DYING = ".pruned-"  # a folder is renamed before it is deleted, so that half of one is never taken for a whole


@dataclass(frozen=True)
class Leftover:
    """A folder to delete, why, and its size in bytes."""

    path: Path
    why: str
    size: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config(parser)
    parser.add_argument("--keep", nargs="*", type=Path, default=[], help="other configs, each for itself")
    parser.add_argument("--confirm", action="store_true", help="delete what is shown")


def run(arguments: argparse.Namespace) -> None:
    """Show what is left over, and delete it where that is confirmed.

    Raises:
        UserError: a config is wrong; nothing is deleted then.
    """
    settings = settings_of(arguments)
    others = [load([path]) for path in (*arguments.keep, *map(Path, map(paths.expanded, settings.keep)))]
    grids = [expand(one, None) for one in (settings, *others)]  # seeds that may be added are named too
    found, foreign = leftovers(grids)
    print(report(found, foreign))
    if arguments.confirm:
        for leftover in found:
            delete(leftover.path)
        print(f"Deleted: {size_text(sum(leftover.size for leftover in found))}.")
    elif found:
        print("Nothing was deleted; to delete it: --confirm, or snakemake prune --config confirm=yes")


def leftovers(grids: Sequence[Grid]) -> tuple[list[Leftover], list[Path]]:
    """Return what no grid needs, and what is left alone as not ours: links, and folders named otherwise."""
    foreign: list[Path] = []
    found = [
        *unnamed(grids, foreign),
        *unnamed_languages(grids, foreign),
        *spent_models(grids),
        *spent_checkpoints({name: run for grid in grids for name, run in grid.runs.items()}),
        *unnamed_representations(grids),
    ]
    return [Leftover(path, why, size_of(path)) for path, why in found], foreign


# ---------------------------------------------------------------------------------------------------- what is left over

Found = Iterator[tuple[Path, str]]


def unnamed(grids: Sequence[Grid], foreign: list[Path]) -> Found:
    """Yield runs and encoders that no grid names."""
    for folder, pattern, named, what in (
        (paths.RESULTS / "runs", RUN, {name for grid in grids for name in grid.runs}, "run"),
        (paths.RESOURCES / "encoders", KEY, {key for grid in grids for key in grid.encoders}, "encoder"),
    ):
        for path in folders(folder, pattern, foreign):
            if path.name not in named:
                yield path, f"no config names this {what}"


def unnamed_languages(grids: Sequence[Grid], foreign: list[Path]) -> Found:
    """Yield datasets that no grid names, and of the others the languages that none needs; splits and raw files alike."""
    needed: dict[str, set[str]] = defaultdict(set)
    for dataset in (dataset for grid in grids for dataset in grid.datasets.values()):
        needed[dataset.key].update(dataset.languages)
    for folder in (paths.RESULTS / "data", paths.RESOURCES / "raw"):
        for path in folders(folder, KEY, foreign):
            if path.name not in needed:
                yield path, "no config names this dataset"
                continue
            for inner in folders(path, LANGUAGE, foreign):
                if inner.name not in needed[path.name]:
                    yield inner, "no config names this language of the dataset"


def spent_models(grids: Sequence[Grid]) -> Found:
    """Yield models of named runs from which nothing will start: the runs that do are finished, or there are none."""
    seen = [(grid, survey(grid)) for grid in grids]
    children = {
        parent for grid, at in seen for run in grid.runs.values() if waits(run.name, at) for parent in run.parents
    }
    kept = {name for grid in grids for name in grid.kept}
    for name in sorted({name for grid in grids for name in grid.runs} - children - kept):
        model = paths.run_model(name).parent
        if model.is_dir() and not model.is_symlink() and not model.parent.is_symlink():
            yield model, "no unfinished run starts from this model"


def waits(name: str, seen: Survey) -> bool:
    """Whether a run is still to be trained."""
    return seen.runs[name] != "done"


def spent_checkpoints(runs: Mapping[str, Run]) -> Found:
    """Yield checkpoints of named runs that no training will resume from."""
    for name, run in sorted(runs.items()):
        folder = paths.run_dir(name)
        if not folder.is_dir() or folder.is_symlink():
            continue
        for path in sorted(folder.iterdir()):
            if CHECKPOINT.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                if paths.run_record(name).exists() and paths.predictions(name).exists():
                    yield path, "the run is finished"
                elif path.name != f"checkpoint-{run_code(run.spec['method']['name'], run.spec['task'])}":
                    yield path, "made by other code"


def unnamed_representations(grids: Sequence[Grid]) -> Found:
    """Yield representations of named runs that no analysis or figure looks at."""
    named = {
        paths.representations(run, analysis.key).parent
        for grid in grids
        for analysis in grid.analyses.values()
        for run in analysis.runs
    } | {
        paths.representations(run, digest(view, 8)).parent for grid in grids for run, view in represented(grid.figures)
    }
    for name in sorted({name for grid in grids for name in grid.runs}):
        folder = paths.run_dir(name)
        if not folder.is_dir() or folder.is_symlink():
            continue
        for path in sorted(folder.iterdir()):
            ours = REPRESENTATIONS.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
            if ours and path not in named:
                yield path, "no analysis or figure looks at these representations"


def folders(parent: Path, pattern: re.Pattern[str], foreign: list[Path]) -> Iterator[Path]:
    """Yield the folders of ours in one, half-deleted ones too; add links and other names to `foreign`."""
    for path in sorted(parent.iterdir()) if parent.is_dir() else ():
        ours = pattern.fullmatch(path.name.removeprefix(DYING)) is not None
        if path.is_symlink() or (path.is_dir() and not ours):
            if not path.name.startswith(".") or path.is_symlink():
                foreign.append(path)
        elif path.is_dir():
            yield path


# -------------------------------------------------------------------------------------------------- sizes, words, deeds


def size_of(path: Path) -> int:
    """Return the bytes of all files below a folder, no link followed."""
    total = 0
    for folder, _, files in os.walk(path):
        total += sum((Path(folder) / name).lstat().st_size for name in files)
    return total


def size_text(size: int) -> str:
    """Word a number of bytes."""
    amount, unit = float(size), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def report(found: Sequence[Leftover], foreign: Sequence[Path]) -> str:
    """Return what was found as text."""
    lines = [
        tabulate([(size_text(x.size), str(x.path), x.why) for x in found], tablefmt="plain", disable_numparse=True)
    ]
    lines += [f"left alone, not made here: {path}" for path in foreign]
    total = size_text(sum(leftover.size for leftover in found))
    count = "1 folder" if len(found) == 1 else f"{len(found)} folders"
    lines.append(f"{count}, {total}" if found else "Nothing to prune.")
    return "\n".join(line for line in lines if line)


def delete(path: Path) -> None:
    """Delete a folder: rename it first, so that a killed deletion leaves nothing that looks whole."""
    dying = path if path.name.startswith(DYING) else path.with_name(f"{DYING}{path.name}")
    if dying != path:
        if dying.exists():
            shutil.rmtree(dying)
        path.rename(dying)
    shutil.rmtree(dying)


def main() -> None:
    """Run the command by itself."""
    call(__doc__, add_arguments, run)


if __name__ == "__main__":
    run_stage(main)
