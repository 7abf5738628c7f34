"""Raw text of labelled rows, for pretraining an encoder: what each task's rows say, in pieces of a sentence or a few.

Texts that occur several times (the context of many questions) are taken once. Long ones are cut behind sentence ends, so
that an encoder with few positions sees all of them.
"""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pyarrow as pa

from pipeline.data.schema import text_table

LONGEST = 400  # characters of a piece, unless one sentence is longer
_CLOSING = "[]\"'”’»)」』）》]*"
_END = re.compile(rf"[.!?…]{_CLOSING}\s+|[。！？।॥؟۔።။។։]{_CLOSING}\s*|\n+")  # the second kind needs no blank behind it

_COLUMNS: dict[str, tuple[str, ...]] = {
    "sentiment": ("text",),
    "classification": ("text",),
    "nli": ("premise", "hypothesis"),
    "relevance": ("query", "title"),
    "qa": ("context", "question"),
}


def raw_text(task: str, language: str, table: pa.Table) -> pa.Table:
    """Return the rows' text in the `text` schema; ids are the rows', with the piece's number where there are several."""
    rows: Callable[[pa.Table], Iterator[tuple[str, str]]] = _words if task == "ner" else _pieces_of(_COLUMNS[task])
    return text_table(language, rows(table))


def _words(table: pa.Table) -> Iterator[tuple[str, str]]:
    for name, tokens in zip(table["id"].to_pylist(), table["tokens"].to_pylist(), strict=True):
        yield name, " ".join(tokens)


def _pieces_of(columns: tuple[str, ...]) -> Callable[[pa.Table], Iterator[tuple[str, str]]]:
    def rows(table: pa.Table) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        for row in zip(table["id"].to_pylist(), *(table[name].to_pylist() for name in columns), strict=True):
            texts = [text for text in row[1:] if text not in seen]
            seen.update(texts)
            found = [piece for text in texts for piece in pieces(text)]
            for number, piece in enumerate(found):
                yield (row[0] if len(found) == 1 else f"{row[0]}-{number}"), piece

    return rows


def pieces(text: str) -> list[str]:
    """Cut a text behind sentence ends into pieces of at most `LONGEST` characters, or one sentence; white space is squeezed.

    Nothing is lost and nothing put in: where sentences follow each other without a blank, so they do within a piece.
    """
    whole = " ".join(text.split())
    if len(whole) <= LONGEST:
        return [whole] if whole else []
    ends = [match.end() for match in _END.finditer(text)]
    found: list[str] = []
    begin = 0  # where the piece begins in the text
    for start, end in pairwise(dict.fromkeys([0, *ends, len(text)])):
        sentence = " ".join(text[start:end].split())
        if not sentence:
            continue
        joined = " ".join(text[begin:end].split())
        if found and len(joined) <= LONGEST:
            found[-1] = joined
        else:
            found.append(sentence)
            begin = start
    return found
