"""Four languages of the tiny dataset, source `alpha`, target `beta`, auxiliaries `gamma` and `delta`, and runs on them."""

import torch
from torch.func import functional_call

from pipeline.common import paths
from pipeline.data.schema import LABELS, Facts, ner_table, write_split
from pipeline.tasks import ner
from tests import tiny
from tests.methods.test_metaxl import loop_of

LANGUAGES = ("alpha", "beta", "gamma", "delta")
COUNTS = {"train": 20, "dev": 13, "test": 6}


def write_language(language, split, count, parallel=False):
    """Write a split; where `parallel`, row n has the same id in every language."""
    rows = tiny.sentences(language, split, count)
    if parallel:
        rows = [(f"tiny-{split}-{number}", *row[1:]) for number, row in enumerate(rows)]
    facts = Facts("ner", LABELS["ner"], tiny.DATASET, language, split)
    write_split(paths.split(tiny.DATASET, language, split), ner_table(language, rows), facts)


def make_world(parallel=False):
    for language in LANGUAGES:
        for split, count in COUNTS.items():
            write_language(language, split, count, parallel)
    tiny.write_encoder()


def spec_of(kind, training=None, auxiliary=("gamma", "delta"), targets=(), **method):
    """A run of two epochs in batches of 4, by the methods' own AdamW; zero-shot where no `targets` are given."""
    settings = {"batch_size": 4, "epochs": 2, "select": "last", "patience": None, **(training or {})}
    chosen = {"auxiliary": list(auxiliary), "targets": list(targets)}
    return tiny.spec(kind, method=method, training=settings, **chosen)


def prepared(spec, dropout=True, phase=0, dtype=torch.float32, change=lambda loop: None):
    """A loop that is ready for a phase's first step, and the phase's streams; `change` is made before its optimiser is."""
    loop, phases = loop_of(spec)
    loop.model.to(dtype)
    change(loop)
    streams, _ = loop.prepare(phases[phase])
    loop.set_training(dropout)
    return loop, streams


def theta_of(loop):
    return {name: parameter.detach().clone() for name, parameter in loop.model.named_parameters()}


def languages_of(loop, batch):
    return {loop.languages[number] for number in batch["language"].tolist()}


def record_draws(streams):
    """Wrap a draw; the list returned gets (stream, batch) of each."""
    drawn = []

    def draw(name):
        drawn.append((name, streams.draw(name)))
        return drawn[-1][1]

    return draw, drawn


def loss_at(loop, batch, given):
    """The task's loss with some parameters given by name, as PyTorch itself computes it."""
    return ner.loss(functional_call(loop.model, given, (batch,)), batch)


def names_of(loop):
    """The names behind `loop.parameters()`."""
    known = {id(parameter): name for name, parameter in loop.model.named_parameters()}
    return [known[id(parameter)] for parameter in loop.parameters()]


def steps_of(loop, draw, count):
    """The logs of a method's next steps."""
    logs = []
    for _ in range(count):
        logs.append(loop.ingredients.method.step(loop, draw))
        loop.step_number += 1
    return logs
