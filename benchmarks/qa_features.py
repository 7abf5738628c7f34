"""How long it takes to make inputs of long contexts for question answering, and to find the best spans in them.

    python benchmarks/qa_features.py --json benchmarks/records/qa_features.json

10,000 questions, each with a context of its own of about 400 words, in windows of 384 sub-tokens that share 128; words are
made of random syllables and as frequent as Zipf's law has it, and a vocabulary of word pieces is trained on some of them.
Keys of the JSON:

`featurise_s`      seconds of `pipeline.tasks.qa.encode` on all questions, `CHUNK` at a time as a run does; median of the rounds
`featurise_cpu_s`  the same in seconds of all cores together, which other work on the machine changes little
`decode_s`         seconds of `decode` and `merge` on random logits of all windows, 48 at a time; once
`windows`          inputs made
`sub_tokens`       of the mean context
`vocabulary`       word pieces in the vocabulary
`peak_memory_mb`   of the process, when all is done
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from tokenizers import Tokenizer, __version__

from pipeline.common.errors import run_stage
from pipeline.common.files import write_json
from pipeline.data.schema import LABELS, task_table
from pipeline.encoders.vocabulary import train_vocabulary
from pipeline.tasks import qa
from pipeline.tasks.examples import Examples
from pipeline.training.tokens import encoded

QUESTIONS, WORDS, ASKED = 10_000, 400, 10  # questions; words of a context, on average, and of a question
LEXICON, VOCABULARY, LEARNED = 60_000, 30_000, 1_500  # words; word pieces, from so many contexts
MAX_LENGTH, BATCH = 384, 48


def lexicon(rng: np.random.Generator) -> list[str]:
    """Return different words of one to five syllables."""
    onsets, vowels = [*"bcdfghjklmnprstvwz", "st", "tr", "kl", "sh"], [*"aeiouy", "ei", "ou"]
    syllables = np.array([onset + vowel for onset in onsets for vowel in vowels])
    words: dict[str, None] = {}
    while len(words) < LEXICON:
        words["".join(rng.choice(syllables, int(rng.integers(1, 6))))] = None
    return list(words)


def questions(rng: np.random.Generator) -> pa.Table:
    """Return the questions as a split."""
    frequency = 1 / (np.arange(LEXICON) + 2.7)
    lengths = rng.integers(WORDS * 3 // 4, WORDS * 5 // 4, QUESTIONS)
    drawn = rng.choice(LEXICON, int(lengths.sum()) + ASKED * QUESTIONS, p=frequency / frequency.sum())
    words, rows = lexicon(rng), []
    for number, chosen in enumerate(np.split(drawn, np.cumsum(lengths + ASKED)[:-1])):
        asked, body = [words[i] for i in chosen[:ASKED]], [words[i] for i in chosen[ASKED:]]
        for place in range(12, len(body), 13):
            body[place] += "." if place % 2 else ","
        place = int(rng.integers(len(body) - 3))
        answer, start = " ".join(body[place : place + 3]), len(" ".join([*body[:place], ""]))
        rows.append((str(number), " ".join(asked) + "?", " ".join(body), [answer], [start]))
    return task_table("qa", "synthetic", rows)


def featurise(table: pa.Table, tokenizer: Tokenizer) -> tuple[float, float, list[Examples]]:
    """Return the seconds that making all inputs takes, by the clock and of all cores together, and the inputs."""
    start, used = time.monotonic(), time.process_time()
    parts = list(encoded(table, qa, tokenizer, LABELS["qa"], MAX_LENGTH))
    return time.monotonic() - start, time.process_time() - used, parts


def decode(parts: Sequence[Examples]) -> float:
    """Return the seconds that finding all answers in random logits takes."""
    generator, seconds = torch.Generator().manual_seed(0), 0.0
    for examples in parts:
        found = []
        for first in range(0, len(examples), BATCH):
            rows = range(first, min(first + BATCH, len(examples)))
            logits = torch.randn(len(rows), MAX_LENGTH, 2, generator=generator)
            start = time.monotonic()
            found += qa.decode(logits, examples, rows, LABELS["qa"])
            seconds += time.monotonic() - start
        start = time.monotonic()
        qa.merge(examples, found)
        seconds += time.monotonic() - start
    return seconds


def main() -> None:
    """Measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    table = questions(np.random.default_rng(0))
    tokenizer = train_vocabulary(table["context"][:LEARNED].to_pylist(), "bert", VOCABULARY)
    clock, cores = [], []
    parts: list[Examples] = []
    for _ in range(arguments.rounds):
        parts.clear()
        seconds, used, parts = featurise(table, tokenizer)
        clock.append(seconds)
        cores.append(used)
    sub_tokens = [len(e) for e in tokenizer.encode_batch_fast(table["context"][:LEARNED].to_pylist())]
    figures: dict[str, Any] = {
        "featurise_s": round(statistics.median(clock), 2),
        "featurise_cpu_s": round(statistics.median(cores), 2),
        "decode_s": round(decode(parts), 2),
        "windows": sum(len(examples) for examples in parts),
        "sub_tokens": round(statistics.mean(sub_tokens)),
        "vocabulary": tokenizer.get_vocab_size(),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "questions": QUESTIONS,
        "cpus": os.cpu_count(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "tokenizers": __version__},
    }
    write_json(arguments.json, figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    run_stage(main)
