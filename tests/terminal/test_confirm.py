"""What has to be typed is typed letter by letter; a reflex confirms nothing."""

from __future__ import annotations

import io

import pytest

from fsctl.errors import Refused
from fsctl.terminal.confirm import can_ask, escaped, typed
from fsctl.terminal.messages import Messages
from tests.support.screen import Screen, terminal


def asked(answer: bytes, *accepted: str, question: str = "Type it:") -> Screen:
    world = terminal(stdin=io.BytesIO(answer), stdin_is_terminal=True)
    typed(world, Messages(world), question, accepted)
    return world


@pytest.mark.parametrize("answer", [b"ada\n", b"  ada \r\n", b"7\n", b"ada"])
def test_one_of_the_words_confirms(answer: bytes) -> None:
    assert asked(answer, "ada", "7").err.startswith("Type it: ")


@pytest.mark.parametrize(
    "answer", [b"", b"\n", b"y\n", b"yes\n", b"ADA\n", b"ad\n", b"ada 7\n", b"\xff\n", b"ada\x00\n"]
)
def test_anything_else_declines(answer: bytes) -> None:
    with pytest.raises(Refused) as caught:
        asked(answer, "ada", "7")
    assert caught.value.code == "declined"
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("uid", ["y", "yes", "1", "delete", " ", "ok"])
def test_a_visitor_who_is_called_like_a_reflex_is_not_confirmed_by_it(uid: str) -> None:
    with pytest.raises(Refused):
        asked(uid.encode() + b"\n", uid, "77")
    asked(b"77\n", uid, "77")


def test_letters_beyond_ascii_are_shown_escaped_and_may_be_typed_so() -> None:
    uid = "\u0430da\u202e"  # the first letter is Cyrillic
    assert escaped(uid) == "\\u0430da\\u202e"
    asked(uid.encode() + b"\n", uid)
    asked(b"\\u0430da\\u202e\n", uid)
    with pytest.raises(Refused):
        asked(b"ada\n", uid)


def test_the_question_cannot_steer_the_terminal() -> None:
    screen = asked(b"ada\n", "ada", question="Type \x1b]0;x\x07\u202eada:")
    assert "\x1b" not in screen.err
    assert "\u202e" not in screen.err


@pytest.mark.parametrize("field", ["stdin_is_terminal", "stderr_is_terminal"])
def test_without_a_terminal_for_both_nobody_can_be_asked(field: str) -> None:
    world = terminal(stdin=io.BytesIO(), stdin_is_terminal=True)
    assert can_ask(world)
    setattr(world, field, False)
    assert not can_ask(world)


def test_an_end_of_the_input_ends_the_line() -> None:
    world = terminal(stdin=io.BytesIO(b""), stdin_is_terminal=True)
    with pytest.raises(Refused):
        typed(world, Messages(world), "Type it:", ["ada"])
    assert world.err == "Type it: \n"
