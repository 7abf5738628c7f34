"""Make one ensemble of the probabilities that finished runs stored beside their predictions.

    python -m pipeline.stages.ensemble --run NAME --spec '{"method": {"name": "ensemble", …}, "members": ["…", "…"], …}'

Reads the members' `predictions.parquet` and `run.json`; writes the same two into the run's folder. Neither encoder nor GPU is
used.
"""

import argparse
import time

from pipeline.common.code import add_code_argument
from pipeline.common.errors import run_stage
from pipeline.common.files import parse_object
from pipeline.training.ensemble import combine_run


def main() -> None:
    """Run the stage.

    Raises:
        UserError: `--spec` is not a JSON object, or the run cannot be made.
    """
    started = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="the run's name, its folder under results/runs")
    parser.add_argument("--spec", required=True, help="the run's whole description, as JSON")
    add_code_argument(parser)
    arguments = parser.parse_args()
    combine_run(arguments.run, parse_object(arguments.spec, "--spec"), started, arguments.code)


if __name__ == "__main__":
    run_stage(main)
