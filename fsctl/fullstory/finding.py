"""Look for somebody by whatever a ticket tells: an id, a uid, an e-mail or a name.

Exact matches and similar ones are kept apart: how Fullstory's own filters compare is not documented
(contracts/fullstory-api §2.1), and a support engineer must not take one person for another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from ..errors import NotFound
from . import people
from .call import Caller
from .ids import can_be_email, can_be_fullstory_id
from .limits import DISPLAY_NAME_MAX, EMAIL_MAX
from .people import Person

Trait = Literal["id", "uid", "email", "name"]

SIMILAR_MOST = 20
PAGES_MOST = 10  # of one look: a part of a name may be in everyone's
_ADDRESS = re.compile(r"[^<>]{0,300}<([^<>\s]{1,200})>")  # Ada Lovelace <ada@example.com>
_FILTERS: Mapping[Trait, str] = {"uid": "uid", "email": "email", "name": "display_name"}
_WORDS: Mapping[Trait, str] = {
    "id": "as a Fullstory id",
    "uid": "as a uid",
    "email": "as an e-mail",
    "name": "as a name",
}


class Look(NamedTuple):
    """One thing that was looked for: ``what`` read as ``trait``."""

    what: str
    trait: Trait
    only_similar: bool = False  # whoever it brings was not asked for by that value

    def __str__(self) -> str:
        return f"{self.what!a} {_WORDS[self.trait]}"


class Match(NamedTuple):
    """A person, the traits by which the query is exactly theirs; none: only similar."""

    person: Person
    by: tuple[Trait, ...]


class Matches(NamedTuple):
    """Whom a query brought, each once; ``cut`` where more would have been similar."""

    exact: tuple[Match, ...]
    similar: tuple[Match, ...]
    looks: tuple[Look, ...]
    cut: bool


def find(
    caller: Caller, query: str, *, warn: Callable[[str], None] = lambda _text: None
) -> Matches:
    """Everyone whom ``query`` exactly names, and those who are similar.

    Where nobody is exactly meant by an e-mail, its local part is tried as a uid and as a name.
    Raises :class:`Usage` for what nobody can be called.
    """
    query = bare(query)
    people.readings_of(query)
    looks = list(looks_for(query))
    people_by_id: dict[str, Person] = {}
    exact: dict[str, list[Trait]] = {}
    cut = False

    def carry_out(look: Look) -> None:
        nonlocal cut
        for person in _people(caller, look, warn):
            user_id = str(person.get("id") or "")
            if not user_id:
                continue
            is_exact = not look.only_similar and is_exactly(person, look)
            if is_exact:
                traits = exact.setdefault(user_id, [])
                if look.trait not in traits:
                    traits.append(look.trait)
            elif user_id not in people_by_id and _similar(people_by_id, exact) >= SIMILAR_MOST:
                cut = True
                continue
            people_by_id.setdefault(user_id, person)

    for look in looks:
        carry_out(look)
    if not exact and can_be_email(query):
        for look in _second_looks(query):
            looks.append(look)
            carry_out(look)
    matches = [Match(person, tuple(exact.get(key, ()))) for key, person in people_by_id.items()]
    return Matches(
        tuple(match for match in matches if match.by),
        tuple(match for match in matches if not match.by),
        tuple(looks),
        cut,
    )


def bare(query: str) -> str:
    """What a ticket put around an e-mail taken away: ``mailto:``, a name and ``<>``."""
    query = query.strip()
    address = _ADDRESS.fullmatch(query)
    if address is not None and can_be_email(address[1]):
        query = address[1]
    return query[7:] if query.lower().startswith("mailto:") else query


def looks_for(query: str) -> Iterator[Look]:
    """How ``query`` reads: an id or e-mail is plain to see, and anything can be a uid."""
    if can_be_fullstory_id(query):
        yield Look(query, "id")
    elif can_be_email(query) and len(query) <= EMAIL_MAX:
        yield Look(query, "email")
        if query != query.lower():  # whether Fullstory compares with regard to case is not known
            yield Look(query.lower(), "email")
    yield Look(query, "uid")
    if not (can_be_fullstory_id(query) or can_be_email(query)) and len(query) <= DISPLAY_NAME_MAX:
        yield Look(query, "name")


def _second_looks(email: str) -> Iterator[Look]:
    local = email.rpartition("@")[0].partition("+")[0]
    if local:
        yield Look(local, "uid", only_similar=True)
        name = " ".join(re.split(r"[._-]+", local)).strip()
        yield Look(name or local, "name", only_similar=True)


def is_exactly(person: Person, look: Look) -> bool:
    """Whether the look's value is the person's own: e-mails and names in any case."""
    match look.trait:
        case "id":
            return str(person.get("id")) == look.what
        case "uid" | "email":
            return people.is_called(person, look.what, look.trait)
        case "name":
            return _plain(person.get("display_name")) == _plain(look.what)


def _people(caller: Caller, look: Look, warn: Callable[[str], None]) -> Iterator[Person]:
    if look.trait == "id":
        try:
            yield people.get(caller, look.what)
        except NotFound:
            return
        return
    pages = people.list_people(caller, {_FILTERS[look.trait]: look.what})
    for number, page in enumerate(pages, 1):
        yield from page
        if number == PAGES_MOST:
            warn(f"So many are like {look} that only the first were looked at.")
            return


def _similar(people_by_id: Mapping[str, Any], exact: Mapping[str, Any]) -> int:
    return len(people_by_id) - len(exact)


def _plain(name: Any) -> str:
    return " ".join(name.split()).casefold() if isinstance(name, str) else ""
