"""Lists for people: aligned columns that fit the window.

Widths come from the first page, so that the first row is out before the second page is asked for;
a later, longer text is shortened in a window and stands over elsewhere. Not `rich.Table`: that
takes a millisecond a row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any

from .cells import human_text, machine_text
from .columns import Column, Row
from .fields import MISSING, pick
from .sanitise import ci_safe, clean
from .width import fit, pad, shorten, width
from .world import World

GAP = "  "
INDENT = "  "  # of what stands beneath a row
SAMPLE = 500  # rows that widths are taken from, where all rows are at hand
NARROWEST_TEXT = 16  # below this a column of texts is better left out than shortened
FAIR_TEXT = 32  # up to this a text, such as an e-mail, is worth more than a less important column

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
# What may stand in an OSC 8 address: printable ASCII, so nothing that could end it.
_LINKABLE = re.compile(r"https?://[!-~]+")


class Painter:
    """Turns values into text that is safe in this world's terminal or log."""

    def __init__(self, world: World) -> None:
        self._zone: tzinfo | None = world.timezone
        self._ci = world.under_ci
        self._hyperlinks = world.hyperlinks
        self._color = world.color

    def cell(self, value: Any, column: Column) -> str:
        """One line for a value of a column."""
        if type(value) is str and column.kind != "time":
            return self.safe(value)
        if value is None or value is MISSING:
            return ""
        return self.safe(human_text(value, column.kind, self._zone))

    def safe(self, text: str) -> str:
        """One line of hostile text made harmless."""
        text = clean(text)
        return ci_safe(text) if self._ci else text

    def dim(self, text: str) -> str:
        return f"{_DIM}{text}{_PLAIN}" if self._color else text

    def link(self, shown: str, address: Any) -> str:
        """``shown``, leading to ``address`` where the terminal can do that."""
        if not self._hyperlinks or not isinstance(address, str) or not shown:
            return shown
        if not _LINKABLE.fullmatch(address):
            return shown
        return f"\x1b]8;;{address}\x1b\\{shown}\x1b]8;;\x1b\\"


class Table:
    """The lines of a list; create it with the first page, then feed it rows."""

    def __init__(self, columns: Sequence[Column], first_page: Sequence[Row], world: World) -> None:
        self._painter = Painter(world)
        self._fits = world.stdout_is_terminal
        self._links = world.hyperlinks
        sample = first_page[:SAMPLE]
        cells = [[self._text(row, column) for row in sample] for column in columns]
        natural = [
            max([width(self._painter.safe(column.title)), *map(width, texts)])
            for column, texts in zip(columns, cells, strict=True)
        ]
        kept = list(range(len(columns)))
        beneath: list[int] = []
        # A column that is empty on the whole first page is the least important of all.
        filled = [any(texts) or not first_page for texts in cells]
        if self._fits:
            kept, beneath = _placed(columns, natural, filled, world.width)
            granted = _affordable(columns, natural, filled, kept, world.width)
            natural = _shrunk(columns, natural, granted, world.width)
            kept = list(granted)
        self.columns = [columns[at] for at in kept]
        self.beneath = [columns[at] for at in beneath]
        shown = (*kept, *beneath)
        # An address that a cell leads to is not missed.
        led_to = {columns[at].link for at in shown} if self._links else set()
        self.dropped = [
            column
            for at, column in enumerate(columns)
            if filled[at] and at not in shown and column.key not in led_to
        ]
        self._widths = [natural[at] for at in kept]
        self._layout = [
            (column, cells, column.right, self._fits and not column.whole)
            for column, cells in zip(self.columns, self._widths, strict=True)
        ]

    def header(self) -> str:
        """The line of titles, with its line end."""
        titles = [self._painter.safe(column.title) for column in self.columns]
        line = GAP.join(
            pad(fit(title, cells) if self._fits else title, cells, right=column.right)
            for title, cells, column in zip(titles, self._widths, self.columns, strict=True)
        )
        return self._painter.dim(line.rstrip()) + "\n"

    def lines(self, rows: Sequence[Row]) -> str:
        """A line for each row, or two where something stands beneath it."""
        if not self.beneath:
            return "".join([self._line(row) for row in rows])
        return "".join([self._line(row) + self._line_beneath(row) for row in rows])

    def _line(self, row: Row) -> str:
        parts = []
        for column, cells, right, cuttable in self._layout:
            text = self._text(row, column)
            blank = cells - (len(text) if text.isascii() else width(text))
            if blank < 0 and cuttable:
                text = shorten(text, cells)
                blank = cells - width(text)
            if self._links:
                text = self._linked(row, column, text)
            parts.append(" " * blank + text if right else text + " " * blank)
        return GAP.join(parts).rstrip(" ") + "\n"

    def _line_beneath(self, row: Row) -> str:
        texts = [(column, self._text(row, column)) for column in self.beneath]
        told = [self._linked(row, column, text) for column, text in texts if text]
        return f"{INDENT}{GAP.join(told)}\n" if told else ""

    def _text(self, row: Row, column: Column) -> str:
        value = row.get(column.key, MISSING)
        if value is MISSING:
            value = pick(row, column.key)
        return self._painter.cell(value, column)

    def _linked(self, row: Row, column: Column, text: str) -> str:
        path = column.link or (column.key if column.kind == "url" else "")
        return self._painter.link(text, pick(row, path)) if path else text


def _placed(
    columns: Sequence[Column], natural: Sequence[int], filled: Sequence[bool], window: int
) -> tuple[list[int], list[int]]:
    """Which columns stand in the row, and which beneath it because not all fit the window."""
    every = range(len(columns))
    beneath = [at for at in every if columns[at].beneath]
    full = [at for at in every if filled[at] or columns[at].beneath]
    if len(beneath) == len(full) or _room([natural[at] for at in full]) <= window:
        beneath = []
    return [at for at in every if at not in beneath], beneath


def _affordable(
    columns: Sequence[Column],
    natural: Sequence[int],
    filled: Sequence[bool],
    placed: Sequence[int],
    window: int,
) -> dict[int, int]:
    """Which columns stay, in their order, each with the cells it has for certain.

    The most important are given room first: so a text gives way, by being left out or shortened
    below :data:`FAIR_TEXT`, only where nothing less important is left to give way.
    """
    granted: dict[int, int] = {}
    room = window
    for at in sorted(placed, key=lambda at: (not filled[at], -columns[at].importance, at)):
        left = room - (len(GAP) if granted else 0)
        cells = _claim(columns[at], natural[at], left)
        if cells > left and granted:
            continue
        granted[at] = cells
        room = left - cells
    return dict(sorted(granted.items()))


def _claim(column: Column, natural: int, left: int) -> int:
    """The cells that a column asks for where so many are left; a text makes do with fewer."""
    if column.whole:
        return natural
    fair = min(natural, FAIR_TEXT if column.kind == "text" else NARROWEST_TEXT)
    least = min(fair, max(NARROWEST_TEXT, width(column.title)))
    return max(least, min(fair, left))


def _shrunk(
    columns: Sequence[Column], natural: Sequence[int], granted: Mapping[int, int], window: int
) -> list[int]:
    """The widths: the widest texts are cut down to one common width where not all fits."""
    widths = list(natural)
    texts = [at for at in granted if not columns[at].whole]
    whole = [natural[at] for at in granted if columns[at].whole]
    room = window - sum(whole) - len(GAP) * (len(granted) - 1)

    def at_most(common: int) -> list[int]:
        return [max(granted[at], min(natural[at], common)) for at in texts]

    common = window
    while common and sum(at_most(common)) > room:
        common -= 1
    for at, cells in zip(texts, at_most(common), strict=True):
        widths[at] = cells
    spare = room - sum(widths[at] for at in texts)
    for at in texts:  # what a common width cannot use
        if spare > 0 and widths[at] < natural[at]:
            widths[at] += 1
            spare -= 1
    return widths


def _room(widths: Sequence[int]) -> int:
    """The cells that columns of these widths take beside each other."""
    return sum(widths) + len(GAP) * (len(widths) - 1)


def infer_columns(rows: Sequence[Row]) -> list[Column]:
    """Columns for rows of an unknown type: the union of their keys, in order of appearance."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return [Column(key, header=key, kind=_kind_of(key, rows)) for key in keys]


def _kind_of(key: str, rows: Sequence[Row]) -> Any:
    values = [value for row in rows if (value := row.get(key)) is not None]
    if values and all(_is_number(value) for value in values):
        return "number"
    lowered = key.lower()
    if lowered in ("id", "uid", "key", "email") or key.endswith(("Id", "_id", "ID")):
        return "id"
    if values and all(isinstance(value, str) and _LINKABLE.match(value) for value in values):
        return "url"
    return "text"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain_cells(row: Row, columns: Sequence[Column]) -> list[str]:
    """A row's cells for machines, before escaping."""
    cells = []
    for column in columns:
        value = row.get(column.key, MISSING)
        if value is MISSING:
            value = pick(row, column.key)
        cells.append("" if value is MISSING else machine_text(value))
    return cells
