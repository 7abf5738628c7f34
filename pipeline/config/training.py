"""The config's training settings, as a pydantic model."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.config.section import Section
from pipeline.config.values import (
    METRIC,
    Count,
    CountOrNull,
    Fraction,
    Length,
    LengthOrNull,
    Number,
    OneOrMore,
    Positive,
    PositiveOrNull,
    Switch,
    TextOrNull,
)
from pipeline.tasks.qa_score import LONGEST


class FineTuning(Section):
    """How a phase of training is optimised: what the fine-tuning that ends few-shot runs has of its own."""

    optimizer: Literal["adamw", "adam", "sgd"] = Field(
        default="adamw",
        description="`adamw`: decoupled weight decay; `adam`, `sgd`: the penalty is added to the gradient",
    )
    learning_rate: Positive = Field(default=3e-5, description="peak learning rate")
    weight_decay: Number = Field(default=0.01, ge=0, description="weight decay")
    batch_size: Count = Field(default=16, description="examples per batch and stream")
    epochs: Count = Field(default=20, description="passes over the method's main stream (`joint`: the source)")
    warmup: Fraction = Field(default=0.1, description="fraction of the steps with rising learning rate")
    schedule: Literal["linear", "constant"] = Field(
        default="linear", description="after the warm-up: linear decay to zero, or constant"
    )
    clip_norm: PositiveOrNull = Field(default=1.0, description="largest gradient norm; `null`: no clipping")


ALL_LINEAR = "all-linear"
"""The target that stands for every linear layer."""


def read_target(value: Any) -> str:
    """Read the end of a layer's dotted name, or `all-linear`.

    Raises:
        ValueError: neither.
    """
    if isinstance(value, str) and (value == ALL_LINEAR or re.fullmatch(r"\w+(\.\w+)*", value)):
        return value
    raise ValueError(
        f"expected the end of a layer's name, as query or attention.output.dense, or {ALL_LINEAR}; got {value!r}"
    )


def check_targets(value: list[str]) -> list[str]:
    """Sort targets, whose order means nothing.

    Raises:
        ValueError: one stands there twice, or beside `all-linear`.
    """
    if ALL_LINEAR in value and len(value) > 1:
        raise ValueError(f"{ALL_LINEAR} is every linear layer; leave the others out")
    if len(set(value)) < len(value):
        raise ValueError(f"{max(value, key=value.count)!r} stands there twice")
    return sorted(value)


Target = Annotated[str, BeforeValidator(read_target)]
Targets = Annotated[OneOrMore[Target], AfterValidator(check_targets)]


class Lora(Section):
    """Low-rank adapters; what an experiment's or a method's `lora` leaves out is as in `training` above it."""

    rank: Count = Field(
        default=8, description="r: an adapter is a product of a matrix with r rows and one with r columns"
    )
    alpha: Positive = Field(default=8.0, description="an adapter's output is multiplied by alpha/rank")
    targets: Targets | None = Field(
        default=None,
        description="the linear layers that have one, by the end of their names (`query`, `attention.output.dense`), or "
        "`all-linear`; `null`: the query and the value of the encoder's attention",
    )


class Training(FineTuning):
    """How a model is trained."""

    max_length: Length = Field(
        default=200, description="longest input, in word pieces with the special tokens; longer ones are cut"
    )
    test_max_length: LengthOrNull = Field(
        default=None,
        description="the same of test examples alone, as of the windows of test questions (`qa`); train and dev examples are "
        "cut at `max_length` all the same; `null`: as `max_length`",
    )
    longest_answer: Count = Field(
        default=LONGEST,
        description="`qa`: longest answer that is predicted, in word pieces; questions whose right answers are all longer are "
        "counted in `run.json` (`unreachable_answers`). Without effect on other tasks",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto",
        description="`auto`: bfloat16 autocast on GPUs that have it, float32 elsewhere, and for `metaxl`, `variant: paper`, with "
        "`adam` or `adamw`, whose meta-gradient is noise in bfloat16 (docs/metaxl.md); what is said is obeyed all the same",
    )
    head: Literal["fresh", "pooler", "linear"] = Field(
        default="fresh",
        description="tasks with one class per example: the first token's state through a new dense layer (`fresh`), the "
        "checkpoint's pretrained pooler (`pooler`) or as it is (`linear`) to a linear layer (docs/encoders.md); what starts from "
        "`source_only` has its head. Without effect on `ner`, `qa` and `mgl`",
    )
    select: Literal["best", "last"] = Field(
        default="best", description="which epoch's model is kept: the best on dev data, or the last"
    )
    select_metric: TextOrNull = Field(
        default=None,
        description="the score that is best, by full name; `null`: the first of the task's; without effect where `select` is "
        "`last`",
        json_schema_extra={"format": "metric", "pattern": METRIC},
        examples=["accuracy"],
    )
    patience: CountOrNull = Field(
        default=None,
        description="stop after so many epochs without a better dev score; `null`: never; without effect where "
        "`select` is `last`",
    )
    class_weights: Literal["balanced"] | None = Field(
        default=None,
        description="`balanced`: in the loss a label weighs n / (C · n_c), by its number n_c among the n labels of all training "
        "examples of a phase (`ner`: of words), which has C of them; `null`: all alike. Refused for `qa`",
    )
    micro_batch: CountOrNull = Field(
        default=None,
        description="examples of a batch that go through the model at a time, the loss and its gradient being the whole batch's "
        "(docs/methods.md#larger-than-memory); `null`: all, and half as many whenever a step does not fit a GPU's memory",
    )
    activation_checkpointing: Switch = Field(
        default=False,
        description="keep only the inputs of the encoder's layers in training, and pass each layer again for its gradient: less "
        "memory, one more forward pass a step. Refused for `metaxl`, `x_maml` and `xla_maml`",
    )
    lora: Lora | None = Field(
        default=None,
        description="train low-rank adapters and the head instead of the whole encoder (docs/methods.md#lora); `{}` with the "
        "keys' defaults; `null`: the whole encoder. Adapters want a higher `learning_rate`, about ten times",
    )
    trim: bool = Field(
        default=True,
        description="leave out the word embeddings of pieces that are in none of a run's texts, where these are many; the result "
        "is the same, and a kept model has them all (docs/encoders.md#large-vocabularies)",
    )


ONLY_WHERE_SET = frozenset(
    {
        *("select_metric", "test_max_length", "longest_answer", "class_weights", "lora"),
        *("trim", "micro_batch", "activation_checkpointing"),
    }
)
"""Settings that are in no run's spec where they have their default: they came later, and runs without them keep their ids."""
