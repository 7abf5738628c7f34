"""What jobs ask for: GPU slots where there are GPUs, memory and time by their size, more of both at each attempt."""

import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.memory import METHODS, again
from pipeline.common.errors import UserError
from pipeline.common.files import write_json
from pipeline.common.gpus import SLOTS, VISIBLE
from pipeline.config.load import parse
from pipeline.config.methods import METHODS as KINDS
from pipeline.grid.inputs import Encoder
from pipeline.grid.resources import Needs, gpu_slots, share_devices
from pipeline.grid.runs import Grid, expand
from pipeline.grid.sizes import USUAL, Sizes, sizes_of
from tests.rules.house import CONFIG, ROOT

RECORDS = ROOT / "benchmarks/records"
MOST = 2.6
"""Times what was used, asked for at most."""


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SLOTS, raising=False)
    monkeypatch.setenv(VISIBLE, "")


# ------------------------------------------------------------------------------------------------------------ GPU slots


@pytest.mark.parametrize(("visible", "slots"), [("", 0), ("-1", 0), ("0", 1), ("2,3", 1)])
def test_gpu_slots_follow_the_visible_devices(monkeypatch: pytest.MonkeyPatch, visible: str, slots: int) -> None:
    monkeypatch.setenv(VISIBLE, visible)
    assert gpu_slots() == slots


@pytest.mark.parametrize(
    ("given", "handed", "slots"),
    [
        ({"gpu": 8, "gpu_slots_per_device": 4}, "4", 8),
        ({"gpu_slots_per_device": 4}, "4", 8),  # two devices
        ({"gpu": 3}, None, 3),
        ({"mem_mb": 64_000}, None, 2),
        ({"gpu": SimpleNamespace(value=1), "gpu_slots_per_device": SimpleNamespace(value="3")}, "3", 1),
        ({"gpu": SimpleNamespace(value=None), "gpu_slots_per_device": SimpleNamespace(value=None)}, None, 2),
    ],
)
def test_jobs_are_told_how_many_share_a_device(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], handed: str | None, slots: int
) -> None:
    monkeypatch.setenv(VISIBLE, "0,1")
    monkeypatch.setenv(SLOTS, "1")  # so that it is put back
    monkeypatch.delenv(SLOTS)
    resources = dict(given)
    share_devices(resources)
    assert os.environ.get(SLOTS) == handed
    assert getattr(resources["gpu"], "value", resources["gpu"]) == slots


def test_where_there_is_no_gpu_no_slot_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    resources: dict[str, Any] = {"mem_mb": 64_000}
    share_devices(resources)
    assert resources == {"mem_mb": 64_000}


@pytest.mark.parametrize("given", [0, "many", 1.5, -2])
def test_a_number_of_slots_that_is_none_is_refused(given: object) -> None:
    with pytest.raises(UserError, match=r"--resources gpu_slots_per_device: .*expected how many runs share a device"):
        share_devices({"gpu": 1, "gpu_slots_per_device": given})


# ------------------------------------------------------------------------------------------------------ memory and time


@pytest.mark.parametrize("name", ["memory-tiny.json", "memory-e5.json"])
def test_what_was_measured_is_asked_for_and_not_much_more(name: str) -> None:
    """What the benchmark's jobs used when it ran: of a change in what is asked for, this is the judge."""
    record = json.loads((RECORDS / name).read_text())
    found = again(record)
    assert found == record, "python -m benchmarks.memory --again FILE --json FILE"
    assert len(found["jobs"]) > 5
    for job in found["jobs"]:
        assert 1.1 * job["used_mb"] <= job["asked_mb"] <= MOST * job["used_mb"], job
        assert job["seconds"] / 60 <= job["asked_min"], job


def test_every_method_is_measured_or_has_the_usual_demands() -> None:
    measured = {METHODS[name].get("method", name) for name in METHODS}
    own = {name for name, kind in KINDS.items() if {"held", "copies", "passes"} & vars(kind).keys()}
    assert own <= measured | {"source_only", "reptile_fine_tune"}


def wildcards(**given: str) -> SimpleNamespace:
    return SimpleNamespace(**given)


@pytest.fixture
def grid() -> Grid:
    return expand(parse(CONFIG))


def test_a_job_asks_for_more_at_each_attempt(grid: Grid) -> None:
    needs, run, encoder = Needs(grid), next(iter(grid.runs)), next(iter(grid.encoders))
    of_run, of_encoder = wildcards(run=run), wildcards(encoder=encoder)
    for ask, of in (
        (needs.run_mem_mb, of_run),
        (needs.run_runtime, of_run),
        (needs.represent_runtime, of_run),
        (needs.encoder_mem_mb, of_encoder),
        (needs.encoder_runtime, of_encoder),
    ):
        assert [ask(of, attempt) for attempt in (2, 3)] == [2 * ask(of, 1), 3 * ask(of, 1)]


def asks(overwritten: Any = None, encoder: Any = None, **training: Any) -> tuple[int, int]:
    """The MB and minutes that a run of XLM-R's base, or of another encoder, asks for with these training settings."""
    base = {"from": "folder", "folder": "that/is/not/there"}
    config = {**CONFIG, "encoders": {"tiny": encoder or base}, "training": {**CONFIG["training"], **training}}
    made = expand(parse(config))
    needs, of = Needs(made, overwritten), wildcards(run=next(iter(made.runs)))
    return needs.run_mem_mb(of, 1), needs.run_runtime(of, 1)


def test_larger_batches_longer_inputs_and_larger_encoders_ask_for_more_memory() -> None:
    memory = [asks(batch_size=4, max_length=length)[0] for length in (64, 512)]
    memory += [asks(batch_size=16, max_length=512)[0]]
    assert asks(encoder=CONFIG["encoders"]["tiny"])[0] < memory[0] < memory[1] < memory[2]


def test_the_usual_encoder_s_runs_ask_for_what_machines_have() -> None:
    assert 8_000 < asks(batch_size=16, max_length=128)[0] < 16_000
    assert 4_000 < asks({"train_run": {"gpu": 1}}, batch_size=16, max_length=128)[0] < 14_000


def test_batches_in_parts_ask_for_less_memory_where_activations_are_most_of_it() -> None:
    whole, parts = (asks(batch_size=64, max_length=512, **more) for more in ({}, {"micro_batch": 4}))
    assert parts[0] < whole[0] / 2 and parts[1] == whole[1]
    assert asks(batch_size=4, max_length=64, micro_batch=4)[0] > asks(batch_size=4, max_length=64)[0], (
        "sums of gradients"
    )


def test_more_epochs_ask_for_more_time_and_no_more_memory() -> None:
    (few, soon), (same, late) = asks(epochs=1), asks(epochs=50)
    assert few == same and soon < late


def test_on_a_gpu_the_machine_s_memory_holds_no_activations_and_time_is_the_gpu_s() -> None:
    """The machine that plans has none: it is the profile that sends jobs to GPUs."""
    here, there = (
        asks({"train_run": {"gpu": gpu}}, batch_size=64, max_length=256, epochs=50)
        for gpu in (0, SimpleNamespace(value=1))
    )
    assert there[0] < here[0] and 5 * there[1] < here[1]


def test_an_encoder_s_sizes_come_from_the_config_its_folder_or_what_it_is_made_from(tmp_path: Path) -> None:
    named = Encoder(
        "small-1", "small", {"layers": 2, "hidden_size": 8, "intermediate_size": 32, "heads": 4, "vocabulary_size": 90}
    )
    extended = Encoder("more-1", "more", {"from": "extend", "base": "small-1", "pieces": 10})
    mine = Encoder("mine-1", "mine", {"from": "folder"}, folder=str(tmp_path / "mine"))
    known = {e.key: e for e in (named, extended, mine)}
    assert sizes_of(named, tmp_path, known) == Sizes(2, 8, 32, 4, 90)
    assert sizes_of(extended, tmp_path / "more-1", known) == Sizes(2, 8, 32, 4, 100)
    assert sizes_of(mine, tmp_path / "mine-1", known) is None
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.json").write_text("[]")  # of which the stage tells
    assert sizes_of(mine, tmp_path / "mine-1", known) is None
    write_json(tmp_path / "mine/config.json", vars(Sizes(3, 4, 5, 2, 6)))
    assert sizes_of(mine, tmp_path / "mine-1", known) == Sizes(3, 4, 5, 2, 6)


def test_an_encoder_that_is_not_there_yet_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = expand(parse({**CONFIG, "encoders": {"tiny": {"from": "folder", "folder": "mine"}}}))
    needs, of = Needs(made), wildcards(run=next(iter(made.runs)))
    before = needs.run_mem_mb(of, 1)
    (tmp_path / "mine").mkdir()
    write_json(tmp_path / "mine/config.json", vars(replace(USUAL, num_hidden_layers=48)))
    assert needs.run_mem_mb(of, 1) > 1.5 * before


def test_runs_that_differ_in_their_seeds_are_computed_once(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    made = expand(
        parse({**CONFIG, "experiments": {"few": {**CONFIG["experiments"]["few"], "model_seeds": [1, 2, 3, 4]}}})
    )
    needs = Needs(made)
    for run in made.runs:
        needs.run_mem_mb(wildcards(run=run), 1)
    assert len(made.runs) == 12 and len(needs._alike) == 3
