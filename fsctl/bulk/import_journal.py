"""The journal of an import: what was sent, kept before it is sent (DESIGN §2, Files).

A directory in the state directory, 0700, one for each input, kind and account. ``journal.jsonl``
holds facts of the input and, for every stretch of it, offsets, the hash of the body and the
idempotency key before it is sent, and the job's id after; never what stands in a row. Beside it
stand the parts of the rejects, which are people's data as the rejects are. All of it goes when the
import is done.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Refused
from ..settings.files import cannot_write, make_private_directory
from .batches import Position
from .locked import Busy, Untrusted, keep_names, locked

FOLDER = "imports"
_VERSION = 1
_NAME = "journal.jsonl"
_LOCK = "lock"
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


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
    - ``refused``: it was refused as a whole; ``split``: its rows are in other, smaller stretches
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

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "unknown")


class Unfinished(NamedTuple):
    """An import of an earlier or of another run, for a list."""

    kind: str
    path: str
    account: str
    begun: str
    stretches: tuple[Kept, ...]
    read_to_end: bool
    running: bool  # another process works on it
    directory: Path


class Journal:
    """The journal of one import; made by :func:`opened`. Safe to use from several threads."""

    def __init__(self, directory: Path, descriptor: int, kept: Mapping[int, Kept]) -> None:
        self.directory = directory
        self._descriptor = descriptor
        self._kept = dict(kept)
        self._lock = threading.Lock()
        self._closed = False

    @property
    def is_new(self) -> bool:
        return not self._kept

    def stretches(self) -> list[Kept]:
        """All that are known and not split, by where they stand."""
        with self._lock:
            live = [kept for kept in self._kept.values() if kept.state != "split"]
        return sorted(live, key=lambda kept: kept.start.offset)

    def at(self, offset: int) -> Kept:
        """The stretch that begins there."""
        with self._lock:
            return self._kept[offset]

    def write(self, kept: Kept) -> None:
        """Remember this of its stretch; it is on the disk on return. Raises :class:`Refused`."""
        line = json.dumps(_document(kept), separators=(",", ":")) + "\n"
        with self._lock:
            self._append(line.encode())
            self._kept[kept.start.offset] = kept

    def split(self, kept: Kept, pieces: list[Kept]) -> None:
        """Replace a stretch by others that cover it, all at once."""
        documents = [_document(kept._replace(state="split")), *map(_document, pieces)]
        line = json.dumps(documents, separators=(",", ":")) + "\n"
        with self._lock:
            self._append(line.encode())
            self._kept.update((piece.start.offset, piece) for piece in pieces)

    def _append(self, line: bytes) -> None:
        if self._closed:  # a thread that was left behind: its word would be nobody's
            raise Refused("The journal is closed already.", code="journal")
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError as error:
            raise cannot_write(self.directory / _NAME, error) from None

    def part(self, offset: int, sort: str) -> Path:
        """Where the part of an output stands that comes from the stretch at that offset."""
        return self.directory / f"{offset:020d}.{sort}"

    def parts(self, sort: str) -> list[Path]:
        """The parts of an output, in the order of the input, of the stretches that are over."""
        paths = (self.part(kept.start.offset, sort) for kept in self.stretches() if kept.is_over)
        return [path for path in paths if path.exists()]

    def close(self) -> None:
        """Nothing more is written."""
        with self._lock:
            self._closed = True

    def remove(self) -> None:
        """All is done: nothing has to be remembered. Raises :class:`Refused`."""
        self.close()
        try:
            # The journal first: without it, parts mean nothing.
            (self.directory / _NAME).unlink(missing_ok=True)
            for path in self.directory.iterdir():
                if path.name != _LOCK:
                    path.unlink()
        except OSError as error:
            raise cannot_write(self.directory, error) from None


@contextmanager
def opened(state: Path, identity: Identity, *, restart: bool, begun: str) -> Iterator[Journal]:
    """The journal of that import, for this process alone, below the ``state`` directory.

    ``restart`` forgets what was kept; ``begun`` is the time to note. Raises :class:`Refused` where
    another process has it, where it is damaged, where the input or the options are not as they
    were, and where it cannot be kept.
    """
    directory = state / FOLDER / identity.name
    try:
        make_private_directory(directory)
        with locked(directory / _LOCK, create=True):
            if restart:
                _clear(directory)
            with _open(directory / _NAME) as descriptor:
                kept = _resumed(directory / _NAME, descriptor, identity, begun)
                journal = Journal(directory, descriptor, kept)
                try:
                    yield journal
                finally:
                    journal.close()
                    if journal.is_new:  # nothing was sent: there is nothing to go on with
                        _clear(directory)
    except Busy:
        raise Refused(
            f"Another fsctl is importing {identity.path!a} already.",
            hint="Wait until it has ended.",
            code="locked",
        ) from None
    except Untrusted as untrusted:
        raise Refused(
            f"The journal in {str(directory)!a} is not used: {untrusted}.",
            hint="Look at it, and move it away.",
            code="journal",
        ) from None
    finally:
        _remove_if_empty(directory)


def unfinished(state: Path, kind: str | None = None) -> Iterator[Unfinished]:
    """The imports that are under way or were not finished, oldest first."""
    folder = state / FOLDER
    try:
        directories = sorted(path for path in folder.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
    found = []
    for directory in directories:
        try:
            descriptor = os.open(directory / _NAME, os.O_RDONLY | _CAREFULLY)
        except OSError:
            continue
        try:
            header, kept, _ = _read(directory / _NAME, descriptor)
        finally:
            os.close(descriptor)
        if header is None or (kind is not None and header["kind"] != kind):
            continue
        live = sorted(
            (one for one in kept.values() if one.state != "split"),
            key=lambda one: one.start.offset,
        )
        found.append(
            Unfinished(
                header["kind"],
                header["path"],
                header["account"],
                header["begun"],
                tuple(live),
                any(one.end is None for one in live),
                _is_locked(directory / _LOCK),
                directory,
            )
        )
    yield from sorted(found, key=lambda one: one.begun)


def _resumed(path: Path, descriptor: int, identity: Identity, begun: str) -> dict[int, Kept]:
    header, kept, end = _read(path, descriptor)
    # A last line that was cut by a crash is taken away: what it says was not on the disk yet, and
    # so was not sent.
    os.ftruncate(descriptor, end)
    if header is None:
        facts = {"journal": "fsctl import", "version": _VERSION, "begun": begun}
        line = json.dumps(facts | identity._asdict()) + "\n"
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        except OSError as error:
            raise cannot_write(path, error) from None
        keep_names(path.parent)
        keep_names(path.parent.parent)
        return {}
    earlier = Identity(**{name: header[name] for name in Identity._fields})
    changed = identity.differences(earlier)
    if changed and kept:
        raise Refused(
            f"{identity.path!a} has an unfinished import, and is not as it was then: "
            f"{', '.join(changed)}.",
            hint="Give the input and the options of that import to go on with it; --restart begins "
            "anew, and what was sent before stays sent.",
            code="changed",
        )
    return kept


def _clear(directory: Path) -> None:
    try:
        (directory / _NAME).unlink(missing_ok=True)
        for path in directory.iterdir():
            if path.name != _LOCK:
                path.unlink()
    except OSError as error:
        raise cannot_write(directory, error) from None


def _remove_if_empty(directory: Path) -> None:
    """Take the directory away once no journal is in it."""
    if not directory.is_dir() or (directory / _NAME).exists():
        return
    shutil.rmtree(directory, ignore_errors=True)


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


def _read(path: Path, descriptor: int) -> tuple[dict[str, Any] | None, dict[int, Kept], int]:
    """The header, the stretches by their offset, and where the last whole line ends."""
    header: dict[str, Any] | None = None
    kept: dict[int, Kept] = {}
    end = 0
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        try:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                document = json.loads(line)
                if header is None:
                    header = _header(document)
                else:
                    for one in document if isinstance(document, list) else [document]:
                        record = _record(one)
                        kept[record.start.offset] = record
                end += len(line)
        except (ValueError, KeyError, TypeError):
            raise _damaged(path) from None
    return header, kept, end


def _header(document: Any) -> dict[str, Any]:
    if document["version"] != _VERSION or document["journal"] != "fsctl import":
        raise ValueError
    Identity(**{name: document[name] for name in Identity._fields})
    return dict(document)


def _document(kept: Kept) -> dict[str, Any]:
    return kept._asdict()


def _record(document: dict[str, Any]) -> Kept:
    kept = Kept(**document)
    end = None if kept.end is None else Position(*kept.end)
    return kept._replace(start=Position(*kept.start), end=end)


def _is_locked(path: Path) -> bool:
    try:
        with locked(path):
            return False
    except Busy:
        return True
    except (OSError, Untrusted):
        return False


def _told(size: int | None) -> str:
    return "unknown" if size is None else f"{size:,}"


def _damaged(path: Path) -> Refused:
    return Refused(
        f"The journal {str(path)!a} of an unfinished import cannot be read.",
        hint="Move its directory away, or begin anew with --restart.",
        code="journal",
    )
