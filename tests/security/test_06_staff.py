"""Security 6: staff reach their own organisation's things and no others, and no account or secret has a default.

Goal: a role is checked for the object of every call, not only for the route; the first password is random and shown
once; without a secret nothing that others share starts.
Method: every operation of the document that names an event, quota, order or card is called by staff of a neighbour,
and by roles that may not, on an API process over the real servers; what they were after must be as it was.
"""

import re
from typing import Any

import pytest
from sqlalchemy import inspect, select, text

from tests.support.house import PIN, House
from ticketing.api.application import document
from ticketing.api.views import instant
from ticketing.catalogue.budgets import BudgetPlan
from ticketing.database import reading
from ticketing.embedded.instance import resolve
from ticketing.errors import Misconfigured
from ticketing.settings import Settings
from ticketing.staff.tables import AuditEntry

NUMBER = "6222000000000001"
PARAMETER = re.compile(r"\{([^}]*)\}")
BODIES: dict[str, Any] = {
    "quotas": {"name": "more", "capacity": 5},
    "{quota_id}": {"capacity": 50},
    "{event_id}": {"title": "taken over"},
    "{budget_id}": {"amount": 1},
    "copy": {"days": 365},
    "quota-table": {"text": "x"},
    "postpone": {"starts_at": "2030-05-01T06:00:00Z", "reason": "mine now"},
    "{organisation_id}": {"name": "taken over"},
    "unblock": {"card_number": NUMBER, "reason": "mine now"},
    "block": {"card_number": NUMBER, "reason": "mine now"},
    "replace": {"card_number": NUMBER, "new_card_number": "6222000000000009", "reason": "mine now"},
    "reset-pin": {"card_number": NUMBER, "reason": "mine now"},
    "swipes": {"card_number": NUMBER},
    "undo": {"reason": "mine now"},
    "finish": {"desk": "1"},
    "{username}": {"role": "clerk"},
    "organisations": {"name": "taken over", "parent_id": "east", "kind": "workplace"},
}


class Loot:
    """What is in the east, and what the west is after."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.member = house.add_member("east", NUMBER)
        self.event = house.publish(10, organisation="east")
        east = house.claims("staff", 1, "district.east", role="manager")
        house.services.staff.add_staff("number-1", "clerk", "district")  # as whom the others come
        house.services.staff_care.add(east, "east-clerk", "clerk", "east")
        self.budget = house.services.budgets.add(east, BudgetPlan(name="May", amount=50_000))
        house.services.budgets.put_in(east, self.budget, self.event)
        self.list = house.services.imports.send(east, "east.csv", b"card_number,name,organisation,pin\n")

    async def buy(self) -> None:
        """An order of the east's member."""
        member = self.house.member(self.member)
        items = {"items": [{"quota_id": f"{self.event}-1", "quantity": 1}]}
        holds = f"/api/v1/events/{self.event}/holds"
        held = await self.house.client.post(holds, json=items, headers=member | {"idempotency-key": "k"})
        confirm = f"/api/v1/holds/{held.json()['id']}/confirm"
        order = await self.house.client.post(confirm, json={"payment": {"method": "free"}}, headers=member)
        self.order = order.json()["id"]
        self.ticket = order.json()["tickets"][0]["code"]

    def body(self, path: str) -> Any:
        """What a call on it would carry."""
        items = [{"quota_id": f"{self.event}-1", "quantity": 1}]
        desk = {
            "pickups": {"order_id": self.order, "desk": "1"},
            "sales": {
                "card_number": NUMBER,
                "event_id": self.event,
                "items": items,
                "payment": {"method": "free"},
            },
            "hand-overs": {"device": "d", "hand_overs": [self.handed_over()]},
        }
        if "/shifts/" in path:
            return {"counted_cash": 0, "counted_card": 0, "remark": "mine now"}
        if path.endswith("/sales/{order_id}/undo"):
            return {"reason": "mine now", "desk": "1", "paid": True}
        last = path.rpartition("/")[2]
        found = (BODIES | desk).get(last, {"reason": "mine now"})
        return found | {"desk": "1"} if last == "sales" else found

    def handed_over(self) -> Any:
        """Their ticket as a desk without the network would say that it was handed over."""
        at = instant(self.house.now).isoformat()
        return {"key": "k", "ticket_codes": [self.ticket], "desk": "1", "clerk": "clerk", "at": at}

    def url(self, path: str) -> str:
        """The address of a call on it."""
        known = {
            "event_id": self.event,
            "quota_id": f"{self.event}-1",
            "order_id": self.order,
            "pickup_id": "p",
            "budget_id": self.budget,
            "import_id": self.list,
            "username": "east-clerk",
            "organisation_id": "east",
            "card_id": str(self.member),  # the first member has the first card
        }
        return PARAMETER.sub(lambda name: known.get(name[1], "x"), path)

    def state(self) -> Any:
        """All of SQL but the trail, and the sale in Redis."""
        services = self.house.services
        with reading(services.sessions) as session:
            names = sorted(set(inspect(session.connection()).get_table_names()) - {"audit_trail"})
            rows = {
                name: sorted(map(repr, session.execute(text(f'SELECT * FROM "{name}"')))) for name in names
            }
        return rows, self.house.counts(self.event)


_OWN = {
    ("post", "/api/v1/desk/shifts"),  # a shift is the clerk's own
    (
        "post",
        "/api/v1/staff/cards/import",
    ),  # so is a list; whom its lines may touch: tests/services/test_imports.py
}


def _on_objects() -> list[tuple[str, str]]:
    """Every call of staff and the desk on something that belongs to an organisation."""
    return [
        (method.upper(), path)
        for path, calls in document()["paths"].items()
        for method in calls
        if path.startswith(("/api/v1/staff/", "/api/v1/desk/"))
        and "/sessions" not in path
        and not path.endswith("/stream")  # its answer has no end: see tests/api/test_live.py
        and (method, path) not in _OWN
        and (
            "{" in path
            or "/cards/" in path
            or "/desk/" in path
            or (method == "post" and "organisations" in path)
        )
    ]


async def _call(house: House, method: str, url: str, session: dict[str, str], body: Any) -> Any:
    headers = session | {"idempotency-key": "taken"}
    return await house.client.request(method, url, headers=headers, json=None if method == "GET" else body)


@pytest.mark.parametrize("role", ["admin", "manager", "clerk", "auditor"])
async def test_06_a_neighbours_things_do_not_exist(house: House, role: str) -> None:
    loot = Loot(house)
    await loot.buy()
    before = loot.state()
    calls = _on_objects()
    assert len(calls) >= 18
    for method, path in calls:
        neighbour = house.staff(role, "district.west")
        answer = await _call(house, method, loot.url(path), neighbour, loot.body(path))
        if path.endswith("swipes") and role != "auditor":
            # Whose card lies on the desk may be seen by any clerk; what they bought from others may not.
            assert (answer.json()["orders"], answer.json()["allowances"]) == ([], [])
            continue
        if path.endswith("hand-overs") and answer.status_code == 200:
            [taken] = answer.json()["results"]
            assert (taken["outcome"], taken["collected"]) == ("waiting", [])
            continue
        # Without an id in its path a GET lists what is theirs, which is nothing.
        lists = method == "GET" and "{" not in path
        assert answer.status_code in ((200, 403, 404) if lists else (403, 404)), (method, path, answer.text)
        assert loot.event not in answer.text
        assert "王小明" not in answer.text
    assert loot.state() == before


async def test_06_control_ones_own_do(house: House) -> None:
    loot = Loot(house)
    await loot.buy()
    mine = house.staff("admin", "district.east")
    reached = {
        f"{method} {path}": (await _call(house, method, loot.url(path), mine, loot.body(path))).status_code
        for method, path in _on_objects()
    }
    refused = {call: status for call, status in reached.items() if status == 403}
    assert not refused
    assert sum(status in (200, 201, 204) for status in reached.values()) >= 8, reached


@pytest.mark.parametrize(("role", "may"), [("auditor", set()), ("clerk", {"desk"})])
async def test_06_a_role_does_what_it_may_and_no_more(house: House, role: str, may: set[str]) -> None:
    loot = Loot(house)
    await loot.buy()
    for method, path in _on_objects():
        area = path.split("/")[3]
        if method == "GET" or area in may or (role == "clerk" and path.endswith("reset-pin")):
            continue
        before = loot.state()
        answer = await _call(
            house, method, loot.url(path), house.staff(role, "district.east"), loot.body(path)
        )
        assert answer.status_code == 403, (method, path, answer.text)
        assert loot.state() == before


async def test_06_a_member_is_no_staff_and_staff_no_member(house: House) -> None:
    loot = Loot(house)
    await loot.buy()
    for method, path in _on_objects():
        answer = await _call(house, method, loot.url(path), house.member(loot.member), loot.body(path))
        assert answer.status_code == 403, (method, path)
    for path in ("/api/v1/me", "/api/v1/orders"):
        assert (await house.client.get(path, headers=house.staff("admin"))).status_code == 403


async def test_06_a_first_password_is_random_and_kept_nowhere(house: House) -> None:
    passwords = {house.services.staff.add_staff(f"clerk-{n}", "clerk", "district") for n in range(3)}
    passwords |= {house.services.staff.reset_password(f"clerk-{n}") for n in range(3)}
    assert len(passwords) == 6
    assert min(map(len, passwords)) >= 16
    with reading(house.services.sessions) as session:
        trail = session.scalars(select(AuditEntry)).all()
        rows = [str(row) for row in session.execute(text("SELECT * FROM staff_accounts"))]
    kept = [*rows, *(f"{row.subject} {row.detail}" for row in trail)]
    assert not [password for password in passwords for text_ in kept if password in text_]


def test_06_nothing_shared_starts_without_a_secret_and_no_two_have_the_same(tmp_path: Any) -> None:
    for server in ({"redis_url": "redis://127.0.0.1"}, {"database_url": "postgresql://127.0.0.1/x"}):
        settings = Settings(data_dir=tmp_path / "shared").model_copy(update=server)
        with pytest.raises(Misconfigured, match="TICKETING_SECRET_KEY is not set"):
            resolve(settings)
    secrets = set()
    for name in ("one", "two"):
        secret = resolve(Settings(data_dir=tmp_path / name)).secret_key
        assert secret is not None
        secrets.add(secret.get_secret_value())
        assert (tmp_path / name / "secret.key").stat().st_mode & 0o077 == 0
    assert len(secrets) == 2
    assert min(map(len, secrets)) >= 32
    assert PIN not in secrets
