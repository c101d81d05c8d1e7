"""Values on the command line that are refused, or taken with a word about them."""

from __future__ import annotations

import json

import pytest

from tests.support.program import Program


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("sandbox"), {"FSCTL_TRANSPORT": "sandbox"})


CREATE_USER = ("users", "create", "--uid", "sam")
CREATE_EVENT = ("events", "create", "Paid", "--user", "ada")
PROPERTIES = '{"is_real": true, "mixed": [1, "a"]}'


@pytest.mark.parametrize("command", [CREATE_USER, CREATE_EVENT], ids=" ".join)
def test_doubtful_properties_are_sent_with_a_warning(
    sandbox: Program, command: tuple[str, ...]
) -> None:
    done = sandbox(*command, "-p", "seats_int:int=5", "--properties", PROPERTIES)
    assert done.code == 0, done.show
    assert json.loads(done.out)["properties"]["seats_int"] == 5
    assert done.err.count("warning: ") == 2, done.show
    assert "'is_real', 'seats_int' end like" in done.err
    assert "'mixed' holds values of several types" in done.err
    assert "warning: " not in sandbox(*command, "-p", "seats:int=5").err


def test_an_event_for_the_most_recent_session_says_that_there_may_be_none(
    sandbox: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    done = sandbox(*CREATE_EVENT, "--most-recent-session")
    assert done.code == 0, done.show
    assert (
        "active in the last 30 minutes did, and without one it is stored for the user" in done.err
    )
    for other in ((), ("--most-recent-session", "--dry-run"), ("--most-recent-session", "-q")):
        assert "30 minutes" not in sandbox(*CREATE_EVENT, *other).err
    assert sandbox("events", "create", "--help").code == 0
    assert "else in none" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--properties", '{"a": 1, "a": 2}'), "--properties has the key 'a' twice"),
        (("--properties", '{"b": {"a": 1, "a": 1}}'), "--properties has the key 'a' twice"),
        (("-p", 'b:json={"a": [], "a": 1}'), "-p b:json has the key 'a' twice"),
    ],
)
@pytest.mark.parametrize("command", [CREATE_USER, CREATE_EVENT], ids=" ".join)
def test_a_key_that_stands_twice_is_refused(
    sandbox: Program, command: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    done = sandbox(*command, *arguments)
    assert (done.code, done.out) == (2, ""), done.show
    assert said in done.err


@pytest.mark.parametrize("option", ["--context-url", "--context-referrer"])
@pytest.mark.parametrize("address", ["not a url", "shop", "/cart", "https://x.example/a b", "://x"])
def test_a_context_without_an_address_is_refused(
    sandbox: Program, option: str, address: str
) -> None:
    done = sandbox(*CREATE_EVENT, option, address)
    assert (done.code, done.out) == (2, ""), done.show
    assert "is no address such as" in done.err


@pytest.mark.parametrize(
    "address", ["https://shop.example/cart?x=1#y", "http://[::1]/ü", "app:home"]
)
def test_a_context_with_any_address_is_sent(sandbox: Program, address: str) -> None:
    done = sandbox(*CREATE_EVENT, "--context-url", address)
    assert done.code == 0, done.show


def test_a_refusal_says_what_to_do(sandbox: Program) -> None:
    one = sandbox(*CREATE_USER, "-p", "9lives=1")
    assert "Nothing was sent; correct it and run the command again." in one.err
    two = sandbox(*CREATE_USER, "-p", "9lives=1", "-p", "8=1")
    assert "Correct these and run the command again:\n  properties.9lives does not" in two.err


def test_zero_is_the_first_of_unix_seconds(sandbox: Program) -> None:
    since = sandbox("sessions", "list", "ada", "--since", "0", "--jq", ".id")
    assert since.out == sandbox("sessions", "list", "ada", "--jq", ".id").out != ""
    assert sandbox("sessions", "list", "ada", "--until", "0").out == ""
    assert sandbox("sessions", "list", "ada", "--since", "5").code == 2


@pytest.mark.parametrize(
    ("seats", "via", "key"), [(5, "action", "input"), (2**62 + 1, "proxy", "body")]
)
def test_a_plan_says_where_its_values_stand(
    sandbox: Program, seats: int, via: str, key: str
) -> None:
    done = sandbox(*CREATE_USER, "-p", f"seats:int={seats}", "--dry-run")
    plan = json.loads(done.out)
    assert plan["via"] == via, done.show
    assert plan[key]["properties"] == {"seats": seats}
    told = " ".join(sandbox("help", "environment").out.split())
    assert "`.via` says whether it is an action's `.input` or a request's `.body`" in told
