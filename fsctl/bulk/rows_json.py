"""A JSON array of records (or records one after the other), read without holding all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from ..errors import Usage
from .batches import Position
from .checking import Checker, Problem
from .rows_common import LONGEST_LINE, Row, shortened, too_long
from .source import Source
from .source_bytes import CHUNK, Stream

# Possessive throughout, so that time is linear: what was read once is not read again.
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_PLAIN = rb'[^"\[\]{}]++'
_DEEPEST = 8  # levels that one pattern knows; deeper values are counted through


def _value() -> bytes:
    inner = rb"[\[{](?:" + _PLAIN + rb"|" + _STRING + rb")*+[\]}]"
    for _ in range(_DEEPEST - 1):
        inner = rb"[\[{](?:" + _PLAIN + rb"|" + _STRING + rb"|" + inner + rb")*+[\]}]"
    return inner


_BETWEEN = rb"[ \t\r\n]*+,?+[ \t\r\n]*+"
_NEXT = re.compile(_BETWEEN + rb"(" + _value() + rb")", re.DOTALL)
_GAP = re.compile(_BETWEEN)
_TOKEN = re.compile(_STRING + rb"|[\[\]{}\"]", re.DOTALL)  # a lone quote: of a string that is cut
_SCALAR = re.compile(rb"(?:" + _STRING + rb"|[^ \t\r\n,\[\]{}\"]++)(?=[ \t\r\n,\[\]{}])", re.DOTALL)
_PASSED = re.compile(rb"[\[\]{}\"]|\\.", re.DOTALL)  # what tells the end of a value not held
_BLANK = b" \t\r\n"
_GOES_ON = "goes on behind the end of its array"


class _Found(NamedTuple):
    """A value between two places of the text that is at hand."""

    start: int
    end: int


class JsonReading:
    """Reads the elements of one array, or values one after the other."""

    def __init__(self, source: Source, checker: Checker) -> None:
        self._source = source
        self._checker = checker
        head = source.head.lstrip(_BLANK)
        self._is_array = head.startswith(b"[")
        self._first = len(source.head) - len(head) + self._is_array

    def blocks(self, at: Position | None) -> Iterator[Sequence[Row]]:
        if at is None:
            before = self._source.head[: self._first]
            at = Position(self._first, 1 + before.count(b"\n"))
        offset, line = at
        stream = self._source.open(offset)
        text, ended = b"", False
        wanted = CHUNK
        while not ended:
            data = stream.read(wanted)
            ended = not data
            text += data
            found = list(_values(text))
            rows = self._rows(text, found, offset, line)
            if rows:
                yield rows
            used = found[-1].end if found else 0
            rest = text[used:]
            offset, line = offset + used, line + text.count(b"\n", 0, used)
            if self._is_over(rest, line):
                self._check_end(stream, line)
                return
            # A long value is not looked at again for every bit of it.
            wanted = CHUNK if used else max(CHUNK, len(text))
            text = rest
            if len(text) > LONGEST_LINE:
                row, (offset, line), text = self._passed_over(stream, text, offset, line)
                yield [row]
                wanted = CHUNK
        if last := self._unfinished(text, offset, line):
            yield [last]

    def _rows(self, text: bytes, found: list[_Found], offset: int, line: int) -> list[Row]:
        bodies = [_compact(text[start:end]) for start, end in found]
        checked = self._checker.check_all(bodies)
        rows, behind = [], 0
        for (start, end), body, (sent, problems) in zip(found, bodies, checked, strict=True):
            line += text.count(b"\n", behind, start)
            behind = start
            raw = text[start:end] if len(body) != end - start else body
            rows.append(Row(line, offset + start, offset + end, sent, problems, raw))
        return rows

    def _passed_over(
        self, stream: Stream, text: bytes, offset: int, line: int
    ) -> tuple[Row, Position, bytes]:
        """A value that is too long to be held, as a bad row; its end, and what was read behind it.

        Raises :class:`Usage` for what is neither object, array nor text: it has no end to find.
        """
        gap = _GAP.match(text)
        assert gap is not None
        line += text.count(b"\n", 0, gap.end())
        start = offset = offset + gap.end()
        data = text[gap.end() :]
        if data[:1] not in (b"{", b"[", b'"'):
            raise self._no_json("begins a value that has no end", line)
        head = shortened(data)
        passing, first = _Passing(), line
        end = None
        while end is None and data:
            end = passing.end_in(data)
            used = len(data) if end is None else end
            offset, line = offset + used, line + data.count(b"\n", 0, used)
            data = stream.read(CHUNK) if end is None else data[end:]
        row = Row(first, start, offset, b"", (too_long(offset - start),), head)
        return row, Position(offset, line), data

    def _is_over(self, rest: bytes, line: int) -> bool:
        """Whether the array has its end here. Raises :class:`Usage` for what is no JSON."""
        gap = _GAP.match(rest)
        assert gap is not None
        behind = rest[gap.end() : gap.end() + 1]
        line += rest.count(b"\n", 0, gap.end())
        if behind == b"]" and self._is_array:
            if rest[gap.end() + 1 :].strip(_BLANK):
                raise self._no_json(_GOES_ON, line)
            return True
        if behind in (b"]", b"}", b","):
            raise self._no_json(f"has a {behind.decode()!r} where a value should be", line)
        return False

    def _check_end(self, stream: Stream, line: int) -> None:
        while data := stream.read(CHUNK):
            if data.strip(_BLANK):
                raise self._no_json(_GOES_ON, line)

    def _unfinished(self, text: bytes, offset: int, line: int) -> Row | None:
        """What stands behind the last whole value where the text ends."""
        gap = _GAP.match(text)
        assert gap is not None
        rest = text[gap.end() :].rstrip(_BLANK)
        if not rest and not self._is_array:
            return None
        line += text.count(b"\n", 0, gap.end())
        told = "The text ends before this value does" if rest else "The array has no end"
        problem = Problem("invalid_json", f"{told}: the input may be cut off")
        return Row(line, offset + gap.end(), offset + len(text), rest, (problem,), rest)

    def _no_json(self, what: str, line: int) -> Usage:
        return Usage(
            f"Line {line:,} of {self._source.name} is not JSON: it {what}.",
            hint="Correct it there. In JSON lines (a record a line) a bad one harms no other.",
            code="invalid_json",
        )


class _Passing:
    """Finds the end of a value of which only bits are at hand, one after the other."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_text = False
        self._escaped = False  # the next character is

    def end_in(self, data: bytes) -> int | None:
        """Where in this bit the value ends, if it does."""
        at = 1 if self._escaped else 0
        for token in _PASSED.finditer(data, at):
            what, at = token[0], token.end()
            if what == b'"':
                self._in_text = not self._in_text
            elif self._in_text or what[:1] == b"\\":
                continue
            else:
                self._depth += 1 if what in b"[{" else -1
            if not self._in_text and self._depth <= 0:
                return at
        self._escaped = data[at:].endswith(b"\\")
        return None


def _values(text: bytes) -> Iterator[_Found]:
    """The whole values at the beginning of ``text``, one behind the other."""
    at = 0
    while True:
        match = _NEXT.match(text, at)
        if match is not None:
            at = match.end()
            yield _Found(match.start(1), at)
            continue
        gap = _GAP.match(text, at)
        assert gap is not None
        found = _deep(text, gap.end()) or _scalar(text, gap.end())
        if found is None:
            return
        at = found.end
        yield found


def _deep(text: bytes, start: int) -> _Found | None:
    """A value of any depth that begins there, if all of it is there."""
    if text[start : start + 1] not in (b"[", b"{"):
        return None
    depth = 0
    for token in _TOKEN.finditer(text, start):
        what = token[0]
        if what in (b"[", b"{"):
            depth += 1
        elif what == b'"':
            return None
        elif what in (b"]", b"}"):
            depth -= 1
            if not depth:
                return _Found(start, token.end())
    return None


def _scalar(text: bytes, start: int) -> _Found | None:
    match = _SCALAR.match(text, start)
    return _Found(start, match.end()) if match else None


def _compact(value: bytes) -> bytes:
    """``value`` without the blanks of a pretty layout, if it is JSON."""
    if b"\n" not in value:
        return value
    try:
        return msgspec.json.format(value, indent=-1)
    except (ValueError, RecursionError):
        return value
