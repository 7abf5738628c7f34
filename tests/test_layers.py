"""The house of `docs/architecture.md`: imports run one way, without circles, and what the workflow starts with stays light.

commands, stages → grid → config
stages → forks → common
commands, stages → results → training → methods → tasks → encoders → data → common, methods → meta → common
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "pipeline"

DATA = {"data", "common"}
METHODS = {"methods", "tasks", "encoders", "meta", *DATA}
RESULTS = {"results", "training", *METHODS}
BELOW = {
    "common": {"common"},
    "forks": {"forks", "common"},
    "data": DATA,
    "tasks": {"tasks", "encoders", *DATA},
    "encoders": {"encoders", *DATA},
    "meta": {"meta", "common"},
    "methods": METHODS,
    "training": {"training", *METHODS},
    "results": RESULTS,
    "config": {"config", "common"},
    "grid": {"grid", "config", "common"},
    "stages": {"stages", "forks", *RESULTS},
    "commands": {"commands", "grid", "config", *RESULTS},
}
"""By room: the rooms it may import, itself among them."""

VOCABULARY = {
    "pipeline.data.schema",
    "pipeline.data.splits",
    "pipeline.data.loaders",
    "pipeline.data.corpora.babel.family",
    "pipeline.data.corpora.files.labels",
    "pipeline.data.formats.delimited",
    "pipeline.data.formats.workbooks",
    "pipeline.tasks.metric_names",
    "pipeline.tasks.qa_score",
    "pipeline.methods.parts.fine_tuning",
    "pipeline.methods.parts.sides",
}
"""What config and grid know of the rooms that do the work: names, labels, languages. No PyTorch, no data."""

STOREYS = {
    "results": ["statistics", "scores", "tables", "printed", "analyses", "errors", "figures"],
    "data": ["formats", "corpora"],
    "methods": ["parts"],
    "config": ["documentation"],
}
"""By room: its folders, each of which imports those before it and no others (`corpora` may be asked for by name alone)."""

HEAVY = ("torch", "transformers", "datasets", "pandas", "scipy", "sklearn", "matplotlib", "seqeval", "tokenizers")
MOST = 20
ONE_FILE_EACH = {"methods", "config/methods"}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imported(module: str) -> frozenset[str]:
    """The modules of ours that a module imports anywhere in it, for types alone too."""
    known = modules()
    names: set[str] = set()
    for node in ast.walk(ast.parse(known[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative import"
            base = node.module or ""
            names |= {full if (full := f"{base}.{alias.name}") in known else base for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return frozenset(names & known.keys())


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def edges() -> Iterator[tuple[str, str]]:
    for module in modules():
        for other in imported(module):
            yield module, other


def test_every_folder_has_its_place():
    assert {p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"} == set(BELOW)
    assert [p.name for p in PACKAGE.glob("*.py")] == ["__init__.py"], "no file stands in the lobby"


@pytest.mark.parametrize("name", BELOW)
def test_a_room_imports_only_what_is_below_it(name):
    wrong = {
        f"{module} imports {other}"
        for module, other in edges()
        if room(module) == name
        and room(other) not in BELOW[name]
        and not (name in ("config", "grid") and other in VOCABULARY)
    }
    assert not wrong


def test_the_vocabulary_is_asked_for_by_config_or_grid():
    asked = {other for module, other in edges() if room(module) in ("config", "grid")}
    assert asked >= VOCABULARY


@pytest.mark.parametrize("name", STOREYS)
def test_a_room_s_folders_import_one_way(name):
    for i, folder in enumerate(STOREYS[name]):
        here = f"pipeline.{name}.{folder}"
        above = [f"pipeline.{name}.{other}" for other in STOREYS[name][i + 1 :]]
        assert not [
            (module, other)
            for module, other in edges()
            if module.startswith(here) and other.startswith(tuple(f"{folder}." for folder in above))
        ]


def test_every_folder_of_a_room_is_told():
    """A folder that a room holds is in the list above, or holds one thing each (corpora, kinds of config)."""
    folders = {
        f"{p.parent.name}/{p.name}" for r in STOREYS for p in (PACKAGE / r).iterdir() if (p / "__init__.py").exists()
    }
    told = {f"{name}/{folder}" for name, all_of in STOREYS.items() for folder in all_of}
    assert folders == told | {"config/datasets", "config/methods", "config/rules"}


def test_there_is_no_circle():
    try:
        TopologicalSorter({module: imported(module) for module in modules()}).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_rooms_have_no_circle_either():
    graph: dict[str, set[str]] = {}
    for module, other in edges():
        if room(other) and room(module) != room(other) and other not in VOCABULARY:
            graph.setdefault(room(module), set()).add(room(other))
    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", ["pipeline.grid.jobs", "pipeline.commands.main"])
def test_what_the_workflow_starts_with_is_light(module):
    code = f"import sys, {module}; print(*[name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.split() == []


def test_no_folder_shows_more_than_a_screen():
    for folder in [PACKAGE, *(p for p in PACKAGE.rglob("*") if p.is_dir() and p.name != "__pycache__")]:
        entries = [p for p in folder.iterdir() if p.name not in ("__pycache__", "__init__.py")]
        name = folder.relative_to(PACKAGE).as_posix()
        assert len(entries) <= MOST + 10 * (name in ONE_FILE_EACH), f"{name}: {len(entries)} entries"


def test_no_prefix_is_a_folder_that_nobody_made():
    """Three files of a folder that begin with the same word want a folder of that name."""
    for folder in {path.parent for path in modules().values()}:
        words = [path.stem.split("_")[0] for path in folder.glob("*_*.py") if not path.stem.startswith("_")]
        often = {word for word in words if words.count(word) >= 3}
        assert not often, f"{folder.relative_to(ROOT)}: {often}"


def test_config_methods_mirror_the_methods():
    def files(folder: str) -> set[str]:
        return {path.stem for path in (PACKAGE / folder).glob("*.py")}

    assert files("config/methods") == files("methods")
    assert files("config/methods/parts") - {"auxiliary"} <= files("methods/parts")
