"""The GitHub action: what it takes is what the command takes, and it breaks no deploy either.

Its steps run in bash as GitHub's runner would run them. The Python that they find is a small
program that writes down what it is asked for, and "installs" the fsctl under test.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from fsctl.cli.annotations_deploy import deploy
from tests.support.ci_environments import COMMIT, GITHUB
from tests.support.command import BINARY, Ended, Fsctl, clean_environment
from tests.support.github_steps import Runner
from tests.support.snippets import ACTION, PAGE, ROOT, pipelines

DEFINITION: dict[str, Any] = yaml.safe_load(ACTION.read_text("utf-8"))
INPUTS: dict[str, dict[str, str]] = DEFINITION["inputs"]
STEPS: list[dict[str, Any]] = DEFINITION["runs"]["steps"]
OPTIONS = {
    option.opts[0].removeprefix("--"): option
    for option in deploy.params
    if isinstance(option, click.Option)
}
# What the action has beside the command's own options.
MORE = {"token", "connection", "sandbox", "dry-run"}
# What it says in words of its own, because GitHub's workflows are special there.
IN_OTHER_WORDS = {"status", "started", "fail-on", "once", "show-fields"}

PYTHON = """#!{python} -IS
import os, sys
from pathlib import Path
home = Path({home!r})
with (home / "asked").open("a") as log:
    print(*sys.argv[1:], "| in", os.getcwd(), "| token", os.environ.get("MEMBRANE_TOKEN"), file=log)
mode = (home / "mode").read_text()
if sys.argv[2] == "-c":
    sys.exit(mode == "old")
if sys.argv[2:4] == ["-m", "venv"]:
    programs = Path(sys.argv[4]) / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "python").unlink(missing_ok=True)
    (programs / "python").symlink_to(sys.argv[0])
    sys.exit(mode == "no venv")
if mode == "no pip":
    sys.exit("ERROR: Could not find a version that satisfies the requirement click>=8.2")
program = Path(sys.argv[0]).with_name("fsctl")
program.unlink(missing_ok=True)
program.symlink_to({fsctl!r})
"""


class Job:
    """A GitHub job in the sandbox, with a Python of its own in PATH and a recorded environment."""

    def __init__(self, home: Path) -> None:
        self.home = home
        programs = home / "programs"
        programs.mkdir(parents=True)
        for name in ("bash", "cat", "cksum", "cut", "timeout"):
            (programs / name).symlink_to(shutil.which(name) or name)
        self.python = programs / "python3"
        text = PYTHON.format(python=sys.executable, home=str(home), fsctl=str(BINARY))
        self.python.write_text(text)
        self.python.chmod(0o755)
        self.mode("well")
        env = {
            **clean_environment(home),
            **GITHUB,
            "PATH": str(programs),
            "RUNNER_TOOL_CACHE": str(home / "tools"),
        }
        self.runner = Runner(home, env)
        self.outputs: dict[str, str] = {}

    def mode(self, how: str) -> None:
        """How the installation goes: well, old, no venv, no pip."""
        (self.home / "mode").write_text(how)

    @property
    def asked(self) -> list[str]:
        """What Python was asked for."""
        log = self.home / "asked"
        return log.read_text().splitlines() if log.exists() else []

    def use(
        self, *, job_status: str = "success", legs: tuple[int, int] = (0, 1), **given: str
    ) -> Ended:
        """Use the action with these inputs (``fail_on`` for ``fail-on``), in the sandbox."""
        inputs = {"sandbox": "true"} | {
            name.replace("_", "-"): value for name, value in given.items()
        }
        contexts = {
            "job": {"status": job_status},
            "strategy": {"job-index": legs[0], "job-total": legs[1]},
        }
        ended, self.outputs = self.runner.use(ACTION.parent, DEFINITION, inputs, contexts)
        return ended

    @property
    def annotations(self) -> list[dict[str, str]]:
        """What is on the chart by now, without what the sandbox begins with; newest first."""
        shown = json.loads(Fsctl(self.home)("sandbox", "show", "-o", "json").out)
        made: list[dict[str, str]] = [
            each for each in shown["annotations"] if "/acme/checkout/" in each["text"]
        ]
        return made


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


# -- what it takes


def test_its_inputs_are_the_options_of_the_command() -> None:
    assert INPUTS.keys() - MORE == OPTIONS.keys()


@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - IN_OTHER_WORDS))
def test_an_input_says_what_the_option_says(name: str) -> None:
    assert INPUTS[name]["description"] == OPTIONS[name].help


def test_every_input_reaches_a_script_and_none_becomes_code() -> None:
    passed = [text for step in STEPS for text in step["env"].values()]
    assert {f"${{{{ inputs.{name} }}}}" for name in INPUTS} <= set(passed)
    for step in STEPS:
        assert "${{" not in step["run"]
        used = set(re.findall(r"\$\{?([A-Z_]+)", step["run"]))
        assert step["env"].keys() == {name for name in used if name in step["env"]}
        assert not {name for name in used if name.startswith("INPUT_")} - step["env"].keys()
    assert {step["shell"] for step in STEPS} == {"bash"}


@pytest.mark.parametrize("name", sorted(INPUTS.keys() - {"token", "once"}))
def test_a_script_hands_an_input_on_as_the_option_of_that_name(name: str) -> None:
    variable = f"INPUT_{name.upper().replace('-', '_')}"
    assert STEPS[1]["env"][variable] == f"${{{{ inputs.{name} }}}}"
    is_flag = name in MORE - {"connection"} or OPTIONS.get(name, click.Option(["--x"])).is_flag
    line = f'{"flag" if is_flag else "option"} {name} "${variable}"'
    assert line in STEPS[1]["run"].splitlines()


def test_no_input_is_needed_and_no_description_holds_an_expression() -> None:
    for each in INPUTS.values():
        assert each.keys() == {"description"}
        assert "${{" not in each["description"]


def test_the_pipeline_that_is_shown_uses_it_as_it_is() -> None:
    shown = pipelines(PAGE.read_text("utf-8"))["GitHub Actions, with the action"].parsed()
    (step,) = [each for each in shown["jobs"]["deploy"]["steps"] if "OWNER" in each.get("uses", "")]
    used, _, tag = step["uses"].partition("@")
    assert used == f"OWNER/fsctl/{ACTION.parent.relative_to(ROOT).as_posix()}"
    assert re.fullmatch(r"v\d+\.\d+\.\d+", tag)
    assert step["with"].keys() <= INPUTS.keys()
    assert step["if"] == "always()"


# -- what it does


def test_the_pipeline_that_is_shown_marks_the_deploy(job: Job) -> None:
    shown = pipelines(PAGE.read_text("utf-8"))["GitHub Actions, with the action"].parsed()
    given = shown["jobs"]["deploy"]["steps"][-1]["with"] | {"token": "pat-of-the-job"}
    done = job.use(**given)
    assert done.code == 0, done.show
    assert job.outputs == {"annotated": "true", "reason": ""}
    (newest,) = job.annotations
    assert newest["text"] == (
        f"checkout ({COMMIT[:7]}) deployed to production from main by grace "
        "https://github.com/acme/checkout/actions/runs/9034017301"
    )


def test_it_installs_its_own_checkout_out_of_the_workspaces_reach(job: Job) -> None:
    (job.runner.workspace / "venv.py").write_text("raise SystemExit('a stranger is run')")
    assert job.use(token="pat-of-the-job").code == 0
    check, venv, pip = job.asked
    place = re.fullmatch(rf"-I -m venv ({job.runner.temp}/fsctl-\d+) \| .*", venv)
    assert place is not None, venv
    assert check.startswith("-I -c ")
    assert pip.startswith("-I -m pip install ")
    assert f" {ROOT} |" in pip
    for asked in job.asked:
        assert asked.endswith(f"| in {job.runner.temp} | token None")


def test_a_second_use_in_the_same_job_marks_too(job: Job) -> None:
    assert job.use(env="staging").code == 0
    assert job.use(env="production").code == 0
    assert len(job.annotations) == 2
    assert len(job.asked) == 3, "it is installed once"


@pytest.mark.parametrize(
    ("job_says", "given", "words"),
    [
        ("success", "", "deployed to production"),
        ("failure", "", "failed to deploy to production"),
        ("cancelled", "", "failed to deploy to production"),
        ("failure", "succeeded", "deployed to production"),
        ("success", "failure", "failed to deploy to production"),
        ("success", "success", "deployed to production"),
        ("success", "cancelled", "failed to deploy to production"),
        ("failure", "rolled-back", "rolled back in production"),
    ],
)
def test_the_status_is_the_jobs_unless_it_is_given(
    job_says: str, given: str, words: str, job: Job
) -> None:
    done = job.use(job_status=job_says, status=given, env="production")
    assert done.code == 0, done.show
    assert words in job.annotations[0]["text"]


@pytest.mark.parametrize(
    "text",
    ["$(touch stolen)", "`touch stolen`", "'; touch stolen; '", '"; touch stolen; "', "--dry-run",
     "-x", "a\nb", "::add-mask::x"],
)  # fmt: skip
def test_no_input_becomes_code_or_an_option(text: str, job: Job) -> None:
    done = job.use(service=text, version=text, env=text, source=text)
    assert (done.code, job.outputs["annotated"]) == (0, "true"), done.show
    assert not list(job.runner.workspace.iterdir())
    assert " ".join(text.split()) in job.annotations[0]["text"]
    assert not re.search("^::add-mask", done.out + done.err, re.MULTILINE)


def test_a_time_a_template_and_a_source_are_passed_on(job: Job) -> None:
    text = "{service} is out, see {run_url}"
    done = job.use(
        text=text,
        source="by hand",
        started="2026-03-02T09:00:00Z",
        finished="2026-03-02T09:04:00Z",
    )
    assert done.code == 0, done.show
    (newest,) = job.annotations
    assert newest["text"].startswith("checkout is out, see https://github.com/acme/")
    assert newest["source"] == "by hand"
    assert newest["start_time"].startswith("2026-03-02T09:00:00")
    assert newest["end_time"].startswith("2026-03-02T09:04:00")


@pytest.mark.parametrize("once", ["true", "v1.4.2"])
def test_once_is_once(once: str, job: Job) -> None:
    assert job.use(once=once, once_dir=str(job.home / "kept")).code == 0
    assert job.outputs["annotated"] == "true"
    assert job.use(once=once, once_dir=str(job.home / "kept")).code == 0
    assert job.outputs["annotated"] == "skipped"
    assert "was sent under the same --once key" in job.outputs["reason"]
    assert len(job.annotations) == 1


@pytest.mark.parametrize("once", ["", "false"])
def test_without_once_every_use_marks(once: str, job: Job) -> None:
    kept = str(job.home / "kept")
    assert [job.use(once=once).code, job.use(once=once, once_dir=kept).code] == [0, 0]
    assert len(job.annotations) == 2


def test_the_legs_of_a_matrix_are_not_one_deploy(job: Job) -> None:
    told = []
    for leg in (0, 1, 1):
        assert job.use(legs=(leg, 2), once="true").code == 0
        told.append(job.outputs["annotated"])
    assert told == ["true", "true", "skipped"]


def test_a_rehearsal_sends_nothing(job: Job) -> None:
    done = job.use(dry_run="true")
    assert (done.code, job.outputs["annotated"]) == (0, "skipped"), done.show
    shown = job.use(show_fields="true")
    assert shown.code == 0, shown.show
    assert '"field":"commit"' in shown.out
    assert job.annotations == []


@pytest.mark.parametrize("name", ["dry_run", "sandbox", "show_fields"])
@pytest.mark.parametrize("value", ["TRUE", "True", "yes", "1", "treu", "$(touch stolen)"])
def test_a_switch_that_is_neither_true_nor_false_sends_nothing(
    name: str, value: str, job: Job
) -> None:
    """A rehearsal must not turn out to be the real thing."""
    given: dict[str, Any] = {name: value}
    done = job.use(**given)
    assert done.code == 2, done.show
    reason = f"The input {name.replace('_', '-')} takes true or false, and nothing else."
    assert job.outputs == {"annotated": "false", "reason": reason}
    assert f"::error title=fsctl::The deploy was not annotated: {reason}\n" in done.out
    assert job.annotations == []


@pytest.mark.parametrize("once", ["True", "TRUE", "False"])
def test_once_is_no_key_that_all_deploys_would_share(once: str, job: Job) -> None:
    done = job.use(once=once)
    assert done.code == 2, done.show
    assert f"a KEY, and {once} is none of them" in job.outputs["reason"]
    assert job.annotations == []


def test_a_switch_that_is_off_is_off(job: Job) -> None:
    done = job.use(dry_run="false", show_fields="")
    assert (done.code, job.outputs["annotated"]) == (0, "true"), done.show


# -- what it does not break


def test_without_a_token_it_warns_and_passes(job: Job) -> None:
    done = job.use(sandbox="")
    assert done.code == 0, done.show
    assert job.outputs["annotated"] == "false"
    assert job.outputs["reason"]
    assert re.search("^::warning title=fsctl::The deploy was not annotated", done.err, re.MULTILINE)
    assert job.use(sandbox="", fail_on="misconfigured").code == 4
    assert job.outputs["annotated"] == "false"


def test_what_was_not_sent_is_kept_where_that_is_asked_for(job: Job) -> None:
    job.runner.env |= {"MEMBRANE_API_URL": "http://127.0.0.1:9", "FSCTL_RETRIES": "0"}
    kept = job.home / "outbox"
    assert job.use(sandbox="", token="pat-S3cret-of.the_job", outbox=str(kept)).code == 0
    assert [each.suffix for each in kept.iterdir()] == [".json"]


def test_the_token_is_used_and_shown_nowhere(job: Job) -> None:
    job.runner.env |= {"MEMBRANE_API_URL": "http://127.0.0.1:9", "FSCTL_RETRIES": "0"}
    done = job.use(sandbox="", token="pat-S3cret-of.the_job")
    assert done.code == 0, done.show
    assert "token" not in job.outputs["reason"], "it was missed"
    assert "S3cret" not in f"{done.show}{job.outputs}{job.runner.log}"


def test_a_token_of_the_job_serves_as_well(job: Job) -> None:
    job.runner.env |= {"MEMBRANE_API_URL": "http://127.0.0.1:9", "FSCTL_RETRIES": "0"}
    job.runner.env |= {"MEMBRANE_TOKEN": "pat-S3cret-of.the_job"}
    assert job.use(sandbox="").code == 0
    assert "token" not in job.outputs["reason"], "it was missed"


NO_PYTHON = "There is no Python 3.11 or newer here: let actions/setup-python install one."
NO_INSTALL = "fsctl cannot be installed here: the log says why."


@pytest.mark.parametrize(
    ("mode", "fail_on", "reason", "code"),
    [
        ("old", "", NO_PYTHON, 0),
        ("old", "never", NO_PYTHON, 0),
        ("old", "misconfigured", NO_PYTHON, 4),
        ("old", "any", NO_PYTHON, 4),
        ("no venv", "", NO_INSTALL, 0),
        ("no pip", "", NO_INSTALL, 0),
        ("no pip", "misconfigured", NO_INSTALL, 0),
        ("no pip", "any", NO_INSTALL, 5),
    ],
)
def test_an_installation_that_fails_is_told_as_all_trouble_is(
    mode: str, fail_on: str, reason: str, code: int, job: Job
) -> None:
    job.mode(mode)
    done = job.use(fail_on=fail_on)
    assert done.code == code, done.show
    assert job.outputs == {"annotated": "false", "reason": reason}
    assert f"::warning title=fsctl::The deploy was not annotated: {reason}\n" in done.out
    assert reason in job.runner.log
    if mode == "no pip":
        assert "Could not find a version" in done.err


def test_where_path_has_no_python_one_of_the_runners_own_is_taken(job: Job) -> None:
    own = job.home / "tools" / "Python" / "3.12.9" / "x64" / "bin"
    own.mkdir(parents=True)
    job.python.rename(own / "python3")
    done = job.use()
    assert (done.code, job.outputs["annotated"]) == (0, "true"), done.show


def test_where_there_is_no_python_at_all_it_says_so(job: Job) -> None:
    job.python.unlink()
    done = job.use()
    assert done.code == 0, done.show
    assert job.outputs["reason"] == NO_PYTHON
    assert done.err == ""


def test_files_of_the_runner_that_cannot_be_written_break_nothing(job: Job) -> None:
    job.mode("old")
    job.runner.summary.mkdir()
    done = job.use()
    assert done.code == 0, done.show
    assert job.outputs == {"annotated": "false", "reason": NO_PYTHON}
    assert f"::warning title=fsctl::The deploy was not annotated: {NO_PYTHON}\n" in done.out


@pytest.mark.parametrize(("fail_on", "code"), [("", 0), ("never", 0), ("any", 5)])
@pytest.mark.parametrize("temp", ["", "/no/such/place"])
def test_a_runner_without_a_temporary_place_breaks_nothing(
    temp: str, fail_on: str, code: int, job: Job
) -> None:
    job.runner.env |= {"RUNNER_TEMP": temp}
    done = job.use(fail_on=fail_on)
    assert done.code == code, done.show
    assert job.outputs == {"annotated": "false", "reason": NO_INSTALL}
    assert f"::warning title=fsctl::The deploy was not annotated: {NO_INSTALL}\n" in done.out
    assert job.asked == []
