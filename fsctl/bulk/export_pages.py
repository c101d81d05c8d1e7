"""The people of an export: page by page as records, and the text of their file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Literal, NamedTuple

import msgspec

from ..fullstory.call import Caller
from ..fullstory.people import Person, list_pages
from ..terminal.encode import compact
from .export_record import Choice, Record, is_leaving, record_of
from .export_table import Columns, Table, TableForm

Form = Literal["jsonl", "csv", "tsv"]

CHUNK = 256 * 1024  # bytes, about, that are held of a file

_decode = msgspec.json.Decoder().decode


class Wanted(NamedTuple):
    """Whom to export, and what of them. ``filters`` are Fullstory's own; ``limit`` None: all.

    ``mask`` puts tokens for people's data.
    """

    filters: Mapping[str, Any]
    choice: Choice = Choice()
    limit: int | None = None
    mask: Callable[[Person], Person] | None = None


class Gathered(NamedTuple):
    """Records of a page, how many people were left out, and what was told of the list."""

    records: list[Record]
    left_out: int
    token: str
    total: int | None


def gathered(
    caller: Caller, wanted: Wanted, *, token: str = "", taken: int = 0
) -> Iterator[Gathered]:
    """The records page by page, from the page of that token on; ``taken`` are there already."""
    left = None if wanted.limit is None else wanted.limit - taken
    for page in list_pages(caller, wanted.filters, include_schema=True, token=token):
        staying = [person for person in page.people if not is_leaving(person)]
        left_out = len(page.people) - len(staying)
        chosen = staying[:left]
        if wanted.mask is not None:
            chosen = [wanted.mask(person) for person in chosen]
        records = [record_of(person, wanted.choice) for person in chosen]
        total = page.total if wanted.limit is None else min(page.total or 0, wanted.limit)
        yield Gathered(records, left_out, page.next_token, total or None)
        if left is not None:
            left -= len(chosen)
            if left <= 0:
                return


def lines(records: list[Record], *, ci: bool = False) -> str:
    """JSON, a record a line; ``ci`` as :func:`~fsctl.terminal.encode.compact` has it."""
    return "".join([compact(record, ci=ci) + "\n" for record in records])


def tabulated(spool: IO[bytes], form: TableForm, choice: Choice, *, raw: bool) -> Iterator[str]:
    """The table of records that stand in ``spool``, a line each, in pieces."""
    raw = raw and form == "csv"
    columns = Columns(choice.columns, raw=raw)
    for record in _records(spool):
        columns.see(record)
    table = Table(form, columns.settled(), raw=raw)
    piece, size = [table.header()], 0
    for record in _records(spool):
        piece.append(table.row(record))
        size += len(piece[-1])
        if size > CHUNK:
            yield "".join(piece)
            piece, size = [], 0
    yield "".join(piece)


def _records(spool: IO[bytes]) -> Iterator[Record]:
    spool.seek(0)
    return map(_record, spool)


def _record(line: bytes) -> Record:
    try:
        record: Record = _decode(line)
    except msgspec.DecodeError:  # a lone surrogate, which only the standard library takes
        record = json.loads(line)
    return record
