"""What a dataset of the config must agree on with itself, and what others ask of it."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from pipeline.config_datasets import Babel, Dataset
from pipeline.config_downloads import Downloaded
from pipeline.config_files import Files
from pipeline.data.babel.family import parse_family
from pipeline.data.files_labels import own_labels
from pipeline.data.schema import LABELS, POSITIVE, SCHEMAS
from pipeline.errors import UserError, nearest
from pipeline.paths import SPLITS
from pipeline.tasks.metric_names import MAIN, metric_names

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
    for i, source in enumerate(dataset.sources):
        given = getattr(dataset, source)
        if given is None and source in dataset.nowhere:
            yield (*path, "sources", i), f"{source!r}: {dataset.nowhere[source]}"
        elif given is None and source != "archive":
            yield (*path, source), f"is required by source {source!r} and missing"
    yield from check_twice((*path, "sources"), dataset.sources)
    if not dataset.others:
        for language in dataset.expected:
            yield from check_known((*path, "expected", language), "language", language, dataset.known or [language])
    if dataset.test == "dev" and "dev" in dataset.absent:
        yield (*path, "test"), f"cannot be dev: {dataset.absent['dev']}"
    elif dataset.test == "dev" and dataset.dev is None and "train" not in dataset.absent:
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
    yield from check_paths(path, dataset)
    yield from check_cut(path, dataset)
    if "all" in dataset.files and dataset.dev is not None:
        yield (*path, "dev"), "is for a training file of its own; of one file for all, cut.dev says how much is dev"
    if dataset.dev is not None and "dev" in dataset.files:
        yield (*path, "dev"), "there is a dev file already; leave out one of the two"
    used = ({*SCHEMAS[dataset.task].names, "language"} - {"lang"}) | (
        {"answer", "start"} if dataset.task == "qa" else set()
    )
    for key in sorted(key for key, column in dataset.columns if column is not None and key not in used):
        yield (*path, "columns", key), f"task {dataset.task!r} has no such column{nearest(key, sorted(used))}"
    yield from check_labels(path, dataset)


def check_paths(path: KeyPath, dataset: Files) -> Iterator[Problem]:
    """Each split has a file of its own, and `{language}` is the only thing to fill in."""
    splits: dict[str, str] = {}
    for split, file in dataset.files.items():
        for name in re.findall(r"\{(.*?)\}", file):
            if name != "language":
                yield (*path, "files", split), f"{file!r}: nothing is put for {{{name}}}; did you mean {{language}}?"
        first = splits.setdefault(file, split)
        if first != split:
            yield (*path, "files", split), f"is the {first} file too; to divide one file: all, and cut"


def check_cut(path: KeyPath, dataset: Files) -> Iterator[Problem]:
    """Only one file for all is cut, and something must be left to train on."""
    if "all" not in dataset.files:
        if "cut" in dataset.model_fields_set:
            yield (
                (*path, "cut"),
                "divides one file for all splits, and there is none: this changes nothing; leave it out",
            )
    elif dataset.cut.dev + dataset.cut.test >= 1:
        yield (*path, "cut"), f"dev {dataset.cut.dev:g} and test {dataset.cut.test:g} leave nothing to train on"


def check_labels(path: KeyPath, dataset: Files) -> Iterator[Problem]:
    """Labels must make classes, one of them the positive one where the task's main score is about that."""
    try:
        own = own_labels(dataset.task, dataset.labels)
    except UserError as error:
        yield (*path, "labels"), str(error).removeprefix("labels: ")
        return
    main = MAIN[dataset.task]
    if own is not None and main not in metric_names(dataset.task, own):
        yield (
            (*path, "labels"),
            f"{dataset.task} is scored by {main}, and none of {', '.join(own)} is the positive class; call it "
            f"{POSITIVE[dataset.task]!r}",
        )


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


def known_languages(dataset: Dataset) -> list[str]:
    """Return the languages a dataset may be asked for, empty where only its files tell."""
    if isinstance(dataset, Babel):
        return [] if list(check_babel("", dataset)) else babel_languages(dataset)
    if isinstance(dataset, Files):
        return []
    return [*dataset.known, *(dataset.expected if dataset.others else ())]


def lacks(dataset: Dataset | None, split: str) -> str | None:
    """Return why a dataset has no such split in any language, `None` where it has one, or where only its files tell."""
    if split == "dev" and getattr(dataset, "dev", None) is not None:
        return None
    if isinstance(dataset, Downloaded):
        if dataset.test == "dev" and split != "train":
            return "its dev set is the test set" if split == "dev" else None
        return dataset.absent.get(split)
    if isinstance(dataset, Files) and "all" in dataset.files:
        return f"cut.{split} is 0; give it a share" if split != "train" and not getattr(dataset.cut, split) else None
    if isinstance(dataset, Files) and split in SPLITS and split not in dataset.files:
        return f"`files` names no {split} file"
    return None


def lacks_text(dataset: Dataset | None) -> str | None:
    """Return why a dataset has no raw text, which is that of its training data or else of dev; `None` where it has some."""
    lacking = [lacks(dataset, "train"), lacks(dataset, "dev")]
    return f"there is neither train nor dev to take it from; {lacking[0]}" if all(lacking) else None
