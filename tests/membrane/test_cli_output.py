"""The output of the membrane command line: exactly one document, judged before it is believed."""

from __future__ import annotations

import json
import math
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fsctl.membrane.child import ChildResult
from fsctl.membrane.gateway import Fate, GatewayError, Origin, Response, Trouble
from fsctl.membrane.output import Output, parse, read_output, response
from fsctl.membrane.payload import LARGE, BadPayload
from tests.support.fake_membrane import TOKEN

BANNERS = (
    "Membrane CLI 1.18.3",
    "[DEPRECATED] `membrane request` will be removed",
    "[12:30:01] Connecting",
    "[1/3] Connecting to the workspace",
    "[2026] a year, and no answer",
    "{membrane} hello",
    "[notice] a new version is available",
    "(node:123) Warning: something",
    "  indented",
    "",
    "✔ done",
)


def child(stdout: str | bytes = b"", code: int = 0, stderr: str = "") -> ChildResult:
    return ChildResult(
        code, stdout.encode() if isinstance(stdout, str) else stdout, stderr.encode()
    )


def failure(result: ChildResult, **options: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        read_output(result, **options)
    return caught.value


# -- finding the document (U4)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)
structures = documents.filter(lambda value: isinstance(value, dict) or _is_told_apart(value))


def _is_told_apart(value: Any) -> bool:
    """An array that a line of a banner could not be: one with something in it that is no number."""
    return isinstance(value, list) and (not value or isinstance(value[0], dict | list | str))


def same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right)
    return bool(json.dumps(left) == json.dumps(right))


@given(documents, st.sampled_from([None, 2]))
def test_u4_whole_stdout_is_read_first_whatever_it_is(document: Any, indent: int | None) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    assert same(parse(f"{text}\n".encode()), document)


@given(
    structures,
    st.lists(st.sampled_from(BANNERS), max_size=3),
    st.lists(st.sampled_from(BANNERS), max_size=3),
    st.sampled_from([None, 2]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_u4_document_is_found_between_banners_and_colours(
    document: Any,
    before: list[str],
    after: list[str],
    indent: int | None,
    ansi: bool,
    newline: str,
) -> None:
    text = json.dumps(document, indent=indent)
    lines = [*before, *text.split("\n"), *after]
    if ansi:
        lines = [f"\x1b[33m{line}\x1b[39m\x1b[0K" for line in lines]
    stdout = "".join(f"{line}{newline}" for line in lines)
    assert same(parse(stdout.encode()), document)


@given(structures, st.data(), st.sampled_from([None, 0, 2]))
def test_u4_part_of_a_document_is_never_taken_for_the_whole(
    document: Any, data: st.DataObject, indent: int | None
) -> None:
    text = json.dumps(document, indent=indent)
    cut = text[: data.draw(st.integers(1, max(1, len(text) - 1)))]
    if len(text) > 1:
        with pytest.raises(BadPayload):
            parse(cut.encode())


@given(st.binary(max_size=200))
@example(b"\xff\xfe{}")
@example(b'{"a":"\xff"}')
@example(b"\x1b]0;title\n{}")
def test_u4_any_bytes_are_a_document_or_an_error(stdout: bytes) -> None:
    try:
        json.dumps(parse(stdout))
    except BadPayload as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("stdout", "why"),
    [
        ("Done.", "not JSON"),
        ("<html>502</html>", "not JSON"),
        ('{"a":1}\n{"b":2}\n', "several JSON documents"),
        ('banner\n{"a":1}{"b":2}\n', "several JSON documents"),
        ('{"level":"warn"}\n{"output":{"cut', "broken JSON"),
        ('banner\n{\n"items": [\n{"id": 1},\n', "broken JSON"),
        ("[\n[\n" * 5000, "broken JSON|nested too deeply"),
        ('{"a":' * 100_000, "broken JSON|nested too deeply"),
        ('{"a": NaN}', "NaN"),
        ('banner\n{"a": Infinity}', "Infinity"),
    ],
)
def test_u4_anything_else_is_an_error(stdout: str, why: str) -> None:
    with pytest.raises(BadPayload, match=why):
        parse(stdout.encode())


def test_u4_bytes_that_are_not_utf8_do_not_become_an_answer() -> None:
    with pytest.raises(BadPayload, match="not UTF-8"):
        parse(b'{"name":"caf\xe9"}')
    assert parse(b'caf\xe9 banner\n{"name":"x"}\n') == {"name": "x"}


def test_u4_object_with_something_behind_it_on_its_line_is_read() -> None:
    assert parse(b'{"a":1} \x1b[2mUpdate available\x1b[22m\n') == {"a": 1}


def test_u4_document_behind_an_overwritten_line_is_read() -> None:
    assert parse(b'Connecting...\rConnected.   \r{"a":1}\n') == {"a": 1}


def test_u4_megabytes_of_almost_json_are_read_in_linear_time() -> None:
    for line in ("[\n", "{\n", "[1/3] x\n", "[1] x\n", "\x1b[", "{ \n\n\n", "[" * 900 + "\n"):
        with pytest.raises(BadPayload):
            parse((line * (1_000_000 // len(line))).encode())


# -- nothing at all (U4)


@pytest.mark.parametrize("stdout", ["", "\n", "  \r\n "])
def test_u4_empty_stdout_is_nothing_and_not_an_empty_object(stdout: str) -> None:
    assert read_output(child(stdout)) == Output(None, empty=True)
    assert read_output(child("null")) == Output(None, empty=False)
    assert read_output(child("{}")) == Output({}, empty=False)


# -- errors under any exit status (U5)

ENVELOPE = {"type": "bad_request", "key": "not_found", "message": "No such action"}


@pytest.mark.parametrize("code", [0, 1, 2, 130])
@pytest.mark.parametrize(
    "document",
    [
        ENVELOPE,
        {**ENVELOPE, "actionRunId": "run-1", "data": {}},
        {"error": ENVELOPE},
        {"output": ENVELOPE, "actionRunId": "run-1"},
        {"ok": False, "error": ENVELOPE},
        {"success": False, "error": ENVELOPE, "status": "error"},
    ],
)
def test_u5_membranes_envelope_is_a_failure_under_any_exit_status(
    document: dict[str, Any], code: int
) -> None:
    error = failure(child(json.dumps(document), code))
    assert (error.trouble, error.fate) == (Trouble.NOT_FOUND, Fate.REFUSED)
    assert error.origin is Origin.MEMBRANE
    assert error.code == "bad_request.not_found"
    assert "No such action" in error.message
    assert error.action_run_id == document.get("actionRunId")


@pytest.mark.parametrize(
    "document",
    [
        {"id": "c1", "state": "SETUP_FAILED", "error": {"type": "connection", "message": "x"}},
        {"id": "r1", "status": "error", "error": {"type": "action_run", "message": "x"}},
        {"type": "connector", "message": "hello"},
        {"type": "bad_request"},
        {"items": [{"error": ENVELOPE}]},
    ],
)
def test_u5_document_that_has_an_error_is_no_failure_of_the_call(document: Any) -> None:
    assert read_output(child(json.dumps(document))).document == document


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"message": "Quota is used up"}, "Quota is used up"),
        ({"error": "Quota is used up", "ok": False}, "Quota is used up"),
        ({"error": {"message": "Quota is used up"}}, "Quota is used up"),
        ({"errors": [{"message": "Quota is used up"}]}, "Quota is used up"),
        ("Quota is used up", "Quota is used up"),
        ({"items": []}, "reason on stderr"),
    ],
)
def test_u5_other_json_under_a_failing_status_gives_its_message(document: Any, told: str) -> None:
    error = failure(child(json.dumps(document), 1, "reason on stderr"))
    assert error.message == f"membrane failed (exit status 1): {told}."
    assert (error.fate, error.trouble) == (Fate.UNKNOWN, Trouble.FAILED)


@pytest.mark.parametrize(
    ("status", "trouble", "fate"),
    [
        (400, Trouble.INVALID, Fate.REFUSED),
        (401, Trouble.UNAUTHENTICATED, Fate.REFUSED),
        (404, Trouble.NOT_FOUND, Fate.REFUSED),
        (429, Trouble.RATE_LIMITED, Fate.REFUSED),
        (503, Trouble.UNAVAILABLE, Fate.UNKNOWN),
    ],
)
def test_u5_status_in_the_json_decides_where_there_is_one(
    status: int, trouble: Trouble, fate: Fate
) -> None:
    for document in ({"statusCode": status, "message": "m"}, {"error": {"status": status}}):
        error = failure(child(json.dumps(document), 1))
        assert (error.trouble, error.fate, error.status) == (trouble, fate, status)


def test_u5_failing_status_without_json_shows_the_end_of_stderr() -> None:
    stack = "\n".join(f"    at run (file:///x.js:{line}:1)" for line in range(50))
    noise = "npm warn deprecated\n" * 100
    error = failure(child("", 1, f"{noise}Error: the workspace is read-only\n{stack}\n"))
    assert error.message.endswith("Error: the workspace is read-only.")
    assert len(error.message) < 500
    assert (error.fate, error.trouble) == (Fate.UNKNOWN, Trouble.FAILED)


def test_u5_reason_on_stdout_is_found_too() -> None:
    error = failure(child("The workspace is read-only\n", 1))
    assert error.message == "membrane failed (exit status 1): The workspace is read-only."
    assert failure(child("", 3)).message == "membrane failed (exit status 3)."


@pytest.mark.parametrize(
    "text",
    [
        "Not logged in",
        "\x1b[31m✖ Not logged in.\x1b[39m Run `membrane login` to continue",
        "Error: You are not currently logged in",
        "You must be logged in to use this command",
        "Please run `membrane login` first",
        "login required",
    ],
)
@pytest.mark.parametrize("stream", ["stdout", "stderr", "json"])
def test_u5_not_logged_in_is_refused_and_says_how_to_log_in(text: str, stream: str) -> None:
    results = {
        "stdout": child(text, 1, "(node:1) Warning: old"),
        "stderr": child("", 1, text),
        "json": child(json.dumps({"error": text}), 1),
    }
    error = failure(results[stream])
    assert (error.trouble, error.fate) == (Trouble.UNAUTHENTICATED, Fate.REFUSED)
    assert "`fsctl login`" in (error.hint or "")


@pytest.mark.parametrize(
    "text",
    ["Unknown command: act", "error: unknown option '--input'", "Unrecognized option --json",
     "Missing required option --connectionId"],
)  # fmt: skip
def test_u5_complaint_about_the_arguments_is_refused(text: str) -> None:
    error = failure(child("", 1, text))
    assert (error.trouble, error.fate) == (Trouble.UNSUPPORTED, Fate.REFUSED)
    assert "update it" in (error.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "connect ECONNREFUSED 127.0.0.1:443",
        "Error: socket hang up",
        "TypeError: fetch failed",
        "AxiosError: Request failed with status code 503",
        "timeout of 60000ms exceeded",
        "You were not logged in automatically. read ECONNRESET",
        "Something happened",
        "",
    ],
)
def test_u5_everything_else_leaves_the_outcome_unknown(text: str) -> None:
    assert failure(child("", 1, text)).fate is Fate.UNKNOWN


def test_u5_death_by_a_signal_leaves_the_outcome_unknown_whatever_was_printed() -> None:
    error = failure(child('{"output":1}', -9))
    assert (error.fate, error.code) == (Fate.UNKNOWN, "killed")
    assert "signal 9" in error.message


# -- the request printed back (U2)

ECHO = {
    "method": "post",
    "url": "https://api.getmembrane.com/connections/c1/request",
    "headers": {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"},
    "data": "{}",
}


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(
    "document",
    [
        ECHO,
        {"config": ECHO},
        {"request": ECHO, "status": 503},
        {"name": "AxiosError", "message": "Request failed", "config": {}, "status": 503},
        {"error": {"name": "AxiosError", "config": ECHO}},
        {"error": {"config": ECHO}},
        {"output": {"config": ECHO, "status": 503, "data": ""}},
        {"status": 503, "data": "", "headers": {}, "config": ECHO},
    ],
)
def test_u2_echoed_request_is_an_error_and_its_token_is_not_shown(
    document: dict[str, Any], code: int
) -> None:
    error = failure(child(json.dumps(document), code))
    assert (error.trouble, error.fate) == (Trouble.UNREADABLE, Fate.UNKNOWN)
    assert error.code == "echoed_request"
    assert TOKEN not in f"{error} {error.hint}" and "eyJ" not in f"{error} {error.hint}"


def test_u2_exchange_in_a_run_log_is_no_echo() -> None:
    log = {"id": "r1", "status": "success", "request": ECHO}
    assert read_output(child(json.dumps(log))).document == log


# -- Fullstory's response (U2)


def sent(body: bytes, status: int | None = None, *headers: tuple[str, str]) -> Response:
    return Response(status, headers, body)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"status": 200, "data": {"id": "1"}}, sent(b'{"id":"1"}', 200)),
        ({"statusCode": 201, "body": {"id": "1"}}, sent(b'{"id":"1"}', 201)),
        ({"status": 200, "body": '{"id": "1"}', "headers": {"A": "b"}},
         sent(b'{"id": "1"}', 200, ("A", "b"))),
        ({"status": 200, "body": "a,b\n1,2\n"}, sent(b"a,b\n1,2\n", 200)),
        ({"status": 204, "headers": {}}, sent(b"", 204)),
        ({"status": 204, "data": None}, sent(b"", 204)),
        ({"status": 404, "data": {"code": "not_found"}}, sent(b'{"code":"not_found"}', 404)),
        ({"output": {"status": 200, "data": []}, "actionRunId": "r"}, sent(b"[]", 200)),
        ({"output": {"status": 429, "data": {}, "headers": {"Retry-After": "3"}}},
         sent(b"{}", 429, ("Retry-After", "3"))),
        ({"status": 200, "data": 1, "headers": {"Set": ["a", "b"], "None": None}},
         sent(b"1", 200, ("Set", "a"), ("Set", "b"))),
        ({"results": [], "next": None}, sent(b'{"results":[],"next":null}')),
        ({"output": {"results": []}}, sent(b'{"results":[]}')),
        ({"actionRunId": "r"}, sent(b"")),
        ([{"id": "1"}], sent(b'[{"id":"1"}]')),
        ({"status": "COMPLETED", "data": 1}, sent(b'{"status":"COMPLETED","data":1}')),
        ({"status": 200}, sent(b'{"status":200}')),
        ({"status": 7, "data": 1}, sent(b'{"status":7,"data":1}')),
        ({"status": True, "data": 1}, sent(b'{"status":true,"data":1}')),
        ({"output": 1, "job": 2}, sent(b'{"output":1,"job":2}')),
        ("text", sent(b"text")),
        (None, sent(b"null")),
    ],
)  # fmt: skip
def test_u2_response_is_an_envelope_or_a_bare_body(document: Any, expected: Response) -> None:
    assert response(document) == expected


@given(documents.filter(lambda value: not isinstance(value, str)))
def test_u2_bare_body_comes_back_as_it_was(document: Any) -> None:
    if isinstance(document, dict) and {"output", "data", "body", "headers"} & set(document):
        return
    assert same(json.loads(response(document).body), document)


def test_u2_membranes_own_error_inside_the_envelope_is_a_failure() -> None:
    for document in (
        {"status": 404, "data": ENVELOPE},
        {"output": {"status": 404, "body": ENVELOPE}},
    ):
        with pytest.raises(GatewayError) as caught:
            response(document)
        assert caught.value.origin is Origin.MEMBRANE


def test_u2_fullstorys_refusal_inside_membranes_error_is_fullstorys_response() -> None:
    upstream = {"status": 404, "data": {"message": "No user", "code": "resource_not_found"}}
    envelope = {"type": "action_run", "message": "x", "data": {"response": upstream}}
    result = child(json.dumps(envelope), 1)
    expected = sent(b'{"message":"No user","code":"resource_not_found"}', 404)
    assert response(read_output(result, proxied=True).document) == expected
    error = failure(result)
    assert (error.origin, error.code) == (Origin.FULLSTORY, "resource_not_found")


# -- pages, garbage and secrets (U24, U26)


def test_u24_page_instead_of_json_is_unreadable_and_told_by_its_words() -> None:
    page = "<!doctype html><html><title>502 Bad Gateway</title><b>nginx</b>"
    error = failure(child(page))
    assert (error.trouble, error.fate) == (Trouble.UNREADABLE, Fate.UNKNOWN)
    assert "502 Bad Gateway nginx" in error.message and "<" not in error.message


def test_u24_garbage_is_unreadable_and_not_quoted_because_it_may_be_data() -> None:
    error = failure(child('{"email": "ada@example.com", "name":'))
    assert error.trouble is Trouble.UNREADABLE
    assert "ada" not in error.message


@pytest.mark.parametrize(
    "secret",
    [TOKEN, "pat-abcdef123456", "0123456789abcdef0123456789abcdef"],
    ids=["jwt", "pat", "opaque"],
)
@pytest.mark.parametrize(
    "text",
    [
        "failed with Authorization: Bearer {}",
        "GET https://api.getmembrane.com/x?token={} failed",
        "headers: {{ authorization: 'Bearer {}' }}",
        "token={}",
        "{}",
        "x" * 60_000 + " {}",
    ],
)
def test_u26_secrets_in_the_childs_own_words_are_not_shown(secret: str, text: str) -> None:
    said = text.format(secret)
    results = [child("", 1, said), child(json.dumps({"message": said}), 1), child(said, 1),
               child(json.dumps({"message": said, "status": 500}), 1),
               child(f"<p>{said}</p>")]  # fmt: skip
    for result in results:
        error = failure(result, secrets=[secret])
        assert secret not in f"{error} {error.hint}"
        assert secret[-12:] not in str(error)


def test_u26_input_that_the_child_repeats_is_not_shown() -> None:
    given_input = '{"email":"ada@example.com"}'
    said = f"Command failed: membrane act --input={given_input}"
    for result in (child("", 1, said), child(json.dumps({"error": said}), 1)):
        error = failure(result, secrets=[given_input])
        assert "ada" not in str(error)
        assert "Command failed" in str(error)


def test_what_is_large_is_held_once_beside_its_bytes() -> None:
    """A text with one emoji takes four bytes a character, and the pieces of one even more."""
    rows = [{"at": number, "name": f"step {number}", "said": "🎉"} for number in range(60_000)]
    result = child(json.dumps({"status": 200, "data": rows}, ensure_ascii=False))
    size = len(result.stdout)
    assert size > 2 * LARGE
    read_output(result)  # what it imports is no part of it

    tracemalloc.start()
    try:
        output = read_output(result, proxied=True)
        told = tracemalloc.get_traced_memory()[0]
        assert tracemalloc.get_traced_memory()[1] < told + size
        tracemalloc.reset_peak()
        answer = response(output.document, large=output.large)
        assert tracemalloc.get_traced_memory()[1] < told + 2.5 * size
    finally:
        tracemalloc.stop()
    assert json.loads(answer.body) == rows
