"""How many terminal cells a text takes, and cutting it to fit.

A text is read as clusters: a base character with the marks, joiners and selectors that are drawn
into the same cells. Widths follow Unicode's East Asian Width (wide and full-width take two) and
what current terminals do with emoji. Text is expected to have passed ``sanitise.clean``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

ELLIPSIS = "…"

_ZWJ = "\u200d"
_FIRST_MARK = "\u0300"  # below it every character stands alone, in one cell
_EMOJI_SELECTOR = "\ufe0f"
_EMOJI_BASES = "#*0123456789\u00a9\u00ae\u2139"  # beside the symbols
# Of the characters of format, those that are drawn: around the digits that follow them.
_DRAWN_FORMATS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"

_WORD = re.compile(r"(?:`[^`]*`|[^ ])+")

# Only texts with these need reading as clusters to be measured.
_CLUSTERED = re.compile("[\u200d\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")


def width(text: str) -> int:
    """The cells ``text`` takes."""
    if text.isascii():
        return len(text)
    if _CLUSTERED.search(text) is None:
        return sum(map(_cells, text))
    return sum(cells for _, cells in clusters(text))


def fit(text: str, cells: int) -> str:
    """``text``, or as much of its beginning as fits ``cells`` together with an ellipsis."""
    return text if width(text) <= cells else shorten(text, cells)


def shorten(text: str, cells: int) -> str:
    """The beginning of a text that is too wide, ending in an ellipsis, in at most ``cells``."""
    if cells < 1:
        return ""
    return _beginning(text, cells - 1).rstrip(" ") + ELLIPSIS


def _beginning(text: str, cells: int) -> str:
    if text.isascii():
        return text[:cells]
    end = 0
    for cluster, taken in clusters(text):
        cells -= taken
        if cells < 0:
            break
        end += len(cluster)
    return text[:end]


def broken(text: str, cells: int, first: int | None = None) -> Iterator[str]:
    """The lines of ``text``, broken at blanks to fit ``cells``, the first one ``first`` of them.

    Commands in backticks, and words that are too long, such as addresses, stay whole: they are
    there to be copied.
    """
    line, room = "", cells if first is None else first
    for word in _WORD.findall(text):
        longer = f"{line} {word}" if line else word
        if line and width(longer) > room:
            yield line
            line, room = word, cells
        else:
            line = longer
    yield line


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """``text`` filled with blanks to ``cells``, to the right of it or, with ``right``, before."""
    blanks = " " * (cells - width(text))
    return blanks + text if right else text + blanks


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """The pieces that must not be cut apart, each with its cells; joined they are the text."""
    at, end = 0, len(text)
    while at < end:
        start = at
        if text[at] < _FIRST_MARK and (at + 1 == end or text[at + 1] < _FIRST_MARK):
            at += 1
            yield text[start], 1
            continue
        cells = _cells(text[at])
        pictographic = _pictographic(text[at])
        at += 1
        if _regional(text[start]) and at < end and _regional(text[at]):
            at, cells = at + 1, 2  # two letters make one flag
        while at < end:
            following = text[at]
            if following == _EMOJI_SELECTOR and _drawn_as_emoji(text[start]):
                cells = 2 if cells else 0
            elif (
                following == _ZWJ and pictographic and at + 1 < end and _pictographic(text[at + 1])
            ):
                at, cells = at + 1, 2
            elif not (_cells(following) == 0 or (pictographic and _skin_tone(following))):
                break
            at += 1
        yield text[start:at], cells


@lru_cache(maxsize=8192)
def _cells(character: str) -> int:
    if character < _FIRST_MARK:
        return 1
    code = ord(character)
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF:
        return 0  # vowels and finals that join the Hangul syllable before them
    if unicodedata.category(character) in ("Mn", "Me", "Cf") and character not in _DRAWN_FORMATS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _drawn_as_emoji(character: str) -> bool:
    """Whether the selector after it makes an emoji of it, two cells wide."""
    return character in _EMOJI_BASES or (character > "\u2000" and not character.isalpha())


@lru_cache(maxsize=8192)
def _pictographic(character: str) -> bool:
    return ord(character) > 0x2000 and unicodedata.category(character) in ("So", "Sm")


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _skin_tone(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"
