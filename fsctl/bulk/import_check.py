"""Check inputs without sending anything: how many rows are bad, why, and which uids come again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from ..errors import Usage
from .duplicates import Duplicates
from .import_events import Checked, Common, Progress
from .keeping import Reader

_SAMPLES = 3  # lines told of each kind of problem
_KINDS = 200  # kinds of problems that are told apart
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
                rows += 1
                if row.problems:
                    bad += 1
                    for problem in row.problems:
                        tally.add(problem.code, problem.message, row.line)
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
    """Counts problems by code, and keeps the first lines of each."""

    class _Kind(NamedTuple):
        message: str
        lines: list[int]

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._kinds: dict[str, _Tally._Kind] = {}

    def add(self, code: str, message: str, line: int) -> None:
        if code not in self._kinds:
            if len(self._kinds) >= _KINDS:
                code = "other"
            self._kinds.setdefault(code, _Tally._Kind(message, []))
        self._counts[code] = self._counts.get(code, 0) + 1
        lines = self._kinds[code].lines
        if len(lines) < _SAMPLES and line not in lines:
            lines.append(line)

    def commonest(self) -> tuple[Common, ...]:
        found = (
            Common(code, self._counts[code], kind.message, tuple(kind.lines))
            for code, kind in self._kinds.items()
        )
        return tuple(sorted(found, key=lambda one: (-one.times, one.code)))
