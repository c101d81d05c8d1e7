"""The one person whom a WHO means, and what is said where that is nobody or several (DESIGN §2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import NotFound, Refused
from . import people

if TYPE_CHECKING:
    from .call import Caller
    from .people import Found, Person, Reading

BY_ID = "--id"  # the option by which most commands take a WHO as an id
_DESCRIBED = 10  # of several people
_WORDS: Mapping[Reading, str] = {"id": "Fullstory id", "uid": "uid", "email": "e-mail"}


def the_one(
    caller: Caller, who: str, *, reading: Reading | None = None, by_id: str = BY_ID
) -> Person:
    """The one person whom ``who`` means; ``by_id`` is the option that would make it an id.

    Raises :class:`NotFound` where that is nobody, :class:`Refused` where it is several: visitors
    choose uid and e-mail, and none of several people is guessed to be the one.
    """
    found = people.find(caller, who, reading=reading)
    if not found.people:
        raise nobody(found)
    if found.ambiguous:
        raise several(found, by_id)
    return found.people[0]


def nobody(found: Found) -> NotFound:
    """The failure of a WHO that means nobody."""
    tried = " or ".join(_WORDS[kind] for kind in found.readings)
    return NotFound(
        f"Nobody has the {tried} {found.who!a}.",
        hint="`fsctl users find` looks for similar people and tells why somebody can be missing.",
        code="user_not_found",
    )


def several(found: Found, by_id: str = BY_ID) -> Refused:
    """The failure of a WHO that means several people; the hint tells how it means each."""
    some = found.people[:_DESCRIBED]
    left = len(found.people) - len(some)
    ids = ", ".join(str(person["id"]) for person in some) + (" and more" if left else "")
    told = [_described(person, found.who) for person in some]
    if left:
        told.append(f"and {left} more")
    return Refused(
        f"{found.who!a} means {len(found.people)} people: {ids}.",
        hint=f"Name one of them by the Fullstory id, with {by_id}:\n" + "\n".join(told),
        code="ambiguous",
    )


def share_an_email(found: Found) -> bool:
    """Whether it is several people under one e-mail, and not one value read as two."""
    readings = {kind for person in found.people for kind in _matched_by(person, found.who)}
    return readings & set(found.readings) == {"email"}


def _matched_by(person: Person, who: str) -> tuple[Reading, ...]:
    """In which ways ``who`` means this person."""
    by_id: tuple[Reading, ...] = ("id",) if str(person["id"]) == who else ()
    named: tuple[Reading, ...] = ("uid", "email")
    return (*by_id, *(kind for kind in named if people.is_called(person, who, kind)))


def _described(person: Person, who: str) -> str:
    by = " and ".join(_WORDS[kind] for kind in _matched_by(person, who))
    mark = ", being deleted" if person.get("is_being_deleted") is True else ""
    return f"{person['id']} (by {by}{mark})"
