"""Failures of both services, told apart by their bodies, and what each means."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fsctl.membrane.failures import (
    MEMBRANE_TYPES,
    from_fullstory,
    from_membrane,
    from_status,
    is_membrane_error,
    parse_retry_after,
    sentence,
    unreadable,
    upstream_response,
)
from fsctl.membrane.gateway import Fate, GatewayError, Origin, Trouble
from tests.support.json_values import DOCUMENTS, OBJECTS

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ3b3Jrc3BhY2VLZXkiOiJ3In0.c2lnbmF0dXJl"


def membrane(kind: str, key: str | None = None, message: str = "Words", **more: Any) -> Any:
    return {"type": kind, "message": message, **({"key": key} if key else {}), **more}


# Whose it is


@pytest.mark.parametrize("kind", sorted(MEMBRANE_TYPES))
def test_membranes_envelope_has_its_type_and_a_message(kind: str) -> None:
    assert is_membrane_error(membrane(kind))
    assert not is_membrane_error({"type": kind})
    assert not is_membrane_error({"type": kind, "message": 7})


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "bad_request",
        {"message": "x"},
        {"message": "x", "code": "bad_request"},
        {"type": "event", "message": "x"},
        {"type": ["bad_request"], "message": "x"},
        {"type": {}, "message": "x"},
        {"type": None, "message": "x"},
    ],
)
def test_everything_else_is_not_membranes(document: Any) -> None:
    assert not is_membrane_error(document)


# What Membrane's mean


@pytest.mark.parametrize(
    ("document", "status", "trouble", "fate"),
    [
        (membrane("bad_request"), 400, Trouble.INVALID, Fate.REFUSED),
        (membrane("bad_request"), 401, Trouble.UNAUTHENTICATED, Fate.REFUSED),
        (membrane("bad_request"), 403, Trouble.FORBIDDEN, Fate.REFUSED),
        (membrane("bad_request"), 404, Trouble.NOT_FOUND, Fate.REFUSED),
        (membrane("bad_request"), 413, Trouble.TOO_LARGE, Fate.REFUSED),
        (membrane("bad_request"), 429, Trouble.RATE_LIMITED, Fate.REFUSED),
        (membrane("bad_request"), 500, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (membrane("bad_request"), 408, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (membrane("bad_request"), None, Trouble.INVALID, Fate.REFUSED),
        (membrane("bad_request", "not_found"), 400, Trouble.NOT_FOUND, Fate.REFUSED),
        (membrane("bad_request", "not_found"), None, Trouble.NOT_FOUND, Fate.REFUSED),
        (membrane("bad_request", "not_authenticated"), 401, Trouble.UNAUTHENTICATED, Fate.REFUSED),
        (membrane("bad_request", "access_denied"), 403, Trouble.FORBIDDEN, Fate.REFUSED),
        (membrane("bad_request", "already_exists"), 400, Trouble.INVALID, Fate.REFUSED),
        (membrane("bad_request", "rate_limit_exceeded"), 429, Trouble.RATE_LIMITED, Fate.REFUSED),
        (membrane("bad_request", "something_new"), 400, Trouble.INVALID, Fate.REFUSED),
        # these have no status of their own, so a 400 says nothing about them (contracts §3.1)
        (membrane("connection"), 400, Trouble.CONNECTION, Fate.REFUSED),
        (membrane("connection"), 401, Trouble.CONNECTION, Fate.REFUSED),
        (membrane("connection"), None, Trouble.CONNECTION, Fate.REFUSED),
        (membrane("connection", "connection_is_defunct"), 400, Trouble.CONNECTION, Fate.REFUSED),
        (membrane("connection", "access_token_expired"), 400, Trouble.CONNECTION, Fate.REFUSED),
        (membrane("connection", "rate_limit_exceeded"), 400, Trouble.RATE_LIMITED, Fate.REFUSED),
        (membrane("concurrency"), 400, Trouble.UNAVAILABLE, Fate.REFUSED),
        (membrane("concurrency", "lock_timeout"), 400, Trouble.UNAVAILABLE, Fate.REFUSED),
        (membrane("insufficient_credit"), 400, Trouble.FORBIDDEN, Fate.REFUSED),
        (membrane("internal"), 500, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (membrane("internal"), 400, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (membrane("internal"), None, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (membrane("action_run"), 502, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (membrane("action_run"), None, Trouble.FAILED, Fate.REFUSED),
        (membrane("custom_code"), None, Trouble.FAILED, Fate.REFUSED),
        (
            membrane("bad_request", code="CONNECTION_DISCONNECTED"),
            400,
            Trouble.CONNECTION,
            Fate.REFUSED,
        ),
    ],
)
def test_each_error_of_membranes_has_its_meaning(
    document: Any, status: int | None, trouble: Trouble, fate: Fate
) -> None:
    error = from_membrane(document, status, retry_after=3.0)
    assert (error.trouble, error.fate, error.origin) == (trouble, fate, Origin.MEMBRANE)
    assert (error.status, error.retry_after) == (status, 3.0)
    assert "Words." in error.message


def test_the_code_is_type_and_key() -> None:
    assert from_membrane(membrane("bad_request", "not_found"), 404).code == "bad_request.not_found"
    assert from_membrane(membrane("internal"), 500).code == "internal"


def test_the_run_and_the_error_id_are_told() -> None:
    error = from_membrane(membrane("internal", actionRunId="r1", data={"errorId": "e-42"}), 500)
    assert error.action_run_id == "r1"
    assert error.hint is not None and "e-42" in error.hint
    odd = from_membrane(
        membrane("internal", actionRunId=7, data={"errorId": "\x1b[31m" * 999}), 500
    )
    assert odd.action_run_id is None
    assert "\x1b" not in str(odd.hint)


@pytest.mark.parametrize("message", ["", "  \n"])
def test_an_error_without_words_still_makes_a_sentence(message: str) -> None:
    told = from_membrane(membrane("bad_request", message=message), 400).message
    assert told == "Membrane refused: it gave no reason."
    assert (
        from_fullstory(400, {"message": message}).message == "Fullstory answered: HTTP status 400."
    )


def test_a_strangers_words_for_a_code_are_not_repeated() -> None:
    for odd in ("x\x1b[31m", "a b", "x" * 500, ""):
        assert from_membrane(membrane("bad_request", odd), 400).code == "bad_request"
        assert from_fullstory(418, {"message": "m", "code": odd}).code == "http_418"


# Fullstory's inside Membrane's


@pytest.mark.parametrize(
    "data",
    [
        {"response": {"status": 404, "data": {"message": "no user", "code": "user_not_found"}}},
        {"status": 404, "data": {"message": "no user", "code": "user_not_found"}},
        {"statusCode": 404, "body": {"message": "no user", "code": "user_not_found"}},
        {"data": {"status": "404", "data": {"message": "no user", "code": "user_not_found"}}},
    ],
)
def test_fullstorys_failure_is_found_wherever_it_stands(data: Any) -> None:
    for document in (
        membrane("action_run", data=data, actionRunId="r1"),
        membrane(
            "action_run",
            actionRunId="r1",
            causedByError={"message": "m", "causedByError": {"data": data, "message": "m"}},
        ),
    ):
        error = from_membrane(document, 400)
        assert (error.origin, error.trouble, error.code) == (
            Origin.FULLSTORY,
            Trouble.NOT_FOUND,
            "user_not_found",
        )
        assert (error.status, error.action_run_id) == (404, "r1")


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"Retry-After": 7}, 7.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": None}, None),
        ("retry-after: 7", None),
    ],
)
def test_fullstorys_retry_after_is_found_beside_its_failure(
    headers: Any, wait: float | None
) -> None:
    told = {"response": {"status": 429, "headers": headers, "data": {"message": "slow down"}}}
    document = membrane("connection", data=told, key="rate_limit_exceeded")
    assert from_membrane(document, 400).retry_after == wait
    assert from_membrane(document, 400, retry_after=2.0).retry_after == 2.0


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"data": None},
        {"data": {"status": 200}},
        {"data": {"status": True}},
        {"data": {"status": "error"}},
        {"data": {"response": "x"}},
        {"causedByError": "x"},
    ],
)
def test_no_failure_of_fullstorys_is_made_up(document: Any) -> None:
    assert upstream_response(document) is None


def test_a_chain_of_causes_is_followed_only_so_far() -> None:
    chain: dict[str, Any] = {"data": {"status": 404}}
    for _ in range(100):
        chain = {"causedByError": chain}
    assert upstream_response(chain) is None


@pytest.mark.parametrize(
    ("status", "trouble", "fate"),
    [
        (400, Trouble.INVALID, Fate.REFUSED),
        (401, Trouble.CONNECTION, Fate.REFUSED),
        (403, Trouble.FORBIDDEN, Fate.REFUSED),
        (404, Trouble.NOT_FOUND, Fate.REFUSED),
        (408, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (409, Trouble.INVALID, Fate.REFUSED),
        (418, Trouble.FAILED, Fate.REFUSED),
        (429, Trouble.RATE_LIMITED, Fate.REFUSED),
        (500, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (503, Trouble.UNAVAILABLE, Fate.UNKNOWN),
    ],
)
def test_each_status_of_fullstorys_has_its_meaning(
    status: int, trouble: Trouble, fate: Fate
) -> None:
    error = from_fullstory(status, {"message": "Words", "code": "its_code"}, retry_after=2.0)
    assert (error.trouble, error.fate, error.origin) == (trouble, fate, Origin.FULLSTORY)
    assert (error.message, error.code, error.retry_after) == (
        "Fullstory answered: Words.",
        "its_code",
        2.0,
    )


def test_a_missing_right_and_a_full_session_have_a_way_out() -> None:
    assert "Admin" in str(from_fullstory(403, {}).hint)
    full = from_fullstory(400, {"message": "m", "code": "session_page_limit_exceeded"})
    assert "another session" in str(full.hint)


# Nobody's


@pytest.mark.parametrize(
    ("status", "trouble", "fate"),
    [
        (400, Trouble.INVALID, Fate.REFUSED),
        (401, Trouble.UNAUTHENTICATED, Fate.REFUSED),
        (404, Trouble.NOT_FOUND, Fate.REFUSED),
        (429, Trouble.RATE_LIMITED, Fate.REFUSED),
        (408, Trouble.UNAVAILABLE, Fate.UNKNOWN),
        (502, Trouble.UNAVAILABLE, Fate.UNKNOWN),
    ],
)
def test_a_page_of_some_server_is_told_by_its_status_and_first_words(
    status: int, trouble: Trouble, fate: Fate
) -> None:
    page = b"<html><head><title>Bad\n gateway</title></head><body>nginx</body></html>"
    error = from_status(status, page)
    assert (error.trouble, error.fate, error.code) == (trouble, fate, f"http_{status}")
    assert error.message == f"The service answered with HTTP status {status} (Bad gateway nginx)."
    assert "no explanation" in from_status(status, b"").message


def test_unreadable_answers_leave_the_outcome_unknown() -> None:
    error = unreadable("What?")
    assert (error.trouble, error.fate, error.origin) == (
        Trouble.UNREADABLE,
        Fate.UNKNOWN,
        Origin.LOCAL,
    )


# Waiting


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("-1", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("1e9", None),
        ("\u0667", None),
        ("9" * 50, None),
        (formatdate(1_000_030, usegmt=True), 30.0),
        (formatdate(999_000, usegmt=True), 0.0),
        ("Wed, 99 Foo 2015 07:28:00 GMT", None),
    ],
)
def test_waiting_times_are_seconds_or_dates(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, 1_000_000.0) == seconds


@given(st.text(max_size=40))
@example("Mon, 01 Jan 0001 00:00:00 +9999")
@example("1 1 1 1 1")
@example("Mon, 01 Jan 99999 00:00:00 GMT")
def test_no_waiting_time_breaks_the_reader(text: str) -> None:
    seconds = parse_retry_after(text, 1_000_000.0)
    assert seconds is None or seconds >= 0


# Words of strangers


def test_a_sentence_is_one_line_redacted_bounded_and_ended() -> None:
    assert sentence("no\n user ") == "no user."
    assert sentence("really?") == "really?"
    assert JWT not in sentence(f"Bearer {JWT}")
    assert sentence("x" * 10_000) == "x" * 500 + "..."


@given(
    OBJECTS, st.one_of(st.none(), st.integers(100, 599)), st.sampled_from(sorted(MEMBRANE_TYPES))
)
def test_every_envelope_makes_a_failure(document: Any, status: int | None, kind: str) -> None:
    error = from_membrane({**document, "type": kind, "message": f"x {JWT}"}, status)
    check(error)


@given(st.integers(400, 599), DOCUMENTS, st.binary(max_size=60))
def test_every_body_makes_a_failure(status: int, body: Any, raw: bytes) -> None:
    check(from_fullstory(status, body))
    check(from_status(status, raw))
    is_membrane_error(body)


def check(error: GatewayError) -> None:
    assert error.message.endswith((".", "!", "?")) and "\n" not in error.message
    assert len(error.message) < 700
    assert JWT.split(".")[1] not in error.message
    assert error.code
    assert error.fate is not Fate.NOT_SENT
