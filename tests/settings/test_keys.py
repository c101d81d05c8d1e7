"""The keys: what may stand in each, and that every one is asked for where it belongs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import Usage, meant
from fsctl.settings import env
from fsctl.settings.keys import KEYS, PROJECT_ONLY, check_value, read_value, unknown_key
from fsctl.settings.project import HARMLESS, TRUSTED

SOURCES = "".join(
    path.read_text() for path in (Path(__file__).parents[2] / "fsctl" / "cli").rglob("*.py")
)


def test_every_key_is_asked_for_with_its_own_variable() -> None:
    asked = dict(
        re.findall(
            r"settings\s*\.(?:text|raw|choice|seconds|count)\(\s*\"(\w+)\"(?:,\s*([\w.]+))?",
            SOURCES,
        )
    )
    asked |= dict.fromkeys(re.findall(r"text_setting\(\"(\w+)\"\)", SOURCES), "")
    later = {"service", "environment"}  # of the deployments that are still to come
    read_apart = {"allowed_hosts"}
    assert set(KEYS) - set(asked) <= later | read_apart
    known = {f"env.{name}": value for name, value in vars(env).items()}
    known["ENV_TENANT_KEY"] = env.TENANT
    for key in set(KEYS) & set(asked) - {"api_url"}:
        assert known.get(asked[key]) == KEYS[key].variable, key


def test_the_tenants_variable_is_membranes_own() -> None:
    from fsctl.membrane.tokens import ENV_TENANT_KEY

    assert env.TENANT == ENV_TENANT_KEY


def test_a_project_file_has_no_key_for_hosts_commands_or_tenants() -> None:
    known = {*KEYS, *PROJECT_ONLY}
    assert {*HARMLESS, *TRUSTED} <= known
    never = {"api_url", "allowed_hosts", "token_command", "membrane_command", "proxy_base"}
    assert not never & {*HARMLESS, *TRUSTED}


GOOD: list[tuple[str, Any]] = [
    ("transport", "cli"),
    ("via", "proxy"),
    ("output", "csv"),
    ("timeout", 20),
    ("timeout", "1m30s"),
    ("connect_timeout", 1.5),
    ("retries", 0),
    ("retries", "20"),
    ("time_zone", "Europe/Berlin"),
    ("connection", "6570c0ffee0123456789abcd"),
    ("connection", "Full/Story of ünï"),
    ("api_url", "http://127.0.0.1:8765"),
    ("api_url", "https://membrane.example.test/base"),
    ("allowed_hosts", ["a.test", "b.test:8443"]),
    ("org", "o-1ABCDE-eu1"),
    ("region", "eu1"),
    ("region", "eu"),
    ("token_command", "gcloud secrets versions access latest --secret=membrane-token"),
    ("token_command", ["op", "read", "op://team/membrane/token"]),
    ("token_command", "pass show pat-membrane"),
    ("token_command", "lpass show --password membrane"),
    ("token_command", "vault kv get -field=token secret/membrane"),
    ("token_command", "security find-generic-password -s membrane -w"),
    ("token_command", "aws secretsmanager get-secret-value --secret-id membrane --query X"),
    ("token_command", "curl -H @/home/ada/header -u ada https://v.example/x"),
    ("token_command", "sh -c 'MEMBRANE_TOKEN=$(pass x); echo $MEMBRANE_TOKEN'"),
    ("token_command", "mytool --token-file /run/token --token $TOKEN --password"),
    ("token_command", "git archive --remote=ssh://git@host.example/x token"),
    ("membrane_command", "npx --yes @membranehq/cli"),
    ("membrane_command", "env MEMBRANE_HOME=/opt/m NODE_OPTIONS=--use-system-ca membrane"),
    ("source", "ci"),
    ("proxy_base", "/v2"),
]


@pytest.mark.parametrize(("key", "value"), GOOD)
def test_a_value_that_can_be_used(key: str, value: Any) -> None:
    check_value(key, value)


BAD: list[tuple[str, Any]] = [
    ("transport", "ftp"),
    ("via", ""),
    ("output", "xml"),
    ("timeout", "soon"),
    ("timeout", 0),
    ("retries", 21),
    ("retries", -1),
    ("retries", "٣"),
    ("time_zone", "Mars/Olympus"),
    ("time_zone", "../../etc/passwd"),
    ("connection", ".."),
    ("connection", "a\nb"),
    ("api_url", "https://user:hunter2secret@getmembrane.com"),
    ("api_url", "ftp://getmembrane.com"),
    ("allowed_hosts", ["a.test", ""]),
    ("org", "a/b"),
    ("region", "mars"),
    ("token_command", "op 'read"),
    ("source", "\x1b[31mred"),
    ("source", "x" * 5000),
    ("proxy_base", "/v2/../x"),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_value_that_cannot_be_used_is_told_with_advice(key: str, value: Any) -> None:
    with pytest.raises(Usage) as ended:
        check_value(key, value)
    assert ended.value.message.isprintable()
    assert ended.value.hint
    assert "hunter2secret" not in str(ended.value.as_data())


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ0ZW5hbnRLZXkiOiJ0In0.c2VjcmV0LXNpZ25hdHVyZQ"


@pytest.mark.parametrize("token", [JWT, "pat-S3cret-of.the_tests-9f8e7d"])
@pytest.mark.parametrize("key", ["tenant", "connection", "source", "token_command", "org"])
def test_a_token_is_kept_nowhere_and_not_repeated(key: str, token: str) -> None:
    for value in (token, f"echo {token}", [token], f"x={token}"):
        with pytest.raises(Usage) as ended:
            check_value(key, value)
        assert "no secret is kept on disk" in ended.value.message
        assert "token_command" in (ended.value.hint or "")
        assert token not in str(ended.value.as_data())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("token_command", "curl -H 'Authorization: Bearer abcdefghijklmnop0123' https://v/x"),
        ("token_command", "curl -u ada:hunter2 https://v.example/x"),
        ("token_command", "curl https://ada:hunter2@v.example/x"),
        ("token_command", "curl https://v.example/x?access_token=hunter2"),
        ("token_command", "mytool --password hunter2hunter2"),
        ("token_command", "mytool --password=swordfish"),
        ("token_command", ["mytool", "--token", "abc"]),
        ("token_command", "vault read -token=abc secret/membrane"),
        ("token_command", "mytool --client-secret=swordfish"),
        ("token_command", "mytool --secret hunter2hunter2"),
        ("token_command", "env VAULT_TOKEN=hunter2 vault read secret/membrane"),
        ("membrane_command", "env MEMBRANE_TOKEN=abcdef membrane"),
        ("membrane_command", "env MEMBRANE_WORKSPACE_SECRET=x membrane"),
        ("source", "Bearer abcdefghijklmnop0123"),
    ],
)
def test_a_secret_of_another_kind_is_kept_nowhere_and_not_repeated(key: str, value: Any) -> None:
    with pytest.raises(Usage) as ended:
        check_value(key, value)
    told = str(ended.value.as_data())
    assert "no secret is kept on disk" in told
    for secret in ("abc", "hunter2", "swordfish", "=x"):
        assert secret not in told


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("timeout", "20", 20),
        ("timeout", "20s", "20s"),
        ("retries", "٣", "٣"),
        ("allowed_hosts", "a.test, b.test:8443,", ["a.test", "b.test:8443"]),
        ("token_command", "op read, x", "op read, x"),
        ("connection", "123", "123"),
    ],
)
def test_what_is_typed_becomes_what_the_file_has(key: str, text: str, value: Any) -> None:
    assert read_value(key, text) == value


@pytest.mark.parametrize(
    ("word", "guess"),
    [("timeuot", "timeout"), ("time-zone", "time_zone"), ("Conection", "connection"), ("x", None)],
)
def test_a_mistyped_key_is_guessed(word: str, guess: str | None) -> None:
    hint = unknown_key(word, "in x", KEYS).hint or ""
    assert hint.startswith(f"Did you mean {guess!r}? Keys: transport" if guess else "Keys: transp")


def test_a_very_long_word_is_guessed_at_once() -> None:
    assert meant("a" * 1_000_000, KEYS) == ""
