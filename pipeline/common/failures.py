"""What Snakemake's terminal says of a failed job: a user's mistake is one paragraph, said once.

Snakemake prints a failed command twice, with the whole description of its job, around the line that matters. Where a job's log
ends with the error that `run_stage` prints, that error is all that is said. A lock that a killed Snakemake left is told with the
command that takes it away. Everything else is said as Snakemake says it.
"""

import logging
import shlex
import sys
import textwrap
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

START = "error: "
"""What the errors of `pipeline.common.errors.run_stage` begin with."""

CONFIG = "\nconfig:\n"
"""What stands before the errors of a config in `rules/common.smk`."""

_MOST = 1 << 16  # bytes of a log's end


class Told(logging.Formatter):
    """Formats Snakemake's records for the terminal; an empty text is printed as nothing.

    Attributes:
        inner: Snakemake's own formatter.
        said: the logs in which each error was found.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner
        self.said: dict[str, list[str]] = {}

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        event = getattr(record, "event", None)
        if event == LogEvent.ERROR and "CalledProcessError in file" in record.getMessage():
            return ""  # the record of the failed job comes right after
        if event == LogEvent.ERROR and CONFIG in record.getMessage():
            lines = record.getMessage().partition(CONFIG)[2].split("\n")
            return "\n".join(["error in the config:", *(line for line in lines if not line.startswith('  File "'))])
        if event == LogEvent.ERROR and "LockException" in record.getMessage():
            return locked(sys.argv[1:])
        if event == LogEvent.JOB_ERROR:
            logs = [str(log) for log in getattr(record, "log", None) or ()]
            error = mistake(logs)
            if error is not None:
                return self.tell(getattr(record, "rule_name", "?"), ", ".join(logs), error)
        return self.inner.format(record)

    def tell(self, rule: str, logs: str, error: str) -> str:
        """Word a user's mistake: whole the first time, nothing where the same job makes it again."""
        before = self.said.setdefault(error, [])
        if logs in before:
            return ""
        before.append(logs)
        shown = error if len(before) == 1 else f"the same as in {before[0]}"
        return f"\n[{time.ctime()}]\nError in rule {rule} ({logs}):\n{textwrap.indent(shown, '    ')}"


def locked(words: Sequence[str]) -> str:
    """Word that the folder is locked, with what takes a lock away that nobody holds.

    Args:
        words: what Snakemake was called with; the folder may be another one than the one it was called in.
    """
    again = shlex.join(["snakemake", *words])
    return (
        f"{Path.cwd()} is locked: another Snakemake makes the same files there, or did until it was killed (kill -9, power).\n"
        f"Wait for it; or, where none runs there any more, on no machine, take its lock away and start again:\n\n"
        f"    {again} --unlock\n    {again}\n\n"
        "Half-finished jobs are run again then, training from its last finished epoch."
    )


def mistake(logs: Iterable[str]) -> str | None:
    """Return the user's error that a job's logs end with, `None` where they end otherwise, with a traceback for example."""
    for log in logs:
        try:
            text = Path(log).read_bytes()[-_MOST:].decode(errors="replace")
        except OSError:
            continue
        _, start, error = f"\n{text}".rpartition(f"\n{START}")
        if start and "\nTraceback (most recent call last)" not in error:
            return error.strip()
    return None


def tell_mistakes_once(logger: logging.Logger) -> None:
    """Let a logger of Snakemake's tell of failed jobs in this way on the terminal; what it writes to files stays whole."""
    for handler in logger.handlers:
        terminal = isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler)
        if terminal and handler.formatter is not None and not isinstance(handler.formatter, Told):
            handler.setFormatter(Told(handler.formatter))
