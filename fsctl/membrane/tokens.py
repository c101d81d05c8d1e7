"""Bearer tokens for Membrane: where they come from, and making another (DESIGN §1, contracts §2.2).

A token lives in memory only. It is read from the environment, signed from workspace keys, or asked
of a command once; it is never verified here, and no message, ``repr`` or file ever holds it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import NeedsPerson
from . import payload
from .gateway import NO_DEADLINE, Deadline

if TYPE_CHECKING:
    from .token_facts import TokenFacts

ENV_TOKENS = ("MEMBRANE_TOKEN", "MEMBRANE_ACCESS_TOKEN")
ENV_WORKSPACE_KEY = "MEMBRANE_WORKSPACE_KEY"
ENV_WORKSPACE_SECRET = "MEMBRANE_WORKSPACE_SECRET"
ENV_TENANT_KEY = "MEMBRANE_TENANT_KEY"

MINTED_LIFETIME = 3600  # seconds, as Membrane's own SDK mints (contracts §2.2)
RENEW_BEFORE = 60  # seconds before expiry
CLOCK_LEEWAY = 60  # seconds a clock may be wrong before a token counts as expired
MAX_TOKEN = 16 * 1024  # characters; servers refuse longer header lines

_TOKEN = r"[\x21-\x7e]+"


class TokenSource(Protocol):
    """Gives the bearer token, and another one where it can."""

    @property
    def origin(self) -> str:
        """Where the token comes from, for messages: "MEMBRANE_TOKEN", "token_command"."""
        ...

    @property
    def remedy(self) -> str:
        """What a person does when the token is refused: one sentence."""
        ...

    @property
    def account(self) -> str:
        """Workspace and tenant where the token tells them, else a fingerprint of the token."""
        ...

    def token(self, deadline: Deadline = NO_DEADLINE) -> str:
        """The token. Raises :class:`NeedsPerson` where there is no usable one."""
        ...

    def renew(self) -> bool:
        """Forget the token so that the next is a new one; False where that cannot help."""
        ...


def find_token_source(
    environ: Mapping[str, str],
    token_command: str | Sequence[str] | None,
    membrane: Sequence[str] | None,
    run_dir: Path,
    clock: Callable[[], float],
    timeout: float = float("inf"),
) -> TokenSource | None:
    """The token source of DESIGN §1's order, or None where there is none.

    ``token_command`` is the user's own command line; ``membrane`` the argv of a ``membrane`` binary
    that has the verb ``token``, and None of any other. Both run in ``run_dir`` and are stopped
    after ``timeout`` seconds, and only when a token is asked for; ``clock`` is Unix time. Raises
    :class:`NeedsPerson` where a workspace secret stands without its keys.
    """
    for name in ENV_TOKENS:
        if environ.get(name, "").strip():
            return EnvironmentToken(name, environ[name], clock)
    keys = [
        environ.get(name, "").strip()
        for name in (ENV_WORKSPACE_KEY, ENV_WORKSPACE_SECRET, ENV_TENANT_KEY)
    ]
    if all(keys):
        return MintedToken(*keys, clock=clock)
    if keys[1] and not token_command:  # without a secret the keys are the command line's own
        raise _incomplete(keys)
    if token_command or membrane:
        from .token_command import CommandToken, split_command

        if token_command:
            return CommandToken(split_command(token_command), environ, run_dir, clock, timeout)
        argv = [*(membrane or ()), "token", *([f"--tenantKey={keys[2]}"] if keys[2] else [])]
        return CommandToken(argv, environ, run_dir, clock, timeout, own_binary=True)
    return None


def _incomplete(keys: Sequence[str]) -> NeedsPerson:
    names = (ENV_WORKSPACE_KEY, ENV_WORKSPACE_SECRET, ENV_TENANT_KEY)
    missing = " and ".join(name for name, key in zip(names, keys, strict=True) if not key)
    return NeedsPerson(
        f"{ENV_WORKSPACE_SECRET} is set, but to mint a token {missing} is missing.",
        hint=f"Set {missing} too, or unset {ENV_WORKSPACE_SECRET}.",
        code="no_token",
    )


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT, unverified and for display only; empty for an opaque token."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > MAX_TOKEN:
        return {}
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        value = payload.decode(base64.b64decode(padded, altchars="-_", validate=True))
    except (binascii.Error, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def account_of(token: str) -> str:
    """``workspace/tenant`` of a JWT, or a short fingerprint of anything else: never the token."""
    told = claims(token)
    names = [
        next((told[key] for key in keys if isinstance(told.get(key), str) and told[key]), None)
        for keys in (("workspaceKey", "iss"), ("tenantKey", "id"))
    ]
    known = [name for name in names if name]
    return "/".join(known) if known else hashlib.sha256(token.encode()).hexdigest()[:16]


def expiry(token: str) -> float | None:
    """The Unix time at which a JWT expires, where it says so."""
    exp = claims(token).get("exp")
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return None
    return float(exp) if abs(exp) < 1e12 else None


def check_token(token: str, origin: str, remedy: str, now: float) -> str:
    """``token`` if it may stand in a header and has not expired; else :class:`NeedsPerson`."""
    if len(token) > MAX_TOKEN or not re.fullmatch(_TOKEN, token):
        raise NeedsPerson(
            f"{origin} does not hold a token: it has spaces or characters that no token has, or"
            " is too long.",
            hint="Give the token alone: one line, without quotes and without the word Bearer.",
            code="bad_token",
        )
    ends = expiry(token)
    if ends is not None and ends < now - CLOCK_LEEWAY:
        from .token_facts import read_facts

        raise TokenExpired(
            f"The token from {origin} expired at {moment(ends)}.",
            remedy,
            read_facts(token, origin, now),
        )
    return token


class TokenExpired(NeedsPerson):
    """The token ended; ``facts`` is what it tells of itself."""

    def __init__(self, message: str, remedy: str, facts: TokenFacts) -> None:
        super().__init__(message, hint=remedy, code="expired")
        self.facts = facts


class EnvironmentToken:
    """A token that a variable of the environment holds."""

    remedy = "Put a new one into the variable; or unset it and run `fsctl login`."

    def __init__(self, name: str, value: str, clock: Callable[[], float]) -> None:
        self.origin = name
        self._value = value.strip()
        self._clock = clock

    def __repr__(self) -> str:
        return f"EnvironmentToken({self.origin!r})"

    @property
    def account(self) -> str:
        return account_of(self._value)

    def token(self, deadline: Deadline = NO_DEADLINE) -> str:
        return check_token(self._value, self.origin, self.remedy, self._clock())

    def renew(self) -> bool:
        return False


class MintedToken:
    """Tokens signed with the workspace secret: HS256, an hour, a new one before it ends."""

    origin = ENV_WORKSPACE_SECRET
    remedy = (
        f"Compare {ENV_WORKSPACE_KEY} and {ENV_WORKSPACE_SECRET} with the workspace's settings in"
        " Membrane: the secret may have been rotated, or signing with it switched off."
    )

    def __init__(
        self, workspace_key: str, secret: str, tenant_key: str, *, clock: Callable[[], float]
    ) -> None:
        self.account = f"{workspace_key}/{tenant_key}"
        self._claims = {"workspaceKey": workspace_key, "tenantKey": tenant_key}
        self._secret = secret
        self._clock = clock
        self._lock = threading.Lock()
        self._minted: tuple[str, float] | None = None

    def __repr__(self) -> str:
        return f"MintedToken({self.account!r})"

    def token(self, deadline: Deadline = NO_DEADLINE) -> str:
        now = self._clock()
        with self._lock:
            if self._minted is None or self._minted[1] - now < RENEW_BEFORE:
                ends = int(now + MINTED_LIFETIME)
                self._minted = self._sign(ends), ends
            return self._minted[0]

    def renew(self) -> bool:
        with self._lock:
            self._minted = None
        return True

    def _sign(self, ends: int) -> str:
        import warnings

        import jwt

        with warnings.catch_warnings():  # a short secret is Membrane's choice, not the user's
            warnings.simplefilter("ignore")
            return jwt.encode({**self._claims, "exp": ends}, self._secret, algorithm="HS256")


def moment(seconds: float) -> str:
    """A Unix time as people and programs read it: ``2026-03-01T09:00:00Z``."""
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"Unix time {seconds:.0f}"
