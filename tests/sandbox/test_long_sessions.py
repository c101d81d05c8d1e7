"""A very long session inside the sandbox: never held more often than it has to be."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise

import pytest

from fsctl.membrane.gateway import Request
from fsctl.sandbox.gateway import SandboxGateway
from fsctl.sandbox.running import NOT_KEPT
from tests.support.long_session import SESSION, fill

EVENTS = 10_000
REQUEST = Request("GET", f"/v2/sessions/{SESSION.replace(':', '%3A')}/events")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxGateway]:
    path = tmp_path_factory.mktemp("long") / "sandbox.sqlite3"
    fill(path, events=EVENTS)
    with closing(SandboxGateway(path)) as opened:
        yield opened


@pytest.fixture
def traced(gateway: SandboxGateway) -> Iterator[None]:
    next(iter(gateway.connections()))  # opens it: what that takes is no part of a question
    tracemalloc.start()
    yield
    tracemalloc.stop()


def peak() -> int:
    """Bytes held at most since the test began."""
    return tracemalloc.get_traced_memory()[1]


def test_its_events_come_whole_and_in_order_of_time(gateway: SandboxGateway) -> None:
    connection = next(iter(gateway.connections())).id
    events = json.loads(gateway.request(connection, REQUEST).body)["events"]

    scrolled = [e for e in events if e["event_properties"].get("event_name") == "Scrolled"]
    assert len(scrolled) == EVENTS
    assert any(event["source_type"] == "web" for event in events)  # what the visitor did
    times = [event["event_time"] for event in events]
    assert all(before <= after for before, after in pairwise(times))


@pytest.mark.usefixtures("traced")
def test_through_the_proxy_it_is_held_as_bytes_alone(gateway: SandboxGateway) -> None:
    connection = next(iter(gateway.connections())).id
    size = len(gateway.request(connection, REQUEST).body)

    assert size > 2_500_000
    assert peak() < 2 * size, f"{peak() / size:.1f} times"


@pytest.mark.usefixtures("traced")
def test_through_the_action_it_is_decoded_once_at_a_time(gateway: SandboxGateway) -> None:
    connection = next(iter(gateway.connections())).id
    action = next(a for a in gateway.actions(connection) if a.key == "get-session-events")
    output = gateway.run_action(connection, action, {"session_id": SESSION}).output

    held = peak()
    size = len(json.dumps(output, ensure_ascii=False, separators=(",", ":")).encode())
    assert held < 7.5 * size, f"{held / size:.1f} times"


def test_the_log_of_the_run_does_not_keep_it(gateway: SandboxGateway) -> None:
    connection = next(iter(gateway.connections())).id
    action = next(a for a in gateway.actions(connection) if a.key == "get-session-events")
    run = gateway.run_action(connection, action, {"session_id": SESSION}).action_run_id
    assert run is not None

    log = gateway.run_log(run, details=True)
    assert (log.status, log.output) == ("success", NOT_KEPT)
    assert log.raw["input"] == {"session_id": SESSION}
    assert log.raw["details"]["response"]["status"] == 200
    assert log.raw["details"]["response"]["data"] == NOT_KEPT
