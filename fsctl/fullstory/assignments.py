"""Properties as people type them: ``plan=paid``, ``seats:int=5``, ``company.address.zip=01234``.

A value is a text unless its type is said, because a number that was meant as text (a zip code, an
account) would be stored as another one. Integers and dates have to be declared to Fullstory, which
infers every number as real and every text as string (contracts/fullstory-api §1.5).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from ..errors import Usage
from .limits import PROPERTY_TYPES
from .properties import is_date, leaves

TYPES = ("str", "int", "real", "bool", "date", "json", "strs", "ints", "reals", "bools", "dates")
_DECLARED = frozenset(("int", "ints", "date", "dates"))  # what Fullstory would infer otherwise
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_REAL = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


class Given(NamedTuple):
    """Properties with the types to declare for them, by dotted path."""

    properties: Mapping[str, Any]
    types: Mapping[str, str]

    def as_fields(self) -> dict[str, Any]:
        """The fields ``properties`` and ``schema`` of a request; absent where there are none."""
        fields: dict[str, Any] = {}
        if self.properties:
            fields["properties"] = self.properties
        if self.types:
            fields["schema"] = {"properties": dict(self.types)}
        return fields


def collect(
    assignments: Sequence[str],
    document: bytes | None,
    declarations: Sequence[str],
    *,
    now: datetime,
    zone: tzinfo | None,
) -> Given:
    """What ``-p`` (assignments), ``--properties`` (a JSON document) and ``--schema`` say together.

    An assignment replaces what the document has under its key. ``zone`` is that of times without
    an offset. Raises :class:`Usage` naming the key.
    """
    properties = read_object(document, "--properties") if document is not None else {}
    types: dict[str, str] = {}
    seen: set[str] = set()
    for assignment in assignments:
        key, name, text = _split(assignment)
        if key in seen:
            raise Usage(f"The property {key!a} is given twice.", hint="Give each once.")
        seen.add(key)
        _put(properties, key, _value(key, name, text, now, zone))
        if name in _DECLARED:
            types[key] = name
    for declaration in declarations:
        key, name = _declaration(declaration)
        if types.setdefault(key, name) != name:
            raise Usage(
                f"The property {key!a} is given as {types[key]} and declared {name}.",
                hint="Say one of the two.",
            )
    _check_given(properties, types)
    return Given(properties, types)


def read_object(document: bytes, option: str) -> dict[str, Any]:
    """The JSON object that was given to ``option``. Raises :class:`Usage`.

    A key that stands twice in an object is refused, as ``-p`` twice is: the last would win.
    """
    from ..membrane.payload import BadPayload, decode

    try:
        value = decode(document)
    except BadPayload as problem:
        raise Usage(
            f"{option} cannot be read: {problem}.",
            hint="""Give a JSON object, such as '{"plan": "paid"}', or @FILE.""",
        ) from None
    if not isinstance(value, dict):
        raise Usage(
            f"{option} is not a JSON object.",
            hint="""Give one, such as '{"plan": "paid"}', or @FILE.""",
        )
    _check_keys(document, option)
    return value


def _check_keys(document: str | bytes, option: str) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Usage(f"{option} has the key {key!a} twice.", hint="Give each once.")
            seen.add(key)

    json.loads(document, object_pairs_hook=check)


def _split(assignment: str) -> tuple[str, str, str]:
    """Key, type and text of ``KEY[:TYPE]=VALUE``."""
    left, equals, text = assignment.partition("=")
    key, colon, name = left.rpartition(":")
    if not colon:
        key, name = left, "str"
    if not equals or not key:
        raise Usage(
            f"-p {_shown(assignment)} is not of the form KEY=VALUE.",
            hint="Write plan=paid, or with a type: seats:int=5.",
        )
    if name not in TYPES:
        raise Usage(
            f"-p {_shown(left)} has a type that does not exist: {_shown(name)}.",
            hint=f"Use one of {', '.join(TYPES)}.",
        )
    return key, name, text


def _declaration(text: str) -> tuple[str, str]:
    key, equals, name = text.rpartition("=")
    if not equals or not key or name not in PROPERTY_TYPES:
        raise Usage(
            f"--schema {_shown(text)} is not of the form KEY=TYPE.",
            hint=f"Write seats=int; the types are {', '.join(PROPERTY_TYPES)}.",
        )
    return key, name


def _check_given(properties: Mapping[str, Any], types: Mapping[str, str]) -> None:
    given = {path for path, _ in leaves(properties)}
    for key in types:
        if key not in given:
            raise Usage(
                f"--schema declares a type for {key!a}, which is not given.",
                hint="Name a value by its dotted path, as in company.seats=int.",
            )


def _put(properties: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a dotted path, making the objects on the way."""
    *parents, last = key.split(".")
    for parent in parents:
        inner = properties.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise Usage(
                f"The property {key!a} cannot be in {parent!a}, which is no object.",
                hint="Give one of the two.",
            )
        properties = inner
    if isinstance(properties.get(last), dict) and not isinstance(value, dict):
        raise Usage(
            f"The property {key!a} is an object elsewhere in the command.",
            hint="Name a value in it, as in company.plan=paid.",
        )
    properties[last] = value


def _value(key: str, name: str, text: str, now: datetime, zone: tzinfo | None) -> Any:
    """``text`` as a value of that type. Raises :class:`Usage`."""
    if name == "str":
        return text
    if name == "date":
        return _date(key, text, now, zone)
    read = _PLAIN.get(name)
    value = read(text.strip()) if read else _json(key, name, text)
    if value is None and name != "json":
        raise Usage(
            f"-p {_name(key)}:{name}={_shown(text)} is not {_WORDS[name]}.", hint=_HINTS[name]
        )
    return value


def _date(key: str, text: str, now: datetime, zone: tzinfo | None) -> str:
    """The text itself where it is a day or has an offset: what a person means by it stays."""
    from .times import parse_time, to_api

    stripped = text.strip()
    moment = None
    if is_date(stripped):
        try:
            moment = datetime.fromisoformat(stripped.replace("z", "Z"))
        except ValueError:
            moment = None
        if moment is not None and (len(stripped) == 10 or moment.tzinfo is not None):
            return stripped
    return to_api(parse_time(stripped, now=now, zone=zone, what=f"-p {_name(key)}:date:"))


def _json(key: str, name: str, text: str) -> Any:
    from ..membrane.payload import BadPayload, decode

    try:
        value = decode(text)
    except BadPayload as problem:
        hint = 'Quote it for the shell, as in -p \'tags:json=["a","b"]\'.'
        raise Usage(f"-p {_name(key)}:{name} cannot be read: {problem}.", hint=hint) from None
    if name == "json" or isinstance(value, list):
        _check_keys(text, f"-p {_name(key)}:{name}")
        return value
    return None


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _real(text: str) -> float | None:
    value = float(text) if _REAL.fullmatch(text) else math.nan
    return value if math.isfinite(value) else None


def _bool(text: str) -> bool | None:
    lowered = text.lower()
    return True if lowered in _TRUE else False if lowered in _FALSE else None


_PLAIN: Mapping[str, Callable[[str], Any]] = {"int": _integer, "real": _real, "bool": _bool}
_WORDS = {"int": "an integer", "real": "a number", "bool": "true or false"} | dict.fromkeys(
    ("strs", "ints", "reals", "bools", "dates"), "a JSON array"
)
_HINTS = {
    "int": "Write seats:int=5, or leave :int out for a text.",
    "real": "Write price:real=49.5, or leave :real out for a text.",
    "bool": "Write active:bool=true or active:bool=false.",
} | dict.fromkeys(("strs", "ints", "reals", "bools", "dates"), 'Write \'tags:strs=["a","b"]\'.')


def _name(key: str) -> str:
    return _shown(key)[1:-1]


def _shown(text: str) -> str:
    told = ascii(text)
    return told if len(told) <= 80 else f"{told[:77]}..."
