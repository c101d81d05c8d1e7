"""Erase the people that a list names: who they are, then one request each, none twice.

``plan`` looks everyone up and sends no write; ``erase`` asks for one person after the other and
gives an outcome as soon as there is one. The journal has every request before it is sent, so that
a run that was cut off goes on where it stopped, with a look before anybody is asked for again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..errors import FsctlError, NeedsPerson, OutcomeUnknown, Refused, Unavailable
from ..fullstory import erasure, people
from ..fullstory.call import Caller
from ..fullstory.erasure import State, Step
from ..fullstory.people import Person, Reading
from ..fullstory.whom import nobody, several, share_an_email
from ..membrane.gateway import Deadline
from . import doubts
from .doubts import AMBIGUOUS, UNREAD, Claimants, Doubts
from .journal import FAILED, PLANNED, Journal, Record
from .values import Value

# What a line can be in a plan, and come to, beside the states of a deletion.
RESOLVED, DONE = "resolved", "done_earlier"
DUPLICATE = "duplicate"
MISSING, UNKNOWN = State.MISSING.value, State.UNKNOWN.value
_ON_THE_WAY = frozenset((State.ACCEPTED.value, State.BEING_DELETED.value, DONE))
_SETTLED = frozenset((State.ACCEPTED.value, State.BEING_DELETED.value, State.GONE.value, DUPLICATE))


class Terms(NamedTuple):
    """How values are read, and what is no failure."""

    reading: Reading | None = None
    all: bool = False  # everyone who shares an e-mail
    missing_ok: bool = False


class Entry(NamedTuple):
    """A line of the plan: resolved ones are asked for.

    ``again``: an earlier run may have asked for its people already. ``claimants`` are those whom an
    ambiguous value means, or has meant.
    """

    value: Value
    state: str
    people: Sequence[Person] = ()
    error: FsctlError | None = None
    again: bool = False
    claimants: Claimants = frozenset()


class Plan(NamedTuple):
    """What is going to be done."""

    entries: Sequence[Entry]

    @property
    def counts(self) -> Mapping[str, int]:
        """How many lines are resolved, done earlier, missing, ambiguous, duplicate, unread."""
        return Counter(entry.state for entry in self.entries)

    @property
    def ids(self) -> list[str]:
        """Everyone who is to be asked for."""
        resolved = (entry for entry in self.entries if entry.state == RESOLVED)
        return [str(person["id"]) for entry in resolved for person in entry.people]


class Outcome(NamedTuple):
    """What became of a line, or of one of its people."""

    line: int
    who: str
    id: str | None
    state: str
    error: FsctlError | None = None
    claimants: Claimants = frozenset()


def plan(
    caller: Caller,
    values: Sequence[Value],
    terms: Terms,
    known: Doubts,
    earlier: Sequence[Record] = (),
) -> Plan:
    """Who is meant by each value; lines of an earlier run are taken from its records.

    What is ambiguous is remembered in ``known``, and stays so when one of its people is deleted.
    """
    begun = _by_line(earlier)
    seen = {one for record in earlier if record.state != DUPLICATE for one in record.ids}
    entries = []
    for value in values:
        if value.line in begun:
            entries.append(_begun(value, begun[value.line]))
            continue
        entry = _looked_up(caller, value, terms, known)
        if entry.state == RESOLVED:
            new = [person for person in entry.people if str(person["id"]) not in seen]
            seen.update(str(person["id"]) for person in new)
            entry = entry._replace(people=new) if new else entry._replace(state=DUPLICATE)
        entries.append(entry)
    done = Plan(entries)
    # A value that nobody could look up may mean one of those who are about to be deleted.
    doubtful = (AMBIGUOUS, UNREAD) if done.ids else (AMBIGUOUS,)
    left = [entry for entry in entries if entry.state in doubtful]
    known.remember({entry.value.text: entry.claimants for entry in left})
    return done


def _by_line(records: Sequence[Record]) -> dict[int, dict[str, str]]:
    """The last state of each person of each line."""
    lines: dict[int, dict[str, str]] = {}
    for record in records:
        lines.setdefault(record.line, {}).update(dict.fromkeys(record.ids, record.state))
    return lines


def _begun(value: Value, states: Mapping[str, str]) -> Entry:
    left = [user_id for user_id, state in states.items() if state not in _SETTLED]
    meant = [{"id": user_id} for user_id in left or states]
    return Entry(value, RESOLVED if left else DONE, meant, again=bool(left))


def _looked_up(caller: Caller, value: Value, terms: Terms, known: Doubts) -> Entry:
    meant = doubts.earlier(value.claimants, known.about(value.text))
    # One of those whom the value meant was named in its place.
    named = value.claimants is not None and value.text in value.claimants
    reading = "id" if named else terms.reading
    try:
        if reading != "id" and doubts.has_lost_one(caller, value.text, meant):
            error = doubts.lost(value.text, meant or ())
            return Entry(value, AMBIGUOUS, error=error, claimants=meant or frozenset())
        found = people.find(caller, value.text, reading=reading)
    except Refused as error:
        return Entry(value, UNREAD, error=error, claimants=meant or frozenset())
    if not found.people:
        return Entry(value, MISSING, error=nobody(found))
    if found.ambiguous and not (terms.all and share_an_email(found)):
        ids = frozenset(str(person["id"]) for person in found.people)
        return Entry(value, AMBIGUOUS, error=several(found), claimants=ids)
    return Entry(value, RESOLVED, [_needed(person) for person in found.people])


def _needed(person: Person) -> Person:
    """What a deletion and its receipt need of a person: there may be very many."""
    names = ("id", "uid", "email", "is_being_deleted")
    return {name: person[name] for name in names if name in person}


def erase(
    caller: Caller, plan: Plan, journal: Journal, record: erasure.Record = lambda _step: None
) -> Iterator[Outcome]:
    """Ask for everyone in the plan. ``record`` gets every step, as ``erasure.delete`` says.

    A refusal is the outcome of its line. Raises what concerns all: :class:`NeedsPerson`,
    :class:`Unavailable`, and :class:`Refused` where a record cannot be kept; nobody is asked for
    then who is not in the journal.
    """
    # By the time of a second run the person may be gone, and such a line would find nobody.
    for entry in plan.entries:
        if entry.state == DUPLICATE:
            _note(journal, entry, DUPLICATE)
    # A request of the run that was cut off may still be on its way: it gets the most time.
    for entry in sorted(plan.entries, key=lambda entry: entry.again):
        if entry.state != RESOLVED:
            yield from outcomes(entry, entry.state)
            continue
        if entry.people[1:] and not entry.again:
            _note(journal, entry, PLANNED)
        for person in entry.people:
            yield _erased(caller, entry, person, journal, record)


def awaited(
    caller: Caller,
    plan: Plan,
    outcomes: Iterable[Outcome],
    patience: float,
    record: erasure.Record = lambda _step: None,
) -> Iterator[Outcome]:
    """The same outcomes, those of whom was asked for only when Fullstory knows them no more.

    Everyone is asked for first. ``patience`` is in seconds, for all; an outcome whose ``error`` is
    :class:`erasure.StillThere` is that of somebody who was not gone by then.
    """
    people = {str(person["id"]): person for entry in plan.entries for person in entry.people}
    asked = []
    for outcome in outcomes:
        if outcome.id is not None and outcome.state in _ON_THE_WAY:
            asked.append((people[outcome.id], outcome))
        else:
            yield outcome
    deadline = Deadline.after(patience, caller.clock.monotonic)
    for person, outcome in asked:
        failure = None
        try:
            step = erasure.wait_until_gone(caller, person, deadline)
        except erasure.StillThere as error:
            step, failure = error.step, error
        record(step)
        yield outcome._replace(state=step.state.value, error=failure)


def _note(journal: Journal, entry: Entry, state: str) -> None:
    ids = tuple(str(person["id"]) for person in entry.people)
    journal.write(Record(entry.value.line, ids, state), keep=False)


def outcomes(entry: Entry, state: str) -> Iterator[Outcome]:
    """One for each person of the line, or one without an id."""
    ids: list[str | None] = [str(person["id"]) for person in entry.people]
    for user_id in ids or [None]:
        yield Outcome(
            entry.value.line, entry.value.text, user_id, state, entry.error, entry.claimants
        )


def _erased(
    caller: Caller, entry: Entry, person: Person, journal: Journal, record: erasure.Record
) -> Outcome:
    line, user_id = entry.value.line, str(person["id"])

    def keep(step: Step) -> None:
        try:
            before = step.state is State.REQUESTED
            journal.write(Record(line, (user_id,), step.state.value), keep=before)
            record(step)
        except FsctlError as error:
            raise _NotKept(error) from None

    def outcome(state: str, error: FsctlError | None = None) -> Outcome:
        return Outcome(line, entry.value.text, user_id, state, error)

    try:
        step = erasure.delete(caller, person, record=keep, asked_before=entry.again)
        return outcome(step.state.value)
    except _NotKept as problem:
        raise problem.error from None
    except (NeedsPerson, Unavailable):
        raise
    except OutcomeUnknown as error:
        return outcome(UNKNOWN, error)
    except FsctlError as error:
        journal.write(Record(line, (user_id,), FAILED), keep=False)
        return outcome(FAILED, error)


class _NotKept(Exception):
    """A record could not be written: a failure of the run, not of the person."""

    def __init__(self, error: FsctlError) -> None:
        super().__init__(error.message)
        self.error = error


def has_failed(outcome: Outcome, terms: Terms) -> bool:
    """Whether the person it names is not on the way out."""
    if outcome.state == MISSING:
        return not terms.missing_ok
    return outcome.state in (AMBIGUOUS, UNREAD, FAILED, UNKNOWN)
