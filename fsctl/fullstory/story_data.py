"""A session's story as data, for scripts: plain values under stable names.

Times are the API's own, ``at`` and ``duration_seconds`` count from the session's start. What a
server sent does not make a session longer: its ``at`` may be negative, or beyond the duration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from .steps import ROW_KEYS
from .story import Step, Story

BINS = 60
STEPS = "steps"

Wanted = Callable[[Step], bool]


def as_data(story: Story, wanted: Wanted | None = None) -> dict[str, Any]:
    """The whole story as one object; ``wanted`` says which steps, the rest is of all."""
    return {**summary(story), STEPS: list(as_rows(story, wanted))}


def summary(story: Story) -> dict[str, Any]:
    """The same without the steps."""
    who = story.who
    return {
        "session_id": story.session,
        "replay_url": story.replay or None,
        "user": who
        and {"id": who.id, "uid": who.uid, "display_name": who.name, "email": who.email},
        "start_time": _iso(story.began),
        "end_time": _iso(story.ended),
        "duration_seconds": round(story.length, 3),
        "device": story.device,
        "operating_system": story.system,
        "browser": story.browser,
        "initial_referrer": story.referrer or None,
        "pages": story.visited,
        "events": len(story.steps),
        "signals": story.signals,
        "types": dict(story.kinds),
        "density": [part._asdict() for part in story.density(BINS)],
    }


def as_rows(story: Story, wanted: Wanted | None = None) -> Iterator[dict[str, Any]]:
    """A row a step. ``page`` counts the looks at pages from 1, 0 is before any."""
    page, url = 0, ""
    for step in story.steps:
        if step.begins:
            page, url = step.begins.number, step.begins.url
        if wanted is not None and not wanted(step):
            continue
        event = step.event
        row = {
            "at": None if step.at is None else round(step.at, 3),
            "time": event.get("event_time"),
            "type": step.kind,
            "text": step.text,
            "selector": step.place,
            "page": page,
            "url": url,
            "properties": event.get("event_properties"),
        }
        if not event.keys() <= ROW_KEYS:
            row["other"] = {key: event[key] for key in event if key not in ROW_KEYS}
        yield row


def _iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
