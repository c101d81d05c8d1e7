"""Failures that the ``membrane`` command line tells in its own words, outside of any envelope.

Its exit statuses and texts are not documented (contracts/membrane §1.6, §8 U5), so what it says is
shown, redacted, and only what it plainly says was not done counts as not done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .ansi import strip_ansi
from .child import ChildResult
from .failures import from_status, sentence
from .gateway import Fate, GatewayError, Origin, Trouble
from .redact import redact
from .shapes import http_status

_TAIL = 64 * 1024  # bytes of each stream that are looked at
_SHOWN = 400  # characters that are shown

_LOGIN = re.compile(
    r"\bnot (?:currently )?(?:logged|signed) in\b|\bnot[ _]authenticated\b|\blogin required\b"
    r"|\b(?:must|need to|have to|please) (?:be logged in|log ?in|run .?membrane login)\b",
    re.IGNORECASE,
)
_USAGE = re.compile(
    r"\b(?:unknown|unrecogni[sz]ed|unexpected) (?:command|option|flag)s?\b"
    r"|\bmissing required (?:option|flag)s?\b",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"\bE(?:CONN[A-Z]+|TIMEDOUT|NOTFOUND|AI_AGAIN|PIPE|HOSTUNREACH|NETUNREACH)\b"
    r"|\bsocket hang up\b|\bfetch failed\b|\bnetwork error\b|\bstatus code 5[0-9][0-9]\b"
    r"|\btimed ?out\b|\btimeout (?:of|exceeded)\b",
    re.IGNORECASE,
)


def from_words(result: ChildResult, secrets: Iterable[str]) -> GatewayError:
    """A failure without any JSON. The reason may stand on either stream (§1.6)."""
    out, err = _words(result.stdout), _words(result.stderr)
    return _failure(f"{out}\n{err}", err.strip() or out, result.code, secrets)


def from_document(document: Any, result: ChildResult, secrets: Iterable[str]) -> GatewayError:
    """A failure that was told in JSON, though not in Membrane's envelope (§8 U5)."""
    message, status = _message(document) or _words(result.stderr), _status(document)
    if status is not None and status >= 400 and not _LOGIN.search(message):
        return from_status(status, _hide(message, secrets).encode())
    return _failure(message, message, result.code, secrets)


def _message(document: Any) -> str | None:
    if isinstance(document, str):
        return document
    if isinstance(document, list):
        return _message(document[0]) if document else None
    if not isinstance(document, Mapping):
        return None
    for key in ("message", "error", "errors", "detail"):
        told = _message(document[key]) if key in document else None
        if told:
            return told
    return None


def _status(document: Any) -> int | None:
    if not isinstance(document, Mapping):
        return None
    told = http_status(document.get("status")) or http_status(document.get("statusCode"))
    return told or _status(document.get("error"))


def _failure(said: str, shown: str, code: int, secrets: Iterable[str]) -> GatewayError:
    """The failure in ``said``. Known not to have been done only where that plainly says so."""
    told = _told(shown, code, secrets)
    if _NETWORK.search(said):
        return failed(told, "network")
    if _LOGIN.search(said):
        return GatewayError(
            "The membrane command line is not logged in.",
            trouble=Trouble.UNAUTHENTICATED,
            fate=Fate.REFUSED,
            origin=Origin.MEMBRANE,
            code="not_logged_in",
            hint="Run `fsctl login`, or set MEMBRANE_TOKEN.",
        )
    if _USAGE.search(said):
        return GatewayError(
            told,
            trouble=Trouble.UNSUPPORTED,
            fate=Fate.REFUSED,
            origin=Origin.LOCAL,
            code="membrane_usage",
            hint="This version of Membrane's command line does not know it: update it (npm install"
            " -g @membranehq/cli@latest), or set MEMBRANE_TOKEN.",
        )
    return failed(told, "membrane_failed", Trouble.FAILED)


def failed(message: str, code: str, trouble: Trouble = Trouble.UNAVAILABLE) -> GatewayError:
    return GatewayError(message, trouble=trouble, fate=Fate.UNKNOWN, origin=Origin.LOCAL, code=code)


def _told(text: str, code: int, secrets: Iterable[str]) -> str:
    words = " ".join(_hide(text, secrets).split())
    words = words if len(words) <= _SHOWN else f"... {words[-_SHOWN:]}"
    return f"membrane failed (exit status {code})" + (f": {sentence(words)}" if words else ".")


def _words(stream: bytes) -> str:
    """The end of a stream, where the reason stands, without the lines of a stack trace."""
    lines = strip_ansi(stream[-_TAIL:].decode("utf-8", "replace")).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("at "))


def glimpse(stdout: bytes, secrets: Iterable[str]) -> str:
    """The first words of an HTML page: whose it is helps. Of nothing else, it may be data."""
    text = strip_ansi(stdout[:_TAIL].decode("utf-8", "replace")).lstrip()
    if not text.startswith("<"):
        return ""
    words = " ".join(re.sub(r"<[^<>]{0,200}>", " ", _hide(text, secrets)).split())[:120]
    return f" (a page: {words})" if words else " (a page)"


def _hide(text: str, secrets: Iterable[str]) -> str:
    return redact(text, known=sorted(secrets, key=len, reverse=True))
