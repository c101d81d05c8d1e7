"""Membrane's documents in every wrapping that is known, and none of them guessed at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from fsctl.membrane import shapes
from fsctl.membrane.gateway import ActionResult, Connector
from fsctl.membrane.shapes import UnexpectedShape
from tests.support.json_values import DOCUMENTS, OBJECTS

ROW = {"id": "c1", "name": "Fullstory"}


@pytest.mark.parametrize(
    ("document", "cursor"),
    [
        ([ROW], None),
        ({"items": [ROW]}, None),
        ({"items": [ROW], "cursor": "2"}, "2"),
        ({"items": [ROW], "cursor": 2}, "2"),
        ({"items": [ROW], "cursor": ""}, None),
        ({"items": [ROW], "cursor": None}, None),
        ({"connections": [ROW]}, None),
        ({"output": [ROW]}, None),
        ({"output": {"items": [ROW], "cursor": "2"}}, "2"),
        ({"data": {"connections": [ROW]}}, None),
        ({"result": [ROW]}, None),
        ({"output": {"data": [ROW]}}, None),
        ({"items": [ROW], "output": []}, None),
    ],
)
def test_a_list_is_found_in_every_known_wrapping(document: Any, cursor: str | None) -> None:
    assert shapes.items(document, "connections") == ([ROW], cursor)


@pytest.mark.parametrize(
    "document",
    [None, 7, "x", {}, {"items": {}}, {"actions": [ROW]}, {"output": None}, {"output": "[]"}, ROW],
)
def test_anything_else_is_no_list_and_above_all_no_empty_one(document: Any) -> None:
    with pytest.raises(UnexpectedShape):
        shapes.items(document, "connections")


def test_the_message_names_keys_and_never_values() -> None:
    with pytest.raises(UnexpectedShape) as caught:
        shapes.items({"token": "hunter22", "\x1b[31m": 1}, "connections")
    message = str(caught.value)
    assert "token" in message and "hunter22" not in message and "\x1b" not in message


@pytest.mark.parametrize(
    "document",
    [
        ROW,
        {"output": ROW},
        {"data": ROW},
        {"result": ROW},
        {"connection": ROW},
        {"output": {"data": ROW}},
    ],
)
def test_one_record_is_found_in_every_known_wrapping(document: Any) -> None:
    assert shapes.record(document, "connection") == ROW


@pytest.mark.parametrize(
    "document",
    [None, [], [ROW], {}, {"id": None}, {"id": ""}, {"id": []}, {"id": {}}, {"output": [ROW]}],
)
def test_a_record_without_an_id_is_none(document: Any) -> None:
    with pytest.raises(UnexpectedShape):
        shapes.record(document, "connection")


# Connections


def test_a_connection_is_read_whole() -> None:
    connection = shapes.connection(
        {
            "id": "c1",
            "name": "Fullstory (EU)",
            "key": "fs-eu",
            "state": "CLIENT_ACTION_REQUIRED",
            "integration": {"key": "fullstory", "name": "Fullstory"},
            "user": {"name": "Ada", "internalId": "ada"},
            "isTest": True,
            "clientAction": {"type": "connect", "description": "d", "uiUrl": "u", "n": 1},
            "errors": [{"message": "bad key"}],
        }
    )
    assert (connection.id, connection.name, connection.key) == ("c1", "Fullstory (EU)", "fs-eu")
    assert (connection.app, connection.owner, connection.test) == ("fullstory", "Ada", True)
    assert (connection.usable, connection.archived, connection.error) == (False, False, "bad key")
    assert connection.client_action == {"type": "connect", "description": "d", "uiUrl": "u"}
    assert connection.is_fullstory


@pytest.mark.parametrize(
    ("facts", "usable"),
    [
        ({}, True),
        ({"state": "READY"}, True),
        ({"state": "READY", "connected": True}, True),
        ({"connected": True}, True),
        ({"state": "READY", "disconnected": True}, False),
        ({"state": "READY", "connected": False}, False),
        ({"state": "READY", "isDefunct": True}, False),
        ({"state": "READY", "isDeactivated": True}, False),
        ({"state": "READY", "archivedAt": "2026-01-01"}, False),
        ({"state": "BUILDING"}, False),
        ({"state": "SETUP_IN_PROGRESS"}, False),
        ({"state": "ready"}, False),
        ({"state": "SOMETHING_NEW", "connected": True}, False),
    ],
)
def test_usable_is_ready_and_nothing_said_against_it(facts: dict[str, Any], usable: bool) -> None:
    assert shapes.connection({"id": "c1", **facts}).usable is usable


@pytest.mark.parametrize(
    "facts",
    [
        {"integration": {"key": "fullstory"}},
        {"integrationKey": "FullStory"},
        {"connectorKey": "fullstory"},
        {"key": "my-fullstory"},
        {"name": "Full Story"},
        {"integration": {"name": "Full Story"}},
    ],
)
def test_fullstory_is_known_by_any_of_its_names(facts: dict[str, Any]) -> None:
    assert shapes.connection({"id": "c1", "name": "x", **facts}).is_fullstory


def test_another_app_is_not_fullstory() -> None:
    assert not shapes.connection({"id": "c1", "name": "Slack"}).is_fullstory


def test_a_number_for_an_id_becomes_its_digits() -> None:
    assert shapes.connection({"id": 692345678901234567890123}).id == "692345678901234567890123"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"error": "gone"}, "gone"),
        ({"error": {"message": "gone"}}, "gone"),
        ({"error": {}, "errors": ["gone"]}, "gone"),
        ({"errors": "gone"}, None),
        ({"error": 7}, None),
    ],
)
def test_a_connections_error_is_its_first_message(error: dict[str, Any], words: str | None) -> None:
    assert shapes.connection({"id": "c1", **error}).error == words


# Actions, connectors, runs


def test_an_action_may_lack_a_key_and_schemas() -> None:
    action = shapes.action({"id": "a1", "name": "List users", "key": "", "inputSchema": []})
    assert (action.key, action.input_schema, action.output_schema) == (None, None, None)
    full = shapes.action(
        {"id": "a1", "key": "k", "inputSchema": {"a": 1}, "customOutputSchema": {"b": 2}}
    )
    assert (full.name, full.input_schema, full.output_schema) == ("a1", {"a": 1}, {"b": 2})


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (
            {"elementType": "Connector", "element": {"id": "k", "name": "K"}},
            Connector("k", "K", "connector"),
        ),
        ({"id": "k", "name": "K"}, Connector("k", "K", "connector")),
        ({"elementType": "app", "element": {"key": "k"}}, Connector("k", "k", "app")),
        ({"elementType": "connector", "element": {}}, None),
        ([], None),
    ],
)
def test_a_search_hit(document: Any, found: Connector | None) -> None:
    assert shapes.connector(document) == found


def test_the_newest_run_with_the_marker_is_found_among_odd_rows() -> None:
    rows = [7, {}, {"meta": []}, {"id": "r1", "meta": {"fsctlRun": "m"}}, {"id": "r0"}]
    run = shapes.newest_run(rows, "m")
    assert run is not None and run.id == "r1"
    assert shapes.newest_run(rows, "n") is None


# Results


@pytest.mark.parametrize(
    ("document", "result", "status"),
    [
        ({"output": {"a": 1}, "actionRunId": "r"}, ActionResult({"a": 1}, "r"), None),
        ({"output": {"a": 1}}, ActionResult({"a": 1}), None),
        ({"output": None}, ActionResult(None), None),
        ({"output": {"data": {"a": 1}}}, ActionResult({"a": 1}), None),
        (
            {"output": {"data": {"a": 1}, "status": 200, "headers": {}}},
            ActionResult({"a": 1}),
            200,
        ),
        ({"output": {"data": None, "status": "404"}}, ActionResult(None), 404),
        ({"output": {"data": [], "total": 1}}, ActionResult({"data": [], "total": 1}), None),
        ({"output": {"status": 500}}, ActionResult({"status": 500}), None),
        ({"output": 1, "other": 2}, ActionResult({"output": 1, "other": 2}), None),
        ({"id": "7", "uid": "u"}, ActionResult({"id": "7", "uid": "u"}), None),
        ([1], ActionResult([1]), None),
        ({"actionRunId": "r"}, ActionResult(None, "r", empty=True), None),
        ({}, ActionResult(None, empty=True), None),
        (None, ActionResult(None, empty=True), None),
        ({"id": "7", "status": "x"}, ActionResult({"id": "7", "status": "x"}), None),
    ],
)
def test_results_are_unwrapped_only_where_it_is_certain(
    document: Any, result: ActionResult, status: int | None
) -> None:
    assert shapes.action_result(document) == (result, status)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (200, 200),
        ("404", 404),
        (99, None),
        (600, None),
        (True, None),
        ("4 4", None),
        ("\u0664\u0660\u0664", None),
        (404.0, None),
        ("0404", None),
        (None, None),
        ("success", None),
    ],
)
def test_only_a_number_from_100_to_599_is_a_status(value: Any, status: int | None) -> None:
    assert shapes.http_status(value) == status


@given(DOCUMENTS)
def test_no_document_breaks_a_reader(document: Any) -> None:
    for read in (
        lambda: shapes.items(document, "connections"),
        lambda: shapes.record(document, "connection"),
        lambda: shapes.connection(document),
        lambda: shapes.action(document),
        lambda: shapes.connector(document),
        lambda: shapes.run_log(document),
        lambda: shapes.newest_run([document], "m"),
        lambda: shapes.action_result(document),
    ):
        try:
            read()
        except UnexpectedShape as error:
            assert len(str(error)) < 500


@given(OBJECTS)
def test_a_connection_that_can_be_read_has_text_where_text_is_promised(document: Any) -> None:
    connection = shapes.connection({**document, "id": "c1"})
    assert connection.id == "c1"
    assert isinstance(connection.is_fullstory, bool)
    for text in (connection.key, connection.app, connection.state, connection.error):
        assert text is None or (isinstance(text, str) and text)
