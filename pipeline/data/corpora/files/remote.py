"""Files in a repository of the hub: what the config's patterns name is looked up in its listing, and only that is downloaded.

A pattern means what it means in a folder (`pipeline.common.files.matching`): a path, or one with `*`, `?`, `[…]` and `**`.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import by_number
from pipeline.common.names import plain
from pipeline.data import sources

LISTED = 20  # names in a message
_WILD = re.compile(r"[*?[]")


class Repository:
    """A dataset repository of the hub at one commit; each of its folders is listed once."""

    def __init__(self, name: str, revision: str) -> None:
        self.name, self.revision = name, revision
        self._listed: dict[tuple[str, bool], list[str]] = {}

    def __str__(self) -> str:
        return f"{self.name}@{self.revision[:7]}"

    def listing(self, below: str, recursive: bool = False) -> list[str]:
        """Return what lies in a folder, `""` the root: paths, those of folders with a `/` at the end; names with `..` are none.

        Raises:
            UserError: there is no such repository or commit, or the hub cannot be reached.
        """
        if (below, recursive) not in self._listed:
            there = sources.hub_tree(self.name, self.revision, "dataset", below, recursive)
            safe = [path for path in there if ".." not in path.split("/") and not path.startswith("/")]
            self._listed[below, recursive] = safe
        return self._listed[below, recursive]

    def matching(self, pattern: str) -> list[str]:
        """Return the paths of the files that a pattern names, in the order of the numbers in their names.

        Raises:
            UserError: as `listing`.
        """
        parts = pattern.split("/")
        fixed = next((i for i, part in enumerate(parts[:-1]) if _WILD.search(part)), len(parts) - 1)
        there = [path for path in self.listing("/".join(parts[:fixed]), fixed < len(parts) - 1) if path[-1] != "/"]
        if pattern in there:
            return [pattern]
        return sorted((path for path in there if _fits(path.split("/"), parts)), key=by_number)

    def no_match(self, pattern: str) -> str:
        """Say that nothing matches a pattern, and what lies in the innermost folder of it that there is, nearest names first.

        Raises:
            UserError: as `listing`.
        """
        parts = pattern.split("/")
        above, missing, there = "", parts[0], self.listing("")
        for i in range(1, len(parts)):
            found = self.listing("/".join(parts[:i]))
            if not found:
                break
            above, missing, there = "/".join(parts[:i]) + "/", parts[i], found
        names = [path.removeprefix(above) for path in there]
        hint = nearest(missing, [name.removesuffix("/") for name in names]) if not _WILD.search(missing) else ""
        hint = hint if hint.startswith("; did") else ""
        return f"no file of {self} matches {pattern!r}{hint}; {above or 'it'} holds {listed(names, missing)}"

    def download(
        self, wanted: Mapping[str, Sequence[str]], optional: Iterable[str], folder: Path, advice: str = ""
    ) -> None:
        """Download the files that patterns name into a folder, under their paths in the repository.

        Args:
            wanted: by split, patterns.
            optional: splits that may be absent: nothing is downloaded for them then.
            folder: files that lie there already are kept.
            advice: what is added where nothing matches.

        Raises:
            UserError: nothing matches a pattern, and others as `listing`.
        """
        found = {split: [self.matching(pattern) for pattern in patterns] for split, patterns in wanted.items()}
        for split, several in found.items():
            if split in optional and not any(several):
                continue
            for pattern, paths in zip(wanted[split], several, strict=True):
                if not paths:
                    raise UserError(f"files: {split}: {self.no_match(pattern)}{advice}")
                for path in paths:
                    sources.hub_file(self.name, self.revision, "dataset", path, folder)


def listed(names: Sequence[str], near: str = "") -> str:
    """Return names for a message: the first of them, or those nearest to `near` if there are too many."""
    shown: Sequence[str] = sorted(names)
    if len(shown) > LISTED and near:
        shown = sorted(shown, key=lambda name: -difflib.SequenceMatcher(None, near, name).ratio())
    text = ", ".join(shown[:LISTED]) or "nothing"
    return f"{text} … ({len(names)} in all)" if len(names) > LISTED else text


def _fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a path are what the parts of a pattern ask for."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_fits(path[i:], pattern[1:]) for i in range(len(path)))
    hidden = bool(path) and path[0].startswith(".") and not pattern[0].startswith(".")
    return bool(path) and not hidden and fnmatchcase(plain(path[0]), plain(pattern[0])) and _fits(path[1:], pattern[1:])
