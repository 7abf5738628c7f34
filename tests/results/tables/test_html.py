"""Tables as pages: what they show, and that text of data and configs stays text."""

from html.parser import HTMLParser

import pytest

from pipeline.results.tables.html import to_html
from tests.results.tables.test_table import rows, seeds, table_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Page(HTMLParser):
    """The cells of all rows, and every tag with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.open.pop()

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data.strip("\n")


def test_cells_differences_and_notes():
    data = [r for r in rows() if (r["variant"], r["language"]) != ("joint", "jv")]
    text = to_html(table_of(data))
    assert Page(text).rows == [
        ["", "en→qu", "en→jv", "average"],
        ["target_only", "52.0 ± 2.0", "32.0 ± 3.5", "42.0 ± 2.6"],
        ["joint", "62.0 ± 2.6", "a", "b"],
        ["", "en→qu", "en→jv", "average"],
        ["joint", "+10.0 [7.5, 12.5], p = .003", "", ""],
    ]
    assert "<strong>62.0</strong>" in text and "<li><sup>a</sup> not in the collected scores.</li>" in text
    assert "<li>p: two-sided paired t-test over seeds against target_only, not adjusted.</li>" in text


def test_a_star_stands_in_both_tables_and_a_papers_style_has_one():
    data, experiments = seeds(8)
    assert [cell for row in Page(to_html(table_of(data, experiments=experiments))).rows for cell in row][9].endswith(
        "*"
    )
    paper = Page(to_html(table_of(data, experiments=experiments, style="paper"))).rows
    assert len(paper) == 3 and paper[2][1].endswith("*")


def test_text_stays_text_and_nothing_is_asked_for():
    hostile = "<script>alert(1)</script>\"'&{{ 7 * 7 }}"
    methods = [{"name": "target_only", "label": hostile}, {"name": "joint", "label": "joint"}]
    page = Page(text := to_html(table_of(rows(), title=hostile, methods=methods)))
    assert page.rows[1][0] == hostile and "49" not in page.rows[1][0]
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe"})
    assert "http" not in text and not any("src" in found or "href" in found for _, found in page.tags)
