"""Small files of product reviews, made by hand: MARC in its forms, CLS-10 in both schemas."""

import csv
import gzip
import io
import json
from pathlib import Path

# (stars, title, body) by split; eight rated reviews and two of three stars.
MARC = {
    "train": [
        (1, "Broken", "It came in two pieces."),
        (5, "A joy", "I use it daily, and gladly."),
        (3, "So so", "It is a lamp."),
        (2, "", 'Smells of "roses", they say.'),
        (4, "Good", "Does what it should.\nNo more."),
    ],
    "dev": [(2, "Loud", "My neighbours know it well."), (3, "Hm", "No opinion."), (4, "Fine", "Warm enough.")],
    "test": [(5, "Love it", "Again, please."), (1, "No", "Never again.")],
}
MARC_COUNTS = {"train": 4, "dev": 2, "test": 2}
HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def original(language: str, split: str) -> list[dict[str, str]]:
    """Rows as the publisher wrote them; stars are strings there."""
    return [
        {
            "review_id": f"{language}_{number:07}",
            "product_id": f"product_{language}_1",
            "stars": str(stars),
            "review_body": body,
            "review_title": title,
            "language": language,
        }
        for number, (stars, title, body) in enumerate(MARC[split])
    ]


def starred(language: str, split: str, joined: bool = False) -> list[dict[str, str | int]]:
    """Rows as the hub's copies have them, with the body, or with title, blank line, body."""
    return [
        {
            "id": f"{language}_{number:07}",
            "text": f"{title}\n\n{body}" if joined else body,
            "label": stars - 1,
            "label_text": str(stars - 1),
        }
        for number, (stars, title, body) in enumerate(MARC[split])
    ]


def write_jsonl(path: Path, rows: list) -> Path:
    """One object a line, other scripts escaped as Python does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, rows: list, header: bool = True) -> Path:
    """A table of the rows' columns; without a header: index, body, stars."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.StringIO()
    if header:
        writer = csv.DictWriter(buffer, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    else:
        csv.writer(buffer).writerows((i, row["review_body"], row["stars"]) for i, row in enumerate(rows))
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
    return path


def write_original(folder: Path, *languages: str) -> Path:
    """The original's files."""
    for language in languages:
        for split in MARC:
            write_jsonl(folder / "json" / split / f"dataset_{language}_{split}.json", original(language, split))
    return folder


def write_starred(folder: Path, language: str, joined: bool = False) -> Path:
    """The files of a hub's repository."""
    for split in MARC:
        write_jsonl(folder / f"{HUB_SPLITS[split]}.jsonl", starred(language, split, joined))
    return folder


def item(rating: str, summary: str, text: str) -> str:
    """A review in CLS-10's own schema; the texts are XML already."""
    return (
        f"<item><category>Buch\n</category><rating>{rating}</rating><asin>1</asin><url>http://shop.example/1/</url>"
        f"<text>{text}</text><title>Das Buch\n</title><summary>{summary}\n</summary><date>1. Mai 2009</date>"
        "<helpfulness_votes><value>3</value><value>4</value></helpfulness_votes><badges /></item>"
    )


def english(rating: str, title: str, text: str) -> str:
    """A review in the schema of the Multi-Domain Sentiment Dataset; its ids come twice."""
    return (
        "<item>\n<unique_id>\n1:a\n</unique_id>\n<unique_id>\n1\n</unique_id>\n<product_name>\nThe Book\n</product_name>\n"
        f"<rating>\n{rating}\n</rating>\n<title>\n{title}\n</title>\n<review_text>\n{text}\n</review_text>\n</item>"
    )


def write_reviews(path: Path, items: list[str], packed: bool = False) -> Path:
    """A `.review` file: an XML declaration, a root, a blank line between reviews."""
    path = path.with_name(f"{path.name}.gz") if packed else path
    path.parent.mkdir(parents=True, exist_ok=True)
    content = '<?xml version="1.0" encoding="UTF-8"?>\n<items>\n' + "\n\n".join(items) + "\n</items>\n"
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    return path


def write_cls10(
    root: Path, code: str, domain: str, sizes: tuple[int, int, int] = (10, 4, 6), packed: bool = False
) -> Path:
    """Train, test and unlabelled reviews of one language and domain, labelled ones half and half."""
    write = english if code == "en" else item
    folder = root / code / domain
    for name, size in zip(("train", "test", "unlabeled"), sizes, strict=True):
        stars = ("5.0", "1.0", "4.0", "2.0")
        write_reviews(
            folder / f"{name}.review",
            [write(stars[i % 4], f"{code} {domain} {i}", f"{name} text {i}.") for i in range(size)],
            packed,
        )
    return root
