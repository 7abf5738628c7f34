"""Values on their way from the CPU to a run's device, without anybody waiting for them.

A GPU is busy as long as the CPU is ahead of it: whoever asks for a value that is still being computed there makes both wait. So
what decides how a step goes on, lengths, languages, which rows belong together, stays on the CPU when a batch goes to the GPU.
"""

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

ON_CPU = ("row", "example", "language", "lengths")
"""What of a batch stays on the CPU."""


def sent(values: Tensor | NDArray[Any], device: torch.device) -> Tensor:
    """Return values of the CPU on a device; to a GPU they go from pinned memory, while the CPU goes on."""
    found = values if isinstance(values, Tensor) else torch.from_numpy(values)
    if device.type == "cuda":
        found = found.pin_memory()
    return found.to(device, non_blocking=True)


def sent_batch(batch: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Return a batch on a device, but for what stays on the CPU."""
    return {key: value if key in ON_CPU else sent(value, device) for key, value in batch.items()}


def rows_of(batch: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """Return some rows of a batch, in the given order; `rows` (b,), int64, on the CPU."""
    return {key: value[sent(rows, value.device)] for key, value in batch.items()}
