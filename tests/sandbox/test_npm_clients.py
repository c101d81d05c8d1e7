"""Membrane's and Fullstory's own JavaScript clients, unchanged, against a sandbox server process.

They are found in ``$FSCTL_NPM_CLIENTS/node_modules`` (``npm install @membranehq/sdk
@fullstory/server-api-client`` in a folder of its own makes it).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox_server import SandboxProcess, sandbox_process

CLIENTS = Path(__file__).parent.parent / "clients"
NODE = shutil.which("node")
PACKAGES = os.environ.get("FSCTL_NPM_CLIENTS", "")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (Path(PACKAGES) / "node_modules" / "@membranehq" / "sdk").is_dir(),
        reason="FSCTL_NPM_CLIENTS names no folder with node_modules/@membranehq/sdk",
    ),
]


class Told:
    """What a client's script told of each call, and what the server heard meanwhile."""

    def __init__(self, lines: str, heard: list[str]) -> None:
        self._calls = {line["call"]: line for line in map(json.loads, lines.splitlines())}
        self.heard = heard

    def came(self, call: str) -> Any:
        line = self._calls[call]
        assert "came" in line, line
        return line["came"]

    def failed(self, call: str) -> Any:
        line = self._calls[call]
        assert "failed" in line, line
        return line["failed"]

    @property
    def failures(self) -> list[str]:
        return [call for call, line in self._calls.items() if "failed" in line]


def run(script: str, server: SandboxProcess) -> Told:
    assert NODE is not None
    before = len(server.conversation())
    done = subprocess.run(
        [NODE, CLIENTS / script, server.url],
        env={**os.environ, "NODE_ENV": "test", "FS_API_HOST": server.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    heard = [re.sub(r"\b(?:[0-9a-f]{24}|\d{16,20})\b", "ID", x) for x in server.conversation()]
    return Told(done.stdout, [re.sub(r"batch/[^/ ]+", "batch/JOB", x) for x in heard[before:]])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    folder = tmp_path_factory.mktemp("npm")
    with sandbox_process(folder, faults=["429:x1@/v2/events/batch"]) as process:
        yield process


@pytest.fixture(scope="module")
def membrane(server: SandboxProcess) -> Told:
    return run("membrane.mjs", server)


@pytest.fixture(scope="module")
def fullstory(server: SandboxProcess) -> Told:
    return run("fullstory.mjs", server)


def test_membranes_client_calls_these_routes_and_they_answer(membrane: Told) -> None:
    assert membrane.heard == [
        "GET /self 200",
        "GET /connections 200",
        "GET /connections?limit=1&search=fullstory 200",
        "GET /connections/ID?includeSecrets=false 200",
        "GET /connections/nobody?includeSecrets=false 404",
        "POST /connections/ID/refresh-credentials 204",
        "POST /connections/ensure 200",
        "POST /connections/ensure 400",
        "GET /connections/ID?wait=true&timeout=1 200",
        "GET /actions?connectionId=ID 200",
        "GET /actions?connectionId=ID&limit=1000&cursor=0 200",
        "GET /actions?connectionId=ID&intent=mark+a+deployment&limit=1 200",
        "GET /connections/ID/actions 200",
        "GET /integrations?search=full 200",
        "GET /integrations/fullstory/actions 200",
        "GET /search?q=fullstory&elementType=connector 200",
        "GET /actions/ID 200",
        "GET /action?key=create-annotation&integrationKey=fullstory 200",
        "GET /connections/ID/actions/create-annotation 200",
        "POST /actions/ID/run?connectionId=ID 200",
        "POST /actions/create-annotation/run?connectionId=ID 200",
        "POST /action/run?key=create-annotation&integrationKey=fullstory 200",
        "POST /connections/ID/actions/create-annotation/run 200",
        "POST /actions/ID/run?connectionId=ID 400",
        "POST /actions/get-user/run?connectionId=ID 400",
        "POST /act 200",
        "POST /act 200",
        "POST /act 200",
        "POST /act 400",
        "POST /act 400",
        "GET /action-run-logs?connectionId=ID&limit=50 200",
        "GET /action-run-logs/ID 200",
        "GET /action-run-logs/ID/details 200",
        "GET /connections/ID/proxy/v2/users?email=ada%40example.com 200",
        "GET /connections/ID/proxy/https://api.fullstory.com/v2/users?uid=ada 200",
        "POST /connections/ID/proxy/v2/users 200",
        "DELETE /connections/ID/proxy/v2/users?uid=javascript 200",
        "PUT /connections/ID/proxy/v2/users 404",
        "PATCH /connections/ID/proxy/v2/users 404",
        "POST /connections/ID/api/v2/annotations 200",
        "POST /connections/ID/request 200",
        "POST /connections 200",
        "PATCH /connections/second 200",
        "POST /connections/ID/test 200",
        "DELETE /connections/ID 200",
        "GET /connections/ID/proxy/v2/users 404",
    ]


def test_membranes_client_finds_and_gets_connections(membrane: Told) -> None:
    (connection,) = membrane.came("connections.find")["items"]
    assert connection["state"] == "READY"
    assert connection["integration"]["key"] == "fullstory"
    assert membrane.came("connection.get") == connection
    assert membrane.came("connections/ensure") == connection
    assert membrane.came("connection.patch")["name"] == "Renamed"
    assert membrane.came("connection.test") == {"success": True}
    assert membrane.came("self.get")["workspaceKey"] == "sandbox"


def test_membranes_client_finds_all_eight_actions_in_every_way(membrane: Told) -> None:
    listed = membrane.came("actions.find")["items"]
    assert [action["key"] for action in listed] == [
        "list-users",
        "get-user",
        "create-user",
        "update-user",
        "delete-user",
        "create-event",
        "create-annotation",
        "get-session-events",
    ]
    assert membrane.came("actions.findAll") == listed
    assert membrane.came("connection.actions.list")["items"] == listed
    (meant,) = membrane.came("actions.find intent")["items"]
    assert meant["key"] == "create-annotation"
    assert membrane.came("action(id).get")["inputSchema"]["required"] == ["text"]
    assert membrane.came("action(selector).get")["id"] == meant["id"]
    assert membrane.came("connection.action(key).get") == meant


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("action(id).run", "by id"),
        ("action(key).run", "by key"),
        ("action(selector).run", "by selector"),
        ("connection.action(key).run", "of the connection"),
        ("act id", "act"),
        ("act key", "act"),
    ],
)
def test_membranes_client_runs_an_action_in_every_form(
    membrane: Told, call: str, text: str
) -> None:
    answer = membrane.came(call)
    assert (answer["output"]["text"], answer["output"]["source"]) == (text, "javascript")
    assert re.fullmatch(r"[0-9a-f]{24}", answer["actionRunId"])


def test_membranes_client_reads_the_sandboxs_errors_as_its_own(membrane: Told) -> None:
    missing = membrane.failed("action.run without its input")
    assert missing["name"] == "ActionRunError"
    assert missing["data"]["causedByError"]["type"] == "bad_request"
    refused = membrane.failed("action.run refused by Fullstory")
    assert refused["name"] == "ActionRunError"
    assert refused["data"]["data"]["response"]["data"]["code"] == "resource_not_found"
    strict = membrane.failed("act strict")
    assert strict["name"] == "BadRequestError"
    assert "connectionID" in strict["message"]
    assert membrane.failed("act of two")["name"] == "BadRequestError"
    assert membrane.failed("archived proxy")["data"]["key"] == "not_found"
    assert membrane.failures == [
        "connection.get unknown",
        "connections/ensure other",
        "action.run without its input",
        "action.run refused by Fullstory",
        "act strict",
        "act of two",
        "proxy.put",
        "proxy.patch",
        "archived proxy",
        "a token that is none",
    ]


def test_membranes_client_reaches_fullstory_through_the_proxy_and_the_wrapped_request(
    membrane: Told,
) -> None:
    (ada,) = membrane.came("proxy.get")["results"]
    assert ada["email"] == "ada@example.com"
    assert membrane.came("proxy.get full URL")["results"] == [ada]
    assert membrane.came("proxy.post")["id"].isdecimal()
    assert membrane.came("proxy.delete") == {}
    assert membrane.came("act api")["output"]["data"]["results"] == [ada]
    assert membrane.came("connection.request")["text"] == "api"
    assert membrane.came("wrapped request")["status"] == 404
    assert membrane.came("wrapped request")["data"]["code"] == "resource_not_found"


def test_membranes_client_finds_the_run_by_its_meta_and_sees_the_exchange(membrane: Told) -> None:
    assert membrane.came("run")["meta"] == {"fsctlRun": "of-the-javascript-client"}
    assert membrane.came("run")["status"] == "success"
    exchange = membrane.came("run details")
    assert exchange["request"]["url"] == "/v2/annotations"
    assert exchange["request"]["data"] == {"text": "act", "source": "javascript"}
    assert exchange["response"]["status"] == 200


def test_fullstorys_client_calls_these_routes_and_they_answer(fullstory: Told) -> None:
    polled_once = [line for line, _ in groupby(fullstory.heard)]
    assert polled_once == [
        "POST /v2/users 200",  # twice: the second replays the first
        "POST /v2/users 400",
        "GET /v2/users/ID?include_schema=true 200",
        "GET /v2/users?uid=node-1 200",
        "GET /v2/users?email=node.one%40example.com&is_identified=true 200",
        "POST /v2/users/ID 200",
        "POST /v2/users/ID 400",
        "GET /v2/users/404 404",
        "POST /v2/events 200",
        "POST /v2/events 400",
        "POST /v2/users/batch 200",
        "GET /v2/users/batch/JOB 200",
        "GET /v2/users/batch/JOB/imports?include_schema=true 200",
        "POST /v2/users/batch 200",
        "GET /v2/users/batch/JOB 200",
        "GET /v2/users/batch/JOB/errors 200",
        "GET /v2/users/batch/JOB 404",
        "POST /v2/events/batch 429",
        "POST /v2/events/batch 200",
        "GET /v2/events/batch/JOB 200",
        "GET /v2/events/batch/JOB/imports?include_schema=false 200",
        "DELETE /v2/users/ID 200",
        "GET /v2/users/ID 200",
        "DELETE /v2/users?uid=batch-1 200",
    ]


def test_fullstorys_client_creates_reads_updates_and_deletes_users(fullstory: Told) -> None:
    created = fullstory.came("users.create")
    assert fullstory.came("users.create again") == created
    assert fullstory.failed("users.create other body")["status"] == 400
    user = fullstory.came("users.get")["body"]
    assert user["id"] == created["body"]["id"]
    assert user["schema"]["properties"]["days_active"] == "int"
    (listed,) = fullstory.came("users.list")["body"]["results"]
    assert listed["uid"] == "node-1"
    assert fullstory.came("users.update")["body"] == created["body"]
    assert fullstory.failed("users.update uid")["payload"]["code"] == "invalid_argument"
    assert fullstory.failed("users.get unknown")["payload"]["code"] == "resource_not_found"
    assert fullstory.came("users.delete id")["body"] == {}
    assert fullstory.came("users.get deleted")["body"]["is_being_deleted"] is True


def test_fullstorys_client_creates_events(fullstory: Told) -> None:
    assert fullstory.came("events.create") == {"httpStatusCode": 200, "body": {}}
    assert fullstory.failed("events.create unnamed")["payload"]["code"] == "invalid_argument"


def test_fullstorys_client_runs_batch_jobs_to_their_end_and_calls_back(fullstory: Told) -> None:
    whole = fullstory.came("users.batchCreate")
    assert (whole["heard"], whole["status"]) == (["created", "processing", "done"], "COMPLETED")
    assert [user["uid"] for user in whole["imports"]] == ["batch-1", "batch-2", "batch-3"]
    partly = fullstory.came("users.batchCreate failing")
    assert (partly["heard"], partly["status"]) == (["created", "processing", "done"], "FAILED")
    assert [row["user"]["uid"] for row in partly["failures"]] == ["x" * 300]


def test_fullstorys_client_hears_of_a_job_that_is_not_there_and_gives_up(fullstory: Told) -> None:
    error, abort = fullstory.came("users.batchCreate unknown job")["heard"]
    assert "404" in error
    assert abort == "abort"


def test_fullstorys_client_waits_out_a_429_and_imports_its_events(fullstory: Told) -> None:
    job = fullstory.came("events.batchCreate")
    error, *rest = job["heard"]
    assert "429" in error
    assert rest == ["created", "processing", "done"]
    assert [event["name"] for event in job["imports"]] == ["Support Ticket", "Order shipped"]
