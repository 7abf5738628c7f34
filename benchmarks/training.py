"""How much of a run is training, and how fast that is beside a plain Hugging Face `Trainer`.

    snakemake prepare                                                  # the demo's data and encoder
    snakemake prepare --configfile config/examples/wikiann.yaml        # WikiAnn's
    python benchmarks/training.py --json benchmarks/records/training.json

Needs `pip install accelerate` for the peer. Keys of the JSON:

`overhead_s`             wall seconds of a demo run (a fresh process) that are neither training nor evaluation; median of 3
`useful_tokens_ratio`    sub-tokens over all that the encoder works on, padding included: of WikiAnn, each sentence of the run
                         once (one concatenation)
`useful_tokens_ratio_balanced`  the same where the eighty target sentences are oversampled
`speed_over_hf_trainer`  useful tokens/s of joint training (one concatenation) over the Trainer's: same weights, examples,
                         batch size, optimiser and precision; the two alternate, median of the rounds
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
from pipeline.grid import runs

DEMO, WIKIANN = Path("config/config.yaml"), Path("config/examples/wikiann.yaml")


def joint_spec(configfile: Path, **training: Any) -> dict[str, Any]:
    """Return the spec of the first joint run of a config, with some training settings changed.

    Raises:
        UserError: an input of the run has not been made yet.
    """
    grid = runs.expand(load([configfile]))
    run = next(run for run in grid.runs.values() if run.spec["method"]["name"] == "joint")
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


def useful_ratio(threads: int, batches: str) -> float:
    """Return useful over processed sub-tokens of one epoch of joint training on WikiAnn."""
    spec = {**joint_spec(WIKIANN, epochs=1), "method": {"name": "joint", "batches": batches}}
    with scratch() as folder:
        _, record = run_process(spec, folder, "ratio", threads)
    return round(float(record["tokens"]["useful"] / record["tokens"]["processed"]), 4)


def our_rate(spec: dict[str, Any]) -> float:
    """Train one epoch with the pipeline's loop; return useful tokens per second of training."""
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
    """Return both rates and their ratio, in useful tokens per second; the two alternate."""
    import torch

    torch.set_num_threads(threads)
    spec = joint_spec(WIKIANN, epochs=1, select="last")
    spec["method"] = {"name": "joint", "batches": "concatenated"}
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(our_rate(spec))
        theirs.append(trainer_rate(spec))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    return {
        "speed_over_hf_trainer": round(ratio, 3),
        "tokens_per_second": round(statistics.median(ours)),
        "hf_trainer_tokens_per_second": round(statistics.median(theirs)),
    }


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads, for both sides")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    import torch
    import transformers

    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    figures: dict[str, Any] = {
        "overhead_s": round(overhead(arguments.threads), 2),
        "useful_tokens_ratio": useful_ratio(arguments.threads, "concatenated"),
        "useful_tokens_ratio_balanced": useful_ratio(arguments.threads, "balanced"),
        **speed(arguments.threads, arguments.rounds),
        "threads": arguments.threads,
        "cpus": os.cpu_count(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
    }
    write_json(arguments.json, figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    run_stage(main)
