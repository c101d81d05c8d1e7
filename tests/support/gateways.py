"""HTTP gateways for tests, and how a failure of one is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fsctl.membrane.gateway import GatewayError
from fsctl.membrane.http import HttpGateway
from fsctl.membrane.tokens import TokenSource, find_token_source

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


def failure_of(act: Callable[[], object], *, secrets: tuple[str, ...] = (TOKEN,)) -> GatewayError:
    """The failure that ``act`` ends in; no secret stands anywhere in it."""
    with pytest.raises(GatewayError) as caught:
        act()
    error = caught.value
    for text in (error.message, str(error.hint), repr(error), str(error.code)):
        for secret in secrets:
            assert secret not in text
    return error
