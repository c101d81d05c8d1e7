"""This machine: Python, fsctl, the home directory, and where fsctl keeps things."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from collections.abc import Callable
from pathlib import Path

from ...membrane.gateway import Deadline
from ...settings.files import trial
from ...settings.paths import Kind
from .findings import Findings
from .outcome import Outcome, fail, ok, warn

_LEAST_FREE = 1024 * 1024  # bytes
_ELSEWHERE = "Set HOME to a directory of your own, or the FSCTL_*_DIR variables."

_LOST: dict[Kind, str] = {
    "config": "profiles cannot be stored",
    "cache": "what Membrane was asked is asked anew by each command",
    "state": "journals and the key of --mask cannot be kept",
    "data": "the sandbox cannot keep what it holds",
}
# Who may write there decides what is run: commands stand in profiles, and children run in state.
_STEERING: tuple[Kind, ...] = ("config", "state")


def fsctl(_findings: Findings, _deadline: Deadline) -> Outcome:
    from ... import __version__

    return ok(f"{__version__}, in {Path(__file__).parents[2]}")


def python(_findings: Findings, _deadline: Deadline) -> Outcome:
    import platform
    import sys

    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    return ok(f"{platform.python_version()} ({sys.executable}) on {system}")


def home(findings: Findings, _deadline: Deadline) -> Outcome:
    variable = "HOME" if os.name != "nt" else "USERPROFILE"
    named = findings.app.world.environ.get(variable, "")
    if not named:
        return warn(f"{variable} is not set", _ELSEWHERE)
    path = Path(named)
    if not path.is_absolute():
        return warn(f"{variable} is a relative path", _ELSEWHERE)
    if not path.is_dir():
        return warn(f"{variable} names no directory", _ELSEWHERE)
    if trial(path):
        return warn(f"the directory of {variable} cannot be written", _ELSEWHERE)
    return ok(named)


def directory(kind: Kind) -> Callable[[Findings, Deadline], Outcome]:
    """The check of the directory for that kind of thing."""

    def check(findings: Findings, _deadline: Deadline) -> Outcome:
        path = findings.app.directory(kind)
        if Path(os.devnull) in path.parents:  # where there is no home directory
            return warn(f"there is no place for it, so {_LOST[kind]}", _ELSEWHERE)
        try:
            facts = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return _absent(kind, path)
        except OSError as error:
            return warn(f"{path}: {error.strerror}, so {_LOST[kind]}", _ELSEWHERE)
        if not stat.S_ISDIR(facts.st_mode):
            return warn(f"{path} is no directory, so {_LOST[kind]}", "Move it out of the way.")
        return exposed(path, facts, steers=kind in _STEERING) or _usable(kind, path)

    return check


def _absent(kind: Kind, path: Path) -> Outcome:
    """A directory that is not there yet is fine where it can be made."""
    above = next((each for each in path.parents if os.path.lexists(each)), path)
    problem = trial(path)
    if problem is None:
        return ok(f"{path}, made when it is needed")
    why = f"{above} is no directory"
    if above.is_dir():
        forbidden = problem.errno in (errno.EACCES, errno.EPERM)
        why = (
            f"you may not write to {above}"
            if forbidden
            else f"{above} takes nothing new ({problem.strerror})"
        )
    return warn(
        f"{path} cannot be made, because {why}; {_LOST[kind]}",
        f"Make it, or name another one in FSCTL_{kind.upper()}_DIR.",
    )


def _usable(kind: Kind, path: Path) -> Outcome:
    import shutil

    full = shutil.disk_usage(path).free < _LEAST_FREE
    if trial(path) and not full:
        return warn(
            f"{path} cannot be written, so {_LOST[kind]}",
            f"Run `chmod u+rwx {shlex.quote(str(path))}`, or name another one in "
            f"FSCTL_{kind.upper()}_DIR.",
        )
    if full:
        return warn(f"{path}: the disk is full, so {_LOST[kind]}", "Make room on it.")
    return ok(f"{path}")


def exposed(path: Path, facts: os.stat_result, *, steers: bool) -> Outcome | None:
    """What others may do to a file or directory of the user's, or None.

    ``steers`` says that what stands there decides which commands are run; what does not may be
    read by anybody.
    """
    if not hasattr(os, "geteuid"):
        return None
    quoted = shlex.quote(str(path))
    mend = f"Run `chmod {700 if stat.S_ISDIR(facts.st_mode) else 600} {quoted}`."
    if facts.st_uid not in (os.geteuid(), 0):
        # Root may look into anybody's; for others it is somebody else who decides.
        told, mend = f"{path} belongs to another user", f"Run `sudo chown $(id -u) {quoted}`."
        return fail(told, mend) if steers else warn(told, mend)
    if facts.st_mode & 0o022:
        told = f"{path} can be written by other users"
        return fail(f"{told}, who then decide what is run", mend) if steers else warn(told, mend)
    if steers and facts.st_mode & 0o055:
        return warn(f"{path} can be read by other users", mend)
    return None
