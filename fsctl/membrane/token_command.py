"""Tokens that a command prints: the user's own ``token_command``, or ``membrane token``."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import NeedsPerson, Usage
from . import child
from .failures import sentence
from .gateway import NO_DEADLINE, Deadline
from .redact import redact
from .tokens import RENEW_BEFORE, account_of, check_token, expiry

COMMAND_TIMEOUT = 30.0  # seconds
_MAX_OUTPUT = 1024 * 1024  # bytes

_SELF_TOLD = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|pat-[\x21-\x7e]+")


class CommandToken:
    """A token that a command prints: the user's ``token_command``, or ``membrane token``.

    The command is run at the first need and again after a refusal or before the token's expiry, in
    the state directory, with stdin closed and with the environment it was started from.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        run_dir: Path,
        clock: Callable[[], float],
        timeout: float = COMMAND_TIMEOUT,
        *,
        own_binary: bool = False,
    ) -> None:
        self.origin = "membrane token" if own_binary else "token_command"
        self.remedy = (
            "Log in again with `fsctl login`."
            if own_binary
            else "Run the command by hand: it has to print a valid Membrane token and nothing else."
        )
        self._pick = _token_among_banners if own_binary else _first_line
        self._argv = list(argv)
        self._environ = environ
        self._run_dir = run_dir
        self._clock = clock
        self._timeout = min(timeout, COMMAND_TIMEOUT)
        self._lock = threading.Lock()
        self._held: str | None = None

    def __repr__(self) -> str:
        return f"CommandToken({self.origin!r})"

    @property
    def account(self) -> str:
        return account_of(self.token())

    @property
    def at_hand(self) -> bool:
        """Whether the token is known, and so whose it is, without running the command."""
        return self._held is not None

    def token(self, deadline: Deadline = NO_DEADLINE) -> str:
        with self._lock:
            if self._held is None or self._ending(self._held):
                self._held = None
                self._held = check_token(
                    self._ask(deadline), self.origin, self.remedy, self._clock()
                )
            return self._held

    def renew(self) -> bool:
        with self._lock:
            self._held = None
        return True

    def _ending(self, token: str) -> bool:
        ends = expiry(token)
        return ends is not None and ends - self._clock() < RENEW_BEFORE

    def _ask(self, deadline: Deadline) -> str:
        timeout = min(self._timeout, deadline.remaining())
        try:
            result = child.run_child(
                [_program(self._argv[0], self._environ, self.origin), *self._argv[1:]],
                cwd=self._run_dir,
                env=self._environ,
                timeout=timeout,
                max_output=_MAX_OUTPUT,
            )
        except child.ChildTimedOut:
            raise self._failed(
                f"did not end within {child.in_seconds(timeout)} and was stopped"
            ) from None
        except child.ChildTooLarge:
            raise self._failed("printed far more than a token") from None
        except child.ChildNotStarted as error:
            raise self._failed(f"could not be run: {error}") from None
        lines = result.stdout.decode("utf-8", "replace").splitlines()
        if result.code != 0:
            said = redact(_last_line(result.stderr), known=lines)
            told = f": {sentence(said)}" if said else " and said nothing"
            raise self._failed(f"failed with status {result.code}{told}")
        token = self._pick([line.strip() for line in lines if line.strip()])
        if token is None:
            raise self._failed("printed no token")
        return token

    def _failed(self, how: str) -> NeedsPerson:
        sentence_end = "" if how.endswith((".", "!", "?")) else "."
        return NeedsPerson(
            f"{self.origin} {how}{sentence_end}", hint=self.remedy, code="token_command"
        )


def _last_line(said: bytes) -> str:
    """What a command ends with is why; what comes before may be anything, such as its trace."""
    lines = said.decode("utf-8", "replace")[-2000:].strip().splitlines()
    return lines[-1].strip() if lines else ""


def _first_line(lines: Sequence[str]) -> str | None:
    return lines[0] if lines else None


def _token_among_banners(lines: Sequence[str]) -> str | None:
    """The line that is plainly a token; deprecation notices may share stdout (contracts §8 U4)."""
    return next((line for line in lines if _SELF_TOLD.fullmatch(line)), _first_line(lines))


def split_command(command: str | Sequence[str], key: str = "token_command") -> list[str]:
    if not isinstance(command, str):
        return list(command)
    try:
        argv = shlex.split(command)
    except ValueError:
        argv = []
    if not argv:
        raise Usage(
            f"{key} cannot be read as a command line.",
            hint="Close its quotes, or write it as a list of words.",
        )
    return argv


def _program(name: str, environ: Mapping[str, str], origin: str) -> str:
    """An absolute path, found through absolute PATH entries only: never in a checkout by chance."""
    given = Path(os.path.expanduser(name))  # noqa: PTH111 - a home of nobody's stays as it is
    if given.is_absolute():
        return str(given)
    if given.name == name:
        entries = environ.get("PATH", os.defpath).split(os.pathsep)
        search = os.pathsep.join(entry for entry in entries if Path(entry).is_absolute())
        found = shutil.which(name, path=search) if search else None
        if found:
            return found
        raise NeedsPerson(
            f"{origin} names {name!a}, a program that is not on PATH.",
            hint="Install it, or write its absolute path.",
            code="token_command",
        )
    raise NeedsPerson(
        f"{origin} names {name!a}, a relative path.",
        hint="Write the program's absolute path.",
        code="token_command",
    )
