"""Whoever a ticket speaks of: exact matches first, similar ones apart, and what was tried."""

from __future__ import annotations

from typing import Any

import pytest

from fsctl.errors import Unavailable, Usage
from fsctl.fullstory.finding import PAGES_MOST, SIMILAR_MOST, Matches, bare, find, looks_for
from tests.fullstory.test_people import answered, asked, page
from tests.support.scripted_gateway import Bench

ADA = {"id": "7", "uid": "ada", "email": "ada@example.com", "display_name": "Ada Lovelace"}
BOB = {"id": "8", "uid": "7", "email": "bob@example.com", "display_name": "Ada  lovelace"}
EVA = {"id": "9", "uid": "eva", "email": "ADA@example.com", "display_name": "Adana"}


def told(matches: Matches) -> tuple[list[tuple[str, str]], list[str]]:
    exact = [(match.person["id"], " ".join(match.by)) for match in matches.exact]
    return exact, [match.person["id"] for match in matches.similar]


def looks(made: Bench) -> list[str]:
    return [
        " ".join([path, *(f"{name}={value}" for name, value in query.items())])
        for path, query in asked(made)
    ]


@pytest.mark.parametrize(
    ("query", "tried"),
    [
        ("7", ["'7' as a Fullstory id", "'7' as a uid"]),
        (
            "18446744073709551616",
            [
                "'18446744073709551616' as a uid",
                "'1844",
            ],
        ),
        ("ada", ["'ada' as a uid", "'ada' as a name"]),
        ("ada@example.com", ["'ada@example.com' as an e-mail", "'ada@example.com' as a uid"]),
        ("Ada@x", ["'Ada@x' as an e-mail", "'ada@x' as an e-mail", "'Ada@x' as a uid"]),
        ("x" * 256, ["as a uid", "as a name"]),
    ],
)
def test_a_query_is_looked_for_as_all_that_it_can_be(query: str, tried: list[str]) -> None:
    found = [str(look) for look in looks_for(query)]
    assert len(found) == len(tried)
    assert all(words in look for words, look in zip(tried, found, strict=True))


@pytest.mark.parametrize(
    ("query", "plain"),
    [
        ("Ada Lovelace <ada@example.com>", "ada@example.com"),
        ("<ada@example.com>", "ada@example.com"),
        (" mailto:ada@example.com\n", "ada@example.com"),
        ("a <b>", "a <b>"),
        ("ada", "ada"),
    ],
)
def test_what_a_ticket_puts_around_an_email_is_taken_away(query: str, plain: str) -> None:
    assert bare(query) == plain


def test_an_exact_match_tells_by_what() -> None:
    made = answered(page(ADA), page())
    matches = find(made.caller, "ada@example.com")
    assert told(matches) == ([("7", "email")], [])
    assert looks(made) == ["/v2/users email=ada@example.com", "/v2/users uid=ada@example.com"]


def test_one_person_by_two_traits_is_one_match() -> None:
    both = {**ADA, "uid": "ada@example.com"}
    assert told(find(answered(page(both), page(both)).caller, "ada@example.com")) == (
        [("7", "email uid")],
        [],
    )


def test_a_uid_that_is_somebody_elses_id_shows_both() -> None:
    assert told(find(answered(ADA, page(BOB)).caller, "7")) == ([("7", "id"), ("8", "uid")], [])


def test_two_people_with_one_email_are_both_exact_in_any_case() -> None:
    made = answered(page(ADA, EVA), page())
    assert told(find(made.caller, "ada@example.com"))[0] == [("7", "email"), ("9", "email")]


def test_names_match_whole_in_any_case_and_spacing_and_in_part_are_similar() -> None:
    made = answered(page(), page(ADA, BOB, EVA))
    assert told(find(made.caller, "ada lovelace")) == ([("7", "name"), ("8", "name")], ["9"])


def test_somebody_similar_by_one_look_may_be_exact_by_another() -> None:
    made = answered(page(ADA), page({**ADA, "display_name": "ada l"}))
    assert told(find(made.caller, "ada l")) == ([("7", "name")], [])


def test_an_unknown_email_is_tried_by_its_local_part_and_that_is_never_exact() -> None:
    local = {**ADA, "uid": "ada.love", "display_name": "Ada Love"}
    made = answered(page(), page(), page(local), page(local, EVA))
    matches = find(made.caller, "ada.love+x@other.test")
    assert told(matches) == ([], ["7", "9"])
    assert looks(made)[2:] == ["/v2/users uid=ada.love", "/v2/users display_name=ada love"]
    assert [str(look) for look in matches.looks][2:] == [
        "'ada.love' as a uid",
        "'ada love' as a name",
    ]


def test_a_known_email_is_not_tried_any_other_way() -> None:
    made = answered(page(ADA), page())
    find(made.caller, "ada@example.com")
    assert made.sends == 2


def test_nobody_is_nobody() -> None:
    matches = find(answered(page(), page()).caller, "zed")
    assert (matches.exact, matches.similar, matches.cut) == ((), (), False)


def test_similar_people_are_cut_and_exact_ones_never() -> None:
    crowd = [{"id": str(n), "display_name": f"Ada {n}"} for n in range(100, 130)]
    late = {"id": "7", "display_name": "Ada"}
    matches = find(answered(page(), page(*crowd, late)).caller, "ada")
    assert len(matches.similar) == SIMILAR_MOST
    assert matches.cut
    assert told(matches)[0] == [("7", "name")]


def test_no_more_than_some_pages_are_read() -> None:
    pages = [page({"id": str(n)}, next_page_token=f"t{n}") for n in range(1, PAGES_MOST + 1)]
    warned: list[str] = []
    made = answered(page(), *pages)
    find(made.caller, "a", warn=warned.append)
    assert warned == ["So many are like 'a' as a name that only the first were looked at."]


@pytest.mark.parametrize("query", ["", "  ", "x" * 257, "\udcff", "<@>" * 100])
def test_what_nobody_can_be_called_is_refused_before_anybody_is_asked(query: str) -> None:
    made = answered()
    with pytest.raises(Usage):
        find(made.caller, query)
    assert made.sends == 0


@pytest.mark.parametrize("body", [[], {"results": [5]}, {"x": 1}])
def test_an_odd_answer_is_not_nobody(body: Any) -> None:
    with pytest.raises(Unavailable):
        find(answered(body).caller, "ada")
