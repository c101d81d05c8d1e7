"""What a token tells of itself, and which tokens end for good."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.membrane.token_facts import (
    TokenFacts,
    Watched,
    expiry_warning,
    in_words,
    read_facts,
)
from tests.support.gateways import Tokens
from tests.support.jwts import unsigned

NOW = 1_700_000_000.0
HOUR, DAY = 3600.0, 86400.0
ENV, COMMAND = "MEMBRANE_TOKEN", "token_command"


def test_a_jwt_tells_workspace_tenant_and_end() -> None:
    token = unsigned(workspaceKey="acme", tenantKey="support", exp=NOW + DAY)
    assert read_facts(token, ENV, NOW) == TokenFacts(
        ENV, "jwt", "acme", "support", NOW + DAY, renews=False
    )


def test_the_legacy_claims_are_read_too() -> None:
    facts = read_facts(unsigned(iss="acme", id="support"), ENV, NOW)
    assert (facts.workspace, facts.tenant, facts.expires) == ("acme", "support", None)


@pytest.mark.parametrize(
    ("token", "kind"),
    [("pat-0123456789", "personal"), ("anything", "opaque"), ("a.b.c", "opaque"), ("", "opaque")],
)
def test_what_is_no_jwt_tells_nothing(token: str, kind: str) -> None:
    assert read_facts(token, ENV, NOW) == (ENV, kind, None, None, None, False)


@pytest.mark.parametrize("odd", [5, None, [], {"a": 1}, True, "", 1e300, -1])
def test_odd_claims_tell_nothing_and_break_nothing(odd: object) -> None:
    facts = read_facts(unsigned(workspaceKey=odd, tenantKey=odd, exp=odd, iat=odd), COMMAND, NOW)
    assert (facts.kind, facts.workspace, facts.tenant) == ("jwt", None, None)


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    expiry_warning(read_facts(text, COMMAND, NOW), NOW)


# Which tokens are made anew by the next run


@pytest.mark.parametrize("origin", ["MEMBRANE_WORKSPACE_SECRET", "membrane token"])
def test_tokens_that_are_made_for_each_run_never_end(origin: str) -> None:
    facts = read_facts(unsigned(exp=NOW + HOUR), origin, NOW)
    assert facts.renews
    assert expiry_warning(facts, NOW) is None


@pytest.mark.parametrize("origin", ["MEMBRANE_TOKEN", "MEMBRANE_ACCESS_TOKEN"])
@pytest.mark.parametrize("made", [NOW - 10, None])
def test_a_token_in_a_variable_always_ends(origin: str, made: float | None) -> None:
    told = {"exp": NOW + HOUR} | ({} if made is None else {"iat": made})
    assert not read_facts(unsigned(**told), origin, NOW).renews


@pytest.mark.parametrize(
    ("told", "renews"),
    [
        pytest.param({"exp": NOW + HOUR}, True, id="an hour is left"),
        pytest.param({"exp": NOW + 3 * DAY}, False, id="days are left"),
        pytest.param({"iat": NOW - 5, "exp": NOW + 3 * DAY}, True, id="made just now"),
        pytest.param({"iat": NOW + 30, "exp": NOW + 3 * DAY}, True, id="by a clock that is ahead"),
        pytest.param({"iat": NOW - 27 * DAY, "exp": NOW + 3 * DAY}, False, id="from a vault"),
        pytest.param({"iat": NOW - 30 * DAY, "exp": NOW + HOUR}, False, id="its last hour"),
        pytest.param({"iat": NOW - 20 * HOUR, "exp": NOW + 2 * HOUR}, True, id="for a day"),
        pytest.param({}, False, id="it does not tell"),
    ],
)
def test_a_token_command_is_judged_by_its_token(told: dict[str, float], renews: bool) -> None:
    assert read_facts(unsigned(**told), COMMAND, NOW).renews is renews


# The warning


def warning(left: float) -> str | None:
    return expiry_warning(read_facts(unsigned(exp=NOW + left), ENV, NOW), NOW)


def test_a_token_that_ends_within_a_week_is_warned_of() -> None:
    assert warning(3 * DAY) == (
        "The token from MEMBRANE_TOKEN expires in 3 days, at 2023-11-17T22:13:20Z."
    )
    assert warning(-5.0) == "The token from MEMBRANE_TOKEN expired at 2023-11-14T22:13:15Z."


@pytest.mark.parametrize(("left", "told"), [(7 * DAY - 1, True), (7 * DAY, False), (1.0, True)])
def test_a_week_is_seven_days(left: float, told: bool) -> None:
    assert (warning(left) is not None) is told


def test_an_opaque_token_is_not_warned_of() -> None:
    assert expiry_warning(read_facts("pat-0123456789", ENV, NOW), NOW) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (6.9 * DAY, "6 days"),
        (2 * DAY, "2 days"),
        (2 * DAY - 1, "47 hours"),
        (HOUR, "1 hour"),
        (HOUR - 1, "59 minutes"),
        (61.0, "1 minute"),
        (59.0, "less than a minute"),
    ],
)
def test_time_left_is_told_in_words_rounded_down(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


# The watch


def test_a_watched_source_shows_its_first_token_once() -> None:
    seen: list[TokenFacts] = []
    source = Watched(Tokens(unsigned(exp=NOW + HOUR), "another"), seen.append, lambda: NOW)
    assert seen == []
    first = source.token()
    assert source.token() == first
    assert source.renew() is True
    assert source.token() == "another"
    assert [facts.expires for facts in seen] == [NOW + HOUR]
    assert (source.origin, source.account) == (Tokens.origin, Tokens.account)
    assert source.remedy == Tokens.remedy
