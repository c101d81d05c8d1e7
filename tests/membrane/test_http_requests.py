"""Requests through the pass-through proxy: untouched, and never out of their connection."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from fsctl.errors import Usage
from fsctl.membrane.answers import Answer
from fsctl.membrane.gateway import (
    Action,
    Fate,
    Origin,
    Request,
    Response,
    Trouble,
)
from fsctl.membrane.http import HttpGateway
from tests.support.gateways import Tokens, failure_of, http_gateway, one
from tests.support.scripted_server import (
    Step,
    answer,
    envelope,
    raw,
    scripted,
)

READY = {"id": "c1", "name": "Fullstory", "state": "READY", "integration": {"key": "fullstory"}}
BY_ID = Action(id="a1", name="Create annotation", key="create-annotation")
UNAUTHENTICATED = envelope(401, "bad_request", "not_authenticated", "Token is not valid")
NO_ACT = answer(404, b"<pre>Cannot POST /act</pre>")
NOW = 1_700_000_000.0


# Requests to Fullstory


def test_a_request_passes_through_untouched() -> None:
    body = b'{"a":\xff 1}'
    request = Request(
        "post",
        "/v2/users/1%3A2",
        (("k", "a b"), ("k", "c&d")),
        (("Content-Type", "text/plain"), ("Idempotency-Key", "u-1"), ("X-A", "1"), ("X-A", "2")),
        body,
    )
    step = raw(
        b"HTTP/1.1 418 Teapot\r\nContent-Length: 4\r\nX-One: 1\r\nX-One: 2\r\n"
        b"Keep-Alive: timeout=5\r\n\r\n\x00\xffhi"
    )
    response, seen = one(step, lambda g: g.request("c1", request))
    assert (response.status, response.body) == (418, b"\x00\xffhi")
    assert response.headers == (("Content-Length", "4"), ("X-One", "1"), ("X-One", "2"))
    assert str(seen) == "POST /connections/c1/proxy/v2/users/1%3A2?k=a%20b&k=c%26d"
    assert seen.body == body
    sent = {name.lower() for name, _ in seen.headers}
    assert sent == {
        "host",
        "authorization",
        "accept-encoding",
        "content-length",
        "content-type",
        "idempotency-key",
        "user-agent",
        "x-a",
    }
    assert seen.header("Accept-Encoding") == "identity"
    assert [value for name, value in seen.headers if name == "X-A"] == ["1", "2"]
    assert (seen.header("User-Agent") or "").startswith("fsctl/")


def test_a_users_own_user_agent_is_kept() -> None:
    request = Request("GET", "/v2/users", headers=(("user-agent", "mine"),))
    _, seen = one(answer(200, b"[]"), lambda g: g.request("c1", request))
    assert [v for k, v in seen.headers if k.lower() == "user-agent"] == ["mine"]


def test_a_full_url_stands_in_place_of_the_path() -> None:
    request = Request("GET", "https://api.fullstory.com/v2/users", (("a", "1"),))
    _, seen = one(answer(200, b"[]"), lambda g: g.request("c1", request))
    assert str(seen) == "GET /connections/c1/proxy/https://api.fullstory.com/v2/users?a=1"


@pytest.mark.parametrize(
    "step",
    [
        answer(401, {"message": "unauthorized", "code": "unauthorized"}),
        answer(403, b"forbidden"),
        answer(404, {"message": "not found", "code": "user_not_found"}),
        answer(429, {"message": "slow", "code": "too_many_requests"}, ("Retry-After", "3")),
        answer(500, {"message": "oops", "code": "server_error"}),
        answer(200, b""),
        answer(202, b""),
        answer(204, b""),
        answer(304, b""),
        answer(200, b"<html>"),
        answer(200, {"type": "object", "message": "an event's own message"}),
        answer(400, {"type": "connection"}),
    ],
)
def test_fullstorys_answers_come_back_whatever_their_status(step: Step) -> None:
    with scripted(step) as server:
        tokens = Tokens("one-token", "two-tokens")
        gateway = http_gateway(server.url, tokens=tokens)
        response = gateway.request("c1", Request("GET", "/v2/users"))
    assert isinstance(response, Response)
    assert response.body == step.response.partition(b"\r\n\r\n")[2]
    assert tokens.renewed == 0


@pytest.mark.parametrize(
    ("step", "trouble", "fate"),
    [
        (
            envelope(404, "bad_request", "not_found", "Connection not found"),
            Trouble.NOT_FOUND,
            Fate.REFUSED,
        ),
        (envelope(500, "internal", None, "?"), Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (
            envelope(400, "connection", "access_token_expired", "?"),
            Trouble.CONNECTION,
            Fate.REFUSED,
        ),
        (envelope(200, "internal", None, "?"), Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (answer(502, b"<html>Bad gateway"), Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (answer(503, b""), Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (answer(504, b"upstream request timeout"), Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (answer(403, b"<html>Blocked by WAF"), Trouble.FORBIDDEN, Fate.REFUSED),
        (
            answer(404, b"Cannot GET /connections/c1/proxy/v2/users"),
            Trouble.NO_ROUTE,
            Fate.REFUSED,
        ),
        (
            answer(404, {"message": "Cannot GET /connections/c1/proxy/v2/users"}),
            Trouble.NO_ROUTE,
            Fate.REFUSED,
        ),
    ],
)
def test_what_is_not_fullstorys_is_a_failure(step: Step, trouble: Trouble, fate: Fate) -> None:
    with scripted(step) as server:
        gateway = http_gateway(server.url)
        error = failure_of(lambda: gateway.request("c1", Request("GET", "/v2/users")))
    assert (error.trouble, error.fate) == (trouble, fate)
    assert error.origin is not Origin.FULLSTORY


@pytest.mark.parametrize(
    "name",
    ["Authorization", "HOST", "Cookie", "Connection", "Content-Length", "Transfer-Encoding", "TE"],
)
def test_headers_of_the_road_itself_are_refused(name: str) -> None:
    request = Request("GET", "/v2/users", headers=((name, "x"),))
    with scripted() as server, pytest.raises(Usage, match="cannot be set"):
        http_gateway(server.url).request("c1", request)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "1\r\nAuthorization: Basic x"),
        ("X-A", "1\n"),
        ("X-A\r\nHost", "x"),
        ("X A", "1"),
        ("", "1"),
        ("X-A:", "1"),
        ("X-A", "\x00"),
        ("X-A", "caf\u00e9"),
        ("X-A", "\ud800"),
    ],
)
def test_headers_that_could_smuggle_are_refused(name: str, value: str) -> None:
    request = Request("GET", "/v2/users", headers=((name, value),))
    with scripted() as server, pytest.raises(Usage):
        http_gateway(server.url).request("c1", request)


@pytest.mark.parametrize("method", ["HEAD", "CONNECT", "TRACE", "GET /x HTTP/1.1\r\n", ""])
def test_methods_that_the_proxy_lacks_are_unsupported(method: str) -> None:
    with scripted() as server:
        gateway = http_gateway(server.url)
        error = failure_of(lambda: gateway.request("c1", Request(method, "/v2/users")))
    assert (error.trouble, error.fate) == (Trouble.UNSUPPORTED, Fate.NOT_SENT)


def test_a_query_with_half_a_character_is_refused() -> None:
    request = Request("GET", "/v2/users", (("email", "\udce9"),))
    with scripted() as server, pytest.raises(Usage, match="surrogate"):
        http_gateway(server.url).request("c1", request)


# Nothing leaves its connection

CLIMBS = [
    "..",
    ".",
    "../c2",
    "c1/../c2",
    "%2e%2e",
    "%2E%2e%2fc2",
    "%252e%252e%252f",
    "%25252e%25252e",
    "c1\\..\\c2",
    "c1%5c..",
    "c1\x00",
    "c1\r\nX: y",
    "",
    " ",
    "c1;/../c2",
    "\uff0e\uff0e",
    "c1\u2215c2\u2028",
]


@pytest.mark.parametrize("selector", CLIMBS)
def test_an_id_that_is_not_one_plain_segment_is_never_sent(selector: str) -> None:
    request = Request("GET", "/v2/users")
    action = Action(id=selector, name="x")
    with scripted() as server:
        gateway = http_gateway(server.url)
        for act in (
            lambda: gateway.connection(selector),
            lambda: gateway.connection(selector, wait=1),
            lambda: gateway.connect(selector),
            lambda: gateway.reconnect(selector),
            lambda: gateway.archive(selector),
            lambda: gateway.actions(selector),
            lambda: gateway.run_action(selector, BY_ID, {}),
            lambda: gateway.run_action("c1", action, {}),
            lambda: gateway.request(selector, request),
            lambda: gateway.run_log(selector),
            lambda: gateway.find_run(selector, "m"),
        ):
            with pytest.raises(Usage):
                act()


@pytest.mark.parametrize(
    "path",
    [
        "/../../c2/proxy/v2/users",
        "/..",
        "/v2/../../x",
        "/v2/%2e%2e/x",
        "/v2/%252e%252e%252fx",
        "/v2/..%2fx",
        "/v2\\..\\x",
        "/v2/%5c..%5cx",
        "//evil.test/x",
        "/v2//x",
        "/v2/./x",
        "/v2/..;/x",
        "/v2/\x00",
        "/v2/%0d%0aX:y",
        "/v2/\u2024\u2024/x",
        "https://api.fullstory.com/../x",
        "https://api.fullstory.com/%2e%2e/x",
        "https://api.fullstory.com\\@evil.test/",
        "https://user@api.fullstory.com/v2/users",
        "https://api.fullstory.com:444/v2/users",
        "https://api.fullstory.com/v2?x=/../",
        "http://api.fullstory.com/v2/users",
    ],
)
def test_a_path_that_could_climb_is_never_sent(path: str) -> None:
    with scripted() as server, pytest.raises(Usage):
        http_gateway(server.url).request("c1", Request("GET", path))


@given(st.text(alphabet="./\\%25eEfFcC2;ab \u2024\uff0e\uff0f", max_size=24))
def test_whatever_the_path_the_request_stays_below_the_connections_proxy(path: str) -> None:
    gateway, sent = _captive_gateway()
    try:
        gateway.request("c1", Request("GET", path))
    except Usage:
        assert not sent
        return
    (target,) = sent
    assert target.startswith("/connections/c1/proxy/")
    seen = target.partition("?")[0]
    for _ in range(4):
        assert ".." not in seen.replace("\\", "/").replace(";", "/").split("/")
        seen = unquote(seen)


def _captive_gateway() -> tuple[HttpGateway, list[str]]:
    """A gateway whose pool notes the URL that would go out, as urllib3 writes it."""
    sent: list[str] = []

    class Captive:
        def send(self, method: str, target: str, *_: Any, **__: Any) -> Answer:
            sent.append(parse_url(f"http://127.0.0.1{target}").request_uri)
            return Answer(200, (), b"[]")

    gateway = http_gateway("http://127.0.0.1")
    gateway._api._opened = Captive()  # type: ignore[assignment]
    return gateway, sent
