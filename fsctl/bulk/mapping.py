"""What the columns of a table become: fields of a record, with types.

A column is mapped by its name, which may carry a type behind a colon (``seats:int``). What no field
is called is a property; dots make objects of it, as in Fullstory's own dotted paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..errors import Usage
from ..fullstory.batch_jobs import Kind
from ..fullstory.events import CONTEXT
from ..fullstory.limits import PROPERTY_TYPES
from ..fullstory.properties import USER_FIELDS, USER_TOLD, check_properties
from .checking import NOTES

LISTS = tuple(name for name in PROPERTY_TYPES if name.endswith("s"))
CELL_TYPES = ("str", "int", "real", "bool", "date", "json", *LISTS)
# What Fullstory would infer to be something else (contracts/fullstory-api §1.5).
DECLARED = ("int", "date", *LISTS)
_ALIASES = {"text": "str", "string": "str", "integer": "int", "float": "real", "boolean": "bool"}
_LISTED = 20

Path = tuple[str, ...]

_USER_FIELDS: Mapping[str, Path] = {
    **{name: (name,) for name in USER_FIELDS},
    "name": ("display_name",),
}
USER_TITLES = (*_USER_FIELDS, *USER_TOLD)  # of columns that are no properties
_EVENT_FIELDS: Mapping[str, Path] = {
    **{name: (name,) for name in ("name", "timestamp", "properties", "schema")},
    **{name: (name,) for name in ("user", "session", "context")},
    **{f"user.{name}": ("user", name) for name in ("id", "uid")},
    **{f"session.{name}": ("session", name) for name in ("id", "uid", "use_most_recent")},
    **{
        f"context.{part}.{name}": ("context", part, name)
        for part, names in CONTEXT.items()
        for name in names
    },
}
_FIELDS: Mapping[Kind, Mapping[str, Path]] = {"users": _USER_FIELDS, "events": _EVENT_FIELDS}
_OBJECTS = ("properties", "schema", "user", "session", "context")
_OWNERS = (("user", "id"), ("user", "uid"), ("session", "id"), ("session", "uid"))
_NUMBERS: Mapping[type, str] = {int: "int", float: "real"}


class Choices(NamedTuple):
    """How a person wants columns to be read: ``--map``, ``--ignore``, ``--type``.

    ``fields`` are by the column, ``types`` by the column or the property. ``empty_as_null``: an
    empty cell takes the value away, and is not passed over. ``anonymous``: events of nobody are
    meant, and not a mistake.
    """

    fields: Mapping[str, str] = {}
    ignored: tuple[str, ...] = ()
    types: Mapping[str, str] = {}
    empty_as_null: bool = False
    anonymous: bool = False

    @classmethod
    def parse(
        cls,
        mapped: Iterable[str] = (),
        ignored: Iterable[str] = (),
        typed: Iterable[str] = (),
        *,
        empty_as_null: bool = False,
        anonymous: bool = False,
    ) -> Choices:
        """From the options' values (``column=field``, ``column``, ``column=type``).

        Raises :class:`Usage` for what has another form.
        """
        fields = dict(_pair(value, "--map", "column=field") for value in mapped)
        types = {
            column: _type_named(name, f"--type {column}={name}")
            for column, name in (_pair(value, "--type", "column=type") for value in typed)
        }
        return cls(fields, tuple(ignored), types, empty_as_null, anonymous)

    def as_facts(self) -> Mapping[str, str]:
        """The choices by the option that was given, for a journal to compare."""
        told = {
            "--map": _joined(f"{column}={field}" for column, field in self.fields.items()),
            "--ignore": _joined(self.ignored),
            "--type": _joined(f"{column}={name}" for column, name in self.types.items()),
            "--empty-as-null": "given" if self.empty_as_null else "",
            "--anonymous": "given" if self.anonymous else "",
        }
        return {option: text for option, text in told.items() if text}

    def types_for_json(self, name: str) -> Mapping[str, str]:
        """What is declared for the properties of JSON records, whose values pass unchanged.

        Raises :class:`Usage` where something else was chosen.
        """
        for given, option in ((self.fields, "--map"), (self.ignored, "--ignore")):
            if given:
                raise Usage(
                    f"{option} is for the columns of CSV and TSV, and {name} is JSON.",
                    hint="Leave it out: JSON records are sent as they stand.",
                )
        for path, declared in self.types.items():
            if declared not in PROPERTY_TYPES:
                raise Usage(
                    f"--type {path}={declared} is for CSV and TSV, and {name} is JSON.",
                    hint=f"For JSON a type is one of {', '.join(PROPERTY_TYPES)}.",
                )
        return {path.removeprefix("properties."): kind for path, kind in self.types.items()}


class Column(NamedTuple):
    """A column that becomes something: where it stands, its name, the path of keys in the record,
    the type of its cells."""

    place: int
    name: str
    path: Path
    type: str

    @property
    def declared(self) -> str | None:
        """The type that the schema declares."""
        if self.path[0] != "properties" or len(self.path) == 1:
            return None
        return self.type if self.type in DECLARED else None

    @property
    def dotted(self) -> str:
        """The dotted path below ``properties``."""
        return ".".join(self.path[1:])

    @property
    def told(self) -> str:
        """What it becomes, in words."""
        field = ".".join(self.path)
        return field if self.type == "str" else f"{field} ({self.type})"


class Layout(NamedTuple):
    """The columns of a table: all titles, and those that become something.

    ``nameless`` are the places of columns without a title, in which nothing may stand.
    """

    titles: tuple[str, ...]
    columns: tuple[Column, ...]
    nameless: tuple[int, ...]


def layout(kind: Kind, titles: Sequence[str], choices: Choices, name: str) -> Layout:
    """What the columns with these titles become. Raises :class:`Usage` where it is not clear."""
    reading = _Reader(kind, titles, choices, name)
    columns = tuple(reading.columns())
    reading.check(columns)
    nameless = tuple(place for place, title in enumerate(titles) if not title.strip())
    return Layout(tuple(titles), columns, nameless)


class _Reader:
    """Reads the titles of one table."""

    def __init__(self, kind: Kind, titles: Sequence[str], choices: Choices, name: str) -> None:
        self._kind = kind
        self._titles = [title.strip() for title in titles]
        self._choices = choices
        self._name = name
        self._used: set[str] = set()  # names in options that were found

    def columns(self) -> Iterable[Column]:
        for place, title in enumerate(self._titles):
            column, suffix = _typed_title(title, self._choices.fields)
            names = {title, column}
            if not title or self._chosen(names, self._choices.ignored) or column in NOTES:
                continue
            if self._is_told(column) and not self._is_wanted(names):
                continue
            field = self._chosen(names, self._choices.fields)
            path = self._path(self._choices.fields[field] if field else column, column)
            typed = self._chosen({*names, ".".join(path), ".".join(path[1:])}, self._choices.types)
            if typed:
                kind = self._choices.types[typed]
            elif suffix:
                kind = _type_named(suffix, f"The type of column {title!a} in {self._name}")
            else:
                kind = _own_type(path)
            yield Column(place, column, path, kind)

    def _chosen(self, names: set[str], options: Iterable[str]) -> str | None:
        for name in options:
            if name in names:
                self._used.add(name)
                return name
        return None

    def _is_told(self, column: str) -> bool:
        """Whether Fullstory's lists have the column, which an import leaves out as it does of
        JSON."""
        return self._kind == "users" and column in USER_TOLD

    def _is_wanted(self, names: set[str]) -> bool:
        """Whether an option says what becomes of a column."""
        return not names.isdisjoint((*self._choices.fields, *self._choices.types))

    def _path(self, field: str, column: str) -> Path:
        fields = _FIELDS[self._kind]
        known = fields.get(field) or fields.get(field.lower())
        if known is not None:
            return known
        path = ("properties", *field.removeprefix("properties.").split("."))
        nested: object = None
        for key in reversed(path[1:]):
            nested = {key: nested}
        noun = "user" if self._kind == "users" else "event"
        problems = check_properties(noun, nested, None)  # type: ignore[arg-type]
        if problems:
            raise Usage(
                f"Column {column!a} of {self._name} is no field, and no name of a property: it "
                f"{problems[0].message}.",
                hint=f"Give it another name with --map {_quoted(column)}=NAME, or leave it out "
                f"with --ignore {_quoted(column)}.",
                code="column",
            )
        return path

    def check(self, columns: Sequence[Column]) -> None:
        """Refuse what contradicts itself, and options about columns that are not there."""
        taken: dict[Path, Column] = {}
        for column in columns:
            if (other := taken.setdefault(column.path, column)) is not column:
                raise Usage(
                    f"Columns {other.name!a} and {column.name!a} of {self._name} are both "
                    f"{'.'.join(column.path)}.",
                    hint="Leave one out with --ignore, or give it another name in the file.",
                    code="column",
                )
        for column in columns:
            for length in range(1, len(column.path)):
                above = taken.get(column.path[:length])
                if above is not None and above.type != "json":
                    raise Usage(
                        f"Column {above.name!a} of {self._name} is a value, and {column.name!a} "
                        "would be in it.",
                        hint="Leave one out with --ignore, or map it with --map.",
                        code="column",
                    )
        given = {*self._choices.fields, *self._choices.ignored, *self._choices.types}
        for name in sorted(given - self._used):
            raise Usage(
                f"{self._name} has no column {name!a}.",
                hint=f"Its columns are: {_listed(self._titles)}.",
                code="column",
            )
        self._check_owner(columns)

    def _check_owner(self, columns: Sequence[Column]) -> None:
        """Events of a table without an owner are a mistake, unless they are meant so: each is a new
        visitor's."""
        paths = {column.path for column in columns}
        if self._kind == "users" or not columns:
            return
        if ("name",) not in paths:
            raise self._missing("names its events", "name=NAME")
        if not self._choices.anonymous and not paths & {*_OWNERS, ("user",), ("session",)}:
            more = "; --anonymous makes a new visitor for each event"
            raise self._missing("says whose its events are", "uid=user.uid", more)

    def _missing(self, what: str, example: str, more: str = "") -> Usage:
        return Usage(
            f"No column of {self._name} {what}.",
            hint=f"Its columns are: {_listed(self._titles)}. Name one of them, as in "
            f"--map {example}{more}.",
            code="column",
        )


def _typed_title(title: str, whole: Iterable[str]) -> tuple[str, str]:
    """The name of a column and its type; a title that an option names ``whole`` has none."""
    name, sign, suffix = title.rpartition(":")
    if not sign or title in whole:
        return title, ""
    return name.rstrip(), suffix.strip()


def _own_type(path: Path) -> str:
    """The type of cells for which none is told: text, but where Fullstory wants another."""
    if path[0] in _OBJECTS and len(path) == 1:
        return "json"
    if path == ("session", "use_most_recent"):
        return "bool"
    if path[0] == "context" and len(path) == 3:
        return _NUMBERS.get(CONTEXT[path[1]][path[2]], "str")
    return "str"


def _type_named(name: str, what: str) -> str:
    kind = _ALIASES.get(name.lower(), name.lower())
    if kind not in CELL_TYPES:
        raise Usage(
            f"{what} is none that is known.", hint=f"A type is one of {', '.join(CELL_TYPES)}."
        )
    return kind


def _pair(value: str, option: str, form: str) -> tuple[str, str]:
    first, sign, second = (part.strip() for part in value.rpartition("="))
    if not (first and sign and second):
        raise Usage(
            f"{option} {value!a} is not of the form {form}.", hint=f"Write {option} {form}."
        )
    return first, second


def _joined(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))


def _quoted(name: str) -> str:
    return name if name.isidentifier() else ascii(name)


def _listed(titles: Sequence[str]) -> str:
    named = [ascii(title) for title in titles if title]
    return ", ".join(named[:_LISTED]) + (", ..." if named[_LISTED:] else "") if named else "none"
