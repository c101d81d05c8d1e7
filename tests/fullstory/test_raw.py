"""What a raw request may be: nothing that reaches another connection, host or header."""

from __future__ import annotations

import string
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory.raw import (
    API_HOSTS,
    build,
    check_proxy_base,
    header_fields,
    json_body,
    next_page,
    page_items,
    split_path,
)
from fsctl.membrane.gateway import Request
from fsctl.membrane.paths import as_seen

SECRET = "s3cr3t-value-of-a-header"


def refused(path: str, **more: Any) -> Usage:
    with pytest.raises(Usage) as ended:
        build(path, **more)
    shown = f"{ended.value.message} {ended.value.hint or ''}"
    assert shown.isprintable(), shown
    assert shown.isascii()
    return ended.value


# -- paths


@pytest.mark.parametrize(
    ("path", "built"),
    [
        ("/v2/users", "/v2/users"),
        ("v2/users", "/v2/users"),
        ("/v2/users/", "/v2/users/"),
        ("/", "/"),
        ("/v2/sessions/1:2/events", "/v2/sessions/1:2/events"),
        ("/v2/sessions/1%3A2/events", "/v2/sessions/1%3A2/events"),
        ("/settings/recording/v1/privacy:element-block-rules",) * 2,
        ("/v2/a b", "/v2/a%20b"),
        ("/v2/é", "/v2/%C3%A9"),
        ("/v2/100%", "/v2/100%25"),
        ("/v2/...", "/v2/..."),
        ("/v2/.well-known", "/v2/.well-known"),
        ("/v2/a..b", "/v2/a..b"),
    ],
)
def test_a_path_goes_with_and_without_its_leading_slash_encoded_once(path: str, built: str) -> None:
    assert build(path) == Request("GET", built)


@pytest.mark.parametrize(
    "path",
    [
        "..", "../x", "/v2/..", "/v2/../x", "/v2/../../other/proxy/x", "/v2/./x", "/v2/.",
        "/v2/%2e%2e/x", "/v2/%2E%2e/x", "/v2/%252e%252e/x", "/v2/%25252e%25252e/x", "/v2/.%2e/x",
        "/v2/..%2fx", "/v2/%2e%2e%2fx", "/v2%2f..%2fx", "/v2/..;a=b/x", "/v2/%2e%2e%3bx/y",
        "/v2/..\\x", "/v2\\users", "\\v2\\users", "/v2/%5c..%5cx", "/v2/%255c", "/v2/.. /x",
        "/v2/\u2025/x", "/v2/\uff0e\uff0e/x", "/v2/\uff052e\uff052e/x", "/v2/\uff0f\uff0fx",
        "//evil.test/x", "/v2//users", "/v2/%2f/users", "/v2/%252f%252fx", "///", "v2//",
        "/v2/\x00", "/v2/%00", "/v2/a\nb", "/v2/a\r\nHost: evil.test", "/v2/%0d%0aHost:%20x",
        "/v2/%250d%250a", "/v2/\x7f", "/v2/\x85", "/v2/a\u2028b", "/v2/a\u2029b",
        "/v2/%ff", "/v2/half\udcff", "/v2/" + "a" * 8001, "/v2/" + "%25" * 4000 + "2e",
        "http:evil.test", "/http:evil.test/x", "%68ttp:evil.test", "http%3Aevil.test/x",
        "/https%3A/evil.test", "javascript:alert(1)", "file:etc", "a:b",
    ],
)  # fmt: skip
def test_a_path_that_could_leave_the_connection_is_refused(path: str) -> None:
    refused(path)


@pytest.mark.parametrize("host", API_HOSTS)
@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("https://{}/v2/users", "/v2/users"),
        ("https://{}:443/v2/users", "/v2/users"),
        ("https://{}", "/"),
        ("https://{}/", "/"),
        ("HTTPS://{}/v2/users", "/v2/users"),
    ],
)
def test_a_full_url_of_fullstorys_api_is_rebuilt_from_its_parts(
    host: str, template: str, path: str
) -> None:
    for spelled in (host, host.upper(), host.title()):
        assert build(template.format(spelled)) == Request("GET", f"https://{host}{path}")


def test_the_query_of_a_full_url_is_a_query() -> None:
    built = build("https://api.fullstory.com?uid=a%26b")
    assert built == Request("GET", "https://api.fullstory.com/", (("uid", "a&b"),))


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test\\@api.fullstory.com/", "https://evil.test/v2/users",
        "https://api.fullstory.com@evil.test/", "https://api.fullstory.com:pw@evil.test/",
        "https://user:hunter2secret@api.fullstory.com/", "https://@api.fullstory.com/",
        "https://api.fullstory.com:8443/", "https://api.fullstory.com:80/",
        "https://api.fullstory.com:/", "https://api.fullstory.com:443443/",
        "https://api.fullstory.com:0443/", "http://api.fullstory.com/", "http://api.fullstory.com:443/",
        "https://api.fullstory.com./", "https://api.fullstory.com.evil.test/",
        "https://evil-api.fullstory.com/", "https://app.fullstory.com/", "https://fullstory.com/",
        "https://api.fullstory.com%2eevil.test/", "https://api.fullstory.com%00.evil.test/",
        "https://api.fullstory.com\\.evil.test/", "https://api.fullstory.com\t.evil.test/",
        "https://api.fullstory.com\n", "https://api\u3002fullstory\u3002com/",
        "https://\u0430pi.fullstory.com/", "https://api.full\u00adstory.com/",
        "https:/api.fullstory.com/v2", "https:api.fullstory.com/v2", "https:\\\\api.fullstory.com",
        "https:///api.fullstory.com/", "https://", "https:// api.fullstory.com/",
        "//api.fullstory.com/v2", "\\\\api.fullstory.com\\v2", "/\\api.fullstory.com",
        "\\/evil.test",        "/https://evil.test/", "///https://evil.test", "ftp://api.fullstory.com/",
        "https+x://api.fullstory.com/", "wss://api.fullstory.com/", "file:///etc/passwd",
        "https://[::1]/", "https://127.0.0.1/", "https://api.fullstory.com[/", "https://0/",
        "https://api.fullstory.com/../x", "https://api.fullstory.com/%2e%2e/x",
        "https://api.fullstory.com//x", "https://api.fullstory.com/a\\b",
        "https://api.fullstory.com/x#y", "https://api.fullstory.com#/x",
    ],
)  # fmt: skip
def test_any_other_address_is_refused_before_sending(url: str) -> None:
    assert "hunter2secret" not in str(refused(url).as_data())


@pytest.mark.parametrize("path", ["/v2/users#x", "#", "/v2/users?a=1#x"])
def test_a_fragment_is_refused(path: str) -> None:
    assert "fragment" in refused(path).message


@pytest.mark.parametrize(
    "path",
    ["C:/Program Files/Git/v2/users", "C:\\Program Files\\Git\\v2\\users", "d:/msys64/v2/users"],
)
def test_a_path_that_a_windows_shell_rewrote_gets_a_hint(path: str) -> None:
    error = refused(path)
    assert "rewritten by the shell" in error.message
    assert "MSYS_NO_PATHCONV" in (error.hint or "")


# -- query


def test_the_query_in_the_path_and_that_of_the_options_are_merged_in_order() -> None:
    built = build("/v2/users?a=1&b=&c&a=2%263", query=["d=4=5", "a=x y", "e="])
    assert built.path == "/v2/users"
    assert built.query == (
        ("a", "1"),
        ("b", ""),
        ("c", ""),
        ("a", "2&3"),
        ("d", "4=5"),
        ("a", "x y"),
        ("e", ""),
    )


@pytest.mark.parametrize("query", ["novalue", "", "=x", "half\udcff=1", "a=half\udcff"])
def test_a_query_that_is_no_pair_is_refused(query: str) -> None:
    refused("/x", query=[query])


@pytest.mark.parametrize("path", ["/x?a=%ff", "/x?%ff=1", "/x?a=\udcff"])
def test_a_query_in_the_path_that_is_not_utf8_is_refused_and_never_repaired(path: str) -> None:
    assert "not UTF-8" in refused(path).message


# -- path parameters


def test_a_path_parameter_fills_its_place_encoded_once() -> None:
    built = build("/v2/sessions/{id}/x/{id}/{n_2}", path_params=["id=1:2", "n_2=a=b {id} é%3A"])
    assert built.path == "/v2/sessions/1%3A2/x/1%3A2/a%3Db%20%7Bid%7D%20%C3%A9%253A"


def test_a_path_parameter_fills_a_full_url_too() -> None:
    built = build("https://api.fullstory.com/v2/users/{id}", path_params=["id=7"])
    assert built.path == "https://api.fullstory.com/v2/users/7"


@pytest.mark.parametrize(
    "value",
    ["..", ".", "a/b", "%2e%2e", "%252e%252e", "a%2fb", "a\\b", "%5c", "", " ", "a\n", "%00",
     "\u2025", "..;x", "%ff", "\udcff"],
)  # fmt: skip
def test_a_path_parameter_cannot_leave_its_place(value: str) -> None:
    refused("/v2/users/{id}", path_params=[f"id={value}"])


def test_path_parameters_cannot_be_put_together_to_leave_it() -> None:
    refused("/v2/{a}{b}/x", path_params=["a=.", "b=."])
    refused("/v2/.{a}/x", path_params=["a=."])
    refused("/v2/%2{a}%2{a}/x", path_params=["a=e"])
    refused("/{a}:evil.test", path_params=["a=http"])
    refused("/{a}/x", path_params=["a=http:evil.test"])


@pytest.mark.parametrize(
    ("path", "parameters", "words"),
    [
        ("/v2/{id}", [], "'id' has no value"),
        ("/v2", ["id=1"], "no place for the parameter 'id'"),
        ("/v2/{id}", ["id=1", "id=2"], "given twice"),
        ("/v2/{id}", ["id"], "is not K=V"),
    ],
)
def test_path_parameters_and_places_have_to_match(
    path: str, parameters: list[str], words: str
) -> None:
    assert words in refused(path, path_params=parameters).message


# -- method and body


@pytest.mark.parametrize(
    ("method", "body", "chosen"),
    [
        (None, None, "GET"),
        (None, b"", "POST"),
        ("delete", None, "DELETE"),
        ("PATCH", b"{}", "PATCH"),
        ("GET", b"{}", "GET"),
    ],
)
def test_the_method_is_get_or_post_unless_told(
    method: str | None, body: bytes | None, chosen: str
) -> None:
    built = build("/x", method=method, body=body)
    assert (built.method, built.body) == (chosen, body)


@pytest.mark.parametrize("method", ["HEAD", "TRACE", "CONNECT", "get users", "GET\r\nX: y", "-"])
def test_other_methods_are_refused(method: str) -> None:
    assert "GET, POST, PUT, PATCH, DELETE" in (refused("/x", method=method).hint or "")


def test_the_type_of_a_body_is_told_unless_it_was_given() -> None:
    built = build("/x", body=b"{}", content_type="application/json")
    assert built.headers == (("Content-Type", "application/json"),)
    built = build("/x", body=b"{}", content_type="application/json", headers=["content-TYPE: a/b"])
    assert built.headers == (("content-TYPE", "a/b"),)
    assert build("/x", body=b"{}").headers == ()


def test_json_is_checked_and_left_as_it_was() -> None:
    text = b' {"n": 18446744073709551616, "n": 1e400} '
    assert json_body(text, "The body") == text
    for bad in (b"{", b"", b"NaN", b"\xff", b"'a'"):
        with pytest.raises(Usage, match="The body is refused"):
            json_body(bad, "The body")


# -- headers


def test_headers_are_taken_apart_at_the_first_colon() -> None:
    assert header_fields(["Accept: text/csv", "X-A:b: c", "X-Empty:", "X-Tab:\ta "]) == (
        ("Accept", "text/csv"),
        ("X-A", "b: c"),
        ("X-Empty", ""),
        ("X-Tab", "a"),
    )


@pytest.mark.parametrize(
    "name",
    ["Authorization", "authorization", "AUTHORIZATION", "Host", "Cookie", "Content-Length",
     "Transfer-Encoding", "Connection", "Proxy-Authorization", "Expect", "Upgrade", "TE", "Trailer",
     "X-Forwarded-For", "x-forwarded-host", "CF-Connecting-IP", " Authorization ", "Keep-Alive"],
)  # fmt: skip
def test_headers_of_membrane_and_the_wire_are_refused_without_their_value(name: str) -> None:
    error = refused("/x", headers=[f"{name}: Bearer {SECRET}"])
    assert name.strip() in error.message
    assert SECRET not in str(error.as_data())


@pytest.mark.parametrize(
    "header",
    [
        f"X-A: {SECRET}\r\nAuthorization: x", f"X-A: {SECRET}\nHost: x", f"X-A: {SECRET}\r\n",
        f"X-A\r\n: {SECRET}", f"X-A: {SECRET}\x00", f"X-A: é{SECRET}", f"X-é: {SECRET}",
        f"X A: {SECRET}", f": {SECRET}", f"Bearer {SECRET}", SECRET, f"X-A={SECRET}",
        f"Authorization {SECRET}", f"X-A: {SECRET}" + "a" * 8001, f"{SECRET} x: y",
        "a" * 201 + f": {SECRET}", f"X-A: {SECRET}\udcff", f"X-A: {SECRET}\x7f",
    ],
)  # fmt: skip
def test_a_header_that_is_none_is_refused_and_its_value_never_shown(header: str) -> None:
    error = refused("/x", headers=["Accept: a", header])
    assert SECRET not in str(error.as_data())
    assert "is not NAME: VALUE" in error.message


# -- the base of another connector


@pytest.mark.parametrize(
    ("base", "stands"),
    [
        ("", ""),
        ("https://api.eu1.fullstory.com", "https://api.eu1.fullstory.com"),
        ("https://api.fullstory.com/v2/", "https://api.fullstory.com/v2"),
        ("/v2", "/v2"),
        ("v2/", "/v2"),
        ("/", ""),
    ],
)
def test_a_proxy_base_is_a_host_a_path_or_both(base: str, stands: str) -> None:
    assert check_proxy_base(base, "FSCTL_PROXY_BASE") == stands
    assert build("/users", proxy_base=stands).path == f"{stands}/users"


def test_a_full_url_needs_no_base() -> None:
    built = build("https://api.fullstory.com/v2", proxy_base="/elsewhere")
    assert built.path == "https://api.fullstory.com/v2"


@pytest.mark.parametrize(
    "base", ["https://evil.test", "http://api.fullstory.com", "../x", "/v2?a=b", "/v2#x", "//x"]
)
def test_a_bad_proxy_base_is_refused_naming_where_it_came_from(base: str) -> None:
    with pytest.raises(Usage, match=r"^profile work cannot be used: "):
        check_proxy_base(base, "profile work")


# -- pages

OLD = (("a", "1"), ("page_token", "old"))


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({"next_page_token": "t"}, (("a", "1"), ("page_token", "t"))),
        ({"nextPaginationToken": "t"}, (*OLD, ("paginationToken", "t"))),
        ({"next_pagination_token": 7}, (*OLD, ("pagination_token", "7"))),
    ],
)
def test_the_next_page_is_the_same_request_with_its_token(
    body: Any, query: tuple[tuple[str, str], ...]
) -> None:
    request = Request("GET", "/x", OLD, (("Accept", "a"),))
    assert next_page(request, body) == Request("GET", "/x", query, (("Accept", "a"),))


@pytest.mark.parametrize(
    "body",
    [None, [], "t", {}, {"next_page_token": ""}, {"next_page_token": None}, {"page_token": "t"},
     {"next_page_token": ["t"]}, {"next_page_token": True}],
)  # fmt: skip
def test_the_last_page_has_no_next(body: Any) -> None:
    assert next_page(Request("GET", "/x"), body) is None


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ({"results": [{"id": 1}, {"id": 2}], "total_records": "2"}, [{"id": 1}, {"id": 2}]),
        ({"sessions": []}, []),
        ([1, 2], [1, 2]),
        ({"id": 1}, [{"id": 1}]),
        ({"a": [1], "b": [2]}, [{"a": [1], "b": [2]}]),
        ({"total_records": "1200"}, []),
        ({"results": None, "next_page_token": "t"}, []),
        ({}, []),
        (None, []),
        ("x", ["x"]),
        (0, [0]),
    ],
)
def test_the_rows_of_a_page_are_its_only_list(body: Any, rows: list[Any]) -> None:
    assert list(page_items(body)) == rows


# -- for all inputs

PIECES = st.sampled_from(
    [".", "..", "/", "//", "\\", "%2e", "%2E", "%252e", "%2f", "%5c", "%00", "%0a", "%", "%25",
     "v2", "users", ":", "http:", "https://", "https://api.fullstory.com", "@", "evil.test", "?",
     "a=b", "#", ";", "{id}", " ", "\n", "\x00", "\u2025", "\uff0e", "\uff0f", "\uff05", "\u2215",
     "é", "\udcff", "c:", "&", "=", "\u202e", "\ufeff", "\xad"]
)  # fmt: skip
PATHS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30)


@given(path=PATHS, value=st.lists(PIECES, min_size=1, max_size=4).map("".join))
def test_nothing_that_is_accepted_leaves_the_connection(path: str, value: str) -> None:
    try:
        base, plain, _ = split_path(path)
        built = build(path, path_params=[f"id={value}"] if "{id}" in plain else [])
    except Usage as error:
        assert f"{error.message}{error.hint}".isprintable()
        return
    assert base in ("", *(f"https://{host}" for host in API_HOSTS))
    inside = built.path.removeprefix(base)
    assert inside.startswith("/")
    assert set(inside) <= set(string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@%/")
    seen = as_seen(inside)
    assert "//" not in seen
    assert "\\" not in seen
    assert not {".", ".."} & {part.strip() for part in seen.replace(";", "/").split("/")}
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in seen)
    assert ":" not in seen.split("/")[1]
    for name, text in built.query:
        quote(f"{name}={text}")


@given(header=st.text(max_size=60) | st.lists(PIECES, max_size=6).map("".join))
def test_no_header_breaks_its_line(header: str) -> None:
    try:
        ((name, value),) = header_fields([header])
    except Usage as error:
        assert error.message.isascii()
        return
    assert f"{name}{value}".isascii()
    assert not set(f"{name}{value}") & set("\r\n\x00")
    assert name.lower() not in ("authorization", "host", "cookie")
