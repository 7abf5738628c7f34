"""Meta graph learning through the real loop: who is in an episode, what moves, and predictions against the naive way."""

import numpy as np
import pytest
import torch

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.methods.mgl import Episode, graph_of, mean_scores, represent
from pipeline.training.data import RunData, reader_of
from pipeline.training.run import train_run
from tests import tiny
from tests.methods.auxiliaries import languages_of, record_draws, steps_of, theta_of
from tests.methods.test_metaxl import assert_resumes, loop_of

SOURCES = ("alpha", "gamma", "delta")
COUNTS = {"train": 40, "dev": 12, "test": 21}
SMALL = {"support_size": 2, "query_size": 5, "train_episodes": 6, "test_episodes": 4, "eval_times": 3, "neighbours": 4}


def make_world(task="sentiment", counts=None):
    tiny.write_task_splits(task, (*SOURCES, "beta"), counts or COUNTS)
    tiny.write_encoder(pair=tiny.TYPED)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_world()
    return folder


@pytest.fixture
def world(written, monkeypatch):
    """Sentiment in four languages, 40 training texts each."""
    monkeypatch.chdir(written)


def spec_of(training=None, sources=SOURCES, **method):
    settings = {"optimizer": "adam", "epochs": 2, "clip_norm": 40.0, "schedule": "constant", "warmup": 0.0}
    given = {"distance": "mean_squared", "layers": 2, "length_scale": True, "dropout": 0.5, **SMALL, **method}
    return tiny.spec(
        "mgl", task="sentiment", sources=list(sources), method=given, training={**settings, **(training or {})}
    )


def prepared(spec, phase=0):
    loop, phases = loop_of(spec)
    for earlier in phases[:phase]:
        loop.prepare(earlier)
    streams, _ = loop.prepare(phases[phase])
    loop.set_training(True)
    return loop, streams


def keys_of(streams, name, batch):
    examples = streams.samplers[name].examples
    return {(examples.ids[row], examples.languages[row]) for row in batch["row"].tolist()}


# --------------------------------------------------------------------------------------------------------------- episodes


def test_meta_train_leaves_each_source_out_in_turn(world):
    loop, streams = prepared(spec_of())
    draw, drawn = record_draws(streams)
    steps_of(loop, draw, 6)
    for i in range(6):
        (_, support), (_, query) = drawn[2 * i : 2 * i + 2]
        out = SOURCES[i % 3]
        assert languages_of(loop, query) == {out}
        assert languages_of(loop, support) == set(SOURCES) - {out}
        assert len(query["row"]) == 5
        pairs = list(zip(support["language"].tolist(), support["labels"][:, 0].tolist(), strict=True))
        assert sorted(pairs.count(pair) for pair in set(pairs)) == [2] * 4, "N of every class of every language"


def test_meta_test_goes_from_all_sources_to_the_target(world):
    loop, streams = prepared(spec_of(), phase=1)
    draw, drawn = record_draws(streams)
    steps_of(loop, draw, 3)
    for (_, support), (_, query) in zip(drawn[::2], drawn[1::2], strict=True):
        assert languages_of(loop, support) == set(SOURCES)
        assert languages_of(loop, query) == {"beta"}
        assert len(support["row"]) == 2 * 3 * 2


@pytest.mark.parametrize("phase", [0, 1])
def test_without_l2clt_both_sides_are_of_one_language_and_share_no_instance(world, phase):
    loop, streams = prepared(spec_of(l2clt=False, query_size=30), phase)
    draw, drawn = record_draws(streams)
    steps_of(loop, draw, 9)
    for (left, support), (right, query) in zip(drawn[::2], drawn[1::2], strict=True):
        assert languages_of(loop, support) == languages_of(loop, query)
        assert len(languages_of(loop, query)) == 1
        assert not keys_of(streams, left, support) & keys_of(streams, right, query)
        assert len(support["row"]) == 4
    seen = [languages_of(loop, query) for _, query in drawn[1::2]]
    assert seen == ([{s} for s in SOURCES] * 3 if phase == 0 else [{"beta"}] * 9)


def test_the_targets_test_rows_and_its_dev_rows_are_in_no_episode(world):
    for phase in (0, 1):
        _, streams = prepared(spec_of(), phase)
        for sampler in streams.samplers.values():
            assert all("-train-" in identity for identity in sampler.examples.ids)


def test_the_targets_share_is_what_the_config_says(world):
    spec = spec_of() | {"target_size": 10, "source_size": 30}
    _, streams = prepared(spec, 1)
    assert len(streams.samplers["query"].examples) == 10
    assert len(streams.samplers["support"].examples) == 90


# --------------------------------------------------------------------------------------------------------------- training


def test_the_loss_is_the_cross_entropy_of_the_query_in_the_graph_of_all(world):
    loop, streams = prepared(spec_of())
    loop.set_training(False)
    support, query = streams.draw("support_0"), streams.draw("query_0")
    graph = graph_of(loop)
    nodes = torch.cat([represent(loop.model, support), represent(loop.model, query)])
    scores = graph.spread(graph.edges(nodes), nodes)[-5:]
    expected = torch.nn.functional.cross_entropy(scores, query["labels"][:, 0])
    ours = loop.loss(query, module=Episode(loop, support))
    assert torch.allclose(ours, expected, atol=1e-7)


def test_the_optimiser_gets_the_gradient_of_the_sum_over_the_query_and_the_mean_is_logged(world):
    """Equation 6, in float64 by plain autograd: not of the mean, which would be a twentieth of it."""
    loop, streams = prepared(spec_of(query_size=20, dropout=0.0))
    loop.set_training(False)
    loop.model.double()
    graph = graph_of(loop).double()
    draw, drawn = record_draws(streams)
    loop.optimisers["model"].step = lambda check: None  # so what `backward` leaves is what would be clipped
    logged = loop.ingredients.method.step(loop, draw)
    (_, support), (_, query) = drawn
    nodes = torch.cat([represent(loop.model, support), represent(loop.model, query)])
    chances = graph(nodes)[-20:].log_softmax(-1)
    total = -sum(chances[i, label] for i, label in enumerate(query["labels"][:, 0]))
    theta = loop.parameters()
    expected = torch.autograd.grad(total, theta, allow_unused=True)
    largest = max(float(gradient.abs().max()) for gradient in expected if gradient is not None)
    assert largest > 1e-4
    for parameter, gradient in zip(theta, expected, strict=True):
        if gradient is None:
            assert parameter.grad is None or not parameter.grad.any()
        else:
            assert (parameter.grad - gradient).abs().max() < 1e-6 * largest, (
                "scores are rounded to float32 for the loss"
            )
    assert float(logged["loss"]) == pytest.approx(total.item() / 20, rel=1e-6)


def test_the_sums_gradient_is_what_the_norm_of_40_clips(world):
    """The mean's has a norm below 40, the sum's of 30 query instances one above."""
    loop, streams = prepared(spec_of(query_size=30, dropout=0.0))
    with torch.no_grad():
        for parameter in graph_of(loop).layers.parameters():
            parameter.mul_(30)
    optimiser = loop.optimisers["model"]
    given = []
    taken = optimiser.inner.step

    def step():
        given.extend(p.grad.norm() for p in optimiser.parameters if p.grad is not None)
        taken()

    optimiser.inner.step = step
    steps_of(loop, streams.draw, 1)
    norm = float(optimiser.gradient_norm)
    assert norm / 30 < 40 < norm
    assert float(torch.stack(given).norm()) == pytest.approx(40, rel=1e-4), "Adam is given the clipped"


def test_gradients_reach_the_length_scale_the_layers_and_the_whole_encoder(world):
    loop, streams = prepared(spec_of(query_size=20))
    support, query = streams.draw("support_0"), streams.draw("query_0")
    loop.loss(query, module=Episode(loop, support)).backward()
    for name, parameter in graph_of(loop).named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
    for name, parameter in loop.model.named_parameters():
        if name.startswith("encoder."):
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
    assert loop.model.encoder.encoder.layer[0].attention.self.query.weight.grad.any()


def test_both_stages_train_encoder_and_graph_and_choose_by_dev(world):
    loop, phases = loop_of(spec_of())
    assert [phase.name for phase in phases] == ["meta_train", "meta_test"]
    assert [[pool.language for pool in phase.select_on] for phase in phases] == [list(SOURCES), ["beta"]]
    start = theta_of(loop)
    loop.fit(phases)
    moved = {name for name, tensor in theta_of(loop).items() if not torch.equal(tensor, start[name])}
    assert any(name.startswith("encoder.encoder.layer.0") for name in moved)
    assert not any(name.startswith("head.") for name in moved), "the graph classifies, not the head"
    assert [record["phase"] for record in loop.records] == ["meta_train"] * 2 + ["meta_test"] * 2
    assert [record["steps"] for record in loop.records] == [6, 6, 4, 4]
    assert all(record["dev_score"] is not None for record in loop.records)


def test_where_a_graph_has_fewer_nodes_than_neighbours_all_edges_are_kept(world):
    """In meta-train 13 nodes, in meta-test 17: K = 15 is more than the first has, as the paper's 100 is on relevance."""
    losses = {}
    for neighbours in (13, 15):
        for phase in (0, 1):
            loop, streams = prepared(spec_of(neighbours=neighbours), phase)
            torch.manual_seed(0)
            losses[neighbours, phase] = float(steps_of(loop, streams.draw, 1)[0]["loss"])
            nodes = torch.randn(17 if phase else 13, 16, generator=torch.Generator().manual_seed(1))
            kept = (graph_of(loop).edges(nodes) > 0).sum(1)
            assert (kept.min() >= min(neighbours, len(nodes))) and (phase or (kept == 13).all())
    assert losses[13, 0] == losses[15, 0]


def test_the_graph_of_meta_train_goes_on_in_meta_test(world):
    loop, phases = loop_of(spec_of(training={"select": "last"}))
    loop.run_phase(0, phases[0], None)
    trained = {k: t.clone() for k, t in graph_of(loop).state_dict().items()}
    loop.prepare(phases[1])
    assert all(torch.equal(t, trained[k]) for k, t in graph_of(loop).state_dict().items())


def test_without_meta_train_there_is_one_stage(world):
    _, phases = loop_of(spec_of(meta_train=False, sources=["alpha"]))
    assert [phase.name for phase in phases] == ["meta_test"]


def test_each_stage_stops_early(world):
    loop, phases = loop_of(spec_of(training={"epochs": 9, "patience": 1, "learning_rate": 1e-12}))
    loop.fit(phases)
    assert [record["phase"] for record in loop.records] == ["meta_train"] * 2 + ["meta_test"] * 2


# ------------------------------------------------------------------------------------------------------------- prediction


def naive(loop, examples, supports, size):
    """Log of mean class probabilities, each graph built anew: everything encoded again for each draw and each batch."""
    graph, out = graph_of(loop), []
    rows = np.arange(len(examples))
    for support in supports:
        found = []
        for start in range(0, len(rows), size):
            taken = rows[max(0, min(start, len(rows) - size)) :][:size]
            (query,) = loop.batches(examples, [taken])
            nodes = torch.cat([represent(loop.model, support), represent(loop.model, query)])
            found.append(graph(nodes)[len(support["row"]) :].softmax(-1)[int(start - taken[0]) :])
        out.append(torch.cat(found))
    return torch.stack(out).mean(0)


def reader(loop, spec):
    facts = {"tokenizer": tiny.tokenizer(tiny.TYPED), "max_length": 40, "unknown_id": 1, "special_ids": (0, 2, 3)}
    encoder = type("E", (), {**facts, "model": loop.model.encoder})
    data = RunData(reader_of("sentiment", encoder, paths.encoder_dir(tiny.ENCODER), 32), spec, 1)
    return data


@pytest.mark.parametrize("size", [1, 5, 7, 30])
def test_prediction_is_that_of_the_naive_way(world, size):
    """21 test texts in graphs of 1, 5 (the last filled up), 7 and, fewer than asked for, 21 queries."""
    spec = spec_of(query_size=size)
    loop, _ = prepared(spec, 1)
    loop.set_training(False)
    with torch.no_grad():
        for parameter in graph_of(loop).parameters():
            parameter.mul_(80)
    examples = reader(loop, spec).test("beta")
    seen = []

    def draw(name):
        seen.append((name, drawn.draw(name)))
        return seen[-1][1]

    drawn = loop.open_streams(loop.phase, "evaluate")
    order = np.argsort(examples.lengths, kind="stable")
    groups = [order[:8], order[8:16], order[16:]]
    with torch.inference_mode():
        ours = list(loop.ingredients.method.predict(loop, loop.batches(examples, groups), draw))
        expected = naive(loop, examples, [batch for _, batch in seen], size)
    assert [len(part) for part in ours] == [8, 8, 5]
    assert len(seen) == 3, "one support batch a draw, whatever the number of queries"
    assert torch.allclose(torch.cat(ours).exp(), expected[torch.from_numpy(order)], atol=1e-6)
    assert (expected.max(0).values - expected.min(0).values).max() > 1e-4, "all alike would show nothing"


def test_in_meta_train_a_source_is_scored_with_the_others_as_support(world):
    spec = spec_of()
    loop, _ = prepared(spec, 0)
    loop.set_training(False)
    data = reader(loop, spec)
    for i, language in enumerate(SOURCES):
        names = []

        def draw(name, names=names):
            names.append(name)
            return loop.open_streams(loop.phase, "evaluate").draw(name)

        with torch.inference_mode():
            list(loop.ingredients.method.predict(loop, loop.batches(data.test(language), [[0, 1, 2]]), draw))
        assert names == [f"support_{i}"] * 3


def test_mean_scores_are_logarithms_of_probabilities(world):
    loop, _ = prepared(spec_of())
    loop.set_training(False)
    generator = torch.Generator().manual_seed(0)
    supports = [torch.randn(4, 16, generator=generator) for _ in range(3)]
    found = mean_scores(graph_of(loop), supports, torch.randn(11, 16, generator=generator), 4)
    assert found.shape == (11, 2)
    assert torch.allclose(found.exp().sum(-1), torch.ones(11))


def test_a_run_is_reproducible_and_keeps_its_graph(world):
    spec = spec_of()
    name = tiny.name_of(spec)
    train_run(name, spec, 1, True, 0.0)
    first = paths.predictions(name).read_bytes(), paths.run_model(name).read_bytes()
    train_run(name, spec, 1, True, 0.0)
    assert (paths.predictions(name).read_bytes(), paths.run_model(name).read_bytes()) == first
    assert b"own.graph.scale.weight" in first[1]


@pytest.mark.parametrize("kill", [1, 2, 3, 4, 6])
def test_a_killed_run_resumes_in_either_stage(world, tmp_path, kill):
    """Three epochs in each stage."""
    assert_resumes(spec_of(training={"epochs": 3}), tmp_path, kill)


# -------------------------------------------------------------------------------------------------------------- bad input


def test_too_few_of_a_class_are_said_before_training(world):
    with pytest.raises(
        UserError,
        match=r"training examples of class '.*', and an episode's support takes 38 of each; set support_size to at most",
    ):
        prepared(spec_of(support_size=38))


def test_a_missing_class_is_said_before_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_world()
    monkeypatch.setitem(tiny.SHARES, "sentiment", (1.0, 0.0))
    paths.split(tiny.DATASET, "gamma", "train").unlink()
    tiny.write_task_split("sentiment", "gamma", "train", 40)
    with pytest.raises(
        UserError,
        match=r"gamma: no training examples of class 'positive', and an episode's support takes 2 of each; leave it out",
    ):
        prepared(spec_of())
