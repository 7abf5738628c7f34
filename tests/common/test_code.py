"""Code hashes see what runs, and nothing else."""

import ast
import time
from pathlib import Path

import pytest

from pipeline.common import code
from pipeline.common.errors import UserError

FILES = {
    "pipeline/__init__.py": "",
    "pipeline/stages/__init__.py": "",
    "pipeline/stages/train.py": "import torch\nfrom pipeline.loop import run\n\ndef main():\n    run()\n",
    "pipeline/loop.py": '"""The loop."""\nimport pipeline.parts.scale as scale\n\ndef run():\n    return scale.FACTOR * 2\n',
    "pipeline/parts/__init__.py": "from . import shared\n",
    "pipeline/parts/scale.py": "from .shared import BASE\nfrom .. import errors\nFACTOR = BASE\n",
    "pipeline/parts/shared.py": "BASE = 1\n",
    "pipeline/errors.py": "class UserError(Exception):\n    pass\n",
    "pipeline/methods/__init__.py": "",
    "pipeline/methods/joint.py": "def build():\n    from pipeline.methods import common\n    return common\n",
    "pipeline/methods/common.py": "STEP = 1\n",
    "pipeline/methods/other.py": "STEP = 2\n",
    "pipeline/tasks/__init__.py": "",
    "pipeline/tasks/ner.py": "LABELS = 7\n",
    "pipeline/plan.py": "import pipeline.loop\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "_ROOT", tmp_path / "pipeline")
    forget()
    yield tmp_path
    forget()


def forget():
    """Make the next hash read the files again, as a new process would."""
    for remembered in (code._code_hash, code._parse, code._whole):
        remembered.cache_clear()


def edit(package: Path, name: str, text: str) -> None:
    (package / name).write_text(text)
    forget()


def joint() -> str:
    return code.run_code("joint", "ner")


def test_a_hash_is_twelve_digits_and_stays(package):
    first = joint()
    assert len(first) == 12
    assert int(first, 16) >= 0
    forget()
    assert joint() == first


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pipeline/stages/train.py", FILES["pipeline/stages/train.py"] + "\nmain()\n"),
        ("pipeline/loop.py", FILES["pipeline/loop.py"].replace("* 2", "* 3")),
        ("pipeline/parts/__init__.py", "from . import shared\nX = 1\n"),  # a package runs with its modules
        ("pipeline/parts/shared.py", "BASE = 2\n"),  # by a relative import, three modules away
        ("pipeline/parts/shared.py", "BASE = 1.0\n"),
        ("pipeline/parts/shared.py", "BASE = True\n"),
        ("pipeline/parts/shared.py", "BASE = '1'\n"),
        ("pipeline/errors.py", FILES["pipeline/errors.py"] + "X = 1\n"),  # by `from .. import`
        ("pipeline/methods/common.py", "STEP = 3\n"),  # imported inside a function
        ("pipeline/tasks/ner.py", "LABELS = 9\n"),
        ("pipeline/__init__.py", "X = 1\n"),
    ],
)
def test_an_edit_of_what_runs_changes_the_hash(package, name, text):
    before = joint()
    edit(package, name, text)
    assert joint() != before
    edit(package, name, FILES[name])
    assert joint() == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pipeline/loop.py", "# a comment\n" + FILES["pipeline/loop.py"]),
        ("pipeline/loop.py", FILES["pipeline/loop.py"].replace("The loop.", "Another docstring.")),
        ("pipeline/loop.py", FILES["pipeline/loop.py"].replace('"""The loop."""\n', "")),
        (
            "pipeline/loop.py",
            FILES["pipeline/loop.py"].replace("scale.FACTOR * 2", "(\n        scale.FACTOR  *  2\n    )"),
        ),
        ("pipeline/parts/shared.py", 'BASE = 0x1\n"""What everything is measured by."""\n'),
        ("pipeline/errors.py", 'class UserError(Exception):\n    """One."""\n\n    pass\n'),
        ("pipeline/methods/other.py", "STEP = 3\n"),  # another method
        ("pipeline/plan.py", "import pipeline.loop\nX = 1\n"),  # not imported by a run
        ("pipeline/new.py", "X = 1\n"),
    ],
)
def test_an_edit_of_anything_else_does_not(package, name, text):
    before = joint()
    edit(package, name, text)
    assert joint() == before


def test_a_moved_line_is_no_statement_of_another_block(package):
    before = code.code_hash(["pipeline.parts.shared"])
    edit(package, "pipeline/parts/shared.py", "if BASE:\n    A = 1\n    B = 2\n")
    nested = code.code_hash(["pipeline.parts.shared"])
    edit(package, "pipeline/parts/shared.py", "if BASE:\n    A = 1\nB = 2\n")
    assert len({before, nested, code.code_hash(["pipeline.parts.shared"])}) == 3


def test_only_the_function_that_a_docstring_alone_fills_loses_it():
    def shape(text: str) -> str:
        return code.tree_shape(ast.parse(text))

    assert shape('def f():\n    """Doc."""\n') == shape("def f():\n    'other'\n")
    assert shape("x = 'a'\n") != shape("x = 'b'\n")
    assert shape("f('a')\n") != shape("f('b')\n")
    assert shape("def f():\n    return 'a'\n") != shape("def f():\n    return 'b'\n")
    assert shape("x = [1, [2]]\n") != shape("x = [[1], 2]\n")
    assert shape("f(a, b=1)\n") != shape("f(a, b, 1)\n")


def test_methods_have_their_own_hash(package):
    assert joint() != code.run_code("other", "ner")
    assert code.code_hash(["pipeline.stages.train", "pipeline.loop"]) == code.code_hash(
        ["pipeline.loop", "pipeline.stages.train"]
    )


def test_a_missing_or_broken_module_is_named(package):
    with pytest.raises(UserError, match=r"pipeline\.methods\.none: no such module"):
        code.run_code("none", "ner")
    edit(package, "pipeline/loop.py", "def run(:\n")
    with pytest.raises(UserError, match=r"loop\.py:1: not valid Python"):
        joint()


def test_imports_in_circles_end(package):
    edit(package, "pipeline/parts/shared.py", "from pipeline.stages import train\nBASE = 1\n")
    assert len(joint()) == 12


def test_this_package_is_hashed_quickly():
    root = Path(code.__file__).parents[1]
    modules = [".".join(path.relative_to(root.parent).with_suffix("").parts) for path in root.rglob("*.py")]
    forget()
    started = time.process_time()
    code.code_hash([module.removesuffix(".__init__") for module in modules])
    assert time.process_time() - started < 0.02 * len(modules)
    started = time.process_time()
    for _ in range(1000):
        code.run_code("joint", "ner")
    assert time.process_time() - started < 0.1  # remembered


def test_a_run_does_not_hang_on_the_config_or_on_results():
    """The arrows of the design: training knows neither, so neither's edits train anew."""
    code.run_code("joint", "ner")
    seen, waiting = set(), ["pipeline.stages.train", "pipeline.methods.joint", "pipeline.tasks.ner"]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += code._parse(module).imports
    assert not [module for module in seen if "config" in module or "results" in module or "grid" in module]
    assert "pipeline.training.loop" in seen
    assert not [
        m for m in seen if m.startswith("pipeline.methods.") and m.rsplit(".", 1)[1] in ("few_shot", "zero_shot")
    ]


# ------------------------------------------------------------------------------------------------- what it is, not where it lies


def move(package: Path, old: str, new: str, *edits: tuple[str, str, str]) -> None:
    """Move a file, and mend what imports it."""
    (package / new).parent.mkdir(parents=True, exist_ok=True)
    (package / old).rename(package / new)
    for name, before, after in edits:
        text = (package / name).read_text()
        assert before in text
        (package / name).write_text(text.replace(before, after))
    forget()


def test_a_module_that_moves_changes_no_hash(package):
    before = joint()
    for folder in ("house", "house/rooms"):
        (package / "pipeline" / folder).mkdir()
        (package / "pipeline" / folder / "__init__.py").write_text('"""Nothing but words."""\n')
    move(
        package,
        "pipeline/loop.py",
        "pipeline/house/rooms/loop.py",
        ("pipeline/stages/train.py", "from pipeline.loop import run", "from pipeline.house.rooms.loop import run"),
    )
    assert joint() == before
    move(
        package,
        "pipeline/methods/common.py",
        "pipeline/house/common.py",
        ("pipeline/methods/joint.py", "from pipeline.methods import common", "from pipeline.house import common"),
    )
    assert joint() == before


def test_another_name_for_the_same_module_changes_a_hash(package):
    before = joint()
    move(
        package,
        "pipeline/loop.py",
        "pipeline/cycle.py",
        ("pipeline/stages/train.py", "from pipeline.loop import run", "from pipeline.cycle import run as loop"),
    )
    assert joint() != before, "the name that is bound is part of what the code says"


def test_the_same_name_from_another_module_changes_a_hash(package):
    edit(
        package, "pipeline/parts/scale.py", "from .shared import BASE\nfrom .. import errors\nFACTOR = BASE\nMORE = 1\n"
    )
    edit(package, "pipeline/parts/other.py", "FACTOR = 7\n")
    edit(package, "pipeline/loop.py", FILES["pipeline/loop.py"] + "import pipeline.parts.other as other\n")
    before = joint()
    swapped = FILES["pipeline/loop.py"].replace("parts.scale", "parts.other")
    edit(package, "pipeline/loop.py", swapped + "import pipeline.parts.scale as other\n")
    assert joint() != before, "the same modules, bound the other way round"


def test_files_that_differ_are_named_wherever_they_lie(package):
    modules = code.run_modules("joint", "ner")
    before = code.code_files(modules)
    move(
        package,
        "pipeline/methods/common.py",
        "pipeline/common.py",
        ("pipeline/methods/joint.py", "from pipeline.methods import common", "from pipeline import common"),
    )
    assert code.files_that_differ(before, code.code_files(modules)) == []
    edit(package, "pipeline/tasks/ner.py", "LABELS = 9\n")
    assert code.files_that_differ(before, code.code_files(modules)) == ["pipeline/tasks/ner.py"]
    (package / "pipeline/errors.py").unlink()
    edit(package, "pipeline/parts/scale.py", "from .shared import BASE\nFACTOR = BASE\n")
    assert code.files_that_differ(before, code.code_files(modules)) == [
        "pipeline/errors.py",
        "pipeline/parts/scale.py",
        "pipeline/tasks/ner.py",
    ]
