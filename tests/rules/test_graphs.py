"""CLS-10 in its original XML, a miniature made by hand, through the whole workflow with MGL: to a table and both figures."""

import csv
import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.data.review_files import english, item, write_reviews
from tests.rules.house import SMALL_ENCODER, House

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

WORDS = {
    "en": ("good fine warm", "poor dull cold", "book page story"),
    "de": ("gut fein warm", "schlecht fad kalt", "Buch Seite Roman"),
    "fr": ("bon chaud fin", "mauvais froid fade", "livre page roman"),
    "ja": ("良い 面白い 温かい", "悪い 退屈 冷たい", "本 頁 物語"),
}
COUNTS = {"train": 30, "test": 10}
CONFIG: dict[str, Any] = {
    "datasets": {
        "books": {
            "loader": "cls10",
            "sources": ["folder"],
            "folder": "cls-acl10-unprocessed",
            "domain": "books",
            "dev": {"from": "train", "fraction": 0.2},
            "expected": {language: COUNTS for language in WORDS},
        }
    },
    "encoders": {
        "tiny": {"from": "pretrain", "text": [{"dataset": "books", "languages": list(WORDS)}], **SMALL_ENCODER}
    },
    "training": {"epochs": 1, "batch_size": 8, "max_length": 32, "learning_rate": 0.001},
    "methods": {
        "joint": {"batches": "concatenated"},
        "multi_task": {"batches": "concatenated"},
        "reptile_fine_tune": {"iterations": 2, "inner_steps": 2},
        "mgl": {
            "support_size": 2,
            "query_size": 4,
            "neighbours": 4,
            "train_episodes": 3,
            "test_episodes": 2,
            "eval_times": 2,
        },
    },
    "experiments": {
        "fr": {
            "dataset": "books",
            "encoder": "tiny",
            "methods": ["joint", "multi_task", "language_adversarial", "reptile_fine_tune", "mgl"],
            "sources": [["en", "de", "ja"]],
            "targets": ["fr"],
            "target_size": 0.5,
            "model_seeds": [1, 2],
        },
        "shares": {
            "dataset": "books",
            "encoder": "tiny",
            "methods": ["joint", "mgl"],
            "sources": [["en", "de", "ja"]],
            "targets": ["fr"],
            "target_size": [0.5, "all"],
            "model_seeds": [1, 2],
        },
    },
    "tables": {"fr": {"experiments": ["fr"], "metric": "accuracy", "baseline": "reptile_fine_tune"}},
    "figures": {
        "graph": {"kind": "meta_graph", "experiments": ["fr"], "draws": 5},
        "shares": {"kind": "sizes", "experiments": ["shares"], "metric": "accuracy"},
    },
}


def write_language(folder: Path, language: str) -> None:
    """Write a language's reviews of books, half of them of one or two stars; the English in its own schema."""
    rng, make = random.Random(language), english if language == "en" else item
    good, bad, things = (words.split() for words in WORDS[language])
    for split, count in COUNTS.items():
        items = []
        for row in range(count):
            stars, told = (f"{rng.choice([4, 5])}.0", good) if row % 2 else (f"{rng.choice([1, 2])}.0", bad)
            said = " ".join([*rng.choices(told, k=2), *rng.choices(things, k=3), str(row)])
            items.append(make(stars, rng.choice(told), said))
        place = folder / language / "books"
        place.mkdir(parents=True, exist_ok=True)
        write_reviews(place / f"{split}.review", items)


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Run the workflow on them once, for real."""
    house = House.build(tmp_path_factory.mktemp("reviews") / "house")
    for language in WORDS:
        write_language(house.folder / "cls-acl10-unprocessed", language)
    house.config("config.yaml", CONFIG)
    house.run()
    return house


def test_the_splits_are_those_of_the_files(reviews: House) -> None:
    for language in WORDS:
        (report,) = reviews.folder.glob(f"results/data/books-*/{language}/report.json")
        rows = {name: pq.read_table(report.with_name(f"{name}.parquet")).num_rows for name in ("train", "dev", "test")}
        assert rows == {"train": 24, "dev": 6, "test": 10}


def test_all_methods_come_to_a_table(reviews: House) -> None:
    with (reviews.folder / "results/tables/fr.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["variant"] for row in rows} == set(CONFIG["experiments"]["fr"]["methods"])
    assert all(0 <= float(row["mean"]) <= 100 and row["n"] == "2" for row in rows)


def test_mgl_trained_in_both_stages_and_kept_its_graph(reviews: House) -> None:
    runs = [path for path in reviews.folder.glob("results/runs/*-mgl-*") if (path / "model/model.safetensors").exists()]
    assert len(runs) == 2, "those of the figure, one a seed"
    for run in runs:
        lines = (run / "history.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["phase"] for line in lines] == ["meta_train", "meta_test"]
        assert b"own.graph.scale.weight" in (run / "model/model.safetensors").read_bytes()


def test_both_figures_are_drawn_and_nothing_is_left_to_do(reviews: House) -> None:
    for name in ("graph", "shares"):
        assert (reviews.folder / f"results/figures/{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (reviews.folder / f"results/figures/{name}.png").read_bytes().startswith(b"\x89PNG")
    assert reviews.planned() == {}


def test_a_new_option_of_the_graph_makes_the_runs_of_mgl_anew(reviews: House) -> None:
    changed = {**CONFIG, "methods": {**CONFIG["methods"], "mgl": {**CONFIG["methods"]["mgl"], "layers": 3}}}
    jobs = reviews.planned(config=reviews.config("changed.yaml", changed))
    trained = jobs.get("train_run", []) + jobs.get("train_parent", [])
    assert len(trained) == 4 and all("-mgl-" in job for job in trained)
