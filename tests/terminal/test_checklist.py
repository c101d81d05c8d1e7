"""Checks as they end, drawn for a window, a pipe and a log; and the line of the running one."""

from __future__ import annotations

import re

import pytest

from fsctl.terminal.checklist import Begun, Checked, Waiting, draw
from fsctl.terminal.width import width
from tests.support.screen import build_log, pipe, terminal

PLAIN = re.compile(r"\x1b\[[0-9;]*m")

SOME = (
    Begun("Here", "python"),
    Checked("Here", "python", "ok", "3.11"),
    Begun("Here", "config"),
    Checked("Here", "config", "warn", "~/c can be read by others", "Run `chmod 700 ~/c`."),
    Begun("There", "key"),
    Checked("There", "key", "fail", "it is not accepted", "Run `fsctl connections reconnect ID`."),
    Begun("There", "rest"),
    Checked("There", "rest", "skip", "not checked: it needs key"),
)


def drawn(*events: Begun | Checked, columns: int = 60, **facts: object) -> str:
    return "".join(draw(events, terminal(columns, **facts), 8))


def test_each_line_has_its_mark_and_its_mend_below() -> None:
    assert drawn(*SOME) == (
        "Here\n"
        "  ✓ python    3.11\n"
        "  ! config    ~/c can be read by others\n"
        "              → Run `chmod 700 ~/c`.\n"
        "\n"
        "There\n"
        "  ✗ key       it is not accepted\n"
        "              → Run `fsctl connections reconnect ID`.\n"
        "  · rest      not checked: it needs key\n"
        "\n"
        "✗ 1 failed   ! 1 warning   ✓ 1 ok   · 1 not checked\n"
        "\n"
    )


def test_a_line_comes_as_soon_as_its_check_ends_and_a_heading_as_soon_as_one_begins() -> None:
    taken: list[str] = []

    def events() -> object:
        for event in SOME:
            taken.append(event.name)
            yield event

    pieces = draw(events(), terminal(60), 8)  # type: ignore[arg-type]
    assert (next(pieces), taken) == ("Here\n", ["python"])
    assert (next(pieces)[:10], taken) == ("  ✓ python", ["python", "python"])


def test_colours_say_the_same_as_marks() -> None:
    coloured = drawn(*SOME, color=True)
    assert PLAIN.sub("", coloured) == drawn(*SOME).replace("`", "")
    assert "\x1b[33m!\x1b[0m \x1b[33mconfig  \x1b[0m" in coloured
    assert "→ \x1b[0mRun \x1b[36mchmod 700 ~/c\x1b[0m." in coloured
    assert "\x1b" not in drawn(*SOME)


@pytest.mark.parametrize("columns", [40, 60, 120])
def test_lines_are_broken_at_blanks_to_fit_the_window(columns: int) -> None:
    long = Checked("Here", "key", "fail", "many words " * 30, "do `this and that` " * 20)
    for color in (False, True):
        lines = PLAIN.sub("", drawn(long, columns=columns, color=color)).splitlines()
        assert max(map(width, lines)) <= min(columns, 100)
        assert all(line.startswith(" " * 14) for line in lines[2:-3])
        assert "many words" in " ".join(lines[1].split())


def test_a_command_that_is_broken_over_lines_keeps_its_colour() -> None:
    mend = Checked("Here", "key", "warn", "x", "Run `one two three four five six seven` now.")
    lines = drawn(mend, columns=40, color=True).splitlines()
    assert lines[2].endswith("\x1b[36mone two three four\x1b[0m")
    assert lines[3].strip() == "\x1b[36mfive six seven\x1b[0m now."


def test_a_word_that_is_too_long_stays_whole_to_be_copied() -> None:
    address = "https://" + "a" * 80
    told = drawn(Checked("Here", "key", "fail", "x", f"open {address}"))
    assert f"              → open\n                {address}\n" in told


def test_hostile_text_is_harmless() -> None:
    evil = Checked("Here", "key", "fail", "a\x1b[2J\nb\u202e", "`c\x07`\r")
    assert not set("\x1b\x07\r\u202e") & set(drawn(evil))
    assert "a\\x1b[2J\\nb\\u202e" in drawn(evil)
    log = "".join(draw([Checked("Here", "k", "ok", "##[error]x")], build_log(), 8))
    assert "##[" not in log


def test_without_a_window_lines_are_as_wide_as_people_read() -> None:
    long = Checked("Here", "key", "ok", "many words " * 30)
    lines = "".join(draw([long], pipe(), 8)).splitlines()
    assert 90 < max(map(width, lines)) <= 100


# -- the line of the running check


def test_the_running_check_is_shown_and_taken_away_again() -> None:
    world = terminal(60)
    waiting = Waiting(world, 8, shown=True)
    waiting.over()
    assert world.err == "", "nothing was there to take away"
    waiting.turn("key", 0.1)
    waiting.turn("key", 3.4)
    waiting.over()
    assert world.err == "\r  ⠋ key       …\x1b[K\r  ⠙ key       3 s\x1b[K\r\x1b[K"
    assert world.out == ""


@pytest.mark.parametrize(
    "facts",
    [
        {"stdout_is_terminal": False},
        {"stderr_is_terminal": False},
        {"under_ci": True},
        {"environ": {"TERM": "dumb"}},
    ],
    ids=lambda facts: next(iter(facts)),
)
def test_nobody_is_shown_what_could_not_be_taken_away(facts: dict[str, object]) -> None:
    world = terminal(60, **facts)
    waiting = Waiting(world, 8, shown=True)
    waiting.turn("key", 1)
    waiting.over()
    assert world.err == ""
    quiet = terminal(60)
    Waiting(quiet, 8, shown=False).turn("key", 1)
    assert quiet.err == ""


def test_a_screen_that_breaks_stops_the_decoration_only() -> None:
    class Broken:
        def write(self, _data: object) -> int:
            raise OSError(5, "Input/output error")

        def flush(self) -> None: ...

    world = terminal(60, stderr=Broken())
    waiting = Waiting(world, 8, shown=True)
    for _ in range(3):
        waiting.turn("key", 1)
    waiting.over()
