"""Encoders extended by target in the grid of runs: which run has which, and what tables make of them."""

from types import SimpleNamespace

import pytest

from pipeline.common import paths
from pipeline.common.files import digest
from pipeline.config.load import parse
from pipeline.grid.inputs import Encoders, dataset_keys
from pipeline.grid.jobs import Jobs
from pipeline.grid.runs import expand, run_inputs
from pipeline.results.scores.collect import settings_of
from tests.configs import changed, errors, grid

ENCODER = "encoders.ext={from: extend, encoder: small, text: [{dataset: babel, languages: target}], pieces: 300}"
ALL = "encoders.ext={from: extend, encoder: small, text: [{dataset: babel, languages: target, size: all}]}"
LISTED = "encoders.ext={from: extend, encoder: small, text: [{dataset: babel, languages: [nearish, farrish]}]}"
USED = "experiments.few.encoder=ext"


def by_encoder(found):
    runs = {}
    for run in found.runs.values():
        runs.setdefault(run.spec["encoder"], []).append(run)
    return runs


def test_an_encoder_for_each_target_and_a_parent_for_each_encoder():
    extended = grid(ENCODER, USED)
    runs = by_encoder(extended)
    assert len(runs) == 2
    for key, its in runs.items():
        target = key.partition("@")[2].partition("-")[0]
        methods = [run.spec["method"]["name"] for run in its]
        assert {language for run in its for language in run.spec["targets"]} == {target}
        assert methods.count("source_only") == 2  # two seeds
        for run in its:
            if run.parent:
                assert extended.runs[run.parent].spec["encoder"] == key
    assert len(extended.runs) == 6 * 2 * 2 + 2 * 2
    assert set(extended.encoders) == {*runs, "small-3a826cbb"}  # the base is made too


def test_what_an_extended_encoder_is_made_of():
    extended = grid(ENCODER, USED)
    (dataset,) = extended.datasets
    key = next(key for key in extended.encoders if "@nearish" in key)
    spec = extended.encoders[key].spec
    text = {"dataset": dataset, "language": "nearish", "split": "train", "size": 50, "data_seed": 42}
    assert spec == {
        "from": "extend",
        "base": "small-3a826cbb",
        "text": [text],
        "pieces": 300,
        "min_frequency": 2,
        "initialise": "mean",
        "seed": 0,
    }
    assert key.startswith("ext.50-")
    assert key.endswith(f"@nearish-{digest(spec, 8)}")


def test_few_shot_subsets_are_the_encoders_too():
    sized = grid(ENCODER, USED, "experiments.few.target_size=[50, 100]", "experiments.few.data_seeds=[1, 2]")
    assert len(by_encoder(sized)) == 2 * 2 * 2  # targets × sizes × data seeds
    for run in sized.runs.values():
        (part,) = sized.encoders[run.spec["encoder"]].spec["text"]
        assert part["data_seed"] == run.spec["data_seed"]
        assert run.spec["target_size"] in (None, part["size"])
    zero = [run for run in sized.runs.values() if run.spec["method"]["name"] == "zero_shot"]
    assert {run.spec["target_size"] for run in zero} == {None}
    assert len(zero) == 2 * 2 * 2 * 2  # one for each encoder and model seed
    whole = grid(ENCODER, USED, "experiments.few.target_size=all", "experiments.few.data_seeds=[1, 2]")
    assert len(by_encoder(whole)) == 2  # all sentences are the same whatever the seed


def test_all_raw_text_makes_one_encoder_a_target():
    sized = grid(ALL, USED, "experiments.few.target_size=[50, 100]", "experiments.few.data_seeds=[1, 2]")
    assert len(by_encoder(sized)) == 2
    for key in by_encoder(sized):
        (part,) = sized.encoders[key].spec["text"]
        assert part.keys() == {"dataset", "language"}


def test_listed_languages_make_one_encoder():
    listed = grid(LISTED, USED)
    (key,) = by_encoder(listed)
    assert key.startswith("ext-")
    assert [part["language"] for part in listed.encoders[key].spec["text"]] == ["farrish", "nearish"]
    assert len(listed.parents) == 2


def test_other_encoders_and_their_runs_stay():
    assert grid(ENCODER).runs == grid().runs
    assert grid(ENCODER).encoders == grid().encoders
    base = grid("encoders.small.steps=1001", ENCODER, USED)
    assert not by_encoder(base).keys() & by_encoder(grid(ENCODER, USED)).keys()  # another base, other extensions


def test_a_language_only_the_extension_reads_is_prepared():
    text = "text: [{dataset: babel, languages: target}, {dataset: babel, languages: [glyphish]}]"
    few = grid(
        "encoders.small.text=[{dataset: babel, languages: [middish]}]",
        f"encoders.ext={{from: extend, encoder: small, {text}}}",
        USED,
    )
    (dataset,) = few.datasets.values()
    assert dataset.languages == ("farrish", "glyphish", "hubbish", "middish", "nearish")


def test_what_the_rule_reads():
    raw = changed(ENCODER, USED)
    settings = parse(raw)
    jobs = Jobs(expand(settings), settings, raw)
    (dataset,) = jobs.grid.datasets
    key = next(key for key in jobs.grid.encoders if "@nearish" in key)
    assert jobs.encoder_text(SimpleNamespace(encoder=key)) == [
        str(paths.split(dataset, "nearish", "train")),
        str(paths.encoder_manifest("small-3a826cbb")),
    ]
    assert str(paths.encoder_manifest(key)) in jobs.prepared()
    run = next(run for run in jobs.grid.runs.values() if run.spec["encoder"] == key)
    assert str(paths.encoder_manifest(key)) in run_inputs(run)


def test_in_tables_the_targets_encoders_are_one_setting():
    sized = grid(ENCODER, USED, "experiments.few.data_seeds=[1, 2]")
    specs = {name: run.spec for name, run in sized.runs.items()}
    kinds = {}
    for run in sized.runs.values():
        found = settings_of(run.spec, specs)
        kinds.setdefault(run.uses, set()).add(digest(found))
        assert found["encoder"] == found["encoder"].partition("@")[0]
        assert "parent.encoder" not in found
    assert all(len(found) == 1 for found in kinds.values())  # a method's runs over targets and seeds share one row
    sizes = grid(ENCODER, USED, "experiments.few.target_size=[50, 100]")
    encoders = {
        settings_of(run.spec, {n: r.spec for n, r in sizes.runs.items()})["encoder"] for run in sizes.runs.values()
    }
    assert {key.partition("-")[0] for key in encoders} == {"ext.50", "ext.100"}  # but sizes differ


def test_encoders_are_asked_for_by_name():
    settings = parse(changed(LISTED, USED))
    encoders = Encoders(settings, dataset_keys(settings))
    assert encoders.of("ext", "nearish", 50, 1) == encoders.of("ext", "farrish", None, 2)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([ENCODER.replace("small", "smal")], "encoders.ext.encoder: unknown encoder 'smal'; did you mean 'small'?"),
        (
            [ENCODER, ENCODER.replace("ext=", "more=").replace("small", "ext")],
            "encoders.more.encoder: 'ext' is itself an extension, which cannot be extended; extend 'small'",
        ),
        (
            [ENCODER.replace("small", "ext")],
            "encoders.ext.encoder: 'ext' is itself an extension, which cannot be extended",
        ),
        (
            [ENCODER.replace("babel", "babble")],
            "encoders.ext.text[0].dataset: unknown dataset 'babble'; did you mean 'babel'?",
        ),
        (
            [LISTED.replace("nearish", "nerish")],
            "encoders.ext.text[0].languages: unknown language 'nerish'; did you mean 'nearish'?",
        ),
        (
            [ENCODER.replace("babel", "wikiann"), USED],
            "experiments.few.encoder: 'ext' learns pieces from the targets' text in 'wikiann', but the experiment's dataset is "
            "'babel'; use a dataset's own extension, or list languages instead of 'target'",
        ),
        (
            [LISTED.replace("]}", "], size: target_size}", 1)],
            "encoders.ext.text[0].size: listed languages give all their raw text: the target size is that of a run's target; "
            "leave size out, or set languages: target",
        ),
        (
            [ENCODER.replace("target}", "target}, {dataset: wikiann, languages: target}")],
            "encoders.ext.text[1].languages: 'target' stands there twice; a run's target is of one dataset",
        ),
        (
            [LISTED.replace("babel", "wikiann").replace("[nearish, farrish]", "all")],
            "encoders.ext.text[0].languages: 'all' is known for loader babel only; list the languages",
        ),
        ([ENCODER.replace("300", "0")], "encoders.ext.pieces: must be greater than or equal to 1, got 0"),
        (
            [ENCODER.replace("target", "[nearish, nearish]")],
            "encoders.ext.text[0].languages: language 'nearish' stands there twice",
        ),
        (
            [ENCODER, USED, "encoders.small.max_length=100"],
            "experiments.few.encoder: 'ext' takes 100 word pieces, and target_only has max_length 200",
        ),
    ],
)
def test_refused(overrides, message):
    assert errors(*overrides) == [message]
