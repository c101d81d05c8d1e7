"""Every way a command can end: an exit code, a sentence of what happened, one of what to do.

The codes are a contract with scripts (DESIGN §2, "Exit codes"): tested, told in help, never
renumbered. Only ``cli.main`` turns these errors into a process status; nothing below it exits.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """The process statuses of fsctl."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NEEDS_PERSON = 4
    UNAVAILABLE = 5
    PARTIAL = 6
    UNKNOWN = 7
    HUNG_UP = 129
    INTERRUPTED = 130
    CLOSED_PIPE = 141
    TERMINATED = 143


class FsctlError(Exception):
    """A command ended otherwise than well.

    ``message`` says what happened and ``hint`` what to do next, one sentence each. ``code`` is the
    service's own machine-readable word (or one of fsctl's), ``status`` the HTTP status where one
    was told, ``action_run_id`` Membrane's run to look up with ``fsctl actions log``.
    """

    exit_code: ExitCode = ExitCode.FAILED
    default_code: str = "failed"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        status: int | None = None,
        action_run_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.status = status
        self.action_run_id = action_run_id

    def as_data(self) -> dict[str, object]:
        """The error as the one JSON object that ``-o json`` puts last on stderr."""
        return {
            "error": {
                "code": self.code,
                "message": self.message,
                "hint": self.hint,
                "status": self.status,
                "action_run_id": self.action_run_id,
            }
        }


class Refused(FsctlError):
    """The service said no, a value was ambiguous, or a person declined (exit 1)."""

    default_code = "refused"


class Usage(FsctlError):
    """A wrong option, value, file or setting, found before anything was sent (exit 2)."""

    exit_code = ExitCode.USAGE
    default_code = "usage"


class NotFound(FsctlError):
    """What was asked for does not exist (exit 3)."""

    exit_code = ExitCode.NOT_FOUND
    default_code = "not_found"


class NeedsPerson(FsctlError):
    """A person must act: log in, connect, grant a permission (exit 4)."""

    exit_code = ExitCode.NEEDS_PERSON
    default_code = "needs_person"


class Unavailable(FsctlError):
    """The service is away after retries; the same command is safe to run again (exit 5)."""

    exit_code = ExitCode.UNAVAILABLE
    default_code = "unavailable"


class Partial(FsctlError):
    """Some rows failed; the rejects file holds them (exit 6)."""

    exit_code = ExitCode.PARTIAL
    default_code = "partial"


class OutcomeUnknown(FsctlError):
    """A write was sent and its answer is missing or unreadable (exit 7)."""

    exit_code = ExitCode.UNKNOWN
    default_code = "outcome_unknown"


def meant(word: str, known: Iterable[str]) -> str:
    """``Did you mean X? `` where one of ``known`` is much like ``word``, else nothing."""
    from difflib import get_close_matches

    word = word[:100].casefold()
    by_name = {name.casefold(): name for name in known}
    # Two letters that changed places are half of a short word, and no other mistake at all.
    like = [name for name in by_name if sorted(name) == sorted(word)]
    like = like or get_close_matches(word, by_name, n=1, cutoff=0.7)
    return f"Did you mean {by_name[like[0]]!a}? " if like else ""
