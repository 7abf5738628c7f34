"""What the labels in a user's files mean: the config's map from label to class.

Labels are compared as names are (`pipeline.common.names`); `true`, `True` and `TRUE` are one label too. A map that only leaves
labels out adds to the task's usual classes; any other stands in their place. `classes` lists other classes that stand for
themselves; a map beside it says what further labels mean. A task without usual classes must have one of the two.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from pipeline.common.errors import LONGEST, UserError, closest, fitting, nearest
from pipeline.common.names import difference, looks_like, name_of, plain, skeleton, twice
from pipeline.common.yaml_text import read_yaml
from pipeline.data.formats.tables import as_text
from pipeline.data.schema import CLASSES, LABELS

FRAME = 60  # characters around the parts of a message
COPIED = 600
"""Characters of a message for what is to be copied out of it, in whole entries."""

FEW, MOST = 10, 50  # unknown labels: so many are described one by one, and never more than these listed
_SEPARATORS = re.compile(r"[-_ ]+")

Map = Mapping[str, str | None] | Sequence[Sequence[Any]]
"""By label the class it means, or `None`; or pairs of those, which keep their order in a spec whose keys are sorted."""


def label_text(value: Any) -> str:
    """Return a label's one spelling."""
    text = name_of(str(as_text(value) if value is not None else ""))
    return text.lower() if text.lower() in ("true", "false") else text


class Labels:
    """Tells the class of each label, and remembers those it does not know.

    Attributes:
        classes: the label set, in the order of the head.
        own: whether the config's map says it, not the task.
    """

    def __init__(self, task: str, given: Map, listed: Sequence[str] = ()) -> None:
        """Check the map, and the classes that the config lists.

        Raises:
            UserError: see `own_labels`.
        """
        own = own_labels(task, given, listed)
        self.own, self.classes = own is not None, own or tuple(LABELS[task])
        self._kind = "tag" if task == "ner" else "label"
        self._listed = {label_text(name): name for name in map(plain, listed)}
        usual = self._listed if self.own else {name: name for name in self.classes}
        self._means: dict[str, str | None] = {**usual, **_means(given)}
        self._seen: dict[str, str | None] = {}  # spellings already looked up
        self._met: set[str] = set()
        self._unknown: dict[str, tuple[int, str]] = {}  # how often, and the first place

    def knows(self, value: Any) -> bool:
        """Tell whether it is known what a label means."""
        return not isinstance(value, list | dict) and label_text(value) in self._means

    def of(self, value: Any, where: str) -> str | None:
        """Return the class of a label at the place `where`; `None`: its row is to be left out, or `check` will refuse it.

        Raises:
            UserError: it is a list or a mapping.
        """
        if isinstance(value, str) and value in self._seen:
            return self._seen[value]
        if isinstance(value, list | dict):
            raise UserError(f"{where}: the {self._kind} is {value!r:.60}, expected one")
        text = label_text(value)
        if text not in self._means:
            times, first = self._unknown.get(text, (0, where))
            self._unknown[text] = (times + 1, first)
            return None
        self._met.add(text)
        if isinstance(value, str):
            self._seen[value] = self._means[text]
        return self._means[text]

    def check(self) -> None:
        """Refuse the labels that are not known, all at once.

        Raises:
            UserError: there are some; says where and how often each stands, and what to write into the config.
        """
        if not self.classes:
            self._list()
        if self._unknown:
            first = next(iter(self._unknown.values()))[1]
            advice = self._advice()
            raise UserError(f"{first}: {self._named(LONGEST - len(first) - len(advice) - FRAME)}; {advice}")

    def _list(self) -> None:
        """List the labels that were met, for a task without usual classes.

        Raises:
            UserError: always.
        """
        times = {text: n for text, (n, _) in self._unknown.items() if text}
        rows, names = sum(times.values()), sorted(times)
        first = next((place for _, place in self._unknown.values()), "labels")
        if len(names) < 2 or 2 * len(names) > max(rows, 2 * FEW):
            raise UserError(
                f"{first}: {len(names):,} different labels in {rows:,} rows are hardly classes; name the column that holds the "
                "class under `columns`, or list the classes: `classes: [NAME, NAME]`"
            )
        counts = ", ".join(f"{name} {times[name]:,}" for name in names[:FEW]) + (", …" if len(names) > FEW else "")
        empty = f'; {n:,} rows without a label need labels: {{"": null}} too' if (n := self._unlabelled()) else ""
        shown, more = _copied([*map(_value, names)])
        raise UserError(
            f"{first}: the task has no usual classes, and the config lists none; here are {len(names)} labels "
            f"({counts:.{COPIED}}); write into the config, and add what other languages have besides: "
            f"classes: [{shown}]{more}{empty}"
        )

    def _unlabelled(self) -> int:
        return self._unknown.get("", (0, ""))[0]

    def _named(self, room: int) -> str:
        """Name the unknown labels, each with its number and, but for the first, its first place; as many as have room."""
        said = []
        many = self._are_too_many()
        for i, (text, (times, first)) in enumerate([*self._unknown.items()][: 3 if many else FEW]):
            what = f"unknown {self._kind} {text!r:.60}" if text else f"no {self._kind}"
            unit = "word" if self._kind == "tag" else "row"
            place = f", first at {first}" if i else ""
            close = closest(text, self._means, 0.85) if self._like(text) is None else None
            hint = f"; did you mean {close!r}?" if close else ""
            said.append(f"{what} ({times:,} {unit}{'s' if times > 1 else ''}{place}{hint})")
        said = said[: fitting([f"{one} " for one in said], room)]
        return ", ".join(said) + (f" … ({len(self._unknown)} different ones)" if len(said) < len(self._unknown) else "")

    def _advice(self) -> str:
        """Say what to write under `labels`; a class is filled in only where its name is all but the label's."""
        if self._are_too_many():
            return (
                f"so many are hardly {self._kind}s: name the column that holds the {self._kind}s under `columns`, or list all of "
                "them under `labels`"
            )
        block, quoted = self._block()
        block = {text: name for text, name in block.items() if text not in self._listed}
        entries = {text: f"{_quoted(text)}: {name}" for text, name in block.items()}
        where = "write into the config: labels:"
        if fitting(entries.values(), COPIED) < len(entries):  # what the config has already is left out
            entries = {text: entry for text, entry in entries.items() if text in self._unknown}
            where = "add to `labels` in the config:"
        shown, more = _copied([*entries.values()])
        lines = [f"{where} {{{shown}}}{more}"]
        if quoted:
            lines.append(f"without quotes YAML reads {quoted} as a number")
        if "?" in block.values():
            names = fitting(self.classes, COPIED // 4)
            classes = ", ".join([*self.classes[:names], *(["…"] if names < len(self.classes) else [])])
            lines.append(f"with a class ({classes}), or null to leave such rows out, in the place of each ?")
        if self._listed:
            lines.append("a label that is a class of its own belongs into `classes`, not there")
        return "; ".join(lines)

    def _are_too_many(self) -> bool:
        """Whether what stands in the place of labels is hardly that: nearly every row has another one."""
        rows, different = sum(times for times, _ in self._unknown.values()), len(self._unknown)
        return different > MOST or (different > FEW and 2 * different > rows)

    def _block(self) -> tuple[dict[str, str], str]:
        """Return the whole map that would do, `?` where nobody but the user knows; and a label that YAML read as a number."""
        quoted, known = "", dict(self._means)
        added: dict[str, str | None] = {}
        for text in self._unknown:
            read = _as_yaml(text)
            if self.own and read in known and read not in self._met:
                quoted, added[text] = quoted or text, known.pop(read)
            elif not text:
                added[text] = None
            else:
                (added[text],) = self._like(text) or ("?",)
        only_left_out = all(name is None for name in added.values())
        if not self.own and (only_left_out or self._met.isdisjoint(self.classes)):
            known = {
                label: name for label, name in known.items() if name is None
            }  # the usual ones are known or of no use
        return {text: _value(name) for text, name in {**known, **added}.items()}, quoted

    def _like(self, text: str) -> tuple[str | None] | None:
        """Return what a label means that is a known label or a class, written a little otherwise; `None`: no such label."""
        known = {name: name for name in self.classes} | self._means
        spelled = {_SEPARATORS.sub(" ", name): meaning for name, meaning in known.items()}
        like = looks_like(_SEPARATORS.sub(" ", text), [*spelled])
        return None if like is None else (spelled[like],)


def _copied(entries: Sequence[str]) -> tuple[str, str]:
    """Return as many entries of a list as have room, whole, and how many more there are."""
    shown = fitting([f"{entry} " for entry in entries], COPIED)
    more = f" ({len(entries) - shown} more are named once these are there)" if shown < len(entries) else ""
    return ", ".join(entries[:shown]), more


def _value(name: str | None) -> str:
    """Spell a class for YAML."""
    if name is None or name == "?":
        return name or "null"
    return name if re.fullmatch(r"[A-Za-z][\w-]*", name) and yaml.safe_load(name) == name else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _as_yaml(text: str) -> str | None:
    """Return the label that YAML makes of a number without quotes; `None` where that is no other."""
    try:
        value = read_yaml(text, "label")
    except UserError:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return label_text(value) if is_number else None


def labels_of(spec: Mapping[str, Any]) -> Labels:
    """Return what labels mean by the config's word.

    Raises:
        UserError: see `own_labels`.
    """
    return Labels(str(spec["task"]), spec.get("labels") or {}, spec.get("classes") or ())


def own_labels(task: str, given: Map, listed: Sequence[str] = ()) -> tuple[str, ...] | None:
    """Return the label set that a map or a list of classes makes, in the order of the head; `None`: the task's is used.

    A task's usual classes keep their usual order, so that data of several sources can be used together; other sets have the
    order in which the map first names them. Tags: `O`, then `B-` and `I-` of each type, in that order.

    Raises:
        UserError: the task has no labels, a label is mapped twice, there are fewer than two classes, two classes look the same,
            a label is mapped to a class that is not in the list, or a tag is none.
    """
    means = _means(given)
    named = [name for name in dict.fromkeys(means.values()) if name is not None]
    if listed:
        return _listed_classes(task, named, [plain(name) for name in listed])
    if not means:
        return None
    if task not in (*CLASSES, "ner"):
        raise UserError(f"labels: task {task} has no labels; leave it out")
    if not named:
        if gone := [name for name in LABELS[task] if name in means]:
            raise UserError(f"labels: leaves the class {gone[0]} out; list those that are left as well, as NAME: NAME")
        return None
    _check_spelling(task, named, "labels")
    if task == "ner":
        return _tags(named)
    if len(named) < 2:
        raise UserError(f"labels: {', '.join(named)} class; expected at least two")
    return _in_usual_order(task, named)


def _check_spelling(task: str, named: Sequence[str], key: str) -> None:
    """Refuse classes that are two and look like one."""
    alike: dict[str, list[str]] = {}
    for name in (*named, *LABELS[task]):
        alike.setdefault(skeleton(name), []).append(name)
    for name in named:
        for other in alike[skeleton(name)]:
            if why := difference(name, other):
                raise UserError(f"{key}: the classes {name!r} and {other!r} are two: {why}; write both alike")


def _in_usual_order(task: str, named: Sequence[str]) -> tuple[str, ...]:
    usual = LABELS[task]
    return tuple(usual) if set(named) == set(usual) else tuple(named)


def _listed_classes(task: str, named: Sequence[str], listed: Sequence[str]) -> tuple[str, ...]:
    """Return the label set that the config lists; `named` are the classes of its map of labels."""
    if task not in CLASSES:
        raise UserError(f"classes: task {task} has none; leave it out")
    _check_spelling(task, listed, "classes")
    if "" in listed:
        raise UserError("classes: one has no name; leave it out")
    if (name := twice(listed)) is not None:
        raise UserError(f"classes: {name!r} stands there twice")
    if len(listed) < 2:
        raise UserError(f"classes: {listed[0]!r} alone; expected at least two")
    if strange := next((name for name in named if name not in listed), None):
        raise UserError(f"labels: the class {strange!r} is not among `classes`{nearest(strange, listed)}")
    return _in_usual_order(task, listed)


def _tags(named: Sequence[str]) -> tuple[str, ...]:
    for tag in named:
        if tag != "O" and not re.fullmatch(r"[BIESLUMW]-.+", tag):
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
    for label, given_name in pairs_of(given):
        text, name = label_text(label), None if given_name is None else plain(given_name)
        if text in means and means[text] != name:
            raise UserError(f"labels: {text!r} means {means[text]!r} and {name!r}; expected one class")
        means[text] = name
    return means
