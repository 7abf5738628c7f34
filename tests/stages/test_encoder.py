import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from pipeline.common import paths
from pipeline.common.code import stage_code
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, sha256_file
from pipeline.data.schema import Facts, text_table, write_split
from pipeline.encoders import manifest as manifests
from pipeline.encoders.load import load_encoder
from pipeline.stages import encoder
from tests.encoders.models import SENTENCES, SETTINGS, save_tiny
from tests.hub_server import COMMIT, serve

DATASET = "toy-12345678"
TEXT = [{"dataset": DATASET, "language": "qaa"}, {"dataset": DATASET, "language": "qab"}]
PRETRAIN = {"encoder": "small-00000000", "from": "pretrain", **SETTINGS, "text": TEXT}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(encoder, "take_gpu", lambda: None)
    for name in ("RAYON_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "1" if name == "RAYON_NUM_THREADS" else "PASSIVE")
    for part, sentences in zip(TEXT, (SENTENCES * 4, [s.upper() for s in SENTENCES]), strict=True):
        rows = [(f"toy-{i}", sentence) for i, sentence in enumerate(sentences)]
        path = paths.split(DATASET, part["language"], "text")
        write_split(path, text_table(part["language"], rows), Facts("text", [], DATASET, part["language"], "text"))
    return tmp_path


def stage(monkeypatch, spec, *flags):
    monkeypatch.setattr(sys, "argv", ["encoder", "--spec", canonical_json(spec), *flags])
    encoder.main()
    return paths.encoder_dir(spec["encoder"])


def check_manifest(folder, spec):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"encoder": manifest["encoder"], **manifest["spec"]} == spec
    assert manifest["code"] == stage_code("encoder")
    assert manifest["versions"]["torch"] == torch.__version__
    for name, entry in manifest["files"].items():
        assert entry == {"sha256": sha256_file(folder / name), "bytes": (folder / name).stat().st_size}
    present = {p.name for p in folder.iterdir()} - {"manifest.json", "history.jsonl"}
    assert present == manifest["files"].keys()  # nothing else is left, no checkpoint, no staging folder
    return manifest


def test_pretrain(monkeypatch):
    folder = stage(monkeypatch, PRETRAIN)
    manifest = check_manifest(folder, PRETRAIN)
    files = [str(paths.split(DATASET, part["language"], "text")) for part in TEXT]
    assert manifest["data"] == {file: sha256_file(file) for file in files}
    assert manifest["languages"].keys() == {f"{DATASET}/qaa", f"{DATASET}/qab"}
    assert manifest["tokens"] > 0
    assert manifest["threads"] == 1
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    assert history[-2]["step"] == SETTINGS["steps"]
    assert history[-1]["held_out"] == manifest["held_out"]
    assert load_encoder(folder).max_length == SETTINGS["max_length"]


def test_made_again_the_manifest_has_the_same_bytes(monkeypatch):
    folder = stage(monkeypatch, PRETRAIN)
    first = (folder / "manifest.json").read_bytes()
    stage(monkeypatch, PRETRAIN)
    assert (folder / "manifest.json").read_bytes() == first


def test_killed_process_resumes_to_the_same_weights(monkeypatch):
    whole = load_file(stage(monkeypatch, PRETRAIN) / "model.safetensors")
    spec = {**PRETRAIN, "encoder": "again-00000000"}
    from pipeline.encoders import pretrain as pretraining

    class Killed(BaseException):
        pass

    take_step, made = pretraining.take_step, []

    def step(*arguments):
        if len(made) == 7:
            raise Killed
        made.append(None)
        return take_step(*arguments)

    monkeypatch.setattr(pretraining, "take_step", step)
    monkeypatch.setattr(pretraining, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        stage(monkeypatch, spec)
    folder = paths.encoder_dir(spec["encoder"])
    assert [p.name.split("-")[0] for p in folder.iterdir()] == ["checkpoint"]
    made.clear()
    made.extend([None] * 20)  # from now on no step is the eighth
    stage(monkeypatch, spec)
    assert len(made) == 20 + SETTINGS["steps"] - 7
    check_manifest(folder, spec)
    again = load_file(folder / "model.safetensors")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_folder(monkeypatch, tmp_path):
    save_tiny(tmp_path / "mine", "xlm-roberta")
    spec = {"encoder": "mine-00000000", "from": "folder", "folder": "mine"}
    folder = stage(monkeypatch, spec, "--folder", "mine")
    check_manifest(folder, spec)
    load_encoder(folder)


def test_hub_through_the_command_line(tmp_path, monkeypatch):
    spec = {"encoder": "tiny-00000000", "from": "hub", "repository": "someone/tiny", "revision": COMMIT}
    save_tiny(tmp_path / "hub/models/someone/tiny", "bert")
    with serve(tmp_path / "hub") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        command = [sys.executable, "-m", "pipeline.stages.encoder", "--spec", canonical_json(spec)]
        subprocess.run(command, check=True, capture_output=True)
    folder = paths.encoder_dir(spec["encoder"])
    check_manifest(folder, spec)
    assert all((folder / name).stat().st_mode & 0o044 for name in ("model.safetensors", "manifest.json"))
    load_encoder(folder)


def test_failed_download_keeps_its_files_for_the_next_attempt_unless_they_are_bad(monkeypatch, tmp_path):
    spec = {"encoder": "tiny-00000000", "from": "hub", "repository": "someone/tiny", "revision": COMMIT}
    repository = tmp_path / "hub/models/someone/tiny"
    save_tiny(repository, "bert")
    weights = (repository / "model.safetensors").read_bytes()
    (repository / "model.safetensors").write_bytes(weights[:5000])
    folder = paths.encoder_dir(spec["encoder"])
    with serve(tmp_path / "hub") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        server.fail("model.safetensors", 403, method="HEAD")
        with pytest.raises(UserError, match=r"model\.safetensors"):
            stage(monkeypatch, spec)
        assert [p.name for p in folder.iterdir()] == [".download"]
        assert (folder / ".download/tokenizer.json").is_file()
        with pytest.raises(UserError, match=rf"^someone/tiny@{COMMIT}: the weights are not readable safetensors"):
            stage(monkeypatch, spec)
        assert list(folder.iterdir()) == []
        (repository / "model.safetensors").write_bytes(weights)
        stage(monkeypatch, spec)
    check_manifest(folder, spec)


def test_full_disk_leaves_no_manifest(monkeypatch):
    folder = stage(monkeypatch, PRETRAIN)

    def full(path, value):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(manifests, "write_sealed", full)
    with pytest.raises(OSError, match="No space left"):
        stage(monkeypatch, PRETRAIN)
    assert not (folder / "manifest.json").exists()
    assert not [p for p in folder.iterdir() if p.is_dir()]


def drop(key):
    return {k: v for k, v in PRETRAIN.items() if k != key}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([1], "--spec: expected a JSON object, got list"),
        ({"encoder": "x", "from": "hug"}, "--spec: from: 'hug'; did you mean 'hub'"),
        ({"encoder": "x", "from": "hub", "repository": "a/b"}, "--spec: revision is missing"),
        ({"encoder": "x", "from": "folder"}, "--folder: missing"),
        ({"encoder": "x", "from": "folder", "folder": "nowhere"}, "nowhere: no such folder"),
        (drop("encoder"), "--spec: encoder is missing"),
        (drop("steps"), "--spec: steps missing"),
        ({**PRETRAIN, "step": 3}, "--spec: unknown key 'step'; did you mean 'steps'"),
        ({**PRETRAIN, "text": []}, "--spec: text is missing"),
        ({**PRETRAIN, "heads": 3}, "hidden_size: 16 is not a multiple of heads"),
        ({**PRETRAIN, "text": [{"dataset": DATASET, "language": "zz"}]}, r"zz/text\.parquet: no such file"),
    ],
)
def test_bad_descriptions(monkeypatch, spec, message):
    with pytest.raises(UserError, match=message):
        stage(monkeypatch, spec)


def test_not_json(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["encoder", "--spec", "{"])
    with pytest.raises(UserError, match="--spec: not valid JSON"):
        encoder.main()


def test_truncated_text(monkeypatch):
    path = paths.split(DATASET, "qab", "text")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"qab/text\.parquet: not a readable Parquet file"):
        stage(monkeypatch, PRETRAIN)
