"""Jobs: looked at with patience, followed to their end, their results read to the last page."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from fsctl.bulk.following import JobGone, followed, pauses, results
from fsctl.bulk.sending import Limiter, Sender
from fsctl.errors import Unavailable, Usage
from fsctl.fullstory.batch_jobs import BatchJobs, Standing
from fsctl.membrane.gateway import GatewayError, Response
from tests.support.import_inputs import Hours
from tests.support.scripted_gateway import CONNECTION, ScriptedGateway, Step, respond


def reply(document: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    return respond(status, json.dumps(document).encode(), *headers)


def job(status: str, imports: int = 0, errors: int = 0, **more: str) -> Response:
    told = {"id": "a=b", "status": status, **more}
    return reply({"imports": imports, "errors": errors, "job": told})


MISSING = reply({"message": "No job", "code": "resource_not_found"}, 404)
ACCEPTED = respond(202, b"")


class Desk:
    def __init__(self, *steps: Step) -> None:
        self.hours = Hours()
        self.gateway = ScriptedGateway(*steps)
        self.jobs = BatchJobs(self.gateway, CONNECTION.id, "users", now=self.hours.time)
        self.sender = Sender(self.hours.clock, Limiter(self.hours.clock))

    def follow(self, **more: Any) -> Standing:
        return followed(self.jobs, self.sender, "a=b", **more)

    def errors(self) -> list[Any]:
        return list(results(self.jobs, self.sender, "a=b", "errors"))

    @property
    def asked(self) -> list[str]:
        return [sent.request.path for sent in self.gateway.sent]


def test_a_job_is_looked_at_less_and_less_often() -> None:
    seen = list(islice(pauses(), 40))
    assert seen == sorted(seen)
    assert seen[-1] == 5.0
    assert sum(seen[:20]) > 60  # no more than twenty looks in the first minute


def test_a_job_is_followed_until_it_ends() -> None:
    desk = Desk(job("PROCESSING"), job("PROCESSING"), job("FAILED", 3, 1))
    told: list[Standing] = []
    ended = desk.follow(seen=told.append)
    assert (ended.status, ended.imports, ended.errors) == ("FAILED", 3, 1)
    assert [one.status for one in told] == ["PROCESSING", "PROCESSING"]
    assert desk.asked[0] == "/v2/users/batch/a%3Db"


def test_a_status_that_nobody_knows_ends_with_its_finish() -> None:
    desk = Desk(job("QUEUED"), job("CANCELLED", finished="2026-01-01T00:00:00Z"))
    assert desk.follow().status == "CANCELLED"


def test_counts_may_come_as_strings_and_the_job_unnested() -> None:
    flat = {"id": "a=b", "status": "completed", "imports": "12", "errors": None}
    assert Desk(reply(flat)).follow()[:4] == ("a=b", "COMPLETED", 12, 0)


def test_a_very_new_job_may_not_be_known_yet() -> None:
    assert Desk(MISSING, MISSING, job("COMPLETED", 1)).follow().imports == 1


def test_a_job_that_stays_missing_is_gone() -> None:
    with pytest.raises(JobGone):
        Desk(*[MISSING] * 40).follow()


def test_a_job_that_is_not_known_in_time_is_not_called_unended() -> None:
    with pytest.raises(Unavailable, match="does not know its job 'a=b' yet"):
        Desk(*[MISSING] * 40).follow(patience=3)


def test_a_job_that_does_not_end_is_told_as_unavailable() -> None:
    with pytest.raises(Unavailable, match="has not ended") as caught:
        Desk(*[job("PROCESSING")] * 40).follow(patience=60)
    assert "sends nothing twice" in str(caught.value.hint)


def test_errors_are_read_through_all_pages() -> None:
    desk = Desk(
        ACCEPTED,  # the word that the job has ended did not come everywhere
        reply({"results": [{"n": 1}], "next_page_token": "t="}),
        reply({"results": [{"n": 2}], "next_page_token": ""}),
    )
    assert desk.errors() == [{"n": 1}, {"n": 2}]
    assert [sent.request.query for sent in desk.gateway.sent] == [
        (), (), (("page_token", "t="),),
    ]  # fmt: skip


def test_a_page_without_results_is_empty() -> None:
    assert Desk(reply({"total_records": "0"})).errors() == []


def test_a_token_that_comes_again_ends_the_pages() -> None:
    page = reply({"results": [{"n": 1}], "next_page_token": "same"})
    assert len(Desk(page, page, page).errors()) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"results": 7}'])
def test_results_that_make_no_sense_are_told(body: bytes) -> None:
    with pytest.raises(GatewayError, match="answer"):
        Desk(*[respond(200, body)] * 20).errors()


def test_a_job_without_an_id_makes_no_sense() -> None:
    with pytest.raises(GatewayError, match="tells no job"):
        Desk(reply({"job": {"status": "PROCESSING"}})).jobs.create(b"{}", "k")


def test_a_batch_carries_its_key() -> None:
    desk = Desk(job("PROCESSING"))
    assert desk.jobs.create(b'{"requests":[]}', "my-key").id == "a=b"
    request = desk.gateway.sent[0].request
    assert (request.method, request.path) == ("POST", "/v2/users/batch")
    assert request.body == b'{"requests":[]}'
    assert ("Idempotency-Key", "my-key") in request.headers


def test_the_time_there_is_the_date_of_an_answer() -> None:
    dated = reply({}, 404, ("Date", "Thu, 01 Jan 2026 00:00:00 GMT"))
    assert Desk(dated).jobs.time_there() == 1_767_225_600
    assert Desk(MISSING).jobs.time_there() is None
    assert Desk(reply({}, 404, ("Date", "soon"))).jobs.time_there() is None


def test_a_narrow_road_is_refused() -> None:
    gateway = ScriptedGateway()
    gateway.capabilities = gateway.capabilities._replace(max_body=100_000)
    with pytest.raises(Usage, match="HTTP only"):
        BatchJobs(gateway, CONNECTION.id, "users", now=lambda: 0.0)
