"""How patiently a call is made: what may be tried again, and after which pause (DESIGN §1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..membrane.gateway import Fate, GatewayError, Trouble
from .types import Via

FIRST_PAUSE = 0.5  # seconds; doubled with every try
LONGEST_PAUSE = 30.0

_PASSING = (Trouble.UNAVAILABLE, Trouble.UNREADABLE, Trouble.RATE_LIMITED)


class Policy(NamedTuple):
    """How patiently to call: ``retries`` after the first try, ``patience`` seconds for all."""

    via: Via = "auto"
    retries: int = 3
    patience: float = 210.0
    proxy_base: str = ""  # put before proxied paths where a connector's base URL is unusual


class Clock(NamedTuple):
    """Time and chance, injected: monotonic and Unix seconds, a sleep, a number in [0, 1)."""

    monotonic: Callable[[], float]
    time: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]


def may_repeat(failure: GatewayError, repeatable: bool) -> bool:
    """Whether another try can neither do harm nor be in vain.

    ``repeatable`` says that doing the thing twice is doing it once.
    """
    if failure.trouble not in _PASSING:
        return False
    if failure.fate is Fate.REFUSED and failure.trouble is Trouble.RATE_LIMITED:
        return True
    return repeatable or failure.fate is Fate.NOT_SENT


def pause_before_retry(tried: int, retry_after: float | None, chance: float) -> float:
    """Seconds to wait after ``tried`` failed retries, with jitter from ``chance`` in [0, 1).

    Never shorter than a ``Retry-After``; else exponential, so that many clients spread out.
    """
    if retry_after is not None:
        return retry_after + chance * min(1.0, max(0.1, retry_after * 0.1))
    ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tried, 30))
    return ceiling * (0.5 + 0.5 * chance)
