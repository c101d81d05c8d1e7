"""What may stand in a path: nothing that could reach another connection (DESIGN §2, Paths).

A credentialed request to ``/connections/{id}/proxy/{path}`` is only as safe as its path: a ``..``
that some server on the way resolves would leave the connection. So a path is judged as the most
eager server could see it, percent-decoded until nothing changes and compatibility-normalised,
and refused rather than repaired.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, unquote

from ..errors import Usage

MAX_PATH = 8_000  # characters; beyond what servers accept in a request line

# What RFC 3986 lets stand unencoded in a path segment, without the percent sign.
_SEGMENT_SAFE = "-._~!$&'()*+,;=:@"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # what Python makes of bytes that are not UTF-8
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def as_seen(text: str) -> str:
    """``text`` as the most eager server could come to see it."""
    text = _HALF_CHARACTER.sub("\ufffd", text)
    while (seen := unicodedata.normalize("NFKC", unquote(text, errors="replace"))) != text:
        text = seen
    return text


def check_segment(value: str, what: str) -> str:
    """Return ``value`` if it can stand as one path segment (an id, a key, a path parameter).

    ``what`` names it in the error, for example "The connection id". Raises :class:`Usage` for an
    empty value, dots, slashes, backslashes and control characters, encoded any number of times.
    """
    if not value.strip():
        raise Usage(f"{what} is empty.", hint="Give the value that belongs there.")
    problem = "a slash" if "/" in as_seen(value[:MAX_PATH]) else _problem(value)
    if problem:
        raise Usage(
            f"{what} {shown(value)} is refused: it holds {problem}.",
            hint="An id or a key is one path segment: no slashes, backslashes or dots alone.",
        )
    return value


def check_selector(value: str, what: str) -> str:
    """Return ``value`` if it can name something: an id, a key, or a name, which may hold slashes.

    A name is only compared and never stands in a path; still, what could climb out of one is
    refused before anything is sent. Raises :class:`Usage`.
    """
    problem = "nothing" if not value.strip() else _problem(value)
    if problem:
        raise Usage(
            f"{what} {shown(value)} is refused: it holds {problem}.",
            hint="Give its id or its name.",
        )
    return value


def encode_segment(value: str, what: str = "The value") -> str:
    """One checked path segment, percent-encoded exactly once; ``:`` becomes ``%3A``.

    Fullstory wants the colon of a session id encoded in a path (contracts/fullstory-api §2.5).
    """
    return quote(check_segment(value, what), safe="-._~")


def check_path(path: str) -> str:
    """Return the path of a proxied request, made to start with one ``/`` and safely encoded.

    ``path`` is what a user typed, without query or fragment. Characters that cannot stand in a
    URL are percent-encoded; existing escapes are kept. Raises :class:`Usage` for a path that is
    not plainly inside the connection's own (see the module).
    """
    path = path if path.startswith("/") else f"/{path}"
    seen = as_seen(path[:MAX_PATH])
    if "//" in seen:
        problem: str | None = "an empty segment (//)"
    elif ":" in seen.split("/")[1]:
        problem = "a colon in its first segment"  # http:evil.test is an address to URL parsers
    else:
        problem = _problem(path)
    if problem:
        raise Usage(
            f"The path {shown(path)} is refused: it holds {problem}.",
            hint="Write the path as the Fullstory reference does, for example /v2/users.",
        )
    return quote(_BAD_PERCENT.sub("%25", path), safe=f"/%{_SEGMENT_SAFE}")


def _problem(text: str) -> str | None:
    if len(text) > MAX_PATH:
        return f"more than {MAX_PATH} characters"
    seen = as_seen(text)
    if "\\" in seen:
        return "a backslash"
    if _CONTROL.search(seen):
        return "a control character"
    if "\ufffd" in seen:
        return "bytes that are not UTF-8"
    if any(part.strip() in (".", "..") for part in re.split(r"[/;]", seen)):
        return "a dot segment"
    return None


def shown(value: str) -> str:
    """``value`` for an error text: quoted, non-ASCII escaped, not too long."""
    text = ascii(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
