"""Hostile text made harmless (DESIGN §2, "Hostile text").

Visitors choose names, e-mails, uids and URLs. What could steer a terminal, turn text around or
hide is shown as an escape that people can read (``\\x1b``, ``\\u202e``); emoji and the scripts
that need joiners stay as they are. Every function here takes linear time.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

# C0, DEL and C1; soft hyphen; marks, embeddings, overrides and isolates of direction; line and
# paragraph separators; fillers, invisible operators and other characters that are never seen;
# annotations; tags; lone surrogates.
_HIDDEN = (
    "\\x00-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180e"
    "\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb"
    "\\ud800-\\udfff\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a"
    "\\U000e0000-\\U000e00ff\\U000e01f0-\\U000e0fff"
)
# Joiners and variation selectors: part of emoji and of several scripts, hidden anywhere else.
_JOINERS = "\u200c\u200d"
_SELECTORS = "\\ufe00-\\ufe0f\\U000e0100-\\U000e01ef"


# Compiled when a text first needs them: most output is plain, and each takes a millisecond.
@cache
def _unsafe() -> re.Pattern[str]:
    return re.compile(f"[{_HIDDEN}{_JOINERS}{_SELECTORS}]")


@cache
def _unsafe_lines() -> re.Pattern[str]:
    return re.compile(f"(?![\\n\\t])[{_HIDDEN}{_JOINERS}{_SELECTORS}]")


_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_VIRAMA = 9  # the combining class of the sign that joins consonants in Indic scripts


def clean(text: str, *, multiline: bool = False) -> str:
    """``text`` fit for a terminal. With ``multiline``, line feeds and tabs stay (CRLF is LF)."""
    if text.isprintable() and text.isascii():
        return text
    if multiline:
        return _unsafe_lines().sub(_visible, text.replace("\r\n", "\n"))
    return _unsafe().sub(_visible, text)


def clean_json(encoded: str) -> str:
    """The same for a JSON document: what is unsafe stands in strings, and becomes ``\\uXXXX``.

    The document stays the same data. Its own line feeds and indentation are kept.
    """
    if encoded.isprintable() and encoded.isascii():
        return encoded
    return _unsafe_lines().sub(_json_escape, encoded)


def _visible(match: re.Match[str]) -> str:
    character = match[0]
    if _belongs(match):
        return character
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    if _belongs(match):
        return match[0]
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _belongs(match: re.Match[str]) -> bool:
    """Whether a joiner or selector stands where a script or an emoji needs it."""
    text, at = match.string, match.start()
    if text[at] in _JOINERS:
        return _joiner_belongs(text, at)
    return _is_selector(text[at]) and _selector_belongs(text, at)


def _joiner_belongs(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if before and unicodedata.combining(before) == _VIRAMA:
        return True
    if _is_selector(before):
        return _selector_belongs(text, at - 1) and _joinable(after)
    return _joinable(before) and _joinable(after)


def _selector_belongs(text: str, at: int) -> bool:
    """One selector on one visible base: a row of them can carry a hidden message."""
    base = text[at - 1 : at]
    if base.isascii():
        return base != "" and base in "0123456789#*"
    return base.isprintable() and not _unsafe().match(base)


def _joinable(character: str) -> bool:
    """A letter, mark or picture beyond ASCII: what joiners join."""
    if not character or character.isascii() or _unsafe().match(character):
        return False
    kind = unicodedata.category(character)
    return kind[0] in "LM" or kind in ("So", "Sk", "Sm")


def _is_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


# What .NET's text search skips (the runners of GitHub and Azure compare by culture), beside blanks.
_IGNORED = "\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f\\xad\\u034f\\u061c\\u180e"
_IGNORED += "\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\ufe00-\\ufe0f\\ufeff"
_BREAK = "\\n\\r\\x0b\\x0c\\x1c-\\x1e\\x85\\u2028\\u2029"


@cache
def _colons() -> re.Pattern[str]:
    """What has to be there for a line's command: quick to rule out."""
    return re.compile(f":[{_IGNORED}]*:")


@cache
def _line_command() -> re.Pattern[str]:
    blanks = f"(?:[{_IGNORED}]|[^\\S{_BREAK}])*"
    return re.compile(f"(?:^|(?<=[{_BREAK}]))({blanks}):(?=[{_IGNORED}]*:)")


@cache
def _hash_command() -> re.Pattern[str]:
    word = f"(?:vso[{_IGNORED}]*|teamcity[{_IGNORED}]*)?"
    return re.compile(f"#(?=[{_IGNORED}]*#[{_IGNORED}]*{word}\\[)", re.IGNORECASE)


def ci_safe(text: str) -> str:
    """``text`` in which no build service finds a command.

    GitHub takes ``::name::`` at the start of a line, after blanks too, and like Azure
    ``##[name]`` and ``##vso[name]`` anywhere in it; TeamCity ``##teamcity[name]``. The first
    character of such a mark becomes an escape. Meant for text that :func:`clean` has passed.
    """
    if ":" in text and _colons().search(text):
        text = _line_command().sub(r"\1\\x3a", text)
    return _hash_command().sub(r"\\x23", text) if "#" in text else text


def ci_safe_json(encoded: str) -> str:
    """The same for a JSON document, without changing the data.

    A line of JSON never starts with a colon, so only ``#`` has to go.
    """
    return encoded.replace("#", "\\u0023")
