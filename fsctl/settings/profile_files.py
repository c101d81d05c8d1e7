"""Writing profiles: under a lock, in one step, with the user's comments and order kept.

A file that is broken, or that holds what may not stand there, is reported and never written over.
What is written has been read back first: a file that would say anything but what was asked for is
not put in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import Refused, Usage
from . import keys as known_keys
from . import profiles as files
from .files import cannot_write, make_private_directory, new_file
from .profiles import FILE_NAME, Profiles
from .toml_draft import Draft

LOCK_NAME = f"{FILE_NAME}.lock"
LOCK_PATIENCE = 10.0  # seconds; a write takes milliseconds
LONGEST_NAME = 80  # characters

Edit = Callable[[Profiles, Draft], None]


def store(
    directory: Path,
    profile: str,
    values: Mapping[str, Any],
    *,
    activate: bool = False,
    new: bool = False,
) -> Path:
    """Set ``values`` in ``profile``, which is made where it is not there; other keys stay.

    A value of None takes its key away.
    ``activate`` makes it the profile in use; ``new`` refuses one that is there already. Gives back
    the file. Raises :class:`Usage` for a wrong name, key or value and for a broken file,
    :class:`Refused` where it cannot be written.
    """
    given = {key: value for key, value in values.items() if value is not None}
    check(profile, given)

    def edit(there: Profiles, draft: Draft) -> None:
        if new and profile in there.profiles:
            raise exists(profile)
        draft.put(profile, given)
        old = there.profiles.get(profile, {})
        draft.remove(profile, [key for key in values.keys() - given if key in old])
        if activate:
            draft.activate(profile)

    return _change(directory, edit)


def unset(directory: Path, profile: str, keys: Iterable[str]) -> Path:
    """Remove ``keys`` from ``profile``; those it does not have are not missed."""

    def edit(there: Profiles, draft: Draft) -> None:
        _check_there(there, profile)
        draft.remove(profile, [key for key in keys if key in there.profiles[profile]])

    return _change(directory, edit)


def delete(directory: Path, profile: str) -> Path:
    """Remove ``profile``; where it was the active one, none is afterwards."""

    def edit(there: Profiles, draft: Draft) -> None:
        _check_there(there, profile)
        draft.drop(profile)
        if there.active == profile:
            draft.activate(None)

    return _change(directory, edit)


def use(directory: Path, profile: str | None) -> Path:
    """Make ``profile`` the one that is used where none is named; None: no profile is."""

    def edit(there: Profiles, draft: Draft) -> None:
        if profile is not None:
            _check_there(there, profile)
        draft.activate(profile)

    return _change(directory, edit)


def check_name(name: str) -> None:
    """Raise :class:`Usage` for a name that could not be typed or read again."""
    good = name == name.strip() and name.isprintable() and 0 < len(name) <= LONGEST_NAME
    if not good or name.startswith("-"):
        raise Usage(
            f"{name[:LONGEST_NAME]!a} cannot be the name of a profile.",
            hint="Use letters, digits, dots and dashes, such as work or client-eu.",
        )


def check(profile: str, values: Mapping[str, Any]) -> None:
    """Raise :class:`Usage` for a name, a key or a value that cannot be stored."""
    check_name(profile)
    for key, value in values.items():
        files.check_key(key, value, f"of the profile {profile!a}")
        known_keys.check_value(key, value)


def exists(profile: str) -> Usage:
    return Usage(
        f"The profile {profile!a} exists already.",
        hint=f"Change it with `fsctl profiles set KEY VALUE --profile {profile!a}`.",
    )


def _check_there(there: Profiles, profile: str) -> None:
    if profile not in there.profiles:
        raise there.missing(profile)


def _change(directory: Path, edit: Edit) -> Path:
    """Read, change, read back and put in place, while nobody else does."""
    path = directory / FILE_NAME
    with _alone(directory):
        raw = files.read(path) or b""
        there = files.checked(path, files.parsed(path, raw))
        draft = Draft(path, raw)
        edit(there, draft)
        text = draft.text()
        if text.encode() != raw:
            _replace(_target(path), text.encode())
    return path


def _replace(path: Path, content: bytes) -> None:
    _sweep(path)
    with new_file(path, force=True) as stream:
        stream.write(content)


def _target(path: Path) -> Path:
    """The file itself: some keep ``config.toml`` elsewhere and have a link to it here."""
    return path.resolve() if path.is_symlink() else path


def _sweep(path: Path) -> None:
    """Remove what writes that were killed left behind; under the lock nobody else is writing."""
    with suppress(OSError):
        for left in path.parent.glob(f".{path.name}.*.tmp"):
            left.unlink(missing_ok=True)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        make_private_directory(directory)
    except OSError as error:
        raise cannot_write(directory, error) from None
    path = directory / LOCK_NAME
    lock = FileLock(path, timeout=LOCK_PATIENCE, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Refused(
            f"Another process has been changing the profiles for {LOCK_PATIENCE:g} seconds.",
            hint=f"Try again; it holds {str(path)!a}.",
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from None
    except NotImplementedError:
        raise Refused(
            f"The file system of {str(directory)!a} cannot lock files.",
            hint="Name a directory on another one in FSCTL_CONFIG_DIR.",
        ) from None
    try:
        yield
    finally:
        lock.release()
