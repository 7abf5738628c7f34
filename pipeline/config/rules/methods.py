"""What one entry under `methods` must agree on with itself."""

from collections.abc import Iterator

from pipeline.config.methods import METHODS, PARENT
from pipeline.config.methods.contract import Method
from pipeline.config.rules.auxiliaries import check_fine_tuning, check_rates
from pipeline.config.rules.heads import check_own_head
from pipeline.config.rules.problems import Problem
from pipeline.config.rules.rtn import check_options
from pipeline.config.rules.tuning import check_grid


def check_method(name: str, method: Method) -> Iterator[Problem]:
    """A registered method's name means that method; settings a method does not use are refused."""
    path = ("methods", name)
    kind = method.registered_name()
    if name in METHODS and kind != name:
        yield (
            (*path, "method"),
            f"{name!r} is a method itself, so it cannot be a variant of {kind!r}; choose another name",
        )
    elif kind == PARENT and name != PARENT:
        yield path, f"{PARENT} has no variants: it is the parent of other methods; set its settings under its own name"
    for key in sorted(method.training.model_fields_set - method.training_keys):
        used = ", ".join(sorted(method.training_keys))
        yield (*path, "training", key), f"{kind} does not use it, so this changes nothing; it uses {used}"
    yield from check_own_head(path, method)
    yield from check_grid(path, method, kind == PARENT)
    yield from check_options(path, method)
    yield from check_rates(path, method)
    yield from check_fine_tuning(path, method)
