"""Tokenised splits on disk: equal to tokenising anew for every task and field, made once, never out of date."""

import importlib
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.data.schema import LABELS, task_table
from pipeline.tasks.examples import Examples
from pipeline.training import tokens
from pipeline.training.tokens import Golds, Ragged, tokenised
from tests import tiny

TASKS = ("ner", "sentiment", "nli", "relevance", "qa")
MADE_OF = {"split": "aa", "tokenizer": "bb"}
LENGTH = 14  # most contexts take several windows, some sentences are cut


def module(task):
    return importlib.import_module(f"pipeline.tasks.{task}")


def table(task, count=10):
    return task_table(task, "alpha", tiny.rows(task, "alpha", "train", count))


def made(task, place, *, rows=None, pair=tiny.TYPED, labels=None, max_length=LENGTH, made_of=MADE_OF):
    rows = table(task) if rows is None else rows
    return tokenised(rows, module(task), tiny.tokenizer(pair), labels or LABELS[task], max_length, place, made_of)


def fields(examples: Examples):
    """Every field in plain lists, shapes of arrays included."""
    arrays = {
        name: [(np.shape(a), np.asarray(a).tolist()) for a in getattr(examples, name)]
        for name in ("input_ids", "labels", "positions", "types")
    }
    return {
        **arrays,
        **{name: list(getattr(examples, name)) for name in ("ids", "languages", "gold")},
        "classes": examples.classes.tolist(),
        "groups": examples.groups.tolist(),
        "firsts": examples.firsts.tolist(),
        "lengths": examples.lengths.tolist(),
        "truncated_words": examples.truncated_words,
    }


def refuse(*arguments):
    raise AssertionError("the files of an earlier call were to be read")


@pytest.fixture
def place(tmp_path):
    return tmp_path / "train.parquet"


def folders(place):
    """What lies beside the split, hidden files too."""
    found = place.parent / "tokens"
    return sorted(path.name for path in found.iterdir()) if found.exists() else []


@pytest.mark.parametrize("pair", [tiny.TYPED, "[CLS] $A [SEP] $B [SEP]"])
@pytest.mark.parametrize("chunk", [1, 3, 1000])
@pytest.mark.parametrize("task", TASKS)
def test_what_is_read_is_what_tokenising_gives(task, chunk, pair, place, monkeypatch):
    direct = module(task).encode(table(task), tiny.tokenizer(pair), LABELS[task], LENGTH)
    assert len(direct) > 10 if task == "qa" else len(direct) == 10
    assert bool(len(direct.types)) == (pair == tiny.TYPED and task in ("nli", "relevance", "qa"))
    monkeypatch.setattr(tokens, "CHUNK", chunk)
    first = made(task, place, pair=pair)
    assert fields(first) == fields(direct)
    monkeypatch.setattr(module(task), "encode", refuse)
    again = made(task, place, pair=pair)
    assert fields(again) == fields(direct)
    assert len(folders(place)) == 1


@pytest.mark.parametrize("task", TASKS)
def test_rows_taken_from_files_are_those_taken_from_memory(task, place):
    direct = module(task).encode(table(task), tiny.tokenizer(tiny.TYPED), LABELS[task], LENGTH)
    read, order = made(task, place), np.array([7, 0, 3])
    assert fields(read.take_examples(order)) == fields(direct.take_examples(order))
    assert fields(read.take(order)) == fields(direct.take(order))


def test_windows_of_all_chunks_are_numbered_on(place, monkeypatch):
    monkeypatch.setattr(tokens, "CHUNK", 4)
    read = made("qa", place)
    assert read.groups.tolist() == sorted(read.groups.tolist())
    assert sorted(set(read.groups.tolist())) == list(range(10))
    assert len(read.firsts) == 10 < len(read)
    for row, group in enumerate(read.groups):
        assert read.ids[row] == f"tiny-alpha-train-{group}"
        assert read.gold[row]["context"] == tiny.rows("qa", "alpha", "train", 10)[group][2]


def test_sub_tokens_stay_on_disk(place):
    read = made("nli", place)
    taken = read.take_examples(np.arange(5))
    assert isinstance(read.input_ids, Ragged) and isinstance(read.gold, Golds)
    assert not read.input_ids.values.flags.owndata and not read.input_ids.values.flags.writeable
    assert np.shares_memory(taken.input_ids[0], read.input_ids.values)


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["contradiction", "neutral", "entailment"]},
        {"max_length": LENGTH + 1},
        {"made_of": {**MADE_OF, "split": "ab"}},
        {"made_of": {**MADE_OF, "tokenizer": "bc"}},
    ],
)
def test_whatever_changes_the_tokens_changes_their_folder(place, change):
    first = made("nli", place)
    other = made("nli", place, **change)
    assert len(folders(place)) == 2
    assert fields(made("nli", place)) == fields(first)
    direct = module("nli").encode(
        table("nli"), tiny.tokenizer(tiny.TYPED), change.get("labels", LABELS["nli"]), change.get("max_length", LENGTH)
    )
    assert fields(other) == fields(direct)


def test_other_code_and_another_task_have_folders_of_their_own(place, monkeypatch):
    made("nli", place)
    asked = []
    real = tokens.code_hash
    monkeypatch.setattr(tokens, "code_hash", lambda modules: asked.append(tuple(modules)) or real(modules))
    made("nli", place)
    assert asked == [("pipeline.tasks.nli", "pipeline.training.tokens", tokens.TOKENIZING)] and len(folders(place)) == 1
    monkeypatch.setattr(tokens, "code_hash", lambda modules: "another")
    made("nli", place)
    assert len(folders(place)) == 2
    monkeypatch.setattr(tokens, "code_hash", real)
    made("relevance", place)  # of the same hashes
    assert len(folders(place)) == 3


def test_other_splits_lie_beside_each_other(place):
    made("nli", place)
    made("nli", place.with_name("dev.parquet"))
    assert [name.partition("-")[0] for name in folders(place)] == ["dev", "train"]


def test_two_runs_at_once_make_the_same_files_and_leave_one_folder(place, monkeypatch):
    direct = module("qa").encode(table("qa"), tiny.tokenizer(tiny.TYPED), LABELS["qa"], LENGTH)
    both, real = threading.Barrier(2, timeout=30), tokens.write

    def write(folder, parts):
        real(folder, parts)
        both.wait()  # neither has renamed its folder yet

    monkeypatch.setattr(tokens, "write", write)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(made, "qa", place) for _ in range(2)]
        assert [fields(run.result()) for run in runs] == [fields(direct)] * 2
    assert len(folders(place)) == 1 and not folders(place)[0].startswith(".")


class Killed(BaseException):
    """Stands for an interrupt."""


@pytest.mark.parametrize("error", [Killed(), OSError(28, "No space left on device"), UserError("the task refuses")])
def test_an_interrupted_write_leaves_nothing(place, monkeypatch, error):
    monkeypatch.setattr(tokens, "CHUNK", 4)
    encode, calls = module("nli").encode, []

    def fail_later(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise error
        return encode(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(module("nli"), "encode", fail_later)
        with pytest.raises(type(error)):
            made("nli", place)
    assert folders(place) == []
    assert len(made("nli", place)) == 10


def test_a_folder_deleted_in_part_is_made_again(place):
    first = fields(made("nli", place))
    (folder,) = (place.parent / "tokens").iterdir()
    (folder / "index.json").unlink()
    (folder / "gold.arrow").unlink()
    assert fields(made("nli", place)) == first
    assert folders(place) == [folder.name] and (folder / "gold.arrow").exists()


def test_others_may_read_the_folder_as_the_umask_says(place):
    before = os.umask(0o022)
    try:
        made("nli", place)
    finally:
        os.umask(before)
    (folder,) = (place.parent / "tokens").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_split_without_rows_makes_no_examples(place):
    assert len(made("nli", place, rows=table("nli", 0))) == 0


def test_rows_with_and_without_token_types_are_not_mixed_up(place, monkeypatch):
    monkeypatch.setattr(tokens, "CHUNK", 1)
    rows = [("1", "sees", "in", "neutral"), ("2", "sees", "", "neutral")]
    with pytest.raises(UserError, match="gives some rows types and others none"):
        made("nli", place, rows=task_table("nli", "xx", rows), pair="[CLS] $A [SEP] $B:1 [SEP]")
    assert folders(place) == []


def test_pieces_and_unknown_ones_are_counted(place, monkeypatch):
    monkeypatch.setattr(tokens, "CHUNK", 2)
    rows = [("1", "ada sees rome", "positive"), ("2", "xyz sees", "negative"), ("3", "by by by by by", "negative")]
    tokenizer = tiny.tokenizer()
    marks = tokens.Marks(tokenizer.token_to_id("[UNK]"), (0, 2, 3, 4))
    arguments = (task_table("sentiment", "xx", rows), module("sentiment"), tokenizer, LABELS["sentiment"], 6, place)
    read = tokenised(*arguments, MADE_OF, marks)
    assert read.counts == {"pieces": 9, "unknown_pieces": 1, "words": 3} and read.truncated_words == 1
    assert tokenised(*arguments, MADE_OF, marks).counts == read.counts  # as the files say
    assert read.take_examples(np.array([0])).counts == {}


def test_words_are_counted_where_each_has_a_label(place):
    read = made("ner", place)
    assert read.counts["words"] == sum(len(tokens) for _, tokens, _ in tiny.rows("ner", "alpha", "train", 10))
    assert made("qa", place).counts["words"] == 10  # questions, in however many windows


def test_rows_of_ragged_arrays():
    one = Ragged(np.arange(6), np.array([0, 2, 2, 6]))
    assert [a.tolist() for a in one] == [[0, 1], [], [2, 3, 4, 5]]
    assert one[-1].tolist() == [2, 3, 4, 5] and [a.tolist() for a in one[1:]] == [[], [2, 3, 4, 5]]
    two = Ragged(np.arange(6), np.array([0, 2, 2, 6]), width=2)
    assert [a.tolist() for a in two] == [[[0, 1]], [], [[2, 3], [4, 5]]]
    assert two[1].shape == (0, 2)
    for row in (3, -4):
        with pytest.raises(IndexError):
            one[row]


def test_gold_answers_of_rows_and_slices(place):
    gold = made("qa", place).gold
    assert len(gold) == len(list(gold)) > 10
    assert gold[2:4] == [gold[2], gold[3]]
    with pytest.raises(IndexError):
        gold[len(gold)]
    plain = made("ner", place).gold
    assert len(plain) == 10 and plain[0] == tiny.rows("ner", "alpha", "train", 10)[0][2]
    with pytest.raises(IndexError):
        plain[10]
