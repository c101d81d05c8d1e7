"""How this command line stands with Membrane: for ``auth status``, and for who else asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import FsctlError, NeedsPerson, Unavailable

if TYPE_CHECKING:
    from ..membrane.gateway import Deadline
    from ..membrane.token_facts import TokenFacts
    from .app import App
    from .roads import Road


class Local(NamedTuple):
    """What is known without asking the service. ``error`` is why there is not more of it.

    ``facts`` are of the token in use; None where there is none, and where it cannot be had.
    """

    road: Road | None = None
    facts: TokenFacts | None = None
    api_url: str | None = None
    error: FsctlError | None = None


class Told(NamedTuple):
    """What the service says: ``accepted`` is None where it was not asked or did not answer.

    ``identity`` holds ``name``, ``tenant`` and ``workspace`` as far as told, and is None where the
    service tells this kind of token nothing (contracts/membrane §8 U22).
    """

    accepted: bool | None = None
    identity: Mapping[str, Any] | None = None
    error: FsctlError | None = None


def local_standing(app: App) -> Local:
    """The road, and what its token tells of itself. A token's command is run for it, if need be.

    Raises :class:`Usage` for settings that cannot be.
    """
    from ..membrane.hosts import DEFAULT_API_URL
    from ..membrane.token_facts import read_facts
    from ..membrane.tokens import TokenExpired
    from .expiry import environment_facts
    from .roads import api_address

    try:
        road = app.road
    except (NeedsPerson, Unavailable) as error:
        return Local(error=error)
    if road.name == "sandbox":
        return Local(road)
    try:
        address = api_address(app)
    except NeedsPerson as error:
        return Local(road, error=error)
    if road.tokens is None:
        return Local(road, environment_facts(app), address)
    address = address or DEFAULT_API_URL
    try:
        token = road.tokens.token()
    except TokenExpired as error:
        return Local(road, error.facts, address, error)
    except NeedsPerson as error:
        return Local(road, None, address, error)
    return Local(road, read_facts(token, road.tokens.origin, app.unix_time()), address)


def told_standing(app: App) -> Told:
    """Whether the service accepts us, and who it says we are."""
    from ..membrane.gateway import GatewayError, Trouble

    silent = (Trouble.FORBIDDEN, Trouble.NOT_FOUND, Trouble.NO_ROUTE)

    def question(deadline: Deadline) -> Mapping[str, Any] | None:
        try:
            return app.gateway.identity(deadline=deadline)
        except GatewayError as failure:
            if failure.trouble in silent:
                return None
            raise

    try:
        identity = app.caller.ask(question, "identity")
    except NeedsPerson as error:
        return Told(False, error=error)
    except FsctlError as error:
        return Told(error=error)
    if identity is None:
        return Told()
    by_service = bool(identity) and identity.get("source") != "token"
    return Told(True, identity if by_service else None)
