"""Tell in time that a token ends: on stderr, once, whatever the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..membrane.token_facts import TokenFacts
    from .app import App

_READ_BY_MEMBRANE = "MEMBRANE_ACCESS_TOKEN"  # contracts/membrane §1.7


def tell_of_expiry(app: App, remedy: str, facts: TokenFacts) -> None:
    """Warn where the token in use ends within a week, and nothing makes another by itself.

    ``remedy`` is what a person does about it. See ``membrane.token_facts`` for which tokens count.
    """
    from ..membrane.token_facts import expiry_warning

    warning = expiry_warning(facts, app.unix_time())
    if warning is not None and not app.expiry_told:
        app.expiry_told = True
        app.messages.warn(f"{warning} {remedy}")


def tell_before_use(app: App) -> None:
    """The same for the token of the chosen road, which may not be needed in this run."""
    from ..membrane.token_facts import read_facts

    tokens = app.road.tokens
    if tokens is not None:
        facts = read_facts(tokens.token(), tokens.origin, app.unix_time())
        tell_of_expiry(app, tokens.remedy, facts)


def tell_of_membranes_token(app: App) -> None:
    """The same for the token in the variable that the ``membrane`` binary itself reads."""
    from ..membrane.tokens import EnvironmentToken

    facts = environment_facts(app)
    if facts is not None:
        tell_of_expiry(app, EnvironmentToken.remedy, facts)


def environment_facts(app: App) -> TokenFacts | None:
    """The facts of that token; None where there is none, and ``membrane`` uses its own login."""
    from ..membrane.token_facts import read_facts

    token = app.world.environ.get(_READ_BY_MEMBRANE, "").strip()
    return read_facts(token, _READ_BY_MEMBRANE, app.unix_time()) if token else None
