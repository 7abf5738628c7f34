"""What a table says of the data and the tokens that its scores rest on."""

import pytest

from pipeline.common import paths
from pipeline.common.files import read_json, write_json
from pipeline.results.scores.doubts import doubts
from pipeline.results.scores.outcomes import facts
from pipeline.results.tables.cells import Column
from pipeline.results.tables.doubts import of_data, of_pieces
from pipeline.results.tables.latex import to_latex
from pipeline.results.tables.notes import notes, remarks
from pipeline.results.tables.render import to_markdown
from pipeline.stages import collect
from pipeline.stages.score import score
from pipeline.training.warnings import find_warnings
from tests.results.tables.test_table import experiment, rows, table_of
from tests.results.world import expected, finish, right, runs_file, spec_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def doubt(language, share=0.25, kind="duplicates", split="test", other="train", dataset="toy-0"):
    says = f"{100 * share:.0f} of 100 {split} sentences {f'stand in {other}' if other else 'could not be used'}"
    facts = {"kind": kind, "split": split, "with": other, "rows": round(100 * share), "share": share, "says": says}
    return {"dataset": dataset, "language": language, **facts}


def unknown(language="th", share=0.12, split="test", encoder="wp-1a2b3c4d", runs=(), **changes):
    counts = {
        "max_length": 128,
        "pieces": 1000,
        "unknown_pieces": round(1000 * share),
        "words": 9,
        "truncated_words": 0,
    }
    spec = {"task": "ner", "encoder": encoder}
    (found,) = find_warnings(spec, {str(paths.split("toy-0", language, split)): {**counts, **changes}})
    return {**found, "runs": list(runs)}


def test_lost_marks_are_said_of_each_encoder():
    marks = {"unmarked_words": 40, "text_words": 100}
    found = [unknown("yo", 0, "test", "wp-1a2b3c4d", **marks), unknown("qu", 0, "test", "mbert-1a2b3c4d", **marks)]
    assert of_pieces(found) == [
        "40 % of the test words of yo lose accents or tone marks to the tokenizer of wp.",
        "40 % of the test words of qu lose accents or tone marks to the tokenizer of mbert.",
    ]
    assert of_pieces(found[:1]) == [
        "40 % of the test words of yo lose accents or tone marks to the encoder's tokenizer."
    ]


def test_doubtful_data_is_one_sentence_a_dataset_the_worst_language_named():
    assert of_data([doubt("qu")]) == ["Data of toy: 25 of 100 test sentences stand in train (qu)."]
    found = [doubt("qu", 0.1), doubt("jv", 0.5), doubt("yo", 0.2), doubt("yo", 0.03, "dropped", other=None)]
    assert of_data([*found, doubt("en", dataset="my-own-12345678")]) == [
        "Data of toy: 50 of 100 test sentences stand in train (jv; a smaller share in 2 other languages); "
        "3 of 100 test sentences could not be used (yo).",
        "Data of my-own: 25 of 100 test sentences stand in train (en).",
    ]


def test_many_doubts_are_no_page():
    kinds = [(split, other) for split in ("train", "dev", "test") for other in ("train", "dev", None)]
    found = [doubt(f"l{i}", 0.1 + i / 1000, split=s, other=o) for s, o in kinds for i in range(60)]
    (said,) = of_data(found)
    assert said.startswith("Data of toy: 16 of 100 test sentences stand in train (l59; a smaller share in 59 other l")
    assert said.endswith("; more in its reports.") and len(said) < 400


def test_unknown_pieces_are_one_sentence_an_encoder():
    says = "12 % of the pieces of th's test sentences are unknown to the encoder's tokenizer"
    assert of_pieces([unknown()]) == [f"{says}."]
    found = [unknown(share=0.06, split="train"), unknown(), unknown("my", 0.08), unknown("km", 0.08)]
    assert of_pieces(found) == [f"{says}; fewer in 2 other languages."]
    assert of_pieces([unknown(), unknown("lo", 0.5, encoder="mbert.100-12345678@lo-42-87654321")]) == [
        "12 % of the pieces of th's test sentences are unknown to the tokenizer of wp.",
        "50 % of the pieces of lo's test sentences are unknown to the tokenizer of mbert.100.",
    ]


def test_cut_words_are_a_sentence():
    cut = unknown("jv", 0.0, words=100, truncated_words=8)
    assert of_pieces([cut]) == ["8 % of the test words of jv have no piece within max_length 128 and count as O."]


def test_a_table_tells_of_its_own_runs_and_languages_alone():
    runs = [r["run"] for r in rows()]
    told = {
        "data": [doubt("qu"), doubt("yo"), doubt("jv", dataset="other-1")],
        "runs": [unknown(runs=["elsewhere"], share=0.9), unknown("qu", runs=[runs[0], "elsewhere"])],
    }
    table = table_of(rows(), told=told)
    plain = table_of(rows())
    own = [
        "Data of toy: 25 of 100 test sentences stand in train (qu).",
        "12 % of the pieces of qu's test sentences are unknown to the encoder's tokenizer.",
    ]
    assert remarks(table) == [*remarks(plain), *own]
    last = len(notes(plain, "Underlined"))
    assert to_markdown(table) == to_markdown(plain) + "".join(f"{n}. {line}\n" for n, line in enumerate(own, last + 1))
    assert "12 \\% of the pieces" in to_latex(table)


def test_of_columns_that_only_an_average_shows_it_is_told_too():
    told = {"data": [doubt("jv")]}
    table = table_of(rows(), told=told, columns="average", experiments=[experiment()])
    assert Column("jv") in table.averaged and "(jv)." in remarks(table)[-1]


def collected(*runs):
    score(runs, 1)
    collect.collect(runs_file(runs))
    return facts(paths.scores())


def test_warnings_travel_from_reports_and_runs_to_the_scores():
    runs = [finish(expected(spec_of("joint", target, seed)), right(3)) for target in ("qu", "jv") for seed in (1, 2)]
    assert "doubts" not in collected(*runs)
    told = doubt("qu")
    bare = {key: value for key, value in told.items() if key not in ("dataset", "language")}
    write_json(paths.data_report("toy-00000000", "qu"), {"warnings": [bare]})
    write_json(paths.data_report("toy-00000000", "jv"), {"splits": {}})  # of before
    warning = {key: value for key, value in unknown("jv").items() if key != "runs"}
    for run in runs[2:]:
        write_json(paths.run_record(run.name), {**read_json(paths.run_record(run.name)), "warnings": [warning]})
    found = collected(*runs)["doubts"]
    assert found["data"] == [{**told, "dataset": "toy-00000000"}]
    assert found["runs"] == [{**warning, "runs": sorted(run.name for run in runs[2:])}]
    assert doubts(runs[2:3])["runs"] == [{**warning, "runs": [runs[2].name]}]
