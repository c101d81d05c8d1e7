"""Records of a table's rows as one expression, put together for its columns.

A row takes a third of the time that it takes where every column is looked at anew. The expression
holds numbers of columns and nothing that comes from the input; what properties are called is known
to the types alone, which leave out what is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from .mapping import Column, Layout

Convert = Callable[[str], Any]
Build = Callable[[Sequence[str]], msgspec.Struct]


def compiled(plan: Layout, converts: Mapping[str, Convert], *, needs_owner: bool) -> Build | None:
    """Makes the record of a row's cells; it raises ValueError for cells that are not of their
    type, and, where one ``needs_owner``, for an event of nobody. ``converts`` are by type.

    None where columns may be put into what other columns hold.
    """
    paths = {column.path for column in plan.columns}
    for column in plan.columns:
        if len(column.path) == 1 and column.type != "str":
            return None
        if any(column.path[:length] in paths for length in range(1, len(column.path))):
            return None
    tree = _Object()
    for column in plan.columns:
        tree.put(column.path, _Value(column))
        if column.declared is not None:
            tree.put(("schema", "properties", column.dotted), _Type(column))
    names: dict[str, Any] = {f"convert_{name}": convert for name, convert in converts.items()}
    record = tree.expression(names)
    if needs_owner:
        owners = [part for name in ("user", "session") for part in tree.places_of(name)]
        names["nobody"] = _nobody
        record = f"{record} if {_any(owners)} else nobody()"
    build: Build = eval(f"lambda c: {record}", names)
    return build


class _Value:
    """A column's value."""

    def __init__(self, column: Column) -> None:
        self._type = column.type
        self.places = [column.place]

    def expression(self, _names: dict[str, Any]) -> str:
        cell = f"c[{self.places[0]}]"
        return cell if self._type == "str" else f"convert_{self._type}({cell}) if {cell} else ''"


class _Type:
    """What is declared of a column's value, if there is one."""

    def __init__(self, column: Column) -> None:
        self._type = column.declared
        self.places = [column.place]

    def expression(self, _names: dict[str, Any]) -> str:
        return f"{self._type!r} if c[{self.places[0]}] else ''"


class _Object:
    """An object with members, left out where all their columns are empty."""

    def __init__(self) -> None:
        self._members: dict[str, _Object | _Value | _Type] = {}

    @property
    def places(self) -> list[int]:
        return [place for member in self._members.values() for place in member.places]

    def places_of(self, name: str) -> list[int]:
        member = self._members.get(name)
        return member.places if member else []

    def put(self, path: Sequence[str], leaf: _Value | _Type) -> None:
        name, *rest = path
        if not rest:
            self._members[name] = leaf
            return
        inner = self._members.setdefault(name, _Object())
        assert isinstance(inner, _Object)
        inner.put(rest, leaf)

    def expression(self, names: dict[str, Any]) -> str:
        values = [
            f"({member.expression(names)} if {_any(member.places)} else '')"
            if isinstance(member, _Object)
            else f"({member.expression(names)})"
            for member in self._members.values()
        ]
        made = f"Object{len(names)}"
        names[made] = _type_of(made, list(self._members))
        return f"{made}({', '.join(values)})"


def _type_of(name: str, members: Sequence[str]) -> type[msgspec.Struct]:
    fields: list[tuple[str, type, Any]] = [
        (f"m{place}", object, "") for place in range(len(members))
    ]
    return msgspec.defstruct(
        name,
        fields,
        rename={f"m{place}": member for place, member in enumerate(members)},
        omit_defaults=True,
        gc=False,
    )


def _any(places: Sequence[int]) -> str:
    return " or ".join(f"c[{place}]" for place in places) or "False"


def _nobody() -> None:
    raise ValueError
