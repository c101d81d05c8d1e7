"""What ``fsctl init`` asks, stores and proposes: from what was found and answered alone."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.cli.init_plan import (
    ROADS,
    Answers,
    Found,
    Road,
    asks_for_use,
    at_home,
    changes,
    consistent,
    current_road,
    likely_road,
    mending,
    missing,
    next_commands,
    overruling,
    reached_in_words,
    refuse_missing,
    resuming,
    roads_in_words,
    suggested_name,
    token_in_words,
)
from fsctl.errors import Usage
from fsctl.membrane.token_facts import TokenFacts

TOKEN = Found(token="MEMBRANE_TOKEN", membrane="/usr/bin/membrane")
MEMBRANE = Found(membrane="/usr/bin/membrane")
NOTHING = Found()


def with_profile(keys: dict[str, Any], name: str = "work", active: str | None = "work") -> Found:
    return Found(active=active, profiles={name: keys})


# -- the road


@pytest.mark.parametrize(
    ("found", "road"), [(TOKEN, "token"), (MEMBRANE, "login"), (NOTHING, "sandbox")]
)
def test_what_is_there_is_pointed_at(found: Found, road: Road) -> None:
    assert likely_road({}, found) == road


@pytest.mark.parametrize(
    ("keys", "found", "road"),
    [
        ({"transport": "sandbox"}, TOKEN, "sandbox"),
        ({"transport": "cli"}, TOKEN, "login"),
        ({"transport": "http"}, TOKEN, "token"),
        ({"transport": "http"}, NOTHING, "token"),
        ({"transport": "http"}, MEMBRANE, "login"),
        ({"transport": "http", "token_command": "pass x"}, MEMBRANE, "token"),
        ({"transport": "auto"}, MEMBRANE, "login"),
        ({"transport": "auto"}, TOKEN, "token"),
        ({"transport": "auto", "token_command": "pass x"}, MEMBRANE, "token"),
        ({}, TOKEN, None),
    ],
)
def test_a_profiles_own_road_goes_before(
    keys: dict[str, Any], found: Found, road: Road | None
) -> None:
    assert current_road(keys, found) == road
    if road:
        assert likely_road(keys, found) == road


@pytest.mark.parametrize(
    ("answers", "road"),
    [
        (Answers(transport="sandbox"), "sandbox"),
        (Answers(transport="cli"), "login"),
        (Answers(transport="http"), "token"),
        (Answers(transport="auto"), None),
        (Answers(transport="http", road="login"), "login"),
        (Answers(token_command="pass x"), "token"),
        (Answers(), None),
    ],
)
def test_other_flags_name_the_road_too(answers: Answers, road: Road | None) -> None:
    assert consistent(answers).road == road


@pytest.mark.parametrize(
    "answers",
    [
        Answers(road="token", transport="sandbox"),
        Answers(road="token", transport="cli"),
        Answers(road="sandbox", transport="http"),
        Answers(road="login", token_command="pass x"),
        Answers(transport="sandbox", token_command="pass x"),
        Answers(connection="a", create=""),
        Answers(road="sandbox", connection="a"),
        Answers(transport="sandbox", create="x"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(answers: Answers) -> None:
    with pytest.raises(Usage):
        consistent(answers)


# -- where nobody can be asked


def test_everything_that_is_missing_is_named_at_once() -> None:
    flags = missing(Answers(), NOTHING)
    assert flags == [
        "--road token|login|sandbox",
        "--connection ID or --create-connection (but for sandbox)",
        "--profile-name NAME",
    ]
    error = refuse_missing(flags, "there is no terminal")
    assert all(flag in error.message for flag in flags)


@pytest.mark.parametrize(
    ("answers", "flags"),
    [
        (Answers(road="sandbox"), ["--profile-name NAME"]),
        (Answers(road="sandbox", profile="x"), []),
        (Answers(road="token", profile="x"), ["--connection ID or --create-connection"]),
        (Answers(road="token", profile="x", connection="a"), []),
        (Answers(road="login", profile="x", create=""), []),
    ],
)
def test_only_what_is_missing_is_named(answers: Answers, flags: list[str]) -> None:
    assert missing(answers, NOTHING) == flags


def test_what_a_profile_says_is_not_missing() -> None:
    found = with_profile({"transport": "http", "connection": "c1"})
    assert missing(Answers(profile="work"), found) == []
    assert missing(Answers(profile="work", road="login"), found) == []
    assert len(missing(Answers(profile="other"), found)) == 3


def test_which_profile_is_in_use_is_a_question_only_where_another_one_is() -> None:
    found = with_profile({"transport": "sandbox"})
    assert missing(Answers(profile="new", road="sandbox"), found) == ["--use or --no-use"]
    assert missing(Answers(profile="new", road="sandbox", use=False), found) == []
    assert not asks_for_use("work", found)
    assert not asks_for_use("new", NOTHING)


# -- what is stored


@pytest.mark.parametrize(
    ("road", "transport"), [("token", "http"), ("login", "auto"), ("sandbox", "sandbox")]
)
def test_a_new_profile_says_its_road_and_connection(road: Road, transport: str) -> None:
    connection = None if road == "sandbox" else "c1"
    stored = changes(Answers(), road, connection, {}, TOKEN)
    expected = {"transport": transport} | ({"connection": "c1"} if connection else {})
    assert stored == expected


def test_nothing_is_written_that_is_so_already() -> None:
    keys = {"transport": "http", "connection": "c1", "timeout": "5s"}
    assert changes(Answers(), "token", "c1", keys, TOKEN) == {}
    assert changes(Answers(), "token", "c2", keys, TOKEN) == {"connection": "c2"}


def test_a_transport_that_does_for_the_road_stays() -> None:
    assert changes(Answers(), "login", "c1", {"transport": "cli", "connection": "c1"}, TOKEN) == {}
    assert changes(Answers(), "login", None, {"transport": "http"}, MEMBRANE) == {}


def test_the_flag_of_the_transport_is_stored_as_it_is() -> None:
    answers = Answers(road="login", transport="cli")
    assert changes(answers, "login", "c1", {}, MEMBRANE)["transport"] == "cli"


def test_a_token_command_goes_when_the_login_comes() -> None:
    keys = {"transport": "http", "token_command": "pass x"}
    assert changes(Answers(), "login", None, keys, MEMBRANE) == {
        "transport": "auto",
        "token_command": None,
    }
    assert changes(Answers(token_command="pass y"), "token", None, keys, MEMBRANE) == {
        "token_command": "pass y"
    }
    assert changes(Answers(), "sandbox", None, keys, MEMBRANE) == {"transport": "sandbox"}


def test_a_connection_goes_when_the_sandbox_comes_and_when_it_leaves() -> None:
    real, play = {"transport": "http", "connection": "c1"}, {"transport": "sandbox"}
    assert changes(Answers(), "sandbox", None, real, TOKEN) == {**play, "connection": None}
    left = changes(Answers(), "token", None, {**play, "connection": "s1"}, TOKEN)
    assert left == {"transport": "http", "connection": None}
    assert changes(Answers(), "sandbox", None, {**play, "connection": "s1"}, TOKEN) == {}
    assert changes(Answers(), "login", None, real, MEMBRANE) == {}


def test_a_connection_of_the_sandbox_answers_nothing_for_an_account() -> None:
    found = with_profile({"transport": "sandbox", "connection": "s1"})
    assert missing(Answers(profile="work"), found) == []
    flags = missing(Answers(profile="work", road="token"), found)
    assert flags == ["--connection ID or --create-connection"]


def test_a_new_profile_gets_a_name_of_its_own() -> None:
    assert suggested_name("sandbox", NOTHING) == "sandbox"
    assert suggested_name("token", NOTHING) == "work"
    assert suggested_name("login", with_profile({})) == "work-2"


# -- what is told in the end


def test_variables_that_go_before_the_profile_are_found() -> None:
    environ = {"FSCTL_PROFILE": "work", "FSCTL_TRANSPORT": "cli", "FSCTL_CONNECTION": ""}
    assert overruling(environ, "work", {"transport": "http"}) == [("FSCTL_TRANSPORT", "cli")]
    assert overruling(environ, "play", {"transport": "cli"}) == [("FSCTL_PROFILE", "work")]


@pytest.mark.parametrize("road", ROADS)
def test_the_commands_to_type_next_name_a_profile_that_is_not_in_use(road: Road) -> None:
    commands = next_commands(road, "my work", in_use=False)
    assert 2 <= len(commands) <= 3
    assert all(command.startswith("fsctl --profile 'my work' ") for command in commands)
    assert not any("--profile" in each for each in next_commands(road, "my work", in_use=True))


def test_going_on_needs_no_answer_twice() -> None:
    answers = Answers(road="login", create="", profile="my work")
    assert (
        resuming(answers) == "fsctl init --road login --create-connection= --profile-name 'my work'"
    )
    assert resuming(Answers()) == "fsctl init"


def test_going_on_leaves_nothing_out() -> None:
    words = ["--wait-for", "1s", "--no-check", "--api-host", "m.test"]
    answers = Answers(road="login", transport="cli", connection="c1", use=False, words=words)
    assert resuming(answers) == (
        "fsctl init --road login --connection c1 --transport cli --no-use --wait-for 1s "
        "--no-check --api-host m.test"
    )
    assert resuming(Answers(road="sandbox", transport="sandbox", use=True)) == (
        "fsctl init --road sandbox --use"
    )
    assert mending(answers, "Our 1").startswith(
        "fsctl init --road login --create-connection 'Our 1' --transport cli"
    )


def test_further_options_are_kept_and_hosts_are_added() -> None:
    kept = {"timeout": "9s", "retries": 2, "allowed_hosts": ["b.test", "c.test"]}
    keys = {"transport": "http", "retries": 2, "allowed_hosts": ["a.test", "b.test"]}
    assert changes(Answers(kept=kept), "token", None, keys, TOKEN) == {
        "timeout": "9s",
        "allowed_hosts": ["a.test", "b.test", "c.test"],
    }


@pytest.mark.parametrize(
    ("path", "home", "shown"),
    [
        ("/home/ada/x.toml", "/home/ada", "~/x.toml"),
        ("/home/ada/x.toml", "/home/ada/", "~/x.toml"),
        ("/home/adam/x.toml", "/home/ada", "/home/adam/x.toml"),
        ("/x.toml", "/", "/x.toml"),
        ("/x.toml", "", "/x.toml"),
    ],
)
def test_what_lies_at_home_is_written_as_people_do(path: str, home: str, shown: str) -> None:
    assert at_home(path, {"HOME": home}) == shown


# -- in words


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            TokenFacts("MEMBRANE_TOKEN", "jwt", "acme", "support", expires=3 * 86400.0),
            "MEMBRANE_TOKEN works (workspace acme, tenant support, ends in 3 days); it stays in "
            "the environment.",
        ),
        (
            TokenFacts("membrane token", "jwt", None, "support", expires=9.0, renews=True),
            "The membrane login works (tenant support); it stays with membrane.",
        ),
        (
            TokenFacts("token_command", "opaque"),
            "The command's token works; it is stored nowhere.",
        ),
    ],
)
def test_it_is_said_where_a_token_stays_and_whose_it_is(facts: TokenFacts, words: str) -> None:
    assert token_in_words(facts, now=0) == words


def test_what_is_there_is_said_with_each_road() -> None:
    said = {road: more for road, _, more in roads_in_words({}, TOKEN)}
    assert said["token"] == "MEMBRANE_TOKEN is set"
    assert said["login"] == "with /usr/bin/membrane"
    said = {road: more for road, _, more in roads_in_words({"token_command": "x"}, NOTHING)}
    assert said["token"] == "the profile's token_command prints it"
    assert said["login"] == "not installed yet"


@pytest.mark.parametrize(("count", "words"), [(0, "are 0 connections"), (1, "is 1 connection")])
def test_connections_are_counted_in_words(count: int, words: str) -> None:
    assert reached_in_words(count, 0.123) == f"Membrane answered in 0.1 s; there {words}."
