"""Optimisers with their schedule and clipping."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.meta.products import Tensors
from pipeline.meta.updates import CLIP_EPSILON, Rule, State, Step
from pipeline.methods.contract import OptimizerSettings


def scale(step: int, total: int, settings: OptimizerSettings) -> float:
    """Return the schedule's factor on the learning rate at `step` of `total`: warm-up from 0, then linear to 0 or constant.

    The rule of `transformers.get_linear_schedule_with_warmup`; the first step of a warm-up has factor 0.
    """
    warmup = int(settings.warmup * total)
    if step < warmup:
        return step / warmup
    if settings.schedule == "constant":
        return 1.0
    return max(0.0, (total - step) / max(1, total - warmup))


def decay_groups(
    named: Iterable[tuple[str, nn.Parameter]], weight_decay: float, decoupled: bool
) -> list[dict[str, Any]]:
    """Split parameters for weight decay: AdamW leaves biases and normalisation weights alone, as BERT's training does.

    Coupled L2 (Adam) is put on everything, as the papers' Adam does.
    """
    parameters = [(name, p) for name, p in named if p.requires_grad]
    if not decoupled:
        return [{"params": [p for _, p in parameters], "weight_decay": weight_decay}]
    plain = [p for _, p in parameters if p.ndim < 2]
    decayed = [p for _, p in parameters if p.ndim >= 2]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def clip(parameters: Sequence[nn.Parameter], limit: float | None) -> Tensor:
    """Clip gradients as `torch.nn.utils.clip_grad_norm_` does and return their norm; what needs no clipping is not touched.

    What a GPU has computed is not asked for: there they are multiplied by 1.
    """
    norm = nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]).detach()
    if limit is not None and not (norm.device.type == "cpu" and limit / (norm + CLIP_EPSILON) >= 1):
        nn.utils.clip_grads_with_norm_(parameters, limit, norm)
    return norm


@dataclass(frozen=True)
class Snapshot:
    """Copies of what a step changes: parameters, the optimiser's state of each, and the numbers of the schedule."""

    parameters: list[Tensor]
    inner: list[dict[str, Any]]
    numbers: dict[str, Any]


NUMBERS = ("step_number", "remembered", "gradient_norm", "last_rate")


class ScheduledOptimiser:
    """One optimiser, its schedule over `total` steps and its clipping; counts its own steps."""

    def __init__(self, named: Sequence[tuple[str, nn.Parameter]], settings: OptimizerSettings, total: int) -> None:
        self.settings, self.total, self.step_number = settings, total, 0
        self.remembered = 0  # steps since the running means began
        groups = decay_groups(named, settings.weight_decay, settings.kind == "adamw")
        self.parameters: list[nn.Parameter] = [p for group in groups for p in group["params"]]
        kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
        options: dict[str, Any] = {} if settings.kind == "sgd" else {"fused": True}
        self.inner: torch.optim.Optimizer = kinds[settings.kind](groups, lr=settings.learning_rate, **options)
        self.gradient_norm = torch.zeros(())
        self.last_rate = 0.0

    @property
    def learning_rate(self) -> float:
        """The learning rate of the coming step."""
        return self.settings.learning_rate * scale(self.step_number, self.total, self.settings)

    def step(self, check: Callable[[Tensor], None] = lambda norm: None) -> None:
        """Clip the gradients, step at the scheduled rate, drop the gradients; `check` sees their norm and may raise before."""
        norm = clip(self.parameters, self.settings.clip_norm)
        check(norm)
        self.gradient_norm = norm
        self.last_rate = self.learning_rate
        for group in self.inner.param_groups:
            group["lr"] = self.last_rate
        self.inner.step()
        self.inner.zero_grad(set_to_none=True)
        self.step_number += 1
        self.remembered += 1

    def apply(self, gradients: Sequence[Tensor | None], check: Callable[[Tensor], None] = lambda norm: None) -> None:
        """Step with the given gradients, in the order of `parameters`; clipping changes them in place."""
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        self.step(check)

    def restart(self) -> None:
        """Forget the running means; the schedule goes on."""
        self.inner.state.clear()
        self.remembered = 0

    def taken(self, start: Tensors, gradient: Tensors) -> Step:
        """Return the step just made from `start` with `gradient` (clipped by now), for its derivative; valid until the next.

        Whether the gradient was clipped decides what the derivative is: where it may have been, a GPU is waited for.
        """
        settings, adam = self.settings, self.settings.kind != "sgd"
        decay = tuple(float(group["weight_decay"]) for group in self.inner.param_groups for _ in group["params"])
        rule = Rule(
            learning_rate=self.last_rate,
            decay=decay if any(decay) else (),
            decoupled=settings.kind == "adamw",
            betas=tuple(self.inner.defaults["betas"]) if adam else None,
            epsilon=float(self.inner.defaults["eps"]) if adam else 0.0,
            clip_norm=settings.clip_norm,
        )
        norm, factor = 0.0, 1.0
        if settings.clip_norm is not None:
            norm = float(self.gradient_norm)
            factor = min(1.0, settings.clip_norm / (norm + CLIP_EPSILON))
        if not adam:
            return Step(rule, start, gradient, State(), factor, norm)
        held = [self.inner.state[p] for p in self.parameters]
        first, second = (tuple(h[key] for h in held) for key in ("exp_avg", "exp_avg_sq"))
        return Step(rule, start, gradient, State(first, second, self.remembered), factor, norm)

    def snapshot(self) -> Snapshot:
        """Return copies of what a step changes."""
        inner = [
            {key: value.clone() if isinstance(value, Tensor) else value for key, value in self.inner.state[p].items()}
            if p in self.inner.state
            else {}
            for p in self.parameters
        ]
        numbers = {name: getattr(self, name) for name in NUMBERS}
        return Snapshot([p.detach().clone() for p in self.parameters], inner, numbers)

    @torch.no_grad()
    def go_back(self, snapshot: Snapshot) -> None:
        """Be as when the snapshot was taken, which is used up."""
        self.inner.state.clear()
        for parameter, value, state in zip(self.parameters, snapshot.parameters, snapshot.inner, strict=True):
            parameter.copy_(value)
            if state:
                self.inner.state[parameter] = state
        for name, value in snapshot.numbers.items():
            setattr(self, name, value)

    def state(self) -> dict[str, Any]:
        """Everything needed to continue."""
        steps = {"step_number": self.step_number, "remembered": self.remembered}
        return {"inner": self.inner.state_dict(), **steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self.inner.load_state_dict(state["inner"])
        self.step_number, self.remembered = int(state["step_number"]), int(state["remembered"])
