"""The meta step that `x_maml` and `xla_maml` share (Finn et al. 2017; XLA-MAML, Algorithm 1).

    θ′ = θ − α ∇θ L_S(θ)              inner: `inner_steps` SGD steps on the support                                     (Eq. 3)
    θ ← θ − β ∇θ L_Q(θ′(θ))           meta: the run's own optimiser, through the inner steps                            (Eq. 6)

With `meta_batch: all` the meta step descends the sum of the gradients of one episode of every kind, with `one` that of a single
episode, the kinds taking turns.

The gradient is exact, (I − α ∇²L_S) ∇θ′ L_Q for one step; `first_order` leaves the Hessian out (FOMAML). All inner steps of an
episode are on the same support, each with dropout masks of its own. The lean way takes the support in parts, and goes where a
batch is in parts anyway (`training.micro_batch`).

Logged: `loss` L_Q(θ′), `support_loss` L_S(θ) and, of exact gradients, nothing more: no second pass is made to measure anything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.common.files import check_keys
from pipeline.meta.bilevel import pull_back_steps, unroll
from pipeline.meta.products import Loss, Tensors, Way, weighed
from pipeline.meta.updates import Rule
from pipeline.methods.contract import Batch, Draw, Method, OptimizerSettings, Phase, Pool, Setting, Stream, Trainer
from pipeline.methods.parts.episodes import check_inner_rate, draw_episode, episode_streams, stretches
from pipeline.methods.parts.fine_tuning import FINE_TUNE_KEYS
from pipeline.methods.parts.parameters import names
from pipeline.methods.parts.sides import Episode, episodes, query_languages
from pipeline.methods.parts.supervised import one_loss

FINE_TUNE = "fine_tune"
PARTS = 4
"""Parts of the support, at least, that the lean way goes through one after the other: it keeps the activations of one."""


@dataclass(frozen=True)
class Options:
    """What both methods can be told; see `pipeline.config.methods.parts.maml.Episodic`."""

    setting: Literal["zero_shot", "few_shot"]
    support: Sequence[str] | None
    query: Sequence[str] | None
    same: bool
    split: Literal["dev", "train"]
    sampling: Literal["covering", "random"]
    parallel: bool
    inner_lr: float
    inner_steps: int
    first_order: bool
    iterations: int
    fine_tune: Mapping[str, Any] | None
    meta_batch: Literal["one", "all"] | None
    way: Literal["auto", "fast", "lean"]


def kinds_of(options: Options, setting: Setting) -> tuple[Episode, ...]:
    """Return the kinds of episodes of a run."""
    few_shot = options.setting == "few_shot"
    return episodes(
        options.support, options.query, options.same, few_shot, setting.sources, setting.auxiliary, setting.targets
    )


def phases_with(options: Options) -> Callable[[Setting], Sequence[Phase]]:
    """Return the phases: meta-training, and in few-shot the fine-tuning on the target."""

    def phases(setting: Setting) -> Sequence[Phase]:
        kinds = kinds_of(options, setting)
        streams = episode_streams(setting, kinds, options.split, options.sampling, options.parallel)
        found = [Phase("meta", streams, *stretches(meta_steps(options, kinds)))]
        if options.setting == "few_shot" and options.fine_tune is not None:
            found.append(fine_tuning(setting.pools(setting.targets, options.split), options.fine_tune))
        return found

    return phases


def meta_steps(options: Options, kinds: Sequence[Episode]) -> int:
    """Return the number of meta steps: `iterations` for each language of the query side of the kinds that a step draws.

    Raises:
        UserError: there are several kinds, and `meta_batch` does not say how many a step draws.
    """
    if len(kinds) > 1 and options.meta_batch is None:
        name = "x_maml" if options.same else "xla_maml"
        raise UserError(
            f"method {name}: hyper-parameter 'meta_batch' is missing, and there are {len(kinds)} kinds of episodes"
        )
    languages = len(kinds[0].query) if options.meta_batch == "all" else query_languages(kinds)
    return options.iterations * languages


def fine_tuning(pools: tuple[Pool, ...], training: Mapping[str, Any]) -> Phase:
    """Return the phase of plain training on the target, by settings of its own (`FINE_TUNE_KEYS`).

    Raises:
        UserError: one of them is missing, or there is another.
    """
    check_keys(training, FINE_TUNE_KEYS, "fine_tune")
    streams = {"train": Stream(pools, training["batch_size"])}
    return Phase(FINE_TUNE, streams, "train", training["epochs"], optimizer=OptimizerSettings.of(training))


def loss_on(trainer: Trainer, batch: Batch, named: Sequence[str], whole: bool = False) -> Loss:
    """Return a batch's loss as a function of θ, in the order of `trainer.parameters()`; `whole`: see `Trainer.loss`."""

    def loss(theta: Tensors, phi: Tensors) -> Tensor:
        del phi  # MAML has none
        return trainer.loss(batch, dict(zip(named, theta, strict=True)), whole=whole)

    return loss


def meta_gradient(
    trainer: Trainer, support: Batch, query: Batch, options: Options, way: Way
) -> tuple[Tensors, dict[str, Tensor]]:
    """Return ∇θ L_Q(θ′(θ)), in the order of `trainer.parameters()`, and what is logged; θ stays as it is."""
    theta = trainer.parameters()
    named = names(trainer.model, theta)
    outer = loss_on(trainer, query, named)
    in_parts = way == "lean" and not options.first_order
    inner = support_parts(trainer, support, named, PARTS if in_parts else 1)
    rule, way = Rule(options.inner_lr), "lean" if options.first_order else way
    losses = [inner] * options.inner_steps
    done = unroll(losses, lambda end: outer(end, ()), theta, (), rule, None, way, trainer.autocast)
    taken, vector, value = done.taken, done.vector, done.outer
    del done  # and with it θ′, which is not needed any more
    found = pull_back_steps(taken, vector, (), of_theta=True, first_order=options.first_order)
    return found.theta, {"loss": value, "support_loss": taken[0][0].value}


def support_parts(trainer: Trainer, support: Batch, named: Sequence[str], least: int) -> list[Loss]:
    """Return the support's loss as the sum of `least` losses or more, or of as many as it has examples."""
    parts = trainer.parts(support, least)
    return [weighed(loss_on(trainer, part, named, whole=True), share) for part, share in parts]


def way_of(trainer: Trainer, options: Options) -> Way:
    """Return how the Hessian is multiplied: `fast` for one inner step, whose graph waits; `lean` for more, or as told.

    A batch in parts goes the lean way: the fast one would keep the graphs of all of them.
    """
    if trainer.micro_batch is not None:
        return "lean"
    if options.way != "auto":
        return options.way
    return "lean" if options.inner_steps > 1 else "fast"


def meta_step(trainer: Trainer, draw: Draw, options: Options, kinds: int) -> dict[str, Tensor]:
    """A step of the run's optimiser along the meta-gradient of one episode, or along the sum over one of every kind.

    The sum is that of Algorithm 1 of Liu et al. and of X-MAML's released code. What is logged is the mean over the episodes.
    """
    numbers = range(kinds) if options.meta_batch == "all" else [trainer.step_number % kinds]
    logs: list[dict[str, Tensor]] = []
    total: Tensors = ()
    for number in numbers:
        support, query = draw_episode(trainer, draw, number)
        gradient, log = meta_gradient(trainer, support, query, options, way_of(trainer, options))
        total = tuple(a.add_(b) for a, b in zip(total, gradient, strict=True)) if total else gradient
        logs.append(log)
        del gradient  # not beside the next episode's
    trainer.apply(total)
    return {key: torch.stack([log[key] for log in logs]).mean() for key in logs[0]}


def build_maml(
    method: str,
    *,
    same: bool,
    parallel: bool,
    setting: Literal["zero_shot", "few_shot"],
    support: Sequence[str] | None,
    query: Sequence[str] | None,
    split: Literal["dev", "train"],
    sampling: Literal["covering", "random"],
    inner_lr: float,
    inner_steps: int,
    first_order: bool,
    iterations: int,
    fine_tune: Mapping[str, Any] | None,
    way: Literal["auto", "fast", "lean"],
    meta_batch: Literal["one", "all"] | None = None,
) -> Method:
    """Return `x_maml` (support and query of the `same` language) or `xla_maml`; arguments as in `Options`.

    `meta_batch` is no setting of a run with one kind of episode, of which each step draws one.
    """
    check_inner_rate(method, inner_lr)
    episode = (setting, support, query, same, split, sampling, parallel, inner_lr, inner_steps, first_order)
    options = Options(*episode, iterations, fine_tune, meta_batch, way)

    def step(trainer: Trainer, draw: Draw) -> Mapping[str, Tensor]:
        if trainer.phase.name == FINE_TUNE:
            return one_loss(trainer, draw)
        kinds = sum(name.startswith(("both", "query")) for name in trainer.phase.streams)
        return meta_step(trainer, draw, options, kinds)

    return Method(phases_with(options), step)
