"""What a token tells of itself, read locally and never verified: for display, and for warnings.

Which tokens end for good, and so need a person before they do:

- one in a variable of the environment: always;
- one signed from workspace keys, or from ``membrane token``: never, another is made for every run;
- one of a ``token_command``: unless it was plainly made just now, or for a day at most. A command
  that reads a stored token from a vault prints the same one until somebody stores another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from .gateway import NO_DEADLINE, Deadline
from .tokens import ENV_TOKENS, TokenSource, claims, expiry, moment

Kind = Literal["jwt", "personal", "opaque"]

DAY = 86400.0  # seconds
WARN_BEFORE = 7 * DAY  # seconds before the end of a token that nothing renews
JUST_MADE = 3600.0  # seconds since a token_command made its token

_PERSONAL = "pat-"  # Membrane's developer tokens, which are no JWT (contracts/membrane §2.2)
_TOKEN_COMMAND = "token_command"


class TokenFacts(NamedTuple):
    """What is known of a token without asking anyone.

    ``origin`` is where it comes from ("MEMBRANE_TOKEN", "token_command"), ``expires`` Unix time or
    None where the token does not tell, ``renews`` whether the next run gets another by itself.
    """

    origin: str
    kind: Kind
    workspace: str | None = None
    tenant: str | None = None
    expires: float | None = None
    renews: bool = False

    def ends_within(self, seconds: float, now: float) -> bool:
        """Whether it is known to end for good within so many seconds."""
        return not self.renews and self.expires is not None and self.expires - now < seconds


def read_facts(token: str, origin: str, now: float) -> TokenFacts:
    """The facts of ``token``, which came from ``origin``; ``now`` is Unix time."""
    told = claims(token)
    kind: Kind = "jwt" if told else "personal" if token.startswith(_PERSONAL) else "opaque"
    return TokenFacts(
        origin,
        kind,
        _text(told, "workspaceKey", "iss"),
        _text(told, "tenantKey", "id"),
        expiry(token),
        _renews(told, origin, expiry(token), now),
    )


def expiry_warning(facts: TokenFacts, now: float, within: float = WARN_BEFORE) -> str | None:
    """What to warn of, in a sentence, where the token has ended or ends ``within`` seconds."""
    if facts.expires is None or not facts.ends_within(within, now):
        return None
    at = moment(facts.expires)
    if facts.expires <= now:
        return f"The token from {facts.origin} expired at {at}."
    return f"The token from {facts.origin} expires in {in_words(facts.expires - now)}, at {at}."


def in_words(seconds: float) -> str:
    """A length of time for people, rounded down: ``3 days``, ``5 hours``, ``1 minute``."""
    for unit, length in (("day", DAY), ("hour", 3600.0), ("minute", 60.0)):
        count = int(seconds // length)
        if count >= (2 if unit == "day" else 1):  # 47 hours say more than 1 day
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


class Watched:
    """A token source whose token is looked at once, when it is first used.

    ``look`` gets the facts of it. Everything else is the source's own.
    """

    def __init__(
        self, source: TokenSource, look: Callable[[TokenFacts], None], clock: Callable[[], float]
    ) -> None:
        self._source = source
        self._look = look
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = False

    def __repr__(self) -> str:
        return repr(self._source)

    @property
    def origin(self) -> str:
        return self._source.origin

    @property
    def remedy(self) -> str:
        return self._source.remedy

    @property
    def account(self) -> str:
        return self._source.account

    def token(self, deadline: Deadline = NO_DEADLINE) -> str:
        token = self._source.token(deadline)
        with self._lock:
            first, self._seen = not self._seen, True
        if first:
            self._look(read_facts(token, self.origin, self._clock()))
        return token

    def renew(self) -> bool:
        return self._source.renew()


def _text(told: dict[str, Any], *keys: str) -> str | None:
    values = (told.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str) and value), None)


def _renews(told: dict[str, Any], origin: str, expires: float | None, now: float) -> bool:
    if origin in ENV_TOKENS:
        return False
    if origin != _TOKEN_COMMAND:
        return True
    made = told.get("iat")
    if isinstance(made, int | float) and not isinstance(made, bool):
        age, life = now - made, (expires or made) - made
        return age <= JUST_MADE or life <= DAY
    return expires is not None and expires - now <= DAY
