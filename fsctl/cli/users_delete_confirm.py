"""Before people are erased whom a WHO means: who they are, and a word to be typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import Usage
from .app import App

if TYPE_CHECKING:
    from ..fullstory.people import Person


def check_can_confirm(app: App) -> None:
    """Refuse before anything is asked for, where nobody could say yes."""
    from ..terminal.confirm import can_ask

    if not app.flags.get("yes") and (app.flags.get("no_input") or not can_ask(app.world)):
        raise Usage(
            "A deletion has to be confirmed, and there is no terminal to ask on.",
            hint="Look with --dry-run, then run it in a terminal or add --yes.",
            code="unconfirmed",
        )


def confirm(app: App, who: str, persons: Sequence[Person]) -> None:
    """Show who it is, and have it typed where --yes was not given."""
    from ..terminal.confirm import escaped, typed

    app.messages.announce("about to delete, with all sessions, events and properties, for good:")
    for person in persons:
        _show(app, person)
    if app.flags.get("yes"):
        return
    if len(persons) == 1:
        accepted = _names(app, persons[0])
        words = " or ".join(escaped(word) for word in accepted)
        question = f"Type {words} to delete this person:"
    else:
        accepted = [who]
        word = escaped(who) if app.masker is None else "the e-mail"
        question = f"Type {word} to delete all {len(persons)} of them:"
    typed(app.world, app.messages, question, accepted)


def _names(app: App, person: Person) -> list[str]:
    """What confirms: the uid or the id; a uid that is masked is not asked for."""
    uid = person.get("uid") if app.masker is None else None
    return [str(uid), str(person["id"])] if uid else [str(person["id"])]


def _show(app: App, person: Person) -> None:
    from ..fullstory import erasure
    from ..terminal.confirm import escaped

    sessions = erasure.preview(app.caller, person).sessions
    shown = {
        "name": str(person.get("display_name") or "-"),
        "e-mail": escaped(str(person.get("email") or "-")),
        "uid": escaped(str(person.get("uid") or "-")),
        "id": str(person["id"]),
        "sessions": "not known" if sessions is None else f"at least {sessions}",
    }
    if (masker := app.masker) is not None:
        shown["name"] = masker.text("name", shown["name"])
        shown["e-mail"] = masker.text("email", shown["e-mail"])
        shown["uid"] = masker.text("uid", shown["uid"])
    for label, value in shown.items():
        app.messages.announce(f"  {label:<9} {value}")
