"""Sends what webhooks are to be told, in a thread of the worker's.

The messages are rows that the transaction of what they tell has written, so they are the queue, and nothing here can
lose one: a worker takes a row on for a minute before it sends, and whoever finds it after that sends it again. Sending
waits for strangers, so it has threads of its own, each endpoint at most two of them: neither the drain nor another
endpoint ever waits for a receiver.
"""

import random
from collections import Counter
from threading import Event, Thread

import structlog

from ticketing.catalogue import log as catalogue_log
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.hooks import repository as hooks
from ticketing.hooks.kinds import SOLD_OUT
from ticketing.hooks.repository import Due
from ticketing.inventory.keeper import Keeper
from ticketing.services import webhook_outbox
from ticketing.services.vault import Vault
from ticketing.services.webhook_sending import NotDelivered, send
from ticketing.services.webhooks import purpose_of

PAUSES_MS = tuple(
    seconds * 1_000 for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 36_000)
)
"""How long to wait after each failure: a day in all, then it is given up, and shown."""

LEASE_MS = 60_000
AT_ONCE, AT_ONCE_OF_ONE = 16, 2
LOOK_SECONDS = 0.5
SOLD_OUT_LOOKS = 10
PURGE_LOOKS = 1_200

_log = structlog.get_logger(__name__)


class Courier:
    """`look` once, or `run` until told to stop. Any number may run at once, in any number of processes."""

    def __init__(
        self, sessions: Sessions, keeper: Keeper, vault: Vault, clock: ServerClock, *, private_allowed: bool
    ) -> None:
        self._sessions = sessions
        self._keeper = keeper
        self._vault = vault
        self._clock = clock
        self._private_allowed = private_allowed
        self._under_way: dict[Thread, str] = {}
        self._looks = 0

    def run(self, stop: Event) -> None:
        """Look until `stop` is set; what is under way then ends with the process, and is taken over later."""
        while not stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - it outlives every outage of what it looks at
                _log.warning("courier_cannot_look", error=f"{type(error).__name__}: {error}")

    def look(self) -> None:
        """Begin to send what is due, as far as there are hands; now and then look who has sold out, and forget."""
        self._looks += 1
        if self._looks % PURGE_LOOKS == 0:
            with self._sessions.begin() as session:
                hooks.purge(session, self._clock.now_ms())
        with reading(self._sessions) as session:
            if not hooks.is_anybody_listening(session):
                return
        if self._looks % SOLD_OUT_LOOKS == 1:
            self.note_sold_out()
        self._send_due()

    def settle(self) -> None:
        """Wait until nothing is under way."""
        for sending in list(self._under_way):
            sending.join()

    def note_sold_out(self) -> None:
        """Write that events have sold out whose last ticket is sold: Redis knows, and nothing in SQL says so."""
        now = self._clock.now_ms()
        with reading(self._sessions) as session:
            if not webhook_outbox.listeners(session, SOLD_OUT):
                return
            on_sale = catalogue_log.on_sale(session, now)
        for event_id, group_id in on_sale:
            capacity = self._sold_out_at(group_id, event_id)
            if capacity:
                with self._sessions.begin() as session:
                    webhook_outbox.sold_out(session, event_id, capacity, now)

    def _sold_out_at(self, group_id: str, event_id: str) -> int:
        """The event's capacity when every ticket of it is sold, else 0."""
        group = self._keeper.state(group_id)
        state = group.events.get(event_id) if group is not None and group.as_expected else None
        counts = list(state.counts.values()) if state is not None else []
        if any(
            each.sold < each.capacity for each in counts
        ):  # what is kept for the desk is not sold yet either
            return 0
        return sum(each.capacity for each in counts)

    def _send_due(self) -> None:
        self._under_way = {each: of for each, of in self._under_way.items() if each.is_alive()}
        free = AT_ONCE - len(self._under_way)
        if free <= 0:
            return
        now, busy = self._clock.now_ms(), Counter(self._under_way.values())
        full = [endpoint_id for endpoint_id, hands in busy.items() if hands >= AT_ONCE_OF_ONE]
        with reading(self._sessions) as session:
            due = hooks.due(session, now, free, AT_ONCE_OF_ONE, full)
        for each in due:
            if busy[each.endpoint_id] < AT_ONCE_OF_ONE and self._take_on(each, now):
                busy[each.endpoint_id] += 1
                self._begin(each)

    def _begin(self, each: Due) -> None:
        sending = Thread(target=self._send, args=(each,), name=f"courier-{each.id}", daemon=True)
        self._under_way[sending] = each.endpoint_id
        sending.start()

    def _take_on(self, each: Due, now: int) -> bool:
        with self._sessions.begin() as session:
            return hooks.take_on(session, each.id, each.attempts, now + LEASE_MS)

    def _send(self, each: Due) -> None:
        try:
            self._attempt(each)
        except Exception:  # noqa: BLE001 - the row stays, and is tried again when the minute is over
            _log.exception("courier_failed", delivery=each.id)

    def _attempt(self, each: Due) -> None:
        secret = self._vault.open(purpose_of(each.endpoint_id), each.sealed_secret).decode()
        now, allowed = self._clock.now_ms(), self._private_allowed
        try:
            status = send(each.url, secret, each.message_id, each.body, now, private_allowed=allowed)
        except NotDelivered as failed:
            self._note_failed(each, failed)
            return
        with self._sessions.begin() as session:
            hooks.note_delivered(session, each.id, status, self._clock.now_ms())

    def _note_failed(self, each: Due, failed: NotDelivered) -> None:
        next_at = None
        if each.attempts < len(PAUSES_MS):
            pause = PAUSES_MS[each.attempts]
            next_at = self._clock.now_ms() + pause + random.randrange(pause // 10)
        with self._sessions.begin() as session:
            hooks.note_failed(session, each.id, each.attempts + 1, failed.status, str(failed), next_at)
