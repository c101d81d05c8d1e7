"""The outbox: annotations that were certainly not sent, kept to be sent later (DESIGN §2, Files).

One JSON file each, 0600, with the times it was made for and the connection it was made for. Its
name says how far it has come, and changes before the thing itself happens::

    NAME.json       waiting
    NAME.sending    claimed by a flush, which holds a lock on it: about to be sent, or being sent
    NAME.unknown    sent, or perhaps not: never sent again by itself

A rename happens to one of two flushes only, so each annotation is sent once; what a dead flush has
left as ``sending`` may have arrived, and becomes ``unknown``.
"""

from __future__ import annotations

import json
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from ..errors import Refused, Usage
from ..settings.files import cannot_write, make_private_directory, new_file
from . import locked

FOLDER = "outbox"  # in the state directory, where no other place is named

State = Literal["waiting", "sending", "unknown"]

_SUFFIXES: dict[str, State] = {".json": "waiting", ".sending": "sending", ".unknown": "unknown"}
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{8}\.(?:json|sending|unknown)")
_VERSION = 1
_LONGEST = 1000  # characters of any value
_WHOSE = ("account", "connection", "named")


class Entry(NamedTuple):
    """An annotation and whose it is.

    Times are Fullstory's (``2022-03-15T14:23:23Z``). ``account`` is the Membrane account as
    gateways name it, ``connection`` the connection's id, ``named`` what the user called it; each
    None where it was not known when the annotation was kept. ``once`` says what is the same
    annotation (see :func:`markers.same`) and ``once_dir`` where that is remembered; None where
    ``--once`` or ``--once-dir`` was not asked for.
    """

    text: str
    start_time: str
    end_time: str | None = None
    source: str | None = None
    account: str | None = None
    connection: str | None = None
    named: str | None = None
    once: str | None = None
    once_dir: str | None = None


class Found(NamedTuple):
    """A file of the outbox. ``entry`` is None where the file is not used: ``problem`` says why."""

    path: Path
    state: State
    entry: Entry | None
    problem: str | None = None


class Taken(Exception):
    """Another process sends this entry, or has sent it."""


def keep(directory: Path, entry: Mapping[str, Any], now: datetime | None = None) -> Path:
    """Keep an annotation in ``directory``, which is made where it is missing.

    On return it is on the disk. Its place in the order is by ``now``. ``entry`` holds the fields
    of an :class:`Entry`. Raises :class:`Usage` where the directory is none, :class:`Refused` where
    it cannot be written, and ValueError for what is no entry.
    """
    document = {"outbox": "fsctl annotation", "version": _VERSION}
    document |= _checked(entry)._asdict()
    now = (now or datetime.now(UTC)).astimezone(UTC)
    path = directory / f"{now:%Y%m%dT%H%M%S}.{now:%f}Z-{secrets.token_hex(4)}.json"
    try:
        _check_directory(directory)
        make_private_directory(directory)
        # Nothing has that name. Moved there, not linked: a file with two names is not trusted.
        with new_file(path, force=True) as stream:
            stream.write((json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())
        locked.keep_names(directory)
    except OSError as error:
        raise cannot_write(directory, error) from None
    return path


def is_open(directory: Path) -> bool:
    """Whether every user may rename what is in ``directory``: ``.unknown`` to ``.json``, say."""
    if sys.platform == "win32":
        return False
    try:
        mode = directory.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def entries(directory: Path) -> list[Found]:
    """What is in ``directory``, the oldest first; nothing where there is no such directory.

    Files with other names are not looked at. Raises :class:`Usage` where it is no directory or a
    symbolic link, :class:`Refused` where it cannot be read.
    """
    try:
        _check_directory(directory)
        names = sorted(each.name for each in directory.iterdir() if _NAME.fullmatch(each.name))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Refused(
            f"The outbox {str(directory)!a} cannot be read: {error.strerror or error}.",
            hint="Check its permissions.",
        ) from None
    return [found for name in names if (found := _look(directory / name)) is not None]


def holds(directory: Path, entry: Mapping[str, Any]) -> bool:
    """Whether the same annotation, by its ``once``, waits in ``directory`` already.

    What was not known of its account or connection, then or now, makes no difference. Raises as
    :func:`entries` does.
    """
    return entry.get("once") is not None and any(
        found.state == "waiting" and found.entry is not None and _is_same(found.entry, entry)
        for found in entries(directory)
    )


def _is_same(one: Entry, other: Mapping[str, Any]) -> bool:
    names = ("account", "connection") if one.connection and other["connection"] else _WHOSE
    return one.once == other["once"] and all(
        getattr(one, name) in (None, other[name]) or other[name] is None for name in names
    )


class Claim:
    """An entry that is this process's to send; made by :func:`claimed`."""

    def __init__(self, path: Path, entry: Entry) -> None:
        self.path = path
        self.entry = entry

    def sent(self) -> None:
        """It has arrived: the file goes. Raises :class:`Refused`; it is then told as unknown."""
        try:
            self.path.unlink()
            locked.keep_names(self.path.parent)
        except OSError as error:
            raise cannot_write(self.path, error) from None

    def release(self) -> None:
        """It was certainly not sent, and waits again."""
        self._rename(".json")

    def unknown(self) -> None:
        """Whether it has arrived is unknown: kept apart."""
        self._rename(".unknown")

    def _rename(self, suffix: str) -> None:
        try:
            self.path = _renamed(self.path, suffix)
        except OSError as error:
            raise cannot_write(self.path, error) from None


@contextmanager
def claimed(found: Found) -> Iterator[Claim]:
    """Claim a waiting entry while the block runs, marked as ``sending`` on the disk.

    Where the block says nothing it stays so, and may have been sent. Raises :class:`Taken` where
    another process has it, :class:`Refused` where it is not trusted any more or cannot be marked.
    """
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(locked.locked(found.path))
            entry = _parsed(locked.read(descriptor))
            claim = Claim(_renamed(found.path, ".sending"), entry)
        except (locked.Busy, FileNotFoundError):
            raise Taken from None
        except locked.Untrusted as problem:
            raise _untrusted(found.path, problem) from None
        except OSError as error:
            raise cannot_write(found.path, error) from None
        yield claim


def settle(found: Found) -> bool:
    """Set apart what a dead flush has left as ``sending``; False where the flush is alive."""
    try:
        with locked.locked(found.path):
            _renamed(found.path, ".unknown")
    except (locked.Busy, FileNotFoundError):
        return False
    except locked.Untrusted as problem:
        raise _untrusted(found.path, problem) from None
    except OSError as error:
        raise cannot_write(found.path, error) from None
    return True


def _untrusted(path: Path, problem: locked.Untrusted) -> Refused:
    return Refused(f"{str(path)!a} is not used: {problem}.", hint="Remove it, or mend it.")


def _look(path: Path) -> Found | None:
    state = _SUFFIXES[path.suffix]
    try:
        return Found(path, state, _parsed(locked.look(path)))
    except FileNotFoundError:  # sent by another flush in this moment
        return None
    except locked.Untrusted as problem:
        return Found(path, state, None, f"{problem}")
    except OSError as error:
        return Found(path, state, None, f"it cannot be read: {error.strerror or error}")


def _renamed(path: Path, suffix: str) -> Path:
    target = path.with_suffix(suffix)
    path.rename(target)
    locked.keep_names(path.parent)
    return target


def _parsed(data: bytes) -> Entry:
    try:
        document = json.loads(data)
        if not isinstance(document, dict):
            raise ValueError
        if document.pop("outbox") != "fsctl annotation" or document.pop("version") != _VERSION:
            raise ValueError
        return _checked(document)
    except (ValueError, KeyError, RecursionError):
        raise locked.Untrusted("it is not an entry of an outbox") from None


def _checked(values: Mapping[str, Any]) -> Entry:
    """Raises ValueError where a value is missing, of another kind, or not one of an entry's."""
    from ..fullstory.deploy_text import fit_source, fit_text

    if set(values) - set(Entry._fields):
        raise ValueError("unknown fields")
    entry = Entry(**{name: values.get(name) for name in Entry._fields})  # type: ignore[arg-type]
    for name, value in entry._asdict().items():
        required = name in ("text", "start_time")
        if value is None and not required:
            continue
        if not isinstance(value, str) or not value or len(value) > _LONGEST:
            raise ValueError(f"{name} is not right")
    _check_times(entry)
    if entry.text != fit_text(entry.text) or (entry.source or "") != fit_source(entry.source or ""):
        raise ValueError("a text is not right")
    return entry


def _check_times(entry: Entry) -> None:
    start = datetime.fromisoformat(entry.start_time)
    if start.tzinfo is None:
        raise ValueError("start_time has no zone")
    if entry.end_time is not None:
        end = datetime.fromisoformat(entry.end_time)
        if end.tzinfo is None or end <= start:
            raise ValueError("end_time is not right")


def _check_directory(directory: Path) -> None:
    if directory.is_symlink():
        raise Usage(
            f"The outbox {str(directory)!a} is a symbolic link.", hint="Name the directory itself."
        )
    if directory.exists() and not directory.is_dir():
        raise Usage(f"The outbox {str(directory)!a} is no directory.", hint="Name a directory.")
