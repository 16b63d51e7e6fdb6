"""Goal: an instance that burned down in mid-sale comes back from its backup by the commands of docs/operations.md.

Method: a crowd buys at a real instance; the commands of the page make a backup under it; the crowd goes on; all is
killed and wiped; the commands of the page restore. What was confirmed before the backup began has to be there, ticket
by ticket, first answers are given again, the audit is clean and the sale goes on. With SQLite, and with PostgreSQL.
"""

import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.idempotency.town import FREE, SECRET, Town
from tests.operations.sale import Sale, faults
from tests.support.calls import Client, Request
from tests.support.command import READY_SECONDS, RunningInstance, running
from tests.support.docs import commands, run
from tests.support.postgres import find_binaries
from tests.support.processes import descendants, kill, wait_for

pytestmark = pytest.mark.slow

PAGE = "operations.md"
CARDS = 400


def burn_down(instance: RunningInstance) -> None:
    """`kill -9` of everything at once."""
    for pid in (instance.process.pid, *descendants(instance.process.pid)):
        kill(pid)
    instance.process.wait()


def come_back(places: Mapping[str, str], path: Path | None = None) -> str:
    """What is printed by the commands that put a started instance right."""
    return run(commands(PAGE, "put right"), places, path)


def address_of(instance: RunningInstance) -> tuple[str, int]:
    host, _, port = instance.base_url.removeprefix("http://").partition(":")
    return host, int(port)


def demo_sale(demo: RunningInstance) -> Sale:
    """Members of a demo with sessions of their own, at its open event."""
    client, tokens = Client(address_of(demo)), []
    for card in demo.demo["cards"][:CARDS]:
        wish = {"card_number": card["card_number"], "pin": card["pin"]}
        tokens.append(client.send(Request("/api/v1/sessions", "", wish)).json()["token"])
    client.close()
    event = next(each for each in demo.demo["events"] if each["status"] == "open")
    return Sale(address_of(demo), event["id"], event["quotas"][0]["id"], tokens)


def test_an_embedded_instance(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    places = {"TICKETING_DATA_DIR": str(data), "BACKUP": str(backup)}
    with running("demo", data) as demo:
        sale = demo_sale(demo)
        with sale.going_on():
            sale.wait_for(20)
            before = sale.bought
            assert f"{backup} holds" in run(commands(PAGE, "back up"), places)
            sale.wait_for(15)
        burn_down(demo)
    run(commands(PAGE, "restore"), places)
    shutil.rmtree(f"{data}.broken")
    with running("up", data, until=serves) as restored:
        assert "all counts hold" in come_back(places)
        assert wait_for(restored.is_ready, READY_SECONDS)
        assert faults(address_of(restored), before) == []
        assert any(goes_on(sale, address_of(restored)) for _ in range(CARDS))
        assert "all counts hold" in run("ticketing audit", places)


def goes_on(sale: Sale, address: tuple[str, int]) -> bool:
    """Whether a ticket can be bought; False when this member has had theirs."""
    with closing(Client(address)) as client:
        return sale.buy(client) is not None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_instance_over_postgresql(tmp_path: Path, database_url: str) -> None:
    data, backup, binaries = tmp_path / "data", tmp_path / "backup", find_binaries()[0]
    url = database_url.replace("postgresql+psycopg://", "postgresql://")
    places = {"TICKETING_DATA_DIR": str(data), "BACKUP": str(backup), "TICKETING_DATABASE_URL": url}
    places |= {"TICKETING_SECRET_KEY": SECRET}
    with Town(data, 40, {"TICKETING_DATABASE_URL": url}) as town:
        sale = Sale(town.address, town.event, town.quota(FREE), [buyer.token for buyer in town.buyers])
        with sale.going_on():
            sale.wait_for(20)
            before = sale.bought
            assert "not in it: PostgreSQL" in run(commands(PAGE, "back up"), places)
            run(commands(PAGE, "back up PostgreSQL"), places, binaries)
            sale.wait_for(15)
        burn_down(town.instance)
        town._stack.close()
        wipe(url)
        run(commands(PAGE, "restore"), places)
        run(commands(PAGE, "restore PostgreSQL"), places, binaries)
        shutil.rmtree(f"{data}.broken")
        with running("up", data, settings=places, until=serves) as restored:
            assert "all counts hold" in come_back(places)
            assert wait_for(restored.is_ready, READY_SECONDS)
            assert faults(address_of(restored), before) == []
            assert goes_on(sale, address_of(restored))
            assert "all counts hold" in run("ticketing audit", places)


def serves(instance: RunningInstance) -> bool:
    """Whether it is ready, or has said that it serves and is not."""
    return "nothing can be sold" in instance.said() or instance.is_ready()


def wipe(url: str) -> None:
    """Take everything out of a database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
