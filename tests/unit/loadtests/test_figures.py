"""Goal: the figures of `rush --json` and the report say what the records say.

Method: the small sound rehearsal, whose numbers can be counted by hand; percentiles against a definition;
the page is parsed, must stand alone, and must show a title with markup in it as text.
"""

from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from loadtests.charts import Series, lines, nice_ceiling, stacked_bars
from loadtests.figures import Result, percentile, result, tally
from loadtests.judge import Finding, Judgement, judge
from loadtests.records import HOLD, HUNG_UP, NO_ANSWER, TIMED_OUT, Told
from loadtests.report import render
from tests.loadtests.rehearsals import EVENING, MORNING, OPENS_AT, books, hold, plan, refused, told

CONTRACT = [
    "scenario",
    "stock",
    "cards",
    "users",
    "requests",
    "sold",
    "refused",
    "errors",
    "seconds_to_sell_out",
    "requests_per_second",
    "holds_per_second",
    "latency_ms",
    "oversold",
    "over_limit",
    "lost_orders",
    "duplicate_orders",
    "drained_orders",
    "drain_seconds",
]


def figures(*more: Told) -> Result:
    records = [*told(), *more]
    return result(plan(), tally(plan(), records), books(), judge(plan(), records, books()))


def test_fields_are_the_contracts() -> None:
    assert list(Result.__struct_fields__) == CONTRACT


def test_counts_of_a_small_rehearsal() -> None:
    found = figures()
    assert (found.stock, found.sold, found.cards, found.requests) == (6, 6, 3, 9)
    assert found.refused == {"sold_out": 1}
    assert (found.oversold, found.over_limit, found.lost_orders, found.duplicate_orders) == (0, 0, 0, 0)
    assert (found.drained_orders, found.drain_seconds) == (3, 0.4)


def test_sold_out_when_the_last_ticket_was_confirmed() -> None:
    assert figures().seconds_to_sell_out == 2.0


def test_never_sold_out_with_a_ticket_left() -> None:
    left = replace(books(), orders=books().orders[:2])
    found = result(plan(), tally(plan(), told()), left, judge(plan(), told(), left))
    assert found.seconds_to_sell_out is None


def test_a_hang_up_of_our_own_is_no_error() -> None:
    at = OPENS_AT / 1000 + 2
    found = figures(Told(HOLD, at, 1.0, NO_ANSWER, HUNG_UP), Told(HOLD, at, 1.0, NO_ANSWER, TIMED_OUT))
    assert found.errors == 1


def test_replays_are_no_further_holds() -> None:
    counted = tally(plan(), told())
    assert len(counted.granted) == 3
    assert counted.replays == 1
    assert sum(second.sold for second in counted.seconds.values()) == 6


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0)])
def test_percentiles_by_nearest_rank(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == value


def test_percentile_of_nothing() -> None:
    assert percentile([], 0.5) == 0.0


@pytest.mark.parametrize(("value", "end"), [(0, 1), (1, 1), (3, 5), (99, 100), (2400, 2500), (0.03, 0.05)])
def test_axes_end_at_round_numbers(value: float, end: float) -> None:
    assert nice_ceiling(value) == pytest.approx(end)


def test_bars_of_one_second_stand_upon_each_other() -> None:
    chart = stacked_bars([Series("a", [(0, 10)]), Series("b", [(0, 10)])], "refusals")
    tops = [float(part.split('"')[0]) for part in chart.split('y="')[1:] if 'class="grid"' not in part]
    assert len(set(tops)) > 1
    assert chart.count("<rect") == 2


def test_charts_of_nothing_are_still_charts() -> None:
    assert "<svg" in lines([Series("none", [])], "ms")


class Reader(HTMLParser):
    """Collects tags with what they would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]


def page(judgement: Judgement, warnings: tuple[str, ...] = ()) -> str:
    return render(plan(), figures(), tally(plan(), told()), judgement, warnings)


def test_the_report_stands_alone() -> None:
    reader = Reader()
    reader.feed(page(Judgement(())))
    assert reader.fetched == []
    assert "script" not in reader.tags
    assert reader.tags.count("svg") == 3
    assert "演练" not in reader.tags


def test_the_report_shows_findings_and_warnings_as_text() -> None:
    html = page(Judgement((Finding("lost", 1, "order <a>"),)), ("the crowd was late",))
    assert "order &lt;a&gt;" in html
    assert "未通过" in html
    assert "the crowd was late" in html


def test_latency_is_taken_by_second_and_verb() -> None:
    counted = tally(
        plan(), [hold("a", 1, MORNING, 1), hold("b", 2, EVENING, 1, second=4), refused(3, "sold_out")]
    )
    assert sorted(counted.seconds) == [1, 3, 4]
    assert counted.latencies[HOLD] == [10.0, 10.0, 4.0]
