"""Goal: the judge finds every kind of loss, counts it, and accuses nobody wrongly.

Method: a sound rehearsal passes; then each kind of loss is put into it, alone (the negative controls: a
judge that cannot fail shows nothing), and the judgement must name that kind and no other. Outcomes that the
client does not know must never count as a loss, whichever way they went.
"""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from loadtests.books import Books, Order, QuotaCounts, Ticket
from loadtests.judge import AUDIT, DOUBLED, LOST, OVER_LIMIT, OVERSOLD, Judgement, judge
from loadtests.records import CONFIRM, HOLD, HUNG_UP, NO_ANSWER, RELEASE, TIMED_OUT, Told
from tests.loadtests.rehearsals import (
    EVENING,
    MORNING,
    OPENS_AT,
    books,
    confirm,
    hold,
    order,
    plan,
    refused,
    release,
    told,
)


def judged(records: Sequence[Told], ledger: Books) -> Judgement:
    return judge(plan(), records, ledger)


def kinds(judgement: Judgement) -> dict[str, int]:
    return {kind: judgement.count(kind) for kind in sorted({finding.kind for finding in judgement.findings})}


def with_orders(*orders: Order) -> Books:
    return replace(books(), orders=orders)


def test_a_sound_rehearsal_passes() -> None:
    assert judged(told(), books()).sound


class TestOversold:
    def test_by_what_clients_were_told(self) -> None:
        records = [*told(), hold("d", 4, EVENING, 1), confirm("d", 4, 1)]
        ledger = with_orders(*books().orders, order("d", 4, EVENING))
        assert kinds(judged(records, ledger)) == {OVERSOLD: 1}

    def test_by_redis_alone(self) -> None:
        ledger = replace(books(), quotas={**books().quotas, MORNING: QuotaCounts(4, 0, held=2, sold=4)})
        judgement = judged(told(), ledger)
        assert kinds(judgement) == {OVERSOLD: 2}
        assert "上午" in judgement.findings[0].text

    def test_tickets_kept_back_are_not_for_sale(self) -> None:
        ledger = replace(
            books(), quotas={**books().quotas, MORNING: QuotaCounts(4, withheld=1, held=0, sold=4)}
        )
        assert kinds(judged(told(), ledger)) == {OVERSOLD: 1}

    def test_a_raised_quota_has_room(self) -> None:
        records = [*told(), hold("d", 4, EVENING, 1), confirm("d", 4, 1)]
        ledger = replace(
            with_orders(*books().orders, order("d", 4, EVENING)),
            quotas={**books().quotas, EVENING: QuotaCounts(3, 0, 0, 3)},
        )
        assert judged(records, ledger).sound

    def test_a_void_ticket_takes_no_seat(self) -> None:
        ledger = with_orders(*books().orders, order("d", 4, EVENING, status="void"))
        records = [*told(), confirm("d", 4, 1, status=500, codes=None)]
        assert judged(records, ledger).sound


class TestOverLimit:
    def test_two_orders_of_one_member(self) -> None:
        records = [hold("a", 1, MORNING, 2), confirm("a", 1, 2), hold("b", 1, MORNING, 1), confirm("b", 1, 1)]
        ledger = with_orders(order("a", 1, MORNING, MORNING), order("b", 1, MORNING))
        assert kinds(judged(records, ledger)) == {OVER_LIMIT: 1}

    def test_two_live_holds_at_once(self) -> None:
        records = [*told(), hold("d", 4, EVENING, 2, second=1), hold("e", 4, EVENING, 1, second=5)]
        assert kinds(judged(records, books())) == {OVER_LIMIT: 1}

    def test_a_hold_after_the_first_expired_is_allowed(self) -> None:
        records = [*told(), hold("d", 4, EVENING, 2, second=1), hold("e", 4, EVENING, 2, second=11)]
        assert judged(records, books()).sound

    @pytest.mark.parametrize(("again_at", "found"), [(4.0, {OVER_LIMIT: 2}), (6.0, {})])
    def test_a_hold_is_given_back_when_its_release_is_sent(
        self, again_at: float, found: dict[str, int]
    ) -> None:
        records = [
            *told(),
            hold("d", 4, EVENING, 2),
            release("d", 4, 5.0),
            hold("e", 4, EVENING, 2, second=again_at),
        ]
        assert kinds(judged(records, books())) == found

    def test_a_release_without_an_answer_may_have_worked(self) -> None:
        sent = Told(RELEASE, OPENS_AT / 1000 + 3, 5.0, NO_ANSWER, TIMED_OUT, member=4, hold="d")
        records = [*told(), hold("d", 4, EVENING, 2), sent, hold("e", 4, EVENING, 2, second=4)]
        assert judged(records, books()).sound

    def test_what_only_sql_knows_counts(self) -> None:
        unknown = Told(CONFIRM, OPENS_AT / 1000 + 3, 5.0, NO_ANSWER, TIMED_OUT, member=1, hold="d")
        records = [told()[0], told()[1], unknown]
        ledger = with_orders(order("a", 1, MORNING, MORNING), order("d", 1, EVENING))
        assert kinds(judged(records, ledger)) == {OVER_LIMIT: 1}


class TestLost:
    def test_an_order_missing_in_sql(self) -> None:
        assert kinds(judged(told(), with_orders(*books().orders[1:]))) == {LOST: 1}

    def test_an_order_of_somebody_else(self) -> None:
        first, *others = books().orders
        assert kinds(judged(told(), with_orders(replace(first, member=9), *others))) == {LOST: 1}

    def test_other_tickets_than_told(self) -> None:
        first, *others = books().orders
        changed = replace(first, tickets=(first.tickets[0], Ticket("OTHER-1", MORNING, "issued")))
        assert kinds(judged(told(), with_orders(changed, *others))) == {LOST: 1}

    def test_tickets_of_another_quota(self) -> None:
        first, *others = books().orders
        changed = replace(first, tickets=(first.tickets[0], replace(first.tickets[1], quota_id="ev-3")))
        ledger = replace(
            with_orders(changed, *others), quotas={**books().quotas, "ev-3": QuotaCounts(1, 0, 0, 1)}
        )
        assert kinds(judged(told(), ledger)) == {LOST: 1}

    def test_a_ticket_that_nobody_gave_back_is_void(self) -> None:
        first, *others = books().orders
        assert kinds(
            judged(told(), with_orders(order("a", 1, MORNING, MORNING, status="void"), *others))
        ) == {LOST: 1}
        assert first.id == "a"

    def test_an_unknown_confirm_is_no_loss(self) -> None:
        for status, code in ((NO_ANSWER, TIMED_OUT), (NO_ANSWER, HUNG_UP), (503, "unavailable"), (500, None)):
            unknown = confirm("d", 4, 0, status=status, code=code, codes=None)
            assert judged([*told(), hold("d", 4, EVENING, 1), unknown], books()).sound

    def test_says_when_the_drain_had_not_finished(self) -> None:
        ledger = replace(with_orders(*books().orders[1:]), backlog=7)
        assert "7 log entries" in judged(told(), ledger).findings[0].text


class TestDoubled:
    def test_one_key_with_two_holds(self) -> None:
        records = [
            *told(),
            hold("d", 4, EVENING, 1, key="k", second=1),
            hold("e", 4, EVENING, 1, key="k", second=1),
        ]
        assert kinds(judged(records, books())) == {DOUBLED: 1}

    def test_one_key_with_two_answers(self) -> None:
        records = [*told(), hold("a", 1, MORNING, 2, digest="another body")]
        assert kinds(judged(records, books())) == {DOUBLED: 1}

    def test_a_granted_key_refused_when_repeated(self) -> None:
        repeated = refused(1, "card_limit_exceeded", second=5, key="key-a")
        assert kinds(judged([*told(), repeated], books())) == {DOUBLED: 1}

    @pytest.mark.parametrize(("code", "second"), [("sold_out", 1.0), ("rate_limited", 5.0)])
    def test_a_refusal_decided_before_the_grant_or_before_the_key_is_read(
        self, code: str, second: float
    ) -> None:
        assert judged([*told(), refused(1, code, second=second, key="key-a")], books()).sound

    def test_one_hold_for_two_keys(self) -> None:
        records = [*told(), hold("a", 1, MORNING, 2, key="another")]
        assert kinds(judged(records, books())) == {DOUBLED: 1}

    def test_two_sets_of_tickets_for_one_order(self) -> None:
        records = [*told(), confirm("a", 1, 1)]
        assert kinds(judged(records, books())) == {DOUBLED: 1}

    def test_an_order_nobody_asked_for(self) -> None:
        ledger = replace(
            with_orders(*books().orders, order("x", 9, "ev-3")),
            quotas={**books().quotas, "ev-3": QuotaCounts(1, 0, 0, 1)},
        )
        assert kinds(judged(told(), ledger)) == {DOUBLED: 1}

    def test_an_order_after_a_no(self) -> None:
        no = confirm("d", 4, 0, status=409, code="hold_expired", codes=None)
        ledger = replace(
            with_orders(*books().orders, order("d", 4, "ev-3")),
            quotas={**books().quotas, "ev-3": QuotaCounts(1, 0, 0, 1)},
        )
        assert kinds(judged([*told(), no], ledger)) == {DOUBLED: 1}

    def test_an_order_of_an_unknown_confirm_is_not_doubled(self) -> None:
        records = [
            told()[0],
            told()[1],
            hold("b", 2, MORNING, 2),
            confirm("b", 2, 0, status=NO_ANSWER, codes=None),
        ]
        assert judged(records, with_orders(*books().orders[:2])).sound

    def test_a_ticket_in_two_orders(self) -> None:
        first, second, third = books().orders
        twice = replace(
            second, tickets=(*second.tickets, replace(first.tickets[0], quota_id="ev-3", status="void"))
        )
        assert kinds(judged(told(), with_orders(first, twice, third))) == {DOUBLED: 1}

    def test_an_order_twice_in_sql(self) -> None:
        ledger = with_orders(*books().orders, replace(books().orders[0], tickets=()))
        found = kinds(judged(told(), ledger))
        assert found[DOUBLED] == 1


def test_the_audits_violations_are_findings() -> None:
    ledger = replace(books(), violations=("I1: quota ev-1: held 1, but no live hold",))
    assert kinds(judged(told(), ledger)) == {AUDIT: 1}


def test_a_refusal_takes_nothing() -> None:
    records = [
        *told(),
        *(refused(member, "sold_out") for member in range(100)),
        Told(HOLD, 1.0, 1.0, NO_ANSWER),
    ]
    assert judged(records, books()).sound
