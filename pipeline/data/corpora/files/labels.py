"""What the labels in a user's files mean: the config's map from label to class.

Labels are compared as text, without blanks around them; `1`, `1.0` and `"1"` are one label, as are `True` and `true`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.data.formats.tables import as_text
from pipeline.data.schema import CLASSES, LABELS

_WHOLE = re.compile(r"(-?\d+)\.0+")

Map = Mapping[str, str | None] | Sequence[Sequence[Any]]
"""By label the class it means, or `None`; or pairs of those, which keep their order in a spec whose keys are sorted."""


def label_text(value: Any) -> str:
    """Return a label's one spelling."""
    text = str(as_text(value) if value is not None else "").strip()
    if whole := _WHOLE.fullmatch(text):
        return whole[1]
    return text.lower() if text.lower() in ("true", "false") else text


class Labels:
    """Tells the class of each label.

    Attributes:
        classes: the label set, in the order of the head.
        own: whether the config's map says it, not the task.
    """

    def __init__(self, task: str, given: Map) -> None:
        """Check the map.

        Raises:
            UserError: see `own_labels`.
        """
        own = own_labels(task, given)
        self.own, self.classes = own is not None, own or tuple(LABELS[task])
        self._kind = "tag" if task == "ner" else "label"
        self._means: dict[str, str | None] = dict(_means(given)) if self.own else {name: name for name in self.classes}
        self._seen: dict[str, str | None] = {}  # spellings already looked up

    def of(self, value: Any, where: str) -> str | None:
        """Return the class of a label at the place `where`; `None`: its row is to be left out.

        Raises:
            UserError: the label is unknown or missing.
        """
        if isinstance(value, str) and value in self._seen:
            return self._seen[value]
        if isinstance(value, list | dict):
            raise UserError(f"{where}: the {self._kind} is {value!r:.60}, expected one")
        text = label_text(value)
        if text not in self._means:
            found = f"unknown {self._kind} {text!r}{nearest(text, self._means)}" if text else f"no {self._kind}"
            instead = "list it" if self.own else "say what each means"
            raise UserError(
                f'{where}: {found}; {instead} under `labels`: {{"{text}": {self.classes[-1]}}}, or null to leave it out'
            )
        if isinstance(value, str):
            self._seen[value] = self._means[text]
        return self._means[text]


def own_labels(task: str, given: Map) -> tuple[str, ...] | None:
    """Return the label set that a map makes, in the order of the head; `None`: the map is empty, the task's is used.

    A task's usual classes keep their usual order, so that data of several sources can be used together; other sets have the
    order in which the map first names them. Tags: `O`, then `B-` and `I-` of each type, in that order.

    Raises:
        UserError: the task has no labels, a label is mapped twice, there are fewer than two classes, or a tag is none.
    """
    means = _means(given)
    named = [name for name in dict.fromkeys(means.values()) if name is not None]
    if not means:
        return None
    if task == "ner":
        return _tags(named)
    if task not in CLASSES:
        raise UserError(f"labels: task {task} has no labels; leave it out")
    if len(named) < 2:
        raise UserError(f"labels: {', '.join(named) or 'no'} class{'' if named else 'es'}; expected at least two")
    usual = LABELS[task]
    return tuple(usual) if set(named) == set(usual) else tuple(named)


def _tags(named: Sequence[str]) -> tuple[str, ...]:
    for tag in named:
        if tag != "O" and not re.fullmatch(r"[BI]-.+", tag):
            raise UserError(f"labels: {tag!r} is no tag; expected O, B-TYPE or I-TYPE")
    kinds = [*dict.fromkeys(tag[2:] for tag in named if tag != "O")]
    if not kinds:
        raise UserError("labels: no tag of an entity; expected B-TYPE or I-TYPE among the tags")
    usual = LABELS["ner"]
    if {f"B-{kind}" for kind in kinds} == {tag for tag in usual if tag.startswith("B-")}:
        return tuple(usual)
    return ("O", *(f"{place}-{kind}" for kind in kinds for place in "BI"))


def pairs_of(given: Map) -> Iterable[Sequence[Any]]:
    """Return the pairs of label and class that a map is made of."""
    return given.items() if isinstance(given, Mapping) else given


def _means(given: Map) -> dict[str, str | None]:
    """Return the map with its labels in their one spelling."""
    means: dict[str, str | None] = {}
    for label, name in pairs_of(given):
        text = label_text(label)
        if text in means and means[text] != name:
            raise UserError(f"labels: {text!r} means {means[text]!r} and {name!r}; expected one class")
        means[text] = name
    return means
