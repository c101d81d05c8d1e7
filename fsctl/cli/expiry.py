"""Tell in time that a token ends: on stderr, once, whatever the command."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..membrane.token_facts import TokenFacts
    from .app import App


def tell_of_expiry(app: App, remedy: str, facts: TokenFacts) -> None:
    """Warn where the token in use ends within a week, and nothing makes another by itself.

    ``remedy`` is what a person does about it. See ``membrane.token_facts`` for which tokens count.
    """
    from ..membrane.token_facts import expiry_warning

    warning = expiry_warning(facts, app.unix_time())
    if warning is not None and not app.expiry_told:
        app.expiry_told = True
        app.messages.warn(f"{warning} {remedy}")


def tell_of_environment_token(app: App) -> None:
    """The same for a token that only the ``membrane`` binary reads: its own variables."""
    from ..membrane.token_facts import read_facts
    from ..membrane.tokens import ENV_TOKENS, EnvironmentToken

    for name in ENV_TOKENS:
        if token := app.world.environ.get(name, "").strip():
            facts = read_facts(token, name, app.unix_time())
            if facts.expires is not None and facts.expires > app.unix_time():
                tell_of_expiry(app, EnvironmentToken.remedy, facts)
            return
