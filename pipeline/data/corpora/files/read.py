"""Your own data: CSV, TSV, JSON, Parquet or CoNLL files in a folder, for any task.

| in the config | what it says |
|---|---|
| `files` | each split's file, or one for `all`, which `cut` divides; `{language}` is the language's name |
| `languages` | what a language is called in `files` and in the column `language` |
| `columns` | which column holds what; others are called as in the task's schema (`answer` and `start` also as SQuAD's) |
| `labels` | what each label means (see `files_labels`) |

A row's id is `files-<split>-<id>` where `columns.id` names one: rows of several languages with equal ids are parallel.
Otherwise it is `files-<language>-<split>-<number of the row>`. One file for `all` is cut by these ids (or row numbers), so
parallel rows come into the same part in every language; rows that share a text, or a value of `columns.group`, stay together
(see `arrange.parts_of`).

Questions may stand below their contexts, as in SQuAD's JSON, for any language (see `squad`). Such files have the questions' own
`id` in the rows' ids, as MLQA and XQuAD, whose parallel questions share them; where no question has one, numbers.

Sentences of `ner` are lists in JSON and Parquet, words with blanks between them in CSV, or CoNLL files (`.conll`, `.txt`,
`.tsv`; see `conll`). Where the files come from is told in `files_fetch`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_json
from pipeline.common.paths import SPLITS
from pipeline.data.arrange import Read, arrange, load_splits, parts_of
from pipeline.data.corpora.files.labels import Labels
from pipeline.data.corpora.files.rows import Chosen, answer_rows, class_rows, tagged_read, tagged_rows
from pipeline.data.formats.conll import read_conll
from pipeline.data.formats.questions import check_ids, own_rows
from pipeline.data.formats.squad import is_nested, own_questions
from pipeline.data.formats.tables import ENDINGS, Table, read_table, read_text
from pipeline.data.raw_text import raw_text
from pipeline.data.schema import LABELS, SCHEMAS, SHARED, Loaded, Split
from pipeline.data.splits import TooFewGroups, divide

SHARES = {"test": 0.2, "dev": 0.1}  # of a cut, where the spec says none
CONLL = (".conll", ".txt", ".tsv")
OTHER = "row of another language"
TASKS = tuple(task for task in LABELS if task != "text")
_ROLES = {
    **{task: SCHEMAS[task].names[2:] for task in TASKS},
    "qa": ["question", "context", "answer", "start", "impossible"],
}
_USUAL = {  # names of columns that may be there, also unnamed
    "answer": ("answer", "answers", "answer_text", "answers.text"),
    "start": ("start", "starts", "answer_start", "answers.answer_start"),
    "impossible": ("is_impossible",),
}


def split_files(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the path below the folder of each of the own splits, or of `all`, for the spec's language.

    Raises:
        UserError: no file, `all` beside others or beside `dev: {from: train}`, two splits or two languages in one file.
    """
    given = {split: path for split, path in spec["files"].items() if path}
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
    alike = [path for path in given.values() if "{language}" not in path]
    if alike and len(called) > 1 and not (spec.get("columns") or {}).get("language"):
        raise UserError(
            f"files: {alike[0]!r} is one file for {len(called)} languages; put {{language}} into its path, or say which "
            "column tells the language: columns: {language: NAME}"
        )
    paths = {split: str(path).replace("{language}", called[str(spec["language"])]) for split, path in given.items()}
    for path, times in Counter(paths.values()).items():
        if times > 1:
            both = " and ".join(split for split in paths if paths[split] == path)
            raise UserError(f"files: {both} are one file, {path!r}; use all and cut to divide it")
    return paths


def _languages(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return what each listed language, and the spec's own, is called."""
    called = {str(code): str(name) for code, name in (spec.get("languages") or {}).items()}
    called.setdefault(str(spec["language"]), str(spec["language"]))
    for code, name in called.items():
        if twice := next((other for other in called if other != code and called[other] == name), None):
            raise UserError(f"languages: {code} and {twice} are both called {name!r}; expected different names")
    return called


# -------------------------------------------------------------------------------------------------------------- reading


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read the rows of one language in one file.

    Raises:
        UserError: the ending is unknown, the file is malformed (see `tables`, `conll`, `files_rows`), a label is unknown, an id
            stands there twice, or no row of the language can be used.
    """
    path, task = files[0], _task(spec)
    labels, columns = Labels(task, spec.get("labels") or {}), _columns(spec)
    encoding = spec.get("encoding") or "utf-8"
    ending = path.suffix.lower()
    if task == "ner" and ending in CONLL:
        if none := next((role for role in ("id", "language", "group") if role in columns), None):
            raise UserError(f"columns: {none}: CoNLL files have none ({path.name}); leave it out")
        prefix = f"files-{language}-{split}-"
        sentences, repaired = read_conll(path, columns.get("tokens"), columns.get("tags"), encoding)
        named = ((f"{prefix}{n}", words, tags, where) for n, words, tags, where in sentences)
        found = tagged_read(language, named, labels)
        found = replace(found, repaired=repaired)
    elif task == "qa" and ending in (".json", ".jsonl") and is_nested(text := read_text(path, encoding)[0]):
        found = _nested_rows(path, text, language, split, columns)
    else:
        if ending not in ENDINGS:
            endings = dict.fromkeys((*ENDINGS, *CONLL) if task == "ner" else ENDINGS)
            raise UserError(f"{path}: unknown ending {ending!r}; expected {', '.join(endings)}")
        found = _table_rows(path, language, split, spec, columns, labels)
    if not found.table.num_rows:
        reasons = ", ".join(f"{n} × {reason}" for reason, n in found.dropped.items())
        raise UserError(f"{path}: no row can be used ({reasons or 'it holds none'})")
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
        return own_rows(language, [(f"files-{split}-{one.id}", one) for one in questions])
    return own_rows(language, [(f"files-{language}-{split}-{n}", one) for n, one in enumerate(questions)])


def _task(spec: Mapping[str, Any]) -> str:
    task = str(spec["task"])
    if task not in TASKS:
        raise UserError(f"task: unknown task {task!r}{nearest(task, TASKS)}")
    return task


def _columns(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns that the config names, by what they hold."""
    given = {role: str(name) for role, name in (spec.get("columns") or {}).items() if name is not None}
    known = ("id", "language", "group", *(role for role in _ROLES[spec["task"]] if role != "impossible"))
    for role in given:
        if role not in known:
            raise UserError(f"columns: task {spec['task']} has no {role!r}{nearest(role, known)}")
    return given


def _table_rows(
    path: Path, language: str, split: str, spec: Mapping[str, Any], columns: Mapping[str, str], labels: Labels
) -> Read:
    """Read one language's rows of a table."""
    task = spec["task"]
    roles = [*(role for role in ("id", "language", "group") if role in columns), *_ROLES[task]]
    fixed = {role: columns.get(role, role) for role in roles if role in columns or role not in _USUAL}
    free = [name for role in roles if role not in fixed for name in _USUAL[role]]
    header, encoding = spec.get("header", True), spec.get("encoding") or "utf-8"
    table = read_table(path, list(fixed.values()), free, header, encoding)
    there = {role: next((n for n in _USUAL[role] if n in table.columns), None) for role in roles if role not in fixed}
    names = fixed | {role: name for role, name in there.items() if name is not None}
    if task == "qa" and "answer" not in names:
        raise UserError(f"{path}: column 'answer' is missing; name it under `columns`")
    chosen, dropped = _chosen(spec, table, names, language, split)
    if task == "ner":
        found = tagged_read(language, tagged_rows(table, names, chosen), labels)
    elif task == "qa":
        found = answer_rows(language, table, names, chosen)
    else:
        found = class_rows(task, language, table, names, chosen, labels)
    found = replace(found, dropped=dict(dropped + Counter(found.dropped)), repaired=dict(table.repaired))
    return _grouped(found, table, names["group"], chosen) if "group" in names else found


def _grouped(found: Read, table: Table, column: str, chosen: Chosen) -> Read:
    """Say of each row which group it belongs to.

    Raises:
        UserError: a row has none.
    """
    groups: dict[str, str] = {}
    for row, name in chosen:
        value = table.columns[column][row]
        if not isinstance(value, str) or not value.strip():
            raise UserError(
                f"{table.place(row)}: no group in column {column!r}; expected one, or leave columns.group out"
            )
        groups[name] = value.strip()
    unused = [row._replace(group=groups[row.id]) for row in found.unused]
    return replace(found, groups=[groups[name] for name in found.table["id"].to_pylist()], unused=unused)


def _chosen(
    spec: Mapping[str, Any], table: Table, names: Mapping[str, str], language: str, split: str
) -> tuple[Chosen, Counter[str]]:
    """Return the rows of this language with their ids, and how many others there are."""
    rows: Sequence[int] = range(table.rows)
    if "language" in names:
        name = _languages(spec)[language]
        languages = [str(value or "").strip() for value in table.columns[names["language"]]]
        rows = [row for row, value in enumerate(languages) if value == name]
        if not rows:
            there = sorted(set(languages) - {""})
            listed = f"; column {names['language']!r} has {', '.join(there[:20])}{' …' if len(there) > 20 else ''}"
            raise UserError(f"{table.path}: no rows of {language!r}, called {name!r}{nearest(name, there)}{listed}")
    dropped = Counter({OTHER: table.rows - len(rows)})
    if "id" not in names:
        return [(row, f"files-{language}-{split}-{row}") for row in rows], dropped
    seen: dict[str, int] = {}
    for row in rows:
        value = table.columns[names["id"]][row]
        if not isinstance(value, str) or not value.strip():
            raise UserError(
                f"{table.place(row)}: no id in column {names['id']!r}; expected one, or leave columns.id out"
            )
        if value in seen:
            raise UserError(f"{table.place(row)}: id {value!r} stands at {table.place(seen[value])} already")
        seen[value] = row
    return [(row, f"files-{split}-{value}") for value, row in seen.items()], dropped


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
    if "all" not in files:
        absent = {split: f"`files` names no {split} file" for split in SPLITS}
        absent["dev"] += "; add one, or dev: {from: train, fraction: 0.2}"
        return load_splits(spec, raw, task, read_files, [s for s in SPLITS if s in files], absent, own)
    if raw is None:
        raise UserError("files: no downloaded files are given; run `python -m pipeline.stages.download` first")
    manifest, language = read_json(raw), str(spec["language"])
    if not manifest["files"].get("all"):
        raise UserError(f"{raw}: no file of all rows was downloaded; download again")
    whole = read_files([raw.parent / file["name"] for file in manifest["files"]["all"]], language, "all", spec)
    parts = cut(spec, task, whole)
    splits = arrange(spec, task, parts)
    absent = {name: f"cut: {name} is 0; give it a share" for name in SPLITS if name not in splits}
    full = {name: splits.get(name, Split(SCHEMAS[task].empty_table())) for name in SPLITS}
    text = raw_text(task, language, full["train"].table)
    return Loaded(task, full, text, (*manifest["notes"], *_far_from_asked(spec, parts)), own, absent)


def cut(spec: Mapping[str, Any], task: str, whole: Read) -> dict[str, Read]:
    """Divide the rows of one file into test, dev and train; what was dropped or mended in the file is train's.

    Raises:
        UserError: the shares leave nothing to train on, or rows that stay together are fewer groups than parts.
    """
    given, total = spec.get("cut") or {}, whole.table.num_rows
    shares = {name: float(given.get(name, usual)) for name, usual in SHARES.items()}

    def choose(rows: int, **told: Any) -> list[NDArray[np.int64]]:
        sizes = {name: max(1, round(rows * share)) for name, share in shares.items() if share}
        left = rows - sum(sizes.values())
        if left < 1:
            what = ", ".join(f"{n} for {name}" for name, n in sizes.items())
            raise UserError(
                f"cut: of {rows} rows {what} leave {left} to train on; expected smaller shares, or more rows"
            )
        return divide(list(sizes.values()), rows, int(given.get("seed", 0)), **told)

    own, named = f"files-{spec['language']}-all-", (spec.get("columns") or {}).get("id")
    prefix = own if not named and whole.table["id"][0].as_py().startswith(own) else "files-all-"
    names = [*(name for name, share in shares.items() if share), "train"]
    try:
        parts = parts_of(whole, task, choose, prefix, given.get("stratify", True))
    except TooFewGroups:
        raise UserError(_too_few_groups(task, total, names, bool(whole.groups))) from None
    read = {name: whole.take(part) for name, part in zip(names, parts, strict=True)}
    read["train"] = replace(read["train"], dropped=whole.dropped, repaired=whole.repaired)
    return read


def _far_from_asked(spec: Mapping[str, Any], parts: Mapping[str, Read]) -> list[str]:
    """Say which parts have less than half, or more than one and a half times, of the rows that the config asks for."""
    sizes, given = {name: part.table.num_rows for name, part in parts.items()}, spec.get("cut") or {}
    asked = {
        name: float(given.get(name, usual)) * sum(sizes.values()) for name, usual in SHARES.items() if name in parts
    }
    return [
        f"cut: {name} has {sizes[name]:,} rows where {rows:,.0f} were asked for: rows that belong together stay together"
        for name, rows in asked.items()
        if rows >= 2 and not 0.5 <= sizes[name] / rows <= 1.5
    ]


def _too_few_groups(task: str, rows: int, names: Sequence[str], grouped: bool) -> str:
    if grouped:
        what, other = "groups by columns.group", "name another column, or none"
    else:
        what = f"{SHARED[task]}s; rows of one {SHARED[task]} stay together, so that test knows nothing of train"
        other = "name a file for each split, or say which rows stay together: columns: {group: NAME}"
    parts = ", ".join(names)
    return (
        f"cut: the {rows} rows have fewer than {len(names)} {what}; expected one at least for each of {parts}; {other}"
    )
