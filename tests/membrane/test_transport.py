"""Faults of the network, each made for real: their names, and what became of the request."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fsctl.errors import Usage
from fsctl.membrane import payload, transport
from fsctl.membrane.gateway import Action, ActionResult, Deadline, Fate, Origin, Request, Trouble
from fsctl.membrane.http import HttpGateway
from tests.support.certificates import Authority, make_authority
from tests.support.gateways import TOKEN, failure_of, http_gateway
from tests.support.scripted_server import (
    CLOSE_AFTER_READING,
    HANG,
    RESET_AFTER_READING,
    RESET_UNREAD,
    Step,
    answer,
    connect_proxy,
    free_port,
    raw,
    scripted,
)

ANNOTATE = Action(id="a1", name="Create annotation", key="create-annotation")
DONE = answer(200, {"output": {"id": "1"}, "actionRunId": "r1"})
HOST = "api.getmembrane.com"


def write(gateway: HttpGateway, deadline: Deadline | None = None) -> ActionResult:
    return gateway.run_action("c1", ANNOTATE, {"text": "x"}, deadline=deadline or Deadline())


# What was sent and what was not


@pytest.mark.parametrize(
    ("step", "code", "trouble"),
    [
        (RESET_UNREAD, "reset", Trouble.UNAVAILABLE),
        (RESET_AFTER_READING, "reset", Trouble.UNAVAILABLE),
        (CLOSE_AFTER_READING, "reset", Trouble.UNAVAILABLE),
        (HANG, "timeout", Trouble.UNAVAILABLE),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Le", end="hang"), "timeout", Trouble.UNAVAILABLE),
        (
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", end="hang"),
            "timeout",
            Trouble.UNAVAILABLE,
        ),
        (
            raw(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"ou'),
            "truncated",
            Trouble.UNREADABLE,
        ),
        (
            raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"ou'),
            "truncated",
            Trouble.UNREADABLE,
        ),
        (
            raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", end="reset"),
            "truncated",
            Trouble.UNREADABLE,
        ),
        (raw(b'HTTP/1.0 200 OK\r\n\r\n{"output": 1'), "unreadable", Trouble.UNREADABLE),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "not_http", Trouble.UNREADABLE),
        (answer(200, b""), "empty", Trouble.UNREADABLE),
        (answer(204, b""), "empty", Trouble.UNREADABLE),
        (answer(200, b"<html>Sign in</html>"), "unreadable", Trouble.UNREADABLE),
        (answer(200, b"\xff\xfe"), "unreadable", Trouble.UNREADABLE),
        (answer(200, b"[" * 100_000), "unreadable", Trouble.UNREADABLE),
        (answer(502, b"<html>Bad gateway</html>"), "http_502", Trouble.UNAVAILABLE),
        (answer(500, {"message": "?"}), "http_500", Trouble.UNAVAILABLE),
        (answer(503, b""), "http_503", Trouble.UNAVAILABLE),
        (answer(408, b""), "http_408", Trouble.UNAVAILABLE),
    ],
)
def test_after_the_first_byte_left_the_outcome_is_unknown(
    step: Step, code: str, trouble: Trouble
) -> None:
    with scripted(step) as server:
        gateway = http_gateway(server.url, read_timeout=0.3 if step.end == "hang" else 20)
        error = failure_of(lambda: write(gateway))
    assert (error.code, error.trouble, error.fate) == (code, trouble, Fate.UNKNOWN)
    assert server.connections == 1
    assert error.hint


def test_a_refused_connection_was_not_sent() -> None:
    error = failure_of(lambda: write(http_gateway(f"http://127.0.0.1:{free_port()}")))
    assert (error.code, error.fate, error.trouble) == (
        "connect",
        Fate.NOT_SENT,
        Trouble.UNAVAILABLE,
    )
    assert "Connection refused" in error.message


def test_a_name_that_does_not_exist_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure_of(lambda: write(http_gateway("https://no-such-host.invalid")))
    assert (error.code, error.fate) == ("dns", Fate.NOT_SENT)
    assert "no-such-host.invalid" in error.message


def test_a_handshake_that_nobody_answers_times_out_unsent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        error = failure_of(lambda: write(http_gateway(url, connect_timeout=0.2, read_timeout=5)))
    assert (error.code, error.fate) == ("connect_timeout", Fate.NOT_SENT)


def test_a_passed_deadline_sends_nothing() -> None:
    clock = iter([0.0, 5.0])
    with scripted() as server:
        gateway = http_gateway(server.url)
        deadline = Deadline.after(5.0, lambda: next(clock, 9.0))
        error = failure_of(lambda: write(gateway, deadline))
    assert (error.code, error.fate) == ("deadline", Fate.NOT_SENT)
    assert server.connections == 0


def test_the_deadline_shortens_the_read_timeout() -> None:
    with scripted(HANG) as server:
        gateway = http_gateway(server.url, read_timeout=3600)
        error = failure_of(lambda: write(gateway, Deadline(0.3, lambda: 0.0)))
    assert (error.code, error.fate) == ("timeout", Fate.UNKNOWN)


def test_an_answer_that_comes_after_the_deadline_is_cut_off() -> None:
    now = [0.0]

    def pass_the_deadline() -> None:
        now[0] = 10.0

    late = Step(answer(200, {"output": 1}).response, before=pass_the_deadline)
    with scripted(late) as server:
        deadline = Deadline(5.0, lambda: now[0])
        error = failure_of(lambda: write(http_gateway(server.url), deadline))
    assert (error.code, error.fate) == ("timeout", Fate.UNKNOWN)


def test_a_large_body_may_take_longer_than_a_connection() -> None:
    release = threading.Event()
    body = b"x" * 9_000_000

    def wait() -> None:
        release.wait(10)

    with scripted(Step(answer(200, b"ok").response, before=wait)) as server:
        gateway = http_gateway(server.url, connect_timeout=0.5, read_timeout=20)
        timer = threading.Timer(1.0, release.set)
        timer.start()
        response = gateway.request("c1", Request("POST", "/v2/users/batch", body=body))
    assert response.body == b"ok"
    assert len(server.requests[0].body) == len(body)


def test_a_request_over_membranes_limit_is_not_sent() -> None:
    with scripted() as server:
        gateway = http_gateway(server.url)
        big = Request("POST", "/v2/users/batch", body=b"x" * 10_000_001)
        error = failure_of(lambda: gateway.request("c1", big))
    assert (error.trouble, error.fate) == (Trouble.TOO_LARGE, Fate.NOT_SENT)


# Answers: their size and their compression


def test_compressed_answers_are_read() -> None:
    body = gzip.compress(json.dumps({"output": "x" * 200_000}).encode())
    with scripted(answer(200, body, ("Content-Encoding", "gzip"))) as server:
        assert write(http_gateway(server.url)).output == "x" * 200_000
    assert server.requests[0].header("Accept-Encoding") == "gzip"


def test_a_body_that_was_unpacked_on_the_way_is_read_as_it_is() -> None:
    with scripted(answer(200, {"output": 7}, ("Content-Encoding", "gzip"))) as server:
        assert write(http_gateway(server.url)).output == 7


@pytest.mark.parametrize("cut", [3, 12, -1])
def test_a_cut_or_damaged_gzip_is_unreadable(cut: int) -> None:
    whole = gzip.compress(json.dumps({"output": list(range(1000))}).encode())
    damaged = whole[: len(whole) // 2] + b"\0\0\0\0" + whole[len(whole) // 2 :]
    for body in (whole[:cut], damaged):
        with scripted(answer(200, body, ("Content-Encoding", "gzip"))) as server:
            error = failure_of(lambda url=server.url: write(http_gateway(url)))  # type: ignore[misc]
        assert (error.code, error.fate) == ("truncated", Fate.UNKNOWN)


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_over_the_limit_is_not_read_to_its_end(
    packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fsctl.membrane.transport.MAX_RESPONSE", 1024**2)
    body, headers = b"x" * (1024**2 + 1), list[tuple[str, str]]()
    if packed:
        body, headers = gzip.compress(b"x" * 50 * 1024**2), [("Content-Encoding", "gzip")]
        assert len(body) < 100_000
    with scripted(answer(200, body, *headers)) as server:
        error = failure_of(lambda: write(http_gateway(server.url)))
    assert (error.trouble, error.fate) == (Trouble.TOO_LARGE, Fate.UNKNOWN)


def test_the_limit_is_the_designs() -> None:
    assert vars(transport)["MAX_RESPONSE"] == payload.MAX_RESPONSE == 64 * 1024**2


# Redirects


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    elsewhere = "https://evil.test/steal?token=abcdef"
    with scripted(answer(status, b"", ("Location", elsewhere))) as server:
        error = failure_of(lambda: write(http_gateway(server.url)))
    assert (error.code, error.fate, error.origin) == ("redirect", Fate.REFUSED, Origin.LOCAL)
    assert error.hint is not None and "evil.test" in error.hint and "steal" not in error.hint


def test_a_redirect_of_a_proxied_request_is_not_followed_either() -> None:
    with scripted(answer(302, b"", ("Location", "/self"))) as server:
        gateway = http_gateway(server.url)
        error = failure_of(lambda: gateway.request("c1", Request("DELETE", "/v2/users/1")))
    assert (error.code, error.fate) == ("redirect", Fate.REFUSED)


def test_see_other_after_a_write_may_mean_that_it_was_done() -> None:
    with scripted(answer(303, b"", ("Location", "/done")), answer(303, b"")) as server:
        gateway = http_gateway(server.url)
        assert failure_of(lambda: write(gateway)).fate is Fate.UNKNOWN
        assert failure_of(lambda: gateway.connection("c1")).fate is Fate.REFUSED


@pytest.mark.parametrize("location", ["https://[evil/", "https://e\x1b[31mvil.test/", "", "//"])
def test_a_hostile_location_is_not_repeated(location: str) -> None:
    with scripted(answer(302, b"", ("Location", location))) as server:
        error = failure_of(lambda: write(http_gateway(server.url)))
    assert error.hint is not None and "points elsewhere" in error.hint


# The pool


def test_a_connection_is_kept_and_used_again() -> None:
    with scripted(DONE, DONE, answer(500, b"{}"), DONE) as server:
        gateway = http_gateway(server.url)
        write(gateway)
        write(gateway)
        failure_of(lambda: write(gateway))
        write(gateway)
    assert server.connections == 1


def test_a_kept_connection_that_the_server_closed_is_replaced_before_sending() -> None:
    closing = Step(DONE.response, end="close")
    with scripted(closing, DONE) as server:
        gateway = http_gateway(server.url)
        write(gateway)
        _wait_for_close(gateway)
        write(gateway)
    assert server.connections == 2
    assert len(server.requests) == 2


def _wait_for_close(gateway: HttpGateway) -> None:
    """Until the server's FIN has come; the pool looks for it before it reuses a connection."""
    opened = gateway._api._opened
    assert opened is not None
    pool = opened._pool.connection_from_host("127.0.0.1", opened._address.port, "http").pool
    assert pool is not None
    connection = pool.get()
    connection.sock.settimeout(5)
    assert connection.sock.recv(1, 2) == b""  # MSG_PEEK
    pool.put(connection)


def test_a_broken_connection_is_not_used_again() -> None:
    with scripted(RESET_AFTER_READING, DONE) as server:
        gateway = http_gateway(server.url)
        failure_of(lambda: write(gateway))
        write(gateway)
    assert server.connections == 2


def test_many_threads_share_a_gateway() -> None:
    results: list[object] = []
    with scripted(*[DONE] * 24) as server:
        gateway = http_gateway(server.url)
        threads = [
            threading.Thread(target=lambda: results.extend(write(gateway).output for _ in "123"))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [{"id": "1"}] * 24
    assert server.connections <= 8


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"), HOST)


def test_a_bundle_of_the_environment_is_trusted_through_a_proxy(authority: Authority) -> None:
    with (
        scripted(DONE, DONE, tls=authority.server) as server,
        connect_proxy(server.port) as proxy,
    ):
        environ = {
            "HTTPS_PROXY": f"http://ada:hunter22@127.0.0.1:{proxy.port}",
            "FSCTL_CA_BUNDLE": str(authority.ca),
            "SSL_CERT_FILE": "/nonexistent",
        }
        gateway = http_gateway(f"https://{HOST}", environ=environ)
        write(gateway)
        write(gateway)
        gateway.close()
    assert [str(seen) for seen in proxy.requests] == [f"CONNECT {HOST}:443"]
    assert proxy.requests[0].header("Proxy-Authorization") == "Basic YWRhOmh1bnRlcjIy"
    assert proxy.requests[0].header("Authorization") is None
    assert server.requests[0].header("Proxy-Authorization") is None
    assert server.requests[0].header("Authorization") == f"Bearer {TOKEN}"
    assert server.requests[0].header("Host") == HOST


def test_a_fault_behind_a_proxy_is_unknown_all_the_same(authority: Authority) -> None:
    with (
        scripted(RESET_AFTER_READING, tls=authority.server) as server,
        connect_proxy(server.port) as proxy,
    ):
        environ = {
            "ALL_PROXY": f"http://127.0.0.1:{proxy.port}",
            "SSL_CERT_FILE": str(authority.ca),
        }
        gateway = http_gateway(f"https://{HOST}", environ=environ)
        error = failure_of(lambda: write(gateway))
    assert error.fate is Fate.UNKNOWN


def test_an_untrusted_certificate_is_named_with_the_way_out(authority: Authority) -> None:
    with scripted(tls=authority.server) as server, connect_proxy(server.port) as proxy:
        environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
        error = failure_of(lambda: write(http_gateway(f"https://{HOST}", environ=environ)))
    assert (error.code, error.fate) == ("tls_certificate", Fate.NOT_SENT)
    assert HOST in error.message
    assert error.hint is not None and "FSCTL_CA_BUNDLE" in error.hint


def test_a_certificate_for_another_host_is_refused(authority: Authority) -> None:
    with scripted(tls=authority.server) as server:
        environ = {"FSCTL_CA_BUNDLE": str(authority.ca)}
        error = failure_of(lambda: write(http_gateway(server.url, environ=environ)))
    assert (error.code, error.fate) == ("tls_certificate", Fate.NOT_SENT)


def test_tls_to_a_server_without_it_is_not_sent() -> None:
    with scripted(Step(b"HTTP/1.1 400 Bad Request\r\n\r\n", end="close", read=False)) as server:
        error = failure_of(lambda: write(http_gateway(server.url.replace("http:", "https:"))))
    assert (error.code, error.fate) == ("tls", Fate.NOT_SENT)


def test_a_directory_of_certificates_is_taken_too(authority: Authority) -> None:
    with scripted(tls=authority.server) as server:
        environ = {"FSCTL_CA_BUNDLE": str(authority.ca.parent)}
        error = failure_of(lambda: write(http_gateway(server.url, environ=environ)))
    assert error.code == "tls_certificate"  # not hashed, so not found; but not refused as a setting


@pytest.mark.parametrize("variable", ["FSCTL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_bad_bundle_names_its_variable(variable: str, tmp_path: Path) -> None:
    (tmp_path / "not.pem").write_text("no certificate")
    for name, words in (("missing.pem", "does not exist"), ("not.pem", "no usable CA")):
        gateway = http_gateway(f"https://{HOST}", environ={variable: str(tmp_path / name)})
        with pytest.raises(Usage, match=f"{variable}.*{words}"):
            write(gateway)


# Proxies


@pytest.mark.parametrize(
    ("status", "words", "trouble"),
    [
        (407, "user name and password", Trouble.FORBIDDEN),
        (502, "status 502", Trouble.UNAVAILABLE),
    ],
)
def test_a_proxy_that_refuses_is_named_without_userinfo(
    status: int, words: str, trouble: Trouble
) -> None:
    with connect_proxy(1, refuse=status) as proxy:
        environ = {"HTTPS_PROXY": f"http://ada:hunter22@127.0.0.1:{proxy.port}"}
        gateway = http_gateway(f"https://{HOST}", environ=environ)
        error = failure_of(lambda: write(gateway), secrets=(TOKEN, "hunter22", "YWRhOmh1"))
    assert (error.code, error.fate, error.trouble) == ("proxy", Fate.NOT_SENT, trouble)
    assert words in error.message
    assert f"127.0.0.1:{proxy.port}" in error.message and "HTTPS_PROXY" in error.message


def test_a_proxy_that_is_away_is_named() -> None:
    environ = {"https_proxy": f"http://ada:hunter22@127.0.0.1:{free_port()}"}
    gateway = http_gateway(f"https://{HOST}", environ=environ)
    error = failure_of(lambda: write(gateway), secrets=(TOKEN, "hunter22"))
    assert (error.code, error.fate) == ("proxy", Fate.NOT_SENT)
    assert "could not be reached" in error.message


def test_a_socks_proxy_is_a_usage_error_at_the_first_request() -> None:
    gateway = http_gateway(f"https://{HOST}", environ={"ALL_PROXY": "socks5://127.0.0.1:1"})
    with pytest.raises(Usage, match="SOCKS"):
        write(gateway)


def test_loopback_goes_past_the_proxy() -> None:
    environ = {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "http://127.0.0.1:1"}
    with scripted(DONE) as server:
        write(http_gateway(server.url, environ=environ))


def test_plain_http_is_spoken_to_loopback_only() -> None:
    gateway = http_gateway("http://192.0.2.1")
    with pytest.raises(Usage, match="TLS"):
        write(gateway)


# What is told


def test_a_trace_has_a_line_an_exchange_and_neither_token_nor_query() -> None:
    lines: list[str] = []
    with scripted(DONE, answer(200, b"[]"), RESET_AFTER_READING) as server:
        gateway = http_gateway(server.url, trace=lines.append)
        write(gateway)
        gateway.request("c1", Request("GET", "/v2/users", (("email", "ada@example.com"),)))
        failure_of(lambda: write(gateway))
    shapes = [line.rpartition(", ")[0] for line in lines]
    assert shapes == [
        "POST /act -> 200, 44 bytes",
        "GET /connections/c1/proxy/v2/users -> 200, 2 bytes",
        "POST /act -> reset (unknown)",
    ]
    assert all(line.endswith(" ms") for line in lines)


def test_no_token_reaches_debug_logs_or_representations(
    caplog: pytest.LogCaptureFixture, authority: Authority
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        scripted(DONE, RESET_AFTER_READING, tls=authority.server) as server,
        connect_proxy(server.port) as proxy,
    ):
        environ = {
            "HTTPS_PROXY": f"http://ada:hunter22@127.0.0.1:{proxy.port}",
            "FSCTL_CA_BUNDLE": str(authority.ca),
        }
        gateway = http_gateway(f"https://{HOST}", environ=environ)
        write(gateway)
        failure_of(lambda: write(gateway))
    assert caplog.text  # urllib3 does log
    told = [caplog.text, repr(gateway), repr(gateway._api._opened), repr(gateway._api)]
    for text in told:
        for secret in (TOKEN, "hunter22", "YWRhOmh1bnRlcjIy"):
            assert secret not in text


def test_the_gateway_loads_nothing_heavy_before_its_first_request() -> None:
    code = (
        "import sys, fsctl.membrane.http, fsctl.membrane.tokens\n"
        "print([m for m in ('urllib3', 'ssl', 'truststore', 'jwt', 'msgspec', 'email.utils',"
        " 'subprocess', 'rich') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"


def test_a_loopback_exchange_loads_no_trust_store() -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from fsctl.membrane.http import HttpGateway\n"
        "from fsctl.membrane.tokens import find_token_source\n"
        "tokens = find_token_source({'MEMBRANE_TOKEN': 't'}, None, None, Path('.'), time.time)\n"
        "list(HttpGateway(sys.argv[1], tokens, environ={}).connections())\n"
        "print([m for m in ('truststore', 'jwt', 'msgspec', 'subprocess') if m in sys.modules])"
    )
    with scripted(answer(200, {"items": []})) as server:
        result = subprocess.run(
            [sys.executable, "-c", code, server.url], capture_output=True, text=True, check=True
        )
    assert result.stdout == "[]\n"
