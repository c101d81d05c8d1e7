"""Erase a person: who it is, the request, and what became of it (contracts/fullstory-api §2.1).

A deletion takes everything of a person's, for good, and Fullstory does it later: a person asked
for goes on to be read with a mark until the answer is Fullstory's own 404. It always goes by id,
because a visitor chooses uid and e-mail and someone new can have them a moment later.

One person at a time. A list of people is :func:`delete` for each, with ``asked_before`` for those
that an earlier run may have asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ..errors import FsctlError, NeedsPerson, NotFound, OutcomeUnknown, Unavailable
from .operations import DELETE_USER, GET_USER, LIST_USERS
from .types import Call

if TYPE_CHECKING:
    from ..membrane.gateway import Deadline
    from .call import Caller
    from .people import Person, Reading

SESSIONS_COUNTED = 100  # one request's worth: "at least" that many
_PAUSES = (1.0, 2.0, 3.0, 5.0, 8.0)  # seconds between looks; then the last one again and again


class State(StrEnum):
    """How far a deletion has come, as receipts say it."""

    REQUESTED = "requested"  # about to be sent, or sent and refused
    ACCEPTED = "accepted"  # Fullstory said yes
    BEING_DELETED = "being_deleted"  # the person is read with that mark
    GONE = "gone"  # Fullstory's own 404
    UNKNOWN = "unknown"  # sent, and nobody knows
    MISSING = "missing"  # nobody was found, so nothing was sent


class Preview(NamedTuple):
    """Whom a deletion hits. ``sessions`` is how many there are at least; None: not to be known."""

    person: Person
    sessions: int | None


class Step(NamedTuple):
    """A state that was reached, what was asked for it and what came back, fit for a receipt.

    Where nobody was found, ``person`` is empty.

    ``asked`` is the exact request or input as data, ``answered`` the status and body of the answer
    or the error; None where nothing was asked or nothing came.
    """

    state: State
    person: Person
    asked: Mapping[str, Any] | None = None
    answered: Mapping[str, Any] | None = None
    action_run_id: str | None = None


Record = Callable[[Step], None]


class StillThere(Unavailable):
    """Not gone by the deadline, as far as anybody can tell; ``step`` is how far it had come.

    Without a hint the one thing to do is to look again.
    """

    def __init__(self, step: Step, message: str, **more: Any) -> None:
        super().__init__(message, **more)
        self.step = step


def _nowhere(_step: Step) -> None:
    return


def preview(caller: Caller, person: Person) -> Preview:
    """Who is about to go, with a count of sessions where they can be told from others'."""
    from . import sessions

    try:
        found = sessions.sessions_of(caller, person, limit=SESSIONS_COUNTED).sessions
    except FsctlError as error:  # who it is is known without it
        caller.note(f"The sessions cannot be counted: {error.message}")
        return Preview(person, None)
    return Preview(person, len(found))


def deletion(person: Person) -> Call:
    """The call that asks for it."""
    return Call(DELETE_USER, {"id": str(person["id"])})


def look(
    caller: Caller, user_id: str, *, deadline: Deadline | None = None
) -> Literal[State.BEING_DELETED, State.GONE] | None:
    """How far the deletion of that person has come, by one read; None: it shows nothing of one.

    Only Fullstory's own 404 is :attr:`State.GONE`: a 404 in nobody's words raises
    :class:`Unavailable`, Membrane's own :class:`NeedsPerson`.
    """
    try:
        body = caller.call(Call(GET_USER, {"id": user_id}), deadline=deadline).body
    except NotFound as error:
        if is_gone(error):
            return State.GONE
        raise Unavailable(
            "Whether the person is gone cannot be told: the 404 was not in Fullstory's own words.",
            hint="Look again later; --via proxy takes another road.",
            code="unproven",
            status=404,
        ) from None
    if not isinstance(body, Mapping) or str(body.get("id")) != user_id:
        raise Unavailable(
            "The answer is not the user that was asked for.",
            hint="See what came with --debug; --via proxy takes another road.",
            code="unreadable",
        )
    return State.BEING_DELETED if body.get("is_being_deleted") is True else None


def is_gone(error: FsctlError) -> bool:
    """Whether it is Fullstory's own 404 for a person: its status and one of its words (§1.1).

    Membrane's never comes as a :class:`NotFound`, and a page of some server on the way has no
    ``code`` of Fullstory's.
    """
    return isinstance(error, NotFound) and error.status == 404 and error.code.endswith("not_found")


def delete(
    caller: Caller, person: Person, *, record: Record = _nowhere, asked_before: bool = False
) -> Step:
    """Ask Fullstory to erase a person, and say how far that came.

    ``record`` gets the step :attr:`State.REQUESTED` before anything is sent and another one after;
    it has to have kept the first when it returns. With ``asked_before``, or where the person is
    marked already, a look comes first, and nothing is sent where that shows a deletion under way.

    Raises what the call raises (with the last step recorded); :class:`OutcomeUnknown` only where a
    look afterwards does not settle it.
    """
    user_id = str(person["id"])
    if asked_before or person.get("is_being_deleted") is True:
        state = look(caller, user_id)
        if state is not None:
            return _recorded(record, _seen(state, person))
    call = deletion(person)
    asked = caller.plan(call)
    record(Step(State.REQUESTED, person, asked))
    try:
        answer = caller.call(call)
    except FsctlError as error:
        step = _after_failure(caller, Step(State.REQUESTED, person, asked), error)
        record(step)
        if step.state in (State.GONE, State.BEING_DELETED):
            return step
        raise
    except BaseException:  # an interrupt: what was sent stays sent
        if caller.in_flight is not None:
            record(Step(State.UNKNOWN, person, asked))
        raise
    told = {"status": answer.status, "body": answer.body}
    return _recorded(record, Step(State.ACCEPTED, person, asked, told, answer.action_run_id))


def nobody_found(who: str, readings: Sequence[Reading]) -> Step:
    """The step of a value that means nobody, in any of these readings."""
    asked = {"operation": LIST_USERS.name, "who": who, "read_as": list(readings)}
    return Step(State.MISSING, {}, asked)


def was_under_way(step: Step) -> bool:
    """Whether nothing had to be sent, because a look showed the deletion."""
    return step.asked is not None and step.asked.get("operation") == GET_USER.name


def _recorded(record: Record, step: Step) -> Step:
    record(step)
    return step


def _after_failure(caller: Caller, step: Step, error: FsctlError) -> Step:
    """The step that a failed request leads to, after one look where nobody knows."""
    step = step._replace(answered=error.as_data(), action_run_id=error.action_run_id)
    if is_gone(error):
        return step._replace(state=State.GONE)
    if not isinstance(error, OutcomeUnknown):
        return step
    try:
        seen = look(caller, str(step.person["id"]))
    except FsctlError:
        seen = None
    return step._replace(state=seen or State.UNKNOWN)


def wait_until_gone(caller: Caller, person: Person, deadline: Deadline) -> Step:
    """The step :attr:`State.GONE`, when Fullstory says by its own 404 that nobody is there.

    Raises :class:`StillThere` where it has not by the ``deadline``, or where nobody can be asked:
    the mark of being deleted is not the end, and neither is a 404 of Membrane's.
    """
    user_id = str(person["id"])
    last: State = State.ACCEPTED
    trouble: FsctlError | None = None
    pauses = chain(_PAUSES, repeat(_PAUSES[-1]))
    while True:
        try:
            state = look(caller, user_id, deadline=deadline)
        except Unavailable as error:
            trouble = error
        except FsctlError as error:  # no patience gives a right, or a connection
            raise _still_there(Step(last, person), error) from None
        else:
            trouble, last = None, state or State.ACCEPTED
            if state is State.GONE:
                return _seen(state, person)
        pause = next(pauses)
        if pause >= deadline.remaining():
            raise _still_there(
                _seen(last, person) if trouble is None else Step(last, person), trouble
            )
        caller.clock.sleep(pause)


def _seen(state: State, person: Person) -> Step:
    """A step that a read has shown."""
    if state is State.GONE:
        answered: dict[str, Any] = {"status": 404}
    else:
        answered = {"status": 200, "is_being_deleted": state is State.BEING_DELETED}
    return Step(state, person, {"operation": GET_USER.name, "id": str(person["id"])}, answered)


def _still_there(step: Step, trouble: FsctlError | None) -> StillThere:
    user_id = step.person["id"]
    if trouble is None:
        message = f"The deletion of {user_id} is under way, and Fullstory still knows the person."
        return StillThere(step, message, code="still_being_deleted")
    return StillThere(
        step._replace(answered=trouble.as_data()),
        f"The deletion of {user_id} was asked for, but whether it is done is not known: "
        f"{trouble.message}",
        hint=trouble.hint if isinstance(trouble, NeedsPerson) else None,
        code=trouble.code,
        status=trouble.status,
        action_run_id=trouble.action_run_id,
    )
