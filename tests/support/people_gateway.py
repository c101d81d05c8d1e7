"""A Fullstory of nothing but people, behind a gateway that can die at any request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from fsctl.fullstory.call import Caller
from fsctl.fullstory.repeats import Policy
from fsctl.membrane.cache import MemoryCache
from fsctl.membrane.catalogue import Catalogue
from fsctl.membrane.gateway import NO_DEADLINE, Deadline, Request, Response
from tests.support.scripted_gateway import CONNECTION, ScriptedGateway, StillClock


class Killed(BaseException):
    """The process is gone, all at once."""


@dataclass
class Fullstory:
    """The service: its people by id, and the deletions it was asked for, in order."""

    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    answers: dict[str, Response] = field(default_factory=dict)  # to the deletion of that id

    def add(self, uid: str, email: str | None = None, user_id: str | None = None) -> str:
        user_id = user_id or str(1000 + len(self.people))
        person = {"id": user_id, "uid": uid, "email": email, "is_being_deleted": False}
        self.people[user_id] = person
        return user_id

    def answer(self, request: Request) -> Response:
        user_id = unquote(request.path).removeprefix("/v2/users").removeprefix("/")
        if request.method == "DELETE":
            return self._delete(user_id)
        if user_id:
            return self._found(user_id)
        filters = dict(request.query)
        rows = [
            person
            for person in self.people.values()
            if all(person.get(name) == value for name, value in filters.items())
        ]
        return _response(200, {"results": rows, "total_records": str(len(rows))})

    def gone(self, *ids: str) -> None:
        """These deletions are over."""
        for user_id in ids:
            del self.people[user_id]

    def _found(self, user_id: str) -> Response:
        if user_id in self.people:
            return _response(200, self.people[user_id])
        return _response(404, {"message": "user not found", "code": "user_not_found"})

    def _delete(self, user_id: str) -> Response:
        self.asked.append(user_id)
        if user_id in self.answers:
            return self.answers.pop(user_id)
        found = self._found(user_id)
        if found.status == 200:
            self.people[user_id]["is_being_deleted"] = True
            return _response(200, {})
        return found


class PeopleGateway(ScriptedGateway):
    """Takes requests to ``fullstory``; ``watch`` is called before and after each, and may raise."""

    def __init__(self, fullstory: Fullstory, watch: Callable[[str, Request], None]) -> None:
        super().__init__()
        self._fullstory = fullstory
        self._watch = watch

    def request(
        self, connection_id: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        self._watch("before", request)
        answer = self._fullstory.answer(request)
        self._watch("after", request)
        return answer


def caller(
    fullstory: Fullstory, watch: Callable[[str, Request], None] = lambda _when, _request: None
) -> Caller:
    """Calls that service through the proxy, without pauses."""
    gateway = PeopleGateway(fullstory, watch)
    return Caller(
        gateway=gateway,
        catalogue=Catalogue(gateway, MemoryCache()),
        connection=lambda _deadline: CONNECTION.id,
        clock=StillClock().clock,
        new_id=lambda: "id",
        policy=Policy(via="proxy"),
    )


def refused(status: int, code: str) -> Response:
    return _response(status, {"message": f"It is {code}.", "code": code})


def _response(status: int, body: Any) -> Response:
    return Response(status, (), json.dumps(body).encode())
