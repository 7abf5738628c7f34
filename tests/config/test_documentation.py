"""The config's documentation is generated, complete, and in step with the models."""

import dataclasses
import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from pipeline.common.errors import UserError
from pipeline.config.datasets.babel import BabelLanguage
from pipeline.config.documentation import generate as document
from pipeline.config.documentation.datasets import DATASETS
from pipeline.config.documentation.types import type_text, yaml_value
from pipeline.config.load import load, parse
from pipeline.config.reading import merge
from pipeline.data.corpora.babel.family import Language
from pipeline.data.loaders import LOADERS
from pipeline.grid.runs import expand
from pipeline.tasks.metric_names import MAIN
from tests.configs import BASE, changed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return document.generated()


def test_the_files_are_in_step(texts):
    assert not document.out_of_step(texts), f"mend with: {document.COMMAND}"


def test_a_file_out_of_step_is_named_with_the_command(texts, tmp_path, monkeypatch):
    monkeypatch.setattr(document, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["document"])
    document.main()
    assert document.out_of_step(texts, tmp_path) == []
    (tmp_path / "default.yaml").write_text("training: {}\n")
    (tmp_path / "schema.json").unlink()
    assert document.out_of_step(texts, tmp_path) == ["config/schema.json", "config/default.yaml"]
    monkeypatch.setattr("sys.argv", ["document", "--check"])
    monkeypatch.setattr(document, "out_of_step", lambda t: ["config/README.md"])
    with pytest.raises(UserError, match=r"config/README\.md; mend with: python -m pipeline\.config\.documentation"):
        document.main()


def test_the_default_config_is_valid_and_holds_every_default(texts):
    raw = yaml.safe_load(texts["default.yaml"])
    settings = parse(raw)
    assert raw["training"] == {**settings.training.model_dump()}
    empty = parse({})
    assert settings.training == empty.training
    assert settings.datasets["babel"] == parse({"datasets": {"babel": {"loader": "babel"}}}).datasets["babel"]
    assert expand(settings).runs


def test_every_key_is_in_the_default_config_and_the_readme(texts):
    described = json.loads(texts["schema.json"])
    for name, section in described["$defs"].items():
        for key, node in section["properties"].items():
            assert re.search(rf"(^[ #]*|[{{] ?|, ){re.escape(key)}:", texts["default.yaml"], re.M), (name, key)
            assert f"`{key}`" in texts["README.md"], (name, key)
            assert node.get("description"), f"{name}.{key} has no description"


def test_the_readmes_examples_are_one_valid_config(texts):
    whole: dict = {}
    examples = re.findall(r"```yaml\n(.*?)```", texts["README.md"], re.S)
    assert len(examples) == 26
    for example in examples:
        merge(whole, yaml.safe_load(example))
    assert len(expand(parse(whole)).runs) > 100


SHIPPED = sorted(str(path.relative_to(ROOT / "config")) for path in (ROOT / "config").rglob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_configs_are_valid_to_us_and_to_editors(texts, path):
    file = ROOT / "config" / path
    expand(load([file]))
    check_schema(texts, yaml.safe_load(file.read_text(encoding="utf-8")))


def test_every_loader_is_described_with_its_licence_and_what_to_do_without_a_download(texts):
    assert [described.loader for described in DATASETS] == list(LOADERS)
    for described in DATASETS:
        part = texts["README.md"].partition(f"### `loader: {described.loader}`")[2].partition("\n### ")[0]
        assert f"Licence: {described.licence}." in " ".join(part.split())
        needs_download = described.loader not in ("babel", "files")
        assert ("Where it cannot be downloaded: " in " ".join(part.split())) is needs_download, described.loader
        example = re.findall(r"```yaml\n(.*?)```", part, re.S)
        (given,) = yaml.safe_load(example[0])["datasets"].values()
        assert given["loader"] == described.loader


def test_every_metric_is_in_the_readme(texts):
    tables = texts["README.md"].partition("## Tables")[2].partition("## Analyses")[0]
    for task, main in MAIN.items():
        (row,) = (line for line in tables.split("\n") if line.startswith(f"| `{task}` |"))
        assert row.startswith(f"| `{task}` | `{main}`")
    for metric in ("accuracy", "f1_macro", "f1_positive", "exact_match", "f1_contradiction"):
        assert f"`{metric}`" in tables


def check_schema(texts, raw) -> None:
    described = json.loads(texts["schema.json"])
    jsonschema.Draft202012Validator.check_schema(described)
    jsonschema.validate(raw, described)


@pytest.mark.parametrize(
    "override",
    [
        "experiments.few.targets=nearish",
        "experiments.few.source_size=all",
        "experiments.few.source_size=[5, all]",
        "experiments.few.sources=[hubbish, [hubbish, middish]]",
        "training.clip_norm=null",
        "methods.joint={batches: concatenated}",
        "datasets.wikiann.dev={from: train}",
        "encoders.small.text=[{dataset: babel, languages: [hubbish]}]",
        "experiments.few.source_size=0.1",
        "experiments.few.target_size=[0.1, 20, all]",
        "experiments.few.source_dataset=babel",
        "datasets.wikiann.expected={qu: {train: 5}}",
        "datasets.x={loader: marc, sources: hub, hub: {repository: 'a/b_{language}', revision: '"
        + "0" * 40
        + "'}, title: yes}",
        "datasets.x={loader: cls10, sources: [folder], folder: f, domain: books, dev: null, unlabelled: 5}",
        "datasets.x={loader: files, task: ner, folder: f, files: {train: a.conll}, columns: {tokens: 0, tags: 3}, header: no}",
        "datasets.x={loader: files, task: sentiment, folder: f, files: {all: a.csv}, labels: {1: bad, 2: null, '3': good}}",
        "datasets.x={loader: files, task: qa, folder: f, files: {test: a.json}, languages: {de: german}, licence: mine}",
    ],
)
def test_what_we_read_editors_accept(texts, override):
    raw = changed(override)
    parse(raw)
    check_schema(texts, raw)


@pytest.mark.parametrize(
    "override",
    [
        "training.epochz=1",
        "training.epochs=0",
        "training.learning_rate=0",
        "training.warmup=1",
        "experiments.few.methods=[]",
        "experiments.few.target_size=0",
        "experiments.few.dataset=a/b",
        "encoders.mbert.revision=main",
        "datasets.babel.loader=x",
        "methods.joint={batches: x}",
        "tables.few.metric=f1",
        "datasets={a/b: {loader: babel}}",
        "experiments.few.target_size=-0.5",
        "experiments.few.target_size=1.5",
        "experiments.few.dev_size=0.1",
        "datasets.x={loader: xnli}",
        "datasets.x={loader: cls10, sources: folder, folder: f}",
        "datasets.x={loader: cls10, sources: folder, folder: f, domain: toys}",
        "datasets.x={loader: files, task: sentiment, folder: f, files: {tarin: a.csv}}",
        "datasets.x={loader: files, task: sentiment, folder: f, files: {train: ''}}",
        "datasets.x={loader: files, task: text, folder: f, files: {train: a.csv}}",
    ],
)
def test_what_we_refuse_editors_underline(texts, override):
    raw = changed(override)
    with pytest.raises(UserError):
        parse(raw)
    with pytest.raises(jsonschema.ValidationError):
        check_schema(texts, raw)


def test_the_base_of_the_tests_is_valid_to_editors(texts):
    check_schema(texts, BASE)


def test_babels_parameters_are_those_of_its_languages():
    parameters = {field.name: field for field in dataclasses.fields(Language) if field.name not in ("id", "parent")}
    described = {name: field.default for name, field in BabelLanguage.model_fields.items() if name != "parent"}
    assert described == {name: field.default for name, field in parameters.items()}


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"type": "integer", "minimum": 1}, "whole number ≥ 1"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "number > 0, < 1"),
        ({"enum": ["a", "b"]}, "`a` or `b`"),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "number or `null`"),
        ({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}, "text, or a list"),
        ({"type": "array", "items": {"type": "string", "format": "language"}}, "list of languages"),
        ({"type": "boolean"}, "yes or no"),
    ],
)
def test_types_are_worded(node, words):
    assert type_text(node) == words


@pytest.mark.parametrize(
    "value",
    [1e-5, 3e-5, 1e22, 0.1, 100000.0, 5, True, None, "", "a b", "0123", "a: b", ["x", 1], {"a": 0.5}, "no # c", "-"],
)
def test_values_are_spelled_so_that_pyyaml_reads_them_back(value):
    assert yaml.safe_load(f"key: {yaml_value(value)}") == {"key": value}
