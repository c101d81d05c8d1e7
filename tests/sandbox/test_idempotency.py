from __future__ import annotations

import json

import pytest

from fsctl.fullstory.limits import IDEMPOTENCY_SECONDS
from fsctl.membrane.gateway import Request
from tests.support.fullstory import Fullstory


@pytest.fixture
def fullstory() -> Fullstory:
    return Fullstory()


def _total(fullstory: Fullstory) -> str:
    total: str = fullstory.ok("GET", "/v2/users")["total_records"]
    return total


def test_the_same_key_and_body_get_the_first_answer_again(fullstory: Fullstory) -> None:
    first = fullstory.send("POST", "/v2/users", {"display_name": "Ada"}, key="k")
    again = fullstory.send("POST", "/v2/users", {"display_name": "Ada"}, key="k")
    assert again == first
    assert _total(fullstory) == "1"


def test_without_a_key_an_anonymous_create_is_done_twice(fullstory: Fullstory) -> None:
    for _ in range(2):
        fullstory.send("POST", "/v2/users", {"display_name": "Ada"})
    assert _total(fullstory) == "2"


def test_different_keys_are_different_requests(fullstory: Fullstory) -> None:
    for key in ("k", "K"):
        fullstory.send("POST", "/v2/users", {"display_name": "Ada"}, key=key)
    assert _total(fullstory) == "2"


def test_a_different_body_under_the_same_key_is_an_error(fullstory: Fullstory) -> None:
    fullstory.send("POST", "/v2/users", {"uid": "ada"}, key="k")
    error = fullstory.refused("POST", "/v2/users", {"uid": "eda"}, key="k")
    assert error[:2] == (400, "invalid_argument")
    assert "Idempotency-Key" in error[2]
    assert _total(fullstory) == "1"


def test_the_same_key_on_another_route_is_an_error(fullstory: Fullstory) -> None:
    fullstory.send("POST", "/v2/users", {"name": "x"}, key="k")
    assert fullstory.refused("POST", "/v2/events", {"name": "x"}, key="k")[0] == 400


def test_the_name_of_the_header_has_no_case(fullstory: Fullstory) -> None:
    answers = [
        fullstory.api.handle(Request("POST", "/v2/users", headers=((name, "k"),), body=b"{}"))
        for name in ("Idempotency-Key", "idempotency-key")
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(("seconds", "total"), [(-1, "1"), (1, "2")])
def test_a_key_is_kept_24_hours(fullstory: Fullstory, seconds: int, total: str) -> None:
    fullstory.send("POST", "/v2/users", {}, key="k")
    fullstory.clock.advance(IDEMPOTENCY_SECONDS + seconds)
    fullstory.send("POST", "/v2/users", {}, key="k")
    assert _total(fullstory) == total


def test_a_refusal_is_an_answer_and_is_kept(fullstory: Fullstory) -> None:
    body = {"name": "x", "user": {"id": "404"}}
    first = fullstory.send("POST", "/v2/events", body, key="k")
    assert first.status == 404
    assert fullstory.send("POST", "/v2/events", body, key="k") == first
    assert fullstory.refused("POST", "/v2/events", {"name": "x"}, key="k")[0] == 400


def test_a_429_is_not_kept(fullstory: Fullstory) -> None:
    body = {"requests": [{"uid": "ada"}]}
    for _ in range(200):
        fullstory.ok("POST", "/v2/users/batch", body)
    assert fullstory.send("POST", "/v2/users/batch", body, key="k").status == 429
    fullstory.clock.advance(3600)
    assert fullstory.send("POST", "/v2/users/batch", body, key="k").status == 200


def test_a_batch_under_a_key_is_one_job(fullstory: Fullstory) -> None:
    body = {"requests": [{"uid": "ada"}]}
    jobs = {
        json.loads(fullstory.send("POST", "/v2/users/batch", body, key="k").body)["job"]["id"]
        for _ in range(3)
    }
    assert len(jobs) == 1


def test_updates_and_deletions_know_no_keys(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="ada")
    fullstory.ok("POST", f"/v2/users/{user_id}", {"email": "one@example.com"}, key="k")
    fullstory.ok("POST", f"/v2/users/{user_id}", {"email": "two@example.com"}, key="k")
    assert fullstory.person(user_id)["email"] == "two@example.com"
