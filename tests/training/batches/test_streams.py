"""Streams: passes, grouping, pairing, resumption."""

import json

import numpy as np
import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.methods.contract import Pool, Stream
from pipeline.tasks.examples import Examples
from pipeline.tasks.packing import Reads
from pipeline.training.batches.streams import Sampler, Streams, seeded


def examples(lengths, language="alpha", classes=None, ids=None):
    n = len(lengths)
    return Examples(
        ids or [f"row-{i}" for i in range(n)],
        [language] * n,
        [np.full(length, 7) for length in lengths],
        [np.zeros(length, dtype=np.int64) for length in lengths],
        [np.empty(0, dtype=np.int64)] * n,
        np.asarray(classes if classes is not None else []),
        gold=[None] * n,
    )


def sampler_of(lengths, batch_size):
    n, arrays = len(lengths), [np.empty(length) for length in range(max(lengths) + 1)]
    rows = Examples([""] * n, ["alpha"] * n, [arrays[length] for length in lengths], [], [])
    return Sampler(Stream((), batch_size), rows, seeded("x"))


def one_pass(sampler):
    return [sampler.next_rows() for _ in range(sampler.batches_per_pass)]


def test_a_pass_covers_every_row_once():
    sampler = sampler_of([5] * 1003, 16)
    for _ in range(2):
        batches = one_pass(sampler)
        assert [len(batch) for batch in batches] == [16] * 62 + [11]
        assert sorted(np.concatenate(batches)) == list(range(1003))


@pytest.mark.parametrize(("n", "batch_size"), [(10, 16), (17, 16), (100, 16), (1003, 12)])
def test_every_example_weighs_the_same_over_many_passes(n, batch_size):
    """In one step those of an odd last batch weigh more; which they are is chance, not their length."""
    sampler, passes = sampler_of(1 + np.arange(n) // 4, batch_size), 60_000 // n
    weights = np.zeros((passes, n))
    for p in range(passes):
        for rows in one_pass(sampler):
            weights[p, rows] = 1 / len(rows)
    noise = weights.std() / np.sqrt(passes)
    assert np.abs(weights.mean(0) - weights.mean()).max() <= 5 * noise + 1e-12
    longest = weights[:, -max(1, n // 10) :].mean()
    assert longest == pytest.approx(weights.mean(), rel=0.1)


@pytest.mark.parametrize(
    ("n", "batch_size", "passes"), [(10, 4, 400), (100, 16, 40), (5_000, 16, 20), (400_000, 16, 2)]
)
def test_pairs_meet_as_often_as_under_a_shuffle(n, batch_size, passes):
    """Whatever their lengths: of a batch's pairs, how many meet again in the next pass; and how near in length they are."""
    sampler = sampler_of(np.sort(seeded("lengths").lognormal(2.6, 0.6, n).astype(int)) + 2, batch_size)
    full = n // batch_size
    before, again = np.stack(one_pass(sampler)[:full]), 0
    for _ in range(passes):
        after, of_row = one_pass(sampler), np.full(n, -1)
        for number, rows in enumerate(after):
            of_row[rows] = number
        met = of_row[before]
        again += int((met[:, :, None] == met[:, None, :]).sum()) - before.size
        before = np.stack(after[:full])
    pairs = full * batch_size * (batch_size - 1) * passes
    expected = (batch_size - 1) / (n - 1)
    assert again / pairs <= 1.5 * expected + 3 * np.sqrt(expected / pairs)
    gap = np.abs(before[:, :, None] - before[:, None, :]).sum() / (full * batch_size * (batch_size - 1))
    assert gap == pytest.approx((n + 1) / 3, rel=0.3 if n < 1000 else 0.02)  # of ranks by length, two at random


def test_passes_differ_and_repeat_with_the_seed():
    def rows(seed):
        sampler = Sampler(Stream((), 4), examples([5] * 12), seeded(seed))
        return [sampler.next_rows().tolist() for _ in range(6)]

    first = rows(1)
    assert first == rows(1)
    assert first != rows(2)
    assert first[:3] != first[3:]


@pytest.mark.parametrize("done", [0, 1, 3, 5])
def test_restored_stream_continues_with_the_same_rows(done):
    whole = Sampler(Stream((), 4), examples([5, 6, 7] * 4), seeded("x"))
    for _ in range(done):
        whole.next_rows()
    other = Sampler(Stream((), 4), examples([5, 6, 7] * 4), seeded("y"))
    other.restore(whole.state())
    assert [whole.next_rows().tolist() for _ in range(7)] == [other.next_rows().tolist() for _ in range(7)]
    json.loads(whole.state()["rng"])  # plain values only, so that a checkpoint holds no code


def test_per_class_draws_from_each_class_of_each_language():
    stream = Stream((), 2, sampling="per_class")
    sampler = Sampler(stream, examples([5] * 12, classes=[0, 0, 0, 1, 1, 1] * 2), seeded("c"))
    rows = sampler.next_rows()
    assert sorted(sampler.examples.classes[rows]) == [0, 0, 1, 1]
    too_many = Sampler(Stream((), 7, sampling="per_class"), sampler.examples, seeded("c"))
    with pytest.raises(UserError, match="class 0 has 6 examples, 7 are drawn"):
        too_many.next_rows()


def make_streams(streams, pools):
    return Streams(streams, pools, ("alpha", "beta"), 0, torch.device("cpu"), (1, "test"), reads=Reads(512))


def test_paired_streams_share_ids():
    ids = [f"pair-{i}" for i in range(8)]
    pools = {Pool("alpha"): examples([5] * 8, ids=ids), Pool("beta"): examples([5] * 8, "beta", ids=ids[::-1])}
    streams = {"support": Stream((Pool("alpha"),), 4), "query": Stream((Pool("beta"),), 4, paired_with="support")}
    drawn = make_streams(streams, pools)
    support, query = drawn.draw("support"), drawn.draw("query")
    assert [ids[r] for r in support["row"]] == [ids[::-1][r] for r in query["row"]]
    assert support["language"].tolist() == [0] * 4 and query["language"].tolist() == [1] * 4


def test_every_batch_of_a_pass_is_paired():
    ids = [f"pair-{i}" for i in range(11)]
    pools = {Pool("alpha"): examples([5] * 11, ids=ids), Pool("beta"): examples([4, 6] * 7, "beta", ids=[*"xyz", *ids])}
    streams = {"query": Stream((Pool("alpha"),), 4), "support": Stream((Pool("beta"),), 4, paired_with="query")}
    drawn, seen = make_streams(streams, pools), []
    for _ in range(3):
        query, support = drawn.draw("query"), drawn.draw("support")
        assert [f"pair-{r}" for r in query["row"]] == [[*"xyz", *ids][r] for r in support["row"]]
        seen += query["row"].tolist()
    assert sorted(seen) == list(range(11))


def test_of_several_languages_a_counterpart_is_drawn_at_random():
    """And never the example itself, where its language is on both sides."""
    ids = [f"pair-{i}" for i in range(40)]
    languages = ("alpha", "beta", "gamma")
    pools = {Pool(name): examples([5] * 40, name, ids=ids) for name in languages}
    for own in ("alpha", "gamma"):
        streams = {
            "query": Stream((Pool(own),), 40),
            "support": Stream(tuple(map(Pool, languages)), 40, paired_with="query"),
        }
        made = [Streams(streams, pools, languages, 0, torch.device("cpu"), (1, "test")) for _ in range(2)]
        made[0].draw("query"), made[0].draw("support")
        made[1].restore(made[0].state())
        (query, support), (_, again) = ((drawn.draw("query"), drawn.draw("support")) for drawn in made)
        assert support["row"].tolist() == again["row"].tolist(), "resumed"
        assert (support["row"] % 40).tolist() == query["row"].tolist()
        of_each = torch.bincount(support["language"], minlength=3)
        assert of_each[languages.index(own)] == 0 and sorted(of_each)[1] > 8


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        (
            ["row-0", "row-1", "x", "y"],
            r"2 of 4 examples of alpha, 'row-2' first, have no counterpart .* in beta; set parallel: no",
        ),
        (list("wxyz"), r"rows are not parallel: 4 of 4 examples of alpha, 'row-0' first"),
    ],
)
def test_rows_that_are_not_parallel_are_refused_before_the_first_draw(theirs, message):
    pools = {Pool("alpha"): examples([5] * 4), Pool("beta"): examples([5] * 4, "beta", ids=theirs)}
    streams = {"query": Stream((Pool("alpha"),), 4), "support": Stream((Pool("beta"),), 4, paired_with="query")}
    with pytest.raises(UserError, match=message):
        make_streams(streams, pools)


def test_an_example_is_no_counterpart_of_itself():
    pools = {Pool("alpha"): examples([5] * 4)}
    streams = {"query": Stream((Pool("alpha"),), 2), "support": Stream((Pool("alpha"),), 2, paired_with="query")}
    with pytest.raises(UserError, match=r"4 of 4 examples of alpha, .* in alpha; set parallel: no"):
        make_streams(streams, pools)


def test_windows_of_a_question_have_windows_of_its_counterpart():
    ids = ["a", "a", "b", "b", "b"]
    pools = {
        Pool("alpha"): examples([5] * 5, ids=ids),
        Pool("beta"): examples([5] * 4, "beta", ids=["b", "a", "a", "c"]),
    }
    streams = {"query": Stream((Pool("alpha"),), 5), "support": Stream((Pool("beta"),), 5, paired_with="query")}
    drawn, found = make_streams(streams, pools), set()
    for _ in range(10):
        query, support = drawn.draw("query"), drawn.draw("support")
        assert [ids[r] for r in query["row"]] == [["b", "a", "a", "c"][r] for r in support["row"]]
        found.update(support["row"].tolist())
    assert found == {0, 1, 2}


@pytest.mark.parametrize(("sides", "most"), [(1, 11), (2, 5)])
def test_a_whole_stream_says_which_batch_size_would_do(sides, most):
    pools = {Pool("alpha"): examples([5] * 6), Pool("beta"): examples([5] * 5, "beta")}
    streams = {"both": Stream((Pool("alpha"), Pool("beta")), 12, whole=True, sides=sides)}
    with pytest.raises(UserError) as error:
        make_streams(streams, pools)
    assert str(error.value) == (
        f"alpha, beta: a batch takes 12 examples, and there are only 11; set training.batch_size to at most {most}"
    )
    assert len(make_streams({"both": Stream((Pool("alpha"),), 6, whole=True)}, pools).draw("both")["row"]) == 6


def test_excluding_stream_never_repeats_the_others_rows():
    pools = {Pool("alpha"): examples([5] * 8)}
    streams = {
        "query": Stream((Pool("alpha"),), 4, sampling="random"),
        "support": Stream((Pool("alpha"),), 4, sampling="random", excluding="query"),
    }
    drawn = make_streams(streams, pools)
    for _ in range(20):
        assert not set(drawn.draw("query")["row"].tolist()) & set(drawn.draw("support")["row"].tolist())


def test_counts_useful_and_processed_tokens():
    pools = {Pool("alpha"): examples([3, 5])}
    drawn = make_streams({"train": Stream((Pool("alpha"),), 2)}, pools)
    batch = drawn.draw("train")
    assert batch["input_ids"].shape == (2, 5)
    assert batch["attention_mask"].sum() == 8
    assert (drawn.useful, drawn.processed) == (8, 8), "both in one row"


def test_no_examples_at_all_is_refused():
    with pytest.raises(UserError, match="no training example"):
        make_streams({"train": Stream((Pool("alpha"),), 2)}, {Pool("alpha"): examples([])})
