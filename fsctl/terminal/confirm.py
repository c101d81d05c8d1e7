"""Ask for a word to be typed before something is lost for good.

A plain line on the terminal: it is read as it was typed, and nothing is drawn that could hide what
stands above it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ExitCode, FsctlError, Refused
from .messages import Messages
from .sanitise import clean
from .streams import write_text
from .world import World

_LONGEST = 4096  # bytes of a typed line
# What people type without reading. A visitor who chose it as a uid has not confirmed anything.
_REFLEXES = frozenset(("", "y", "yes", "ok", "n", "no", "delete", "true", "1"))


class Interrupted(FsctlError):
    """Somebody stopped at the question (exit 130)."""

    exit_code = ExitCode.INTERRUPTED


def escaped(text: str) -> str:
    """``text`` in ASCII, so that no letter passes for another: ``\\u0430da`` for a Cyrillic one."""
    return ascii(text)[1:-1]


def typed(world: World, messages: Messages, question: str, accepted: Sequence[str]) -> None:
    """Return when one of ``accepted`` was typed, or its escaped form.

    Raises :class:`Refused` for anything else that is typed, and for the end of the input,
    :class:`Interrupted` for Ctrl-C. Whoever asks has made sure of :func:`can_ask`.
    """
    words = {word.strip() for word in accepted} | {escaped(word).strip() for word in accepted}
    try:
        write_text(world.stderr, clean(question) + " ")
        line = b"" if world.stdin is None else world.stdin.readline(_LONGEST)
    except KeyboardInterrupt:
        messages.break_line()
        raise Interrupted(
            "Interrupted at the question; nothing was deleted.",
            hint="Run it again to be asked again.",
            code="interrupted",
        ) from None
    if not line.endswith(b"\n"):
        messages.break_line()
    if line.decode("utf-8", "replace").strip() not in words - _REFLEXES:
        raise Refused(
            "Not confirmed; nothing was deleted.",
            hint="What has to be typed stands in the question, letter by letter.",
            code="declined",
        )


def can_ask(world: World) -> bool:
    """Whether a person reads stderr and can answer on stdin."""
    return world.stdin is not None and world.stdin_is_terminal and world.stderr_is_terminal
