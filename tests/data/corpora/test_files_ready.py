"""Every entry of config/datasets/, from its YAML to splits: the repository or archive in miniature, downloaded and prepared."""

import io
import json
import tarfile
from pathlib import Path

import pytest
import yaml

from pipeline.common.files import canonical_json
from pipeline.config.datasets.files import Files
from pipeline.config.load import parse
from pipeline.data.corpora.files.read import load
from pipeline.grid.inputs import dataset_spec
from pipeline.stages.download import download
from tests.data.corpora.ready import MINIATURES
from tests.hub_server import COMMIT, serve

FOLDER = Path(__file__).parents[3] / "config/datasets"
ENTRIES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def entry(name):
    (found,) = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))["datasets"].items()
    assert found[0] == name, "the entry is called as its file"
    return found[1]


def section(name):
    """The checked entry."""
    return Files.model_validate(entry(name))


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    for name, miniature in MINIATURES.items():
        given = entry(name)
        if "hub" in given:
            for path in miniature.files:
                file = folder / "datasets" / given["hub"]["repository"] / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(miniature.content(path))
        else:
            called = given["languages"][miniature.language]
            packed = folder / "archives" / given["archive"]["url"].replace("{language}", called).replace("://", "/")
            packed.parent.mkdir(parents=True, exist_ok=True)
            with tarfile.open(packed, "w:gz") as tar:
                for path in miniature.files:
                    member = tarfile.TarInfo(path)
                    member.size = len(miniature.content(path))
                    tar.addfile(member, io.BytesIO(miniature.content(path)))
    with serve(folder) as server:
        yield server


def spec(name, server):
    """The download's spec, at the server's commit or address."""
    checked, language = section(name), MINIATURES[name].language
    whole = json.loads(canonical_json({**dataset_spec(checked), "dataset": f"{name}-1", "language": language}))
    whole |= {"languages": {language: checked.languages[language]} if language in checked.languages else {}}
    if "hub" in whole:
        whole["hub"]["revision"] = COMMIT
    else:
        whole["archive"]["url"] = f"{server.url}/files/archives/" + whole["archive"]["url"].replace("://", "/")
    return whole


def test_every_entry_has_a_miniature():
    assert sorted(MINIATURES) == ENTRIES


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_where_it_is_from_and_is_accepted(name):
    given, text = entry(name), (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert given["licence"] and "# Licence: " in text
    parse({"datasets": {name: given}})


@pytest.mark.parametrize("name", MINIATURES)
def test_an_entry_is_downloaded_and_prepared(name, hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    miniature, asked = MINIATURES[name], spec(name, hub)
    before = len(hub.log)
    loaded = load(asked, download(asked))
    for split, rows in miniature.rows.items():
        table = loaded.splits[split].table
        columns = [column for column in table.column_names if column not in ("id", "lang")]
        assert list(zip(*(table[column].to_pylist() for column in columns), strict=True)) == rows
        assert sum(loaded.splits[split].dropped.values()) == miniature.dropped.get(split, 0)
    fetched = {path for _, path, _ in hub.log[before:] if "/resolve/" in path}
    named = [file for file in miniature.files if "EN-English" not in file]  # another language's
    assert all(path.endswith(tuple(named)) for path in fetched)
    assert fetched or "archive" in asked


def test_no_language_is_meant_twice():
    for name in ENTRIES:
        languages = entry(name).get("languages", {})
        assert len(set(languages.values())) == len(languages), name
