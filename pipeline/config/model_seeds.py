"""The config's `model_seeds`: a list of them, or a rule by which they are added until comparisons are decided."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from pipeline.config.section import Section
from pipeline.config.values import Number, OneOrMore, Seed, Whole


class UntilDecided(Section):
    """Seeds 1, 2, 3, … of each cell, one more at a time, until the comparisons it stands in are decided (docs/seeds.md)."""

    start: Annotated[Whole, Field(ge=2)] = Field(default=3, description="how many seeds every cell begins with")
    until: Literal["decided"] = Field(description="when a cell gets no further seeds")
    at_most: Annotated[Whole, Field(le=100)] = Field(
        default=12, description="the last seed that is added; a comparison that is open then remains so"
    )
    margin: Annotated[Number, Field(gt=0, lt=100)] = Field(
        description="methods that differ by less are alike: points of a score ×100. One that is known to be within it of the "
        "other gets no further seeds",
        examples=[2.0],
    )
    alpha: Annotated[Number, Field(ge=0.001, le=0.2)] = Field(
        default=0.05,
        description="how often a comparison of equals is called separated, and one of methods that are the margin apart alike, "
        "over all looks at the growing seeds together",
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.at_most < self.start:
            raise ValueError(
                f"at_most {self.at_most} is below start {self.start}; expected start ≤ at_most, e.g. start: {self.at_most}, "
                f"at_most: {max(12, self.start)}"
            )
        return self

    @property
    def seeds(self) -> list[int]:
        """Every seed there may be."""
        return list(range(1, self.at_most + 1))


_LIST: TypeAdapter[list[int]] = TypeAdapter(OneOrMore[Seed])


def read_seeds(given: Any, handler: ValidatorFunctionWrapHandler) -> list[int] | UntilDecided:
    """Read keys and values as a rule, everything else as a list: so errors are of the one that was meant."""
    del handler  # of the union, which would say what is wrong by both
    if isinstance(given, UntilDecided):
        return given
    return UntilDecided.model_validate(given) if isinstance(given, Mapping) else _LIST.validate_python(given)


ModelSeeds = Annotated[OneOrMore[Seed] | UntilDecided, WrapValidator(read_seeds)]
