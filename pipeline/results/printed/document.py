r"""A paper's tables and figures in one LaTeX document, compiled where pdflatex is there."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import parse_keys
from pipeline.common.integrity import verified_by_note
from pipeline.results.tables.characters import advice, escape

KEYS = ("paper", "title", "demo", "tables", "figures")
ABSENT = "pdflatex is not there, so there is no PDF; install a LaTeX, or compile the file elsewhere"
HEAD = r"""\documentclass[a4paper,10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=18mm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage[table]{xcolor}
\setcounter{topnumber}{9}\setcounter{totalnumber}{9}
\begin{document}
"""


def read_spec(text: str) -> dict[str, Any]:
    """Read a document's description from JSON (`grid.papers.document_spec`).

    Raises:
        UserError: it is not JSON, or a key is missing or unknown.
    """
    return parse_keys(text, KEYS, "--spec")


def document(spec: Mapping[str, Any], citation: Mapping[str, str]) -> str:
    """Return the document, all tables in it, with figures by their paths from `results/papers/`.

    Raises:
        UserError: a table or figure is not there.
    """
    parts = [HEAD, rf"\section*{{{escape(spec['title'])}}}", "", escape(citation["citation"]), ""]
    parts.append(escape(f"{spec['demo']} Tables and figures have the paper's numbers.".strip()))
    for name in spec["tables"]:
        path = paths.printed(name, "tex")
        if not path.is_file():
            raise UserError(f"{path}: no such file; snakemake {path} makes it")
        parts += [
            rf"\setcounter{{table}}{{{int(_number(name)) - 1}}}",
            verified_by_note(path).read_text(encoding="utf-8"),
            r"\clearpage",
        ]
    for figure in spec["figures"]:
        parts.append(_figure(figure))
    whole = "\n".join([*parts, r"\end{document}", ""])
    return "\n".join([*advice(whole), whole])


def _number(name: str) -> str:
    return name.removesuffix("-demo").rpartition("_")[2]


def _figure(figure: Mapping[str, Any]) -> str:
    path = paths.figure(figure["file"], "pdf")
    if not path.is_file():
        raise UserError(f"{path}: no such file; snakemake {path} makes it")
    shown = os.path.relpath(path, paths.printed("x", "tex").parent)
    says = escape(f"{figure['title'].rstrip('.')}. {figure['says']}".strip())
    number = escape(figure["number"])  # at their own size figures fit the page, and their letters are like the tables'
    return (
        rf"\section*{{Figure {number}}}" + "\n\n"
        rf"\noindent\includegraphics{{\detokenize{{{shown}}}}}" + "\n\n" + says + "\n"
    )


def compiled(path: Path) -> bool:
    """Compile a LaTeX file into a PDF beside it; return whether pdflatex is there.

    Raises:
        UserError: LaTeX refuses the file; with the lines of its log that say why.
    """
    program = shutil.which("pdflatex")
    if program is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "-interaction=nonstopmode", "-halt-on-error", f"-output-directory={folder}", path.name]
        done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            said = [line for line in done.stdout.splitlines() if line.startswith(("!", "l."))]
            raise UserError(f"{path}: pdflatex refuses it: {' '.join(said) or done.stdout[-300:]}")
        shutil.copyfile(Path(folder) / f"{path.stem}.pdf", path.with_suffix(".pdf"))
    return True
