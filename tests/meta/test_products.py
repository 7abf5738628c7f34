"""The mixed term by both ways: with dropout, in float32, and under each attention kernel."""

import pytest
import torch
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.meta.bilevel import hypergradient, unroll
from pipeline.meta.products import inner_gradient, remember_randomness
from pipeline.meta.updates import Cotangent, Rule, pull_back
from pipeline.methods.parts.rtn import Design
from tests.meta.model import Problem, error, make_batch
from tests.meta.test_bilevel import DESIGNS, EXACT, batches, problem_of, rule_for, warm_state

WAYS = ("fast", "lean")
PADDED = "encoder.embeddings.word_embeddings.weight"


def random_vector(problem, seed=3):
    """A w for ⟨∇θ L, w⟩; zero in the padding's embedding, as every loss's gradient through that embedding is."""
    generator = torch.Generator().manual_seed(seed)
    vector = tuple(torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in problem.theta)
    vector[problem.theta_names.index(PADDED)][0] = 0
    return vector


# ---------------------------------------------------------------------------------------------------------------- dropout


def products_by_double_autograd(problem, loss, vector):
    """∇ ⟨∇θ L, w⟩ by θ and by φ, with PyTorch's own double backward."""
    theta = [t.clone().requires_grad_() for t in problem.theta]
    phi = [p.clone().requires_grad_() for p in problem.phi]
    with sdpa_kernel(SDPBackend.MATH):
        gradient = torch.autograd.grad(loss(theta, phi), theta, create_graph=True)
    product = sum((g * w).sum() for g, w in zip(gradient, vector, strict=True))
    found = torch.autograd.grad(product, [*theta, *phi], materialize_grads=True)
    return [g.detach() for g in gradient], found[: len(theta)], found[len(theta) :]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("design", ["embeddings", "as released", "two, losses mixed"])
def test_dropout_is_the_same_in_both_passes(design, way, attention):
    problem = problem_of(design, dropout=0.3, attention=attention)
    assert problem.model.training
    loss, vector = problem.source_loss(make_batch(1, languages=(0, 1))), random_vector(problem)
    torch.manual_seed(7)
    gradient, by_theta, by_phi = products_by_double_autograd(problem, loss, vector)
    torch.manual_seed(7)
    inner = inner_gradient(loss, problem.theta, problem.phi, way)
    torch.rand(1000)  # the target pass draws masks of its own meanwhile
    found_theta, found_phi = inner.second(vector, True, True)
    assert error(inner.gradient, gradient) < EXACT
    assert error(found_theta, by_theta) < EXACT
    assert error(found_phi, by_phi) < EXACT
    torch.manual_seed(8)
    assert error(found_phi, products_by_double_autograd(problem, loss, vector)[2]) > 1e-2, "other masks, other result"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("asked", [(True, True), (False, True), (False, False)])
def test_the_random_stream_goes_on_as_if_nothing_had_been_differentiated(way, asked):
    problem = problem_of("middle", dropout=0.3)
    loss = problem.source_loss(make_batch(1))
    torch.manual_seed(7)
    with sdpa_kernel(SDPBackend.MATH):
        loss(problem.theta, problem.phi)
    torch.rand(10)
    expected = torch.rand(5)
    torch.manual_seed(7)
    inner = inner_gradient(loss, problem.theta, problem.phi, way)
    torch.rand(10)
    inner.second(random_vector(problem), *asked)
    assert torch.equal(torch.rand(5), expected)


def test_replayed_randomness_ends_with_its_context_even_after_an_error():
    torch.manual_seed(7)
    replay = remember_randomness([torch.zeros(1)])
    first = torch.rand(3)
    torch.rand(2)
    state = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), replay():
        assert torch.equal(torch.rand(3), first)
        raise ZeroDivisionError
    assert torch.equal(torch.get_rng_state(), state)


# ----------------------------------------------------------------------------------------------------- what is asked for


@pytest.mark.parametrize("way", WAYS)
def test_only_what_is_asked_for_is_computed(way):
    problem = problem_of("middle")
    loss, vector = problem.source_loss(make_batch(1)), random_vector(problem)
    _, by_theta, by_phi = products_by_double_autograd(problem, loss, vector)
    for of_theta, of_phi in ((True, False), (False, True), (False, False)):
        inner = inner_gradient(loss, problem.theta, problem.phi, way)
        found_theta, found_phi = inner.second(vector, of_theta, of_phi)
        assert (len(found_theta), len(found_phi)) == (len(by_theta) * of_theta, len(by_phi) * of_phi)
        assert not of_theta or error(found_theta, by_theta) < EXACT
        assert not of_phi or error(found_phi, by_phi) < EXACT


@pytest.mark.parametrize("way", WAYS)
def test_a_loss_linear_in_theta_has_no_second_derivative(way):
    """L = Σ cθ: ∇θ L = c, which depends on nothing. L = Σ φθ: ∇φ ⟨φ, w⟩ = w."""
    theta, phi, c = (torch.tensor([float(i), 2.0], dtype=torch.double) for i in range(3))
    w = torch.tensor([5.0, 7.0], dtype=torch.double)
    fixed = inner_gradient(lambda t, p: (c * t[0]).sum() + 0 * p[0].sum(), (theta,), (phi,), way)
    assert torch.equal(fixed.gradient[0], c)
    assert all(
        torch.equal(g, torch.zeros(2)) for part in fixed.second((w,), True, True) for g in map(torch.Tensor.float, part)
    )
    mixed = inner_gradient(lambda t, p: (p[0] * t[0]).sum(), (theta,), (phi,), way)
    (by_theta,), (by_phi,) = mixed.second((w,), True, True)
    assert torch.equal(by_theta, torch.zeros(2, dtype=torch.double)) and torch.equal(by_phi, w)


@pytest.mark.parametrize("way", WAYS)
def test_parts_of_theta_that_a_loss_does_not_use_have_zero_gradients(way):
    problem = problem_of("middle")
    unused = torch.randn(3, dtype=torch.double)
    loss = problem.source_loss(make_batch(1))
    inner = inner_gradient(lambda t, p: loss(t[:-1], p), (*problem.theta, unused), problem.phi, way)
    by_theta, by_phi = inner.second((*random_vector(problem), torch.ones(3, dtype=torch.double)), True, True)
    zero = torch.zeros(3, dtype=torch.double)
    assert torch.equal(inner.gradient[-1], zero) and torch.equal(by_theta[-1], zero)
    assert any(g.abs().max() > 0 for g in by_phi)


def test_an_outer_loss_says_nothing_of_the_paddings_embedding():
    """`padding_idx` cuts that row's gradient by hand; the lean way relies on w being zero there."""
    problem = problem_of("embeddings")
    (source,), target = batches(1)
    assert (source["input_ids"] == 0).any() and (target["input_ids"] == 0).any(), "or the row is zero anyway"
    row = problem.theta_names.index(PADDED)
    for name in ("sgd with l2", "adamw clipped"):
        rule = rule_for(name, problem.theta)
        done = unroll([problem.source_loss(source)] * 2, problem.target_loss(target), problem.theta, problem.phi, rule)
        after, by_gradient = pull_back(done.taken[1][1], Cotangent(done.vector))
        _, earlier = pull_back(done.taken[0][1], after)
        for vector in (done.vector, by_gradient, earlier):
            assert not vector[row][0].any() and vector[row][1:].any()


# ---------------------------------------------------------------------------------------------------------------- float32


@pytest.mark.parametrize("rule", ["sgd", "adamw clipped"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("design", DESIGNS)
def test_error_of_float32(design, way, rule):
    problem = problem_of(design)
    rule = rule_for(rule, problem.theta)
    state = warm_state(rule, problem.theta)
    (source,), target = batches(1)
    arguments = [problem.source_loss(source)], problem.target_loss(target)
    _, exact = hypergradient(*arguments, problem.theta, problem.phi, rule, state, way)
    problem.model.float(), problem.phi_module.float()
    theta, phi, first, second = (
        tuple(t.float() for t in part) for part in (problem.theta, problem.phi, state.first, state.second)
    )
    _, found = hypergradient(*arguments, theta, phi, rule, type(state)(first, second, state.steps), way)
    assert all(g.dtype == torch.float32 for g in found)
    assert error([g.double() for g in found], exact) < 1e-4


# ------------------------------------------------------------------------------------------------------ attention kernels

NOTICE = (
    "PyTorch's attention kernels changed what they can be differentiated by. If the fused kernel now has {what}, then "
    "pipeline.meta.products.twice_differentiable need no longer leave it for the matrix products in that way: measure both "
    "with benchmarks/meta_step.py and change it. If the plain products have lost it, MetaXL cannot run on this version."
)
FUSED = "ScaledDotProductFlashAttention"


def attention_inputs():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 2, 6, 4, generator=generator) for _ in range(3)]


def double_backward(attention):
    q, k, v = attention_inputs()
    q.requires_grad_()
    (gradient,) = torch.autograd.grad(attention(q, k, v).square().sum(), q, create_graph=True)
    return torch.autograd.grad(gradient.square().sum(), q)[0]


def forward_mode(attention):
    q, k, v = attention_inputs()
    return torch.func.jvp(lambda q: attention(q, k, v), (q,), (torch.ones_like(q),))[1]


def eager(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1) @ v


def test_the_fused_kernel_is_there_and_taken():
    q, k, v = attention_inputs()
    out = functional.scaled_dot_product_attention(q.requires_grad_(), k, v)
    assert FUSED in type(out.grad_fn).__name__
    with sdpa_kernel(SDPBackend.MATH):
        out = functional.scaled_dot_product_attention(q, k, v)
    assert FUSED not in type(out.grad_fn).__name__


@pytest.mark.parametrize(
    ("derivative", "what"), [(double_backward, "a double backward"), (forward_mode, "a forward-mode derivative")]
)
def test_which_kernel_has_which_derivative(derivative, what):
    """Fused: neither, as of PyTorch 2.13; on a CPU the flash kernel is the only fused one."""
    expected = derivative(eager)
    with sdpa_kernel(SDPBackend.MATH):
        found = derivative(functional.scaled_dot_product_attention)
    assert torch.allclose(found, expected, atol=1e-5), NOTICE.format(what=what)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        try:
            derivative(functional.scaled_dot_product_attention)
        except (RuntimeError, NotImplementedError) as error:
            said = str(error)
        else:
            pytest.fail(NOTICE.format(what=what))
    assert "flash_attention" in said and "not" in said and "implemented" in said, said


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("way", WAYS)
def test_encoders_with_either_attention_can_be_differentiated_twice(way, attention):
    problem = Problem(Design((0,), 5), attention=attention)
    assert problem.model.encoder.config._attn_implementation == attention
    loss, vector = problem.source_loss(make_batch(1)), random_vector(problem)
    _, by_phi = inner_gradient(loss, problem.theta, problem.phi, way).second(vector, False, True)
    other = Problem(Design((0,), 5), attention={"eager": "sdpa", "sdpa": "eager"}[attention])
    _, _, expected = products_by_double_autograd(other, other.source_loss(make_batch(1)), vector)
    assert error(by_phi, expected) < EXACT


@pytest.mark.parametrize("way", WAYS)
def test_only_the_pass_that_is_differentiated_twice_leaves_the_fused_kernel(way, monkeypatch):
    problem = Problem(Design((0,), 5))
    calls, where, attention = [], [], functional.scaled_dot_product_attention

    def spy(*arguments, **options):
        out = attention(*arguments, **options)
        calls.append((where[-1], torch.backends.cuda.flash_sdp_enabled(), type(out.grad_fn).__name__))
        return out

    def named(name, loss):
        def call(*arguments):
            where.append(name)
            try:
                return loss(*arguments)
            finally:
                where.pop()

        return call

    monkeypatch.setattr(functional, "scaled_dot_product_attention", spy)
    (source,), target = batches(1)
    losses, outer = [named("source", problem.source_loss(source))], named("target", problem.target_loss(target))
    hypergradient(losses, outer, problem.theta, problem.phi, rule_for("sgd", problem.theta), way=way)
    on_source = [fused for name, fused, _ in calls if name == "source"]
    on_target = [(fused, FUSED in kernel) for name, fused, kernel in calls if name == "target"]
    assert len(on_source) == (2 if way == "fast" else 4) and not any(on_source), "two layers; the lean way goes twice"
    assert on_target == [(True, True)] * 2
    assert torch.backends.cuda.flash_sdp_enabled(), "and the choice of kernels is as before"


def test_an_error_in_the_loss_leaves_the_kernels_as_they_were():
    with pytest.raises(ZeroDivisionError):
        inner_gradient(lambda theta, phi: 1 / 0, (torch.zeros(1),), (), "fast")
    assert torch.backends.cuda.flash_sdp_enabled()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_mixed_precision(place):
    """Both ways in bfloat16 autocast, wherever the RTN stands: as far off the exact gradient as bfloat16 is."""
    problem, rule = Problem(Design((place,), 5)), Rule(0.3)
    source, target = make_batch(1), make_batch(2)
    exact = hypergradient([problem.source_loss(source)], problem.target_loss(target), problem.theta, problem.phi, rule)[
        1
    ]
    problem.model.float()
    problem.phi_module.float()
    theta, phi = ([tensor.float() for tensor in part] for part in (problem.theta, problem.phi))

    def precision():
        return torch.autocast("cpu", torch.bfloat16, cache_enabled=False)

    def loss(theta, phi):
        with precision():
            return problem.source_loss(source)(theta, phi)

    for way in ("fast", "lean"):
        inner = inner_gradient(loss, theta, phi, way, precision)
        ahead = [(p - rule.learning_rate * g).requires_grad_() for p, g in zip(theta, inner.gradient, strict=True)]
        with precision():
            value = problem.target_loss(target)(ahead)
        vector = torch.autograd.grad(value, ahead, materialize_grads=True)
        found = inner.second(tuple(-rule.learning_rate * v for v in vector), False, True)[1]
        assert all(tensor.dtype == torch.float32 for tensor in found)
        assert 1e-6 < error([tensor.double() for tensor in found], exact) < 0.15
