"""What one entry under `methods` must agree on with itself."""

from collections.abc import Iterator

from pipeline.config.methods import METHODS, PARENT
from pipeline.config.methods.contract import Method
from pipeline.config.methods.parts.average import Average
from pipeline.config.methods.parts.maml import Episodic
from pipeline.config.rules.auxiliaries import check_fine_tuning, check_rates
from pipeline.config.rules.heads import HEAD, check_own_head
from pipeline.config.rules.problems import Problem
from pipeline.config.rules.rtn import check_options
from pipeline.config.rules.tuning import check_grid
from pipeline.config.training import FineTuning


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
        yield (*path, "training", key), f"{kind} does not use it, so this changes nothing; {used_instead(method, key)}"
    yield from check_own_head(path, method)
    yield from check_grid(path, method, kind == PARENT)
    yield from check_options(path, method)
    yield from check_rates(path, method)
    yield from check_fine_tuning(path, method)


def used_instead(method: Method, key: str) -> str:
    """Word what a method uses in the place of a training setting: that of its fine-tuning, or the keys its entry may set."""
    ends = isinstance(method, Episodic) and method.setting == "few_shot" and method.fine_tune is not None
    if ends and key in FineTuning.model_fields:
        return f"its fine-tuning on the target does: write fine_tune: {{{key}: {getattr(method.training, key)}}}"
    if isinstance(method, Average):
        return "its runs are trained and cut as those of the method it is of: set it there"
    own = method.training_keys - {HEAD} if method.has_parent else method.training_keys
    return f"it uses {', '.join(sorted(own))}"
