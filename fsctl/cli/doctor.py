"""``fsctl doctor``: what works, what does not, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ..errors import FsctlError, NeedsPerson, Unavailable, Usage
from ..terminal.columns import Column
from .app import App
from .options import Command, pass_app
from .results import Drawn, Rows

if TYPE_CHECKING:
    from ..terminal.checklist import Begun, Checked
    from .checks.run import Ended

COLUMNS = (
    Column("group", importance=3),
    Column("name", importance=9),
    Column("state", importance=9),
    Column("detail", importance=8),
    Column("mend", importance=7),
)


@click.command(
    "doctor",
    cls=Command,
    examples=(
        "fsctl --sandbox doctor",
        "fsctl --sandbox doctor --offline -o table > doctor.txt",
        "fsctl --sandbox doctor --jq 'select(.state != \"ok\") | .mend'",
    ),
)
@click.option("--offline", is_flag=True, help="Look at this machine only, and ask nobody.")
@pass_app
def doctor(app: App, offline: bool) -> Rows | Drawn:
    """Check everything between this machine and Fullstory, and say what mends it.

    Each check is ok, a warning, or failed, with what to do beside it. Nothing secret and nobody's
    data is in it: it can be pasted into a ticket.

    Ends with 4 if a person must act, with 5 if the service is away; warnings change nothing.
    """
    report = _Report(app, offline)
    if not report.drawn:
        return Rows(report.rows(), COLUMNS, report.verdict)
    return Drawn(report.pieces(), report.verdict)


class _Report:
    """One run of the checks, and how it is told."""

    def __init__(self, app: App, offline: bool) -> None:
        self._app = app
        self._offline = offline
        self._ended: list[Ended] = []
        app.messages.hushed = True  # the report says what would be noted and warned of
        self.drawn = _settled_output(app)
        with suppress(FsctlError):
            if app.in_sandbox:
                _ = app.gateway  # which says so, before anything else is said

    def pieces(self) -> Iterator[str]:
        from ..terminal.checklist import draw

        return draw(self._events(), self._app.world, _widest_name())

    def rows(self) -> Iterator[Mapping[str, Any]]:
        from ..terminal.checklist import Checked

        for event in self._events():
            if isinstance(event, Checked):
                yield {**event._asdict(), "mend": event.mend or None}

    def _events(self) -> Iterator[Begun | Checked]:
        from ..terminal.checklist import Waiting
        from .checks.every import CHECKS
        from .checks.findings import Findings
        from .checks.private import scrubber
        from .checks.run import Ended, run

        app = self._app
        findings = Findings(app, self._offline, _seconds_asked(app))
        asked = any(app.flags.get(name) for name in ("quiet", "verbose", "debug"))
        waiting = Waiting(app.world, _widest_name(), shown=self.drawn and not asked)
        scrub = scrubber(app.world.environ)
        events = run(CHECKS, findings, scrub=scrub, turn=waiting.turn, over=waiting.over)
        for event in events:
            if isinstance(event, Ended):
                self._ended.append(event)
                yield event.checked
            else:
                yield event

    def verdict(self) -> FsctlError | None:
        """How the command ends: what a person must do comes before what has to be waited for."""
        failed = [each for each in self._ended if each.checked.state == "fail"]
        if not failed:
            return None
        for_person = [each for each in failed if not each.away]
        error = NeedsPerson if for_person else Unavailable
        names = ", ".join(each.checked.name for each in failed)
        many = "1 check" if len(failed) == 1 else f"{len(failed)} checks"
        first = (for_person or failed)[0].checked
        return error(f"{many} failed: {names}.", hint=first.mend)


def _widest_name() -> int:
    from .checks.every import CHECKS

    return max(len(check.name) for check in CHECKS)


def _seconds_asked(app: App) -> float | None:
    """What ``--timeout`` gives each check."""
    if app.flags.get("timeout") is None:
        return None
    return app.timeout


def _settled_output(app: App) -> bool:
    """Make the renderer; whether the report is drawn.

    Where the settings cannot be read, which is for the report to say, the command line decides.
    """
    from ..settings.resolve import Settings

    told = app.settings
    try:
        app.check_output()
    except Usage:
        app.settings = Settings(app.flags, {}, _no_profiles)
        app.check_output()
        app.__dict__.pop("time_zone", None)  # which is not the one that was set
    drawn = app.renders_table and not app.flags.get("fields")
    app.settings = told
    return drawn


def _no_profiles() -> Any:
    from pathlib import Path

    from ..settings.profiles import Profiles

    return Profiles(Path())
