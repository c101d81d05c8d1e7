"""``fsctl profiles``: several accounts, one flag apart."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fsctl.settings.keys import KEYS
from fsctl.settings.profiles import load
from tests.support.command import BINARY, Ended, Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import SECRET, Online, online, token_environment, with_membrane
from tests.support.program import Program
from tests.support.sandbox_server import running_sandbox
from tests.support.window import in_window


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def stored(program: Program | Fsctl) -> dict[str, Any]:
    return {name: dict(keys) for name, keys in load(program.home / "config").profiles.items()}


def ok(done: Ended) -> Ended:
    assert done.code == 0, done.show
    return done


def refused(done: Ended, code: int = 2) -> Ended:
    assert (done.code, done.out) == (code, ""), done.show
    return done


def text(program: Program) -> str:
    return (program.home / "config" / "config.toml").read_text()


# -- create, use, set, unset, delete


def test_create_stores_the_global_options_given_with_it(program: Program) -> None:
    ok(
        program(
            "--connection", "c", "profiles", "create", "work", "--transport", "http", "--via",
            "proxy", "--api-host", "a.test", "--api-host", "b.test", "-o", "csv",
            "--timeout", "30s", "--retries", "5", "-q", "--yes", "--fields", "id",
            "--color", "never",
        )
    )  # fmt: skip
    assert stored(program) == {
        "work": {
            "connection": "c",
            "transport": "http",
            "via": "proxy",
            "output": "csv",
            "timeout": "30s",
            "retries": 5,
            "allowed_hosts": ["a.test", "b.test"],
        }
    }


def test_the_short_spellings_are_stored_as_what_they_mean(program: Program) -> None:
    ok(program("profiles", "create", "rehearsal", "--sandbox", "--json", "--use"))
    assert stored(program) == {"rehearsal": {"transport": "sandbox", "output": "json"}}
    assert load(program.home / "config").active == "rehearsal"
    done = ok(program("users", "list", "--limit", "1"))
    assert isinstance(json.loads(done.out), list)
    assert "sandbox: nothing leaves" in done.err


def test_what_the_environment_says_is_not_stored(program: Program) -> None:
    ok(program("profiles", "create", "work", env={"FSCTL_CONNECTION": "c", "FSCTL_TIMEOUT": "5"}))
    assert stored(program) == {"work": {}}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("create", "work"), "exists already"),
        (("create", "-"), "cannot be the name of a profile"),
        (("create", "a\x1b[2Jb"), "cannot be the name of a profile"),
        (("create", "new", "--profile", "work"), "--profile names another profile"),
        (("create", "new", "--timeout", "soon"), "not a length of time"),
        (("create", "new", "--retries", "99"), "retries cannot be 99"),
        (("create", "new", "--connection", ".."), "The connection '..' is refused"),
        (("create", "new", "--connection", SECRET), "no secret is kept on disk"),
        (("use",), "takes a NAME or --none"),
        (("use", "work", "--none"), "takes a NAME or --none"),
        (("use", "wrok"), "The profile 'wrok' does not exist"),
        (("delete", "wrok"), "The profile 'wrok' does not exist"),
        (("show", "wrok"), "The profile 'wrok' does not exist"),
        (("show", "wrok", "--origin"), "The profile 'wrok' (--profile) does not exist"),
        (("set", "timeout", "5", "--profile", "wrok"), "The profile 'wrok' (--profile)"),
        (("unset", "timeout", "--profile", "wrok"), "The profile 'wrok' (--profile)"),
        (("set", "timeuot", "5"), "The key 'timeuot' of a profile is unknown"),
        (("unset", "timeuot"), "The key 'timeuot' of a profile is unknown"),
        (("set", "output", "xml"), "output cannot be 'xml'"),
        (("set", "api_url", "https://u:p@getmembrane.com"), "The address in api_url is refused"),
        (("set", "api_url", "http://evil.example"), "api_url names evil.example without TLS"),
        (("set", "membrane_command", "./membrane"), "membrane_command cannot be './membrane'"),
        (("set", "token_command", "bin/mint --now"), "token_command cannot be 'bin/mint'"),
        (("set", "org", "../x"), "org cannot be '../x'"),
        (("trust", "nowhere"), "There is no "),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["", "dry"])
def test_what_cannot_be_is_refused_and_the_file_stays(
    program: Program, line: tuple[str, ...], told: str, dry: tuple[str, ...]
) -> None:
    ok(program("profiles", "create", "work", "--use"))
    before = text(program)
    done = refused(program("profiles", *line, *dry))
    assert told in done.err
    assert done.err.count("\n") >= 2, "what to do stands below"
    assert text(program) == before
    assert SECRET not in done.err


@pytest.mark.parametrize("key", ["token", "access-token", "MEMBRANE_TOKEN", "api_key", "password"])
def test_a_secret_is_refused_with_advice(program: Program, key: str) -> None:
    done = refused(program("profiles", "set", key, "hunter2secret"))
    assert "would keep a secret on disk" in done.err
    assert "Use token_command, or MEMBRANE_TOKEN in the environment." in done.err
    assert "hunter2secret" not in done.err
    assert not (program.home / "config").exists()


def test_the_value_of_a_token_is_refused_under_any_key(program: Program) -> None:
    for key in ("tenant", "connection", "token_command"):
        done = refused(program("profiles", "set", key, SECRET))
        assert "no secret is kept on disk" in done.err
        assert SECRET not in done.err


@pytest.mark.parametrize("key", KEYS)
def test_every_key_can_be_set_and_unset(program: Program, key: str) -> None:
    value = {
        "transport": "http", "via": "action", "output": "json", "timeout": "20s", "retries": "2",
        "connect_timeout": "3", "time_zone": "UTC", "region": "eu1", "org": "o-1-eu1",
        "api_url": "https://api.getmembrane.com", "proxy_base": "/v2",
    }.get(key, "a.test")  # fmt: skip
    ok(program("profiles", "set", key.replace("_", "-"), value))
    assert list(stored(program)["default"]) == [key]
    ok(program("profiles", "unset", key))
    assert stored(program) == {"default": {}}


def test_readme_has_a_row_for_every_key() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    rows = [line.split("|")[3].strip() for line in readme.splitlines() if line.startswith("| ")
            and line.count("|") >= 5]  # fmt: skip
    assert [key for key in KEYS if f"`{key}`" not in rows] == []


def test_set_and_unset_change_the_profile_in_use_and_say_which(program: Program) -> None:
    ok(program("profiles", "create", "work", "--use"))
    ok(program("profiles", "create", "home"))
    done = ok(program("profiles", "set", "timeout", "20"))
    assert done.err == "fsctl: timeout = 20 in the profile 'work'.\n"
    ok(program("profiles", "set", "timeout", "21", env={"FSCTL_PROFILE": "home"}))
    ok(program("--profile", "home", "profiles", "set", "allowed_hosts", "a.test, b.test"))
    assert stored(program) == {
        "work": {"timeout": 20},
        "home": {"timeout": 21, "allowed_hosts": ["a.test", "b.test"]},
    }
    done = ok(program("profiles", "unset", "timeout", "retries"))
    assert done.err == (
        "fsctl: removed timeout from the profile 'work'.\n"
        "fsctl: there is no retries in the profile 'work'.\n"
    )
    assert stored(program)["work"] == {}


def test_a_variable_that_goes_before_what_was_set_is_told(program: Program) -> None:
    done = ok(program("profiles", "set", "timeout", "20", env={"FSCTL_TIMEOUT": "5"}))
    assert "FSCTL_TIMEOUT is set, and goes before that." in done.err
    ok(program("profiles", "create", "work"))
    done = ok(program("profiles", "use", "work", env={"FSCTL_PROFILE": "default"}))
    assert "FSCTL_PROFILE goes before that, and names 'default'." in done.err


def test_an_address_that_credentials_will_not_go_to_is_told_when_it_is_set(
    program: Program,
) -> None:
    url = "https://membrane.own.example"
    done = ok(program("profiles", "set", "api_url", url))
    assert (
        "warning: api_url names membrane.own.example, a host that credentials are not" in done.err
    )
    assert "allowed_hosts" in done.err
    ok(program("profiles", "set", "allowed_hosts", "membrane.own.example"))
    assert "warning" not in ok(program("profiles", "set", "api_url", url)).err


def test_delete_tells_what_is_gone(program: Program) -> None:
    ok(program("profiles", "create", "work", "--connection", "c", "--retries", "0", "--use"))
    done = ok(program("profiles", "delete", "work"))
    assert "which had connection = c, retries = 0." in done.err
    assert "no profile is in use now" in done.err
    assert load(program.home / "config")[1:] == (None, {})


def test_delete_tells_which_profile_is_in_use_afterwards(program: Program) -> None:
    for name in ("default", "work"):
        ok(program("profiles", "create", name, "--use"))
    done = ok(program("profiles", "delete", "work"))
    assert "the profile 'default' is in use now" in done.err
    ok(program("profiles", "use", "default"))
    assert "no profile is in use now" in ok(program("profiles", "delete", "default")).err


def test_a_dry_run_is_data_and_writes_nothing(program: Program) -> None:
    ok(program("profiles", "create", "work", "--retries", "0"))
    before = text(program)
    lines: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (("create", "home", "--retries", "2"), {"profile": "home", "set": {"retries": 2}}),
        (("set", "timeout", "5"), {"profile": "default", "set": {"timeout": 5}}),
        (("unset", "retries", "via", "--profile", "work"),
         {"profile": "work", "unset": ["retries"]}),
        (("use", "work"), {"active": "work"}),
        (("delete", "work"), {"delete": "work", "settings": {"retries": 0}}),
    ]  # fmt: skip
    file = str(program.home / "config" / "config.toml")
    for line, plan in lines:
        done = ok(program("profiles", *line, "--dry-run"))
        assert json.loads(done.out) == {"dry_run": True, "file": file, **plan}
    assert text(program) == before


# -- looking


def test_list_shows_which_is_in_use(program: Program) -> None:
    done = ok(program("profiles", "list", stdout_is_terminal=True))
    assert "There is nothing to list." in done.err
    ok(program("profiles", "create", "work", "--connection", "c"))
    ok(program("profiles", "create", "default"))
    rows = [json.loads(line) for line in ok(program("profiles", "list")).out.splitlines()]
    assert rows == [
        {"name": "work", "in_use": False, "settings": {"connection": "c"}},
        {"name": "default", "in_use": True, "settings": {}},
    ]
    for given, env in ((("--profile", "work"), {}), ((), {"FSCTL_PROFILE": "work"})):
        done = ok(program("profiles", "list", *given, "--jq", "select(.in_use).name", env=env))
        assert done.out == "work\n"


def test_list_helps_where_the_profile_that_is_named_does_not_exist(program: Program) -> None:
    program.profile('active = "gone"\n[profiles.work]\n')
    named: list[tuple[tuple[str, ...], dict[str, str], str]] = [
        ((), {}, "'gone' (active)"),
        ((), {"FSCTL_PROFILE": "lost"}, "'lost' (FSCTL_PROFILE)"),
        (("--profile", "off"), {}, "'off' (--profile)"),
    ]
    for given, env, told in named:
        done = ok(program("profiles", "list", *given, env=env))
        assert json.loads(done.out) == {"name": "work", "in_use": False, "settings": {}}
        assert f"warning: The profile {told} does not exist." in done.err


def test_show_shows_one_profile_or_the_one_in_use(program: Program) -> None:
    done = ok(program("profiles", "show"))
    assert json.loads(done.out) == {"profile": None}
    assert "no profile is in use" in done.err
    ok(program("profiles", "create", "work", "--connection", "c", "--use"))
    ok(program("profiles", "create", "home", "--retries", "1"))
    assert json.loads(program("profiles", "show").out) == {"profile": "work", "connection": "c"}
    shown = {"profile": "home", "retries": 1}
    assert json.loads(program("profiles", "show", "home").out) == shown
    assert json.loads(program("--profile", "home", "profiles", "show").out) == shown


def test_show_origin_names_the_source_of_every_setting(program: Program) -> None:
    program.profile(
        'active = "work"\n[profiles.work]\nconnection = "c"\ntime_zone = "UTC"\n'
        '[profiles.home]\nconnection = "h"\n'
    )
    env = {"FSCTL_RETRIES": "0", "MEMBRANE_API_URI": "https://api.getmembrane.com"}
    line = ("profiles", "show", "--origin", "--via", "proxy")
    rows = [json.loads(row) for row in ok(program(*line, env=env)).out.splitlines()]
    assert {row["key"]: (row["value"], row["origin"]) for row in rows} == {
        "profile": ("work", "active"),
        "transport": ("auto", "default"),
        "connection": ("c", "connection in the profile work"),
        "via": ("proxy", "--via"),
        "api_url": ("https://api.getmembrane.com", "MEMBRANE_API_URI"),
        "output": ("json, and jsonl for lists", "default"),
        "time_zone": ("UTC", "time_zone in the profile work"),
        "timeout": ("70s", "default"),
        "connect_timeout": ("10s", "default"),
        "retries": ("0", "FSCTL_RETRIES"),
    }
    done = ok(program(*line, "home", "--jq", 'select(.key == "connection").origin'))
    assert done.out == "connection in the profile home\n"


def test_the_sandbox_knows_no_connection_of_a_real_account(program: Program) -> None:
    program.profile('[profiles.default]\nconnection = "c"\norg = "o-1-eu1"\nretries = 2\n')
    keys = ok(program("--sandbox", "profiles", "show", "--origin", "--jq", ".key")).out.split()
    assert "retries" in keys
    assert not {"connection", "org"} & set(keys)


def test_a_secret_that_somebody_wrote_into_a_value_is_not_shown(program: Program) -> None:
    program.profile(f'[profiles.default]\ntoken_command = "echo {SECRET}"\n')
    lines: list[tuple[str, ...]] = [
        ("list",),
        ("show",),
        ("show", "--origin"),
        ("delete", "default"),
    ]
    for line in lines:
        assert SECRET not in ok(program("profiles", *line)).show


def test_a_table_on_a_terminal(tmp_path: Path) -> None:
    fsctl = Fsctl(tmp_path)
    ok(fsctl("profiles", "create", "work", "--connection", "c", "--use"))
    env = fsctl.env | {"NO_COLOR": "1"}
    done = in_window("profiles", "list", env=env, cwd=tmp_path, columns=60)
    assert done.out == "NAME  IN USE  SETTINGS\nwork  true    connection=c\n"


# -- a broken file


BROKEN = 'active = "work"\n[profiles.work\nconnection = "c"\n'


@pytest.mark.parametrize(
    "line",
    [
        ("profiles", "list"),
        ("profiles", "show"),
        ("profiles", "show", "--origin"),
        ("profiles", "use", "work"),
        ("profiles", "create", "new"),
        ("profiles", "set", "timeout", "5"),
        ("profiles", "unset", "timeout"),
        ("profiles", "delete", "work"),
        ("--sandbox", "users", "list"),
        ("-o", "json", "profiles", "set", "timeout", "5"),
    ],
    ids=" ".join,
)
def test_a_broken_file_is_told_with_line_and_column_and_stays(
    program: Program, line: tuple[str, ...]
) -> None:
    program.profile(BROKEN)
    done = refused(program(*line))
    assert "line 2, column 15" in done.err
    assert str(program.home / "config" / "config.toml") in done.err
    assert text(program) == BROKEN


def test_a_file_that_everyone_may_write_is_not_read(program: Program, tmp_path: Path) -> None:
    mint = f'[profiles.default]\ntoken_command = "touch {tmp_path}/ran"\n'
    program.profile(mint)
    file = program.home / "config" / "config.toml"
    file.chmod(0o666)
    for line in (("users", "list"), ("profiles", "list"), ("profiles", "set", "timeout", "5")):
        done = refused(program(*line))
        assert f"'{file}' can be written by everyone" in done.err
        assert f"run `chmod 600 {file}`" in done.err
    assert not (tmp_path / "ran").exists()
    assert text(program) == mint
    file.chmod(0o660)
    ok(program("profiles", "list"))


def test_the_path_of_a_broken_file_is_told_all_the_same(program: Program) -> None:
    program.profile(BROKEN)
    done = ok(program("profiles", "path"))
    assert done.out == f"{program.home}/config/config.toml\n"


# -- several processes, with the command itself


def test_commands_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    fsctl = Fsctl(tmp_path)
    names = [f"p{number}" for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        ended = pool.map(lambda n: fsctl("profiles", "create", n, "--connection", f"c{n}"), names)
        assert [done.code for done in ended] == [0] * len(names)
    assert stored(fsctl) == {name: {"connection": f"c{name}"} for name in names}


# -- accounts that are one flag apart


def test_two_accounts_are_one_flag_apart(tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "a") as one, running_sandbox(tmp_path / "b") as other:
        home = tmp_path / "home"
        home.mkdir()
        fsctl = Fsctl(home, {"PATH": "/usr/bin:/bin", "MEMBRANE_TOKEN": SECRET})
        for name, server in (("one", one), ("other", other)):
            ok(fsctl("profiles", "create", name))
            ok(fsctl("profiles", "set", "api_url", server.url, "--profile", name))
            ok(fsctl("profiles", "set", "source", f"from {name}", "--profile", name))
        ok(fsctl("profiles", "use", "one"))
        for line in ((), ("--profile", "other")):
            ok(fsctl(*line, "annotations", "create", "x"))
        for name, server in (("one", one), ("other", other)):
            [sent] = [each for each in server.requests if each.path == "/act"]
            assert json.loads(sent.body or b"")["input"]["source"] == f"from {name}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


def test_the_keys_of_a_profile_are_used(server: Online, tmp_path: Path) -> None:
    program = Program(tmp_path, token_environment(server.server.url))
    program.profile(
        '[profiles.default]\nconnection = "no-such-connection"\ntimeout = "20s"\nretries = 0\n'
        'output = "csv"\ntime_zone = "Asia/Tokyo"\norg = "o-1ABC-eu1"\nvia = "proxy"\n'
    )
    done = program("users", "list", "--limit", "1")
    assert done.code in (3, 4), done.show
    assert "no-such-connection" in done.err
    ok(program("profiles", "unset", "connection"))
    done = ok(program("users", "list", "--limit", "1", "--fields", "uid"))
    assert done.out == "uid\r\nada\r\n" or done.out == "uid\nada\n"
    before = len(server.server.requests)
    ok(program("annotations", "create", "x", "--start", "2026-03-01T12:00:00"))
    [sent] = [each for each in server.server.requests[before:] if "/annotations" in each.path]
    assert "/proxy/" in sent.path
    assert json.loads(sent.body or b"")["start_time"] == "2026-03-01T03:00:00Z"
    done = ok(program("sessions", "open", "1234567890:9876543210", "--dry-run"))
    assert done.out == "https://app.eu1.fullstory.com/ui/o-1ABC-eu1/session/1234567890:9876543210\n"


def test_the_patience_of_a_profile_is_used(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, faults=["500:1"]) as busy:
        program = Program(tmp_path, token_environment(busy.url))
        for retries in (0, 2):
            ok(program("profiles", "set", "retries", str(retries)))
            before = len(busy.requests)
            assert program("users", "list").code == 5
            assert len(busy.requests) - before == retries + 1
    with running_sandbox(tmp_path, faults=["hang"]) as asleep:
        program = Program(tmp_path, token_environment(asleep.url))
        ok(program("profiles", "set", "retries", "0"))
        ok(program("profiles", "set", "timeout", "0.2s"))
        done = program("users", "list")
        assert done.code == 5, done.show
        assert "did not answer in time" in done.err


@pytest.mark.parametrize("form", ["older", "newest"])
def test_the_tenant_of_a_profile_goes_to_the_membrane_command(
    form: Any, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(form=form, without=["token"])
    fsctl = with_membrane(fake, tmp_path, server.server.url)
    ok(fsctl("profiles", "set", "tenant", "customer-7"))
    ok(fsctl("users", "list", "--limit", "1"))
    assert fake.asked
    assert all("--tenantKey=customer-7" in argv for argv in fake.asked)
    before = len(fake.asked)
    ok(fsctl("users", "list", "--limit", "1", env={"MEMBRANE_TENANT_KEY": "customer-8"}))
    assert all("--tenantKey=customer-8" in argv for argv in fake.asked[before:])


def test_a_workspace_secret_serves_the_tenant_of_each_profile(tmp_path: Path) -> None:
    import base64

    with running_sandbox(tmp_path / "a") as sandbox:
        home = tmp_path / "home"
        home.mkdir()
        env = {
            "PATH": "/usr/bin:/bin",
            "MEMBRANE_API_URL": sandbox.url,
            "MEMBRANE_WORKSPACE_KEY": "w",
            "MEMBRANE_WORKSPACE_SECRET": "s" * 40,
        }
        fsctl = Fsctl(home, env)
        for tenant in ("one", "other"):
            ok(fsctl("profiles", "create", tenant))
            ok(fsctl("profiles", "set", "tenant", tenant, "--profile", tenant))
            before = len(sandbox.requests)
            ok(fsctl("--profile", tenant, "users", "list", "--limit", "1"))
            token = dict(sandbox.requests[before].headers)["Authorization"].split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
            assert claims["tenantKey"] == tenant


def test_help_and_completion_of_profiles_load_no_writer(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom fsctl.cli.main import main\nmain(sys.argv[1:])\n"
        "assert not {'tomlkit', 'filelock', 'tomllib'} & set(sys.modules), sys.modules.keys()\n"
    )
    python = BINARY.with_name("python")
    env = Fsctl(tmp_path).env
    for line in (("profiles", "--help"), ("profiles", "list"), ("profiles", "path")):
        done = subprocess.run(
            [str(python), "-c", code, *line],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
