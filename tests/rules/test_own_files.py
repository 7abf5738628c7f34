"""A folder of the user's own files through the whole workflow: to its table, and again only where a file changed."""

import copy
import csv
import json
import os
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.rules.house import House, methods

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

ENCODER = {
    "layers": 1,
    "hidden_size": 16,
    "heads": 2,
    "vocabulary_size": 150,
    "max_length": 32,
    "steps": 2,
    "batch_size": 4,
}
OWN: dict[str, Any] = {
    "datasets": {
        "shop": {
            "loader": "files",
            "task": "sentiment",
            "folder": "mine",
            "files": {"all": "{language}/reviews.csv"},
            "languages": {"de": "german", "nds": "low german"},
            "columns": {"text": "body", "label": "stars"},
            "labels": {"1": "bad", "2": "bad", "3": "fair", "4": "good", "5": "good", "0": None},
            "cut": {"dev": 0.2, "test": 0.3},
        }
    },
    "encoders": {"tiny": {"from": "pretrain", "text": [{"dataset": "shop", "languages": ["de", "nds"]}], **ENCODER}},
    "training": {"epochs": 1, "batch_size": 8, "max_length": 32, "learning_rate": 0.001},
    "experiments": {
        "shop": {
            "dataset": "shop",
            "encoder": "tiny",
            "methods": ["target_only", "joint"],
            "sources": ["de"],
            "targets": ["nds"],
            "source_size": 0.5,
            "target_size": 0.5,
        }
    },
    "tables": {"shop": {"experiments": ["shop"], "baseline": "target_only"}},
}
WORDS = {"de": ["gut", "schlecht", "mittel", "Schuh", "Hemd"], "nds": ["goot", "leeg", "middel", "Schoh", "Hemd"]}


def write_reviews(house: House, language: str, called: str, rows: int = 40, seed: int = 0) -> Path:
    """Write reviews of one to five stars, as many of each, and two without a rating."""
    rng = random.Random(f"{language} {seed}")
    file = house.folder / "mine" / called / "reviews.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["body", "stars", "shop"])
        for row in range(rows):
            writer.writerow([f"{' '.join(rng.choices(WORDS[language], k=5))} {row}", row % 5 + 1, "x"])
        writer.writerows([["Hemd, sagt nix", 0, "x"], ["Schuh, sagt nix", 0, "y"]])
    return file


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Run the workflow over own files once, for real. A test that runs or changes something takes a copy."""
    house = House.build(tmp_path_factory.mktemp("shop") / "house")
    for language, called in OWN["datasets"]["shop"]["languages"].items():
        write_reviews(house, language, called)
    house.config("config.yaml", OWN)
    house.run()
    return house


def changed(house: House, **options: Any) -> str:
    """Write the config with other options of its dataset, and return the file's name."""
    config = copy.deepcopy(OWN)
    config["datasets"]["shop"].update(options)
    return house.config("changed.yaml", config)


def languages(jobs: dict[str, list[str]], rule: str) -> list[str]:
    return [job.partition("language=")[2] for job in jobs.get(rule, [])]


def everything_of(jobs: dict[str, list[str]]) -> None:
    """What follows from one language's data: the encoder read it, so all is made again."""
    assert sorted(jobs) == ["collect", "download", "encoder", "preprocess", "score", "table", "train_run"]
    assert methods(jobs) == ["joint", "target_only"]


# ------------------------------------------------------------------------------------------------------------ the table


def test_three_classes_come_to_a_table_of_their_macro_f1(shop: House) -> None:
    shown = (shop.folder / "results/tables/shop.md").read_text()
    assert shown.startswith("Macro-F1 over the classes") and "12 texts each" in shown
    with (shop.folder / "results/tables/shop.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["metric"] for row in rows} == {"f1_macro"}
    assert sorted(row["variant"] for row in rows) == ["joint", "target_only"]
    assert all(0 <= float(row["mean"]) <= 100 and row["n"] == "1" for row in rows)
    scores = pq.read_table(shop.folder / "results/scores.parquet").to_pylist()
    assert {row["task"] for row in scores} == {"sentiment"}
    assert {"f1_macro", "accuracy", "f1_bad", "f1_fair", "f1_good"} <= {row["metric"] for row in scores}
    assert {row["n"] for row in scores if row["metric"] == "accuracy"} == {12}  # 0.3 of 40


def test_splits_have_the_classes_in_their_shares(shop: House) -> None:
    (report,) = shop.folder.glob("results/data/shop-*/nds/report.json")
    splits = json.loads(report.read_text())["splits"]
    labels = {
        name: pq.read_table(report.with_name(f"{name}.parquet"))["label"].to_pylist()
        for name in ("train", "dev", "test")
    }
    assert {name: len(found) for name, found in labels.items()} == {"train": 20, "dev": 8, "test": 12}
    assert {label: labels["train"].count(label) for label in ("bad", "fair", "good")} == {
        "bad": 8,
        "fair": 4,
        "good": 8,
    }
    assert sum(splits["train"]["dropped"].values()) == 2  # the two without a rating


def test_runs_took_the_shares(shop: House) -> None:
    specs = [json.loads(path.read_text())["spec"] for path in shop.folder.glob("results/runs/*/run.json")]
    assert sorted(str(spec["target_size"]) for spec in specs) == ["0.5", "0.5"]
    assert {spec["source_size"] for spec in specs if spec["sources"]} == {0.5}
    steps = [pq.read_table(path).num_rows for path in shop.folder.glob("results/runs/*-target_only-*/steps.parquet")]
    assert steps == [2]  # half of 20 sentences in batches of 8
    assert shop.planned() == {}


# ---------------------------------------------------------------------------------------------------- what runs again


def test_files_that_did_not_change_run_nothing(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    (house.folder / "mine/low german/notes.txt").write_text("not named in the config")
    for file in house.folder.glob("mine/*/reviews.csv"):
        os.utime(file)  # the same bytes
    assert house.planned() == {}


def test_a_file_that_changed_is_read_again_and_the_other_is_not(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    write_reviews(house, "nds", "low german", rows=50)
    jobs = house.planned()
    assert languages(jobs, "download") == languages(jobs, "preprocess") == ["nds"]
    everything_of(jobs)
    house.run("prepare")
    (report,) = house.folder.glob("results/data/shop-*/nds/report.json")
    assert json.loads(report.read_text())["splits"]["train"]["rows"] == 25  # half of 50
    jobs = house.planned()
    assert sorted(jobs) == ["collect", "score", "table", "train_run"]  # the same runs, trained again


def test_what_a_language_is_called_reads_that_language_again(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    write_reviews(house, "nds", "platt")
    called = {"de": "german", "nds": "low german"}
    assert house.planned(config=changed(house, languages={**called, "fy": "frisian"})) == {}
    jobs = house.planned(config=changed(house, languages={**called, "nds": "platt"}))
    assert languages(jobs, "download") == languages(jobs, "preprocess") == ["nds"]
    assert house.planned(config=changed(house, licence="mine")) == {}


def test_other_labels_are_another_dataset(shop: House) -> None:
    labels = {**OWN["datasets"]["shop"]["labels"], "3": None}
    jobs = shop.planned(config=changed(shop, labels=labels))
    assert languages(jobs, "download") == ["de", "nds"]
    everything_of(jobs)


# ---------------------------------------------------------------------------------------------------- what goes wrong


def said_in(house: House, language: str) -> str:
    """What the download of a language said, the latest of several datasets' downloads."""
    logs = house.folder.glob(f"logs/download/shop-*/{language}.log")
    return max(logs, key=lambda path: path.stat().st_mtime_ns).read_text()


def test_a_missing_file_is_told_by_the_stage(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    done = house.snakemake(config=changed(house, files={"all": "{language}/review.csv"}))
    assert done.returncode != 0
    told = said_in(house, "nds")
    assert told == "error: mine/low german/review.csv: no such file; did you mean 'reviews.csv'?\n"
    assert told.strip() in done.stdout + done.stderr  # and shown


def test_a_file_that_went_away_is_told_too(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    (house.folder / "mine/german/reviews.csv").unlink()
    assert languages(house.planned(), "download") == ["de"]
    assert house.snakemake().returncode != 0
    told = said_in(house, "de")
    assert told.startswith("error: ") and "german/reviews.csv" in told, told


def test_a_label_that_is_not_listed_is_told_with_its_row(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    file = house.folder / "mine/low german/reviews.csv"
    file.write_text(file.read_text(encoding="utf-8") + "Schoh,6,x\n", encoding="utf-8")
    assert house.snakemake().returncode != 0
    told = said_in(house, "nds")
    assert "reviews.csv" in told and "unknown label '6'" in told and "line 44" in told.replace(":44", " line 44"), told
