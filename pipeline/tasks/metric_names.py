"""Every score by its full name, and which of them chooses epochs; imports nothing heavy, so the config can ask."""

from collections.abc import Collection, Sequence

from pipeline.data.schema import LABELS, POSITIVE

MAIN = {
    "ner": "entity_f1_strict",
    "sentiment": "f1_macro",
    "nli": "accuracy",
    "relevance": "f1_positive",
    "classification": "accuracy",
    "qa": "answer_f1",
}
"""By task: the metric that chooses the epoch, and that tables show where they do not say."""

ITEMS = {
    "ner": "sentences",
    "qa": "questions",
    **dict.fromkeys(("nli", "relevance"), "pairs"),
    **dict.fromkeys(("sentiment", "classification"), "texts"),
}
"""By task: what a split holds."""

ANSWERS = ("answer_f1", "exact_match", "answer_f1_squad", "exact_match_squad")
"""Scores of questions: by the rule of MLQA, and by that of SQuAD."""

MEASURES = ("f1", "precision", "recall")


def positive_class(task: str, classes: Collection[str]) -> str | None:
    """Return the class that `f1_positive` and its like are about: the task's, or one that is called so.

    Args:
        task: its name.
        classes: the label set, or those of it that occur.

    Returns:
        `None` where the classes have none. The task's usual ones always have it, even if it does not occur.
    """
    usual = POSITIVE.get(task)
    if usual in classes or (usual is not None and set(classes) <= set(LABELS[task])):
        return usual
    return "positive" if "positive" in classes else None


def metric_names(task: str, labels: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names of all scores a task has, each once.

    Of classes and entity types that neither gold nor predictions have, a test set has no score.

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
        return ANSWERS
    classes = [*(["positive"] if positive_class(task, labels) else []), *labels]
    named = (f"{measure}_{name}" for name in classes for measure in MEASURES)
    return tuple(dict.fromkeys(("accuracy", "f1_macro", *named)))
