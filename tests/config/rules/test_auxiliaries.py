"""Auxiliary languages in the config: which runs they make, what these read, and what is refused before any job."""

import pytest

from pipeline.common import paths
from pipeline.config.training import FineTuning, Training
from pipeline.grid.runs import run_inputs
from pipeline.methods.parts.fine_tuning import FINE_TUNE_KEYS
from tests.configs import errors, grid
from tests.grid.test_runs import of

XNLI = (
    "datasets.xnli={loader: xnli, sources: [archive]}",
    "datasets.multinli={loader: multinli, sources: [archive]}",
)
BABEL = (
    "experiments.few.auxiliaries=[nearish, [nearish, middish]]",
    "experiments.few.targets=[farrish, kinnish]",
    "tables=",
)


def with_methods(methods, *more):
    return (f"experiments.few.methods={methods}", *BABEL, *more)


# -------------------------------------------------------------------------------------------------------------- the runs


def test_one_model_for_each_auxiliary_set_is_tested_on_all_targets():
    base = grid(*with_methods("[zero_shot, x_maml, xla_maml, reptile, auxiliary_tune]"))
    for name in ("x_maml", "xla_maml", "reptile", "auxiliary_tune"):
        runs = of(base, name)
        assert len(runs) == 2 * 2  # sets × seeds
        assert {tuple(run.spec["auxiliary"]) for run in runs} == {("nearish",), ("middish", "nearish")}
        for run in runs:
            assert (run.spec["targets"], run.spec["evaluate"]) == ([], ["farrish", "kinnish"])
            assert run.spec["target_size"] is run.spec["dev_size"] is None
            assert base.runs[run.parent].spec["method"]["name"] == "source_only"
    assert len(of(base, "source_only")) == 2  # one per seed, whoever starts from it
    assert {run.parent for run in base.runs.values() if run.parent} == base.parents


def test_few_shot_has_a_run_for_each_target():
    base = grid(
        *with_methods("[mine]", "methods.mine={method: xla_maml, setting: few_shot}", "experiments.few.dev_size=30")
    )
    runs = of(base, "xla_maml", model_seed=1)
    assert len(runs) == 2 * 2  # sets × targets
    assert {tuple(run.spec["targets"]) for run in runs} == {("farrish",), ("kinnish",)}
    assert all(run.spec["evaluate"] == run.spec["targets"] and run.spec["dev_size"] == 30 for run in runs)


def test_a_target_that_is_an_auxiliary_is_left_out_by_consent():
    asked = ("experiments.few.targets=[nearish, farrish]", "experiments.few.auxiliary_targets=leave_out")
    base = grid(*with_methods("[xla_maml]", *asked))
    assert {tuple(run.spec["evaluate"]) for run in of(base, "xla_maml")} == {("farrish",)}


def test_update_rates_are_learned_once_for_all_that_use_them():
    base = grid(*with_methods("[meta_optimizer, mine, one]", "methods.mine={method: meta_optimizer, training: {epochs: 5}}",
                              "methods.one={method: meta_optimizer, shared: yes}"))  # fmt: skip
    learned = of(base, "layer_rates", auxiliary=["nearish"], model_seed=1)
    assert len(learned) == 2  # λ per layer, and one λ
    users = of(base, "meta_optimizer", auxiliary=["nearish"], model_seed=1)
    assert len(users) == 3 and {run.rates for run in users} == {run.name for run in learned}
    assert learned[0].parent is None and not learned[0].uses and learned[0].name in base.parents
    assert "epochs" not in learned[0].spec["training"]
    names = list(base.runs)
    assert all(names.index(run.rates) < names.index(run.name) for run in base.runs.values() if run.rates)


def test_what_only_the_episodes_use_is_part_of_the_rates_run_alone():
    first, other = (
        grid(*with_methods("[meta_optimizer]", f"methods.meta_optimizer={{episodes: {n}}}")) for n in (3, 4)
    )
    (one,), (two,) = (of(g, "layer_rates", auxiliary=["nearish"], model_seed=1) for g in (first, other))
    assert one.id != two.id and one.spec["method"]["episodes"] == 3
    assert all("episodes" not in run.spec["method"] for run in of(first, "meta_optimizer"))


def test_without_meta_training_there_is_no_rates_run():
    base = grid(*with_methods("[mine]", "methods.mine={method: meta_optimizer, meta_train: no}"))
    assert not of(base, "layer_rates")
    assert all(run.rates is None and run.parent for run in of(base, "meta_optimizer"))


@pytest.mark.parametrize("kind", ["x_maml", "xla_maml"])
def test_how_many_episodes_a_step_has_is_felt_where_there_are_several_kinds(kind):
    """A run with one auxiliary is the same run whichever is asked for; one with two is another, and says which."""
    asked = [f"methods.mine={{method: {kind}, meta_batch: {choice}}}" for choice in ("one", "all")]
    one, every = (of(grid(*with_methods("[mine]", entry)), kind, model_seed=1) for entry in asked)
    names = [{tuple(run.spec["auxiliary"]): run.name for run in runs} for runs in (one, every)]
    assert names[0]["nearish",] == names[1]["nearish",]
    assert names[0]["middish", "nearish"] != names[1]["middish", "nearish"]
    assert [{run.spec["method"].get("meta_batch") for run in runs} for runs in (one, every)] == [
        {None, "one"},
        {None, "all"},
    ]
    (plain,) = of(grid(*with_methods(f"[{kind}]")), kind, model_seed=1, auxiliary=["middish", "nearish"])
    assert plain.spec["method"]["meta_batch"] == ("all" if kind == "x_maml" else "one"), "the papers' own"
    sides = "support: [auxiliary], query: [source]"
    together = [of(grid(*with_methods("[mine]", entry.replace("}", f", {sides}}}"))), kind) for entry in asked]
    assert {run.name for run in together[0]} == {run.name for run in together[1]}, "a side of both is one kind"


@pytest.mark.parametrize("kind", ["x_maml", "xla_maml"])
def test_the_meta_steps_optimiser_is_the_methods_own_until_it_says_otherwise(kind):
    """Above the config's and the experiment's `training`, below that of the method's entry."""
    base = (*with_methods("[mine]"), "training.optimizer=sgd", "experiments.few.training={clip_norm: 3}")
    built_in, told = (
        of(grid(*base, f"methods.mine={{method: {kind}{own}}}"), kind)[0].spec["training"]
        for own in ("", ", training: {optimizer: adam, weight_decay: 0.01, clip_norm: 2}")
    )
    assert (built_in["optimizer"], built_in["clip_norm"]) == ("adam" if kind == "x_maml" else "adamw", None)
    assert (told["optimizer"], told["weight_decay"], told["clip_norm"]) == ("adam", 0.01, 2)
    assert {key: value for key, value in told.items() if key not in ("optimizer", "weight_decay", "clip_norm")} == {
        key: value for key, value in built_in.items() if key not in ("optimizer", "weight_decay", "clip_norm")
    }


@pytest.mark.parametrize("kind", ["x_maml", "xla_maml"])
@pytest.mark.parametrize(
    "more",
    [
        (),
        ("training.batch_size=32", "training.schedule=constant"),
        ("experiments.few.training={learning_rate: 7e-4, clip_norm: null}",),
        ("methods.few_shot={training: {epochs: 3, warmup: 0.5}}",),
        ("methods.short={method: few_shot, training: {epochs: 7}}",),  # a variant, not what others are measured by
    ],
)
def test_few_shot_ends_with_what_the_baseline_would_do_in_the_same_experiment(kind, more):
    own = f"methods.mine={{method: {kind}, setting: few_shot, training: {{batch_size: 5, learning_rate: 1e-6}}}}"
    base = grid(*with_methods("[few_shot, mine]", own, *more))
    baseline = of(base, "few_shot")[0].spec["training"]
    runs = of(base, kind)
    assert len({run.id for run in runs}) == len(runs) == 2 * 2 * 2
    for run in runs:
        assert run.spec["method"]["fine_tune"] == {key: baseline[key] for key in FINE_TUNE_KEYS}
        assert (run.spec["training"]["batch_size"], run.spec["training"]["learning_rate"]) == (5, 1e-6)


def test_what_a_method_says_of_its_fine_tuning_goes_before_the_baselines():
    def told(own):
        entry = f"methods.mine={{method: xla_maml, setting: few_shot{own}}}"
        return of(grid(*with_methods("[mine]", entry)), "xla_maml")[0]

    plain, other, none = told(""), told(", fine_tune: {batch_size: 5, clip_norm: null}"), told(", fine_tune: null")
    expected = {**plain.spec["method"]["fine_tune"], "batch_size": 5, "clip_norm": None}
    assert other.spec["method"]["fine_tune"] == expected != plain.spec["method"]["fine_tune"]
    assert none.spec["method"]["fine_tune"] is None
    assert len({plain.id, other.id, none.id}) == 3
    same = told(f", fine_tune: {{batch_size: {plain.spec['method']['fine_tune']['batch_size']}}}")
    assert same.id == plain.id, "what is said and what is meant are one run"


def test_fine_tuning_is_told_its_own_settings_as_training_has_them():
    assert tuple(FineTuning.model_fields) == FINE_TUNE_KEYS
    assert all(repr(FineTuning.model_fields[key]) == repr(Training.model_fields[key]) for key in FINE_TUNE_KEYS)


def test_in_zero_shot_the_baselines_training_makes_no_other_run():
    plain, other = (
        of(grid(*with_methods("[few_shot, x_maml]", *more)), "x_maml")
        for more in ((), ("methods.few_shot={training: {epochs: 3}}",))
    )
    assert [run.id for run in plain] == [run.id for run in other]


# --------------------------------------------------------------------------------------------------------- what they read


def inputs(base, method, **spec):
    (run,) = of(base, method, model_seed=1, **spec)
    return {str(path.relative_to(paths.RESULTS)) if path.is_relative_to(paths.RESULTS) else path.name
            for path in map(paths.Path, run_inputs(run))}  # fmt: skip


def test_runs_read_the_splits_of_both_sides_and_of_all_targets():
    base = grid(*with_methods("[x_maml, xla_maml, meta_optimizer]"))
    key = next(iter(base.datasets))

    def of_data(method, **spec):
        return {name.removeprefix(f"data/{key}/") for name in inputs(base, method, **spec) if name.startswith("data")}

    tests = {"farrish/test.parquet", "kinnish/test.parquet"}
    assert of_data("x_maml", auxiliary=["nearish"]) == {"nearish/dev.parquet", *tests}
    assert of_data("xla_maml", auxiliary=["nearish"]) == {"nearish/dev.parquet", "hubbish/dev.parquet", *tests}
    both = {"nearish/dev.parquet", "middish/dev.parquet"}
    assert of_data("xla_maml", auxiliary=["middish", "nearish"]) == {*both, *tests}
    assert of_data("layer_rates", auxiliary=["nearish"]) == {"hubbish/train.parquet", "nearish/dev.parquet"}
    assert of_data("meta_optimizer", auxiliary=["nearish"]) == {"nearish/dev.parquet", *tests}
    (run,) = of(base, "meta_optimizer", model_seed=1, auxiliary=["nearish"])
    assert {str(paths.run_model(parent)) for parent in (run.parent, run.rates)} <= set(run_inputs(run))


def test_a_language_in_both_datasets_is_read_from_the_one_that_is_meant():
    """`support: [en]` is XNLI's English; `source` is the sources' own dataset, MultiNLI."""
    base = grid(
        *XNLI, "tables=", "experiments.few.dataset=xnli", "experiments.few.source_dataset=multinli",
        "experiments.few.sources=[en]", "experiments.few.auxiliaries=[hi]", "experiments.few.targets=[ur, en]",
        "experiments.few.methods=[named, role]", "experiments.few.encoder=mbert",
        "methods.named={method: xla_maml, support: [en]}", "methods.role={method: xla_maml, support: [source]}",
    )  # fmt: skip
    keys = {dataset.name: dataset.key for dataset in base.datasets.values()}
    runs = {run.spec["method"]["support"][0]: run for run in of(base, "xla_maml", model_seed=1)}
    english = {word: [p for p in run_inputs(run) if "/en/" in p] for word, run in runs.items()}
    test = str(paths.split(keys["xnli"], "en", "test"))
    assert english["en"] == [str(paths.split(keys["xnli"], "en", "dev")), test]
    assert english["source"] == [str(paths.split(keys["multinli"], "en", "dev")), test]
    assert {d.name: d.languages for d in base.datasets.values()} == {"xnli": ("en", "hi", "ur"), "multinli": ("en",)}


# ------------------------------------------------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ("experiments.few.methods=[x_maml]", "tables="),
            "experiments.few.methods[0]: x_maml learns from auxiliary languages, and the experiment's auxiliaries are empty",
        ),
        (
            with_methods("[zero_shot]"),
            "experiments.few.auxiliaries: changes nothing: no method of the experiment learns from auxiliary languages",
        ),
        (
            with_methods("[x_maml]", "experiments.few.targets=[nearish, farrish]"),
            "experiments.few.auxiliaries[0]: 'nearish' is a target too, and a language trained on is no zero-shot target",
        ),
        (
            with_methods("[x_maml]", "experiments.few.auxiliary_targets=leave_out"),
            "experiments.few.auxiliary_targets: changes nothing: no target is an auxiliary",
        ),
        (
            with_methods("[x_maml]", "experiments.few.auxiliaries=[nearsh]"),
            "experiments.few.auxiliaries[0]: unknown language 'nearsh'; did you mean 'nearish'?",
        ),
        (
            with_methods("[x_maml]", "experiments.few.auxiliaries=[nearish, middish, nearish]"),
            "experiments.few.auxiliaries[2]: 'nearish' stands there twice",
        ),
        (
            with_methods("[mine]", "methods.mine={method: xla_maml, support: [target]}"),
            "experiments.few.methods[0]: mine: support: in zero-shot no label of a target is seen; set setting: few_shot",
        ),
        (
            with_methods("[mine]", "methods.mine={method: xla_maml, query: [farrish]}"),
            "experiments.few.methods[0]: mine: query: 'farrish' is a target of the experiment, which would be trained on",
        ),
        (
            with_methods("[mine]", "methods.mine={method: xla_maml, query: [middsh]}"),
            "experiments.few.methods[0]: mine: query: unknown language 'middsh'; did you mean 'middish'?",
        ),
        (with_methods("[xla_maml]", "methods.xla_maml={inner_lr: 0}"), "methods.xla_maml.inner_lr: "),
        (
            with_methods("[x_maml]", "methods.x_maml={training: {epochs: 3}}"),
            "methods.x_maml.training.epochs: x_maml does not use it, so this changes nothing",
        ),
        (
            with_methods("[x_maml]", "methods.x_maml={fine_tune: {epochs: 3}}"),
            "methods.x_maml.fine_tune: changes nothing: in zero-shot there is no fine-tuning on a target; leave it out, or set",
        ),
        (with_methods("[x_maml]", "methods.x_maml={fine_tune: null}"), "methods.x_maml.fine_tune: changes nothing"),
        (
            with_methods("[x_maml]", "methods.x_maml={setting: few_shot, fine_tune: {max_length: 30}}"),
            "methods.x_maml.fine_tune.max_length: is a setting of the whole run, and none of its fine-tuning; expected one of "
            "optimizer, learning_rate, weight_decay, batch_size, epochs, warmup, schedule, clip_norm",
        ),
        (
            with_methods("[x_maml]", "methods.x_maml={setting: few_shot, fine_tune: {epoch: 3}}"),
            "methods.x_maml.fine_tune.epoch: unknown key; did you mean 'epochs'?",
        ),
        (
            with_methods("[x_maml]", "methods.x_maml={setting: few_shot, fine_tune: 1e-3}"),
            "methods.x_maml.fine_tune: expected keys and values, as {learning_rate: 1e-5}, or null; got '1e-3'",
        ),
        (
            with_methods("[x_maml]", "methods.x_maml={setting: few_shot, training: {epochs: 2}}"),
            "methods.x_maml.training.epochs: x_maml does not use it, so this changes nothing; its fine-tuning on the target "
            "does: write fine_tune: {epochs: 2}",
        ),
        (
            with_methods("[x_maml]", "methods.x_maml={setting: few_shot, fine_tune: null, training: {epochs: 2}}"),
            "methods.x_maml.training.epochs: x_maml does not use it, so this changes nothing; it uses "
            "activation_checkpointing, batch_size, class_weights, clip_norm, learning_rate, longest_answer, lora, "
            "max_length",  # no head: that is the source model's
        ),
        (
            with_methods("[x_maml]", "methods.x_maml={setting: few_shot, fine_tune_lr: 1e-4}"),
            "methods.x_maml.fine_tune_lr: is now fine_tune: {learning_rate: 1e-4}",
        ),
        (
            with_methods("[x_maml]", "methods.x_maml={setting: few_shot, fine_tune_epochs: 3}"),
            "methods.x_maml.fine_tune_epochs: is now fine_tune: {epochs: 3}",
        ),
        (
            with_methods("[x_maml]", "methods.x_maml={tune: {inner_lr: [1e-3, 1e-2]}}"),
            "methods.x_maml.tune: x_maml chooses no epoch by dev data, so it has no dev score",
        ),
        (
            with_methods("[mine]", "methods.mine={method: meta_optimizer, meta_train: no, episodes: 3}"),
            "methods.mine.episodes: is of the episodes, and meta_train: no has none",
        ),
        (
            with_methods("[x_maml]", "encoders.grown={from: extend, encoder: small, text: [{dataset: babel, languages: target}]}",
                         "experiments.few.encoder=grown"),
            "experiments.few.methods[0]: x_maml is one model for all targets, and encoder 'grown' is another one for each",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_reason(overrides, message):
    said = errors(*overrides)
    assert any(line.strip().startswith(message) for line in said), said


@pytest.mark.parametrize(
    ("support", "query", "both"),
    [
        ("[nearish, middish]", "[nearish]", "nearish"),
        ("[source, auxiliary]", "[hubbish]", "hubbish"),
        (
            "[source]",
            "[hubbish]",
            "hubbish",
        ),  # the same examples by two names: the sources have no dataset of their own
        ("[auxiliary, middish]", "[middish]", "middish"),
    ],
)
def test_sides_that_share_some_of_their_languages_are_refused(support, query, both):
    found = errors(
        *with_methods("[shared]"), f"methods.shared={{method: xla_maml, support: {support}, query: {query}}}"
    )
    assert any(
        line.startswith(f"experiments.few.methods[0]: shared: query: '{both}' is on the support side too")
        for line in found
    )


def test_sides_of_the_same_languages_or_of_none_in_common_are_allowed():
    for support, query in (("[nearish, middish]", "[nearish, middish]"), ("[source]", "[auxiliary]")):
        grid(*with_methods("[apart]"), f"methods.apart={{method: xla_maml, support: {support}, query: {query}}}")
