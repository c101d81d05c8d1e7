"""Which step makes a usable connection, and following one until it is ready or cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import ExitCode, NeedsPerson, NotFound, Unavailable
from fsctl.membrane.connecting import (
    APP_URL,
    HELD,
    PAUSE,
    Phase,
    SeveralUnready,
    Step,
    address,
    follow,
    next_step,
    phase,
    state_in_words,
    take,
    the_connector,
)
from fsctl.membrane.gateway import NO_DEADLINE, Connection, Connector, Deadline, Gateway

T = TypeVar("T")
URL = "https://ui.test/connect/c1"
READY = Connection("c1", "Fullstory", app="fullstory", state="READY")
BUILDING = READY._replace(state="BUILDING", usable=False)
ACTION = {"type": "connect", "description": "Enter an API key.", "uiUrl": URL}
PERSON = READY._replace(state="CLIENT_ACTION_REQUIRED", usable=False, client_action=ACTION)
FAILED = READY._replace(state="SETUP_FAILED", usable=False, error="The key is wrong.")
CUT = READY._replace(usable=False)  # READY and disconnected


class Time:
    """A clock that sleeping and holding move."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Walking:
    """A gateway whose connection is in these states, one a look; the last one stays."""

    def __init__(self, time: Time, states: Sequence[Connection], *, holds: float = 0.0) -> None:
        self.time = time
        self.states = list(states)
        self.holds = holds
        self.waits: list[float | None] = []
        self.done: list[str] = []

    def connection(
        self, selector: str, *, wait: float | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        assert selector == "c1"
        self.waits.append(wait)
        if wait is not None:
            self.time.now += min(wait, self.holds)
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def reconnect(self, selector: str, *, deadline: Deadline = NO_DEADLINE) -> Connection:
        self.done.append(f"reconnect {selector}")
        return PERSON

    def ensure_connection(
        self, app_url: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        self.done.append(f"ensure {app_url} {name}")
        return BUILDING

    def search_connectors(
        self, text: str, *, limit: int = 20, deadline: Deadline = NO_DEADLINE
    ) -> list[Connector]:
        return [Connector("k1", "Fullstory", "connector"), Connector("k2", "Slack", "connector")]

    def connect(
        self, connector_id: str, *, name: str | None = None, deadline: Deadline = NO_DEADLINE
    ) -> Connection:
        self.done.append(f"connect {connector_id} {name}")
        return BUILDING


def ask(question: Callable[[Deadline], T], noun: str) -> T:
    assert noun == "connection"
    return question(NO_DEADLINE)


def followed(
    start: Connection, *states: Connection, seconds: float = 600, holds: float = HELD
) -> tuple[Connection, list[str | None], Walking, Time]:
    """What comes of it, the states that were told, the gateway and the time."""
    time = Time()
    gateway = Walking(time, states or [start], holds=holds)
    told: list[str | None] = []
    ready = follow(
        cast(Gateway, gateway),
        start,
        ask=ask,
        deadline=Deadline.after(seconds, time),
        sleep=time.sleep,
        tell=lambda connection: told.append(connection.state),
    )
    return ready, told, gateway, time


# -- phases


@pytest.mark.parametrize(
    ("connection", "meant"),
    [
        (READY, Phase.READY),
        (READY._replace(state=None), Phase.READY),
        (BUILDING, Phase.BUILDING),
        (BUILDING._replace(state="SETUP_IN_PROGRESS"), Phase.BUILDING),
        (PERSON, Phase.PERSON),
        (CUT, Phase.PERSON),
        (CUT._replace(state=None), Phase.PERSON),
        (CUT._replace(state="NOT_CONFIGURED"), Phase.PERSON),
        (CUT._replace(state="SOMETHING_NEW"), Phase.PERSON),
        (FAILED, Phase.FAILED),
        (FAILED._replace(state="CONFIGURATION_ERROR"), Phase.FAILED),
        (FAILED._replace(state="ERROR"), Phase.FAILED),
    ],
)
def test_every_state_has_a_phase(connection: Connection, meant: Phase) -> None:
    assert phase(connection) is meant


def test_what_says_ready_and_cannot_be_used_is_disconnected() -> None:
    assert state_in_words(READY) == "READY"
    assert state_in_words(CUT) == state_in_words(CUT._replace(state=None)) == "disconnected"
    assert state_in_words(PERSON) == "CLIENT_ACTION_REQUIRED"
    assert state_in_words(CUT._replace(archived=True)) == "archived"


@pytest.mark.parametrize(
    "url",
    [
        "http://ui.test/x",
        "HTTPS://ui.test/x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https:///x",
        "https://",
        "https://getmembrane.com@evil.test/",
        "https://[::1",
        "https://ui.test/\x1b]0;x\x07",
        "https://ui.test/\u202ecod",
        "https://ui.test/a b",
        "https://ui.test/$(reboot)`reboot`",
        "https://ui.test/'x",
        "https://ui.test/" + "x" * 5000,
        "",
    ],
)
def test_only_a_plain_https_address_is_one_to_open(url: str) -> None:
    assert address(PERSON._replace(client_action={**ACTION, "uiUrl": url})) is None


@given(st.text())
def test_no_address_steers_a_terminal(text: str) -> None:
    found = address(PERSON._replace(client_action={"uiUrl": f"https://ui.test/{text}"}))
    assert found is None or (found.isascii() and found.isprintable() and " " not in found)


def test_a_plain_address_is_kept_as_it_is() -> None:
    url = "https://ui.getmembrane.com/connect/c1?token=abc&x=%20#y"
    assert address(PERSON._replace(client_action={"uiUrl": url})) == url
    assert address(PERSON) == URL
    assert address(READY) is None


# -- following


def test_it_is_followed_through_its_states_until_it_is_ready() -> None:
    ready, told, gateway, _ = followed(BUILDING, BUILDING, PERSON, PERSON, READY)
    assert ready == READY
    assert told == ["BUILDING", "CLIENT_ACTION_REQUIRED", "READY"]
    assert gateway.waits == [HELD, HELD, None, None], "held only while Membrane builds"


def test_a_road_that_holds_nothing_is_not_asked_all_the_time() -> None:
    _, _, gateway, time = followed(BUILDING, BUILDING, BUILDING, READY, holds=0)
    assert len(gateway.waits) == 3
    assert time.slept == [PAUSE, PAUSE]


def test_a_ready_one_is_not_asked_about() -> None:
    ready, told, gateway, _ = followed(READY)
    assert (ready, told, gateway.waits) == (READY, ["READY"], [])


def test_a_new_address_is_told_anew() -> None:
    other = PERSON._replace(client_action={**ACTION, "uiUrl": URL + "2"})
    _, told, _, _ = followed(PERSON, PERSON, other, READY)
    assert told == ["CLIENT_ACTION_REQUIRED"] * 2 + ["READY"]


def test_a_failure_ends_it_with_its_error() -> None:
    with pytest.raises(NeedsPerson) as ended:
        followed(BUILDING, FAILED)
    assert ended.value.code == "connection_failed"
    assert ended.value.message == (
        "The connection 'Fullstory' (c1) failed: SETUP_FAILED, The key is wrong."
    )
    assert "fsctl connections reconnect c1" in str(ended.value.hint)


def test_being_built_for_too_long_is_no_persons_business() -> None:
    with pytest.raises(Unavailable) as ended:
        followed(BUILDING, seconds=45)
    assert (ended.value.exit_code, ended.value.code) == (
        ExitCode.UNAVAILABLE,
        "connection_building",
    )
    assert "fsctl connections wait c1" in str(ended.value.hint)


@pytest.mark.parametrize("connection", [PERSON, CUT, PERSON._replace(client_action=None)])
def test_a_person_who_does_not_act_in_time_is_told_what_to_do(connection: Connection) -> None:
    with pytest.raises(NeedsPerson) as ended:
        followed(connection, seconds=5)
    assert ended.value.code == "connection_not_ready"
    assert (URL in str(ended.value.hint)) is (connection is PERSON)


def test_no_time_is_one_look() -> None:
    with pytest.raises(NeedsPerson):
        followed(PERSON, seconds=0)
    assert followed(READY, seconds=0)[0] == READY


def test_one_that_is_archived_meanwhile_is_gone() -> None:
    gone = READY._replace(usable=False, archived=True)
    with pytest.raises(NotFound, match=r"was archived\.$"):
        followed(BUILDING, gone)


def test_an_id_that_a_shell_would_read_is_quoted() -> None:
    odd = PERSON._replace(id="$(reboot)", client_action=None)
    with pytest.raises(NeedsPerson) as ended:
        followed(odd, odd, seconds=0)
    assert "fsctl connections wait '$(reboot)'" in str(ended.value.hint)


# -- making

OTHER_APP = Connection("s1", "Slack", app="slack", state="READY")
TEST = READY._replace(id="t1", test=True)
EU = Connection("c2", "Fullstory EU", app="fullstory", state="READY")


@pytest.mark.parametrize(
    ("there", "step"),
    [
        ([], Step("ensure")),
        ([OTHER_APP, TEST, READY._replace(archived=True)], Step("ensure")),
        ([CUT, EU], Step("use", EU)),
        ([BUILDING], Step("follow", BUILDING)),
        ([BUILDING, CUT._replace(id="c3")], Step("follow", BUILDING)),
        ([CUT], Step("reconnect", CUT)),
        ([PERSON], Step("reconnect", PERSON)),
        ([FAILED], Step("reconnect", FAILED)),
        ([OTHER_APP, CUT], Step("reconnect", CUT)),
    ],
)
def test_what_is_there_decides_what_is_done(there: list[Connection], step: Step) -> None:
    assert next_step(there) == step


def test_the_one_of_that_name_comes_first() -> None:
    assert next_step([READY, EU], name="Fullstory EU") == Step("use", EU)
    cut = EU._replace(usable=False)
    assert next_step([CUT, cut], name="Fullstory EU") == Step("reconnect", cut)
    assert next_step([READY], name="another name") == Step("use", READY)


def test_another_is_made_once_and_mended_when_it_is_there() -> None:
    there = [READY, EU]
    assert next_step(there, name="Third", another=True) == Step("connect")
    assert next_step(there, name="Fullstory EU", another=True) == Step("use", EU)
    cut = EU._replace(usable=False)
    assert next_step([READY, cut], name="Fullstory EU", another=True) == Step("reconnect", cut)


def test_of_several_that_are_cut_off_a_person_chooses() -> None:
    with pytest.raises(SeveralUnready) as ended:
        next_step([CUT, PERSON._replace(id="c9", name="\x1b[31m")])
    assert [each.id for each in ended.value.connections] == ["c1", "c9"]
    assert ended.value.message.isprintable()
    assert "c1 ('Fullstory', disconnected)" in ended.value.message


def test_a_disconnected_one_is_never_made_again() -> None:
    gateway = Walking(Time(), [READY])
    taken = take(cast(Gateway, gateway), next_step([CUT]), "New name", NO_DEADLINE)
    assert (taken, gateway.done) == (PERSON, ["reconnect c1"])


def test_each_step_is_one_thing_done() -> None:
    gateway = Walking(Time(), [READY])
    assert take(cast(Gateway, gateway), Step("use", READY), None, NO_DEADLINE) == READY
    take(cast(Gateway, gateway), Step("ensure"), "Mine", NO_DEADLINE)
    take(cast(Gateway, gateway), Step("connect"), "Mine", NO_DEADLINE)
    assert gateway.done == [f"ensure {APP_URL} Mine", "connect k1 Mine"]


def connectors(*names: str) -> list[Connector]:
    return [Connector(f"k{at}", name, "connector") for at, name in enumerate(names)]


def test_fullstorys_own_connector_is_meant() -> None:
    assert the_connector(connectors("Fullstory Export", "FullStory")).id == "k1"
    assert the_connector([Connector("fullstory", "FS", "connector")]).id == "fullstory"
    assert the_connector(connectors("Slack", "Fullstory (v2)")).id == "k1"
    for wrong in (connectors(), connectors("Slack"), connectors("Fullstory", "fullstory")):
        with pytest.raises(NotFound):
            the_connector(wrong)
