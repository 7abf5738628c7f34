"""Word pieces that a tokenizer lacks: learned from text and appended, for WordPiece, Unigram and byte-pair models alike.

First come letters without which a word is unknown. Then, in words of several pieces, the most frequent neighbours are
merged, again and again, as in byte-pair encoding (Sennrich et al. 2016) but from the pieces the tokenizer has on. So every
new piece is a row of old ones, words that were one piece stay so, and other text changes where new pieces fit into it:

* byte-pair: new merges come after the old ones, so the old pieces are put together first;
* Unigram: a new piece scores just more than the pieces it replaces, so where the best path does not cut at its ends it loses;
* WordPiece takes the longest piece from the left, so a new piece can draw the cut of a word in which it was not learned. Where
  that would make a known word of the text unknown, the piece is given up.

Everything depends on the text's words and their counts alone, not on their order or on a hash's.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from pipeline.common.errors import UserError
from pipeline.encoders.long_words import cutting

# Merges are learned over one character per piece; no text is there, no normaliser looks, and no blank is above it.
FIRST_CODE, LAST_CODE = 0x10000, 0x10FFFF
SLACK = 2  # merges to learn per piece wanted: some only lead to a piece that is there already
MARGIN = 1e-6  # by how much a new Unigram piece beats the pieces it replaces, per merge
UNSUPPORTED = ("byte_fallback", "dropout", "end_of_word_suffix")

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Cutter:
    """A tokenizer's model, asked word by word.

    Attributes:
        tokenizer: the tokenizer.
    """

    tokenizer: Tokenizer

    @cached_property
    def model(self) -> dict[str, Any]:
        """The model's description in `tokenizer.json`."""
        found: dict[str, Any] = json.loads(self.tokenizer.to_str())["model"]
        return found

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Ids by piece, added tokens included."""
        return dict(self.tokenizer.get_vocab(with_added_tokens=True))

    @cached_property
    def prefix(self) -> str:
        """What marks a piece inside a word: `##` in WordPiece, nothing elsewhere."""
        return str(self.model.get("continuing_subword_prefix") or "")

    @cached_property
    def unknown(self) -> int | None:
        """The id of unknown words or letters, where there is one."""
        token = self.model.get("unk_token")
        return self.model["unk_id"] if "unk_id" in self.model else self.vocabulary.get(token) if token else None

    @cached_property
    def _model(self) -> Any:
        return self.tokenizer.model  # a new object at each access

    def ids(self, word: str) -> list[int]:
        """Return the ids of a word's pieces."""
        return [token.id for token in self._model.tokenize(word)]

    def cut(self, word: str) -> Parts | None:
        """Return a word's pieces, `None` where it or a part of it is unknown."""
        tokens = self._model.tokenize(word)
        parts = tuple(token.value for token in tokens)
        known = all(token.id != self.unknown for token in tokens) and self.join(parts) == word
        return parts if known else None

    def join(self, parts: Sequence[str]) -> str:
        """Return what pieces make together, a piece themselves: `("##ab", "##c")` → `"##abc"`."""
        return parts[0] + "".join(part.removeprefix(self.prefix) for part in parts[1:])

    def letters(self, word: str) -> Parts:
        """Return a word's letters as pieces."""
        return (word[0], *(self.prefix + letter for letter in word[1:]))


@dataclass(frozen=True)
class Extension:
    """A tokenizer with new pieces.

    Attributes:
        tokenizer: the tokenizer; old pieces have their old ids.
        pieces: what each new piece was cut into before, in the order of their ids; a letter that was unknown is its own part.
        first: the first new id.
        facts: what the new pieces do to the text, for the manifest.
    """

    tokenizer: Tokenizer
    pieces: dict[str, Parts]
    first: int
    facts: dict[str, Any]


def extend_tokenizer(
    tokenizer: Tokenizer, texts: Iterable[str], pieces: int, min_frequency: int, rows: int
) -> Extension:
    """Append to a tokenizer's vocabulary at most `pieces` pieces that the text needs.

    Args:
        tokenizer: of a WordPiece, Unigram or byte-pair model.
        texts: sentences; none is kept.
        pieces: the most that may be added; fewer where the text holds no more, none where all its words are whole already.
        min_frequency: how often a piece must occur in the text.
        rows: rows of the encoder's embeddings; new ids start there.

    Raises:
        UserError: the model is of another kind or uses a feature that is not supported, or the text holds no words.
    """
    old = Cutter(tokenizer)
    check_model(old.model)
    words = count_words(texts, tokenizer)
    if not words:
        raise UserError("the text to learn new pieces from holds no words")
    letters = {letter: (letter,) for letter in missing_letters(old, words, pieces, min_frequency)}
    spelled = with_pieces(old, letters, (), rows)
    rules = learn_merges(spelled, words, pieces - len(letters), min_frequency)
    new, merged = choose(spelled, rules, pieces - len(letters))
    extended = with_pieces(old, letters | new, merged, rows)
    while spoilt := [word for word in words if old.cut(word) is not None and extended.cut(word) is None]:
        new = {p: parts for p, parts in new.items() if not any(p.removeprefix(old.prefix) in word for word in spoilt)}
        extended = with_pieces(old, letters | new, merged, rows)
    chosen = letters | new
    facts = {"pieces": len(chosen), "letters": len(letters), **compare(old, extended, words)}
    return Extension(extended.tokenizer, chosen, rows, facts)


def check_model(model: Mapping[str, Any]) -> None:
    """Refuse models to which pieces cannot be appended as described.

    Raises:
        UserError: the model is not a WordPiece, Unigram or BPE model, or has a feature of `UNSUPPORTED`.
    """
    if model["type"] not in ("WordPiece", "Unigram", "BPE"):
        raise UserError(
            f"tokenizer.json: model {model['type']!r} cannot be extended; expected WordPiece, Unigram or BPE"
        )
    for key in UNSUPPORTED if model["type"] != "WordPiece" else ():
        if model.get(key):
            raise UserError(f"tokenizer.json: a model with {key} = {model[key]!r} cannot be extended")
    if model["type"] == "BPE" and model.get("continuing_subword_prefix"):
        raise UserError("tokenizer.json: a BPE model with continuing_subword_prefix cannot be extended")


def count_words(texts: Iterable[str], tokenizer: Tokenizer) -> Counter[str]:
    """Count the words that the tokenizer's normaliser and pre-tokeniser make of blank-separated chunks, marks included.

    Words too long for its model count in the parts that they are cut into.
    """
    cut = cutting(tokenizer)
    chunks = Counter(chunk for text in texts for chunk in text.split())
    words: Counter[str] = Counter()
    for chunk, count in sorted(chunks.items()):
        normal = tokenizer.normalizer.normalize_str(chunk) if tokenizer.normalizer else chunk
        split = cut.pre_tokenize_str(normal) if cut else [(normal, (0, 0))]
        for word, _ in split:
            words[word] += count
    del words[""]
    return words


def missing_letters(old: Cutter, words: Mapping[str, int], limit: int, min_frequency: int) -> list[str]:
    """Return the letters, as pieces, that unknown words lack: at most `limit`, the most frequent first."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        if old.cut(word) is None:
            for letter in old.letters(word):
                counts[letter] += count if letter not in old.vocabulary else 0
    frequent = [letter for letter, count in counts.items() if count >= min_frequency]
    return sorted(frequent, key=lambda letter: (-counts[letter], letter))[:limit]


def learn_merges(
    cutter: Cutter, words: Mapping[str, int], pieces: int, min_frequency: int
) -> list[tuple[Parts, Parts]]:
    """Return the merges of neighbours that make `pieces` pieces and some more, most frequent first, as rows of pieces.

    The tokenizers library learns them, from words spelled with one character per piece.
    """
    cuts: Counter[Parts] = Counter()
    for word, count in words.items():
        parts = cutter.cut(word)
        if parts is not None and len(parts) > 1:
            cuts[parts] += count
    units = sorted({part for parts in cuts for part in parts})
    if pieces < 1 or not cuts:
        return []
    if len(units) > LAST_CODE - FIRST_CODE:
        raise UserError(f"the text holds {len(units):,} different pieces, too many to learn new ones from")
    code = {unit: chr(FIRST_CODE + i) for i, unit in enumerate(units)}

    def lines() -> Iterator[str]:
        for parts in sorted(cuts):
            yield " ".join(["".join(code[part] for part in parts)] * cuts[parts])

    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=len(units) + SLACK * pieces, min_frequency=min_frequency, special_tokens=[], show_progress=False
    )
    learner.train_from_iterator(lines(), trainer)
    merges = json.loads(learner.to_str())["model"]["merges"]

    def decoded(side: str) -> Parts:
        return tuple(units[ord(character) - FIRST_CODE] for character in side)

    return [(decoded(left), decoded(right)) for left, right in merges]


def choose(
    cutter: Cutter, rules: Iterable[tuple[Parts, Parts]], pieces: int
) -> tuple[dict[str, Parts], list[tuple[str, str]]]:
    """Walk along merges until they have made `pieces` new pieces.

    Returns:
        The new pieces with their parts, and the merges as pairs of pieces, without those that a byte-pair model has.
    """
    new: dict[str, Parts] = {}
    merges: dict[tuple[str, str], None] = {}
    there = {tuple(merge) for merge in cutter.model.get("merges", ())}
    for left, right in rules:
        text = cutter.join(left + right)
        if text not in cutter.vocabulary and text not in new:
            if len(new) == pieces:
                break
            new[text] = left + right
        merge = cutter.join(left), cutter.join(right)
        if merge not in there:
            merges[merge] = None
    return new, list(merges)


def with_pieces(old: Cutter, pieces: Mapping[str, Parts], merges: Sequence[tuple[str, str]], first: int) -> Cutter:
    """Return the tokenizer with pieces appended to its vocabulary, from id `first` on."""
    if not pieces and not merges:
        return old
    description = json.loads(old.tokenizer.to_str())
    model = description["model"]
    ids = {token["content"]: token["id"] for token in description["added_tokens"]}
    new = {piece: first + i for i, piece in enumerate(pieces)}
    if model["type"] == "Unigram":
        model["vocab"] += unigram_entries(model["vocab"], pieces, ids, first)
    else:  # added tokens would be numbered anew, after the last piece, were they not in the vocabulary themselves
        model["vocab"] |= {token: i for token, i in ids.items() if token not in model["vocab"]} | new
    if model["type"] == "BPE":
        model["merges"] += [list(merge) for merge in merges]
    return Cutter(Tokenizer.from_str(json.dumps(description)))


def unigram_entries(
    vocabulary: Sequence[tuple[str, float]], pieces: Mapping[str, Parts], added: Mapping[str, int], first: int
) -> list[list[Any]]:
    """Return the entries to append to a Unigram vocabulary, in which the place is the id.

    Letters that were unknown score as the rarest old piece does.
    """
    scores = {piece: score for piece, score in vocabulary}
    least = min(scores.values())
    taken = {i: token for token, i in added.items()}
    entries = [[taken.get(i, f"<unused{i}>"), least] for i in range(len(vocabulary), first)]
    for piece, parts in pieces.items():
        entries.append([piece, sum(scores.get(part, least) for part in parts) + MARGIN * (len(parts) - 1)])
    return entries


def compare(old: Cutter, new: Cutter, words: Mapping[str, int]) -> dict[str, Any]:
    """Return how both cut the text's words: pieces per word, unknown words, words cut in another way (all by occurrence)."""
    total, changed = sum(words.values()), 0
    pieces, unknown = [0, 0], [0, 0]
    for word, count in words.items():
        changed += count if old.ids(word) != new.ids(word) else 0
        for i, cutter in enumerate((old, new)):
            pieces[i] += count * len(cutter.ids(word))
            unknown[i] += count if cutter.cut(word) is None else 0
    return {
        "words": total,
        "changed_words": changed,
        "unknown_words": dict(zip(("before", "after"), unknown, strict=True)),
        "pieces_per_word": {key: round(n / total, 4) for key, n in zip(("before", "after"), pieces, strict=True)},
    }
