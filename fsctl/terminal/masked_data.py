"""JSON documents with people's data masked: rows, answers, requests, run logs.

The key that a value stands under says what it is; see ``_KINDS``. Schemas are left alone: they
name types, not values. In every other text the masker looks for shapes, and for the uid and name
of the person in whose object the text stands, because addresses of Fullstory's app hold them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .mask import Kind, Masker

_DEEPEST = 100  # what is nested deeper becomes a token whole

# Keys as services and their clients write them, without case, hyphens and underscores.
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("email", "emailaddress", "useremail", "mail"), "email"),
    **dict.fromkeys(("uid", "useruid", "sessionuid", "userappkey", "externalid"), "uid"),
    **dict.fromkeys(
        ("displayname", "userdisplayname", "fullname", "firstname", "lastname", "givenname",
         "familyname", "username", "nickname"), "name"),
    **dict.fromkeys(
        ("ip", "ipaddress", "ipaddr", "clientip", "remoteip", "userip", "remoteaddr"), "ip"),
    **dict.fromkeys(("query", "querystring", "rawquery"), "query"),
    **dict.fromkeys(
        ("properties", "eventproperties", "userproperties", "customproperties", "customvars",
         "uservars", "pageproperties", "traits"), "value"),
    **dict.fromkeys(
        ("url", "fullurl", "fsurl", "appurl", "pageurl", "href", "uri", "path", "location",
         "referrer", "referer", "initialreferrer"), "url"),
    **dict.fromkeys(("who", "user"), "who"),
}  # fmt: skip
_SCHEMAS = ("schema", "typeconflicts")
# Objects whose name is a person's, and keys of things that have a uid and a name of their own.
_PEOPLE = frozenset(("user", "users", "individual", "individuals", "person", "people", "visitor"))
_EVENTS = frozenset(("timestamp", "eventtime", "eventtype", "eventname"))
_PAIR = frozenset(("name", "value"))


class _Known(NamedTuple):
    """A value of the person whose object is being masked, as it may stand in a text."""

    token: str
    spellings: tuple[str, ...]


class _Place(NamedTuple):
    """Where in the document a value stands."""

    key: str = ""
    known: tuple[_Known, ...] = ()
    depth: int = 0

    def at(self, key: str) -> _Place:
        return _Place(key, self.known, self.depth)

    def below(self) -> _Place:
        return _Place(self.key, self.known, self.depth + 1)


def masked(masker: Masker, document: Any) -> Any:
    """A copy of a JSON document with tokens for what is personal in it."""
    return _Masking(masker).value(document, _Place())


class _Masking:
    def __init__(self, masker: Masker) -> None:
        self._masker = masker

    def value(self, value: Any, place: _Place) -> Any:
        if isinstance(value, str):
            return self._text(value, place)
        if not _is_nested(value):
            return value
        if place.depth > _DEEPEST:
            return self._leaf("value", value)
        if isinstance(value, Mapping):
            return self._object(value, place)
        return [self.value(item, place.below()) for item in value]

    def _object(self, thing: Mapping[str, Any], place: _Place) -> dict[str, Any]:
        kinds = {key: _kind(str(key)) for key in thing}
        if _has_name(thing, place.key):
            kinds["name"] = "name"
        if set(thing) == _PAIR and isinstance(thing["name"], str):  # one of several parameters
            kinds["value"] = _kind(thing["name"]) or ("query" if place.key == "query" else None)
        own = tuple(
            _Known(self._masker.token(kind, value), _spellings(value))
            for key, value in thing.items()
            if (kind := kinds[key]) in ("uid", "name", "email")
            and isinstance(value, str)
            and value[1:]
        )
        inner = _Place(place.key, (*place.known, *own), place.depth + 1)
        return {
            self._text(str(key), inner): self._member(value, kinds[key], inner.at(key))
            for key, value in ((str(key), value) for key, value in thing.items())
        }

    def _member(self, value: Any, kind: Kind | None, place: _Place) -> Any:
        name = _plain(place.key)
        place = place.at(name)
        if name.endswith(_SCHEMAS):
            return self._shapes(value, place)
        if name.endswith("id") and kind is None and isinstance(value, str) and value.isdigit():
            return value
        if kind is None or (kind == "who" and _is_nested(value)):
            return self.value(value, place)
        if kind == "url":
            if not isinstance(value, str):
                return self.value(value, place)
            return self._hidden(self._masker.url(value), place)
        if kind == "query" and isinstance(value, Mapping):
            return self._leaf(kind, value) if value else value
        if kind == "query" and isinstance(value, list | tuple):
            return [
                self.value(item, place.below()) if _is_nested(item) else self._leaf(kind, item)
                for item in value
            ]
        return self._all(kind, value, place)

    def _all(self, kind: Kind, value: Any, place: _Place) -> Any:
        """Tokens for every leaf of it; the names of nested ones stay."""
        if not _is_nested(value) or place.depth > _DEEPEST:
            return self._leaf(kind, value)
        if isinstance(value, Mapping):
            return {
                self._text(str(key), place): self._all(kind, item, place.below())
                for key, item in value.items()
            }
        return [self._all(kind, item, place.below()) for item in value]

    def _leaf(self, kind: Kind, value: Any) -> Any:
        if value is None or value == "":
            return value
        try:
            text = value if isinstance(value, str) else json.dumps(value, default=str)
        except RecursionError:
            text = "nested beyond reason"
        return self._masker.text(kind, text)

    def _shapes(self, value: Any, place: _Place) -> Any:
        """A schema: only what has the shape of something personal is masked."""
        if isinstance(value, str):
            return self._masker.sentence(value)
        if not _is_nested(value):
            return value
        if place.depth > _DEEPEST:
            return self._leaf("value", value)
        if isinstance(value, Mapping):
            return {key: self._shapes(item, place.below()) for key, item in value.items()}
        return [self._shapes(item, place.below()) for item in value]

    def _text(self, text: str, place: _Place) -> str:
        document = _parsed(text) if text[:1] in ("{", "[") and place.depth <= _DEEPEST else None
        if document is not None:  # a log keeps bodies as text
            inner = self.value(document, place.below())
            return json.dumps(inner, ensure_ascii=False, separators=(",", ":"))
        return self._hidden(self._masker.said(text), place)

    def _hidden(self, text: str, place: _Place) -> str:
        for known in place.known:
            for spelling in known.spellings:
                if spelling in text:
                    text = _standing_alone(spelling).sub(
                        lambda found, token=known.token: found[1] or token,  # type: ignore[misc]
                        text,
                    )
        return text


def _kind(key: str) -> Kind | None:
    return _KINDS.get(_plain(key))


@lru_cache(4096)  # the same few keys in every row
def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _has_name(thing: Mapping[str, Any], parent: str) -> bool:
    """Whether the ``name`` in it is a person's."""
    if "name" not in thing:
        return False
    keys = {_plain(str(key)) for key in thing}
    return (
        parent in _PEOPLE
        or not keys.isdisjoint(("email", "displayname"))
        or ("uid" in keys and keys.isdisjoint(_EVENTS))
    )


def _spellings(value: str) -> tuple[str, ...]:
    """A value as it is, and as addresses have it."""
    from .mask import quoted_spellings

    return (value, *quoted_spellings(value))


def _standing_alone(spelling: str) -> re.Pattern[str]:
    """It, not as a part of a word; or, as group 1, a token, in which it may stand by chance."""
    from .mask import TOKEN

    alone = rf"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{{2}})){re.escape(spelling)}(?!\w)"
    return re.compile(rf"({TOKEN})|{alone}")


def _parsed(text: str) -> Any:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict | list) else None
