"""What `x_maml` and `xla_maml` have in common."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from pipeline.config.methods.contract import Method, Split
from pipeline.config.methods.parts.auxiliary import UNCHOSEN, Auxiliary
from pipeline.config.training import FineTuning
from pipeline.config.values import Count, Language, OneOrMore, Positive, Switch
from pipeline.methods.parts.sides import ROLES


def read_fine_tuning(value: Any) -> Any:
    """Let keys and values pass, and null.

    Raises:
        ValueError: anything else, as a learning rate alone.
    """
    if value is None or isinstance(value, Mapping | FineTuning):
        return value
    raise ValueError(f"expected keys and values, as {{learning_rate: 1e-5}}, or null; got {value!r}")


class Episodic(Auxiliary):
    """X-MAML and XLA-MAML: what they share."""

    training_keys: ClassVar[frozenset[str]] = UNCHOSEN - {"epochs"}
    copies: ClassVar[float] = 3  # the adapted weights, their gradient, the sum over episodes
    passes: ClassVar[float] = 3
    passes_again: ClassVar[bool] = False  # losses are at θ′ too, and differentiated twice

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
    iterations: Count = Field(
        default=500,
        description="meta-iterations for each language of the query side (with `meta_batch: all` of the query side of one kind)",
    )
    meta_batch: Literal["one", "all"] = Field(
        default="one",
        description="episodes in a meta step where there are several kinds of them, as with several auxiliaries: `one`, the "
        "kinds taking turns, or one of `all`, their gradients summed; without effect where there is one kind, as with one "
        "auxiliary",
    )
    fine_tune: Annotated[FineTuning | None, BeforeValidator(read_fine_tuning)] = Field(
        default=FineTuning(),
        description="few-shot: settings of fine-tuning on the target at last; what is left out is as of method "
        "`few_shot` in the experiment, and `null` leaves fine-tuning out",
    )
    way: Literal["auto", "fast", "lean"] = Field(
        default="auto",
        description="how the exact meta-gradient is computed: `fast`, or with little memory (`lean`); `auto`: `fast` for one "
        "inner step while it fits the GPU and without `training.micro_batch`, else `lean`",
    )

    def hyper_parameters(self) -> dict[str, Any]:
        """Of fine-tuning only what differs from `few_shot`'s, which the experiment tells; `None` where there is none."""
        ends = self.setting == "few_shot" and self.fine_tune is not None
        own = self.fine_tune.model_dump(exclude_unset=True) if ends and self.fine_tune is not None else None
        return super().hyper_parameters() | {"fine_tune": own}

    def held(self, batch_size: int, sources: int) -> int:
        """The support of each inner step, with what its second derivatives need, and the query."""
        return (2 + self.inner_steps) * batch_size

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
