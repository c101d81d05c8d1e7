"""Rows of a session's events with tokens for people's data, told apart finely enough to be read.

``sessions events --mask`` makes a token of every property. A story of tokens would tell nothing,
so what Fullstory itself puts there stays (a method, a status, a reason, a selector), free text
written by the site's developers keeps all but what is recognised in it, and what a page showed or
a visitor typed becomes a token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .steps import (
    KNOWN_KINDS,
    ROW_KEYS,
    Event,
    kind_of,
    mapping,
    moment_of,
    page_of,
    sort_of,
    text_of,
)

# A kind ("email", "name", "uid", "url", "text" or "value") and a value; the value masked. "text"
# keeps what is nobody's, "url" the host and path.
Mask = Callable[[Any, str], str]

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_SELECTORS = frozenset(("raw_selector", "selector"))
_STANDS = frozenset(
    (
        "navigate_reason", "request_method", "method", "response_status", "status", "status_code",
        "masked", "click_count", "event_definition_id", "additional_event_definition_ids",
    )
)  # fmt: skip
_URLS = frozenset(("request_url", "url"))


class _Rules(NamedTuple):
    """Which properties of a type are more than a person's data."""

    stands: frozenset[str] = frozenset(("masked",))
    texts: frozenset[str] = _SELECTORS
    urls: frozenset[str] = frozenset()


_KNOWN = _Rules(_STANDS, _SELECTORS, _URLS)
# What the site's own code says of its trouble; a request's answer is not the site's to say.
_SAID = _Rules(_STANDS | {"level"}, _SELECTORS | {"message"}, _URLS)
_CUSTOM = _Rules(texts=_SELECTORS | {"event_name"})
_CUSTOM_BY_NAME = _Rules(texts=_SELECTORS | {"name"})
_OTHER = _Rules()


def masked(event: Event, mask: Mask) -> dict[str, Any]:
    """The same row, masked; of what the source told only what a story reads."""
    row = {key: value for key, value in event.items() if key in ROW_KEYS}
    if "event_properties" in row:
        row["event_properties"] = _properties(row["event_properties"], _rules(event), mask)
    if (kind := kind_of(event)) not in KNOWN_KINDS and isinstance(row.get("event_type"), str):
        row["event_type"] = _type(kind, mask)
    if isinstance(told := row.get("event_time"), str) and moment_of(event) is None:
        row["event_time"] = _tokens(told, mask)
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


def _type(kind: str, mask: Mask) -> str:
    """A type that is not known: one that reads like Fullstory's own stays, but for names in it."""
    if not _IDENTIFIER.fullmatch(kind):
        return mask("value", kind)
    return re.sub("[A-Za-z0-9]+", lambda word: mask("text", word[0]), kind)


def _rules(event: Event) -> _Rules:
    kind = kind_of(event)
    match sort_of(kind):
        case "custom":
            # Where Fullstory tells the event's name, ``name`` is a property like any other.
            properties = mapping(event.get("event_properties"))
            return _CUSTOM if "event_name" in properties else _CUSTOM_BY_NAME
        case "error":
            return _KNOWN if kind.lower().replace("_", "-") == "network-error" else _SAID
        case "other":
            return _OTHER
    return _KNOWN


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
        return _standing(value, mask)
    if isinstance(value, str):
        if key in rules.urls:
            return _url(value, mask)
        if key in rules.texts:
            return mask("text", value)
    return _tokens(value, mask)


def _standing(value: Any, mask: Mask) -> Any:
    """What is Fullstory's own; a text there could still be a person's name."""
    if isinstance(value, str):
        return mask("text", value)
    if isinstance(value, list | tuple):
        return [_standing(item, mask) for item in value]
    return _tokens(value, mask) if isinstance(value, Mapping) else value


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
