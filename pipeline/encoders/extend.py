"""Extend an encoder's vocabulary for a language it has not seen: new pieces, each with an embedding of its own.

After MetaXL, Appendix C, which trains a tokenizer on the target task's data and joins its vocabulary to mBERT's. Here pieces
are learned from the old ones on (see `pipeline.encoders.pieces`), so that each has a natural embedding to start from: the
mean of those of the pieces it replaces. Nothing is trained; the new rows learn with the task.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet
from pipeline.common.stored import verified_split
from pipeline.data.raw_text import raw_text
from pipeline.data.schema import CLASSES, read_split, split_facts
from pipeline.data.splits import Size, select
from pipeline.encoders.architectures import ARCHITECTURES, architecture_class
from pipeline.encoders.convert import TOKENIZER
from pipeline.encoders.hub import DESCRIPTIONS
from pipeline.encoders.load import load_encoder, load_tokenizer, quiet
from pipeline.encoders.mlm import OWN_HEAD
from pipeline.encoders.pieces import Parts, extend_tokenizer
from pipeline.encoders.pooler import NAME, read_pooler, stored_weights

INITIALISE = ("mean", "random")


@dataclass(frozen=True)
class Settings:
    """What determines an extended encoder, besides its base and its text; keys of the config's `from: extend`."""

    pieces: int
    min_frequency: int
    initialise: str
    seed: int

    def __post_init__(self) -> None:
        for key in ("pieces", "min_frequency"):
            if getattr(self, key) < 1:
                raise UserError(f"{key}: {getattr(self, key)}; expected at least 1")
        if self.initialise not in INITIALISE:
            raise UserError(f"initialise: {self.initialise!r}; expected one of {', '.join(INITIALISE)}")


def extend(base: Path, texts: Sequence[str], settings: Settings, folder: Path) -> dict[str, Any]:
    """Write the encoder in `base`, its vocabulary extended for `texts`, into `folder`; return facts for the manifest.

    The base's ids, embeddings and pooler stay as they are, and so does its head for masked words, which a training on (`start`)
    begins with. Where the text needs no new piece, the encoder stays as it was.

    Args:
        base: a folder with an encoder.
        texts: sentences.
        settings: how many pieces, how they start.
        folder: an existing folder.

    Raises:
        UserError: the base cannot be loaded (see `load_encoder`), its tokenizer is not of a kind that can be extended, or
            the text holds no words.
    """
    encoder = load_encoder(base)
    model = encoder.model
    old = model.get_input_embeddings().weight.detach()
    try:
        extension = extend_tokenizer(load_tokenizer(base), texts, settings.pieces, settings.min_frequency, len(old))
    except UserError as error:
        raise UserError(f"{base}: {error}") from None
    ids = encoder.tokenizer.get_vocab(with_added_tokens=True)
    new = new_embeddings(old, extension.pieces, ids, settings, model.config.initializer_range)
    padding = model.get_input_embeddings().padding_idx
    model.set_input_embeddings(
        torch.nn.Embedding(len(old) + len(new), old.shape[1], padding, _weight=torch.cat([old, new]))
    )
    model.config.vocab_size = len(old) + len(new)
    pooler = read_pooler(base)
    kept = {} if pooler is None else {f"{NAME}.{part}": tensor for part, tensor in pooler.state_dict().items()}
    kept |= extended_head(base, model.config, len(old), len(new))
    with quiet():
        model.save_pretrained(folder, state_dict={**model.state_dict(), **kept})
    for name in DESCRIPTIONS:
        if name not in ("config.json", TOKENIZER) and (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    extension.tokenizer.save(str(folder / TOKENIZER))
    load_encoder(folder)
    return {"parameters": model.num_parameters(), "vocabulary": model.config.vocab_size, **extension.facts}


def new_embeddings(
    old: torch.Tensor, pieces: Mapping[str, Parts], ids: Mapping[str, int], settings: Settings, deviation: float
) -> torch.Tensor:
    """Return the embeddings of new pieces, `(pieces, H)`.

    Args:
        old: the old embeddings, `(V, H)`.
        pieces: what each new piece was cut into before; a letter that was unknown is its own part.
        ids: rows of `old` by piece.
        settings: `initialise: mean` takes the mean over a piece's parts; letters, and with `random` all, are drawn.
        deviation: standard deviation of what is drawn.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    new = deviation * torch.randn(len(pieces), old.shape[1], generator=generator)
    if settings.initialise == "random":
        return new
    place = {piece: i for i, piece in enumerate(pieces)}
    for i, (piece, parts) in enumerate(pieces.items()):
        if parts != (piece,):  # letters come first, so their rows are drawn
            rows = [old[ids[part]] if part in ids else new[place[part]] for part in parts]
            new[i] = torch.stack(rows).double().mean(dim=0)
    return new


def extended_head(base: Path, config: Any, rows: int, more: int) -> dict[str, torch.Tensor]:
    """Return the weights of the base's head for masked words by name, none where it has none; new pieces are of mean frequency.

    What the embeddings serve for is left out: they are extended already.
    """
    architecture, ties = ARCHITECTURES[config.model_type], getattr(config, "tie_word_embeddings", True)
    tied = architecture_class(architecture, "ForMaskedLM")._tied_weights_keys if ties else ()
    modules = tuple(f"{name}." for name in (*architecture.masked, OWN_HEAD))
    head = {name: weight for name, weight in stored_weights(base, modules) if name not in (tied or ())}
    for name, weight in head.items():
        if len(weight) == rows:
            head[name] = torch.cat([weight, weight.mean(0, keepdim=True).expand(more, *weight.shape[1:])])
    return head


def read_text(path: Path, size: Size, data_seed: int | None, what: str) -> list[str]:
    """Return the sentences of a split: of raw text all, of a task's split the `size` that a run of `data_seed` is given.

    Args:
        path: `text.parquet`, or a task's `train.parquet`.
        size: how many; `None` takes all.
        data_seed: chooses them, as in training.
        what: names the rows in errors.

    Raises:
        UserError: the file is missing or broken, or has fewer rows.
    """
    task = str(split_facts(read_parquet(verified_split(path)), str(path)).get("task"))
    table = read_split(path, task)
    if task != "text":
        if size is not None and data_seed is not None:
            strata = table["label"].to_pylist() if task in CLASSES else None
            table = table.take(pa.array(select(table.num_rows, size, data_seed, what, strata)))
        table = raw_text(task, "", table)
    return [str(text) for text in table["text"].to_pylist()]
