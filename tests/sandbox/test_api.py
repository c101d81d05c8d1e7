from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.membrane.gateway import Request
from fsctl.sandbox.api import ROUTES
from tests.support.fullstory import Fullstory, seeded

_PATHS = sorted({route.pattern for route in ROUTES})
_FULLSTORY = seeded(people=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_NAMES = """
uid id email display_name properties schema name timestamp user session context text source
start_time end_time requests shared use_most_recent slice events include
"""
_FIELDS = st.sampled_from(_NAMES.split())
_BODIES = st.recursive(
    _JSON,
    lambda inner: st.dictionaries(_FIELDS, inner, max_size=4) | st.lists(inner, max_size=2),
    max_leaves=10,
)


@pytest.fixture
def fullstory() -> Fullstory:
    return Fullstory()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("GET", "/v2"),
        ("GET", "/v2/users/"),
        ("GET", "//v2/users"),
        ("GET", "/v2/users/1/more"),
        ("GET", "/v3/users"),
        ("GET", "/V2/users"),
        ("GET", "/v2beta/annotations"),
        ("GET", "/users/v1/individual/ada"),
        ("PUT", "/v2/users/1"),
        ("PATCH", "/v2/users"),
        ("HEAD", "/v2/users"),
        ("GET", "/v2/annotations"),
        ("DELETE", "/v2/events"),
        ("GET", "https://"),
        ("GET", "http://[::1"),
    ],
)
def test_a_route_that_does_not_exist_is_not_found(
    fullstory: Fullstory, method: str, path: str
) -> None:
    assert fullstory.refused(method, path)[:2] == (404, "resource_not_found")


def test_a_full_address_and_a_query_in_the_path_are_understood(fullstory: Fullstory) -> None:
    fullstory.user(uid="a&b")
    full = "https://api.fullstory.com/v2/users?uid=a%26b"
    assert fullstory.ok("GET", full)["total_records"] == "1"
    assert fullstory.ok("GET", "/v2/users?uid=nobody", uid="a&b")["total_records"] == "1"


def test_an_encoded_slash_stays_within_its_segment(fullstory: Fullstory) -> None:
    assert fullstory.refused("GET", "/v2%2Fusers")[0] == 404
    user_id = fullstory.user(uid="ada")
    assert fullstory.refused("GET", f"/v2/users/..%2Fusers%2F{user_id}")[0] == 404


def test_methods_are_known_in_any_case(fullstory: Fullstory) -> None:
    assert fullstory.ok("get", "/v2/users")["total_records"] == "0"


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff{}",
        b"\xef\xbb\xbf{}",
        b'{"uid": "\\ud800"}',
        b'{"properties": {}, "schema": {"properties": {"\\ud800": "x"}}, "name": "x"}',
        b'{"properties": {"a": NaN}}',
        b'{"properties": {"a": 1e999}}',
        b'{"properties": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"properties": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"properties": ' + b'{"a": ' * 900 + b"1" + b"}" * 901,
    ],
)
@pytest.mark.parametrize("path", ["/v2/users", "/v2/events", "/v2/annotations", "/v2/users/batch"])
def test_a_body_that_is_no_clean_json_object_is_refused(
    fullstory: Fullstory, path: str, raw: bytes | None
) -> None:
    status, code, _ = fullstory.refused("POST", path, raw=raw)
    assert status == 400
    assert code in {"invalid_argument", "required_field"}
    assert fullstory.ok("GET", "/v2/users")["total_records"] == "0"


def test_nesting_is_refused_or_taken_at_any_depth(fullstory: Fullstory) -> None:
    for depth in range(800, 1000):
        raw = b'{"properties": {"a": ' + b"[" * depth + b"]" * depth + b"}}"
        assert fullstory.refused("POST", "/v2/users", raw=raw)[0] == 400


def test_text_that_is_no_unicode_is_refused_wherever_it_stands(fullstory: Fullstory) -> None:
    assert fullstory.refused("GET", "/v2/users/%ff")[:2] == (400, "invalid_argument")
    assert fullstory.refused("GET", "/v2/users", uid="\ud800")[:2] == (400, "invalid_argument")
    error = fullstory.refused("POST", "/v2/users", {}, key="\ud800")
    assert error[:2] == (400, "invalid_argument")


def test_text_of_any_script_goes_in_and_comes_out_unchanged(fullstory: Fullstory) -> None:
    name = 'Zoë 🎉 ليلى \u202e \x1b[31m \x00 "quoted" \\ \u2028'
    user_id = fullstory.user(uid="x\x00y", display_name=name, properties={"a": [name]})
    person = fullstory.person(user_id)
    assert (person["uid"], person["display_name"]) == ("x\x00y", name)
    assert person["properties"] == {"a": [name]}


def test_numbers_keep_every_digit(fullstory: Fullstory) -> None:
    properties = {"big": 18446744073709551557, "bigger": 10**40, "real": 0.1, "whole": 1.0}
    user_id = fullstory.user(properties=properties)
    body = fullstory.send("GET", f"/v2/users/{user_id}").body
    assert b'{"big":18446744073709551557,"bigger":1' + b"0" * 40 in body
    assert b'"real":0.1,"whole":1.0}' in body


def test_answers_are_json_and_say_so(fullstory: Fullstory) -> None:
    for response in (fullstory.send("GET", "/v2/users"), fullstory.send("GET", "/nowhere")):
        assert response.header("content-type") == "application/json"


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(("GET", "POST", "DELETE")),
    pattern=st.sampled_from(_PATHS),
    segment=st.text(max_size=20) | st.sampled_from(("1", "1:2", "batch", "%", "%2e%2e", "a=")),
    query=st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12)), max_size=3),
    body=_BODIES | st.dictionaries(_FIELDS, _BODIES, max_size=6),
)
def test_no_request_makes_the_engine_fail(
    method: str, pattern: str, segment: str, query: list[tuple[str, str]], body: Any
) -> None:
    request = Request(
        method, pattern.replace("{}", segment), tuple(query), body=json.dumps(body).encode()
    )
    response = _FULLSTORY.api.handle(request)
    assert response.status in {200, 202, 400, 404, 429}
    answer = json.loads(response.body or b"{}")
    if response.status >= 400:
        assert set(answer) == {"message", "code"}


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=60), path=st.text(max_size=30))
def test_no_bytes_make_the_engine_fail(raw: bytes, path: str) -> None:
    for where in (path, "/v2/users", "/v2/events/batch"):
        response = _FULLSTORY.api.handle(Request("POST", where, body=raw))
        assert response.status in {200, 400, 404, 429}
