import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.common.errors import UserError
from pipeline.common.files import read_json, sha256_file
from pipeline.common.integrity import write_sealed
from pipeline.config.datasets.files import Files
from pipeline.data import loaders
from pipeline.data.schema import (
    LABELS,
    SCHEMAS,
    Loaded,
    Split,
    read_split,
    split_facts,
    split_labels,
    task_table,
    text_table,
)
from pipeline.stages import preprocess as stage
from pipeline.stages.download import download
from tests.data.wikiann_files import COUNTS, write_panx

MIRROR = Path(__file__).parents[2] / "../shared/data"
SPLITS = ("train", "dev", "test")
SPEC = {"dataset": "wikiann-1", "language": "qu", "loader": "wikiann"}
DATA = Path("results/data/wikiann-1/qu")
RAW = Path("resources/raw/wikiann-1/qu")


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """A working directory with one downloaded language; returns its raw folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    fetched = SPEC | {"sources": ["folder"], "expected": {"qu": COUNTS}}
    return download(fetched, folder=write_panx(tmp_path / "own")).parent


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_splits_text_and_report(raw):
    assert stage.preprocess(SPEC) == DATA / "report.json"
    assert sorted(contents(DATA)) == ["dev.parquet", "report.json", "test.parquet", "text.parquet", "train.parquet"]
    for split in SPLITS:
        table = read_split(DATA / f"{split}.parquet", "ner")
        assert table.num_rows == COUNTS[split]
        assert split_facts(table) | {"labels": None} == {
            "task": "ner",
            "labels": None,
            "dataset": "wikiann-1",
            "language": "qu",
            "split": split,
        }
    assert read_split(DATA / "text.parquet", "text")["text"][1].as_py() == "Ana Paz"
    report = read_json(DATA / "report.json")
    assert (report["dataset"], report["language"], report["spec"]) == ("wikiann-1", "qu", SPEC)
    assert report["raw"] == sha256_file(RAW / "manifest.json")
    assert report["splits"]["train"]["duplicates_across"] == {"dev": 1, "test": 0}
    assert [(w["kind"], w["split"], w["with"], w["rows"]) for w in report["warnings"]] == [
        ("duplicates", "dev", "train", 1)
    ]
    assert report["splits"]["train"]["repaired"] == {"I- without B- before it, now B-": 1}
    assert report["text"]["rows"] == 4
    for split in SPLITS:
        assert report["splits"][split]["sha256"] == sha256_file(DATA / f"{split}.parquet")


def test_same_input_same_bytes(raw):
    stage.preprocess(SPEC)
    first = contents(DATA)
    # In another process, where hashes of strings are salted differently.
    command = [sys.executable, "-m", "pipeline.stages.preprocess", "--spec", json.dumps(SPEC)]
    done = subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "7"}, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith(f"\nwrote {DATA}/report.json\n")
    assert contents(DATA) == first


def test_notes_of_the_download_reach_the_report(raw):
    manifest = read_json(raw / "manifest.json")
    write_sealed(raw / "manifest.json", manifest | {"notes": ["train: not checked"]})
    stage.preprocess(SPEC)
    assert read_json(DATA / "report.json")["notes"] == ["train: not checked"]


def test_a_generated_dataset_needs_no_download(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = {"dataset": "babel-1", "language": "hubbish", "loader": "babel", "task": "ner", "seed": 0}
    stage.preprocess(spec | {"sizes": {"train": 20, "dev": 10, "test": 10, "text": 30}})
    report = read_json(Path("results/data/babel-1/hubbish/report.json"))
    assert report["raw"] is None
    assert {split: report["splits"][split]["rows"] for split in SPLITS} == {"train": 20, "dev": 10, "test": 10}


def test_a_file_changed_since_its_download_is_refused(raw):
    content = (raw / "dev-qu.tsv").read_bytes()
    (raw / "dev-qu.tsv").write_bytes(content[:-5])
    with pytest.raises(
        UserError, match=r"dev-qu.tsv: altered since it was written: .*snakemake --force .*manifest.json"
    ):
        stage.preprocess(SPEC)
    (raw / "dev-qu.tsv").unlink()
    with pytest.raises(UserError, match=r"dev-qu.tsv: no such file, though its digest is stored"):
        stage.preprocess(SPEC)
    assert not DATA.exists()


def test_nothing_downloaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"resources/raw/wikiann-1/qu/manifest.json: no such file"):
        stage.preprocess(SPEC)


def test_an_unknown_loader(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"unknown loader 'wikian'; did you mean 'wikiann'"):
        stage.preprocess(SPEC | {"loader": "wikian"})


def changed(raw):
    """Make the next preprocessing write other bytes than the last."""
    content = (raw / "train-qu.tsv").read_bytes() + b"\nmusuq\tO\n"
    (raw / "train-qu.tsv").write_bytes(content)
    manifest = read_json(raw / "manifest.json")
    manifest["files"]["train"][0]["sha256"] = sha256_file(raw / "train-qu.tsv")
    write_sealed(raw / "manifest.json", manifest)


@pytest.mark.parametrize("fails_at", [1, 2, 4])
@pytest.mark.parametrize("earlier", [False, True])
def test_a_full_disk_replaces_nothing(raw, monkeypatch, fails_at, earlier):
    if earlier:
        stage.preprocess(SPEC)
        changed(raw)
    before = contents(DATA) if earlier else {}
    written, write_table = [], pq.write_table

    def full(table, path, **options):
        written.append(path)
        write_table(table, path, **options)
        if len(written) == fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(UserError, match=r"results/data/wikiann-1/qu: No space left on device; make room there"):
        stage.preprocess(SPEC)
    assert len(written) == fails_at
    assert contents(DATA) == before


def test_a_limit_of_the_system_in_mid_write_replaces_nothing(raw):
    """The kernel itself refuses bytes beyond 1 kB per file, in a process of its own."""
    (raw / "train-qu.tsv").write_text("\n".join(f"w{i * 7919 % 10007}\tO\n" for i in range(3000)))
    changed(raw)
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024));"
        "from pipeline.common.errors import run_stage; from pipeline.stages.preprocess import main; run_stage(main)"
    )
    command = [sys.executable, "-c", program, "--spec", json.dumps(SPEC)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {DATA}: File too large; files there may not be so large (`ulimit -f`")
    assert done.stderr.endswith("nothing half-written was left\n")
    assert contents(DATA) == {}


def test_killed_between_two_renames_no_report_vouches_for_a_mixture(raw, monkeypatch):
    stage.preprocess(SPEC)
    changed(raw)
    replace, moved = Path.replace, []

    def killed(self, target):
        if Path(target).parent == DATA:
            moved.append(self.name)
            if len(moved) == 2:
                raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        stage.preprocess(SPEC)
    assert "report.json" not in contents(DATA)


def test_the_command_line_names_what_is_missing(tmp_path):
    command = [sys.executable, "-m", "pipeline.stages.preprocess", "--spec", '{"dataset": "d", "language": "qu"}']
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: --spec: key 'loader' is missing")


# --------------------------------------------------------------------------------------------------------------- all tasks

ROWS = {
    "ner": [(["Qusqu", "llaqta"], ["B-LOC", "O"]), (["Ana"], ["B-PER"]), (["Ana"], ["O"])],
    "sentiment": [("good", "positive"), ("bad", "negative"), ("bad", "positive")],
    "nli": [("It rains.", "Wet.", "entailment"), ("Sun.", "Wet.", "contradiction"), ("Sun.", "Wet.", "neutral")],
    "relevance": [("shoe", "Red shoe", "relevant"), ("shoe", "Boot", "irrelevant"), ("shoe", "Boot", "relevant")],
    "qa": [
        ("Where?", "Lima, Peru", ["Peru"], [6]),
        ("What?", "Lima, Peru", ["Lima"], [0]),
        ("What?", "Lima, Peru", ["L"], [0]),
    ],
}
TOY = {
    "dataset": "toy-1",
    "language": "qu",
    "loader": "babel",
}  # a generated dataset, so that nothing must be downloaded
TOY_DATA = Path("results/data/toy-1/qu")
WHY = "there is no test set; test on another"


def rows_of(task, split, take=slice(None)):
    return task_table(task, "qu", [(f"toy-qu-{split}-{i}", *row) for i, row in enumerate(ROWS[task][take])])


def toy(task, **changes):
    """What a loader might return: train and dev, no test."""
    splits = {
        "train": Split(rows_of(task, "train"), {"empty text": 2}, {"mended": 1}),
        "dev": Split(rows_of(task, "dev", slice(1))),
        "test": Split(SCHEMAS[task].empty_table()),
    }
    text = text_table("qu", [("toy-qu-train-0", "some text")])
    return Loaded(
        **({"task": task, "splits": splits, "text": text, "notes": ("a note",), "absent": {"test": WHY}} | changes)
    )


@pytest.fixture
def loads(tmp_path, monkeypatch):
    """Preprocess what a loader would return, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)

    def preprocess(loaded):
        monkeypatch.setattr(stage, "loader_module", lambda name: SimpleNamespace(load=lambda spec, raw: loaded))
        return read_json(stage.preprocess(TOY))

    return preprocess


@pytest.mark.parametrize("task", ROWS)
def test_every_task_is_written_and_described(loads, task):
    report = loads(toy(task))
    assert report["splits"]["train"]["rows"] == 3 and report["splits"]["dev"]["rows"] == 1
    assert report["splits"]["train"]["dropped"] == {"empty text": 2}
    assert report["splits"]["train"]["repaired"] == {"mended": 1}
    assert report["splits"]["train"]["duplicates_within"] == 1
    assert report["splits"]["dev"]["duplicates_across"] == {"test": 0, "train": 1}
    assert read_split(TOY_DATA / "train.parquet", task).equals(rows_of(task, "train"))
    facts = split_facts(pq.read_table(TOY_DATA / "dev.parquet"))
    assert facts == {"dataset": "toy-1", "labels": LABELS[task], "language": "qu", "split": "dev", "task": task}
    assert report["text"]["rows"] == 1 and report["text"]["characters"] == 9


@pytest.mark.parametrize("task", ROWS)
def test_an_absent_split_is_told_in_the_report_and_by_the_file(loads, task):
    report = loads(toy(task))
    assert report["notes"] == ["a note", f"no test split: {WHY}"]
    assert report["splits"]["test"]["rows"] == 0
    assert report["splits"]["test"]["sha256"] == sha256_file(TOY_DATA / "test.parquet")
    with pytest.raises(UserError) as error:
        read_split(TOY_DATA / "test.parquet", task)
    assert str(error.value) == f"toy-1 has no test data in qu: {WHY}"


def test_a_label_set_of_its_own_goes_into_every_split(loads):
    rows = [("toy-qu-train-0", "good", "great"), ("toy-qu-train-1", "bad", "poor")]
    splits = {name: Split(task_table("sentiment", "qu", rows)) for name in SPLITS}
    report = loads(toy("sentiment", splits=splits, labels=("poor", "fair", "great"), absent={}))
    for name in SPLITS:
        assert split_labels(read_split(TOY_DATA / f"{name}.parquet", "sentiment")) == ["poor", "fair", "great"]
    assert report["splits"]["dev"]["labels"] == {"great": 1, "poor": 1} and report["notes"] == ["a note"]


def test_a_split_that_lost_all_its_rows_is_refused_with_the_reasons(loads):
    whole = toy("sentiment")
    lost = Split(SCHEMAS["sentiment"].empty_table(), {"three stars": 1200, "empty text": 3})
    with pytest.raises(UserError) as error:
        loads(toy("sentiment", splits=whole.splits | {"dev": lost}))
    assert str(error.value) == "toy-1 qu: no dev row can be used (3 × empty text, 1,200 × three stars)"
    with pytest.raises(UserError, match=r"^toy-1 qu: no test row can be used \(there is none\)$"):
        loads(toy("sentiment", absent={}))
    assert contents(TOY_DATA) == {}


def test_rows_that_break_the_contract_are_told_by_where_they_would_lie(loads):
    spoilt = task_table("qa", "qu", [("a", "Where?", "Lima, Peru", ["Peru"], [7])])
    with pytest.raises(UserError) as error:
        loads(toy("qa", splits=toy("qa").splits | {"dev": Split(spoilt)}))
    assert str(error.value) == f"{TOY_DATA}/dev.parquet: a: the answer 'Peru' does not stand at character 7"
    assert contents(TOY_DATA) == {}


def test_no_text_to_pretrain_on(loads):
    report = loads(toy("sentiment", text=text_table("qu", [])))
    assert report["text"] == {
        "rows": 0,
        "characters": 0,
        "duplicates_within": 0,
        "sha256": sha256_file(TOY_DATA / "text.parquet"),
    }
    with pytest.raises(UserError, match=r"toy-1 has no text data in qu: the dataset has neither train nor dev data"):
        read_split(TOY_DATA / "text.parquet", "text")


def test_tokens_of_the_old_splits_go_with_them(loads):
    loads(toy("sentiment"))
    tokens = TOY_DATA / "tokens" / "train-0123"
    tokens.mkdir(parents=True)
    (tokens / "index.json").write_text("{}")
    with pytest.raises(UserError, match="no test row"):
        loads(toy("sentiment", absent={}))
    assert (tokens / "index.json").exists()  # as the splits that they are of
    loads(toy("sentiment"))
    assert not (TOY_DATA / "tokens").exists()
    assert sorted(contents(TOY_DATA)) == ["dev.parquet", "report.json", "test.parquet", "text.parquet", "train.parquet"]


def test_another_task_in_the_same_place_replaces_all(loads):
    loads(toy("nli"))
    loads(toy("qa"))
    assert read_split(TOY_DATA / "train.parquet", "qa").num_rows == 3
    with pytest.raises(UserError, match=r"train.parquet: column 'premise' is missing"):
        read_split(TOY_DATA / "train.parquet", "nli")


# ----------------------------------------------------------------------------------------------------- what docs/data.md says

DOCS = (Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")


@pytest.fixture
def headlines(tmp_path, monkeypatch):
    """The loader in docs/data.md, as if it were one of ours; a working directory."""
    package = ModuleType("pipeline.data.corpora.headlines")
    monkeypatch.setitem(sys.modules, package.__name__, package)
    blocks = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    for name, source in zip(("read", "fetch"), blocks, strict=True):
        module = ModuleType(f"pipeline.data.corpora.headlines.{name}")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(source, name, "exec"), vars(module))
    monkeypatch.setattr(loaders, "LOADERS", (*loaders.LOADERS, "headlines"))
    monkeypatch.setattr(stage, "code_stamp", lambda modules, asked: {"code": "0" * 12})  # it has no file
    monkeypatch.chdir(tmp_path)


def test_the_loader_in_the_documentation_works(headlines, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own/train-qu.tsv").write_text("positive\tallin\nnegative\tmana\nnegative\t \npositive\tsumaq\n")
    (tmp_path / "own/test-qu.tsv").write_text("negative\tmana allin\n")
    spec = {"dataset": "headlines-1", "language": "qu", "loader": "headlines"}
    download(spec | {"sources": ["folder"]}, folder=tmp_path / "own")
    report = read_json(stage.preprocess(spec))
    assert {split: report["splits"][split]["rows"] for split in SPLITS} == {"train": 3, "dev": 0, "test": 1}
    assert report["splits"]["train"]["dropped"] == {"empty text": 1}
    assert report["notes"] == ["no dev split: headlines have no dev split; say dev: {from: train, fraction: 0.2}"]
    train = read_split(Path("results/data/headlines-1/qu/train.parquet"), "sentiment")
    assert train["id"].to_pylist() == [f"headlines-qu-train-{i}" for i in (0, 1, 3)]
    (tmp_path / "own/train-qu.tsv").write_text("positive allin\n")
    with pytest.raises(UserError, match=r"train-qu.tsv:1: no tab; expected label<TAB>text"):
        download(spec | {"sources": ["folder"]}, folder=tmp_path / "own")


def test_the_own_data_in_the_readme_is_valid():
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(datasets:\n(?:.*\n)+?)```", readme)
    given = yaml.safe_load(block[1])["datasets"]["reviews"]
    settings = Files.model_validate(given)
    assert settings.columns.label == "stars" and settings.labels["3"] is None


def test_the_documented_schemas_are_those_of_the_code():
    for task, schema in SCHEMAS.items():
        row = next(line for line in DOCS.split("\n") if line.startswith((f"| `{task}` | `", f"| any: `{task}` | `")))
        told = re.findall(r"`(\w+): ([\w<>]+)`", row)
        columns = [(f.name, "list<string>" if f.name in ("tokens", "tags", "answers") else str(f.type)) for f in schema]
        assert told == [
            (n, "list<int32>" if n == "starts" else kind) for n, kind in columns if n not in ("id", "lang")
        ] or (task == "text" and told == columns)


# --------------------------------------------------------------------------------------------------------------- real data


@pytest.mark.skipif(not (MIRROR / "wikiann").is_dir(), reason="no mirror of WikiAnn beside the repository")
def test_real_quechua(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = SPEC | {"test": "dev", "dev": {"from": "train", "fraction": 0.2, "seed": 0}}
    download(spec | {"sources": ["mirror"]}, mirror=MIRROR)
    report = read_json(stage.preprocess(spec))["splits"]
    assert [report[split]["rows"] for split in SPLITS] == [80, 20, 100]
    # Counted with cut, sort and uniq in the files: 33 B-PER in train, 35 in dev.
    assert [report["train"]["labels"]["B-PER"] + report["dev"]["labels"]["B-PER"]] == [33]
    assert report["test"]["labels"]["B-PER"] == 35
