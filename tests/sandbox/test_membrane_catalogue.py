"""The embedded Membrane's actions and searches, in every style (contracts/membrane §2.6, §2.7)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fsctl.errors import Usage
from fsctl.sandbox.actions import ACTIONS, Style
from tests.support.asking import ID, Asking, Membranes


def test_search_finds_the_connector(ask: Asking) -> None:
    _, page = ask("GET", "/search?q=FullStory&elementType=Connector")
    (hit,) = page["items"]
    assert (hit["elementType"], hit["element"]["key"]) == ("connector", "fullstory")
    assert ask("GET", f"/connectors/{hit['element']['id']}")[1]["name"] == "Fullstory"
    assert ask("GET", "/search?q=salesforce")[1]["items"] == []
    assert ask("GET", "/integrations?search=slack")[1]["items"] == []


def test_the_catalogue_has_the_eight_actions_with_ids_names_and_schemas(ask: Asking) -> None:
    _, page = ask("GET", f"/actions?connectionId={ID}")
    assert [action["key"] for action in page["items"]] == [action.key for action in ACTIONS]
    for action in page["items"]:
        assert re.fullmatch(r"[0-9a-f]{24}", action["id"])
        assert action["name"].lower().replace(" ", "-") == action["key"]
        assert action["inputSchema"]["type"] == "object"
        assert action["outputSchema"]["type"] == "object"
        assert ask("GET", f"/actions/{action['id']}?connectionId={ID}")[1] == action


def test_an_intent_ranks_and_is_ignored_without_a_connection(ask: Asking) -> None:
    def found(target: str) -> list[str]:
        return [action["key"] for action in ask("GET", target)[1]["items"]]

    assert found(f"/actions?connectionId={ID}&intent=mark%20a%20deployment") == [
        "create-annotation"
    ]
    assert found(f"/actions?connectionId={ID}&intent=delete+users")[0] == "delete-user"
    assert len(found("/actions?intent=mark+a+deployment")) == 8
    assert found(f"/actions?connectionId={ID}&search=annotation") == ["create-annotation"]
    assert found("/actions?integrationKey=slack") == []


def schema_names(ask: Asking, key: str) -> list[str]:
    _, page = ask("GET", f"/actions?connectionId={ID}")
    name = key.replace("-", " ").title()
    schema = next(a["inputSchema"] for a in page["items"] if a["name"] == name)
    return list(schema["properties"])


def test_the_catalogue_comes_in_every_style(membranes: Membranes) -> None:
    def event(style: str) -> list[str]:
        return schema_names(membranes(style=Style.parse(style)), "create-event")

    assert event("snake,nested")[-3:] == ["user", "session", "context"]
    assert "session_use_most_recent" in event("flattened")
    assert "contextBrowserInitialReferrer" in event("camel,flattened")
    annotation = schema_names(membranes(style=Style.parse("camel")), "create-annotation")
    assert annotation == ["text", "startTime", "endTime", "source"]


@pytest.mark.parametrize(
    ("style", "given"),
    [
        (
            "snake",
            {
                "name": "Paid",
                "session": {"use_most_recent": True},
                "user": {"uid": "u"},
                "context": {"browser": {"initial_referrer": "x"}},
                "properties": {"an_Own": {"na_me": 1}},
            },
        ),
        (
            "camel",
            {
                "name": "Paid",
                "session": {"useMostRecent": True},
                "user": {"uid": "u"},
                "context": {"browser": {"initialReferrer": "x"}},
                "properties": {"an_Own": {"na_me": 1}},
            },
        ),
        (
            "flattened",
            {
                "name": "Paid",
                "session_use_most_recent": True,
                "user_uid": "u",
                "context_browser_initial_referrer": "x",
                "properties": {"an_Own": {"na_me": 1}},
            },
        ),
        (
            "camel,flattened",
            {
                "name": "Paid",
                "sessionUseMostRecent": True,
                "userUid": "u",
                "contextBrowserInitialReferrer": "x",
                "properties": {"an_Own": {"na_me": 1}},
            },
        ),
    ],
)
def test_an_input_in_the_catalogues_style_becomes_fullstorys_request(
    membranes: Membranes, style: str, given: dict[str, Any]
) -> None:
    ask = membranes(style=Style.parse(style))
    ask.act("create-event", given)
    (request,) = ask.sent
    assert (request.method, request.path) == ("POST", "/v2/events")
    assert json.loads(request.body or b"") == {
        "name": "Paid",
        "session": {"use_most_recent": True},
        "user": {"uid": "u"},
        "context": {"browser": {"initial_referrer": "x"}},
        "properties": {"an_Own": {"na_me": 1}},
    }


def test_an_input_in_another_style_is_silently_ignored(membranes: Membranes) -> None:
    ask = membranes(style=Style.parse("camel"))
    status, document = ask.act("create-annotation", {"text": "x", "start_time": "2020-01-01"})
    assert status == 200
    assert json.loads(ask.sent[0].body or b"") == {"text": "x"}
    assert not document["output"]["start_time"].startswith("2020")


def test_catalogue_items_may_have_no_key_and_run_by_id_only(membranes: Membranes) -> None:
    ask = membranes(style=Style.parse("keyless"))
    _, page = ask("GET", f"/actions?connectionId={ID}")
    assert all("key" not in action for action in page["items"])
    assert ask.act("list-users", {})[1]["key"] == "not_found"
    by_id = {"id": page["items"][0]["id"], "connectionId": ID, "input": {}}
    assert ask("POST", "/act", by_id)[0] == 200


def test_an_action_can_be_left_out(membranes: Membranes) -> None:
    ask = membranes(style=Style.parse("missing:create-event"))
    assert len(ask("GET", f"/actions?connectionId={ID}")[1]["items"]) == 7
    assert ask.act("create-event", {"name": "x"})[0] == 404


def test_a_style_that_is_none_is_refused() -> None:
    with pytest.raises(Usage, match="kebab"):
        Style.parse("snake,kebab")
