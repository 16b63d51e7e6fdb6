"""A crowd that buys one ticket after the other and keeps what it was told."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

from tests.support.calls import Answer, Client, Request, Unanswered
from tests.support.processes import wait_for

THREADS = 3
PAUSE_SECONDS = 0.1
"""Between two tickets of a thread, so that there are some left when the backup is made."""

PATIENCE_SECONDS = 60.0


class Bought(NamedTuple):
    """An order as it was confirmed, and whose it is."""

    token: str
    order: Any


class Sale:
    """Buys single tickets of one quota, each member some, until told to stop."""

    def __init__(self, address: tuple[str, int], event: str, quota: str, tokens: Sequence[str]) -> None:
        self._address = address
        self._event = event
        self._quota = quota
        self._tokens = itertools.cycle(tokens)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._bought: list[Bought] = []

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Buy meanwhile."""
        threads = [threading.Thread(target=self._work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    @property
    def bought(self) -> list[Bought]:
        """What was confirmed until now."""
        with self._lock:
            return list(self._bought)

    def wait_for(self, more: int) -> None:
        """Until so many more are bought."""
        goal = len(self.bought) + more
        assert wait_for(lambda: len(self.bought) >= goal, PATIENCE_SECONDS), f"{len(self.bought)} of {goal}"

    def buy(self, client: Client) -> Bought | None:
        """One ticket, or None when the member may have no more. Raises `Unanswered`."""
        with self._lock:
            token, number = next(self._tokens), next(self._numbers)
        wish = {"items": [{"quota_id": self._quota, "quantity": 1}]}
        held = client.send(Request(f"/api/v1/events/{self._event}/holds", token, wish, f"key-{number}"))
        if held.status != 201:
            return None
        sold = confirm(client, token, held.json()["id"])
        assert sold.status == 200, sold.body
        return Bought(token, sold.json())

    def _work(self) -> None:
        with closing(Client(self._address)) as client:
            while not self._stop.wait(PAUSE_SECONDS):
                with suppress(Unanswered):
                    bought = self.buy(client)
                    if bought is None:
                        return
                    with self._lock:
                        self._bought.append(bought)


def confirm(client: Client, token: str, hold: str) -> Answer:
    """Turn a hold into an order, to be paid at the desk where it costs something."""
    path = f"/api/v1/holds/{hold}/confirm"
    free = client.send(Request(path, token, {"payment": {"method": "free"}}))
    return free if free.status == 200 else client.send(Request(path, token, {"payment": {"method": "desk"}}))


def _unsigned(order: Any) -> list[Any]:
    """The tickets but for the text of their QR code, which is signed when an order is read."""
    return [ticket | {"qr": ""} for ticket in order["tickets"]]


def faults(address: tuple[str, int], bought: Sequence[Bought]) -> list[str]:
    """Orders that are not there as they were confirmed, and first answers that are not given again."""
    client, found = Client(address), []
    for token, order in bought:
        now = client.send(Request(f"/api/v1/orders/{order['id']}", token, method="GET"))
        again = confirm(client, token, order["id"])
        if now.status != 200 or _unsigned(now.json()) != _unsigned(order):
            found.append(f"{order['id']}: {now.status} {now.body!r}")
        if not again.replayed or again.json() != order:
            found.append(f"{order['id']} again: {again.status} {again.body!r}")
    client.close()
    return found
