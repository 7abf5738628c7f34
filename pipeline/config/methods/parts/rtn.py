"""What methods with transformation networks (RTNs) say of them: `metaxl` and `joint_rtn`."""

from pydantic import Field

from pipeline.config.methods.contract import Method
from pipeline.config.values import CountOrNull, OneOrMore, Placement, Switch


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
