"""Fetching from signed addresses: what is refused, what is connected to, what is said of it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Refused
from fsctl.membrane.gateway import GatewayError, Trouble
from fsctl.membrane.hosts import parse_api_url
from fsctl.membrane.signed import Found, Network, Storage
from fsctl.membrane.signed_address import check_address, is_public
from tests.support.certificates import make_authority
from tests.support.scripted_server import (
    CLOSE_AFTER_READING,
    HANG,
    RESET_AFTER_READING,
    ScriptedServer,
    Step,
    answer,
    connect_proxy,
    raw,
    scripted,
)

HOST = "storage.example.com"
SECRET = "S3cretSignature0123456789"
ADDRESS = f"https://{HOST}/exports/1.gz?X-Goog-Signature={SECRET}&Expires=1"
PUBLIC = "93.184.216.34"


def found(*addresses: str) -> list[Found]:
    return [
        (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443))
        for one in addresses
    ]


class _Far(socket.socket):
    """A socket to this machine that says it is far away."""

    said = PUBLIC

    def getpeername(self) -> Any:
        return self.said, 443


class FakeNetwork:
    """Answers look-ups one after another, and leads every connection to a server of the test."""

    def __init__(self, server: ScriptedServer | None, *answers: Sequence[str]) -> None:
        self.server = server
        self.answers = list(answers)
        self.dialled: list[str] = []
        self.reached: str | None = None  # None: what was dialled

    @property
    def network(self) -> Network:
        return Network(self.resolve, self.dial)

    def resolve(self, _host: str, _port: int) -> list[Found]:
        return found(*self.answers.pop(0))

    def dial(self, one: Found, _timeout: float | None) -> socket.socket:
        self.dialled.append(one[4][0])
        assert self.server is not None, "nothing was to be connected to"
        made = _Far(socket.AF_INET, socket.SOCK_STREAM)
        made.settimeout(5)
        made.connect(("127.0.0.1", self.server.port))
        made.said = self.reached or one[4][0]
        return made


def storage(own: str | None = None, *, read_timeout: float = 5, **more: Any) -> Storage:
    return Storage(
        own=parse_api_url(own, source="the test") if own else None,
        environ=more.pop("environ", {}),
        connect_timeout=2,
        read_timeout=read_timeout,
        user_agent="fsctl/test",
        **more,
    )


def fetched(fetcher: Storage, address: str = ADDRESS) -> list[bytes]:
    return list(fetcher.pieces(address))


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    assert caught.value.code == "address_refused"
    assert SECRET not in f"{caught.value.message}{caught.value.hint}"
    return caught.value.message


# -- the address itself


@pytest.mark.parametrize(
    "address",
    [
        f"http://{HOST}/x?signature={SECRET}",
        f"ftp://{HOST}/x?signature={SECRET}",
        f"file:///etc/passwd?{SECRET}",
        f"//{HOST}/x?{SECRET}",
        f"/x?{SECRET}",
        f"https:///x?{SECRET}",
        f"https://user:{SECRET}@{HOST}/x",
        f"https://{HOST}@169.254.169.254/x",
        f"https://{HOST}\\@evil.example/x",
        f"https://{HOST}:8443/x?{SECRET}",
        f"https://{HOST}:0x1bb/x?{SECRET}",
        f"https://{HOST}:99999/x?{SECRET}",
        "https://10.0.0.1/x",
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[fd00:ec2::254]/x",
        "https://[::ffff:169.254.169.254]/x",
        "https://[fe80::1%25eth0]/x",
        "https://[::1/x",
        "https://0/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://127.1/x",
        "https://localhost/x",
        "https://db.localhost/x",
        "https://metadata.google.internal/x",
        "https://intranet/x",
        "https://stora ge.example.com/x",
        "https://stor\u0430ge.example.com/x",
        "https://storage.example.com/x\r\nHost: evil",
        "https://-storage.example.com/x",
        "https://" + "a" * 20_000,
        "",
    ],
)
def test_an_address_that_is_not_https_to_a_public_name_is_refused(address: str) -> None:
    refusal(lambda: check_address(address))


def test_a_fit_address_is_used_as_it_came() -> None:
    place = check_address(ADDRESS)
    assert (place.scheme, place.host, place.port) == ("https", HOST, 443)
    assert place.url == ADDRESS
    assert check_address(f"HTTPS://Storage.Example.COM.:443/x#{SECRET}").url == f"https://{HOST}/x"


@given(st.text(max_size=80))
def test_whatever_comes_is_an_address_or_refused(text: str) -> None:
    for address in (text, f"https://{text}", f"https://{HOST}/{text}"):
        try:
            place = check_address(address)
        except Refused:
            continue
        assert place.scheme == "https" and place.port == 443 and place.url.isascii()


def test_only_the_own_origin_of_a_loopback_service_may_be_plain() -> None:
    own = parse_api_url("http://127.0.0.1:8080", source="the test")
    assert check_address("http://127.0.0.1:8080/storage/1.gz", own).is_local
    for address in (
        "http://127.0.0.1:9999/x",
        "http://127.0.0.2:8080/x",
        "http://localhost:8080/x",
        "https://127.0.0.1:8080/x",
        "http://10.0.0.1:8080/x",
        f"http://{HOST}:8080/x",
    ):
        refusal(partial(check_address, address, own))
    far = parse_api_url("https://api.getmembrane.com", source="the test")
    refusal(lambda: check_address("https://127.0.0.1/x", far))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.9.9.9", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "2002:a00:1::1",
        "2002:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1",
        "ff02::1", "2001:db8::1", "not an address", "",
    ],
)  # fmt: skip
def test_an_address_of_a_network_of_ones_own_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


# -- what is connected to


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return make_authority(tmp_path_factory.mktemp("ca"), HOST)


def test_a_file_comes_without_any_credential_or_cookie(authority: Any) -> None:
    body = b"x" * 200_000
    told: list[str] = []
    step = replace(answer(200, body, ("Set-Cookie", "a=b")), end="close")
    with scripted(step, step, tls=authority.server) as server:
        far = FakeNetwork(server, [PUBLIC], [PUBLIC])
        environ = {"FSCTL_CA_BUNDLE": str(authority.ca), "MEMBRANE_TOKEN": "pat-s3cret-token"}
        fetcher = storage(environ=environ, network=far.network, trace=told.append)
        for _ in range(2):
            assert b"".join(fetcher.pieces(ADDRESS)) == body
        for seen in server.requests:
            assert str(seen) == f"GET /exports/1.gz?X-Goog-Signature={SECRET}&Expires=1"
            names = {name.lower() for name, _ in seen.headers}
            assert names == {"host", "accept", "accept-encoding", "user-agent"}
    assert far.dialled == [PUBLIC, PUBLIC]
    assert len(told) == 2 and all(HOST in line and "200" in line for line in told)
    assert not any("exports" in line or SECRET in line for line in told)


def test_a_name_that_leads_into_a_network_of_ones_own_is_not_connected_to() -> None:
    for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "::1"):
        far = FakeNetwork(None, [address])
        message = refusal(partial(fetched, storage(network=far.network)))
        assert HOST in message
        assert far.dialled == []


def test_a_name_is_looked_up_once_and_what_it_meant_then_is_connected_to(authority: Any) -> None:
    """DNS rebinding: a second look-up would give an address of the private network."""
    with scripted(answer(200, b"content"), tls=authority.server) as server:
        far = FakeNetwork(server, [PUBLIC], ["169.254.169.254"])
        environ = {"FSCTL_CA_BUNDLE": str(authority.ca)}
        assert list(storage(environ=environ, network=far.network).pieces(ADDRESS)) == [b"content"]
        assert far.dialled == [PUBLIC]
        assert far.answers == [["169.254.169.254"]]  # nobody asked again
        refusal(lambda: list(storage(environ=environ, network=far.network).pieces(ADDRESS)))
    assert far.dialled == [PUBLIC]


def test_of_several_addresses_only_the_public_ones_are_tried(authority: Any) -> None:
    with scripted(answer(200, b"content"), tls=authority.server) as server:
        far = FakeNetwork(server, ["10.0.0.1", PUBLIC, "127.0.0.1"])
        environ = {"FSCTL_CA_BUNDLE": str(authority.ca)}
        assert list(storage(environ=environ, network=far.network).pieces(ADDRESS)) == [b"content"]
    assert far.dialled == [PUBLIC]


def test_a_connection_that_ends_elsewhere_than_it_was_led_carries_nothing(authority: Any) -> None:
    with scripted(tls=authority.server) as server:
        far = FakeNetwork(server, [PUBLIC])
        far.reached = "10.0.0.1"
        refusal(lambda: list(storage(network=far.network).pieces(ADDRESS)))
        assert server.requests == []


def test_a_certificate_of_another_name_or_authority_is_not_accepted(authority: Any) -> None:
    trusting = {"FSCTL_CA_BUNDLE": str(authority.ca)}
    for address, environ in (
        (ADDRESS, dict[str, str]()),
        (f"https://other.example.com/?{SECRET}", trusting),
    ):
        with scripted(tls=authority.server) as server:
            far = FakeNetwork(server, [PUBLIC])
            with pytest.raises(GatewayError) as caught:
                list(storage(network=far.network, environ=environ).pieces(address))
            assert caught.value.code == "tls"
            assert server.requests == []


# -- redirects


@pytest.mark.parametrize(
    "onward",
    [
        "http://storage.example.com/x",
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/x",
        "https://user@storage.example.com/x",
        "https://storage.example.com:8443/x",
        "file:///etc/passwd",
    ],
)
def test_no_redirect_leads_where_an_address_could_not(authority: Any, onward: str) -> None:
    with scripted(answer(302, b"", ("Location", onward)), tls=authority.server) as server:
        far = FakeNetwork(server, [PUBLIC])
        environ = {"FSCTL_CA_BUNDLE": str(authority.ca)}
        refusal(lambda: list(storage(environ=environ, network=far.network).pieces(ADDRESS)))
    assert far.dialled == [PUBLIC]


def test_a_redirect_to_a_name_in_a_private_network_is_not_connected_to(authority: Any) -> None:
    onward = answer(307, b"", ("Location", "https://other.example.com/x"))
    with scripted(onward, tls=authority.server) as server:
        far = FakeNetwork(server, [PUBLIC], ["10.0.0.1"])
        environ = {"FSCTL_CA_BUNDLE": str(authority.ca)}
        refusal(lambda: list(storage(environ=environ, network=far.network).pieces(ADDRESS)))
    assert far.dialled == [PUBLIC]


def test_a_fit_redirect_is_followed_and_not_without_end(authority: Any) -> None:
    environ = {"FSCTL_CA_BUNDLE": str(authority.ca)}
    onward = replace(answer(302, b"", ("Location", "/elsewhere")), end="close")
    with scripted(onward, answer(200, b"content"), tls=authority.server) as server:
        far = FakeNetwork(server, [PUBLIC], [PUBLIC])
        assert list(storage(environ=environ, network=far.network).pieces(ADDRESS)) == [b"content"]
        assert server.sent()[1] == "GET /elsewhere"
    with scripted(*[onward] * 4, tls=authority.server) as server:
        far = FakeNetwork(server, *[[PUBLIC]] * 4)
        with pytest.raises(Refused, match="without end") as caught:
            list(storage(environ=environ, network=far.network).pieces(ADDRESS))
        assert "Nothing was sent" not in str(caught.value.hint)


def test_the_loopback_service_cannot_lead_to_another_port() -> None:
    steps = [answer(302, b"", ("Location", "http://127.0.0.1:1/x"))]
    with scripted(*steps) as server:
        refusal(lambda: list(storage(server.url).pieces(f"{server.url}/x?{SECRET}")))


# -- trouble


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (RESET_AFTER_READING, "reset"),
        (CLOSE_AFTER_READING, "reset"),
        (HANG, "timeout"),
        (raw(b"not http at all\r\n\r\n"), "reset"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "truncated"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", end="reset"), "truncated"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", end="hang"), "timeout"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf"), "truncated"),
        (answer(500, b"no"), "storage"),
        (answer(429, b"no", ("Retry-After", "7")), "storage"),
    ],
)
def test_what_breaks_on_the_way_may_be_tried_again(step: Step, code: str) -> None:
    with scripted(step) as server, pytest.raises(GatewayError) as caught:
        list(storage(server.url, read_timeout=0.3).pieces(f"{server.url}/x?sig={SECRET}"))
    assert caught.value.code == code, caught.value.message
    assert caught.value.trouble is Trouble.UNAVAILABLE
    assert SECRET not in caught.value.message
    assert caught.value.retry_after == (7 if caught.value.status == 429 else None)


def _dripping(seconds_a_read: float, size: int) -> list[bytes]:
    """A file of ``size`` bytes of which a few come with every read, on a clock of the test."""
    clock = count(0.0, seconds_a_read)
    body = b"%d\r\n%s\r\n" % (1, b"x") * size + b"0\r\n\r\n"
    chunked = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
    with scripted(chunked) as server:
        fetcher = storage(server.url, read_timeout=3, monotonic=lambda: next(clock))
        return list(fetcher.pieces(f"{server.url}/x?sig={SECRET}"))


def test_a_storage_that_drips_is_left_after_the_timeout() -> None:
    with pytest.raises(GatewayError, match="next to nothing") as caught:
        _dripping(1.0, 50)
    assert (caught.value.code, caught.value.trouble) == ("timeout", Trouble.UNAVAILABLE)
    assert b"".join(_dripping(1.0, 2)) == b"xx"  # it ends before it is judged
    assert len(_dripping(0.0001, 50)) == 50


def test_a_slow_storage_that_gets_on_is_waited_for() -> None:
    clock = count(0.0, 2.0)
    body = b"x" * 400_000
    with scripted(answer(200, body)) as server:
        fetcher = storage(server.url, read_timeout=3, monotonic=lambda: next(clock))
        assert b"".join(fetcher.pieces(f"{server.url}/x?sig={SECRET}")) == body


def test_an_address_that_the_storage_refuses_is_a_failure_with_its_status() -> None:
    with (
        scripted(answer(403, b"<Error><Code>ExpiredToken</Code></Error>")) as server,
        pytest.raises(GatewayError) as caught,
    ):
        list(storage(server.url).pieces(f"{server.url}/x?sig={SECRET}"))
    assert (caught.value.status, caught.value.trouble) == (403, Trouble.FAILED)


def test_a_name_that_does_not_exist_is_said(tmp_path: Path) -> None:
    def nobody(_host: str, _port: int) -> list[Found]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(GatewayError) as caught:
        list(storage(network=Network(resolve=nobody)).pieces(ADDRESS))
    assert (caught.value.code, caught.value.message) == (
        "dns",
        f"The name {HOST} could not be resolved.",
    )


def test_a_proxy_of_the_environment_is_taken_and_gets_no_address(authority: Any) -> None:
    steps = [answer(200, b"content")]
    with scripted(*steps, tls=authority.server) as server, connect_proxy(server.port) as proxy:
        environ = {
            "FSCTL_CA_BUNDLE": str(authority.ca),
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
        }
        assert list(storage(environ=environ).pieces(ADDRESS)) == [b"content"]
        [asked] = proxy.requests
        assert str(asked) == f"CONNECT {HOST}:443"
        refusal(lambda: list(storage(environ=environ).pieces("https://169.254.169.254/x")))
