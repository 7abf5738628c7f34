"""Compare every stored file with its stored digest, and say which are altered and what mends them.

    metalingua verify [my.yaml] [FOLDER]

Without a config all that lies below results/ and resources/ is checked; with one, of runs, data and encoders those that it names.
FOLDER is where the two lie, else the working directory. Every file is read once; nothing is written. Exits with status 1 where a
file is altered. Which digest stands where: docs/integrity.md.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from pipeline.commands.arguments import add_config, call, settings_of
from pipeline.common import paths
from pipeline.common.checkpoint import check
from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import read_object
from pipeline.common.integrity import SEAL, again, intact, noted, read_sealed, verified, verified_by_note
from pipeline.common.stored import RUN_FILES, split_digests
from pipeline.grid.decisions import mend_of
from pipeline.grid.runs import expand

SUMMARY = "whether stored files are what was written; what mends those that are altered"
NEEDS_NOTHING = "nothing is to be done: it is dropped, and made again, by the next run that needs it"


@dataclass(frozen=True)
class Stored:
    """A stored file: its kind, its path, and what tells whether it has a digest, with an error where it is altered."""

    kind: str
    path: Path
    compare: Callable[[], bool]


Named = Callable[[str, str], bool]
"""Whether a run, dataset or encoder of a name is to be checked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print how many files of each kind are whole, and each that is altered.

    Raises:
        UserError: the config is wrong, or several folders are named.
        SystemExit: a file is altered.
    """
    folders = [path for path in arguments.files if path.is_dir()]
    if len(folders) > 1:
        raise UserError(f"{folders[1]}: a second folder; expected one, in which results/ and resources/ lie")
    arguments.files = [path for path in arguments.files if not path.is_dir()]
    named = named_by(arguments)
    with chdir(folders[0] if folders else Path()):
        said, whole = report(list(stored(named)))
    print(said)
    if not whole:
        raise SystemExit(1)


def named_by(arguments: argparse.Namespace) -> Named:
    """Return what tells whether something is named by the config; all is where there is no config.

    Raises:
        UserError: the config is wrong.
    """
    if not (arguments.files or arguments.configfile or arguments.config):
        return lambda kind, name: True
    grid = expand(settings_of(arguments), None)  # seeds that may be added are named too
    known = {"run": set(grid.runs), "dataset": set(grid.datasets), "encoder": set(grid.encoders)}
    return lambda kind, name: name in known[kind]


def report(found: list[Stored]) -> tuple[str, bool]:
    """Return a table of all kinds with the altered files below it, and whether there are none."""
    counts: dict[str, Counter[str]] = {}
    altered: list[str] = []
    for one in found:
        of = counts.setdefault(one.kind, Counter())
        try:
            of["whole" if one.compare() else "without"] += 1
        except UserError as error:
            of["altered"] += 1
            altered.append(str(error))
    rows = [(kind, of.total(), of["whole"], of["altered"], of["without"]) for kind, of in counts.items()]
    if not rows:
        return f"{paths.RESULTS} and {paths.RESOURCES}: nothing is stored here", True
    table = tabulate(rows, ("kind", "files", "whole", "altered", "without digest"), tablefmt="plain")
    return "\n".join([table, *altered]), not altered


# ---------------------------------------------------------------------------------------------------------- what is stored


def stored(named: Named) -> Iterator[Stored]:
    """Yield every stored file that is read again."""
    yield from raw_files(named)
    yield from splits(named)
    yield from encoders(named)
    yield from runs(named)
    yield from collected()


def raw_files(named: Named) -> Iterator[Stored]:
    """Yield downloaded files with their manifests."""
    for manifest in sorted((paths.RESOURCES / "raw").glob("*/*/manifest.json")):
        if named("dataset", manifest.parts[-3]):
            yield sealed("raw files", manifest, again(manifest))
            for files in described(manifest).get("files", {}).values():
                for file in files:
                    yield listed("raw files", manifest.parent / file["name"], file["sha256"], again(manifest))


def splits(named: Named) -> Iterator[Stored]:
    """Yield splits with their reports, and tokens."""
    for path in sorted((paths.RESULTS / "data").glob("*/*/report.json")):
        if not named("dataset", path.parts[-3]):
            continue
        yield sealed("splits", path, again(path))
        for name, value in split_digests(described(path)).items():
            split = path.with_name(f"{name}.parquet")
            yield listed("splits", split, value, again(split))
        for index in sorted(path.parent.glob("tokens/[!.]*/index.json")):
            yield sealed("tokens", index, NEEDS_NOTHING)
            for name, value in described(index).get("files", {}).items():
                yield listed("tokens", index.with_name(name), value, NEEDS_NOTHING)


def encoders(named: Named) -> Iterator[Stored]:
    """Yield encoders' files with their manifests, and checkpoints of those that are being pretrained."""
    for folder in sorted(path for path in (paths.RESOURCES / "encoders").glob("*") if named("encoder", path.name)):
        manifest = folder / "manifest.json"
        if manifest.exists():
            yield sealed("encoders", manifest, again(manifest))
        for name, file in described(manifest).get("files", {}).items():
            yield listed("encoders", folder / name, file["sha256"], again(manifest))
        for path in sorted(folder.glob("checkpoint-*.pt")):
            yield ended("checkpoints", path)


def runs(named: Named) -> Iterator[Stored]:
    """Yield what runs wrote; models that were deleted, as no child needs them any more, are no loss."""
    for folder in sorted(path for path in (paths.RESULTS / "runs").glob("*") if named("run", path.name)):
        name, record = folder.name, paths.run_record(folder.name)
        for path in sorted(folder.glob("checkpoint-*/*.pt")):
            yield ended("checkpoints", path)
        if record.exists():
            yield sealed("runs", record, again(paths.predictions(name)))
        found = described(record)
        for key, path_of in RUN_FILES.items():
            path = path_of(name)
            if path.exists() or (key == "predictions" and found):
                mend = again(path if key == "model" else paths.predictions(name))
                yield listed("models" if key == "model" else "runs", path, found.get(key), mend)
        if paths.outcomes(name).exists():
            yield with_note("outcomes", paths.outcomes(name), again(paths.scored()))
        for path in sorted(folder.glob("representations-*/points.parquet")):
            yield with_note("representations", path, again(path))


def collected() -> Iterator[Stored]:
    """Yield scores, and what is made of them and read again."""
    for path in (paths.scored(), paths.scores()):
        if path.exists():
            yield with_note("scores", path, again(path))
    for path in sorted(paths.decisions("").parent.glob("*.json")):
        yield sealed("decisions", path, mend_of(path))
    for folder, suffixes in (("tables", "csv md tex html"), ("papers", "csv md tex"), ("analyses", "csv json md tex")):
        for path in sorted((paths.RESULTS / folder).glob("[!.]*")):
            if path.suffix.removeprefix(".") in suffixes.split() and noted_or_printed(path):
                yield with_note(folder, path, again(path))


def noted_or_printed(path: Path) -> bool:
    """Whether a file is one of those that are noted: of papers' documents, which nothing reads, it is none."""
    return path.parent.name != "papers" or path.name.startswith("table_")


def listed(kind: str, path: Path, recorded: str | None, mend: str) -> Stored:
    """A file whose digest stands in a description."""
    return Stored(kind, path, lambda: verified(path, recorded, mend) == path and recorded is not None)


def sealed(kind: str, path: Path, mend: str) -> Stored:
    """A JSON object that has its own digest."""
    return Stored(kind, path, lambda: SEAL in read_sealed(path, mend))


def with_note(kind: str, path: Path, mend: str) -> Stored:
    """A file whose digest stands beside it."""
    return Stored(kind, path, lambda: verified_by_note(path, mend) == path and noted(path) is not None)


def ended(kind: str, path: Path) -> Stored:
    """A file whose digest stands at its end."""
    return Stored(kind, path, lambda: check(path) is not None)


def described(path: Path) -> dict[str, Any]:
    """Return a description; nothing where it is missing, or altered and so no witness."""
    found = read_object(path)
    return found if found is not None and intact(found) else {}


def main() -> None:
    """Run the command by itself."""
    call(__doc__, add_arguments, run)


if __name__ == "__main__":
    run_stage(main)
