"""A path is judged as the most eager server could see it, and refused rather than repaired."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import ExitCode, Usage
from fsctl.membrane.paths import MAX_PATH, check_path, check_segment, encode_segment

DOTS = st.text(alphabet="./\\%25eEfFcC23bB; \t\u2024\uff0e\uff0f\uff3c\uff05\udce9ab", max_size=30)


def eager(text: str) -> str:
    """Decoded and normalised, in any order, until nothing changes."""
    while True:
        seen = unicodedata.normalize("NFKC", unquote(text, errors="replace"))
        if seen == text:
            return seen
        text = seen


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v2/users", "/v2/users"),
        ("v2/users", "/v2/users"),
        ("/", "/"),
        ("", "/"),
        ("/v2/users/", "/v2/users/"),
        ("/v2/sessions/1:2", "/v2/sessions/1:2"),
        ("/v2/sessions/1%3A2", "/v2/sessions/1%3A2"),
        ("/v2/users/a b", "/v2/users/a%20b"),
        ("/v2/users/caf\u00e9", "/v2/users/caf%C3%A9"),
        ("/v2/users/caf%C3%A9", "/v2/users/caf%C3%A9"),
        ("/v2/100%", "/v2/100%25"),
        ("/v2/100%zz", "/v2/100%25zz"),
        ("/v2/a...b/..c/c..", "/v2/a...b/..c/c.."),
        ("/v2/...", "/v2/..."),
        ("/v2/a?b#c", "/v2/a%3Fb%23c"),
        ("/v2/a@b!$&'()*+,;=~", "/v2/a@b!$&'()*+,;=~"),
    ],
)
def test_a_plain_path_is_encoded_once(path: str, sent: str) -> None:
    assert check_path(path) == sent
    assert check_path(sent) == sent


CLIMBS = [
    "..",
    ".",
    "a/..",
    "a/../b",
    "a/./b",
    "%2e",
    "%2e%2E",
    ".%2e",
    "%252e%252e",
    "%25252e%25252e",
    "..%2f",
    "..;a",
    "..;/b",
    ".. ",
    " ..",
    "..%20",
    "..%09",
    "..\\a",
    "%5c",
    "%255c",
    "a\\b",
    "\uff0e\uff0e",
    "\u2024\u2024",
    "\u2025",
    "\uff05\uff12e\uff05\uff12e",
    "%EF%BC%8E%EF%BC%8E",
    "%EF%BC%852e%EF%BC%852e",
    "\uff3c",
    "%c0%ae%c0%ae",
    "%ff",
    "a\x00b",
    "a%00b",
    "a\nb",
    "a%0d%0ab",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "\udce9",
    "a%2f%2fb",
]


@pytest.mark.parametrize("climb", CLIMBS)
def test_what_could_climb_is_refused_in_paths_and_segments(climb: str) -> None:
    for check, text in ((check_path, f"/v2/{climb}/x"), (check_path, f"/v2/{climb}")):
        with pytest.raises(Usage) as caught:
            check(text)
        assert caught.value.exit_code == ExitCode.USAGE
        assert caught.value.hint
        assert caught.value.message.isascii()
    with pytest.raises(Usage) as caught:
        check_segment(climb, "The connection id")
    assert caught.value.message.startswith("The connection id ")
    with pytest.raises(Usage):
        encode_segment(climb)


@pytest.mark.parametrize(
    "path", ["//", "//evil.test/x", "/v2//x", "/v2/%2f", "/v2/a%2f%2fb", "/%2f"]
)
def test_empty_segments_are_refused_in_paths(path: str) -> None:
    with pytest.raises(Usage, match="empty segment"):
        check_path(path)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("6915", "6915"),
        ("my~key.v1-a_b", "my~key.v1-a_b"),
        ("1:2", "1%3A2"),
        ("ada@example.com", "ada%40example.com"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("%41", "%2541"),
        ("\u00fc", "%C3%BC"),
        ("..a", "..a"),
        ("...", "..."),
    ],
)
def test_a_segment_is_encoded_exactly_once(value: str, sent: str) -> None:
    assert encode_segment(value) == sent
    assert unquote(sent) == value


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_an_empty_segment_is_refused(value: str) -> None:
    with pytest.raises(Usage, match="The id is empty"):
        check_segment(value, "The id")


@pytest.mark.parametrize("value", ["a/b", "/", "a%2fb", "a%252Fb", "a\uff0fb"])
def test_a_slash_is_refused_in_a_segment(value: str) -> None:
    with pytest.raises(Usage, match="a slash"):
        check_segment(value, "The id")


def test_the_length_is_bounded() -> None:
    assert check_path("/" + "a" * (MAX_PATH - 1))
    for text in ("a" * (MAX_PATH + 1), "%25" * 4000):
        with pytest.raises(Usage) as caught:
            check_path(text)
        assert len(caught.value.message) < 300
        with pytest.raises(Usage):
            check_segment(text, "The id")


@given(DOTS)
def test_no_accepted_path_climbs_for_any_server(path: str) -> None:
    try:
        sent = check_path(path)
    except Usage:
        return
    assert sent.startswith("/") and not sent.startswith("//")
    assert sent.isascii() and sent.isprintable() and " " not in sent
    seen = eager(sent)
    assert "\\" not in seen and "//" not in seen
    parts = seen.replace(";", "/").split("/")
    assert not {".", ".."} & {part.strip() for part in parts}
    assert check_path(sent) == sent


@given(st.one_of(DOTS, st.text(max_size=30)))
def test_no_accepted_segment_is_more_than_one(value: str) -> None:
    try:
        sent = encode_segment(value)
    except Usage:
        return
    assert sent == quote(value, safe="-._~")
    seen = eager(sent)
    assert "/" not in seen and "\\" not in seen
    assert seen.strip() not in ("", ".", "..")
