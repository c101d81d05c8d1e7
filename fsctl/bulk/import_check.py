"""Check inputs without sending anything: how many rows are bad, why, and which uids come again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from ..errors import Usage
from .batches import Problem, Row
from .duplicates import Duplicates
from .import_events import Checked, Common, Progress
from .keeping import Reader

_SAMPLES = 3  # lines told of each kind of problem
_KINDS = 40  # kinds of problems that are told apart
_NUMBER = re.compile(r"[0-9][0-9,.]*+")  # of bytes, columns, lines: they make no kind
_REPEATED = 5  # uids of which the lines are told
_LINES = 5  # of them


def checked(reader: Reader, size: int | None) -> Iterator[Progress | Checked]:
    """Read all rows; the last event tells what they are. Raises what the reader does."""
    import msgspec

    class Named(msgspec.Struct):
        uid: str | int | float | None = None

    decoder = msgspec.json.Decoder(Named)
    tally = _Tally()
    progress = Progress(reader.name, size=size, checking=True)
    rows = bad = 0
    with closing(Duplicates()) as uids:
        for block in reader.blocks(None):
            for row in block:
                rows += row.lines
                if row.problems:
                    bad += row.lines
                    for problem in row.problems:
                        tally.add(problem, row)
                elif reader.kind == "users":
                    uid = decoder.decode(row.body).uid
                    if uid is not None:
                        uids.add(str(uid), row.line)
            if block:
                offset = block[-1].start
                progress = progress._replace(read=rows, bad=bad, offset=offset)
                yield progress
        repeated = 0
        samples: list[tuple[int, ...]] = []
        for found in uids:
            repeated += 1
            if len(samples) < _REPEATED:
                samples.append(found.lines[:_LINES])
    yield Checked(reader.name, rows, bad, tally.commonest(), repeated, tuple(sorted(samples)))


def refuse_bad(found: Sequence[Checked]) -> None:
    """Raise :class:`Usage` if any row of the inputs is bad: ``--strict`` sends nothing then."""
    bad = sum(one.bad for one in found)
    if not bad:
        return
    rows = sum(one.rows for one in found)
    worst = max((common for one in found for common in one.problems), key=lambda one: one.times)
    lines = ", ".join(f"{line:,}" for line in worst.lines)
    raise Usage(
        f"{bad:,} of {rows:,} rows are bad, and nothing was sent. The commonest problem: "
        f"{worst.message} (line{'s' if len(worst.lines) > 1 else ''} {lines}).",
        hint="See all with --check, or leave out --strict: good rows are sent then, and bad ones "
        "go to the rejects.",
        code="bad_rows",
    )


class _Tally:
    """Counts problems by code and words, and keeps the first lines of each."""

    class _Kind(NamedTuple):
        code: str
        message: str
        lines: list[int]

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._kinds: dict[tuple[str, str], _Tally._Kind] = {}

    def add(self, problem: Problem, row: Row) -> None:
        kind = problem.code, _NUMBER.sub("#", problem.message)
        message = problem.message
        if kind not in self._kinds and len(self._kinds) >= _KINDS:
            # Keys come from the input: there may be one in each row.
            kind = problem.code if len(self._kinds) < 2 * _KINDS else "other", ""
            message = f"Others, the first of which: {message}"
        if kind not in self._kinds:
            self._kinds[kind] = _Tally._Kind(kind[0], message, [])
        self._counts[kind] += row.lines
        lines = self._kinds[kind].lines
        if len(lines) < _SAMPLES and row.line not in lines:
            lines.append(row.line)

    def commonest(self) -> tuple[Common, ...]:
        found = (
            Common(kind.code, self._counts[key], kind.message, tuple(kind.lines))
            for key, kind in self._kinds.items()
        )
        return tuple(sorted(found, key=lambda one: (-one.times, one.code)))
