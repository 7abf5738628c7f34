"""Which rows a run reads: sizes, shares, classes in their shares, nested by seed, from whose dataset, and what is refused."""

from collections import Counter

import numpy as np
import pytest
import torch
from tokenizers.normalizers import BertNormalizer

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import sha256_file
from pipeline.config.training import Training
from pipeline.data.schema import LABELS, text_table
from pipeline.data.splits import select
from pipeline.encoders.load import load_encoder
from pipeline.methods.contract import Pool
from pipeline.training import data as data_module
from pipeline.training.data import TRAINING_KINDS, RunData, check_spec, reader_of, setting_of
from tests import tiny

OTHER = "other-22222222"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    return tmp_path


def reader(task, max_length=32, encoder=tiny.ENCODER, **options):
    if not paths.encoder_dir(encoder).exists():
        tiny.write_encoder(encoder, **{"pair": tiny.TYPED, **options})
    return reader_of(task, load_encoder(paths.encoder_dir(encoder)), paths.encoder_dir(encoder), max_length)


def run_data(task, seed=1, max_length=32, **changes):
    return RunData(reader(task, max_length), tiny.spec("joint", task=task, **changes), seed)


def write(task, counts, language="beta", dataset=tiny.DATASET, **facts):
    for split, count in counts.items():
        tiny.write_task_split(task, language, split, count, dataset, **facts)


def labels_of(task, language, split, count):
    return {row[0]: row[-1] for row in tiny.rows(task, language, split, count)}


@pytest.mark.parametrize("task", ["sentiment", "nli", "relevance"])
def test_every_size_has_the_classes_in_their_shares(here, task):
    write(task, {"train": 80})
    told = labels_of(task, "beta", "train", 80)
    shares, found = Counter(told.values()), run_data(task)
    for size in (7, 20, 40, 79):
        chosen = Counter(told[id_] for id_ in found.pool(Pool("beta", "train", size)).ids)
        assert sum(chosen.values()) == size
        assert all(abs(chosen[label] - size * shares[label] / 80) < 1 for label in shares), (size, chosen)


def test_a_skewed_set_of_twenty_by_hand(here):
    write("relevance", {"train": 60})
    told = labels_of("relevance", "beta", "train", 60)
    assert Counter(told.values())["relevant"] == 12  # of 60: of 20 there are 4
    chosen = run_data("relevance").pool(Pool("beta", "train", 20))
    assert Counter(told[id_] for id_ in chosen.ids)["relevant"] == 4
    assert chosen.gold[0] == told[chosen.ids[0]]
    assert [LABELS["relevance"][c] for c in chosen.classes] == [told[id_] for id_ in chosen.ids]


@pytest.mark.parametrize("task", ["sentiment", "ner", "qa"])
def test_smaller_sizes_are_part_of_larger_ones(here, task):
    write(task, {"train": 30})
    found = run_data(task)
    whole = [found.pool(Pool("beta", "train", size)) for size in (5, 12, 30, None)]
    ids = [list(dict.fromkeys(examples.ids)) for examples in whole]
    assert [len(i) for i in ids] == [5, 12, 30, 30]
    assert ids[1][:5] == ids[0] and ids[2][:12] == ids[1] and ids[3] == ids[2]
    assert sorted(ids[2]) == sorted(row[0] for row in tiny.rows(task, "beta", "train", 30))
    other = run_data(task, seed=2).pool(Pool("beta", "train", 12))
    assert list(dict.fromkeys(other.ids)) != ids[1]


def test_shares_are_sizes(here):
    write("sentiment", {"train": 30})
    found = run_data("sentiment")
    assert found.pool(Pool("beta", "train", 0.2)).ids == found.pool(Pool("beta", "train", 6)).ids
    assert len(found.pool(Pool("beta", "train", 0.01))) == 1
    assert len(found.pool(Pool("beta", "train", 0.99))) == 30  # 29.7


def test_sizes_count_questions_not_windows(here):
    write("qa", {"train": 20})
    chosen = run_data("qa", max_length=14).pool(Pool("beta", "train", 6))
    assert len(chosen.firsts) == 6 < len(chosen)
    rows = {row[0]: row for row in tiny.rows("qa", "beta", "train", 20)}
    order = select(20, 6, 1, "any")
    assert [chosen.ids[row] for row in chosen.firsts] == [f"tiny-beta-train-{n}" for n in order]
    for row in range(len(chosen)):
        assert chosen.gold[row]["context"] == rows[chosen.ids[row]][2]


def test_dev_sets_have_at_most_the_size_asked_for(here):
    write("nli", {"dev": 12})
    found = run_data("nli")
    assert [len(found.pool(Pool("beta", "dev", size))) for size in (5, 12, 500, None, 0.5)] == [5, 12, 12, 12, 6]
    small, large = found.pool(Pool("beta", "dev", 5)), found.pool(Pool("beta", "dev", 500))
    assert large.ids[:5] == small.ids


def test_more_than_there_is_is_refused(here):
    write("nli", {"train": 12})
    with pytest.raises(UserError, match=rf"{tiny.DATASET} beta train: 13 examples requested but only 12 exist"):
        run_data("nli").pool(Pool("beta", "train", 13))


def test_test_sets_are_whole_and_in_order(here):
    write("nli", {"test": 12})
    found = run_data("nli").test("beta")
    assert found.ids == [f"tiny-beta-test-{n}" for n in range(12)]
    assert found.languages == ["beta"] * 12


def test_every_file_read_is_known_by_its_hash(here):
    write("nli", {"train": 12, "test": 5})
    found = run_data("nli")
    found.pool(Pool("beta", "train", 3))
    assert found.hashes == {str(p): sha256_file(p) for p in [paths.split(tiny.DATASET, "beta", "train")]}
    found.test("beta")
    assert set(found.hashes) == {str(paths.split(tiny.DATASET, "beta", split)) for split in ("train", "test")}


def test_a_split_is_tokenised_once_for_all_sizes_and_runs(here, monkeypatch):
    write("nli", {"train": 12})
    calls, real = [], data_module.importlib.import_module("pipeline.tasks.nli").encode
    monkeypatch.setattr("pipeline.tasks.nli.encode", lambda *a: calls.append(a[0].num_rows) or real(*a))
    found = run_data("nli")
    found.pool(Pool("beta", "train", 3))
    found.pool(Pool("beta", "train", None))
    run_data("nli", seed=7).pool(Pool("beta", "train", 5))
    assert calls == [12]


def test_sources_may_lie_in_a_dataset_of_their_own(here):
    write("nli", {"train": 8}, "alpha", OTHER)
    write("nli", {"train": 6}, "beta")
    found = run_data("nli", source_dataset=OTHER)
    assert len(found.pool(Pool("alpha", source=True))) == 8 and len(found.pool(Pool("beta"))) == 6
    assert set(found.hashes) == {
        str(paths.split(OTHER, "alpha", "train")),
        str(paths.split(tiny.DATASET, "beta", "train")),
    }
    with pytest.raises(UserError, match=rf"{OTHER} alpha train: 9 examples requested but only 8 exist"):
        found.pool(Pool("alpha", "train", 9, source=True))


def test_a_language_of_both_datasets_is_read_from_the_one_it_is_taken_from(here):
    write("nli", {"train": 8}, "beta", OTHER)
    write("nli", {"train": 6}, "beta")
    for source_dataset, counts in ((OTHER, [8, 6]), (None, [6, 6])):
        found = run_data("nli", source_dataset=source_dataset, sources=["beta"])
        assert [len(found.pool(Pool("beta", source=source))) for source in (True, False)] == counts


@pytest.mark.parametrize("labels", [["positive", "negative"], ["negative", "positive", "neutral"]])
def test_label_sets_that_differ_are_refused(here, labels):
    write("sentiment", {"train": 8}, "alpha", OTHER, labels=labels)
    write("sentiment", {"train": 8}, "beta")
    found = run_data("sentiment", source_dataset=OTHER)
    found.pool(Pool("beta"))
    with pytest.raises(UserError) as error:
        found.pool(Pool("alpha", source=True))
    assert str(error.value) == (
        f"{paths.split(OTHER, 'alpha', 'train')}: labels {labels}, but the run's other splits have {LABELS['sentiment']}"
    )


def test_relevance_without_a_class_to_score_is_refused(here, monkeypatch):
    monkeypatch.setitem(tiny.CUES, "relevance", {"no": "fake", "yes": "true"})
    with monkeypatch.context() as patch:
        patch.setitem(LABELS, "relevance", ["no", "yes"])
        write("relevance", {"train": 8})
    with pytest.raises(
        UserError, match=r"scored by f1_positive, and none of the classes no, yes .* call it 'relevant'"
    ):
        run_data("relevance").pool(Pool("beta"))


def test_sentiment_of_own_classes_needs_no_positive_one(here, monkeypatch):
    monkeypatch.setitem(tiny.CUES, "sentiment", {"bad": "dire", "good": "fine"})
    with monkeypatch.context() as patch:
        patch.setitem(LABELS, "sentiment", ["bad", "good"])
        write("sentiment", {"train": 8})
    found = run_data("sentiment")
    assert len(found.pool(Pool("beta"))) == 8 and found.labels == ["bad", "good"]


def test_a_split_that_the_dataset_has_not_says_why(here):
    write("nli", {"train": 0}, absent="its training data are MultiNLI's; set source_dataset")
    with pytest.raises(UserError) as error:
        run_data("nli").pool(Pool("beta"))
    assert str(error.value) == (
        f"{tiny.DATASET} has no train data in beta: its training data are MultiNLI's; set source_dataset"
    )


def test_a_split_of_another_task_is_refused(here):
    write("nli", {"train": 8})
    with pytest.raises(UserError, match=r"column 'query' is missing"):
        run_data("relevance").pool(Pool("beta"))


def test_encoders_without_token_types_are_given_none(here):
    write("nli", {"train": 8})
    spec = tiny.spec("joint", task="nli")
    typed, untyped = reader("nli"), reader("nli", encoder="plain-33333333", types=1)
    assert typed.typed and not untyped.typed
    with_types = RunData(typed, spec, 1).pool(Pool("beta", "train", 3))
    without = RunData(untyped, spec, 1).pool(Pool("beta", "train", 3))
    assert [types.max() for types in with_types.types] == [1, 1, 1]
    assert without.types == []
    assert [ids.tolist() for ids in without.input_ids] == [ids.tolist() for ids in with_types.input_ids]


def test_a_length_beyond_the_encoders_positions_is_cut_to_them(here):
    write("sentiment", {"train": 8})
    assert reader("sentiment", 512).max_length == 40
    assert reader("sentiment", 10).max_length == 10


def test_test_words_that_lose_their_marks_are_counted(here, monkeypatch):
    write("sentiment", {"test": 4})
    said = text_table("beta", [("1", "Àwọn ọmọ"), ("2", "two words")])
    monkeypatch.setattr(data_module, "raw_text", lambda *_: said)
    of = str(paths.split(tiny.DATASET, "beta", "test"))
    for strips, counted in ((False, {}), (True, {"unmarked_words": 2, "text_words": 4})):
        data = run_data("sentiment")
        data.reader.tokenizer.normalizer = BertNormalizer(lowercase=False, strip_accents=strips)
        data.test("beta")
        assert {
            key: number for key, number in data.counts[of].items() if key in ("unmarked_words", "text_words")
        } == counted


def test_settings_of_a_run():
    spec = tiny.spec("joint", source_size=0.5, target_size=20, dev_size=7, auxiliary=["gamma"], auxiliary_size=9)
    setting = setting_of(spec)
    assert (setting["sources"], setting["targets"]) == (("alpha",), ("beta",))
    assert (setting["source_size"], setting["target_size"], setting["dev_size"]) == (0.5, 20, 7)
    assert (setting["auxiliary"], setting["auxiliary_size"]) == (("gamma",), 9)
    assert (setting["batch_size"], setting["epochs"], setting["select"], setting["patience"]) == (8, 3, "best", None)
    untrained = setting_of({**spec, "training": {"batch_size": 4, "max_length": 32, "precision": "auto"}})
    assert (untrained["epochs"], untrained["select"], untrained["patience"]) == (0, "last", None)


def test_rows_are_numbers_of_the_file(here):
    write("sentiment", {"train": 9})
    found = run_data("sentiment")
    table = found.read("beta", "train")
    path = paths.split(tiny.DATASET, "beta", "train")
    rows = found.rows(path, table, 4)
    assert rows.dtype == np.int64 and len(set(rows.tolist())) == 4
    assert found.examples(path, table, rows).ids == [f"tiny-beta-train-{n}" for n in rows]


def test_a_spec_is_told_of_which_kind_every_training_setting_is():
    assert set(TRAINING_KINDS) == set(Training.model_fields)


@pytest.mark.parametrize("setting", [{"micro_batch": "8"}, {"activation_checkpointing": "yes"}, {"trim": 1.5}])
def test_a_spec_whose_setting_is_of_another_kind_is_refused(setting):
    with pytest.raises(UserError, match=f"--spec: training.*{next(iter(setting))}"):
        check_spec(tiny.spec("joint", training=setting))
