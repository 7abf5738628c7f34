"""Decide for which comparisons of a table another seed is needed, where the config adds seeds until they are decided.

    python -m pipeline.stages.decide --name NAME --spec '{"asked": …, "rule": {…}, "table": {…}}'

Reads `results/scores.parquet`, `results/scored.json` and the outcomes of the table's runs; writes
`results/decisions/NAME.json`, by which the next start of the workflow adds runs.
"""

import argparse
from collections import Counter

from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.files import canonical_json, parse_keys
from pipeline.common.integrity import write_sealed
from pipeline.results.scores.collect import read_scores
from pipeline.results.scores.outcomes import facts, read_scored
from pipeline.results.tables.cells import arrange, read_spec
from pipeline.results.tables.deciding import decisions


def main() -> None:
    """Run the stage.

    Raises:
        UserError: the description is wrong, or the scores do not hold what it asks for.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the table's name, its file under results/decisions")
    parser.add_argument("--spec", required=True, help="what is asked, as JSON")
    arguments = parser.parse_args()
    print(decide(arguments.name, arguments.spec))


def decide(name: str, text: str) -> str:
    """Decide, write it down, and return it in words.

    Raises:
        UserError: the description is wrong, or the scores do not hold what it asks for.
    """
    given = parse_keys(text, ("asked", "rule", "table"), "--spec")
    spec = read_spec(canonical_json(given["table"]))
    grid = arrange(spec, read_scores(paths.scores()), facts(paths.scores()))
    found = decisions(spec, grid, given["rule"], read_scored())
    write_sealed(paths.decisions(name), {"asked": given["asked"], **found})
    states = Counter(one["state"] for one in found["comparisons"])
    counted = ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    return f"{paths.decisions(name)}: {counted or 'nothing to compare'}; {found['open']} wait for another seed"


if __name__ == "__main__":
    run_stage(main)
