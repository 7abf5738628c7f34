"""What the config says of files: which there are, what languages and columns are called, how they are written."""

import gzip
import zlib
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.names import name_of
from pipeline.common.paths import SPLITS
from pipeline.data.corpora.files.token_rows import tells_sentences
from pipeline.data.formats.broken import Broken
from pipeline.data.formats.conll import CONLL
from pipeline.data.formats.delimited import DELIMITERS, Dialect
from pipeline.data.formats.delimited import ENDINGS as DELIMITED
from pipeline.data.formats.text import ending_of
from pipeline.data.formats.workbooks import WORKBOOKS
from pipeline.data.schema import LABELS, SCHEMAS

TASKS = tuple(task for task in LABELS if task != "text")
_ROLES = {
    **{task: SCHEMAS[task].names[2:] for task in TASKS},
    "qa": ["question", "context", "answer", "start", "impossible"],
}
USUAL = {
    "answer": ("answer", "answers", "answer_text", "answers.text"),
    "start": ("start", "starts", "answer_start", "answers.answer_start"),
    "impossible": ("is_impossible",),
}
"""By what they hold: names of columns that may be there, also where the config names none."""


def split_files(spec: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the paths below the folder of each of the own splits, or of `all`, for the spec's language.

    Raises:
        UserError: no file, `all` beside others or beside `dev: {from: train}`, two splits or two languages in one file.
    """
    if "files" not in spec:
        raise UserError(f"files: no file is named; expected {', '.join(SPLITS)}, or all")
    given = {split: [path] if isinstance(path, str) else list(path) for split, path in spec["files"].items() if path}
    for split in given:
        if split not in (*SPLITS, "all"):
            raise UserError(f"files: unknown split {split!r}{nearest(split, (*SPLITS, 'all'))}")
    if not given:
        raise UserError("files: no file is named; expected train, dev and test, or all")
    if "all" in given and len(given) > 1:
        raise UserError("files: all is one file for every split, so it stands alone")
    if spec.get("dev") and ("all" in given or "dev" in given):
        other = "cut: {dev: 0.1, test: 0.2} makes dev" if "all" in given else "files names a dev file"
        raise UserError(f"dev: cannot be cut from train too, {other}; leave one of them out")
    called = languages_of(spec)
    alike = [path for paths in given.values() for path in paths if "{language}" not in path]
    columns = spec.get("columns") or {}
    if alike and len(called) > 1 and not (columns.get("language") or is_wide(columns) or is_by_place(spec)):
        raise UserError(
            f"files: {alike[0]!r} is one file for {len(called)} languages; put {{language}} into its path, or say which "
            "column tells the language: columns: {language: NAME}"
        )
    own = called[str(spec["language"])]
    paths = {split: [path.replace("{language}", own) for path in several] for split, several in given.items()}
    for path, times in Counter(path for several in paths.values() for path in several).items():
        if times > 1:
            both = " and ".join(split for split in paths if path in paths[split])
            sheets = ", or save each sheet as a file of its own" if ending_of(Path(path)) in WORKBOOKS else ""
            raise UserError(f"files: {both} are one file, {path!r}; use all and cut to divide it{sheets}")
    return paths


def languages_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return what each listed language, and the spec's own, is called.

    Raises:
        UserError: two are called alike.
    """
    called = {str(code): str(name) for code, name in (spec.get("languages") or {}).items()}
    called.setdefault(str(spec["language"]), str(spec["language"]))
    for code, name in called.items():
        if twice := next((o for o in called if o != code and name_of(called[o]) == name_of(name)), None):
            raise UserError(f"languages: {code} and {twice} are both called {name!r}; expected different names")
    return called


def task_of(spec: Mapping[str, Any]) -> str:
    """Return the rows' task.

    Raises:
        UserError: there is no such task.
    """
    task = str(spec.get("task"))
    if task not in TASKS:
        raise UserError(f"task: unknown task {task!r}{nearest(task, TASKS)}")
    return task


def broken_of(spec: Mapping[str, Any]) -> Broken:
    """Return what is done with tagged sentences that cannot be read.

    Raises:
        UserError: there is no such choice.
    """
    choice = spec.get("broken", "refuse")
    if choice not in ("refuse", "drop"):
        raise UserError(f"broken: {choice!r}{nearest(str(choice), ('refuse', 'drop'))}")
    return Broken(choice == "drop")


def columns_of(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns that the config names, by what they hold.

    Raises:
        UserError: the task has no such column.
    """
    called = languages_of(spec)[str(spec["language"])]
    named = {role: str(name) for role, name in (spec.get("columns") or {}).items() if name is not None}
    given = {role: name.replace("{language}", called) for role, name in named.items()}
    roles = (role for role in _ROLES[spec["task"]] if role != "impossible")
    known = ("id", "language", "group", *(("sentence",) if spec["task"] == "ner" else ()), *roles)
    for role in given:
        if role not in known:
            raise UserError(f"columns: task {spec['task']} has no {role!r}{nearest(role, known)}")
    return given


def asked_columns(task: str, columns: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the columns that a table must have, by what they hold, and the names of those that it may have."""
    roles = [*(role for role in ("id", "language", "group", "sentence") if role in columns), *_ROLES[task]]
    fixed = {role: columns.get(role, role) for role in roles if role in columns or role not in USUAL}
    return fixed, [name for role in roles if role not in fixed for name in USUAL[role]]


def found_columns(task: str, columns: Mapping[str, str], there: Container[str]) -> dict[str, str]:
    """Return a table's columns by what they hold, those that it may have under their usual names if they are `there`."""
    fixed, _ = asked_columns(task, columns)
    free = {role: next((name for name in USUAL[role] if name in there), None) for role in USUAL if role in _ROLES[task]}
    return {**{role: name for role, name in free.items() if name is not None}, **fixed}


def is_wide(columns: Mapping[str, Any]) -> bool:
    """Whether languages stand beside each other, `{language}` in the names of their columns; their rows are parallel then."""
    return any("{language}" in str(name) for name in columns.values())


def is_by_place(spec: Mapping[str, Any]) -> bool:
    """Whether each language has a repository or an archive of its own."""
    hub, archive = spec.get("hub") or {}, spec.get("archive") or {}
    return "{language}" in str(hub.get("repository")) + str(archive.get("url"))


def remedy(spec: Mapping[str, Any], split: str, parts: int) -> str:
    """Say what to do where a split's file holds no rows."""
    if parts > 1:
        return f"so do the other parts of {split}; leave {split} out of `files`, or give it rows"
    if "{language}" in str(spec["files"].get(split)) and split != "all":
        return (
            f"if {spec['language']} has no {split} data, say so: optional: [{split}]; or leave {split} out of `files`"
        )
    if split == "dev":
        return "leave dev out of `files`, and cut it from train: dev: {from: train, fraction: 0.2}"
    return f"leave {split} out of `files`" if split != "all" else "expected the rows of all splits"


def is_conll(path: Path, task: str, columns: Mapping[str, Any]) -> bool:
    """Whether a file is read as CoNLL: sentences of `ner`, unless it is a table, by its ending, its header or its cells."""
    ending = ending_of(path)
    if task != "ner" or ending not in CONLL:
        return False
    return ending not in DELIMITED or (columns.get("sentence") is None and not _is_table(path, columns))


def _is_table(path: Path, columns: Mapping[str, Any]) -> bool:
    """Whether a file's first line names the columns of tokens, tags and what CoNLL lacks, or a row holds a sentence's tags."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            lines = [file.readline(1 << 16).decode("utf-8-sig", "replace") for _ in range(2)]
    except (OSError, EOFError, zlib.error):  # which is told when the file is read
        return False
    tokens, tags = (name_of(str(columns.get(role) or role)) for role in ("tokens", "tags"))
    for mark in DELIMITERS.values():
        cells, row = ([name_of(cell.strip().strip('"')) for cell in line.split(mark)] for line in lines)
        if mark == "\t" and tokens.isdecimal() and tags.isdecimal():  # without a header
            cells, row = [*map(str, range(len(cells)))], cells
        if tokens not in cells or tags not in cells:
            continue
        named = [columns[role] for role in ("id", "group", "language") if columns.get(role)]
        tag = row[cells.index(tags)] if len(row) == len(cells) else ""
        listed = len(tag.split()) > 1 or (tag[:1] + tag[-1:]) in ("[]", "()")
        names = not cells[0].isdecimal() and (mark != "\t" or any(map(tells_sentences, cells)))
        return listed or names or any(name_of(str(name)) in cells for name in named)
    return False


def dialect_of(spec: Mapping[str, Any]) -> Dialect:
    """Return what the config says of how tables are written."""
    delimiter = spec.get("delimiter") or "auto"
    return Dialect(
        header=bool(spec.get("header", True)),
        encoding=spec.get("encoding") or "utf-8",
        delimiter=None if delimiter == "auto" else delimiter,
        quotes=spec.get("quotes") or "auto",
        sheet=spec.get("sheet"),
    )


WITHOUT = {
    "train": "train on another language or dataset",
    "dev": "set select: last where it would choose the epoch",
    "test": "leave it out of `targets`",
}
"""What to do where a language lacks a split that a run wants to read."""


def missing_splits(spec: Mapping[str, Any], lacking: Sequence[str]) -> dict[str, str]:
    """Return why a language lacks splits, of those that have no file and that `optional` allows it to lack."""
    return {
        split: f"{spec['language']} has no {split} data, which `optional` allows; {WITHOUT[split]}"
        for split in lacking
        if split in spec.get("optional", ())
    }
