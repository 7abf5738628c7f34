"""The config's methods, as pydantic models (see `pipeline.config_schema`).

Training settings and what all methods have in common are in `pipeline.config_training`, methods that learn from auxiliary
languages in `pipeline.config_episodes`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pipeline.config_episodes import AuxiliaryTune, MetaOptimizer, Reptile, XlaMaml, XMaml
from pipeline.config_mgl import Mgl
from pipeline.config_training import Method, Split, Training
from pipeline.config_types import (
    Count,
    CountOrNull,
    Number,
    OneOrMore,
    Placement,
    Positive,
    Share,
    Switch,
    SwitchOrNull,
    ZeroOrMore,
)

# ------------------------------------------------------------------------------------------------------------ baselines


class SourceOnly(Method):
    """Training on the sources; the epoch is chosen on their dev data.

    The parent of methods that start from it, `zero_shot` first: trained where one needs it, not listed in experiments.
    """

    method: Literal["source_only"] = Field(default="source_only", description="the method")
    freeze_embeddings: Switch = Field(
        default=False, description="keep the embeddings as pretrained, as soft layer selection does throughout"
    )

    @property
    def target_split(self) -> Split | None:
        """No target is seen."""
        return None

    @property
    def chosen_on(self) -> Literal["target", "source"]:
        """The sources' dev data choose the epoch."""
        return "source"


class TargetOnly(Method):
    """Training on the target's examples alone."""

    needs_sources: ClassVar[bool] = False
    method: Literal["target_only"] = Field(default="target_only", description="the method")


class Joint(Method):
    """Training on source and target together (MetaXL's "JT", MGL's "Mix")."""

    method: Literal["joint"] = Field(default="joint", description="the method")
    batches: Literal["balanced", "concatenated"] = Field(
        default="balanced",
        description="`balanced`: each step averages the losses of one source batch and one equally large target batch; "
        "`concatenated`: both are shuffled into one stream",
    )


class MultiTask(Method):
    """Training on source and target together, with a head for each language; the target's is used (MGL's "Multi-task")."""

    method: Literal["multi_task"] = Field(default="multi_task", description="the method")
    batches: Literal["balanced", "concatenated"] = Field(default="balanced", description="as in `joint`")


class LanguageAdversarial(Method):
    """Training on source and target together, so that no discriminator can tell the language (Chen et al. 2018)."""

    method: Literal["language_adversarial"] = Field(default="language_adversarial", description="the method")
    weight: Positive = Field(
        default=0.1, description="weight λ of the reversed gradient at the end; it rises from 0 (Ganin et al. 2016)"
    )
    target_labels: Switch = Field(
        default=True, description="`no`: the target's texts alone are read, and its labels are not, as in the paper"
    )


class ReptileFineTune(Method):
    """Reptile over the sources, then training on the target (Dou et al. 2019; the Reptile that MGL is compared with)."""

    method: Literal["reptile_fine_tune"] = Field(default="reptile_fine_tune", description="the method")
    inner_steps: Count = Field(default=5, description="steps k on one language, by the run's own optimiser")
    epsilon: Share = Field(default=0.1, gt=0, description="the part ε of the way that is kept")
    iterations: Count = Field(default=500, description="meta-iterations for each source language")


class FineTune(Method):
    """Training on the sources first (the parent run), then on the target."""

    has_parent: ClassVar[bool] = True
    method: Literal["fine_tune"] = Field(default="fine_tune", description="the method")


class ZeroShot(Method):
    """The parent run as it is: no target example is seen. Only `max_length`, `precision` and `batch_size` apply."""

    has_parent: ClassVar[bool] = True
    training_keys: ClassVar[frozenset[str]] = frozenset({"max_length", "precision", "batch_size"})
    method: Literal["zero_shot"] = Field(default="zero_shot", description="the method")

    @property
    def target_split(self) -> Split | None:
        """No target is seen."""
        return None


class FreezeLayers(Method):
    """Training on the sources with the embeddings and the bottom layers as pretrained (Wu and Dredze 2019)."""

    method: Literal["freeze_layers"] = Field(default="freeze_layers", description="the method")
    frozen_layers: ZeroOrMore = Field(
        default=0, description="how many of the encoder's layers are frozen beside the embeddings, from the bottom"
    )
    choose_on: Literal["source", "target"] = Field(
        default="source",
        description="whose dev data choose the epoch and the grid's point: the sources', so that no label of a target is "
        "seen, or each target's own, a run for each",
    )

    @property
    def target_split(self) -> Split | None:
        """No target is trained on."""
        return None

    @property
    def chosen_on(self) -> Literal["target", "source"]:
        """As the config says."""
        return self.choose_on

    @property
    def on_all(self) -> bool:
        """One model for all targets, unless each chooses its own."""
        return self.choose_on == "source"


class CheckpointAverage(Method):
    """Training on the sources, the weights averaged over all epochs (Schmidt et al. 2023); no dev data are used."""

    training_keys: ClassVar[frozenset[str]] = frozenset(Training.model_fields) - {"select", "patience"}
    method: Literal["checkpoint_average"] = Field(default="checkpoint_average", description="the method")

    @property
    def target_split(self) -> Split | None:
        """No target is seen."""
        return None

    @property
    def on_all(self) -> bool:
        """One model for all targets."""
        return True


class FewShot(Method):
    """The parent run, trained on with the target's dev data, by the papers' protocol: `epochs: 1`, `select: last`."""

    has_parent: ClassVar[bool] = True
    method: Literal["few_shot"] = Field(default="few_shot", description="the method")
    split: Split = Field(
        default="dev",
        description="the target's split to train on: `dev` (at most `dev_size` sentences) or `train` (`target_size`)",
    )

    @property
    def target_split(self) -> Split | None:
        """As the config says."""
        return self.split

    def built_in_training(self) -> Mapping[str, Any]:
        """One epoch on the dev data, which then cannot choose it."""
        return {"epochs": 1, "select": "last"}


# ---------------------------------------------------------------------------------------------------------------- MetaXL


class Transforming(Method):
    """A method that transforms source representations by networks (RTNs) of its own; what it says of them."""

    placement: OneOrMore[Placement] = Field(
        default=["top"],
        description="layers after which an RTN stands: 0 (the embeddings) to the encoder's last, which `top` also names",
        examples=[[0, "top"]],
    )
    bottleneck: CountOrNull = Field(
        default=None, description="width r between an RTN's two layers; `null`: half the encoder's, as 384 of 768"
    )
    wide: Switch = Field(default=False, description="consent to a bottleneck as wide as the encoder or wider")
    per_source: Switch = Field(
        default=False, description="an RTN for each source language, instead of one that they share"
    )


RELEASED = {"residual": True, "gate": True, "detach": True, "combine": "losses", "meta_weight_decay": 5e-4}
PAPER = {"residual": False, "gate": False, "detach": False, "combine": "stack", "meta_weight_decay": 0.0}
"""What MetaXL's two variants set where the config does not."""


class MetaXL(Transforming):
    """MetaXL (Xia et al. 2021): source representations transformed so that steps on them help the target."""

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
        "`lean` where all RTNs are on top, else `fast`",
    )

    def hyper_parameters(self) -> dict[str, Any]:
        """The settings with the variant's own where the config says nothing."""
        own = super().hyper_parameters()
        built_in = RELEASED if self.variant == "released" else PAPER
        own |= {key: value for key, value in built_in.items() if own[key] is None}
        if self.phi_no_decay:
            own["meta_weight_decay"] = 0.0
        return own

    def built_in_training(self) -> Mapping[str, Any]:
        """The released code's Adam with L2 on everything and its clipping; the paper names neither."""
        return {"optimizer": "adam", "weight_decay": 5e-4, "clip_norm": 10.0} if self.variant == "released" else {}


class JointRtn(Transforming):
    """Joint training with an RTN on the source's path, trained by ordinary gradients ("JT w/ RTN", MetaXL Section 4.4)."""

    method: Literal["joint_rtn"] = Field(default="joint_rtn", description="the method")
    residual: Switch = Field(
        default=False, description="add an RTN's input to its output; not so in the released code, unlike its MetaXL"
    )
    gate: Switch = Field(default=False, description="weigh an RTN's output by a sigmoid unit of its own")
    detach: Switch = Field(default=False, description="no gradient through an RTN's input to the layers below")


AnyMethod = Annotated[
    SourceOnly
    | TargetOnly
    | Joint
    | MultiTask
    | LanguageAdversarial
    | FineTune
    | ReptileFineTune
    | ZeroShot
    | FewShot
    | FreezeLayers
    | CheckpointAverage
    | MetaXL
    | JointRtn
    | AuxiliaryTune
    | XMaml
    | XlaMaml
    | Reptile
    | MetaOptimizer
    | Mgl,
    Field(discriminator="method"),
]
METHODS: dict[str, type[Method]] = {
    "source_only": SourceOnly,
    "target_only": TargetOnly,
    "joint": Joint,
    "multi_task": MultiTask,
    "language_adversarial": LanguageAdversarial,
    "fine_tune": FineTune,
    "reptile_fine_tune": ReptileFineTune,
    "zero_shot": ZeroShot,
    "few_shot": FewShot,
    "freeze_layers": FreezeLayers,
    "checkpoint_average": CheckpointAverage,
    "metaxl": MetaXL,
    "joint_rtn": JointRtn,
    "auxiliary_tune": AuxiliaryTune,
    "x_maml": XMaml,
    "xla_maml": XlaMaml,
    "reptile": Reptile,
    "meta_optimizer": MetaOptimizer,
    "mgl": Mgl,
}
"""Every registered method by name."""

PARENT = "source_only"
"""The method of parent runs: configurable, not listed in experiments."""
