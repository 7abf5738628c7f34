"""How much memory runs use at their peak, beside what their jobs ask for.

    python -m benchmarks.memory --json benchmarks/records/memory-tiny.json
    python -m benchmarks.memory --encoder FOLDER --json benchmarks/records/memory-e5.json     # a pretrained encoder's folder
    python -m benchmarks.memory --again FILE --json FILE       # the same jobs' demands, when what is asked for has changed

Trains a run of every kind of method on texts longer than `max_length`, a step or a few, each in a process of its own on the CPU,
makes an encoder by masked language modelling, from scratch or of the one that was named, and trains a run on it. Keys:

* `jobs`: in order: `used_mb`, the most resident memory; `asked_mb` and `asked_min`, memory and minutes that a first attempt asks
  for; `seconds` that it took. `what` is a run's method, or where an encoder is from;
* `least_ratio`, `largest_ratio`: of memory, what is asked for over what is used. Below 1 a job would be killed on a cluster, and
  tried again with more;
* `sizes`: of the encoders; `max_length`, `batch_size`.
"""

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import canonical_json, read_json, write_json, write_text
from pipeline.config.load import parse
from pipeline.config.methods import METHODS as KINDS
from pipeline.grid.resources import Needs
from pipeline.grid.runs import Grid, expand
from pipeline.grid.sizes import stored_sizes

ROOT = Path(__file__).resolve().parents[1]
LANGUAGES = ("en", "es", "fr", "de")
ROWS = {"train": 128, "dev": 32, "test": 8}
METHODS: dict[str, dict[str, Any]] = {
    "target_only": {},
    "joint": {},
    "language_adversarial": {},
    "few_shot": {},
    "joint_rtn": {},
    "metaxl": {},
    "metaxl_paper": {"method": "metaxl", "variant": "paper", "placement": [0, "top"]},
    "reptile": {"iterations": 1, "inner_steps": 2},
    "x_maml": {"iterations": 2},
    "x_maml_steps": {"method": "x_maml", "iterations": 2, "inner_steps": 3},
    "xla_maml": {"iterations": 2, "setting": "few_shot"},
    "meta_optimizer": {"episodes": 1, "episode_steps": 4, "interval": 2, "held_out_batches": 2},
    "mgl": {"train_episodes": 2, "test_episodes": 1, "eval_times": 1},
}
TINY = {"layers": 2, "hidden_size": 128, "heads": 4, "vocabulary_size": 500, "max_length": 64, "steps": 4}
"""The size of the demo's encoder."""


def config_of(folder: Path, encoder: Path | None, methods: Sequence[str]) -> dict[str, Any]:
    """Return the config of all that is measured, on texts in `folder`."""
    max_length, batch_size = (200, 16) if encoder else (64, 16)
    made: dict[str, Any] = {"from": "pretrain", "text": [{"dataset": "texts", "languages": ["en"]}], "batch_size": 32}
    encoders = {"measured": {**made, **TINY}}
    if encoder is not None:
        encoders = {
            "measured": {"from": "folder", "folder": str(encoder)},
            "trained-on": {**made, "start": "measured", "steps": 4, "max_length": 128},
        }
    plain = {
        "dataset": "texts",
        "sources": [["en", "es"]],
        "targets": ["de"],
        "source_size": batch_size,  # two sources: two steps, the second with the optimiser's moments
        "target_size": 2 * batch_size,
        "dev_size": 8,
        "model_seeds": [1],
    }
    kinds = [KINDS[METHODS[name].get("method", name)] for name in methods]
    helped = any(kind.needs_auxiliaries for kind in kinds)
    auxiliary = {"auxiliaries": [["fr"]], "auxiliary_size": 2 * batch_size} if helped else {}
    return {
        "datasets": {
            "texts": {
                "loader": "files",
                "task": "sentiment",
                "folder": str(folder),
                "files": {split: f"{{language}}/{split}.csv" for split in ROWS},
            }
        },
        "encoders": encoders,
        "training": {"epochs": 1, "max_length": max_length, "batch_size": batch_size, "trim": False},  # as is asked for
        "methods": {name: {"method": name, **METHODS[name]} for name in methods},
        "experiments": {
            "all": {**plain, **auxiliary, "encoder": "measured", "methods": list(methods)},
            "last": {**plain, "encoder": next(reversed(encoders)), "methods": ["target_only"]},
        },
    }


def write_texts(folder: Path, words: int) -> None:
    """Write CSV files of random words, seeded; each text has more sub-tokens than any `max_length` here."""
    rng = random.Random(0)
    vocabulary = ["".join(rng.choices("aeioulnrst", k=rng.randint(3, 7))) for _ in range(400)]
    for language in LANGUAGES:
        for split, count in ROWS.items():
            labels = itertools.cycle(("negative", "positive"))
            rows = (f"{' '.join(rng.choices(vocabulary, k=words))},{next(labels)}" for _ in range(count))
            write_text(folder / language / f"{split}.csv", "\n".join(["text,label", *rows]) + "\n")


def stages(grid: Grid) -> Iterator[tuple[str, str, dict[str, Any], list[str]]]:
    """Yield each job in order: its rule, the name of what it makes, its spec, its stage's arguments."""
    for key, encoder in grid.encoders.items():
        spec = {**encoder.spec, "encoder": key}
        yield "encoder", key, spec, ["encoder", "--spec", canonical_json(spec)]
    for name, run in grid.runs.items():
        keep = ["--keep-model"] if name in grid.parents else []
        yield "run", name, run.spec, ["train", "--run", name, "--spec", canonical_json(run.spec), *keep]


def used(arguments: list[str]) -> tuple[float, float]:
    """Run a stage in a process of its own; return its most resident memory in MB, and its seconds.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", f"pipeline.stages.{arguments[0]}", *arguments[1:], "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}:\n{log.read()[-3000:]}")
    return usage.ru_maxrss / 1024, time.monotonic() - started


def measure(
    encoder: Path | None = None, methods: Sequence[str] = tuple(METHODS), save: Callable[[dict[str, Any]], None] = print
) -> None:
    """Make and train everything in a temporary folder.

    Args:
        encoder: folder of a pretrained encoder; without one a tiny one is made.
        methods: the names in `METHODS` to train.
        save: is given the record after each job, of what there is by then.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        config = config_of(folder / "texts", encoder, methods)
        facts = {key: config["training"][key] for key in ("max_length", "batch_size")}
        write_texts(folder / "texts", facts["max_length"] + 50)
        write_json(folder / "config.json", config)
        grid = expand(parse(config))
        prepare(folder, grid)
        facts |= {"real": encoder is not None, "methods": list(methods)}
        with chdir(folder):
            jobs: list[dict[str, Any]] = []
            for job in measured(grid):
                jobs.append(job)
                found = {e.name: stored_sizes(paths.encoder_dir(key)) for key, e in grid.encoders.items()}
                sizes = {name: vars(of) for name, of in found.items() if of is not None}
                save(with_ratios({**facts, "sizes": sizes, "jobs": jobs}))


def again(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with what its jobs ask for today; nothing is measured."""
    with tempfile.TemporaryDirectory() as name:
        grid = expand(parse(config_of(Path(name), Path(name) if record["real"] else None, record["methods"])))
        with chdir(name):
            for key, encoder in grid.encoders.items():
                write_json(paths.encoder_dir(key) / "config.json", record["sizes"].get(encoder.name, {}))
            needs = Needs(grid)
            known = zip(stages(grid), record["jobs"], strict=False)  # of one that was stopped, the first
            jobs = [{**measured, **asked(needs, rule, job)} for (rule, job, _, _), measured in known]
    return with_ratios({**record, "jobs": jobs})


def with_ratios(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the ratios of what is asked for to what was used."""
    ratios = [round(job["asked_mb"] / job["used_mb"], 2) for job in record["jobs"]]
    return {**record, "least_ratio": min(ratios), "largest_ratio": max(ratios)}


def prepare(folder: Path, grid: Grid) -> None:
    """Make the splits of the grid's datasets, by Snakemake.

    Raises:
        RuntimeError: it failed.
    """
    targets = [str(paths.split(d.key, lang, "train")) for d in grid.datasets.values() for lang in d.languages]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1", *targets]
    done = subprocess.run(
        [*command, "--configfile", "config.json"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)


def measured(grid: Grid) -> Iterator[dict[str, Any]]:
    """Yield what each job used and asks for."""
    for rule, name, spec, arguments in stages(grid):
        peak, seconds = used(arguments)
        job = {
            "rule": rule,
            "what": spec["method"]["name"] if rule == "run" else spec["from"],
            "used_mb": round(peak),
            **asked(Needs(grid), rule, name),  # anew, now that its encoder is there
            "seconds": round(seconds, 1),
        }
        print(json.dumps(job), file=sys.stderr, flush=True)
        yield job


def asked(needs: Needs, rule: str, name: str) -> dict[str, int]:
    """Return the MB and the minutes that a job asks for at its first attempt."""
    wildcards = argparse.Namespace(run=name, encoder=name)
    if rule == "run":
        return {"asked_mb": needs.run_mem_mb(wildcards, 1), "asked_min": needs.run_runtime(wildcards, 1)}
    return {"asked_mb": needs.encoder_mem_mb(wildcards, 1), "asked_min": needs.encoder_runtime(wildcards, 1)}


def main() -> None:
    """Measure and write the record, after each job; stopped before the end, it holds the jobs that were measured.

    Raises:
        UserError: the encoder's folder is none.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, help="the folder of a pretrained encoder")
    parser.add_argument("--again", type=Path, metavar="FILE", help="only say what the jobs of a record ask for today")
    parser.add_argument("--json", type=Path, help="write the record there")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="these alone")
    arguments = parser.parse_args()
    if arguments.encoder and not (arguments.encoder / "config.json").is_file():
        raise UserError(f"{arguments.encoder}: no config.json; expected the folder of a pretrained encoder")
    path = arguments.json.resolve() if arguments.json else None

    def save(record: dict[str, Any]) -> None:
        if path:
            write_json(path, record)

    if arguments.again:
        save(again(read_json(arguments.again)))
    else:
        measure(arguments.encoder.resolve() if arguments.encoder else None, arguments.methods, save)


if __name__ == "__main__":
    run_stage(main)
