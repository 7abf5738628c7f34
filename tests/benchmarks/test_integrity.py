"""What checks cost at a run's start is measured on the tiny run; that it is a small share is measured by hand."""

import time

from benchmarks.integrity import measure
from pipeline.common import paths
from pipeline.training.run import train_run
from tests import tiny


def test_hashing_is_a_part_of_a_start_that_trains_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    spec = tiny.spec("joint", training={"epochs": 1})
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    before = paths.predictions(name).stat().st_mtime_ns
    found = measure(name, time.monotonic())
    splits = sum(path.stat().st_size for path in (tmp_path / paths.data_dir(tiny.DATASET, "")).glob("*/*.parquet"))
    assert 0 < found["hashing"] < found["start"] and found["share"] < 1
    assert found["bytes"] > splits / 2
    assert paths.predictions(name).stat().st_mtime_ns == before
