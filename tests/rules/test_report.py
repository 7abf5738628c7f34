"""Snakemake's own report of a finished workflow: what it shows, under which heading, with which words."""

import zipfile

import pytest

from tests.rules.house import House

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]  # one worker runs the workflow for all


def test_the_report_has_the_tables_with_their_captions(finished: House) -> None:
    finished.run("--report", "report.zip")
    with zipfile.ZipFile(finished.folder / "report.zip") as archive:
        names = archive.namelist()
        text = "\n".join(
            archive.read(name).decode(errors="replace") for name in names if name.endswith((".html", ".js"))
        )
    assert any(name.endswith("few.html") for name in names)
    assert "Tables" in text and "results/tables/few.tex" in text and "what the numbers can carry" in text
