"""Examples that lie on a GPU whole, so that a batch is put together there: only the numbers of its rows have to go over."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.tasks.examples import IGNORED, Examples, facts
from pipeline.tasks.transfer import sent

SHARE = 0.05
"""Of the memory that is free on a GPU, what the examples of one stream may take."""


def free_memory(device: torch.device) -> int:
    """Return the bytes that are free on a GPU; of other devices none are, as nothing has to go over."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def resident(examples: Examples, pad_id: int, device: torch.device) -> "Resident | None":
    """Return examples on a GPU, `None` where they do not fit."""
    room = SHARE * free_memory(device)
    if not room:
        return None
    widths = {name: max(map(len, arrays)) for name, (_, arrays) in fields_of(examples, pad_id).items()}
    return Resident(examples, pad_id, device) if 4 * len(examples) * sum(widths.values()) <= room else None


def fields_of(examples: Examples, pad_id: int) -> dict[str, tuple[int, Sequence[NDArray[np.int64]]]]:
    """Return what of examples goes to a device: the name in a batch, what it is padded with, and the arrays of all rows."""
    types = {"token_type_ids": (0, examples.types)} if len(examples.types) else {}
    return {"input_ids": (pad_id, examples.input_ids), "labels": (IGNORED, examples.labels), **types}


class Resident:
    """N examples on a device, every field (N, longest) int32."""

    def __init__(self, examples: Examples, pad_id: int, device: torch.device) -> None:
        self.examples, self.device = examples, device
        self.values: dict[str, Tensor] = {}
        self.sizes: dict[str, NDArray[np.int64]] = {}
        for name, (fill, arrays) in fields_of(examples, pad_id).items():
            self.sizes[name] = np.array([len(array) for array in arrays])
            padded = np.full((len(arrays), self.sizes[name].max()), fill, dtype=np.int32)
            for row, array in enumerate(arrays):
                padded[row, : len(array)] = array
            self.values[name] = torch.from_numpy(padded).to(device)

    def batch(self, rows: NDArray[np.int64], languages: Sequence[str]) -> dict[str, Tensor]:
        """Return the batch that `collate` makes of B rows, on the device."""
        known = facts(self.examples, rows, self.sizes["input_ids"][rows], languages)
        index, lengths = sent(known["row"], self.device), sent(known["lengths"], self.device)
        widths = {name: int(sizes[rows].max()) for name, sizes in self.sizes.items()}
        found = {name: self.values[name][:, :width].index_select(0, index).long() for name, width in widths.items()}
        steps = torch.arange(widths["input_ids"], device=self.device)
        return {**found, "attention_mask": (steps[None, :] < lengths[:, None]).long(), **known}
