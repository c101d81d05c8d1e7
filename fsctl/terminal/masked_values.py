"""Values that stand in free text under a name: ``plan=paid`` and pieces of JSON.

Console messages are the usual place. What stands there is a property's value like any other, so it
becomes a token; the names, and what is nobody's (small numbers, true, false), stay. All in linear
time: every search goes on where the last one ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache

Token = Callable[[str], str]

_NOBODYS = re.compile(r"-?\d{1,3}|true|false|null|none|undefined|nan", re.IGNORECASE)


def without_json_values(text: str, token: Token) -> str:
    """The strings that are values in something like JSON, cut off or not, and longer numbers."""
    if '"' not in text and "'" not in text:
        return text

    def string(found: re.Match[str]) -> str:
        quote, value = found[2][0], _unquoted(found[2])
        if not value or _is_token(value):
            return found[0]
        return f"{found[1]}{quote}{token(value)}{quote}"

    text = _strings().sub(string, text)
    return _numbers().sub(lambda found: found[1] + _token(found[2], token), text)


def without_assigned_values(text: str, token: Token) -> str:
    """What stands behind ``name=``, up to a blank or the next sign that parts things."""
    if "=" not in text:
        return text
    return _assigned().sub(lambda found: found[1] + _token(found[2], token), text)


def without_path_values(path: str, token: Token) -> str:
    """The same in the path of an address: ``;jsessionid=A1``, ``/token=A1``."""
    if "=" not in path:
        return path
    return _in_paths().sub(lambda found: found[1] + _token(found[2], token), path)


def _token(value: str, token: Token) -> str:
    known = _NOBODYS.fullmatch(value) or _is_token(value.rstrip(".!:"))
    return value if known else token(value)


def _is_token(value: str) -> bool:
    from .mask import TOKEN

    return re.fullmatch(TOKEN, value) is not None


def _unquoted(literal: str) -> str:
    """The text of a string; of one that is cut off, or is no JSON, what stands there."""
    if literal[0] == '"':
        try:
            value = json.loads(literal)
            return value if isinstance(value, str) else ""
        except ValueError:
            pass
    return literal[1:-1] if literal[1:].endswith(literal[0]) else literal[1:]


# Compiled when a text first needs them.


@cache
def _strings() -> re.Pattern[str]:
    """After a colon, bracket or comma, in double or single quotes, and not itself a key."""
    double = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
    single = r"'(?:[^'\\]|\\.)*+(?:'|\\?\Z)"
    return re.compile(rf"([:\[,]\s{{0,4}})({double}|{single})(?!\s{{0,4}}:)", re.DOTALL)


@cache
def _numbers() -> re.Pattern[str]:
    return re.compile(r"([\"']\s{0,4}:\s{0,4})(-?\d[\d.]{0,60}+)")


@cache
def _assigned() -> re.Pattern[str]:
    parting = r"\s&;,\"'<>()\[\]{}|"
    return re.compile(rf"((?<![\w.-])[A-Za-z_][\w.-]{{0,60}}=)(?![=>])([^{parting}]+)")


@cache
def _in_paths() -> re.Pattern[str]:
    return re.compile(r"([/;][^/?#;=]{1,60}+=)([^/?#;]+)")
