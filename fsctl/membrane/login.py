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


def login_arguments(
    membrane: Installed, wishes: Wishes = NO_WISHES, *, note: Callable[[str], None]
) -> list[str]:
    """The arguments of a login, in the words of the installed version.

    Without stdin it prints an address to open and ends; :func:`complete_arguments` are of the
    second step. ``note`` hears of wishes that this version has no flag for. Raises
    :class:`NeedsPerson` where the program is another of that name, and
    :class:`~.gateway.GatewayError` where its help does not come.
    """
    _check(membrane)
    flags = read_flags(
        membrane.command, "login", cache=membrane.cache, cwd=membrane.cwd, env=plain(membrane.env)
    )
    arguments = ["login"]
    # Documented from the first version to the newest, but for 1.18's own README, whose login asks.
    if "--tenant" in flags or not flags & _OWN_FLAGS:
        arguments.append("--tenant")
    if not membrane.streams.stdin and "--non-interactive" in flags:
        arguments.append("--non-interactive")
    wanted = {
        "--tenantKey": wishes.tenant,
        "--clientName": wishes.client_name,
        "--apiUri": wishes.api_url,
    }
    arguments += [f"{flag}={value}" for flag, value in wanted.items() if value and flag in flags]
    if wishes.tenant and "--tenantKey" not in flags:
        note(f"This membrane's login takes no tenant: choose {wishes.tenant!a} if it asks.")
    if wishes.client_name and "--clientName" not in flags:
        note("This membrane's login takes no client name; it is left out.")
    return arguments


def complete_arguments(membrane: Installed, code: str) -> list[str]:
    """The arguments of the second step of a login; the last is the code.

    So it stands in the child's arguments while that runs: no version takes it another way. It is
    good once, for minutes, and only with what the first step left with ``membrane`` (PKCE, §1.8).
    """
    _check(membrane)
    word = read_code(code)
    return ["login", "complete", *(["--"] if misread([word]) else []), word]


def logout_arguments(membrane: Installed) -> list[str]:
    """The arguments of a logout. Raises :class:`GatewayError` where there is no such verb."""
    if not _check(membrane).has("logout"):
        failure = no_verb("logout")
        failure.hint = "Update it (npm install -g @membranehq/cli@latest), then log out."
        raise failure
    return ["logout"]


def run(membrane: Installed, arguments: Sequence[str]) -> None:
    """Run ``membrane`` with the terminal handed over, and return when it ended well.

    Raises :class:`NeedsPerson` where it does not start or ends otherwise, and KeyboardInterrupt.
    """
    verb = "login complete" if arguments[:2] == ["login", "complete"] else arguments[0]
    try:
        status = hand_over(
            [*membrane.command, *arguments],
            cwd=membrane.cwd,
            env=membrane.env,
            streams=membrane.streams,
            timeout=None if membrane.streams.stdin else HEADLESS_TIMEOUT,
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
    if status != 0:
        how = f"failed with status {status}" if status > 0 else f"was ended by signal {-status}"
        raise _failed(verb, how)


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


def _check(membrane: Installed) -> Verbs:
    """The verbs of what has to be Membrane's own program."""
    return read_verbs(
        membrane.command, cache=membrane.cache, cwd=membrane.cwd, env=plain(membrane.env)
    )


def _failed(verb: str, how: str) -> NeedsPerson:
    return NeedsPerson(
        f"`membrane {verb}` {how}.",
        hint=f"Read what it said above; `membrane {verb} --help` tells what this version takes.",
        code=f"{verb.split()[0]}_failed",
    )
