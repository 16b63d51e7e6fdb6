"""Goal: an id is of one event, member, channel and key and known as ours, and an allowance is the member's.

Method: each is shown with all guards, then with one taken out: a part of the id, the check in it, or the member
behind the card.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from pydantic import SecretStr
from sqlalchemy import func, select, update

from tests.conftest import SECRET
from tests.support.databases import SqliteDatabases
from tests.support.house import House
from tests.support.shop import Shop, card_number
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.inventory.model import Decided, HoldRequest
from ticketing.keyring import Keyring
from ticketing.members.tables import Card
from ticketing.services.desk import Sale
from ticketing.settings import Settings

WITH_AND_WITHOUT = pytest.mark.parametrize("guarded", [True, False])


@pytest.fixture
async def house(redis_url: str, sqlite_databases: SqliteDatabases, tmp_path: Path) -> AsyncIterator[House]:
    settings = Settings(
        data_dir=tmp_path,
        redis_url=redis_url,
        queue_redis_url=redis_url,
        database_url=sqlite_databases.create(),
        secret_key=SecretStr(SECRET),
    )
    async with House.open(settings) as opened:
        yield opened


# What an id is made of

_PLACES = {"member": 1, "channel": 2, "key": 3}


def leave_out(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    """Ids no longer depend on this part of their scope."""
    hold_id, place = Keyring.hold_id, _PLACES[part]

    def poorer(keyring: Keyring, *scope: Any) -> str:
        same = (*scope[:place], 0 if part == "member" else "", *scope[place + 1 :])
        return hold_id(keyring, *same)

    monkeypatch.setattr(Keyring, "hold_id", poorer)
    if part == "channel":  # who sold says as much: it goes too
        monkeypatch.setattr(
            Keyring,
            "desk_hold_id",
            lambda self, event, member, _staff, key: self.hold_id(event, member, "", key),
        )


def sell(shop: Shop, event: str, member: int, key: str) -> Sale | Refusal:
    try:
        return shop.desk.sell(
            shop.clerk, key, card_number(member), event, [(f"{event}-1", 1)], "free", "desk 1"
        )
    except Refusal as refusal:
        return refusal


@WITH_AND_WITHOUT
def test_control_without_the_member_two_who_choose_the_same_key_share_a_hold(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        leave_out(monkeypatch, "member")
    event = shop.sale(9)
    answers = [shop.hold(event, member, (1, 1)) for member in (1, 2)]
    members = [answer.hold.member for answer in answers if isinstance(answer, Decided)]
    assert members == ([1, 2] if guarded else [1, 1])


@WITH_AND_WITHOUT
def test_control_without_the_channel_a_clerks_key_answers_with_a_members_hold(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        leave_out(monkeypatch, "channel")
    event = shop.sale(9)
    held = shop.hold(event, 1, (1, 1), key="1")
    sold = sell(shop, event, 1, "1")
    assert isinstance(held, Decided)
    assert isinstance(sold, Sale)
    assert (sold.order.id != held.hold.id, shop.counts(event).held) == ((True, 1) if guarded else (False, 0))


@WITH_AND_WITHOUT
def test_control_without_the_key_a_second_wish_is_taken_for_the_first(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        leave_out(monkeypatch, "key")
    event = shop.sale(9)
    for key in ("first", "second"):
        assert isinstance(shop.hold(event, 1, (1, 1), key=key), Decided)
    assert shop.counts(event).held == (2 if guarded else 1)


# Whose an id is


@WITH_AND_WITHOUT
async def test_control_without_the_check_in_an_id_nobody_can_tell_a_lost_hold_from_a_made_up_one(
    house: House, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    event = house.publish(5)
    ours = house.services.keyring.hold_id(event, 7, "web", "long ago")
    if not guarded:
        monkeypatch.setattr(Keyring, "owns_hold", lambda *_: True)
    codes = []
    for hold_id in (ours, f"{event}.AAAABBBBCCCCDDDDEEEEFFFF"):
        answer = await house.client.get(f"/api/v1/holds/{hold_id}", headers=house.member(7))
        codes.append(answer.json()["code"])
    assert codes == ["hold_expired", "not_found" if guarded else "hold_expired"]


# Whose an allowance is


class LedgersOfCards:
    """A keeper whose ledgers belong to the newest card of a member."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._keeper = shop.keeper

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._keeper, verb)

    def hold(self, group: str, wish: HoldRequest) -> Any:
        return self._keeper.hold(group, structs.replace(wish, member=self._card_of(wish.member)))

    def confirm(self, group: str, hold_id: str, member: int, *how: str) -> Any:
        return self._keeper.confirm(group, hold_id, self._card_of(member), *how)

    def look_up(self, group: str, hold_id: str) -> Any:
        hold = self._keeper.look_up(group, hold_id)
        return hold and structs.replace(hold, member=1)

    def _card_of(self, member: int) -> int:
        with reading(self._shop.sessions) as session:
            return session.scalar(select(func.max(Card.id)).where(Card.member_id == member)) or 0


@WITH_AND_WITHOUT
def test_control_with_ledgers_of_cards_a_replaced_card_brings_a_new_allowance(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    if not guarded:
        monkeypatch.setattr(shop.desk, "_keeper", LedgersOfCards(shop))
        monkeypatch.setattr(shop.orders, "_keeper", LedgersOfCards(shop))
    event = shop.sale(9, per_card_limit=1)
    assert isinstance(sell(shop, event, 1, "before"), Sale)
    replace_card(shop, 1, card_number(901))
    again = sell(shop, event, 901, "after")
    assert shop.counts(event).sold == (1 if guarded else 2)
    assert isinstance(again, Sale) or again.code is Code.CARD_LIMIT_EXCEEDED


def replace_card(shop: Shop, member: int, number: str) -> None:
    """The member gets a card of another number."""
    with shop.sessions.begin() as session:
        session.execute(update(Card).where(Card.member_id == member).values(status="replaced"))
        session.add(
            Card(
                member_id=member,
                number_digest=shop.keyring.card_digest(number),
                last_four=number[-4:],
                pin_salt=b"salt",
                pin_digest=b"digest",
                created_at=shop.now,
            )
        )
