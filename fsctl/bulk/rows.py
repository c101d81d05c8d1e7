"""Rows of an input, whatever its format: checked, and ready to be sent.

Rows come in blocks, so that a row costs little. Whoever knows where a row begins can have it and
those behind it again: reading from there gives the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..fullstory.batch_jobs import Kind
from .batches import Position
from .checking import Checker
from .import_rejects import Form, JsonForm
from .mapping import Choices
from .rows_common import Reading, Row
from .rows_json import JsonReading
from .rows_jsonl import JsonlReading
from .rows_table import TableReading
from .source import Source


class Rows:
    """The rows of a source. Made by :func:`open_rows`; safe to use from several threads.

    ``form`` is how its rejects are written; ``columns`` says of every column of a table what it
    becomes, and is empty for JSON.
    """

    def __init__(
        self,
        source: Source,
        kind: Kind,
        form: Form,
        reading: Reading,
        columns: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.source = source
        self.kind: Kind = kind
        self.form: Form = form
        self.columns = columns
        self._reading = reading

    @property
    def name(self) -> str:
        return self.source.name

    def blocks(self, at: Position | None = None) -> Iterator[Sequence[Row]]:
        """The rows from there on, some at a time. Raises :class:`Usage` where none can be read."""
        return self._reading.blocks(at)


def open_rows(source: Source, kind: Kind, choices: Choices | None = None) -> Rows:
    """The rows of a source. Raises :class:`Usage` where its header or the choices do not fit."""
    choices = choices or Choices()
    if source.format in ("csv", "tsv"):
        table = TableReading(source, kind, choices)
        return Rows(source, kind, table.form, table, table.columns)
    checker = Checker(kind, choices.types_for_json(source.name))
    if source.format == "json":
        return Rows(source, kind, JsonForm(array=True), JsonReading(source, checker))
    return Rows(source, kind, JsonForm(), JsonlReading(source, checker))


def read_blocks(
    source: Source, kind: Kind, choices: Choices | None = None, *, at: Position | None = None
) -> Iterator[Sequence[Row]]:
    """The rows of a source from a position on, some at a time."""
    return open_rows(source, kind, choices).blocks(at)


def read_rows(
    source: Source, kind: Kind, choices: Choices | None = None, *, at: Position | None = None
) -> Iterator[Row]:
    """The rows of a source from a position on."""
    for block in read_blocks(source, kind, choices, at=at):
        yield from block
