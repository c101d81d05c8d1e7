"""A list to pick from with the arrow keys, made smaller by typing.

Loaded only when it is drawn. Unlike questionary's own list it takes any letter, shows in a line
what fits the window and below the list what does not, and gives nothing when nothing matches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.filters import Condition, is_done
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl
from prompt_toolkit.styles import Attrs, Style

from .width import broken, fit, width

if TYPE_CHECKING:
    from .prompts import Choice

# Named colours are the terminal's own: they are readable on a dark and on a light background. Not
# so "bright black", which some themes make the background's; older prompt_toolkits have no dim.
_DIM = "dim" if "dim" in Attrs._fields else ""
STYLE = [
    ("qmark", "ansicyan bold"),
    ("question", "bold"),
    ("answer", "ansicyan bold"),
    ("instruction", _DIM),
    ("pointer", "ansicyan bold"),
    ("pointed", "ansicyan bold"),
    ("detail", _DIM),
    ("filter", "ansicyan bold"),
    ("nothing", "ansired"),
    ("validation-toolbar", "noreverse ansired"),
]
MARK = "? "
_NEW_LINE = "\n" + " " * len(MARK)
INSTRUCTION = "(arrows and Enter, or type to filter)"
POINTER = "> "
GAP = "  "
PAGE = 10  # lines that Page Up and Page Down move
LEAST_TITLE = 16  # cells a title keeps beside its detail


class PickList:
    """One question; :meth:`ask` gives the position of the choice in ``choices``."""

    def __init__(self, question: str, choices: Sequence[Choice], start: int = 0) -> None:
        self._question = question
        self._choices = choices
        self._searched = [f"{c.title} {c.detail} {c.value}".casefold() for c in choices]
        self._matching = list(range(len(choices)))
        self._pointed = start
        self._typed = ""
        self._left = False

    def ask(self, **terminal: Any) -> int:
        """Ask on that terminal (``input``, ``output``, ``color_depth`` of prompt_toolkit)."""
        app: Application[int] = Application(
            layout=Layout(self._container()),
            key_bindings=self._keys(),
            style=Style(STYLE),
            **terminal,
        )
        return app.run()

    # -- what is chosen

    @property
    def chosen(self) -> int | None:
        """The position of the choice pointed at; None where nothing matches."""
        return self._matching[self._pointed] if self._matching else None

    def move(self, lines: int, *, around: bool = False) -> None:
        last = len(self._matching) - 1
        if last < 0:
            return
        to = self._pointed + lines
        self._pointed = to % (last + 1) if around else min(max(to, 0), last)

    def type(self, text: str) -> None:
        """The filter is now this: words that all have to stand in a line somewhere."""
        before = self.chosen
        self._typed = text
        words = text.casefold().split()
        self._matching = [
            at
            for at, searched in enumerate(self._searched)
            if all(word in searched for word in words)
        ]
        self._pointed = self._matching.index(before) if before in self._matching else 0

    # -- keys

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        steps: dict[Keys, Callable[[], None]] = {
            Keys.Down: lambda: self.move(1, around=True),
            Keys.ControlN: lambda: self.move(1, around=True),
            Keys.Up: lambda: self.move(-1, around=True),
            Keys.ControlP: lambda: self.move(-1, around=True),
            Keys.PageDown: lambda: self.move(PAGE),
            Keys.PageUp: lambda: self.move(-PAGE),
            Keys.Home: lambda: self.move(-len(self._choices)),
            Keys.End: lambda: self.move(len(self._choices)),
            Keys.Backspace: lambda: self.type(self._typed[:-1]),
            Keys.ControlU: lambda: self.type(""),
        }
        for key, step in steps.items():
            keys.add(key)(lambda _event, step=step: step())

        @keys.add(Keys.Any)
        @keys.add(Keys.BracketedPaste)
        def _type(event: KeyPressEvent) -> None:
            self.type(self._typed + "".join(c for c in event.data if c.isprintable()))

        @keys.add(Keys.Enter)
        def _choose(event: KeyPressEvent) -> None:
            if self.chosen is not None:
                event.app.exit(result=self.chosen)

        @keys.add(Keys.ControlC)
        @keys.add(Keys.ControlD)
        @keys.add(Keys.SIGINT)
        def _leave(event: KeyPressEvent) -> None:
            self._left = True
            event.app.exit(exception=KeyboardInterrupt)

        return keys

    # -- drawing

    def _container(self) -> HSplit:
        going_on = ~is_done
        cut = Condition(lambda: bool(self._whole_line()))
        return HSplit(
            [
                Window(FormattedTextControl(self._head), dont_extend_height=True, wrap_lines=True),
                ConditionalContainer(
                    Window(
                        FormattedTextControl(self._lines, focusable=True, show_cursor=False),
                        dont_extend_height=True,
                    ),
                    going_on,
                ),
                ConditionalContainer(
                    Window(
                        FormattedTextControl(self._whole_line),
                        dont_extend_height=True,
                        wrap_lines=True,
                    ),
                    going_on & cut,
                ),
            ]
        )

    def _head(self) -> StyleAndTextTuples:
        room = get_app().output.get_size().columns - len(MARK)
        lines = list(broken(self._question, room))
        head: StyleAndTextTuples = [
            ("class:qmark", MARK),
            ("class:question", _NEW_LINE.join(lines)),
            ("", " "),
        ]
        if get_app().is_done:
            unanswered = self._left or self.chosen is None
            answer = "" if unanswered else self._choices[self.chosen or 0].title
            return [*head, ("class:answer", answer)]
        if self._typed:
            return [*head, ("class:filter", f"/{self._typed}")]
        if width(lines[-1]) + 1 + len(INSTRUCTION) > room:
            head[-1] = ("", _NEW_LINE)
        return [*head, ("class:instruction", _NEW_LINE.join(broken(INSTRUCTION, room)))]

    def _lines(self) -> StyleAndTextTuples:
        if not self._matching:
            return [("class:nothing", "  Nothing matches; Backspace makes the filter shorter.")]
        titles, details = self._columns()
        lines: StyleAndTextTuples = []
        for at in self._matching:
            choice, pointed = self._choices[at], at == self.chosen
            if lines:
                lines.append(("", "\n"))
            if pointed:
                lines += [("[SetCursorPosition]", ""), ("class:pointer", POINTER)]
            else:
                lines.append(("", " " * len(POINTER)))
            title = fit(choice.title, titles)
            lines.append(("class:pointed" if pointed else "", title))
            if choice.detail and details > 0:
                blank = " " * (titles - width(title)) + GAP
                lines.append(("class:detail", blank + fit(choice.detail, details)))
        return lines

    def _whole_line(self) -> StyleAndTextTuples:
        """What the line pointed at could not show, below the list."""
        if self.chosen is None:
            return []
        titles, details = self._columns()
        choice = self._choices[self.chosen]
        cut = width(choice.title) > titles or width(choice.detail) > details
        return [("class:detail", f"\n{choice.title}\n{choice.detail}".rstrip())] if cut else []

    def _columns(self) -> tuple[int, int]:
        """The cells of titles and of details; the widest title of all decides, not of those shown,
        so that nothing moves sideways while the filter is typed."""
        room = get_app().output.get_size().columns - len(POINTER) - 1
        titles = max((width(choice.title) for choice in self._choices), default=0)
        details = max((width(choice.detail) for choice in self._choices), default=0)
        if not details:
            return min(titles, room), 0
        titles = min(titles, max(room - len(GAP) - details, min(room, LEAST_TITLE), room // 2))
        return titles, room - len(GAP) - titles
