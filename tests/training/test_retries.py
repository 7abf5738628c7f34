"""Steps that do not fit a GPU's memory, or are not finite in bfloat16, are made again as if they had been made so at first.

There is no GPU here: a stand-in raises what PyTorch raises, from the model, as it would.
"""

import time
from contextlib import contextmanager

import pytest
import torch

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_json
from pipeline.results.tables.doubts import sentences
from pipeline.training import retries
from pipeline.training.loop import Loop
from pipeline.training.run import train_run
from tests import tiny
from tests.methods.auxiliaries import spec_of
from tests.methods.stopping import fit_in_pieces
from tests.methods.test_metaxl import loop_of

ADAM = {"optimizer": "adamw", "batch_size": 6, "epochs": 1, "select": "last"}
PHI = {"meta_lr": 1e-2}
PAPER = {"variant": "paper", "residual": False, "gate": False, "detach": False, "meta_weight_decay": 0.0, **PHI}
PAIR = {"sources": ["alpha"], "targets": ["beta"]}


def few(kind, **method):
    return tiny.spec(kind, method=method, training=ADAM, **PAIR)


def many(kind, **method):
    return spec_of(kind, ADAM, **method)


METHODS = {
    "joint": few("joint"),
    "joint_rtn, own rate": few("joint_rtn", loss="sum", meta_optimizer="adam", meta_weight_decay=0.0, **PHI),
    "language_adversarial": few("language_adversarial"),
    "metaxl": few("metaxl", **PHI),
    "metaxl, paper": few("metaxl", placement=[1], **PAPER),
    "x_maml": many("x_maml", inner_lr=0.1, meta_batch="one"),
    "xla_maml, first order": many("xla_maml", inner_lr=0.1, first_order=True),
    "reptile": many("reptile", inner_steps=2),
    "meta_optimizer": many("meta_optimizer", meta_train=False, interval=2, meta_lr=0.1),
    "layer_rates": many("layer_rates", interval=2, meta_lr=0.1, episodes=2, episode_steps=2, held_out_batches=2),
}
STEPS = 2


@pytest.fixture
def failing(monkeypatch):
    """Steps are made ready to be made again, as on a GPU."""
    monkeypatch.setattr(retries, "can_fail", lambda device, precision: True)


def ready(spec):
    loop, phases = loop_of(spec)
    streams, _ = loop.prepare(phases[0])
    loop.set_training(True)
    return loop, streams


def step(loop, streams):
    log = loop.retries.step(lambda draw: loop.ingredients.method.step(loop, draw), streams.draw)
    loop.step_number += 1
    return {key: float(value) for key, value in log.items()}


def flat(value):
    """What a state holds, in order, tensors as lists."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return [[key, flat(one)] for key, one in value.items()]
    return [flat(one) for one in value] if isinstance(value, list | tuple) else value


def state(loop, streams):
    """All that a next step depends on."""
    optimisers = {name: optimiser.state() for name, optimiser in loop.optimisers.items()}
    return flat([loop.weights(), optimisers, loop.memory, loop.randomness(), streams.state()])


def passes(loop, streams):
    """How often anything goes through the model in a step."""
    seen = []
    hook = loop.model.encoder.register_forward_pre_hook(lambda module, inputs: seen.append(None))
    step(loop, streams)
    hook.remove()
    assert seen
    return len(seen)


@contextmanager
def full_at(loop, number):
    """The memory is full at the `number`-th pass, once, with half-made gradients lying about."""
    seen = []

    def fail(module, inputs):
        seen.append(None)
        if len(seen) == number:
            for parameter in loop.parameters():
                parameter.grad = torch.ones_like(parameter)
            raise torch.OutOfMemoryError

    hook = loop.model.encoder.register_forward_pre_hook(fail)
    yield
    hook.remove()
    assert len(seen) >= number


@contextmanager
def room_for(loop, rows):
    """No more than so many rows fit the model at once."""

    def fail(module, inputs):
        if len(inputs[0]["row"]) > rows:
            raise torch.OutOfMemoryError

    hook = loop.model.register_forward_pre_hook(fail)
    yield
    hook.remove()


# ---------------------------------------------------------------------------------------------------------- out of memory


@pytest.mark.parametrize("spec", METHODS.values(), ids=METHODS.keys())
def test_a_step_made_again_is_the_step_with_half_the_examples_from_the_start(languages, failing, spec, capsys):
    """With dropout and AdamW, whichever pass fails, of whichever step: θ, φ, moments, memory, randomness, to the last bit."""
    counts = []
    loop, streams = ready(spec)
    for _ in range(STEPS):
        counts.append(passes(loop, streams))
    for failed in range(STEPS):
        expected, own = ready(spec)
        for number in range(STEPS):
            expected.retries.fitting.micro_batch = 3 if number >= failed else None
            last = step(expected, own)
        for number in range(1, counts[failed] + 1):
            loop, streams = ready(spec)
            for _ in range(failed):
                step(loop, streams)
            with full_at(loop, number):
                found = step(loop, streams)
            for _ in range(failed + 1, STEPS):
                found = step(loop, streams)
            assert loop.micro_batch == 3
            assert found == last, f"step {failed}, pass {number}"
            assert state(loop, streams) == state(expected, own), f"step {failed}, pass {number}"
    said = capsys.readouterr().err
    assert "warning: a step with 6 examples at a time does not fit the GPU's memory; going on with 3" in said


def test_a_failure_on_the_way_back_is_undone_too(languages, failing):
    expected, own = ready(METHODS["joint"])
    expected.retries.fitting.micro_batch = 3
    step(expected, own)
    loop, streams = ready(METHODS["joint"])
    failures = []

    def fail(gradient):
        if not failures:
            failures.append(None)
            raise torch.OutOfMemoryError

    hook = loop.model.register_forward_hook(lambda module, inputs, logits: logits.register_hook(fail) and None)
    step(loop, streams)
    hook.remove()
    assert failures and state(loop, streams) == state(expected, own)


def test_examples_are_halved_until_they_fit_and_so_it_stays(languages, failing, capsys):
    loop, streams = ready(METHODS["metaxl, paper"])
    with room_for(loop, 1):
        step(loop, streams)
        assert loop.micro_batch == 1
        step(loop, streams)
    assert capsys.readouterr().err.count("warning: ") == 3, "6, 3, 2"
    with room_for(loop, 0), pytest.raises(UserError, match=r"one example at a time does not fit.*max_length"):
        step(loop, streams)


def test_a_method_that_does_not_have_kept_what_it_moves_is_told(languages, failing):
    loop, streams = ready(METHODS["joint"])

    def bad(trainer, draw):
        trainer.optimise(trainer.loss(draw("source")))
        return {"loss": trainer.loss(draw("target")).detach()}

    with full_at(loop, 2), pytest.raises(UserError, match=r"cannot be taken back; set training\.micro_batch"):
        loop.retries.step(lambda draw: bad(loop, draw), streams.draw)


def test_without_a_gpu_nothing_is_remembered(languages, monkeypatch):
    monkeypatch.setattr(retries, "Beginning", None)
    loop, streams = ready(METHODS["metaxl, paper"])
    step(loop, streams)


def test_evaluation_is_halved_by_itself(languages, capsys):
    spec = METHODS["joint"]
    loop, _ = loop_of(spec)
    examples = next(iter(loop.ingredients.pools.values()))
    plain = loop.predict(examples)
    with room_for(loop, 7):
        assert loop.predict(examples) == plain
    assert loop.retries.fitting.evaluation_batch == 6
    said = capsys.readouterr().err
    assert "24 examples at a time do not fit the GPU's memory in evaluation; going on with 12" in said
    assert loop.micro_batch is None
    with room_for(loop, 0), pytest.raises(UserError, match=r"one example, evaluated by itself.*test_max_length"):
        loop.predict(examples)


def test_a_run_that_is_resumed_goes_on_with_what_fits(languages, failing, tmp_path, monkeypatch):
    """A checkpoint in the middle of an epoch, after a step failed: the same bits as without a stop."""
    spec = METHODS["metaxl"]
    made = []

    def make(folder):
        loop, phases = loop_of(spec, folder)

        def fail(module, inputs):
            made.append(len(inputs[0]["row"]))
            if len(inputs[0]["row"]) > 2 and loop.step_number == 2:
                raise torch.OutOfMemoryError

        loop.model.register_forward_pre_hook(fail)
        return loop, phases

    whole, phases = make(None)
    whole.fit(phases)
    assert whole.micro_batch == 2
    pieces, attempts = fit_in_pieces(lambda: make(tmp_path), 1)
    assert attempts > 2 and pieces.micro_batch == 2
    found, expected = pieces.weights(), whole.weights()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_run_tells_what_fits(tmp_path, monkeypatch, failing, capsys):
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    fit = Loop.fit

    def in_little_room(loop, phases):
        with room_for(loop, 4):
            return fit(loop, phases)

    monkeypatch.setattr(Loop, "fit", in_little_room)
    spec = tiny.spec("joint", training={"epochs": 1})
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    record = read_json(paths.run_record(name))
    assert record["micro_batch"] == 4 and record["evaluation_batch"] == 4
    assert "float32_steps" not in record and record["warnings"] == []
    assert "going on with 4" in capsys.readouterr().err


def test_a_run_without_trouble_says_nothing_of_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    spec = tiny.spec("joint", training={"epochs": 1})
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    record = read_json(paths.run_record(name))
    assert not {"micro_batch", "evaluation_batch", "float32_steps"} & set(record)


# ------------------------------------------------------------------------------------------------------------- not finite


def in_bfloat16(spec):
    return {**spec, "training": {**spec["training"], "precision": "bfloat16"}}


@contextmanager
def overflow_at(loop, number):
    """What the `number`-th pass in bfloat16 makes is not finite."""
    seen = []

    def spoil(module, inputs, output):
        low = torch.is_autocast_enabled("cpu")
        seen.append(low)
        if low and sum(seen) == number:
            output.last_hidden_state = output.last_hidden_state * float("nan")
        return output

    hook = loop.model.encoder.register_forward_hook(spoil)
    yield
    hook.remove()
    assert sum(seen) >= number


@pytest.mark.parametrize("spec", METHODS.values(), ids=METHODS.keys())
def test_a_step_that_is_not_finite_is_the_step_in_float32(languages, spec):
    """Whichever of its passes it is that spoils it; the next step is in bfloat16 again."""
    low = in_bfloat16(spec)
    count = passes(*ready(low))
    expected, own = ready(low)
    expected.retries.in_float32 = True
    step(expected, own)
    last = step(expected, own)
    for number in range(1, count + 1):
        loop, streams = ready(low)
        with overflow_at(loop, number):
            step(loop, streams)
        assert loop.retries.fitting.float32_steps == 1
        assert step(loop, streams) == last, number
        assert state(loop, streams) == state(expected, own), number


def test_what_is_not_finite_in_float32_either_ends_the_run(languages):
    loop, phases = loop_of(in_bfloat16(METHODS["joint"]))
    loop.model.register_forward_hook(lambda module, inputs, logits: logits * float("nan"))
    with pytest.raises(UserError, match=r"loss is nan in phase 'train', epoch 1, step 1"):
        loop.fit(phases)
    assert loop.retries.fitting.float32_steps == 1


def test_in_float32_nothing_is_looked_at(languages, monkeypatch, failing):
    monkeypatch.setattr(torch.Tensor, "isfinite", None)
    loop, streams = ready(METHODS["joint"])
    step(loop, streams)


def test_a_run_and_the_table_tell_of_steps_in_float32(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    fit = Loop.fit

    def spoiled(loop, phases):
        with overflow_at(loop, 5):
            return fit(loop, phases)

    monkeypatch.setattr(Loop, "fit", spoiled)
    spec = tiny.spec("joint", training={"epochs": 1, "precision": "bfloat16"})
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    record = read_json(paths.run_record(name))
    assert record["float32_steps"] == 1
    (warning,) = record["warnings"]
    assert warning["says"] == "1 of 5 training steps was not finite in bfloat16 and made again in float32"
    doubts = {"runs": [{**warning, "runs": ["a", "b"]}, {**warning, "number": 3, "runs": ["c"]}]}
    assert sentences(doubts) == ["Of 3 runs, 5 training steps were not finite in bfloat16 and made again in float32."]
    assert sentences({"runs": [{**warning, "runs": ["a"]}]}) == [
        "Of one run, 1 training step was not finite in bfloat16 and made again in float32."
    ]
