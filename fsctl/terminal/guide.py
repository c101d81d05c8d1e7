"""What a guided path tells between its questions: messages, drawn where a person looks on.

Commands stand in backticks, or on lines of their own, which are never broken, so that they can be
copied. Where nobody looks on, everything is said as any command says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat

from .messages import Messages
from .sanitise import clean
from .width import broken

WIDEST = 88  # cells; longer lines are hard to read
_INDENT = "  "

_BOLD, _DIM, _YELLOW, _GREEN, _CYAN, _PLAIN = (f"\x1b[{code}m" for code in (1, 2, 33, 32, 36, 0))


class Guide(Messages):
    """The voice of a guided path: what ``messages`` are, with lines drawn to stand out."""

    def __init__(self, messages: Messages) -> None:
        super().__init__(
            messages.world,
            quiet=messages.quiet,
            verbose_asked=messages.verbose_asked,
            debug_asked=messages.debug_asked,
        )
        self.masker = messages.masker
        world = messages.world
        self._drawn = world.stderr_is_terminal and not world.under_ci
        self._room = min(world.width - 1, WIDEST)

    def title(self, text: str, more: str) -> None:
        """What this is, in bold, and a sentence on it; nothing where nobody looks on."""
        if self._drawn and not self.quiet:
            self._lines(["", self._paint(_BOLD, text), *self._wrapped(more, "", "", _DIM), ""])

    def done(self, text: str) -> None:
        """Something is so now."""
        if not self._drawn:
            self.note(text)
        elif not self.quiet:
            self._lines(self._wrapped(text, f"{self._paint(_GREEN, '✓')} ", _INDENT))

    def trouble(self, text: str, mend: str | None = None) -> None:
        """Something is in the way, and what to do about it."""
        if not self._drawn:
            super().warn(f"{text} {mend or ''}".rstrip())
            return
        lines = self._wrapped(text, f"{self._paint(_YELLOW, '!')} ", _INDENT)
        if mend:
            lines += self._wrapped(mend, f"{_INDENT}{self._paint(_CYAN, '→')} ", _INDENT * 2)
        self._lines(lines)

    def commands(self, head: str, commands: Sequence[str]) -> None:
        """Commands to type, a line each, with nothing else on it."""
        if self.quiet:
            return
        if not self._drawn:
            for command in commands:
                self.note(f"{head} {command}")
            return
        lines = [f"{_INDENT}{self._paint(_CYAN, self._safe(command))}" for command in commands]
        self._lines(["", self._paint(_BOLD, head), *lines, ""])

    def note(self, text: str) -> None:
        if not self._drawn:
            super().note(text)
        elif not self.quiet:
            self._lines(self._wrapped(_sentence(text), _INDENT, _INDENT, _DIM))

    def announce(self, text: str) -> None:
        if self._drawn:
            self._lines(self._wrapped(_sentence(text), _INDENT, _INDENT))
        else:
            super().announce(text)

    def address(self, url: str) -> None:
        if self._drawn:
            self._lines([f"{_INDENT * 2}{self._paint(_CYAN, clean(url))}"])
        else:
            super().address(url)

    def warn(self, text: str) -> None:
        self.trouble(_sentence(text) if self._drawn else text)

    def _lines(self, lines: Sequence[str]) -> None:
        self._write("".join(f"{line}\n" for line in lines))

    def _wrapped(self, text: str, first: str, others: str, color: str = "") -> list[str]:
        """``text`` broken at blanks to fit behind ``first`` or, on later lines, ``others``."""
        heads = chain([first], repeat(others))
        lines = broken(self._safe(text), self._room - len(others))
        return [head + self._colored(line, color) for head, line in zip(heads, lines, strict=False)]

    def _colored(self, line: str, color: str) -> str:
        """The line with what stands in backticks as commands."""
        if not self.world.stderr_color:
            return line
        parts = line.split("`")
        return "".join(
            self._paint(_CYAN if index % 2 == 1 else color, part)
            for index, part in enumerate(parts)
        )

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{_PLAIN}" if color and text and self.world.stderr_color else text


def _sentence(text: str) -> str:
    """What is said behind ``fsctl:``, standing alone."""
    return text[:1].upper() + text[1:]
