"""Training examples by which an analysis knows words and classes, and the groups that test examples fall into.

They are the same for all methods of an analysis, so that these are compared on the same test items: the target's and the
sources' and auxiliaries' as the experiment chooses them (`pipeline.training.data`: the first `size` by the data seed), whether
a method trains on them or not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.common import paths
from pipeline.data.schema import CLASSES, KEYS, read_split
from pipeline.data.splits import Size, count_of, select
from pipeline.results.errors.bins import (
    ANSWER_LENGTHS,
    LEVELS,
    OTHER,
    TEXT_LENGTHS,
    frequent,
    length_group,
    level,
    share_group,
    third,
    words_of,
)
from pipeline.results.errors.entities import strict
from pipeline.results.errors.spec import Spec


@dataclass(frozen=True)
class Known:
    """Words of training examples, and how often each class or entity type stands in them; empty where none is trained on."""

    words: frozenset[str] = frozenset()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Items:
    """A language's test examples in the light of the training examples of one source set and data seed.

    Attributes:
        ids: of all of them.
        levels: of `ner`, by id: where each word is known from (`bins.LEVELS`).
        groups: of the other tasks, by part and id: the example's group.
        counts: by class or entity type: in the target's training examples, in the sources' and auxiliaries'.
    """

    ids: frozenset[str]
    levels: Mapping[str, Sequence[int]]
    groups: Mapping[str, Mapping[str, str]]
    counts: Mapping[str, tuple[int, int]]


def items(spec: Spec, sources: str, language: str, data_seed: int) -> Items:
    """Return a language's test examples, grouped.

    Raises:
        UserError: a split is missing or broken, or has fewer rows than are asked for.
    """
    target, others = known(spec, sources, language, data_seed)
    table = read_split(paths.split(spec.dataset, language, "test"), spec.task)
    words = target.words, others.words
    levels: dict[str, list[int]] = {}
    groups: dict[str, dict[str, str]] = {}
    if spec.task == "ner":
        if spec.known:
            tokens = zip(table["id"].to_pylist(), table["tokens"].to_pylist(), strict=True)
            levels = {name: [level(token.lower(), *words) for token in those] for name, those in tokens}
    elif spec.task == "qa":
        groups = question_groups(table, language, words if spec.known else None)
    else:
        groups = text_groups(table, spec.task, language, words if spec.known else None)
    names = sorted(target.counts.keys() | others.counts.keys())
    counts = {name: (target.counts.get(name, 0), others.counts.get(name, 0)) for name in names}
    return Items(frozenset(table["id"].to_pylist()), levels, groups, counts)


def known(spec: Spec, sources: str, language: str, data_seed: int) -> tuple[Known, Known]:
    """Return what is known of the target's training examples, and of the sources' and auxiliaries'.

    Raises:
        UserError: see `items`.
    """
    target = Known()
    if "target" in spec.known:
        target = read_known(spec.task, spec.dataset, language, data_seed, **spec.known["target"])
    parts = []
    if "source" in spec.known:
        for source in filter(None, sources.split("+")):
            parts.append(read_known(spec.task, spec.source_dataset, source, data_seed, **spec.known["source"]))
    if "auxiliary" in spec.known:
        chosen = dict(spec.known["auxiliary"])
        for auxiliary in chosen.pop("languages"):
            parts.append(read_known(spec.task, spec.dataset, auxiliary, data_seed, **chosen))
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts)
    return target, Known(frozenset().union(*(part.words for part in parts)), counts)


@cache
def read_known(task: str, dataset: str, language: str, data_seed: int, split: str, size: Size) -> Known:
    """Return what is known of one split's chosen rows.

    Raises:
        UserError: see `items`.
    """
    path = paths.split(dataset, language, split)
    table = chosen_rows(read_split(path, task), task, split, size, data_seed, path)
    if task == "ner":
        tokens = {token.lower() for row in table["tokens"].to_pylist() for token in row}
        types = Counter(entity.type for row in table["tags"].to_pylist() for entity in strict(row))
        return Known(frozenset(tokens), types)
    texts = [text for name in KEYS[task] for text in table[name].to_pylist()]
    words = frozenset(word for text in texts for word in words_of(text, language))
    return Known(words, Counter(table["label"].to_pylist()) if task in CLASSES else {})


def chosen_rows(table: pa.Table, task: str, split: str, size: Size, data_seed: int, path: Path) -> pa.Table:
    """Return the rows that a run trains on, as `training.data.RunData.pool` chooses them; of dev at most `size`."""
    if split == "dev" and size is not None:
        size = min(count_of(table.num_rows, size), table.num_rows)
    strata = table["label"].to_pylist() if task in CLASSES else None
    return table.take(select(table.num_rows, size, data_seed, str(path), strata))


Words = tuple[frozenset[str], frozenset[str]] | None
"""Known from the target, and from the others; `None` where nothing is trained on."""


def text_groups(table: pa.Table, task: str, language: str, words: Words) -> dict[str, dict[str, str]]:
    """Return the groups of classified examples: `length`, of their texts together, and `known`, by the share of known words."""
    found: dict[str, dict[str, str]] = {"length": {}, "known": {}}
    either = words[0] | words[1] if words else frozenset()
    for row in rows_of(table, "id", *KEYS[task]):
        said = [word for name in KEYS[task] for word in words_of(row[name], language)]
        if said:
            found["length"][row["id"]] = length_group(len(said), TEXT_LENGTHS)
            if words:
                found["known"][row["id"]] = share_group(sum(word in either for word in said), len(said))
    return found


def question_groups(table: pa.Table, language: str, words: Words) -> dict[str, dict[str, str]]:
    """Return the groups of questions.

    `length` of the first gold answer in words, `known` by its words, `question` by the question's first word, `place` by the
    third of the context in which the answer begins.
    """
    found: dict[str, dict[str, str]] = {"length": {}, "known": {}, "question": {}, "place": {}}
    firsts = {}
    for row in rows_of(table, "id", "question", "context", "answers", "starts"):
        name, answer = row["id"], words_of(row["answers"][0], language)
        if answer:
            found["length"][name] = length_group(len(answer), ANSWER_LENGTHS)
            if words:
                found["known"][name] = LEVELS[max(level(word, *words) for word in answer)]
        if asked := words_of(row["question"], language):
            firsts[name] = asked[0]
        found["place"][name] = third(row["starts"][0], len(row["context"]))
    often = frequent(firsts.values())
    found["question"] = {name: word if word in often else OTHER for name, word in firsts.items()}
    return found


def rows_of(table: pa.Table, *names: str) -> list[dict[str, Any]]:
    """Return some columns of a table as rows."""
    found: list[dict[str, Any]] = table.select(list(names)).to_pylist()
    return found
