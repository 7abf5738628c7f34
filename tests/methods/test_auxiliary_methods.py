"""Reptile, checkpoint averaging, frozen layers, auxiliary tuning: what they do to θ; and every new method killed and resumed."""

from types import SimpleNamespace

import pytest
import torch

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet
from pipeline.methods.parts.fine_tuning import FINE_TUNE_KEYS
from pipeline.methods.reptile import pull_back
from pipeline.training.loop import Loop
from pipeline.training.run import train_run
from tests import tiny
from tests.meta.model import error
from tests.methods.auxiliaries import (
    languages_of,
    loss_at,
    names_of,
    prepared,
    record_draws,
    spec_of,
    steps_of,
    theta_of,
)
from tests.methods.building import build_method
from tests.methods.test_metaxl import Killed, assert_same, column, fitted, loop_of, state_of

# ---------------------------------------------------------------------------------------------------------------- reptile


@pytest.mark.parametrize("epsilon", [0.1, 0.7, 1.0])
@pytest.mark.parametrize("inner_steps", [1, 3])
def test_reptile_takes_k_steps_and_goes_back_most_of_the_way(languages, double, inner_steps, epsilon):
    """Two iterations beside the same by hand: θ̃ by torch.optim on the same batches, then θ + ε (θ̃ − θ)."""
    training = {"optimizer": "adam", "weight_decay": 0.0, "warmup": 0.0, "schedule": "constant", "clip_norm": None}
    spec = spec_of("reptile", training, inner_steps=inner_steps, epsilon=epsilon)
    loop, streams = prepared(spec, dropout=False, dtype=torch.float64)
    ours, _ = prepared(spec, dropout=False, dtype=torch.float64)
    draw, drawn = record_draws(streams)
    steps_of(loop, draw, 2 * inner_steps)
    theta, named = ours.parameters(), names_of(ours)
    optimiser = torch.optim.Adam(theta, lr=5e-3)
    batches = iter(batch for _, batch in drawn)
    for _ in range(2):
        start = [p.detach().clone() for p in theta]
        for _ in range(inner_steps):
            optimiser.zero_grad()
            loss_at(ours, next(batches), dict(zip(named, theta, strict=True))).backward()
            optimiser.step()
        with torch.no_grad():
            for parameter, origin in zip(theta, start, strict=True):
                parameter.copy_(origin + epsilon * (parameter - origin))
    assert error([p.detach() for p in loop.parameters()], [p.detach() for p in theta]) < 1e-12
    assert "start" not in loop.memory, "a copy of θ is not kept longer than it is needed"


def test_in_between_reptile_is_where_its_steps_led(languages):
    """θ̃ itself between the inner steps, as of a run that never goes back; dropout and AdamW as always."""
    constant = {"warmup": 0.0, "schedule": "constant"}
    loop, streams = prepared(spec_of("reptile", constant, auxiliary=["gamma"], inner_steps=3, epsilon=0.25))
    plain, same = prepared(spec_of("reptile", constant, auxiliary=["gamma"], inner_steps=100))
    start = theta_of(loop)
    for taken in range(1, 4):
        for each, of_each in ((loop, streams), (plain, same)):
            torch.manual_seed(taken)
            steps_of(each, of_each.draw, 1)
        end = theta_of(plain)
        assert all(torch.equal(tensor, end[name]) for name, tensor in theta_of(loop).items()) == (taken < 3)
    for name, tensor in theta_of(loop).items():
        assert torch.allclose(tensor, start[name] + 0.25 * (end[name] - start[name]), atol=1e-7), name


def test_interpolation_is_exact_at_its_ends():
    start, end = torch.tensor([1.0, 1e-8]), torch.tensor([3.0, 7.0])
    for epsilon, expected in ((0.0, start), (0.5, torch.tensor([2.0, 3.5])), (1.0, end)):
        moved = end.clone()
        pull_back([moved], [start.clone()], epsilon)
        assert torch.equal(moved, expected)


def test_reptile_walks_the_languages_in_turn_and_one_at_a_time(languages):
    spec = spec_of("reptile", auxiliary=["gamma", "delta", "beta"], inner_steps=2, iterations=2)
    loop, streams = prepared(spec)
    draw, drawn = record_draws(streams)
    steps_of(loop, draw, 12)
    assert [languages_of(loop, batch) for _, batch in drawn] == [
        {name} for name in ["gamma", "gamma", "delta", "delta", "beta", "beta"] * 2
    ]
    assert loop.phase.epoch * loop.phase.epochs == 12, "two iterations of two steps for each of three"


# ------------------------------------------------------------------------------------------------------ checkpoint averaging


def averaged(tmp_path=None, epochs=4, **training):
    """Train, noting θ at the end of every epoch."""
    loop, phases = loop_of(spec_of("checkpoint_average", {"epochs": epochs, **training}), tmp_path)
    ends = []
    loop.report = lambda records: ends.append(theta_of(loop))
    loop.fit(phases)
    return loop, ends


def test_weights_are_the_mean_over_all_epochs_ends(languages):
    loop, ends = averaged()
    assert len(ends) == 4
    for name, tensor in theta_of(loop).items():
        mean = torch.stack([end[name].double() for end in ends]).mean(0)
        assert torch.equal(tensor, mean.float()), name
        assert tensor.dtype == torch.float32
    assert any(not torch.equal(tensor, ends[-1][name]) for name, tensor in theta_of(loop).items())
    assert loop.fitted.best_epoch is None


def test_a_mean_of_equal_weights_is_those_weights(languages):
    loop, ends = averaged(epochs=3, learning_rate=0.0)
    assert all(torch.equal(tensor, ends[0][name]) for name, tensor in theta_of(loop).items())


def test_the_sum_of_weights_is_no_view_of_them():
    """Of float64 weights neither `double` nor `cpu` makes a copy, and they are trained on in place."""
    model = torch.nn.Linear(2, 1, dtype=torch.float64)
    ingredients = SimpleNamespace(fixed=())
    loop = SimpleNamespace(model=model, total={}, fitted=SimpleNamespace(epochs=2), ingredients=ingredients)
    ends = []
    for _ in range(2):
        Loop.add_up(loop)
        ends.append(model.weight.detach().clone())
        with torch.no_grad():
            model.weight += 1
    assert torch.allclose(Loop.mean_weights(loop)["weight"], torch.stack(ends).mean(0))


def test_one_epoch_has_no_mean(languages):
    """The first epoch at a constant rate is that of any longer run; its average is source_only's last epoch."""
    constant = {"schedule": "constant", "warmup": 0.0}
    loop, ends = averaged(epochs=1, **constant)
    assert all(torch.equal(tensor, ends[0][name]) for name, tensor in theta_of(loop).items())
    plain = fitted(spec_of("source_only", {"epochs": 1, **constant}))
    assert all(torch.equal(tensor, theta_of(loop)[name]) for name, tensor in theta_of(plain).items())
    longer, all_ends = averaged(epochs=3, **constant)
    assert all(torch.equal(tensor, ends[0][name]) for name, tensor in all_ends[0].items())
    assert any(not torch.equal(tensor, theta_of(longer)[name]) for name, tensor in ends[0].items())


def test_predictions_are_those_of_the_mean(languages):
    loop, ends = averaged()
    examples = next(iter(loop.ingredients.pools.values()))
    seen = []
    loop.model.register_forward_hook(lambda module, inputs, out: seen.append(theta_of(loop)))
    loop.predict(examples)
    mean = {name: torch.stack([end[name].double() for end in ends]).mean(0).float() for name in ends[0]}
    assert seen and all(torch.equal(tensor, mean[name]) for name, tensor in seen[0].items())


@pytest.mark.parametrize("after", [1, 3, 4])
def test_a_killed_average_counts_every_epoch(languages, tmp_path, after):
    """Killed after its last epoch too, before the mean is taken."""
    whole, _ = averaged()
    spec = spec_of("checkpoint_average", {"epochs": 4})
    loop, phases = loop_of(spec, tmp_path)
    save = loop.save

    def kill(*arguments):
        save(*arguments)
        if loop.fitted.epochs == after:
            raise Killed

    loop.save = kill
    with pytest.raises(Killed):
        loop.fit(phases)
    again, ends = averaged(tmp_path)
    assert len(ends) == 4 - after
    assert_same(whole.weights(), again.weights())
    assert_same(whole.total, again.total)


# ------------------------------------------------------------------------------------------------------------ frozen layers


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_frozen_parameters_keep_their_bits_and_all_others_move(languages, layers):
    starts = []
    spec = spec_of("freeze_layers", {"weight_decay": 0.1}, frozen_layers=layers)
    loop = fitted(spec, lambda loop: starts.append(theta_of(loop)))
    end = theta_of(loop)
    frozen = {
        name
        for name in end
        if name.startswith("encoder.embeddings.") or any(f".layer.{k}." in name for k in range(layers))
    }
    assert {name for name, tensor in end.items() if torch.equal(tensor, starts[0][name])} == frozen
    assert len(frozen) == 5 + 16 * layers, "five tensors of embeddings, sixteen a layer"
    assert set(names_of(loop)) == set(end) - frozen


@pytest.mark.parametrize("layers", [3, 12])
def test_more_layers_than_there_are_cannot_be_frozen(languages, layers):
    with pytest.raises(UserError) as failed:
        train_run("wrong", spec_of("freeze_layers", frozen_layers=layers), 1, False, 0.0)
    assert str(failed.value) == (
        f"method freeze_layers: frozen_layers is {layers}, and the encoder has 2 layers; expected 0 to 2"
    )
    assert not paths.history("wrong").exists()


# --------------------------------------------------------------------------------------------------------- auxiliary tuning


@pytest.mark.parametrize("split", ["dev", "train"])
def test_auxiliary_tune_sees_every_example_of_the_auxiliaries_and_no_other(languages, split):
    loop, streams = prepared(spec_of("auxiliary_tune", split=split))
    draw, drawn = record_draws(streams)
    count = 26 if split == "dev" else 40
    steps_of(loop, draw, -(-count // 4))
    assert set().union(*(languages_of(loop, batch) for _, batch in drawn)) == {"gamma", "delta"}
    assert sorted(row for _, batch in drawn for row in batch["row"].tolist()) == list(range(count))
    assert {pool.split for pool in loop.ingredients.pools} == {split}


@pytest.mark.parametrize("frozen", [False, True])
def test_auxiliary_tune_may_keep_the_embeddings(languages, frozen):
    starts = []
    loop = fitted(spec_of("auxiliary_tune", freeze_embeddings=frozen), lambda loop: starts.append(theta_of(loop)))
    unmoved = {name for name, tensor in theta_of(loop).items() if torch.equal(tensor, starts[0][name])}
    assert unmoved == {name for name in starts[0] if frozen and name.startswith("encoder.embeddings.")}


# -------------------------------------------------------------------------------------------------------------- whole runs


def test_methods_that_learn_from_auxiliaries_start_from_the_parent_and_are_tested_on_all_targets(languages):
    parent = spec_of("source_only") | {"evaluate": []}
    train_run("parent", parent, 1, True, 0.0)
    still = {"learning_rate": 1e-30, "weight_decay": 0.0, "epochs": 1}
    settings = {
        "x_maml": {"iterations": 2},
        "xla_maml": {"iterations": 2},
        "reptile": {"iterations": 2},
        "auxiliary_tune": {},
        "meta_optimizer": {"meta_train": False},
    }
    kept = {key: tiny.TRAINING[key] for key in ("max_length", "precision", "batch_size")}
    zero = tiny.spec("zero_shot", parent="parent", evaluate=["beta", "alpha"], targets=[]) | {"training": kept}
    train_run("zero", zero, 1, False, 0.0)
    expected = paths.predictions("zero")
    for kind, options in settings.items():
        spec = spec_of(kind, still, **options) | {"parent": "parent", "evaluate": ["beta", "alpha"]}
        train_run(kind, spec, 1, False, 0.0)
        assert predicted(paths.predictions(kind)) == predicted(expected), f"{kind} at no rate at all is its parent"
        trained = spec_of(kind, {"learning_rate": 0.02}, **options) | {
            "parent": "parent",
            "evaluate": ["beta", "alpha"],
        }
        train_run(f"{kind}-trained", trained, 1, False, 0.0)
        assert predicted(paths.predictions(f"{kind}-trained")) != predicted(expected)


def predicted(path):
    table = read_parquet(path)
    assert table["lang"].to_pylist() == ["beta"] * 6 + ["alpha"] * 6
    return table["predicted"].to_pylist()


# ---------------------------------------------------------------------------------------------------------------- resuming

SHORT = {"iterations": 6, "inner_lr": 0.1}
FINE_TUNE = {key: tiny.TRAINING[key] for key in FINE_TUNE_KEYS} | {"batch_size": 4, "epochs": 2}
RUNS = {  # each with the ends of its epochs, in steps over all phases
    "x_maml": (spec_of("x_maml", **SHORT, first_order=True), [3, 6]),
    "x_maml in turn": (spec_of("x_maml", iterations=3, inner_lr=0.1, meta_batch="one"), [3, 6]),
    "xla_maml": (spec_of("xla_maml", iterations=3, inner_lr=0.1, inner_steps=2, sampling="random"), [3, 6]),
    "xla_maml few-shot": (
        spec_of("xla_maml", targets=["beta"], setting="few_shot", fine_tune=FINE_TUNE, **SHORT),
        [3, 6, 9, 12, 16, 20],
    ),
    "reptile": (spec_of("reptile", inner_steps=2, iterations=3), [6, 12]),
    "checkpoint_average": (spec_of("checkpoint_average", {"epochs": 3}), [5, 10, 15]),
    "freeze_layers": (spec_of("freeze_layers", {"epochs": 3, "select": "best"}, frozen_layers=1), [5, 10, 15]),
    "auxiliary_tune": (spec_of("auxiliary_tune", freeze_embeddings=True), [7, 14]),
    "layer_rates": (
        spec_of("layer_rates", episodes=4, episode_steps=5, interval=2, held_out_batches=2),
        [5, 10, 15, 20],
    ),
    "meta_optimizer": (spec_of("meta_optimizer", {"epochs": 3}, meta_train=False, interval=5), [7, 14, 21]),
    "meta_optimizer, shared": (
        spec_of("meta_optimizer", {"epochs": 3}, meta_train=False, interval=4, shared=True),
        [7, 14, 21],
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_killed_in_mid_training_resumes_to_the_same_bits(languages, tmp_path, monkeypatch, name):
    """Killed in the midst of the second and of the last epoch: weights, ϕ, optimisers, memory, log and random streams."""
    monkeypatch.setattr("pipeline.methods.parts.episodes.STRETCH", 3)
    monkeypatch.setattr("pipeline.methods.parts.episodes.SHORTEST", 1)
    spec, ends = RUNS[name]
    loop = fitted(spec)
    whole = state_of(loop) | {"total": loop.total}
    assert len(whole["steps"]) == ends[-1]
    for epoch in sorted({1, len(ends) - 1}):
        folder, done, again = tmp_path / str(epoch), [], []
        kill_at = ends[epoch - 1] + 2

        def kill(loop, done=done, kill_at=kill_at):
            done.append(1)
            if len(done) == kill_at:
                raise Killed

        with pytest.raises(Killed):
            fitted(spec, kill, folder=folder)
        resumed = fitted(spec, again.append, folder=folder)
        assert len(again) == ends[-1] - ends[epoch - 1], "it went on from its last epoch"
        assert_same(whole, state_of(resumed) | {"total": resumed.total})


def test_what_is_resumed_is_worth_the_test(languages):
    """The runs above hold something in memory across their epochs' ends, and move what they own."""
    learner = fitted(RUNS["layer_rates"][0])
    assert {"initial", "since", "held_out", "meta_loss"} <= learner.memory.keys()
    assert len(set(column(learner, "rate_1"))) > 5
    beside = fitted(RUNS["meta_optimizer"][0])
    assert any(not torch.equal(a, b) for a, b in zip(beside.memory["since"], beside.parameters(), strict=True))


@pytest.mark.parametrize("kind", ["x_maml", "reptile", "layer_rates", "auxiliary_tune"])
def test_same_spec_same_bits_and_another_seed_others(languages, kind):
    options = {"iterations": 2} if kind in ("x_maml", "reptile") else {}
    options |= (
        {"episodes": 2, "episode_steps": 3, "interval": 3, "held_out_batches": 1} if kind == "layer_rates" else {}
    )
    spec = spec_of(kind, **options)
    first, again, other = (fitted(s) for s in (spec, spec, spec | {"model_seed": 2}))
    assert_same(state_of(first), state_of(again))
    assert column(first, "loss") != column(other, "loss")


@pytest.mark.parametrize(
    "kind", ["x_maml", "xla_maml", "reptile", "checkpoint_average", "freeze_layers", "auxiliary_tune"]
)
def test_unknown_settings_are_refused(kind):
    with pytest.raises(UserError, match=rf"method {kind}: unknown hyper-parameter 'inner_rate'"):
        build_method(kind, {"inner_rate": 1})
