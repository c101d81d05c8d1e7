"""``--wait`` of ``fsctl users delete``: until Fullstory does not know the people any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..errors import FsctlError
from .app import App
from .resuming import command

if TYPE_CHECKING:
    from ..fullstory.erasure import Record, Step

WAIT_FOR = 600.0  # seconds


class Patience(NamedTuple):
    """How long to wait until a person is gone, and how that is typed."""

    seconds: float
    typed: tuple[str, ...]

    @classmethod
    def of(cls, wait_for: str | None) -> Patience:
        """Raises :class:`Usage` for what is no time."""
        from ..fullstory.times import parse_duration

        if wait_for is None:
            return cls(WAIT_FOR, ("--wait",))
        return cls(parse_duration(wait_for, what="--wait-for"), ("--wait-for", wait_for))


def wait_for_each(
    app: App, patience: Patience, record: Record, steps: list[Step]
) -> FsctlError | None:
    """Replace each step by the one that ends it."""
    from ..fullstory import erasure
    from ..membrane.gateway import Deadline

    deadline = Deadline.after(patience.seconds, app.world.monotonic)
    for at, step in enumerate(steps):
        if step.state is erasure.State.GONE:
            continue
        user_id = step.person["id"]
        app.resume = _look_again(app, patience, steps[at:])
        app.messages.note(f"waiting until Fullstory does not know {user_id} any more.")
        try:
            steps[at] = erasure.wait_until_gone(app.caller, step.person, deadline)
        except erasure.StillThere as error:
            steps[at] = error.step
            record(error.step)
            error.hint = error.hint or f"{app.resume} looks again, and asks for nothing twice."
            return error
        record(steps[at])
    app.resume = None
    return None


def _look_again(app: App, patience: Patience, steps: Sequence[Step]) -> str:
    """The command that goes on waiting for each of them, by id: an e-mail may be another's now."""
    ids = [str(step.person["id"]) for step in steps]
    more = (*patience.typed, "--missing-ok", "--yes")
    return " && ".join(command(app, "users", "delete", "--id", one, *more) for one in ids)
