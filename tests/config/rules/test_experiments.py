"""What sections must agree on is checked before any job, and said with the path of the key to change."""

import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.config import load as config
from pipeline.config.methods import METHODS, PARENT
from pipeline.grid.runs import expand
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
            ["training.test_max_length=300"],
            "few.encoder: 'small' takes 256 word pieces, and target_only has test_max_length 300",
        ),
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
            "methods.zero_shot.training.epochs: zero_shot does not use it, so this changes",
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
    last = ["training.select=last", "experiments.few.methods=[target_only, fine_tune]"]
    assert config.parse(changed("experiments.few.dev_size=0", *last)).experiments["few"].dev_size == 0


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


AVERAGES = ("weight_average", "ensemble")
"""Methods that are listed by a variant's name alone, which says of which method they are."""

ALL_METHODS = [
    f"experiments.few.methods=[{', '.join(name for name in METHODS if name not in (PARENT, *AVERAGES))}]",
    "tables=",
    "experiments.few.sources=[[hubbish, middish]]",
    "experiments.few.auxiliaries=[kinnish]",
    "datasets.babel.task=sentiment",
    "analyses={pair: {experiment: few, before: joint, after: zero_shot}}",
    "figures={heat: {kind: gains, experiment: few, method: x_maml}, rates: {kind: rates, experiment: few, method: "
    "meta_optimizer}, graph: {kind: meta_graph, experiments: few}}",
]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["experiments.few.encoder=smal"], "experiments.few.encoder: unknown encoder 'smal'; did you mean 'small'?"),
        (["encoders.small.heads=many"], "encoders.small.heads: expected a number, got 'many'"),
        (["experiments.few.dataset=bable"], "experiments.few.dataset: unknown dataset 'bable'; did you mean 'babel'?"),
        (["datasets.babel.seed=-1"], "datasets.babel.seed: "),
    ],
)
def test_a_name_that_is_not_there_is_the_only_error_whatever_asks_for_it(overrides, message):
    """Every method, an analysis and figures look their experiment's encoder and dataset up."""
    assert config.parse(changed(*ALL_METHODS))
    (said,) = errors(*ALL_METHODS, *overrides)
    assert said.startswith(message)


# --------------------------------------------------------------------------------------- two datasets, absent splits, tasks

CORPORA = [
    "datasets.xnli={loader: xnli, sources: [mirror], mirror: m}",
    "datasets.multinli={loader: multinli, sources: [mirror], mirror: m}",
    "datasets.mlqa={loader: mlqa, sources: [mirror], mirror: m}",
    "datasets.mlqa-dev={loader: mlqa, sources: [mirror], mirror: m, test: dev}",
    "datasets.squad={loader: squad, sources: [mirror], mirror: m}",
    "datasets.marc={loader: marc, sources: [mirror], mirror: m}",
    "datasets.sentipers={loader: sentipers, sources: [mirror], mirror: m}",
    "datasets.mine={loader: files, task: sentiment, folder: f, files: {all: '{language}.csv'}, "
    "labels: {1: bad, 2: fair, 3: good}}",
    "datasets.names={loader: files, task: ner, folder: f, files: {all: '{language}.csv'}, labels: {O: O, P: B-GENE, I: I-GENE}}",
]
"""A dataset or two of each task, to make experiments with."""


def experiment(dataset: str, methods: str, target: str = "de", source: str | None = None, *overrides: str) -> list[str]:
    """The base config with one experiment over other datasets."""
    few = {
        "dataset": dataset,
        "encoder": "mbert",
        "methods": f"[{methods}]",
        "sources": "[en]",
        "targets": f"[{target}]",
    }
    few |= {"source_dataset": source} if source else {}
    text = ", ".join(f"{key}: {value}" for key, value in few.items())
    return [*CORPORA, "tables=", f"experiments={{few: {{{text}}}}}", *overrides]


def refused(*arguments) -> list[str]:
    return [line.removeprefix("experiments.few.") for line in errors(*experiment(*arguments))]


@pytest.mark.parametrize(
    ("dataset", "source", "message"),
    [
        ("xnli", "multinly", "unknown dataset 'multinly'; did you mean 'multinli'?"),
        ("xnli", "squad", "'squad' is of task 'qa', and 'xnli' of 'nli'"),
        (
            "mine",
            "marc",
            "'marc' has the labels ['negative', 'positive'], and 'mine' ['bad', 'fair', 'good']; they must be the same, in the "
            "same order",
        ),
    ],
)
def test_the_sources_dataset_must_be_known_and_alike(dataset, source, message):
    assert refused(dataset, "zero_shot", "de", source) == [f"source_dataset: {message}"]


def test_labels_in_another_order_are_other_labels():
    other = "datasets.other={loader: files, task: sentiment, folder: g, files: {all: '{language}.csv'}, labels: %s}"
    reordered = other % "{3: good, 2: fair, 1: bad}"
    (said,) = refused("mine", "joint", "de", "other", reordered)
    assert "has the labels ['good', 'fair', 'bad'], and 'mine' ['bad', 'fair', 'good']" in said
    config.parse(changed(*experiment("mine", "joint", "de", "other", other % "{a: bad, b: fair, c: good}")))
    usual = other % "{1: positive, 0: negative}"  # the task's own classes are in the task's order
    config.parse(changed(*experiment("sentipers", "joint", "fa", "other", usual)))


def test_a_sources_dataset_without_sources_changes_nothing():
    said = errors(*experiment("xnli", "zero_shot", "de", "multinli"), "experiments.few.sources=[]")
    assert said[0] == "experiments.few.source_dataset: changes nothing: the experiment has no sources; leave it out"


def test_languages_of_two_datasets_are_each_their_own():
    assert refused("xnli", "zero_shot", "fa", "multinli") == ["targets[0]: unknown language 'fa'; did you mean 'fr'?"]
    assert refused("xnli", "zero_shot", "fr", "multinli", "experiments.few.sources=[de]") == [
        "sources[0]: unknown language 'de'; did you mean 'en'?"
    ]


NO_TRAIN = {
    "xnli": "XNLI has dev and test sets only; train on MultiNLI as source_dataset, or on dev with few_shot",
    "mlqa": "MLQA has dev and test sets only; train on SQuAD as source_dataset, or on dev with few_shot",
}


@pytest.mark.parametrize(("dataset", "source"), [("xnli", "multinli"), ("mlqa", "squad")])
def test_a_dataset_without_training_data_trains_nothing(dataset, source):
    assert refused(dataset, "zero_shot, target_only, joint, fine_tune, metaxl, joint_rtn", "de", source) == [
        f"methods[{i}]: {label} trains on train data, and dataset {dataset!r} has none: {NO_TRAIN[dataset]}"
        for i, label in enumerate(["target_only", "joint", "fine_tune", "metaxl", "joint_rtn"], 1)
    ]
    config.parse(changed(*experiment(dataset, "zero_shot, few_shot", "de", source)))
    (said,) = refused(dataset, "few_shot", "de", source, "methods.few_shot={split: train}")
    assert said == f"methods[0]: few_shot trains on train data, and dataset {dataset!r} has none: {NO_TRAIN[dataset]}"


def test_nor_does_it_as_its_own_source():
    (said,) = refused("xnli", "zero_shot")
    assert (
        said
        == f"methods[0]: zero_shot trains on the sources' train data, and dataset 'xnli' has none: {NO_TRAIN['xnli']}"
    )


def test_a_dataset_without_test_data_is_no_target():
    (said,) = refused("squad", "zero_shot", "en", None, "experiments.few.sources=[en]", "experiments.few.targets=[en]")[
        1:
    ]
    assert said.startswith(
        "methods[0]: zero_shot is tested on test data, and dataset 'squad' has none: SQuAD's test set is not"
    )
    on_dev = ["datasets.squad.test=dev", "datasets.squad.dev={from: train}"]
    alone = experiment("squad", "target_only", "en", None, "experiments.few.sources=[]", *on_dev)
    config.parse(changed(*alone))


def test_a_dev_set_that_tests_does_nothing_else():
    config.parse(changed(*experiment("mlqa-dev", "zero_shot", "de, de.es", "squad")))
    assert refused("mlqa-dev", "few_shot", "de", "squad") == [
        "methods[0]: few_shot trains on the dev split, and the dev set of dataset 'mlqa-dev' is its test set"
    ]


def test_the_parent_needs_dev_data_of_the_sources_dataset():
    foreign = "datasets.foreign={loader: files, task: nli, folder: f, files: {train: 'a.csv'}}"
    assert refused("xnli", "zero_shot", "de", "foreign", foreign) == [
        "methods[0]: zero_shot starts from source_only, which needs dev data to choose its epoch, and dataset 'foreign' has "
        "none: `files` names no dev file"
    ]
    config.parse(
        changed(*experiment("xnli", "zero_shot", "de", "foreign", foreign, "methods.source_only.training.select=last"))
    )
    config.parse(
        changed(*experiment("xnli", "zero_shot", "de", "foreign", foreign, "datasets.foreign.dev={from: train}"))
    )


def test_own_files_without_a_split_are_told_before_any_job():
    own = "datasets.own={loader: files, task: sentiment, folder: f, files: {dev: '{language}.csv'}}"
    said = refused("own", "target_only, few_shot", "de", "marc", own)
    assert said == [
        "methods[0]: target_only is tested on test data, and dataset 'own' has none: `files` names no test file",
        "methods[0]: target_only trains on train data, and dataset 'own' has none: `files` names no train file",
        "methods[1]: few_shot is tested on test data, and dataset 'own' has none: `files` names no test file",
    ]
    (said,) = refused("mine", "target_only", "de", None, "datasets.mine.cut={dev: 0}")
    assert said == (
        "methods[0]: target_only needs dev data to choose the best epoch, and dataset 'mine' has none: cut.dev is 0; give it a "
        "share; set select: last"
    )
    last = ["datasets.mine.cut={dev: 0}", "training.select=last"]
    config.parse(changed(*experiment("mine", "target_only", "de", None, *last)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{dataset: mlqa-dev, languages: [de]}",
            "'mlqa-dev' gives no raw text: there is neither train nor dev to take it from; ",
        ),
        ("{dataset: xnli, languages: [de]}", None),  # dev's
        ("{dataset: squad, languages: [en]}", None),
    ],
)
def test_raw_text_must_be_there(text, message):
    given = [*CORPORA, f"encoders.small.text=[{text}]"]
    if message is None:
        config.parse(changed(*given))
    else:
        (said,) = errors(*given)
        assert said.startswith(f"encoders.small.text[0].dataset: {message}")


def test_an_encoder_extended_by_training_sentences_needs_some():
    extended = "encoders.more={from: extend, encoder: mbert, text: [{dataset: xnli, languages: target%s}]}"
    used = experiment("xnli", "zero_shot", "de", "multinli", "experiments.few.encoder=more")
    (said,) = errors(*used, extended % "")
    assert said.startswith(
        "encoders.more.text[0].dataset: 'xnli' gives no training sentences: XNLI has dev and test sets only"
    )
    config.parse(changed(*used, extended % ", size: all"))  # dev's sentences


# ------------------------------------------------------------------------------------------------------------- metrics


def table(metric: str, *experiments: str) -> list[str]:
    """A config with an experiment for each dataset, and a table of some of them."""
    few = "{dataset: %s, encoder: mbert, methods: [%s], sources: [%s], targets: [%s]}"
    made = {
        "ner": few % ("wikiann", "joint", "en", "de"),
        "genes": few % ("names", "joint", "en", "de"),
        "nli": few.replace("{dataset", "{source_dataset: multinli, dataset") % ("xnli", "zero_shot", "en", "de"),
        "qa": few.replace("{dataset", "{source_dataset: squad, dataset") % ("mlqa", "zero_shot", "en", "de"),
        "reviews": few % ("marc", "joint", "en", "de"),
        "mine": few % ("mine", "joint", "en", "de"),
    }
    text = ", ".join(f"{name}: {made[name]}" for name in experiments)
    shown = f"tables={{one: {{experiments: [{', '.join(experiments)}], metric: {metric}}}}}"
    return [*CORPORA, f"experiments={{{text}}}", shown]


def only(overrides: list[str]):
    """The base config with these experiments and tables alone."""
    return changed("experiments.few=", "tables.few=", *overrides)


@pytest.mark.parametrize(
    ("experiments", "metric"),
    [
        ("mine", "f1_fair"),
        ("mine", "precision_bad"),
        ("mine", "f1_macro"),
        ("genes", "entity_f1_strict_GENE"),
        ("genes", "entity_recall_lenient"),
        ("reviews", "f1_positive"),
        ("nli", "recall_contradiction"),
        ("qa", "exact_match"),
        ("ner", "entity_f1_strict_PER"),
    ],
)
def test_metrics_are_those_of_the_task_and_the_labels(experiments, metric):
    assert config.parse(only(table(metric, experiments))).tables["one"].metric == metric


@pytest.mark.parametrize(
    ("experiments", "metric", "message"),
    [
        ("mine", "f1_positive", "unknown metric 'f1_positive'; valid: accuracy, f1_bad, f1_fair, "),
        ("mine", "f1_good1", "unknown metric 'f1_good1'; did you mean 'f1_good'?"),
        ("reviews", "entity_f1_strict", "unknown metric 'entity_f1_strict'; valid: accuracy, f1_macro, f1_negative, "),
        ("genes", "entity_f1_strict_PER", "unknown metric 'entity_f1_strict_PER'; did you mean 'entity_f1_strict"),
        ("nli", "answer_f1", "unknown metric 'answer_f1'; valid: accuracy, f1_contradiction, "),
        ("qa", "exact_mach", "unknown metric 'exact_mach'; did you mean 'exact_match'?"),
        ("ner", "accuracy", "unknown metric 'accuracy'; valid: entity_f1_lenient, "),
    ],
)
def test_metrics_of_other_tasks_and_labels_are_refused(experiments, metric, message):
    with pytest.raises(UserError) as caught:
        config.parse(only(table(metric, experiments)))
    (said,) = str(caught.value).split("\n")
    assert said.startswith(f"tables.one.metric: {message}"), said


def test_a_metric_must_be_one_of_every_experiment():
    config.parse(only(table("accuracy", "reviews", "mine")))
    with pytest.raises(UserError) as caught:
        config.parse(only(table("f1_fair", "mine", "reviews")))
    assert str(caught.value).startswith("tables.one.metric: unknown metric 'f1_fair' of dataset 'marc'; ")


def test_a_table_shows_one_task():
    with pytest.raises(UserError) as caught:
        config.parse(only(table("null", "qa", "reviews", "mine")))
    assert str(caught.value) == "tables.one.experiments: experiments of several tasks in one table: qa, sentiment"


def by_dataset(columns="dataset", **changed_by):
    """Reviews and texts of one's own in German and French, and a table of both."""
    made = {
        name: {
            "dataset": dataset,
            "encoder": "mbert",
            "methods": ["joint"],
            "sources": [["en"]],
            "targets": ["de", "fr"],
        }
        for name, dataset in (("reviews", "marc"), ("mine", "mine"))
    }
    for name, changes in changed_by.items():
        made[name].update(changes)
    shown = {"one": {"experiments": list(made), "metric": "accuracy", "columns": columns}}
    return [*CORPORA, f"experiments={json.dumps(made)}", f"tables={json.dumps(shown)}"]


@pytest.mark.parametrize("columns", ["dataset", "dataset_average"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"mine": {"targets": ["de"]}},
            "tables.one.experiments: no experiment has target fr in 'mine', and {} averages each target over the same datasets; "
            "add one, or leave its experiments of the other datasets out",
        ),
        (
            {"mine": {"dataset": "marc"}},
            "tables.one.columns: {} needs several datasets, and the table's experiments are all of 'marc'; use columns: target",
        ),
        (
            {"mine": {"sources": [["es"]], "targets": ["de", "fr"]}},
            "tables.one.experiments: target de has other sources in 'mine' than in 'marc', and {} averages over the datasets; "
            "give both the same sources, or make a table for each",
        ),
    ],
)
def test_targets_are_averaged_over_the_same_datasets_from_the_same_sources(columns, changes, message):
    config.parse(only(by_dataset(columns)))
    with pytest.raises(UserError) as caught:
        config.parse(only(by_dataset(columns, **changes)))
    assert str(caught.value).split("\n")[0] == message.format(f"columns: {columns}")


def test_own_metrics_of_a_broken_dataset_are_no_errors_beside_it():
    with pytest.raises(UserError) as caught:
        config.parse(only([*table("f1_fair", "mine"), "datasets.mine.encoding=utf9"]))
    (said,) = str(caught.value).split("\n")
    assert said.startswith("datasets.mine.encoding: ")


# --------------------------------------------------------------------------------------------------------------- sizes


def test_a_share_is_less_than_any_number_babel_makes():
    config.parse(changed("experiments.few.target_size=[0.1, 1000, all]", "experiments.few.source_size=0.999"))


def test_the_sources_own_dataset_bounds_their_size():
    more = [
        "datasets.large={loader: babel, sizes: {train: 3000}}",
        "experiments.few.source_dataset=large",
        "experiments.few.source_size=2000",
    ]
    config.parse(changed(*more))
    said = errors(*more, "experiments.few.source_size=4000", "experiments.few.target_size=2000")
    assert said == [
        "experiments.few.source_size: 4000 examples, and 'large' has 3000 per language (sizes.train)",
        "experiments.few.target_size: 2000 examples, and 'babel' has 1000 per language (sizes.train)",
    ]


def test_the_same_share_twice_is_refused():
    assert errors("experiments.few.target_size=[0.1, 1e-1]") == [
        "experiments.few.target_size[1]: 0.1 stands there twice"
    ]


# ----------------------------------------------------------------------------------------------------------------- fuzz

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["all", "xnli", "dev"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=4,
)
WHOLE = only(table("accuracy", "nli", "reviews", "mine", "qa", "genes"))
WHOLE["tables"] = {name: {"experiments": [name]} for name in WHOLE["experiments"]}


def places(node, path=()):
    """Every path of nested mappings and lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(places(WHOLE), key=str)), JUNK)
def test_anything_at_any_place_of_datasets_is_a_config_or_a_user_error(place, junk):
    raw = deepcopy(WHOLE)
    section = raw
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = junk
    try:
        expand(config.parse(raw))
    except UserError as error:
        assert all(line for line in str(error).split("\n"))
