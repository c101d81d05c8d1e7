"""Exports to files: whole or not there at all, and gone on with where they stopped."""

from __future__ import annotations

import gzip
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk.export_file import Target
from fsctl.bulk.export_pages import Form, Wanted
from fsctl.bulk.export_record import Choice
from fsctl.bulk.exporting import Begun, Event, Fetched, Finished, StartedAgain, to_file
from fsctl.bulk.locked import locked
from fsctl.errors import FsctlError, Refused, Unavailable, Usage
from fsctl.membrane.gateway import Request
from tests.support.paged_people import PagedFullstory
from tests.support.people_gateway import Killed, caller

EVERYBODY = Wanted({})

Watch = Callable[[str, Request], None]


class Place:
    """A directory to export to, with a state directory of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "state"
        self.to = root / "people.jsonl"
        self.fullstory = PagedFullstory()

    def export(
        self,
        *,
        form: Form = "jsonl",
        watch: Watch = lambda _when, _request: None,
        wanted: Wanted = EVERYBODY,
        facts: dict[str, str] | None = None,
        **how: Any,
    ) -> list[Event]:
        target = Target(self.to, form, facts or {}, **how)
        return list(to_file(caller(self.fullstory, watch), self.state, wanted, target))

    @property
    def partial(self) -> Path:
        return self.to.with_name(f"{self.to.name}.partial")

    def ids(self) -> list[str]:
        return [json.loads(line)["id"] for line in self.to.read_text().splitlines()]

    def is_clean(self) -> bool:
        """Whether nothing but the file is left."""
        left = [path for path in self.root.rglob("*") if path.is_file() and path != self.to]
        return left == []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def dying(at: int, error: type[BaseException] = Killed) -> Watch:
    """Ends the process at that request or answer, counted from 0."""
    moments = iter(range(10**6))

    def watch(_when: str, _request: Request) -> None:
        if next(moments) == at:
            raise error

    return watch


def test_everybody_is_in_the_file_and_nothing_else_is_left(place: Place) -> None:
    ids = place.fullstory.crowd(8)
    events = place.export()
    assert place.ids() == ids
    assert events == [
        Begun(0), Fetched(3, 8), Fetched(6, 8), Fetched(8, 8), Finished(8, 0),
    ]  # fmt: skip
    assert place.is_clean()


def test_the_file_is_the_users_own(place: Place) -> None:
    place.fullstory.crowd(1)
    old = os.umask(0)
    try:
        place.export()
    finally:
        os.umask(old)
    assert stat.S_IMODE(place.to.stat().st_mode) == 0o600


def test_nobody_is_an_empty_file(place: Place) -> None:
    assert place.export() == [Begun(0), Fetched(0, None), Finished(0, 0)]
    assert place.to.read_bytes() == b""
    assert place.is_clean()


def test_a_table_of_nobody_has_a_header(place: Place) -> None:
    place.export(form="csv")
    assert place.to.read_text() == "id,uid,display_name,email\n"


def test_who_is_being_deleted_is_left_out_and_counted(place: Place) -> None:
    ids = place.fullstory.crowd(5)
    place.fullstory.people[ids[1]]["is_being_deleted"] = True
    assert place.export()[-1] == Finished(4, 1)
    assert place.ids() == [ids[0], *ids[2:]]


@pytest.mark.parametrize("limit", [1, 3, 4, 8, 9])
def test_a_limit_ends_it_and_no_page_more_is_asked_for(place: Place, limit: int) -> None:
    ids = place.fullstory.crowd(8)
    place.export(wanted=Wanted({}, limit=limit))
    assert place.ids() == ids[:limit]
    assert len(place.fullstory.asked_pages) == min(-(-limit // 3), 3)


@pytest.mark.parametrize("form", ["jsonl", "csv", "tsv"])
def test_a_name_that_ends_with_gz_is_packed(place: Place, form: Form) -> None:
    place.fullstory.crowd(4)
    place.export(form=form)
    plain = place.to.read_bytes()
    place.to = place.root / f"people.{form}.gz"
    place.export(form=form)
    assert gzip.decompress(place.to.read_bytes()) == plain
    assert place.to.read_bytes()[4:8] == bytes(4)  # no time in it: the same people, the same file


# -- what is in the way


def test_a_file_that_is_there_is_not_touched(place: Place) -> None:
    place.fullstory.crowd(4)
    place.to.write_text("mine")
    with pytest.raises(Usage, match="exists already"):
        place.export()
    assert place.to.read_text() == "mine"
    assert place.fullstory.asked_pages == []
    place.export(force=True)
    assert len(place.ids()) == 4


def test_a_file_that_is_to_be_replaced_stays_until_the_new_one_is_whole(place: Place) -> None:
    place.fullstory.crowd(8)
    place.to.write_text("old")
    with pytest.raises(Killed):
        place.export(force=True, watch=dying(3))
    assert place.to.read_text() == "old"
    place.export(force=True, resume=True)
    assert len(place.ids()) == 8


def test_a_file_that_appears_meanwhile_is_not_overwritten(place: Place) -> None:
    place.fullstory.crowd(8)

    def watch(_when: str, _request: Request) -> None:
        place.to.write_text("mine")

    with pytest.raises(Usage, match="appeared"):
        place.export(watch=watch)
    with pytest.raises(Usage, match="exists already"):
        place.export(resume=True)
    assert place.to.read_text() == "mine"
    place.to.unlink()
    assert place.export(resume=True)[-1] == Finished(8, 0)  # and nothing is fetched anew
    assert len(place.fullstory.asked_pages) == 3


@pytest.mark.parametrize("name", ["people.jsonl", "people.jsonl.partial"])
@pytest.mark.parametrize("how", ["", "force", "restart", "resume"])
def test_no_symlink_is_followed(place: Place, name: str, how: str) -> None:
    place.fullstory.crowd(4)
    victim = place.root / "victim"
    victim.write_text("mine")
    victim.chmod(0o600)
    (place.root / name).symlink_to(victim)
    with pytest.raises(FsctlError):
        place.export(**({how: True} if how else {}))  # type: ignore[arg-type]
    assert victim.read_text() == "mine"
    assert (place.root / name).is_symlink()


def test_a_partial_file_of_somebody_elses_making_is_not_touched(place: Place) -> None:
    place.fullstory.crowd(4)
    place.partial.write_text("mine")
    place.partial.chmod(0o600)
    with pytest.raises(Usage, match="in the way"):
        place.export()
    assert place.partial.read_text() == "mine"
    place.export(restart=True)
    assert len(place.ids()) == 4


def test_one_that_died_before_it_wrote_anything_down_is_in_nobodys_way(place: Place) -> None:
    place.fullstory.crowd(4)
    place.partial.touch(0o600)
    place.export()
    assert len(place.ids()) == 4


def test_a_partial_file_that_others_may_write_is_not_used(place: Place) -> None:
    place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(3))
    place.partial.chmod(0o666)
    with pytest.raises(Refused, match="others may read or write it"):
        place.export(resume=True)


def test_a_directory_that_is_not_there_is_said_first(place: Place) -> None:
    place.to = place.root / "nowhere" / "people.jsonl"
    with pytest.raises(Usage, match="does not exist"):
        place.export()
    assert place.fullstory.asked_pages == []
    assert place.is_clean()


def test_two_at_once_do_not_meet(place: Place) -> None:
    place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(3))
    with locked(place.partial), pytest.raises(Refused, match="already"):
        place.export(resume=True)


# -- going on


@settings(max_examples=60, deadline=None)
@given(
    people=st.integers(0, 14),
    deaths=st.lists(st.integers(0, 11), max_size=4),
    form=st.sampled_from(["jsonl", "csv", "tsv"]),
)
def test_whenever_it_dies_nobody_is_lost_and_nobody_doubled(
    tmp_path_factory: pytest.TempPathFactory, people: int, deaths: list[int], form: Form
) -> None:
    place = Place(tmp_path_factory.mktemp("export"))
    place.fullstory.crowd(people)
    place.export(form=form)
    whole = place.to.read_bytes()
    place.to.unlink()
    for death in deaths:
        try:
            place.export(form=form, resume=True, watch=dying(death))
        except Killed:
            assert not place.to.exists()
        else:
            place.to.unlink()
    place.export(form=form, resume=True)
    assert place.to.read_bytes() == whole
    assert place.is_clean()


def test_only_pages_that_are_missing_are_fetched(place: Place) -> None:
    ids = place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(5))  # with the third page
    place.fullstory.asked_pages.clear()
    assert place.export(resume=True) == [Begun(6), Fetched(8, 8), Finished(8, 0)]
    assert place.fullstory.asked_pages == ["{} 6"]
    assert place.ids() == ids


def test_what_was_written_of_a_page_is_cut_away(place: Place) -> None:
    ids = place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(4))
    with place.partial.open("ab") as stream:
        stream.write(b'{"id":"9","properties":{"half' + b"f" * 1000)
    place.export(resume=True)
    assert place.ids() == ids


def test_without_resume_what_is_unfinished_is_told_and_kept(place: Place) -> None:
    place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(4))
    with pytest.raises(Usage, match="not finished") as told:
        place.export()
    assert "6 people" in told.value.message
    assert told.value.hint is not None and "--resume" in told.value.hint
    place.export(resume=True)
    assert len(place.ids()) == 8


def test_restart_begins_anew(place: Place) -> None:
    place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(4), facts={"--email": "a"})
    assert place.export(restart=True)[0] == Begun(0)
    assert len(place.ids()) == 8
    assert place.is_clean()


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"--email": "b@example.com"}, "--email (a@example.com, now b@example.com)"),
        ({}, "--email (a@example.com, now not given)"),
        (
            {"--email": "a@example.com", "--limit": "5"},
            "--limit (not given, now 5)",
        ),
    ],
)
def test_what_is_asked_for_otherwise_is_refused(
    place: Place, now: dict[str, str], told: str
) -> None:
    place.fullstory.crowd(8)
    then = {"--email": "a@example.com"}
    with pytest.raises(Killed):
        place.export(watch=dying(4), facts=then)
    with pytest.raises(Refused) as refused:
        place.export(resume=True, facts=now)
    assert told in refused.value.message
    place.export(resume=True, facts=then)
    assert len(place.ids()) == 8


def test_a_token_that_never_does_is_not_tried_for_ever(place: Place) -> None:
    place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(4))
    place.fullstory.expired = {"{} 6"}
    place.fullstory.asked_pages.clear()
    with pytest.raises(Refused, match="page_token"):
        place.export(resume=True)
    assert place.fullstory.asked_pages == ["{} 6", "", "{} 3", "{} 6"]


def test_with_an_expired_token_it_begins_again_says_so_and_doubles_nobody(place: Place) -> None:
    ids = place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(4))
    place.fullstory.expired = {"{} 6"}
    place.fullstory.asked_pages.clear()

    def forget_that_it_expired(when: str, _request: Request) -> None:
        if when == "after":
            place.fullstory.expired = set()

    events = place.export(resume=True, watch=forget_that_it_expired)
    [again] = [event for event in events if isinstance(event, StartedAgain)]
    assert "page token" in again.reason
    assert place.fullstory.asked_pages == ["{} 6", "", "{} 3", "{} 6"]
    assert place.ids() == ids


def test_trouble_that_is_no_token_s_is_no_reason_to_begin_again(place: Place) -> None:
    place.fullstory.crowd(8)

    def fail(_when: str, _request: Request) -> None:
        if len(place.fullstory.asked_pages) == 3:
            raise Unavailable("away")

    with pytest.raises(Unavailable):
        place.export(watch=fail)
    assert place.export(resume=True)[0] == Begun(6)


def test_a_page_whose_next_token_is_unreadable_is_fetched_again(place: Place) -> None:
    ids = place.fullstory.crowd(8)
    place.fullstory.odd_token_at = 3
    with pytest.raises(Unavailable, match="page token is not a text"):
        place.export()
    place.fullstory.odd_token_at = None
    assert place.export(resume=True)[0] == Begun(3)
    assert place.ids() == ids


def test_a_partial_file_that_is_gone_or_cut_begins_again(place: Place) -> None:
    ids = place.fullstory.crowd(8)
    for spoil in (Path.unlink, lambda path: os.truncate(path, 5)):
        with pytest.raises(Killed):
            place.export(watch=dying(4))
        spoil(place.partial)
        assert any(isinstance(event, StartedAgain) for event in place.export(resume=True))
        assert place.ids() == ids
        place.to.unlink()


@pytest.mark.parametrize("force", [False, True])
def test_what_is_finished_is_not_fetched_again_by_going_on(place: Place, force: bool) -> None:
    ids = place.fullstory.crowd(8)
    place.export()
    place.fullstory.asked_pages.clear()
    with pytest.raises(Usage, match=r"nothing to go on with: .* is whole"):
        place.export(resume=True, force=force)
    assert place.ids() == ids
    assert place.fullstory.asked_pages == []
    assert place.is_clean()


def test_a_page_that_leads_to_itself_ends_it_however_often_it_is_gone_on_with(
    place: Place,
) -> None:
    ids = place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(4))
    place.fullstory.loops_at = 6
    for _ in range(2):
        with pytest.raises(Unavailable, match="repeated a page token"):
            place.export(resume=True)
    place.fullstory.loops_at = None
    assert place.export(resume=True)[0] == Begun(6)
    assert place.ids() == ids


def test_with_nothing_to_go_on_with_resume_begins(place: Place) -> None:
    place.fullstory.crowd(4)
    assert isinstance(place.export(resume=True)[0], StartedAgain)
    assert len(place.ids()) == 4


def test_one_that_died_between_its_last_two_steps_is_found_finished(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsctl.bulk import export_state

    place.fullstory.crowd(4)
    forms: tuple[Form, ...] = ("jsonl", "csv")
    for form in forms:
        with monkeypatch.context() as patch:
            patch.setattr(export_state.Keeper, "forget", _die)
            with pytest.raises(Killed):
                place.export(form=form)
        place.fullstory.asked_pages.clear()
        assert place.export(form=form, resume=True) == [Finished(4, 0)]
        assert place.fullstory.asked_pages == []
        assert place.is_clean()
        place.to.unlink()


def test_a_state_that_is_damaged_is_told(place: Place) -> None:
    place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(4))
    [kept] = (place.state / "exports").iterdir()
    for text in (b"", b"{}", b"[]", b'{"export":', kept.read_bytes().replace(b"token", b"tok")):
        kept.write_bytes(text)
        with pytest.raises(Refused, match="damaged"):
            place.export(resume=True)
    place.export(restart=True)
    assert len(place.ids()) == 8


@pytest.mark.parametrize(
    "wrong",
    [
        {"offset": "x"}, {"offset": -5}, {"offset": None}, {"offset": 1.5}, {"people": None},
        {"people": -1}, {"facts": None}, {"facts": {"--limit": 5}}, {"token": 1}, {"left_out": "0"},
        {"complete": "yes"}, {"published": [1]}, {"published": ["a", "b"]}, {"more": 1},
        {"offset": 7}, {"people": 5}, {"offset": 0},
    ],
    ids=str,
)  # fmt: skip
def test_a_state_that_cannot_be_of_this_export_is_told_and_nothing_is_lost(
    place: Place, wrong: dict[str, Any]
) -> None:
    ids = place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(5))
    [kept] = (place.state / "exports").iterdir()
    fetched, state = place.partial.read_bytes(), kept.read_bytes()
    kept.write_text(json.dumps(json.loads(state) | wrong))
    with pytest.raises(Refused, match="is not used: it") as told:
        place.export(resume=True)
    assert told.value.code == "state"
    assert place.partial.read_bytes() == fetched
    kept.write_bytes(state)
    assert place.export(resume=True)[0] == Begun(6)
    assert place.ids() == ids


def test_the_state_holds_no_people_and_is_private(place: Place) -> None:
    place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(4))
    [kept] = (place.state / "exports").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert '"u1"' not in kept.read_text()


def test_one_that_dies_before_its_first_page_leaves_nothing(place: Place) -> None:
    place.fullstory.crowd(8)
    with pytest.raises(Killed):
        place.export(watch=dying(0))
    assert place.is_clean()


def test_stopping_to_look_keeps_what_was_done(place: Place) -> None:
    ids = place.fullstory.crowd(8)
    target = Target(place.to, "jsonl", {})
    events: Iterator[Event] = to_file(caller(place.fullstory), place.state, Wanted({}), target)
    while not isinstance(next(events), Fetched):
        pass
    events.close()  # type: ignore[attr-defined]
    assert place.export(resume=True)[0] == Begun(3)
    assert place.ids() == ids


# -- what of each person


def test_fields_pick_and_keep_their_places(place: Place) -> None:
    [user_id] = place.fullstory.crowd(1)
    place.fullstory.people[user_id] |= {
        "properties": {"plan": "team", "seats": 3, "city": {"zip": "01234", "name": "x"}},
        "schema": {"properties": {"plan": "str", "seats": "int", "city.zip": "str"}},
        "app_url": "https://app.fullstory.com/x",
    }
    fields = ("seats", "uid", "city.zip", "email", "app_url")
    place.export(wanted=Wanted({}, Choice.parse(fields)))
    assert json.loads(place.to.read_text()) == {
        "properties": {"seats": 3, "city": {"zip": "01234"}},
        "uid": "u0",
        "app_url": "https://app.fullstory.com/x",
        "schema": {"properties": {"seats": "int"}},
    }
    place.export(form="csv", force=True, wanted=Wanted({}, Choice.parse(fields)))
    assert place.to.read_text() == (
        "seats:int,uid,city.zip,email,app_url\n3,u0,01234,,https://app.fullstory.com/x\n"
    )


def test_without_ids_there_is_none(place: Place) -> None:
    place.fullstory.crowd(2)
    place.export(wanted=Wanted({}, Choice.parse((), with_ids=False)))
    assert '"id"' not in place.to.read_text()


@pytest.mark.parametrize("field", ["a-b", "properties.", "1st", "a..b", "", "pr\x00"])
def test_a_field_that_is_none_is_refused(field: str) -> None:
    with pytest.raises(Usage, match="no field of a person"):
        Choice.parse((field,))


def _die(*_: object) -> None:
    raise Killed
