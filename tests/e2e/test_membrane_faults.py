"""A ``membrane`` binary that misbehaves, of both generations: exit codes, sends, and no token.

The fakes do what they are asked and only then misbehave, so an annotation has been made whenever
its outcome is unknown. fsctl itself runs in this process, its children are real ones.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.support.fake_membrane import TOKEN, FakeMembrane, Form
from tests.support.online import Online, membrane_environment, online
from tests.support.program import Program

LIST = ("users", "list", "--limit", "1")
CREATE = ("annotations", "create", "v1.4.2 deployed")
FORMS = get_args(Form)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


def through(server: Online, fake: FakeMembrane, home: Path) -> Online:
    server.fail()
    fake.without = (*fake.without, "token")  # or all would go over HTTP
    env = membrane_environment(fake, home, server.server.url)
    return Online(Program(home, env), server.server)


def runs(road: Online) -> int:
    """How often an action was run."""
    return sum("/run" in line or line == "POST /act" for line in road.lines)


@pytest.mark.parametrize(
    ("form", "settings", "read", "write", "message"),
    [
        ("older", {"mood": "empty"}, 5, 7, "was empty"),
        ("older", {"mood": "echo"}, 5, 7, "printed the request it made instead of an answer"),
        ("newest", {"mood": "echo"}, 5, 7, "printed the request it made instead of an answer"),
        ("older", {"mood": "axios"}, 5, 7, "printed the request it made instead of an answer"),
        ("newest", {"mood": "truncated"}, 5, 7, "The output of membrane cannot be read"),
        ("older", {"mood": "killed"}, 5, 7, "membrane was killed by signal 9"),
        (
            "newest",
            {"mood": "text", "text": "Error: socket hang up\n", "exit": 1},
            5,
            7,
            "socket hang up",
        ),
        (
            "older",
            {"mood": "text", "text": "<html>Bad gateway</html>"},
            5,
            7,
            "a page: Bad gateway",
        ),
        (
            "newest",
            {"mood": "text", "text": "Segmentation fault\n", "exit": 139},
            1,
            7,
            "exit status 139",
        ),
    ],
    ids=[
        "empty",
        "echo-older",
        "echo-newest",
        "axios",
        "truncated",
        "killed",
        "network",
        "page",
        "crash",
    ],
)
def test_what_cannot_be_an_answer_fails_a_read_and_leaves_a_write_unknown(
    form: Form,
    settings: dict[str, Any],
    read: int,
    write: int,
    message: str,
    server: Online,
    tmp_path: Path,
) -> None:
    fake = FakeMembrane(form=form, on=["action run"], **settings)
    road = through(server, fake, tmp_path)

    done = road(*LIST, "--retries", "0")
    assert (done.code, runs(road)) == (read, 1), done.show
    assert message in done.err
    assert done.out == "", "what cannot be read must not look like an empty list"
    assert TOKEN not in done.show

    before = road.annotations
    done = road(*CREATE, "--retries", "3", "--debug")
    assert (done.code, runs(road), road.annotations - before) == (write, 1, 1), done.show
    assert message in done.err
    assert "was sent, but whether it took effect is unknown" in done.err
    assert TOKEN not in done.show


def test_a_child_that_hangs_is_stopped_with_all_that_it_started(
    form: Form, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(form=form, mood="hang", on=["action run"])
    road = through(server, fake, tmp_path)
    before = road.annotations
    done = road(*CREATE, "--timeout", "1s", "--retries", "3")
    assert (done.code, runs(road), road.annotations - before) == (7, 1, 1), done.show
    assert "did not end within 1 seconds and was stopped" in done.err
    for pid in Path(fake.pids).read_text().split():
        assert ends(int(pid)), f"{pid} was left behind"


def ends(pid: int) -> bool:
    """Whether a process that has been killed is gone; the kernel may take a moment."""
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_running(pid)


def is_running(pid: int) -> bool:
    """Whether a process is there and not just waiting to be buried."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(
    ("form", "errors"), [("older", "json"), ("older", "exit0"), ("newest", "wrapped")]
)
def test_a_membrane_error_is_told_apart_whatever_the_exit_status(
    form: Form, errors: Any, server: Online, tmp_path: Path
) -> None:
    road = through(server, FakeMembrane(form=form, errors=errors), tmp_path)
    assert road(*LIST).code == 0  # from now on the connection and its actions are known
    server.fail("429")
    before = road.annotations
    done = road(*CREATE, "--retries", "1")
    server.fail()
    assert (done.code, runs(road), road.annotations - before) == (5, 2, 0), done.show
    assert "Rate limit exceeded" in done.err
    assert "Nothing was changed." in done.err


def test_fullstorys_failure_inside_an_exit_status_of_nought_is_a_failure(
    form: Form, server: Online, tmp_path: Path
) -> None:
    road = through(server, FakeMembrane(form=form, errors="exit0"), tmp_path)
    done = road("users", "get", "--id", "18446744073709551615")
    assert done.code == 3, done.show
    assert done.out == ""


@pytest.mark.parametrize("command", [LIST, CREATE], ids=["list", "create"])
def test_who_is_not_logged_in_is_told_how_to(
    command: tuple[str, ...], form: Form, server: Online, tmp_path: Path
) -> None:
    road = through(server, FakeMembrane(form=form, mood="logged_out"), tmp_path)
    done = road(*command)
    assert (done.code, road.sent) == (4, []), done.show
    assert "is not logged in" in done.err
    assert "`fsctl login`" in done.err


def test_banners_colours_and_bare_arrays_are_read_all_the_same(
    form: Form, server: Online, tmp_path: Path
) -> None:
    banners = ["[DEPRECATED] `action run` will go away", "npm notice New version of npm available"]
    odd = FakeMembrane(
        form=form, before=banners, after=["Done in 0.3s"], ansi=True, wrap="array", noise=banners
    )
    done = through(server, odd, tmp_path)(*LIST)
    assert done.code == 0, done.show
    assert '"uid"' in done.out


def test_other_programs_called_membrane_are_refused_by_their_help(
    server: Online, tmp_path: Path
) -> None:
    road = through(server, FakeMembrane(help="membrane: separates cells\n  --osmosis"), tmp_path)
    done = road(*CREATE)
    assert (done.code, road.sent) == (4, []), done.show
    assert "is not Membrane's command line" in done.err


def test_too_large_an_input_is_refused_before_anything_runs(
    form: Form, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(form=form)
    road = through(server, fake, tmp_path)
    body = tmp_path / "body.json"
    body.write_text('{"text": "' + "x" * 110_000 + '"}')
    done = road("raw", "request", "/v2/annotations", "--json", f"@{body}")
    assert done.code == 2, done.show
    assert "MEMBRANE_TOKEN" in done.err
    assert not any("request" in argv[:1] or "act" in argv[:1] for argv in fake.asked)
