"""One thing for people: a line a key, nested values indented below their name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .cells import human_text
from .columns import Column, Row
from .encode import compact
from .fields import MISSING, pick
from .sanitise import clean
from .table import GAP, NARROWEST_TEXT, Painter
from .width import broken, pad, width
from .world import World

DEEPEST = 8  # what is nested deeper is shown as JSON
WIDEST_LABEL = 32

_TEXT = Column("")


def listing(thing: Row, columns: Sequence[Column], world: World) -> str:
    """The lines for one thing: the declared columns it has, then its other keys."""
    entries: list[tuple[str, Any, Column]] = []
    shown: set[str] = set()
    for column in columns:
        value = pick(thing, column.key)
        if value is not MISSING:
            entries.append((column.label, value, column))
            shown.add(column.key)
    entries += [(key, value, _TEXT) for key, value in thing.items() if key not in shown]
    return "".join(line + "\n" for line in _Listing(world, thing).block(entries, 0))


class _Listing:
    def __init__(self, world: World, thing: Row) -> None:
        self._painter = Painter(world)
        self._zone = world.timezone
        self._thing = thing
        self._window = world.width if world.stdout_is_terminal else 0

    def block(self, entries: Sequence[tuple[str, Any, Column]], depth: int) -> list[str]:
        values = [self._inline(value, column, depth) for _, value, column in entries]
        labels = [clean(label) for label, _, _ in entries]
        beside = [label for label, inline in zip(labels, values, strict=True) if inline]
        aligned = min(max(map(width, beside), default=0), WIDEST_LABEL)
        lines = []
        for label, inline, (_, value, column) in zip(labels, values, entries, strict=True):
            if inline is None:
                lines.append(self._painter.dim(label))
                lines += ["  " + line for line in self._nested(value, depth + 1)]
                continue
            beside_it = max(aligned, width(label)) + len(GAP)
            first, *rest = self._wrapped(inline, beside_it + 2 * depth)
            filled = self._painter.dim(pad(label, aligned))
            lines.append((filled + GAP + self._linked(first, column)).rstrip(" "))
            lines += [" " * beside_it + line for line in rest]
        return lines

    def _inline(self, value: Any, column: Column, depth: int) -> list[str] | None:
        """The value's own lines, or None where it takes a block below its label."""
        if _is_nested(value) and depth < DEEPEST:
            return None
        if isinstance(value, Sequence) and not isinstance(value, str):
            text = ", ".join(human_text(item, column.kind, self._zone) for item in value)
        elif isinstance(value, Mapping):
            text = compact(value) if value else ""
        else:
            text = human_text(value, column.kind, self._zone)
        return clean(text, multiline=True).split("\n")

    def _wrapped(self, lines: list[str], taken: int) -> list[str]:
        """In a window, long lines broken at blanks to fit beside the cells that are taken."""
        room = self._window - taken
        if room < NARROWEST_TEXT:
            return lines
        return [
            part
            for line in lines
            for part in ((line,) if width(line) <= room else broken(line, room))
        ]

    def _nested(self, value: Any, depth: int) -> list[str]:
        if isinstance(value, Mapping):
            return self.block([(str(key), item, _TEXT) for key, item in value.items()], depth)
        lines = []
        for item in value:
            inline = self._inline(item, _TEXT, depth)
            if inline is None:
                first, *rest = self._nested(item, depth + 1)
            else:
                first, *rest = self._wrapped(inline, 2 * depth + 2)
            lines += ["- " + first, *("  " + line for line in rest)]
        return lines

    def _linked(self, shown: str, column: Column) -> str:
        path = column.link or (column.key if column.kind == "url" else "")
        return self._painter.link(shown, pick(self._thing, path)) if path else shown


def _is_nested(value: Any) -> bool:
    """Whether a value is shown as a block: an object with keys, or a list that holds one."""
    if isinstance(value, Mapping):
        return bool(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(isinstance(item, Mapping | Sequence) and not isinstance(item, str) and item
                   for item in value)  # fmt: skip
    return False
