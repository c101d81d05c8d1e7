"""Files that may hold people's data, and directories for them (DESIGN §2 Safety, Files).

0600 in 0700, no symlink followed, written beside their place and moved there in one step, never
over an existing file unless told to.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import Refused, Usage


def make_private_directory(path: Path) -> Path:
    """Create ``path`` and its parents, 0700 where new. Raises OSError."""
    if not path.is_dir():
        if path.parent != path:
            make_private_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def trial(directory: Path) -> OSError | None:
    """Why no file can be made in ``directory``, or None; tried out, and nothing is left of it.

    What the system says of rights is not enough: root may write everywhere, but for the places
    where nobody can.
    """
    missing = [each for each in (directory, *directory.parents) if not os.path.lexists(each)]
    made: list[Path] = []
    try:
        for each in reversed(missing):
            each.mkdir(mode=0o700)
            made.append(each)
        file = directory / f".{secrets.token_hex(6)}.tmp"
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        file.unlink()
    except OSError as error:
        return error
    finally:
        for each in reversed(made):
            with suppress(OSError):
                each.rmdir()
    return None


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """A file to write that appears at ``path`` only when the block ends well.

    Raises :class:`Usage` where something is there already (unless ``force``, and never through a
    symlink or over what is not a plain file), :class:`Refused` where it cannot be written.
    """
    check_target(path, force=force)
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(temporary, flags | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        move_into_place(temporary, path, force=force)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def check_target(path: Path, *, force: bool) -> None:
    """Refuse to write where something is in the way, before any work is done for it."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not path.parent.is_dir():
            raise Usage(
                f"The directory {str(path.parent)!a} does not exist.", hint="Create it first."
            ) from None
        return
    except OSError as error:  # a name too long, a directory that cannot be entered
        raise cannot_write(path, error) from None
    if stat.S_ISLNK(mode):
        raise Usage(f"{str(path)!a} is a symbolic link.", hint="Name the file itself.")
    if not stat.S_ISREG(mode):
        raise Usage(f"{str(path)!a} is not a plain file.", hint="Name a new file.")
    if not force:
        raise Usage(f"{str(path)!a} exists already.", hint="Name a new file, or add --force.")


def move_into_place(temporary: Path, path: Path, *, force: bool) -> None:
    """Give a file that is whole its name; unless ``force``, only where nothing has it.

    The old name may be left beside the new one. Raises :class:`Usage` where something is there,
    OSError where it cannot be done.
    """
    if force:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        raise _appeared(path) from None
    except (OSError, NotImplementedError):  # no hard links on this file system
        if os.path.lexists(path):
            raise _appeared(path) from None
        temporary.rename(path)


def _appeared(path: Path) -> Usage:
    return Usage(f"{str(path)!a} appeared while it was being written.", hint="Name a new file.")


def cannot_write(path: Path, error: OSError) -> Refused:
    return Refused(
        f"{str(path)!a} cannot be written: {error.strerror or error}.",
        hint="Check the directory, its permissions and the free space.",
    )


def cannot_keep(path: Path, error: OSError) -> Refused:
    """What has to be remembered between two runs cannot be, below the state directory."""
    return Refused(
        f"{str(path)!a} cannot be written: {error.strerror or error}.",
        hint="Check the directory, its permissions and the free space, or keep such things "
        "elsewhere: FSCTL_STATE_DIR names the directory.",
    )
