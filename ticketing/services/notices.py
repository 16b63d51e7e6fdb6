"""What a member should know: messages to them alone, and what became of the events of which they have tickets.

The second kind is worked out when it is read: a change is one row, however many have tickets, and a member who
came later is not told what they knew when they booked.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct
from sqlalchemy.orm import Session

from ticketing.catalogue import news
from ticketing.catalogue import repository as catalogue
from ticketing.catalogue.news import News
from ticketing.catalogue.tables import CANCELLED, Event
from ticketing.clock import DAY_MS, ServerClock
from ticketing.database import Sessions, reading
from ticketing.members import repository as members
from ticketing.orders import lapsed, stakes
from ticketing.orders.stakes import Stake
from ticketing.services.cancelling import EVENT_CANCELLED as VOID_REASON
from ticketing.services.uncollected import NOT_COLLECTED as LAPSED

EVENT_MOVED, EVENT_CANCELLED, NOT_COLLECTED = "event_moved", "event_cancelled", "not_collected"

DAYS_KEPT = 90
"""How long a message is shown, and that an event was cancelled."""

_SEEN_LATE_MS = 5_000
"""A page or a program that booked may have shown, for so long, what was true before a change."""

_TEXTS = {
    EVENT_MOVED: "活动的时间或地点有变。The time or the place of this event has changed.",
    EVENT_CANCELLED: "活动已取消，您的票已作废。This event was cancelled; your tickets are void.",
    NOT_COLLECTED: "您有票没有在取票截止前领取，票已放回，额度已退还。"
    "Tickets that you did not collect in time went back; your allowance is free again.",
}


class Moved(Struct, frozen=True):
    """One thing that is not as it was when the member booked: `starts_at` (in ms) or `venue`, of a quota or of all."""

    field: str
    before: str
    after: str
    quota_id: str | None


class Told(Struct, frozen=True):
    """One message; `title` is the event's, empty where there is none; `order_id` is None unless it is about one."""

    kind: str
    text: str
    event_id: str | None
    at: int
    title: str = ""
    moved: tuple[Moved, ...] = ()
    order_id: str | None = None


class NoticeService:
    """Reads what there is to tell a member."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def of_member(self, member_id: int) -> list[Told]:
        """Everything, newest first."""
        now = self._clock.now_ms()
        with reading(self._sessions) as session:
            rows = members.notices(session, member_id, now - DAYS_KEPT * DAY_MS)
            told = [Told(row.kind, row.text, row.event_id, row.at) for row in rows]
            told += _of_events(session, member_id, now)
            told += _of_lapsed(session, member_id, now)
        return sorted(told, key=lambda one: one.at, reverse=True)


def _of_events(session: Session, member_id: int, now: int) -> Iterator[Told]:
    mine: dict[str, list[Stake]] = defaultdict(list)
    for stake in stakes.of_member(session, member_id, VOID_REASON):
        mine[stake.event_id].append(stake)
    later: dict[str, list[News]] = defaultdict(list)
    for one in news.of_events(session, mine):
        if _concerns(one, mine[one.event_id]):
            later[one.event_id].append(one)
    for event_id, heard in later.items():
        event = catalogue.get(session, event_id)
        assert event is not None, "events are never deleted"
        yield from _of_event(event, heard, now)


def _of_lapsed(session: Session, member_id: int, now: int) -> Iterator[Told]:
    gone = lapsed.of_member(session, member_id, LAPSED, now - DAYS_KEPT * DAY_MS)
    titles = catalogue.titles(session, {one.event_id for one in gone})
    for one in gone:
        text, title = _TEXTS[NOT_COLLECTED], titles[one.event_id]
        yield Told(NOT_COLLECTED, text, one.event_id, one.at, title, order_id=one.order_id)


def _concerns(one: News, mine: Sequence[Stake]) -> bool:
    """A cancel concerns all of them; a move whoever had a ticket of what moved."""
    if one.field == news.STATE:
        return True
    mine = [each for each in mine if one.quota_id in (None, each.quota_id)]
    return any(one.at + _SEEN_LATE_MS >= each.since for each in mine)


def _of_event(event: Event, heard: Sequence[News], now: int) -> Iterator[Told]:
    at = heard[-1].at
    if event.state == CANCELLED:
        if now - at < DAYS_KEPT * DAY_MS:
            yield Told(EVENT_CANCELLED, _TEXTS[EVENT_CANCELLED], event.id, at, event.title)
        return
    moved = _moved(heard)
    ends = max(event.starts_at, *(quota.starts_at or 0 for quota in event.quotas), 0)
    if moved and now < ends + DAY_MS:
        yield Told(EVENT_MOVED, _TEXTS[EVENT_MOVED], event.id, at, event.title, moved)


def _moved(heard: Sequence[News]) -> tuple[Moved, ...]:
    """From what it was at first to what it is now; what came back to where it was is no news."""
    first: dict[tuple[str | None, str], str] = {}
    last: dict[tuple[str | None, str], str] = {}
    for one in heard:
        first.setdefault((one.quota_id, one.field), one.before)
        last[one.quota_id, one.field] = one.after
    changed = [(quota, field) for (quota, field), before in first.items() if last[quota, field] != before]
    return tuple(Moved(field, first[quota, field], last[quota, field], quota) for quota, field in changed)
