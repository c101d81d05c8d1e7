"""``fsctl users delete --from-file``: erase everyone on a list, and be able to stop half way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import FsctlError, Partial, Unavailable, Usage
from ..terminal.columns import Column
from ..terminal.facts import counted
from .app import App
from .from_file import learn
from .results import Rows
from .resuming import same_command
from .users_delete_preview import Preview, as_row, plan_of

if TYPE_CHECKING:
    from ..bulk.erase import Outcome, Plan, Terms
    from ..bulk.journal import Input, Journal
    from ..bulk.values import Value
    from ..fullstory import erasure

COLUMNS = (
    Column("line", kind="number", importance=7),
    Column("who", importance=8),
    Column("id", kind="id", importance=6),
    Column("state", importance=9, never_cut=True),
    Column("reason", importance=5, never_cut=True),
)
_WIDEST_WHO = 24  # cells of a column that is settled before its cells are known


class Listed(NamedTuple):
    """What was asked for."""

    source: str  # a file's name, or - for stdin
    column: str | None
    terms: Terms
    rejects: str | None
    force: bool
    receipt: Callable[[], AbstractContextManager[erasure.Record]]
    patience: float | None  # seconds to wait until all are gone; None: not at all


def delete_listed(app: App, listed: Listed) -> Rows:
    """Erase everyone on the list: a preview, a confirmation, and a row for each outcome."""
    from ..bulk.values import STDIN, people_of, values_in

    rejects = None if app.dry_run else _rejects_path(listed)
    if not app.dry_run:
        _check_confirmation(app, from_stdin=listed.source == STDIN)
    app.check_output()
    data, stream = _read(app, listed.source)
    found = values_in(stream, listed.source, column=listed.column)
    values = people_of(found, listed.source, listed.terms.reading)
    learn(app, values)
    begun = _input(app, listed, data)
    if rejects is None:
        preview = Preview(app, listed.terms, values, begun)
        return Rows(preview.rows, COLUMNS, ending=preview.ending)
    run = _Run(app, listed, rejects, values, begun)
    return Rows(run.rows, _columns(values), ending=run.ending, writes=True)


def _columns(values: list[Value]) -> Sequence[Column]:
    """Wide enough from the first outcome on, which is shown as soon as it is there."""
    widths = {"who": min(max(len(value.text) for value in values), _WIDEST_WHO)}
    widths |= {"id": len("18446744073709551615"), "state": len("being_deleted")}
    return [
        column._replace(header=column.title.ljust(widths.get(column.key, 0))) for column in COLUMNS
    ]


class _Run:
    """One run over the list. Its rows do the work as they are asked for."""

    def __init__(
        self, app: App, listed: Listed, rejects: Path, values: list[Value], source: Input
    ) -> None:
        self._app = app
        self._listed = listed
        self._rejects = rejects
        self._values = values
        self._source = source
        self._rejected: list[Outcome] = []
        self._still_there: list[Outcome] = []
        self.rows = self._work()

    def _work(self) -> Iterator[list[dict[str, Any]]]:
        from ..bulk import erase, journal
        from ..fullstory import erasure, people

        app, terms = self._app, self._listed.terms
        with journal.opened(app.directory("state"), self._source) as kept:
            plan = plan_of(app, terms, self._values, kept.earlier)
            _confirm(app, plan)
            app.resume = _resume(app, self._listed)
            try:
                with self._listed.receipt() as record:
                    for outcome in self._outcomes(plan, kept, record):
                        if erase.has_failed(outcome, terms):
                            self._rejected.append(outcome)
                        elif isinstance(outcome.error, erasure.StillThere):
                            self._still_there.append(outcome)
                        elif outcome.state == erase.MISSING:
                            readings = people.readings_of(outcome.who, terms.reading)
                            record(erasure.nobody_found(outcome.who, readings))
                        yield [as_row(outcome)]
            except FsctlError:
                app.messages.announce(f"not all was done; this goes on with it: {app.resume}")
                raise
            if not self._rejected and not self._still_there:
                kept.remove()
                app.resume = None

    def _outcomes(self, plan: Plan, kept: Journal, record: erasure.Record) -> Iterator[Outcome]:
        from ..bulk import erase

        outcomes = erase.erase(self._app.caller, plan, kept, record)
        patience = self._listed.patience
        if patience is None:
            return outcomes
        self._app.messages.note("outcomes come when Fullstory does not know the people any more.")
        return erase.awaited(self._app.caller, plan, outcomes, patience, record)

    def ending(self) -> FsctlError | None:
        """Finish, whoever still reads the rows, and write down what was not done."""
        from ..bulk.doubts import AMBIGUOUS
        from ..bulk.rejects import write

        for _ in self.rows:
            pass
        if not self._rejected:
            return self._unfinished()
        column = self._listed.column
        write(self._rejects, self._rejected, column=column, force=self._listed.force)
        lines = len({outcome.line for outcome in self._rejected})
        again = _resume(self._app, self._listed, force=True)
        hint = f"Only what has not been done is tried by: {again}"
        if any(outcome.state == AMBIGUOUS for outcome in self._rejected):
            hint += "\nWho is ambiguous stays so: in the rejects, name them by Fullstory id."
        return Partial(
            f"{lines:,} of {counted(len(self._values), 'line')} failed; "
            f"{str(self._rejects)!a} holds them with the reasons.",
            hint=hint,
        )

    def _unfinished(self) -> FsctlError | None:
        """The failure of a wait that was too short, in the words of one of them if there is one."""
        if not self._still_there:
            return None
        told = self._still_there[0].error
        assert told is not None
        count = len(self._still_there)
        return Unavailable(
            told.message
            if count == 1
            else f"{count:,} people are not known to be gone. The first: {told.message}",
            hint=told.hint or f"{self._app.resume} looks again, and asks for nothing twice.",
            code=told.code,
        )


def _resume(app: App, listed: Listed, *, force: bool = False) -> str:
    """The command that goes on; with ``force`` it replaces the rejects of this run."""
    from ..bulk.values import STDIN

    piped = "  # with the same list piped in" if listed.source == STDIN else ""
    return f"{same_command(app, added=('--force',) if force else ())}{piped}"


# -- what to read and to write


def _read(app: App, source: str) -> tuple[bytes, Any]:
    """All of the list, so that what is hashed is what is read."""
    import io

    from ..bulk.values import opened, shown
    from .input import MOST_BYTES

    with opened(app.world, source) as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Usage(f"{shown(source)} holds more than 64 MiB.", hint="Split it.")
    return data, io.BytesIO(data)


def _input(app: App, listed: Listed, data: bytes) -> Input:
    """What the journal belongs to."""
    import hashlib

    from ..bulk.journal import Input
    from ..bulk.values import STDIN

    path, modified = STDIN, None
    if listed.source != STDIN:
        file = Path(listed.source).expanduser()
        path, modified = str(file.resolve()), file.stat().st_mtime_ns
    connection = app.caller.ask_connection(lambda connection, _: connection, "connection")
    terms = listed.terms
    return Input(
        path,
        len(data),
        modified,
        hashlib.sha256(data).hexdigest(),
        f"{app.gateway.account} {connection}",
        (listed.column or "", terms.reading or "", "all" if terms.all else ""),
    )


def _rejects_path(listed: Listed) -> Path:
    """Where the rejects will go. Raises :class:`Usage` where something is there already."""
    from ..bulk.rejects import default_path
    from ..bulk.values import STDIN
    from ..settings.files import check_target
    from ..settings.paths import given_path

    if listed.rejects is not None:
        path = given_path(listed.rejects)
    elif listed.source != STDIN:
        path = default_path(Path(listed.source).expanduser())
    else:
        raise Usage(
            "A list from stdin has no place for its rejects.", hint="Name one with --rejects FILE."
        )
    check_target(path, force=listed.force)
    return path


# -- asking


def _check_confirmation(app: App, *, from_stdin: bool) -> None:
    """Refuse, before anybody is looked up, what could not be confirmed."""
    from ..terminal.confirm import can_ask

    if app.flags.get("yes"):
        return
    if from_stdin or app.flags.get("no_input") or not can_ask(app.world):
        raise Usage(
            "A deletion has to be confirmed, and there is no terminal to ask on.",
            hint="Look with --dry-run, then run it in a terminal with a file, or add --yes.",
            code="unconfirmed",
        )


def _confirm(app: App, plan: Plan) -> None:
    """Have the number typed, of one person the id: a mere 1 is typed without reading."""
    from ..terminal import confirm

    ids = plan.ids
    if app.flags.get("yes") or not ids:
        return
    word = ids[0] if len(ids) == 1 else str(len(ids))
    whom = "this person" if len(ids) == 1 else f"these {len(ids):,} people"
    question = f"Type {word} to delete {whom} with all sessions and events, for good:"
    confirm.typed(app.world, app.messages, question, [word])
