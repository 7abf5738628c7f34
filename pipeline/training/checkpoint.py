"""Checkpoints of a run in progress: a folder that holds the latest epoch and the best weights so far.

Both files are written whole or not at all, the best weights first, so a kill at any moment leaves a pair that belongs together;
each has its digest at its end. Where one of the two is broken, the run begins anew, to the same bits.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, device

from pipeline.common.checkpoint import BrokenError, load, recorded, save, say_dropped

Weights = dict[str, Tensor]


class Checkpoints:
    """The checkpoint folder of one run and one version of the code; `None` keeps nothing.

    `of` tells which word embeddings the weights have, where they have not all; a checkpoint with others is dropped.
    """

    def __init__(self, folder: Path | None, of: str = "") -> None:
        self.folder, self.of = folder, of

    @property
    def there(self) -> bool:
        """Whether there is such a folder, of an unfinished run or of one that was killed while it cleared it."""
        return self.folder is not None and self.folder.exists()

    def load(self) -> dict[str, Any] | None:
        """Return the latest state, with the best weights under `best`, or `None` for a fresh start; a broken one is dropped."""
        if self.folder is None or not (self.folder / "latest.pt").exists():
            return None
        try:
            state: dict[str, Any] = load(self.folder / "latest.pt")
            if state.get("of", "") != self.of:
                raise BrokenError(f"{self.folder / 'latest.pt'}: its word embeddings are those of other texts")
            state["best"] = self.load_best(state)
        except BrokenError as error:
            say_dropped(error)
            self.clear()
            return None
        return state

    def load_best(self, state: Mapping[str, Any]) -> Weights | None:
        """Return the best weights that belong to a state, `None` where it has none.

        Raises:
            BrokenError: they are altered, or others than the state was saved with.
        """
        if self.folder is None or not state["best_file"]:
            return None
        path = self.folder / state["best_file"]
        weights: Weights = load(path)
        if state.get("best_digest") not in (None, recorded(path)):
            raise BrokenError(f"{path}: not the weights that latest.pt was saved with")
        return weights

    def save(self, state: dict[str, Any], best: Weights | None, best_name: str) -> None:
        """Save the state of an epoch's end; `best_name` changes with the best weights and is empty without any."""
        if self.folder is None:
            return
        best_file = f"best-{best_name}.pt" if best is not None else ""
        if best is not None and not (self.folder / best_file).exists():
            save(self.folder / best_file, best)
        best_digest = recorded(self.folder / best_file) if best_file else None
        save(self.folder / "latest.pt", {**state, "of": self.of, "best_file": best_file, "best_digest": best_digest})
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


def on_device(value: Any, place: device) -> Any:
    """Return what a method remembers with its tensors on the run's device; checkpoints are read into main memory."""
    if isinstance(value, Tensor):
        return value.to(place)
    if isinstance(value, dict):
        return {key: on_device(one, place) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(on_device(one, place) for one in value)
    return value
