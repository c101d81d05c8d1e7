"""What goes through the proxy for every operation of the table, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory.operations import READ_ACTIONS, TABLE
from fsctl.fullstory.routes import canonical_plan, proxy_request, request_as_data
from fsctl.fullstory.types import Call, Repeat
from fsctl.membrane.gateway import Request
from fsctl.membrane.paths import as_seen

Pairs = tuple[tuple[str, str], ...]

# name: values, method, path, query, body
REQUESTS: dict[str, tuple[dict[str, Any], str, str, Pairs, bytes | None]] = {
    "list-users": (
        {
            "uid": "a&b=c d",
            "email": "a+b@x.test",
            "display_name": "Ada",
            "is_identified": True,
            "page_token": "t=",
            "include_schema": False,
        },
        "GET",
        "/v2/users",
        (
            ("uid", "a&b=c d"),
            ("email", "a+b@x.test"),
            ("display_name", "Ada"),
            ("is_identified", "true"),
            ("page_token", "t="),
            ("include_schema", "false"),
        ),
        None,
    ),
    "get-user": (
        {"id": "987654321", "include_schema": True},
        "GET",
        "/v2/users/987654321",
        (("include_schema", "true"),),
        None,
    ),
    "create-user": (
        {"uid": "ada", "display_name": "Ädä", "properties": {"n": 2**63}},
        "POST",
        "/v2/users",
        (),
        '{"uid":"ada","display_name":"Ädä","properties":{"n":9223372036854775808}}'.encode(),
    ),
    "update-user": (
        {"id": "7", "email": "a@b.test"},
        "POST",
        "/v2/users/7",
        (),
        b'{"email":"a@b.test"}',
    ),
    "delete-user": ({"id": "7"}, "DELETE", "/v2/users/7", (), None),
    "delete-user-by-uid": ({"uid": "a/b"}, "DELETE", "/v2/users", (("uid", "a/b"),), None),
    "create-event": (
        {"name": "x", "session": {"id": "1:2"}},
        "POST",
        "/v2/events",
        (),
        b'{"name":"x","session":{"id":"1:2"}}',
    ),
    "create-annotation": ({"text": "v1"}, "POST", "/v2/annotations", (), b'{"text":"v1"}'),
    "get-session-events": (
        {"session_id": "406214335320288249:3829143070270885557", "enable_event_cache": False},
        "GET",
        "/v2/sessions/406214335320288249%3A3829143070270885557/events",
        (("enable_event_cache", "false"),),
        None,
    ),
    "list-sessions": (
        {"uid": "ada", "email": "a@b.test", "limit": 20},
        "GET",
        "/sessions/v2",
        (("uid", "ada"), ("email", "a@b.test"), ("limit", "20")),
        None,
    ),
    "session-summary": (
        {"session_id": "1:2", "config_profile": "p", "end_timestamp": "t"},
        "GET",
        "/v2/sessions/1%3A2/summary",
        (("config_profile", "p"), ("end_timestamp", "t")),
        None,
    ),
    "list-segments": (
        {"limit": 100, "paginationToken": "x", "creator": "me"},
        "GET",
        "/segments/v1",
        (("limit", "100"), ("paginationToken", "x"), ("creator", "me")),
        None,
    ),
    "get-segment": ({"id": "everyone"}, "GET", "/segments/v1/everyone", (), None),
    "create-segment-export": (
        {"segmentId": "everyone", "format": "FORMAT_CSV"},
        "POST",
        "/segments/v1/exports",
        (),
        b'{"segmentId":"everyone","format":"FORMAT_CSV"}',
    ),
    "get-operation": ({"id": "029d3c"}, "GET", "/operations/v1/029d3c", (), None),
    "get-export-results": ({"id": "e 1"}, "GET", "/search/v1/exports/e%201/results", (), None),
}
for kind in ("users", "events"):
    base = f"/v2/{kind}/batch"
    REQUESTS |= {
        f"create-{kind}-batch": (
            {"requests": [{"uid": "a"}]},
            "POST",
            base,
            (),
            b'{"requests":[{"uid":"a"}]}',
        ),
        f"get-{kind}-batch": ({"job_id": "otpo123="}, "GET", f"{base}/otpo123%3D", (), None),
        f"get-{kind}-batch-imports": (
            {"job_id": "j", "page_token": "t", "include_schema": True},
            "GET",
            f"{base}/j/imports",
            (("page_token", "t"), ("include_schema", "true")),
            None,
        ),
        f"get-{kind}-batch-errors": (
            {"job_id": "j", "page_token": "t"},
            "GET",
            f"{base}/j/errors",
            (("page_token", "t"),),
            None,
        ),
    }

WITH_PATH_VALUE = {
    name: next(key for key in ("id", "session_id", "job_id") if f"{{{key}}}" in operation.path)
    for name, operation in TABLE.items()
    if "{" in operation.path
}


def test_every_operation_is_here() -> None:
    assert set(REQUESTS) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_the_proxy_request(name: str) -> None:
    values, method, path, query, body = REQUESTS[name]
    headers = (("Content-Type", "application/json"),) if body is not None else ()
    before = dict(values)
    assert proxy_request(Call(TABLE[name], values)) == Request(method, path, query, headers, body)
    assert values == before


@pytest.mark.parametrize("name", TABLE)
def test_queries_hold_only_what_was_given(name: str) -> None:
    values = {key: "x" for key in [WITH_PATH_VALUE.get(name)] if key}
    assert proxy_request(Call(TABLE[name], values)).query == ()


def test_a_value_without_a_place_is_a_mistake_of_ours_and_never_dropped() -> None:
    with pytest.raises(AssertionError, match="no place for"):
        proxy_request(Call(TABLE["get-user"], {"id": "7", "email": "x"}))


@pytest.mark.parametrize(
    "value",
    [
        ".", "..", "%2e%2e", "%2E%2E", "%252e%252e", "%25252e%25252e", ".%2e", "..%2f", "a/b",
        "/a", "a%2fb", "a%252Fb", "a\\b", "a%5cb", "..;x", " .. ", "\u2025", "\uff0e\uff0e",
        "\uff052e\uff052e", "a\x00b", "a%00b", "a\nb", "a\r\nHost: x", "a\x7f", "a\u2028b", "", " ",
        "half a \udcff", "%ff",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", WITH_PATH_VALUE)
def test_a_path_value_that_could_leave_its_segment_is_refused(name: str, value: str) -> None:
    with pytest.raises(Usage) as ended:
        proxy_request(Call(TABLE[name], {WITH_PATH_VALUE[name]: value}))
    assert ended.value.message.isprintable()


@pytest.mark.parametrize(
    ("value", "segment"),
    [("1%3A2", "1%253A2"), ("1:2", "1%3A2"), ("a b?c#d", "a%20b%3Fc%23d"), ("é", "%C3%A9"),
     ("...", "..."), (".a", ".a"), ("a=", "a%3D")],
)  # fmt: skip
def test_a_path_value_is_encoded_exactly_once(value: str, segment: str) -> None:
    request = proxy_request(Call(TABLE["get-session-events"], {"session_id": value}))
    assert request.path == f"/v2/sessions/{segment}/events"


@given(value=st.text(st.sampled_from("./\\%25eE2fFcC:;a \u2025\uff0e\x00\n"), max_size=12))
def test_no_path_value_reaches_another_path(value: str) -> None:
    call = Call(TABLE["get-session-events"], {"session_id": value})
    try:
        path = proxy_request(call).path
    except Usage:
        return
    seen = as_seen(path)
    assert len(seen.split("/")) == 5
    assert seen.startswith("/v2/sessions/")
    assert not {".", ".."} & set(seen.split("/"))
    assert path.isascii()


# -- repeat rules and other facts of the table (contracts §1.3, §2)


@pytest.mark.parametrize("name", TABLE)
def test_reads_are_safe_and_annotations_never(name: str) -> None:
    operation = TABLE[name]
    if not operation.writes:
        assert operation.repeatable({}) is Repeat.SAFE
    if name in ("create-event", "create-users-batch", "create-events-batch"):
        assert operation.repeatable({}) is Repeat.KEY
    if name in ("create-annotation", "delete-user-by-uid"):
        assert operation.repeatable({"uid": "a"}) is Repeat.NEVER


def test_creating_is_safe_only_with_a_uid() -> None:
    create = TABLE["create-user"]
    assert create.repeatable({"uid": "ada"}) is Repeat.SAFE
    assert create.repeatable({"uid": ""}) is Repeat.NEVER
    assert create.repeatable({"email": "a@b.test"}) is Repeat.NEVER


@pytest.mark.parametrize("name", [name for name, it in TABLE.items() if it.writes])
def test_every_write_says_how_to_check_on_it(name: str) -> None:
    assert TABLE[name].check


def test_the_eight_actions_and_which_of_them_read() -> None:
    assert {it.action for it in TABLE.values() if it.action} == {
        "list-users", "get-user", "create-user", "update-user", "delete-user", "create-event",
        "create-annotation", "get-session-events",
    }  # fmt: skip
    assert {"list-users", "get-user", "get-session-events"} == READ_ACTIONS


# -- as data


def test_a_canonical_plan_is_fullstorys_own_request() -> None:
    assert canonical_plan(Call(TABLE["create-annotation"], {"text": "v1"})) == {
        "dry_run": True,
        "fitted": False,
        "operation": "create-annotation",
        "via": "proxy",
        "method": "POST",
        "path": "/v2/annotations",
        "headers": [{"name": "Content-Type", "value": "application/json"}],
        "body": {"text": "v1"},
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"{}", {"body": {}}),
        (b"null", {"body": None}),
        (b"a=b", {"body_text": "a=b"}),
        (b"\xff", {"body_text": "\\xff"}),
        (b"", {"body_text": ""}),
    ],
)
def test_a_body_is_shown_as_what_it_is(body: bytes, shown: dict[str, Any]) -> None:
    data = request_as_data(Request("POST", "/x", (("a", "1"), ("a", "2")), body=body))
    repeated = [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]
    assert data == {"method": "POST", "path": "/x", "query": repeated, **shown}
