"""Languages whose names hide them from the rules that scores go by."""

from collections.abc import Iterable

from pipeline.common.languages import looks_like

OF_THE_LANGUAGE = ("answer_f1", "exact_match")
"""Scores that go by rules of the language: MLQA's."""


def misnamed(metric: str, languages: Iterable[str]) -> list[str]:
    """Say which languages seem to be some that MLQA's rule knows, but are not called by a code of theirs, a sentence each.

    Args:
        metric: what the table shows.
        languages: those of its columns.
    """
    if metric not in OF_THE_LANGUAGE:
        return []
    meant = {name: code for name in languages if (code := looks_like(name))}
    return [
        f"Answers in {name} are scored as of a language that MLQA's rule does not know; if it is {code}, call it {code} "
        f"(in own files: languages: {{{code}: {name}}})."
        for name, code in meant.items()
    ]
