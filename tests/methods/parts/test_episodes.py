"""Streams of episodes: what they cover, what they share, in which order kinds take turns, and what is refused."""

from collections import Counter
from itertools import chain, permutations
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet
from pipeline.methods.contract import Pool, Setting, Stream
from pipeline.methods.parts import maml
from pipeline.methods.parts.episodes import (
    SHORTEST,
    STRETCH,
    draw_episode,
    episode_streams,
    halves,
    pools_of,
    stretches,
)
from pipeline.methods.parts.sides import Episode, Origin
from pipeline.tasks.examples import Examples
from pipeline.training.batches.streams import Streams
from pipeline.training.run import train_run
from tests import tiny
from tests.methods.auxiliaries import languages_of, prepared, record_draws, spec_of, write_language

SETTING = Setting(("en",), ("qu",), 1000, 100, 50, 8, 5, "last", auxiliary=("hi", "sw"), auxiliary_size=30)
EN, QU, HI, SW = Origin("en", source=True), Origin("qu"), Origin("hi"), Origin("sw")


def episodes_of(spec, steps):
    """The streams drawn from, and support and query, of a run's first steps."""
    loop, streams = prepared(spec)
    kinds = sum(name.startswith(("both", "query")) for name in streams.samplers)
    draw, drawn = record_draws(streams)
    found = []
    for _ in range(steps):
        found.append(draw_episode(loop, draw, loop.step_number % kinds))
        loop.step_number += 1
    return loop, [name for name, _ in drawn], found


def flat(lists):
    return list(chain.from_iterable(lists))


def rows_in(batches):
    return flat(batch["row"].tolist() for batch in batches)


# --------------------------------------------------------------------------------------------------------------- streams


def test_sides_read_the_split_and_the_sizes_of_their_part():
    assert pools_of(SETTING, [QU, HI, EN], "dev") == (
        Pool("qu", "dev", 50),
        Pool("hi", "dev", 30),
        Pool("en", "dev", 30, source=True),
    )
    assert pools_of(SETTING, [QU, SW], "train") == (Pool("qu", "train", 100), Pool("sw", "train", 30))
    assert pools_of(SETTING, [Origin("qu", source=True)], "dev") == (Pool("qu", "dev", 30, source=True),)


def test_different_sides_are_two_streams_and_equal_ones_one_of_twice_the_size():
    kinds = [Episode((EN,), (HI,)), Episode((HI, SW), (SW, HI)), Episode((SW,), (HI,))]
    streams = episode_streams(SETTING, kinds, "dev", "random", parallel=False)
    assert list(streams) == ["query0", "support0", "both1", "query2", "support2"]
    assert {name: (stream.batch_size, stream.sides, stream.whole) for name, stream in streams.items()} == {
        "query0": (8, 1, True),
        "support0": (8, 1, True),
        "both1": (16, 2, True),
        "query2": (8, 1, True),
        "support2": (8, 1, True),
    }
    assert {stream.sampling for stream in streams.values()} == {"random"}
    assert not any(stream.paired_with for stream in streams.values())
    paired = episode_streams(SETTING, kinds, "dev", "covering", parallel=True)
    assert {name: stream.paired_with for name, stream in paired.items() if stream.paired_with} == {
        "support0": "query0",
        "support2": "query2",
    }


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(500, (100, 5)), (1000, (100, 10)), (100, (100, 1)), (1, (1, 1)), (6, (6, 1)), (240, (120, 2)), (997, (997, 1))],
)
def test_stretches_divide_the_steps_evenly(steps, expected):
    assert stretches(steps) == expected


@pytest.mark.parametrize("steps", [2, 19, 101, 300, 720, 1500, 4096, 10007])
def test_no_other_division_is_nearer_to_a_stretch(steps):
    length, number = stretches(steps)
    assert length * number == steps

    def away(d):
        return max(d / STRETCH, STRETCH / d)

    assert length >= min(SHORTEST, steps)
    assert away(length) == min(away(d) for d in range(min(SHORTEST, steps), steps + 1) if steps % d == 0)


# --------------------------------------------------------------------------------------------------------------- coverage


@pytest.mark.parametrize("kind", ["support", "query"])
def test_covering_visits_every_row_once_a_pass_on_each_side(languages, kind):
    """13 dev sentences in batches of 4, 4, 4 and 1, in whatever order."""
    _, _, found = episodes_of(spec_of("xla_maml", auxiliary=["gamma"]), 8)
    rows = [pair[kind == "query"]["row"].tolist() for pair in found]
    for first in (0, 4):
        batches = rows[first : first + 4]
        assert sorted(map(len, batches)) == [1, 4, 4, 4]
        assert sorted(flat(batches)) == list(range(13))
    assert rows[:4] != rows[4:]


def test_covering_visits_every_row_once_a_pass_on_both_sides_together(languages):
    """Batches of 8 and 5, halved: 4 + 4 and 2 + 3."""
    _, _, found = episodes_of(spec_of("x_maml", auxiliary=["gamma"]), 4)
    for first in (0, 2):
        passed = found[first : first + 2]
        assert sorted(rows_in(flat(passed))) == list(range(13))
        assert sorted((len(a["row"]), len(b["row"])) for a, b in passed) == [(2, 3), (4, 4)]
    sides = [Counter(rows_in(pair[side] for pair in found)) for side in (0, 1)]
    assert sides[0] != sides[1], "rows change sides from pass to pass"


def test_a_rest_of_one_is_not_halved(languages):
    """13 sentences in batches of 12 and 1."""
    _, names, found = episodes_of(spec_of("x_maml", {"batch_size": 6}, auxiliary=["gamma"]), 6)
    assert [(len(a["row"]), len(b["row"])) for a, b in found] == [(6, 6)] * 6
    assert 10 <= len(names) <= 12, "six passes of two batches, the last perhaps without its rest"


def test_random_draws_each_batch_afresh(languages):
    _, _, found = episodes_of(spec_of("xla_maml", auxiliary=["gamma"], sampling="random"), 40)
    for side in (0, 1):
        rows = [pair[side]["row"].tolist() for pair in found]
        assert all(len(set(batch)) == 4 for batch in rows)
        assert len(set(flat(rows[:4]))) < 13, "no pass"
        assert set(flat(rows)) == set(range(13))


def test_halves_share_nothing_lose_nothing_and_are_random(languages):
    loop, streams = prepared(spec_of("x_maml", auxiliary=["gamma"]))
    whole = next(batch for batch in (streams.draw("both0") for _ in range(2)) if len(batch["row"]) == 8)
    for size in (8, 7, 2):
        batch = {key: value[:size] for key, value in whole.items()}
        first, second = halves(batch, loop.generator)
        assert (len(first["row"]), len(second["row"])) == (size // 2, -(-size // 2))
        rows = batch["row"].tolist()
        assert sorted(first["row"].tolist() + second["row"].tolist()) == sorted(rows)
        for half in (first, second):
            for i, row in enumerate(half["row"].tolist()):
                assert all(torch.equal(half[key][i], batch[key][rows.index(row)]) for key in batch)
    counts = Counter(rows_in(halves(whole, loop.generator)[0] for _ in range(200)))
    assert all(60 < counts[row] < 140 for row in whole["row"].tolist()), (
        "short rows are no less on a side than long ones"
    )


# ---------------------------------------------------------------------------------------------------------------- windows


def windowed(language, sizes):
    """Question n of a language in `sizes[n]` windows, which as in real data are of one length for the most part."""
    places = [(n, w) for n, size in enumerate(sizes) for w in range(size)]
    empty = np.empty(0, dtype=np.int64)
    return Examples(
        ids=[f"question-{n}" for n, _ in places],
        languages=[language] * len(places),
        input_ids=[np.arange(3 + n % 5) for n, _ in places],
        labels=[np.array([0, 1])] * len(places),
        positions=[empty] * len(places),
        groups=np.array([n for n, _ in places]),
    )


def question_streams(sizes, sampling, batch_size=16):
    """A loop's stand-in and the draw of a stream that is halved, over questions of two languages with the same ids."""
    pools = {Pool(language, "dev"): windowed(language, sizes) for language in ("hi", "ar")}
    stream = Stream(tuple(pools), batch_size, sampling, whole=True, sides=2)
    streams = Streams({"both0": stream}, pools, ("ar", "hi"), 0, torch.device("cpu"), ("windows", sampling))
    phase = SimpleNamespace(streams={"both0": stream})
    return SimpleNamespace(phase=phase, generator=torch.Generator().manual_seed(1)), streams


def questions_of(streams, batch):
    """(language, id) of the rows of a batch."""
    examples = streams.samplers["both0"].examples
    return [(examples.languages[row], examples.ids[row]) for row in batch["row"].tolist()]


@pytest.mark.parametrize("sampling", ["covering", "random"])
def test_no_question_is_on_both_sides_whichever_of_its_windows_are_drawn(sampling):
    """200 episodes of 40 questions, most of them in one window, others in up to five; rows alone would part some in most."""
    sizes = [1, 1, 2, 1, 5, 1, 3, 1, 1, 2] * 4
    trainer, streams = question_streams(sizes, sampling)
    together, away = 0, []
    for _ in range(200):
        support, query = draw_episode(trainer, streams.draw, 0)
        sides = [questions_of(streams, side) for side in (support, query)]
        assert sides[0] and sides[1] and not set(sides[0]) & set(sides[1])
        together += any(count > 1 for side in sides for count in Counter(side).values())
        if sum(map(len, sides)) == 16:
            away.append(abs(len(sides[0]) - 8))
    assert together > 100, "questions with several windows in a batch are the rule here"
    assert np.mean(away) < 0.5 and max(away) <= 2, "the halves are as equal as whole questions allow"


def test_questions_change_sides():
    trainer, streams = question_streams([3, 1, 1, 3] * 5, "covering")
    first, drawn = Counter(), Counter()
    for _ in range(300):
        sides = [set(questions_of(streams, side)) for side in draw_episode(trainer, streams.draw, 0)]
        first.update(sides[0])
        drawn.update(sides[0] | sides[1])
    assert len(drawn) == 40 and all(0.3 < first[question] / drawn[question] < 0.7 for question in drawn)


@pytest.mark.parametrize(
    ("sizes", "least"), [([1, 1], 1), ([1, 1, 1], 1), ([1] * 7, 3), ([4, 1], 1), ([1, 9, 1], 1), ([2, 2, 2], 2)]
)
def test_halves_are_never_empty_where_there_are_two_examples(sizes, least):
    """The first half is ⌊B/2⌋ rows of B where each example has one; with a large one among them it is as near as may be."""
    batch = {"example": torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))}
    batch["row"] = torch.arange(len(batch["example"]))
    for seed in range(20):
        first, second = halves(batch, torch.Generator().manual_seed(seed))
        assert min(len(first["row"]), len(second["row"])) >= least
        assert not set(first["example"].tolist()) & set(second["example"].tolist())
        assert sorted(first["row"].tolist() + second["row"].tolist()) == batch["row"].tolist()
        if max(sizes) == 1:
            assert len(first["row"]) == len(sizes) // 2


def test_one_question_alone_cannot_be_halved_and_is_not_waited_for_for_ever():
    pool = {Pool("hi", "dev"): windowed("hi", [20])}
    stream = Stream(tuple(pool), 8, whole=True, sides=2)
    streams = Streams({"both0": stream}, pool, ("hi",), 0, torch.device("cpu"), (1,))
    with pytest.raises(
        UserError, match="none of 1,000 batches can be halved, as each holds the windows of one question"
    ):
        draw_episode(SimpleNamespace(phase=SimpleNamespace(streams={"both0": stream})), streams.draw, 0)


# --------------------------------------------------------------------------------------------------------------- parallel


@pytest.mark.parametrize("auxiliary", [["gamma"], ["gamma", "delta"]])
def test_parallel_episodes_share_ids_in_every_batch_of_a_pass(parallel_languages, auxiliary):
    steps = 8 * len(auxiliary)
    loop, names, found = episodes_of(spec_of("xla_maml", auxiliary=auxiliary, parallel=True), steps)
    assert names[:2] == ["query0", "support0"]
    of_kind = Counter()
    for number, (support, query) in enumerate(found):
        kind = number % len(auxiliary)
        assert support["row"].tolist() == query["row"].tolist()  # row n has id n in every language
        expected = [("alpha", "gamma")] if len(auxiliary) == 1 else [("gamma", "delta"), ("delta", "gamma")]
        assert (languages_of(loop, support), languages_of(loop, query)) == tuple({name} for name in expected[kind])
        of_kind.update((kind, row) for row in query["row"].tolist())
    assert of_kind == {(kind, row): 2 for kind in range(len(auxiliary)) for row in range(13)}, "two passes each"


def test_a_parallel_support_of_several_languages_sees_all_of_them(parallel_languages):
    loop, _, found = episodes_of(spec_of("xla_maml", support=["auxiliary"], query=["source"], parallel=True), 8)
    assert all(support["row"].remainder(13).tolist() == query["row"].tolist() for support, query in found)
    assert set().union(*(languages_of(loop, support) for support, _ in found)) == {"gamma", "delta"}


def test_a_size_keeps_parallel_rows_together(parallel_languages):
    spec = spec_of("xla_maml", auxiliary=["gamma"], parallel=True) | {"auxiliary_size": 5}
    loop, _, found = episodes_of(spec, 4)
    for support, query in found:
        assert support["row"].tolist() == query["row"].tolist()
    ids = {i for streams in loop.ingredients.pools.values() for i in streams.ids}
    assert len(ids) == 5


def test_rows_that_are_not_parallel_are_refused_before_the_first_step(languages, monkeypatch):
    monkeypatch.setattr(maml, "meta_step", None)
    with pytest.raises(UserError) as error:
        train_run("wrong", spec_of("xla_maml", auxiliary=["gamma"], parallel=True), 1, False, 0.0)
    first = read_parquet(paths.split(tiny.DATASET, "gamma", "dev"))["id"].to_pylist()
    assert "rows are not parallel: 13 of 13 examples of gamma, " in str(error.value)
    assert any(
        f"{id_!r} first, have no counterpart of the same id in alpha; set parallel: no" in str(error.value)
        for id_ in first
    )
    assert not paths.history("wrong").exists()


# ---------------------------------------------------------------------------------------------------------- too few rows


@pytest.mark.parametrize(
    ("kind", "size", "options", "message"),
    [
        (
            "x_maml",
            7,
            {},
            "gamma: a batch takes 14 examples, and there are only 13; set training.batch_size to at most 6",
        ),
        (
            "xla_maml",
            14,
            {},
            "delta: a batch takes 14 examples, and there are only 13; set training.batch_size to at most 13",
        ),
        (
            "xla_maml",
            14,
            {"support": ["auxiliary"], "query": ["auxiliary"]},
            "gamma, delta: a batch takes 28 examples, and there are only 26; set training.batch_size to at most 13",
        ),
        (
            "reptile",
            14,
            {},
            "gamma: a batch takes 14 examples, and there are only 13; set training.batch_size to at most 13",
        ),
    ],
)
def test_too_few_rows_for_a_batch_are_refused_with_the_size_that_would_do(
    languages, monkeypatch, kind, size, options, message
):
    monkeypatch.setattr(maml, "meta_step", None)
    with pytest.raises(UserError) as error:
        train_run("wrong", spec_of(kind, {"batch_size": size}, **options), 1, False, 0.0)
    assert str(error.value) == message
    most = int(message.split()[-1])
    prepared(spec_of(kind, {"batch_size": most}, **options))  # is accepted


# ----------------------------------------------------------------------------------------------------------------- turns


@pytest.mark.parametrize(
    ("kind", "auxiliary", "options", "expected"),
    [
        ("x_maml", ["gamma", "delta"], {}, [("gamma", "gamma"), ("delta", "delta")]),
        ("xla_maml", ["gamma", "delta"], {}, [("gamma", "delta"), ("delta", "gamma")]),
        ("xla_maml", ["gamma"], {}, [("alpha", "gamma")]),
        (
            "xla_maml",
            ["beta", "gamma", "delta"],
            {},
            list(permutations(("beta", "gamma", "delta"), 2)),
        ),
        ("x_maml", ["gamma", "delta"], {"support": ["gamma"], "query": ["source"]}, [("gamma", "alpha")]),
    ],
)
def test_kinds_of_episodes_take_turns(languages, kind, auxiliary, options, expected):
    steps = 2 * len(expected)
    loop, _, found = episodes_of(spec_of(kind, auxiliary=auxiliary, **options), steps)
    seen = [tuple(next(iter(languages_of(loop, side))) for side in pair) for pair in found]
    assert all(len(languages_of(loop, side)) == 1 for pair in found for side in pair)
    assert seen == expected * 2


def test_a_side_of_several_languages_mixes_them(languages):
    loop, _, found = episodes_of(spec_of("xla_maml", targets=["beta"], setting="few_shot"), 7)
    assert all(languages_of(loop, support) == {"beta"} for support, _ in found)
    assert {len(languages_of(loop, query)) for _, query in found} >= {2}
    assert sorted(rows_in(query for _, query in found)) == list(range(26)), "one pass over both auxiliaries"


def test_languages_of_unequal_size_each_have_their_own_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for language, count in (("gamma", 6), ("delta", 9)):
        write_language(language, "dev", count)
    write_language("beta", "test", 3)
    tiny.write_encoder()
    _, names, found = episodes_of(spec_of("x_maml", {"batch_size": 3}), 8)
    assert names == ["both0", "both1"] * 4
    of_gamma = Counter(rows_in(flat(found[::2])))
    assert set(of_gamma.values()) == {4} and len(of_gamma) == 6, "a pass a step"
    of_delta = Counter(rows_in(flat(found[1::2])))
    assert set(of_delta.values()) == {2} and len(of_delta) == 9, "a pass in two steps"
