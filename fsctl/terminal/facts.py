"""The summary of a session's story, for the terminal and for the page: what is told, in words."""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal, NamedTuple

from ..fullstory.steps import Sort, sort_of
from ..fullstory.story import Page, Story, Who
from .cells import local_time

Kind = Literal["text", "url"]


class Fact(NamedTuple):
    """One line of the summary; ``value`` is not sanitised."""

    label: str
    value: str
    kind: Kind = "text"


def facts(story: Story, zone: tzinfo | None) -> list[Fact]:
    """Who, when, how long, on what, how many pages and signals, as far as known."""
    began = local_time(story.began.isoformat(), zone) if story.began else ""
    told = [
        Fact("who", who_words(story.who)),
        Fact("when", f"{began}, {duration(story.length)}" if began else ""),
        Fact("on", ", ".join(text for text in (story.device, story.system, story.browser) if text)),
        Fact("came from", story.referrer, "url"),
        Fact("seen", f"{counted(story.visited, 'page')}, {counted(len(story.steps), 'event')}"),
        Fact("signals", ", ".join(signal_words(story)) or "none"),
        Fact("session", story.session),
        Fact("replay", story.replay, "url"),
    ]
    return [fact for fact in told if fact.value]


def who_words(who: Who | None) -> str:
    if who is None:
        return ""
    uid = f"uid {who.uid}" if who.uid else ""
    identifier = f"id {who.id}" if who.id else ""
    return ", ".join(text for text in (who.name, who.email, uid, identifier) if text)


class Signal(NamedTuple):
    """A type of trouble, and how often it came."""

    noun: str
    sort: Sort
    times: int


def signal_facts(story: Story) -> list[Signal]:
    return [
        Signal(kind.replace("-", " "), sort_of(kind), count)
        for kind, count in story.signals.items()
    ]


def signal_words(story: Story) -> list[str]:
    """``1 console error``, ``2 rage clicks``."""
    return [counted(signal.times, signal.noun) for signal in signal_facts(story)]


def counted(count: int, noun: str) -> str:
    """``1 page``, ``2 pages``, ``2,000 mouse thrashes``."""
    plural = "" if count == 1 else "es" if noun.endswith(("sh", "s")) else "s"
    return f"{count:,} {noun}{plural}"


def clock(seconds: float) -> str:
    """Time since the start: ``0:05``, ``1:02:03``; ``-0:05`` before it."""
    if seconds < 0:
        return f"-{clock(-seconds)}"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """A length of time in words: ``45 s``, ``14 min 20 s``, ``3 h 5 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def address(page: Page, host_before: str) -> tuple[str, str]:
    """What a heading calls a page, and the host it is on.

    The scheme is left out, and the host too where the page before had the same.
    """
    scheme, _, rest = page.url.partition("://")
    if scheme not in ("http", "https") or not rest:
        return page.url or "(no address)", ""
    cut = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    host, path = rest[:cut], rest[cut:]
    return (path if host == host_before and path else rest), host
