"""Events that a test puts on sale in a running demo, by the API, as the manager's own program would."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from tests.support.command import RunningInstance
from tests.support.processes import wait_for
from ticketing.bootstrap import build
from ticketing.embedded.instance import resolve
from ticketing.services.recovery import GAP
from ticketing.settings import Settings

Call = dict[str, Any]


def make_event(
    demo: RunningInstance, *capacities: int, opens_in: float = -60, price: int = 0, **fields: Any
) -> Any:
    """A published event with one quota for each capacity; `opens_in` seconds. More `fields` as the API takes them."""
    now = datetime.now(UTC)
    face_price = fields.pop("face_price", price)
    body = {
        "title": "新片点映",
        "venue": "工人文化宫影院",
        "pickup": "文化宫服务台",
        "starts_at": now + timedelta(days=7),
        "opens_at": now + timedelta(seconds=opens_in),
        "closes_at": now + timedelta(days=6),
        "cancellable_until": now + timedelta(days=5),
        "per_card_limit": 1,
        "quotas": [
            {"name": f"第 {n} 场", "capacity": c, "price": price, "face_price": face_price}
            for n, c in enumerate(capacities, start=1)
        ],
    }
    event = _staff(demo, "POST", "/api/v1/staff/events", body | fields)
    act(demo, event["id"], "publish")
    return event


def act(demo: RunningInstance, event_id: str, verb: str) -> Any:
    """`publish`, `pause`, `resume`, `close` or `cancel` an event."""
    return _staff(demo, "POST", f"/api/v1/staff/events/{event_id}/{verb}", {"reason": "test"})


def change(demo: RunningInstance, event_id: str, changes: Call) -> Any:
    """Change an event by the API."""
    return _staff(demo, "PATCH", f"/api/v1/staff/events/{event_id}", changes)


def card_act(demo: RunningInstance, verb: str, body: Call) -> None:
    """`block` or `replace` a card, as the service centre does."""
    _staff(demo, "POST", f"/api/v1/staff/cards/{verb}", body | {"reason": "lost"})


def recover(demo: RunningInstance, event_id: str) -> None:
    """Let an event's group wait for a rebuild, as after SQL went back."""
    with closing(build(resolve(Settings(data_dir=demo.data_dir)))) as services:
        services.keeper.suspend(event_id, GAP)


def hold_one(demo: RunningInstance, event_id: str, card: Any) -> None:
    """Hold a ticket of the event's first quota for a card."""
    with httpx2.Client(base_url=demo.base_url) as client:
        login = {"card_number": card["card_number"], "pin": card["pin"]}
        token = client.post("/api/v1/sessions", json=login).json()["token"]
        items = [{"quota_id": f"{event_id}-1", "quantity": 1}]
        headers = {"authorization": f"Bearer {token}", "idempotency-key": "last"}
        held = client.post(f"/api/v1/events/{event_id}/holds", json={"items": items}, headers=headers)
        assert held.status_code == 201, held.text


def buy(
    demo: RunningInstance, event: Any, card: Any, quantity: int, method: str = "free", quota: int = 0
) -> Any:
    """An order of a card for tickets of one quota, as the member's own program would make it; its JSON.

    SQL has it by then: a desk can be asked for its number.
    """
    with httpx2.Client(base_url=demo.base_url, timeout=30) as client:
        login = {"card_number": card["card_number"], "pin": card["pin"]}
        token = client.post("/api/v1/sessions", json=login).json()["token"]
        headers = {"authorization": f"Bearer {token}", "idempotency-key": f"buy-{quantity}-{quota}"}
        items = [{"quota_id": event["quotas"][quota]["id"], "quantity": quantity}]
        url = f"/api/v1/events/{event['id']}/holds"
        held = client.post(url, json={"items": items}, headers=headers)
        assert held.status_code == 201, held.text
        paid = {"payment": {"method": method}}
        sold = client.post(f"/api/v1/holds/{held.json()['id']}/confirm", json=paid, headers=headers)
        assert sold.status_code == 200, sold.text
        order = f"/api/v1/orders/{held.json()['id']}"
        assert wait_for(lambda: client.get(order, headers=headers).json()["recorded_at"] is not None, 10)
        return client.get(order, headers=headers).json()


def _staff(demo: RunningInstance, method: str, path: str, body: Call) -> Any:
    manager = next(account for account in demo.demo["staff"] if account["username"] == "manager")
    login = {"username": manager["username"], "password": manager["password"]}
    with httpx2.Client(base_url=demo.base_url, timeout=30) as client:
        token = client.post("/api/v1/staff/sessions", json=login).json()["token"]
        answer = client.request(
            method, path, json=_in_json(body), headers={"authorization": f"Bearer {token}"}
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


def _in_json(body: Call) -> Call:
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in body.items()}
