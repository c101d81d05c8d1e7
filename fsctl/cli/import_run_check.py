"""``--check`` and ``--dry-run`` of an import: what is in the inputs, and nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import FsctlError, Usage
from ..terminal.columns import Column
from ..terminal.facts import counted
from .app import App
from .import_options import Asked
from .import_run_inputs import Opened, opened, warn_of_doubts
from .import_run_shown import Teller
from .results import Drawn, One, Result, Rows

if TYPE_CHECKING:
    from ..bulk.import_events import Checked
    from ..fullstory.batch_jobs import Kind

_SHOWN = 3  # records of the request that --dry-run shows

COLUMNS = (
    Column("source", importance=9),
    Column("rows", kind="number", importance=8),
    Column("bad", kind="number", importance=9),
    Column("duplicates", kind="number", importance=6),
    Column("problems", kind="json", importance=5),
    Column("repeated", kind="json", importance=3),
)


def check(app: App, kind: Kind, asked: Asked) -> Result:
    """Check all inputs, and tell what they hold; with --dry-run what would be sent, too."""
    work = _Check(app, kind, asked)
    if app.renders_table and not app.dry_run:
        return Drawn(work.report(), ending=work.ending)
    if len(asked.sources) > 1:
        return Rows(work.rows(), COLUMNS, ending=work.ending)
    (row,) = work.rows()
    return One(row, COLUMNS, ending=work.ending)


class _Check:
    def __init__(self, app: App, kind: Kind, asked: Asked) -> None:
        self._app = app
        self._kind = kind
        self._asked = asked
        self._rows = 0
        self._bad = 0

    def rows(self) -> Iterator[dict[str, Any]]:
        for one, found in self._checked():
            row = as_row(one.name, found)
            yield row | (_plan(self._kind, one) if self._app.dry_run else {})

    def report(self) -> Iterator[str]:
        for one, found in self._checked():
            for text in lines(one.called, found):
                yield self._app.messages.safe(text) + "\n"

    def ending(self) -> FsctlError | None:
        if not self._bad:
            return None
        if self._asked.strict:
            hint = "Correct them: with --strict nothing is sent until all are good."
        else:
            hint = (
                "Correct them; imported as they are, bad rows go to the rejects and good ones to "
                "Fullstory."
            )
        return Usage(
            f"{self._bad:,} of {counted(self._rows, 'row')} "
            f"{'is' if self._bad == 1 else 'are'} bad.",
            hint=hint,
            code="bad_rows",
        )

    def _checked(self) -> Iterator[tuple[Opened, Checked]]:
        from ..bulk.import_check import checked
        from ..bulk.import_events import Checked

        teller = Teller(self._app)
        try:
            with opened(self._app, self._kind, self._asked) as inputs:
                warn_of_doubts(self._app, inputs)
                for one in inputs:
                    for event in checked(one.rows, one.source.size):
                        teller.tell(one.called, event)
                        if isinstance(event, Checked):
                            self._rows += event.rows
                            self._bad += event.bad
                            yield one, event
        finally:
            teller.close()


def as_row(name: str, found: Checked) -> dict[str, Any]:
    """What was found, as data; ``repeated`` are lines that have the same uid."""
    return {
        "source": name,
        "rows": found.rows,
        "bad": found.bad,
        "problems": [problem._asdict() for problem in found.problems],
        "duplicates": found.duplicates,
        "repeated": [list(lines) for lines in found.repeated],
    }


def lines(name: str, found: Checked) -> Iterator[str]:
    """What was found, in words; not safe yet."""
    told = [counted(found.rows, "row"), f"{found.bad:,} bad" if found.bad else "all good"]
    if found.duplicates:
        told.append(f"{counted(found.duplicates, 'uid')} more than once")
    yield f"{name}: {', '.join(told if found.rows else told[:1])}"
    for problem in found.problems:
        where = _lines(problem.lines, more=problem.times > len(problem.lines))
        yield f"  {problem.times:,} x {problem.code}, {where}: {problem.message}"
    for same in found.repeated:
        yield f"  the same uid on {_lines(same)}"
    if found.duplicates > len(found.repeated):
        yield f"  and {found.duplicates - len(found.repeated):,} more uids"


def _lines(numbers: Sequence[int], *, more: bool = False) -> str:
    noun = "line" if len(numbers) == 1 and not more else "lines"
    return f"{noun} {', '.join(f'{number:,}' for number in numbers)}{', ...' if more else ''}"


def _plan(kind: Kind, one: Opened) -> dict[str, Any]:
    """What would be sent: how many batches, and how the first one begins."""
    from ..bulk.batches import Bounds, stretches
    from ..fullstory.operations import TABLE
    from ..membrane import payload

    batches = rows = size = 0
    first: list[Any] = []
    for stretch in stretches(one.rows.blocks(), Bounds()):
        if stretch.rows:
            batches += 1
            rows += stretch.rows
            size += len(stretch.body)
            first = first or payload.decode(stretch.body)["requests"][:_SHOWN]
    operation = TABLE[f"create-{kind}-batch"]
    return {
        "dry_run": True,
        "batches": batches,
        "sent_rows": rows,
        "sent_bytes": size,
        "via": "proxy",
        "method": operation.method,
        "path": operation.path,
        "body": {"requests": first},
        "body_left_out": rows - len(first),
    }
