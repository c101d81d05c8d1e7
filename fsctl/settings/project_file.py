"""Reading ``.fsctl.toml`` within its limits, and trusting it (DESIGN §2, Hostile working trees).

A checkout may be a stranger's. Its file sets what harms nobody; a profile, a connection and a
transport only once the user has trusted exactly this text in exactly this directory; hosts and
commands never.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import Usage, meant
from .files import cannot_write, make_private_directory, new_file
from .keys import KEYS, PROJECT_ONLY, Kind, check_type, check_value
from .profiles import parsed
from .project import FILE_NAME, HARMLESS, TRUSTED, Project

MAX_BYTES = 64 * 1024
_MOST_REMARKS = 5


class _NotRead(Exception):
    """The file is there, and nothing in it counts."""


def read(path: str, state: Callable[[], Path]) -> Project:
    """What the project file at ``path`` sets; ``state`` is the directory that trust is kept in.

    A file that is not the user's own, or that others may write, is not read at all. Raises
    :class:`Usage` for one that is not TOML, and for a value of the wrong type.
    """
    try:
        raw = _contents(path)
    except _NotRead as problem:
        return Project(path, remarks=(f"{path!a} {problem}, so it is ignored.",))
    document = parsed(Path(path), raw)
    trusted = any(key in document for key in TRUSTED) and _is_trusted(path, raw, state)
    taken = (*HARMLESS, *TRUSTED) if trusted else HARMLESS
    values = {key: _value(key, document[key], path) for key in document if key in taken}
    waiting = () if trusted else tuple(key for key in TRUSTED if key in document)
    remarks = tuple(_remarks(path, document, waiting, state))
    return Project(path, values, remarks, trusted, waiting)


def names(folder: Path) -> dict[str, Any]:
    """What the project file in ``folder`` could set with trust.

    Raises :class:`Usage` where there is no such file, where it is not the user's own, and where it
    names nothing of the kind, or what cannot be.
    """
    return _named(*_own(folder))


def trust(folder: Path, state: Path) -> dict[str, Any]:
    """Let the project file in ``folder`` set what it :func:`names`, as long as it is as it is now.

    Raises as that does, and :class:`~fsctl.errors.Refused` where trust cannot be kept.
    """
    path, raw = _own(folder)
    named = _named(path, raw)
    record = _record(state, path)
    try:
        make_private_directory(record.parent)
    except OSError as error:
        raise cannot_write(record.parent, error) from None
    with new_file(record, force=True) as stream:
        stream.write(json.dumps({"file": path, "sha256": _digest(raw)}).encode())
    return named


def record_of(folder: Path, state: Path) -> Path:
    """The file in which trust in that folder's project file is kept."""
    return _record(state, str(folder.resolve() / FILE_NAME))


def distrust(folder: Path, state: Path) -> bool:
    """Take that back; whether there was anything to take back. Raises :class:`Refused`."""
    record = record_of(folder, state)
    try:
        record.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise cannot_write(record, error) from None
    return True


def _own(folder: Path) -> tuple[str, bytes]:
    path = str(folder.resolve() / FILE_NAME)
    if not os.path.lexists(path):
        raise Usage(f"There is no {path!a}.", hint="Name the directory that holds the file.")
    try:
        return path, _contents(path)
    except _NotRead as problem:
        raise Usage(
            f"{path!a} {problem}.", hint="Only a file of your own can be trusted."
        ) from None


def _named(path: str, raw: bytes) -> dict[str, Any]:
    document = parsed(Path(path), raw)
    named = {key: _value(key, document[key], path) for key in TRUSTED if key in document}
    if not named:
        raise Usage(
            f"{path!a} names no profile, connection or transport.",
            hint="There is nothing to trust: its other keys hold as they are.",
        )
    for key in named.keys() & KEYS.keys():
        check_value(key, named[key], f"{key} in {path!a}")
    return named


def _contents(path: str) -> bytes:
    """The file's bytes, from one that only its user, who is this one, can write."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        if Path(path).is_symlink():  # where O_NOFOLLOW is not known
            raise _NotRead("is a symbolic link")
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise _NotRead(f"cannot be read ({error.strerror})") from None
    try:
        _check_owner(os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _NotRead(f"cannot be read ({error.strerror})") from None
    finally:
        os.close(descriptor)
    if len(raw) > MAX_BYTES:
        raise _NotRead("is far too large")
    return raw


def _check_owner(facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise _NotRead("is not a plain file")
    if hasattr(os, "geteuid"):
        if facts.st_uid != os.geteuid():
            raise _NotRead("is another user's")
        if facts.st_mode & stat.S_IWOTH:
            raise _NotRead("can be written by everyone")


def _value(key: str, value: Any, path: str) -> Any:
    kind: Kind = PROJECT_ONLY[key].kind if key in PROJECT_ONLY else KEYS[key].kind
    if key == "fields" and isinstance(value, str):
        return value
    check_type(key, kind, value, f"in {path!a}")
    return ",".join(value) if key == "fields" else value


def _remarks(
    path: str, document: Mapping[str, Any], waiting: Sequence[str], state: Callable[[], Path]
) -> list[str]:
    ignored = [key for key in document if key not in HARMLESS and key not in TRUSTED]
    remarks = [_ignored(key, path) for key in ignored[:_MOST_REMARKS]]
    if waiting:
        changed = "has changed since it was trusted, and " if _is_known(path, state) else ""
        folder = shlex.quote(str(Path(path).parent))
        remarks.append(
            f"{path!a} {changed}names a {' and a '.join(waiting)}: that is ignored until you look "
            f"at it and run `fsctl profiles trust {folder}`."
        )
    return remarks


def _ignored(key: str, path: str) -> str:
    if key in KEYS or key == "profiles":
        return f"{key} is never taken from a project file; {path!a} sets it for nothing."
    known = (*HARMLESS, *TRUSTED)
    guess = meant(key.replace("-", "_"), known)
    return f"The key {key[:60]!a} in {path!a} is unknown and ignored. {guess}".rstrip()


# -- trust: one small file for each directory, named by it, with the digest of what was trusted


def _is_trusted(path: str, raw: bytes, state: Callable[[], Path]) -> bool:
    return _kept(path, state) == _digest(raw)


def _is_known(path: str, state: Callable[[], Path]) -> bool:
    return _kept(path, state) is not None


def _kept(path: str, state: Callable[[], Path]) -> str | None:
    """The digest that was trusted, where one was."""
    with suppress(_NotRead, Usage, ValueError, RecursionError):
        record = json.loads(_contents(str(_record(state(), path))))
        if isinstance(record, dict) and record.get("file") == path:
            return str(record.get("sha256"))
    return None


def _record(state: Path, path: str) -> Path:
    name = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return state / "trusted" / f"{name}.json"


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
