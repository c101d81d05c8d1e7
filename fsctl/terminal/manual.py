"""A page of the manual, drawn for a terminal.

Pages are Markdown of fsctl's own. Lines of code stand as they are, however narrow the window, so
that they can be copied.
"""

from __future__ import annotations

from io import StringIO
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.text import Text
from rich.theme import Theme

from .world import World

WIDEST = 100  # cells; longer lines are hard to read
_INDENT = " " * 4
# rich's own styles put code on a black ground, which only some terminals have.
_THEME = Theme(
    {
        "markdown.h1": "bold underline",
        **{f"markdown.h{level}": "bold" for level in range(2, 7)},
        "markdown.code": "cyan",
        "markdown.block_quote": "none",
    }
)


class _Heading(Heading):
    """One look for all versions of rich, some of which draw boxes."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text


class _Code(CodeBlock):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip().splitlines():
            yield Text(_INDENT + line, style="cyan", no_wrap=True, overflow="ignore")


class _Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
    }


def draw(page: str, world: World) -> str:
    """``page``, which is Markdown, with the colours and hyperlinks that ``world`` takes."""
    screen = StringIO()
    console = Console(
        file=screen,
        width=min(world.width, WIDEST),
        force_terminal=world.color,
        no_color=not world.color,
        color_system="standard" if world.color else None,
        legacy_windows=False,
        highlight=False,
        theme=_THEME,
        _environ={},  # what it says has been read into the world already
    )
    console.print(_Page(page, hyperlinks=world.hyperlinks and world.color), crop=False)
    return "".join(f"{line.rstrip()}\n" for line in screen.getvalue().splitlines())
