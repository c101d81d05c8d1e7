"""The command-line gateway over strict fakes of the membrane binary, older and newest."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import NeedsPerson, Usage
from fsctl.membrane.child import run_child
from fsctl.membrane.cli import CliGateway
from fsctl.membrane.gateway import (
    Action,
    ActionResult,
    Deadline,
    Fate,
    GatewayError,
    Origin,
    Request,
    Response,
    Trouble,
)
from tests.support.fake_membrane import TOKEN, FakeMembrane, Form, make_cli_gateway
from tests.support.sandbox_server import running_sandbox

CID = "69eb73be0a1b2c3d4e5f6071"
DIGITS = "697667248400000000000012"  # an id that JavaScript would read as 6.97...e+23
ACTION = Action(id="6976672484a1c0de51d30007", name="Create Annotation", key="create-annotation")
CONNECTION = {"id": CID, "name": "Fullstory", "state": "READY", "integration": {"key": "fullstory"}}
LIST = {"items": [CONNECTION]}
ACTED = {"output": {"id": "1"}, "actionRunId": "run-1"}
GET = Request("GET", "/v2/users")
POST = Request("POST", "/v2/users", body=b'{"uid":"u1"}')

forms = pytest.mark.parametrize("form", ["older", "newest"])


class Road:
    """A gateway and the fake behind it."""

    def __init__(self, tmp_path: Path, fake: FakeMembrane, **options: Any) -> None:
        self.fake = fake
        self.gateway: CliGateway = make_cli_gateway(tmp_path, fake=fake, **options)

    @property
    def asked(self) -> list[list[str]]:
        return self.fake.asked


def road(
    tmp_path: Path, form: Form = "newest", options: dict[str, Any] | None = None, **settings: Any
) -> Road:
    settings.setdefault("answers", {"connection list": LIST, "action run": ACTED, "act": ACTED})
    return Road(tmp_path, FakeMembrane(form=form, **settings), **(options or {}))


def failure(call: Any, *arguments: Any, **named: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        call(*arguments, **named)
    return caught.value


# -- what is run


@forms
def test_action_is_run_with_one_argument_order_in_both_generations(
    tmp_path: Path, form: Form
) -> None:
    membrane = road(tmp_path, form)
    result = membrane.gateway.run_action(CID, ACTION, {"text": "v1 — é"}, meta={"fsctlRun": "m"})
    assert result == ActionResult({"id": "1"}, "run-1")
    assert membrane.asked == [
        ["action", "run", ACTION.id, f"--connectionId={CID}", '--input={"text":"v1 — é"}', "--json"]
    ]


def test_u7_act_is_used_where_action_run_is_missing_and_carries_the_mark(tmp_path: Path) -> None:
    membrane = road(tmp_path, without=["action run"])
    membrane.gateway.run_action(CID, ACTION, {}, meta={"fsctlRun": "m"})
    membrane.gateway.run_action(CID, Action("", "Named", "create-annotation"), {})
    assert membrane.asked == [
        ["act", f"--connectionId={CID}", "--input={}", f"--id={ACTION.id}",
         '--meta={"fsctlRun":"m"}', "--json"],
        ["act", f"--connectionId={CID}", "--input={}", "--key=create-annotation", "--json"],
    ]  # fmt: skip


def test_u7_version_without_either_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    membrane = road(tmp_path, without=["action run", "act", "request"])
    for error in (
        failure(membrane.gateway.run_action, CID, ACTION, {}),
        failure(membrane.gateway.request, CID, GET),
    ):
        assert (error.trouble, error.fate) == (Trouble.UNSUPPORTED, Fate.NOT_SENT)
        assert "MEMBRANE_TOKEN" in (error.hint or "")
    assert membrane.asked == []


def test_u7_raw_request_goes_through_act_before_request(tmp_path: Path) -> None:
    membrane = road(tmp_path, answers={"act": {"output": {"status": 200, "data": []}}})
    headers = (("Idempotency-Key", "k"),)
    request = Request("post", "/v2/users", (("dry", "a b&c"),), headers, b'{"uid": 1.50}')
    assert membrane.gateway.request(CID, request) == Response(200, (), b"[]")
    api = {
        "method": "POST",
        "path": "/v2/users",
        "query": {"dry": "a b&c"},
        "headers": {"Idempotency-Key": "k"},
        "body": {"uid": 1.5},
    }
    argument = "--api=" + json.dumps(api, separators=(",", ":"))
    assert membrane.asked == [["act", f"--connectionId={CID}", argument, "--json"]]


def test_u7_raw_request_goes_through_request_where_act_is_missing(tmp_path: Path) -> None:
    membrane = road(tmp_path, "older", answers={"request": {"status": 200, "data": []}})
    request = Request("POST", "/v2/users", (("a", "b=c"), ("d", "")), (("X-Own", "1"),), b'{"u":1}')
    assert membrane.gateway.request(CID, request) == Response(200, (), b"[]")
    assert membrane.gateway.request(CID, GET).status == 200
    text = Request("POST", "/v2/x", headers=(("content-type", "text/csv"),), body=b"a,b\n")
    membrane.gateway.request(CID, text)
    head = ["request", CID]
    assert membrane.asked == [
        [*head, "/v2/users", "--method=POST", "--query=a=b=c", "--query=d=", "--header=X-Own: 1",
         "--header=Content-Type: application/json", '--data={"u":1}', "--json"],
        [*head, "/v2/users", "--method=GET", "--json"],
        [*head, "/v2/x", "--method=POST", "--header=content-type: text/csv", "--data=a,b\n",
         "--rawData", "--json"],
    ]  # fmt: skip


@forms
@pytest.mark.parametrize("mood", ["empty", "echo", "axios", "truncated", "killed", "text"])
def test_u7_nothing_is_tried_another_way_after_it_was_sent(
    tmp_path: Path, form: Form, mood: str
) -> None:
    membrane = road(tmp_path, form, mood=mood, text="Error: 503", exit=1,
                    answers={"act": ACTED, "action run": ACTED, "request": ACTED})  # fmt: skip
    for call in (
        lambda: membrane.gateway.request(CID, POST),
        lambda: membrane.gateway.run_action(CID, ACTION, {}),
    ):
        try:
            call()
        except GatewayError as error:
            assert error.fate is Fate.UNKNOWN
    assert len(membrane.asked) == 2


def test_u8_login_is_never_run_and_the_command_for_it_is_told(tmp_path: Path) -> None:
    membrane = road(tmp_path, mood="logged_out")
    for call in (
        lambda: list(membrane.gateway.connections()),
        lambda: membrane.gateway.identity(),
        lambda: membrane.gateway.run_action(CID, ACTION, {}),
    ):
        error = failure(call)
        assert (error.trouble, error.fate) == (Trouble.UNAUTHENTICATED, Fate.REFUSED)
        assert "`fsctl login`" in (error.hint or "")
    assert {argv[0] for argv in membrane.asked} == {"connection", "action"}


@forms
def test_child_runs_in_the_state_directory_and_never_holds_a_secret_in_argv(
    tmp_path: Path, form: Form
) -> None:
    environ = {"MEMBRANE_TOKEN": "opaque-token-1234", "MEMBRANE_WORKSPACE_SECRET": "s3cret-value"}
    membrane = road(tmp_path, form, {"environ": environ})
    list(membrane.gateway.connections())
    membrane.gateway.run_action(CID, ACTION, {"text": "x"})
    for call in membrane.fake.calls:
        assert call.cwd == str((tmp_path / "state").resolve())
        assert {"NO_COLOR", "CI", "HOME", "MEMBRANE_TOKEN", "MEMBRANE_ACCESS_TOKEN"} <= set(
            call.env
        )
        for secret in (TOKEN, *environ.values()):
            assert secret not in " ".join(call.argv)
    for secret in (TOKEN, *environ.values()):
        assert secret not in membrane.gateway.account + repr(membrane.gateway)


def test_child_is_not_given_the_programs_of_the_checkout(tmp_path: Path) -> None:
    path = f".:{tmp_path}/checkout/node_modules/.bin:/usr/bin"
    membrane = road(tmp_path, options={"environ": {"PATH": path}})
    list(membrane.gateway.connections())
    assert {call.path for call in membrane.fake.calls} == {"/usr/bin"}


def test_tenant_of_the_environment_is_named(tmp_path: Path) -> None:
    environ = {"MEMBRANE_WORKSPACE_KEY": "ws", "MEMBRANE_TENANT_KEY": "t-1"}
    membrane = road(tmp_path, options={"environ": environ})
    list(membrane.gateway.connections())
    assert membrane.asked == [
        ["connection", "list", "--workspaceKey=ws", "--tenantKey=t-1", "--json"]
    ]
    assert membrane.gateway.account.endswith("||ws|t-1")


# -- where it talks to


def test_address_of_the_environment_is_checked_and_given_under_both_names(tmp_path: Path) -> None:
    url = "https://api.eu.getmembrane.com/"
    membrane = road(tmp_path, options={"environ": {"MEMBRANE_API_URL": url}})
    list(membrane.gateway.connections())
    assert {"MEMBRANE_API_URL", "MEMBRANE_API_URI"} <= set(membrane.fake.calls[-1].env)
    assert "https://api.eu.getmembrane.com" in membrane.gateway.account


@pytest.mark.parametrize("name", ["MEMBRANE_API_URL", "MEMBRANE_API_URI"])
def test_foreign_address_is_refused_before_anything_is_run(tmp_path: Path, name: str) -> None:
    fake = FakeMembrane()
    with pytest.raises(NeedsPerson, match=rf"{name} names evil\.test"):
        make_cli_gateway(tmp_path, fake=fake, environ={name: "https://evil.test"})
    assert fake.calls == []


# -- values that could pass for something else


@pytest.mark.parametrize("digits", [DIGITS, "0x10", "1e5", "007", "12.50"])
@forms
def test_id_of_digits_alone_arrives_unharmed(tmp_path: Path, form: Form, digits: str) -> None:
    answers = {"connection get": {**CONNECTION, "id": digits}, "action run": ACTED,
               "request": ACTED, "act": ACTED, "connection archive": None}  # fmt: skip
    membrane = road(tmp_path, form, answers=answers)
    membrane.gateway.run_action(digits, Action(digits, "n"), {})
    membrane.gateway.request(digits, GET)
    assert membrane.asked[0][-2:] == ["--", digits]
    if form == "newest":
        membrane.gateway.connection(digits)
        membrane.gateway.archive(digits)


def test_id_of_digits_alone_reaches_the_service_as_it_is(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as server:
        for form in ("older", "newest"):
            gateway = make_cli_gateway(tmp_path / form, server.url, form)
            error = failure(gateway.run_action, CID, Action(DIGITS, "n"), {})
            assert error.trouble is Trouble.NOT_FOUND
            assert server.requests[-1].target == f"/actions/{DIGITS}/run?connectionId={CID}"


@pytest.mark.parametrize(
    "selector", ["", " ", "-x", "--connectionId=other", "--", "..", "a/b", "%2e%2e", "a\\b", "a\nb"]
)
def test_id_that_is_no_id_is_refused_before_anything_is_run(tmp_path: Path, selector: str) -> None:
    membrane = road(tmp_path)
    gateway = membrane.gateway
    for call in (
        lambda: gateway.connection(selector),
        lambda: gateway.reconnect(selector),
        lambda: gateway.archive(selector),
        lambda: gateway.connect(selector),
        lambda: gateway.actions(selector),
        lambda: gateway.run_action(selector, ACTION, {}),
        lambda: gateway.run_action(CID, Action(selector, "n", selector), {}),
        lambda: gateway.request(selector, GET),
        lambda: gateway.run_log(selector),
    ):
        with pytest.raises(Usage):
            call()
    assert membrane.asked == []


@pytest.mark.parametrize(
    "path", ["/v2/../x", "/%2e%2e/x", "/%252e%252e/x", "/a\\..\\b", "//evil.test/x", "/a\0b",
             "https://api.fullstory.com/../x"]
)  # fmt: skip
def test_path_that_could_leave_the_connection_is_refused(tmp_path: Path, path: str) -> None:
    membrane = road(tmp_path)
    with pytest.raises(Usage):
        membrane.gateway.request(CID, Request("GET", path))
    assert membrane.asked == []


@forms
def test_search_words_that_look_like_flags_are_words(tmp_path: Path, form: Form) -> None:
    membrane = road(tmp_path, form, answers={"search": {"items": []}})
    for text in ("full story", "--limit", "-5", "42"):
        assert membrane.gateway.search_connectors(text) == []
    assert [argv[-1] for argv in membrane.asked] == ["--json", "--limit", "-5", "42"]


def test_shell_means_nothing_in_an_input(tmp_path: Path) -> None:
    membrane = road(tmp_path)
    hostile = {"text": "$(touch x) `id` \"' ; | & \n --json -- \u2028 \\"}
    membrane.gateway.run_action(CID, ACTION, hostile)
    assert json.loads(membrane.asked[0][4].removeprefix("--input=")) == hostile


# -- what the road cannot carry


@forms
def test_input_over_100_kib_is_refused_with_the_advice_to_use_a_token(
    tmp_path: Path, form: Form
) -> None:
    membrane = road(tmp_path, form)
    most = membrane.gateway.capabilities.max_body
    assert most == 100 * 1024
    fits = {"text": "é" * ((most - len('{"text":""}')) // 2)}
    membrane.gateway.run_action(CID, ACTION, fits)
    for call in (
        lambda: membrane.gateway.run_action(CID, ACTION, {"text": fits["text"] + "xx"}),
        lambda: membrane.gateway.request(CID, Request("POST", "/v2/x", body=b"1" * (most + 1))),
    ):
        with pytest.raises(Usage) as caught:
            call()
        assert "MEMBRANE_TOKEN" in (caught.value.hint or "")
        assert "workspace key" in (caught.value.hint or "")
    assert len(membrane.asked) == 1


def test_argument_longer_than_linux_takes_is_refused_before_it_is_run(tmp_path: Path) -> None:
    membrane = road(tmp_path)
    body = json.dumps("x" * 100_000).encode()
    long = Request("POST", "/v2/x", (("q", "y" * 40_000),), body=body)
    with pytest.raises(Usage, match="at most 131,071"):
        membrane.gateway.request(CID, long)
    assert membrane.asked == []


@pytest.mark.parametrize(
    ("form", "request_"),
    [
        ("older", Request("GET", "/x", (("a", "1"), ("a", "2")))),
        ("newest", Request("GET", "/x", (("a", "1"), ("a", "2")))),
        ("newest", Request("GET", "/x", headers=(("Accept", "1"), ("accept", "2")))),
        ("newest", Request("POST", "/x", body=b"a,b\n")),
        ("older", Request("POST", "/x", body=b"\xff\xfe")),
        ("older", Request("POST", "/x", body=b"a\0b")),
        ("newest", Request("GET", "/x", headers=(("Authorization", "Bearer x"),))),
        ("older", Request("GET", "/x", headers=(("X", "a\r\nHost: evil"),))),
    ],
)
def test_request_that_cannot_be_carried_is_refused(
    tmp_path: Path, form: Form, request_: Request
) -> None:
    membrane = road(tmp_path, form)
    with pytest.raises(Usage):
        membrane.gateway.request(CID, request_)
    assert membrane.asked == []


def test_method_that_no_road_carries_is_refused(tmp_path: Path) -> None:
    error = failure(road(tmp_path).gateway.request, CID, Request("TRACE", "/x"))
    assert (error.trouble, error.fate) == (Trouble.UNSUPPORTED, Fate.NOT_SENT)


def test_capabilities_follow_the_installed_version(tmp_path: Path) -> None:
    older = road(tmp_path / "a", "older").gateway.capabilities
    newest = road(tmp_path / "b").gateway.capabilities
    acting = road(tmp_path / "c", without=["action run"]).gateway.capabilities
    assert (older.raw_bodies, newest.raw_bodies) == (True, False)
    assert (older.metadata, newest.metadata, acting.metadata) == (False, False, True)
    assert older.headers and newest.headers
    assert not older.repeated_query and not newest.repeated_query


# -- lists (U1, U23)


@forms
@pytest.mark.parametrize("wrap", ["items", "array", "data", "output", "plural"])
def test_u1_lists_are_read_in_every_wrapping(tmp_path: Path, form: Form, wrap: str) -> None:
    actions = {"items": [{"id": "a1", "name": "List Users", "key": "list-users"}]}
    hits = {"items": [{"elementType": "Connector", "element": {"id": "k1", "name": "Fullstory"}}]}
    answers = {"connection list": LIST, "action list": actions, "search": hits}
    gateway = road(tmp_path, form, answers=answers, wrap=wrap).gateway
    assert [each.id for each in gateway.connections()] == [CID]
    assert [each.key for each in gateway.actions(CID)] == ["list-users"]
    assert [each.id for each in gateway.search_connectors("fullstory")] == ["k1"]


def test_u1_list_of_another_shape_is_an_error_that_names_keys_and_no_values(tmp_path: Path) -> None:
    answers = {"connection list": {"message": "ada@example.com", "things": []}}
    error = failure(lambda: list(road(tmp_path, answers=answers).gateway.connections()))
    assert error.trouble is Trouble.UNREADABLE
    assert "message, things" in error.message and "ada" not in error.message


def test_u1_archived_connections_are_left_out(tmp_path: Path) -> None:
    archived = {"id": "c2", "name": "Old", "archivedAt": "2026-01-01T00:00:00Z"}
    gateway = road(tmp_path, answers={"connection list": [archived, CONNECTION]}).gateway
    assert [each.id for each in gateway.connections()] == [CID]


@forms
def test_u23_every_page_is_fetched_and_the_first_comes_first(tmp_path: Path, form: Form) -> None:
    pages = {
        "connection list": {
            "pages": {"": LIST | {"cursor": "2"}, "2": {"items": [{"id": "c2", "name": "Two"}]}}
        }
    }
    membrane = road(tmp_path, form, answers=pages)
    rows = membrane.gateway.connections()
    assert next(rows).id == CID
    assert len(membrane.asked) == 1
    assert [each.id for each in rows] == ["c2"]
    assert membrane.asked[1] == ["connection", "list", "--cursor=2", "--json"]


def test_u23_repeated_cursor_and_endless_pages_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = {"connection list": {"pages": {"": LIST | {"cursor": "1"}, "1": LIST | {"cursor": "1"}}}}
    membrane = road(tmp_path / "same", answers=same)
    error = failure(lambda: list(membrane.gateway.connections()))
    assert error.code == "repeated_cursor"
    assert len(membrane.asked) == 2
    pages = {str(number): LIST | {"cursor": str(number + 1)} for number in range(1, 9)}
    endless = {"action list": {"pages": {"": LIST | {"cursor": "1"}, **pages}}}
    monkeypatch.setattr("fsctl.membrane.command.MAX_PAGES", 3)
    membrane = road(tmp_path / "endless", answers=endless)
    assert failure(membrane.gateway.actions, CID).code == "too_many"
    assert len(membrane.asked) == 3


def test_intent_asks_for_the_page_that_fits_best(tmp_path: Path) -> None:
    actions = {"items": [{"id": "a1", "name": "List Users"}], "cursor": "2"}
    membrane = road(tmp_path, answers={"action list": actions})
    assert [each.id for each in membrane.gateway.actions(CID, intent="who is there")] == ["a1"]
    assert membrane.asked == [
        ["action", "list", f"--connectionId={CID}", "--intent=who is there", "--json"]
    ]


# -- output and failures, through the whole road


@forms
def test_u4_banners_colours_and_noise_do_not_disturb(tmp_path: Path, form: Form) -> None:
    gateway = road(
        tmp_path,
        form,
        before=["Membrane CLI", "[DEPRECATED] old spelling"],
        after=["[notice] update available", ""],
        noise=["npm warn", '{"not": "the answer"}'],
        ansi=True,
    ).gateway
    assert [each.id for each in gateway.connections()] == [CID]
    assert gateway.run_action(CID, ACTION, {}) == ActionResult({"id": "1"}, "run-1")


@forms
def test_u4_nothing_printed_is_an_error_for_reads_and_no_output_for_writes(
    tmp_path: Path, form: Form
) -> None:
    answers = dict.fromkeys(["connection list", "act", "action run", "request", "connect"], ACTED)
    gateway = road(tmp_path, form, answers=answers, mood="empty").gateway
    assert gateway.run_action(CID, ACTION, {}) == ActionResult(None, None, empty=True)
    assert gateway.request(CID, POST) == Response(None, (), b"")
    for call in (
        lambda: list(gateway.connections()),
        lambda: gateway.identity(),
        lambda: gateway.request(CID, GET),
        lambda: gateway.connect("k1"),
    ):
        error = failure(call)
        assert (error.trouble, error.code) == (Trouble.UNREADABLE, "empty")


@forms
@pytest.mark.parametrize("errors", ["json", "exit0", "wrapped", "stderr"])
def test_u5_refusal_of_the_service_is_told_however_it_is_printed(
    tmp_path: Path, form: Form, errors: str
) -> None:
    with running_sandbox(tmp_path, seed=False) as server:
        gateway = make_cli_gateway(tmp_path, server.url, form, errors=errors)
        error = failure(gateway.run_action, "f" * 24, ACTION, {})
    assert "not found" in error.message
    if errors != "stderr":
        assert (error.trouble, error.fate) == (Trouble.NOT_FOUND, Fate.REFUSED)
        assert error.origin is Origin.MEMBRANE


@forms
@pytest.mark.parametrize("output", ["output", "output.data", "bare"])
def test_u6_output_of_an_action_is_unwrapped(tmp_path: Path, form: Form, output: str) -> None:
    gateway = road(tmp_path, form, output=output).gateway
    result = gateway.run_action(CID, ACTION, {})
    assert (result.output, result.empty) == ({"id": "1"}, False)


@pytest.mark.parametrize("value", [None, [], 0, "text", {"status": "open", "data": 1, "more": 2}])
def test_u6_output_that_is_no_wrapping_stays_as_it_is(tmp_path: Path, value: Any) -> None:
    gateway = road(tmp_path, answers={"action run": {"output": value}}).gateway
    assert gateway.run_action(CID, ACTION, {}) == ActionResult(value)


def test_u6_fullstorys_refusal_in_the_output_is_fullstorys_failure(tmp_path: Path) -> None:
    body = {"message": "Missing uid", "code": "invalid_argument"}
    answers = {"action run": {"output": {"status": 400, "data": body}, "actionRunId": "run-9"}}
    error = failure(road(tmp_path, answers=answers).gateway.run_action, CID, ACTION, {})
    assert (error.origin, error.code) == (Origin.FULLSTORY, "invalid_argument")
    assert (error.fate, error.action_run_id) == (Fate.REFUSED, "run-9")


@forms
@pytest.mark.parametrize("mood", ["echo", "axios"])
def test_u26_echoed_bearer_token_is_an_error_and_never_shown(
    tmp_path: Path, form: Form, mood: str
) -> None:
    answers = {"act": ACTED, "request": ACTED, "connection list": LIST}
    gateway = road(tmp_path, form, answers=answers, mood=mood).gateway
    for call in (lambda: gateway.request(CID, POST), lambda: list(gateway.connections())):
        error = failure(call)
        assert (error.trouble, error.fate) == (Trouble.UNREADABLE, Fate.UNKNOWN)
        assert "eyJ" not in f"{error.message} {error.hint} {error.code}"


def test_u26_neither_input_nor_command_line_is_told(tmp_path: Path) -> None:
    lines: list[str] = []
    options = {"trace": lines.append}
    membrane = road(
        tmp_path, options=options, mood="text", exit=1, text="Failed on act", form="newest"
    )
    given = {"email": "ada@example.com"}
    error = failure(membrane.gateway.run_action, CID, ACTION, given)
    body = json.dumps(given).encode()
    other = failure(membrane.gateway.request, CID, Request("POST", "/v2/x", body=body))
    for told in (error.message, other.message, *lines):
        assert "ada" not in told and "--input" not in told and CID not in told
    assert [line.split(",")[0] for line in lines] == [
        "membrane action run: exit status 1",
        "membrane act: exit status 1",
    ]


def test_u26_tokens_and_inputs_that_the_child_repeats_are_hidden(tmp_path: Path) -> None:
    opaque = "0123456789abcdef-opaque"
    said = f'Failed: act --input={{"email":"ada@example.com"}} as {opaque} on {CID}'
    options = {"environ": {"MEMBRANE_TOKEN": opaque}}
    membrane = road(tmp_path, options=options, mood="text", exit=1, text=said)
    error = failure(membrane.gateway.run_action, CID, ACTION, {"email": "ada@example.com"})
    assert "Failed: act" in error.message
    assert "ada" not in error.message and opaque not in error.message


@forms
def test_u24_page_or_cut_answer_is_unreadable_with_an_unknown_outcome(
    tmp_path: Path, form: Form
) -> None:
    for mood in ("text", "truncated"):
        membrane = road(tmp_path / mood, form, mood=mood, text="<h1>502 Bad Gateway</h1>")
        error = failure(membrane.gateway.run_action, CID, ACTION, {})
        assert (error.trouble, error.fate) == (Trouble.UNREADABLE, Fate.UNKNOWN)


def test_killed_child_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    error = failure(road(tmp_path, mood="killed").gateway.run_action, CID, ACTION, {})
    assert (error.fate, error.code) == (Fate.UNKNOWN, "killed")


def test_timeout_kills_the_whole_group_and_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    from tests.membrane.test_child import eventually, gone

    membrane = road(tmp_path, mood="hang", options={"timeout": 2.0})
    error = failure(membrane.gateway.run_action, CID, ACTION, {"text": "secret"})
    assert (error.trouble, error.fate) == (Trouble.UNAVAILABLE, Fate.UNKNOWN)
    assert error.code == "timeout"
    assert "`membrane action run` did not end within 2 seconds" in error.message
    pids = [int(pid) for pid in Path(membrane.fake.pids).read_text().split()]
    assert eventually(lambda: all(gone(pid) for pid in pids))


def test_flood_of_output_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = partial(run_child, max_output=1_000_000)
    monkeypatch.setattr("fsctl.membrane.command.run_child", bounded)
    error = failure(road(tmp_path, mood="flood").gateway.run_action, CID, ACTION, {})
    assert (error.trouble, error.fate) == (Trouble.TOO_LARGE, Fate.UNKNOWN)


# -- deadlines


def test_nothing_is_run_after_the_deadline(tmp_path: Path) -> None:
    membrane = road(tmp_path)
    over = Deadline(at=5.0, clock=lambda: 5.0)
    error = failure(membrane.gateway.run_action, CID, ACTION, {}, deadline=over)
    assert (error.trouble, error.fate) == (Trouble.UNAVAILABLE, Fate.NOT_SENT)
    assert membrane.asked == []


def test_deadline_shortens_the_timeout(tmp_path: Path) -> None:
    membrane = road(tmp_path, mood="hang")
    soon = Deadline(at=5.5, clock=lambda: 5.0)
    error = failure(membrane.gateway.run_action, CID, ACTION, {}, deadline=soon)
    assert "within 0.5 seconds" in error.message


# -- the program itself


def test_program_that_is_gone_needs_a_person(tmp_path: Path) -> None:
    membrane = road(tmp_path)
    gone = make_cli_gateway(tmp_path, fake=membrane.fake)
    (tmp_path / "bin" / "membrane").unlink()
    error = failure(gone.run_action, CID, ACTION, {})
    assert (error.fate, error.code) == (Fate.NOT_SENT, "not_started")
    assert "No such file" in error.message


def test_several_calls_run_at_once(tmp_path: Path) -> None:
    gateway = road(tmp_path).gateway
    results: list[ActionResult] = []
    threads = [
        threading.Thread(target=lambda: results.append(gateway.run_action(CID, ACTION, {})))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [ActionResult({"id": "1"}, "run-1")] * 6


# -- connections


def test_connection_is_waited_for_where_the_version_can(tmp_path: Path) -> None:
    membrane = road(tmp_path, answers={"connection get": CONNECTION})
    assert membrane.gateway.connection(CID).usable
    membrane.gateway.connection(CID, wait=7.9)
    membrane.gateway.connection(CID, wait=500)
    membrane.gateway.connection(CID, wait=9, deadline=Deadline(at=3.0, clock=lambda: 0.5))
    assert [argv[3:-1] for argv in membrane.asked] == [
        [],
        ["--wait", "--timeout=7"],
        ["--wait", "--timeout=60"],
        ["--wait", "--timeout=2"],
    ]


def test_older_version_finds_a_connection_in_the_list(tmp_path: Path) -> None:
    rows = [{"id": "c1", "name": "A", "key": "c2"}, {"id": "c2", "name": "B"}]
    gateway = road(tmp_path, "older", answers={"connection list": rows}).gateway
    assert gateway.connection("c2").name == "B"
    error = failure(gateway.connection, "c3")
    assert (error.trouble, error.fate) == (Trouble.NOT_FOUND, Fate.REFUSED)


def test_ensure_is_one_call_where_the_version_has_it(tmp_path: Path) -> None:
    membrane = road(tmp_path, answers={"connection ensure": CONNECTION})
    assert membrane.gateway.ensure_connection("https://fullstory.com", name="Mine").id == CID
    assert membrane.asked == [
        ["connection", "ensure", "https://fullstory.com", "--name=Mine", "--json"]
    ]


def test_older_version_ensures_by_looking_first_then_searching_and_connecting(
    tmp_path: Path,
) -> None:
    membrane = road(tmp_path / "there", "older")
    assert membrane.gateway.ensure_connection("https://www.fullstory.com/").id == CID
    assert membrane.asked == [["connection", "list", "--json"]]
    hits = [{"elementType": "connector", "element": {"id": "k0", "name": "Fullstory Lite"}},
            {"elementType": "connector", "element": {"id": "k1", "name": "FullStory"}}]  # fmt: skip
    answers = {"connection list": [], "search": hits, "connect": {"connectionId": "c9"}}
    membrane = road(tmp_path / "new", "older", answers=answers)
    assert membrane.gateway.ensure_connection("https://fullstory.com", name="N").id == "c9"
    assert membrane.asked == [
        ["connection", "list", "--json"],
        ["search", "fullstory", "--elementType=connector", "--json"],
        ["connect", "--connectorId=k1", "--name=N", "--json"],
    ]


@pytest.mark.parametrize("names", [[], ["Something else"], ["Fullstory A", "Fullstory B"]])
def test_older_version_connects_to_nothing_that_it_only_guessed(
    tmp_path: Path, names: list[str]
) -> None:
    hits = [{"elementType": "connector", "element": {"id": name, "name": name}} for name in names]
    membrane = road(tmp_path, "older", answers={"connection list": [], "search": hits})
    error = failure(membrane.gateway.ensure_connection, "https://fullstory.com")
    assert (error.trouble, error.code) == (Trouble.NOT_FOUND, "no_connector")
    assert membrane.asked[-1][0] == "search"


@pytest.mark.parametrize(("form", "more"), [("older", []), ("newest", ["--non-interactive"])])
def test_connect_asks_for_no_dialogue_only_where_help_shows_that_flag(
    tmp_path: Path, form: Form, more: list[str]
) -> None:
    membrane = road(tmp_path, form, answers={"connect": CONNECTION})
    membrane.gateway.connect("k1")
    membrane.gateway.reconnect(CID)
    assert membrane.asked == [
        ["connect", "--connectorId=k1", *more, "--json"],
        ["connect", f"--connectionId={CID}", *more, "--json"],
    ]


@pytest.mark.parametrize(("without", "verb"), [([], "archive"), (["connection archive"], "delete")])
def test_archive_takes_the_verb_that_help_shows(
    tmp_path: Path, without: list[str], verb: str
) -> None:
    answers = {"connection archive": None, "connection delete": None}
    membrane = road(tmp_path, without=without, answers=answers)
    membrane.gateway.archive(CID)
    assert membrane.asked == [["connection", verb, CID, "--json"]]


def test_what_the_older_version_cannot_do_is_refused_before_anything_is_run(
    tmp_path: Path,
) -> None:
    membrane = road(tmp_path, "older")
    for error in (
        failure(membrane.gateway.archive, CID),
        failure(membrane.gateway.run_log, "run-1"),
    ):
        assert (error.trouble, error.fate) == (Trouble.UNSUPPORTED, Fate.NOT_SENT)
    assert membrane.gateway.find_run(CID, "m") is None
    assert membrane.asked == []


def test_run_log_is_read_with_its_details(tmp_path: Path) -> None:
    log = {"id": "run-1", "status": "error", "error": {"type": "action_run", "message": "no"},
           "details": {"request": {"method": "POST", "url": "u", "headers": {}}}}  # fmt: skip
    membrane = road(tmp_path, answers={"action-run-log get": log})
    assert membrane.gateway.run_log("run-1").status == "error"
    assert membrane.gateway.run_log("run-1", details=True).raw == log
    assert membrane.asked == [
        ["action-run-log", "get", "run-1", "--json"],
        ["action-run-log", "get", "run-1", "--details", "--json"],
    ]


# -- against the sandbox server


@pytest.fixture(params=["older", "newest", "acting"])
def sandboxed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CliGateway]:
    """Both forms, and a newest one that has neither ``request`` nor ``action run``."""
    without = ["request", "action run"] if request.param == "acting" else []
    form: Form = "older" if request.param == "older" else "newest"
    with running_sandbox(tmp_path) as server:
        yield make_cli_gateway(tmp_path, server.url, form, without=without)


def test_whole_road_to_a_sandbox(sandboxed: CliGateway) -> None:
    (connection,) = [each for each in sandboxed.connections() if each.is_fullstory]
    catalogue = {action.key: action for action in sandboxed.actions(connection.id)}
    made = sandboxed.run_action(connection.id, catalogue["create-annotation"], {"text": "v1"})
    assert made.output["text"] == "v1" and made.action_run_id
    created = sandboxed.request(connection.id, POST)
    assert created.status == 200
    found = sandboxed.request(connection.id, Request("GET", "/v2/users", (("uid", "u1"),)))
    assert json.loads(found.body)["results"][0]["uid"] == "u1"
    missing = sandboxed.request(connection.id, Request("GET", "/v2/users/nobody"))
    assert missing.status == 404 and b"message" in missing.body
    error = failure(sandboxed.run_action, connection.id, catalogue["get-user"], {"id": "nobody"})
    assert (error.origin, error.fate) == (Origin.FULLSTORY, Fate.REFUSED)
    assert sandboxed.ensure_connection("https://fullstory.com").id == connection.id
    assert sandboxed.identity() == {}
