"""Take secrets out of text and data before anyone sees them (DESIGN §2 Safety, Secrets).

By header name, by key name **and** by the shape of the value, because the ``membrane`` command
line is known to echo whole requests, bearer token included (contracts/membrane §8 U26). Every
pattern runs in linear time: no quantifier can match what its neighbour matches, and a long word is
looked at once, not from each of its characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

MASK = "[redacted]"

_SECRET_HEADERS = frozenset(
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"]
)
_SECRET_KEYS = frozenset(
    [
        "passwd",
        "credentials",
        "authorization",
        "cookie",
        "setcookie",
        "privatekey",
        "connectorparameters",
        "accesskey",
        "jwt",
    ]
)
_SECRET_ENDINGS = ("token", "secret", "password", "apikey", "authorization")
_NO_SECRETS = ("pagetoken", "paginationtoken")  # a reader needs them, and they open nothing

# A word starts here; in escaped text it may follow a \\n.
_EDGE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
_QUOTE = r"""\\{0,7}["']?"""  # as it comes out of JSON within JSON

_IN_TEXT = rf"""
    (?P<scheme>{_EDGE}(?:bearer|basic)[ \t]{{1,4}})[A-Za-z0-9._~+/=-]{{6,}}+
  | (?P<jwt>{_EDGE}(?-i:eyJ)[A-Za-z0-9_-]{{5,}}+
        (?P<signed>\.[A-Za-z0-9_-]{{2,}}+(?:\.[A-Za-z0-9_-]*+){{0,3}})?)
  | (?P<pat>{_EDGE}pat-[A-Za-z0-9._-]{{4,}}+)
  | (?P<param>[?&;\#](?:access_token|refresh_token|id_token|token|api_?key|secret|password|code
        |sig|(?:x-(?:goog|amz)-)?(?:signature|credential|security-token))=)[^\s&;\#"'<>\\]++
  | (?P<pair>{_EDGE}(?<!page_)(?<!page-)
        (?:(?:(?:access|refresh|id|auth|session|bearer)[_-]?)?token|api[_-]?key
        |(?:(?:workspace|client|signing)[_-]?)?secret|passw(?:or)?d|authorization)
        {_QUOTE}[ \t]{{0,4}}[:=][ \t]{{0,4}}{_QUOTE})
    (?:(?:bearer|basic)[ \t]{{1,4}})?[^\s"',;}}&]{{4,}}+
  | (?P<userinfo>://)[^\s/@"'<>]{{1,512}}+@
"""


def redact(text: str, *, known: Iterable[str] = ()) -> str:
    """``text`` with everything that looks like a secret masked, and every ``known`` one too."""
    for secret in known:
        if len(secret) >= 6:
            text = text.replace(secret, MASK)
    return _pattern().sub(_mask, text)


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(_IN_TEXT, re.IGNORECASE | re.VERBOSE)


def _mask(match: re.Match[str]) -> str:
    if match["jwt"] and not match["signed"] and "pat-" not in match["jwt"]:
        return match["jwt"]  # matched only to be passed over at once: see the module
    if match["userinfo"]:
        return f"://{MASK}@"
    return (match["scheme"] or match["param"] or match["pair"] or "") + MASK


def recognised(text: str) -> Iterator[tuple[str, str, str]]:
    """What :func:`redact` goes by words for: the kind, the name in front of it, and the secret.

    The kinds are ``scheme``, ``param``, ``pair`` and ``userinfo``. Tokens that are known by their
    shape alone are left out.
    """
    for match in _pattern().finditer(text):
        kind = match.lastgroup or ""
        if kind in ("scheme", "param", "pair"):
            name = re.sub(r"[^A-Za-z_-]", "", match[kind])
            yield kind, name, match[0][match.end(kind) - match.start() :]
        elif kind == "userinfo":
            yield kind, "", match[0][3:-1]


def is_secret_header(name: str) -> bool:
    return name.strip().lower() in _SECRET_HEADERS


def is_secret_key(name: str) -> bool:
    """Whether a JSON key of a Membrane document holds a credential."""
    plain = name.replace("_", "").replace("-", "").lower()
    if plain.endswith(_NO_SECRETS):
        return False
    return plain in _SECRET_KEYS or plain.endswith(_SECRET_ENDINGS)


def redact_data(value: Any, *, known: Iterable[str] = ()) -> Any:
    """A copy of a Membrane JSON document with credentials masked by key and by shape."""
    known = tuple(known)
    if isinstance(value, Mapping):
        return {
            key: MASK
            if is_secret_key(str(key)) and item not in (None, "", [], {})
            else redact_data(item, known=known)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_data(item, known=known) for item in value]
    if isinstance(value, str):
        return redact(value, known=known)
    return value
