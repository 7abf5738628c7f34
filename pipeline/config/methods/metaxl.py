"""`metaxl` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.metaxl`)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.parts.rtn import Transforming
from pipeline.config.values import Number, Positive, Switch, SwitchOrNull, ZeroOrMore

RELEASED_L2 = 5e-4
"""The L2 penalty of the RTN's Adam in the released code."""

RELEASED = {"residual": True, "gate": True, "detach": True, "combine": "losses", "meta_weight_decay": RELEASED_L2}

PAPER = {"residual": False, "gate": False, "detach": False, "combine": "stack", "meta_weight_decay": 0.0}
"""What MetaXL's two variants set where the config does not."""


class MetaXL(Transforming):
    """MetaXL (Xia et al. 2021): source representations transformed so that steps on them help the target."""

    words: ClassVar[str] = "MetaXL"
    copies: ClassVar[float] = 2  # θ′ and the vector that is multiplied by the second derivatives
    passes_again: ClassVar[bool] = False  # losses are at θ′ too, and differentiated twice
    passes: ClassVar[float] = 4
    method: Literal["metaxl"] = Field(default="metaxl", description="the method")
    variant: Literal["released", "paper"] = Field(
        default="released",
        description="`released`: what the authors' code runs, half the target batch in the inner loss; `paper`: Algorithm 1, "
        "where the target moves the RTN alone (docs/metaxl.md). It sets what is `null` below",
    )
    residual: SwitchOrNull = Field(default=None, description="add an RTN's input to its output")
    gate: SwitchOrNull = Field(default=None, description="weigh an RTN's output by a sigmoid unit of its own")
    detach: SwitchOrNull = Field(default=None, description="no gradient through an RTN's input to the layers below")
    combine: Literal["stack", "losses"] | None = Field(
        default=None,
        description="several placements: `stack` all RTNs on one path, or a learned mixture of the `losses` with one RTN each",
    )
    meta_lr: Positive = Field(default=1e-6, description="peak learning rate β of the RTN")
    meta_optimizer: Literal["adam", "sgd"] = Field(default="adam", description="the RTN's optimiser")
    meta_weight_decay: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="L2 penalty of the RTN's optimiser"
    )
    phi_frozen: Switch = Field(default=False, description="control: the RTN keeps its random start")
    phi_no_decay: Switch = Field(default=False, description="control: no L2 penalty on the RTN")
    back_off_epochs: ZeroOrMore = Field(
        default=0, description="further passes over source and target together, without RTN, afterwards (Section 4.6)"
    )
    way: Literal["auto", "fast", "lean"] = Field(
        default="auto",
        description="how the meta-gradient is computed, exact all the same: `fast`, or with little memory (`lean`); `auto`: "
        "`lean` where all RTNs are on top, and with `training.micro_batch`, else `fast`",
    )

    def hyper_parameters(self) -> dict[str, Any]:
        """The settings with the variant's own where the config says nothing."""
        own = super().hyper_parameters()
        built_in = RELEASED if self.variant == "released" else PAPER
        own |= {key: value for key, value in built_in.items() if own[key] is None}
        if self.phi_no_decay:
            own["meta_weight_decay"] = 0.0
        return own

    def held(self, batch_size: int, sources: int) -> int:
        """A source batch by each RTN, its second derivatives, a target batch."""
        return (2 + len(self.placement)) * batch_size

    def built_in_training(self) -> Mapping[str, Any]:
        """The released code's Adam with L2 on everything and its clipping; the paper names neither."""
        return {"optimizer": "adam", "weight_decay": 5e-4, "clip_norm": 10.0} if self.variant == "released" else {}
