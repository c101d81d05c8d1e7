"""``fsctl sessions list`` and ``fsctl sessions latest``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..errors import FsctlError, Usage
from ..terminal.columns import Column
from .app import App
from .options import Command, pass_app
from .results import Drawn, One, Rows
from .sessions import replay_address

if TYPE_CHECKING:
    from datetime import datetime

    from ..fullstory.people import Person, Reading
    from ..fullstory.sessions import Session

COLUMNS = (
    Column("createdTime", "BEGAN", kind="time", importance=9),
    Column("age", importance=8),
    Column("id", kind="id", importance=7, link="fsUrl"),
    Column("fsUrl", "REPLAY", kind="url", importance=5),
)
# With several people: who was asked for, and whose the session is.
COLUMNS_OF_MANY = (
    Column("who", importance=6),
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
@click.argument("who", metavar="WHO")
@click.option("--id", "reading", flag_value="id", help="WHO is a Fullstory id.")
@click.option("--uid", "reading", flag_value="uid", help="WHO is a uid, your own id.")
@click.option("--email", "reading", flag_value="email", help="WHO is an e-mail.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@click.option("--since", metavar="TIME", help="Only those that began at that time or later.")
@click.option("--until", metavar="TIME", help="Only those that began at that time or before.")
@click.option("--at", metavar="TIME", help="Only the last one that had begun by that time.")
@pass_app
def list_(app: App, who: str, reading: Reading | None, **window: Any) -> Rows:
    """List the sessions of WHO (a Fullstory id, a uid or an e-mail), newest first.

    All of them, unless an option says otherwise; a warning tells where Fullstory gave fewer. Times
    are ISO 8601, -2h, '3d ago' or Unix seconds. Where WHO means several people the sessions of each
    are shown, and the exit code is 1.
    """
    check_names((who,), reading)
    return list_sessions(app, (who,), reading, Window.of(app, **window))


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
        from ..fullstory.times import parse_time

        def moment(text: str | None, name: str) -> datetime | None:
            if text is None:
                return None
            return parse_time(text, now=app.world.now(), zone=app.time_zone, what=name)

        if at is not None:
            if (limit, since, until) != (None, None, None):
                raise Usage("--at stands alone.", hint="Leave out --limit, --since and --until.")
            return cls(limit=1, until=moment(at, "--at"))
        window = cls(limit, moment(since, "--since"), moment(until, "--until"))
        if window.since and window.until and window.since > window.until:
            raise Usage("--since is after --until.", hint="Exchange the two.")
        return window


def check_names(names: Iterable[str], reading: Reading | None) -> None:
    """Refuse, before anything is sent, what nobody can be called."""
    from ..fullstory.people import readings_of

    for name in names:
        readings_of(name, reading)


def list_sessions(
    app: App, names: Iterable[str], reading: Reading | None, window: Window, *, many: bool = False
) -> Rows:
    """The sessions of everyone whom ``names`` mean, person by person, each newest first.

    With ``many`` the rows tell whose they are, and a name that means nobody is a failure after the
    last row; else there is one name, and it is one before anything is printed.
    """
    from ..fullstory.sessions import sessions_of

    app.check_output()
    search = Search(app, reading)
    asked: Iterable[tuple[str, Sequence[Person]]]
    if many:
        asked, tells_owner = search.each(names), True
    else:
        [who] = names
        asked = [(who, search.people(who))]
        tells_owner = len(asked[0][1]) > 1

    def pages() -> Iterator[list[Mapping[str, Any]]]:
        for who, persons in asked:
            for person in persons:
                found = sessions_of(app.caller, person, **window._asdict())
                if not found.complete:
                    app.messages.warn(
                        f"Fullstory gave {len(found.sessions)} sessions of {who!a} that fit, and "
                        "older ones may be missing."
                    )
                owner = _owner(who, person) if tells_owner else {}
                yield [{**owner, **row(app, session)} for session in found.sessions]

    return Rows(pages(), COLUMNS_OF_MANY if tells_owner else COLUMNS, search.ending)


class Search:
    """Looks up one WHO after another, and remembers those that do not mean one person."""

    def __init__(self, app: App, reading: Reading | None, by_id: str = "--id") -> None:
        self._app = app
        self._reading = reading
        self._by_id = by_id
        self._failures: list[FsctlError] = []

    def people(self, who: str) -> Sequence[Person]:
        """Everyone whom the only ``who`` means. Raises :class:`NotFound` for nobody."""
        found = self._find(who)
        if not found:
            raise self._failures.pop()
        return found

    def each(self, names: Iterable[str]) -> Iterator[tuple[str, Sequence[Person]]]:
        for who in names:
            yield who, self._find(who)

    def _find(self, who: str) -> Sequence[Person]:
        from ..fullstory import people, sessions

        found = people.find(
            self._app.caller, who, reading=self._reading, warn=self._app.messages.warn
        )
        if not found.people:
            self.failed(sessions.nobody(found))
        elif found.ambiguous:
            self.failed(sessions.several(found, by_id=self._by_id))
        return found.people

    def failed(self, failure: FsctlError) -> None:
        self._failures.append(failure)

    def ending(self) -> FsctlError | None:
        """The first failure; the others become warnings."""
        for failure in self._failures[1:]:
            self._app.messages.warn(failure.message)
        return self._failures[0] if self._failures else None


def _owner(who: str, person: Person) -> dict[str, Any]:
    return {"who": who, "user_id": str(person["id"])}


def row(app: App, session: Session) -> dict[str, Any]:
    """A session as a row: its API id, and the API's own fields untouched."""
    from ..fullstory.ids import Reference
    from ..fullstory.sessions import age_of

    told: dict[str, Any] = {"id": session.id.text, **session.raw}
    if session.created is not None:
        told.setdefault("createdTime", session.created.isoformat())
        if app.renders_table or "age" in str(app.flags.get("fields")):
            told["age"] = age_of(session.created, app.unix_time())  # no use in a file
    if session.url is None:
        try:
            told["fsUrl"] = replay_address(app, Reference(session.id))
        except Usage as error:
            app.messages.verbose(error.message)
    return told


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox sessions latest ada@example.com",
        "fsctl --sandbox sessions latest ada@example.com --url",
        "fsctl --sandbox sessions latest ada grace nils --id",
    ),
)
@click.argument("who", nargs=-1, required=True, metavar="WHO...")
@click.option("--user-id", "reading", flag_value="id", help="WHO is a Fullstory id.")
@click.option("--uid", "reading", flag_value="uid", help="WHO is a uid, your own id.")
@click.option("--email", "reading", flag_value="email", help="WHO is an e-mail.")
@click.option("--url", "show", flag_value="url", help="Print the replay's URL and nothing else.")
@click.option("--id", "show", flag_value="id", help="Print the session's id and nothing else.")
@click.option("--open", "show", flag_value="open", help="Open the replay in the browser.")
@pass_app
def latest(
    app: App, who: tuple[str, ...], reading: Reading | None, show: str | None
) -> One | Rows | Drawn | None:
    """Show the newest session of each WHO (a Fullstory id, a uid or an e-mail).

    --url and --id print one line for each WHO who means exactly one person with a session. Where a
    WHO means several people the exit code is 1 and, without these options, all of them are shown;
    where there is nobody or no session it is 3.
    """
    check_names(who, reading)
    if show == "open":
        from .sessions_one import open_newest

        if len(who) > 1:
            raise Usage("--open opens one replay.", hint="Name one person.")
        return open_newest(app, who[0], reading)
    return latest_sessions(app, who, reading, show, many=len(who) > 1)


def latest_sessions(
    app: App,
    names: Iterable[str],
    reading: Reading | None,
    show: str | None = None,
    *,
    many: bool = False,
) -> One | Rows | Drawn:
    """The newest session of each name: as rows, or with ``show`` (url, id) as bare lines."""
    from ..fullstory.sessions import newest, none_of

    search = Search(app, reading, "--user-id")

    def each() -> Iterator[tuple[str, Person, Session]]:
        for who, persons in search.each(names):
            if show and len(persons) > 1:
                continue  # a script would take any of them for the one that was meant
            for person in persons:
                session = newest(app.caller, person)
                if session is not None:
                    yield who, person, session
                elif len(persons) == 1:
                    search.failed(none_of(who))

    if show is not None:
        _check_bare(app, show)
        return Drawn((f"{_bare(app, session, show)}\n" for _, _, session in each()), search.ending)
    app.check_output()
    if many:
        rows = ({**_owner(who, person), **row(app, session)} for who, person, session in each())
        return Rows(rows, COLUMNS_OF_MANY, search.ending)
    found = list(each())
    if not found and (failure := search.ending()):
        raise failure
    if len(found) == 1:
        return One(row(app, found[0][2]), COLUMNS, search.ending)
    return Rows(
        [{**_owner(who, person), **row(app, session)} for who, person, session in found],
        COLUMNS_OF_MANY,
        search.ending,
    )


def _check_bare(app: App, show: str) -> None:
    for name in ("output", "fields", "jq"):
        if app.flags.get(name) is not None:
            raise Usage(
                f"--{show} prints bare lines, so --{name} has nothing to work on.",
                hint=f"Leave out one of the two; --jq .{'fsUrl' if show == 'url' else 'id'} gives "
                "the same lines.",
            )


def _bare(app: App, session: Session, show: str) -> str:
    if show == "id":
        return session.id.text
    from ..fullstory.ids import Reference

    return session.url or replay_address(app, Reference(session.id))
