"""`ticketing up`: starts every part of an instance in order, keeps them alive, stops them in order.

The port is bound once, here, and handed to the API processes as a listening socket, so that a
restart of one loses no connection. Nothing here decides or counts tickets.
"""

import os
import shutil
import signal
import socket
import sys
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from ticketing.embedded.direct import open_directly
from ticketing.embedded.files import put_whole
from ticketing.embedded.instance import resolve, upgrade_database
from ticketing.embedded.lock import DirectoryLock
from ticketing.embedded.process import Child
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import Misconfigured
from ticketing.settings import Settings

API_STOP_SECONDS = 4.0
WORKER_STOP_SECONDS = 3.0
UNREADY_SECONDS = 5.0
"""How long the API may serve and not be ready before an operator is told."""

_LISTEN_BACKLOG = 2048
_LOOK_SECONDS = 0.1

Say = Callable[[str], None]
Prepare = Callable[[Settings, str], object]


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` runs: port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 8000
    api_processes: int = 1
    workers: int = 1


class _StopAsked(KeyboardInterrupt):
    """SIGINT, SIGTERM or SIGHUP came while `prepare` was at work. Of this family so that nothing swallows it."""


def supervise(settings: Settings, plan: Plan, say: Say, prepare: Prepare | None = None) -> None:
    """Run the instance until SIGINT, SIGTERM or SIGHUP, then stop all of it within 10 s.

    `prepare` gets the resolved settings and the base URL once the servers run and before the API
    does. Raises `Misconfigured` when the directory or the port is taken, or a server cannot start.
    """
    with (
        _Signals() as signals,
        DirectoryLock(settings.data_dir.absolute()) as lock,
        _listen(plan) as listener,
    ):
        instance = _Instance(settings, plan, _whatever_comes_of_it(say), signals, lock.fd, listener)
        try:
            instance.start(prepare)
            instance.keep_alive()
        except _StopAsked:
            pass
        finally:
            instance.stop()


def _whatever_comes_of_it(say: Say) -> Say:
    """Say it if it can be said: what we print may go to a disk that is full, or to a pipe that nobody reads."""

    def said(text: str) -> None:
        with suppress(OSError):
            say(text)

    return said


def url_file(data_dir: Path) -> Path:
    """The file that holds the instance's base URL while it is ready."""
    return data_dir / "api.url"


class _Instance:
    def __init__(
        self,
        settings: Settings,
        plan: Plan,
        say: Say,
        signals: "_Signals",
        lock_fd: int,
        listener: socket.socket,
    ) -> None:
        self._settings = settings
        self._say = say
        self._signals = signals
        self._data_dir = settings.data_dir.absolute()
        self._base_url = _base_url(listener)
        self._valkey = EmbeddedValkey(self._data_dir, lock_fd) if settings.redis_url is None else None
        environment = self._environment()
        fd = listener.fileno()
        self._apis = [
            Child(f"API process {number}", self._part("api", "--fd", str(fd)), environment, keep_fds=(fd,))
            for number in range(1, plan.api_processes + 1)
        ]
        self._workers = [
            Child(f"worker {number}", self._part("worker"), environment)
            for number in range(1, plan.workers + 1)
        ]

    def start(self, prepare: Prepare | None) -> None:
        """Servers first, then what uses them."""
        url_file(self._data_dir).unlink(missing_ok=True)  # left behind if the one before us was killed
        if self._valkey:
            self._valkey.start(lambda: self._signals.stop_asked)
            self._signals.heed()
        settings = resolve(self._settings)
        upgrade_database(settings)
        if prepare:
            with self._signals.raising():
                prepare(settings, self._base_url)
        for child in (*self._workers, *self._apis):
            child.start()

    def keep_alive(self) -> None:
        """Revive what dies until a signal comes; say once when the API is ready, or that it serves but is not."""
        ready, waits = False, _Wait()
        while not self._signals.stop_asked:
            if self._valkey:
                self._valkey.revive(self._say)
            for child in (*self._workers, *self._apis):
                child.revive(self._say)
            status = 200 if ready else _readiness(self._base_url)
            if not ready and status == 200:
                ready = True
                put_whole(url_file(self._data_dir), self._base_url.encode())
                self._say(f"Ready on {self._base_url} (data in {self._data_dir}); Ctrl-C stops everything")
            elif waits.is_over(serves=status == 503):
                self._say(
                    f"Serving on {self._base_url}, but nothing can be sold: `ticketing doctor` says why, "
                    "and what to do"
                )
            time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """The API first, so that nothing new comes in; the server last, so that all was written."""
        url_file(self._data_dir).unlink(missing_ok=True)
        self._say("Stopping")
        self._stop_all(self._apis, API_STOP_SECONDS)
        self._stop_all(self._workers, WORKER_STOP_SECONDS)
        if self._valkey:
            self._valkey.stop()
        self._say("Stopped")

    def _stop_all(self, children: list[Child], seconds: float) -> None:
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + seconds
        for child in children:
            if not child.wait(deadline):
                self._say(f"{child.name} did not stop within {seconds:g} s and was killed")

    def _part(self, verb: str, *options: str) -> list[str]:
        # -P: a folder called `ticketing` where the user stands is not ours.
        return [sys.executable, "-P", "-m", "ticketing", verb, "--data-dir", str(self._data_dir), *options]

    def _environment(self) -> dict[str, str]:
        metrics = self._data_dir / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir()
        # The metrics of all processes together: each writes files here, whoever is asked reads them all.
        environment = {"PROMETHEUS_MULTIPROC_DIR": str(metrics)}
        if self._settings.rehearsal:
            environment["TICKETING_REHEARSAL"] = "true"
        return environment


class _Signals:
    """Notes that somebody asked us to stop; `raising` makes it interrupt what we wait for."""

    def __init__(self) -> None:
        self.stop_asked = False
        self._raise = False

    def __enter__(self) -> "_Signals":
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def raising(self) -> Iterator[None]:
        """While inside, a signal raises `_StopAsked`."""
        self._raise = True
        try:
            self.heed()
            yield
        finally:
            self._raise = False

    def heed(self) -> None:
        """Raise `_StopAsked` if a signal came."""
        if self.stop_asked:
            raise _StopAsked

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_asked = True
        if self._raise:
            self._raise = False
            raise _StopAsked


@contextmanager
def _listen(plan: Plan) -> Iterator[socket.socket]:
    with ExitStack() as stack:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                plan.host, plan.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = stack.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            raise Misconfigured(
                f"cannot listen on {plan.host} port {plan.port}: {os.strerror(error.errno or 0)}; choose another --port"
            ) from error
        listener.listen(_LISTEN_BACKLOG)
        yield listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Wait:
    """Whether the API has served without being ready for so long that it must be said; true once."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._said = False

    def is_over(self, *, serves: bool) -> bool:
        now = time.monotonic()
        self._since = (self._since or now) if serves else None
        if self._said or self._since is None or now - self._since < UNREADY_SECONDS:
            return False
        self._said = True
        return True


def _readiness(base_url: str) -> int:
    """The status of `/readyz`; 0 when nothing answers."""
    try:
        with open_directly(f"{base_url}/readyz", 1.0) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
