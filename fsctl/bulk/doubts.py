"""Values that once meant several people: they stay refused until somebody names an id.

Visitors choose uids and e-mails. When one of several people is deleted, their value means just the
other, and a list that comes again (as it was, mended, or as rejects) would delete somebody whom
nobody has named. So a value that was refused is remembered with the ids it meant, per connection,
in a file of the state directory; and rejects say it above the value, for another machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from functools import cached_property, reduce
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Refused
from ..settings.files import cannot_write, make_private_directory

if TYPE_CHECKING:
    from ..fullstory.call import Caller

# The states of a line whose value must not be taken for one person later, in journals and rejects.
AMBIGUOUS, UNREAD = "ambiguous", "unread"
# The ids that a value meant, all that are known: none where it could have been anybody.
Claimants = frozenset[str]

FILE_NAME = "ambiguous.jsonl"
_VERSION = 1
_MOST_BYTES = 64 * 1024 * 1024
_MOST_MARKED = 1000  # ids in a note: far more than can be left when just one is
_NOTE = re.compile(r"#\s*line [0-9]+, (?:ambiguous|unread)(?: \[([0-9 ]*)\])?:", re.ASCII)


class Doubts:
    """What the file in the directory ``state`` remembers about one ``connection``.

    Of values it holds salted hashes only. With ``forgetful`` nothing is written.
    """

    def __init__(self, state: Path, connection: str, *, forgetful: bool = False) -> None:
        self._path = state / FILE_NAME
        self._connection = connection
        self._forgetful = forgetful

    def about(self, who: str) -> Claimants | None:
        """Whom ``who`` meant when it was refused; None: it was not. Raises :class:`Refused`."""
        salt, known = self._known
        return known.get(self._digest(who, salt)) if known else None

    def remember(self, values: Mapping[str, Claimants]) -> None:
        """Keep these beyond this run. Raises :class:`Refused` where that cannot be."""
        new = {who: meant for who, meant in values.items() if self._is_new(who, meant)}
        if self._forgetful or not new:
            return
        import filelock

        try:
            make_private_directory(self._path.parent)
            with filelock.FileLock(self._path.with_suffix(".lock"), mode=0o600):
                self._append(new)
        except OSError as error:
            raise cannot_write(self._path, error) from None
        self.__dict__.pop("_known", None)

    def _is_new(self, who: str, meant: Claimants) -> bool:
        known = self.about(who)
        return known is None or both(known, meant) != known

    def _append(self, new: Mapping[str, Claimants]) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(self._path, flags, 0o600), "rb+") as stream:
            data = self._whole(stream.fileno())
            stream.truncate(len(data))  # without a line that a crash has cut off
            salt = self._parsed(data)[0] if data else secrets.token_hex(16)
            header = [] if data else [{"version": _VERSION, "salt": salt}]
            lines = [
                {"who": self._digest(who, salt), "ids": sorted(meant)} for who, meant in new.items()
            ]
            stream.write("".join(json.dumps(line) + "\n" for line in (*header, *lines)).encode())
            stream.flush()
            os.fsync(stream.fileno())

    @cached_property
    def _known(self) -> tuple[str, dict[str, Claimants]]:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(self._path, flags)
        except (FileNotFoundError, NotADirectoryError):
            return "", {}
        except OSError:
            raise self._damaged() from None
        try:
            return self._parsed(self._whole(descriptor))
        finally:
            os.close(descriptor)

    def _whole(self, descriptor: int) -> bytes:
        """The lines that were written to their ends."""
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MOST_BYTES:
            raise self._damaged()
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            data = stream.read()
        return data[: data.rfind(b"\n") + 1]

    def _parsed(self, data: bytes) -> tuple[str, dict[str, Claimants]]:
        known: dict[str, Claimants] = {}
        if not data:
            return "", known
        try:
            header, *lines = map(json.loads, data.splitlines())
            if header["version"] != _VERSION:
                raise self._damaged()
            for line in lines:
                meant = frozenset(map(str, line["ids"]))
                known[line["who"]] = both(known.get(line["who"], meant), meant)
            return str(header["salt"]), known
        except (ValueError, KeyError, TypeError):
            raise self._damaged() from None

    def _digest(self, who: str, salt: str) -> str:
        facts = json.dumps([salt, self._connection, who.lower()])
        return hashlib.sha256(facts.encode()).hexdigest()

    def _damaged(self) -> Refused:
        return Refused(
            f"The list {str(self._path)!a} of values that were ambiguous cannot be read.",
            hint="Move it away, and delete by Fullstory id who was ambiguous before.",
            code="journal",
        )


def both(one: Claimants, other: Claimants) -> Claimants:
    """Everyone of both; nobody knows whom, where one of them says so."""
    return one | other if one and other else frozenset()


def earlier(*told: Claimants | None) -> Claimants | None:
    """What notes of several places say together."""
    notes = [each for each in told if each is not None]
    return reduce(both, notes) if notes else None


def has_lost_one(caller: Caller, who: str, meant: Claimants | None) -> bool:
    """Whether ``who`` has ``meant`` people who are not all called that any more.

    Where all are, it is as clear or unclear as ever, and may be read in another way by now.
    """
    from ..fullstory import people

    if meant is None:
        return False
    found = people.find(caller, who)
    return not meant or not meant <= {str(person["id"]) for person in found.people}


def lost(who: str, meant: Iterable[str]) -> Refused:
    """The failure of a value whose people are not all there any more."""
    some = sorted(meant)
    ids = ", ".join(some[:10]) + (" and more" if some[10:] else "")
    message = (
        f"{who!a} meant several people before: {ids}. Not all of them are called that any more."
        if some
        else f"{who!a} could not be told apart from other people before some were deleted."
    )
    return Refused(
        message, hint="Name who is meant by the Fullstory id, with --id.", code="ambiguous"
    )


# -- in rejects


def noted(who: str, claimants: Iterable[str]) -> str:
    """The ids to write beside a rejected value, for :func:`from_ids`.

    None of them where the value is one itself: it could not be told from an id that was chosen.
    """
    ids = sorted(claimants)
    return "" if who in ids else " ".join(ids[:_MOST_MARKED])


def from_comment(line: str) -> Claimants | None:
    """What a comment above a value says of it, as rejects are written; None: nothing."""
    match = _NOTE.match(line)
    return from_ids(match[1] or "") if match else None


def from_ids(text: str) -> Claimants:
    """The ids of a note. Where they cannot be read, nobody knows whom the value meant."""
    ids = text.split()
    return frozenset(ids) if all(one.isascii() and one.isdigit() for one in ids) else frozenset()


def from_cells(cells: Mapping[str, str]) -> Claimants | None:
    """The same from the cells of a row, by the columns of rejects."""
    if cells.get("state", "").strip().lower() not in (AMBIGUOUS, UNREAD):
        return None
    return from_ids(cells.get("claimants", ""))
