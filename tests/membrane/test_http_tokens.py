"""The token of every request: refused, renewed once, and never shown."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import NeedsPerson
from fsctl.membrane.gateway import (
    Action,
    Fate,
    Request,
    Trouble,
)
from fsctl.membrane.tokens import find_token_source
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


# Tokens


def test_every_request_carries_the_token_and_no_version() -> None:
    _, seen = one(answer(200, READY), lambda g: g.connection("c1"))
    assert seen.header("Authorization") == f"Bearer {TOKEN}"
    assert seen.header("membrane-api-version") is None
    assert seen.header("Accept") == "application/json"


def test_a_version_is_sent_to_membrane_when_asked_for() -> None:
    with scripted(answer(200, READY)) as server:
        http_gateway(server.url, api_version="2025-10-21").connection("c1")
    assert server.requests[0].header("membrane-api-version") == "2025-10-21"


@pytest.mark.parametrize(
    "refusal",
    [UNAUTHENTICATED, answer(401, b""), answer(401, {"message": "Unauthorized"})],
)
def test_a_refused_token_is_renewed_once(refusal: Step) -> None:
    tokens = Tokens("first-token", "second-token")
    with scripted(refusal, answer(200, {"output": 1})) as server:
        http_gateway(server.url, tokens=tokens).run_action("c1", BY_ID, {"x": 1})
    assert [seen.header("Authorization") for seen in server.requests] == [
        "Bearer first-token",
        "Bearer second-token",
    ]
    assert server.requests[0].body == server.requests[1].body
    assert tokens.renewed == 1


def test_a_token_refused_again_ends_it_and_names_its_origin() -> None:
    tokens = Tokens("first-token", "second-token", "third-token")
    with scripted(UNAUTHENTICATED, UNAUTHENTICATED) as server:
        gateway = http_gateway(server.url, tokens=tokens)
        error = failure_of(
            lambda: gateway.connection("c1"), secrets=("first-token", "second-token")
        )
    assert (error.trouble, error.fate) == (Trouble.UNAUTHENTICATED, Fate.REFUSED)
    assert error.hint == "MEMBRANE_WORKSPACE_SECRET was refused: look at the secret."
    assert tokens.renewed == 1


def test_a_token_of_the_environment_is_not_tried_twice() -> None:
    with scripted(UNAUTHENTICATED) as server:
        error = failure_of(lambda: http_gateway(server.url).connection("c1"))
    assert error.hint is not None
    assert error.hint.startswith("MEMBRANE_TOKEN was refused: put a new one into")


def test_membranes_401_on_the_proxy_renews_too() -> None:
    tokens = Tokens("first-token", "second-token")
    with scripted(UNAUTHENTICATED, answer(200, b"[]")) as server:
        http_gateway(server.url, tokens=tokens).request("c1", Request("POST", "/v2/users"))
    assert tokens.renewed == 1


@pytest.mark.parametrize(
    "step",
    [
        envelope(403, "bad_request", "access_denied", "no"),
        envelope(400, "connection", "access_token_expired", "Fullstory's key"),
        envelope(400, "action_run", None, "x", data={"response": {"status": 401, "data": {}}}),
        answer(500, b"401"),
    ],
)
def test_no_other_refusal_renews(step: Step) -> None:
    tokens = Tokens("first-token", "second-token")
    with scripted(step) as server:
        gateway = http_gateway(server.url, tokens=tokens)
        failure_of(lambda: gateway.run_action("c1", BY_ID, {}))
    assert tokens.renewed == 0


def test_a_real_source_mints_again_after_a_refusal(tmp_path: Path) -> None:
    now = [NOW]
    environ = {
        "MEMBRANE_WORKSPACE_KEY": "w",
        "MEMBRANE_WORKSPACE_SECRET": "a-secret-of-more-than-32-characters",
        "MEMBRANE_TENANT_KEY": "t",
    }
    tokens = find_token_source(environ, None, None, tmp_path, lambda: now[0])
    assert tokens is not None

    def later() -> None:
        now[0] += 1

    with scripted(Step(UNAUTHENTICATED.response, before=later), answer(200, READY)) as server:
        http_gateway(server.url, tokens=tokens).connection("c1")
    first, second = (seen.header("Authorization") for seen in server.requests)
    assert first != second


def test_threads_refused_the_same_token_renew_it_once() -> None:
    tokens = Tokens("first-token", "second-token", "third-token")
    both_sent = threading.Barrier(2)

    def meet() -> None:
        both_sent.wait(5)

    refusal = Step(UNAUTHENTICATED.response, before=meet)
    done = answer(200, READY)
    with scripted(refusal, refusal, done, done) as server:
        gateway = http_gateway(server.url, tokens=tokens)
        threads = [threading.Thread(target=gateway.connection, args=("c1",)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert tokens.renewed == 1
    assert sorted(seen.header("Authorization") or "" for seen in server.requests) == [
        "Bearer first-token",
        "Bearer first-token",
        "Bearer second-token",
        "Bearer second-token",
    ]


@pytest.mark.parametrize("value", ["a b", "a\nb", "a\x00b", "t\u00f6ken"])
def test_a_malformed_token_never_reaches_a_header(value: str, tmp_path: Path) -> None:
    tokens = find_token_source({"MEMBRANE_TOKEN": value}, None, None, tmp_path, lambda: NOW)
    with scripted() as server, pytest.raises(NeedsPerson) as caught:
        http_gateway(server.url, tokens=tokens).connection("c1")
    assert value not in str(caught.value)


def test_a_server_that_echoes_the_token_does_not_get_it_shown() -> None:
    bearer = f"Bearer {TOKEN}"
    echo = {"type": "bad_request", "message": f"bad header Authorization: {bearer}"}
    for step in (answer(400, echo), answer(502, f"<p>{bearer}</p>".encode())):
        with scripted(step) as server:
            failure_of(lambda url=server.url: http_gateway(url).connection("c1"))  # type: ignore[misc]
