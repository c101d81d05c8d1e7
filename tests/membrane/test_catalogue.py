"""Which connection it is and which actions it has, with as few requests as can be."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.errors import NeedsPerson
from fsctl.membrane.cache import Cache, MemoryCache
from fsctl.membrane.catalogue import Catalogue, SeveralConnections, find_action, normalised
from fsctl.membrane.gateway import Action, Connection
from tests.support.scripted_gateway import CONNECTION, ScriptedGateway, action

OTHER = Connection("6570c0ffee0123456789aaaa", "Slack", app="slack")
SECOND = Connection("6570c0ffee0123456789bbbb", "Fullstory EU", key="eu", app="fullstory")
TEST = Connection("6570c0ffee0123456789cccc", "Fullstory test", app="fullstory", test=True)
ARCHIVED = Connection(
    "6570c0ffee0123456789dddd", "Fullstory old", app="fullstory", archived=True, usable=False
)
UNREADY = Connection(
    "6570c0ffee0123456789eeee",
    "Fullstory new",
    key="new",
    app="fullstory",
    state="CLIENT_ACTION_REQUIRED",
    usable=False,
    client_action={"description": "Enter an API key.", "uiUrl": "https://ui.test/x"},
)
ANNOTATE = action("create-annotation", {"type": "object"})


class Shelf(MemoryCache):
    """A cache that forgets what is older than asked for, on a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._at: dict[str, float] = {}

    def get(self, key: str, *, max_age: float | None = None) -> Any | None:
        if max_age is not None and self.now - self._at.get(key, self.now) > max_age:
            return None
        return super().get(key, max_age=max_age)

    def set(self, key: str, value: Any) -> None:
        self._at[key] = self.now
        super().set(key, value)


def catalogue(
    *known: Connection, actions: tuple[Action, ...] = (), cache: Cache | None = None
) -> tuple[Catalogue, list[str]]:
    """A catalogue, and the list of what it asks."""
    gateway = ScriptedGateway(known=known, catalogue=actions)
    return Catalogue(gateway, cache or MemoryCache()), gateway.asked


# -- the connection


@pytest.mark.parametrize("wanted", [CONNECTION.id, "con_A1b2c3", "cnt_abcd"])
def test_an_id_is_taken_as_it_is_without_a_request(wanted: str) -> None:
    it, asked = catalogue(OTHER)
    assert it.connection_id(wanted) == wanted
    assert asked == []


@pytest.mark.parametrize("wanted", [SECOND.key, SECOND.name, "fullstory eu"])
def test_a_key_or_a_name_is_looked_up_once(wanted: str) -> None:
    it, asked = catalogue(CONNECTION, SECOND, OTHER)
    assert [it.connection_id(wanted), it.connection_id(wanted)] == [SECOND.id] * 2
    assert asked == ["connections"]


def test_a_key_goes_before_a_name_and_a_name_before_its_casefold() -> None:
    by_key = Connection("k", "something", key="Work")
    by_name = Connection("n", "Work")
    by_case = Connection("c", "WORK")
    assert catalogue(by_case, by_name, by_key)[0].connection_id("Work") == "k"
    assert catalogue(by_case, by_name)[0].connection_id("Work") == "n"
    assert catalogue(by_case)[0].connection_id("Work") == "c"


def test_an_odd_id_of_a_connection_that_exists_is_found_in_the_list() -> None:
    it, asked = catalogue(Connection("id-of-another-form", "x"))
    assert it.connection_id("id-of-another-form") == "id-of-another-form"
    assert asked == ["connections"]


def test_the_only_fullstory_connection_is_taken() -> None:
    it, asked = catalogue(OTHER, CONNECTION, TEST, ARCHIVED, UNREADY)
    assert [it.connection_id(None), it.connection_id(None)] == [CONNECTION.id] * 2
    assert asked == ["connections"]


@pytest.mark.parametrize(
    "connection",
    [
        Connection("a", "whatever", app="fullstory"),
        Connection("a", "whatever", key="my-FullStory-key"),
        Connection("a", "Our Full Story"),
    ],
)
def test_fullstory_is_known_by_app_key_or_name_in_any_case(connection: Connection) -> None:
    assert catalogue(OTHER, connection)[0].connection_id(None) == "a"


def test_several_without_a_choice_are_listed_and_carried_for_a_chooser() -> None:
    it, _ = catalogue(CONNECTION, SECOND, TEST, ARCHIVED, UNREADY, OTHER)
    with pytest.raises(SeveralConnections) as ended:
        it.connection_id(None)
    assert ended.value.exit_code == 4
    assert ended.value.code == "several_connections"
    assert ended.value.connections == (CONNECTION, SECOND)
    assert ended.value.message == (
        "There are 2 Fullstory connections: "
        "6570c0ffee0123456789abcd ('Fullstory', READY), "
        "6570c0ffee0123456789bbbb ('Fullstory EU', state unknown)."
    )
    assert "--connection" in (ended.value.hint or "")


def test_a_name_that_several_have_is_no_choice() -> None:
    twins = (Connection("a", "Work"), Connection("b", "Work"))
    with pytest.raises(SeveralConnections) as ended:
        catalogue(*twins)[0].connection_id("Work")
    assert ended.value.connections == twins


def test_a_long_list_is_cut_and_hostile_names_are_escaped() -> None:
    many = [Connection(f"c{n}", f"Fullstory \x1b[31m{n}\u202e") for n in range(12)]
    with pytest.raises(SeveralConnections) as ended:
        catalogue(*many)[0].connection_id(None)
    assert ended.value.message.endswith("and 2 more.")
    assert ended.value.message.isprintable()


@pytest.mark.parametrize("wanted", [None, "new", "Fullstory new"])
def test_an_unready_connection_is_told_with_its_state_and_where_to_go(wanted: str | None) -> None:
    with pytest.raises(NeedsPerson) as ended:
        catalogue(UNREADY, OTHER)[0].connection_id(wanted)
    assert ended.value.code == "connection_not_ready"
    assert ended.value.message == (
        "The connection 'Fullstory new' (6570c0ffee0123456789eeee) is not ready: "
        "CLIENT_ACTION_REQUIRED, Enter an API key."
    )
    assert ended.value.hint == (
        "Open https://ui.test/x to finish it, "
        "then run `fsctl connections wait 6570c0ffee0123456789eeee`."
    )


def test_a_ready_one_that_is_disconnected_is_not_told_as_ready() -> None:
    cut = Connection("a", "Fullstory", state="READY", usable=False, error="Key revoked.")
    with pytest.raises(NeedsPerson, match=r"not ready: disconnected, Key revoked\.$"):
        catalogue(cut)[0].connection_id(None)


def test_several_unready_ones_are_listed() -> None:
    other = Connection("b", "Fullstory b", state="BUILDING", usable=False)
    with pytest.raises(NeedsPerson) as ended:
        catalogue(UNREADY, other)[0].connection_id(None)
    assert "None of the 2 Fullstory connections is ready" in ended.value.message
    assert "BUILDING" in ended.value.message


@pytest.mark.parametrize("known", [(), (OTHER,), (TEST,), (ARCHIVED,), (TEST, ARCHIVED, OTHER)])
def test_without_any_a_person_must_create_one(known: tuple[Connection, ...]) -> None:
    with pytest.raises(NeedsPerson) as ended:
        catalogue(*known)[0].connection_id(None)
    assert ended.value.code == "no_connection"
    assert "fsctl connections create --wait" in (ended.value.hint or "")


def test_a_test_connection_can_be_named() -> None:
    assert catalogue(TEST)[0].connection_id("Fullstory test") == TEST.id


def test_a_wrong_name_is_told_with_those_there_are() -> None:
    with pytest.raises(NeedsPerson) as ended:
        catalogue(CONNECTION, OTHER)[0].connection_id("prod")
    assert ended.value.message == "No connection has the id, key or name 'prod'."
    assert CONNECTION.id in (ended.value.hint or "")
    assert OTHER.id not in (ended.value.hint or "")


@pytest.mark.parametrize("wanted", ["Slack", "slack"])
def test_another_apps_connection_is_refused_by_name(wanted: str) -> None:
    made, asked = catalogue(OTHER, CONNECTION)
    with pytest.raises(NeedsPerson, match=r"'Slack' .* is one of the app 'slack', not of F") as no:
        made.connection_id(wanted)
    assert (no.value.code, asked) == ("not_fullstory", ["connections"])


def test_another_apps_connection_is_refused_by_id_where_its_actions_tell() -> None:
    foreign = action("send-message")._replace(app="slack")
    made, asked = catalogue(OTHER, actions=(foreign,))
    assert made.connection_id(OTHER.id) == OTHER.id
    for _ in range(2):
        with pytest.raises(NeedsPerson, match="is one of the app 'slack'"):
            made.action(OTHER.id, "create-annotation")
    assert len(asked) == 4, "and that is not remembered"


def test_a_connection_that_is_called_fullstory_may_be_of_an_app_that_is_not() -> None:
    own = Connection(OTHER.id, "Our Full Story", app="made-by-us")
    made, _ = catalogue(own, actions=(ANNOTATE._replace(app="made-by-us"),))
    assert made.connection_id("our full story") == own.id
    assert made.action(own.id, "create-annotation") is not None


def test_a_connection_whose_app_nobody_tells_is_taken_by_name() -> None:
    made, _ = catalogue(Connection(OTHER.id, "Ours"))
    assert made.connection_id("Ours") == OTHER.id


def test_a_failed_look_up_is_not_remembered() -> None:
    cache = MemoryCache()
    with pytest.raises(NeedsPerson):
        catalogue(cache=cache)[0].connection_id(None)
    assert catalogue(CONNECTION, cache=cache)[0].connection_id(None) == CONNECTION.id


def test_choices_are_remembered_apart() -> None:
    cache = MemoryCache()
    it, _ = catalogue(CONNECTION, SECOND, cache=cache)
    assert it.connection_id("eu") == SECOND.id
    assert it.connection_id("Fullstory") == CONNECTION.id


# -- the actions


def test_cold_it_is_one_request_and_warm_none() -> None:
    cache = MemoryCache()
    it, asked = catalogue(actions=(ANNOTATE,), cache=cache)
    assert it.action("c", "create-annotation") == ANNOTATE
    again, asked_again = catalogue(actions=(ANNOTATE,), cache=cache)
    assert again.action("c", "create-annotation") == ANNOTATE
    assert (asked, asked_again) == (["actions of c"], [])


def test_what_is_remembered_is_whole() -> None:
    whole = Action("a1", "Create", "create", "Does it.", {"type": "object"}, {"type": "array"})
    it, asked = catalogue(actions=(whole,))
    assert [it.action("c", "create"), it.action("c", "create")] == [whole, whole]
    assert len(asked) == 1


def test_connections_do_not_share_their_actions() -> None:
    it, asked = catalogue(actions=(ANNOTATE,))
    it.action("c", "create-annotation")
    it.action("d", "create-annotation")
    assert asked == ["actions of c", "actions of d"]


def test_what_is_old_is_asked_for_anew() -> None:
    cache = Shelf()
    it, asked = catalogue(actions=(ANNOTATE,), cache=cache)
    for seconds in (0, 599, 2, 600):
        cache.now += seconds
        assert it.action("c", "create-annotation") == ANNOTATE
    assert len(asked) == 2


def test_a_missing_action_is_asked_for_anew_and_then_remembered_as_missing() -> None:
    cache = Shelf()
    it, asked = catalogue(actions=(ANNOTATE,), cache=cache)
    it.action("c", "create-annotation")
    assert [it.action("c", "list-users"), it.action("c", "list-users")] == [None, None]
    assert len(asked) == 2, "the list was old, so it was asked for again, once"
    cache.now += 601
    assert it.action("c", "list-users") is None
    assert len(asked) == 3


def test_an_action_that_appears_is_found() -> None:
    cache = MemoryCache()
    it, _ = catalogue(actions=(), cache=cache)
    assert it.action("c", "create-annotation") is None
    it, _ = catalogue(actions=(ANNOTATE,), cache=cache)
    it.actions("c")
    assert it.action("c", "create-annotation") == ANNOTATE


def test_what_is_forgotten_is_asked_for() -> None:
    it, asked = catalogue(CONNECTION, SECOND, actions=(ANNOTATE,))
    for _ in range(2):
        connection_id = it.connection_id("eu")
        it.action(connection_id, "create-annotation")
        it.forget(connection_id)
    assert asked == ["connections", f"actions of {SECOND.id}"] * 2


@pytest.mark.parametrize("junk", [{}, {"id": "a"}, "text", 7, [7], [{"id": "a"}], [None], [["id"]]])
def test_what_another_version_left_in_the_cache_is_asked_for_anew(junk: Any) -> None:
    cache = MemoryCache()
    it, asked = catalogue(actions=(ANNOTATE,), cache=cache)
    it.action("c", "create-annotation")
    (key,) = cache._values
    cache.set(key, junk)
    assert it.action("c", "create-annotation") == ANNOTATE
    assert len(asked) == 2


def test_a_connection_that_is_no_text_in_the_cache_is_asked_for_anew() -> None:
    cache = MemoryCache()
    it, asked = catalogue(CONNECTION, cache=cache)
    it.connection_id(None)
    (key,) = cache._values
    cache.set(key, {"id": 7})
    assert it.connection_id(None) == CONNECTION.id
    assert len(asked) == 2


def test_an_action_is_found_by_key_then_id_then_name() -> None:
    by_key = Action("1", "Something", "list-users")
    by_id = Action("list-users", "Else", "other")
    keyless = Action("3", "List  users!")
    by_name = Action("4", "List Users", "another-key")
    everything = [by_name, keyless, by_id, by_key]
    for expected in (by_key, by_id, keyless, by_name):
        assert find_action(everything, "list-users") == expected
        everything.remove(expected)
    assert find_action([], "list-users") is None


def test_a_name_without_latin_letters_is_nobodys() -> None:
    assert find_action([Action("1", "ユーザー一覧")], "作成") is None


@pytest.mark.parametrize(
    ("name", "kebab"),
    [("Create Annotation", "create-annotation"), ("  list_users ", "list-users"), ("--", "")],
)
def test_names_are_compared_in_kebab_case(name: str, kebab: str) -> None:
    assert normalised(name) == kebab
