"""Messages are short and printable, whatever a user's file holds."""

import subprocess
import sys

import pytest

from pipeline.common.errors import LONGEST, UserError, clipped, fitting, nearest, readable


def test_a_short_message_stays_as_it_is():
    text = "data/a.csv:3: expected 'label', got 'naïve 中文 😀'\n\tsecond line"
    assert str(UserError(text)) == text


@pytest.mark.parametrize(
    "value", ["x" * 3_000_000, "two words " * 300_000, "'" * 5000, "a'b\"c " * 9999, "\x00" * 9999]
)
def test_of_a_long_value_both_ends_of_the_message_stay(value):
    said = str(UserError(f"data/a.csv:1: no column 'label' in {value!r}; name it under `columns`"))
    assert len(said) <= LONGEST
    assert said.startswith("data/a.csv:1: no column 'label' in ") and said.endswith("; name it under `columns`")
    assert "characters left out" in said


def test_every_long_value_of_a_message_is_shortened_for_itself():
    said = str(UserError(f"f.csv: expected {'a' * 5000!r}, got {'b c' * 5000!r}; write it in quotes; see docs"))
    assert (
        said.startswith("f.csv: expected 'aaa")
        and "', got 'b cb" in said
        and said.endswith("; write it in quotes; see docs")
    )
    assert len(said) < 600


def test_of_many_lines_the_first_are_said_and_the_rest_counted():
    lines = [f"c.yaml:{n}: experiments.few-{n}.epochz: unknown key; did you mean 'epochs'?" for n in range(500)]
    said = str(UserError("\n".join(lines))).split("\n")
    assert said[:-1] == lines[: len(said) - 1]
    assert said[-1] == f"… and {500 - len(said) + 1} more lines" and len("\n".join(said)) <= LONGEST


def test_a_message_of_a_message_stays_short():
    inner = UserError("\n".join("x" * 90 for _ in range(100)))
    assert len(str(UserError(f"config:\n{inner}\n{inner}"))) <= LONGEST


def test_what_no_terminal_prints_stands_there_by_its_code():
    said = str(UserError("a.csv: got \x1b[31mred\x07 \u202eright \udc80 half\r"))
    assert said == "a.csv: got \\x1b[31mred\\x07 \\u202eright \\udc80 half\\x0d"
    said.encode("utf-8")


def test_the_length_that_was_left_out_is_right():
    text = clipped("z" * 10_000, 500)
    left = int(text.partition("[… ")[2].partition(" characters")[0].replace(",", ""))
    assert len(text) <= 500 and left == 10_000 - text.count("z")


def test_a_long_list_of_names_is_cut_and_counted():
    names = [f"name-{n:05}" for n in range(100)]
    assert nearest("qqq", names).endswith("name-00059, … and 40 more")
    assert nearest("nane-00079", names) == "; did you mean 'name-00079'?"
    assert len(nearest("x", [f"n{n}" for n in range(50_000)])) < 1000


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_terminal_prints_what_a_command_says(encoding):
    code = "from pipeline.common.errors import *\ndef f():\n print('± 中文 😀'); raise UserError('中文 😀 \\udc80')\nrun_stage(f)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        env={"PYTHONIOENCODING": encoding, "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 1 and b"Traceback" not in done.stderr
    assert done.stdout.decode(encoding).strip() and done.stderr.decode(encoding).startswith("error: ")


def test_a_line_feed_and_a_tab_are_no_controls():
    assert readable("a\n\tb") == "a\n\tb"


def test_as_many_texts_as_a_message_has_room_for_and_the_first_always():
    assert fitting(["abc"] * 9, 12) == 3
    assert fitting(["a" * 50, "b"], 10) == 1
