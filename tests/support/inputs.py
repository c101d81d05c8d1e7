"""Inputs of imports for tests: bytes as files or stdin, and the rows that are read from them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsctl.bulk.batches import Position
from fsctl.bulk.mapping import Choices
from fsctl.bulk.rows import Rows, open_rows
from fsctl.bulk.rows_common import Row
from fsctl.bulk.source import Source, open_source
from fsctl.fullstory.batch_jobs import Kind
from fsctl.terminal.world import World


def piped(data: bytes) -> World:
    """A world with this on stdin."""
    return World(stdin=io.BytesIO(data))


def source_of(directory: Path, data: bytes, name: str = "people.jsonl", **more: Any) -> Source:
    """A file with that content, opened."""
    path = directory / name
    path.write_bytes(data)
    return open_source(World(), str(path), **more)


def rows_of(
    directory: Path,
    data: bytes | str,
    name: str = "people.jsonl",
    kind: Kind = "users",
    choices: Choices | None = None,
) -> Rows:
    data = data.encode() if isinstance(data, str) else data
    return open_rows(source_of(directory, data, name), kind, choices)


def all_rows(rows: Rows) -> list[Row]:
    return [row for block in rows.blocks() for row in block]


def read(directory: Path, data: bytes | str, name: str = "people.jsonl", **more: Any) -> list[Row]:
    return all_rows(rows_of(directory, data, name, **more))


def read_from(directory: Path, data: str, row: Row, name: str = "people.jsonl") -> list[Row]:
    """The rows from that one on, read anew."""
    at = Position(row.start, row.line)
    return [row for block in rows_of(directory, data.encode(), name).blocks(at) for row in block]


def records(rows: Sequence[Row]) -> list[Any]:
    """The records of good rows."""
    return [json.loads(row.body) for row in rows if not row.problems]


def told(rows: Sequence[Row]) -> list[tuple[int, str]]:
    """Line and message of the first problem of each bad row."""
    return [(row.line, row.problems[0].message) for row in rows if row.problems]


def codes(rows: Sequence[Row]) -> list[tuple[int, str]]:
    """Line and code of the first problem of each bad row."""
    return [(row.line, row.problems[0].code) for row in rows if row.problems]
