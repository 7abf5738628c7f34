"""Put all tables and figures of a paper into one document.

    python -m pipeline.stages.document --name metaxl --published published --spec '{"paper": "metaxl", "tables": […], …}'

Reads `results/papers/table_*.tex` and `results/figures/*.pdf`; writes `results/papers/NAME.tex`, and `NAME.pdf` where pdflatex is
there.
"""

import argparse
from pathlib import Path

from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.files import write_text
from pipeline.results.printed.document import ABSENT, compiled, document, read_spec
from pipeline.results.printed.published import read_published


def main() -> None:
    """Run the stage.

    Raises:
        UserError: the description is wrong, a table or figure is not there, or LaTeX refuses the document.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the document's name, its files under results/papers")
    parser.add_argument("--published", required=True, type=Path, help="the folder of the papers' numbers")
    parser.add_argument("--spec", required=True, help="the document's description, as JSON")
    arguments = parser.parse_args()
    spec = read_spec(arguments.spec)
    path = paths.printed(arguments.name, "tex")
    write_text(path, document(spec, read_published(arguments.published, spec["paper"], "").citation))
    print(path.with_suffix(".pdf") if compiled(path) else f"{path}: {ABSENT}")


if __name__ == "__main__":
    run_stage(main)
