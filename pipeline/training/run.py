"""One run from its description to its predictions: what `python -m pipeline.stages.train` does."""

import datetime
import importlib.metadata
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import torch
from torch import nn

from pipeline.common import paths, signals
from pipeline.common.code import code_stamp, run_modules
from pipeline.common.files import write_parquet, write_text
from pipeline.common.integrity import sha256, write_sealed
from pipeline.common.stored import RUN_FILES, is_finished
from pipeline.data.schema import PREDICTIONS, PROBABLE
from pipeline.encoders.architectures import architecture_of, head_dropout
from pipeline.encoders.load import Encoder, load_encoder
from pipeline.encoders.pooler import pretrained_pooler
from pipeline.methods import build_method
from pipeline.methods.contract import Method, OptimizerSettings, Phase, Pool, Setting
from pipeline.tasks.examples import Examples
from pipeline.tasks.model import TaskModel, pass_again
from pipeline.tasks.probabilities import Floats
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.data import RunData, check_spec, reader_of, setting_of
from pipeline.training.devices import model_device, resolve_precision
from pipeline.training.kept import kept_by, load_average, load_parent, save_model
from pipeline.training.loop import Fitted, Ingredients, Loop
from pipeline.training.lora import add_adapters, fixed_names, layers_to_adapt
from pipeline.training.predictions import write_table
from pipeline.training.trimming import trimmed
from pipeline.training.warnings import find_warnings, made_again
from pipeline.training.weights import absent_classes, balanced_by_phase

VERSIONED = ("torch", "transformers", "tokenizers", "numpy", "pyarrow")


def train_run(
    name: str, spec: dict[str, Any], threads: int, keep_model: bool, started: float, asked: str | None = None
) -> None:
    """Train, evaluate and write one run.

    Args:
        name: its name, its folder under results/runs.
        spec: its whole description.
        threads: CPU threads.
        keep_model: whether the weights are kept for child runs.
        started: the monotonic time at which the process began.
        asked: the code hash that Snakemake remembers for the run.

    Raises:
        UserError: an input is missing or broken, a size is more than there is, or training diverges.
        AskedToEnd: by a signal; a checkpoint was written.
    """
    check_spec(spec)
    torch.set_num_threads(threads)
    stamp = code_stamp(run_modules(spec["method"]["name"], spec["task"]), asked)
    code = stamp["code"]
    checkpoints = Checkpoints(paths.run_dir(name) / f"checkpoint-{code}")
    if checkpoints.there and is_finished(name, spec, code, keep_model):
        print(f"{name}: was killed when it was finished; only its checkpoint was still to be deleted")
        checkpoints.clear()
        return
    method = build_method(spec["method"]["name"], {k: v for k, v in spec["method"].items() if k != "name"})
    phases = method.phases(Setting(**setting_of(spec)))
    ingredients, data = assemble(spec, method, phases)
    tests = {language: data.test(language) for language in spec["evaluate"]}  # what is missing is said before training
    ingredients, vocabulary = trimmed(spec, ingredients, data, phases, tests)
    checkpoints.of = ingredients.trimmed.digest if ingredients.trimmed else ""
    warnings = find_warnings(spec, data.counts)
    for warning in warnings:
        print(f"warning: {warning['says']}", file=sys.stderr, flush=True)
    weights = named_weights(ingredients)
    loop = Loop(ingredients, checkpoints, lambda records: write_history(name, records))
    fitted = loop.fit(phases)
    tested = time.monotonic()
    predictions, probabilities = predict(loop, tests, len(phases))
    fitted.evaluation_seconds += time.monotonic() - tested
    write_history(name, loop.records)
    write_steps(name, loop.steps)
    write_predictions(name, ingredients.task, code, tests, predictions, ingredients.labels, probabilities)
    if keep_model:
        loop.best, loop.optimisers = None, {}  # their memory goes to the word embeddings that come back
        save_model(paths.run_model(name), loop, method)
    record = {**describe(name, spec, code, threads, data, loop, phases), **stamp}
    record["model"] = sha256(paths.run_model(name)) if keep_model else None
    record["truncated_words"] = sum(examples.truncated_words for examples in tests.values())
    record["vocabulary"] = vocabulary
    record["warnings"] = warnings + made_again(loop.retries.fitting.float32_steps, len(loop.steps))
    if weights:
        record["class_weights"] = weights
    if spec["task"] == "qa":
        record["unreachable_answers"] = unreachable_answers(ingredients.task, tests)
    record["seconds"] = seconds(fitted, started)
    record["memory_mb"] = peak_memory()
    write_sealed(paths.run_record(name), record)
    checkpoints.clear()


def named_weights(ingredients: Ingredients) -> dict[str, dict[str, float]]:
    """Return what labels weigh, by phase and label, and say which classes have no example; nothing where all weigh the same."""
    found = {
        phase: dict(zip(ingredients.labels, weights.tolist(), strict=True))
        for phase, weights in ingredients.class_weights.items()
    }
    for phase, weights in found.items():
        if said := absent_classes(weights):
            print(f"warning: phase {phase}: {said}", file=sys.stderr, flush=True)
    return found


def unreachable_answers(task: ModuleType, tests: Mapping[str, Examples]) -> dict[str, int]:
    """Count the test questions that no prediction answers rightly (see `qa.unreachable`), and say so where there are any."""
    total: Counter[str] = Counter()
    for language, examples in tests.items():
        found: dict[str, int] = task.unreachable(examples)
        total.update(found)
        if any(found.values()):
            reasons = ", ".join(f"{reason} {n:,}" for reason, n in found.items() if n)
            print(
                f"{language}: of {len(examples.firsts):,} test questions {sum(found.values()):,} cannot score 1: {reasons}"
            )
    return dict(total)


def assemble(spec: dict[str, Any], method: Method, phases: Sequence[Phase]) -> tuple[Ingredients, RunData]:
    """Load the encoder and the examples, build the model; seeded by the run's `model_seed`."""
    folder, training = paths.encoder_dir(spec["encoder"]), spec["training"]
    optimizer = OptimizerSettings.of(training)
    encoder, lora = load_encoder(folder), training.get("lora")
    adapted = layers_to_adapt(encoder.model, lora) if lora else []
    lengths = training["max_length"], training.get("test_max_length"), training.get("longest_answer")
    reader = reader_of(spec["task"], encoder, folder, *lengths)
    task = reader.task
    data = RunData(reader, spec, spec["data_seed"])
    pools = read_pools(phases, data)
    if not data.labels:  # a run that trains nothing still needs the label set
        data.read(spec["evaluate"][0], "test")
    device = model_device()
    seed = spec["model_seed"] or 0  # of an average over seeds, which draws nothing that stays
    torch.manual_seed(seed)
    model = TaskModel(encoder.model, make_head(task, encoder, folder, data.labels, training))
    if spec["parent"]:
        load_parent(spec["parent"], model)
    if "members" in spec:
        load_average(spec["members"], model, data.labels)
    if lora:  # last: what else is drawn is drawn as without
        add_adapters(model.encoder, adapted, lora)
    if training.get("activation_checkpointing"):
        pass_again(model)
    ingredients = Ingredients(
        task=task,
        model=model,
        method=method,
        pools=pools,
        labels=data.labels,
        languages=tuple(sorted({pool.language for pool in pools} | set(spec["evaluate"]))),
        optimizer=optimizer,
        batch_size=training["batch_size"],
        pad_id=encoder.pad_id,
        seed=seed,
        device=device,
        precision=resolve_precision(
            training["precision"],
            device.type,
            optimizer.kind in method.float32_with or architecture_of(encoder.model).precision == "float32",
        ),
        select_metric=training.get("select_metric") or task.METRIC,
        class_weights=balanced_by_phase(phases, pools, len(data.labels)) if training.get("class_weights") else {},
        inherited=kept_by(spec["rates"]) if spec["rates"] else {},
        fixed=fixed_names(model),
        micro_batch=training.get("micro_batch"),
    )
    return ingredients, data


def make_head(
    task: ModuleType, encoder: Encoder, folder: Path, labels: Sequence[str], training: dict[str, Any]
) -> nn.Module:
    """Make the task's head, which `training.head` chooses where task and method have a choice.

    Raises:
        UserError: the checkpoint's pooler is asked for, and it has none.
    """
    config = encoder.model.config
    sizes = (config.hidden_size, labels, head_dropout(config))
    kind = training.get("head")
    if kind is None:
        made: nn.Module = task.make_head(*sizes)
        return made
    chosen: nn.Module = task.make_head(*sizes, kind, pretrained_pooler(folder) if kind == "pooler" else None)
    return chosen


def read_pools(phases: Sequence[Phase], data: RunData) -> dict[Pool, Examples]:
    """Read every pool that a phase trains on or selects on."""
    named = [pool for phase in phases for stream in phase.streams.values() for pool in stream.pools]
    named += [pool for phase in phases for pool in phase.select_on]
    return {pool: data.pool(pool) for pool in dict.fromkeys(named)}


def write_history(name: str, records: list[dict[str, Any]]) -> None:
    """Write `history.jsonl`, one line per epoch."""
    write_text(paths.history(name), "".join(json.dumps(record, sort_keys=True) + "\n" for record in records))


def write_steps(name: str, steps: list[dict[str, Any]]) -> None:
    """Write what every step logged: `phase`, `step`, then one column per scalar, null where a phase does not log it."""
    scalars = dict.fromkeys(key for step in steps for key in step if key not in ("phase", "step"))
    fields = [("phase", pa.string()), ("step", pa.int64()), *((key, pa.float32()) for key in scalars)]
    write_parquet(paths.steps(name), pa.Table.from_pylist(steps, schema=pa.schema(fields)))


def predict(loop: Loop, tests: Mapping[str, Examples], phases: int) -> tuple[dict[str, list[Any]], list[Floats] | None]:
    """Return the predictions of every evaluation language; and the probabilities of all in their order, where a task has any.

    Raises:
        AskedToEnd: by a signal; a checkpoint of what training through all `phases` came to was written.
    """
    probable: list[Floats] | None = [] if loop.task in PROBABLE else None
    try:
        return {language: loop.predict(examples, probable) for language, examples in tests.items()}, probable
    except signals.AskedToEnd as asked:
        loop.save_trained(phases)
        asked.kept = "with a checkpoint of the trained model"
        raise


def write_predictions(
    name: str,
    task: ModuleType,
    code: str,
    tests: Mapping[str, Examples],
    predictions: Mapping[str, list[Any]],
    labels: Sequence[str],
    probabilities: Sequence[Floats] | None,
) -> None:
    """Write the predictions of every evaluation language, a row an example, in the task's schema, with their probabilities."""
    kind = task.__name__.rpartition(".")[2]
    columns: dict[str, list[Any]] = {field: [] for field in PREDICTIONS[kind].names}
    for language, examples in tests.items():
        firsts = examples.firsts
        columns["lang"] += [language] * len(firsts)
        columns["split"] += ["test"] * len(firsts)
        columns["id"] += [examples.ids[row] for row in firsts]
        for field, values in task.stored([examples.gold[row] for row in firsts], predictions[language]).items():
            columns[field] += values
    write_table(name, kind, code, columns, labels, probabilities)


def count(loop: Loop, trainable: bool = False) -> int:
    """Return how many weights the whole model has, or how many of them training may move."""
    sizes, trimmed = {name: p.numel() for name, p in loop.model.named_parameters()}, loop.ingredients.trimmed
    if trimmed is not None:
        sizes[f"encoder.{trimmed.name}"] = trimmed.original.numel()
    return sum(sizes[name] for name, p in loop.model.named_parameters() if p.requires_grad or not trainable)


def describe(
    name: str, spec: dict[str, Any], code: str, threads: int, data: RunData, loop: Loop, phases: Sequence[Phase]
) -> dict[str, Any]:
    """Return the run's whole description but for its times."""
    fitted, i = loop.fitted, loop.ingredients
    members = (
        {"members": {name: sha256(paths.run_model(name)) for name in spec["members"]}} if "members" in spec else {}
    )
    selection = None
    if fitted.best_score is not None:
        pools = phases[-1].select_on
        selection = {
            "split": pools[0].split,
            "languages": [pool.language for pool in pools],
            "metric": i.select_metric,
            "value": fitted.best_score,
        }
    return {
        "run": name,
        "spec": spec,
        "code": code,
        "data": data.hashes,
        "encoder": sha256(paths.encoder_manifest(spec["encoder"])),
        **{kind: sha256(paths.run_model(spec[kind])) if spec[kind] else None for kind in ("parent", "rates")},
        **members,
        **{kind: sha256(path(name)) for kind, path in RUN_FILES.items() if kind != "model"},
        "versions": {package: importlib.metadata.version(package) for package in versioned(spec)},
        "threads": threads,
        "device": torch.cuda.get_device_name() if i.device.type == "cuda" else "cpu",
        "precision": i.precision,
        "parameters": count(loop),
        "trainable": count(loop, trainable=True) if any(phase.epochs for phase in phases) else 0,
        "epochs": fitted.epochs,
        "best_epoch": fitted.best_epoch,
        "selection": selection,
        "tokens": tokens(fitted),
        "tokenised": data.counts,
        **{key: value for key, value in vars(loop.retries.fitting).items() if value},
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def tokens(fitted: Fitted) -> dict[str, Any]:
    """Return how many sub-tokens there were in all batches of training and of evaluation, without padding and with it."""
    evaluation = {"useful": fitted.evaluation_useful, "processed": fitted.evaluation_processed}
    return {"useful": fitted.useful, "processed": fitted.processed, "evaluation": evaluation}


def versioned(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the packages whose versions a run's record names."""
    return (*VERSIONED, "peft") if spec["training"].get("lora") else VERSIONED


def peak_memory() -> int:
    """Return the most resident memory that this process had, in MB of 2^20 bytes."""
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


def seconds(fitted: Fitted, started: float) -> dict[str, float]:
    """Return where the run's time went, in seconds; the overhead is what is neither training nor evaluation."""
    total = time.monotonic() - started
    spent = fitted.training_seconds + fitted.evaluation_seconds
    parts = {"total": total, "training": fitted.training_seconds, "evaluation": fitted.evaluation_seconds}
    return {name: round(value, 3) for name, value in {**parts, "overhead": total - spent}.items()}
