"""The outputs of an import: rows that were not imported, in the input's own format, and ids.

A reject is the row as it stood and three columns more, so that a corrected file imports as it is.
Every stretch of the input has a part of its own in the journal's directory; when all is done the
parts become one file, in the order of the input. They hold people's data: 0600.
"""

from __future__ import annotations

import csv
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol

from ..errors import Usage
from ..membrane.failures import sentence
from ..settings.files import cannot_keep, check_target, new_file
from ..terminal.delimited import csv_cell, guard, tsv_cell

COLUMNS = ("_error_code", "_error_message", "_line")
Sort = Literal["rejects", "unknown", "imports"]
_COPY = 1024 * 1024


class Reason(NamedTuple):
    """Why a row was not imported. ``line`` None: which row it was cannot be told."""

    code: str
    message: str
    line: int | None


class Form(Protocol):
    """How rejects are written: a head, rows, what stands between them, and an end."""

    head: bytes
    between: bytes
    end: bytes

    def row(self, raw: bytes, reason: Reason) -> bytes:
        """A row as it stood in the input, with its reason; without a line end."""
        ...

    def returned(self, request: Mapping[str, Any], reason: Reason) -> bytes:
        """A request as Fullstory gave it back, where no row of the input can be told."""
        ...


class JsonForm:
    """JSON lines, or one JSON array. What is no object is kept under ``_row`` as text."""

    def __init__(self, *, array: bool = False) -> None:
        self.head = b"[\n" if array else b""
        self.between = b",\n" if array else b"\n"
        self.end = b"\n]\n" if array else b"\n"

    def row(self, raw: bytes, reason: Reason) -> bytes:
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            found = {"_row": raw.decode("utf-8", "backslashreplace")}
        return self.returned(found, reason)

    def returned(self, request: Mapping[str, Any], reason: Reason) -> bytes:
        whole = dict(request) | dict(zip(COLUMNS, _told(reason), strict=True))
        text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


class TableForm:
    """CSV or TSV with the columns of the input, in UTF-8.

    ``cells`` reads a row as it stood; ``written`` makes cells of a request, by the names of
    ``columns``, as the input would have had them.
    """

    between = b"\n"
    end = b"\n"

    def __init__(
        self,
        columns: Sequence[str],
        delimiter: str,
        *,
        cells: Callable[[bytes], list[str]] | None = None,
        written: Callable[[Mapping[str, Any], Sequence[str]], list[str]] | None = None,
        escaped: bool = False,
    ) -> None:
        self._delimiter = delimiter
        self._escaped = escaped
        self._own = [place for place, name in enumerate(columns) if name not in COLUMNS]
        self._names = [columns[place] for place in self._own]
        self._width = len(columns)
        self._cells = cells or self._parsed
        self._written = written or by_name
        self.head = self._line([*self._names, *COLUMNS]) + b"\n"

    def row(self, raw: bytes, reason: Reason) -> bytes:
        cells = self._cells(raw)
        more = cells[self._width :]  # beyond the header: kept, so that nothing is lost
        cells += [""] * (self._width - len(cells))
        return self._line([cells[place] for place in self._own], reason, more)

    def returned(self, request: Mapping[str, Any], reason: Reason) -> bytes:
        return self._line(self._written(request, self._names), reason)

    def _line(
        self, cells: Sequence[str], reason: Reason | None = None, more: Sequence[str] = ()
    ) -> bytes:
        told = [] if reason is None else [_cell(value) for value in _told(reason)]
        text = self._delimiter.join(map(self._quoted, [*cells, *told, *more]))
        return text.encode("utf-8", "backslashreplace")

    def _quoted(self, cell: str) -> str:
        return tsv_cell(cell) if self._escaped else csv_cell(cell)

    def _parsed(self, raw: bytes) -> list[str]:
        text = raw.decode("utf-8", "backslashreplace").rstrip("\r\n").replace("\0", "\\x00")
        try:
            rows = list(csv.reader([text], delimiter=self._delimiter))
        except csv.Error:
            return [text]
        return [cell for row in rows for cell in row]


def by_name(request: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Cells of a request for columns whose names are those of its fields, types left out."""
    properties = request.get("properties")
    found = dict(properties) if isinstance(properties, Mapping) else {}
    found |= {
        name: value for name, value in request.items() if name not in ("properties", "schema")
    }
    found.setdefault("name", request.get("display_name"))
    return [_text(_at(found, name.partition(":")[0])) for name in names]


def _at(found: Any, name: str) -> Any:
    if isinstance(found, Mapping) and name in found:
        return found[name]
    head, _, rest = name.partition(".")
    return _at(found[head], rest) if rest and isinstance(found, Mapping) and head in found else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return guard(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _told(reason: Reason) -> tuple[str, str, int | None]:
    return reason.code, sentence(reason.message), reason.line


def _cell(value: str | int | None) -> str:
    return guard(value) if isinstance(value, str) else "" if value is None else str(value)


def default_path(source: Path, word: str) -> Path:
    """``people.csv.gz``: ``people.rejects.csv``, beside it; ``word`` is "rejects" or "unknown"."""
    plain = source.with_suffix("") if source.suffix.lower() == ".gz" else source
    return plain.with_name(f"{plain.stem}.{word}{plain.suffix}")


# -- parts


@contextmanager
def new_part(path: Path) -> Iterator[BinaryIO]:
    """A part to write, over what an earlier run left of it; on the disk when the block ends."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise cannot_keep(path, error) from None


def publish(parts: Sequence[Path], path: Path, form: Form, *, force: bool) -> bool:
    """Make one file of the parts, whose rows are lines. False where there is no row at all.

    A file that is there already and holds just this is taken as it is: a run that died after
    writing it is gone on with. Raises as :func:`new_file` does.
    """
    if not any(part.stat().st_size for part in parts):
        return False
    if _holds(path, _chunks(parts, form)):
        return True
    with new_file(path, force=force) as stream:
        for chunk in _chunks(parts, form):
            stream.write(chunk)
    return True


def check_outputs(paths: Sequence[Path], *, force: bool) -> None:
    """Refuse what is in the way of an output, before anything is sent."""
    if len(set(paths)) != len(paths):
        raise Usage("Two outputs have the same name.", hint="Give each file its own name.")
    for path in paths:
        check_target(path, force=force)


def _chunks(parts: Sequence[Path], form: Form) -> Iterator[bytes]:
    """The file in pieces. In parts a row ends with a newline, and none is within a JSON row."""
    yield form.head
    if form.between == b"\n":
        for part in parts:
            with part.open("rb") as stream:
                while chunk := stream.read(_COPY):
                    yield chunk
        yield form.end.removeprefix(b"\n")
        return
    first = True
    for part in parts:
        with part.open("rb") as stream:
            for line in stream:
                yield (b"" if first else form.between) + line.removesuffix(b"\n")
                first = False
    yield form.end


def _holds(path: Path, chunks: Iterator[bytes]) -> bool:
    with suppress(OSError):
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        with path.open("rb") as stream:
            return all(stream.read(len(chunk)) == chunk for chunk in chunks) and not stream.read(1)
    return False
