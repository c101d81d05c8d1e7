"""The sandbox against Fullstory's own Swagger files, where they are (see ``support.specs``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from fsctl.fullstory import limits
from fsctl.membrane.gateway import Response
from fsctl.sandbox.api import FullstoryApi
from tests.support.fullstory import Fullstory, seeded
from tests.support.specs import hold, needs_specs, read_specs

pytestmark = needs_specs


@pytest.fixture(scope="module")
def specs() -> dict[str, Any]:
    return read_specs()


class Checked(Fullstory):
    """An engine whose every request and answer is held against the specs."""

    def __init__(self, specs: dict[str, Any]) -> None:
        source = seeded(people=30)
        self.clock, self.store = source.clock, source.store
        self.api = FullstoryApi(self.store, page_size=3)
        self.specs = specs
        self.seen: set[tuple[str, str, int]] = set()

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> Response:
        response = super().send(method, path, body, **more)
        pattern = hold(self.specs, method, path, body, response)
        self.seen.add((method, pattern, response.status or 0))
        return response


@pytest.fixture
def fullstory(specs: dict[str, Any]) -> Checked:
    return Checked(specs)


def _wait(fullstory: Checked) -> None:
    fullstory.clock.advance(60)


def _exercise_users(fullstory: Checked) -> None:
    body = {
        "uid": "new",
        "display_name": "New One",
        "email": "new@example.com",
        "properties": {"seats": 2, "company": {"zip": "01768"}, "tags": ["a"]},
        "schema": {"properties": {"seats": "int"}},
    }
    user_id = fullstory.ok("POST", "/v2/users", body, key="k")["id"]
    fullstory.ok("POST", f"/v2/users/{user_id}", {"email": "n@example.com"})
    fullstory.ok("GET", f"/v2/users/{user_id}")
    fullstory.ok("GET", f"/v2/users/{user_id}", include_schema="true")
    fullstory.ok("GET", "/v2/users", uid="nobody")
    page = fullstory.ok("GET", "/v2/users", include_schema="true")
    fullstory.ok("GET", "/v2/users", page_token=page["next_page_token"])
    fullstory.ok("DELETE", "/v2/users", uid="new")
    fullstory.ok("GET", f"/v2/users/{user_id}")
    fullstory.ok("DELETE", f"/v2/users/{user_id}")
    fullstory.refused("DELETE", "/v2/users")
    fullstory.refused("DELETE", "/v2/users/404")
    fullstory.refused("GET", "/v2/users/404")
    fullstory.refused("GET", "/v2/users", page_token="x")
    fullstory.refused("POST", "/v2/users", {"uid": "x" * 257})
    fullstory.refused("POST", "/v2/users/404", {})


def _exercise_events(fullstory: Checked) -> None:
    body = {
        "name": "Support Ticket",
        "timestamp": "2026-02-15T14:23:23Z",
        "user": {"uid": "grace"},
        "session": {"use_most_recent": True},
        "context": {
            "browser": {"url": "https://app.example.com"},
            "mobile": {"app_id": "com.example"},
            "device": {"screen_width": 10},
            "location": {"latitude": 1, "ip_address": "192.0.2.1"},
        },
        "properties": {"id": 424242},
        "schema": {"properties": {"id": "int"}},
    }
    assert fullstory.ok("POST", "/v2/events", body, key="e") == {}
    fullstory.refused("POST", "/v2/events", {"name": ""})
    fullstory.refused("POST", "/v2/events", {"name": "x", "session": {"id": "1:2"}})


def _requests(kind: str) -> Iterator[dict[str, Any]]:
    for number in range(5):
        if kind == "users":
            yield {"uid": f"u{number}", "properties": {"seats": number}}
            yield {"id": "404", "display_name": "x", "schema": {"properties": {}}}
        else:
            yield {"name": f"e{number}", "user": {"uid": "ada"}, "properties": {"n": number}}
            yield {"name": "", "properties": {"n": number}}
    if kind == "events":
        yield {"name": "x", "user": {"uid": "grace"}, "session": {"use_most_recent": True}}


def _exercise_batch(fullstory: Checked, kind: str) -> None:
    root = f"/v2/{kind}/batch"
    created = fullstory.ok("POST", root, {"requests": list(_requests(kind))}, key=kind)
    path = f"{root}/{quote(created['job']['id'], safe='')}"
    fullstory.ok("GET", path)
    for results in ("imports", "errors"):
        assert fullstory.send("GET", f"{path}/{results}").status == 202
    _wait(fullstory)
    fullstory.ok("GET", path)
    for results in ("imports", "errors"):
        page = fullstory.ok("GET", f"{path}/{results}")
        fullstory.ok("GET", f"{path}/{results}", page_token=page["next_page_token"])
        fullstory.refused("GET", f"{path}/{results}", page_token="x")
        fullstory.refused("GET", f"{root}/none/{results}")
    fullstory.ok("GET", f"{path}/imports", include_schema="true")
    fullstory.refused("GET", f"{root}/none")
    fullstory.refused("POST", root, {"requests": []})
    for _ in range(200):
        fullstory.ok("POST", root, {"requests": [{"name": "x"} if kind == "events" else {}]})
    assert fullstory.send("POST", root, {"requests": [{}]}).status == 429
    _wait(fullstory)


def _exercise_shared_context(fullstory: Checked) -> None:
    shared = {"context": {"browser": {"url": "https://app.example.com"}}}
    requests = [{"name": "x"}, {"name": "x", "context": {"mobile": {"app_id": "y"}}}]
    body = {"requests": requests, "shared": shared}
    created = fullstory.ok("POST", "/v2/events/batch", body)
    _wait(fullstory)
    path = f"/v2/events/batch/{quote(created['job']['id'], safe='')}"
    assert fullstory.ok("GET", f"{path}/imports")["results"][0]["context"] == shared["context"]
    assert fullstory.ok("GET", f"{path}/errors")["results"][0]["shared"] == shared


def test_every_request_and_answer_of_users_and_events_is_as_the_specs_say(
    fullstory: Checked, specs: dict[str, Any]
) -> None:
    _exercise_users(fullstory)
    _exercise_events(fullstory)
    _exercise_batch(fullstory, "users")
    _exercise_batch(fullstory, "events")
    _exercise_shared_context(fullstory)
    answered = {(method, path) for method, path, status in fullstory.seen if status == 200}
    described = {
        (method.upper(), path)
        for spec in specs.values()
        for path, operations in spec["paths"].items()
        for method in operations
        if path.startswith("/v2/")
    }
    assert answered == described


def test_every_beta_path_of_the_specs_is_served(specs: dict[str, Any]) -> None:
    fullstory = seeded(people=20)
    for spec in specs.values():
        for path, operations in spec["paths"].items():
            for method in operations:
                sent = (method.upper(), path.replace("{job_id}", "1").replace("{id}", "1"))
                twin = fullstory.send(*sent, body={})
                stable = fullstory.send(sent[0], sent[1].replace("v2beta", "v2"), body={})
                assert twin.status == stable.status
                assert json.loads(twin.body).keys() == json.loads(stable.body).keys()


def test_the_limits_are_those_of_the_specs(specs: dict[str, Any]) -> None:
    user = specs["users"]["definitions"]["fullstory.v2.users.CreateUserRequest"]["properties"]
    assert user["uid"]["maxLength"] == limits.UID_MAX
    assert user["display_name"]["maxLength"] == limits.DISPLAY_NAME_MAX
    assert user["email"]["maxLength"] == limits.EMAIL_MAX
    assert user["properties"]["maxProperties"] == limits.USER_PROPERTIES_MAX
    event_user = specs["events"]["definitions"]["fullstory.v2.events.UserIdRequest"]["properties"]
    assert event_user["uid"]["maxLength"] == limits.UID_MAX
