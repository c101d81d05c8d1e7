"""Times and durations as people type them; times as Fullstory wants them.

Requests carry ISO 8601 in UTC, ``2022-03-15T14:23:23Z`` (contracts/fullstory-api §1).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from ..errors import Usage

_UNITS = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
    "w": 604800, "week": 604800, "weeks": 604800,
}  # fmt: skip
_PART = r"[0-9]{1,12}(?:\.[0-9]{1,6})?[ ]?[A-Za-z]{1,7}"
# Compiled when they are used: most commands only write times.
_DURATION = rf"{_PART}(?:[ ]?{_PART}){{0,4}}"
_DURATION_PART = r"([0-9.]+)[ ]?([A-Za-z]+)"
_UNIX_SECONDS = r"[0-9]{9,11}(\.[0-9]{1,9})?"
_UNIX_MILLISECONDS = r"[0-9]{12,14}"
_ISO = r"[0-9]{4}-?[0-9W-]{2,6}(?:[Tt ][0-9:.,]{2,20}(?:[Zz]|[+-][0-9:.]{2,16})?)?"
_FORMS = "Use ISO 8601 (2024-06-29T14:23:23Z), now, -15m, 2h ago, or Unix seconds."


def parse_duration(text: str, *, what: str = "The duration", bare_seconds: bool = False) -> float:
    """Seconds in ``90s``, ``5m``, ``1h30m`` or ``2 days``; a bare number only if allowed.

    Raises :class:`Usage` for anything else, and for nothing at all.
    """
    stripped = text.strip()
    seconds: float | None = None
    if bare_seconds and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", stripped):
        seconds = float(stripped)
    elif re.fullmatch(_DURATION, stripped):
        seconds = _sum_of_parts(stripped)
    if seconds is None or seconds <= 0 or seconds > 3660 * 86400:
        raise Usage(f"{what} {text!a} is not a length of time.", hint="Use 90s, 5m, 1h30m or 2d.")
    return seconds


def _sum_of_parts(text: str) -> float | None:
    total = 0.0
    for number, unit in re.findall(_DURATION_PART, text):
        scale = None if unit == "M" else _UNITS.get(unit.lower())  # a minute, or a month?
        if scale is None:
            return None
        total += float(number) * scale
    return total


def parse_time(
    text: str, *, now: datetime, zone: tzinfo | None, what: str = "The time"
) -> datetime:
    """A moment, in UTC, from what a person typed; ``now`` is aware.

    ``zone`` is the time zone of a time without an offset, None the system's own. A time that a
    clock change skips is moved on by as much; of one that comes twice the first is meant
    (PEP 495). Raises :class:`Usage` naming ``what``.
    """
    stripped = text.strip()
    try:
        moment = _relative(stripped, now) or _unix(stripped) or _iso(stripped, zone)
        moment = moment.astimezone(UTC) if moment is not None else None
    except (OverflowError, ValueError, OSError):
        moment = None
    if moment is None or not 1970 <= moment.year <= 2200:
        raise Usage(f"{what} {text!a} is not a time.", hint=_FORMS)
    return moment


def _relative(text: str, now: datetime) -> datetime | None:
    lowered = text.lower()
    if lowered == "now":
        return now
    if lowered.endswith(" ago"):
        sign, rest = -1, text[:-4].strip()
    elif text[:1] in ("-", "+"):
        sign, rest = -1 if text[0] == "-" else 1, text[1:].strip()
    else:
        return None
    seconds = _sum_of_parts(rest) if re.fullmatch(_DURATION, rest) else None
    return None if seconds is None else now + timedelta(seconds=sign * seconds)


def _unix(text: str) -> datetime | None:
    if re.fullmatch(_UNIX_SECONDS, text):
        return datetime.fromtimestamp(float(text), UTC)
    if re.fullmatch(_UNIX_MILLISECONDS, text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    return None


def _iso(text: str, zone: tzinfo | None) -> datetime | None:
    if not re.fullmatch(_ISO, text):  # Python takes any character between date and time
        return None
    moment = datetime.fromisoformat(text.replace("z", "Z"))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def to_api(moment: datetime) -> str:
    """``moment`` as Fullstory's examples write it; milliseconds only where there are any."""
    moment = moment.astimezone(UTC)
    spec = "milliseconds" if moment.microsecond >= 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"
