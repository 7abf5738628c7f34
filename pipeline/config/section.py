"""What all sections of the config share."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.config.values import read_null


class Section(BaseModel):
    """A mapping of the config: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _read_nulls(cls, given: Any) -> Any:
        """Where null may stand, so may its spellings: Snakemake's `--config` hands every value over as a string."""
        if not isinstance(given, Mapping):
            return given
        fields = cls.model_fields.items()
        nullable = {field.alias or name for name, field in fields if type(None) in get_args(field.annotation)}
        return {key: read_null(value) if key in nullable else value for key, value in given.items()}
