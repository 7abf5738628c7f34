"""Configs are read whole and refused with every error, each with its path and what to do about it."""

import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.config import load as config
from pipeline.grid.runs import expand
from tests.configs import BASE, COMMIT, changed, errors


def test_the_base_config_is_valid():
    settings = config.parse(BASE)
    assert settings.experiments["few"].target_size == [50]
    assert settings.training.learning_rate == 0.001


# ------------------------------------------------------------------------------------------------- unknown keys and names


@pytest.mark.parametrize(
    ("typo", "other"),
    [
        ("training.max_lenght=64", "encoders.small.max_length=64"),
        ("training.max_length=abc", "encoders.small.max_length=64"),
        ("training.batchsize=4", "experiments.few.target_size=8"),
        ("training.selekt=last", "datasets.babel.sizes.dev=50"),
        ("training=5", "encoders.small.max_length=64"),
        ("trainin={max_length: 64}", "encoders.small.max_length=64"),
    ],
)
def test_what_follows_from_a_wrong_training_setting_is_not_said(typo, other):
    said = errors(typo, other, "methods.meta={method: metaxl}", "experiments.few.methods=[joint, meta, target_only]")
    assert len(said) == 1 and said[0].startswith(typo.partition("=")[0]), said


def test_a_misspelt_key_is_not_missing_too():
    spelt = ["experiments.few.datset=babel", "experiments.few.dataset="]
    assert errors(*spelt) == ["experiments.few.datset: unknown key; did you mean 'dataset'?"]
    missing = errors("experiments.few.xyzzy=babel", "experiments.few.dataset=")
    assert missing[0] == "experiments.few.dataset: is required and missing" and len(missing) == 2


def test_what_has_nothing_to_do_with_a_wrong_training_setting_is_said_too():
    said = errors("training.epochz=3", "encoders.small.max_length=64", "tables.few.baseline=jiont")
    assert [line.partition(":")[0] for line in said] == [
        "training.epochz",
        "experiments.few.encoder",
        "tables.few.baseline",
    ]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainin={}", "trainin: unknown key; did you mean 'training'?"),
        ("training.epochz=3", "training.epochz: unknown key; did you mean 'epochs'?"),
        (
            "experiments.few.training.batchsize=3",
            "experiments.few.training.batchsize: unknown key; did you mean 'batch_",
        ),
        ("datasets.babel.sizes.trian=3", "datasets.babel.sizes.trian: unknown key; did you mean 'train'?"),
        ("datasets.babel.mirror=x", "datasets.babel.mirror: unknown key; "),
        (
            "datasets.wikiann.hub={revision: x, repo: y}",
            "datasets.wikiann.hub.repo: unknown key; did you mean 'repository'?",
        ),
        ("datasets.wikiann.dev={form: train}", "datasets.wikiann.dev.form: unknown key; did you mean 'from'?"),
        ("encoders.small.layer=3", "encoders.small.layer: unknown key; did you mean 'layers'?"),
        (
            "encoders.small.text=[{datasets: babel, languages: all}]",
            "encoders.small.text[0].datasets: unknown key; did",
        ),
        ("methods.joint.batch=x", "methods.joint.batch: unknown key; did you mean 'batches'?"),
        ("tables.few.base_line=x", "tables.few.base_line: unknown key; did you mean 'baseline'?"),
        ("datasets.babel.loader=bable", "datasets.babel.loader: unknown loader 'bable'; did you mean 'babel'?"),
        ("encoders.small.from=pretrian", "encoders.small.from: unknown origin 'pretrian'; did you mean 'pretrain'?"),
        ("methods.x={method: fine-tune}", "methods.x.method: unknown method 'fine-tune'; did you mean 'fine_tune'?"),
        ("methods.x={}", "methods.x.method: is required and missing; one of source_only, target_only, joint"),
        ("datasets.x={}", "datasets.x.loader: is required and missing; one of babel, wikiann"),
        ("experiments.few.dataset=babbel", "experiments.few.dataset: unknown dataset 'babbel'; did you mean 'babel'?"),
        ("experiments.few.encoder=smal", "experiments.few.encoder: unknown encoder 'smal'; did you mean 'small'?"),
        (
            "experiments.few.methods=[joint, jiont]",
            "experiments.few.methods[1]: unknown method 'jiont'; did you mean 'joint'?",
        ),
        (
            "experiments.few.methods=[xyz]",
            "experiments.few.methods[0]: unknown method 'xyz'; valid: auxiliary_tune, checkpoint_average, ",
        ),
        (
            "experiments.few.targets=[nearich]",
            "experiments.few.targets[0]: unknown language 'nearich'; did you mean 'nearish'",
        ),
        (
            "experiments.few.sources=[hubish]",
            "experiments.few.sources[0]: unknown language 'hubish'; did you mean 'hubbish'",
        ),
        (
            "encoders.small.text=[{dataset: babel, languages: [hubish]}]",
            "encoders.small.text[0].languages: unknown lang",
        ),
        (
            "encoders.small.text=[{dataset: bable, languages: all}]",
            "encoders.small.text[0].dataset: unknown dataset 'bable'",
        ),
        ("tables.few.experiments=[fwe]", "tables.few.experiments[0]: unknown experiment 'fwe'; did you mean 'few'?"),
        ("tables.few.metric=entity_f1", "tables.few.metric: unknown metric 'entity_f1'; did you mean 'entity_f1_"),
        (
            "tables.few.baseline=target-only",
            "tables.few.baseline: 'target-only' is not among the table's methods; did you",
        ),
        ("tables.few.methods=[joint]", "tables.few.baseline: 'target_only' is not among the table's methods; "),
        (
            "tables.few.methods=[target_only, multi]",
            "tables.few.methods[1]: 'multi' is no method of the table's experiments",
        ),
        (
            "tables.few.labels={jiont: JT}",
            "tables.few.labels.jiont: 'jiont' is not among the table's methods; did you mean",
        ),
    ],
)
def test_unknown_names_are_refused_with_path_and_nearest(override, message):
    assert any(line.startswith(message) for line in errors(override)), errors(override)


# ---------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs=0", "training.epochs: must be greater than or equal to 1, got 0"),
        ("training.epochs=yes", "training.epochs: expected a number, got the truth value True"),
        ("training.epochs=2.5", "training.epochs: expected a whole number, got 2.5"),
        ("training.epochs=many", "training.epochs: expected a number, got 'many'"),
        ("training.learning_rate=-1", "training.learning_rate: must be greater than 0, got -1"),
        ("training.learning_rate=.nan", "training.learning_rate: "),
        ("training.learning_rate=fast", "training.learning_rate: expected a number, got 'fast'"),
        ("training.warmup=1", "training.warmup: must be less than 1, got 1"),
        ("training.optimizer=lion", "training.optimizer: expected 'adamw', 'adam' or 'sgd', got 'lion'"),
        ("training=3", "training: expected keys and values, got 3"),
        ("datasets=[]", "datasets: expected keys and values, got []"),
        ("datasets.babel=3", "datasets.babel: expected keys and values, got 3"),
        (
            "experiments.few.target_size=0",
            "experiments.few.target_size: expected a whole number of at least 1, a share above 0 and below 1, or 'all'; got 0",
        ),
        (
            "experiments.few.source_size=[5, -1]",
            "experiments.few.source_size[1]: expected a whole number of at least 1, a share above 0 and below 1, or 'all'",
        ),
        (
            "experiments.few.dev_size=-1",
            "experiments.few.dev_size: expected a whole number of at least 0, or 'all'; got -1",
        ),
        (
            "experiments.few.target_size=al",
            "experiments.few.target_size: expected a whole number of at least 1, a share above 0 and below 1, or 'all'; got 'al'",
        ),
        ("experiments.few.targets=[no]", "experiments.few.targets[0]: YAML reads no, yes, on and off as truth values"),
        ("experiments.few.targets=[]", "experiments.few.targets: "),
        ("experiments.few.sources=[[]]", "experiments.few.sources[0]: expected at least one language"),
        (
            "experiments.few.sources=[[hubbish, hubbish]]",
            "experiments.few.sources[0]: language 'hubbish' stands there twice",
        ),
        ("experiments.few.model_seeds=[-1]", "experiments.few.model_seeds[0]: must be greater than or equal to 0"),
        ("datasets.babel.seed=4294967296", "datasets.babel.seed: must be less than 4294967296"),
        (
            "datasets.babel.family={newish: {change_rate: 2}}",
            "datasets.babel.family.newish.change_rate: must be less than or",
        ),
        (
            "datasets.babel.family={newish: {}}",
            "datasets.babel.family.newish.parent: a new language must say its parent",
        ),
        ("datasets.babel.family={qu: {parent: null}}", "datasets.babel.family.qu: a Babel language id has 5 to 30"),
        ("encoders.mbert.revision=main", "encoders.mbert.revision: expected a commit of 40 hexadecimal digits"),
        (
            "results.accept_code=[main]",
            "results.accept_code[0]: expected a code hash of 12 hexadecimal digits, in quotes, got",
        ),
        (
            "results.accept_code=123456789012",
            "results.accept_code: expected a code hash of 12 hexadecimal digits, in quotes",
        ),
        ("results.accept=[]", "results.accept: unknown key; did you mean 'accept_code'?"),
        (
            f"encoders.mbert.revision={COMMIT[:39]}",
            "encoders.mbert.revision: expected a commit of 40 hexadecimal digits",
        ),
        ("encoders.mbert.repository=bert", "encoders.mbert.repository: expected owner/name, got 'bert'"),
        ("datasets.wikiann.hub={revision: main}", "datasets.wikiann.hub.revision: expected a commit of 40 hexadecimal"),
        ("datasets.wikiann.hub={}", "datasets.wikiann.hub.revision: is required and missing"),
        (
            "datasets.wikiann.dev={from: train, fraction: 1}",
            "datasets.wikiann.dev.fraction: must be less than 1, got 1",
        ),
        (
            "datasets.wikiann.dev={from: train, fraction: 0}",
            "datasets.wikiann.dev.fraction: must be greater than 0, got 0",
        ),
        ("datasets.wikiann.dev={from: test}", "datasets.wikiann.dev.from: expected 'train', got 'test'"),
        (
            "datasets.wikiann.expected={qu: {train: -1}}",
            "datasets.wikiann.expected.qu.train: must be greater than or equal",
        ),
        ("confirm=maybe", "confirm: expected yes or no, got 'maybe'"),
        ('datasets={"a/b": {loader: babel}}', "datasets.a/b: 'a/b' cannot be a name: names become file names"),
        ('datasets={"..": {loader: babel}}', "datasets...: '..' cannot be a name"),
        ('datasets={"-x": {loader: babel}}', "datasets.-x: '-x' cannot be a name"),
        (f"datasets={{{'a' * 65}: {{loader: babel}}}}", f"datasets.{'a' * 65}: "),
        ("datasets={3: {loader: babel}}", "datasets.3: expected a name, got 3; put it in quotes"),
    ],
)
def test_wrong_values_are_refused(override, message):
    assert any(line.startswith(message) for line in errors(override)), errors(override)


def test_a_missing_key_is_named():
    assert errors("experiments.few.dataset=")[0] == "experiments.few.dataset: is required and missing"
    assert errors("encoders.small.text=")[0] == "encoders.small.text: is required and missing"


# ---------------------------------------------------------------------------------------------------- numbers and strings


@pytest.mark.parametrize("spelling", ["0.001", "1.0e-3", "1e-3", "'1e-3'", "1.E-3", "0.1e-2"])
def test_every_spelling_of_a_number_is_the_number(spelling):
    assert config.parse(changed(f"training.learning_rate={spelling}")).training.learning_rate == 0.001


def test_snakemake_hands_values_over_as_strings():
    raw = changed()
    raw["training"] = {"epochs": "5", "patience": "null", "clip_norm": "1e1", "learning_rate": "3e-5"}
    raw["experiments"]["few"]["model_seeds"] = ["1", "2"]
    raw["experiments"]["few"]["target_size"] = "1e2"
    raw["confirm"] = "yes"
    settings = config.parse(raw)
    assert (settings.training.epochs, settings.training.patience, settings.training.clip_norm) == (5, None, 10.0)
    assert settings.experiments["few"].model_seeds == [1, 2]
    assert settings.experiments["few"].target_size == [100]
    assert settings.confirm is True


@pytest.mark.parametrize(
    ("section", "entry", "key"),
    [
        *(("methods", {"method": "x_maml", "setting": "few_shot"}, key) for key in ("fine_tune", "support", "query")),
        *(("methods", {"method": "metaxl"}, key) for key in ("combine", "meta_weight_decay", "bottleneck")),
        *(("tables", {"experiments": ["few"]}, key) for key in ("metric", "baseline")),
        *(
            ("analyses", {"experiment": "few", "before": "joint", "after": "fine_tune"}, key)
            for key in ("metric", "units")
        ),
        ("experiments", changed()["experiments"]["few"], "source_dataset"),
        ("datasets", {"loader": "wikiann", "sources": ["mirror"], "mirror": "m"}, "folder"),
    ],
)
def test_null_is_read_wherever_it_may_stand(section, entry, key):
    """`snakemake --config 'methods={mine: {method: x_maml, fine_tune: null}}'` has the string."""
    null, word = (changed(f"{section}.mine={json.dumps({**entry, key: value})}") for value in (None, "null"))
    assert config.parse(word) == config.parse(null)


def test_negative_zero_is_zero():
    assert str(config.parse(changed("training.weight_decay=-0.0")).training.weight_decay) == "0.0"


def test_one_value_stands_for_a_list():
    settings = config.parse(changed("experiments.few.methods=joint", "experiments.few.targets=nearish", "tables="))
    assert settings.experiments["few"].methods == ["joint"]
    assert settings.experiments["few"].targets == ["nearish"]


# ------------------------------------------------------------------------------------------------------------------- fuzz


def places(node, path=()):
    """Every path of nested mappings and lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["all", "joint", "babel"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)  # others may use the machine
@given(st.sampled_from(sorted(places(BASE), key=str)), JUNK)
def test_anything_at_any_place_is_a_config_or_a_user_error(place, junk):
    raw = deepcopy(BASE)
    section = raw
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = junk
    try:
        expand(config.parse(raw))
    except UserError as error:
        assert all(line for line in str(error).split("\n"))
