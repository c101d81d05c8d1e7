"""Logging in and out without a terminal: what ``membrane`` is asked, over both of its forms."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_attack_checkout import Checkout
from tests.support.command import Ended, Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.fake_membrane_login import ADDRESS
from tests.support.online import SECRET, SYSTEM_PATH, online, with_membrane

CODE = "c0de-of-the-page"
FORMS = pytest.mark.parametrize("form", ["older", "newest"])


def profile(home: Path, text: str) -> None:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(f"[profiles.default]\n{text}\n")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def run(home: Path, *arguments: str, fake: FakeMembrane, **more: Any) -> Ended:
    return with_membrane(fake, home)(*arguments, **more)


# -- login


@FORMS
def test_without_a_terminal_the_address_is_printed_and_the_second_step_named(
    form: Any, tmp_path: Path
) -> None:
    fake = FakeMembrane(form=form)
    done = run(tmp_path, "auth", "login", fake=fake)
    assert done.code == 0, done.show
    assert ADDRESS in done.out
    assert "nobody is logged in yet." in done.err
    assert "`fsctl auth complete`" in done.err
    flags = [] if form == "older" else ["--non-interactive"]
    assert fake.asked == [["login", "--tenant", *flags]]
    assert fake.calls[-1].terminals == []


def test_login_is_short_for_auth_login(tmp_path: Path) -> None:
    fake = FakeMembrane()
    assert run(tmp_path, "login", fake=fake).code == 0
    assert run(tmp_path, "logout", fake=fake).code == 0
    assert [argv[0] for argv in fake.asked] == ["login", "logout"]


def test_a_login_whose_help_has_no_tenant_is_run_without_it(tmp_path: Path) -> None:
    lines = ["login --apiUri <url> --non-interactive", "connection list", "action run <id>"]
    fake = FakeMembrane(help="".join(f"  membrane {line}\n" for line in lines))
    assert run(tmp_path, "login", fake=fake).code == 0
    assert fake.asked == [["login", "--non-interactive"]]


@FORMS
@pytest.mark.parametrize(
    ("variable", "tenant"), [({}, "acme"), ({"MEMBRANE_TENANT_KEY": "other"}, "other")]
)
def test_the_profiles_tenant_is_asked_for_where_there_is_a_word_for_it(
    form: Any, variable: Mapping[str, str], tenant: str, tmp_path: Path
) -> None:
    fake = FakeMembrane(form=form)
    profile(tmp_path, 'tenant = "acme"')
    done = run(tmp_path, "login", fake=fake, env=variable)
    assert done.code == 0, done.show
    said = f"login takes no tenant: choose '{tenant}' if it asks."
    assert (f"--tenantKey={tenant}" in fake.asked[0]) is (form == "newest")
    assert (said in done.err) is (form == "older")


@FORMS
def test_a_client_name_is_told_where_there_is_a_word_for_it(form: Any, tmp_path: Path) -> None:
    fake = FakeMembrane(form=form)
    done = run(tmp_path, "login", "--client-name", "codex", fake=fake)
    assert done.code == 0, done.show
    assert ("--clientName=codex" in fake.asked[0]) is (form == "newest")
    assert ("takes no client name" in done.err) is (form == "older")


@FORMS
def test_an_address_is_told_when_it_has_been_checked(form: Any, tmp_path: Path) -> None:
    fake = FakeMembrane(form=form)
    there = {"MEMBRANE_API_URL": "https://api.integration.app/"}
    assert run(tmp_path, "login", fake=fake, env=there).code == 0
    assert "--apiUri=https://api.integration.app" in fake.asked[0]
    assert fake.calls[-1].api_urls == ["https://api.integration.app"] * 2
    before = len(fake.calls)
    evil = {"MEMBRANE_API_URI": "https://evil.test"}
    done = run(tmp_path, "login", fake=fake, env=evil)
    assert (done.code, len(fake.calls)) == (4, before), done.show
    assert "evil.test, a host that credentials are not sent to" in done.err


def test_membrane_gets_its_own_variables_and_nothing_that_silences_it(tmp_path: Path) -> None:
    fake = FakeMembrane()
    own = {"MEMBRANE_WORKSPACE_KEY": "acme", "MEMBRANE_ACCESS_TOKEN": SECRET, "BROWSER": "x"}
    done = run(tmp_path, "login", fake=fake, env=own)
    assert done.code == 0, done.show
    call = fake.calls[-1]
    assert set(own) <= set(call.env)
    assert not {"CI", "NO_COLOR"} & set(call.env)
    assert Path(call.cwd) == tmp_path / "state"


def test_a_token_that_hides_the_login_is_told(tmp_path: Path) -> None:
    for name in ("MEMBRANE_TOKEN", "MEMBRANE_ACCESS_TOKEN"):
        done = run(tmp_path, "login", fake=FakeMembrane(), env={name: SECRET})
        assert f"Tokens of {name} are at hand, and are used instead" in done.err, done.show
    assert "at hand" not in run(tmp_path, "login", fake=FakeMembrane()).err


def test_a_hostile_checkout_takes_no_part_in_a_login(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "work" / "checkout")
    fake = FakeMembrane()
    fsctl = with_membrane(fake, tmp_path / "home")
    tools = fsctl.env["PATH"].partition(os.pathsep)[0]
    done = [
        fsctl(*line, cwd=checkout.root / "packages" / "app", env={"PATH": checkout.path(tools)})
        for line in (("login",), ("auth", "complete", CODE), ("logout",))
    ]
    assert [each.code for each in done] == [0, 0, 0], done[0].show
    for call in fake.calls:
        assert Path(call.cwd) == tmp_path / "home" / "state"
        entries = [Path(entry) for entry in call.path.split(os.pathsep)]
        assert not any(entry.is_relative_to(checkout.root) for entry in entries), call.path
    lost = Fsctl(tmp_path / "home", {"PATH": checkout.path()})("login", cwd=checkout.root)
    assert lost.code == 4, lost.show
    assert checkout.sprung == []


@pytest.mark.parametrize("line", [("login",), ("auth", "complete", CODE), ("logout",)])
def test_without_the_binary_it_is_said_what_to_do(line: Sequence[str], tmp_path: Path) -> None:
    done = Fsctl(tmp_path, {"PATH": SYSTEM_PATH})(*line, "-o", "json")
    assert done.code == 4, done.show
    told = json.loads(done.err.splitlines()[-1])["error"]
    assert told["code"] == "no_membrane"
    install = "npm install -g @membranehq/cli"
    assert (install in told["hint"]) is (line != ("logout",))


@pytest.mark.parametrize("line", [("login",), ("auth", "complete", CODE), ("logout",)])
def test_another_program_of_that_name_is_refused(line: Sequence[str], tmp_path: Path) -> None:
    other = script(tmp_path / "tools" / "membrane", 'echo "$@" >> "$HOME/ran"; echo a shell')
    done = Fsctl(tmp_path, {"PATH": f"{other.parent}:{SYSTEM_PATH}"})(*line)
    assert done.code == 4, done.show
    assert "is not Membrane's command line" in done.err
    assert (tmp_path / "ran").read_text().split() == ["--help"], "asked, and nothing more"


def test_a_login_that_fails_is_for_a_person(tmp_path: Path) -> None:
    done = run(tmp_path, "login", fake=FakeMembrane(login="fail"))
    assert done.code == 4, done.show
    assert "Error: access denied\nfsctl: error: `membrane login` failed with status 7." in done.err
    assert "`membrane login --help`" in done.err


def test_a_dry_run_tells_what_it_would_run(tmp_path: Path) -> None:
    fake = FakeMembrane()
    for line, told in (
        (("login",), "login --tenant --non-interactive"),
        (("logout",), "logout"),
        (("auth", "complete", CODE), "login complete CODE"),
    ):
        done = run(tmp_path, *line, "--dry-run", fake=fake)
        assert done.code == 0, done.show
        assert json.loads(done.out)["run"].endswith(f"/membrane {told}")
        assert CODE not in done.show
    assert fake.asked == []


def test_the_sandbox_needs_no_login(tmp_path: Path) -> None:
    fake = FakeMembrane()
    for line in (("login",), ("logout",), ("auth", "complete", CODE)):
        done = run(tmp_path, "--sandbox", *line, fake=fake)
        assert (done.code, done.err) == (0, "fsctl: The sandbox needs no login.\n"), done.show
    assert fake.calls == []


def test_who_is_in_the_sandbox_by_a_profile_is_told_why_and_the_way_out(tmp_path: Path) -> None:
    fake = FakeMembrane()
    profile(tmp_path, 'transport = "sandbox"')
    done = run(tmp_path, "login", "--quiet", fake=fake)
    assert done.code == 0, done.show
    assert "because of transport in the profile default" in done.err
    assert fake.calls == []
    assert "--transport auto" in done.err
    assert run(tmp_path, "login", "--transport", "auto", fake=fake).code == 0
    assert [argv[0] for argv in fake.asked] == ["login"]


# -- the second step


@FORMS
@pytest.mark.parametrize(
    ("given", "stdin"),
    [
        (CODE, b""),
        ("-", f"{CODE}\n".encode()),
        (f"https://ui.getmembrane.com/done?state=s&code={CODE}#x", b""),
        ("-", f"  http://127.0.0.1:4000/?code={CODE}\r\n".encode()),
    ],
    ids=["argument", "stdin", "address", "address on stdin"],
)
def test_a_code_completes_the_login(form: Any, given: str, stdin: bytes, tmp_path: Path) -> None:
    fake = FakeMembrane(form=form)
    done = run(tmp_path, "auth", "complete", given, fake=fake, stdin=stdin)
    assert done.code == 0, done.show
    assert fake.asked == [["login", "complete", CODE]]
    assert fake.logged_in == "by code"


@pytest.mark.parametrize("code", ["0012300", "-12e4", "--json", "1e3", "0x1f"])
def test_a_code_is_never_a_number_or_a_flag(code: str, tmp_path: Path) -> None:
    fake = FakeMembrane(code=code)
    done = run(tmp_path, "auth", "complete", "--", code, fake=fake)
    assert done.code == 0, done.show
    assert fake.asked == [["login", "complete", "--", code]]


@pytest.mark.parametrize(
    "code", ["", "two words", "a\nb", "\u00e9t\u00e9", "x" * 5000, "https://ui.test/?code=",
             "https://ui.test/done", "https://[bad/?code=x"],
)  # fmt: skip
def test_what_is_no_code_goes_nowhere(code: str, tmp_path: Path) -> None:
    fake = FakeMembrane()
    done = run(tmp_path, "auth", "complete", "-", fake=fake, stdin=code.encode())
    assert (done.code, fake.asked) == (2, []), done.show
    assert not code or code not in done.show


def test_a_code_is_needed(tmp_path: Path) -> None:
    done = run(tmp_path, "auth", "complete", fake=FakeMembrane())
    assert done.code == 2, done.show
    assert "CODE is missing" in done.err


def test_a_refused_code_is_for_a_person_and_never_repeated(tmp_path: Path) -> None:
    wrong = "wr0ng-c0de-1234"
    done = run(tmp_path, "auth", "complete", wrong, "--debug", fake=FakeMembrane())
    assert done.code == 4, done.show
    assert "`membrane login complete` failed with status 1." in done.err
    assert wrong not in done.show


# -- logout, and what is forgotten


def cached(home: Path) -> list[str]:
    """The kinds of things that the cache holds."""
    files = (home / "cache").glob("*.json")
    return sorted({json.loads(file.read_bytes())["key"].split("|")[0] for file in files})


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("login",), 0),
        (("auth", "complete", CODE), 0),
        (("auth", "complete", "wrong"), 4),
        (("logout",), 0),
    ],
)
def test_whoever_logs_in_or_out_is_not_given_what_another_account_had(
    line: Sequence[str], code: int, tmp_path: Path
) -> None:
    fake = FakeMembrane(without=["token"])
    with online(tmp_path / "server") as road:
        fsctl = with_membrane(fake, tmp_path, road.server.url)
        assert fsctl("users", "list", "--limit", "1").code == 0
        assert cached(tmp_path) == ["actions", "connection", "membrane-verbs"]
        assert fsctl(*line, "--dry-run").code == 0
        assert cached(tmp_path) == ["actions", "connection", "membrane-verbs"]
        assert fsctl(*line).code == code
    assert cached(tmp_path) == ["membrane-verbs"]


def test_logout_ends_the_login_but_no_token(tmp_path: Path) -> None:
    fake = FakeMembrane()
    assert run(tmp_path, "auth", "complete", CODE, fake=fake).code == 0
    done = run(tmp_path, "auth", "logout", fake=fake, env={"MEMBRANE_TOKEN": SECRET})
    assert (done.code, fake.logged_in) == (0, None), done.show
    assert "Tokens of MEMBRANE_TOKEN are at hand, and go on working." in done.err
    assert SECRET not in done.show


def test_a_membrane_that_cannot_log_out_says_so(tmp_path: Path) -> None:
    fake = FakeMembrane(form="older")
    done = run(tmp_path, "logout", fake=fake)
    assert (done.code, fake.asked) == (2, []), done.show
    assert "has no command `logout`" in done.err
    assert "@membranehq/cli@latest" in done.err
