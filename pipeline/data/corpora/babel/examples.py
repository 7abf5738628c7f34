"""What every task of Babel is: how its examples are drawn as meanings, and how a language says them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pipeline.data.corpora.babel.grammar import Grammar, Rates
from pipeline.data.corpora.babel.lexicon import Lexicon

Example = TypeVar("Example")


@dataclass(frozen=True)
class Said:
    """An example in the words of a language.

    Attributes:
        columns: the row's values in the order of the task's schema, `id` and `lang` left out.
        words: how many words it has.
        key: the texts that make it this example (`pipeline.data.schema.KEYS`).
        sentences: the sentences in it, which raw text must not hold.
    """

    columns: tuple[Any, ...]
    words: int
    key: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Task(Generic[Example]):
    """A task.

    Attributes:
        rates: how often the meanings it draws have what they may have.
        labels: labels in their shares, dealt in random order again and again; empty where rows bear none.
        words: how many words an example may have.
        draw: draws an example of a label; no language has a part in it.
        say: says an example in a language.
    """

    rates: Rates
    labels: tuple[str, ...]
    words: range
    draw: Callable[[Grammar, str], Example]
    say: Callable[[Example, Lexicon], Said]
