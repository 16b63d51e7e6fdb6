"""Goal: the programs under examples/ do what their first lines say, against an instance as an operator runs it.

Method: `ticketing up` with its own servers, an account and a card made by the command, the examples as processes: the
list of events is read by a token, a list of cards is followed to its refused line, and the receiver verifies what the
worker sends.
"""

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.command import RunningInstance, running, ticketing
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parent.parent / "examples"
CARD, PIN = "6222000000000001", "135790"


def test_the_examples_run(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running("up", data, settings={"TICKETING_WEBHOOK_PRIVATE_ADDRESSES": "true"}) as instance:
        office = _Office(instance, tmp_path)
        event = office.publish()
        token = office.post("/api/v1/staff/tokens", name="list", scopes=["events:read"])["token"]
        listed = _example("list_events.py", TICKETING_URL=instance.base_url, TICKETING_TOKEN=token)
        assert listed.communicate(timeout=30)[0].splitlines() == [f"{event}\topen\t5\t五元看大片"]
        _import_cards(instance, office, tmp_path / "more.csv")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        secret = office.post("/api/v1/staff/webhooks", url=url, events=["order.confirmed"])["secret"]
        receiver = _example("webhook_receiver.py", str(port), WEBHOOK_SECRET=secret)
        try:
            assert wait_for(lambda: _listens(port), 30)
            order = office.buy(event)
            assert receiver.stdout is not None
            told = receiver.stdout.readline()
            assert told.startswith("order.confirmed")
            assert order in told
        finally:
            receiver.kill()
            receiver.communicate()
            office.leave()


def _import_cards(instance: RunningInstance, office: "_Office", cards: Path) -> None:
    cards.write_text(
        "card_number,name,organisation,pin\n6222000000000002,李芳,district,135790\n6222000000000003,张强,nowhere,135790\n"
    )
    token = office.post("/api/v1/staff/tokens", name="cards", scopes=["cards:import"])["token"]
    program = _example("import_cards.py", str(cards), TICKETING_URL=instance.base_url, TICKETING_TOKEN=token)
    *_, state, refused = program.communicate(timeout=60)[0].splitlines()
    assert (state, program.returncode) == ("imported 2 of 2", 1)
    assert refused.startswith("line 3 ")


class _Office:
    """An administrator of a new instance, and one member."""

    def __init__(self, instance: RunningInstance, folder: Path) -> None:
        account = ("admin", "--role", "admin", "--organisation", "district", "--root-name", "区总工会")
        place = ("--data-dir", str(instance.data_dir))
        made = ticketing("staff", "add", *account, *place, "--json")
        cards = folder / "cards.csv"
        cards.write_text(f"card_number,name,organisation,pin\n{CARD},王小明,district,{PIN}\n")
        assert ticketing("cards", "import", str(cards), *place).returncode == 0
        self._http = httpx2.Client(base_url=instance.base_url, timeout=30, trust_env=False)
        password = json.loads(made.stdout)["password"]
        self._staff = self._bearer("/api/v1/staff/sessions", username="admin", password=password)

    def _bearer(self, path: str, **login: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._http.post(path, json=login).json()['token']}"}

    def leave(self) -> None:
        """Give the connections back."""
        self._http.close()

    def post(self, path: str, **wish: Any) -> Any:
        """What an act of the administrator answers."""
        answer = self._http.post(path, json=wish, headers=self._staff)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def publish(self) -> str:
        """An event on sale with five free tickets."""
        now = datetime.now(UTC)
        times = {"opens_at": now - timedelta(hours=1), "closes_at": now + timedelta(days=1)}
        times["starts_at"] = now + timedelta(days=2)
        quotas = [{"name": "上午", "capacity": 5}]
        plan = {name: at.isoformat() for name, at in times.items()}
        event = self.post("/api/v1/staff/events", title="五元看大片", quotas=quotas, **plan)["id"]
        self.post(f"/api/v1/staff/events/{event}/publish")
        return str(event)

    def buy(self, event: str) -> str:
        """An order of the member; its id."""
        member = self._bearer("/api/v1/sessions", card_number=CARD, pin=PIN)
        wish = {"items": [{"quota_id": f"{event}-1", "quantity": 1}]}
        headers = member | {"Idempotency-Key": "k"}
        assert wait_for(lambda: self._http.get(f"/api/v1/events/{event}").status_code == 200, 10)
        hold = self._http.post(f"/api/v1/events/{event}/holds", json=wish, headers=headers).json()["id"]
        confirm = self._http.post(
            f"/api/v1/holds/{hold}/confirm", json={"payment": {"method": "free"}}, headers=member
        )
        return str(confirm.json()["id"])


def _example(name: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    return subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
