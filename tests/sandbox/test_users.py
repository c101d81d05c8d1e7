from __future__ import annotations

from typing import Any

import pytest

from tests.support.fullstory import Fullstory


@pytest.fixture
def fullstory() -> Fullstory:
    return Fullstory(page_size=3)


def _listed(fullstory: Fullstory, **query: str) -> list[str]:
    page = fullstory.ok("GET", "/v2/users", **query)
    return [user.get("uid", user["id"]) for user in page["results"]]


def test_a_create_with_a_known_uid_updates_that_user(fullstory: Fullstory) -> None:
    first = fullstory.user(uid="ada", display_name="Ada", email="ada@example.com")
    second = fullstory.user(uid="ada", email="a.l@example.com")
    assert first == second
    person = fullstory.person(first)
    assert (person["display_name"], person["email"]) == ("Ada", "a.l@example.com")
    assert fullstory.ok("GET", "/v2/users")["total_records"] == "1"


@pytest.mark.parametrize("body", [{}, {"uid": ""}, {"uid": None}])
def test_a_create_without_uid_makes_a_new_anonymous_user(
    fullstory: Fullstory, body: dict[str, Any]
) -> None:
    assert fullstory.user(**body) != fullstory.user(**body)


def test_ids_are_strings_of_digits(fullstory: Fullstory) -> None:
    assert fullstory.user(uid="ada").isdigit()


def test_the_answer_to_a_create_holds_the_id_alone(fullstory: Fullstory) -> None:
    assert set(fullstory.ok("POST", "/v2/users", {"uid": "ada"})) == {"id"}


def test_fields_that_were_never_given_are_absent(fullstory: Fullstory) -> None:
    person = fullstory.person(fullstory.user())
    assert set(person) == {"id", "is_being_deleted", "properties", "app_url"}


def test_a_uid_cannot_be_changed(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="ada")
    status, code, message = fullstory.refused("POST", f"/v2/users/{user_id}", {"uid": "eda"})
    assert (status, code) == (400, "invalid_argument")
    assert "uid" in message
    assert fullstory.ok("POST", f"/v2/users/{user_id}", {"uid": "ada"}) == {"id": user_id}


def test_an_anonymous_user_can_be_given_a_free_uid(fullstory: Fullstory) -> None:
    taken, anonymous = fullstory.user(uid="ada"), fullstory.user(display_name="Somebody")
    assert fullstory.refused("POST", f"/v2/users/{anonymous}", {"uid": "ada"})[0] == 400
    fullstory.ok("POST", f"/v2/users/{anonymous}", {"uid": "grace"})
    assert fullstory.person(anonymous)["uid"] == "grace"
    assert fullstory.person(taken)["uid"] == "ada"


def test_properties_are_merged_deeply_and_nulls_change_nothing(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="ada", properties={"plan": "free", "at": {"city": "London"}})
    update = {"properties": {"plan": None, "seats": 2, "at": {"zip": "01768"}}}
    fullstory.ok("POST", f"/v2/users/{user_id}", update)
    assert fullstory.person(user_id)["properties"] == {
        "plan": "free",
        "seats": 2,
        "at": {"city": "London", "zip": "01768"},
    }


def test_the_types_of_a_replaced_object_go_with_it(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="ada", properties={"at": {"city": "London"}, "n": 1})
    fullstory.user(uid="ada", properties={"at": "home"})
    person = fullstory.person(user_id, include_schema="true")
    assert person["properties"] == {"at": "home", "n": 1}
    assert person["schema"] == {"properties": {"at": "str", "n": "real"}}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_id_is_not_found(fullstory: Fullstory, method: str) -> None:
    body: dict[str, Any] | None = {} if method == "POST" else None
    assert fullstory.refused(method, "/v2/users/404", body)[:2] == (404, "resource_not_found")


@pytest.mark.parametrize(("field", "most"), [("uid", 256), ("display_name", 256), ("email", 128)])
def test_fields_are_limited_in_characters_not_bytes(
    fullstory: Fullstory, field: str, most: int
) -> None:
    fullstory.user(**{field: "ż" * most})
    status, code, message = fullstory.refused("POST", "/v2/users", {field: "x" * (most + 1)})
    assert (status, code) == (400, "invalid_argument")
    assert field in message
    assert str(most) in message


@pytest.mark.parametrize(
    "properties",
    [
        {"1st": "x"},
        {"_x": "x"},
        {"a-b": "x"},
        {"a b": "x"},
        {"": "x"},
        {"ok": {"naïve": "x"}},
        {"a" * 513: "x"},
        {"a" * 256: {"b" * 256: "x"}},
        {"big": "x" * 8193},
        {"big": "ż" * 4097},
        {"big": ["x" * 8192]},
        {"list": [{"a": 1}]},
        {"list": [[1]]},
        {f"p{number}": 1 for number in range(501)},
        [],
        "x",
    ],
)
def test_properties_that_break_a_rule_are_refused(fullstory: Fullstory, properties: Any) -> None:
    error = fullstory.refused("POST", "/v2/users", {"uid": "ada", "properties": properties})
    assert error[:2] == (400, "invalid_argument")
    assert _listed(fullstory) == []


def test_properties_at_their_limits_are_taken(fullstory: Fullstory) -> None:
    properties: dict[str, Any] = {f"p{number}": number for number in range(497)}
    properties |= {"a" * 512: "x", "b" * 255: {"c" * 256: "x"}, "big": "x" * 8192}
    user_id = fullstory.user(uid="ada", properties=properties)
    assert fullstory.person(user_id)["properties"] == properties


def test_the_500_properties_are_counted_over_all_updates(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="ada", properties={f"p{number}": 1 for number in range(500)})
    more = {"properties": {"one_more": 1}}
    assert fullstory.refused("POST", f"/v2/users/{user_id}", more)[0] == 400
    assert "one_more" not in fullstory.person(user_id)["properties"]


def test_types_are_inferred_every_number_as_real(fullstory: Fullstory) -> None:
    properties = {
        "plan": "paid",
        "trial": True,
        "days": 2,
        "spent": 14.5,
        "tags": ["a"],
        "scores": [1, 2.5],
        "flags": [True],
        "mixed": [1, "a"],
        "nothing": [],
        "since": "2026-01-01T00:00:00Z",
        "at": {"zip": "01768"},
    }
    person = fullstory.person(fullstory.user(properties=properties), include_schema="true")
    assert person["schema"]["properties"] == {
        "plan": "str",
        "trial": "bool",
        "days": "real",
        "spent": "real",
        "tags": "strs",
        "scores": "reals",
        "flags": "bools",
        "mixed": "strs",
        "nothing": "strs",
        "since": "str",
        "at.zip": "str",
    }
    assert "type_conflicts" not in person


def test_a_declared_type_overrides_the_inferred_one(fullstory: Fullstory) -> None:
    user_id = fullstory.user(
        properties={"days": 2, "at": {"code": 7}},
        schema={"properties": {"days": "int", "at.code": "int"}},
    )
    schema = fullstory.person(user_id, include_schema="true")["schema"]
    assert schema == {"properties": {"days": "int", "at.code": "int"}}


def test_an_unknown_type_name_is_refused(fullstory: Fullstory) -> None:
    body = {"properties": {"days": 2}, "schema": {"properties": {"days": "integer"}}}
    assert fullstory.refused("POST", "/v2/users", body)[:2] == (400, "invalid_argument")


def test_a_property_with_two_types_in_the_organisation_is_a_conflict(fullstory: Fullstory) -> None:
    one = fullstory.user(uid="one", properties={"seats": 3})
    fullstory.user(uid="two", properties={"seats": "three"})
    person = fullstory.person(one, include_schema="true")
    assert person["type_conflicts"] == {"properties": {"seats": ["real", "str"]}}


def test_without_include_schema_there_is_no_schema(fullstory: Fullstory) -> None:
    person = fullstory.person(fullstory.user(properties={"a": 1}), include_schema="false")
    assert "schema" not in person


def test_lists_are_filtered_by_every_filter_given(fullstory: Fullstory) -> None:
    fullstory.user(uid="ada", email="Ada@example.com", display_name="Ada Lovelace")
    fullstory.user(uid="eda", email="ada@example.com", display_name="Eda Łove")
    anonymous = fullstory.user(display_name="Nobody")
    assert _listed(fullstory, uid="ada") == ["ada"]
    assert _listed(fullstory, uid="ad") == []
    assert _listed(fullstory, email="ADA@EXAMPLE.COM") == ["ada", "eda"]
    assert _listed(fullstory, email="ada@example.co") == []
    assert _listed(fullstory, display_name="ŁOVE") == ["eda"]
    assert _listed(fullstory, email="ada@example.com", uid="eda") == ["eda"]
    assert _listed(fullstory, is_identified="true") == ["ada", "eda"]
    assert _listed(fullstory, is_identified="false") == [anonymous]


def test_filters_are_values_not_patterns(fullstory: Fullstory) -> None:
    fullstory.user(uid="ada", display_name="Ada")
    for value in ("%", "_da", "' OR 1 --", '"'):
        assert _listed(fullstory, uid=value) == []
        assert _listed(fullstory, display_name=value) == []


def test_a_list_is_paged_by_tokens(fullstory: Fullstory) -> None:
    for number in range(7):
        fullstory.user(uid=f"u{number}")
    seen, sizes, token = [], [], ""
    while True:
        page = fullstory.ok("GET", "/v2/users", page_token=token)
        assert page["total_records"] == "7"
        sizes.append(len(page["results"]))
        seen += [user["uid"] for user in page["results"]]
        if "next_page_token" not in page:
            break
        token = page["next_page_token"]
    assert seen == [f"u{number}" for number in range(7)]
    assert sizes == [3, 3, 1]


def test_a_full_last_page_has_no_token(fullstory: Fullstory) -> None:
    for number in range(3):
        fullstory.user(uid=f"u{number}")
    assert "next_page_token" not in fullstory.ok("GET", "/v2/users")


def test_a_page_token_belongs_to_its_filters(fullstory: Fullstory) -> None:
    for number in range(4):
        fullstory.user(uid=f"u{number}")
    token = fullstory.ok("GET", "/v2/users")["next_page_token"]
    error = fullstory.refused("GET", "/v2/users", page_token=token, is_identified="true")
    assert error[:2] == (400, "invalid_argument")


@pytest.mark.parametrize("token", ["x", "====", "bnVsbA==", "WzFd", "ünïcode", "[" * 50_000])
def test_a_broken_page_token_is_refused(fullstory: Fullstory, token: str) -> None:
    assert fullstory.refused("GET", "/v2/users", page_token=token)[0] == 400


def test_an_empty_list_has_an_empty_page(fullstory: Fullstory) -> None:
    page = fullstory.ok("GET", "/v2/users", uid="nobody")
    assert (page["results"], page["total_records"]) == ([], "0")


def test_a_boolean_filter_has_to_be_one(fullstory: Fullstory) -> None:
    assert fullstory.refused("GET", "/v2/users", is_identified="perhaps")[0] == 400


def test_a_deletion_takes_its_time(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="ada")
    assert fullstory.ok("DELETE", f"/v2/users/{user_id}") == {}
    assert fullstory.person(user_id)["is_being_deleted"] is True
    assert _listed(fullstory, uid="ada") == ["ada"]
    fullstory.clock.advance(4.9)
    assert fullstory.person(user_id)["is_being_deleted"] is True
    fullstory.clock.advance(0.2)
    assert fullstory.refused("GET", f"/v2/users/{user_id}")[0] == 404
    assert _listed(fullstory) == []


def test_asking_again_does_not_put_a_deletion_off(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="ada")
    fullstory.ok("DELETE", f"/v2/users/{user_id}")
    fullstory.clock.advance(4)
    assert fullstory.ok("DELETE", f"/v2/users/{user_id}") == {}
    fullstory.clock.advance(1)
    assert fullstory.refused("DELETE", f"/v2/users/{user_id}")[0] == 404


def test_a_deletion_by_uid_is_the_same(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="a/da@example.com?")
    assert fullstory.ok("DELETE", "/v2/users", uid="a/da@example.com?") == {}
    assert fullstory.person(user_id)["is_being_deleted"] is True
    assert fullstory.ok("DELETE", "/v2/users", uid="a/da@example.com?") == {}
    fullstory.clock.advance(6)
    assert fullstory.refused("DELETE", "/v2/users", uid="a/da@example.com?")[0] == 404


def test_a_deletion_needs_an_id_or_a_uid(fullstory: Fullstory) -> None:
    error = fullstory.refused("DELETE", "/v2/users")
    assert error == (400, "required_field", "uid is required")


def test_a_user_being_deleted_is_not_written_any_more(fullstory: Fullstory) -> None:
    user_id = fullstory.user(uid="ada")
    fullstory.ok("DELETE", f"/v2/users/{user_id}")
    assert fullstory.refused("POST", f"/v2/users/{user_id}", {"email": "x@y.z"})[0] == 404
    reborn = fullstory.user(uid="ada")
    assert reborn != user_id
    fullstory.clock.advance(6)
    assert _listed(fullstory) == ["ada"]
    assert fullstory.person(reborn)["is_being_deleted"] is False


def test_the_beta_paths_are_the_same_api(fullstory: Fullstory) -> None:
    user_id = fullstory.ok("POST", "/v2beta/users", {"uid": "ada"})["id"]
    assert fullstory.person(user_id) == fullstory.ok("GET", f"/v2beta/users/{user_id}")
