"""Faults as they are ordered: their spelling, how often they strike, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.sandbox.faults import Fault, Faults, Kind


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_can_be_ordered_by_its_name_alone(kind: Kind) -> None:
    assert Fault.parse(kind.value) == Fault(kind, rate=1.0, times=None, prefix="/")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("429:0.25", Fault(Kind.RATE_LIMITED, rate=0.25)),
        ("429:.5", Fault(Kind.RATE_LIMITED, rate=0.5)),
        ("500:0", Fault(Kind.SERVER_ERROR, rate=0.0)),
        ("500:1", Fault(Kind.SERVER_ERROR, rate=1.0)),
        ("reset:x3", Fault(Kind.RESET, times=3)),
        ("hang@/act", Fault(Kind.HANG, prefix="/act")),
        ("502-html:x1@/v2/users", Fault(Kind.BAD_GATEWAY, times=1, prefix="/v2/users")),
        ("empty@/a:b", Fault(Kind.EMPTY, prefix="/a:b")),
    ],
)
def test_a_fault_has_a_rate_or_a_number_and_a_path(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "404",
        "429:",
        "429:2",
        "429:1.5",
        "429:-1",
        "429:nan",
        "429:inf",
        "429:1e-1",
        "429:\N{ARABIC-INDIC DIGIT ONE}",
        "429:x0",
        "429:x",
        "429:x-1",
        "429:x9999999999",
        "429@act",
        "429@",
        "reset :x1",
        "RESET",
    ],
)
def test_anything_else_is_refused_with_the_right_spelling(text: str) -> None:
    with pytest.raises(Usage) as refused:
        Fault.parse(text)
    assert refused.value.hint is not None
    assert "KIND[:RATE][@PATHPREFIX]" in refused.value.hint


def test_an_unknown_kind_is_answered_with_the_kinds_there_are() -> None:
    with pytest.raises(Usage) as refused:
        Fault.parse("explode")
    assert "reset-after, hang, truncate" in str(refused.value.hint)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        fault = Fault.parse(text)
    except Usage:
        return
    assert 0 <= fault.rate <= 1
    assert fault.prefix.startswith("/")


def strikes(faults: Faults, times: int = 200, path: str = "/act") -> list[Kind | None]:
    return [faults.next(path) for _ in range(times)]


def test_a_rate_of_one_strikes_always_and_of_nought_never() -> None:
    assert set(strikes(Faults(["500"]))) == {Kind.SERVER_ERROR}
    assert set(strikes(Faults(["500:0"]))) == {None}


def test_a_counted_fault_strikes_the_first_requests_only() -> None:
    assert strikes(Faults(["reset:x2"]), 4) == [Kind.RESET, Kind.RESET, None, None]


def test_requests_that_a_fault_does_not_concern_do_not_use_it_up() -> None:
    faults = Faults(["reset:x1@/act"])
    assert faults.next("/connections") is None
    assert faults.next("/act") is Kind.RESET


def test_the_same_seed_gives_the_same_trouble_and_another_seed_other_trouble() -> None:
    ordered = ["429:0.3", "reset:0.1"]
    assert strikes(Faults(ordered, seed=1)) == strikes(Faults(ordered, seed=1))
    assert strikes(Faults(ordered, seed=1)) != strikes(Faults(ordered, seed=2))
    assert set(strikes(Faults(ordered, seed=1))) == {Kind.RATE_LIMITED, Kind.RESET, None}


def test_the_first_ordered_fault_that_strikes_wins() -> None:
    faults = Faults(["429:x1", "500:x1"])
    assert strikes(faults, 3) == [Kind.RATE_LIMITED, Kind.SERVER_ERROR, None]


def test_a_path_names_membranes_route_or_what_is_asked_of_fullstory_behind_the_proxy() -> None:
    fault = Fault.parse("429@/v2/users")
    assert fault.concerns("/v2/users/batch")
    assert fault.concerns("/connections/c1/proxy/v2/users")
    assert not fault.concerns("/connections/c1/proxy/v2/events")
    assert not fault.concerns("/actions/x/proxy/v2/users")


@pytest.mark.parametrize("path", ["/actions", "/action-run-logs", "/actx/act"])
def test_a_path_is_matched_by_whole_segments(path: str) -> None:
    fault = Fault.parse("429@/act")
    assert fault.concerns("/act")
    assert not fault.concerns(path)
    assert Fault.parse("429").concerns(path)
    assert Fault.parse("429@/connections/").concerns("/connections/c1")


def test_faults_behind_membrane_are_asked_for_apart() -> None:
    faults = Faults(["429-fullstory:x1", "500:x1"])
    assert faults.next("/act") is Kind.SERVER_ERROR
    assert faults.next("/v2/users", behind=True) is Kind.RATE_LIMITED_FULLSTORY
    assert faults.next("/v2/users", behind=True) is None
