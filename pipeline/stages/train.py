"""Train one run and predict for its evaluation languages.

    python -m pipeline.stages.train --run NAME --spec '{"task": "ner", "method": {"name": "joint", …}, …}' --threads 1

Reads the Parquet splits, the encoder and, for a child, its parent's model; writes `history.jsonl`, `steps.parquet`,
`predictions.parquet`, `run.json` and, with `--keep-model`, `model/model.safetensors` into the run's folder. Killed, it resumes
from its checkpoint.
"""

import argparse
import os
import time

from pipeline.common.code import add_code_argument
from pipeline.common.errors import run_stage
from pipeline.common.files import parse_object
from pipeline.common.startup import hide_unused
from pipeline.forks.client import hand_over
from pipeline.training.devices import keep_freed_memory, take_gpu


def main() -> None:
    """Run the stage.

    Raises:
        UserError: `--spec` is not a JSON object, or the run cannot be made.
    """
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="the run's name, its folder under results/runs")
    parser.add_argument("--spec", required=True, help="the run's whole description, as JSON")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; part of what makes bits reproducible")
    parser.add_argument("--keep-model", action="store_true", help="keep the weights for child runs")
    add_code_argument(parser)
    arguments = parser.parse_args()
    spec = parse_object(arguments.spec, "--spec")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("RAYON_NUM_THREADS", str(arguments.threads))
    training = spec.get("training")
    if not (isinstance(training, dict) and training.get("lora")):  # peft alone uses what is hidden
        hand_over("pipeline.stages.train")
        hide_unused()
    take_gpu()
    keep_freed_memory()
    from pipeline.training.run import train_run  # imports torch: after the GPU is chosen

    train_run(arguments.run, spec, arguments.threads, arguments.keep_model, started, arguments.code)


if __name__ == "__main__":
    run_stage(main)
