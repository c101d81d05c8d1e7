"""What a connection can do, and which connection it is: asked for once and cached briefly.

A Fullstory action's key, id and input schema are not public and differ between tenants, so they
are read live (contracts/membrane §2.7, §8 U10 to U12).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..errors import NeedsPerson, meant
from .cache import Cache
from .gateway import (
    NO_DEADLINE,
    Action,
    Connection,
    Deadline,
    Gateway,
    GatewayError,
    says_fullstory,
)

FRESH_SECONDS = 600.0  # long enough for a script's loop, short enough to notice a change

_OBJECT_ID = re.compile(r"[0-9a-f]{24}|(?:con|cnt)_[A-Za-z0-9]{4,64}")


class Catalogue:
    """The actions and the Fullstory connection of one account, behind a cache."""

    def __init__(self, gateway: Gateway, cache: Cache) -> None:
        self._gateway = gateway
        self._cache = cache
        self._chosen: set[str] = set()  # the keys under which a connection was looked up

    def action(
        self, connection_id: str, key: str, *, deadline: Deadline = NO_DEADLINE
    ) -> Action | None:
        """The action with that key, id or normalised name; None only after asking anew."""
        cache_key = self._actions_key(connection_id)
        missing_key = f"{cache_key}|missing|{key}"
        cached = _actions_from_cache(self._cache.get(cache_key, max_age=FRESH_SECONDS))
        if cached is not None:
            found = find_action(cached, key)
            if found is not None or self._cache.get(missing_key, max_age=FRESH_SECONDS):
                return found
        found = find_action(self.actions(connection_id, deadline=deadline), key)
        if found is None:
            self._cache.set(missing_key, True)
        return found

    def actions(self, connection_id: str, *, deadline: Deadline = NO_DEADLINE) -> list[Action]:
        """All actions of the connection, asked for now, and remembered."""
        actions = self._gateway.actions(connection_id, deadline=deadline)
        if actions and all(each.app and not says_fullstory(each.app) for each in actions):
            self._check_app(connection_id, deadline)
        self._cache.set(
            self._actions_key(connection_id), [_action_for_cache(action) for action in actions]
        )
        return actions

    def keys(self, connection_id: str) -> list[str]:
        """How the actions that are remembered are called, without asking for them."""
        cached = _actions_from_cache(self._cache.get(self._actions_key(connection_id)))
        return [each.key or normalised(each.name) for each in cached or ()]

    def forget(self, connection_id: str) -> None:
        """The service says something cached is gone."""
        self._cache.drop(self._actions_key(connection_id))
        for key in self._chosen:
            self._cache.drop(key)

    def changed(self) -> None:
        """Connections were made or archived: which is the only one has to be asked anew."""
        self._cache.drop(self._choice_key(None))

    def connection_id(self, wanted: str | None, *, deadline: Deadline = NO_DEADLINE) -> str:
        """The id of the connection to use.

        ``wanted`` is an id, a key or a name; an id is taken as it is, without asking. Without it,
        the only Fullstory connection there is. Raises :class:`NeedsPerson` where there is none,
        where it is not ready or another app's (but by its id), or where there are several.
        """
        if wanted is not None and is_id(wanted):
            return wanted
        cache_key = self._choice_key(wanted)
        self._chosen.add(cache_key)
        cached = self._cache.get(cache_key, max_age=FRESH_SECONDS)
        if isinstance(cached, str):
            return cached
        found = self._choose(wanted, list(self._gateway.connections(deadline=deadline)))
        self._cache.set(cache_key, found.id)
        return found.id

    def _choose(self, wanted: str | None, connections: Sequence[Connection]) -> Connection:
        if wanted is not None:
            meant = named(wanted, connections)
            if meant.is_of_another_app:
                raise of_another_app(meant)
            if not meant.usable:
                raise unready(meant)
            return meant
        candidates = [c for c in connections if c.is_fullstory and not c.test and not c.archived]
        usable = [c for c in candidates if c.usable]
        if len(usable) == 1:
            return usable[0]
        if len(usable) > 1:
            raise SeveralConnections(usable)
        if len(candidates) == 1:
            raise unready(candidates[0])
        if candidates:
            raise NeedsPerson(
                f"None of the {len(candidates)} Fullstory connections is ready: "
                f"{_listed(candidates)}.",
                hint="Mend the one to use: `fsctl connections reconnect ID`.",
                code="connection_not_ready",
            )
        raise NeedsPerson(
            "There is no Fullstory connection in this Membrane tenant.",
            hint="Create one with `fsctl connections create --wait`, or try the command with "
            "--sandbox.",
            code="no_connection",
        )

    def _check_app(self, connection_id: str, deadline: Deadline) -> None:
        """Refuse another app's connection, which an id can name: its API must not get this.

        Only where the actions are not Fullstory's: otherwise it would cost a request for nothing.
        """
        try:
            connection = self._gateway.connection(connection_id, deadline=deadline)
        except GatewayError:  # what comes next says better what is wrong
            return
        if connection.is_of_another_app:
            raise of_another_app(connection)

    def _choice_key(self, wanted: str | None) -> str:
        return f"connection|{self._gateway.account}|{wanted or ''}"

    def _actions_key(self, connection_id: str) -> str:
        return f"actions|{self._gateway.account}|{connection_id}"


class SeveralConnections(NeedsPerson):
    """Several connections would do; ``connections`` are those a person can choose from."""

    default_code = "several_connections"

    def __init__(self, connections: Sequence[Connection]) -> None:
        super().__init__(
            f"There are {len(connections)} Fullstory connections: {_listed(connections)}.",
            hint="Choose one with --connection ID or FSCTL_CONNECTION, or for good with "
            "`fsctl connections use ID`.",
        )
        self.connections = tuple(connections)


def of_another_app(connection: Connection) -> NeedsPerson:
    """The error for a connection that is not Fullstory's, as far as its app, key and name tell."""
    return NeedsPerson(
        f"The connection {connection.name!a} ({connection.id}) is one of the app "
        f"{connection.app!a}, not of Fullstory.",
        hint="Choose another with --connection, FSCTL_CONNECTION or in the profile. If it is "
        "Fullstory's all the same, give it a name that says so.",
        code="not_fullstory",
    )


def unready(connection: Connection) -> NeedsPerson:
    """The error for a connection that exists but cannot be used (§8 U9)."""
    import shlex

    from .connecting import Phase, address, phase, state_in_words

    reason = connection.error or (connection.client_action or {}).get("description")
    url = address(connection)
    mend = f"`fsctl connections {{}} {shlex.quote(connection.id)}`"
    return NeedsPerson(
        f"The connection {connection.name!a} ({connection.id}) is not ready: "
        + state_in_words(connection)
        + (f", {reason.rstrip('.')}." if reason else "."),
        hint=f"Open {url} to finish it, then run {mend.format('wait')}."
        if url
        else f"Wait for it with {mend.format('wait')}."
        if phase(connection) is Phase.BUILDING
        else f"Mend it with {mend.format('reconnect')}.",
        code="connection_not_ready",
    )


def find_action(actions: Sequence[Action], wanted: str) -> Action | None:
    """By key, then by id, then by name in kebab case (contracts/membrane §8 U11).

    By name those without a key come first: a key says more than a name.
    """
    name = normalised(wanted)
    tests = (
        lambda action: action.key == wanted,
        lambda action: action.id == wanted,
        lambda action: bool(name) and not action.key and normalised(action.name) == name,
        lambda action: bool(name) and normalised(action.name) == name,
    )
    for test in tests:
        for action in actions:
            if test(action):
                return action
    return None


def normalised(name: str) -> str:
    """``Create Annotation`` as ``create-annotation``."""
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))


def is_id(text: str) -> bool:
    """Whether it looks as Membrane's ids do, and so needs no looking up."""
    return _OBJECT_ID.fullmatch(text) is not None


def named(wanted: str, connections: Sequence[Connection]) -> Connection:
    """The connection with that id, key or name, in this order.

    Raises :class:`SeveralConnections`, and :class:`NeedsPerson` (``no_connection``) for none.
    """
    for matches in (
        [c for c in connections if c.id == wanted],
        [c for c in connections if c.key == wanted],
        [c for c in connections if c.name == wanted],
        [c for c in connections if c.name.casefold() == wanted.casefold()],
    ):
        if len(matches) == 1:
            return matches[0]
        if len(matches) > 1:
            raise SeveralConnections(matches)
    fullstory = [c for c in connections if c.is_fullstory]
    raise NeedsPerson(
        f"No connection has the id, key or name {wanted!a}.",
        hint=f"{_like(wanted, fullstory)}There are: {_listed(fullstory)}."
        if fullstory
        else "There is none for Fullstory.",
        code="no_connection",
    )


def _like(wanted: str, connections: Sequence[Connection]) -> str:
    names = (name for each in connections for name in (each.key, each.name) if name)
    return meant(wanted, names)


def _listed(connections: Sequence[Connection], most: int = 10) -> str:
    shown = [f"{c.id} ({c.name!a}, {c.state or 'state unknown'})" for c in connections[:most]]
    rest = len(connections) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _action_for_cache(action: Action) -> dict[str, Any]:
    return {
        "id": action.id,
        "name": action.name,
        "key": action.key,
        "description": action.description,
        "input": action.input_schema,
        "output": action.output_schema,
    }


def _actions_from_cache(cached: Any) -> list[Action] | None:
    """The actions as they were remembered; None for nothing, and for what another version left."""
    try:
        return [
            Action(
                id=raw["id"],
                name=raw["name"],
                key=raw["key"],
                description=raw["description"],
                input_schema=raw["input"],
                output_schema=raw["output"],
            )
            for raw in cached
        ]
    except (KeyError, TypeError):
        return None
