"""The words of a deploy's annotation, composed and by templates, within the limits."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fsctl.errors import Usage
from fsctl.fullstory import deploys
from fsctl.fullstory.cutting import cut, plain
from fsctl.fullstory.deploy_text import FIELDS, compose, fill, fit_source, fit_text

COMMIT = "ab12cd3f00d5eed5ab12cd3f00d5eed5ab12cd3f"
URL = "https://github.com/acme/checkout/actions/runs/1234567890"
FACTS = {
    "service": "checkout",
    "version": "v1.4.2",
    "commit": COMMIT,
    "short_commit": COMMIT[:7],
    "environment": "production",
    "branch": "main",
    "actor": "ada",
    "run_url": URL,
}


def without(*names: str, **more: str) -> dict[str, str]:
    return {name: value for name, value in FACTS.items() if name not in names} | more


# -- wording


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("succeeded", f"checkout v1.4.2 (ab12cd3) deployed to production from main by ada {URL}"),
        (
            "started",
            f"checkout v1.4.2 (ab12cd3) started deploying to production from main by ada {URL}",
        ),
        (
            "failed",
            f"checkout v1.4.2 (ab12cd3) failed to deploy to production from main by ada {URL}",
        ),
        (
            "rolled-back",
            f"checkout v1.4.2 (ab12cd3) rolled back in production from main by ada {URL}",
        ),
    ],
)
def test_a_deploy_in_words(status: str, text: str) -> None:
    assert compose(FACTS, status) == text


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "Deployed"),
        ({"environment": "staging"}, "Deployed to staging"),
        ({"commit": COMMIT}, "ab12cd3 deployed"),
        ({"repository": "acme/shop", "tag": "v2"}, "shop v2 deployed"),
        ({"service": "shop", "commit": COMMIT, "version": COMMIT}, "shop (ab12cd3) deployed"),
        ({"service": "shop", "commit": "7" * 40, "version": "7"}, "shop 7 (7777777) deployed"),
        ({"service": "shop", "tag": "v2", "branch": "v2"}, "shop v2 deployed"),
        ({"service": "shop", "pull_request": "12"}, "shop deployed from #12"),
        (
            {"service": "shop", "pull_request": "https://github.com/acme/shop/pull/12"},
            "shop deployed from #12",
        ),
        (
            {"service": "shop", "pull_request": "12", "branch": "fix", "system": "GitLab CI"},
            "shop deployed from fix (!12)",
        ),
        ({"service": "shop", "run_url": "javascript:alert(1)"}, "shop deployed"),
        ({"service": "shop", "run_url": "https://ada:pw@ci.example/1"}, "shop deployed"),
    ],
)
def test_what_is_not_known_leaves_no_trace(facts: dict[str, str], text: str) -> None:
    assert compose(facts, "succeeded") == text


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(Usage, match="no status"):
        compose(FACTS, "done")


# -- what is given up


def test_the_least_important_is_given_up_first() -> None:
    crowded = without(environment="e" * 60, service="s" * 60, branch="b" * 30)
    text = compose(crowded, "succeeded")
    assert URL in text and "(ab12cd3)" in text and "v1.4.2" in text
    assert "ada" not in text
    assert len(text.encode()) <= 200


def test_an_address_that_does_not_fit_is_left_out_whole_and_its_room_used() -> None:
    text = compose(without(run_url=f"{URL}/{'x' * 200}", branch="feature/" + "b" * 90), "succeeded")
    assert "http" not in text
    assert "from feature/" + "b" * 90 in text
    assert text.endswith("by ada")


def test_a_service_too_long_for_all_leaves_room_for_the_rest() -> None:
    text = compose(without(service="checkout " * 40), "failed")
    assert text.startswith("checkout checkout")
    assert f"… v1.4.2 (ab12cd3) failed to deploy to production from main by ada {URL}" in text
    assert len(text) > 180


def test_source_and_text_are_cut_at_spaces() -> None:
    assert fit_source("Deploy the checkout service to production") == (
        "Deploy the checkout service to…"
    )
    assert fit_text("word " * 60) == ("word " * 39).strip() + "…"


# -- templates


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{service} {version}", "checkout v1.4.2"),
        ("{service}@{commit}", f"checkout@{COMMIT}"),
        ("{service} {tag} {version}", "checkout v1.4.2"),
        ("{service} ({tag}) out", "checkout out"),
        ("{service} ({tag}, {title}) [{job}] out", "checkout out"),
        ("{service} ({version}, {tag})", "checkout (v1.4.2)"),
        ("{service} ({tag}, {version})", "checkout (v1.4.2)"),
        ("({service} {tag})", "(checkout)"),
        ("{title}: {service}", "checkout"),
        ("{service} | {title} | {tag} | {branch}", "checkout | main"),
        ("{service} - {title}", "checkout"),
        ("Deploy of {service} {title}. {actor}", "Deploy of checkout. ada"),
        ("a{tag}b", "ab"),
        ("  {service}\n{version}\t", "checkout v1.4.2"),
        ("{title}{job}", ""),
        ("Sale begins", "Sale begins"),
    ],
)
def test_a_template_is_filled_and_empty_fields_leave_no_gaps(template: str, text: str) -> None:
    assert fill(template, FACTS) == text


@pytest.mark.parametrize(
    "template",
    [
        "{service.name}", "{service[0]}", "{service!r}", "{service:>10}", "{0}", "{}", "{Service}",
        "{{service}}", "{service", "service}", "{unknown}", "{ service }", "{service_}",
        "{commit.__class__}", "{short-commit}",
    ],
)  # fmt: skip
def test_anything_but_a_known_field_in_braces_is_refused_with_the_list(template: str) -> None:
    with pytest.raises(Usage) as refused:
        fill(template, FACTS)
    assert all(f"{{{name}}}" in str(refused.value.hint) for name in FIELDS)


def test_a_value_is_never_read_as_a_template() -> None:
    assert fill("{title}", {"title": "{commit} ({tag}) {"}) == "{commit} ({tag}) {"


def test_brackets_of_a_value_stay() -> None:
    assert fill("{title} {tag}", {"title": "Call foo() | bar"}) == "Call foo() | bar"


def test_a_template_too_long_keeps_the_commit_at_its_end() -> None:
    text = fill("Our very important deploy " * 20 + "of {service} at {commit}", FACTS)
    assert text.endswith(COMMIT)
    assert text.startswith("Our very important deploy")
    assert "… " in text


def test_far_too_long_a_template_is_refused_at_once() -> None:
    with pytest.raises(Usage, match="characters"):
        fill("{commit} " * 1000, FACTS)


def test_the_fields_are_the_facts_of_a_deploy() -> None:
    assert set(FIELDS) == set(deploys.NAMES)


# -- any text

nasty = st.text(
    st.sampled_from(
        "ab1- :#[]()<>{}|/.\n\r\t\0\x1b\x07\x9b\u2028\u202e\u200b\u200d\ufe0f\u0301é日👩\U0001f3fd"
        "\U0001f1e9\U0001f1ea\ud800\U000e0041\u0e33\u1100\u1161"
    ),
    max_size=300,
)
texts = st.one_of(nasty, st.text(max_size=300), st.text("ab ", max_size=400))
hexes = st.text("0123456789abcdef", min_size=40, max_size=40)
statuses = st.sampled_from(deploys.STATUSES)


@st.composite
def facts_of_anything(draw: st.DrawFn) -> dict[str, str]:
    facts = draw(st.dictionaries(st.sampled_from(FIELDS), texts, max_size=len(FIELDS)))
    commit = draw(hexes)
    facts |= {"commit": commit, "short_commit": commit[:7]}
    if draw(st.booleans()):
        facts["run_url"] = URL + "/" + draw(st.text("x/?=&%", max_size=200))
    return facts


def valid(text: str, most: int = 200) -> bool:
    """Whether Fullstory takes it as an annotation, and every screen shows it as it is."""
    one_line = text == " ".join(text.split()) and not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or (unicodedata.category(character) == "Cf" and character not in "\u200c\u200d")
        for character in text
    )
    return one_line and len(text.encode()) <= most and len(text) <= most


@given(facts=facts_of_anything(), status=statuses)
@settings(max_examples=300, deadline=None)
def test_any_facts_make_a_valid_text_with_the_commit_whole(
    facts: dict[str, str], status: str
) -> None:
    text = compose(facts, status)
    assert text and valid(text)
    assert facts["commit"][:7] in text
    assert "http" not in text or facts["run_url"] in text or "http" in "".join(facts.values())
    if URL in text:
        assert facts["run_url"] in text


@given(
    facts=facts_of_anything(),
    template=st.lists(
        st.one_of(
            st.sampled_from([f"{{{name}}}" for name in FIELDS]),
            texts.map(lambda text: text.replace("{", "").replace("}", "")[:200]),
        ),
        max_size=8,
    ).map("".join),
    field=st.sampled_from(["{commit}", "{short_commit}"]),
)
@settings(max_examples=300, deadline=None)
def test_any_template_makes_a_valid_text_with_the_commit_whole(
    facts: dict[str, str], template: str, field: str
) -> None:
    text = fill(template + field, facts)
    assert valid(text)
    assert facts[field[1:-1]] in text
    if URL in text:
        assert facts["run_url"] in text
    for brackets in ("()", "[]", "<>"):
        # Only where somebody wrote them.
        assert brackets not in text or brackets in plain(template + "".join(facts.values()))


@given(text=texts, most=st.integers(0, 60))
@example("e\u0301" * 30, 20)
@example("\U0001f1e9\U0001f1ea" * 12, 30)
@example("👩\u200d👩\u200d👧" * 6, 40)
@example("❤\ufe0f" * 20, 31)
def test_a_cut_is_at_a_space_or_beside_nothing_that_clings(text: str, most: int) -> None:
    text = plain(text)
    short = cut(text, most)
    assert len(short.encode()) <= most or short == ""
    if short in ("", text):
        assert short != text or len(text.encode()) <= most
        return
    kept = short.removesuffix("…")
    assert text.startswith(kept)
    after = text[len(kept)]
    if after != " ":
        for beside in (kept[-1], after):
            assert not unicodedata.category(beside).startswith("M")
            assert beside not in "\u200c\u200d"
            assert not "\U0001f1e6" <= beside <= "\U0001f1ff"


@given(name=texts)
@settings(deadline=None)
def test_any_name_makes_a_valid_source(name: str) -> None:
    assert valid(fit_source(name), 40)


@given(text=texts)
def test_plain_text_is_plain_already(text: str) -> None:
    assert plain(plain(text)) == plain(text)
