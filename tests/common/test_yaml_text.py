"""YAML is read within bounds: nothing is built of what has none."""

import time

import pytest

from pipeline.common.errors import UserError
from pipeline.common.yaml_text import DEEPEST, MOST_BYTES, MOST_NODES, check_shape, read_bounded, read_yaml


def bomb(levels: int, width: int, pattern: str) -> str:
    lines = [f"a0: &a0 {pattern % ', '.join(['x'] * width)}"]
    lines += [f"a{n}: &a{n} {pattern % ', '.join([f'*a{n - 1}'] * width)}" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text", [bomb(9, 9, "[%s]"), bomb(30, 2, "[%s]"), bomb(8, 9, "{<<: [%s]}").replace("x,", "{x: 1},")]
)
def test_aliases_that_expand_without_bounds_are_refused_at_once(text):
    started = time.perf_counter()
    with pytest.raises(
        UserError, match=rf"^c\.yaml:\d+: its aliases expand to more than {MOST_NODES:,} keys and values"
    ):
        read_yaml(text, "c.yaml")
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " + "[" * 5000 + "]" * 5000,
        "{a: " * 5000 + "1" + "}" * 5000,
        "\n".join(" " * n + "-" for n in range(900)),
    ],
)
def test_what_is_nested_too_deep_is_refused(text):
    with pytest.raises(
        UserError, match=rf"^c\.yaml:\d+: lists and mappings are nested deeper than {DEEPEST}; .*not be closed"
    ):
        read_yaml(text, "c.yaml")


def test_depth_counts_through_aliases():
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, DEEPEST + 1))]
    assert read_yaml("\n".join(lines[:-2]), "c.yaml")
    with pytest.raises(UserError, match=rf"^c\.yaml:{DEEPEST}: .*deeper than"):
        read_yaml("\n".join(lines), "c.yaml")


@pytest.mark.parametrize("text", ["a: &a {b: *a}", "a: &a [1, [2, *a]]", "&a [*a]", "x: 1\na: &a {b: 1, <<: *a}"])
def test_what_contains_itself_is_refused(text):
    with pytest.raises(
        UserError, match=r"^c\.yaml:\d: \*a stands inside the node that it names, &a, which so contains itself"
    ):
        read_yaml(text, "c.yaml")


def test_too_many_nodes_are_counted_without_aliases_too():
    with pytest.raises(UserError, match=r"c\.yaml:1: it has more than 100,000 keys and values, .*divide it"):
        read_yaml(f"[{'1,' * MOST_NODES}]", "c.yaml")
    check_shape(f"[{'1,' * (MOST_NODES - 1)}]", "c.yaml")


@pytest.mark.parametrize(
    "text",
    [
        'a: !!int ""',
        'a: !!float ""',
        "a: !!timestamp x",
        "a: !!bool maybe",
        "a: 2020-13-45",
        "a: \ud800",
        f"a: {'9' * 5000}",
    ],
)
def test_values_that_are_none_are_refused(text):
    with pytest.raises(UserError, match=r"^c\.yaml: (not valid YAML: \w|has half of a character)"):
        read_yaml(text, "c.yaml")


def test_a_second_document_is_refused_where_it_begins():
    with pytest.raises(UserError, match=r"c\.yaml:2: not valid YAML: expected a single document"):
        read_yaml("a: 1\n---\nb: 2\n", "c.yaml")


def test_files_too_large_or_unreadable_are_refused(tmp_path):
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(UserError, match=r"large\.yaml: is larger than 1,000,000 bytes"):
        read_bounded(large)
    for name in (tmp_path, tmp_path / "a\0b", tmp_path / "none.yaml"):
        with pytest.raises(UserError, match="no such file"):
            read_bounded(name)
    with pytest.raises(UserError, match="cannot be read: File name too long"):
        read_bounded(tmp_path / ("x" * 5000))
