"""``fsctl sessions``: replays of what people did, and what happened in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import Usage
from .app import App
from .options import LazyGroup

if TYPE_CHECKING:
    from ..fullstory.ids import Reference
    from ..fullstory.sessions import Session


MEMBERS = {
    "list": (".sessions_list:list_", "List a person's sessions, newest first."),
    "latest": (".sessions_list:latest", "Show the newest session of a person, or its URL."),
    "events": (".sessions_one:events", "List the events of a session as Fullstory tells them."),
    "timeline": (".timeline:timeline", "Show what happened in a session, step by step."),
    "open": (".sessions_one:open_", "Open a session's replay in the browser."),
    "summary": (".sessions_one:summary", "Show Fullstory's own summary of a session."),
}


@click.group(
    "sessions",
    cls=LazyGroup,
    members=MEMBERS,
    examples=(
        "fsctl --sandbox sessions latest ada@example.com --url",
        "fsctl --sandbox sessions timeline ada@example.com",
    ),
)
def group() -> None:
    """Find replays and see what happened in them.

    A session is named by its id (DEVICE_ID:SESSION_ID or a Client ID), by the URL of its replay in
    any of its forms, or by a person, whose newest session it is then.
    """


def replay_if_known(app: App, session: Session) -> str | None:
    """As :func:`replay_of`; None, said with ``-v``, where nobody told the organisation."""
    try:
        return replay_of(app, session)
    except Usage as error:
        app.messages.verbose(error.message)
        return None


def replay_of(app: App, session: Session) -> str:
    """Where the replay of a listed session is: as Fullstory told it, else made anew.

    Raises :class:`Usage` where it has to be made and nobody told the organisation.
    """
    from ..fullstory.ids import Reference

    if session.url is not None:
        return session.url
    if session.foreign_url:
        app.messages.warn_once(
            "an address that the list of sessions gives is none of Fullstory's, and is not "
            f"passed on: {session.foreign_url[:100]!a}."
        )
    return replay_address(app, Reference(session.id))


def replay_address(app: App, reference: Reference) -> str:
    """Where a replay is; organisation and region from the settings where they are not told.

    Raises :class:`Usage` where nobody told the organisation.
    """
    from ..fullstory.ids import APP_HOSTS, replay_url

    org = reference.org or _org(app, reference)
    # The www of older addresses only leads on to the app.
    host = reference.host if reference.host in APP_HOSTS.values() else None
    return replay_url(reference.id, org=org, host=host or APP_HOSTS[_region(app, org)])


def _org(app: App, reference: Reference) -> str:
    if app.in_sandbox:
        from ..sandbox.links import ORG

        return ORG
    setting = app.settings.text("org")
    if setting is None:
        raise Usage(
            f"The address of the session {reference.id.text} needs the organisation's id.",
            hint="Set org in your profile: it stands behind /ui/ in every address of the app.",
            code="no_org",
        )
    return setting.value


def _region(app: App, org: str) -> str:
    """``na1`` or ``eu1``: what the organisation's id ends in, else the profile's (§1, EU)."""
    from ..fullstory.ids import APP_HOSTS

    for name in APP_HOSTS:
        if org.lower().endswith(f"-{name}"):
            return name
    setting = None if app.in_sandbox else app.settings.text("region")
    if setting is None:
        return "na1"
    known = {**{name: name for name in APP_HOSTS}, "na": "na1", "us": "na1", "eu": "eu1"}
    region = known.get(setting.value.lower())
    if region is None:
        raise Usage(f"{setting.origin} holds {setting.value!a}.", hint="Use na1 or eu1.")
    return region
