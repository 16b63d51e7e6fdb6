"""A ticket shop of a few lines that speaks the contract's rush calls, honest or with one fault of the classic ones."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EVENT, QUOTA = "ev", "ev-1"
Answer = tuple[int, dict[str, Any]]


class Fault(StrEnum):
    """What a shop does wrong."""

    NONE = "none"
    OVERSELLS = "oversells"  # does not look whether tickets are left
    FORGETS_LIMITS = "forgets limits"
    FORGETS_KEYS = "forgets keys"  # makes a second hold of a repeated request
    LOSES_ORDERS = "loses orders"  # says yes, and writes every third order nowhere


class Shop:
    """Counts under one lock; `orders` are its books."""

    def __init__(
        self,
        capacity: int,
        limit: int,
        opens_at: float,
        fault: Fault = Fault.NONE,
        answers_after: float = 0.0,
    ) -> None:
        """`answers_after` seconds a confirm that was carried out is answered."""
        self.capacity, self.limit, self.opens_at, self.fault = capacity, limit, opens_at, fault
        self.answers_after = answers_after
        self.taken: Counter[int] = Counter()
        self.holds: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self._by_key: dict[tuple[int, str], str] = {}
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Tickets that are free."""
        return self.capacity - self.taken.total()

    def hold(self, member: int, key: str, quantity: int) -> tuple[Answer, bool]:
        """The answer to a request for tickets, and whether it is a replay."""
        with self._lock:
            known = self._by_key.get((member, key))
            if known and self.fault is not Fault.FORGETS_KEYS:
                return (201, self.holds[known]), True
            refusal = None if known else self._refusal(member, quantity)
            if refusal:
                return refusal, False
            self.taken[member] += quantity
            hold_id = f"{EVENT}.{len(self.holds)}"
            self.holds[hold_id] = _hold(hold_id, quantity)
            self._by_key[member, key] = hold_id
            return (201, self.holds[hold_id]), False

    def confirm(self, member: int, hold_id: str) -> Answer:
        """The order that a hold becomes."""
        with self._lock:
            quantity = self.holds[hold_id]["items"][0]["quantity"]
            codes = [f"{hold_id}-{place}" for place in range(1, quantity + 1)]
            order = {"id": hold_id, "member": member, "tickets": [{"code": code} for code in codes]}
            if self.fault is not Fault.LOSES_ORDERS or len(self.holds) % 3:
                self.orders[hold_id] = order
            return 200, order

    def _refusal(self, member: int, quantity: int) -> Answer | None:
        if datetime.now(UTC).timestamp() < self.opens_at:
            return 409, {"code": "sale_not_open"}
        if self.taken[member] + quantity > self.limit and self.fault is not Fault.FORGETS_LIMITS:
            return 409, {"code": "card_limit_exceeded"}
        if quantity > self.left and self.fault is not Fault.OVERSELLS:
            return 409, {"code": "sold_out", "available": self.left}
        return None


def _hold(hold_id: str, quantity: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "id": hold_id,
        "items": [{"quota_id": QUOTA, "quantity": quantity}],
        "created_at": now.isoformat(),
        "expires_at": (now + timedelta(minutes=5)).isoformat(),
    }


@contextmanager
def open_shop(shop: Shop) -> Iterator[str]:
    """Serve the shop on a free port of this machine; its address."""

    class Desk(_Handler):
        served = shop

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        left = {"available": max(0, self.served.left), "held": 0}
        self._answer((200, {"id": EVENT, "status": "open", "quotas": {QUOTA: left}}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        member = int(self.headers["Authorization"].removeprefix("Bearer token-"))
        if self.path.endswith("/confirm"):
            order = self.served.confirm(member, self.path.split("/")[-2])
            time.sleep(self.served.answers_after)
            with suppress(ConnectionError):  # the client has hung up meanwhile
                self._answer(order)
            return
        key = self.headers["Idempotency-Key"]
        answer, replayed = self.served.hold(member, key, body["items"][0]["quantity"])
        self._answer(answer, {"Idempotent-Replayed": "true"} if replayed else {})

    def _answer(self, answer: Answer, headers: dict[str, str] | None = None) -> None:
        status, body = answer
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, *_: object) -> None:
        """Be quiet."""
