"""A value as the text of one cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from .columns import Kind
from .encode import compact

# Epoch values from here on are milliseconds: in seconds this is the year 5138.
_MILLISECONDS_FROM = 100_000_000_000


def machine_text(value: Any) -> str:
    """A cell of CSV or TSV before escaping: empty for null, JSON for what is nested."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    return compact(value)


def human_text(value: Any, kind: Kind, zone: tzinfo | None) -> str:
    """A cell for people, not yet sanitised: as :func:`machine_text`, with times made local."""
    if kind == "time":
        return local_time(value, zone)
    if kind == "pairs" and isinstance(value, Mapping):
        return " ".join(pairs(value))
    return machine_text(value)


def pairs(value: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """``plan=paid``, ``company.city="São Paulo"``: what is nested stands under its dotted path."""
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from pairs(item, f"{prefix}{name}.")
        else:
            text = "null" if item is None else machine_text(item)
            if isinstance(item, str) and (not text or not text.isprintable() or " " in text):
                text = compact(text)
            yield f"{prefix}{name}={text}"


def local_time(value: Any, zone: tzinfo | None = None) -> str:
    """An ISO 8601 time, or an epoch in seconds or milliseconds, as ``2024-05-01 14:03:22 +02:00``.

    ``zone`` None is the system's own. A time without an offset is taken as UTC, which is what
    Fullstory sends. Anything else comes back as its text.
    """
    moment = parse_time(value)
    if moment is None:
        return machine_text(value)
    try:
        told = moment.astimezone(zone).isoformat(" ", "seconds")
    except (OverflowError, OSError, ValueError):
        return machine_text(value)
    return f"{told[:19]} {told[19:]}"


def parse_time(value: Any) -> datetime | None:
    """The aware moment that a service's time value means, or None where it means none."""
    try:
        if isinstance(value, str):
            if value.isascii() and value.isdigit():
                return _from_epoch(int(value[:20]))
            if len(value) <= 10:  # a day is no moment: another zone would make it another day
                return None
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _from_epoch(value)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _from_epoch(number: float) -> datetime:
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    return datetime.fromtimestamp(seconds, UTC)
