"""docs/architecture.md: its diagram is `BELOW` of the layers' test, its data's way is that of the rules, its paths are there."""

import re

import pytest

from tests.test_layers import BELOW, PACKAGE, ROOT, STOREYS

TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
SOLID = re.compile(r"^\s*(\w+) --> (\w+)\s*$", re.MULTILINE)
DOTTED = re.compile(r"^\s*(\w+) -\.-> (\w+)\s*$", re.MULTILINE)


def diagram() -> str:
    (found,) = re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL)
    return found


def drawn(arrow: re.Pattern[str]) -> list[tuple[str, str]]:
    return arrow.findall(diagram())


def closed(arrows: list[tuple[str, str]], nodes: set[str]) -> dict[str, set[str]]:
    """By node: itself and all that arrows lead to from it, over other nodes too."""
    reached = {node: {node} | {head for tail, head in arrows if tail == node} for node in nodes}
    for through in nodes:  # Warshall: paths over more and more nodes
        for node in nodes:
            if through in reached[node]:
                reached[node] |= reached[through]
    return reached


def test_every_line_of_the_diagram_is_understood():
    known = re.compile(r"flowchart TD|subgraph \w+ \[[^\]]+\]|end|\w+ (-->|-\.->) \w+")
    assert [line for line in diagram().splitlines() if not known.fullmatch(line.strip())] == []


def test_every_room_is_a_node():
    assert {room for arrow in drawn(SOLID) for room in arrow} == set(BELOW)


@pytest.mark.parametrize("room", BELOW)
def test_the_diagram_allows_what_the_layers_allow(room):
    reached = closed(drawn(SOLID), set(BELOW))[room]
    assert reached - BELOW[room] == set(), "the diagram draws imports that are forbidden"
    assert BELOW[room] - reached == set(), "imports are allowed that the diagram does not draw"


def test_no_arrow_follows_from_others():
    arrows = drawn(SOLID)
    for tail, head in arrows:
        others = [arrow for arrow in arrows if arrow != (tail, head)]
        assert head not in closed(others, set(BELOW))[tail], f"{tail} --> {head}: other arrows say so already"


def test_the_way_of_the_data_is_of_all_stages():
    stages = {path.stem for path in (PACKAGE / "stages").glob("*.py")} - {"__init__"}
    assert {stage for arrow in drawn(DOTTED) for stage in arrow} == stages
    listed = TEXT.partition("## The way of the data")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", listed, re.MULTILINE)) == stages


def test_every_room_has_a_line():
    assert sorted(re.findall(r"^\| `pipeline/(\w+)/` \|", TEXT, re.MULTILINE)) == sorted(BELOW)


def test_the_order_of_the_results_folders_is_told():
    assert re.findall(r"`pipeline/results/(\w+)/`", TEXT) == STOREYS["results"]


def test_every_path_is_there():
    paths = [name for name in re.findall(r"`([\w./-]+)`", TEXT) if "/" in name or name.endswith(".py")]
    ours = [name for name in paths if not name.startswith(("resources/", "results/"))]
    assert len(ours) > 40
    assert [name for name in ours if not (ROOT / name).exists()] == []
