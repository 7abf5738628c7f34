"""What a config's seeds and test sets could show, said by `plan` before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.common import paths
from pipeline.common.files import read_object
from pipeline.grid.runs import Grid
from pipeline.results.statistics.power import METHODS_DISAGREE, POWER, SEEDS_DIFFER, foreseen
from pipeline.tasks.metric_names import ITEMS

UNPREPARED = 1000
"""The test items assumed of a language whose data are not prepared."""


@dataclass(frozen=True)
class Size:
    """A test set: how many items it has, and whether that is known."""

    language: str
    items: int
    known: bool

    def text(self, what: str) -> str:
        """Name it in parentheses."""
        return f"({self.language}, {self.items:,} test {what}{'' if self.known else ' assumed'})"


def detectable(grid: Grid) -> str:
    """Return a line for each experiment, experiments of equal lines together; empty where there are none."""
    named: dict[str, list[str]] = {}
    for experiment in dict.fromkeys(name for run in grid.runs.values() for name, _ in run.uses):
        named.setdefault(line_of(grid, experiment), []).append(experiment)
    if not named:
        return ""
    lines = [f"  {', '.join(experiments)}: {line}" for line, experiments in named.items()]
    head = (
        f"From so many points on a difference of two methods is found, at 5 %, in {100 * POWER:.0f} of 100 tables (assumed: it "
        f"varies by {100 * SEEDS_DIFFER:.0f} points over seeds, they disagree on {100 * METHODS_DISAGREE:.0f} % of the items):"
    )
    return "\n".join([head, *lines])


def line_of(grid: Grid, experiment: str) -> str:
    """Say what an experiment's seeds can show on its smallest and its largest test set."""
    specs = [run.spec for run in grid.runs.values() if any(name == experiment for name, _ in run.uses)]
    seeds = len({(spec["data_seed"], spec["model_seed"]) for spec in specs if spec["model_seed"] is not None})
    number = f"{seeds} seed{'s' if seeds != 1 else ''}"
    if seeds < 2:
        return f"{number}, of which no difference can be said to hold for other seeds"
    sizes = sorted({size_of(spec, language) for spec in specs for language in spec["evaluate"]}, key=lambda s: s.items)
    what = ITEMS[specs[0]["task"]]
    ends = [sizes[0]] if sizes[0].items == sizes[-1].items else [sizes[0], sizes[-1]]
    texts = [f"{points(foreseen(seeds, size.items))} {size.text(what)}" for size in ends]
    return f"{number}: {' to '.join(texts)}"


def points(value: float | None) -> str:
    """Write a difference in points."""
    return "none" if value is None else f"{100 * value:.1f}"


def size_of(spec: Mapping[str, str], language: str) -> Size:
    """Return the size of the test set of a run in one language, from the report of its data."""
    report = read_object(paths.data_report(spec["dataset"], language)) or {}
    rows = report.get("splits", {}).get("test", {}).get("rows")
    return Size(language, rows, True) if isinstance(rows, int) else Size(language, UNPREPARED, False)
