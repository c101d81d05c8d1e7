"""Fernhill, the small made-up company whose customers live in the sandbox: what they are called,
what they pay for, and what they do in its invoicing app. Pure data; ``seed`` draws from it and
``streams`` plays its scenarios. All hosts end in ``.example`` or are example domains (RFC 2606).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HOST = "app.fernhill.example"

_GIVEN = """
Alice Ben Carla David Emma Frank Georgia Henry Isla Jack Kim Liam Mona Noah Olivia Peter Quinn Rosa
Sam Tess Uma Victor Wanda Xavier Yara Zoe
"""
_FAMILY = """
Archer Brooks Carter Diaz Ellis Foster Grant Hughes Ito Jones Kowalski Lopez Moore Novak O'Neill
Parker Quigley Rossi Smith Turner Ueda Vance Walsh Young Zeller
"""


def _latin(names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name.lower().replace("'", "")) for name in names.split())


# One group a script: given names, then family names, each with the form used in e-mail addresses.
NAMES: tuple[tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]], ...] = (
    (_latin(_GIVEN), _latin(_FAMILY)),
    (
        (("José", "jose"), ("Zoë", "zoe"), ("Łukasz", "lukasz"), ("Søren", "soren")),
        (("Müller", "mueller"), ("Nuñez", "nunez"), ("Žižek", "zizek"), ("d'Angelo", "dangelo")),
    ),
    (
        (("Анна", "anna"), ("Дмитро", "dmytro"), ("Ольга", "olga")),
        (("Иванова", "ivanova"), ("Шевченко", "shevchenko"), ("Петров", "petrov")),
    ),
    (
        (("Ελένη", "eleni"), ("Νίκος", "nikos")),
        (("Παπαδοπούλου", "papadopoulou"), ("Γεωργίου", "georgiou")),
    ),
    (
        (("محمد", "mohammed"), ("ليلى", "layla"), ("فاطمة", "fatima")),
        (("الحسن", "alhassan"), ("منصور", "mansour")),
    ),
    ((("נועה", "noa"), ("יונתן", "yonatan")), (("כהן", "cohen"), ("לוי", "levi"))),
    ((("伟", "wei"), ("芳", "fang"), ("秀英", "xiuying")), (("王", "wang"), ("李", "li"))),
    ((("陽菜", "hina"), ("蓮", "ren")), (("佐藤", "sato"), ("鈴木", "suzuki"))),
    ((("민준", "minjun"), ("서연", "seoyeon")), (("김", "kim"), ("박", "park"))),
    ((("आरव", "aarav"), ("प्रिया", "priya")), (("शर्मा", "sharma"), ("पटेल", "patel"))),
    ((("สมชาย", "somchai"), ("กานดา", "kanda")), (("ใจดี", "jaidee"), ("ศรีสุข", "srisuk"))),
)
MAIL_HOSTS = ("example.com", "example.org", "example.net", "studio.example", "atelier.example")
INDUSTRIES = ("design", "film", "architecture", "music", "law", "bakery", "software")
# plan, monthly price, the most seats
PLANS = (("free", 0.0, 1), ("team", 19.0, 12), ("business", 49.5, 80))
FEATURES = ("invoices", "reports", "time-tracking", "team", "api", "multi-currency")
SOURCES = ("newsletter", "search", "friend", "conference", "podcast")

# raw user agent, device, operating system, browser, version, source type
AGENTS = (
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/138.0.0.0 Safari/537.36",
        "Desktop",
        "OS X",
        "Chrome",
        "138.0.0.0",
        "web",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Desktop",
        "Windows",
        "Firefox",
        "140.0",
        "web",
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0"
        " Safari/537.36",
        "Desktop",
        "Linux",
        "Chrome",
        "137.0.0.0",
        "web",
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.5 Mobile/15E148 Safari/604.1",
        "Tablet",
        "iOS",
        "Safari",
        "18.5",
        "web",
    ),
    ("Fernhill/5.2 (iPhone16,2; iOS 18.5)", "Phone", "iOS", "Fernhill", "5.2", "ios"),
    ("Fernhill/5.2 (Pixel 9; Android 16)", "Phone", "Android", "Fernhill", "5.2", "android"),
)
REFERRERS = (None, None, "https://www.google.com/", "https://news.example.org/best-invoicing-apps")
CITIES = (
    ("London", "ENG", "GB", "203.0.113.7"),
    ("Atlanta", "GA", "US", "198.51.100.20"),
    ("Kyoto", "26", "JP", "192.0.2.61"),
    ("Köln", "NW", "DE", "203.0.113.99"),
    ("São Paulo", "SP", "BR", "198.51.100.4"),
)

TITLES = {
    "/": "Fernhill",
    "/login/": "Sign in · Fernhill",
    "/dashboard": "Dashboard · Fernhill",
    "/invoices": "Invoices · Fernhill",
    "/invoices/new": "New invoice · Fernhill",
    "/reports": "Reports · Fernhill",
    "/settings/team": "Team · Fernhill",
    "/settings/billing": "Billing · Fernhill",
    "/checkout": "Upgrade · Fernhill",
    "/checkout/done": "Thank you · Fernhill",
    "/search": "Search · Fernhill",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a scenario. ``page`` is where a navigate leads (path and query)."""

    kind: str
    page: str = ""
    text: str = ""
    selector: str = ""
    masked: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


def go(page: str, reason: str = "navigate") -> Step:
    return Step("navigate", page=page, more={"navigate_reason": reason})


def click(text: str, selector: str, kind: str = "click", **more: Any) -> Step:
    return Step(kind, text=text, selector=selector, more=more)


def change(text: str, selector: str, *, masked: bool = False) -> Step:
    return Step("change", text=text, selector=selector, masked=masked)


def network_error(method: str, path: str, status: int) -> Step:
    url = f"https://{HOST}{path}"
    more = {"request_method": method, "request_url": url, "response_status": status}
    return Step("network-error", more=more)


def console_error(message: str) -> Step:
    return Step("console-error", more={"level": "error", "message": message})


def custom(name: str, **properties: Any) -> Step:
    return Step("custom", more={"event_name": name, "properties": properties})


_SIGN_IN = (
    go("/login/?dest=%2Fdashboard"),
    change("Email", "form.login input#email", masked=True),
    change("Password", "form.login input#password", masked=True),
    click("Sign in", "form.login button.primary"),
    go("/dashboard"),
)
_PAY = "form#checkout > button.pay"

SCENARIOS: Mapping[str, tuple[Step, ...]] = {
    "invoice": (
        *_SIGN_IN,
        go("/invoices"),
        click("New invoice", "a.new-invoice"),
        go("/invoices/new?currency=EUR"),
        change("Client", "input#client"),
        change("Amount", "input#amount"),
        click("Send", "button.send"),
        custom("Invoice Sent", amount=240.0, currency="EUR", lines=3),
        go("/invoices"),
    ),
    "look-around": (
        go("/"),
        click("Features", "nav a.features"),
        Step("highlight", text="free for one person", selector="section.pricing p"),
        Step("element-seen", text="Start free", selector="a.start"),
        Step("copy", text="Fernhill", selector="h1"),
    ),
    "team": (
        *_SIGN_IN,
        go("/settings/team"),
        click("Invite", "button.invite"),
        change("Email", "dialog input#invite-email", masked=True),
        Step("paste", text="Email", selector="dialog input#invite-email", masked=True),
        click("Send invitation", "dialog button.primary"),
        custom("Teammate Invited", role="bookkeeper"),
    ),
    "stuck-report": (
        *_SIGN_IN,
        go("/reports?year=2026"),
        click("Export", "button.export"),
        network_error("GET", "/api/reports/export?year=2026", 504),
        console_error("Error: export timed out after 30000 ms"),
        click("Export", "button.export", "error-click"),
        go("/reports?year=2026", "reload"),
        click("Export", "button.export", "dead-click"),
        Step("mouse-thrash"),
    ),
    "checkout": (
        *_SIGN_IN,
        click("Upgrade", "a.upgrade"),
        go("/checkout?plan=team"),
        change("Card number", "input#card", masked=True),
        click("Pay €19.00", _PAY),
        custom("Plan Upgraded", plan="team", amount=19.0),
        go("/checkout/done"),
    ),
    "checkout-trouble": (
        *_SIGN_IN,
        go("/settings/billing"),
        Step("highlight", text="€49.50 per month", selector="table.plans td.business"),
        click("Upgrade to Business", "a.upgrade"),
        go("/checkout?plan=business&coupon=SPRING"),
        change("Card number", "input#card", masked=True),
        click("Pay €49.50", _PAY),
        network_error("POST", "/api/payments", 502),
        console_error("Uncaught (in promise) Error: payment failed: 502 Bad Gateway"),
        click("Pay €49.50", _PAY, "error-click"),
        click("Pay €49.50", _PAY, "dead-click"),
        click("Pay €49.50", _PAY, "rage-click", click_count=7),
        Step("mouse-thrash"),
        custom("Checkout Failed", plan="business", amount=49.5, attempts=3),
        Step("copy", text="Something went wrong (ref 7F3A)", selector="div.error-banner"),
        go("/settings/billing", "back_forward"),
    ),
    "hostile": (
        go("/search?q=%1b%5B31m%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
        click("\x1b]8;;https://evil.example\x07Win\x1b]8;;\x07", "a[href='javascript:1']"),
        console_error("::error file=app.js::\x1b[2J\u202eforged\u2028##vso[task.complete]"),
        custom('=HYPERLINK("https://evil.example","total")', note="+1+1|cmd"),
    ),
}
EVERYDAY = ("invoice", "look-around", "team", "stuck-report", "checkout", "checkout-trouble")
VISITS = ("look-around",)  # what people do who never sign in
WANDERING = (
    go("/invoices"),
    go("/reports"),
    go("/dashboard"),
    click("Help", "button.help"),
    click("Show more", "button.more"),
    Step("element-seen", text="What's new", selector="aside.news"),
)

# name, properties
SERVER_EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Invoice Paid", {"amount": 240.0, "currency": "EUR", "method": "transfer"}),
    ("Subscription Renewed", {"plan": "team", "amount": 19.0}),
    ("Support Ticket", {"ticket": "FH-1042", "priority": "Normal", "channel": "email"}),
    ("Refund Issued", {"amount": 49.5, "reason": "duplicate charge"}),
    ("Trial Ended", {"converted": False}),
)
# hours before the base, length in minutes, text, source
ANNOTATIONS = (
    (600, 0, "v5.1.0 deployed", "GitHub Actions"),
    (410, 45, "Planned maintenance: invoices are read-only", "Ops"),
    (190, 6, "v5.2.0 deployed (8f2c1d7)", "GitHub Actions"),
    (30, 25, "Payment provider answers 502", "Statuspage"),
    (2, 4, "v5.2.1 deployed: retry failed payments", "GitHub Actions"),
)
# id, name, creator, days before the base
SEGMENTS = (
    ("everyone", "Everyone", "fullstory", 900),
    ("kX2pQ9", "Paying customers", "grace@example.com", 410),
    ("7fTz01", "Rage clicks at checkout", "grace@example.com", 96),
    ("mm4RrW", "Signed up this month", "linus@example.com", 30),
    ("Zq8vLp", "Used the mobile app", "linus@example.com", 12),
)
