"""Tokens for people's data: the same for the same value, and nothing of the value in them."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fsctl.terminal.mask import TOKEN, Kind, Masker
from tests.support.json_values import DOCUMENTS

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
MASKER = Masker(KEY)
EMAIL = MASKER.token("email", "ada@example.com")
UID = MASKER.token("uid", "ada")
LOCAL = MASKER.token("ip", "10.1.2.3")


def learned(*values: tuple[Kind, str]) -> Masker:
    masker = Masker(KEY)
    for kind, value in values:
        masker.learn(kind, value)
    return masker


# -- tokens


def test_a_token_is_the_beginning_of_an_hmac() -> None:
    digest = hmac.new(KEY, b"ada", hashlib.sha256).hexdigest()
    assert MASKER.text("uid", "ada") == f"uid-{digest[:10]}"
    assert re.fullmatch(TOKEN, UID)


def test_one_value_has_the_same_digits_under_every_name() -> None:
    tokens = {MASKER.text(kind, "ada").split("-")[1] for kind in ("uid", "name", "value", "ip")}
    assert len(tokens) == 1


def test_an_email_is_the_same_in_any_case_and_a_uid_is_not() -> None:
    assert MASKER.text("email", "ADA@Example.com") == EMAIL
    assert MASKER.text("uid", "ADA") != UID


@given(st.text(), st.text())
def test_tokens_match_where_values_do_and_keys_do(one: str, another: str) -> None:
    assert Masker(KEY).token("uid", one) == MASKER.token("uid", one)
    assert Masker(OTHER_KEY).token("uid", one) != MASKER.token("uid", one)
    same = one == another or ("@" in one and one.lower() == another.lower())
    assert (MASKER.token("uid", one) == MASKER.token("uid", another)) == same


@pytest.mark.parametrize("kind", ["email", "name", "uid", "ip", "query", "value", "url", "text"])
def test_what_is_empty_stays_empty(kind: Kind) -> None:
    assert MASKER.text(kind, "") == ""


@pytest.mark.parametrize(
    ("who", "token"),
    [
        ("7400589116837456607", "7400589116837456607"),
        ("5517947882585495975:366916161176979767", "5517947882585495975:366916161176979767"),
        ("ada@example.com", EMAIL),
        ("ada", UID),
    ],
)
def test_a_who_is_an_id_or_a_token(who: str, token: str) -> None:
    assert MASKER.text("who", who) == token


# -- text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Nobody has the e-mail 'Ada@Example.com'.", f"Nobody has the e-mail '{EMAIL}'."),
        ("Write to ada@example.com.", f"Write to {EMAIL}."),
        ("<ada@example.com>,ada@example.com;", f"<{EMAIL}>,{EMAIL};"),
        ("mailto:ada%40example.com", f"mailto:{EMAIL}"),
        ("twice ada%2540example.com", f"twice {EMAIL}"),
        ("10.1.2.3:8080 [10.1.2.3]", f"{LOCAL}:8080 [{LOCAL}]"),
        ("https://h.example/u/ada%40example.com/x", f"https://h.example/u/{EMAIL}/x"),
        ("https://10.1.2.3/x", f"https://{LOCAL}/x"),
    ],
)
def test_shapes_in_text_are_masked(text: str, masked: str) -> None:
    assert MASKER.sentence(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "o'brien@example.com",
        "i+z@example.com",
        "donotreply@fullstory",
        "زوي@example.com",
        "a_b-c.d@sub.example.co.uk",
        "100%sure@example.com",
        "2001:db8::1",
        "::1",
        "fe80::1",
        "2001:DB8:0:0:8:800:200C:417A",
        "1:2:3:4:5:6:7:8",
        "255.255.255.255",
    ],
)
def test_a_shape_becomes_one_token_wherever_it_stands(text: str) -> None:
    token = MASKER.sentence(text)
    assert re.fullmatch(TOKEN, token)
    for before, after in (("", "."), ("see ", " there"), ("'", "'"), ("(", ")"), ("x=", ",")):
        assert MASKER.sentence(before + text + after) == before + token + after


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "why? because",
        "a @ b",
        "at 12:34:56",
        "2024-05-01T10:00:00.123Z",
        "Chrome/138.0.0.0 Safari/537.36",
        "version 1.2.3",
        "1.2.3.4.5",
        "999.1.1.1",
        "std::vector",
        "::error::pwned",
        "::",
        "00:1b:44:11:3a:b7",
        "5517947882585495975:366916161176979767",
        "https://app.fullstory.com/ui/ORG-na1/session/5517947882585495975:366916161176979767",
        "/v2/users/7400589116837456607",
        "d290f1ee-6c54-4b01-90e6-d70174cb6a1d:7f3c2a10-0000-4b01-90e6-d70174cb6a1d",
    ],
)
def test_what_is_nobodys_stays(text: str) -> None:
    assert MASKER.sentence(text) == text


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://h.example/a/b", "https://h.example/a/b"),
        ("https://h.example/a?", "https://h.example/a?"),
        ("https://h.example/a?x=1&y", "https://h.example/a?{x=1&y}"),
        ("https://h.example/a#/x?t=1", "https://h.example/a#{/x?t=1}"),
        ("https://h.example?x", "https://h.example?{x}"),
        ("/a/b?x=1#f", "/a/b?{x=1#f}"),
    ],
)
def test_an_address_keeps_host_and_path_and_loses_its_query(url: str, masked: str) -> None:
    expected = re.sub(r"\{(.*)\}", lambda found: MASKER.token("query", found[1]), masked)
    assert MASKER.url(url) == expected
    if "://" in url:
        assert MASKER.sentence(f"GET {url} 500") == f"GET {expected} 500"


def test_an_address_keeps_no_user() -> None:
    masked = MASKER.url("https://ada:secret@h.example/x")
    assert masked == f"https://{MASKER.token('uid', 'ada:secret')}:@h.example/x"


def test_a_query_without_an_address_is_masked_too() -> None:
    assert MASKER.sentence("GET /api?t=abc 500") == f"GET /api?{MASKER.token('query', 't=abc')} 500"


# -- values under a name, in what a page or a service said


@pytest.mark.parametrize(
    "masked",
    [
        "failed with token=«S3cret»;",
        "GET /a;jsessionid=«A1B2» 404",
        "plan=«pro» tries=12 ok=true err=null",
        'Error: {"name":"«Zoe Q»","n":«4111111111111111»}',
        'x {"name": "«Zoe»", "ok": true, "code": 502}',
        '["«Zoe»", "«Q»"]',
        "{name: '«Zoe»', tags: ['«Q»']}",
    ],
)
def test_values_under_a_name_are_tokens(masked: str) -> None:
    expected = re.sub("«(.*?)»", lambda found: MASKER.token("value", found[1]), masked)
    assert MASKER.said(re.sub("[«»]", "", masked)) == expected


@pytest.mark.parametrize(
    "text", ['{"a": "say \\"hi\\" Zoe", "b": "c"}', 'cut: {"a":"Zoe Qu', 'cut: {"a":"Zoe\\']
)
def test_values_that_are_escaped_or_cut_off_are_found_whole(text: str) -> None:
    assert re.search("Zoe|hi|c", text)
    assert not re.search("Zoe|hi", MASKER.said(text))


@pytest.mark.parametrize(
    "text",
    [
        "a == b", "x => y", "Uncaught TypeError: cannot read 'x'", "1 + 1 = 2",
        'button[name="pay"] > span', "if (a) { return; }", "status=502",
    ],
)  # fmt: skip
def test_code_and_selectors_keep_what_is_no_value(text: str) -> None:
    assert MASKER.said(text) == text


def test_what_fsctl_says_itself_keeps_its_commands() -> None:
    hint = """`fsctl raw request /x --query email=EMAIL --json '{"slice": {"mode": "LAST"}}'`"""
    assert MASKER.sentence(hint) == hint


@pytest.mark.parametrize(
    "path", ["/u;sid=A1B2/x", "/reset/token=A1B2", "https://h.example/a;s=A1B2?q"]
)
def test_a_path_keeps_no_values_under_a_name(path: str) -> None:
    assert "A1B2" not in MASKER.url(path)
    assert MASKER.token("value", "A1B2") in MASKER.url(path)


@pytest.mark.parametrize(
    "url",
    [
        "https://h.example/users/Ada%20Lovelace/x", "/users/Ada+Lovelace", "/u%2FAda%20Lovelace",
        "https://h.example/users/Ada Lovelace",
    ],
)  # fmt: skip
def test_a_learned_name_is_found_as_addresses_spell_it(url: str) -> None:
    masker = Masker(KEY)
    masker.learn("name", "Ada Lovelace")
    for found in (masker.url(url), masker.sentence(f"GET {url} 404")):
        assert masker.token("name", "Ada Lovelace") in found, found
        assert "Ada" not in found


def test_an_encoding_in_small_letters_is_found_too() -> None:
    masker = Masker(KEY)
    masker.learn("name", "Zoë Q")
    assert masker.url("/u/Zo%c3%ab%20Q") == f"/u/{masker.token('name', 'Zoë Q')}"


# -- what has been learned


@pytest.mark.parametrize(
    "text", ["{}", "'{}' means 2 people.", "see {}.", "(/u/{}/x)", "%22{}%22", "{}: {}!"]
)
def test_what_is_learned_is_masked_as_a_word(text: str) -> None:
    assert learned(("who", "ada")).sentence(text.format("ada", "ada")) == text.format(UID, UID)


def test_what_is_learned_is_not_masked_within_words() -> None:
    text = "Canada, adage, ada-2, 7400589116837456607"
    assert learned(("who", "ada"), ("who", "7400589116837456607")).sentence(text) == text


def test_an_id_is_learned_where_it_is_said_to_be_a_uid() -> None:
    assert learned(("uid", "42")).sentence("Nobody has the uid '42'.") == (
        f"Nobody has the uid '{MASKER.token('uid', '42')}'."
    )


@pytest.mark.parametrize("value", ["Øl grün", 'X Æ/A-12?"', "it's me", "a=b&c", "a\tb", "(x)"])
def test_messages_name_the_learned_escaped_and_it_is_the_same(value: str) -> None:
    masker = learned(("who", value))
    token = masker.token("uid", value)
    assert masker.sentence(f"Nobody has the uid {value!a}.").strip("'\"").count(token) == 1
    assert masker.sentence(f"Nobody has the uid {value}.") == f"Nobody has the uid {token}."


def test_many_odd_values_are_found_between_their_quotes() -> None:
    masker = Masker(KEY)
    values = [f"person number {number}" for number in range(1000)]
    for value in values:
        masker.learn("who", value)
    for value in (values[0], values[-1]):
        assert (
            masker.sentence(f"about '{value}' and") == f"about '{masker.token('uid', value)}' and"
        )


def test_of_two_phrases_the_longer_is_masked() -> None:
    masker = learned(("name", "Ada Lovelace"), ("name", "Ada Lovelace Jr"))
    assert masker.sentence("by Ada Lovelace Jr") == f"by {masker.token('name', 'Ada Lovelace Jr')}"


# -- data

PERSON = {
    "id": "7400589116837456607",
    "uid": "grace h",
    "display_name": "Grace Hopper",
    "email": "grace@example.com",
    "is_being_deleted": False,
    "properties": {"plan": "paid", "seats": 5, "vip": True, "at": {"zip": ["01537", None, ""]}},
    "app_url": "https://app.fullstory.com/ui/O/people:search:(UserAppKey:%22grace%20h%22)/0",
    "schema": {"properties": {"plan": "str"}},
    "type_conflicts": {"properties": {"seats": ["int", "str"]}},
}


def test_a_person_has_tokens_for_what_is_personal() -> None:
    token = MASKER.token
    assert MASKER.row(PERSON) == {
        "id": "7400589116837456607",
        "uid": token("uid", "grace h"),
        "display_name": token("name", "Grace Hopper"),
        "email": token("email", "grace@example.com"),
        "is_being_deleted": False,
        "properties": {
            "plan": token("value", "paid"),
            "seats": token("value", "5"),
            "vip": token("value", "true"),
            "at": {"zip": [token("value", "01537"), None, ""]},
        },
        "app_url": "https://app.fullstory.com/ui/O/people:search:"
        f"(UserAppKey:%22{token('uid', 'grace h')}%22)/0",
        "schema": {"properties": {"plan": "str"}},
        "type_conflicts": {"properties": {"seats": ["int", "str"]}},
    }


@pytest.mark.parametrize(
    ("document", "kind", "value"),
    [
        ({"user": {"uid": "ada"}}, "uid", "ada"),
        ({"userUid": "ada"}, "uid", "ada"),
        ({"Email": "x@y"}, "email", "x@y"),
        ({"users": [{"name": "Ada"}]}, "name", "Ada"),
        ({"uid": None, "name": "Ada"}, "name", "Ada"),
        ({"displayName": "Ada"}, "name", "Ada"),
        ({"ip_address": "not quite"}, "ip", "not quite"),
        ({"clientIp": ["a", "b"]}, "ip", "b"),
        ({"query": "t=1"}, "query", "t=1"),
        ({"query": [{"name": "uid", "value": "ada"}]}, "uid", "ada"),
        ({"query": [{"name": "x", "value": "1"}]}, "query", "1"),
        ({"query": ["x=1"]}, "query", "x=1"),
        ({"event_properties": {"a": [{"b": "c"}]}}, "value", "c"),
        ({"who": "ada"}, "uid", "ada"),
        ({"user": "ada"}, "uid", "ada"),
        ({"uid": {"value": "ada"}}, "uid", "ada"),
        ({"note": "by ada", "uid": "ada"}, "uid", "ada"),
        ({"body": '{"uid": "ada"}'}, "uid", "ada"),
        ({"user_agent": {"ip": "10.1.2.3"}}, "ip", "10.1.2.3"),
    ],
)
def test_keys_say_what_is_masked(document: Any, kind: Kind, value: str) -> None:
    masked = json.dumps(MASKER.data(document))
    assert MASKER.token(kind, value) in masked
    assert f'"{value}"' not in masked and f" {value}" not in masked


@pytest.mark.parametrize(
    "document",
    [
        {"id": "5", "name": "create-event", "key": "create-event"},
        {"event_type": "click", "name": "Paid", "uid": None},
        {"sessions": [{"userId": "5", "sessionId": "7", "createdTime": "1411492739"}]},
        {"inputSchema": {"properties": {"uid": {"type": "string"}, "email": {}}}},
        {"url": 5, "path": ["a"], "location": {"country": "DE"}},
        {"count": 5, "ok": True, "nothing": None, "ratio": 0.5},
        [1, "two", [None]],
        "text",
        None,
    ],
)
def test_other_data_stays(document: Any) -> None:
    assert MASKER.data(document) == document


def test_a_uid_that_is_the_persons_id_leaves_the_id() -> None:
    assert MASKER.row({"id": "42", "uid": "42"}) == {"id": "42", "uid": MASKER.token("uid", "42")}


def test_the_query_of_an_event_is_one_token() -> None:
    masked = MASKER.row({"url": {"full_url": "https://h/p?a=b", "path": "/p", "query": {"a": "b"}}})
    assert masked["url"]["path"] == "/p"
    assert re.fullmatch(TOKEN, masked["url"]["query"])
    assert masked["url"]["full_url"] == f"https://h/p?{MASKER.token('query', 'a=b')}"
    assert MASKER.row({"query": {}}) == {"query": {}}


def test_a_key_that_is_an_email_is_masked() -> None:
    assert MASKER.data({"ada@example.com": 1}) == {EMAIL: 1}


def test_what_is_nested_beyond_reason_is_masked_whole() -> None:
    for key in ("x", "properties", "schema"):
        deep: Any = "ada@example.com secret"
        for _ in range(400):
            deep = {"x": [deep]}
        assert "secret" not in json.dumps(MASKER.data({key: deep}))
    bomb = "[" * 100_000 + "]" * 100_000
    assert MASKER.data({"body": bomb}) == {"body": bomb}


# -- the promise

LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], exclude_characters='"\\')
LONG = st.text(LETTERS, min_size=5, max_size=30)
ADDRESSES = st.ip_addresses().filter(lambda address: not str(address).endswith((".0.0.0", "::")))
CONTEXTS = st.sampled_from(
    [
        "{}",
        "Nobody has the e-mail '{}'.",
        "for {}, now",
        "https://h.example/u/{}/x",
        "[{}]",
        "a\n{}",
    ]
)


@given(st.emails(), LONG, LONG, ADDRESSES, LONG, CONTEXTS)
def test_nothing_of_a_person_is_left(
    email: str,
    uid: str,
    name: str,
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
    value: str,
    context: str,
) -> None:
    frame = json.dumps({**PERSON, "note": "", "people": [], "ip_address": ""}, ensure_ascii=False)
    assume(all(text not in frame + context for text in (email, uid, name, value)))
    assume(not any(re.search(TOKEN, text) for text in (uid, name, value)))
    row = {
        "id": "5",
        "uid": uid,
        "email": email,
        "display_name": name,
        "ip_address": str(ip),
        "properties": {"plan": value, "list": [{"deep": value}]},
        "note": context.format(email),
        "people": [context.format(ip), {"name": name, "uid": uid}],
    }
    masked = json.dumps(MASKER.row(row), ensure_ascii=False)
    bare = re.sub(TOKEN, "", masked)
    for text in (email, uid, name, value):
        assert text not in bare
    assert not re.search(rf"(?<![0-9a-f.:]){re.escape(str(ip))}(?![0-9a-f.:])", masked)
    assert masked == json.dumps(Masker(KEY).row(row), ensure_ascii=False)
    assert masked != json.dumps(Masker(OTHER_KEY).row(row), ensure_ascii=False)


@given(LONG, CONTEXTS)
def test_a_learned_value_is_left_in_no_message(value: str, context: str) -> None:
    assume(value not in context and not re.search(TOKEN, value) and not value.isdigit())
    masker = learned(("who", value))
    for spelling in (value, ascii(value)[1:-1]):
        assert spelling not in masker.sentence(context.format(spelling)), spelling


@given(DOCUMENTS)
def test_any_document_is_masked_to_a_document_of_the_same_form(document: Any) -> None:
    masked = MASKER.data(document)
    assert type(masked) is type(document) or isinstance(masked, str)
    if isinstance(document, dict):
        assert len(masked) <= len(document)
    json.dumps(masked)


@given(st.text())
def test_any_text_is_masked_and_masked_again_it_is_the_same(text: str) -> None:
    once = MASKER.sentence(text)
    assert MASKER.sentence(once) == once


_ZOES = st.recursive(
    st.text().map(lambda around: f"{around}Zoe{around}"),
    lambda inner: (
        st.lists(inner, min_size=1)
        | st.dictionaries(st.sampled_from(["a", "b c", "d-e"]), inner, min_size=1)
    ),
)


@given(_ZOES, st.booleans())
def test_no_value_in_json_is_left_wherever_it_stands(document: Any, ascii_only: bool) -> None:
    text = f"failed: {json.dumps([document], ensure_ascii=ascii_only)} at x.js"
    once = MASKER.said(text)
    assert "Zoe" not in once
    assert MASKER.said(once) == once


@pytest.mark.parametrize(
    "unit",
    ["a", "a@", "@", "%40", "%25", "%252540", "1.", "1:", "::", "?", "?a=", "a://", "'", "'a", "{",
     "a.", "x-", "//", "a@b.", "1.1.1.1", "[", "a'", "😀", "a%", "a=", '":"', ':"', ",'", "\\",
     ':"\\', ",'\\'", '"":', "=a", ";a=", '":1', ": ", ",\"','"],
)  # fmt: skip
def test_masking_takes_linear_time(unit: str) -> None:
    """A quadratic pattern would need many minutes for this; the test only has to end."""
    masker = learned(("who", "ada"), ("who", "grace h"))
    text = unit * (300_000 // len(unit))
    assert masker.sentence(text)
    assert masker.said(text)
    assert masker.data({"url": text, "note": text, "uid": "ada"})
