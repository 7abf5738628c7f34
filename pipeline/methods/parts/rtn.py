"""Representation transformation networks (RTNs) on the path of source batches, and nowhere else (MetaXL, Section 2.2).

    g_φ(h) = W₂ᵀ ReLU(W₁ᵀ h + b₁) + b₂,   W₁ (d, r), W₂ (r, d), bottleneck r < d                                         (Eq. 1)

An RTN stands after layer i of N: 0 is the embeddings' output, N the last layer's. `SourcePath` puts it there by a forward hook
while a source batch goes through; the model itself is never changed, so target batches, predictions and saved models know
nothing of it. Where an architecture has its layers, and what it normalises after them, `pipeline.encoders.architectures` says.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.common.errors import UserError
from pipeline.encoders.architectures import output_of
from pipeline.methods.contract import OptimizerSettings
from pipeline.tasks.model import passes_of
from pipeline.tasks.transfer import sent


@dataclass(frozen=True)
class Design:
    """What RTNs there are and how they are made.

    Attributes:
        placement: layers after which one stands, `top` for the last.
        bottleneck: r, `None` for half the encoder's width.
        wide: consent to r ≥ d.
        per_source: one for each source language.
        residual: h is added to the output.
        gate: the output is weighed by a sigmoid unit of its own.
        detach: no gradient flows through the RTN's input.
    """

    placement: tuple[int | str, ...] = ("top",)
    bottleneck: int | None = None
    wide: bool = False
    per_source: bool = False
    residual: bool = False
    gate: bool = False
    detach: bool = False


class RTN(nn.Module):
    """One network: (…, d) → (…, d); Xavier-normal weights and zero biases, drawn from `generator`."""

    def __init__(self, width: int, bottleneck: int, design: Design, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.down = nn.Linear(width, bottleneck)
        self.up = nn.Linear(bottleneck, width + design.gate)
        self.design = design
        for layer in (self.down, self.up):
            nn.init.xavier_normal_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the transformed representations."""
        seen = hidden.detach() if self.design.detach else hidden
        out: Tensor = self.up(functional.relu(self.down(seen)))
        if self.design.gate:
            out = out[..., :-1] * torch.sigmoid(out[..., -1:])
        return out + hidden if self.design.residual else out


class Transformation(nn.Module):
    """All RTNs of a run: φ.

    Args:
        layers: i of each placement, 0…N.
        languages: indices of the source languages that have an RTN of their own; empty where one serves all.
        width: d.
        design: how each is made.
        mixed: whether the placements' losses are mixed by learned weights, softmax of `mixture` (len(layers),).
        generator: for the weights.
    """

    def __init__(
        self,
        layers: Sequence[int],
        languages: Sequence[int],
        width: int,
        design: Design,
        mixed: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        bottleneck = design.bottleneck or width // 2
        self.layers, self.languages = tuple(layers), tuple(languages)
        self.rtns = nn.ModuleList(
            nn.ModuleList(RTN(width, bottleneck, design, generator) for _ in languages or (0,)) for _ in layers
        )
        self.mixture = nn.Parameter(torch.zeros(len(layers))) if mixed else None

    def transform(self, number: int, hidden: Tensor, language: Tensor) -> Tensor:
        """Transform (B, T, d) by the RTN of placement `number`, where each has its own that of `language` (B, T) or (B, 1)."""
        networks = self.rtns[number]
        assert isinstance(networks, nn.ModuleList)
        if not self.languages:
            out: Tensor = networks[0](hidden)
            return out
        for index, network in zip(self.languages, networks, strict=True):
            chosen = (language == index)[..., None]
            out = torch.where(chosen, network(hidden), hidden if index == self.languages[0] else out)
        return out


class SourcePath(nn.Module):
    """The model with RTNs on its way: a batch → logits, like the model, whose parameters it shares as `model.…`.

    `numbers` are the placements that are in use, `None` for all. Parameters of φ are `transformation.…`.
    """

    def __init__(self, model: nn.Module, transformation: Transformation, numbers: Sequence[int] | None = None) -> None:
        super().__init__()
        self.model, self.transformation = model, transformation
        self.numbers = tuple(range(len(transformation.layers)) if numbers is None else numbers)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits of a source batch."""
        device = batch["input_ids"].device
        languages = [sent(part.spread(batch["language"]), device) for part in passes_of(self.model, batch)]
        under_way: list[Tensor] = []  # the languages of the pass that the encoder is at
        with ExitStack() as hooks:
            begin = self.model.encoder.register_forward_pre_hook(  # type: ignore[union-attr]
                lambda *_: under_way.append(languages[len(under_way)])
            )
            hooks.callback(begin.remove)
            for number in self.numbers:
                place = output_of(self.model.encoder, self.transformation.layers[number])
                handle = place.register_forward_hook(self.hook(number, under_way))
                hooks.callback(handle.remove)
            logits: Tensor = self.model(batch)
        return logits

    def hook(self, number: int, under_way: Sequence[Tensor]) -> Any:
        """Return a forward hook that replaces a layer's output by its transformation; `under_way` ends with its languages."""

        def replace(module: nn.Module, inputs: Any, output: Any) -> Any:
            del module, inputs
            if isinstance(output, tuple):  # layers that return more than their hidden states
                return (self.transformation.transform(number, output[0], under_way[-1]), *output[1:])
            return self.transformation.transform(number, output, under_way[-1])

        return replace


def resolve(design: Design, encoder: Any) -> tuple[int, ...]:
    """Return the layers of a design's placement in an encoder.

    Raises:
        UserError: a layer beyond the encoder's depth, a layer twice, a bottleneck as wide as the encoder without consent, or
            an attention that cannot be differentiated twice.
    """
    config = encoder.config
    depth, width = config.num_hidden_layers, config.hidden_size
    layers = tuple(depth if place == "top" else int(place) for place in design.placement)
    for place in layers:
        if place > depth:
            raise UserError(f"placement: {place}: the encoder has {depth} layers; expected 0 to {depth}, or top")
    for i, place in enumerate(layers):
        if place in layers[:i]:
            raise UserError(f"placement: {place} stands there twice ('top' is {depth})")
    if design.bottleneck is not None and design.bottleneck >= width and not design.wide:
        raise UserError(
            f"bottleneck: {design.bottleneck} is no bottleneck, the encoder is {width} wide; "
            f"expected less than {width}, or wide: true"
        )
    attention = getattr(config, "_attn_implementation", "eager")
    if attention not in ("eager", "sdpa"):
        raise UserError(
            f"attention {attention!r} cannot be differentiated twice; load the encoder with sdpa or eager attention"
        )
    return layers


def make_transformation(
    design: Design, model: Any, languages: Sequence[int], mixed: bool, generator: torch.Generator, method: str
) -> Transformation:
    """Make φ for a task's model.

    Args:
        design: what to make.
        model: the task model, with `encoder`.
        languages: the sources' indices.
        mixed: see `Transformation`; without effect on a single placement.
        generator: for the weights.
        method: whose φ it is, named in errors.

    Raises:
        UserError: see `resolve`.
    """
    try:
        layers = resolve(design, model.encoder)
    except UserError as error:
        raise UserError(f"method {method}: {error}") from None
    own = languages if design.per_source else ()
    width = model.encoder.config.hidden_size
    return Transformation(layers, own, width, design, mixed and len(layers) > 1, generator)


def meta_settings(
    run: OptimizerSettings, learning_rate: float, kind: Literal["adam", "sgd"], weight_decay: float
) -> OptimizerSettings:
    """Return φ's own optimiser: the run's warm-up and schedule, a peak rate and an L2 penalty of its own, no clipping."""
    return dataclasses.replace(run, learning_rate=learning_rate, kind=kind, weight_decay=weight_decay, clip_norm=None)
