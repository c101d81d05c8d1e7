"""``fsctl raw``: any request through Membrane's proxy, and any action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import FsctlError, Refused, Unavailable, Usage
from .app import App
from .input import read_value
from .options import Command, Group, heading, pass_app
from .results import Bytes, Document, One, Result, Rows

if TYPE_CHECKING:
    from ..membrane.gateway import Action, Request, Response

_ORDER = """Put PATH first: fsctl raw request /v2/users --json '{"uid": "ada"}'."""
NO_VALUE = "\x00no value"  # --json without a value; no argument can hold a NUL


@click.group(
    "raw",
    cls=Group,
    examples=(
        "fsctl --sandbox raw request /v2/users --query uid=ada",
        "fsctl --sandbox raw action list-users -f uid=ada",
    ),
)
def group() -> None:
    """Send any request or run any action."""


@group.command(
    cls=Command,
    examples=(
        "fsctl --sandbox raw request /v2/users --query email=ada@example.com",
        "fsctl --sandbox raw request '/v2/users/{id}' --path-param id=7400589116837456607 -i",
        """fsctl --sandbox raw request /v2/annotations --json '{"text": "Sale begins"}'""",
    ),
)
@click.argument("path", required=False)
@heading("The request")
@click.option(
    "-X", "--method", metavar="METHOD", help="Default: GET, or POST where there is a body."
)
@click.option("-H", "--header", "headers", multiple=True, metavar="'K: V'", help="Add a header.")
@heading("The body")
@click.option("-d", "--data", metavar="DATA|@FILE|-", help="The body.")
@click.option(
    "--json",
    "json_body",
    is_flag=False,
    flag_value=NO_VALUE,
    metavar="[BODY]",
    help="The body as JSON; without BODY, what -d gives is JSON.",
)
@click.option(
    "--raw-data", "--rawData", is_flag=True, help="Send the body as it is, its type untold."
)
@heading("Parameters")
@click.option("--query", multiple=True, metavar="K=V", help="Add a query parameter.")
@click.option(
    "--path-param",
    "--pathParam",
    "path_params",
    multiple=True,
    metavar="K=V",
    help="Fill {K} in PATH, safely encoded.",
)
@heading("The answer")
@click.option("-i", "--include", is_flag=True, help="Print the status and headers first.")
@click.option("--paginate", is_flag=True, help="Follow page tokens; print the rows as a list.")
@click.option("--to", metavar="FILE", help="Write the answer's body to a new file.")
@click.option("--force", is_flag=True, help="Let --to replace a file.")
@pass_app
def request(
    app: App,
    path: str | None,
    method: str | None,
    headers: tuple[str, ...],
    data: str | None,
    json_body: str | None,
    raw_data: bool,
    query: tuple[str, ...],
    path_params: tuple[str, ...],
    include: bool,
    paginate: bool,
    to: str | None,
    force: bool,
) -> Result | None:
    """Send a request to Fullstory's API, through Membrane's proxy.

    PATH is as in Fullstory's reference, such as /v2/users; the leading slash may be left out.
    Membrane adds the address and the credentials. A write is never repeated once it may have
    arrived.
    """
    from ..fullstory import raw

    if path is None:
        raise _no_path(json_body)
    body, content_type = _body(app, data, json_body, raw_data=raw_data)
    built = raw.build(
        path,
        method=method,
        query=query,
        path_params=path_params,
        headers=headers,
        body=body,
        content_type=content_type,
        proxy_base=app.proxy_base,
    )
    app.check_output()
    target = _target(to, force)
    if target is not None and app.masker is not None:
        raise Usage("--to keeps the answer as it came, without --mask.", hint="Leave one out.")
    if paginate and (built.method != "GET" or include or target):
        raise Usage("--paginate goes with a plain GET.", hint="Leave out -X, -i and --to.")
    if app.dry_run:
        from ..fullstory.routes import request_as_data

        return One({"dry_run": True, "via": "proxy", **request_as_data(built)})
    if paginate:
        return Rows(_pages(app, built))
    response, error = app.caller.send(built)
    return _shown(app, response, error, include=include, target=target, force=force)


def _body(
    app: App, data: str | None, json_body: str | None, *, raw_data: bool
) -> tuple[bytes | None, str | None]:
    """The body's bytes and its content type, where one is to be told."""
    from ..fullstory.raw import json_body as checked_json
    from ..membrane.payload import BadPayload, decode

    has_body_of_its_own = json_body is not None and json_body != NO_VALUE
    if has_body_of_its_own and data is not None:
        raise Usage("Both -d and --json give a body.", hint="Give one of the two.")
    if json_body is not None and raw_data:
        raise Usage("--json and --raw-data exclude each other.", hint="Give one of the two.")
    if json_body == NO_VALUE and data is None:
        raise Usage("--json has no body.", hint="""Write --json '{"uid": "ada"}', or add -d.""")
    if has_body_of_its_own:
        assert json_body is not None
        return _json_value(app, json_body), "application/json"
    if data is None:
        if raw_data:
            raise Usage("--raw-data has no body.", hint="Add -d DATA, -d @FILE or -d -.")
        return None, None
    body = read_value(app.world, data, "the body")
    if json_body == NO_VALUE:
        return checked_json(body, "The body"), "application/json"
    if raw_data:
        return body, None
    try:
        decode(body)
    except BadPayload:
        return body, "text/plain; charset=utf-8"
    return body, "application/json"


def _no_path(json_body: str | None) -> Usage:
    """PATH is missing, perhaps because --json took it for its body."""
    if json_body is not None and _reads_as_path(json_body):
        return _wrong_order(json_body)
    return Usage("PATH is missing.", hint="Write fsctl raw request /v2/users.")


def _wrong_order(value: str) -> Usage:
    from ..membrane.paths import shown

    return Usage(
        f"--json is followed by {shown(value)}, which is neither JSON, @FILE nor -.",
        hint=_ORDER,
    )


def _json_value(app: App, value: str) -> bytes:
    from ..fullstory.raw import json_body as checked_json

    if _reads_as_path(value):
        raise _wrong_order(value)
    try:
        return checked_json(read_value(app.world, value, "the body"), "The body after --json")
    except Usage as error:
        raise Usage(error.message, hint=f"{error.hint} {_ORDER}") from None


def _reads_as_path(value: str) -> bool:
    """Whether --json took for its body what cannot be the beginning of JSON, @FILE or -."""
    words = ("", "-", "true", "false", "null")
    return value.strip() not in words and value.strip()[0] not in '{["@-0123456789'


def _target(to: str | None, force: bool) -> Path | None:
    from ..settings.files import check_target
    from ..settings.paths import given_path

    if to is None or to == "-":
        if force:
            raise Usage("--force goes with --to.", hint="Leave it out.")
        return None
    target = given_path(to)
    check_target(target, force=force)
    return target


def _shown(
    app: App,
    response: Response,
    error: FsctlError | None,
    *,
    include: bool,
    target: Path | None,
    force: bool,
) -> Result:
    from ..membrane.payload import BadPayload, decode

    head = _head(response) if include else ""
    if target is not None and error is None:
        from ..settings.files import new_file

        with new_file(target, force=force) as stream:
            stream.write(response.body)
        app.messages.note(f"Wrote {len(response.body):,} bytes to {target}.")
        return Bytes(b"", head=head)
    if app.renders_as_is or not response.body:
        return Bytes(response.body, lambda: error, head)
    try:
        return Document(decode(response.body), lambda: error, head)
    except BadPayload as problem:
        if error is not None or not app.asks_for_data:
            return Bytes(response.body, lambda: error, head)
        unfit = Refused(
            f"The answer cannot be shown as asked: {problem}.",
            hint="Leave out -o, --fields and --jq to see it as it came.",
            code="not_json",
        )
        return Bytes(b"", lambda: unfit, head)


def _head(response: Response) -> str:
    from ..membrane.redact import MASK, is_secret_header

    status = "unknown" if response.status is None else response.status
    shown = ((n, MASK if is_secret_header(n) else value) for n, value in response.headers)
    lines = [f"HTTP {status}", *(f"{name}: {value}" for name, value in shown)]
    return "\n".join(" ".join(line.splitlines()) for line in lines)


def _pages(app: App, request: Request) -> Iterator[Sequence[Any]]:
    from ..fullstory.raw import next_page, page_items
    from ..membrane.payload import BadPayload, decode

    seen: set[tuple[tuple[str, str], ...]] = set()
    upcoming: Request | None = request
    while upcoming is not None:
        if upcoming.query in seen:
            raise Unavailable(
                "A page token came twice, so the list ends here and may be incomplete.",
                hint="Run it again; narrower filters need fewer pages.",
                code="page_token_repeated",
            )
        seen.add(upcoming.query)
        response, error = app.caller.send(upcoming)
        if error is not None:
            raise error
        try:
            body = decode(response.body) if response.body.strip() else None
        except BadPayload as problem:
            raise Refused(
                f"A page cannot be read: {problem}.", hint="Look at it without --paginate."
            ) from None
        yield [item if isinstance(item, dict) else {"value": item} for item in page_items(body)]
        upcoming = next_page(upcoming, body)


@group.command(
    cls=Command,
    examples=(
        "fsctl --sandbox raw action list-users -f email=ada@example.com",
        """fsctl --sandbox raw action create-annotation --input '{"text": "Sale begins"}'""",
    ),
)
@click.argument("key")
@click.option("--input", "input_", metavar="JSON|@FILE|-", help="The whole input, an object.")
@click.option("-f", "--field", "texts", multiple=True, metavar="K=TEXT", help="Add a text input.")
@click.option(
    "-F", "--json-field", "jsons", multiple=True, metavar="K=JSON", help="Add an input of any type."
)
@pass_app
def action(
    app: App, key: str, input_: str | None, texts: tuple[str, ...], jsons: tuple[str, ...]
) -> Document | One:
    """Run the Membrane action KEY and print its output.

    KEY is a key, a name or an id. The input goes as it is given. Membrane ignores inputs an action
    does not know, so those are warned of; missing required ones are refused.
    """
    arguments = _arguments(app, input_, texts, jsons)
    app.check_output()
    found = app.action(key)
    _check_arguments(app, found, arguments)
    if app.dry_run and not _reads(found):
        named = {"action": found.key or found.name, "action_id": found.id}
        return One({"dry_run": True, "via": "action", **named, "input": arguments})
    result = app.caller.run(found, arguments, writes=not _reads(found))
    if result.action_run_id:
        app.messages.verbose(f"Action run {result.action_run_id}.")
    return Document(result.output)


def _reads(action: Action) -> bool:
    from ..fullstory.operations import READ_ACTIONS

    return action.key in READ_ACTIONS


def _arguments(
    app: App, input_: str | None, texts: tuple[str, ...], jsons: tuple[str, ...]
) -> dict[str, Any]:
    from ..fullstory.raw import pair
    from ..membrane.payload import BadPayload, decode

    arguments: dict[str, Any] = {}
    if input_ is not None:
        try:
            document = decode(read_value(app.world, input_, "the input"))
        except BadPayload as problem:
            raise Usage(f"--input is refused: {problem}.", hint="Check the quotes.") from None
        if not isinstance(document, dict):
            raise Usage("--input is not a JSON object.", hint="""Write '{"uid": "ada"}'.""")
        arguments |= document
    for text in texts:
        name, value = pair(text, "-f")
        _add(arguments, name, value)
    for text in jsons:
        name, value = pair(text, "-F")
        try:
            _add(arguments, name, decode(value))
        except BadPayload as problem:
            raise Usage(
                f"-F {name!a} is refused: {problem}.", hint=f"Use -f {name}=TEXT for a text."
            ) from None
    return arguments


def _add(arguments: dict[str, Any], name: str, value: Any) -> None:
    if name in arguments:
        raise Usage(f"The input {name!a} is given twice.", hint="Give it once.")
    arguments[name] = value


def _check_arguments(app: App, action: Action, arguments: dict[str, Any]) -> None:
    """Required inputs are there; unknown ones are warned of (contracts/membrane §8 U12)."""
    schema = action.input_schema or {}
    known, required = schema.get("properties"), schema.get("required")
    missing = [n for n in required if n not in arguments] if isinstance(required, list) else []
    if missing:
        raise Usage(
            f"The action requires the input {', '.join(missing)}.",
            hint=f"See `fsctl actions show {action.key or action.id}`.",
        )
    unknown = [n for n in arguments if n not in known] if isinstance(known, dict) else []
    if unknown:
        app.messages.warn(
            f"the action knows no input {', '.join(map(ascii, unknown))}; Membrane will ignore it."
        )
