"""What training settings must agree on with tasks and grids is said with the path of the key to change, one mistake once."""

import pytest

from pipeline.config.load import parse
from pipeline.config.points import described_points
from tests.configs import changed, errors, grid

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
        ("training.trim: [yes, no]", "points are chosen by their dev scores, and this changes none"),
    ],
)
def test_what_dev_scores_cannot_choose_is_not_tuned(grid, message):
    (said,) = errors(f"methods.joint={{tune: {{{grid}}}}}")
    assert said.startswith(f"methods.joint.tune.{grid.partition(':')[0]}: {message}")


def test_points_of_a_grid_of_lengths_are_tested_alike():
    tuned = "methods.joint={tune: {training.max_length: [64, 128]}}"
    assert parse(changed(tuned, "training.test_max_length=256"))
    (said,) = errors(tuned, "training.test_max_length=128")
    assert said == (
        "training.test_max_length: 128 is a value of joint's grid of training.max_length too; at 128 the point would be the same "
        "run as without test_max_length, so it would belong to two grids; set another length, or take that value out of the grid"
    )
    alone = ("methods=", "tables=", "experiments.few.methods=[joint]")
    once, without = (
        grid(*alone, "training.max_length=128", *more).runs for more in (("training.test_max_length=128",), ())
    )
    assert once.keys() == without.keys()


TUNED = "tune: {training.learning_rate: [1e-3, 1e-2]}"
ON_DEV = (
    "experiments.few.methods[5]: few_shot is tuned by dev scores, and trains on the dev split, so there are none; in "
    "methods.few_shot set split: train, and set training: {select: best}"
)


@pytest.mark.parametrize("more", [(), ("training.select=best",), ("methods.few_shot.training.select=best",)])
def test_what_tunes_few_shot_is_said_however_it_is_asked_for(more):
    assert errors(f"methods.few_shot={{{TUNED}}}", *more) == [ON_DEV]


def test_what_is_said_of_a_grid_without_dev_scores_works():
    last = "is tuned by dev scores, and with select: last there are none; set"
    on_train = f"methods.few_shot={{{TUNED}, split: train}}"
    assert errors(on_train) == [f"experiments.few.methods[5]: few_shot {last} methods.few_shot.training.select to best"]
    assert parse(changed(on_train, "methods.few_shot.training.select=best"))
    joint = (f"methods.joint={{{TUNED}}}", "experiments.few.training.select=last")
    assert errors(*joint) == [f"experiments.few.methods[1]: joint {last} experiments.few.training.select to best"]
    assert parse(changed(*joint, "experiments.few.training.select=best"))


def test_the_parents_length_is_one_that_the_encoder_takes():
    (said,) = errors("methods.source_only.training.max_length=300")
    assert said == "experiments.few.encoder: 'small' takes 256 word pieces, and source_only has max_length 300"


ONLY = ("experiments.few.methods=[joint, adapted]", "experiments.few.targets=[nearish]", "tables=")


def adapters(entry: str, *more: str) -> dict:
    """What `lora` is in the runs of two variants of one method, by variant."""
    runs = grid(f"methods.adapted={{method: joint, {entry}}}", *ONLY, *more).runs.values()
    return {use[1]: run.spec["training"].get("lora") for run in runs for use in run.uses}


def test_lora_is_in_the_runs_of_those_alone_that_have_it():
    default = {"rank": 8, "alpha": 8.0, "targets": None}
    assert adapters("training: {lora: {}}") == {"joint": None, "adapted": default}
    assert adapters("training: {lora: null}") == {"joint": None, "adapted": None}
    assert adapters("training: {lora: {alpha: 8, targets: query}}")["adapted"] == default | {"targets": ["query"]}
    above = adapters("training: {lora: {rank: 4}}", "training.lora={alpha: 32}")
    assert above == {"joint": default | {"alpha": 32.0}, "adapted": default | {"rank": 4, "alpha": 32.0}}
    assert adapters("training: {lora: null}", "training.lora={}") == {"joint": default, "adapted": None}


def test_keys_of_lora_are_tuned():
    runs = grid("methods.adapted={method: joint, tune: {training.lora.rank: [2, 4]}}", *ONLY).runs.values()
    assert [run.spec["training"]["lora"]["rank"] for run in runs if "lora" in run.spec["training"]] == [2, 2, 4, 4]
    (point, _) = described_points(
        parse(changed("methods.a={method: joint, tune: {training.lora.rank: [2, 4]}}")).methods["a"]
    )
    assert point == {"shown": {"training.lora.rank": "2"}, "settings": {"training": {"lora.rank": 2}}}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("training: {lora: 8}", "training.lora: expected keys and values, got 8"),
        ("training: {lora: {rnk: 8}}", "training.lora.rnk: unknown key; did you mean 'rank'?"),
        ("training: {lora: {targets: [query, query]}}", "training.lora.targets: 'query' stands there twice"),
        (
            "training: {lora: {targets: a b}}",
            "training.lora.targets: expected the end of a layer's name, as query or attention.output.dense, or all-linear; got "
            "'a b'",
        ),
        (
            "training: {lora: {targets: [all-linear, query]}}",
            "training.lora.targets: all-linear is every linear layer; leave the others out",
        ),
        (
            "training: {lora: {targets: qury}}",
            "training.lora: target 'qury' ends in no linear layer of encoder 'small'; did you mean 'query'?",
        ),
        (
            "tune: {training.lora.rank: [2, 192]}",
            "tune.training.lora.rank: rank 192 is no low rank: the layers of encoder 'small' are 192 wide; set less",
        ),
        (
            "tune: {training.lora: [4]}",
            "tune.training.lora: unknown hyper-parameter; write training.lora.<key>: [values]",
        ),
        (
            "training: {lora: {rank: 4}}, tune: {training.lora.rank: [2, 4]}",
            "tune.training.lora.rank: training.lora.rank is set to one value in the same entry too; leave one of the two out",
        ),
    ],
)
def test_adapters_that_cannot_be(entry, said):
    assert errors(f"methods.adapted={{method: joint, {entry}}}", *ONLY) == [f"methods.adapted.{said}"]


def test_what_trains_nothing_has_no_adapters():
    (said,) = errors("methods.zero_shot={training: {lora: {}}}")
    assert said.startswith("methods.zero_shot.training.lora: zero_shot does not use it, so this changes nothing")


@pytest.mark.parametrize("path", ["training", "experiments.few.training", "methods.joint.training"])
def test_questions_have_no_classes_to_weigh(path):
    (said,) = errors("datasets.babel.task=qa", "tables=", f"{path}={{class_weights: balanced}}")
    assert said.startswith(
        f"{path}.class_weights: qa has no classes to weigh, and experiment 'few' is of dataset 'babel'"
    )
    plain, weighed = (
        grid("tables=", "methods=", "experiments.few.methods=[joint]", *more).runs
        for more in (("training.class_weights=null",), (f"{path}={{class_weights: balanced}}",))
    )
    assert plain.keys() == grid("tables=", "methods=", "experiments.few.methods=[joint]").runs.keys()
    assert plain.keys().isdisjoint(weighed)
    (tuned,) = errors(
        "datasets.babel.task=qa", "tables=", "methods.joint={tune: {training.class_weights: [null, balanced]}}"
    )
    assert tuned.startswith("methods.joint.tune.training.class_weights: qa has no classes to weigh")


def test_keys_of_memory_are_in_the_runs_of_those_alone_that_have_them():
    """So the ids of all other runs are what they were."""

    def given(*more):
        runs = grid("methods.adapted={method: joint, training: {epochs: 7}}", *ONLY, *more).runs.values()
        return [
            {
                key: value
                for key, value in run.spec["training"].items()
                if key in ("micro_batch", "activation_checkpointing")
            }
            for run in runs
        ]

    assert given() == given("training.micro_batch=null", "training.activation_checkpointing=no") == [{}] * 4
    assert given("training.micro_batch=4") == [{"micro_batch": 4}] * 4
    one = given("methods.joint.training={activation_checkpointing: yes, micro_batch: 2}")
    assert sorted(one, key=len) == [{}] * 2 + [{"micro_batch": 2, "activation_checkpointing": True}] * 2
    assert errors("training.micro_batch=0") == ["training.micro_batch: must be greater than or equal to 1, got 0"]


@pytest.mark.parametrize("kind", ["metaxl", "x_maml", "xla_maml"])
def test_layers_are_passed_again_only_for_losses_at_theta(kind):
    entry = f"methods={{other: {{method: {kind}}}}}"
    few = ("experiments.few.methods=[joint, other]", "experiments.few.targets=[nearish]", "tables=")
    few += () if kind == "metaxl" else ("experiments.few.auxiliaries=[farrish]",)
    (said,) = errors(entry, *few, "training.activation_checkpointing=yes")
    assert said.startswith(
        f"training.activation_checkpointing: {kind} looks at losses at other weights than the model's"
    )
    assert said.endswith("set training.micro_batch, and activation_checkpointing: no in methods.other.training")
    mended = f"methods={{other: {{method: {kind}, training: {{activation_checkpointing: no}}}}}}"
    assert parse(changed(mended, *few, "training.activation_checkpointing=yes"))


def test_the_fast_way_is_not_taken_in_parts():
    few = ("experiments.few.methods=[joint, other]", "tables=", "training.micro_batch=4")
    (said,) = errors("methods={other: {method: metaxl, way: fast}}", *few)
    assert said == (
        "training.micro_batch: other has way: fast, which keeps the graphs of a whole batch however it is divided; set way: "
        "lean, or auto"
    )
    assert parse(changed("methods={other: {method: metaxl, way: lean}}", *few))
