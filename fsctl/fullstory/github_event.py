"""What set a GitHub workflow off, from the file that ``GITHUB_EVENT_PATH`` names.

Its variables alone mislead: a pull request's commit is a merge that lives nowhere else, and after
``workflow_run`` they speak of the default branch, whatever the first workflow had built.
https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from typing import Any

PATH = "GITHUB_EVENT_PATH"
NAME = "GITHUB_EVENT_NAME"
MAX_BYTES = 32 * 1024 * 1024  # GitHub caps payloads at 25 MB

Payload = Mapping[str, Any]

# What a deployment's state, and a run that has not ended, mean for the chart. A deployment that
# becomes "inactive" sets nothing off.
_STATES = {
    "success": "succeeded", "failure": "failed", "error": "failed", "pending": "started",
    "queued": "started", "waiting": "started", "in_progress": "started", "requested": "started",
}  # fmt: skip


def read_plain(path: str) -> bytes:
    """The bytes of a plain file. Raises OSError, also for a pipe, a device or a huge file."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(f"{path!a} is not a plain file")
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise OSError(f"{path!a} is too large")
    return raw


def facts(environ: Mapping[str, str], read_file: Callable[[str], bytes]) -> dict[str, str]:
    """The facts that the event knows better than the variables; none where it cannot be read.

    Beside facts, ``started`` is when what it tells of began.
    """
    path, event = environ.get(PATH), environ.get(NAME, "")
    reader = _READERS.get(event)
    if not path or reader is None:
        return {}
    import json

    try:
        payload = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return {}
    found = reader(payload if isinstance(payload, dict) else {})
    return {name: value for name, value in found.items() if value}


def _pull_request(payload: Payload) -> dict[str, str]:
    request = _part(payload, "pull_request")
    side = "head"
    commit = _text(request, "head", "sha")
    if request.get("merged") is True:  # closed by merging: what there is now is the base branch
        side, commit = "base", _text(request, "merge_commit_sha")
    return {
        "commit": commit,
        "branch": _text(request, side, "ref"),
        "pull_request": _text(request, "number"),
        "title": _text(request, "title"),
    }


def _deployment(payload: Payload) -> dict[str, str]:
    return {
        "commit": _text(payload, "deployment", "sha"),
        "environment": _text(payload, "deployment_status", "environment")
        or _text(payload, "deployment", "environment"),
        "status": _STATES.get(_text(payload, "deployment_status", "state"), ""),
    }


def _release(payload: Payload) -> dict[str, str]:
    return {
        "tag": _text(payload, "release", "tag_name"),
        "title": _text(payload, "release", "name"),
    }


def _workflow_run(payload: Payload) -> dict[str, str]:
    """What the run that set this one off had built, and how it ended.

    The way back and the times are this run's own: it may be the deploy that follows the tests.
    """
    run = _part(payload, "workflow_run")
    requests = run.get("pull_requests")
    request = requests[0] if isinstance(requests, list) and len(requests) == 1 else {}
    return {
        "commit": _text(run, "head_sha"),
        "branch": _text(run, "head_branch"),
        "pull_request": _text(request, "number") if isinstance(request, dict) else "",
        "title": _text(run, "display_title") or _text(run, "head_commit", "message"),
        "status": _status_of_run(run),
    }


def _status_of_run(run: Payload) -> str:
    """As it ended: what was cancelled, timed out or skipped has not succeeded either."""
    if conclusion := _text(run, "conclusion"):
        return "succeeded" if conclusion == "success" else "failed"
    return _STATES.get(_text(run, "status"), "")


def _push(payload: Payload) -> dict[str, str]:
    return {
        "commit": _text(payload, "head_commit", "id"),
        "title": _text(payload, "head_commit", "message"),
    }


_READERS: Mapping[str, Callable[[Payload], dict[str, str]]] = {
    "pull_request": _pull_request,
    "pull_request_target": _pull_request,
    "deployment": _deployment,
    "deployment_status": _deployment,
    "release": _release,
    "workflow_run": _workflow_run,
    "push": _push,
}


def _part(payload: Payload, *names: str) -> Payload:
    for name in names:
        inner = payload.get(name)
        payload = inner if isinstance(inner, dict) else {}
    return payload


def _text(payload: Payload, *names: str) -> str:
    value = _part(payload, *names[:-1]).get(names[-1])
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""
