"""One language's rows of a table: which columns hold what, ids, languages, groups."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.names import difference, name_of
from pipeline.data.arrange import Read
from pipeline.data.corpora.files.asked import asked_columns, broken_of, dialect_of, found_columns, is_wide, languages_of
from pipeline.data.corpora.files.cells import with_lists
from pipeline.data.corpora.files.labels import Labels, Map, label_text, pairs_of
from pipeline.data.corpora.files.parts import NoRows
from pipeline.data.corpora.files.rows import Chosen, answer_rows, class_rows
from pipeline.data.corpora.files.tagged import Tags, tagged_read, tagged_rows
from pipeline.data.corpora.files.token_rows import Boundaries, find_boundaries, sentence_rows, sentences
from pipeline.data.formats.class_labels import named
from pipeline.data.formats.tables import Table, read_table
from pipeline.data.schema import SCHEMAS

OTHER = "row of another language"


def table_rows(
    path: Path, language: str, split: str, spec: Mapping[str, Any], columns: Mapping[str, str], labels: Labels
) -> Read:
    """Read one language's rows of a table.

    Raises:
        UserError: the file is malformed, a column is missing, a row has no id or that of another, or a value cannot be read.
    """
    task = spec["task"]
    fixed, free = asked_columns(task, columns)
    table = read_table(path, list(fixed.values()), free, dialect_of(spec))
    names = found_columns(task, columns, table.columns)
    table = _with_class_names(table, names.get("label", names.get("tags", "")), spec.get("labels") or {})
    if task == "qa" and "answer" not in names:
        raise UserError(f"{path}: column 'answer' is missing; name it under `columns`")
    boundaries = None
    if task == "ner":
        boundaries = find_boundaries(
            table, names, lambda more: read_table(path, list(fixed.values()), more, dialect_of(spec))
        )
    if boundaries is None:
        known = [str(label) for label, _ in pairs_of(spec.get("labels") or {})]
        table = with_lists(table, task, names, known, broken_of(spec).drop)
    by_row = {role: name for role, name in names.items() if role != "id"} if boundaries else names
    chosen, dropped = _chosen(spec, table, by_row, language, split)
    if is_wide(spec.get("columns") or {}) and "{language}" not in str(spec["files"]) and "id" not in names:
        chosen = [(row, f"files-{split}-{row}") for row, _ in chosen]
    if boundaries is not None:
        table = _with_groups_filled(table, names, [row for row, _ in chosen])
        within = table.columns[names["group"]] if "group" in names else None
        groups = sentence_rows(table, boundaries, [row for row, _ in chosen], within)
        firsts = [group[0] for group in groups]
        chosen = _sentence_ids(spec, table, names, firsts, language, split)
        named = [(name, group) for (_, name), group in zip(chosen, groups, strict=True)]
        found = _token_rows(spec, table, names, boundaries, named, labels)
    elif task == "ner":
        broken = broken_of(spec)
        sentences_there = tagged_rows(table, names, chosen, broken)
        found = tagged_read(language, sentences_there, Tags(labels, spec.get("scheme")), broken)
    elif task == "qa":
        found = answer_rows(language, table, names, chosen)
    else:
        found = class_rows(task, language, table, names, chosen, labels)
    repaired = dict(table.repaired + Counter(found.repaired))
    notes = (*table.notes, *found.notes)
    found = replace(found, dropped=dict(dropped + Counter(found.dropped)), repaired=repaired, notes=notes)
    return _grouped(found, table, names["group"], chosen) if "group" in names else found


def _with_class_names(table: Table, column: str, given: Map) -> Table:
    """Return a table with the classes of a column by their names, where the file numbers and names them.

    A map of labels that speaks of the numbers is taken at its word.

    Raises:
        UserError: a number is that of no class.
    """
    names, listed = table.classes.get(column), [label_text(label) for label, _ in pairs_of(given)]
    if not names or (any(label.isdecimal() for label in listed) and not {*map(label_text, names)} & {*listed}):
        return table
    values = [named(value, names, table.place(row)) for row, value in enumerate(table.columns[column])]
    return replace(table, columns={**table.columns, column: values})


def _with_groups_filled(table: Table, names: Mapping[str, str], rows: Sequence[int]) -> Table:
    """Return a table with one token a row with the groups of rows that leave it to one above to say them."""
    if "group" not in names:
        return table
    groups, above = list(table.columns[names["group"]]), None
    for row in rows:
        above = groups[row] = groups[row] if label_text(groups[row]) else above
    return replace(table, columns={**table.columns, names["group"]: groups})


def _sentence_ids(
    spec: Mapping[str, Any], table: Table, names: Mapping[str, str], firsts: Sequence[int], language: str, split: str
) -> Chosen:
    """Return the ids of a table's sentences of one token a row: those of their first rows, or numbers; with these rows.

    Raises:
        UserError: a sentence has no id, or that of another.
    """
    if "id" not in names:
        return [(row, f"files-{language}-{split}-{number}") for number, row in enumerate(firsts)]
    return [(row, f"files-{split}-{name}") for name, row in _ids(table, names["id"], firsts).items()]


def _token_rows(
    spec: Mapping[str, Any],
    table: Table,
    names: Mapping[str, str],
    boundaries: Boundaries,
    named: Sequence[tuple[str, Sequence[int]]],
    labels: Labels,
) -> Read:
    """Read a table with one token a row."""
    skipped: Counter[str] = Counter()
    broken, tags = broken_of(spec), Tags(labels, spec.get("scheme"))
    found = tagged_read(str(spec["language"]), sentences(table, names, named, skipped), tags, broken)
    note = (boundaries.note,) if boundaries.note else ()
    return replace(found, repaired=dict(Counter(found.repaired) + skipped), notes=note)


def _chosen(
    spec: Mapping[str, Any], table: Table, names: Mapping[str, str], language: str, split: str
) -> tuple[Chosen, Counter[str]]:
    """Return the rows of this language with their ids, and how many others there are."""
    rows: Sequence[int] = range(table.rows)
    if "language" in names:
        name = languages_of(spec)[language]
        languages = _until(table.columns[names["language"]], spec.get("language_until"))
        spelt = {value: name_of(str(value or "")) for value in {str(value or "") for value in languages}}
        rows = [row for row, value in enumerate(languages) if spelt[str(value or "")] == name_of(name)]
        if not rows:
            there = sorted({*spelt.values()} - {""})
            listed = f"; column {names['language']!r} has {', '.join(there[:20])}{' …' if len(there) > 20 else ''}"
            hint = nearest(name, there)
            hint = f"{hint if '; did' in hint else ''}{listed}; say what it calls {language!r}: languages: {{{language}: …}}"
            message = f"{table.path}: no rows of {language!r}, called {name!r}{hint}"
            raise NoRows(message, Read(SCHEMAS[spec["task"]].empty_table(), {OTHER: table.rows}))
    dropped = Counter({OTHER: table.rows - len(rows)})
    if "id" not in names:
        return [(row, f"files-{language}-{split}-{row}") for row in rows], dropped
    ids = _ids(table, names["id"], rows)
    return [(row, f"files-{split}-{name}") for name, row in ids.items()], dropped


def _until(values: Sequence[Any], mark: str | None) -> Sequence[Any]:
    """Return what stands before a mark, or all where there is none."""
    return [value.partition(mark)[0] if isinstance(value, str) else value for value in values] if mark else values


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


def _grouped(found: Read, table: Table, column: str, chosen: Chosen) -> Read:
    """Say of each row which group it belongs to.

    Raises:
        UserError: a row has none.
    """
    groups: dict[str, str] = {}
    for row, name in chosen:
        value = table.columns[column][row]
        named = name_of(value) if isinstance(value, str) else ""
        if not named:
            raise UserError(
                f"{table.place(row)}: no group in column {column!r}; expected one, or leave columns.group out"
            )
        groups[name] = named
    unused = [row._replace(group=groups[row.id]) for row in found.unused]
    return replace(found, groups=[groups[name] for name in found.table["id"].to_pylist()], unused=unused)
