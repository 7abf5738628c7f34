"""What methods with transformation networks (`metaxl`, `joint_rtn`) and the experiments that use them must agree on.

Checked before any job starts; what only a fetched encoder or dataset tells is checked by the run, before its first step.
`per_source: true` with a single source language is allowed: it is the shared network then, and one variant can serve
experiments with one source and with several.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.config.datasets.babel import Babel
from pipeline.config.encoders import Pretrain
from pipeline.config.experiments import Experiment
from pipeline.config.methods.contract import Method
from pipeline.config.methods.joint_rtn import OF_META_LR, JointRtn
from pipeline.config.methods.metaxl import MetaXL
from pipeline.config.methods.parts.rtn import Transforming
from pipeline.config.points import points
from pipeline.config.resolve import origin
from pipeline.config.schema import Settings
from pipeline.data.splits import count_of

KeyPath = tuple[str | int, ...]
Problem = tuple[KeyPath, str]

OF_PHI = ("meta_lr", "meta_optimizer", "meta_weight_decay", "phi_no_decay")
"""What changes nothing where φ is never trained."""


def key_path(path: KeyPath, method: Method, key: str) -> KeyPath:
    """Return where a method's entry sets a hyper-parameter: by itself or in its grid."""
    return (*path, "tune", key) if key in method.tune else (*path, key)


def check_options(path: KeyPath, method: Method) -> Iterator[Problem]:
    """Options of one entry must not contradict one another; nor may one change nothing at every point of a grid.

    Args:
        path: of the method's entry.
        method: the method.
    """
    if not isinstance(method, Transforming):
        return
    every = [point for point in points(method) if isinstance(point, Transforming)]
    found: dict[Problem, None] = {}
    for point in every:
        for i, place in enumerate(point.placement):
            if place in point.placement[:i]:
                found[key_path(path, method, "placement"), f"{place} stands there twice; an RTN per layer"] = None
        if isinstance(point, MetaXL):
            found |= {(key_path(path, method, key), text): None for key, text in contradictions(point)}
    yield from found
    yield from idle_options(path, method, every)
    mixtures = [point for point in every if isinstance(point, MetaXL) and point.combine is not None]
    if mixtures and not any(len(point.placement) > 1 for point in every):
        yield (
            key_path(path, method, "combine"),
            "tells how several placements go together, and there is only one, so this changes nothing; leave it out",
        )


def idle_options(path: KeyPath, method: Method, every: Sequence[Transforming]) -> Iterator[Problem]:
    """Options of an optimiser that `joint_rtn`'s RTN has at no point of the grid change nothing."""
    if not isinstance(method, JointRtn) or any(isinstance(p, JointRtn) and p.meta_lr is not None for p in every):
        return
    for key in OF_META_LR:
        given = getattr(method, key) != JointRtn.model_fields[key].default
        if given or key in method.tune:
            yield (
                key_path(path, method, key),
                "without meta_lr the RTN moves with the model, by the run's optimiser, so this changes nothing; set meta_lr, "
                "or leave it out",
            )


def contradictions(method: MetaXL) -> Iterator[tuple[str, str]]:
    """Yield keys that are set and change nothing beside the controls, and why."""
    given = method.model_fields_set
    if method.phi_frozen:
        for key in OF_PHI:
            if key in given and getattr(method, key) not in (None, False):
                yield key, "phi_frozen: true never trains the RTN, so this changes nothing; leave one of the two out"
    elif method.phi_no_decay and method.meta_weight_decay is not None:
        yield "meta_weight_decay", "phi_no_decay: true takes the penalty away; leave one of the two out"
    elif method.phi_no_decay and method.variant == "paper":
        yield "phi_no_decay", "variant paper has no L2 penalty unless meta_weight_decay sets one; leave it out"


def check_use(
    path: KeyPath, label: str, method: Method, experiment: Experiment, settings: Settings, batch_size: int
) -> Iterator[Problem]:
    """A method with RTNs must fit an experiment's encoder and sizes.

    Args:
        path: of the experiment's entry.
        label: the variant's or method's name.
        method: its settings, or one point of its grid.
        experiment: the experiment.
        settings: the whole config.
        batch_size: the batch size that the method has in the experiment.
    """
    if isinstance(method, Transforming):
        encoder = origin(settings, experiment.encoder)
        if isinstance(encoder, Pretrain):
            own = settings.methods.get(label, method)
            where = f"experiment {path[-1]!r}, encoder {experiment.encoder!r}"
            for key, text in unfitting(method, encoder):
                yield key_path(("methods", label), own, key), f"{text} ({where})"
    if isinstance(method, MetaXL):
        yield from check_batches(path, label, method, experiment, settings, batch_size)


def unfitting(method: Transforming, encoder: Pretrain) -> Iterator[tuple[str, str]]:
    """Yield the keys by which RTNs do not fit an encoder, and why."""
    depth, width = encoder.layers, encoder.hidden_size
    layers: Sequence[Any] = [depth if place == "top" else place for place in method.placement]
    for place in layers:
        if place > depth:
            yield "placement", f"{place} is beyond the encoder's {depth} layers; expected 0 to {depth}, or top"
    if "top" in method.placement and depth in method.placement:
        yield "placement", f"{depth} and top are the same layer"
    if method.bottleneck is not None and method.bottleneck >= width and not method.wide:
        yield (
            "bottleneck",
            f"{method.bottleneck} is no bottleneck, the encoder is {width} wide; expected less than {width}, or wide: true",
        )


def check_batches(
    path: KeyPath, label: str, method: MetaXL, experiment: Experiment, settings: Settings, batch_size: int
) -> Iterator[Problem]:
    """A target batch must be whole, and one that is halved has two examples."""
    if method.variant == "released" and batch_size < 2:
        yield (
            (*path, "methods", experiment.methods.index(label)),
            f"{label} halves target batches (variant: released), which a batch_size of {batch_size} cannot be; "
            "set training.batch_size to 2 or more, or variant: paper",
        )
    dataset = settings.datasets.get(experiment.dataset)
    known = dataset.sizes.train if isinstance(dataset, Babel) else None
    for given in experiment.target_size:
        if isinstance(given, float) and known is None:
            continue  # a share of what is not known before it is fetched
        size = known if given is None else given if known is None else count_of(known, given)
        if size is not None and size < batch_size:
            shown = f"all {size}" if given is None else str(int(size))
            yield (
                (*path, "target_size"),
                f"{shown} examples are less than one target batch of {label}, {batch_size}; "
                f"set training.batch_size to at most {int(size)}",
            )
