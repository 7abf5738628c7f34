"""What all sections of the config share."""

from collections.abc import Mapping
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer, model_validator

from pipeline.config.values import read_null


class Section(BaseModel):
    """A mapping of the config: unknown keys are refused, values never change.

    Attributes:
        later: keys that came after the section's first release. At their default they do what was done before there was such
            a key, so they are left out of what is dumped, and of the identity of runs and datasets.
    """

    later: ClassVar[tuple[str, ...]] = ()
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

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out keys of `later` that say nothing."""
        dumped: dict[str, Any] = serialise(self)
        silent = {
            key
            for key in self.later
            if getattr(self, key) == type(self).model_fields[key].get_default(call_default_factory=True)
        }
        return {key: value for key, value in dumped.items() if key not in silent}
