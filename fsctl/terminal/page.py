"""A session's story as one page to attach to a ticket: self-contained, and inert.

Everything in it was chosen by a visitor. It is escaped, no script stands in the page, and the
Content-Security-Policy allows nothing but the page's own style (DESIGN §2, Hostile text).
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Iterator, Sequence

from .. import __version__
from ..fullstory.story import Bin, Chapter, Step, Story, chapters
from .cells import local_time
from .facts import address, clock, counted, duration, signal_facts, who_words
from .page_style import STYLE
from .sanitise import clean
from .world import World

LONGEST = 2000  # characters of one text; the rest is counted, and whole in -o json
SIGNALS_LISTED = 100
BINS = 120
HEIGHT = 60
STEPS_A_LIST = 250  # lists that are out of sight cost a browser nothing

_LINKABLE = re.compile(r"https?://[!-~]+")
_POLICY = "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'"


def write(
    story: Story, world: World, *, wanted: Callable[[Step], bool] | None = None
) -> Iterator[str]:
    """The page in pieces; ``wanted`` says which steps, the summary is of all."""
    page = _Page(story, world)
    yield page.head()
    yield page.summary()
    yield page.density()
    yield page.trouble(wanted)
    for chapter in chapters(story, wanted):
        yield from page.chapter(chapter)
    yield page.foot()


def policy() -> str:
    """The page's Content-Security-Policy."""
    digest = hashlib.sha256(STYLE.encode()).digest()
    return _POLICY.format(base64.b64encode(digest).decode())


class _Page:
    def __init__(self, story: Story, world: World) -> None:
        self._story = story
        self._world = world
        self._host = ""

    def head(self) -> str:
        who = self._story.who
        name = (who and (who.name or who.email or who.uid)) or "An unnamed visitor"
        known = who_words(who and who._replace(name="")) if who and who.name else ""
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy())}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            '<meta name="referrer" content="no-referrer">\n'
            '<meta name="robots" content="noindex">\n'
            '<meta name="format-detection" content="telephone=no">\n'
            f"<title>{_text(name)} · session timeline</title>\n<style>{STYLE}</style>\n"
            '</head>\n<body>\n<main>\n<p class="soft">Session timeline</p>\n'
            f"<h1><bdi>{_text(name)}</bdi></h1>\n"
            + (f'<p class="soft"><bdi>{_text(known)}</bdi></p>\n' if known else "")
        )

    def summary(self) -> str:
        story = self._story
        began = story.began and local_time(story.began.isoformat(), self._world.timezone)
        machine = ", ".join(text for text in (story.device, story.system, story.browser) if text)
        seen = f"{counted(story.visited, 'page')}, {counted(len(story.steps), 'event')}"
        told = [
            _fact("Began", _text(began or "")),
            _fact("Lasted", duration(story.length) if began else ""),
            _fact("On", _text(machine)),
            _fact("Seen", seen),
            _fact("Came from", _linked(story.referrer), wide=True),
            _fact("Session", f"<code>{_text(story.session)}</code>", wide=True),
            _fact("Replay", _linked(story.replay), wide=True),
        ]
        chips = "".join(
            f'<span class="kind {signal.sort}">{_text(counted(signal.times, signal.noun))}</span>'
            for signal in signal_facts(story)
        )
        calm = '<span class="kind">no errors, no frustration</span>'
        return (
            f'<div class="card"><dl>\n{"".join(told)}</dl>\n'
            f'<div class="chips">{chips or calm}</div></div>\n'
        )

    def density(self) -> str:
        story = self._story
        if not story.length or not story.steps:
            return ""
        bins = story.density(BINS)
        most = max(part.steps for part in bins) or 1
        bars = "".join(_bar(at, part, most) for at, part in enumerate(bins) if part.steps)
        middle, end = clock(story.length / 2), clock(story.length)
        return (
            '<div class="card"><h2>Activity</h2>\n<svg role="img" preserveAspectRatio="none" '
            f'viewBox="0 0 {BINS * 8} {HEIGHT}" aria-label="Events over time">'
            f'<line x1="0" x2="{BINS * 8}" y1="{HEIGHT}" y2="{HEIGHT}"/>{bars}</svg>\n'
            f'<p class="axis"><span>0:00</span><span>{middle}</span><span>{end}</span></p></div>\n'
        )

    def trouble(self, wanted: Callable[[Step], bool] | None) -> str:
        shown = [
            step
            for step in self._story.steps
            if step.is_signal and (wanted is None or wanted(step))
        ]
        lines = [
            f'<li class="{step.sort}"><a class="at" href="#s{step.number}">{_at(step)}</a>'
            f'<span><span class="kind">{_text(step.kind)}</span></span>'
            f'<bdi class="what">{_text(_first_line(step.text))}</bdi></li>\n'
            for step in shown[:SIGNALS_LISTED]
        ]
        if not lines:
            return ""
        more = len(shown) - len(lines)
        rest = f'<p class="soft">and {counted(more, "more signal")} below</p>\n' if more else ""
        return (
            f'<div class="card"><h2>What went wrong</h2>\n<ol class="trouble">\n{"".join(lines)}'
            f"</ol>\n{rest}</div>\n"
        )

    def chapter(self, chapter: Chapter) -> Iterator[str]:
        yield '<section class="card">\n'
        if chapter.begins:
            yield self._heading(chapter.begins)
        steps = chapter.steps
        for at in range(0, len(steps), STEPS_A_LIST):
            lines = "".join(map(_step, steps[at : at + STEPS_A_LIST]))
            yield f'<ol class="steps">\n{lines}</ol>\n'
        yield "</section>\n"

    def _heading(self, step: Step) -> str:
        page = step.begins
        assert page is not None
        shown, self._host = address(page, self._host)
        notes = [page.reason] if page.reason not in ("", "navigate") else []
        following = self._story.pages[page.number : page.number + 1]
        ends = following[0].at if following else self._story.length
        if page.at is not None and ends is not None and ends > page.at:
            notes.append(f"for {clock(ends - page.at)}")
        more = _more(step) if step.sort == "page" else ""
        return (
            f'<header><span class="at">{_at(step)}</span>'
            f"<h3><bdi>{_linked(page.url, shown)}</bdi></h3>"
            f'<span class="soft">{_text(", ".join(notes))}</span>{more}</header>\n'
        )

    def foot(self) -> str:
        made = local_time(self._world.now().isoformat(), self._world.timezone)
        return (
            f"<footer>Made {_text(made)} with fsctl {_text(__version__)}. Times are since the "
            "session began.</footer>\n</main>\n</body>\n</html>\n"
        )


def _step(step: Step) -> str:
    anchor = f' id="s{step.number}"' if step.is_signal else ""
    text = f'<bdi class="text">{_text(step.text)}</bdi>' if step.text else ""
    place = f"<code>{_text(step.place)}</code>" if step.place else ""
    return (
        f'<li class="{step.sort}"{anchor}><span class="at">{_at(step)}</span>'
        f'<span><span class="kind">{_text(step.kind)}</span></span>'
        f'<span class="what">{text}{place}{_more(step)}</span></li>\n'
    )


def _more(step: Step) -> str:
    return "".join(
        f'<bdi class="more"><b>{_text(key)}</b> {_text(value)}</bdi>' for key, value in step.more
    )


def _fact(name: str, value: str, *, wide: bool = False) -> str:
    """One fact; ``value`` is markup, and without any there is no fact."""
    if not value or value == "<code></code>":
        return ""
    sort = ' class="wide"' if wide else ""
    return f"<div{sort}><dt>{name}</dt><dd>{value}</dd></div>\n"


def _bar(at: int, part: Bin, most: int) -> str:
    """A bar of all steps, the signals among them stacked at its foot."""
    shares: Sequence[tuple[str, int]] = (
        ("error", part.errors),
        ("frustration", part.frustrations),
        ("", part.steps - part.errors - part.frustrations),
    )
    drawn, foot = [], float(HEIGHT)
    for name, count in shares:
        if count:
            height = count / most * (HEIGHT - 2)
            foot -= height
            sort = f' class="{name}"' if name else ""
            drawn.append(
                f'<rect{sort} x="{at * 8 + 1}" y="{foot:.1f}" width="6" height="{height:.1f}"/>'
            )
    return "".join(drawn)


def _at(step: Step) -> str:
    return "-" if step.at is None else clock(step.at)


def _first_line(text: str) -> str:
    return text.lstrip("\r\n").partition("\n")[0]


def _linked(address: str, shown: str = "") -> str:
    """A link where the address is http(s) and plain, else its text."""
    text = _text(shown or address)
    if not _LINKABLE.fullmatch(address):
        return text
    return f'<a href="{html.escape(address)}" rel="noopener noreferrer">{text}</a>'


def _text(text: str) -> str:
    """Hostile text as markup."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text) - LONGEST:,} more characters)"
    return html.escape(clean(text, multiline=True))
