"""How far an export has come, so that it can be gone on with (DESIGN §2, Files).

A small file in the state directory, one for each file that is exported to: what was asked for, the
token of the next page, and how much of the partial file belongs to the pages before. The people
themselves stand beside the file that they will be.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ..errors import Refused
from ..settings.files import cannot_keep, make_private_directory, new_file

FOLDER = "exports"
_VERSION = 1
_SORT = "fsctl export"
_LONGEST_NAME = 200  # characters that a partial's name has of the file's

Facts = Mapping[str, str]  # what was asked for, by the option or the word for it


Count = Annotated[int, msgspec.Meta(ge=0)]


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far it has come. ``offset`` is in bytes of the partial file, ``token`` is of the page
    that comes next; ``left_out`` people were being deleted.

    ``complete``: all pages are there. ``published`` is the device and inode of what was about to
    get its final name.
    """

    facts: Facts
    begun: str
    token: str = ""
    offset: Count = 0
    people: Count = 0
    left_out: Count = 0
    complete: bool = False
    published: tuple[int, int] | None = None

    def but(self, **changed: Any) -> State:
        """The same with these fields changed."""
        return msgspec.structs.replace(self, **changed)


class Keeper:
    """Keeps the state of the export to one file."""

    def __init__(self, directory: Path, to: Path) -> None:
        self.to = to
        self.partial = to.with_name(f"{to.name[:_LONGEST_NAME]}.partial")
        name = hashlib.sha256(os.fsencode(to)).hexdigest()[:32]
        self._path = directory / FOLDER / f"{name}.json"

    def earlier(self) -> State | None:
        """What an earlier run kept. Raises :class:`Refused` where it cannot be read."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self.damaged(error.strerror or str(error)) from None
        try:
            document = json.loads(text)
            if document.pop("version") != _VERSION or document.pop("export") != _SORT:
                raise ValueError
            document.pop("to")
            return msgspec.convert(document, State)
        except (ValueError, KeyError, TypeError, AttributeError, msgspec.ValidationError):
            raise self.damaged("it is damaged") from None

    def keep(self, state: State) -> None:
        """Remember this; it is on the disk on return. Raises :class:`Refused`."""
        try:
            make_private_directory(self._path.parent)
        except OSError as error:
            raise cannot_keep(self._path.parent, error) from None
        head = {"export": _SORT, "version": _VERSION, "to": str(self.to)}
        with new_file(self._path, force=True) as stream:
            stream.write(json.dumps(head | msgspec.structs.asdict(state)).encode() + b"\n")

    def forget(self) -> None:
        """Nothing has to be remembered any more, what a killed run left behind included."""
        with suppress(OSError):
            self._path.unlink()
        with suppress(OSError):
            for left in self._path.parent.glob(f".{self._path.name[:40]}.*.tmp"):
                left.unlink()
        with suppress(OSError):
            self._path.parent.rmdir()  # only where it is empty

    def is_published(self, state: State) -> bool:
        """Whether the file is there that this export was about to give its final name."""
        if state.published is None:
            return False
        try:
            facts = self.to.lstat()
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == state.published

    def sweep(self, state: State) -> None:
        """Take away what a run left that was killed while it made the file."""
        with suppress(OSError):
            for left in self.to.parent.iterdir():
                if left.name.startswith(f".{self.to.name[:40]}.") and left.name.endswith(".tmp"):
                    facts = left.lstat()
                    if (facts.st_dev, facts.st_ino) == state.published:
                        left.unlink()

    def damaged(self, why: str) -> Refused:
        """The error for a state that nothing can be gone on with from."""
        return Refused(
            f"What is kept of the unfinished export in {str(self._path)!a} is not used: {why}.",
            hint="Add --restart to begin anew.",
            code="state",
        )


def differences(now: Facts, then: Facts) -> list[str]:
    """What is not asked for as it was, in words."""
    return [
        f"{name} ({then.get(name) or 'not given'}, now {now.get(name) or 'not given'})"
        for name in dict.fromkeys((*then, *now))
        if now.get(name) != then.get(name)
    ]
