"""Encoders made elsewhere: a snapshot of a hub repository at one commit, or a folder of the user's.

Only configuration, safetensors and tokenizer files are fetched or copied; pickles and code stay where they are.
"""

import re
import shutil
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.data.sources import hub_file, hub_list
from pipeline.encoders.fitting import WEIGHTS, WEIGHTS_INDEX
from pipeline.encoders.load import check_files, load_encoder, quiet, shards

COMMIT = re.compile("[0-9a-f]{40}")
TOKENIZER = "tokenizer.json"
DESCRIPTIONS = ("config.json", TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
# What a tokenizer.json can be made from where a repository has none.
SLOW_TOKENIZER = ("vocab.txt", "sentencepiece.bpe.model", "spiece.model")


def from_hub(repository: str, revision: str, folder: Path) -> None:
    """Download a model of the hub into `folder` and check it; files already complete there are kept.

    Args:
        repository: `owner/name`.
        revision: the commit, 40 hexadecimal digits: a branch could change unseen.
        folder: where it goes; an interrupted download resumes there.

    Raises:
        UserError: the revision is not a commit; the hub refuses or cannot be reached; the repository has no safetensors
            weights or no tokenizer, or is not an encoder the pipeline can load.
    """
    if not COMMIT.fullmatch(revision):
        raise UserError(f"revision: {revision!r} is not a commit of {repository}; expected 40 hexadecimal digits")
    place = f"{repository}@{revision}"
    names = set(hub_list(repository, revision, "model"))
    if not names & {WEIGHTS, WEIGHTS_INDEX}:
        pickled = sorted(name for name in names if name.endswith((".bin", ".pt", ".h5", ".msgpack")))
        has = f"it has {', '.join(pickled)}, which may run code when opened" if pickled else "it has no weights"
        raise UserError(
            f"{place}: no {WEIGHTS}; {has}. Look for a revision or a copy with safetensors (the hub's conversion bot "
            "offers one as a pull request), or convert it and give its folder (`from: folder`)"
        )
    if not names & {TOKENIZER, *SLOW_TOKENIZER}:
        raise UserError(f"{place}: no tokenizer; expected {TOKENIZER} or one of {', '.join(SLOW_TOKENIZER)}")

    def fetch(name: str) -> Path:
        return hub_file(repository, revision, "model", name, folder)

    for name in choose_files(names):
        fetch(name)
    if WEIGHTS not in names:
        for name in shards(folder / WEIGHTS_INDEX):
            fetch(name)
    try:
        finish(folder)
    except UserError as error:  # the next attempt must not find the files that failed
        shutil.rmtree(folder)
        raise UserError(str(error).replace(str(folder), place)) from None


def from_folder(source: Path, folder: Path) -> None:
    """Copy a model's files from `source` into `folder` and check them.

    They are copied, not linked: a later change of the user's model must not change what finished runs were made with.

    Raises:
        UserError: `source` is not an encoder the pipeline can load (see `load_encoder`).
    """
    names = {path.name for path in source.iterdir() if path.is_file()} if source.is_dir() else set()
    if TOKENIZER in names or not names & set(SLOW_TOKENIZER):
        check_files(source)
    chosen = choose_files(names)
    if WEIGHTS not in names and WEIGHTS_INDEX in names:
        chosen += shards(source / WEIGHTS_INDEX)
    for name in chosen:
        shutil.copyfile(source / name, folder / name)
    finish(folder)


def choose_files(names: set[str]) -> list[str]:
    """Return which of a model's files are needed, shards left out: description, weights and tokenizer."""
    weights = [WEIGHTS] if WEIGHTS in names else [WEIGHTS_INDEX]
    tokenizer = [] if TOKENIZER in names else list(SLOW_TOKENIZER)
    return [name for name in (*DESCRIPTIONS, *weights, *tokenizer) if name in names]


def finish(folder: Path) -> None:
    """Make `tokenizer.json` where only an older tokenizer's files are, and check that the encoder loads.

    Raises:
        UserError: the tokenizer cannot be converted, or the encoder does not load.
    """
    slow = [name for name in SLOW_TOKENIZER if (folder / name).is_file()]
    if not (folder / TOKENIZER).is_file() and slow:
        convert_tokenizer(folder, slow[0])
    load_encoder(folder)


def convert_tokenizer(folder: Path, made_of: str) -> None:
    """Write `tokenizer.json` from `vocab.txt` or a SentencePiece model, by transformers' own conversion.

    Raises:
        UserError: transformers cannot do it here; the message says why.
    """
    from transformers import AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    except Exception as error:  # a missing library, an unknown class, a broken file: transformers raises many kinds
        raise UserError(
            f"{folder}: no {TOKENIZER}, and {made_of} cannot be turned into one: {' '.join(str(error).split())}"
        ) from None
