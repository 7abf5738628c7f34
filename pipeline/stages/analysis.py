"""Measure how far source and target lie apart before and after, and correlate that with what the scores did.

    python -m pipeline.stages.analysis --name NAME --spec '{"experiment": …, "before": "joint", "after": "metaxl", …}'

Reads `results/scores.parquet` and the representations of the analysis' runs; writes `results/analyses/NAME.csv` (one line a run),
`.json` (summaries and correlations, what the scatter figure shows), `.md` and `.tex`.
"""

import argparse

from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.integrity import write_noted
from pipeline.results.analyses.analysis import analyse, read_spec
from pipeline.results.analyses.text import to_csv, to_json, to_latex, to_markdown
from pipeline.results.scores.collect import read_scores

WRITERS = {"csv": to_csv, "json": to_json, "md": to_markdown, "tex": to_latex}


def main() -> None:
    """Run the stage.

    Raises:
        UserError: the description is wrong, or a score or representation is missing or stale.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the analysis' name, its files under results/analyses")
    parser.add_argument("--spec", required=True, help="the analysis' description, as JSON")
    arguments = parser.parse_args()
    analysis = analyse(arguments.name, read_spec(arguments.spec), read_scores(paths.scores()))
    for suffix, write in WRITERS.items():
        write_noted(paths.analysis(arguments.name, suffix), write(analysis))
    print(to_markdown(analysis), end="")


if __name__ == "__main__":
    run_stage(main)
