"""One run of the ``membrane`` command line: its arguments, its environment, what it answered."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from . import shapes
from .binary import child_environment
from .cache import Cache
from .child import (
    ChildNotStarted,
    ChildResult,
    ChildTimedOut,
    ChildTooLarge,
    in_seconds,
    run_child,
)
from .exchange import shaped
from .failures import unreadable
from .gateway import Deadline, Fate, GatewayError, Origin, Trouble
from .hosts import check_api_url
from .inputs import arguments, check_sizes
from .output import Output, read_output
from .redact import redact
from .tokens import ENV_TENANT_KEY, ENV_TOKENS, ENV_WORKSPACE_KEY, ENV_WORKSPACE_SECRET
from .verbs import Verbs, read_verbs

MAX_PAGES = 100  # each page is a process

_ENV_URLS = ("MEMBRANE_API_URL", "MEMBRANE_API_URI")  # contracts §8 U20, in this order


class Command:
    """The installed command line, with one environment; see :class:`~.cli.CliGateway`.

    Safe to use from several threads: every call is a process of its own.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cache: Cache,
        environ: Mapping[str, str],
        run_dir: Path,
        timeout: float,
        clock: Callable[[], float],
        cwd: Path,
        api_url: str | None,
        trace: Callable[[str], None] | None,
    ) -> None:
        self.argv = tuple(command)
        self.timeout = timeout
        self._cache = cache
        self._run_dir = run_dir
        self._clock = clock
        self._trace = trace
        self._address = api_url or _address(environ)
        self._env = child_environment(environ, cwd)
        if self._address:
            self._env |= dict.fromkeys(_ENV_URLS, self._address)
        keys = {"workspaceKey": ENV_WORKSPACE_KEY, "tenantKey": ENV_TENANT_KEY}
        told = {flag: environ.get(name, "").strip() for flag, name in keys.items()}
        self._whose = {flag: value for flag, value in told.items() if value}
        self._secrets = [environ.get(name, "") for name in (*ENV_TOKENS, ENV_WORKSPACE_SECRET)]
        self._lock = threading.Lock()
        self._verbs: Verbs | None = None

    @property
    def account(self) -> str:
        command = redact(" ".join(self.argv), known=self._secrets)
        return "|".join([command, self._address or "", *self._whose.values()])

    @property
    def verbs(self) -> Verbs:
        """What the installed version can do, asked once; raises as :func:`read_verbs` does."""
        with self._lock:
            if self._verbs is None:
                self._make_run_dir()
                self._verbs = read_verbs(
                    self.argv, cache=self._cache, cwd=self._run_dir, env=self._env
                )
            return self._verbs

    def need(self, *verbs: str) -> None:
        """Refuse, before anything is sent, what the installed version has no verb for."""
        for verb in verbs:
            if not self.verbs.has(verb):
                raise no_verb(verb)

    def run(
        self,
        verb: str,
        positionals: Sequence[str] = (),
        flags: Sequence[str] = (),
        *,
        deadline: Deadline,
        timeout: float | None = None,
        secrets: Sequence[str] = (),
        proxied: bool = False,
    ) -> Output:
        """One attempt. ``secrets`` are inputs that no message may repeat; ``proxied`` as in
        :func:`~.output.read_output`. Raises :class:`GatewayError`, and :class:`Usage` for an input
        that no argument can carry.
        """
        whose = [f"--{flag}={value}" for flag, value in self._whose.items()]
        argv = [*self.argv, *arguments(verb, positionals, [*flags, *whose])]
        check_sizes(argv)
        result = self._child(verb, argv, deadline, timeout or self.timeout)
        return read_output(result, secrets=[*self._secrets, *secrets], proxied=proxied)

    def ask(
        self,
        verb: str,
        positionals: Sequence[str] = (),
        flags: Sequence[str] = (),
        *,
        deadline: Deadline,
        timeout: float | None = None,
    ) -> Any:
        """The document that ``verb`` prints; nothing at all is an error (§8 U4)."""
        output = self.run(verb, positionals, flags, deadline=deadline, timeout=timeout)
        if output.empty:
            raise printed_nothing(verb)
        return output.document

    def rows(
        self,
        verb: str,
        plural: str,
        flags: Sequence[str] = (),
        *,
        deadline: Deadline,
        pages: int | None = None,
    ) -> Iterator[Any]:
        """The rows of a list, page by page where it gives a cursor (§8 U1 and U23).

        With ``pages``, of so many pages only; without, more than :data:`MAX_PAGES` are an error.
        """
        cursor, seen = None, set[str]()
        for _ in range(pages or MAX_PAGES):
            page = [*flags, f"--cursor={cursor}"] if cursor else flags
            document = self.ask(verb, (), page, deadline=deadline)
            read = partial(shapes.items, plural=plural)
            rows, cursor = shaped(read, document, f"membrane {verb}")
            yield from rows
            if cursor is None:
                return
            if cursor in seen:
                raise unreadable(f"Membrane repeats a page of {plural}.", code="repeated_cursor")
            seen.add(cursor)
        if pages is None:
            told = f"Membrane lists more than {MAX_PAGES} pages of {plural}."
            raise unreadable(told, code="too_many")

    def _child(
        self, verb: str, argv: Sequence[str], deadline: Deadline, timeout: float
    ) -> ChildResult:
        timeout = min(timeout, deadline.remaining())
        if timeout <= 0:
            raise _failed("There was no time left.", "deadline", Fate.NOT_SENT)
        self._make_run_dir()
        started = self._clock()
        how = "was interrupted"
        try:
            result = run_child(argv, cwd=self._run_dir, env=self._env, timeout=timeout)
            how = f"exit status {result.code}, {len(result.stdout)} bytes"
            return result
        except ChildNotStarted as error:
            how = "was not started"
            raise _failed(f"{error}.", "not_started", Fate.NOT_SENT, Trouble.FAILED) from None
        except ChildTimedOut:
            how = "was stopped"
            message = f"`membrane {verb}` did not end within {in_seconds(timeout)} and was stopped."
            raise _failed(message, "timeout", Fate.UNKNOWN) from None
        except ChildTooLarge:
            how = "printed too much"
            message = f"`membrane {verb}` printed more than can be read, and was stopped."
            raise _failed(message, "too_large", Fate.UNKNOWN, Trouble.TOO_LARGE) from None
        finally:
            if self._trace is not None:
                self._trace(f"membrane {verb}: {how}, {self._clock() - started:.2f} s")

    def _make_run_dir(self) -> None:
        with contextlib.suppress(OSError):  # the child then says that it has nowhere to run
            self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


def no_verb(verb: str) -> GatewayError:
    return GatewayError(
        f"The installed membrane has no command `{verb}`.",
        trouble=Trouble.UNSUPPORTED,
        fate=Fate.NOT_SENT,
        origin=Origin.LOCAL,
        code="unsupported",
        hint="Update it (npm install -g @membranehq/cli@latest), or set MEMBRANE_TOKEN.",
    )


def printed_nothing(verb: str) -> GatewayError:
    return unreadable(f"`membrane {verb}` printed nothing.", code="empty")


def _failed(
    message: str, code: str, fate: Fate, trouble: Trouble = Trouble.UNAVAILABLE
) -> GatewayError:
    return GatewayError(message, trouble=trouble, fate=fate, origin=Origin.LOCAL, code=code)


def _address(environ: Mapping[str, str]) -> str | None:
    """The address that the child's credentials go to, where the environment names one."""
    name = next((name for name in _ENV_URLS if environ.get(name, "").strip()), None)
    return None if name is None else check_api_url(environ[name], source=name)
