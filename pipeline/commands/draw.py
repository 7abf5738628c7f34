"""Draw a printed score table: a panel for each column, a dot with its standard deviation for each method.

    metalingua draw docs/results/demo.md                  # the page's first score table, to docs/results/demo.png
    metalingua draw docs/results/demo.md --table 2        # the second one, to docs/results/demo-2.png
    metalingua draw results/tables/few-shot.md --to few-shot.pdf
    metalingua draw docs/results/demo.md --check          # is the picture there, and of the table as it stands now?

What is drawn is what is printed, as `snakemake` writes it to results/tables/<name>.md or as a page holds it among prose, so that
picture and table cannot disagree. A picture carries the SHA-256 of its table; `--check` compares it, writes nothing, and has exit
status 1 where the picture is missing or was drawn from another table. Same table, same bytes.
"""

import argparse
import shlex
from pathlib import Path

from pipeline.commands.arguments import call
from pipeline.common.errors import UserError, run_stage
from pipeline.results.figures.printed import TableText, drawn_from, find_tables, read_table

SUMMARY = "a printed score table as a picture"
SUFFIXES = (".png", ".pdf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("page", type=Path, metavar="PAGE", help="a Markdown file with score tables")
    parser.add_argument("--table", type=int, default=1, metavar="N", help="which score table of the page (default: 1)")
    parser.add_argument("--to", type=Path, metavar="PICTURE", help="a .png or .pdf (default: PAGE's name, .png)")
    parser.add_argument("--check", action="store_true", help="only check the picture that is there")


def run(arguments: argparse.Namespace) -> None:
    """Draw the table, or check the picture.

    Raises:
        UserError: an argument or the page is wrong, or `--check` finds no picture of the table.
    """
    picture = picture_of(arguments)
    text = chosen(arguments.page, arguments.table)
    table = read_table(text)
    if arguments.check:
        check(text, picture, mending(arguments))
        print(f"{picture}: drawn from the table at {text.page}:{text.line}")
        return
    from pipeline.results.figures.dots import draw_dots, save_dots  # imports matplotlib, which other commands need not

    save_dots(draw_dots(table), picture, text.digest)
    print(picture)


def picture_of(arguments: argparse.Namespace) -> Path:
    """Return where the picture is: as `--to` says, or beside the page.

    Raises:
        UserError: `--to` ends in neither .png nor .pdf or is a folder, or the page is a picture, a CSV or a folder.
    """
    page: Path = arguments.page
    if page.suffix in SUFFIXES:
        raise UserError(
            f"{page}: a picture; expected the Markdown page that holds the table; the picture stands after --to"
        )
    if page.suffix == ".csv":
        raise UserError(f"{page}: expected the table in Markdown, which lies beside it: {page.with_suffix('.md')}")
    if not page.name:
        raise UserError(f"{page}: a folder; expected a Markdown page with a score table")
    number = "" if arguments.table == 1 else f"-{arguments.table}"
    picture: Path = arguments.to or page.with_name(f"{page.stem}{number}.png")
    if picture.suffix not in SUFFIXES:
        raise UserError(f"--to {picture}: expected a name that ends in {' or '.join(SUFFIXES)}")
    if picture.is_dir():
        raise UserError(f"--to {picture}: a folder; expected the name of a picture in it")
    return picture


def chosen(page: Path, number: int) -> TableText:
    """Return a page's score table by its number, from 1.

    Raises:
        UserError: the page has no such table.
    """
    if number < 1:
        raise UserError(f"--table {number}: expected 1 or more")
    tables = find_tables(page)
    if number > len(tables):
        have = "1 score table, at line" if len(tables) == 1 else f"{len(tables)} score tables, at lines"
        raise UserError(f"--table {number}: {page} has {have} {', '.join(str(table.line) for table in tables)}")
    return tables[number - 1]


def check(text: TableText, picture: Path, command: str) -> None:
    """Check that a picture is there and of the table as it stands.

    Raises:
        UserError: it is not; says the command that draws it.
    """
    if not picture.is_file():
        raise UserError(f"{picture}: no such picture of the table at {text.page}:{text.line}; draw it: {command}")
    if drawn_from(picture) != text.digest:
        raise UserError(
            f"{picture}: not drawn from the table at {text.page}:{text.line} as it stands; draw it anew: {command}"
        )


def mending(arguments: argparse.Namespace) -> str:
    """Return the command that draws what `--check` misses."""
    words = ["metalingua", "draw", str(arguments.page)]
    words += ["--table", str(arguments.table)] if arguments.table != 1 else []
    words += ["--to", str(arguments.to)] if arguments.to else []
    return shlex.join(words)


def main() -> None:
    """Run the command by itself."""
    call(__doc__, add_arguments, run)


if __name__ == "__main__":
    run_stage(main)
