"""How the import of an input ends: its outputs, and its summary, both from the journal."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ..errors import FsctlError, Usage
from .batches import Position
from .import_events import Summary
from .import_input import Input
from .import_journal import Journal
from .import_record import rest
from .import_rejects import Form, JsonForm, publish

_Stamp = tuple[int, int, int]


class Outputs:
    """The files that an import leaves: rejects, rows of unknown fate, the ids of what is new."""

    def __init__(self, one: Input, *, force: bool) -> None:
        form = one.reader.form
        outputs: tuple[tuple[str, Path | None, Form], ...] = (
            ("rejects", one.rejects, form),
            ("unknown", one.unknown, form),
            ("imports", one.imports, JsonForm()),
        )
        self._each = [(sort, path, shape) for sort, path, shape in outputs if path is not None]
        self._force = force
        self._own: dict[Path, _Stamp | None] = {}

    def recognize(self, journal: Journal) -> None:
        """See which files an earlier run wrote, before this one adds to what is in them."""
        for sort, path, shape in self._each:
            if (stamp := _stamp(path)) is not None:
                with suppress(FsctlError):
                    if publish(journal.parts(sort), path, shape, force=False):
                        self._own[path] = stamp

    def write(self, journal: Journal) -> dict[str, Path]:
        """Write those that there are rows for. Raises as ``publish`` does."""
        return {
            sort: path
            for sort, path, shape in self._each
            if publish(journal.parts(sort), path, shape, force=self._force or self._is_own(path))
        }

    def _is_own(self, path: Path) -> bool:
        return path in self._own and self._own[path] == _stamp(path)


def summary(
    one: Input,
    journal: Journal,
    written: dict[str, Path],
    *,
    seconds: float,
    earlier: int,
    torn: Usage | None = None,
    finished: bool = True,
    first: Position | None = None,
) -> Summary:
    """What became of the input. ``earlier`` rows were done by earlier runs; ``torn`` is why it was
    not read to its end, ``first`` where its first row is."""
    live = journal.stretches()
    done = [kept for kept in live if kept.state == "done"]
    return Summary(
        one.reader.name,
        sum(kept.rows + kept.bad for kept in live),
        sum(kept.bad for kept in live),
        sum(kept.rows for kept in live if kept.job is not None),
        sum(kept.imports for kept in done),
        sum(kept.errors for kept in done),
        sum(kept.rows for kept in live if kept.state == "unknown"),
        sum(kept.untold for kept in live),
        sum(kept.job is not None for kept in live),
        seconds,
        written.get("rejects"),
        written.get("unknown"),
        written.get("imports"),
        kind=one.reader.kind,
        finished=finished,
        unanswered=sum(kept.unanswered for kept in live),
        nameless=sum(kept.nameless for kept in live),
        untold_jobs=tuple(
            kept.job for kept in live if kept.job is not None and (kept.untold or kept.nameless)
        ),
        earlier=earlier,
        torn=None if torn is None else torn.message,
        rest=() if torn is None else rest(live, first),
    )


def _stamp(path: Path) -> _Stamp | None:
    """What tells whether a file was written to."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
