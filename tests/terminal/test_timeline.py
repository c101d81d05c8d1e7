"""A story on the screen: fitted to the window, harmless, and readable without colour."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.fullstory.story import Who, tell
from fsctl.terminal.facts import clock, counted, duration
from fsctl.terminal.sanitise import clean
from fsctl.terminal.timeline import STEPS_AT_ONCE, draw
from fsctl.terminal.width import width
from tests.support.screen import Screen, build_log, pipe, terminal
from tests.support.session_events import EVENTS, on, row

ADA = Who("Ada Lovelace", "ada@example.com", "ada", "7400589116837456607")
TROUBLE = [
    row("navigate", 0, "/login?next=%2F", navigate_reason="navigate"),
    row("change", 12, "/login?next=%2F", **on("input#password", masked=True)),
    row("click", 20, "/login?next=%2F", **on("button.primary", "Sign in")),
    row("navigate", 61, "/cart", "2", navigate_reason="reload"),
    row("rage-click", 65, "/cart", "2", **on("button.pay", "Pay €49.50"), click_count=7),
    row(
        "network-error", 66, "/cart", "2",
        request_method="POST", request_url="https://shop.example/api/pay", response_status=502,
    ),
    row("console-error", 67, "/cart", "2", message="Uncaught Error: " + "very " * 30 + "long"),
    row("custom", 120, "/cart", "2", event_name="Gave Up", properties={"plan": "pro"}),
]  # fmt: skip

SCREEN = """\
who       Ada Lovelace, ada@example.com, uid ada, id
          7400589116837456607
when      2024-04-03 17:06:00 +00:00, 2 min 0 s
on        Desktop, OS X, Chrome 123.0.0.0
seen      2 pages, 8 events
signals   1 console error, 1 network error, 1 rage click
session   17117:5916567459329906423

activity  ▃    ▃  ▃                ▃ █                     ▃
                                     ✗
          0:00                                          2:00

  0:00  ▸ shop.example/login?next=%2F
  0:12    change         (masked)  input#password
  0:20    click          Sign in  button.primary

  1:01  ▸ /cart  (reload)
! 1:05    rage-click     Pay €49.50  button.pay  click_coun…
✗ 1:06    network-error  502 POST /api/pay
✗ 1:07    console-error  Uncaught Error: very very very ver…
  2:00    custom         Gave Up  plan=pro
"""


def drawn(screen: Screen, events: list[Any] = TROUBLE, **more: Any) -> str:
    return "".join(draw(tell(events, who=ADA), screen, **more))


def test_a_mark_that_a_server_set_a_day_later_changes_neither_length_nor_strip() -> None:
    mark = row("custom", 86_400, event_name="Support Ticket") | {"source_type": "server"}
    bare, lines = (
        drawn(terminal(60)).splitlines(),
        drawn(terminal(60), [*TROUBLE, mark]).split("\n"),
    )
    assert "2024-04-03 17:06:00 +00:00, 2 min 0 s" in "\n".join(lines)
    strip = next(at for at, line in enumerate(bare) if line.startswith("activity"))
    assert bare[strip : strip + 3] == lines[strip : strip + 3]
    assert lines[-2] == "  24:00:00    custom         Support Ticket"
    assert next(line for line in lines if "rage-click" in line).startswith("!     1:05    ")


def test_the_whole_screen_of_a_narrow_window() -> None:
    found = drawn(terminal(60))
    assert found == SCREEN, found


def test_in_a_pipe_nothing_is_cut() -> None:
    lines = drawn(pipe()).splitlines()
    assert any(line.endswith("very very long") for line in lines)
    assert any(line.endswith("button.pay  click_count=7") for line in lines)


def test_colour_marks_what_matters_only_where_the_world_has_colour() -> None:
    assert "\x1b" not in drawn(terminal(80))
    coloured = drawn(terminal(80, color=True))
    assert "\x1b[31m✗\x1b[0m" in coloured
    assert "\x1b[33m!\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == drawn(terminal(80))


def test_the_replay_is_a_hyperlink_where_the_terminal_follows_them_and_is_never_cut() -> None:
    replay = "https://app.fullstory.com/ui/ORG-na1/session/1234567890123456789:1234567890123456789"
    told = tell(TROUBLE, replay=replay)
    assert f"replay    {replay}\n" in "".join(draw(told, terminal(60)))
    linked = "".join(draw(told, terminal(60, hyperlinks=True)))
    assert f"\x1b]8;;{replay}\x1b\\{replay}\x1b]8;;\x1b\\" in linked


def test_asked_for_signals_only_the_pages_they_are_on_stay_and_the_summary_is_of_all() -> None:
    found = drawn(terminal(60), wanted=lambda step: step.is_signal)
    assert "8 events" in found
    assert found.count("▸") == 1
    assert [line.split()[2] for line in found.partition("▸")[2].splitlines()[1:]] == [
        "rage-click", "network-error", "console-error",
    ]  # fmt: skip


def test_a_heading_names_the_host_only_where_it_changes() -> None:
    elsewhere = row("navigate", 9, "/x", "9", navigate_reason="navigate")
    elsewhere["source_properties"] = {"url": "http://pay.example/x"}
    app = {**row("navigate", 10, "", "10"), "source_properties": {"url": "app://home/start"}}
    gone = {**row("navigate", 11, "", "11"), "source_properties": None}

    found = drawn(terminal(), [row("navigate", 0, "/a"), row("navigate", 1, "/b"), elsewhere,
                               row("navigate", 9, "/c"), app, gone])  # fmt: skip

    headings = re.findall(r"▸ (\S+(?: \S+)*)", found)
    assert headings == [
        "shop.example/a", "/b", "pay.example/x", "shop.example/c", "app://home/start",
        "(no address)",
    ]  # fmt: skip


def test_steps_without_a_time_have_a_dash() -> None:
    found = drawn(terminal(), [{**row("click", **on("a", "Go")), "event_time": None}])
    assert found.splitlines()[-1] == "     -    click  Go  a"
    assert "activity" not in found


def test_a_session_without_events_has_a_summary() -> None:
    assert drawn(terminal(), []).splitlines()[-2:] == [
        "seen      0 pages, 0 events",
        "signals   none",
    ]


def test_wide_characters_keep_to_the_window() -> None:
    events = [row("navigate"), row("click", 5, **on("a", "料金を支払う" * 20))]
    for line in drawn(terminal(60), events).splitlines():
        assert width(line) <= 60
    assert "  料金を支払う料金を支払う料金を支払う料金を…\n" in drawn(terminal(60), events)


def test_hostile_names_addresses_and_properties_steer_nothing() -> None:
    evil = "\x1b]8;;https://evil.example\x07Win\x1b[2J\u202eforged\u2028"
    events = [
        row("navigate", 0, "/" + evil, navigate_reason=evil),
        row(evil, 1, "/" + evil, **on(evil, evil), **{evil: evil}),
        row("custom", 2, "/" + evil, event_name=evil),
    ]
    who = Who(evil, evil, evil, evil)
    found = "".join(draw(tell(events, who=who, session=evil, replay=evil), terminal(80)))
    assert clean(found, multiline=True) == found
    assert "\\x1b]8;;https://evil.example\\x07Win" in found


def test_no_line_of_it_is_a_command_of_a_build_service() -> None:
    commands = "::error file=app.js::owned ##vso[task.complete] ##[group] ##teamcity[x]"
    events = [
        row("navigate", 0, "/\n" + commands, navigate_reason=commands),
        row(commands, 1, **on(commands, commands)),
    ]
    screen = build_log()
    found = "".join(draw(tell(events, who=Who(commands), session=commands), screen))
    assert not re.search(r"^\s*::", found, re.MULTILINE)
    assert not re.search(r"##\w*\[", found)


@settings(deadline=None)
@given(EVENTS, st.integers(20, 120))
def test_any_events_are_drawn_within_the_window_a_line_each_without_control_characters(
    events: list[Any], cells: int
) -> None:
    found = drawn(terminal(cells), events)
    assert clean(found, multiline=True) == found
    assert "\r" not in found
    for line in found.splitlines():
        assert width(line) <= cells or line.startswith(("came from", "replay")), line

    story = tell(events)
    _summary, *body = "".join(draw(story, pipe())).split("\n\n", 2 if story.length else 1)
    headings = sum(step.begins is not None and step.sort != "page" for step in story.steps)
    assert not events or len([line for line in body[-1].split("\n") if line]) == (
        len(events) + headings
    )


def test_a_long_session_comes_in_pieces() -> None:
    events = [row("click", number % 60, **on("a", str(number))) for number in range(2000)]
    pieces = list(draw(tell(events), pipe()))
    assert len(pieces) > 2000 / STEPS_AT_ONCE
    assert max(len(piece) for piece in pieces) < STEPS_AT_ONCE * 100


@pytest.mark.parametrize(
    ("seconds", "words", "time"),
    [
        (0, "0 s", "0:00"),
        (59.4, "59 s", "0:59"),
        (61, "1 min 1 s", "1:01"),
        (3599.6, "1 h 0 min", "59:59"),
        (3661, "1 h 1 min", "1:01:01"),
        (100 * 3600, "100 h 0 min", "100:00:00"),
    ],
)
def test_times_and_lengths_in_words(seconds: float, words: str, time: str) -> None:
    assert (duration(seconds), clock(seconds)) == (words, time)


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [(1, "page", "1 page"), (2, "rage click", "2 rage clicks"), (0, "page", "0 pages"),
     (1200, "mouse thrash", "1,200 mouse thrashes"), (2, "app crash", "2 app crashes")],
)  # fmt: skip
def test_counts_have_their_plural(count: int, noun: str, words: str) -> None:
    assert counted(count, noun) == words
