"""The times that options name, as commands read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Usage

if TYPE_CHECKING:
    from datetime import datetime

    from .app import App


def moment(app: App, text: str | None, option: str) -> datetime | None:
    """The time that ``option`` names, in the zone of times without an offset; None for none."""
    from ..fullstory.times import parse_time

    if text is None:
        return None
    return parse_time(text, now=app.world.now(), zone=app.time_zone, what=option)


def span(app: App, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """What ``--since`` and ``--until`` name; 0 is the beginning of Unix time, before everything.

    Raises :class:`Usage` where nothing is between.
    """
    begin, end = _bound(app, since, "--since"), _bound(app, until, "--until")
    if begin and end and begin > end:
        raise Usage("--since is after --until.", hint="Exchange the two.")
    return begin, end


def _bound(app: App, text: str | None, option: str) -> datetime | None:
    if text is None or text.strip() != "0":
        return moment(app, text, option)
    from datetime import UTC, datetime

    return datetime.fromtimestamp(0, UTC)
