"""Every example config plans what it says."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pipeline.config import load as config
from pipeline.grid import runs

ROOT = Path(__file__).parents[2]
EXAMPLES = [
    *sorted((ROOT / "config/examples").glob("*.yaml")),
    *sorted((ROOT / "config/papers").glob("*.yaml")),
    ROOT / "config/demo-metaxl.yaml",
]


@pytest.mark.workflow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_dry_runs(example: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)]
    command += ["--profile", str(ROOT / "profiles/default"), "--configfile", str(example), "--dry-run", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wikiann_example_is_the_grid_its_page_describes() -> None:
    grid = runs.expand(config.load([ROOT / "config/examples/wikiann.yaml"]))
    methods = Counter(run.spec["method"]["name"] for run in grid.runs.values())
    # 5 targets from English, 1 from Spanish, 3 seeds; the target alone once per target and seed
    assert methods == {
        "target_only": 15,
        "joint": 18,
        "fine_tune": 18,
        "zero_shot": 18,
        "few_shot": 18,
        "source_only": 6,
    }
    assert {size for run in grid.runs.values() for size in [run.spec["source_size"]]} == {None, 5000}


def test_the_hub_example_pins_both_commits() -> None:
    settings = config.load([ROOT / "config/examples/hub.yaml"])
    grid = runs.expand(settings)
    (dataset,), (encoder,) = grid.datasets.values(), grid.encoders.values()
    assert len(dataset.spec["hub"]["revision"]) == len(encoder.spec["revision"]) == 40
    assert {run.spec["method"]["name"] for run in grid.runs.values() if run.uses} == {
        "target_only",
        "joint",
        "zero_shot",
    }


def test_the_encoders_example_has_a_row_for_each_encoder() -> None:
    grid = runs.expand(config.load([ROOT / "config/examples/encoders.yaml"]))
    pinned = {e.name: (e.spec["repository"], len(e.spec["revision"])) for e in grid.encoders.values() if not e.folder}
    assert pinned == {
        "xlmr": ("FacebookAI/xlm-roberta-base", 40),
        "e5_small": ("intfloat/multilingual-e5-small", 40),
        "mdeberta": ("microsoft/mdeberta-v3-base", 40),
        "mmbert": ("jhu-clsp/mmBERT-base", 40),
        "eurobert": ("EuroBERT/EuroBERT-210m", 40),
    }
    assert {e.name: e.folder for e in grid.encoders.values() if e.folder} == {"glot500": "models/glot500"}
    tested = Counter(run.spec["encoder"] for run in grid.runs.values() if run.uses)
    assert set(tested) == set(grid.encoders) and len(set(tested.values())) == 1
