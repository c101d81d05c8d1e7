"""What of a person is exported: the record that makes the same person when it is imported.

Fullstory's lists tell more of people than a batch takes (contracts/fullstory-api §2.1, §2.2). What
nothing takes is left out; the types that Fullstory would not infer are declared in ``schema``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import Usage
from ..fullstory.people import Person
from ..fullstory.properties import USER_TEXTS, USER_TOLD, check_properties, fits, leaves, put

Path = tuple[str, ...]
Record = dict[str, Any]

FIELDS = ("id", *USER_TEXTS)
_PROPERTIES = "properties"
_EXACT_REAL = 2**53  # what is larger loses digits as a real, which an import says no to
_MOST_REAL = 10**308
_INTEGERS = range(-(2**63), 2**63)


class Choice(NamedTuple):
    """What is wanted of each person; no ``fields``: all that an import takes.

    ``with_ids`` False leaves Fullstory's own ids out.
    """

    fields: tuple[Path, ...] = ()
    with_ids: bool = True

    @classmethod
    def parse(cls, fields: Sequence[str], *, with_ids: bool = True) -> Choice:
        """From dotted names. What no field is called is a property, as in the files of imports.

        Raises :class:`Usage` for what can be neither.
        """
        paths = tuple(dict.fromkeys(map(_path, fields)))
        if not with_ids:
            if paths == (("id",),):
                raise Usage("--fields id and --without-ids leave nothing.", hint="Drop one.")
            paths = tuple(path for path in paths if path != ("id",))
        return cls(paths, with_ids)

    @property
    def columns(self) -> tuple[Path, ...]:
        """The fields that a table has a column for, whether anybody has them or not."""
        return self.fields or tuple((name,) for name in FIELDS if self.with_ids or name != "id")

    @property
    def names_people(self) -> bool:
        """Whether an import could tell from the fields whose they are."""
        return not self.fields or bool({("id",), ("uid",)} & set(self.fields))


def record_of(person: Person, choice: Choice) -> Record:
    """The record of a person as a list tells of it, with its schema (``include_schema``)."""
    record: Record = {
        name: value
        for name in FIELDS
        if isinstance(value := person.get(name), str) and value.strip()
    }
    if isinstance(number := person.get("id"), int):
        record = {"id": str(number), **record}
    if not choice.with_ids:
        record.pop("id", None)
    properties, types = person.get("properties"), dict[str, str]()
    if isinstance(properties, Mapping) and properties:
        told = _told_types(person.get("schema"))
        properties = _exact(properties, told)
        record["properties"] = properties
        types = _needed(properties, told)
    if choice.fields:
        record = _chosen(record, person, choice.fields)
        held = {path for path, _ in leaves(record.get("properties") or {})}
        types = {path: name for path, name in types.items() if path in held}
    if types:
        record["schema"] = {"properties": types}
    return record


def is_leaving(person: Person) -> bool:
    """Whether the person is being deleted: an import would bring them back."""
    return person.get("is_being_deleted") is True


def inferred(value: Any) -> str | None:
    """The type that Fullstory infers (contracts/fullstory-api §1.5); None: nobody can say."""
    match value:
        case str():
            return "str"
        case bool():
            return "bool"
        case int() | float():
            return "real"
        case list():
            kinds = {inferred(item) for item in value if item is not None}
            only = kinds.pop() if len(kinds) == 1 else None
            return f"{only}s" if only in ("str", "bool", "real") else None
    return None


def _path(field: str) -> Path:
    if field in FIELDS or field == _PROPERTIES or field in USER_TOLD:
        return (field,)
    if field == "name":  # as the column of a table
        return ("display_name",)
    if field == "schema":
        raise Usage(
            "--fields schema is not needed: types that an import has to be told go along with "
            "their properties.",
            hint="Leave it out.",
            code="fields",
        )
    path = ("properties", *field.removeprefix("properties.").split("."))
    nested: Any = None
    for key in reversed(path[1:]):
        nested = {key: nested}
    if problems := check_properties("user", nested, None):
        raise Usage(
            f"--fields {field!a} is no field of a person, and no name of a property: it "
            f"{problems[0].message}.",
            hint=f"The fields are {', '.join((*FIELDS, _PROPERTIES))}.",
            code="fields",
        )
    return path


def _told_types(schema: Any) -> dict[str, str]:
    """The types that Fullstory tells, by dotted path."""
    types = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(types, Mapping):
        return {}
    return {path: name for path, name in leaves(types) if isinstance(name, str)}


def _needed(properties: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, str]:
    """The types that have to be declared, because others would be inferred."""
    return {
        path: name
        for path, value in leaves(properties)
        if (name := told.get(path)) is not None
        and value is not None
        and name != inferred(value)
        and fits(value, name)
        and (name != "int" or isinstance(value, int))
    }


def _exact(
    properties: Mapping[str, Any], told: Mapping[str, str], prefix: str = ""
) -> dict[str, Any]:
    """The properties; numbers are written as what they are, integer or real, where it matters."""
    exact: dict[str, Any] = {}
    for name, value in properties.items():
        if isinstance(value, Mapping):
            value = _exact(value, told, f"{prefix}{name}.")
        elif isinstance(value, float) and value.is_integer():
            whole = told.get(prefix + name) == "int" and int(value) in _INTEGERS
            value = int(value) if whole else value
        elif type(value) is int and _EXACT_REAL < abs(value) < _MOST_REAL:
            value = value if told.get(prefix + name) == "int" else float(value)
        exact[name] = value
    return exact


def _chosen(record: Record, person: Person, fields: Sequence[Path]) -> Record:
    """Only these fields, each in its place."""
    chosen: Record = {}
    for path in fields:
        source: Any = person if path[0] in USER_TOLD else record
        for key in path:
            source = source.get(key) if isinstance(source, Mapping) else None
        if source is not None:
            put(chosen, path, dict(source) if isinstance(source, Mapping) else source)
    return chosen


def values(record: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every value of a record but the schema's, with its path; an empty object is a value."""
    for name, value in record.items():
        if name == "properties" and isinstance(value, Mapping):
            yield from _below(value, ("properties",))
        elif name != "schema":
            yield (name,), value


def _below(held: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    for name, value in held.items():
        if isinstance(value, Mapping) and value:
            yield from _below(value, (*path, name))
        else:
            yield (*path, name), value
