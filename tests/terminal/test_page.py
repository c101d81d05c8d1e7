"""The page of a session: self-contained, inert, and well-formed whatever the visitor chose."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from fsctl.fullstory.story import Story, Who, tell
from fsctl.terminal.page import LONGEST, SIGNALS_LISTED, STEPS_A_LIST, policy, write
from fsctl.terminal.page_style import STYLE
from tests.support.browser import Browser, chromium
from tests.support.screen import pipe
from tests.support.session_events import EVENTS, on, row

REPLAY = "https://app.fullstory.com/ui/ORG-na1/session/17117:5916567459329906423"
ADA = Who("Ada Lovelace", "ada@example.com", "ada", "7400589116837456607")
TROUBLE = [
    row("navigate", 0, "/login?next=%2F&x=1", navigate_reason="navigate"),
    row("click", 20, "/login?next=%2F&x=1", **on("button.primary", "Sign in")),
    row("navigate", 61, "/cart", "2", navigate_reason="reload"),
    row("rage-click", 65, "/cart", "2", **on("button.pay", "Pay €49.50"), click_count=7),
    row("console-error", 67, "/cart", "2", message="Error: one\n  at two"),
    row("custom", 3720, "/cart", "2", event_name="Gave Up", properties={"plan": "pro"}),
]

_VOID = {"meta", "rect", "line", "link", "br", "img", "input"}
_ALLOWED = set(
    """html head meta title style body main p h1 h2 h3 div dl dt dd span section header ol li bdi
    a code b svg rect line footer""".split()  # noqa: SIM905
)


class Reader(HTMLParser):
    """Reads a page strictly: every element known and closed, every attribute noted."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _ALLOWED, tag
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def links(self) -> list[str]:
        return [value or "" for tag, name, value in self.attributes if name == "href"]


def page_of(story: Story, **more: Any) -> str:
    return "".join(write(story, pipe(now=lambda: datetime(2024, 4, 4, tzinfo=UTC)), **more))


def check_is_inert(page: str) -> Reader:
    """No element, attribute or address that could run or fetch anything."""
    reader = Reader(page)
    for tag, name, value in reader.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("style", "src", "srcset", "action", "srcdoc", "data"), (tag, name)
        if name == "href":
            assert tag == "a"
            assert re.fullmatch(r"https?://[!-~]+|#s\d+", value or ""), value
    outside = [link for link in reader.links if not link.startswith("#")]
    assert page.count('rel="noopener noreferrer"') == len(outside)
    return reader


def test_the_page_tells_who_when_on_what_and_what_went_wrong() -> None:
    text = check_is_inert(page_of(tell(TROUBLE, who=ADA, replay=REPLAY))).text

    for told in (
        "Ada Lovelace", "ada@example.com, uid ada, id 7400589116837456607",
        "Began 2024-04-03 17:06:00 +00:00", "Lasted 1 h 2 min", "On Desktop, OS X, Chrome 123",
        "Seen 2 pages, 6 events", "1 console error", "1 rage click", REPLAY,
        "What went wrong 1:05 rage-click Pay €49.50 1:07 console-error Error: one",
        "0:00 shop.example/login?next=%2F&x=1", "1:01 /cart reload, for 1:00:59",
        "0:20 click Sign in button.primary", "1:02:00 custom Gave Up plan pro",
        "Made 2024-04-04 00:00:00 +00:00 with fsctl",
    ):  # fmt: skip
        assert told in text, text


def test_nothing_comes_from_outside_and_the_style_is_allowed_by_its_hash() -> None:
    page = page_of(tell(TROUBLE, who=ADA))
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style == [STYLE]
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert policy() == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    # It must stand before what it speaks of.
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert "url(" not in STYLE and "@import" not in STYLE
    assert "prefers-color-scheme:dark" in STYLE and "@media print" in STYLE


def test_links_lead_to_the_replay_and_the_pages_and_to_nothing_that_is_no_web_address() -> None:
    odd = row("navigate", 3730, "", "3")
    odd["source_properties"] = {
        "url": "javascript:alert(1)",
        "initial_referrer": "data:text/html,x",
    }
    links = check_is_inert(page_of(tell([*TROUBLE, odd], replay=REPLAY))).links
    assert links == [
        REPLAY, "#s4", "#s5", "https://shop.example/login?next=%2F&x=1", "https://shop.example/cart",
    ]  # fmt: skip


def test_a_link_to_a_signal_leads_to_its_step() -> None:
    page = page_of(tell(TROUBLE))
    assert 'href="#s4"' in page and '<li class="frustration" id="s4">' in page


def test_lines_of_an_error_stay_lines_and_a_long_text_is_cut_with_its_length_told() -> None:
    page = page_of(tell([row("console-error", 0, message="one\ntwo " + "x" * 5000)]))
    assert "one\ntwo x" in page
    assert f"({5008 - LONGEST:,} more characters)" in page


def test_a_page_of_some_steps_keeps_the_summary_of_all() -> None:
    reader = check_is_inert(page_of(tell(TROUBLE), wanted=lambda step: step.kind == "custom"))
    assert "6 events" in reader.text and "Gave Up" in reader.text
    assert "Sign in" not in reader.text
    assert not [link for link in reader.links if link.startswith("#")]  # nothing to lead to


def test_a_session_without_events_is_a_page() -> None:
    text = check_is_inert(page_of(tell([], session="1:2"))).text
    assert "An unnamed visitor" in text and "no errors, no frustration" in text


def test_a_long_session_comes_in_pieces_and_lists_the_first_signals() -> None:
    events = [row("rage-click", number % 60, **on("a", f"n{number}")) for number in range(1000)]
    world = pipe()
    pieces = list(write(tell(events), world))
    page = "".join(pieces)
    assert max(map(len, pieces[4:])) < STEPS_A_LIST * 400
    assert f"and {1000 - SIGNALS_LISTED} more signals below" in check_is_inert(page).text
    assert page.count('<ol class="steps">') == 1000 / STEPS_A_LIST


@settings(deadline=None)
@given(EVENTS)
def test_any_events_give_a_page_that_parses_and_is_inert(events: list[Any]) -> None:
    who = Who(*(str(event)[:40] for event in events[:4]))
    reader = check_is_inert(page_of(tell(events, who=who)))
    assert all(char.isprintable() or char in "\n\t \xa0\u3000" or ord(char) > 127
               for text in reader.texts for char in text)  # fmt: skip


# -- in a real browser

MARK = "owned-by-a-visitor"
ATTACKS = (
    f"<script>document.title='{MARK}'</script>",
    f"</title><script>document.title='{MARK}'</script>",
    f"</style><img src=x onerror=\"document.title='{MARK}'\">",
    f"\" onmouseover=\"document.title='{MARK}'\" autofocus onfocus=\"document.title='{MARK}'",
    f"' onload='document.title=\"{MARK}\"",
    f"<svg/onload=document.title='{MARK}'>",
    f"<iframe srcdoc=\"<script>top.document.title='{MARK}'</script>\">",
    f"javascript:document.title='{MARK}'",
    f"https://shop.example/\"onclick=\"document.title='{MARK}'",
    f"<!--><script>document.title='{MARK}'</script>-->",
    "<base href=https://evil.example/><meta http-equiv=refresh content=0;url=//evil.example>",
    "\x1b]0;owned\x07\u202e<b>\ud800",
)


def hostile() -> Story:
    """A session in which everything that a visitor can choose is an attack."""
    events = []
    for number, attack in enumerate(ATTACKS):
        page = row("navigate", number, "/", str(number), navigate_reason=attack)
        page["source_properties"] = {
            "url": attack,
            "initial_referrer": attack,
            "user_agent": {"device": attack, "browser": attack},
        }
        events += [
            page,
            row(attack, number, attack, **on(attack, attack), **{attack: attack}),
            row("console-error", number, attack, message=attack),
            row("custom", number, attack, event_name=attack, properties={attack: attack}),
        ]  # fmt: skip
    everything = "".join(ATTACKS)
    return tell(events, who=Who(*[everything] * 4), session=everything, replay=ATTACKS[8])


def test_a_session_full_of_attacks_is_inert() -> None:
    page = page_of(hostile())
    reader = check_is_inert(page)
    assert f"<script>document.title='{MARK}'</script>" in reader.text
    assert "\x1b" not in page and "\u202e" not in page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here to open the page in")
    return Browser(program, tmp_path_factory.mktemp("browser"))


@pytest.fixture
def listener() -> Iterator[HTTPServer]:
    """A loopback server that counts in ``hits`` who comes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    hits: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.hits = hits  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def saved(path: Path, page: str) -> Path:
    path.write_text(page, encoding="utf-8")
    return path


def test_in_a_browser_a_session_full_of_attacks_runs_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    dom = browser.document(saved(tmp_path / "hostile.html", page_of(hostile())))
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title is not None and title[1].endswith("session timeline")
    assert "<script" not in dom and "<img" not in dom and "<iframe" not in dom


def test_in_a_browser_the_policy_stops_what_escaping_let_through(
    browser: Browser, tmp_path: Path, listener: HTTPServer
) -> None:
    hits: list[str] = listener.hits  # type: ignore[attr-defined]
    slip = (
        f"<script>document.title='{MARK}'</script>"
        f'<img src="http://127.0.0.1:{listener.server_port}/fetched">'
    )
    page = page_of(tell(TROUBLE)).replace("<footer>", slip + "<footer>")

    assert f"<title>{MARK}</title>" not in browser.document(saved(tmp_path / "a.html", page))
    assert hits == []

    # The same without the policy: the test sees what would happen.
    bare = page.replace("Content-Security-Policy", "X-Nothing")
    assert f"<title>{MARK}</title>" in browser.document(saved(tmp_path / "b.html", bare))
    assert hits == ["/fetched"]


def test_in_a_browser_the_style_is_applied_in_light_and_in_dark(
    browser: Browser, tmp_path: Path
) -> None:
    page = saved(tmp_path / "ada.html", page_of(tell(TROUBLE, who=ADA)))
    assert browser.corner(page) == (0xF6, 0xF7, 0xF9)
    assert browser.corner(page, dark=True) == (0x12, 0x15, 0x1B)
