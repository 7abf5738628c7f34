"""The names of parameters, by which a loss is computed at other values of them (`Trainer.loss`)."""

from collections.abc import Sequence

from torch import Tensor, nn


def names(module: nn.Module, parameters: Sequence[Tensor], prefix: str = "") -> list[str]:
    """Return the parameters' names in a module, in their order."""
    known = {id(parameter): name for name, parameter in module.named_parameters()}
    return [prefix + known[id(parameter)] for parameter in parameters]
