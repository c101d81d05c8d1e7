"""Runs of the embedded Membrane and their logs (contracts/membrane §2.7, §2.8, §3.2)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from fsctl.errors import Unavailable
from fsctl.membrane.gateway import Response
from fsctl.sandbox import runlogs
from fsctl.sandbox.actions import ACTIONS
from fsctl.sandbox.clock import Clock
from fsctl.sandbox.options import ConnectionSeed
from tests.support.asking import ID, TEXT, Asking, Membranes


@pytest.mark.parametrize(
    ("key", "given", "method", "target"),
    [
        (
            "list-users",
            {"email": "a@b.c", "is_identified": True, "page_token": None},
            "GET",
            "/v2/users?email=a%40b.c&is_identified=true",
        ),
        ("get-user", {"id": "1"}, "GET", "/v2/users/1"),
        (
            "get-user",
            {"id": "a/b", "include_schema": False},
            "GET",
            "/v2/users/a%2Fb?include_schema=false",
        ),
        ("create-user", {"uid": "u"}, "POST", "/v2/users"),
        ("update-user", {"id": "1", "email": "e"}, "POST", "/v2/users/1"),
        ("delete-user", {"id": "1"}, "DELETE", "/v2/users/1"),
        ("delete-user", {"uid": "u"}, "DELETE", "/v2/users?uid=u"),
        ("get-session-events", {"session_id": "1:2"}, "GET", "/v2/sessions/1%3A2/events"),
    ],
)
def test_every_action_calls_its_operation(
    ask: Asking, key: str, given: dict[str, Any], method: str, target: str
) -> None:
    ask.act(key, given)
    (request,) = ask.sent
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in request.query)
    assert (request.method, request.path + (f"?{query}" if query else "")) == (method, target)
    assert (request.body is None) == (method != "POST")


def test_a_missing_required_input_fails_the_run_before_anything_is_sent(ask: Asking) -> None:
    for given in ({}, {"text": ""}, {"text": None}, None, "text"):
        status, document = ask.act("create-annotation", given)
        assert (status, document["type"]) == (400, "action_run")
        assert document["causedByError"]["type"] == "bad_request"
        assert document["actionRunId"]
    assert ask.sent == []


@pytest.mark.parametrize(
    "body",
    [
        {"key": "list-users", "connectionId": ID, "intput": {}},
        {"connectionId": ID},
        {"key": "list-users", "id": ACTIONS[0].id, "connectionId": ID},
        {"key": "list-users", "connectionId": ID, "meta": "x"},
        {"key": 1, "connectionId": ID},
        {"key": "list-users", "connectionId": 1},
        {"api": "GET", "connectionId": ID},
        {"api": {"method": "BREW", "path": "/v2/users"}, "connectionId": ID},
        {"api": {"method": "GET"}, "connectionId": ID},
        {"api": {"method": "GET", "path": "/v2/users", "query": []}, "connectionId": ID},
    ],
)
def test_act_takes_no_other_body(ask: Asking, body: dict[str, Any]) -> None:
    status, document = ask("POST", "/act", body)
    assert (status, document["type"]) == (400, "bad_request")
    assert ask.sent == []


def test_act_does_not_run_code(ask: Asking) -> None:
    status, document = ask("POST", "/act", {"code": "module.exports = () => 1"})
    assert (status, document["type"]) == (400, "custom_code")


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("plain", {"id": "7"}),
        ("data", {"data": {"id": "7"}}),
        (
            "data-status",
            {"data": {"id": "7"}, "status": 200, "headers": {"content-type": "application/json"}},
        ),
    ],
)
def test_the_output_comes_bare_or_wrapped(membranes: Membranes, form: str, wanted: Any) -> None:
    ask = membranes(output=form)
    ask.face.upstream = lambda request: Response(
        200, (("Content-Type", "application/json"),), b'{"id":"7"}'
    )
    _, document = ask.act("create-user", {"uid": "u"})
    assert document["output"] == wanted
    assert set(document) == {"output", "actionRunId"}


def test_an_empty_answer_of_fullstorys_is_no_output(ask: Asking) -> None:
    ask.face.upstream = lambda request: Response(202, (), b"")
    _, document = ask.act("list-users", {})
    assert set(document) == {"actionRunId"}


def test_a_refusal_of_fullstorys_is_membranes_error_with_the_vendors_answer_inside(
    ask: Asking,
) -> None:
    status, document = ask.act("get-user", {"id": "404"})
    assert (status, document["type"]) == (400, "action_run")
    inner = document["data"]["response"]
    assert (inner["status"], inner["data"]["code"]) == (404, "resource_not_found")
    assert document["actionRunId"]


def test_a_bad_key_is_a_connection_error_for_actions_and_fullstorys_401_on_the_proxy(
    membranes: Membranes,
) -> None:
    ask = membranes(connections=(ConnectionSeed(good_key=False),))
    _, acted = ask.act("list-users", {})
    assert (acted["type"], acted["key"]) == ("connection", "access_token_expired")
    assert ask("GET", f"/connections/{ID}/proxy/v2/users") == (
        401,
        {"message": "Access is unauthorized.", "code": "unauthorized"},
    )
    assert ask("POST", f"/connections/{ID}/test")[1] == {"success": False}


def test_an_inline_request_gives_status_data_and_headers_whatever_the_status(ask: Asking) -> None:
    api = {"method": "POST", "path": "/v2/users", "body": {"uid": "u"}, "headers": {"X-A": "b"}}
    status, document = ask("POST", "/act", {"api": api, "connectionId": ID})
    assert status == 200
    assert document["output"]["status"] == 200
    assert set(document["output"]["data"]) == {"id"}
    assert document["output"]["headers"]["content-type"] == "application/json"
    assert ("X-A", "b") in ask.sent[0].headers
    api = {"method": "get", "path": "/v2/users/404", "query": {"include_schema": True}}
    status, document = ask("POST", "/act", {"api": api, "connectionId": ID})
    assert (status, document["output"]["status"]) == (200, 404)
    assert ask.sent[1].query == (("include_schema", "true"),)


def test_a_vendors_refusal_of_an_inline_request_may_be_an_error_too(membranes: Membranes) -> None:
    ask = membranes(api_errors="error")
    api = {"method": "GET", "path": "/v2/users/404"}
    status, document = ask("POST", "/act", {"api": api, "connectionId": ID})
    assert (status, document["data"]["response"]["status"]) == (400, 404)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (f"/actions/create-annotation/run?connectionId={ID}", {"input": TEXT, "meta": {"a": 1}}),
        (f"/action/run?key=create-annotation&connectionId={ID}", {"input": TEXT}),
        ("/action/run?key=create-annotation&integrationKey=fullstory", {"input": TEXT}),
        (f"/connections/{ID}/actions/create-annotation/run", {"input": TEXT}),
        (f"/connections/{ID}/actions/create-annotation/run", TEXT),
    ],
)
def test_the_older_routes_run_actions_too(ask: Asking, target: str, body: Any) -> None:
    status, document = ask("POST", target, body)
    assert (status, document["output"]["text"]) == (200, "deployed")


def test_the_older_route_does_not_take_a_bare_input(ask: Asking) -> None:
    status, _ = ask("POST", f"/actions/create-annotation/run?connectionId={ID}", TEXT)
    assert status == 400


def test_every_run_is_logged_with_its_meta_and_its_exchange(ask: Asking) -> None:
    _, ran = ask.act("create-annotation", TEXT, meta={"fsctlRun": "m1"})
    _, failed = ask.act("create-annotation", {}, meta={"fsctlRun": "m2"})
    _, page = ask("GET", f"/action-run-logs?connectionId={ID}")
    assert [entry["meta"]["fsctlRun"] for entry in page["items"]] == ["m2", "m1"]
    _, entry = ask("GET", f"/action-run-logs/{ran['actionRunId']}")
    assert (entry["status"], entry["input"], entry["output"]) == ("success", TEXT, ran["output"])
    assert entry["action"]["key"] == "create-annotation"
    _, entry = ask("GET", f"/action-run-logs/{failed['actionRunId']}?details=true")
    assert (entry["status"], entry["error"]["type"]) == ("error", "action_run")
    assert set(entry["details"]) == {"timeMs"}  # nothing was sent
    _, details = ask("GET", f"/action-run-logs/{ran['actionRunId']}/details")
    assert details["request"]["data"] == TEXT
    assert details["response"]["status"] == 200


def test_run_logs_are_filtered_and_paged(membranes: Membranes) -> None:
    clock = Clock(source=lambda: 1_700_000_000.0)
    ask = membranes(clock=clock)
    for key in ("list-users", "get-user", "list-users"):
        ask.act(key, {})
        clock.advance(60)

    def found(query: str) -> list[str]:
        return [entry["name"] for entry in ask("GET", f"/action-run-logs?{query}")[1]["items"]]

    assert found("status=error") == ["Get User"]
    assert found(f"actionId={ACTIONS[0].id}") == ["List Users", "List Users"]
    assert found("connectionId=none") == []
    assert found("from=2023-11-14T22:14:00") == ["List Users", "Get User"]
    assert found("to=2023-11-14T22:14:00") == ["List Users"]
    page = ask("GET", "/action-run-logs?limit=2")[1]
    assert page["cursor"] == "2"
    assert found(f"limit=2&cursor={page['cursor']}") == ["List Users"]


def test_run_logs_may_be_switched_off(membranes: Membranes) -> None:
    ask = membranes(run_logs=False)
    _, ran = ask.act("create-annotation", TEXT)
    assert ask("GET", "/action-run-logs")[1]["items"] == []
    assert ask("GET", f"/action-run-logs/{ran['actionRunId']}")[0] == 404


def test_run_logs_hold_no_credentials(ask: Asking) -> None:
    api = {"method": "GET", "path": "/v2/users", "headers": {"Authorization": "Basic secret"}}
    ask("POST", "/act", {"api": api, "connectionId": ID})
    with ask.store.connection() as db:
        rows = db.execute("SELECT entry || details FROM membrane_run_logs").fetchall()
    assert "secret" not in "".join(row[0] for row in rows)


def test_old_runs_are_forgotten(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runlogs, "KEPT", 2)
    for text in ("a", "b", "c"):
        ask.act("create-annotation", {"text": text})
    _, page = ask("GET", "/action-run-logs")
    assert [entry["input"]["text"] for entry in page["items"]] == ["c", "b"]


def test_a_run_is_done_even_where_its_log_cannot_be_written(
    ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*args: Any) -> None:
        raise Unavailable("The sandbox is held by another process.")

    monkeypatch.setattr(runlogs.RunLogs, "write", held)
    status, document = ask.act("create-annotation", TEXT)
    assert (status, document["output"]["text"]) == (200, "deployed")
