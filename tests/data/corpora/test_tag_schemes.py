"""Tags of every scheme in every form that sentences come in: the same sentence, and what was converted is counted."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.arrange import arrange
from pipeline.data.corpora.wikiann import read as wikiann
from pipeline.data.formats.tags import CONVERTED, ORPHAN
from tests.data.corpora.test_files import read, spec

WORDS = ["Mira", "Lund", "left", "New", "York"]
IOB2 = ["B-PER", "I-PER", "O", "B-LOC", "I-LOC"]
SCHEMES = {  # tags, and what is counted of a sentence
    "iob1": (["I-PER", "I-PER", "O", "I-LOC", "I-LOC"], {ORPHAN: 2}),
    "bioes": (["B-PER", "E-PER", "O", "B-LOC", "E-LOC"], {CONVERTED: 2}),
    "bilou": (["B-PER", "L-PER", "O", "B-LOC", "L-LOC"], {CONVERTED: 2}),
    "iob2": (IOB2, {}),
}
NUMBERS = {f"{place}-{kind}": n for n, (kind, place) in enumerate((k, p) for k in ("PER", "LOC") for p in "BIEL")}


def hub_parquet(path, tags):
    """The hub's form: numbers, whose names stand in the metadata."""
    names = ["O", *NUMBERS]
    table = pa.table({"tokens": [WORDS] * 3, "ner_tags": [[names.index(tag) for tag in tags]] * 3})
    feature = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
    info = {"info": {"features": {"ner_tags": feature}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), path)
    return path


def of_files(tmp_path, form, tags):
    lists = [json.dumps(part) for part in (WORDS, tags)]
    options = {"task": "ner"}
    numbers = {"O": 90, **NUMBERS}
    if form == "numbers":
        content = {"tokens": [WORDS] * 3, "tags": [[numbers[tag] for tag in tags]] * 3}
        return read(tmp_path, "a.parquet", content, **options, labels={str(n): tag for tag, n in numbers.items()})
    name, content = {
        "conll": ("a.conll", "".join(f"{w}\t{t}\n" for w, t in zip(WORDS, tags, strict=True)) + "\n"),
        "table": ("a.jsonl", f'{{"tokens": {lists[0]}, "tags": {lists[1]}}}\n'),
        "token rows": ("a.csv", "".join(f"#,{w},{t}\n" for w, t in zip(WORDS, tags, strict=True))),
    }[form]
    if form == "token rows":
        content = "sentence_id,tokens,tags\n" + "".join(content.replace("#", str(i)) for i in range(3))
        return read(tmp_path, name, content, **options)
    return read(tmp_path, name, content * 3, **options)


def of_wikiann(tmp_path, form, tags):
    if form == "hub":
        return wikiann.read_files([hub_parquet(tmp_path / "a.parquet", tags)], "jv", "train", {})
    (tmp_path / "train").write_text("".join(f"{w}\t{t}\n" for w, t in zip(WORDS, tags, strict=True)) + "\n")
    text = (tmp_path / "train").read_text() * 3
    (tmp_path / "train").write_text(text)
    return wikiann.read_files([tmp_path / "train"], "jv", "train", {})


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("form", ["conll", "table", "token rows", "numbers", "hub", "lines"])
def test_every_form_is_recognised_converted_and_counted(tmp_path, form, scheme):
    tags, counted = SCHEMES[scheme]
    found = (of_wikiann if form in ("hub", "lines") else of_files)(tmp_path, form, tags)
    split = arrange(spec(task="ner"), "ner", {"train": found})["train"]
    assert split.table["tags"].to_pylist() == [IOB2] * 3 and split.table["tokens"].to_pylist() == [WORDS] * 3
    assert split.repaired == {reason: 3 * n for reason, n in counted.items()}
