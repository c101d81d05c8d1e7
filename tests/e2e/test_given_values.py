"""Values on the command line that are refused, or taken with a word about them."""

from __future__ import annotations

import json

import pytest

from tests.support.program import Program


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("sandbox"), {"FSCTL_TRANSPORT": "sandbox"})


CREATE_USER = ("users", "create", "--uid", "sam")
CREATE_EVENT = ("events", "create", "Paid", "--user", "ada")
PROPERTIES = '{"is_real": true, "mixed": [1, "a"]}'


@pytest.mark.parametrize("command", [CREATE_USER, CREATE_EVENT], ids=" ".join)
def test_doubtful_properties_are_sent_with_a_warning(
    sandbox: Program, command: tuple[str, ...]
) -> None:
    done = sandbox(*command, "-p", "seats_int:int=5", "--properties", PROPERTIES)
    assert done.code == 0, done.show
    assert json.loads(done.out)["properties"]["seats_int"] == 5
    assert done.err.count("warning: ") == 2, done.show
    assert "'is_real', 'seats_int' end like" in done.err
    assert "'mixed' holds values of several types" in done.err
    assert "warning: " not in sandbox(*command, "-p", "seats:int=5").err


def test_an_event_for_the_most_recent_session_says_that_there_may_be_none(
    sandbox: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    done = sandbox(*CREATE_EVENT, "--most-recent-session")
    assert done.code == 0, done.show
    assert (
        "active in the last 30 minutes did, and without one it is stored for the user" in done.err
    )
    for other in ((), ("--most-recent-session", "--dry-run"), ("--most-recent-session", "-q")):
        assert "30 minutes" not in sandbox(*CREATE_EVENT, *other).err
    assert sandbox("events", "create", "--help").code == 0
    assert "else in none" in " ".join(capsys.readouterr().out.split())
