"""What sections must agree on is checked before any job, and said with the path of the key to change."""

import pytest

from pipeline import config
from tests.configs import changed, errors


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["experiments.few.sources=[nearish]"],
            "few.sources[0]: 'nearish' is a target too; a language cannot be its own source",
        ),
        (["experiments.few.sources=[[hubbish, farrish]]"], "few.sources[0]: 'farrish' is a target too"),
        (
            ["experiments.few.sources=[]"],
            "few.methods[1]: joint needs source languages, and the experiment's sources are empty",
        ),
        (["experiments.few.sources=[]"], "few.methods[4]: zero_shot needs source languages"),
        (
            ["experiments.few.dev_size=0"],
            "few.methods[0]: target_only needs dev data to choose the best epoch, and dev_size is 0",
        ),
        (["experiments.few.dev_size=0"], "few.methods[4]: zero_shot starts from source_only, which needs dev data"),
        (["experiments.few.dev_size=0"], "few.methods[5]: few_shot trains on the dev split, and dev_size is 0"),
        (
            ["methods.few_shot.training.select=best"],
            "few.methods[5]: few_shot trains on the dev split, so dev data cannot choose",
        ),
        (["experiments.few.methods=[joint, joint]"], "few.methods[1]: 'joint' stands there twice"),
        (["experiments.few.targets=[nearish, nearish]"], "few.targets[1]: 'nearish' stands there twice"),
        (["experiments.few.model_seeds=[3, 3]"], "few.model_seeds[1]: 3 stands there twice"),
        (["experiments.few.data_seeds=[3, 3]"], "few.data_seeds[1]: 3 stands there twice"),
        (["experiments.few.source_size=[all, all]"], "few.source_size[1]: 'all' stands there twice"),
        (
            ["experiments.few.sources=[[hubbish, middish], [middish, hubbish]]"],
            "few.sources[1]: 'hubbish+middish' stands there twice",
        ),
        (
            ["experiments.few.methods=[source_only]"],
            "few.methods[0]: source_only is trained where a method needs it as parent",
        ),
        (
            ["experiments.few.target_size=1001"],
            "few.target_size: 1001 examples, and 'babel' has 1000 per language (sizes.train)",
        ),
        (["training.max_length=300"], "few.encoder: 'small' takes 256 word pieces, and target_only has max_length 300"),
        (
            ["methods.joint={method: fine_tune}"],
            "methods.joint.method: 'joint' is a method itself, so it cannot be a variant",
        ),
        (
            ["methods.mine={method: source_only}"],
            "methods.mine: source_only has no variants: it is the parent of other methods",
        ),
        (
            ["methods.zero_shot.training.epochs=3"],
            "methods.zero_shot.training.epochs: zero_shot does not train, so this changes",
        ),
        (["encoders.small.heads=5"], "encoders.small.hidden_size: 192 is not a multiple of heads, 5"),
        (
            ["encoders.small.text=[{dataset: wikiann, languages: all}]"],
            "encoders.small.text[0].languages: 'all' is known for loader babel only; list the languages",
        ),
        (
            ["encoders.small.text=[{dataset: babel, languages: all}, {dataset: babel, languages: [hubbish]}]"],
            "encoders.small.text[1]: 'babel' stands there twice",
        ),
        (
            ["encoders.small.text=[{dataset: babel, languages: []}]"],
            "encoders.small.text[0].languages: expected at least one",
        ),
        (
            ["datasets.wikiann.test=dev"],
            "datasets.wikiann.test: the dev set cannot be the test set and choose the epoch too",
        ),
        (["datasets.wikiann.mirror="], "datasets.wikiann.mirror: is required by source 'mirror' and missing"),
        (["datasets.wikiann.sources=[hub]"], "datasets.wikiann.hub: is required by source 'hub' and missing"),
        (["datasets.wikiann.sources=folder"], "datasets.wikiann.folder: is required by source 'folder' and missing"),
        (["datasets.wikiann.sources=[mirror, mirror]"], "datasets.wikiann.sources[1]: 'mirror' stands there twice"),
        (["tables.few.experiments=[few, few]"], "tables.few.experiments[1]: 'few' stands there twice"),
    ],
)
def test_rules_between_sections(overrides, message):
    lines = errors(*overrides)
    assert any(line.removeprefix("experiments.").startswith(message) for line in lines), lines


def test_a_dataset_without_dev_in_a_language_needs_another_choice_of_epoch():
    wikiann = [
        "datasets.wikiann.expected={qu: {dev: 0}}",
        "experiments.few.dataset=wikiann",
        "experiments.few.encoder=mbert",
        "experiments.few.sources=[en]",
        "experiments.few.targets=[qu]",
        "experiments.few.methods=[joint, zero_shot]",
        "tables=",
    ]
    assert errors(*wikiann) == [
        "experiments.few.methods[0]: joint needs dev data to choose the best epoch, and dataset 'wikiann' has none in qu; "
        "set select: last"
    ]
    config.parse(changed(*wikiann, "experiments.few.training.select=last"))
    config.parse(changed(*wikiann, "datasets.wikiann.dev={from: train}"))


def test_without_dev_data_the_last_epoch_will_do():
    settings = config.parse(
        changed(
            "experiments.few.dev_size=0", "training.select=last", "experiments.few.methods=[target_only, fine_tune]"
        )
    )
    assert settings.experiments["few"].dev_size == 0


def test_the_dev_set_may_test_when_dev_is_cut_from_train():
    config.parse(changed("datasets.wikiann.test=dev", "datasets.wikiann.dev={from: train, fraction: 0.2}"))


def test_all_errors_come_at_once_and_follow_up_errors_do_not():
    lines = errors(
        "training.epochz=1",
        "datasets.babel.seed=-1",  # the experiment's dataset is broken, not unknown
        "experiments.other={dataset: nowhere, encoder: small, methods: [jiont], targets: [qu]}",
        "tables.few.metric=f1",
    )
    assert [line.partition(":")[0] for line in lines] == [
        "datasets.babel.seed",
        "training.epochz",
        "experiments.other.dataset",
        "experiments.other.methods[0]",
        "tables.few.metric",
    ]
