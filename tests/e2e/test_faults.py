"""Every fault that ``sandbox serve`` can make, met by the installed command over HTTP.

What is counted is what came to the server: a read may come twice, and an annotation that may have
arrived comes once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from fsctl.membrane.gateway import Request, Response
from fsctl.sandbox.faults import Kind
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID, MembraneOptions
from fsctl.sandbox.trouble import instead
from tests.support.command import Ended
from tests.support.online import Online, fresh, inside, online, warm
from tests.support.scripted_server import free_port

ADA = "7400589116837456607"
PROXY = f"/connections/{DEFAULT_CONNECTION_ID}/proxy"
LOOK = "Look at a chart in Fullstory before sending it again: annotations cannot be listed."

LIST = ("users", "list", "--limit", "1")
GET = ("users", "get", "--id", ADA, "--via", "proxy")
CREATE = ("annotations", "create", "v1.4.2 deployed")

# What a person reads, whichever command it was. The same words stand in a read's and a write's.
WORDS = {
    Kind.RATE_LIMITED: r"(Rate limit exceeded|Too many requests).*HTTP 429",
    Kind.RATE_LIMITED_MEMBRANE: r"Membrane refused: Rate limit exceeded.*HTTP 429",
    Kind.RATE_LIMITED_FULLSTORY: r"Fullstory answered: Too many requests.*HTTP 429",
    Kind.TOO_LARGE: r"(?i)request entity too large.*HTTP 413",
    Kind.SERVER_ERROR: r"Internal server error\. \(.*HTTP 500",
    Kind.BAD_GATEWAY: r"HTTP status 502 \(502 Bad Gateway .*nginx\).*HTTP 502",
    Kind.RESET: r"The connection to 127\.0\.0\.1:\d+ broke before its answer was whole",
    Kind.RESET_AFTER: r"The connection to 127\.0\.0\.1:\d+ broke before its answer was whole",
    Kind.HANG: r"127\.0\.0\.1:\d+ did not answer in time",
    Kind.TRUNCATE: r"The answer ends in the middle",
    Kind.EMPTY: r"(status 200 and nothing else|answer for the [a-z ]+ was empty)",
    Kind.REDIRECT: r"redirects .*\(status 302\), and fsctl follows no redirect with credentials",
}
RATE_LIMITS = (Kind.RATE_LIMITED, Kind.RATE_LIMITED_MEMBRANE, Kind.RATE_LIMITED_FULLSTORY)
FINAL = (Kind.TOO_LARGE, Kind.REDIRECT)  # no use in asking again
TOOK_EFFECT = (Kind.RESET_AFTER, Kind.TRUNCATE, Kind.EMPTY)

each_kind = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)


@dataclass(frozen=True)
class Met:
    """How a command ended that met a fault, what it sent, and how many annotations it made."""

    done: Ended
    lines: list[str]
    made: int

    @property
    def show(self) -> str:
        return f"{self.done.show}\n--- sent\n{self.lines}, annotations made: {self.made}"


# Where a fault strikes: everywhere, or on the one route, so that the run log can be read.
EVERYWHERE, ONCE, ONE_ROUTE = "", ":x1", "@/act"

# The commands, by groups that share a server and a client one after another. Those of the first
# group are run as child processes; the others in this one, where pauses take no time.
GROUPS: dict[str, dict[str, tuple[tuple[str, ...], str]]] = {
    "installed": {
        "list": (LIST, EVERYWHERE),
        "annotation": (CREATE, EVERYWHERE),
        "annotation, logs at hand": (CREATE, ONE_ROUTE),
    },
    "others": {
        "get": (GET, EVERYWHERE),
        "list that fails once": (LIST, ONCE),
        "annotation by proxy": ((*CREATE, "--via", "proxy"), EVERYWHERE),
        "raw request": (
            ("raw", "request", "/v2/annotations", "--json", '{"text": "x"}'),
            EVERYWHERE,
        ),
        "raw action": (("raw", "action", "create-annotation", "-f", "text=x"), EVERYWHERE),
    },
    "no logs": {"annotation without logs": (CREATE, ONE_ROUTE)},  # where logs would settle it
    "refused": {  # where one more try does it
        "annotation refused once": ((*CREATE, "--via", "action"), ONCE),
        "annotation refused once by proxy": ((*CREATE, "--via", "proxy"), ONCE),
    },
}
ONLY = {"no logs": TOOK_EFFECT, "refused": RATE_LIMITS}


class Runs:
    """All commands meeting all faults. They wait more than they work, so many run at once."""

    def __init__(self, directory: Path, pool: ThreadPoolExecutor) -> None:
        self._jobs: dict[tuple[str, Kind], Future[dict[str, Met]]] = {}
        for kind in Kind:
            for group in GROUPS:
                if kind not in ONLY.get(group, Kind):
                    continue
                home = directory / f"{group}-{kind.value}"
                home.mkdir()
                self._jobs[group, kind] = pool.submit(meet, group, kind, home)

    def of(self, name: str, kind: Kind) -> Met:
        group = next(group for group, commands in GROUPS.items() if name in commands)
        met = self._jobs[group, kind].result()[name]
        assert "Traceback" not in met.done.err, met.show
        if met.done.code != 0:
            assert re.search(WORDS[kind], met.done.err), met.show
            # What Fullstory answered to a raw request is printed, whatever it was.
            assert met.done.out == "" or name == "raw request", met.show
        return met


def meet(group: str, kind: Kind, directory: Path) -> dict[str, Met]:
    """Run a group's commands while requests meet that fault, with one retry.

    The client knows the connection and its actions already: one request is one send.
    """
    patience = "1s" if kind is Kind.HANG else "20s"
    found = {}
    with online(directory, options=MembraneOptions(run_logs=group != "no logs")) as installed:
        road = installed if group == "installed" else inside(installed, directory / "inside")
        assert road(*LIST).code == 0
        for name, (command, where) in GROUPS[group].items():
            if kind is Kind.RATE_LIMITED_FULLSTORY:
                where = where.replace("/act", "/v2/annotations")  # behind Membrane's routes
            road.fail(f"{kind.value}{where}")
            before = road.annotations
            done = road(*command, "--timeout", patience, "--retries", "1", "-v")
            found[name] = Met(done, road.lines, road.annotations - before)
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    with ThreadPoolExecutor(24) as pool:
        yield Runs(tmp_path_factory.mktemp("faults"), pool)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        assert road(*LIST).code == 0
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Iterator[Online]:
    """A client of a server that has no fault yet; it knows the connection and its actions."""
    yield warm(server, tmp_path / "home")
    server.fail()


# -- reads


@each_kind
@pytest.mark.parametrize(
    ("name", "line"), [("list", "POST /act"), ("get", f"GET {PROXY}/v2/users/{ADA}")]
)
def test_a_read_is_repeated_and_then_says_what_went_wrong(
    name: str, line: str, kind: Kind, runs: Runs
) -> None:
    met = runs.of(name, kind)
    if kind in FINAL:
        assert (met.done.code, met.lines) == (1, [line]), met.show
    if kind is Kind.REDIRECT:
        assert "points to redirected.sandbox.invalid" in met.done.err
    if kind not in FINAL:
        assert (met.done.code, met.lines) == (5, [line] * 2), met.show


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in FINAL])
def test_a_fault_that_passes_does_not_fail_a_read(kind: Kind, runs: Runs) -> None:
    met = runs.of("list that fails once", kind)
    assert (met.done.code, met.lines) == (0, ["POST /act"] * 2), met.show
    assert met.done.err.count("Trying again in") == 1


def test_a_list_that_fails_in_the_middle_keeps_its_rows_and_does_not_look_whole(
    road: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = road.server.fullstory.handle

    def second_page_fails(request: Request) -> Response:
        if any(name == "page_token" for name, _ in request.query):
            return instead(Kind.SERVER_ERROR, "/v2/users")
        return healthy(request)

    monkeypatch.setattr(road.server.membrane, "upstream", second_page_fails)
    done = road("users", "list", "--via", "proxy", "-o", "json", "--retries", "0")

    assert done.code == 5, done.show
    assert len(road.sent) == 2
    assert done.out.startswith("[")
    assert '"uid"' in done.out
    assert not done.out.rstrip().endswith("]")


# -- an annotation


def expected(kind: Kind) -> tuple[int, int]:
    """Exit code and number of sends of a write that nothing can tell about."""
    if kind in RATE_LIMITS:
        return 5, 2
    return (1, 1) if kind in FINAL else (7, 1)


def check(met: Met, kind: Kind, code: int, lines: list[str]) -> None:
    assert (met.done.code, met.lines) == (code, lines), met.show
    assert met.made == (1 if kind in TOOK_EFFECT else 0), met.show
    if code == 5:
        assert "Nothing was changed." in met.done.err, met.show
    if code == 7:
        assert "was sent, but whether it took effect is unknown: " in met.done.err, met.show


@each_kind
def test_an_annotation_is_sent_once_where_every_request_fails(kind: Kind, runs: Runs) -> None:
    met = runs.of("annotation", kind)
    code, sends = expected(kind)
    logs = ["GET /action-run-logs"] if code == 7 else []
    check(met, kind, code, ["POST /act"] * sends + logs)
    if code == 7:
        assert met.done.err.rstrip().endswith(LOOK), met.show


@each_kind
def test_the_run_log_settles_an_annotation_that_took_effect(kind: Kind, runs: Runs) -> None:
    met = runs.of("annotation, logs at hand", kind)
    code, sends = (0, 1) if kind in TOOK_EFFECT else expected(kind)
    logs = ["GET /action-run-logs"] if code in (0, 7) else []
    check(met, kind, code, ["POST /act"] * sends + logs)
    if code == 0:
        assert '"text": "v1.4.2 deployed"' in met.done.out
        assert "run log tells how it ended" in met.done.err


@pytest.mark.parametrize("kind", TOOK_EFFECT, ids=lambda kind: kind.value)
def test_without_run_logs_it_stays_unknown(kind: Kind, runs: Runs) -> None:
    met = runs.of("annotation without logs", kind)
    check(met, kind, 7, ["POST /act", "GET /action-run-logs"])
    assert met.done.err.rstrip().endswith(LOOK), met.show


@each_kind
def test_an_annotation_through_the_proxy_is_sent_once(kind: Kind, runs: Runs) -> None:
    met = runs.of("annotation by proxy", kind)
    code, sends = expected(kind)
    check(met, kind, code, [f"POST {PROXY}/v2/annotations"] * sends)
    if code == 7:
        assert met.done.err.rstrip().endswith(LOOK), met.show


@each_kind
def test_a_raw_request_that_writes_is_sent_once(kind: Kind, runs: Runs) -> None:
    met = runs.of("raw request", kind)
    code, sends = expected(kind)
    if kind is Kind.EMPTY:
        code = 0  # what an empty 200 means is for whoever asked to say
    check(met, kind, code, [f"POST {PROXY}/v2/annotations"] * sends)


@each_kind
def test_a_raw_action_that_writes_is_sent_once(kind: Kind, runs: Runs) -> None:
    met = runs.of("raw action", kind)
    code, sends = expected(kind)
    logs = ["GET /action-run-logs"] if code == 7 else []
    check(met, kind, code, ["POST /act"] * sends + logs)


@pytest.mark.parametrize("kind", RATE_LIMITS, ids=lambda kind: kind.value)
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("annotation refused once", "POST /act"),
        ("annotation refused once by proxy", f"POST {PROXY}/v2/annotations"),
    ],
)
def test_a_refused_annotation_is_repeated_after_the_pause_that_was_asked_for(
    name: str, line: str, kind: Kind, runs: Runs
) -> None:
    met = runs.of(name, kind)
    assert (met.done.code, met.lines, met.made) == (0, [line] * 2, 1), met.show
    (told,) = re.findall(r"Trying again in ([\d.]+) s\.", met.done.err)
    assert 1.0 <= float(told) <= 1.2, met.show  # without Retry-After it is 0.25 to 0.5 s


def test_what_has_no_time_for_the_pause_gives_up_at_once(road: Online) -> None:
    road.fail("429")
    done = road(*CREATE, "--timeout", "0.3s")
    assert (done.code, len(road.sent)) == (5, 1), done.show
    assert "Try again in 1 second. Nothing was changed." in done.err


def test_faults_before_an_annotation_leave_it_unsent(server: Online, tmp_path: Path) -> None:
    """A client that knows nothing asks for the connection first: that it may repeat."""
    road = fresh(server, tmp_path / "home")
    server.fail("500")
    done = road(*CREATE, "--retries", "1")
    server.fail()
    assert (done.code, road.lines) == (5, ["GET /connections"] * 2), done.show


# -- nobody there


@pytest.mark.parametrize("command", [LIST, CREATE], ids=["list", "create"])
def test_where_nothing_listens_nothing_is_sent(command: tuple[str, ...], road: Online) -> None:
    dead = {"MEMBRANE_API_URL": f"http://127.0.0.1:{free_port()}"}
    done = road(*command, "--retries", "1", "-v", env=dead)
    assert done.code == 5, done.show
    assert "could not be reached: Connection refused" in done.err
    assert done.err.count("Trying again in") == 1


def test_an_annotation_that_found_nobody_says_that_nothing_was_sent(road: Online) -> None:
    dead = {"MEMBRANE_API_URL": f"http://127.0.0.1:{free_port()}"}
    known = ("--connection", DEFAULT_CONNECTION_ID, "--via", "proxy")  # nothing is asked before
    done = road(*CREATE, *known, "--retries", "0", env=dead)
    assert done.code == 5, done.show
    assert "Nothing was sent." in done.err
