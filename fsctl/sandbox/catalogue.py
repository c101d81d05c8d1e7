"""What the embedded Membrane can name: its actions, and what a search finds.

Sources: contracts/membrane §2.6 and §2.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..membrane.gateway import Response
from .actions import ACTIONS, SandboxAction, Style
from .calls import DEFAULT_PAGE, Call
from .connections import CONNECTOR, INTEGRATION
from .envelopes import bad_request, json_response, no_route, not_found

_INTENT_PAGE = 10
_APP = (INTEGRATION["id"], INTEGRATION["key"])


class Catalogue:
    """The actions of every connection to Fullstory, told in one style."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._actions = [action for action in ACTIONS if action.key not in style.missing]

    def action(self, selector: str) -> SandboxAction:
        """An action by id, or by key where the catalogue has keys. Raises not_found."""
        for action in self._actions:
            if selector == action.id or (selector == action.key and not self._style.keyless):
                return action
        raise not_found("Action", selector)

    def told(
        self, action: SandboxAction, connection: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """An action as the API gives it."""
        document: dict[str, Any] = {
            "id": action.id,
            "key": action.key,
            "name": action.name,
            "description": action.description,
            "type": "api-request-to-external-app",
            "integrationId": INTEGRATION["id"],
            "integrationKey": INTEGRATION["key"],
            "inputSchema": action.input_schema(self._style),
            "outputSchema": dict(action.output),
            "isPublic": True,
            "state": "READY",
            "revision": "1",
        }
        if self._style.keyless:
            del document["key"]
        if connection is not None:
            document["connectionId"] = connection["id"]
        return document

    def listed(self, call: Call, connection: Mapping[str, Any] | None) -> Response:
        """``GET /actions``: filtered by words, and ranked by intent where there is a connection."""
        query = call.first
        intent = query.get("intent", "")
        if len(intent) > 200:
            raise bad_request("intent: must be at most 200 characters long")
        actions = self._actions if _is_fullstory(query, connection) else []
        if search := query.get("search", "").lower():
            actions = [a for a in actions if search in f"{a.key} {a.name} {a.description}".lower()]
        ranked = bool(intent) and connection is not None  # ignored without a connection
        if ranked:
            actions = _by_intent(actions, intent)
        told = [self.told(action, connection) for action in actions]
        return call.page(told, _INTENT_PAGE if ranked else DEFAULT_PAGE)

    def search(self, call: Call, connections: Sequence[Mapping[str, Any]]) -> Response:
        """``GET /search``: the elements whose name or key has all the words."""
        words = call.first.get("q", "")
        if not 1 <= len(words) <= 200:
            raise bad_request("q: must be 1 to 200 characters long")
        kind = call.first.get("elementType", "").lower()
        elements = [("connector", CONNECTOR), ("integration", INTEGRATION)]
        elements += [("connection", connection) for connection in connections]
        elements += [("action", self.told(action)) for action in self._actions]
        found = [
            {"elementType": name, "element": {k: element.get(k) for k in ("id", "key", "name")}}
            for name, element in elements
            if kind in ("", name) and _mentions(element, words)
        ]
        return call.page(found, 20, most=100)

    def apps(self, call: Call) -> Response:
        """``GET /integrations`` and ``GET /connectors``, as lists and one by one."""
        kind, *rest = call.segments
        element = INTEGRATION if kind == "integrations" else CONNECTOR
        own = (element["id"], element["key"])
        match rest:
            case []:
                fits = _mentions(element, call.first.get("search", ""))
                return call.page([element] if fits else [])
            case [selector] if selector in own:
                return json_response(element)
            case [selector]:
                raise not_found(kind.removesuffix("s").title(), selector)
            case [selector, "actions"] if selector in own:
                return self.listed(call, None)
            case [selector, "actions", name] if selector in own:
                return json_response(self.told(self.action(name)))
        return no_route(call.method, call.path)


def _is_fullstory(query: Mapping[str, str], connection: Mapping[str, Any] | None) -> bool:
    asked = query.get("integrationKey") or query.get("integrationId")
    app = connection["integration"]["key"] if connection else INTEGRATION["key"]
    return app == INTEGRATION["key"] and (asked is None or asked in _APP)


def _by_intent(actions: Sequence[SandboxAction], intent: str) -> list[SandboxAction]:
    """The actions that share words with ``intent``, those that share most first."""

    def shared(action: SandboxAction) -> int:
        text = f"{action.key} {action.description}".lower()
        return sum(stem in text for stem in stems)

    stems = [word.rstrip("s") for word in intent.lower().split() if len(word) > 2]
    return [a for a in sorted(actions, key=shared, reverse=True) if shared(a)]


def _mentions(element: Mapping[str, Any], words: str) -> bool:
    text = f"{element.get('key') or ''} {element['name']}".lower()
    return all(word in text for word in words.lower().split())
