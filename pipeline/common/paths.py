"""Where everything lies: every path of the pipeline is built here, relative to the working directory.

`dataset` and `encoder` are keys, `<name>-<id>`: the name from the config and a hash of what determines the content, so two
configs never overwrite each other's data and changing a setting back finds the old files.
"""

import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

RESULTS = Path("results")
RESOURCES = Path("resources")
SPLITS = ("train", "dev", "test")
HANDED = Path(".snakemake") / "metalingua"
"""Where lies what Snakemake hands to its jobs."""


def workflow_folder() -> Path:
    """The folder of the Snakefile, with `rules/`, `config/`, `profiles/`, `envs/`: the clone, or inside the installed package."""
    package = Path(__file__).resolve().parents[1]
    return package / "_workflow" if (package / "_workflow").is_dir() else package.parent


def default_config() -> Path:
    """The config where none is named: `config/config.yaml` of the working directory, or else the demo."""
    own = Path("config/config.yaml")
    return own if own.is_file() else workflow_folder() / own


def expanded(path: str) -> str:
    """A path of the config as it is opened: `~` and `~user` stand for home folders. Identities have it as written."""
    return os.path.expanduser(path)  # noqa: PTH111 (pathlib takes ./~x for it too)


def raw_manifest(dataset: str, language: str) -> Path:
    """The list of downloaded files of one language of a dataset (files lie beside it)."""
    return RESOURCES / "raw" / dataset / language / "manifest.json"


def own_content(dataset: str, language: str) -> Path:
    """What the user's own files of one language hold, by split: an input of their download."""
    return HANDED / "own" / dataset / f"{language}.json"


def own_hashes() -> Path:
    """Hashes of the user's own files, so that none is hashed at every start."""
    return HANDED / "own" / "hashes.json"


def data_dir(dataset: str, language: str) -> Path:
    """The folder of one language's Parquet splits."""
    return RESULTS / "data" / dataset / language


@cache
def split(dataset: str, language: str, name: str) -> Path:
    """One Parquet split: `train`, `dev`, `test`, or `text` (the raw text of the training side)."""
    return data_dir(dataset, language) / f"{name}.parquet"


def run_split(spec: Mapping[str, Any], language: str, name: str, source: bool = False) -> Path:
    """One split of those a run reads, by its spec: the sources' from a dataset of their own where they have one."""
    return split((source and spec["source_dataset"]) or spec["dataset"], language, name)


def data_report(dataset: str, language: str) -> Path:
    """What preprocessing kept, dropped and saw in one language (JSON)."""
    return data_dir(dataset, language) / "report.json"


def tested(specs: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The (dataset, language) pairs that runs of these specs are tested on, sorted."""
    return sorted({(spec["dataset"], language) for spec in specs for language in spec["evaluate"]})


def encoder_dir(encoder: str) -> Path:
    """The folder of an encoder: `config.json`, `model.safetensors`, `tokenizer.json`, `manifest.json`."""
    return RESOURCES / "encoders" / encoder


@cache
def encoder_manifest(encoder: str) -> Path:
    """The encoder's manifest: spec, code hash and SHA-256 of each file; the file the DAG knows an encoder by."""
    return encoder_dir(encoder) / "manifest.json"


def run_dir(run: str) -> Path:
    """The folder of a run."""
    return RESULTS / "runs" / run


def predictions(run: str) -> Path:
    """Predictions of a run for all its evaluation languages."""
    return run_dir(run) / "predictions.parquet"


def run_record(run: str) -> Path:
    """The whole description of a finished run (JSON)."""
    return run_dir(run) / "run.json"


def steps(run: str) -> Path:
    """What a run logged at every step."""
    return run_dir(run) / "steps.parquet"


def history(run: str) -> Path:
    """One JSON line per epoch of a run."""
    return run_dir(run) / "history.jsonl"


def run_model(run: str) -> Path:
    """The weights a parent run keeps for its children."""
    return run_dir(run) / "model" / "model.safetensors"


def representations(run: str, view: str) -> Path:
    """Representations of a run's source and target sentences in its model; `view` is the digest of what is looked at."""
    return run_dir(run) / f"representations-{view}" / "points.parquet"


def outcomes(run: str) -> Path:
    """Per-example outcomes of a run."""
    return run_dir(run) / "scores.parquet"


def code_record(code: str) -> Path:
    """Which files a code hash is of, with a hash of each (JSON): left by whatever ran with that code."""
    return RESULTS / "code" / f"{code}.json"


def code_answers() -> Path:
    """There once any result answers to another code hash than its own: then descriptions must be asked."""
    return RESULTS / "code" / "answers_to"


def scored() -> Path:
    """The SHA-256 of every run's outcomes (JSON): what the score stage has seen to."""
    return RESULTS / "scored.json"


def scores() -> Path:
    """All runs' scores, one row per experiment, run, language and metric."""
    return RESULTS / "scores.parquet"


def table(name: str, suffix: str) -> Path:
    """A table of the config, as `csv`, `md`, `tex` or `html`."""
    return RESULTS / "tables" / f"{name}.{suffix}"


def printed(name: str, suffix: str) -> Path:
    """A table in a paper's own order, as `csv`, `md` or `tex`; a paper's document, as `tex` or `pdf`."""
    return RESULTS / "papers" / f"{name}.{suffix}"


def decisions(table: str) -> Path:
    """Which comparisons of a table are decided, and how many seeds its cells are to have (JSON)."""
    return RESULTS / "decisions" / f"{table}.json"


def analysis(name: str, suffix: str) -> Path:
    """An analysis of the config, as `csv`, `md`, `tex` or `json`."""
    return RESULTS / "analyses" / f"{name}.{suffix}"


def errors(name: str, suffix: str) -> Path:
    """An error analysis of the config, as `csv`, `md`, `tex`, `pdf` or `png`."""
    return RESULTS / "errors" / f"{name}.{suffix}"


def figure(name: str, suffix: str) -> Path:
    """A figure of an analysis, as `pdf` or `png`."""
    return RESULTS / "figures" / f"{name}.{suffix}"
