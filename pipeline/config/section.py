"""What all sections of the config share."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of the config: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
