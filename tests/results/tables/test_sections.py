"""The small tables below a table with `statistics: full`, from scores by hand."""

import re

import pytest
from scipy import stats

from pipeline.results.tables.latex import to_latex
from pipeline.results.tables.render import to_markdown
from pipeline.results.tables.sections import sections
from tests.results.tables.test_latex import compiled
from tests.results.tables.test_table import experiment, row, rows, table_of

LANGUAGES = ["qu", "jv", "yo", "sw", "ht"]
GAINS = (0.10, 0.04, -0.02, 0.06, 0.03)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def scores():
    return [
        row(
            variant,
            language,
            seed,
            0.4 + 0.02 * place + 0.01 * seed * (-1) ** place + (gain if variant == "joint" else 0),
        )
        for place, (language, gain) in enumerate(zip(LANGUAGES, GAINS, strict=True))
        for variant in ("target_only", "joint")
        for seed in (1, 2, 3)
    ]


def full(data, **changes):
    return table_of(data, statistics="full", **{"experiments": [experiment(targets=LANGUAGES)], **changes})


def test_brief_has_none():
    assert sections(table_of(scores(), experiments=[experiment(targets=LANGUAGES)])) == []


def test_all_of_them(tmp_path):
    table = full(scores())
    ranked, languages, variance = sections(table)
    assert ranked.rows[1][:2] == ("joint", ranked.rows[1][1]) and ranked.rows[1][1].startswith("1.2 [")
    assert ranked.rows[1][2].startswith("4 [") and "seeds, sentences and columns" in ranked.caption
    ((label, n, better, difference, t, _, signed, _),) = languages.rows
    assert (label, n, better) == ("joint", "5", "4") and difference.startswith("+4.2 [")
    assert float(t) == pytest.approx(stats.ttest_1samp(GAINS, 0).pvalue, abs=5e-4)
    assert float(signed) == pytest.approx(stats.wilcoxon(GAINS, method="exact").pvalue, abs=5e-4)
    assert [line[0] for line in variance.rows] == [f"en→{language}" for language in LANGUAGES]
    assert variance.rows[0][1:] == ("0.6", "100 %", "–", "–"), "sd .01 over 3 seeds; one data seed, no outcomes at hand"
    assert re.search(r"\| +mean rank \| +columns won \|", to_markdown(table))
    compiled(to_latex(table), tmp_path)


def test_of_four_languages_there_is_no_test_over_them():
    four = [line for line in scores() if line["language"] != "ht"]
    assert "languages" not in [
        section.name for section in sections(full(four, experiments=[experiment(targets=LANGUAGES[:4])]))
    ]


def test_without_a_baseline_there_is_no_test_over_languages():
    assert [section.name for section in sections(full(scores(), baseline=None))] == ["ranks", "variance"]


def test_a_method_that_lacks_a_run_is_left_out_of_ranks_by_name_and_one_alone_is_not_ranked():
    lacking = [
        line for line in scores() if (line["variant"], line["language"], line["model_seed"]) != ("joint", "sw", 2)
    ]
    names = [section.name for section in sections(full(lacking))]
    assert "ranks" in names and full(lacking).cells
    gone = [line for line in scores() if (line["variant"], line["language"]) != ("joint", "sw")]
    assert "ranks" not in [section.name for section in sections(full(gone))]


def test_one_seed_has_neither_ranks_nor_shares():
    assert sections(table_of([line for line in rows() if line["model_seed"] == 1], statistics="full")) == []
