"""From what is known of a deploy to the annotation that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..errors import Usage
from .app import App
from .deploy_options import Asked

if TYPE_CHECKING:
    from ..fullstory.deploys import Deploy
    from ..fullstory.types import Call

# These facts alone are no deploy.
_NO_DEPLOY = frozenset({"status", "system", "actor"})


class Moments(NamedTuple):
    """Measured times and the status they had, where ``annotations run`` has measured them."""

    started: datetime | None = None
    finished: datetime | None = None
    status: str | None = None


NOT_MEASURED = Moments()


def gather_deploy(app: App, asked: Asked) -> Deploy:
    """What is known of the deploy. Raises :class:`FsctlError` for settings that cannot be."""
    from pathlib import Path

    from ..fullstory import deploys, git

    environ = app.world.environ
    settings = {
        name: deploys.Fact(*setting)
        for name in ("service", "environment")
        if (setting := app.settings.text(name)) is not None
    }
    return deploys.gather(
        environ,
        asked.facts,
        git=lambda: git.read(Path(asked.facts.get("git") or ".").absolute(), environ),
        now=app.world.now(),
        settings=settings,
        zone=app.time_zone,
    )


def plan_call(app: App, asked: Asked, deploy: Deploy, moments: Moments = NOT_MEASURED) -> Call:
    """The annotation of that deploy. Raises :class:`Usage` for a template that cannot be."""
    from ..fullstory import annotations, deploy_text

    facts = {name: fact.value for name, fact in deploy.facts.items()}
    if not facts.keys() - _NO_DEPLOY:
        raise Usage(
            "Nothing is known of the deploy: no option, no build system and no git says anything.",
            hint="Name it with --service and --version, or set FSCTL_DEPLOY_* variables.",
        )
    status = facts["status"] = status_of(facts, moments)
    text = _text(app, asked, facts)
    source = asked.source or app.text_setting("source") or _made_by(facts)
    now = app.world.now()
    start = moments.started or deploy.started or deploy.finished or now
    end = moments.finished or deploy.finished or (None if status == "started" else now)
    return annotations.create(
        text or deploy_text.compose(facts, status),
        now=now,
        start=start,
        end=end if end is not None and _is_later(end, start) else None,
        source=deploy_text.fit_source(source) or None,
    )


def remark_on_text(app: App, asked: Asked, deploy: Deploy, moments: Moments) -> str | None:
    """A sentence where the text that was asked for is not the one that is sent; else None."""
    facts = {name: fact.value for name, fact in deploy.facts.items()}
    facts["status"] = status_of(facts, moments)
    if not _template(app, asked) or _text(app, asked, facts):
        return None
    return (
        "Nothing is left of the text that was asked for: its fields are not known, or do not fit. "
        "The text that fsctl composes is used."
    )


def _template(app: App, asked: Asked) -> str | None:
    return asked.text or app.text_setting("text")


def _text(app: App, asked: Asked, facts: Mapping[str, str]) -> str:
    """The text that was asked for; empty where none was, or nothing is left of it."""
    from ..fullstory import deploy_text

    template = _template(app, asked)
    return deploy_text.fill(template, facts) if template else ""


def status_of(facts: Mapping[str, str], moments: Moments) -> str:
    return moments.status or facts.get("status") or "succeeded"


def _made_by(facts: Mapping[str, str]) -> str:
    return ": ".join(filter(None, (facts.get("system"), facts.get("job")))) or "fsctl"


def _is_later(end: datetime, start: datetime) -> bool:
    """Later as both will be sent: Fullstory takes no end that is its start (§2.4)."""
    from ..fullstory.times import to_api

    return end > start and to_api(end) != to_api(start)
