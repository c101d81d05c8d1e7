"""What the journal of an import says: what input it is of, and how far each stretch has come."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Refused
from .batches import Position, gaps

_VERSION = 1
_SORT = "fsctl import"


class Identity(NamedTuple):
    """The input of an import. ``path`` is absolute, or ``-``; ``account`` says where it goes.

    ``size`` in bytes, ``modified`` in nanoseconds since 1970, ``ends`` the hash of its first and
    last bytes; ``choices`` are the options that decide what its rows become.
    """

    kind: str
    path: str
    account: str
    size: int | None
    modified: int | None
    ends: str | None
    choices: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """A name for its directory, which gives nothing away."""
        facts = json.dumps([self.kind, self.path, self.account])
        return hashlib.sha256(facts.encode()).hexdigest()[:32]

    def differences(self, earlier: Identity) -> list[str]:
        """What is not as it was, in words."""
        changed = []
        if self.size != earlier.size:
            changed.append(f"its size ({_told(earlier.size)}, now {_told(self.size)} bytes)")
        elif self.ends != earlier.ends:
            changed.append("its contents")
        if self.modified != earlier.modified and not changed:
            changed.append("its time of modification")
        names = sorted({*self.choices, *earlier.choices})
        changed += [
            f"{name} ({earlier.choices.get(name) or 'not given'}, now "
            f"{self.choices.get(name) or 'not given'})"
            for name in names
            if self.choices.get(name) != earlier.choices.get(name)
        ]
        return changed


class Kept(NamedTuple):
    """What is known of a stretch: the last word of each kind about it.

    ``rows`` are those in the batch, ``bad`` those that did not pass the check; ``at`` is the Unix
    time it was first sent. ``job`` is the job's id once Fullstory told one. ``state``:

    - ``sent``: it may have arrived; ``unsent``: it certainly did not
    - ``split``: its rows are in other, smaller stretches
    - ``done``: it was followed to its end, and its rejects are kept
    - ``unknown``: nobody will know what became of its rows
    """

    start: Position
    end: Position | None
    rows: int
    bad: int
    sha256: str
    key: str
    at: float
    job: str | None = None
    state: str = "sent"
    imports: int = 0
    errors: int = 0
    untold: int = 0  # failures of which no row came back
    nameless: int = 0  # imported rows whose ids were asked for, and did not come

    @property
    def may_be_there(self) -> bool:
        """Whether any of its rows may be at Fullstory."""
        return self.rows > 0 and self.state not in ("unsent", "split")

    @property
    def unanswered(self) -> int:
        """Rows that were sent, and of which no job was told yet."""
        return self.rows if self.state == "sent" and self.job is None else 0

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "unknown")


def header_line(identity: Identity, begun: str) -> bytes:
    """The first line of a journal."""
    facts = {"journal": _SORT, "version": _VERSION, "begun": begun}
    return json.dumps(facts | identity._asdict()).encode() + b"\n"


def line_of(stretches: Iterable[Kept]) -> bytes:
    """A line that says this of these stretches, all of it or nothing."""
    documents = [kept._asdict() for kept in stretches]
    return json.dumps(documents, separators=(",", ":")).encode() + b"\n"


def rest(live: Sequence[Kept], first: Position | None) -> tuple[tuple[int, int | None], ...]:
    """The lines of an input that are not done: from one to before another (None: to its end)."""
    over = [(kept.start, kept.end) for kept in live if kept.is_over]
    found = [
        (Position(0, 1) if start is None else start, end)
        for start, end in gaps(over)
        if start is not None or end is None or end != first
    ]
    return tuple((start.line, None if end is None else end.line) for start, end in found)


class Contents(NamedTuple):
    """What a journal holds: whose it is (None: nothing yet), its stretches by their offset, and
    where its last whole line ends."""

    identity: Identity | None
    begun: str
    stretches: dict[int, Kept]
    end: int

    @property
    def live(self) -> list[Kept]:
        """All that are not split, by where they stand."""
        found = (kept for kept in self.stretches.values() if kept.state != "split")
        return sorted(found, key=lambda kept: kept.start.offset)


def contents(path: Path, descriptor: int) -> Contents:
    """Read a journal. Raises :class:`Refused` where it is damaged."""
    identity: Identity | None = None
    begun = ""
    stretches: dict[int, Kept] = {}
    end = 0
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        try:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                document = json.loads(line)
                if identity is None:
                    identity, begun = _header(document)
                else:
                    found = [_kept(one) for one in document]
                    stretches.update((kept.start.offset, kept) for kept in found)
                end += len(line)
        except (ValueError, KeyError, TypeError):
            raise damaged(path) from None
    return Contents(identity, begun, stretches, end)


def _header(document: Any) -> tuple[Identity, str]:
    if document["version"] != _VERSION or document["journal"] != _SORT:
        raise ValueError
    identity = Identity(**{name: document[name] for name in Identity._fields})
    return identity, str(document["begun"])


def _kept(document: dict[str, Any]) -> Kept:
    kept = Kept(**document)
    end = None if kept.end is None else Position(*kept.end)
    return kept._replace(start=Position(*kept.start), end=end)


def _told(size: int | None) -> str:
    return "unknown" if size is None else f"{size:,}"


def damaged(path: Path) -> Refused:
    return Refused(
        f"The journal {str(path)!a} of an unfinished import cannot be read.",
        hint="Move its directory away, or begin anew with --restart.",
        code="journal",
    )
