"""Learned update rates λ of soft layer selection, from what the runs that learned them logged."""

import json
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.stored import verified_run_file
from pipeline.results.analyses.distance import Floats

PREFIX = "rate_"
"""What the columns of λ in `steps.parquet` begin with (`pipeline.methods.parts.update_rates.rate_log`)."""


@dataclass(frozen=True)
class Rates:
    """λ of one run.

    Attributes:
        layers: names, `1` … `N` from the bottom, then `head`.
        episodes: λ by which each episode's last step was made, (episodes, layers), 0 to 1.
    """

    layers: tuple[str, ...]
    episodes: Floats


def read_rates(run: str) -> Rates:
    """Read a run's λ: a line of `history.jsonl` is an episode, `steps.parquet` has the values.

    Raises:
        UserError: a file is missing or broken, or the run logged no rates.
    """
    try:
        lines = verified_run_file(run, "history").read_text(encoding="utf-8").splitlines()
        ends = np.cumsum([json.loads(line)["steps"] for line in lines]) - 1
        table = pq.read_table(verified_run_file(run, "steps"))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{paths.run_dir(run)}: cannot read what the run logged: {error}") from None
    names = [name for name in table.column_names if name.startswith(PREFIX)]
    if not names or not len(ends):
        raise UserError(f"{paths.steps(run)}: no column {PREFIX}…: the run learned no update rates")
    values = np.column_stack([table[name].to_numpy() for name in names]).astype(np.float64)
    return Rates(tuple(name.removeprefix(PREFIX) for name in names), values[ends])
