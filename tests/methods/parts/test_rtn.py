"""RTNs: Eq. 1 by hand, where they stand, whom they concern, and that the model itself never knows of them."""

import pytest
import torch
from torch import nn
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel
from transformers.models.xlm_roberta.configuration_xlm_roberta import XLMRobertaConfig
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from pipeline.common.errors import UserError
from pipeline.methods.parts.rtn import RTN, Design, SourcePath, Transformation, make_transformation, resolve
from pipeline.tasks.model import TaskModel

DEPTH, WIDTH = 3, 8
SIZES = {
    "vocab_size": 20,
    "hidden_size": WIDTH,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 12,
    "initializer_range": 0.5,
}


def bert(**changes):
    torch.manual_seed(0)
    return BertModel(BertConfig(**SIZES | changes), add_pooling_layer=False)


def xlm_roberta(**changes):
    torch.manual_seed(0)
    return XLMRobertaModel(XLMRobertaConfig(**SIZES | {"pad_token_id": 1} | changes), add_pooling_layer=False)


ENCODERS = {"bert": bert, "xlm-roberta": xlm_roberta}


@pytest.fixture(params=ENCODERS)
def model(request):
    """A task model in evaluation mode: no dropout."""
    return TaskModel(ENCODERS[request.param](), nn.Linear(WIDTH, 3)).eval()


def batch(rows=4, languages=(0,), padded=True):
    generator = torch.Generator().manual_seed(1)
    mask = torch.ones(rows, 6, dtype=torch.long)
    if padded:  # sequences then share rows
        mask[0, 4:] = 0
    return {
        "input_ids": torch.randint(2, 20, (rows, 6), generator=generator),
        "attention_mask": mask,
        "language": torch.tensor([languages[i % len(languages)] for i in range(rows)]),
    }


def transformation(model, design, languages=(0,), mixed=False):
    made = make_transformation(design, model, languages, mixed, torch.Generator().manual_seed(2), "metaxl")
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3)  # biases and mixture weights other than zero
    return made


# ------------------------------------------------------------------------------------------------------------------ Eq. 1


def by_hand(**options):
    """W₁ = [[1, -1], [2, 0], [0, 1]] (3, 2), b₁ = [0, 1], W₂ = [[1, 0, 2], [0, 3, 1]] (2, 3), b₂ = [1, 0, -1]."""
    rtn = RTN(3, 2, Design(**options))
    up, bias = torch.tensor([[1.0, 0.0], [0.0, 3.0], [2.0, 1.0]]), [1.0, 0.0, -1.0]
    if options.get("gate"):  # a fourth unit: 1 · first + 0 · second − 1
        up, bias = torch.cat([up, torch.tensor([[1.0, 0.0]])]), [*bias, -1.0]
    with torch.no_grad():
        rtn.down.weight.copy_(torch.tensor([[1.0, 2.0, 0.0], [-1.0, 0.0, 1.0]]))
        rtn.down.bias.copy_(torch.tensor([0.0, 1.0]))
        rtn.up.weight.copy_(up)
        rtn.up.bias.copy_(torch.tensor(bias))
    return rtn


# h = [1, 0, 1]:  W₁ᵀh + b₁ = [1 + 0, −1 + 1 + 1] = [1, 1];     ReLU [1, 1];  W₂ᵀ· = [1, 3, 3];  + b₂ = [2, 3, 2]
# h = [-1, 0, 0]: W₁ᵀh + b₁ = [−1, 1 + 1] = [−1, 2];            ReLU [0, 2];  W₂ᵀ· = [0, 6, 2];  + b₂ = [1, 6, 1]
HIDDEN = torch.tensor([[1.0, 0.0, 1.0], [-1.0, 0.0, 0.0]])
OUT = torch.tensor([[2.0, 3.0, 2.0], [1.0, 6.0, 1.0]])


def test_equation_1():
    assert torch.allclose(by_hand()(HIDDEN), OUT)


def test_residual_adds_the_input():
    assert torch.allclose(by_hand(residual=True)(HIDDEN), OUT + HIDDEN)


def test_gate_weighs_the_output_and_not_the_residual():
    """Its unit is 1·1 − 1 = 0 in the first row, σ = ½, and 0 − 1 = −1 in the second, σ = 1 / (1 + e)."""
    weights = torch.tensor([[0.5], [1 / (1 + torch.e)]])
    assert torch.allclose(by_hand(gate=True)(HIDDEN), weights * OUT)
    assert torch.allclose(by_hand(gate=True, residual=True)(HIDDEN), weights * OUT + HIDDEN)


def test_detach_keeps_the_value_and_cuts_the_gradient():
    hidden = HIDDEN.clone().requires_grad_()
    plain, cut = by_hand(residual=True), by_hand(residual=True, detach=True)
    assert torch.equal(plain(hidden), cut(hidden))
    (through,) = torch.autograd.grad(cut(hidden).sum(), hidden)
    assert torch.equal(through, torch.ones(2, 3)), "the residual alone"
    (both,) = torch.autograd.grad(plain(hidden).sum(), hidden)
    assert not torch.allclose(both, through)
    assert not by_hand(detach=True)(hidden.detach()).sum().isnan()
    weight = cut.down.weight
    (by_weight,) = torch.autograd.grad(cut(hidden).sum(), weight)
    assert by_weight.abs().sum() > 0, "φ learns all the same"


def test_starts_with_xavier_normal_weights_and_zero_biases():
    rtn = RTN(400, 200, Design(gate=True), torch.Generator().manual_seed(0))
    assert tuple(rtn.up.weight.shape) == (401, 200)
    for layer in (rtn.down, rtn.up):
        expected = (2 / sum(layer.weight.shape)) ** 0.5
        assert float(layer.weight.detach().std()) == pytest.approx(expected, rel=0.02)
        assert not layer.bias.any()


def test_the_generator_alone_decides_the_weights():
    def weights(seed):
        torch.manual_seed(seed)
        made = make_transformation(
            Design(), TaskModel(bert(), nn.Linear(WIDTH, 3)), [0], False, torch.Generator().manual_seed(9), "metaxl"
        )
        return torch.cat([p.detach().flatten() for p in made.parameters()])

    assert torch.equal(weights(1), weights(2))


# --------------------------------------------------------------------------------------------------------- where it stands


class Recorder(nn.Module):
    """Passes its input on and keeps it."""

    def forward(self, hidden):
        self.seen = hidden.detach().clone()
        return hidden


@pytest.mark.parametrize("layer", range(DEPTH + 1))
def test_layer_i_is_hidden_states_i(model, layer):
    made = transformation(model, Design((layer,), 4))
    made.rtns[0][0] = recorder = Recorder()
    given = batch(padded=False)
    SourcePath(model, made)(given)
    inputs = {key: given[key] for key in ("input_ids", "attention_mask")}
    states = model.encoder(**inputs, output_hidden_states=True).hidden_states
    assert len(states) == DEPTH + 1
    assert torch.equal(recorder.seen, states[layer])


@pytest.mark.parametrize("layer", [*range(DEPTH + 1), "top"])
def test_what_it_returns_is_what_the_next_layer_gets(model, layer):
    """The layers by hand, one after the other, with the network between layers i and i + 1."""
    made = transformation(model, Design((layer,), 4, residual=True))
    given = {key: value[1:] for key, value in batch().items()}  # no padding: no mask to build by hand
    place = DEPTH if layer == "top" else layer
    hidden = model.encoder.embeddings(input_ids=given["input_ids"])
    for number in range(DEPTH + 1):
        if number:
            out = model.encoder.encoder.layer[number - 1](hidden)
            hidden = out[0] if isinstance(out, tuple) else out
        if number == place:
            hidden = made.rtns[0][0](hidden)
    assert torch.allclose(SourcePath(model, made)(given), model.head(hidden), atol=1e-5)


def test_several_networks_stand_on_one_path(model):
    made = transformation(model, Design((0, "top"), 4, residual=True))
    assert made.layers == (0, DEPTH)
    lower, upper = Recorder(), Recorder()
    bottom = made.rtns[0][0]
    made.rtns[0][0], made.rtns[1][0] = nn.Sequential(lower, bottom), upper
    given = batch(padded=False)
    SourcePath(model, made)(given)
    below_alone = SourcePath(model, made, [0])
    made.rtns[0][0] = nn.Sequential(bottom)
    expected = below_alone(given)
    assert torch.allclose(model.head(upper.seen), expected, atol=1e-6), "the upper one sees what the lower one changed"
    assert not torch.allclose(model(given), expected)


def test_several_networks_after_one_another_in_any_order_of_the_config(model):
    one, other = (transformation(model, Design(places, 4)) for places in ((0, 2), (2, 0)))
    other.rtns[0].load_state_dict(one.rtns[1].state_dict())
    other.rtns[1].load_state_dict(one.rtns[0].state_dict())
    assert torch.equal(SourcePath(model, one)(batch()), SourcePath(model, other)(batch()))


def test_layers_that_return_tuples_keep_their_other_outputs(model):
    made = transformation(model, Design((1,), 4))
    hidden, language = torch.ones(1, 2, WIDTH), torch.zeros(1, dtype=torch.long)
    replace = SourcePath(model, made).hook(0, language)
    out = replace(None, None, (hidden, "attention"))
    assert torch.equal(out[0], made.rtns[0][0](hidden)) and out[1:] == ("attention",)
    assert torch.equal(replace(None, None, hidden), made.rtns[0][0](hidden))


# -------------------------------------------------------------------------------------------- the target path, and errors


def hooks_of(module):
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules())


def test_the_model_never_knows_of_it(model):
    given, names = batch(), set(model.state_dict())
    before, hooks = model(given), hooks_of(model)
    path = SourcePath(model, transformation(model, Design((0, 1, "top"), 4)))
    assert torch.equal(model(given), before)
    assert not torch.allclose(path(given), before), "or the networks do nothing"
    assert torch.equal(model(given), before)
    assert set(model.state_dict()) == names and hooks_of(model) == hooks


class Broken(nn.Module):
    def forward(self, hidden):
        raise ZeroDivisionError


@pytest.mark.parametrize("broken", [0, 1])
def test_no_hook_is_left_after_an_error(model, broken):
    made = transformation(model, Design((1, 2), 4))
    made.rtns[broken][0] = Broken()
    given, hooks = batch(), hooks_of(model)
    before = model(given)
    with pytest.raises(ZeroDivisionError):
        SourcePath(model, made)(given)
    assert hooks_of(model) == hooks
    assert torch.equal(model(given), before)


# ----------------------------------------------------------------------------------------------------- languages, mixtures


def test_each_source_has_a_network_of_its_own(model):
    """Languages 5 and 2 in this order; rows of each are transformed by its own network alone."""
    made = transformation(model, Design((1,), 4, per_source=True), languages=(5, 2))
    assert len(made.rtns[0]) == 2 and made.languages == (5, 2)
    with torch.no_grad():
        made.rtns[0][1].up.bias.add_(1.0)
    hidden = torch.randn(4, 3, WIDTH)
    out = made.transform(0, hidden, torch.tensor([2, 5, 2, 5])[:, None])
    for row, network in enumerate((1, 0, 1, 0)):
        assert torch.allclose(out[row], made.rtns[0][network](hidden[row])), row
    chosen = torch.autograd.grad(out[0].sum(), list(made.rtns[0][0].parameters()), allow_unused=True)
    assert all(g is None or not g.any() for g in chosen), "a row teaches no other language's network"


def test_a_shared_network_transforms_every_row_alike(model):
    made = transformation(model, Design((1,), 4), languages=(5, 2))
    assert len(made.rtns[0]) == 1
    hidden = torch.randn(4, 3, WIDTH)
    assert torch.equal(made.transform(0, hidden, torch.tensor([2, 5, 2, 5])[:, None]), made.rtns[0][0](hidden))


def test_mixture_weights_begin_equal_and_exist_for_several_placements_only(model):
    def made(places, mixed):
        return make_transformation(Design(places, 4), model, [0], mixed, torch.Generator().manual_seed(0), "metaxl")

    assert made(("top",), True).mixture is None
    assert made((0, "top"), False).mixture is None
    mixture = made((0, "top"), True).mixture
    assert torch.equal(torch.softmax(mixture, 0), torch.tensor([0.5, 0.5]))


def test_half_the_width_unless_told_otherwise(model):
    assert make_transformation(Design(), model, [0], False, torch.Generator(), "metaxl").rtns[0][
        0
    ].down.weight.shape == (
        WIDTH // 2,
        WIDTH,
    )
    wide = transformation(model, Design(("top",), 11, wide=True))
    assert wide.rtns[0][0].down.weight.shape == (11, WIDTH)


def test_parameters_of_phi_count():
    """d = 8, r = 4: (8·4 + 4) + (4·8 + 8) = 76; a gate adds 4 + 1."""
    for design, expected in ((Design(), 76), (Design(gate=True), 81)):
        made = Transformation([1], (), 8, design)
        assert sum(p.numel() for p in made.parameters()) == expected


# ------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (Design((4,)), r"method metaxl: placement: 4: the encoder has 3 layers; expected 0 to 3, or top"),
        (Design((3, "top")), r"method metaxl: placement: 3 stands there twice \('top' is 3\)"),
        (Design((0, 0, 1)), r"method metaxl: placement: 0 stands there twice"),
        (Design(bottleneck=8), r"method metaxl: bottleneck: 8 is no bottleneck, the encoder is 8 wide; .* wide: true"),
        (Design(bottleneck=9), r"expected less than 8"),
    ],
)
def test_designs_that_do_not_fit_the_encoder(model, design, message):
    with pytest.raises(UserError, match=message):
        make_transformation(design, model, [0], False, torch.Generator(), "metaxl")


def test_attention_that_cannot_be_differentiated_twice(model):
    for known in ("eager", "sdpa"):
        model.encoder.config._attn_implementation = known
        assert resolve(Design(), model.encoder) == (DEPTH,)
    model.encoder.config._attn_implementation = "flash_attention_2"
    message = r"method metaxl: attention 'flash_attention_2' cannot be differentiated twice; .*sdpa or eager"
    with pytest.raises(UserError, match=message):
        transformation(model, Design())
