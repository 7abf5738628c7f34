"""Which languages an episode's support and query are of: the papers' defaults, and what the config says instead."""

import subprocess
import sys

import pytest

from pipeline.methods.parts.sides import Episode, Origin, episodes, origins, query_languages

EN, QU = Origin("en", source=True), Origin("qu")
A, B, C = map(Origin, ("hi", "sw", "ur"))


def found(support=None, query=None, same=False, few_shot=False, sources=("en",), auxiliary=("hi",), targets=()):
    return episodes(support, query, same, few_shot, sources, auxiliary, targets)


def sides(*pairs):
    return tuple(Episode(tuple(support), tuple(query)) for support, query in pairs)


@pytest.mark.parametrize("few_shot", [False, True])
@pytest.mark.parametrize(
    ("auxiliary", "expected"),
    [(("hi",), sides(([A], [A]))), (("hi", "sw", "ur"), sides(([A], [A]), ([B], [B]), ([C], [C])))],
)
def test_x_maml_takes_both_sides_from_each_auxiliary_in_turn(auxiliary, expected, few_shot):
    assert found(same=True, few_shot=few_shot, auxiliary=auxiliary, targets=("qu",)) == expected
    assert query_languages(expected) == len(auxiliary)


def test_xla_maml_zero_shot_with_one_auxiliary_steps_from_the_sources_toward_it():
    assert found() == sides(([EN], [A]))
    assert found(sources=("en", "es")) == sides(([EN, Origin("es", source=True)], [A]))


def test_xla_maml_zero_shot_with_several_auxiliaries_goes_each_way():
    assert found(auxiliary=("hi", "sw")) == sides(([A], [B]), ([B], [A]))
    three = found(auxiliary=("hi", "sw", "ur"))
    assert three == sides(([A], [B]), ([A], [C]), ([B], [A]), ([B], [C]), ([C], [A]), ([C], [B]))
    assert query_languages(three) == 3, "not six: the papers count iterations per language of the meta step"
    assert not any(EN in (*episode.support, *episode.query) for episode in three)


@pytest.mark.parametrize("auxiliary", [("hi",), ("hi", "sw")])
def test_xla_maml_few_shot_steps_from_the_target_toward_the_auxiliaries(auxiliary):
    expected = sides(([QU], map(Origin, auxiliary)))
    assert found(few_shot=True, auxiliary=auxiliary, targets=("qu",)) == expected
    assert query_languages(expected) == len(auxiliary)


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize(
    ("support", "query", "few_shot", "expected"),
    [
        (["source"], None, False, ([EN], [A, B])),
        (["auxiliary"], None, False, ([A, B], [A, B])),
        (None, ["auxiliary"], False, ([EN], [A, B])),
        (None, ["ur"], False, ([EN], [C])),
        (None, ["source"], False, ([EN], [EN])),
        (None, ["auxiliary"], True, ([QU], [A, B])),
        (["auxiliary"], None, True, ([A, B], [A, B])),
        (["auxiliary"], ["target"], True, ([A, B], [QU])),
        (["hi"], ["sw"], False, ([A], [B])),
    ],
)
def test_what_is_said_of_a_side_stands_and_the_other_is_the_papers(support, query, few_shot, same, expected):
    given = found(support, query, same, few_shot, auxiliary=("hi", "sw"), targets=("qu",) if few_shot else ())
    assert given == sides(expected)


def test_words_of_a_side_are_put_together_each_language_once():
    given = found(["source", "sw", "auxiliary", "sw"], ["ur", "auxiliary"], auxiliary=("hi", "sw"))
    assert given == sides(([EN, B, A], [C, A, B]))
    assert query_languages(given) == 3


def test_a_source_by_name_is_read_from_the_targets_dataset():
    ((episode),) = found(["en"], ["source"])
    assert episode == Episode((Origin("en"),), (Origin("en", source=True),))


def test_origins_are_every_language_once_support_first():
    assert origins(found(auxiliary=("hi", "sw", "ur"))) == (A, B, C)
    assert origins(found(few_shot=True, auxiliary=("hi", "sw"), targets=("qu",))) == (QU, A, B)
    assert origins(found()) == (EN, A)


def test_the_rules_ask_without_loading_pytorch():
    check = "import sys, pipeline.methods.parts.sides; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
