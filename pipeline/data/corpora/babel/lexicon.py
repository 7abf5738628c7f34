"""A language's words: roots, sound changes, names, function words, affixes and script.

A language without parent draws its roots; one with a parent inherits the parent's words through regular sound
changes. A change is a chain shift: in one position of the word, some letters turn into the next of the chain
(p → b → f → p). The same letter in the same position always changes alike, and no two words fall together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from pipeline.data.corpora.babel.family import Family, Language
from pipeline.data.corpora.babel.meaning import INVENTORY, NAME_STEMS, NOVEL_STEMS, Concept
from pipeline.data.corpora.babel.streams import Stream

CONSONANTS = "pbfvmwtdszcnlrjkgxh"  # neighbours sound alike
VOWELS = "ieaou"
FUNCTION_WORDS = (  # append only
    "the", "not", "very", "link", "and", "but", "because", "when", "object", "time",
    "place", "goal", "origin", "companion", "topic", "a", "who", "what", "where",
)  # fmt: skip
AFFIXES = ("past", "plural")  # append only
_LETTERS = CONSONANTS + VOWELS
# One letter for each of ours, none with a decomposition (normalisers of tokenizers would strip its accent).
_SCRIPTS: dict[str, dict[int, int]] = {
    "latin": str.maketrans({}),
    "cyrillic": str.maketrans(_LETTERS, "пбфвмштдсзцнлржкгхчиеаоу"),
    "georgian": str.maketrans(_LETTERS, "პბფვმშტდსზცნლრჯკგხჩიეაოუ"),
    "ethiopic": str.maketrans(_LETTERS, "".join(chr(0x1200 + 8 * i) for i in range(len(_LETTERS)))),
}
Shifts = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Lexicon:
    """The written words of a language.

    Attributes:
        language: its parameters.
        words: by kind of `INVENTORY` or `"stem"`, by index.
        sounds: the same before they were put into the language's script and before digits, for distances.
        functions: function words, by the names in `FUNCTION_WORDS`.
        affixes: by the names in `AFFIXES`.
        digits: the numbers that are written in digits.
        common: the name stems that have their common form.
    """

    language: Language
    words: dict[str, tuple[str, ...]]
    sounds: dict[str, tuple[str, ...]]
    functions: dict[str, str]
    affixes: dict[str, str]
    digits: frozenset[int]
    common: frozenset[int]

    def word(self, concept: Concept) -> str:
        """Return the word for a concept."""
        return self.words[concept.kind][concept.index]

    def affixed(self, word: str, affix: str) -> str:
        """Return a word with its affix, on the language's side."""
        mark = self.affixes[affix]
        return mark + word if self.language.affix == "before" else word + mark


def build(seed: int, family: Family, language: str) -> Lexicon:
    """Build a language's lexicon; it depends on the seed, the language's own parameters and its ancestors' alone."""
    line = [family[language]]
    while line[-1].parent is not None:
        line.append(family[line[-1].parent])
    return _build(seed, tuple(line))


@lru_cache(maxsize=64)
def _build(seed: int, line: tuple[Language, ...]) -> Lexicon:
    """Build the lexicon of `line[0]`, a child of `line[1]`, and so on."""
    language = line[0]
    sounds = _sounds(seed, line)
    digits = _shared(seed, "numbers", INVENTORY["number"], language.shared_numbers)
    words = {kind: tuple(write(form, language.script) for form in forms) for kind, forms in sounds.items()}
    words["number"] = tuple(str(i) if i in digits else word for i, word in enumerate(words["number"]))
    functions = _distinct(Stream(seed, "functions", language.id), len(FUNCTION_WORDS), _short_word)
    affixes = _distinct(Stream(seed, "affixes", language.id), len(AFFIXES), _affix)
    return Lexicon(
        language,
        words,
        sounds,
        {name: write(form, language.script) for name, form in zip(FUNCTION_WORDS, functions, strict=True)},
        {name: write(form, language.script) for name, form in zip(AFFIXES, affixes, strict=True)},
        digits,
        _shared(seed, "names", NAME_STEMS + NOVEL_STEMS, language.shared_names),
    )


@lru_cache(maxsize=64)
def _sounds(seed: int, line: tuple[Language, ...]) -> dict[str, tuple[str, ...]]:
    """Return every word's sounds by kind: inherited through changes, or drawn; shared names in their common form."""
    language = line[0]
    if len(line) > 1:
        shifts = sound_changes(Stream(seed, "sounds", language.id), language.change_rate)
        forms = {
            kind: tuple(change(f, shifts) for f in inherited) for kind, inherited in _sounds(seed, line[1:]).items()
        }
    else:
        forms = {}
        taken: set[str] = set()
        for kind, size in INVENTORY.items():
            forms[kind] = _distinct(Stream(seed, "roots", language.id, kind), size, _root, frozenset(taken))
            taken.update(forms[kind])
        forms["stem"] = _distinct(Stream(seed, "roots", language.id, "stem"), NAME_STEMS + NOVEL_STEMS, _stem)
    names = _distinct(Stream(seed, "names"), NAME_STEMS + NOVEL_STEMS, _stem)
    shared = _shared(seed, "names", len(names), language.shared_names)
    forms["stem"] = tuple(names[i] if i in shared else own for i, own in enumerate(forms["stem"]))
    return forms


def _shared(seed: int, what: str, size: int, rate: float) -> frozenset[int]:
    """Return the shared items: the first `rate` of one order, so that two languages share the smaller of their sets."""
    return frozenset(Stream(seed, "shared", what).shuffled(range(size))[: round(rate * size)])


def sound_changes(stream: Stream, rate: float) -> Shifts:
    """Draw a language's sound changes: in each position of the word, `rate` of the letters shift along a chain."""
    shifts = {}
    for position, letters in (
        ("first", CONSONANTS),
        ("inner", CONSONANTS),
        ("last", CONSONANTS),
        ("vowel", VOWELS),
        ("last vowel", VOWELS),
    ):
        number = round(rate * len(letters))
        moving = sorted(stream.shuffled(letters)[: 0 if number < 2 else number], key=letters.index)
        shifts[position] = dict(zip(moving, moving[1:] + moving[:1], strict=True))
    return shifts


def change(form: str, shifts: Shifts) -> str:
    """Apply sound changes to a word."""
    last = len(form) - 1
    return "".join(shifts[_position(letter, i, last)].get(letter, letter) for i, letter in enumerate(form))


def _position(letter: str, index: int, last: int) -> str:
    """Return the position, for sound changes, of a letter in a word."""
    if letter in VOWELS:
        return "last vowel" if index == last else "vowel"
    if index == 0:
        return "first"
    return "last" if index == last else "inner"


def write(form: str, script: str) -> str:
    """Write a word's sounds in a script, letter for letter."""
    return form.translate(_SCRIPTS[script])


def _distinct(
    stream: Stream, size: int, draw: Callable[[Stream], str], taken: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Draw `size` different words, none of them in `taken`."""
    words: dict[str, None] = {}
    while len(words) < size:
        word = draw(stream)
        if word not in taken:
            words[word] = None
    return tuple(words)


def _root(stream: Stream) -> str:
    """Draw a word's root: two syllables, seldom three."""
    return _syllables(stream, 3 if stream.chance(0.1) else 2)


def _stem(stream: Stream) -> str:
    """Draw a name stem: longer than most words, which says that it may be a name, but not whose."""
    return _syllables(stream, 3 if stream.chance(0.7) else 2)


def _syllables(stream: Stream, number: int) -> str:
    """Draw syllables of a consonant and a vowel, some closed by another consonant."""
    return "".join(
        stream.pick(CONSONANTS) + stream.pick(VOWELS) + (stream.pick(CONSONANTS) if stream.chance(0.3) else "")
        for _ in range(number)
    )


def _short_word(stream: Stream) -> str:
    """Draw a function word: two or three letters, so that it is never a root."""
    onset = stream.pick(CONSONANTS) if stream.chance(0.9) else ""
    return onset + stream.pick(VOWELS) + stream.pick(CONSONANTS)


def _affix(stream: Stream) -> str:
    """Draw an affix: a vowel and a consonant."""
    return stream.pick(VOWELS) + stream.pick(CONSONANTS)
