"""Text made one plain line, and cut so that what is left still reads.

Sizes are bytes of UTF-8. A text has never more code points than bytes, so what fits in bytes fits
in both, whichever of the two Fullstory counts (contracts/fullstory-api §2.4).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

ELLIPSIS = "…"
_FEWEST = 4  # characters of a cut text: fewer tell nothing
_ASCII_SPACE = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\u2028\u2029")
_JOINERS = "\u200c\u200d"
# Characters that nobody sees, though they are not of a category that says so.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
# First and last of the characters that make one sign with a neighbour, beside marks and joiners.
_CLINGING = (
    ("\u1100", "\u11ff"),  # parts of Hangul syllables, here and in the next two
    ("\ua960", "\ua97f"),
    ("\ud7b0", "\ud7ff"),
    ("\U0001f1e6", "\U0001f1ff"),  # regional indicators: two are a flag
    ("\U0001f3fb", "\U0001f3ff"),  # colours of skin
)


class Part(NamedTuple):
    """A piece of a text: ``most`` is its size while other parts want room as well."""

    text: str
    cuttable: bool = True
    most: int = 1_000_000


def size(text: str) -> int:
    return len(text.encode())


def plain(text: str) -> str:
    """``text`` as one line: no control characters, no turns of direction, nothing invisible.

    Line ends and other blanks become single spaces. Joiners and variation selectors stay, which
    emoji and several scripts need.
    """
    if "\x1b" in text:
        from ..membrane.ansi import strip_ansi

        text = strip_ansi(text)
    if not (text.isascii() and text.isprintable()):
        text = "".join(filter(None, map(_seen, text)))
    return " ".join(text.split())


def _seen(character: str) -> str:
    if character in _ASCII_SPACE:
        return " "
    kind = unicodedata.category(character)
    if kind in ("Cf", "Cc", "Cs"):
        return character if character in _JOINERS else ""
    return "" if character in _FILLERS else character


def cut(text: str, room: int, mark: str = ELLIPSIS) -> str:
    """``text`` if it fits ``room``, else what fits of it and of ``mark`` at its end.

    It is cut at a space, or inside a word where there is no space far enough in: never beside a
    character that belongs to its neighbour. Empty where too little would be left.
    """
    if size(text) <= room:
        return text
    head = text.encode()[: max(0, room - size(mark))].decode(errors="ignore")
    at = head.rfind(" ") if text[len(head)] != " " else len(head)
    if at < len(head) // 3:
        at = len(head)
        while at > 0 and (_clings(text[at - 1]) or _clings(text[at])):
            at -= 1
    kept = text[:at].rstrip()
    return kept + mark if len(kept) >= _FEWEST else ""


def _clings(character: str) -> bool:
    """Whether it makes one sign with a neighbour: an accent, a joiner, half a flag."""
    if character.isascii():
        return False
    if unicodedata.category(character)[0] == "M" or character in _JOINERS:
        return True
    return any(first <= character <= last for first, last in _CLINGING)


def fit(
    parts: Sequence[Part],
    order: Sequence[int],
    render: Callable[[Sequence[str]], str],
    most: int,
) -> str:
    """What ``render`` makes of as much of ``parts`` as fits ``most``.

    ``order`` holds the parts' places, the most important first: each in turn gets the room it
    wants, up to its own ``most``; what is left over then goes to those that were cut. A part that
    may not be cut is there whole or is empty.
    """
    whole = render([part.text for part in parts])
    if size(whole) <= most:
        return whole
    chosen = [""] * len(parts)
    for place in order:
        part = parts[place]
        _grow(chosen, place, part, part.most if part.cuttable else size(part.text), render, most)
    for place in order:
        if parts[place].cuttable:
            _grow(chosen, place, parts[place], most, render, most)
    return render(chosen)


def _grow(
    chosen: list[str],
    place: int,
    part: Part,
    wanted: int,
    render: Callable[[Sequence[str]], str],
    most: int,
) -> None:
    """Give the part at ``place`` as much of ``wanted`` as there is room for, and never less."""
    before = chosen[place]
    wanted = min(wanted, size(part.text))
    while wanted > size(before):
        piece = cut(part.text, wanted) if part.cuttable else part.text
        if size(piece) <= size(before):
            return
        chosen[place] = piece
        excess = size(render(chosen)) - most
        if excess <= 0:
            return
        chosen[place] = before
        if not part.cuttable:
            return
        wanted = size(piece) - excess
