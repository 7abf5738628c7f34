"""What `check` and `plan` say of a valid config that asks for a precision a method cannot do with."""

import pytest

from pipeline.commands.plan import report
from pipeline.commands.remarks import remarks
from pipeline.grid.survey import survey
from tests.configs import grid

PAPER = ("methods.mine={method: metaxl, variant: paper}", "experiments.few.methods=[joint, mine]", "tables=")
TOLD = "training.precision=bfloat16"


def test_an_explicit_bfloat16_is_remarked_on_where_it_spoils_the_gradient(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base = grid(*PAPER, TOLD)
    (said,) = remarks(base)
    assert said.startswith("precision: bfloat16 is what mine is told;") and "precision: auto takes float32" in said
    assert said in report(base, survey(base))


def test_a_config_without_experiments_is_remarked_on():
    (said,) = remarks(grid("experiments=", "tables="))
    assert said.startswith("no experiment is named, so nothing would run")


@pytest.mark.parametrize("overrides", [(), (TOLD, "training.optimizer=sgd"), (TOLD, "methods.mine.variant=released")])
def test_nothing_is_said_elsewhere(overrides):
    assert not list(remarks(grid(*PAPER, *overrides)))
