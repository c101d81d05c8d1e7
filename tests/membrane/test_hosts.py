"""Where credentials may go: an allow-list that no spelling gets around."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fsctl.errors import ExitCode, NeedsPerson
from fsctl.membrane.hosts import check_api_url, is_loopback, parse_api_url

SOURCE = "MEMBRANE_API_URL"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://api.getmembrane.com", "https://api.getmembrane.com"),
        ("https://api.getmembrane.com/", "https://api.getmembrane.com"),
        ("HTTPS://API.GetMembrane.COM:443/", "https://api.getmembrane.com"),
        ("https://getmembrane.com.", "https://getmembrane.com"),
        ("https://api.integration.app", "https://api.integration.app"),
        ("https://integration.app/v1/", "https://integration.app/v1"),
        ("  https://api.getmembrane.com\n", "https://api.getmembrane.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.255.255.254", "http://127.255.255.254"),
        ("http://localhost:9/base/", "http://localhost:9/base"),
        ("https://localhost:8443", "https://localhost:8443"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
    ],
)
def test_membranes_hosts_and_loopback_are_allowed_and_normalised(url: str, normal: str) -> None:
    assert check_api_url(url, source=SOURCE) == normal


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test",
        "https://getmembrane.com.evil.test",
        "https://evilgetmembrane.com",
        "https://getmembrane.com.evil",
        "https://api-getmembrane.com",
        "https://integration.app.evil.test/getmembrane.com",
        "https://evil.test/.getmembrane.com",
        "https://localhost.evil.test",
        "http://127.evil.test",
        "http://127.0.0.1.evil.test",
        "https://xn--getmembrane-x.com",
        "https://10.0.0.1",
        "https://0.0.0.0",
        "https://[::ffff:127.0.0.1]",
        "https://[fe80::1]",
        "https://128.0.0.1",
        # TLS always, and its usual port
        "http://api.getmembrane.com",
        "http://evil.test",
        "http://128.0.0.1",
        "http://0.0.0.0:80",
        "https://api.getmembrane.com:8443",
        "https://api.getmembrane.com:80",
        # numbers for addresses
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://0x7f000001",
        "http://0177.0.0.1",
        "http://127.0.0.01",
        "http://127.0.0.256",
        "http://127.0.0.1.",
        # what two parsers could read in two ways
        "https://getmembrane.com@evil.test",
        "https://user:password@api.getmembrane.com",
        r"https://getmembrane.com\@evil.test",
        r"https://evil.test\.getmembrane.com",
        "https://api.getmembrane.com?x=1",
        "https://api.getmembrane.com#x",
        "https://api.getmembrane.com/a?b",
        "https://evil.test%2egetmembrane.com",
        "https://evil.test%00.getmembrane.com",
        "https://evil.test .getmembrane.com",
        "https://evil.test\n.getmembrane.com",
        "https://evil.test\t.getmembrane.com",
        "https://getmembrane\u3002com",
        "https://\uff47etmembrane.com",
        "https://getmembrane.com\uff0fevil.test",
        "https://api.getmembrane.com..",
        "https://.getmembrane.com",
        "https://api..getmembrane.com",
        "https://-.getmembrane.com",
        # not a base URL at all
        "",
        "api.getmembrane.com",
        "//api.getmembrane.com",
        "https:/api.getmembrane.com",
        "https:api.getmembrane.com",
        "https:///api.getmembrane.com",
        "ftp://api.getmembrane.com",
        "file:///etc/passwd",
        "https://",
        "https://[::1",
        "https://[::1]x",
        "https://localhost:",
        "https://localhost:0",
        "https://localhost:65536",
        "https://localhost:443x",
        "https://localhost:+443",
        # paths that could climb
        "http://localhost/..",
        "http://localhost/a/%2e%2e/b",
        "http://localhost//evil.test",
        "http://localhost/a b",
        "http://localhost/%zz",
    ],
)
def test_every_other_address_needs_a_person(url: str) -> None:
    with pytest.raises(NeedsPerson) as caught:
        check_api_url(url, source=SOURCE)
    assert caught.value.exit_code == ExitCode.NEEDS_PERSON
    assert SOURCE in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://ada@getmembrane.com", "a user name"),
        ("https://getmembrane.com/?x", "a query or a fragment"),
        (r"https://getmembrane.com\evil.test", "a backslash"),
        ("https://getmembrane\u3002com", "outside ASCII"),
        ("getmembrane.com", "it is not https://"),
        ("https://2130706433", "neither a name nor a dotted address"),
        ("https://localhost:70000", "port is out of range"),
        ("https://localhost/a/../b", "dot segments"),
        ("https://evil.test", "names evil.test"),
        ("http://getmembrane.com", "without TLS"),
        ("https://getmembrane.com:8443", "port 8443"),
    ],
)
def test_the_error_says_what_is_wrong(url: str, words: str) -> None:
    with pytest.raises(NeedsPerson) as caught:
        check_api_url(url, source=SOURCE)
    assert words in caught.value.message


def test_the_error_never_repeats_userinfo() -> None:
    for url in (
        "https://ada:hunter22@api.getmembrane.com",
        "https://ada:hunter22@evil.test",
        r"https://ada:hunter22\@evil.test",
        "http://hunter22@localhost/?hunter22#hunter22",
    ):
        with pytest.raises(NeedsPerson) as caught:
            check_api_url(url, source="profile work")
        assert "hunter22" not in f"{caught.value.message} {caught.value.hint}"
        assert "profile work" in caught.value.message


def test_an_allowed_host_may_have_any_port_and_an_entry_with_a_port_only_that_one() -> None:
    assert check_api_url("https://m.corp.test:8443", source=SOURCE, allowed_hosts=["m.corp.test"])
    entries = ["M.Corp.TEST.:8443", "[::2]:99"]
    url = "https://m.corp.test:8443"
    assert check_api_url(f"{url}/x/", source=SOURCE, allowed_hosts=entries) == f"{url}/x"
    assert check_api_url("https://[::2]:99", source=SOURCE, allowed_hosts=entries)
    for refused in ("https://m.corp.test", "https://[::2]", "https://a.m.corp.test:8443"):
        with pytest.raises(NeedsPerson):
            check_api_url(refused, source=SOURCE, allowed_hosts=entries)


@pytest.mark.parametrize(
    "entry", ["", ".", "*", "corp.test", "https://m.corp.test", "m.corp.test/"]
)
def test_a_strange_entry_allows_nothing(entry: str) -> None:
    with pytest.raises(NeedsPerson):
        check_api_url("https://m.corp.test", source=SOURCE, allowed_hosts=[entry])


def test_an_allowed_host_still_has_to_use_tls() -> None:
    with pytest.raises(NeedsPerson, match="TLS"):
        check_api_url("http://m.corp.test", source=SOURCE, allowed_hosts=["m.corp.test"])


@given(st.text(alphabet="htps:/.@\\[]0123456789abcgetmmbrn%?#\u3002\uff0e \n\x00-", max_size=60))
@example("https://getmembrane.com")
def test_what_passes_is_read_the_same_by_another_parser(url: str) -> None:
    for candidate in (url, f"https://{url}", f"https://{url}.getmembrane.com", f"http://{url}"):
        try:
            passed = check_api_url(candidate, source=SOURCE)
        except NeedsPerson:
            continue
        parts = urlsplit(passed)
        host = parts.hostname or ""
        assert parts.username is None and parts.password is None
        assert not parts.query and not parts.fragment
        assert (
            host in ("getmembrane.com", "localhost", "::1")
            or host.endswith((".getmembrane.com", ".integration.app"))
            or host.startswith("127.")
        )
        assert parts.scheme == "https" or is_loopback(host)
        assert urlsplit(candidate.strip()).hostname in (host, f"{host}.", "0:0:0:0:0:0:0:1")
        assert check_api_url(passed, source=SOURCE) == passed


def test_an_address_knows_its_parts() -> None:
    address = parse_api_url("https://[0:0:0:0:0:0:0:1]:8443/base/", source=SOURCE)
    assert (address.scheme, address.host, address.port) == ("https", "0:0:0:0:0:0:0:1", 8443)
    assert address.url == "https://[0:0:0:0:0:0:0:1]:8443/base"
