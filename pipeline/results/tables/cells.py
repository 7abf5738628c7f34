"""Which scores stand in which cell of a table, and why a cell is empty.

A cell holds one score per seed. Runs that differ in anything but their seeds are never averaged: where one method has
several settings in one column (sizes, encoders, learning rates), its row is split and each part is labelled by what
differs.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import canonical_json, check_keys, parse_object
from pipeline.results.scores.measures import kind_of
from pipeline.results.tables.tuning import Choice, choose
from pipeline.tasks.metric_names import MAIN
from pipeline.tasks.qa_score import LONGEST

Seed = tuple[int, int | None]
"""(data_seed, model_seed): what scores are paired by; of one average over all model seeds the second is `None`."""


@dataclass(frozen=True)
class Spec:
    """A table as the config describes it, its experiments and methods resolved (`grid.tables.table_spec`).

    Attributes:
        title: the caption's first sentence.
        metric: what the cells show.
        baseline: the variant others are compared with, or `None`.
        columns: `pair` (sources → target), `target`, or `average` (as `target`, but only the last column is shown); `dataset` (a
            column for each dataset of each target, with the target's mean over them) or `dataset_average` (only these means).
        average: whether a last column shows the mean over the others.
        style: `full`, or `paper`: scores and marks alone.
        methods: rows in order, `{"name", "label", …}`; `tune` of a variant with a grid, `average` of one that averages runs.
        experiments: the expected cells, `{"name", "sources", "targets", "data_seeds", "model_seeds", "methods", …}`.
        selection: how each experiment's methods chose their epoch.
        statistics: `brief`, or `full` for ranks, tests over languages and shares of the variance below it.
    """

    title: str
    metric: str
    baseline: str | None
    columns: str
    average: bool
    style: str
    methods: Sequence[Mapping[str, Any]]
    experiments: Sequence[Mapping[str, Any]]
    selection: Sequence[Mapping[str, Any]]
    statistics: str = "brief"

    @property
    def task(self) -> str:
        """The experiments' task; all have the same."""
        return str(self.experiments[0]["task"])

    @property
    def by_dataset(self) -> bool:
        """Whether there is a cell for each dataset of a target."""
        return self.columns in ("dataset", "dataset_average")

    @property
    def averages(self) -> dict[str, Mapping[str, str]]:
        """By variant that averages over several runs: `over` what, and `of` which method."""
        return {str(method["name"]): method["average"] for method in self.methods if "average" in method}

    def over_seeds(self, variant: str) -> bool:
        """Whether one run of a variant stands for all model seeds."""
        return self.averages.get(variant, {}).get("over") in ("seeds", "both")

    def dataset_of(self, experiment: str) -> str:
        """Return what a column is told by besides its languages: an experiment's dataset where cells are by it, else nothing."""
        found = [str(e["dataset"]) for e in self.experiments if e["name"] == experiment] if self.by_dataset else []
        return found[0] if found else ""


LATER: dict[str, Any] = {"statistics": "brief"}
"""Keys that a description may lack, and what that means."""


def read_spec(text: str) -> Spec:
    """Read a table's description from JSON.

    Raises:
        UserError: it is not JSON, or a key is missing or unknown.
    """
    found = parse_object(text, "--spec")
    found = {**LATER, **found}
    names = [field.name for field in fields(Spec)]
    check_keys(found, names, "--spec")
    return Spec(**found)


@dataclass(frozen=True)
class Score:
    """One run's score on one language; `sources` is empty for a method without sources, `dataset` where columns do not tell it.

    `value` is NaN where the metric is not defined. `choice` is what dev data chose where the variant has a grid; `settings` are
    then without what the grid sets.
    """

    experiments: frozenset[str]
    variant: str
    sources: str
    language: str
    seed: Seed
    run: str
    value: float
    sentences: int
    settings: Mapping[str, Any]
    choice: Choice | None = None
    dataset: str = ""


@dataclass(frozen=True)
class Row:
    """A method, or the part of it with certain settings."""

    variant: str
    only: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Column:
    """A target language, with its sources where columns are pairs, with its dataset where they are by dataset.

    With `mean` no run's score stands in it, but a mean over columns: all of them (`AVERAGE`), or those of `language`.
    """

    language: str
    sources: str = ""
    dataset: str = ""
    mean: bool = False

    @property
    def label(self) -> str:
        """`en→qu`, `qu`, `fr books`; of means, `average` and `fr average`."""
        if self.mean:
            return f"{self.language} average".strip()
        return f"{self.sources}→{self.language}" if self.sources else f"{self.language} {self.dataset}".strip()

    def holds(self, sources: str, language: str, pairs: bool, dataset: str = "") -> bool:
        """Whether a run's score belongs here; a run without sources fills every column of its language."""
        return (language, dataset) == (self.language, self.dataset) and (not pairs or sources in ("", self.sources))


TESTED = [
    *("experiment", "variant", "run", "sources", "target", "language"),
    *("data_seed", "model_seed", "settings", "n"),
]
"""What the scores say of a run and a language whatever the metric."""

AVERAGE = Column("", mean=True)


def members(mean: Column, columns: Iterable[Column]) -> list[Column]:
    """Return the columns that a mean is over: all of a table's, or those of its target."""
    return [column for column in columns if mean == AVERAGE or column.language == mean.language]


def shown_columns(spec: Spec, columns: Sequence[Column]) -> list[Column]:
    """Return the columns that a table shows, in order: those of cells unless only means are shown, and means."""
    targets = dict.fromkeys(column.language for column in columns)
    shown: list[Column] = [] if spec.columns in ("average", "dataset_average") else list(columns)
    if spec.by_dataset:
        means = {target: Column(target, mean=True) for target in targets}
        shown = [c for target in targets for c in [*(c for c in shown if c.language == target), means[target]]]
    several = len(targets if spec.by_dataset else shown) > 1
    return [*shown, AVERAGE] if spec.columns == "average" or (spec.average and several) else shown


@dataclass(frozen=True)
class Grid:
    """The scores of a table by row and column: `cells[row, column][seed]`; and the runs left out, with the reason.

    `choices` has the cells of variants with a grid; a cell for which no point could be chosen has no scores. `unscored` are seeds
    whose runs were tested, and on which the metric is not defined.
    """

    rows: list[Row]
    columns: list[Column]
    cells: dict[tuple[Row, Column], dict[Seed, Score]]
    missing: list[dict[str, Any]]
    unscored: dict[tuple[Row, Column], set[Seed]]
    choices: dict[tuple[Row, Column], Choice]


def arrange(spec: Spec, scores: pa.Table, facts: Mapping[str, Any]) -> Grid:
    """Put scores into cells.

    Args:
        spec: the table.
        scores: rows in `collect.SCORES`.
        facts: the scores file's metadata.

    Raises:
        UserError: an experiment or the metric has no scores at all.
    """
    found, unscored = select(spec, scores, facts)
    pairs = spec.columns == "pair"
    columns = columns_of(spec)
    placed: dict[tuple[str, Column], list[Score]] = {}
    for score in (*found, *unscored):
        for column in columns:
            if column.holds(score.sources, score.language, pairs, score.dataset):
                placed.setdefault((score.variant, column), []).append(score)
    order = [method["name"] for method in spec.methods]
    varying = {name: differing(placed[key] for key in placed if key[0] == name) for name in order}
    cells: dict[tuple[Row, Column], dict[Seed, Score]] = {}
    choices: dict[tuple[Row, Column], Choice] = {}
    undefined: dict[tuple[Row, Column], set[Seed]] = {}
    for (variant, column), group in placed.items():
        for score in group:
            row = Row(variant, tuple((key, setting(score.settings, key)) for key in varying.get(variant, ())))
            cell = cells.setdefault((row, column), {})
            if score.choice is not None:
                choices[row, column] = score.choice
                if score.choice.point is None:
                    continue
            if math.isnan(score.value):
                undefined.setdefault((row, column), set()).add(score.seed)
                continue
            held = cell.setdefault(score.seed, score)
            if held.run != score.run:
                raise UserError(f"runs {held.run} and {score.run} claim one cell and seed of the table")
    rows = [row for name in order for row in rows_of(name, cells)]
    return Grid(rows, columns, cells, missing_of(spec, facts), undefined, choices)


def missing_of(spec: Spec, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is known of the missing runs of a table's experiments."""
    names = {experiment["name"] for experiment in spec.experiments}
    return [missing for missing in facts.get("missing", []) if missing["experiment"] in names]


def rows_of(variant: str, cells: Iterable[tuple[Row, Column]]) -> list[Row]:
    """Return a method's rows, ordered by their settings; one empty row where it has no scores."""
    rows = dict.fromkeys(row for row, _ in cells if row.variant == variant)
    return sorted(rows, key=lambda row: [(v is None, _sortable(v)) for _, v in row.only]) or [Row(variant)]


def _sortable(value: Any) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))


def select(spec: Spec, scores: pa.Table, facts: Mapping[str, Any]) -> tuple[list[Score], list[Score]]:
    """Return the scores of the table's rows, each run once, and the runs without the metric, as scores without a value.

    Of a variant with a grid, only runs of the points chosen on dev are among them, or all where none could be chosen.

    Raises:
        UserError: an experiment has neither scores nor missing runs, nothing has the metric and it is of no class or type, or a
            grid's runs are wrong.
    """
    names = [experiment["name"] for experiment in spec.experiments]
    known = {*pc.unique(scores["experiment"]).to_pylist(), *(m["experiment"] for m in facts.get("missing", []))}
    for name in names:
        if name not in known:
            raise UserError(f"experiment {name!r} is not in the scores{nearest(name, known)}; collect them again")
    rows = [method["name"] for method in spec.methods]
    scores = scores.filter(pc.is_in(scores["experiment"], pa.array(names)))
    scores = scores.filter(pc.is_in(scores["variant"], pa.array(rows, pa.string())))
    choices = choose(spec.methods, scores, {**facts, "missing": missing_of(spec, facts)})
    scores = choices.keep(scores)
    chosen = scores.filter(pc.equal(scores["metric"], spec.metric))
    if scores.num_rows and not chosen.num_rows and kind_of(spec.metric, spec.task) is None:
        valid = pc.unique(scores["metric"]).to_pylist()
        raise UserError(f"no score is called {spec.metric!r}{nearest(spec.metric, valid)}")
    found: dict[tuple[str, str, str], Score] = {}
    tested = scores.select(TESTED).group_by(TESTED, use_threads=False).aggregate([]).to_pylist()
    for row in (*chosen.to_pylist(), *({**row, "value": math.nan} for row in tested)):
        key = row["variant"], row["run"], row["language"]
        if key in found and math.isnan(row["value"]) and not math.isnan(found[key].value):
            continue
        uses = found[key].experiments if key in found else frozenset()
        settings = facts["settings"][row["settings"]]
        choice = choices.of(row, settings)
        if choice is not None:
            settings = choices.grids[row["variant"]].rest(settings)
        score = score_of(row, uses | {row["experiment"]}, settings, spec.columns == "pair")
        found[key] = replace(score, choice=choice, dataset=spec.dataset_of(row["experiment"]))
    unscored = [score for score in found.values() if math.isnan(score.value)]
    return [score for score in found.values() if not math.isnan(score.value)], unscored


def score_of(row: Mapping[str, Any], uses: frozenset[str], settings: Mapping[str, Any], pairs: bool) -> Score:
    """Read one score; whatever its column does not say of its languages becomes a setting."""
    own = dict(settings)
    if row["target"] not in ("", row["language"]):
        own["targets"] = row["target"]
    if not pairs and row["sources"]:
        own["sources"] = row["sources"]
    return Score(
        experiments=uses,
        variant=row["variant"],
        sources=row["sources"],
        language=row["language"],
        seed=(row["data_seed"], row["model_seed"]),
        run=row["run"],
        value=row["value"],
        sentences=row["n"],
        settings=own,
    )


def columns_of(spec: Spec) -> list[Column]:
    """Return the columns in the config's order; a bare language only where no pair has it as target."""
    wanted = [
        Column(target, sources if spec.columns == "pair" else "", spec.dataset_of(experiment["name"]))
        for experiment in spec.experiments
        for sources in experiment["sources"] or [""]
        for target in experiment["targets"]
    ]
    paired = {column.language for column in wanted if column.sources}
    return [c for c in dict.fromkeys(wanted) if c.sources or c.language not in paired]


def differing(groups: Iterable[Collection[Score]]) -> tuple[str, ...]:
    """Return the settings that take several values within any of the groups, sorted.

    A hyper-parameter that some of the runs do not have is missing by another setting of theirs, as `meta_batch` with a single
    auxiliary; that one tells them apart.
    """
    keys = set()
    for group in groups:
        kinds = list({canonical_json(score.settings): score.settings for score in group}.values())
        for key in {key for kind in kinds for key in kind}:
            having = [kind for kind in kinds if key in kind or not key.startswith("method.")]
            if len({canonical_json(setting(kind, key)) for kind in having}) > 1:
                keys.add(key)
    return tuple(sorted(keys))


def setting(settings: Mapping[str, Any], key: str) -> Any:
    """Return a setting of a run, its parent or members; theirs that is not written out is the run's (`collect.settings_of`)."""
    parts = key.split(".")
    for kind in ("parent", "rates", "members"):
        if ".".join(parts) not in settings and kind in parts[:2]:
            parts.remove(kind)
    return settings.get(".".join(parts))


SIZES = ("source_size", "target_size", "auxiliary_size", "dev_size")
"""Settings that count examples: without a number it is all of them."""


def setting_text(key: str, value: Any, beside: Mapping[str, Any], task: str) -> str:
    """Return a setting's value as labels and notes have it.

    Args:
        key: the setting, dotted; `parent.` before those of the source model.
        value: its value.
        beside: settings that stand with it, as far as they are known: where no epoch is chosen, no score is best.
        task: the table's, whose first score chooses the epoch where `select_metric` is `null`.

    Returns:
        What `null` means where it means something: `all` of a size; else `null`.
    """
    if value is not None:
        return str(value)
    name = key.rpartition(".")[2]
    if name in SIZES:
        return "all"
    if name == "test_max_length":
        return "as max_length"
    if name == "longest_answer":
        return str(LONGEST)
    if name == "select_metric" and beside.get(f"{key.removesuffix(name)}select", "best") == "best":
        return MAIN[task]
    return "null"
