"""Take out of a report what is secret or somebody's: it is pasted into tickets.

Secrets by their shape, the home directory (shown as ``~``), other people's home directories, and
e-mail addresses. That names of tenants, people and connections are not told at all is the checks'
own business.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ...membrane.redact import redact

_LONGEST = 600  # characters of one text: a service may answer with a whole page
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_HOMES = re.compile(r"(?<![\w.])((?:/home|/Users|[A-Za-z]:\\Users)[/\\])[^/\\\s'\"`]+")


def scrubber(environ: Mapping[str, str]) -> Callable[[str], str]:
    """A function that makes a text fit for a ticket."""
    homes = sorted(_homes(environ), key=len, reverse=True)
    patterns = [
        (re.compile(pattern.format(re.escape(home))), instead)
        for home in homes
        for pattern, instead in (
            (r"(`[^`]{{0,200}})'{}/", r"\1~/'"),  # quoted in a command, where ~ must not be
            (r"(?<![\w.-]){}(?!\.?[\w-])", "~"),
        )
    ]

    def scrub(text: str) -> str:
        text = redact(text[: _LONGEST * 4])
        for pattern, instead in patterns:
            text = pattern.sub(instead, text)
        text = _EMAIL.sub("[e-mail]", _HOMES.sub(r"\1…", text))
        return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"

    return scrub


def _homes(environ: Mapping[str, str]) -> set[str]:
    """The ways in which paths below the home directory may begin."""
    told = {environ.get("HOME", ""), environ.get("USERPROFILE", ""), _by_user_database()}
    named = {home.rstrip("/\\") for home in told if Path(home).is_absolute()}
    return {each for home in named for each in (home, os.path.realpath(home)) if len(each) > 1}


def _by_user_database() -> str:
    if os.name == "nt":
        return ""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except (KeyError, OSError):  # a user whom the system does not know, as in containers
        return ""
