"""Addresses in Fullstory's app, as its API gives them. They lead to no real organisation."""

from __future__ import annotations

ORG = "SANDBOX-na1"
_APP = f"https://app.fullstory.com/ui/{ORG}"


def people_url(search: str) -> str:
    """The app's page of the people that a search found."""
    return f"{_APP}/segments/everyone/people:search:{search}/0"


def person_url(user_id: str) -> str:
    """The app's page of one person."""
    return f"{_APP}/segments/everyone/people:search:sandbox/user/{user_id}"


def replay_url(device_id: str, session_id: str) -> str:
    """A replay, in the older form that List Sessions gives (contracts/fullstory-api §2.5)."""
    return f"https://www.fullstory.com/ui/{ORG}/discover/session/{device_id}:{session_id}"


def segment_url(segment_id: str) -> str:
    """The app's page of a segment."""
    return f"{_APP}/segments/{segment_id}/people/0"
