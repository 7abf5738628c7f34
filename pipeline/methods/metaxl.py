"""`metaxl`: source representations transformed so that steps on them help the target (Xia et al. 2021, Algorithm 1).

    θ′ = θ − α ∇θ L_s(θ, φ)            source batch, through the RTN g_φ                                                (Eq. 3)
    φ′ = φ − β ∇φ L_t(θ′(φ))           target batch, without it                                                         (Eq. 4)
    ∇φ L_t(θ′) = −α ∇φ (∇θ L_s(θ, φ)ᵀ v),  v = ∇θ L_t(θ′)

φ is meta-learned and thrown away afterwards. Two variants, as `docs/metaxl.md` compares them:

`paper`     Algorithm 1: θ takes a step on L_s by the run's own optimiser, which is the look-ahead too (the derivative goes
            through Adam's preconditioner and clipping); then φ takes one. The target's labels move φ alone.
`released`  what the authors' code does: the target batch is halved; the inner loss is L_s + L_g, with g the first half; the
            look-ahead is one plain SGD step at the current learning rate and is discarded; the second half moves φ; then θ
            takes a step on L_s + L_g with the new φ (∇θ L_g is what it was: it knows nothing of φ). The in-place look-ahead
            of that code, which corrupts its second derivatives, is not copied.

Logged beside the losses: `meta_loss` L_t(θ′), `phi_gradient_norm` ‖∇φ L_t(θ′)‖ and `phi_distance` ‖φ − φ₀‖.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.encoders.architectures import layers_of
from pipeline.meta.bilevel import pull_back_steps
from pipeline.meta.products import Loss, Tensors, Way, gradient_of, inner_gradient, weighed
from pipeline.meta.updates import Rule, State, take_step
from pipeline.methods.contract import Batch, Draw, Method, Phase, Setting, Stream, Trainer
from pipeline.methods.parts.episodes import draw_divisible, halves
from pipeline.methods.parts.languages import language_indices
from pipeline.methods.parts.parameters import names
from pipeline.methods.parts.rtn import Design, SourcePath, Transformation, make_transformation, meta_settings
from pipeline.methods.parts.supervised import one_loss

BACK_OFF = "back_off"
ADAM = ("adam", "adamw")
"""Optimisers of θ through which `paper` cannot be differentiated in bfloat16: see `docs/metaxl.md`, "Precision"."""


@dataclass(frozen=True)
class Options:
    """The method's settings besides the RTN's design; see `pipeline.config.methods.metaxl.MetaXL`."""

    variant: Literal["released", "paper"]
    combine: Literal["stack", "losses"]
    meta_lr: float
    meta_optimizer: Literal["adam", "sgd"]
    meta_weight_decay: float
    phi_frozen: bool
    back_off_epochs: int
    way: Literal["auto", "fast", "lean"]


# ---------------------------------------------------------------------------------------------------- the losses and φ


def transformation_of(trainer: Trainer) -> Transformation:
    """Return φ."""
    found = trainer.modules["rtn"]
    assert isinstance(found, Transformation)
    return found


def source_loss(trainer: Trainer, batch: Batch) -> Loss:
    """Return L_s(θ, φ) of one batch, θ in the order of `trainer.parameters()`, φ in that of its module.

    With several placements whose losses are mixed, Σ_k softmax(a)_k L_s(θ, φ_k), each with the RTN of one placement.
    """
    transformation = transformation_of(trainer)
    numbers = range(len(transformation.layers))
    mixed = transformation.mixture is not None
    paths = [SourcePath(trainer.model, transformation, [k]) for k in numbers] if mixed else []
    paths = paths or [SourcePath(trainer.model, transformation)]
    of_model = names(trainer.model, trainer.parameters(), "model.")
    of_phi = [f"transformation.{name}" for name, _ in transformation.named_parameters()]

    def loss(theta: Tensors, phi: Tensors) -> Tensor:
        given = dict(zip((*of_model, *of_phi), (*theta, *phi), strict=True))
        losses = torch.stack([trainer.loss(batch, given, path, whole=True) for path in paths])
        return losses @ torch.softmax(given["transformation.mixture"], 0) if mixed else losses[0]

    return loss


def source_parts(trainer: Trainer, batch: Batch) -> list[Loss]:
    """Return the same as a sum of losses, of the parts that the batch goes through the model in."""
    return [weighed(source_loss(trainer, part), share) for part, share in trainer.parts(batch)]


def way_of(options: Options, transformation: Transformation, depth: int, in_parts: bool = False) -> Way:
    """Return how the mixed term is computed: least memory where φ is on top, least time below, unless told otherwise.

    A batch in parts goes the lean way: the fast one would keep the graphs of all of them.
    """
    if options.phi_frozen or in_parts:
        return "lean"  # of a frozen φ nothing is differentiated again, so nothing is kept for it
    if options.way != "auto":
        return options.way
    return "lean" if min(transformation.layers) == depth else "fast"


def phi_log(trainer: Trainer, gradient: Sequence[Tensor]) -> dict[str, Tensor]:
    """Return the norms that show whether φ learns anything."""
    start = trainer.memory["phi_0"]
    moved = [p.detach() - s.to(p.device) for p, s in zip(transformation_of(trainer).parameters(), start, strict=True)]
    zero = torch.zeros((), device=trainer.device)
    return {
        "phi_gradient_norm": torch.nn.utils.get_total_norm(gradient) if gradient else zero,
        "phi_distance": torch.nn.utils.get_total_norm(moved),
    }


# ------------------------------------------------------------------------------------------------------------ one step


def paper_step(trainer: Trainer, draw: Draw, options: Options, way: Way) -> dict[str, Tensor]:
    """Algorithm 1: θ on the source, then φ on the target at the new θ."""
    source, phi = draw("source"), list(transformation_of(trainer).parameters())
    start = tuple(p.detach().clone() for p in trainer.parameters())  # the step below is made in place
    inner = inner_gradient(source_parts(trainer, source), start, phi, way, trainer.autocast)
    if not options.phi_frozen:
        trainer.keep()
    trainer.apply(inner.gradient)
    log = {"loss": inner.value}
    if options.phi_frozen:
        return log | phi_log(trainer, [])
    meta_loss = trainer.loss(draw("target"))
    vector = torch.autograd.grad(meta_loss, trainer.parameters(), materialize_grads=True)
    step = trainer.step_taken(start, inner.gradient)
    gradient = pull_back_steps([(inner, step)], vector, phi).phi
    trainer.apply(gradient, "rtn")
    return log | {"meta_loss": meta_loss.detach()} | phi_log(trainer, gradient)


def released_step(trainer: Trainer, draw: Draw, options: Options, way: Way) -> dict[str, Tensor]:
    """The released code's step: φ after a look-ahead that is discarded, then θ with the new φ."""
    loss_s = source_parts(trainer, draw("source"))
    inner_half, meta_half = halves(draw_divisible(draw, "target"), trainer.generator)
    phi = list(transformation_of(trainer).parameters())
    theta = trainer.parameters()
    value_g = trainer.loss(inner_half)
    gradient_g = torch.autograd.grad(value_g, theta, materialize_grads=True)
    log: dict[str, Tensor] = {}
    if not options.phi_frozen:
        gradient, meta_loss = look_ahead(trainer, loss_s, gradient_g, meta_half, way)
        trainer.keep("rtn")
        trainer.apply(gradient, "rtn")
        log = {"meta_loss": meta_loss} | phi_log(trainer, gradient)
    value_s, gradient_s = gradient_of(loss_s, theta, [p.detach() for p in phi])
    trainer.apply(tuple(a.add_(b) for a, b in zip(gradient_s, gradient_g, strict=True)))
    losses = {"source_loss": value_s, "target_loss": value_g.detach()}
    return {"loss": (value_s + value_g).detach(), **losses, **(log or phi_log(trainer, []))}


def look_ahead(
    trainer: Trainer, loss_s: Loss | Sequence[Loss], gradient_g: Tensors, meta_half: Batch, way: Way
) -> tuple[Tensors, Tensor]:
    """Return ∇φ L_meta(θ′) and L_meta(θ′) for θ′ = θ − α (∇θ L_s(θ, φ) + ∇θ L_g(θ)); θ stays as it is."""
    theta, phi = trainer.parameters(), list(transformation_of(trainer).parameters())
    inner = inner_gradient(loss_s, theta, phi, way, trainer.autocast)
    total = tuple(a + b for a, b in zip(inner.gradient, gradient_g, strict=True))
    ahead, step = take_step(Rule(trainer.learning_rate()), tuple(p.detach() for p in theta), total, State())
    leaves = [tensor.requires_grad_() for tensor in ahead]
    meta_loss = trainer.loss(meta_half, dict(zip(names(trainer.model, theta), leaves, strict=True)))
    vector = torch.autograd.grad(meta_loss, leaves, materialize_grads=True)
    return pull_back_steps([(inner, step)], vector, phi).phi, meta_loss.detach()


# ---------------------------------------------------------------------------------------------------------- the method


def phases_with(options: Options) -> Callable[[Setting], Sequence[Phase]]:
    """Return the phases: meta-training, and the back-off where it is asked for."""

    def phases(setting: Setting) -> Sequence[Phase]:
        if options.variant == "released" and setting.batch_size < 2:
            raise UserError(
                f"method metaxl: variant released halves target batches, and training.batch_size is {setting.batch_size}; "
                "expected 2 or more, or variant: paper"
            )
        pools = {"source": setting.source_pools(), "target": setting.target_pools()}
        streams = {name: Stream(own, setting.batch_size, whole=name == "target") for name, own in pools.items()}
        dev = setting.dev_pools(setting.targets)
        found = [Phase("train", streams, "source", setting.epochs, dev, setting.patience)]
        if options.back_off_epochs:
            both = {"train": Stream(pools["source"] + pools["target"], setting.batch_size)}
            found.append(Phase(BACK_OFF, both, "train", options.back_off_epochs, dev, setting.patience))
        return found

    return phases


def setup_with(design: Design, options: Options) -> Callable[[Trainer], None]:
    """Return the setup: φ, drawn from the method's own generator, with its optimiser."""

    def setup(trainer: Trainer) -> None:
        if trainer.phase.name == BACK_OFF:
            for parameter in trainer.modules["rtn"].parameters() if "rtn" in trainer.modules else ():
                parameter.requires_grad_(False)
            return
        mixed = options.combine == "losses"
        languages = language_indices(trainer, sources_only=True)
        phi = make_transformation(design, trainer.model, languages, mixed, trainer.generator, "metaxl")
        phi.requires_grad_(not options.phi_frozen)
        own = meta_settings(trainer.settings, options.meta_lr, options.meta_optimizer, options.meta_weight_decay)
        trainer.own("rtn", phi, None if options.phi_frozen else own)
        trainer.memory["phi_0"] = [p.detach().clone() for p in phi.parameters()]

    return setup


def build(
    *,
    variant: Literal["released", "paper"],
    placement: Sequence[int | str],
    bottleneck: int | None,
    wide: bool,
    per_source: bool,
    residual: bool,
    gate: bool,
    detach: bool,
    combine: Literal["stack", "losses"],
    meta_lr: float,
    meta_optimizer: Literal["adam", "sgd"],
    meta_weight_decay: float,
    phi_frozen: bool,
    phi_no_decay: bool,
    back_off_epochs: int,
    way: Literal["auto", "fast", "lean"],
) -> Method:
    """Return the method; arguments as in `rtn.Design` and `pipeline.config.methods.metaxl.MetaXL`, all of them settled."""
    design = Design(tuple(placement), bottleneck, wide, per_source, residual, gate, detach)
    decay = 0.0 if phi_no_decay else meta_weight_decay
    options = Options(variant, combine, meta_lr, meta_optimizer, decay, phi_frozen, back_off_epochs, way)
    one_step = paper_step if variant == "paper" else released_step

    def step(trainer: Trainer, draw: Draw) -> Mapping[str, Tensor]:
        if trainer.phase.name == BACK_OFF:
            return one_loss(trainer, draw)
        depth = len(layers_of(trainer.model.encoder))
        way = way_of(options, transformation_of(trainer), depth, trainer.micro_batch is not None)
        return one_step(trainer, draw, options, way)

    through_adam = variant == "paper" and not phi_frozen
    float32_with = ADAM if through_adam else ()
    return Method(phases_with(options), step, setup_with(design, options), float32_with=float32_with)
