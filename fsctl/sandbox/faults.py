"""Trouble on order: ``--fault KIND[:RATE][@PATHPREFIX]`` for the sandbox server.

RATE is a probability from 0 to 1 (1 when left out), or ``xN`` for the first N requests only.
PATHPREFIX limits a fault to Membrane's paths that begin with these segments, or to Fullstory's
behind the proxy.
The same seed gives the same trouble in the same order.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from ..errors import Usage


class Kind(Enum):
    """What goes wrong, and whether the request took effect before it did."""

    RATE_LIMITED = "429"  # refused: Membrane's words on its routes, Fullstory's on the proxy
    RATE_LIMITED_MEMBRANE = "429-membrane"  # refused by Membrane, on the proxy too
    RATE_LIMITED_FULLSTORY = "429-fullstory"  # refused by Fullstory, behind actions and the proxy
    TOO_LARGE = "413"  # refused for its size, whatever that is; nothing was done
    SERVER_ERROR = "500"  # failed before anything was done
    BAD_GATEWAY = "502-html"  # an HTML page of something in between; nothing was done
    RESET = "reset"  # the connection is reset before the request's body is read
    RESET_AFTER = "reset-after"  # done, then reset instead of answered
    HANG = "hang"  # never answered; nothing was done
    TRUNCATE = "truncate"  # done; the answer stops half way
    EMPTY = "empty"  # done; 200 without a body
    REDIRECT = "redirect"  # sent to another origin; nothing was done


BEHIND = frozenset((Kind.RATE_LIMITED_FULLSTORY,))
"""Kinds that happen between Membrane and Fullstory, not between the caller and the server."""

_SYNTAX = "KIND[:RATE][@PATHPREFIX], RATE a number from 0 to 1 or xN, for example reset:x1@/act"
_RATE = re.compile(r"(?:0?\.\d{1,9}|[01](?:\.\d{1,9})?)", re.ASCII)
_COUNT = re.compile(r"x[1-9]\d{0,8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """One ``--fault``: how often, where, and for how many requests (None: without end)."""

    kind: Kind
    rate: float = 1.0
    times: int | None = None
    prefix: str = "/"

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read one fault. Raises :class:`Usage` naming the kinds there are."""
        what, at, prefix = text.partition("@")
        name, colon, often = what.partition(":")
        try:
            kind = Kind(name)
        except ValueError:
            kinds = ", ".join(kind.value for kind in Kind)
            raise Usage(
                f"There is no fault {name!a}.", hint=f"Use {_SYNTAX}. KIND is one of: {kinds}."
            ) from None
        if at and not prefix.startswith("/"):
            raise Usage(f"The fault {text!a} has a path without its slash.", hint=f"Use {_SYNTAX}.")
        if not colon:
            return cls(kind, prefix=prefix or "/")
        if _COUNT.fullmatch(often):
            return cls(kind, times=int(often[1:]), prefix=prefix or "/")
        if not _RATE.fullmatch(often) or float(often) > 1:
            raise Usage(f"The fault {text!a} has no usable rate.", hint=f"Use {_SYNTAX}.")
        return cls(kind, rate=float(often), prefix=prefix or "/")

    def concerns(self, path: str) -> bool:
        """Whether the fault is meant for ``path``, or for what it asks of Fullstory."""
        return _is_below(path, self.prefix) or _is_below(upstream_path(path), self.prefix)


def _is_below(path: str, prefix: str) -> bool:
    """Whole segments count: ``/act`` is neither ``/actions`` nor ``/action-run-logs``."""
    return f"{path}/".startswith(f"{prefix.removesuffix('/')}/") and path != ""


def upstream_path(path: str) -> str:
    """The part of a proxy path that goes to Fullstory, or the empty string."""
    head, proxy, rest = path.partition("/proxy/")
    return f"/{rest}" if proxy and head.startswith("/connections/") else ""


class Faults:
    """The faults of one server. Safe to ask from several threads at once."""

    def __init__(self, faults: Iterable[Fault | str] = (), *, seed: int = 0) -> None:
        self._faults: Sequence[Fault] = tuple(
            Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults
        )
        self._left = [fault.times for fault in self._faults]
        self._chances = [random.Random(f"{seed}:{index}") for index in range(len(self._faults))]
        self._lock = threading.Lock()

    def next(self, path: str, *, behind: bool = False) -> Kind | None:
        """The fault that befalls this request to ``path``, the first ordered one that strikes.

        ``behind`` asks for the kinds between Membrane and Fullstory instead of those in front.
        """
        with self._lock:
            for index, fault in enumerate(self._faults):
                if (fault.kind in BEHIND) is behind and fault.concerns(path):
                    if self._left[index] == 0 or self._chances[index].random() >= fault.rate:
                        continue
                    if (left := self._left[index]) is not None:
                        self._left[index] = left - 1
                    return fault.kind
        return None
