"""Your own data: CSV, TSV, Excel, JSON, Parquet or CoNLL files in a folder, for any task.

| in the config | what it says |
|---|---|
| `files` | each split's file or files, or those for `all`, which `cut` divides; `{language}` is the language's name |
| `languages` | what a language is called in `files`, in names of columns and in the column `language` |
| `columns` | which column holds what; others are called as in the task's schema (`answer` and `start` also as SQuAD's) |
| `optional` | splits that a language may lack |
| `delimiter`, `quotes`, `sheet` | how tables are written, where that is not recognised |
| `labels` | what each label means (see `files_labels`) |
| `scheme` | the tags' scheme, where it cannot be told (see `tags`) |
| `broken` | whether sentences that cannot be read are refused or left out |

A row's id is `files-<split>-<id>` where `columns.id` names one: rows of several languages with equal ids are parallel.
Otherwise it is `files-<language>-<split>-<number of the row>`, in parts after the first `…-<number of the part>-<row>`. Where
`{language}` stands in names of columns, the rows of a file are parallel: `files-<split>-<number of the row>`. One file for
`all` is cut by these ids (or row numbers), not by what else is there, so parallel rows come into the same part in every
language.

Sentences of `ner` are lists in JSON and Parquet, words with blanks between them in CSV, one token a row (see `token_rows`), or
CoNLL files (`.conll`, `.txt`, `.tsv`, …; see `conll`); their tags are of any scheme (see `tags`). Where the files come from is
told in `files_fetch`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_json
from pipeline.common.names import difference, name_of
from pipeline.common.paths import SPLITS
from pipeline.data.arrange import Read, arrange, load_splits
from pipeline.data.corpora.files.asked import dialect_of, is_conll, is_wide, missing_splits, remedy
from pipeline.data.corpora.files.cells import with_lists
from pipeline.data.corpora.files.labels import Labels, pairs_of
from pipeline.data.corpora.files.parts import NoRows, joined
from pipeline.data.corpora.files.rows import Chosen, answer_rows, class_rows
from pipeline.data.corpora.files.tagged import Tags, tagged_read, tagged_rows
from pipeline.data.corpora.files.token_rows import Layout, find_layout, sentence_rows, sentences
from pipeline.data.formats.broken import Broken
from pipeline.data.formats.conll import CONLL, read_conll
from pipeline.data.formats.delimited import ENDINGS as DELIMITED
from pipeline.data.formats.delimited import settle
from pipeline.data.formats.tables import ENDINGS, Table, check_ending, delimited, read_table
from pipeline.data.formats.text import EmptyFile, ending_of
from pipeline.data.raw_text import raw_text
from pipeline.data.schema import CLASSES, LABELS, SCHEMAS, Loaded, Split
from pipeline.data.splits import hashed_order

OTHER = "row of another language"
TASKS = tuple(task for task in LABELS if task != "text")
_ROLES = {
    **{task: SCHEMAS[task].names[2:] for task in TASKS},
    "qa": ["question", "context", "answer", "start"],
}
_USUAL = {"answer": ("answer", "answers"), "start": ("start", "starts", "answer_start")}  # other names they may have


def split_files(spec: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the paths below the folder of each of the own splits, or of `all`, for the spec's language.

    Raises:
        UserError: no file, `all` beside others or beside `dev: {from: train}`, two splits or two languages in one file.
    """
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
    called = _languages(spec)
    alike = [path for paths in given.values() for path in paths if "{language}" not in path]
    columns = spec.get("columns") or {}
    if alike and len(called) > 1 and not (columns.get("language") or is_wide(columns)):
        raise UserError(
            f"files: {alike[0]!r} is one file for {len(called)} languages; put {{language}} into its path, or say which "
            "column tells the language: columns: {language: NAME}"
        )
    own = called[str(spec["language"])]
    paths = {split: [path.replace("{language}", own) for path in several] for split, several in given.items()}
    for path, times in Counter(path for several in paths.values() for path in several).items():
        if times > 1:
            both = " and ".join(split for split in paths if path in paths[split])
            raise UserError(f"files: {both} are one file, {path!r}; use all and cut to divide it")
    return paths


def _languages(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return what each listed language, and the spec's own, is called."""
    called = {str(code): str(name) for code, name in (spec.get("languages") or {}).items()}
    called.setdefault(str(spec["language"]), str(spec["language"]))
    for code, name in called.items():
        if twice := next((o for o in called if o != code and name_of(called[o]) == name_of(name)), None):
            raise UserError(f"languages: {code} and {twice} are both called {name!r}; expected different names")
    return called


# -------------------------------------------------------------------------------------------------------------- reading


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read the rows of one language in the files of one split.

    Raises:
        UserError: the ending is unknown, a file is malformed (see `tables`, `conll`, `rows`), a label is unknown, an id stands
            there twice, or no row of the language can be used.
    """
    columns = _columns(spec)
    found: list[Read] = []
    nothing: NoRows | None = None
    for number, file in enumerate(files, start=1):
        part = split if number == 1 or "id" in columns else f"{split}-{number}"
        try:
            found.append(_read_file(file, language, part, spec))
        except NoRows as error:
            if len(files) == 1:
                raise
            nothing = nothing or error
            found.append(error.read)
        except EmptyFile as error:
            raise UserError(f"{error}; {remedy(split, len(files))}") from None
    whole = joined(found)
    if nothing and not whole.table.num_rows:
        raise nothing
    return whole


def _read_file(path: Path, language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read the rows of one language in one file."""
    task = _task(spec)
    labels, columns = Labels(task, spec.get("labels") or {}), _columns(spec)
    encoding = spec.get("encoding") or "utf-8"
    if is_conll(path, task, columns):
        if none := next((role for role in ("id", "language", "sentence") if role in columns), None):
            raise UserError(f"columns: {none}: CoNLL files have none ({path.name}); leave it out")
        prefix = f"files-{language}-{split}-"
        tags, broken = Tags(labels, spec.get("scheme")), _broken(spec)
        picks = columns.get("tokens"), columns.get("tags")
        sentences, repaired = read_conll(path, *picks, encoding, tags.knows, broken)
        named = ((f"{prefix}{n}", words, raw, where) for n, words, raw, where in sentences)
        found = replace(tagged_read(language, named, tags, broken), repaired=repaired)
    else:
        check_ending(path, (*ENDINGS, *CONLL) if task == "ner" else ENDINGS)
        found = _table_rows(path, language, split, spec, columns, labels)
    labels.check()
    if not found.table.num_rows:
        reasons = ", ".join(f"{n} × {reason}" for reason, n in found.dropped.items())
        raise NoRows(f"{path}: no row can be used ({reasons or 'it holds none'})", found)
    return found


def settled(spec: Mapping[str, Any], files: Sequence[Path]) -> tuple[Mapping[str, Any], list[str]]:
    """Decide for all files of a dataset what quotes between tabs are; return the spec that says it, and notes.

    Raises:
        UserError: a file cannot be read, or may be read in two ways.
    """
    task, columns = _task(spec), _columns(spec)
    tables = [file for file in files if ending_of(file) in DELIMITED and not is_conll(file, task, columns)]
    if spec.get("quotes", "auto") != "auto" or not tables:
        return spec, []
    names, _ = _asked(task, columns)
    opened = []
    for file in tables:
        with suppress(EmptyFile):  # which is told when its split is read
            opened.append(delimited(file, [*names.values()], dialect_of(spec))[0])
    quotes, note = settle(opened)
    return {**spec, "quotes": quotes}, [note] if note else []


def _task(spec: Mapping[str, Any]) -> str:
    task = str(spec["task"])
    if task not in TASKS:
        raise UserError(f"task: unknown task {task!r}{nearest(task, TASKS)}")
    return task


def _broken(spec: Mapping[str, Any]) -> Broken:
    choice = spec.get("broken", "refuse")
    if choice not in ("refuse", "drop"):
        raise UserError(f"broken: {choice!r}{nearest(str(choice), ('refuse', 'drop'))}")
    return Broken(choice == "drop")


def _columns(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns that the config names, by what they hold."""
    called = _languages(spec)[str(spec["language"])]
    named = {role: str(name) for role, name in (spec.get("columns") or {}).items() if name is not None}
    given = {role: name.replace("{language}", called) for role, name in named.items()}
    known = ("id", "language", *(("sentence",) if spec["task"] == "ner" else ()), *_ROLES[spec["task"]])
    for role in given:
        if role not in known:
            raise UserError(f"columns: task {spec['task']} has no {role!r}{nearest(role, known)}")
    return given


def _asked(task: str, columns: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the columns that a table must have, by what they hold, and the names of those that it may have."""
    roles = [*(role for role in ("id", "language", "sentence") if role in columns), *_ROLES[task]]
    fixed = {role: columns.get(role, role) for role in roles if role in columns or role not in _USUAL}
    return fixed, [name for role in roles if role not in fixed for name in _USUAL[role]]


def _table_rows(
    path: Path, language: str, split: str, spec: Mapping[str, Any], columns: Mapping[str, str], labels: Labels
) -> Read:
    """Read one language's rows of a table."""
    task = spec["task"]
    fixed, free = _asked(task, columns)
    table = read_table(path, list(fixed.values()), free, dialect_of(spec))
    there = {
        role: next((n for n in _USUAL[role] if n in table.columns), None) for role in _ROLES[task] if role not in fixed
    }
    names = fixed | {role: name for role, name in there.items() if name is not None}
    if task == "qa" and "answer" not in names:
        raise UserError(f"{path}: column 'answer' is missing; name it under `columns`")
    layout = None
    if task == "ner":
        layout = find_layout(table, names, lambda more: read_table(path, list(fixed.values()), more, dialect_of(spec)))
    if layout is None:
        table = with_lists(table, task, names, [str(label) for label, _ in pairs_of(spec.get("labels") or {})])
    by_row = {role: name for role, name in names.items() if role != "id"} if layout else names
    chosen, dropped = _chosen(spec, table, by_row, language, split)
    if is_wide(spec.get("columns") or {}) and "id" not in names:
        chosen = [(row, f"files-{split}-{row}") for row, _ in chosen]
    if layout is not None:
        found = _token_rows(spec, table, names, layout, [row for row, _ in chosen], language, split, labels)
    elif task == "ner":
        broken = _broken(spec)
        sentences_there = tagged_rows(table, names, chosen, broken)
        found = tagged_read(language, sentences_there, Tags(labels, spec.get("scheme")), broken)
    elif task == "qa":
        found = answer_rows(language, table, names, chosen)
    else:
        found = class_rows(task, language, table, names, chosen, labels)
    repaired = dict(table.repaired + Counter(found.repaired))
    notes = (*table.notes, *found.notes)
    return replace(found, dropped=dict(dropped + Counter(found.dropped)), repaired=repaired, notes=notes)


def _token_rows(
    spec: Mapping[str, Any],
    table: Table,
    names: Mapping[str, str],
    layout: Layout,
    rows: Sequence[int],
    language: str,
    split: str,
    labels: Labels,
) -> Read:
    """Read a table with one token a row; a sentence's id is that of its first row, or its number.

    Raises:
        UserError: see `sentence_rows`; a sentence has no id, or that of another.
    """
    groups = sentence_rows(table, layout, rows)
    if "id" in names:
        firsts = [group[0] for group in groups]
        given = {names["id"]: [table.columns[names["id"]][row] for row in firsts]}
        lines = None if table.lines is None else [table.lines[row] for row in firsts]
        ids, _ = _chosen(spec, Table(table.path, given, len(firsts), lines), {"id": names["id"]}, language, split)
        named = [(name, group) for (_, name), group in zip(ids, groups, strict=True)]
    else:
        named = [(f"files-{language}-{split}-{number}", group) for number, group in enumerate(groups)]
    skipped: Counter[str] = Counter()
    broken, tags = _broken(spec), Tags(labels, spec.get("scheme"))
    found = tagged_read(language, sentences(table, names, named, skipped), tags, broken)
    note = (layout.note,) if layout.note else ()
    return replace(found, repaired=dict(Counter(found.repaired) + skipped), notes=note)


def _chosen(
    spec: Mapping[str, Any], table: Table, names: Mapping[str, str], language: str, split: str
) -> tuple[Chosen, Counter[str]]:
    """Return the rows of this language with their ids, and how many others there are."""
    rows: Sequence[int] = range(table.rows)
    if "language" in names:
        name = _languages(spec)[language]
        languages = table.columns[names["language"]]
        spelt = {value: name_of(str(value or "")) for value in {str(value or "") for value in languages}}
        rows = [row for row, value in enumerate(languages) if spelt[str(value or "")] == name_of(name)]
        if not rows:
            there = sorted({*spelt.values()} - {""})
            listed = f"; column {names['language']!r} has {', '.join(there[:20])}{' …' if len(there) > 20 else ''}"
            message = f"{table.path}: no rows of {language!r}, called {name!r}{nearest(name, there)}{listed}"
            raise NoRows(message, Read(SCHEMAS[spec["task"]].empty_table(), {OTHER: table.rows}))
    dropped = Counter({OTHER: table.rows - len(rows)})
    if "id" not in names:
        return [(row, f"files-{language}-{split}-{row}") for row in rows], dropped
    ids = _ids(table, names["id"], rows)
    return [(row, f"files-{split}-{name}") for name, row in ids.items()], dropped


def _ids(table: Table, column: str, rows: Sequence[int]) -> dict[str, int]:
    """Return the row of each id, which is spelt as names are (`1.0` is `1`), so that ids of several files are the same.

    Raises:
        UserError: a row has none, or two rows have one.
    """
    given = table.columns[column]
    seen: dict[str, int] = {}
    for row in rows:
        value = given[row]
        name = name_of(value) if isinstance(value, str) else ""
        if not name:
            raise UserError(f"{table.place(row)}: no id in column {column!r}; expected one, or leave columns.id out")
        if name in seen:
            raise UserError(
                f"{table.place(row)}: id {value!r} stands at {table.place(seen[name])} already{_as(given[seen[name]], value)}"
            )
        seen[name] = row
    return seen


def _as(first: str, second: str) -> str:
    """Say how the first of two ids that are one is spelt, where that is another spelling."""
    if first == second:
        return ""
    why = difference(second, first) or "white space, invisible characters and a fraction of .0 make no other id"
    return f", as {first!r}: {why}; give one of the two rows another id"


# -------------------------------------------------------------------------------------------------------------- loading


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read one language's files into train, dev and test.

    Args:
        spec: `language`, and all that the config says of the files but their folder.
        raw: the download's manifest.

    Raises:
        UserError: nothing was downloaded, the files are malformed, or a split would be empty.
    """
    files, task = split_files(spec), _task(spec)
    labels = Labels(task, spec.get("labels") or {})
    own = labels.classes if labels.own else None
    manifest = {} if raw is None else read_json(raw)
    there: Mapping[str, Sequence[Mapping[str, Any]]] = manifest.get("files", {})
    copies = {split: [raw.parent / file["name"] for file in given] for split, given in there.items()} if raw else {}
    if all(copies.get(split) or split in spec.get("optional", ()) for split in files):
        spec, _ = settled(spec, [path for paths in copies.values() for path in paths])  # the notes are the download's
    if "all" not in files:
        missing = missing_splits(spec, [split for split in SPLITS if split in files and not copies.get(split)])
        absent = {split: missing.get(split, f"`files` names no {split} file") for split in SPLITS}
        if "dev" not in files:
            absent["dev"] += "; add one, or dev: {from: train, fraction: 0.2}"
        if spec.get("dev") and "train" in missing:
            spec = {**spec, "dev": None}
            absent["dev"] = f"it is cut from train, and {missing['train']}"
        has = [split for split in SPLITS if split in files and split not in missing]
        return load_splits(spec, raw, task, read_files, has, absent, own)
    if raw is None:
        raise UserError("files: no downloaded files are given; run `python -m pipeline.stages.download` first")
    if not copies.get("all"):
        raise UserError(f"{raw}: no file of all rows was downloaded; download again")
    language = str(spec["language"])
    whole = read_files(copies["all"], language, "all", spec)
    splits = arrange(spec, task, cut(spec, task, whole))
    absent = {name: f"cut: {name} is 0; give it a share" for name in SPLITS if name not in splits}
    full = {name: splits.get(name, Split(SCHEMAS[task].empty_table())) for name in SPLITS}
    text = raw_text(task, language, full["train"].table)
    return Loaded(task, full, text, tuple(manifest["notes"]), own, absent)


def cut(spec: Mapping[str, Any], task: str, whole: Read) -> dict[str, Read]:
    """Divide the rows of one file into test, dev and train; what was dropped or mended in the file is train's.

    Raises:
        UserError: the shares leave nothing to train on.
    """
    given, rows = spec.get("cut") or {}, whole.table.num_rows
    shares = {"test": float(given.get("test", 0.2)), "dev": float(given.get("dev", 0.1))}
    sizes = {name: max(1, round(rows * share)) if share else 0 for name, share in shares.items()}
    left = rows - sum(sizes.values())
    if left < 1:
        what = ", ".join(f"{n} for {name}" for name, n in sizes.items())
        raise UserError(f"cut: of {rows} rows {what} leave {left} to train on; expected smaller shares, or more rows")
    strata = whole.table["label"].to_pylist() if task in CLASSES and given.get("stratify", True) else None
    prefix = "files-all-" if (spec.get("columns") or {}).get("id") else f"files-{spec['language']}-all-"
    keys = [name.removeprefix(prefix) for name in whole.table["id"].to_pylist()]
    order = hashed_order(keys, int(given.get("seed", 0)), strata)
    ends = np.cumsum([sizes["test"], sizes["dev"]])
    parts = dict(zip(("test", "dev", "train"), np.split(order, ends), strict=True))
    read = {name: whole.take(np.sort(part)) for name, part in parts.items() if len(part)}
    read["train"] = replace(read["train"], dropped=whole.dropped, repaired=whole.repaired)
    return read
