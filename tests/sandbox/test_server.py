"""The sandbox server as a client meets it: two faces, one port, and trouble on order."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import urllib3
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from fsctl.errors import Usage
from fsctl.sandbox.envelopes import MAX_REQUEST
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID, ConnectionSeed, MembraneOptions
from fsctl.sandbox.serve import serve
from fsctl.sandbox.server import SandboxServer
from tests.support.sandbox_server import running_sandbox, sandbox_process

BEARER = {"Authorization": "Bearer any"}
BASIC = {"Authorization": "Basic any"}
PROXY = f"/connections/{DEFAULT_CONNECTION_ID}/proxy"
ANNOTATE: dict[str, Any] = {
    "key": "create-annotation",
    "connectionId": DEFAULT_CONNECTION_ID,
    "input": {"text": "deployed"},
}


@contextmanager
def client() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=20) as pool:
        yield pool


def place(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("http://").rsplit(":", 1)
    return host, int(port)


@contextmanager
def direct(server: SandboxServer) -> Iterator[HTTPConnection]:
    """One plain connection to the server, kept open."""
    host, port = place(server.url)
    with closing(HTTPConnection(host, port, timeout=20)) as connection:
        yield connection


def raw(url: str, data: bytes) -> bytes:
    """What the server answers to these bytes until it closes."""
    with socket.create_connection(place(url), timeout=20) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def annotations_made(server: SandboxServer) -> int:
    """How many annotations took effect."""
    with server.store.connection() as db:
        (count,) = db.execute("SELECT count(*) FROM annotations").fetchone()
    return int(count)


def arrived(server: SandboxServer, count: int) -> None:
    """Return when so many requests have reached the server."""
    until = time.monotonic() + 20
    while len(server.requests) < count:
        assert time.monotonic() < until


def read(response: HTTPResponse) -> Any:
    return json.loads(response.read())


# --- two faces


def test_both_faces_answer_on_one_port(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as server, client() as pool:
        ours = pool.request("GET", f"{server.url}/connections", headers=BEARER)
        theirs = pool.request("GET", f"{server.url}/v2/users?uid=ada", headers=BASIC)
        proxied = pool.request("GET", f"{server.url}{PROXY}/v2/users?uid=ada", headers=BEARER)
        assert ours.json()["items"][0]["id"] == DEFAULT_CONNECTION_ID
        assert theirs.json()["results"][0]["uid"] == "ada"
        assert proxied.json() == theirs.json()
        assert [(r.method, r.target, r.status) for r in server.requests] == [
            ("GET", "/connections", 200),
            ("GET", "/v2/users?uid=ada", 200),
            ("GET", f"{PROXY}/v2/users?uid=ada", 200),
        ]


@pytest.mark.parametrize("headers", [{}, BEARER, {"Authorization": "Basic "}])
def test_fullstorys_face_wants_a_basic_key(tmp_path: Path, headers: dict[str, str]) -> None:
    with running_sandbox(tmp_path, seed=False) as server, client() as pool:
        answer = pool.request("GET", f"{server.url}/v2/users", headers=headers)
        assert (answer.status, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("headers", [{}, BASIC, {"Authorization": "Bearer "}])
def test_membranes_face_wants_a_bearer_token(tmp_path: Path, headers: dict[str, str]) -> None:
    with running_sandbox(tmp_path, seed=False) as server, client() as pool:
        answer = pool.request("GET", f"{server.url}/self", headers=headers)
        assert answer.status == 401
        assert answer.json()["type"] == "bad_request"
        assert answer.json()["key"] == "not_authenticated"


def test_trouble_with_the_file_is_a_500_in_each_services_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise Usage("The sandbox cannot be used: database or disk is full.")

    with running_sandbox(tmp_path, seed=False) as server, client() as pool:
        monkeypatch.setattr(server.fullstory, "handle", full)
        monkeypatch.setattr(server.membrane, "upstream", full)
        theirs = pool.request("GET", f"{server.url}/v2/users", headers=BASIC)
        ours = pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
        assert (theirs.status, theirs.json()["code"]) == (500, "server_error")
        assert (ours.status, ours.json()["type"]) == (500, "internal")
        assert "disk is full" in ours.json()["message"]


def test_nothing_is_logged_unless_asked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running_sandbox(tmp_path, seed=False) as server, client() as pool:
        pool.request("GET", f"{server.url}/self", headers=BEARER)
        pool.request("GET", f"{server.url}/nowhere", headers=BEARER)
        raw(server.url, b"nonsense\r\n\r\n")
    assert capfd.readouterr() == ("", "")


def test_the_two_searches_are_told_apart(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server, client() as pool:
        ours = pool.request("GET", f"{server.url}/search?q=fullstory", headers=BEARER)
        theirs = pool.request("GET", f"{server.url}/search/v1/exports/1/results", headers=BASIC)
        assert ours.json()["items"]
        assert theirs.json()["code"] == "resource_not_found"


# --- HTTP


def test_a_connection_is_kept_for_many_requests(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server, direct(server) as connection:
        for _ in range(3):
            connection.request("POST", "/act", json.dumps(ANNOTATE), BEARER)
            assert read(connection.getresponse())["output"]["text"] == "deployed"
            assert connection.sock is not None  # not closed by the server
        assert annotations_made(server) == 3


def test_a_chunked_body_is_read_whole(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server, direct(server) as connection:
        text = json.dumps(ANNOTATE).encode()
        pieces = (text[at : at + 7] for at in range(0, len(text), 7))
        connection.request("POST", "/act", pieces, BEARER, encode_chunked=True)
        assert read(connection.getresponse())["output"]["text"] == "deployed"
        connection.request("GET", "/self", headers=BEARER)
        assert connection.getresponse().status == 200
        assert server.requests[0].body == text


def test_a_body_that_the_caller_announces_first_is_asked_for(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server:
        body = json.dumps(ANNOTATE).encode()
        head = (
            f"POST /act HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nConnection: close\r\n"
            f"Expect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        answer = raw(server.url, head.encode() + body)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("path", ["/act", "/v2/users"])
def test_a_body_over_the_limit_is_refused_and_the_connection_kept(
    tmp_path: Path, path: str
) -> None:
    with running_sandbox(tmp_path, seed=False) as server, direct(server) as connection:
        headers = BASIC if path.startswith("/v2") else BEARER
        connection.request("POST", path, b" " * (MAX_REQUEST + 1), headers)
        refused = connection.getresponse()
        assert refused.status == 413
        document = read(refused)
        if path == "/act":
            assert document["type"] == "bad_request"
        else:
            assert document["code"] == "invalid_argument"
        connection.request("POST", "/act", b" " * MAX_REQUEST, BEARER)
        assert connection.getresponse().status == 400  # read, and no JSON


@pytest.mark.parametrize(
    "lines",
    [
        "Content-Length: -1",
        "Content-Length: 1_0",
        "Content-Length: 3\r\nContent-Length: 4",
        "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Transfer-Encoding: gzip",
    ],
)
def test_a_body_of_doubtful_length_is_refused_and_the_connection_closed(
    tmp_path: Path, lines: str
) -> None:
    with running_sandbox(tmp_path, seed=False) as server:
        head = f"POST /act HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n{lines}\r\n\r\n"
        answer = raw(server.url, head.encode() + b"{}x")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"Connection: close" in answer


def test_a_body_far_over_the_limit_is_not_read(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server:
        head = "POST /act HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
        assert raw(server.url, head.encode()).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("chunk", [b"-1\r\n", b"0x2\r\n", b"123456789\r\n", b"\r\n"])
def test_a_chunk_of_doubtful_length_is_refused(tmp_path: Path, chunk: bytes) -> None:
    with running_sandbox(tmp_path, seed=False) as server:
        head = b"POST /act HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert raw(server.url, head + chunk).startswith(b"HTTP/1.1 400 ")


def test_a_request_line_that_makes_no_sense_is_answered_in_json(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server:
        answer = raw(server.url, b"GET /self HTTP/banana\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert json.loads(body)["type"] == "bad_request"


def test_targets_are_recorded_as_they_were_sent(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server, direct(server) as connection:
        target = f"{PROXY}//v2/sessions/1%3A2/events?x=%2f+&x=2"
        connection.putrequest("GET", target)
        connection.putheader("Authorization", "Bearer x")
        connection.endheaders()
        connection.getresponse().read()
        connection.request("GET", f"{server.url}/self", headers=BEARER)  # as to a proxy
        assert connection.getresponse().status == 200
        raw(server.url, b"GET //evil.test/self HTTP/1.0\r\n\r\n")
        sent = [request.target for request in server.requests]
        assert sent == [target, "/self", "//evil.test/self"]


def test_a_slow_request_holds_up_no_other(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["hang:x1"]) as server, direct(server) as slow:
        slow.request("GET", "/self", headers=BEARER)
        arrived(server, 1)
        with client() as pool:
            answers = [
                pool.request("GET", f"{server.url}/connections", headers=BEARER) for _ in range(5)
            ]
        assert {answer.status for answer in answers} == {200}
        assert server.requests[0].status is None


def test_many_clients_at_once_lose_nothing(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server:

        def annotate() -> None:
            with direct(server) as connection:
                for _ in range(10):
                    connection.request("POST", "/act", json.dumps(ANNOTATE), BEARER)
                    statuses.append(read(connection.getresponse())["output"]["text"])

        statuses: list[str] = []
        threads = [threading.Thread(target=annotate) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == ["deployed"] * 80
        assert annotations_made(server) == 80


def test_latency_comes_before_every_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_sandbox(tmp_path, seed=False, latency=0.001) as server, client() as pool:
        waited: list[float | None] = []

        def wait(timeout: float | None = None) -> bool:
            waited.append(timeout)
            return False

        monkeypatch.setattr(server.stopping, "wait", wait)
        pool.request("GET", f"{server.url}/self", headers=BEARER)
        assert waited == [0.001]


def test_stopping_lets_go_what_is_held(tmp_path: Path) -> None:
    building = MembraneOptions(connections=(ConnectionSeed(state="BUILDING"),))
    with (
        running_sandbox(tmp_path, seed=False, faults=["hang@/self"], options=building) as server,
        direct(server) as hung,
        direct(server) as waiting,
        direct(server) as idle,
    ):
        hung.request("GET", "/self", headers=BEARER)
        target = f"/connections/{DEFAULT_CONNECTION_ID}?wait=true&timeout=60"
        waiting.request("GET", target, headers=BEARER)
        idle.request("GET", "/connections", headers=BEARER)
        idle.getresponse().read()
        arrived(server, 3)
        server.stop()
        assert read(waiting.getresponse())["state"] == "BUILDING"
        with pytest.raises(ConnectionError):
            hung.getresponse()


# --- trouble


def test_429_is_in_the_words_of_the_face_that_was_asked(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["429"], seed=False) as server, client() as pool:
        ours = pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
        theirs = pool.request("GET", f"{server.url}/v2/users", headers=BASIC)
        proxied = pool.request("GET", f"{server.url}{PROXY}/v2/users", headers=BEARER)
        assert [a.status for a in (ours, theirs, proxied)] == [429, 429, 429]
        assert [a.headers["Retry-After"] for a in (ours, theirs, proxied)] == ["1", "1", "1"]
        assert (ours.json()["type"], ours.json()["key"]) == ("bad_request", "rate_limit_exceeded")
        assert theirs.json()["code"] == "too_many_requests"
        assert proxied.json() == theirs.json()
        assert annotations_made(server) == 0


def test_a_429_can_ask_for_another_wait(tmp_path: Path) -> None:
    with running_sandbox(
        tmp_path, faults=["429:x1", "429-fullstory"], seed=False, retry_after=0
    ) as server:
        with client() as pool:
            ours = pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
            theirs = pool.request("GET", f"{server.url}{PROXY}/v2/users", headers=BEARER)
        assert (ours.headers["Retry-After"], theirs.headers["Retry-After"]) == ("0", "0")


def test_429_of_membrane_itself_can_be_had_on_the_proxy(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["429-membrane"]) as server, client() as pool:
        proxied = pool.request("GET", f"{server.url}{PROXY}/v2/users", headers=BEARER)
        assert (proxied.status, proxied.json()["key"]) == (429, "rate_limit_exceeded")


def test_429_of_fullstory_behind_membrane_fails_an_action_and_passes_the_proxy(
    tmp_path: Path,
) -> None:
    with running_sandbox(tmp_path, faults=["429-fullstory"], seed=False) as server:
        with client() as pool:
            acted = pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
            proxied = pool.request("GET", f"{server.url}{PROXY}/v2/users", headers=BEARER)
        document = acted.json()
        assert (document["type"], document["key"]) == ("connection", "rate_limit_exceeded")
        assert document["data"]["response"]["status"] == 429
        assert document["data"]["response"]["headers"]["retry-after"] == "1"
        assert document["actionRunId"]
        assert (proxied.status, proxied.json()["code"]) == (429, "too_many_requests")
        assert proxied.headers["Retry-After"] == "1"
        assert annotations_made(server) == 0


def test_500_and_502_are_answers_and_nothing_was_done(tmp_path: Path) -> None:
    faults = ["500:x1", "502-html:x1"]
    with running_sandbox(tmp_path, faults=faults, seed=False) as server, client() as pool:
        failed = pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
        gateway = pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
        assert (failed.status, failed.json()["type"]) == (500, "internal")
        assert failed.json()["data"]["errorId"]
        assert (gateway.status, gateway.headers["Content-Type"]) == (502, "text/html")
        assert gateway.data.startswith(b"<html>")
        assert annotations_made(server) == 0


def test_500_of_fullstory_is_in_its_own_words(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["500"], seed=False) as server, client() as pool:
        for target, headers in (("/v2/users", BASIC), (f"{PROXY}/v2/users", BEARER)):
            failed = pool.request("GET", server.url + target, headers=headers)
            assert (failed.status, failed.json()["code"]) == (500, "server_error")


def test_reset_comes_before_the_body_is_read_and_nothing_was_done(tmp_path: Path) -> None:
    body = json.dumps(ANNOTATE)
    head = f"POST /act HTTP/1.1\r\nAuthorization: Bearer any\r\nContent-Length: {len(body)}\r\n\r\n"
    with running_sandbox(tmp_path, faults=["reset:x1"], seed=False) as server, client() as pool:
        with pytest.raises(ConnectionResetError):  # not merely closed
            raw(server.url, (head + body).encode())  # at once, or the sending could fail first
        assert (server.requests[0].body, server.requests[0].status) == (None, None)
        assert annotations_made(server) == 0
        again = pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
        assert again.status == 200


def test_reset_after_comes_when_it_has_taken_effect(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["reset-after"], seed=False) as server, client() as pool:
        with pytest.raises(ProtocolError) as reset:
            pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
        assert type(reset.value.args[1]) is ConnectionResetError  # not merely closed
        assert [request.status for request in server.requests] == [None]
        assert annotations_made(server) == 1


def test_hang_never_answers_and_nothing_was_done(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["hang"], seed=False) as server, client() as pool:
        with pytest.raises(ReadTimeoutError):
            pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER, timeout=0.1)
        assert [request.status for request in server.requests] == [None]
        assert annotations_made(server) == 0


def test_truncate_stops_half_way_when_it_has_taken_effect(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["truncate"], seed=False) as server, client() as pool:
        with pytest.raises(ProtocolError) as cut:
            pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
        assert "IncompleteRead" in str(cut.value)
        assert annotations_made(server) == 1


def test_empty_is_a_200_without_a_body_when_it_has_taken_effect(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["empty"], seed=False) as server, client() as pool:
        answer = pool.request("POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER)
        assert (answer.status, answer.data) == (200, b"")
        assert annotations_made(server) == 1


def test_redirect_leads_to_another_origin_and_nothing_was_done(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["redirect"], seed=False) as server, client() as pool:
        answer = pool.request(
            "POST", f"{server.url}/act", json=ANNOTATE, headers=BEARER, redirect=False
        )
        assert answer.status == 302
        assert not answer.headers["Location"].startswith(server.url)
        assert annotations_made(server) == 0


# --- traps


@pytest.mark.parametrize(
    "dots",
    [
        "..",
        "%2e%2e",
        "%2E.",
        ".%2e",
        "%252e%252e",
        "%25252e%25252e",
        "..%2f..",
        "..%5c..",
        "..\\..",
    ],
)
def test_a_path_that_climbs_out_reaches_another_connection_and_is_recorded(
    tmp_path: Path, dots: str
) -> None:
    other = "6920c5a1d3f4e5b6a7c8d902"
    seeds = (ConnectionSeed(), ConnectionSeed(id=other, name="Somebody else's", good_key=False))
    up = dots if "\\" in dots or "%2f" in dots or "%5c" in dots else f"{dots}/{dots}"
    path = f"{PROXY}/{up}/{other}/proxy/v2/users"
    with running_sandbox(
        tmp_path, seed=False, options=MembraneOptions(connections=seeds)
    ) as server:
        answer = raw(
            server.url,
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n"
            "Connection: close\r\n\r\n".encode(),
        )
        assert answer.startswith(b"HTTP/1.1 401 ")  # the other connection's key is a bad one
        (escape,) = server.membrane.escapes
        assert (escape.asked, escape.reached) == (path, f"/connections/{other}/proxy/v2/users")


def test_ordinary_paths_are_no_escapes(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server, client() as pool:
        for rest in ("/v2/sessions/1%3A2/events", "/v2/users/a%2Fb", "/v2/users/..a", "/v2//users"):
            pool.request("GET", f"{server.url}{PROXY}{rest}", headers=BEARER)
        assert server.membrane.escapes == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/v2/users",
        "https:/evil.test/v2/users",
        "https%3A%2F%2Fevil.test%2Fv2%2Fusers",
        "https://evil.test@api.fullstory.com/v2/users",
        "https://api.fullstory.com:8443/v2/users",
        "https://api.fullstory.com.evil.test/v2/users",
    ],
)
def test_a_full_url_of_a_foreign_host_is_caught_and_recorded(tmp_path: Path, url: str) -> None:
    with running_sandbox(tmp_path, seed=False) as server, direct(server) as connection:
        connection.request("GET", f"{PROXY}/{url}", headers=BEARER)
        answer = connection.getresponse()
        assert (answer.status, read(answer)["type"]) == (400, "bad_request")
        (escape,) = server.membrane.escapes
        assert escape.reached not in ("api.fullstory.com", "api.eu1.fullstory.com")


@pytest.mark.parametrize(
    "url", ["https://api.fullstory.com/v2/users", "https%3A%2F%2Fapi.eu1.fullstory.com/v2/users"]
)
def test_a_full_url_of_fullstory_is_served(tmp_path: Path, url: str) -> None:
    with running_sandbox(tmp_path, seed=False) as server, direct(server) as connection:
        connection.request("GET", f"{PROXY}/{url}?uid=nobody", headers=BEARER)
        assert read(connection.getresponse())["results"] == []
        assert server.membrane.escapes == []


# --- a process of its own


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_serve_prints_its_url_first_and_ends_cleanly_on_a_signal(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    with sandbox_process(tmp_path, faults=["hang@/self"]) as process:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", process.url)
        with client() as pool, pytest.raises(ReadTimeoutError):
            pool.request("GET", f"{process.url}/self", headers=BEARER, timeout=0.1)
        raw(process.url, b"GET /red\x1b[31m HTTP/1.0\r\n\r\n")
        assert process.end(number) == status
        assert process.conversation() == ["GET /self -", r"GET /red\x1b[31m 401"]
        assert process.process.stdout is not None
        assert process.process.stdout.read() == ""


def refused(tmp_path: Path, **options: Any) -> Usage:
    faults: Sequence[str] = options.pop("faults", ())
    with pytest.raises(Usage) as error:
        serve(tmp_path / "s.sqlite3", faults=faults, out=StringIO(), err=StringIO(), **options)
    return error.value


def test_serve_refuses_a_name_that_is_not_this_machine_alone(tmp_path: Path) -> None:
    error = refused(tmp_path, host="no-such-host.invalid")
    assert "no-such-host.invalid" in error.message
    assert "0.0.0.0" in str(error.hint)


def test_serve_refuses_a_name_that_is_also_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(*args: Any, **more: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, 0)) for address in ("127.0.0.1", "192.0.2.7")]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    assert "both.test" in refused(tmp_path, host="both.test").message


def test_serve_refuses_a_port_in_use_and_a_port_that_is_none(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server:
        taken = refused(tmp_path, port=int(server.url.rsplit(":", 1)[1]))
        assert "--port" in str(taken.hint)
    assert "99999" in refused(tmp_path, port=99_999).message


def test_serve_refuses_a_fault_that_is_none_before_it_opens_anything(tmp_path: Path) -> None:
    assert "explode" in refused(tmp_path, faults=["explode"]).message
    assert list(tmp_path.iterdir()) == []


class Interrupting(StringIO):
    """A stdout that interrupts the process as soon as the URL is out."""

    def flush(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_serve_warns_where_others_may_come_in_and_leaves_the_handlers_as_they_were(
    tmp_path: Path,
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    out, err = Interrupting(), StringIO()
    assert serve(tmp_path / "s.sqlite3", host="0.0.0.0", out=out, err=err) is signal.SIGINT
    assert re.fullmatch(r"http://0\.0\.0\.0:\d+\n", out.getvalue())
    assert err.getvalue().startswith("warning: the sandbox listens on 0.0.0.0")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize(
    ("host", "url"), [("localhost", r"http://127\.0\.0\.1:\d+\n"), ("::1", r"http://\[::1\]:\d+\n")]
)
def test_serve_takes_this_machine_by_any_of_its_names(tmp_path: Path, host: str, url: str) -> None:
    if host == "::1" and not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    out, err = Interrupting(), StringIO()
    serve(tmp_path / "s.sqlite3", host=host, out=out, err=err)
    assert re.fullmatch(url, out.getvalue())
    assert err.getvalue() == ""
