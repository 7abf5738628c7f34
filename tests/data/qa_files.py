"""Small files of questions in every form, made by hand: SQuAD-shaped JSON, and the hub's Parquet."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# The answers' offsets, counted by hand: "Lima lies in Peru." Peru at 13; "Quito is high, and so is La Paz." La Paz at 25.
LIMA, QUITO = "Lima lies in Peru.", "Quito is high, and so is La Paz."


def qa(key: Any, *answers: tuple[str, int], question: str = "Where?", **more: Any) -> dict[str, Any]:
    """A question with its answers."""
    return {
        "id": key,
        "question": question,
        "answers": [{"text": text, "answer_start": start} for text, start in answers],
        **more,
    }


def document(*paragraphs: tuple[str, list[dict[str, Any]]], version: str = "1.1") -> dict[str, Any]:
    """A document of one article per paragraph: context and questions."""
    articles = [{"title": "T", "paragraphs": [{"context": c, "qas": questions}]} for c, questions in paragraphs]
    return {"version": version, "data": articles}


def write(path: Path, content: Any) -> Path:
    """Write a document (or text, or bytes) to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        path.write_text(text, encoding="utf-8")
    return path


def write_parquet(path: Path, content: dict[str, Any]) -> Path:
    """The same document as the hub has it: one row a question, answers as an object of lists."""
    rows = [
        {
            "id": question["id"],
            "title": article["title"],
            "context": paragraph["context"],
            "question": question["question"],
            "answers": {
                "text": [answer["text"] for answer in question["answers"]],
                "answer_start": [answer["answer_start"] for answer in question["answers"]],
            },
        }
        for article in content["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    answers = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
    fields = [(name, pa.string()) for name in ("id", "title", "context", "question")]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, pa.schema([*fields, ("answers", answers)])), path)
    return path
