"""A grid of hyper-parameters is checked like single values, and each of its points is an ordinary run."""

import pytest

from pipeline.config.load import parse
from pipeline.config.methods import METHODS
from pipeline.config.points import described_points
from pipeline.grid.survey import survey
from tests.configs import changed, errors, grid

RATES = "tune: {training.learning_rate: [1e-2, 1e-3, 1e-4]}"
ONLY = ("experiments.few.methods=[target_only, tuned]", "experiments.few.targets=[nearish]", "tables=")


def tuned(entry: str, *more: str):
    """The runs of a tuned variant on one target with two seeds, and of the baseline."""
    return grid(f"methods.tuned={{method: joint, {entry}}}", *ONLY, *more)


def shown(runs) -> list[tuple]:
    """What tells the joint runs apart, and who uses them."""
    return [
        (run.spec["model_seed"], run.spec["method"]["batches"], run.spec["training"]["learning_rate"], run.uses)
        for run in runs.runs.values()
        if run.spec["method"]["name"] == "joint"
    ]


def test_every_point_is_a_run_of_the_variant():
    use = (("few", "tuned"),)
    assert shown(tuned(RATES)) == [(seed, "balanced", rate, use) for rate in (0.01, 0.001, 0.0001) for seed in (1, 2)]


def test_several_keys_are_a_product_with_the_last_varying_fastest():
    runs = tuned("tune: {batches: [concatenated, balanced], training.learning_rate: [1e-2, 1e-4]}")
    assert [entry[1:3] for entry in shown(runs) if entry[0] == 1] == [
        ("concatenated", 0.01),
        ("concatenated", 0.0001),
        ("balanced", 0.01),
        ("balanced", 0.0001),
    ]


def test_the_grid_is_in_no_run_s_id():
    fixed = grid(
        "methods.tuned={method: joint, training: {learning_rate: 1e-4}}",
        "methods.other={method: joint, training: {learning_rate: 1e-2}}",
        *ONLY,
        "experiments.few.methods=[target_only, tuned, other, joint]",
    )
    by_mean = tuned(f"{RATES}, tune_by: mean")
    assert set(tuned(RATES).runs) == set(by_mean.runs) == set(fixed.runs)  # the config's own rate is 1e-3
    text = str([run.spec for run in by_mean.runs.values()])
    assert "tune" not in text


def test_a_point_that_another_variant_asks_for_is_the_same_run():
    both = tuned(RATES, "experiments.few.methods=[tuned, joint]")
    shared = [entry for entry in shown(both) if len(entry[3]) == 2]
    assert shared == [(seed, "balanced", 0.001, (("few", "tuned"), ("few", "joint"))) for seed in (1, 2)]
    assert len(shown(both)) == 6


def test_a_registered_method_may_be_tuned_under_its_own_name():
    runs = grid("methods.joint={tune: {batches: [balanced, concatenated]}}", "tables=")
    uses = {
        run.spec["method"]["batches"]: run.uses for run in runs.runs.values() if run.spec["method"]["name"] == "joint"
    }
    assert uses == {"balanced": (("few", "joint"),), "concatenated": (("few", "joint"), ("few", "joint-cat"))}


def test_sizes_and_points_are_one_grid():
    runs = tuned(RATES, "experiments.few.source_size=[100, 500]")
    assert len(shown(runs)) == 3 * 2 * 2  # points × sizes × seeds
    child = grid(f"methods.tuned={{method: fine_tune, {RATES}}}", *ONLY)
    parents = {run.parent for run in child.runs.values() if run.parent}
    assert len(parents) == 2  # one a seed, whatever the child's learning rate
    assert len([run for run in child.runs.values() if run.parent]) == 6


def test_spelling_changes_no_run():
    assert set(tuned("tune: {training.learning_rate: ['0.01', 1.0e-3, 1e-4]}").runs) == set(tuned(RATES).runs)
    assert len(tuned("tune: {training.learning_rate: 1e-4}").runs) == 4  # one value is a grid of one


def test_a_survey_sees_every_point(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = survey(tuned(RATES))
    assert list(found.runs.values()) == ["missing"] * 8


def test_tables_are_told_the_points_by_values_alone():
    settings = parse(
        changed(
            "methods.tuned={method: joint, tune: {batches: [balanced], training.patience: [null, 3]}, tune_by: mean}"
        )
    )
    assert described_points(settings.methods["tuned"]) == [
        {
            "shown": {"batches": "balanced", "training.patience": "null"},
            "settings": {"method": {"batches": "balanced"}, "training": {"patience": None}},
        },
        {
            "shown": {"batches": "balanced", "training.patience": "3"},
            "settings": {"method": {"batches": "balanced"}, "training": {"patience": 3}},
        },
    ]
    rows = grid(
        "methods.tuned={method: joint, tune: {batches: [balanced, concatenated]}}",
        "experiments.few.methods=[joint, tuned]",
        "tables.few.baseline=joint",
    ).tables["few"]["methods"]
    assert rows[0] == {"name": "joint", "method": "joint", "label": "joint"}
    assert rows[1]["tune"]["by"] == "target"
    assert [point["shown"] for point in rows[1]["tune"]["points"]] == [
        {"batches": "balanced"},
        {"batches": "concatenated"},
    ]


def test_what_follows_from_a_tuned_key_is_part_of_the_point():
    """MetaXL's `variant` sets `residual` and more: they set the points apart too, so they must not split the row."""
    grid_of = parse(changed("methods.tuned={method: metaxl, tune: {variant: [paper, released]}}")).methods["tuned"]
    paper, released = described_points(grid_of)
    assert (paper["shown"], released["shown"]) == ({"variant": "paper"}, {"variant": "released"})
    runs = [METHODS["metaxl"](variant=variant).hyper_parameters() for variant in ("paper", "released")]
    differing = {key for key in runs[0] if runs[0][key] != runs[1][key]}
    assert len(differing) > 1
    assert paper["settings"] == {"method": {key: runs[0][key] for key in differing}}
    assert released["settings"] == {"method": {key: runs[1][key] for key in differing}}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("tune: {batchez: [balanced]}", "tune.batchez: unknown hyper-parameter; did you mean 'batches'?"),
        (
            "tune: {training.learningrate: [1]}",
            "tune.training.learningrate: unknown hyper-parameter; did you mean 'training.learning_rate'?",
        ),
        ("tune: {training: {epochs: [1]}}", "tune.training: unknown hyper-parameter; write training.<key>: [values]"),
        ("tune: {method: [joint]}", "tune.method: unknown hyper-parameter"),
        ("tune: {batches: []}", "tune.batches: List must have at least 1 item after validation, not 0"),
        ("tune: [balanced]", "tune: expected keys and values, got ['balanced']"),
        ("tune: {batches: [balanced, mixed]}", "tune.batches[1]: expected 'balanced' or 'concatenated', got 'mixed'"),
        ("tune: {batches: [balanced, balanced]}", "tune.batches[1]: balanced stands there twice"),
        ("tune: {training.epochs: [2, 1.5]}", "tune.training.epochs[1]: expected a whole number, got 1.5"),
        ("tune: {training.epochs: [0]}", "tune.training.epochs[0]: must be greater than or equal to 1, got 0"),
        (
            "tune: {training.learning_rate: [1e-3, 0.001]}",
            "tune.training.learning_rate[1]: 0.001 stands there twice",
        ),
        (
            "batches: balanced, tune: {batches: [balanced, concatenated]}",
            "tune.batches: batches is set to one value in the same entry too; leave one of the two out",
        ),
        (
            "training: {epochs: 3}, tune: {training.epochs: [3, 4]}",
            "tune.training.epochs: training.epochs is set to one value in the same entry too; leave one of the two out",
        ),
        (
            "tune: {training.select: [best, last]}",
            "tune.training.select: points are chosen by the dev score of the best epoch, so select cannot be tuned",
        ),
        ("tune_by: mean", "tune_by: changes nothing without a grid under tune"),
        ("tune_by: test", "tune_by: expected 'target' or 'mean', got 'test'"),
    ],
)
def test_a_wrong_grid_is_refused_at_its_key(entry, message):
    lines = errors(f"methods.tuned={{method: joint, {entry}}}")
    assert len(lines) == 1 and lines[0].startswith(f"methods.tuned.{message}"), lines


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["methods.tuned={method: zero_shot, tune: {training.max_length: [64, 128]}}"],
            "methods.tuned.tune: zero_shot chooses no epoch by dev data, so it has no dev score by which a point could be chosen",
        ),
        (
            ["methods.source_only={tune: {training.epochs: [3, 4]}}"],
            "methods.source_only.tune: source_only is the parent of other methods and stands in no table",
        ),
        (
            [f"methods.tuned={{method: joint, {RATES}}}", *ONLY, "training.select=last"],
            "experiments.few.methods[1]: tuned is tuned by dev scores, and with select: last there are none; "
            "set training.select to best",
        ),
        (
            ["methods.tuned={method: few_shot, tune: {training.epochs: [1, 2]}}", *ONLY],
            "experiments.few.methods[1]: tuned is tuned by dev scores, and trains on the dev split, so there are none; in "
            "methods.tuned set split: train, and set training: {select: best}",
        ),
        (
            ["methods.tuned={method: few_shot, training: {select: best}, tune: {split: [train, dev]}}", *ONLY],
            "experiments.few.methods[1]: tuned is tuned by dev scores, and trains on the dev split, so there are none; in "
            "methods.tuned take dev out of tune.split, and set training: {select: best}",
        ),
        (
            ["methods.tuned={method: joint, tune: {training.max_length: [100, 300]}}", *ONLY],
            "experiments.few.encoder: 'small' takes 256 word pieces, and tuned has max_length 300",
        ),
        (
            ["tables.few={experiments: few, columns: average, average: no}"],
            "tables.few.average: columns: average shows nothing but the average; leave average out",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused_before_any_job(overrides, message):
    lines = errors(*overrides)
    assert len(lines) == 1 and lines[0].startswith(message), lines


def test_all_wrong_values_of_a_grid_come_at_once():
    lines = errors("methods.tuned={method: joint, tune: {batchez: [1], batches: [a, b], training.warmup: [2]}}")
    assert [line.partition(": ")[0] for line in lines] == [
        "methods.tuned.tune.batchez",
        "methods.tuned.tune.batches[0]",
        "methods.tuned.tune.batches[1]",
        "methods.tuned.tune.training.warmup[0]",
    ]
