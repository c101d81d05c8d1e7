"""The facts of the outside world."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, timedelta
from typing import Any

import pytest

from fsctl.terminal.world import World, follows_hyperlinks, wants_color


@pytest.mark.parametrize(
    ("mode", "environ", "is_terminal", "color"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "0"}, True, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, False, True),
        ("never", {"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour_is_the_flag_s_then_the_environment_s_then_the_terminal_s(
    mode: Any, environ: dict[str, str], is_terminal: bool, color: bool
) -> None:
    if sys.platform == "win32":
        environ = {"WT_SESSION": "1", **environ}
    assert wants_color(mode, environ, is_terminal) is color


def test_stdout_and_stderr_are_coloured_each_for_itself() -> None:
    world = World(stderr_is_terminal=True, environ={"WT_SESSION": "1"}).with_color("auto")
    assert (world.color, world.stderr_color) == (False, True)


@pytest.mark.parametrize(
    ("environ", "follows"),
    [
        ({}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"VTE_VERSION": "6800"}, True),
        ({"VTE_VERSION": "4900"}, False),
        ({"VTE_VERSION": "x"}, False),
        ({"WT_SESSION": "1"}, True),
        ({"WT_SESSION": "1", "TERM": "dumb"}, False),
        ({"WT_SESSION": "1", "CI": "1"}, False),
        ({"FORCE_HYPERLINK": "1"}, True),
        ({"FORCE_HYPERLINK": "0", "TERM": "xterm-kitty"}, False),
    ],
)
def test_hyperlinks_only_where_they_are_known_to_work(
    environ: dict[str, str], follows: bool
) -> None:
    assert follows_hyperlinks(environ) is follows


def test_the_clock_is_aware_and_in_utc() -> None:
    assert World().now().utcoffset() == timedelta(0)
    assert World().now().tzinfo is UTC


REPORT = """
import json, sys
from fsctl.terminal.world import World
world = World.from_process()
facts = {
    "closed": [stream is None for stream in (world.stdin, world.stdout, world.stderr)],
    "terminal": [world.stdin_is_terminal, world.stdout_is_terminal, world.stderr_is_terminal],
    "width": world.width,
    "color": world.color,
    "ci": world.under_ci,
    "links": world.hyperlinks,
}
open(sys.argv[1], "w").write(json.dumps(facts))
"""


def facts_of(tmp_path: Any, shell_ending: str = "", **environ: str) -> dict[str, Any]:
    report = tmp_path / "facts.json"
    clear = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "CI")}
    subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" "$2" {shell_ending}', sys.executable, REPORT, report],
        check=True,
        env={**clear, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    facts: dict[str, Any] = json.loads(report.read_text())
    return facts


posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")


@posix
def test_a_process_with_closed_streams_has_none_of_them(tmp_path: Any) -> None:
    facts = facts_of(tmp_path, "<&- >&- 2>&-")
    assert facts["closed"] == [True, True, True]
    assert facts["terminal"] == [False, False, False]
    assert facts["width"] == 80


@posix
def test_a_process_in_a_pipe_is_told_so(tmp_path: Any) -> None:
    facts = facts_of(tmp_path, CI="1", TERM="xterm-kitty")
    assert facts["closed"] == [False, False, False]
    assert facts["terminal"] == [False, False, False]
    assert (facts["color"], facts["ci"], facts["links"]) == (False, True, False)


@posix
@pytest.mark.parametrize(
    ("columns", "width"), [("132", 132), ("5", 20), ("0", 80), ("-3", 80), ("٣", 80), ("x", 80)]
)
def test_columns_sets_the_width(tmp_path: Any, columns: str, width: int) -> None:
    assert facts_of(tmp_path, COLUMNS=columns)["width"] == width


@posix
def test_a_real_terminal_is_known_with_its_width(tmp_path: Any) -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 97, 0, 0))
    report = tmp_path / "facts.json"
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm-kitty"}
    subprocess.run(
        [sys.executable, "-c", REPORT, report],
        check=True,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.close(ours)
    facts = json.loads(report.read_text())
    assert facts["terminal"] == [True, True, True]
    assert (facts["width"], facts["color"], facts["links"]) == (97, True, True)
