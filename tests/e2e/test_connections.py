"""``fsctl connections`` on every road: listed, made, mended, followed, archived."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fsctl.sandbox.faults import Faults
from fsctl.sandbox.options import ConnectionSeed, MembraneOptions
from fsctl.sandbox.walks import Walk
from tests.support.command import Ended
from tests.support.everywhere import ROADS, RoadName, Somewhere, somewhere

MAIN, CUT, SLACK, TEST = (f"6570c0ffee0123456789000{n}" for n in range(4))
MAIN_SEED = ConnectionSeed(MAIN, "Fullstory", key="main")
CUT_SEED = ConnectionSeed(
    CUT, "Fullstory EU", connected=False, good_key=False, state="CLIENT_ACTION_REQUIRED"
)
SLACK_SEED = ConnectionSeed(SLACK, "Slack", app="slack")
TEST_SEED = ConnectionSeed(TEST, "Fullstory test", test=True)
ALL = (MAIN_SEED, CUT_SEED, SLACK_SEED, TEST_SEED)
STAGE = 0.2  # seconds
# Long enough for a busy machine to see every stage. Pauses take no time on the roads with a server,
# but what it holds does; an older membrane cannot ask it to hold anything.
SEEN: dict[RoadName, float] = {"sandbox": 1, "http": 1.5, "cli-older": 6, "cli-newest": 2}

Open = Callable[..., Somewhere]


@pytest.fixture
def open_road(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def build(name: RoadName, *seeds: ConnectionSeed, **more: Any) -> Somewhere:
            options = MembraneOptions(connections=seeds, **more)
            return stack.enter_context(somewhere(name, tmp_path, options))

        yield build


def run(road: Somewhere, *arguments: str, **facts: Any) -> Ended:
    """In the process the sandbox's clock is the real one, and nobody moves it."""
    if road.server is None:
        real = {"sleep": lambda seconds: time.sleep(seconds / 20), "monotonic": time.monotonic}
        facts = {**real, **facts}
    return road("connections", *arguments, **facts)


def one(done: Ended) -> dict[str, Any]:
    assert done.code == 0, done.show
    found: dict[str, Any] = json.loads(done.out)
    return found


def ids(done: Ended) -> list[str]:
    assert done.code == 0, done.show
    return [json.loads(line)["id"] for line in done.out.splitlines()]


def states(road: Somewhere) -> dict[str, str]:
    done = run(road, "list", "--any-app")
    rows = [json.loads(line) for line in done.out.splitlines()]
    return {row["name"]: row["state"] for row in rows}


def told(done: Ended) -> list[str]:
    """What is said of the connection's way, the roads' own remarks left out."""
    lines = done.err.splitlines()
    return [
        line for line in lines if not re.search(r"sandbox: |membrane process|older membrane", line)
    ]


# -- looking


@pytest.mark.parametrize("name", ROADS)
def test_fullstory_connections_are_listed_from_all_pages(name: RoadName, open_road: Open) -> None:
    road = open_road(name, *ALL, max_page=1)
    assert ids(run(road, "list")) == [MAIN, CUT, TEST]
    assert ids(run(road, "list", "--any-app")) == [MAIN, CUT, SLACK, TEST]


def test_a_list_shows_state_and_owner(open_road: Open) -> None:
    road = open_road("http", *ALL)
    done = run(road, "list", stdout_is_terminal=True, width=110, env={"NO_COLOR": "1"})
    header, first, second, third = done.out.splitlines()
    assert header.split() == ["NAME", "STATE", "OWNER", "ID"]
    assert first.split() == ["Fullstory", "READY", "Sandbox", MAIN]
    assert "CLIENT_ACTION_REQUIRED" in second and "Fullstory test" in third
    done = run(road, "list", "--any-app", stdout_is_terminal=True, width=100)
    assert "APP" in done.out and "slack" in done.out


def test_an_empty_list_is_done(open_road: Open) -> None:
    done = run(open_road("http"), "list")
    assert (done.code, done.out) == (0, ""), done.show


@pytest.mark.parametrize("name", ROADS)
@pytest.mark.parametrize("selector", [CUT, "Fullstory EU", "fullstory eu"])
def test_one_is_shown_by_id_and_name(selector: str, name: RoadName, open_road: Open) -> None:
    shown = one(run(open_road(name, *ALL), "show", selector))
    assert (shown["id"], shown["state"], shown["usable"]) == (CUT, "CLIENT_ACTION_REQUIRED", False)
    assert shown["client_action"]["uiUrl"].startswith("https://")


def test_without_a_name_it_is_the_one_that_commands_use(open_road: Open) -> None:
    road = open_road("http", *ALL)
    assert one(run(road, "show"))["id"] == MAIN
    assert one(run(road, "show", "--connection", CUT))["id"] == CUT
    assert one(run(road, "show", env={"FSCTL_CONNECTION": "main"}))["id"] == MAIN


@pytest.mark.parametrize("name", ROADS)
def test_what_is_not_there_is_not_found(name: RoadName, open_road: Open) -> None:
    road = open_road(name, *ALL)
    verbs = ("show", "wait", "reconnect", *(["use"] if name != "sandbox" else []))
    for verb in verbs:
        for selector in ("nothing", "6570c0ffee0123456789ffff"):
            done = run(road, verb, selector)
            assert (done.code, done.out) == (3, ""), done.show


def test_a_name_that_two_have_means_none(open_road: Open) -> None:
    road = open_road("http", MAIN_SEED, ConnectionSeed(CUT, "Fullstory"))
    done = run(road, "show", "Fullstory")
    assert (done.code, done.out) == (1, ""), done.show
    assert MAIN in done.err and CUT in done.err and "Give the id of one." in done.err


@pytest.mark.parametrize("selector", ["", "..", "a/../b", "x\ny", "%2e%2e"])
def test_a_name_that_could_climb_is_refused(selector: str, open_road: Open) -> None:
    road = open_road("http", *ALL)
    for verb in ("show", "wait", "reconnect", "delete", "use"):
        assert run(road, verb, selector, "--yes").code == 2
    assert road.sent == []


@pytest.mark.parametrize("name", ROADS)
def test_connectors_are_searched(name: RoadName, open_road: Open) -> None:
    road = open_road(name, *ALL)
    found = one(run(road, "search", "fullstory"))
    assert found["name"] == "Fullstory"
    assert ids(run(road, "search", "no such thing")) == []
    assert run(road, "search", "x" * 201).code == 2
    assert run(road, "search", " ").code == 2


# -- making


@pytest.mark.parametrize("name", ROADS)
def test_the_first_one_is_made_and_followed_until_it_is_ready(
    name: RoadName, open_road: Open
) -> None:
    road = open_road(name, SLACK_SEED, ConnectionSeed(TEST, "Slack test", app="slack"))
    asked = ("create", "--name", f"walk:person:{SEEN[name]}", "--wait")
    done = run(road, *asked)
    made = one(done)
    assert (made["name"], made["state"], made["usable"]) == (asked[2], "READY", True)
    lines = "\n".join(told(done))
    assert f"made the connection {asked[2]!r} ({made['id']})." in lines
    building, person, address, ready = (
        lines.index(text)
        for text in (
            "is being built.",
            "needs a person: Connect to Fullstory with an API key.",
            f"fsctl:   https://ui.sandbox.invalid/connections/{made['id']}\n",
            "is ready.",
        )
    )
    assert building < person < address < ready
    again = run(road, *asked)
    assert one(again)["id"] == made["id"]
    assert "is there already and is ready; nothing was made." in again.err


@pytest.mark.parametrize("name", ROADS)
def test_a_disconnected_one_is_reconnected_and_not_made_again(
    name: RoadName, open_road: Open
) -> None:
    road = open_road(name, CUT_SEED, SLACK_SEED)
    done = run(road, "create", "--name", "A new one", "--wait-for", "60s")
    mended = one(done)
    assert (mended["id"], mended["name"], mended["usable"]) == (CUT, "Fullstory EU", True)
    assert "it is reconnected, not made again" in done.err
    assert len(states(road)) == 2
    users = road("users", "get", "ada", "--jq", ".email")
    assert (users.code, users.out) == (0, "ada@example.com\n"), users.show


@pytest.mark.parametrize("name", ROADS)
def test_another_is_made_beside_it_once(name: RoadName, open_road: Open) -> None:
    road = open_road(name, MAIN_SEED)
    asked = ("create", "--another", "--name", "Second", "--wait")
    second = one(run(road, *asked))
    assert (second["name"], second["usable"]) == ("Second", True)
    assert one(run(road, *asked))["id"] == second["id"]
    assert len(states(road)) == 2


def test_what_is_there_is_taken(open_road: Open) -> None:
    road = open_road("http", *ALL)
    done = run(road, "create", "--name", "Mine", "--wait")
    assert one(done)["id"] == MAIN
    assert "Add --another to make a second one." in done.err
    assert [line for line in road.sent if not line.startswith("GET")] == []


@pytest.mark.parametrize(
    "routes",
    [("/connections/ensure",), ("/connections/ensure", "POST /connections")],
    ids=["no-ensure", "requests-only"],
)
def test_an_older_membrane_is_asked_in_older_ways(routes: tuple[str, ...], open_road: Open) -> None:
    walk = Walk.parse(f"person:{STAGE}")
    road = open_road("http", walk=walk, missing_routes=frozenset(routes))
    done = run(road, "create", "--name", "Mine", "--wait")
    made = one(done)
    assert (made["name"], made["usable"]) == ("Mine", True)
    assert "https://ui.sandbox.invalid/connections/" in done.err
    last = "POST /connection-requests" if len(routes) == 2 else "POST /connections"
    assert [line for line in road.sent if line.startswith("POST")][-1] == last
    assert states(road) == {"Mine": "READY"}


def test_a_request_for_a_connection_is_waited_for_by_its_id(open_road: Open) -> None:
    walk = Walk.parse("nobody:0.2")
    routes = frozenset(("/connections/ensure", "POST /connections"))
    road = open_road("http", walk=walk, missing_routes=routes)
    requested = one(run(road, "create"))
    assert requested["state"] == "CLIENT_ACTION_REQUIRED"
    waited = run(road, "wait", requested["id"], "--wait-for", "5s")
    assert (waited.code, waited.out) == (4, ""), waited.show
    assert "https://ui.sandbox.invalid/connections/" in waited.err


def test_one_that_is_being_built_is_followed_and_not_made_again(open_road: Open) -> None:
    road = open_road("http", walk=Walk.parse("slow:1"))
    first = run(road, "create", "--wait-for", "1s", monotonic=iter(range(100)).__next__)
    assert first.code == 5, first.show
    then = run(road, "create", "--wait")
    assert one(then)["usable"] is True
    assert "is there already and is being built; nothing was made." in then.err
    assert len(states(road)) == 1


def test_among_several_that_are_cut_off_a_person_has_to_choose(open_road: Open) -> None:
    other = ConnectionSeed(MAIN, "Fullstory US", connected=False)
    road = open_road("http", CUT_SEED, other)
    done = run(road, "create")
    assert (done.code, done.out) == (4, ""), done.show
    assert CUT in done.err and MAIN in done.err and "connections reconnect ID" in done.err
    assert one(run(road, "create", "--name", "Fullstory US"))["id"] == MAIN


def test_without_wait_it_ends_when_a_person_is_needed(open_road: Open) -> None:
    road = open_road("http", walk=Walk.parse(f"nobody:{STAGE}"))
    done = run(road, "create")
    made = one(done)
    assert (made["state"], made["usable"]) == ("CLIENT_ACTION_REQUIRED", False)
    assert done.err.splitlines()[-1] == (
        f"fsctl: it is not ready yet; wait for it with: fsctl connections wait {made['id']}"
    )


@pytest.mark.parametrize(
    ("walk", "code", "said"),
    [
        ("nobody", 4, "CLIENT_ACTION_REQUIRED, Connect to Fullstory with an API key."),
        ("building", 5, "Membrane is still building it."),
        ("setup-failed", 4, "failed: SETUP_FAILED, The connector could not be set up."),
        ("configuration-error", 4, "failed: CONFIGURATION_ERROR, Fullstory did not accept"),
    ],
)
@pytest.mark.parametrize("name", ["http", "cli-older", "cli-newest"])
def test_what_does_not_become_ready_ends_with_its_code(
    name: RoadName, walk: str, code: int, said: str, open_road: Open
) -> None:
    road = open_road(name, walk=Walk.parse(f"{walk}:{STAGE}"))
    done = run(road, "create", "--wait-for", "1s" if code == 5 else "30s")
    assert (done.code, done.out) == (code, ""), done.show
    assert said in done.err
    identifier = re.search(r"\(([0-9a-f]{24})\)", done.err)
    assert identifier is not None
    verb = "reconnect" if "failed" in said else "wait"
    assert f"fsctl connections {verb} {identifier[1]}`" in done.err


def test_in_the_sandbox_a_name_asks_for_the_failure(open_road: Open) -> None:
    road = open_road("sandbox", MAIN_SEED)
    name = f"walk:setup-failed:{STAGE}"
    done = run(road, "create", "--another", "--name", name, "--wait", "-o", "json")
    assert (done.code, done.out) == (4, ""), done.show
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "connection_failed"
    done = run(road, "create", "--another", "--name", name)
    assert done.code == 4
    assert json.loads(done.out)["error"] == "The connector could not be set up."


@pytest.mark.parametrize("name", ROADS)
def test_wait_goes_on_where_create_stopped(name: RoadName, open_road: Open) -> None:
    road = open_road(name, MAIN_SEED)
    named = f"walk:person:{STAGE}"
    made = one(run(road, "create", "--another", "--name", named))
    waited = run(road, "wait", made["id"])
    assert one(waited)["usable"] is True
    assert one(run(road, "wait", named, "--wait-for", "1s"))["usable"] is True


@pytest.mark.parametrize("name", ROADS)
def test_reconnect_gives_new_credentials(name: RoadName, open_road: Open) -> None:
    bad = ConnectionSeed(MAIN, "Fullstory", good_key=False)
    road = open_road(name, bad)
    assert road("users", "get", "ada").code == 4
    done = run(road, "reconnect", MAIN, "--wait")
    assert one(done)["usable"] is True
    assert "is ready. Reconnected, it may not work until" in done.err
    assert "not usable" not in done.err
    assert road("users", "get", "ada").code == 0


def test_a_dry_run_says_what_would_be_done_and_does_nothing(open_road: Open) -> None:
    road = open_road("http", CUT_SEED)
    plans = [
        (("create",), {"step": "reconnect", "connection": CUT, "name": "Fullstory EU"}),
        (
            ("create", "--another", "--name", "B"),
            {"step": "connect", "app_url": "https://fullstory.com", "name": "B"},
        ),
        (("reconnect", CUT), {"step": "reconnect", "connection": CUT, "name": "Fullstory EU"}),
        (("delete", CUT), {"archive": CUT, "name": "Fullstory EU"}),
        (("use", CUT), {"profile": "default", "connection": CUT, "name": "Fullstory EU"}),
    ]
    for arguments, plan in plans:
        assert one(run(road, *arguments, "--dry-run")) == {"dry_run": True, **plan}
    assert {line.split()[0] for line in road.sent} == {"GET"}
    assert not (road.program.home / "config").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--another",),
        ("--name", ""),
        ("--name", "x" * 201),
        ("--name", "a\x1b[31mb"),
        ("--wait-for", "soon"),
        ("--wait", "--wait-for", "-1s"),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_is_sent(
    arguments: tuple[str, ...], open_road: Open
) -> None:
    road = open_road("http", MAIN_SEED)
    done = run(road, "create", *arguments)
    assert (done.code, road.sent) == (2, []), done.show


@pytest.mark.parametrize("fault", ["reset-after:x1", "500:x1", "truncate:x1", "429:x1"])
@pytest.mark.parametrize(("route", "seeds"), [("ensure", ()), (f"{CUT}/reconnect", (CUT_SEED,))])
def test_what_ends_in_the_same_connection_is_tried_again(
    route: str, seeds: tuple[ConnectionSeed, ...], fault: str, open_road: Open
) -> None:
    road = open_road("http", *seeds)
    assert road.server is not None
    road.server.faults = Faults([f"{fault}@/connections/{route}"])
    assert one(run(road, "create", "--wait"))["usable"] is True
    assert len(states(road)) == 1


@pytest.mark.parametrize(
    ("fault", "code"), [("reset-after:x1", 7), ("truncate:x1", 7), ("429:x1", 0), ("reset:x1", 7)]
)
def test_what_could_make_a_second_one_is_not_tried_again(
    fault: str, code: int, open_road: Open
) -> None:
    routes = frozenset(("/connections/ensure", "POST /connections"))
    road = open_road("http", missing_routes=routes)
    assert road.server is not None
    road.server.faults = Faults([f"{fault}@/connection-requests"])
    done = run(road, "create", "--wait")
    assert done.code == code, done.show
    if code == 7:
        assert "whether it took effect is unknown" in done.err
        assert "fsctl connections list" in done.err
    assert one(run(road, "create", "--wait"))["usable"] is True
    assert len(states(road)) == 1


@pytest.mark.parametrize(("fault", "code"), [("reset-after:x1", 7), ("500:x1", 7), ("429:x1", 0)])
def test_an_archiving_that_was_not_answered_is_told(fault: str, code: int, open_road: Open) -> None:
    road = open_road("http", MAIN_SEED, CUT_SEED)
    assert road.server is not None
    road.server.faults = Faults([f"{fault}@/connections/{CUT}"])
    done = run(road, "delete", "Fullstory EU", "--yes")
    assert done.code == code, done.show


# -- archiving


@pytest.mark.parametrize("name", ["sandbox", "http", "cli-newest"])
def test_delete_archives_what_is_named(name: RoadName, open_road: Open) -> None:
    road = open_road(name, *ALL)
    done = run(road, "delete", "Fullstory EU", "--yes")
    assert one(done) == {"id": CUT, "name": "Fullstory EU", "state": "archived"}
    assert "about to archive this connection" in done.err and CUT in done.err
    assert ids(run(road, "list")) == [MAIN, TEST]
    assert road.rows("SELECT archived FROM membrane_connections WHERE id = ?", CUT) == [(1,)]
    again = run(road, "delete", CUT, "--yes")
    assert (again.code, again.out) == (3, ""), again.show


def test_an_older_membrane_cannot_archive_and_says_so(open_road: Open) -> None:
    road = open_road("cli-older", *ALL)
    done = run(road, "delete", CUT, "--yes")
    assert (done.code, done.out) == (2, ""), done.show
    assert "connection archive" in done.err
    assert "about to archive" not in done.err, "nobody is asked to confirm what cannot be"
    assert run(road, "delete", CUT, "--dry-run").code == 2
    assert road.rows("SELECT sum(archived) FROM membrane_connections") == [(0,)]


@pytest.mark.parametrize("flags", [(), ("--no-input",)])
def test_a_deletion_that_nobody_can_confirm_is_refused(
    flags: tuple[str, ...], open_road: Open
) -> None:
    road = open_road("http", *ALL)
    done = run(road, "delete", CUT, *flags)
    assert (done.code, done.out, road.sent) == (2, "", []), done.show
    assert "--dry-run" in done.err and "--yes" in done.err


def test_what_names_a_deleted_one_is_told(open_road: Open) -> None:
    road = open_road("http", *ALL)
    assert run(road, "use", CUT).code == 0
    done = run(road, "delete", CUT, "--yes")
    assert "connection in the profile default still names it" in done.err
    assert one(run(road, "use", "main"))["connection"] == MAIN


def test_the_one_that_was_remembered_is_looked_up_anew(open_road: Open) -> None:
    road = open_road("http", MAIN_SEED, CUT_SEED)
    assert one(run(road, "show"))["id"] == MAIN
    assert run(road, "delete", MAIN, "--yes").code == 0
    none = run(road, "show")
    assert (none.code, none.out) == (4, ""), none.show
    assert "Fullstory EU" in none.err and "is not ready" in none.err
    assert one(run(road, "show", MAIN))["state"] == "archived"


# -- using


def test_use_remembers_it_in_the_profile(open_road: Open) -> None:
    road = open_road("http", *ALL)
    done = run(road, "use", "Fullstory EU")
    assert one(done) == {"profile": "default", "connection": CUT, "name": "Fullstory EU"}
    assert "warning: The connection 'Fullstory EU'" in done.err and "is not ready" in done.err
    assert f'connection = "{CUT}"' in (road.program.home / "config" / "config.toml").read_text()


def test_the_sandboxs_connections_are_for_a_profile_of_the_sandbox(open_road: Open) -> None:
    road = open_road("sandbox", *ALL)
    done = run(road, "use", MAIN)
    assert (done.code, done.out) == (2, ""), done.show
    assert "fsctl profiles create" in done.err
    road.program.profile('[profiles.trial]\ntransport = "sandbox"\n')
    assert one(run(road, "use", CUT, "--profile", "trial"))["profile"] == "trial"
    assert one(run(road, "show", "--profile", "trial"))["id"] == CUT
    assert one(run(road, "show"))["id"] == MAIN
    real = '[profiles.real]\nconnection = "6570c0ffee0123456789ffff"\n'
    road.program.profile('[profiles.trial]\ntransport = "sandbox"\n' + real)
    assert one(run(road, "use", CUT, "--profile", "trial"))["profile"] == "trial"
    assert one(run(road, "show", "--profile", "real"))["id"] == MAIN
    environ = {"FSCTL_CONNECTION": "6570c0ffee0123456789ffff"}
    assert one(run(road, "show", "--profile", "trial", env=environ))["id"] == CUT
