"""``fsctl sessions list`` and ``fsctl sessions latest``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..errors import FsctlError, Usage
from ..terminal.columns import Column
from .app import App
from .flags import Flag, one_of
from .from_file import from_file_options, names
from .moments import moment, span
from .numbers import Number
from .options import Command, heading, pass_app
from .results import Drawn, One, Rows
from .sessions import replay_if_known, replay_of
from .who import reading_options

if TYPE_CHECKING:
    from datetime import datetime

    from ..fullstory.people import Person, Reading
    from ..fullstory.sessions import Session

COLUMNS = (
    Column("createdTime", "BEGAN", kind="time", importance=6),
    Column("age", importance=7),
    Column("id", kind="id", importance=9, link="fsUrl"),
    Column("fsUrl", "REPLAY", kind="url", beneath=True),
)
# With several people: who was asked for, and whose the session is.
COLUMNS_OF_MANY = (
    Column("who", importance=8),
    Column("user_id", kind="id", importance=4),
    *COLUMNS,
)


@click.command(
    "list",
    cls=Command,
    examples=(
        "fsctl --sandbox sessions list ada@example.com",
        "fsctl --sandbox sessions list ada --since -7d --fields createdTime,fsUrl -o csv",
        "fsctl --sandbox sessions list ada --at -2h --jq .id",
    ),
)
@click.argument("who", nargs=-1, metavar="[WHO...]")
@heading("Which people")
@from_file_options
@reading_options()
@heading("Which sessions")
@click.option("--limit", type=Number(1), metavar="N", help="Only the newest N.")
@click.option("--since", metavar="TIME", help="Only those that began at that time or later.")
@click.option("--until", metavar="TIME", help="Only those that began at that time or before.")
@click.option("--at", metavar="TIME", help="Only the last one that had begun by that time.")
@pass_app
def list_(
    app: App,
    who: tuple[str, ...],
    reading: Reading | None,
    source: str | None,
    column: str | None,
    **window: Any,
) -> Rows:
    """List the sessions of WHO (a Fullstory id, a uid or an e-mail), newest first.

    All of them, unless an option says otherwise; a warning tells where Fullstory gave fewer. Times
    are ISO 8601, -2h, '3d ago' or Unix seconds. Where a WHO means several people the sessions of
    each are shown, and the exit code is 1.
    """
    wanted = Window.of(app, **window)
    asked = names(app, who, reading, source, column)
    return list_sessions(app, asked, reading, wanted, many=source is not None or len(asked) > 1)


class Window(NamedTuple):
    """Which sessions of a person are asked for."""

    limit: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def of(
        cls, app: App, *, limit: int | None, since: str | None, until: str | None, at: str | None
    ) -> Window:
        """What the options mean. Raises :class:`Usage` where they contradict each other."""
        if at is not None:
            if (limit, since, until) != (None, None, None):
                raise Usage("--at stands alone.", hint="Leave out --limit, --since and --until.")
            return cls(limit=1, until=moment(app, at, "--at"))
        return cls(limit, *span(app, since, until))


def list_sessions(
    app: App, who: Sequence[str], reading: Reading | None, window: Window, *, many: bool
) -> Rows:
    """The sessions of everyone whom ``who`` means, person by person, each newest first.

    With ``many`` the rows tell whose they are, and a name that means nobody is a failure after the
    last row; else there is one name, and it is one before anything is printed.
    """
    from ..fullstory.sessions import sessions_of

    app.check_output()
    search = Search(app, reading)
    asked: Iterable[tuple[str, Person]] = search.each(who)
    tells_owner = many
    if not many:
        asked = list(asked)
        if not asked and (failure := search.ending()):
            raise failure
        tells_owner = len(asked) > 1

    def pages() -> Iterator[list[Mapping[str, Any]]]:
        for name, person in asked:
            with search.going_on() if tells_owner else nullcontext():
                found = sessions_of(app.caller, person, **window._asdict())
                if not found.complete:
                    app.messages.warn(
                        f"Fullstory gave {len(found.sessions)} sessions of {name!a} that fit, and "
                        "older ones may be missing."
                    )
                owner = _owner(name, person) if tells_owner else {}
                yield [{**owner, **row(app, session)} for session in found.sessions]

    return Rows(pages(), _columns(app, of_many=tells_owner), search.ending)


def _columns(app: App, *, of_many: bool) -> list[Column]:
    columns = COLUMNS_OF_MANY if of_many else COLUMNS
    return [column for column in columns if column.key != "age" or app.renders_table]


class Search:
    """Looks up one WHO after another, and remembers those that do not mean one person."""

    def __init__(self, app: App, reading: Reading | None, by_id: str = "--id") -> None:
        self._app = app
        self._reading = reading
        self._by_id = by_id
        self._failures: list[FsctlError] = []

    def each(self, who: Iterable[str], *, alone: bool = False) -> Iterator[tuple[str, Person]]:
        """Everyone whom each ``who`` means; with ``alone`` only where that is one person."""
        from ..fullstory import people, sessions, whom

        for name in who:
            found = people.find(self._app.caller, name, reading=self._reading)
            if not found.people:
                self.failed(sessions.not_a_session(whom.nobody(found), name))
            elif found.ambiguous:
                self.failed(whom.several(found, self._by_id))
            if not (alone and found.ambiguous):
                yield from ((name, person) for person in found.people)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Where the sessions of one person cannot be listed, those of the next one may."""
        from ..fullstory.sessions import Unlisted

        try:
            yield
        except Unlisted as failure:
            self.failed(failure)

    def failed(self, failure: FsctlError) -> None:
        if all(failure.message != known.message for known in self._failures):
            self._failures.append(failure)

    def ending(self) -> FsctlError | None:
        """The first failure; the others become warnings."""
        for failure in self._failures[1:]:
            self._app.messages.warn(failure.message)
        return self._failures[0] if self._failures else None


def _owner(name: str, person: Person) -> dict[str, Any]:
    return {"who": name, "user_id": str(person["id"])}


def row(app: App, session: Session) -> dict[str, Any]:
    """A session as a row: its API id, and the API's own fields untouched.

    Only a table, which a person may click on, has no address that is not Fullstory's.
    """
    from ..fullstory.sessions import age_of

    told: dict[str, Any] = {"id": session.id.text, **session.raw}
    if session.created is not None:
        told.setdefault("createdTime", session.created.isoformat())
        if app.renders_table or (app.fields and "age" in app.fields.value):
            told["age"] = age_of(session.created, app.unix_time())  # no use in a file
    url = replay_if_known(app, session)
    if not session.foreign_url or app.renders_table:
        told |= {"fsUrl": url} if url or session.foreign_url else {}
    return told


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox sessions latest ada@example.com",
        "fsctl --sandbox sessions latest ada@example.com --url",
        "fsctl --sandbox sessions latest ada grace nils --id",
    ),
)
@click.argument("who", nargs=-1, metavar="[WHO...]")
@heading("Which people")
@from_file_options
@reading_options(by_id="--user-id")
@one_of(
    "show",
    [
        Flag("--url", "url", "Print the replay's URL and nothing else."),
        Flag("--id", "id", "Print the session's id and nothing else."),
        Flag("--open", "open", "Open the replay in the browser."),
    ],
)
@pass_app
def latest(
    app: App,
    who: tuple[str, ...],
    reading: Reading | None,
    source: str | None,
    column: str | None,
    show: str | None,
) -> One | Rows | Drawn | None:
    """Show the newest session of each WHO (a Fullstory id, a uid or an e-mail).

    --url and --id print one line for each WHO who means exactly one person with a session. Where a
    WHO means several people the exit code is 1 and, without these options, all of them are shown;
    where there is nobody or no session it is 3. --id is about the session here: that WHO is a
    Fullstory id is said with --user-id.
    """
    asked = names(app, who, reading, source, column)
    if show != "open":
        return latest_sessions(app, asked, reading, show, many=source is not None or len(asked) > 1)
    from .sessions_one import open_newest

    if len(asked) > 1:
        raise Usage("--open opens one replay.", hint="Name one person.")
    return open_newest(app, asked[0], reading, by_id="--user-id")


def latest_sessions(
    app: App, who: Sequence[str], reading: Reading | None, show: str | None, *, many: bool
) -> One | Rows | Drawn:
    """The newest session of each name: as rows, or with ``show`` (url, id) as bare lines."""
    from ..fullstory.sessions import newest, none_of

    search = Search(app, reading, "--user-id")

    def each() -> Iterator[tuple[str, Person, Session]]:
        # A script would take any of several people for the one that was meant.
        for name, person in search.each(who, alone=show is not None):
            with search.going_on():
                session = newest(app.caller, person)
                if session is not None:
                    yield name, person, session
                else:
                    search.failed(none_of(name))

    if show is not None:
        _check_bare(app, show)
        return Drawn(_lines(app, (session for *_, session in each()), show, search), search.ending)
    app.check_output()
    rows = ({**_owner(name, one), **row(app, session)} for name, one, session in each())
    if many:
        return Rows(rows, _columns(app, of_many=True), search.ending)
    found = list(rows)
    failure = search.ending()
    if not found and failure:
        raise failure
    if failure:
        return Rows(found, _columns(app, of_many=True), lambda: failure)
    [told] = found
    return One({key: told[key] for key in told if key not in ("who", "user_id")}, COLUMNS)


def _check_bare(app: App, show: str) -> None:
    for name in ("output", "fields", "jq"):
        if app.flags.get(name) is not None:
            raise Usage(
                f"--{show} prints bare lines, so --{name} has nothing to work on.",
                hint=f"Leave out one of the two; --jq .{'fsUrl' if show == 'url' else 'id'} gives "
                "the same lines.",
            )


def _lines(app: App, sessions: Iterable[Session], show: str, search: Search) -> Iterator[str]:
    for session in sessions:
        try:
            if show == "id":
                yield f"{session.id.text}\n"
            else:
                url = replay_of(app, session)
                yield f"{url if app.masker is None else app.masker.url(url)}\n"
        except Usage as error:  # nobody told the organisation
            search.failed(error)
