"""Records of users and events from the cells of a table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ..fullstory.batch_jobs import Kind
from ..fullstory.properties import is_date, put
from .checking import Problem
from .mapping import Column, Layout, Path
from .table_compiled import compiled

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_BOOLS |= {"True": True, "TRUE": True, "False": False, "FALSE": False}  # as programs write them
# An empty cell in these is never a wish to take something away.
_NEVER_NULL = ("id", "uid", "name", "timestamp", "user", "session", "schema")

_decode = msgspec.json.Decoder().decode


class Records:
    """Makes records of cells.

    ``build`` is the way for good rows; it raises ValueError or RecursionError for any other.
    """

    def __init__(
        self, kind: Kind, plan: Layout, *, empty_as_null: bool, anonymous: bool = False
    ) -> None:
        self._needs_owner = kind == "events" and not anonymous
        quick = None if empty_as_null else compiled(plan, _CONVERT, needs_owner=self._needs_owner)
        self.build: Callable[[Sequence[str]], Any] = quick or self._good
        self._nulls = [
            column.path
            for column in plan.columns
            if empty_as_null and column.path[0] not in _NEVER_NULL and column.type != "json"
        ]
        fields, texts, typed, others = [], [], [], []
        for column in plan.columns:
            if column.type == "str" and len(column.path) == 1:
                fields.append((column.place, column.path[0]))
            elif column.path[0] != "properties" or len(column.path) != 2:
                others.append(column)
            elif column.type == "str":
                texts.append((column.place, column.path[1]))
            else:
                convert = _CONVERT[column.type]
                typed.append((column.place, column.path[1], convert, column.declared, column))
        self._fields, self._texts, self._typed = fields, texts, typed
        # Whole objects first: what has a column of its own is put into them.
        self._others = sorted(others, key=lambda column: len(column.path))
        self._types = {column.declared for column in plan.columns} - {None}

    @property
    def fit(self) -> bool:
        """Whether all values are what is declared of them."""
        whole = any(len(column.path) == 1 for column in self._others)
        return not whole and self._types <= {"int", "date"}

    def _good(self, cells: Sequence[str]) -> dict[str, Any]:
        problems: list[Problem] = []
        record = self.record(cells, problems)
        if problems:
            raise ValueError
        return record

    def record(self, cells: Sequence[str], problems: list[Problem]) -> dict[str, Any]:
        """The record of a row with these cells; what is wrong with them is put to ``problems``."""
        record: dict[str, Any] = {
            key: cell for place, key in self._fields if (cell := cells[place])
        }
        held: Any = {name: cell for place, name in self._texts if (cell := cells[place])}
        types: dict[str, str] = {}
        for place, name, convert, declared, column in self._typed:
            if cell := cells[place]:
                try:
                    held[name] = convert(cell)
                except (ValueError, RecursionError):
                    problems.append(_wrong_type(column))
                    continue
                if declared is not None:
                    types[name] = declared
        if self._others:
            held = self._put_others(record, cells, held, types, problems)
        if held:
            record["properties"] = held
        for path in self._nulls:
            _put_null(record, path)
        if types:
            _declare(record, types)
        if self._needs_owner and not (record.get("user") or record.get("session")):
            told = (
                "It names no user and no session, so Fullstory would make a new visitor for it "
                "(with --anonymous it is sent)"
            )
            problems.append(Problem("no_owner", told))
        return record

    def _put_others(
        self,
        record: dict[str, Any],
        cells: Sequence[str],
        held: dict[str, Any],
        types: dict[str, str],
        problems: list[Problem],
    ) -> Any:
        """Put values that are whole objects, or deep in the record, and what is declared of them
        to ``types``; returns the properties."""
        merged = False
        for column in self._others:
            if not merged and len(column.path) > 1 and held:
                merged = _merge(record, held)
            cell = cells[column.place]
            if not cell:
                continue
            try:
                value = _CONVERT[column.type](cell)
            except (ValueError, RecursionError):
                problems.append(_wrong_type(column))
                continue
            if not put(record, column.path, value):
                told = f"Column {column.name!a} has no place: {column.path[0]} is no object"
                problems.append(Problem("wrong_type", told, column.name))
            elif column.declared is not None:
                types[column.dotted] = column.declared
        if not merged and held:
            _merge(record, held)
        return record.pop("properties", None)


def _declare(record: dict[str, Any], types: dict[str, str]) -> None:
    """Declare these types in the schema."""
    schema = record.setdefault("schema", {})
    if isinstance(schema, dict) and isinstance(schema.setdefault("properties", {}), dict):
        schema["properties"] |= types


def _wrong_type(column: Column) -> Problem:
    told = f"Column {column.name!a} holds no {_IN_WORDS[column.type]}"
    return Problem("wrong_type", told, column.name)


def _merge(record: dict[str, Any], held: dict[str, Any]) -> bool:
    """Put properties beside those that came as a whole object, if they did."""
    whole = record.get("properties")
    if whole is None:
        record["properties"] = held
    elif isinstance(whole, dict):
        whole.update(held)
    return True


def _put_null(record: dict[str, Any], path: Path) -> None:
    """Put a null where nothing is."""
    here: Any = record
    for key in path[:-1]:
        here = here.setdefault(key, {})
        if not isinstance(here, dict):
            return
    here.setdefault(path[-1], None)


# -- cells to values: ValueError where there is none


def _integer(cell: str) -> int:
    if len(cell) < 19 and cell.isascii() and cell.isdigit():
        return int(cell)
    text = cell.strip()
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _real(cell: str) -> float:
    if cell.isascii() and cell.replace(".", "", 1).isdigit() and len(cell) < 300:
        return float(cell)
    text = cell.strip()
    if not _NUMBER.fullmatch(text) or not math.isfinite(value := float(text)):
        raise ValueError
    return value


def _bool(cell: str) -> bool:
    value = _BOOLS.get(cell)
    if value is None:
        value = _BOOLS.get(cell.strip().lower())
    if value is None:
        raise ValueError
    return value


def _date(cell: str) -> str:
    text = cell.strip()
    if not is_date(text):
        raise ValueError
    return text


def _list(cell: str) -> list[Any]:
    value = _decode(cell.encode())
    if not isinstance(value, list):
        raise ValueError
    return value


_CONVERT: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "int": _integer,
    "real": _real,
    "bool": _bool,
    "date": _date,
    "json": lambda cell: _decode(cell.encode()),
    **dict.fromkeys(("strs", "ints", "reals", "bools", "dates"), _list),
}
_IN_WORDS = {
    "int": "integer",
    "real": "number with a decimal point",
    "bool": "true or false",
    "date": "date in ISO 8601, as 2024-06-29 is",
    "json": "JSON",
    **dict.fromkeys(("strs", "ints", "reals", "bools", "dates"), "JSON array"),
}


def cell_of(column: Column, record: Mapping[str, Any]) -> Any:
    """The value that a record has where a column's would be; None where there is none."""
    here: Any = record
    for key in column.path:
        if not isinstance(here, Mapping):
            return None
        here = here.get(key)
    return here
