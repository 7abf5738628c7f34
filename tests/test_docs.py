"""The documentation: its links lead somewhere, what it names exists, and each result page is whole."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from pipeline.commands import draw
from pipeline.commands.main import COMMANDS

ROOT = Path(__file__).parents[1]
INDEX = ROOT / "docs/README.md"
PUBLISHED = ROOT / "docs/results/papers.md"
"""Tables with published numbers beside ours, of which no picture is drawn."""

RESULTS = sorted({*(ROOT / "docs/results").glob("*.md")} - {PUBLISHED})
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "config/README.md",
    ROOT / "results/README.md",
]
COMMENTED = [*sorted((ROOT / "config").rglob("*.yaml")), *sorted((ROOT / "profiles").rglob("*.yaml"))]
"""Configs and profiles, whose comments are documentation too."""

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
PATH = re.compile(
    r"(?<![\w./<>{}*-])(?:pipeline|config|tests|rules|profiles|benchmarks|docs|envs|workflow)/[\w./<>{}*,…-]*"
)
MINE = {"profiles/mine", "pipeline/methods/weighted_joint.py", "pipeline/config/methods/weighted_joint.py"}
"""Paths that a reader makes."""

LARGEST = 150_000
MOST_LINES = 200


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def prose(path: Path) -> str:
    """A page without code, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text_of(path)))


def code(path: Path) -> str:
    """A page's code: blocks, indented ones too, and what stands between backticks; of a config its comments."""
    if path.suffix == ".yaml":
        return "\n".join(re.findall(r"#.*", text_of(path)))
    text = text_of(path)
    indented = re.findall(r"^ {4}\S.*", text, re.MULTILINE)
    return "\n".join([*FENCE.findall(text), *indented, *re.findall(r"`[^`\n]+`", FENCE.sub("", text))])


def blocks(path: Path) -> list[str]:
    return FENCE.findall(text_of(path))


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a page's headings, by GitHub's rule."""
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} +(.+?)\s*#*$", FENCE.sub("", text_of(path)), re.MULTILINE):
        plain = LINK.sub(r"\2", heading).replace("`", "").replace("*", "").lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        again = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", other) is not None for other in found)
        found.append(f"{slug}-{again}" if again else slug)
    return frozenset(found)


def links(path: Path) -> Iterator[tuple[bool, str, Path, str]]:
    """Each link into the repository: whether it is a picture, its text, the file and the anchor."""
    for picture, text, target in LINK.findall(prose(path)):
        if not re.match(r"\w+:", target):
            file, _, anchor = target.partition("#")
            yield bool(picture), text, (path.parent / file).resolve() if file else path, anchor


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page):
    broken = []
    for _, _, file, anchor in links(page):
        if not file.is_relative_to(ROOT) or not file.exists():
            broken.append(f"{file}: no such file")
        elif anchor and anchor not in anchors(file):
            broken.append(f"{name(file)}#{anchor}: no such heading")
    assert broken == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What is measured", "what-is-measured"),
        ("`loader: babel`", "loader-babel"),
        ("X-MAML and XLA-MAML", "x-maml-and-xla-maml"),
        ("How to read `a_b`, *and* [why](x.md)?", "how-to-read-a_b-and-why"),
    ],
)
def test_anchors_are_github_s(tmp_path, heading, anchor):
    page = tmp_path / "page.md"
    page.write_text(f"# {heading}\n\n```\n# no heading\n```\n\n## {heading}\n")
    assert anchors(page) == {anchor, f"{anchor}-1"}


def test_the_readme_is_short_and_has_a_picture():
    assert len(text_of(ROOT / "README.md").splitlines()) <= MOST_LINES
    assert any(picture for picture, *_ in links(ROOT / "README.md"))


def test_the_readme_s_table_is_the_demo_page_s_first():
    def first_table(page: str) -> list[str]:
        rows = text_of(ROOT / page).partition("|             |")
        return (rows[1] + rows[2]).partition("\n\n")[0].splitlines()

    assert len(first_table("README.md")) > 2
    assert first_table("README.md") == first_table("docs/results/demo.md")


def test_every_page_is_reached_from_the_index():
    seen, waiting = {INDEX}, [INDEX]
    while waiting:
        for _, _, file, _ in links(waiting.pop()):
            if file.suffix == ".md" and file.is_relative_to(ROOT / "docs") and file not in seen:
                seen.add(file)
                waiting.append(file)
    assert [name(page) for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in seen] == []


def test_there_are_result_pages():
    assert len(RESULTS) >= 10


def test_tables_of_three_papers_stand_beside_their_published_numbers():
    text = text_of(PUBLISHED)
    assert re.findall(r"Table \d+ of (.*?), ours, published and difference", text) == [
        "Xia et al. 2021",
        "Liu et al. 2021",
        "Li et al. 2020",
    ]
    assert text.count("Demo scale: ") == 3, "each caption says what ours is"


@pytest.mark.parametrize("page", RESULTS, ids=name)
def test_a_result_page_has_its_command_picture_and_table(page):
    assert re.search(r"^(snakemake|make demo)", "\n".join(blocks(page)), re.MULTILINE), "no command that makes it"
    assert drawing(page), "no command that draws its picture"
    ((_, alt, file, _),) = [link for link in links(page) if link[0]]
    assert file == page.with_suffix(".png")
    assert len(alt) > 60, "say what is to be seen"
    assert re.search(r"^\|[:|-]+\|$", text_of(page), re.MULTILINE), "no table"


def drawing(page: Path) -> re.Match[str] | None:
    """The command on a result page that draws its picture, with the number of the table where it says one."""
    command = rf"^metalingua draw {re.escape(name(page))}(?: --table (\d+) --to {re.escape(name(page)[:-3])}\.png)?$"
    return re.search(command, "\n".join(blocks(page)), re.MULTILINE)


@pytest.mark.parametrize("page", RESULTS, ids=name)
def test_a_picture_is_of_the_page_s_table_as_it_stands(page):
    command = drawing(page)
    assert command
    draw.check(draw.chosen(page, int(command[1] or 1)), page.with_suffix(".png"), command[0])


def test_pictures_are_small():
    sizes = {name(path): path.stat().st_size for path in (ROOT / "docs").rglob("*.png")}
    assert {path: size for path, size in sizes.items() if size > LARGEST} == {}


def test_pre_commit_runs_what_make_lint_runs():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", text_of(ROOT / "Makefile"), re.MULTILINE)
    assert recipe
    (repository,) = yaml.safe_load(text_of(ROOT / ".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == [line.strip() for line in recipe[1].splitlines()]
    assert {(hook["language"], hook["pass_filenames"]) for hook in repository["hooks"]} == {("system", False)}


def test_the_citation_is_of_this_version():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    citation = yaml.safe_load(text_of(ROOT / "CITATION.cff"))
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert f"## {project['version']}\n" in text_of(ROOT / "CHANGELOG.md")


def test_the_catalogue_finds_what_it_asks_for():
    usage = yaml.safe_load(text_of(ROOT / ".snakemake-workflow-catalog.yml"))["usage"]
    assert usage.keys() == {"mandatory-flags", "software-stack-deployment", "report"}
    assert (ROOT / "workflow/Snakefile").is_file() and (ROOT / "config/README.md").is_file()
    assert {"snakemake", "workflow"} <= set(re.findall(r"\w+", text_of(ROOT / "README.md").lower()))


@pytest.mark.parametrize("page", [*PAGES, *COMMENTED], ids=name)
def test_every_module_that_is_to_be_run_can_be(page):
    for module in re.findall(r"python -m +(pipeline[\w.]*)(?![\w.]*<)", code(page)):
        path = ROOT.joinpath(*module.split("."))
        file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        assert file.is_file(), f"{module}: no such module"
        assert "__main__" in file.name or '__name__ == "__main__"' in text_of(file), f"{module}: does nothing"


@pytest.mark.parametrize("page", [*PAGES, *COMMENTED], ids=name)
def test_every_command_exists(page):
    named = {word for words in re.findall(r"(?<!from )\bmetalingua ([a-z|]+)", code(page)) for word in words.split("|")}
    assert named <= COMMANDS.keys()


@pytest.mark.parametrize("page", [*PAGES, *COMMENTED], ids=name)
def test_every_path_exists(page):
    named = {found.rstrip(".,") for found in PATH.findall(code(page)) if not re.search(r"[<>*{}…]", found)}
    assert [path for path in sorted(named - MINE) if not (ROOT / path).exists()] == []
