"""The road into the embedded Membrane: in this process, no network, no token.

What is asked and how the answers are read is the HTTP gateway's business, and the same; only the
way there is another. Opening is lazy: the first question loads the store, and SQLite with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..membrane.answers import Answer, Asked
from ..membrane.exchange import Exchange, Pairs
from ..membrane.gateway import NO_DEADLINE, Deadline, Fate, GatewayError, Origin, Trouble
from ..membrane.http import HttpGateway

if TYPE_CHECKING:
    from .clock import Clock
    from .membrane_face import MembraneFace
    from .options import MembraneOptions
    from .store import Store

T = TypeVar("T")

_ADDRESS = "http://127.0.0.1"  # nothing is ever sent there
_HEADERS = (("Content-Type", "application/json"),)
_TOKEN = ("Authorization", "Bearer sandbox")


class SandboxGateway(HttpGateway):
    """The Gateway to a sandbox at ``path`` (None: in memory, gone with this object).

    An empty sandbox seeds itself unless ``seed`` is False; ``options`` say how this Membrane
    behaves. Where its file cannot be made it is in memory, if ``unkept`` is there to hear why.
    Errors of the sandbox's file come as :class:`~fsctl.errors.FsctlError`, everything
    else as :class:`GatewayError`. Safe to use from several threads.
    """

    name = "sandbox"

    def __init__(
        self,
        path: Path | None,
        clock: Clock | None = None,
        *,
        options: MembraneOptions | None = None,
        seed: bool = True,
        unkept: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(_ADDRESS, _NoToken(), environ={})
        self._path = path
        self._inside = _InProcess(path, clock, options, seed=seed, unkept=unkept)
        self._api = self._inside

    def __repr__(self) -> str:
        return f"SandboxGateway({self._path!r})"

    @property
    def account(self) -> str:
        return f"sandbox/{self._path.absolute() if self._path else 'memory'}"

    @property
    def store(self) -> Store:
        """The sandbox's state, opened if need be."""
        return self._inside.opened()[0]


class _InProcess(Exchange):
    """Exchanges with a :class:`MembraneFace` of this process."""

    def __init__(
        self,
        path: Path | None,
        clock: Clock | None,
        options: MembraneOptions | None,
        *,
        seed: bool,
        unkept: Callable[[str], None] | None,
    ) -> None:
        super().__init__(_ADDRESS, _NoToken(), environ={})
        self._path = path
        self._sandbox_clock = clock
        self._options = options
        self._seed = seed
        self._unkept = unkept
        self._opening = threading.Lock()
        self._sandbox: tuple[Store, MembraneFace] | None = None

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None,
        read: Callable[[Answer, Asked], T],
        deadline: Deadline,
        *,
        query: Pairs = (),
        headers: Pairs | None = None,
        read_timeout: float | None = None,
    ) -> T:
        """One question. It takes no time worth a timeout, but a deadline may be over."""
        if deadline.remaining() <= 0:
            raise GatewayError(
                "The time was over before the sandbox was asked.",
                trouble=Trouble.UNAVAILABLE,
                fate=Fate.NOT_SENT,
                origin=Origin.LOCAL,
                code="timeout",
                hint="Give the command more time with --timeout.",
            )
        store, face = self.opened()
        sent = (_TOKEN, *(_HEADERS if headers is None else headers))
        response = face.handle(method, path, tuple(query), sent, body)
        answer = Answer(response.status or 200, response.headers, response.body)
        return read(answer, Asked(method, path, store.clock.time()))

    def opened(self) -> tuple[Store, MembraneFace]:
        """The sandbox's state and its Membrane."""
        with self._opening:
            if self._sandbox is None:
                self._sandbox = self._open()
            return self._sandbox

    def close(self) -> None:
        with self._opening:
            if self._sandbox is not None:
                store, face = self._sandbox
                self._sandbox = None
                face.close()
                store.close()

    def _open(self) -> tuple[Store, MembraneFace]:
        from .api import FullstoryApi
        from .membrane_face import MembraneFace
        from .options import MembraneOptions
        from .seed import seed_if_empty

        store = self._store()
        try:
            if self._seed:
                seed_if_empty(store)
            options = self._options or MembraneOptions()
            return store, MembraneFace(store, FullstoryApi(store), options)
        except BaseException:
            store.close()
            raise

    def _store(self) -> Store:
        from .store import NoPlace, Store

        try:
            return Store(self._path, clock=self._sandbox_clock)
        except NoPlace as error:
            if self._unkept is None:
                raise
            self._unkept(error.message)
            return Store(None, clock=self._sandbox_clock)


class _NoToken:
    """Where a token has to be named but none is needed."""

    origin = "the sandbox"
    remedy = "The sandbox needs no token."
    account = "sandbox"

    def token(self, deadline: Deadline = NO_DEADLINE) -> str:
        return "sandbox"

    def renew(self) -> bool:
        return False
