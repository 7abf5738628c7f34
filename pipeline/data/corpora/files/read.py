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
`all` is cut by these ids (or row numbers), so parallel rows come into the same part in every language; rows that share a text,
or a value of `columns.group`, stay together (see `arrange.parts_of`).

Questions may stand below their contexts, as in SQuAD's JSON, for any language (see `squad`). Such files have the questions' own
`id` in the rows' ids, as MLQA and XQuAD, whose parallel questions share them; where no question has one, numbers.

Sentences of `ner` are lists in JSON and Parquet, words with blanks between them in CSV, one token a row (see `token_rows`), or
CoNLL files (`.conll`, `.txt`, `.tsv`, …; see `conll`); their tags are of any scheme (see `tags`). Where the files come from is
told in `files_fetch`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.files import read_json
from pipeline.common.names import name_of
from pipeline.common.paths import SPLITS
from pipeline.data.arrange import Read, arrange, in_form, load_splits
from pipeline.data.corpora.files.asked import (
    asked_columns,
    broken_of,
    columns_of,
    dialect_of,
    is_conll,
    is_wide,
    missing_splits,
    remedy,
    split_files,
    task_of,
)
from pipeline.data.corpora.files.cut import cut, far_from_asked
from pipeline.data.corpora.files.labels import labels_of
from pipeline.data.corpora.files.parts import NoRows, joined
from pipeline.data.corpora.files.table_rows import OTHER, table_rows
from pipeline.data.corpora.files.tagged import Tags, tagged_read
from pipeline.data.formats.conll import CONLL, read_conll
from pipeline.data.formats.delimited import ENDINGS as DELIMITED
from pipeline.data.formats.delimited import settle
from pipeline.data.formats.questions import check_ids, own_rows
from pipeline.data.formats.squad import is_nested, own_questions
from pipeline.data.formats.tables import ENDINGS, check_ending, delimited
from pipeline.data.formats.text import EmptyFile, ending_of, read_text
from pipeline.data.raw_text import raw_text
from pipeline.data.schema import SCHEMAS, Loaded, Split


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read the rows of one language in the files of one split.

    Raises:
        UserError: the ending is unknown, a file is malformed (see `tables`, `conll`, `rows`), a label is unknown, an id stands
            there twice, or no row of the language can be used.
    """
    columns = columns_of(spec)
    found: list[Read] = []
    nothing: NoRows | None = None
    empty: EmptyFile | None = None
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
            empty = empty or error
            found.append(Read(SCHEMAS[task_of(spec)].empty_table(), notes=(f"{file.name}: holds no rows",)))
    whole = joined(found)
    if whole.table.num_rows:
        return whole
    if nothing:
        raise nothing
    raise EmptyFile(f"{empty}; {remedy(spec, split, len(files))}")


def _read_file(path: Path, language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read the rows of one language in one file."""
    task = task_of(spec)
    labels, columns = labels_of(spec), columns_of(spec)
    encoding = spec.get("encoding") or "utf-8"
    if is_conll(path, task, columns):
        if none := next((role for role in ("id", "language", "sentence", "group") if role in columns), None):
            raise UserError(f"columns: {none}: CoNLL files have none ({path.name}); leave it out")
        prefix = f"files-{language}-{split}-"
        tags, broken = Tags(labels, spec.get("scheme")), broken_of(spec)
        picks = columns.get("tokens"), columns.get("tags")
        sentences, repaired = read_conll(path, *picks, encoding, tags.knows, broken)
        broken.left = [f"{prefix}{n}" for n in broken.left]
        named = ((f"{prefix}{n}", words, raw, where) for n, words, raw, where in sentences)
        found = replace(tagged_read(language, named, tags, broken), repaired=repaired)
    elif task == "qa" and ending_of(path) in (".json", ".jsonl") and is_nested(text := read_text(path, encoding)[0]):
        found = _nested_rows(path, text, language, split, columns)
    else:
        check_ending(path, (*ENDINGS, *CONLL) if task == "ner" else ENDINGS)
        found = table_rows(path, language, split, spec, columns, labels)
    labels.check()
    if not found.table.num_rows:
        reasons = ", ".join(f"{n} × {reason}" for reason, n in found.dropped.items())
        raise NoRows(f"{path}: no row can be used ({reasons or 'it holds none'})", found)
    return found


def _nested_rows(path: Path, text: str, language: str, split: str, columns: Mapping[str, str]) -> Read:
    """Read questions that stand below their contexts.

    Raises:
        UserError: see `own_questions`; an id stands there twice, or `columns` names any.
    """
    if named := next((role for role, name in columns.items() if (role, name) != ("id", "id")), None):
        raise UserError(f"columns: {named}: {path.name} is of SQuAD's shape, which has no columns; leave it out")
    questions = own_questions(path, text)
    if not questions:
        raise UserError(f"{path}: holds no questions; expected at least one")
    if questions[0].id:
        check_ids(questions)
        return own_rows(language, [(f"files-{split}-{name_of(one.id)}", one) for one in questions])
    return own_rows(language, [(f"files-{language}-{split}-{n}", one) for n, one in enumerate(questions)])


def settled(spec: Mapping[str, Any], files: Sequence[Path]) -> tuple[Mapping[str, Any], list[str]]:
    """Decide for all files of a dataset what quotes between tabs are; return the spec that says it, and notes.

    Raises:
        UserError: a file cannot be read, or may be read in two ways.
    """
    task, columns = task_of(spec), columns_of(spec)
    tables = [file for file in files if ending_of(file) in DELIMITED and not is_conll(file, task, columns)]
    if spec.get("quotes", "auto") != "auto" or not tables:
        return spec, []
    names, _ = asked_columns(task, columns)
    opened = []
    for file in tables:
        with suppress(EmptyFile):  # which is told when its split is read
            opened.append(delimited(file, [*names.values()], dialect_of(spec))[0])
    quotes, note = settle(opened)
    return {**spec, "quotes": quotes}, [note] if note else []


def read_splits(spec: Mapping[str, Any], files: Mapping[str, Sequence[Path]]) -> dict[str, Read]:
    """Read the rows of one language in the files of each split, without splits that it may lack and has no rows of.

    Raises:
        UserError: as `read_files`.
    """
    found = {}
    if not labels_of(spec).classes:
        _list_labels(spec, files)
    for split, several in files.items():
        try:
            found[split] = read_files(several, str(spec["language"]), split, spec)
        except (EmptyFile, NoRows) as error:
            if split not in spec.get("optional", ()) or (
                isinstance(error, NoRows) and not _is_lacking(spec, error.read)
            ):
                raise
    return found


def _list_labels(spec: Mapping[str, Any], files: Mapping[str, Sequence[Path]]) -> None:
    """Say which labels a language's files have, of a task that needs to be told its classes.

    Raises:
        UserError: always; a file may be malformed too.
    """
    labels = labels_of(spec)
    for split, several in files.items():
        for path in several:
            with suppress(EmptyFile, NoRows):
                check_ending(path, ENDINGS)
                table_rows(path, str(spec["language"]), split, spec, columns_of(spec), labels)
    labels.check()


def _is_lacking(spec: Mapping[str, Any], read: Read) -> bool:
    """Whether no row is of the language, by the column that tells it, or its own columns are empty where each has some."""
    wide = is_wide(spec.get("columns") or {})
    return all(reason == OTHER or (wide and "empty" in reason) for reason in read.dropped)


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read one language's files into train, dev and test.

    Args:
        spec: `language`, and all that the config says of the files but their folder.
        raw: the download's manifest.

    Raises:
        UserError: nothing was downloaded, the files are malformed, or a split would be empty.
    """
    files, task = split_files(spec), task_of(spec)
    labels = labels_of(spec)
    own = labels.classes if labels.own else None
    manifest = {} if raw is None else read_json(raw)
    there: Mapping[str, Sequence[Mapping[str, Any]]] = manifest.get("files", {})
    copies = (
        {split: [raw.parent / file["name"] for file in there[split]] for split in files if split in there}
        if raw
        else {}
    )
    if all(copies.get(split) or split in spec.get("optional", ()) for split in files):
        spec, _ = settled(spec, [path for paths in copies.values() for path in paths])  # the notes are the download's
    read = read_splits(spec, copies)
    if "all" not in files:
        missing = missing_splits(spec, [split for split in SPLITS if split in files and split not in read])
        absent = {split: missing.get(split, f"`files` names no {split} file") for split in SPLITS}
        if "dev" not in files:
            absent["dev"] += "; add one, or dev: {from: train, fraction: 0.2}"
        if spec.get("dev") and "train" in missing:
            spec = {**spec, "dev": None}
            absent["dev"] = f"it is cut from train, and {missing['train']}"
        has = [split for split in SPLITS if split in files and split not in missing]
        return load_splits(spec, raw, task, lambda _, __, split, ___: read[split], has, absent, own)
    if raw is None:
        raise UserError("files: no downloaded files are given; run `python -m pipeline.stages.download` first")
    if "all" not in read:
        raise UserError(f"{raw}: no file of all rows was downloaded; download again")
    parts = cut(spec, task, in_form(spec, task, read["all"]))
    splits = arrange(spec, task, parts)
    absent = {name: f"cut: {name} is 0; give it a share" for name in SPLITS if name not in splits}
    full = {name: splits.get(name, Split(SCHEMAS[task].empty_table())) for name in SPLITS}
    text = raw_text(task, str(spec["language"]), full["train"].table)
    return Loaded(task, full, text, (*manifest["notes"], *far_from_asked(spec, parts)), own, absent)
