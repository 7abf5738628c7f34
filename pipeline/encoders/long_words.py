"""Long words for WordPiece, which makes one unknown piece of any word of more than `max_input_chars_per_word` characters (100).

In scripts without blanks (Thai, Khmer, Lao, Burmese) such a word is a sentence. So words longer than the limit are cut before
the model sees them; all others keep the pieces that the tokenizer gives them, and offsets stay right. Raising the limit would do
as well, but the model tries every prefix of what is left of a word: 1,000 characters take 20 ms, 5,000 take 1.7 s, 20,000 take
91 s; cut they take 1.4, 7 and 31 ms.

Parts are cut so that no letter is lost that has a piece: a part begins with a letter that may begin a word, goes on with letters
that may stand inside one, and a mark stays with its letter where that is possible. Letters without a piece are parts
of their own.
"""

import unicodedata
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from tokenizers.pre_tokenizers import PreTokenizer

LONG = 100  # characters: what WordPiece takes unless its file says otherwise
MOST_REPEATED = 100_000  # times that the library's regular expressions repeat anything
NOTHING = r"[^\s\S]"


def cut_long_words(tokenizer: Tokenizer) -> Tokenizer:
    """Let a tokenizer cut words that its model would not take, and return it.

    It is not to be saved afterwards: where it cuts depends on its vocabulary.
    """
    if isinstance(tokenizer.model, models.WordPiece):
        tokenizer.pre_tokenizer = cutting(tokenizer)
    return tokenizer


def cutting(tokenizer: Tokenizer) -> PreTokenizer | None:
    """Return what makes words of text: the tokenizer's own pre-tokenizer, and of WordPiece also what cuts long words."""
    own: PreTokenizer | None = tokenizer.pre_tokenizer
    model = tokenizer.model
    if not isinstance(model, models.WordPiece):
        return own
    pattern = parts_of(tokenizer.get_vocab(False), model.continuing_subword_prefix, model.max_input_chars_per_word)
    parts = pre_tokenizers.Split(Regex(pattern), "isolated")
    return parts if own is None else pre_tokenizers.Sequence([own, parts])


def parts_of(vocabulary: Iterable[str], prefix: str, limit: int) -> str:
    """Return the regular expression whose matches are the parts of a word, the word itself up to `limit` characters.

    Args:
        vocabulary: the pieces.
        prefix: what marks a piece inside a word.
        limit: characters of the longest word that the model takes.
    """
    limit = max(1, min(limit, MOST_REPEATED))
    pieces = set(vocabulary)
    first = {piece for piece in pieces if len(piece) == 1}
    inside = {
        piece.removeprefix(prefix) for piece in pieces if piece.startswith(prefix) and len(piece) == len(prefix) + 1
    }
    joined = {letter for letter in inside if letter not in first or unicodedata.category(letter).startswith("M")}
    run = f"{_any_of(first)}{_any_of(inside)}{{0,{limit - 1}}}"
    other = f"(?:(?!{_any_of(first)})[\\s\\S]){{1,{limit}}}"
    return f"\\A[\\s\\S]{{1,{limit}}}\\z|{run}(?!{_any_of(joined)})|{run}|{other}"


def _any_of(letters: Iterable[str]) -> str:
    """A class of letters, neighbours as ranges."""
    ranges: list[list[int]] = []
    for code in sorted(map(ord, letters)):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "[" + "".join(rf"\x{{{low:X}}}-\x{{{high:X}}}" for low, high in ranges) + "]" if ranges else NOTHING
