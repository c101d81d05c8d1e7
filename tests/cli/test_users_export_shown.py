"""How an export of people tells how far it is."""

from __future__ import annotations

from contextlib import closing

import pytest

from fsctl.bulk import exporting
from fsctl.cli.app import App
from fsctl.cli.users_export_shown import Teller
from tests.support.screen import Screen


@pytest.mark.parametrize(
    ("people", "whom", "are"), [(1, "1 person", "is"), (1234, "1,234 people", "are")]
)
def test_one_is_a_person_and_more_are_people(people: int, whom: str, are: str) -> None:
    clock = [0.0]
    screen = Screen(environ={}, monotonic=lambda: clock[0])
    with closing(Teller(App(screen), "Exporting")) as teller:
        for event in (
            exporting.Begun(people),
            exporting.Fetched(0, None),
            exporting.Fetched(people, None),
            exporting.Writing(people),
        ):
            teller.tell(event)
            clock[0] += 10
    lines = screen.err.splitlines()
    assert lines[0] == f"fsctl: {whom} {are} there from an earlier run."
    assert lines[1].startswith(f"fsctl: Exporting: {whom}")
    assert lines[2] == f"fsctl: Exporting: 100 %, {whom}, writing the file"
