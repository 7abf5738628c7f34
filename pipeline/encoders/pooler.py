"""An encoder's pretrained pooler: the dense layer that BERT puts on the first token's last hidden state, before a tanh.

    pooled = tanh(W h₁ + b)                                                     (Devlin et al. 2019; transformers' `BertPooler`)

Next-sentence prediction trains it; pretraining on masked words alone does not. `load_encoder` leaves it out of the model: it is a
part of the head (`pipeline.tasks.classes`), which stands after whatever a method puts on the encoder's output.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.common.files import read_json
from pipeline.encoders.fitting import is_weight
from pipeline.encoders.load import weight_files
from pipeline.encoders.manifest import MANIFEST

NAME = "pooler.dense"
ADVICE = (
    "set training.head to fresh or linear, or take an encoder that has one, as google-bert/bert-base-multilingual-cased"
)


def pretrained_pooler(folder: Path) -> nn.Linear:
    """Return the pooler of the encoder in `folder`, (…, H) → (…, H) without its tanh, in float32.

    Raises:
        UserError: the encoder has none, or one that was never trained: its bias is zero throughout, as every start of one is.
    """
    pooler = read_pooler(folder)
    if pooler is None:
        said = f"training.head is pooler, and encoder {folder.name} has no pretrained pooler (no {NAME} in {folder})"
        raise UserError(f"{said}; {base_advice(folder) or ADVICE}")
    if not pooler.bias.any():
        raise UserError(
            f"training.head is pooler, and that of encoder {folder.name} was never trained: the bias of {NAME} in {folder} is "
            f"all zero, as at a random start; {ADVICE}"
        )
    return pooler


def read_pooler(folder: Path) -> nn.Linear | None:
    """Return the pooler among an encoder's weights, trained or not, `None` where there is none.

    Raises:
        UserError: the weights cannot be read, or the pooler's are of shapes that do not fit together.
    """
    weight, bias = stored(folder, f"{NAME}.weight"), stored(folder, f"{NAME}.bias")
    if weight is None or bias is None:
        return None
    width = bias.numel()
    if tuple(weight.shape) != (width, width):
        raise UserError(f"{folder}: {NAME}.weight is of shape {tuple(weight.shape)}, expected {(width, width)}")
    pooler = nn.Linear(width, width, device="meta")
    pooler.load_state_dict({"weight": weight.float(), "bias": bias.float()}, assign=True)
    return pooler


def stored(folder: Path, name: str) -> Tensor | None:
    """Return a weight of the bare model by its name, which a checkpoint saved with a head spells `bert.<name>` or the like.

    Raises:
        UserError: the weights cannot be read.
    """
    return next((tensor for _, tensor in _stored(folder, lambda key: is_weight(key, name))), None)


def stored_weights(folder: Path, modules: tuple[str, ...]) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights in `folder` whose names begin with one of `modules`, by name.

    Raises:
        UserError: the weights cannot be read.
    """
    yield from _stored(folder, lambda key: key.startswith(modules))


def _stored(folder: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    for file in weight_files(folder):
        try:
            with safe_open(folder / file, "pt") as weights:
                for key in weights.keys():  # noqa: SIM118  # not a mapping
                    if wanted(key):
                        yield key, weights.get_tensor(key)
        except (SafetensorError, OSError) as error:
            raise UserError(f"{folder / file}: not readable safetensors: {error}") from None


def base_advice(folder: Path) -> str:
    """Return what to do where an extended encoder lacks its base's pooler, as those of earlier code do; nothing elsewhere."""
    manifest = folder / MANIFEST
    spec = read_json(manifest).get("spec") if manifest.is_file() else None
    base = spec.get("base") if isinstance(spec, dict) else None
    if base is None or not (folder.parent / base).is_dir() or read_pooler(folder.parent / base) is None:
        return ""
    return (
        f"its base {base} has one, so it was extended by earlier code: make it anew with snakemake --force {manifest}"
    )
