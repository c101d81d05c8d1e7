"""``annotations flush``: what an outbox holds is sent oldest first, each annotation once."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fsctl.bulk.outbox import entries, keep
from fsctl.cli.app import App
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID
from tests.support.command import BINARY, Ended, Fsctl, clean_environment
from tests.support.online import Online, inside, online, token_environment
from tests.support.screen import Screen
from tests.support.scripted_server import HANG, ScriptedServer, Step, answer, scripted

NOW = datetime(2024, 6, 29, 14, 23, 23, tzinfo=UTC)
ENTRY = {
    "start_time": "2024-06-29T14:20:00Z",
    "end_time": "2024-06-29T14:23:23Z",
    "source": "GitHub Actions: deploy",
    "connection": DEFAULT_CONNECTION_ID,
}
FLUSH = ("annotations", "flush")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Iterator[Online]:
    """The server for a client with a home of its own, and with no annotation yet."""
    server.fail()
    with server.server.store.connection() as db:
        db.execute("DELETE FROM annotations")
        db.commit()
    yield inside(server, tmp_path)


def fill(directory: Path, *texts: str, **more: Any) -> None:
    """Keep these, the first as the oldest."""
    for place, text in enumerate(texts):
        keep(directory, {**ENTRY, "text": text, **more}, NOW + timedelta(seconds=place))


def made(road: Online) -> list[str]:
    """The texts of all annotations that the server has, in the order in which they came."""
    with road.server.store.connection() as db:
        return [row[0] for row in db.execute("SELECT text FROM annotations ORDER BY rowid")]


def rows(done: Ended) -> list[tuple[str, str]]:
    found = [json.loads(line) for line in done.out.splitlines()]
    return [(row["state"], row["text"]) for row in found]


def names(directory: Path) -> Counter[str]:
    """How many files of each kind are left."""
    return Counter(path.suffix for path in directory.iterdir())


# -- going well


def test_the_oldest_is_sent_first_each_once_and_with_its_times(
    road: Online, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    fill(outbox, "one", "two", "three")
    done = road(*FLUSH, str(outbox))
    assert done.code == 0, done.show
    assert rows(done) == [("sent", "one"), ("sent", "two"), ("sent", "three")], done.show
    assert made(road) == ["one", "two", "three"]
    with road.server.store.connection() as db:
        kept = {
            tuple(row) for row in db.execute("SELECT start_time, end_time, source FROM annotations")
        }
    assert kept == {(ENTRY["start_time"], ENTRY["end_time"], ENTRY["source"])}
    assert list(outbox.iterdir()) == []


def test_an_empty_outbox_is_done_and_asks_nobody(road: Online, tmp_path: Path) -> None:
    done = road(*FLUSH, str(tmp_path / "none"))
    assert (done.code, done.out, road.sent) == (0, "", []), done.show


def test_without_a_directory_it_is_fsctls_own(road: Online, tmp_path: Path) -> None:
    fill(tmp_path / "state" / "outbox", "kept at home")
    done = road(*FLUSH)
    assert rows(done) == [("sent", "kept at home")], done.show


def test_a_dry_run_sends_and_changes_nothing(road: Online, tmp_path: Path) -> None:
    fill(tmp_path / "outbox", "one")
    before = entries(tmp_path / "outbox")
    done = road(*FLUSH, str(tmp_path / "outbox"), "--dry-run")
    assert (done.code, rows(done)) == (0, [("planned", "one")]), done.show
    assert (made(road), entries(tmp_path / "outbox")) == ([], before)


def test_a_dry_run_needs_no_credentials(tmp_path: Path) -> None:
    fill(tmp_path / "outbox", "one")
    done = Fsctl(tmp_path)(*FLUSH, str(tmp_path / "outbox"), "--dry-run", env={"PATH": ""})
    assert (done.code, rows(done)) == (0, [("skipped", "one")]), done.show
    assert "Nothing can be sent now" in done.err


# -- for whom


def account(road: Online) -> str:
    """The account of the token in use, as it is noted in entries."""
    app = App(Screen(environ=road.fsctl.env))
    try:
        return app.gateway.account
    finally:
        app.close()


@pytest.mark.parametrize(
    ("whose", "options", "state"),
    [
        ({"connection": DEFAULT_CONNECTION_ID}, (), "sent"),
        ({"connection": "65f0c0ffee65f0c0ffee65f0"}, (), "skipped"),
        ({"connection": "65f0c0ffee65f0c0ffee65f0", "named": "fullstory"}, (), "skipped"),
        ({"connection": None, "named": None}, (), "waiting"),
        ({"connection": None, "named": None, "account": "of another token"}, (), "waiting"),
        ({"connection": None, "named": None, "account": "ours"}, (), "sent"),
        ({"connection": None, "named": None}, ("--connection", DEFAULT_CONNECTION_ID), "sent"),
        ({"connection": None, "named": DEFAULT_CONNECTION_ID}, (), "sent"),
        ({"connection": None, "named": "another"}, (), "skipped"),
        (
            {"connection": None, "named": "another"},
            ("--connection", DEFAULT_CONNECTION_ID),
            "skipped",
        ),
        ({"account": "sandbox"}, (), "skipped"),
    ],
    ids=str,
)
def test_only_what_was_made_for_the_connection_in_use_is_sent(
    road: Online, tmp_path: Path, whose: dict[str, Any], options: tuple[str, ...], state: str
) -> None:
    if whose.get("account") == "ours":
        whose = whose | {"account": account(road)}
    fill(tmp_path / "outbox", "one", **whose)
    done = road(*FLUSH, str(tmp_path / "outbox"), *options)
    assert rows(done) == [(state, "one")], done.show
    assert done.code == (6 if state == "waiting" else 0), done.show
    assert ("for another connection" in done.err) == (state == "skipped"), done.show
    assert made(road) == (["one"] if state == "sent" else [])
    assert names(tmp_path / "outbox") == ({} if state == "sent" else {".json": 1})


def test_a_rehearsal_is_sent_in_the_sandbox(tmp_path: Path) -> None:
    fsctl = Fsctl(tmp_path)
    done = fsctl("--sandbox", "annotations", "create", "warm")
    assert done.code == 0, done.show
    fill(tmp_path / "outbox", "real", "rehearsed")
    fill(tmp_path / "rehearsals", "rehearsed", account="sandbox", connection=None)
    done = fsctl("--sandbox", *FLUSH, str(tmp_path / "outbox"))
    assert rows(done) == [("skipped", "real"), ("skipped", "rehearsed")], done.show
    done = fsctl("--sandbox", *FLUSH, str(tmp_path / "rehearsals"))
    assert rows(done) == [("sent", "rehearsed")], done.show


def test_what_others_may_have_written_is_not_sent(road: Online, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    fill(outbox, "a stranger's", "mine")
    strange = entries(outbox)[0].path
    strange.chmod(0o644)  # as git checks files out
    done = road(*FLUSH, str(outbox))
    assert done.code == 6, done.show
    assert rows(done)[1] == ("sent", "mine") and rows(done)[0][0] == "refused"
    assert "others may read or write it" in done.out
    assert made(road) == ["mine"]
    assert strange.exists()


# -- going wrong


def test_with_the_service_down_all_wait_on_and_it_is_asked_once(
    road: Online, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    fill(outbox, "one", "two")
    before = entries(outbox)
    road.fail("429")
    done = road(*FLUSH, str(outbox), "--retries", "0", "--connection", DEFAULT_CONNECTION_ID)
    assert done.code == 5, done.show
    assert [state for state, _ in rows(done)] == ["waiting", "waiting"], done.show
    assert entries(outbox) == before
    assert len(road.sent) == 1
    road.fail()
    done = road(*FLUSH, str(outbox))
    assert (done.code, made(road)) == (0, ["one", "two"]), done.show


def test_without_credentials_all_wait_on(tmp_path: Path) -> None:
    fill(tmp_path / "outbox", "one")
    done = Fsctl(tmp_path)(*FLUSH, str(tmp_path / "outbox"), env={"PATH": ""})
    assert (done.code, rows(done)) == (4, [("waiting", "one")]), done.show
    assert names(tmp_path / "outbox") == {".json": 1}


@pytest.mark.parametrize("fault", ["reset-after:x1@/act", "truncate:x1", "empty:x1"])
def test_an_unknown_outcome_is_told_kept_apart_and_never_sent_again(
    road: Online, tmp_path: Path, fault: str
) -> None:
    outbox = tmp_path / "outbox"
    fill(outbox, "one", "two")
    kind = fault.partition("@")[0]
    path = f"/connections/{DEFAULT_CONNECTION_ID}/proxy"
    road.fail(f"{kind}@{path}")
    done = road(*FLUSH, str(outbox), "--via", "proxy")
    assert done.code == 7, done.show
    assert rows(done) == [("unknown", "one"), ("sent", "two")], done.show
    assert made(road) == ["one", "two"]
    assert names(outbox) == {".unknown": 1}
    again = road(*FLUSH, str(outbox))
    assert (again.code, again.out, road.sent) == (0, "", []), again.show
    assert "may have arrived or not" in again.err
    assert made(road) == ["one", "two"]


def test_what_fullstory_refuses_waits_and_keeps_nobody_up(tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    fill(outbox, "one", "two")
    no = answer(400, {"code": "invalid_argument", "message": "not today"})
    with scripted(no, ECHO) as server:
        done = Flush(tmp_path / "home", server.url, outbox).end()
    assert done.code == 6, done.show
    assert rows(done) == [("waiting", "one"), ("sent", "two")], done.show
    assert "An annotation of the outbox" in done.err and "not today" in done.err
    assert names(outbox) == {".json": 1}


def test_a_link_is_no_outbox(road: Online, tmp_path: Path) -> None:
    fill(tmp_path / "outbox", "one")
    (tmp_path / "link").symlink_to(tmp_path / "outbox")
    done = road(*FLUSH, str(tmp_path / "link"))
    assert (done.code, road.sent) == (2, []), done.show


# -- killed


class Flush:
    """A flush as a process of its own, by the proxy and a known connection: one request each."""

    def __init__(self, home: Path, url: str, outbox: Path) -> None:
        home.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [
                str(BINARY), *FLUSH, str(outbox), "--via", "proxy",
                "--connection", DEFAULT_CONNECTION_ID, "--retries", "0",
            ],
            env=clean_environment(home, token_environment(url)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def kill(self) -> int:
        """Kill it, and its exit status."""
        self.process.kill()
        return self.end().code

    def end(self) -> Ended:
        out, err = self.process.communicate(timeout=60)
        return Ended(self.process.returncode, out, err)


ECHO = answer(200, {"text": "x", "start_time": "2024-06-29T14:20:00Z"})


@pytest.mark.parametrize("moment", ["arriving", "arrived", "answered"])
def test_killed_while_sending_it_is_not_sent_again(tmp_path: Path, moment: str) -> None:
    """Killed as the request comes in, once it was read, and once the answer was sent."""
    outbox = tmp_path / "outbox"
    fill(outbox, "one")
    flushes: list[Flush] = []

    def kill() -> None:
        while not flushes:
            time.sleep(0.001)
        flushes[0].process.kill()

    steps = {
        "arriving": Step(end="close", before=kill),
        "arrived": HANG,
        "answered": ECHO,
    }
    server: ScriptedServer
    with scripted(steps[moment]) as server:
        flushes.append(Flush(tmp_path / "home", server.url, outbox))
        while not server.requests and flushes[0].process.poll() is None:
            time.sleep(0.001)
        status = flushes[0].kill()
        again = Flush(tmp_path / "home", server.url, outbox).end()
        third = Flush(tmp_path / "home", server.url, outbox).end()
        assert len(server.requests) <= 1
    if not list(outbox.iterdir()):  # the answer was quicker than the signal
        assert (moment, again.code, again.out) == ("answered", 0, ""), again.show
        return
    assert status == -signal.SIGKILL
    assert again.code == 7, again.show
    assert rows(again) == [("unknown", "one")], again.show
    assert "a flush ended while it was being sent" in again.out
    assert names(outbox) == {".unknown": 1}
    assert (third.code, third.out) == (0, ""), third.show


def test_however_often_flushes_are_killed_nothing_is_sent_twice_or_lost(
    road: Online, tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox"
    texts = [f"deploy {number}" for number in range(24)]
    fill(outbox, *texts)
    chance = random.Random(5)
    url = road.server.url
    road.server.latency = 0.02
    try:
        for _ in range(10):
            flush = Flush(tmp_path / "home", url, outbox)
            deadline = time.monotonic() + 20
            before = len(made(road))
            while len(made(road)) == before and flush.process.poll() is None:
                assert time.monotonic() < deadline
            time.sleep(chance.random() * 0.05)
            flush.kill()
    finally:
        road.server.latency = 0
    last = Flush(tmp_path / "home", url, outbox).end()
    assert last.code in (0, 7), last.show
    arrived = Counter(made(road))
    assert set(arrived.values()) == {1}, arrived
    unknown = {found.entry.text for found in entries(outbox) if found.entry}
    assert names(outbox)[".unknown"] == len(unknown) <= 10
    assert set(arrived) | unknown == set(texts)


def test_flushes_at_the_same_time_send_each_once(road: Online, tmp_path: Path) -> None:
    outbox = tmp_path / "outbox"
    texts = [f"deploy {number}" for number in range(20)]
    fill(outbox, *texts)
    flushes = [Flush(tmp_path / "home", road.server.url, outbox) for _ in range(4)]
    ended = [flush.end() for flush in flushes]
    assert [done.code for done in ended] == [0] * 4, "\n".join(done.show for done in ended)
    assert sorted(made(road)) == sorted(texts)
    told = [text for done in ended for state, text in rows(done) if state == "sent"]
    assert sorted(told) == sorted(texts)
    assert list(outbox.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_sending_it_is_kept_apart(tmp_path: Path, number: signal.Signals) -> None:
    outbox = tmp_path / "outbox"
    fill(outbox, "one", "two")
    with scripted(HANG) as server:
        flush = Flush(tmp_path / "home", server.url, outbox)
        while not server.requests:
            time.sleep(0.001)
        flush.process.send_signal(number)
        done = flush.end()
        assert done.code == 128 + number, done.show
        assert "may have arrived" in done.err
    assert [(found.state, found.path.suffix) for found in entries(outbox)] == [
        ("unknown", ".unknown"),
        ("waiting", ".json"),
    ]
