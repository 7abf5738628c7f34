"""Train a subword vocabulary on sampled text: word pieces for BERT, a SentencePiece-like one for XLM-R.

Both keep combining marks with their letter (Gujarati, Burmese, …): text is normalised to composed form, accents stay,
and words are cut at white space (BERT also at punctuation and around Chinese characters) before pieces are learned. The
joiners U+200C and U+200D, which spell words apart in several scripts, stay; other format characters go.

Pieces come from byte-pair merges (Sennrich et al. 2016) of the words' letters, as in the tokenizers library's own
WordPiece trainer. That trainer and its unigram one are not used: they number pieces, and so break ties, in the order of a
hash table, which differs from process to process.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers.normalizers import Normalizer

from pipeline.common.errors import UserError
from pipeline.encoders.architectures import ARCHITECTURES
from pipeline.encoders.long_words import LONG

# An alphabet may fill a quarter of the vocabulary: word pieces hold a letter twice, at a word's start and inside it.
ALPHABET_SHARE = 4
MIN_FREQUENCY = 2
WORD_START = "▁"
INSIDE = "##"


def train_vocabulary(texts: Iterable[str], architecture: str, size: int, lower_case: bool = False) -> Tokenizer:
    """Learn at most `size` pieces from `texts`; the vocabulary and its order depend on the texts alone.

    Args:
        texts: sentences, each as often as it is to count.
        architecture: `bert` (WordPiece) or `xlm-roberta` (byte-pair encoding of words marked with `▁`).
        size: entries of the vocabulary, special tokens included.
        lower_case: whether to fold case.

    Returns:
        The tokenizer, adding start and end tokens; it pads and truncates nothing.

    Raises:
        UserError: the size leaves no room for pieces, or the texts hold none.
    """
    special = ARCHITECTURES[architecture].tokens
    if size < 8 * len(special):
        raise UserError(f"vocabulary_size: {size} is too small; expected at least {8 * len(special)}")
    empty = _untrained(architecture, lower_case)
    words = count_words(texts, empty)
    alphabet = choose_alphabet(words, size // ALPHABET_SHARE)
    if not alphabet:
        raise UserError("the text to learn a vocabulary from holds no words")
    learned = _merge(words, set(alphabet), size, list(special.values()))
    if architecture == "bert":
        empty.model = _wordpiece(learned, alphabet, size, special)
    else:
        learned.model.unk_token = special["unk_token"]
        learned.model.fuse_unk = True
        empty.model = learned.model
    return _with_special_tokens(empty, architecture)


def count_words(texts: Iterable[str], tokenizer: Tokenizer) -> Counter[str]:
    """Count the words `tokenizer` makes of `texts` by its normaliser and pre-tokeniser, without `▁`."""
    chunks = Counter(chunk for text in texts for chunk in text.split())
    words: Counter[str] = Counter()
    for chunk, count in chunks.items():
        normal = tokenizer.normalizer.normalize_str(chunk)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal):
            words[word.replace(WORD_START, "")] += count
    del words[""]
    return words


def choose_alphabet(words: Counter[str], limit: int) -> list[str]:
    """Return the `limit` most frequent letters of `words`, in code-point order (ties: the lower code point stays)."""
    letters: Counter[str] = Counter()
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
    return sorted(sorted(letters, key=lambda c: (-letters[c], c))[:limit])


def _untrained(architecture: str, lower_case: bool) -> Tokenizer:
    """Normaliser, pre-tokeniser and decoder of an architecture around an empty model."""
    tokenizer = Tokenizer(models.BPE())
    steps: list[Normalizer] = [
        normalizers.NFC() if architecture == "bert" else normalizers.NFKC(),
        normalizers.Replace(Regex(r"\p{Cc}"), " "),
        normalizers.Replace(Regex(r"[\p{Cf}&&[^\x{200C}\x{200D}]]"), ""),
    ]
    if architecture == "bert":  # of BERT's own cleaning, only the blanks around Chinese characters
        steps.append(normalizers.BertNormalizer(False, True, False, lower_case))
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece(prefix=INSIDE, cleanup=False)
    else:
        steps += [normalizers.Lowercase()] if lower_case else []
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(WORD_START, prepend_scheme="always")]
        )
        tokenizer.decoder = decoders.Metaspace(WORD_START, prepend_scheme="always")
    tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer


def _merge(words: Counter[str], alphabet: set[str], size: int, special: list[str]) -> Tokenizer:
    """Learn byte-pair merges of `▁`-marked words whose letters are all in `alphabet`."""

    def lines() -> Iterator[str]:
        for word in sorted(words):
            for part in parts_to_learn(word, alphabet):
                yield " ".join([part] * words[word])

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(WORD_START, prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=MIN_FREQUENCY, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(lines(), trainer)
    return tokenizer


def parts_to_learn(word: str, alphabet: set[str]) -> list[str]:
    """Return what of a word merges are learned from: the word, unless a letter of it is not in `alphabet`.

    Of a long word, a whole sentence in scripts without blanks, a rare letter takes nothing but itself.
    """
    if alphabet.issuperset(word):
        return [word]
    if len(word) <= LONG:
        return []
    return "".join(letter if letter in alphabet else " " for letter in word).split()


def _wordpiece(learned: Tokenizer, alphabet: list[str], size: int, special: dict[str, str]) -> models.WordPiece:
    """Turn merges of `▁`-marked words into word pieces: `▁ab` into `ab`, `ab` into `##ab`; every letter gets both."""
    pieces = dict.fromkeys([*special.values(), *alphabet, *(INSIDE + letter for letter in alphabet)])
    vocabulary = learned.get_vocab()
    for piece in sorted(vocabulary, key=vocabulary.__getitem__):
        if piece not in special.values() and piece != WORD_START:
            pieces[piece[1:] if piece.startswith(WORD_START) else INSIDE + piece] = None
    ids = {piece: i for i, piece in enumerate(list(pieces)[:size])}
    return models.WordPiece(ids, unk_token=special["unk_token"], continuing_subword_prefix=INSIDE)


def _with_special_tokens(tokenizer: Tokenizer, architecture: str) -> Tokenizer:
    """Declare the special tokens and put the start and end tokens around a sentence or a pair, as the original does."""
    tokens = ARCHITECTURES[architecture].tokens
    bert = architecture == "bert"
    # XLM-R's mask takes the blank before it, as in the original's tokenizer.
    tokenizer.add_special_tokens(
        [
            AddedToken(t, lstrip=key == "mask_token" and not bert, normalized=False, special=True)
            for key, t in tokens.items()
        ]
    )
    start, end = tokens["cls_token"], tokens["sep_token"]
    second = f"{end} $B:1 {end}:1" if bert else f"{end} {end} $B {end}"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {second}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (start, end)],
    )
    return tokenizer
