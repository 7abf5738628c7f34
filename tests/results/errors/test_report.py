"""From stored runs to tables and a figure: averages over seeds, what is missing, the same examples as training takes."""

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.data.schema import LABELS, Facts, ner_table, task_table, write_split
from pipeline.results.errors import known
from pipeline.results.errors.grids import PARTS, Grid, grids, items_text, number_text, size_text
from pipeline.results.errors.report import Cell, Number, Report, find_runs, missing
from pipeline.results.errors.spec import Key, Spec, read_spec
from pipeline.results.errors.text import ACROSS, DOWN, pieces
from pipeline.results.figures.errors import draw_errors, matrix, panels
from pipeline.results.scores.collect import SCORES
from pipeline.results.statistics.seeds import summarise
from pipeline.stages import collect, errors
from pipeline.stages.score import score
from pipeline.training.data import RunData
from tests.results.world import GOLD, expected, finish, right, runs_file, spec_of

TOKENS = ["Ann", "Lee", "in", "Rome"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known.read_known.cache_clear()


def write(dataset: str, language: str, split: str, rows) -> None:
    table = ner_table(language, rows)
    write_split(paths.split(dataset, language, split), table, Facts("ner", LABELS["ner"], dataset, language, split))


def spec(**changes) -> dict:
    methods = [
        {"name": name, "label": label, "seeds": [[42, 1], [42, 2]]}
        for name, label in (("target_only", "target_only"), ("joint", "Both | joined"))
    ]
    found = {
        **{
            "title": "",
            "experiment": "main",
            "task": "ner",
            "dataset": "toy-00000000",
            "source_dataset": "toy-00000000",
        },
        **{"sources": ["en"], "languages": ["qu"], "methods": methods},
        "known": {"target": {"split": "train", "size": 1}, "source": {"split": "train", "size": None}},
    }
    return {**found, **changes}


def world(joint_seeds=(1,)) -> list:
    """Ten test sentences, of which `target_only` has 4 or 6 right and `joint` 8."""
    write("toy-00000000", "qu", "test", [(f"qu-{i}", TOKENS, GOLD) for i in range(10)])
    write("toy-00000000", "qu", "train", [("t", ["ROME", "burns"], ["B-LOC", "O"])])
    write("toy-00000000", "en", "train", [("e", ["ann", "and", "lee", "Mo"], ["B-PER", "O", "B-PER", "I-PER"])])
    runs = [
        *(finish(expected(spec_of("target_only", "qu", s, sources=())), right(2 + 2 * s)) for s in (1, 2)),
        *(finish(expected(spec_of("joint", "qu", s)), right(8)) for s in joint_seeds),
    ]
    unfinished = [expected(spec_of("joint", "qu", s)) for s in (1, 2) if s not in joint_seeds]
    score(runs, 1)
    collect.collect(runs_file([*runs, *unfinished]), partial=True)
    return runs


def stage(monkeypatch, **changes) -> None:
    monkeypatch.setattr("sys.argv", ["errors", "--name", "toy", "--spec", json.dumps(spec(**changes))])
    errors.main()


def test_from_predictions_to_tables_and_a_figure(monkeypatch, capsys):
    runs = world()
    stage(monkeypatch)
    rows = list(csv.DictReader(io.StringIO(paths.errors("toy", "csv").read_text())))
    found = {(row["method"], row["part"], row["group"], row["predicted"]): row for row in rows}
    # a wrong sentence misses a person and takes a place for an organisation
    missed = found["target_only", "kinds", "missed", ""]
    assert (missed["n"], missed["mean"], missed["items"], missed["values"]) == ("2", "25.0", "20", "30.0; 20.0")
    assert float(missed["sd"]) == pytest.approx(np.std([30, 20], ddof=1))
    assert missed["runs"] == "; ".join(run.name for run in runs[:2])
    assert found["joint", "kinds", "type", ""]["mean"] == "10.0"
    assert found["joint", "confusion", "LOC", "ORG"]["mean"] == "20.0"
    assert found["joint", "confusion", "PER", "none"]["mean"] == "20.0"
    assert float(found["joint", "known", "target", ""]["mean"]) == pytest.approx(
        100 * 16 / 20
    )  # Rome: 8 right, 2 of another type
    assert found["joint", "known", "source", ""]["items"] == "10"  # Ann Lee
    assert ("joint", "known", "neither", "") not in found
    counts = found["joint", "frequency", "PER", ""]
    assert (counts["in_target_training"], counts["in_others_training"]) == ("0", "2")
    text = paths.errors("toy", "md").read_text()
    assert "Mean ± standard deviation over 2 seeds" in text
    assert "25.0 ± 7.1" in text and "Both \\| joined on qu: 1 of 2 seeds (model seed 2: not trained)" in text
    assert "the target's train (1 example), the sources' train (all of each)" in text
    assert capsys.readouterr().out.endswith(text)
    assert r"Both \textbar{} joined" in paths.errors("toy", "tex").read_text()
    assert paths.errors("toy", "pdf").read_bytes().startswith(b"%PDF")
    assert paths.errors("toy", "png").read_bytes().startswith(b"\x89PNG")


def test_other_test_items_and_unknown_experiments_are_refused(monkeypatch):
    runs = world()
    with pytest.raises(UserError, match="no score of experiment 'mian'; train its runs first"):
        stage(monkeypatch, experiment="mian")
    write("toy-00000000", "qu", "test", [("other", TOKENS, GOLD)])
    with pytest.raises(UserError, match=f"{runs[0].name}.*test items of 'qu' are not those of the test split"):
        stage(monkeypatch)
    with pytest.raises(UserError, match="no errors are known of task 'text'"):
        read_spec(json.dumps(spec(task="text")))


@pytest.mark.parametrize(("split", "size"), [("train", 7), ("train", 0.3), ("train", None), ("dev", 500)])
def test_known_examples_are_those_that_training_takes(split, size):
    rows = [(str(i), f"text {i}", "abc"[i % 3]) for i in range(40)]
    table = task_table("sentiment", "qu", rows)
    path = Path("results/data/toy/qu/train.parquet")
    found = known.chosen_rows(table, "sentiment", split, size, 5, path)
    reader = SimpleNamespace(task_name="sentiment")
    theirs = RunData(reader, {}, 5).rows(path, table, 40 if split == "dev" else size)
    assert found["id"].to_pylist() == table.take(theirs)["id"].to_pylist()


def test_what_is_missing_is_said_by_name():
    told = Spec(
        **spec(languages=["qu", "jv"], known={"auxiliary": {"languages": ["jv"], "split": "train", "size": None}})
    )
    runs = {(name, ("en", language)): {} for name in ("target_only", "joint") for language in ("qu", "jv")}
    runs["target_only", ("en", "qu")] = {(42, 1): "run"}
    entry = {"experiment": "main", "variant": "target_only", "sources": "", "data_seed": 42, "model_seed": 2}
    said = list(missing(told, runs, {"missing": [{**entry, "language": "qu", "reason": "not trained"}]}))
    assert said[0] == "target_only on qu: 1 of 2 seeds (model seed 2: not trained)."
    assert said[1] == "target_only on jv: no run, it is an auxiliary language."
    assert said[2] == "Both | joined on qu: 0 of 2 seeds (model seed 1: no such run, model seed 2: no such run)."


def test_two_runs_of_one_seed_are_refused():
    row = dict.fromkeys(SCORES.names) | {"experiment": "main", "variant": "joint", "sources": "en", "language": "qu"}
    rows = [{**row, "data_seed": 42, "model_seed": 1, "run": name} for name in ("a", "b", "b")]
    with pytest.raises(UserError, match="joint: two runs on qu with model seed 1: a, b"):
        find_runs(Spec(**spec()), pa.Table.from_pylist(rows, schema=SCORES))


# ------------------------------------------------------------------------------------------------------- words, and pictures


def report(task: str, cells: dict, languages=("qu",)) -> Report:
    """A report of made up numbers: by method, language and key its values by seed, of 50 items."""
    names = list(dict.fromkeys(method for method, _ in cells))
    methods = [{"name": name, "label": name, "seeds": []} for name in names]
    told = Spec(**spec(task=task, languages=list(languages), methods=methods, known={}))
    made = {
        (method, ("en", language)): Cell(
            {(42, 1): "run"},
            {key: Number(summarise(list(values)), 50, dict(enumerate(values))) for key, values in numbers.items()},
        )
        for (method, language), numbers in cells.items()
    }
    return Report("toy", told, made, {("en", language): {} for language in languages}, [])


def kinds(*shares: float) -> dict:
    names = ("boundary", "type", "both", "missed", "invented")
    return {Key("kinds", name): [share] for name, share in zip(names, shares, strict=True)}


def test_bars_are_as_long_as_their_kinds_one_after_the_other():
    figure = draw_errors(
        report("ner", {("a", "qu"): kinds(0.1, 0.2, 0, 0.3, 0.05), ("b", "qu"): kinds(0, 0, 0, 0, 1.5)})
    )
    (axis,) = figure.axes
    assert figure.get_size_inches()[0] == pytest.approx(3.35)
    bars = {box.get_label(): [(p.get_x(), p.get_width()) for p in box] for box in axis.containers}
    assert bars["type"] == [pytest.approx((10, 20)), pytest.approx((0, 0))]
    assert bars["missed"][0] == pytest.approx((30, 30))
    assert [text.get_text() for text in axis.texts] == ["65", "150"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]


def test_many_bars_are_drawn_as_the_mean_over_targets():
    languages = [f"l{i}" for i in range(21)]
    cells = {(m, language): kinds(i / 100, 0, 0, 0, 0) for m in "ab" for i, language in enumerate(languages)}
    many = report("ner", cells, languages)
    assert [title for title, _ in panels(many, 40)] == ["mean over 21 targets"]
    (axis,) = draw_errors(many).axes
    assert axis.containers[0][0].get_width() == pytest.approx(10)


def test_a_matrix_for_each_method():
    numbers = {Key("confusion", "x", "x"): [0.9], Key("confusion", "x", "y"): [0.1], Key("confusion", "y", "y"): [1.0]}
    found = report("sentiment", {("a", "qu"): numbers, ("b", "qu"): numbers, ("c", "qu"): numbers})
    assert matrix(found, "a", [("en", "qu")], ["x", "y"]).tolist() == [[90, 10], [0, 100]]
    figure = draw_errors(found)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", ""]
    assert [text.get_text() for text in figure.axes[0].texts] == ["90", "10", "0", "100"]


def test_numbers_of_few_items_stand_in_parentheses():
    assert number_text(Number(summarise([0.5, 0.7]), 19, {})) == "(60.0 ± 14.1)"
    assert number_text(Number(summarise([0.5]), 20, {})) == "50.0"
    assert [size_text(size) for size in (None, 0.1, 100)] == ["all", "10 % of all", "100 examples"]
    assert [items_text(n) for n in (3.0, 2.5)] == ["3", "2.5"]


def test_questions_of_other_first_words_have_tables_of_their_own():
    first, second = ({Key("question", word): [0.5] for word in words} for words in (("who", "what"), ("wer",)))
    found = grids(report("qa", {("a", "en"): first, ("a", "de"): second}, ["en", "de"]))
    assert [grid.head[2:] for grid in found] == [["what", "who"], ["wer"]]


def test_long_and_wide_grids_fit_their_pages():
    head = ["", "", *map(str, range(ACROSS + 2))]
    block = [["qu", f"m{i}", *"1" * (ACROSS + 2)] for i in range(12)]
    found = list(pieces(Grid(PARTS["ner"][0], head, [block] * 5)))
    assert sum(len(part) for grid in found for part in grid.blocks) == 60
    assert all(2 * sum(map(len, grid.blocks)) <= DOWN for grid in found)
