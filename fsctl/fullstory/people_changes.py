"""Create and update people, with everything checked before it is sent (contracts §1.5, §2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Refused, Usage
from . import people
from .operations import CREATE_USER, UPDATE_USER
from .properties import check_user, refusal
from .types import Call

if TYPE_CHECKING:
    from .assignments import Given
    from .call import Caller
    from .people import Person


def create_user(
    *,
    uid: str | None = None,
    email: str | None = None,
    display_name: str | None = None,
    given: Given | None = None,
) -> Call:
    """The call that creates a person, or updates the one with that uid.

    Without a uid every such call makes another anonymous person (§2.1). Raises :class:`Usage`
    naming the key of every value that Fullstory would not take.
    """
    return Call(CREATE_USER, _fields(uid, email, display_name, given))


def update_user(
    person: Person,
    *,
    uid: str | None = None,
    email: str | None = None,
    display_name: str | None = None,
    given: Given | None = None,
) -> Call:
    """The call that changes ``person``, by id.

    Raises :class:`Usage` as :func:`create_user`, and :class:`Refused` where it would change a
    uid, which is immutable once set (§2.1).
    """
    fields = _fields(uid, email, display_name, given)
    if uid is not None and person.get("uid") not in (None, "", uid):
        raise Refused(
            f"The user {person['id']} has the uid {str(person['uid'])!a}, and a uid cannot be "
            "changed once it is set; nothing was sent.",
            hint="Create a person with the new uid, or leave --uid out.",
            code="uid_immutable",
        )
    return Call(UPDATE_USER, {"id": str(person["id"]), **fields})


def check_fields(
    uid: str | None, email: str | None, display_name: str | None, given: Given | None
) -> None:
    """Raise :class:`Usage` for an update that cannot be, before anybody is asked for."""
    if not _fields(uid, email, display_name, given):
        raise Usage(
            "There is nothing to change.",
            hint="Give --email, --name, --uid, -p KEY=VALUE or --properties.",
        )


def check_uid_is_free(caller: Caller, person: Person, uid: str | None) -> None:
    """Refuse to give a person the uid that somebody else has."""
    if uid is None or person.get("uid") == uid:
        return
    found = people.find(caller, uid, reading="uid")
    others = [other for other in found.people if str(other["id"]) != str(person["id"])]
    if others:
        raise Refused(
            f"The uid {uid!a} is that of user {others[0]['id']}; nothing was sent.",
            hint="A uid belongs to one person.",
            code="uid_taken",
        )


def changed(call: Call, body: Any) -> dict[str, Any]:
    """A created or updated person: the id that was answered, and what was sent."""
    answered = body.get("id") if isinstance(body, Mapping) else None
    identity = {} if answered in (None, "") else {"id": str(answered)}
    return {"id": None, **call.values, **identity}


def _fields(
    uid: str | None, email: str | None, display_name: str | None, given: Given | None
) -> dict[str, Any]:
    texts = {"uid": uid, "display_name": display_name, "email": email}
    fields: dict[str, Any] = {name: text for name, text in texts.items() if text is not None}
    if given is not None:
        fields |= given.as_fields()
    problems = check_user(fields)
    if problems:
        raise refusal(problems, "user")
    return fields
