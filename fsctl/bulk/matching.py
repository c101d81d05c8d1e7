"""Which row of the input a failed row of a job was: by its id or uid, then by its content.

A job's errors give the failed request back whole, without saying where it stood (contracts/
fullstory-api §2.2), and whether Fullstory changes it on the way (defaults, empty values) is not
known. Two rows that are the same to this eye are told apart by nothing: all of them failed, or the
match is ambiguous.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..fullstory.batch_jobs import Kind

Key = int | None  # a hash of 64 bits: of 50,000 rows and failures, two are the same by no chance


class Matches(NamedTuple):
    """Rows (by the name they were seen under) and the number of the failure that each had; the
    numbers of the failures whose row cannot be told."""

    rows: Mapping[int, int]
    ambiguous: tuple[int, ...]


class Matcher:
    """Give it all failures, then all rows that were sent, then ask.

    It holds a few hashes for each failure and for each row that may have been one.
    """

    def __init__(self, kind: Kind) -> None:
        self._by = _USERS if kind == "users" else _EVENTS
        self._failures: list[tuple[Key, ...]] = []
        self._rows: dict[int, tuple[Key, ...]] = {}
        self._wanted: set[Key] = set()

    def failed(self, request: Mapping[str, Any]) -> int:
        """A failure; its number, from 0."""
        keys = tuple(key(request) for key in self._by)
        self._failures.append(keys)
        self._wanted.update(key for key in keys if key is not None)
        return len(self._failures) - 1

    def sent(self, row: int, request: Mapping[str, Any]) -> None:
        """A row that was sent, under a name of its own."""
        keys = tuple(key(request) for key in self._by)
        if not self._wanted.isdisjoint(keys):
            self._rows[row] = keys

    def matches(self) -> Matches:
        """Every failure with its row, or ambiguous. No row is given twice."""
        found: dict[int, int] = {}
        left = dict(enumerate(self._failures))
        rows = dict(self._rows)
        for level in range(len(self._by)):
            pairs = _paired(
                {number: keys[level] for number, keys in left.items()},
                {row: keys[level] for row, keys in rows.items()},
            )
            for row, number in pairs:
                found[row] = number
                del left[number], rows[row]
        return Matches(found, tuple(left))


def _paired(failures: Mapping[int, Key], rows: Mapping[int, Key]) -> Iterable[tuple[int, int]]:
    """Rows and failures with the same key, where there are as many of one as of the other."""
    failed, sent = _grouped(failures), _grouped(rows)
    for key, numbers in failed.items():
        same = sent.get(key, ())
        if len(same) == len(numbers):
            yield from zip(same, numbers, strict=True)


def _grouped(keys: Mapping[int, Key]) -> dict[Key, list[int]]:
    groups: dict[Key, list[int]] = defaultdict(list)
    for name, key in keys.items():
        if key is not None:
            groups[key].append(name)
    return groups


# -- keys: None where a request has none


def _content(request: Mapping[str, Any]) -> Key:
    return hash(("content", _text(request)))


def _person(request: Mapping[str, Any]) -> Key:
    """The content of a request with an id or uid; None where it has neither."""
    who = _id(request)
    return None if who is None else hash(("person", who, _text(request)))


def _id(request: Mapping[str, Any]) -> Key:
    for name in ("id", "uid"):
        value = request.get(name)
        if isinstance(value, str | int) and value != "" and not isinstance(value, bool):
            return hash((name, str(value)))
    return None


def _moment(request: Mapping[str, Any]) -> Key:
    """An event by whose it is, what it is called and when it was: enough where it is unique."""
    names = ("user", "session", "name", "timestamp")
    return hash(("moment", _text({name: request.get(name) for name in names})))


def _text(value: Any) -> str:
    """``value`` as JSON that is the same for the same content, whatever the order of its keys."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """``value`` without what says nothing, numbers by what they are worth."""
    if isinstance(value, Mapping):
        plain = {name: _plain(one) for name, one in value.items() if one is not None}
        return {name: one for name, one in plain.items() if one != {}}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


_Keys = tuple[Callable[[Mapping[str, Any]], Key], ...]
_USERS: _Keys = (_person, _id, _content)
_EVENTS: _Keys = (_content, _moment)
