"""The facts of the outside world, decided once.

Streams, whether they are terminals, width, colour, environment, clock and chance stand in one
object. Nothing below ``cli/`` asks ``sys`` or ``os`` for them, so a test replaces a field instead
of faking a file descriptor.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, BinaryIO, Literal

from ..fullstory.ci_marks import is_ci
from .window_width import DEFAULT, window_width

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

ColorMode = Literal["auto", "always", "never"]

# Terminals that are known to follow OSC 8 (hyperlinks); the others are left alone, because an old
# one prints the address twice.
HYPERLINK_PROGRAMS = frozenset(
    {"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio", "zed"}
)
HYPERLINK_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm")


def _utc_now() -> datetime:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _chance() -> float:
    import random

    return random.random()


@dataclass
class World:
    """What the process was given. Streams are binary; None means closed.

    ``color`` and ``hyperlinks`` speak of stdout, ``stderr_color`` of stderr. ``now()`` is aware
    and in UTC, ``monotonic()`` and ``sleep()`` are in seconds, ``random()`` is in [0, 1).
    ``timezone`` is the zone times are shown in, None for the system's own.
    """

    stdin: BinaryIO | None = None
    stdout: BinaryIO | None = None
    stderr: BinaryIO | None = None
    stdin_is_terminal: bool = False
    stdout_is_terminal: bool = False
    stderr_is_terminal: bool = False
    width: int = DEFAULT
    color: bool = False
    stderr_color: bool = False
    hyperlinks: bool = False
    under_ci: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    timezone: tzinfo | None = None
    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = _chance

    @classmethod
    def from_process(
        cls, color: ColorMode = "auto", environ: Mapping[str, str] | None = None
    ) -> World:
        """The world as this process finds it; ``environ`` defaults to the process's own."""
        environ = os.environ if environ is None else environ
        world = cls(
            stdin=_binary(sys.stdin),
            stdout=_binary(sys.stdout),
            stderr=_binary(sys.stderr),
            stdin_is_terminal=_is_terminal(sys.stdin),
            stdout_is_terminal=_is_terminal(sys.stdout),
            stderr_is_terminal=_is_terminal(sys.stderr),
            environ=environ,
            under_ci=is_ci(environ),
        )
        world.width = window_width(environ, world.stdout, world.stderr, world.stdin)
        world.hyperlinks = world.stdout_is_terminal and follows_hyperlinks(environ)
        return world.with_color(color)

    def with_color(self, mode: ColorMode) -> World:
        """The same world after ``--color MODE``."""
        return replace(
            self,
            color=wants_color(mode, self.environ, self.stdout_is_terminal),
            stderr_color=wants_color(mode, self.environ, self.stderr_is_terminal),
        )


def wants_color(mode: ColorMode, environ: Mapping[str, str], is_terminal: bool) -> bool:
    """Whether to colour a stream.

    The flag wins; then NO_COLOR (no-color.org), then FORCE_COLOR and CLICOLOR_FORCE, then
    TERM=dumb and CLICOLOR=0, then whether the stream is a terminal.
    """
    if mode != "auto":
        return mode == "always"
    if environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if value := environ.get(name):
            return value not in ("0", "false")
    if environ.get("TERM") == "dumb" or environ.get("CLICOLOR") == "0":
        return False
    return is_terminal and (sys.platform != "win32" or _modern_windows(environ))


def follows_hyperlinks(environ: Mapping[str, str]) -> bool:
    """Whether the terminal is known to understand OSC 8. FORCE_HYPERLINK overrides."""
    if forced := environ.get("FORCE_HYPERLINK"):
        return forced != "0"
    term = environ.get("TERM", "")
    if term == "dumb" or is_ci(environ) or environ.get("STY"):
        return False
    if environ.get("TERM_PROGRAM") in HYPERLINK_PROGRAMS or term.startswith(HYPERLINK_TERMS):
        return True
    if environ.get("WT_SESSION") or environ.get("KONSOLE_VERSION") or environ.get("DOMTERM"):
        return True
    vte = environ.get("VTE_VERSION", "")
    return vte.isascii() and vte.isdigit() and int(vte) >= 5000


def _modern_windows(environ: Mapping[str, str]) -> bool:
    names = ("WT_SESSION", "TERM", "TERM_PROGRAM", "ANSICON", "ConEmuANSI")
    return any(environ.get(name) for name in names)


def _binary(stream: IO[str] | None) -> BinaryIO | None:
    """The bytes below a text stream; a closed stream is None, as Python says at start-up."""
    if stream is None or stream.closed:
        return None
    buffer: BinaryIO | None = getattr(stream, "buffer", None)
    return buffer


def _is_terminal(stream: IO[str] | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed in the meantime
        return False
