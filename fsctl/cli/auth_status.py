"""``fsctl auth status``: the road to Membrane, its token, and who the service says we are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import FsctlError, NeedsPerson
from ..terminal.columns import Column
from .app import App
from .options import Command, pass_app
from .results import One

if TYPE_CHECKING:
    from .standing import Local, Told

STATUS_COLUMNS = (
    Column("gateway"),
    Column("why"),
    Column("api_url", kind="url"),
    Column("profile"),
    Column("token_from"),
    Column("token_kind"),
    Column("workspace"),
    Column("tenant"),
    Column("expires_at", kind="time"),
    Column("expires_in"),
    Column("renews", kind="bool"),
    Column("accepted", kind="bool"),
)


@click.command(
    cls=Command,
    examples=("fsctl --sandbox auth status", "fsctl --sandbox auth status --expires-within 7d"),
)
@click.option(
    "--expires-within",
    metavar="TIME",
    help="End with 4 where the token ends sooner than this, such as 7d.",
)
@pass_app
def status(app: App, expires_within: str | None) -> One:
    """Show the road, its token, and who you are to Membrane.

    What the token tells is read here and not verified. Ends with 4 where a person must act, with 5
    where the service is away; what is known is shown all the same. A token that the next command
    gets anew by itself (`renews`) never ends too soon.
    """
    from ..fullstory.times import parse_duration
    from .standing import Told, local_standing, told_standing

    app.check_output()
    within = None
    if expires_within is not None:
        within = parse_duration(expires_within, what="--expires-within")
    local = local_standing(app)
    ending = _too_short(app, local, within)
    told = told_standing(app) if local.error is None else Told()
    if told.accepted and told.identity is None:
        app.messages.verbose("The service tells this kind of token not who it is.")
    data = as_data(app, local, told)
    error = _worst(local.error or told.error, ending)
    return One(_for_people(data) if app.renders_table else data, STATUS_COLUMNS, lambda: error)


def _worst(error: FsctlError | None, ending: NeedsPerson | None) -> FsctlError | None:
    """That the token ends soon is known even where the service is away, and needs a person."""
    return error if ending is None or isinstance(error, NeedsPerson) else ending


def _for_people(data: dict[str, Any]) -> dict[str, Any]:
    from ..membrane.token_facts import in_words

    left = data["expires_in"]
    told = data | {"gateway": data["gateway"] or "none"}
    if left is not None:
        told["expires_in"] = in_words(left) if left > 0 else "expired"
    return {key: value for key, value in told.items() if value is not None}


def as_data(app: App, local: Local, told: Told) -> dict[str, Any]:
    """The standing as data: nothing secret, but the account's names."""
    from ..membrane.tokens import moment

    facts, road = local.facts, local.road
    expires = facts.expires if facts else None
    identity = told.identity
    return {
        "gateway": road.name if road else None,
        "why": road.why if road else None,
        "api_url": local.api_url,
        "profile": app.settings.profile()[0],
        "token_from": facts.origin if facts else None,
        "token_kind": facts.kind if facts else None,
        "workspace": facts.workspace if facts else None,
        "tenant": facts.tenant if facts else None,
        "expires_at": moment(expires) if expires is not None else None,
        "expires_in": int(expires - app.unix_time()) if expires is not None else None,
        "renews": facts.renews if facts else None,
        "accepted": told.accepted,
        "identity": None
        if identity is None
        else {key: identity.get(key) for key in ("name", "tenant", "workspace")},
    }


def _too_short(app: App, local: Local, within: float | None) -> NeedsPerson | None:
    """The error for a token that ends sooner than was asked for."""
    from ..membrane.token_facts import expiry_warning
    from ..membrane.tokens import EnvironmentToken

    facts = local.facts
    if within is None or local.error is not None or app.in_sandbox:
        return None
    if facts is None or (facts.expires is None and not facts.renews):
        whose = f"the token from {facts.origin}" if facts else "the login"
        app.messages.note(f"When {whose} ends is unknown: it does not tell.")
        return None
    now = app.unix_time()
    if not facts.ends_within(within, now):
        return None
    app.expiry_told = True
    remedy = local.road.tokens.remedy if local.road and local.road.tokens else None
    return NeedsPerson(
        expiry_warning(facts, now, within) or "",
        hint=remedy or EnvironmentToken.remedy,
        code="expires_soon",
    )
