"""How an export tells how far it is: drawn on a terminal, said now and then elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any

from fsctl.cli.app import App
from fsctl.cli.segments_progress import Progress
from tests.support.screen import Screen


def told(
    *moments: float, flags: dict[str, Any] | None = None, columns: int = 80, **facts: Any
) -> str:
    """What three looks and a fetched megabyte have left on stderr, a moment each."""
    clock = [0.0]
    screen = Screen(environ={"COLUMNS": str(columns)}, monotonic=lambda: clock[0], **facts)
    app = App(screen)
    app.flags.update(flags or {})
    with closing(Progress(app)) as progress:
        tell: list[Callable[[], None]] = [
            lambda: progress.made(None),
            lambda: progress.made(10),
            lambda: progress.made(60),
            lambda: progress.fetched(1_234_567),
        ]
        for clock[0], act in zip(moments, tell, strict=True):
            act()
    return screen.err


def test_elsewhere_a_line_comes_every_ten_seconds_at_most() -> None:
    assert told(1, 2, 3, 4) == ""
    assert told(1, 5, 12, 15).splitlines() == [
        "fsctl: Export: 60 %, Fullstory is making it, 6 s left"
    ]
    assert told(0, 10, 20, 30).splitlines() == [
        "fsctl: Export: 10 %, Fullstory is making it",
        "fsctl: Export: 60 %, Fullstory is making it, 8 s left",
        "fsctl: Export: 1.2 MB fetched",
    ]


def test_on_a_terminal_a_picture_is_drawn_anew_and_nothing_of_it_stays() -> None:
    drawn = told(1, 1.01, 2, 3, stderr_is_terminal=True)
    assert "60 %" in drawn and "10 %" not in drawn  # too soon after the first
    assert "1.2 MB fetched" in drawn
    assert drawn.endswith("\x1b[1A\r\x1b[J")


def test_a_narrow_terminal_gets_no_line_that_wraps() -> None:
    drawn = told(1, 2, 3, 4, stderr_is_terminal=True, columns=20)
    for line in re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", drawn.replace("\r", "\n")).splitlines():
        assert len(line) < 20, drawn


def test_a_build_gets_lines_though_it_looks_like_a_terminal() -> None:
    said = told(0, 10, 20, 30, stderr_is_terminal=True, under_ci=True)
    assert "\x1b" not in said and said.count("\n") == 3


def test_quiet_is_quiet() -> None:
    for terminal in (True, False):
        assert told(0, 10, 20, 30, flags={"quiet": True}, stderr_is_terminal=terminal) == ""
