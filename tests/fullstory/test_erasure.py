"""One person's deletion, step by step: what is sent, how often, and what may be called gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fsctl.errors import FsctlError, NeedsPerson, NotFound, OutcomeUnknown, Refused, Unavailable
from fsctl.fullstory import erasure
from fsctl.fullstory.erasure import State, Step, StillThere
from fsctl.fullstory.repeats import Policy
from fsctl.membrane.gateway import Deadline, Fate, Origin, Response, Trouble
from tests.support.scripted_gateway import Bench, bench, failure, not_found, respond

ADA = {"id": "7", "uid": "ada", "email": "ada@example.com"}
MARKED = {"id": "7", "is_being_deleted": True}
THERE = {"id": "7", "is_being_deleted": False}
GONE = respond(404, b'{"message": "no such user", "code": "user_not_found"}')
ACCEPTED = respond(200, b"{}")


def of(body: Any) -> Response:
    return respond(200, json.dumps(body).encode())


def scripted(*steps: Any, retries: int = 0) -> Bench:
    return bench(*steps, policy=Policy("proxy", retries=retries))


def sent(made: Bench) -> list[str]:
    return [f"{each.request.method} {each.request.path}" for each in made.gateway.sent]


class Kept:
    """What was recorded, and how much had been sent by then."""

    def __init__(self, made: Bench) -> None:
        self._made = made
        self.steps: list[Step] = []
        self.sent: list[int] = []

    def __call__(self, step: Step) -> None:
        self.steps.append(step)
        self.sent.append(len(self._made.gateway.sent))

    @property
    def states(self) -> list[str]:
        return [step.state.value for step in self.steps]


# -- asking


def test_a_deletion_goes_by_id_and_is_kept_before_and_after() -> None:
    made = scripted(ACCEPTED)
    kept = Kept(made)
    step = erasure.delete(made.caller, ADA, record=kept)
    assert sent(made) == ["DELETE /v2/users/7"]
    assert (kept.states, kept.sent) == (["requested", "accepted"], [0, 1])
    assert step == kept.steps[-1]
    assert step.asked is not None
    assert step.asked["path"] == "/v2/users/7"
    assert step.answered == {"status": 200, "body": {}}
    assert made.caller.wrote


def test_who_is_marked_already_is_not_asked_for_again() -> None:
    made = scripted(of(MARKED))
    kept = Kept(made)
    step = erasure.delete(made.caller, {**ADA, "is_being_deleted": True}, record=kept)
    assert step.state is State.BEING_DELETED
    assert erasure.was_under_way(step)
    assert sent(made) == ["GET /v2/users/7"]
    assert kept.states == ["being_deleted"]


@pytest.mark.parametrize(
    ("looked", "state", "requests"),
    [
        (of(MARKED), State.BEING_DELETED, ["GET /v2/users/7"]),
        (GONE, State.GONE, ["GET /v2/users/7"]),
        (of(THERE), State.ACCEPTED, ["GET /v2/users/7", "DELETE /v2/users/7"]),
    ],
    ids=["marked", "gone", "still there"],
)
def test_after_a_crash_a_look_comes_before_a_second_request(
    looked: Response, state: State, requests: list[str]
) -> None:
    made = scripted(looked, ACCEPTED)
    assert erasure.delete(made.caller, ADA, asked_before=True).state is state
    assert sent(made) == requests


@pytest.mark.parametrize(
    "trouble", [respond(500, b"{}"), failure(Trouble.UNAVAILABLE, Fate.NOT_SENT), respond(404)]
)
def test_after_a_crash_nothing_is_sent_while_the_look_fails(trouble: Any) -> None:
    made = scripted(trouble)
    with pytest.raises(Unavailable):
        erasure.delete(made.caller, ADA, asked_before=True)
    assert sent(made) == ["GET /v2/users/7"]


def test_what_fullstory_does_not_know_is_gone() -> None:
    made = scripted(GONE)
    kept = Kept(made)
    assert erasure.delete(made.caller, ADA, record=kept).state is State.GONE
    assert kept.states == ["requested", "gone"]


@pytest.mark.parametrize(
    ("looked", "state"),
    [(of(MARKED), State.BEING_DELETED), (GONE, State.GONE)],
    ids=["marked", "gone"],
)
def test_an_unanswered_request_is_settled_by_a_look(looked: Response, state: State) -> None:
    made = scripted(failure(), looked)
    kept = Kept(made)
    assert erasure.delete(made.caller, ADA, record=kept).state is state
    assert sent(made) == ["DELETE /v2/users/7", "GET /v2/users/7"]
    assert kept.states == ["requested", state.value]


@pytest.mark.parametrize("looked", [of(THERE), respond(500, b"{}"), respond(404)])
def test_an_unanswered_request_that_shows_nowhere_is_unknown(looked: Response) -> None:
    made = scripted(failure(), looked)
    kept = Kept(made)
    with pytest.raises(OutcomeUnknown):
        erasure.delete(made.caller, ADA, record=kept)
    assert sent(made).count("DELETE /v2/users/7") == 1
    assert kept.states == ["requested", "unknown"]


def test_a_request_may_be_repeated_by_id_and_a_404_then_means_that_the_first_worked() -> None:
    made = scripted(failure(), GONE, retries=1)
    assert erasure.delete(made.caller, ADA).state is State.GONE
    assert sent(made) == ["DELETE /v2/users/7"] * 2


@pytest.mark.parametrize(("status", "error"), [(403, NeedsPerson), (400, Refused), (404, NotFound)])
def test_a_refusal_stays_a_request(status: int, error: type[FsctlError]) -> None:
    made = scripted(respond(status, b'{"message": "no", "code": "whatever"}'))
    kept = Kept(made)
    with pytest.raises(error):
        erasure.delete(made.caller, ADA, record=kept)
    assert kept.states == ["requested", "requested"]
    answered = kept.steps[-1].answered
    assert answered is not None
    assert answered["error"]["status"] == status


def test_an_interrupted_request_is_kept_as_unknown() -> None:
    made = scripted(KeyboardInterrupt())
    kept = Kept(made)
    with pytest.raises(KeyboardInterrupt):
        erasure.delete(made.caller, ADA, record=kept)
    assert kept.states == ["requested", "unknown"]


def test_what_cannot_be_kept_is_not_sent() -> None:
    made = scripted()

    def full(_step: Step) -> None:
        raise Refused("The disk is full.")

    with pytest.raises(Refused):
        erasure.delete(made.caller, ADA, record=full)
    assert sent(made) == []


# -- what is gone


@pytest.mark.parametrize("code", ["resource_not_found", "user_not_found"])
def test_gone_is_a_404_in_fullstorys_words(code: str) -> None:
    body = json.dumps({"message": "no", "code": code}).encode()
    made = scripted(respond(404, body))
    assert erasure.look(made.caller, "7") is State.GONE


@pytest.mark.parametrize(
    "answer",
    [
        respond(404, b"<html>nginx</html>"),
        respond(404, b""),
        respond(404, b"{}"),
        respond(404, b'{"code": 5, "message": "Not Found"}'),
        respond(404, b'{"message": "no", "code": "no_such_route"}'),
        respond(200, b"[]"),
        of({"id": "8"}),
        of({"results": []}),
    ],
)
def test_no_other_answer_is_gone(answer: Response) -> None:
    made = scripted(answer)
    with pytest.raises(Unavailable):
        erasure.look(made.caller, "7")


def test_a_404_of_membranes_is_not_gone() -> None:
    made = scripted(not_found(), not_found())
    with pytest.raises(NeedsPerson):
        erasure.look(made.caller, "7")


# -- waiting


def wait(made: Bench, seconds: float = 60) -> Step:
    deadline = Deadline.after(seconds, made.caller.clock.monotonic)
    return erasure.wait_until_gone(made.caller, ADA, deadline)


def test_waiting_ends_at_the_404_and_not_at_the_mark() -> None:
    made = scripted(of(THERE), of(MARKED), of(MARKED), GONE)
    step = wait(made)
    assert (step.state, step.answered) == (State.GONE, {"status": 404})
    assert made.time.slept == [1.0, 2.0, 3.0]


def test_waiting_looks_less_and_less_often_and_never_again_after_its_time() -> None:
    made = scripted(*[of(MARKED)] * 10)
    with pytest.raises(StillThere) as caught:
        wait(made, 40)
    assert caught.value.code == "still_being_deleted"
    assert caught.value.step.state is State.BEING_DELETED
    assert made.time.slept == [1.0, 2.0, 3.0, 5.0, 8.0, 8.0, 8.0]
    assert "under way" in caught.value.message


def test_waiting_goes_on_while_the_service_is_away() -> None:
    made = scripted(respond(503, b"{}"), respond(404), failure(), GONE)
    assert wait(made).state is State.GONE


def test_waiting_never_calls_gone_what_nobody_could_tell() -> None:
    made = scripted(of(MARKED), *[respond(404, b"<html>")] * 5)
    with pytest.raises(StillThere) as caught:
        wait(made, 10)
    assert caught.value.step.state is State.BEING_DELETED
    assert "not in Fullstory's own words" in caught.value.message


@pytest.mark.parametrize(
    "trouble",
    [
        (not_found(), not_found()),
        (failure(Trouble.UNAUTHENTICATED, Fate.REFUSED, Origin.MEMBRANE),),
        (respond(403, b'{"message": "no", "code": "forbidden"}'),),
    ],
    ids=["Membrane's 404", "the token", "a right"],
)
def test_waiting_ends_with_5_where_nobody_can_be_asked(trouble: tuple[Any, ...]) -> None:
    made = scripted(*trouble)
    with pytest.raises(StillThere) as caught:
        wait(made)
    assert caught.value.exit_code == 5
    assert caught.value.step.state is State.ACCEPTED
    assert "was asked for, but whether it is done is not known" in caught.value.message
    assert made.time.slept == []
