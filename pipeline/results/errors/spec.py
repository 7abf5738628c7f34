"""What an error analysis is told, and what it measures of one run on one language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from pipeline.common.errors import UserError
from pipeline.common.files import parse_keys
from pipeline.data.schema import SCHEMAS

Seed = tuple[int, int | None]
"""(data_seed, model_seed); an average over seeds has no model seed."""


class Key(NamedTuple):
    """A number's place: a part of the analysis, a group in it, and in a matrix what was predicted for it."""

    part: str
    group: str
    other: str = ""


class Value(NamedTuple):
    """A share or score, 0 to 1, and the gold items it is of; the value `None` where there is none."""

    value: float | None
    items: int


Measured = dict[Key, Value]
"""What one run got right and wrong on one language."""


@dataclass(frozen=True)
class Spec:
    """An error analysis as the config describes it (`pipeline.grid.errors.error_specs`).

    Attributes:
        title: the captions' first sentence.
        experiment: whose predictions.
        task: its task.
        dataset: the key of the targets' dataset.
        source_dataset: that of the sources' and auxiliaries'.
        sources: source sets in order, each joined by "+"; an empty one where there is none.
        languages: the targets, in order.
        methods: `{"name", "label", "seeds"}`, in order.
        known: the training examples by which words and classes are known.
    """

    title: str
    experiment: str
    task: str
    dataset: str
    source_dataset: str
    sources: Sequence[str]
    languages: Sequence[str]
    methods: Sequence[Mapping[str, Any]]
    known: Mapping[str, Mapping[str, Any]]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every (sources, target)."""
        return [(sources, language) for language in self.languages for sources in self.sources]

    def pair_label(self, sources: str, language: str) -> str:
        """Word a pair: `en→qu`, or the target alone where no other source set is about."""
        return f"{sources}→{language}" if sources and len(self.sources) > 1 else language


def read_spec(text: str) -> Spec:
    """Read an error analysis' description from JSON.

    Raises:
        UserError: it is not JSON, a key is missing or unknown, or there is no such task.
    """
    found = parse_keys(text, [field.name for field in fields(Spec)], "--spec")
    if found["task"] not in SCHEMAS or found["task"] == "text":
        raise UserError(f"--spec: no errors are known of task {found['task']!r}")
    return Spec(**found)
