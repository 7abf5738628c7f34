"""Miniatures of the datasets in `config/datasets/`: the same file names, columns and types as the originals, sentences of ours.

By entry: a language of it, the repository's files, and by split the rows that come out of them, without id and language.
"""

import io
import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Miniature:
    """A repository, or an archive's content, in miniature.

    Attributes:
        language: the language to ask for.
        files: by path, text, or the columns of a Parquet file.
        rows: what comes out, by split.
        names: by column, the names of its classes, as `datasets` writes them into Parquet files.
        dropped: how many rows are left out, by split.
    """

    language: str
    files: dict[str, Any]
    rows: Rows
    names: dict[str, Any] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def content(self, path: str) -> bytes:
        """The bytes of one file."""
        given = self.files[path]
        return given.encode() if isinstance(given, str) else parquet(given, self.names)


def parquet(columns: dict[str, Any], names: dict[str, Any]) -> bytes:
    """A Parquet file with the metadata that `datasets` leaves."""
    table = pa.table(columns)
    features = {name: {"dtype": "string", "_type": "Value"} for name in columns} | names
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    data = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), data)
    return data.getvalue()


def texts(pattern: str, numbers: dict[str, list[Any]], splits: dict[str, str], text: str, label: str) -> dict[str, Any]:
    """By path, columns of texts and labels."""
    return {
        pattern.format(splits[split]): {text: [f"{split} text {i}" for i in range(len(given))], label: given}
        for split, given in numbers.items()
    }


def out(labels: dict[str, list[str]]) -> Rows:
    """Rows of texts as `texts` makes them."""
    return {split: [(f"{split} text {i}", name) for i, name in enumerate(names)] for split, names in labels.items()}


def jsonl(*objects: dict[str, Any]) -> str:
    """JSON lines."""
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


def squad(first: int, number: int, name: str) -> dict[str, Any]:
    """Columns of questions on the hub."""
    rows = range(first, first + number)
    return {
        "id": [f"{name}{i}" for i in rows],
        "title": ["T"] * number,
        "context": [f"Number {i}: Oslo" for i in rows],
        "question": [f"Where is {i}?" for i in rows],
        "answers": [{"text": ["Oslo"], "answer_start": [9 + len(str(i))]} for i in rows],
    }


def asked(rows: range) -> list[tuple[Any, ...]]:
    """Rows of questions as `squad` makes them."""
    return [(f"Where is {i}?", f"Number {i}: Oslo", ["Oslo"], [9 + len(str(i))]) for i in rows]


USUAL = {"train": "train", "dev": "validation", "test": "test"}
CONLL = "Mira B-PER\nwent O\nto O\nOslo B-LOC\n\nMonday B-DATE\nmorning I-DATE\n"
TAGGED = [(["Mira", "went", "to", "Oslo"], ["B-PER", "O", "O", "B-LOC"]), (["Monday", "morning"], ["B-DATE", "I-DATE"])]
FINE = (
    "# id 7a-1\tdomain=es\nMira _ _ B-Scientist\nowns _ _ O\nthe _ _ O\nNorth _ _ B-PublicCorp\nCo _ _ I-PublicCorp\n\n"
    "# id 7a-2\tdomain=es\naspirin _ _ B-Medication/Vaccine\n\n"
)
FINE_ROWS = [
    (["Mira", "owns", "the", "North", "Co"], ["B-Scientist", "O", "O", "B-PublicCORP", "I-PublicCORP"]),
    (["aspirin"], ["B-Medication/Vaccine"]),
]
IOB2 = "# sent_id = n1\n# text = Mira knows Rover\n1\tMira\tB-PER\t-\tann\n2\tknows\tO\t-\tann\n3\tRover\tB-OTH\t-\tann\n\n"
IOB2_ROWS = [(["Mira", "knows", "Rover"], ["B-PER", "O", "O"])]
TSV = 'premise\thypothesis\tlabel\nIt "rains\tIt is wet\t0\nIt rains\tIt is Monday\t1\nIt rains\tIt is dry\t2\n'
NLI_ROWS = [
    ('It "rains', "It is wet", "entailment"),
    ("It rains", "It is Monday", "neutral"),
    ("It rains", "It is dry", "contradiction"),
]
NLI = {"premise": [row[0] for row in NLI_ROWS], "hypothesis": [row[1] for row in NLI_ROWS], "label": [0, 1, 2]}
REVIEWS = [
    {"GENERIC CATEGORIES": "Toys", "ENGLISH REVIEW": "good", "INDIC REVIEW": "dev text 0", "LABEL": "Positive"},
    {"GENERIC CATEGORIES": "Toys", "ENGLISH REVIEW": "bad", "INDIC REVIEW": "dev text 1", "LABEL": "Negative"},
    {"GENERIC CATEGORIES": "Toys", "ENGLISH REVIEW": "?", "INDIC REVIEW": "of no class", "LABEL": None},
]
TESTED = [one | {"INDIC REVIEW": one["INDIC REVIEW"].replace("dev", "test")} for one in REVIEWS]


def csv(split: str) -> str:
    """NusaX's CSV."""
    return f'id,text,label\n7,"{split} text 0",neutral\n9,"{split} text 1",negative\n'


def utterances(split: str) -> str:
    """Injongo's JSON lines."""
    rows = [
        {"intent": name, "text": f"{split} text {i}", "target": f"TIME: {i}", "example_id": f"x{i}"}
        for i, name in enumerate(("alarm", "time", "pay_bill"))
    ]
    return jsonl(*rows)


INTENTS = ["alarm", "time", "pay_bill"]
NUMBERED = {"train": [2, 0, 1], "dev": [0, 1], "test": [1, 2]}

MINIATURES = {
    "sib200": Miniature(
        "jv",
        {
            path: columns | {"id": [*range(len(columns["text"]))]}
            for path, columns in texts("sib200/{}/jav_Latn.parquet", NUMBERED, USUAL, "text", "label").items()
        },
        out(
            {
                "train": ["health", "entertainment", "geography"],
                "dev": ["entertainment", "geography"],
                "test": ["geography", "health"],
            }
        ),
    ),
    "masakhanews": Miniature(
        "sw",
        texts(
            "{}/swa.parquet",
            {"train": ["health", "sports"], "dev": ["sports"], "test": ["business"]},
            {"train": "train", "dev": "dev", "test": "test"},
            "text",
            "category",
        ),
        out({"train": ["health", "sports"], "dev": ["sports"], "test": ["business"]}),
    ),
    "nusax": Miniature(
        "jv",
        {
            f"nusax-0/datasets/sentiment/javanese/{name}.csv": csv(split)
            for split, name in (("train", "train"), ("dev", "valid"), ("test", "test"))
        }
        | {"nusax-0/README.md": "NusaX"},
        out({split: ["neutral", "negative"] for split in USUAL}),
    ),
    "afrisenti": Miniature(
        "ha",
        texts("hau/{}-00000-of-00001.parquet", NUMBERED, USUAL, "text", "label"),
        out(
            {
                "train": ["negative", "positive", "neutral"],
                "dev": ["positive", "neutral"],
                "test": ["neutral", "negative"],
            }
        ),
    ),
    "afrihate": Miniature(
        "om",
        texts("orm/{}-00000-of-00001.parquet", NUMBERED, USUAL, "text", "label"),
        out({"train": ["hate", "normal", "abuse"], "dev": ["normal", "abuse"], "test": ["abuse", "hate"]}),
    ),
    "afrixnli": Miniature(
        "sw", {f"data/swa/{split}.tsv": TSV for split in ("dev", "test")}, {"dev": NLI_ROWS, "test": NLI_ROWS}
    ),
    "americasnli": Miniature(
        "qu",
        {f"quy/{split}-00000-of-00001.parquet": NLI for split in ("validation", "test")},
        {"dev": NLI_ROWS, "test": NLI_ROWS},
        {"label": {"names": ["entailment", "neutral", "contradiction"], "_type": "ClassLabel"}},
    ),
    "injongo": Miniature(
        "en",
        {f"eng/{split}.jsonl": utterances(split) for split in ("train", "test")},
        out({"train": INTENTS, "test": INTENTS}),
    ),
    "masakhaner2": Miniature(
        "yo",
        {f"masakhane-ner-0/MasakhaNER2.0/data/yor/{split}.txt": CONLL for split in ("train", "dev", "test")}
        | {"masakhane-ner-0/data/yor/train.txt": "of another version O\n"},
        dict.fromkeys(USUAL, TAGGED),
    ),
    "multiconer2": Miniature(
        "es",
        {f"ES-Espanish/es_{split}.conll": FINE for split in ("train", "dev", "test")}
        | {"EN-English/en_dev.conll": FINE},
        dict.fromkeys(USUAL, FINE_ROWS),
    ),
    "uner": Miniature("tl", {"UNER_Tagalog-TRG-0/tl_trg-ud-test.iob2": IOB2}, {"test": IOB2_ROWS}),
    "xquad": Miniature(
        "el", {"xquad.el/validation-00000-of-00001.parquet": squad(0, 2, "5733")}, {"test": asked(range(2))}
    ),
    "tydiqa": Miniature(
        "sw",
        {
            "secondary_task/train-00000-of-00001.parquet": squad(0, 10, "swahili--12-"),
            "secondary_task/validation-00000-of-00001.parquet": {
                name: values + squad(20, 3, "thai-7-")[name] for name, values in squad(10, 2, "swahili--13-").items()
            },
        },
        {"test": asked(range(10, 12))},
        dropped={"test": 3},
    ),
    "indicsentiment": Miniature(
        "brx",
        {"data/validation/bd.json": jsonl(*REVIEWS), "data/test/bd.json": jsonl(*TESTED)},
        out({"dev": ["positive", "negative"], "test": ["positive", "negative"]}),
        dropped={"dev": 1, "test": 1},
    ),
}
