"""The training loop, the same for every method.

    for each phase: set up the method, make the optimisers
        for each epoch: the method's steps; evaluate on dev; keep the best; checkpoint
        take the best epoch's weights

A run killed at any moment resumes from its last checkpoint and, on a CPU, ends in bit-identical weights. Asked to end by a signal
(`pipeline.common.signals`), it writes one within the step.
"""

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from pipeline.common import signals
from pipeline.common.errors import UserError
from pipeline.data.schema import CLASSES
from pipeline.encoders.trim import Trimmed
from pipeline.meta.products import Tensors, scaled
from pipeline.meta.updates import Step
from pipeline.methods.contract import Batch, Draw, Method, OptimizerSettings, Phase, Pool
from pipeline.tasks.examples import Examples, collate
from pipeline.tasks.metric_names import metric_names
from pipeline.tasks.model import TaskModel, reads_of
from pipeline.tasks.packing import area_of
from pipeline.tasks.probabilities import Floats, of_labels
from pipeline.tasks.transfer import sent_batch
from pipeline.training.batches.parts import Part, parts_of, sum_of
from pipeline.training.batches.streams import Streams, seeded
from pipeline.training.checkpoint import Checkpoints, Weights, on_device
from pipeline.training.history import StepLog
from pipeline.training.lora import merged, set_merged
from pipeline.training.optimisers import ScheduledOptimiser
from pipeline.training.progress import Progress
from pipeline.training.retries import Fitting, Retries
from pipeline.training.weights import label_counts

EVALUATION_FACTOR = 4  # evaluation keeps no activations, so its batches are larger


@dataclass(frozen=True)
class Ingredients:
    """Everything a run's loop works with.

    Attributes:
        task: the task's module: `loss`, `decode`, `score`, and `merge` where an example may take several rows.
        pools: tokenised examples of every pool any phase names.
        languages: what `batch["language"]` indexes.
        seed: `model_seed`: order of examples, dropout, the method's own draws.
        select_metric: the score by which an epoch is the best.
        inherited: what the method of the run that learned for this one kept.
        class_weights: by phase: what labels weigh (C,); nothing where all weigh the same.
        micro_batch: examples that go through the model at a time; `None`: a batch at once.
        fixed: names of the model's weights that no run changes, so that no checkpoint holds them.
        trimmed: the word embeddings that the model had before it was left those of the run's texts; `None`: it has all.
    """

    task: ModuleType
    model: TaskModel
    method: Method
    pools: Mapping[Pool, Examples]
    labels: Sequence[str]
    languages: tuple[str, ...]
    optimizer: OptimizerSettings
    batch_size: int
    pad_id: int
    seed: int
    device: torch.device
    precision: str
    select_metric: str
    inherited: Mapping[str, Tensor] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    class_weights: Mapping[str, Tensor] = field(default_factory=dict)
    micro_batch: int | None = None
    trimmed: Trimmed | None = None


@dataclass
class Fitted:
    """What training came to: of the last phase, and tokens and seconds of all; `processed` tokens are with padding."""

    epochs: int = 0
    best_epoch: int | None = None
    best_score: float | None = None
    useful: int = 0
    processed: int = 0
    evaluation_useful: int = 0
    evaluation_processed: int = 0
    training_seconds: float = 0.0
    evaluation_seconds: float = 0.0


class Loop:
    """Trains one run; it is the `Trainer` that methods see (`pipeline.methods.contract`)."""

    def __init__(
        self,
        ingredients: Ingredients,
        checkpoints: Checkpoints,
        report: Callable[[list[dict[str, Any]]], None] = lambda records: None,
        checkpoint_every: float = 5.0,
    ) -> None:
        self.ingredients, self.checkpoints, self.report = ingredients, checkpoints, report
        self.checkpoint_every = checkpoint_every  # seconds; an epoch that ends sooner after the last one is not saved
        self.model: nn.Module = ingredients.model.to(ingredients.device)
        self.device, self.languages, self.labels = ingredients.device, ingredients.languages, tuple(ingredients.labels)
        self.modules: dict[str, nn.Module] = {}
        self.memory: dict[str, Any] = {}
        self.inherited = dict(ingredients.inherited)
        self.generator = torch.Generator().manual_seed(int(seeded(ingredients.seed, "method").integers(2**62)))
        self.own_settings: dict[str, OptimizerSettings | None] = {}
        self.optimisers: dict[str, ScheduledOptimiser] = {}
        self.retries = Retries(self, ingredients.micro_batch)
        self.fitted = Fitted()
        self.records: list[dict[str, Any]] = []  # one per epoch, of all phases
        self.steps: list[dict[str, Any]] = []  # one per step
        self.best: Weights | None = None
        self.total: Weights = {}  # of an averaged phase: the sum of θ over its epochs' ends
        self.step_number = self.total_steps = 0
        self.phase = Phase("none", {}, 0, 0)
        self.balance: Tensor | None = None  # what labels weigh in the phase; None: all alike
        self.log: StepLog | None = None  # of the epoch that is under way
        self.drawn: dict[str, Any] = {}  # the state of all randomness when the last step was made

    # What a method calls.

    def own(self, name: str, module: nn.Module, optimizer: OptimizerSettings | None = None) -> None:
        """Register a module of the method, with its own optimiser or trained with θ."""
        self.modules[name] = module.to(self.device)
        self.own_settings[name] = optimizer

    def autocast(self) -> AbstractContextManager[Any]:
        """The run's precision; each weight is used once a pass, so casts are not kept."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.retries.bfloat16, cache_enabled=False)

    def loss(
        self,
        batch: Batch,
        parameters: Mapping[str, Tensor] | None = None,
        module: nn.Module | None = None,
        whole: bool = False,
    ) -> Tensor:
        """Return the task's mean loss at θ or at the given parameters, of the model or of another module.

        Raises:
            UserError: layers are to be passed again, and at the given parameters they would be passed at θ.
        """
        module = self.model if module is None else module
        if parameters is not None and self.ingredients.model.passed_again:
            raise UserError("training.activation_checkpointing: this method looks at losses at other parameters than θ")
        if whole:
            return self.task_loss(module, batch, parameters)
        if self.micro_batch is None:
            value = self.task_loss(module, batch, parameters)
        else:
            tensors = {**dict(module.named_parameters()), **(parameters or {})}
            losses = [partial(self.part_loss, module, parameters, part) for part in self.parts(batch)]
            value = sum_of(losses, [tensor for tensor in tensors.values() if tensor.requires_grad])
        self.retries.see(value)
        return value

    def part_loss(self, module: nn.Module, parameters: Mapping[str, Tensor] | None, part: Part) -> Tensor:
        """Return what a part of a batch adds to the whole's mean loss."""
        return scaled(self.task_loss(module, part.batch, parameters), part.share)

    def task_loss(self, module: nn.Module, batch: Batch, parameters: Mapping[str, Tensor] | None) -> Tensor:
        """Return the task's mean loss of a batch that goes through a module at once."""
        self.retries.passes(len(batch["row"]))
        with self.autocast():
            logits = module(batch) if parameters is None else functional_call(module, dict(parameters), (batch,))
        value: Tensor = self.ingredients.task.loss(logits, batch)
        return value

    @property
    def precision(self) -> str:
        """The run's precision, `bfloat16` or `float32`."""
        return self.ingredients.precision

    @property
    def micro_batch(self) -> int | None:
        """How many examples go through the model at a time; `None`: a batch at once."""
        return self.retries.fitting.micro_batch

    def parts(self, batch: Batch, least: int = 1) -> list[Part]:
        """Return the parts that a batch goes through the model in, at least so many where it has as many rows."""
        rows = len(batch["row"])
        found = parts_of(batch, max(least, -(-rows // (self.micro_batch or rows))))
        self.retries.passes(len(found[0].batch["row"]))
        return found

    def recomputed(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function; with micro-batches its activations are not kept, but made anew where a gradient needs them."""
        if self.micro_batch is None or not torch.is_grad_enabled():
            return function(*arguments)
        return checkpoint(function, *arguments, use_reentrant=False)

    def keep(self, which: str = "model") -> None:
        """Have what an optimiser moves copied, as the step may have to be made again."""
        self.retries.keep(which)

    @property
    def task(self) -> str:
        """The task's name."""
        return self.ingredients.task.__name__.rpartition(".")[2]

    def optimise(self, loss: Tensor, which: str = "model") -> None:
        """Backward and one step of one optimiser."""
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimisers[which].step(self.retries.check)

    def apply(self, gradients: Sequence[Tensor | None], which: str = "model") -> None:
        """One step of one optimiser with the given gradients."""
        self.optimisers[which].apply(gradients, self.retries.check)

    def restart(self, which: str = "model") -> None:
        """Let one optimiser forget what it has seen."""
        self.optimisers[which].restart()

    def step_taken(self, start: Tensors, gradient: Tensors, which: str = "model") -> Step:
        """The step that `apply` has just made."""
        return self.optimisers[which].taken(start, gradient)

    @property
    def settings(self) -> OptimizerSettings:
        """The optimiser settings of θ in this phase."""
        return self.phase.optimizer or self.ingredients.optimizer

    def parameters(self, which: str = "model") -> list[nn.Parameter]:
        """The parameters behind one optimiser."""
        return self.optimisers[which].parameters

    def label_counts(self) -> Tensor:
        """How often the phase's training examples have each label, (C,): classes, or tags of words."""
        return label_counts(self.phase, self.ingredients.pools, len(self.labels))

    def learning_rate(self, which: str = "model") -> float:
        """The learning rate of the coming step."""
        return self.optimisers[which].learning_rate

    # Training.

    def fit(self, phases: Sequence[Phase]) -> Fitted:
        """Train through all phases, from the last checkpoint where there is one.

        Raises:
            UserError: a dev set has no score to choose by; the loss or a gradient is not finite, or training diverges: says at
                which phase, epoch and step; one example does not fit a GPU's memory.
            AskedToEnd: by a signal; a checkpoint was written.
        """
        signals.defer()
        for pool in dict.fromkeys(pool for phase in phases for pool in phase.select_on):
            self.check_choice(pool)
        saved = self.checkpoints.load()
        for number, phase in enumerate(phases):
            if saved is not None and number < saved["phase"]:
                self.prepare(phase)  # registers what the method owns; its weights come with the checkpoint
                continue
            self.run_phase(number, phase, saved if saved is not None and number == saved["phase"] else None)
        if saved is not None and saved["phase"] == len(phases):
            self.restore(saved, None)
        self.drawn = self.randomness()
        return self.fitted

    def prepare(self, phase: Phase) -> tuple[Streams, int]:
        """Set up the method for a phase and make its streams and optimisers; return them with the steps per epoch."""
        self.phase, self.step_number, self.best, self.total = phase, 0, None, {}
        self.ingredients.method.setup(self)
        self.balance = self.ingredients.class_weights.get(phase.name)
        streams = self.open_streams(phase, "train")
        steps = streams.samplers[phase.epoch].batches_per_pass if isinstance(phase.epoch, str) else phase.epoch
        total = self.total_steps = steps * phase.epochs
        named = list(self.model.named_parameters())
        for name, settings in self.own_settings.items():
            if settings is None:
                named += [(f"{name}.{n}", p) for n, p in self.modules[name].named_parameters()]
        self.optimisers = {"model": ScheduledOptimiser(named, self.settings, total)}
        for name, settings in self.own_settings.items():
            if settings is not None:
                own = list(self.modules[name].named_parameters())
                self.optimisers[name] = ScheduledOptimiser(own, settings, total)
        return streams, steps

    def open_streams(self, phase: Phase, purpose: str) -> Streams:
        """Open a phase's streams with randomness of their own for training or evaluation."""
        i = self.ingredients
        seed, classes = (i.seed, phase.name, purpose), i.labels if self.task in CLASSES else ()
        reads = reads_of(i.model, i.device)
        return Streams(phase.streams, i.pools, i.languages, i.pad_id, i.device, seed, classes, reads, self.balance)

    def run_phase(self, number: int, phase: Phase, saved: dict[str, Any] | None) -> None:
        """Run one phase to its end or to its early stop; leave the chosen epoch's weights in the model."""
        streams, steps = self.prepare(phase)
        progress = Progress(steps * phase.epochs)
        self.fitted = Fitted(**{**vars(self.fitted), "epochs": 0, "best_epoch": None, "best_score": None})
        if saved is not None:
            self.restore(saved, streams)
            progress.resume(self.step_number)
        last_saved = time.monotonic()
        while self.fitted.epochs < phase.epochs and not self.out_of_patience():
            try:
                log = self.run_epoch(streams, steps, progress)
                score = self.choose_epoch()
            except signals.AskedToEnd as asked:
                self.save(number, streams)
                asked.kept = f"with a checkpoint of step {self.step_number:,} of {self.total_steps:,}"
                raise
            self.end_epoch(log, score)
            if time.monotonic() - last_saved >= self.checkpoint_every:
                self.save(number, streams)
                last_saved = time.monotonic()
        progress.close()
        if self.best is not None:
            self.load_weights(self.best)
        if self.total:
            set_merged(self.model, self.mean_weights())

    def out_of_patience(self) -> bool:
        """Whether `patience` epochs have passed without a better dev score."""
        best, patience = self.fitted.best_epoch, self.phase.patience
        return best is not None and patience is not None and self.fitted.epochs - best >= patience

    def run_epoch(self, streams: Streams, steps: int, progress: Progress) -> StepLog:
        """Make one epoch's steps, or those that an earlier attempt left.

        Raises:
            AskedToEnd: by a signal, while or after a step was made.
        """
        self.set_training(True)
        start, useful, processed = time.monotonic(), streams.useful, streams.processed
        if self.log is None:
            self.log = StepLog(self.device, where=f"phase {self.phase.name!r}, epoch {self.fitted.epochs + 1}")
        log = self.log
        try:
            for _ in range(log.steps, steps):
                signals.check()
                losses = self.retries.step(partial(self.ingredients.method.step, self), streams.draw)
                self.step_number += 1
                log.add(self.step_number, losses, self.optimisers["model"].gradient_norm)
                progress.update(self.step_number, f"steps, epoch {self.fitted.epochs + 1}, {log.latest()},")
        finally:
            log.close(streams.useful - useful, streams.processed - processed, time.monotonic() - start)
            self.drawn = self.randomness()
        self.check_divergence(log)
        signals.check()
        return log

    def end_epoch(self, log: StepLog, score: float | None) -> None:
        """Count an epoch that was trained and evaluated, and report it."""
        self.fitted.epochs += 1
        self.fitted.useful += log.useful
        self.fitted.processed += log.processed
        self.fitted.training_seconds += log.seconds
        if self.phase.averaged:
            self.add_up()
        record = log.record(self.phase.name, self.fitted.epochs, score, self.optimisers["model"])
        self.records.append(record.as_dict())
        self.steps += [{"phase": self.phase.name, **values} for values in log.values]
        self.log = None
        self.report(self.records)

    def check_divergence(self, log: StepLog) -> None:
        """Fail where the epoch's mean loss is a hundred times the phase's very first."""
        first = self.memory.setdefault(f"first loss of {self.phase.name}", log.first_loss)
        if log.mean_loss > 100 * max(first, 1e-2):
            raise UserError(
                f"training diverged in {log.where}: mean loss {log.mean_loss:.3g}, {first:.3g} at the first step; "
                "lower training.learning_rate, or set training.clip_norm"
            )

    def choose_epoch(self) -> float | None:
        """Evaluate on dev and keep the weights if they are the best so far; the first of equals wins."""
        if not self.phase.select_on:
            return None
        start = time.monotonic()
        scores = [self.score(self.ingredients.pools[pool]) for pool in self.phase.select_on]
        score = math.fsum(scores) / len(scores)
        if self.fitted.best_score is None or score > self.fitted.best_score:
            self.fitted.best_score, self.fitted.best_epoch = score, self.fitted.epochs + 1
            self.best = {key: tensor.detach().cpu().clone() for key, tensor in self.weights().items()}
        self.fitted.evaluation_seconds += time.monotonic() - start
        return score

    def check_choice(self, pool: Pool) -> None:
        """Refuse dev data in whose gold there is nothing that a metric of one class or type could be of."""
        metric, task = self.ingredients.select_metric, self.ingredients.task
        if metric in (task.METRIC, *metric_names("qa")):
            return
        examples = self.ingredients.pools[pool]
        gold = [examples.gold[row] for row in examples.firsts]
        if metric not in task.score(gold, gold):
            raise UserError(
                f"training.select_metric: {metric!r} is not defined on the {len(gold)} dev examples of {pool.language}, which "
                "have nothing of the kind; choose a metric over all classes or types, or more dev data (dev_size)"
            )

    def add_up(self) -> None:
        """Add θ to the sum over the phase's epochs, in float64: a mean of equal weights is those weights.

        Adapters count by what they add to a weight: the mean of products B A is not the product of the means.
        """
        for name, tensor in merged(self.model).items():
            if tensor.is_floating_point() and name not in self.ingredients.fixed:
                added = tensor.detach().to("cpu", torch.float64, copy=True)
                self.total[name] = self.total[name] + added if name in self.total else added

    def mean_weights(self) -> Weights:
        """The mean of θ over the phase's epochs so far, in θ's own precision, adapters merged."""
        kinds = merged(self.model)
        return {name: (tensor / self.fitted.epochs).to(kinds[name].dtype) for name, tensor in self.total.items()}

    # Evaluation.

    def set_training(self, training: bool) -> None:
        """Dropout on or off, in the model and in what the method owns."""
        for module in (self.model, *self.modules.values()):
            module.train(training)

    def predict(self, examples: Examples, probable: list[Floats] | None = None) -> list[Any]:
        """Return the task's prediction for every example, in the examples' order; windows of one example are merged.

        Args:
            examples: all rows of a set.
            probable: where given, gets every example's probabilities (see `tasks.probabilities.of_labels`), in the same order.

        Raises:
            UserError: one example does not fit a GPU's memory.
        """
        usual, randomness = min(self.ingredients.batch_size, self.micro_batch or sys.maxsize), self.randomness()
        while True:
            size = self.retries.evaluation_batch(usual * EVALUATION_FACTOR)
            try:
                return self.predict_by(size, examples, probable)
            except torch.OutOfMemoryError:
                pass
            self.retries.halve_evaluation(size)
            self.set_randomness(randomness)

    def predict_by(self, size: int, examples: Examples, probable: list[Floats] | None) -> list[Any]:
        """Return the task's predictions, made of `size` examples at a time."""
        i = self.ingredients
        order = sorted(range(len(examples)), key=lambda row: len(examples.input_ids[row]))
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        out: list[Any] = [None] * len(examples)
        found: dict[int, Floats] = {}
        self.set_training(False)
        with torch.inference_mode(), self.autocast():
            opened: list[Streams] = []
            logits = i.method.predict(self, self.batches(examples, groups), self.evaluation_draw(opened))
            for rows, values in zip(groups, logits, strict=True):
                for row, prediction in zip(rows, i.task.decode(values, examples, rows, i.labels), strict=True):
                    out[row] = prediction
                if probable is not None:
                    found |= dict(zip(rows, of_labels(values, examples, rows, i.labels), strict=True))
        lengths = examples.lengths
        self.count_evaluated([lengths[rows] for rows in groups], opened)
        if probable is not None:
            probable += [found[row] for row in range(len(examples))]
        merged: list[Any] = i.task.merge(examples, out) if len(examples.groups) else out
        return merged

    def batches(self, examples: Examples, groups: Iterable[Sequence[int]]) -> Iterator[Batch]:
        """Yield one batch per group of rows, on the run's device.

        Raises:
            AskedToEnd: by a signal.
        """
        for rows in groups:
            signals.check()
            yield sent_batch(collate(examples, np.asarray(rows), self.ingredients.pad_id, self.languages), self.device)

    def count_evaluated(self, batches: Iterable[np.ndarray], opened: Iterable[Streams]) -> None:
        """Count the sub-tokens of an evaluation that has ended, by their lengths in its batches, and those that were drawn."""
        reads = reads_of(self.ingredients.model, self.device)
        for lengths in batches:
            self.fitted.evaluation_useful += int(lengths.sum())
            self.fitted.evaluation_processed += area_of(tuple(lengths.tolist()), reads)
        for streams in opened:
            self.fitted.evaluation_useful += streams.useful
            self.fitted.evaluation_processed += streams.processed

    def evaluation_draw(self, opened: list[Streams]) -> Draw:
        """Return a draw over the phase's streams that never moves those of training; `opened` gets them at its first use."""

        def draw(name: str) -> Batch:
            if not opened:
                opened.append(self.open_streams(self.phase, "evaluate"))
            return opened[0].draw(name)

        return draw

    def score(self, examples: Examples) -> float:
        """Return the metric that chooses epochs over all examples."""
        task = self.ingredients.task
        gold = [examples.gold[row] for row in examples.firsts]
        scores = task.score(gold, self.predict(examples))
        return float(scores.get(self.ingredients.select_metric, 0.0))  # a class that nowhere occurs has no score

    # State.

    def weights(self, whole: bool = False) -> Weights:
        """θ under `model.`, and what the method owns under `own.<name>.`; what is fixed only in the whole."""
        state, fixed = self.model.state_dict(), frozenset() if whole else self.ingredients.fixed
        out: Weights = {f"model.{key}": tensor for key, tensor in state.items() if key not in fixed}
        for name, module in self.modules.items():
            out |= {f"own.{name}.{key}": tensor for key, tensor in module.state_dict().items()}
        return out

    def load_weights(self, weights: Weights) -> None:
        """Put `weights` into the model and the method's modules; what is fixed and not among them stays."""
        parts = {"model.": self.model} | {f"own.{name}.": module for name, module in self.modules.items()}
        if self.ingredients.fixed:
            state = self.model.state_dict()
            weights = {f"model.{key}": state[key] for key in self.ingredients.fixed} | weights
        for prefix, module in parts.items():
            module.load_state_dict({k.removeprefix(prefix): t for k, t in weights.items() if k.startswith(prefix)})

    def save(self, phase: int, streams: Streams) -> None:
        """Write a checkpoint of an epoch's end, or of a step within it."""
        state = {
            "optimisers": {name: optimiser.state() for name, optimiser in self.optimisers.items()},
            "streams": streams.state(),
            "log": None if self.log is None else self.log.state(),
            "total": self.total,
            **self.state(phase, self.weights(), self.randomness() if self.log is None else self.drawn),
        }
        self.checkpoints.save(state, self.best, f"{phase}-{self.fitted.best_epoch}")

    def save_trained(self, phases: int) -> None:
        """Write a checkpoint of what all phases came to: what is left is to predict."""
        self.checkpoints.save(self.state(phases, self.weights(whole=True), self.drawn), None, "")

    def state(self, phase: int, weights: Weights, randomness: dict[str, Any]) -> dict[str, Any]:
        """What every checkpoint holds."""
        return {
            "phase": phase,
            "weights": weights,
            "memory": self.memory,
            "records": self.records,
            "steps": self.steps,
            "fitted": vars(self.fitted),
            "step_number": self.step_number,
            "fitting": vars(self.retries.fitting),
            **randomness,
        }

    def randomness(self) -> dict[str, Any]:
        """The state of all randomness but that of the streams, which have their own."""
        return {
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if self.device.type == "cuda" else [],
            "generator": self.generator.get_state(),
        }

    def restore(self, saved: dict[str, Any], streams: Streams | None) -> None:
        """Continue from a checkpoint; the phase is prepared already. Without streams: of what all phases came to."""
        self.load_weights(saved["weights"])
        if streams is not None:
            for name, optimiser in self.optimisers.items():
                optimiser.restore(saved["optimisers"][name])
            streams.restore(saved["streams"])
            self.total, self.best = saved["total"], saved["best"]
            self.log = None if saved["log"] is None else StepLog.of(self.device, saved["log"])
        self.memory, self.fitted = on_device(saved["memory"], self.device), Fitted(**saved["fitted"])
        self.step_number, self.records, self.steps = saved["step_number"], saved["records"], saved["steps"]
        self.retries.fitting = Fitting(**saved["fitting"])
        self.set_randomness(saved)

    def set_randomness(self, state: Mapping[str, Any]) -> None:
        """Go back to a state of all randomness but that of the streams."""
        torch.set_rng_state(state["rng"])
        if state["cuda_rng"]:
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        self.generator.set_state(state["generator"])
