"""A very long session: all of it is told, and memory stays under ten times its size."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.command import BINARY, clean_environment
from tests.support.long_session import SESSION, fill
from tests.support.memory import spend
from tests.support.online import token_environment
from tests.support.sandbox_server import running_sandbox

EVENTS = 20_000
pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="wait4 counts the memory")


class Long(NamedTuple):
    """A server that has a long session, and one whose session is short."""

    long: dict[str, str]
    short: dict[str, str]
    size: int
    events: int


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Long]:
    home = tmp_path_factory.mktemp("home")
    long, short = home / "long", home / "short"
    fill(long / "sandbox.sqlite3", events=EVENTS)
    short.mkdir()
    with running_sandbox(long) as many, running_sandbox(short) as few:
        environments = [
            clean_environment(home, token_environment(server.url)) for server in (many, few)
        ]
        body = home / "body"
        path = f"/v2/sessions/{SESSION.replace(':', '%3A')}/events"
        spend([str(BINARY), "raw", "request", path], environments[0], body)
        events = len(json.loads(body.read_bytes())["events"])
        yield Long(environments[0], environments[1], body.stat().st_size, events)


def lines(text: str) -> int:
    return text.count("\n")


def scrolls(text: str) -> int:
    return text.count("  Scrolled")


def steps(text: str) -> int:
    return len(json.loads(text)["steps"])


@pytest.mark.parametrize(
    ("arguments", "count"),
    [("events -o jsonl", lines), ("timeline -o table", scrolls), ("timeline -o json", steps)],
)
def test_all_of_it_is_told_in_less_than_ten_times_its_size(
    sessions: Long, tmp_path: Path, arguments: str, count: Callable[[str], int]
) -> None:
    assert sessions.size > 5_000_000
    verb, *options = arguments.split()
    command = [str(BINARY), "sessions", verb, SESSION, *options]
    out = tmp_path / "out"

    usual = spend(command, sessions.short, out)
    spent = spend(command, sessions.long, out)

    assert (usual.status, spent.status) == (0, 0)
    assert count(out.read_text()) == (EVENTS if count is scrolls else sessions.events)
    grown = spent.peak - usual.peak
    assert grown < 10 * sessions.size, f"{grown / sessions.size:.1f} times"
