"""How much of a run is training, and how fast that is beside a plain Hugging Face `Trainer`.

    snakemake prepare                                                  # the demo's data and encoder
    snakemake prepare --configfile config/examples/wikiann.yaml        # WikiAnn's
    python benchmarks/training.py --json benchmarks/records/training.json

Needs `pip install accelerate` for the peer. Keys of the JSON:

`overhead_s`             wall seconds of a demo run (a fresh process) that are neither training nor evaluation; median of 3
`useful_tokens_ratio`    sub-tokens over all that the encoder works on, padding included: of WikiAnn, each sentence of the run
                         once (one concatenation)
`useful_tokens_ratio_balanced`    the same where the eighty target sentences are oversampled
`useful_tokens_ratio_mgl`         of MGL's episodes, from one source to another language of the demo's sentiment
`useful_tokens_ratio_evaluation`  the least of what evaluation has in these three runs, on dev and test sets
`speed_over_hf_trainer`  useful tokens/s of joint training (one concatenation) over the Trainer's: same weights, examples,
                         batch size, optimiser, precision and threads, each in a process of its own; the two alternate, median of
                         the rounds
`speed_over_hf_trainer_e5`        the same with an encoder of multilingual-e5-small's shape (12 layers of 384, 250,037 rows of
                         embeddings) with random weights, and 320 source sentences
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import canonical_json, read_json, write_json
from pipeline.config.load import load
from pipeline.config.methods import defaults_of
from pipeline.grid import runs
from pipeline.training.devices import keep_freed_memory

DEMO, WIKIANN = Path("config/config.yaml"), Path("config/examples/wikiann.yaml")


def joint_spec(configfile: Path, task: str = "ner", **training: Any) -> dict[str, Any]:
    """Return the spec of a config's first joint run of a task, with some training settings changed.

    Raises:
        UserError: an input of the run has not been made yet.
    """
    grid = runs.expand(load([configfile]))
    run = next(r for r in grid.runs.values() if r.spec["method"]["name"] == "joint" and r.spec["task"] == task)
    for path in runs.run_inputs(run):
        if not Path(path).exists():
            raise UserError(f"{path}: no such file; run `snakemake prepare --configfile {configfile}` first")
    return {**run.spec, "training": {**run.spec["training"], **training}}


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that sees the prepared data and encoders but keeps its runs to itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / paths.RESULTS).mkdir()
        (folder / paths.RESULTS / "data").symlink_to((paths.RESULTS / "data").resolve())
        (folder / paths.RESOURCES).symlink_to(paths.RESOURCES.resolve())
        yield folder


def run_process(spec: dict[str, Any], folder: Path, name: str, threads: int) -> tuple[float, dict[str, Any]]:
    """Train a run in a process of its own; return its wall seconds and its record."""
    command = [
        sys.executable,
        "-m",
        "pipeline.stages.train",
        "--run",
        name,
        "--spec",
        canonical_json(spec),
        "--threads",
        str(threads),
    ]
    start = time.monotonic()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.monotonic() - start, read_json(folder / paths.run_record(name))


def overhead(threads: int) -> float:
    """Return the median overhead of three demo runs, in seconds."""
    spec = joint_spec(DEMO, epochs=2)
    values = []
    with scratch() as folder:
        for number in range(4):  # the first warms the file cache
            wall, record = run_process(spec, folder, f"overhead-{number}", threads)
            values.append(wall - record["seconds"]["training"] - record["seconds"]["evaluation"])
    return float(statistics.median(values[1:]))


def useful_ratios(threads: int) -> dict[str, float]:
    """Return useful over processed sub-tokens of an epoch of joint training on WikiAnn, of MGL's episodes, and of evaluation."""
    wikiann, demo = joint_spec(WIKIANN, epochs=1), joint_spec(DEMO, epochs=1, task="sentiment")
    specs = {
        "": {**wikiann, "method": {"name": "joint", "batches": "concatenated"}},
        "_balanced": {**wikiann, "method": {"name": "joint", "batches": "balanced"}},
        "_mgl": {**demo, "method": {"name": "mgl", **defaults_of("mgl"), "meta_train": False}},
    }
    found, evaluation = {}, []
    with scratch() as folder:
        for name, spec in specs.items():
            tokens = run_process(spec, folder, f"ratio{name}", threads)[1]["tokens"]
            found[f"useful_tokens_ratio{name}"] = share(tokens)
            evaluation.append(share(tokens["evaluation"]))
    return {**found, "useful_tokens_ratio_evaluation": min(evaluation)}


def share(tokens: dict[str, Any]) -> float:
    """Return useful over processed sub-tokens."""
    return round(float(tokens["useful"] / tokens["processed"]), 4)


def our_rate(spec: dict[str, Any]) -> float:
    """Train one epoch with the pipeline's loop, set up as its stage does; return useful tokens per second of training."""
    keep_freed_memory()
    from pipeline.methods import build_method
    from pipeline.methods.contract import Setting
    from pipeline.training.checkpoint import Checkpoints
    from pipeline.training.data import setting_of
    from pipeline.training.loop import Loop
    from pipeline.training.run import assemble

    method = build_method("joint", {"batches": "concatenated"})
    phases = method.phases(Setting(**setting_of(spec)))
    ingredients, _ = assemble(spec, method, phases)
    fitted = Loop(ingredients, Checkpoints(None)).fit(phases)
    return fitted.useful / fitted.training_seconds


def trainer_rate(spec: dict[str, Any]) -> float:
    """Train one epoch with a plain `Trainer` on the same examples; return useful tokens per second."""
    from transformers import (
        BertForTokenClassification,
        DataCollatorForTokenClassification,
        PreTrainedTokenizerFast,
        Trainer,
        TrainingArguments,
    )

    from pipeline.methods import build_method
    from pipeline.methods.contract import Setting
    from pipeline.tasks.examples import concatenate
    from pipeline.training.data import setting_of
    from pipeline.training.run import assemble

    method = build_method("joint", {"batches": "concatenated"})
    ingredients, data = assemble(spec, method, method.phases(Setting(**setting_of(spec))))
    examples = concatenate(list(ingredients.pools.values()))
    rows = [
        {"input_ids": ids.tolist(), "attention_mask": [1] * len(ids), "labels": labels.tolist()}
        for ids, labels in zip(examples.input_ids, examples.labels, strict=True)
    ]
    folder = paths.encoder_dir(spec["encoder"])
    model = BertForTokenClassification.from_pretrained(folder, num_labels=len(data.labels))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]")
    training = spec["training"]
    with tempfile.TemporaryDirectory() as output:
        arguments = TrainingArguments(
            output_dir=output,
            per_device_train_batch_size=training["batch_size"],
            num_train_epochs=1,
            learning_rate=training["learning_rate"],
            weight_decay=training["weight_decay"],
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = Trainer(
            model, arguments, train_dataset=rows, data_collator=DataCollatorForTokenClassification(tokenizer)
        )
        seconds = trainer.train().metrics["train_runtime"]
    return float(sum(len(ids) for ids in examples.input_ids) / seconds)


def speed(threads: int, rounds: int) -> dict[str, float]:
    """Return both rates and their ratio, in useful tokens per second, for both encoders."""
    spec = joint_spec(WIKIANN, epochs=1, select="last")
    spec["method"] = {"name": "joint", "batches": "concatenated"}
    small = rates(spec, Path(), threads, rounds)
    tokenizer = (paths.encoder_dir(spec["encoder"]) / "tokenizer.json").resolve()
    with scratch() as folder:
        (folder / paths.RESOURCES).unlink()
        write_e5_shape(folder / paths.encoder_dir("e5-shape"), tokenizer)
        large = rates({**spec, "encoder": "e5-shape", "source_size": 320}, folder, threads, rounds)
    return {**small, **{f"{name}_e5": value for name, value in large.items()}}


def rates(spec: dict[str, Any], folder: Path, threads: int, rounds: int) -> dict[str, float]:
    """Return both rates of a run and their ratio; the two alternate."""
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    command = [sys.executable, str(Path(__file__).resolve()), "--threads", str(threads), "--spec", canonical_json(spec)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    for _ in range(rounds):
        for side, values in found.items():
            done = subprocess.run(
                [*command, "--side", side], cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
            values.append(float(done.stdout.split()[-1]))
            print(f"{spec['encoder']}, {side}: {values[-1]:,.0f} tokens/s", file=sys.stderr, flush=True)
    ratio = statistics.median(a / b for a, b in zip(found["ours"], found["trainer"], strict=True))
    return {
        "speed_over_hf_trainer": round(ratio, 3),
        "tokens_per_second": round(statistics.median(found["ours"])),
        "hf_trainer_tokens_per_second": round(statistics.median(found["trainer"])),
    }


SIDES = {"ours": our_rate, "trainer": trainer_rate}


def write_e5_shape(folder: Path, tokenizer: Path) -> None:
    """Write an encoder of multilingual-e5-small's shape with random weights, and another's tokenizer, filled up with pieces."""
    sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only its own folder is on it
    from benchmarks.trimming import SHAPES, write_encoder

    write_encoder("e5", folder)
    made = read_json(tokenizer)
    pieces = made["model"]["vocab"]
    pieces |= {f"[unused{number}]": number for number in range(len(pieces), SHAPES["e5"][-1])}
    write_json(folder / "tokenizer.json", made)


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads, for both sides")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--spec", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    import torch
    import transformers

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    if arguments.side:
        torch.set_num_threads(arguments.threads)
        print(SIDES[arguments.side](json.loads(arguments.spec)))
        return
    figures: dict[str, Any] = {
        "overhead_s": round(overhead(arguments.threads), 2),
        **useful_ratios(arguments.threads),
        **speed(arguments.threads, arguments.rounds),
        "threads": arguments.threads,
        "cpus": os.cpu_count(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
    if arguments.json:
        write_json(arguments.json, figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    run_stage(main)
