"""People at work: members who book with keys of their own, and clerks who hand out. They never give up in doubt."""

import random
import threading
import time
from collections.abc import Callable
from queue import Empty, Queue
from typing import TYPE_CHECKING

from tests.faults.records import Booking, HandOver, Records
from tests.support.calls import Answer, Client, Request, Unanswered

if TYPE_CHECKING:
    from tests.faults.world import World

MEMBERS_AT_WORK = 8
ANSWER_SECONDS_MAX = 120.0
"""How long a client asks again; one that was never answered is a violation."""

REQUEST_SECONDS = 4.0
_PAUSE_SECONDS = 0.1
THINKING_SECONDS = 0.08
PLENTY, SCARCE = 1, 2
"""The quotas: one that is never sold out, and one that everybody wants."""


class NeverAnswered(Exception):
    """Two minutes of asking were not enough."""


class Crowd:
    """Threads that work between `play` and `rest`; use as a context manager."""

    def __init__(
        self, world: "World", records: Records, seed: int, thinking: float = THINKING_SECONDS
    ) -> None:
        self.world = world
        self._thinking = thinking
        self.records = records
        self.unanswered: list[str] = []
        self.to_hand_out: Queue[Booking] = Queue()
        self._playing = threading.Event()
        self._over = threading.Event()
        self._busy = 0
        self._lock = threading.Lock()
        workers: list[Callable[[Client, random.Random, int], None]] = [self._book] * MEMBERS_AT_WORK
        workers.append(self._hand_out)
        self._threads = [
            threading.Thread(target=self._work, args=(act, number, seed), daemon=True)
            for number, act in enumerate(workers)
        ]

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._playing.set()
        for thread in self._threads:
            thread.join(REQUEST_SECONDS + 1)

    def play(self) -> None:
        """Let everybody work."""
        self._playing.set()

    def rest(self) -> None:
        """Nobody begins anything new; `is_idle` says when what was begun is done."""
        self._playing.clear()

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer."""
        with self._lock:
            return self._busy == 0

    def _work(self, act: Callable[[Client, random.Random, int], None], number: int, seed: int) -> None:
        dice = random.Random(f"{seed}/{number}")
        client = Client(self.world.address, REQUEST_SECONDS)
        while not self._over.is_set():
            self._playing.wait()
            with self._lock:
                if not self._playing.is_set():
                    continue
                self._busy += 1
            try:
                act(client, dice, number)
            except NeverAnswered as error:
                self.unanswered.append(str(error))
            finally:
                with self._lock:
                    self._busy -= 1
            time.sleep(dice.random() * self._thinking)
        client.close()

    # A member

    def _book(self, client: Client, dice: random.Random, number: int) -> None:
        buyers = self.world.buyers[number::MEMBERS_AT_WORK]
        buyer = dice.choice(buyers)
        quota = SCARCE if dice.random() < 0.3 else PLENTY
        booking = Booking(
            buyer.member, f"{number}-{dice.getrandbits(64):016x}", {quota: dice.choice((1, 1, 2))}
        )
        self.records.bookings.append(booking)
        _Visit(self, client, dice, booking, buyer.token).book()

    # A clerk

    def _hand_out(self, client: Client, dice: random.Random, number: int) -> None:
        try:
            booking = self.to_hand_out.get(timeout=0.1)
        except Empty:
            return
        assert booking.order is not None
        wish = {"order_id": booking.order["id"], "desk": "desk 1"}
        answer = self._pick_up(
            client, booking, Request(_PICKUPS, self.world.clerk, wish, f"first-{booking.key}")
        )
        if answer.status == 200:
            self._note_hand_over(booking, answer)
        if dice.random() < 0.3:
            self._try_twice(client, booking, wish)

    def _try_twice(self, client: Client, booking: Booking, wish: dict[str, str]) -> None:
        answer = self._pick_up(
            client, booking, Request(_PICKUPS, self.world.clerk, wish, f"second-{booking.key}")
        )
        if answer.status == 200:
            self._note_hand_over(booking, answer)

    def _note_hand_over(self, booking: Booking, answer: Answer) -> None:
        assert booking.order is not None
        taken = HandOver(booking.order["id"], answer.json()["collected"], time.monotonic())
        self.records.hand_overs.append(taken)

    def _pick_up(self, client: Client, booking: Booking, request: Request) -> Answer:
        answer = self.ask(client, booking, f"pickup {request.key}", request)
        if answer.status != 200:
            self.records.count(self.records.refusals, f"pickup: {answer.code}")
        return answer

    # Anybody

    def ask(self, client: Client, booking: Booking, what: str, request: Request) -> Answer:
        """Ask until there is an answer, with the same key."""
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while True:
            try:
                answer = client.send(request)
            except Unanswered as doubt:
                booking.note(what, str(doubt))
                self.records.count(self.records.doubts, str(doubt))
                if time.monotonic() > deadline or self._over.is_set():
                    raise NeverAnswered(f"{what} of {booking}") from doubt
                time.sleep(_PAUSE_SECONDS)
                continue
            booking.note(what, answer)
            if answer.status >= 300 and not (answer.status == 409 and answer.code in _REFUSALS):
                booking.wrong.append(f"{what} was answered {answer.status} {answer.code}")
            return answer


class _Visit:
    """One booking from its hold to its end."""

    def __init__(
        self, crowd: Crowd, client: Client, dice: random.Random, booking: Booking, token: str
    ) -> None:
        self._crowd = crowd
        self._client = client
        self._dice = dice
        self._booking = booking
        self._token = token

    def book(self) -> None:
        """Hold, and then what the dice say."""
        booking, world = self._booking, self._crowd.world
        items = [{"quota_id": f"{world.event}-{quota}", "quantity": n} for quota, n in booking.items.items()]
        wish = Request(f"/api/v1/events/{world.event}/holds", self._token, {"items": items}, booking.key)
        answer = self._ask("hold", wish)
        if answer.status != 201:
            booking.refused = answer.code
            return
        booking.held(answer)
        if self._dice.random() < 0.1:
            again = self._ask("hold", wish)
            if again.status != 201:
                booking.void_at.append(booking.held_at)  # what it held is somebody else's by now
                return
            booking.held(again)
        end = self._dice.random()
        if end < 0.04:
            return  # its member has put the telephone away
        if end < 0.12:
            self._release()
        else:
            self._confirm()

    def _release(self) -> None:
        answer = self._ask("release", Request(self._path("holds"), self._token, method="DELETE"))
        self._booking.released = answer.status == 204
        if answer.status != 204:
            self._booking.wrong.append("a hold could not be released")

    def _confirm(self) -> None:
        booking, records = self._booking, self._crowd.records
        wish = Request(self._path("holds") + "/confirm", self._token, {"payment": {"method": "free"}})
        answer = self._ask("confirm", wish)
        if answer.status != 200:
            booking.refused = answer.code
            return
        booking.order = answer.json()
        records.confirmed()
        then = self._dice.random()
        if then < 0.1:
            self._ask("confirm", wish)
        elif then < 0.25:
            self._cancel()
        elif then < 0.4:
            self._crowd.to_hand_out.put(booking)

    def _cancel(self) -> None:
        answer = self._ask("cancel", Request(self._path("orders") + "/cancel", self._token, {}))
        if answer.status != 200:
            self._booking.wrong.append("an order could not be cancelled")
            return
        self._booking.cancelled_at = time.monotonic()
        self._booking.cancelled = {
            ticket["code"] for ticket in answer.json()["tickets"] if ticket["status"] == "void"
        }

    def _path(self, what: str) -> str:
        assert self._booking.hold is not None
        return f"/api/v1/{what}/{self._booking.hold['id']}"

    def _ask(self, what: str, request: Request) -> Answer:
        answer = self._crowd.ask(self._client, self._booking, what, request)
        if answer.status >= 400:
            self._crowd.records.count(self._crowd.records.refusals, f"{what}: {answer.code}")
        return answer


_PICKUPS = "/api/v1/desk/pickups"
_REFUSALS = {"sold_out", "card_limit_exceeded", "hold_expired", "already_collected"}
"""What may be refused in this sale; anything else is a violation."""
