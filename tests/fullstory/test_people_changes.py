"""A write goes to one person, by id, with values that Fullstory takes."""

from __future__ import annotations

import pytest

from fsctl.errors import Refused, Usage
from fsctl.fullstory.assignments import Given
from fsctl.fullstory.people_changes import (
    changed,
    check_fields,
    check_uid_is_free,
    create_user,
    update_user,
)
from fsctl.fullstory.types import Repeat
from tests.fullstory.test_people import answered, page

ADA = {"id": "7", "uid": "ada", "email": "shared@example.com"}
BOB = {"id": "8", "uid": "7", "email": "Shared@example.com", "is_being_deleted": True}
SHARED = "shared@example.com"


# -- create


def test_a_creation_sends_what_was_given_and_nothing_else() -> None:
    given = Given({"plan": "paid"}, {})
    call = create_user(uid="ada", email=SHARED, display_name="Ada", given=given)
    assert call.values == {
        "uid": "ada", "display_name": "Ada", "email": SHARED, "properties": {"plan": "paid"}
    }  # fmt: skip
    assert create_user().values == {}


@pytest.mark.parametrize(("uid", "repeat"), [("ada", Repeat.SAFE), (None, Repeat.NEVER)])
def test_only_a_creation_with_a_uid_may_be_repeated(uid: str | None, repeat: Repeat) -> None:
    call = create_user(uid=uid)
    assert call.operation.repeatable(call.values) is repeat


def test_a_creation_that_fullstory_would_refuse_is_refused_here() -> None:
    with pytest.raises(Usage, match="email has 129 characters"):
        create_user(email="x" * 129)
    with pytest.raises(Usage, match="for 2 reasons"):
        create_user(uid="", given=Given({"9": 1}, {}))


# -- update


def test_an_update_goes_by_id() -> None:
    call = update_user(ADA, email="new@example.com")
    assert call.values == {"id": "7", "email": "new@example.com"}


def test_a_uid_cannot_be_changed_only_set() -> None:
    with pytest.raises(Refused) as caught:
        update_user(ADA, uid="eva")
    assert caught.value.code == "uid_immutable"
    assert "nothing was sent" in caught.value.message
    assert update_user(ADA, uid="ada").values == {"id": "7", "uid": "ada"}
    assert update_user({"id": "9", "uid": None}, uid="eva").values == {"id": "9", "uid": "eva"}


def test_a_uid_that_is_somebody_elses_is_not_given_away() -> None:
    made = answered(page(ADA))
    with pytest.raises(Refused) as caught:
        check_uid_is_free(made.caller, {"id": "9"}, "ada")
    assert caught.value.code == "uid_taken"
    check_uid_is_free(answered(page()).caller, {"id": "9"}, "ada")
    check_uid_is_free(answered().caller, ADA, "ada")
    check_uid_is_free(answered().caller, ADA, None)


def test_an_update_of_nothing_is_refused() -> None:
    with pytest.raises(Usage, match="nothing to change"):
        check_fields(None, None, None, Given({}, {}))
    check_fields(None, None, None, Given({"a": 1}, {}))


def test_what_changed_is_told_with_the_id_that_was_answered() -> None:
    call = create_user(uid="ada")
    assert changed(call, {"id": 7}) == {"id": "7", "uid": "ada"}
    assert changed(call, None) == {"id": None, "uid": "ada"}
    assert changed(update_user(ADA, email="a@b"), {}) == {"id": "7", "email": "a@b"}
