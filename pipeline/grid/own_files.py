"""What the user's own files hold today, beside what was read of them: by content, since a copied file may bear any date.

Each file is hashed once: what the file system says of it (size, times, inode) tells the next start that it is the same.
"""

import os
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.files import canonical_json, digest, read_object, sha256_file, write_text
from pipeline.common.integrity import SETTLED
from pipeline.grid.inputs import Dataset

CALLED = "language"
"""In the place of splits: what a language is called where files lie elsewhere."""


class OwnFiles:
    """Hashes of files, remembered from start to start."""

    def __init__(self) -> None:
        self._hashed = False

    @cached_property
    def _known(self) -> dict[str, Any]:
        return read_object(paths.own_hashes()) or {}

    def sha256(self, path: Path) -> str | None:
        """Return the SHA-256 of a file, `None` where there is none."""
        try:
            found = path.stat()
        except OSError:
            return None
        if not path.is_file():
            return None
        facts = [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
        known = self._known.get(str(path))
        if isinstance(known, list) and known[:-1] == facts:
            return str(known[-1])
        try:
            value = sha256_file(path)
        except OSError:  # of which the stage tells
            return None
        if time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > SETTLED:
            self._known[str(path)] = [*facts, value]
            self._hashed = True
        return value

    def remember(self) -> None:
        """Write down what was hashed, if anything was."""
        if self._hashed:
            write_text(paths.own_hashes(), canonical_json(self._known) + "\n")
            self._hashed = False

    def content(self, dataset: Dataset, language: str) -> dict[str, list[str]]:
        """Return by split the SHA-256 of the user's own files that one language is read from; nothing for other loaders.

        Of files that lie elsewhere it is what they call the language: the rest is part of the dataset's key.
        """
        if called := dataset.called_elsewhere(language):
            return {CALLED: [called]}
        named = dataset.own_files(language).items()
        return {split: [sha256 for path in files if (sha256 := self.sha256(path))] for split, files in named}

    def changed(self, dataset: Dataset, language: str) -> bool:
        """Whether a file is new, or one that was read is gone or holds something else than the copy that was made of it."""
        read = read_of(dataset, language)
        return self.altered(read) is not None or _differs(read, self.content(dataset, language))

    def altered(self, read: Mapping[str, Any]) -> dict[str, str] | None:
        """Return by path what own files hold, `None` where that is what was read of them.

        Files that are gone say nothing: the copy is kept.

        Args:
            read: the copy's manifest; `read` in it has the SHA-256 of the files by path.
        """
        before = read.get("read")
        if not isinstance(before, dict):
            return None
        now = {path: self.sha256(Path(path)) or sha256 for path, sha256 in before.items()}
        self.remember()
        return None if now == before else now

    def answered(self, read: Mapping[str, Any], code: str) -> str:
        """Return the code hash that Snakemake is told of a copy of own files, with what these hold where that is something else.

        What is made anew notes what it was told (`answers_to`), so that the next start tells the same.

        Args:
            read: the copy's manifest, as of `altered`.
            code: the code hash in effect.
        """
        now = self.altered(read)
        return code if now is None else f"{code.split()[0]} {digest(now)}"

    def handed(self, dataset: Dataset, language: str) -> list[str]:
        """Write what the files hold where the download's rule has it for an input, and return that path; see `download`.

        It is as new as the change that it shows, and older than what was read where nothing changed: so it is right without
        Snakemake's own records too. Files that were read before there was such an input have it once they change.
        """
        content = self.content(dataset, language)
        if not content:
            return []
        path, read = paths.own_content(dataset.key, language), read_of(dataset, language)
        changed = _differs(read, content)
        if read and "own" not in read and not changed and CALLED not in content:
            return []
        text = canonical_json(content) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
            if read and not changed:
                before = paths.raw_manifest(dataset.key, language).stat().st_mtime_ns - SETTLED
                os.utime(path, ns=(before, before))
        self.remember()
        return [str(path)]


def _differs(read: Mapping[str, Any], content: Mapping[str, list[str]]) -> bool:
    copied = read.get("files", {})
    if CALLED in content:
        spec = read.get("spec", {})
        return bool(copied) and [spec.get("languages", {}).get(spec["language"], spec["language"])] != content[CALLED]
    return bool(copied) and any(
        hashes != [file.get("sha256") for file in copied.get(split, [])] for split, hashes in content.items()
    )


def read_of(dataset: Dataset, language: str) -> Mapping[str, Any]:
    """Return what was read of one language's files: the download's manifest, empty where there is none."""
    return read_object(paths.raw_manifest(dataset.key, language)) or {}
