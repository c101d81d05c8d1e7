"""``fsctl segments export``: ask for an export, wait for it, bring its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from ..errors import ExitCode, FsctlError, NeedsPerson, Refused, Unavailable, Usage
from ..terminal.columns import Column
from .app import App
from .export_place import Place
from .moments import span
from .options import Command, pass_app
from .results import One
from .resuming import command
from .segments_progress import Progress

if TYPE_CHECKING:
    from datetime import datetime

    from ..fullstory.segments import Format, Wanted

KINDS = ("individuals", "events")
FORMATS = ("ndjson", "json", "csv")
WAIT_FOR = 3600.0  # seconds
COLUMNS = (
    Column("operation", kind="id", importance=8),
    Column("bytes", kind="number", importance=6),
    Column("file", importance=9, never_cut=True),
)
_BY_ENDING: Mapping[str, Format] = {
    ".csv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}


@click.command(
    "export",
    cls=Command,
    examples=(
        "fsctl --sandbox segments export kX2pQ9 --to paying.ndjson",
        "fsctl --sandbox segments export everyone --type events --since -2d --format csv",
        "fsctl segments export --operation 5d41402abc4b2a76 --to paying.ndjson",
    ),
)
@click.argument("segment", metavar="[ID]", required=False)
@click.option(
    "--type", "kind", type=click.Choice(KINDS), help="What to export (default individuals)."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="How Fullstory writes the file (default as --to ends, else ndjson).",
)
@click.option("--since", metavar="TIME", help="Only what happened at that time or later.")
@click.option("--until", metavar="TIME", help="Only what happened at that time or before.")
@click.option("--to", metavar="FILE", help="Write into this new file instead of to stdout.")
@click.option("--force", is_flag=True, help="Replace the file of --to if there is one.")
@click.option("--operation", metavar="ID", help="Go on with an export that was begun before.")
@click.option("--wait-for", metavar="TIME", help="Wait this long for the export (default 1h).")
@pass_app
def export(
    app: App,
    segment: str | None,
    kind: str | None,
    format_: str | None,
    since: str | None,
    until: str | None,
    to: str | None,
    force: bool,
    operation: str | None,
    wait_for: str | None,
) -> One | int:
    """Bring the people of a segment, or their events, as a file.

    ID is that of `fsctl segments list`, or the segment's address in Fullstory. Fullstory makes the
    file in its own time and form; it comes unpacked and otherwise untouched, and --fields says
    which of its fields. Times are ISO 8601, -2h, '3d ago' or Unix seconds; of individuals those are
    meant who did something then. A segment that has a time range of its own keeps it.

    When the time is over the exit code is 5, and the message names the command that goes on: an
    export is never asked for twice.
    """
    from ..fullstory.segments import creation
    from ..fullstory.times import parse_duration

    fields = app.flags.pop("fields", None)  # Fullstory's, not those of what is printed here
    place = _place(to, force=force)
    given = {"ID": segment, "--type": kind, "--format": format_, "--since": since}
    wanted = None
    if operation is not None:
        _check_alone(operation, given | {"--until": until, "--fields": fields})
    else:
        form = format_ or _BY_ENDING.get(place.ending, "ndjson")
        wanted = _wanted(segment, kind, form, span(app, since, until), fields)
    patience = WAIT_FOR if wait_for is None else parse_duration(wait_for, what="--wait-for")
    _check_output(app, place)
    if app.dry_run:
        return One(app.plan(creation(wanted) if wanted else _look(operation)))
    run = _Run(app, place.path, wait_for, force=force)
    return run.whole(wanted, operation, patience)


class _Run:
    """One export, from the asking to the file."""

    def __init__(self, app: App, path: Path | None, wait_for: str | None, *, force: bool) -> None:
        self._app = app
        self._path = path
        self._force = force
        self._typed = () if wait_for is None else ("--wait-for", wait_for)

    def whole(self, wanted: Wanted | None, operation: str | None, patience: float) -> One | int:
        from ..bulk.segment_export import follow
        from ..fullstory.segments import create_export
        from ..membrane.gateway import Deadline

        app = self._app
        begun_now = wanted is not None
        if wanted is not None:
            operation = create_export(app.caller, wanted)
        assert operation is not None
        app.resume = self._resume(operation)
        if begun_now:
            app.messages.note(
                f"Fullstory makes the export {operation}. If this ends early, go on with: "
                f"{app.resume}"
            )
        deadline = Deadline.after(patience, app.world.monotonic)
        with self._told(), closing(Progress(app)) as progress:
            export_id = follow(app.caller, operation, deadline, progress.made, begun_now=begun_now)
            result: One | int
            if self._path is None:
                result = self._to_stdout(export_id, progress)
            else:
                result = self._to_file(operation, export_id, self._path, progress)
        app.resume = None
        return result

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What may pass, or can be mended here, is told with the command that goes on."""
        try:
            yield
        except Unavailable as error:
            error.hint = f"This goes on with it: {self._app.resume}"
            raise
        except FsctlError as error:
            # The file could not be written: its error has no word of a service's.
            is_ours = isinstance(error, Refused | Usage) and error.code == error.default_code
            if isinstance(error, NeedsPerson) or is_ours:
                error.hint = f"{error.hint or ''}\nThen go on with: {self._app.resume}".lstrip()
            self._app.resume = None
            raise

    def _to_file(self, operation: str, export_id: str, path: Path, progress: Progress) -> One:
        from ..settings.files import new_file

        with new_file(path, force=self._force) as stream:
            size = self._fetched(export_id, stream, progress)
        told = {"operation": operation, "bytes": size, "file": str(path)}
        return One(told, COLUMNS)

    def _to_stdout(self, export_id: str, progress: Progress) -> ExitCode:
        """A file that is not whole never comes to stdout."""
        from tempfile import TemporaryFile
        from typing import cast

        from ..settings.files import cannot_write, make_private_directory

        directory = self._app.directory("state")
        with ExitStack() as stack:
            try:
                make_private_directory(directory)
                spool = cast(BinaryIO, stack.enter_context(TemporaryFile(dir=directory)))
                self._fetched(export_id, spool, progress)
                spool.seek(0)
            except OSError as error:
                raise cannot_write(directory, error) from None
            progress.close()
            return self._shown(spool)

    def _shown(self, spool: BinaryIO) -> ExitCode:
        from ..terminal.streams import silence
        from .segments_shown import write

        try:
            write(self._app.world, spool)
        except BrokenPipeError:  # the export is done; its reader has gone, as of any list
            silence(self._app.world.stdout)
            return ExitCode.CLOSED_PIPE
        return ExitCode.DONE

    def _fetched(self, export_id: str, stream: BinaryIO, progress: Progress) -> int:
        from ..bulk.segment_export import fetch
        from .roads import storage

        def opened() -> BinaryIO:
            stream.seek(0)
            stream.truncate()
            return stream

        size = 0
        app = self._app
        for event in fetch(app.caller, storage(app), export_id, opened):
            size = event.size
            progress.fetched(size)
        return size

    def _resume(self, operation: str) -> str:
        force = ("--force",) if self._force else ()
        to = () if self._path is None else ("--to", str(self._path), *force)
        words = ("segments", "export", "--operation", operation, *to, *self._typed)
        return command(self._app, *words)


def _place(to: str | None, *, force: bool) -> Place:
    """Where the file goes. Raises :class:`Usage` where something is in the way."""
    from ..settings.files import check_target

    place = Place.of(to)
    if place.path is None and force:
        raise Usage("--force is about a file.", hint="Name one with --to FILE.")
    if place.packed:
        raise Usage(
            f"{to!a} would not be packed: what is fetched is unpacked.",
            hint="Name it without .gz.",
        )
    if place.path is not None:
        check_target(place.path, force=force)
    return place


def _check_alone(operation: str, given: dict[str, Any]) -> None:
    from ..membrane.paths import check_segment

    check_segment(operation, "The operation's id")
    for name, value in given.items():
        if value is not None:
            raise Usage(
                f"--operation goes on with an export that was begun, so {name} has no say.",
                hint=f"Leave out {name}, or leave out --operation to begin a new one.",
            )


def _look(operation: str | None) -> Any:
    from ..fullstory.operations import GET_OPERATION
    from ..fullstory.types import Call

    return Call(GET_OPERATION, {"id": operation})


def _wanted(
    segment: str | None,
    kind: Any,
    form: Any,
    times: tuple[datetime | None, datetime | None],
    fields: str | None,
) -> Wanted:
    from ..fullstory.segments import Wanted, segment_id

    if segment is None:
        raise Usage(
            "Which segment to export is not said.",
            hint="Give its ID, as in `fsctl segments list`, or --operation ID to go on with one.",
        )
    names = [name.strip() for name in (fields or "").split(",") if name.strip()]
    return Wanted(
        segment_id(segment),
        kind or "individuals",
        form,
        since=times[0],
        until=times[1],
        fields=names,
    )


def _check_output(app: App, place: Place) -> None:
    """Refuse what would have to work on the file, which is Fullstory's own."""
    if app.dry_run:
        return
    if app.flags.get("mask"):
        raise Usage(
            "--mask has nothing to work on: the file is Fullstory's own.",
            hint="Leave it out; `fsctl users export --mask` writes masked people.",
        )
    if place.path is not None:
        return
    for name in ("output", "jq"):
        if app.flags.get(name):
            raise Usage(
                f"--{name} has nothing to work on: the file is Fullstory's own.",
                hint="Use --format for its form, or --to FILE, after which a summary is printed.",
            )
    if app.world.stdout is None:
        raise FsctlError(
            "stdout is closed, so there is nowhere to write to.",
            hint="Name a file with --to FILE.",
            code="output",
        )
