"""Measures how long `ticketing doctor` takes to verify the audit trail.

Run it by `./dev python scripts/measure_trail.py [ROWS]`. It writes to a SQLite of its own in a temporary folder
(or takes TICKETING_DATABASE_URL, a database of its own that is empty).
"""

import os
import sys
import tempfile
import time

from ticketing import migrations
from ticketing.database import make_engine, make_sessions, reading
from ticketing.services import trail

KEY = b"a key for measuring only"
DETAIL = {
    "reason": "五元看大片",
    "changes": {"capacity": [600, 1200], "per_card_limit": [2, 3]},
    "tickets": 3,
}


def main(rows: int) -> None:
    """Write, verify."""
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
        engine.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
