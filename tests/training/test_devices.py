"""One GPU a process under a lock; the variable of a cluster is obeyed."""

import os
import platform
import subprocess
import sys

import pytest
from filelock import FileLock, Timeout

from pipeline.training import devices


@pytest.fixture(autouse=True)
def free(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "_held", [])
    yield
    for lock in devices._held:
        lock.release()


def test_no_gpu_takes_none(tmp_path):
    assert devices.take_gpu(tmp_path, gpus=[]) is None
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_a_set_variable_is_obeyed(tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert devices.take_gpu(tmp_path, gpus=["0", "1"]) == "3"
    assert not list(tmp_path.iterdir())


def test_the_first_free_gpu_is_taken(tmp_path, monkeypatch):
    with FileLock(tmp_path / "metalingua-gpu-0.lock"):
        assert devices.take_gpu(tmp_path, gpus=["0", "1"]) == "1"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_a_lock_ends_with_its_process_and_waiting_ends_with_it(tmp_path):
    hold = "import sys, time; from pathlib import Path; from pipeline.training.devices import take_gpu\n"
    hold += "take_gpu(Path(sys.argv[1]), ['0']); print('held', flush=True); time.sleep(60)"
    environment = {k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    command = [sys.executable, "-c", hold, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Timeout):
            FileLock(tmp_path / "metalingua-gpu-0.lock").acquire(timeout=0)
        process.kill()
        assert devices.take_gpu(tmp_path, gpus=["0"], poll=0.05) == "0"


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
