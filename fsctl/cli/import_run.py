"""One run of `users import` or `events import`: open, check or send, and tell what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FsctlError, Usage
from ..terminal.columns import Column
from .app import App
from .import_options import Asked
from .results import Result, Rows
from .resuming import same_command

if TYPE_CHECKING:
    from ..bulk.import_events import Summary
    from ..bulk.import_input import Input
    from ..bulk.source import Source
    from ..fullstory.batch_jobs import Kind

COLUMNS = (
    Column("source", importance=9),
    Column("read", kind="number"),
    Column("bad", kind="number"),
    Column("sent", kind="number"),
    Column("accepted", kind="number"),
    Column("rejected", kind="number"),
    Column("unknown", kind="number"),
    Column("rejects"),
)


def run(app: App, kind: Kind, asked: Asked) -> Result:
    """Do what was asked for. Raises :class:`Usage` before anything is sent."""
    app.check_output()
    work = _Run(app, kind, asked)
    return Rows(work.rows, COLUMNS, ending=work.ending, writes=True)


class _Run:
    """An import of some inputs. Its rows do the work as they are asked for."""

    def __init__(self, app: App, kind: Kind, asked: Asked) -> None:
        self._app = app
        self._kind = kind
        self._asked = asked
        self._failures: list[FsctlError] = []
        self.rows = self._work()

    def _work(self) -> Iterator[list[dict[str, Any]]]:
        from ..bulk import importing
        from ..bulk.import_events import Begun, Summary, ending

        app, asked = self._app, self._asked
        with ExitStack() as stack:
            sources, inputs = [], []
            for name in asked.sources:
                source, one = _opened(app, self._kind, asked, name)
                stack.callback(source.close)
                sources.append(source)
                inputs.append(one)
            options = importing.Options(
                concurrency=asked.concurrency or importing.CONCURRENCY,
                strict=asked.strict,
                restart=asked.restart,
                force=asked.force,
            )
            events = importing.run(app.caller, app.directory("state"), self._kind, inputs, options)
            finished = 0
            with closing(events):  # type: ignore[type-var]
                for event in events:
                    if isinstance(event, Begun):
                        app.resume = same_command(app)
                    elif isinstance(event, Summary):
                        sources[finished].done()
                        finished += 1
                        failure = ending(event)
                        if failure is not None:
                            self._failures.append(failure)
                        yield [_row(event)]
            app.resume = None

    def ending(self) -> FsctlError | None:
        """Finish, whoever still reads the rows; the worst of the failures."""
        for _ in self.rows:
            pass
        return max(self._failures, key=lambda failure: failure.exit_code, default=None)


def _opened(app: App, kind: Kind, asked: Asked, name: str) -> tuple[Source, Input]:
    from ..bulk.import_input import input_of
    from ..bulk.import_rejects import default_path
    from ..bulk.mapping import Choices
    from ..bulk.rows import open_rows
    from ..bulk.source import open_source
    from .app import _new_id

    choices = Choices.parse(
        asked.mapped, asked.ignored, asked.typed, empty_as_null=asked.empty_as_null
    )
    source = open_source(app.world, name, spool=Path(asked.spool) if asked.spool else None)
    for note in source.notes:
        app.messages.note(note)
    if asked.rejects is not None:
        rejects = Path(asked.rejects).expanduser()
    elif name != "-" and source.origin.path is not None:
        rejects = default_path(Path(name).expanduser(), "rejects")
    else:
        raise Usage(
            "Rows from stdin have no place for their rejects.",
            hint="Name one with --rejects FILE.",
        )
    one = input_of(
        open_rows(source, kind, choices),
        source.origin,
        rejects=rejects,
        unknown=default_path(rejects if name == "-" else Path(name).expanduser(), "unknown"),
        imports=Path(asked.imports).expanduser() if asked.imports else None,
        choices=choices.as_facts(),
        size=source.size,
        new_id=_new_id,
    )
    return source, one


def _row(summary: Summary) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in summary._asdict().items()
    }
