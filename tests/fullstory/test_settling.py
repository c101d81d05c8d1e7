"""A run that was not answered: one look at Membrane's run log before it is called unknown."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.errors import FsctlError, NeedsPerson, NotFound, OutcomeUnknown, Refused
from fsctl.fullstory.operations import CREATE_ANNOTATION, LIST_USERS, UPDATE_USER
from fsctl.fullstory.repeats import Policy
from fsctl.fullstory.types import Call
from fsctl.membrane.gateway import Capabilities, Fate, RunLog, Trouble
from tests.support.scripted_gateway import Bench, action, bench, failure, inputs, ran

ANNOTATION = Call(CREATE_ANNOTATION, {"text": "v1"})
ANNOTATE = action("create-annotation", inputs("text"))
TIMEOUT = failure(code="timeout")


def unanswered(*logs: RunLog | BaseException | None, **script: Any) -> Bench:
    return bench(TIMEOUT, catalogue=[ANNOTATE], logs=logs, **script)


def test_a_run_that_succeeded_is_the_answer() -> None:
    made = unanswered(RunLog("run9", "success", output={"text": "v1"}))
    answer = made.caller.call(ANNOTATION)
    assert (answer.body, answer.action_run_id) == ({"text": "v1"}, "run9")
    assert made.gateway.asked[-1] == "run id-1", "looked for by the mark that was sent along"
    assert made.gateway.sent[0].meta == {"fsctlRun": "id-1"}
    assert made.caller.wrote
    assert made.caller.in_flight is None
    assert made.notes == ["Membrane's run log tells how it ended."]


def test_the_vendors_body_is_taken_out_of_the_log_as_out_of_an_answer() -> None:
    made = unanswered(RunLog("run9", "success", output={"data": {"text": "v1"}, "status": 200}))
    assert made.caller.call(ANNOTATION).body == {"text": "v1"}


def test_a_vendors_no_behind_a_successful_run_is_a_no() -> None:
    output = {"data": {"message": "text is required", "code": "required_field"}, "status": 400}
    made = unanswered(RunLog("run9", "success", output=output))
    with pytest.raises(Refused) as ended:
        made.caller.call(ANNOTATION)
    assert (ended.value.code, ended.value.action_run_id) == ("required_field", "run9")


def test_a_vendors_5xx_behind_a_successful_run_leaves_it_unknown() -> None:
    made = unanswered(RunLog("run9", "success", output={"data": "oops", "status": 502}))
    with pytest.raises(OutcomeUnknown):
        made.caller.call(ANNOTATION)


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (None, Refused),
        ("boom", Refused),
        ({"type": "bad_request", "message": "Wrong."}, Refused),
        ({"type": "action_run", "message": "x", "data": {"response": {"status": 404}}}, NotFound),
        ({"type": "connection", "message": "Expired."}, NeedsPerson),
        # Membrane's own trouble says nothing of what Fullstory did.
        ({"type": "internal", "message": "Oops."}, OutcomeUnknown),
        (
            {"type": "action_run", "message": "x", "data": {"response": {"status": 503}}},
            OutcomeUnknown,
        ),
    ],
)
def test_a_run_that_failed_is_refused(error: Any, ends: type[FsctlError]) -> None:
    made = unanswered(RunLog("run9", "error", error=error))
    with pytest.raises(ends) as ended:
        made.caller.call(ANNOTATION)
    assert type(ended.value) is ends
    assert made.sends == 1
    if ends is not OutcomeUnknown:
        assert ended.value.action_run_id == "run9"
    if error is None:
        assert ended.value.hint == "See `fsctl actions log run9 --details`."


def test_a_logged_not_found_is_no_reason_to_send_it_again() -> None:
    error = {"type": "bad_request", "key": "not_found", "message": "No user."}
    made = unanswered(RunLog("run9", "error", error=error))
    with pytest.raises(NotFound):
        made.caller.call(ANNOTATION)
    assert made.sends == 1


@pytest.mark.parametrize(
    "log",
    [
        None,
        RunLog("run9", None),
        RunLog("run9", "running"),
        failure(Trouble.FORBIDDEN, Fate.REFUSED),
        failure(Trouble.UNAVAILABLE, Fate.NOT_SENT),
    ],
    ids=["none", "no status", "running", "off", "away"],
)
def test_a_log_that_does_not_tell_leaves_it_unknown_after_one_look(log: Any) -> None:
    made = unanswered(log)
    with pytest.raises(OutcomeUnknown) as ended:
        made.caller.call(ANNOTATION)
    assert made.looks == 1
    assert made.time.slept == []
    assert ended.value.hint == CREATE_ANNOTATION.check


def test_no_look_where_the_mark_did_not_go_along() -> None:
    plain = Capabilities(
        max_body=1000, headers=True, repeated_query=True, raw_bodies=True, metadata=False
    )
    made = unanswered(RunLog("run9", "success"), capabilities=plain)
    with pytest.raises(OutcomeUnknown):
        made.caller.call(ANNOTATION)
    assert made.looks == 0


@pytest.mark.parametrize(
    "failed",
    [
        failure(Trouble.INVALID, Fate.REFUSED),
        failure(Trouble.UNAVAILABLE, Fate.NOT_SENT),
        failure(Trouble.RATE_LIMITED, Fate.REFUSED),
    ],
)
def test_no_look_where_the_outcome_is_known(failed: Any) -> None:
    made = bench(failed, catalogue=[ANNOTATE], policy=Policy(retries=0))
    with pytest.raises(FsctlError):
        made.caller.call(ANNOTATION)
    assert made.looks == 0


def test_no_look_for_a_read() -> None:
    known = action("list-users", inputs("uid"))
    made = bench(TIMEOUT, catalogue=[known], policy=Policy(retries=0))
    with pytest.raises(FsctlError):
        made.caller.call(Call(LIST_USERS, {"uid": "ada"}))
    assert made.looks == 0


def test_no_look_through_the_proxy_which_has_no_log() -> None:
    made = bench(TIMEOUT, policy=Policy("proxy"))
    with pytest.raises(OutcomeUnknown):
        made.caller.call(ANNOTATION)
    assert made.looks == 0


def test_an_answer_without_output_or_run_is_looked_up_as_well() -> None:
    made = bench(
        ran(None, None, empty=True),
        catalogue=[ANNOTATE],
        logs=[RunLog("run9", "success", output={"text": "v1"})],
    )
    assert made.caller.call(ANNOTATION).body == {"text": "v1"}


def test_a_repeated_write_is_settled_by_success_but_not_by_its_last_failure() -> None:
    call = Call(UPDATE_USER, {"id": "7", "email": "a@b.test"})
    known = action("update-user", inputs("id", "email"))
    made = bench(
        TIMEOUT, TIMEOUT, catalogue=[known], logs=[RunLog("r", "error")], policy=Policy(retries=1)
    )
    with pytest.raises(OutcomeUnknown):
        made.caller.call(call)
    made = bench(
        TIMEOUT,
        TIMEOUT,
        catalogue=[known],
        logs=[RunLog("r", "success", output={"id": "7"})],
        policy=Policy(retries=1),
    )
    assert made.caller.call(call).body == {"id": "7"}
    assert made.gateway.sent[0].meta == made.gateway.sent[1].meta


def test_a_raw_action_is_settled_too() -> None:
    made = bench(TIMEOUT, logs=[RunLog("run9", "success", output=[1])])
    assert made.caller.run(ANNOTATE, {"text": "x"}, writes=True).output == [1]


def test_an_interrupt_while_looking_leaves_the_write_in_flight() -> None:
    made = unanswered(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        made.caller.call(ANNOTATION)
    assert made.caller.in_flight is not None
