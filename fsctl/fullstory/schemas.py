"""Read the JSON schemas of Membrane's actions, as far as placing values needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_DEEPEST = 32  # references and combinations that are followed into each other


class SchemaReader:
    """Reads an input schema: its local references, combinations and alternatives."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._followed: dict[str, Schema] = {}

    def resolve(self, schema: Any, depth: int = 0) -> Schema:
        """The schema with its local ``$ref`` and everything in ``allOf`` merged into it."""
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return {}
        reference, combined = schema.get("$ref"), schema.get("allOf")
        parts = [self.resolve(part, depth + 1) for part in as_list(combined)]
        if isinstance(reference, str):
            parts.append(self._follow(reference, depth + 1))
        if not parts:
            return schema
        merged: Schema = {k: v for k, v in schema.items() if k not in ("$ref", "allOf")}
        for part in parts:
            merged = _merged(merged, part)
        return merged

    def _follow(self, reference: str, depth: int) -> Schema:
        # Each once, because they can be nested into a bomb; the depth ends those that go round.
        if reference not in self._followed:
            target: Any = self._document
            for part in reference.removeprefix("#").split("/")[1:]:
                target = as_dict(target).get(part.replace("~1", "/").replace("~0", "~"))
            self._followed[reference] = self.resolve(target, depth)
        return self._followed[reference]

    def alternatives(self, schema: Schema, depth: int = 0) -> Iterator[Schema]:
        """The schema itself, or it merged with each of its ``anyOf`` or ``oneOf``."""
        schema = self.resolve(schema)
        choices = as_list(schema.get("anyOf")) or as_list(schema.get("oneOf"))
        if not choices or depth > 1:
            yield schema
            return
        common = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
        for choice in choices:
            yield from self.alternatives(_merged(common, self.resolve(choice)), depth + 1)

    def properties(self, schema: Schema) -> Mapping[str, Any]:
        merged: dict[str, Any] = {}
        for alternative in self.alternatives(schema):
            merged.update(as_dict(alternative.get("properties")))
        return merged

    def missing(self, schema: Schema, given: Mapping[str, Any]) -> list[str]:
        """Required inputs that are absent, inside the objects that are present too.

        Of several alternatives, that which lacks least is meant.
        """
        return min(
            (self._missing(alternative, given) for alternative in self.alternatives(schema)),
            key=len,
        )

    def _missing(self, schema: Schema, given: Mapping[str, Any]) -> list[str]:
        absent = [
            name
            for name in as_list(schema.get("required"))
            if isinstance(name, str) and name not in given
        ]
        for name, inner in as_dict(schema.get("properties")).items():
            if isinstance(given.get(name), Mapping):
                absent += [f"{name}.{deeper}" for deeper in self.missing(inner, given[name])]
        return absent


def _merged(one: Schema, other: Schema) -> Schema:
    """A schema that says what both say; where they contradict each other, the second."""
    merged = {**one, **other}
    for key in ("properties", "required"):
        if key in one and key in other:
            a, b = one[key], other[key]
            both = (
                {**as_dict(a), **as_dict(b)} if key == "properties" else [*as_list(a), *as_list(b)]
            )
            merged[key] = both
    return merged


def as_dict(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
