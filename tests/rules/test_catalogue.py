"""`workflow/Snakefile`, where the workflow catalogue's tools look, plans what `Snakefile` plans."""

import re
import subprocess
import sys

import pytest

from tests.rules.house import ROOT


def planned(snakefile: str, config: str, folder: str) -> dict[str, int]:
    """Dry-run a config: by rule, the number of jobs; the targets apart."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / snakefile), "--directory", folder]
    command += ["--profile", str(ROOT / "profiles/default"), "--configfile", str(ROOT / config), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    stats = done.stdout.partition("Job stats:")[2].partition("\n\n")[0]
    counts = {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", stats, re.MULTILINE)}
    return {rule: n for rule, n in counts.items() if rule not in ("all", "default", "total")}


@pytest.mark.workflow
@pytest.mark.parametrize("config", ["config/config.yaml", "config/demo-mgl.yaml"])
def test_both_snakefiles_plan_the_same(tmp_path, config):
    jobs = planned("workflow/Snakefile", config, str(tmp_path))
    assert jobs["table"] > 1
    assert jobs == planned("Snakefile", config, str(tmp_path))


def test_it_only_includes_the_other():
    text = (ROOT / "workflow/Snakefile").read_text()
    assert re.findall(r"^include: (.*)$", text, re.MULTILINE) == ['"../Snakefile"']
    assert re.findall(r"^rule (\w+):", text, re.MULTILINE) == ["default"]
