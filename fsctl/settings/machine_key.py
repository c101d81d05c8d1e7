"""The random key of this machine, under which ``--mask`` makes its tokens."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from ..errors import FsctlError
from .files import make_private_directory, new_file

KEY_BYTES = 32
FILE_NAME = "mask.key"


def machine_key(directory: Path, *, warn: Callable[[str], None]) -> bytes:
    """The key kept in ``directory``, made there by the first who asks; two at once get the same.

    Where it cannot be kept or trusted, it is a key for this run only, and ``warn`` hears why.
    """
    path = directory / FILE_NAME
    try:
        key = _read(path)
        if key is None:
            make_private_directory(directory)
            key = _create(path)
        return key
    except OSError as error:
        reason = f"The key of --mask cannot be kept in {str(path)!a}: {error.strerror or error}."
    except _Untrusted as problem:
        reason = f"The key of --mask in {str(path)!a} is not used, because {problem}."
    return key_for_this_run(reason, warn=warn)


def key_for_this_run(reason: str, *, warn: Callable[[str], None]) -> bytes:
    """A key that is kept nowhere; ``warn`` hears the reason and what follows from it."""
    warn(f"{reason} The tokens of this run match no other run's.")
    return secrets.token_bytes(KEY_BYTES)


class _Untrusted(Exception):
    """The file is there, and what it holds is not a key that only its owner knows."""


def _create(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    try:
        with new_file(path) as stream:
            stream.write(key)
    except FsctlError as problem:
        made = _read(path)  # another process was quicker
        if made is None:
            raise OSError(problem.message) from None
        return made
    return key


def _read(path: Path) -> bytes | None:
    """The key in the file; None where there is no file. Raises OSError and :class:`_Untrusted`."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise _Untrusted("it is not a plain file")
        if hasattr(os, "geteuid"):
            if facts.st_uid != os.geteuid():
                raise _Untrusted("it is another user's")
            if stat.S_IMODE(facts.st_mode) & 0o077:
                raise _Untrusted("others may read or write it")
        key = stream.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise _Untrusted("it is damaged")
    return key
