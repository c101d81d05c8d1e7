"""Secrets are masked by name and by shape, in linear time."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.membrane.redact import MASK, is_secret_header, is_secret_key, redact, redact_data

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ3b3Jrc3BhY2VLZXkiOiJ3In0.c2lnbmF0dXJlLXNlY3JldA"
OPAQUE = "zq81Kd0Plm27"


@pytest.mark.parametrize(
    "text",
    [
        "Bearer {}",
        "bearer  {}",
        "Authorization: Bearer {}",
        "authorization: Basic {}",
        "Authorization: {}",
        '{{"Authorization":"Bearer {}"}}',
        '{{"headers":{{"authorization": "{}"}}}}',
        "{{'Authorization': 'Bearer {}'}}",
        '"{{\\"authorization\\":\\"{}\\"}}"',
        '"{{\\\\\\"token\\\\\\": \\\\\\"{}\\\\\\"}}"',
        "https://api.test/connect?token={}&x=1",
        "https://api.test/connect?x=1&access_token={}",
        "https://api.test/cb#access_token={}",
        "https://api.test/cb?code={}",
        "https://storage.test/x.gz?Expires=1&Signature={}",
        "https://storage.test/x.gz?X-Goog-Date=1&X-Goog-Signature={}",
        "https://storage.test/x.gz?X-Amz-Security-Token={}&X-Amz-Expires=1",
        "https://storage.test/x.gz?sv=1&sig={}",
        "token={}",
        "token = '{}'",
        "access_token: {}",
        "accessToken: {}",
        "refresh-token: {}",
        "api_key={}",
        "apiKey: {}",
        "x-api-key: {}",
        "MEMBRANE_TOKEN={}",
        "MEMBRANE_WORKSPACE_SECRET={}",
        "export MEMBRANE_ACCESS_TOKEN='{}'",
        "workspaceSecret: {}",
        "client_secret={}",
        "password: {}",
        "http://ada:{}@proxy.test:3128/",
        "http://{}@proxy.test/",
        "pat-{}",
        "is pat-{}.",
        "x-pat-{}",
    ],
)
def test_a_secret_goes_and_the_words_around_it_stay(text: str) -> None:
    line = f"before {text.format(OPAQUE)} after"
    redacted = redact(line)
    assert OPAQUE not in redacted
    assert MASK in redacted
    assert redacted.startswith("before ") and redacted.endswith(" after")


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "x={}",
        '"{}"',
        "\\n{}\\n",
        "session-{}",
        "({})",
        "https://x.test/{}/y",
        "a.{}",
    ],
)
def test_a_jwt_is_known_by_its_shape(text: str) -> None:
    redacted = redact(text.format(JWT))
    for part in JWT.split(".")[1:]:
        assert part not in redacted


def test_all_segments_of_an_encrypted_token_go() -> None:
    token = "eyJhbGciOiJSU0EifQ.a2V5a2V5.aXZpdml2.Y2lwaGVyY2lwaGVy.dGFndGFn"
    assert redact(f"<{token}>") == f"<{MASK}>"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Eyjafjallajokull.is is a volcano",
        "the next page is eyJpZCI6IjEyMyJ9",
        "api.getmembrane.com said: user not found",
        "no token was given",
        "Mail ada@example.com about https://app.fullstory.com/ui/o-1-na1/session/1:2",
        "path-finder pat- pat",
        "the secret: x",
        "2026-01-02T03:04:05Z GET /v2/users?email=ada@example.com -> 200",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_known_secrets_go_wherever_they_stand() -> None:
    assert redact(f"x{OPAQUE}y", known=[OPAQUE]) == f"x{MASK}y"
    assert redact("a b", known=["a", ""]) == "a b"


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_bearer_token_never_survives_its_surroundings(before: str, after: str) -> None:
    redacted = redact(f"{before} Bearer {JWT} {after}")
    for part in JWT.split(".")[1:]:
        assert part not in redacted


@given(
    st.text(string.ascii_letters + string.digits + "_-", min_size=12, max_size=60),
    st.sampled_from(["token=", "&token=", "Authorization: Bearer ", '"apiKey":"', "://u:", "pat-"]),
)
def test_any_opaque_value_goes_where_its_place_tells_it(value: str, place: str) -> None:
    end = "@h" if place == "://u:" else ""
    assert value not in redact(f"x {place}{value}{end} y")


ATTACKS = {
    "jwt starts in one word": "-eyJabcdef",
    "jwt starts": "eyJ",
    "jwt dots": "eyJabcdef.",
    "schemes": "bearer ",
    "schemes in a row": "basicbearer",
    "scheme and blanks": "bearer    \t",
    "urls": "://",
    "userinfo without end": "://aaaaaaaa",
    "userinfo colons": "://:::::",
    "pairs": "token=",
    "pairs and blanks": 'token"    :    ',
    "escaped pairs": 'token\\\\\\"',
    "parameters": "?token=;",
    "pats": "pat-a ",
    "pats in one word": "-pat-abcd",
    "quotes": "\"'",
    "words": "a",
    "blanks": " ",
    "colons": ":",
}


@pytest.mark.parametrize("piece", ATTACKS.values(), ids=ATTACKS.keys())
def test_hostile_text_takes_time_in_proportion(piece: str) -> None:
    assert _in_proportion(piece, 16 * 1024, 128 * 1024)


def test_a_hostile_megabyte_takes_time_in_proportion() -> None:
    assert _in_proportion("".join(ATTACKS.values()), 128 * 1024, 1024 * 1024)


def _in_proportion(piece: str, small: int, large: int) -> bool:
    """Eight times the text may take eight times as long, or even 24, but not 64.

    By the processor's time of this process, and the best of three, because machines are busy.
    """
    return any(_seconds(piece, large) < 24 * _seconds(piece, small) + 0.02 for _ in range(3))


def _seconds(piece: str, size: int) -> float:
    text = (piece * (size // len(piece) + 1))[:size]
    started = time.process_time()
    redact(text)
    return time.process_time() - started


# Documents


def test_a_documents_secrets_go_by_key_and_by_shape() -> None:
    document = {
        "id": "c1",
        "credentials": {"apiKey": OPAQUE},
        "workspace": {"secret": OPAQUE, "key": "work"},
        "connectorParameters": {"a": OPAQUE},
        "request": {
            "headers": {
                "Authorization": OPAQUE,
                "X-Api-Key": OPAQUE,
                "set-cookie": [OPAQUE],
                "Proxy-Authorization": OPAQUE,
                "Accept": "text/plain",
            },
            "url": f"https://x.test/?token={OPAQUE}",
        },
        "list": [{"authToken": OPAQUE, "accessToken": OPAQUE, "client_secret": OPAQUE}],
        "note": f"Bearer {OPAQUE}",
        "uiUrl": f"https://x.test/connect?token={JWT}",
    }
    redacted = redact_data(document)
    assert OPAQUE not in str(redacted) and JWT not in str(redacted)
    assert redacted["id"] == "c1"
    assert redacted["workspace"]["key"] == "work"
    assert redacted["request"]["headers"]["Accept"] == "text/plain"
    assert document["credentials"] == {"apiKey": OPAQUE}


def test_what_a_document_needs_stays() -> None:
    document: dict[str, object] = {
        "next_page_token": "abc",
        "paginationToken": "abc",
        "token": None,
        "secret": "",
        "credentials": {},
        "password": [],
        "n": 1,
        "b": True,
    }
    assert redact_data(document) == document


def test_names_of_secrets_in_any_spelling() -> None:
    for name in ("Authorization", "authorization ", "PROXY-AUTHORIZATION", "Set-Cookie"):
        assert is_secret_header(name)
    for name in ("accessToken", "access_token", "ACCESS-TOKEN", "workspaceSecret", "X-Auth-Token"):
        assert is_secret_key(name)
    for name in ("key", "tenantKey", "id", "next_page_token", "tokens_used"):
        assert not is_secret_key(name)


def test_known_secrets_go_from_documents() -> None:
    assert redact_data({"a": ["xOPAQUEx"]}, known=["OPAQUE"]) == {"a": [f"x{MASK}x"]}
