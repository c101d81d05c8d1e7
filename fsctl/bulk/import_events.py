"""What an import tells while it runs, and what it came to."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import FsctlError, OutcomeUnknown, Partial


class Begun(NamedTuple):
    """An input is about to be imported. ``resumed``: an earlier run began with it."""

    source: str
    resumed: bool
    size: int | None  # bytes of the input, decoded; None where nobody knows


class Progress(NamedTuple):
    """How far an input has come: rows, but for ``offset`` and ``size`` (bytes) and ``jobs``.

    ``read`` are all rows so far, of which ``bad`` did not pass the check; ``sent`` those that
    Fullstory took into jobs, ``accepted``, ``rejected`` and ``unknown`` what became of them;
    ``jobs`` are the batches on their way. ``checking``: nothing is sent yet.
    """

    source: str
    read: int = 0
    bad: int = 0
    sent: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    jobs: int = 0
    offset: int = 0
    size: int | None = None
    checking: bool = False


class Waiting(NamedTuple):
    """Fullstory or Membrane limits the rate: nothing is sent for so many seconds."""

    seconds: float


class Smaller(NamedTuple):
    """A batch was too large (413): from now on none has more than ``size`` bytes."""

    size: int


class JobDone(NamedTuple):
    """A job has ended. ``status`` is Fullstory's word, which is FAILED also for one bad row."""

    source: str
    job: str
    status: str
    imports: int
    errors: int
    line: int  # of its first row


class Note(NamedTuple):
    """Something worth a line with ``-v``."""

    text: str


class Common(NamedTuple):
    """A kind of problem: how often it came, in the words of the first one, and its first lines."""

    code: str
    times: int
    message: str
    lines: tuple[int, ...]


class Checked(NamedTuple):
    """What a check found in an input, the commonest problem first.

    ``duplicates`` uids come more than once; ``repeated`` are lines of some of them.
    """

    source: str
    rows: int
    bad: int
    problems: tuple[Common, ...]
    duplicates: int
    repeated: tuple[tuple[int, ...], ...]


class Summary(NamedTuple):
    """What became of an input, all runs together; in rows, but for ``jobs``.

    ``rejected`` are those that Fullstory refused, beside the ``bad`` ones that were not sent;
    ``untold`` those of them of which Fullstory did not say which they were. Paths are of files
    that were written.
    """

    source: str
    read: int
    bad: int
    sent: int
    accepted: int
    rejected: int
    unknown: int
    untold: int
    jobs: int
    seconds: float
    rejects: Path | None = None
    unknown_rows: Path | None = None
    imports: Path | None = None


Event = Begun | Progress | Checked | Waiting | Smaller | JobDone | Note | Summary


def ending(summary: Summary) -> FsctlError | None:
    """How the import of an input ends: None if every row was imported."""
    if summary.unknown:
        return OutcomeUnknown(
            f"Whether {_rows(summary.unknown)} of {summary.source} took effect is unknown; "
            f"{str(summary.unknown_rows)!a} holds them."
            + (f" {_failed(summary)}" if summary.bad + summary.rejected else ""),
            hint="Look in Fullstory whether they are there before importing that file.",
        )
    if summary.bad + summary.rejected:
        return Partial(
            _failed(summary),
            hint="Correct them there, and import that file: its _error columns are ignored."
            if summary.rejects
            else "Look at the job with `fsctl users job` or `fsctl events job`.",
        )
    return None


def _failed(summary: Summary) -> str:
    failed = summary.bad + summary.rejected
    told = f"{_rows(failed)} of {summary.read:,} in {summary.source} failed"
    if summary.rejects is not None:
        told += f"; {str(summary.rejects)!a} holds them with the reasons"
    if summary.untold:
        told += f"; of {_rows(summary.untold)} Fullstory does not tell which they are"
    return f"{told}."


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
