"""Write one table of a paper in the paper's own order, ours and the published numbers side by side.

    python -m pipeline.stages.printed --name table_metaxl_2 --published published --spec '{"paper": "metaxl", "number": "2", …}'

Reads the tables of the config that it is put together from (`results/tables/*.csv`), and `scores.csv`, `contradictions.csv` and
`papers.yaml` of the folder of published numbers; writes `results/papers/NAME.csv`, `.md` and `.tex`.
"""

import argparse
from pathlib import Path

from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.integrity import write_noted
from pipeline.results.printed.compose import compose, read_spec, views_of
from pipeline.results.printed.latex import to_latex
from pipeline.results.printed.published import read_published
from pipeline.results.printed.views import read_views
from pipeline.results.printed.write import to_csv, to_markdown

WRITERS = {"csv": to_csv, "md": to_markdown, "tex": to_latex}


def main() -> None:
    """Run the stage.

    Raises:
        UserError: the description is wrong, or a table or a published number that it names is not there.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the table's name, its files under results/papers")
    parser.add_argument("--published", required=True, type=Path, help="the folder of the papers' numbers")
    parser.add_argument("--spec", required=True, help="the table's description, as JSON")
    arguments = parser.parse_args()
    spec = read_spec(arguments.spec)
    views = read_views(views_of(spec))
    published = read_published(arguments.published, spec["paper"], spec["number"])
    table = compose(arguments.name, spec, views, published)
    for suffix, write in WRITERS.items():
        write_noted(paths.printed(arguments.name, suffix), write(table))
    print(to_markdown(table), end="")


if __name__ == "__main__":
    run_stage(main)
