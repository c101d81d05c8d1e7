"""The list of a person's sessions, newest first (contracts/fullstory-api §2.5).

They are asked for by a person's uid. By e-mail alone Fullstory mixes the sessions of everyone who
claims that address, so that is done only where nobody else does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..errors import Refused, Unavailable, Usage
from . import people
from .call import Caller
from .ids import SessionId, is_app_address, parse_session
from .limits import SESSIONS_LIMIT_DEFAULT
from .operations import LIST_SESSIONS
from .people import Person
from .types import Call

# How many are asked for, one after another, until the window is covered. No most is published.
STEPS = (100, 1_000, 10_000)
# Counts that look like a limit of the service's own, and not like how often somebody came.
_ROUND = frozenset(
    (SESSIONS_LIMIT_DEFAULT, 50, 100, 200, 250, 500, 1_000, 2_000, 2_500, 5_000, 10_000)
)
_MILLISECONDS_FROM = 100_000_000_000  # in seconds this is the year 5138
_NEVER = datetime.min.replace(tzinfo=UTC)


class Session(NamedTuple):
    """A session as a list tells it. ``created`` is aware, in UTC; ``raw`` the API's own row.

    ``url`` leads to Fullstory; where the address that was told does not, it is ``foreign_url``.
    """

    id: SessionId
    created: datetime | None
    url: str | None
    raw: Mapping[str, Any]
    foreign_url: str = ""


class Listing(NamedTuple):
    """Sessions of one person, newest first; not ``complete`` where older ones may be missing."""

    sessions: list[Session]
    complete: bool


class _Known(NamedTuple):
    """What is known of a list: its sessions, newest first, of how many rows, and if that is all."""

    sessions: list[Session]
    rows: int
    are_all: bool


class Unlisted(Refused):
    """Fullstory cannot list the sessions of this person, or only mixed with those of others."""


def newest(caller: Caller, person: Person) -> Session | None:
    """The session of ``person`` that began last, asked for as :func:`sessions_of` does."""
    return next(iter(sessions_of(caller, person, limit=1).sessions), None)


def sessions_of(
    caller: Caller,
    person: Person,
    *,
    limit: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Listing:
    """The sessions of ``person`` that began from ``since`` to ``until``, at most ``limit``.

    The API knows no dates and gives 20 unless told otherwise: more and more are asked for until
    the window is covered. Raises :class:`Unlisted` for a person whose sessions cannot be told from
    those of others.
    """
    window: list[Session] = []
    for known, _, are_all in _ever_more(caller, _asked_by(caller, person), limit):
        window = [one for one in known if _began_within(one, since, until)][:limit]
        oldest = known[-1].created if known else None
        is_reached = since is not None and oldest is not None and oldest < since
        if are_all or is_reached or len(window) == limit:
            return Listing(window, True)
    return Listing(window, False)


def _asked_by(caller: Caller, person: Person) -> dict[str, str]:
    """How Fullstory is asked for this person's sessions, and for nobody else's."""
    if uid := person.get("uid"):
        return {"uid": str(uid)}
    user = f"The user {person.get('id')}"
    email = person.get("email")
    if not email:
        raise Unlisted(
            f"{user} has neither a uid nor an e-mail, and sessions are listed by these.",
            hint="Look at the person in Fullstory: `fsctl users get` gives the address.",
            code="anonymous",
        )
    claimants = people.find(caller, str(email), reading="email").people
    if len(claimants) > 1:
        raise Unlisted(
            f"{user} has no uid, and the e-mail is that of {len(claimants)} people: Fullstory "
            "gives their sessions only mixed.",
            hint="See them mixed with `fsctl raw request /sessions/v2 --query email=EMAIL`.",
            code="ambiguous",
        )
    return {"email": str(email)}


def _ever_more(caller: Caller, who: Mapping[str, str], limit: int | None) -> Iterator[_Known]:
    """Ever more of the newest sessions."""
    first = max(limit or STEPS[0], SESSIONS_LIMIT_DEFAULT)
    known = _Known([], 0, False)
    for asked in (first, *(step for step in STEPS if step > first)):
        try:
            for known in _pages(caller, {**who, "limit": asked}):
                yield known
        except Refused as error:
            if error.status != 400 or not known.sessions:
                raise
            return  # that is more than the service gives
        if known.rows < asked:
            return


def _pages(caller: Caller, values: Mapping[str, Any]) -> Iterator[_Known]:
    """The answer to one question, and with every page that follows it, should there be any."""
    asked: int = values["limit"]
    known: list[Session] = []
    rows = 0
    tokens: set[str] = set()
    body = caller.call(Call(LIST_SESSIONS, values)).body
    while True:
        page = _rows(body)
        rows += len(page)
        known = sorted([*known, *_sessions(caller, page)], key=_beginning, reverse=True)
        # Fullstory's own client reads this token, though its pages do not speak of it (§1.4).
        token = str(body.get("pagination_token") or body.get("paginationToken") or "")
        if not token or token in tokens:
            yield _Known(known, rows, not token and (bool(tokens) or _is_short(rows, asked)))
            return
        yield _Known(known, rows, False)
        tokens.add(token)
        body = caller.call(Call(LIST_SESSIONS, {**values, "pagination_token": token})).body


def _is_short(count: int, asked: int) -> bool:
    """Whether these are all, rather than as many as a limit that the service does not tell."""
    return count < asked and count not in _ROUND


def _rows(body: Any) -> list[Any]:
    rows = body.get("sessions", []) if isinstance(body, Mapping) else None
    if not isinstance(rows, list) or not (rows or "sessions" in body or not body):
        raise _odd("The answer is not a list of sessions.")
    return rows


def _sessions(caller: Caller, rows: Sequence[Any]) -> list[Session]:
    """The sessions of a page; rows that cannot be read as one are left out, which is said."""
    read = [session for row in rows if (session := _session(row))]
    if rows and not read:
        raise _odd("The answer holds no session with its ids.")
    if missing := len(rows) - len(read):
        told = (
            "a row that names no session; it is"
            if missing == 1
            else (f"{missing} rows that name no session; they are")
        )
        caller.warn(f"the list of sessions holds {told} left out, and could be the newest.")
    return read


def _session(row: Any) -> Session | None:
    """A row of the list; ``userId`` is the device's id there (§2.5)."""
    if not isinstance(row, Mapping):
        return None
    device, session = _first(row, "userId", "user_id"), _first(row, "sessionId", "session_id")
    try:
        identifier = parse_session(f"{device}:{session}")
    except Usage:  # a number beyond 64 bits
        return None
    if identifier is None:
        return None
    url = _first(row, "fsUrl", "fs_url")
    told = url if isinstance(url, str) else ""
    ours = is_app_address(told)
    created = moment_of(_first(row, "createdTime", "created_time"))
    return Session(identifier, created, told if ours else None, row, "" if ours else told)


def _first(row: Mapping[str, Any], *names: str) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def moment_of(value: Any) -> datetime | None:
    """The aware moment of a time as Fullstory writes it: epoch (s or ms) or ISO 8601 (§1)."""
    try:
        if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", value):
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            seconds = float(value)
            seconds = seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _beginning(session: Session) -> datetime:
    return session.created or _NEVER


def _began_within(session: Session, since: datetime | None, until: datetime | None) -> bool:
    """Whether it began in the window; one of an unknown time does only where there is none."""
    if session.created is None:
        return since is None and until is None
    return (since is None or session.created >= since) and (
        until is None or session.created <= until
    )


def _odd(message: str) -> Unavailable:
    return Unavailable(message, hint="See what came with --debug.", code="unreadable")
