"""How far long work has come: a picture that changes on a terminal, a line now and then elsewhere.

It is drawn on stderr, so that stdout stays data. Whoever says something in between calls
:meth:`Display.over` first; :class:`~fsctl.terminal.messages.Messages` do so by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .facts import duration
from .messages import Messages
from .streams import write_text
from .width import broken, fit, width
from .window_width import window_width
from .world import World

EVERY = 10.0  # seconds between two lines where the picture cannot change
_REDRAW = 0.1  # seconds between two pictures
_SETTLED = 1.0  # seconds of work before anything is said of its pace
_WIDEST_BAR, _NARROWEST_BAR = 30, 8  # cells
_LEAST_TITLE = 12  # cells that the title keeps beside the bar
_INDENT = "  "
_GAP = "  "

_DIM, _RED, _YELLOW, _CYAN, _PLAIN = (f"\x1b[{code}m" for code in (2, 31, 33, 36, 0))


class Shown(NamedTuple):
    """How far it has come. Texts need not be safe.

    ``counts`` are what there is and how many, such as ``("read", 5000)``; those of ``bad`` names
    are shown only when there are some, and in a colour. ``part`` is from 0 to 1, None where nobody
    knows, and up to ``begun`` it is under way; ``left`` are seconds. ``more`` are further words;
    ``held`` tells what is waited for.
    """

    title: str
    counts: Sequence[tuple[str, int]]
    part: float | None = None
    begun: float = 0.0
    left: float | None = None
    more: Sequence[str] = ()
    held: str = ""
    bad: Sequence[str] = ()


class Pace:
    """How fast work goes, and how long it will take: what earlier runs did is not counted.

    Work may come in lumps: between two of them the pace stays, and the time that is left passes.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: tuple[int, float] | None = None
        self._last = (0, 0.0)

    def look(self, done: int, total: float | None) -> tuple[float | None, float | None]:
        """So much is done of so much: pieces a second, and seconds left; None: nobody knows."""
        now = self._clock()
        if self._first is None:
            self._first = self._last = (done, now)
        if done != self._last[0]:
            self._last = (done, now)
        fresh, spent = done - self._first[0], self._last[1] - self._first[1]
        if fresh <= 0 or spent < _SETTLED:
            return None, None
        rate = fresh / spent
        if total is None:
            return rate, None
        return rate, max(0.0, (total - done) / rate - (now - self._last[1]))


class Display:
    """Shows progress on stderr, as good as that can; nothing at all with ``--quiet``."""

    def __init__(self, world: World, messages: Messages) -> None:
        self._world = world
        self._messages = messages
        plain = world.environ.get("TERM") == "dumb" or world.under_ci
        self._live = world.stderr_is_terminal and not plain
        self._on = not messages.quiet
        self._lines = 0  # of the picture that stands there now
        self._at: float | None = None  # when something was shown last
        self._held_at = float("-inf")
        if self._live and self._on:
            messages.before = self.over

    def show(self, shown: Shown) -> None:
        """It has come so far. Shown when it is time to, or when waiting begins."""
        if not self._on:
            return
        now = self._world.monotonic()
        if self._live:
            if self._at is None or now - self._at >= _REDRAW:
                self._at = now
                self._draw(picture(shown, self._world, self._width(), self._messages.safe))
            return
        if self._at is None:
            self._at = now
        says_held = bool(shown.held) and now - self._held_at >= EVERY
        if now - self._at >= EVERY or says_held:
            self._at = now
            self._held_at = now if shown.held else self._held_at
            self._messages.note(line(shown))

    def over(self) -> None:
        """Take the picture away, for something else to be written."""
        if self._lines:
            self._write(self._back() + "\x1b[J")
            self._lines = 0
            self._at = None

    def close(self) -> None:
        """Nothing more is shown."""
        self.over()
        self._on = False
        if self._messages.before == self.over:
            self._messages.before = None

    def _draw(self, lines: Sequence[str]) -> None:
        # Each line is cleared behind its text, and what stood below them goes: nothing flickers.
        self._write(self._back() + "\x1b[K\n".join(lines) + "\x1b[J")
        self._lines = len(lines)

    def _back(self) -> str:
        up = f"\x1b[{self._lines - 1}A" if self._lines > 1 else ""
        return f"{up}\r"

    def _width(self) -> int:
        return window_width(self._world.environ, self._world.stderr) if self._live else 0

    def _write(self, text: str) -> None:
        try:
            write_text(self._world.stderr, text)
        except (OSError, ValueError):
            self._on = False  # a decoration that cannot be shown is none


def picture(shown: Shown, world: World, cells: int, safe: Callable[[str], str]) -> list[str]:
    """The lines of the picture, each narrower than ``cells``: a line that is full may wrap."""
    room = cells - 1
    paint = _painter(world.stderr_color)
    words = [
        (f"{count:,} {name}", _RED if name in shown.bad else "") for name, count in _told(shown)
    ]
    more = [(safe(text), _DIM) for text in shown.more]
    held = safe(shown.held)
    if width(held) <= room - len(_INDENT):
        more += [(held, _YELLOW)] if held else []
        waited = []
    else:
        lines = broken(held, room - len(_INDENT))
        waited = [_INDENT + paint(fit(text, room - len(_INDENT)), _YELLOW) for text in lines]
    return [
        _head(shown, safe(shown.title), room, paint),
        *_filled(words, room, paint),
        *_filled(more, room, paint),
        *waited,
    ]


def line(shown: Shown) -> str:
    """The same in one line; it is not safe yet."""
    told = [f"{count:,} {name}" for name, count in _told(shown)]
    part = [_percent(shown.part)] if shown.part is not None else []
    left = [f"{duration(shown.left)} left"] if shown.left is not None else []
    held = [shown.held] if shown.held else []
    return f"{shown.title}: {', '.join([*part, *told, *shown.more, *left, *held])}"


def _told(shown: Shown) -> list[tuple[str, int]]:
    return [(name, count) for name, count in shown.counts if count or name not in shown.bad]


def _head(shown: Shown, title: str, room: int, paint: Callable[[str, str], str]) -> str:
    """The title, a bar, how much of it that is, and how long it will take."""
    if shown.part is None:
        return fit(title, room)
    percent = f"{_percent(shown.part):>5}"
    left = f"{_GAP}{duration(shown.left)} left" if shown.left is not None else ""
    rest = len(percent) + len(left) + 1
    space = room - rest - len(_GAP) - _NARROWEST_BAR  # for the title, beside the narrowest bar
    if space < min(width(title), _LEAST_TITLE):  # no room for both
        return fit(f"{fit(title, max(room - rest, 1))} {percent}{left}", room)
    title = fit(title, space)
    bar = min(_WIDEST_BAR, room - rest - len(_GAP) - width(title))
    return f"{title}{_GAP}{_bar(shown.part, shown.begun, bar, paint)} {percent}{left}"


def _bar(part: float, begun: float, cells: int, paint: Callable[[str, str], str]) -> str:
    full = int(min(part, 1.0) * cells)
    half = max(int(min(begun, 1.0) * cells) - full, 0)
    rest = "─" * (cells - full - half)
    return paint("━" * full, _CYAN) + paint("╍" * half, _CYAN) + paint(rest, _DIM)


def _percent(part: float) -> str:
    return f"{int(min(max(part, 0.0), 1.0) * 100)} %"


def _filled(
    words: Sequence[tuple[str, str]], room: int, paint: Callable[[str, str], str]
) -> list[str]:
    """Words in as few lines as hold them, none cut apart."""
    lines: list[str] = []
    taken = 0
    for text, color in words:
        text = fit(text, room - len(_INDENT))
        if lines and taken + len(_GAP) + width(text) <= room:
            lines[-1] += _GAP + paint(text, color)
            taken += len(_GAP) + width(text)
        else:
            lines.append(_INDENT + paint(text, color))
            taken = len(_INDENT) + width(text)
    return lines


def _painter(colored: bool) -> Callable[[str, str], str]:
    def paint(text: str, color: str) -> str:
        return f"{color}{text}{_PLAIN}" if colored and color and text else text

    return paint
