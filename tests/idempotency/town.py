"""A real instance with people who buy, that can be killed in part or whole and comes back on the same address."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import SecretStr

from tests.support.command import RunningInstance, running
from tests.support.processes import is_alive, kill, wait_for
from ticketing.bootstrap import Services, build
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.embedded.direct import open_directly
from ticketing.embedded.instance import resolve
from ticketing.rehearsal.population import Resident, build_tree, populate, sign_sessions, sign_staff
from ticketing.settings import Settings

API_PROCESSES = 2
PARTS = ("api", "valkey-server", "worker", "everything")
"""What can be killed."""

BACK_SECONDS = 60.0
HOUR_MS = 3_600_000
SECRET = "a secret that only tests use, and long enough"
# One machine is the whole crowd here, and each card comes back often.
_CROWD = {
    "TICKETING_LIVE_HOLDS_PER_ADDRESS": "1000000",
    "TICKETING_LIVE_HOLDS_PER_MEMBER": "1000000",
    "TICKETING_SECRET_KEY": SECRET,
}
FREE, ALSO_FREE, PRICED = 1, 2, 3
"""The quotas of the event, by number."""


class Buyer(NamedTuple):
    """A member with a session and a card."""

    token: str
    card_number: str


class Town:
    """`ticketing up` with two API processes; use as a context manager."""

    def __init__(self, data_dir: Path, members: int, settings: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir
        self._members = members
        self._settings = _CROWD | dict(settings or {})
        self._port = _free_port()
        self._stack = ExitStack()
        self.instance: RunningInstance
        self.services: Services
        self.buyers: list[Buyer] = []
        self.clerks: list[str] = []
        self.event = ""

    def __enter__(self) -> Self:
        self._start()
        try:
            self._open()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.services.close()
        self._stack.close()

    @property
    def address(self) -> tuple[str, int]:
        """Where it answers, however often it was started again."""
        return "127.0.0.1", self._port

    def quota(self, number: int) -> str:
        """A quota's public id."""
        return f"{self.event}-{number}"

    def kill(self, what: str) -> None:
        """`kill -9` one `api`, the `worker`, the `valkey-server`, or `everything`; back when it serves again."""
        if what == "everything":
            self.instance.process.kill()
            self.instance.process.wait()
            self._stack.close()
            self._start()
        else:
            victim = self.instance.parts(what)[0]
            kill(victim)
            assert wait_for(lambda: not is_alive(victim), BACK_SECONDS)
        assert wait_for(self._is_whole, BACK_SECONDS), self.instance.said()

    def _is_whole(self) -> bool:
        counts = {"api": API_PROCESSES, "worker": 1, "valkey-server": 1}
        if any(len(self.instance.parts(word)) != count for word, count in counts.items()):
            return False
        try:
            with open_directly(f"{self.instance.base_url}/readyz", 2):
                return True
        except OSError:
            return False

    def _start(self) -> None:
        options = ["--api-processes", str(API_PROCESSES), "--port", str(self._port)]
        self.instance = self._stack.enter_context(
            running("up", self._data_dir, options, settings=self._settings)
        )

    def _open(self) -> None:
        url = self._settings.get("TICKETING_DATABASE_URL")
        own = Settings(data_dir=self._data_dir, database_url=url, secret_key=SecretStr(SECRET))
        self.services = build(resolve(own))
        now = self.services.keeper.now_ms()
        places = build_tree(self.services.sessions)
        people = populate(self.services.sessions, self.services.keyring, places, self._members, now, series=1)
        self.buyers = self._signed_in(people, now)
        self.clerks = [self._clerk(f"clerk-{number}") for number in range(3)]
        staff, _ = sign_staff(self.services.signer, now)
        self.event = self.services.catalogue.create_event(staff, _plan(now))
        self.services.catalogue.publish(staff, self.event)

    def _signed_in(self, people: list[Resident], now: int) -> list[Buyer]:
        tokens = dict(sign_sessions(self.services.signer, people, now))
        return [Buyer(tokens[member], person.card_number) for member, person in people]

    def _clerk(self, username: str) -> str:
        password = self.services.staff.add_staff(username, "clerk", "district")
        return self.services.accounts.login_staff(username, password, "203.0.113.1")[0]


def _plan(now: int) -> EventDraft:
    return EventDraft(
        title="五元看大片",
        starts_at=now + 48 * HOUR_MS,
        opens_at=now - HOUR_MS,
        closes_at=now + 24 * HOUR_MS,
        hold_seconds=1_800,
        payment_methods=("free", "desk"),
        quotas=(
            QuotaDraft(name="Stalls", capacity=900_000, price=0),
            QuotaDraft(name="Circle", capacity=900_000, price=0),
            QuotaDraft(name="Box", capacity=900_000, price=500),
        ),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
