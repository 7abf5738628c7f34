"""What extended encoders and the experiments that use them must agree on, checked before any job starts."""

from collections.abc import Iterator, Mapping

from pipeline.config_schema import Experiment, Settings
from pipeline.config_sections import Encoder, Extend, ExtensionText
from pipeline.errors import nearest

KeyPath = tuple[str | int, ...]


def check_extend(
    name: str, encoder: Extend, settings: Settings, broken: Mapping[str, set[str]]
) -> Iterator[tuple[KeyPath, str]]:
    """The base must be declared and no extension itself; a target gives its text once, and only a target has a size."""
    path = ("encoders", name)
    base = settings.encoders.get(encoder.encoder)
    if isinstance(base, Extend):
        more = f"; extend {base.encoder!r}" if base.encoder not in (encoder.encoder, name) else ""
        yield (*path, "encoder"), f"{encoder.encoder!r} is itself an extension, which cannot be extended{more}"
    elif base is None and encoder.encoder not in broken["encoders"]:
        known = [known for known, given in settings.encoders.items() if not isinstance(given, Extend)]
        yield (*path, "encoder"), f"unknown encoder {encoder.encoder!r}{nearest(encoder.encoder, known)}"
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


def check_extended_use(path: KeyPath, experiment: Experiment, settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    """An encoder that is extended by target learns from the very dataset its runs train on."""
    encoder = settings.encoders.get(experiment.encoder)
    for text in encoder.text if isinstance(encoder, Extend) else []:
        if text.languages == "target" and text.dataset != experiment.dataset:
            yield (
                (*path, "encoder"),
                f"{experiment.encoder!r} learns pieces from the targets' text in {text.dataset!r}, but the experiment's "
                f"dataset is {experiment.dataset!r}; use a dataset's own extension, or list languages instead of 'target'",
            )


def unextended(settings: Settings, name: str) -> Encoder | None:
    """Return the settings of an encoder, or of the one that it extends; `None` where there are none."""
    given = settings.encoders.get(name)
    return settings.encoders.get(given.encoder) if isinstance(given, Extend) else given


def target_text(name: str, settings: Settings) -> ExtensionText | None:
    """Return what an encoder that is extended for each target takes of its target, `None` for other encoders."""
    given = settings.encoders[name]
    texts = given.text if isinstance(given, Extend) else []
    return next((text for text in texts if text.languages == "target"), None)
