"""Load an encoder folder: the bare model and its tokenizer, checked against each other, from safetensors only.

An encoder folder holds `config.json`, `model.safetensors` (or shards with their index) and `tokenizer.json`. The model
comes without head, and without the pooler, which `pipeline.encoders.pooler` reads; a checkpoint saved with a head (keys
under `bert.` or `roberta.`) loads all the same.
Nothing in the folder is executed: no pickle, no remote code, no network.
"""

import importlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer, processors

from pipeline.common.disk import of_disk
from pipeline.common.errors import BORROWED, UserError, clipped, nearest, readable
from pipeline.common.files import read_json
from pipeline.common.integrity import verified, verifying
from pipeline.common.stored import encoder_again, encoder_digests
from pipeline.encoders.architectures import ARCHITECTURES, Architecture, architecture_class
from pipeline.encoders.fitting import (
    WEIGHTS,
    WEIGHTS_INDEX,
    check_counts,
    check_layers,
    check_sizes,
    check_vocabulary,
    padding,
    stored_shapes,
)
from pipeline.encoders.long_words import cut_long_words
from pipeline.encoders.normaliser import check_growth

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONVERT = (
    "python -c \"import torch, safetensors.torch; w = torch.load('{}', weights_only=True); safetensors.torch.save_file("
    "{{k: v.clone() for k, v in w.items()}}, 'model.safetensors', metadata={{'format': 'pt'}})\""
)

PANIC = "PanicException"
"""What a panic of a library in Rust is called here; it is no `Exception`."""

OTHERWISE = {"cls_token": "bos_token", "sep_token": "eos_token"}
"""By special token: what else its file may call it."""


@dataclass(frozen=True)
class Encoder:
    """A loaded encoder.

    Attributes:
        model: `(B, T)` token ids and attention mask in, `last_hidden_state` `(B, T, H)` out; float32, its architecture's
            attention.
        tokenizer: adds the start and end tokens, cuts words too long for its model (`pipeline.encoders.long_words`); pads and
            truncates nothing.
        pad_id: the id to pad with.
        max_length: the longest sequence the model has positions for, special tokens included.
        unknown_id: the id of what has no piece, -1 where everything has one.
        special_ids: the ids of all other special tokens.
        notes: what is odd about the folder and does no harm.
    """

    model: "PreTrainedModel"
    tokenizer: Tokenizer
    pad_id: int
    max_length: int
    unknown_id: int
    special_ids: tuple[int, ...]
    notes: tuple[str, ...] = ()


def load_encoder(folder: Path) -> Encoder:
    """Load the model and tokenizer in `folder`, whose files are compared with the manifest's digests where it is one of ours.

    Raises:
        UserError: a file is altered, the folder is not a model (with what is missing), holds pickled weights only, has an
            unsupported architecture, lacks weights, or its vocabulary does not fit its model.
    """
    digests, mend = encoder_digests(folder), encoder_again(folder)
    weights = {path: value for path, value in digests.items() if path.suffix == ".safetensors"}
    for path, value in digests.items():
        if path not in weights:
            verified(path, value, mend)
    with verifying(weights, mend):
        return read_encoder(folder)


def read_encoder(folder: Path) -> Encoder:
    """Load the model and tokenizer in `folder` as they are.

    Raises:
        UserError: see `load_encoder`.
    """
    config, architecture = read_config(folder)
    tokens = special_tokens(folder, architecture)
    tokenizer = load_tokenizer(folder, tokens["sep_token"])
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    check_vocabulary(folder, config, vocabulary, tokens)
    pad_id, notes = padding(folder, config, architecture, vocabulary, tokens["pad_token"])
    config = {**config, "pad_token_id": pad_id}
    shapes = stored_shapes(folder, weight_files(folder))
    notes += check_layers(folder, config, architecture, shapes)
    made = make_config(architecture, config, folder / "config.json")
    sizes = made.to_dict()
    check_counts(folder / "config.json", sizes)
    check_sizes(folder, sizes, architecture, shapes)
    model = load_model(folder, architecture, made)
    ids = {name: vocabulary[token] for name, token in tokens.items()}
    unknown = ids.pop("unk_token", -1)
    longest = max_length(config, architecture)
    special = tuple(sorted(ids.values()))
    return Encoder(model, cut_long_words(tokenizer), pad_id, longest, unknown, special, tuple(map(readable, notes)))


def read_config(folder: Path) -> tuple[dict[str, Any], Architecture]:
    """Check that `folder` holds a model the pipeline can load; return its `config.json` and architecture.

    Raises:
        UserError: see `load_encoder`.
    """
    check_files(folder)
    return check_architecture(folder / "config.json")


def check_architecture(path: Path) -> tuple[dict[str, Any], Architecture]:
    """Return a `config.json` and its architecture.

    Raises:
        UserError: it is no model's, of an architecture that is not supported, or of quantised weights.
    """
    config = read_json(path)
    name = config.get("model_type") if isinstance(config, dict) else None
    if name is None:
        raise UserError(f"{path}: no model_type; expected one of {', '.join(ARCHITECTURES)}")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise UserError(
            f"{path}: model_type {name!r} is not a supported architecture{nearest(str(name), ARCHITECTURES)}; {needs(name)}"
        )
    for key in ("vocab_size", "max_position_embeddings"):
        if not isinstance(config.get(key), int):
            raise UserError(f"{path}: {key} is {config.get(key)!r}, expected a number")
    if "quantization_config" in config:
        raise UserError(f"{path}: the weights are quantised (quantization_config); expected plain weights")
    return config, ARCHITECTURES[name]


def needs(model_type: Any) -> str:
    """Say what an architecture that the pipeline does not know would need."""
    from transformers import __version__
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    name = MODEL_MAPPING_NAMES.get(model_type) if isinstance(model_type, str) else None
    if name is None:
        return f"transformers {__version__} has no model of that type, and code that a repository brings is not run"
    named = name if isinstance(name, str) else " or ".join(name)
    return f"it is {named} in transformers {__version__}, for which pipeline/encoders/architectures.py has no row"


def check_files(folder: Path, tokenizers: Sequence[str] = ("tokenizer.json",)) -> None:
    """Check that the files of a model are in `folder`, one of `tokenizers` among them.

    Raises:
        UserError: no such folder; files are missing (each named); the weights are there only as a pickle.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; expected a model: config.json, {WEIGHTS}, tokenizer.json")
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    missing += [] if any((folder / name).is_file() for name in tokenizers) else [tokenizers[0]]
    if not (folder / WEIGHTS).is_file():
        if (folder / WEIGHTS_INDEX).is_file():
            missing += [name for name in shards(folder / WEIGHTS_INDEX) if not (folder / name).is_file()]
        else:
            pickled = sorted(p.name for p in folder.glob("*.bin")) + sorted(p.name for p in folder.glob("*.pt"))
            if pickled:
                raise UserError(
                    f"{folder}: the weights are only in {pickled[0]}, a pickle, which can run code when opened; "
                    f"expected {WEIGHTS}. If you trust it, convert it once, there: {CONVERT.format(pickled[0])}"
                )
            missing.append(WEIGHTS)
    if missing:
        raise UserError(f"{folder}: not a model: {', '.join(missing)} missing")


def weight_files(folder: Path) -> list[str]:
    """Return the names of a folder's files with weights.

    Raises:
        UserError: see `shards`.
    """
    return [WEIGHTS] if (folder / WEIGHTS).is_file() else shards(folder / WEIGHTS_INDEX)


def shards(index: Path) -> list[str]:
    """Return the names of the weight files an index lists.

    Raises:
        UserError: the index is not one, or names a file outside its folder.
    """
    content = read_json(index)
    weights = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights:
        raise UserError(f"{index}: no weight_map; expected a safetensors index")
    names = sorted({str(name) for name in weights.values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise UserError(f"{index}: {name!r} is not the name of a safetensors file beside it")
    return names


def load_tokenizer(folder: Path, end: str | None = None, checked: bool = True) -> Tokenizer:
    """Load `tokenizer.json` as it is, but for padding and truncation.

    One that adds a start token alone, as those of generating models do, adds the end token `end` too. Whether it adds both is
    `checked`.

    Raises:
        UserError: the file is no tokenizer, or does not add start and end tokens.
    """
    path = folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except BaseException as error:  # tokenizers raises bare Exception, and its panics are not even that
        if not isinstance(error, Exception) and type(error).__name__ != PANIC:
            raise
        said = clipped(" ".join(str(error).split()), BORROWED)
        raise UserError(f"{path}: not a tokenizer of the tokenizers library: {said}") from None
    check_growth(path, tokenizer)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    number = None if end is None else tokenizer.token_to_id(end)
    if tokenizer.num_special_tokens_to_add(False) == 1 and number is not None:
        start = tokenizer.encode("")
        both = [(start.tokens[0], start.ids[0]), (end, number)]
        template = processors.TemplateProcessing(
            f"{start.tokens[0]} $A {end}", f"{start.tokens[0]} $A {end} $B {end}", both
        )
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), template])
    if checked and tokenizer.num_special_tokens_to_add(False) != 2:
        raise UserError(f"{path}: its post-processor adds no start and end token; expected both")
    return tokenizer


def special_tokens(folder: Path, architecture: Architecture) -> dict[str, str]:
    """Return the special tokens by name (`pad_token`, …): as the folder's files say, else the architecture's own.

    Files that name a `bos_token` and an `eos_token` alone mean them to be the first and the last one.
    """
    said: dict[str, str] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        path = folder / name
        content = read_json(path) if path.is_file() else {}
        for key in (*architecture.tokens, *OTHERWISE.values()):
            value = content.get(key) if isinstance(content, dict) else None
            value = value.get("content") if isinstance(value, dict) else value
            if isinstance(value, str):
                said[key] = value
    for key, other in OTHERWISE.items():
        if key not in said and other in said:
            said[key] = said[other]
    return {key: said.get(key, usual) for key, usual in architecture.tokens.items()}


def max_length(config: dict[str, Any], architecture: Architecture) -> int:
    """Return the number of positions a sequence can use, special tokens included."""
    positions: int = config["max_position_embeddings"]
    return positions - config.get("pad_token_id", 1) - 1 if architecture.reserved else positions


def read_weights(folder: Path, architecture: Architecture, kind: str, config: Any, **more: Any) -> tuple[Any, Any]:
    """Return a model of a kind (`Model`, `ForMaskedLM`), in float32 and from safetensors here alone, and transformers' report."""
    found: tuple[Any, Any] = architecture_class(architecture, kind).from_pretrained(
        str(folder),
        config=config,
        local_files_only=True,
        use_safetensors=True,
        dtype="float32",
        attn_implementation=architecture.attention,
        output_loading_info=True,
        **more,
    )
    return found


def load_model(folder: Path, architecture: Architecture, config: Any) -> "PreTrainedModel":
    """Load the bare encoder's weights; `config` is transformers' own.

    Raises:
        UserError: weights are missing, of another shape than `config.json` says, or unreadable.
    """
    from safetensors import SafetensorError

    pooled = {"add_pooling_layer": False} if architecture.pooled else {}
    with quiet():
        try:
            model, report = read_weights(folder, architecture, "Model", config, ignore_mismatched_sizes=True, **pooled)
        except (SafetensorError, json.JSONDecodeError) as error:
            raise UserError(f"{folder}: the weights are not readable safetensors (truncated?): {error}") from None
        except Exception as error:  # an odd value leads transformers to errors of many kinds
            if of_disk(error) is not None:
                raise
            said = " ".join(str(error).split())
            raise UserError(f"{folder / 'config.json'}: no model can be made of it: {said}") from None
    for key, what in (("missing_keys", "missing"), ("mismatched_keys", "of another shape than config.json says")):
        names = sorted(str(k[0]) if isinstance(k, tuple) else str(k) for k in report[key])
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise UserError(f"{folder}: weights {what}: {', '.join(names[:3])}{more}")
    make_differentiable(model)
    return model


def make_differentiable(model: "PreTrainedModel") -> None:
    """Write SiLU out in a model: PyTorch's own has no derivative of its derivative in forward mode, which meta-gradients take."""
    from torch import Tensor, nn

    class WrittenOut(nn.Module):
        def forward(self, hidden: Tensor) -> Tensor:
            return hidden * hidden.sigmoid()

    for name, module in list(model.named_modules()):
        if type(module).__name__ in ("SiLU", "SiLUActivation"):
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, WrittenOut())


def make_config(architecture: Architecture, config: dict[str, Any], place: Path | str) -> Any:
    """Build the architecture's configuration object from `config`.

    Raises:
        UserError: a value is not one transformers accepts; `place` is named.
    """
    package = f"transformers.models.{architecture.module}.configuration_{architecture.module}"
    config_class = getattr(importlib.import_module(package), f"{architecture.prefix}Config")
    try:
        made = config_class(**config)
        made.to_dict()  # asked for later; an odd value may only show there
        return made
    except Exception as error:  # huggingface_hub's strict dataclasses raise their own kinds
        raise UserError(f"{place}: {' '.join(str(error).split())}") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars and load report, which tell of heads left out on purpose."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
