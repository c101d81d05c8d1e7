"""Receipts of deletions: a line of JSON before sending and one after, kept before going on.

What a privacy ticket needs to say later who was asked for, when, by which road, and what Fullstory
answered (contracts/fullstory-api §2.1: a deletion has no id of its own and no record in the API).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Refused, Usage
from .times import to_api

if TYPE_CHECKING:
    from .erasure import Step


_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
_FLAGS |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def new_path(receipt: str, *, tried: bool) -> Path:
    """Where a receipt is going to be, for :class:`Receipt`.

    Raises :class:`Usage` for what could not be kept, before anybody is looked up. Only with
    ``tried`` the file is made, for a moment: what else keeps it from being made is not known.
    """
    if receipt == "-":
        raise Usage(
            "--receipt needs a file; what stdout gets are the outcomes.", hint="Name a new file."
        )
    try:
        path = Path(receipt).expanduser()
    except RuntimeError:
        raise Usage(f"{receipt!a} is in the home of nobody.", hint="Name a new file.") from None
    if os.path.lexists(path):
        raise _exists(path)
    if not path.parent.is_dir():
        raise Usage(f"The directory {str(path.parent)!a} does not exist.", hint="Create it first.")
    if tried:
        try:
            os.close(os.open(path, _FLAGS, 0o600))
            path.unlink()
        except OSError as error:
            raise _impossible(path, error) from None
    return path


class Receipt:
    """A new file of a run's own, 0600, to which lines are only ever added.

    Made at once, so that what cannot be kept is never asked for. ``profile`` and ``connection``
    say whose account it is; ``now`` tells the time of each line.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], datetime],
        profile: str | None = None,
        connection: str | None = None,
    ) -> None:
        """Raises :class:`Usage` where something is there, :class:`Refused` where nothing can be."""
        self._path = path
        self._now = now
        self._facts = {"profile": profile, "connection": connection}
        try:
            self._descriptor = os.open(path, _FLAGS, 0o600)
            _keep_name(path)
        except FileExistsError:
            raise _exists(path) from None
        except OSError as error:
            raise _cannot(path, error) from None

    def write(self, step: Step) -> None:
        """Add a line, and return when it is on the disk. Raises :class:`Refused`."""
        line = json.dumps(as_data(step, self._now(), self._facts), separators=(",", ":")) + "\n"
        try:
            rest = memoryview(line.encode())
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise _cannot(self._path, error, step) from None

    def close(self) -> None:
        os.close(self._descriptor)


def as_data(step: Step, now: datetime, facts: dict[str, str | None]) -> dict[str, Any]:
    """A receipt's line as data. ``facts`` are what is the same for all lines of a run."""
    person = step.person
    asked = dict(step.asked) if step.asked is not None else None
    for word in ("connection", "dry_run", "fitted"):  # said elsewhere, or of plans only
        if asked is not None:
            asked.pop(word, None)
    return {
        "time": to_api(now),
        "state": step.state.value,
        "id": str(person["id"]) if "id" in person else None,
        "uid": person.get("uid"),
        "email": person.get("email"),
        **facts,
        "asked": asked,
        "answered": step.answered,
        "action_run_id": step.action_run_id,
    }


def _keep_name(path: Path) -> None:
    """Have the directory remember the new file, where directories can be opened."""
    if os.name == "nt":
        return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    except OSError:  # some file systems do not, and the lines are kept all the same
        pass
    finally:
        os.close(directory)


def _exists(path: Path) -> Usage:
    return Usage(
        f"{str(path)!a} exists already.", hint="Name a new file: a receipt is never added to."
    )


def _impossible(path: Path, error: OSError) -> Usage:
    return Usage(
        f"The receipt {str(path)!a} cannot be written: {error.strerror or error}.",
        hint="Check the directory, its permissions and the free space.",
        code="receipt",
    )


def _cannot(path: Path, error: OSError, step: Step | None = None) -> Refused:
    reason = error.strerror or str(error)
    if step is None or step.state.value in ("requested", "missing"):
        return Refused(
            f"The receipt {str(path)!a} cannot be written: {reason}. Nothing was sent.",
            hint="Check the directory, its permissions and the free space.",
            code="receipt",
        )
    return Refused(
        f"The deletion of {step.person['id']} is {step.state.value}, but the receipt "
        f"{str(path)!a} cannot be written: {reason}.",
        hint="Note it by hand; running the same command again asks for nothing twice.",
        code="receipt",
    )
