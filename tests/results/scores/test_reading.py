"""How often stages open the files of runs: a prediction file once, outcomes as often as there is something to find in them."""

import ctypes
import json
import os
import struct
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.common import paths
from pipeline.results.scores import outcomes
from pipeline.stages import collect, table
from pipeline.stages.score import score
from tests.results.world import expected, finish, right, runs_file, spec_of, table_spec

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify counts what C++ opens too")

IN_OPEN, IN_CLOSE, HEAD = 0x20, 0x18, struct.Struct("iIII")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def runs_of(*seeds):
    methods = (("target_only", ()), ("joint", ("en",)))
    return [
        finish(expected(spec_of(method, target, seed, sources=sources)), right(2 + seed))
        for seed in seeds
        for target in ("qu", "jv")
        for method, sources in methods
    ]


def opened(folders: list[Path], act: Callable[[], object]) -> dict[str, Counter[str]]:
    """Do something, and return by file name how often that file of each folder was opened, by whatever of this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    notified = libc.inotify_init1(os.O_NONBLOCK)
    events = IN_OPEN | IN_CLOSE  # two openings without a closing between them would be told as one
    watches = {libc.inotify_add_watch(notified, os.fsencode(folder), events): folder.name for folder in folders}
    assert len(watches) == len(folders) and min(watches) >= 0
    found: dict[str, Counter[str]] = {}
    try:
        act()
        while True:
            try:
                data = os.read(notified, 1 << 16)
            except BlockingIOError:
                return found
            at = 0
            while at < len(data):
                watch, event, _, length = HEAD.unpack_from(data, at)
                name = data[at + HEAD.size : at + HEAD.size + length].rstrip(b"\0").decode()
                if event & IN_OPEN:
                    found.setdefault(name, Counter())[watches[watch]] += 1
                at += HEAD.size + length
    finally:
        os.close(notified)


def test_every_opening_is_counted(tmp_path):
    file = tmp_path / "file"
    file.touch()
    assert opened([tmp_path], lambda: [file.read_bytes() for _ in range(3)])["file"][tmp_path.name] == 3


def test_no_stage_reads_a_prediction_file_twice(monkeypatch):
    runs = runs_of(1, 2, 3)
    folders = [paths.run_dir(run.name) for run in runs]
    once = dict.fromkeys((run.name for run in runs), 1)
    found = opened(folders, lambda: score(runs, 1))
    assert found["predictions.parquet"] == once, "hashed and scored as they were read"

    found = opened(folders, lambda: score(runs, 1))
    assert (found["predictions.parquet"], found["scores.parquet"]) == (once, once), "nothing is new"

    file = runs_file(runs)
    found = opened(folders, lambda: collect.collect(file))
    assert found["predictions.parquet"] == once, "are they what the runs wrote?"
    assert set(found["scores.parquet"].values()) == {2}, "are they current? then, what do they hold?"

    monkeypatch.setattr("sys.argv", ["table", "--name", "toy", "--spec", json.dumps(table_spec())])
    found = opened(folders, table.main)
    assert "predictions.parquet" not in found
    assert set(found["scores.parquet"].values()) == {1}


def test_of_new_runs_alone_the_predictions_are_scored(monkeypatch):
    score(runs_of(1), 1)
    scored: list[str] = []
    real = outcomes.SCORERS["ner"]
    monkeypatch.setitem(outcomes.SCORERS, "ner", lambda read, where: scored.append(where) or real(read, where))
    runs = [*runs_of(1), *runs_of(2)]
    score(runs, 1)
    assert scored == [str(paths.predictions(run.name)) for run in runs[4:]]


def test_a_score_reads_the_columns_that_it_is_made_of(monkeypatch):
    asked: list[tuple[str, tuple[str, ...] | None]] = []
    real = outcomes.read_parquet

    def read(path, schema, columns=None, **more):
        asked.append((Path(path).name, None if columns is None else tuple(columns)))
        return real(path, schema, columns, **more)

    monkeypatch.setattr(outcomes, "read_parquet", read)
    runs = runs_of(1)[:1]
    score(runs, 1)
    collect.collect(runs_file(runs))
    keys = ("lang", "split", "id")
    assert asked == [
        ("predictions.parquet", (*keys, "gold", "predicted")),
        ("scores.parquet", ("lang", "split", "scheme", "type", "tp", "fp", "fn")),
    ]
