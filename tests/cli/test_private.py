"""A report that is pasted into a ticket holds no secret and nobody's name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.cli.checks.private import scrubber

SCRUB = scrubber({"HOME": "/srv/people/ada"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/srv/people/ada/.config/fsctl is there", "~/.config/fsctl is there"),
        ("'/srv/people/ada' and /srv/people/ada.", "'~' and ~."),
        ("/srv/people/adam/x", "/srv/people/adam/x"),
        ("/srv/people/ada.old/x", "/srv/people/ada.old/x"),
        ("/home/grace/.nvm/bin/membrane", "/home/…/.nvm/bin/membrane"),
        ("/Users/grace/x and C:\\Users\\Grace\\x", "/Users/…/x and C:\\Users\\…\\x"),
        ("Run `chmod 700 '/srv/people/ada/my dir'`.", "Run `chmod 700 ~/'my dir'`."),
        ("Revoked by ada.b+c@mail.example.com.", "Revoked by [e-mail]."),
        ("Bearer abcdefghijklmnop", "Bearer [redacted]"),
        ("pat-abcdefgh.ijkl", "[redacted]"),
        ("https://ada:hunter22@proxy:3128", "https://[redacted]@proxy:3128"),
        ("https://api.fullstory.com/v2/users", "https://api.fullstory.com/v2/users"),
        ("npm install -g @membranehq/cli@latest", "npm install -g @membranehq/cli@latest"),
    ],
)
def test_what_is_somebodys_is_taken_out(text: str, expected: str) -> None:
    assert SCRUB(text) == expected


def test_a_page_is_cut_short() -> None:
    assert len(SCRUB("x" * 10_000)) < 700


@pytest.mark.parametrize("home", ["", "/", "here", "~"])
def test_a_home_that_is_none_takes_nothing_out(home: str) -> None:
    assert scrubber({"HOME": home})("/etc/here and ~ /") == "/etc/here and ~ /"


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_home_never_gets_through(before: str, after: str) -> None:
    told = SCRUB(f"{before} /srv/people/ada/{after}")
    assert "/srv/people/ada/" not in told
