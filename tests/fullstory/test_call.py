"""A call through a scripted gateway: the road, the marks, keys, stale caches, plans, raw ones."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.errors import (
    FsctlError,
    NeedsPerson,
    NotFound,
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
    GET_USER,
    LIST_SESSIONS,
    LIST_USERS,
    TABLE,
    UPDATE_USER,
)
from fsctl.fullstory.repeats import Policy
from fsctl.fullstory.types import Call
from fsctl.membrane.cache import MemoryCache
from fsctl.membrane.failures import from_fullstory, from_membrane
from fsctl.membrane.gateway import Capabilities, Connection, Fate, Origin, Request, Trouble
from tests.support.scripted_gateway import (
    CONNECTION,
    Bench,
    action,
    bench,
    failure,
    inputs,
    not_found,
    ran,
    respond,
)

ANNOTATION = Call(CREATE_ANNOTATION, {"text": "v1"})
ANNOTATE = action("create-annotation", inputs("text"))
READ = Call(LIST_USERS, {"uid": "ada"})
PROXY = Policy(via="proxy")
TIMEOUT = failure(code="timeout")


# -- which road


def test_the_action_is_taken_where_it_fits() -> None:
    made = bench(ran({"text": "v1"}), catalogue=[ANNOTATE])
    answer = made.caller.call(ANNOTATION)
    assert (answer.via, answer.body, answer.action_run_id) == ("action", {"text": "v1"}, "run1")
    (sent,) = made.gateway.sent
    assert sent.action.id == "a1"
    assert sent.arguments == {"text": "v1"}
    assert sent.meta == {"fsctlRun": "id-1"}
    assert sent.connection == CONNECTION.id
    assert made.notes == []


@pytest.mark.parametrize(
    ("catalogue", "reason"),
    [
        ([], "the connection has no action create-annotation"),
        ([action("create-annotation", None)], "the action create-annotation tells no input schema"),
        (
            [action("create-annotation", inputs("source"))],
            "the action create-annotation has no input for text",
        ),
        (
            [action("create-annotation", inputs("text", "orgId", required=["orgId"]))],
            "the action create-annotation also requires orgId",
        ),
    ],
)
def test_the_proxy_is_taken_where_the_action_does_not_fit_and_v_says_why(
    catalogue: list[Any], reason: str
) -> None:
    made = bench(respond(), catalogue=catalogue)
    assert made.caller.call(ANNOTATION).via == "proxy"
    assert made.notes == [f"Using the proxy: {reason}."]


def test_an_action_without_a_schema_is_not_taken_even_with_no_values_to_place() -> None:
    made = bench(respond(), catalogue=[action("list-users", None)])
    assert made.caller.call(Call(LIST_USERS, {})).via == "proxy"


def test_via_action_refuses_before_sending_and_shows_the_schema() -> None:
    made = bench(catalogue=[action("create-annotation", inputs("source"))], policy=Policy("action"))
    with pytest.raises(Usage) as ended:
        made.caller.call(ANNOTATION)
    assert "has no input for text" in ended.value.message
    assert '"source":{}' in (ended.value.hint or "")
    assert made.sends == 0


def test_via_action_refuses_what_no_action_does() -> None:
    made = bench(policy=Policy("action"))
    with pytest.raises(Usage, match="No Membrane action does list-sessions"):
        made.caller.call(Call(LIST_SESSIONS, {"uid": "ada"}))
    assert made.sends == 0


def test_via_proxy_asks_for_no_catalogue() -> None:
    made = bench(respond(), catalogue=[ANNOTATE], policy=PROXY)
    made.caller.call(ANNOTATION)
    assert made.gateway.asked == ["connections"]


def test_the_proxy_base_stands_before_the_path() -> None:
    made = bench(respond(), policy=Policy("proxy", proxy_base="https://api.eu1.fullstory.com"))
    made.caller.call(READ)
    assert made.gateway.sent[0].request.path == "https://api.eu1.fullstory.com/v2/users"


def test_no_service_at_all_is_unavailable_and_told_as_nothing_sent() -> None:
    away = failure(Trouble.UNAVAILABLE, Fate.NOT_SENT)
    made = bench(away, policy=Policy("proxy", retries=0))
    with pytest.raises(Unavailable) as ended:
        made.caller.call(ANNOTATION)
    assert ended.value.hint == "Try again later. Nothing was sent."


def test_questions_on_the_way_are_repeated_even_for_a_write_that_is_not() -> None:
    made = bench(
        ran({"text": "v1"}),
        known=[TIMEOUT, CONNECTION],
        catalogue=[failure(Trouble.UNREADABLE), ANNOTATE],
    )
    made.caller.call(ANNOTATION)
    assert made.gateway.asked == ["connections"] * 2 + [f"actions of {CONNECTION.id}"] * 2
    assert made.sends == 1


def test_an_unanswered_question_leaves_no_write_unknown() -> None:
    made = bench(catalogue=[TIMEOUT], policy=Policy(retries=0))
    with pytest.raises(Unavailable):
        made.caller.call(ANNOTATION)


# -- idempotency keys


@pytest.mark.parametrize(
    "call",
    [Call(CREATE_EVENT, {"name": "x"}), Call(TABLE["create-events-batch"], {"requests": []})],
)
def test_the_same_idempotency_key_goes_along_with_every_repeat(call: Call) -> None:
    made = bench(TIMEOUT, respond(500), respond(200, b'{"job": {}}'), policy=PROXY)
    made.caller.call(call)
    keys = [dict(sent.request.headers)["Idempotency-Key"] for sent in made.gateway.sent]
    assert keys == ["id-1"] * 3


def test_every_call_has_an_idempotency_key_of_its_own() -> None:
    made = bench(respond(), respond(), policy=PROXY)
    for _ in range(2):
        made.caller.call(Call(CREATE_EVENT, {"name": "x"}))
    keys = [dict(sent.request.headers)["Idempotency-Key"] for sent in made.gateway.sent]
    assert keys == ["id-1", "id-2"]


@pytest.mark.parametrize(
    "call", [ANNOTATION, READ, Call(CREATE_USER, {"uid": "a"}), Call(UPDATE_USER, {"id": "1"})]
)
def test_no_idempotency_key_goes_where_it_buys_no_repeat(call: Call) -> None:
    made = bench(respond(), policy=PROXY)
    made.caller.call(call)
    assert "Idempotency-Key" not in dict(made.gateway.sent[0].request.headers)


def test_a_road_without_headers_carries_no_key_and_so_repeats_no_event() -> None:
    bare = Capabilities(
        max_body=1000, headers=False, repeated_query=True, raw_bodies=True, metadata=True
    )
    made = bench(TIMEOUT, policy=PROXY, capabilities=bare)
    with pytest.raises(OutcomeUnknown):
        made.caller.call(Call(CREATE_EVENT, {"name": "x"}))
    (sent,) = made.gateway.sent
    assert sent.request.headers == (("Content-Type", "application/json"),)


# -- empty and null


@pytest.mark.parametrize("operation", ["list-users", "get-user", "list-sessions"])
def test_an_empty_answer_to_a_read_is_unavailable_after_retries(operation: str) -> None:
    made = bench(*[respond(200, b" \n")] * 2, policy=Policy("proxy", retries=1))
    with pytest.raises(Unavailable, match="was empty"):
        made.caller.call(Call(TABLE[operation], {"id": "7"} if operation == "get-user" else {}))
    assert made.sends == 2


def test_an_empty_action_result_is_no_answer_to_a_read_even_with_a_run_id() -> None:
    made = bench(
        ran(None, "run1", empty=True),
        catalogue=[action("list-users", inputs("uid"))],
        policy=Policy(retries=0),
    )
    with pytest.raises(Unavailable) as ended:
        made.caller.call(READ)
    assert ended.value.action_run_id == "run1"


def test_an_explicit_null_is_a_value() -> None:
    get_user = action("get-user", inputs("id"))
    made = bench(ran(None, None), catalogue=[get_user, ANNOTATE])
    assert made.caller.call(Call(GET_USER, {"id": "7"})).body is None
    made = bench(ran(None, None), catalogue=[ANNOTATE])
    assert made.caller.call(ANNOTATION).body is None
    made = bench(respond(200, b"null"), policy=PROXY)
    assert made.caller.call(READ).body is None


def test_an_empty_answer_to_an_annotation_leaves_it_unknown() -> None:
    made = bench(respond(200, b""), policy=PROXY)
    with pytest.raises(OutcomeUnknown):
        made.caller.call(ANNOTATION)


def test_an_action_without_output_is_done_where_its_run_is_told() -> None:
    made = bench(ran(None, "run1", empty=True), catalogue=[ANNOTATE])
    assert made.caller.call(ANNOTATION).action_run_id == "run1"


@pytest.mark.parametrize(
    "call", [Call(DELETE_USER, {"id": "7"}), Call(CREATE_EVENT, {"name": "x"})]
)
def test_an_empty_answer_is_fine_where_the_table_says_so(call: Call) -> None:
    made = bench(respond(200, b""), policy=PROXY)
    assert made.caller.call(call).body is None
    assert call.operation.action
    made = bench(
        ran(None, None, empty=True),
        catalogue=[action(call.operation.action, inputs(*call.values))],
    )
    assert made.caller.call(call).body is None


def test_a_job_that_is_still_running_answers_202_with_nothing() -> None:
    made = bench(respond(202, b""))
    answer = made.caller.call(Call(TABLE["get-users-batch-errors"], {"job_id": "a="}))
    assert (answer.status, answer.body) == (202, None)
    assert made.gateway.sent[0].request.path == "/v2/users/batch/a%3D/errors"


@pytest.mark.parametrize("body", [b"<html>", b'{"results"', b"\xff\xfe", b"NaN"])
def test_an_unreadable_answer_to_a_read_is_asked_for_again(body: bytes) -> None:
    made = bench(respond(200, body), respond(200, b'{"results": []}'), policy=PROXY)
    assert made.caller.call(READ).body == {"results": []}


# -- who says no, and what is to be done


@pytest.mark.parametrize(
    ("status", "body", "ends", "words"),
    [
        (404, b'{"message": "no user", "code": "user_not_found"}', NotFound, "spelling"),
        (404, b"", NotFound, "spelling"),
        (401, b'{"message": "bad key", "code": "unauthorized"}', NeedsPerson, "API key"),
        (403, b'{"message": "no", "code": "forbidden"}', NeedsPerson, "Admin API key"),
        (400, b'{"message": "text is required", "code": "required_field"}', Refused, "--dry-run"),
        (418, b"<html>teapot</html>", Refused, "--dry-run"),
    ],
)
def test_fullstorys_no_ends_by_its_status(
    status: int, body: bytes, ends: type[FsctlError], words: str
) -> None:
    made = bench(respond(status, body), policy=PROXY)
    with pytest.raises(ends) as ended:
        made.caller.call(Call(GET_USER, {"id": "7"}))
    assert type(ended.value) is ends
    assert ended.value.status == status
    assert words in (ended.value.hint or "")
    assert made.sends == 1


@pytest.mark.parametrize(
    ("status", "key", "ends", "words"),
    [
        (401, "not_authenticated", NeedsPerson, "fsctl login"),
        (403, "access_denied", NeedsPerson, "token of the tenant"),
        (404, "not_found", NeedsPerson, "--connection"),
    ],
)
def test_membranes_no_needs_a_person(
    status: int, key: str, ends: type[FsctlError], words: str
) -> None:
    told = from_membrane({"type": "bad_request", "key": key, "message": "No."}, status)
    made = bench(told, told, policy=PROXY)
    with pytest.raises(ends) as ended:
        made.caller.call(Call(GET_USER, {"id": "7"}))
    assert words in (ended.value.hint or "")
    assert ended.value.code == f"bad_request.{key}"


def test_fullstorys_404_inside_an_action_is_not_found_and_drops_no_cache() -> None:
    told = from_fullstory(404, {"message": "no user", "code": "user_not_found"}, action_run_id="r")
    made = bench(told, catalogue=[action("get-user", inputs("id"))])
    with pytest.raises(NotFound) as ended:
        made.caller.call(Call(GET_USER, {"id": "7"}))
    assert (ended.value.code, ended.value.action_run_id) == ("user_not_found", "r")
    assert len(made.gateway.asked) == 2


def test_a_broken_connection_is_a_persons_business_with_its_hint() -> None:
    told = from_membrane(
        {"type": "connection", "key": "access_token_expired", "message": "Expired."}, 400
    )
    made = bench(told, policy=PROXY)
    with pytest.raises(NeedsPerson) as ended:
        made.caller.call(READ)
    assert "reconnect" in (ended.value.hint or "")


def test_words_of_the_services_stand_as_they_came() -> None:
    made = bench(respond(500, b'{"message": "Internal.", "code": "server_error"}'), policy=PROXY)
    with pytest.raises(OutcomeUnknown) as ended:
        made.caller.call(ANNOTATION)
    assert ended.value.message == (
        "The annotation was sent, but whether it took effect is unknown: "
        "Fullstory answered: Internal."
    )


def test_what_was_refused_is_not_told_as_unsent() -> None:
    locked = failure(Trouble.UNAVAILABLE, Fate.REFUSED, Origin.MEMBRANE)
    made = bench(locked, policy=PROXY)
    with pytest.raises(Unavailable) as ended:
        made.caller.call(ANNOTATION)
    assert ended.value.hint == "Try again later. Nothing was changed."


# -- a stale cache


def _with_stale_cache(*steps: Any, **script: Any) -> Bench:
    """A bench whose cache knows a connection and an action that are gone."""
    cache = MemoryCache()
    old = bench(
        ran({}),
        cache=cache,
        known=[Connection("old", "Fullstory", app="fullstory")],
        catalogue=[action("create-annotation", inputs("text"), "old-action")],
    )
    old.caller.call(ANNOTATION)
    return bench(*steps, cache=cache, **script)


def test_a_stale_connection_or_action_is_looked_up_again_once() -> None:
    made = _with_stale_cache(not_found(), ran({"text": "v1"}), catalogue=[ANNOTATE])
    assert made.caller.call(ANNOTATION).body == {"text": "v1"}
    first, second = made.gateway.sent
    assert (first.connection, first.action.id) == ("old", "old-action")
    assert (second.connection, second.action.id) == (CONNECTION.id, "a1")
    assert made.gateway.asked == ["connections", f"actions of {CONNECTION.id}"]


def test_what_stays_gone_needs_a_person_and_is_forgotten() -> None:
    made = _with_stale_cache(not_found(), not_found(), catalogue=[ANNOTATE])
    with pytest.raises(NeedsPerson) as ended:
        made.caller.call(ANNOTATION)
    assert made.sends == 2, "it never loops"
    assert "does not find the connection" in ended.value.message
    made.gateway.steps.append(ran({}))
    made.caller.call(ANNOTATION)
    assert made.gateway.asked.count("connections") == 2


def test_a_connection_chosen_by_name_is_looked_up_again_too() -> None:
    cache = MemoryCache()
    old = bench(
        respond(), cache=cache, wanted="work", policy=PROXY, known=[Connection("old", "work")]
    )
    old.caller.call(READ)
    made = bench(
        not_found(),
        respond(),
        cache=cache,
        wanted="work",
        policy=PROXY,
        known=[Connection("new", "work")],
    )
    made.caller.call(READ)
    assert [sent.connection for sent in made.gateway.sent] == ["old", "new"]


def test_a_list_of_actions_that_is_gone_is_a_stale_connection() -> None:
    cache = MemoryCache()
    bench(respond(), cache=cache, policy=PROXY, known=[Connection("old", "Fullstory")]).caller.call(
        READ
    )
    made = bench(ran({"text": "v1"}), cache=cache, catalogue=[not_found(), ANNOTATE])
    assert made.caller.call(ANNOTATION).via == "action"
    assert made.gateway.asked == [
        "actions of old",
        "connections",
        f"actions of {CONNECTION.id}",
    ]


def test_raw_calls_survive_a_stale_cache_as_well() -> None:
    made = _with_stale_cache(not_found(), respond())
    made.caller.send(Request("POST", "/v2/events"))
    assert [sent.connection for sent in made.gateway.sent] == ["old", CONNECTION.id]

    made = _with_stale_cache(not_found(), ran("done"), catalogue=[ANNOTATE])
    stale = action("create-annotation", inputs("text"), "old-action")
    assert made.caller.run(stale, {"text": "x"}, writes=True).output == "done"
    assert [sent.action.id for sent in made.gateway.sent] == ["old-action", "a1"]


def test_questions_about_a_connection_survive_a_stale_cache() -> None:
    made = _with_stale_cache(catalogue=[not_found(), ANNOTATE])

    def question(connection_id: str, _deadline: Any) -> tuple[str, int]:
        return connection_id, len(made.gateway.actions(connection_id))

    assert made.caller.ask_connection(question, "list of actions") == (CONNECTION.id, 1)


def test_a_missing_run_log_is_simply_not_found() -> None:
    made = bench()

    def question(_deadline: Any) -> None:
        raise not_found()

    with pytest.raises(NotFound):
        made.caller.ask(question, "action run log")


# -- what the road cannot carry

NARROW = Capabilities(
    max_body=20, headers=False, repeated_query=False, raw_bodies=False, metadata=False
)


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "/x", body=b'"' + b"a" * 19 + b'"'),
        Request("GET", "/x", query=(("a", "1"), ("a", "2"))),
        Request("GET", "/x", headers=(("Accept", "text/csv"),)),
        Request("POST", "/x", headers=(("Content-Type", "text/plain"),), body=b"1"),
        Request("POST", "/x", body=b"a=b"),
    ],
    ids=["size", "query", "header", "content type", "body"],
)
def test_what_the_road_cannot_carry_is_refused_before_sending(request_: Request) -> None:
    made = bench(capabilities=NARROW)
    with pytest.raises(Usage) as ended:
        made.caller.send(request_)
    assert "MEMBRANE_TOKEN" in (ended.value.hint or "")
    assert made.sends == 0


def test_what_the_road_can_just_carry_goes() -> None:
    made = bench(respond(), capabilities=NARROW)
    json = (("Content-Type", "application/json"),)
    body = b'"' + b"a" * 18 + b'"'
    made.caller.send(Request("POST", "/x", (("a", "1"), ("b", "1")), json, body))
    assert made.sends == 1


def test_an_actions_input_is_measured_too() -> None:
    made = bench(catalogue=[ANNOTATE], capabilities=NARROW)
    with pytest.raises(Usage, match="carries at most 20"):
        made.caller.call(Call(CREATE_ANNOTATION, {"text": "a" * 10}))
    assert made.sends == 0


@pytest.mark.parametrize("via", ["proxy", "auto"])
@pytest.mark.parametrize(
    "call",
    [
        Call(CREATE_ANNOTATION, {"text": "half a \udcff"}),
        Call(LIST_USERS, {"uid": "half a \udcff"}),
    ],
)
def test_half_a_character_is_a_usage_error_before_sending(via: Any, call: Call) -> None:
    catalogue = [ANNOTATE, action("list-users", inputs("uid"))]
    made = bench(catalogue=catalogue, policy=Policy(via))
    with pytest.raises(Usage, match="surrogate"):
        made.caller.call(call)
    assert made.sends == 0


# -- marks for interrupts and closed pipes


def test_a_write_that_is_done_is_remembered_and_a_read_is_not() -> None:
    made = bench(respond(), respond(), respond(), policy=PROXY)
    wrote = []
    for call in (READ, ANNOTATION, READ):
        made.caller.call(call)
        wrote.append(made.caller.wrote)
    assert wrote == [False, True, True]
    assert made.caller.in_flight is None


@pytest.mark.parametrize("step", [respond(400), respond(500), Usage("Not by this road.")])
def test_a_write_that_failed_is_neither_done_nor_in_flight(step: Any) -> None:
    made = bench(step, policy=PROXY)
    with pytest.raises(FsctlError):
        made.caller.call(ANNOTATION)
    assert not made.caller.wrote
    assert made.caller.in_flight is None


def test_an_interrupted_write_stays_in_flight() -> None:
    made = bench(KeyboardInterrupt(), policy=PROXY)
    with pytest.raises(KeyboardInterrupt):
        made.caller.call(ANNOTATION)
    assert made.caller.in_flight is not None
    assert made.caller.in_flight.noun == "annotation"
    assert made.caller.in_flight.check == CREATE_ANNOTATION.check


def test_an_interrupted_read_leaves_nothing_in_flight() -> None:
    made = bench(KeyboardInterrupt(), policy=PROXY)
    with pytest.raises(KeyboardInterrupt):
        made.caller.call(READ)
    assert made.caller.in_flight is None


def test_a_write_that_waits_after_a_refusal_is_not_in_flight() -> None:
    busy = failure(Trouble.RATE_LIMITED, Fate.REFUSED)
    made = bench(busy, respond(), policy=PROXY)
    seen: list[object] = []
    made.time.watch = lambda: seen.append(made.caller.in_flight)
    made.caller.call(ANNOTATION)
    assert seen == [None]


def test_a_write_that_waits_after_a_timeout_still_is() -> None:
    made = bench(TIMEOUT, respond(), policy=PROXY)
    seen: list[object] = []
    made.time.watch = lambda: seen.append(made.caller.in_flight)
    made.caller.call(Call(UPDATE_USER, {"id": "7", "email": "a@b.test"}))
    assert seen != [None]


def test_a_settled_write_is_in_flight_no_more() -> None:
    made = bench(KeyboardInterrupt(), catalogue=[ANNOTATE])
    with pytest.raises(KeyboardInterrupt):
        made.caller.run(ANNOTATE, {}, writes=True)
    assert made.caller.in_flight is not None
    made.gateway.steps.append(ran({}))
    made.caller.run(ANNOTATE, {}, writes=True)
    assert made.caller.in_flight is None


# -- plans


def test_a_plan_is_the_exact_input_and_writes_nothing() -> None:
    made = bench(catalogue=[ANNOTATE])
    assert made.caller.plan(ANNOTATION) == {
        "dry_run": True,
        "fitted": True,
        "connection": CONNECTION.id,
        "operation": "create-annotation",
        "via": "action",
        "action": "create-annotation",
        "action_id": "a1",
        "input": {"text": "v1"},
    }
    assert made.sends == 0


def test_a_plan_through_the_proxy_is_the_exact_request() -> None:
    made = bench()
    plan = made.caller.plan(Call(UPDATE_USER, {"id": "7", "email": "a@b.test"}))
    assert plan == {
        "dry_run": True,
        "fitted": True,
        "connection": CONNECTION.id,
        "operation": "update-user",
        "via": "proxy",
        "method": "POST",
        "path": "/v2/users/7",
        "headers": [{"name": "Content-Type", "value": "application/json"}],
        "body": {"email": "a@b.test"},
    }


@pytest.mark.parametrize(
    "script",
    [
        {"known": []},
        {"known": [failure(Trouble.UNAUTHENTICATED, Fate.REFUSED)]},
        {"known": [failure(Trouble.UNAVAILABLE, Fate.NOT_SENT)]},
        {"catalogue": [not_found()], "wanted": CONNECTION.id},
    ],
    ids=["no connection", "no token", "away", "gone"],
)
def test_a_plan_that_nobody_can_be_asked_for_fails_as_the_call_would(
    script: dict[str, Any],
) -> None:
    made = bench(policy=Policy(retries=0), **script)
    if "wanted" in script:
        made.gateway.catalogue.append(not_found())
        made.gateway.actions = _always_gone  # type: ignore[method-assign]
    with pytest.raises((NeedsPerson, Unavailable)):
        made.caller.plan(ANNOTATION)
    assert made.sends == 0


def _always_gone(*_: Any, **__: Any) -> Any:
    raise not_found()


def test_a_plan_that_cannot_be_is_refused_as_the_call_would_be() -> None:
    made = bench(policy=Policy("action"))
    with pytest.raises(Usage):
        made.caller.plan(ANNOTATION)


# -- raw


def test_a_raw_read_is_repeated() -> None:
    made = bench(TIMEOUT, respond(503), respond(200, b"yes"))
    response, error = made.caller.send(Request("GET", "/x"))
    assert (response.body, error) == (b"yes", None)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_raw_write_is_not(method: str) -> None:
    made = bench(TIMEOUT)
    with pytest.raises(OutcomeUnknown):
        made.caller.send(Request(method, "/x"))
    assert made.sends == 1


def test_a_raw_write_refused_by_the_rate_limit_is_sent_again() -> None:
    made = bench(respond(429, b"{}", ("Retry-After", "2")), respond())
    made.caller.send(Request("POST", "/x"))
    assert made.time.slept == [2.0]


def test_fullstorys_failure_comes_back_with_its_response() -> None:
    made = bench(respond(404, b'{"message": "Nope.", "code": "user_not_found"}'))
    response, error = made.caller.send(Request("DELETE", "/v2/users/7"))
    assert response.body.startswith(b'{"message"')
    assert isinstance(error, NotFound)
    assert error.code == "user_not_found"
    assert not made.caller.wrote
    assert made.caller.in_flight is None


def test_a_5xx_to_a_raw_write_leaves_it_unknown() -> None:
    made = bench(respond(500, b"{}"))
    _, error = made.caller.send(Request("POST", "/x"))
    assert isinstance(error, OutcomeUnknown)


def test_not_modified_is_an_answer() -> None:
    made = bench(respond(304, b""))
    assert made.caller.send(Request("GET", "/x"))[1] is None


def test_an_answer_of_unknown_status_is_an_answer() -> None:
    made = bench(respond(None, b"[]"))
    assert made.caller.send(Request("GET", "/x"))[1] is None


def test_a_raw_action_that_only_reads_is_repeated_and_one_that_may_write_is_not() -> None:
    made = bench(TIMEOUT, ran([]))
    assert made.caller.run(ANNOTATE, {}, writes=False).output == []
    made = bench(TIMEOUT)
    with pytest.raises(OutcomeUnknown):
        made.caller.run(ANNOTATE, {}, writes=True)
    assert made.sends == 1


def test_a_raw_action_may_have_nothing_to_say() -> None:
    made = bench(ran(None, None, empty=True))
    assert made.caller.run(ANNOTATE, {}, writes=True).output is None
    assert made.caller.wrote
