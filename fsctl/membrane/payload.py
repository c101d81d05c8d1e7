"""JSON in and out, within bounds (DESIGN §2, Bounds)."""

from __future__ import annotations

import json
from typing import Any

MAX_RESPONSE = 64 * 1024 * 1024  # bytes of a decoded answer
MAX_DEPTH = 200  # nested arrays and objects


class BadPayload(ValueError):
    """The text is not the JSON it should be; the message never quotes the text."""


def decode(text: str | bytes) -> Any:
    """The value of a JSON document. Integers stay exact. Raises :class:`BadPayload`."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
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


def encode(value: Any) -> bytes:
    """``value`` as compact UTF-8 JSON. Raises :class:`BadPayload` for NaN and lone surrogates."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except UnicodeEncodeError:
        raise BadPayload("it holds half a character (a lone surrogate)") from None
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"it cannot be written as JSON ({error})") from None


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
