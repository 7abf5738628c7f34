"""What training was like: the lines of `history.jsonl`, one per epoch, and the rows of `steps.parquet`, one per step."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.training.optimisers import ScheduledOptimiser

CHECK_EVERY = 20  # steps between looks at the losses on a GPU, where each look waits for it


@dataclass(frozen=True)
class EpochRecord:
    """One line of `history.jsonl`; losses are means over the epoch's steps, rates are per second of training."""

    phase: str
    epoch: int
    steps: int
    losses: dict[str, float]
    gradient_norm: float
    learning_rate: float
    dev_score: float | None
    seconds: float
    useful_tokens: int
    processed_tokens: int

    def as_dict(self) -> dict[str, Any]:
        """The line's content, with `tokens_per_second` (useful ones)."""
        return {**asdict(self), "tokens_per_second": round(self.useful_tokens / max(self.seconds, 1e-9))}


class StepLog:
    """Collects one epoch's losses and fails at the first that is not finite."""

    def __init__(self, device: torch.device, where: str) -> None:
        self.look_every = 1 if device.type == "cpu" else CHECK_EVERY
        self.where = where
        self.pending: list[tuple[int, Mapping[str, Tensor], Tensor]] = []  # not looked at yet
        self.values: list[dict[str, Any]] = []  # per step
        self.sums: dict[str, float] = {}
        self.first_loss = math.nan
        self.norm_sum = 0.0
        self.steps = 0
        self.useful = self.processed = 0
        self.seconds = 0.0

    def add(self, step: int, losses: Mapping[str, Tensor], gradient_norm: Tensor) -> None:
        """Note one step's scalars."""
        self.pending.append((step, losses, gradient_norm))
        if len(self.pending) >= self.look_every:
            self.look()

    def look(self) -> None:
        """Read the noted scalars.

        Raises:
            UserError: one is not finite; names phase, epoch and step.
        """
        for step, losses, norm in self.pending:
            values = {name: float(value) for name, value in losses.items()} | {"gradient norm": float(norm)}
            for name, value in values.items():
                if not math.isfinite(value):
                    raise UserError(
                        f"{name} is {value} in {self.where}, step {step}: training diverged; "
                        "lower training.learning_rate, set training.clip_norm, or use precision: float32"
                    )
            self.values.append({"step": step, **{k.replace(" ", "_"): value for k, value in values.items()}})
            self.norm_sum += values.pop("gradient norm")
            for name, value in values.items():
                self.sums[name] = self.sums.get(name, 0.0) + value
            if not self.steps:
                self.first_loss = next(iter(values.values()))
            self.steps += 1
        self.pending.clear()

    def latest(self) -> str:
        """The mean loss so far, for the progress line."""
        return f"loss {self.mean_loss:.3f}" if self.steps else "loss ?"

    @property
    def mean_loss(self) -> float:
        """The mean of the first scalar the method logs."""
        return next(iter(self.sums.values())) / self.steps if self.steps else math.nan

    def close(self, useful: int, processed: int, seconds: float) -> None:
        """End the epoch, or an attempt at it: `useful` and `processed` sub-tokens, without and with padding."""
        self.look()
        self.useful += useful
        self.processed += processed
        self.seconds += seconds

    def state(self) -> dict[str, Any]:
        """What a checkpoint within the epoch holds; nothing is pending."""
        return {key: value for key, value in vars(self).items() if key not in ("look_every", "pending")}

    @classmethod
    def of(cls, device: torch.device, state: Mapping[str, Any]) -> "StepLog":
        """Return the log of an epoch that goes on."""
        log = cls(device, state["where"])
        vars(log).update(state)
        return log

    def record(self, phase: str, epoch: int, dev_score: float | None, optimiser: ScheduledOptimiser) -> EpochRecord:
        """Return the epoch's line."""
        return EpochRecord(
            phase=phase,
            epoch=epoch,
            steps=self.steps,
            losses={name: total / self.steps for name, total in self.sums.items()},
            gradient_norm=self.norm_sum / max(self.steps, 1),
            learning_rate=optimiser.learning_rate,
            dev_score=dev_score,
            seconds=round(self.seconds, 3),
            useful_tokens=self.useful,
            processed_tokens=self.processed,
        )
