"""Security 7: nobody keeps tickets from others by holding without buying.

Goal: live holds are limited per member and per client address, a hold cannot be made longer, and who lets holds go
again and again has to pause; and none of it stops anybody else.
Method: an API process over the real servers with low limits; each way of hoarding is tried until it is refused, and
once without the limit, when it works.
"""

from typing import Any

from tests.security.conftest import Open
from tests.support.house import House

LIMITS: dict[str, Any] = {
    "live_holds_per_member": 3,
    "live_holds_per_address": 5,
    "abandoned_holds_max": 2,
    "abandoned_pause_seconds": 60,
}
NO_LIMITS: dict[str, Any] = {
    "live_holds_per_member": 100,
    "live_holds_per_address": 100,
    "abandoned_holds_max": 100,
}


async def _hold(house: House, event: str, member: int, key: str, **headers: str) -> Any:
    items = {"items": [{"quota_id": f"{event}-1", "quantity": 1}]}
    session = house.member(member) | {"idempotency-key": key} | headers
    return await house.client.post(f"/api/v1/events/{event}/holds", json=items, headers=session)


def _members(house: House, count: int) -> list[int]:
    return [house.add_member(number=f"62220000000001{n:02}") for n in range(count)]


async def test_07_a_member_has_so_many_live_holds_and_no_more(opened: Open) -> None:
    async with opened(**LIMITS) as house:
        event = house.publish(50)
        mine, other = _members(house, 2)
        answers = [await _hold(house, event, mine, f"k{n}") for n in range(5)]
        assert [answer.status_code for answer in answers] == [201] * 3 + [429] * 2
        assert answers[-1].json()["code"] == "rate_limited"
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await _hold(house, event, other, "k")).status_code == 201
        assert house.counts(event).held == 4


async def test_07_one_machine_with_many_cards_has_so_many_live_holds(opened: Open) -> None:
    async with opened(**LIMITS) as house:
        event = house.publish(50)
        members = _members(house, 8)
        answers = [await _hold(house, event, member, "k") for member in members]
        assert [answer.status_code for answer in answers] == [201] * 5 + [429] * 3
        spoofed = await _hold(house, event, members[-1], "k", **{"x-forwarded-for": "198.51.100.77"})
        assert spoofed.status_code == 429, "an address of its own choice is believed from nobody"
        held = answers[0].json()["id"]
        confirm = {"payment": {"method": "free"}}
        first = house.member(members[0])
        assert (
            await house.client.post(f"/api/v1/holds/{held}/confirm", json=confirm, headers=first)
        ).status_code == 200
        assert (await _hold(house, event, members[-1], "k")).status_code == 201, "who buys makes room"


async def test_07_another_address_is_not_slowed(opened: Open) -> None:
    """Behind the proxy that is trusted, each client counts for itself."""
    async with opened("10.0.0.1", **LIMITS, trusted_proxies="10.0.0.1") as house:
        event = house.publish(50)
        members = _members(house, 8)
        for member in members[:6]:
            last = await _hold(house, event, member, "k", **{"x-forwarded-for": "203.0.113.5"})
        assert last.status_code == 429
        other = await _hold(house, event, members[7], "k", **{"x-forwarded-for": "203.0.113.6"})
        assert other.status_code == 201


async def test_07_a_hold_cannot_be_made_longer(opened: Open) -> None:
    async with opened(**LIMITS) as house:
        event = house.publish(50)
        (mine,) = _members(house, 1)
        first = (await _hold(house, event, mine, "k")).json()
        for _ in range(3):
            again = await _hold(house, event, mine, "k")
            assert again.json() == first
        seen = (await house.client.get(f"/api/v1/holds/{first['id']}", headers=house.member(mine))).json()
        assert seen["expires_at"] == first["expires_at"]
        for method in ("PUT", "PATCH", "POST"):
            answer = await house.client.request(
                method, f"/api/v1/holds/{first['id']}", headers=house.member(mine)
            )
            assert answer.status_code == 405


async def test_07_who_lets_holds_go_again_and_again_has_to_pause(opened: Open) -> None:
    async with opened(**LIMITS) as house:
        event = house.publish(50)
        mine, other = _members(house, 2)
        for turn in range(2):
            held = (await _hold(house, event, mine, f"k{turn}")).json()
            await house.client.delete(f"/api/v1/holds/{held['id']}", headers=house.member(mine))
        refused = await _hold(house, event, mine, "once more")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await _hold(house, event, other, "k")).status_code == 201


async def test_07_control_without_the_limits_one_takes_all(opened: Open) -> None:
    async with opened(**NO_LIMITS) as house:
        event = house.publish(20)
        (mine,) = _members(house, 1)
        answers = [await _hold(house, event, mine, f"k{n}") for n in range(20)]
        assert {answer.status_code for answer in answers} == {201}
        assert house.counts(event).available == 0
