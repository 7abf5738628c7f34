"""A stage for the tests of forks: it is handed over, says in JSON what it finds, and does as it is told.

python -m tests.forks.stand_in FILE [exit N | say TEXT | sleep | wait]
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Say where this runs, then do what the words want."""
    before = sorted(name for name in sys.modules if name.partition(".")[0] == "pipeline")

    from pipeline.common.errors import run_stage
    from pipeline.forks.client import hand_over

    def stage() -> None:
        hand_over("tests.forks.stand_in")
        file, *words = sys.argv[1:]
        found = {
            "process": os.getpid(),
            "words": words,
            "folder": str(Path.cwd()),
            "told": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "input": "" if words == ["sleep"] else sys.stdin.read(),
            "torch": "torch" in sys.modules,
            "package": before,
            "threads": len(list(Path("/proc/self/task").iterdir())),
            "open": sorted(str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists()),
        }
        with open(file, "a") as out:
            out.write(json.dumps(found) + "\n")
        print("to output")
        print("to errors", file=sys.stderr)
        if words[:1] == ["exit"]:
            raise SystemExit(int(words[1]))
        if words[:1] == ["say"]:
            raise SystemExit(words[1])
        if words == ["sleep"]:
            time.sleep(60)

    run_stage(stage)


if __name__ == "__main__":
    main()
