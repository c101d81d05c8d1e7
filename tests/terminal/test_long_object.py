"""A long object in pieces is the same document, to the character."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.terminal import long_object
from fsctl.terminal.encode import pretty
from tests.support.json_values import DOCUMENTS, OBJECTS


@settings(deadline=None)
@given(OBJECTS.filter(bool), st.lists(DOCUMENTS, max_size=4), st.booleans(), st.integers(1, 3))
def test_in_pieces_it_is_what_it_is_in_one(
    head: dict[str, Any], items: list[Any], ci: bool, at_once: int
) -> None:
    long_object.AT_ONCE, before = at_once, long_object.AT_ONCE
    try:
        written = "".join(long_object.pieces(head, "steps", iter(items), ci=ci))
    finally:
        long_object.AT_ONCE = before
    assert written == pretty({**head, "steps": items}, ci=ci) + "\n"


def test_it_comes_in_pieces() -> None:
    items = [{"n": number} for number in range(2000)]
    written = list(long_object.pieces({"a": 1}, "steps", items))
    assert len(written) == 2 + 2000 / long_object.AT_ONCE
