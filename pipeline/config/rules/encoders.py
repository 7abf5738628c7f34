"""What encoders made here must agree on with the datasets they read and the experiments that use them."""

from collections.abc import Iterator
from itertools import repeat

from pipeline.common.errors import nearest
from pipeline.config.datasets.babel import Babel
from pipeline.config.datasets.facts import lacks, lacks_text
from pipeline.config.encoders import Continue, Encoder, Extend, Made, Pretrain, TargetText, Text
from pipeline.config.experiments import Experiment
from pipeline.config.points import points
from pipeline.config.resolve import lineage, origin, resolve_training, target_texts
from pipeline.config.rules.datasets import check_languages
from pipeline.config.rules.problems import Broken, Problem, check_known, check_twice
from pipeline.config.rules.training import trained
from pipeline.config.schema import Settings

KeyPath = tuple[str | int, ...]

LENGTHS = ("max_length", "test_max_length")
"""Training settings that say where an input is cut."""


def check_encoder(name: str, encoder: Encoder, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """What is made here must have text, and be made from what there is."""
    if isinstance(encoder, Pretrain):
        yield from check_pretrain(name, encoder)
    if isinstance(encoder, Extend):
        yield from check_extend(name, encoder, settings, broken)
    if isinstance(encoder, Continue):
        yield from check_continue(name, encoder, settings, broken)
    if isinstance(encoder, Made):
        yield from check_target(name, encoder)
    if isinstance(encoder, Pretrain | Made):
        yield from check_text(name, encoder, settings, broken)


def check_extend(name: str, encoder: Extend, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """The base must be declared, and neither an extension itself nor trained on from one."""
    path = ("encoders", name)
    base = settings.encoders.get(encoder.encoder)
    extended = [step for step in lineage(settings, encoder.encoder) if isinstance(settings.encoders[step], Extend)]
    if isinstance(base, Extend):
        more = f"; extend {base.encoder!r}" if base.encoder not in (encoder.encoder, name) else ""
        yield (*path, "encoder"), f"{encoder.encoder!r} is itself an extension, which cannot be extended{more}"
    elif extended and extended[0] != name:
        yield (
            (*path, "encoder"),
            f"{encoder.encoder!r} is made from {extended[0]!r}, an extension, which cannot be extended once more",
        )
    elif base is None and encoder.encoder not in broken["encoders"]:
        known = [known for known, given in settings.encoders.items() if not isinstance(given, Extend)]
        yield (*path, "encoder"), f"unknown encoder {encoder.encoder!r}{nearest(encoder.encoder, known)}"


def check_continue(name: str, encoder: Continue, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """What it starts from must be declared and not be made from it in turn, and take inputs so long; no text twice."""
    path, start = ("encoders", name), encoder.start
    names = lineage(settings, start)
    first = origin(settings, start)
    if not names and start not in broken["encoders"]:
        known = [known for known in settings.encoders if known != name]
        yield (*path, "start"), f"unknown encoder {start!r}{nearest(start, known)}"
    elif name in names:
        circle = " from ".join(repr(step) for step in [name, *names[: names.index(name) + 1]])
        yield (
            (*path, "start"),
            f"goes round in a circle: {circle}; one must be from: hub or folder, or pretrained without `start`",
        )
    if isinstance(first, Pretrain) and encoder.max_length > first.max_length:
        given = "" if "max_length" in encoder.model_fields_set else " where it is not set"
        yield (
            (*path, "max_length"),
            f"{encoder.max_length}{given}, but {start!r} takes at most {first.max_length} word pieces; set max_length to "
            f"{first.max_length} or less",
        )
    yield from check_twice((*path, "text"), [text.dataset for text in encoder.text if text.languages != "target"])


def check_target(name: str, encoder: Made) -> Iterator[Problem]:
    """A target gives its text once, and only a target has a size."""
    path = ("encoders", name)
    by_target = [i for i, text in enumerate(encoder.text) if text.languages == "target"]
    for i in by_target[1:]:
        yield (*path, "text", i, "languages"), "'target' stands there twice; a run's target is of one dataset"
    for i, text in enumerate(encoder.text):
        if text.languages != "target" and "size" in text.model_fields_set and text.size == "target_size":
            yield (
                (*path, "text", i, "size"),
                "listed languages give all their raw text: the target size is that of a run's target; leave size out, or "
                "set languages: target",
            )


def check_made_use(path: KeyPath, experiment: Experiment, settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """An encoder that is made by target learns from the very dataset its runs train on."""
    for name, text in target_texts(experiment.encoder, settings).items():
        if text.dataset != experiment.dataset:
            extends = isinstance(settings.encoders[name], Extend)
            what, own = ("pieces ", "extension") if extends else ("", "encoder")
            yield (
                (*path, "encoder"),
                f"{name!r} learns {what}from the targets' text in {text.dataset!r}, but the experiment's "
                f"dataset is {experiment.dataset!r}; use a dataset's own {own}, or list languages instead of 'target'",
            )


def check_pretrain(name: str, encoder: Pretrain) -> Iterator[Problem]:
    """Heads must divide the width; no dataset may stand in the text twice."""
    path = ("encoders", name)
    if encoder.hidden_size % encoder.heads:
        yield (*path, "hidden_size"), f"{encoder.hidden_size} is not a multiple of heads, {encoder.heads}"
    yield from check_twice((*path, "text"), [text.dataset for text in encoder.text])


def check_text(name: str, encoder: Pretrain | Made, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """The text must come from known datasets and languages."""
    texts: list[Text | TargetText] = [*encoder.text]
    for i, text in enumerate(texts):
        here = ("encoders", name, "text", i)
        if text.dataset in broken["datasets"]:
            continue
        yield from check_known((*here, "dataset"), "dataset", text.dataset, list(settings.datasets))
        if text.languages is None and not isinstance(settings.datasets.get(text.dataset), Babel):
            yield (*here, "languages"), "'all' is known for loader babel only; list the languages"
        given = settings.datasets.get(text.dataset)
        sized = isinstance(text, TargetText) and text.languages == "target" and text.size == "target_size"
        if why := lacks(given, "train") if sized else lacks_text(given):
            what = "training sentences" if sized else "raw text"
            yield (*here, "dataset"), f"{text.dataset!r} gives no {what}: {why}"
        listed = text.languages if isinstance(text.languages, list) else []
        yield from check_languages(repeat((*here, "languages")), text.dataset, listed, settings)


def check_lengths(path: KeyPath, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """An encoder pretrained here has as many positions as it was given."""
    encoder = origin(settings, experiment.encoder)
    if not isinstance(encoder, Pretrain):
        return
    for label, method in trained(experiment, settings):
        for point in points(method):
            training = resolve_training(settings, experiment, point)
            for key in LENGTHS:
                length = getattr(training, key)
                if length is not None and length > encoder.max_length and key in point.training_keys:
                    yield (
                        (*path, "encoder"),
                        f"{experiment.encoder!r} takes {encoder.max_length} word pieces, and {label} has {key} {length}",
                    )
                    return
