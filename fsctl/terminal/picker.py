"""Pick one of several connections on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .prompts import Choice, select
from .world import World

if TYPE_CHECKING:
    from ..membrane.gateway import Connection

CREATE = "\x00create"  # no connection has such an id


def pick_connection(
    world: World,
    connections: Sequence[Connection],
    *,
    creating: bool = False,
    question: str = "Which connection?",
    default: str | None = None,
    masked: Callable[[str], str] = str,
) -> Connection | None:
    """The connection that is picked; None: create one, offered with ``creating``.

    Those for Fullstory come first, and of these the usable ones; ``default`` is the id that is
    pointed at first, ``masked`` what ``--mask`` makes of a text.
    """
    ranked = sorted(connections, key=_rank)
    choices = [Choice(each.id, masked(each.name), masked(_detail(each))) for each in ranked]
    if creating:
        choices.append(Choice(CREATE, "Create a new connection to Fullstory"))
    picked = select(world, question, choices, default=default)
    return next((each for each in ranked if each.id == picked), None)


def _rank(connection: Connection) -> tuple[bool, bool, bool]:
    return (not connection.is_fullstory, not connection.usable, connection.test)


def _detail(connection: Connection) -> str:
    """State, app where it is another than Fullstory, owner, id."""
    from ..membrane.connecting import state_in_words

    parts = [
        state_in_words(connection),
        "" if connection.is_fullstory else connection.app or "app unknown",
        "test" if connection.test else "",
        f"of {connection.owner}" if connection.owner else "",
        connection.id,
    ]
    return ", ".join(part for part in parts if part)
