"""From per-example outcomes to scores: of a whole test set, and as sums over its items, which intervals over items need.

Every score is a function of counts summed over test items, K of them per item:

| metric | counts of an item | score of the sums |
|---|---|---|
| `entity_…` | tp, fp, fn of a scheme and type | precision, recall or F1 |
| `accuracy`, `exact_match`, `answer_f1`, and these by SQuAD's rule | value, 1 | their quotient |
| `f1_…`, `precision_…`, `recall_…` | tp, fp, fn of a class | that measure |
| `f1_macro` | tp, fp, fn of every class | mean F1 over the classes that occur |
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common.errors import UserError
from pipeline.data.schema import CLASSES
from pipeline.results.scores.columns import grouped, numbers
from pipeline.results.statistics.crossed import Metric
from pipeline.results.statistics.seeds import Floats
from pipeline.tasks import class_score, ner_score
from pipeline.tasks.metric_names import ANSWERS, MEASURES, positive_class

Totals = dict[tuple[str, str], tuple[dict[str, float], int]]
"""By (language, split): scores by full name, and the number of examples."""


def totalled(task: str) -> tuple[str, ...]:
    """Return the columns of outcomes that `totals` reads; ids, which are most of a file, are not among them."""
    if task == "ner":
        return ("lang", "split", "scheme", "type", "tp", "fp", "fn")
    return ("lang", "split", *(ANSWERS if task == "qa" else ("gold", "predicted")))


def totals(task: str, outcomes: pa.Table) -> Totals:
    """Return every score of every language and split."""
    if task == "ner":
        return _entity_totals(outcomes)
    return _answer_totals(outcomes) if task == "qa" else _class_totals(outcomes, task)


def _answer_totals(outcomes: pa.Table) -> Totals:
    found: Totals = {}
    pairs = sorted(key for key, _ in grouped(outcomes, ("lang", "split")))
    for language, split in pairs:
        part = _part(outcomes, language, split) if len(pairs) > 1 else outcomes
        found[language, split] = {name: float(pc.mean(part[name]).as_py()) for name in ANSWERS}, part.num_rows
    return found


def _class_totals(outcomes: pa.Table, task: str) -> Totals:
    told: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
    for (language, split, gold, predicted), (n,) in grouped(outcomes, ("lang", "split", "gold", "predicted")):
        told.setdefault((language, split), {})[gold, predicted] = n
    return {
        pair: (class_score.metrics(_class_counts(confused), task), sum(confused.values()))
        for pair, confused in sorted(told.items())
    }


def _class_counts(confused: Mapping[tuple[str, str], int]) -> dict[str, Floats]:
    """Return tp, fp and fn of every class that occurs, sorted by name, of examples counted by gold and predicted class."""
    found = {name: np.zeros(3) for name in sorted({name for pair in confused for name in pair})}
    for (gold, predicted), n in confused.items():
        if gold == predicted:
            found[gold][0] += n
        else:
            found[predicted][1] += n
            found[gold][2] += n
    return found


def _part(outcomes: pa.Table, language: str, split: str | None = None) -> pa.Table:
    chosen = pc.equal(outcomes["lang"], language)
    return outcomes.filter(chosen if split is None else pc.and_(chosen, pc.equal(outcomes["split"], split)))


def _entity_totals(outcomes: pa.Table) -> Totals:
    counts: dict[tuple[str, str], dict[tuple[str, str], ner_score.Counts]] = {}
    sizes: dict[tuple[str, str], int] = {}
    found = grouped(outcomes, ("lang", "split", "scheme", "type"), ("tp", "fp", "fn"))
    for (language, split, scheme, kind), (n, *sums) in sorted(found):
        counts.setdefault((language, split), {})[scheme, kind] = ner_score.Counts(*sums)
        if kind == ner_score.ALL:
            sizes[language, split] = n
    return {pair: (ner_score.metrics(found), sizes[pair]) for pair, found in counts.items()}


def itemised(task: str, metric: str) -> tuple[str, ...] | None:
    """Return the columns of outcomes that `items` and `item_ids` read for a metric; `None`, all, where it is not of the task."""
    if task == "ner":
        return ("lang", "id", "scheme", "type", "tp", "fp", "fn")
    if task == "qa":
        return ("lang", "id", metric) if metric in ANSWERS else None
    return ("lang", "id", "correct") if metric == "accuracy" else ("lang", "id", "gold", "predicted")


def items(task: str, metric: str, runs: Mapping[str, pa.Table], language: str) -> tuple[Floats, Metric]:
    """Return the counts of every run's test items, and the score of their sums.

    Args:
        task: the runs' task.
        metric: a score's full name.
        runs: outcomes by the name of their file.
        language: the language evaluated.

    Returns:
        Counts (S, N, K), runs in their order, items in the order of their ids; the function from sums (…, K) to scores (…).

    Raises:
        UserError: the runs were tested on different items, or there is no such metric.
    """
    parts = {where: _part(table, language) for where, table in runs.items()}
    if task == "ner":
        return _entity_items(metric, parts)
    parts = {where: part.sort_by("id") for where, part in parts.items()}
    _same_items({where: part["id"] for where, part in parts.items()}, language)
    tables = list(parts.values())
    if metric in ("accuracy", *ANSWERS):
        column = "correct" if metric == "accuracy" else metric
        values = np.stack([numbers(part[column].cast(pa.float64())) for part in tables])  # (S, N)
        return np.stack([values, np.ones_like(values)], axis=-1), _mean
    classes = sorted(
        {name for part in tables for key in ("gold", "predicted") for name in pc.unique(part[key]).to_pylist()}
    )
    if metric != "f1_macro":
        measure, _, name = metric.partition("_")
        if measure not in MEASURES:
            raise UserError(f"no per-example test for metric {metric!r}")
        wanted = positive_class(task, classes) if name == "positive" else None
        return _class_items(tables, [wanted or name])[..., 0, :], lambda counts: class_score.rate(measure, counts)
    counts = _class_items(tables, classes)  # (S, N, C, 3)
    shape = counts.shape
    flat = counts.reshape(*shape[:2], -1)
    return flat, lambda sums: class_score.macro_f1(sums.reshape(*sums.shape[:-1], len(classes), 3))


def item_ids(task: str, outcomes: pa.Table, language: str) -> list[str]:
    """Return the ids of a run's test items of one language, in the order of `items`."""
    part = _part(outcomes, language)
    if task == "ner":
        first = pc.and_(pc.equal(part["scheme"], "strict"), pc.equal(part["type"], ner_score.ALL))
        part = part.filter(first)
    return sorted(part["id"].to_pylist())


def _same_items(ids: Mapping[str, pa.ChunkedArray], language: str) -> None:
    """All runs must have been tested on the same items."""
    first = next(iter(ids))
    for where, found in ids.items():
        if where != first and not found.equals(ids[first]):
            raise UserError(f"{where}: its test items of {language!r} are not those of {first}")


def _mean(sums: Floats) -> Floats:
    return sums[..., 0] / np.maximum(sums[..., 1], 1)


def _class_items(tables: Sequence[pa.Table], classes: Sequence[str]) -> Floats:
    """Return tp, fp, fn of every class for every run's items, (S, N, C, 3)."""
    known = pa.array(classes, pa.string())
    gold, said = (
        np.stack([numbers(pc.fill_null(pc.index_in(table[side], value_set=known), -1)) for table in tables])[..., None]
        for side in ("gold", "predicted")
    )  # (S, N, 1): the places of classes
    right, ours = (side == np.arange(len(classes)) for side in (gold, said))  # (S, N, C)
    return np.stack([right & ours, ~right & ours, right & ~ours], axis=-1).astype(np.float64)


def parse_entity_metric(metric: str) -> tuple[str, str, str]:
    """Split an entity metric into measure, scheme and type: `entity_f1_strict_PER` → `("f1", "strict", "PER")`.

    Raises:
        UserError: it is no entity metric.
    """
    parts = metric.split("_", 3)
    if len(parts) < 3 or parts[0] != "entity":
        raise UserError(f"no per-example test for metric {metric!r}")
    return parts[1], parts[2], parts[3] if len(parts) == 4 else ner_score.ALL


def kind_of(metric: str, task: str) -> str | None:
    """Return which class or entity type a metric is of; `None` where it is of all together, or none of the task's."""
    if task == "ner":
        entity, _, rest = metric.partition("_")
        measure, _, rest = rest.partition("_")
        scheme, _, kind = rest.partition("_")
        known = entity == "entity" and measure in MEASURES and scheme in ner_score.SCHEMES
        return kind or None if known else None
    measure, _, kind = metric.partition("_")
    return kind if task in CLASSES and measure in MEASURES and kind and metric != "f1_macro" else None


def _entity_items(metric: str, parts: Mapping[str, pa.Table]) -> tuple[Floats, Metric]:
    measure, scheme, kind = parse_entity_metric(metric)
    ids, counts = {}, []
    for where, part in parts.items():
        part = part.filter(pc.equal(part["scheme"], scheme))
        every = part.filter(pc.equal(part["type"], ner_score.ALL))["id"]
        ids[where] = every.take(pc.sort_indices(every))
        rows = part.filter(pc.equal(part["type"], kind))
        values = np.zeros((len(ids[where]), 3))
        places = numbers(pc.index_in(rows["id"], value_set=ids[where]))
        values[places] = np.stack([numbers(rows[name]) for name in ("tp", "fp", "fn")], axis=1)
        counts.append(values)
    language = next((part["lang"][0].as_py() for part in parts.values() if part.num_rows), "")
    _same_items(ids, language)
    return np.stack(counts), lambda sums: class_score.rate(measure, sums)


TITLES = {
    "accuracy": "Accuracy",
    "f1_macro": "Macro-F1 over the classes",
    "answer_f1": "Token F1 of the answer, MLQA's rule",
    "exact_match": "Exact match of the answer, MLQA's rule",
    "answer_f1_squad": "Token F1 of the answer, SQuAD's rule",
    "exact_match_squad": "Exact match of the answer, SQuAD's rule",
}
_ENTITY = {"f1": "Entity micro-F1", "precision": "Entity precision", "recall": "Entity recall"}
_SCHEMES = {"strict": "strict IOB2", "lenient": "lenient as conlleval"}


def title(metric: str) -> str:
    """Return a metric's name in words, for captions."""
    if metric in TITLES:
        return TITLES[metric]
    if metric.startswith("entity_"):
        name, scheme, kind = parse_entity_metric(metric)
        which = "" if kind == ner_score.ALL else f" of {kind}"
        return f"{_ENTITY[name]}{which}, {_SCHEMES[scheme]}"
    measure, _, name = metric.partition("_")
    return f"{measure.capitalize()} of the {name} class"
