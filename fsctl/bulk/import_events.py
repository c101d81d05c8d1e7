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


class Withheld(NamedTuple):
    """Fullstory does not give the "errors" or the "imports" of a job, though it tells of it."""

    source: str
    job: str
    which: str
    reason: str


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
    ``untold`` those of them of which it is not known which they were, ``nameless`` imported ones
    whose ids were asked for and did not come, both of ``untold_jobs``. Paths are of files that
    were written. ``earlier`` rows were done by earlier runs.

    Not ``finished``: an error follows, and the same command goes on; ``unanswered`` rows were sent,
    and no job was told. ``torn`` says why the input could not be read to its end: ``rest`` are the
    lines that nothing was done with, from one to before another (None: to the end).
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
    kind: str = "users"
    finished: bool = True
    unanswered: int = 0
    nameless: int = 0
    untold_jobs: tuple[str, ...] = ()
    earlier: int = 0
    torn: str | None = None
    rest: tuple[tuple[int, int | None], ...] = ()


Event = Begun | Progress | Checked | Waiting | Smaller | JobDone | Withheld | Note | Summary


def ending(summary: Summary) -> FsctlError | None:
    """How the import of an input ends: None if every row was imported."""
    if summary.unknown:
        held = f"; {str(summary.unknown_rows)!a} holds them" if summary.unknown_rows else ""
        told = [
            _torn(summary),
            f"Whether {_rows(summary.unknown)} of {summary.source} took effect is unknown{held}.",
            _failed(summary),
        ]
        return OutcomeUnknown(
            " ".join(filter(None, told)),
            hint=_go_on_behind(summary)
            or "Look in Fullstory whether they are there before importing that file.",
        )
    if summary.torn is not None:
        return Partial(
            " ".join(filter(None, [_torn(summary), _failed(summary)])),
            hint=_go_on_behind(summary),
        )
    if summary.bad + summary.rejected:
        hints = [
            "Correct them there, and import that file: its _error columns are ignored."
            if summary.rejects
            else "",
            _ask_jobs(summary, "--rejects") if summary.untold else "",
        ]
        return Partial(_failed(summary), hint=" ".join(filter(None, hints)))
    if summary.nameless:
        return Partial(
            f"All rows of {summary.source} are imported, but Fullstory does not give the ids of "
            f"{_rows(summary.nameless)}.",
            hint=_ask_jobs(summary, "--imports"),
        )
    return None


def _failed(summary: Summary) -> str:
    failed = summary.bad + summary.rejected
    if not failed:
        return ""
    told = f"{_rows(failed)} of {summary.read:,} in {summary.source} failed"
    if summary.rejects is not None:
        told += f"; {str(summary.rejects)!a} holds them with the reasons"
    if summary.untold:
        told += f"; of {_rows(summary.untold)} Fullstory does not tell which they are"
    return f"{told}."


def _torn(summary: Summary) -> str:
    if summary.torn is None:
        return ""
    return f"{summary.torn} The import ended there, after {_rows(summary.read)}."


def _go_on_behind(summary: Summary) -> str | None:
    """What to do about a torn input: never send again what is at Fullstory."""
    if summary.torn is None:
        return None
    ranges = [
        f"from line {start:,} on" if end is None else f"lines {start:,} to {end - 1:,}"
        for start, end in summary.rest
    ]
    twice = " a second time" if summary.kind == "events" else " again"
    return (
        f"Mend it, and import only the rest, {' and '.join(ranges)}, as a file of its own (under "
        f"the same header, where it has one): all before is done, and would be imported{twice}."
    )


def _ask_jobs(summary: Summary, option: str) -> str:
    """How the jobs are asked by somebody who may see more (contracts/fullstory-api §2)."""
    first, more = summary.untold_jobs[:1], len(summary.untold_jobs) - 1
    job = first[0] if first else "ID"
    others = f" (and {more:,} more, see untold_jobs)" if more > 0 else ""
    return (
        f"With an Admin or Architect key `fsctl {summary.kind} job {job} {option} FILE` writes "
        f"what Fullstory tells of them{others}."
    )


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
