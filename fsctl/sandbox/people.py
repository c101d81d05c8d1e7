"""Who lives in a seeded sandbox: a few people with names to remember, and a drawn crowd."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import company
from .sessions import PAGES_MAX

_HOURS = 30 * 24  # how far back sessions go


@dataclass(slots=True)
class Visit:
    """A session to be stored. ``minutes`` None: the page is still open."""

    scenario: str
    hours_ago: float
    minutes: float | None
    uid: str | None = None
    pages: int = 0
    server_events: tuple[tuple[str, dict[str, Any]], ...] = ()


@dataclass(slots=True)
class Person:
    """A user to be stored, with the sessions."""

    id: str
    uid: str | None
    display_name: str | None
    email: str | None
    properties: dict[str, Any]
    schema: dict[str, str] = field(default_factory=dict)
    agent: int | None = None  # the one device's; None: drawn
    visits: list[Visit] = field(default_factory=list)


def characters(rng: random.Random) -> list[Person]:
    """The people that documentation and tests know by name, traps included."""
    declined = ("Payment Declined", {"provider": "Paywell", "amount": 49.5, "code": "do_not_honor"})
    mei_id = digits(rng)
    long_name = "Hubert Blaine " + "Wolfeschlegelsteinhausenbergerdorff" * 6 + " Sr."
    hostile = '=cmd|"/c calc"!A1 \x1b[31;1mred\x1b]0;owned\x07 ::error::pwned \u202egnp.exe'
    return [
        _known(
            rng, "ada", "Ada Lovelace", "ada@example.com", "business", 12, agent=0,
            visits=[
                Visit("checkout-trouble", 0.9, 11, server_events=(declined,)),
                Visit("invoice", 27, 9),
                Visit("stuck-report", 75, 14),
                Visit("team", 218, 6),
                Visit("look-around", 640, 4),
            ],
        ),
        _known(
            rng, "grace", "Grace Hopper", "grace@example.com", "business", 40,
            visits=[Visit("invoice", 2, None), Visit("checkout", 50, 8)],
        ),
        _known(rng, "linus", "Linus Pauling", "linus@example.com", "team", 3),
        _known(rng, "marco", "Marco Bianchi", "office@studio.example", "team", 5),
        _known(rng, "maria", "Maria Bianchi", "office@studio.example", "team", 5),
        _known(rng, "mei", "Mei Tanaka", "mei@example.org", "team", 2, user_id=mei_id),
        # A uid that reads as somebody else's Fullstory id.
        _known(rng, mei_id, "Tobias Klein", "tobias@example.org", "free", 1),
        # A uid that looks like an e-mail, and is not its owner's.
        _known(rng, "billing@example.org", "Noor Haddad", "noor@example.org", "business", 9),
        _known(
            rng, "mallory", hostile, "mallory@evil.example", "free", 1,
            visits=[Visit("hostile", 20, 5)],
        ),
        _known(rng, "sean", "Seán O'Brien", "sean.obrien@example.net", "free", 1),
        _known(rng, "party", "Zoë 🎉🦊👩‍👩‍👧 Ng", "zoe.ng@example.com", "team", 4),
        _known(rng, "layla", "ليلى الحسن", "layla@example.com", "business", 21),
        _known(rng, "hubert", long_name, "hubert@example.com", "free", 1),
        _known(rng, "X Æ/A-12?", "İzel Ÿ", "i+z@example.com", "free", 1),
        # A session that takes no more events, and one with an id of the customer's own.
        _known(
            rng, "nils", "Nils Holm", "nils@example.com", "team", 6,
            user_id="18446744073709551557",
            visits=[
                Visit("invoice", 5, 30, pages=PAGES_MAX),
                Visit("team", 49, 7, uid="kiosk-17"),
            ],
        ),
        # Seats as text: a property with two types.
        Person(
            digits(rng), "otto", "Otto Text", "otto@example.net",
            {"plan": "free", "seats": "one"},
        ),
    ]  # fmt: skip


def _known(
    rng: random.Random,
    uid: str,
    name: str,
    email: str,
    plan: str,
    seats: int,
    *,
    user_id: str | None = None,
    agent: int | None = None,
    visits: list[Visit] | None = None,
) -> Person:
    user_id = user_id or digits(rng)
    person = Person(user_id, uid, name, email, *_account(rng, plan, seats), agent=agent)
    person.visits = list(_visits(rng, company.EVERYDAY, 1)) if visits is None else visits
    return person


def crowd(rng: random.Random, count: int) -> Iterator[Person]:
    """Everybody else: most with uid and e-mail, one in eight anonymous."""
    weights = [12] + [1] * (len(company.NAMES) - 1)
    for number in range(count):
        if rng.random() < 0.125:
            properties = {"first_touch": rng.choice(company.SOURCES), "visits": rng.randrange(1, 9)}
            visits = list(_visits(rng, company.VISITS, 2))
            yield Person(digits(rng), None, None, None, properties, visits=visits)
            continue
        givens, families = rng.choices(company.NAMES, weights)[0]
        (given, first), (family, last) = rng.choice(givens), rng.choice(families)
        plan, _, most_seats = rng.choices(company.PLANS, (5, 3, 1))[0]
        email = f"{first}.{last}{number}@{rng.choice(company.MAIL_HOSTS)}"
        yield Person(
            digits(rng),
            f"cus_{1000 + number}",
            f"{given} {family}",
            email if rng.random() < 0.95 else None,
            *_account(rng, plan, rng.randint(1, most_seats)),
            visits=list(_visits(rng, company.EVERYDAY, 4)),
        )


def _account(rng: random.Random, plan: str, seats: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Properties of a customer, and the types declared for them."""
    price = next(monthly for name, monthly, _ in company.PLANS if name == plan)
    signed_up = f"20{rng.randint(22, 25)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T08:00:00Z"
    properties: dict[str, Any] = {
        "plan": plan,
        "seats": seats,
        "monthly_total": round(price * seats, 2),
        "signed_up": signed_up,
        "newsletter": rng.random() < 0.4,
        "features": sorted(rng.sample(company.FEATURES, rng.randint(1, 3))),
        "company": {
            "industry": rng.choice(company.INDUSTRIES),
            "address": {
                "country": rng.choice(company.CITIES)[2],
                "zip": f"{rng.randrange(9999):05}",
            },
        },
    }
    return properties, {"seats": "int", "signed_up": "date"}


def _visits(rng: random.Random, scenarios: tuple[str, ...], most: int) -> Iterator[Visit]:
    for _ in range(rng.randint(0, most)):
        events = (rng.choice(company.SERVER_EVENTS),) if rng.random() < 0.15 else ()
        hours_ago = rng.uniform(1, _HOURS)
        yield Visit(rng.choice(scenarios), hours_ago, rng.uniform(1, 25), server_events=events)


def digits(rng: random.Random) -> str:
    """An id as Fullstory gives them: up to 19 digits, past what a float can hold."""
    return str(rng.randrange(10**15, 2**63))
