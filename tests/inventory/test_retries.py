"""Goal: a command whose answer is lost is not sent again by the client, which cannot know what it did.

Method: a relay in front of the real server that lets a command through and loses its answer. The control gives the
client the retries that it has by default.
"""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.conftest import SECRET
from tests.support.databases import SqliteDatabases
from ticketing import bootstrap
from ticketing.embedded.valkey import EmbeddedValkey
from ticketing.errors import StoreUnavailable
from ticketing.settings import Settings

COUNTED = {("event", "sold_out"): 1}


class Relay:
    """Passes everything on both ways, but hangs up instead of passing the first answer to `loses`."""

    def __init__(self, server: Path, loses: bytes) -> None:
        self._server = server
        self._loses = loses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections, and wait for those there are."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        passing: list[threading.Thread] = []
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                break
            passing.append(threading.Thread(target=self._pass, args=(client,)))
            passing[-1].start()
        for thread in passing:
            thread.join()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(str(self._server))
            while sent := client.recv(65_536):
                server.sendall(sent)
                answer = server.recv(65_536)
                if self._loses in sent:
                    self._loses = b"nothing more"
                    return
                client.sendall(answer)


@pytest.fixture
def relay(valkey: EmbeddedValkey, redis_url: str) -> Iterator[Relay]:
    running = Relay(valkey.socket, loses=b"HINCRBY")
    yield running
    running.close()


@pytest.fixture
def settings(relay: Relay, sqlite_databases: SqliteDatabases, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        redis_url=relay.url,
        database_url=sqlite_databases.create(),
        secret_key=SecretStr(SECRET),
    )


async def test_what_is_not_repeatable_is_not_repeated(settings: Settings) -> None:
    services = bootstrap.build_async(settings)
    with pytest.raises(StoreUnavailable):
        await services.inventory.count_refusals("group", COUNTED)
    assert services.keeper.refusals("group") == COUNTED
    await services.aclose()


async def test_control_with_the_clients_own_retries_it_counts_twice(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "AsyncRetry", lambda *_: Retry(NoBackoff(), 3))
    services = bootstrap.build_async(settings)
    await services.inventory.count_refusals("group", COUNTED)
    assert services.keeper.refusals("group") == {("event", "sold_out"): 2}
    await services.aclose()


@pytest.mark.parametrize("client", ["redis", "async_redis"])
async def test_neither_client_repeats_anything(settings: Settings, client: str) -> None:
    services = bootstrap.build_async(settings)
    assert getattr(services, client).get_retry().get_retries() == 0
    await services.aclose()
