"""Who is called again after what, how often, after which pause, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import (
    FsctlError,
    NeedsPerson,
    OutcomeUnknown,
    Refused,
    Unavailable,
    Usage,
)
from fsctl.fullstory.operations import (
    CREATE_ANNOTATION,
    CREATE_EVENT,
    CREATE_USER,
    DELETE_USER,
    DELETE_USER_BY_UID,
    LIST_USERS,
    TABLE,
    UPDATE_USER,
)
from fsctl.fullstory.repeats import LONGEST_PAUSE, Policy, may_repeat, pause_before_retry
from fsctl.fullstory.types import Call, Via
from fsctl.membrane.gateway import Fate, GatewayError, Origin, Trouble
from tests.support.scripted_gateway import Step, action, bench, failure, inputs, ran, respond

READ = Call(LIST_USERS, {"uid": "ada"})
UPSERT = Call(CREATE_USER, {"uid": "ada"})
ANONYMOUS = Call(CREATE_USER, {"display_name": "Ada"})
UPDATE = Call(UPDATE_USER, {"id": "7", "email": "a@b.test"})
DELETE = Call(DELETE_USER, {"id": "7"})
DELETE_UID = Call(DELETE_USER_BY_UID, {"uid": "ada"})
EVENT = Call(CREATE_EVENT, {"name": "Order"})
BATCH = Call(TABLE["create-users-batch"], {"requests": []})
ANNOTATION = Call(CREATE_ANNOTATION, {"text": "v1"})

NOT_SENT = failure(fate=Fate.NOT_SENT)
TIMEOUT = failure(code="timeout")
UNREADABLE = failure(Trouble.UNREADABLE)
BUSY = failure(Trouble.RATE_LIMITED, Fate.REFUSED)
BUSY_12 = failure(Trouble.RATE_LIMITED, Fate.REFUSED, retry_after=12.0)
REFUSED = failure(Trouble.INVALID, Fate.REFUSED, Origin.FULLSTORY)
NO_TOKEN = failure(Trouble.UNAUTHENTICATED, Fate.NOT_SENT)
HTML_502 = failure(Trouble.UNAVAILABLE, status=502)


@dataclass(frozen=True)
class Case:
    """``sends`` where it fails for ever; ``ends`` is how."""

    call: Call
    fails: GatewayError
    sends: int
    ends: type[FsctlError]

    def __str__(self) -> str:
        return f"{self.call.operation.name}-{self.fails.trouble.value}-{self.fails.fate.value}"


ALWAYS_AGAIN = [NOT_SENT, BUSY]
MAYBE_DONE = [TIMEOUT, HTML_502, UNREADABLE]
REPEATABLE = [READ, UPSERT, UPDATE, DELETE]
BY_KEY = [EVENT, BATCH]
NEVER = [ANNOTATION, ANONYMOUS, DELETE_UID]
EVERY = [*REPEATABLE, *BY_KEY, *NEVER]


def _unknown(call: Call) -> type[FsctlError]:
    return OutcomeUnknown if call.operation.writes else Unavailable


THROUGH_THE_PROXY = [
    *(Case(call, fails, 4, Unavailable) for call in EVERY for fails in ALWAYS_AGAIN),
    *(Case(c, fails, 4, _unknown(c)) for c in [*REPEATABLE, *BY_KEY] for fails in MAYBE_DONE),
    *(Case(call, fails, 1, OutcomeUnknown) for call in NEVER for fails in MAYBE_DONE),
    *(Case(call, REFUSED, 1, Refused) for call in EVERY),
    *(Case(call, NO_TOKEN, 1, NeedsPerson) for call in EVERY),
]


@pytest.mark.parametrize("case", THROUGH_THE_PROXY, ids=str)
def test_only_what_may_be_repeated_is_repeated_through_the_proxy(case: Case) -> None:
    made = bench(*[case.fails] * case.sends, policy=Policy(via="proxy", retries=3))
    with pytest.raises(case.ends) as ended:
        made.caller.call(case.call)
    assert type(ended.value) is case.ends
    assert made.sends == case.sends
    assert made.time.slept == [0.25, 0.5, 1.0][: case.sends - 1]
    assert made.looks == 0


THROUGH_ACTIONS = [
    *(Case(call, fails, 4, Unavailable) for call in EVERY for fails in ALWAYS_AGAIN),
    *(Case(call, fails, 4, _unknown(call)) for call in REPEATABLE for fails in MAYBE_DONE),
    # An action carries no Idempotency-Key.
    *(
        Case(call, fails, 1, OutcomeUnknown)
        for call in [EVENT, ANNOTATION, ANONYMOUS, DELETE_UID]
        for fails in MAYBE_DONE
    ),
    *(Case(call, REFUSED, 1, Refused) for call in EVERY),
]


@pytest.mark.parametrize(
    "case", [case for case in THROUGH_ACTIONS if case.call is not BATCH], ids=str
)
def test_only_what_may_be_repeated_is_repeated_through_actions(case: Case) -> None:
    key = case.call.operation.action
    assert key
    known = action(key, inputs(*case.call.values))
    made = bench(*[case.fails] * case.sends, catalogue=[known], policy=Policy(via="action"))
    with pytest.raises(case.ends) as ended:
        made.caller.call(case.call)
    assert type(ended.value) is case.ends
    assert made.sends == case.sends
    unknown_write = case.ends is OutcomeUnknown
    assert made.looks == (1 if unknown_write else 0), "logs settle unanswered writes, once"


@pytest.mark.parametrize(
    ("status", "headers", "sends", "slept", "ends"),
    [
        (429, (("Retry-After", "12"),), 3, [12.0, 12.0], Unavailable),
        (429, (), 3, [0.25, 0.5], Unavailable),
        (500, (), 1, [], OutcomeUnknown),
        (502, (), 1, [], OutcomeUnknown),
        (503, (("Retry-After", "1"),), 1, [], OutcomeUnknown),
        (400, (), 1, [], Refused),
        (409, (), 1, [], Refused),
        (302, (("Location", "https://evil.test"),), 1, [], Refused),
    ],
)
def test_an_annotation_is_repeated_only_after_fullstorys_429(
    status: int,
    headers: tuple[tuple[str, str], ...],
    sends: int,
    slept: list[float],
    ends: type[FsctlError],
) -> None:
    answer = respond(status, b'{"message": "No.", "code": "no"}', *headers)
    made = bench(*[answer] * sends, policy=Policy(via="proxy", retries=2))
    with pytest.raises(ends):
        made.caller.call(ANNOTATION)
    assert made.time.slept == slept
    assert made.sends == sends


@pytest.mark.parametrize(
    "unknown", [TIMEOUT, UNREADABLE, HTML_502, respond(500), respond(200, b""), respond(200, b"{")]
)
@pytest.mark.parametrize("via", ["proxy", "auto", "action"])
def test_an_annotation_is_never_sent_twice_after_an_unknown_outcome(
    unknown: Step, via: Via
) -> None:
    if via == "action" and not isinstance(unknown, GatewayError):
        unknown = ran(None, None, empty=True)
    known = [action("create-annotation", inputs("text"))] if via == "action" else []
    made = bench(unknown, catalogue=known, policy=Policy(via=via, retries=20))
    with pytest.raises(OutcomeUnknown) as ended:
        made.caller.call(ANNOTATION)
    assert made.sends == 1
    assert ended.value.hint == CREATE_ANNOTATION.check
    assert "whether it took effect is unknown" in ended.value.message


def test_a_retry_after_beyond_the_deadline_stops_at_once() -> None:
    late = failure(Trouble.RATE_LIMITED, Fate.REFUSED, retry_after=61.0)
    made = bench(late, policy=Policy(via="proxy", patience=60.0))
    with pytest.raises(Unavailable) as ended:
        made.caller.call(READ)
    assert made.time.slept == []
    assert ended.value.hint == "Try again in 61 seconds."


def test_no_pause_outlasts_the_deadline() -> None:
    made = bench(*[TIMEOUT] * 5, policy=Policy(via="proxy", retries=20, patience=4.0))
    with pytest.raises(Unavailable):
        made.caller.call(READ)
    assert made.time.slept == [0.25, 0.5, 1.0, 2.0], "4.0 more would have been too late"


def test_a_repeat_that_works_is_a_success_and_told_with_v() -> None:
    made = bench(TIMEOUT, BUSY_12, respond(200, b'{"results": []}'), policy=Policy(via="proxy"))
    assert made.caller.call(READ).body == {"results": []}
    assert made.time.slept == [0.25, 12.0]
    assert made.notes == [
        "It failed. Trying again in 0.2 s.",
        "It failed. Trying again in 12.0 s.",
    ]


@pytest.mark.parametrize("retries", [0, 1, 20])
def test_the_number_of_repeats_is_what_was_asked_for(retries: int) -> None:
    made = bench(
        *[NOT_SENT] * (retries + 1), policy=Policy(via="proxy", retries=retries, patience=1e6)
    )
    with pytest.raises(Unavailable):
        made.caller.call(ANNOTATION)
    assert made.sends == retries + 1


def test_what_the_road_cannot_do_is_not_tried_again() -> None:
    made = bench(failure(Trouble.UNSUPPORTED, Fate.NOT_SENT), policy=Policy(via="proxy"))
    with pytest.raises(Usage):
        made.caller.call(READ)
    assert made.sends == 1


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize("fate", Fate)
def test_a_write_that_may_have_been_done_is_never_repeatable_by_itself(
    trouble: Trouble, fate: Fate
) -> None:
    if may_repeat(failure(trouble, fate), repeatable=False):
        assert fate is Fate.NOT_SENT or (fate, trouble) == (Fate.REFUSED, Trouble.RATE_LIMITED)


@given(
    tried=st.integers(0, 1000),
    told=st.none() | st.floats(0, 1e9),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_a_pause_is_bounded_and_never_shorter_than_retry_after(
    tried: int, told: float | None, chance: float
) -> None:
    pause = pause_before_retry(tried, told, chance)
    if told is None:
        assert 0 < pause <= LONGEST_PAUSE
    else:
        assert told <= pause <= told + 1.0


@given(chances=st.lists(st.floats(0, 1, exclude_max=True), min_size=40, max_size=40))
def test_the_longest_possible_pause_never_shrinks(chances: Sequence[float]) -> None:
    ceilings = [pause_before_retry(tried, None, 1.0) for tried in range(40)]
    assert ceilings == sorted(ceilings)
    for tried, chance in enumerate(chances):
        assert ceilings[tried] / 2 <= pause_before_retry(tried, None, chance) <= ceilings[tried]
