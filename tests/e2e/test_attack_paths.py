"""Paths, ids, parameters and addresses that would leave the connection: refused before sending.

The sandbox resolves dot segments and decodes escapes as a careless server would, and keeps what
got out in ``escapes``. Commands run in this process, because there are many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fsctl.errors import ExitCode
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID
from fsctl.sandbox.server import SandboxServer
from tests.support.command import Ended
from tests.support.online import token_environment
from tests.support.program import Program
from tests.support.sandbox_server import running_sandbox

OTHER = "6920c5a1d3f4e5b6a7c8d999"

CLIMBING_SEGMENTS = (
    "..",
    ".",
    "%2e%2e",
    "%2E%2e",
    ".%2e",
    "%252e%252e",
    "%25252e%25252e",
    "..;",
    "..;v=1",
    ";..",
    "\uff0e\uff0e",  # full-width full stops, which NFKC makes dots
    "%EF%BC%8E%EF%BC%8E",
    "\u2025",  # a two dot leader
    " ..",
    "..%20",
    "..%09",
    "a\\..\\b",
    "..%5c",
    "%5c..%5c",
    "\uff3c..\uff3c",
    "a\nb",
    "%0d%0aX-Other:1",
    "%00",
    "\x7f",
)
WITH_SLASHES = ("../..", "..%2f..", "%2e%2e%2f", "..%252f..", "a/../b", "\uff0f..", "a/b", "%2f")


@dataclass
class Trap:
    """fsctl in this process against a server that notes whatever comes."""

    program: Program
    server: SandboxServer

    def __call__(self, *arguments: str) -> Ended:
        del self.server.requests[:]
        return self.program(*arguments, env=token_environment(self.server.url))

    def refuses(self, *arguments: str) -> None:
        done = self(*arguments)
        assert done.code == ExitCode.USAGE, done.show
        assert done.out == ""
        sent = [f"{each.method} {each.target}" for each in self.server.requests]
        assert sent == [], done.show
        assert done.err.isprintable() or done.err.replace("\n", "").isprintable(), done.show


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with running_sandbox(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def trap(server: SandboxServer, tmp_path: Path) -> Iterator[Trap]:
    yield Trap(Program(tmp_path), server)
    assert server.membrane.escapes == []


@pytest.mark.parametrize("segment", (*CLIMBING_SEGMENTS, *WITH_SLASHES[:-2]))
@pytest.mark.parametrize(
    "path", ["{}", "/{}", "/v2/{}", "/v2/users/{}/x", "https://api.fullstory.com/v2/{}/users"]
)
def test_a_path_that_climbs_is_refused(path: str, segment: str, trap: Trap) -> None:
    trap.refuses("raw", "request", path.format(segment))


@pytest.mark.parametrize("depth", range(1, 8))
def test_no_depth_reaches_another_connection(depth: int, trap: Trap) -> None:
    up = "../" * depth
    trap.refuses("raw", "request", f"/v2/{up}connections/{OTHER}/proxy/v2/users")
    trap.refuses("raw", "request", "-X", "DELETE", f"{up}{OTHER}")


@pytest.mark.parametrize("value", (*CLIMBING_SEGMENTS, *WITH_SLASHES, "", " "))
def test_a_path_parameter_that_climbs_is_refused(value: str, trap: Trap) -> None:
    trap.refuses("raw", "request", "/v2/users/{id}", "--path-param", f"id={value}")
    trap.refuses("raw", "request", "/v2/users/{id}/x", "--pathParam", f"id={value}")


@pytest.mark.parametrize("value", (*CLIMBING_SEGMENTS, *WITH_SLASHES, "", " "))
def test_an_id_that_climbs_is_refused(value: str, trap: Trap) -> None:
    trap.refuses("users", "get", "--id", value)
    trap.refuses("actions", "log", value)
    trap.refuses("actions", "show", value)
    trap.refuses("raw", "action", value)


@pytest.mark.parametrize("value", (*CLIMBING_SEGMENTS, *WITH_SLASHES[:-2], " "))
def test_a_connection_that_climbs_is_refused_wherever_it_comes_from(value: str, trap: Trap) -> None:
    trap.refuses("users", "list", "--connection", value)
    trap.refuses("raw", "request", "/v2/users", "--connection", value)
    if "\x00" not in value:
        trap.program.env["FSCTL_CONNECTION"] = value
        trap.refuses("users", "list")


def test_a_connection_may_have_a_slash_in_its_name_which_is_only_compared(trap: Trap) -> None:
    done = trap("users", "list", "--connection", "Fullstory / EU")
    assert done.code == ExitCode.NEEDS_PERSON, done.show
    assert [each.path for each in trap.server.requests] == ["/connections"]


def test_a_connection_id_stands_in_one_segment(trap: Trap) -> None:
    """What looks like an id is taken as it is: nothing but its own characters can be in it."""
    done = trap("raw", "request", "/v2/users", "--connection", OTHER)
    assert done.code == ExitCode.NEEDS_PERSON, done.show
    assert trap.server.requests[0].path == f"/connections/{OTHER}/proxy/v2/users"


@pytest.mark.parametrize("who", ["../x", "%2e%2e", "a/../b", "..", "a\\b"])
def test_a_uid_may_be_anything_because_it_is_never_part_of_a_path(who: str, trap: Trap) -> None:
    for via in ("action", "proxy"):
        done = trap("users", "get", who, "--via", via, "--connection", DEFAULT_CONNECTION_ID)
        assert done.code == ExitCode.NOT_FOUND, done.show
        paths = {each.path for each in trap.server.requests}
        assert paths <= {"/act", "/actions", f"/connections/{DEFAULT_CONNECTION_ID}/proxy/v2/users"}


def test_what_is_encoded_in_a_parameter_arrives_as_it_was_given(trap: Trap) -> None:
    done = trap(
        "raw", "request", "/v2/users/{id}", "--path-param", "id=a b?c#d&e=f:g@h",
        "--connection", DEFAULT_CONNECTION_ID,
    )  # fmt: skip
    assert done.code == ExitCode.NOT_FOUND, done.show
    (sent,) = trap.server.requests
    assert sent.target.endswith("/proxy/v2/users/a%20b%3Fc%23d%26e%3Df%3Ag%40h")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/v2/users",
        "https://evil.test\\@api.fullstory.com/",
        "https://api.fullstory.com\\@evil.test/",
        "https://api.fullstory.com@evil.test/v2",
        "https://user:password@api.fullstory.com/v2",
        "https://api.fullstory.com:8443/v2",
        "https://api.fullstory.com:/v2",
        "https://api.fullstory.com.evil.test/",
        "https://evil.test#@api.fullstory.com/",
        "https://evil.test?@api.fullstory.com/",
        "https://api.fullstory.com#/v2",
        "http://api.fullstory.com/v2/users",
        "HTTP://API.FULLSTORY.COM/v2/users",
        "ftp://api.fullstory.com/v2",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https:/evil.test/v2",
        "https:evil.test/v2",
        "https:\\\\evil.test\\v2",
        "//evil.test/v2",
        "\\\\evil.test\\v2",
        "/\\evil.test/v2",
        "///evil.test",
        "/https://evil.test/v2",
        "/https:%2f%2fevil.test/v2",
        "https%3A%2F%2Fevil.test/v2",
        "https://\u0430pi.fullstory.com/v2",  # a Cyrillic letter
        "https://api\u3002fullstory\u3002com/v2",  # ideographic full stops
        "https://api.fullstory.com./v2",
        "https://127.0.0.1/v2",
        "https://[::1]/v2",
        "https://2130706433/v2",
        "https://api.fullstory.com//evil.test",
    ],
)
def test_a_hostile_address_is_refused(url: str, trap: Trap) -> None:
    trap.refuses("raw", "request", url)
    trap.refuses("raw", "request", url, "-X", "POST", "--json", "{}")


def test_an_address_of_fullstorys_own_is_taken(trap: Trap) -> None:
    done = trap("raw", "request", "https://api.fullstory.com:443/v2/users?uid=ada")
    assert done.code == ExitCode.DONE, done.show
    assert '"uid":"ada"' in done.out


@pytest.mark.parametrize("path", ["C:/Program Files/Git/v2/users", "C:\\v2\\users"])
def test_a_path_that_a_windows_shell_rewrote_gets_a_hint(path: str, trap: Trap) -> None:
    trap.refuses("raw", "request", path)
    assert "MSYS_NO_PATHCONV" in trap("raw", "request", path).err


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer mine",
        "authorization:x",
        "Host: evil.test",
        "HOST : evil.test",
        "Cookie: a=b",
        "Content-Length: 0",
        "Transfer-Encoding: chunked",
        "Proxy-Authorization: Basic eA==",
        "X-Forwarded-Host: evil.test",
        "X-A: b\r\nAuthorization: x",
        "X-A\nB: c",
        "No colon",
        ": nothing",
        "X-\u00e4: b",
    ],
)
def test_headers_that_carry_credentials_or_break_the_request_are_refused(
    header: str, trap: Trap
) -> None:
    trap.refuses("raw", "request", "/v2/users", "-H", header)


@pytest.mark.parametrize("base", ["../x", "https://evil.test", "/v2/%2e%2e", "//evil.test"])
def test_a_proxy_base_that_climbs_is_refused_whoever_set_it(base: str, trap: Trap) -> None:
    trap.program.env["FSCTL_PROXY_BASE"] = base
    trap.refuses("users", "list", "--via", "proxy")
    trap.refuses("raw", "request", "/v2/users")
