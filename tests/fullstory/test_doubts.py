"""What Fullstory may take otherwise than it is meant."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.fullstory.doubts import doubts


@pytest.mark.parametrize(
    "properties",
    [
        {"seats_int": 5}, {"plan_str": "x"}, {"tags_strs": ["a"]}, {"is_real": True},
        {"company": {"founded_date": "2024-01-01"}},
    ],
)  # fmt: skip
def test_a_name_that_ends_like_those_of_the_first_api_is_doubted(properties: Any) -> None:
    [told] = doubts(properties)
    assert "ends like a name of Fullstory's first API" in told
    assert "--schema" in told


@pytest.mark.parametrize("mixed", [[1, "a"], [True, 1], ["a", None, 2.5]])
def test_an_array_of_several_types_is_doubted(mixed: Any) -> None:
    [told] = doubts({"a": {"b": mixed}})
    assert told.startswith("the property 'a.b' holds values of several types")


@pytest.mark.parametrize(
    "properties",
    [
        {}, {"plan": "x"}, {"int": 5}, {"blueprint": 1}, {"print": 1}, {"a_int": {}},
        {"int_total": 1}, {"a": [1, 2.5, None]}, {"a": ["x"], "b": []},
    ],
)  # fmt: skip
def test_the_rest_is_not(properties: Any) -> None:
    assert doubts(properties) == []


def test_many_of_a_sort_are_one_sentence_that_names_the_first() -> None:
    [told] = doubts({f"p{number}_int": number for number in range(8)})
    assert told.startswith("the properties 'p0_int', 'p1_int', 'p2_int', 'p3_int', 'p4_int'")
    assert "and 3 more end like" in told
