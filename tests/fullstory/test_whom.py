"""The one person whom a WHO means, and the same words everywhere for nobody and several."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.errors import NotFound, Refused
from fsctl.fullstory.people import Found
from fsctl.fullstory.whom import several, share_an_email, the_one
from tests.fullstory.test_people import answered, asked, page

ADA = {"id": "7", "uid": "ada", "email": "shared@example.com"}
BOB = {"id": "8", "uid": "7", "email": "Shared@example.com", "is_being_deleted": True}
SHARED = "shared@example.com"


def test_one_person_is_taken() -> None:
    made = answered(page(ADA))
    assert the_one(made.caller, "ada") == ADA


def test_nobody_is_not_found() -> None:
    made = answered(page())
    with pytest.raises(NotFound) as caught:
        the_one(made.caller, "ada")
    assert caught.value.code == "user_not_found"
    assert "users find" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("who", "answers"),
    [("7", (ADA, page(BOB))), (SHARED, (page(ADA, BOB), page()))],
    ids=["a uid that is somebody's id", "two with one e-mail"],
)
def test_several_people_are_refused_with_how_each_is_meant(who: str, answers: Any) -> None:
    made = answered(*answers)
    with pytest.raises(Refused) as caught:
        the_one(made.caller, who, by_id="--by id")
    assert caught.value.code == "ambiguous"
    assert caught.value.message == f"{who!r} means 2 people: 7, 8."
    how = ("Fullstory id", "uid") if who == "7" else ("e-mail", "e-mail")
    assert str(caught.value.hint).splitlines() == [
        "Name one of them by the Fullstory id, with --by id:",
        f"7 (by {how[0]})",
        f"8 (by {how[1]}, being deleted)",
    ]


def test_a_reading_settles_what_is_meant() -> None:
    made = answered(page(BOB))
    assert the_one(made.caller, "7", reading="uid") == BOB
    assert asked(made) == [("/v2/users", {"uid": "7"})]


def test_of_very_many_people_ten_are_told() -> None:
    crowd = tuple({"id": str(number), "email": SHARED} for number in range(12))
    refused = several(Found(SHARED, crowd, ("email", "uid")))
    assert refused.message == (
        "'shared@example.com' means 12 people: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and more."
    )
    lines = str(refused.hint).splitlines()
    assert (len(lines), lines[-1]) == (12, "and 2 more")


@pytest.mark.parametrize(
    ("who", "readings", "shared"),
    [(SHARED, ("email", "uid"), True), (SHARED, ("uid",), False), ("7", ("id", "uid"), False)],
)
def test_an_email_is_shared_only_where_it_was_read_as_one(
    who: str, readings: Any, shared: bool
) -> None:
    assert share_an_email(Found(who, (ADA, BOB), readings)) is shared


def test_somebody_elses_uid_is_no_shared_email() -> None:
    eve = {"id": "9", "uid": SHARED}
    assert not share_an_email(Found(SHARED, (ADA, eve), ("email", "uid")))
