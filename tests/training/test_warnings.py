from pipeline.common import paths
from pipeline.tasks.metric_names import MAIN
from pipeline.training.warnings import find_warnings


def warned(split="test", task="sentiment", **counts):
    of = {"max_length": 128, "pieces": 1000, "unknown_pieces": 0, "words": 100, "truncated_words": 0, **counts}
    spec = {"task": task, "encoder": "wp-1a2b3c4d", "dataset": "own-12345678"}
    return find_warnings(spec, {str(paths.split("own-12345678", "th", split)): of})


def says(*arguments, **counts):
    return [warning["says"] for warning in warned(*arguments, **counts)]


def test_more_than_a_twentieth_of_pieces_unknown_is_warned_of_in_any_split():
    assert says(unknown_pieces=50) == []  # emoji, rare symbols
    assert says(unknown_pieces=120) == ["12 % of the pieces of th's test texts are unknown to the encoder's tokenizer"]
    assert says("train", "ner", unknown_pieces=51) == [
        "5 % of the pieces of th's train sentences are unknown to the encoder's tokenizer"
    ]


def test_more_than_a_fiftieth_of_the_test_cut_off_is_warned_of():
    assert says(truncated_words=2) == [] == says("train", truncated_words=50)
    assert {task: says(task=task, truncated_words=8) for task in MAIN} == {
        "ner": ["8 % of the test words of th have no piece within max_length 128 and count as O"],
        "qa": ["8 % of the test questions of th have their answer whole in no window of max_length 128"],
        **{
            key: ["8 % of the test texts of th are longer than max_length 128, and what lies beyond it is not read"]
            for key in ("sentiment", "classification")
        },
        "nli": ["8 % of the test pairs of th are longer than max_length 128, and what lies beyond it is not read"],
        "relevance": [
            "8 % of the test pairs of th are longer than max_length 128, and what lies beyond it is not read"
        ],
    }


def test_an_empty_split_has_no_share():
    assert warned(pieces=0, words=0) == []


def test_a_warning_holds_its_facts():
    (warning,) = warned(unknown_pieces=120)
    assert {key: warning[key] for key in ("kind", "dataset", "language", "split", "rows", "share")} == {
        "kind": "unknown",
        "dataset": "own-12345678",
        "language": "th",
        "split": "test",
        "rows": 120,
        "share": 0.12,
    }
