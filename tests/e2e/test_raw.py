"""``raw request`` and ``raw action``: what is typed, what is sent, and how it ends."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsctl.sandbox.options import DEFAULT_CONNECTION_ID
from fsctl.sandbox.wire import Received
from tests.support.command import Ended
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import SECRET, SYSTEM_PATH, Online, inside, membrane_environment, online
from tests.support.program import Program
from tests.support.scripted_server import Step, answer, envelope, scripted
from tests.support.scripted_server import raw as raw_answer

ADA = "7400589116837456607"
PROXY = f"/connections/{DEFAULT_CONNECTION_ID}/proxy"
REQUEST = ("raw", "request")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Online:
    return inside(server, tmp_path, {"FSCTL_CONNECTION": DEFAULT_CONNECTION_ID})


def only(road: Online) -> Received:
    """The one request that was sent, without the headers that every one has."""
    (sent,) = road.sent
    return sent


def typed(sent: Received) -> str | None:
    return next((v for name, v in sent.headers if name.lower() == "content-type"), None)


# -- paths and queries


@pytest.mark.parametrize("path", ["/v2/users", "v2/users"])
def test_a_path_goes_with_or_without_its_leading_slash(path: str, road: Online) -> None:
    assert road(*REQUEST, path, "--query", "uid=ada").code == 0
    assert (only(road).method, only(road).target) == ("GET", f"{PROXY}/v2/users?uid=ada")


def test_queries_are_encoded_and_may_repeat_and_may_stand_in_the_path(road: Online) -> None:
    line = ("/v2/users?email=a%2Bb%40example.com&x=", "--query", "uid=a b&c=d", "--query", "uid=é=")
    done = road(*REQUEST, *line)
    assert done.code == 0, done.show
    assert only(road).target == (
        f"{PROXY}/v2/users?email=a%2Bb%40example.com&x=&uid=a%20b%26c%3Dd&uid=%C3%A9%3D"
    )


@pytest.mark.parametrize("flag", ["--path-param", "--pathParam"])
def test_a_path_parameter_fills_its_place(flag: str, road: Online) -> None:
    assert road(*REQUEST, "/v2/users/{id}", flag, f"id={ADA}").code == 0
    assert only(road).target == f"{PROXY}/v2/users/{ADA}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("/v2/users/{id}",), "'id' has no value"),
        (("/v2/users/{id}", "--path-param", "uid=1"), "no place for the parameter 'uid'"),
        (("/v2/users", "--path-param", "id=1"), "no place for the parameter 'id'"),
        (("/v2/users/{id}", "--path-param", "id"), "not K=V"),
        (("/v2/users", "--query", "uid"), "not K=V"),
        (("/v2/users", "--query", "=x"), "not K=V"),
        (("/v2/users#x",), "fragment"),
        ((), "PATH is missing"),
        (("/v2/users", "-X", "TRACE"), "The method 'TRACE' is unknown"),
        (("/v2/users", "-X", "HEAD"), "The method 'HEAD' is unknown"),
        (("/v2/users", "--paginate", "-X", "POST"), "--paginate goes with a plain GET"),
        (("/v2/users", "--paginate", "-i"), "--paginate goes with a plain GET"),
        (("/v2/users", "--force"), "--force goes with --to"),
        (("/v2/users", "--raw-data"), "--raw-data has no body"),
        (("/v2/users", "--json"), "--json has no body"),
        (("/v2/users", "--json", "{}", "-d", "x"), "Both -d and --json give a body"),
        (("/v2/users", "--json", "{}", "--rawData"), "exclude each other"),
        (("/v2/users", "-d", "not json", "--json"), "is refused"),
        (("/v2/users", "-d", "@/no/such/file"), "cannot be read"),
        (("/v2/users", "--jq", ".["), "jq"),
    ],
)
def test_what_makes_no_request_is_said_before_one_is_made(
    line: tuple[str, ...], message: str, road: Online
) -> None:
    done = road(*REQUEST, *line)
    assert (done.code, road.sent) == (2, []), done.show
    assert message in done.err


@pytest.mark.parametrize(
    "line",
    [
        ("/v2/users", "--json", "uid=ada"),
        ("--json", "/v2/users"),
        ("--json", "/v2/users", "-X", "POST"),
        ("/v2/users", "--json", "{'uid': 'ada'}"),
    ],
)
def test_a_json_body_that_is_none_shows_the_right_order(
    line: tuple[str, ...], road: Online
) -> None:
    done = road(*REQUEST, *line)
    assert (done.code, road.sent) == (2, []), done.show
    assert "neither JSON, @FILE nor -" in done.err or "it is not JSON (" in done.err
    assert """fsctl raw request /v2/users --json '{"uid": "ada"}'""" in done.err


# -- methods and bodies


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "delete"])
@pytest.mark.parametrize("flag", ["-X", "--method"])
def test_every_method_is_sent_as_it_is(flag: str, method: str, road: Online) -> None:
    road(*REQUEST, "/v2/nothing", flag, method)
    assert (only(road).method, only(road).body or b"") == (method.upper(), b"")


BODY = '{"uid": "raw-1", "n": 12345678901234567890, "x": 1.10}'


@pytest.mark.parametrize(
    "line",
    [
        ("--json", BODY),
        ("-d", BODY, "--json"),
        ("--json", "-d", BODY),
        ("-d", BODY),
        ("--data", BODY),
        ("--json", "@body.json"),
        ("-d", "@body.json"),
        ("--json", "-"),
        ("-d", "-"),
    ],
    ids=" ".join,
)
def test_every_way_to_a_json_body_sends_it_untouched(
    line: tuple[str, ...], road: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "body.json").write_text(BODY)
    done = road(*REQUEST, "/v2/users", *line, stdin=io.BytesIO(BODY.encode()))
    assert done.code == 0, done.show
    sent = only(road)
    assert (sent.method, typed(sent)) == ("POST", "application/json")
    assert sent.body == BODY.encode(), "byte for byte: numbers keep their digits"


@pytest.mark.parametrize(
    ("line", "body", "content_type"),
    [
        (("-d", "plain words"), b"plain words", "text/plain; charset=utf-8"),
        (("-d", "a=b", "-H", "Content-Type: application/x-www-form-urlencoded"), b"a=b",
         "application/x-www-form-urlencoded"),
        (("-d", "{}", "--raw-data"), b"{}", None),
        (("-d", "\u738b", "--rawData"), "\u738b".encode(), None),
        (("-d", "-", "--rawData"), b"\x00\xff\n", None),
        (("-d", ""), b"", "text/plain; charset=utf-8"),
    ],
)  # fmt: skip
def test_other_bodies_go_as_they_are(
    line: tuple[str, ...], body: bytes, content_type: str | None, road: Online
) -> None:
    road(*REQUEST, "/v2/nothing", "-X", "PUT", *line, stdin=io.BytesIO(b"\x00\xff\n"))
    sent = only(road)
    assert (sent.method, sent.body or b"", typed(sent)) == ("PUT", body, content_type)


def test_headers_arrive(road: Online) -> None:
    road(*REQUEST, "/v2/users", "-H", "X-One: 1", "--header", "X-Two:2", "-H", "Accept: text/csv")
    sent = {name.lower(): value for name, value in only(road).headers}
    assert (sent["x-one"], sent["x-two"], sent["accept"]) == ("1", "2", "text/csv")
    assert sent["authorization"] == f"Bearer {SECRET}"


def test_an_idempotency_key_of_ones_own_is_kept(road: Online) -> None:
    line = ("/v2/events", "--json", '{"name": "x", "user": {"uid": "ada"}}')
    done = road(*REQUEST, *line, "-H", "Idempotency-Key: mine-1")
    assert done.code == 0, done.show
    assert ("Idempotency-Key", "mine-1") in only(road).headers


# -- answers


def test_an_answer_goes_into_a_pipe_byte_for_byte(tmp_path: Path) -> None:
    body = b'{"a":1.10,\n "b" :"\\u00e9\xc3\xa9"}\n'
    done, _ = scripted_request(tmp_path, answer(200, body, ("Content-Type", "application/json")))
    assert done.out.encode() == body


def test_an_answer_is_shown_readable_in_a_window_and_filtered_on_request(road: Online) -> None:
    line = ("/v2/users", "--query", "uid=ada")
    shown = road(*REQUEST, *line, stdout_is_terminal=True)
    assert shown.out.startswith('{\n  "results": [\n'), shown.show
    assert road(*REQUEST, *line, "--jq", ".results[].email").out == "ada@example.com\n"
    assert json.loads(road(*REQUEST, *line, "--fields", "total_records", "-o", "json").out)


def test_include_puts_the_status_and_the_headers_first(tmp_path: Path) -> None:
    step = answer(201, {"a": 1}, ("X-Request-Id", "r-1"))
    done, _ = scripted_request(tmp_path, step, "-i")
    head, _, body = done.out.partition("\n\n")
    assert head.splitlines()[0] == "HTTP 201"
    assert "X-Request-Id: r-1" in head.splitlines()
    assert json.loads(body) == {"a": 1}

    done, _ = scripted_request(tmp_path, answer(204), "--include", "-X", "DELETE")
    assert (done.code, done.out.splitlines()[0]) == (0, "HTTP 204"), done.show

    done, _ = scripted_request(tmp_path, answer(404, {"message": "no", "code": "nope"}), "-i")
    assert done.code == 3
    assert done.out.splitlines()[0] == "HTTP 404"


@pytest.mark.parametrize(
    ("step", "method", "code"),
    [
        (answer(200, {}), "GET", 0),
        (answer(204), "DELETE", 0),
        (answer(202), "POST", 0),
        (answer(304), "GET", 0),
        (answer(400, {"message": "bad", "code": "invalid_argument"}), "GET", 1),
        (answer(401, {"message": "bad key", "code": "unauthorized"}), "GET", 4),
        (answer(403, {"message": "no right", "code": "forbidden"}), "GET", 4),
        (answer(404, {"message": "gone", "code": "not_found"}), "GET", 3),
        (answer(409, {"message": "clash", "code": "conflict"}), "POST", 1),
        (answer(413, {"message": "big", "code": "too_large"}), "POST", 1),
        (answer(422, {"message": "bad", "code": "invalid"}), "POST", 1),
        (answer(429, {"message": "slow", "code": "too_many_requests"}), "POST", 5),
        (answer(500, {"message": "oops", "code": "server_error"}), "GET", 5),
        (answer(500, {"message": "oops", "code": "server_error"}), "POST", 7),
        (answer(503, b"away"), "DELETE", 7),
        (envelope(401, "bad_request", "not_authenticated", "Who are you?"), "GET", 4),
        (envelope(403, "bad_request", "access_denied", "Not yours"), "POST", 4),
        (envelope(404, "bad_request", "not_found", "No such connection"), "GET", 4),
        (envelope(400, "connection", "connection_is_defunct", "Dead"), "POST", 4),
    ],
)  # fmt: skip
def test_the_exit_code_follows_the_answer(
    step: Step, method: str, code: int, tmp_path: Path
) -> None:
    again = [step] if code == 4 and b"No such connection" in step.response else []
    steps = [step, *again]
    with scripted(*steps) as server:
        program = client(tmp_path, server.url)
        done = program(*REQUEST, "/x", "-X", method, "--retries", "0")
    assert done.code == code, done.show
    assert (done.err == "") is (code == 0)


def client(home: Path, url: str) -> Program:
    env = {"MEMBRANE_API_URL": url, "MEMBRANE_TOKEN": SECRET, "PATH": SYSTEM_PATH}
    return Program(home, {**env, "FSCTL_CONNECTION": DEFAULT_CONNECTION_ID})


def scripted_request(home: Path, step: Step, *line: str) -> tuple[Ended, Any]:
    with scripted(step) as server:
        done = client(home, server.url)(*REQUEST, "/x", *line)
    return done, server.requests[0]


# -- pages


def test_pages_are_followed_and_their_rows_are_one_list(road: Online) -> None:
    done = road(*REQUEST, "/v2/users", "--paginate", "--query", "is_identified=true")
    assert done.code == 0, done.show
    assert len(road.sent) > 1
    rows = [json.loads(line) for line in done.out.splitlines()]
    listed = road("users", "list", "--identified")
    assert [row["id"] for row in rows] == [
        json.loads(line)["id"] for line in listed.out.splitlines()
    ]


def test_every_page_is_asked_with_the_same_filters(road: Online) -> None:
    road(*REQUEST, "/v2/users", "--paginate", "--query", "is_identified=true", "-H", "X-A: b")
    assert all("is_identified=true" in each.target for each in road.sent)
    assert all(("X-A", "b") in each.headers for each in road.sent)
    assert sum("page_token=" in each.target for each in road.sent) == len(road.sent) - 1


def test_a_repeated_page_token_ends_the_list_as_unfinished(tmp_path: Path) -> None:
    page = answer(200, {"results": [{"n": 1}], "next_page_token": "same"})
    with scripted(page, page) as server:
        done = client(tmp_path, server.url)(*REQUEST, "/x", "--paginate")
    assert done.code == 5, done.show
    assert done.out == '{"n":1}\n' * 2
    assert "may be incomplete" in done.err


def test_other_spellings_of_page_tokens_are_known(tmp_path: Path) -> None:
    first = answer(200, {"segments": [{"n": 1}], "nextPaginationToken": "t2"})
    with scripted(first, answer(200, {"segments": [{"n": 2}]})) as server:
        done = client(tmp_path, server.url)(*REQUEST, "/segments/v1", "--paginate", "-o", "json")
    assert json.loads(done.out) == [{"n": 1}, {"n": 2}]
    assert server.requests[1].target.endswith("?paginationToken=t2")


def test_a_page_that_fails_ends_the_list_after_its_rows(tmp_path: Path) -> None:
    first = answer(200, {"results": [{"n": 1}], "next_page_token": "t2"})
    with scripted(first, answer(500, {"message": "oops", "code": "server_error"})) as server:
        program = client(tmp_path, server.url)
        done = program(*REQUEST, "/x", "--paginate", "--retries", "0")
    assert (done.code, done.out) == (5, '{"n":1}\n'), done.show


# -- files


def test_to_writes_the_body_for_its_owner_alone(road: Online, tmp_path: Path) -> None:
    target = tmp_path / "answer.json"
    done = road(*REQUEST, "/v2/users", "--query", "uid=ada", "--to", str(target))
    assert (done.code, done.out) == (0, ""), done.show
    assert json.loads(target.read_text())["results"][0]["uid"] == "ada"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert f"to {target}" in done.err
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["answer.json"]


def test_to_replaces_a_file_only_by_force(road: Online, tmp_path: Path) -> None:
    target = tmp_path / "answer.json"
    target.write_text("precious")
    done = road(*REQUEST, "/v2/users", "--to", str(target))
    assert (done.code, road.sent, target.read_text()) == (2, [], "precious"), done.show
    assert "--force" in done.err
    assert road(*REQUEST, "/v2/users", "--to", str(target), "--force").code == 0
    assert target.read_text() != "precious"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_to_follows_no_symbolic_link(force: tuple[str, ...], road: Online, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name, points_at in (("link", victim), ("dangling", tmp_path / "nothing")):
        link = tmp_path / name
        link.symlink_to(points_at)
        done = road(*REQUEST, "/v2/users", "--to", str(link), *force)
        assert (done.code, road.sent) == (2, []), done.show
        assert link.is_symlink()
    assert victim.read_text() == "precious"
    assert not (tmp_path / "nothing").exists()


def test_to_needs_a_place_to_write_to(road: Online, tmp_path: Path) -> None:
    for target in (tmp_path / "no" / "such" / "x", tmp_path, Path("/dev/null")):
        done = road(*REQUEST, "/v2/users", "--to", str(target), "--force")
        assert (done.code, road.sent) == (2, []), done.show


def test_a_failed_request_writes_no_file(road: Online, tmp_path: Path) -> None:
    target = tmp_path / "answer.json"
    done = road(*REQUEST, "/v2/nothing", "--to", str(target))
    assert done.code == 3, done.show
    assert not target.exists()
    assert '"code"' in done.out, "what was answered is shown instead"


# -- through the membrane command line


@pytest.fixture(params=["older", "newest"])
def membrane(request: pytest.FixtureRequest, server: Online, tmp_path: Path) -> tuple[str, Online]:
    fake = FakeMembrane(form=request.param, without=["token"])
    env = membrane_environment(fake, tmp_path, server.server.url)
    program = Program(tmp_path, {**env, "FSCTL_CONNECTION": DEFAULT_CONNECTION_ID})
    return request.param, Online(program, server.server)


def test_requests_go_through_both_generations(membrane: tuple[str, Online]) -> None:
    _, road = membrane
    got = road(*REQUEST, "/v2/users", "--query", "uid=ada", "--jq", ".results[].email")
    assert (got.code, got.out) == (0, "ada@example.com\n"), got.show

    line = ("/v2/users/{id}", "--pathParam", f"id={ADA}", "-H", "X-A: b", "-i")
    one = road(*REQUEST, *line)
    assert one.code == 0, one.show
    assert one.out.splitlines()[0] == "HTTP 200"

    before = road.annotations
    made = road(*REQUEST, "/v2/annotations", "--json", '{"text": "x"}')
    assert (made.code, road.annotations - before) == (0, 1), made.show

    missing = road(*REQUEST, "/v2/nothing")
    assert missing.code == 3, missing.show
    paged = road(*REQUEST, "/v2/users", "--paginate", "--jq", ".id")
    assert len(paged.out.splitlines()) > 100, paged.show


def test_what_the_command_line_cannot_carry_is_refused_before_it_is_run(
    membrane: tuple[str, Online],
) -> None:
    form, road = membrane
    repeated = road(*REQUEST, "/v2/users", "--query", "uid=a", "--query", "uid=b")
    assert (repeated.code, road.sent) == (2, []), repeated.show
    assert "MEMBRANE_TOKEN" in repeated.err
    binary = road(*REQUEST, "/v2/x", "-d", "-", "--raw-data", stdin=io.BytesIO(b"\x00\xff"))
    assert (binary.code, road.sent) == (2, []), binary.show
    words = road(*REQUEST, "/v2/nothing", "-X", "PUT", "-d", "plain words")
    assert words.code == (3 if form == "older" else 2), words.show


def test_actions_run_through_both_generations(membrane: tuple[str, Online]) -> None:
    _, road = membrane
    done = road("raw", "action", "list-users", "-f", "uid=ada", "--jq", ".results[].email")
    assert (done.code, done.out) == (0, "ada@example.com\n"), done.show


# -- actions


@pytest.mark.parametrize(
    "line",
    [
        ("-f", "uid=ada"),
        ("--field", "uid=ada"),
        ("-F", 'uid="ada"'),
        ("--input", '{"uid": "ada"}'),
        ("--input", "@input.json"),
        ("--input", "-"),
        ("--input", "{}", "-f", "uid=ada"),
    ],
    ids=" ".join,
)
def test_every_way_to_an_input(
    line: tuple[str, ...], road: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input.json").write_text('{"uid": "ada"}')
    done = road("raw", "action", "list-users", *line, stdin=io.BytesIO(b'{"uid": "ada"}'))
    assert done.code == 0, done.show
    assert [row["email"] for row in json.loads(done.out)["results"]] == ["ada@example.com"]
    sent = json.loads(road.sent[-1].body or b"")
    assert sent["input"] == {"uid": "ada"}
    assert list(sent["meta"]) == ["fsctlRun"]


def test_typed_inputs_keep_their_types(road: Online) -> None:
    line = ("-F", "is_identified=true", "-f", "uid=123", "-F", "x=[1, {}]", "-F", "y=null")
    road("raw", "action", "list-users", *line)
    sent = json.loads(road.sent[-1].body or b"")
    assert sent["input"] == {"is_identified": True, "uid": "123", "x": [1, {}], "y": None}


def test_inputs_that_the_action_does_not_know_are_warned_of(road: Online) -> None:
    done = road("raw", "action", "list-users", "-f", "uid=ada", "-f", "colour=red")
    assert done.code == 0, done.show
    assert "warning" in done.err
    assert "'colour'" in done.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("get-user",), "requires the input id"),
        (("list-users", "-f", "uid"), "not K=V"),
        (("list-users", "-F", "uid=ada"), "Use -f uid=TEXT"),
        (("list-users", "-f", "uid=a", "-f", "uid=b"), "given twice"),
        (("list-users", "--input", '{"uid": "a"}', "-f", "uid=b"), "given twice"),
        (("list-users", "--input", "[1]"), "not a JSON object"),
        (("list-users", "--input", "{'a': 1}"), "--input is refused"),
        (("list-users", "--input", "@/no/such/file"), "cannot be read"),
        ((), "Missing argument 'KEY'"),
    ],
)
def test_an_input_that_cannot_be_is_refused_before_anything_runs(
    line: tuple[str, ...], message: str, road: Online
) -> None:
    done = road("raw", "action", *line)
    assert done.code == 2, done.show
    assert message in done.err
    assert not any(each.path == "/act" for each in road.sent)


def test_an_action_is_named_by_its_key_or_its_id(road: Online) -> None:
    action = json.loads(road("actions", "show", "list-users").out)
    for name in (action["key"], action["id"]):
        done = road("raw", "action", name, "-f", "uid=ada")
        assert done.code == 0, done.show


def test_a_failed_action_says_which_run_it_was(road: Online) -> None:
    done = road("raw", "action", "create-annotation", "-F", "text=7")
    assert done.code == 1, done.show
    assert "action run " in done.err


@pytest.mark.parametrize("path", ["", " ", "api.fullstory.com/v2/users", "/API.fullstory.com/v2"])
def test_a_path_that_is_empty_or_begins_with_a_host_is_refused(path: str, road: Online) -> None:
    done = road(*REQUEST, path, "-X", "DELETE")
    assert (done.code, road.sent) == (2, []), done.show


@pytest.mark.parametrize("asked", [("--jq", "."), ("--fields", "a"), ("-o", "json")])
def test_an_answer_that_is_no_data_is_never_taken_for_data(
    asked: tuple[str, ...], tmp_path: Path
) -> None:
    with scripted(raw_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")) as server:
        done = client(tmp_path, server.url)(*REQUEST, "/x", *asked)
    assert (done.code, done.out) == (1, ""), done.show
    assert "not_json" in done.err
