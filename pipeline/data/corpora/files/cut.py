"""One file for all splits, divided into test, dev and train."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read, parts_of
from pipeline.data.schema import SHARED
from pipeline.data.splits import TooFewGroups, divide

SHARES = {"test": 0.2, "dev": 0.1}  # where the spec says none


def cut(spec: Mapping[str, Any], task: str, whole: Read) -> dict[str, Read]:
    """Divide the rows of one file into test, dev and train; what was dropped or mended in the file is train's.

    Raises:
        UserError: the shares leave nothing to train on, or rows that stay together are fewer groups than parts.
    """
    given, total = spec.get("cut") or {}, whole.table.num_rows
    shares = {name: float(given.get(name, usual)) for name, usual in SHARES.items()}

    def choose(rows: int, **told: Any) -> list[NDArray[np.int64]]:
        sizes = {name: max(1, round(rows * share)) for name, share in shares.items() if share}
        if rows <= sum(sizes.values()):
            what = ", ".join(f"{n} for {name}" for name, n in sizes.items())
            raise UserError(
                f"cut: {spec['language']}: {rows} row{'s' if rows != 1 else ''} cannot give {what} and some to train on; "
                "expected smaller shares, or more rows"
            )
        return divide(list(sizes.values()), rows, int(given.get("seed", 0)), **told)

    own, named = f"files-{spec['language']}-all-", (spec.get("columns") or {}).get("id")
    prefix = own if not named and whole.table["id"][0].as_py().startswith(own) else "files-all-"
    names = [*(name for name, share in shares.items() if share), "train"]
    try:
        parts = parts_of(whole, task, choose, prefix, given.get("stratify", True))
    except TooFewGroups:
        raise UserError(_too_few_groups(task, total, names, bool(whole.groups))) from None
    read = {name: whole.take(part) for name, part in zip(names, parts, strict=True)}
    read["train"] = replace(read["train"], dropped=whole.dropped, repaired=whole.repaired)
    return read


def far_from_asked(spec: Mapping[str, Any], parts: Mapping[str, Read]) -> list[str]:
    """Say which parts have less than half, or more than one and a half times, of the rows that the config asks for."""
    sizes, given = {name: part.table.num_rows for name, part in parts.items()}, spec.get("cut") or {}
    asked = {
        name: float(given.get(name, usual)) * sum(sizes.values()) for name, usual in SHARES.items() if name in parts
    }
    return [
        f"cut: {name} has {sizes[name]:,} rows where {rows:,.0f} were asked for: rows that belong together stay together"
        for name, rows in asked.items()
        if rows >= 2 and not 0.5 <= sizes[name] / rows <= 1.5
    ]


def _too_few_groups(task: str, rows: int, names: Sequence[str], grouped: bool) -> str:
    if grouped:
        what, other = "groups by columns.group", "name another column, or none"
    else:
        what = f"{SHARED[task]}s; rows of one {SHARED[task]} stay together, so that test knows nothing of train"
        other = "name a file for each split, or say which rows stay together: columns: {group: NAME}"
    parts = ", ".join(names)
    return (
        f"cut: the {rows} rows have fewer than {len(names)} {what}; expected one at least for each of {parts}; {other}"
    )
