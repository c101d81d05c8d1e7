"""A session's story in the terminal: a summary, its density over time, and a line a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..fullstory.steps import Sort
from ..fullstory.story import Bin, Chapter, Step, Story, chapters
from .facts import Fact, address, clock, facts
from .table import GAP, Painter
from .width import fit, pad, width
from .world import World

LONGEST = 2000  # characters of one text: a console message may be a whole page
WIDEST_KIND = 16
WIDEST_STRIP = 72
STEPS_AT_ONCE = 500

_BOLD, _DIM, _RED, _YELLOW, _CYAN, _GREEN, _PLAIN = (
    f"\x1b[{code}m" for code in (1, 2, 31, 33, 36, 32, 0)
)
_COLORS: dict[Sort, str] = {
    "error": _RED,
    "frustration": _YELLOW,
    "custom": _CYAN,
    "input": _GREEN,
}
_MARKS: dict[Sort, str] = {"error": "✗", "frustration": "!"}
_BARS = " ▁▂▃▄▅▆▇█"
_ACTIVITY = "activity"
_UNREASONED = ("", "navigate")

_Part = tuple[str, str]  # a text and its colour


def draw(
    story: Story, world: World, *, wanted: Callable[[Step], bool] | None = None
) -> Iterator[str]:
    """The whole of it, in pieces; ``wanted`` says which steps, the summary is of all.

    In a window no line is wider than that, but for addresses, which nobody could use otherwise.
    Elsewhere nothing is cut.
    """
    drawing = _Drawing(story, world)
    yield drawing.summary()
    lines: list[str] = []
    for chapter in chapters(story, wanted):
        for line in drawing.chapter(chapter):
            lines.append(line)
            if len(lines) == STEPS_AT_ONCE:
                yield "\n".join(lines) + "\n"
                lines.clear()
    if lines:
        yield "\n".join(lines) + "\n"


class _Drawing:
    def __init__(self, story: Story, world: World) -> None:
        self._story = story
        self._world = world
        self._painter = Painter(world)
        self._window = world.width if world.stdout_is_terminal else 0  # 0: as wide as it likes
        self._times = max(len(clock(at)) for at in (story.length, *_outermost(story)))
        kinds = (width(self._safe(kind)) for kind in story.kinds if kind != "navigate")
        self._kinds = min(max(kinds, default=0), WIDEST_KIND)
        self._host = ""

    # -- the summary

    def summary(self) -> str:
        told = facts(self._story, self._world.timezone)
        label = max(len(text) for text in (_ACTIVITY, *(fact.label for fact in told)))
        lines = [line for fact in told for line in self._fact(fact, label)]
        if self._story.length and self._story.steps:
            lines += self._strip(label)
        return "".join(line + "\n" for line in lines)

    def _fact(self, fact: Fact, label: int) -> Iterator[str]:
        head = self._paint(_DIM, pad(fact.label, label)) + GAP
        value = self._safe(fact.value)
        if fact.kind == "url":
            yield head + self._painter.link(value, fact.value)
            return
        color = _YELLOW if fact.label == "signals" and self._story.signals else ""
        for line in self._wrapped(value, label + len(GAP)):
            yield head + self._paint(color, line)
            head = " " * (label + len(GAP))

    def _wrapped(self, text: str, before: int) -> list[str]:
        """``text`` on lines that fit beside the label, broken at blanks."""
        room = self._window - before
        if not self._window or width(text) <= room:
            return [text]
        lines = [""]
        for word in text.split(" "):
            longer = f"{lines[-1]} {word}" if lines[-1] else word
            if lines[-1] and width(longer) > room:
                lines.append(word)
            else:
                lines[-1] = longer
        return [fit(line, room) for line in lines]

    def _strip(self, label: int) -> Iterator[str]:
        indent = " " * (label + len(GAP))
        cells = min((self._window or 80) - len(indent), WIDEST_STRIP)
        if cells < 2 * self._times:
            return
        density = self._story.density(cells)
        most = max(part.steps for part in density)
        yield ""
        bars = "".join(self._paint(_bin_color(part), _bar(part.steps, most)) for part in density)
        yield self._paint(_DIM, pad(_ACTIVITY, label)) + GAP + bars
        if self._story.signals:
            yield indent + "".join(self._mark(_bin_sort(part)) for part in density).rstrip()
        end = clock(self._story.length)
        yield indent + self._paint(_DIM, pad("0:00", cells - len(end)) + end)

    # -- the steps

    def chapter(self, chapter: Chapter) -> Iterator[str]:
        yield ""
        if chapter.begins:
            yield self._heading(chapter.begins)
        for step in chapter.steps:
            parts = [(pad(fit(self._safe(step.kind), self._kinds), self._kinds), _color(step))]
            yield self._line(step, "  ", [*parts, *self._said(step)])

    def _heading(self, step: Step) -> str:
        page = step.begins
        assert page is not None
        shown, self._host = address(page, self._host)
        parts = [(self._one_line(shown), _BOLD)]
        if page.reason not in _UNREASONED:
            parts.append((f"({self._one_line(page.reason)})", _DIM))
        if step.sort == "page":
            parts += self._more(step)
        return self._line(step, "▸ ", parts)

    def _said(self, step: Step) -> Iterator[_Part]:
        color = _COLORS[step.sort] if step.is_signal else ""
        for text, paint in ((step.text, color), (step.place, _DIM)):
            if text:
                yield self._one_line(text), paint
        yield from self._more(step)

    def _more(self, step: Step) -> Iterator[_Part]:
        for key, value in step.more:
            yield f"{self._one_line(key)}={self._one_line(value)}", _DIM

    def _line(self, step: Step, lead: str, parts: Sequence[_Part]) -> str:
        at = "-" if step.at is None else clock(step.at)
        head = f"{pad(at, self._times, right=True)}{GAP}"
        room = self._window - 2 - len(head) - len(lead) if self._window else None
        painted = self._mark(step.sort) + " " + self._paint(_DIM, head) + lead
        return (painted + self._fitted(parts, room)).rstrip()

    def _fitted(self, parts: Sequence[_Part], room: int | None) -> str:
        """The parts side by side, as many and as much of them as there is room for."""
        shown: list[str] = []
        for text, color in parts:
            if room is not None:
                if room < 2:
                    break
                text = fit(text, room)
                room -= width(text) + len(GAP)
            shown.append(self._paint(color, text))
        return GAP.join(shown)

    def _mark(self, sort: Sort | None) -> str:
        mark = _MARKS.get(sort) if sort else None
        return self._paint(_COLORS[sort], mark) if sort and mark else " "

    def _one_line(self, text: str) -> str:
        return self._safe(text if len(text) <= LONGEST else text[:LONGEST] + "…")

    def _safe(self, text: str) -> str:
        return self._painter.safe(text)

    def _paint(self, color: str, text: str) -> str:
        return f"{color}{text}{_PLAIN}" if color and self._world.color and text else text


def _outermost(story: Story) -> Iterator[float]:
    """The times of the first and the last step; what a server sent may lie outside the session."""
    for ordered in (iter(story.steps), reversed(story.steps)):
        yield next((step.at for step in ordered if step.at is not None), 0.0)


def _color(step: Step) -> str:
    return _COLORS.get(step.sort, "")


def _bin_sort(part: Bin) -> Sort | None:
    return "error" if part.errors else "frustration" if part.frustrations else None


def _bin_color(part: Bin) -> str:
    sort = _bin_sort(part)
    return _COLORS[sort] if sort else ""


def _bar(steps: int, most: int) -> str:
    return _BARS[-(-steps * 8 // most)] if most else " "
