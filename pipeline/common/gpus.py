"""Which NVIDIA GPUs a process may take, and how many runs share one: what Snakemake and its jobs both ask.

`CUDA_VISIBLE_DEVICES` names them where it is set; else the driver does, or `METALINGUA_GPUS` ("0,1") in its place, in tests and
benchmarks. `METALINGUA_GPU_SLOTS_PER_DEVICE` is how the number of a device's slots reaches a job.
"""

import os
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

from pipeline.common.errors import UserError

VISIBLE = "CUDA_VISIBLE_DEVICES"
STAND_INS = "METALINGUA_GPUS"
SLOTS = "METALINGUA_GPU_SLOTS_PER_DEVICE"
MOST_SLOTS = 64


def visible_gpus() -> list[str]:
    """Return the ids of the GPUs that may be seen, without starting CUDA."""
    for variable in (VISIBLE, STAND_INS):
        if variable in os.environ:
            return _listed(os.environ[variable].split(","))
    root = Path("/proc/driver/nvidia/gpus")
    return [str(i) for i in range(len(list(root.iterdir())))] if root.is_dir() else []


def _listed(ids: Iterable[str]) -> list[str]:
    """Ids as CUDA reads them: up to the first that is none."""
    return list(dict.fromkeys(takewhile(lambda one: one not in ("", "-1"), (one.strip() for one in ids))))


def slots_per_device() -> int:
    """Return how many runs share a device.

    Raises:
        UserError: the variable is no whole number from 1 to `MOST_SLOTS`.
    """
    return checked_slots(os.environ.get(SLOTS, "1"), SLOTS)


def checked_slots(given: object, where: str) -> int:
    """Return a number of slots per device that was given somewhere.

    Raises:
        UserError: it is no whole number from 1 to `MOST_SLOTS`.
    """
    text = str(given).strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_SLOTS):
        raise UserError(
            f"{where}: {given!r}; expected how many runs share a device, a whole number from 1 to {MOST_SLOTS}"
        )
    return int(text)
