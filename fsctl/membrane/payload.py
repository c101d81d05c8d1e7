"""JSON in and out, within bounds (DESIGN §2, Bounds)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

LARGE = 1_000_000  # bytes from which loading a program that makes no copy as text pays
MAX_RESPONSE = 64 * 1024 * 1024  # bytes of a decoded answer
MAX_DEPTH = 200  # nested arrays and objects


class BadPayload(ValueError):
    """The text is not the JSON it should be; the message never quotes the text."""


def decode(text: str | bytes) -> Any:
    """The value of a JSON document. Integers stay exact. Raises :class:`BadPayload`."""
    try:
        value = _loaded(text)
    except RecursionError:
        raise BadPayload("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise BadPayload("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadPayload(f"it is not JSON ({error.msg}, {where})") from None
    except ValueError as error:
        raise BadPayload(str(error)) from None
    if _too_deep(value):
        raise BadPayload("it is nested too deeply")
    return value


def encode(value: Any, *, large: bool = False) -> bytes:
    """``value`` as compact UTF-8 JSON. Raises :class:`BadPayload` for NaN and lone surrogates.

    ``large`` says that it will be, and holds no number that JSON cannot write: it came as JSON.
    """
    try:
        if large:
            import msgspec

            return msgspec.json.encode(value)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except UnicodeEncodeError:
        raise BadPayload("it holds half a character (a lone surrogate)") from None
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"it cannot be written as JSON ({error})") from None


def _loaded(text: str | bytes) -> Any:
    if len(text) > LARGE:
        import msgspec

        # A text with one emoji takes four bytes a character, beside the bytes and the value.
        # What this refuses (a byte order mark, half a character) the other may still take.
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(text)
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise BadPayload(f"{name} is not a JSON number")


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
