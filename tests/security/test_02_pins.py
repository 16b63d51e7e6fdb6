"""Security 2: a PIN cannot be read, and guessing it is slow, the same for every card, and locks nobody out for good.

Goal: the database alone gives no PIN away; a guesser is stopped after a few attempts, in parallel too, and learns
nothing about which cards exist.
Method: an API process over the real servers; guess as an attacker would, compare every answer and all work done.
"""

import asyncio
import hashlib
import hmac as hmac_module
import time
from typing import Any

import pytest
from sqlalchemy import event, select

from tests.security.conftest import Open
from tests.support.house import PIN, House
from ticketing.database import reading
from ticketing.keyring import Keyring
from ticketing.members.tables import Card
from ticketing.staff.tables import StaffAccount

KNOWN, BLOCKED, UNKNOWN = "6222000000000001", "6222000000000002", "6222000000000003"
FAR_MORE = {"login_failures_per_card": "1000 per hour", "login_failures_per_address": "1000 per hour"}


async def _guess(house: House, number: str, pin: str) -> Any:
    body = {"card_number": number, "pin": pin}
    return await house.client.post("/api/v1/sessions", json=body)


def _people(house: House) -> None:
    house.add_member(number=KNOWN)
    house.add_member(number=BLOCKED)
    house.services.cards.block(house.claims("staff", 1, "district", role="manager"), BLOCKED, "lost")


async def test_02_what_sql_keeps_of_a_pin_is_no_hash_that_others_can_work_out(house: House) -> None:
    for number in (KNOWN, UNKNOWN):
        house.add_member(number=number)
    with reading(house.services.sessions) as session:
        cards = session.scalars(select(Card)).all()
    assert len({card.pin_digest for card in cards}) == len({card.pin_salt for card in cards}) == 2, (
        "one PIN, salted"
    )
    for card in cards:
        salt, pin = card.pin_salt, PIN.encode()
        tries = [hashlib.sha256(part).digest() for part in (pin, salt + pin, pin + salt)]
        tries += [hmac_module.digest(salt, pin, "sha256"), Keyring.derive("guess").pin_digest(salt, PIN)]
        assert card.pin_digest not in tries
        assert card.pin_digest == house.services.keyring.pin_digest(salt, PIN)


async def test_02_guessing_stops_at_the_limit_in_parallel_too(house: House) -> None:
    house.add_member(number=KNOWN)
    pins = [f"{pin:06}" for pin in range(30)] + [PIN]
    statuses = [
        answer.status_code for answer in await asyncio.gather(*(_guess(house, KNOWN, p) for p in pins))
    ]
    assert statuses.count(429) >= len(pins) - 5
    assert statuses.count(401) + statuses.count(201) <= 5
    assert (await _guess(house, KNOWN, PIN)).status_code == 429, "the right one too"


async def test_02_control_without_the_limit_the_pin_is_found(opened: Open) -> None:
    async with opened(**FAR_MORE) as house:
        house.add_member(number=KNOWN)
        pins = [f"{pin:06}" for pin in range(30)] + [PIN]
        answers = [(await _guess(house, KNOWN, pin)).status_code for pin in pins]
        assert answers[-1] == 201


async def test_02_nobody_is_locked_out_for_good_and_others_are_not_slowed(opened: Open) -> None:
    async with opened(login_failures_per_card="2 per 3 seconds") as house:
        house.add_member(number=KNOWN)
        house.add_member(number=UNKNOWN)
        answers = [await _guess(house, KNOWN, "000000") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
        assert (await _guess(house, UNKNOWN, PIN)).status_code == 201
        wait = int(answers[-1].headers["retry-after"])
        assert 1 <= wait <= 3
        until = time.monotonic() + 30
        while (await _guess(house, KNOWN, PIN)).status_code != 201:
            assert time.monotonic() < until, "its owner never gets in again"
            await asyncio.sleep(0.5)


async def test_02_an_unknown_card_a_wrong_pin_and_a_blocked_card_are_told_alike(opened: Open) -> None:
    async with opened(**FAR_MORE) as house:
        _people(house)
        wrong = [
            await _guess(house, number, pin)
            for number, pin in ((UNKNOWN, PIN), (KNOWN, "000000"), (BLOCKED, PIN), ("12", PIN))
        ]
        bodies = {answer.content for answer in wrong}
        headers = [{k: v for k, v in answer.headers.items() if k != "server-time"} for answer in wrong]
        assert len(bodies) == 1
        assert all(each == headers[0] for each in headers)
        assert [answer.status_code for answer in wrong] == [401] * 4


def _noting(done: list[str], name: str, call: Any) -> Any:
    def noted(*given: Any, **more: Any) -> Any:
        done.append(name)
        return call(*given, **more)

    return noted


async def test_02_and_cost_the_same_work(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same SQL, the same HMACs, the same commands to the counters: nothing to measure from outside."""
    async with opened(**FAR_MORE) as house:
        _people(house)
        done: list[str] = []
        engine = house.services.engine
        event.listen(engine, "before_cursor_execute", lambda *arguments: done.append(arguments[2]))
        connection = house.services.queue_redis.connection_pool.connection_class
        for owner, name in ((Keyring, "pin_digest"), (connection, "send_packed_command")):
            monkeypatch.setattr(owner, name, _noting(done, name, getattr(owner, name)))
        await _guess(house, KNOWN, "999999")  # connections are made, scripts loaded
        works = []
        for number, pin in ((UNKNOWN, PIN), (KNOWN, "000000"), (BLOCKED, PIN)):
            done.clear()
            await _guess(house, number, pin)
            works.append(
                [work for work in done if "session_changes" not in work]
            )  # another thread's second look
        assert works[0] == works[1] == works[2]
        assert works[0].count("pin_digest") == 1


async def test_02_passwords_of_staff_are_argon2id_and_limited_alike(house: House) -> None:
    house.services.staff.add_staff("wang", "clerk", "district")
    with reading(house.services.sessions) as session:
        kept = session.scalars(select(StaffAccount.password_hash)).one()
    assert kept.startswith("$argon2id$")

    async def guess(name: str) -> Any:
        body = {"username": name, "password": "not the password"}
        return await house.client.post("/api/v1/staff/sessions", json=body)

    for name in ("wang", "nobody"):
        assert [(await guess(name)).status_code for _ in range(6)] == [401] * 5 + [429]
