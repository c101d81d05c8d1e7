"""From a person to the replay and what happened in it, on every road to Membrane."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fsctl.membrane.gateway import Request
from fsctl.sandbox.answers import Problem
from fsctl.sandbox.api import FullstoryApi
from fsctl.sandbox.seed import seed_if_empty
from fsctl.sandbox.store import Store
from tests.support.command import Ended, Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import Online, membrane_environment, online, token_environment
from tests.support.program import Program
from tests.support.window import in_window

ADA = "7400589116837456607"
DEVICE = "5517947882585495975"
NEWEST = f"{DEVICE}:366916161176979767"
REPLAY = f"https://www.fullstory.com/ui/SANDBOX-na1/discover/session/{NEWEST}"
ROADS = ("sandbox", "http", "cli-older", "cli-newest")

PLAIN = {"NO_COLOR": "1"}

Ask = Callable[..., Ended]


class Cast(NamedTuple):
    """People that the seed has not: each with one session."""

    shadow: str  # whose uid is Ada's Fullstory id
    twins: tuple[str, str]  # who have one e-mail
    nameless: str  # who has an e-mail and no uid
    mixed: str  # who has no uid either, and the twins' e-mail


def played_by(store: Store) -> Cast:
    """Put the cast on the stage, and a regular with 130 sessions."""
    api = FullstoryApi(store)

    def person(visits: int = 1, **fields: str) -> str:
        request = Request("POST", "/v2/users", body=json.dumps(fields).encode())
        user_id: str = json.loads(api.handle(request).body)["id"]
        with store.transaction() as db:
            for number in range(visits):
                visit(db, user_id, number)
        return user_id

    cast = Cast(
        shadow=person(uid=ADA, email="shadow@example.com"),
        twins=(
            person(uid="twin-1", email="twins@example.com"),
            person(uid="twin-2", email="Twins@example.com"),
        ),
        nameless=person(email="nameless@example.com"),
        mixed=person(email="twins@example.com"),
    )
    person(130, uid="regular")
    return cast


def visit(db: sqlite3.Connection, user_id: str, number: int) -> None:
    """A session of that user: the seed's first one, played by them ``number`` hours before."""
    db.execute(
        "INSERT INTO sessions (user_seq, device_id, session_id, started, ended, scenario, seed,"
        " agent) SELECT users.seq, ?, ?, s.started - 3600 * ?, s.ended - 3600 * ?, s.scenario,"
        " s.seed, s.agent FROM users, sessions AS s WHERE users.id = ? AND s.seq = 1",
        (user_id, str(1000 + number), number, number, user_id),
    )


class Stage(NamedTuple):
    """fsctl on one road to a Fullstory with the cast in it."""

    road: str
    ask: Ask
    cast: Cast


@pytest.fixture(scope="module", params=ROADS)
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp(request.param)
    if request.param == "sandbox":
        (home / "data").mkdir(0o700)
        store = Store(home / "data" / "sandbox.sqlite3")
        seed_if_empty(store)
        cast = played_by(store)
        store.close()
        yield Stage("sandbox", Program(home, {"FSCTL_TRANSPORT": "sandbox"}), cast)
        return
    with online(home) as server:
        url = server.server.url
        if request.param == "http":
            env = token_environment(url)
        else:
            form: Any = request.param.removeprefix("cli-")
            fake = FakeMembrane(form=form, without=["token"])
            env = membrane_environment(fake, home / "cli", url)
        yield Stage(request.param, Program(home, env), played_by(server.server.store))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("sandbox"), {"FSCTL_TRANSPORT": "sandbox"})


def rows(done: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def ids(done: Ended) -> list[str]:
    return [row["id"] for row in rows(done)]


# -- on every road: nobody, one, several


def test_list_shows_a_persons_sessions_newest_first_with_the_apis_own_fields(stage: Stage) -> None:
    done = stage.ask("sessions", "list", "ada@example.com")
    assert done.code == 0, done.show
    listed = rows(done)
    assert len(listed) == 5
    assert listed[0] | {"createdTime": ""} == {
        "id": NEWEST,
        "userId": DEVICE,
        "sessionId": "366916161176979767",
        "createdTime": "",
        "fsUrl": REPLAY,
    }
    began = [int(row["createdTime"]) for row in listed]
    assert began == sorted(began, reverse=True)


def test_list_of_nobody_is_3_and_prints_nothing(stage: Stage) -> None:
    done = stage.ask("sessions", "list", "nobody@example.com")
    assert (done.code, done.out) == (3, ""), done.show
    assert "Nobody has the e-mail or uid 'nobody@example.com'" in done.err


def test_list_of_someone_without_sessions_is_empty_and_done(stage: Stage) -> None:
    done = stage.ask("sessions", "list", "marco", "-o", "json")
    assert (done.code, done.out) == (0, "[]\n"), done.show


def test_list_of_several_under_one_email_shows_each_apart_and_is_1(stage: Stage) -> None:
    done = stage.ask("sessions", "list", "twins@example.com")
    assert done.code == 1, done.show
    assert sorted((row["user_id"], row["id"]) for row in rows(done)) == sorted(
        (twin, f"{twin}:1000") for twin in stage.cast.twins
    )
    assert "error: 'twins@example.com' means 3 people" in done.err
    warned = f"warning: The user {stage.cast.mixed} has no uid, and the e-mail is that of 3 people"
    assert warned in done.err


def test_list_of_a_uid_that_is_anothers_id_shows_both_and_is_1(stage: Stage) -> None:
    done = stage.ask("sessions", "list", ADA)
    assert done.code == 1, done.show
    told = [(row["who"], row["user_id"]) for row in rows(done)]
    assert told == [(ADA, ADA)] * 5 + [(ADA, stage.cast.shadow)]
    assert f"{ADA!r} means 2 people: {ADA}, {stage.cast.shadow}" in done.err
    assert len(rows(stage.ask("sessions", "list", "--id", ADA))) == 5
    assert ids(stage.ask("sessions", "list", "--uid", ADA)) == [f"{stage.cast.shadow}:1000"]


def test_someone_without_a_uid_is_asked_for_by_an_email_that_nobody_shares(stage: Stage) -> None:
    done = stage.ask("sessions", "list", "nameless@example.com")
    assert (done.code, ids(done)) == (0, [f"{stage.cast.nameless}:1000"]), done.show
    done = stage.ask("sessions", "latest", "--user-id", stage.cast.mixed)
    assert (done.code, done.out) == (1, ""), done.show
    assert "the e-mail is that of 3 people" in done.err


def test_more_sessions_than_the_api_gives_by_itself_are_all_listed(stage: Stage) -> None:
    done = stage.ask("sessions", "list", "regular")
    assert done.code == 0, done.show
    assert [row["sessionId"] for row in rows(done)] == [str(1000 + n) for n in range(130)]
    assert "warning" not in done.err


def test_latest_gives_one_thing_for_one_person(stage: Stage) -> None:
    done = stage.ask("sessions", "latest", "ada")
    assert done.code == 0, done.show
    assert json.loads(done.out)["id"] == NEWEST


def test_latest_url_prints_urls_and_nothing_else(stage: Stage) -> None:
    done = stage.ask("sessions", "latest", "ada@example.com", "--url")
    assert (done.code, done.out) == (0, f"{REPLAY}\n"), done.show
    done = stage.ask("sessions", "latest", "ada", "marco", "grace", "nobody", ADA, "--url")
    assert done.code == 3, done.show
    urls = done.out.splitlines()
    assert len(urls) == 2, done.show
    assert urls[0] == REPLAY
    assert "no session of 'marco'" in done.err
    assert "Nobody has the uid 'nobody'" in done.err
    assert "means 2 people" in done.err


def test_latest_id_prints_ids(stage: Stage) -> None:
    done = stage.ask("sessions", "latest", "ada", "--id")
    assert (done.code, done.out) == (0, f"{NEWEST}\n"), done.show


def test_latest_of_several_people_shows_all_and_is_1_but_gives_a_script_none(stage: Stage) -> None:
    done = stage.ask("sessions", "latest", ADA)
    assert done.code == 1, done.show
    assert [row["user_id"] for row in rows(done)] == [ADA, stage.cast.shadow]
    assert "--user-id" in done.err
    for option in ("--url", "--open"):
        done = stage.ask("sessions", "latest", ADA, option)
        assert (done.code, done.out) == (1, ""), done.show
        assert "by the Fullstory id, with --user-id:" in done.err


TROUBLE = [
    "network-error", "console-error", "error-click", "dead-click", "rage-click", "mouse-thrash"
]  # fmt: skip


def test_events_takes_an_id_and_a_person(stage: Stage) -> None:
    for session in (NEWEST, "ada"):
        done = stage.ask("sessions", "events", session, "--errors", "--jq", ".event_type")
        assert (done.code, done.out.split()) == (0, TROUBLE), done.show
        said = f"The newest session of {session!r} is {NEWEST}" in done.err
        assert said is (session == "ada")


@pytest.mark.parametrize(
    "session",
    [
        NEWEST.replace(":", "!"), NEWEST.replace(":", "%253A"), REPLAY, f"<{REPLAY}>,",
        f"https://app.eu1.fullstory.com/ui/O/session/{NEWEST}?x=1#y", "ada@example.com",
    ],
)  # fmt: skip
def test_events_takes_every_form_of_a_session(sandbox: Program, session: str) -> None:
    done = sandbox("sessions", "events", session, "--errors", "--jq", ".event_type")
    assert (done.code, done.out.split()) == (0, TROUBLE), done.show


def test_events_are_the_apis_own(stage: Stage) -> None:
    asked = stage.ask("raw", "request", f"/v2/sessions/{NEWEST.replace(':', '%3A')}/events")
    done = stage.ask("sessions", "events", NEWEST)
    assert done.code == 0, done.show
    assert rows(done) == json.loads(asked.out)["events"]
    assert len(rows(done)) > 20


@pytest.mark.parametrize(
    ("session", "code", "said"),
    [
        ("1:2", 3, "DEVICE_ID:SESSION_ID"),
        ("366916161176979767", 3, "does not work alone"),
        (ADA, 1, "means 2 people"),
        ("marco", 3, "no session of 'marco'"),
        ("nobody", 3, "Nobody has the uid"),
    ],
)
def test_events_of_no_one_session_is_refused(
    stage: Stage, session: str, code: int, said: str
) -> None:
    done = stage.ask("sessions", "events", session)
    assert (done.code, done.out) == (code, ""), done.show
    assert said in done.err


@pytest.mark.parametrize(
    ("session", "said"),
    [
        ("https://app.fullstory.com/ui/O/session/366916161176979767", "does not work alone"),
        (f"https://evil.test/ui/O/session/{NEWEST}", "is not the address of a replay"),
    ],
)
def test_an_address_of_no_session_is_refused(sandbox: Program, session: str, said: str) -> None:
    for command in ("events", "timeline", "open", "summary"):
        done = sandbox("sessions", command, session)
        assert (done.code, done.out) == (2, ""), done.show
        assert said in done.err


def test_summary_is_fullstorys_own(stage: Stage) -> None:
    done = stage.ask("sessions", "summary", NEWEST, "--jq", ".summary")
    assert done.code == 0, done.show
    assert "Ada Lovelace did" in done.out


def test_open_without_a_screen_prints_the_replay_made_anew(stage: Stage) -> None:
    made = f"https://app.fullstory.com/ui/SANDBOX-na1/session/{NEWEST}\n"
    for session in ("ada", REPLAY, f"http://www.fullstory.com/ui/SANDBOX-na1/session/{NEWEST}?x"):
        done = stage.ask("sessions", "open", session)
        assert (done.code, done.out) == (0, made), done.show
    assert stage.ask("sessions", "latest", "ada", "--open").out == made


# -- windows of time and limits


def test_since_until_and_limit_bound_the_list(sandbox: Program) -> None:
    whole = rows(sandbox("sessions", "list", "ada"))
    began = [int(row["createdTime"]) for row in whole]

    def listed(*window: str) -> list[int]:
        done = sandbox("sessions", "list", "ada", *window)
        assert done.code == 0, done.show
        return [int(row["createdTime"]) for row in rows(done)]

    assert listed("--since", str(began[2])) == began[:3]
    assert listed("--until", str(began[2])) == began[2:]
    assert listed("--since", str(began[3]), "--until", str(began[1])) == began[1:4]
    assert listed("--limit", "2") == began[:2]
    assert listed("--limit", "1", "--until", str(began[4])) == began[4:]


def test_at_gives_the_last_session_that_had_begun(sandbox: Program) -> None:
    whole = rows(sandbox("sessions", "list", "ada"))
    moment = int(whole[1]["createdTime"]) + 60
    assert ids(sandbox("sessions", "list", "ada", "--at", str(moment))) == [whole[1]["id"]]
    assert ids(sandbox("sessions", "list", "ada", "--at", "2001-01-01")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        ("list", "ada", "--at", "now", "--limit", "2"),
        ("list", "ada", "--since", "now", "--until", "-1h"),
        ("list", "ada", "--since", "yesterday-ish"),
        ("list", "ada", "--limit", "0"),
        ("list", ""),
        ("list",),
        ("latest",),
        ("latest", "ada", "grace", "--open"),
        ("latest", "ada", "--url", "-o", "json"),
        ("latest", "ada", "--id", "--jq", "."),
        ("latest", "ada", "--url", "--fields", "fsUrl"),
        ("events", "ada", "--since", "now", "--until", "-1h"),
        ("events", "ada", "--limit", "0"),
        ("summary", "ada", "--summary-profile", ""),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(
    wrong: tuple[str, ...], server: Online, tmp_path: Path
) -> None:
    road = Online(Program(tmp_path, token_environment(server.server.url)), server.server)
    done = road("sessions", *wrong)
    assert (done.code, done.out, road.sent) == (2, "", []), done.show


def test_a_list_that_may_be_cut_is_warned_of(tmp_path: Path) -> None:
    sandbox = Program(tmp_path, {"FSCTL_TRANSPORT": "sandbox"})
    assert sandbox("sessions", "list", "ada", "--limit", "1").code == 0
    with Store(tmp_path / "data" / "sandbox.sqlite3").transaction() as db:
        for number in range(15):
            visit(db, ADA, number)
    done = sandbox("sessions", "list", "ada")
    assert (done.code, len(rows(done))) == (0, 20), done.show
    assert "warning: Fullstory gave 20 sessions of 'ada' that fit" in done.err


# -- what was picked from a session


def test_events_are_picked_by_type_time_page_and_number(sandbox: Program) -> None:
    every = rows(sandbox("sessions", "events", "ada"))

    def kinds(*options: str) -> list[str]:
        done = sandbox("sessions", "events", "ada", *options)
        assert done.code == 0, done.show
        return [row["event_type"] for row in rows(done)]

    assert set(kinds("--type", "click", "--type", "change")) == {"click", "change"}
    assert kinds("--limit", "3") == [row["event_type"] for row in every[:3]]
    middle = every[10]["event_time"]
    before, after = kinds("--until", middle), kinds("--since", middle)
    assert len(before) + len(after) == len(every) + 1
    assert "rage-click" in kinds("--url-contains", "/checkout")
    assert "rage-click" not in kinds("--url-contains", "/reports")


def test_where_no_event_fits_the_types_that_there_are_are_named(sandbox: Program) -> None:
    done = sandbox("sessions", "events", "ada", "--type", "tap")
    assert (done.code, done.out) == (0, ""), done.show
    assert re.search(r"No event fits; the session has .*navigate \(\d+\)", done.err)


def test_hostile_events_steer_no_terminal(sandbox: Program) -> None:
    done = sandbox("sessions", "events", "mallory", env=PLAIN, stdout_is_terminal=True, width=200)
    assert done.code == 0, done.show
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", done.out)


# -- the screen


def test_the_table_has_local_times_ages_and_links_to_the_replays(sandbox: Program) -> None:
    now = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    done = sandbox(
        "sessions", "list", "ada", "--limit", "1",
        env={**PLAIN, "FSCTL_TIME_ZONE": "Asia/Kolkata"},
        stdout_is_terminal=True, hyperlinks=True, width=90, now=lambda: now,
    )  # fmt: skip
    assert done.code == 0, done.show
    header, line, address = done.out.splitlines()
    assert header.split() == ["BEGAN", "AGE", "ID"], "no room for the address in the row"
    assert REPLAY in address
    assert f"\x1b]8;;{REPLAY}\x1b\\{NEWEST}\x1b]8;;\x1b\\" in line
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+05:30  \d+ (min|h|d) ", line)
    wide = sandbox("sessions", "list", "ada", stdout_is_terminal=True, width=200)
    assert REPLAY in wide.out.splitlines()[1]


def test_json_says_nothing_that_changes_by_the_hour(sandbox: Program) -> None:
    assert "age" not in rows(sandbox("sessions", "list", "ada"))[0]
    done = sandbox("sessions", "list", "ada", "--fields", "age,id")
    assert re.fullmatch(r"\d+ (s|min|h|d)", rows(done)[0]["age"])


# -- replays are opened where a person sits before a screen


@pytest.fixture
def desk(server: Online, tmp_path: Path) -> Iterator[Callable[..., tuple[Ended, Path]]]:
    """A terminal window with a display, and a browser that writes down what it was given."""
    home = tmp_path / "home"
    home.mkdir()
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\n{{ echo "$1"; pwd; env; }} > {seen}.new\nmv {seen}.new {seen}\n'
    )
    browser.chmod(0o755)
    base = Fsctl(home, token_environment(server.server.url)).env

    def run(*arguments: str, **env: str) -> tuple[Ended, Path]:
        whole = {**base, "DISPLAY": ":0", "BROWSER": f"{browser} %s", "TERM": "xterm", **env}
        checkout = tmp_path / "checkout"
        checkout.mkdir(exist_ok=True)
        (checkout / "webbrowser.py").write_text("raise SystemExit('a stranger')")
        whole["PYTHONPATH"] = str(checkout)
        return in_window(*arguments, env=whole, cwd=checkout), seen

    yield run


def test_a_replay_opens_in_the_browser_which_sees_nothing_of_membranes(
    desk: Callable[..., tuple[Ended, Path]],
) -> None:
    done, seen = desk("sessions", "open", "ada")
    url = f"https://app.fullstory.com/ui/SANDBOX-na1/session/{NEWEST}"
    assert done.code == 0, done.show
    assert f"Opened {url}" in " ".join(done.out.split())
    told = _when_whole(seen)  # the browser is not waited for
    assert told.splitlines()[:2] == [url, "/"]
    assert "PATH=" in told
    assert "MEMBRANE" not in told


def _when_whole(seen: Path) -> str:
    """What the browser has written, once all of it is there."""
    ends = time.monotonic() + 30
    while not (seen.exists() and "PATH=" in seen.read_text()) and time.monotonic() < ends:
        time.sleep(0.05)
    return seen.read_text()


@pytest.mark.parametrize(
    "env", [{"DISPLAY": ""}, {"CI": "true"}], ids=["no display", "under a build service"]
)
def test_without_a_screen_the_url_is_printed(
    desk: Callable[..., tuple[Ended, Path]], env: Mapping[str, str]
) -> None:
    done, seen = desk("sessions", "open", REPLAY, **env)
    assert done.code == 0, done.show
    assert done.out.splitlines()[-1].endswith(f"/ui/SANDBOX-na1/session/{NEWEST}")
    assert not seen.exists()


@pytest.mark.parametrize("option", ["--sandbox", "--dry-run"])
def test_the_sandbox_and_a_dry_run_open_nothing(
    desk: Callable[..., tuple[Ended, Path]], option: str
) -> None:
    done, seen = desk(option, "sessions", "open", NEWEST if option == "--sandbox" else REPLAY)
    assert done.code == 0, done.show
    assert f"/session/{NEWEST}" in done.out
    assert not seen.exists()


# -- addresses that Fullstory does not tell


@pytest.fixture
def alone(server: Online, tmp_path: Path) -> Program:
    return Program(tmp_path, token_environment(server.server.url))


def told_as(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """From now on the server's lists of sessions give this address."""
    monkeypatch.setattr("fsctl.sandbox.sessions.replay_url", lambda *_ids: url)


def test_an_id_alone_needs_the_organisation(alone: Program) -> None:
    done = alone("sessions", "open", NEWEST)
    assert (done.code, done.out) == (2, ""), done.show
    assert "Set org in your profile" in done.err


def test_the_sandbox_has_an_organisation_of_its_own(sandbox: Program) -> None:
    done = sandbox("sessions", "open", "1:2")
    assert (done.code, done.out) == (
        0,
        "https://app.fullstory.com/ui/SANDBOX-na1/session/1:2\n",
    ), done.show


@pytest.mark.parametrize(
    ("profile", "start"),
    [
        ('org = "ABC"', "https://app.fullstory.com/ui/ABC/session/"),
        ('org = "o-1-eu1"', "https://app.eu1.fullstory.com/ui/o-1-eu1/session/"),
        ('org = "ABC"\nregion = "EU"', "https://app.eu1.fullstory.com/ui/ABC/session/"),
        ('org = "ABC"\nregion = "na1"', "https://app.fullstory.com/ui/ABC/session/"),
    ],
)
def test_organisation_and_region_come_from_the_profile(
    alone: Program, monkeypatch: pytest.MonkeyPatch, profile: str, start: str
) -> None:
    alone.profile(f"[profiles.default]\n{profile}\n")
    done = alone("sessions", "open", NEWEST)
    assert (done.code, done.out) == (0, f"{start}{NEWEST}\n"), done.show
    told_as(monkeypatch, "")
    assert alone("sessions", "latest", "ada", "--url").out == f"{start}{NEWEST}\n"
    assert json.loads(alone("sessions", "latest", "ada").out)["fsUrl"] == f"{start}{NEWEST}"


@pytest.mark.parametrize(
    "profile", ['org = "ABC/../x"', 'org = ".."', 'org = "ABC"\nregion = "mars"']
)
def test_settings_that_no_address_can_be_made_of_are_refused(alone: Program, profile: str) -> None:
    alone.profile(f"[profiles.default]\n{profile}\n")
    done = alone("sessions", "open", NEWEST)
    assert (done.code, done.out) == (2, ""), done.show


def test_a_session_without_an_address_is_listed_and_has_no_url_to_print(
    alone: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    told_as(monkeypatch, "")
    done = alone("sessions", "list", "ada", "--jq", ".fsUrl")
    assert (done.code, done.out) == (0, "\n" * 5), done.show
    done = alone("sessions", "latest", "ada", "grace", "--url")
    assert (done.code, done.out) == (2, ""), done.show
    assert done.err.count("needs the organisation's id") == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://app.fullstory.com/ui/O/session/1:2",
        "https://app.fullstory.com/logout?next=/session/1:2",
    ],
)
def test_an_address_that_is_not_that_replay_is_never_opened(
    alone: Program, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    told_as(monkeypatch, url)
    done = alone("sessions", "open", "ada")
    assert (done.code, done.out) == (1, ""), done.show
    assert "none that is opened" in done.err


@pytest.mark.parametrize(
    "url",
    [
        f"https://evil.test/ui/O/session/{NEWEST}",
        f"https://app.fullstory.com@evil.test/ui/O/session/{NEWEST}",
        f"http://app.fullstory.com/ui/O/session/{NEWEST}",
        f"https://evilfullstory.com/ui/O/session/{NEWEST}",
    ],
)
def test_a_foreign_address_is_never_opened_and_the_replay_is_all_the_same(
    alone: Program, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    told_as(monkeypatch, url)
    done = alone("sessions", "open", "ada")
    assert (done.code, done.out) == (2, ""), done.show
    alone.profile('[profiles.default]\norg = "ABC"\n')
    done = alone("sessions", "open", "ada")
    assert done.out == f"https://app.fullstory.com/ui/ABC/session/{NEWEST}\n", done.show


def test_what_could_break_a_line_is_no_url(alone: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    told_as(monkeypatch, "https://x.test/\nhttps://evil.test/")
    done = alone("sessions", "latest", "ada", "--url")
    assert (done.code, done.out) == (2, ""), done.show


# -- summaries


def test_a_dry_run_shows_the_summarys_request_and_spends_none(alone: Program) -> None:
    done = alone("sessions", "summary", NEWEST, "--summary-profile", "p1", "--dry-run")
    assert done.code == 0, done.show
    plan = json.loads(done.out)
    assert (plan["method"], plan["path"]) == (
        "GET",
        f"/v2/sessions/{NEWEST.replace(':', '%3A')}/summary",
    )
    assert plan["query"] == [{"name": "config_profile", "value": "p1"}]


def test_a_plan_without_summaries_is_4_and_named(
    alone: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> str:
        raise Problem(403, "forbidden", "not in your plan")

    monkeypatch.setattr("fsctl.sandbox.digest._told", refused)
    done = alone("sessions", "summary", NEWEST)
    assert (done.code, done.out) == (4, ""), done.show
    assert "plans Enterprise and Advanced" in done.err
