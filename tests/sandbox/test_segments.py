from __future__ import annotations

import pytest

from tests.support.fullstory import Fullstory, seeded


@pytest.fixture(scope="module")
def fullstory() -> Fullstory:
    return seeded()


def test_segments_are_paged_by_their_own_token(fullstory: Fullstory) -> None:
    everything = fullstory.ok("GET", "/segments/v1")
    assert "nextPaginationToken" not in everything
    seen = []
    token = ""
    for _ in range(3):
        page = fullstory.ok("GET", "/segments/v1", limit="2", paginationToken=token)
        seen += page["segments"]
        token = page.get("nextPaginationToken", "")
    assert token == ""
    assert seen == everything["segments"]
    assert len(seen) == 5


def test_segments_can_be_those_of_one_creator(fullstory: Fullstory) -> None:
    page = fullstory.ok("GET", "/segments/v1", creator="linus@example.com")
    assert [segment["name"] for segment in page["segments"]] == [
        "Signed up this month",
        "Used the mobile app",
    ]
    assert fullstory.ok("GET", "/segments/v1", creator="nobody") == {"segments": []}


def test_a_segment_is_read_by_its_id(fullstory: Fullstory) -> None:
    segment = fullstory.ok("GET", "/segments/v1/everyone")
    assert segment["name"] == "Everyone"
    assert set(segment) == {"id", "name", "creator", "url"}  # it is built in
    made = fullstory.ok("GET", "/segments/v1/kX2pQ9")
    assert set(made) == {"id", "name", "creator", "created", "url"}
    assert fullstory.refused("GET", "/segments/v1/nothing")[:2] == (404, "resource_not_found")


def test_a_limit_over_100_is_cut_and_a_wrong_token_refused(fullstory: Fullstory) -> None:
    assert len(fullstory.ok("GET", "/segments/v1", limit="101")["segments"]) == 5
    assert fullstory.refused("GET", "/segments/v1", limit="none")[0] == 400
    assert fullstory.refused("GET", "/segments/v1", paginationToken="x")[0] == 400
