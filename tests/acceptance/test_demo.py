"""Goal: someone on a fresh machine starts the demo and takes a ticket from login to pickup.

Method: the real `ticketing demo` as a subprocess and a plain HTTP client that knows nothing but the contract
and `demo.json`. The walk follows one ticket; each step's answer is the next one's question.
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support.command import STOP_SECONDS, RunningInstance, running, ticketing

pytestmark = pytest.mark.slow

QUEUE_SECONDS = 10.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInstance]:
    with running("demo", tmp_path_factory.mktemp("demo") / "data") as instance:
        yield instance


@pytest.fixture
def http(demo: RunningInstance) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=demo.base_url, timeout=10, trust_env=False) as client:
        yield client


def _member(http: httpx2.Client, card: dict[str, str]) -> dict[str, str]:
    answer = http.post("/api/v1/sessions", json={"card_number": card["card_number"], "pin": card["pin"]})
    assert answer.status_code == 201, answer.text
    assert card["card_number"] not in answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def _staff(http: httpx2.Client, demo: Any, username: str) -> dict[str, str]:
    account = next(each for each in demo["staff"] if each["username"] == username)
    answer = http.post("/api/v1/staff/sessions", json={"username": username, "password": account["password"]})
    assert answer.status_code == 201, answer.text
    assert answer.json()["role"] == account["role"]
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def _event(demo: Any, status: str) -> Any:
    return next(event for event in demo["events"] if event["status"] == status)


def _key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def _hold(http: httpx2.Client, member: dict[str, str], event: Any, quantity: int) -> httpx2.Response:
    items = [{"quota_id": event["quotas"][0]["id"], "quantity": quantity}]
    return http.post(f"/api/v1/events/{event['id']}/holds", json={"items": items}, headers=member | _key())


def _problem(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


def _recorded(http: httpx2.Client, member: dict[str, str], order_id: str) -> Any:
    """The order once SQL has it."""
    deadline = time.monotonic() + QUEUE_SECONDS
    while True:
        order = http.get(f"/api/v1/orders/{order_id}", headers=member).json()
        if order["recorded_at"] or time.monotonic() > deadline:
            return order
        time.sleep(0.1)


def test_one_ticket_from_login_to_pickup(demo: RunningInstance, http: httpx2.Client) -> None:
    event, card = _event(demo.demo, "open"), demo.demo["cards"][0]
    member = _member(http, card)
    price = event["quotas"][0]["price"]

    hold = _hold(http, member, event, 2)
    assert hold.status_code == 201, hold.text
    hold_id = hold.json()["id"]
    assert (hold.json()["status"], hold.json()["amount"]) == ("held", 2 * price)

    confirm = http.post(
        f"/api/v1/holds/{hold_id}/confirm", json={"payment": {"method": "desk"}}, headers=member
    )
    assert confirm.status_code == 200, confirm.text
    order = confirm.json()
    assert (order["id"], order["payment"]) == (hold_id, {"method": "desk", "status": "due"})
    assert [ticket["status"] for ticket in order["tickets"]] == ["issued", "issued"]
    assert _recorded(http, member, hold_id)["recorded_at"]

    clerk = _staff(http, demo.demo, "clerk")
    swipe = http.post("/api/v1/desk/swipes", json={"card_number": card["card_number"]}, headers=clerk)
    assert swipe.status_code == 200, swipe.text
    assert hold_id in [each["id"] for each in swipe.json()["orders"]]

    pickup = {"order_id": hold_id, "desk": "文化宫 1 号窗口"}
    unpaid = http.post("/api/v1/desk/pickups", json=pickup, headers=clerk | _key())
    assert _problem(unpaid) == (409, "payment_required")
    assert unpaid.json()["amount"] == 2 * price
    paid = http.post(
        "/api/v1/desk/pickups", json=pickup | {"payment": {"method": "cash"}}, headers=clerk | _key()
    )
    assert paid.status_code == 200, paid.text
    assert len(paid.json()["collected"]) == 2

    again = http.post(
        "/api/v1/desk/pickups", json=pickup | {"payment": {"method": "cash"}}, headers=clerk | _key()
    )
    assert _problem(again) == (409, "already_collected")
    assert (again.json()["desk"], again.json()["clerk"]) == ("文化宫 1 号窗口", "clerk")
    done = http.get(f"/api/v1/orders/{hold_id}", headers=member).json()
    assert [ticket["status"] for ticket in done["tickets"]] == ["collected", "collected"]


def test_a_double_tap_takes_once(demo: RunningInstance, http: httpx2.Client) -> None:
    event, member = _event(demo.demo, "open"), _member(http, demo.demo["cards"][1])
    items = {"items": [{"quota_id": event["quotas"][0]["id"], "quantity": 1}]}
    headers = member | _key()
    first, second = (
        http.post(f"/api/v1/events/{event['id']}/holds", json=items, headers=headers) for _ in range(2)
    )
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert second.headers["Idempotent-Replayed"] == "true"


def test_the_three_campaigns_are_what_they_say(demo: RunningInstance, http: httpx2.Client) -> None:
    member = _member(http, demo.demo["cards"][-1])
    listed = {event["id"]: event["status"] for event in http.get("/api/v1/events").json()["events"]}
    assert {listed[event["id"]] for event in demo.demo["events"]} >= {"open", "sold_out"}
    assert _problem(_hold(http, member, _event(demo.demo, "sold_out"), 1)) == (409, "sold_out")
    scheduled = _event(demo.demo, "scheduled")
    if listed[scheduled["id"]] == "scheduled":
        early = _hold(http, member, scheduled, 1)
        assert _problem(early) == (409, "sale_not_open")
        assert early.json()["opens_at"] > early.headers["Date"] or early.json()["opens_at"]
    assert len(demo.demo["cards"]) == 1_000


def test_a_card_never_passes_its_limit(demo: RunningInstance, http: httpx2.Client) -> None:
    event, member = _event(demo.demo, "open"), _member(http, demo.demo["cards"][2])
    assert _hold(http, member, event, 3).status_code == 201
    over = _hold(http, member, event, 1)
    assert _problem(over) == (409, "card_limit_exceeded")
    assert (over.json()["limit"], over.json()["used"]) == (3, 3)


def test_a_sale_across_the_desk(demo: RunningInstance, http: httpx2.Client) -> None:
    event, card = _event(demo.demo, "open"), demo.demo["cards"][3]
    clerk = _staff(http, demo.demo, "clerk")
    sale = {
        "card_number": card["card_number"],
        "event_id": event["id"],
        "items": [{"quota_id": event["quotas"][0]["id"], "quantity": 1}],
        "payment": {"method": "cash"},
        "desk": "服务中心",
    }
    sold = http.post("/api/v1/desk/sales", json=sale, headers=clerk | _key())
    assert sold.status_code == 201, sold.text
    assert [ticket["status"] for ticket in sold.json()["tickets"]] == ["collected"]


def test_staff_raise_a_quota_in_mid_sale(demo: RunningInstance, http: httpx2.Client) -> None:
    event, manager = _event(demo.demo, "open"), _staff(http, demo.demo, "manager")
    quota = event["quotas"][0]
    path = f"/api/v1/staff/events/{event['id']}/quotas/{quota['id']}"
    change = {"capacity": quota["capacity"] + 100, "reason": "加场"}
    assert http.patch(path, json=change, headers=manager).status_code == 200
    stats = http.get(f"/api/v1/staff/events/{event['id']}/stats", headers=manager).json()
    assert str(quota["capacity"] + 100) in str(stats)


def test_the_audit_is_clean_and_the_doctor_content(demo: RunningInstance) -> None:
    audit = ticketing("audit", "--json", "--data-dir", str(demo.data_dir))
    assert audit.returncode == 0, audit.stdout + audit.stderr
    doctor = ticketing("doctor", "--data-dir", str(demo.data_dir))
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr


def test_a_rehearsal_on_it_is_refused(demo: RunningInstance) -> None:
    rush = ticketing("rush", "art-exhibition", "--base-url", demo.base_url, "--data-dir", str(demo.data_dir))
    assert rush.returncode == 2
    assert "not marked as a rehearsal" in rush.stderr


def test_pages_answer_in_chinese_first(http: httpx2.Client) -> None:
    page = http.get("/", follow_redirects=True)
    assert page.status_code == 200
    assert '<html lang="zh' in page.text
    assert "五元看大片" in page.text


def test_a_demo_stops_and_starts_again_on_the_same_data(tmp_path_factory: pytest.TempPathFactory) -> None:
    data_dir = tmp_path_factory.mktemp("again") / "data"
    with running("demo", data_dir) as first:
        cards = first.demo["cards"]
        assert first.stop() < STOP_SECONDS
    with running("demo", data_dir) as second:
        assert second.demo["cards"] == cards
        with httpx2.Client(base_url=second.base_url, trust_env=False) as http:
            _member(http, cards[0])
