"""The story of a session: what a person wants to look at, from the API's rows of events.

``tell`` is pure; it never raises for odd rows and never loses one (contracts/fullstory-api §2.5:
the list of types is not published, one unpaged document, any field may be missing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from . import steps
from .masked import Mask, masked
from .steps import Event, Properties, Sort, mapping, text_of


class Who(NamedTuple):
    """The person, as far as known; empty texts are not known."""

    name: str = ""
    email: str = ""
    uid: str = ""
    id: str = ""

    @classmethod
    def of(cls, person: Mapping[str, Any]) -> Who:
        """From a user of the API (contracts §2.1)."""
        keys = ("display_name", "email", "uid", "id")
        return cls(*(text_of(person.get(key)) for key in keys))

    def masked(self, mask: Mask) -> Who:
        """The same person as tokens; the id is Fullstory's own and stays."""
        return Who(
            self.name and mask("name", self.name),
            self.email and mask("email", self.email),
            self.uid and mask("uid", self.uid),
            self.id,
        )


class Page(NamedTuple):
    """One look at one page. ``at`` is in seconds since the session's start."""

    number: int
    url: str
    reason: str  # how one came there: Fullstory's navigate_reason, or "another tab"
    at: float | None


class Step(NamedTuple):
    """One event. ``at`` is in seconds since the start, None where it has no readable time.

    ``begins`` is the page that it is the first step on; for the other fields see ``steps.Told``.
    """

    number: int
    at: float | None
    kind: str
    sort: Sort
    text: str
    place: str
    more: Properties
    begins: Page | None
    event: Event

    @property
    def is_signal(self) -> bool:
        return self.sort in ("error", "frustration")


class Bin(NamedTuple):
    """A part of the session's time: how many steps, and how many of them were signals."""

    steps: int
    errors: int
    frustrations: int


class Story(NamedTuple):
    """A session as people look at it. Texts are the visitor's own: hostile, and not sanitised.

    ``length`` is in seconds, ``kinds`` counts the events of each type, most frequent first. What
    a server sent may lie outside; for ``began`` and ``ended`` it counts where it is all there is.
    """

    session: str
    who: Who | None
    replay: str
    began: datetime | None
    ended: datetime | None
    length: float
    device: str
    system: str
    browser: str
    referrer: str
    pages: tuple[Page, ...]
    kinds: Mapping[str, int]
    steps: Sequence[Step]

    @property
    def signals(self) -> dict[str, int]:
        """How many there were of each type that tells of trouble, errors first."""
        order = {kind: at for at, kind in enumerate((*steps.ERRORS, *steps.FRUSTRATIONS))}
        found = [kind for kind in self.kinds if steps.sort_of(kind) in ("error", "frustration")]
        found.sort(key=lambda kind: order.get(kind, -1))
        return {kind: self.kinds[kind] for kind in found}

    @property
    def visited(self) -> int:
        """How many pages were opened; coming back to an open tab opens none."""
        return sum(page.reason != ANOTHER_TAB for page in self.pages)

    def density(self, bins: int) -> list[Bin]:
        """The session's time in ``bins`` equal parts; steps outside it, or without a time, are in
        none."""
        counts = [[0, 0, 0] for _ in range(bins)]
        for step in self.steps:
            if step.at is None or not 0 <= step.at <= self.length:
                continue
            part = counts[min(int(step.at / self.length * bins), bins - 1) if self.length else 0]
            part[0] += 1
            part[1] += step.sort == "error"
            part[2] += step.sort == "frustration"
        return [Bin(*part) for part in counts]


ANOTHER_TAB = "another tab"


class Chapter(NamedTuple):
    """What happened on one page. ``begins`` is the step that led there, None before any page;
    a ``navigate`` is a chapter's heading and not among its ``steps``."""

    begins: Step | None
    steps: list[Step]


def chapters(story: Story, wanted: Callable[[Step], bool] | None = None) -> Iterator[Chapter]:
    """The story page by page; with ``wanted`` only these steps, and the pages they are on."""
    chapter, asked = Chapter(None, []), False
    for step in story.steps:
        if step.begins:
            if asked or chapter.steps:
                yield chapter
            chapter, asked = Chapter(step, []), False
        if wanted is None or wanted(step):
            asked = True
            if step.sort != "page":
                chapter.steps.append(step)
    if asked or chapter.steps:
        yield chapter


def tell(
    events: Sequence[Event],
    *,
    session: str = "",
    who: Who | None = None,
    replay: str = "",
    mask: Mask | None = None,
) -> Story:
    """The story of these events, in order of time; one without a time keeps its place.

    ``session`` is the session's id, by default the rows' own; ``replay`` the address of its replay.
    With ``mask`` the story holds tokens for people's data, ``Step.event`` included.
    """
    if mask is not None:
        events = [masked(event, mask) for event in events]
        who = who and who.masked(mask)
    moments = [steps.moment_of(event) for event in events]
    known = _lived(events, moments)
    start, end = min(known, default=0.0), max(known, default=0.0)
    told = list(_steps(events, moments, start))
    pages = tuple(step.begins for step in told if step.begins)
    first = events[0] if events else {}
    device, system, browser = _machine(events)
    return Story(
        session=session or _session_of(first),
        who=who,
        replay=replay,
        began=datetime.fromtimestamp(start, UTC) if known else None,
        ended=datetime.fromtimestamp(end, UTC) if known else None,
        length=end - start,
        device=device,
        system=system,
        browser=browser,
        referrer=_first(events, "initial_referrer"),
        pages=pages,
        kinds=dict(Counter(step.kind for step in told).most_common()),
        steps=told,
    )


def _lived(events: Sequence[Event], moments: Sequence[float | None]) -> list[float]:
    """The moments that the session lasted through: a server may mark it a day later."""
    known = [moment for moment in moments if moment is not None]
    lived = [
        moment
        for event, moment in zip(events, moments, strict=True)
        if moment is not None and not steps.is_from_server(event)
    ]
    return lived or known


def _steps(
    events: Sequence[Event], moments: Sequence[float | None], start: float
) -> Iterator[Step]:
    pages = _Pages()
    for number, index in enumerate(_in_order(moments), 1):
        event, moment = events[index], moments[index]
        at = None if moment is None else moment - start
        kind = steps.kind_of(event)
        told = steps.tell(event)
        yield Step(
            number,
            at,
            kind,
            steps.sort_of(kind),
            told.text,
            told.place,
            told.more if moment is not None else told.more + steps.unread_time(event),
            pages.begun_by(event, kind, at),
            event,
        )


def _in_order(moments: Sequence[float | None]) -> Sequence[int]:
    """Positions in order of time; what has no time stays behind what it came after."""
    last = float("-inf")
    keys: list[float] = []
    sorted_already = True
    for moment in moments:
        if moment is not None:
            sorted_already = sorted_already and moment >= last
            last = moment
        keys.append(last)
    return range(len(keys)) if sorted_already else sorted(range(len(keys)), key=keys.__getitem__)


class _Pages:
    """Where the visitor is. A page begins with a ``navigate``, or where the address or view is
    another: a visitor with two tabs goes to and fro between them."""

    def __init__(self) -> None:
        self._url = self._view = ""
        self._count = 0
        self._open: set[tuple[str, str]] = set()

    def begun_by(self, event: Event, kind: str, at: float | None) -> Page | None:
        """The page that this event is the first of, if it is."""
        url, view = steps.page_of(event), text_of(event.get("view_id"))
        navigated = steps.sort_of(kind) == "page"
        moved = (url and url != self._url) or (url and view and self._view and view != self._view)
        if not (navigated or moved):
            return None
        place = (view, url)
        if navigated:
            reason = text_of(mapping(event.get("event_properties")).get("navigate_reason"))
        else:
            reason = ANOTHER_TAB if view and place in self._open else ""
        self._open.add(place)
        self._url, self._view = url, view
        self._count += 1
        return Page(self._count, url, reason, at)


def _session_of(event: Event) -> str:
    parts = [text_of(event.get(key)) for key in ("device_id", "session_id")]
    return ":".join(part for part in parts if part)


def _machine(events: Sequence[Event]) -> tuple[str, str, str]:
    """Device, operating system and browser with its version, of the first event that tells."""
    for event in events:
        agent = mapping(mapping(event.get("source_properties")).get("user_agent"))
        if agent:
            browser = f"{text_of(agent.get('browser'))} {text_of(agent.get('browser_version'))}"
            texts = (agent.get("device"), agent.get("operating_system"), browser.strip())
            return text_of(texts[0]), text_of(texts[1]), texts[2]
    return "", "", ""


def _first(events: Sequence[Event], name: str) -> str:
    for event in events:
        value = mapping(event.get("source_properties")).get(name)
        if value:
            return text_of(value)
    return ""
