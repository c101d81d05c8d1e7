"""How far long work has come: the picture on a terminal, and the lines elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.terminal.messages import Messages
from fsctl.terminal.progress import EVERY, Display, Pace, Shown, line, picture
from fsctl.terminal.width import width
from tests.support.drawn_window import Screen as Cells
from tests.support.screen import Screen, pipe, terminal

HALF = Shown(
    "people.csv",
    [("read", 620_000), ("bad", 12), ("sent", 600_000), ("accepted", 500_000), ("rejected", 0)],
    part=0.5,
    begun=0.6,
    left=80.0,
    more=["24,000 rows/s", "4 jobs in flight"],
    bad=["bad", "rejected"],
)


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def display(world: Screen, *, quiet: bool = False) -> tuple[Display, Messages]:
    messages = Messages(world, quiet=quiet)
    return Display(world, messages), messages


def window(width_: int, **facts: Any) -> tuple[Screen, Time]:
    time = Time()
    environ = {"COLUMNS": str(width_), **facts.pop("environ", {})}
    return terminal(width_, monotonic=time, environ=environ, **facts), time


def seen(world: Screen, cells: int) -> str:
    screen = Cells(cells)
    screen.write(world.err.replace("\n", "\r\n"))
    return screen.text


def test_the_picture_tells_everything_in_60_columns() -> None:
    world, _ = window(60)
    display(world)[0].show(HALF)
    assert seen(world, 60) == (
        "people.csv  ━━━━━━━━━━━━╍╍──────────  50 %  1 min 20 s left\n"
        "  620,000 read  12 bad  600,000 sent  500,000 accepted\n"
        "  24,000 rows/s  4 jobs in flight\n"
    )


def test_a_new_picture_takes_the_place_of_the_old_one() -> None:
    world, time = window(60)
    shown, _ = display(world)
    shown.show(HALF)
    time.now += 1
    shown.show(HALF._replace(part=1.0, left=None, counts=[("read", 1)], more=[]))
    assert seen(world, 60) == f"people.csv  {'━' * 30} 100 %\n  1 read\n"
    shown.over()
    assert seen(world, 60) == "\n"


def test_pictures_are_not_drawn_more_often_than_anybody_sees() -> None:
    world, time = window(60)
    shown, _ = display(world)
    for _ in range(100):
        shown.show(HALF)
        time.now += 0.001
    assert world.err.count("people.csv") == 1
    time.now += 1
    shown.show(HALF)
    assert world.err.count("people.csv") == 2


def test_what_is_waited_for_is_said_in_the_picture() -> None:
    world, _ = window(60)
    display(world)[0].show(HALF._replace(held="waiting 30 s for the rate limit"))
    assert "waiting 30 s for the rate limit" in seen(world, 60)


def test_a_long_reason_for_waiting_has_lines_of_its_own() -> None:
    world, _ = window(60)
    reason = "api.getmembrane.com could not be reached: Connection refused. Trying again in 4 s."
    display(world)[0].show(HALF._replace(held=reason))
    assert seen(world, 60).splitlines()[3:] == [
        "  api.getmembrane.com could not be reached: Connection",
        "  refused. Trying again in 4 s.",
    ]


def test_a_message_is_written_where_the_picture_was() -> None:
    world, time = window(60)
    shown, messages = display(world)
    shown.show(HALF)
    messages.warn("Mind this.")
    assert seen(world, 60) == "fsctl: warning: Mind this.\n"
    time.now += 1
    shown.show(HALF)
    assert seen(world, 60).startswith("fsctl: warning: Mind this.\npeople.csv")
    shown.close()
    messages.note("Done.")
    assert seen(world, 60) == "fsctl: warning: Mind this.\nfsctl: Done.\n"
    shown.show(HALF)
    assert seen(world, 60) == "fsctl: warning: Mind this.\nfsctl: Done.\n", "it is over"


def test_colour_is_for_those_who_want_it() -> None:
    world, _ = window(60)
    display(world)[0].show(HALF)
    assert "\x1b[31m" not in world.err
    world, _ = window(60, stderr_color=True)
    display(world)[0].show(HALF)
    assert "\x1b[31m12 bad\x1b[0m" in world.err


def test_hostile_names_are_harmless() -> None:
    world, _ = window(60)
    display(world)[0].show(HALF._replace(title="a\x1b[2Jb\nc\u202e.csv"))
    assert "\x1b[2J" not in world.err
    assert "\u202e" not in world.err
    assert len(seen(world, 60).splitlines()) == 3


PLAIN: dict[str, tuple[Any, dict[str, Any]]] = {
    "a pipe": (pipe, {}),
    "a terminal that cannot move its cursor": (terminal, {"environ": {"TERM": "dumb"}}),
    "a build's log": (terminal, {"under_ci": True}),
}


@pytest.mark.parametrize("where", PLAIN)
def test_elsewhere_a_line_comes_now_and_then(where: str) -> None:
    make, facts = PLAIN[where]
    time = Time()
    world = make(**facts, monotonic=time)
    shown, _ = display(world)
    shown.show(HALF)
    for _ in range(25):
        time.now += 1
        shown.show(HALF)
    lines = "".join(world.err.replace("\n  ", " ").splitlines(keepends=True))
    told = (
        "fsctl: people.csv: 50 %, 620,000 read, 12 bad, 600,000 sent, 500,000 accepted, "
        "24,000 rows/s, 4 jobs in flight, 1 min 20 s left\n"
    )
    assert lines == told * 2, f"every {EVERY} seconds"
    assert "\x1b" not in world.err


def test_elsewhere_the_begin_of_a_wait_is_said_at_once_and_not_too_often() -> None:
    time = Time()
    world = pipe(monotonic=time)
    shown, _ = display(world)
    waiting = HALF._replace(held="waiting 30 s for the rate limit")
    shown.show(HALF)
    time.now += 1
    shown.show(waiting)
    assert world.err.count("waiting 30 s for the rate limit") == 1
    for _ in range(5):
        time.now += 1
        shown.show(HALF)
        shown.show(waiting)
    assert world.err.count("waiting") == 1


@pytest.mark.parametrize("make", [pipe, terminal])
def test_quiet_shows_nothing(make: Any) -> None:
    time = Time()
    world = make(monotonic=time)
    shown, _ = display(world, quiet=True)
    for _ in range(3):
        shown.show(HALF)
        time.now += 20
    assert world.err == ""


def test_a_terminal_that_is_gone_ends_no_work() -> None:
    class Gone:
        def write(self, _data: bytes) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    world, time = window(60)
    world.stderr = Gone()  # type: ignore[assignment]
    shown, _ = display(world)
    shown.show(HALF)
    time.now += 1
    shown.show(HALF)
    shown.close()


def test_a_line_leaves_out_what_nobody_knows() -> None:
    assert line(Shown("stdin", [("read", 5)])) == "stdin: 5 read"


@given(
    st.text(max_size=80),
    st.integers(20, 120),
    st.none() | st.floats(0, 1.5),
    st.none() | st.floats(0, 1e6),
    st.lists(st.integers(0, 10**9), max_size=6),
)
def test_no_line_is_as_wide_as_the_window(
    title: str, cells: int, part: float | None, left: float | None, counts: list[int]
) -> None:
    world = terminal(cells)
    shown = Shown(
        title,
        [(f"counted{place}", count) for place, count in enumerate(counts)],
        part=part,
        left=left,
        more=["words that are rather long"],
        held="waiting 1,000 s for the rate limit",
    )
    for text in picture(shown, world, cells, Messages(world).safe):
        assert width(text) < cells, text


class TestPace:
    def test_nothing_is_said_before_something_is_done(self) -> None:
        time = Time()
        pace = Pace(time)
        assert pace.look(0, 100.0) == (None, None)
        time.now += 5
        assert pace.look(0, 100.0) == (None, None)
        time.now += 5
        assert pace.look(50, 100.0) == (5.0, 10.0)

    def test_what_earlier_runs_did_is_not_counted(self) -> None:
        time = Time()
        pace = Pace(time)
        pace.look(1000, 2000.0)
        time.now += 10
        assert pace.look(1100, 2000.0) == (10.0, 90.0)

    def test_between_two_lumps_the_pace_stays_and_time_passes(self) -> None:
        time = Time()
        pace = Pace(time)
        pace.look(0, 100.0)
        time.now += 10
        pace.look(50, 100.0)
        time.now += 4
        assert pace.look(50, 100.0) == (5.0, 6.0)
        time.now += 40
        assert pace.look(50, 100.0) == (5.0, 0.0), "never less than nothing"

    def test_without_a_whole_there_is_a_pace_alone(self) -> None:
        time = Time()
        pace = Pace(time)
        pace.look(0, None)
        time.now += 10
        assert pace.look(50, None) == (5.0, None)
