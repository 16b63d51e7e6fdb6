"""Measures how long `ticketing doctor` takes to verify the audit trail, and staff to search it.

Run it by `./dev python scripts/measure_trail.py [ROWS [SEARCHED]]`: so many rows are written as acts write them and
verified; then there are SEARCHED rows (1,000,000 is a busy decade), in which frequent and rare acts are looked for.
It writes to a SQLite of its own in a temporary folder (or takes TICKETING_DATABASE_URL, a database of its own that is
empty).
"""

import os
import random
import statistics
import sys
import tempfile
import time

from sqlalchemy import insert, text

from ticketing import migrations
from ticketing.database import Sessions, make_engine, make_sessions, reading
from ticketing.services import trail
from ticketing.staff.search import Point, Wish, newest
from ticketing.staff.tables import AuditEntry

KEY = b"a key for measuring only"
DETAIL = {
    "reason": "五元看大片",
    "changes": {"capacity": [600, 1200], "per_card_limit": [2, 3]},
    "tickets": 3,
}


ORGANISATIONS = [f"organisation-{number}" for number in range(400)]
LARGE, SMALL = ORGANISATIONS[:200], ORGANISATIONS[390:]
ACTIONS = ("order.pick_up", "order.sell", "order.cancel", "event.change", "card.block")
SHARES = (70, 20, 9, 0.9, 0.1)
PIECE = 10_000
TIMES = 7
WISHES = {
    "everything": Wish(organisations=None),
    "a large sub-district": Wish(organisations=LARGE),
    "a small one (0.1 % of the rows)": Wish(organisations=SMALL),
    "nothing at all": Wish(organisations=["none"]),
    "a large one, a rare act": Wish(organisations=LARGE, actions=["card.block"]),
    "a large one, a frequent act": Wish(organisations=LARGE, actions=["order.pick_up", "order.sell"]),
    "an event": Wish(organisations=LARGE, event_id="event-77"),
    "a member": Wish(organisations=LARGE, member_id=4_242),
    "a clerk": Wish(organisations=None, actor="staff:clerk-3"),
    "a clerk, a rare act": Wish(organisations=LARGE, actor="staff:clerk-3", actions=["card.block"]),
    "an order": Wish(organisations=LARGE, subject="order:event-77.1077"),
}


def fill(sessions: Sessions, rows: int) -> None:
    """Rows as they lie after years; the chain is not what is measured here."""
    dice = random.Random(1)
    with sessions.begin() as session:
        for start in range(0, rows, PIECE):
            session.execute(insert(AuditEntry), [_row(dice, n) for n in range(start, start + PIECE)])
        session.execute(text("ANALYZE"))


def _row(dice: random.Random, number: int) -> dict[str, object]:
    place = min(int(dice.expovariate(1) * 60), 399)
    return {
        "at": number * 1_000,
        "actor": f"staff:clerk-{dice.randrange(40)}",
        "action": dice.choices(ACTIONS, SHARES)[0],
        "subject": f"order:event-{number % 1_000}.{number}",
        "detail": DETAIL,
        "organisation_id": ORGANISATIONS[place],
        "event_id": f"event-{number % 1_000}",
        "member_id": dice.randrange(180_000),
        "previous_digest": "",
        "digest": f"{number:064}",
    }


def search(sessions: Sessions, rows: int) -> None:
    """The first page, and one from the middle of time, of each wish."""
    for name, wish in WISHES.items():
        for when, before in (("newest", None), ("older", Point(rows * 500, 0))):
            spent = []
            for _ in range(TIMES):
                with reading(sessions) as session:
                    began = time.perf_counter()
                    found = len(newest(session, wish, before, 51))
                    spent.append(1_000 * (time.perf_counter() - began))
            print(f"  {name}, {when}: {statistics.median(spent):.1f} ms for {found} rows")


def main(rows: int, searched: int) -> None:
    """Write, verify, search."""
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(os.environ.get("TICKETING_DATABASE_URL", f"sqlite:///{folder}/trail.sqlite3"))
        migrations.upgrade(engine)
        sessions = make_sessions(engine, KEY)
        began = time.monotonic()
        with sessions.begin() as session:
            for number in range(rows):
                trail.record(session, number, "staff:wang", "quota.change", f"quota:{number}-1", DETAIL)
        wrote = time.monotonic() - began
        began = time.monotonic()
        with reading(sessions) as session:
            broken = trail.verify(session)
        seconds = time.monotonic() - began
        name = engine.dialect.name
        print(
            f"{name}: {rows:,} rows written in {wrote:.1f} s, verified in {seconds:.2f} s, broken: {broken}"
        )
        if searched:
            fill(sessions, searched)
            print(f"{name}: {searched:,} rows, searched (median of {TIMES}):")
            search(sessions, searched)
        engine.dispose()


if __name__ == "__main__":
    numbers = [int(text_) for text_ in sys.argv[1:]]
    main(*(numbers + [100_000, 1_000_000][len(numbers) :]))
