"""What the attacks are tried on: one running demo, as an operator runs it, and an API process over the real servers."""

import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.support.command import RunningInstance, running
from tests.support.house import House
from ticketing.settings import Settings

_cards = itertools.count(100)


class Site:
    """A running demo, over HTTP. Everything it answers is kept in `heard`."""

    def __init__(self, instance: RunningInstance) -> None:
        self.instance = instance
        self.demo = instance.demo
        self.heard: list[str] = []
        self.http = httpx2.Client(
            base_url=instance.base_url, timeout=30, trust_env=False, event_hooks={"response": [self._hear]}
        )

    def _hear(self, answer: httpx2.Response) -> None:
        answer.read()
        self.heard.append(f"{answer.headers!r} {answer.text}")

    def card(self) -> dict[str, str]:
        """A card that no other test uses."""
        card: dict[str, str] = self.demo["cards"][next(_cards)]
        return card

    def login(self, card: dict[str, str], **headers: str) -> httpx2.Response:
        """Sign a member in."""
        body = {"card_number": card["card_number"], "pin": card["pin"]}
        return self.http.post("/api/v1/sessions", json=body, headers=headers)

    def member(self, card: dict[str, str]) -> dict[str, str]:
        """The header of a member's new session."""
        return {"Authorization": f"Bearer {self.login(card).json()['token']}"}

    def staff(self, username: str) -> dict[str, str]:
        """The header of a new session of one of the demo's accounts."""
        account = next(each for each in self.demo["staff"] if each["username"] == username)
        body = {"username": username, "password": account["password"]}
        answer = self.http.post("/api/v1/staff/sessions", json=body)
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    def event(self, scenario: str = "five-yuan-cinema") -> Any:
        """A campaign of the demo."""
        return next(each for each in self.demo["events"] if each["scenario"] == scenario)

    def hold(self, member: dict[str, str], key: str = "") -> httpx2.Response:
        """Take one ticket of the campaign that is open."""
        event = self.event()
        items = [{"quota_id": event["quotas"][0]["id"], "quantity": 1}]
        headers = member | {"Idempotency-Key": key or uuid.uuid4().hex}
        return self.http.post(f"/api/v1/events/{event['id']}/holds", json={"items": items}, headers=headers)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInstance]:
    with running("demo", tmp_path_factory.mktemp("demo") / "data") as instance:
        yield instance


@pytest.fixture
def site(demo: RunningInstance) -> Iterator[Site]:
    opened = Site(demo)
    yield opened
    opened.http.close()


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    """An API process over both databases, asked through its ASGI application."""
    async with House.open(settings) as opened:
        yield opened


Open = Callable[..., Any]


@pytest.fixture
def opened(settings: Settings) -> Open:
    """One with settings, or a client's address, of its own: `async with` what this makes of them."""
    return lambda address="203.0.113.9", **changes: House.open(
        settings.model_copy(update=changes), address=address
    )
