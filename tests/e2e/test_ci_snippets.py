"""Every pipeline that fsctl shows: it parses, and its fsctl line marks the deploy of a real job.

The jobs are those recorded for each build system; Fullstory is the sandbox.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from fsctl.fullstory.ci_systems import SYSTEMS
from tests.support.ci_environments import COMMIT, RECORDED
from tests.support.command import BINARY, Ended, Fsctl, clean_environment
from tests.support.online import SYSTEM_PATH
from tests.support.snippets import PAGE, README, pipelines, section, shell_lines

PIPELINES = pipelines(PAGE.read_text("utf-8"))
SHORT = COMMIT[:7]
INSTALL = 'python -m pip install "git+https://github.com/OWNER/fsctl@v0.1.0"'
BY_ACTION = "GitHub Actions, with the action"  # which test_ci_action.py runs

# What each leaves on the chart: system, text, source.
MARKS = {
    "GitHub Actions, without it": (
        "GitHub Actions",
        f"checkout ({SHORT}) deployed to production from main by grace "
        "https://github.com/acme/checkout/actions/runs/9034017301",
        "GitHub Actions: deploy",
    ),
    "GitLab CI": (
        "GitLab CI",
        f"checkout ({SHORT}) deployed to production from main by ada "
        "https://gitlab.com/acme/shop/checkout/-/jobs/6871350412",
        "GitLab CI: deploy: [eu]",
    ),
    "CircleCI": (
        "CircleCI",
        f"checkout ({SHORT}) deployed to production from feature/baskets (#42) by ada "
        "https://circleci.com/gh/acme/checkout/1187",
        "CircleCI: deploy",
    ),
    "Buildkite": (
        "Buildkite",
        f"checkout v1.4.2 ({SHORT}) deployed to production by Grace Hopper "
        "https://buildkite.com/acme/checkout/builds/59034",
        "Buildkite: deploy",
    ),
    "Jenkins": (
        "Jenkins",
        f"checkout ({SHORT}) deployed to production from feature/baskets (#24) by ada "
        "https://jenkins.example.com/job/acme/job/checkout/job/PR-24/153/",
        "Jenkins: acme/checkout/PR-24",
    ),
    "Azure Pipelines": (
        "Azure Pipelines",
        f"checkout ({SHORT}) deployed to production from release/spring by Ada Lovelace "
        "https://dev.azure.com/acme/Web%20Shop/_build/results?buildId=870",
        "Azure Pipelines: production.deploy",
    ),
    "Bitbucket Pipelines": (
        "Bitbucket Pipelines",
        f"checkout ({SHORT}) deployed to production from main "
        "https://bitbucket.org/acme/checkout/pipelines/results/5",
        "Bitbucket Pipelines",
    ),
}


class Job:
    """A job of a build system: a checkout with a deploy script, a recorded environment."""

    def __init__(self, home: Path, system: str) -> None:
        self.home = home
        self.checkout = home / "checkout"
        self.checkout.mkdir(parents=True)
        script = self.checkout / "deploy.sh"
        script.write_text('#!/bin/sh\necho "deploying, token: ${MEMBRANE_TOKEN:-none}"\nexit 0\n')
        script.chmod(0o755)
        self.env = {
            **clean_environment(home),
            **RECORDED[system],
            "PATH": f"{BINARY.parent}:{SYSTEM_PATH}",
            "FSCTL_TRANSPORT": "sandbox",
            "MEMBRANE_TOKEN": "pat-of-the-job",
        }

    def fails(self, code: int) -> None:
        """From now on the deploy does."""
        (self.checkout / "deploy.sh").write_text(f"#!/bin/sh\nexit {code}\n")

    def sh(self, line: str, **env: str) -> Ended:
        done = subprocess.run(
            ["/bin/sh", "-ec", line],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**self.env, **env},
            cwd=self.checkout,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def newest(self) -> dict[str, str]:
        """The annotation that came last."""
        shown = Fsctl(self.home)("sandbox", "show", "-o", "json", "--sandbox")
        newest: dict[str, str] = json.loads(shown.out)["annotations"][0]
        return newest


def the_line(heading: str) -> str:
    (line,) = [line for line in shell_lines(PIPELINES[heading]) if line.startswith("fsctl ")]
    return line


def test_there_is_a_pipeline_for_each_system_that_is_promised() -> None:
    assert list(PIPELINES) == [BY_ACTION, *MARKS]
    assert {system for system, *_ in MARKS.values()} <= set(SYSTEMS)


@pytest.mark.parametrize("heading", MARKS)
def test_the_line_of_a_pipeline_marks_the_deploy(heading: str, tmp_path: Path) -> None:
    system, text, source = MARKS[heading]
    job = Job(tmp_path, system)
    done = job.sh(the_line(heading))
    assert done.code == 0, done.show
    newest = job.newest()
    assert (newest["text"], newest["source"]) == (text, source), done.show
    assert "warning" not in done.err


@pytest.mark.parametrize("heading", [each for each in MARKS if " run " in the_line(each)])
def test_a_deploy_that_fails_is_marked_as_failed_and_ends_as_it_did(
    heading: str, tmp_path: Path
) -> None:
    job = Job(tmp_path, MARKS[heading][0])
    job.fails(3)
    done = job.sh(the_line(heading))
    assert done.code == 3, done.show
    assert " failed to deploy to production" in job.newest()["text"]


@pytest.mark.parametrize("heading", [each for each in MARKS if " run " in the_line(each)])
def test_the_deploy_script_does_not_get_the_token(heading: str, tmp_path: Path) -> None:
    done = Job(tmp_path, MARKS[heading][0]).sh(the_line(heading))
    assert done.out == "deploying, token: none\n", done.show


@pytest.mark.parametrize(
    ("heading", "told"),
    [
        ("GitLab CI", {"CI_JOB_STATUS": "failed"}),
        ("Azure Pipelines", {"AGENT_JOBSTATUS": "Failed"}),
        ("Bitbucket Pipelines", {"BITBUCKET_EXIT_CODE": "1"}),
    ],
)
def test_what_follows_a_deploy_that_failed_says_so(
    heading: str, told: dict[str, str], tmp_path: Path
) -> None:
    job = Job(tmp_path, MARKS[heading][0])
    assert job.sh(the_line(heading), **told).code == 0
    assert " failed to deploy to production" in job.newest()["text"]


@pytest.mark.parametrize("heading", MARKS)
def test_no_line_breaks_the_deploy_where_there_is_no_token(heading: str, tmp_path: Path) -> None:
    done = Job(tmp_path, MARKS[heading][0]).sh(
        the_line(heading), FSCTL_TRANSPORT="http", MEMBRANE_TOKEN=""
    )
    assert done.code == 0, done.show
    assert "The deploy was not annotated" in done.out + done.err, done.show


@pytest.mark.parametrize("heading", MARKS)
def test_nothing_else_is_in_a_pipeline_than_its_deploy_and_how_fsctl_comes_to_it(
    heading: str,
) -> None:
    lines = shell_lines(PIPELINES[heading])
    assert set(lines) - {the_line(heading)} <= {"./deploy.sh", INSTALL}
    assert (" run " in the_line(heading)) == ("./deploy.sh" not in lines)


def test_secrets_come_from_where_each_system_keeps_them() -> None:
    token = "${{ secrets.MEMBRANE_TOKEN }}"
    action = PIPELINES[BY_ACTION].parsed()["jobs"]["deploy"]["steps"]
    assert action[-1]["with"]["token"] == token
    plain = PIPELINES["GitHub Actions, without it"].parsed()["jobs"]["deploy"]["steps"]
    assert [step["env"] for step in plain if "env" in step] == [{"MEMBRANE_TOKEN": token}]
    assert PIPELINES["Buildkite"].parsed()["steps"][0]["secrets"] == ["MEMBRANE_TOKEN"]
    azure = PIPELINES["Azure Pipelines"].parsed()["steps"][-1]
    assert azure["env"] == {"MEMBRANE_TOKEN": "$(MEMBRANE_TOKEN)"}
    jenkins = PIPELINES["Jenkins"].text
    assert "credentialsId: 'membrane-token', variable: 'MEMBRANE_TOKEN'" in jenkins


def test_the_pipeline_of_jenkins_is_well_formed_and_interpolates_nothing() -> None:
    groovy = PIPELINES["Jenkins"].text
    bare = re.sub(r"'[^'\n]*'", "''", groovy)
    assert '"' not in groovy
    assert "$" not in groovy
    for opening, closing in ("{}", "()", "[]"):
        assert bare.count(opening) == bare.count(closing)
    assert re.match(r"pipeline \{\n  agent any\n  stages \{\n    stage\('Deploy'\) \{", groovy)


def test_readme_shows_the_same_pipelines() -> None:
    told = pipelines(section(README.read_text("utf-8"), "Mark deploys from CI"))
    assert told == PIPELINES
