"""Every route of the HTTP gateway, exactly: what is sent, and what its answers mean."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import Usage
from fsctl.membrane.gateway import (
    Action,
    Deadline,
    Fate,
    Origin,
    Trouble,
)
from fsctl.membrane.tokens import TokenSource, find_token_source
from tests.support.gateways import TOKEN, Tokens, failure_of, http_gateway, one
from tests.support.scripted_server import (
    Step,
    answer,
    envelope,
    scripted,
)

READY = {"id": "c1", "name": "Fullstory", "state": "READY", "integration": {"key": "fullstory"}}
BY_ID = Action(id="a1", name="Create annotation", key="create-annotation")
UNAUTHENTICATED = envelope(401, "bad_request", "not_authenticated", "Token is not valid")
NO_ACT = answer(404, b"<pre>Cannot POST /act</pre>")
NOW = 1_700_000_000.0


def told(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.c2lnbmF0dXJl"


# Connections


def test_connections_come_page_by_page_without_the_archived() -> None:
    pages = (
        answer(200, {"items": [READY, {**READY, "id": "c2", "archivedAt": "x"}], "cursor": "p 2"}),
        answer(200, {"items": [], "cursor": "p3"}),
        answer(200, {"items": [{**READY, "id": "c3"}], "cursor": ""}),
    )
    with scripted(*pages) as server:
        rows = http_gateway(server.url).connections()
        assert server.requests == []
        assert next(rows).id == "c1"
        assert len(server.requests) == 1
        assert [row.id for row in rows] == ["c3"]
    assert server.sent() == [
        "GET /connections?limit=1000",
        "GET /connections?limit=1000&cursor=p%202",
        "GET /connections?limit=1000&cursor=p3",
    ]


@pytest.mark.parametrize("cursors", ["aa", "aba"])
def test_a_page_that_comes_again_ends_the_list_with_an_error(cursors: str) -> None:
    pages = [answer(200, {"items": [READY], "cursor": cursor}) for cursor in cursors]
    with scripted(*pages) as server:
        gateway = http_gateway(server.url)
        error = failure_of(lambda: list(gateway.connections()))
    assert (error.code, error.trouble) == ("repeated_cursor", Trouble.UNREADABLE)


def test_an_odd_list_is_an_error_and_never_an_empty_list() -> None:
    with scripted(answer(200, {"status": "ok", "secret-value": "x"}), answer(200, b"7")) as server:
        gateway = http_gateway(server.url)
        error = failure_of(lambda: list(gateway.connections()))
        failure_of(lambda: list(gateway.connections()))
    assert "status, secret-value" in error.message


def test_one_connection_is_asked_for_by_id_or_key() -> None:
    connection, seen = one(answer(200, READY), lambda g: g.connection("my~key.1"))
    assert connection.id == "c1" and connection.usable and connection.is_fullstory
    assert str(seen) == "GET /connections/my~key.1"
    _, seen = one(answer(200, READY), lambda g: g.connection("a b:c"))
    assert str(seen) == "GET /connections/a%20b%3Ac"


@pytest.mark.parametrize(
    ("wait", "remaining", "sent"), [(30, 99, 30), (3600, 99, 60), (0.2, 99, 1), (30, 7.9, 7)]
)
def test_waiting_asks_the_server_to_hold_within_its_bounds(
    wait: float, remaining: float, sent: int
) -> None:
    deadline = Deadline(remaining, lambda: 0.0)
    step = answer(200, {**READY, "state": "BUILDING"})
    connection, seen = one(step, lambda g: g.connection("c1", wait=wait, deadline=deadline))
    assert not connection.usable
    assert str(seen) == f"GET /connections/c1?wait=true&timeout={sent}"


def test_waiting_outlasts_the_usual_read_timeout() -> None:
    release = threading.Event()
    threading.Timer(0.5, release.set).start()

    def hold() -> None:
        release.wait(5)

    held = Step(answer(200, READY).response, before=hold)
    with scripted(held) as server:
        gateway = http_gateway(server.url, read_timeout=0.1)
        assert gateway.connection("c1", wait=1).usable


def test_a_missing_connection_is_not_found() -> None:
    step = envelope(404, "bad_request", "not_found", "Connection not found")
    with scripted(step) as server:
        error = failure_of(lambda: http_gateway(server.url).connection("nope"))
    assert (error.trouble, error.fate) == (Trouble.NOT_FOUND, Fate.REFUSED)


def test_ensuring_sends_the_apps_url() -> None:
    _, seen = one(answer(200, READY), lambda g: g.ensure_connection("https://fullstory.com"))
    assert (str(seen), seen.json()) == (
        "POST /connections/ensure",
        {"appUrl": "https://fullstory.com"},
    )
    assert seen.header("Content-Type") == "application/json"
    _, seen = one(answer(200, READY), lambda g: g.ensure_connection("u", name="N"))
    assert seen.json() == {"appUrl": "u", "name": "N"}


def test_connecting_creates_a_connection_by_connector() -> None:
    building = {"id": "c9", "name": "x", "state": "BUILDING"}
    connection, seen = one(answer(200, building), lambda g: g.connect("k1", name="N"))
    assert connection.state == "BUILDING"
    assert (str(seen), seen.json()) == ("POST /connections", {"connectorId": "k1", "name": "N"})


def test_an_older_server_is_asked_for_a_connection_request_and_followed() -> None:
    pending = {"requestId": "r1", "url": "https://ui.test/r1", "status": "pending"}
    steps = (
        answer(404, {"statusCode": 404, "message": "Cannot POST /connections"}),
        answer(200, pending),
        answer(200, pending),
        answer(200, {**pending, "status": "success", "resultConnectionId": "c1"}),
        answer(200, READY),
        answer(200, READY),
    )
    with scripted(*steps) as server:
        gateway = http_gateway(server.url)
        asked = gateway.connect("k1")
        assert asked.client_action is not None and not asked.usable
        assert (asked.id, asked.client_action["uiUrl"]) == ("r1", "https://ui.test/r1")
        assert gateway.connection("r1", wait=5).id == "r1"
        assert gateway.connection("r1").id == "c1"
        assert gateway.connection("c1").usable
    assert server.sent() == [
        "POST /connections",
        "POST /connection-requests",
        "GET /connection-requests/r1",
        "GET /connection-requests/r1",
        "GET /connections/c1",
        "GET /connections/c1",
    ]


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ({"status": "error", "resultError": {"message": "bad key"}}, "bad key"),
        ({"status": "error", "resultError": "bad key"}, "bad key"),
        ({"status": "cancelled"}, "The request was cancelled."),
    ],
)
def test_a_failed_connection_request_is_a_failed_connection(
    ending: dict[str, Any], words: str
) -> None:
    with scripted(answer(405, b""), answer(200, {"requestId": "r1", **ending})) as server:
        connection = http_gateway(server.url).connect("k1")
    assert (connection.state, connection.error, connection.usable) == (
        "SETUP_FAILED",
        words,
        False,
    )


def test_a_refused_connect_is_not_tried_elsewhere() -> None:
    with scripted(envelope(404, "bad_request", "not_found", "Connector not found")) as server:
        error = failure_of(lambda: http_gateway(server.url).connect("k1"))
    assert error.trouble is Trouble.NOT_FOUND


def test_reconnecting_posts_to_the_connection() -> None:
    action = {"type": "connect", "description": "d", "uiUrl": "https://ui.test"}
    waiting = {**READY, "state": "CLIENT_ACTION_REQUIRED", "clientAction": action}
    connection, seen = one(answer(200, waiting), lambda g: g.reconnect("c1"))
    assert connection.client_action == action
    assert str(seen) == "POST /connections/c1/reconnect"


def test_reconnecting_falls_back_to_the_older_route_and_reads_any_answer() -> None:
    steps = (
        answer(404, b"Cannot POST /connections/c1/reconnect"),
        answer(200, {"url": "https://ui.test"}),
        answer(200, READY),
    )
    with scripted(*steps) as server:
        connection = http_gateway(server.url).reconnect("c1")
    assert connection.client_action is not None
    assert (connection.client_action["uiUrl"], connection.usable) == ("https://ui.test", False)
    assert server.sent() == [
        "POST /connections/c1/reconnect",
        "POST /connect",
        "GET /connections/c1",
    ]
    assert server.requests[1].json() == {"connectionId": "c1"}


def test_an_empty_answer_to_reconnecting_is_looked_up() -> None:
    with scripted(answer(204, b""), answer(200, READY)) as server:
        assert http_gateway(server.url).reconnect("c1").usable


@pytest.mark.parametrize("step", [answer(200, b""), answer(204, b""), answer(200, {"id": "c1"})])
def test_archiving_takes_any_yes(step: Step) -> None:
    _, seen = one(step, lambda g: g.archive("c1"))
    assert str(seen) == "DELETE /connections/c1"
    assert seen.body == b""


def test_archiving_what_is_gone_is_not_found() -> None:
    with scripted(envelope(404, "bad_request", "not_found", "Connection not found")) as server:
        error = failure_of(lambda: http_gateway(server.url).archive("c1"))
    assert error.trouble is Trouble.NOT_FOUND


def test_a_search_keeps_connectors_only_and_stops_at_its_limit() -> None:
    hit = {"elementType": "Connector", "element": {"id": "k", "name": "K"}}
    other = {"elementType": "app", "element": {"id": "x", "name": "X"}}
    pages = (
        answer(200, {"items": [hit, other, {}], "cursor": "2"}),
        answer(200, {"items": [hit, hit], "cursor": "3"}),
    )
    with scripted(*pages) as server:
        found = http_gateway(server.url).search_connectors("full story", limit=3)
    assert [(hit.id, hit.kind) for hit in found] == [("k", "connector")] * 3
    assert server.sent() == [
        "GET /search?q=full%20story&elementType=connector&limit=3",
        "GET /search?q=full%20story&elementType=connector&limit=3&cursor=2",
    ]


@pytest.mark.parametrize("text", ["", "x" * 201])
def test_words_out_of_membranes_bounds_are_refused_before_sending(text: str) -> None:
    with scripted() as server:
        gateway = http_gateway(server.url)
        for act in (
            lambda: gateway.search_connectors(text),
            lambda: gateway.actions("c1", intent=text),
        ):
            with pytest.raises(Usage, match="1 to 200"):
                act()


# Actions


def test_the_catalogue_comes_whole_and_an_intent_its_best() -> None:
    row = {"id": "a1", "name": "List users", "key": "list-users", "inputSchema": {"type": "object"}}
    pages = (
        answer(200, {"items": [row], "cursor": "2"}),
        answer(200, {"items": [row]}),
        answer(200, {"items": [row] * 30, "cursor": "2"}),
    )
    with scripted(*pages) as server:
        gateway = http_gateway(server.url)
        assert [action.key for action in gateway.actions("c1")] == ["list-users"] * 2
        assert len(gateway.actions("c1", intent="users & co")) == 20
    assert server.sent() == [
        "GET /actions?connectionId=c1&limit=1000",
        "GET /actions?connectionId=c1&limit=1000&cursor=2",
        "GET /actions?connectionId=c1&intent=users%20%26%20co&limit=20",
    ]


def test_an_action_is_run_by_id_or_else_by_key() -> None:
    step = answer(200, {"output": {"data": {"id": "7"}, "status": 200}, "actionRunId": "r1"})
    result, seen = one(step, lambda g: g.run_action("c1", BY_ID, {"t": 1}, meta={"fsctlRun": "m"}))
    assert (result.output, result.action_run_id, result.empty) == ({"id": "7"}, "r1", False)
    assert str(seen) == "POST /act"
    assert seen.json() == {
        "id": "a1",
        "connectionId": "c1",
        "input": {"t": 1},
        "meta": {"fsctlRun": "m"},
    }
    by_key = Action(id="", name="x", key="create-annotation")
    _, seen = one(answer(200, {}), lambda g: g.run_action("c1", by_key, {}))
    assert seen.json() == {"key": "create-annotation", "connectionId": "c1", "input": {}}


def test_no_output_is_told_from_null() -> None:
    result, _ = one(answer(200, {"actionRunId": "r"}), lambda g: g.run_action("c1", BY_ID, {}))
    assert (result.output, result.empty) == (None, True)
    result, _ = one(answer(200, {"output": None}), lambda g: g.run_action("c1", BY_ID, {}))
    assert (result.output, result.empty) == (None, False)


def test_fullstorys_refusal_inside_a_success_is_a_refusal() -> None:
    document = {
        "output": {
            "data": {"message": "text is required", "code": "required_field"},
            "status": 400,
        },
        "actionRunId": "r1",
    }
    with scripted(answer(200, document)) as server:
        error = failure_of(lambda: http_gateway(server.url).run_action("c1", BY_ID, {}))
    assert (error.origin, error.code, error.fate) == (
        Origin.FULLSTORY,
        "required_field",
        Fate.REFUSED,
    )
    assert error.action_run_id == "r1"


def test_membranes_envelope_behind_a_200_is_a_failure() -> None:
    with scripted(envelope(200, "action_run", None, "it broke")) as server:
        error = failure_of(lambda: http_gateway(server.url).run_action("c1", BY_ID, {}))
    assert (error.origin, error.code) == (Origin.MEMBRANE, "action_run")


def test_rate_limits_tell_how_long_to_wait() -> None:
    body = {"type": "bad_request", "key": "rate_limit_exceeded", "message": "Slow down"}
    with scripted(answer(429, body, ("Retry-After", "7"))) as server:
        error = failure_of(lambda: http_gateway(server.url).run_action("c1", BY_ID, {}))
    assert (error.trouble, error.fate, error.retry_after) == (
        Trouble.RATE_LIMITED,
        Fate.REFUSED,
        7.0,
    )


def test_a_retry_after_that_is_a_date_is_counted_from_the_clock() -> None:
    late = ("Retry-After", "Tue, 14 Nov 2023 22:13:50 GMT")  # NOW + 30
    with scripted(answer(429, b"", late)) as server:
        gateway = http_gateway(server.url, clock=lambda: NOW)
        error = failure_of(lambda: gateway.connection("c1"))
    assert error.retry_after == 30.0


@pytest.mark.parametrize("value", [float("nan"), "\ud800"])
def test_what_json_cannot_say_is_refused_before_sending(value: Any) -> None:
    with scripted() as server, pytest.raises(Usage):
        http_gateway(server.url).run_action("c1", BY_ID, {"x": value})


# The older route, and only when the newer is not there


@pytest.mark.parametrize(
    "step",
    [
        NO_ACT,
        answer(404, b""),
        answer(405, b""),
        answer(404, b"404 page not found"),
        answer(404, b"<html><h1>Not Found</h1></html>"),
        answer(404, {"statusCode": 404, "message": "Cannot POST /act", "error": "Not Found"}),
        answer(404, {"message": "Route POST:/act not found", "error": "Not Found"}),
        answer(404, {"error": "Not Found"}),
        answer(404, {}),
        envelope(404, "bad_request", "not_found", "Cannot POST /act"),
        envelope(404, "bad_request", "not_found", "Route not found"),
        envelope(404, "bad_request", None, "No such endpoint"),
    ],
)
def test_a_missing_route_leads_to_the_older_one_for_good(step: Step) -> None:
    done = answer(200, {"output": 1})
    with scripted(step, done, done) as server:
        gateway = http_gateway(server.url)
        gateway.run_action("c-1", BY_ID, {"x": 1}, meta={"fsctlRun": "m"})
        gateway.run_action("c2", BY_ID, {"x": 2})
    assert server.sent() == [
        "POST /act",
        "POST /actions/a1/run?connectionId=c-1",
        "POST /actions/a1/run?connectionId=c2",
    ]
    assert server.requests[1].json() == {"input": {"x": 1}, "meta": {"fsctlRun": "m"}}
    assert server.requests[2].json() == {"input": {"x": 2}}


@pytest.mark.parametrize(
    "step",
    [
        envelope(404, "bad_request", "not_found", "Action not found"),
        envelope(404, "bad_request", "not_found", 'Action "a1" not found'),
        envelope(404, "bad_request", "not_found", "Connection c1 does not exist"),
        envelope(404, "bad_request", "not_found", "Not found"),
        envelope(404, "bad_request", "not_found", "Cannot POST /act", actionRunId="r1"),
        envelope(
            404,
            "action_run",
            None,
            "Cannot POST /v2/annotations",
            data={"response": {"status": 404, "data": {}}},
        ),
        answer(404, {"message": "Action a1 was not found"}),
        answer(404, {"message": "user not found", "code": "user_not_found"}),
        envelope(400, "bad_request", None, "Cannot POST /act"),
        answer(500, b"Cannot POST /act"),
        answer(503, b""),
        answer(403, {"message": "Missing Authentication Token"}),
    ],
)
def test_any_other_failure_is_not_tried_on_another_route(step: Step) -> None:
    with scripted(step) as server:
        error = failure_of(lambda: http_gateway(server.url).run_action("c1", BY_ID, {}))
    assert error.trouble is not Trouble.NO_ROUTE
    assert server.sent() == ["POST /act"]


def test_a_server_with_neither_route_is_not_membrane() -> None:
    with scripted(NO_ACT, answer(404, b"nginx")) as server:
        error = failure_of(lambda: http_gateway(server.url).run_action("c1", BY_ID, {}))
    assert (error.trouble, error.fate) == (Trouble.NO_ROUTE, Fate.REFUSED)
    assert error.hint is not None and "MEMBRANE_API_URL" in error.hint


# Run logs


def test_a_run_log_is_read_with_its_details() -> None:
    log = {"id": "r1", "status": "error", "error": {"message": "x"}}
    with scripted(answer(200, log), answer(200, {"request": {}, "response": {}})) as server:
        found = http_gateway(server.url).run_log("r1", details=True)
    assert (found.id, found.status) == ("r1", "error")
    assert found.raw["details"] == {"request": {}, "response": {}}
    assert server.sent() == ["GET /action-run-logs/r1", "GET /action-run-logs/r1/details"]


def test_a_run_is_found_by_its_marker() -> None:
    rows = [
        {"id": "r3", "status": "success", "meta": {"fsctlRun": "other"}},
        {"id": "r2", "status": "success", "meta": {"fsctlRun": "mine"}},
        {"id": "r1", "status": "error", "meta": {"fsctlRun": "mine"}},
    ]
    run, seen = one(answer(200, {"items": rows, "cursor": "2"}), lambda g: g.find_run("c1", "mine"))
    assert run.id == "r2"
    assert str(seen) == "GET /action-run-logs?connectionId=c1&limit=50"


@pytest.mark.parametrize(
    "step",
    [
        answer(200, {"items": []}),
        answer(200, {"odd": 1}),
        answer(404, b"Cannot GET /action-run-logs"),
        envelope(403, "bad_request", "access_denied", "no"),
        envelope(400, "bad_request", None, "Action run logs are disabled"),
    ],
)
def test_where_runs_cannot_be_listed_none_is_found(step: Step) -> None:
    run, _ = one(step, lambda g: g.find_run("c1", "mine"))
    assert run is None


def test_a_failed_look_at_the_runs_is_a_failure() -> None:
    with scripted(answer(502, b"<html>")) as server:
        error = failure_of(lambda: http_gateway(server.url).find_run("c1", "mine"))
    assert error.trouble is Trouble.UNAVAILABLE


# Who we are


def test_the_account_is_the_address_and_the_tenant() -> None:
    tokens: TokenSource = Tokens("x-token")
    assert http_gateway("https://api.getmembrane.com", tokens=tokens).account == (
        "api.getmembrane.com/w/t"
    )
    assert http_gateway("http://127.0.0.1:99", tokens=tokens).account == "127.0.0.1:99/w/t"
    fingerprint = http_gateway("http://127.0.0.1").account
    assert TOKEN not in fingerprint and len(fingerprint) == len("127.0.0.1/") + 16


def test_identity_is_what_self_says() -> None:
    document = {"id": "5", "name": "Ada", "internalId": "ada", "workspaceKey": "w", "fields": {}}
    identity, seen = one(answer(200, document), lambda g: g.identity())
    assert identity == {"name": "Ada", "tenant": "ada", "workspace": "w"}
    assert str(seen) == "GET /self"


@pytest.mark.parametrize(
    "step", [envelope(403, "bad_request", "access_denied", "no"), answer(404, b"")]
)
def test_identity_falls_back_to_the_token_and_a_look(step: Step, tmp_path: Path) -> None:
    token = told(workspaceKey="w", tenantKey="t", name="Ada", exp=NOW + 99)
    tokens = find_token_source({"MEMBRANE_TOKEN": token}, None, None, tmp_path, lambda: NOW)
    with scripted(step, answer(200, {"items": []})) as server:
        identity = http_gateway(server.url, tokens=tokens).identity()
    assert identity == {"name": "Ada", "tenant": "t", "workspace": "w", "source": "token"}
    assert server.sent() == ["GET /self", "GET /connections?limit=1"]


def test_identity_fails_where_the_token_is_refused() -> None:
    with scripted(UNAUTHENTICATED) as server:
        error = failure_of(lambda: http_gateway(server.url).identity())
    assert error.trouble is Trouble.UNAUTHENTICATED
    with scripted(answer(404, b""), UNAUTHENTICATED) as server:
        error = failure_of(lambda: http_gateway(server.url).identity())
    assert error.trouble is Trouble.UNAUTHENTICATED


def test_a_path_in_the_address_stands_before_every_route() -> None:
    with scripted(answer(200, READY)) as server:
        http_gateway(f"{server.url}/membrane/").connection("c1")
    assert server.sent() == ["GET /membrane/connections/c1"]


def test_a_gateway_that_was_never_used_closes() -> None:
    http_gateway("http://127.0.0.1").close()
