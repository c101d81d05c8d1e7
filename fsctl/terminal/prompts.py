"""Questions on a terminal: choose from a list, type a text, say yes or no.

Drawn on stderr, so that stdout stays data. A question is asked only where :func:`can_prompt` says
that somebody can answer it. Ctrl-C, and the end of the input, raise ``KeyboardInterrupt``. A
terminal that cannot move its cursor (TERM=dumb) is asked in plain lines.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .confirm import can_ask
from .sanitise import clean
from .streams import write_text
from .world import World

if TYPE_CHECKING:
    from prompt_toolkit.output import Output

T = TypeVar("T")
Check = Callable[[str], str | None]

_BESIDE = 10  # cells that a question leaves beside it, for "? " and "(Y/n) y"
_LONGEST = 4096  # bytes of a typed line
_NO_FLAGS: Mapping[str, Any] = MappingProxyType({})


class Choice(NamedTuple):
    """One line of a list: what it stands for, what it is called, and what else is told of it.

    ``title`` and ``detail`` may hold hostile text.
    """

    value: str
    title: str
    detail: str = ""


def can_prompt(world: World, flags: Mapping[str, Any] = _NO_FLAGS) -> bool:
    """Whether somebody is there to be asked: a terminal, no ``--no-input``, no build service."""
    return can_ask(world) and not flags.get("no_input") and not world.under_ci


def select(
    world: World, question: str, choices: Sequence[Choice], *, default: str | None = None
) -> str:
    """The value of the choice that was picked with the arrow keys or by typing a part of it.

    ``default`` is the value the pointer starts on.
    """
    shown = [_safe(choice) for choice in choices]
    start = next((at for at, choice in enumerate(shown) if choice.value == default), 0)
    if _is_dumb(world):
        return shown[_numbered(world, clean(question), shown, start)].value
    with _terminal(world) as terminal:
        from .pick_list import PickList

        return shown[PickList(clean(question), shown, start).ask(**terminal)].value


def ask_text(
    world: World, question: str, *, default: str = "", check: Check = lambda _text: None
) -> str:
    """A line of text, without blanks around it; ``check`` says what is wrong with one, or None."""
    if _is_dumb(world):
        head = f"{clean(question)} [{clean(default)}]" if default else clean(question)
        return _until_good(world, head, lambda line: line or default, check)
    with _terminal(world) as terminal:
        import questionary

        return str(
            questionary.text(
                _broken(world, question),
                default=clean(default),
                validate=lambda text: _verdict(check, text),
                style=_style(),
                **terminal,
            ).unsafe_ask()
        ).strip()


def confirm(world: World, question: str, *, default: bool) -> bool:
    """Yes or no; Enter means ``default``."""
    if _is_dumb(world):
        answers = {"y": True, "yes": True, "n": False, "no": False, "": default}
        head = f"{clean(question)} ({'Y/n' if default else 'y/N'})"
        line = _until_good(
            world, head, str.lower, lambda text: None if text in answers else "Type y or n."
        )
        return answers[line]
    with _terminal(world) as terminal:
        import questionary

        answer = questionary.confirm(
            _broken(world, question), default=default, style=_style(), **terminal
        )
        return bool(answer.unsafe_ask())


def _broken(world: World, question: str) -> str:
    """The question on lines that fit the window, with room for the mark and a short answer."""
    from .width import broken

    return "\n  ".join(broken(clean(question), world.width - _BESIDE))


def _safe(choice: Choice) -> Choice:
    from ..membrane.redact import redact

    title, detail = (clean(redact(text)).strip() for text in (choice.title, choice.detail))
    return Choice(choice.value, title, detail)


def _verdict(check: Check, text: str) -> bool | str:
    """What questionary takes from a validator: True, or what is wrong."""
    wrong = check(text.strip())
    return True if wrong is None else clean(wrong)


def _style() -> Any:
    """Colours by the names that every theme, dark or light, has readable values for."""
    from prompt_toolkit.styles import Style

    from .pick_list import STYLE

    return Style(STYLE)


@contextlib.contextmanager
def _terminal(world: World) -> Iterator[dict[str, Any]]:
    """``input``, ``output`` and ``color_depth`` for prompt_toolkit: stdin and stderr."""
    from prompt_toolkit.input import create_input
    from prompt_toolkit.output import ColorDepth

    assert world.stdin is not None
    assert world.stderr is not None
    # Wrapped for as long as the question stands; what is below belongs to the process.
    typed = io.TextIOWrapper(world.stdin, "utf-8")
    drawn = io.TextIOWrapper(world.stderr, "utf-8", "backslashreplace")
    try:
        yield {
            "input": create_input(typed),
            "output": _output(world, drawn),
            "color_depth": None if world.stderr_color else ColorDepth.DEPTH_1_BIT,
        }
    except EOFError:
        raise KeyboardInterrupt from None
    finally:
        typed.detach()
        drawn.detach()


def _output(world: World, drawn: io.TextIOWrapper) -> Output:
    if sys.platform == "win32":
        from prompt_toolkit.output import create_output

        return create_output(drawn)
    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.output.vt100 import Vt100_Output

    def size() -> Size:
        try:
            columns, rows = os.get_terminal_size(drawn.fileno())
        except OSError:
            columns, rows = 0, 0
        return Size(rows=rows or 24, columns=columns or world.width)

    # Not asked where its cursor is: a terminal that does not answer would be told off for it.
    return Vt100_Output(
        drawn, size, term=world.environ.get("TERM"), enable_bell=False, enable_cpr=False
    )


# -- plain lines


def _is_dumb(world: World) -> bool:
    return world.environ.get("TERM", "").lower() in ("dumb", "unknown")


def _numbered(world: World, question: str, choices: Sequence[Choice], start: int) -> int:
    for number, choice in enumerate(choices, 1):
        detail = f"  {choice.detail}" if choice.detail else ""
        write_text(world.stderr, f"{number:>3}  {choice.title}{detail}\n")
    numbers = {str(number) for number in range(1, len(choices) + 1)}
    head = f"{question} Type its number [{start + 1}]:"
    line = _until_good(
        world,
        head,
        lambda text: text or str(start + 1),
        lambda text: None if text in numbers else f"Type a number from 1 to {len(choices)}.",
    )
    return int(line) - 1


def _until_good(world: World, head: str, read: Callable[[str], str], check: Check) -> str:
    while True:
        write_text(world.stderr, f"{head} ")
        line = b"" if world.stdin is None else world.stdin.readline(_LONGEST)
        if not line.endswith(b"\n"):
            raise KeyboardInterrupt
        text = read(line.decode("utf-8", "replace").strip())
        wrong = check(text)
        if wrong is None:
            return text
        write_text(world.stderr, f"{clean(wrong)}\n")
