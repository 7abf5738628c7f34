"""A printed table becomes a picture that knows its table: same table, same bytes; another table, and `--check` says so."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipeline.commands import draw, main
from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import read_utf8
from pipeline.results.figures.printed import KEY, drawn_from, find_tables
from pipeline.results.tables.render import to_markdown
from tests.results.tables.test_table import rows, table_of

PAGE = Path("docs/page.md")
PICTURE = Path("docs/page.png")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    PAGE.parent.mkdir()
    first, second = to_markdown(table_of(rows())), to_markdown(table_of(rows(), title="Second", baseline=None))
    PAGE.write_text(f"# A page\n\nIt printed:\n\n{first}\nand\n\n{second}\nand no more.\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def call(monkeypatch):
    def call(*arguments: str | Path) -> None:
        monkeypatch.setattr(sys, "argv", ["metalingua", "draw", *map(str, arguments)])
        main.dispatch()

    return call


def change(old: str, new: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert old in text
    PAGE.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_picture_stands_beside_the_page_and_carries_the_digest(call, capsys):
    call(PAGE)
    assert capsys.readouterr().out == "docs/page.png\n"
    with Image.open(PICTURE) as image:
        assert image.text == {KEY: find_tables(PAGE)[0].digest}, "nothing else: no date, no version"
        assert 1600 <= image.width <= 2000 and image.height < image.width
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert 10_000 < PICTURE.stat().st_size < 90_000
    assert sorted(path.name for path in PAGE.parent.iterdir()) == ["page.md", "page.png"]


def test_same_table_same_bytes(call):
    call(PAGE)
    before = PICTURE.read_bytes()
    change("It printed:", "On another day it printed:")
    call(PAGE)
    assert PICTURE.read_bytes() == before
    change("52.0 ± 2.0", "52.1 ± 2.0")
    call(PAGE)
    assert PICTURE.read_bytes() != before


def test_a_pdf_carries_the_digest_too_and_no_date(call):
    for name in ("one.pdf", "two.pdf"):
        call(PAGE, "--to", name)
    data = Path("one.pdf").read_bytes()
    assert data == Path("two.pdf").read_bytes()
    assert drawn_from(Path("one.pdf")) == find_tables(PAGE)[0].digest
    assert not re.search(rb"Date|Matplotlib", data)
    call(PAGE, "--to", "one.pdf", "--check")


def test_the_second_table_has_a_picture_of_its_own(call):
    call(PAGE, "--table", "2")
    assert not PICTURE.exists()
    assert drawn_from(Path("docs/page-2.png")) == find_tables(PAGE)[1].digest
    call(PAGE, "--table", "2", "--check")


def test_a_large_table_makes_a_file_that_is_not(call):
    languages = ["qu", "jv", "yo", "gu", "my"]
    head = f"| | {' | '.join(languages)} |\n|-|{'-|' * len(languages)}\n"
    body = "".join(
        f"| method {i} (auxiliary middish+nearish) |{f' {30 + i}.5 ± {i % 4}.2† |' * 5}\n" for i in range(16)
    )
    Path("large.md").write_text(f"Large. Accuracy (×100): mean ± standard deviation over n = 3 seeds.\n\n{head}{body}")
    call("large.md", "--to", "pictures/large.png")
    assert Path("pictures/large.png").stat().st_size < 150_000


# ------------------------------------------------------------------------------------------------------------- the check


def test_check_is_content_with_the_picture_of_the_table(call, capsys):
    call(PAGE)
    before = PICTURE.stat().st_mtime_ns, PICTURE.read_bytes()
    call(PAGE, "--check")
    assert capsys.readouterr().out.endswith("docs/page.png: drawn from the table at docs/page.md:7\n")
    assert (PICTURE.stat().st_mtime_ns, PICTURE.read_bytes()) == before


@pytest.mark.parametrize(
    "arguments", [(), ("--table", "2"), ("--to", "a picture.png"), ("--table", "2", "--to", "x.pdf")]
)
@pytest.mark.parametrize("state", ["missing", "of another table", "of none"])
def test_check_says_the_command_that_mends(call, arguments, state):
    picture = draw.picture_of(parsed(PAGE, *arguments))
    if state == "of another table":
        call(PAGE, *arguments)
        change("52.0 ± 2.0", "52.1 ± 2.0")
        change("Second. ", "The second. ")
    elif state == "of none":
        picture.write_bytes(b"\x89PNG")
    before = picture.read_bytes() if picture.exists() else None
    with pytest.raises(UserError) as error:
        call(PAGE, *arguments, "--check")
    assert (picture.read_bytes() if picture.exists() else None) == before, "nothing is written"
    line = 7 if "--table" not in arguments else 27
    said = "no such picture of" if state == "missing" else "not drawn from"
    told = re.fullmatch(
        rf"{picture}: {said} the table at docs/page\.md:{line}.*; draw it(?: anew)?: (.*)", str(error.value)
    )
    name, *mending = shlex.split(told[1])
    assert name == "metalingua" and mending[0] == "draw"
    call(*mending[1:])
    call(PAGE, *arguments, "--check")


def parsed(*arguments: str | Path):
    return main.parser_of_commands().parse_args(["draw", *map(str, arguments)])


def test_exit_status_is_1_where_the_picture_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["draw", str(PAGE), "--check"])
    with pytest.raises(SystemExit) as stopped:
        run_stage(draw.main)
    assert stopped.value.code == 1
    assert capsys.readouterr().err.startswith("error: docs/page.png: no such picture")


# ------------------------------------------------------------------------------------------------------------ the errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.md"], r"none\.md: no such file; expected a Markdown page with a score table"),
        (["prose.md"], r"prose\.md: no score table; expected a Markdown page"),
        ([PAGE, "--table", "3"], r"--table 3: docs/page\.md has 2 score tables, at lines 7, 27$"),
        (["one.md", "--table", "2"], r"--table 2: one\.md has 1 score table, at line 3$"),
        ([PAGE, "--table", "0"], r"--table 0: expected 1 or more"),
        ([PAGE, "--to", "x.svg"], r"--to x\.svg: expected a name that ends in \.png or \.pdf"),
        ([PAGE, "--to", "x"], r"--to x: expected a name that ends in \.png or \.pdf"),
        (["docs/page.png"], r"docs/page\.png: a picture; expected the Markdown page"),
        (
            ["results/few.csv"],
            r"results/few\.csv: expected the table in Markdown, which lies beside it: results/few\.md",
        ),
        (["."], r"\.: a folder; expected a Markdown page with a score table"),
        (["/"], r"/: a folder; expected a Markdown page with a score table"),
        ([PAGE, "--to", "folder.png"], r"--to folder\.png: a folder; expected the name of a picture in it"),
        (["broken.md"], r"broken\.md:6: joint, en→qu: '62,0 ± 2\.6' is no score; expected one from 0 to 100"),
    ],
)
def test_what_a_person_gets_wrong_is_an_error(call, folder, arguments, message):
    table = to_markdown(table_of(rows()))
    Path("folder.png").mkdir()
    Path("prose.md").write_text("Words, and no table.\n")
    Path("one.md").write_text(table, encoding="utf-8")
    Path("broken.md").write_text(table.replace("**62.0**", "62,0"), encoding="utf-8")
    before = sorted(folder.rglob("*"))
    with pytest.raises(UserError, match=message):
        call(*arguments)
    assert sorted(folder.rglob("*")) == before, "nothing is written"


def test_a_failed_drawing_leaves_the_old_picture(call, monkeypatch):
    call(PAGE)
    before = PICTURE.read_bytes()
    monkeypatch.setattr(Image.Image, "save", lambda *arguments, **keywords: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call(PAGE)
    assert PICTURE.read_bytes() == before
    assert sorted(path.name for path in PAGE.parent.iterdir()) == ["page.md", "page.png"]


def test_the_page_is_left_as_it_is(call):
    before = read_utf8(PAGE, "a page")
    call(PAGE)
    assert read_utf8(PAGE, "a page") == before
