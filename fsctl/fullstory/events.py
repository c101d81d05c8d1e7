"""Server events: one at a time, for exactly one owner (contracts/fullstory-api §2.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Usage
from .limits import EVENT_NAME_MAX, EVENT_PAYLOAD_MAX_BYTES, SESSION_UID_MAX, UID_MAX
from .operations import CREATE_EVENT
from .properties import Problem, check_properties, check_text, refusal
from .times import to_api
from .types import Call

if TYPE_CHECKING:
    from .assignments import Given

EVENT_FIELDS = ("name", "timestamp", "user", "session", "properties", "schema", "context")
_ADDRESSES = ("url", "initial_referrer")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]+")
_INT32 = range(-(2**31), 2**31)
# What a context may hold, and of which type (§2.3).
CONTEXT: Mapping[str, Mapping[str, type]] = {
    "browser": dict.fromkeys(("url", "user_agent", "initial_referrer"), str),
    "mobile": dict.fromkeys(("app_id", "app_version", "app_name", "build_variant"), str),
    "device": {
        **dict.fromkeys(("manufacturer", "model"), str),
        **dict.fromkeys(
            ("screen_width", "screen_height", "viewport_width", "viewport_height"), int
        ),
    },
    "location": {
        **dict.fromkeys(("country", "region", "city", "ip_address"), str),
        **dict.fromkeys(("latitude", "longitude"), float),
    },
}


class Owner(NamedTuple):
    """Whom an event belongs to. Nothing given means a new anonymous person, who must be meant."""

    user_id: str | None = None
    session_id: str | None = None
    most_recent_session: bool = False  # of the user: if active in the last 30 minutes
    anonymous: bool = False


def check_one_owner(*, user: bool, session: bool, anonymous: bool, most_recent: bool) -> None:
    """Raise :class:`Usage` unless exactly one way to name an owner was used.

    Fullstory refuses more than one, and makes a new anonymous person for none (§2.3).
    """
    given = [
        name
        for name, is_given in (
            ("--user", user),
            ("--session", session),
            ("--anonymous", anonymous),
        )
        if is_given
    ]
    if len(given) > 1:
        raise Usage(
            f"{' and '.join(given)} were given; an event belongs to one of them.",
            hint="Give one.",
            code="several_owners",
        )
    if not given:
        raise Usage(
            "Nobody was named whom the event belongs to.",
            hint="Give --user WHO or --session SESSION; --anonymous makes a new anonymous person "
            "for it.",
            code="no_owner",
        )
    if most_recent and not user:
        raise Usage(
            "--most-recent-session is about a user's sessions.", hint="Give --user WHO with it."
        )


def create(
    name: str,
    owner: Owner,
    *,
    at: datetime,
    given: Given | None = None,
    context: Mapping[str, Any] | None = None,
) -> Call:
    """The call that stores an event. Raises :class:`Usage` naming the key of every wrong value."""
    values: dict[str, Any] = {"name": name.strip(), "timestamp": to_api(at)}
    if owner.user_id is not None:
        values["user"] = {"id": owner.user_id}
    if owner.session_id is not None:
        values["session"] = {"id": owner.session_id}
    elif owner.most_recent_session:
        values["session"] = {"use_most_recent": True}
    if given is not None:
        values |= given.as_fields()
    if context:
        values["context"] = context
    problems = check_event(values) or list(_check_size(values))
    if problems:
        raise refusal(problems, "event")
    return Call(CREATE_EVENT, values)


def check_event(row: Mapping[str, Any]) -> list[Problem]:
    """All that is wrong with an event to be created or imported, but for its size in all."""
    problems = [
        Problem(key, f"is no field of an event: {', '.join(EVENT_FIELDS)}")
        for key in row
        if key not in EVENT_FIELDS
    ]
    if row.get("name") is None:
        problems.append(Problem("name", "is missing"))
    problems += check_text("name", row.get("name"), EVENT_NAME_MAX)
    problems += _check_owner(row.get("user"), row.get("session"))
    problems += check_properties("event", row.get("properties"), row.get("schema"))
    problems += _check_context(row.get("context"))
    return problems


def _check_owner(user: Any, session: Any) -> Iterator[Problem]:
    """At most one way of naming whose event it is: more than one is a 400 (§2.3)."""
    for key, part in (("user", user), ("session", session)):
        if part is not None and not isinstance(part, Mapping):
            yield Problem(key, "is not an object")
            return
    user, session = user or {}, session or {}
    yield from check_text("user.id", user.get("id"), UID_MAX)
    yield from check_text("user.uid", user.get("uid"), UID_MAX)
    yield from check_text("session.id", session.get("id"), UID_MAX)
    yield from check_text("session.uid", session.get("uid"), SESSION_UID_MAX)
    by_user = [f"user.{name}" for name in ("id", "uid") if user.get(name) is not None]
    by_session = [f"session.{name}" for name in ("id", "uid") if session.get(name) is not None]
    named = [*by_user, *by_session]
    if len(named) > 1:
        yield Problem(named[1], f"stands beside {named[0]}; an event belongs to one of them")
    if session.get("use_most_recent") and (by_session or not by_user):
        yield Problem("session.use_most_recent", "needs a user, and no session")


def _check_context(context: Any) -> Iterator[Problem]:
    if context is None:
        return
    if not isinstance(context, Mapping):
        yield Problem("context", "is not an object")
        return
    for part, values in context.items():
        fields = CONTEXT.get(part)
        if fields is None or not isinstance(values, Mapping):
            told = f"is none of {', '.join(CONTEXT)}" if fields is None else "is not an object"
            yield Problem(f"context.{part}", told)
            continue
        for name, value in values.items():
            if name not in fields:
                yield Problem(f"context.{part}.{name}", f"is none of {', '.join(fields)}")
            elif value is not None and not _is(fields[name], value):
                yield Problem(f"context.{part}.{name}", f"is not {_IN_WORDS[fields[name]]}")
            elif name in _ADDRESSES and value and not _ADDRESS.fullmatch(value):
                yield Problem(f"context.{part}.{name}", "is no address such as https://x.example/")


def _check_size(row: Mapping[str, Any]) -> Iterator[Problem]:
    from ..membrane.payload import BadPayload, encode

    try:
        size = len(encode(row))
    except BadPayload as problem:
        yield Problem("event", f"cannot be sent: {problem}")
        return
    if size > EVENT_PAYLOAD_MAX_BYTES:
        told = f"has {size:,} bytes; Fullstory takes at most {EVENT_PAYLOAD_MAX_BYTES:,}"
        yield Problem("event", told)


def _is(kind: type, value: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value in _INT32
    return isinstance(value, kind)


_IN_WORDS = {str: "a text", int: "an integer of 32 bits", float: "a number"}
