"""How a check ends, and how an error is one."""

from __future__ import annotations

from typing import NamedTuple

from ...errors import ExitCode, FsctlError
from ...membrane.gateway import GatewayError, Trouble
from ...terminal.checklist import State

_PASSING = (Trouble.UNAVAILABLE, Trouble.UNREADABLE, Trouble.RATE_LIMITED)


class Outcome(NamedTuple):
    """What was found, and what mends it: a sentence, its commands in backticks.

    ``away`` marks a failure that is the service's: the same command may work later.
    """

    state: State
    detail: str
    mend: str = ""
    away: bool = False


def ok(detail: str) -> Outcome:
    return Outcome("ok", detail)


def warn(detail: str, mend: str) -> Outcome:
    return Outcome("warn", detail, mend)


def fail(detail: str, mend: str) -> Outcome:
    return Outcome("fail", detail, mend)


def away(detail: str, mend: str) -> Outcome:
    return Outcome("fail", detail, mend, away=True)


def skip(why: str) -> Outcome:
    return Outcome("skip", f"not checked: {why}")


def failed(error: FsctlError | GatewayError, mend: str = "") -> Outcome:
    """An error as the outcome of a check; ``mend`` goes before its own hint."""
    if isinstance(error, FsctlError):
        later = error.exit_code == ExitCode.UNAVAILABLE
    else:
        later = error.trouble in _PASSING
    told = mend or error.hint or "Run it again with --debug to see more."
    return Outcome("fail", error.message.removesuffix("."), told, away=later)
