"""Keys and values that no schema can place are named, and the check of a config always ends."""

from datetime import date

import pytest

from pipeline.common.errors import UserError
from pipeline.config.load import load, parse, without
from tests.configs import BASE, changed

FILES = {"loader": "files", "task": "ner", "folder": "x", "files": {"all": "{language}.csv"}}


def said_of(raw: object) -> list[str]:
    with pytest.raises(UserError) as caught:
        parse(raw)  # type: ignore[arg-type]
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("text", "line", "key", "read_as"),
    [
        ("datasets:\n  no: {loader: babel, task: ner}\n", 2, "datasets.no", "a truth value"),
        ("encoders:\n  on: {from: pretrain}\n", 2, "encoders.on", "a truth value"),
        ("tables:\n  a: {}\n  Yes: {}\n", 3, "tables.Yes", "a truth value"),
        ("off: 3\n", 1, "off", "a truth value"),
        ("experiments:\n  2020-01-01: {}\n", 2, "experiments.2020-01-01", "a date"),
        ("methods:\n  null: {method: joint}\n", 2, "methods.null", "null, which is no name"),
        ("datasets:\n  d:\n    languages: {no: norsk}\n", 3, "datasets.d.languages.no", "a truth value"),
    ],
)
def test_keys_that_yaml_takes_for_no_names_are_told_with_their_line(tmp_path, text, line, key, read_as):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    name = key.rpartition(".")[2]
    with pytest.raises(UserError) as caught:
        load([path])
    assert (
        str(caught.value)
        == f'{path}:{line}: {key}: YAML reads the key {name} as {read_as}; write it in quotes: "{name}"'
    )


def test_the_advice_works(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text('methods:\n  "no": {method: joint}\n  "2020-01-01": {method: joint}\n')
    assert set(load([path]).methods) == {"no", "2020-01-01"}


@pytest.mark.parametrize(
    "key", [False, True, None, date(2020, 1, 1), "a\ud800", "\udc80", 1.5, float("nan"), 7, -0.0, (1, 2)]
)
@pytest.mark.parametrize(
    "section", ["datasets", "encoders", "methods", "experiments", "tables", "analyses", "errors", "figures"]
)
def test_no_key_makes_the_check_of_a_section_endless(section, key):
    said = said_of({**BASE, section: {**BASE.get(section, {}), key: {"x": 1}}})
    assert said[0].startswith(f"{section}.")


@pytest.mark.parametrize("key", [False, True, None, date(2020, 1, 1), "\ud800", 1.5, 7, ""])
@pytest.mark.parametrize(
    "path", [(), ("training",), ("datasets", "babel"), ("experiments", "few", "training"), ("language_names",)]
)
def test_no_key_makes_the_check_endless_deeper_or_at_the_top(path, key):
    raw = changed()
    place = raw
    for part in path:
        place = place.setdefault(part, {})
    place[key] = 3
    assert said_of(raw)[0]


def test_what_yaml_reads_otherwise_is_named_where_no_file_is_known():
    assert said_of({"datasets": {False: FILES}}) == [
        'datasets.false: YAML reads the key no or off as a truth value; write it in quotes: "no or off"'
    ]


@pytest.mark.parametrize("value", ["a\ud800b", 10**400, -(10**5000)], ids=["half", "long", "very long"])
@pytest.mark.parametrize(
    "path",
    [
        ("training", "epochs"),
        ("tables", "few", "title"),
        ("datasets", "babel", "task"),
        ("methods", "joint-cat", "method"),
    ],
)
def test_texts_and_numbers_that_are_none_are_named(path, value):
    raw = changed()
    place = raw
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    said = said_of(raw)
    assert said[0].startswith(".".join(path)) and ("half of a character" in said[0] or "digits" in said[0])


def test_what_snakemake_has_read_may_contain_itself():
    endless: list[object] = []
    endless.append(endless)
    wide: object = "x"
    for _ in range(9):
        wide = [wide] * 9
    assert said_of({"keep": endless})[0].startswith("keep[0][0]: is nested deeper than")
    assert said_of({"keep": wide})[0].startswith("the config has more than 100,000 keys and values")


def test_whatever_a_path_names_something_is_left_out():
    raw = {"datasets": {"a": 1, "b": 2}, "keep": [1], "training": {"epochs": 1}}
    assert without(raw, [("datasets", "a", "x"), ("keep", 0)]) == {"datasets": {"b": 2}, "training": {"epochs": 1}}
    assert without(raw, [("datasets", "unheard of")]) == {"keep": [1], "training": {"epochs": 1}}
    assert without(raw, [()]) == {}


def test_of_thousands_of_errors_the_first_are_said_in_seconds():
    many = {f"d{n}": {"loader": "bable", "task": "ner"} for n in range(15_000)}
    said = said_of({"datasets": many})
    assert said[0] == "datasets.d0.loader: unknown loader 'bable'; did you mean 'babel'?" and said[-1].startswith(
        "… and "
    )
