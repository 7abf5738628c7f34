"""One language's dataset: the spec checked, meanings drawn, sentences said and labelled, no sentence in two splits.

Each split has its own stream of meanings, named by task, language and split, so a new task or a larger split changes
nothing that exists.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.data.corpora.babel import ner, nli, qa, relevance, sentiment
from pipeline.data.corpora.babel.examples import Said, Task
from pipeline.data.corpora.babel.family import Family, parse_family
from pipeline.data.corpora.babel.grammar import NOVEL, Grammar
from pipeline.data.corpora.babel.lexicon import Lexicon, build
from pipeline.data.corpora.babel.streams import Stream
from pipeline.data.schema import Loaded, Split, task_table, text_table

TASKS: dict[str, Task[Any]] = {
    "ner": ner.TASK,
    "sentiment": sentiment.TASK,
    "nli": nli.TASK,
    "qa": qa.TASK,
    "relevance": relevance.TASK,
}
KEYS = ("dataset", "language", "loader", "task", "seed", "sizes", "family")
SIZES = ("train", "dev", "test", "text")


def generate(spec: Mapping[str, Any]) -> Loaded:
    """Generate one language's labelled splits and raw text (see `pipeline.data.corpora.babel.read.load`)."""
    family, sizes = check_spec(spec)
    language, seed, task = spec["language"], spec["seed"], spec["task"]
    lexicon = build(seed, family, language)
    seen: set[tuple[str, ...]] = set()
    splits = {}
    for split in ("test", "dev", "train"):  # the others give way to the test set
        said = _examples(seed, lexicon, task, split, seen)
        rows = [(f"babel-{language}-{split}-{i}", *row.columns) for i, row in enumerate(islice(said, sizes[split]))]
        splits[split] = Split(task_table(task, language, rows))
    raw = islice(_raw_text(seed, lexicon, seen), sizes["text"])
    text = [(f"babel-{language}-text-{i}", sentence) for i, sentence in enumerate(raw)]
    return Loaded(task, splits, text_table(language, text))


def _examples(seed: int, lexicon: Lexicon, name: str, split: str, seen: set[tuple[str, ...]]) -> Iterator[Said]:
    """Draw a task's examples and say them, leaving out what is too short, too long, or in `seen`; adds to `seen`."""
    task: Task[Any] = TASKS[name]
    names = (name, lexicon.language.id, split)
    novel = 0.0 if split == "train" else NOVEL
    grammar = Grammar(seed, Stream(seed, "sentences", *names), novel, task.rates)
    labels = Stream(seed, "labels", *names)
    while True:
        for label in labels.shuffled(task.labels) or ("",):
            said = task.say(task.draw(grammar, label), lexicon)
            while said.words not in task.words or said.key in seen:
                said = task.say(task.draw(grammar, label), lexicon)
            seen.update((said.key, *((sentence,) for sentence in said.sentences)))
            yield said


def _raw_text(seed: int, lexicon: Lexicon, seen: set[tuple[str, ...]]) -> Iterator[str]:
    """Draw raw sentences, the same for all tasks but for those that stand in the task's splits."""
    task = TASKS["ner"]
    grammar = Grammar(seed, Stream(seed, "sentences", "text", lexicon.language.id))
    while True:
        said = task.say(task.draw(grammar, ""), lexicon)
        if said.words in task.words and said.key not in seen:
            seen.add(said.key)
            yield said.key[0]


def check_spec(spec: Mapping[str, Any]) -> tuple[Family, dict[str, int]]:
    """Check a dataset spec and return its family and sizes.

    Raises:
        UserError: a key is missing, unknown or of the wrong type, or the language is not of the family.
    """
    for key in spec:
        if key not in KEYS:
            raise UserError(f"babel: unknown option {key!r}{nearest(key, KEYS)}")
    for key in ("language", "task", "seed", "sizes"):
        if key not in spec:
            raise UserError(f"babel: option {key!r} is missing")
    if spec["task"] not in TASKS:
        raise UserError(f"babel.task: no task {spec['task']!r}{nearest(spec['task'], TASKS)}")
    if not _natural(spec["seed"]):
        raise UserError(f"babel.seed: expected an integer of 0 or more, found {spec['seed']!r}")
    family = parse_family(spec.get("family"))
    if spec["language"] not in family:
        raise UserError(f"babel: no language {spec['language']!r} in the family{nearest(spec['language'], family)}")
    return family, _check_sizes(spec["sizes"])


def _check_sizes(sizes: Any) -> dict[str, int]:
    """Check the numbers of sentences of every split."""
    if not isinstance(sizes, Mapping):
        raise UserError(f"babel.sizes: expected numbers of sentences for {', '.join(SIZES)}, found {sizes!r}")
    for key in sizes:
        if key not in SIZES:
            raise UserError(f"babel.sizes: unknown split {key!r}{nearest(key, SIZES)}")
    for key in SIZES:
        if not _natural(sizes.get(key)) or sizes[key] == 0:
            raise UserError(f"babel.sizes.{key}: expected a number of sentences, 1 or more, found {sizes.get(key)!r}")
    return dict(sizes)


def _natural(value: Any) -> bool:
    """Say whether a value is an integer of 0 or more (true and false are not)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
