"""Models that runs keep: what other runs start from, learn rates from or average, and how it is written."""

from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import atomic_path
from pipeline.common.stored import verified_run_file
from pipeline.methods.contract import Method
from pipeline.methods.weight_average import mean_weights
from pipeline.tasks.model import TaskModel
from pipeline.training.loop import Loop
from pipeline.training.lora import merged
from pipeline.training.predictions import facts_of


def read_model(run: str) -> dict[str, Tensor]:
    """Read the weights that another run kept.

    Raises:
        UserError: they are missing, altered or broken.
    """
    path = verified_run_file(run, "model")
    try:
        return load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; train the parent run {run!r} with --keep-model first") from None
    except SafetensorError as error:
        raise UserError(f"{path}: not whole: {error}") from None


def load_parent(parent: str, model: TaskModel) -> None:
    """Put the parent's weights into `model`.

    Raises:
        UserError: the parent's model is missing, broken or of another shape.
    """
    weights = read_model(parent)
    try:
        model.load_state_dict({k.removeprefix("model."): t for k, t in weights.items() if k.startswith("model.")})
    except RuntimeError as error:
        path = paths.run_model(parent)
        raise UserError(f"{path}: the parent's weights do not fit this run's model: {error}") from None


def load_average(members: Sequence[str], model: TaskModel, labels: Sequence[str]) -> None:
    """Put the mean of the weights of several runs' models into `model`.

    Raises:
        UserError: a model is missing or broken, or was trained for other labels; the models are of other shapes.
    """
    for member in members:
        theirs = facts_of(verified_run_file(member, "predictions")).get("labels", labels)
        if list(theirs) != list(labels):
            raise UserError(
                f"{paths.run_model(member)}: was trained for the labels {theirs}, and this run's data has {list(labels)}"
            )
    found = [{k: t for k, t in read_model(m).items() if k.startswith("model.")} for m in members]  # mapped, not held
    try:
        mean = mean_weights(found)
        model.load_state_dict({key.removeprefix("model."): tensor for key, tensor in mean.items()})
    except (ValueError, RuntimeError) as error:
        raise UserError(f"the weights of {', '.join(members)} cannot be averaged: {error}") from None


def kept_by(run: str) -> dict[str, Tensor]:
    """Return what another run's method kept, by `<module>.<parameter>`."""
    return {k.removeprefix("own."): t for k, t in read_model(run).items() if k.startswith("own.")}


def save_model(path: Path, loop: Loop, method: Method) -> None:
    """Save θ, adapters merged, all word embeddings in it, and of the method's own modules those it keeps for children.

    Raises:
        OSError: the disk refuses; it names the file.
    """
    kept = tuple(f"own.{name}." for name in method.keeps)
    found = {f"model.{key}": tensor for key, tensor in merged(loop.model).items()}
    if (trimmed := loop.ingredients.trimmed) is not None:
        words = f"model.encoder.{trimmed.name}"
        found[words] = trimmed.whole(found[words].cpu())
    found |= {key: tensor for key, tensor in loop.weights().items() if key.startswith(kept)}
    weights = {key: tensor.contiguous().cpu() for key, tensor in found.items()}
    with atomic_path(path) as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
