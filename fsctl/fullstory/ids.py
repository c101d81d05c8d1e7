"""What an identifier can be read as (contracts/fullstory-api §1 Ids, §2.5 Session id).

The one parser of everything that names a session: ids, Client IDs, and replay addresses old and
new, as they come out of a ticket, a browser or the API.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import Usage

_DIGITS = re.compile(r"[0-9]{1,20}")
_MAX_ID = 2**64 - 1


def can_be_fullstory_id(text: str) -> bool:
    """Whether ``text`` reads as an id of Fullstory's: the digits of a number of up to 64 bits."""
    return _DIGITS.fullmatch(text) is not None and int(text) <= _MAX_ID


def can_be_email(text: str) -> bool:
    """Whether ``text`` reads as an e-mail; Fullstory itself barely checks (§2.1)."""
    local, at, domain = text.rpartition("@")
    return bool(local and at and domain) and not any(char.isspace() for char in text)


# -- sessions

APP_HOSTS = {"na1": "app.fullstory.com", "eu1": "app.eu1.fullstory.com"}
REPLAY_HOSTS = frozenset((*APP_HOSTS.values(), "www.fullstory.com"))
SESSION_ADVICE = (
    "Write DEVICE_ID:SESSION_ID, a Client ID or the replay's URL; the Session ID that Fullstory's "
    "screen shows does not work alone (Show More there has the Device ID)."
)

_LONGEST = 2000  # characters of a reference; replay addresses have some 130
_NUMBER = r"[0-9]{1,20}"
_UUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_MOMENT = r"[0-9A-Za-z._-]{1,64}"
# What stands around a reference in a ticket: blanks, brackets, quotes, the end of a sentence.
_AROUND = (
    " \t\r\n\f\v\xa0\u200b\u2060\ufeff<>()[]{}\"'`.,;:!?*|"
    "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"
)
_SESSION = ("session", "client-session")  # path segments; FS('getSession') gives the latter
_APP_ADDRESS = re.compile(r"https://(?:[A-Za-z0-9-]{1,63}\.){0,5}fullstory\.com/[!-~]*")
_ORG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class SessionId(NamedTuple):
    """A session as the API knows it: device and session id, or the two halves of a Client ID."""

    device: str
    session: str

    @property
    def text(self) -> str:
        """``device:session`` with a raw colon: who puts it into a path encodes it, once."""
        return f"{self.device}:{self.session}"


class Reference(NamedTuple):
    """What someone wrote to name a session; a replay's address also told host and organisation."""

    id: SessionId
    host: str | None = None
    org: str | None = None


def parse_session(text: str) -> SessionId | None:
    """The session that ``text`` names; see :func:`parse_reference`."""
    reference = parse_reference(text)
    return None if reference is None else reference.id


def parse_reference(text: str) -> Reference | None:
    """What ``text`` says of a session; None where it names none, and may name a person.

    Read are ``device:session`` and Client IDs (``uuid:uuid``), with ``:``, ``!``, ``%3A`` or
    ``%253A`` between, and the addresses ``/ui/ORG/session/…``, ``/ui/ORG/discover/session/…`` and
    ``/ui/ORG/client-session/…`` of :data:`REPLAY_HOSTS`, with what a ticket puts around them. What
    follows the two ids is a moment of the replay: ``:time`` or ``:time!page``. In ``x:y!z`` the
    session is ``y!z``, as in Fullstory's own command line.

    Raises :class:`Usage` for what plainly names a session, and cannot be one: half of an id, an
    id beyond 64 bits, an address elsewhere.
    """
    bare = _colons(text.strip(_AROUND))
    address = _address(bare)
    if address is not None:
        return _from_address(address)
    if len(bare) > _LONGEST:
        return None
    session = _ids(bare)
    if session is not None:
        return Reference(session)
    if re.fullmatch(rf"(?:[0-9]+|{_UUID})[:!](?:[0-9]+|{_UUID})?(?:[:!]{_MOMENT}){{0,2}}", bare):
        raise _broken(bare)
    return None


def _colons(text: str) -> str:
    """``text`` with ``:`` and ``!`` in place of their percent-encodings, however often encoded."""
    return re.sub(r"%(?:25){0,9}(3[Aa]|21)", lambda found: "!" if found[1] == "21" else ":", text)


def _address(text: str) -> str | None:
    """The address that ``text`` is or is meant to be, unwrapped where it was encoded as a whole."""
    for _ in range(3):
        if not re.match(r"https?:%(?:25)*2[Ff]", text, re.IGNORECASE):
            break
        from urllib.parse import unquote

        text = unquote(text)
    if "://" in text or re.search(r"/(?:client-)?session/", text):
        return text
    host, slash, _ = text.partition("/")
    return text if slash and host.lower() in REPLAY_HOSTS else None


def _from_address(address: str) -> Reference:
    found = re.match(r"(?:([^:/?#]{1,20})://)?([^/?#]*)([^?#]*)", address)
    assert found is not None  # every text begins like that
    scheme, host, path = (found[1] or "https").lower(), found[2].lower(), found[3]
    if scheme not in ("https", "http") or host not in REPLAY_HOSTS:
        raise Usage(
            f"{address[:100]!a} is not the address of a replay: sessions are read from those of "
            f"{', '.join(sorted(REPLAY_HOSTS))} only.",
            hint="Copy the replay's own URL, or give DEVICE_ID:SESSION_ID. A person whose uid is "
            "an address is named with --uid.",
            code="not_a_replay",
        )
    segments = path.split("/")
    session = _ids(_session_segment(segments).strip(_AROUND))
    if session is None:
        raise _broken(address)
    return Reference(session, host, _org(segments))


def _org(segments: Sequence[str]) -> str | None:
    match segments:
        case ["", "ui" | "subtext", org, *_] if org not in (*_SESSION, "discover") and is_org(org):
            return org
    return None


def _session_segment(segments: Sequence[str]) -> str:
    """What follows the last ``session``; some addresses of the app hold ``(device!session(``."""
    for at in reversed(range(len(segments) - 1)):
        if segments[at] in _SESSION:
            return segments[at + 1]
    found = re.search(rf"\(({_NUMBER}!{_NUMBER})\(", "/".join(segments)[:_LONGEST])
    return found[1] if found else ""


def _ids(text: str) -> SessionId | None:
    found = re.fullmatch(rf"(?:{_NUMBER}:)?({_NUMBER})!({_NUMBER})", text) or re.fullmatch(
        rf"({_NUMBER}|{_UUID})[:!]({_NUMBER}|{_UUID})(?:[:!]{_MOMENT}){{0,2}}", text
    )
    if found is None:
        return None
    device, session = found.groups()
    if ("-" in device) != ("-" in session):
        return None
    if "-" not in device and not (can_be_fullstory_id(device) and can_be_fullstory_id(session)):
        return None
    return SessionId(device, session)


def _broken(text: str) -> Usage:
    return Usage(
        f"{text[:140]!a} does not name a session.", hint=SESSION_ADVICE, code="not_a_session"
    )


def is_app_address(text: str) -> bool:
    """Whether ``text`` is an https address of Fullstory's, on whatever host of its domain."""
    return _APP_ADDRESS.fullmatch(text) is not None


def is_org(text: str) -> bool:
    """Whether ``text`` can be an organisation's id, as it stands in addresses of the app."""
    return _ORG.fullmatch(text) is not None


def replay_url(session: SessionId, *, org: str, host: str) -> str:
    """The address of a replay, made of parts that were checked (§2.5, Replay URLs)."""
    if not is_org(org) or host not in REPLAY_HOSTS:
        raise Usage(
            f"There is no replay at {host!a} for the organisation {org!a}.",
            hint="The organisation's id stands in every address of the app, behind /ui/.",
        )
    kind = "client-session" if "-" in session.device else "session"
    return f"https://{host}/ui/{org}/{kind}/{session.text}"
