"""Fit an operation's values to an action's live input schema (DESIGN §1, Action or proxy).

Nobody outside Membrane knows the names in these schemas (contracts/fullstory-api §3): they may be
snake_case or camelCase, nested or flattened, or wrapped in one object. And Membrane ignores
unknown properties silently, so **every value must be placed**, or the action is not an option.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .schemas import Schema, SchemaReader, as_dict, as_list
from .types import Values

Path = tuple[str, ...]

# Objects that schemas are known to wrap inputs in.
_WRAPPERS = (
    "body", "data", "payload", "input", "request", "requestBody", "params", "parameters",
    "query", "queryParameters", "path", "pathParameters",
)  # fmt: skip
# Objects whose member names are the user's own: placed whole and untouched, or not at all.
_OWN_NAMES = frozenset(("properties", "schema"))
_EXACT_FLOAT = 2**53  # a JSON number from here on may lose digits on its way through Membrane


class Fitted(NamedTuple):
    """The arguments for an action, and what stands in the way of using it."""

    arguments: dict[str, Any]
    unplaced: list[str]  # values with no place in the schema
    missing: list[str]  # required inputs nobody gave

    @property
    def fits(self) -> bool:
        return not self.unplaced and not self.missing


def fit(
    values: Values, schema: Schema, aliases: Mapping[str, Sequence[str]] | None = None
) -> Fitted:
    """Place ``values`` (nested, in Fullstory's own names) where ``schema`` wants them.

    ``aliases`` are other names for a top-level value. Where the schema has alternatives, it is the
    first that fits, or else the one that comes nearest.
    """
    reader = SchemaReader(schema)
    tries = []
    for top in reader.alternatives(schema):
        fitted = _fit(reader, top, values, aliases or {})
        if fitted.fits:
            return fitted
        tries.append(fitted)
    return min(tries, key=lambda fitted: (len(fitted.unplaced), len(fitted.missing)))


def _fit(
    reader: SchemaReader, top: Schema, values: Values, aliases: Mapping[str, Sequence[str]]
) -> Fitted:
    fitted = Fitted({}, [], [])
    for name, value in values.items():
        names = (name, *aliases.get(name, ()))
        if not any(_place(fitted, reader, top, (candidate,), value) for candidate in names):
            fitted.unplaced.extend(_place_parts(fitted, reader, top, (name,), value))
    fitted.missing.extend(sorted(reader.missing(top, fitted.arguments)))
    return fitted


def _place_parts(
    fitted: Fitted, reader: SchemaReader, top: Schema, path: Path, value: Any
) -> list[str]:
    """Place an object's members one by one; returns the paths of those that have no place."""
    if not isinstance(value, Mapping) or not value or path[0] in _OWN_NAMES:
        return [".".join(path)]
    unplaced: list[str] = []
    for key, item in value.items():
        inner = (*path, str(key))
        if not _place(fitted, reader, top, inner, item):
            unplaced.extend(_place_parts(fitted, reader, top, inner, item))
    return unplaced


def _place(fitted: Fitted, reader: SchemaReader, top: Schema, path: Path, value: Any) -> bool:
    """Put one whole value into the first place of the schema that takes it."""
    for place, schema in _places(reader, top, path):
        ok, fitting = _convert(reader, schema, value)
        if not ok or not _survives(fitting) or (path[0] in _OWN_NAMES and fitting != value):
            continue
        if _put(fitted.arguments, place, fitting):
            return True
    return False


def _put(arguments: dict[str, Any], place: Path, value: Any) -> bool:
    *parents, last = place
    for parent in parents:
        inner = arguments.setdefault(parent, {})
        if not isinstance(inner, dict):
            return False
        arguments = inner
    if last in arguments:
        return False
    arguments[last] = value
    return True


def _survives(value: Any) -> bool:
    """Whether every number in ``value`` comes out of a JavaScript service as it went in."""
    if isinstance(value, int):
        return abs(value) < _EXACT_FLOAT
    if isinstance(value, Mapping):
        return all(_survives(item) for item in value.values())
    return not isinstance(value, list | tuple) or all(_survives(item) for item in value)


def _places(reader: SchemaReader, top: Schema, path: Path) -> Iterator[tuple[Path, Schema]]:
    """Where a value at ``path`` could stand: at the top, then inside a wrapping object."""
    yield from _places_in(reader, top, path)
    names = reader.properties(top)
    for wrapper in _WRAPPERS:
        if wrapper in names:
            for place, schema in _places_in(reader, names[wrapper], path):
                yield (wrapper, *place), schema


def _places_in(reader: SchemaReader, schema: Schema, path: Path) -> Iterator[tuple[Path, Schema]]:
    properties = reader.properties(schema)
    for taken in range(len(path), 0, -1):  # the most flattened name is the most explicit
        for name in _spellings(path[:taken]):
            if name not in properties:
                continue
            if taken == len(path):
                yield (name,), properties[name]
            else:
                for place, found in _places_in(reader, properties[name], path[taken:]):
                    yield (name, *place), found


def _spellings(path: Path) -> Iterator[str]:
    """``("user", "uid")`` as user_uid, userUid, user.uid; ``("start_time",)`` as startTime too."""
    words = [word for part in path for word in re.split(r"[_\-.]", part) if word]
    seen = set()
    candidates = (
        ".".join(path),
        "_".join(path),
        words[0] + "".join(word[:1].upper() + word[1:] for word in words[1:]) if words else "",
        "".join(word[:1].upper() + word[1:] for word in words),
        "-".join(words),
    )
    for name in candidates:
        if name and name not in seen:
            seen.add(name)
            yield name


def _convert(reader: SchemaReader, schema: Schema, value: Any) -> tuple[bool, Any]:
    """``value`` as ``schema`` wants it: ``(True, value)``, or ``(False, None)``."""
    for alternative in reader.alternatives(schema):
        ok, converted = _convert_plain(reader, alternative, value)
        if ok:
            return True, converted
    return False, None


def _convert_plain(reader: SchemaReader, schema: Schema, value: Any) -> tuple[bool, Any]:
    types = schema.get("type")
    wanted = (
        {types} if isinstance(types, str) else {t for t in as_list(types) if isinstance(t, str)}
    )
    if not wanted and "properties" in schema:
        wanted = {"object"}
    for candidate in _forms(value, wanted):
        if isinstance(candidate, Mapping):
            return _convert_object(reader, schema, candidate)
        if isinstance(candidate, list | tuple):
            return _convert_array(reader, schema, candidate)
        allowed = schema.get("enum")
        if not isinstance(allowed, list) or candidate in allowed:
            return True, candidate
    return False, None


def _forms(value: Any, wanted: set[str]) -> Iterator[Any]:
    """The value in each JSON type that is wanted and that loses nothing."""
    if not wanted or wanted & _types_of(value):
        yield value
    elif isinstance(value, bool) and "string" in wanted:
        yield "true" if value else "false"
    elif isinstance(value, int) and "string" in wanted:
        yield str(value)
    elif isinstance(value, str) and wanted & {"integer", "number"} and _INTEGER.fullmatch(value):
        yield int(value)


_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,15}")  # such that nothing is lost by reading it


def _types_of(value: Any) -> set[str]:
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int):
        return {"integer", "number"}
    if isinstance(value, float):
        return {"number"}
    if isinstance(value, str):
        return {"string"}
    return {"object"} if isinstance(value, Mapping) else {"array"}


def _convert_object(
    reader: SchemaReader, schema: Schema, value: Mapping[str, Any]
) -> tuple[bool, Any]:
    """An object fits whole where it is free-form, or where each member fits by its own name."""
    properties = as_dict(schema.get("properties"))
    beyond = schema.get("additionalProperties", None if properties else True)
    converted: dict[str, Any] = {}
    for key, item in value.items():
        name = next((name for name in _spellings((key,)) if name in properties), key)
        inner = properties.get(name, beyond)
        if name in converted or inner in (None, False):
            return False, None
        ok, converted[name] = (
            _convert(reader, inner, item) if isinstance(inner, Mapping) else (True, item)
        )
        if not ok:
            return False, None
    return True, converted


def _convert_array(reader: SchemaReader, schema: Schema, value: Sequence[Any]) -> tuple[bool, Any]:
    """An array fits where each of its items does."""
    items = schema.get("items")
    if not isinstance(items, Mapping):
        return True, value
    each = [_convert(reader, items, item) for item in value]
    return all(ok for ok, _ in each), [converted for _, converted in each]
