"""Sessions: which one is meant, its events and its summary (contracts/fullstory-api §2.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from ..errors import FsctlError, NotFound, Unavailable
from .call import Caller
from .ids import SESSION_ADVICE, SessionId, can_be_fullstory_id, parse_session
from .operations import GET_SESSION_EVENTS, SESSION_SUMMARY
from .people import Person, Reading
from .session_lists import Listing, Session, Unlisted, newest, sessions_of
from .types import Call
from .whom import BY_ID, the_one

__all__ = [
    "Listing", "Session", "Unlisted", "age_of", "events", "newest", "newest_of",
    "none_of", "not_a_session", "picked", "resolve", "sessions_of", "summary", "summary_call",
    "the_person",
]  # fmt: skip

# How Membrane tells that an answer is over its limit is not documented.
_TOO_LARGE = re.compile(r"too (?:large|big)|exceed|maxcontentlength|size limit", re.IGNORECASE)


# -- what a WHO and a SESSION mean


def the_person(
    caller: Caller, who: str, *, reading: Reading | None = None, by_id: str = BY_ID
) -> Person:
    """As :func:`whom.the_one`, for a WHO that may be meant as a session."""
    try:
        return the_one(caller, who, reading=reading, by_id=by_id)
    except NotFound as missing:
        raise not_a_session(missing, who) from None


def not_a_session(missing: NotFound, who: str) -> NotFound:
    """The same failure; half a session's id is often what a WHO that means nobody was meant as."""
    looks_so = can_be_fullstory_id(who) or re.fullmatch(r"[0-9A-Fa-f-]{36}", who)
    if looks_so and missing.status is None:  # a 404 of a service's own has a hint of its own
        advice = f"{SESSION_ADVICE[0].lower()}{SESSION_ADVICE[1:]}"
        missing.hint = f"If it is meant as a session: {advice}"
    return missing


def none_of(who: str) -> FsctlError:
    """The failure of a person without a session."""
    return NotFound(
        f"Fullstory lists no session of {who!a}.",
        hint="It may be seconds away from the list, sampled out, past its retention, or have "
        "happened before the person was identified.",
        code="no_sessions",
    )


def resolve(
    caller: Caller,
    text: str,
    *,
    note: Callable[[str], None],
    reading: Reading | None = None,
    by_id: str = BY_ID,
) -> SessionId:
    """The session that ``text`` means: a reference, or a WHO's newest, which ``note`` is told.

    With ``reading`` it is a WHO, whatever it looks like. Raises :class:`Usage` for a broken
    reference, and what :func:`newest_of` raises.
    """
    named = None if reading else parse_session(text)
    return named or newest_of(caller, text, note=note, reading=reading, by_id=by_id).id


def newest_of(
    caller: Caller,
    who: str,
    *,
    note: Callable[[str], None],
    reading: Reading | None = None,
    by_id: str = BY_ID,
) -> Session:
    """The newest session of the one person whom ``who`` means.

    Raises :class:`NotFound` for nobody or no session, :class:`Refused` for several people and for
    one whose sessions cannot be told from others'.
    """
    session = newest(caller, the_person(caller, who, reading=reading, by_id=by_id))
    if session is None:
        raise none_of(who)
    age = f", begun {age_of(session.created, caller.clock.time())} ago" if session.created else ""
    note(f"The newest session of {who!a} is {session.id.text}{age}.")
    return session


def age_of(moment: datetime, now: float) -> str:
    """How long ago that was, in one unit: ``54 min``, ``3 h``, ``12 d``. ``now`` is Unix time."""
    seconds = max(0, int(now - moment.timestamp()))
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 90 * 60:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} d"


# -- one session


def events(caller: Caller, session: SessionId) -> list[Mapping[str, Any]]:
    """All events of a session: the API's own rows, in its order.

    Raises :class:`NotFound` for an unknown session and :class:`Refused`, with what else can be
    done, for one that is too large for the road.
    """
    try:
        body = caller.call(Call(GET_SESSION_EVENTS, {"session_id": session.text})).body
    except FsctlError as error:
        raise _explained(error, session) from None
    rows = body.get("events", []) if isinstance(body, Mapping) else body
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise _odd("The answer is not a list of events.")
    if isinstance(body, Mapping) and body and "events" not in body:
        raise _odd("The answer holds no events.")
    return rows


def picked(
    rows: Iterable[Mapping[str, Any]],
    *,
    types: Collection[str] = (),
    errors: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    url_contains: str | None = None,
) -> Iterator[Mapping[str, Any]]:
    """Those events that are of one of the ``types`` or, with ``errors``, signs of trouble, that
    happened in the window, and on a page whose URL holds the text."""
    from .steps import kind_of, moment_of, sort_of

    for row in rows:
        kind = kind_of(row)
        if (types or errors) and not (
            kind in types or (errors and sort_of(kind) in ("error", "frustration"))
        ):
            continue
        if since is not None or until is not None:
            at = moment_of(row)
            if at is None or not _from(since, default=at) <= at <= _from(until, default=at):
                continue
        if url_contains is not None and url_contains not in _page_url(row):
            continue
        yield row


def _from(moment: datetime | None, *, default: float) -> float:
    return default if moment is None else moment.timestamp()


def _page_url(row: Mapping[str, Any]) -> str:
    """The URL of the page that an event happened on; empty for what a server sent."""
    url = row.get("source_properties")
    for key in ("url", "full_url"):
        url = url.get(key) if isinstance(url, Mapping) else None
    return url if isinstance(url, str) else ""


def _explained(error: FsctlError, session: SessionId) -> FsctlError:
    """The same failure, with what can be done about it where that is known."""
    if error.code in ("too_large", "http_413") or _TOO_LARGE.search(error.message):
        path = f"/v2/sessions/{session.device}%3A{session.session}/context"
        body = '{"slice": {"mode": "LAST", "event_limit": 500}}'
        error.hint = (
            "A session's events are one document without pages, and Membrane carries 30 MB. Its "
            f"last events alone: `fsctl raw request {path} -X POST --json '{body}'`."
        )
    elif isinstance(error, NotFound):
        error.hint = f"It may be past its retention. {SESSION_ADVICE}"
    elif _forbidden(error):
        error.hint = (
            "The connection's API key needs the role Architect or Admin, and on some plans "
            "session events are part of Anywhere: Activation."
        )
    return error


def summary_call(session: SessionId, profile: str | None = None) -> Call:
    """The call for Fullstory's own summary; ``profile`` is the id of a summary profile."""
    values = {"session_id": session.text}
    return Call(
        SESSION_SUMMARY, values if profile is None else {**values, "config_profile": profile}
    )


def summary(caller: Caller, call: Call) -> Mapping[str, Any]:
    """What Fullstory's model says of the session: ``summary`` as text, or ``response`` as data.

    Raises :class:`NeedsPerson`, naming the plan, where it is not allowed (§1.2, §2.5).
    """
    try:
        body = caller.call(call).body
    except FsctlError as error:
        if _forbidden(error):
            error.hint = (
                "Summaries are part of Fullstory's Anywhere: Activation, on the plans Enterprise "
                "and Advanced, and need an Architect or Admin API key in the connection."
            )
        elif error.status == 400 and "config_profile" not in call.values:
            error.hint = "Name a summary profile with --summary-profile."
        elif isinstance(error, NotFound):
            error.hint = f"The session or the summary profile is unknown. {SESSION_ADVICE}"
        raise
    if not isinstance(body, Mapping):
        raise _odd("The answer is not a summary.")
    return body


def _forbidden(error: FsctlError) -> bool:
    """Whether Fullstory, and not Membrane, told that something is not allowed."""
    return error.status == 403 and not error.code.startswith("bad_request")


def _odd(message: str) -> Unavailable:
    return Unavailable(message, hint="See what came with --debug.", code="unreadable")
