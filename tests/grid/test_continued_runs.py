"""Encoders trained on from another one in the grid: identity, edges, those made by target, what is refused."""

from types import SimpleNamespace

import pytest

from pipeline.common import paths
from pipeline.config.load import parse
from pipeline.grid.jobs import Jobs
from pipeline.grid.runs import expand
from tests.configs import changed, errors, grid

LISTED = (
    "encoders.far={from: pretrain, start: mbert, text: [{dataset: babel, languages: [nearish, farrish]}], steps: 50}"
)
TARGET = "encoders.far={from: pretrain, start: small, text: [{dataset: babel, languages: target}]}"
ALL = TARGET.replace("target}", "target, size: all}")
EXTENDED = "encoders.ext={from: extend, encoder: small, text: [{dataset: babel, languages: target}]}"
ON_EXTENDED = ALL.replace("small", "ext")
USED = "experiments.few.encoder=far"


def encoders_of(found):
    return {run.spec["encoder"] for run in found.runs.values()}


def test_what_a_trained_on_encoder_is_made_of():
    found = grid(LISTED, USED)
    (dataset,) = found.datasets
    (key,) = encoders_of(found)
    (start,) = found.encoders.keys() - {key}
    assert start.startswith("mbert-")
    assert found.encoders[key].spec == {
        "from": "pretrain",
        "start": start,
        "text": [{"dataset": dataset, "language": language} for language in ("farrish", "nearish")],
        "max_length": 128,
        "alpha": 0.5,
        "steps": 50,
        "batch_size": 32,
        "learning_rate": 5e-5,
        "weight_decay": 0.01,
        "warmup": 0.1,
        "mask": 0.15,
        "seed": 0,
    }


def test_encoders_pretrained_from_scratch_keep_their_keys():
    assert set(grid(LISTED).encoders) == {"small-3a826cbb"}
    assert grid(LISTED).runs == grid().runs


def test_another_start_is_another_encoder():
    once = grid(TARGET, USED)
    again = grid(TARGET, USED, "encoders.small.steps=1001")
    assert not encoders_of(once) & encoders_of(again)


def test_the_rule_reads_the_text_and_the_start():
    raw = changed(LISTED, USED)
    settings = parse(raw)
    jobs = Jobs(expand(settings), settings, raw)
    (dataset,) = jobs.grid.datasets
    (key,) = encoders_of(jobs.grid)
    start = jobs.grid.encoders[key].spec["start"]
    assert jobs.encoder_text(SimpleNamespace(encoder=key)) == [
        *(str(paths.split(dataset, language, "text")) for language in ("farrish", "nearish")),
        str(paths.encoder_manifest(start)),
    ]
    assert str(paths.encoder_manifest(start)) in jobs.prepared()


def test_each_target_has_its_own_and_all_start_from_one():
    found = grid(TARGET, USED, "experiments.few.target_size=[50, 100]")
    keys = encoders_of(found)
    assert len(keys) == 2 * 2  # targets × sizes
    assert {found.encoders[key].spec["start"] for key in keys} == {"small-3a826cbb"}
    assert len({key.partition("@")[0] for key in keys}) == 2, "tables count targets as one setting, sizes apart"
    assert len(encoders_of(grid(ALL, USED, "experiments.few.target_size=[50, 100]"))) == 2


def test_a_targets_extension_is_trained_on_for_that_target():
    found = grid(EXTENDED, ON_EXTENDED, USED)
    assert len(found.encoders) == 1 + 2 + 2
    for key in encoders_of(found):
        target = key.partition("@")[2].partition("-")[0]
        start = found.encoders[key].spec["start"]
        assert start.partition("@")[2].startswith(f"{target}-")
        assert [part["language"] for part in found.encoders[key].spec["text"]] == [target]
    assert len({key.partition("@")[0] for key in encoders_of(found)}) == 1
    listed = ON_EXTENDED.replace("target, size: all", "[nearish, middish]")
    assert len(encoders_of(grid(EXTENDED, listed, USED))) == 2, (
        "of an extension by target each is another one all the same"
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([LISTED.replace("mbert", "mbrt")], "encoders.far.start: unknown encoder 'mbrt'; did you mean 'mbert'?"),
        (
            [LISTED.replace("steps: 50", "layers: 3")],
            "encoders.far.layers: describes a new model, and this one is trained on from `start`, whose own it keeps; leave it "
            "out",
        ),
        ([LISTED.replace("steps", "stepps")], "encoders.far.stepps: unknown key; did you mean 'steps'?"),
        ([LISTED.replace("50", "0")], "encoders.far.steps: must be greater than or equal to 1, got 0"),
        (["encoders.small.strat=mbert"], "encoders.small.strat: unknown key; did you mean 'start'?"),
        (
            [LISTED.replace("mbert", "far")],
            "encoders.far.start: goes round in a circle: 'far' from 'far'; one must be from: hub or folder, or pretrained "
            "without `start`",
        ),
        (
            [ON_EXTENDED, EXTENDED.replace("small", "far")],
            "encoders.far.start: goes round in a circle: 'far' from 'ext' from 'far'; one must be from: hub or folder, or "
            "pretrained without `start`",
        ),
        (
            [EXTENDED, ON_EXTENDED, EXTENDED.replace("ext=", "more=").replace("small", "far")],
            "encoders.more.encoder: 'far' is made from 'ext', an extension, which cannot be extended once more",
        ),
        (
            [TARGET, "encoders.small.max_length=100", "training.max_length=90"],
            "encoders.far.max_length: 128 where it is not set, but 'small' takes at most 100 word pieces; set max_length "
            "to 100 or less",
        ),
        (
            [TARGET, USED, "training.max_length=300"],
            "experiments.few.encoder: 'far' takes 256 word pieces, and target_only has max_length 300",
        ),
        (
            [TARGET.replace("babel", "wikiann"), USED],
            "experiments.few.encoder: 'far' learns from the targets' text in 'wikiann', but the experiment's dataset is 'babel'; "
            "use a dataset's own encoder, or list languages instead of 'target'",
        ),
        (
            [LISTED.replace("]}", "]}, {dataset: babel, languages: [middish]}", 1)],
            "encoders.far.text[1]: 'babel' stands there twice",
        ),
        (
            [LISTED.replace("nearish", "nerish")],
            "encoders.far.text[0].languages: unknown language 'nerish'; did you mean 'nearish'?",
        ),
    ],
)
def test_refused(overrides, message):
    assert errors(*overrides) == [message]
