"""Say what an experiment's models get wrong: kinds of errors, confusions, scores by length, known words and frequency.

    python -m pipeline.stages.errors --name NAME --spec '{"experiment": …, "methods": […], "languages": […], …}'

Reads `results/scores.parquet`, which says which run is which, these runs' predictions, and the splits that they were trained and
tested on; writes `results/errors/NAME.csv`, `.md`, `.tex`, `.pdf` and `.png`. Nothing is trained.
"""

import argparse

from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.files import write_text
from pipeline.results.errors.report import build
from pipeline.results.errors.spec import read_spec
from pipeline.results.errors.text import to_csv, to_latex, to_markdown
from pipeline.results.figures.drawing import save
from pipeline.results.figures.errors import draw_errors
from pipeline.results.scores.collect import read_scores
from pipeline.results.scores.outcomes import facts

WRITERS = {"csv": to_csv, "md": to_markdown, "tex": to_latex}
DRAWN = ("pdf", "png")


def main() -> None:
    """Run the stage.

    Raises:
        UserError: the description is wrong, or scores, predictions or splits are missing or do not fit together.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the analysis' name, its files under results/errors")
    parser.add_argument("--spec", required=True, help="the analysis' description, as JSON")
    arguments = parser.parse_args()
    scores = read_scores(paths.scores())
    report = build(arguments.name, read_spec(arguments.spec), scores, facts(paths.scores()))
    for suffix, write in WRITERS.items():
        write_text(paths.errors(arguments.name, suffix), write(report))
    figure = draw_errors(report)
    for suffix in DRAWN:
        save(figure, paths.errors(arguments.name, suffix))
    print(to_markdown(report), end="")


if __name__ == "__main__":
    run_stage(main)
