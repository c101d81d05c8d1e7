"""Hostile text: nothing that steers, reorders or hides reaches a terminal or a build log."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.terminal.sanitise import ci_safe, ci_safe_json, clean, clean_json

# Every character there is, lone surrogates too, with those that matter coming up often.
DANGEROUS = (
    "\x00\x07\x08\x1b\x7f\x85\x9b\x9d\r\n\t\u061c\u200b\u200e\u202a\u202e\u2028\u2029\u2066\u2069"
)
DANGEROUS += (
    "\u200c\u200d\ufe0f\ufe00\ufeff\u3164\uffa0\u115f\u034f\ud800\udfff\U000e0041\U000e0100"
)
HOSTILE = st.text(
    st.one_of(
        st.sampled_from(DANGEROUS + "a0#*é日👩💻❤क्نم"),
        st.characters(codec=None, exclude_categories=()),
    )
)

BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1bP+q\x1b\\", "\\x1bP+q\\x1b\\"),
        ("\x9b2J", r"\x9b2J"),
        ("a\u202etxt.exe", r"a\u202etxt.exe"),
        ("\u2067x\u2069", r"\u2067x\u2069"),
        ("one\ntwo\r\tthree", r"one\ntwo\r\tthree"),
        ("one\u2028two", r"one\u2028two"),
        ("x\U000e0041\U000e0042", r"x\U000e0041\U000e0042"),
        ("ad\u200dmin", r"ad\u200dmin"),
        ("日\u200dadmin", r"日\u200dadmin"),
        ("日\u200d", r"日\u200d"),
        ("ad\u200bmin", r"ad\u200bmin"),
        ("a\ufe0f\ufe0e", r"a\ufe0f\ufe0e"),
        ("x\ud83d", r"x\ud83d"),
        ("\ufeffname", r"\ufeffname"),
    ],
)
def test_what_could_steer_a_terminal_is_shown_as_an_escape(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Ada Lovelace",
        "Zoë Ångström",
        "日本語",
        "👩🏽‍🚀 and 🏳️‍🌈 and ❤️‍🔥 and 🙂‍↔️",
        "1️⃣ #️⃣",
        "می‌خواهم",  # Persian needs the non-joiner
        "क्‍ष",  # Hindi needs the joiner
        "ന്‍",  # a Malayalam chillu ends in one
        "שלום עולם",
        "[bold]not markup[/bold]",
        "葛\U000e0100",
    ],
)
def test_the_scripts_and_emoji_of_the_world_stay_as_they_are(text: str) -> None:
    assert clean(text) == text


def test_lines_are_kept_only_where_asked_for() -> None:
    assert clean("a\r\nb\n\tc\rd\x0b", multiline=True) == "a\nb\n\tc\\rd\\x0b"


@given(HOSTILE)
def test_nothing_dangerous_is_left(text: str) -> None:
    for shown in (clean(text), clean(text, multiline=True).replace("\n", "").replace("\t", "")):
        for character in shown:
            kind = unicodedata.category(character)
            assert kind not in ("Cc", "Cs", "Zl", "Zp"), repr(shown)
            assert unicodedata.bidirectional(character) not in BIDI_CONTROLS, repr(shown)
            assert not 0xE0000 <= ord(character) <= 0xE00FF, repr(shown)
        shown.encode("utf-8")


@given(HOSTILE)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(HOSTILE)
def test_nothing_invisible_stands_beside_plain_letters(text: str) -> None:
    assert not re.search("[a-z][\u200c\u200d\ufe0f]|[\u200c\u200d][a-z]", clean(text))


@given(st.recursive(HOSTILE, lambda inner: st.lists(inner) | st.dictionaries(HOSTILE, inner)))
def test_a_cleaned_json_document_is_the_same_data_and_safe(value: object) -> None:
    for indent in (None, 2):
        encoded = clean_json(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(encoded) == json.loads(json.dumps(value))
        assert clean(encoded, multiline=True) == encoded


# --- build services -------------------------------------------------------------------------

FRAGMENTS = [
    "::",
    ":",
    "#",
    "##",
    "[",
    "##[",
    "##vso[",
    "##TeamCity[",
    "vso",
    "]",
    " ",
    "\t",
    "\n",
    "\r",
]
FRAGMENTS += ["\u3000", "\xa0", "\u200b", "\ufeff", "\x00", "\u2028", "\x85", "\x0c", "error", "x"]
COMMANDS = st.lists(st.sampled_from(FRAGMENTS)).map("".join)

IGNORED_BY_DOTNET = re.compile("[\x00-\x08\u200b\ufeff]")


def finds_a_command(text: str) -> bool:
    """What the runners do: trim and look at a line's start, look for marks anywhere in it."""
    for ignoring in (text, IGNORED_BY_DOTNET.sub("", text)):
        for line in re.split("[\n\r\x0b\x0c\x85\u2028\u2029]", ignoring):
            if line.strip().startswith("::"):
                return True
        if re.search(r"##(vso|teamcity)?\[", ignoring, re.IGNORECASE):
            return True
    return False


@pytest.mark.parametrize(
    "command",
    [
        "::error::you were hacked",
        "  ::set-env name=PATH::/tmp",
        "fine\n::stop-commands::x",
        "fine\r::add-mask::x",
        "\u3000::debug::x",
        "\u200b::debug::x",
        "##[group]x",
        "text ##[command]x",
        "##vso[task.setvariable variable=x]y",
        "##VSO[task.complete]",
        "###[error]",
        "##teamcity[buildStop]",
    ],
)
def test_no_workflow_command_forms(command: str) -> None:
    assert finds_a_command(command)
    assert not finds_a_command(ci_safe(command)), ci_safe(command)


@given(COMMANDS)
def test_no_workflow_command_forms_of_any_pieces(text: str) -> None:
    assert not finds_a_command(ci_safe(text)), repr(ci_safe(text))
    assert not finds_a_command(ci_safe(clean(text)))
    assert not finds_a_command(ci_safe(clean(text, multiline=True)))


@pytest.mark.parametrize(
    "text", ["a::b", "std::vector", "## Heading", "#1 [x]", "12:30:01", "C#[x]"]
)
def test_text_that_is_no_command_stays(text: str) -> None:
    assert ci_safe(text) == text


@given(COMMANDS)
def test_json_under_ci_is_the_same_data_and_holds_no_command(text: str) -> None:
    encoded = ci_safe_json(clean_json(json.dumps({"name": text}, ensure_ascii=False, indent=2)))
    assert json.loads(encoded) == {"name": text}
    assert not finds_a_command(encoded)
    assert ci_safe(encoded) == encoded


@pytest.mark.parametrize(
    "unit",
    ["\x1b", "\n", "\u200d", "\ufe0f", "👩\u200d", "#", "##", " ", ":", " :", "##vs", "\r :", "क्"],
)
def test_cleaning_takes_linear_time(unit: str) -> None:
    """A quadratic pattern would need many minutes for this; the test only has to end."""
    text = unit * 100_000
    assert ci_safe(clean(text, multiline=True))
    assert ci_safe(text)
    assert clean_json(json.dumps(text, ensure_ascii=False))
