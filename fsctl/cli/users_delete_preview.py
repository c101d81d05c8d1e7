"""Before a list is erased: who is meant, in numbers, or in full with ``--dry-run``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import FsctlError, Partial
from ..terminal.facts import counted
from .app import App
from .users_delete_doubts import doubts_of

if TYPE_CHECKING:
    from ..bulk.erase import Outcome, Plan, Terms
    from ..bulk.journal import Input, Record
    from ..bulk.values import Value

# What the counts of a preview are called, in this order.
_WORDS = {
    "done_earlier": "done earlier",
    "missing": "found nowhere",
    "ambiguous": "ambiguous",
    "duplicate": "said before",
    "unread": "refused",
}


def plan_of(app: App, terms: Terms, values: list[Value], earlier: Sequence[Record]) -> Plan:
    """Look everyone up, and say how many there are."""
    from ..bulk import erase

    app.messages.note(f"looking up {counted(len(values), 'value')}; nothing is deleted yet.")
    plan = erase.plan(app.caller, values, terms, doubts_of(app), earlier)
    people = len(plan.ids)
    told = [f"{count:,} {word}" for state, word in _WORDS.items() if (count := plan.counts[state])]
    left_out = f"; of {counted(len(values), 'line')}, {', '.join(told)}" if told else ""
    app.messages.announce(
        f"{people:,} {'person' if people == 1 else 'people'} to delete{left_out}."
    )
    return plan


class Preview:
    """What ``--dry-run`` shows: who would be asked for. It ends as the deletion would."""

    def __init__(self, app: App, terms: Terms, values: list[Value], source: Input) -> None:
        self._app = app
        self._terms = terms
        self._values = values
        self._source = source
        self._failed = 0  # lines
        self.rows = self._look()

    def _look(self) -> Iterator[Mapping[str, Any]]:
        from ..bulk import erase, journal

        terms = self._terms
        earlier = journal.kept(self._app.directory("state"), self._source)
        for entry in plan_of(self._app, terms, self._values, earlier).entries:
            state = "would_delete" if entry.state == erase.RESOLVED else entry.state
            outcomes = list(erase.outcomes(entry, state))
            self._failed += any(erase.has_failed(outcome, terms) for outcome in outcomes)
            yield from map(as_row, outcomes)

    def ending(self) -> FsctlError | None:
        """What the rows come to."""
        if not self._failed:
            return None
        return Partial(
            f"{self._failed:,} of {counted(len(self._values), 'line')} would fail; nothing was "
            "deleted.",
            hint="The rows tell why; --missing-ok lets people be missing.",
        )


def as_row(outcome: Outcome) -> dict[str, Any]:
    """An outcome as it is printed."""
    return {
        "line": outcome.line,
        "who": outcome.who,
        "id": outcome.id,
        "state": outcome.state,
        "reason": outcome.error.message if outcome.error else None,
    }
