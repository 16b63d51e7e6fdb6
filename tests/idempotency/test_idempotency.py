"""Goal: a key has one effect and one answer, byte for byte, however often it is sent and whatever is killed (I4).

Method: a real instance with two API processes; a crowd of threads sends each key one to five times, at once and
after kills of an API process, the worker, Valkey and all of it; then answers, Redis and SQL are compared.
`scripts/idempotency` does the same with ten thousand keys. The controls run the instance with ids made by chance.
"""

from pathlib import Path

import pytest

from tests.idempotency.run import Plan, run
from tests.idempotency.town import PARTS, Town

pytestmark = pytest.mark.slow


def test_a_thousand_keys_have_one_effect_and_one_answer_each(tmp_path: Path) -> None:
    with Town(tmp_path / "data", members=100) as town:
        report = run(town, Plan(bookings=1_000, sales=60, pickups=60, kills=PARTS))
    assert report.faults == []
    assert report.keys > 2_000
    assert report.replayed > report.keys, "keys were sent three times on average"
    assert report.unanswered > 0, "the kills were felt"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_and_so_they_have_over_postgresql(tmp_path: Path, database_url: str) -> None:
    with Town(tmp_path / "data", members=30, settings={"TICKETING_DATABASE_URL": database_url}) as town:
        report = run(town, Plan(bookings=200, sales=30, pickups=30, kills=("worker", "api")))
    assert report.faults == []


BY_CHANCE = """
import secrets
from ticketing.keyring import Keyring
from ticketing.services import desk
hold_id = Keyring.hold_id
Keyring.hold_id = lambda self, *scope: hold_id(self, *scope[:-1], secrets.token_hex(8))
desk.pickup_id = lambda *_: f"p.{secrets.token_hex(12)}"
"""


def test_control_with_ids_made_by_chance_every_repetition_counts(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BY_CHANCE)
    with Town(tmp_path / "data", members=10, settings={"PYTHONPATH": str(tmp_path)}) as town:
        report = run(town, Plan(bookings=40, sales=10, pickups=20, kills=()))
    for what in ("hold", "sale", "pickup", "quota 1"):
        assert any(fault.startswith(what) for fault in report.faults), what
