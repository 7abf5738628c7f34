"""A paper's config at demo scale: the same grid, with Babel for its data, a tiny encoder for its own, and hardly any training.

Each language of the config has a stand-in among Babel's, `babel` and its code, a relative of `hubbish`; so every table keeps its
rows and columns. It shows that a table can be made, on a laptop, and nothing of the methods.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.config.datasets.babel import Babel

TASKS = {
    "wikiann": "ner",
    **dict.fromkeys(("marc", "sentipers", "sentiraama", "cls10"), "sentiment"),
    **dict.fromkeys(("multinli", "xnli"), "nli"),
    **dict.fromkeys(("squad", "mlqa"), "qa"),
}
"""By loader: its task; others say it."""

OWN_TASK: str = Babel.model_fields["task"].default
"""Of Babel, where it says none."""

PARALLEL = ("xnli",)
"""Loaders whose languages say the same, row by row."""

SPLITS = {"train": 80, "dev": 24, "test": 40, "text": 150}

ENCODER: dict[str, Any] = {
    **{"from": "pretrain", "layers": 12, "hidden_size": 32, "heads": 2, "vocabulary_size": 600, "max_length": 64},
    **{"steps": 20, "batch_size": 16, "learning_rate": 3.0e-3},
}
"""Twelve layers, so that RTNs and frozen layers have the places they have in a paper."""

LESS = {
    **{"epochs": 1, "max_length": 64, "batch_size": 8, "learning_rate": 1.0e-3, "bottleneck": 8, "back_off_epochs": 1},
    **{"iterations": 2, "episodes": 2, "episode_steps": 4, "interval": 2, "held_out_batches": 1, "pieces": 60},
    **{"train_episodes": 3, "test_episodes": 2, "eval_times": 2, "support_size": 2, "query_size": 4, "neighbours": 4},
    **{"sentences": 20, "draws": 5, "model_seeds": [1, 2]},
}
"""By key, wherever it stands: what it is at demo scale."""

UNSAID: dict[str, dict[str, Any]] = {
    "x_maml": {"iterations": 2, "training": {"batch_size": 8}},
    "meta_optimizer": {"episode_steps": 4, "held_out_batches": 1},
    "reptile_fine_tune": {"iterations": 2},
}
"""By method: settings whose defaults are of a paper's size."""

SECTIONS = ("datasets", "encoders", "methods", "experiments", "tables", "analyses", "figures")

SIZES = ("source_size", "target_size", "auxiliary_size", "dev_size")
LANGUAGES = ("language", "languages", "sources", "targets", "auxiliaries", "auxiliary", "support", "query")
WORDS = ("target", "all", "average")
"""What may stand in the place of a language and is none."""

PREFIX = "babel"
"""Before a language's code, in the name of its stand-in."""

NAMED = ("dataset", "source_dataset", "encoder")


def at_demo_scale(config: Mapping[str, Any], encoder: str | None = None) -> dict[str, Any]:
    """Return a config at demo scale.

    Args:
        config: as it is read, complete.
        encoder: a folder with the encoder to take; without one, `ENCODER` is pretrained.
    """
    made: dict[str, Any] = {key: value for key, value in config.items() if key not in SECTIONS}
    for section in SECTIONS:  # names may be called as keys are
        made[section] = {name: _less(entry) for name, entry in (config.get(section) or {}).items()}
    made["training"] = _less(config.get("training") or {})
    named = _languages(config)
    family = {
        f"{PREFIX}{code}": {"parent": "hubbish", "change_rate": round(0.05 + 0.02 * i, 2)}
        for i, code in enumerate(named)
    }
    pairs = [(entry["dataset"], entry.get("source_dataset")) for entry in config["experiments"].values()]
    used = dict.fromkeys(name for pair in pairs for name in pair if name)
    related = {name for pair in pairs if pair[1] for name in pair}  # sources are of the targets' family
    made["datasets"] = {
        called(name): {
            **{
                "loader": "babel",
                "task": TASKS.get(config["datasets"][name]["loader"]) or config["datasets"][name].get("task", OWN_TASK),
            },
            **{"seed": 0 if name in related else i, "sizes": dict(SPLITS), "family": family},
            **({"parallel": True} if config["datasets"][name]["loader"] in PARALLEL else {}),
        }
        for i, name in enumerate(used)
    }
    made["encoders"] = _encoders(config, made["experiments"], encoder)
    made["methods"] = _methods(made)
    return made


def stand_in(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a cell with Babel's languages and the sizes of demo scale; what is published stays."""
    return {key: value if key == "published" else _changed(key, value) for key, value in entry.items()}


def called(name: Any) -> Any:
    """What a dataset or an encoder of a paper is called at demo scale: runs and captions must not bear its own name."""
    return f"demo-{name}" if isinstance(name, str) and name not in WORDS else name


def _changed(key: str, value: Any) -> Any:
    if key in NAMED:
        return called(value)
    if key in LANGUAGES:
        return _each(value, _stand_in)
    if key in SIZES:
        return _each(value, _size)
    return _less(value)


def _less(value: Any) -> Any:
    """Replace, wherever they stand, languages by their stand-ins and sizes and lengths of training by those of a demo."""
    if isinstance(value, list):
        return [_less(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    made: dict[str, Any] = {}
    for key, one in value.items():
        if key == "test_max_length":
            continue
        if key == "tune":
            made[key] = {name: values[:2] if isinstance(values, list) else values for name, values in one.items()}
        elif key == "head" and one == "pooler":
            made[key] = "fresh"  # a tiny encoder has no pooler that was trained
        elif key in LESS and not isinstance(one, Mapping):
            made[key] = LESS[key]
        else:
            made[key] = _changed(key, one)
    return made


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list | tuple):
        return [_each(one, change) for one in value]
    return change(value)


def _stand_in(code: Any) -> Any:
    if not isinstance(code, str) or code in WORDS:
        return code
    return "+".join(f"{PREFIX}{part}" for part in code.split("+"))


def _size(size: Any) -> Any:
    """Shrink a number of examples, so that a larger one stays larger; shares and `all` stay."""
    try:
        number = float(size)
    except (TypeError, ValueError):
        return size
    return max(8, round(8 * math.log2(number / 50))) if number >= 1 else size


def _languages(config: Mapping[str, Any]) -> list[str]:
    """Return all languages that a config's experiments and methods name, each once."""
    found: dict[str, None] = {}

    def add(value: Any) -> None:
        _each(value, lambda code: found.setdefault(code) if code not in WORDS else None)

    for entry in config["experiments"].values():
        for key in ("sources", "targets", "auxiliaries"):
            add(entry.get(key, []))
    for entry in (config.get("methods") or {}).values():
        for key in ("support", "query"):
            if entry.get(key) is not None:
                add(entry[key])
    return list(found)


def _encoders(config: Mapping[str, Any], experiments: Mapping[str, Any], folder: str | None) -> dict[str, Any]:
    text: dict[str, dict[str, None]] = {}
    for entry in experiments.values():
        here = text.setdefault(entry["dataset"], {})
        for key in ("sources", "targets", "auxiliaries"):
            _each(entry.get(key, []), here.setdefault)
    pretrained = {**ENCODER, "text": [{"dataset": name, "languages": list(codes)} for name, codes in text.items()]}
    own = {"from": "folder", "folder": folder} if folder else pretrained
    made = {
        called(name): _less(entry) if entry["from"] in ("extend", "continue") else dict(own)
        for name, entry in config["encoders"].items()
    }
    asked = {entry["encoder"] for entry in experiments.values()}
    asked |= {made[name]["encoder"] for name in asked if "encoder" in made[name]}
    return {name: entry for name, entry in made.items() if name in asked}


def _methods(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give methods whose defaults are of a paper's size those of a demo, where they do not say otherwise."""
    methods: dict[str, Any] = dict(config.get("methods") or {})
    listed = {method for entry in config["experiments"].values() for method in entry["methods"]}
    for name in listed & UNSAID.keys():
        methods.setdefault(name, {})
    for name, entry in methods.items():
        more = UNSAID.get(entry.get("method", name), {})
        if entry.get("meta_train", True):
            methods[name] = {**more, **entry}
            if "training" in more:
                methods[name]["training"] = {**more["training"], **(entry.get("training") or {})}
    return methods
