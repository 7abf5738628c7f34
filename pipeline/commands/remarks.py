"""What a valid config asks for and may regret: said beside the plan, refused nowhere."""

from collections.abc import Iterator

from pipeline.common.paths import default_config
from pipeline.grid.runs import Grid


def remarks(grid: Grid) -> Iterator[str]:
    """Yield a line where nothing would be trained, and for methods told to train in bfloat16 whose derivatives need float32."""
    if not grid.runs:
        yield f"no experiment is named, so nothing would run; to change the demo, name it first: {default_config()} my.yaml"
    told = [run for run in grid.runs.values() if run.spec["training"].get("precision") == "bfloat16"]
    named = sorted({label for run in told if needs_float32(run.spec) for _, label in run.uses})
    if named:
        yield (
            f"precision: bfloat16 is what {', '.join(named)} is told; its meta-gradient is derived through Adam's step, and "
            "through the first ones it is noise in bfloat16; precision: auto takes float32 (docs/metaxl.md)"
        )


def needs_float32(spec: dict[str, object]) -> bool:
    """Whether a run's method needs full precision with the run's optimiser (`Method.float32_with`)."""
    from pipeline.methods import build_method  # imports PyTorch

    method, training = spec["method"], spec["training"]
    assert isinstance(method, dict) and isinstance(training, dict)
    built = build_method(method["name"], {k: v for k, v in method.items() if k != "name"})
    return training.get("optimizer") in built.float32_with
