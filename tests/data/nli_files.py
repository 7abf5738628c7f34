"""Small NLI files in every form, made by hand: three dev and six test pairs in English, German and Swahili."""

import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = ("entailment", "neutral", "contradiction")  # the hub's 0, 1, 2
LABELS = {
    "dev": ["neutral", "contradiction", "entailment"],
    "test": ["entailment", "entailment", "neutral", "contradiction", "neutral", "contradiction"],
}
TEXTS = {
    "en": {
        "dev": [
            ("The cat sleeps.", "It is a black cat."),
            ("It rains.", "It is dry."),
            ("Ann sings.", "Ann makes a sound."),
        ],
        "test": [
            ("Two boys run.", "Children move."),
            ("She ate an apple.", "She ate."),
            ("He bought bread.", "He bought rye bread."),
            ("The shop is shut.", "The shop is open."),
            ('"Stop!", he said.', "He said it twice."),
            ("No one came.", "A crowd came."),
        ],
    },
}
TEXTS |= {
    code: {split: [(f"{p} ({code})", f"{h} ({code})") for p, h in pairs] for split, pairs in TEXTS["en"].items()}
    for code in ("de", "sw")
}
COUNTS = {split: len(labels) for split, labels in LABELS.items()}
EXPECTED = dict.fromkeys(TEXTS, COUNTS)
HEADER = ("language", "gold_label", "sentence1_parse", "sentence2_parse", "sentence1", "sentence2", "pairID", "label1")


def rows(split, language="en"):
    """Premise, hypothesis and label of a split."""
    return [(*texts, label) for texts, label in zip(TEXTS[language][split], LABELS[split], strict=True)]


def tsv(rows):
    """Lines of cells."""
    return "".join("\t".join(row) + "\n" for row in rows)


def write_xtreme(folder: Path, languages=tuple(TEXTS), labels: bool = True) -> Path:
    """XTREME's form: dev with labels, test without, its labels in a file of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        (folder / f"dev-{language}.tsv").write_text(tsv(rows("dev", language)))
        (folder / f"test-{language}.tsv").write_text(tsv(TEXTS[language]["test"]))
    if labels:
        (folder / "test-labels.txt").write_text("\n".join(LABELS["test"]) + "\n")
    return folder


def original(split: str, shuffled: bool = False) -> list[tuple[str, ...]]:
    """The original file's rows without their header: every language, one behind the other."""
    found = []
    for language in ("sw", "en", "de"):
        block = [
            (language, label, "(ROOT p)", "(ROOT h)", premise, hypothesis, f"{split}{number}", label)
            for number, (premise, hypothesis, label) in enumerate(rows(split, language))
        ]
        found += block[::-1] if shuffled and language == "en" else block
    return found


def write_original(folder: Path, kind: str = "tsv", shuffled: bool = False) -> Path:
    """`xnli.dev.tsv` and `xnli.test.tsv`, or `.jsonl`."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in LABELS:
        found = original(split, shuffled)
        lines = [json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) + "\n" for row in found]
        (folder / f"xnli.{split}.{kind}").write_text("".join(lines) if kind == "jsonl" else tsv([HEADER, *found]))
    return folder


def write_zip(path: Path, folder: Path, top: str, extra: dict[str, str] | None = None) -> Path:
    """Pack a folder's files below `top`, with the junk that macOS leaves in archives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as zipped:
        for file in sorted(folder.iterdir()):
            zipped.write(file, f"{top}/{file.name}")
            zipped.writestr(f"__MACOSX/{top}/._{file.name}", b"\x00\x05\x16\x07")
        zipped.writestr(f"{top}/.DS_Store", b"\x00\x00\x00\x01")
        for name, content in (extra or {}).items():
            zipped.writestr(name, content)
    return path


def parquet(path: Path, rows, names=None, kind=pa.int64(), **more) -> Path:  # noqa: B008
    """The hub's Parquet of `(premise, hypothesis, label number)` rows; `names` are the labels' in its metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    premises, hypotheses, labels = zip(*rows, strict=True)
    table = pa.table({"premise": premises, "hypothesis": hypotheses, "label": pa.array(labels, kind), **more})
    if names:
        info = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, path)
    return path


def numbered(rows):
    """Rows with their labels as the hub's numbers."""
    return [(premise, hypothesis, WORDS.index(label)) for premise, hypothesis, label in rows]


def write_hub(folder: Path) -> Path:
    """XNLI on the hub: a folder for each language, and a train split that is a machine translation."""
    for language in TEXTS:
        for split, name in (("dev", "validation"), ("test", "test"), ("dev", "train")):
            parquet(folder / language / f"{name}-00000-of-00001.parquet", numbered(rows(split, language)), WORDS)
    return folder


def write_manifest(folder: Path, files: dict[str, list[str]]) -> Path:
    """A download's manifest that names files lying in `folder`."""
    found = {split: [{"name": name} for name in names] for split, names in files.items()}
    (folder / "manifest.json").write_text(json.dumps({"files": found, "notes": ["a note"]}))
    return folder / "manifest.json"


# MultiNLI: four training, three matched and two mismatched pairs; `-` is a label that annotators did not agree on.
GENRES = {
    "train": [
        ("The cat sleeps.", "The cat rests.", "entailment"),
        ("It rains.", "It rains in Oslo.", "neutral"),
        ("It is hot.", "It is cold.", "contradiction"),
        ("Ann sings.", "Ann sings well.", "neutral"),
    ],
    "dev": [
        ("A dog barks.", "It is loud.", "-"),
        ("We left.", "We stayed.", "contradiction"),
        ("I ran.", "I moved.", "entailment"),
    ],
    "test": [("Buy it.", "Do not buy it.", "contradiction"), ("They sat.", "They were tired.", "neutral")],
}
AGREED = {split: [row for row in pairs if row[2] != "-"] for split, pairs in GENRES.items()}
GENRE_COUNTS = {"train": 4, "dev": 2, "test": 2}
PARTS = {"train": "train", "dev": "dev_matched", "test": "dev_mismatched"}


def write_multinli(folder: Path, kind: str = "jsonl") -> Path:
    """The original files, JSONL or text; lines of text have fewer annotators' labels than the header names."""
    folder.mkdir(parents=True, exist_ok=True)
    header = (
        "gold_label",
        "sentence1_parse",
        "sentence2_parse",
        "sentence1",
        "sentence2",
        "pairID",
        "label1",
        "label2",
    )
    for split, part in PARTS.items():
        found = [(label, "(p)", "(h)", p, h, f"{n}x", "neutral") for n, (p, h, label) in enumerate(GENRES[split])]
        objects = [json.dumps(dict(zip(header, row, strict=False))) + "\n" for row in found]
        text = tsv([header, *found]) if kind == "txt" else "".join(objects)
        (folder / f"multinli_1.0_{part}.{kind}").write_text(text)
    return folder


def write_glue(folder: Path) -> Path:
    """GLUE's TSV: the gold label comes last; pairs without one are left out already."""
    folder.mkdir(parents=True, exist_ok=True)
    header = ("index", "sentence1_parse", "sentence2_parse", "sentence1", "sentence2", "label1", "gold_label")
    for split, part in PARTS.items():
        found = [(str(n), "(p)", "(h)", p, h, "neutral", label) for n, (p, h, label) in enumerate(AGREED[split])]
        (folder / f"{part}.tsv").write_text(tsv([header, *found]))
    return folder


def write_multinli_hub(folder: Path) -> Path:
    """MultiNLI on the hub: one folder, with columns that are not needed."""
    for split, name in (("train", "train"), ("dev", "validation_matched"), ("test", "validation_mismatched")):
        found = [(p, h, -1 if label == "-" else WORDS.index(label)) for p, h, label in GENRES[split]]
        genre = ["fiction"] * len(found)
        parquet(folder / "data" / f"{name}-00000-of-00001.parquet", found, WORDS, genre=genre)
    return folder


def write_sample(folder: Path) -> Path:
    """A sample as one JSON object; there is no mismatched set."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in ("train", "dev"):
        found = {str(n): {"text_a": p, "text_b": h, "label": label} for n, (p, h, label) in enumerate(AGREED[split])}
        (folder / f"sample_{split}.json").write_text(json.dumps(found, indent=1))
    return folder
