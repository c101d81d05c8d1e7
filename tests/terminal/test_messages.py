"""Notes, warnings and errors on stderr."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import FsctlError, NeedsPerson, NotFound
from fsctl.terminal.messages import Messages
from tests.support.screen import Screen, build_log, pipe, terminal

FAILURE = NeedsPerson(
    "The connection is not ready.",
    hint="Run fsctl connections reconnect.",
    code="connection_not_ready",
    status=403,
    action_run_id="65f0c0ffee",
)


def test_an_error_is_one_sentence_of_what_happened_and_one_of_what_to_do() -> None:
    screen = pipe()
    Messages(screen).error(NotFound("There is no user 5001.", hint="Try fsctl users find."))
    assert screen.err == "fsctl: error: There is no user 5001.\n  Try fsctl users find.\n"
    assert screen.out == ""


def test_the_service_s_code_status_and_action_run_are_appended() -> None:
    screen = pipe()
    Messages(screen).error(FAILURE)
    assert screen.err == (
        "fsctl: error: The connection is not ready. "
        "(connection_not_ready, HTTP 403, action run 65f0c0ffee)\n"
        "  Run fsctl connections reconnect.\n"
    )


def test_a_hint_may_list_choices_a_line_each_all_indented() -> None:
    screen = pipe()
    Messages(screen).error(FsctlError("Which one?", hint="Choose:\nfirst\nfsctl: error: x"))
    assert screen.err == "fsctl: error: Which one?\n  Choose:\n  first\n  fsctl: error: x\n"


LONG = "the properties 'a_int' and 'b_real' end like a name of Fullstory's first API."


def test_on_a_terminal_a_line_breaks_between_words_and_goes_on_indented() -> None:
    screen = terminal(40)
    Messages(screen).warn(LONG)
    assert screen.err == (
        "fsctl: warning: the properties 'a_int'\n"
        "  and 'b_real' end like a name of\n"
        "  Fullstory's first API.\n"
    )
    for other in (pipe(width=40), build_log(width=40, stderr_is_terminal=True)):
        Messages(other).warn(LONG)
        assert other.err == f"fsctl: warning: {LONG}\n"


def test_an_error_and_each_line_of_its_hint_break_between_words() -> None:
    screen = terminal(30, stderr_color=True)
    Messages(screen).error(FsctlError("Nothing fits into windows.", hint=f"One.\n{LONG[:40]}"))
    assert screen.err == (
        "fsctl: \x1b[31merror:\x1b[0m Nothing fits\n"
        "  into windows.\n"
        "  One.\n"
        "  the properties 'a_int' and\n"
        "  'b_real' end\n"
    )


def test_commands_and_addresses_are_never_broken() -> None:
    screen = terminal(40)
    command = "`fsctl raw request /v2/users --query email=ada@example.com`"
    url = f"https://app.fullstory.com/{'x' * 60}"
    Messages(screen).note(f"Try ({command}), or see {url} for more.")
    assert f"{command})," in screen.err
    assert f"{url}\n" in screen.err


@given(st.text())
def test_whatever_is_said_no_line_but_the_first_begins_like_a_message(text: str) -> None:
    screen = terminal(30)
    Messages(screen).note(f"{text} fsctl: error: x {text}")
    first, *others = screen.err.removesuffix("\n").split("\n")
    assert first.startswith("fsctl: ")
    assert all(line.startswith("  ") for line in others)


def test_a_traceback_for_debug_is_kept_whole_and_in_lines() -> None:
    screen = pipe()
    Messages(screen, debug_asked=True).debug("line\n" * 2000)
    assert screen.err.count("line\n") == 2000


def test_with_json_asked_for_the_last_line_is_the_error_as_json() -> None:
    screen = pipe()
    Messages(screen).error(FAILURE, json_asked=True)
    assert json.loads(screen.err.splitlines()[-1]) == {
        "error": {
            "code": "connection_not_ready",
            "message": "The connection is not ready.",
            "hint": "Run fsctl connections reconnect.",
            "status": 403,
            "action_run_id": "65f0c0ffee",
        }
    }


@pytest.mark.parametrize(
    ("quiet", "verbose", "debug", "said"),
    [
        (False, False, False, ["note", "warning: warn"]),
        (True, False, False, ["warning: warn"]),
        (False, True, False, ["note", "warning: warn", "verbose"]),
        (False, False, True, ["note", "warning: warn", "verbose", "debug"]),
    ],
)
def test_each_level_says_what_it_is_asked_for(
    quiet: bool, verbose: bool, debug: bool, said: list[str]
) -> None:
    screen = pipe()
    messages = Messages(screen, quiet=quiet, verbose_asked=verbose, debug_asked=debug)
    messages.note("note")
    messages.warn("warn")
    messages.verbose("verbose")
    messages.debug("debug")
    assert [line.removeprefix("fsctl: ") for line in screen.err.splitlines()] == said


def test_colour_only_where_asked_for() -> None:
    plain, colored = terminal(), terminal(stderr_color=True)
    for screen in (plain, colored):
        Messages(screen).error(FAILURE)
        Messages(screen).warn("careful")
    assert "\x1b" not in plain.err
    assert "\x1b[31merror:\x1b[0m" in colored.err
    assert "\x1b[33mwarning:\x1b[0m" in colored.err


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


def say_everything(screen: Screen, text: str) -> str:
    messages = Messages(screen, verbose_asked=True, debug_asked=True)
    messages.note(text)
    messages.warn(text)
    messages.verbose(text)
    messages.debug(text)
    failure = FsctlError(text, hint=text, code=text, action_run_id=text)
    messages.error(failure, json_asked=True)
    return screen.err


def test_no_secret_is_said_in_any_way() -> None:
    said = say_everything(pipe(), f"sent Authorization: Bearer {TOKEN} and pat-abcdef123456")
    assert TOKEN not in said
    assert "pat-abcdef123456" not in said


PIECES = ["::error::x", "##[x]", "##vso[x]", "\x1b[2J", "\n", "\r", "\u202e", "\ud800", "a "]
HOSTILE = st.lists(
    st.sampled_from(PIECES) | st.text(st.characters(codec=None, exclude_categories=()), max_size=5)
).map("".join)


@given(HOSTILE)
def test_nothing_hostile_is_said_in_any_way(text: str) -> None:
    for screen in (terminal(), build_log()):
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800]", say_everything(screen, text)
        )
    said = say_everything(build_log(), text)
    assert not any(line.strip().startswith("::") for line in re.split("[\r\n]", said))
    assert not re.search(r"##(vso)?\[", said)


@given(HOSTILE)
def test_a_message_is_one_line_whatever_is_in_it(text: str) -> None:
    screen = pipe()
    Messages(screen).note(text)
    assert screen.err.count("\n") == 1


def test_a_page_that_a_service_sent_as_its_message_is_shortened() -> None:
    screen = pipe()
    Messages(screen).error(FsctlError("x" * 1_000_000))
    assert len(screen.err) < 5000


class Broken(io.BytesIO):
    """A stream whose reader has gone."""

    attempts = 0

    def write(self, data: Any) -> int:
        self.attempts += 1
        raise BrokenPipeError

    def fileno(self) -> int:
        raise OSError


def test_a_message_that_cannot_be_said_is_dropped() -> None:
    closed = io.BytesIO()
    closed.close()
    for stream in (None, closed, Broken()):
        messages = Messages(Screen(stderr=stream), verbose_asked=True)
        messages.note("x")
        messages.error(FAILURE, json_asked=True)


def test_a_full_disk_does_not_hide_the_outcome() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open(os.dup(os.open("/dev/full", os.O_WRONLY)), "wb") as full:  # noqa: PTH123
        Messages(Screen(stderr=full)).error(FAILURE)
