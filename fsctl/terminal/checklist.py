"""A list of checks as they end: a mark, a name, what was found, and below it what mends it.

While a check runs, a line that goes away again tells so, where people look on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from .sanitise import ci_safe, clean
from .streams import write_text
from .width import pad, width
from .world import World

State = Literal["ok", "warn", "fail", "skip"]

WIDEST = 100  # cells; longer lines are hard to read
_LEAST_ROOM = 24  # cells for what was found, however narrow the window
_GAP = "  "
_ARROW = "→ "
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SLOW = 2.0  # seconds after which it is told how long

_BOLD, _DIM, _RED, _YELLOW, _GREEN, _CYAN, _PLAIN = (
    f"\x1b[{code}m" for code in (1, 2, 31, 33, 32, 36, 0)
)
_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("✓", _GREEN),
    "warn": ("!", _YELLOW),
    "fail": ("✗", _RED),
    "skip": ("·", _DIM),
}
_COUNTED: tuple[tuple[State, str, str], ...] = (
    ("fail", "failed", "failed"),
    ("warn", "warning", "warnings"),
    ("ok", "ok", "ok"),
    ("skip", "not checked", "not checked"),
)


class Begun(NamedTuple):
    """A check of that name, in that group, runs from now on."""

    group: str
    name: str


class Checked(NamedTuple):
    """How a check ended. ``mend`` is one sentence, its commands in backticks. Not sanitised."""

    group: str
    name: str
    state: State
    detail: str
    mend: str = ""


def draw(events: Iterable[Begun | Checked], world: World, names: int) -> Iterator[str]:
    """The report in pieces, each as soon as it is known; ``names`` is the widest name's cells."""
    drawing = _Drawing(world, names)
    group = ""
    ended: list[State] = []
    for event in events:
        if event.group != group:
            yield drawing.heading(event.group, first=not group)
            group = event.group
        if isinstance(event, Checked):
            ended.append(event.state)
            yield drawing.line(event)
    yield drawing.summary(ended)


class Waiting:
    """The line of the running check; it is taken away before anything else is written.

    Nothing is shown where it could not be taken away again, or where nobody looks on.
    """

    def __init__(self, world: World, names: int, *, shown: bool) -> None:
        plain = world.environ.get("TERM") == "dumb" or world.under_ci
        seen = world.stdout_is_terminal and world.stderr_is_terminal
        self._drawing = _Drawing(world, names)
        self._world = world
        self._on = shown and seen and not plain
        self._frame = 0

    def turn(self, name: str, seconds: float) -> None:
        """Another moment went by; ``seconds`` since the check began."""
        if self._on:
            frame = _FRAMES[self._frame % len(_FRAMES)]
            self._frame += 1
            self._write("\r" + self._drawing.waiting(frame, name, seconds) + "\x1b[K")

    def over(self) -> None:
        """Take the line away."""
        if self._on and self._frame:
            self._frame = 0
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        try:
            write_text(self._world.stderr, text)
        except (OSError, ValueError):
            self._on = False  # a decoration that cannot be shown is none


class _Drawing:
    def __init__(self, world: World, names: int) -> None:
        self._world = world
        self._names = names
        window = world.width if world.stdout_is_terminal else WIDEST
        self._before = 2 + 1 + 1 + names + len(_GAP)  # cells before what was found
        self._room = max(min(window, WIDEST) - self._before, _LEAST_ROOM)

    def heading(self, group: str, *, first: bool) -> str:
        return ("" if first else "\n") + self._paint(_BOLD, group) + "\n"

    def line(self, item: Checked) -> str:
        mark, color = _MARKS[item.state]
        name = self._paint("" if item.state == "ok" else color, pad(item.name, self._names))
        head = f"  {self._paint(color, mark)} {name}{_GAP}"
        text = _DIM if item.state == "skip" else ""
        lines = [self._paint(text, each) for each in self._coloured(item.detail, self._room)]
        if item.mend:
            first, *more = self._coloured(item.mend, self._room - len(_ARROW))
            lines.append(self._paint(_CYAN, _ARROW) + first)
            lines += [" " * len(_ARROW) + each for each in more]
        return head + ("\n" + " " * self._before).join(lines) + "\n"

    def _coloured(self, text: str, room: int) -> Iterator[str]:
        """``text`` in lines, with what stands in backticks as a command."""
        inside = False  # a command that is broken over two lines keeps its colour on both
        for line in self._wrapped(text, room):
            if not self._world.color:
                yield line
                continue
            parts = line.split("`")
            yield "".join(
                self._paint(_CYAN, part) if (index % 2 == 1) != inside else part
                for index, part in enumerate(parts)
            )
            inside ^= len(parts) % 2 == 0

    def waiting(self, frame: str, name: str, seconds: float) -> str:
        slow = f"{int(seconds)} s" if seconds >= _SLOW else "…"
        text = f"  {frame} {pad(name, self._names)}{_GAP}{slow}"
        return self._paint(_DIM, text)

    def summary(self, ended: list[State]) -> str:
        parts = []
        for state, one, many in _COUNTED:
            if count := ended.count(state):
                mark, color = _MARKS[state]
                parts.append(self._paint(color, f"{mark} {count} {one if count == 1 else many}"))
        # Where it failed, what to do first is said below, on stderr.
        below = "\n" if "fail" in ended and self._world.stdout_is_terminal else ""
        return "\n" + "   ".join(parts) + "\n" + below

    def _wrapped(self, text: str, room: int) -> list[str]:
        """``text`` on lines that fit, broken at blanks; a longer word stays whole, to be copied."""
        safe = clean(text)
        safe = ci_safe(safe) if self._world.under_ci else safe
        lines = [""]
        for word in safe.split(" "):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if lines[-1] and width(longer) > room:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{_PLAIN}" if color and self._world.color and text else text
