"""Goal: where several errors apply, the first in the contract's order answers.

Method: one hold is asked for with everything wrong at once, about the request and about the world; then one
fault after another is mended, in the contract's order, and each time the next code of the list must answer.
At the end the hold is made. The JSON routes walk the part of the list that concerns a request's form, and a
login that of an address which has failed too often.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from tests.support.house import EVENTS, House
from ticketing.errors import StoreUnavailable
from ticketing.queue.worker import drain_of
from ticketing.settings import Settings

EAST, WEST = "east", "west"
ADDRESS = "203.0.113.9"


class Wish:
    """A request for a hold with everything wrong, in a world where everything is wrong."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.method = "PUT"
        self.headers = {"content-type": "text/plain", "sec-fetch-site": "cross-site"}
        self.body = b"x" * 20_000

    async def spoil_the_world(self) -> None:
        """An event for `west`, one card's limit 2: one seat held by the member, the other sold."""
        house = self.house
        self.member = house.add_member(EAST, "6222000000000001")
        neighbour = house.add_member(WEST, "6222000000000002")
        self.event = house.publish(2, 9, per_card_limit=2, eligible_organisations=(WEST,))
        await house.buy(self.event, house.member(neighbour, WEST))
        used = await house.hold(self.event, house.member(self.member, WEST), key="used")
        self.held = used.json()["id"]
        self.manager = house.claims("staff", 1, "district", role="manager")
        house.services.catalogue.pause(self.manager, self.event)
        house.tell_sessions(self.member, blocked=True)
        self.epoch = house.set_epoch(self.event, "another")
        await house.front.board.refresh()

    async def send(self) -> httpx2.Response:
        """Ask, once this process may have seen what was mended."""
        await asyncio.sleep(0.26)
        url = f"{EVENTS}/{self.event}/holds"
        return await self.house.client.request(self.method, url, headers=self.headers, content=self.body)

    # Mending the request

    def use_post(self) -> None:
        self.method = "POST"

    def shorten(self) -> None:
        self.body = b"{"

    def say_json(self) -> None:
        self.headers["content-type"] = "application/json; charset=utf-8"

    def be_staff(self) -> None:
        self._sign_in(self.house.staff())

    def be_a_member(self) -> None:
        self._sign_in(self.house.member(self.member, EAST))

    def come_from_our_pages(self) -> None:
        self.headers["sec-fetch-site"] = "same-origin"

    def bring_an_endless_key(self) -> None:
        self.headers["idempotency-key"] = "k" * 256

    def bring_a_used_key(self) -> None:
        self.headers["idempotency-key"] = "used"

    def bring_a_fresh_key(self) -> None:
        self.headers["idempotency-key"] = "fresh"

    def ask_for_none_of_an_unknown_quota(self) -> None:
        self._ask_for(quota=5, quantity=0)

    def ask_for_an_unknown_quota(self) -> None:
        self._ask_for(quota=5, quantity=2)

    def ask_for_too_many(self) -> None:
        self._ask_for(quota=1, quantity=2)

    def ask_for_what_is_gone(self) -> None:
        self._ask_for(quota=1, quantity=1)

    def ask_for_what_is_there(self) -> None:
        self._ask_for(quota=2, quantity=1)

    # Mending the world

    def calm_the_address(self) -> None:
        self.house.front.live_holds.drop(ADDRESS, self.held)

    def rebuild(self) -> None:
        self.house.set_epoch(self.event, self.epoch)

    def drain(self) -> None:
        drain_of(self.house.services).run(self.event)

    def unblock(self) -> None:
        self.house.tell_sessions(self.member, blocked=False)

    def resume(self) -> None:
        self.house.services.catalogue.resume(self.manager, self.event)

    def move_west(self) -> None:
        self.house.tell_sessions(self.member, organisation_path=f"district.{WEST}")

    def _sign_in(self, session: dict[str, str]) -> None:
        self.headers["cookie"] = f"member_session={session['authorization'].removeprefix('Bearer ')}"

    def _ask_for(self, quota: int, quantity: int) -> None:
        self.body = f'{{"items":[{{"quota_id":"{self.event}-{quota}","quantity":{quantity}}}]}}'.encode()


Mend = Callable[[Wish], None]
ORDER: list[tuple[str, Mend]] = [
    ("method_not_allowed", Wish.use_post),
    ("body_too_large", Wish.shorten),
    ("unsupported_media_type", Wish.say_json),
    ("rate_limited", Wish.calm_the_address),
    ("unauthenticated", Wish.be_staff),
    ("cross_origin", Wish.come_from_our_pages),
    ("forbidden", Wish.be_a_member),
    ("idempotency_key_missing", Wish.bring_an_endless_key),
    ("malformed_json", Wish.ask_for_none_of_an_unknown_quota),
    ("invalid", Wish.ask_for_an_unknown_quota),
    ("invalid", Wish.bring_a_used_key),
    ("not_found", Wish.ask_for_too_many),
    ("idempotency_key_reused", Wish.bring_a_fresh_key),
    ("recovering", Wish.rebuild),
    ("backlog_full", Wish.drain),
    ("card_blocked", Wish.unblock),
    ("sale_paused", Wish.resume),
    ("not_eligible", Wish.move_west),
    ("card_limit_exceeded", Wish.ask_for_what_is_gone),
    ("sold_out", Wish.ask_for_what_is_there),
]


@pytest.fixture
async def strict_house(quick_settings: Settings) -> AsyncIterator[House]:
    """One live hold an address, and a backlog that is full with three entries."""
    bounds = {"live_holds_per_address": 1, "backlog_max": 3}
    async with House.open(quick_settings.model_copy(update=bounds), ADDRESS) as opened:
        yield opened


async def test_the_first_error_of_the_list_answers(strict_house: House) -> None:
    wish = Wish(strict_house)
    await wish.spoil_the_world()
    for code, mend in ORDER:
        answer = await wish.send()
        assert answer.json()["code"] == code
        assert answer.json()["status"] == answer.status_code
        mend(wish)
    assert (await wish.send()).status_code == 201


async def test_a_json_route_walks_the_same_list(quick_house: House) -> None:
    url, headers, body, method = "/api/v1/desk/pickups", {"content-type": "text/plain"}, b"x" * 300_000, "PUT"
    seen = []

    async def ask() -> None:
        answer = await quick_house.client.request(method, url, headers=headers, content=body)
        seen.append(answer.json()["code"])

    await ask()
    method = "POST"
    await ask()
    body = b"{"
    await ask()
    headers = {
        "content-type": "application/json",
        "cookie": "staff_session=x",
        "origin": "https://evil.example",
    }
    await ask()
    token = quick_house.staff("auditor")["authorization"].removeprefix("Bearer ")
    headers["cookie"] = f"staff_session={token}"
    await ask()
    headers["origin"] = "http://test"
    await ask()
    headers = {"content-type": "application/json"} | quick_house.staff("clerk")
    await ask()
    headers["idempotency-key"] = "k" * 256
    await ask()
    body = b'{"order_id":"x","desk":""}'
    await ask()
    body = b'{"order_id":"x","desk":"1"}'
    await ask()
    headers["idempotency-key"] = "k"
    await ask()
    assert seen == [
        "method_not_allowed",
        "body_too_large",
        "unsupported_media_type",
        "unauthenticated",
        "cross_origin",
        "forbidden",
        "idempotency_key_missing",
        "malformed_json",
        "invalid",
        "invalid",
        "not_found",
    ]


LOGINS = [
    ("/api/v1/sessions", {"card_number": "6222000000000009", "pin": "000000"}),
    ("/api/v1/staff/sessions", {"username": "nobody", "password": "a wrong password"}),
]


@pytest.fixture
async def wary_house(quick_settings: Settings) -> AsyncIterator[House]:
    """One failed login an address."""
    bounds = {"login_failures_per_address": "1 per 5 minutes"}
    async with House.open(quick_settings.model_copy(update=bounds), ADDRESS) as opened:
        yield opened


@pytest.mark.parametrize(("url", "wrong"), LOGINS)
async def test_an_address_that_failed_too_often_is_told_so_whatever_it_sends(
    wary_house: House, url: str, wrong: dict[str, str]
) -> None:
    async def ask(body: bytes, media_type: str = "application/json") -> str:
        headers = {"content-type": media_type}
        return str((await wary_house.client.post(url, headers=headers, content=body)).json()["code"])

    assert await ask(b"{") == "malformed_json"
    assert await ask(b"{}") == "invalid"
    assert (await wary_house.client.post(url, json=wrong)).json()["code"] == "bad_credentials"
    limited = await wary_house.client.post(url, headers={"content-type": "application/json"}, content=b"{")
    assert (limited.status_code, limited.json()["code"]) == (429, "rate_limited")
    assert int(limited.headers["retry-after"]) >= 1
    assert await ask(b"{}") == "rate_limited"
    assert await ask(b"{", "text/plain") == "unsupported_media_type"


async def test_counters_that_are_away_leave_the_body_its_answer(
    wary_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(address: str) -> None:
        raise StoreUnavailable(address)

    monkeypatch.setattr(wary_house.services.accounts, "require_unhurried", away)
    json = {"content-type": "application/json"}
    answer = await wary_house.client.post("/api/v1/sessions", headers=json, content=b"{")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
