"""How an export tells how far it is: drawn on a terminal, said now and then elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fsctl.cli.app import App
from fsctl.cli.segments_progress import Progress
from tests.support.screen import Screen


def told(moments: Iterator[float], *, flags: dict[str, Any] | None = None, **facts: Any) -> str:
    """What three looks and a fetched megabyte have left on stderr."""
    screen = Screen(environ={}, monotonic=lambda: next(moments), **facts)
    app = App(screen)
    app.flags.update(flags or {})
    with Progress(app) as progress:
        progress.made(None)
        progress.made(10)
        progress.made(60)
        progress.fetched(1_234_567)
    return screen.err


def test_elsewhere_a_sentence_comes_every_ten_seconds_at_most() -> None:
    assert told(iter([0, 1, 9, 11, 15])) == "fsctl: Fullstory makes the export: 60 %.\n"
    assert told(iter([0, 1, 2, 3, 4])) == ""
    assert told(iter([0, 10, 20, 30, 40])).splitlines() == [
        "fsctl: Fullstory makes the export.",
        "fsctl: Fullstory makes the export: 10 %.",
        "fsctl: Fullstory makes the export: 60 %.",
        "fsctl: fetching the export: 1.2 MB.",
    ]


def test_on_a_terminal_one_line_is_drawn_anew_and_nothing_of_it_stays() -> None:
    drawn = told(iter([0, 1, 1.01, 2, 3]), stderr_is_terminal=True)
    assert drawn.split("\r\x1b[2K") == [
        "",
        "fsctl: Fullstory makes the export",
        "fsctl: Fullstory makes the export: 60 %",
        "fsctl: fetching the export: 1.2 MB",
        "",
    ]


def test_a_build_gets_sentences_though_it_looks_like_a_terminal() -> None:
    said = told(iter([0, 10, 20, 30, 40]), stderr_is_terminal=True, under_ci=True)
    assert "\x1b" not in said and said.count("\n") == 4


def test_quiet_is_quiet() -> None:
    for terminal in (True, False):
        moments = iter([0.0, 10, 20, 30, 40])
        assert told(moments, flags={"quiet": True}, stderr_is_terminal=terminal) == ""
