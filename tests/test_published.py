"""The papers' numbers: by their schema, each once, and every place where they contradict each other is told."""

import csv
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[1] / "published"
ROUNDING = Decimal("0.005")


def lines(name: str) -> list[dict[str, str]]:
    with open(FOLDER / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SCORES, CONTRADICTIONS = lines("scores.csv"), lines("contradictions.csv")


def test_every_line_is_as_the_schema_says():
    schema = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    check = Draft202012Validator(schema)
    wrong = [f"line {n}: {error.message}" for n, row in enumerate(SCORES, 2) for error in check.iter_errors(row)]
    assert not wrong
    assert list(SCORES[0]) == schema["required"]


def test_no_number_stands_there_twice():
    keys = [tuple(value for key, value in row.items() if key != "value") for row in SCORES]
    assert len(set(keys)) == len(keys) == 1050


def test_each_paper_is_cited():
    cited = yaml.safe_load((FOLDER / "papers.yaml").read_text(encoding="utf-8"))
    assert set(cited) == {row["paper"] for row in SCORES}
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, paper in cited.items():
        assert f"**{name}**" in readme and paper["url"] in readme
        assert paper["citation"].endswith(".") and paper["short"]


def means() -> dict[tuple[str, ...], tuple[str, Decimal]]:
    """By place: a printed mean with the mean of what it is over, as far as all of that is printed."""
    rows: dict[tuple[str, ...], dict[tuple[str, str], str]] = defaultdict(dict)
    for row in SCORES:
        corpus, _, part = row["dataset"].partition("/")
        key = (
            row["paper"],
            row["table"],
            row["method"],
            corpus,
            row["source"],
            row["n_source"],
            row["metric"],
            row["note"],
        )
        rows[key][part, row["target"]] = row["value"]
    found = {}
    for (paper, table, method, corpus, source, _, metric, note), row in rows.items():
        parts = {part for part, _ in row}
        for (part, target), printed in row.items():
            inner = [
                Decimal(value)
                for (p, t), value in row.items()
                if t != "average" and (p != "average" or parts == {"average"}) and target in (t, "average")
            ]
            over = target == "average" or part == "average"
            if over and len(inner) > 2 and "average over 15" not in note:
                dataset = f"{corpus}/{part}" if part else corpus
                found[paper, table, method, dataset, source, target, metric, note] = printed, sum(inner) / len(inner)
    return found


def test_every_mean_that_is_none_is_told():
    wrong = {}
    for place, (printed, mean) in means().items():
        digit = Decimal(1).scaleb(Decimal(printed).as_tuple().exponent)
        if abs(Decimal(printed) - mean) > digit / 2:
            wrong[place] = printed, str(mean.quantize(digit))
    told = {
        tuple(row[key] for key in ("paper", "table", "method", "dataset", "source", "target", "metric", "setting")): (
            row["printed"],
            row["other"],
        )
        for row in CONTRADICTIONS
        if row["kind"] == "mean"
    }
    assert told == wrong
    assert len(means()) > 60


def test_what_is_told_of_other_tables_is_printed_in_both():
    values = defaultdict(set)
    for row in SCORES:
        values[row["paper"], row["dataset"], row["target"], row["metric"]].add((row["table"], row["value"]))
    for row in CONTRADICTIONS:
        printed = values[row["paper"], row["dataset"], row["target"], row["metric"]]
        assert (row["table"], row["printed"]) in printed
        assert row["kind"] in ("mean", "elsewhere") and row["printed"] in row["note"] and row["other"] in row["note"]
        if row["kind"] == "elsewhere":
            assert any(table != row["table"] and value == row["other"] for table, value in printed)
