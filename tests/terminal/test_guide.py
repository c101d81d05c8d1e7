"""What a guided path tells between its questions, as it stands on the screen."""

from __future__ import annotations

import pytest

from fsctl.terminal.guide import Guide
from fsctl.terminal.messages import Messages
from tests.support.screen import Screen, build_log, pipe, terminal

SECRET = "pat-S3cret-of.the_tests-9f8e7d"
LONG = "Type `membrane login --tenant --client-name fsctl` here, then go on with what you did."


def guide(world: Screen, **how: bool) -> Guide:
    return Guide(Messages(world, **how))


def test_each_kind_of_line_has_its_mark() -> None:
    screen = terminal()
    voice = guide(screen)
    voice.title("Set up", "A few questions.")
    voice.done("It works.")
    voice.note("that took long.")
    voice.announce("somebody must act.")
    voice.trouble("It is away.", "Run `fsctl doctor`.")
    voice.warn("that ends soon.")
    voice.address("https://example.com/x")
    voice.commands("Type next:", ["fsctl doctor"])
    assert (
        screen.err
        == """\

Set up
A few questions.

✓ It works.
  That took long.
  Somebody must act.
! It is away.
  → Run `fsctl doctor`.
! That ends soon.
    https://example.com/x

Type next:
  fsctl doctor

"""
    )


@pytest.mark.parametrize("world", [pipe, build_log])
def test_where_nobody_looks_on_it_speaks_as_any_command(world: type[Screen]) -> None:
    screen = world()
    voice = guide(screen)
    voice.title("Set up", "A few questions.")
    voice.done("It works.")
    voice.note("that took long.")
    voice.trouble("It is away.", "Run `fsctl doctor`.")
    voice.commands("Type next:", ["fsctl doctor"])
    assert (
        screen.err
        == """\
fsctl: It works.
fsctl: that took long.
fsctl: warning: It is away. Run `fsctl doctor`.
fsctl: Type next: fsctl doctor
"""
    )


def test_quiet_leaves_what_has_to_be_known() -> None:
    for screen in (terminal(), pipe()):
        voice = guide(screen, quiet=True)
        voice.title("Set up", "A few questions.")
        voice.done("It works.")
        voice.note("that took long.")
        voice.commands("Type next:", ["fsctl doctor"])
        assert screen.err == ""
        voice.trouble("It is away.")
        voice.announce("somebody must act.")
        assert "It is away." in screen.err
        assert "omebody must act." in screen.err


@pytest.mark.parametrize("columns", [20, 40, 60, 200])
def test_lines_are_broken_at_blanks_and_commands_are_whole(columns: int) -> None:
    screen = terminal(columns)
    guide(screen).trouble("In the way.", LONG)
    lines = screen.err.splitlines()
    assert " ".join(line[4:] for line in lines[1:]) == LONG
    assert any("`membrane login --tenant --client-name fsctl`" in line for line in lines)
    for line in lines:
        assert len(line) < columns or "`" in line
        assert len(line) <= 88


def test_colour_takes_the_place_of_the_marks_of_commands() -> None:
    screen = terminal(stderr_color=True)
    guide(screen).trouble("Away.", "Run `fsctl doctor` now.")
    assert "Run \x1b[36mfsctl doctor\x1b[0m now." in screen.err
    assert "`" not in screen.err


def test_no_text_steers_the_terminal_or_tells_a_secret() -> None:
    screen = terminal(stderr_color=True)
    voice = guide(screen)
    hostile = f"a\x1b]0;x\x07b\nc\u202ed {SECRET}"
    voice.done(hostile)
    voice.note(hostile)
    voice.trouble(hostile, hostile)
    voice.commands("Type:", [hostile])
    voice.address("https://example.com/\x1b[31m")
    for poison in ("\x1b]", "\x07", "\u202e", "\x1b[31m", SECRET):
        assert poison not in screen.err
    assert all(line.startswith(("\x1b", "  ", "Type")) for line in screen.err.splitlines() if line)
