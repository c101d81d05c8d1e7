"""A Fullstory that lists its people page by page, with tokens that it may forget."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from fsctl.membrane.gateway import Request, Response
from tests.support.people_gateway import Fullstory


@dataclass
class PagedFullstory(Fullstory):
    """Three people a page. Tokens in ``expired`` are refused, as those of other filters are;
    ``asked_pages`` are the tokens that came, the empty one for the first page."""

    size: int = 3
    expired: set[str] = field(default_factory=set)
    odd_token_at: int | None = None  # the page that begins there tells no token that is one
    loops_at: int | None = None  # the page that begins there says that it comes next
    asked_pages: list[str] = field(default_factory=list)

    def crowd(self, count: int) -> list[str]:
        """That many people; their ids."""
        return [self.add(f"u{number}") for number in range(count)]

    def answer(self, request: Request) -> Response:
        if request.path != "/v2/users" or request.method != "GET":
            return super().answer(request)
        filters = dict(request.query)
        token = filters.pop("page_token", "")
        filters.pop("include_schema", None)
        self.asked_pages.append(token)
        scope = json.dumps(filters, sort_keys=True)
        if token in self.expired or (token and not token.startswith(f"{scope} ")):
            return _response(400, {"message": "page_token is invalid", "code": "invalid_argument"})
        rows = [
            person
            for person in self.people.values()
            if all(person.get(name) == value for name, value in filters.items())
        ]
        begin = int(token.rpartition(" ")[2] or 0)
        page: dict[str, Any] = {"results": rows[begin : begin + self.size]}
        page["total_records"] = str(len(rows))
        if begin + self.size < len(rows):
            page["next_page_token"] = f"{scope} {begin + self.size}"
        if begin == self.loops_at:
            page["next_page_token"] = f"{scope} {begin}"
        if begin == self.odd_token_at:
            page["next_page_token"] = ["odd"]
        return _response(200, page)


def _response(status: int, body: Any) -> Response:
    return Response(status, (), json.dumps(body).encode())
