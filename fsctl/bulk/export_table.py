"""People as a table that an import reads: CSV and TSV with the types in the header.

The columns are the union of what all records have, so the records are read twice. A column is of
the type that most of its values have. What its cells cannot hold (text among numbers, an empty
text, which a cell cannot tell from none) stands in a column ``properties``, as JSON, and types that
no header declares in a column ``schema``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from ..fullstory.limits import PROPERTY_NAME_MAX, USER_PROPERTY_NAME
from ..fullstory.properties import put
from ..terminal.delimited import csv_cell, guard, tsv_cell, unguard
from ..terminal.encode import compact
from .export_record import Path, Record, values
from .mapping import DECLARED, LISTS, USER_TITLES

TableForm = Literal["csv", "tsv"]

_NAME = re.compile(USER_PROPERTY_NAME)
_SURROGATE = re.compile("[\ud800-\udfff]")
_RESERVED = frozenset(USER_TITLES)  # a property of such a name says that it is one
_REST = ("properties",)
_SCHEMA = ("schema",)
_TEXT, _JSON = "str", "json"


class Column(NamedTuple):
    """A column: the path of its values in a record, and the type of its cells."""

    path: Path
    type: str

    @property
    def title(self) -> str:
        """What stands in the header: the name that an import takes, with the type (seats:int)."""
        dotted = ".".join(self.path)
        if len(self.path) > 1 and self.path[1].lower() not in _RESERVED:
            dotted = ".".join(self.path[1:])
        plain = self.type == _TEXT or self.path in (_REST, _SCHEMA)
        return dotted if plain else f"{dotted}:{self.type}"


class Columns:
    """Finds the columns of records that are shown to it one after the other.

    ``asked`` are columns that are there in any case, in their order. ``raw``: cells will not be
    guarded against spreadsheets.
    """

    def __init__(self, asked: Sequence[Path] = (), *, raw: bool = False) -> None:
        self._raw = raw
        self._kinds: dict[Path, Counter[str]] = {
            path: Counter() for path in asked if path not in (_REST, _SCHEMA)
        }
        self._rest = self._undeclared = False

    def see(self, record: Record) -> None:
        """Note what there is in a record."""
        types = _types(record)
        for path, value in values(record):
            if value is None:
                continue
            declared = types.get(".".join(path[1:]))
            kind = _kind(path, value, declared, self._raw)
            if kind is None:
                self._rest = True
                self._undeclared = self._undeclared or declared is not None
            else:
                kinds = self._kinds.get(path)
                if kinds is None:
                    kinds = self._kinds[path] = Counter()
                kinds[kind] += 1

    def settled(self) -> list[Column]:
        """The columns: those asked for, then the others as they came."""
        above = {path[:length] for path in self._kinds for length in range(2, len(path))}
        rest, undeclared = self._rest, self._undeclared
        columns = []
        for path, kinds in self._kinds.items():
            chosen = kinds.most_common(1)[0][0] if kinds else _TEXT
            if len(path) == 1 and len(kinds) > 1:
                chosen = _JSON  # a person's own field has no other place
            elif path in above:
                chosen = ""
            if chosen:
                columns.append(Column(path, chosen))
            if others := kinds.keys() - {chosen}:
                rest = rest or len(path) > 1
                undeclared = undeclared or not others.isdisjoint(DECLARED)
        if rest:
            columns.append(Column(_REST, _JSON))
        if undeclared:
            columns.append(Column(_SCHEMA, _JSON))
        return columns


class Table:
    """Writes records as rows below these columns. ``raw`` leaves formulas as they are."""

    def __init__(self, form: TableForm, columns: Sequence[Column], *, raw: bool = False) -> None:
        self._columns = columns
        self._raw = raw
        self._separator = "," if form == "csv" else "\t"
        self._escape: Callable[[str], str] = tsv_cell
        if form == "csv":
            self._escape = csv_cell if raw else _guarded
        self._types = dict(columns)

    def header(self) -> str:
        """The line of titles."""
        return self._line([column.title for column in self._columns])

    def row(self, record: Record) -> str:
        """The line, or with line breaks in cells the lines, of a record."""
        types = _types(record)
        found: dict[Path, Any] = {}
        rest: Record = {}
        undeclared: dict[str, str] = {}
        for path, value in values(record):
            if value is None:
                continue
            dotted = ".".join(path[1:])
            declared = types.get(dotted)
            kind = _kind(path, value, declared, self._raw)
            if len(path) == 1 or kind == self._types.get(path, ""):
                found[path] = value
                continue
            put(rest, path[1:], value)
            if declared is not None:
                undeclared[dotted] = declared
        if rest:
            found[_REST] = rest
        if undeclared:
            found[_SCHEMA] = {"properties": undeclared}
        return self._line([_cell(found.get(path), kind) for path, kind in self._columns])

    def _line(self, cells: Iterable[str]) -> str:
        line = self._separator.join(map(self._escape, cells))
        # A single empty cell would be an empty line, which readers skip.
        return (line or ('""' if self._separator == "," else "")) + "\n"


def _kind(path: Path, value: Any, declared: str | None, raw: bool) -> str | None:
    """The type of a cell for this value, which is not null; None: no column can hold it."""
    if not _is_importable(path):
        return None
    if isinstance(value, str):
        if _is_plain(value) and not (raw and unguard(value) != value):
            return declared or _TEXT
        return _JSON if len(path) == 1 else None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return declared or "real"
    return declared or _JSON


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == _JSON or kind in LISTS:
        return compact(value)
    if isinstance(value, str):
        return value
    return compact(value)  # true, 12, 12.5


def _guarded(cell: str) -> str:
    return csv_cell(guard(cell))


def _types(record: Record) -> Mapping[str, str]:
    """What a record's schema declares."""
    schema = record.get("schema")
    types: Mapping[str, str] = schema["properties"] if schema else {}
    return types


@lru_cache(4096)  # the same few in every record
def _is_importable(path: Path) -> bool:
    """Whether a title can name it: a field, or a property whose name Fullstory takes."""
    if len(path) == 1:
        return True
    if sum(map(len, path[1:])) + len(path) - 2 > PROPERTY_NAME_MAX:
        return False
    return all(_NAME.fullmatch(name) is not None for name in path[1:])


def _is_plain(value: str) -> bool:
    """Whether a cell can hold the text itself: an empty one is none, and a table is text."""
    if value.isascii():
        return value != "" and "\0" not in value
    return "\0" not in value and not _SURROGATE.search(value)
