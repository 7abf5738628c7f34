"""What a dataset of the config must agree on with itself, and what others ask of it."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pipeline.config_datasets import Babel, Dataset, Downloaded, Files
from pipeline.data.babel.family import parse_family
from pipeline.data.files_labels import own_labels
from pipeline.data.schema import LABELS, SCHEMAS
from pipeline.errors import UserError, nearest

KeyPath = tuple[str | int, ...]
Problem = tuple[KeyPath, str]
"""The path of a key and what is wrong with it."""


def check_known(path: KeyPath, kind: str, name: str, valid: Sequence[str]) -> Iterator[Problem]:
    """The name must be declared."""
    if name not in valid:
        yield path, f"unknown {kind} {name!r}{nearest(name, valid)}"


def check_twice(path: KeyPath, values: Sequence[Any]) -> Iterator[Problem]:
    """No item may stand in a list twice."""
    for i, value in enumerate(values):
        if value in values[:i]:
            shown = "+".join(value) if isinstance(value, list) else "all" if value is None else value
            yield (*path, i), f"{shown!r} stands there twice"


def check_dataset(name: str, dataset: Dataset, languages: Collection[str]) -> Iterator[Problem]:
    """Check what is peculiar to a kind of dataset; `languages` are those that experiments use."""
    if isinstance(dataset, Babel):
        yield from check_babel(name, dataset)
    elif isinstance(dataset, Files):
        yield from check_files(name, dataset)
        yield from check_languages_of_files(name, dataset, languages)
    else:
        yield from check_downloaded(name, dataset)


def check_downloaded(name: str, dataset: Downloaded) -> Iterator[Problem]:
    """Every source needs its place; a dev set that serves as test set cannot choose the epoch too."""
    path = ("datasets", name)
    for source in ("mirror", "hub", "folder"):
        if source in dataset.sources and getattr(dataset, source) is None:
            yield (*path, source), f"is required by source {source!r} and missing"
    yield from check_twice((*path, "sources"), dataset.sources)
    if dataset.test == "dev" and dataset.dev is None and "train" not in dataset.absent:
        yield (
            (*path, "test"),
            "the dev set cannot be the test set and choose the epoch too; take dev from the training split: "
            "dev: {from: train, fraction: 0.2}",
        )
    if dataset.dev is not None and "train" in dataset.absent:
        yield (*path, "dev"), f"cannot be cut from the training split: {dataset.absent['train']}"


def check_files(name: str, dataset: Files) -> Iterator[Problem]:
    """One file for all splits, or one for each; classes must be names, columns those of the task."""
    path = ("datasets", name)
    if "all" in dataset.files and len(dataset.files) > 1:
        yield (*path, "files"), "'all' is divided into all splits, so no other file may stand beside it"
    if not dataset.files:
        yield (*path, "files"), "names no file; expected train, dev and test, or all"
    if "all" in dataset.files and dataset.dev is not None:
        yield (*path, "dev"), "is for a training file of its own; of one file for all, cut.dev says how much is dev"
    if dataset.dev is not None and "dev" in dataset.files:
        yield (*path, "dev"), "there is a dev file already; leave out one of the two"
    used = ({*SCHEMAS[dataset.task].names, "language"} - {"lang"}) | (
        {"answer", "start"} if dataset.task == "qa" else set()
    )
    for key in sorted(key for key, column in dataset.columns if column is not None and key not in used):
        yield (*path, "columns", key), f"task {dataset.task!r} has no such column{nearest(key, sorted(used))}"
    try:
        own_labels(dataset.task, dataset.labels)
    except UserError as error:
        yield (*path, "labels"), str(error).removeprefix("labels: ")


def check_languages_of_files(name: str, dataset: Files, languages: Collection[str]) -> Iterator[Problem]:
    """Languages that are used together must be told apart: by file, or by a column; and be called differently."""
    path = ("datasets", name)
    shared = [key for key, file in dataset.files.items() if "{language}" not in file]
    if shared and len(languages) > 1 and dataset.columns.language is None:
        yield (
            (*path, "files", shared[0]),
            f"is one file for {', '.join(sorted(languages))}; put {{language}} into its path, or say which column tells the "
            "language: columns: {language: NAME}",
        )
    called: dict[str, str] = {}
    for language in sorted(languages):
        other = called.setdefault(dataset.languages.get(language, language), language)
        if other != language:
            yield (*path, "languages", language), f"is called as {other!r} is; expected different names"


def babel_overrides(dataset: Babel) -> dict[str, dict[str, Any]]:
    """Return the parameters the config sets for languages of the family, and no others."""
    return {language: given.model_dump(exclude_unset=True) for language, given in dataset.family.items()}


def babel_languages(dataset: Babel) -> list[str]:
    """Return the languages of a Babel family, sorted.

    Raises:
        UserError: the config's own languages do not fit into the family.
    """
    return sorted(parse_family(babel_overrides(dataset)))


def check_babel(name: str, dataset: Babel) -> Iterator[Problem]:
    """The config's own languages must fit into the family."""
    try:
        babel_languages(dataset)
    except UserError as error:
        where, _, said = str(error).partition(": ")
        yield ("datasets", name, where), said


def label_set(dataset: Dataset) -> list[str]:
    """Return a dataset's labels, in the order of the head; the task's where its own cannot be read, which `check_files` tells."""
    try:
        own = own_labels(dataset.task, dataset.labels) if isinstance(dataset, Files) else None
    except UserError:
        own = None
    return list(own or LABELS[dataset.task])
