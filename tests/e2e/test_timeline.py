"""``fsctl sessions timeline``: from a person or a replay's URL to the story of a session."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsctl.terminal.sanitise import clean
from fsctl.terminal.width import width
from tests.support.browser import Browser, chromium
from tests.support.command import Ended
from tests.support.fake_membrane import FakeMembrane, Form
from tests.support.online import Online, inside, online, with_membrane
from tests.support.program import Program

ADAS = "5517947882585495975:366916161176979767"
SIGNALS = {
    "console-error": 1, "network-error": 1, "rage-click": 1, "dead-click": 1, "error-click": 1,
    "mouse-thrash": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("home"), {"FSCTL_TRANSPORT": "sandbox"})


def timeline(program: Program, *arguments: str, window: int = 0) -> Ended:
    """Run it, in a window of that many cells, or in a pipe."""
    facts: dict[str, Any] = {"stdout_is_terminal": True, "width": window} if window else {}
    return program("sessions", "timeline", *arguments, env={"NO_COLOR": "1"}, **facts)


def test_a_person_is_enough_to_see_what_went_wrong_in_their_newest_session(
    program: Program,
) -> None:
    done = timeline(program, "ada@example.com", window=80)

    assert done.code == 0, done.show
    lines = done.out.splitlines()
    assert lines[0].startswith("who       Ada Lovelace, ada@example.com, uid ada, id")
    assert f"session   {ADAS}" in lines
    assert "on        Desktop, OS X, Chrome 138.0.0.0" in lines
    assert re.search(r"^✗  \d:\d\d    network-error  502 POST /api/payments$", done.out, re.M)
    assert re.search(r"^!  \d:\d\d    rage-click     Pay €49\.50  form#checkout", done.out, re.M)
    assert re.search(r"^   \d:\d\d  ▸ /checkout\?plan=business&coupon=SPRING$", done.out, re.M)
    assert f"The newest session of 'ada@example.com' is {ADAS}." in done.err
    assert all(width(line) <= 80 or line.startswith("replay") for line in lines)


@pytest.mark.parametrize(
    "reference",
    [
        ADAS,
        ADAS.replace(":", "%3A"),
        f"https://app.fullstory.com/ui/SANDBOX-na1/session/{ADAS}",
        f"https://www.fullstory.com/ui/SANDBOX-na1/discover/session/{ADAS}",
    ],
)
def test_every_way_to_name_the_session_leads_to_the_same_story(
    program: Program, reference: str
) -> None:
    done = timeline(program, reference, "--jq", ".signals")
    assert (done.code, json.loads(done.out)) == (0, SIGNALS), done.show


def test_by_its_id_alone_nobody_is_named_and_the_replay_is_still_told(program: Program) -> None:
    data = json.loads(timeline(program, ADAS).out)
    assert data["user"] is None
    assert data["replay_url"] == f"https://app.fullstory.com/ui/SANDBOX-na1/session/{ADAS}"


def test_in_a_pipe_the_story_is_one_object(program: Program) -> None:
    data = json.loads(timeline(program, "--uid", "ada").out)
    assert data["user"]["display_name"] == "Ada Lovelace"
    assert data["session_id"] == ADAS
    assert data["events"] == len(data["steps"]) == sum(data["types"].values())
    assert len(data["density"]) == 60


def test_as_rows_it_is_its_steps(program: Program) -> None:
    lines = timeline(program, ADAS, "--errors", "-o", "jsonl").out.splitlines()
    assert [json.loads(line)["type"] for line in lines] == [
        "network-error", "console-error", "error-click", "dead-click", "rage-click", "mouse-thrash",
    ]  # fmt: skip
    table = list(csv.reader(io.StringIO(timeline(program, ADAS, "-o", "csv").out)))
    assert table[0] == ["at", "time", "type", "text", "selector", "url", "properties"]
    told = timeline(program, ADAS, "-o", "csv", "--fields", "type,page").out.splitlines()
    assert told[:2] == ["type,page", "navigate,1"]


def test_one_type_of_steps_and_one_that_is_not_there(program: Program) -> None:
    done = timeline(program, ADAS, "--type", "custom", "--type", "swipe", "-o", "jsonl")
    assert {json.loads(line)["type"] for line in done.out.splitlines()} == {"custom"}
    assert "warning: the session has no step of the type 'swipe'" in done.err


def test_masked_it_names_nobody(program: Program, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    outputs = [
        timeline(program, "ada@example.com", "--mask", window=100).show,
        timeline(program, "ada@example.com", "--mask").show,
        timeline(program, "ada@example.com", "--mask", "-o", "csv").show,
        timeline(program, "ada@example.com", "--mask", "--html", "--to", str(page)).show,
        page.read_text(),
    ]
    for output in outputs:
        assert not re.search("lovelace|ada@|uid ada|SPRING|coupon|49\\.50", output, re.I), output
    tokens = [re.findall(r"email-\w{10}", output)[0] for output in outputs]
    assert len(set(tokens)) == 1


def test_the_page_is_written_for_its_owner_alone_and_never_over_a_file(
    program: Program, tmp_path: Path
) -> None:
    page = tmp_path / "ada.html"

    done = timeline(program, "ada", "--html", "--to", str(page))

    assert (done.code, done.out) == (0, ""), done.show
    assert f"Wrote {page.stat().st_size:,} bytes to {page}." in done.err
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "<h1><bdi>Ada Lovelace</bdi></h1>" in page.read_text()

    again = timeline(program, "ada", "--html", "--to", str(page))
    assert again.code == 2 and "exists already" in again.err, again.show
    assert timeline(program, "ada", "--html", "--to", str(page), "--force").code == 0


def test_the_page_goes_to_a_pipe_and_not_to_a_terminal(program: Program) -> None:
    done = timeline(program, "ada", "--html")
    assert done.out.startswith("<!doctype html>") and done.out.endswith("</html>\n"), done.show
    refused = timeline(program, "ada", "--html", window=80)
    assert refused.code == 2 and "--to FILE" in refused.err, refused.show


@pytest.mark.parametrize(
    "options",
    [
        ("--to", "x.html"),
        ("--force",),
        ("--html", "--force"),
        ("--html", "-o", "json", "--to", "x.html"),
        ("--html", "--json", "--to", "x.html"),
        ("--html", "--jq", ".", "--to", "x.html"),
        ("--html", "--fields", "who", "--to", "x.html"),
        ("--html", "--to", "no/such/directory/x.html"),
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_refused_before_anything_is_asked(
    online_program: Online, options: tuple[str, ...]
) -> None:
    done = online_program("sessions", "timeline", ADAS, *options)
    assert done.code == 2, done.show
    assert online_program.lines == []


@pytest.mark.parametrize(
    ("session", "code", "told"),
    [
        ("nobody@example.com", 3, "Nobody has"),
        ("office@studio.example", 1, "means 2 people"),
        ("5517947882585495975:1", 3, "retention"),
        ("5517947882585495975", 3, "does not work alone"),
        ("https://evil.example/ui/X/session/1:2", 2, "not the address of a replay"),
    ],
)
def test_who_or_what_cannot_be_told_apart_is_refused(
    program: Program, session: str, code: int, told: str
) -> None:
    done = timeline(program, session)
    assert (done.code, done.out) == (code, ""), done.show
    assert told in done.err, done.show


def test_a_hostile_visitor_steers_no_terminal_and_no_build_service(program: Program) -> None:
    shown = timeline(program, "--uid", "mallory", "-o", "table").out
    assert clean(shown, multiline=True) == shown
    assert "\\x1b]8;;https://evil.example" in shown
    log = program("sessions", "timeline", "mallory", "-o", "table", under_ci=True).out
    assert not re.search(r"^\s*::|##\w*\[", log, re.M), log


def test_a_hostile_visitor_runs_nothing_in_a_browser(program: Program, tmp_path: Path) -> None:
    chrome = chromium()
    if chrome is None:
        pytest.skip("there is no Chromium here to open the page in")
    page = tmp_path / "mallory.html"
    assert timeline(program, "mallory", "--html", "--to", str(page)).code == 0

    dom = Browser(chrome, tmp_path).document(page)

    assert "<script" not in dom
    assert 'href="javascript' not in dom
    assert "%3Cscript%3Ealert(1)" in dom
    title = re.search("<title>(.*?)</title>", dom)
    assert title is not None and "red\\x1b]0;owned" in title[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture
def online_program(server: Online, tmp_path: Path) -> Online:
    road = inside(server, tmp_path / "home")
    road.before = len(server.server.requests)
    return road


def test_over_http_it_is_the_same_story(online_program: Online, program: Program) -> None:
    there = online_program("sessions", "timeline", "ada@example.com", "--jq", ".types,.signals")
    here = timeline(program, "ada@example.com", "--jq", ".types,.signals")
    assert there.code == 0, there.show
    assert there.out == here.out


@pytest.mark.parametrize("form", ["older", "newest"])
def test_through_the_membrane_binary_it_is_the_same_story(
    server: Online, tmp_path: Path, form: Form
) -> None:
    fake = FakeMembrane(form=form, without=["token"])
    fsctl = with_membrane(fake, tmp_path / "home", server.server.url)
    done = fsctl("sessions", "timeline", ADAS, "--jq", ".signals")
    assert done.code == 0, done.show
    assert json.loads(done.out) == SIGNALS
