"""What runs read: datasets and encoders, addressed by their content, in the languages the config needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.common.files import digest, matching
from pipeline.common.names import on_disk
from pipeline.common.paths import expanded
from pipeline.config.datasets import Dataset as DatasetSettings
from pipeline.config.datasets.babel import Babel
from pipeline.config.datasets.facts import babel_languages, babel_overrides
from pipeline.config.datasets.files import Files
from pipeline.config.encoders import Extend, FolderEncoder, HubEncoder, Made, Pretrain, made_from
from pipeline.config.methods.parts.maml import named_languages
from pipeline.config.resolve import lineage, target_text, target_texts, trained_method
from pipeline.config.schema import Settings
from pipeline.config.values import as_list

PLACES = ("sources", "mirror", "folder", "archive")
"""Keys of a dataset that say where its files are found; no part of what they hold."""


@dataclass(frozen=True)
class Dataset:
    """A dataset in the languages the config needs.

    Attributes:
        key: `<name>-<id>`, the folder's name.
        name: its name in the config.
        spec: what determines its content: the loader and its options.
        languages: the languages that are needed, sorted.
        sources: where to look for the files, in order; as all below, no part of the spec.
        mirror: path of a mirror.
        folder: path of the user's own copy.
        archive: address and SHA-256 of an archive instead of the original one.
        expected: counts to check instead of the built-in ones, by language and split.
        called: what the user's own files call languages; another language more changes nothing for the others.
    """

    key: str
    name: str
    spec: dict[str, Any]
    languages: tuple[str, ...]
    sources: tuple[str, ...] = ()
    mirror: str | None = None
    folder: str | None = None
    archive: dict[str, str] | None = None
    expected: dict[str, dict[str, int]] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)

    def data_spec(self, language: str) -> dict[str, Any]:
        """Return the `--spec` of the preprocess stage: what determines the content of one language."""
        called = {"languages": {language: self.called[language]}} if language in self.called else {}
        return {**self.spec, **called, "dataset": self.key, "language": language}

    def download_spec(self, language: str) -> dict[str, Any]:
        """Return the `--spec` of the download stage: content, and what the files are to be sought and checked by."""
        expected = {language: self.expected[language]} if language in self.expected else {}
        sought = {"sources": list(self.sources), "archive": self.archive, "expected": expected}
        return {**self.data_spec(language), **sought}

    def called_elsewhere(self, language: str) -> str | None:
        """Return what the files of a repository or an archive call one language; `None` of other loaders and of a folder."""
        if self.spec["loader"] != "files" or self.folder is not None:
            return None
        return self.called.get(language, language)

    def own_files(self, language: str) -> dict[str, list[Path]]:
        """Return by split the user's own files that one language is read from, there or not; none of other loaders."""
        if self.spec["loader"] != "files" or self.folder is None:
            return {}
        called, folder = self.called.get(language, language), on_disk(Path(), self.folder)
        files: Mapping[str, str | list[str]] = self.spec["files"]
        return {
            split: [file for name in as_list(given) for file in matching(folder, name.replace("{language}", called))]
            for split, given in files.items()
        }


@dataclass(frozen=True)
class Encoder:
    """An encoder.

    Attributes:
        key: `<name>-<id>`, the folder's name.
        name: its name in the config.
        spec: what determines its weights; with the keys of the datasets whose text it is made from, and of the encoder that it
            extends (`base`) or is trained on from (`start`).
        folder: path of a model of the user's own.
        mirror: path of a mirror of the hub.
    """

    key: str
    name: str
    spec: dict[str, Any]
    folder: str | None = None
    mirror: str | None = None


def dataset_spec(dataset: DatasetSettings) -> dict[str, Any]:
    """Return what determines a dataset's content; where its files are found and how they are counted is left out."""
    spec = dataset.model_dump(by_alias=True, exclude={*PLACES, "expected", "languages", "licence"})
    if isinstance(dataset, Babel):
        spec["family"] = babel_overrides(dataset)
    if isinstance(dataset, Files) and dataset.archive is not None:  # of no original, so it says what the rows are
        spec["archive"] = dataset.archive.model_dump()
    return spec


def dataset_keys(settings: Settings) -> dict[str, str]:
    """Return every dataset's key by its name."""
    return {name: f"{name}-{digest(dataset_spec(d), 8)}" for name, d in settings.datasets.items()}


def used_encoders(settings: Settings) -> list[str]:
    """Return the names of the encoders that experiments use, in the order of their first use, each after what it is made from."""
    used = [reversed(lineage(settings, experiment.encoder)) for experiment in settings.experiments.values()]
    return list(dict.fromkeys(chain.from_iterable(used)))


def text_languages(name: str, settings: Settings) -> list[tuple[str, str]]:
    """Return the (dataset, language) pairs whose raw text an encoder is made from, sorted; no run's target is among them."""
    encoder = settings.encoders[name]
    if not isinstance(encoder, Pretrain | Made):
        return []
    return sorted(
        (text.dataset, language)
        for text in encoder.text
        if not isinstance(text.languages, str)  # `target`
        for language in text.languages or _all_languages(settings.datasets[text.dataset])
    )


def _all_languages(dataset: DatasetSettings) -> list[str]:
    return babel_languages(dataset) if isinstance(dataset, Babel) else []  # the rules refuse `all` of others


def encoder(name: str, settings: Settings, datasets: Mapping[str, str]) -> Encoder:
    """Return an encoder with its key; of one that is made by target, what its targets' encoders have in common."""
    given = settings.encoders[name]
    spec = given.model_dump(by_alias=True, exclude={"mirror"})
    if isinstance(given, Pretrain | Made):
        spec["text"] = [
            {"dataset": datasets[d], "language": language} for d, language in text_languages(name, settings)
        ]
    if isinstance(given, Pretrain):
        spec["intermediate_size"] = given.intermediate_size or 4 * given.hidden_size
    if isinstance(given, Made):
        spec.pop("encoder", None)
        spec[parent_key(given)] = encoder(made_from(given), settings, datasets).key
    folder = expanded(given.folder) if isinstance(given, FolderEncoder) else None
    mirror = expanded(given.mirror) if isinstance(given, HubEncoder) and given.mirror is not None else None
    return Encoder(f"{name}-{digest(spec, 8)}", name, spec, folder, mirror)


def parent_key(given: Made) -> str:
    """Return the key of a spec that says what an encoder is made from."""
    return "base" if isinstance(given, Extend) else "start"


class Encoders:
    """The encoders that runs ask for, each made up once."""

    def __init__(self, settings: Settings, datasets: Mapping[str, str]) -> None:
        self._settings, self._datasets = settings, datasets
        self._fixed = {name: encoder(name, settings, datasets) for name in used_encoders(settings)}
        self._by_target: dict[tuple[Any, ...], Encoder] = {}

    def of(self, name: str, target: str, target_size: float | None, data_seed: int) -> Encoder:
        """Return the encoder of a run: with `languages: target` that of its own target language.

        Its key is `<name>[.<target_size>]-<id>@<target>-<id>`; up to the `@` it is that of all targets' and data seeds'
        encoders, which count as one in tables.
        """
        texts = target_texts(name, self._settings)
        if not texts:
            return self._fixed[name]
        sized = any(text.size == "target_size" for text in texts.values())
        size, seed = (target_size, data_seed) if sized else (None, None)
        asked = name, target, size, None if size is None else seed
        if asked not in self._by_target:
            self._by_target[asked] = self._made(name, target, size, data_seed)
        return self._by_target[asked]

    def _made(self, name: str, target: str, size: float | None, data_seed: int) -> Encoder:
        """Make up the encoder of a target, and before it what it is made from."""
        given, text = self._settings.encoders[name], target_text(name, self._settings)
        common, parts = self._fixed[name].spec, []
        if text is not None:
            chosen = {"split": "train", "size": size, "data_seed": None if size is None else data_seed}
            place = {"dataset": self._datasets[text.dataset], "language": target}
            parts = [{**place, **(chosen if text.size == "target_size" else {})}]
        spec = {**common, "text": [*common["text"], *parts]}
        if isinstance(given, Made):
            parent = self.of(made_from(given), target, size, data_seed).key
            spec[parent_key(given)] = parent
            common = {**common, parent_key(given): parent.partition("@")[0]}
        own = (None, None) if text is None else (self._datasets[text.dataset], text.size)
        shared = digest([common, *own, size], 8)
        label = name if size is None else f"{name}.{size}"
        return Encoder(f"{label}-{shared}@{target}-{digest(spec, 8)}", name, spec)

    def all(self) -> dict[str, Encoder]:
        """Return every encoder that was asked for, and those that they are made from, by key."""
        whole = [e for name, e in self._fixed.items() if not target_texts(name, self._settings)]
        return {e.key: e for e in (*whole, *self._by_target.values())}


def needed_datasets(settings: Settings, keys: Mapping[str, str]) -> Iterator[Dataset]:
    """Yield each dataset some run or encoder reads, with the languages they need."""
    needed: dict[str, set[str]] = {}
    for experiment in settings.experiments.values():
        needed.setdefault(experiment.dataset, set()).update(experiment.targets, *experiment.auxiliaries)
        methods = [method for label in experiment.methods if (method := trained_method(settings, label))]
        needed[experiment.dataset].update(*map(named_languages, methods))
        if any(method.uses_sources for method in methods):
            sources = chain.from_iterable(experiment.sources)
            needed.setdefault(experiment.source_dataset or experiment.dataset, set()).update(sources)
    for name in used_encoders(settings):
        for dataset, language in text_languages(name, settings):
            needed.setdefault(dataset, set()).add(language)
    for name, given in settings.datasets.items():
        if name in needed:
            places = {} if isinstance(given, Babel) else _places(given.model_dump(exclude_none=True))
            yield Dataset(keys[name], name, dataset_spec(given), tuple(sorted(needed[name])), **places)


def _places(given: Mapping[str, Any]) -> dict[str, Any]:
    """Where a dataset's files are found and what they must count."""
    return {
        "sources": tuple(given.get("sources", [kind for kind in ("folder", "hub", "archive") if kind in given])),
        **{kind: expanded(given[kind]) for kind in ("mirror", "folder") if kind in given},
        "archive": given.get("archive"),
        "expected": given.get("expected", {}),
        "called": given.get("languages", {}),
    }
