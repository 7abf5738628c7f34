"""A slot of a GPU for each process under a lock, emptiest device first; the variable of a cluster is obeyed."""

import os
import platform
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import pytest

from pipeline.common.errors import UserError
from pipeline.common.gpus import SLOTS, STAND_INS, VISIBLE
from pipeline.training import devices

HOLD = "import sys, time; from pathlib import Path; from pipeline.training.devices import take_gpu\n"
HOLD += "take_gpu(Path(sys.argv[1]), 0.05); time.sleep(60)"


@pytest.fixture(autouse=True)
def free(monkeypatch):
    for variable in (VISIBLE, SLOTS, "SLURM_JOB_ID"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(STAND_INS, "0,1")
    monkeypatch.setattr(devices, "_held", [])
    yield
    for lock in devices._held:
        lock.release()


def take(folder, monkeypatch, gpus="0,1", slots=1):
    """Another slot, as another process would take it; `None` where it would wait."""
    monkeypatch.setenv(STAND_INS, gpus)
    monkeypatch.setenv(SLOTS, str(slots))
    monkeypatch.delenv(VISIBLE, raising=False)
    try:
        return devices.take_gpu(folder, poll=-1)  # which sleep refuses
    except ValueError:
        return None


def held_by_another(folder, gpus="0", slots="1"):
    """A process that has taken a slot; `stdout` has told which."""
    environment = {**os.environ, STAND_INS: gpus, SLOTS: slots}
    environment.pop(VISIBLE, None)
    command = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline().startswith("GPU ")
    return process


def test_no_gpu_takes_none(tmp_path, monkeypatch):
    monkeypatch.setenv(STAND_INS, "")
    assert devices.take_gpu(tmp_path) is None
    assert VISIBLE not in os.environ and not list(tmp_path.iterdir())


def test_one_device_that_is_named_is_obeyed(tmp_path, monkeypatch):
    for named in ("3", "-1", "", "GPU-8932f937"):
        monkeypatch.setenv(VISIBLE, named)
        assert devices.take_gpu(tmp_path) is None
        assert os.environ[VISIBLE] == named and not list(tmp_path.iterdir())


def test_of_several_that_are_named_one_is_taken(tmp_path, monkeypatch):
    taken = []
    for _ in range(2):
        monkeypatch.setenv(VISIBLE, "3, 5,5,-1,7")  # CUDA reads them up to the first that is none
        taken.append(devices.take_gpu(tmp_path).gpu)
        assert os.environ[VISIBLE] == taken[-1]
    assert sorted(taken) == ["3", "5"]


def test_a_device_that_is_named_is_shared_where_slots_are(tmp_path, monkeypatch):
    monkeypatch.setenv(SLOTS, "2")
    taken = set()
    for _ in range(2):
        monkeypatch.setenv(VISIBLE, "MIG-GPU-8932f937/1/0")
        taken.add(devices.take_gpu(tmp_path).number)
    assert taken == {0, 1} and os.environ[VISIBLE] == "MIG-GPU-8932f937/1/0"


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_the_emptiest_device_comes_first_and_no_slot_is_taken_twice(tmp_path, monkeypatch, slots):
    taken = []
    for number in range(3 * slots):
        taken.append(take(tmp_path, monkeypatch, "0,1,2", slots))
        had = Counter(slot.gpu for slot in taken)
        assert max(had.values()) - min(had[gpu] for gpu in "012") <= 1
        assert os.environ[VISIBLE] == taken[number].gpu
    assert len(set(taken)) == 3 * slots
    assert take(tmp_path, monkeypatch, "0,1,2", slots) is None


def test_a_slot_that_is_left_is_the_next_one_taken(tmp_path, monkeypatch):
    taken = [take(tmp_path, monkeypatch, slots=2) for _ in range(4)]
    devices._held[2].release()
    assert take(tmp_path, monkeypatch, slots=2) == taken[2]


def test_devices_that_are_shared_otherwise_are_left_alone(tmp_path, monkeypatch):
    assert take(tmp_path, monkeypatch, slots=4).gpu == "0"
    assert [take(tmp_path, monkeypatch).gpu, take(tmp_path, monkeypatch)] == ["1", None]
    assert take(tmp_path, monkeypatch, slots=4).gpu == "0"
    assert take(tmp_path, monkeypatch, slots=3) is None


def test_allocations_of_slurm_do_not_wait_for_each_other(tmp_path, monkeypatch):
    for job in ("17", "18"):  # both see their own two devices as 0 and 1
        monkeypatch.setenv("SLURM_JOB_ID", job)
        assert {take(tmp_path, monkeypatch).gpu, take(tmp_path, monkeypatch).gpu} == {"0", "1"}
        assert take(tmp_path, monkeypatch) is None


@pytest.mark.parametrize("slots", ["1", "2"])
def test_a_lock_ends_with_its_process_and_waiting_ends_with_it(tmp_path, monkeypatch, capsys, slots):
    others = [held_by_another(tmp_path, slots=slots) for _ in range(int(slots))]
    try:
        assert take(tmp_path, monkeypatch, "0", int(slots)) is None
        assert "waiting for a free slot of GPU 0" in capsys.readouterr().err
        others[0].kill()
        assert devices.take_gpu(tmp_path, poll=0.05) == devices.Slot("0", 0, int(slots))
        assert take(tmp_path, monkeypatch, "0", int(slots)) is None
    finally:
        for process in others:
            process.kill()
            process.communicate()


def test_two_that_start_at_once_have_two_slots(tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != VISIBLE} | {SLOTS: "2"}
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(4)]
    try:
        said = sorted(process.stdout.readline().strip() for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert said == [f"GPU {gpu}, slot {number} of 2" for gpu in "01" for number in (1, 2)]


@pytest.mark.parametrize("given", ["0", "-1", "two", "1.5", "", "65", "²"])
def test_a_number_of_slots_that_is_none_is_refused(tmp_path, monkeypatch, given):
    monkeypatch.setenv(SLOTS, given)
    with pytest.raises(UserError, match=f"{SLOTS}: .*a whole number from 1 to 64"):
        devices.take_gpu(tmp_path)


def test_a_folder_that_takes_no_locks_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="set TMPDIR to a folder on a local disk"):
        devices.take_gpu(tmp_path / "file")


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of 80 GiB; what its processes are allowed of it."""
    allowed = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda device: SimpleNamespace(total_memory=80 * 2**30))
    monkeypatch.setattr("torch.cuda.set_per_process_memory_fraction", allowed.append)
    return allowed


def test_each_slot_has_its_share_of_the_memory(monkeypatch, gpu):
    assert devices.model_device().type == "cuda" and gpu == []
    monkeypatch.setenv(SLOTS, "4")
    assert devices.model_device().type == "cuda"
    (share,) = gpu
    assert 4 * (share * 80 * 2**30 + devices.CONTEXT) == pytest.approx(80 * 2**30)
    assert 0.24 < share < 0.25


def test_more_slots_than_a_device_has_memory_for_are_refused(monkeypatch, gpu):
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda device: SimpleNamespace(total_memory=4 * 2**30))
    monkeypatch.setenv(SLOTS, "7")
    with pytest.raises(UserError, match="expected at most 6"):
        devices.model_device()
    monkeypatch.setenv(SLOTS, "6")
    devices.model_device()
    assert len(gpu) == 1


def test_without_a_gpu_models_run_on_the_cpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv(SLOTS, "4")
    assert devices.model_device().type == "cpu"


@pytest.mark.parametrize(("supported", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_precision(monkeypatch, supported, expected):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: supported)
    assert devices.resolve_precision("auto", "cuda", float32=False) == expected
    assert devices.resolve_precision("auto", "cpu", float32=False) == "float32"
    assert devices.resolve_precision("bfloat16", "cpu", float32=False) == "bfloat16"


def test_a_method_that_needs_float32_has_it_unless_told_otherwise(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: True)
    assert devices.resolve_precision("auto", "cuda", float32=True) == "float32"
    assert devices.resolve_precision("bfloat16", "cuda", float32=True) == "bfloat16"


KEEPING = """
import sys, torch
from pathlib import Path
from pipeline.training.devices import keep_freed_memory
def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) // 1024
if sys.argv[1] == "keep":
    keep_freed_memory()
def step():
    return [torch.empty(2**24).fill_(1) for _ in range(3)]
before = resident()
for rounds in (10, 20):
    for _ in range(rounds):
        step()
    print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc hands memory back this way")
def test_freed_memory_is_kept_and_reused():
    """Three blocks of 64 MB taken again and again: kept, they stay resident and soon no more are added; else they go back."""
    command = [sys.executable, "-c", KEEPING]
    (kept, later), (given_back, _) = (
        map(int, subprocess.run([*command, mode], check=True, capture_output=True, text=True).stdout.split())
        for mode in ("keep", "give back")
    )
    assert kept > 150 and later < 1.1 * kept
    assert given_back < 75
