"""What the papers print: their numbers, and where these contradict each other."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.common.errors import UserError, nearest

Line = Mapping[str, str]
COLUMNS = (
    "paper",
    "table",
    "method",
    "encoder",
    "task",
    "dataset",
    "source",
    "n_source",
    "target",
    "metric",
    "value",
    "note",
)


@dataclass(frozen=True)
class Published:
    """The numbers of one paper's table.

    Attributes:
        lines: of `scores.csv`.
        contradictions: of `contradictions.csv`.
        citation: of the paper.
    """

    lines: Sequence[Line]
    contradictions: Sequence[Line]
    citation: Mapping[str, str]

    def find(self, wanted: Mapping[str, str]) -> Line | None:
        """Return the line whose columns have the values wanted; `None` where the paper prints none.

        Raises:
            UserError: no such column, or several lines.
        """
        for key in wanted:
            if key not in COLUMNS:
                raise UserError(f"published: no column {key!r} in scores.csv{nearest(key, COLUMNS)}")
        found = [line for line in self.lines if all(line[key] == value for key, value in wanted.items())]
        if len(found) > 1:
            apart = sorted(key for key in COLUMNS if len({line[key] for line in found}) > 1)
            raise UserError(f"published: {len(found)} numbers are {dict(wanted)}; say which by {', '.join(apart)}")
        return found[0] if found else None

    def mean(self, line: Line, languages: Sequence[str]) -> float | None:
        """Return the mean over some languages of the row that a printed average is of; `None` where one is not printed."""
        row = {key: value for key, value in line.items() if key not in ("target", "value")}
        values = [self.find({**row, "target": language}) for language in languages]
        numbers = [float(found["value"]) for found in values if found is not None]
        return sum(numbers) / len(numbers) if len(numbers) == len(languages) else None

    def contradiction(self, line: Line) -> str | None:
        """Return what contradicts a number in the same paper."""
        keys = ("method", "dataset", "source", "target", "metric")
        for told in self.contradictions:
            same = all(told[key] == line[key] for key in keys) and told["printed"] == line["value"]
            if same and told["setting"] in ("", line["note"]):
                return told["note"]
        return None


def read_published(folder: Path, paper: str, table: str) -> Published:
    """Read the numbers of one table.

    Args:
        folder: of `scores.csv`, `contradictions.csv` and `papers.yaml`.
        paper: the paper's name.
        table: the table's number.

    Raises:
        UserError: a file is missing, or not as it should be.
    """

    def lines(name: str) -> list[dict[str, str]]:
        path = folder / name
        if not path.is_file():
            raise UserError(
                f"{path}: no such file; expected the papers' numbers, which a clone and the package both have"
            )
        with open(path, encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        missing = [key for key in ("paper", "table") if found and key not in found[0]]
        if missing:
            raise UserError(f"{path}:1: no column {missing[0]!r}")
        return [line for line in found if (line["paper"], line["table"]) == (paper, table)]

    with open(folder / "papers.yaml", encoding="utf-8") as file:
        cited: dict[str, Any] = yaml.safe_load(file)
    return Published(lines("scores.csv"), lines("contradictions.csv"), cited[paper])
