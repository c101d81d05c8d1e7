"""What an import says while it runs, and what it came to: in words, and as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..terminal.columns import Column
from ..terminal.facts import counted, duration
from ..terminal.progress import Display, Pace, Shown
from .app import App

if TYPE_CHECKING:
    from pathlib import Path

    from ..bulk.import_events import Event, JobDone, Progress, Summary, Withheld

_MOST_JOBS_TOLD = 10  # of those whose status says less than what became of their rows
_BAD = ("bad", "rejected", "unknown")

COLUMNS = (
    Column("source", importance=9),
    Column("outcome", importance=9, never_cut=True),
    Column("read", kind="number", importance=8),
    Column("bad", kind="number", importance=5),
    Column("sent", kind="number", importance=4),
    Column("accepted", kind="number", importance=8),
    Column("rejected", kind="number", importance=7),
    Column("unknown", kind="number", importance=6),
    Column("unanswered", kind="number", importance=5),
    Column("unread", kind="json", importance=6),
    Column("untold", kind="number", importance=1),
    Column("untold_jobs", kind="json", importance=1),
    Column("without_ids", kind="number", importance=1),
    Column("jobs", kind="number", importance=2),
    Column("seconds", kind="number", importance=2),
    Column("rejects", importance=6),
    Column("unknown_rows", importance=6),
    Column("imports", importance=3),
)


class Teller:
    """Tells what happens to one input after the other."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._display = Display(app.world, app.messages)
        self._pace = Pace(app.world.monotonic)
        self._held_until = float("-inf")
        self._trouble = ""  # why a request is made again, until one gets through
        self._jobs_told = 0
        self._withheld: set[str] = set()
        self.last: Progress | None = None

    def tell(self, name: str, event: Event) -> None:
        """Something happened to the input of that name."""
        from ..bulk import import_events

        messages = self._app.messages
        match event:
            case import_events.Begun():
                self._pace = Pace(self._app.world.monotonic)
                self.last = None
                if event.resumed:
                    messages.note(f"{name}: an earlier run began with it; this one goes on.")
            case import_events.Progress():
                if event.checking and (self.last is None or not self.last.checking):
                    self._pace = Pace(self._app.world.monotonic)
                if self.last is not None and _moved(self.last, event):
                    self._trouble = ""
                self.last = event
                self._display.show(self._shown(name, event))
            case import_events.Waiting():
                self._held_until = self._app.world.monotonic() + event.seconds
                if self.last is not None:
                    self._display.show(self._shown(name, self.last))
            case import_events.Smaller():
                messages.verbose(
                    f"A batch was too large: from now on none has more than {event.size:,} bytes."
                )
            case import_events.JobDone():
                self._tell_job(event)
            case import_events.Withheld():
                self._tell_withheld(event)
            case import_events.Note():
                messages.verbose(event.text)
                self._trouble = event.text
            case import_events.Summary() | import_events.Checked():
                self._display.over()

    def close(self) -> None:
        self._display.close()

    def _shown(self, name: str, now: Progress) -> Shown:
        # What is bad is settled at once, and would make the rest look slow.
        done = now.read if now.checking else now.accepted + now.rejected + now.unknown
        rows = now.read if now.checking else now.read - now.bad
        total = rows * now.size / now.offset if now.size and now.offset else None
        rate, left = self._pace.look(done, total)
        more = [_rate(rate)] if rate is not None else []
        if not now.checking:
            more.append(f"{counted(now.jobs, 'job')} in flight")
        counts = [("checked" if now.checking else "read", now.read), ("bad", now.bad)]
        if not now.checking:
            counts += [
                ("sent", now.sent),
                ("accepted", now.accepted),
                ("rejected", now.rejected),
                ("unknown", now.unknown),
            ]
        waits = self._held_until - self._app.world.monotonic()
        held = f"waiting {math.ceil(waits):,} s for the rate limit" if waits > 0 else self._trouble
        part = min(1.0, done / total) if total else None
        begun = now.sent / total if total else 0.0
        return Shown(name, counts, part, begun, left, more, held, _BAD)

    def _tell_withheld(self, event: Withheld) -> None:
        """Once of each sort aloud: it is the key's fault, and so of all jobs."""
        what = "which rows failed" if event.which == "errors" else "the ids of what was imported"
        say = (
            self._app.messages.verbose if event.which in self._withheld else self._app.messages.warn
        )
        self._withheld.add(event.which)
        say(f"Fullstory does not tell of job {event.job} {what}: {event.reason}")

    def _tell_job(self, job: JobDone) -> None:
        """Of a job: what its status hides is said aloud, all else with ``-v``."""
        messages = self._app.messages
        rows = job.imports + job.errors
        if not job.errors:
            messages.verbose(
                f"Job {job.job} (from line {job.line:,}) is {job.status}: "
                f"{counted(rows, 'row')} imported."
            )
            return
        self._jobs_told += 1
        say = messages.note if self._jobs_told <= _MOST_JOBS_TOLD else messages.verbose
        say(f"{told_of_job(job.job, job.status, job.imports, job.errors)}.")
        if self._jobs_told == _MOST_JOBS_TOLD + 1:
            messages.note("More jobs had rows that failed; -v tells of each.")


def _moved(before: Progress, after: Progress) -> bool:
    """Whether a request got through in between."""
    return (before.sent, before.accepted, before.rejected) != (
        after.sent,
        after.accepted,
        after.rejected,
    )


def told_of_job(job: str, status: str, imports: int, errors: int) -> str:
    """What became of a job that had failures: its status alone does not tell."""
    rows = imports + errors
    if not imports:
        return f"Job {job} is {status}: none of {counted(rows, 'row')} was imported"
    but = "though" if status == "FAILED" else "but only"
    return f"Job {job} is {status}, {but} {imports:,} of {counted(rows, 'row')} were imported"


def closing(name: str, summary: Summary) -> str:
    """The last word on an input."""
    told = [f"{summary.accepted:,} imported"]
    if summary.rejected:
        told.append(f"{summary.rejected:,} rejected by Fullstory")
    if summary.bad:
        told.append(f"{summary.bad:,} bad and not sent")
    if summary.unknown:
        told.append(f"{summary.unknown:,} unknown")
    took = [counted(summary.jobs, "job"), duration(summary.seconds)]
    fresh = summary.read - summary.earlier
    if summary.seconds >= 1 and fresh:
        took.append(_rate(fresh / summary.seconds))
    read = counted(summary.read, "row") + (" read" if summary.torn is None else " read, not all")
    return f"{name}: {read}, {', '.join(told)} ({', '.join(took)})."


def _rate(rate: float) -> str:
    return f"{counted(round(rate), 'row')}/s"


def as_row(name: str, summary: Summary) -> dict[str, Any]:
    """The same as data. Files that were not written are null; ``unread`` are lines with which
    nothing was done, where the input could not be read to its end."""
    failed = summary.bad + summary.rejected + summary.nameless
    outcome = "unknown" if summary.unknown else "imported"
    if not summary.finished:
        outcome = "unfinished"
    elif not summary.unknown and (failed or summary.torn is not None):
        outcome = "partial"
    numbers = ("read", "bad", "sent", "accepted", "rejected", "unknown", "unanswered", "untold")
    return {
        "source": name,
        "outcome": outcome,
        **{number: getattr(summary, number) for number in numbers},
        "without_ids": summary.nameless,
        "jobs": summary.jobs,
        "seconds": round(summary.seconds, 3),
        "rejects": _path(summary.rejects),
        "unknown_rows": _path(summary.unknown_rows),
        "imports": _path(summary.imports),
        "untold_jobs": list(summary.untold_jobs),
        "unread": [
            {"from": start, "to": None if end is None else end - 1} for start, end in summary.rest
        ],
    }


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def without_nothing(row: Mapping[str, Any]) -> dict[str, Any]:
    """For people: what there is none of is left out."""
    kept = ("source", "outcome", "read", "accepted", "seconds")
    return {name: value for name, value in row.items() if value or name in kept}
