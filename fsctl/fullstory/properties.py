"""Custom properties and user records: every published limit, checked before anything is sent.

Rules: contracts/fullstory-api §1.5 and §2.1. Pure, and quick enough to stand in the way of every
row of an import: a row without a problem costs a dictionary look-up a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, Literal, NamedTuple

from ..errors import Usage
from .limits import (
    DISPLAY_NAME_MAX,
    EMAIL_MAX,
    EVENT_PROPERTY_NAME,
    PROPERTY_NAME_MAX,
    PROPERTY_TYPES,
    PROPERTY_VALUE_MAX_BYTES,
    UID_MAX,
    USER_PROPERTIES_MAX,
    USER_PROPERTY_NAME,
)

Kind = Literal["user", "event"]

USER_TEXTS = {"uid": UID_MAX, "display_name": DISPLAY_NAME_MAX, "email": EMAIL_MAX}
USER_FIELDS = ("id", *USER_TEXTS, "properties", "schema")
# What Fullstory's lists tell of people, and nothing takes (contracts/fullstory-api §2.1).
USER_TOLD = ("app_url", "is_being_deleted", "type_conflicts")

_NAMES = {"user": re.compile(USER_PROPERTY_NAME), "event": re.compile(EVENT_PROPERTY_NAME)}
_ALLOWED = {"user": "letters, digits and _", "event": "letters, digits, _ and -"}
_EXACT_REAL = 2**53  # from here on a double loses digits, and every number is inferred real
_INTEGERS = range(-(2**63), 2**63)
_MAYBE_LONG = PROPERTY_VALUE_MAX_BYTES // 4  # fewer characters are fewer bytes than the limit
# Days that every year has.
DAY = (
    r"[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP_DAY = r"(?:(?:[02468][048]|[13579][26])00|[0-9]{2}(?:0[48]|[2468][048]|[13579][26]))-02-29"
_MINUTES = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
SECONDS = rf"{_MINUTES}:[0-5][0-9](?:\.[0-9]{{1,9}})?"
OFFSET = rf"(?:[Zz]|[+-]{_MINUTES})"
_DATE = re.compile(
    rf"(?:{DAY}|{_LEAP_DAY})"
    rf"(?:[Tt ](?:{SECONDS}|{_MINUTES})(?:{OFFSET}|[+-](?:[01][0-9]|2[0-3])[0-5][0-9])?)?"
)
_SHOWN = 60  # characters of a name that are repeated
_MOST_TOLD = 20


class Problem(NamedTuple):
    """What is wrong with one value: the dotted key it stands under, and a clause about it."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"{_short(self.key)} {self.message}"


def check_user(row: Mapping[str, Any], *, fields: Sequence[str] = USER_FIELDS) -> list[Problem]:
    """All that is wrong with a user to be created, updated or imported; a null is not given.

    ``row`` is what Fullstory's API takes; other keys than ``fields`` are problems, because
    Fullstory passes over them without a word.
    """
    problems: list[Problem] = []
    for key, value in row.items():
        if key not in fields:
            problems.append(Problem(key, f"is no field of a user: {', '.join(fields)}"))
        elif (most := USER_TEXTS.get(key)) is not None:
            if not (
                type(value) is str and len(value) <= most and value.isascii() and value.strip()
            ):
                problems += check_text(key, value, most)
        elif key == "id" and not isinstance(value, str):
            problems.append(Problem("id", "is not a text"))
    problems += check_properties("user", row.get("properties"), row.get("schema"))
    return problems


def check_text(key: str, value: Any, most: int) -> Iterator[Problem]:
    """What is wrong with a text of at most that many characters; a null is not given."""
    if isinstance(value, str):
        if not value.strip():
            yield Problem(key, "is empty")
        elif len(value) > most:
            yield Problem(key, f"has {len(value)} characters; Fullstory takes at most {most}")
        elif not (value.isascii() or _is_text(value)):
            yield Problem(key, "is not valid UTF-8")
    elif value is not None:
        yield Problem(key, f"is {_kind_of(value)}, not a text")


def check_properties(kind: Kind, properties: Any, schema: Any) -> list[Problem]:
    """All that is wrong with the ``properties`` and the ``schema`` of a user or an event."""
    if properties is None and schema is None:
        return []
    problems: list[Problem] = []
    declared = _declared(schema, problems)
    if properties is None:
        properties = {}
    elif not _is_object(properties):
        return [*problems, Problem("properties", f"is {_kind_of(properties)}, not an object")]
    count = _check_object(kind, properties, "", declared, problems)
    if kind == "user" and count > USER_PROPERTIES_MAX:
        told = f"holds {count} values; Fullstory takes at most {USER_PROPERTIES_MAX}"
        problems.append(Problem("properties", told))
    return problems


def leaves(properties: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no object, with its dotted path: what ``schema`` declares types of."""
    for name, value in properties.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def put(record: dict[str, Any], path: Sequence[str], value: Any) -> bool:
    """Put a value where a path of keys leads; False where something else stands in the way."""
    here: Any = record
    for key in path[:-1]:
        here = here.setdefault(key, {})
        if not isinstance(here, dict):
            return False
    here[path[-1]] = value
    return True


def refusal(problems: Sequence[Problem], what: str) -> Usage:
    """The error for a ``what`` ("user") with these problems, each with its key."""
    if len(problems) == 1:
        return Usage(
            f"The {what} would be refused: {problems[0]}.",
            hint="Nothing was sent; correct it and run the command again.",
            code="invalid_value",
        )
    told = ["Correct these and run the command again:"]
    told += [f"{problem}." for problem in problems[:_MOST_TOLD]]
    if problems[_MOST_TOLD:]:
        told.append(f"And {len(problems) - _MOST_TOLD} more.")
    return Usage(
        f"The {what} would be refused for {len(problems)} reasons; nothing was sent.",
        hint="\n".join(told),
        code="invalid_value",
    )


def _declared(schema: Any, problems: list[Problem]) -> Mapping[str, str]:
    """The types that a schema declares by dotted path."""
    if schema is None:
        return {}
    declared: Any = schema.get("properties", {}) if _is_object(schema) else None
    if not _is_object(declared) or schema.keys() - {"properties"}:
        problems.append(Problem("schema", 'is not of the form {"properties": {NAME: TYPE}}'))
        return {}
    types: Mapping[str, str] = declared
    for path, name in types.items():
        if name not in PROPERTY_TYPES:
            told = f"is none of {', '.join(PROPERTY_TYPES)}"
            problems.append(Problem(f"schema.properties.{path}", told))
    return types


def _check_object(
    kind: Kind,
    properties: Mapping[str, Any],
    prefix: str,
    declared: Mapping[str, str],
    problems: list[Problem],
) -> int:
    """Add what is wrong with an object's members; returns how many values it holds in all."""
    count = 0
    for name, value in properties.items():
        path = prefix + name if prefix else name
        if len(path) > PROPERTY_NAME_MAX or not _is_name(kind, name):
            problems.append(Problem(f"properties.{path}", _wrong_name(kind, path, name)))
        check = _CHECKS.get(type(value))
        if check is None and isinstance(value, Mapping):
            count += _check_object(kind, value, f"{path}.", declared, problems)
            if path in declared:
                told = "is an object: declare the values in it by their dotted path"
                problems.append(Problem(f"properties.{path}", told))
            continue
        count += 1
        wrong = (check or _wrong_type)(value)
        if declared and path in declared and wrong in (None, _INEXACT):
            wrong = _misfit(value, declared[path])
        if wrong is not None:
            problems.append(Problem(f"properties.{path}", wrong))
    return count


def _wrong_name(kind: Kind, path: str, name: str) -> str:
    if len(path) > PROPERTY_NAME_MAX:
        return f"has a name of {len(path)} characters; Fullstory takes {PROPERTY_NAME_MAX}"
    return f"does not start with a letter and go on with {_ALLOWED[kind]} only"


@lru_cache(maxsize=8192)
def _is_name(kind: Kind, name: str) -> bool:
    return _NAMES[kind].fullmatch(name) is not None


# -- one value: None, or what is wrong with it


_INEXACT = "is a number with more digits than a real keeps; declare it int, or make it a text"


def _wrong_text(value: str) -> str | None:
    if len(value) > _MAYBE_LONG or not value.isascii():
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            return "is not valid UTF-8"
        if size > PROPERTY_VALUE_MAX_BYTES:
            return f"has {size:,} bytes; Fullstory takes at most {PROPERTY_VALUE_MAX_BYTES:,}"
    return None


def _wrong_integer(value: int) -> str | None:
    if -_EXACT_REAL <= value <= _EXACT_REAL:
        return None
    return _INEXACT if value in _INTEGERS else "is an integer that 64 bits do not hold"


def _wrong_float(value: float) -> str | None:
    return None if isfinite(value) else "is no number that JSON has"


def _wrong_list(value: Sequence[Any]) -> str | None:
    size = 2
    for item in value:
        check = _CHECKS.get(type(item))
        if check is _wrong_text:
            wrong = _wrong_text(item)
            size += len(item) + 3 if item.isascii() else len(item.encode(errors="replace")) + 3
        elif check is _wrong_list:
            return "is an array of arrays, which Fullstory does not take"
        elif check is None and isinstance(item, Mapping):
            return "is an array of objects, which Fullstory does not take"
        else:
            wrong = (check or _wrong_type)(item)
            size += len(str(item)) + 1
        if wrong is not None and wrong != _INEXACT:
            return f"holds a value that {wrong}"
    if size > PROPERTY_VALUE_MAX_BYTES:
        return f"has {size:,} bytes; Fullstory takes at most {PROPERTY_VALUE_MAX_BYTES:,}"
    return None


def _wrong_type(value: Any) -> str | None:
    return f"is {_kind_of(value)}, which JSON does not have"


def _nothing(_value: Any) -> str | None:
    return None


_CHECKS: Mapping[type, Callable[[Any], str | None]] = {
    str: _wrong_text,
    bool: _nothing,
    int: _wrong_integer,
    float: _wrong_float,
    list: _wrong_list,
    tuple: _wrong_list,
    type(None): _nothing,
}


# -- whether a value is of the type that is declared for it


def _misfit(value: Any, name: str) -> str | None:
    if value is None or name not in _FITS:
        return None
    if name.endswith("s"):
        good = isinstance(value, list | tuple) and all(
            item is None or _FITS[name](item) for item in value
        )
    else:
        good = _FITS[name](value)
    return None if good else f"is {_kind_of(value)}, and declared {name}"


def fits(value: Any, name: str) -> bool:
    """Whether a value, no null, may be declared to be of that type."""
    return name in _FITS and _misfit(value, name) is None


def is_date(value: Any) -> bool:
    """Whether it is a date or a time in ISO 8601, of a day that there is."""
    return isinstance(value, str) and _DATE.fullmatch(value) is not None


def _is_integer(value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool) and value in _INTEGERS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


_SINGLE = {
    "str": _is_string,
    "int": _is_integer,
    "real": _is_number,
    "bool": _is_bool,
    "date": is_date,
}
_FITS = {name: _SINGLE[name.removesuffix("s")] for name in PROPERTY_TYPES}


def _kind_of(value: Any) -> str:
    """What a value is, in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "an array"
    return f"a {type(value).__name__}"


def _is_object(value: Any) -> bool:
    return type(value) is dict or isinstance(value, Mapping)  # the first is much faster


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(key: str) -> str:
    shown = ascii(key)[1:-1] if not key.isascii() or not key.isprintable() else key
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
