"""JSON as fsctl writes it: UTF-8, the service's digits and order, safe to look at."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from .sanitise import ci_safe_json, clean_json

_LARGE = 20_000  # characters from which loading a faster program pays


def compact(value: Any, *, ci: bool = False) -> str:
    """``value`` on one line. ``ci`` keeps a build service from finding commands in it.

    Numbers that JSON cannot write (NaN, infinities) become null, as JavaScript does it.
    """
    return _safe(_dump(value, None), ci)


def pretty(value: Any, *, ci: bool = False) -> str:
    """``value`` on several lines, indented by two; no line end at the end."""
    encoded = _safe(_dump(value, None), ci)
    if len(encoded) > _LARGE:
        import msgspec

        # The same layout, some times as fast; it does not take the escape of a lone surrogate.
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.format(encoded, indent=2)
    indented = _dump(value, 2)
    nothing_escaped = encoded.isascii() and "\\u" not in encoded
    return indented if nothing_escaped else _safe(indented, ci)


def _safe(encoded: str, ci: bool) -> str:
    encoded = clean_json(encoded)
    return ci_safe_json(encoded) if ci else encoded


def _dump(value: Any, indent: int | None) -> str:
    try:
        return _ENCODERS[indent].encode(value)
    except ValueError:
        return _ENCODERS[indent].encode(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_finite(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return list(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


_ENCODERS = {
    None: json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
    ),
    2: json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=2, default=_plain),
}
