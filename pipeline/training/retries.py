"""Steps that want more memory than there is, or more precision, and are made again.

    out of a GPU's memory     with half as many examples at a time (`training.micro_batch`), as often as it takes; the number that
                              fits is kept for the rest of the run
    not finite in bfloat16    once in float32; the next step is in bfloat16 again

A step made again is the one that failed: the same batches, the same state of all randomness, the same θ and φ. Updates come last
in a step, so there is mostly nothing to take back; a method that goes on after an update, or changes θ by itself, says so before
(`Trainer.keep`), and what it is about to change is copied.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.methods.contract import Batch, Draw
from pipeline.training.optimisers import ScheduledOptimiser, Snapshot

Made = TypeVar("Made")


class NotFiniteError(ArithmeticError):
    """A loss or a gradient of a step in bfloat16 is not finite."""


class Trained(Protocol):
    """What of a training a step may change."""

    device: torch.device
    memory: dict[str, Any]
    optimisers: dict[str, ScheduledOptimiser]

    @property
    def precision(self) -> str:
        """Return `bfloat16` or `float32`, the run's."""

    def randomness(self) -> dict[str, Any]:
        """Return the state of all randomness but that of the streams."""

    def set_randomness(self, state: Mapping[str, Any]) -> None:
        """Go back to such a state."""


@dataclass
class Fitting:
    """What was found to fit, or not to: a checkpoint holds it, and `run.json` tells it.

    Attributes:
        micro_batch: examples that go through the model at a time; `None`: a batch at once.
        evaluation_batch: examples that are evaluated at a time; `None`: as many as the loop takes.
        float32_steps: steps that were made again in float32.
    """

    micro_batch: int | None = None
    evaluation_batch: int | None = None
    float32_steps: int = 0


class Replay:
    """A draw whose batches are drawn again, in the same order, after `rewind`."""

    def __init__(self, draw: Draw) -> None:
        self.draw, self.drawn, self.position = draw, list[tuple[str, Batch]](), 0

    def __call__(self, name: str) -> Batch:
        """Return the next batch of the named stream."""
        if self.position == len(self.drawn):
            self.drawn.append((name, self.draw(name)))
        known, batch = self.drawn[self.position]
        assert known == name, "a step made again draws as it did"
        self.position += 1
        return batch

    def rewind(self) -> None:
        """Begin again with the first batch."""
        self.position = 0


class Beginning:
    """Where a step began, so far as it takes to make it again."""

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        self.randomness, self.memory = trained.randomness(), dict(trained.memory)
        self.steps = {name: optimiser.step_number for name, optimiser in trained.optimisers.items()}
        self.kept: dict[str, Snapshot] = {}

    def keep(self, which: str) -> None:
        """Copy what one optimiser is about to change, once."""
        if which not in self.kept:
            self.kept[which] = self.trained.optimisers[which].snapshot()

    def go_back(self) -> None:
        """Undo what the step has done.

        Raises:
            UserError: it changed what the method did not have kept.
        """
        trained = self.trained
        for name, optimiser in trained.optimisers.items():
            optimiser.inner.zero_grad(set_to_none=True)
            if name in self.kept:
                optimiser.go_back(self.kept[name])
            elif optimiser.step_number != self.steps[name]:
                raise UserError(
                    f"a step failed after it had moved {name!r}, for want of memory or in bfloat16, and cannot be taken back; "
                    "set training.micro_batch, or precision: float32"
                )
        self.kept = {}
        trained.memory.clear()
        trained.memory.update(self.memory)
        trained.set_randomness(self.randomness)
        if trained.device.type == "cuda":
            torch.cuda.empty_cache()


def can_fail(device: torch.device, precision: str) -> bool:
    """Whether a step may fail in a way that is mended here; otherwise nothing is remembered of where it began."""
    return device.type == "cuda" or precision == "bfloat16"


class Retries:
    """Makes steps, again where they fail.

    Args:
        trained: what they change.
        micro_batch: what the run begins with.
    """

    def __init__(self, trained: Trained, micro_batch: int | None) -> None:
        self.trained = trained
        self.fitting = Fitting(micro_batch)
        self.beginning: Beginning | None = None  # of the step that is under way, where it may be made again
        self.in_float32 = False  # whether it is
        self.losses: list[Tensor] = []  # of it, not looked at yet
        self.largest = 0  # examples that went through the model at a time in it, at most

    @property
    def bfloat16(self) -> bool:
        """Whether passes are in mixed precision now."""
        return self.trained.precision == "bfloat16" and not self.in_float32

    def step(self, make: Callable[[Draw], Made], draw: Draw) -> Made:
        """Make a step.

        Raises:
            UserError: it does not fit with one example at a time either, or cannot be taken back.
        """
        if not can_fail(self.trained.device, self.trained.precision):
            return make(draw)
        replay, self.beginning = Replay(draw), Beginning(self.trained)
        try:
            while True:
                self.largest = 0
                try:
                    return make(replay)
                except torch.OutOfMemoryError:
                    fits = False
                except NotFiniteError:
                    fits = True
                self.beginning.go_back()  # outside the handlers, whose tracebacks keep the failed pass in memory
                if fits:
                    self.in_float32, self.fitting.float32_steps = True, self.fitting.float32_steps + 1
                else:
                    self.halve()
                replay.rewind()
                self.losses.clear()
        finally:
            self.beginning, self.in_float32 = None, False
            self.losses.clear()

    def keep(self, which: str) -> None:
        """Copy what one optimiser is about to change, where the step may be made again."""
        if self.beginning is not None:
            self.beginning.keep(which)

    def see(self, loss: Tensor) -> None:
        """Note a loss of the step, to be looked at before its next update."""
        if self.bfloat16 and self.beginning is not None:
            self.losses.append(loss.detach())

    def check(self, gradient_norm: Tensor) -> None:
        """Look at what an update is about to be made of; under bfloat16 alone, as a GPU is waited for.

        Raises:
            NotFiniteError: it is not finite.
        """
        if not self.bfloat16 or self.beginning is None:
            return
        seen = torch.stack([*self.losses, gradient_norm.to(self.trained.device)])
        self.losses.clear()
        if not bool(seen.isfinite().all()):
            raise NotFiniteError

    def passes(self, examples: int) -> None:
        """Note that so many examples go through the model at a time."""
        self.largest = max(self.largest, examples)

    def halve(self) -> None:
        """Let half as many examples go through the model at a time.

        Raises:
            UserError: it is one already.
        """
        now = self.largest
        if now <= 1:
            raise UserError(too_large("a training step with one example at a time", "training.max_length"))
        self.fitting.micro_batch = -(-now // 2)
        print(
            f"warning: a step with {now} examples at a time does not fit the GPU's memory; going on with "
            f"{self.fitting.micro_batch} (training.micro_batch)",
            file=sys.stderr,
            flush=True,
        )

    def evaluation_batch(self, usual: int) -> int:
        """Return how many examples are evaluated at a time, at most `usual`."""
        return min(usual, self.fitting.evaluation_batch or usual)

    def halve_evaluation(self, now: int) -> None:
        """Let half as many examples be evaluated at a time.

        Raises:
            UserError: it is one already.
        """
        if now <= 1:
            lengths = "training.max_length or training.test_max_length"
            raise UserError(too_large("one example, evaluated by itself,", lengths))
        self.fitting.evaluation_batch = -(-now // 2)
        if self.trained.device.type == "cuda":
            torch.cuda.empty_cache()
        print(
            f"warning: {now} examples at a time do not fit the GPU's memory in evaluation; going on with "
            f"{self.fitting.evaluation_batch}",
            file=sys.stderr,
            flush=True,
        )


def too_large(what: str, length: str) -> str:
    """Say that no smaller piece of work can be made, and what to lower."""
    return (
        f"{what} does not fit the GPU's memory; lower {length}, take a smaller encoder, set "
        "training.activation_checkpointing: yes where the method allows it, run fewer jobs on the device "
        "(gpu_slots_per_device), or take a GPU with more memory"
    )
