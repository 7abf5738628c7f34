"""A user's mistake is one paragraph on Snakemake's terminal, said once; all else is as Snakemake says it."""

import io
import logging
import sys
from pathlib import Path

import pytest
from snakemake.exceptions import LockException
from snakemake.logging import ColorizingTextHandler, DefaultFormatter
from snakemake_interface_logger_plugins.common import LogEvent

from pipeline.common.failures import mistake, tell_mistakes_once

SHELL = "python -m pipeline.stages.download --spec '{…}'"


@pytest.fixture
def terminal() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(terminal: io.StringIO, tmp_path: Path) -> logging.Logger:
    """A logger as Snakemake has one: for the terminal, and for its own log file."""
    logger = logging.Logger("snakemake")
    logger.addHandler(ColorizingTextHandler(stream=terminal, formatter=DefaultFormatter(show_failed_logs=True)))
    file = logging.FileHandler(tmp_path / "complete.log")
    file.setFormatter(DefaultFormatter())
    logger.addHandler(file)
    tell_mistakes_once(logger)
    tell_mistakes_once(logger)  # an included Snakefile again
    return logger


def fail(logger: logging.Logger, log: Path, rule: str = "download") -> None:
    """Log what Snakemake logs of a failed job."""
    message = f"RuleException:\nCalledProcessError in file data.smk, line 29:\nCommand '{SHELL}' returned non-zero exit status 1."
    logger.error(message, extra={"event": LogEvent.ERROR, "exception": "RuleException"})
    facts = {
        "rule_name": rule,
        "jobid": 1,
        "input": [],
        "output": ["o"],
        "log": [str(log)],
        "conda_env": None,
        "aux": {},
    }
    logger.error(None, extra={"event": LogEvent.JOB_ERROR, "rule_msg": None, "shellcmd": SHELL, **facts})


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_mistake_is_said_without_what_stands_around_it(logger, terminal, tmp_path):
    log = write(tmp_path / "xx.log", "a note\nerror: x.csv:3: unknown label 'gut'\n  valid: good, bad\n")
    fail(logger, log)
    lines = terminal.getvalue().strip().split("\n")
    assert lines[1:] == [
        f"Error in rule download ({log}):",
        "    x.csv:3: unknown label 'gut'",
        "      valid: good, bad",
    ]
    whole = (tmp_path / "complete.log").read_text()
    assert SHELL in whole and "CalledProcessError" in whole


def test_the_same_mistake_is_said_once(logger, terminal, tmp_path):
    logs = [write(tmp_path / f"{name}.log", "error: data: no such folder\n") for name in ("xx", "yy")]
    fail(logger, logs[0])
    fail(logger, logs[0])  # another attempt of the same job
    assert terminal.getvalue().count("Error in rule") == terminal.getvalue().count("no such folder") == 1
    fail(logger, logs[1])
    assert terminal.getvalue().count("no such folder") == 1
    assert terminal.getvalue().endswith(f"the same as in {logs[0]}\n")


@pytest.mark.parametrize(
    "text", ["error: x\nTraceback (most recent call last):\n  boom\n", "killed\n", "an error: x\n", ""]
)
def test_what_is_no_mistake_of_the_user_s_is_shown_whole(logger, terminal, tmp_path, text):
    log = write(tmp_path / "xx.log", text)
    assert mistake([str(log)]) is None
    fail(logger, log)
    said = terminal.getvalue()
    assert said.count(SHELL) == 1 and text.strip() in said


def test_missing_logs_and_other_records_are_left_alone(logger, terminal, tmp_path):
    assert mistake([str(tmp_path / "none.log")]) is None
    logger.info("Select jobs to execute...")
    logger.error("WorkflowError: no", extra={"event": LogEvent.ERROR, "exception": "WorkflowError"})
    assert terminal.getvalue() == "Select jobs to execute...\nWorkflowError: no\n"


def test_errors_of_a_config_stand_without_the_place_in_the_rules(logger, terminal):
    said = "c.yaml:5: training.epochz: unknown key\nc.yaml:7: tables.t: is required and missing"
    place = 'file "/rules/common.smk", line 41'
    raised = f"WorkflowError in {place}:\nconfig:\n{said}\n  {place.capitalize()}, in <module>"
    logger.error(raised, extra={"event": LogEvent.ERROR, "exception": "WorkflowError"})
    assert terminal.getvalue() == f"error in the config:\n{said}\n"
    assert 'WorkflowError(f"config:\\n{error}")' in (Path(__file__).parents[2] / "rules/common.smk").read_text()


def test_the_last_error_counts_and_long_logs_are_read_from_their_end(tmp_path):
    log = write(tmp_path / "long.log", "error: an early one\n" + "é step\n" * 20_000 + "error: the last\n")
    assert mistake([str(log)]) == "the last"


def test_the_rules_do_so_and_own_files_are_not_tried_again():
    rules = Path(__file__).parents[2] / "rules"
    assert "tell_mistakes_once(logger)" in (rules / "common.smk").read_text()
    assert "retries: 0" in (rules / "data.smk").read_text() and "retries: 2" not in (rules / "data.smk").read_text()


def test_a_lock_is_told_with_the_command_that_takes_it_away(logger, terminal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["snakemake", "train", "--configfile", "my config.yaml", "--directory", str(tmp_path)]
    )
    message = f"LockException:\n{LockException()}"
    logger.error(message, extra={"event": LogEvent.ERROR, "exception": "LockException"})
    said = terminal.getvalue()
    command = f"snakemake train --configfile 'my config.yaml' --directory {tmp_path}"
    assert f"\n    {command} --unlock\n    {command}\n" in said
    assert str(tmp_path) in said.partition("is locked")[0] and "LockException" not in said
