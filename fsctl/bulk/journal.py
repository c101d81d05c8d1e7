"""The journal of an erasure: what was asked for, kept before it is asked (DESIGN §2, Files).

A file of JSON lines in the state directory, 0600, one for each input and account: a header, then
line numbers, Fullstory ids and states. No uid, name or e-mail is ever in it. It goes when all is
done, so that only what was interrupted, or failed in part, leaves one.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Refused
from ..settings.files import cannot_write, make_private_directory

PLANNED = "planned"  # the line means them, and they are about to be asked for
FAILED = "failed"  # asked for and refused
_VERSION = 1
_FOLDER = "erasures"
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_MOST_BYTES = 1024 * 1024 * 1024


class Input(NamedTuple):
    """What is erased from: the same input and account have the same journal.

    ``path`` is absolute, or ``-`` for stdin; ``modified`` is the file's time in nanoseconds, told
    in the journal only: what counts is path, size and hash, because a file that was merely touched
    is the same input. ``account`` says where, ``choices`` how its values are read.
    """

    path: str
    size: int
    modified: int | None
    sha256: str
    account: str
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A file name for it, which gives nothing away."""
        facts = [self.path, self.size, self.sha256, self.account, *self.choices]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


class Record(NamedTuple):
    """People of one line, by Fullstory id, and how far their deletion has come.

    ``state`` is an ``erasure.State``, :data:`PLANNED` or :data:`FAILED`, or says that another line
    stands for them. One record is there whole, or not at all.
    """

    line: int
    ids: tuple[str, ...]
    state: str


class Journal:
    """Records of this and earlier runs; made by :func:`opened`."""

    def __init__(self, path: Path, descriptor: int, earlier: list[Record]) -> None:
        self._path = path
        self._descriptor = descriptor
        self.earlier = earlier

    def write(self, record: Record, *, keep: bool) -> None:
        """Add a record; with ``keep`` it is on the disk on return. Raises :class:`Refused`."""
        line = json.dumps(record._asdict(), separators=(",", ":")) + "\n"
        self._append(line.encode(), keep=keep)

    def _append(self, line: bytes, *, keep: bool) -> None:
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            if keep:
                os.fsync(self._descriptor)
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def remove(self) -> None:
        """All is done: nothing has to be remembered. Raises :class:`Refused`."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self._path, error) from None


def kept(state: Path, source: Input) -> list[Record]:
    """The records so far, to be looked at only. Raises :class:`Refused` where it is damaged."""
    path = _path(state, source)
    try:
        descriptor = os.open(path, os.O_RDONLY | _CAREFULLY)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        raise _damaged(path) from None
    try:
        return _read(path, descriptor)[0]
    finally:
        os.close(descriptor)


@contextmanager
def opened(state: Path, source: Input) -> Iterator[Journal]:
    """The journal of that input, for this process alone, below the ``state`` directory.

    Raises :class:`Refused` where another process has it, where it is damaged, and where it cannot
    be kept: without it nothing is to be asked for.
    """
    import filelock

    path = _path(state, source)
    folder = path.parent
    try:
        make_private_directory(folder)
        lock = filelock.FileLock(folder / f"{source.name}.lock", mode=0o600, timeout=0)
        lock.acquire()
    except filelock.Timeout:
        raise Refused(
            "Another fsctl is erasing the same people from the same input.",
            hint="Wait until it has ended.",
            code="locked",
        ) from None
    except OSError as error:
        raise cannot_write(folder, error) from None
    try:
        with _open(path) as descriptor:
            earlier, end = _read(path, descriptor)
            # A last line that was cut by a crash is taken away: what it says was not on the disk
            # yet, and so was not asked for.
            os.ftruncate(descriptor, end)
            journal = Journal(path, descriptor, earlier)
            if end == 0:
                header = {"journal": "fsctl users delete", "version": _VERSION}
                facts = {"path": source.path, "size": source.size, "modified": source.modified}
                line = json.dumps(header | facts) + "\n"
                journal._append(line.encode(), keep=True)
                _keep_name(folder)
            yield journal
    finally:
        lock.release()


def _path(state: Path, source: Input) -> Path:
    return state / _FOLDER / f"{source.name}.jsonl"


@contextmanager
def _open(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _CAREFULLY, 0o600)
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(path: Path, descriptor: int) -> tuple[list[Record], int]:
    """The records so far, and where the last line ends that was written whole, in bytes."""
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MOST_BYTES:
        raise _damaged(path)
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        data = stream.read()
    end = data.rfind(b"\n") + 1
    lines = data[:end].splitlines()
    try:
        documents = [json.loads(line) for line in lines]
        if documents and documents[0]["version"] != _VERSION:
            raise _damaged(path)
        return [_record(document) for document in documents[1:]], end
    except (ValueError, KeyError, TypeError):
        raise _damaged(path) from None


def _record(document: Any) -> Record:
    line, ids, state = (document[key] for key in Record._fields)
    known = isinstance(line, int) and isinstance(state, str) and isinstance(ids, list)
    if not known or len(document) > 3 or not all(isinstance(one, str) for one in ids):
        raise ValueError
    return Record(line, tuple(ids), state)


def _damaged(path: Path) -> Refused:
    return Refused(
        f"The journal {str(path)!a} of an interrupted erasure cannot be read.",
        hint="Move it away and run the command again: whoever is being deleted is recognised by "
        "a look before anything is asked for.",
        code="journal",
    )


def _keep_name(folder: Path) -> None:
    """Have the directory remember the new file, where directories can be opened."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some file systems do not, and the records are kept all the same
        pass
    finally:
        os.close(descriptor)
