"""What MGL's graphs cost beside the encoder, in training and in prediction.

    python benchmarks/mgl_episode.py --size base --device cpu --json benchmarks/records/mgl_episode.json

The pipeline's own loop and method on random texts of 128 sub-tokens, two classes, three sources: the shape of the paper's Amazon
experiments (support 30, query 32, K = 10, five draws). Keys of the JSON:

`meta_test_over_encoding`   predicting 2,000 test queries, support draws and graphs included, over encoding the queries once
`draws_over_encoding`       of that, what encoding the support of all draws takes: the paper's protocol asks for it
`graph_over_encoder`        the graph's forward and backward pass in an episode over the encoder's on the same instances
"""

import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.common.errors import run_stage
from pipeline.config.methods import defaults_of
from pipeline.methods import build_method
from pipeline.methods.contract import OptimizerSettings, Setting
from pipeline.methods.mgl import graph_of, represent
from pipeline.tasks import sentiment
from pipeline.tasks.examples import Examples
from pipeline.tasks.model import TaskModel
from pipeline.training.batches.streams import Streams
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.loop import Ingredients, Loop

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only its own folder is on it
from benchmarks.common import machine, run, seconds
from benchmarks.meta_step import SIZES, make_model

LABELS = ["negative", "positive"]
SOURCES = ("alpha", "gamma", "delta")
TARGET = "beta"
BATCH = 16
QUERIES = 2000
SETTING = Setting(SOURCES, (TARGET,), None, None, None, BATCH, 1, "last")


def texts(language: str, size: str, length: int, count: int) -> Examples:
    """Return random texts of one length, every other one positive."""
    rng = np.random.default_rng(len(language))
    ids = [rng.integers(5, SIZES[size][3], length) for _ in range(count)]
    classes = np.arange(count) % 2
    names = [f"{language}-{i}" for i in range(count)]
    empty = np.empty(0, int)
    return Examples(names, [language] * count, ids, list(classes[:, None]), [empty] * count, classes, list(classes))


def make_loop(size: str, device: str, length: int) -> tuple[Loop, Streams]:
    """Return a loop that is ready for the last stage's first step, and its streams."""
    method = build_method("mgl", defaults_of("mgl"))
    phase = method.phases(SETTING)[-1]
    pools = {pool: texts(pool.language, size, length, 64) for s in phase.streams.values() for pool in s.pools}
    encoder = make_model(size).encoder
    loop = Loop(
        Ingredients(
            task=sentiment,
            model=TaskModel(encoder, sentiment.make_head(SIZES[size][1], LABELS, 0.1)),
            method=method,
            pools=pools,
            labels=LABELS,
            languages=(*SOURCES, TARGET),
            optimizer=OptimizerSettings(1e-5, kind="adam", clip_norm=40.0, schedule="constant"),
            batch_size=BATCH,
            pad_id=0,
            seed=0,
            device=torch.device(device),
            precision="bfloat16" if device == "cuda" else "float32",
            select_metric=sentiment.METRIC,
        ),
        Checkpoints(None),
    )
    streams, _ = loop.prepare(phase)
    return loop, streams


def prediction(loop: Loop, size: str, length: int, queries: int, rounds: int) -> tuple[float, float]:
    """Return prediction's time over encoding the queries once, and that of encoding all support draws over it."""
    examples = texts(TARGET, size, length, queries)
    per_pass = BATCH * 4
    groups = [range(start, min(start + per_pass, queries)) for start in range(0, queries, per_pass)]
    support = loop.open_streams(loop.phase, "evaluate").draw("support")

    def encode() -> None:
        loop.set_training(False)
        with torch.inference_mode(), loop.autocast():
            for batch in loop.batches(examples, groups):
                represent(loop.model, batch)

    def encode_support() -> None:
        with torch.inference_mode(), loop.autocast():
            for _ in range(5):
                represent(loop.model, support)

    def predict() -> None:
        loop.predict(examples)

    encode_support()
    whole, draws = [], []
    for _ in range(rounds):
        before = seconds(encode, loop.device)
        took = seconds(predict, loop.device)
        own = seconds(encode_support, loop.device)
        encoding = (before + seconds(encode, loop.device)) / 2
        whole.append(took / encoding)
        draws.append(own / encoding)
    return statistics.median(whole), statistics.median(draws)


def episode(loop: Loop, streams: Streams, rounds: int) -> tuple[float, float]:
    """Return the graph's forward and backward time in an episode over the encoder's, and the encoder's seconds."""
    loop.set_training(True)
    graph = graph_of(loop)
    support, query = streams.draw("support"), streams.draw("query")
    count = len(support["row"]) + len(query["row"])
    width = loop.model.encoder.config.hidden_size  # type: ignore[union-attr]
    nodes = torch.randn(count, width, device=loop.device, requires_grad=True)  # type: ignore[arg-type]

    def encoder_pass() -> None:
        with loop.autocast():
            hidden = torch.cat([represent(loop.model, support), represent(loop.model, query)])
        hidden.float().sum().backward()  # type: ignore[no-untyped-call]

    def graph_pass() -> None:
        wanted = query["labels"][:, 0]
        scores = graph(nodes)[-len(wanted) :]
        torch.nn.functional.cross_entropy(scores, wanted).backward()  # type: ignore[no-untyped-call]

    encoder_pass()
    graph_pass()
    encoders = [seconds(encoder_pass, loop.device) for _ in range(max(2, rounds))]
    graphs = [seconds(graph_pass, loop.device) for _ in range(20 * rounds)]
    return statistics.median(graphs) / statistics.median(encoders), statistics.median(encoders)


def measure(size: str, device: str, threads: int, rounds: int, queries: int = QUERIES) -> dict[str, Any]:
    """Measure everything the JSON holds."""
    length = SIZES[size][4]
    loop, streams = make_loop(size, device, length)
    share, took = episode(loop, streams, rounds)
    whole, draws = prediction(loop, size, length, queries, rounds)
    return {
        "meta_test_over_encoding": round(whole, 3),
        "draws_over_encoding": round(draws, 3),
        "graph_over_encoder": round(share, 4),
        "seconds": {"encoder in an episode": round(took, 4)},
        "machine": machine(size, device, threads, rounds, queries=queries, length=length),
    }


if __name__ == "__main__":
    run_stage(lambda: run(__doc__, SIZES, measure))
