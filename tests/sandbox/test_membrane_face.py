"""The embedded Membrane's envelope, tokens and connections (contracts/membrane §2.4, §2.5, §3)."""

from __future__ import annotations

import json
import re
import threading
from typing import Any

import pytest

from fsctl.membrane.failures import MEMBRANE_TYPES
from fsctl.sandbox.options import ConnectionSeed, MembraneOptions
from tests.support.asking import ID, OTHER, TEXT, Asking, Membranes


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "key"),
    [
        ("GET", "/connections/nobody", None, 404, "not_found"),
        ("GET", "/actions/nothing", None, 404, "not_found"),
        ("GET", "/action-run-logs/none", None, 404, "not_found"),
        ("GET", "/connections?limit=0", None, 400, None),
        ("GET", "/connections?limit=1001", None, 400, None),
        ("GET", "/connections?limit=ten", None, 400, None),
        ("GET", "/connections?cursor=abc", None, 400, None),
        ("GET", f"/connections/{ID}?wait=true&timeout=61", None, 400, None),
        ("GET", f"/actions?connectionId={ID}&intent={'x' * 201}", None, 400, None),
        ("GET", "/search", None, 400, None),
        ("POST", "/act", b"{", 400, None),
        ("POST", "/act", b"[]", 400, None),
        ("POST", "/connections/ensure", b"{}", 400, None),
        ("POST", "/connections", b"{}", 400, None),
        ("POST", "/connections", b'{"integrationKey":"slack"}', 404, "not_found"),
        ("PATCH", f"/connections/{ID}", b'{"key":""}', 400, None),
    ],
)
def test_a_refusal_is_membranes_envelope(
    ask: Asking, method: str, target: str, body: bytes | None, status: int, key: str | None
) -> None:
    response = ask.raw(method, target, body)
    document = json.loads(response.body)
    assert response.status == status
    assert document["type"] in MEMBRANE_TYPES
    assert document.get("key") == key
    assert document["message"]


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/flows"), ("PUT", "/act"), ("GET", "/connections/1/2/3")]
)
def test_an_unknown_route_is_told_apart_from_an_unknown_thing(
    ask: Asking, method: str, target: str
) -> None:
    status, document = ask(method, target)
    assert status == 404
    assert document["message"] == f"Cannot {method} {target}"
    assert "type" not in document


def test_an_older_membrane_can_lack_a_route(membranes: Membranes) -> None:
    older = membranes(missing_routes=frozenset(["/act"]))
    assert older.act("list-users", {})[1]["message"] == "Cannot POST /act"
    status, _ = older("POST", f"/actions/list-users/run?connectionId={ID}", {"input": {}})
    assert status == 200


def test_only_known_tokens_are_accepted_where_they_are_named(membranes: Membranes) -> None:
    ask = membranes(tokens=frozenset(["good"]))
    assert ask.raw("GET", "/self", token="good").status == 200
    assert ask.raw("GET", "/self", token="bad").status == 401


def test_a_first_token_can_be_rejected_once(membranes: Membranes) -> None:
    ask = membranes(reject_first=1)
    refused, accepted = ask("GET", "/self"), ask("GET", "/self")
    assert (refused[0], refused[1]["key"]) == (401, "not_authenticated")
    assert accepted[0] == 200


def test_a_token_can_expire(ask: Asking) -> None:
    assert ask.raw("GET", "/self", token="old").status == 200
    ask.face.expire("old")
    assert ask.raw("GET", "/self", token="old").status == 401
    assert ask.raw("GET", "/self", token="new").status == 200


def test_a_body_over_ten_megabytes_is_refused(ask: Asking) -> None:
    assert ask.raw("POST", "/act", b" " * (10 * 1024 * 1024 + 1)).status == 413


def test_self_says_who_we_are(ask: Asking) -> None:
    _, told = ask("GET", "/self")
    assert (told["internalId"], told["workspaceKey"]) == ("sandbox", "sandbox")


def test_the_sandbox_begins_with_one_ready_connection_without_a_key(ask: Asking) -> None:
    status, page = ask("GET", "/connections")
    (connection,) = page["items"]
    assert status == 200
    assert re.fullmatch(r"[0-9a-f]{24}", connection["id"])
    assert (connection["name"], connection["key"]) == ("Fullstory (sandbox)", None)
    assert (connection["state"], connection["connected"]) == ("READY", True)
    assert connection["integration"]["key"] == "fullstory"
    assert "cursor" not in page


def test_a_sandbox_can_begin_with_several_connections_or_none(membranes: Membranes) -> None:
    assert membranes(connections=())("GET", "/connections")[1]["items"] == []
    two = membranes(connections=(ConnectionSeed(), ConnectionSeed(id=OTHER, key="eu")))
    assert [c["id"] for c in two("GET", "/connections")[1]["items"]] == [ID, OTHER]
    assert two("GET", "/connections/eu")[1]["id"] == OTHER


def test_lists_come_in_pages_that_a_cursor_continues(membranes: Membranes) -> None:
    seeds = tuple(ConnectionSeed(id=f"{n:024x}", name=f"c{n}") for n in range(5))
    ask = membranes(connections=seeds, max_page=2)
    names, target = [], "/connections?limit=1000"
    while target:
        page = ask("GET", target)[1]
        names.append([c["name"] for c in page["items"]])
        target = f"/connections?cursor={page['cursor']}" if "cursor" in page else ""
    assert names == [["c0", "c1"], ["c2", "c3"], ["c4"]]
    assert ask("GET", "/connections?cursor=0&limit=1")[1]["items"][0]["name"] == "c0"


def test_lists_are_filtered(membranes: Membranes) -> None:
    ask = membranes(
        connections=(
            ConnectionSeed(),
            ConnectionSeed(id=OTHER, name="Slack", app="slack", test=True, connected=False),
        )
    )

    def found(query: str) -> list[str]:
        return [c["id"] for c in ask("GET", f"/connections?{query}")[1]["items"]]

    assert found("search=FULLST") == [ID]
    assert found("integrationKey=slack") == [OTHER]
    assert found("isTest=false") == [ID]
    assert found("connected=false") == found("disconnected=true") == [OTHER]


def test_ensure_finds_the_connection_and_makes_one_where_there_is_none(
    membranes: Membranes,
) -> None:
    ask = membranes(connections=())
    _, made = ask("POST", "/connections/ensure", {"appUrl": "https://fullstory.com", "name": "A"})
    _, found = ask("POST", "/connections/ensure", {"appUrl": "app.fullstory.com/x", "name": "B"})
    assert (made["name"], made["state"]) == ("A", "READY")
    assert found == made


@pytest.mark.parametrize(
    "url", ["", "fullstory", "https://slack.com", "https://fullstory.com.evil.test", "x" * 2001]
)
def test_ensure_refuses_what_is_not_fullstory(ask: Asking, url: str) -> None:
    assert ask("POST", "/connections/ensure", {"appUrl": url})[0] == 400


def test_a_connection_is_made_renamed_archived_and_restored(ask: Asking) -> None:
    asked = {"connectorKey": "fullstory", "name": "Second", "key": "second", "meta": {"a": 1}}
    _, made = ask("POST", "/connections", asked)
    assert (made["key"], made["meta"]) == ("second", {"a": 1})
    assert ask("POST", "/connections", asked)[1]["key"] == "already_exists"
    assert ask("PATCH", "/connections/second", {"connectionKey": "2nd"})[1]["key"] == "2nd"
    assert ask("PUT", "/connections/2nd", {"name": "New"})[1]["name"] == "New"
    assert ask("DELETE", "/connections/2nd") == (200, None)
    assert ask("DELETE", "/connections/2nd")[0] == 404
    assert ask("GET", "/connections/2nd")[1]["archivedAt"]
    assert [c["id"] for c in ask("GET", "/connections")[1]["items"]] == [ID]
    assert len(ask("GET", "/connections?includeArchived=true")[1]["items"]) == 2
    assert "archivedAt" not in ask("POST", f"/connections/{made['id']}/restore")[1]
    assert len(ask("GET", "/connections")[1]["items"]) == 2


def test_a_disconnected_connection_asks_for_a_person_and_a_reconnect_mends_it(
    ask: Asking,
) -> None:
    assert ask("POST", f"/connections/{ID}/disconnect") == (204, None)
    _, off = ask("GET", f"/connections/{ID}")
    assert (off["state"], off["disconnected"]) == ("CLIENT_ACTION_REQUIRED", True)
    assert off["clientAction"]["type"] == "connect"
    assert ask("POST", f"/connections/{ID}/test")[1] == {"success": False}
    _, on = ask("POST", f"/connections/{ID}/reconnect")
    assert (on["state"], on["connected"]) == ("READY", True)
    assert "clientAction" not in on
    assert ask("POST", f"/connections/{ID}/test")[1] == {"success": True}
    assert ask("POST", f"/connections/{ID}/refresh-credentials") == (204, None)


def test_connect_and_connection_requests_are_the_older_ways_in(ask: Asking) -> None:
    _, made = ask("POST", "/connect", {"integrationKey": "fullstory"})
    assert made["state"] == "READY"
    assert ask("POST", "/connect", {"connectionId": ID})[1]["id"] == ID
    _, asked = ask("POST", "/connection-requests", {"connectorKey": "fullstory", "name": "C"})
    _, polled = ask("GET", f"/connection-requests/{asked['requestId']}")
    assert polled["status"] == "success"
    assert ask("GET", f"/connections/{polled['resultConnectionId']}")[1]["name"] == "C"


def test_a_connection_being_built_is_waited_for(membranes: Membranes) -> None:
    ask = membranes(connections=(ConnectionSeed(state="BUILDING"),))
    came: list[Any] = []
    waiting = threading.Thread(
        target=lambda: came.append(ask("GET", f"/connections/{ID}?wait=true&timeout=60"))
    )
    waiting.start()
    ask("PATCH", f"/connections/{ID}", {"name": "still building"})
    ask("POST", f"/connections/{ID}/reconnect")
    waiting.join(20)
    assert came[0][1]["state"] == "READY"


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        (ConnectionSeed(state="BUILDING"), "BUILDING"),
        (ConnectionSeed(state="CLIENT_ACTION_REQUIRED"), "CLIENT_ACTION_REQUIRED"),
        (ConnectionSeed(connected=False), "disconnected"),
    ],
)
def test_nothing_goes_through_a_connection_that_is_not_ready(
    membranes: Membranes, seed: ConnectionSeed, said: str
) -> None:
    ask = membranes(connections=(seed,))
    for status, document in (
        ask.act("create-annotation", TEXT),
        ask("GET", f"/connections/{ID}/proxy/v2/users"),
        ask("POST", f"/connections/{ID}/request", {"method": "GET", "path": "/v2/users"}),
    ):
        assert (status, document["type"]) == (400, "connection")
        assert said in document["message"]
        assert document["data"] == {"connectionId": ID, "connectorKey": "fullstory"}
    assert ask.sent == []


def test_several_connections_need_a_choice_and_one_needs_none(membranes: Membranes) -> None:
    one = membranes()
    two = membranes(connections=(ConnectionSeed(), ConnectionSeed(id=OTHER, key="eu")))
    assert one("POST", "/act", {"key": "list-users"})[0] == 200
    assert one("GET", "/connections/fullstory/proxy/v2/users")[0] == 200
    assert two("POST", "/act", {"key": "list-users"})[0] == 400
    assert two("POST", "/act", {"key": "list-users", "connectionKey": "eu"})[0] == 200
    assert two("POST", "/act", {"key": "list-users", "integrationKey": "slack"})[0] == 404


def test_a_store_keeps_its_connections_and_is_seeded_once(ask: Asking) -> None:
    again = Asking(ask.store, MembraneOptions(connections=(ConnectionSeed(id=OTHER),)))
    assert [c["id"] for c in again("GET", "/connections")[1]["items"]] == [ID]
