"""The numbers of an event as the contract has them."""

from typing import Any

from msgspec import structs

from ticketing.api import schemas
from ticketing.api.views import instant, instant_or_none, sale_status
from ticketing.services.curve import SaleCurve
from ticketing.services.stats import EventStats, UndrainedOrder


def stats_view(stats: EventStats) -> schemas.Stats:
    """The numbers of an event."""
    return schemas.Stats(**_numbers(stats))


def watched_view(stats: EventStats, watching: list[str]) -> schemas.WatchedStats:
    """The same for those who watch, with their names."""
    return schemas.WatchedStats(**_numbers(stats), watching=watching)


def _numbers(stats: EventStats) -> dict[str, Any]:
    waiting = stats.oldest_undrained
    return {
        "event_id": stats.event_id,
        "as_of": instant(stats.as_of),
        "status": sale_status(stats.event, stats.state, stats.as_of) if stats.redis_answers else None,
        "live": stats.live,
        "books_answer": stats.books_answer,
        "quotas": [schemas.QuotaStats(**structs.asdict(quota)) for quota in stats.quotas],
        "refusals": stats.refusals,
        "series": [schemas.SaleSecond(instant(at), orders, tickets) for at, orders, tickets in stats.series],
        "live_holds": stats.live_holds,
        "backlog": stats.backlog,
        "oldest_undrained": _undrained(waiting) if waiting else None,
    }


def _undrained(order: UndrainedOrder) -> schemas.UndrainedOrder:
    return schemas.UndrainedOrder(order.order_id, instant(order.confirmed_at), order.age_ms)


def curve_view(course: SaleCurve) -> schemas.SaleCurve:
    """The course of a sale."""
    return schemas.SaleCurve(
        event_id=course.event.id,
        span=course.span,
        since=instant_or_none(course.since),
        step_ms=course.step_ms,
        tickets=list(course.tickets),
        orders=course.orders,
        sold=course.sold,
        moments=[
            schemas.SaleMoment(instant(one.at), one.actor, one.action, one.subject, one.detail)
            for one in course.moments
        ],
    )
