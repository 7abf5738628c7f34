"""Paths of the config: what is expanded, what is refused, and that identities have them as written."""

import os
import pwd

import pytest

from pipeline.config.load import parse
from pipeline.grid.inputs import dataset_keys, encoder
from pipeline.grid.runs import expand
from tests.configs import changed, errors, grid

OWN = "datasets.own={{loader: files, task: sentiment, folder: {folder}, files: {{all: {file}}}}}"
USED = ("experiments.few.dataset=own", "experiments.few.source_dataset=babel")
PLACES = {
    "folder": lambda path: (f"datasets.wikiann.folder={path}",),
    "mirror": lambda path: (f"datasets.wikiann.mirror={path}",),
    "own": lambda path: (OWN.format(folder=path, file='"{language}.csv"'),),
    "encoder": lambda path: (f"encoders.mine={{from: folder, folder: {path}}}",),
    "keep": lambda path: (f"keep=[{path}]",),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("my data/{a}", "rename it"),
        ("a{b", "rename it"),
        ("a}b", "rename it"),
        ("data/{language}", "{language} is filled in under `files` alone; give the folder above it here"),
        ("$HOME/data", "variables are not expanded; write the whole path, or ~ for your home folder"),
        ("~nobody-of-that-name/data", "no such user; write ./~nobody-of-that-name/data"),
    ],
)
def test_paths_that_cannot_be_read_are_refused(place, path, message):
    (said,) = errors(*PLACES[place](f'"{path}"'))
    assert repr(path) in said and message in said


@pytest.mark.parametrize("path", ["my data/[b]*? 'q' & $x", 'a "b"', "ünï/中文", "./~x", "/a/$HOME", "a;b|c>d"])
def test_other_characters_are_left_as_they_are(path):
    assert parse(changed() | {"keep": [path]}).keep == [path]


def test_files_may_have_no_other_braces_than_those_of_the_language():
    assert "a lone brace" in errors(OWN.format(folder="data", file='"{language}}.csv"'))[0]
    assert "nothing is put for {a}" in errors(OWN.format(folder="data", file='"{a}{language}.csv"'))[0]
    called = "datasets.own.languages={nearish: 'a{b}'}"
    said = errors(OWN.format(folder="data", file='"{language}.csv"'), called, "experiments.few.dataset=own", *USED)
    assert any(
        line.startswith("datasets.own.languages.nearish: 'a{b}' stands in paths, where braces cannot be read")
        for line in said
    ), said


def test_home_folders_are_expanded_and_are_no_part_of_what_is_read(monkeypatch):
    me = pwd.getpwuid(os.getuid())
    monkeypatch.setenv("HOME", "/home/of/mine")
    raw = changed("datasets.wikiann.mirror=~/mirror", f"datasets.wikiann.folder=~{me.pw_name}/copy")
    raw["encoders"]["mine"] = {"from": "folder", "folder": "~/models/mine"}
    raw["experiments"]["real"] = raw["experiments"]["few"] | {
        "dataset": "wikiann",
        "encoder": "mine",
        "sources": ["en"],
        "targets": ["qu"],
    }
    made = expand(parse(raw))
    dataset = next(d for d in made.datasets.values() if d.name == "wikiann")
    assert (dataset.mirror, dataset.folder) == ("/home/of/mine/mirror", f"{me.pw_dir}/copy")
    (mine,) = (e for e in made.encoders.values() if e.name == "mine")
    assert mine.folder == "/home/of/mine/models/mine" and mine.spec["folder"] == "~/models/mine"
    monkeypatch.setenv("HOME", "/home/of/another")
    settings = parse(raw)
    assert encoder("mine", settings, dataset_keys(settings)).key == mine.key
    assert next(d for d in grid().datasets.values()).folder is None
