"""`joint_rtn`: joint training with RTNs on the source's path, φ trained by ordinary gradients (MetaXL, Section 4.4, "JT w/ RTN").

Each step descends ½ (L_s(θ, φ) + L_t(θ)) in θ and φ, with one optimiser. It shows what the RTN does without the meta-gradient.
The released code has no residual here, though its MetaXL has one, which alone may explain the collapse the paper reports
(Table 6): `residual=True` is the like-for-like control.
"""

from collections.abc import Sequence

from torch import Tensor

from pipeline.methods.contract import Draw, Method, Trainer
from pipeline.methods.joint import balanced_phases, balanced_step
from pipeline.methods.parts.languages import language_indices
from pipeline.methods.parts.rtn import Design, SourcePath, Transformation, make_transformation


def joint_step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
    """Descend ½ (L_s(θ, φ) + L_t(θ))."""
    transformation = trainer.modules["rtn"]
    assert isinstance(transformation, Transformation)
    return balanced_step(trainer, draw, SourcePath(trainer.model, transformation))


def build(
    *,
    placement: Sequence[int | str],
    bottleneck: int | None,
    wide: bool,
    per_source: bool,
    residual: bool,
    gate: bool,
    detach: bool,
) -> Method:
    """Return the method; arguments as in `rtn.Design`."""
    design = Design(tuple(placement), bottleneck, wide, per_source, residual, gate, detach)

    def setup(trainer: Trainer) -> None:
        languages = language_indices(trainer, sources_only=True)
        trainer.own("rtn", make_transformation(design, trainer.model, languages, False, trainer.generator, "joint_rtn"))

    return Method(balanced_phases, joint_step, setup)
