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
    from ..membrane.tokens import EnvironmentToken

    facts = environment_facts(app)
    if facts is not None:
        tell_of_expiry(app, EnvironmentToken.remedy, facts)


def environment_facts(app: App) -> TokenFacts | None:
    """The facts of the token in the environment, whoever reads it."""
    from ..membrane.token_facts import read_facts
    from ..membrane.tokens import ENV_TOKENS

    environ = app.world.environ
    name = next((name for name in ENV_TOKENS if environ.get(name, "").strip()), None)
    return None if name is None else read_facts(environ[name].strip(), name, app.unix_time())
