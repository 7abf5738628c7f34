"""The stage that trains an encoder on, as the workflow calls it."""

import json
import sys
from dataclasses import asdict

import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, sha256_file, write_json
from pipeline.data.schema import LABELS, Facts, ner_table, text_table, write_split
from pipeline.stages import encoder
from tests.encoders.models import SENTENCES, save_tiny
from tests.encoders.test_continued import training

DATASET, START = "toy-12345678", "base-00000000"
RAW = {"dataset": DATASET, "language": "qaa"}
FEW = {**RAW, "split": "train", "size": 5, "data_seed": 7}
SPEC = {"encoder": "base-on-00000000", "from": "pretrain", "start": START, "text": [RAW], **asdict(training(steps=2))}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(encoder, "take_gpu", lambda: None)
    for name in ("RAYON_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "1" if name == "RAYON_NUM_THREADS" else "PASSIVE")
    save_tiny(paths.encoder_dir(START), "bert")
    write_json(paths.encoder_manifest(START), {"spec": "tiny", "licence": "mit"})
    raw = [(f"toy-{i}", text) for i, text in enumerate(SENTENCES * 2)]
    write_split(paths.split(DATASET, "qaa", "text"), text_table("qaa", raw), Facts("text", [], DATASET, "qaa", "text"))
    rows = [(f"toy-{i}", ["ada", "sees", "oslo" * (i + 1)], ["O"] * 3) for i in range(20)]
    facts = Facts("ner", LABELS["ner"], DATASET, "qaa", "train")
    write_split(paths.split(DATASET, "qaa", "train"), ner_table("qaa", rows), facts)


def stage(monkeypatch, spec):
    monkeypatch.setattr(sys, "argv", ["encoder", "--spec", canonical_json(spec)])
    encoder.main()
    return json.loads(paths.encoder_manifest(spec["encoder"]).read_text())


def test_manifest_and_gain(monkeypatch, capsys):
    manifest = stage(monkeypatch, SPEC)
    assert {"encoder": manifest["encoder"], **manifest["spec"]} == SPEC
    assert manifest["start"] == sha256_file(paths.encoder_manifest(START))
    text = paths.split(DATASET, "qaa", "text")
    assert manifest["data"] == {str(text): sha256_file(text)}
    assert (manifest["threads"], manifest["head"], manifest["device"]) == (1, "kept", "cpu")
    assert manifest["licence"] == "mit", "what is made from a model is under its licence"
    name = f"{DATASET}/qaa"
    before, after = manifest["held_out_before"][name]["loss"], manifest["held_out"][name]["loss"]
    said = capsys.readouterr().out
    assert f"{name}, masked words of 1 held-out sentences: loss {before:.3f} → {after:.3f}, accuracy" in said
    folder = paths.encoder_dir(SPEC["encoder"])
    assert manifest["files"].keys() == {path.name for path in folder.iterdir()} - {"manifest.json", "history.jsonl"}


def test_a_targets_own_sentences(monkeypatch, capsys):
    manifest = stage(monkeypatch, {**SPEC, "text": [FEW]})
    assert manifest["languages"] == {f"{DATASET}/qaa": {"sentences": 5, "share": 1.0}}
    assert "too few sentences to hold any out" in capsys.readouterr().out


def test_a_language_given_twice_has_no_sentence_twice(monkeypatch):
    manifest = stage(monkeypatch, {**SPEC, "text": [RAW, FEW]})
    assert manifest["languages"][f"{DATASET}/qaa"]["sentences"] == len(set(SENTENCES)) + 5
    assert len(manifest["data"]) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"start": "other-00000000"},
            r"other-00000000/manifest\.json: no such file; the encoder to start from must be made",
        ),
        ({"layers": 3}, "--spec: unknown key 'layers'"),
        ({"text": []}, "--spec: text is missing"),
        ({"text": [{**RAW, "language": "zz"}]}, r"zz/text\.parquet: no such file"),
    ],
)
def test_bad_descriptions(monkeypatch, changes, message):
    with pytest.raises(UserError, match=message):
        stage(monkeypatch, {**SPEC, **changes})
    assert not paths.encoder_manifest(SPEC["encoder"]).exists()
