"""Goal: an operator mends a recovering sale by one command that says what it did and what a person must look at.

Method: the command line over the servers of a test, on sales of which one is recovering.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from tests.conftest import SECRET
from tests.support.disasters import Story, wipe
from tests.support.shop import Shop
from ticketing.cli import main
from ticketing.orders.tables import Order

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    database_url: str,
    redis_url: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    places = {"DATA_DIR": str(tmp_path), "REDIS_URL": redis_url, "DATABASE_URL": database_url}
    for name, value in (places | {"SECRET_KEY": SECRET}).items():
        monkeypatch.setenv(f"TICKETING_{name}", value)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ticketing", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), *capsys.readouterr()

    return command


def test_of_no_sale_at_all_there_is_nothing_to_rebuild(run: Run) -> None:
    assert run("rebuild", "--all")[:2] == (0, "there is no sale to rebuild\n")


def test_only_what_is_recovering_is_rebuilt(shop: Shop, run: Run) -> None:
    ill, well = Story(shop), Story(shop)
    assert run("rebuild")[:2] == (0, "nothing is recovering; name an event to rebuild it all the same\n")
    wipe(ill)
    assert run("audit")[0] == 1
    code, out, _ = run("rebuild", "--json")
    report = json.loads(out)
    (group,) = report["groups"]
    assert (code, report["ok"]) == (0, True)
    assert (group["group"], group["orders"], group["tickets"], group["brought_back"]) == (ill.event, 3, 5, 0)
    assert run("audit")[0] == 0
    live = shop.keeper.look_up(well.event, well.held.id)
    assert live is not None
    assert live.status.value == "held", "the other sale was left alone"


def test_a_named_or_every_group_is_rebuilt_all_the_same(shop: Shop, run: Run) -> None:
    story = Story(shop)
    code, out, _ = run("rebuild", story.event)
    assert (code, "3 orders and 5 tickets" in out, "1 holds void" in out) == (0, True, True)
    assert run("rebuild", "--all")[1].count("3 orders and 5 tickets") == 1


def test_what_a_person_must_look_at_is_named_and_exit_1(shop: Shop, run: Run) -> None:
    story = Story(shop)
    with shop.sessions.begin() as session:
        session.execute(update(Order).where(Order.id == story.bought[0]).values(created_at=1))
    code, out, _ = run("rebuild", story.event)
    assert code == 1
    assert f"  {story.bought[0]}: SQL and Redis tell it differently; SQL's word stands" in out


def test_an_unknown_event_is_one_plain_line(run: Run) -> None:
    code, out, err = run("rebuild", "nothing")
    assert (code, out) == (1, "")
    assert err.strip().splitlines()[-1] == "ticketing: nothing is no event of this instance"
