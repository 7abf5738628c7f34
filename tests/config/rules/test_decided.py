"""Seeds that are added until comparisons are decided: what a config must say, and what it is told where it does not."""

import pytest

from pipeline.config.load import parse
from tests.configs import changed, errors

RULE = "experiments.few.model_seeds={start: 3, until: decided, at_most: 12, margin: 2.0}"
WHERE = "experiments.few.model_seeds"


def test_a_rule_is_read_also_from_strings_and_a_list_stays_a_list():
    found = parse(changed("experiments.few.model_seeds={until: decided, margin: '1.5', at_most: '9'}")).experiments[
        "few"
    ]
    assert found.until_decided is not None and found.until_decided.alpha == 0.05
    assert (found.first_seeds, found.all_seeds) == ([1, 2, 3], list(range(1, 10)))
    listed = parse(changed()).experiments["few"]
    assert listed.until_decided is None and listed.first_seeds == listed.all_seeds == listed.model_seeds == [1, 2]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{start: 3, until: decided}", ".margin: is required and missing: points of a score"),
        ("{start: 3, margin: 2}", ".until: is required and missing; expected until: decided, or a list of seeds"),
        ("{until: forever, margin: 2}", ".until: expected 'decided', got 'forever'"),
        ("{until: decided, margn: 2}", ".margn: unknown key; did you mean 'margin'?"),
        ("{start: 5, until: decided, at_most: 4, margin: 2}", ": at_most 4 is below start 5; expected start ≤ at_most"),
        ("{start: 1, until: decided, margin: 2}", ".start: must be greater than or equal to 2, got 1"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(rule, said):
    assert any(one.startswith(WHERE + said) for one in errors(f"experiments.few.model_seeds={rule}"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["tables.few.baseline="], "no table that shows 'few' has a baseline, so nothing would decide about its seeds; set "
         "tables.few.baseline: target_only, or list the seeds"),
        (["tables="], "no table shows 'few', so nothing would decide about its seeds; add one with a baseline"),
        (["tables.few.methods=[target_only]"], "no table compares a method of 'few' with its baseline; list another method"),
        (["methods.mean={method: ensemble, of: joint}", "experiments.few.methods=[target_only, joint, mean]"],
         "mean averages over seeds, and how many seeds there will be is not known; list them"),
    ],
)  # fmt: skip
def test_there_must_be_something_to_decide(changes, said):
    (line,) = errors(RULE, *changes)
    assert line.startswith(f"{WHERE}: {said}")


def test_experiments_of_one_table_add_seeds_by_one_rule():
    raw = changed(RULE, "tables.few.experiments=[few, more]")
    raw["experiments"]["more"] = raw["experiments"]["few"] | {"targets": ["middish"]}
    assert parse(raw)
    other = {**raw["experiments"]["few"]["model_seeds"], "margin": 3}
    raw["experiments"]["more"] = raw["experiments"]["more"] | {"model_seeds": other}
    with pytest.raises(Exception, match="'few' and 'more' add seeds by unlike rules"):
        parse(raw)
