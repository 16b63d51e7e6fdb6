"""Where a rehearsal takes place: an instance of its own that is thrown away, or a running one marked for it."""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ticketing.embedded.direct import open_directly
from ticketing.embedded.instance import exists, resolve
from ticketing.embedded.process import Child
from ticketing.embedded.supervisor import url_file
from ticketing.errors import Failure, Misconfigured, StoreUnavailable
from ticketing.settings import Settings

START_SECONDS = 120.0
STOP_SECONDS = 12.0
REQUEST_SECONDS = 10.0
LOG_LINES = 8

# What would make a throw-away instance work on somebody's real servers.
_OF_OTHERS = tuple(
    f"TICKETING_{name}"
    for name in (
        "REDIS_URL",
        "QUEUE_REDIS_URL",
        "DATABASE_URL",
        "SECRET_KEY",
        "PUBLIC_URL",
        "DATA_DIR",
        "REHEARSAL",
    )
)
# One machine plays the whole crowd, which the limit per address is there to stop.
_ONE_ADDRESS = {"TICKETING_LIVE_HOLDS_PER_ADDRESS": "1000000"}

OTHER_INSTANCE = (
    "the settings here are not those of the instance on {}: give its --data-dir, or the environment it was "
    "started with"
)


class SiteFailed(Failure):
    """The instance did not start, or did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Site:
    """An instance to rehearse on, and the settings of its servers."""

    base_url: str
    settings: Settings

    def call(self, method: str, path: str, token: str | None = None, body: object = None) -> Any:
        """One call of the HTTP API; the decoded answer. Raises `SiteFailed` for anything but a yes."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else msgspec.json.encode(body)
        request = urllib.request.Request(f"{self.base_url}{path}", data, headers, method=method)  # noqa: S310
        try:
            with open_directly(request, REQUEST_SECONDS) as response:
                return msgspec.json.decode(response.read())
        except urllib.error.HTTPError as error:
            raise SiteFailed(f"{method} {path} was answered {error.code}: {_detail(error)}") from error
        except (OSError, msgspec.DecodeError) as error:
            raise SiteFailed(f"{method} {path} on {self.base_url} had no answer") from error


@contextmanager
def throw_away(directory: Path) -> Iterator[Site]:
    """An instance with embedded servers in `directory`, stopped at the end. Raises `SiteFailed`."""
    data_dir, log = directory / "instance", directory / "instance.log"
    with own_servers_only():
        command = [sys.executable, "-P", "-m", "ticketing", "up", "--rehearsal", "--port", "0"]
        child = Child("the instance", [*command, "--data-dir", str(data_dir)], _ONE_ADDRESS, output=log)
        child.start()
        try:
            base_url = _wait_until_ready(child, data_dir, log)
            yield Site(base_url, resolve(Settings(data_dir=data_dir, rehearsal=True)))
        finally:
            child.ask_to_stop()
            child.wait(time.monotonic() + STOP_SECONDS)


def running(base_url: str, settings: Settings) -> Site:
    """A running instance, when it is marked as a rehearsal. Any other raises `Misconfigured`: it sells real tickets."""
    if not exists(settings):
        raise Misconfigured(OTHER_INSTANCE.format(base_url))
    site = Site(base_url.rstrip("/"), resolve(settings))
    try:
        state = site.call("GET", "/readyz")
    except SiteFailed as error:
        raise StoreUnavailable(f"no instance is ready on {base_url}") from error
    if not state.get("rehearsal"):
        raise Misconfigured(
            f"{base_url} is not marked as a rehearsal and would sell real tickets; start it with "
            "`ticketing up --rehearsal`, or leave out --base-url for a throw-away instance"
        )
    return site


def _wait_until_ready(child: Child, data_dir: Path, log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    address = url_file(data_dir)
    while time.monotonic() < deadline and child.pid is not None:
        if address.exists() and (base_url := address.read_text()):
            return base_url
        time.sleep(0.1)
    raise SiteFailed(f"the throw-away instance did not start: {tail(log)}")


def tail(log: Path) -> str:
    """The last lines of a log, in one."""
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-LOG_LINES:])


@contextmanager
def own_servers_only() -> Iterator[None]:
    """Keep the environment's servers and secrets out of what is started inside: it is to be thrown away."""
    aside = {name: os.environ.pop(name) for name in _foreign(os.environ)}
    try:
        yield
    finally:
        os.environ.update(aside)


def _foreign(environment: Mapping[str, str]) -> list[str]:
    return [name for name in environment if name.upper() in _OF_OTHERS]


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        problem = msgspec.json.decode(error.read())
        return str(problem.get("detail") or problem.get("code"))
    except (OSError, msgspec.DecodeError, AttributeError):
        return error.reason
