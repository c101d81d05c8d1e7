"""Rows of a session's events with tokens for people's data, told apart finely enough to be read.

``sessions events --mask`` makes a token of every property. A story of tokens would tell nothing,
so what Fullstory itself puts there stays (a method, a status, a reason, a selector), free text
written by the site's developers keeps all but what is recognised in it, and what a page showed or
a visitor typed becomes a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .steps import ROW_KEYS, Event, kind_of, mapping, page_of, sort_of, text_of

# A kind ("email", "name", "uid", "url", "text" or "value") and a value; the value masked. "text"
# keeps what is nobody's, "url" the host and path.
Mask = Callable[[Any, str], str]

_SELECTORS = frozenset(("raw_selector", "selector"))
_STANDS = frozenset(
    (
        "navigate_reason", "request_method", "method", "response_status", "status", "status_code",
        "level", "masked", "click_count", "event_definition_id", "additional_event_definition_ids",
    )
)  # fmt: skip
_URLS = frozenset(("request_url", "url"))


class _Rules(NamedTuple):
    """Which properties of a type are more than a person's data."""

    stands: frozenset[str] = frozenset(("masked",))
    texts: frozenset[str] = _SELECTORS
    urls: frozenset[str] = frozenset()


_KNOWN = _Rules(_STANDS, _SELECTORS | {"message"}, _URLS)
_CUSTOM = _Rules(texts=_SELECTORS | {"event_name", "name"})
_OTHER = _Rules()


def masked(event: Event, mask: Mask) -> dict[str, Any]:
    """The same row, masked; of what the source told only what a story reads."""
    row = {key: value for key, value in event.items() if key in ROW_KEYS}
    if "event_properties" in row:
        sort = sort_of(kind_of(event))
        rules = {"custom": _CUSTOM, "other": _OTHER}.get(sort, _KNOWN)
        row["event_properties"] = _properties(row["event_properties"], rules, mask)
    source = mapping(row.get("source_properties"))
    row["source_properties"] = {
        "url": _url(page_of(event), mask),
        "user_agent": source.get("user_agent"),
        "initial_referrer": _url(text_of(source.get("initial_referrer")), mask),
    }
    for key, value in event.items():
        if key not in ROW_KEYS:
            row[mask("text", key)] = _tokens(value, mask)
    return row


def _properties(properties: Any, rules: _Rules, mask: Mask) -> Any:
    if not isinstance(properties, Mapping):
        return _tokens(properties, mask)
    return {
        mask("text", key): _property(key, value, rules, mask) for key, value in properties.items()
    }


def _property(key: str, value: Any, rules: _Rules, mask: Mask) -> Any:
    if key == "target" and isinstance(value, Mapping):
        return _properties(value, _OTHER, mask)
    if key in rules.stands and not isinstance(value, Mapping):
        return value
    if isinstance(value, str):
        if key in rules.urls:
            return _url(value, mask)
        if key in rules.texts:
            return mask("text", value)
    return _tokens(value, mask)


def _url(url: str, mask: Mask) -> str:
    return mask("url", url) if url else url


def _tokens(value: Any, mask: Mask) -> Any:
    """A token for every leaf; what is empty stays so."""
    if isinstance(value, Mapping):
        return {mask("text", key): _tokens(item, mask) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tokens(item, mask) for item in value]
    if value is None or value == "":
        return value
    return mask("value", text_of(value))
