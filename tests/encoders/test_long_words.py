"""Words longer than WordPiece takes: nothing of them is lost, and all other words keep their pieces."""

import json
import random

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from pipeline.data.schema import LABELS, task_table
from pipeline.encoders.load import load_encoder
from pipeline.encoders.long_words import LONG, cut_long_words
from pipeline.encoders.pieces import extend_tokenizer
from pipeline.encoders.pretrain import encode
from pipeline.encoders.vocabulary import parts_to_learn, train_vocabulary
from pipeline.tasks import ner, qa
from tests.encoders.models import save_tiny

LAO = ["ສະບາຍ", "ດີ", "ຂ້ອຍ", "ຮຽນ", "ພາສາ", "ລາວ", "ຢູ່", "ນີ້", "ກັບ", "ເພື່ອນ"]
BURMESE = ["မြန်မာ", "ဘာသာ", "ရန်ကုန်", "စာကြည့်တိုက်", "သွားမယ်"]
KHMER = ["ភាសា", "ខ្មែរ", "សួស្តី", "ទៅ", "ផ្សារ"]
SCRIPTS = pytest.mark.parametrize("words", [LAO, BURMESE, KHMER], ids=["lo", "my", "km"])


def copy(tokenizer):
    return Tokenizer.from_str(tokenizer.to_str())


def joined(words, least, seed=0):
    chosen, text = random.Random(seed), ""
    while len(text) < least:
        text += chosen.choice(words)
    return text


def bert(words, count=30):
    return train_vocabulary([joined(words, 60, seed) for seed in range(count)], "bert", 400)


def unknown(tokenizer, text):
    found = tokenizer.encode(text)
    return [text[slice(*span)] for span, piece in zip(found.offsets, found.tokens, strict=True) if piece == "[UNK]"]


def assert_whole(tokenizer, text):
    """Its pieces, end to end, are the text."""
    found = tokenizer.encode(text, add_special_tokens=False)
    assert "[UNK]" not in found.tokens
    assert "".join(piece.removeprefix("##") for piece in found.tokens) == text
    assert "".join(text[slice(*span)] for span in found.offsets) == text


@SCRIPTS
@pytest.mark.parametrize("length", [LONG + 1, 3 * LONG, 2000])
def test_a_sentence_without_blanks_is_no_unknown_piece(words, length):
    own, text = bert(words), joined(words, length)
    assert unknown(own, text) == [text]  # what the tokenizer does of itself
    assert_whole(cut_long_words(copy(own)), text)


@SCRIPTS
def test_ordinary_words_keep_their_pieces(words):
    own = bert(words)
    cut = cut_long_words(copy(own))
    chosen = random.Random(1)
    alphabet = [*"".join(words), *"xX-!中é\u0301😀"]
    for _ in range(200):
        text = " ".join("".join(chosen.choices(alphabet, k=chosen.choice([1, 5, 20, LONG]))) for _ in range(5))
        one, other = own.encode(text), cut.encode(text)
        assert (one.ids, one.offsets, one.word_ids) == (other.ids, other.offsets, other.word_ids)


def test_of_a_long_word_only_letters_without_a_piece_are_unknown():
    cut = cut_long_words(bert(LAO))
    text = joined(LAO, 130) + "😀😀" + joined(LAO, 250) + "ж"
    assert unknown(cut, text) == ["😀😀", "ж"]


def wordpiece(*pieces):
    found = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(["[UNK]", *pieces])}, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return found


def test_parts_begin_only_with_letters_that_may_begin_a_word():
    """As a vocabulary learned elsewhere has them: `b` only inside words, `c` only at their start, a mark with both."""
    cut = cut_long_words(wordpiece("a", "##a", "##b", "c", "\u0301", "##\u0301", "##ab"))
    chosen = random.Random(2)
    for _ in range(100):
        words = ["a" + "".join(chosen.choices(["a", "b", "\u0301"], k=9)) for _ in range(chosen.randint(11, 40))]
        text = "".join(words)
        assert_whole(cut, text)
        found = cut.encode(text)
        assert not [piece for piece in found.tokens if piece[0] in "b\u0301"]  # a mark is not parted from its letter
        assert_whole(cut, "c".join(words) + "c")
    assert unknown(cut, "b" * 3 + "a" * 120) == ["bbb"]


def test_nothing_but_marks_is_cut_all_the_same():
    assert_whole(cut_long_words(wordpiece("\u0301", "##\u0301")), "\u0301" * 250)


def test_letters_that_a_pattern_would_read_otherwise():
    letters = "]^-\\[&{}.*"
    cut = cut_long_words(wordpiece(*letters, *(f"##{letter}" for letter in letters)))
    assert_whole(cut, joined(letters, 300))


def test_only_word_pieces_are_cut():
    tokenizer = train_vocabulary([joined(LAO, 60)] * 3, "xlm-roberta", 200)
    before = tokenizer.to_str()
    assert cut_long_words(tokenizer).to_str() == before
    alone = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##a": 2}, unk_token="[UNK]", max_input_chars_per_word=7))
    assert alone.encode("a" * 20).tokens == ["[UNK]"]
    assert cut_long_words(alone).encode("a" * 20).tokens.count("a") == 3  # 7, 7 and 6, as its own limit says
    assert len(alone.encode("a" * 20).tokens) == 20


def test_long_text_takes_no_long_time():
    cut, text = cut_long_words(bert(LAO)), joined(LAO, 20_000)
    assert_whole(cut, text)  # a raised limit takes a minute and a half


def test_a_loaded_encoder_cuts_and_its_file_stays(tmp_path):
    save_tiny(tmp_path, "bert")
    before = (tmp_path / "tokenizer.json").read_bytes()
    encoder = load_encoder(tmp_path)
    assert_whole(encoder.tokenizer, joined(["ada", "rome"], 300))
    assert encoder.tokenizer.token_to_id("[UNK]") == encoder.unknown_id
    assert {encoder.tokenizer.id_to_token(i) for i in encoder.special_ids} == {"[PAD]", "[CLS]", "[SEP]", "[MASK]"}
    assert (tmp_path / "tokenizer.json").read_bytes() == before


def test_pretraining_reads_long_words():
    own, text = bert(KHMER), joined(KHMER, 400)
    (ids,) = encode(own, [text], 512)
    assert own.token_to_id("[UNK]") not in ids and len(ids) > 50


def test_a_rare_letter_takes_no_sentence_from_the_vocabulary():
    text = joined(LAO, 150)
    assert parts_to_learn(text, set(text)) == [text]
    assert parts_to_learn(text + "😀" + text + "😀", set(text)) == [text, text]
    assert parts_to_learn("ab😀", set("ab")) == []  # a word: it would be unknown, so its letters do not count
    texts = [joined(LAO, 150, seed) + chr(0x4000 + seed) for seed in range(80)]
    assert any(len(piece) > 4 for piece in train_vocabulary(texts, "bert", 400).get_vocab() if "[" not in piece)


def test_an_extension_learns_from_long_words():
    base = train_vocabulary(["ada sees rome"] * 3, "bert", 60)
    texts = [joined(LAO, 150, seed) for seed in range(20)]
    extended = extend_tokenizer(base, texts, 200, 1, base.get_vocab_size())
    assert extended.facts["unknown_words"]["after"] == 0 < extended.facts["unknown_words"]["before"]
    assert any(len(piece) > 4 for piece in extended.pieces)
    assert "Split" not in json.dumps(json.loads(extended.tokenizer.to_str())["pre_tokenizer"])
    assert_whole(cut_long_words(extended.tokenizer), joined(LAO, 500, 99))


def test_words_given_as_such_keep_their_labels():
    words = ["ada", joined(LAO, 250), "ada", joined(LAO, 130)]
    tokenizer = cut_long_words(train_vocabulary([*words, *LAO, "ada"] * 3, "bert", 400))
    tags = ["O", "B-PER", "O", "B-LOC"]
    made = ner.encode(task_table("ner", "lo", [("1", words, tags)]), tokenizer, LABELS["ner"], 512)
    assert made.truncated_words == 0 and tokenizer.token_to_id("[UNK]") not in made.input_ids[0]
    assert [LABELS["ner"][made.labels[0][place]] for place in made.positions[0]] == tags
    assert (made.labels[0] >= 0).sum() == 4


def test_answers_in_long_words_are_found_where_they_stand():
    tokenizer = bert(BURMESE)
    tokenizer.normalizer = normalizers.NFC()
    cut_long_words(tokenizer)
    context = joined(BURMESE, 400)
    start = context.index("ရန်ကုန်", 200)
    table = task_table("qa", "my", [("1", "ဘာသာ", context, ["ရန်ကုန်"], [start])])
    made = qa.encode(table, tokenizer, LABELS["qa"], 512)
    first, last = made.labels[0]
    low, high = made.positions[0][first][0], made.positions[0][last][1]
    assert made.truncated_words == 0 and low <= start and start + len("ရန်ကုန်") <= high
    assert high - low < 30


@pytest.mark.parametrize("limit", [0, 10**9])
def test_a_limit_that_no_regular_expression_has(limit):
    tokenizer = bert(BURMESE)
    tokenizer.model.max_input_chars_per_word = limit
    assert cut_long_words(tokenizer).encode("ရန်ကုန်").ids
