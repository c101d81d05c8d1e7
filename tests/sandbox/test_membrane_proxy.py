"""Raw requests through the embedded Membrane (contracts/membrane §2.9)."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from fsctl.membrane.gateway import Response
from fsctl.sandbox.options import ConnectionSeed
from tests.support.asking import ID, Asking, Membranes


def test_the_proxy_passes_everything_but_what_membrane_consumes(ask: Asking) -> None:
    headers = (
        ("Idempotency-Key", "k"),
        ("Content-Type", "text/plain"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("Host", "h"),
        ("cf-ray", "r"),
    )
    body = b"\x00not json\xff"
    target = f"/connections/{ID}/proxy/v2/users/batch?a=1&a=2&b="
    response = ask.raw("POST", target, body, headers)
    (request,) = ask.sent
    assert request.query == (("a", "1"), ("a", "2"), ("b", ""))
    assert request.headers == (("Idempotency-Key", "k"), ("Content-Type", "text/plain"))
    assert request.body == body
    assert (response.status, json.loads(response.body)["code"]) == (400, "invalid_argument")


def test_the_path_reaches_fullstory_as_it_was_sent(ask: Asking) -> None:
    ask.raw("GET", f"/connections/{ID}/proxy/v2/sessions/1%3A2/a%2Fb//c%20d/")
    assert [request.path for request in ask.sent] == ["/v2/sessions/1%3A2/a%2Fb//c%20d/"]


def test_the_proxy_returns_fullstorys_answer_unchanged(ask: Asking) -> None:
    answer = Response(207, (("X-Own", "1"), ("Content-Type", "x/y")), b"\xff\x00")
    ask.face.upstream = lambda request: answer
    assert ask.raw("GET", f"/connections/{ID}/proxy/v2/users") == answer


def test_the_connection_in_a_proxy_path_is_decoded_once(membranes: Membranes) -> None:
    ask = membranes(connections=(ConnectionSeed(key="~a b/c%2F"),))
    selector = quote("~a b/c%2F", safe="")
    assert ask("GET", f"/connections/{selector}/proxy/v2/users")[0] == 200
    assert ask("GET", f"/connections/{quote(selector, safe='')}/proxy/v2/users")[0] == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_proxy_takes_five_methods(ask: Asking, method: str) -> None:
    ask.raw(method, f"/connections/{ID}/proxy/v2/nowhere")
    assert [request.method for request in ask.sent] == [method]


def test_the_proxy_takes_no_other_method(ask: Asking) -> None:
    assert ask("TRACE", f"/connections/{ID}/proxy/v2/users")[0] == 404
    assert ask.sent == []


def test_the_wrapped_request_fills_its_path_and_gives_status_headers_and_data(
    ask: Asking,
) -> None:
    wrapped = {
        "method": "post",
        "path": "/v2/users/{id}?x=1",
        "pathParameters": {"id": "a/b"},
        "query": {"y": "2"},
        "data": {"email": "e"},
    }
    status, document = ask("POST", f"/connections/{ID}/request", wrapped)
    (request,) = ask.sent
    assert (request.method, request.path) == ("POST", "/v2/users/a%2Fb")
    assert request.query == (("x", "1"), ("y", "2"))
    assert json.loads(request.body or b"") == {"email": "e"}
    assert (status, document["status"]) == (200, 404)
    assert document["data"]["code"] == "resource_not_found"


def test_the_wrapped_request_sends_text_as_it_is(ask: Asking) -> None:
    wrapped = {"method": "POST", "path": "/v2/users", "data": '{"uid":"u"}'}
    assert ask("POST", f"/connections/{ID}/request", wrapped)[1]["status"] == 200
    assert ask.sent[0].body == b'{"uid":"u"}'


@pytest.mark.parametrize(
    "path", ["../../../../connections", "/v2/users/%2e%2e/%2e%2e/segments/v1", "/v2/..%5Cusers"]
)
def test_dots_in_a_wrapped_path_are_followed_and_recorded(ask: Asking, path: str) -> None:
    ask("POST", f"/connections/{ID}/request", {"method": "GET", "path": path})
    ask("POST", "/act", {"api": {"method": "GET", "path": path}, "connectionId": ID})
    assert len(ask.face.escapes) == 2
    assert ".." not in ask.sent[0].path
