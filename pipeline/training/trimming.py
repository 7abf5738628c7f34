"""A run has the word embeddings of its own texts alone: of a vocabulary of 250,000 pieces most are in no sentence of it.

Of the other rows a step would compute the gradient, its norm, two moments and the update, all of them zero, and a checkpoint
would hold them. What comes of the run is the same (`pipeline.encoders.trim`), up to the order in which the gradient's norm is
summed; a model that is kept has all rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from pipeline.common import paths
from pipeline.encoders.architectures import architecture_of
from pipeline.encoders.pooler import stored
from pipeline.encoders.trim import trim
from pipeline.methods.contract import Phase
from pipeline.tasks.examples import Examples
from pipeline.training.data import RunData
from pipeline.training.kept import read_model
from pipeline.training.loop import Ingredients

LEAST = 2**14
"""Rows that trimming must leave out: fewer cost a step nothing worth another order of summation, and with it other last bits."""

CHUNK = 4096  # rows whose ids are looked at together


def trimmed(
    spec: Mapping[str, Any],
    ingredients: Ingredients,
    data: RunData,
    phases: Sequence[Phase],
    tests: Mapping[str, Examples],
) -> tuple[Ingredients, dict[str, Any]]:
    """Leave a run's model the word embeddings that the run reads, where that is exact and pays.

    Args:
        spec: the run's.
        ingredients: its model, whole, and its pools.
        data: knows the special tokens, which stay.
        phases: all of the run.
        tests: what it predicts for.

    Returns:
        Ingredients that know of it, and what `run.json` says of the vocabulary: `rows` of the encoder, how many of them are
        `kept`, and `why` all are.
    """
    encoder, marks = ingredients.model.encoder, data.reader.marks
    weight: Tensor = encoder.get_input_embeddings().weight  # type: ignore[operator]
    rows = len(weight)
    if why := why_whole(spec["training"], ingredients, phases, weight.requires_grad):
        return ingredients, {"rows": rows, "kept": rows, "why": why}
    used = ids_of((*ingredients.pools.values(), *tests.values()), rows)
    used[[ingredients.pad_id, *marks.special, *([marks.unknown] if marks.unknown >= 0 else [])]] = True
    kept = int(used.sum())
    if rows - kept < LEAST:
        return ingredients, {
            "rows": rows,
            "kept": rows,
            "why": f"{rows - kept:,} would be left out, fewer than {LEAST:,}",
        }
    made = trim(encoder, np.flatnonzero(used).tolist(), original_rows(spec, architecture_of(encoder).words))
    return replace(ingredients, trimmed=made), {"rows": rows, "kept": kept}


def ids_of(parts: Iterable[Examples], rows: int) -> npt.NDArray[np.bool_]:
    """Return which of so many ids occur in examples, (rows,)."""
    used = np.zeros(rows, dtype=np.bool_)
    for part in parts:
        for start in range(0, len(part), CHUNK):
            used[np.concatenate(list(part.input_ids[start : start + CHUNK]))] = True
    return used


def why_whole(training: Mapping[str, Any], ingredients: Ingredients, phases: Sequence[Phase], trained: bool) -> str:
    """Return why a run has all word embeddings, whatever its texts; nothing where it need not.

    Args:
        training: the spec's.
        ingredients: with the run's own optimiser.
        phases: all of the run.
        trained: whether the embeddings are.
    """
    if not training.get("trim", True):
        return "trim: no"
    stretches = [phase for phase in phases if phase.epochs]
    if not stretches:
        return "nothing is trained"
    settings = [phase.optimizer or ingredients.optimizer for phase in stretches]
    if trained and any(own.kind == "adam" and own.weight_decay for own in settings):
        return "adam with weight_decay moves unused rows too, each its own way"
    return ""


def original_rows(spec: Mapping[str, Any], words: str) -> Tensor:
    """Return all word embeddings (V, E) that a run starts from, of its parent or of its encoder, mapped from the file.

    Raises:
        UserError: the file cannot be read.
    """
    if spec["parent"]:
        return read_model(spec["parent"])[f"model.encoder.{words}"]
    found = stored(paths.encoder_dir(spec["encoder"]), words)
    assert found is not None, "the encoder was loaded"
    return found
