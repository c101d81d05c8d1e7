"""Log in to Membrane and out again, through its own command line (contracts/membrane §1.2, §1.6).

``membrane`` keeps the credentials; nothing of them passes through here. Which flags the installed
version's ``login`` takes is read from its help first: they differ between versions (§8 U8).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from ..errors import NeedsPerson, Usage
from .binary import plain
from .cache import Cache
from .child import ChildNotStarted, ChildTimedOut
from .command import no_verb
from .handover import Streams, hand_over
from .inputs import misread
from .verbs import Verbs, read_flags, read_verbs

HEADLESS_TIMEOUT = 900.0  # seconds: an authorization URL is of no use after that
MAX_CODE = 4096  # characters

_OWN_FLAGS = frozenset(("--tenant", "--clientName", "--apiUri", "--non-interactive"))
_CODE = re.compile(r"[\x21-\x7e]+")


class Installed(NamedTuple):
    """An installed ``membrane``, and how to run it before a person.

    ``command`` is its argv prefix; ``cwd`` the state directory, so that no file of a checkout is
    read; ``env`` its environment, with ``MEMBRANE_*``; ``streams`` those of ours that it gets,
    stdin only where a person sits at it.
    """

    command: Sequence[str]
    cache: Cache
    cwd: Path
    env: Mapping[str, str]
    streams: Streams = Streams()


class Wishes(NamedTuple):
    """What a login is asked for beyond the usual, where the installed version has a word for it."""

    tenant: str | None = None  # the key of the tenant to log in to
    api_url: str | None = None  # checked by ``hosts.check_api_url``
    client_name: str | None = None


NO_WISHES = Wishes()


def log_in(membrane: Installed, wishes: Wishes = NO_WISHES, *, note: Callable[[str], None]) -> None:
    """Run ``membrane login --tenant`` with the terminal handed over; return when it ended well.

    Without stdin it prints an address to open and ends; :func:`complete` is the second step.
    ``note`` hears of wishes that this version has no flag for. Raises :class:`NeedsPerson` where
    the program is missing or another of that name, and where it ends otherwise than well;
    :class:`~.gateway.GatewayError` where its help does not come; KeyboardInterrupt.
    """
    flags = _login_flags(membrane)
    argv = ["login"]
    # Documented from the first version to the newest, but for 1.18's own README, whose login asks.
    if "--tenant" in flags or not flags & _OWN_FLAGS:
        argv.append("--tenant")
    if not membrane.streams.stdin and "--non-interactive" in flags:
        argv.append("--non-interactive")
    wanted = {
        "--tenantKey": wishes.tenant,
        "--clientName": wishes.client_name,
        "--apiUri": wishes.api_url,
    }
    for flag, value in wanted.items():
        if value and flag in flags:
            argv.append(f"{flag}={value}")
    if wishes.tenant and "--tenantKey" not in flags:
        note(f"This membrane's login takes no tenant: choose {wishes.tenant!a} if it asks.")
    if wishes.client_name and "--clientName" not in flags:
        note("This membrane's login takes no client name; it is left out.")
    _run(membrane, argv, "login")


def complete(membrane: Installed, code: str) -> None:
    """Run ``membrane login complete CODE``, the second step of a login without a browser here.

    The code stands in the child's arguments while it runs: no version takes it another way. It is
    good once, for minutes, and only with what the first step left with ``membrane`` (PKCE, §1.8).
    """
    _check(membrane)
    word = read_code(code)
    dashes = ["--"] if misread([word]) else []
    _run(membrane, ["login", "complete", *dashes, word], "login complete")


def log_out(membrane: Installed) -> None:
    """Run ``membrane logout``. Raises :class:`GatewayError` where it has no such verb."""
    verbs = _check(membrane)
    if not verbs.has("logout"):
        raise no_verb("logout")
    _run(membrane, ["logout"], "logout")


def read_code(text: str) -> str:
    """The code in what a person pasted: the code itself, or the address that holds it.

    Membrane's page shows no code at times; it then stands in the address bar (contracts §7).
    Raises :class:`Usage`, without repeating any of it.
    """
    text = text.strip()
    if text.lower().startswith(("http://", "https://")):
        try:
            text = next(iter(parse_qs(urlsplit(text).query).get("code", [])), "")
        except ValueError:
            text = ""
        if not text:
            raise Usage(
                "The address holds no code.", hint="Paste the code itself, or the whole address."
            )
    if len(text) > MAX_CODE or not _CODE.fullmatch(text):
        raise Usage(
            "That is no code: it is empty, too long, or has characters that no code has.",
            hint="Paste the code that the page in the browser shows, and nothing else.",
        )
    return text


def _login_flags(membrane: Installed) -> frozenset[str]:
    """The flags that the help of ``login`` shows; none where it shows nothing."""
    _check(membrane)
    return read_flags(
        membrane.command,
        "login",
        cache=membrane.cache,
        cwd=membrane.cwd,
        env=plain(membrane.env),
    )


def _check(membrane: Installed) -> Verbs:
    """The verbs of what has to be Membrane's own program."""
    return read_verbs(
        membrane.command, cache=membrane.cache, cwd=membrane.cwd, env=plain(membrane.env)
    )


def _run(membrane: Installed, arguments: Sequence[str], verb: str) -> None:
    timeout = None if membrane.streams.stdin else HEADLESS_TIMEOUT
    try:
        status = hand_over(
            [*membrane.command, *arguments],
            cwd=membrane.cwd,
            env=membrane.env,
            streams=membrane.streams,
            timeout=timeout,
        )
    except ChildNotStarted as error:
        raise NeedsPerson(
            f"{error}.",
            hint="Install Membrane's command line anew: npm install -g @membranehq/cli (it needs"
            " Node.js).",
            code="membrane_missing",
        ) from None
    except ChildTimedOut:
        raise _failed(verb, f"did not end within {HEADLESS_TIMEOUT / 60:.0f} minutes") from None
    if status < 0:
        raise _failed(verb, f"was stopped by signal {-status}")
    if status > 0:
        raise _failed(verb, f"failed with status {status}")


def _failed(verb: str, how: str) -> NeedsPerson:
    return NeedsPerson(
        f"`membrane {verb}` {how}.",
        hint=f"Read what it said above; `membrane {verb} --help` tells what this version takes.",
        code="login_failed" if verb != "logout" else "logout_failed",
    )
