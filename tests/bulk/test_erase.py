"""Everyone on a list is asked for once, and nobody is missed, whenever the process dies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk import erase, journal
from fsctl.bulk.doubts import Claimants, Doubts
from fsctl.bulk.erase import Outcome, Terms
from fsctl.bulk.journal import Input, Journal
from fsctl.bulk.values import Value
from fsctl.errors import FsctlError, NeedsPerson, Refused, Unavailable
from fsctl.fullstory.erasure import State, Step
from fsctl.membrane.gateway import Request, Response
from tests.support.people_gateway import Fullstory, Killed, caller, refused

SOURCE = Input("-", 1, None, "ab", "account")
States = list[tuple[int, str | None, str]]


def values(*names: str) -> list[Value]:
    return [Value(name, line) for line, name in enumerate(names, 1)]


def planned(town: Fullstory, *names: str, terms: Terms = Terms()) -> erase.Plan:  # noqa: B008
    """The plan of somebody who has never seen one of these values."""
    nothing = Doubts(Path("/nowhere"), "c", forgetful=True)
    return erase.plan(caller(town), values(*names), terms, nothing)


def run(
    state: Path,
    fullstory: Fullstory,
    *names: str,
    terms: Terms = Terms(),  # noqa: B008 - it cannot be changed
    **more: Any,
) -> list[Outcome]:
    """One run of the command's work, as far as it comes."""
    outcomes: list[Outcome] = []
    with journal.opened(state, SOURCE) as kept:
        calls = caller(fullstory, **{key: more[key] for key in more if key == "watch"})
        listed = more.get("listed") or values(*names)
        plan = erase.plan(calls, listed, terms, Doubts(state, "c"), kept.earlier)
        record = more.get("record", lambda _step: None)
        outcomes.extend(erase.erase(calls, plan, kept, record))
        if not any(erase.has_failed(outcome, terms) for outcome in outcomes):
            kept.remove()
    return outcomes


def told(outcomes: Sequence[Outcome]) -> States:
    return [(outcome.line, outcome.id, outcome.state) for outcome in outcomes]


@pytest.fixture
def town() -> Fullstory:
    fullstory = Fullstory()
    for name in ("ada", "grace", "mei"):
        fullstory.add(name, f"{name}@example.com")
    fullstory.add("marco", "office@example.com")
    fullstory.add("maria", "office@example.com")
    return fullstory


# -- the plan


def test_a_plan_says_what_each_line_means_and_sends_no_write(town: Fullstory) -> None:
    names = ("ada", "nobody", "ada@example.com", "office@example.com", "1001")
    plan = planned(town, *names)
    assert [entry.state for entry in plan.entries] == [
        "resolved", "missing", "duplicate", "ambiguous", "resolved",
    ]  # fmt: skip
    assert plan.ids == ["1000", "1001"]
    assert (plan.counts["resolved"], plan.counts["missing"], plan.counts["failed"]) == (2, 1, 0)
    assert town.asked == []


def test_all_takes_everyone_who_shares_an_email(town: Fullstory) -> None:
    plan = planned(town, "office@example.com", terms=Terms(all=True))
    assert plan.ids == ["1003", "1004"]


def test_all_overrides_no_two_readings(town: Fullstory) -> None:
    town.add("1000")  # a uid that is ada's id
    town.add("office@example.com")  # a uid that is others' e-mail
    plan = planned(town, "1000", "office@example.com", terms=Terms(all=True))
    assert [entry.state for entry in plan.entries] == ["ambiguous", "ambiguous"]
    plan = planned(town, "office@example.com", terms=Terms("email", all=True))
    assert plan.ids == ["1003", "1004"]


def test_a_plan_keeps_of_people_only_what_is_needed(town: Fullstory) -> None:
    town.people["1000"]["properties"] = {"secret": "value"}
    plan = planned(town, "ada")
    assert "properties" not in plan.entries[0].people[0]


# -- the work


def test_every_line_has_an_outcome(tmp_path: Path, town: Fullstory) -> None:
    outcomes = run(tmp_path, town, "ada", "nobody", "grace@example.com", "ada")
    assert told(outcomes) == [
        (1, "1000", "accepted"),
        (2, None, "missing"),
        (3, "1001", "accepted"),
        (4, "1000", "duplicate"),
    ]
    assert town.asked == ["1000", "1001"]


def test_who_is_being_deleted_already_is_not_asked_for(tmp_path: Path, town: Fullstory) -> None:
    town.people["1000"]["is_being_deleted"] = True
    assert told(run(tmp_path, town, "ada")) == [(1, "1000", "being_deleted")]
    assert town.asked == []


def test_a_refusal_is_the_outcome_of_its_line_and_the_others_go_on(
    tmp_path: Path, town: Fullstory
) -> None:
    town.answers["1000"] = refused(400, "invalid_argument")
    outcomes = run(tmp_path, town, "ada", "grace")
    assert told(outcomes) == [(1, "1000", "failed"), (2, "1001", "accepted")]
    assert outcomes[0].error is not None and "invalid_argument" in str(outcomes[0].error.code)


def test_an_unknown_outcome_is_told_and_looked_at_the_next_time(
    tmp_path: Path, town: Fullstory
) -> None:
    def lose(when: str, request: Request) -> None:
        if request.method == "DELETE":
            town.answers["1000"] = Response(502, (), b"<html>")

    assert told(run(tmp_path, town, "ada", watch=lose)) == [(1, "1000", "unknown")]
    town.answers.clear()
    town.asked.clear()
    town.people["1000"]["is_being_deleted"] = True
    assert told(run(tmp_path, town, "ada")) == [(1, "1000", "being_deleted")]
    assert town.asked == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(refused(403, "forbidden"), NeedsPerson), (refused(429, "too_many_requests"), Unavailable)],
)
def test_what_concerns_all_ends_the_run(
    answer: Response, kind: type[FsctlError], tmp_path: Path, town: Fullstory
) -> None:
    def always(_when: str, _request: Request) -> None:
        town.answers["1001"] = answer

    with pytest.raises(kind):
        run(tmp_path, town, "ada", "grace", "mei", watch=always)
    assert "1002" not in town.asked
    town.answers.clear()
    assert told(run(tmp_path, town, "ada", "grace", "mei")) == [
        (1, "1000", "done_earlier"),
        (3, "1002", "accepted"),
        (2, "1001", "accepted"),
    ]


def test_who_cannot_be_written_down_is_not_asked_for(
    tmp_path: Path, town: Fullstory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise Refused("The disk is full.", hint="Make room.")

    monkeypatch.setattr(Journal, "write", full)
    with pytest.raises(Refused, match="disk is full"):
        run(tmp_path, town, "ada", "grace")
    assert town.asked == []


def test_a_request_is_on_the_disk_before_it_is_sent(
    tmp_path: Path, town: Fullstory, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk: list[str] = []

    def fsync(_descriptor: int) -> None:
        on_disk[:] = [path.read_text() for path in (tmp_path / "erasures").glob("*.jsonl")]

    def look(when: str, request: Request) -> None:
        if (when, request.method) == ("before", "DELETE"):
            user_id = request.path.rpartition("/")[2]
            assert f'"ids":["{user_id}"],"state":"requested"' in on_disk[0]

    monkeypatch.setattr("fsctl.bulk.journal.os.fsync", fsync)
    run(tmp_path, town, "ada", "grace", watch=look)
    assert town.asked == ["1000", "1001"]


def test_a_receipt_that_cannot_be_written_ends_the_run(tmp_path: Path, town: Fullstory) -> None:
    def full(step: Step) -> None:
        raise Refused("The disk is full.", hint="Make room.")

    with pytest.raises(Refused, match="disk is full"):
        run(tmp_path, town, "ada", "grace", record=full)
    assert town.asked == []


def test_each_step_is_recorded(tmp_path: Path, town: Fullstory) -> None:
    steps: list[tuple[State, str]] = []
    run(tmp_path, town, "ada", record=lambda step: steps.append((step.state, step.person["uid"])))
    assert steps == [(State.REQUESTED, "ada"), (State.ACCEPTED, "ada")]


def test_the_journal_knows_nobody_by_name(tmp_path: Path, town: Fullstory) -> None:
    town.answers["1001"] = refused(400, "invalid_argument")
    run(tmp_path, town, "ada", "grace@example.com", "ada@example.com", "nobody")
    [file] = (tmp_path / "erasures").glob("*.jsonl")
    text = file.read_text()
    assert "1000" in text
    for name in ("ada", "grace", "nobody", "example"):
        assert name not in text
    assert {frozenset(json.loads(line)) for line in text.splitlines()[1:]} == {
        frozenset(("line", "ids", "state"))
    }


# -- a second run


def test_a_second_run_asks_only_for_those_who_failed(tmp_path: Path, town: Fullstory) -> None:
    town.answers["1000"] = refused(400, "invalid_argument")
    run(tmp_path, town, "ada", "grace", "nobody")
    town.add("nobody")
    assert told(run(tmp_path, town, "ada", "grace", "nobody")) == [
        (2, "1001", "done_earlier"),
        (3, "1005", "accepted"),
        (1, "1000", "accepted"),
    ]
    assert town.asked == ["1000", "1001", "1005", "1000"]


def test_a_second_line_for_somebody_who_is_gone_by_then_is_no_failure(
    tmp_path: Path, town: Fullstory
) -> None:
    run(tmp_path, town, "ada", "ada@example.com", "nobody")
    town.gone("1000")
    outcomes = run(tmp_path, town, "ada", "ada@example.com", "nobody")
    assert told(outcomes)[:2] == [(1, "1000", "done_earlier"), (2, "1000", "done_earlier")]


def test_when_all_is_done_nothing_is_remembered(tmp_path: Path, town: Fullstory) -> None:
    run(tmp_path, town, "ada")
    assert list((tmp_path / "erasures").glob("*.jsonl")) == []


# -- what was ambiguous once


@pytest.fixture
def mallet(town: Fullstory) -> str:
    """Somebody who says that Grace's e-mail is theirs."""
    return town.add("mallet", "grace@example.com")


ATTACK = ("mallet", "grace@example.com")
EMAIL, ALL = Terms("email"), Terms(all=True)


@pytest.mark.parametrize("name", ["grace@example.com", "1001"])
@pytest.mark.parametrize(
    "again",
    [("{gone}", "{left}"), ("{left}",), ("mei", "{gone}", "{left}")],
    ids=["the same list", "what is left of it", "a list that was mended"],
)
def test_a_value_stays_ambiguous_when_one_of_its_people_is_gone(
    again: tuple[str, ...], name: str, tmp_path: Path, town: Fullstory
) -> None:
    mallet = town.add("mallet", "grace@example.com") if "@" in name else town.add("1001")
    first = run(tmp_path, town, mallet, name)
    assert told(first) == [(1, mallet, "accepted"), (2, None, "ambiguous")]
    assert first[1].claimants == {"1001", mallet}
    town.gone(mallet)
    if len(again) != 2:
        with journal.opened(tmp_path, SOURCE) as kept:
            kept.remove()  # another list has another journal
    outcomes = run(tmp_path, town, *(part.format(gone=mallet, left=name) for part in again))
    [outcome] = [each for each in outcomes if each.who == name]
    assert outcome.state == "ambiguous"
    assert "1001" not in town.asked
    assert outcome.error is not None
    assert f"meant several people before: 1001, {mallet}." in outcome.error.message


def test_whoever_is_left_of_two_is_deleted_only_by_id(
    tmp_path: Path, town: Fullstory, mallet: str
) -> None:
    run(tmp_path, town, *ATTACK)
    town.gone(mallet)
    for terms in (EMAIL, ALL, Terms("email", all=True), Terms("uid")):
        left = run(tmp_path, town, listed=[Value("grace@example.com", 7)], terms=terms)
        assert told(left) == [(7, None, "ambiguous")], terms
    assert town.asked == [mallet]
    done = run(tmp_path, town, listed=[Value("1001", 7)], terms=Terms("id"))
    assert told(done) == [(7, "1001", "accepted")]


def test_nor_is_the_other_one_deleted_who_is_left(tmp_path: Path, town: Fullstory) -> None:
    town.add("1001")  # a uid that is Grace's id
    run(tmp_path, town, "grace", "1001")
    town.gone("1001")
    assert told(run(tmp_path, town, "grace", "1001"))[1] == (2, None, "ambiguous")
    assert town.asked == ["1001"]


def test_a_value_may_be_read_in_another_way_while_all_its_people_are_there(
    tmp_path: Path, town: Fullstory
) -> None:
    assert told(run(tmp_path, town, "office@example.com")) == [(1, None, "ambiguous")]
    outcomes = run(tmp_path, town, "office@example.com", terms=ALL)
    assert told(outcomes) == [(1, "1003", "accepted"), (1, "1004", "accepted")]


def test_somebody_on_the_way_out_counts_until_they_are_gone(
    tmp_path: Path, town: Fullstory, mallet: str
) -> None:
    town.people[mallet]["is_being_deleted"] = True
    assert told(run(tmp_path, town, "grace@example.com")) == [(1, None, "ambiguous")]
    town.gone(mallet)
    assert told(run(tmp_path, town, "grace@example.com")) == [(1, None, "ambiguous")]


def test_what_nobody_could_look_up_may_have_been_ambiguous(
    tmp_path: Path, town: Fullstory, mallet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = town.answer

    def sometimes(request: Request) -> Response:
        if request.method == "GET" and "grace@example.com" in dict(request.query).values():
            return refused(400, "invalid_argument")
        return answer(request)

    monkeypatch.setattr(town, "answer", sometimes)
    alone = [(1, None, "unread")]
    assert told(run(tmp_path, town, "grace@example.com")) == alone
    assert Doubts(tmp_path, "c").about("grace@example.com") is None, "nobody was deleted"
    assert told(run(tmp_path, town, *ATTACK)) == [(1, mallet, "accepted"), (2, None, "unread")]
    monkeypatch.undo()
    town.gone(mallet)
    assert told(run(tmp_path, town, *ATTACK))[1] == (2, None, "ambiguous")
    assert "1001" not in town.asked


def test_what_is_ambiguous_is_remembered_before_anybody_is_asked_for(
    tmp_path: Path, town: Fullstory, mallet: str
) -> None:
    def look(when: str, request: Request) -> None:
        if request.method == "DELETE":
            known = Doubts(tmp_path, "c").about("grace@example.com")
            assert known == frozenset(("1001", mallet))
            raise Killed

    with pytest.raises(Killed):
        run(tmp_path, town, *ATTACK, watch=look)


MARKED = frozenset(("1001", "1005"))


@pytest.mark.parametrize(
    ("text", "claimants", "state"),
    [
        ("grace@example.com", MARKED, "ambiguous"),  # given again as it was
        ("grace@example.com", frozenset(), "ambiguous"),  # whom it meant is not known
        ("grace@example.com", None, "accepted"),  # nothing is noted
        ("1001", MARKED, "accepted"),  # the id of one of them was put in its place
        ("1001", frozenset(), "ambiguous"),
        ("ada", MARKED, "ambiguous"),  # somebody else was
    ],
)
def test_what_rejects_note_is_honoured_on_another_machine(
    text: str, claimants: Claimants | None, state: str, tmp_path: Path, town: Fullstory
) -> None:
    outcomes = run(tmp_path, town, listed=[Value(text, 2, claimants)])
    assert [outcome.state for outcome in outcomes] == [state]


def test_an_id_that_was_put_in_the_place_of_a_value_is_read_as_one(
    tmp_path: Path, town: Fullstory
) -> None:
    town.add("1001")  # a uid that is Grace's id
    outcomes = run(tmp_path, town, listed=[Value("1001", 2, MARKED)], terms=EMAIL)
    assert told(outcomes) == [(2, "1001", "accepted")]


# -- the process dies


class Death:
    """Kills the process at the n-th thing it does, before or after it; then nothing works."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left <= 0:  # and again, for whatever a dying program would still do
            raise Killed


def cut_power(state: Path, lost: float) -> None:
    """Of what was written after the last record that was kept, this part is lost."""
    [file] = (state / "erasures").glob("*.jsonl")
    data = file.read_bytes()
    kept = data.rfind(b'"state":"requested"}\n')
    end = data.index(b"\n", max(kept, 0)) + 1
    file.write_bytes(data[: len(data) - round(lost * (len(data) - end))])


def survives(names: Sequence[str], deaths: Sequence[tuple[int, float, bool]]) -> int:
    """Die so often, then come to the end; everyone must have been asked for, once.

    A death says at what, which part of the journal is lost, and whether the deletions so far are
    over before the next run. Returns how many of the deaths there was time for.
    """
    town = Fullstory()
    for uid, email in (
        ("ada", "ada@example.com"), ("grace", "grace@example.com"), ("mei", None),
        ("marco", "office@example.com"), ("maria", "office@example.com"),
    ):  # fmt: skip
        town.add(uid, email)
    terms = Terms(all=True)
    wanted = set(planned(town, *names, terms=terms).ids)
    died, outcomes = 0, None
    with TemporaryDirectory() as folder:
        for at, lost, over in deaths:
            outcomes = mortal(Path(folder), town, names, terms, Death(at))
            if outcomes is not None:
                break
            died += 1
            cut_power(Path(folder), lost)
            if over:
                town.gone(*[i for i, person in town.people.items() if person["is_being_deleted"]])
        if outcomes is None:
            outcomes = run(Path(folder), town, *names, terms=terms)
    assert not [outcome for outcome in outcomes if erase.has_failed(outcome, terms)]
    assert len({outcome.line for outcome in outcomes}) == len(names)
    assert sorted(town.asked) == sorted(wanted), "each once"
    return died


def mortal(
    state: Path, town: Fullstory, names: Sequence[str], terms: Terms, death: Death
) -> list[Outcome] | None:
    """The outcomes of a run, or None where it was killed before it came to its end."""
    write = Journal.write

    def dying(self: Journal, *rest: Any, **more: Any) -> None:
        death()
        write(self, *rest, **more)
        death()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "write", dying)
        try:
            return run(state, town, *names, terms=terms, watch=death)
        except Killed:
            return None


@pytest.mark.parametrize("over", [True, False])
@pytest.mark.parametrize("lost", [0.0, 0.5, 1.0])
def test_each_is_asked_for_once_and_none_is_missed_wherever_the_process_dies(
    lost: float, over: bool
) -> None:
    names = ("ada", "office@example.com", "ada@example.com", "mei", "grace")
    points = 0
    while survives(names, [(points + 1, lost, over)]):
        points += 1
    assert points > 30


NAMES = st.lists(
    st.sampled_from(["ada", "grace@example.com", "mei", "ada@example.com", "office@example.com"]),
    min_size=1,
    max_size=6,
)


DEATHS = st.tuples(st.integers(1, 60), st.floats(0, 1), st.booleans())


@settings(deadline=None)  # other work may slow the machine down
@given(NAMES, st.lists(DEATHS, max_size=4))
def test_nor_however_often_it_dies(names: list[str], deaths: list[tuple[int, float, bool]]) -> None:
    survives(names, deaths)
