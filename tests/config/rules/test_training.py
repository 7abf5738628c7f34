"""What training settings must agree on with tasks and grids is said with the path of the key to change, one mistake once."""

import pytest

from pipeline.config.load import parse
from tests.configs import changed, errors

WRONG = "unknown metric 'entity_f1_lenent' of dataset 'babel' (task 'ner'); did you mean 'entity_f1_lenient'?"
SENTIMENT = (
    "datasets.reviews={loader: babel, task: sentiment, sizes: {train: 1000}}",
    "experiments.other={dataset: reviews, encoder: small, methods: [target_only], targets: [nearish]}",
)


@pytest.mark.parametrize(
    "path",
    ["training", "experiments.few.training", "methods.joint.training", "methods.source_only.training"],
)
def test_an_unknown_metric_is_said_once_where_it_is_set(path):
    assert errors(f"{path}={{select_metric: entity_f1_lenent}}") == [f"{path}.select_metric: {WRONG}"]
    assert parse(changed(f"{path}={{select_metric: entity_f1_lenient}}"))


def test_a_metric_of_another_task_is_set_where_that_task_is():
    said = errors("training.select_metric=accuracy", *SENTIMENT)
    assert said == [
        "training.select_metric: unknown metric 'accuracy' of dataset 'babel' (task 'ner'), though one of another dataset: set "
        "it in the experiments of that one"
    ]
    assert parse(changed(*SENTIMENT, "experiments.other.training={select_metric: accuracy}"))


def test_methods_that_choose_no_epoch_do_not_use_a_metric():
    (said,) = errors("methods.zero_shot={training: {select_metric: entity_f1_lenient}}")
    assert said.startswith(
        "methods.zero_shot.training.select_metric: zero_shot does not use it, so this changes nothing"
    )
    (said,) = errors("methods.source_only={training: {test_max_length: 100}}")
    assert said.startswith("methods.source_only.training.test_max_length: source_only does not use it")


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            "training.select_metric: [entity_f1_strict, entity_f1_lenient]",
            "points are compared by their dev scores, which",
        ),
        (
            "training.test_max_length: [100, 200]",
            "points are chosen by their dev scores, and this changes test scores alone",
        ),
    ],
)
def test_what_dev_scores_cannot_choose_is_not_tuned(grid, message):
    (said,) = errors(f"methods.joint={{tune: {{{grid}}}}}")
    assert said.startswith(f"methods.joint.tune.{grid.partition(':')[0]}: {message}")


def test_points_of_a_grid_of_lengths_are_tested_alike():
    tuned = "methods.joint={tune: {training.max_length: [64, 128]}}"
    assert parse(changed(tuned, "training.test_max_length=256"))
    (said,) = errors(tuned, "training.test_max_length=128")
    assert said.startswith("training.test_max_length: 128 is a value of joint's grid of training.max_length too")
