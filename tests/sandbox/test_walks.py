"""The states that a new connection goes through, on the way and at its end."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.sandbox.clock import Clock
from fsctl.sandbox.options import ConnectionSeed
from fsctl.sandbox.walks import NAMES, Walk
from tests.support.asking import ID, Membranes, membranes_in_memory

START = 1_770_000_000.0
APP = {"appUrl": "https://fullstory.com"}
DISCONNECTED = ConnectionSeed(connected=False, good_key=False)


@pytest.fixture
def membranes() -> Iterator[Membranes]:
    with membranes_in_memory() as build:
        yield build


@pytest.fixture
def clock() -> Clock:
    return Clock(source=lambda: START)


def test_a_person_opens_the_address_and_the_connection_is_ready(
    membranes: Membranes, clock: Clock
) -> None:
    ask = membranes(clock=clock, connections=(), walk=Walk.parse("person:2"))
    _, made = ask("POST", "/connections/ensure", APP)
    path = f"/connections/{made['id']}"
    assert (made["state"], made["connected"]) == ("BUILDING", False)
    clock.advance(2)
    _, seen = ask("GET", path)
    assert seen["state"] == "CLIENT_ACTION_REQUIRED"
    assert re.fullmatch(rf"https://[a-z.]+/connections/{made['id']}", seen["clientAction"]["uiUrl"])
    assert ask("GET", f"{path}/proxy/v2/users")[0] != 200
    clock.advance(2)
    _, ready = ask("GET", path)
    assert (ready["state"], ready["connected"]) == ("READY", True)
    assert "clientAction" not in ready
    assert ask("GET", f"{path}/proxy/v2/users")[0] == 200


@pytest.mark.parametrize(
    ("walk", "ends"),
    [
        ("ready", "READY"),
        ("slow", "READY"),
        ("person", "READY"),
        ("nobody", "CLIENT_ACTION_REQUIRED"),
        ("building", "BUILDING"),
        ("setup-failed", "SETUP_FAILED"),
        ("configuration-error", "CONFIGURATION_ERROR"),
    ],
)
def test_every_walk_ends_where_it_says(
    walk: str, ends: str, membranes: Membranes, clock: Clock
) -> None:
    ask = membranes(clock=clock, connections=(), walk=Walk.parse(walk))
    _, made = ask("POST", "/connections/ensure", APP)
    clock.advance(1000)
    (listed,) = ask("GET", "/connections")[1]["items"]
    assert (listed["id"], listed["state"]) == (made["id"], ends)
    failed = ends in ("SETUP_FAILED", "CONFIGURATION_ERROR")
    assert ("error" in listed) is failed is bool(listed["errors"])


def test_all_walks_are_tested() -> None:
    (marks,) = test_every_walk_ends_where_it_says.pytestmark  # type: ignore[attr-defined]
    assert tuple(name for name, _ in marks.args[1]) == NAMES


def test_a_connection_walks_as_its_name_says(membranes: Membranes, clock: Clock) -> None:
    ask = membranes(clock=clock)
    asked = {"connectorKey": "fullstory", "name": "walk:setup-failed:7"}
    _, made = ask("POST", "/connections", asked)
    assert made["state"] == "BUILDING"
    clock.advance(6.9)
    assert ask("GET", f"/connections/{made['id']}")[1]["state"] == "BUILDING"
    clock.advance(0.2)
    assert ask("GET", f"/connections/{made['id']}")[1]["state"] == "SETUP_FAILED"
    _, plain = ask("POST", "/connections", asked | {"name": "walk:nowhere"})
    assert plain["state"] == "READY"


def test_a_reconnected_one_walks_again_and_a_change_on_the_way_stops_nothing(
    membranes: Membranes, clock: Clock
) -> None:
    ask = membranes(clock=clock, connections=(DISCONNECTED,), walk=Walk.parse("slow:5"))
    assert ask("POST", f"/connections/{ID}/reconnect")[1]["state"] == "BUILDING"
    clock.advance(3)
    assert ask("PATCH", f"/connections/{ID}", {"name": "renamed"})[1]["state"] == "BUILDING"
    clock.advance(3)
    assert ask("GET", f"/connections/{ID}")[1]["state"] == "READY"
    ask("POST", f"/connections/{ID}/disconnect")
    assert ask("GET", f"/connections/{ID}")[1]["state"] == "CLIENT_ACTION_REQUIRED"


def test_a_request_for_a_connection_ends_as_the_connection_does(
    membranes: Membranes, clock: Clock
) -> None:
    for walk, ends in (("person:1", "success"), ("setup-failed:1", "error")):
        ask = membranes(clock=clock, connections=(), walk=Walk.parse(walk))
        _, asked = ask("POST", "/connection-requests", {"connectorKey": "fullstory"})
        assert asked["status"] == "pending"
        assert asked["url"].startswith("https://")
        assert "resultConnectionId" not in asked
        clock.advance(60)
        _, ended = ask("GET", f"/connection-requests/{asked['requestId']}")
        assert ended["status"] == ends
        assert ("resultConnectionId" in ended) is (ends == "success")
        assert ("resultError" in ended) is (ends == "error")


def test_who_waits_hears_of_the_next_state_at_once(membranes: Membranes) -> None:
    clock = Clock(source=lambda: START)
    ask = membranes(clock=clock, connections=(DISCONNECTED,), walk=Walk.parse("person:5"))
    ask("POST", f"/connections/{ID}/reconnect")
    came: list[Any] = []
    waiting = threading.Thread(
        target=lambda: came.append(ask("GET", f"/connections/{ID}?wait=true&timeout=60"))
    )
    waiting.start()
    clock.advance(6)
    waiting.join(30)
    assert came[0][1]["state"] == "CLIENT_ACTION_REQUIRED"


@pytest.mark.parametrize(
    "text", ["", "nowhere", "slow:", "slow:x", "slow:-1", "slow:1e3", "slow:٣"]
)
def test_what_is_no_walk_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(Usage) as caught:
        Walk.parse(text)
    assert all(name in str(caught.value.hint) for name in NAMES)


@given(st.text())
def test_any_name_is_a_walk_or_an_ordinary_name(text: str) -> None:
    assert Walk.named(text) is None or text.startswith("walk:")
    named = Walk.named(f"walk:{text}")
    assert named is None or named == Walk.parse(text)


@given(st.sampled_from(NAMES), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_walk_never_goes_back(name: str, one: float, other: float) -> None:
    walk = Walk.parse(name)
    order = [*walk.stages, walk.final]
    early, late = sorted((one, other))
    assert order.index(walk.state(early)) <= order.index(walk.state(late))
