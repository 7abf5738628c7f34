"""A paper's document compiles with pdflatex whatever letters its texts have, and says where it shows others."""

import shutil

import pytest

from pipeline.common import paths
from pipeline.common.files import write_text
from pipeline.results.printed.document import compiled, document
from pipeline.results.tables.characters import ADVICE, LATIN, MATHEMATICS, NATIVE, SPECIAL, T1

LETTERS = {
    "Hebrew": "שָׁלוֹם עולם",
    "Arabic": "نصٌّ عربي",
    "Chinese": "中文，测试。",
    "Thai": "ไทยที่นี่",
    "emoji": "😀 👨‍👩‍👧 🇩🇪 ❤️",
    "Vietnamese": "Việt Nữ ẩn",
    "Greek": "Ελληνικά, ἀρχή",
    "what is spelled": " ".join([*SPECIAL, *NATIVE, *MATHEMATICS, *LATIN, *T1]),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(text):
    spec = {"paper": "mgl", "title": text, "demo": text, "tables": [], "figures": []}
    return document(spec, {"citation": text})


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed, so the LaTeX cannot be compiled")
@pytest.mark.parametrize("script", LETTERS)
def test_a_document_in_any_letters_compiles(script):
    path = paths.printed("mgl", "tex")
    write_text(path, written(LETTERS[script]))
    assert compiled(path) and path.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_a_document_says_at_its_head_what_shows_all_its_letters():
    assert written(LETTERS["Hebrew"]).startswith(f"{ADVICE}\n\\documentclass")
    assert written("naïve ± 5 %").startswith("\\documentclass")
