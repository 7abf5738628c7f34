"""How long the preprocess stage takes for MultiNLI's 393,000 pairs, and how much memory.

    python -m benchmarks.preprocess --json benchmarks/records/preprocess.json

Writes made-up pairs of MultiNLI's number and size in its original JSONL form, downloads them from that folder and turns them
into Parquet splits with a report. Each stage is a process of its own. Keys of the JSON:

* `preprocess_s`: wall seconds of `python -m pipeline.stages.preprocess`, from start to exit;
* `preprocess_mb`: the most resident memory it took;
* `download_s`, `download_mb`: the same of `python -m pipeline.stages.download` from a local folder: finding, reading and copying;
* `goals`: what the first two must not exceed, on `cpus` cores; `reached` says whether they do not.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.files import canonical_json, read_json, write_json
from pipeline.data.corpora.multinli.fetch import EXPECTED, PARTS

PAIRS = sum(EXPECTED.values())
GOALS = {"preprocess_s": 60.0, "preprocess_mb": 2048.0}
CPUS = 2
UNDECIDED = 0.018  # share of dev and test without a gold label, as in MultiNLI
WORDS = 30_000  # as many different words, one in rank r as often as 1/r
PREMISE, HYPOTHESIS = 20, 10  # words on average
LABELS = ("entailment", "neutral", "contradiction")
SEED = 0


def measure(pairs: int) -> dict[str, Any]:
    """Time both stages on about so many pairs, in a temporary folder."""
    sizes = {split: max(3, round(n * pairs / PAIRS)) for split, n in EXPECTED.items()}
    with tempfile.TemporaryDirectory() as name:
        here, copy = Path(name), Path(name) / "copy"
        rows = write_pairs(copy, sizes)
        spec = {"dataset": "multinli-made", "language": "en", "loader": "multinli"}
        fetched = {**spec, "sources": ["folder"], "expected": {"en": sizes}}
        download_s, download_mb = timed(here, "download", fetched, ["--folder", str(copy)])
        preprocess_s, preprocess_mb = timed(here, "preprocess", spec)
        report = read_json(here / paths.data_report(spec["dataset"], spec["language"]))
        found = {split: facts["rows"] for split, facts in report["splits"].items()}
        if found != sizes:
            raise RuntimeError(f"the splits hold {found}, expected {sizes}")
        input_mb = sum(file.stat().st_size for file in copy.iterdir()) / 1e6
    figures = {"preprocess_s": round(preprocess_s, 2), "preprocess_mb": round(preprocess_mb)}
    return {
        **figures,
        "download_s": round(download_s, 2),
        "download_mb": round(download_mb),
        "goals": GOALS,
        "reached": all(figures[key] <= goal for key, goal in GOALS.items()),
        "pairs": sum(sizes.values()),
        "lines": rows,
        "input_mb": round(input_mb),
        "cpus": len(os.sched_getaffinity(0)),
        "versions": {"python": platform.python_version(), "pyarrow": pa.__version__, "numpy": np.__version__},
    }


def write_pairs(folder: Path, sizes: Mapping[str, int]) -> int:
    """Write MultiNLI's three files with `sizes` labelled pairs each, and undecided ones between them; return all lines."""
    folder.mkdir(parents=True)
    random = np.random.RandomState(SEED)
    total = 0
    for split, labelled in sizes.items():
        undecided = 0 if split == "train" else round(labelled * UNDECIDED)
        labels = np.array([LABELS[number % 3] for number in range(labelled)] + ["-"] * undecided)
        random.shuffle(labels)
        with open(folder / f"multinli_1.0_{PARTS[split]}.jsonl", "w", encoding="utf-8") as file:
            for number, (premise, hypothesis) in enumerate(sentences(random, len(labels))):
                row = {
                    "annotator_labels": [str(labels[number])],
                    "genre": "fiction",
                    "gold_label": str(labels[number]),
                    "pairID": f"{number}{split[0]}",
                    "promptID": str(number // 3),
                    "sentence1": text(premise),
                    "sentence1_binary_parse": "( " + " ( ".join(premise) + " )" * len(premise),
                    "sentence1_parse": "(ROOT " + " ".join(f"(NN {word})" for word in premise) + ")",
                    "sentence2": text(hypothesis),
                    "sentence2_binary_parse": "( " + " ( ".join(hypothesis) + " )" * len(hypothesis),
                    "sentence2_parse": "(ROOT " + " ".join(f"(NN {word})" for word in hypothesis) + ")",
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        total += len(labels)
    return total


def sentences(random: np.random.RandomState, number: int) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the words of premises, each with three hypotheses in a row as in MultiNLI, and of hypotheses."""
    letters = np.array(list("aábcčdeéfghiíjklmnñoóöpqrstuúüvwxyz"))
    words = ["".join(random.choice(letters, length)) for length in random.poisson(4.0, WORDS) + 1]
    shares = 1.0 / np.arange(1, WORDS + 1)
    bounds = np.cumsum(shares / shares.sum())
    premise: list[str] = []
    for row in range(number):
        if row % 3 == 0:
            premise = _draw(random, words, bounds, PREMISE)
        yield premise, _draw(random, words, bounds, HYPOTHESIS)


def _draw(random: np.random.RandomState, words: list[str], bounds: np.ndarray, mean: int) -> list[str]:
    ranks = np.searchsorted(bounds, random.random_sample(1 + random.poisson(mean - 1)))
    return [words[min(rank, len(words) - 1)] for rank in ranks]


def text(words: list[str]) -> str:
    """Return words as a sentence."""
    return f"{' '.join(words).capitalize()}."


def timed(folder: Path, stage: str, spec: dict[str, Any], more: list[str] | None = None) -> tuple[float, float]:
    """Run a stage in `folder`; return its wall seconds and the most megabytes it took.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", f"pipeline.stages.{stage}", "--spec", canonical_json(spec), *(more or [])]
    started = time.perf_counter()
    with open(folder / f"{stage}.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = (folder / f"{stage}.log").read_text(encoding="utf-8")
        raise RuntimeError(f"{stage}: exit {process.returncode}:\n{said[-3000:]}")
    return seconds, usage.ru_maxrss / 1024


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="about so many pairs; MultiNLI's number by default")
    parser.add_argument("--json", type=Path, help="write the record there")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CPUS])  # of this process, and so of the stages it starts
    record = measure(arguments.pairs)
    print(json.dumps(record, indent=2))
    if arguments.json:
        write_json(arguments.json, record)


if __name__ == "__main__":
    run_stage(main)
