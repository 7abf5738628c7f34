"""Every score by its full name, and which of them chooses epochs; imports nothing heavy, so the config can ask."""

from collections.abc import Sequence

from pipeline.data.schema import LABELS, POSITIVE

MAIN = {
    "ner": "entity_f1_strict",
    "sentiment": "f1_macro",
    "nli": "accuracy",
    "relevance": "f1_positive",
    "qa": "answer_f1",
}
"""By task: the metric that chooses the epoch, and that tables show where they do not say."""

MEASURES = ("f1", "precision", "recall")


def metric_names(task: str, labels: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names of all scores a task has.

    Args:
        task: its name.
        labels: the label set where it is not the task's usual one.
    """
    labels = LABELS[task] if labels is None else labels
    if task == "ner":
        kinds = ["", *dict.fromkeys(f"_{label[2:]}" for label in labels if label != "O")]
        return tuple(
            f"entity_{m}_{scheme}{kind}" for scheme in ("strict", "lenient") for m in MEASURES for kind in kinds
        )
    if task == "qa":
        return ("answer_f1", "exact_match")
    classes = dict.fromkeys([*(["positive"] if task in POSITIVE else []), *labels])
    return ("accuracy", "f1_macro", *(f"{measure}_{name}" for name in classes for measure in MEASURES))
