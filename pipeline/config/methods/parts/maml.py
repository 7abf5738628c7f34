"""What `x_maml` and `xla_maml` have in common."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method, Split
from pipeline.config.methods.parts.auxiliary import UNCHOSEN, Auxiliary
from pipeline.config.values import Count, Language, OneOrMore, Positive, PositiveOrNull, Switch, ZeroOrMore
from pipeline.methods.parts.sides import ROLES


class Episodic(Auxiliary):
    """X-MAML and XLA-MAML: what they share."""

    training_keys: ClassVar[frozenset[str]] = UNCHOSEN - {"epochs"}

    setting: Literal["zero_shot", "few_shot"] = Field(
        default="zero_shot",
        description="`zero_shot`: one model, tested on all targets; `few_shot`: a model for each target, at last fine-tuned on "
        "its `split`",
    )
    support: OneOrMore[Language] | None = Field(
        default=None,
        description="languages of the inner steps: `source` (the sources, in their own dataset), `auxiliary`, `target`, or "
        "languages of the experiment's dataset; `null`: as in the paper",
        examples=[["source"]],
    )
    query: OneOrMore[Language] | None = Field(
        default=None, description="languages of the meta step, likewise", examples=[["auxiliary"]]
    )
    sampling: Literal["covering", "random"] = Field(
        default="covering", description="`covering`: all examples, pass after pass; `random`: each batch drawn afresh"
    )
    inner_lr: Positive = Field(default=1e-5, description="learning rate α of the inner SGD steps")
    inner_steps: Count = Field(default=1, description="inner steps, all on the episode's support")
    first_order: Switch = Field(default=False, description="leave out the second derivatives (FOMAML)")
    iterations: Count = Field(default=500, description="meta-iterations for each language of the query side")
    fine_tune_epochs: ZeroOrMore = Field(default=1, description="few-shot: passes over the target's examples at last")
    fine_tune_lr: PositiveOrNull = Field(
        default=None, description="peak learning rate of that; `null`: the one of the meta step"
    )
    way: Literal["auto", "fast", "lean"] = Field(
        default="auto",
        description="how the exact meta-gradient is computed: `fast`, or with little memory (`lean`); `auto`: `fast` for one "
        "inner step while it fits the GPU, else `lean`",
    )

    @property
    def target_split(self) -> Split | None:
        """In few-shot the target's examples are trained on."""
        return self.split if self.setting == "few_shot" else None

    @property
    def on_all(self) -> bool:
        """One model for all targets in zero-shot."""
        return self.setting == "zero_shot"


def named_languages(method: Method) -> set[str]:
    """Return the languages that a method itself names, for a side of its episodes."""
    if not isinstance(method, Episodic):
        return set()
    return {word for side in (method.support, method.query) for word in side or ()} - set(ROLES)
