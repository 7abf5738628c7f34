"""What jobs ask of the machine or the cluster they run on."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def growing(amount: int) -> Callable[[Any, int], int]:
    """Return what a job asks for, at its first attempt this amount, at each further one as much more.

    Snakemake calls it with a job's wildcards and the number of its attempt, 1 at first.
    """

    def asked_for(wildcards: Any, attempt: int) -> int:
        del wildcards
        return amount * attempt

    return asked_for


def gpu_slots() -> int:
    """One GPU slot a job on a machine with an NVIDIA GPU that may be seen, none elsewhere."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return int(visible.strip() not in ("", "-1"))
    return int(any(Path("/proc/driver/nvidia/gpus").glob("*")))
