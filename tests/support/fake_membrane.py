"""Strict fake ``membrane`` executables: an older and a newest form of the command line.

They refuse unknown verbs and flags and wrong arity with exit 1, record how they were called, and
answer from ``answers`` or by talking to the server at ``MEMBRANE_API_URI``. The ways in which the
real one is known or feared to behave are settings of :class:`FakeMembrane`.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from fsctl.membrane.cache import Cache, MemoryCache
from fsctl.membrane.cli import CliGateway
from fsctl.membrane.verbs import cache_key

Form = Literal["older", "newest"]

_shown: dict[str, list[str]] = {}  # the verbs of fakes that were asked before, to save time

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ0ZW5hbnRLZXkiOiJ0In0.c2VjcmV0LXNpZ25hdHVyZQ"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Call:
    """One run: its arguments, working directory, the names in its environment, its PATH.

    ``terminals`` are those of stdin, stdout and stderr (0, 1, 2) that are one.

    ``api_urls`` are the addresses in MEMBRANE_API_URL and MEMBRANE_API_URI, where there are any.
    """

    argv: list[str]
    cwd: str
    env: list[str]
    path: str
    pid: int
    api_urls: list[str]
    terminals: list[int]


@dataclass
class FakeMembrane:
    """How a fake behaves.

    ``without`` takes verbs away; ``help`` replaces the help text; ``answers`` maps verbs to what
    they answer without a server (``{"pages": {cursor: answer}}`` where there are several pages);
    ``before`` and ``after`` are lines on stdout around the JSON, ``noise`` lines on stderr.
    ``wrap`` is how lists are wrapped, ``output`` how the output of an action, ``request`` whether
    the envelope or the bare body is printed, ``errors`` how Membrane's failures are told. ``mood``
    is a misbehaviour of the verbs ``on`` (all of them by default): empty, text (prints ``text``,
    ends with ``exit``), echo, axios, truncated, flood, hang (with a grandchild; pids in the file
    ``pids``), killed, logged_out, login_first (logged out until somebody logs in). All but the
    last two happen after the thing is done.
    ``login`` is what a login does (see ``fake_membrane_login``), ``code`` what completes one.
    """

    form: Form = "newest"
    without: Sequence[str] = ()
    help: str | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    noise: Sequence[str] = ()
    ansi: bool = False
    indent: int | None = 2
    wrap: Literal["items", "array", "data", "output", "plural"] = "items"
    output: Literal["output", "output.data", "bare"] = "output"
    request: Literal["envelope", "bare"] = "envelope"
    errors: Literal["json", "exit0", "stderr", "wrapped"] = "json"
    mood: str = "fine"
    on: Sequence[str] = ()
    text: str = ""
    exit: int = 0
    token: str = TOKEN
    login: Literal["ask", "fail", "hang", "raw"] = "ask"
    code: str = "c0de-of-the-page"
    record: str = ""
    pids: str = ""

    def install(self, directory: Path) -> Path:
        """Write the executable, and return its path."""
        directory.mkdir(parents=True, exist_ok=True)
        self.record = self.record or str(directory / "calls.jsonl")
        self.pids = self.pids or str(directory / "pids")
        config = directory / "fake.json"
        config.write_text(json.dumps(asdict(self)))
        program = directory / "membrane"
        program.write_text(
            f"#!{sys.executable} -IS\n"
            f"import sys\nsys.path.insert(0, {str(ROOT / 'tests' / 'support')!r})\n"
            f"from fake_membrane_program import main\nmain({str(config)!r}, sys.argv[1:])\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    @property
    def calls(self) -> list[Call]:
        """Every run so far, the questions for help included."""
        file = Path(self.record)
        lines = file.read_text().splitlines() if file.exists() else []
        return [Call(**json.loads(line)) for line in lines]

    @property
    def logged_in(self) -> str | None:
        """How somebody is logged in; None where nobody is."""
        file = Path(self.record).with_name("logged_in")
        return file.read_text() if file.exists() else None

    @property
    def asked(self) -> list[list[str]]:
        """The arguments of every run that was not a question for help."""
        return [call.argv for call in self.calls if "--help" not in call.argv]


def make_cli_gateway(
    tmp_path: Path,
    server_url: str | None = None,
    form: Form = "newest",
    *,
    fake: FakeMembrane | None = None,
    environ: dict[str, str] | None = None,
    timeout: float = 30.0,
    cache: Cache | None = None,
    trace: Callable[[str], None] | None = None,
    **settings: Any,
) -> CliGateway:
    """A gateway over a fake ``membrane``, which talks to the server at ``server_url``.

    ``settings`` are those of :class:`FakeMembrane`; give ``fake`` instead to look at its calls.
    Without a ``cache``, the help of each kind of fake is read once only.
    """
    fake = fake or FakeMembrane(form=form, **settings)
    program = fake.install(tmp_path / "bin")
    given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MEMBRANE_ACCESS_TOKEN": TOKEN}
    if server_url is not None:
        given["MEMBRANE_API_URI"] = server_url
    checkout = tmp_path / "checkout"
    checkout.mkdir(exist_ok=True)
    kind = json.dumps([fake.form, list(fake.without), fake.help])
    remembered = MemoryCache()
    if kind in _shown:
        remembered.set(cache_key([str(program)]), {"shown": _shown[kind]})
    gateway = CliGateway(
        [str(program)],
        cache=cache or remembered,
        environ=given | (environ or {}),
        run_dir=tmp_path / "state",
        timeout=timeout,
        cwd=checkout,
        trace=trace,
    )
    if cache is None and fake.help is None:
        _shown[kind] = sorted(gateway.verbs.shown)
    return gateway
