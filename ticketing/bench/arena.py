"""Where the bench takes place: a Valkey that loses nothing, one API process, and one process of the baseline.

No worker runs here, so that what SQL does for an order is measured where it is named: in the rows of the drain.
"""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ticketing import bootstrap
from ticketing.bootstrap import AsyncServices
from ticketing.embedded.direct import open_directly
from ticketing.embedded.instance import resolve, upgrade_database
from ticketing.embedded.process import Child
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import Failure
from ticketing.rehearsal.site import own_servers_only, tail
from ticketing.settings import Settings

START_SECONDS = 30.0
STOP_SECONDS = 5.0

# What protects a sale from a single greedy client would stop the one that plays them all.
_GREEDY = {
    "TICKETING_LIVE_HOLDS_PER_ADDRESS": "100000000",
    "TICKETING_BACKLOG_MAX": "100000000",
}


class ArenaFailed(Failure):
    """A part of the bench did not start, or did not answer as it should."""


@dataclass(frozen=True)
class Arena:
    """Both servers, and services over those of ours."""

    directory: Path
    settings: Settings
    port: int
    empty_port: int

    def services(self) -> AsyncServices:
        """Services for the event loop that runs; whoever asks closes them."""
        return bootstrap.build_async(self.settings)


@contextmanager
def arena(directory: Path, database_url: str | None = None) -> Iterator[Arena]:
    """Start everything in `directory`, and stop it. `database_url`: an empty PostgreSQL; default SQLite."""
    data_dir = directory / "instance"
    data_dir.mkdir(mode=0o700, parents=True)
    with own_servers_only(), ExitStack() as stack:
        valkey = EmbeddedValkey(data_dir)
        valkey.start()
        stack.callback(valkey.stop)
        settings = _settings(data_dir, database_url)
        upgrade_database(settings)
        port, empty_port = (stack.enter_context(_served(directory, *part)) for part in _parts(settings))
        yield Arena(directory, settings, port, empty_port)


@contextmanager
def worker(where: Arena) -> Iterator[None]:
    """A worker beside the arena's API, for as long as the rows need one."""
    command = [sys.executable, "-P", "-m", "ticketing", "worker"]
    with _running(
        Child("the worker", command, _environment(where.settings), output=where.directory / "worker.log")
    ):
        yield


def _settings(data_dir: Path, database_url: str | None) -> Settings:
    greedy = {name.removeprefix("TICKETING_").lower(): int(value) for name, value in _GREEDY.items()}
    settings = resolve(Settings(data_dir=data_dir, **greedy))  # type: ignore[arg-type]
    return settings.model_copy(update={"database_url": database_url}) if database_url else settings


def _environment(settings: Settings) -> dict[str, str]:
    assert settings.secret_key, "the settings are resolved"
    assert settings.redis_url, "the settings are resolved"
    assert settings.database_url, "the settings are resolved"
    return _GREEDY | {
        "TICKETING_DATA_DIR": str(settings.data_dir),
        "TICKETING_REDIS_URL": settings.redis_url,
        "TICKETING_DATABASE_URL": settings.database_url,
        "TICKETING_SECRET_KEY": settings.secret_key.get_secret_value(),
    }


def _parts(settings: Settings) -> tuple[tuple[str, list[str], dict[str, str]], ...]:
    environment = _environment(settings) | {"PROMETHEUS_MULTIPROC_DIR": str(settings.data_dir / "metrics")}
    return (
        ("api", ["ticketing", "api", "--fd"], environment),
        ("empty", ["ticketing.bench.empty"], {}),
    )


@contextmanager
def _served(directory: Path, name: str, module: list[str], environment: dict[str, str]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0), backlog=1_024) as listener:
        listener.set_inheritable(True)
        command = [sys.executable, "-P", "-m", *module, str(listener.fileno())]
        log = directory / f"{name}.log"
        child = Child(name, command, environment, keep_fds=(listener.fileno(),), output=log)
        with _running(child):
            port: int = listener.getsockname()[1]
            _wait_until_ready(
                f"http://127.0.0.1:{port}{'/readyz' if name == 'api' else '/nothing'}", child, log
            )
            yield port


@contextmanager
def _running(child: Child) -> Iterator[None]:
    child.start()
    try:
        yield
    finally:
        child.ask_to_stop()
        child.wait(time.monotonic() + STOP_SECONDS)


def _wait_until_ready(url: str, child: Child, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and child.pid is not None:
        with suppress(OSError), open_directly(url, 1.0):
            return
        time.sleep(0.05)
    raise ArenaFailed(f"{child.name} did not start: {tail(log)}")
