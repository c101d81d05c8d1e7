"""One contract for all gateways: in process, over HTTP, and by the command line, older and newest.

What a road cannot do it says before anything is sent; everything else is the same on all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from fsctl.errors import Usage
from fsctl.membrane.gateway import (
    Action,
    Deadline,
    Fate,
    Gateway,
    GatewayError,
    Origin,
    Request,
    Response,
    Trouble,
)
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID, ConnectionSeed, MembraneOptions
from fsctl.sandbox.walks import Walk
from tests.support.roads import ROADS, Road, RoadName, open_road

ID = DEFAULT_CONNECTION_ID
SECOND = "6920c5a1d3f4e5b6a7c8d902"
THIRD = "6920c5a1d3f4e5b6a7c8d903"
OVER = Deadline(0.0, clock=lambda: 1.0)
JSON = (("Content-Type", "application/json"),)
BY_KEY = Action(id="", name="x", key="create-annotation")

OpenRoad = Callable[..., Road]


@pytest.fixture(params=ROADS)
def open_any(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenRoad]:
    """Opens the road under test to a Membrane with the given options."""
    name: RoadName = request.param
    with ExitStack() as stack:

        def opened(**options: Any) -> Road:
            return stack.enter_context(open_road(name, tmp_path, MembraneOptions(**options)))

        yield opened


@pytest.fixture
def road(open_any: OpenRoad) -> Road:
    return open_any()


@pytest.fixture
def gateway(road: Road) -> Gateway:
    return road.gateway


def failure(act: Callable[[], object]) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        act()
    error = caught.value
    assert error.message and error.message[-1] in ".!?"
    return error


def not_sent(act: Callable[[], object]) -> None:
    """``act`` is refused before anything is sent, in one of the two ways there are."""
    with pytest.raises((Usage, GatewayError)) as caught:
        act()
    if isinstance(caught.value, GatewayError):
        assert caught.value.fate is Fate.NOT_SENT
        assert caught.value.trouble in (Trouble.UNSUPPORTED, Trouble.TOO_LARGE)


def action(gateway: Gateway, key: str) -> Action:
    return next(found for found in gateway.actions(ID) if found.key == key)


def annotate(gateway: Gateway, text: str = "v1.4.2 deployed", **options: Any) -> Any:
    return gateway.run_action(ID, action(gateway, "create-annotation"), {"text": text}, **options)


def texts(road: Road) -> list[str]:
    with road.store.connection() as db:
        return [row[0] for row in db.execute("SELECT text FROM annotations ORDER BY rowid")]


# What it says of itself


def test_it_names_itself_and_what_it_can_carry(road: Road) -> None:
    gateway = road.gateway
    assert gateway.name == ("cli" if road.is_cli else road.name)
    can = gateway.capabilities
    assert can.headers
    assert can.max_body == (100 * 1024 if road.is_cli else 10_000_000)
    assert can.repeated_query is not road.is_cli
    assert can.raw_bodies is (road.name != "cli-newest")


def test_its_account_is_stable_and_holds_no_secret(road: Road) -> None:
    account = road.gateway.account
    assert account and account == road.gateway.account
    for secret in ("T0ken", "eyJ", "Bearer"):
        assert secret not in account
        assert secret not in repr(road.gateway)


def test_it_may_be_closed_twice(gateway: Gateway) -> None:
    assert len(list(gateway.connections())) == 1
    gateway.close()
    gateway.close()


def test_who_we_are_is_told_as_far_as_it_is_known(road: Road) -> None:
    identity = road.gateway.identity()
    if road.is_cli:
        assert identity == {}
    else:
        assert identity == {"name": "Sandbox", "tenant": "sandbox", "workspace": "sandbox"}


# Connections


def test_all_pages_of_connections_come_and_no_archived_one(open_any: OpenRoad) -> None:
    road = open_any(
        connections=(
            ConnectionSeed(),
            ConnectionSeed(id=SECOND, name="Slack", app="slack", state="BUILDING"),
            ConnectionSeed(id=THIRD, key="fs-eu", connected=False, error="bad key"),
        ),
        max_page=1,
    )
    first, second, third = road.gateway.connections()
    assert (first.id, first.usable, first.is_fullstory) == (ID, True, True)
    assert (second.usable, second.state, second.is_fullstory) == (False, "BUILDING", False)
    assert (third.key, third.usable, third.error) == ("fs-eu", False, "bad key")
    if not road.is_older:
        road.gateway.archive(SECOND)
        assert [each.id for each in road.gateway.connections()] == [ID, THIRD]


def test_no_connections_are_an_empty_list(open_any: OpenRoad) -> None:
    assert list(open_any(connections=()).gateway.connections()) == []


def test_one_connection_is_found_by_id_and_by_key(open_any: OpenRoad) -> None:
    seeds = (ConnectionSeed(), ConnectionSeed(id=SECOND, key="fs-eu"))
    gateway = open_any(connections=seeds).gateway
    assert gateway.connection(ID).usable
    assert gateway.connection("fs-eu").id == SECOND
    assert gateway.connection(ID, wait=30).usable


def test_a_missing_connection_is_not_found(gateway: Gateway) -> None:
    error = failure(lambda: gateway.connection(SECOND))
    assert (error.trouble, error.fate, error.origin) == (
        Trouble.NOT_FOUND,
        Fate.REFUSED,
        Origin.MEMBRANE,
    )


def test_ensuring_finds_what_is_there_and_makes_what_is_not(open_any: OpenRoad) -> None:
    road = open_any(connections=(ConnectionSeed(id=SECOND, app="slack", name="Slack"),))
    made = road.gateway.ensure_connection("https://fullstory.com")
    assert made.is_fullstory and made.usable
    assert road.gateway.ensure_connection("https://fullstory.com").id == made.id
    assert len(list(road.gateway.connections())) == 2


def test_a_connector_is_searched_and_connected(gateway: Gateway) -> None:
    (connector,) = gateway.search_connectors("fullstory")
    assert connector.kind == "connector" and "fullstory" in connector.name.lower()
    made = gateway.connect(connector.id, name="A second one")
    assert (made.name, made.usable) == ("A second one", True)
    assert len(list(gateway.connections())) == 2
    assert gateway.search_connectors("fullstory", limit=0) == []
    assert gateway.search_connectors("no such thing") == []


def test_a_new_connection_may_need_a_person(open_any: OpenRoad) -> None:
    gateway = open_any(connections=(), walk=Walk(final="CLIENT_ACTION_REQUIRED")).gateway
    (connector,) = gateway.search_connectors("fullstory")
    made = gateway.connect(connector.id)
    assert (made.usable, made.state) == (False, "CLIENT_ACTION_REQUIRED")
    assert made.client_action is not None and made.client_action["type"] == "connect"


def test_a_disconnected_connection_is_reconnected(open_any: OpenRoad) -> None:
    seed = ConnectionSeed(state="CLIENT_ACTION_REQUIRED", connected=False, good_key=False)
    gateway = open_any(connections=(seed,)).gateway
    assert not gateway.connection(ID).usable
    assert gateway.reconnect(ID).usable
    assert gateway.connection(ID).usable
    assert gateway.request(ID, Request("GET", "/v2/users")).status in (None, 200)


def test_reconnecting_what_is_not_there_is_not_found(gateway: Gateway) -> None:
    assert failure(lambda: gateway.reconnect(SECOND)).trouble is Trouble.NOT_FOUND


def test_archiving_is_final_for_the_list(road: Road) -> None:
    if road.is_older:
        not_sent(lambda: road.gateway.archive(ID))
        assert len(list(road.gateway.connections())) == 1
        return
    road.gateway.archive(ID)
    assert list(road.gateway.connections()) == []
    assert failure(lambda: road.gateway.archive(ID)).trouble is Trouble.NOT_FOUND


# Actions


def test_the_catalogue_is_whole_with_live_schemas(open_any: OpenRoad) -> None:
    gateway = open_any(max_page=3).gateway
    found = {each.key: each for each in gateway.actions(ID)}
    assert len(found) == 8
    schema = found["create-annotation"].input_schema
    assert schema is not None and "text" in json.dumps(schema)
    assert found["create-annotation"].name == "Create Annotation"


def test_an_intent_finds_the_action_that_fits(gateway: Gateway) -> None:
    keys = [each.key for each in gateway.actions(ID, intent="create an annotation")]
    assert "create-annotation" in keys[:3]


def test_the_catalogue_of_a_missing_connection_is_not_found(gateway: Gateway) -> None:
    assert failure(lambda: gateway.actions(SECOND)).trouble is Trouble.NOT_FOUND


@pytest.mark.parametrize("output", ["plain", "data", "data-status"])
def test_an_actions_output_is_the_vendors_body_however_it_is_wrapped(
    open_any: OpenRoad, output: Literal["plain", "data", "data-status"]
) -> None:
    road = open_any(output=output)
    result = annotate(road.gateway)
    assert result.output["text"] == "v1.4.2 deployed"
    assert not result.empty
    assert "v1.4.2 deployed" in texts(road)


def test_an_action_runs_by_its_key_where_it_has_no_id(gateway: Gateway) -> None:
    assert gateway.run_action(ID, BY_KEY, {"text": "by key"}).output["text"] == "by key"


def test_hostile_words_arrive_as_they_were(road: Road) -> None:
    text = "--input=x \"'$(id)` \\ \u00fc\U0001f600\u202e\n%41 @file {}"
    assert annotate(road.gateway, text).output["text"] == text


def test_fullstorys_refusal_of_an_action_is_fullstorys(gateway: Gateway) -> None:
    error = failure(lambda: gateway.run_action(ID, action(gateway, "get-user"), {"id": "404404"}))
    assert (error.trouble, error.fate, error.origin, error.status) == (
        Trouble.NOT_FOUND,
        Fate.REFUSED,
        Origin.FULLSTORY,
        404,
    )
    assert error.action_run_id


def test_a_missing_input_is_invalid_and_nothing_is_done(road: Road) -> None:
    before = texts(road)
    create = action(road.gateway, "create-annotation")
    error = failure(lambda: road.gateway.run_action(ID, create, {}))
    assert error.trouble in (Trouble.INVALID, Trouble.FAILED)  # the command line tells no status
    assert error.fate is Fate.REFUSED
    assert texts(road) == before


def test_a_missing_action_is_not_found_and_not_tried_elsewhere(road: Road) -> None:
    gone = Action(id="6976672484a1c0de51d39999", name="Gone")
    error = failure(lambda: road.gateway.run_action(ID, gone, {"text": "x"}))
    assert (error.trouble, error.fate) == (Trouble.NOT_FOUND, Fate.REFUSED)


def test_a_missing_connection_runs_nothing(road: Road) -> None:
    create = action(road.gateway, "create-annotation")
    error = failure(lambda: road.gateway.run_action(SECOND, create, {"text": "x"}))
    assert (error.trouble, error.fate) == (Trouble.NOT_FOUND, Fate.REFUSED)


@pytest.mark.parametrize(
    "seed",
    [
        ConnectionSeed(state="BUILDING"),
        ConnectionSeed(connected=False),
        ConnectionSeed(good_key=False),
    ],
    ids=["building", "disconnected", "bad-key"],
)
def test_an_unusable_connection_is_what_is_wrong(open_any: OpenRoad, seed: ConnectionSeed) -> None:
    gateway = open_any(connections=(seed,)).gateway
    error = failure(lambda: gateway.run_action(ID, BY_KEY, {"text": "x"}))
    assert (error.trouble, error.fate) == (Trouble.CONNECTION, Fate.REFUSED)


def test_an_action_is_never_run_after_the_deadline(road: Road) -> None:
    before = texts(road)
    create = action(road.gateway, "create-annotation")
    error = failure(lambda: road.gateway.run_action(ID, create, {"text": "x"}, deadline=OVER))
    assert (error.fate, error.trouble) == (Fate.NOT_SENT, Trouble.UNAVAILABLE)
    assert texts(road) == before


# Run logs


def test_a_run_is_told_by_its_id(road: Road) -> None:
    run_id = annotate(road.gateway).action_run_id
    assert run_id
    if road.is_older:
        not_sent(lambda: road.gateway.run_log(run_id))
        return
    log = road.gateway.run_log(run_id)
    assert (log.id, log.status) == (run_id, "success")
    detailed = road.gateway.run_log(run_id, details=True)
    assert detailed.raw["details"]
    assert failure(lambda: road.gateway.run_log(SECOND)).trouble is Trouble.NOT_FOUND


def test_a_run_is_found_by_its_marker_where_runs_can_be_listed(road: Road) -> None:
    done = annotate(road.gateway, meta={"fsctlRun": "m-1"})
    found = road.gateway.find_run(ID, "m-1")
    if road.is_cli:
        assert found is None
    else:
        assert found is not None and found.id == done.action_run_id
    assert road.gateway.find_run(ID, "m-2") is None


def test_where_runs_are_not_kept_none_is_found(open_any: OpenRoad) -> None:
    gateway = open_any(run_logs=False).gateway
    assert annotate(gateway, meta={"fsctlRun": "m-1"}).output["text"]
    assert gateway.find_run(ID, "m-1") is None


# Requests to Fullstory


def body_of(response: Response) -> Any:
    return json.loads(response.body)


def test_a_request_reads(gateway: Gateway) -> None:
    response = gateway.request(ID, Request("GET", "/v2/users", (("is_identified", "true"),)))
    assert response.status in (None, 200)
    assert body_of(response)["total_records"] == "0"


def test_a_request_writes_reads_back_and_deletes(gateway: Gateway) -> None:
    user = {
        "uid": "ada-1",
        "display_name": "Ada \u00fc \U0001f600 $(id)",
        "email": "a+b@example.com",
    }
    request = Request("POST", "/v2/users", headers=JSON, body=json.dumps(user).encode())
    made = body_of(gateway.request(ID, request))
    query = (("email", "a+b@example.com"),)
    (found,) = body_of(gateway.request(ID, Request("GET", "/v2/users", query)))["results"]
    assert (found["id"], found["display_name"]) == (made["id"], user["display_name"])
    deleted = gateway.request(ID, Request("DELETE", f"/v2/users/{made['id']}"))
    assert deleted.status in (None, 200, 202, 204)


def test_fullstorys_failure_comes_back_as_its_response(road: Road) -> None:
    response = road.gateway.request(ID, Request("GET", "/v2/users/404404"))
    assert response.status == 404
    assert body_of(response)["code"] == "resource_not_found"


def test_a_connection_with_a_bad_key_answers_as_fullstory_does(open_any: OpenRoad) -> None:
    gateway = open_any(connections=(ConnectionSeed(good_key=False),)).gateway
    assert gateway.request(ID, Request("GET", "/v2/users")).status == 401


def test_a_request_through_a_missing_or_unready_connection_fails(open_any: OpenRoad) -> None:
    gateway = open_any(connections=(ConnectionSeed(state="BUILDING"),)).gateway
    for selector, trouble in ((SECOND, Trouble.NOT_FOUND), (ID, Trouble.CONNECTION)):
        error = failure(partial(gateway.request, selector, Request("GET", "/v2/users")))
        assert (error.trouble, error.fate) == (trouble, Fate.REFUSED)


def test_headers_reach_fullstory(gateway: Gateway) -> None:
    headers = (*JSON, ("Idempotency-Key", "one-key"))
    twice = [
        gateway.request(
            ID, Request("POST", "/v2/users", headers=headers, body=b'{"display_name": "Anon"}')
        )
        for _ in range(2)
    ]
    assert body_of(twice[0])["id"] == body_of(twice[1])["id"]


def test_repeated_query_keys_arrive_or_are_refused_before_sending(gateway: Gateway) -> None:
    request = Request("GET", "/v2/users", (("uid", "a"), ("uid", "b")))
    if gateway.capabilities.repeated_query:
        assert gateway.request(ID, request).status is not None
    else:
        not_sent(lambda: gateway.request(ID, request))


def test_bodies_that_are_not_json_arrive_or_are_refused_before_sending(road: Road) -> None:
    request = Request("POST", "/v2/users", headers=JSON, body=b"\xff\x00 no JSON")
    if road.is_cli:
        not_sent(lambda: road.gateway.request(ID, request))
    else:
        assert road.gateway.request(ID, request).status == 400


def test_what_is_too_large_is_refused_before_sending(road: Road) -> None:
    limit = road.gateway.capabilities.max_body
    body = json.dumps({"uid": "x" * (limit + 1)}).encode()
    request = Request("POST", "/v2/users", headers=JSON, body=body)
    not_sent(lambda: road.gateway.request(ID, request))
    not_sent(lambda: road.gateway.run_action(ID, BY_KEY, {"text": "x" * (limit + 1)}))


@pytest.mark.parametrize("name", ["Authorization", "host", "Cookie", "Transfer-Encoding"])
def test_headers_of_the_road_are_refused(gateway: Gateway, name: str) -> None:
    not_sent(lambda: gateway.request(ID, Request("GET", "/v2/users", headers=((name, "x"),))))


def test_headers_that_could_smuggle_are_refused(gateway: Gateway) -> None:
    for header in (("X-A", "1\r\nHost: x"), ("X-A: 1\nHost", "x"), ("", "x")):
        request = Request("GET", "/v2/users", headers=(header,))
        not_sent(partial(gateway.request, ID, request))


@pytest.mark.parametrize("method", ["HEAD", "TRACE", "CONNECT", "--help"])
def test_other_methods_are_refused(gateway: Gateway, method: str) -> None:
    not_sent(lambda: gateway.request(ID, Request(method, "/v2/users")))


# Nothing leaves its connection

CLIMBS = (
    "..",
    "../" + SECOND,
    "%2e%2e",
    "%252e%252e%252f",
    "a\\..\\b",
    "",
    "-",
    "--help",
    "a\x00b",
)


def test_a_path_that_could_climb_is_refused_and_never_sent(road: Road) -> None:
    paths = (
        f"/../../{SECOND}/proxy/v2/users",
        "/v2/%2e%2e/%2e%2e/x",
        "/v2/%252e%252e/x",
        "/v2\\..\\..\\x",
        "//evil.test/x",
        "/v2/..;/x",
        "https://api.fullstory.com/../x",
        "https://evil.test\\@api.fullstory.com/",
        "https://user@api.fullstory.com/v2/users",
    )
    for path in paths:
        not_sent(partial(road.gateway.request, ID, Request("GET", path)))
    assert road.membrane.escapes == []


@pytest.mark.parametrize("selector", CLIMBS[:-4])
def test_an_id_that_is_not_one_segment_is_refused_and_never_sent(road: Road, selector: str) -> None:
    gateway, users = road.gateway, Request("GET", "/v2/users")
    for act in (
        lambda: gateway.connection(selector),
        lambda: gateway.connect(selector),
        lambda: gateway.reconnect(selector),
        lambda: gateway.archive(selector),
        lambda: gateway.actions(selector),
        lambda: gateway.run_action(selector, BY_KEY, {}),
        lambda: gateway.run_action(ID, Action(id=selector, name="x"), {}),
        lambda: gateway.request(selector, users),
        lambda: gateway.run_log(selector),
    ):
        not_sent(act)
    assert road.membrane.escapes == []


# Tokens


def test_a_token_that_membrane_does_not_accept_is_told_as_such(open_any: OpenRoad) -> None:
    gateway = open_any(tokens=frozenset(["another"])).gateway
    for act in (
        lambda: list(gateway.connections()),
        lambda: gateway.run_action(ID, BY_KEY, {"text": "x"}),
        lambda: gateway.request(ID, Request("GET", "/v2/users")),
        lambda: gateway.identity(),
    ):
        error = failure(act)
        assert (error.trouble, error.fate, error.origin) == (
            Trouble.UNAUTHENTICATED,
            Fate.REFUSED,
            Origin.MEMBRANE,
        )
        assert error.hint


# Faults on the way: not for the road within the process, which has no way

SERVED: tuple[RoadName, ...] = ("http", "cli-older", "cli-newest")


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("fault", ["500", "502-html", "reset", "reset-after", "truncate", "empty"])
def test_a_write_that_got_no_proper_answer_is_neither_done_nor_refused(
    name: RoadName, fault: str, tmp_path: Path
) -> None:
    with open_road(name, tmp_path, faults=[f"{fault}:x1@{_run_route(name)}"]) as road:
        try:
            result = road.gateway.run_action(ID, BY_KEY, {"text": "once"})
        except GatewayError as error:
            assert error.fate is Fate.UNKNOWN
        else:
            assert fault == "empty" and road.is_cli  # nothing printed may be a write's way
            assert result.empty
        assert texts(road) == (["once"] if fault in ("reset-after", "truncate", "empty") else [])


@pytest.mark.parametrize("name", SERVED)
@pytest.mark.parametrize("fault", ["429", "redirect"])
def test_a_write_that_was_refused_was_not_done(name: RoadName, fault: str, tmp_path: Path) -> None:
    with open_road(name, tmp_path, faults=[f"{fault}:x1@{_run_route(name)}"]) as road:
        error = failure(lambda: road.gateway.run_action(ID, BY_KEY, {"text": "once"}))
        assert texts(road) == []
    assert error.fate is Fate.REFUSED or (road.is_cli and error.fate is Fate.UNKNOWN)
    if fault == "429":
        assert error.trouble is Trouble.RATE_LIMITED
        assert error.retry_after == (None if road.is_cli else 1.0)


@pytest.mark.parametrize("name", SERVED)
def test_a_write_that_is_not_answered_in_time_is_unknown(name: RoadName, tmp_path: Path) -> None:
    with open_road(name, tmp_path, faults=[f"hang:x1@{_run_route(name)}"]) as road:
        assert list(road.gateway.connections())  # so that the help of the command line is read
        deadline = Deadline(0.6, lambda: 0.0)
        error = failure(
            lambda: road.gateway.run_action(ID, BY_KEY, {"text": "x"}, deadline=deadline)
        )
    assert (error.code, error.fate, error.trouble) == (
        "timeout",
        Fate.UNKNOWN,
        Trouble.UNAVAILABLE,
    )


def _run_route(name: RoadName) -> str:
    return "/actions" if name.startswith("cli") else "/act"
