"""The connection that ``fsctl init`` settles on: picked, named by a flag, mended or created."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import FsctlError, NeedsPerson, Unavailable
from .app import App
from .init_plan import Answers, resuming

if TYPE_CHECKING:
    from ..membrane.gateway import Connection
    from ..terminal.guide import Guide

DEFAULT_NAME = "Fullstory"


class Choosing:
    """One choice among the connections of the account that ``app`` reaches.

    ``asks``: somebody is there to be asked. ``wait`` is how many seconds a connection may take to
    get ready, ``remember`` is called whenever ``answers`` know more.
    """

    def __init__(
        self,
        app: App,
        guide: Guide,
        answers: Answers,
        *,
        asks: bool,
        wait: float,
        remember: Callable[[], None],
    ) -> None:
        self._app = app
        self._guide = guide
        self._answers = answers
        self._asks = asks
        self._wait = wait
        self._remember = remember

    def take(self, current: str | None, connections: Sequence[Connection]) -> Connection | None:
        """The connection to use, ready; None where ``--dry-run`` keeps from creating it.

        ``current`` is what the profile names now. Raises :class:`NeedsPerson` where there is none
        such and where it does not get ready, :class:`Unavailable` where that takes too long.
        """
        picked = self._named(current, connections)
        if picked is None and self._answers.create is None and self._asks:
            picked = self._pick(current, connections)
        if picked is None:
            return self._create(self._answers.create or None, connections)
        return self._ready(picked)

    def _named(self, current: str | None, connections: Sequence[Connection]) -> Connection | None:
        """The one that a flag names or, where nobody is asked, the profile; None: neither does."""
        from ..membrane.catalogue import named

        if self._answers.create is not None:
            return None
        wanted = self._answers.connection or (None if self._asks else current)
        return None if wanted is None else named(wanted, connections)

    def _pick(self, current: str | None, connections: Sequence[Connection]) -> Connection | None:
        from ..terminal.picker import pick_connection
        from ..terminal.prompts import ask_text

        if not any(each.is_fullstory for each in connections):
            self._guide.note("There is no connection to Fullstory here yet.")
        masker = self._app.masker
        picked = pick_connection(
            self._app.world,
            connections,
            creating=True,
            default=_usual(current, connections),
            masked=masker.sentence if masker else str,
        )
        if picked is None:
            self._answers.create = ask_text(
                self._app.world, "A name for it:", default=_free_name(connections), check=_wrong
            )
        return picked

    def _create(self, name: str | None, connections: Sequence[Connection]) -> Connection | None:
        """A new one or, where one of that name is there already, that one, mended if need be."""
        from . import connecting

        if self._app.dry_run:
            return None
        self._remember()
        another = name is not None and any(each.is_fullstory for each in connections)
        return self._followed(connecting.create(self._app, name, another=another))

    def _ready(self, connection: Connection) -> Connection:
        """``connection`` once it can be used; what a person has to do for that is said."""
        from ..membrane.connecting import Phase, Step, phase
        from . import connecting

        state = phase(connection)
        if self._app.dry_run or state is Phase.READY:
            return connection
        if state is not Phase.BUILDING:
            if not self._asks:
                from ..membrane.catalogue import unready

                raise unready(connection)
            step = Step("reconnect", connection)
            connection = connecting.take(self._app, step, connection.name)
        return self._followed(connection)

    def _followed(self, connection: Connection) -> Connection:
        from . import connecting

        self._answers.connection, self._answers.create = connection.id, None
        self._remember()
        try:
            return connecting.follow(self._app, connection, self._wait)
        except (NeedsPerson, Unavailable) as error:
            if error.code in ("connection_not_ready", "connection_building"):
                error.hint = f"{_what_to_do(error)} `{resuming(self._answers)}`."
            raise


def _what_to_do(error: FsctlError) -> str:
    """The hint of a connection that is not ready in time, up to the command that goes on."""
    before, mark, _ = (error.hint or "").partition("then run ")
    return before + mark.rstrip() if mark else "Go on with"


def _usual(current: str | None, connections: Sequence[Connection]) -> str | None:
    """The id of the connection to point at first: the profile's, by whatever it is named."""
    for each in connections:
        if current is not None and current in (each.id, each.key, each.name):
            return each.id
    return None


def _free_name(connections: Sequence[Connection]) -> str:
    taken = {each.name for each in connections}
    names = (DEFAULT_NAME, *(f"{DEFAULT_NAME} {number}" for number in range(2, 999)))
    return next((name for name in names if name not in taken), "")


def _wrong(name: str) -> str | None:
    return None if 0 < len(name) <= 100 else "Type a name of 1 to 100 characters."
