"""People: read their lists to the end, and find who a WHO means (DESIGN §2, WHO).

Visitors choose their uid and e-mail, so neither is trusted to be unique, and only exact matches
count (e-mails without regard to case): whether Fullstory's own filters are exact is not documented
(contracts/fullstory-api §2.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from ..errors import NotFound, Unavailable, Usage
from .call import Caller
from .ids import can_be_email, can_be_fullstory_id
from .limits import EMAIL_MAX, UID_MAX
from .operations import GET_USER, LIST_USERS
from .types import Call

Person = Mapping[str, Any]
Reading = Literal["id", "uid", "email"]

_PAGE_KEYS = frozenset(
    (
        "results", "total_records", "next_page_token", "app_url",
        "totalRecords", "nextPageToken", "appUrl",
    )
)  # fmt: skip


class Found(NamedTuple):
    """Everyone a WHO can mean: each person once, with the readings that led to them."""

    who: str
    people: tuple[Person, ...]
    readings: tuple[Reading, ...]  # those that were tried

    @property
    def ambiguous(self) -> bool:
        return len(self.people) > 1


class Page(NamedTuple):
    """A page of a list: the people on it, the token of the next one (empty where none is told),
    and how many people there are on all pages, if that is told."""

    people: list[Person]
    next_token: str
    total: int | None


def list_people(
    caller: Caller,
    filters: Mapping[str, Any],
    *,
    include_schema: bool = False,
) -> Iterator[list[Person]]:
    """The people on the :func:`list_pages` of everyone who matches the ``filters``."""
    for page in list_pages(caller, filters, include_schema=include_schema):
        yield page.people


def list_pages(
    caller: Caller,
    filters: Mapping[str, Any],
    *,
    include_schema: bool = False,
    token: str = "",
) -> Iterator[Page]:
    """Pages of everyone who matches Fullstory's own ``filters``, fetched as they are asked for.

    ``filters`` are uid, email, display_name, is_identified. The same are sent with every page, as
    the API asks (§1.4). ``token`` is of the page to begin with.
    """
    values = dict(filters)
    if include_schema:
        values["include_schema"] = True
    if token:
        values["page_token"] = token
    seen = {token}
    while True:
        body = caller.call(Call(LIST_USERS, values)).body
        people, total = page_rows(body), _total(body)
        try:
            token = _next_token(body)
        except Unavailable:
            yield Page(people, "", total)  # what is there is not lost
            raise
        is_repeated = bool(token) and token in seen
        yield Page(people, "" if is_repeated else token, total)
        if not token:
            return
        if is_repeated:
            raise Unavailable(
                "Fullstory repeated a page token, so the list ends here and may be incomplete.",
                hint="Run it again; narrower filters need fewer pages.",
                code="page_token_repeated",
            )
        seen.add(token)
        values["page_token"] = token


def page_rows(body: Any) -> list[Person]:
    """The people on one page; ``results`` may be missing on an empty one (§1, Absent fields).

    Raises :class:`Unavailable` for what is no page at all: an odd answer is never an empty list.
    """
    if isinstance(body, Mapping):
        rows = body.get("results")
        if isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows):
            return rows
        if rows is None and set(body) <= _PAGE_KEYS:
            return []
    raise _odd("The answer is not a list of users.")


def _next_token(page: Mapping[str, Any]) -> str:
    """The token of the next page, empty at the end."""
    token = page.get("next_page_token") or page.get("nextPageToken") or ""
    if isinstance(token, str | int) and not isinstance(token, bool):
        return str(token)
    raise _odd("The answer's page token is not a text.")


def _total(page: Mapping[str, Any]) -> int | None:
    """How many there are in all: a text of digits (§1, 64-bit counts)."""
    told = str(page.get("total_records") or page.get("totalRecords") or "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else None


def find(
    caller: Caller,
    who: str,
    *,
    reading: Reading | None = None,
    include_schema: bool = False,
) -> Found:
    """Everyone whom ``who`` means, read in every way it can be, or only as ``reading``."""
    readings = readings_of(who, reading)
    people: dict[str, Person] = {}
    for kind in readings:
        for person in _look_up(caller, who, kind, include_schema):
            if not person.get("id"):
                raise _odd("The answer holds a user without an id.")
            people.setdefault(str(person["id"]), person)
    return Found(who, tuple(people.values()), readings)


def readings_of(who: str, reading: Reading | None = None) -> tuple[Reading, ...]:
    """How ``who`` can be read. Raises :class:`Usage` for what nobody can be called."""
    if not who.strip():
        raise Usage("An empty value names nobody.", hint="Give an id, a uid or an e-mail.")
    try:
        who.encode()
    except UnicodeEncodeError:
        raise Usage(f"{who!a} is not valid UTF-8.", hint="Check the encoding.") from None
    if reading == "id" and not can_be_fullstory_id(who):
        raise Usage(
            f"{who!a} is not a Fullstory id.",
            hint="A Fullstory id is digits only; use --uid for an id of your own.",
        )
    if len(who) > (EMAIL_MAX if reading == "email" else UID_MAX):
        raise Usage(
            f"The value {who[:40]!a}... has {len(who)} characters; nobody can be called that.",
            hint=f"A uid has at most {UID_MAX} characters, an e-mail {EMAIL_MAX}.",
        )
    if reading is not None:
        return (reading,)
    if can_be_fullstory_id(who):
        return ("id", "uid")
    if can_be_email(who) and len(who) <= EMAIL_MAX:
        return ("email", "uid")
    return ("uid",)


def _look_up(
    caller: Caller,
    who: str,
    kind: Reading,
    include_schema: bool,
) -> Iterator[Person]:
    if kind == "id":
        try:
            person = get(caller, who, include_schema=include_schema)
        except NotFound:
            return
        if str(person["id"]) == who:  # 007 must not find 7
            yield person
        return
    for page in list_people(caller, {kind: who}, include_schema=include_schema):
        yield from (person for person in page if is_called(person, who, kind))


def is_called(person: Person, who: str, kind: Reading) -> bool:
    """Whether ``who`` is exactly that of the person: e-mails in any case."""
    value = person.get(kind)
    return isinstance(value, str) and _same(value, who, kind)


def _same(value: str, who: str, kind: Reading) -> bool:
    if kind != "email":
        return value == who
    # Folding would make one of two (ss and \u00df, k and the Kelvin sign), and two are not one.
    return value.lower() == who.lower() and value.isascii() == who.isascii()


def get(caller: Caller, user_id: str, *, include_schema: bool = False) -> Person:
    """The person with that Fullstory id. Raises :class:`NotFound` at Fullstory's own 404."""
    values: dict[str, Any] = {"id": user_id}
    if include_schema:
        values["include_schema"] = True
    body = caller.call(Call(GET_USER, values)).body
    if not isinstance(body, Mapping) or "id" not in body:
        raise _odd("The answer is not a user.")
    return body


def _odd(message: str) -> Unavailable:
    return Unavailable(
        message,
        hint="See what came with --debug; --via proxy takes another road.",
        code="unreadable",
    )
