"""The program behind a fake ``membrane``: strict about its arguments, odd about its output.

Run as a child process with nothing but the standard library. What it does stands in a JSON file
that ``fake_membrane.py`` writes. It parses as minimist does (numbers are coerced, ``--`` ends
flags), except that it refuses every verb, flag and argument it does not know, with exit 1.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

NUMBER = re.compile(r"0x[0-9a-f]+|[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?", re.I)
ALIASES = {"X": "method", "H": "header", "d": "data"}
EVERYWHERE = ("workspaceKey", "tenantKey")  # flags with a value that every verb takes
SWITCHES_EVERYWHERE = ("json", "help")


class Verb(NamedTuple):
    """``takes`` names the positionals; ``flags`` have a value, ``switches`` have none."""

    takes: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    about: str = ""


REQUEST = Verb(
    ("connectionId", "path"), ("method", "header", "data", "query", "pathParam"), ("rawData",)
)
OLDER = {
    "login": Verb((), ("apiUri",), ("tenant",), "Log in"),
    "login complete": Verb(("code",)),
    "search": Verb(("query",), ("elementType",), (), "Search connectors and apps"),
    "connect": Verb((), ("connectorId", "connectionId", "name"), (), "Connect an app"),
    "connection list": Verb((), ("cursor",), (), "List connections"),
    "action list": Verb((), ("intent", "connectionId", "cursor"), (), "List actions"),
    "action run": Verb(("actionId",), ("connectionId", "input"), (), "Run an action"),
    "request": REQUEST,
}
NEWEST = {
    **OLDER,
    "connect": Verb(
        (),
        ("connectorId", "connectorKey", "integrationKey", "connectionId", "intent", "name"),
        ("non-interactive", "allowMultipleConnections"),
        "Connect an app [--non-interactive]",
    ),
    "search": Verb(("query",), ("elementType", "limit"), (), "Search connectors and apps"),
    "login": Verb(
        (), ("apiUri", "clientName", "tenantKey"), ("tenant", "non-interactive"), "Log in"
    ),
    "logout": Verb((), (), (), "Log out"),
    "status": Verb((), (), (), "Show the login"),
    "connection list": Verb((), ("integrationKey", "search", "limit", "cursor")),
    "connection get": Verb(("selector",), ("timeout",), ("wait",)),
    "connection ensure": Verb(("appUrl",), ("name",)),
    "connection delete": Verb(("selector",)),
    "connection archive": Verb(("selector",)),
    "action list": Verb((), ("connectionId", "connectionKey", "intent", "limit", "cursor")),
    "action run": Verb(("actionId",), ("connectionId", "connectionKey", "input")),
    "act": Verb((), ("api", "code", "key", "id", "connectionId", "connectionKey", "input", "meta")),
    "action-run-log get": Verb(("actionRunId",), (), ("details",)),
    "token": Verb((), ("expiresIn",), ("manager",), "Print a token"),
}
FORMS = {"older": OLDER, "newest": NEWEST}
BEFORE_A_PERSON = ("login", "login complete", "logout")


class Parsed:
    def __init__(self) -> None:
        self.words: list[str] = []
        self.flags: dict[str, list[str]] = {}

    def one(self, name: str) -> str | None:
        return self.flags[name][-1] if name in self.flags else None


def main(config_path: str, argv: list[str]) -> None:
    config = json.loads(Path(config_path).read_text())
    record(config, argv)
    verbs = {k: verb for k, verb in FORMS[config["form"]].items() if k not in config["without"]}
    if "--help" in argv:
        print_help(config, verbs, [word for word in argv if not word.startswith("-")])
    name, verb = find_verb(verbs, argv)
    parsed = parse(argv[len(name.split()) :], verb)
    if len(parsed.words) != len(verb.takes):
        refuse(f"{name} takes {len(verb.takes)} arguments, and not {len(parsed.words)}")
    if name in BEFORE_A_PERSON:
        # Beside this file, which is how the child finds it.
        from fake_membrane_login import attend  # type: ignore[import-not-found]

        attend(config, name, parsed.words, "non-interactive" in parsed.flags)
    if "json" not in parsed.flags and name != "token":
        refuse("the human-readable output is not for programs")
    Answer(config, name, parsed).give()


def record(config: dict[str, Any], argv: list[str]) -> None:
    seen: dict[str, Any] = {"argv": argv, "cwd": str(Path.cwd()), "pid": os.getpid()}
    seen |= {"env": sorted(os.environ), "path": os.environ.get("PATH", "")}
    seen["terminals"] = [number for number in range(3) if os.isatty(number)]
    names = ("MEMBRANE_API_URL", "MEMBRANE_API_URI")
    seen["api_urls"] = [os.environ[name] for name in names if name in os.environ]
    with Path(config["record"]).open("a") as file:
        file.write(json.dumps(seen) + "\n")


def refuse(message: str) -> NoReturn:
    print(f"Error: {message}", file=sys.stderr)
    sys.exit(1)


def find_verb(verbs: dict[str, Verb], argv: list[str]) -> tuple[str, Verb]:
    for length in (2, 1):
        name = " ".join(argv[:length])
        if name in verbs:
            return name, verbs[name]
    refuse(f"Unknown command: {' '.join(argv[:2])}")


def parse(argv: list[str], verb: Verb) -> Parsed:
    parsed = Parsed()
    behind = argv.index("--") if "--" in argv else len(argv)
    words = iter(argv[:behind])
    for word in words:
        if not word.startswith("-") or word == "-":
            parsed.words.append(coerced(word))
            continue
        name, equals, value = word.lstrip("-").partition("=")
        name = ALIASES.get(name, name)
        if name in (*verb.switches, *SWITCHES_EVERYWHERE):
            if equals:
                refuse(f"Unexpected value of option --{name}")
            parsed.flags[name] = []
        elif name in (*verb.flags, *EVERYWHERE):
            parsed.flags.setdefault(name, []).append(value if equals else next(words, ""))
        else:
            refuse(f"Unknown option: --{name}")
    parsed.words += argv[behind + 1 :]
    return parsed


def coerced(word: str) -> str:
    """A positional as JavaScript gives it back after minimist made a number of it."""
    if not NUMBER.fullmatch(word):
        return word
    number = float(int(word, 16)) if word.lower().startswith("0x") else float(word)
    if number.is_integer() and abs(number) < 1e21:
        return str(int(number))
    return repr(number)


def print_help(config: dict[str, Any], verbs: dict[str, Verb], group: list[str]) -> NoReturn:
    if config["help"] is not None:
        sys.stdout.write(config["help"])
        sys.exit(0)
    names = [name for name in verbs if not group or name.split()[0] == group[0]]
    if config["form"] == "older":
        print("Membrane CLI\n\nUsage: membrane <command> [options]\n\nCommands:")
        tops = names if group else sorted({name.split()[0] for name in names})
        for name in tops:
            shown = name.split()[-1] if group else name
            print(f"  {shown:<20}{verbs[name].about if name in verbs else 'Manage things'}")
    else:
        print("\x1b[1mMembrane\x1b[22m 1.18.3\n\nTo act on an app, connect it first.\n")
        for name in names:
            takes = "".join(f" <{each}>" for each in verbs[name].takes)
            print(f"  \x1b[36mmembrane {name}\x1b[39m{takes} [--json]  {verbs[name].about}")
    if len(group) == 1 and group[0] in verbs:
        print("\nOptions:")
        for flag in (*verbs[group[0]].flags, *verbs[group[0]].switches):
            print(f"  --{flag:<18}what {flag} means")
    sys.exit(0)


class Answer:
    """Does what one verb does, and prints the answer in the way that the configuration says."""

    def __init__(self, config: dict[str, Any], name: str, parsed: Parsed) -> None:
        self.config = config
        self.name = name
        self.parsed = parsed
        self.token = os.environ.get("MEMBRANE_ACCESS_TOKEN") or config["token"]

    def give(self) -> NoReturn:
        odd = not self.config["on"] or self.name in self.config["on"]
        mood = self.config["mood"] if odd else "fine"
        if mood == "login_first":
            logged_in = Path(self.config["record"]).with_name("logged_in").exists()
            mood = "fine" if logged_in else "logged_out"
        if mood == "logged_out":
            refuse("Not logged in. Run `membrane login` first.")
        if self.name == "token":
            print(self.config["token"])
            sys.exit(0)
        status, document = self.ask()
        sys.stderr.write("".join(f"{line}\n" for line in self.config["noise"]))
        if mood != "fine":
            self.misbehave(mood, document)
        if status >= 400:
            self.fail(status, document)
        self.show(self.wrapped(document))
        sys.exit(self.config["exit"] if odd else 0)

    # -- asking

    def ask(self) -> tuple[int, Any]:
        scripted = self.config["answers"]
        if self.name in scripted:
            answer = scripted[self.name]
            if isinstance(answer, dict) and "pages" in answer:
                answer = answer["pages"][self.parsed.one("cursor") or ""]
            return 200, answer
        base = os.environ.get("MEMBRANE_API_URI")
        if base is None:
            refuse(f"nothing is scripted for {self.name}, and there is no server")
        method, path, query, body = self.route()
        return self.http(method, base + path, query, body)

    def route(self) -> tuple[str, str, dict[str, str], Any]:
        names: tuple[str, ...]
        one, words = self.parsed.one, [quoted(word) for word in self.parsed.words]
        match self.name:
            case "search":
                asked = {"q": self.parsed.words[0], "elementType": one("elementType")}
                return "GET", "/search", kept(asked), None
            case "connect" if one("connectionId"):
                return "POST", f"/connections/{quoted(one('connectionId') or '')}/reconnect", {}, {}
            case "connect":
                names = ("connectorId", "connectorKey", "integrationKey", "intent", "name")
                return "POST", "/connections", {}, kept({name: one(name) for name in names})
            case "connection list":
                return "GET", "/connections", kept({"cursor": one("cursor")}), None
            case "connection get":
                wait = {"wait": "true", "timeout": one("timeout")}
                query = kept(wait) if "wait" in self.parsed.flags else {}
                return "GET", f"/connections/{words[0]}", query, None
            case "connection ensure":
                body = {"appUrl": self.parsed.words[0], "name": one("name")}
                return "POST", "/connections/ensure", {}, kept(body)
            case "connection delete" | "connection archive":
                return "DELETE", f"/connections/{words[0]}", {}, None
            case "action list":
                names = ("connectionId", "intent", "limit", "cursor")
                return "GET", "/actions", kept({name: one(name) for name in names}), None
            case "action run":
                query = kept({"connectionId": one("connectionId")})
                given = {"input": json.loads(one("input") or "{}")}
                return "POST", f"/actions/{words[0]}/run", query, given
            case "act":
                return "POST", "/act", {}, self.act()
            case "action-run-log get":
                query = {"details": "true"} if "details" in self.parsed.flags else {}
                return "GET", f"/action-run-logs/{words[0]}", query, None
            case "request":
                return "POST", f"/connections/{words[0]}/request", {}, self.wrapped_request()
        refuse(f"{self.name} is not built")

    def act(self) -> dict[str, Any]:
        """The strict body of ``POST /act``."""
        one = self.parsed.one
        texts = {name: one(name) for name in ("key", "id", "code", "connectionId", "connectionKey")}
        values = {name: one(name) for name in ("api", "input", "meta")}
        parsed = {name: json.loads(value) for name, value in values.items() if value is not None}
        return kept(texts) | parsed

    def wrapped_request(self) -> dict[str, Any]:
        flags = self.parsed.flags
        body: dict[str, Any] = {"path": self.parsed.words[1]}
        body["method"] = (self.parsed.one("method") or "GET").upper()
        if "query" in flags:
            body["query"] = dict(pair.split("=", 1) for pair in flags["query"])
        if "header" in flags:
            body["headers"] = dict(pair.split(": ", 1) for pair in flags["header"])
        data = self.parsed.one("data")
        if data is not None:
            body["data"] = data if "rawData" in flags else json.loads(data)
        return body

    def http(self, method: str, url: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        import urllib.error
        import urllib.parse
        import urllib.request

        if query:
            url += "?" + urllib.parse.urlencode(query)
        headers = {"Authorization": f"Bearer {self.token}"}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(url, data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return response.status, loaded(response.read())
        except urllib.error.HTTPError as error:
            return error.code, loaded(error.read())
        except OSError as error:
            refuse(f"request failed: {type(error).__name__} (ECONNRESET)")

    # -- answering

    def wrapped(self, document: Any) -> Any:
        """The answer in the shape that this version prints."""
        if self.name in ("connection list", "action list", "search") and isinstance(document, dict):
            if "items" not in document:
                return document
            rows, wrap = document["items"], self.config["wrap"]
            plural = {"connection list": "connections", "action list": "actions"}.get(self.name)
            shapes = {
                "items": document,
                "array": rows,
                "data": {"data": rows},
                "output": {"output": document},
                "plural": {plural or "items": rows, "cursor": document.get("cursor")},
            }
            return shapes[wrap]
        if self.name == "action run" and isinstance(document, dict) and "output" in document:
            output = document["output"]
            shapes = {
                "output": document,
                "output.data": {**document, "output": {"data": output}},
                "bare": output,
            }
            return shapes[self.config["output"]]
        if self.name == "request" and self.config["request"] == "bare":
            return document.get("data", document.get("body"))
        return document

    def fail(self, status: int, document: Any) -> NoReturn:
        how = self.config["errors"]
        if how == "stderr" or not isinstance(document, dict):
            told = document.get("message") if isinstance(document, dict) else None
            print(f"Error: {told or f'Request failed with status code {status}'}", file=sys.stderr)
            sys.exit(1)
        if how == "wrapped":
            document = {"error": document}
        self.show(document)
        sys.exit(0 if how == "exit0" else 1)

    def show(self, document: Any) -> None:
        text = "" if document is None else json.dumps(document, indent=self.config["indent"])
        lines = [*self.config["before"], *([text] if text else []), *self.config["after"]]
        printed = "".join(f"{line}\n" for line in lines)
        if self.config["ansi"]:
            printed = "".join(f"\x1b[33m{line}\x1b[39m\n" for line in printed.splitlines())
        sys.stdout.write(printed)
        sys.stdout.flush()

    def misbehave(self, mood: str, document: Any) -> NoReturn:
        code = 0
        if mood == "echo":
            self.show({"config": self.echoed()})
        elif mood == "axios":
            error = {"name": "AxiosError", "message": "Request failed with status code 503"}
            self.show({**error, "config": self.echoed(), "code": "ERR_BAD_RESPONSE"})
            code = 1
        elif mood == "text":
            sys.stdout.write(self.config["text"])
            code = self.config["exit"]
        elif mood == "truncated":
            text = json.dumps(document, indent=self.config["indent"])
            sys.stdout.write(text[: len(text) // 2])
        elif mood == "flood":
            while True:
                sys.stdout.write("x" * 65536)
        elif mood == "hang":
            import subprocess

            hang = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
            child = subprocess.Popen([sys.executable, "-c", f"{hang}; time.sleep(600)"])
            pids = Path(self.config["pids"] + ".tmp")
            pids.write_text(f"{os.getpid()} {child.pid}")
            pids.rename(self.config["pids"])
            time.sleep(600)
        elif mood == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif mood != "empty":
            refuse(f"no such mood: {mood}")
        sys.stdout.flush()
        os._exit(code)

    def echoed(self) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        url = f"{os.environ.get('MEMBRANE_API_URI', 'https://api.getmembrane.com')}/request"
        return {"method": "post", "url": url, "headers": headers, "data": "{}"}


def quoted(word: str) -> str:
    from urllib.parse import quote

    return quote(word, safe="")


def kept(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def loaded(body: bytes) -> Any:
    return json.loads(body) if body.strip() else None
