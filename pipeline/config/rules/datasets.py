"""What a dataset of the config must agree on with itself, and what others ask of it."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain

from pipeline.common.errors import UserError, nearest
from pipeline.common.names import name_of
from pipeline.config.datasets import Dataset
from pipeline.config.datasets.babel import Babel
from pipeline.config.datasets.downloaded import Downloaded
from pipeline.config.datasets.facts import babel_languages, known_languages
from pipeline.config.datasets.files import Files
from pipeline.config.encoders import Made, Pretrain, TargetText, Text
from pipeline.config.methods.parts.maml import named_languages
from pipeline.config.resolve import trained_method
from pipeline.config.rules.problems import KeyPath, Problem, check_known, check_twice
from pipeline.config.schema import Settings
from pipeline.config.values import as_list
from pipeline.data.corpora.files.labels import own_labels
from pipeline.data.formats.delimited import ENDINGS
from pipeline.data.formats.workbooks import WORKBOOKS
from pipeline.data.schema import POSITIVE, SCHEMAS
from pipeline.tasks.metric_names import MAIN, metric_names


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
    yield from check_place(path, dataset)
    yield from check_paths(path, dataset)
    yield from check_dialect(path, dataset)
    yield from check_cut(path, dataset)
    if "all" in dataset.files and dataset.dev is not None:
        yield (*path, "dev"), "is for a training file of its own; of one file for all, cut.dev says how much is dev"
    if dataset.dev is not None and "dev" in dataset.files:
        yield (*path, "dev"), "there is a dev file already; leave out one of the two"
    used = ({*SCHEMAS[dataset.task].names, "language", "group"} - {"lang"}) | (
        {"answer", "start"} if dataset.task == "qa" else {"sentence"} if dataset.task == "ner" else set()
    )
    for key in sorted(key for key, column in dataset.columns if column is not None and key not in used):
        yield (*path, "columns", key), f"task {dataset.task!r} has no such column{nearest(key, sorted(used))}"
    if dataset.language_until is not None and dataset.columns.language is None:
        yield (*path, "language_until"), "is about the column `language`, which `columns` does not name; leave it out"
    yield from check_labels(path, dataset)
    if dataset.task != "ner":
        for key in (name for name in ("scheme", "broken") if getattr(dataset, name) not in (None, "refuse")):
            yield (*path, key), f"is about tagged sentences, and task {dataset.task!r} has none; leave it out"


def check_place(path: KeyPath, dataset: Files) -> Iterator[Problem]:
    """The files lie in one place: a folder, the hub, or an archive that can be downloaded and checked."""
    given = [kind for kind in ("folder", "hub", "archive") if getattr(dataset, kind) is not None]
    if not given:
        yield (
            (*path, "folder"),
            "is required and missing: the path of a folder; or hub: {repository: owner/name, revision: COMMIT}, or "
            "archive: {url: ADDRESS}",
        )
    for kind in given[1:]:
        yield (*path, kind), f"the files are in one place, and {given[0]!r} says where; leave one of the two out"
    if dataset.mirror is not None and dataset.hub is None:
        yield (*path, "mirror"), "stands in for the hub, and there is no `hub`; for a folder of your own say `folder`"
    if dataset.archive is None:
        return
    if not dataset.archive.url.startswith(("http://", "https://")):
        yield (
            (*path, "archive", "url"),
            f"{dataset.archive.url!r}: expected an http:// or https:// address; unpack a file of yours and say `folder`",
        )
    if dataset.archive.sha256 is not None and "{language}" in dataset.archive.url:
        yield (
            (*path, "archive", "sha256"),
            "is of one file, and {language} in the address makes an archive for each language; leave it out",
        )


def check_paths(path: KeyPath, dataset: Files) -> Iterator[Problem]:
    """Each split has a file of its own, and `{language}` is the only thing to fill in."""
    splits: dict[str, str] = {}
    for split, file in ((split, file) for split, files in dataset.files.items() for file in as_list(files)):
        for name in re.findall(r"\{(.*?)\}", file):
            if name != "language":
                yield (*path, "files", split), f"{file!r}: nothing is put for {{{name}}}; did you mean {{language}}?"
        if re.search(r"[{}]", re.sub(r"\{.*?\}", "", file)):
            yield (
                (*path, "files", split),
                f"{file!r}: a lone brace; only {{language}} may stand in braces, so rename the file",
            )
        if file.startswith(("/", "~/")) or ".." in file.split("/"):
            place = "`folder`, which files are named below; write the path of theirs there"
            if dataset.folder is None:
                place = "the repository or archive, in which files are named; write their path in it"
            where = f"{file!r}: leads out of {place}"
            yield (*path, "files", split), where
        first = splits.setdefault(file, split)
        if first != split:
            yield (*path, "files", split), f"is the {first} file too; to divide one file: all, and cut"
    yield from check_optional(path, dataset)
    for language, called in dataset.languages.items():
        if re.search(r"[{}]", called) and "{language}" in str(list(dataset.files.values())):
            yield (
                (*path, "languages", language),
                f"{called!r} stands in paths, where braces cannot be read; rename the files",
            )


def check_optional(path: KeyPath, dataset: Files) -> Iterator[Problem]:
    """What a language may lack must be a file of its own, or its rows of a file of several."""
    told_apart = _is_told_apart(dataset)
    for i, split in enumerate(dataset.optional):
        if split not in dataset.files:
            yield (*path, "optional", i), f"`files` names no {split} file that a language could lack; leave it out"
        elif "{language}" not in str(dataset.files[split]) and not told_apart:
            yield (
                (*path, "optional", i),
                f"the {split} file is one for all languages, so none can lack it; leave it out",
            )


def check_dialect(path: KeyPath, dataset: Files) -> Iterator[Problem]:
    """What is said of tables must be said of a file there is."""
    names = [file.lower().removesuffix(".gz") for files in dataset.files.values() for file in as_list(files)]
    for key, endings in (("delimiter", ENDINGS), ("quotes", ENDINGS), ("sheet", WORKBOOKS)):
        said = getattr(dataset, key) not in (None, "auto")
        if said and not any(name.endswith((*endings, "*")) for name in names):
            yield (*path, key), f"no file ends in {', '.join(endings)}: this changes nothing; leave it out"


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
        own = own_labels(dataset.task, dataset.labels, dataset.classes)
    except UserError as error:
        key, _, said = str(error).partition(": ")
        yield (*path, key), said
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
    shared = [key for key, files in dataset.files.items() for file in as_list(files) if "{language}" not in file]
    if shared and len(languages) > 1 and not _is_told_apart(dataset):
        yield (
            (*path, "files", shared[0]),
            f"is one file for {', '.join(sorted(languages))}; put {{language}} into its path, or say which column tells the "
            "language: columns: {language: NAME}",
        )
    called: dict[str, str] = {}
    for language in sorted(languages):
        other = called.setdefault(name_of(dataset.languages.get(language, language)), language)
        if other != language:
            yield (*path, "languages", language), f"is called as {other!r} is; expected different names"


def _is_told_apart(dataset: Files) -> bool:
    """Whether languages are told apart by more than their files' names: by a column, by columns, or by where the files are."""
    places = (dataset.hub and dataset.hub.repository) or (dataset.archive and dataset.archive.url) or ""
    return dataset.columns.language is not None or dataset.columns.by_language or "{language}" in places


def check_babel(name: str, dataset: Babel) -> Iterator[Problem]:
    """The config's own languages must fit into the family."""
    try:
        babel_languages(dataset)
    except UserError as error:
        where, _, said = str(error).partition(": ")
        yield ("datasets", name, where), said


def used_languages(settings: Settings) -> dict[str, set[str]]:
    """Return, by dataset, the languages that experiments and encoders name."""
    found: dict[str, set[str]] = defaultdict(set)
    for encoder in settings.encoders.values():
        texts: Sequence[Text | TargetText] = encoder.text if isinstance(encoder, Pretrain | Made) else []
        for text in texts:
            if isinstance(text.languages, list):
                found[text.dataset].update(text.languages)
    for experiment in settings.experiments.values():
        found[experiment.source_dataset or experiment.dataset].update(chain.from_iterable(experiment.sources))
        found[experiment.dataset].update(experiment.targets, *experiment.auxiliaries)
        methods = (trained_method(settings, label) for label in experiment.methods)
        found[experiment.dataset].update(*(named_languages(method) for method in methods if method is not None))
    return found


def check_languages(
    paths: Iterable[KeyPath], dataset: str, languages: Sequence[str], settings: Settings
) -> Iterator[Problem]:
    """Languages of Babel and of most corpora are known beforehand; other datasets tell when they are fetched."""
    given = settings.datasets.get(dataset)
    known = [] if given is None else known_languages(given)
    for path, language in zip(paths, languages, strict=False):
        if known:
            yield from check_known(path, "language", language, known)
