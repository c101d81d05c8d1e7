"""``fsctl annotations flush``: send what an outbox holds, each annotation once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import FsctlError, NeedsPerson, OutcomeUnknown, Partial, Refused, Unavailable
from ..terminal.columns import Column
from .app import App
from .options import Command, pass_app
from .results import Rows

if TYPE_CHECKING:
    from ..bulk.markers import Marker
    from ..bulk.outbox import Claim, Found

PATIENCE = 10.0  # seconds to wait for a deploy that is sending under the same --once key

COLUMNS = (
    Column("state", importance=9, never_cut=True),
    Column("text", importance=8),
    Column("start_time", "START", kind="time", importance=7),
    Column("end_time", "END", kind="time", importance=3),
    Column("source", importance=2),
    Column("reason", importance=6),
    Column("file", importance=1),
)


@click.command(
    "flush",
    cls=Command,
    examples=(
        "fsctl annotations flush",
        "fsctl annotations flush ./outbox --dry-run",
    ),
)
@click.argument("directory", metavar="[DIR]", required=False)
@pass_app
def flush(app: App, directory: str | None) -> Rows:
    """Send the annotations that an outbox has kept, oldest first, each once.

    `deploy --outbox DIR` keeps them. They keep their times. Only files of yours that nobody else
    may read or write are sent, and only over the connection they were made for. What `deploy
    --once` has sent since goes without being sent again. DIR is fsctl's own outbox unless
    named.

    Where it stays unknown whether one has arrived, its file is set apart as NAME.unknown and never
    sent again by itself: look at Fullstory's chart, then remove it, or rename it to NAME.json.
    """
    from ..settings.paths import given_path
    from .outboxing import default_directory, warn_if_open

    app.check_output()
    folder = default_directory(app) if directory is None else given_path(directory)
    warn_if_open(app, folder)
    run = _Run(app, folder)
    return Rows(run.rows, COLUMNS, ending=run.ending, writes=not app.dry_run)


class _Run:
    """One flush. Its rows do the work as they are asked for."""

    def __init__(self, app: App, directory: Path) -> None:
        from ..bulk import outbox

        self._app = app
        self._directory = directory
        self._connection: str | None = None
        self._sent = 0
        self._unknown = 0
        self._skipped = 0
        self._not_sent: list[FsctlError] = []
        self._over: FsctlError | None = None  # what keeps all the others from being sent, too
        self._found = outbox.entries(directory)
        self.rows = self._work()

    def _work(self) -> Iterator[list[dict[str, Any]]]:
        self._tell_of_earlier()
        found = [each for each in self._found if each.state != "unknown"]
        if any(each.entry is not None and each.state == "waiting" for each in found):
            self._find_connection()
        for each in found:
            row = self._planned(each) if self._app.dry_run else self._done(each)
            if row is not None:
                yield [row]

    def ending(self) -> FsctlError | None:
        """Go on to the end, whoever still reads the rows, and tell how it was."""
        for _ in self.rows:
            pass
        if self._skipped:
            self._app.messages.note(
                f"{_annotations(self._skipped)} of the outbox {str(self._directory)!a} "
                f"{'is' if self._skipped == 1 else 'are'} for another connection and "
                f"{'waits' if self._skipped == 1 else 'wait'} on."
            )
        if self._unknown:
            return OutcomeUnknown(
                f"{_annotations(self._unknown)} may have arrived or not.",
                hint="Look at Fullstory's chart, then remove the .unknown files in "
                f"{str(self._directory)!a}, or rename those to .json that are to be sent again.",
            )
        if not self._not_sent:
            return None
        if self._over is not None and not self._sent:
            return self._over
        return Partial(
            f"{_annotations(len(self._not_sent))} of the outbox {str(self._directory)!a} "
            f"{'was' if len(self._not_sent) == 1 else 'were'} not sent. The first: "
            f"{self._not_sent[0].message}",
            hint=self._not_sent[0].hint or "Run the same command again.",
        )

    def _tell_of_earlier(self) -> None:
        earlier = sum(each.state == "unknown" for each in self._found)
        if earlier:
            self._app.messages.announce(
                f"{_annotations(earlier)} of an earlier flush may have arrived or not, and "
                f"{'is' if earlier == 1 else 'are'} not sent again: the .unknown files in "
                f"{str(self._directory)!a}."
            )

    def _find_connection(self) -> None:
        """The connection in use; a dry run does without where it cannot be known."""
        app = self._app
        try:
            self._connection = app.caller.ask_connection(lambda found, _: found, "connection")
        except (NeedsPerson, Unavailable) as error:
            if not app.dry_run:
                self._over = error
                return
            app.messages.warn(f"{error.message} Nothing can be sent now.")

    # -- one entry

    def _planned(self, found: Found) -> dict[str, Any]:
        if found.entry is None:
            return _row(found, "refused", found.problem)
        if found.state == "sending":
            return _row(found, "sending", "another flush has it, or has died with it")
        try:
            reason = self._reason(found)
        except NeedsPerson as error:
            return _row(found, "waiting", error.message)
        return _row(found, "skipped" if reason else "planned", reason)

    def _done(self, found: Found) -> dict[str, Any] | None:
        """Send it, and tell what became of it; None where another flush sends it."""
        from ..bulk import outbox

        try:
            if found.entry is None:
                raise Refused(
                    f"{str(found.path)!a} is not used: {found.problem}.",
                    hint="Mend it or remove it.",
                )
            if found.state == "sending":
                return self._settled(found)
            if self._over is not None:
                self._not_sent.append(self._over)
                return _row(found, "waiting", self._over.message)
            if reason := self._reason(found):
                self._skipped += 1
                return _row(found, "skipped", reason)
            with outbox.claimed(found) as claim:
                if claim.entry.once is not None:
                    return self._send_once(found, claim, claim.entry.once)
                return self._send(found, claim)
        except outbox.Taken:
            return None
        except FsctlError as error:
            self._not_sent.append(error)
            state = "waiting" if isinstance(error, NeedsPerson) else "refused"
            return _row(found, state, error.message)

    def _settled(self, found: Found) -> dict[str, Any] | None:
        from ..bulk import outbox

        if not outbox.settle(found):
            return None
        self._unknown += 1
        return _row(found, "unknown", "a flush ended while it was being sent")

    def _reason(self, found: Found) -> str | None:
        from .outboxing import why_not_here

        assert found.entry is not None
        return why_not_here(self._app, found.entry, self._connection)

    def _send(self, found: Found, claim: Claim) -> dict[str, Any]:
        """Send what is claimed. Whatever happens, the file tells the truth of it."""
        from .outboxing import call_of

        app = self._app
        try:
            app.caller.call(call_of(claim.entry, app.world.now()))
        except OutcomeUnknown as error:
            self._unknown += 1
            self._noted(claim.unknown)
            return _row(found, "unknown", error.message)
        except FsctlError as error:
            claim.release()
            self._not_sent.append(error)
            if isinstance(error, (NeedsPerson, Unavailable)):
                self._over = error
            return _row(found, "waiting", error.message)
        except BaseException:
            # Interrupted, or worse: it may have arrived once it was on its way.
            self._noted(claim.unknown if app.caller.in_flight is not None else claim.release)
            raise
        self._sent += 1
        self._noted(claim.sent)
        return _row(found, "sent", None)

    def _send_once(self, found: Found, claim: Claim, same: str) -> dict[str, Any]:
        """Send what is claimed, unless it was sent, or may have been, since it was kept."""
        from .marking import marked

        app, entry = self._app, claim.entry
        assert self._connection is not None
        whose = app.gateway.account, self._connection
        place = Path(entry.once_dir) if entry.once_dir else None
        began = False
        try:
            with marked(app, same, whose, place, PATIENCE) as marker:
                if marker.state == "sent":
                    began = True
                    self._noted(claim.sent)
                    return _row(found, "skipped", marker.suppresses)
                if marker.suppresses is not None:
                    raise Refused(
                        marker.suppresses,
                        hint=f"If it does, remove {str(found.path)!a}.",
                        code="once",
                    )
                marker.mark_sending()
                began = True
                return self._send_marked(found, claim, marker)
        except BaseException:
            if not began:
                claim.release()
            raise

    def _send_marked(self, found: Found, claim: Claim, marker: Marker) -> dict[str, Any]:
        state = None
        try:
            row = self._send(found, claim)
            state = row["state"]
            return row
        finally:
            if state == "sent":
                self._noted(marker.mark_sent, "--once will call it unknown.")
            elif state == "waiting" or (state is None and self._app.caller.in_flight is None):
                self._noted(marker.clear, "--once will call it unknown.")

    def _noted(
        self, note: Callable[[], None], so: str = "The next flush will call it unknown."
    ) -> None:
        """Where the outcome cannot be noted, the file says ``sending``: it is not sent again."""
        try:
            note()
        except Refused as error:
            self._app.messages.warn(f"{error.message} {so}")


def _annotations(count: int) -> str:
    return "An annotation" if count == 1 else f"{count:,} annotations"


def _row(found: Found, state: str, reason: str | None) -> dict[str, Any]:
    entry = found.entry
    return {
        "state": state,
        "text": entry.text if entry else None,
        "start_time": entry.start_time if entry else None,
        "end_time": entry.end_time if entry else None,
        "source": entry.source if entry else None,
        "reason": reason,
        "file": found.path.name,
    }
