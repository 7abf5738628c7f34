"""One language's dataset: the spec checked, meanings drawn, sentences said and labelled, no sentence in two splits.

Each split has its own stream of meanings, named by task, language and split, so a new task or a larger split changes
nothing that exists. Of a parallel dataset all languages have one stream, and one language decides which meanings are taken.
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
KEYS = ("dataset", "language", "loader", "task", "seed", "sizes", "family", "parallel")
SIZES = ("train", "dev", "test", "text")
REFERENCE = "hubbish"
"""The language in which meanings of parallel rows are found too long, or said before."""


def generate(spec: Mapping[str, Any]) -> Loaded:
    """Generate one language's labelled splits and raw text (see `pipeline.data.corpora.babel.read.load`)."""
    family, sizes = check_spec(spec)
    language, seed, task = spec["language"], spec["seed"], spec["task"]
    lexicon = build(seed, family, language)
    parallel = spec.get("parallel", False)
    judge = build(seed, family, REFERENCE) if parallel else lexicon
    of = "babel" if parallel else f"babel-{language}"  # rows with one meaning have one id
    seen: set[tuple[str, ...]] = set()
    splits = {}
    for split in ("test", "dev", "train"):  # the others give way to the test set
        said = _examples(seed, (lexicon, judge), task, (task, "*" if parallel else language, split), seen)
        rows = [(f"{of}-{split}-{i}", *row.columns) for i, row in enumerate(islice(said, sizes[split]))]
        splits[split] = Split(task_table(task, language, rows))
    raw = islice(_raw_text(seed, lexicon, seen), sizes["text"])
    text = [(f"babel-{language}-text-{i}", sentence) for i, sentence in enumerate(raw)]
    return Loaded(task, splits, text_table(language, text))


def _examples(
    seed: int, said_in: tuple[Lexicon, Lexicon], name: str, names: tuple[str, str, str], seen: set[tuple[str, ...]]
) -> Iterator[Said]:
    """Draw a task's examples and say them, leaving out what is too short, too long, or in `seen`; adds to `seen`.

    Args:
        seed: of the family.
        said_in: the language, and the one that decides what is left out.
        name: the task.
        names: of the stream of meanings; the last is the split.
        seen: what was said before.
    """
    task: Task[Any] = TASKS[name]
    lexicon, judge = said_in
    novel = 0.0 if names[-1] == "train" else NOVEL
    grammar = Grammar(seed, Stream(seed, "sentences", *names), novel, task.rates)
    labels = Stream(seed, "labels", *names)
    while True:
        for label in labels.shuffled(task.labels) or ("",):
            meant = task.draw(grammar, label)
            judged = task.say(meant, judge)
            while judged.words not in task.words or judged.key in seen:
                meant = task.draw(grammar, label)
                judged = task.say(meant, judge)
            said = judged if judge is lexicon else task.say(meant, lexicon)
            for one in (judged, said):
                seen.update((one.key, *((sentence,) for sentence in one.sentences)))
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
    if not isinstance(spec.get("parallel", False), bool):
        raise UserError(f"babel.parallel: expected true or false, found {spec['parallel']!r}")
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
