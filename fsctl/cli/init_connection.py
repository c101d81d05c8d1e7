"""The connection that ``fsctl init`` settles on: picked, named by a flag, mended or created."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import NeedsPerson
from .app import App
from .init_plan import Answers

if TYPE_CHECKING:
    from ..membrane.gateway import Connection
    from ..terminal.guide import Guide

DEFAULT_NAME = "Fullstory"


class Choosing:
    """One choice among the connections of the account that ``app`` reaches."""

    def __init__(self, app: App, guide: Guide, *, asks: bool) -> None:
        self._app = app
        self._guide = guide
        self._asks = asks

    def take(
        self, answers: Answers, current: str | None, connections: Sequence[Connection]
    ) -> Connection | None:
        """The connection to use, ready; None where ``--dry-run`` keeps from creating it.

        ``current`` is what the profile names now. Raises :class:`NeedsPerson` where there is none
        such and where it does not get ready, :class:`Unavailable` where that takes too long.
        """
        picked = self._named(answers, current, connections)
        if picked is None and answers.create is None and self._asks:
            picked = self._pick(answers, current, connections)
        if picked is None:
            return self._create(answers.create or None, connections)
        return self._ready(picked)

    def _named(
        self, answers: Answers, current: str | None, connections: Sequence[Connection]
    ) -> Connection | None:
        """The one that a flag names or, where nobody is asked, the profile; None: neither does."""
        from ..membrane.catalogue import named

        if answers.create is not None:
            return None
        wanted = answers.connection or (None if self._asks else current)
        return None if wanted is None else named(wanted, connections)

    def _pick(
        self, answers: Answers, current: str | None, connections: Sequence[Connection]
    ) -> Connection | None:
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
            answers.create = ask_text(
                self._app.world, "A name for it:", default=_free_name(connections), check=_wrong
            )
        return picked

    def _create(self, name: str | None, connections: Sequence[Connection]) -> Connection | None:
        """A new one or, where one of that name is there already, that one, mended if need be."""
        from . import connecting

        if self._app.dry_run:
            return None
        another = name is not None and any(each.is_fullstory for each in connections)
        made = connecting.create(self._app, name, another=another)
        return self._followed(made)

    def _ready(self, connection: Connection) -> Connection:
        """``connection`` once it can be used; what a person has to do for that is said."""
        from ..membrane.connecting import Phase, Step, phase
        from . import connecting

        if not connection.is_fullstory:
            self._guide.trouble(
                f"{connection.name} leads to {connection.app or 'another app'}, "
                "not to Fullstory as far as told."
            )
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

        ready = connecting.follow(self._app, connection, connecting.WAIT_FOR)
        if not ready.usable:
            raise NeedsPerson(
                f"The connection {ready.name!a} is not ready.",
                hint=f"See `fsctl connections show {ready.id}`.",
                code="connection_not_ready",
            )
        return ready


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
