"""What `plan` says of seeds that are added until comparisons are decided: how many runs that spares, and what is decided."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipeline.config.schema import Settings
from pipeline.grid.decisions import in_effect
from pipeline.grid.runs import Grid, expand

STATES = {
    "separated": "separated",
    "within": "alike within the margin",
    "items": "that more seeds cannot decide, but more test examples",
    "same": "the same with every seed",
}
"""How a comparison that gets no further seeds is worded."""


def spared(settings: Settings, grid: Grid) -> list[str]:
    """Return how many runs are spared, and what each table decides; nothing where seeds are listed."""
    if not grid.decisions:
        return []
    most = "/".join(sorted({str(given["rule"]["at_most"]) for given in grid.decisions.values()}, key=int))
    now, every = len(grid.runs), len(expand(settings, None).runs)
    found = {name: in_effect(name, settings, grid.runs) for name in grid.decisions}
    final = all(stored is not None and not stored["open"] for stored in found.values())
    so_far = f"{every - now} are spared" if final else f"up to {every - now} may be spared"
    first = f"Seeds are added until comparisons are decided: {now} runs, where {most} seeds everywhere are {every}; {so_far}."
    return ["\n".join([first, *(f"  table {name}: {decided_text(stored)}" for name, stored in found.items())])]


def decided_text(stored: Mapping[str, Any] | None) -> str:
    """Word what is decided of a table."""
    if stored is None:
        return "nothing is decided yet of these runs"
    counts = Counter(one["state"] for one in stored["comparisons"])
    parts = [f"{counts[state]} {words}" for state, words in STATES.items() if counts[state]]
    waiting, rest = stored["open"], counts["open"] - stored["open"]
    parts += [f"{waiting} open, with another seed among the runs above"] if waiting else []
    parts += [f"{rest} open with all seeds there may be"] if rest else []
    return f"of {counts.total()} comparisons {', '.join(parts)}" if parts else "nothing to compare"
