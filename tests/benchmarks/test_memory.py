"""The benchmark of memory on one tiny run; its records are compared with what jobs ask for in tests/grid/test_resources.py."""

from pathlib import Path

import pytest

from benchmarks.memory import METHODS, config_of, stages, used, write_texts
from pipeline.common.files import canonical_json
from pipeline.config.load import parse
from pipeline.grid.runs import expand
from tests import tiny


@pytest.mark.parametrize("encoder", [None, Path("a/folder")])
def test_every_kind_of_method_is_a_job_after_what_it_reads(tmp_path: Path, encoder: Path | None) -> None:
    grid = expand(parse(config_of(tmp_path, encoder, tuple(METHODS))))
    jobs = [name for rule, name, _, _ in stages(grid)]
    assert len(jobs) == len(grid.encoders) + len(grid.runs) and len(set(jobs)) == len(jobs)
    assert {use[1] for run in grid.runs.values() for use in run.uses} == set(METHODS)
    for run in grid.runs.values():
        assert all(jobs.index(parent) < jobs.index(run.name) for parent in run.parents)


def test_texts_are_longer_than_what_is_read(tmp_path: Path) -> None:
    write_texts(tmp_path, 30)
    head, *rows = (tmp_path / "de/test.csv").read_text().splitlines()
    assert head == "text,label" and {row.rpartition(",")[2] for row in rows} == {"negative", "positive"}
    assert all(len(row.split()) == 30 for row in rows)


def test_a_process_s_peak_and_seconds_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    spec = tiny.spec("target_only", training={"epochs": 1})
    peak, seconds = used(["train", "--run", tiny.name_of(spec), "--spec", canonical_json(spec)])
    assert 200 < peak < 2000 and seconds > 0
    with pytest.raises(RuntimeError, match="--spec"):
        used(["train", "--run", "none", "--spec", "{}"])
