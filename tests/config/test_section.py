"""A key that came later changes no identity as long as it says nothing."""

from typing import ClassVar

import pytest
from pydantic import Field

from pipeline.config.section import Section


class _Columns(Section):
    later: ClassVar[tuple[str, ...]] = ("sentence",)
    text: str = "text"
    sentence: str | None = None


class _Files(Section):
    later: ClassVar[tuple[str, ...]] = ("quotes", "notes")
    columns: _Columns = _Columns()
    encoding: str = "utf-8"
    quotes: str = "auto"
    notes: list[str] = Field(default=[])


def test_at_their_defaults_later_keys_are_not_dumped_at_any_depth() -> None:
    before = {"columns": {"text": "text"}, "encoding": "utf-8"}
    assert _Files().model_dump() == before
    assert _Files(quotes="auto", columns=_Columns(sentence=None)).model_dump() == before


@pytest.mark.parametrize(
    ("given", "dumped"),
    [
        (_Files(quotes="none"), {"columns": {"text": "text"}, "encoding": "utf-8", "quotes": "none"}),
        (
            _Files(columns=_Columns(sentence="Sentence #")),
            {"columns": {"text": "text", "sentence": "Sentence #"}, "encoding": "utf-8"},
        ),
    ],
)
def test_what_they_say_is_dumped(given: _Files, dumped: dict[str, object]) -> None:
    assert given.model_dump() == dumped
    assert _Files.model_validate(dumped) == given
