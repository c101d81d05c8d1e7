"""Runs of actions and inline API calls in the embedded Membrane, with their logs.

Sources: contracts/membrane §2.7 (runs), §2.8 (logs), §3.2 (what becomes of Fullstory's failures).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import Unavailable
from ..membrane import payload
from ..membrane.gateway import Request, Response
from .actions import MissingInput, SandboxAction
from .clock import iso
from .connections import INTEGRATION, TENANT, new_id
from .envelopes import MembraneFailure, json_response
from .options import MembraneOptions
from .proxying import wrapped
from .runlogs import RunLogs
from .store import Store

Send = Callable[[Mapping[str, Any], Request], Response]
"""Send a request through a connection (its document) to Fullstory."""

# In the log, in place of an answer that has megabytes: ten thousand runs are kept.
NOT_KEPT = "(too large for the sandbox's log)"


class Runner:
    """Runs things through a connection, and writes each run to the log."""

    def __init__(self, store: Store, logs: RunLogs, options: MembraneOptions, send: Send) -> None:
        self._store = store
        self._logs = logs
        self._options = options
        self._send = send

    def run_action(
        self,
        action: SandboxAction,
        connection: Mapping[str, Any],
        given: Any,
        meta: Mapping[str, Any] | None,
    ) -> Response:
        """Run one of the catalogue's actions with what the caller gave as its input."""

        def build() -> Request:
            try:
                return action.request(
                    given if isinstance(given, Mapping) else {}, self._options.style
                )
            except MissingInput as missing:
                message = f"Missing required input: {', '.join(missing.names)}"
                cause = {"type": "bad_request", "message": message}
                raise MembraneFailure("action_run", message, cause=cause) from None

        def output(response: Response, told: dict[str, Any]) -> dict[str, Any]:
            _raise_upstream(told, connection)
            if not response.body:
                return {}
            if self._options.output == "plain":
                return {"output": told["data"]}
            if self._options.output == "data":
                return {"output": {"data": told["data"]}}
            return {"output": told}

        subject = {
            "name": action.name,
            "actionId": action.id,
            "integrationActionId": action.id,
            "action": {"id": action.id, "key": action.key, "name": action.name},
        }
        return self._run(subject, connection, given, meta, build, output)

    def run_api(
        self, request: Request, connection: Mapping[str, Any], meta: Mapping[str, Any] | None
    ) -> Response:
        """Run one inline request; a vendor's 4xx is an output like any other (§2.7)."""

        def output(_response: Response, told: dict[str, Any]) -> dict[str, Any]:
            if self._options.api_errors == "error":
                _raise_upstream(told, connection)
            return {"output": told}

        subject = {"name": f"{request.method} {request.path}"}
        return self._run(subject, connection, None, meta, lambda: request, output)

    def _run(
        self,
        subject: Mapping[str, Any],
        connection: Mapping[str, Any],
        given: Any,
        meta: Mapping[str, Any] | None,
        build: Callable[[], Request],
        output: Callable[[Response, dict[str, Any]], dict[str, Any]],
    ) -> Response:
        run_id = new_id()
        started = self._store.clock.time()
        details: dict[str, Any] = {}
        failure: MembraneFailure | None = None
        result: dict[str, Any] = {}
        large = False
        try:
            request = build()
            details["request"] = _request_told(request)
            response = self._send(connection, request)
            details["response"] = told = wrapped(response)
            large = len(response.body) > payload.LARGE
            if large:
                details["response"] = {**told, "data": NOT_KEPT}
            result = output(response, told)
        except MembraneFailure as error:
            failure = error
        ended = self._store.clock.time()
        entry: dict[str, Any] = {
            "id": run_id,
            **subject,
            "status": "error" if failure else "success",
            "connectionId": connection["id"],
            "integrationId": INTEGRATION["id"],
            "tenantId": TENANT["id"],
            "input": given,
            **({"output": NOT_KEPT} if large and not failure else result),
            "createdAt": iso(started),
            "completedAt": iso(ended),
            "duration": round((ended - started) * 1000),
            "meta": dict(meta or {}),
            "connection": {"id": connection["id"], "name": connection["name"]},
            "integration": {"id": INTEGRATION["id"], "key": INTEGRATION["key"]},
        }
        if failure:
            entry["error"] = failure.envelope()
        # The run is over, whether or not the log can be written.
        with contextlib.suppress(Unavailable):
            self._logs.write(entry, {**details, "timeMs": entry["duration"]})
        if failure:
            return failure.response(run_id)
        return json_response({**result, "actionRunId": run_id}, large=large)


def _raise_upstream(told: dict[str, Any], connection: Mapping[str, Any]) -> None:
    """Turn Fullstory's failure into Membrane's, with the vendor's answer inside (§3.2)."""
    status = told["status"] or 200
    if status < 400:
        return
    data: dict[str, Any] = {"response": told}
    about = {"connectionId": connection["id"], "connectorKey": INTEGRATION["key"]}
    if status == 401:
        raise MembraneFailure(
            "connection",
            "The external app does not accept the connection's credentials.",
            key="access_token_expired",
            data=data | about,
        )
    if status == 429:
        raise MembraneFailure(
            "connection",
            "The external app's rate limit is exceeded.",
            key="rate_limit_exceeded",
            data=data | about,
        )
    raise MembraneFailure(
        "action_run", f"The external app answered with status {status}.", data=data
    )


def _request_told(request: Request) -> dict[str, Any]:
    """A request as run logs show it. Credentials are no part of it yet: Membrane adds them last."""
    told: dict[str, Any] = {"method": request.method, "url": request.path}
    told["query"] = [list(pair) for pair in request.query]
    told["headers"] = dict(request.headers)
    if request.body is not None:
        try:
            told["data"] = payload.decode(request.body)
        except payload.BadPayload:
            told["data"] = request.body.decode("utf-8", "replace")
    return told
