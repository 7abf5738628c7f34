"""Encoders made elsewhere: a snapshot of a hub repository at one commit, or a folder of the user's.

Only configuration, safetensors and tokenizer files are fetched or copied; pickles and code stay where they are. The tokenizer
comes first and is tried before any weights are: what cannot be used costs no gigabytes.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pipeline.common.errors import UserError, readable
from pipeline.common.yaml_text import read_yaml
from pipeline.data.arrivals import CHUNK, Announced, Spoilt, by_tag, receive
from pipeline.data.hub import hub_cached, hub_file, hub_list, hub_proposals
from pipeline.data.network import offline
from pipeline.encoders import normaliser
from pipeline.encoders.convert import SLOW_TOKENIZER, TOKENIZER, convert_tokenizer
from pipeline.encoders.fitting import WEIGHTS, WEIGHTS_INDEX
from pipeline.encoders.load import check_architecture, check_files, load_encoder, load_tokenizer, shards

COMMIT = re.compile("[0-9a-f]{40}")
DESCRIPTIONS = ("config.json", TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
CARD = "README.md"
PICKLES = (".bin", ".pt")
NO_LICENCE = "none given"
NO_CARD = "none given (no README.md)"
SHOWN = 3
"""Pull requests with safetensors that a refusal names."""


def from_hub(
    repository: str, revision: str, folder: Path, mirror: Path | None = None, letters: Mapping[str, bool | None] = {}
) -> dict[str, Any]:
    """Download a model of the hub into `folder` and check it; files already complete there are kept.

    Args:
        repository: `owner/name`.
        revision: the commit, 40 hexadecimal digits: a branch could change unseen.
        folder: where it goes; an interrupted download resumes there.
        mirror: a folder with the repository's files in `<owner>/<name>/`, tried first; needed without a network.
        letters: `lower_case`, `strip_accents`: what the tokenizer is to do, `None` where as it is.

    Returns:
        facts for the manifest: `licence`, `normaliser`, `notes`; the same wherever the files came from.

    Raises:
        UserError: the revision is not a commit; the hub refuses or cannot be reached; the mirror holds another commit; the
            repository has no safetensors weights or no tokenizer, or is not an encoder the pipeline can load.
    """
    if not COMMIT.fullmatch(revision):
        raise UserError(f"revision: {revision!r} is not a commit of {repository}; expected 40 hexadecimal digits")
    place = f"{repository}@{revision}"
    there = copy_of(repository, revision, mirror)
    if there is not None:  # the same facts as of the hub, wherever the copy lies
        return {key: value for key, value in from_folder(there, folder, letters).items() if key != "read"}
    names = set(hub_list(repository, revision, "model"))
    check_names(names, repository, place)

    def fetch(name: str) -> Path:
        return hub_file(repository, revision, "model", name, folder)

    try:
        return collect(names, fetch, folder, letters)
    except UserError as error:  # the next attempt must not find the files that failed
        if str(folder) in str(error):
            shutil.rmtree(folder)
        raise UserError(str(error).replace(str(folder), place)) from None


def copy_of(repository: str, revision: str, mirror: Path | None) -> Path | None:
    """Return a folder that holds a repository at a commit: the mirror's, or off the network the hub library's own cache.

    Raises:
        UserError: the mirror holds another commit, or the network is not to be used and there is no such folder.
    """
    copied = None if mirror is None else mirror / repository
    if copied is not None and copied.is_dir():
        check_commit(copied, revision)
        return copied
    if not offline():
        if copied is not None:
            print(f"note: {copied} is no folder; {repository} is fetched from the hub")
        return None
    if (cached := hub_cached(repository, revision, "model")) is not None:
        return cached
    where = f"{copied} is no folder" if copied is not None else "no `mirror` is named"
    raise UserError(
        f"{repository}@{revision}: HF_HUB_OFFLINE is set, {where}, and the hub's cache does not hold it; unset it, or fill a "
        f"folder where there is a network, hf download {repository} --revision {revision} --local-dir MIRROR/{repository}, "
        "and name it: mirror: MIRROR"
    )


def check_names(names: set[str], repository: str, place: str) -> None:
    """Check that a repository's files are those of an encoder.

    Raises:
        UserError: it has no description, no safetensors weights (with the commits of pull requests that have), or no tokenizer.
    """
    if "config.json" not in names:
        raise UserError(f"{place}: no config.json: it is no model of transformers")
    if not names & {WEIGHTS, WEIGHTS_INDEX}:
        pickled = sorted(name for name in names if name.endswith(PICKLES))
        has = (
            f"it has {', '.join(pickled)}, which may run code when opened"
            if pickled
            else "it has no weights for PyTorch"
        )
        proposed = hub_proposals(repository, "model")
        found = [c for c, files in proposed if files & {WEIGHTS, WEIGHTS_INDEX} and "config.json" in files][:SHOWN]
        advice = (
            "A pull request has them; look at it on the hub, then set\n  "
            + "\nor\n  ".join(f"revision: {c}" for c in found)
            if found
            else "Look for a revision or a copy with safetensors (the hub's conversion bot offers one as a pull request), or "
            "convert it and give its folder (`from: folder`)"
        )
        raise UserError(f"{place}: no {WEIGHTS}; {has}. {advice}")
    if not names & {TOKENIZER, *SLOW_TOKENIZER}:
        raise UserError(f"{place}: no tokenizer; expected {TOKENIZER} or one of {', '.join(SLOW_TOKENIZER)}")


def collect(
    names: set[str], fetch: Callable[[str], Path], folder: Path, letters: Mapping[str, bool | None]
) -> dict[str, Any]:
    """Bring a model's files into `folder`, the tokenizer first; return facts for the manifest.

    Raises:
        UserError: see `from_hub`.
    """
    files = choose_files(names)
    if TOKENIZER not in names:  # what an interrupted attempt made: its notes would be missing
        (folder / TOKENIZER).unlink(missing_ok=True)
    weights = [name for name in files if name in (WEIGHTS, WEIGHTS_INDEX)]
    for name in files:
        if name not in weights:
            fetch(name)
    licence = licence_of(fetch(CARD)) if CARD in names else NO_CARD
    (folder / CARD).unlink(missing_ok=True)
    tokenizer, notes = make_tokenizer(folder, letters)
    check_architecture(folder / "config.json")
    for name in weights:
        fetch(name)
    if WEIGHTS not in names:
        for name in shards(folder / WEIGHTS_INDEX):
            fetch(name)
    notes += load_encoder(folder).notes
    found = normaliser.describe(tokenizer)
    for note in (*normaliser.warnings(found, tokenizer), *notes):
        print(f"note: {note}")
    return {"licence": licence, "normaliser": found, "notes": notes}


def check_commit(mirror: Path, revision: str) -> None:
    """Check that a mirror's files are of a commit, where the tool that fetched them noted it.

    Raises:
        UserError: they are of another.
    """
    for noted in sorted((mirror / ".cache" / "huggingface" / "download").glob("*.metadata")):
        lines = noted.read_text(encoding="utf-8", errors="replace").splitlines()
        if lines and COMMIT.fullmatch(lines[0]) and lines[0] != revision:
            raise UserError(
                f"{mirror}: {noted.name.removesuffix('.metadata')} is of commit {lines[0]}, and revision is {revision}; fetch "
                "that one, or change revision"
            )


def licence_of(card: Path) -> str:
    """Return the licence that a model's card names, or that none is given."""
    text = card.read_text(encoding="utf-8", errors="replace")
    parts = text.split("---", 2) if text.startswith("---") else []
    try:
        facts = read_yaml(parts[1], str(card)) if len(parts) == 3 else None
    except UserError:
        facts = None
    if not isinstance(facts, dict) or not facts.get("license"):
        return NO_LICENCE
    named = [facts.get("license_name"), facts["license"]] if facts["license"] == "other" else [facts["license"]]
    return readable(", ".join(str(name) for name in named if name))


def from_folder(source: Path, folder: Path, letters: Mapping[str, bool | None] = {}) -> dict[str, Any]:
    """Copy a model's files from `source` into `folder` and check them; return facts for the manifest as `from_hub`.

    They are copied, not linked: a later change of the user's model must not change what finished runs were made with. What was
    copied stands under `read`, SHA-256 by path. Where the tool that fetched a folder noted the hub's digests, the copy is held
    against them.

    Raises:
        UserError: `source` is not an encoder the pipeline can load (see `load_encoder`), or a file is not what was fetched.
    """
    check_files(source, (TOKENIZER, *SLOW_TOKENIZER))
    names = {path.name for path in source.iterdir() if path.is_file()}
    read: dict[str, str] = {}

    def copy(name: str) -> Path:
        try:
            with open(source / name, "rb") as file:
                blocks = iter(lambda: file.read(CHUNK), b"")
                read[str(source / name)] = receive(blocks, folder / name, 0, noted_digest(source / name))
        except Spoilt as error:
            raise UserError(f"{source / name}: {error}; fetch it again") from None
        return folder / name

    return {**collect(names, copy, folder, letters), "read": read}


def noted_digest(file: Path) -> Announced:
    """Return the digest by which the hub knows a file of its library's cache, or of a folder that its tool filled."""
    size, blob = file.stat().st_size, file.resolve()
    if blob.parent.name == "blobs":
        return by_tag(blob.name, size)
    noted = file.parent / ".cache" / "huggingface" / "download" / f"{file.name}.metadata"
    lines = noted.read_text(encoding="utf-8", errors="replace").splitlines() if noted.is_file() else []
    with suppress(IndexError, ValueError):  # a note of another form
        if file.stat().st_mtime <= float(lines[2]) + 1:  # later the user changed it, and may
            return by_tag(lines[1], size)
    return Announced()


def choose_files(names: set[str]) -> list[str]:
    """Return which of a model's files are needed, shards left out: description, weights and tokenizer."""
    weights = [WEIGHTS] if WEIGHTS in names else [WEIGHTS_INDEX]
    tokenizer = [] if TOKENIZER in names else list(SLOW_TOKENIZER)
    return [name for name in (*DESCRIPTIONS, *weights, *tokenizer) if name in names]


def make_tokenizer(folder: Path, letters: Mapping[str, bool | None]) -> tuple[Tokenizer, list[str]]:
    """Make `tokenizer.json` where only an older tokenizer's files are, and set what it does to letters; return it and notes.

    Whether it fits the model is checked with the model.

    Raises:
        UserError: the tokenizer cannot be converted or read, or has no such setting.
    """
    notes = []
    slow = [name for name in SLOW_TOKENIZER if (folder / name).is_file()]
    if not (folder / TOKENIZER).is_file() and slow:
        notes = convert_tokenizer(folder, slow[0])
    tokenizer = load_tokenizer(folder, checked=False)
    if any(value is not None for value in letters.values()):
        stored = Tokenizer.from_file(str(folder / TOKENIZER))
        normaliser.set_normaliser(stored, letters.get("lower_case"), letters.get("strip_accents"))
        stored.save(str(folder / TOKENIZER))
        tokenizer.normalizer = stored.normalizer
    return tokenizer, notes
