"""Goal: the real crowd and the judge together find out a shop that cheats, and pass one that does not.

Method: Locust as `ticketing rush` starts it, in a process of its own, against a small shop that can be
given each of the classic faults; then the judge as a process, on the records and the shop's books. The
honest shop is the positive control: people who tap twice, hang up and come back must not look like a loss.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtests.books import Books, Order, QuotaCounts, Ticket
from loadtests.plan import BOOKS, PLAN, SESSIONS, Crowd, Plan, Quota
from loadtests.records import CONFIRM, HOLD, RELEASE, read_records
from loadtests.snapshot import read_snapshots
from tests.loadtests.shop import EVENT, QUOTA, Fault, Shop, open_shop

ROOT = Path(__file__).parents[2]
CARDS, CAPACITY, LIMIT = 60, 30, 2

HABITS = Crowd(
    wants={1: 0.2, 2: 0.6, 3: 0.2},
    looks_only=0.05,
    comes_early=0.5,
    double_taps=0.4,
    hangs_up=0.3,
    walks_away=0.0,
    releases=0.0,
    comes_again=0.4,
    pause=(0.0, 0.02),
)

pytestmark = pytest.mark.slow


def plan(base_url: str, opens_at: float, seconds_max: int = 60) -> Plan:
    return Plan(
        scenario="small",
        title="小型演练",
        base_url=base_url,
        event_id=EVENT,
        opens_at=int(opens_at * 1000),
        quotas=(Quota(QUOTA, "上午", CAPACITY),),
        per_card_limit=LIMIT,
        payment_method="free",
        hold_seconds=300,
        raised=False,
        cards=CARDS,
        users=15,
        processes=1,
        seconds_max=seconds_max,
        seed=7,
        crowd=HABITS,
    )


def send_crowd(directory: Path, scene: Plan) -> None:
    (directory / PLAN).write_bytes(msgspec.json.encode(scene))
    (directory / SESSIONS).write_text("".join(f"{number}\ttoken-{number}\n" for number in range(2 * CARDS)))
    options = ["--headless", "--only-summary", "--users", "15", "--spawn-rate", "100", "--stop-timeout", "1"]
    subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), *options),
            *("--run-dir", str(directory), "--exit-code-on-error", "0"),
        ],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=120,
    )


def write_books(directory: Path, shop: Shop) -> None:
    def order(made: dict[str, Any]) -> Order:
        tickets = tuple(Ticket(ticket["code"], QUOTA, "issued") for ticket in made["tickets"])
        return Order(made["id"], made["member"], "confirmed", tickets)

    sold = sum(len(made["tickets"]) for made in shop.orders.values())
    counts = {QUOTA: QuotaCounts(CAPACITY, 0, 0, sold)}
    books = Books(counts, tuple(map(order, shop.orders.values())), backlog=0, drain_seconds=0.1)
    (directory / BOOKS).write_bytes(msgspec.json.encode(books))


def judged(directory: Path) -> dict[str, Any]:
    judge = subprocess.run(
        [sys.executable, "-m", "loadtests", str(directory)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    judgement: dict[str, Any] = msgspec.json.decode(judge.stdout)
    return judgement


def rehearse(directory: Path, fault: Fault) -> dict[str, Any]:
    opens_at = time.time() + 3
    shop = Shop(CAPACITY, LIMIT, opens_at, fault)
    with open_shop(shop) as base_url:
        send_crowd(directory, plan(base_url, opens_at))
    write_books(directory, shop)
    return judged(directory)


LOSSES = ("oversold", "over_limit", "lost_orders", "duplicate_orders")


def test_an_honest_shop_passes_and_the_crowd_has_been_a_crowd(tmp_path: Path) -> None:
    judgement = rehearse(tmp_path, Fault.NONE)
    assert judgement["findings"] == []
    figures = judgement["result"]
    assert figures["sold"] == CAPACITY
    assert figures["seconds_to_sell_out"] > 0
    assert figures["cards"] >= CARDS
    # On a busy machine the crowd may gather after the opening.
    assert set(figures["refused"]) - {"sale_not_open"} == {"card_limit_exceeded", "sold_out"}
    assert figures["errors"] == 0
    records = list(read_records(tmp_path))
    assert any(record.replayed for record in records)
    assert any(record.code == "hung_up" for record in records)
    assert {record.verb for record in records} >= {HOLD, CONFIRM}
    assert RELEASE not in {record.verb for record in records}
    assert [(snapshot.finished, snapshot.fault) for snapshot in read_snapshots(tmp_path)] == [(True, "")]
    assert "<svg" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("fault", "loss"),
    [
        (Fault.OVERSELLS, "oversold"),
        (Fault.FORGETS_LIMITS, "over_limit"),
        (Fault.FORGETS_KEYS, "duplicate_orders"),
        (Fault.LOSES_ORDERS, "lost_orders"),
    ],
)
def test_a_cheating_shop_is_found_out(tmp_path: Path, fault: Fault, loss: str) -> None:
    figures = rehearse(tmp_path, fault)["result"]
    assert figures[loss] > 0
    others = {name: figures[name] for name in LOSSES if name != loss and fault is not Fault.FORGETS_KEYS}
    assert not any(others.values())


def test_a_crowd_sent_home_in_the_middle_accuses_nobody(tmp_path: Path) -> None:
    """Orders that were made while their answer was on its way are unknown to the crowd, not unasked for."""
    opens_at = time.time() + 3
    shop = Shop(CAPACITY, LIMIT, opens_at, answers_after=8.0)
    with open_shop(shop) as base_url:
        send_crowd(tmp_path, plan(base_url, opens_at, seconds_max=3))
    write_books(tmp_path, shop)
    judgement = judged(tmp_path)
    assert shop.orders
    assert not any(record.verb == CONFIRM and record.granted for record in read_records(tmp_path))
    assert judgement["findings"] == []
