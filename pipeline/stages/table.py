"""Write one table of the config as CSV, Markdown, LaTeX and HTML.

    python -m pipeline.stages.table --name NAME --spec '{"title": …, "metric": …, "experiments": […], …}'

Reads `results/scores.parquet`, and the outcomes of the runs in the table for the tests over test items; writes
`results/tables/NAME.csv`, `.md`, `.tex` and `.html`.
"""

import argparse

from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.integrity import write_noted
from pipeline.results.scores.collect import read_scores
from pipeline.results.scores.outcomes import facts
from pipeline.results.tables.cells import read_spec
from pipeline.results.tables.html import to_html
from pipeline.results.tables.latex import to_latex
from pipeline.results.tables.render import to_csv, to_markdown
from pipeline.results.tables.table import build

WRITERS = {"csv": to_csv, "md": to_markdown, "tex": to_latex, "html": to_html}


def main() -> None:
    """Run the stage.

    Raises:
        UserError: the description is wrong, or the scores do not hold what it asks for.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the table's name, its files under results/tables")
    parser.add_argument("--spec", required=True, help="the table's description, as JSON")
    arguments = parser.parse_args()
    spec = read_spec(arguments.spec)
    scores = read_scores(paths.scores())
    table = build(arguments.name, spec, scores, facts(paths.scores()))
    texts = {suffix: write(table) for suffix, write in WRITERS.items()}
    for suffix, text in texts.items():
        write_noted(paths.table(arguments.name, suffix), text)
    print(texts["md"], end="")


if __name__ == "__main__":
    run_stage(main)
