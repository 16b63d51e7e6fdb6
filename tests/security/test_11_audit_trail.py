"""Security 11: who did what is on record, and the record cannot be changed without being seen.

Goal: each act of staff on an event, quota, order, card or account leaves a row that names who did it; whoever changes
the table afterwards, with all rights on the database, is found out by `ticketing doctor`.
Method: an API process over the real servers does each act; then a copy of the running demo's database is edited as
somebody with the file could, in every way, and the command is run on it.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.support.command import RunningInstance, ticketing
from tests.support.house import House
from ticketing.database import reading
from ticketing.queue.worker import drain_of
from ticketing.services import trail
from ticketing.staff.tables import AuditEntry

NUMBER = "6222000000000001"


async def test_11_every_act_is_on_record_with_who_did_it(house: House) -> None:
    manager, clerk = house.add_staff("wang", "manager"), house.add_staff("lan", "clerk")
    member, event = house.add_member(number=NUMBER), house.publish(20)
    order = await _order(house, event, member)
    base, desk = f"/api/v1/staff/events/{event}", "/api/v1/desk"
    why = {"reason": "because"}
    pickup = {"order_id": order, "desk": "1"}
    picked = await _do(house, clerk, "POST", f"{desk}/pickups", pickup)
    await _do(house, clerk, "POST", f"{desk}/pickups/{picked['pickup_id']}/undo", why)
    acts: list[tuple[str, str, str, Any]] = [
        ("event.change", "PATCH", base, {"title": "改名"}),
        ("quota.add", "POST", f"{base}/quotas", {"name": "more", "capacity": 1}),
        ("quota.resize", "PATCH", f"{base}/quotas/{event}-1", {"capacity": 30, **why}),
        ("event.pause", "POST", f"{base}/pause", why),
        ("event.resume", "POST", f"{base}/resume", why),
        ("event.close", "POST", f"{base}/close", why),
        ("card.reset_pin", "POST", "/api/v1/staff/cards/reset-pin", {"card_number": NUMBER, **why}),
        ("card.block", "POST", "/api/v1/staff/cards/block", {"card_number": NUMBER, **why}),
    ]
    for _, method, path, body in acts:
        await _do(house, manager, method, path, body)
    with reading(house.services.sessions) as session:
        assert trail.verify(session) is None
        rows = session.execute(select(AuditEntry.actor, AuditEntry.action)).all()
        kept = [str(row) for row in session.execute(text("SELECT * FROM audit_trail"))]
    done = {(row.actor, row.action) for row in rows}
    assert {("staff:wang", action) for action, *_ in acts} <= done
    assert {
        ("staff:lan", "order.pick_up"),
        ("staff:lan", "order.undo_pick_up"),
        ("system", "staff.add"),
    } <= done
    assert not [row for row in kept if NUMBER in row]


async def _do(house: House, session: dict[str, str], method: str, path: str, body: Any) -> Any:
    headers = session | {"idempotency-key": path[-40:]}
    answer = await house.client.request(method, path, json=body, headers=headers)
    assert answer.status_code in (200, 201, 204), (path, answer.text)
    return answer.json() if answer.content else None


async def _order(house: House, event: str, member: int) -> str:
    items = {"items": [{"quota_id": f"{event}-1", "quantity": 1}]}
    session = house.member(member) | {"idempotency-key": "k"}
    held = await house.client.post(f"/api/v1/events/{event}/holds", json=items, headers=session)
    confirm = f"/api/v1/holds/{held.json()['id']}/confirm"
    order = await house.client.post(confirm, json={"payment": {"method": "free"}}, headers=session)
    drain_of(house.services).run(event)
    return str(order.json()["id"])


async def test_11_a_refused_act_leaves_no_row(house: House) -> None:
    event = house.publish(5)
    before = _rows(house)
    for session in (house.staff("auditor"), house.staff("manager", "district.west")):
        answer = await house.client.post(
            f"/api/v1/staff/events/{event}/pause", json={"reason": "mine"}, headers=session
        )
        assert answer.status_code in (403, 404)
    assert _rows(house) == before


def _rows(house: House) -> int:
    with reading(house.services.sessions) as session:
        return len(session.scalars(select(AuditEntry.id)).all())


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_trail SET actor = 'staff:li'", "DELETE FROM audit_trail"]
)
async def test_11_the_database_itself_refuses_to_change_it(house: House, statement: str) -> None:
    house.publish(5)
    with pytest.raises(DBAPIError, match="append-only"), house.services.sessions.begin() as session:
        session.execute(text(statement))


@pytest.fixture
def copied(demo: RunningInstance, tmp_path: Path) -> Path:
    """A copy of the demo's database and secret, whose trail has lost its guard."""
    home = tmp_path / "copied"
    home.mkdir(mode=0o700)
    shutil.copy(demo.data_dir / "secret.key", home)
    with (
        closing(sqlite3.connect(demo.data_dir / "ticketing.sqlite3")) as source,
        closing(sqlite3.connect(home / "ticketing.sqlite3")) as copy,
    ):
        source.backup(copy)
        for verb in ("UPDATE", "DELETE"):
            copy.execute(f"DROP TRIGGER audit_trail_no_{verb}")
        copy.commit()
    return home


def _look(home: Path) -> dict[str, Any]:
    """What `ticketing doctor` says of the trail; Redis is away, which has nothing to do with it."""
    done = ticketing("doctor", "--json", "--data-dir", str(home))
    assert done.returncode == 1
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["secret of the data"]["ok"]
    found: dict[str, Any] = checks["audit trail"]
    return found


def test_11_an_untouched_copy_is_whole(copied: Path) -> None:
    assert _look(copied)["ok"]


@pytest.mark.parametrize(
    ("attack", "row"),
    [
        ("UPDATE audit_trail SET actor = 'staff:somebody' WHERE id = 5", 5),
        ("UPDATE audit_trail SET detail = '{}' WHERE id = 5", 5),
        ("UPDATE audit_trail SET at = at - 86400000 WHERE id = 5", 5),
        ("UPDATE audit_trail SET organisation_id = 'elsewhere' WHERE id = 5", 5),
        ("DELETE FROM audit_trail WHERE id = 5", 6),
        ("DELETE FROM audit_trail WHERE id < 5", 5),
        (
            (
                "INSERT INTO audit_trail SELECT 1000000, at, 'staff:framed', action, subject, detail, digest, 'x', "
                "organisation_id, event_id, member_id FROM audit_trail WHERE id = 5"
            ),
            1_000_000,
        ),
        (
            (
                "UPDATE audit_trail SET id = -1 WHERE id = 5; UPDATE audit_trail SET id = 5 WHERE id = 6; "
                "UPDATE audit_trail SET id = 6 WHERE id = -1"
            ),
            5,
        ),
    ],
    ids=["who", "what", "when", "whose", "taken out", "the beginning", "slipped in", "swapped"],
)
def test_11_whatever_is_changed_past_the_program_is_found_out(copied: Path, attack: str, row: int) -> None:
    with closing(sqlite3.connect(copied / "ticketing.sqlite3")) as connection:
        connection.executescript(attack)
    found = _look(copied)
    assert not found["ok"]
    assert found["found"].startswith(f"entry {row} ")


def test_11_rows_cut_from_the_end_are_missed_on_the_running_instance(demo: RunningInstance) -> None:
    """The demo itself, which notes the end every five seconds; afterwards an operator accepts it."""
    from tests.support.processes import wait_for

    def ends() -> dict[str, Any]:
        done = ticketing("doctor", "--json", "--data-dir", str(demo.data_dir))
        found: dict[str, Any] = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        return found

    database = demo.data_dir / "ticketing.sqlite3"
    added = ticketing(
        "staff",
        "add",
        "cut",
        "--role",
        "clerk",
        "--organisation",
        "street-01",
        "--data-dir",
        str(demo.data_dir),
    )
    assert added.returncode == 0, added.stderr
    with closing(sqlite3.connect(database)) as connection:
        (last,) = connection.execute("SELECT max(id) FROM audit_trail").fetchone()
    url = (demo.data_dir / "valkey.url").read_text()
    assert wait_for(lambda: _noted(url) >= last, 30)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        (trigger,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'audit_trail_no_DELETE'"
        ).fetchone()
        connection.execute("DROP TRIGGER audit_trail_no_DELETE")
        connection.execute("DELETE FROM audit_trail WHERE id >= ?", (last,))
        connection.execute(trigger)
    found = ends()
    assert found["audit trail"]["ok"], "inside the table nothing shows"
    assert not found["audit trail end"]["ok"]
    assert f"entry {last}" in found["audit trail end"]["found"]
    accepted = ticketing("trail", "accept", "a test cut it", "--data-dir", str(demo.data_dir))
    assert accepted.returncode == 0, accepted.stderr
    assert ends()["audit trail end"]["ok"]


def _noted(url: str) -> int:
    import redis

    with redis.Redis.from_url(url) as client:
        noted: Any = client.get("ticketing:trail-end")
    return int(noted.split()[0]) if noted else 0
