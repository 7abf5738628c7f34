"""Checkpoints of a run in progress: a folder that holds the latest epoch and the best weights so far.

Both files are written whole or not at all, the best weights first, so a kill at any moment leaves a pair that belongs together.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.common.files import atomic_path

Weights = dict[str, Tensor]


def save(path: Path, value: Any) -> None:
    """Save tensors and plain values, whole or not at all.

    Raises:
        UserError: the file cannot be written, as on a full disk.
    """
    try:
        with atomic_path(path) as temporary:
            torch.save(value, temporary)
    except (RuntimeError, OSError) as error:  # torch's own writer raises the former
        raise UserError(f"{path}: cannot be written (is the disk full?): {str(error).splitlines()[0]}") from None


def load(path: Path) -> Any:
    """Load what `save` wrote; only tensors and plain values, never code.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for one broken file
        raise UserError(
            f"{path}: not a readable checkpoint ({type(error).__name__}); delete its folder to start the run anew"
        ) from None


class Checkpoints:
    """The checkpoint folder of one run and one version of the code; `None` keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def load(self) -> dict[str, Any] | None:
        """Return the latest state, with the best weights under `best`, or `None` for a fresh start."""
        if self.folder is None or not (self.folder / "latest.pt").exists():
            return None
        state: dict[str, Any] = load(self.folder / "latest.pt")
        state["best"] = load(self.folder / state["best_file"]) if state["best_file"] else None
        return state

    def save(self, state: dict[str, Any], best: Weights | None, best_name: str) -> None:
        """Save the state of an epoch's end; `best_name` changes with the best weights and is empty without any."""
        if self.folder is None:
            return
        best_file = f"best-{best_name}.pt" if best is not None else ""
        if best is not None and not (self.folder / best_file).exists():
            save(self.folder / best_file, best)
        save(self.folder / "latest.pt", {**state, "best_file": best_file})
        for old in self.folder.glob("best-*.pt"):
            if old.name != best_file:
                old.unlink()

    def clear(self) -> None:
        """Delete the folder: the run is finished."""
        if self.folder is None or not self.folder.exists():
            return
        for file in self.folder.iterdir():
            file.unlink()
        self.folder.rmdir()
