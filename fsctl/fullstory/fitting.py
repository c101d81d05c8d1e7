"""Fit an operation's values to an action's live input schema (DESIGN §1, Action or proxy).

Nobody outside Membrane knows the names in these schemas (contracts/fullstory-api §3): they may be
snake_case or camelCase, nested or flattened, or wrapped in one object. And Membrane ignores
unknown properties silently, so **every value must be placed**, or the action is not an option.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .types import Values

Schema = Mapping[str, Any]
Path = tuple[str, ...]

# Objects that schemas are known to wrap inputs in.
_WRAPPERS = (
    "body", "data", "payload", "input", "request", "requestBody", "params", "parameters",
    "query", "queryParameters", "path", "pathParameters",
)  # fmt: skip
_EXACT_FLOAT = 2**53  # beyond it a JSON number may lose digits on the way


@dataclass(slots=True)
class Fitted:
    """The arguments for an action, and what stands in the way of using it."""

    arguments: dict[str, Any] = field(default_factory=dict)
    unplaced: list[str] = field(default_factory=list)  # values with no place in the schema
    missing: list[str] = field(default_factory=list)  # required inputs nobody gave

    @property
    def fits(self) -> bool:
        return not self.unplaced and not self.missing


def fit(
    values: Values, schema: Schema | None, aliases: Mapping[str, Sequence[str]] | None = None
) -> Fitted:
    """Place ``values`` (nested, in Fullstory's own names) where ``schema`` wants them.

    ``aliases`` are other names for a top-level value. Without a schema nothing can be placed.
    """
    fitted = Fitted()
    root = _Root(schema or {})
    for name, value in values.items():
        names = (name, *(aliases or {}).get(name, ()))
        if not any(_place(fitted, root, (candidate,), value) for candidate in names):
            fitted.unplaced.extend(_place_parts(fitted, root, (name,), value))
    fitted.missing = sorted(root.missing(fitted.arguments))
    return fitted


def _place_parts(fitted: Fitted, root: _Root, path: Path, value: Any) -> list[str]:
    """Place an object's members one by one; returns the paths of those that have no place."""
    if not isinstance(value, Mapping) or not value:
        return [".".join(path)]
    unplaced: list[str] = []
    for key, item in value.items():
        inner = (*path, str(key))
        if not _place(fitted, root, inner, item):
            unplaced.extend(_place_parts(fitted, root, inner, item))
    return unplaced


def _place(fitted: Fitted, root: _Root, path: Path, value: Any) -> bool:
    """Put one whole value into the first place of the schema that takes it."""
    for place, schema in root.places(path):
        ok, fitting = _convert(root, schema, value)
        if ok and _put(fitted.arguments, place, fitting):
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


class _Root:
    """An input schema, with its references."""

    def __init__(self, schema: Schema) -> None:
        self._document = schema
        self.schema = self.resolve(schema)

    def resolve(self, schema: Any) -> Schema:
        """The schema behind a local ``$ref`` and a lone ``allOf``."""
        for _ in range(16):
            if not isinstance(schema, Mapping):
                return {}
            reference = schema.get("$ref")
            parts = schema.get("allOf")
            if isinstance(reference, str) and reference.startswith("#/"):
                schema = self._follow(reference)
            elif isinstance(parts, list) and len(parts) == 1:
                schema = {**{k: v for k, v in schema.items() if k != "allOf"}, **_dict(parts[0])}
            else:
                return schema
        return {}

    def _follow(self, reference: str) -> Any:
        target: Any = self._document
        for part in reference[2:].split("/"):
            target = _dict(target).get(part.replace("~1", "/").replace("~0", "~"))
        return target

    def alternatives(self, schema: Schema) -> Iterator[Schema]:
        """The schema itself, or each of its ``anyOf`` or ``oneOf``."""
        choices = schema.get("anyOf") or schema.get("oneOf")
        if not isinstance(choices, list):
            yield schema
            return
        for choice in choices:
            yield self.resolve(choice)

    def properties(self, schema: Schema) -> Mapping[str, Any]:
        merged: dict[str, Any] = {}
        for alternative in self.alternatives(schema):
            merged.update(_dict(alternative.get("properties")))
        return merged

    def places(self, path: Path) -> Iterator[tuple[Path, Schema]]:
        """Where a value at ``path`` could stand: at the top, then inside a wrapping object."""
        yield from self._places(self.schema, path)
        top = self.properties(self.schema)
        for wrapper in _WRAPPERS:
            if wrapper in top and wrapper != path[0]:
                for place, schema in self._places(self.resolve(top[wrapper]), path):
                    yield (wrapper, *place), schema

    def _places(self, schema: Schema, path: Path) -> Iterator[tuple[Path, Schema]]:
        properties = self.properties(schema)
        for taken in range(len(path), 0, -1):  # the most flattened name is the most explicit
            for name in _spellings(path[:taken]):
                if name not in properties:
                    continue
                inner = self.resolve(properties[name])
                if taken == len(path):
                    yield (name,), inner
                else:
                    for place, found in self._places(inner, path[taken:]):
                        yield (name, *place), found

    def missing(self, arguments: Mapping[str, Any]) -> Iterator[str]:
        """Required inputs that are absent, inside the objects that are present too."""
        yield from self._missing(self.schema, arguments, "")

    def _missing(self, schema: Schema, given: Mapping[str, Any], prefix: str) -> Iterator[str]:
        required = schema.get("required")
        for name in required if isinstance(required, list) else []:
            if isinstance(name, str) and name not in given:
                yield f"{prefix}{name}"
        for name, inner in self.properties(schema).items():
            if isinstance(given.get(name), Mapping):
                yield from self._missing(self.resolve(inner), given[name], f"{prefix}{name}.")


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


def _convert(root: _Root, schema: Schema, value: Any) -> tuple[bool, Any]:
    """``value`` as ``schema`` wants it: ``(True, value)``, or ``(False, None)``."""
    for alternative in root.alternatives(schema):
        ok, converted = _convert_plain(root, alternative, value)
        if ok:
            return True, converted
    return False, None


def _convert_plain(root: _Root, schema: Schema, value: Any) -> tuple[bool, Any]:
    types = schema.get("type")
    wanted = {types} if isinstance(types, str) else set(types if isinstance(types, list) else ())
    if not wanted and "properties" in schema:
        wanted = {"object"}
    for candidate in _forms(value, wanted):
        if isinstance(candidate, Mapping):
            return _convert_object(root, schema, candidate)
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
    elif isinstance(value, str) and wanted & {"integer", "number"} and _is_small_integer(value):
        yield int(value)


def _is_small_integer(text: str) -> bool:
    return (
        re.fullmatch(r"-?(0|[1-9][0-9]{0,15})", text) is not None and abs(int(text)) < _EXACT_FLOAT
    )


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


def _convert_object(root: _Root, schema: Schema, value: Mapping[str, Any]) -> tuple[bool, Any]:
    """An object fits whole where it is free-form, or where each member fits by its own name."""
    properties = root.properties(schema)
    open_ended = schema.get("additionalProperties") not in (None, False) or not properties
    converted: dict[str, Any] = {}
    for key, item in value.items():
        name = next((name for name in _spellings((key,)) if name in properties), None)
        if name is None:
            if not open_ended:
                return False, None
            converted[key] = item
            continue
        ok, converted[name] = _convert(root, root.resolve(properties[name]), item)
        if not ok:
            return False, None
    return True, converted


def _dict(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
