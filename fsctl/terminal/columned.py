"""Lists with columns: CSV, TSV, Markdown and the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .cells import human_text, machine_text
from .columns import Column, Row
from .delimited import csv_cell, guard, markdown_cell, tsv_cell
from .formats import ListFormat
from .sanitise import clean
from .table import Table, infer_columns, plain_cells
from .world import World


class _Columned(ListFormat):
    """A format with columns: the declared ones, else the keys of the first page."""

    looks_ahead = True

    def __init__(self, world: World, columns: Sequence[Column] | None) -> None:
        super().__init__(world)
        self._inferred = columns is None
        self._columns = list(columns or ())
        self._known: set[str] = set()

    def _settle(self, first_page: Sequence[Row]) -> None:
        if self._inferred:
            self._columns = infer_columns(first_page)
            self._known = {column.key for column in self._columns}

    def _watch(self, rows: Sequence[Row]) -> None:
        if self._inferred:
            for row in rows:
                if not self._known.issuperset(row):
                    self.left_out.update(dict.fromkeys(k for k in row if k not in self._known))


class Delimited(_Columned):
    """CSV or TSV: a header of keys, then the rows. People's text is data here and stays."""

    def __init__(
        self,
        world: World,
        columns: Sequence[Column] | None,
        *,
        separator: str,
        escape: Callable[[str], str],
    ) -> None:
        super().__init__(world, columns)
        self._separator = separator
        self._escape = escape
        # On a screen, or in a log that a build service shows, even data must not steer.
        self._shown = world.stdout_is_terminal or world.under_ci

    def begin(self, first_page: Sequence[Row]) -> str:
        self._settle(first_page)
        return self._joined([column.key for column in self._columns]) if self._columns else ""

    def lines(self, rows: Sequence[Row]) -> str:
        self._watch(rows)
        return "".join([self._joined(plain_cells(row, self._columns)) for row in rows])

    def _joined(self, cells: list[str]) -> str:
        if self._shown:
            cells = [clean(cell, multiline=True) for cell in cells]
        line = self._separator.join(map(self._escape, cells))
        # A single empty cell would be an empty line, which readers skip.
        return (line or ('""' if self._separator == "," else "")) + "\n"


def csv_format(world: World, columns: Sequence[Column] | None, *, raw: bool) -> Delimited:
    """RFC 4180 with LF; formulas are guarded unless ``raw``."""
    escape = csv_cell if raw else _guarded_csv_cell
    return Delimited(world, columns, separator=",", escape=escape)


def _guarded_csv_cell(cell: str) -> str:
    return csv_cell(guard(cell))


def tsv_format(world: World, columns: Sequence[Column] | None) -> Delimited:
    """PostgreSQL's COPY text format, with a header; null is the empty cell."""
    return Delimited(world, columns, separator="\t", escape=tsv_cell)


class Markdown(_Columned):
    """A GitHub table, times local: it is for people to read."""

    def begin(self, first_page: Sequence[Row]) -> str:
        self._settle(first_page)
        if not self._columns:
            return ""
        titles = [markdown_cell(clean(column.title)) for column in self._columns]
        rules = ["---:" if column.right else "---" for column in self._columns]
        return markdown_line(titles) + markdown_line(rules)

    def lines(self, rows: Sequence[Row]) -> str:
        self._watch(rows)
        return "".join([markdown_line(self._cells(row)) for row in rows])

    def _cells(self, row: Row) -> list[str]:
        values = plain_cells(row, self._columns)
        return [
            markdown_text(human_text(value, column.kind, self._world.timezone))
            for value, column in zip(values, self._columns, strict=True)
        ]


def markdown_listing(thing: Row) -> str:
    """One thing as a Markdown table, a line a key."""
    lines = [markdown_line(["Field", "Value"]), markdown_line(["---", "---"])]
    for key, value in thing.items():
        lines.append(markdown_line([markdown_text(key), markdown_text(machine_text(value))]))
    return "".join(lines)


def markdown_text(text: str) -> str:
    """A Markdown cell of hostile text."""
    return markdown_cell(clean(text, multiline=True))


def markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


class TableFormat(_Columned):
    """Aligned columns for people."""

    def __init__(self, world: World, columns: Sequence[Column] | None) -> None:
        super().__init__(world, columns)
        self._table = Table((), (), world)

    def begin(self, first_page: Sequence[Row]) -> str:
        self._settle(first_page)
        if not first_page or not self._columns:
            return ""
        self._table = Table(self._columns, first_page, self._world)
        self.dropped = [column.title for column in self._table.dropped]
        return self._table.header()

    def lines(self, rows: Sequence[Row]) -> str:
        self._watch(rows)
        return self._table.lines(rows)
