"""Which proxy a variable names, and which hosts it is not for."""

from __future__ import annotations

import base64

import pytest

from fsctl.errors import Usage
from fsctl.membrane.proxies import find_proxy

HOST = "api.getmembrane.com"


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        ({"https_proxy": "p:3128/"}, "http://p:3128"),
        ({"HTTPS_PROXY": "https://P.corp"}, "https://p.corp:443"),
        ({"HTTPS_PROXY": "http://[::2]:8080"}, "http://[::2]:8080"),
        ({"HTTPS_PROXY": "http://p"}, "http://p:80"),
        ({"ALL_PROXY": "http://a:1"}, "http://a:1"),
        ({"all_proxy": "http://a:1", "HTTPS_PROXY": "http://p:2"}, "http://p:2"),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:2"}, "http://low:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://up:2", "ALL_PROXY": "http://a:1"}, None),
        ({"HTTP_PROXY": "http://p:1", "http_proxy": "http://p:1"}, None),
    ],
)
def test_the_first_variable_decides(environ: dict[str, str], url: str | None) -> None:
    proxy = find_proxy(HOST, 443, environ)
    assert (proxy.url if proxy else None) == url


@pytest.mark.parametrize(
    "entries",
    [
        "*",
        HOST,
        "getmembrane.com",
        ".getmembrane.com",
        "*.getmembrane.com",
        "GETMEMBRANE.COM",
        f"{HOST}:443",
        "a, b ,getmembrane.com",
        "a b getmembrane.com.",
    ],
)
def test_no_proxy_covers_a_host_and_what_is_below_it(entries: str) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert find_proxy(HOST, 443, {"HTTPS_PROXY": "http://p:1", name: entries}) is None


@pytest.mark.parametrize(
    "entries",
    ["", ",", ".", "membrane.com", "pi.getmembrane.com", f"{HOST}:8443", f"x{HOST}", "10.0.0.0/8"],
)
def test_no_proxy_covers_nothing_else(entries: str) -> None:
    assert find_proxy(HOST, 443, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": entries})


def test_no_proxy_knows_networks() -> None:
    environ = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8, fd00::/8 , bad/99"}
    assert find_proxy("10.1.2.3", 443, environ) is None
    assert find_proxy("fd00::1", 443, environ) is None
    assert find_proxy("11.1.2.3", 443, environ)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_loopback_is_never_proxied(host: str) -> None:
    assert find_proxy(host, 443, {"HTTPS_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}) is None


def test_userinfo_becomes_a_header_and_is_never_shown() -> None:
    proxy = find_proxy(HOST, 443, {"HTTPS_PROXY": "http://ada:p%40ss%C3%A9@p:3128"})
    assert proxy is not None and proxy.authorization is not None
    kind, encoded = proxy.authorization.split()
    assert (kind, base64.b64decode(encoded).decode()) == ("Basic", "ada:p@ss\u00e9")
    for text in (repr(proxy), str(proxy), proxy.url, proxy.host):
        assert "ada" not in text and encoded not in text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks5://ada:hunter22@p:1080", "SOCKS"),
        ("SOCKS5h://p", "SOCKS"),
        ("ftp://ada:hunter22@p", "not an http"),
        ("http://ada:hunter22@", "names no host"),
        ("http://ada:hunter22@p:port", "cannot be read"),
        ("http://ada:hunter22@p:99999", "cannot be read"),
        ("http://ada:12/hunter22@p:1", "user name or password"),
        ("http://ada:12#hunter22@p:1", "user name or password"),
        ("http://ada:12?hunter22@p:1", "user name or password"),
        ("http://ada:hunter22@p q:1", "names no host"),
        ("http://[::1", "cannot be read"),
    ],
)
def test_an_unusable_value_names_its_variable_and_not_itself(value: str, words: str) -> None:
    with pytest.raises(Usage) as caught:
        find_proxy(HOST, 443, {"HTTPS_PROXY": value})
    assert "HTTPS_PROXY" in caught.value.message
    assert words in caught.value.message
    assert "hunter22" not in f"{caught.value.message} {caught.value.hint}"
