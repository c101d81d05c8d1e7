"""Take secrets out of text and data before anyone sees them (DESIGN §2 Safety, Secrets).

By header name, by key name **and** by the shape of the value, because the ``membrane`` command
line is known to echo whole requests, bearer token included (contracts/membrane §8 U26). Every
pattern runs in linear time: no quantifier can match what its neighbour matches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "[redacted]"

_SECRET_HEADERS = frozenset(
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"]
)
_SECRET_KEYS = frozenset(
    [
        "token",
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "apikey",
        "secret",
        "workspacesecret",
        "clientsecret",
        "password",
        "passwd",
        "credentials",
        "authorization",
        "cookie",
        "privatekey",
        "connectorparameters",
        "accesskey",
    ]
)

_IN_TEXT = re.compile(
    r"""
    (?P<scheme>\b(?:bearer|basic)[ \t]{1,4})(?P<opaque>[A-Za-z0-9._~+/=-]{6,})
  | (?P<jwt>\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*)?)
  | (?P<pat>\bpat-[A-Za-z0-9._-]{4,})
  | (?P<param>[?&;](?:access_token|refresh_token|token|api_key|apikey|secret|password|code|signature)=)
    [^\s&;"'<>\\]{1,}
  | (?P<pair>["']?\b(?:access_?token|refresh_?token|id_?token|token|api_?key|workspace_?secret
    |client_?secret|secret|password|authorization|membrane_token|membrane_access_token
    |membrane_workspace_secret)["']?[ \t]{0,4}[:=][ \t]{0,4})
    (?P<quote>["']?)(?:(?:bearer|basic)[ \t]{1,4})?[^\s"',;}&]{4,}
  | (?P<userinfo>://)[^\s/@"'<>]{1,512}@
    """,
    re.IGNORECASE | re.VERBOSE,
)


def redact(text: str, *, known: Iterable[str] = ()) -> str:
    """``text`` with everything that looks like a secret masked, and every ``known`` one too."""
    for secret in known:
        if len(secret) >= 6:
            text = text.replace(secret, MASK)
    return _IN_TEXT.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    group = match.lastgroup
    if match["scheme"]:
        return match["scheme"] + MASK
    if match["param"]:
        return match["param"] + MASK
    if match["pair"]:
        return f"{match['pair']}{match['quote']}{MASK}"
    if group == "userinfo":
        return f"://{MASK}@"
    return MASK


def is_secret_header(name: str) -> bool:
    return name.strip().lower() in _SECRET_HEADERS


def is_secret_key(name: str) -> bool:
    """Whether a JSON key of a Membrane document holds a credential."""
    return name.replace("_", "").replace("-", "").lower() in _SECRET_KEYS


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
