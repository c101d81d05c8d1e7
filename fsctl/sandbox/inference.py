"""Custom properties: what may stand in them, and which types they have.

Rules: contracts/fullstory-api §1.5. Types are inferred (every number is ``real``) unless declared
in ``schema.properties`` under the property's dotted path. Choices where nothing is documented: a
null says nothing about its property; a list of mixed values is ``strs``; a value that breaks a rule
makes the request fail (400) rather than vanish from it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from ..fullstory.limits import (
    EVENT_PROPERTY_NAME,
    PROPERTY_NAME_MAX,
    PROPERTY_TYPES,
    PROPERTY_VALUE_MAX_BYTES,
    USER_PROPERTIES_MAX,
    USER_PROPERTY_NAME,
)
from .answers import Problem, dump, invalid, object_field

_NAMES = {"user": re.compile(USER_PROPERTY_NAME), "event": re.compile(EVENT_PROPERTY_NAME)}
_OF_VALUE = {str: "str", bool: "bool", int: "real", float: "real"}
_SHOWN = 60  # characters of a wrong name that an error message repeats


def read_properties(kind: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The ``properties`` of a request, checked, and the type of each by dotted path.

    ``kind`` is ``user`` or ``event``. Raises Problem (400 ``invalid_argument``).
    """
    properties = object_field(body, "properties")
    declared = _declared(body)
    types: dict[str, str] = {}
    for path, value in _leaves(kind, properties, ""):
        types[path] = declared.get(path) or _inferred(path, value)
    if kind == "user":
        check_count(len(types))
    return properties, types


def check_count(count: int) -> None:
    """Raises Problem where a user would have more properties than Fullstory takes."""
    if count > USER_PROPERTIES_MAX:
        raise invalid(f"at most {USER_PROPERTIES_MAX} properties are allowed, got {count}")


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """``old`` with ``new`` laid over it, objects within objects too; nulls change nothing.

    Whether Fullstory merges or replaces is not documented (contracts/fullstory-api §7, 5).
    """
    result = dict(old)
    for name, value in new.items():
        if isinstance(value, dict):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, dict) else {}, value)
        elif value is not None:
            result[name] = value
    return result


def paths(properties: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted paths of all values that are not null."""
    for name, value in properties.items():
        if isinstance(value, dict):
            yield from paths(value, f"{prefix}{name}.")
        elif value is not None:
            yield prefix + name


def remember_types(db: sqlite3.Connection, kind: str, types: Mapping[str, str]) -> None:
    """Note for the whole organisation which types a property has been seen with."""
    db.executemany(
        "INSERT OR IGNORE INTO property_types VALUES (?, ?, ?)",
        [(kind, path, name) for path, name in types.items()],
    )


def conflicts(db: sqlite3.Connection, kind: str, types: Mapping[str, str]) -> dict[str, list[str]]:
    """Those of the given properties that the organisation has with more than one type."""
    found: dict[str, list[str]] = {}
    for path in types:
        rows = db.execute(
            "SELECT type FROM property_types WHERE kind = ? AND path = ? ORDER BY type",
            (kind, path),
        ).fetchall()
        if len(rows) > 1:
            found[path] = [row["type"] for row in rows]
    return found


def _declared(body: Mapping[str, Any]) -> dict[str, str]:
    declared = object_field(object_field(body, "schema"), "properties")
    for path, name in declared.items():
        if name not in PROPERTY_TYPES:
            names = ", ".join(PROPERTY_TYPES)
            raise invalid(f"schema.properties.{path[:_SHOWN]} must be one of {names}")
    return declared


def _leaves(kind: str, properties: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in properties.items():
        path = prefix + name
        if not _NAMES[kind].fullmatch(name):
            raise _bad_name(kind, path)
        if len(path) > PROPERTY_NAME_MAX:
            raise invalid(
                f"property names are at most {PROPERTY_NAME_MAX} characters, not {path[:_SHOWN]}..."
            )
        if isinstance(value, dict):
            yield from _leaves(kind, value, f"{path}.")
        elif value is not None:
            _check_size(path, value)
            yield path, value


def _bad_name(kind: str, path: str) -> Problem:
    allowed = "letters, digits and _" if kind == "user" else "letters, digits, _ and -"
    return invalid(
        f"the property name {path[:_SHOWN]!r} must start with a letter and hold only {allowed}"
    )


def _check_size(path: str, value: Any) -> None:
    if isinstance(value, bool | int | float):
        return
    text = value if isinstance(value, str) else dump(value)
    if len(text) * 4 > PROPERTY_VALUE_MAX_BYTES and len(text.encode()) > PROPERTY_VALUE_MAX_BYTES:
        raise invalid(
            f"the value of property {path} is larger than {PROPERTY_VALUE_MAX_BYTES} bytes"
        )


def _inferred(path: str, value: Any) -> str:
    if not isinstance(value, list):
        return _OF_VALUE[type(value)]
    if any(isinstance(item, dict | list) for item in value):
        raise invalid(f"property {path} is an array of objects, which is not supported")
    names = {_OF_VALUE[type(item)] for item in value if item is not None}
    return f"{names.pop()}s" if len(names) == 1 else "strs"
