"""Methods on a tiny model of every architecture: they train, resume, save; and second derivatives are those of float64."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.common import paths
from pipeline.common.files import write_json
from pipeline.encoders.architectures import ARCHITECTURES, is_embedding, layer_of
from pipeline.meta.updates import Rule, State
from pipeline.methods.parts.episodes import draw_episode
from pipeline.methods.parts.maml import Options, meta_gradient
from pipeline.training.kept import load_parent, save_model
from tests import tiny
from tests.encoders.models import save_row
from tests.meta.model import error
from tests.meta.test_bilevel import unrolled
from tests.methods.auxiliaries import loss_at, make_world, names_of, prepared, spec_of, theta_of
from tests.methods.test_metaxl import Applied, Killed, assert_same, fitted, functions, in_double, loop_of, state_of
from tests.methods.test_metaxl import spec_of as metaxl_of
from tests.methods.test_mgl import SMALL

ROWS = pytest.mark.parametrize("architecture", ARCHITECTURES)
SHORT = {"batch_size": 8, "epochs": 2, "select": "last", "patience": None}
RUNS = {
    "joint": lambda of: tiny.spec("joint", training=SHORT, encoder=of),
    **{
        f"metaxl, {place}": lambda of, place=place: tiny.spec(
            "metaxl", method={"placement": [place]}, training=SHORT, encoder=of
        )
        for place in (0, 1, "top")
    },
    "x_maml": lambda of: {**spec_of("x_maml", iterations=4), "encoder": of},
    "freeze_layers": lambda of: tiny.spec("freeze_layers", method={"frozen_layers": 2}, training=SHORT, encoder=of),
    "meta_optimizer": lambda of: {
        **spec_of("layer_rates", interval=1, episodes=2, episode_steps=2, held_out_batches=1),
        "encoder": of,
    },
    "mgl": lambda of: tiny.spec(
        "mgl",
        task="sentiment",
        dataset=TEXTS,
        sources=["alpha"],
        method={**SMALL, "meta_train": False},
        training=SHORT,
        encoder=of,
    ),
}
TEXTS = "texts-00000000"
EXACT = {"eurobert": 1e-5}  # its normalisation computes in float32, whatever it is given


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("architectures")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_world()
        tiny.write_task_splits("sentiment", ("alpha", "beta"), {"train": 40, "dev": 12, "test": 12}, TEXTS)
        for name in ARCHITECTURES:
            key = f"{name}-22222222"
            save_row(paths.encoder_dir(key), name)
            write_json(paths.encoder_manifest(key), {"spec": name})
    return folder


@pytest.fixture
def world(shared, monkeypatch):
    monkeypatch.chdir(shared)


@pytest.mark.parametrize("run", RUNS)
@ROWS
def test_every_architecture_trains_resumes_and_is_saved(world, tmp_path, architecture, run):
    spec = RUNS[run](f"{architecture}-22222222")
    steps = []
    loop = fitted(spec, steps.append, folder=tmp_path / "whole")
    whole = state_of(loop)
    assert all(t.isfinite().all() for t in loop.weights().values())
    fresh, _ = loop_of(spec)
    moved = {n for n, t in fresh.model.named_parameters() if not torch.equal(t, loop.model.state_dict()[n])}
    encoder = loop.model.encoder
    layers = {layer_of(encoder, n.removeprefix("encoder.")) for n in moved if n.startswith("encoder.")}
    words = [n for n in moved if n.startswith("encoder.") and is_embedding(encoder, n.removeprefix("encoder."))]
    fixed = run in ("freeze_layers", "meta_optimizer")
    assert bool(words) != fixed
    assert layers - {None} == ({2} if run == "freeze_layers" else {0, 1, 2})

    def kill(trainer, done=[0]):  # noqa: B006
        done[0] += 1
        if done[0] == len(steps) - 1:
            raise Killed

    with pytest.raises(Killed):
        fitted(spec, kill, folder=tmp_path / "killed")
    assert_same(whole, state_of(fitted(spec, folder=tmp_path / "killed")))

    path = paths.run_model(f"{architecture}-{run}".replace(", ", "-"))
    save_model(path, loop, loop.ingredients.method)
    load_parent(path.parts[-3], fresh.model)
    assert all(torch.equal(t, loop.model.state_dict()[n]) for n, t in fresh.model.state_dict().items())


@pytest.mark.parametrize("way", ["fast", "lean"])
@pytest.mark.parametrize("placement", [0, "top"])
@ROWS
def test_metaxl_has_the_derivative_of_every_architecture(world, monkeypatch, double, architecture, placement, way):
    """φ's gradient through one SGD step, in float64, against reverse mode through everything; dropout on."""
    sgd = {"optimizer": "sgd", "learning_rate": 0.1, "warmup": 0.0, "clip_norm": None, "weight_decay": 0.0}
    spec = {**metaxl_of("paper", sgd, placement=[placement], way=way), "encoder": f"{architecture}-22222222"}
    loop, streams = in_double(spec)
    theta = [p.detach().clone().requires_grad_() for p in loop.parameters()]
    start = [p.detach().clone().requires_grad_() for p in loop.modules["rtn"].parameters()]
    drawn, applied, random, rate = {}, Applied(loop, monkeypatch), torch.get_rng_state(), loop.learning_rate()

    def draw(name):
        drawn[name] = streams.draw(name)
        return drawn[name]

    rule = loop.ingredients.method.step(loop, draw) and Rule(rate)
    torch.set_rng_state(random)
    of_source, of_target = functions(loop, drawn["source"], drawn["target"])
    value = unrolled([of_source], of_target, theta, start, rule, State())
    expected = torch.autograd.grad(value, start)
    assert max(float(g.abs().max()) for g in expected) > 0
    assert error(applied.rtn, expected) < EXACT.get(architecture, 1e-8)


@pytest.mark.parametrize("way", ["fast", "lean"])
@ROWS
def test_maml_has_the_derivative_of_every_architecture(world, double, architecture, way):
    """∇θ L_Q(θ − α ∇L_S(θ)) in float64, against reverse mode through the inner step."""
    loop, streams = prepared({**spec_of("x_maml"), "encoder": f"{architecture}-22222222"}, False, dtype=torch.float64)
    support, query = draw_episode(loop, streams.draw, 0)
    options = Options("zero_shot", None, None, False, "dev", "covering", False, 0.3, 1, False, 500, None, "one", "auto")
    found, _ = meta_gradient(loop, support, query, options, way)
    names, theta = names_of(loop), [p.detach().clone().requires_grad_() for p in loop.parameters()]
    with sdpa_kernel(SDPBackend.MATH):
        given = dict(zip(names, theta, strict=True))
        slopes = torch.autograd.grad(loss_at(loop, support, given), theta, create_graph=True, materialize_grads=True)
        end = [p - 0.3 * g for p, g in zip(theta, slopes, strict=True)]
        loss = loss_at(loop, query, dict(zip(names, end, strict=True)))
        expected = torch.autograd.grad(loss, theta, materialize_grads=True)
    assert error(found, expected) < EXACT.get(architecture, 1e-8)
    assert theta_of(loop).keys() == set(names)
