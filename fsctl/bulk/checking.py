"""Whether rows would be taken: quickly for those that would, exactly for those that would not.

A row that fits the types below, is short enough to hold no value that is too long, and has no
property of an unknown name passes. Only of any other is asked what is wrong with it, if anything:
the rules are those of ``fullstory.properties`` and ``fullstory.events`` (contracts/fullstory-api
§1.5, §2.1, §2.3).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec

from ..fullstory import events, properties
from ..fullstory.batch_jobs import Kind
from ..fullstory.limits import (
    EVENT_PAYLOAD_MAX_BYTES,
    PROPERTY_NAME_MAX,
    PROPERTY_VALUE_MAX_BYTES,
    USER_PROPERTIES_MAX,
)
from ..membrane.payload import MAX_DEPTH
from .checking_types import NESTED, EventRow, NestedEventRow, NestedUserRow, UserRow

NOTES = ("_error_code", "_error_message", "_line")  # of rejects, which come again corrected
_FEW = 16  # rows among which a bad one is looked for
_MOST_NAMES = 10_000  # that are remembered to be good ones
_LONGEST_NAME = PROPERTY_NAME_MAX // NESTED - 1  # longer dotted paths are looked at
_LONGEST_NESTED = 6 * USER_PROPERTIES_MAX - 1  # bytes: in fewer no objects hold too many values

_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_DECODE_TYPED: Mapping[tuple[Kind, bool], Callable[[bytes], Any]] = {
    ("users", False): msgspec.json.Decoder(UserRow).decode,
    ("users", True): msgspec.json.Decoder(NestedUserRow).decode,
    ("events", False): msgspec.json.Decoder(EventRow).decode,
    ("events", True): msgspec.json.Decoder(NestedEventRow).decode,
}
_DECODE = msgspec.json.Decoder().decode
_PROPERTIES = attrgetter("properties")
_SCHEMA = attrgetter("schema")
_TEXTS = tuple(map(attrgetter, properties.USER_TEXTS))
_NAME = attrgetter("name")
_ONE_OWNER = attrgetter("has_one_owner")


class Problem(NamedTuple):
    """Why a row is not sent: a word for programs, a clause with the key in it, and the key.

    ``key`` is the dotted path in the record, or the name of the column; None: it is the whole row.
    """

    code: str
    message: str
    key: str | None = None


class Checker:
    """Checks rows of JSON. ``types`` are declared in the schema of each row that has the property.

    ``made``: values and schema of the rows were made to fit each other. Safe to use from several
    threads.
    """

    def __init__(
        self, kind: Kind, types: Mapping[str, str] | None = None, *, made: bool = False
    ) -> None:
        self._kind: Kind = kind
        self._noun: properties.Kind = "user" if kind == "users" else "event"
        self._types = types or {}
        self._made = made
        self._left_out = frozenset((*NOTES, *properties.USER_TOLD) if kind == "users" else NOTES)
        self._names: frozenset[str] = frozenset()
        self._nested = False  # whether rows with objects in their properties passed last

    def passes(self, bodies: Sequence[bytes]) -> bool:
        """Whether all are good as they stand. False may only mean that one has to be looked at."""
        longest = max(map(len, bodies), default=0)
        if self._types or longest > PROPERTY_VALUE_MAX_BYTES:
            return False
        for nested in (self._nested, not self._nested):
            if nested and longest > _LONGEST_NESTED:
                continue
            try:
                rows = list(map(_DECODE_TYPED[self._kind, nested], bodies))
            except _BROKEN:
                continue
            self._nested = nested
            return self._has_good_names(rows) and self._has_good_texts(rows) and self._fits(rows)
        return False

    def _has_good_names(self, rows: Sequence[Any]) -> bool:
        held = list(filter(None, map(_PROPERTIES, rows)))
        names = set[str]().union(*held)
        while self._nested and held:
            held = [value for one in held for value in one.values() if type(value) is dict]
            names.update(*held)
        if names <= self._names:
            return True
        new = names - self._names
        if any(
            len(name) > _LONGEST_NAME or properties.check_properties(self._noun, {name: None}, None)
            for name in new
        ):
            return False
        self._names = (self._names if len(self._names) < _MOST_NAMES else frozenset()) | new
        return True

    def _has_good_texts(self, rows: Sequence[Any]) -> bool:
        """Types keep empty texts out, but not those of blanks."""
        if self._kind == "events":
            return all(map(str.strip, map(_NAME, rows))) and all(map(_ONE_OWNER, rows))
        return not any(any(map(str.isspace, filter(None, map(text, rows)))) for text in _TEXTS)

    def _fits(self, rows: Sequence[Any]) -> bool:
        """Whether values are of the types that their rows declare."""
        if self._made or not any(map(_SCHEMA, rows)):
            return True
        return not any(
            properties.check_properties(
                self._noun, row.properties, {"properties": row.schema.properties}
            )
            for row in rows
            if row.schema
        )

    def check_all(self, raws: Sequence[bytes]) -> Iterator[tuple[bytes, tuple[Problem, ...]]]:
        """The same as :meth:`check` of each, sooner: a bad row slows few others down."""
        for first in range(0, len(raws), _FEW):
            few = raws[first : first + _FEW]
            yield from zip(few, repeat(())) if self.passes(few) else map(self.check, few)

    def check(self, raw: bytes) -> tuple[bytes, tuple[Problem, ...]]:
        """The body of one row, and all that is wrong with it."""
        if self.passes((raw,)):
            return raw, ()
        try:
            record = _DECODE(raw)
        except UnicodeDecodeError:
            return raw, (Problem("invalid_encoding", "It is not valid UTF-8"),)
        except RecursionError:
            return raw, (_TOO_DEEP,)
        except msgspec.MsgspecError as error:
            told = Problem("invalid_json", f"It is not JSON: {_reason(error)}")
            return raw, self._beyond_json(raw) or (told,)
        if not isinstance(record, dict):
            return raw, (Problem("not_an_object", "It is not a JSON object"),)
        body = raw
        if not self._left_out.isdisjoint(record):
            record = {name: value for name, value in record.items() if name not in self._left_out}
            body = msgspec.json.encode(record)
        if self._types and self._declare(record):
            body = msgspec.json.encode(record)
        return body, self.problems(record, len(body))

    def _beyond_json(self, raw: bytes) -> tuple[Problem, ...]:
        """What is wrong with values that many programs write and JSON does not have (NaN, numbers
        that no double holds, half characters): Python reads them, so that they can be named."""
        try:
            record = json.loads(raw.decode())
        except (ValueError, RecursionError):
            return ()
        return self.problems(record, len(raw)) if isinstance(record, dict) else ()

    def _declare(self, record: dict[str, Any]) -> bool:
        """Add the declared types of what the row has to its schema; whether there are any."""
        held, schema = record.get("properties"), record.get("schema")
        if not isinstance(held, dict):
            return False
        types = {path: name for path, name in self._types.items() if _has(held, path)}
        if not types or not isinstance(schema, dict | None):
            return False
        declared = (schema or {}).get("properties") or {}
        if not isinstance(declared, dict):
            return False
        record["schema"] = {**(schema or {}), "properties": declared | types}
        return True

    def problems(self, record: Mapping[str, Any], size: int) -> tuple[Problem, ...]:
        """All that is wrong with a record whose body has that many bytes."""
        try:
            if self._kind == "users":
                found = properties.check_user(record)
            else:
                found = [*events.check_event(record), *_check_time(record.get("timestamp"))]
        except RecursionError:
            return (_TOO_DEEP,)
        told = [Problem(_code(problem), str(problem), problem.key) for problem in found]
        if self._kind == "events" and size > EVENT_PAYLOAD_MAX_BYTES:
            most = f"{EVENT_PAYLOAD_MAX_BYTES:,}"
            told.append(
                Problem("too_large", f"It has {size:,} bytes; Fullstory takes at most {most}")
            )
        return tuple(told)


_TOO_DEEP = Problem("invalid_json", f"It is nested more than {MAX_DEPTH} deep")


def _check_time(value: Any) -> Iterator[properties.Problem]:
    if value is not None and not properties.is_date(value):
        told = "is no time in ISO 8601, as 2024-06-29T14:23:23Z is"
        yield properties.Problem("timestamp", told)


def _code(problem: properties.Problem) -> str:
    """A word for the kind of problem, so that it can be counted."""
    if "is no field of" in problem.message:
        return "unknown_field"
    first = problem.key.partition(".")[0]
    return "invalid_property" if first == "properties" else f"invalid_{first}"


def _has(held: Any, path: str) -> bool:
    """Whether there is a value at a dotted path."""
    if isinstance(held, Mapping):
        if path in held:
            return True
        head, _, rest = path.partition(".")
        return bool(rest) and _has(held.get(head), rest)
    return False


def _reason(error: Exception) -> str:
    """msgspec's own words, without what is said already and its paths, which name no key."""
    text = str(error).removeprefix("JSON is malformed: ").partition(" - at `$")[0]
    return text[:1].lower() + text[1:]
