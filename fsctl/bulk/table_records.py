"""Records of users and events from the cells of a table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ..fullstory.batch_jobs import Kind
from ..fullstory.properties import is_date
from .checking import Problem
from .mapping import Column, Layout, Path

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# An empty cell in these is never a wish to take something away.
_NEVER_NULL = ("id", "uid", "name", "timestamp", "user", "session", "schema")

_decode = msgspec.json.Decoder().decode


class Records:
    """Makes records of cells."""

    def __init__(self, kind: Kind, plan: Layout, *, empty_as_null: bool) -> None:
        self._needs_owner = kind == "events"
        self._nulls = [
            column
            for column in plan.columns
            if empty_as_null and column.path[0] not in _NEVER_NULL and column.type != "json"
        ]
        plain = [column for column in plan.columns if column.type == "str"]
        self._fields = [(c.place, c.path[0]) for c in plain if len(c.path) == 1]
        texts = [c for c in plain if len(c.path) == 2 and c.path[0] == "properties"]
        self._texts = [(c.place, c.path[1]) for c in texts]
        quick = {place for place, _ in (*self._fields, *self._texts)}
        # Whole objects first: what has a column of its own is put into them.
        self._others = sorted(
            (column for column in plan.columns if column.place not in quick),
            key=lambda column: len(column.path),
        )
        self._has_objects = any(len(column.path) == 1 for column in self._others)

    def record(self, cells: Sequence[str]) -> tuple[dict[str, Any], tuple[Problem, ...]]:
        """The record of a row with these cells, and what is wrong with them."""
        record: dict[str, Any] = {
            key: cell for place, key in self._fields if (cell := cells[place])
        }
        texts = {name: cell for place, name in self._texts if (cell := cells[place])}
        problems: list[Problem] = []
        if self._others:
            self._put_others(record, cells, problems)
        if texts:
            held = record.setdefault("properties", {})
            if type(held) is dict:
                held.update(texts)
        if self._nulls:
            for column in self._nulls:
                if not cells[column.place]:
                    _put(record, column.path, None)
        if self._needs_owner and not (record.get("user") or record.get("session")):
            told = "It names no user and no session, so Fullstory would make a new visitor for it"
            problems.append(Problem("no_owner", told))
        return record, tuple(problems)

    def _put_others(
        self, record: dict[str, Any], cells: Sequence[str], problems: list[Problem]
    ) -> None:
        """Put the values of columns that are typed, or deeper in the record."""
        declared: dict[str, str] = {}
        for column in self._others:
            cell = cells[column.place]
            if not cell:
                continue
            try:
                value = _CONVERT[column.type](cell)
            except (ValueError, RecursionError):
                told = f"Column {column.name!a} holds no {_IN_WORDS[column.type]}"
                problems.append(Problem("wrong_type", told, column.name))
                continue
            if not _put(record, column.path, value):
                told = f"Column {column.name!a} has no place: {column.path[0]} is no object"
                problems.append(Problem("wrong_type", told, column.name))
            elif (kind := column.declared) is not None and value is not None:
                declared[column.dotted] = kind
        if declared:
            held = record.setdefault("schema", {})
            if isinstance(held, dict) and isinstance(held.setdefault("properties", {}), dict):
                held["properties"] |= declared


def _put(record: dict[str, Any], path: Path, value: Any) -> bool:
    """Put a value where its path leads; False where something else stands in the way."""
    here: Any = record
    for key in path[:-1]:
        here = here.setdefault(key, {})
        if not isinstance(here, dict):
            return False
    here[path[-1]] = value
    return True


# -- cells to values: ValueError where there is none


def _integer(cell: str) -> int:
    text = cell.strip()
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _real(cell: str) -> float:
    text = cell.strip()
    if not _NUMBER.fullmatch(text) or not math.isfinite(value := float(text)):
        raise ValueError
    return value


def _bool(cell: str) -> bool:
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
