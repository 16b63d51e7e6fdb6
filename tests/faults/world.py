"""A world of its own for every schedule: API, worker, Valkey and SQL as processes, proxies between them, and a sale."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from tests.faults.clients import PLENTY, SCARCE
from tests.faults.clocks import Clocks
from tests.faults.proxy import Network, Proxy, Streams
from tests.faults.servers import POSTGRESQL, PostgresMachine, SqliteFile
from tests.support.command import environment
from tests.support.databases import migrate
from tests.support.processes import wait_for
from ticketing.bootstrap import build
from ticketing.catalogue.model import EventDraft, QuotaDraft
from ticketing.database import reading
from ticketing.embedded.direct import open_directly
from ticketing.embedded.process import Child
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import StoreUnavailable
from ticketing.orders.tables import Return
from ticketing.rehearsal.population import build_tree, populate, sign_sessions, sign_staff
from ticketing.settings import Settings

MEMBERS = 48
STOCK = {PLENTY: 1_000_000, SCARCE: 60}
SCARCE_PER_CARD = 2
READY_SECONDS = 60.0
REBUILD_SECONDS = 300.0
"""For a command on a machine that is very busy; a rebuild of this sale takes a fraction of one."""

HOUR_MS = 3_600_000
SECRET = "a secret that only tests use, and long enough"
_LOOK_SECONDS = 0.05
_AGAIN_SECONDS = 0.25


class Buyer(NamedTuple):
    """A member with a session."""

    member: int
    token: str


class World:
    """Use as a context manager, in the main thread: the processes die with the thread that started them."""

    def __init__(self, folder: Path, database: str, seed: int, tampering: str = "") -> None:
        """`tampering` is code that the API and the worker run before their own: a guard taken out."""
        self.folder = folder
        self.database = database
        self.seed = seed
        self._tampering = tampering
        self.down: set[str] = set()
        """What is left dead when it dies: of `api`, `worker`, `valkey`."""
        self.buyers: list[Buyer] = []
        self.event = self.clerk = ""
        self._stack = ExitStack()
        self._started_at: dict[str, float] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
            self._open_sale()
            assert wait_for(self._is_ready, READY_SECONDS), self.said()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # What there is

    @property
    def address(self) -> tuple[str, int]:
        """Where it answers, whichever process does."""
        host, port = self._listener.getsockname()
        return host, port

    @property
    def proxies(self) -> list[Proxy]:
        """All of them."""
        return [*self.to_valkey.values(), *self.to_sql.values()]

    def pid(self, name: str) -> int:
        """The process that is `api`, `worker` or `valkey`."""
        pid = self.children[name].pid
        assert pid is not None, f"{name} does not run"
        return pid

    def said(self) -> str:
        """What the processes have printed last."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"-- {log.name}\n{log.read_text(errors='replace')[-2_000:]}" for log in logs)

    # What the time brings

    def pass_time(self, seconds: float) -> None:
        """Wait; what dies meanwhile is started again, as a supervisor does."""
        until = time.monotonic() + seconds
        while True:
            self.revive()
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _LOOK_SECONDS))

    def wait_for(self, what: Any, seconds: float) -> bool:
        """Whether it came true within `seconds`; meanwhile time passes."""
        until = time.monotonic() + seconds
        while not what():
            if time.monotonic() > until:
                return False
            self.pass_time(_LOOK_SECONDS)
        return True

    def revive(self) -> None:
        """Start what has died and is not meant to stay dead, not more often than four times a second."""
        for name, child in self.children.items():
            if child.pid is None and name not in self.down:
                now = time.monotonic()
                if now - self._started_at.get(name, 0.0) > _AGAIN_SECONDS:
                    self._started_at[name] = now
                    child.start()

    def kill(self, name: str) -> None:
        """`kill -9`; it is really gone afterwards."""
        child = self.children[name]
        if child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
            assert wait_for(lambda: child.pid is None, 10), name

    def signal(self, name: str, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid(name), number)

    def calm(self) -> None:
        """Nothing disturbs it any longer."""
        for proxy in self.proxies:
            proxy.calm()
        self.clocks.set()
        self.down.clear()

    # What an operator does and sees

    def rebuild(self, *arguments: str) -> dict[str, Any]:
        """`ticketing rebuild`, beside the proxies; what it reports."""
        command = [sys.executable, "-P", "-m", "ticketing", "rebuild", "--json", *arguments]
        try:
            done = subprocess.run(command, env=self.operators(), capture_output=True, timeout=REBUILD_SECONDS)
        except subprocess.TimeoutExpired as late:
            return {"ok": False, "groups": [], "said": str(late)}
        if done.returncode not in (0, 1) or not done.stdout:
            return {"ok": False, "groups": [], "said": done.stderr.decode(errors="replace")}
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def operators(self) -> dict[str, str]:
        """The environment of somebody on the machine of the servers."""
        return self._environment(self.valkey.url, self.sql.url)

    def is_recovering(self) -> bool:
        """Whether the sale waits for a rebuild; unknown counts as no."""
        try:
            return bool(self.services.recovery.recovering())
        except (StoreUnavailable, SQLAlchemyError):
            return False

    def is_whole(self) -> bool:
        """Whether every process runs and the sale is open."""
        if any(child.pid is None for child in self.children.values()):
            return False
        return self.valkey.answers() and not self.is_recovering()

    def _is_ready(self) -> bool:
        try:
            with open_directly("http://{}:{}/readyz".format(*self.address), 2.0):
                return self.is_whole()
        except OSError:
            return False

    def is_settled(self) -> bool:
        """Whether SQL has all of the log, and Redis all that was cancelled."""
        try:
            state = self.services.keeper.state(self.event)
            with reading(self.services.sessions) as session:
                waiting = session.scalar(select(func.count()).where(Return.restocked_at.is_(None)))
        except (StoreUnavailable, SQLAlchemyError):
            return False
        return state is not None and state.backlog == 0 and not waiting and not self.is_recovering()

    # How it is made

    def _start(self) -> None:
        self.folder.mkdir(parents=True)
        self.network = self._stack.enter_context(Network())
        self.clocks = Clocks(self.folder / "clocks", self._tampering)
        self.sql: SqliteFile | PostgresMachine
        is_postgresql = self.database == POSTGRESQL
        self.sql = PostgresMachine() if is_postgresql else SqliteFile(self.folder / "sql.sqlite3")
        self._stack.callback(self.sql.remove)
        self._stack.callback(self.sql.stop)
        self.sql.start()
        migrate(self.sql.url)
        self.valkey = EmbeddedValkey(self.folder)
        self._stack.callback(self.valkey.stop)
        self.valkey.start()
        names = ("api", "worker")
        self.to_valkey = {name: self.network.proxy(self._reach_valkey, self.seed) for name in names}
        sql_too = names if is_postgresql else ()
        self.to_sql = {name: self.network.proxy(self._reach_sql, self.seed) for name in sql_too}
        self._listener = self._stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=256))
        fd = self._listener.fileno()
        self.children = {
            "valkey": self.valkey.child,
            "api": self._child("api", "--fd", str(fd), keep=(fd,)),
            "worker": self.worker("worker"),
        }
        self.services = build(Settings(**self._settings(self.valkey.url, self.sql.url)))
        self._stack.callback(self.services.close)
        for name in ("api", "worker"):
            self.children[name].start()

    def worker(self, name: str) -> Child:
        """A worker that is not started yet."""
        return self._child("worker", name=name)

    def _child(self, verb: str, *options: str, name: str = "", keep: tuple[int, ...] = ()) -> Child:
        command = [sys.executable, "-P", "-m", "ticketing", verb, *options]
        sql = self._through(self.to_sql[verb]) if self.to_sql else self.sql.url
        places = self._environment(f"redis://127.0.0.1:{self.to_valkey[verb].port}", sql)
        log = self.folder / f"{name or verb}.log"
        child = Child(name or verb, command, {**places, **self.clocks.environment}, keep, log)
        self._stack.callback(lambda: child.wait(time.monotonic()))
        return child

    def _through(self, proxy: Proxy) -> str:
        url = make_url(self.sql.url).set(port=proxy.port)
        return url.render_as_string(hide_password=False)

    def _settings(self, redis_url: str, database_url: str) -> dict[str, Any]:
        # One machine is the whole crowd, and each card comes back often.
        return {
            "data_dir": self.folder,
            "redis_url": redis_url,
            "queue_redis_url": redis_url,
            "database_url": database_url,
            "secret_key": SecretStr(SECRET),
            "live_holds_per_address": 1_000_000,
            "live_holds_per_member": 1_000_000,
            "abandoned_holds_max": 1_000_000,
        }

    def _environment(self, redis_url: str, database_url: str) -> dict[str, str]:
        settings = self._settings(redis_url, database_url) | {"secret_key": SECRET}
        told = {f"TICKETING_{name.upper()}": str(value) for name, value in settings.items()}
        return {**environment(), **told}

    async def _reach_valkey(self) -> Streams:
        return await asyncio.open_unix_connection(self.valkey.socket)

    async def _reach_sql(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", make_url(self.sql.url).port)

    def _open_sale(self) -> None:
        services = self.services
        now = services.keeper.now_ms()
        people = populate(
            services.sessions, services.keyring, build_tree(services.sessions), MEMBERS, now, series=1
        )
        self.buyers = [Buyer(member, token) for member, token in sign_sessions(services.signer, people, now)]
        password = services.staff.add_staff("clerk", "clerk", "district")
        self.clerk, _ = services.accounts.login_staff("clerk", password, "203.0.113.1")
        staff, _ = sign_staff(services.signer, now)
        self.event = services.catalogue.create_event(staff, _plan(now))
        services.catalogue.publish(staff, self.event)


def _plan(now: int) -> EventDraft:
    return EventDraft(
        title="五元看大片",
        starts_at=now + 48 * HOUR_MS,
        opens_at=now - 2 * HOUR_MS,
        closes_at=now + 24 * HOUR_MS,
        cancellable_until=now + 24 * HOUR_MS,
        hold_seconds=1_800,
        payment_methods=("free",),
        quotas=(
            QuotaDraft(name="Stalls", capacity=STOCK[PLENTY], price=0),
            QuotaDraft(name="Box", capacity=STOCK[SCARCE], price=0, per_card_limit=SCARCE_PER_CARD),
        ),
    )
