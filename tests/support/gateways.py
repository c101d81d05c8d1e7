"""HTTP gateways for tests, and how a failure of one is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fsctl.membrane.gateway import Deadline, GatewayError
from fsctl.membrane.http import HttpGateway
from fsctl.membrane.tokens import TokenSource, find_token_source
from tests.support.scripted_server import Seen, Step, scripted

TOKEN = "pat-T0ken.of-the-tests"


def http_gateway(
    url: str,
    *,
    tokens: TokenSource | None = None,
    environ: dict[str, str] | None = None,
    **options: Any,
) -> HttpGateway:
    """A gateway with :data:`TOKEN`, or with other tokens."""
    if tokens is None:
        tokens = find_token_source({"MEMBRANE_TOKEN": TOKEN}, None, None, Path.cwd(), time.time)
        assert tokens is not None
    return HttpGateway(url, tokens, environ=environ or {}, **options)


class Tokens:
    """A source that gives its tokens one after another, as it is told to renew."""

    origin = "MEMBRANE_WORKSPACE_SECRET"
    remedy = "Look at the secret."
    account = "w/t"

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens)
        self.renewed = 0

    def token(self, deadline: Deadline | None = None) -> str:
        return self._tokens[0]

    def renew(self) -> bool:
        self.renewed += 1
        if len(self._tokens) > 1:
            self._tokens.pop(0)
            return True
        return False


def one(step: Step, act: Callable[[HttpGateway], object]) -> tuple[Any, Seen]:
    """What ``act`` gives when its one request is answered so, and that request."""
    with scripted(step) as server:
        result = act(http_gateway(server.url))
    return result, server.requests[0]


def failure_of(act: Callable[[], object], *, secrets: tuple[str, ...] = (TOKEN,)) -> GatewayError:
    """The failure that ``act`` ends in; no secret stands anywhere in it."""
    with pytest.raises(GatewayError) as caught:
        act()
    error = caught.value
    for text in (error.message, str(error.hint), repr(error), str(error.code)):
        for secret in secrets:
            assert secret not in text
    return error
