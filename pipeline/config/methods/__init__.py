"""The config's methods, a file for each as in `pipeline.methods`. A method is registered by standing in `AnyMethod`."""

from typing import Annotated, Any, get_args

from pydantic import Field

from pipeline.config.methods.auxiliary_tune import AuxiliaryTune
from pipeline.config.methods.checkpoint_average import CheckpointAverage
from pipeline.config.methods.contract import Method
from pipeline.config.methods.ensemble import Ensemble
from pipeline.config.methods.few_shot import FewShot
from pipeline.config.methods.fine_tune import FineTune
from pipeline.config.methods.freeze_layers import FreezeLayers
from pipeline.config.methods.joint import Joint
from pipeline.config.methods.joint_rtn import JointRtn
from pipeline.config.methods.language_adversarial import LanguageAdversarial
from pipeline.config.methods.layer_rates import KEYS
from pipeline.config.methods.majority import Majority
from pipeline.config.methods.meta_optimizer import MetaOptimizer
from pipeline.config.methods.metaxl import MetaXL
from pipeline.config.methods.mgl import Mgl
from pipeline.config.methods.multi_task import MultiTask
from pipeline.config.methods.random import Random
from pipeline.config.methods.reptile import Reptile
from pipeline.config.methods.reptile_fine_tune import ReptileFineTune
from pipeline.config.methods.source_only import SourceOnly
from pipeline.config.methods.target_only import TargetOnly
from pipeline.config.methods.weight_average import WeightAverage
from pipeline.config.methods.x_maml import XMaml
from pipeline.config.methods.xla_maml import XlaMaml
from pipeline.config.methods.zero_shot import ZeroShot

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
    | WeightAverage
    | Ensemble
    | MetaXL
    | JointRtn
    | AuxiliaryTune
    | XMaml
    | XlaMaml
    | Reptile
    | MetaOptimizer
    | Majority
    | Random
    | Mgl,
    Field(discriminator="method"),
]

METHODS: dict[str, type[Method]] = {
    kind.model_fields["method"].default: kind for kind in get_args(get_args(AnyMethod)[0])
}
"""Every registered method by name."""

PARENT = "source_only"
"""The method of parent runs: configurable, not listed in experiments."""


def defaults_of(name: str) -> dict[str, Any]:
    """Return the hyper-parameters of a method, or of `layer_rates`, where a config says nothing of them.

    Raises:
        KeyError: there is no such method.
    """
    if name == "layer_rates":
        return {key: MetaOptimizer.model_fields[key].default for key in KEYS}
    return METHODS[name]().hyper_parameters()
