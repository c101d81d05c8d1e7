"""Where credentials may go: foreign hosts, redirects and proxies never see them (DESIGN §2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import SECRET, SYSTEM_PATH, membrane_environment, online
from tests.support.program import Program
from tests.support.scripted_server import (
    ConnectProxy,
    answer,
    connect_proxy,
    free_port,
    scripted,
)

LIST = ("users", "list", "--limit", "1", "--retries", "0")
CREATE = ("annotations", "create", "x", "--retries", "0")


@pytest.fixture
def net() -> Iterator[ConnectProxy]:
    """What stands between fsctl and every host that is not loopback; it lets nothing through."""
    with connect_proxy(free_port(), refuse=403) as proxy:
        yield proxy


def client(home: Path, net: ConnectProxy, **env: str) -> Program:
    """fsctl in this process: it is run many times here."""
    own = {"HTTPS_PROXY": f"http://127.0.0.1:{net.port}", "PATH": SYSTEM_PATH}
    return Program(home, {**own, "MEMBRANE_TOKEN": SECRET, **env})


def profile(home: Path, *lines: str) -> None:
    directory = home / "config"
    directory.mkdir(exist_ok=True)
    text = "\n".join(['active = "work"', "[profiles.work]", *lines, ""])
    (directory / "config.toml").write_text(text)


FOREIGN = [
    "https://evil.test",
    "https://getmembrane.com.evil.test",
    "https://evilgetmembrane.com",
    "https://api.getmembrane.com@evil.test",
    "https://user:hunter2@api.getmembrane.com",
    "https://evil.test\\@api.getmembrane.com",
    "https://evil.test/#.getmembrane.com",
    "https://api.getmembrane.com:8443",
    "http://api.getmembrane.com",
    "http://127.0.0.1.evil.test",
    "http://2130706433",
    "http://127.1",
    "http://0x7f.1",
    "http://0.0.0.0",
    "http://10.0.0.1",
    "https://169.254.169.254",
    "https://api.getmembrane.\u0441om",  # a Cyrillic letter
    "ftp://api.getmembrane.com",
    "api.getmembrane.com",
    "https://api.getmembrane.com/../x",
    "https://api.getmembrane.com/?x=",
]


@pytest.mark.parametrize("address", FOREIGN)
@pytest.mark.parametrize("variable", ["MEMBRANE_API_URL", "MEMBRANE_API_URI"])
def test_a_foreign_address_in_the_environment_gets_nothing(
    variable: str, address: str, tmp_path: Path, net: ConnectProxy
) -> None:
    done = client(tmp_path, net, **{variable: address})(*CREATE)
    assert done.code == 4, done.show
    assert variable in done.err
    assert net.requests == []
    assert "hunter2" not in done.show
    assert SECRET not in done.show


@pytest.mark.parametrize("address", FOREIGN[:6])
def test_a_foreign_address_in_the_profile_gets_nothing(
    address: str, tmp_path: Path, net: ConnectProxy
) -> None:
    profile(tmp_path, f"api_url = '{address}'")
    done = client(tmp_path, net)(*CREATE)
    assert done.code == 4, done.show
    assert "profile work" in done.err
    assert net.requests == []
    assert "hunter2" not in done.show


@pytest.mark.parametrize("address", FOREIGN[:6])
def test_the_membrane_binary_is_not_run_for_a_foreign_address(address: str, tmp_path: Path) -> None:
    fake = FakeMembrane(answers={"connection list": []})
    program = Program(tmp_path, membrane_environment(fake, tmp_path, address))
    for transport in ("auto", "cli"):
        done = program(*CREATE, "--transport", transport)
        assert done.code == 4, done.show
        assert "MEMBRANE_API_URL" in done.err
        assert fake.asked == [], "only its help may be read"
        assert "hunter2" not in done.show


def test_both_variables_reach_the_membrane_binary_as_the_one_that_was_checked(
    tmp_path: Path,
) -> None:
    """fsctl reads MEMBRANE_API_URL first; the binary may read the other one."""
    with online(tmp_path) as road:
        for number, without in enumerate(([], ["token"])):
            fake = FakeMembrane(without=without)
            home = tmp_path / str(number)
            program = Program(home, membrane_environment(fake, home, road.server.url))
            done = program(*LIST, env={"MEMBRANE_API_URI": "https://evil.test"})
            assert done.code == 0, done.show
            for call in fake.calls:
                if "--help" not in call.argv:
                    assert call.api_urls == [road.server.url] * 2


def test_a_host_of_the_users_own_choice_is_let_through(tmp_path: Path, net: ConnectProxy) -> None:
    env = {"MEMBRANE_API_URL": "https://membrane.corp.test"}
    done = client(tmp_path, net, **env)(*LIST, "--api-host", "membrane.corp.test")
    assert done.code == 5, done.show  # it goes as far as the network lets it
    assert [str(seen) for seen in net.requests] == ["CONNECT membrane.corp.test:443"]
    assert all(SECRET not in str(seen.headers) for seen in net.requests)

    del net.requests[:]
    profile(tmp_path, "allowed_hosts = ['membrane.corp.test']")
    assert client(tmp_path, net, **env)(*LIST).code == 5
    assert len(net.requests) == 1


def test_no_variable_can_allow_a_host(tmp_path: Path, net: ConnectProxy) -> None:
    for name in ("FSCTL_API_HOST", "FSCTL_ALLOWED_HOSTS", "FSCTL_API_URL", "FSCTL_HOSTS"):
        env = {"MEMBRANE_API_URL": "https://evil.test", name: "evil.test"}
        done = client(tmp_path, net, **env)(*LIST)
        assert done.code == 4, done.show
    assert net.requests == []


def test_an_allowed_host_still_has_to_speak_tls(tmp_path: Path, net: ConnectProxy) -> None:
    env = {
        "MEMBRANE_API_URL": "http://membrane.corp.test",
        "HTTP_PROXY": f"http://127.0.0.1:{net.port}",
    }
    done = client(tmp_path, net, **env)(*LIST, "--api-host", "membrane.corp.test")
    assert done.code == 4, done.show
    assert "only travel encrypted" in done.err
    assert net.requests == []


def test_a_proxys_own_password_is_never_printed(tmp_path: Path) -> None:
    proxy = f"http://user:hunter2@127.0.0.1:{free_port()}"
    fsctl = Fsctl(tmp_path, {"MEMBRANE_TOKEN": SECRET, "HTTPS_PROXY": proxy, "PATH": SYSTEM_PATH})
    done = fsctl(*LIST, "--debug", "-o", "json")
    assert done.code == 5, done.show
    assert "HTTPS_PROXY" in done.err
    assert "hunter2" not in done.show


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "command",
    [
        ("users", "list", "--via", "proxy"),
        ("annotations", "create", "x", "--via", "proxy"),
        ("raw", "request", "/v2/users", "-i"),
        ("raw", "request", "-X", "DELETE", "/v2/users/1"),
    ],
    ids=["list", "annotation", "raw-get", "raw-delete"],
)
def test_no_redirect_is_followed(status: int, command: tuple[str, ...], tmp_path: Path) -> None:
    with scripted() as target:
        redirect = answer(status, b"", ("Location", f"{target.url}/stolen"))
        with scripted(redirect) as server:
            env = {"MEMBRANE_API_URL": server.url, "MEMBRANE_TOKEN": SECRET, "PATH": SYSTEM_PATH}
            known = ("--connection", "6920c5a1d3f4e5b6a7c8d901", "--retries", "0")
            done = Program(tmp_path, env)(*command, *known)
    writes = "create" in command or "DELETE" in command
    # "See other" answers a write that was done; every other redirect says that it was not.
    assert done.code == (7 if writes and status == 303 else 1), done.show
    assert "follows no redirect with credentials" in done.err
    assert target.requests == []
    assert target.connections == 0


def test_a_redirect_of_membranes_own_routes_is_not_followed_either(tmp_path: Path) -> None:
    with scripted() as target:
        redirect = answer(307, b"", ("Location", target.url))
        with scripted(redirect) as server:
            env = {"MEMBRANE_API_URL": server.url, "MEMBRANE_TOKEN": SECRET, "PATH": SYSTEM_PATH}
            done = Program(tmp_path, env)(*CREATE)
    assert done.code == 1, done.show
    assert target.connections == 0
