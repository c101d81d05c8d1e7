"""The sandbox's time: real, started elsewhere, or shifted; it always ticks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ..errors import Usage

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_YEAR_3000 = 32_503_680_000
_OFFSET = re.compile(r"([+-])(\d{1,9})([smhd])")
_HINT = "Give `real`, an offset such as `+25h` or `-10m`, or a time such as `2026-03-01T09:00:00Z`."


class Clock:
    """A wall clock that runs ``offset`` seconds ahead of ``source`` (epoch seconds).

    Tests give a ``source`` that stands still and move the clock with :meth:`advance`.
    """

    def __init__(self, offset: float = 0.0, *, source: Callable[[], float] = time.time) -> None:
        self._offset = offset
        self._source = source

    @classmethod
    def parse(cls, text: str) -> Clock:
        """The clock that ``--clock`` names.

        Takes ``real``, an ISO 8601 time (the clock starts there and ticks; without an offset it
        is UTC), or a shift such as ``+25h``, ``-10m``, ``+2d``. Raises Usage for anything else.
        """
        text = text.strip()
        if text.lower() == "real":
            return cls()
        shift = _OFFSET.fullmatch(text)
        if shift is not None:
            sign, count, unit = shift.groups()
            seconds = int(count) * _UNIT_SECONDS[unit]
            return cls._checked(-seconds if sign == "-" else seconds, text)
        try:
            start = datetime.fromisoformat(text)
        except ValueError:
            raise Usage(f"The clock {text!a} is not a time.", hint=_HINT) from None
        if start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
        return cls._checked(start.timestamp() - time.time(), text)

    @classmethod
    def _checked(cls, offset: float, text: str) -> Clock:
        clock = cls(offset)
        try:
            clock.now()
        except (ValueError, OverflowError, OSError):
            raise Usage(f"The clock {text!a} is out of range.", hint=_HINT) from None
        return clock

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._source() + self._offset

    def now(self) -> datetime:
        """The same moment as an aware datetime in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Move the clock on by so many seconds (back, where negative)."""
        self._offset += seconds


def iso(moment: float) -> str:
    """Epoch seconds as Fullstory writes times: RFC 3339 in UTC with milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_time(text: str) -> float | None:
    """An ISO 8601 date and time in epoch seconds, in UTC where it has no offset.

    None for anything else, and for years before 1970 or after 2999.
    """
    if "T" not in text.upper():
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = moment.timestamp()
    return seconds if 0 <= seconds < _YEAR_3000 else None
