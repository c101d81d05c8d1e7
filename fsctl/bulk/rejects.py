"""The rejects of a list: what was not done and why, in a form that can be given again.

A list of values stays one, with the reason in a comment above each; a table has the column, the
line, the state, the reason, and of an ambiguous value the ids of those whom it means. It holds
people's data: 0600, and never over another file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..settings.files import new_file
from ..terminal.delimited import csv_cell, guard
from .doubts import noted
from .erase import Outcome

_REASON = ("line", "state", "reason", "claimants")
_TABBED = (".tsv", ".tab")


def default_path(source: Path) -> Path:
    """``people.csv``: ``people.rejects.csv``, beside it."""
    return source.with_name(f"{source.stem}.rejects{source.suffix}")


def write(path: Path, rejected: Iterable[Outcome], *, column: str | None, force: bool) -> None:
    """Write the file. ``column`` None means a list, otherwise a table with that column.

    Raises :class:`Usage` where something is there already, :class:`Refused` where it cannot be
    written.
    """
    with new_file(path, force=force) as stream:
        separator = "\t" if path.suffix.lower() in _TABBED else ","
        if column is not None:
            stream.write(_line((column, *_REASON), separator))
        for outcome in rejected:
            reason = " ".join((outcome.error.message if outcome.error else "").split())
            ids = noted(outcome.who, outcome.claimants)
            if column is not None:
                cells = (outcome.who, str(outcome.line), outcome.state, reason, ids)
                stream.write(_line(cells, separator))
            else:
                note = f" [{ids}]" if ids else ""
                head = f"# line {outcome.line}, {outcome.state}{note}: {reason}\n"
                stream.write(f"{head}{outcome.who}\n".encode("utf-8", "backslashreplace"))


def _line(cells: Iterable[str], separator: str) -> bytes:
    text = separator.join(csv_cell(guard(cell)) for cell in cells) + "\n"
    return text.encode("utf-8", "backslashreplace")
