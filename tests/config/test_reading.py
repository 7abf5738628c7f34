"""YAML files: merged, overridden, and refused by file and line."""

import json
from pathlib import Path

import pytest
import yaml

from pipeline.common.errors import UserError
from pipeline.config import load as config
from tests.configs import BASE, changed


def write(folder: Path, text: str, name: str = "c.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_errors_name_file_and_line(tmp_path):
    path = write(tmp_path, "training:\n  epochs: 3\n  epochz: 4\nexperiments:\n  a:\n    dataset: d\n")
    with pytest.raises(UserError) as caught:
        config.load([path])
    lines = str(caught.value).split("\n")
    assert f"{path}:3: training.epochz: unknown key; did you mean 'epochs'?" in lines
    assert f"{path}:5: experiments.a.encoder: is required and missing" in lines


def test_list_items_have_lines(tmp_path):
    raw = changed("experiments.few.methods=[joint, jiont]")
    path = write(tmp_path, yaml.safe_dump(raw))
    line = next(i for i, text in enumerate(path.read_text().split("\n"), 1) if "jiont" in text)
    with pytest.raises(UserError, match=rf"c\.yaml:{line}: experiments\.few\.methods\[1\]: unknown method 'jiont'"):
        config.load([path])


def test_a_key_twice_is_refused_everywhere(tmp_path):
    path = write(tmp_path, "training: {epochs: 3, epochs: 4}\ntables: {}\ntraining: {}\n")
    with pytest.raises(UserError) as caught:
        config.load([path])
    assert str(caught.value).split("\n") == [
        f"{path}:1: training.epochs: stands there twice, first on line 1",
        f"{path}:3: training: stands there twice, first on line 1",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training: {epochs: 3\ntables: {}\n", r"c\.yaml:2: not valid YAML: .*"),
        ("training:\n\tepochs: 3\n", r"c\.yaml:2: not valid YAML: .*tab|cannot start any token"),
        ("a: !!python/object/apply:os.system [ls]\n", r"c\.yaml:1: not valid YAML: could not determine a constructor"),
        ("a: *nowhere\n", r"c\.yaml:1: not valid YAML: found undefined alias"),
        ("- a\n- b\n", r"c\.yaml: expected keys and values at the top, got list"),
        ("just words\n", r"c\.yaml: expected keys and values at the top, got str"),
    ],
)
def test_broken_yaml_names_file_and_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        config.load([write(tmp_path, text)])


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    with pytest.raises(UserError) as caught:
        config.load([tmp_path / "none.yaml", tmp_path / "latin.yaml"])
    assert str(caught.value).split("\n") == [
        f"{tmp_path / 'none.yaml'}: no such file",
        f"{tmp_path / 'latin.yaml'}: not UTF-8: byte 3",
    ]


def test_anchors_and_merge_keys_work(tmp_path):
    text = (
        "training: &base {epochs: 3}\nmethods:\n  target_only:\n    training:\n      <<: *base\n      batch_size: 4\n"
    )
    settings = config.load([write(tmp_path, text)])
    assert settings.methods["target_only"].training.model_dump(exclude_unset=True) == {"epochs": 3, "batch_size": 4}


def test_files_merge_and_overrides_go_before_them(tmp_path):
    first = write(tmp_path, "training: {epochs: 3, batch_size: 4}\n", "a.yaml")
    second = write(tmp_path, "training: {epochs: 5}\n", "b.yaml")
    assert config.load([first, second]).training.model_dump(include={"epochs", "batch_size"}) == {
        "epochs": 5,
        "batch_size": 4,
    }
    assert config.load([first, second], ["training.epochs=7"]).training.epochs == 7
    assert config.load([first, second], ["training={epochs: 9}"]).training.batch_size == 4


def test_overrides_follow_names_with_dots(tmp_path):
    path = write(tmp_path, "methods: {joint.v1: {method: joint}}\n")
    settings = config.load([path], ["methods.joint.v1.batches=concatenated"])
    assert settings.methods["joint.v1"].hyper_parameters() == {"batches": "concatenated"}


@pytest.mark.parametrize("override", ["training.epochs", "=3", "a..b=3", "training={epochs: 3"])
def test_broken_overrides_are_refused(tmp_path, override):
    with pytest.raises(UserError, match="--config "):
        config.load([write(tmp_path, "{}\n")], [override])


def test_errors_of_overrides_are_placed_there(tmp_path):
    path = write(tmp_path, "training:\n  epochs: 3\n")
    with pytest.raises(UserError, match=r"^--config: training\.epochs: must be greater than or equal to 1, got 0$"):
        config.load([path], ["training.epochs=0"])


def test_json_is_read_too(tmp_path):
    path = write(tmp_path, json.dumps(BASE), "c.json")
    assert config.load([path]) == config.parse(BASE)


def test_an_empty_file_is_an_empty_config(tmp_path):
    assert config.load([write(tmp_path, "# nothing\n")]) == config.parse({})
