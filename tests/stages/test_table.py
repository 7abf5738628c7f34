import csv
import json

import numpy as np
import pytest
from scipy import stats

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.results.scores.measures import parse_entity_metric
from pipeline.results.tables.items import ItemValues
from pipeline.stages import collect, table
from pipeline.stages.score import score
from tests.results.world import expected, finish, right, runs_file, spec_of, table_spec


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def world(joint=8):
    runs = []
    for seed in (1, 2, 3):
        for target in ("qu", "jv"):
            runs.append(finish(expected(spec_of("target_only", target, seed, sources=())), right(2 + seed)))
            runs.append(finish(expected(spec_of("joint", target, seed)), right(joint)))
    score(runs, 1)
    collect.collect(runs_file(runs))
    return runs


def stage(monkeypatch, **changes):
    monkeypatch.setattr("sys.argv", ["table", "--name", "toy", "--spec", json.dumps(table_spec(**changes))])
    table.main()


def test_from_predictions_to_a_table(monkeypatch, capsys):
    world()
    stage(monkeypatch)
    with open(paths.table("toy", "csv")) as file:
        found = {(r["row"], r["column"]): r for r in csv.DictReader(file)}
    # of 10 sentences 3, 4, 5 are right: tp 2k, fp 10 − k, fn 2 (10 − k): F1 = 4k / (4k + 3 (10 − k)) = 4k / (30 + k)
    values = [400 * k / (30 + k) for k in (3, 4, 5)]
    base = found["target_only", "en→qu"]
    assert float(base["mean"]) == pytest.approx(np.mean(values), abs=1e-5)
    assert float(base["sd"]) == pytest.approx(np.std(values, ddof=1), abs=1e-5)
    assert [float(v) for v in base["values"].split("; ")] == pytest.approx(values, abs=1e-5)
    joint = found["joint", "en→qu"]
    assert float(joint["mean"]) == pytest.approx(3200 / 38, abs=1e-5)
    # the same 8 sentences in every seed: none of the deviation is of seeds
    assert (joint["seeds_low"], joint["seeds_high"]) == ("", "")
    assert float(joint["crossed_low"]) < float(joint["mean"]) < float(joint["crossed_high"])
    low, high = np.mean(values) + stats.t.ppf(0.975, 2) * np.std(values, ddof=1) / 3**0.5 * np.array([-1, 1])
    assert (float(base["seeds_low"]), float(base["seeds_high"])) == pytest.approx((low, high), abs=1e-5)
    assert float(base["crossed_low"]) < low < high < float(base["crossed_high"])
    difference = [float(joint[f"difference{key}"]) for key in ("_crossed_low", "_low", "", "_high", "_crossed_high")]
    assert difference == sorted(difference)
    assert float(joint["p"]) < float(joint["p_crossed"]) < 0.2
    assert joint["sentences"] == "10"
    assert found["joint", "average"]["language"] == ""
    text = paths.table("toy", "md").read_text()
    assert capsys.readouterr().out.endswith(text)
    assert "Test sets: 10 sentences each. " in text and ". 95 % interval of a mean over seeds and sentences: ±" in text
    assert "\\toprule" in paths.table("toy", "tex").read_text()


def test_same_scores_same_bytes(monkeypatch):
    world()
    stage(monkeypatch)
    files = [paths.table("toy", suffix) for suffix in ("csv", "md", "tex")]
    first = [file.read_bytes() for file in files]
    stage(monkeypatch)
    assert [file.read_bytes() for file in files] == first


def test_nothing_half_written_when_the_description_is_wrong(monkeypatch):
    world()
    with pytest.raises(UserError, match="no score is called"):
        stage(monkeypatch, metric="f1")
    assert not paths.table("toy", "csv").exists()


def test_no_scores_no_table(monkeypatch):
    with pytest.raises(UserError, match=r"scores.parquet: no such file"):
        stage(monkeypatch)


def test_counts_are_aligned_by_sentence_and_zero_where_a_type_is_absent():
    run = world()[1]
    # sentences qu-0 … qu-7 are right (PER and LOC found), qu-8 and qu-9 wrong (both missed, an ORG invented)
    assert (
        ItemValues("ner", "entity_f1_strict").counts(run.name, "qu")[0][0].tolist() == [[2, 0, 0]] * 8 + [[0, 1, 2]] * 2
    )
    assert (
        ItemValues("ner", "entity_f1_strict_ORG").counts(run.name, "qu")[0][0].tolist()
        == [[0, 0, 0]] * 8 + [[0, 1, 0]] * 2
    )
    assert (
        ItemValues("ner", "entity_f1_strict_PER").counts(run.name, "qu")[0][0].tolist()
        == [[1, 0, 0]] * 8 + [[0, 0, 1]] * 2
    )


def test_runs_tested_on_different_sentences_are_not_compared():
    first, second = world()[:2]
    finish(second, right(3, total=9))
    score([second], 1)
    with pytest.raises(UserError, match="its test items of 'qu' are not those of"):
        ItemValues("ner", "entity_f1_strict").of_runs([first.name, second.name], "qu")


@pytest.mark.parametrize(
    ("metric", "parts"),
    [
        ("entity_f1_strict", ("f1", "strict", "all")),
        ("entity_recall_lenient_PER", ("recall", "lenient", "PER")),
    ],
)
def test_metric_names_are_read(metric, parts):
    assert parse_entity_metric(metric) == parts


def test_another_metric_has_no_item_test():
    with pytest.raises(UserError, match="no per-example test for metric 'accuracy'"):
        parse_entity_metric("accuracy")
