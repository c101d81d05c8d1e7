"""What ``--once`` remembers, and under which key: for who sends now and for who sends later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Refused, Usage
from .app import App
from .deploy_options import Asked
from .deploy_plan import Moments, status_of

if TYPE_CHECKING:
    from ..bulk.markers import Marker
    from ..fullstory.deploys import Deploy

# What tells one deploy from another, where no key was given.
_SAME = (
    "run_id", "attempt", "job", "matrix", "environment", "service", "version", "status", "commit",
)  # fmt: skip


def same(asked: Asked, deploy: Deploy, moments: Moments) -> str | None:
    """What is the same deploy, as a digest; None where ``--once`` is not asked for."""
    from ..bulk import markers
    from ..terminal.encode import compact

    if asked.once is None:
        return None
    facts = {name: fact.value for name, fact in deploy.facts.items()}
    facts["status"] = status_of(facts, moments)
    return markers.same(compact(asked.once or [facts.get(name) for name in _SAME]))


@contextmanager
def marked(
    app: App, digest: str, whose: tuple[str, str], directory: Path | None, patience: float
) -> Iterator[Marker]:
    """The marker of what :func:`same` gave, for the account and connection ``whose`` it is.

    ``directory`` is the one of ``--once-dir``, None for fsctl's own; another process is waited for
    as many seconds as ``patience`` says. Raises :class:`Usage` where no marker can be kept: a
    person has to name another place, or mend this one.
    """
    from ..bulk import markers

    with ExitStack() as stack:
        try:
            marker = stack.enter_context(
                markers.once(
                    directory or app.directory("state") / markers.FOLDER,
                    markers.key(*whose, digest),
                    patience=patience,
                    monotonic=app.world.monotonic,
                    sleep=app.world.sleep,
                )
            )
        except Refused as problem:
            raise Usage(problem.message, hint=problem.hint, code=problem.code) from None
        yield marker
