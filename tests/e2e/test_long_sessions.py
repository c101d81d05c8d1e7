"""A very long session: all of it is told, and memory stays under ten times its size."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from fsctl.membrane.gateway import Request, Response
from fsctl.membrane.payload import MAX_RESPONSE
from tests.support.command import BINARY, clean_environment
from tests.support.long_session import SESSION, fill
from tests.support.memory import spend
from tests.support.online import online, token_environment
from tests.support.sandbox_server import running_sandbox

EVENTS = 20_000
pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="wait4 counts the memory")


class Long(NamedTuple):
    """One command's environment where the session is long, and one where it is short, by road:
    over loopback to a server, and inside the command's own process."""

    long: dict[str, dict[str, str]]
    short: dict[str, dict[str, str]]
    size: int
    events: int


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Long]:
    home = tmp_path_factory.mktemp("home")
    long, short = home / "long", home / "short"
    fill(long / "sandbox.sqlite3", events=EVENTS)
    short.mkdir()
    with running_sandbox(long) as many, running_sandbox(short) as few:
        large, small = (
            {
                "loopback": clean_environment(home, token_environment(server.url)),
                "inside": clean_environment(
                    home, {"FSCTL_TRANSPORT": "sandbox", "FSCTL_DATA_DIR": str(data)}
                ),
            }
            for server, data in ((many, long), (few, short))
        )
        body = home / "body"
        path = f"/v2/sessions/{SESSION.replace(':', '%3A')}/events"
        spend([str(BINARY), "raw", "request", path], large["loopback"], body)
        events = len(json.loads(body.read_bytes())["events"])
        yield Long(large, small, body.stat().st_size, events)


def lines(text: str) -> int:
    return text.count("\n")


def items(text: str) -> int:
    return len(json.loads(text))


def scrolls(text: str) -> int:
    return len(re.findall(r"\bScrolled\b", text))


def steps(text: str) -> int:
    return len(json.loads(text)["steps"])


@pytest.mark.parametrize(
    ("road", "arguments", "count"),
    [
        ("loopback", "events -o jsonl --via action", lines),
        ("loopback", "events -o json --via proxy", items),
        ("loopback", "timeline -o table --via action", scrolls),
        ("loopback", "timeline -o json --mask --via proxy", steps),
        ("inside", "events -o json --via action", items),
        ("inside", "timeline --html --via action", scrolls),
        ("inside", "timeline -o jsonl --via proxy", lines),
    ],
)
def test_all_of_it_is_told_in_less_than_ten_times_its_size(
    sessions: Long, tmp_path: Path, road: str, arguments: str, count: Callable[[str], int]
) -> None:
    assert sessions.size > 5_000_000
    verb, *options = arguments.split()
    command = [str(BINARY), "sessions", verb, SESSION, *options]
    out = tmp_path / "out"

    usual = spend(command, sessions.short[road], out)
    spent = spend(command, sessions.long[road], out)

    assert (usual.status, spent.status) == (0, 0)
    assert count(out.read_text()) == (EVENTS if count is scrolls else sessions.events)
    grown = spent.peak - usual.peak
    assert grown < 10 * sessions.size, f"{grown / sessions.size:.1f} times"


def test_one_over_the_limit_is_explained_and_its_end_can_be_had(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        fullstory = road.server.membrane.upstream

        def endless(request: Request) -> Response:
            if request.path.endswith("/events"):
                return Response(200, (), b" " * (MAX_RESPONSE + 1))
            return fullstory(request)

        road.server.membrane.upstream = endless
        ended = road("sessions", "events", SESSION, "--via", "proxy")
        assert ended.code == 1, ended.show
        assert "larger than 64 MiB" in ended.err
        assert "Membrane carries 30 MB" in ended.err

        advised = re.search(r"`fsctl (raw request .*)`", ended.err.replace("\n", " "))
        assert advised, ended.show
        end = road(*shlex.split(advised[1]))
        assert end.code == 0, end.show
        assert json.loads(end.out)["context_data"]["pages"]
