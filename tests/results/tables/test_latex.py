import shutil
import subprocess

import pytest

from pipeline.results.tables.latex import WRAPPER, escape, to_latex
from tests.results.tables.test_table import experiment, row, rows, seeds, table_of

TRICKY = r"100% of R&D_x #1 $5 {a} ~b ^c \d [e] *f <g> |h| “i” ± → † ≤ −"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("target_only", r"target\_only"),
        ("R&D", r"R\&D"),
        ("50%", r"50\%"),
        ("#1 $2 {3}", r"\#1 \$2 \{3\}"),
        ("a\\b", r"a\textbackslash{}b"),
        ("~^", r"\textasciitilde{}\textasciicircum{}"),
        ("en→qu ± †", r"en$\rightarrow$qu $\pm$ $^\dagger$"),
        ("one\ntwo", "one two"),
    ],
)
def test_text_is_escaped(text, escaped):
    assert escape(text) == escaped


def test_golden():
    text = to_latex(table_of(rows()))
    assert text.startswith("\\providecommand{\\cellcolor}[2][]{}"), "compiles without xcolor too"
    assert text.partition("\n")[2].startswith(
        "\\begin{table}\n\\centering\n\\caption{Toy. Entity micro-F1, strict IOB2 ($\\times$100): "
    )
    assert "\\label{tab:toy}" in text
    assert (
        "\\begin{tabular}{lr@{}lr@{}lr@{}l}\n"
        "\\toprule\n"
        " & \\multicolumn{2}{c}{en$\\rightarrow$qu} & \\multicolumn{2}{c}{en$\\rightarrow$jv} & "
        "\\multicolumn{2}{c}{average} \\\\\n"
        "\\midrule\n"
        "target\\_only & 52.0 & {\\scriptsize\\,$\\pm$2.0} & "
        "\\cellcolor[gray]{.88}32.0 & \\cellcolor[gray]{.88}{\\scriptsize\\,$\\pm$3.5} & "
        "\\cellcolor[gray]{.88}42.0 & \\cellcolor[gray]{.88}{\\scriptsize\\,$\\pm$2.6} \\\\\n"
        "joint & \\textbf{62.0} & {\\scriptsize\\,$\\pm$2.6} & "
        "\\cellcolor[gray]{.88}35.0 & \\cellcolor[gray]{.88}{\\scriptsize\\,$\\pm$5.0} & "
        "\\cellcolor[gray]{.88}48.5 & \\cellcolor[gray]{.88}{\\scriptsize\\,$\\pm$1.3} \\\\\n"
        " & \\multicolumn{2}{c}{\\scriptsize +10.0 {[}7.5, 12.5]} & "
        "\\multicolumn{2}{c}{\\scriptsize +3.0 {[}$-$17.3, 23.3]} & "
        "\\multicolumn{2}{c}{\\scriptsize +6.5 {[}$-$2.9, 15.9]} \\\\\n"
        " & \\multicolumn{2}{c}{\\scriptsize p = .003} & \\multicolumn{2}{c}{\\scriptsize p = .590} & "
        "\\multicolumn{2}{c}{\\scriptsize p = .096} \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    ) in text


def test_a_missing_run_is_an_empty_cell_with_a_footnote():
    data = [r for r in rows() if (r["variant"], r["language"]) != ("joint", "jv")]
    text = to_latex(table_of(data))
    assert (
        r"joint & \textbf{62.0} & {\scriptsize\,$\pm$2.6} &  & \textsuperscript{a} &  & \textsuperscript{b} \\" in text
    )
    assert r"\textsuperscript{a} not in the collected scores." in text


def test_a_star_stands_where_the_difference_holds():
    data, experiments = seeds(7)
    assert r"\multicolumn{2}{c}{\scriptsize p $<$ .001{*}}" in to_latex(table_of(data, experiments=experiments))


def compiled(text, path):
    engine = shutil.which("pdflatex") or shutil.which("tectonic")
    if engine is None:
        pytest.skip("neither pdflatex nor tectonic is installed, so the LaTeX cannot be compiled")
    (path / "doc.tex").write_text(WRAPPER % text, encoding="utf-8")
    flags = ["-interaction=nonstopmode", "-halt-on-error"] if "pdflatex" in engine else []
    done = subprocess.run([engine, *flags, "doc.tex"], cwd=path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-3000:]
    assert (path / "doc.pdf").exists()
    return (path / "doc.log").read_text(errors="replace") if (path / "doc.log").exists() else ""


def test_compiles_with_tricky_text_and_empty_cells(tmp_path):
    methods = [{"name": "target_only", "label": TRICKY}, {"name": "joint", "label": "[*] joint_&_%"}]
    data = [r for r in rows() if (r["variant"], r["language"]) != ("joint", "jv")]
    table = table_of(data, title=TRICKY, methods=methods)
    compiled(to_latex(table), tmp_path)


def wide(targets):
    values = {"target_only": (0.50, 0.55, 0.61), "joint": (0.71, 0.42, 0.80)}
    data = [row(m, t, s, v) for m in values for t in targets for s, v in enumerate(values[m], 1)]
    data += [row("joint", "qu", s, 0.55 + s / 60, sources="es") for s in (1, 2, 3)]
    return data, [experiment(targets=targets), experiment(sources=["es"], targets=["qu"])]


@pytest.mark.parametrize("targets", [["qu", "jv"], ["qu", "jv", "yo"], ["qu", "jv", "yo", "gu", "my"]])
def test_four_five_and_seven_columns_fit_the_page(tmp_path, targets):
    data, experiments = wide(targets)
    text = to_latex(table_of(data, experiments=experiments))
    assert ("Under a score" in text) == (len(targets) == 2)
    assert "Overfull \\hbox" not in compiled(text, tmp_path)
