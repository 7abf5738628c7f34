"""Two folders of the user's own files through the whole workflow: to a table, and again only where a file changed."""

import copy
import csv
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.rules.house import SMALL_ENCODER, House, methods

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

OWN: dict[str, Any] = {
    "datasets": {
        "shop": {
            "loader": "files",
            "task": "sentiment",
            "folder": "mine",
            "files": {"all": "{language}/reviews.csv"},
            "languages": {"nds": "low german"},
            "columns": {"text": "body", "label": "stars"},
            "labels": {"1": "bad", "2": "bad", "3": "fair", "4": "good", "5": "good", "0": None},
            "cut": {"dev": 0.2, "test": 0.3},
        },
        "web": {
            "loader": "files",
            "task": "sentiment",
            "folder": "theirs",
            "files": {"train": "{language}.csv"},
            "columns": {"text": "body", "label": "stars"},
            "labels": {"0": "bad", "1": "bad", "2": "fair", "3": "fair", "4": "good", "5": None},
            "dev": {"from": "train", "fraction": 0.25},
        },
    },
    "encoders": {"tiny": {"from": "pretrain", "text": [{"dataset": "web", "languages": ["de"]}], **SMALL_ENCODER}},
    "training": {"epochs": 1, "batch_size": 8, "max_length": 32, "learning_rate": 0.001},
    "experiments": {
        "shop": {
            "dataset": "shop",
            "source_dataset": "web",
            "encoder": "tiny",
            "methods": ["target_only", "joint", "zero_shot"],
            "sources": ["de"],
            "targets": ["nds"],
            "source_size": 0.5,
            "target_size": 0.5,
        }
    },
    "tables": {"shop": {"experiments": ["shop"], "baseline": "target_only"}},
}
MINE, THEIRS = "mine/low german/reviews.csv", "theirs/de.csv"
WORDS = {"de": ["gut", "schlecht", "mittel", "Schuh", "Hemd"], "nds": ["goot", "leeg", "middel", "Schoh", "Hemd"]}


def write_reviews(house: House, path: str, language: str, rows: int = 40) -> Path:
    """Write reviews of one to five stars, as many of each, and two without a rating."""
    rng = random.Random(language)
    file = house.folder / path
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
    write_reviews(house, THEIRS, "de")
    write_reviews(house, MINE, "nds")
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


def anew_for_nds(jobs: dict[str, list[str]]) -> None:
    """What follows from the target's data: its runs, and neither the encoder nor the parent, which read the other dataset."""
    assert languages(jobs, "download") == languages(jobs, "preprocess") == ["nds"]
    assert sorted(jobs) == ["collect", "download", "preprocess", "score", "table", "train_run"]
    assert methods(jobs) == ["joint", "target_only", "zero_shot"]


# ------------------------------------------------------------------------------------------------------------ the table


def test_three_classes_come_to_a_table_of_their_macro_f1(shop: House) -> None:
    shown = (shop.folder / "results/tables/shop.md").read_text()
    assert shown.startswith("Macro-F1 over the classes") and "12 texts each" in shown
    with (shop.folder / "results/tables/shop.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["metric"] for row in rows} == {"f1_macro"}
    assert sorted(row["variant"] for row in rows) == ["joint", "target_only", "zero_shot"]
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
    sizes = {spec["method"]["name"]: (spec["source_size"], spec["target_size"]) for spec in specs}
    shares = {"target_only": (None, 0.5), "joint": (0.5, 0.5), "zero_shot": (0.5, None), "source_only": (0.5, None)}
    assert sizes == shares
    steps = [pq.read_table(path).num_rows for path in shop.folder.glob("results/runs/*-target_only-*/steps.parquet")]
    assert steps == [2]  # half of 20 sentences in batches of 8
    assert shop.planned() == {}


def test_sources_are_read_from_their_own_dataset(shop: House) -> None:
    records = {path.parent.name: json.loads(path.read_text()) for path in shop.folder.glob("results/runs/*/run.json")}
    read = {
        record["spec"]["method"]["name"]: sorted(
            f"{Path(path).parts[-3][:-9]}/{'/'.join(Path(path).parts[-2:])}" for path in record["data"]
        )
        for record in records.values()
    }
    mine = ["shop/nds/dev.parquet", "shop/nds/test.parquet", "shop/nds/train.parquet"]
    assert read == {
        "target_only": mine,
        "joint": [*mine, "web/de/train.parquet"],
        "zero_shot": ["shop/nds/test.parquet"],
        "source_only": ["web/de/dev.parquet", "web/de/train.parquet"],
    }
    (parent,) = (name for name in records if "source_only" in name)
    assert parent.startswith("sentiment-web-de-source_only-s1-")


# ---------------------------------------------------------------------------------------------------- what runs again


def test_files_that_did_not_change_run_nothing(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    (house.folder / "mine/low german/notes.txt").write_text("not named in the config")
    for name in (MINE, THEIRS):
        os.utime(house.folder / name)  # the same bytes
    assert house.planned() == {}


def test_a_file_that_changed_is_read_again_and_the_other_is_not(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    write_reviews(house, MINE, "nds", rows=50)
    anew_for_nds(house.planned())
    house.run("prepare")
    (report,) = house.folder.glob("results/data/shop-*/nds/report.json")
    assert json.loads(report.read_text())["splits"]["train"]["rows"] == 25  # half of 50
    jobs = house.planned()
    assert sorted(jobs) == ["collect", "score", "table", "train_run"]  # the same runs, trained again


def test_an_older_file_in_its_place_is_read_again(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    file = write_reviews(house, MINE, "nds", rows=50)
    os.utime(file, (1_700_000_000, 1_700_000_000))  # as `cp -p` and `unzip` leave it
    anew_for_nds(house.planned())
    assert "stale" in house.run("plan")
    shutil.rmtree(house.folder / ".snakemake")
    assert languages(house.planned(), "download") == ["nds"], "Snakemake's own records are not needed"
    write_reviews(house, MINE, "nds")
    assert languages(house.planned(), "download") == [], "what was read is back"


def test_what_a_language_is_called_reads_that_language_again(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    write_reviews(house, "mine/platt/reviews.csv", "nds")
    assert house.planned(config=changed(house, languages={"nds": "low german", "fy": "frisian"})) == {}
    anew_for_nds(house.planned(config=changed(house, languages={"nds": "platt"})))
    assert house.planned(config=changed(house, licence="mine")) == {}


def test_other_labels_are_another_dataset(shop: House) -> None:
    labels = {**OWN["datasets"]["shop"]["labels"], "2": "fair"}
    anew_for_nds(shop.planned(config=changed(shop, labels=labels)))


# ---------------------------------------------------------------------------------------------------- what goes wrong


def said_in(house: House, language: str) -> str:
    """What the download of a language said, the latest of several datasets' downloads."""
    logs = house.folder.glob(f"logs/download/*/{language}.log")
    return max(logs, key=lambda path: path.stat().st_mtime_ns).read_text()


def test_a_missing_file_is_told_by_the_stage(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    done = house.snakemake(config=changed(house, files={"all": "{language}/review.csv"}))
    assert done.returncode != 0
    told = said_in(house, "nds")
    assert told == "error: mine/low german/review.csv: no such file; did you mean 'reviews.csv'?\n"
    shown = done.stdout + done.stderr
    assert shown.count(told.removeprefix("error: ").strip()) == 1 and "--spec" not in shown, (
        "said once, and nothing around it"
    )


def test_a_file_that_went_away_is_told_too(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    (house.folder / THEIRS).unlink()
    assert languages(house.planned(), "download") == ["de"]
    assert house.snakemake().returncode != 0
    told = said_in(house, "de")
    assert told.startswith("error: theirs/de.csv: no such file"), told


def test_a_label_that_is_not_listed_is_told_with_its_row(shop: House, tmp_path: Path) -> None:
    house = shop.copy(tmp_path / "house")
    file = house.folder / MINE
    file.write_text(file.read_text(encoding="utf-8") + "Schoh,6,x\n", encoding="utf-8")
    assert house.snakemake().returncode != 0
    told = said_in(house, "nds")
    assert "reviews.csv" in told and "unknown label '6'" in told and "line 44" in told.replace(":44", " line 44"), told
