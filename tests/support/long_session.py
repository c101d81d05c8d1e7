"""A session with very many events, in a sandbox's own state."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from fsctl.sandbox.clock import iso
from fsctl.sandbox.company import AGENTS
from fsctl.sandbox.seed import seed_if_empty
from fsctl.sandbox.store import Store

SESSION = "5517947882585495975:366916161176979767"  # ada's newest


def fill(path: Path, *, events: int, rich: bool = False) -> None:
    """Add that many events to ``SESSION``; ``rich`` ones are as large as a browser's (800 bytes).

    The first holds an emoji, with which the whole as one text takes four bytes a character. They
    go into the tables directly: posted one by one they would take an hour.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    raw, device, system, browser, version, _ = AGENTS[0]
    agent = {"raw_user_agent": raw, "device": device, "operating_system": system,
             "browser": browser, "browser_version": version}  # fmt: skip
    address = "https://app.fernhill.example/checkout?plan=business&coupon=SPRING"
    source = {"url": {"full_url": address, "path": "/checkout"}, "user_agent": agent}
    target = {"text": "Pay €49.50", "masked": False, "raw_selector": "form#checkout > button.pay"}
    context = json.dumps({"browser": source}) if rich else None
    with closing(Store(path)) as store:
        seed_if_empty(store)
        with store.transaction() as db:
            session = db.execute(
                "SELECT seq, user_seq, started, ended FROM sessions"
                " WHERE device_id || ':' || session_id = ?",
                (SESSION,),
            ).fetchone()
            step = (session["ended"] - session["started"]) / events
            moments = (session["started"] + step * number for number in range(events))
            db.executemany(
                "INSERT INTO events (user_seq, session_seq, name, timestamp, moment, properties,"
                " types, context) VALUES (?, ?, 'Scrolled', ?, ?, ?, '{}', ?)",
                (
                    (
                        session["user_seq"], session["seq"], iso(moment), moment,
                        json.dumps({"at": number or "🎉", **({"target": target} if rich else {})}),
                        context,
                    )
                    for number, moment in enumerate(moments)
                ),
            )  # fmt: skip
