from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.fullstory import Fullstory, seeded


@pytest.fixture
def fullstory() -> Fullstory:
    return Fullstory(page_size=3)


def _start(fullstory: Fullstory, kind: str, requests: list[Any], **shared: Any) -> str:
    """Start a job; answers its path."""
    body = {"requests": requests, **shared}
    job = fullstory.ok("POST", f"/v2/{kind}/batch", body)["job"]
    return f"/v2/{kind}/batch/{quote(job['id'], safe='')}"


def _finish(fullstory: Fullstory, path: str) -> Any:
    fullstory.clock.advance(3600)
    return fullstory.ok("GET", path)


def test_a_new_job_is_processing(fullstory: Fullstory) -> None:
    answer = fullstory.ok("POST", "/v2/users/batch", {"requests": [{"uid": "ada"}]})
    assert set(answer) == {"job"}
    assert answer["job"]["status"] == "PROCESSING"
    assert answer["job"]["created"] == "2026-03-01T09:00:00.000Z"
    assert answer["job"]["id"].endswith("=")


@pytest.mark.parametrize("results", ["imports", "errors"])
def test_a_running_job_has_no_results_yet(fullstory: Fullstory, results: str) -> None:
    path = _start(fullstory, "users", [{"uid": "ada"}])
    fullstory.clock.advance(0.9)
    status = fullstory.ok("GET", path)
    assert status["job"]["status"] == "PROCESSING"
    assert "finished" not in status["job"]
    assert (status["imports"], status["errors"]) == (0, 0)
    response = fullstory.send("GET", f"{path}/{results}")
    assert (response.status, response.body) == (202, b"")


def test_a_small_job_takes_between_one_and_two_seconds(fullstory: Fullstory) -> None:
    path = _start(fullstory, "users", [{"uid": "ada"}])
    fullstory.clock.advance(2)
    job = fullstory.ok("GET", path)["job"]
    assert job["status"] == "COMPLETED"
    assert "2026-03-01T09:00:01.000Z" <= job["finished"] <= "2026-03-01T09:00:02.000Z"


def test_the_time_of_a_job_can_be_set() -> None:
    fullstory = Fullstory(job_seconds=60)
    path = _start(fullstory, "users", [{"uid": "ada"}])
    fullstory.clock.advance(59)
    assert fullstory.ok("GET", path)["job"]["status"] == "PROCESSING"
    fullstory.clock.advance(2)
    assert fullstory.ok("GET", path)["job"]["status"] == "COMPLETED"


def test_imported_users_come_back_with_their_ids(fullstory: Fullstory) -> None:
    ada = fullstory.user(uid="ada", properties={"plan": "free"})
    path = _start(
        fullstory,
        "users",
        [{"uid": "ada", "properties": {"seats": 2}}, {"id": ada, "email": "ada@example.com"}, {}],
    )
    assert _finish(fullstory, path)["imports"] == 3
    page = fullstory.ok("GET", f"{path}/imports")
    assert page["total_records"] == "3"
    first, second, third = page["results"]
    assert first == {"id": ada, "uid": "ada", "properties": {"plan": "free", "seats": 2}}
    assert (second["id"], second["email"]) == (ada, "ada@example.com")
    assert third["id"] != ada


def test_imports_have_a_schema_when_asked(fullstory: Fullstory) -> None:
    path = _start(fullstory, "users", [{"uid": "ada", "properties": {"seats": 2}}])
    _finish(fullstory, path)
    (user,) = fullstory.ok("GET", f"{path}/imports", include_schema="true")["results"]
    assert user["schema"] == {"properties": {"seats": "real"}}


def test_failed_rows_come_back_whole_and_the_others_are_done(fullstory: Fullstory) -> None:
    ada = fullstory.user(uid="ada")
    bad: list[dict[str, Any]] = [
        {"uid": "x" * 257, "properties": {"a": 1}, "extra": [1]},
        {"uid": "ok", "properties": {"list": [{}]}},
        {"id": ada, "uid": "eda"},
        {"id": "404"},
    ]
    path = _start(fullstory, "users", [bad[0], {"uid": "fine"}, *bad[1:]])
    status = _finish(fullstory, path)
    assert (status["imports"], status["errors"], status["job"]["status"]) == (1, 4, "FAILED")
    first = fullstory.ok("GET", f"{path}/errors")
    rest = fullstory.ok("GET", f"{path}/errors", page_token=first["next_page_token"])
    failures = first["results"] + rest["results"]
    assert "next_page_token" not in rest
    assert [failure["user"] for failure in failures] == bad
    assert [failure["code"] for failure in failures] == [
        "invalid_argument",
        "invalid_argument",
        "invalid_argument",
        "resource_not_found",
    ]
    assert all(failure["message"] for failure in failures)
    users = fullstory.ok("GET", "/v2/users")["results"]
    assert [user["uid"] for user in users] == ["ada", "fine"]


def test_imported_events_come_back_without_ids_of_their_own() -> None:
    fullstory = seeded(people=20)
    session = fullstory.newest_session("ada").replace("%3A", ":")
    path = _start(
        fullstory,
        "events",
        [
            {"name": "Shipped", "user": {"uid": "new"}, "timestamp": "2024-01-15T10:30:00Z"},
            {"name": "Paid", "session": {"id": session}, "properties": {"n": 1}},
        ],
        shared={"context": {"browser": {"url": "https://shop.example.com"}}},
    )
    _finish(fullstory, path)
    shipped, paid = fullstory.ok("GET", f"{path}/imports")["results"]
    assert shipped["user"]["uid"] == "new"
    assert shipped["timestamp"] == "2024-01-15T10:30:00Z"
    assert shipped["context"] == {"browser": {"url": "https://shop.example.com"}}
    assert "session" not in shipped
    assert paid["session"] == {"id": session}
    assert paid["user"]["uid"] == "ada"
    assert paid["properties"] == {"n": 1}
    assert "schema" not in paid


def test_an_events_own_context_conflicts_with_a_shared_one(fullstory: Fullstory) -> None:
    shared = {"context": {"browser": {"url": "https://shop.example.com"}}}
    event = {"name": "Shipped", "context": {"mobile": {"app_id": "x"}}}
    path = _start(fullstory, "events", [event, {"name": "Paid"}], shared=shared)
    status = _finish(fullstory, path)
    assert (status["imports"], status["errors"]) == (1, 1)
    (failure,) = fullstory.ok("GET", f"{path}/errors")["results"]
    assert failure["event"] == event
    assert failure["shared"] == shared
    assert failure["code"] == "invalid_argument"


def test_pages_without_rows_are_as_the_specs_have_them(fullstory: Fullstory) -> None:
    good = _start(fullstory, "users", [{"uid": "ada"}])
    bad = _start(fullstory, "users", [{"id": "404"}])
    events = _start(fullstory, "events", [{"name": ""}])
    _finish(fullstory, good)
    assert fullstory.ok("GET", f"{good}/errors") == {"total_records": "0"}
    assert fullstory.ok("GET", f"{bad}/imports") == {"total_records": "0", "results": []}
    assert fullstory.ok("GET", f"{events}/imports") == {"total_records": "0"}


def test_results_are_paged(fullstory: Fullstory) -> None:
    path = _start(fullstory, "users", [{"uid": f"u{number}"} for number in range(7)])
    _finish(fullstory, path)
    seen: list[str] = []
    token = ""
    while True:
        page = fullstory.ok("GET", f"{path}/imports", page_token=token)
        assert page["total_records"] == "7"
        seen += [user["uid"] for user in page["results"]]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert seen == [f"u{number}" for number in range(7)]


def test_a_page_token_of_the_imports_is_none_of_the_errors(fullstory: Fullstory) -> None:
    path = _start(fullstory, "users", [{"uid": f"u{number}"} for number in range(7)])
    _finish(fullstory, path)
    token = fullstory.ok("GET", f"{path}/imports")["next_page_token"]
    assert fullstory.refused("GET", f"{path}/errors", page_token=token)[0] == 400


@pytest.mark.parametrize("end", ["", "/imports", "/errors"])
def test_an_unknown_job_is_not_found(fullstory: Fullstory, end: str) -> None:
    users = _start(fullstory, "users", [{"uid": "ada"}])
    assert fullstory.refused("GET", f"/v2/users/batch/otpo123%3D{end}")[0] == 404
    assert fullstory.refused("GET", users.replace("users", "events") + end)[0] == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required_field"),
        ({"requests": []}, "required_field"),
        ({"requests": {"uid": "ada"}}, "invalid_argument"),
        ({"requests": [{"uid": "ada"}, "eda"]}, "invalid_argument"),
        ({"requests": [{"uid": "ada"}], "shared": 7}, "invalid_argument"),
        ({"requests": [{}] * 50_001}, "invalid_argument"),
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(
    fullstory: Fullstory, body: dict[str, Any], code: str
) -> None:
    assert fullstory.refused("POST", "/v2/users/batch", body)[:2] == (400, code)
    assert fullstory.ok("GET", "/v2/users")["total_records"] == "0"


def test_the_200th_batch_in_progress_is_the_last(fullstory: Fullstory) -> None:
    body = {"requests": [{"uid": "ada"}]}
    for number in range(200):
        fullstory.ok("POST", f"/v2/{'users' if number % 2 else 'events'}/batch", body)
    response = fullstory.send("POST", "/v2/users/batch", body)
    assert response.status == 429
    assert json.loads(response.body)["code"] == "too_many_requests"
    wait = response.header("Retry-After")
    assert wait is not None
    fullstory.clock.advance(float(wait))
    assert fullstory.send("POST", "/v2/users/batch", body).status == 200


def test_beyond_100_running_batches_a_new_one_waits(fullstory: Fullstory) -> None:
    paths = [_start(fullstory, "users", [{"uid": "ada"}]) for _ in range(101)]
    fullstory.clock.advance(1.5)
    states = [fullstory.ok("GET", path)["job"]["status"] for path in paths]
    assert states == ["COMPLETED"] * 100 + ["PROCESSING"]
    fullstory.clock.advance(1)
    assert fullstory.ok("GET", paths[-1])["job"]["status"] == "COMPLETED"


def test_500_000_operations_in_progress_are_the_most(fullstory: Fullstory) -> None:
    path = _start(fullstory, "users", [{"uid": "ada"}])
    with fullstory.store.transaction() as db:  # stands for ten batches of 50,000 less one row
        db.execute("UPDATE jobs SET imports = 499999")
    _start(fullstory, "events", [{"name": "x"}])
    response = fullstory.send("POST", "/v2/users/batch", {"requests": [{"uid": "ada"}]})
    assert response.status == 429
    assert response.header("retry-after") == "2"
    _finish(fullstory, path)
    _start(fullstory, "users", [{"uid": "ada"}])


def test_the_beta_paths_are_the_same_api(fullstory: Fullstory) -> None:
    path = _start(fullstory, "users", [{"uid": "ada"}])
    _finish(fullstory, path)
    beta = path.replace("/v2/", "/v2beta/")
    for end in ("", "/imports", "/errors"):
        assert fullstory.ok("GET", beta + end) == fullstory.ok("GET", path + end)
