"""A table as a page of its own, for browsers and for the workflow's report: one file that asks for nothing else."""

from dataclasses import replace

from jinja2 import Environment, StrictUndefined

from pipeline.results.tables.notes import (
    CellText,
    baseline_label,
    caption,
    cell_texts,
    footnotes,
    notes,
    rows_with_p,
)
from pipeline.results.tables.sections import sections
from pipeline.results.tables.table import Table

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 1.5rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; text-align: right; white-space: nowrap; }
th[scope=row] { text-align: left; font-weight: normal; }
thead tr { border-bottom: 1px solid; }
table { border-top: 2px solid; border-bottom: 2px solid; }
.tied { background: light-dark(#e2e2e2, #3d3d3d); }
.sd { font-size: .8em; opacity: .8; }
ol, ul { font-size: .9em; }
</style>
</head>
<body>
{% macro grid(caption, rows) %}
<p>{{ caption }}</p>
<div class="wide" tabindex="0" role="region" aria-label="{{ caption }}"><table>
<thead><tr><td></td>{% for column in columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{% for label, cells in rows %}
<tr><th scope="row">{{ label }}</th>
{%- for cell in cells %}<td{% if cell.tied %} class="tied"{% endif %}>
{%- if cell.leads %}<strong>{{ cell.mean }}</strong>{% else %}{{ cell.mean }}{% endif -%}
{%- if cell.rest %}<span class="sd">{{ cell.rest }}</span>{% endif %}{{ cell.sign -}}
{%- if cell.notes %}<sup>{{ cell.notes }}</sup>{% endif -%}
</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endmacro %}
{{ grid(caption, scores) }}
{% if differences %}{{ grid(compared, differences) }}{% endif %}
{% if notes %}<ol>{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ol>{% endif %}
{% for section in sections %}
<p>{{ section.caption }}</p>
<div class="wide" tabindex="0" role="region" aria-label="{{ section.caption }}"><table>
<thead><tr>{% for head in section.head %}<th scope="col">{{ head }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in section.rows %}
<tr><th scope="row">{{ row[0] }}</th>{% for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% for note in section.notes %}<p>{{ note }}</p>{% endfor %}
{% endfor %}
{% if letters %}<ul>{% for letter, reason in letters %}<li><sup>{{ letter }}</sup> {{ reason }}.</li>{% endfor %}</ul>{% endif %}
</body>
</html>
"""


def to_html(table: Table) -> str:
    """Return a whole page: caption and table, below it the differences from the baseline, and the notes."""
    letters = footnotes(table)
    texts = cell_texts(table, letters)
    tested = rows_with_p(table)
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True).from_string(PAGE)
    return page.render(
        title=table.spec.title or table.name,
        caption=" ".join(caption(table)),
        columns=[column.label for column in table.columns],
        scores=[(table.labels[row], [texts[row, c] for c in table.columns]) for row in table.rows],
        compared=f"Difference from {baseline_label(table)}, 95 % t-interval over seeds, p" if tested else "",
        differences=[(table.labels[row], [_difference(texts[row, c]) for c in table.columns]) for row in tested],
        notes=notes(table, "Shaded"),
        sections=sections(table),
        letters=[(letter, reason) for reason, letter in letters.items()],
    )


def _difference(text: CellText) -> CellText:
    """Return the difference in the place of the score."""
    said = f"{text.difference}, {text.p}" if text.difference else ""
    return replace(text, mean=said, rest="", notes="", leads=False, tied=False)
