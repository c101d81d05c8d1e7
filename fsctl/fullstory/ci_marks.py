"""Which build system runs us: the first column of the table in ``ci_systems``.

It stands apart because every command asks this question, and few need the rest of the table.
"""

from __future__ import annotations

from collections.abc import Mapping

# Variables that a system alone sets, NAME=value, or NAME+NAME for both, by the names of the
# table's rows. Those come first that run inside others: CodeBuild lends runners to GitHub and
# GitLab. Jenkins is last, because tools for it use its variable elsewhere, too. The pages that say
# so are the rows'.
MARKS: dict[str, tuple[str, ...]] = {
    "GitHub Actions": ("GITHUB_ACTIONS",),
    "GitLab CI": ("GITLAB_CI",),
    "CircleCI": ("CIRCLECI",),
    "Buildkite": ("BUILDKITE",),
    "Azure Pipelines": ("TF_BUILD",),
    "Bitbucket Pipelines": ("BITBUCKET_BUILD_NUMBER",),
    "Travis CI": ("TRAVIS",),
    "TeamCity": ("TEAMCITY_VERSION",),
    "Woodpecker": ("CI=woodpecker", "CI_SYSTEM_NAME=woodpecker"),
    "Drone": ("DRONE",),
    "AWS CodeBuild": ("CODEBUILD_BUILD_ID",),
    "Google Cloud Build": ("BUILDER_OUTPUT=/builder/outputs",),
    "Jenkins": ("JENKINS_URL", "JENKINS_HOME+BUILD_TAG"),
}

# Systems without a row: what they print is read for commands all the same.
OTHER_MARKS = ("CI", "APPVEYOR", "bamboo_buildKey")

_NO = ("", "0", "false", "no")


def system_name(environ: Mapping[str, str]) -> str | None:
    """The name of the system that runs this process, or None."""
    for name, marks in MARKS.items():
        for mark in marks:
            if _is_set(mark, environ):
                return name
    return None


def mark_found(environ: Mapping[str, str]) -> str | None:
    """The variable that :func:`system_name` knew the system by."""
    name = system_name(environ)
    marks = MARKS[name] if name else ()
    found = next((mark for mark in marks if _is_set(mark, environ)), None)
    return found.replace("+", "=").partition("=")[0] if found else None


def is_ci(environ: Mapping[str, str]) -> bool:
    """Whether a build system runs us, and so reads what we print for commands.

    A row matches, or ``CI`` is set, and not to ``false``. Jenkins, Azure Pipelines, CodeBuild and
    Cloud Build set no ``CI``.
    """
    return any(_is_set(mark, environ) for mark in OTHER_MARKS) or system_name(environ) is not None


def _is_set(mark: str, environ: Mapping[str, str]) -> bool:
    for part in mark.split("+"):
        name, _, value = part.partition("=")
        found = environ.get(name, "").strip()
        if (found != value) if value else found.lower() in _NO:
            return False
    return True
