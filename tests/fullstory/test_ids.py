"""Every way to name a session, and nothing else: no half id, no person, no link elsewhere."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory.ids import (
    APP_HOSTS,
    REPLAY_HOSTS,
    Reference,
    SessionId,
    is_org,
    parse_reference,
    parse_session,
    replay_url,
)

CLIENT = SessionId("3e2bf53f-2ca0-4e05-9fa3-29c9276febf9", "cef16b56-44b2-4535-b923-d955b1a50eb5")
LONG = SessionId("406214335320288249", "3829143070270885557")
APP = "app.fullstory.com"
EU = "app.eu1.fullstory.com"
WWW = "www.fullstory.com"

_NUMBERS = st.integers(0, 2**64 - 1).map(str)
_UUIDS = st.uuids().map(str)
SESSIONS = st.one_of(st.builds(SessionId, _NUMBERS, _NUMBERS), st.builds(SessionId, _UUIDS, _UUIDS))
SEPARATORS = st.sampled_from([":", "!", "%3A", "%3a", "%253A", "%25253a", "%21"])
ORGS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True).filter(
    lambda org: org not in ("session", "client-session", "discover")
)
WRAPPERS = st.sampled_from(
    [
        ("", ""), ("<", ">"), ('"', '"'), ("'", "',"), ("(", ")."), ("[", "]"), ("`", "`"),
        ("\u201c", "\u201d"), ("  ", "\n"), ("\u00a0", "\u200b"), ("", "."), ("", "!"), ("", ":"),
        ("<", ">,"), ("", "?"), ("**", "**"),
    ]
)  # fmt: skip
MOMENTS = st.sampled_from(["", ":1591033040000", ":1591033040000!4376064173749384629", "%3A12"])
TAILS = st.sampled_from(["", "/", "?integration_src=mixpanel", "#t=3", "/?a=1:2#b!3", "?next=/x"])


# -- what is read


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("1:2", Reference(SessionId("1", "2"))),
        ("1!2", Reference(SessionId("1", "2"))),
        (LONG.text, Reference(LONG)),
        (CLIENT.text, Reference(CLIENT)),
        (CLIENT.text.replace(":", "%3A"), Reference(CLIENT)),
        ("18446744073709551615:0", Reference(SessionId("18446744073709551615", "0"))),
        # As Fullstory's documents write replay addresses.
        (f"https://{APP}/ui/ORG/session/1:2", Reference(SessionId("1", "2"), APP, "ORG")),
        (f"https://{EU}/ui/o-1-eu1/session/1:2", Reference(SessionId("1", "2"), EU, "o-1-eu1")),
        # As List Sessions gives them: its own client reads only the last number of these.
        (
            f"https://{WWW}/ui/ORG_ID/discover/session/1234567890:9876543210",
            Reference(SessionId("1234567890", "9876543210"), WWW, "ORG_ID"),
        ),
        # As FS('getSession') gives them, with and without a moment.
        (
            f"https://{APP}/ui/o-1K-na1/client-session/{CLIENT.text.replace(':', '%3A')}",
            Reference(CLIENT, APP, "o-1K-na1"),
        ),
        (
            f"https://{APP}/ui/O/session/4794388637372416%3A6500529070231552%3A1591033040000",
            Reference(SessionId("4794388637372416", "6500529070231552"), APP, "O"),
        ),
        # As they stand in another service's address, encoded once more as a whole.
        (
            f"https%3A%2F%2F{APP}%2Fui%2FND4K8%2Fsession%2F47943%253A65005%3Fsrc%3Dmixpanel",
            Reference(SessionId("47943", "65005"), APP, "ND4K8"),
        ),
        # As the app's address bar shows them: the person before the session.
        (
            f"https://{APP}/ui/org/session/5423563266297856:8658262255227649805!5580733057163270273",
            Reference(SessionId("8658262255227649805", "5580733057163270273"), APP, "org"),
        ),
        (
            f"https://{APP}/ui/O/people:search:x/(8291063592464834358!7771051600838814191(1",
            Reference(SessionId("8291063592464834358", "7771051600838814191"), APP, "O"),
        ),
        (f"https://{APP}/ui/O/session/1:2:3!4", Reference(SessionId("1", "2"), APP, "O")),
        (f"https://{APP}/ui/O/session/1!2:3", Reference(SessionId("1", "2"), APP, "O")),
        # Without an organisation, without a scheme, in capitals.
        (f"https://{APP}/ui/session/1:2", Reference(SessionId("1", "2"), APP)),
        (f"{APP}/ui/O/session/1:2", Reference(SessionId("1", "2"), APP, "O")),
        ("HTTPS://APP.Fullstory.COM/ui/O/session/1:2", Reference(SessionId("1", "2"), APP, "O")),
        (f"http://{WWW}/ui/O/session/1:2", Reference(SessionId("1", "2"), WWW, "O")),
        (f"https://{APP}/subtext/o-x-na1/session/1:2?connection_id=y",
         Reference(SessionId("1", "2"), APP, "o-x-na1")),
    ],
)  # fmt: skip
def test_a_session_is_read_from(text: str, named: Reference) -> None:
    assert parse_reference(text) == named
    assert parse_session(text) == named.id


@given(SESSIONS, SEPARATORS, WRAPPERS)
def test_an_id_is_read_with_any_separator_and_whatever_a_ticket_puts_around_it(
    session: SessionId, separator: str, around: tuple[str, str]
) -> None:
    text = f"{around[0]}{session.device}{separator}{session.session}{around[1]}"
    assert parse_reference(text) == Reference(session)


@given(
    SESSIONS, SEPARATORS, st.sampled_from(sorted(REPLAY_HOSTS)), ORGS,
    st.sampled_from(["session", "discover/session", "client-session"]), MOMENTS, TAILS, WRAPPERS,
)  # fmt: skip
def test_a_replay_address_is_read_in_all_its_forms(
    session: SessionId,
    separator: str,
    host: str,
    org: str,
    kind: str,
    moment: str,
    tail: str,
    around: tuple[str, str],
) -> None:
    ids = f"{session.device}{separator}{session.session}{moment}"
    text = f"{around[0]}https://{host}/ui/{org}/{kind}/{ids}{tail}{around[1]}"
    assert parse_reference(text) == Reference(session, host, org)


@given(SESSIONS, ORGS, st.sampled_from(sorted(REPLAY_HOSTS)), st.integers(0, 2))
def test_an_address_that_was_made_is_read_as_what_it_was_made_from(
    session: SessionId, org: str, host: str, encodings: int
) -> None:
    url = replay_url(session, org=org, host=host)
    assert parse_session(session.text) == session
    for _ in range(encodings):
        url = quote(url, safe="")
    assert parse_reference(url) == Reference(session, host, org)


# -- what names a person, and what is refused


@pytest.mark.parametrize(
    "text",
    [
        "ada", "ada@example.com", "7400589116837456607", "5:7@x.example", "12:ab", "ab:12", "",
        "3e2bf53f-2ca0-4e05-9fa3-29c9276febf9", "tenant:42:ada", "X Æ/A-12?", "12:30 Uhr", "1;2",
        "\u0661:\u0662", "1:2 3:4", "-1:2", "1.5:2", "0x1:2", "1:2@3", "a/b", "%3A", "1%202",
    ],
)  # fmt: skip
def test_what_may_be_a_person_is_left_to_be_one(text: str) -> None:
    assert parse_reference(text) is None


@given(st.emails())
def test_no_email_is_a_session(email: str) -> None:
    try:
        assert parse_reference(email) is None
    except Usage:
        assert "/session/" in email  # which no mail system lets through, and nothing reads


@given(st.text())
def test_a_text_without_two_ids_is_never_a_session(text: str) -> None:
    try:
        session = parse_session(text)
    except Usage:
        return
    if session is not None:
        assert session.device in text
        assert session.session in text


@pytest.mark.parametrize(
    "text",
    [
        f"https://{APP}/ui/ORG/session/987",  # the Session ID of the screen
        f"https://{APP}/ui/ORG/client-session/{CLIENT.device}",
        f"https://{APP}/ui/ORG/session/",
        f"https://{APP}/ui/ORG/session",
        f"https://{APP}/ui/ORG/segments/1/people/0",
        f"https://{APP}",
        f"{APP}/",
        f"https://{APP}/ui/ORG/session/1:two",
        f"https://{APP}/ui/ORG/session/1:99999999999999999999",
        f"https://{APP}/ui/ORG/session/1:2:3:4:5",
        f"https://{APP}/ui/ORG/session/1:{CLIENT.session}",
        f"https://{APP}/ui/ORG?session=1:2",
        f"https://{APP}/ui/ORG/#/session/1:2",
        "99999999999999999999:1",
        "1:18446744073709551616",
        "123456789012345678901234567890:1",
        f"1:{CLIENT.session}",
        f"{CLIENT.device}:1",
    ],
)
def test_what_plainly_names_a_session_and_cannot_be_one_is_refused_with_advice(text: str) -> None:
    with pytest.raises(Usage) as refused:
        parse_reference(text)
    assert refused.value.code == "not_a_session"
    assert refused.value.hint is not None
    assert "DEVICE_ID:SESSION_ID" in refused.value.hint
    assert "does not work alone" in refused.value.hint


ELSEWHERE = [
    "https://evil.test/ui/ORG/session/1:2",
    "https://evil.test/https://app.fullstory.com/ui/ORG/session/1:2",
    "https://evil.test/?u=https://app.fullstory.com/ui/ORG/session/1:2",
    "https://evil.test/#https://app.fullstory.com/ui/ORG/session/1:2",
    r"https://evil.test\@app.fullstory.com/ui/ORG/session/1:2",
    r"https://app.fullstory.com\@evil.test/ui/ORG/session/1:2",
    r"https://app.fullstory.com\.evil.test/ui/ORG/session/1:2",
    "https://app.fullstory.com@evil.test/ui/ORG/session/1:2",
    "https://evil.test@app.fullstory.com/ui/ORG/session/1:2",
    "https://app.fullstory.com%2F@evil.test/ui/ORG/session/1:2",
    "https%3A%2F%2Fapp.fullstory.com%252F@evil.test%2Fui%2FORG%2Fsession%2F1:2",
    "https%3A%2F%2Fevil.test%2Fui%2FORG%2Fsession%2F1%3A2",
    "https://app.fullstory.com.evil.test/ui/ORG/session/1:2",
    "https://app.fullstory.com./ui/ORG/session/1:2",
    "https://app.fullstory.com:8443/ui/ORG/session/1:2",
    "https://app.fullstory.com%00.evil.test/ui/ORG/session/1:2",
    "https://evilapp.fullstory.com/ui/ORG/session/1:2",
    "https://app-fullstory.com/ui/ORG/session/1:2",
    "https://\u0430pp.fullstory.com/ui/ORG/session/1:2",
    "https://app.fullstory.com\uff0fui/ORG/session/1:2",
    "https://app.staging.fullstory.com/ui/ORG/session/1:2",
    "https://api.fullstory.com/v2/session/1:2",
    "https:///app.fullstory.com/ui/ORG/session/1:2",
    "//app.fullstory.com/ui/ORG/session/1:2",
    "ftp://app.fullstory.com/ui/ORG/session/1:2",
    "javascript://app.fullstory.com/ui/ORG/session/1:2",
    "file:///ui/ORG/session/1:2",
    "evil.test/ui/ORG/session/1:2",
    "/ui/ORG/session/1:2",
    "https://app.fullstory.com,evil.test/ui/ORG/session/1:2",
    "https://eur01.safelinks.example/?url=https%3A%2F%2Fapp.fullstory.com%2Fui%2FO%2Fsession%2F1:2",
]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_an_address_elsewhere_is_no_session_however_it_is_dressed(text: str) -> None:
    with pytest.raises(Usage) as refused:
        parse_reference(text)
    assert refused.value.code == "not_a_replay"
    assert refused.value.hint is not None
    assert "--uid" in refused.value.hint


_PIECES = st.lists(
    st.sampled_from(
        [
            "https://", "http://", "//", "/", "\\", "@", ":", "!", "?", "#", "%2F", "%40", "%5C",
            "%3A", "app.fullstory.com", "www.fullstory.com", "evil.test", ".", "ui/", "ORG/",
            "session/", "client-session/", "1", "22", "<", ">", " ", "\t", "\u200b", "(", "x",
        ]
    ),
    max_size=14,
)  # fmt: skip


@given(_PIECES)
def test_ids_are_read_from_an_address_only_where_other_readers_see_fullstory_too(
    pieces: list[str],
) -> None:
    text = "".join(pieces)
    try:
        reference = parse_reference(text)
    except Usage:
        return
    if reference is None or reference.host is None:
        return
    bare = text.strip(" \t\u200b<>()!:.?@#")
    address = urlsplit(bare if "://" in bare else f"https://{bare}")
    assert address.hostname == reference.host
    assert reference.host in REPLAY_HOSTS
    assert (address.username, address.port) == (None, None)


@pytest.mark.parametrize("text", ["1:" * 500_000, "%25" * 400_000, "(1!2" * 200_000, "1" * 900_000,
                                  "https://app.fullstory.com/" + "session/" * 100_000])  # fmt: skip
def test_a_megabyte_is_read_in_one_go(text: str) -> None:
    try:
        assert parse_session(text) is None
    except Usage as refused:
        assert len(refused.message) < 1000


# -- addresses that are made


def test_a_replays_address_is_as_fullstory_documents_it() -> None:
    assert replay_url(LONG, org="o-1-na1", host=APP_HOSTS["na1"]) == (
        "https://app.fullstory.com/ui/o-1-na1/session/406214335320288249:3829143070270885557"
    )
    assert replay_url(CLIENT, org="o-1-eu1", host=APP_HOSTS["eu1"]) == (
        f"https://app.eu1.fullstory.com/ui/o-1-eu1/client-session/{CLIENT.text}"
    )


@pytest.mark.parametrize(
    ("org", "host"),
    [("ORG/../x", APP), ("", APP), ("..", APP), ("a b", APP), ("O", "evil.test"), ("O", "")],
)
def test_no_address_is_made_of_parts_that_lead_elsewhere(org: str, host: str) -> None:
    with pytest.raises(Usage, match="no replay at"):
        replay_url(LONG, org=org, host=host)


@given(st.text(max_size=8))
def test_an_organisation_is_one_segment_of_a_path(org: str) -> None:
    if is_org(org):
        assert quote(org, safe="") == org
        assert org not in (".", "..")
