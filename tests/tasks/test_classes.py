"""Tasks with a class per example: inputs by hand for both kinds of tokenizer, the head's start token, losses by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.data.schema import LABELS, task_table
from pipeline.tasks import nli, relevance, sentiment
from pipeline.tasks.classes import ClassHead, decode, loss, make_head, stored
from pipeline.tasks.examples import collate
from pipeline.tasks.model import TaskModel
from tests.tasks.test_qa import TRAINED, tokenizer

NLI = LABELS["nli"]


def pairs(*rows, made=None, max_length=40, labels=NLI):
    """Rows of (premise, hypothesis, label)."""
    table = task_table("nli", "en", [(str(i), *row) for i, row in enumerate(rows)])
    return nli.encode(table, made or tokenizer(), labels, max_length)


def test_a_text_in_one_input():
    table = task_table("sentiment", "en", [("7", "who sees", "positive"), ("8", "rome", "negative")])
    examples = sentiment.encode(table, tokenizer(), LABELS["sentiment"], 20)
    assert [ids.tolist() for ids in examples.input_ids] == [[2, 4, 5, 3], [2, 6, 3]]  # [CLS] who sees [SEP]
    assert [label.tolist() for label in examples.labels] == [[1], [0]]
    assert examples.classes.tolist() == [1, 0]
    assert examples.gold == ["positive", "negative"]
    assert examples.ids == ["7", "8"] and examples.languages == ["en", "en"]
    assert examples.types == [] and not len(examples.groups) and examples.firsts.tolist() == [0, 1]


def test_a_pair_in_one_input_with_token_types():
    examples = pairs(("who sees", "rome", "contradiction"), ("da", "in the old", "entailment"))
    assert [ids.tolist() for ids in examples.input_ids] == [[2, 4, 5, 3, 6, 3], [2, 7, 3, 10, 11, 12, 3]]
    assert [types.tolist() for types in examples.types] == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]]
    assert examples.classes.tolist() == [2, 0]


def test_columns_of_a_pair_are_in_the_schemas_order():
    table = task_table("relevance", "en", [("1", "who", "rome", "relevant"), ("2", "rome", "who", "irrelevant")])
    examples = relevance.encode(table, tokenizer(), LABELS["relevance"], 20)
    assert [ids.tolist() for ids in examples.input_ids] == [[2, 4, 3, 6, 3], [2, 6, 3, 4, 3]]
    assert examples.classes.tolist() == [1, 0]


def test_classes_are_numbered_by_the_label_set_given():
    assert pairs(("who", "who", "b"), ("who", "who", "a"), labels=["b", "a"]).classes.tolist() == [0, 1]


def test_of_a_pair_too_long_the_longer_text_loses_its_end():
    # room 9 - 3 = 6: the premise of 7 keeps 4 beside the hypothesis of 2
    long, short = "rome da in the old in da", "who sees"
    examples = pairs((long, short, "neutral"), (short, long, "neutral"), (long, long, "neutral"), max_length=9)
    assert [ids.tolist() for ids in examples.input_ids] == [
        [2, 6, 7, 10, 11, 3, 4, 5, 3],
        [2, 4, 5, 3, 6, 7, 10, 11, 3],
        [2, 6, 7, 10, 3, 6, 7, 10, 3],  # both lose as many
    ]
    assert examples.types[0].tolist() == [0] * 6 + [1] * 3


@pytest.mark.parametrize("max_length", [5, 6, 7, 8])
@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta", "words"])
def test_truncation_keeps_every_special_token(architecture, max_length):
    made = TRAINED.get(architecture) or tokenizer()
    special = made.num_special_tokens_to_add(True)
    if max_length < special + 2:
        return
    (ids,) = pairs(
        ("ada sees rome and oslo", "bo visits the old acme", "neutral"), made=made, max_length=max_length
    ).input_ids
    whole = made.encode("ada", "bo")
    specials = {i for i, s in zip(whole.ids, whole.special_tokens_mask, strict=True) if s}
    assert len(ids) == max_length
    assert sum(i in specials for i in ids.tolist()) == special
    assert ids[0] == whole.ids[0] and ids[-1] == whole.ids[-1]


@pytest.mark.parametrize(("architecture", "special"), [("bert", 3), ("xlm-roberta", 4)])
def test_a_length_without_room_is_refused(architecture, special):
    rows = ("ada sees", "bo", "neutral")
    assert len(pairs(rows, made=TRAINED[architecture], max_length=special + 2).input_ids[0]) == special + 2
    with pytest.raises(
        UserError, match=rf"max_length: {special + 1} leaves no room for premise and hypothesis.*{special + 2}"
    ):
        pairs(rows, made=TRAINED[architecture], max_length=special + 1)
    table = task_table("sentiment", "en", [("1", "ada sees", "positive")])
    with pytest.raises(UserError, match=r"max_length: 2 leaves no room for text; expected at least 3"):
        sentiment.encode(table, TRAINED[architecture], LABELS["sentiment"], 2)


def test_encoders_without_token_types_get_none():
    made = TRAINED["xlm-roberta"]
    examples = pairs(("ada", "rome", "neutral"), made=made)
    assert examples.types == []
    start, end = (made.token_to_id(token) for token in ("<s>", "</s>"))
    ids = examples.input_ids[0].tolist()
    assert ids[0] == start and ids[-1] == end and ids.count(end) == 3  # <s> ada </s> </s> rome </s>
    assert "token_type_ids" not in collate(examples, np.array([0]), 0, ["en"])


def test_another_tasks_truncation_does_not_stay():
    made = tokenizer()
    made.enable_truncation(4, strategy="only_second")
    assert len(pairs(("who sees rome", "da in", "neutral"), made=made).input_ids[0]) == 3 + 5


def test_empty_texts_and_texts_unknown_to_the_tokenizer_leave_special_tokens():
    examples = pairs(("~", "rome", "neutral"), ("rome", "~", "neutral"), ("", "", "neutral"))  # ~ is normalised away
    assert [ids.tolist() for ids in examples.input_ids] == [[2, 3, 6, 3], [2, 6, 3, 3], [2, 3, 3]]
    assert [types.tolist() for types in examples.types] == [[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1]]


def test_no_rows_make_no_examples():
    examples = pairs()
    assert len(examples) == 0 and examples.classes.tolist() == [] and examples.types == []


# ------------------------------------------------------------------------------------------------------------- the head


def test_logits_are_those_of_the_formula_of_the_start_token_alone():
    torch.manual_seed(0)
    head = ClassHead(4, 3, 0.1).double().eval()
    hidden = torch.randn(2, 5, 4, dtype=torch.float64, requires_grad=True)
    logits = head(hidden)
    assert logits.shape == (2, 3)
    w1, b1, w2, b2 = (p.detach().numpy() for p in (*head.dense.parameters(), *head.out.parameters()))
    start = hidden.detach().numpy()[:, 0]
    assert logits.detach().numpy() == pytest.approx(np.tanh(start @ w1.T + b1) @ w2.T + b2)
    (gradient,) = torch.autograd.grad(logits.sum(), hidden)
    assert gradient[:, 0].abs().min() > 0 and gradient[:, 1:].abs().max() == 0
    others = hidden.detach().clone()
    others[:, 1:] += 1
    assert torch.equal(head(others), logits)


def test_gradients_of_the_head_and_the_loss_are_right():
    torch.manual_seed(0)
    head = ClassHead(3, 2, 0.0).double()
    parameters = {
        name: (p + 0.3 * torch.randn_like(p)).detach().requires_grad_() for name, p in head.named_parameters()
    }
    labels = torch.tensor([1, 0, 1])

    def value(hidden, *weights):
        logits = torch.func.functional_call(head, dict(zip(parameters, weights, strict=True)), (hidden,))
        return torch.nn.functional.cross_entropy(logits, labels)

    hidden = torch.randn(3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(value, (hidden, *parameters.values()))
    assert torch.autograd.gradgradcheck(value, (hidden, *parameters.values()))


def test_the_head_starts_near_zero_and_drops_out_in_training_only():
    torch.manual_seed(0)
    head = make_head(64, NLI, 0.5)
    assert isinstance(head, ClassHead)
    assert {name: tuple(p.shape) for name, p in head.named_parameters()} == {
        "dense.weight": (64, 64),
        "dense.bias": (64,),
        "out.weight": (3, 64),
        "out.bias": (3,),
    }
    assert head.dense.bias.abs().max() == head.out.bias.abs().max() == 0
    assert head.dense.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert head.out.weight.std().item() == pytest.approx(0.02, rel=0.2)
    hidden = torch.randn(2, 3, 64)
    assert not torch.equal(head(hidden), head(hidden))
    head.eval()
    assert torch.equal(head(hidden), head(hidden))


def test_the_loss_is_the_mean_over_examples_in_float32():
    batch = {"labels": torch.tensor([[1], [0]])}
    logits = torch.zeros(2, 2)
    logits[0, 1] = math.log(3)  # p of the right class: 3/4 and 1/2
    assert loss(logits, batch).item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    assert loss(logits.bfloat16(), batch).dtype == torch.float32


def test_the_most_probable_class_is_predicted_the_first_of_equals():
    logits = torch.tensor([[0.1, 0.3, 0.2], [2.0, 1.0, 2.0]])
    assert decode(logits, pairs(), [0, 1], NLI) == ["neutral", "entailment"]
    assert stored(["neutral"], ["entailment"]) == {"gold": ["neutral"], "predicted": ["entailment"]}


def test_the_encoder_reads_the_token_types():
    read = {}

    class Encoder(torch.nn.Module):
        def forward(self, **inputs):
            read.update(inputs)
            return SimpleNamespace(last_hidden_state=torch.zeros(1, 6, 4))

    batch = collate(pairs(("who sees", "rome", "neutral")), np.array([0]), 0, ["en"])
    assert TaskModel(Encoder(), ClassHead(4, 3, 0.1))(batch).tolist() == [[0, 0, 0]]
    assert {key: value.tolist() for key, value in read.items()} == {
        "input_ids": [[2, 4, 5, 3, 6, 3]],
        "attention_mask": [[1] * 6],
        "token_type_ids": [[0, 0, 0, 0, 1, 1]],
    }
