"""Configs that are broken at random: whatever is in them, the answer is a run's grid or one short message, and comes soon.

Valid configs are changed: keys go, come twice, get other names, values other kinds; as mappings (what Snakemake hands over), as
text, and by `--config key=value`. The short form is a sample of the long one.
"""

import copy
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.common.errors import LONGEST, UserError, readable
from pipeline.config.load import load, parse
from pipeline.config.reading import read_files
from pipeline.grid.demo import at_demo_scale
from pipeline.grid.layout import read_paper
from pipeline.grid.papers import Asked, Scale, chosen
from pipeline.grid.runs import expand
from tests.configs import BASE

ROOT = Path(__file__).parents[2]
CONFIGS = [*sorted((ROOT / "config").glob("demo-*.yaml")), *sorted((ROOT / "config/papers").glob("*.yaml"))]
SECONDS, LONG, SHORT = 10, 500, 25
"""CPU seconds that an answer may take; inputs of each kind in the long and the short form."""

ODD = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        float("inf"),
        float("nan"),
        10**30,
        10**400,
        2**63,
        1e308,
        "",
        " ",
        "~",
        "all",
        "target",
    ),
    *(
        "no",
        "a\ud800",
        "\x1b[31m",
        "{language}",
        "{",
        "../x",
        "~nobody/x",
        "a\0b",
        "中文 😀",
        "x" * 5000,
        "9" * 5000,
        "1e400",
    ),
    *([], {}, [[]], [None], {"x": None}, {None: 1}, {True: {}}, {1: 2}, [1, [2, [3, {"a": []}]]], date(2020, 1, 1)),
    *(["hubbish"] * 3, {"from": "hub"}, {"method": "joint"}, {"loader": "files"}, {"text": None}, b"bytes", {1, 2}),
]
"""What a value becomes."""

NAMES = [
    *("", "no", "x", "from", "method", "loader", "a.b", "a/b", "text", "dataset", "\udc80", "training", "x" * 300),
    *(7, 1.5, None, False),
]
"""What a key becomes."""

SNIPPETS = [
    *(
        "[",
        "]",
        "{",
        "}",
        ":",
        "- ",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!!set ",
        "? ",
        "|\n",
        "\t",
        "#",
        '"',
        "'",
        "---\n",
        "%",
    ),
    *("\0", ",", "", "no", "~", "1e999", "\u202e", "\ud800"),
]
"""What is put into text."""


VALUES = ["[1, 2]", "{a: 1, a: 2}", "{no: 1}", "[[[", "&a [*a]", "!!int ''", "{<<: 3}", "*x"]
"""What is put behind `key=`, beside odd values."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything in a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def mutated(raw: Any, chance: random.Random) -> Any:
    """Return a config with one to three changes."""
    raw = copy.deepcopy(raw)
    for _ in range(chance.randint(1, 3)):
        *parents, last = chance.choice([*places(raw)])
        there = raw
        for part in parents:
            there = there[part]
        what = chance.choice(["delete", "retype", "rename", "nest", "copy", "odd key"])
        if what == "delete":
            del there[last]
        elif what == "retype":
            there[last] = copy.deepcopy(chance.choice(ODD))
        elif what == "nest":
            there[last] = chance.choice(
                [[there[last]], {"x": there[last]}, {last: there[last]} if isinstance(last, str) else []]
            )
        elif what == "copy":
            there[last] = copy.deepcopy(raw[chance.choice([*raw])])
        elif isinstance(there, dict):
            there[chance.choice(NAMES)] = there.pop(last) if what == "rename" else chance.choice(ODD)
        if not raw:
            return raw
    return raw


def scrambled(text: str, chance: random.Random) -> str:
    """Return a text with one to four changes."""
    for _ in range(chance.randint(1, 4)):
        at, end = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        end = min(end, at + chance.choice([0, 1, 5, 80]))
        line = text[text.rfind("\n", 0, at) + 1 : end]
        put = chance.choice([*SNIPPETS, line])
        text = text[:at] + put + text[end:]
    return text


def override(raw: Any, chance: random.Random) -> str:
    """Return a change as it stands behind `--config`."""
    path = [str(part) for part in chance.choice([*places(raw)]) if isinstance(part, str)]
    for _ in range(chance.randint(0, 2)):
        path.insert(chance.randrange(len(path) + 1), str(chance.choice(NAMES)))
    value = chance.choice([*map(str, ODD[:30]), *VALUES])
    return ".".join(path) + chance.choice(["=", "=", "=", "", "=="]) + value


@contextmanager
def answered(given: object) -> Iterator[None]:
    """Hold that an answer is a grid or a short message that can be printed, and comes soon."""

    def late(*_: object) -> None:
        raise AssertionError(f"no answer: {readable(repr(given))}")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(30 * SECONDS)
    started = time.process_time()
    try:
        yield
    except UserError as error:
        assert str(error).strip() and len(str(error)) <= LONGEST
        str(error).encode("utf-8")
    except Exception as error:
        raise AssertionError(f"{error!r} of {readable(repr(given))}") from error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert time.process_time() - started < SECONDS, readable(repr(given))


def bases() -> list[Any]:
    return [BASE, *(read_files([path])[0] for path in CONFIGS)]


COUNT = pytest.mark.parametrize("count", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])


@COUNT
def test_mappings_that_are_already_read(count):
    chance = random.Random(count)
    known = bases()
    for n in range(count):
        raw = mutated(known[n % len(known)], chance)
        with answered(raw):
            expand(parse(raw))


@COUNT
def test_files(count, tmp_path):
    chance = random.Random(count + 1)
    texts = [yaml.safe_dump(BASE), *(path.read_text(encoding="utf-8") for path in CONFIGS)]
    path = tmp_path / "c.yaml"
    for n in range(count):
        text = scrambled(texts[n % len(texts)], chance)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with answered(text):
            expand(load([path]))


@COUNT
def test_overrides(count, tmp_path):
    chance = random.Random(count + 2)
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(BASE), encoding="utf-8")
    for _ in range(count):
        changes = [override(BASE, chance) for _ in range(chance.randint(1, 2))]
        with answered(changes):
            expand(load([path], changes))


@COUNT
def test_papers_targets_of_a_config_of_ones_own(count):
    chance = random.Random(count + 3)
    known = {path.stem: read_files([path])[0] for path in CONFIGS if path.parent.name == "papers"}
    for n in range(count):
        paper = [*known][n % len(known)]
        raw, without = mutated(known[paper], chance), chance.choice([(), ("wikiann",), ("none",)])
        with answered(raw):
            parse(raw)  # as the rules do: what is wrong by itself is said of the whole
            asked = Asked(paper, tuple(read_paper(paper).tables)[:1], tuple(read_paper(paper).figures))
            expand(parse(chosen(raw, asked, Scale(chance.random() < 0.7, None, without=without))))


def test_the_configs_that_are_changed_are_valid():
    for raw in bases():
        expand(parse(raw))
    assert at_demo_scale(BASE)["training"]
