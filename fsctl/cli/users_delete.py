"""``fsctl users delete``: erase a person, and prove it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import FsctlError, NeedsPerson, Refused, Usage
from ..terminal.columns import Column
from .app import App
from .from_file import check, from_file_options
from .options import Command, heading, pass_app
from .results import One, Rows
from .users_delete_confirm import check_can_confirm, confirm
from .users_delete_doubts import refuse_lost, remember
from .users_delete_wait import Patience, wait_for_each
from .who import in_place_of, reading_options

if TYPE_CHECKING:
    from ..fullstory.erasure import Record, Step
    from ..fullstory.people import Found, Person, Reading

COLUMNS = (
    Column("id", kind="id", importance=9),
    Column("uid", kind="id", importance=7),
    Column("display_name", "NAME", importance=5),
    Column("email", importance=6),
    Column("state", importance=9, never_cut=True),
)


@click.command(
    cls=Command,
    examples=(
        "fsctl --sandbox users delete ada@example.com --dry-run",
        "fsctl --sandbox users delete ada --yes --receipt ticket-4711.jsonl",
        "fsctl --sandbox users delete --email office@studio.example --all --yes",
        "echo grace | fsctl --sandbox users delete --from-file - --dry-run",
    ),
)
@click.argument("who", required=False, metavar="[WHO]")
@heading("Which people")
@reading_options()
@click.option("--all", "all_", is_flag=True, help="Delete all people who have that e-mail.")
@from_file_options
@click.option("--missing-ok", is_flag=True, help="Succeed where nobody is found.")
@heading("Waiting")
@click.option("--wait", is_flag=True, help="Wait until Fullstory says that the person is gone.")
@click.option("--wait-for", metavar="TIME", help="Wait at most this long (default 10m).")
@heading("Output files")
@click.option("--receipt", metavar="FILE", help="Keep a record of the deletion in this new file.")
@click.option("--rejects", metavar="FILE", help="Write what failed here (default FILE.rejects.*).")
@click.option("--force", is_flag=True, help="Replace an older file of rejects.")
@pass_app
def delete(
    app: App,
    who: str | None,
    reading: Reading | None,
    all_: bool,
    missing_ok: bool,
    wait: bool,
    wait_for: str | None,
    receipt: str | None,
    source: str | None,
    column: str | None,
    rejects: str | None,
    force: bool,
) -> One | Rows:
    """Erase WHO, or everyone on a list, with all sessions and events, for good.

    Properties go, too. WHO has to mean one person, or with --all several who share an e-mail; each
    is deleted by Fullstory id. A value that was refused because it meant several stays refused
    when one of them is gone: name the other by --id. Who it is is shown, and the uid or id has
    to be typed; --yes goes ahead. Fullstory deletes later: --wait ends with 0 only when
    Fullstory does not know the person any more, and with 5 if that takes too long.

    With --from-file everyone is looked up first, and the number of people has to be typed. What was
    cut off goes on with the same command. Where some failed the exit code is 6, and the rejects
    hold them with the reasons; --dry-run ends with 6 as well where some would fail. With --wait
    everyone is asked for first, and each outcome comes when the person is gone.
    """
    from ..fullstory import people
    from ..settings.paths import given_path

    check([] if who is None else [who], source, column)
    if all_ and reading in ("id", "uid"):
        raise Usage(
            f"--all is for people who share an e-mail, and --{reading} is none.",
            hint="Leave out one of the two.",
        )
    path = _receipt_path(app, receipt)
    if path and rejects and path.resolve() == given_path(rejects).resolve():
        raise Usage("--receipt and --rejects name the same file.", hint="Name two.")
    patience = Patience.of(wait_for)
    waits = wait or wait_for is not None
    if who is None:
        from ..bulk.erase import Terms
        from .users_delete_file import Listed, delete_listed

        assert source is not None
        terms = Terms(reading, all_, missing_ok)
        keep = partial(_receipt, app, path)
        seconds = patience.seconds if waits else None
        return delete_listed(app, Listed(source, column, terms, rejects, force, keep, seconds))
    if rejects is not None or force:
        raise Usage("--rejects and --force go with --from-file.", hint="Leave them out.")
    people.readings_of(who, reading)
    app.check_output()
    if app.dry_run:
        return _planned(app, who, reading, all_, missing_ok)
    check_can_confirm(app)
    persons, found = _whom(app, who, reading, all_)
    if not persons:
        return _nobody(app, found, missing_ok, path)
    confirm(app, who, persons)
    steps: list[Step] = []
    with _receipt(app, path) as record:
        failure = _delete_each(app, persons, record, steps)
        if failure is None and waits:
            failure = wait_for_each(app, patience, record, steps)
    if failure is not None and not steps:
        raise failure
    rows = [_as_row(step) for step in steps]
    if len(persons) > 1 or all_:
        return Rows(rows, COLUMNS, ending=lambda: failure)
    return One(rows[0], COLUMNS, ending=lambda: failure)


def _receipt_path(app: App, receipt: str | None) -> Path | None:
    if receipt is None:
        return None
    from ..fullstory.receipts import new_path

    return new_path(receipt, tried=not app.dry_run)


# -- whom


def _whom(
    app: App, who: str, reading: Reading | None, all_: bool
) -> tuple[Sequence[Person], Found]:
    """Those to delete, and how they were found.

    Raises :class:`Refused` where the value means more than was said, or did when it was refused.
    """
    from ..fullstory import people

    refuse_lost(app, who, reading)
    found = people.find(app.caller, who, reading=reading)
    try:
        return _meant(found, all_), found
    except Refused:
        remember(app, found)
        raise


def _meant(found: Found, all_: bool) -> Sequence[Person]:
    """Those to delete. Raises :class:`Refused` where the value means more than was said."""
    from ..fullstory.whom import several, share_an_email

    if not found.ambiguous:
        return found.people
    refusal = several(found)
    if share_an_email(found):
        if all_:
            return found.people
        refusal.hint = f"{refusal.hint}\nOr delete all of them with --email and --all."
    elif all_:
        refusal.hint = f"--all is only for people who share an e-mail. {refusal.hint}"
    raise refusal


def _nobody(app: App, found: Found, missing_ok: bool, receipt: Path | None = None) -> One:
    from ..fullstory import erasure
    from ..fullstory.whom import nobody

    error = nobody(found)
    if not missing_ok:
        raise error
    with _receipt(app, receipt) as record:
        record(erasure.nobody_found(found.who, found.readings))
    app.messages.note(f"{error.message} Nothing was asked for.")
    return One({"who": found.who, "state": "missing"})


def _planned(
    app: App, who: str, reading: Reading | None, all_: bool, missing_ok: bool
) -> One | Rows:
    """What would be sent, for ``--dry-run``."""
    from ..fullstory import erasure

    try:
        persons, found = _whom(app, who, reading, all_)
    except NeedsPerson as error:
        return One(app.plan(erasure.deletion(in_place_of(app, who, reading, error))))
    if not persons:
        return _nobody(app, found, missing_ok)
    plans = [app.plan(erasure.deletion(person)) for person in persons]
    return Rows(plans) if len(plans) > 1 or all_ else One(plans[0])


# -- doing it


@contextmanager
def _receipt(app: App, path: Path | None) -> Iterator[Record]:
    """What keeps each step: the receipt's file, or nothing."""
    if path is None:
        yield lambda _step: None
        return
    from ..fullstory.receipts import Receipt

    receipt = Receipt(
        path,
        now=app.world.now,
        profile=app.settings.profile()[0],
        connection=app.caller.ask_connection(lambda connection, _: connection, "connection"),
    )
    try:
        yield receipt.write
    finally:
        receipt.close()


def _delete_each(
    app: App, persons: Sequence[Person], record: Record, steps: list[Step]
) -> FsctlError | None:
    """Ask for each in turn, up to the first failure, which it gives back."""
    from ..fullstory import erasure

    for person in persons:
        try:
            step = erasure.delete(app.caller, person, record=record)
        except FsctlError as error:
            return error
        if erasure.was_under_way(step):
            app.messages.note(f"{person['id']} is being deleted already; nothing was sent.")
        steps.append(step)
    return None


def _as_row(step: Step) -> dict[str, Any]:
    names = ("id", "uid", "display_name", "email")
    return {name: step.person.get(name) for name in names} | {"state": step.state.value}
