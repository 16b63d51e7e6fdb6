"""One person's connection to the site: sends requests, hangs up when asked to, and writes down every answer."""

import hashlib
import time
from datetime import datetime
from typing import Any

import gevent
import msgspec
from locust.contrib.fasthttp import FastHttpSession, FastResponse, LocustUserAgent
from msgspec import Struct

from .plan import Visitor
from .progress import Progress
from .records import BROKEN, CONFIRM, HOLD, HUNG_UP, NO_ANSWER, TIMED_OUT, Recorder, Told

# A refusal is an answer. Locust makes an exception with a transcript of each, which would make the crowd
# the bottleneck of a rush that is nearly all refusals. A server's failure stays an error in its statistics.
LocustUserAgent.valid_response_codes = frozenset((*range(200, 500), 503))


class Problem(Struct):
    """What the crowd reads of a refusal."""

    code: str
    available: int = 0


class HoldBody(Struct):
    """What the crowd reads of a hold."""

    id: str
    created_at: datetime
    expires_at: datetime


class IssuedTicket(Struct):
    """What the crowd reads of a ticket."""

    code: str


class OrderBody(Struct):
    """What the crowd reads of an order."""

    id: str
    tickets: tuple[IssuedTicket, ...]


class Answer(Struct):
    """A request's record, with what a person goes on from: how many were left, how long to wait."""

    told: Told
    body: bytes = b""
    available: int = 0
    retry_after: float | None = None  # seconds


class Phone:
    """A connection with a recorder behind it."""

    def __init__(self, session: FastHttpSession, recorder: Recorder, progress: Progress) -> None:
        # Cookies are not needed, since everybody brings a token, and looking for them costs time.
        session.client.cookiejar = None
        self._session = session
        self._recorder = recorder
        self._progress = progress
        self._confirmed: set[str] = set()

    def ask(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        patience: float | None = None,
        closing: bool = False,
        **facts: Any,
    ) -> Answer:
        """Send one request and record the answer.

        `facts` are what the record keeps (`member`, `key`, `items`, `hold`) and what the request carries
        (`visitor`, `body`). After `patience` seconds the connection is closed, whatever is on its way.
        `closing` is for a second connection beside the first: left idle, the server would close it some
        day at the moment of its next use.
        """
        visitor: Visitor | None = facts.pop("visitor", None)
        body: str | None = facts.pop("body", None)
        headers = _headers(visitor, facts.get("key"), body, closing=closing)
        started = time.perf_counter()
        response: FastResponse | None = None
        try:
            response = self._send(verb, method, path, headers, body, patience)
        finally:
            # Also when the crowd is sent home in the middle of a request: what became of it is unknown.
            ms = (time.perf_counter() - started) * 1000
            member = visitor.member if visitor else None
            answer = read_answer(response, Told(verb, time.time(), ms, NO_ANSWER, member=member, **facts))
            self._keep(answer.told)
        return answer

    def _send(
        self,
        verb: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: str | None,
        patience: float | None,
    ) -> FastResponse | None:
        def send() -> FastResponse:
            return self._session.request(method, path, name=verb, data=body, headers=headers)

        if patience is None:
            return send()
        # Killing the greenlet closes its connection: an answer on its way finds nobody, as with a
        # phone that has lost its signal.
        tap = gevent.spawn(send)
        try:
            tap.join(patience)
            answered: FastResponse | None = tap.value
        finally:
            tap.kill()
        return answered

    def _keep(self, told: Told) -> None:
        # A confirm carries no mark of a replay, so the first answer to an order counts as the sale.
        replayed = told.verb == CONFIRM and told.granted and told.hold in self._confirmed
        if told.verb == CONFIRM and told.granted and told.hold:
            self._confirmed.add(told.hold)
        self._recorder.write(told)
        self._progress.take(told, replayed)


def _headers(visitor: Visitor | None, key: str | None, body: str | None, *, closing: bool) -> dict[str, str]:
    headers = {"Accept": "application/json"}
    if closing:
        headers["Connection"] = "close"
    if visitor:
        headers["Authorization"] = f"Bearer {visitor.token}"
    if key:
        headers["Idempotency-Key"] = key
    if body:
        headers["Content-Type"] = "application/json"
    return headers


def read_answer(response: FastResponse | None, told: Told) -> Answer:
    """Complete the record by what came back: None means that we hung up."""
    if response is None:
        return Answer(_replace(told, code=HUNG_UP))
    if response.status_code == NO_ANSWER:
        timed_out = "timed out" in str(getattr(response, "error", ""))
        return Answer(_replace(told, code=TIMED_OUT if timed_out else BROKEN))
    body = response.content or b""
    try:
        return _read_body(response, body, _replace(told, status=response.status_code))
    except (msgspec.DecodeError, ValueError):
        # An answer that is not of the contract leaves the client as wise as no answer.
        return Answer(_replace(told, status=NO_ANSWER, code=BROKEN))


def _read_body(response: FastResponse, body: bytes, told: Told) -> Answer:
    if told.status >= 400:
        problem = msgspec.json.decode(body, type=Problem)
        wait = response.headers.get("retry-after") if response.headers else None
        return Answer(
            _replace(told, code=problem.code),
            available=problem.available,
            retry_after=float(wait) if isinstance(wait, str) else None,
        )
    if told.verb == HOLD:
        return Answer(_held(response, body, told), body)
    if told.verb == CONFIRM:
        order = msgspec.json.decode(body, type=OrderBody)
        codes = tuple(ticket.code for ticket in order.tickets)
        return Answer(_replace(told, hold=order.id, codes=codes), body)
    return Answer(told, body)


def _held(response: FastResponse, body: bytes, told: Told) -> Told:
    hold = msgspec.json.decode(body, type=HoldBody)
    return _replace(
        told,
        hold=hold.id,
        created_at=round(hold.created_at.timestamp() * 1000),
        expires_at=round(hold.expires_at.timestamp() * 1000),
        replayed=bool(response.headers and response.headers.get("idempotent-replayed")),
        digest=hashlib.blake2b(body, digest_size=6).hexdigest(),
    )


def _replace(told: Told, **changes: Any) -> Told:
    return msgspec.structs.replace(told, **changes)
