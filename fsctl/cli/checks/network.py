"""The way through the network: TLS, a proxy, Membrane's API, and the time it says it is."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ...membrane.gateway import Deadline, GatewayError, Trouble
from ...membrane.hosts import DEFAULT_API_URL, ApiAddress, parse_api_url
from ...settings import env
from ..roads import CONNECT_TIMEOUT, api_address
from .findings import Findings
from .outcome import Outcome, failed, ok, skip, warn

if TYPE_CHECKING:
    from ...membrane.answers import Answer
    from ...membrane.transport import Transport

_SANDBOX = "not used in the sandbox"
_SLOW = 2.0  # seconds
_EXACT = 5.0  # seconds between two clocks that agree, what the way takes included
_WRONG = 60.0  # seconds: beyond this a fresh token may count as expired (tokens.CLOCK_LEEWAY)
_CA_VARIABLES = ("FSCTL_CA_BUNDLE", "SSL_CERT_FILE")
# What an API that is there may well say to somebody without a token.
_REACHED = (Trouble.UNAUTHENTICATED, Trouble.FORBIDDEN, Trouble.INVALID)


def tls(findings: Findings, _deadline: Deadline) -> Outcome:
    import ssl

    if findings.in_sandbox:
        return ok(_SANDBOX)
    address = _address(findings)
    if address.scheme != "https":
        return ok(f"not used: {address.authority} is this machine")
    from ...membrane.transport import tls_context

    environ = findings.app.world.environ
    tls_context(environ)
    named = next((name for name in _CA_VARIABLES if environ.get(name)), None)
    trust = f"the certificates of {named} ({environ[named]})" if named else "the system's own trust"
    return ok(f"{ssl.OPENSSL_VERSION}, with {trust}")


def proxy(findings: Findings, _deadline: Deadline) -> Outcome:
    from ...membrane.proxies import find_proxy

    if findings.in_sandbox:
        return ok(_SANDBOX)
    address = _address(findings)
    if address.scheme != "https":
        return ok(f"not used: {address.authority} is this machine")
    environ = findings.app.world.environ
    found = find_proxy(address.host, address.port, environ)
    if found is not None:
        signed = ", with a user name and a password" if found.authorization else ""
        return ok(f"{found.host} ({found.variable}){signed}")
    unused = [name for name in ("http_proxy", "HTTP_PROXY") if environ.get(name)]
    told = f"; {unused[0]} is not used for TLS, HTTPS_PROXY would be" if unused else ""
    return ok(f"none{told}")


def api(findings: Findings, deadline: Deadline) -> Outcome:
    """Ask once, and once more on the same connection, without a token."""
    if findings.in_sandbox:
        return ok("the sandbox answers within this process")
    address = _address(findings)
    try:
        cold, warm, answer = _asked(findings, address, deadline)
        findings.date = (answer.header("date") or "", findings.app.unix_time())
        problem = _judged(answer, findings.app.unix_time())
    except GatewayError as error:
        problem = failed(error)
    if problem is None:
        took = f"{address.url} answers in {_short(warm)} ({_short(cold)} with connecting)"
        if warm <= _SLOW:
            return ok(took)
        return warn(took, "Give commands more time with `--timeout`, if they need it.")
    if findings.takes_command_line:  # which takes its own way there
        return problem._replace(state="warn", away=False)
    return problem


def _asked(
    findings: Findings, address: ApiAddress, deadline: Deadline
) -> tuple[float, float, Answer]:
    from ...membrane.transport import Transport

    app = findings.app
    setting = app.settings.seconds("connect_timeout", env.CONNECT_TIMEOUT, CONNECT_TIMEOUT)
    transport = Transport(
        address,
        environ=app.world.environ,
        connect_timeout=setting.value,
        read_timeout=app.timeout,
        trace=app.messages.debug if app.flags.get("debug") else None,
    )
    try:
        cold, _ = _timed(transport, deadline)
        warm, answer = _timed(transport, deadline)
    finally:
        transport.close()
    return cold, warm, answer


def _timed(transport: Transport, deadline: Deadline) -> tuple[float, Answer]:
    began = time.perf_counter()
    headers = [("Accept", "application/json")]
    answer = transport.send("GET", "/self", headers, None, deadline=deadline)
    return time.perf_counter() - began, answer


def _judged(answer: Answer, now: float) -> Outcome | None:
    """What is wrong with the answer of an API that was asked without a token."""
    from ...membrane.answers import Asked, acknowledged

    try:
        acknowledged(answer, Asked("GET", "/self", now))
    except GatewayError as error:
        if error.trouble in _REACHED:
            return None
        if error.trouble in (Trouble.NOT_FOUND, Trouble.NO_ROUTE):
            told = "it answers, but not as Membrane's API does"
            return warn(told, "Check MEMBRANE_API_URL and api_url: one may name another service.")
        if error.trouble is Trouble.RATE_LIMITED:
            return warn("it is busy, and asks to wait", "Run it again in a minute.")
        return failed(error)
    return None


def clock(findings: Findings, _deadline: Deadline) -> Outcome:
    """How far this machine's clock is from the API's."""
    if findings.in_sandbox:
        return ok("the sandbox goes by this machine's")
    header, now = findings.date or ("", 0.0)
    try:
        ahead = now - parsedate_to_datetime(header).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return skip("the API does not tell the time")
    if abs(ahead) <= _EXACT:
        return ok("agrees with the API's")
    told = f"{_long(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} the API's"
    if abs(ahead) <= _WRONG:
        return ok(told)
    return warn(
        f"{told}, so tokens may seem expired",
        "Set this machine's clock, for example with `sudo timedatectl set-ntp true`.",
    )


def _address(findings: Findings) -> ApiAddress:
    if findings.address is None:
        url = api_address(findings.app) or DEFAULT_API_URL
        findings.address = parse_api_url(url, source="the API address")
    return findings.address


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _long(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
