"""What is known of a dataset before it is fetched: languages, labels, splits that it lacks."""

from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.paths import SPLITS
from pipeline.config.datasets import Dataset
from pipeline.config.datasets.babel import Babel
from pipeline.config.datasets.downloaded import Downloaded
from pipeline.config.datasets.files import Files
from pipeline.data.corpora.babel.family import parse_family
from pipeline.data.corpora.files.labels import own_labels
from pipeline.data.schema import LABELS


def babel_overrides(dataset: Babel) -> dict[str, dict[str, Any]]:
    """Return the parameters the config sets for languages of the family, and no others."""
    return {language: given.model_dump(exclude_unset=True) for language, given in dataset.family.items()}


def babel_languages(dataset: Babel) -> list[str]:
    """Return the languages of a Babel family, sorted.

    Raises:
        UserError: the config's own languages do not fit into the family.
    """
    return sorted(parse_family(babel_overrides(dataset)))


def label_set(dataset: Dataset) -> list[str]:
    """Return a dataset's labels, in the order of the head; the task's where its own cannot be read, which `check_files` tells."""
    try:
        own = own_labels(dataset.task, dataset.labels, dataset.classes) if isinstance(dataset, Files) else None
    except UserError:
        own = None
    return list(own or LABELS[dataset.task])


def known_languages(dataset: Dataset) -> list[str]:
    """Return the languages a dataset may be asked for, empty where only its files tell."""
    if isinstance(dataset, Babel):
        try:
            return babel_languages(dataset)
        except UserError:  # which `check_babel` tells
            return []
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
