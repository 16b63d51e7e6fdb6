"""Goal: a blocked card is heard of within two seconds, whatever else a process waits for.

Method: a running API process, of which one duty hangs, as for a Redis that does not answer, or all threads are
taken; then another process blocks a card. What is written meanwhile is looked for in what hearing does.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import select

from tests.support.house import House
from ticketing.api.housekeeping import Housekeeping
from ticketing.database import reading
from ticketing.errors import StoreUnavailable
from ticketing.members import repository
from ticketing.services import token_rows
from ticketing.services.api_tokens import SCOPES
from ticketing.staff.tables import ApiToken

HEARD_SECONDS = 2.0


@contextmanager
def hanging_board(house: House) -> Iterator[asyncio.Event]:
    """The duty that asks Redis does not return; the event is set once it hangs."""
    hangs, over = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        hangs.set()
        await over.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.front.board, "refresh", hang)
        yield hangs
        over.set()


@contextmanager
def threads_taken(house: House) -> Iterator[asyncio.Event]:
    """As many slow calls as there are threads for them, and more."""
    taken, over = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    for _ in range(64):
        loop.run_in_executor(None, over.wait)
    taken.set()
    try:
        yield taken
    finally:
        over.set()


def block_elsewhere(house: House, member: int) -> None:
    """A block by another process; this one has to hear of it by itself."""
    with house.services.sessions.begin() as session:
        repository.note_change(session, house.services.clock.now_ms(), f"m:{member}", blocked=True)


@pytest.mark.parametrize("trouble", [hanging_board, threads_taken])
async def test_a_block_is_heard_of_in_time(
    quick_house: House, trouble: Callable[[House], AbstractContextManager[asyncio.Event]]
) -> None:
    member = quick_house.add_member()
    claims = quick_house.claims("member", member, "district.east")
    with trouble(quick_house) as begun:
        await asyncio.wait_for(begun.wait(), 5)
        block_elsewhere(quick_house, member)
        await asyncio.sleep(HEARD_SECONDS)
        assert quick_house.front.gate.is_blocked(claims)


async def test_hearing_waits_for_no_write(quick_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    services, housekeeping = quick_house.services, Housekeeping(quick_house.front)
    maker = quick_house.add_staff("maker", "manager")
    wish = {"name": "reporting", "scopes": SCOPES}
    made = await quick_house.client.post("/api/v1/staff/tokens", headers=maker, json=wish)

    def cannot_write(*_: object) -> None:
        raise StoreUnavailable("the write")

    with monkeypatch.context() as patch:
        patch.setattr(token_rows, "note_use", cannot_write)
        assert services.api_tokens.claims(made.json()["token"]) is not None
        await housekeeping.hear_sessions()
        with pytest.raises(StoreUnavailable):  # the control: there was something to write
            await housekeeping.hand_over_logins()
    await housekeeping.hand_over_logins()
    with reading(services.sessions) as session:
        assert session.scalar(select(ApiToken.used_at)) is not None
