"""The sandbox as a Gateway: complete, lazy, and honest about how a question ended."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

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
    Trouble,
)
from fsctl.sandbox.actions import Style
from fsctl.sandbox.clock import Clock
from fsctl.sandbox.gateway import SandboxGateway
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID, ConnectionSeed, MembraneOptions
from fsctl.sandbox.walks import Walk

ID = DEFAULT_CONNECTION_ID
OTHER = "6920c5a1d3f4e5b6a7c8d902"
OVER = Deadline(0.0, clock=lambda: 1.0)


@contextmanager
def gateway(*, seed: bool = False, **options: Any) -> Iterator[SandboxGateway]:
    with closing(SandboxGateway(None, options=MembraneOptions(**options), seed=seed)) as road:
        yield road


def action(road: Gateway, key: str) -> Action:
    name = key.replace("-", " ").title()
    return next(a for a in road.actions(ID) if a.name == name)


def failure(question: Callable[[], object]) -> GatewayError:
    with pytest.raises(GatewayError) as failed:
        question()
    return failed.value


def kind(error: GatewayError) -> tuple[Trouble, Fate, Origin]:
    return error.trouble, error.fate, error.origin


def test_it_is_a_gateway_that_can_carry_everything() -> None:
    with gateway() as road:
        whole: Gateway = road
        assert whole.name == "sandbox"
        can = whole.capabilities
        assert can.headers and can.repeated_query and can.raw_bodies and can.metadata
        assert can.max_body == 10_000_000


def test_making_one_opens_nothing_and_loads_no_database(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "sandbox.sqlite3"
    program = (
        "import sys; from pathlib import Path; from fsctl.sandbox.gateway import SandboxGateway;"
        f"road = SandboxGateway(Path({str(path)!r})); road.account; road.close();"
        "heavy = {'sqlite3', 'urllib3', 'http.server', 'ssl'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
    assert not path.parent.exists()


def test_the_account_names_the_file_so_that_caches_are_kept_apart(tmp_path: Path) -> None:
    one, two = SandboxGateway(tmp_path / "1"), SandboxGateway(tmp_path / "2")
    assert one.account == f"sandbox/{tmp_path / '1'}"
    assert one.account != two.account


def test_an_empty_sandbox_seeds_itself_and_keeps_what_was_done(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite3"
    ada = Request("GET", "/v2/users", query=(("uid", "ada"),))
    with closing(SandboxGateway(path)) as road:
        assert b'"uid":"ada"' in road.request(ID, ada).body
        road.run_action(ID, action(road, "create-user"), {"uid": "new"})
    with closing(SandboxGateway(path)) as road:
        new = road.request(ID, Request("GET", "/v2/users", query=(("uid", "new"),)))
        assert b'"uid":"new"' in new.body


def test_it_lives_by_the_clock_that_it_is_given() -> None:
    clock = Clock(source=lambda: 1_700_000_000.0)
    with closing(SandboxGateway(None, clock, seed=False)) as road:
        done = road.run_action(ID, action(road, "create-annotation"), {"text": "x"})
        assert done.output["start_time"] == "2023-11-14T22:13:20.000Z"


def test_connections_are_listed_over_all_pages_without_the_archived_ones() -> None:
    seeds = tuple(ConnectionSeed(id=f"{n:024x}", name=f"c{n}") for n in range(5))
    with gateway(connections=seeds, max_page=2) as road:
        road.archive(f"{3:024x}")
        assert [c.name for c in road.connections()] == ["c0", "c1", "c2", "c4"]


def test_a_connection_is_found_by_id_and_by_key() -> None:
    with gateway(connections=(ConnectionSeed(key="eu"),)) as road:
        found = road.connection("eu")
        assert (found.id, found.key, found.app) == (ID, "eu", "fullstory")
        assert found.usable and found.is_fullstory
        assert road.connection(ID, wait=30) == found


def test_a_connection_is_ensured_made_and_reconnected() -> None:
    with gateway(connections=()) as road:
        ensured = road.ensure_connection("https://fullstory.com", name="Mine")
        assert (ensured.name, ensured.usable) == ("Mine", True)
        (connector,) = road.search_connectors("fullstory")
        made = road.connect(connector.id, name="Second")
        assert made.name == "Second"
        assert road.reconnect(made.id).id == made.id


def test_a_connection_that_a_person_has_to_finish_says_so() -> None:
    with gateway(walk=Walk(final="CLIENT_ACTION_REQUIRED"), connections=()) as road:
        made = road.ensure_connection("https://fullstory.com")
        assert (made.usable, made.state) == (False, "CLIENT_ACTION_REQUIRED")
        assert made.client_action is not None
        assert made.client_action["type"] == "connect"


def test_the_catalogue_is_read_whole_and_by_intent() -> None:
    with gateway(max_page=3) as road:
        assert len(road.actions(ID)) == 8
        (meant,) = road.actions(ID, intent="mark a deployment")
        assert meant.key == "create-annotation"
        assert meant.input_schema is not None
        assert meant.input_schema["required"] == ["text"]


@pytest.mark.parametrize("output", ["plain", "data", "data-status"])
def test_an_action_gives_the_vendors_body_and_its_run_is_found_by_its_marker(output: str) -> None:
    with gateway(output=output, style=Style.parse("keyless")) as road:
        annotate = action(road, "create-annotation")
        done = road.run_action(ID, annotate, {"text": "x"}, meta={"fsctlRun": "m"})
        assert done.output["text"] == "x"
        found = road.find_run(ID, "m")
        assert found is not None
        assert (found.id, found.status) == (done.action_run_id, "success")
        assert road.find_run(ID, "other") is None
        log = road.run_log(found.id, details=True)
        assert log.raw["details"]["request"]["data"] == {"text": "x"}


def test_no_run_is_found_where_logs_are_off() -> None:
    with gateway(run_logs=False) as road:
        annotate = action(road, "create-annotation")
        road.run_action(ID, annotate, {"text": "x"}, meta={"fsctlRun": "m"})
        assert road.find_run(ID, "m") is None


def test_a_request_carries_everything_and_fullstorys_errors_are_responses() -> None:
    with gateway() as road:
        key = ("Idempotency-Key", "k")
        asked = Request("POST", "/v2/users", headers=(key,), body=b'{"uid":"u"}')
        first, again = road.request(ID, asked), road.request(ID, asked)
        assert (first.status, first.body) == (200, again.body)
        missing = road.request(ID, Request("GET", "https://api.fullstory.com/v2/users/404"))
        assert missing.status == 404
        assert b"resource_not_found" in missing.body


def test_identity_is_the_sandbox() -> None:
    with gateway() as road:
        assert road.identity() == {"name": "Sandbox", "tenant": "sandbox", "workspace": "sandbox"}


def test_membranes_refusals_are_told_apart_from_fullstorys() -> None:
    unready = ConnectionSeed(id=OTHER, state="CLIENT_ACTION_REQUIRED")
    with gateway(connections=(ConnectionSeed(), unready)) as road:
        annotate, get_user = action(road, "create-annotation"), action(road, "get-user")
        users = Request("GET", "/v2/users")
        refused, membrane, fullstory = Fate.REFUSED, Origin.MEMBRANE, Origin.FULLSTORY
        nobody = failure(lambda: road.connection("nobody"))
        assert kind(nobody) == (Trouble.NOT_FOUND, refused, membrane)
        unusable = failure(lambda: road.request(OTHER, users))
        assert kind(unusable) == (Trouble.CONNECTION, refused, membrane)
        incomplete = failure(lambda: road.run_action(ID, annotate, {}))
        assert (incomplete.fate, incomplete.origin) == (refused, membrane)
        assert incomplete.code == "action_run"
        absent = failure(lambda: road.run_action(ID, get_user, {"id": "404"}))
        assert kind(absent) == (Trouble.NOT_FOUND, refused, fullstory)
        assert (absent.code, absent.status) == ("resource_not_found", 404)
        assert absent.action_run_id is not None
        assert road.run_log(absent.action_run_id).status == "error"
        no_run = failure(lambda: road.run_log("none"))
        assert kind(no_run) == (Trouble.NOT_FOUND, refused, membrane)


def test_a_bad_key_of_the_connection_is_for_a_person_to_mend() -> None:
    with gateway(connections=(ConnectionSeed(good_key=False),)) as road:
        listing = action(road, "list-users")
        acted = failure(lambda: road.run_action(ID, listing, {}))
        assert kind(acted) == (Trouble.CONNECTION, Fate.REFUSED, Origin.FULLSTORY)
        assert road.request(ID, Request("GET", "/v2/users")).status == 401


def test_too_large_a_request_is_not_sent() -> None:
    with gateway() as road:
        huge = Request("POST", "/v2/users/batch", body=b" " * (10 * 1024 * 1024 + 1))
        error = failure(lambda: road.request(ID, huge))
        assert kind(error) == (Trouble.TOO_LARGE, Fate.NOT_SENT, Origin.LOCAL)


def test_nothing_is_asked_when_the_time_is_over(tmp_path: Path) -> None:
    with closing(SandboxGateway(tmp_path / "s.sqlite3")) as road:
        error = failure(lambda: road.identity(deadline=OVER))
        assert kind(error) == (Trouble.UNAVAILABLE, Fate.NOT_SENT, Origin.LOCAL)
        assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_sandbox_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to be taken for one" * 20)
    with closing(SandboxGateway(path)) as road, pytest.raises(Usage) as refused:
        road.identity()
    assert "notes.txt" in refused.value.message


def test_threads_share_one_sandbox() -> None:
    with gateway() as road:
        annotate = action(road, "create-annotation")

        def run() -> None:
            for _ in range(20):
                runs.append(road.run_action(ID, annotate, {"text": "x"}).action_run_id)

        runs: list[str | None] = []
        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(runs)) == 80
