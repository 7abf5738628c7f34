"""LoRA: low-rank adapters beside an encoder's linear layers, which stay as they are (Hu et al. 2021, Section 4.1), through peft.

    h = W₀ x + b + (α/r) B A x,   A (r, in) drawn, B (out, r) zero at first,   W₀ and b fixed

θ of every method is then all A and B, and the head: the optimiser, clipping, inner steps, derivatives and checkpoints know of
nothing else. Whatever leaves a run is merged, W₀ + (α/r) B A under the name that W₀ had, so children, representations and
everything else that reads a model need not know how it was trained.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.common.errors import UserError, nearest
from pipeline.encoders.architectures import architecture_of
from pipeline.training.checkpoint import Weights

ADAPTER, BASE = "lora_", "base_layer."
"""What names of an adapted layer's parameters hold: its A and B; the W₀ and b it had."""

ALL = "all-linear"


def layers_to_adapt(encoder: nn.Module, lora: Mapping[str, Any]) -> list[str]:
    """Return the names of the linear layers of a bare encoder that get an adapter.

    Args:
        encoder: the model.
        lora: `rank`, `alpha` and `targets`: ends of names, `all-linear`, or `None` for the architecture's own, the attention's
            query and value, as Hu et al. have it (Section 4.2).

    Raises:
        UserError: a target matches no linear layer, or the rank is no lower than that of a layer.
    """
    linear = {name: module for name, module in encoder.named_modules() if isinstance(module, nn.Linear)}
    wanted = lora["targets"] or architecture_of(encoder).adapted
    for target in wanted:
        if target != ALL and not any(matches(name, target) for name in linear):
            ends = list(dict.fromkeys(name.rpartition(".")[2] for name in linear))
            raise UserError(
                f"training.lora.targets: {target!r} is the name of no linear layer of the encoder{nearest(target, ends)}; "
                f"its layers are {', '.join(linear_names(linear))}; `{ALL}` is all of them"
            )
    found = {n: m for n, m in linear.items() if any(target == ALL or matches(n, target) for target in wanted)}
    for name, layer in found.items():
        if lora["rank"] >= min(layer.in_features, layer.out_features):
            raise UserError(
                f"training.lora.rank: {lora['rank']} is no low rank, {name} maps {layer.in_features} to {layer.out_features}; "
                f"expected less than {min(layer.in_features, layer.out_features)}"
            )
    return list(found)


def matches(name: str, target: str) -> bool:
    """Whether a module's dotted name is `target` or ends in it."""
    return name == target or name.endswith(f".{target}")


def linear_names(linear: Mapping[str, nn.Module]) -> list[str]:
    """Return names that tell layers apart but for the number of the encoder layer: `attention.self.query`, `output.dense`."""
    short = (name.split(".") for name in linear)
    kept = (parts[max((i + 1 for i, part in enumerate(parts) if part.isdigit()), default=0) :] for parts in short)
    return list(dict.fromkeys(".".join(parts) for parts in kept))


def add_adapters(encoder: nn.Module, layers: list[str], lora: Mapping[str, Any]) -> None:
    """Fix a bare encoder's weights and put adapters, drawn from PyTorch's generator, beside some of its layers."""
    from peft import LoraConfig, inject_adapter_in_model

    encoder.requires_grad_(False)
    settings = LoraConfig(
        r=lora["rank"], lora_alpha=lora["alpha"], lora_dropout=0.0, bias="none", target_modules=layers
    )
    inject_adapter_in_model(settings, encoder)


def fixed_names(model: nn.Module) -> frozenset[str]:
    """Return the names in a task model's state of what no step changes: the encoder but for its adapters; none without any."""
    if not any(True for _ in adapted(model)):
        return frozenset()
    return frozenset(name for name in model.state_dict() if name.startswith("encoder.") and ADAPTER not in name)


def adapted(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the layers that have an adapter, by name; told by their parts, so that other runs do not import peft."""
    yield from ((name, module) for name, module in model.named_modules() if hasattr(module, "lora_A"))


@torch.no_grad()
def merged(model: nn.Module) -> Weights:
    """Return a model's state as if each adapter were a part of its layer's weight: names and shapes of a model without any."""
    weights = {layer: module.get_delta_weight("default") for layer, module in adapted(model)}
    found: Weights = {}
    for name, tensor in model.state_dict().items():
        layer, base, rest = name.rpartition(f".{BASE}")
        if base:
            found[f"{layer}.{rest}"] = tensor + weights[layer] if rest == "weight" else tensor
        elif ADAPTER not in name:
            found[name] = tensor
    return found


def set_merged(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put weights named and shaped as `merged` has them into a model; W₀ takes an adapted layer's, B becomes zero.

    What `weights` lack stays as it is.
    """
    state = model.state_dict()
    places = {name.replace(f".{BASE}", "."): name for name in state}
    state |= {places[name]: tensor for name, tensor in weights.items()}
    for layer, _ in adapted(model):
        if f"{layer}.weight" in weights:
            state[f"{layer}.lora_B.default.weight"] = torch.zeros_like(state[f"{layer}.lora_B.default.weight"])
    model.load_state_dict(state)
