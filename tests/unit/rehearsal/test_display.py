"""Goal: a person sees the sale move, with a terminal and without one.

Method: a console that writes to memory, told once to be a terminal and once not.
"""

import io
import re

import pytest
from rich.console import Console

from ticketing.rehearsal.crowd import Snapshot, processes_for, total
from ticketing.rehearsal.display import Display

NOW = Snapshot(900, 30, 40, 1, {"sold_out": 7, "rate_limited": 2}, 12.0, 0.3, finished=False)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_sale_is_shown(terminal: bool) -> None:
    out = io.StringIO()
    display = Display(Console(file=out, force_terminal=terminal, width=100))
    with display.sale(stock=50, cards=200) as sale:
        sale.show(NOW, 50)
        sale.show(NOW, 60)
    assert "30/50" in out.getvalue() or "30/60" in out.getvalue()


def test_without_a_terminal_a_line_is_one_line() -> None:
    out = io.StringIO()
    with Display(Console(file=out, width=40)).sale(stock=50, cards=200) as sale:
        sale.show(NOW, 50)
        sale.show(NOW, 50)
    assert out.getvalue() == "30/50 tickets, 40 cards, 0 requests/s, p95 12 ms, 9 refusals, 1 errors\n"


def test_steps_say_how_long_they_took() -> None:
    out = io.StringIO()
    display = Display(Console(file=out, width=100))
    with display.step("make ready"):
        pass
    with display.counting("make members", 20) as progress:
        progress(20)
    assert re.search(r"✓ make ready \d+\.\d s", out.getvalue())
    assert re.search(r"✓ make members: 20 \d+\.\d s", out.getvalue())


def test_processes_are_added_up() -> None:
    both = total([NOW, Snapshot(100, 5, 10, 0, {"sold_out": 3}, 30.0, 0.9, finished=True)])
    assert (both.requests, both.tickets, both.cards, both.errors) == (1_000, 35, 50, 1)
    assert both.refused == {"sold_out": 10, "rate_limited": 2}
    assert (both.p95, both.cpu_share, both.finished) == (30.0, 0.9, False)


def test_no_more_processes_than_people() -> None:
    assert processes_for(1) == 1
