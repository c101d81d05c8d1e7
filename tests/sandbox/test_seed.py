from __future__ import annotations

import sqlite3
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from fsctl.fullstory.limits import DISPLAY_NAME_MAX
from fsctl.sandbox import seed as seed_module
from fsctl.sandbox.seed import seed, seed_if_empty
from fsctl.sandbox.show import summary
from fsctl.sandbox.store import Store
from tests.support.fullstory import NOW, Fullstory, seeded, still_clock


@pytest.fixture(scope="module")
def fullstory() -> Fullstory:
    return seeded(people=300)


@pytest.fixture(scope="module")
def people(fullstory: Fullstory) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        page = fullstory.ok("GET", "/v2/users", page_token=token)
        found += page["results"]
        token = page.get("next_page_token", "")
        if not token:
            return found


def _content(store: Store) -> list[tuple[object, ...]]:
    tables = ("users", "sessions", "events", "annotations", "segments", "property_types")
    with store.connection() as db:
        return [
            tuple(row)
            for table in tables
            for row in db.execute(f"SELECT * FROM {table}").fetchall()
        ]


def test_the_same_number_gives_the_same_company_all_day() -> None:
    morning, evening = Store(None, clock=still_clock()), Store(None, clock=still_clock())
    evening.clock.advance(12 * 3600)
    assert seed(morning, seed=5, people=50) == seed(evening, seed=5, people=50)
    assert _content(morning) == _content(evening)


def test_another_number_gives_another_company() -> None:
    one, two = Store(None, clock=still_clock()), Store(None, clock=still_clock())
    seed(one, seed=1, people=50)
    seed(two, seed=2, people=50)
    assert _content(one) != _content(two)


def test_seeding_again_replaces_everything() -> None:
    fullstory = seeded(people=50)
    before = _content(fullstory.store)
    fullstory.user(uid="extra")
    fullstory.ok("POST", "/v2/annotations", {"text": "extra"})
    fullstory.ok("POST", "/v2/users/batch", {"requests": [{}]}, key="k")
    seed(fullstory.store, people=50)
    # only the row numbers go on, so that no page token of the past fits by accident
    assert len(_content(fullstory.store)) == len(before)
    assert fullstory.ok("GET", "/v2/users", uid="extra")["total_records"] == "0"
    assert summary(fullstory.store)["counts"]["jobs"] == 0


def test_the_report_counts_what_is_there(fullstory: Fullstory) -> None:
    store = Store(None, clock=still_clock())
    report = seed(store)
    counts = summary(store)["counts"]
    assert (report.people, report.sessions) == (counts["users"], counts["sessions"])
    assert report.people == 300
    assert report.server_events == counts["server_events"] > 0
    assert report.annotations == counts["annotations"] > 0
    assert report.segments == counts["segments"] > 0
    assert report.base == "2026-03-01T00:00:00.000Z"


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_company_can_be_smaller_than_its_characters(count: int) -> None:
    store = Store(None, clock=still_clock())
    assert seed(store, people=count).people == count
    assert summary(store)["counts"]["users"] == count


def test_a_new_store_seeds_itself_once() -> None:
    store = Store(None, clock=still_clock())
    assert seed_if_empty(store) is not None
    assert seed_if_empty(store) is None


def test_a_store_in_use_is_never_seeded_by_itself() -> None:
    fullstory = Fullstory()
    fullstory.user(uid="mine")
    assert seed_if_empty(fullstory.store) is None
    assert summary(fullstory.store)["counts"]["users"] == 1


def test_a_seeded_store_that_was_emptied_stays_empty() -> None:
    fullstory = Fullstory()
    seed(fullstory.store, people=1)
    fullstory.ok("DELETE", "/v2/users", uid="ada")
    fullstory.clock.advance(60)
    fullstory.ok("GET", "/v2/users")
    assert seed_if_empty(fullstory.store) is None
    assert summary(fullstory.store)["counts"]["users"] == 0


def test_processes_that_seed_at_once_seed_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from fsctl.sandbox.store import Store; from fsctl.sandbox.seed import seed_if_empty\n"
        "print(seed_if_empty(Store(Path(sys.argv[1]))) is not None)\n"
    )
    path = tmp_path / "sandbox.db"
    children = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    answers = [child.communicate(timeout=60)[0].strip() for child in children]
    assert sorted(answers) == [b"False", b"False", b"True"]


def test_a_store_that_another_process_seeds_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = (Store(tmp_path / "sandbox.db", clock=still_clock()) for _ in range(2))
    looked = seed_module._is_empty

    def overtaken(db: sqlite3.Connection) -> bool:
        monkeypatch.setattr(seed_module, "_is_empty", looked)
        answer = looked(db)
        seed(other, seed=9, people=1)
        return answer

    monkeypatch.setattr(seed_module, "_is_empty", overtaken)
    assert seed_if_empty(mine) is None
    assert summary(mine)["seed"] == 9
    mine.close()
    other.close()


def test_sessions_lie_in_the_thirty_days_before_today(fullstory: Fullstory) -> None:
    with fullstory.store.connection() as db:
        first, last = db.execute("SELECT min(started), max(ended) FROM sessions").fetchone()
    assert first > NOW - 31 * 86_400
    assert NOW - 86_400 < last < NOW


def test_ada_lovelace_is_at_home(fullstory: Fullstory) -> None:
    (ada,) = fullstory.ok("GET", "/v2/users", email="ada@example.com")["results"]
    assert (ada["uid"], ada["display_name"]) == ("ada", "Ada Lovelace")
    assert ada["properties"]["plan"] == "business"
    assert ada["properties"]["company"]["address"]["zip"].isdigit()


def test_most_people_are_identified_and_some_are_not(people: list[dict[str, Any]]) -> None:
    anonymous = [person for person in people if "uid" not in person]
    assert len(people) == 300
    assert 15 < len(anonymous) < 75
    assert all("email" not in person for person in anonymous)


def test_ids_are_long_digits_and_unique(people: list[dict[str, Any]]) -> None:
    ids = {person["id"] for person in people}
    assert len(ids) == 300
    assert all(user_id.isdigit() for user_id in ids)
    assert any(int(user_id) > 2**63 for user_id in ids)


def test_the_traps_for_those_who_trust_uid_and_email_are_there(
    fullstory: Fullstory, people: list[dict[str, Any]]
) -> None:
    by_id = {person["id"]: person for person in people}
    uids = [person["uid"] for person in people if "uid" in person]
    assert [by_id[uid]["uid"] for uid in uids if uid in by_id] == ["mei"]
    claimed = fullstory.ok("GET", "/v2/users", email="office@studio.example")
    assert claimed["total_records"] == "2"
    assert fullstory.ok("GET", "/v2/users", uid="billing@example.org")["total_records"] == "1"
    assert fullstory.ok("GET", "/v2/users", email="billing@example.org")["total_records"] == "0"


def test_names_come_in_many_scripts_and_lengths(people: list[dict[str, Any]]) -> None:
    names = [person["display_name"] for person in people if "display_name" in person]
    letters = {letter for name in names for letter in name}
    for script in ("CYRILLIC", "GREEK", "ARABIC", "HEBREW", "CJK", "HANGUL", "DEVANAGARI", "THAI"):
        assert any(script in unicodedata.name(letter, "") for letter in letters), script
    assert "Seán O'Brien" in names
    assert "🎉" in letters
    assert 200 < max(map(len, names)) <= DISPLAY_NAME_MAX


def test_one_name_is_hostile_to_terminals_spreadsheets_and_ci(fullstory: Fullstory) -> None:
    (mallory,) = fullstory.ok("GET", "/v2/users", uid="mallory")["results"]
    for poison in ("=cmd", "\x1b[31", "\x1b]0;", "::error::", "\u202e"):
        assert poison in mallory["display_name"]


def test_one_property_has_two_types(fullstory: Fullstory) -> None:
    (otto,) = fullstory.ok("GET", "/v2/users", uid="otto", include_schema="true")["results"]
    assert otto["type_conflicts"] == {"properties": {"seats": ["int", "str"]}}


def test_declared_types_of_the_seed_are_kept(fullstory: Fullstory) -> None:
    (ada,) = fullstory.ok("GET", "/v2/users", uid="ada", include_schema="true")["results"]
    types = ada["schema"]["properties"]
    assert (types["seats"], types["signed_up"], types["monthly_total"]) == ("int", "date", "real")


def test_everything_seeded_obeys_the_rules_for_requests(people: list[dict[str, Any]]) -> None:
    fresh = Fullstory()
    requests = [
        {name: person[name] for name in ("uid", "display_name", "email", "properties")}
        for person in people
        if len(person) == 7
    ]
    fresh.ok("POST", "/v2/users/batch", {"requests": requests})
    (job,) = summary(fresh.store)["jobs"]
    assert (job["imports"], job["errors"]) == (len(requests), 0)
    assert len(requests) > 200


def test_a_summary_tells_what_stands_in_the_sandbox(tmp_path: Path) -> None:
    fullstory = Fullstory(tmp_path / "sandbox.db")
    seed(fullstory.store, seed=9, people=20)
    fullstory.ok("DELETE", "/v2/users", uid="ada")
    fullstory.ok("POST", "/v2/users/batch", {"requests": [{"uid": "x"}, {"id": "404"}]})
    shown = summary(fullstory.store)
    assert shown["path"] == str(tmp_path / "sandbox.db")
    assert shown["clock"] == "2026-03-01T09:00:00.000Z"
    assert shown["seed"] == 9
    assert shown["counts"]["users_being_deleted"] == 1
    assert shown["jobs"][0]["status"] == "PROCESSING"
    fullstory.clock.advance(60)
    shown = summary(fullstory.store)
    assert shown["jobs"][0]["status"] == "FAILED"
    assert shown["counts"]["users"] == 20  # ada is gone, x has come
    fullstory.store.close()


def test_a_summary_of_a_new_store_is_empty() -> None:
    shown = summary(Store(None, clock=still_clock()))
    assert (shown["path"], shown["seed"], shown["annotations"], shown["jobs"]) == (
        None,
        None,
        [],
        [],
    )
