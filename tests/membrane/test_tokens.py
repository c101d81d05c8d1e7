"""Where the bearer token comes from, and what is never said about it."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import ExitCode, FsctlError, NeedsPerson, Usage
from fsctl.membrane.child import in_seconds
from fsctl.membrane.gateway import Deadline
from fsctl.membrane.tokens import TokenSource, account_of, claims, expiry, find_token_source

NOW = 1_700_000_000.0
SECRET = "w0rkspace-s3cret-of-32-characters"
WORKSPACE = {
    "MEMBRANE_WORKSPACE_KEY": "work",
    "MEMBRANE_WORKSPACE_SECRET": SECRET,
    "MEMBRANE_TENANT_KEY": "ada",
}


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def unsigned(**told: Any) -> str:
    """A JWT with these claims and a signature that nobody could make."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256"}, told)
    ]
    return ".".join([*parts, "bm90LXNpZ25lZA"])


def find(
    environ: dict[str, str],
    tmp_path: Path,
    *,
    token_command: str | list[str] | None = None,
    membrane: list[str] | None = None,
    clock: Callable[[], float] | None = None,
) -> TokenSource:
    source = find_token_source(environ, token_command, membrane, tmp_path, clock or Clock())
    assert source is not None
    return source


def script(tmp_path: Path, body: str) -> list[str]:
    """The argv of a Python program with that body, for a ``token_command``."""
    path = tmp_path / "program.py"
    path.write_text(f"import os, sys, time\n{body}\n")
    return [sys.executable, str(path)]


def refused(source: TokenSource, deadline: Deadline | None = None) -> NeedsPerson:
    with pytest.raises(NeedsPerson) as caught:
        source.token(deadline or Deadline())
    assert caught.value.exit_code == ExitCode.NEEDS_PERSON
    return caught.value


def said(error: FsctlError) -> str:
    return f"{error.message} {error.hint} {error!r} {error.as_data()}"


# Which source


def test_the_order_is_environment_then_keys_then_command_then_binary(tmp_path: Path) -> None:
    program = [sys.executable, "x"]
    everything = {"MEMBRANE_TOKEN": "one", "MEMBRANE_ACCESS_TOKEN": "two", **WORKSPACE}
    order = []
    for drop in (None, "MEMBRANE_TOKEN", "MEMBRANE_ACCESS_TOKEN", "MEMBRANE_WORKSPACE_SECRET"):
        everything.pop(drop or "", None)
        found = find(everything, tmp_path, token_command=program, membrane=program)
        order.append(found.origin)
    order.append(find(everything, tmp_path, membrane=program).origin)
    assert order == [
        "MEMBRANE_TOKEN",
        "MEMBRANE_ACCESS_TOKEN",
        "MEMBRANE_WORKSPACE_SECRET",
        "token_command",
        "membrane token",
    ]
    assert find_token_source(everything, None, None, tmp_path, Clock()) is None


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path) -> None:
    environ = {"MEMBRANE_TOKEN": " ", "MEMBRANE_ACCESS_TOKEN": "two"}
    assert find(environ, tmp_path).token() == "two"
    keys = {**WORKSPACE, "MEMBRANE_WORKSPACE_SECRET": ""}
    assert find_token_source(keys, None, None, tmp_path, Clock()) is None


@pytest.mark.parametrize("name", ["MEMBRANE_TENANT_KEY", "MEMBRANE_WORKSPACE_KEY"])
def test_a_secret_without_its_keys_never_becomes_another_identity(
    tmp_path: Path, name: str
) -> None:
    keys = {**WORKSPACE, name: ""}
    program = [sys.executable, "x"]
    for membrane in (None, program):
        with pytest.raises(NeedsPerson, match=name):
            find_token_source(keys, None, membrane, tmp_path, Clock())
    assert find(keys, tmp_path, token_command=program).origin == "token_command"


def test_nothing_is_run_before_a_token_is_needed(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    command = script(tmp_path, f"open({str(marker)!r}, 'w'); print('tok-1234')")
    source = find({}, tmp_path, token_command=command)
    assert not marker.exists()
    assert source.token() == "tok-1234"
    assert marker.exists()


# From the environment


def test_a_token_of_the_environment_is_stripped_and_cannot_be_renewed(tmp_path: Path) -> None:
    source = find({"MEMBRANE_TOKEN": " opaque-token\n"}, tmp_path)
    assert source.token() == "opaque-token"
    assert source.renew() is False


@pytest.mark.parametrize(
    "value",
    ["Bearer opaque", "to\nken", "to\x00ken", "to\x7fken", "tok\u00e9n", "a\u2028b", "x" * 20_000],
)
def test_what_cannot_stand_in_a_header_is_refused_without_showing_it(
    value: str, tmp_path: Path
) -> None:
    error = refused(find({"MEMBRANE_TOKEN": value}, tmp_path))
    assert "MEMBRANE_TOKEN" in error.message
    assert value not in said(error)


def test_an_expired_jwt_is_refused_with_the_time_it_expired(tmp_path: Path) -> None:
    token = unsigned(exp=NOW - 61)
    error = refused(find({"MEMBRANE_TOKEN": token}, tmp_path))
    assert error.message == "The token from MEMBRANE_TOKEN expired at 2023-11-14T22:12:19Z."
    assert error.hint is not None and "`fsctl login`" in error.hint
    assert error.code == "expired"


@pytest.mark.parametrize(
    "exp", [NOW - 59, NOW + 1, None, True, "soon", 1e300, -1e300, [], NOW * 1000]
)
def test_a_jwt_that_may_still_be_good_is_sent(exp: Any, tmp_path: Path) -> None:
    token = unsigned(exp=exp)
    assert find({"MEMBRANE_TOKEN": token}, tmp_path).token() == token


# Claims and accounts


def test_claims_are_read_without_verifying() -> None:
    assert claims(unsigned(workspaceKey="w", tenantKey="t")) == {
        "workspaceKey": "w",
        "tenantKey": "t",
    }


@pytest.mark.parametrize(
    "token",
    ["", "pat-opaque", "a.b", "a.b.c", "a.b.c.d", "a.bnVsbA.c", "a.W10.c", "..", "a.!!!!.c"],
)
def test_an_opaque_token_has_no_claims_and_is_not_refused(token: str) -> None:
    assert claims(token) == {}
    assert expiry(token) is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_claims(text: str) -> None:
    assert isinstance(claims(text), dict)
    assert isinstance(claims(f"eyJ.{text}.x"), dict)


def test_accounts_name_workspace_and_tenant_or_a_fingerprint() -> None:
    assert account_of(unsigned(workspaceKey="w", tenantKey="t")) == "w/t"
    assert account_of(unsigned(iss="w", id="t")) == "w/t"
    assert account_of(unsigned(workspaceKey="w", iss="x", tenantKey=7)) == "w"
    opaque = "pat-0123456789abcdef"
    assert account_of(opaque) == hashlib.sha256(opaque.encode()).hexdigest()[:16]
    assert account_of(unsigned(sub="x")) != account_of(unsigned(sub="y"))


# Minted


def test_a_minted_token_is_signed_for_an_hour(tmp_path: Path) -> None:
    token = find(WORKSPACE, tmp_path).token()
    told = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False})
    assert told == {"workspaceKey": "work", "tenantKey": "ada", "exp": int(NOW) + 3600}
    assert jwt.get_unverified_header(token)["alg"] == "HS256"


def test_a_minted_token_is_kept_until_a_minute_before_it_ends(tmp_path: Path) -> None:
    clock = Clock()
    source = find(WORKSPACE, tmp_path, clock=clock)
    first = source.token()
    clock.now = NOW + 3540
    assert source.token() == first
    clock.now = NOW + 3541
    second = source.token()
    assert expiry(second) == int(NOW + 3541) + 3600


def test_renewing_mints_another(tmp_path: Path) -> None:
    clock = Clock()
    source = find(WORKSPACE, tmp_path, clock=clock)
    first = source.token()
    clock.now += 5
    assert source.token() == first
    assert source.renew() is True
    assert source.token() != first


def test_a_short_secret_is_used_without_a_warning(tmp_path: Path) -> None:
    assert find({**WORKSPACE, "MEMBRANE_WORKSPACE_SECRET": "short"}, tmp_path).token()


def test_the_account_of_the_keys_needs_no_token(tmp_path: Path) -> None:
    assert find(WORKSPACE, tmp_path).account == "work/ada"


# token_command


def test_the_commands_first_line_that_is_not_blank_is_the_token(tmp_path: Path) -> None:
    command = script(tmp_path, "print(); print('  tok-1234  '); print('more')")
    assert find({}, tmp_path, token_command=command).token() == "tok-1234"


def test_a_command_line_is_split_without_a_shell(tmp_path: Path) -> None:
    command = script(tmp_path, "print(sys.argv[1].encode().hex())")
    line = f"{shlex.join(command)} '$(id); a b'"
    token = find({}, tmp_path, token_command=line).token()
    assert bytes.fromhex(token) == b"$(id); a b"


@pytest.mark.parametrize("line", ["'unclosed", "   "])
def test_a_command_line_that_cannot_be_read_is_a_usage_error(line: str, tmp_path: Path) -> None:
    with pytest.raises(Usage, match="token_command"):
        find_token_source({}, line, None, tmp_path, Clock())


def test_the_command_runs_in_the_state_directory_with_the_environment(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    command = script(
        tmp_path,
        "assert sys.stdin.read() == ''\n"
        "print((os.getcwd() + '|' + os.environ['MEMBRANE_API_URL']).encode().hex())",
    )
    source = find_token_source({"MEMBRANE_API_URL": "u"}, command, None, state, Clock())
    assert source is not None
    told = bytes.fromhex(source.token()).decode()
    assert told == f"{state.resolve()}|u"


def test_the_command_is_asked_once_and_again_on_renewal(tmp_path: Path) -> None:
    count = tmp_path / "count"
    command = script(
        tmp_path, f"f = open({str(count)!r}, 'a+'); f.write('x'); print('tok-%04d' % f.tell())"
    )
    source = find({}, tmp_path, token_command=command)
    assert [source.token(), source.token(), source.account] == ["tok-0001"] * 2 + [
        account_of("tok-0001")
    ]
    assert source.renew() is True
    assert source.token() == "tok-0002"


def test_the_command_is_asked_again_a_minute_before_its_token_ends(tmp_path: Path) -> None:
    tokens = tmp_path / "token"
    clock = Clock()
    source = find(
        {},
        tmp_path,
        token_command=script(tmp_path, "print(open('token').read())"),
        clock=clock,
    )
    first, second = unsigned(exp=NOW + 100), unsigned(exp=NOW + 900)
    tokens.write_text(first)
    assert source.token() == first
    tokens.write_text(second)
    clock.now = NOW + 39
    assert source.token() == first
    clock.now = NOW + 41
    assert source.token() == second


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("pass", "printed no token"),
        ("print('\\n \\n')", "printed no token"),
        ("print('not a token')", "does not hold a token"),
        ("print('tok\\x1b[31men')", "does not hold a token"),
        ("sys.stdout.buffer.write(b'\\xff\\xfe\\x00')", "does not hold a token"),
        ("sys.exit(3)", "failed with status 3 and said nothing"),
        ("sys.exit('no such item')", "failed with status 1: no such item."),
        ("sys.exit('+ curl -u ada\\nno such item\\n')", "failed with status 1: no such item."),
        ("print('x' * 2_000_000)", "printed far more than a token"),
        ("print('x' * 20_000)", "does not hold a token"),
    ],
)
def test_odd_answers_of_a_command_need_a_person(body: str, words: str, tmp_path: Path) -> None:
    error = refused(find({}, tmp_path, token_command=script(tmp_path, body)))
    assert words in error.message
    assert "token_command" in error.message


def test_what_a_failing_command_says_is_redacted(tmp_path: Path) -> None:
    token = unsigned(workspaceKey="w")
    command = script(
        tmp_path,
        f"print('opaque-secret-1'); sys.exit('Bearer abcdef123 {token} opaque-secret-1 gone')",
    )
    error = refused(find({}, tmp_path, token_command=command))
    assert "gone" in error.message
    for secret in ("abcdef123", token, "opaque-secret-1"):
        assert secret not in said(error)


def test_a_command_that_hangs_is_stopped_at_the_deadline(tmp_path: Path) -> None:
    command = script(tmp_path, "time.sleep(60)")
    error = refused(find({}, tmp_path, token_command=command), Deadline(0.3, lambda: 0.0))
    assert "did not end within 0." in error.message


@pytest.mark.parametrize(
    ("seconds", "words"), [(1.52583, "1.5"), (0.05, "0.05"), (30.0, "30"), (1234.5, "1234")]
)
def test_a_time_is_told_in_few_digits(seconds: float, words: str) -> None:
    assert in_seconds(seconds) == f"{words} seconds"


@pytest.mark.parametrize("name", ["./program", "bin/program", "../program"])
def test_a_program_is_never_taken_from_a_relative_path(name: str, tmp_path: Path) -> None:
    error = refused(find({}, tmp_path, token_command=[name]))
    assert "relative path" in error.message


def test_a_program_is_found_on_absolute_entries_of_path_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for directory in ("checkout", "bin"):
        (tmp_path / directory).mkdir()
        program = tmp_path / directory / "give-token"
        program.write_text(f"#!/bin/sh\necho from-{directory}\n")
        program.chmod(0o755)
    monkeypatch.chdir(tmp_path / "checkout")
    source = find({"PATH": f":.:{tmp_path / 'bin'}"}, tmp_path, token_command="give-token")
    assert source.token() == "from-bin"
    error = refused(find({"PATH": ":."}, tmp_path, token_command="give-token"))
    assert "not on PATH" in error.message


# membrane token


def test_the_binary_is_asked_for_a_token_and_banners_are_passed_over(tmp_path: Path) -> None:
    token = unsigned(workspaceKey="w", tenantKey="t")
    binary = script(
        tmp_path,
        f"assert sys.argv[1:] == ['token']\nprint('DEPRECATED: do not'); print({token!r})",
    )
    source = find({}, tmp_path, membrane=binary)
    assert source.token() == token
    assert source.account == "w/t"
    assert "`fsctl login`" in source.remedy


# Secrets


def test_no_source_shows_its_secrets(tmp_path: Path) -> None:
    token = unsigned(workspaceKey="w")
    sources = [
        find({"MEMBRANE_TOKEN": token}, tmp_path),
        find(WORKSPACE, tmp_path),
        find({}, tmp_path, token_command=script(tmp_path, f"print({token!r})")),
    ]
    for source in sources:
        held = source.token()
        for text in (repr(source), str(source), source.origin, source.remedy, source.account):
            assert held not in text
            assert SECRET not in text
