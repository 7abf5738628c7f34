"""What a training method is, and what the loop gives it.

A method is a value: a `Method` holding a few functions. It declares its phases and their streams of batches, performs its own
step with the batches it draws, registers whatever it owns (modules, optimisers, memory) with the trainer so that a killed run
resumes, and may replace prediction. The loop owns precision, clipping, schedules, evaluation, early stopping, checkpoints and
logging. Methods know nothing of the config, of files or of Snakemake.

Notation: θ the model's parameters (`trainer.model`), φ a method's own (`trainer.modules`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from pipeline.meta.products import Tensors
from pipeline.meta.updates import Step as UpdateStep

Batch = Mapping[str, Tensor]
"""Tensors of one batch of B examples: `input_ids`, `attention_mask` (B, T), `labels`; and, on the CPU whatever the device, `row`,
`example`, `language`, `lengths` (B,) (see `pipeline.tasks.examples.collate`, `pipeline.tasks.transfer`)."""

Draw = Callable[[str], Batch]
"""Draws the next batch of the named stream; a stream that is not drawn from does not move."""


@dataclass(frozen=True)
class Pool:
    """Examples of one language and split; `size` of them, or a share below 1, by the run's `data_seed`; all where `None`.

    `source` says that they are the sources' examples, which a run may read from a dataset of their own.
    """

    language: str
    split: Literal["train", "dev"] = "train"
    size: int | float | None = None
    source: bool = False


@dataclass(frozen=True)
class Stream:
    """A flow of batches over one or several pools.

    `sampling`: `covering` walks all examples without replacement, pass after pass, shuffled anew each time; `random` draws
    each batch afresh; `per_class` draws `batch_size` examples of every class of every language. A stream `paired_with` another
    yields for each row of that stream's latest batch one of another language with the same id; `excluding` another never
    yields that batch's rows. A `whole` stream is refused where there are fewer than `batch_size` examples; others then have
    smaller batches. A batch that the method divides among several `sides` holds as many of the run's batches.
    """

    pools: tuple[Pool, ...]
    batch_size: int
    sampling: Literal["covering", "random", "per_class"] = "covering"
    paired_with: str | None = None
    excluding: str | None = None
    whole: bool = False
    sides: int = 1


@dataclass(frozen=True)
class OptimizerSettings:
    """An optimiser with its schedule: linear warm-up over `warmup` (a fraction of all steps), then decay to zero or constant.

    `decoupled` weight decay is AdamW's; otherwise the penalty is added to the gradient (Adam with L2). `clip_norm` is the
    largest gradient norm, `None` for no clipping.
    """

    learning_rate: float
    kind: Literal["adam", "adamw", "sgd"] = "adamw"
    weight_decay: float = 0.0
    schedule: Literal["linear", "constant"] = "linear"
    warmup: float = 0.0
    clip_norm: float | None = None

    @classmethod
    def of(cls, training: Mapping[str, Any]) -> "OptimizerSettings":
        """Return those of training settings as a spec has them; what trains nothing has none."""
        return cls(
            learning_rate=training.get("learning_rate", 0.0),
            kind=training.get("optimizer", "adamw"),
            weight_decay=training.get("weight_decay", 0.0),
            schedule=training.get("schedule", "linear"),
            warmup=training.get("warmup", 0.0),
            clip_norm=training.get("clip_norm"),
        )


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own streams, optimiser state, schedule and choice of epoch.

    `epoch` is the stream whose one pass makes an epoch, or a number of steps. With `select_on` the epoch with the best mean dev
    score over those pools is kept and `patience` epochs without a better one end the phase; without it the last epoch stays,
    or, of an `averaged` phase, the mean of the weights at the ends of all its epochs.
    """

    name: str
    streams: Mapping[str, Stream]
    epoch: str | int
    epochs: int
    select_on: tuple[Pool, ...] = ()
    patience: int | None = None
    optimizer: OptimizerSettings | None = None  # None: the run's own training settings
    averaged: bool = False


@dataclass(frozen=True)
class Setting:
    """The facts of a run a method plans with: languages, numbers or shares of examples (`None`: all), batch size, epochs.

    `targets` is empty where one model is tested on all of them and none is trained on.

    `select` is `best` (the epoch with the best dev score) or `last`.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    source_size: int | float | None
    target_size: int | float | None
    dev_size: int | None
    batch_size: int
    epochs: int
    select: Literal["best", "last"]
    patience: int | None = None
    auxiliary: tuple[str, ...] = ()
    auxiliary_size: int | float | None = None

    def source_pools(self) -> tuple[Pool, ...]:
        """The training examples of every source language."""
        return tuple(Pool(language, "train", self.source_size, source=True) for language in self.sources)

    def target_pools(self) -> tuple[Pool, ...]:
        """The training examples of every target language."""
        return tuple(Pool(language, "train", self.target_size) for language in self.targets)

    def pools(self, languages: Sequence[str], split: Literal["train", "dev"]) -> tuple[Pool, ...]:
        """A split of the targets: `target_size` of train, at most `dev_size` of dev."""
        size = self.dev_size if split == "dev" else self.target_size
        return tuple(Pool(language, split, size) for language in languages)

    def auxiliary_pools(self, split: Literal["train", "dev"]) -> tuple[Pool, ...]:
        """A split of every auxiliary language, `auxiliary_size` examples; of dev at most so many."""
        return tuple(Pool(language, split, self.auxiliary_size) for language in self.auxiliary)

    def dev_pools(self, languages: Sequence[str], source: bool = False) -> tuple[Pool, ...]:
        """The dev examples that choose the epoch; none where the last epoch is taken."""
        chooses = self.select == "best"
        return tuple(Pool(language, "dev", self.dev_size, source) for language in languages) if chooses else ()


class Trainer(Protocol):
    """What the loop offers a method during `setup`, `step` and `predict`."""

    model: nn.Module  # TaskModel: encoder and head, the one that is saved
    modules: dict[str, nn.Module]  # what the method registered with `own`
    memory: dict[str, Any]  # plain numbers and tensors that must survive a resume
    inherited: dict[str, Tensor]  # what the method of the run that learned for this one kept, by name
    languages: tuple[str, ...]  # batch["language"] indexes these
    labels: tuple[str, ...]  # the task's label set, in the order of the logits
    generator: torch.Generator  # the method's own randomness
    device: torch.device
    phase: Phase
    step_number: int  # steps done in this phase
    total_steps: int  # steps of this phase, if it does not stop early

    @property
    def task(self) -> str:
        """The task's name."""

    @property
    def settings(self) -> OptimizerSettings:
        """The optimiser settings of θ in this phase."""

    @property
    def micro_batch(self) -> int | None:
        """How many examples go through the model at a time; `None`: a batch at once."""

    def own(self, name: str, module: nn.Module, optimizer: OptimizerSettings | None = None) -> None:
        """Register a module of the method (φ), with an optimiser of its own, or trained with θ where `None`."""

    def autocast(self) -> AbstractContextManager[Any]:
        """The run's precision, which `loss` enters by itself."""

    def loss(
        self,
        batch: Batch,
        parameters: Mapping[str, Tensor] | None = None,
        module: nn.Module | None = None,
        whole: bool = False,
    ) -> Tensor:
        """The task's mean loss (a scalar) under the run's precision, at θ or at the given parameters.

        `module` maps the batch to logits instead of the model; `parameters` are then named as in it. With `micro_batch` the batch
        goes through in parts, and the loss can be differentiated once; unless it is to be gone through `whole`.
        """

    def parts(self, batch: Batch, least: int = 1) -> Sequence[tuple[Batch, Tensor | float]]:
        """The parts that a batch goes through the model in, at least so many, each with its share of the mean loss.

        For losses that are differentiated twice: Σ share · `loss(part, whole=True)`.
        """

    def recomputed(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function; with `micro_batch` its activations are not kept, but made anew where a gradient needs them."""

    def keep(self, which: str = "model") -> None:
        """Have what an optimiser moves copied, before a step changes it and goes on: the step may have to be made again."""

    def optimise(self, loss: Tensor, which: str = "model") -> None:
        """Backward, clip, step and advance the schedule of one optimiser: `model` (θ) or an owned module's."""

    def apply(self, gradients: Sequence[Tensor | None], which: str = "model") -> None:
        """The same with gradients computed by the method, in the order of `parameters(which)`; they are clipped in place."""

    def restart(self, which: str = "model") -> None:
        """Let an optimiser forget what it has seen; its schedule goes on."""

    def step_taken(self, start: Tensors, gradient: Tensors, which: str = "model") -> UpdateStep:
        """The step that `apply` has just made from `start` with `gradient`, for its derivative."""

    def parameters(self, which: str = "model") -> list[nn.Parameter]:
        """The trainable parameters behind one optimiser."""

    def label_counts(self) -> Tensor:
        """How often the phase's training examples have each label, (C,): classes, or tags of words."""

    def learning_rate(self, which: str = "model") -> float:
        """The scheduled learning rate of the coming step."""


Step = Callable[[Trainer, Draw], Mapping[str, Tensor]]
Predict = Callable[[Trainer, Iterable[Batch], Draw], Iterator[Tensor]]


def no_setup(trainer: Trainer) -> None:
    """A method that owns nothing."""


def model_alone(trainer: Trainer, batches: Iterable[Batch], draw: Draw) -> Iterator[Tensor]:
    """Predict with the model as it is: one tensor of logits per batch."""
    for batch in batches:
        yield trainer.model(batch)


@dataclass(frozen=True)
class Method:
    """One way to train.

    Attributes:
        phases: the phases for a setting; none means nothing is trained (the parent's weights are evaluated).
        step: one step: draws its batches, updates what it updates, returns scalars to log (the first is the training loss).
        setup: called as each phase starts, before its optimiser is made: freeze parameters, `own` modules.
        predict: turns batches into logits; may draw from the phase's streams (support), without disturbing training.
        keeps: names of owned modules saved beside the model for child runs; all others are dropped.
        float32_with: optimisers of θ with which it needs full precision, its derivatives being ill-conditioned; `precision:
            auto` then means float32.
    """

    phases: Callable[[Setting], Sequence[Phase]]
    step: Step
    setup: Callable[[Trainer], None] = no_setup
    predict: Predict = model_alone
    keeps: tuple[str, ...] = field(default=())
    float32_with: tuple[str, ...] = field(default=())
