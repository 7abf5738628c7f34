"""The picture shows the table's numbers, in its order, and nothing is cut off or written over."""

from dataclasses import replace
from itertools import pairwise

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.text import Text

from pipeline.results.figures.dots import BASELINE, OTHER, draw_dots, numbers, window, wrap
from pipeline.results.figures.printed import PrintedCell, PrintedTable

TABLE = PrintedTable(
    title="Toy",
    metric="Accuracy",
    measure="mean ± standard deviation over n = 3 seeds",
    rows=["base", "joint", "other"],
    columns=["qu", "jv", "average"],
    cells=[
        [PrintedCell(40.0, 2.0), PrintedCell(1.0, 0.5, notes="a"), PrintedCell(20.5, 1.0)],
        [PrintedCell(60.0, 3.0, best=True), PrintedCell(11.0, 0.5, best=True), PrintedCell(35.5, 1.0, best=True)],
        [PrintedCell(50.0, n=1), PrintedCell(notes="b"), PrintedCell()],
    ],
    compared="base",
    baseline=0,
)


def panels(figure):
    return [axis for axis in figure.axes if axis.axison]


def texts(figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def test_each_column_is_a_panel_and_each_row_a_line_from_the_top():
    figure = draw_dots(TABLE)
    assert [axis.get_title(loc="left") for axis in panels(figure)] == ["qu", "jv", "average"]
    first = panels(figure)[0]
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["base", "joint", "other"]
    assert first.get_ylim()[0] > first.get_ylim()[1]
    assert figure.get_suptitle() == "Toy"
    (legend,) = figure.legends
    assert legend.get_title().get_text() == "Accuracy (×100)"
    assert [text.get_text() for text in legend.get_texts()] == [
        "mean ± standard deviation over n = 3 seeds",
        "best of the column",
        "baseline: base",
        "[a]: notes under the table",
    ]


def test_dots_and_bars_are_the_numbers():
    axis = panels(draw_dots(TABLE))[0]
    dots = [container[0] for container in axis.containers]
    assert [(dot.get_xdata()[0], dot.get_ydata()[0]) for dot in dots] == [(40.0, 0), (60.0, 1), (50.0, 2)]
    bars = [container[2] for container in axis.containers]
    ends = [bar[0].get_segments()[0][:, 0].tolist() if bar else None for bar in bars]
    assert ends == [[38.0, 42.0], [57.0, 63.0], None]
    hollow = [to_hex(dot.get_markerfacecolor()) == "#ffffff" for dot in dots]
    assert hollow == [True, False, True]


def test_the_baseline_is_a_dashed_line_in_each_panel_that_has_it():
    dashed = [
        [line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == BASELINE["linestyle"]]
        for axis in panels(draw_dots(TABLE))
    ]
    assert dashed == [[40.0], [1.0], [20.5]]
    figure = draw_dots(replace(TABLE, baseline=None, compared=""))
    assert not any(line.get_linestyle() == "--" for axis in panels(figure) for line in axis.lines)


def test_what_a_cell_says_beside_its_score_is_written():
    shown = [[text.get_text() for text in axis.texts if text.get_text()] for axis in panels(draw_dots(TABLE))]
    assert shown == [["(1)"], ["[a]", "[b]"], ["–"]]


def test_all_panels_span_the_same_number_of_points():
    limits = [axis.get_xlim() for axis in panels(draw_dots(TABLE))]
    spans = [high - low for low, high in limits]
    assert spans == pytest.approx([spans[0]] * 3)
    for (low, high), (left, right) in zip(limits, [(38, 63), (0.5, 11.5), (19.5, 36.5)], strict=True):
        assert low < left and right < high


@pytest.mark.parametrize(
    ("cells", "span", "expected"),
    [
        ([PrintedCell(40.0), PrintedCell(60.0)], 40, (30, 70)),
        ([PrintedCell(2.0)], 40, (-1.6, 38.4)),
        ([PrintedCell(99.0)], 40, (61.6, 101.6)),
        ([PrintedCell(2.0, 10.0)], 40, (-9.6, 30.4)),  # the bar from −8
        ([PrintedCell()], 40, (30, 70)),
    ],
)
def test_a_window_keeps_to_scores_that_can_be(cells, span, expected):
    assert window(cells, span) == pytest.approx(expected)


def test_numbers_of_an_axis_are_scores_that_can_be():
    assert numbers(39.5, 44.5, 5) == [40, 41, 42, 43, 44]
    assert numbers(39.5, 50.5, 5) == [40, 45, 50]
    assert numbers(-12, 109, 5) == [0, 20, 40, 60, 80, 100]


def test_labels_are_broken_where_they_may():
    assert wrap("hubbish+middish→farrish", 16) == "hubbish+middish→\nfarrish"
    assert wrap("one two three", 7) == "one two\nthree"
    assert wrap("unbreakable", 4) == "unbreakable"


LONG = "auxiliary_tune-fixed (auxiliary middish+nearish, target_size 100)"
MEASURE = "mean ± standard deviation over n = 3 seeds (in parentheses where it is another number)"


@pytest.mark.parametrize("columns", [1, 2, 4, 7])
@pytest.mark.parametrize(
    ("name", "title", "measure"), [("joint", "Toy", TABLE.measure), (LONG, f"{LONG}. " * 3, MEASURE)]
)
def test_nothing_is_cut_off_and_no_label_lies_on_another(columns, name, title, measure):
    table = replace(
        TABLE,
        title=title,
        measure=measure,
        rows=[name] * 5,
        columns=["hubbish+middish→farrish"] * columns,
        cells=[[PrintedCell(100.0 if i else 33.3, 5.5, significant=True)] * columns for i in range(5)],
        compared=name,
    )
    figure = draw_dots(table)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    for text in texts(figure):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height, text
    labels = [tick.get_window_extent() for tick in panels(figure)[0].get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(labels))
    titles = [axis._left_title.get_window_extent() for axis in panels(figure)]
    assert not any(a.overlaps(b) for i, a in enumerate(titles) for b in titles[:i])
    ticks = [tick.get_window_extent() for axis in panels(figure) for tick in axis.get_xticklabels()]
    assert not any(a.overlaps(b) for i, a in enumerate(ticks) for b in ticks[:i])


def test_without_deviations_the_legend_shows_a_dot_alone():
    (legend,) = draw_dots(replace(TABLE, measure="mean over n = 1 seed")).legends
    handle = legend.get_lines()[0]
    assert (handle.get_marker(), handle.get_linestyle()) == (OTHER["marker"], "None")


def test_dollars_are_no_formula():
    figure = draw_dots(replace(TABLE, title="$5 or $x^{", rows=["$a$", "b", "c"]))
    FigureCanvasAgg(figure).draw()
    assert figure.get_suptitle() == "$5 or $x^{"
