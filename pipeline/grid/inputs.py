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
from pipeline.config.encoders import Extend, FolderEncoder, Pretrain
from pipeline.config.methods.parts.maml import named_languages
from pipeline.config.resolve import target_text, trained_method
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
        spec: what determines its weights; with the keys of the datasets whose text it is made from, and of its base.
        folder: path of a model of the user's own.
    """

    key: str
    name: str
    spec: dict[str, Any]
    folder: str | None = None


def dataset_spec(dataset: DatasetSettings) -> dict[str, Any]:
    """Return what determines a dataset's content; where its files are found and how they are counted is left out."""
    spec = dataset.model_dump(by_alias=True, exclude={*PLACES, "expected", "languages", "licence"})
    if isinstance(dataset, Babel):
        spec["family"] = babel_overrides(dataset)
    return spec


def dataset_keys(settings: Settings) -> dict[str, str]:
    """Return every dataset's key by its name."""
    return {name: f"{name}-{digest(dataset_spec(d), 8)}" for name, d in settings.datasets.items()}


def used_encoders(settings: Settings) -> list[str]:
    """Return the names of the encoders that experiments use, in the order of their first use, bases before extensions."""
    names: list[str] = []
    for experiment in settings.experiments.values():
        given = settings.encoders[experiment.encoder]
        names += [given.encoder, experiment.encoder] if isinstance(given, Extend) else [experiment.encoder]
    return list(dict.fromkeys(names))


def text_languages(name: str, settings: Settings) -> list[tuple[str, str]]:
    """Return the (dataset, language) pairs whose raw text an encoder is made from, sorted; no run's target is among them."""
    encoder = settings.encoders[name]
    if not isinstance(encoder, Pretrain | Extend):
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
    """Return an encoder with its key; of one that is extended by target, what its targets' encoders have in common."""
    given = settings.encoders[name]
    spec = given.model_dump(by_alias=True)
    if isinstance(given, Pretrain | Extend):
        spec["text"] = [
            {"dataset": datasets[d], "language": language} for d, language in text_languages(name, settings)
        ]
    if isinstance(given, Pretrain):
        spec["intermediate_size"] = given.intermediate_size or 4 * given.hidden_size
    if isinstance(given, Extend):
        del spec["encoder"]
        spec["base"] = encoder(given.encoder, settings, datasets).key
    folder = expanded(given.folder) if isinstance(given, FolderEncoder) else None
    return Encoder(f"{name}-{digest(spec, 8)}", name, spec, folder)


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
        text = target_text(name, self._settings)
        if text is None:
            return self._fixed[name]
        size, seed = (target_size, data_seed) if text.size == "target_size" else (None, None)
        asked = name, target, size, seed
        if asked not in self._by_target:
            common = self._fixed[name].spec
            own = {"dataset": self._datasets[text.dataset], "language": target}
            chosen: dict[str, Any] = {}
            if text.size == "target_size":
                chosen = {"split": "train", "size": size, "data_seed": None if size is None else seed}
            spec = {**common, "text": [*common["text"], {**own, **chosen}]}
            shared = digest([common, own["dataset"], text.size, size], 8)
            label = name if size is None else f"{name}.{size}"
            self._by_target[asked] = Encoder(f"{label}-{shared}@{target}-{digest(spec, 8)}", name, spec)
        return self._by_target[asked]

    def all(self) -> dict[str, Encoder]:
        """Return every encoder that was asked for, and the bases of extended ones, by key."""
        whole = [e for name, e in self._fixed.items() if target_text(name, self._settings) is None]
        return {e.key: e for e in (*whole, *self._by_target.values())}


def needed_datasets(settings: Settings, keys: Mapping[str, str]) -> Iterator[Dataset]:
    """Yield each dataset some run or encoder reads, with the languages they need."""
    needed: dict[str, set[str]] = {}
    for experiment in settings.experiments.values():
        needed.setdefault(experiment.dataset, set()).update(experiment.targets, *experiment.auxiliaries)
        methods = [method for label in experiment.methods if (method := trained_method(settings, label))]
        needed[experiment.dataset].update(*map(named_languages, methods))
        if any(method.needs_sources for method in methods):
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
        "sources": tuple(given.get("sources", ("folder",))),
        **{kind: expanded(given[kind]) for kind in ("mirror", "folder") if kind in given},
        "archive": given.get("archive"),
        "expected": given.get("expected", {}),
        "called": given.get("languages", {}),
    }
