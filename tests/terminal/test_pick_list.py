"""What a list that is made smaller by typing points at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fsctl.terminal.pick_list import PickList
from fsctl.terminal.prompts import Choice

CHOICES = [
    Choice("c1", "Production", "READY, of Acme"),
    Choice("c2", "Production EU", "CLIENT_ACTION_REQUIRED, of Acme"),
    Choice("c3", "\u738b Stra\u00dfe", "READY, of Umbrella"),
]


def at(*typed: str, start: int = 0) -> int | None:
    """The choice pointed at after typing that, a piece at a time."""
    pick = PickList("?", CHOICES, start)
    text = ""
    for piece in typed:
        text += piece
        pick.type(text)
    return pick.chosen


def test_typing_finds_what_has_all_the_words_anywhere_in_any_case() -> None:
    assert at("eu") == 1
    assert at("umbrella ready") == 2
    assert at("STRASSE") == 2
    assert at("\u738b") == 2
    assert at("c3") == 2
    assert at("acme", " prod", " eu") == 1


def test_what_matches_nothing_points_at_nothing() -> None:
    assert at("no such thing") is None
    pick = PickList("?", CHOICES)
    pick.type("zzz")
    pick.move(1, around=True)
    assert pick.chosen is None
    pick.type("")
    assert pick.chosen == 0


def test_the_pointer_stays_on_its_choice_while_that_matches() -> None:
    assert at("prod", start=1) == 1
    assert at("umbrella", start=1) == 2


def test_arrows_go_around_and_pages_stop_at_the_ends() -> None:
    pick = PickList("?", CHOICES)
    pick.move(-1, around=True)
    assert pick.chosen == 2
    pick.move(1, around=True)
    assert pick.chosen == 0
    pick.move(10)
    assert pick.chosen == 2
    pick.move(-10)
    assert pick.chosen == 0


@given(st.lists(st.one_of(st.text(max_size=4), st.integers(-20, 20))))
def test_whatever_is_typed_it_points_at_a_match_or_at_nothing(steps: list[str | int]) -> None:
    pick = PickList("?", CHOICES)
    text = ""
    for step in steps:
        if isinstance(step, int):
            pick.move(step, around=step % 2 == 0)
        else:
            text = step
            pick.type(text)
        if pick.chosen is not None:
            shown = CHOICES[pick.chosen]
            whole = f"{shown.title} {shown.detail} {shown.value}".casefold()
            assert all(word in whole for word in text.casefold().split())
