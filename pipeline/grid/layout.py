"""Papers' tables as they are printed: rows and columns in order, and which table of a config each cell comes from.

One file for each paper, `published/tables/<paper>.yaml`, about the config `config/papers/<paper>.yaml`. Nothing in it is part of
any run: it arranges what the config's tables hold, beside the numbers of `published/scores.csv`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.common.errors import UserError, nearest
from pipeline.common.paths import workflow_folder
from pipeline.config.reading import Places, dotted, read_file
from pipeline.config.values import Language, Name, OneOrMore, Several

AVERAGE = "average"
"""A cell's language, or its dataset, where it is the mean over them."""

SHOWN = ("ours", "published", "difference")
"""What a cell can show."""


class Part(BaseModel):
    """What is known of a cell; a row's, its column's and the table's parts together name it whole.

    Attributes:
        view: the table of the config whose cell it is.
        method: the row of that table.
        settings: what sets the row apart from others of the method (`source_size: 10000`).
        language: the column: a target, or `average`.
        dataset: the column's dataset, or `average`, where columns are by dataset.
        published: columns of `published/scores.csv` with the values of its line; `target` is the language where it is left out.
        over: languages that ours is averaged over where the paper averages over more: the published mean is taken over these.
        not_run: why there is no result of ours.
        note: what is to be known of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: Name | None = None
    method: Name | None = None
    settings: dict[str, str | int | float] = {}
    language: Language | None = None
    dataset: Name | None = None
    published: dict[str, str] = {}
    over: list[Language] = []
    not_run: str | None = None
    note: str | None = None

    @field_validator("published", mode="before")
    @classmethod
    def _texts(cls, given: Any) -> Any:
        """Numbers stand in the CSV as text."""
        return {key: str(value) for key, value in given.items()} if isinstance(given, Mapping) else given


class Gain(BaseModel):
    """A column of differences within the table: of one cell over another.

    Attributes:
        column, row: the cell that gains; without `row` that of the same row.
        over: the column of the cell it is compared with, of the same row; `column` where it is left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    row: str | None = None
    over: str | None = None


class PrintedColumn(Part):
    """A column: its head, line by line, and what its cells have in common.

    Attributes:
        head: what stands above it; neighbours that share the first lines stand under one head.
        name: what gains call it; its head, joined by blanks, where it is left out.
        part: which of a row's `parts` it takes.
        text: it shows the rows' `texts` of this name, and no scores.
        gain: it shows differences.
    """

    head: OneOrMore[str]
    name: str | None = None
    part: str | None = None
    text: str | None = None
    gain: Gain | None = None

    @property
    def called(self) -> str:
        """Its name."""
        return self.name or " ".join(self.head)


class PrintedRow(Part):
    """A row: what stands before it, or a heading across the table.

    Attributes:
        labels: its texts, one for each of the table's `stub`.
        heading: instead of all else: a line across the table.
        name: what gains call it.
        parts: what columns with this `part` have of their own in this row.
        texts: by name, for columns of texts.
    """

    labels: Several[str] = []
    heading: str | None = None
    name: str | None = None
    parts: dict[str, Part] = {}
    texts: dict[str, str] = {}


class PrintedTable(BaseModel):
    """A table of a paper.

    Attributes:
        title: what it shows.
        stub: heads of the texts before the rows.
        common: what all cells have in common.
        columns: in order; a bare name is a target language.
        rows: in order.
        notes: what is to be known of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    stub: OneOrMore[str]
    common: Part = Part()
    columns: list[PrintedColumn] = Field(min_length=1)
    rows: list[PrintedRow] = Field(min_length=1)
    notes: list[str] = []

    @field_validator("columns", mode="before")
    @classmethod
    def _bare(cls, given: Any) -> Any:
        """Let a language stand for the column of it."""
        if not isinstance(given, list):
            return given
        return [{"head": one, "language": one} if isinstance(one, str) else one for one in given]


class PrintedFigure(BaseModel):
    """A figure of a paper: one of the config's, or an analysis' picture of a pair of languages.

    Attributes:
        title: what it shows.
        figure: a name under `figures` of the config.
        analysis: a name under `analyses`.
        pair: source and target, of an analysis.
        says: what the paper says of it in numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    figure: Name | None = None
    analysis: Name | None = None
    pair: list[Language] = []
    says: str = ""

    @property
    def shown(self) -> str:
        """The figure or analysis of the config that it shows."""
        return str(self.figure or self.analysis)


class Paper(BaseModel):
    """A paper: its tables and figures by number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    tables: dict[str, PrintedTable]
    figures: dict[str, PrintedFigure] = {}

    @field_validator("tables", "figures", mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        """Numbers are names here."""
        return {str(key): value for key, value in given.items()} if isinstance(given, Mapping) else given


def published_folder() -> Path:
    """Where the papers' numbers and tables lie."""
    return workflow_folder() / "published"


def papers() -> list[str]:
    """Return the names of the papers whose tables are known here."""
    return sorted(path.stem for path in (published_folder() / "tables").glob("*.yaml"))


def config_file(paper: str) -> Path:
    """The config of a paper."""
    return workflow_folder() / "config/papers" / f"{paper}.yaml"


def read_paper(name: str) -> Paper:
    """Read and check the tables of a paper.

    Raises:
        UserError: no such paper, invalid YAML, or anything wrong in it, every error with file and line.
    """
    if name not in papers():
        raise UserError(f"{name!r} is no paper whose tables are known{nearest(name, papers())}")
    places: Places = {}
    problems: list[str] = []
    raw = read_file(published_folder() / "tables" / f"{name}.yaml", places, problems)
    raw.pop("parts", None)  # anchors
    try:
        paper = Paper.model_validate(raw)
    except ValidationError as error:
        problems += [_located(tuple(e["loc"]), e["msg"], places) for e in error.errors(include_url=False)]
    if problems:
        raise UserError("\n".join(problems))
    return paper


def _located(loc: tuple[str | int, ...], message: str, places: Places) -> str:
    place = next((places[loc[:n]] for n in range(len(loc), 0, -1) if loc[:n] in places), "")
    return f"{place}: {dotted(loc)}: {message}" if place else f"{dotted(loc)}: {message}"


def whole(table: PrintedTable, row: PrintedRow, column: PrintedColumn) -> Part:
    """Return a cell: the table's part, then the column's, the row's, and the row's for this column."""
    parts = [table.common, column, row, *([row.parts[column.part]] if column.part in row.parts else [])]
    values: dict[str, Any] = {}
    for part in parts:
        for key in Part.model_fields:
            value = getattr(part, key)
            if isinstance(value, dict):
                values[key] = {**values.get(key, {}), **value}
            elif value not in (None, []):
                values[key] = value
    return Part(**values)


def cells(table: PrintedTable) -> Iterator[tuple[PrintedRow, PrintedColumn, Part]]:
    """Yield the cells of a table that hold scores, row by row."""
    for row in table.rows:
        for column in table.columns:
            if row.heading is None and column.text is None and column.gain is None:
                yield row, column, whole(table, row, column)
