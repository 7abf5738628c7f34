"""The stage that extends an encoder, as the workflow calls it."""

import json
import sys

import pytest

from pipeline.common import paths
from pipeline.common.code import stage_code
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, sha256_file, write_json
from pipeline.data.schema import LABELS, Facts, ner_table, text_table, write_split
from pipeline.encoders.load import load_encoder
from pipeline.methods.contract import Pool
from pipeline.stages import encoder
from pipeline.tasks import ner
from pipeline.training.data import Reader, RunData
from tests.encoders.models import save_tiny

DATASET, BASE = "toy-12345678", "base-00000000"
FEW = {"dataset": DATASET, "language": "qaa", "split": "train", "size": 5, "data_seed": 7}
SPEC = {
    "encoder": "base-ext.5-00000000@qaa-11111111",
    "from": "extend",
    "base": BASE,
    "text": [FEW],
    "pieces": 50,
    "min_frequency": 1,
    "initialise": "mean",
    "seed": 0,
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("RAYON_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "1" if name == "RAYON_NUM_THREADS" else "PASSIVE")
    save_tiny(paths.encoder_dir(BASE), "bert")
    write_json(paths.encoder_manifest(BASE), {"spec": "tiny"})
    words = [chr(0x430 + i) * 3 for i in range(20)]  # sentence i is one Cyrillic letter three times
    rows = [(f"toy-{i}", [word], ["O"]) for i, word in enumerate(words)]
    facts = Facts("ner", LABELS["ner"], DATASET, "qaa", "train")
    write_split(paths.split(DATASET, "qaa", "train"), ner_table("qaa", rows), facts)
    raw = text_table("qaa", [("toy-raw", "ююю яяя")])
    write_split(paths.split(DATASET, "qaa", "text"), raw, Facts("text", [], DATASET, "qaa", "text"))


def stage(monkeypatch, spec):
    monkeypatch.setattr(sys, "argv", ["encoder", "--spec", canonical_json(spec)])
    encoder.main()
    return paths.encoder_dir(spec["encoder"])


def test_manifest_and_files(monkeypatch):
    folder = stage(monkeypatch, SPEC)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"encoder": manifest["encoder"], **manifest["spec"]} == SPEC
    assert manifest["code"] == stage_code("encoder")
    assert manifest["base"] == sha256_file(paths.encoder_manifest(BASE))
    train = paths.split(DATASET, "qaa", "train")
    assert manifest["data"] == {str(train): sha256_file(train)}
    assert manifest["files"].keys() == {p.name for p in folder.iterdir()} - {"manifest.json"}
    assert manifest["unknown_words"] == {"before": 5, "after": 0}
    assert manifest["pieces_per_word"] == {"before": 1.0, "after": 1.0}
    # each of the five words: its letter at the start, inside, then the two merges
    assert (manifest["words"], manifest["changed_words"], manifest["letters"], manifest["pieces"]) == (5, 5, 10, 20)
    first = (folder / "manifest.json").read_bytes()
    stage(monkeypatch, SPEC)
    assert (folder / "manifest.json").read_bytes() == first


def test_the_tokenizer_sees_what_the_run_is_given_and_no_more(monkeypatch):
    tokenizer = load_encoder(stage(monkeypatch, SPEC)).tokenizer
    seen = [i for i in range(20) if tokenizer.token_to_id(chr(0x430 + i))]
    spec = {"dataset": DATASET, "source_dataset": None, "sources": []}
    data = RunData(Reader(ner, tokenizer, "hash", 16), spec, 7)
    given = data.pool(Pool("qaa", "train", 5))
    assert sorted(given.ids) == sorted(f"toy-{i}" for i in seen)
    assert len(seen) == 5


def test_raw_text(monkeypatch):
    text = [{"dataset": DATASET, "language": "qaa"}]
    tokenizer = load_encoder(stage(monkeypatch, {**SPEC, "text": text})).tokenizer
    assert tokenizer.encode("ююю яяя", add_special_tokens=False).tokens == ["ююю", "яяя"]
    assert tokenizer.token_to_id("а") is None


def test_no_new_piece_is_said(monkeypatch, capsys):
    stage(monkeypatch, {**SPEC, "min_frequency": 100})
    assert "needs no new piece; the encoder stays as base-00000000 is" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"base": "other-00000000"},
            r"other-00000000/manifest\.json: no such file; the encoder to extend must be made",
        ),
        ({"base": ""}, "--spec: base is missing"),
        ({"text": []}, "--spec: text is missing"),
        ({"piece": 3}, "--spec: unknown key 'piece'; did you mean 'pieces'"),
        ({"pieces": 0}, "pieces: 0; expected at least 1"),
        ({"text": [{**FEW, "size": 21}]}, f"{DATASET} qaa train: 21 examples requested but only 20 exist"),
        ({"text": [{**FEW, "language": "zz"}]}, r"zz/train\.parquet: no such file"),
    ],
)
def test_bad_descriptions(monkeypatch, changes, message):
    with pytest.raises(UserError, match=message):
        stage(monkeypatch, {**SPEC, **changes})
    assert not paths.encoder_manifest(SPEC["encoder"]).exists()
