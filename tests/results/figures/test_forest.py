"""Forest plots from a made up table: what is read of its CSV, and marks, intervals and labels as drawn."""

import numpy as np
import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_text
from pipeline.results.figures.drawing import COLUMN
from pipeline.results.figures.forest import Gain, draw_forest, read_forest
from pipeline.results.figures.labels import Labels
from pipeline.results.tables.cells import AVERAGE, Column
from pipeline.results.tables.render import CSV_COLUMNS
from tests.configs import errors, grid

SPEC = {"kind": "forest", "table": "few", "methods": [], "interval": "crossed"}
EN_QU, EN_JV = Column("qu", "en"), Column("jv", "en")


def row(label, column, difference="", low="", high="", significant="0", **more):
    """A line of the CSV."""
    given = {
        **{"row": label, "variant": label.lower(), "column": column.label, "sources": column.sources},
        **{"language": column.language, "metric": "accuracy", "baseline": "JT" if difference else "", "pairs": "3"},
        **{"difference": difference, "difference_crossed_low": low, "difference_crossed_high": high},
        **{"difference_low": "-9", "difference_high": "9", "significant": significant, **more},
    }
    return ",".join(given.get(name, "") for name in CSV_COLUMNS)


def write(*rows):
    write_text(paths.table("few", "csv"), "\n".join([",".join(CSV_COLUMNS), *rows]) + "\n")


@pytest.fixture(autouse=True)
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(
        *(row("JT", column) for column in (EN_QU, EN_JV, AVERAGE)),
        *(
            row("MetaXL", EN_QU, "2.5", "1", "4", "1"),
            row("MetaXL", EN_JV, "-1", "-3", "1"),
            row("MetaXL", AVERAGE, "0.75"),
        ),
        *(row("Plain", EN_QU, "1", "0", "2"), row("Plain", EN_JV)),
    )


def test_differences_are_those_of_the_table():
    found = read_forest(SPEC)
    assert (found.metric, found.baselines, found.columns) == ("accuracy", ("JT",), (EN_QU, EN_JV, AVERAGE))
    assert found.gains["MetaXL"][EN_QU] == Gain(2.5, 1.0, 4.0, 3, True)
    assert found.gains["MetaXL"][AVERAGE] == Gain(0.75, None, None, 3, False)
    assert list(found.gains["Plain"]) == [EN_QU], "a cell without a comparison is not there"
    assert read_forest({**SPEC, "interval": "seeds"}).gains["Plain"][EN_QU] == Gain(1.0, -9.0, 9.0, 3, False)
    assert list(read_forest({**SPEC, "methods": ["plain", "metaxl"]}).gains) == ["Plain", "MetaXL"], "in that order"


def test_the_figure_has_a_row_for_each_column_and_a_mark_for_each_method():
    figure = draw_forest(SPEC, read_forest(SPEC), Labels({"qu": "Runasimi"}))
    (axis,) = figure.axes
    assert figure.get_figwidth() == COLUMN
    assert [text.get_text() for text in axis.get_yticklabels()] == ["en→Runasimi", "en→jv", "average"]
    marks = [line for line in axis.lines if line.get_linestyle() == "None"]
    assert [float(line.get_xdata()[0]) for line in marks] == [2.5, -1, 0.75, 1]
    assert [round(float(line.get_ydata()[0])) for line in marks] == [0, 1, 2, 0], "in the rows of their columns"
    filled = [line.get_markerfacecolor() != "white" for line in marks]
    assert filled == [True, False, False, False], "the significant one"
    spans = [path.vertices[:, 0].tolist() for lines in axis.collections for path in lines.get_paths()]
    assert spans == [[1, 4], [-3, 1], [0, 2]]
    assert axis.yaxis_inverted() and axis.get_xlabel() == "difference from JT, points"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["MetaXL", "Plain"]
    said = figure.legends[0].get_title().get_text().replace("\n", " ")
    assert said == (
        "95 % intervals over seeds and test examples, n = 3 seeds; no line: no interval; filled: significant after Holm"
    )


def test_means_over_datasets_keep_their_names():
    books, mean = Column("fr", dataset="books"), Column("fr", mean=True)
    write(*(row("MetaXL", column, "1", "0", "2", dataset=column.dataset) for column in (books, mean, AVERAGE)))
    axis = draw_forest(SPEC, read_forest(SPEC), Labels({"fr": "Français"})).axes[0]
    shown = [text.get_text() for text in axis.get_yticklabels()]
    assert shown == ["Français books", "Français average", "average"]
    assert np.allclose(axis.get_ylim(), (2.5, -0.5))


def test_a_table_without_differences_or_of_another_time_is_an_error():
    with pytest.raises(UserError, match=r"few.csv: no difference of other from a baseline: no seed has both"):
        read_forest({**SPEC, "methods": ["other"]})
    write(row("MetaXL", EN_QU, "much"))
    with pytest.raises(UserError, match=r"few.csv: MetaXL, en→qu: could not convert"):
        read_forest(SPEC)
    write_text(paths.table("few", "csv"), "row,variant\na,b\n")
    with pytest.raises(
        UserError, match=r"few.csv: no column 'column'; make it with: snakemake --force results/tables/few.csv"
    ):
        read_forest(SPEC)
    with pytest.raises(UserError, match="cannot read the table"):
        read_forest({**SPEC, "table": "absent"})


def test_the_config_says_which_table():
    assert grid("figures.f={kind: forest, table: few}").figures["f"] == SPEC


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ("{kind: forest, table: fw}", "figures.f.table: unknown table 'fw'; did you mean 'few'?"),
        (
            "{kind: forest, table: few, methods: [target_only]}",
            "figures.f.methods[0]: 'target_only' is the table's baseline",
        ),
        ("{kind: forest, table: few, methods: [jont]}", "figures.f.methods[0]: 'jont' is no method of table 'few'"),
    ],
)
def test_forests_that_cannot_be_drawn_are_refused(figure, message):
    assert any(line.strip().startswith(message) for line in errors(f"figures.f={figure}"))


def test_a_table_without_a_baseline_is_refused():
    said = errors("tables.few.baseline=", "figures.f={kind: forest, table: few}")
    assert said == ["figures.f.table: 'few' compares with nothing; set its baseline"]
