"""Follow a job to its end, and read what became of its rows (contracts/fullstory-api §2.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any

from ..errors import Unavailable
from ..fullstory.batch_jobs import BatchJobs, Page, Results, Standing, not_there_yet, pages
from ..membrane.gateway import GatewayError
from .sending import Sender

PATIENCE = 6 * 3600.0  # seconds that a job may take
_PAUSES = (0.5, 1.0, 2.0, 2.0, 2.0, 3.0)  # seconds between looks; Fullstory's own client takes 2
_LAST_PAUSE = 5.0
_NEW = 30.0  # seconds in which a job that was just made may not be known everywhere


class JobGone(Exception):
    """Fullstory does not know the job any more: how long it does is not documented."""


def pauses() -> Iterator[float]:
    """Seconds between two looks at a job: it may be over at once, or take very long."""
    return chain(_PAUSES, repeat(_LAST_PAUSE))


def followed(
    jobs: BatchJobs,
    sender: Sender,
    job_id: str,
    *,
    patience: float = PATIENCE,
    seen: Callable[[Standing], None] = lambda _standing: None,
) -> Standing:
    """The job once it has ended; ``seen`` gets every look before.

    Raises :class:`JobGone`, :class:`Unavailable` where it does not end in ``patience`` seconds, and
    :class:`GatewayError`.
    """
    clock = sender.clock
    began = clock.monotonic()
    for pause in pauses():
        spent = clock.monotonic() - began
        try:
            standing = sender.ask(lambda: jobs.standing(job_id))
            if standing.ended:
                return standing
            seen(standing)
        except GatewayError as failure:
            if not not_there_yet(failure):
                raise
            if spent >= _NEW:
                raise JobGone from None
            if spent >= patience:
                raise _not_known(job_id) from None
        if spent >= patience:
            raise not_ended(job_id)
        clock.sleep(pause)
    raise AssertionError("pauses never end")


def results(
    jobs: BatchJobs, sender: Sender, job_id: str, which: Results, *, patience: float = 600.0
) -> Iterator[Mapping[str, Any]]:
    """All rows of all pages of an ended job's results.

    Raises :class:`Unavailable` and :class:`GatewayError`; also where they are not found, which
    tells nothing of the job: that has ended, and its counts stand.
    """

    def fetch(token: str | None) -> Page:
        began = sender.clock.monotonic()
        for pause in pauses():
            page = sender.ask(lambda: jobs.results(job_id, which, token))
            if page is not None:
                return page
            # 202: the word that the job has ended did not come everywhere yet.
            if sender.clock.monotonic() - began >= patience:
                raise not_ended(job_id)
            sender.clock.sleep(pause)
        raise AssertionError("pauses never end")

    for page in pages(fetch):
        yield from page.rows


def _not_known(job_id: str) -> Unavailable:
    return Unavailable(
        f"Fullstory does not know its job {job_id!a} yet.",
        hint="The same command goes on waiting for it, and sends nothing twice.",
        code="job_running",
    )


def not_ended(job_id: str) -> Unavailable:
    return Unavailable(
        f"Fullstory's job {job_id!a} has not ended.",
        hint="The same command goes on waiting for it, and sends nothing twice.",
        code="job_running",
    )
