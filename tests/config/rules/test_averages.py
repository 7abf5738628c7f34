"""What averages over runs are refused for, before anything is trained."""

import pytest

from tests.configs import errors, grid

BOTH = "experiments.few.sources=[hubbish, middish]"


def refused(average: str, *overrides: str) -> list[str]:
    return errors(f"methods.mean={average}", "experiments.few.methods=[target_only, joint, mean]", *overrides)


@pytest.mark.parametrize(
    ("average", "overrides", "message"),
    [
        ("{method: ensemble, of: jiont}", [], "methods.mean.of: unknown method 'jiont'; did you mean 'joint'?"),
        (
            "{method: weight_average}",
            [],
            "methods.mean: weight_average averages runs of another method: say of which, as of: joint",
        ),
        (
            "{method: ensemble, of: source_only}",
            [],
            "methods.mean.of: source_only is tested on no target; write of: zero_shot",
        ),
        (
            "{method: ensemble, of: soup}",
            ["methods.soup={method: weight_average, of: joint}"],
            "methods.mean.of: 'soup' is an average itself, and averages of averages are not made; write of: joint, with",
        ),
        (
            "{method: ensemble, of: mean}",
            [],
            "methods.mean.of: 'mean' is an average itself, and averages of averages are not made; name a method whose runs are",
        ),
        (
            "{method: ensemble, of: random}",
            [],
            "methods.mean.of: 'random' counts labels and trains nothing: its runs have neither weights nor probabilities",
        ),
        (
            "{method: ensemble, of: tuned}",
            ["methods.tuned={method: joint, tune: {training.learning_rate: [0.1, 0.2]}}"],
            "methods.mean.of: 'tuned' is tuned, and which of its points dev data choose is known only when all have run",
        ),
        (
            "{method: ensemble, of: joint, training: {epochs: 2}}",
            [],
            "methods.mean.training.epochs: ensemble does not use it, so this changes nothing; its runs are trained and cut as",
        ),
        (
            "{method: weight_average, of: joint}",
            ["experiments.few.model_seeds=1"],
            "experiments.few.model_seeds: mean averages over seeds, and there is one seed: nothing to average; list several",
        ),
        (
            "{method: weight_average, of: joint, average_over: both}",
            [],
            "experiments.few.sources: mean averages over both, and there is one source set: nothing to average; list several, "
            "each an item of its own, or set its average_over: seeds",
        ),
        (
            "{method: weight_average, of: joint, average_over: both}",
            [BOTH, "experiments.few.model_seeds=1"],
            "experiments.few.model_seeds: mean averages over both, and there is one seed: nothing to average; list several, or "
            "set its average_over: sources",
        ),
        (
            "{method: ensemble, of: target_only, average_over: sources}",
            [BOTH],
            "experiments.few.methods[2]: mean averages over sources, and target_only uses no sources; set its average_over",
        ),
        (
            "{method: ensemble, of: joint}",
            ["datasets.babel.task=qa"],
            "experiments.few.methods[2]: mean is made of stored probabilities of labels, and predictions of qa are answers "
            "without any; use method: weight_average",
        ),
        (
            "{method: ensemble, of: xla_maml}",
            [],
            "experiments.few.methods[2]: xla_maml (averaged by mean) learns from auxiliary languages, and the experiment's "
            "auxiliaries are empty",
        ),
        (
            "{method: ensemble, of: joint}",
            ["analyses.pair={experiment: few, before: joint, after: mean}"],
            "analyses.pair.after: 'mean' is an average of several runs; an analysis compares models run by run, as of joint",
        ),
        (
            "{method: ensemble, of: joint}",
            ["figures.line={kind: sizes, experiments: few, methods: [mean]}", "experiments.few.target_size=[20, 50]"],
            "figures.line.methods: 'mean' is an average of several runs, which tables show beside them; a figure shows",
        ),
    ],
)
def test_a_wrong_average_says_what_to_write(average, overrides, message):
    (said,) = refused(average, *overrides)
    assert said.startswith(message)


def test_weights_that_do_not_predict_alone_are_not_averaged():
    said = refused("{method: weight_average, of: mgl}", "datasets.babel.task=sentiment", "tables=")
    assert said[0].startswith(
        "methods.mean.of: the weights of 'mgl' are not averaged, as its predictions come from a graph"
    )
    assert said[0].endswith("use method: ensemble")


def test_an_average_is_listed_by_the_name_of_a_variant():
    (said,) = errors("experiments.few.methods=[target_only, ensemble]")
    assert said.startswith(
        "experiments.few.methods[1]: ensemble averages runs of another method: write under methods, say, "
    )
    advice = "methods.my_average={method: ensemble, of: joint}"
    assert grid(advice, "experiments.few.methods=[target_only, my_average]").runs
    assert grid("methods.ensemble={of: joint}", "experiments.few.methods=[target_only, ensemble]").runs


@pytest.mark.parametrize("over", ["seeds", "sources", "both"])
def test_what_was_advised_is_accepted(over):
    assert grid(
        f"methods.mean={{method: ensemble, of: joint, average_over: {over}}}",
        BOTH,
        "experiments.few.methods=[target_only, mean]",
    ).runs
