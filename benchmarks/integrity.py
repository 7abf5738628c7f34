"""What the checks of stored files cost when a run starts: seconds of hashing beside all that comes before the first step.

    python benchmarks/integrity.py RUN [--json FILE]

RUN is a finished run below results/runs of the working directory; its start is made once more, up to its first step, and nothing
is trained or written. An encoder's weights are hashed in a thread while they are loaded: their seconds are counted as if they
were not. Keys of what is printed:

`start`     seconds from the first import to the first step
`hashing`   seconds of them spent in hashing files
`share`     the second over the first
`bytes`     what was hashed
"""

import argparse
import json
import sys
import time

STARTED = time.monotonic()

from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402
from unittest.mock import patch  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only its own folder is on it
from pipeline.common import integrity  # noqa: E402
from pipeline.common.errors import run_stage  # noqa: E402
from pipeline.common.files import sha256_file, write_json  # noqa: E402
from pipeline.common.stored import run_record  # noqa: E402


def measure(run: str, started: float) -> dict[str, Any]:
    """Make a run's start once more and return what it cost, see above.

    Raises:
        UserError: the run is not there, or a file it starts from is altered.
    """
    spent: list[tuple[float, int]] = []

    def timed(path: Path) -> str:
        begin = time.monotonic()
        found = sha256_file(path)
        spent.append((time.monotonic() - begin, path.stat().st_size))
        return found

    spec = run_record(run)["spec"]
    with patch.object(integrity, "sha256_file", timed):
        start(spec)
    whole, hashing = time.monotonic() - started, sum(seconds for seconds, _ in spent)
    size = sum(size for _, size in spent)
    return {"start": round(whole, 3), "hashing": round(hashing, 4), "share": round(hashing / whole, 4), "bytes": size}


def start(spec: dict[str, Any]) -> None:
    """Do what a run does before its first step."""
    from pipeline.methods import build_method
    from pipeline.methods.contract import Setting
    from pipeline.training.data import setting_of
    from pipeline.training.run import assemble

    method = build_method(spec["method"]["name"], {k: v for k, v in spec["method"].items() if k != "name"})
    _, data = assemble(spec, method, method.phases(Setting(**setting_of(spec))))
    for language in spec["evaluate"]:
        data.test(language)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a finished run's name, its folder under results/runs")
    parser.add_argument("--json", type=Path, help="where to write the numbers too")
    arguments = parser.parse_args()
    found = measure(arguments.run, STARTED)
    print(json.dumps(found))
    if arguments.json:
        write_json(arguments.json, found)


if __name__ == "__main__":
    run_stage(main)
