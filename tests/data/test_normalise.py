"""Texts in one Unicode form: pieces that normalise by themselves, tokens that stay one, answers at their places, counts."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.common.files import write_json
from pipeline.config.datasets.downloaded import Downloaded
from pipeline.data.arrange import Read, in_form, load_splits
from pipeline.data.normalise import CHANGED, FORMS, WHOLE, form_of, move_spans, normalised, piece_begins
from pipeline.data.schema import check_table, task_table
from tests.configs import errors, grid

NASTY = (
    "ae e\u0301\u0323\u00e9\u1ea1\u00a8\ufb01\u00bd\uff21\uff76\uff9e\u3099\u1100\u1161\u11a8\uac00\u09c7\u09be"
    "\u0958\u2126\ufdfa\u0344\U0001d15e"
)
texts = st.text(st.sampled_from(NASTY), min_size=1, max_size=12) | st.text(min_size=1, max_size=12)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None)
@given(text=texts)
def test_pieces_normalise_by_themselves(form, text):
    begins = [*piece_begins(text, form), len(text)]
    pieces = [text[a:b] for a, b in pairwise(begins)]
    assert "".join(unicodedata.normalize(form, piece) for piece in pieces) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=150, deadline=None)
@given(before=texts, answer=texts, after=texts)
def test_a_normalised_answer_stands_at_its_place(form, before, answer, after):
    context = f"x{before}{answer}{after}"
    table = task_table("qa", "xx", [("1", "who", context, [answer], [1 + len(before)])])
    found, mends = normalised("qa", table, form)
    (row,) = found.to_pylist()
    assert row["context"] == unicodedata.normalize(form, context)
    assert row["context"].startswith(row["answers"][0], row["starts"][0]) and row["answers"][0]
    if not mends[WHOLE.format(form=form)][0]:
        assert row["answers"][0] == unicodedata.normalize(form, answer)
    assert mends[CHANGED.format(form=form)][0] == (row["context"] != context)


def test_an_answer_that_ends_inside_of_a_letter_has_the_whole_letter():
    assert move_spans("le cafe\u0301!", [(3, 7), (3, 8)], "NFC") == ([(3, 7), (3, 7)], 1)
    assert move_spans("ab", [(0, 1)], "NFC") == ([(0, 1)], 0)


def test_tokens_stay_one_each():
    words = ["¨", "½", "\ufb01n", "a b", "\u00a0", "plain", "１"]
    table = task_table("ner", "xx", [("1", words, ["O"] * len(words))])
    found, mends = normalised("ner", table, "NFKC")
    assert found["tokens"].to_pylist() == [["\u0308", "1⁄2", "fin", "a b", "\u00a0", "plain", "1"]]
    assert mends[CHANGED.format(form="NFKC")].tolist() == [4]
    check_table(found, "ner", "here")


def test_rows_are_counted_and_nothing_else_is_touched():
    rows = [("1", "cafe\u0301", "ｏｋ", "e\u0301"), ("2", "plain", "plain", "e\u0301")]
    read = Read(task_table("nli", "xx", rows))
    once = in_form({"normalise": "NFKC"}, "nli", read)
    assert once.table["premise"].to_pylist() == ["café", "plain"] and once.table["label"].to_pylist() == ["e\u0301"] * 2
    assert once.mends[CHANGED.format(form="NFKC")].tolist() == [2, 0]
    assert in_form({}, "nli", read) is read is in_form({"normalise": "none"}, "nli", read)
    with pytest.raises(UserError, match="normalise: 'nfc'; did you mean 'NFC'"):
        form_of({"normalise": "nfc"})


def test_texts_are_normalised_before_duplicates_are_looked_for(tmp_path):
    """Of NFKC a full-width text is the other's duplicate, and is left out and counted as any."""
    manifest = {"files": {split: [{"name": split}] for split in ("train", "dev", "test")}, "notes": []}
    write_json(tmp_path / "m.json", manifest)
    given = {"train": [("1", "ｏｋ", "positive"), ("2", "other", "negative")], "dev": [("3", "ok", "positive")]}

    def read(files, language, split, spec):
        return Read(task_table("sentiment", language, given.get(split, [("4", "é", "positive")])))

    spec = {"loader": "mine", "language": "xx", "remove_duplicates": "train"}
    plain = load_splits(spec, tmp_path / "m.json", "sentiment", read).splits["train"]
    assert plain.table.num_rows == 2 and plain.repaired == {}
    found = load_splits({**spec, "normalise": "NFKC"}, tmp_path / "m.json", "sentiment", read)
    assert found.splits["train"].table["text"].to_pylist() == ["other"]
    assert found.splits["train"].dropped == {"also in dev or test": 1}
    assert found.text["text"].to_pylist() == ["other"]


@pytest.mark.parametrize("loader", ["wikiann", "files"])
def test_a_dataset_that_says_nothing_of_it_keeps_its_key(loader):
    own = (
        ()
        if loader == "wikiann"
        else (
            "datasets.wikiann=",
            "datasets.wikiann={loader: files, task: ner, folder: f, files: {all: '{language}.tsv'}}",
        )
    )
    used = (
        *own,
        "tables=",
        "experiments.few={dataset: wikiann, encoder: mbert, methods: [target_only], targets: [qu]}",
    )
    (plain,), (none,), (nfc,) = (
        grid(*used, *more).datasets
        for more in ((), ("datasets.wikiann.normalise=none",), ("datasets.wikiann.normalise=NFC",))
    )
    assert plain == none != nfc
    (said,) = errors(*used, "datasets.wikiann.normalise=NFD")
    assert said.startswith("datasets.wikiann.normalise: ") and "NFC" in said
    assert "normalise" in Downloaded.later
