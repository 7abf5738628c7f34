"""Soft layer selection's update rule: each layer takes a learned part of its optimiser's step (Xu et al. 2021, Eq. 1).

    θᵗ = θᵗ⁻¹ − λ ⊙ Δθᵗ,   λ = σ(ϕ),   one ϕ_l per layer: the encoder's layers and the head; the embeddings stay as they are

Δθᵗ is the optimiser's whole step, weight decay included. ϕ is learned from a loss L_test after some steps. The paper cuts the
paths through the gradients (its dashed edges), so that each step adds Δθ_l to what θ_l owes to λ_l, and

    ∂L_test/∂ϕ_l = −σ′(ϕ_l) ⟨∇θ_l L_test(θᵗ), Σ Δθ_l⟩ = −(1 − λ_l) ⟨∇θ_l L_test(θᵗ), θ_l⁰ − θ_lᵗ⟩

over the steps since ϕ was last changed, at θ⁰: in between λ is constant, so Σ Δθ_l = (θ_l⁰ − θ_lᵗ)/λ_l, and σ′ = λ (1 − λ).

The head is all of it, a pretrained pooler in it too. Parameters of no layer that are trained take whole steps (λ = 1).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pipeline.methods.contract import Batch, OptimizerSettings, Trainer
from pipeline.methods.parts.freezing import depth_of, freeze, layer_of
from pipeline.methods.parts.parameters import names


class UpdateRates(nn.Module):
    """ϕ, (N + 1,): one per encoder layer, bottom first, then the head; or (1,), shared by all."""

    def __init__(self, layers: int, shared: bool, generator: torch.Generator) -> None:
        super().__init__()
        start = 0.01 * torch.randn(1 if shared else layers, generator=generator)
        self.phi = nn.Parameter(start)

    def rates(self, layers: int) -> Tensor:
        """Return λ (layers,)."""
        return torch.sigmoid(self.phi.detach()).expand(layers)


def own_rates(trainer: Trainer, shared: bool, meta_lr: float | None) -> None:
    """Fix the embeddings and register ϕ: learned by Adam at `meta_lr`, or inherited and fixed where that is `None`."""
    freeze(trainer, 0)
    phi = UpdateRates(depth_of(trainer.model) + 1, shared, trainer.generator)
    if meta_lr is None:
        phi.load_state_dict({"phi": trainer.inherited["rates.phi"]})
        phi.requires_grad_(False)
    trainer.own("rates", phi, None if meta_lr is None else OptimizerSettings(meta_lr, kind="adam", schedule="constant"))


def layers_of(trainer: Trainer) -> list[int | None]:
    """Return the layer of each of `trainer.parameters()`, `None` for those of none."""
    return [layer_of(trainer.model, name) for name in names(trainer.model, trainer.parameters())]


def copies(trainer: Trainer) -> list[Tensor]:
    """Return θ as it is now."""
    return [parameter.detach().clone() for parameter in trainer.parameters()]


@torch.no_grad()
def rated_step(trainer: Trainer, loss: Tensor, rates: Tensor) -> None:
    """Descend a loss by λ times the optimiser's step."""
    before = copies(trainer)
    trainer.optimise(loss)
    for parameter, start, layer in zip(trainer.parameters(), before, layers_of(trainer), strict=True):
        if layer is not None:
            parameter.copy_(start.lerp_(parameter, rates[layer]))


def phi_gradient(
    parameters: Sequence[Tensor],
    start: Sequence[Tensor],
    gradient: Sequence[Tensor],
    layers: Sequence[int | None],
    phi: Tensor,
) -> Tensor:
    """Return ∂L_test/∂ϕ by the closed form above, of ϕ's shape.

    Args:
        parameters: θᵗ.
        start: θ⁰, as it was when ϕ was last changed.
        gradient: ∇θ L_test(θᵗ).
        layers: the layer of each tensor; those of `None` do not depend on ϕ.
        phi: ϕ, (N + 1,) or (1,).
    """
    products = phi.new_zeros(max((layer for layer in layers if layer is not None), default=0) + 1)
    for now, before, slope, layer in zip(parameters, start, gradient, layers, strict=True):
        if layer is not None:
            moved = before.to(now.device) - now.detach()
            products[layer] += torch.dot(slope.reshape(-1), moved.reshape(-1))
    per_layer = -(1 - torch.sigmoid(phi.detach())) * products
    return per_layer.sum().reshape(1) if len(phi) == 1 else per_layer


def rates_of(trainer: Trainer) -> Tensor:
    """Return λ (N + 1,)."""
    rates = trainer.modules["rates"]
    assert isinstance(rates, UpdateRates)
    return rates.rates(depth_of(trainer.model) + 1)


def meta_update(trainer: Trainer, batches: Sequence[Batch]) -> None:
    """Move ϕ along ∂L_test/∂ϕ, L_test being the mean loss over `batches`; from here on the next steps count."""
    parameters, rates = trainer.parameters(), trainer.modules["rates"]
    assert isinstance(rates, UpdateRates)
    gradient = [torch.zeros_like(parameter) for parameter in parameters]
    value = torch.zeros((), device=trainer.device)
    for batch in batches:
        loss = trainer.loss(batch)
        for total, slope in zip(gradient, torch.autograd.grad(loss, parameters, materialize_grads=True), strict=True):
            total.add_(slope, alpha=1 / len(batches))
        value += loss.detach() / len(batches)
    found = phi_gradient(parameters, trainer.memory["since"], gradient, layers_of(trainer), rates.phi)
    trainer.apply([found], "rates")
    trainer.memory |= {"since": copies(trainer), "meta_loss": value}


def rate_log(rates: Tensor) -> dict[str, Tensor]:
    """Return λ by layer, `rate_1` … `rate_N` from the bottom and `rate_head`, for the log."""
    names = [*(f"rate_{layer}" for layer in range(1, len(rates))), "rate_head"]
    return dict(zip(names, rates.unbind(), strict=True))
