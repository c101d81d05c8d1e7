"""Every fault meets a deletion and an event: how often each is sent, and what is said of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsctl.membrane.gateway import Request, Response
from fsctl.sandbox.faults import Faults, Kind
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID
from tests.support.command import Ended
from tests.support.everywhere import Somewhere, somewhere

ADA = "7400589116837456607"
SESSION = "5517947882585495975:366916161176979767"
PROXY = f"/connections/{DEFAULT_CONNECTION_ID}/proxy"
CREATE_EVENT = "6976672484a1c0de51d30006"  # the action's id
DELETE, LOOK = f"DELETE {PROXY}/v2/users/{ADA}", f"GET {PROXY}/v2/users/{ADA}"
EVENT = f"POST {PROXY}/v2/events"

RATE_LIMITS = (Kind.RATE_LIMITED, Kind.RATE_LIMITED_MEMBRANE, Kind.RATE_LIMITED_FULLSTORY)
FINAL = (Kind.TOO_LARGE, Kind.REDIRECT)  # no use in asking again
TOOK_EFFECT = (Kind.RESET_AFTER, Kind.TRUNCATE, Kind.EMPTY)
each_kind = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Somewhere]:
    with somewhere("http", tmp_path) as road:
        yield road


def meet(road: Somewhere, fault: str, *line: str, retries: int = 0) -> tuple[Ended, list[str]]:
    """Run it while that fault strikes; how it ended, and what was sent to the point of it."""
    assert road.server is not None
    road.server.faults = Faults([fault])
    patience = "0.5s" if fault.startswith("hang") else "20s"
    before = len(road.sent)
    done = road(*line, "--timeout", patience, "--retries", str(retries))
    road.server.faults = Faults([])
    assert "Traceback" not in done.err, done.show
    return done, [each for each in road.sent[before:] if "/sessions" not in each]


def delete(road: Somewhere, fault: str, receipt: Path, retries: int = 0) -> tuple[Ended, list[str]]:
    line = ("users", "delete", "--uid", "ada", "--yes", "--via", "proxy")
    done, sent = meet(road, fault, *line, "--receipt", str(receipt), retries=retries)
    return done, [line for line in sent if line in (DELETE, LOOK)]


def states(receipt: Path) -> list[str]:
    return [json.loads(line)["state"] for line in receipt.read_text().splitlines()]


def is_deleted(road: Somewhere) -> bool:
    return road.rows("SELECT gone_at IS NOT NULL FROM users WHERE id = ?", ADA) == [(1,)]


# -- a deletion


@each_kind
def test_a_deletion_that_failed_once_is_settled_by_a_look(
    kind: Kind, http: Somewhere, tmp_path: Path
) -> None:
    done, sent = delete(http, f"{kind.value}:x1@/v2/users/{ADA}", tmp_path / "r")
    assert is_deleted(http) == (kind in TOOK_EFFECT), done.show
    if kind in RATE_LIMITS:
        expected = (5, [DELETE], ["requested", "requested"])
        assert "Nothing was changed." in done.err
    elif kind in FINAL:
        expected = (1, [DELETE], ["requested", "requested"])
    elif kind is Kind.EMPTY:  # that a deletion has nothing to say is no trouble
        expected = (0, [DELETE], ["requested", "accepted"])
    elif kind in TOOK_EFFECT:
        expected = (0, [DELETE, LOOK], ["requested", "being_deleted"])
    else:
        expected = (7, [DELETE, LOOK], ["requested", "unknown"])
        assert "was sent, but whether it took effect is unknown" in done.err
        assert "fsctl users get --id" in done.err
    assert (done.code, sent, states(tmp_path / "r")) == expected, done.show


@each_kind
def test_a_deletion_that_nobody_answers_is_never_sent_again(
    kind: Kind, http: Somewhere, tmp_path: Path
) -> None:
    done, sent = delete(http, f"{kind.value}@/v2/users/{ADA}", tmp_path / "r")
    codes = {**dict.fromkeys(RATE_LIMITS, 5), **dict.fromkeys(FINAL, 1), Kind.EMPTY: 0}
    assert (done.code, sent.count(DELETE)) == (codes.get(kind, 7), 1), done.show
    if done.code == 7:
        assert states(tmp_path / "r") == ["requested", "unknown"]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in FINAL])
def test_a_deletion_by_id_may_be_repeated(kind: Kind, http: Somewhere, tmp_path: Path) -> None:
    done, sent = delete(http, f"{kind.value}:x1@/v2/users/{ADA}", tmp_path / "r", retries=1)
    again = [] if kind is Kind.EMPTY else [DELETE]
    assert (done.code, sent) == (0, [DELETE, *again]), done.show
    assert is_deleted(http)
    assert states(tmp_path / "r") == ["requested", "accepted"]


@pytest.mark.parametrize("kind", [Kind.SERVER_ERROR, Kind.BAD_GATEWAY, Kind.EMPTY, Kind.TRUNCATE])
def test_waiting_outlasts_trouble_and_calls_nothing_gone_that_is_not(
    kind: Kind, http: Somewhere
) -> None:
    line = ("users", "delete", "--uid", "ada", "--yes", "--via", "proxy")
    assert http(*line).code == 0
    wait = ("users", "delete", "--uid", "ada", "--yes", "--via", "proxy", "--wait")
    done, sent = meet(http, f"{kind.value}:x1@/v2/users/{ADA}", *wait, retries=1)
    assert done.code == 0, done.show
    assert json.loads(done.out)["state"] == "gone"
    assert DELETE not in sent


@pytest.mark.parametrize(
    "body",
    [
        b'{"type": "bad_request", "key": "not_found", "message": "Connection not found"}',
        b"<html>404 Not Found</html>",
    ],
    ids=["Membrane's", "a page"],
)
def test_waiting_never_takes_another_404_for_the_end(body: bytes, http: Somewhere) -> None:
    assert http.server is not None
    upstream, looks = http.server.membrane.upstream, 0

    def missing(request: Request) -> Response:
        nonlocal looks
        if (request.method, request.path) != ("GET", f"/v2/users/{ADA}"):
            return upstream(request)
        looks += 1
        return Response(404, (("Content-Type", "application/json"),), body)

    http.server.membrane.upstream = missing
    line = ("users", "delete", "--uid", "ada", "--yes", "--via", "proxy", "--wait-for", "10s")
    done = http(*line)
    assert done.code == 5, done.show
    assert looks
    assert json.loads(done.out)["state"] == "accepted"
    assert "whether it is done is not known" in done.err


# -- an event


def event(road: Somewhere, fault: str, *more: str, retries: int = 1) -> tuple[Ended, list[str]]:
    line = ("events", "create", "Ticket", "--session", SESSION, *more)
    return meet(road, fault, *line, retries=retries)


def made(road: Somewhere) -> int:
    count: int = road.rows("SELECT count(*) FROM events WHERE name = 'Ticket'")[0][0]
    return count


@each_kind
def test_an_event_by_an_action_is_sent_once(kind: Kind, http: Somewhere) -> None:
    place = "/v2/events" if kind is Kind.RATE_LIMITED_FULLSTORY else "/act"
    done, sent = event(http, f"{kind.value}@{place}", "--via", "action")
    acts = sent.count("POST /act")
    assert made(http) <= 1
    if kind in RATE_LIMITS:
        assert (done.code, made(http)) == (5, 0), done.show
    elif kind in FINAL:
        assert (done.code, acts) == (1, 1), done.show
    elif kind in TOOK_EFFECT:  # the run log tells
        assert (done.code, acts, made(http)) == (0, 1, 1), done.show
    else:
        assert (done.code, acts, made(http)) == (7, 1, 0), done.show
        assert "before sending it again" in done.err


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in FINAL])
def test_an_event_by_the_proxy_is_repeated_under_one_key(kind: Kind, http: Somewhere) -> None:
    done, sent = event(http, f"{kind.value}:x1@/v2/events", "--via", "proxy")
    assert done.code == 0, done.show
    assert made(http) == 1
    assert sent.count(EVENT) == (1 if kind is Kind.EMPTY else 2)
    assert http.server is not None
    keys = {
        value
        for each in http.server.requests
        for name, value in each.headers
        if each.path.endswith("/v2/events") and name.lower() == "idempotency-key"
    }
    assert len(keys) == 1


def test_an_event_by_the_membrane_command_line_is_sent_once(tmp_path: Path) -> None:
    with somewhere("cli-older", tmp_path) as road:
        done, sent = event(road, f"reset-after@/actions/{CREATE_EVENT}", retries=3)
        acts = [line for line in sent if line.startswith("POST") and "/run" in line]
        assert (done.code, len(acts), made(road)) == (7, 1, 1), f"{done.show}\n{sent}"


def test_a_full_session_takes_no_event_and_says_what_to_do(http: Somewhere) -> None:
    done = http("events", "create", "Ticket", "--session", "nils")
    assert (done.code, made(http)) == (1, 0), done.show
    assert "session_page_limit_exceeded" in done.err
    assert "use another session" in done.err
