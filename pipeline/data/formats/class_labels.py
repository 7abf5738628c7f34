"""Names of numbered classes, as `datasets` leaves them in the schema of the Parquet files that it writes.

The schema's metadata have a key `huggingface`, JSON: `{"info": {"features": {column: feature}}}`. A feature with `names` is a
`ClassLabel`, number 0 being the first name and -1 no class; one of lists holds that of its elements under `feature`, in older
files as a list of one.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.common.errors import UserError

MOST = 50  # names in a message


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Return by column the names of its classes; columns of other kinds, and what is no such metadata, have none."""
    raw = (metadata or {}).get(b"huggingface")
    try:
        features = json.loads(raw)["info"]["features"] if raw else {}
        found = {str(column): _names(feature) for column, feature in features.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {column: names for column, names in found.items() if names}


def _names(feature: Any) -> list[str]:
    """Return the names of a feature's classes, or of its elements'."""
    if isinstance(feature, list):
        return _names(feature[0]) if feature else []
    if not isinstance(feature, Mapping):
        return []
    names = feature.get("names")
    return [str(name) for name in names] if isinstance(names, list) else _names(feature.get("feature"))


def named(value: Any, names: Sequence[str], where: str) -> Any:
    """Return the name of a class that is a number or its spelling, in lists of each; other values stay, `None` for -1.

    Raises:
        UserError: there is no class of that number.
    """
    if isinstance(value, list):
        return [named(one, names, where) for one in value]
    number = int(value) if isinstance(value, str) and value.removeprefix("-").isdecimal() else value
    if not isinstance(number, int) or isinstance(number, bool) or str(value) in names:
        return value
    if number == -1:
        return None
    if not 0 <= number < len(names):
        raise UserError(
            f"{where}: class {number}, and the file's schema names classes 0 to {len(names) - 1}: {', '.join(names[:MOST])}"
        )
    return names[number]
