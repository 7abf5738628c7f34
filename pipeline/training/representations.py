"""What a trained model makes of examples: one vector a word or an example, from one layer.

An example is a sentence, a text, a pair of texts or a question with its context; of one in several windows, the first stands
for it. Words are represented in `ner` alone, where each has a label.

The model stands alone, as it does when it predicts: what a method put into it for training (MetaXL's representation
transformation network) is thrown away with the training, so source and target take the same path here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.tasks.examples import Examples, collate
from pipeline.tasks.model import INPUTS

BATCH_SIZE = 32
START = -1
"""The `word` of a sentence's start token."""


@dataclass(frozen=True)
class Points:
    """Representations of n words or sentences.

    Attributes:
        ids: the sentence of each point.
        languages: the language of each point.
        words: (n,) the word's place in its sentence, or `START` for the whole sentence.
        vectors: (n, H) float32.
    """

    ids: list[str]
    languages: list[str]
    words: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]


def load_weights(encoder: nn.Module, path: Path) -> None:
    """Put a finished run's weights into its bare encoder.

    Raises:
        UserError: the file is missing or broken, or its weights are another encoder's.
    """
    try:
        weights = load_file(path)
        encoder.load_state_dict(
            {k.removeprefix("model.encoder."): t for k, t in weights.items() if k.startswith("model.encoder.")}
        )
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; train the run with --keep-model (snakemake {path})") from None
    except (SafetensorError, RuntimeError) as error:
        raise UserError(f"{path}: these are not weights of the run's encoder: {error}") from None


def check_layer(layer: int | str, layers: int, encoder: str) -> None:
    """Check that an encoder has a layer.

    Raises:
        UserError: it does not.
    """
    if layer != "last" and not (isinstance(layer, int) and 0 <= layer <= layers):
        raise UserError(f"layer {layer}: encoder {encoder} has layers 0 (the embeddings) to {layers}, or 'last'")


def represent(
    encoder: nn.Module, examples: Examples, layer: int | str, units: str, pad_id: int, device: torch.device
) -> Points:
    """Represent sentences, in float32 and without dropout.

    Args:
        encoder: maps (B, T) token ids, attention mask and token types, where there are any, to hidden states, (B, T, H) a layer.
        examples: N tokenised sentences.
        layer: its number as in `output_hidden_states` (0: the embeddings), or `last`.
        units: `token` for every word's first sub-token, words that were cut off left out; `sentence` for the start token.
        pad_id: what sentences are padded with.
        device: where the encoder is put.

    Returns:
        The points, sentences and words in their order.
    """
    encoder = encoder.to(device).eval()
    examples = examples.take(examples.firsts)
    found: dict[int, npt.NDArray[np.float32]] = {}
    for rows in batches(examples):
        batch = collate(examples, rows, pad_id, sorted(set(examples.languages)))
        hidden = hidden_states(encoder, {key: batch[key].to(device) for key in INPUTS if key in batch}, layer)
        values = hidden.float().cpu().numpy()  # (B, T, H)
        for b, row in enumerate(rows):
            found[int(row)] = values[b, places(examples, int(row), units)]
    words = [words_of(examples, row, units) for row in range(len(examples))]
    return Points(
        ids=[id_ for id_, w in zip(examples.ids, words, strict=True) for _ in w],
        languages=[language for language, w in zip(examples.languages, words, strict=True) for _ in w],
        words=np.concatenate(words),
        vectors=np.concatenate([found[row] for row in range(len(examples))]),
    )


def batches(examples: Examples) -> Iterator[npt.NDArray[np.int64]]:
    """Yield rows of about equal length, `BATCH_SIZE` at a time."""
    order = np.argsort(examples.lengths, kind="stable")
    for start in range(0, len(order), BATCH_SIZE):
        yield order[start : start + BATCH_SIZE]


def hidden_states(encoder: nn.Module, read: Mapping[str, Tensor], layer: int | str) -> Tensor:
    """Return one layer's hidden states of a batch, (B, T, H); `read` is what the encoder reads of it."""
    with torch.inference_mode():
        out = encoder(**read, output_hidden_states=layer != "last")
    hidden: Tensor = out.last_hidden_state if isinstance(layer, str) else out.hidden_states[layer]
    return hidden


def words_of(examples: Examples, row: int, units: str) -> npt.NDArray[np.int64]:
    """Return which words of a sentence are points; `START` alone for the whole sentence."""
    if units == "sentence":
        return np.array([START], dtype=np.int64)
    kept: npt.NDArray[np.int64] = np.flatnonzero(examples.positions[row] >= 0)
    return kept


def places(examples: Examples, row: int, units: str) -> npt.NDArray[np.int64]:
    """Return where a sentence's points stand among its sub-tokens."""
    if units == "sentence":
        return np.zeros(1, dtype=np.int64)
    first: npt.NDArray[np.int64] = examples.positions[row]
    return first[first >= 0]


def to_table(parts: list[Points]) -> pa.Table:
    """Return points as a table: `lang`, `id`, `word`, `vector` (H float32), in the order given."""
    vectors = np.concatenate([part.vectors for part in parts])
    flat = pa.array(vectors.reshape(-1), pa.float32())
    columns: dict[str, Any] = {
        "lang": pa.array([language for part in parts for language in part.languages], pa.string()),
        "id": pa.array([id_ for part in parts for id_ in part.ids], pa.string()),
        "word": pa.array(np.concatenate([part.words for part in parts]), pa.int32()),
        "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
    }
    return pa.table(columns)
