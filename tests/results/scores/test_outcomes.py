"""Outcomes of stored predictions: by hand for each task, and all of them through the score stage."""

import json

import pyarrow as pa
import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, read_parquet, write_parquet
from pipeline.data.schema import CLASSES, LABELS, PREDICTIONS
from pipeline.results.scores.measures import totals
from pipeline.results.scores.outcomes import (
    OUTCOMES,
    SCORERS,
    facts,
    score_answer_predictions,
    score_class_predictions,
    score_predictions,
    score_run,
)
from pipeline.stages import score
from pipeline.tasks.metric_names import MAIN


def predictions(task, *rows, language="en", split="test"):
    """A table of (id, what the task stores after it)."""
    filled = [(language, split, *row) for row in rows]
    columns = [[row[i] for row in filled] for i in range(len(PREDICTIONS[task].names))]
    return pa.table(columns, schema=PREDICTIONS[task])


def test_a_class_is_right_or_not():
    found = score_class_predictions(
        predictions("nli", ("a", "neutral", "neutral"), ("b", "neutral", "entailment"), language="de"), "x.parquet"
    )
    assert found.schema == OUTCOMES["nli"]
    assert found.to_pylist() == [
        {"lang": "de", "split": "test", "id": "a", "gold": "neutral", "predicted": "neutral", "correct": True},
        {"lang": "de", "split": "test", "id": "b", "gold": "neutral", "predicted": "entailment", "correct": False},
    ]
    assert score_class_predictions(predictions("sentiment"), "x").num_rows == 0


@pytest.mark.parametrize(
    ("language", "gold", "predicted", "match", "f1"),
    [
        ("en", ["the old house"], "Old house!", 1.0, 1.0),  # case, punctuation and the article do not count
        ("en", ["rome", "the city of rome"], "city rome", 0.0, 0.8),  # of city, of, rome: p 1, r 2/3
        ("en", ["die stadt"], "stadt", 0.0, 2 / 3),  # die is no article of English
        ("de", ["die stadt"], "stadt", 1.0, 1.0),
        ("de.es", ["die stadt"], "stadt", 1.0, 1.0),  # the context's language, not the question's
        ("zh", ["北京大学"], "北京", 0.0, 2 / 3),  # characters: p 1, r 1/2
        ("en", ["“Oslo”"], "Oslo", 1.0, 1.0),  # MLQA's rule; SQuAD's would keep the quotation marks
        ("en", ["rome"], "", 0.0, 0.0),
    ],
)
def test_an_answer_is_scored_by_the_rule_of_mlqa(language, gold, predicted, match, f1):
    found = score_answer_predictions(predictions("qa", ("a", gold, predicted, 0, 1), language=language), "x")
    assert found.schema == OUTCOMES["qa"]
    (row,) = found.to_pylist()
    assert (row["lang"], row["split"], row["id"]) == (language, "test", "a")
    assert (row["exact_match"], row["answer_f1"]) == (match, pytest.approx(f1))


def test_an_entity_row_a_scheme_and_type():
    found = score_predictions(predictions("ner", ("a", ["B-PER", "O"], ["I-PER", "O"])), "x")
    assert {(r["scheme"], r["type"]): (r["tp"], r["fp"], r["fn"]) for r in found.to_pylist()} == {
        ("strict", "all"): (0, 0, 1),  # I-PER opens nothing
        ("strict", "PER"): (0, 0, 1),
        ("lenient", "all"): (1, 0, 0),
        ("lenient", "PER"): (1, 0, 0),
    }


ROWS = {
    "ner": ("a", ["B-PER"], ["B-PER"]),
    "qa": ("a", ["rome"], "rome", 0, 4),
    **{task: ("a", *([*LABELS[task], "topic"][:1] * 2)) for task in CLASSES},
}


@pytest.mark.parametrize("task", sorted(ROWS))
def test_an_example_may_occur_once_in_each_language_and_split(task):
    twice = predictions(task, ROWS[task], ROWS[task])
    with pytest.raises(UserError, match=r"here\.parquet: example 'a' of en/test occurs twice"):
        SCORERS[task](twice, "here.parquet")
    both = pa.concat_tables([predictions(task, ROWS[task]), predictions(task, ROWS[task], language="de")])
    assert set(SCORERS[task](both, "x")["lang"].to_pylist()) == {"de", "en"}


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        ("nli", ("a", "neutral", None), "example 'a' of en lacks its gold or its predicted class"),
        ("nli", ("a", None, "neutral"), "example 'a' of en lacks its gold or its predicted class"),
        ("qa", ("a", [], "rome", 0, 4), "question 'a' of en: a question has no gold answer"),
        ("ner", ("a", ["O"], ["O", "O"]), "sentence 'a' of en: a sentence has 1 gold tags but 2 predicted ones"),
    ],
)
def test_broken_predictions_name_file_and_example(task, row, message):
    with pytest.raises(UserError, match=message) as error:
        SCORERS[task](predictions(task, row), "here.parquet")
    assert str(error.value).startswith("here.parquet: ")


# ------------------------------------------------------------------------------------------------------ the score stage


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def stored(task, run, *rows):
    write_parquet(
        paths.predictions(run),
        predictions(task, *rows),
        {"metalingua": canonical_json({"task": task, "run": run, "code": "c"})},
    )


@pytest.mark.parametrize("task", sorted(ROWS))
def test_a_run_of_every_task_is_scored_once(here, task):
    stored(task, "one", ROWS[task])
    sha, written = score_run("one", task, "code")
    assert written and score_run("one", task, "code") == (sha, False)
    found = read_parquet(paths.outcomes("one"), OUTCOMES[task])
    ((scores, n),) = totals(task, found).values()
    assert scores[MAIN[task]] == (0.0 if task == "relevance" else 1.0) and n == 1  # the one gold class is `irrelevant`
    assert facts(paths.outcomes("one"))["task"] == task
    assert score_run("one", task, "other code")[1]


def test_predictions_of_another_task_are_refused(here):
    stored("nli", "one", ROWS["nli"])
    with pytest.raises(UserError, match=r"holds predictions of run 'one', task 'nli'; expected 'one', 'sentiment'"):
        score_run("one", "sentiment", "code")


def test_the_stage_scores_runs_of_several_tasks(here, monkeypatch, capsys):
    entries = []
    for task in sorted(ROWS):
        stored(task, f"run-{task}", ROWS[task])
        spec = {"task": task, "evaluate": ["en"]}
        entries.append({"name": f"run-{task}", "code": "c", "uses": [], "spec": spec})
    with open("runs.json", "w") as file:
        json.dump(entries, file)
    monkeypatch.setattr("sys.argv", ["score", "--runs", "runs.json"])
    score.main()
    assert f"scored {len(ROWS)} runs, 0 were current" in capsys.readouterr().out
    assert {task: facts(paths.outcomes(f"run-{task}"))["task"] for task in ROWS} == {task: task for task in ROWS}


def test_a_task_without_a_score_is_named(here, monkeypatch):
    stored("nli", "one", ROWS["nli"])
    spec = {"task": "translation", "evaluate": ["en"]}
    with open("runs.json", "w") as file:
        json.dump([{"name": "one", "code": "c", "uses": [], "spec": spec}], file)
    monkeypatch.setattr("sys.argv", ["score", "--runs", "runs.json"])
    with pytest.raises(
        UserError, match=r"run one: no score for task 'translation'; there are: ner, sentiment, nli, rel"
    ):
        score.main()
