"""Requests of many workers: one limiter, patience, and no word that is not known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.bulk.sending import Limiter, Patience, Sender
from fsctl.membrane.gateway import Fate, GatewayError, Trouble
from tests.support.import_inputs import Hours
from tests.support.scripted_gateway import failure


def limited(seconds: float | None = None) -> GatewayError:
    return failure(Trouble.RATE_LIMITED, Fate.REFUSED, retry_after=seconds)


class Script:
    """Raises its steps one after the other, then answers."""

    def __init__(self, *steps: GatewayError) -> None:
        self._steps: Iterator[GatewayError] = iter(steps)
        self.tried = 0

    def __call__(self) -> str:
        self.tried += 1
        for step in self._steps:
            raise step
        return "answer"


def sender(hours: Hours, **patience: float) -> Sender:
    told = Patience(**patience)  # type: ignore[arg-type]
    return Sender(hours.clock, Limiter(hours.clock), told)


def test_a_limiter_holds_everybody_for_as_long_as_was_asked() -> None:
    hours = Hours()
    limiter = Limiter(hours.clock)
    began = hours.now
    limiter.refused(30)
    limiter.wait()
    assert 30 <= hours.now - began < 33


def test_after_a_refusal_requests_go_one_by_one_until_answers_come() -> None:
    hours = Hours()
    limiter = Limiter(hours.clock)
    limiter.refused(1)
    limiter.wait()
    first = hours.now
    limiter.wait()
    assert hours.now - first >= 0.09
    for _ in range(5):
        limiter.answered()
    limiter.wait()
    before = hours.now
    limiter.wait()
    assert hours.now == before


@given(st.lists(st.one_of(st.none(), st.floats(0, 120)), min_size=1, max_size=20))
def test_refusals_count_as_no_try_and_are_never_cut_short(waits: list[float | None]) -> None:
    hours = Hours()
    began = hours.now
    script = Script(*map(limited, waits))
    assert sender(hours, retries=0, limited=1e9).ask(script) == "answer"
    assert script.tried == len(waits) + 1
    assert hours.now - began >= sum(wait or 0 for wait in waits) - 0.001


def test_refusals_without_an_end_end_the_run() -> None:
    hours = Hours()
    with pytest.raises(GatewayError) as caught:
        sender(hours, limited=600).ask(Script(*[limited(60)] * 100))
    assert caught.value.trouble is Trouble.RATE_LIMITED
    assert caught.value.fate is Fate.REFUSED


def test_what_may_have_arrived_is_repeated_only_where_twice_is_once() -> None:
    script = Script(failure(), failure())
    assert sender(Hours()).ask(script) == "answer"
    script = Script(failure())
    with pytest.raises(GatewayError):
        sender(Hours()).ask(script, repeatable=False)
    assert script.tried == 1


def test_what_was_not_sent_is_always_repeated() -> None:
    assert sender(Hours()).ask(Script(failure(fate=Fate.NOT_SENT)), repeatable=False) == "answer"


def test_a_request_that_may_have_arrived_stays_in_doubt_whatever_the_last_try_was() -> None:
    script = Script(failure(), *[failure(fate=Fate.NOT_SENT)] * 20)
    with pytest.raises(GatewayError) as caught:
        sender(Hours()).ask(script)
    assert caught.value.fate is Fate.UNKNOWN


def test_a_verdict_under_the_same_key_is_one_on_every_try() -> None:
    script = Script(failure(), failure(Trouble.INVALID, Fate.REFUSED))
    with pytest.raises(GatewayError) as caught:
        sender(Hours()).ask(script)
    assert caught.value.fate is Fate.REFUSED


def test_a_request_that_was_certainly_not_sent_is_told_as_that() -> None:
    script = Script(*[failure(fate=Fate.NOT_SENT)] * 20)
    with pytest.raises(GatewayError) as caught:
        sender(Hours(), retries=3).ask(script)
    assert caught.value.fate is Fate.NOT_SENT
    assert script.tried == 4
