"""One run of `users import` or `events import`: open, check or send, and tell what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing as closed
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..errors import FsctlError, Unavailable, Usage
from ..settings import env
from ..terminal.facts import counted
from .app import MOST_RETRIES, App
from .import_options import Asked
from .import_run_inputs import Opened, inputs_of, opened, warn_of_doubts
from .import_run_shown import COLUMNS, Teller, as_row, closing, without_nothing
from .results import One, Result, Rows
from .resuming import same_command

if TYPE_CHECKING:
    from ..bulk.import_events import Event
    from ..bulk.importing import Options
    from ..fullstory.batch_jobs import Kind


def run(app: App, kind: Kind, asked: Asked) -> Result:
    """Do what was asked for. Raises :class:`Usage` before anything is sent."""
    app.check_output()
    if asked.check or app.dry_run:
        from .import_run_check import check

        return check(app, kind, asked)
    _check_via(app)
    work = _Run(app, kind, asked)
    if len(asked.sources) > 1:
        return Rows(work.rows, COLUMNS, ending=work.ending, writes=True)
    (row,) = work.rows
    return One(without_nothing(row) if app.renders_table else row, COLUMNS, ending=work.ending)


class _Run:
    """An import of some inputs. Its rows do the work as they are asked for."""

    def __init__(self, app: App, kind: Kind, asked: Asked) -> None:
        self._app = app
        self._kind = kind
        self._asked = asked
        self._failures: list[FsctlError] = []
        self._stopped: FsctlError | None = None  # what ended it before it was done
        self.rows = self._work()

    def _work(self) -> Iterator[dict[str, Any]]:
        from ..bulk import importing

        app, asked = self._app, self._asked
        options = _options(app, asked)
        with opened(app, self._kind, asked) as found:
            inputs = inputs_of(app, asked, found)
            warn_of_doubts(app, found)
            state = app.directory("state")
            events = importing.run(app.caller, state, self._kind, inputs, options)
            with closed(events):  # type: ignore[type-var]
                yield from self._told(events, found)

    def _told(self, events: Iterator[Event], found: Sequence[Opened]) -> Iterator[dict[str, Any]]:
        from ..bulk.import_events import Begun, Summary, ending

        app = self._app
        teller = Teller(app)
        named = {one.rows.name: one for one in found}
        current = found[0]
        done = 0
        torn = False
        unfinished: dict[str, Any] | None = None
        try:
            for event in events:
                current = named.get(getattr(event, "source", ""), current)
                teller.tell(current.called, event)
                if isinstance(event, Begun):
                    app.resume = same_command(app) if current.is_lasting else None
                elif isinstance(event, Summary) and not event.finished:
                    unfinished = as_row(current.name, event)
                elif isinstance(event, Summary):
                    done += 1
                    torn = torn or event.torn is not None
                    if done == len(found):  # nothing is remembered any more
                        app.resume = None
                    self._tell_appended(current)
                    if (failure := ending(event)) is not None:
                        self._failures.append(failure)
                    if not app.renders_table:
                        app.messages.note(closing(current.called, event))
                    yield as_row(current.name, event)
        except BaseException as error:
            teller.close()
            self._tell_cut_off(error, current, teller)
            if unfinished is None or not isinstance(error, FsctlError):
                raise
            self._stopped = error
            yield unfinished
            return
        finally:
            teller.close()
        if not torn:
            for one in found:
                one.source.done()

    def _tell_appended(self, one: Opened) -> None:
        """Lines that were written to an input meanwhile are left to another import."""
        origin = one.source.origin
        if origin.path is None or not origin.size:
            return
        with suppress(OSError):
            more = origin.path.stat().st_size - origin.size
            if more > 0:
                self._app.messages.warn(
                    f"{counted(more, 'byte')} appended to {one.called} meanwhile: not imported."
                )

    def ending(self) -> FsctlError | None:
        """Finish, whoever still reads the rows; the worst of the failures."""
        for _ in self.rows:
            pass
        return self._stopped or self._worst(self._failures)

    def _worst(self, failures: Sequence[FsctlError]) -> FsctlError | None:
        """The one with the highest code, after the others were told."""
        if not failures:
            return None
        worst = max(failures, key=lambda failure: failure.exit_code)
        for failure in failures:
            if failure is not worst:
                self._app.messages.warn(failure.message)
        return worst

    def _tell_cut_off(self, error: BaseException, one: Opened, teller: Teller) -> None:
        """Say what is not clear from the error alone."""
        messages = self._app.messages
        for failure in self._failures:
            messages.warn(failure.message)
        last = teller.last
        if not one.is_lasting and last is not None and not last.checking:
            left = last.read - last.bad - last.accepted - last.rejected - last.unknown
            messages.announce(
                f"{one.called} cannot be read again: {last.accepted:,} of its rows are imported, "
                f"and up to {left:,} more may be."
            )
            if isinstance(error, FsctlError):
                error.hint = "Another time, keep it with --spool FILE; then it can be gone on with."
        elif isinstance(error, Unavailable) or not isinstance(error, FsctlError):
            return  # these tell it
        elif self._app.resume is not None and self._app.wrote:
            messages.announce(f"not all was done; this goes on with it: {self._app.resume}")


def _options(app: App, asked: Asked) -> Options:
    from ..bulk import following, importing
    from ..bulk.sending import RETRIES, Patience
    from ..fullstory.times import parse_duration

    retries = app.settings.count("retries", env.RETRIES, RETRIES, MOST_RETRIES).value
    patience = Patience(retries)
    wait_for = following.PATIENCE
    if asked.wait_for is not None:
        wait_for = parse_duration(asked.wait_for, what="--wait-for")
    return importing.Options(
        concurrency=asked.concurrency or importing.CONCURRENCY,
        strict=asked.strict,
        restart=asked.restart,
        force=asked.force,
        patience=patience,
        job_patience=wait_for,
    )


def _check_via(app: App) -> None:
    from ..settings.choices import VIAS

    if app.settings.choice("via", env.VIA, VIAS, "auto").value == "action":
        raise Usage(
            "Membrane has no action for batch imports.",
            hint="Leave out --via action: they go through its proxy.",
        )
